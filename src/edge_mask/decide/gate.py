"""A camera at a gate: every person near enough is judged, and each attempt is one visit.

tracks ──who is who──▶ people ──near enough, in the zone, the nearest first──▶ one Visitor each ──▶ Visit, fever Alert
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge_mask.decide.judgement import Judgement
from edge_mask.decide.look import VisitorLook, rounded, since, taken
from edge_mask.decide.people import People
from edge_mask.decide.record import Log, MadeBy
from edge_mask.decide.sight import Sight
from edge_mask.decide.thermometry import Thermometry
from edge_mask.decide.visitor import GatePolicy, Visitor
from edge_mask.geometry import Polygon, is_inside
from edge_mask.messages import Alert, Event, Reading, Track, Visit
from edge_mask.units import DEGREES, Moment, Seconds

SILENCE = Seconds(5.0)
"""The longest pause between two pictures of the same person on a slow device (see TrackPolicy.max_gap)."""


@dataclass(slots=True)
class _Present:
    """Somebody who has not left."""

    visitor: Visitor
    track: int
    """The newest: tracks break, a person stays one."""
    log: Log
    came: Moment
    last: Moment
    """When it was seen last, near enough to be judged or not."""
    readings: list[Reading] = field(default_factory=list)
    """Temperatures taken of them since they were judged last."""
    newest: float | None = None
    """The last temperature that was taken of them, whatever it is."""
    was_measured: bool = False
    """One of them is a person's."""

    def see(self, track: Track, sight: Sight, policy: GatePolicy, *, is_turn: bool) -> Judgement | None:
        """One look, with what the thermometer said of them since the look before."""
        readings, self.readings = self.readings, []
        for reading in readings:
            self.newest = reading.value
            self.was_measured = self.was_measured or policy.is_of_a_person(reading.value)
        look = VisitorLook(
            at=since(self.came, sight.at),
            label=track.face.label,
            score=round(track.face.score, 4),
            box=rounded(track.face.box),
            evidence=sight.evidence.get(track.id),
            readings=tuple(taken(reading, self.came) for reading in readings),
            is_turn=is_turn,
        )
        self.log.add(look)
        return self.visitor.see(look)


class GateWatch:
    """Judges the visitors of one gate camera. `zone`: faces whose centre lies outside are not judged."""

    def __init__(
        self,
        camera: str,
        policy: GatePolicy | None = None,
        zone: Polygon | None = None,
        made_by: MadeBy | None = None,
        on_measured: Callable[[float, bool], None] = lambda _value, _is_of_a_person: None,
        policy_now: Callable[[GatePolicy], GatePolicy] = lambda usual: usual,
    ) -> None:
        """`made_by` stands in the records of the visits. `on_measured` hears at each visit what the thermometer
        said last, and whether any of what it said could be a person's. `policy_now` is asked when somebody comes, by
        which policy they are judged; it may differ from `policy` in `votes` alone."""
        self._camera = camera
        self._made_by = made_by or MadeBy()
        self._on_measured = on_measured
        self._policy_now = policy_now
        self._policy = policy or GatePolicy()
        self._zone = zone
        self._visitors: dict[int, _Present] = {}
        """By person."""
        self._people = People(self._policy.forget_after)
        self._thermometry = Thermometry(self._policy.forget_after)

    @property
    def is_occupied(self) -> bool:
        """Whether somebody stands near enough to be judged, and has not left yet. Any thread may ask."""
        return any(each.visitor.is_looked_at for each in tuple(self._visitors.values()))

    def observe(self, sight: Sight) -> list[Event]:
        """A visit (and an alert, for a fever) for each person whose attempt this look decides, the nearest first."""
        person_of = self._people.recognise(sight.tracks, sight.at)
        for track in sight.tracks:
            person = person_of[track.id]
            if person not in self._visitors:
                policy = self._policy_now(self._policy)
                log = Log(policy, self._made_by)
                self._visitors[person] = _Present(Visitor(policy), track.id, log, sight.at, sight.at)
            self._visitors[person].track, self._visitors[person].last = track.id, sight.at
        judged = {person_of[track.id]: track for track in sight.tracks if self._is_judged(track, sight)}
        self._share_out(judged, sight)
        events: list[Event] = []
        is_turn = True
        for person, track in sorted(judged.items(), key=_nearest_first):
            present = self._visitors[person]
            events += self._events(present.see(track, sight, self._policy, is_turn=is_turn), present, sight)
            is_turn = is_turn and present.visitor.is_told_of
        return events + self._farewell(sight.at, self._policy.forget_after)

    def tick(self, now: Moment) -> list[Event]:
        """The visits of those who were seen last when the camera still sent pictures."""
        return self._farewell(now, Seconds(max(self._policy.forget_after, SILENCE)))

    def finish(self, at: Moment) -> list[Event]:
        """The visits that are owed but not said yet."""
        del at  # a visit happened when its person was seen, not when the camera ended
        return [event for person in sorted(self._visitors) for event in self._leave(person)]

    def _farewell(self, at: Moment, after: Seconds) -> list[Event]:
        left = [person for person, each in sorted(self._visitors.items()) if at.mono - each.last.mono > after]
        return [event for person in left for event in self._leave(person)]

    def _leave(self, person: int) -> list[Event]:
        gone = self._visitors.pop(person)
        judgement = gone.visitor.leave()
        if judgement is None:
            return []
        self._tell_of_thermometer(gone)
        return [
            self._visit(judgement, gone.track, gone.last, gone.log.record(clock_ok=gone.last.synced, has_left=True))
        ]

    def _is_judged(self, track: Track, sight: Sight) -> bool:
        box = track.face.box
        if max(box.w, box.h) < self._policy.min_face * min(sight.width, sight.height):
            return False
        return self._zone is None or is_inside(box, self._zone, sight.width, sight.height)

    def _share_out(self, judged: Mapping[int, Track], sight: Sight) -> None:
        """One thermometer: each reading goes to whom it was taken of, if they are still here."""
        sizes = {person: _size(track) for person, track in judged.items()}
        for person, readings in self._thermometry.share(sizes, sight.readings, sight.at).items():
            if person in self._visitors:
                self._visitors[person].readings += readings

    def _events(self, judgement: Judgement | None, present: _Present, sight: Sight) -> list[Event]:
        if judgement is None:
            return []
        self._tell_of_thermometer(present)
        record = present.log.record(clock_ok=sight.at.synced)
        events: list[Event] = [self._visit(judgement, present.track, sight.at, record)]
        if judgement.has_fever and judgement.temperature is not None:
            value, limit, unit = judgement.temperature, self._policy.fever_above, self._policy.unit
            shown = DEGREES.get(unit, unit)
            text = f"A visitor at {self._camera} has {value:.1f} {shown}, above {limit:g} {shown}."
            alert = Alert(
                at=sight.at, kind="fever", text=text, camera=self._camera, value=value, above=limit, unit=unit
            )
            events.append(alert)
        return events

    def _tell_of_thermometer(self, present: _Present) -> None:
        if present.newest is not None:
            self._on_measured(present.newest, present.was_measured)
            present.newest, present.was_measured = None, False

    def _visit(self, judgement: Judgement, track: int, at: Moment, record: bytes) -> Visit:
        return Visit(
            at=at,
            camera=self._camera,
            verdict=judgement.verdict,
            mask=judgement.mask,
            mask_score=judgement.mask_score,
            temperature=judgement.temperature,
            reasons=judgement.reasons,
            time_to_verdict_ms=judgement.time_to_verdict_ms,
            track=track,
            record=record,
        )


def _size(track: Track) -> float:
    return max(track.face.box.w, track.face.box.h)


def _nearest_first(each: tuple[int, Track]) -> tuple[float, int]:
    """The larger face is the nearer one."""
    person, track = each
    return -_size(track), person
