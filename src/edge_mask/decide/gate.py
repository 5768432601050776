"""A camera at a gate: every person near enough is judged, and each attempt is one visit.

tracks ──near enough, in the zone──▶ one Visitor each (votes, thermometer, hysteresis) ──▶ Visit, fever Alert
"""

from dataclasses import dataclass

from edge_mask.decide.judgement import Judgement
from edge_mask.decide.look import VisitorLook, rounded, since, taken
from edge_mask.decide.sight import Sight
from edge_mask.decide.visitor import GatePolicy, Visitor
from edge_mask.geometry import Polygon, is_inside
from edge_mask.messages import Alert, Event, Track, Visit
from edge_mask.units import Moment, Seconds

SILENCE = Seconds(5.0)
"""The longest pause between two pictures of the same person on a slow device (see TrackPolicy.max_gap)."""


@dataclass(slots=True)
class _Present:
    """Somebody who has not left."""

    visitor: Visitor
    came: Moment
    last: Moment
    """When it was seen last, near enough to be judged or not."""


class GateWatch:
    """Judges the visitors of one gate camera. `zone`: faces whose centre lies outside are not judged."""

    def __init__(self, camera: str, policy: GatePolicy | None = None, zone: Polygon | None = None) -> None:
        self._camera = camera
        self._policy = policy or GatePolicy()
        self._zone = zone
        self._visitors: dict[int, _Present] = {}

    @property
    def is_occupied(self) -> bool:
        """Whether somebody stands near enough to be judged, and has not left yet. Any thread may ask."""
        return any(each.visitor.is_looked_at for each in tuple(self._visitors.values()))

    def observe(self, sight: Sight) -> list[Event]:
        """A visit (and an alert, for a fever) for each person whose attempt this look decides, by track id."""
        events: list[Event] = []
        for track in sorted(sight.tracks, key=lambda each: each.id):
            if track.id not in self._visitors:
                self._visitors[track.id] = _Present(Visitor(self._policy), sight.at, sight.at)
            present = self._visitors[track.id]
            present.last = sight.at
            if self._is_judged(track, sight):
                said = present.visitor.see(_look(track, sight, present.came))
                events += self._events(said, track.id, sight)
        return events + self._farewell(sight.at, self._policy.forget_after)

    def tick(self, now: Moment) -> list[Event]:
        """The visits of those who were seen last when the camera still sent pictures."""
        return self._farewell(now, Seconds(max(self._policy.forget_after, SILENCE)))

    def finish(self, at: Moment) -> list[Event]:
        """The visits that were decided but not said yet."""
        del at  # a visit happened when its person was seen, not when the camera ended
        return [event for track in sorted(self._visitors) for event in self._leave(track)]

    def _farewell(self, at: Moment, after: Seconds) -> list[Event]:
        left = [track for track, each in sorted(self._visitors.items()) if at.mono - each.last.mono > after]
        return [event for track in left for event in self._leave(track)]

    def _leave(self, track: int) -> list[Event]:
        gone = self._visitors.pop(track)
        judgement = gone.visitor.leave()
        return [] if judgement is None else [self._visit(judgement, track, gone.last)]

    def _is_judged(self, track: Track, sight: Sight) -> bool:
        box = track.face.box
        if max(box.w, box.h) < self._policy.min_face * min(sight.width, sight.height):
            return False
        return self._zone is None or is_inside(box, self._zone, sight.width, sight.height)

    def _events(self, judgement: Judgement | None, track: int, sight: Sight) -> list[Event]:
        if judgement is None:
            return []
        events: list[Event] = [self._visit(judgement, track, sight.at)]
        if judgement.has_fever and sight.temperature is not None:
            value, unit = sight.temperature.value, sight.temperature.unit
            text = f"A visitor at {self._camera} has {value:.1f} {unit}, above {self._policy.fever_above:g} {unit}."
            events.append(Alert(at=sight.at, kind="fever", text=text, camera=self._camera, value=value))
        return events

    def _visit(self, judgement: Judgement, track: int, at: Moment) -> Visit:
        return Visit(
            at=at,
            camera=self._camera,
            verdict=judgement.verdict,
            mask=judgement.mask,
            mask_score=judgement.mask_score,
            temperature=judgement.temperature,
            reasons=judgement.reasons,
            track=track,
        )


def _look(track: Track, sight: Sight, came: Moment) -> VisitorLook:
    return VisitorLook(
        at=since(came, sight.at),
        label=track.face.label,
        score=round(track.face.score, 4),
        box=rounded(track.face.box),
        evidence=sight.evidence.get(track.id),
        readings=() if sight.temperature is None else (taken(sight.temperature, came),),
    )
