"""What a person has chosen in the filters above a list: read from the address, or answered with a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from edge_mask.ledger.figures import Which
from edge_mask.ledger.site_time import after, begin_of, earliest, latest
from edge_mask.settings.model import Settings
from edge_mask.web.words import Words

REASONS = ("no_mask", "incorrect", "unsure", "still", "fever", "temperature_missing")
"""Those of the contract, in the order in which they are offered."""
_LONGEST = 64
_EARLIEST, _LATEST = date(1971, 1, 1), date(9000, 1, 1)
"""What calendars and clocks can be asked for with a margin."""


@dataclass(slots=True)
class Choice:
    """Filters as they are written into the form again, and what they mean."""

    given: dict[str, str]
    """By the name of the field; empty where nothing was chosen."""
    which: Which
    problems: list[str] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        """Whether something was chosen."""
        return any(self.given.values())


def visits_choice(query: Mapping[str, str], words: Words) -> Choice:
    """The filters of the list of visits; a day stands for all of its hours."""
    given = {name: query.get(name, "").strip()[:_LONGEST] for name in ("from", "to", "camera", "verdict", "reason")}
    problems: list[str] = []
    since, until = _moment(given, "from", words, problems), _moment(given, "to", words, problems)
    if since is not None and until is not None and until <= since:
        problems.append(words.t("filter.wrong_order"))
    _among(given, "verdict", ("pass", "no_pass"), words, problems)
    _among(given, "reason", REASONS, words, problems)
    which = Which(
        since=since,
        until=until,
        camera=given["camera"] or None,
        is_pass={"pass": True, "no_pass": False}.get(given["verdict"]),
        reason=given["reason"] or None,
    )
    return Choice(given, which, problems)


def _among(given: dict[str, str], name: str, known: Sequence[str], words: Words, problems: list[str]) -> None:
    """Takes out what the form does not offer. A camera may be one of the past, whose visits are still there."""
    if given[name] and given[name] not in known:
        problems.append(words.t("filter.unknown", value=given[name], name=words.t(f"filter.{name}")))
        given[name] = ""


def _moment(given: dict[str, str], name: str, words: Words, problems: list[str]) -> float | None:
    """Puts the form's own notation into `given`: the field takes no other."""
    if not (text := given[name]):
        return None
    try:
        if len(text) == len("2026-11-29"):
            on = date.fromisoformat(text)
            edge = day_begins(on, words) if name == "from" else day_ends(on, words)
            meant = edge.timestamp()
        else:
            read = datetime.fromisoformat(text)
            edge = read.astimezone(words.zone) if read.tzinfo else read.replace(tzinfo=words.zone)
            meant = (earliest if name == "from" else latest)(read, words.zone)
        at = meant if _EARLIEST <= edge.date() <= _LATEST else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        problems.append(words.t("filter.wrong_time", value=text))
        given[name] = ""
        return None
    given[name] = f"{edge:%Y-%m-%dT%H:%M}"
    return at


def days_choice(query: Mapping[str, str], words: Words, default: tuple[date, date]) -> tuple[Choice, date, date]:
    """First and last day of a period, both included, and a camera."""
    given = {name: query.get(name, "").strip()[:_LONGEST] for name in ("from", "to", "camera")}
    problems: list[str] = []
    first, last = (_day(given, name, words, problems) for name in ("from", "to"))
    if first is None:
        first = default[0] if last is None else last
    if last is None:
        last = max(first, default[1])
    if last < first:
        problems.append(words.t("filter.wrong_order"))
        first = last
    given |= {"from": first.isoformat(), "to": last.isoformat()}
    which = Which(
        since=day_begins(first, words).timestamp(),
        until=day_ends(last, words).timestamp(),
        camera=given["camera"] or None,
    )
    return Choice(given, which, problems), first, last


def _day(given: dict[str, str], name: str, words: Words, problems: list[str]) -> date | None:
    if not (text := given[name]):
        return None
    try:
        on = date.fromisoformat(text)
    except ValueError:
        on = date.min
    if _EARLIEST <= on <= _LATEST:
        return on
    problems.append(words.t("filter.wrong_day", value=text))
    return None


def day_begins(on: date, words: Words) -> datetime:
    """The first moment of a day of the site, whose midnight a change of clocks may have taken."""
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=words.zone)
    return begin_of("day", noon.timestamp(), words.zone)


def day_ends(on: date, words: Words) -> datetime:
    """The first moment of the day after."""
    return after("day", day_begins(on, words), words.zone)


def today(now: float, words: Words) -> date:
    """The day of the site."""
    return words.at(now).date()


def days_before(on: date, count: int) -> date:
    """`count` days earlier."""
    return on - timedelta(days=count)


def cameras_of(settings: Settings) -> list[tuple[str, str]]:
    """For a choice of one."""
    return [(camera.name, camera.name) for camera in settings.cameras]


def iso(at: float | None) -> str | None:
    """For an address of the API."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
