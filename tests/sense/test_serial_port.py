"""Serial sensors over real pseudo-terminals: whole lines, half lines, noise, questions, and cables that are pulled."""

import random
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.sense.ports import Device, has_reasons, has_values, listen_until, reasons_of, values_of

from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import SystemClock
from edge_mask.sense.feed import Crowd, Utterance
from edge_mask.sense.lines import Dialect, Measured
from edge_mask.sense.serial_port import SerialPort, Wiring
from edge_mask.units import Seconds

WATER = r"^(?P<id>\d{3}) (?P<flow>[\d.]+) (?P<pressure>[\d.]+)$"
BOTH = {"flow": Measured("m3/h"), "pressure": Measured("kgf/cm2")}

Make = Callable[..., SerialPort]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path / "usb-sensor") as plugged:
        yield plugged


@pytest.fixture
def port(device: Device) -> Iterator[Make]:
    """Makes the port with these sensors, opened and past what may have been on the wire."""
    made: list[SerialPort] = []

    def make(*dialects: Dialect, **wiring: object) -> SerialPort:
        each = dialects or (Dialect("line", WATER, BOTH),)
        made.append(SerialPort(Wiring(str(device.path), **wiring), each, clock=SystemClock()))  # type: ignore[arg-type]
        made[-1]._open()
        made[-1]._opened_at -= 1.0
        return made[-1]

    yield make
    for each in made:
        each.close()


def understood(port: SerialPort, device: Device, data: bytes, count: int) -> list[tuple[str, str, float]]:
    device.say(data)
    return values_of(listen_until(port, has_values(count)))


def complaint(port: SerialPort, device: Device, data: bytes) -> str:
    device.say(data)
    return reasons_of(listen_until(port, has_reasons(1)))[0]


def test_one_line_holds_several_quantities_of_a_sensor_that_it_names(port: Make, device: Device) -> None:
    found = understood(port(), device, b"001 12.5 3.25\r\n002 0 4\r\n", 4)
    first = [("line-001", "flow", 12.5), ("line-001", "pressure", 3.25)]
    assert found == [*first, ("line-002", "flow", 0.0), ("line-002", "pressure", 4.0)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\r"])
def test_every_usual_end_of_a_line_ends_it_once(port: Make, device: Device, end: bytes) -> None:
    assert len(understood(port(), device, end.join([b"001 1 2", b"001 3 4", b""]), 4)) == 4


def test_all_values_of_a_line_have_one_moment(port: Make, device: Device) -> None:
    made = port()
    device.say(b"001 1 2\n")
    heard = listen_until(made, has_values(2))
    assert len({each.reading.at for each in heard}) == 1  # type: ignore[union-attr]


def test_a_line_in_pieces_is_one_line(port: Make, device: Device) -> None:
    made = port()
    heard: list[Utterance] = []
    for piece in (b"00", b"1 12", b".5 3", b".25", b"\r", b"\n"):
        device.say(piece)
        heard += made.listen(Seconds(0.05))
    heard += listen_until(made, lambda more: len(values_of([*heard, *more])) >= 2)
    assert values_of(heard) == [("line-001", "flow", 12.5), ("line-001", "pressure", 3.25)]


def test_the_end_of_a_line_that_began_before_the_port_was_opened_is_left_out(device: Device) -> None:
    numbers = Dialect("tank", r"(?P<level>\d+)$", {"level": Measured("mm")})
    made = SerialPort(Wiring(str(device.path)), [numbers], clock=SystemClock())
    made._open()
    device.say(b"34\n1234\n")  # the 12 of the first line was said before
    assert values_of(listen_until(made, has_values(1))) == [("tank", "level", 1234.0)]
    made.close()


def test_nuls_and_blanks_at_the_end_are_no_part_of_a_line(port: Make, device: Device) -> None:
    assert understood(port(), device, b"\x00\x00001 1\0 2 \t\r\n\0\n", 2) == [
        ("line-001", "flow", 1),
        ("line-001", "pressure", 2),
    ]


def test_noise_of_a_wrong_baud_rate_is_nonsense_and_the_next_right_line_is_heard(port: Make, device: Device) -> None:
    made = port()
    device.say(random.Random(1).randbytes(3000) + b"\n001 1 2\n")
    heard = listen_until(made, has_values(2))
    assert values_of(heard) == [("line-001", "flow", 1.0), ("line-001", "pressure", 2.0)]
    assert len(reasons_of(heard)) > 3


def test_a_line_without_an_end_is_bounded_and_what_follows_it_is_heard(port: Make, device: Device) -> None:
    made = port()
    writer = threading.Thread(target=device.say, args=(b"7" * 50_000 + b"\n001 1 2\n",))
    writer.start()
    heard = listen_until(made, has_values(2))
    writer.join(10.0)
    assert reasons_of(heard) == ["a line did not end within 1024 bytes; are baud, bytesize and parity right?"]
    assert len(made._splitter._rest) <= 1024


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello", r"the line 'hello' does not fit the pattern"),
        (b"001 1.2.3 4", r"in the line '001 1.2.3 4': flow: '1.2.3' is not a number"),
        (b"\xff\xfe\x80", r"the line '\xff\xfe\x80' does not fit the pattern"),
    ],
)
def test_a_line_that_gives_no_value_says_why(port: Make, device: Device, line: bytes, reason: str) -> None:
    assert complaint(port(), device, line + b"\n") == reason


@pytest.mark.parametrize("text", [b"nan", b"inf", b"1e999", b"1_000", b"-"])
def test_what_is_no_finite_number_never_becomes_one(port: Make, device: Device, text: bytes) -> None:
    made = port(Dialect("t", r"^T=(?P<temperature>\S+)", {"temperature": Measured("C")}))
    assert "temperature" in complaint(made, device, b"T=" + text + b"\n")
    assert understood(made, device, b"T=36.5\n", 1) == [("t", "temperature", 36.5)]


def test_a_decimal_comma_is_read_where_it_is_expected_and_no_point_then(port: Make, device: Device) -> None:
    made = port(Dialect("t", r"(?P<level>[\d.,]+)", {"level": Measured("m")}, decimal=","))
    assert "is not a number" in complaint(made, device, b"1.234\n")
    assert understood(made, device, b"12,5\n", 1) == [("t", "level", 12.5)]


def test_a_quantity_that_is_not_in_every_line_is_read_when_it_is(port: Make, device: Device) -> None:
    made = port(Dialect("w", r"^W (?P<speed>\d+)(?: (?P<gust>\d+))?$", {"speed": Measured(), "gust": Measured()}))
    assert understood(made, device, b"W 3\nW 4 9\n", 3) == [
        ("w", "speed", 3.0),
        ("w", "speed", 4.0),
        ("w", "gust", 9.0),
    ]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("nmea", b"$GPXTE,A,A,0.67,L,N*6F"),  # the example of NMEA 0183's own documents
        ("xor", b"W 7" + b"40"),
        ("sum8", b"W 7" + b"AE"),
        ("sum8", b"W 7*ae"),
        ("crc16-modbus", b"1234567894B37"),
    ],
)
def test_a_line_is_proven_by_its_check_sum(port: Make, device: Device, kind: str, line: bytes) -> None:
    made = port(Dialect("s", r"(?P<value>\d+\.\d+|\d+)", {"value": Measured()}), checksum=kind)
    damaged = line[:2] + (b"X" if line[2:3] != b"X" else b"Y") + line[3:]
    for wrong in (damaged, line[:-1], b"7"):
        assert f"has no right check sum ({kind})" in complaint(made, device, wrong + b"\r\n")
    assert len(understood(made, device, line + b"\r\n", 1)) == 1


def test_sensors_of_one_port_each_understand_their_own_lines(port: Make, device: Device) -> None:
    made = port(
        Dialect("tank", r"^L(?P<level>\d+)$", {"level": Measured("mm")}),
        Dialect("pump", r"^P(?P<pressure>\d+)$", {"pressure": Measured("bar")}),
    )
    device.say(b"L12\nP3\n?\n")
    heard = listen_until(made, has_reasons(2))
    assert values_of(heard) == [("tank", "level", 12.0), ("pump", "pressure", 3.0)]
    assert [each.by for each in heard][2:] == ["tank", "pump"], "a line of nobody may be from each of them"


def test_a_sensor_that_must_be_asked_is_asked_and_its_answer_is_its_own(port: Make, device: Device) -> None:
    number = r"^(?P<temperature>[\d.]+)$"
    made = port(
        Dialect("one", number, {"temperature": Measured("C")}, ask=b"1\r", interval=0.1),
        Dialect("two", number, {"temperature": Measured("C")}, ask=b"2\r", interval=0.1),
    )
    answers = {b"1\r": b"21.5\r\n", b"2\r": b"22.5\r\n"}

    def answer() -> None:
        for _ in range(4):
            device.say(answers[device.heard(2)])

    answering = threading.Thread(target=answer)
    answering.start()
    heard = listen_until(made, has_values(4))
    answering.join(5.0)
    assert sorted(set(values_of(heard))) == [("one", "temperature", 21.5), ("two", "temperature", 22.5)]


def test_one_who_does_not_answer_does_not_keep_the_next_from_being_asked(port: Make, device: Device) -> None:
    number = r"^(?P<temperature>[\d.]+)$"
    made = port(
        Dialect("deaf", number, {"temperature": Measured("C")}, ask=b"1", interval=5.0),
        Dialect("two", number, {"temperature": Measured("C")}, ask=b"2", interval=5.0),
    )
    made.listen(Seconds(0.1))
    assert device.heard(1) == b"1"
    while made._asked == "deaf":
        made.listen(Seconds(0.1))
    assert device.heard(1) == b"2"
    assert understood(made, device, b"22.5\n", 1) == [("two", "temperature", 22.5)]


def test_a_pulled_cable_is_a_lost_sensor_and_plugged_in_again_it_is_heard(port: Make, device: Device) -> None:
    made = port()
    assert len(understood(made, device, b"001 1 2\n", 2)) == 2
    device.unplug()
    with pytest.raises(TryLater, match="usb-sensor: was unplugged"):
        made.listen(Seconds(1.0))
    with pytest.raises(TryLater, match="usb-sensor: is not there; `ls /dev/serial/by-id` shows the ports"):
        made.listen(Seconds(0.1))
    device.plug()
    assert made.listen(Seconds(0.11)) == ()
    assert len(understood(made, device, b"001 3 4\n", 2)) == 2


def test_a_port_that_is_plugged_in_again_deserves_a_try_each_second_and_not_for_ever(
    port: Make, device: Device
) -> None:
    made = port()
    assert not made.may_be_back(), "it was there when it was opened"
    device.unplug()
    made.close()
    assert [made.may_be_back() for _ in range(3)] == [False] * 3
    device.plug()
    tries = [made.may_be_back() for _ in range(20)]
    assert tries[0]
    assert sum(tries) == 5
    device.unplug()
    assert not made.may_be_back()


def test_a_port_whose_rights_change_deserves_another_try(port: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("001 1 2\n")
    made = SerialPort(Wiring(str(tmp_path / "file")), [Dialect("line", WATER, BOTH)], clock=SystemClock())
    with pytest.raises(TryLater):
        made.listen(Seconds(0.1))
    assert not made.may_be_back()
    (tmp_path / "file").chmod(0o600)
    assert made.may_be_back()


def test_a_port_that_another_program_uses_is_left_to_it(port: Make, device: Device) -> None:
    port()
    other = SerialPort(Wiring(str(device.path)), [Dialect("line", WATER, BOTH)], clock=SystemClock())
    with pytest.raises(TryLater, match="is used by another program, perhaps a running daemon"):
        other.listen(Seconds(0.1))


def test_a_file_is_no_serial_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("001 1 2\n")
    made = SerialPort(Wiring(str(tmp_path / "file")), [Dialect("line", WATER, BOTH)], clock=SystemClock())
    with pytest.raises(TryLater, match="is no serial port"):
        made.listen(Seconds(0.1))


def test_the_port_gets_the_configured_speed(port: Make, device: Device) -> None:
    port(baud=115200)
    assert device.speed == termios.B115200


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)  # what Python takes for "there is no such package"
    made = SerialPort(Wiring(str(device.path)), [Dialect("line", WATER, BOTH)], clock=SystemClock())
    with pytest.raises(Refused, match=r"pip install 'edge-mask\[serial\]'"):
        made.listen(Seconds(0.1))


def test_a_pattern_that_takes_for_ever_is_bounded_and_closes_the_port_for_a_while(port: Make, device: Device) -> None:
    made = port(Dialect("s", r"^(?P<value>(?:\d|\d\d)+)x$", {"value": Measured()}))
    device.say((b"1" * 60 + b"!x\n") * 5)
    reason = r"took longer than 0.1 s; the port is opened again later, simplify the pattern"
    with pytest.raises(TryLater, match=reason):
        made.listen(Seconds(1.0))


def test_noise_that_looks_like_ids_does_not_make_sensors_without_end(port: Make, device: Device) -> None:
    made = port()
    device.say(b"".join(b"%03d 1 2\n" % number for number in range(300)))
    crowd: list[Crowd] = []

    def is_enough(heard: Sequence[Utterance]) -> bool:
        crowd[:] = [each for each in heard if isinstance(each, Crowd)]
        return len(crowd) >= 44

    heard = listen_until(made, is_enough)
    assert len({name for name, _, _ in values_of(heard)}) == 256
    assert crowd[0].reason == f"line-256 would be one more than the 256 ids that {device.path} may have"


def test_an_id_that_cannot_be_a_name_is_refused(port: Make, device: Device) -> None:
    made = port(Dialect("s", r"^(?P<id>\S+) (?P<value>\d+)$", {"value": Measured()}))
    assert "the id 'a/b' cannot be part of a name" in complaint(made, device, b"a/b 1\n")


def test_a_wait_for_bytes_ends_at_a_stop(port: Make) -> None:
    made = port()
    waiting = threading.Thread(target=made.listen, args=(Seconds(60.0),))
    waiting.start()
    while waiting.is_alive():
        made.wake()
        waiting.join(0.05)
