"""What an alert of an outlier says, in a sentence."""

from typing import Final

from edge_mask.series.nouns import Outlier, Reason, Said, Site

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_BEGUN: Final[dict[Reason, str]] = {
    "silent": "no reading for {lasted}",
    "stuck": "{value} for {lasted} without a change",
    "out_of_range": "{value}, outside of what the sensor can measure{limits}",
    "spike": "{value} is unusual{expected}",
    "step": "{value} after too large a step{expected}",
    "level": "{value} is not what was forecast{expected}",
    "drift": "a mean of {value}, further from its forecast day after day{expected}",
    "leak": "never below {value} in the quiet hours{expected}",
}
_ENDED: Final[dict[Reason, str]] = {
    "silent": "there are readings again",
    "stuck": "it changes again",
    "out_of_range": "it says what can be measured again",
    "spike": "it is usual again",
    "step": "it is usual again",
    "level": "it is as forecast again",
    "drift": "it is as on such days before again",
    "leak": "it goes down in the quiet hours again",
}
_SHORT: Final[dict[Reason, str]] = {
    "silent": "no readings",
    "stuck": "no change",
    "out_of_range": "outside of what the sensor can measure",
    "spike": "unusual",
    "step": "too large a step",
    "level": "not as forecast",
    "drift": "further from its forecast day after day",
    "leak": "a leak",
}


def sentence(site: Site, said: Said) -> str:
    """Which sensor, what, and how long."""
    outlier = said.outlier
    lasted = duration(max(0.0, said.at - outlier.began))
    where = f"{site.key.sensor}: {site.key.quantity}"
    if said.state == "ended":
        return f"{where}: {_ENDED[outlier.reason]}, after {lasted}"
    span = _span(outlier)
    text = _BEGUN[outlier.reason].format(
        value=_with_unit(outlier.value, site),
        lasted=lasted,
        expected=f"; {span} is usual" if span else "",
        limits=f": {span}" if span else "",
    )
    return f"{where}: {text}"


def no_longer_watched(sensor: str, quantity: str, reason: Reason, lasted: float) -> str:
    """Of an outlier whose end nobody will see."""
    return f"{sensor}: {quantity}: not watched for this any more ({_SHORT[reason]}), after {duration(max(0.0, lasted))}"


def _with_unit(value: float | None, site: Site) -> str:
    return "it" if value is None else f"{_rounded(value)} {site.unit}".rstrip()


def _rounded(value: float) -> str:
    return f"{float(f'{value:.4g}'):g}"


def _span(outlier: Outlier) -> str:
    match outlier.expected:
        case (None, float() as high):
            return f"at most {_rounded(high)}"
        case (float() as low, None):
            return f"at least {_rounded(low)}"
        case (float() as low, float() as high):
            return f"{_rounded(low)} to {_rounded(high)}"
        case _:
            return ""


def duration(seconds: float) -> str:
    """In the unit that fits."""
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"
