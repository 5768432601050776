"""Links that lead where they should, and back after the login, and nowhere else."""

import pytest

from edge_mask.web.links import safe_next


@pytest.mark.parametrize("wanted", ["visits", "visits/018f?x=1&y=2", "visits?from=2026-01-01T00%3A00", "a/b/c"])
def test_after_the_login_a_page_of_ours_is_shown(wanted: str) -> None:
    assert safe_next(wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    ["http://evil.test", "//evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)", "%2f%2fevil.test",
     "/etc", "../up", "a/../../up", "a\nb", "x" * 2000, "data:text/html,x", "https:evil.test", "./x", "%5c%5cx", None],
)  # fmt: skip
def test_after_the_login_nobody_is_sent_elsewhere(wanted: str | None) -> None:
    assert safe_next(wanted) == ""
