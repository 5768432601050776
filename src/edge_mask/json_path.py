"""A path into a JSON document, such as `climate.values[0]` or `$["set point"].now`."""

import re
from typing import Any, Final

Path = tuple[str | int, ...]

_STEP: Final = re.compile(
    r"""\.?(?P<key>[^\s.\[\]"']+) | \[(?P<index>-?[0-9]{1,6})\] | \[(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')\]""",
    re.VERBOSE,
)
MISSING: Final = object()
"""What `find` returns when nothing stands at the path."""


def parse(text: str) -> Path:
    """Keys and list positions. Raises ValueError with a sentence."""
    rest = text.removeprefix("$")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None:
            raise ValueError(f'found "{text}"; allowed: keys and positions such as temperature, a.b or values[0].now')
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            steps.append(next(part for part in (step["key"], step["double"], step["single"]) if part is not None))
        at = step.end()
    return tuple(steps)


def find(document: Any, path: Path) -> Any:
    """What stands at the path, or MISSING. A negative position counts from the end."""
    here = document
    for step in path:
        if isinstance(step, int):
            if not isinstance(here, list) or not -len(here) <= step < len(here):
                return MISSING
            here = here[step]
        elif isinstance(here, dict) and step in here:
            here = here[step]
        else:
            return MISSING
    return here
