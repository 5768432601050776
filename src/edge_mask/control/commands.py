"""The commands of a house, by name: what each does with a request."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, get_args

from edge_mask import __version__
from edge_mask.control.clerk import Answer, Command
from edge_mask.control.futures import mapped
from edge_mask.control.request import Rejected, Request, shown
from edge_mask.control.wishes import Action, Applied, Model, Models, Outdated, Wishes
from edge_mask.errors import ConfigurationError, TryLater
from edge_mask.settings.overlay import NotFromOutside

_ACTIONS = tuple(action for action in get_args(Action) if action != "install")
"""What a request can ask for: a package comes by an IoT job or by `edge-mask model install`."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What the house lends to its commands."""

    wishes: Wishes
    infer: Command
    snapshot: Command
    erase: Command
    history: Command
    picture: Command
    figures: Callable[[], Mapping[str, Any]]
    """What `health` says."""
    parts: Callable[[], list[dict[str, str]]]
    """How each part is, as `edge-mask check` says it."""

    def by_name(self) -> dict[str, Command]:
        """Every command."""
        return {
            "infer": self.infer,
            "snapshot": self.snapshot,
            "status": self._status,
            "reload": self._reload,
            "configure": self._configure,
            "model": self._model,
            "erase": self.erase,
            "history": self.history,
            "picture": self.picture,
        }

    def _status(self, _request: Request) -> Answer:
        now = self.wishes.in_force()
        model = " ".join(now.model) if now.model else None
        told = {"version": __version__, "model": model, "config_version": now.version, "parts": self.parts()}
        return {**self.figures(), **told}

    def _reload(self, _request: Request) -> "Future[Answer]":
        return mapped(self.wishes.reload(), lambda applied: {"changed": list(applied.changed)})

    def _configure(self, request: Request) -> "Future[Answer]":
        wish = request.fields.get("set")
        if not isinstance(wish, dict):
            raise Rejected("bad_request", f"set: found {shown(wish)}; allowed: a part of the configuration, an object")
        upon = request.fields.get("config_version")
        if upon is not None and (not isinstance(upon, int) or isinstance(upon, bool)):
            raise Rejected("bad_request", f"config_version: found {shown(upon)}; allowed: a whole number")
        return rejecting(self.wishes.configure(wish, "command configure", upon=upon, is_answered=True), _configured)

    def _model(self, request: Request) -> "Future[Answer]":
        action = request.text("action")
        if action not in _ACTIONS:
            raise Rejected("bad_request", f"action: found {shown(action)}; allowed: {', '.join(_ACTIONS)}")
        name, version = request.text("name"), request.text("version")
        future = self.wishes.model(action, name, version)  # type: ignore[arg-type]  # one of _ACTIONS
        if future.done() and isinstance(future.exception(), TryLater):
            raise Rejected("busy", str(future.exception()))
        return mapped(future, _as_answer)


def _configured(applied: Applied) -> Answer:
    return {"config_version": applied.in_force.version, "changed": list(applied.changed)}


def _as_answer(models: Models) -> Answer:
    active = None if models.active is None else _named(models.active)
    return {"active": active, "installed": [_named(model) for model in models.installed]}


def _named(model: Model) -> dict[str, str]:
    return {"name": model[0], "version": model[1]}


def rejecting(wished: "Future[Applied]", answer: Callable[[Applied], Answer]) -> "Future[Answer]":
    """A wrong value is the mistake of whoever wished it; a house that cannot be built is a failure."""

    def why(error: BaseException) -> BaseException:
        match error:
            case NotFromOutside():
                return Rejected("not_allowed", str(error))
            case ConfigurationError() | Outdated():
                return Rejected("bad_request", str(error))
            case _:
                return error

    told: Future[Answer] = Future()
    told.set_running_or_notify_cancel()

    def pass_on(first: "Future[Applied]") -> None:
        if (error := first.exception()) is not None:
            told.set_exception(why(error))
        else:
            told.set_result(answer(first.result()))

    wished.add_done_callback(pass_on)
    return told
