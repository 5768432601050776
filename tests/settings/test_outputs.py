"""What rules can switch: each kind needs its own keys and no others, and no line is driven twice."""

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import parse

SENSOR = "sensors: [{name: a, kind: thermal}]\n"


def complaints(outputs: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(SENSOR + outputs, "gate.yaml", {})
    return [problem.partition(": ")[2] for problem in caught.value.problems]


def test_chips_and_lines_may_be_numbers_or_names() -> None:
    text = """outputs:
  - {name: lamp, kind: led, path: ACT}
  - {name: gate, kind: gpio, chip: 0, line: 17}
  - {name: buzzer, kind: gpio, chip: /dev/gpiochip1, line: GPIO22, active_low: true}
"""
    lamp, gate, buzzer = parse(SENSOR + text, "gate.yaml", {}).outputs
    assert (lamp.path, lamp.chip, lamp.line) == ("ACT", None, None)
    assert (gate.chip, gate.line, gate.active_low) == ("0", "17", False)
    assert (buzzer.chip, buzzer.line, buzzer.active_low) == ("/dev/gpiochip1", "GPIO22", True)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("{name: x, kind: led}", "outputs[0].path: is missing; an output of kind led needs it"),
        ("{name: x, kind: gpio, chip: 0}", "outputs[0].line: is missing; an output of kind gpio needs it"),
        (
            "{name: x, kind: led, path: ACT, line: 1}",
            "outputs[0].line: does not belong to an output of kind led; remove it",
        ),
        (
            "{name: x, kind: led, path: ../ACT}",
            'outputs[0].path: found "../ACT"; allowed: the name of a folder in /sys/class/leds',
        ),
        (
            "{name: x, kind: gpio, chip: 0, line: [1]}",
            "outputs[0].line: found a list of 1; allowed: the offset or the name of a line, such as 17 or GPIO17",
        ),
        ("{name: x, kind: relay}", 'outputs[0].kind: found "relay"; allowed: led, gpio'),
    ],
)
def test_a_wrong_output_gets_a_sentence(output: str, sentence: str) -> None:
    assert complaints(f"outputs: [{output}]\n") == [sentence]


def test_one_line_under_two_names_or_two_under_one_are_a_mistake() -> None:
    text = "outputs: [{name: x, kind: led, path: ACT}, {name: y, kind: led, path: ACT}, {name: x, kind: led, path: b}]"
    assert complaints(text) == [
        'outputs[2].name: "x" is taken by outputs[0]; choose another',
        'outputs[1]: is the same line as "x"; remove one of them',
    ]
