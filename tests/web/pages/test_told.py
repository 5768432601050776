"""Alerts, faults, parts and refusals speak the language of the page."""

import re
from pathlib import Path

from tests.web.asking import asking
from tests.web.history import History
from tests.web.reading import NOW, SEOUL, house, page

from edge_mask.ledger.deviations import deviation_text
from edge_mask.messages import Deviation
from edge_mask.units import Unix

FEVER = "A visitor at front has 38.7 °C, above 37.5 °C."


def main_of(text: str) -> str:
    return text.partition("<main")[2]


def test_alerts_are_told_in_the_language_of_the_page(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.alert(NOW - 10, kind="fever", camera="front", text=FEVER, value=38.7, above=37.5, unit="C")
    looks = "hall: somebody without a mask in each of the last 3 looks."
    history.alert(NOW - 20, kind="no_mask", camera="hall", text=looks, streak=3)
    history.alert(NOW - 30, kind="tailgating", camera="front", text="front: somebody who was refused went through.")
    history.alert(NOW - 40, kind="new", camera="front", text="a rule of my own")
    guard = asking(house(tmp_path), who="operator")
    korean = page(guard, "/alerts?lang=ko").text
    assert "체온 38.7 °C, 기준 37.5 °C보다 높습니다." in korean
    assert "연속 3회 확인에서 마스크를 쓰지 않은 사람이 있습니다." in korean
    assert "거부된 사람이 통과했습니다." in korean
    assert "a rule of my own" in korean
    assert "somebody" not in korean
    assert 'lang="en"' not in main_of(korean), "what a rule says speaks the language of its author"
    english = page(guard, "/alerts?lang=en").text
    assert "38.7 °C was measured, above 37.5 °C." in english
    assert "38.7 C" not in english + korean


def test_common_faults_are_told_with_the_words_of_the_program_beneath(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.fault(NOW - 10, component="camera front", code="camera_lost", text="usb:7: no such camera")
    history.fault(NOW - 20, component="odd", code="of_tomorrow", text="odd things")
    text = page(asking(house(tmp_path), who="operator"), "/alerts?show=faults&lang=ko").text
    assert "카메라 front" in text
    assert text.index("카메라와 연결이 끊겼습니다.") < text.index("usb:7: no such camera")
    assert text.count("odd things") == 1
    assert main_of(text).count('lang="en"') == 2, "a screen reader says them as English"
    english = page(asking(house(tmp_path), who="operator"), "/alerts?show=faults&lang=en").text
    assert 'lang="en"' not in main_of(english)


def test_parts_and_their_states_have_words(tmp_path: Path) -> None:
    History(tmp_path / "edge-mask.db", NOW, SEOUL)
    found = [
        {"part": "camera front", "state": "failed", "text": "away"},
        {"part": "model", "state": "ok", "text": "tiny 1.0"},
        {"part": "database", "state": "ok", "text": "ok"},
    ]
    text = page(asking(house(tmp_path, parts=lambda: found), who="operator"), "/?lang=ko").text
    state = text.partition('data-part="state"')[2].partition("</section>")[0]
    assert re.findall("<dt>(.*?)</dt>", state) == ["카메라 front", "모델", "데이터베이스"]
    assert "연결 없음" in state
    assert '<span class="fine" lang="en">tiny 1.0</span>' in state
    assert "away" not in state


def test_the_program_and_the_device_tell_how_long_they_are_on(tmp_path: Path) -> None:
    History(tmp_path / "edge-mask.db", NOW, SEOUL)
    asked = asking(house(tmp_path, figures=lambda: {"uptime_s": 90_000.0}, running_for=lambda: 7300.0), who="viewer")
    text = page(asked, "/").text
    assert re.search("Device on for</dt><dd>1 day<", text)
    assert re.search("Program on for</dt><dd>2 hours<", text)


def test_a_viewer_reads_in_korean_what_only_operators_may(tmp_path: Path) -> None:
    answer = page(asking(house(tmp_path), who="viewer"), "/settings?lang=ko")
    assert answer.status == 403
    assert "운영자 권한이 필요합니다." in answer.text
    assert "this needs" not in answer.text


def test_a_code_that_means_something_else_of_another_part_has_its_own_words(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.fault(NOW - 10, component="configuration", code="refused", text="gate.vots: unknown key")
    history.fault(NOW - 20, component="broker", code="refused", text="not authorised")
    history.fault(NOW - 30, component="snapshots", code="write_failed", text="a.jpg was not kept")
    history.fault(NOW - 40, component="homeassistant", code="refused", text="not authorised")
    said = {}
    for language in ("en", "ko"):
        text = page(asking(house(tmp_path), who="operator"), f"/alerts?show=faults&lang={language}").text
        said[language] = re.findall(r'<b>(.*?)</b>.*?<p class="text">(.*?)</p>', main_of(text), re.DOTALL)
    assert said["en"] == [
        ("Configuration", "The new configuration was refused. The one before goes on."),
        ("Broker", "The other side refuses. Messages are kept."),
        ("Pictures", "A picture could not be kept."),
        ("Home Assistant", "Home Assistant does not see this device."),
    ]
    assert ("설정", "새 설정을 받아들이지 않았습니다. 이전 설정을 계속 씁니다.") in said["ko"]


def test_an_outlier_is_told_in_korean_from_its_deviation(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    deviation = Deviation(quantity="flow", outlier="value", reason="spike", began=Unix(NOW), expected=(1.0, 2.0))
    text = "main: flow: 3.41 is unusual; 1 to 2 is usual"
    history.alert(NOW, kind="outlier", sensor="main", text=text, value=3.41, deviation=deviation_text(deviation))
    found = main_of(page(asking(house(tmp_path), who="operator"), "/alerts?lang=ko").text)
    assert "(평소 1~2)" in found
    assert "unusual" not in found
    assert 'lang="en"' not in found
