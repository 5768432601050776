"""What `fleet.packages` may say: keys that are keys, and a password for a registry that is named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_mask.errors import ConfigurationError
from edge_mask.settings.load import load

PUBLIC = "untrusted comment: x\nRWTxjj/f8O0yX7dBqVFZVXb3cFvcp3YAdTWvSRKTAuWkXpBRJzFAmXDX\n"


def problems(folder: Path, packages: dict[str, Any]) -> list[str]:
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump({"fleet": {"type": "analysis", "packages": packages}, "mqtt": {"host": "b"}}))
    try:
        load(path, {})
    except ConfigurationError as error:
        return error.problems
    return []


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_all_of_it_is_taken(tmp_path: Path) -> None:
    keys = [write(tmp_path, "a.pub", PUBLIC), write(tmp_path, "b.pub", PUBLIC.splitlines()[1])]
    sources = ["oci://hub.example", "oci://hub.example:5000/x", "oci+http://localhost/x", "https://a/b/", "file:///m"]
    password = write(tmp_path, "password", "sesame\n")
    assert not problems(
        tmp_path, {"keys": keys, "sources": sources, "username": "u", "password_file": password, "max_bytes": "10MB"}
    )


@pytest.mark.parametrize(
    ("packages", "sentence"),
    [
        ({"keys": ["/no/such"]}, "there is no such file"),
        ({"keys": ["FOLDER/password"]}, "is no public key of minisign"),
        ({"sources": ["hub.example/x"]}, "is no beginning of an address"),
        ({"sources": ["http://hub.example/x"]}, "is no beginning of an address"),
        ({"sources": ["file://media"]}, "is no beginning of an address"),
        ({"sources": ["oci://u:p@hub.example/x"]}, "is no beginning of an address"),
        ({"username": "u", "password_file": "FOLDER/password"}, "must not choose who hears the password"),
        ({"sources": ["oci://h"], "password_file": "FOLDER/password"}, "a password needs a username"),
        ({"sources": ["oci://h"], "username": "u", "password_file": "/no/such"}, "there is no such file"),
        ({"ca": "FOLDER/password"}, "holds no certificate in PEM form"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, packages: dict[str, Any], sentence: str) -> None:
    write(tmp_path, "password", "sesame\n")
    found = problems(tmp_path, yaml.safe_load(yaml.safe_dump(packages).replace("FOLDER", str(tmp_path))))
    assert len(found) == 1, found
    assert "fleet.packages." in found[0]
    assert sentence in found[0]
    assert "sesame" not in found[0]


def test_a_package_that_could_not_be_installed_is_not_fetched(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, {"max_bytes": "201MB"})
    assert "fleet.packages.max_bytes" in found
    assert "200MB" in found
