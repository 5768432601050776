"""What may be a name and a password; no sentence repeats a password."""

import unicodedata

import pytest

from edge_mask.errors import Refused
from edge_mask.web.accounts.scopes import scopes_from
from edge_mask.web.accounts.spelling import name_of, new_password


@pytest.mark.parametrize(
    ("typed", "kept"), [("Ann", "ann"), ("ann.b-c_d@x", "ann.b-c_d@x"), ("김철수", "김철수"), ("7", "7")]
)
def test_a_name_is_the_same_however_it_is_typed(typed: str, kept: str) -> None:
    assert name_of(typed) == kept
    assert name_of(unicodedata.normalize("NFD", typed)) == kept


@pytest.mark.parametrize("typed", ["", " ", "-ann", ".", "a b", "a\nb", "a\0", "a/b", "<b>", "x" * 65, "a\ud800"])
def test_what_is_no_name_is_told_with_what_is_allowed(typed: str) -> None:
    with pytest.raises(Refused, match="cannot be a name; allowed: up to 64 letters"):
        name_of(typed)


@pytest.mark.parametrize(
    "typed", ["correct horse battery", "비밀번호는 길어야 합니다", "🐎" * 12, "x" * 256, " a b c d e f "]
)
def test_words_of_any_language_make_a_password(typed: str) -> None:
    assert new_password(typed, "ann") == unicodedata.normalize("NFC", typed)
    assert new_password(unicodedata.normalize("NFD", typed), "ann") == new_password(typed, "ann")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "has 0 characters; allowed: 12 to 256"),
        ("elevenchars", "has 11 characters"),
        ("x" * 257, "has 257 characters"),
        ("x" * 60_000, "has 60000 characters"),
        ("correct\0horse battery", "control character"),
        ("correct horse\nbattery", "control character"),
        ("correct horse \ud800 battery", "half a character"),
        ("Guard-of-the-gate", "is the name"),
        ("guard-of-the-gateguard-of-the-gate", "is the name"),
    ],
)
def test_an_unfit_password_is_refused_with_a_sentence_that_does_not_repeat_it(typed: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        new_password(typed, "guard-of-the-gate")
    assert len(typed) < 2 or typed not in str(refused.value)


def test_a_misspelt_scope_is_told_with_the_one_that_was_meant() -> None:
    assert scopes_from("read, metrics") == {"read", "metrics"}
    with pytest.raises(Refused, match=r'"infr" is no scope; .* did you mean infer'):
        scopes_from("read,infr")
    with pytest.raises(Refused):
        scopes_from("")
