"""The configuration's text: YAML with `${VARIABLES}` of the environment."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from edge_mask import yaml_file
from edge_mask.yaml_file import Document, Path

PASSWORD: Path = ("mqtt", "password")
"""The one value that must not be in the file, not even as the default of a variable."""

_VARIABLE = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}")


_IN_LOGIN = (re.compile(r"://[^/?#\s]*$"), re.compile(r"[^/?#\s]*@"))
"""The text before and after user or password in an address: `//viewer:${PASSWORD}@`."""
_IN_QUERY = (re.compile(r"://[^?#\s]*\?[^#\s]*=$"), re.compile(r"&|#|$"))
"""The same for a value of its query: `?user=viewer&pwd=${PASSWORD}`."""


def _encoded(found: str, text: str, variable: re.Match[str]) -> str:
    """The value of a variable, percent-encoded inside the login or query of an address.

    A password may contain `/`, `#` or `%`; inserted raw, they would change the meaning of the address.
    """
    before, after = (_VARIABLE.sub("x", part) for part in (text[: variable.start()], text[variable.end() :]))
    is_inside = any(begin.search(before) and end.match(after) for begin, end in (_IN_LOGIN, _IN_QUERY))
    return quote(found, safe=":") if is_inside else found


def names_in(text: str) -> list[str]:
    """The variables that a text of the file takes its value from."""
    return [found["name"] for found in _VARIABLE.finditer(text) if not found["escaped"]]


class FromEnvironment(str):
    """A value that comes from `${NAME}` alone: the file contains no part of it, not even a default."""

    __slots__ = ()


def read(text: str, name: str, environ: Mapping[str, str]) -> Document:
    """Read a YAML text with `${VARIABLES}`. Never raises: look at `problems`."""

    def substituted(document: Document, path: Path, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match["escaped"]:
                return match[0][1:]
            found = environ.get(match["name"]) or (match["default"] or "")[2:]
            if not found and match["default"] is None:
                document.complain(path, _missing(match["name"], path, environ))
            return _encoded(found, text, match)

        made = _VARIABLE.sub(value, text)
        whole = _VARIABLE.fullmatch(text)
        is_variable = whole is not None and whole["escaped"] is None and whole["default"] is None
        return FromEnvironment(made) if is_variable else made

    return yaml_file.read(text, name, on_text=substituted)


def _missing(name: str, path: Path, environ: Mapping[str, str]) -> str:
    state = "is empty" if name in environ else "is not set"
    own = str(path[-1]) if path and path[-1] in ("token", "secret") else ""
    secret = "password" if path == PASSWORD else own
    remedy = f"set it, or use {secret}_file" if secret else f"set it, or give a default: ${{{name}:-…}}"
    return f"the environment variable {name} {state}; {remedy}"
