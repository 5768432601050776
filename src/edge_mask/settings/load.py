"""From a file and the environment to one frozen object, or to sentences."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_mask.errors import ConfigurationError
from edge_mask.settings.checks import complaints
from edge_mask.settings.document import PASSWORD, Document, Variable, read
from edge_mask.settings.document import Path as Key
from edge_mask.settings.explain import explain
from edge_mask.settings.model import Settings
from edge_mask.settings.schema import schema


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """The configuration in the file `path`, with `${VARIABLES}` from `environ`.

    Paths in it are relative to the working directory. Raises ConfigurationError with one sentence for each problem.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigurationError([f"{path}: there is no such file; config/ holds examples to copy"]) from error
    except IsADirectoryError as error:
        raise ConfigurationError([f"{path}: is a folder; give the file in it"]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            [f"{path}: byte {error.start + 1} is not UTF-8 text; save the file as UTF-8"]
        ) from error
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error
    return parse(text, str(path), environ)


def parse(text: str, name: str, environ: Mapping[str, str]) -> Settings:
    """The same for a YAML text; `name` is what the sentences call it."""
    document = read(text, name, environ)
    if document.problems:
        raise ConfigurationError(document.problems)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise ConfigurationError([document.sentence((), "holds no settings; allowed: device, cameras, mqtt, …")])
    settings = _validate(data, document)
    problems = [document.sentence(key, text) for key, text in _complaints(data, settings, name)]
    if problems:
        raise ConfigurationError(problems)
    return settings


def _validate(data: dict[str, Any], document: Document) -> Settings:
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(explain(error, document, schema())) from None  # its text would hold what was found


def _complaints(data: dict[str, Any], settings: Settings, name: str) -> list[tuple[Key, str]]:
    """What no single key shows."""
    found = [*_literal_password(data), *complaints(settings)]
    with suppress(ValueError):  # a zero byte: opening the database says so
        if os.path.realpath(settings.outbox.path) == os.path.realpath(name):
            text = "is this configuration itself; allowed: a file of its own for the database"
            found.append((("outbox", "path"), text))
    return found


def _literal_password(data: dict[str, Any]) -> list[tuple[Key, str]]:
    """No part of the password may stand in the file: not beside a variable, and not as its default."""
    password = (data.get("mqtt") or {}).get("password")
    if password is None or isinstance(password, Variable):
        return []
    return [(PASSWORD, "a password does not belong in this file; use password_file, or ${MQTT_PASSWORD}")]
