"""What a gate makes of labels that are wrong now and then: `python -m benchmarks.label_noise`.

Simulated visits: somebody comes, stands before the camera for `--stay` seconds and goes. In each look the label is
wrong with the chance `--noise`, each look for itself: any of the other two labels (`any`), or always one that makes the
other verdict, which is the worst that can happen. A visit is right when its verdict is, and when it is the only one.
No model and no pictures: the looks go into the decision as vision hands them over.
"""

import argparse
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge_mask.decide import GatePolicy, GateWatch, Sight
from edge_mask.decide.look import Evidence
from edge_mask.messages import INCORRECT, MASK, NO_MASK, Box, Event, Face, Track, Visit
from edge_mask.units import Moment, Seconds, Unix

OTHERS = {MASK: (NO_MASK, INCORRECT), NO_MASK: (MASK, INCORRECT), INCORRECT: (MASK, NO_MASK)}
OPPOSITE = {MASK: NO_MASK, NO_MASK: MASK, INCORRECT: MASK}
RIGHT = {MASK: "pass", NO_MASK: "no_pass", INCORRECT: "no_pass"}
SCORES = {True: (0.88, 0.05), False: (0.75, 0.1)}
"""Mean and spread of the scores of right and of wrong labels, as the model that ships gives them."""
LIVES = Evidence(sharpness=0.3, size=0.3, aspect=0.85, step=0.3, drift=3.0)
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    label: str
    interval: float
    is_worst: bool = False
    noise: float = 0.2
    stay: float = 6.0


def simulated(setting: Setting, rng: Random, policy: GatePolicy | None = None) -> list[Visit]:
    """The visits that one person's stay makes."""
    watch = GateWatch("door", policy)
    events: list[Event] = []
    for number in range(round(setting.stay / setting.interval)):
        at = _at(number * setting.interval)
        face = Face(*_seen(setting, rng), Box(200 + number % 7, 150, 90, 100))
        track = Track(1, face, {face.label: 1}, _at(0), at)
        events += watch.observe(Sight(tracks=[track], width=640, height=480, at=at, evidence={1: LIVES}))
    events += watch.observe(Sight(tracks=[], width=640, height=480, at=_at(setting.stay + 5)))
    return [event for event in events if isinstance(event, Visit)]


def _seen(setting: Setting, rng: Random) -> tuple[str, float]:
    is_right = bool(rng.random() >= setting.noise)
    label = setting.label
    if not is_right:
        label = OPPOSITE[label] if setting.is_worst else OTHERS[label][int(rng.integers(2))]
    return label, float(np.clip(rng.normal(*SCORES[is_right]), 0.5, 0.99))


def _at(seconds: float) -> Moment:
    return Moment(Seconds(1000 + seconds), Unix(1_790_000_000 + seconds))


def outcome(setting: Setting, visits: list[Visit]) -> str:
    """`right`, or what is wrong: `unsure`, `wrong`, `several`, `none`."""
    if not visits:
        return "none"
    if visits[0].verdict != RIGHT[setting.label]:
        return "unsure" if "unsure" in visits[0].reasons else "wrong"
    return "right" if len(visits) == 1 else "several"


def settings(noise: float, stay: float) -> Iterator[Setting]:
    """Every row."""
    for interval in (0.1, 0.2, 0.4):
        for is_worst in (False, True):
            for label in (MASK, NO_MASK):
                yield Setting(label, interval, is_worst, noise, stay)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=4000, help="simulated visits for each row")
    parser.add_argument("--noise", type=float, default=0.2, help="share of looks with a wrong label")
    parser.add_argument("--stay", type=float, default=6.0, help="seconds before the camera")
    arguments = parser.parse_args()
    kinds = ("right", "wrong", "unsure", "several", "none")
    head = "".join(f"{kind:>9}" for kind in kinds)
    print(f"interval  wrong label    face     {head}  ms to the verdict: median, 95 %")
    for setting in settings(arguments.noise, arguments.stay):
        found: Counter[str] = Counter()
        times = []
        for number in range(arguments.visits):
            visits = simulated(setting, np.random.default_rng(number))
            found[outcome(setting, visits)] += 1
            times += [visit.time_to_verdict_ms for visit in visits[:1] if visit.time_to_verdict_ms is not None]
        way = "other verdict" if setting.is_worst else "any"
        shares = "".join(f"{found[kind] / arguments.visits:>9.2%}" for kind in kinds)
        late = sorted(times)[int(0.95 * len(times))] if times else 0
        print(f"{setting.interval:>6} s  {way:<14} {setting.label:<9}{shares}  {statistics.median(times):.0f}, {late}")


if __name__ == "__main__":
    main()
