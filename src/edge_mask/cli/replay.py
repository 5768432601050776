"""`edge-mask replay`: decides a stored visit again from its record, with the program of today."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import a_name, add_config, add_json, settings_of
from edge_mask.plural import counted

if TYPE_CHECKING:
    from edge_mask.decide.record import Again, Record, Step


def add(commands: Any) -> None:
    """The `replay` command."""
    parser = commands.add_parser(
        "replay",
        help="decide a stored visit again from its record",
        description="Shows the looks that a visit was decided on and decides it again with this program, from the"
        " settings and the model's answers in its record. Exit code 1 when the answer is another one.",
    )
    parser.add_argument("visit", type=a_name, metavar="VISIT_ID", help="as `edge-mask history` shows it")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(function=_replay)


def _replay(arguments: argparse.Namespace) -> int:
    from edge_mask.decide.record import as_data, decide_again, differences, unpack  # heavy: not for --help
    from edge_mask.errors import Refused
    from edge_mask.ledger.reader import Reader

    settings = settings_of(arguments)
    reader = Reader(settings.outbox.path)
    found = reader.visit(arguments.visit)
    if found is None:
        raise Refused(f"{arguments.visit}: there is no such visit; edge-mask history shows their ids")
    visit, packed = found
    if damaged := visit.get("damaged"):
        raise Refused(f"{arguments.visit}: its row is damaged ({', '.join(damaged)}): what was said is not known")
    if packed is None:
        raise Refused(f"{arguments.visit}: has no record; it was stored by an edge-mask that kept none")
    try:
        record = unpack(packed)
        again = decide_again(record)
    except Refused as error:
        raise Refused(f"{arguments.visit}: {error}") from error
    differs = differences(visit, again)
    second = reader.amendments(arguments.visit)
    if arguments.json:
        told = {"visit": visit, **as_data(record, again, differs), "second_looks": second}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for line in (*_as_text(visit, record, again, settings.device.zone), *map(_second_look, second)):
            print(line)
        print(f"differs: {'; '.join(differs)}" if differs else "same")
    return 1 if differs else 0


# -- as text ---------------------------------------------------------------------------------------------


def _as_text(visit: dict[str, Any], record: "Record", again: "Again", zone: tzinfo) -> Iterator[str]:
    from edge_mask import __version__
    from edge_mask.decide.record import weighed

    when = datetime.fromtimestamp(visit["visited"], zone).isoformat(timespec="milliseconds")
    made = record.made_by
    yield f"visit {visit['id']}  {visit['camera']}  {when}{'' if record.clock_ok else '  (clock was not set)'}"
    yield f"edge-mask {made.program} (this is {__version__}), {made.model or 'no model'}"
    yield f"sha256 {made.sha256 or 'unknown'}"
    yield "gate: " + ", ".join(
        f"{name} {'none' if value is None else value}" for name, value in asdict(record.policy).items()
    )
    yield ""
    if record.before:
        yield f"{counted(record.before, 'look')} before these found no room; the visitor's memory of that is used"
    yield from _table(list(weighed(record, again)))
    if record.has_left:
        yield "then the visitor had left"
    yield ""
    yield f"then: {_sentence(visit)}"
    yield f"now:  {'nothing' if again.told is None else _sentence(again.told)}"


def _second_look(told: Mapping[str, Any]) -> str:
    model = f" ({told['model']})" if told["model"] else ""
    return f"second look: {told['by']}{model} after {told['delay_ms']} ms: {_sentence({'temperature': None, **told})}"


def _sentence(told: Mapping[str, Any]) -> str:
    measured = "" if told["temperature"] is None else f", {told['temperature']}"
    because = f", because: {', '.join(told['reasons'])}" if told["reasons"] else ""
    score = "" if told["mask_score"] is None else f" ({told['mask_score']:.2f})"
    return f"{told['verdict']}, {told['mask'] or 'no label'}{score}{measured}{because}"


def _table(steps: "Sequence[tuple[Step, float]]") -> Iterator[str]:
    """A line for each look: its fields, whatever they are, its weight, and what became of the visitor."""
    rows = [
        {
            **_flat("", asdict(step.look)),
            "weight": str(then) if then == step.weight else f"{then}, now {step.weight}",
            "state": step.state,
            "said": _verdict(step),
        }
        for step, then in steps
    ]
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if any(row.get(name) for row in rows)]
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
    for row in ({name: name for name in names}, *rows):
        yield "  ".join(row.get(name, "").ljust(widths[name]) for name in names).rstrip()


def _flat(name: str, value: Any) -> dict[str, str]:
    """Column and text of each value; the columns of a part are called by its own names."""
    if isinstance(value, dict):
        return {column: text for each, part in value.items() for column, text in _flat(each, part).items()}
    if isinstance(value, list | tuple):
        return {name: " ".join("/".join(_flat("", each).values()) for each in value)}
    return {name: "" if value is None else str(value)}


def _verdict(step: "Step") -> str:
    return "" if step.said is None else " ".join((step.said.verdict, *step.said.reasons))
