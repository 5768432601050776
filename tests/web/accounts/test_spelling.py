"""What may be a name and a password; no sentence repeats a password."""

import unicodedata
from typing import Literal

import pytest

from edge_mask.errors import Refused
from edge_mask.web.accounts.scopes import scopes_from
from edge_mask.web.accounts.spelling import LONGEST_NAME, LONGEST_PASSWORD, name_of, new_password, password_of


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


MARKS = "a" + "\u0344" * 15_000 + "\u0327" * 15_000
"""Put in order, they hold every thread for seconds."""


@pytest.fixture
def normalised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of each text that is normalised."""
    lengths: list[int] = []
    real = unicodedata.normalize

    def normalize(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        lengths.append(len(text))
        return real(form, text)

    monkeypatch.setattr("edge_mask.web.accounts.spelling.unicodedata.normalize", normalize)
    return lengths


def test_a_text_of_many_marks_is_too_long_before_it_is_normalised(normalised: list[int]) -> None:
    with pytest.raises(Refused, match="cannot be a name"):
        name_of(MARKS)
    assert password_of(MARKS) == MARKS
    with pytest.raises(Refused, match="has 30001 characters"):
        new_password(MARKS, "ann")
    assert max(normalised, default=0) <= 4 * LONGEST_PASSWORD


def test_the_longest_name_and_password_may_be_typed_in_the_most_signs() -> None:
    most = "\u1f82"  # alpha with three marks: four signs, the most there are
    assert len(unicodedata.normalize("NFD", most)) == 4
    typed = unicodedata.normalize("NFD", most * LONGEST_PASSWORD)
    assert new_password(typed, "ann") == most * LONGEST_PASSWORD
    name = "\uac01" * LONGEST_NAME
    assert name_of(unicodedata.normalize("NFD", name)) == name
