"""`edge-mask run`: the daemon, in the foreground."""

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import add_config, positive_seconds

if TYPE_CHECKING:
    from edge_mask.control.component import Component
    from edge_mask.control.wishes import Wishes
    from edge_mask.runtime.supervisor import Supervisor
    from edge_mask.settings.load import LoadedSettings

log = logging.getLogger(__name__)

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
    add_config(parser)
    parser.add_argument("--max-seconds", type=positive_seconds, metavar="S", help="stop cleanly after S seconds")
    parser.add_argument(
        "--until-idle",
        action="store_true",
        help="stop when every file, folder and replay is finished and the outbox is empty (or the broker away for 5 s)",
    )
    parser.set_defaults(function=_run)


def _run(arguments: argparse.Namespace) -> int:
    from edge_mask.errors import EdgeMaskError
    from edge_mask.observe.notify import SystemdNotifier, watchdog_interval
    from edge_mask.runtime.clock import SystemClock
    from edge_mask.runtime.door import Blueprint
    from edge_mask.runtime.supervisor import Limits, Supervisor

    sys.setswitchinterval(SWITCH_INTERVAL)
    clock = SystemClock()

    def blueprint(found: "LoadedSettings") -> Blueprint:
        from edge_mask.observe import logs

        settings = found.settings
        secrets = _secrets(settings)

        def speak() -> None:
            logs.configure(settings.log.level, settings.log.format, secrets)

        if not logging.getLogger().handlers:  # only at the start; later a refused configuration changes nothing
            speak()
            logs.let_libraries_not_wait()
        if found.refused:
            _set_aside(found)
        from edge_mask.app.plan import Plan  # heavy imports: only after the configuration is valid

        return Plan(settings, clock, before_build=speak, refused=found.refused, wishes=wishes, component=component)

    def plan() -> Blueprint:
        return wishes.plan() if component is None else component.plan()

    supervisor = Supervisor(
        plan,
        clock,
        notifier=SystemdNotifier.from_environment(os.environ),
        limits=Limits(arguments.max_seconds, arguments.until_idle),
        feed_every=watchdog_interval(os.environ),
    )
    supervisor.install_signals()  # first: a SIGTERM while the model loads must also stop cleanly
    from edge_mask.control.wishes import Wishes

    wishes = Wishes(arguments.config, os.environ, blueprint)
    wishes.serve(supervisor.door)
    component = _component(arguments.config, wishes)
    if component is None:
        return _to_the_end(supervisor, wishes)
    try:
        return _to_the_end(supervisor, wishes)
    except EdgeMaskError:
        component.errored()
        raise
    finally:
        component.close()


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
