"""How names and passwords may look; what is wrong is said in a sentence that never repeats a password."""

import unicodedata
from typing import Final, Literal

from edge_mask.errors import Refused

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 256
LONGEST_NAME: Final = 64

_SIGNS: Final = 4
"""Into how many signs a character may be taken apart before it is put together (Unicode, NFC). What is longer than
that is not looked at: to put many marks in order takes time that grows with their square, and holds all threads."""
_NAME_ALLOWED: Final = f"allowed: up to {LONGEST_NAME} letters, digits, '.', '-', '_' or '@', a letter or digit first"


def name_of(text: str) -> str:
    """The name as it is kept: without regard to case, as one spelling of its letters. Raises Refused."""
    short = text if len(text) <= _SIGNS * LONGEST_NAME else ""
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", short).casefold())
    if not name or len(name) > LONGEST_NAME or not name[0].isalnum() or not all(map(_is_of_a_name, name)):
        raise Refused(f"{text[:LONGEST_NAME]!r} cannot be a name; {_NAME_ALLOWED}")
    return name


def password_of(text: str) -> str:
    """The password as it is hashed: the same for a keyboard that writes é, or a Korean syllable, as several signs.

    What is too long for a password stays as it is."""
    return unicodedata.normalize("NFC", text) if len(text) <= _SIGNS * LONGEST_PASSWORD else text


class Unfit(Refused):
    """A new password that cannot be used; `why` is the key of a text on the page."""

    def __init__(self, why: Literal["control", "length", "name"], text: str) -> None:
        super().__init__(text)
        self.why = why


def new_password(text: str, name: str) -> str:
    """A password that somebody chose, fit for use. Raises Unfit."""
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise Unfit("control", "the password holds a control character, such as a line break, or half a character")
    password = password_of(text)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        allowed = (
            f"allowed: {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}, and a few words with blanks are easy to keep in mind"
        )
        raise Unfit("length", f"the password has {len(password)} characters; {allowed}")
    if password.casefold().replace(name, "").strip() == "":
        raise Unfit("name", "the password is the name; choose something that others cannot guess")
    return password


def _is_of_a_name(sign: str) -> bool:
    return sign.isalnum() or sign in ".-_@" or unicodedata.category(sign) in ("Mn", "Mc")
