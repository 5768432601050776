"""`${VARIABLES}` of the environment in the configuration."""

from edge_mask.settings.document import read


def data(text: str, **environ: str) -> object:
    document = read(text, "f.yaml", environ)
    assert document.problems == []
    return document.data


def problems(text: str, **environ: str) -> list[str]:
    return read(text, "f.yaml", environ).problems


def test_variables_are_replaced_inside_texts() -> None:
    found = data('a: "x-${ONE}-${TWO:-second}-$${ONE}-$ONE"\nb: ${ONE}\n', ONE="1")
    assert found == {"a": "x-1-second-${ONE}-$ONE", "b": "1"}


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert data("a: ${ONE}", ONE="${TWO} [x] #y: z") == {"a": "${TWO} [x] #y: z"}


def test_a_missing_variable_is_named_with_its_place() -> None:
    assert problems("mqtt:\n  host: ${BROKER}\n") == [
        "f.yaml:2: mqtt.host: the environment variable BROKER is not set; set it, or give a default: ${BROKER:-…}"
    ]
    assert "BROKER is empty" in problems("mqtt: {host: '${BROKER}'}\n", BROKER="")[0]


def test_an_empty_default_is_a_default() -> None:
    assert data("a: 'x${NAME:-}'") == {"a": "x"}
