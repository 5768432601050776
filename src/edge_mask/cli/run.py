"""`edge-mask run`: the daemon, in the foreground."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import add_config, positive_seconds

if TYPE_CHECKING:
    from edge_mask.app.safe_mode import SafeMode
    from edge_mask.control.component import Component
    from edge_mask.control.wishes import Wishes
    from edge_mask.observe.notify import SystemdNotifier
    from edge_mask.runtime.clock import Clock
    from edge_mask.runtime.door import Blueprint
    from edge_mask.runtime.supervisor import Supervisor
    from edge_mask.settings.load import LoadedSettings
    from edge_mask.settings.model import Settings

log = logging.getLogger(__name__)

EXIT_CONFIGURATION = 2
SWITCH_INTERVAL = 0.0005
"""Seconds until a waiting thread gets the interpreter. Python's 5 ms equal several inferences of a fast machine:
a vision thread that returns from the graph must not wait that long for a thread that writes a message."""


def add(commands: Any) -> None:
    """The `run` command."""
    parser = commands.add_parser(
        "run",
        help="the daemon, in the foreground",
        description="Looks, measures, decides, records and publishes until SIGTERM or Ctrl-C; SIGHUP reads the"
        " configuration again.",
    )
    add_arguments(parser)
    parser.set_defaults(function=_run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long it runs, and what it does when it cannot."""
    add_config(parser)
    parser.add_argument("--max-seconds", type=positive_seconds, metavar="S", help="stop cleanly after S seconds")
    parser.add_argument(
        "--until-idle",
        action="store_true",
        help="stop when every file, folder and replay is finished and the outbox is empty (or the broker away for 5 s)",
    )
    parser.add_argument(
        "--safe-mode",
        action="store_true",
        help="while the configuration is broken, serve a page that says so instead of ending (docs/safe-mode.md)",
    )


def _run(arguments: argparse.Namespace) -> int:
    return serve(arguments)


def serve(arguments: argparse.Namespace, check: "Callable[[Settings], None]" = lambda _settings: None) -> int:
    """The daemon until its end. `check` raises ConfigurationError for a configuration that it should not run with."""
    from edge_mask.errors import ConfigurationError
    from edge_mask.observe.notify import SystemdNotifier, watchdog_interval
    from edge_mask.runtime.clock import SystemClock
    from edge_mask.runtime.supervisor import Limits, Supervisor

    sys.setswitchinterval(SWITCH_INTERVAL)
    clock = SystemClock()

    def blueprint(found: "LoadedSettings") -> "Blueprint":
        check(found.settings)
        # What is to end when nothing is left to do cannot wait for a model.
        return _blueprint(found, clock, wishes, component, may_do_without_model=not arguments.until_idle)

    def plan() -> "Blueprint":
        return wishes.plan() if component is None else component.plan()

    notifier, ends_at = SystemdNotifier.from_environment(os.environ), _ends_at(arguments, clock)

    def open_door() -> Supervisor:
        left = None if ends_at is None else max(0.001, ends_at - clock.now().mono)
        limits = Limits(left, arguments.until_idle)
        made = Supervisor(plan, clock, notifier=notifier, limits=limits, feed_every=watchdog_interval(os.environ))
        made.install_signals()  # first: a SIGTERM while the model loads must also stop cleanly
        return made

    supervisor = open_door()
    from edge_mask.control.wishes import Wishes

    wishes = Wishes(arguments.config, os.environ, blueprint)
    wishes.serve(supervisor.door)
    component = _component(arguments.config, wishes)
    if component is not None:
        return _as_component(component, supervisor, wishes)
    while True:
        try:
            return _to_the_end(supervisor, wishes)
        except ConfigurationError as error:
            if not arguments.safe_mode or supervisor.door.is_told_to_stop():
                raise
            if not _safe_mode(arguments.config, clock, notifier).stay(error, ends_at):
                return EXIT_CONFIGURATION
        supervisor = open_door()
        wishes.serve(supervisor.door)


def _blueprint(
    found: "LoadedSettings",
    clock: "Clock",
    wishes: "Wishes",
    component: "Component | None",
    *,
    may_do_without_model: bool,
) -> "Blueprint":
    from edge_mask.observe import logs

    settings = found.settings
    if settings.is_only_a_sink:
        from edge_mask.errors import ConfigurationError

        raise ConfigurationError(["cameras: there is nothing to watch; this configuration is for `edge-mask sink`"])
    secrets = _secrets(settings)

    def speak() -> None:
        logs.configure(settings.log.level, settings.log.format, secrets)

    if not logging.getLogger().handlers:  # only at the start; later a refused configuration changes nothing
        speak()
        logs.let_libraries_not_wait()
    if found.refused:
        _set_aside(found)
    from edge_mask.app.plan import Plan  # heavy imports: only after the configuration is valid

    return Plan(
        settings, clock, before_build=speak, after_build=partial(_keep_good, found), refused=found.refused,
        wishes=wishes, may_do_without_model=may_do_without_model, component=component,
    )  # fmt: skip


def _as_component(component: "Component", supervisor: "Supervisor", wishes: "Wishes") -> int:
    """A nucleus restarts what ends with an error by itself: there is no safe mode."""
    from edge_mask.errors import EdgeMaskError

    try:
        return _to_the_end(supervisor, wishes)
    except EdgeMaskError:
        component.errored()
        raise
    finally:
        component.close()


def _ends_at(arguments: argparse.Namespace, clock: "Clock") -> float | None:
    return None if arguments.max_seconds is None else clock.now().mono + arguments.max_seconds


def _safe_mode(config: Path, clock: "Clock", notifier: "SystemdNotifier") -> "SafeMode":
    from edge_mask.app.drivers import rule_files
    from edge_mask.app.safe_mode import SafeMode
    from edge_mask.observe import logs
    from edge_mask.rules.rule_set import RuleSet
    from edge_mask.settings.load import load_with_overlay

    if not logging.getLogger().handlers:
        logs.configure("info", "auto", ())

    def check() -> None:
        found = load_with_overlay(config, os.environ)
        _secrets(found.settings)
        RuleSet.load(rule_files(found.settings.rules))

    return SafeMode(config, os.environ, clock, notifier, check)


def _keep_good(found: "LoadedSettings") -> None:
    """For safe mode, where there is one; without it nothing is written."""
    if not found.settings.web.enabled or not found.settings.web.safe_mode:
        return
    from edge_mask.settings import last_good

    try:
        last_good.keep(found)
    except OSError as error:
        log.warning("configuration: what runs now cannot be kept for safe mode: %s", error.strerror)


def _component(config: Path, wishes: "Wishes") -> "Component | None":
    """Where a Greengrass nucleus has started this process."""
    from edge_mask.nucleus.place import is_component

    if not is_component(os.environ):
        return None
    from edge_mask.control.component import Component
    from edge_mask.errors import Refused

    try:
        return Component(config, os.environ, wishes)
    except Refused as error:
        log.warning("the nucleus's configuration is not asked for: %s", error)
        return None


def _to_the_end(supervisor: "Supervisor", wishes: "Wishes") -> int:
    code = supervisor.run()
    wishes.stopped()
    return code


def _set_aside(found: Any) -> None:
    """Rename and report an unusable stored overlay; it must never stop the start."""
    from edge_mask.settings.overlay import set_aside

    for sentence in found.refused:
        log.warning("configuration: the overlay is not in force: %s", sentence)
    try:
        log.warning("configuration: the overlay was set aside; it lies in %s", set_aside(found.kept_at))
    except OSError as error:
        log.warning("configuration: %s cannot be set aside: %s", found.kept_at, error.strerror)


def _secrets(settings: Any) -> tuple[str, ...]:
    from edge_mask.errors import ConfigurationError

    try:
        return tuple(settings.secrets())
    except OSError as error:
        named = Path(error.filename or "").name
        raise ConfigurationError([f"mqtt.password_file: {named} cannot be read: {error.strerror}"]) from error
