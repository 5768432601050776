"""Carries out what a shadow or a job asks for. Everything ends in a future, with what is worth telling of it."""

from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from edge_mask.control.cloud.fetch import fetched
from edge_mask.control.cloud.job_document import Deploy, Install, Operation, Reload, Set
from edge_mask.control.cloud.taking_over import NO_PACKAGES
from edge_mask.control.futures import failed, mapped
from edge_mask.control.wishes import Applied, Ended, Models, Wishes
from edge_mask.errors import ModelError, Refused
from edge_mask.runtime.apart import apart
from edge_mask.runtime.clock import Clock
from edge_mask.wire.fleet_models import Desired

Details = Mapping[str, str]


def do(operation: Operation, wishes: Wishes, folder: Path, clock: Clock) -> "Future[Details]":
    """`folder` is where a fetched package may lie for a while."""
    match operation:
        case Reload():
            return mapped(wishes.reload(), _told)
        case Set(part=part):
            return mapped(wishes.configure(part, "job"), _told)
        case Install():
            return apart("install-model", lambda: _install(operation, wishes, folder, clock))
        case Deploy(wanted=wanted):
            if wishes.package is None:
                return failed(Refused(NO_PACKAGES))
            return mapped(wishes.package(wanted, "job"), partial(_deployed, wanted))


def _deployed(wanted: Desired, ended: Ended) -> Details:
    if ended.state != "active":
        raise Refused(f"{ended.state}: {ended.error or 'nobody knows why'}")
    return {"active": f"{wanted.name} {wanted.version}", "installed": f"{wanted.name} {wanted.version}"}


def activate(name: str, version: str, wishes: Wishes) -> "Future[Models]":
    """Its package is verified first, which takes a while."""
    return apart("activate-model", lambda: wishes.model("activate", name, version).result())


def _install(wanted: Install, wishes: Wishes, folder: Path, clock: Clock) -> Details:
    """A package that is installed already is not fetched again, unless it is broken: so the job may be repeated."""
    name, version = wanted.name, wanted.version
    is_here = (name, version) in wishes.model("list").result().installed
    if is_here:
        try:
            return _chosen(wanted, wishes)
        except ModelError:
            pass  # broken: what is fetched repairs it
    with fetched(wanted.source, wanted.sha256, folder, clock) as zipped:
        wishes.model("install", name, version, source=zipped).result()
    return _chosen(wanted, wishes)


def _chosen(wanted: Install, wishes: Wishes) -> Details:
    if wanted.activate:
        found = wishes.model("activate", wanted.name, wanted.version).result()
    else:
        found = wishes.model("list").result()
    return {"active": " ".join(found.active or ()) or "none", "installed": f"{wanted.name} {wanted.version}"}


def _told(applied: Applied) -> Details:
    return {"config_version": str(applied.in_force.version), "changed": ", ".join(applied.changed) or "nothing"}
