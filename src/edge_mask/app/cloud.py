"""The part that speaks with the cloud's shadows and jobs, where that is wanted."""

import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from edge_mask import __version__
from edge_mask.control.cloud.fetch import clean
from edge_mask.control.cloud.job_memory import JobMemory
from edge_mask.control.cloud.jobs import Jobs
from edge_mask.control.cloud.seen import SeenShadow
from edge_mask.control.cloud.shadow import WishShadow
from edge_mask.control.cloud.tables import Tables
from edge_mask.control.cloud.taking_over import ORIGIN, TakingOver
from edge_mask.control.cloud.wished import Memory
from edge_mask.control.cloud.worker import Cloud
from edge_mask.control.futures import mapped
from edge_mask.control.kept import Kept
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.recording.mail import Inbox
from edge_mask.recording.requests import ReadShadow
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings
from edge_mask.wire.fleet_models import Desired
from edge_mask.wire.topics import WISHES, JobTopics, ShadowTopics


def cloud_for(settings: Settings, transport: BrokerTransport, wishes: Wishes, inbox: Inbox, clock: Clock) -> Cloud:
    """The worker for shadow, jobs or both."""
    has_shadow, has_jobs = settings.uses_shadow, settings.uses_jobs
    thing, database = settings.device.thing_name, settings.outbox.path
    key = ("cloud", thing, database, has_shadow, has_jobs)
    tables = wishes.lasting(key, partial(_tables, thing, database, wishes, has_shadow=has_shadow, has_jobs=has_jobs))
    seen = SeenShadow(ShadowTopics(thing)) if has_shadow else None
    folder, look = database.resolve().parent, partial(_look, thing, inbox)
    return Cloud(tables, seen, transport, wishes, folder, look, inbox.emit, clock)


def _tables(thing: str, database: Path, wishes: Wishes, *, has_shadow: bool, has_jobs: bool) -> Tables:
    new_token = partial(_token, secrets.token_hex(4), count(1))
    wish = jobs = None
    if has_shadow:
        memory = Memory(Kept(Path(f"{database}.shadow.json")))
        taking = TakingOver(memory, wishes.in_force, partial(_take, wishes))
        topics = ShadowTopics(thing, WISHES)
        wish = WishShadow(topics, taking, wishes.in_force, program=__version__, new_token=new_token)
    if has_jobs:
        clean(database.resolve().parent)
        jobs = Jobs(JobTopics(thing), JobMemory(Kept(Path(f"{database}.jobs.json"))), new_token=new_token)
    return Tables(wish, jobs)


def _take(wishes: Wishes, package: Desired | None) -> bool:
    if wishes.package is not None:
        wishes.package(package, ORIGIN)
    return wishes.package is not None


def _token(process: str, numbers: "count[int]") -> str:
    """Differs from those of other processes: answers to those mean nothing here."""
    return f"edge-mask-{process}-{next(numbers)}"


def _look(thing: str, inbox: Inbox) -> "Future[Mapping[str, Any] | None]":
    """What the local shadow reports."""
    request = ReadShadow(thing)
    inbox.ask(request)
    return mapped(request.answer, _reported)


def _reported(document: dict[str, Any] | None) -> Mapping[str, Any]:
    reported = (document or {}).get("state", {}).get("reported")
    return reported if isinstance(reported, Mapping) else {}
