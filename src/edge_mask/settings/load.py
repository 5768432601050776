"""Reads file, environment and overlay into one frozen object, or into sentences about problems."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_mask.errors import ConfigurationError
from edge_mask.settings import overlay as overlays
from edge_mask.settings.checks import complaints
from edge_mask.settings.explain import explain
from edge_mask.settings.idle import Remark, remarks
from edge_mask.settings.model import Settings
from edge_mask.settings.notify_checks import literal_secrets
from edge_mask.settings.overlay import Layers, Overlay
from edge_mask.settings.places import foreign
from edge_mask.settings.schema import schema
from edge_mask.settings.sink_checks import literal_password
from edge_mask.settings.variables import PASSWORD, FromEnvironment, read
from edge_mask.yaml_file import Document
from edge_mask.yaml_file import Path as Key


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The configuration of the daemon: the file, and the stored overlay."""

    settings: Settings
    overlay: Overlay
    kept_at: Path
    """Where the overlay is stored."""
    refused: tuple[str, ...] = ()
    """Why the stored overlay is not active, in sentences; empty when it is."""
    remarks: tuple[str, ...] = ()
    """Sentences about written keys that do nothing on this device, or less than they say."""
    document: Document | None = None
    """What the file said when it was read."""


def load(
    path: Path, environ: Mapping[str, str], overlay: Overlay | None = None, *, instead_of: Settings | None = None
) -> Settings:
    """The configuration in the file `path`, with `${VARIABLES}` from `environ` and `overlay` on top.

    With `instead_of`, what holds until now, the overlay comes from outside: it may name no other places on this device.
    Paths in it are relative to the working directory. Raises ConfigurationError with one sentence for each problem.
    """
    return _settings(document_of(path, environ), overlay or Overlay(), instead_of)[0]


def load_with_overlay(path: Path, environ: Mapping[str, str]) -> LoadedSettings:
    """The same with the stored overlay; an unusable one is left out and reported. Changes nothing."""
    document = document_of(path, environ)
    kept_at = overlays.kept_at(document.data)
    try:
        overlay = overlays.read_kept(kept_at)
        if overlay.config:
            settings, told = _settings(document, overlay)
            return LoadedSettings(settings, overlay, kept_at, remarks=told, document=document)
        refused: tuple[str, ...] = ()
    except ConfigurationError as error:
        overlay, refused = Overlay(), tuple(error.problems)
    settings, told = _settings(document, Overlay())
    return LoadedSettings(settings, overlay, kept_at, refused, told, document)


def overlay_of(path: Path, environ: Mapping[str, str]) -> tuple[Overlay, Path]:
    """The stored overlay, whether it can be used or not, and its place; one that cannot be read is empty."""
    kept_at = overlays.kept_at(document_of(path, environ).data)
    try:
        return overlays.read_kept(kept_at), kept_at
    except ConfigurationError:
        return Overlay(), kept_at


def parse(text: str, name: str, environ: Mapping[str, str], overlay: Overlay | None = None) -> Settings:
    """The same for a YAML text; `name` is what the sentences call it."""
    return _settings(read(text, name, environ), overlay or Overlay())[0]


def document_of(path: Path, environ: Mapping[str, str]) -> Document:
    """What the file says. Raises ConfigurationError when it cannot be read at all."""
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
    return read(text, str(path), environ)


def _settings(
    document: Document, overlay: Overlay, instead_of: Settings | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """The settings, and sentences about what does nothing in them."""
    if document.problems:
        raise ConfigurationError(document.problems)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise ConfigurationError([document.sentence((), "holds no settings; allowed: device, cameras, mqtt, …")])
    layers = Layers(document, overlay)
    settings = _validated(overlay.over(data), layers)
    if instead_of is not None:  # before anything is read at the places that are named
        _check_places(settings, instead_of, data, layers)
    said = tuple(remarks(settings))
    faults = _faults_of_the_file(said, data, overlay)
    found = [*_literal_password(data), *_own_file(settings, document.name), *complaints(settings)]
    complained = {key for key, _ in found}
    found += [(each.key, each.text) for each in faults if each.key not in complained]
    problems = [layers.sentence(key, text) for key, text in found]
    if problems:
        raise ConfigurationError(problems)
    return settings, tuple(layers.sentence(each.key, each.text) for each in said)


def _check_places(settings: Settings, before: Settings, data: dict[str, Any], layers: Layers) -> None:
    """Raises NotFromOutside."""
    known = [before]
    with suppress(ValidationError):  # the overlay mends the file, and what holds is known all the same
        known.append(Settings.model_validate(data))
    if found := [layers.sentence(key, text) for key, text in foreign(settings, *known)]:
        raise overlays.NotFromOutside(found)


def _faults_of_the_file(said: tuple[Remark, ...], data: dict[str, Any], overlay: Overlay) -> list[Remark]:
    """Those that the file has by itself. An overlay may set a key before the one that it belongs to, or for a while
    take away what a key of the file needs: it is not refused for that."""
    faults = [each for each in said if each.is_fault]
    if not overlay.config or not faults:
        return faults
    try:
        alone = {each.key for each in remarks(Settings.model_validate(data)) if each.is_fault}
    except ValidationError:  # the overlay mends the file: then nobody knows what it means by itself
        return []
    return [each for each in faults if each.key in alone and not overlay.gives(each.key)]


def _validated(data: dict[str, Any], layers: Layers) -> Settings:
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(explain(error, layers, schema())) from None  # its text would show values


def _own_file(settings: Settings, name: str) -> list[tuple[Key, str]]:
    with suppress(ValueError):  # a zero byte: opening the database says so
        if os.path.realpath(settings.outbox.path) == os.path.realpath(name):
            return [(("outbox", "path"), "is this configuration itself; allowed: a file of its own for the database")]
    return []


def _literal_password(data: dict[str, Any]) -> list[tuple[Key, str]]:
    """No part of a secret may stand in the file: not beside a variable, and not as its default."""
    found = [*literal_secrets(data), *literal_password(data)]
    password = (data.get("mqtt") or {}).get("password")
    if password is None or isinstance(password, FromEnvironment):
        return found
    text = "a password does not belong in this file; use password_file, or ${MQTT_PASSWORD}"
    return [(PASSWORD, text), *found]
