"""The kernel's sensors, read from real file trees."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sense.trees import NO, YES, write

from edge_mask.cli import main
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import ManualClock
from edge_mask.sense import Identity, Sensor, sensor_for

W1 = "bus/w1/devices/28-0316a2795b1f/"
IIO = "bus/iio/devices/iio:device0/"


def sensor(kind: str, root: Path, path: str | None = None, quantity: str = "temperature", unit: str = "C") -> Sensor:
    return sensor_for(kind, path, Identity("meter", quantity, unit), clock=ManualClock(), sysfs=root)


def value(kind: str, root: Path, path: str | None = None, quantity: str = "temperature", unit: str = "C") -> float:
    reading = sensor(kind, root, path, quantity, unit).read()
    assert isinstance(reading, Reading)
    assert (reading.sensor, reading.quantity, reading.unit) == ("meter", quantity, unit)
    return reading.value


@pytest.mark.parametrize("zone", [None, "1", "thermal_zone1", "gpu-thermal"])
def test_a_thermal_zone_is_found_by_number_folder_or_type(tmp_path: Path, zone: str | None) -> None:
    zones = "class/thermal/thermal_zone"
    tree = {"0/temp": "48312\n", "0/type": "cpu-thermal\n", "1/temp": "51000\n", "1/type": "gpu-thermal\n"}
    write(tmp_path, {zones + name: text for name, text in tree.items()})
    assert value("thermal", tmp_path, zone) == (48.312 if zone is None else 51.0)


def test_an_unknown_zone_is_answered_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, {"class/thermal/thermal_zone0/type": "cpu-thermal\n", "class/thermal/thermal_zone0/temp": "1"})
    with pytest.raises(TryLater, match="no device 'gpu-thermal'; there is cpu-thermal"):
        sensor("thermal", tmp_path, "gpu-thermal").read()


@pytest.mark.parametrize(("unit", "expected"), [("C", 20.687), ("F", 69.2366), ("K", 293.837)])
def test_a_ds18b20_is_read_in_the_unit_asked_for(tmp_path: Path, unit: str, expected: float) -> None:
    write(tmp_path, {W1 + "w1_slave": YES.format("20687")})
    assert value("w1", tmp_path, unit=unit) == pytest.approx(expected)


def test_a_ds18b20_of_a_kernel_that_only_shows_the_temperature_is_read(tmp_path: Path) -> None:
    write(tmp_path, {W1 + "temperature": "-1250\n"})
    assert value("w1", tmp_path, "28-0316a2795b1f") == -1.25


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (NO.format("20687"), "wrong check sum"),
        ("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", "shorted to ground"),
        ("", "wrong check sum"),
        (YES.format("hot"), "'hot' is not a number"),
        (YES.format("nan"), "not a finite number"),
        (YES.format("85000"), "85 °C is what it says before its first measurement"),
    ],
)
def test_a_nonsensical_answer_of_a_ds18b20_is_no_reading(tmp_path: Path, text: str, sentence: str) -> None:
    write(tmp_path, {W1 + "w1_slave": text})
    with pytest.raises(TryLater, match=sentence):
        sensor("w1", tmp_path).read()


def test_85_degrees_are_believed_only_when_it_was_about_as_hot_before(tmp_path: Path) -> None:
    meter = sensor("w1", write(tmp_path, {W1 + "w1_slave": YES.format("84000")}))
    meter.read()
    write(tmp_path, {W1 + "w1_slave": YES.format("85000")})
    reading = meter.read()
    assert reading is not None
    assert reading.value == 85.0
    write(tmp_path, {W1 + "w1_slave": YES.format("21000")})
    meter.read()
    write(tmp_path, {W1 + "w1_slave": YES.format("85000")})
    with pytest.raises(TryLater):
        meter.read()


def test_no_or_several_thermometers_on_the_bus_are_said(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="no 28-"):
        sensor("w1", tmp_path).read()
    write(tmp_path, {W1 + "w1_slave": YES.format("1"), "bus/w1/devices/28-ff/w1_slave": YES.format("2000")})
    with pytest.raises(TryLater, match="name one as `path`: 28-0316a2795b1f, 28-ff"):
        sensor("w1", tmp_path).read()
    assert value("w1", tmp_path, "28-ff") == 2.0


@pytest.mark.parametrize("kind", ["thermal", "w1", "iio", "hwmon"])
def test_a_sensor_that_is_not_there_is_waited_for_and_found_when_it_comes(tmp_path: Path, kind: str) -> None:
    meter = sensor(kind, tmp_path)
    with pytest.raises(TryLater):
        meter.read()
    write(tmp_path, {"class/thermal/thermal_zone0/temp": "21000", W1 + "w1_slave": YES.format("21000")})
    write(tmp_path, {IIO + "in_temp_input": "21000", "class/hwmon/hwmon0/temp1_input": "21000"})
    reading = meter.read()
    assert reading is not None
    assert reading.value == 21.0
    meter.close()


@pytest.mark.parametrize(
    ("files", "path", "quantity", "unit", "expected"),
    [
        ({"in_temp_input": "21500"}, None, "temperature", "C", 21.5),
        ({"in_temp_raw": "700", "in_temp_scale": "30.5", "in_temp_offset": "4"}, "0", "temperature", "C", 21.472),
        ({"in_temp_raw": "21000"}, "iio:device0", "temperature", "C", 21.0),
        (
            {"in_temp_object_raw": "15600", "in_temp_scale": "20", "in_temp_offset": "-13657.5"},
            "iio:device0/in_temp_object_raw", "temperature", "C", 38.85,
        ),
        ({"in_humidityrelative_input": "45300"}, None, "humidity", "%", 45.3),
        ({"in_pressure_input": "101.325"}, None, "pressure", "hPa", 1013.25),
        ({"in_voltage3_raw": "1000", "in_voltage3_scale": "0.5"}, "0/voltage3", "voltage", "mV", 500.0),
        ({"name": "mlx90614\n", "in_temp_input": "36600"}, "mlx90614", "temperature", "C", 36.6),
        ({"in_voltage3_raw": "1000", "in_voltage_scale": "0.5"}, "0/voltage3", "voltage", "mV", 500.0),
        ({"in_voltage3_raw": "1000", "in_voltage_scale": "0.5"}, "0/voltage3", "voltage", "V", 0.5),
        ({"in_temp0_raw": "600", "in_temp0_offset": "-100", "in_temp0_scale": "50"}, "0/temp0", "temperature", "C", 25),
        (
            {"in_temp1_object_raw": "15600", "in_temp_scale": "20", "in_temp_offset": "-13657.5"},
            "0/in_temp1_object", "temperature", "C", 38.85,
        ),
        (
            {"in_voltage0-voltage1_raw": "100", "in_voltage-voltage_scale": "3", "in_voltage_scale": "5"},
            "0/voltage0-voltage1", "voltage", "mV", 300.0,
        ),
        ({"in_voltage0-voltage1_raw": "100", "in_voltage_scale": "5"}, "0/voltage0-voltage1", "voltage", "mV", 500.0),
        (
            {"in_voltage1_raw": "10", "in_voltage1_scale": "2", "in_voltage_scale": "9", "in_voltage_offset": "4"},
            None, "voltage", "mV", 28.0,
        ),
        ({"in_voltage0_raw": "10", "in_scale": "2"}, None, "voltage", "mV", 20.0),
        ({"in_voltage0_raw": "10", "scale": "2"}, None, "voltage", "mV", 20.0),
        ({"in_temp_raw": "5", "in_temp_input": "21500", "in_temp_scale": "9"}, "0/temp_raw", "temperature", "C", 21.5),
        ({"in_concentration_co2_raw": "4", "in_concentration_scale": "0.01"}, None, "co2", "ppm", 400.0),
        ({"in_illuminance_input": "320"}, None, "illuminance", "lux", 320.0),
        ({"in_proximity_raw": "17"}, None, "proximity", "counts", 17.0),
        ({"in_temp0_input": "300"}, None, "temperature", "C", 0.3),
    ],
)  # fmt: skip
def test_an_iio_channel_is_scaled_to_its_unit(
    tmp_path: Path, files: dict[str, str], path: str | None, quantity: str, unit: str, expected: float
) -> None:
    write(tmp_path, {IIO + name: text for name, text in files.items()})
    assert value("iio", tmp_path, path, quantity, unit) == pytest.approx(expected)


@given(
    kind=st.sampled_from(
        [("temp", "temperature", "C", 1000), ("voltage", "voltage", "mV", 1), ("current", "amp", "A", 1000)]
    ),
    index=st.one_of(st.just(""), st.integers(0, 40).map(str)),
    after=st.sampled_from(["", "_object", "_ambient", "_vdd"]),
    shared=st.sets(st.sampled_from(["offset", "scale"])),
)
def test_a_channel_of_any_name_takes_offset_and_scale_from_itself_or_else_from_its_kind(
    tmp_path_factory: pytest.TempPathFactory, kind: tuple[str, str, str, int], index: str, after: str, shared: set[str]
) -> None:
    word, quantity, unit, count = kind
    channel = f"{word}{index}{after}"
    files = {f"in_{channel}_raw": "500", "in_scale": "77", "in_offset": "77"}
    for what, text in (("offset", "-100"), ("scale", "2.5")):
        files[f"in_{word}_{what}"] = text if what in shared else "99"
        if what not in shared:
            files[f"in_{channel}_{what}"] = text
    root = write(tmp_path_factory.mktemp("sys"), {IIO + name: text for name, text in files.items()})
    assert value("iio", root, f"0/{channel}", quantity, unit) == pytest.approx(1000.0 / count)


OBJECT = {"in_temp_object_raw": "15500", "in_temp_ambient_raw": "14900"}
SHARED = {"in_temp_offset": "-13657.5", "in_temp_scale": "20", "name": "mlx90614"}


@pytest.mark.parametrize("path", ["mlx90614", None, "0", "mlx90614/temp_object"])
def test_an_infrared_thermometer_is_asked_for_the_object_and_not_for_its_own_warmth(
    tmp_path: Path, path: str | None
) -> None:
    write(tmp_path, {IIO + name: text for name, text in (OBJECT | SHARED).items()})
    assert value("iio", tmp_path, path) == pytest.approx(36.85)
    assert value("iio", tmp_path, "mlx90614/temp_ambient") == pytest.approx(24.85)


def test_a_channel_that_is_not_there_is_answered_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, {IIO + name: text for name, text in (OBJECT | SHARED).items()})
    there = r"there is mlx90614 \(iio:device0/temp_ambient\), mlx90614 \(iio:device0/temp_object\)"
    with pytest.raises(TryLater, match="no channel 'temp_objekt'; " + there):
        sensor("iio", tmp_path, "mlx90614/in_temp_objekt").read()
    with pytest.raises(TryLater, match="no channel for humidity; " + there):
        sensor("iio", tmp_path, "mlx90614", "humidity", "%").read()


def test_none_of_several_channels_is_chosen_by_chance(tmp_path: Path) -> None:
    write(tmp_path, {IIO + "in_voltage0_raw": "1", IIO + "in_voltage10_raw": "2", IIO + "in_voltage1_mean_raw": "3"})
    with pytest.raises(
        TryLater, match="several channels for voltage: iio:device0/voltage0, iio:device0/voltage10; name"
    ):
        sensor("iio", tmp_path, None, "voltage", "mV").read()
    assert value("iio", tmp_path, "0/voltage1_mean", "voltage", "mV") == 3.0


def test_chips_of_one_name_are_told_apart_by_folder_label_or_channel(tmp_path: Path) -> None:
    files = {"name": "ads1015", "in_voltage0_raw": "1"}
    write(tmp_path, {f"bus/iio/devices/iio:device{n}/{name}": text for n in (2, 10) for name, text in files.items()})
    write(tmp_path, {"bus/iio/devices/iio:device10/in_voltage1_raw": "7", "bus/iio/devices/iio:device2/label": "door"})
    with pytest.raises(
        TryLater, match=r"ads1015 \(iio:device2/voltage0\), ads1015 \(iio:device10/voltage0\); name one"
    ):
        sensor("iio", tmp_path, "ads1015/voltage0", "voltage", "mV").read()
    assert value("iio", tmp_path, "door", "voltage", "mV") == 1.0
    assert value("iio", tmp_path, "ads1015/voltage1", "voltage", "mV") == 7.0


def test_a_device_without_a_name_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / IIO).mkdir(parents=True)
    write(
        tmp_path, {"bus/iio/devices/iio:device1/name": "bme280", "bus/iio/devices/iio:device1/in_temp_input": "21000"}
    )
    assert value("iio", tmp_path, "bme280") == 21.0
    assert value("iio", tmp_path) == 21.0


@pytest.mark.parametrize(("unit", "units"), [("C", "V, mV"), ("volts", "V, mV")])
def test_a_voltage_is_not_given_in_a_unit_of_something_else(tmp_path: Path, unit: str, units: str) -> None:
    write(tmp_path, {IIO + "in_voltage0_raw": "1"})
    with pytest.raises(Refused, match=f"'mV' cannot be given as '{unit}'; allowed as `unit`: {units}$"):
        sensor("iio", tmp_path, None, "voltage", unit).read()


HWMON = "class/hwmon/hwmon3/"
SHT3X = {"name": "sht3x", "temp1_input": "21500", "humidity1_input": "45300", "temp1_alarm": "0"}


@pytest.mark.parametrize("path", [None, "sht3x", "3", "hwmon3", "sht3x/{}1", "hwmon3/{}1_input"])
def test_an_sht3x_is_read_from_hwmon(tmp_path: Path, path: str | None) -> None:
    write(tmp_path, {HWMON + name: text for name, text in SHT3X.items()})
    assert value("hwmon", tmp_path, path and path.format("temp")) == 21.5
    assert value("hwmon", tmp_path, path and path.format("humidity"), "humidity", "%") == 45.3


@pytest.mark.parametrize(
    ("channel", "text", "quantity", "unit", "expected"),
    [
        ("in2", "3300", "voltage", "V", 3.3), ("curr1", "250", "current", "mA", 250.0),
        ("power1", "1500000", "power", "W", 1.5), ("fan1", "1200", "fan", "rpm", 1200.0),
    ],
)  # fmt: skip
def test_an_input_of_hwmon_is_scaled_by_its_kind(
    tmp_path: Path, channel: str, text: str, quantity: str, unit: str, expected: float
) -> None:
    write(tmp_path, {f"{HWMON}{channel}_input": text, HWMON + "name": "ina2xx"})
    assert value("hwmon", tmp_path, None, quantity, unit) == expected


def test_a_chip_that_reports_its_sensor_broken_gives_no_reading(tmp_path: Path) -> None:
    write(tmp_path, {HWMON + name: text for name, text in (SHT3X | {"temp1_fault": "1"}).items()})
    with pytest.raises(TryLater, match="temp1_fault: the chip says that the sensor is broken"):
        sensor("hwmon", tmp_path).read()


def test_two_zones_of_one_type_are_not_confused(tmp_path: Path) -> None:
    zones = "class/thermal/thermal_zone"
    write(
        tmp_path, {f"{zones}{n}/{name}": text for n in "01" for name, text in {"type": "acpitz", "temp": "1"}.items()}
    )
    with pytest.raises(TryLater, match=r"several zones are called 'acpitz': acpitz \(thermal_zone0\), acpitz"):
        sensor("thermal", tmp_path, "acpitz").read()


@pytest.mark.parametrize("kind", ["thermal", "w1", "iio", "hwmon"])
@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "../..", "0/" + "x" * 5000, "/", "*"])
def test_a_path_that_names_nothing_is_a_sentence(tmp_path: Path, kind: str, path: str) -> None:
    write(tmp_path, {W1 + "w1_slave": YES.format("1"), IIO + "in_temp_input": "1", HWMON + "temp1_input": "1"})
    write(tmp_path, {"class/thermal/thermal_zone0/temp": "1"})
    with pytest.raises(TryLater, match=r"no (device|channel) "):
        sensor(kind, tmp_path, path if path != "/" else "/x").read()


def test_an_iio_device_that_has_another_name_is_answered_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, {IIO + "name": "bme280\n"})
    with pytest.raises(TryLater, match="no device 'mlx90614'; there is bme280"):
        sensor("iio", tmp_path, "mlx90614").read()


def test_text_in_a_sensor_file_is_no_reading(tmp_path: Path) -> None:
    write(tmp_path, {IIO + "in_temp_input": "busy", "class/thermal/thermal_zone0/temp": ""})
    with pytest.raises(TryLater, match="'busy' is not a number"):
        sensor("iio", tmp_path).read()
    with pytest.raises(TryLater, match="'' is not a number"):
        sensor("thermal", tmp_path).read()


def test_a_folder_where_a_file_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "class/thermal/thermal_zone0/temp").mkdir(parents=True)
    with pytest.raises(TryLater, match="cannot be read"):
        sensor("thermal", tmp_path).read()


@pytest.mark.parametrize(
    ("kind", "unit", "sentence"),
    [("thermometer", "C", "unknown kind 'thermometer'; allowed: iio"), ("w1", "%", "cannot be given as '%'")],
)
def test_a_kind_or_unit_that_makes_no_sense_is_refused(tmp_path: Path, kind: str, unit: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        sensor(kind, tmp_path, unit=unit)


def test_check_prints_what_a_converter_measures_and_not_what_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"name": "mcp3208", "in_voltage3_raw": "1000", "in_voltage_scale": "0.8"}
    write(tmp_path, {"sys/" + IIO + name: text for name, text in files.items()})
    (tmp_path / "c.yaml").write_text(
        "mqtt: {transport: none}\n"
        "sensors: [{name: battery, kind: iio, path: mcp3208/voltage3, quantity: voltage, unit: V}]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_MASK_SYSFS", str(tmp_path / "sys"))
    assert main(["check", "--config", "c.yaml"]) == 0
    assert "sensor battery         ok       voltage 0.8 V\n" in capsys.readouterr().out
