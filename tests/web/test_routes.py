"""Every route of the table, walked: nothing is served to whoever shows nothing, but what is meant to be."""

import re
from pathlib import Path

import pytest
from tests.web.asking import asking, site

from edge_mask.web.access import Guarded, Needs
from edge_mask.web.application import application

OPEN = {"/healthz", "/login", "/manifest.webmanifest", "/sw.js"}
"""And static files."""


def table(folder: Path) -> list[Guarded]:
    found = []
    for route in application(site(folder)).routes:
        assert isinstance(route, Guarded), f"{route} was not made by `guarded`"
        found.append(route)
    return found


def path_of(route: Guarded) -> str:
    """The path with something in the place of each parameter."""
    return re.sub(r"\{\w+(:\w+)?\}", "1", route.path)


def test_every_route_says_what_it_needs_and_few_need_nothing(tmp_path: Path) -> None:
    paths = {route.path for route in table(tmp_path) if route.needs is Needs.OPEN}
    assert {path for path in paths if not path.startswith("/static/")} <= OPEN


def test_no_route_answers_to_whoever_shows_nothing(tmp_path: Path) -> None:
    stranger = asking(site(tmp_path))
    routes = table(tmp_path)
    walked = 0
    for route in routes:
        for method in route.methods or ():
            if route.needs is Needs.OPEN:
                continue
            headers = {"origin": "http://127.0.0.1:8080"}
            answer = stranger.ask(method, path_of(route), headers=headers)
            walked += 1
            if route.needs.is_page and method in ("GET", "HEAD"):
                assert answer.status == 303, route
                assert re.match(r"(\./|(\.\./)+)login\?next=|\./login$", answer.headers["location"]), route
            else:
                assert answer.status == 401, route
                assert answer.headers["www-authenticate"].startswith("Bearer"), route
                assert answer.headers["content-type"] == "application/problem+json" or method == "HEAD", route
    assert walked


@pytest.mark.parametrize("bearer", ["read", "infer", "control", "metrics"])
def test_a_token_opens_what_its_scope_names_and_nothing_else(tmp_path: Path, bearer: str) -> None:
    program = asking(site(tmp_path), bearer=bearer)
    for route in table(tmp_path):
        if route.needs in (Needs.OPEN, Needs(bearer)):
            continue
        for method in route.methods or ():
            assert program.ask(method, path_of(route)).status == 403, route
