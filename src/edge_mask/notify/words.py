"""What is said of each kind of alert, in the site's language."""

from collections.abc import Mapping
from typing import Final

from edge_mask.kinds import Urgency
from edge_mask.messages import Alert
from edge_mask.settings.notify import Language

_TITLES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "no_mask": "No mask: {where}",
        "fever": "High temperature: {where}",
        "tailgating": "Somebody followed through: {where}",
        "outlier": "Unusual reading: {where}",
        "": "Alert: {where}",
    },
    "ko": {
        "no_mask": "마스크 미착용: {where}",
        "fever": "체온 높음: {where}",
        "tailgating": "뒤따라 통과한 사람 있음: {where}",
        "outlier": "측정값 이상: {where}",
        "": "알림: {where}",
    },
}
_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "no_mask": "{thing}: somebody without a mask in {streak} looks in a row.",
        "fever": "{thing}: {value:.1f} degrees were measured.",
        "tailgating": "{thing}: somebody passed without having been judged.",
        "outlier": "{thing}: {text}",
        "": "{thing}: {text}",
    },
    "ko": {
        "no_mask": "{thing}: 연속 {streak}회 확인에서 마스크를 쓰지 않은 사람이 있습니다.",
        "fever": "{thing}: {value:.1f}도가 측정되었습니다.",
        "tailgating": "{thing}: 판정을 받지 않은 사람이 통과했습니다.",
        "outlier": "{thing}: {text}",
        "": "{thing}: {text}",
    },
}
_URGENCY: Final[Mapping[str, Urgency]] = {"outlier": "normal"}


def title_of(alert: Alert, language: Language) -> str:
    """The heading: what, and where."""
    where = alert.camera or alert.sensor or "-"
    titles = _TITLES[language]
    return titles.get(alert.kind, titles[""]).format(where=where)


def text_of(alert: Alert, thing: str, language: Language) -> str:
    """The sentence; the alert's own text, where a number is missing that the sentence needs."""
    texts = _TEXTS[language]
    lacks = (alert.kind == "no_mask" and alert.streak is None) or (alert.kind == "fever" and alert.value is None)
    pattern = texts[""] if lacks else texts.get(alert.kind, texts[""])
    return pattern.format(thing=thing, text=alert.text, streak=alert.streak, value=alert.value)


def urgency_of(alert: Alert) -> Urgency:
    """How loud it is."""
    return _URGENCY.get(alert.kind, "high")
