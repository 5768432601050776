"""What is said of each kind of alert, in a reader's language: by notifications and by the page."""

from collections.abc import Mapping
from typing import Final

from edge_mask.kinds import Urgency
from edge_mask.messages import Alert, Deviation
from edge_mask.settings.notify import Language
from edge_mask.units import DEGREES

_TITLES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "no_mask": "No mask: {where}",
        "fever": "High temperature: {where}",
        "tailgating": "Somebody followed through: {where}",
        "outlier": "Unusual reading: {where}",
        "outlier ended": "As usual again: {where}",
        "": "Alert: {where}",
    },
    "ko": {
        "no_mask": "마스크 미착용: {where}",
        "fever": "체온 높음: {where}",
        "tailgating": "뒤따라 통과한 사람 있음: {where}",
        "outlier": "측정값 이상: {where}",
        "outlier ended": "측정값 정상 복귀: {where}",
        "": "알림: {where}",
    },
}
_SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "no_mask": "Somebody without a mask in {streak} looks in a row.",
        "no_mask once": "Somebody without a mask.",
        "fever": "{value}{unit} was measured.",
        "fever above": "{value}{unit} was measured, above {limit}{unit}.",
        "tailgating refused": "Somebody who was refused went through.",
        "tailgating more": "One more person went through than was let pass.",
        "tailgating": "Somebody went through without a verdict.",
        "": "{text}",
    },
    "ko": {
        "no_mask once": "마스크를 쓰지 않은 사람이 있습니다.",
        "no_mask": "연속 {streak}회 확인에서 마스크를 쓰지 않은 사람이 있습니다.",
        "fever": "체온 {value}{unit}, 기준보다 높습니다.",
        "fever above": "체온 {value}{unit}, 기준 {limit}{unit}보다 높습니다.",
        "tailgating refused": "거부된 사람이 통과했습니다.",
        "tailgating more": "통과가 허용된 인원보다 한 명이 더 통과했습니다.",
        "tailgating": "판정을 받지 않은 사람이 통과했습니다.",
        "": "{text}",
    },
}
_OUTLIERS: Final[Mapping[str, str]] = {
    "silent": "{quantity} 측정값이 없습니다.",
    "stuck": "{quantity} 값이 {value}에서 변하지 않습니다.",
    "out_of_range": "{quantity} {value}: 센서가 측정할 수 없는 값입니다{usual}.",
    "spike": "{quantity} {value}: 평소와 다른 값입니다{usual}.",
    "step": "{quantity} 값이 한 번에 크게 변했습니다: {value}{usual}.",
    "level": "{quantity} {value}: 예측과 다릅니다{usual}.",
    "drift": "{quantity} 값이 여러 날에 걸쳐 평소에서 벗어났습니다: {value}{usual}.",
    "leak": "야간 {quantity} 최저값이 예전만큼 내려가지 않습니다: {value}{usual}.",
    "ended": "{quantity}: 다시 정상입니다.",
}
"""In Korean; in English the alert's own text says it."""
_URGENCY: Final[Mapping[str, Urgency]] = {"outlier": "normal"}
_TURNS: Final = {"who was refused": "tailgating refused", "one more person": "tailgating more"}


def title_of(alert: Alert, language: Language) -> str:
    """The heading: what, and where."""
    where = alert.camera or alert.sensor or "-"
    titles = _TITLES[language]
    kind = f"{alert.kind} ended" if _has_ended(alert) else alert.kind
    return titles.get(kind, titles[""]).format(where=where)


def text_of(alert: Alert, thing: str, language: Language) -> str:
    """The sentence of a notification, which also says which device."""
    return f"{thing}: {sentence_of(alert, language)}"


def sentence_of(alert: Alert, language: Language) -> str:
    """Made from kind and values; the alert's own text, where a number is missing that the sentence needs."""
    if alert.deviation is not None and language == "ko":
        return _outlier(alert.deviation, alert)
    template = _template(alert, language)
    unit = "°" if alert.unit is None else f" {DEGREES.get(alert.unit, alert.unit)}"
    value = "" if alert.value is None else f"{alert.value:.1f}"
    limit = "" if alert.above is None else f"{alert.above:g}"
    return template.format(text=alert.text, streak=alert.streak, value=value, unit=unit, limit=limit)


def has_words(alert: Alert, language: Language) -> bool:
    """Whether its sentence is made of words of that language, and is not the alert's own text."""
    if alert.deviation is not None and language == "ko":
        return _outlier(alert.deviation, alert) != alert.text
    return _template(alert, language) != _SENTENCES[language][""]


def _template(alert: Alert, language: Language) -> str:
    which = alert.kind
    if which == "tailgating":
        which = next((turn for words, turn in _TURNS.items() if words in alert.text), which)
    elif which == "fever" and alert.above is not None:
        which = "fever above"
    elif which == "no_mask" and alert.streak == 1:
        which = "no_mask once"
    if (alert.kind == "no_mask" and alert.streak is None) or (alert.kind == "fever" and alert.value is None):
        which = ""
    sentences = _SENTENCES[language]
    return sentences.get(which, sentences[""])


def _outlier(deviation: Deviation, alert: Alert) -> str:
    reason = "ended" if deviation.state == "ended" else deviation.reason
    if reason not in _OUTLIERS or ("{value}" in _OUTLIERS[reason] and alert.value is None):
        return alert.text
    low, high = ("" if bound is None else f"{bound:.5g}" for bound in deviation.expected or (None, None))
    usual = f" (평소 {low}~{high})" if low or high else ""
    value = "" if alert.value is None else f"{alert.value:.5g} {alert.unit or ''}".rstrip()
    return _OUTLIERS[reason].format(quantity=deviation.quantity, value=value, usual=usual)


def urgency_of(alert: Alert) -> Urgency:
    """How loud it is; that something is over is said quietly."""
    return "low" if _has_ended(alert) else _URGENCY.get(alert.kind, "high")


def _has_ended(alert: Alert) -> bool:
    return alert.deviation is not None and alert.deviation.state == "ended"
