"""Checks of the targets of notifications: names, secrets, and what web push needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, secret_problem, unreadable
from edge_mask.settings.notify import SECRETS, WebhookTarget, checked_address
from edge_mask.settings.variables import FromEnvironment
from edge_mask.suggest import did_you_mean
from edge_mask.yaml_file import Path as Key


def notify_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of `notify`; reads the named files."""
    targets = settings.notify.targets
    names = [target.name for target in targets]
    for index, name in enumerate(settings.notify.default):
        if name not in names:
            there = ", ".join(names) or "none"
            hint = did_you_mean(name, names)
            yield ("notify", "default", index), f'there is no target "{name}"{hint}; allowed: {there}'
    for index, target in enumerate(targets):
        key = ("notify", "targets", index)
        if target.name in names[:index]:
            yield (*key, "name"), f'"{target.name}" is taken by targets[{names.index(target.name)}]; choose another'
        yield from _secrets(key, target)
        if isinstance(target, WebhookTarget):
            yield from _address(key, target)
        if target.kind == "web-push":
            yield from _web_push(key, settings)


def _secrets(key: Key, target: Any) -> Iterator[Complaint]:
    for name in SECRETS:
        file: Path | None = getattr(target, f"{name}_file", None)
        if file is not None and getattr(target, name) is not None:
            yield (*key, name), f"is given twice; keep {name}_file or {name}"
        if file is not None:
            yield from unreadable((*key, f"{name}_file"), file, secret_problem)
    if target.kind == "telegram" and target.token is None and target.token_file is None:
        yield (
            (*key, "token_file"),
            "is missing; a bot has a token (write it into a file, or token: ${NOTIFY_TOKEN})",
        )


def _address(key: Key, target: WebhookTarget) -> Iterator[Complaint]:
    if (target.url is None) == (target.url_file is None):
        yield (*key, "url"), "either url or url_file is needed"
    elif target.url_file is not None:
        yield from unreadable((*key, "url_file"), target.url_file, _address_problem)


def _address_problem(text: str) -> str | None:
    if (problem := secret_problem(text)) is not None:
        return problem.replace("password", "address")
    try:
        checked_address(text.strip())
    except ValueError as error:
        return str(error)
    return None


def _web_push(key: Key, settings: Settings) -> Iterator[Complaint]:
    if not settings.web.enabled:
        yield key, "web push goes to browsers that asked for it on this device's page; allowed: with web.enabled: true"
    if sum(target.kind == "web-push" for target in settings.notify.targets) > 1 and key[-1]:
        first = next(n for n, target in enumerate(settings.notify.targets) if target.kind == "web-push")
        if first != key[-1]:
            yield key, f"targets[{first}] is of this kind already, and tells every browser; remove one"


def literal_secrets(data: dict[str, Any]) -> list[Complaint]:
    """Secrets of targets that stand in the file."""
    notify = data.get("notify")
    targets = notify.get("targets") if isinstance(notify, dict) else None
    found: list[Complaint] = []
    for index, target in enumerate(targets if isinstance(targets, list) else ()):
        key = ("notify", "targets", index)
        for name in SECRETS:
            value = target.get(name) if isinstance(target, dict) else None
            if value is not None and not isinstance(value, FromEnvironment):
                text = f"a {name} does not belong in this file; use {name}_file, or ${{NOTIFY_{name.upper()}}}"
                found.append(((*key, name), text))
        url = target.get("url") if isinstance(target, dict) else None
        if isinstance(url, str) and not isinstance(url, FromEnvironment) and "@" in urlsplit(url).netloc:
            text = "an address with a password does not belong in this file; use url_file, or ${NOTIFY_URL}"
            found.append(((*key, "url"), text))
    return found
