"""The description of HTTP: valid, committed, served, and of exactly the routes that there are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate
from tests.web.asking import asking, site

from edge_mask.cli import main
from edge_mask.web.access import Guarded, Needs
from edge_mask.web.application import application
from edge_mask.web.openapi import document, text

DESCRIBED = ("/api/", "/mask/", "/metrics", "/openapi.yaml", "/healthz")
"""Where programs ask; the rest are pages for people."""
COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.yaml"


def test_the_committed_document_is_the_one_that_is_served_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = COMMITTED.read_text(encoding="utf-8")
    assert committed == text(), "edge-mask schema http > docs/openapi.yaml"
    assert main(["schema", "http"]) == 0
    assert capsys.readouterr().out == committed
    reader = asking(site(tmp_path), bearer="read")
    answer = reader.get("/openapi.yaml")
    assert (answer.status, answer.text) == (200, committed)
    assert answer.headers["content-type"].startswith("application/yaml")
    assert reader.get("/openapi.yaml", if_none_match=answer.headers["etag"]).status == 304


def test_the_document_is_valid() -> None:
    validate(document())


def test_no_text_of_it_was_cut_at_a_comma() -> None:
    def keys(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [*map(str, part), *(each for value in part.values() for each in keys(value))]
        return [each for value in part for each in keys(value)] if isinstance(part, list) else []

    assert [each for each in keys(yaml.safe_load(text())) if " " in each] == []


def test_every_route_for_programs_stands_in_it_and_the_reverse(tmp_path: Path) -> None:
    there = set()
    for route in application(site(tmp_path)).routes:
        assert isinstance(route, Guarded)
        if route.path.startswith(DESCRIBED):
            there |= {(method, re.sub(r":\w+}", "}", route.path)) for method in route.methods or () if method != "HEAD"}
    told = {
        (method.upper(), path)
        for path, operations in document()["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert told == there


def test_what_a_route_needs_stands_in_it(tmp_path: Path) -> None:
    """Open routes say so; scopes other than `read` are named."""
    paths = document()["paths"]
    tags = {tag["name"]: tag.get("description", "") for tag in document()["tags"]}
    for route in application(site(tmp_path)).routes:
        assert isinstance(route, Guarded)
        for method in (route.methods or set()) - {"HEAD"} if route.path in paths else ():
            told = paths[route.path][method.lower()]
            assert (told.get("security") == []) == (route.needs is Needs.OPEN), route.path
            if route.needs is not Needs.OPEN:
                said = told.get("description", "") + tags[told["tags"][0]]
                assert f"`{route.needs.value}`" in said, route.path
                assert {"401", "403"} <= told["responses"].keys(), route.path
