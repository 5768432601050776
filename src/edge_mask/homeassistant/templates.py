"""Templates (Jinja) that take one value out of a message, in Home Assistant.

None may fail on a field that is absent or on a payload that is no JSON object. An entity stays as it is when a template
gives nothing; its state is unknown when it gives `None`.
"""

_MESSAGE = "{% set m = value_json if value_json is mapping else {} %}"


def field(*path: str) -> str:
    """The field at `path`; None when it is absent."""
    return _MESSAGE + f"{{{{ {_get(*path)} }}}}"


def field_where(condition: str, value: str) -> str:
    """An expression where `condition` holds, nothing elsewhere."""
    return f"{_MESSAGE}{{% if {condition} %}}{{{{ {value} }}}}{{% endif %}}"


def either(condition: str, key: str) -> str:
    """A field where `condition` holds, elsewhere the state that the entity has."""
    return f"{_MESSAGE}{{{{ {_get(key)} if {condition} else this.state }}}}"


def is_from(key: str, name: str) -> str:
    """The condition that a message tells of the camera or sensor of that name."""
    return f"{_get(key)} == '{name}'"


def in_time(condition: str) -> str:
    """And the message left the device when it was made: one that waited for the network tells of another time."""
    return f"{condition} and not {_get('late')}"


def believed(quantity: str) -> str:
    """The value of a reading; None where the device says that it should not be believed."""
    return f"{_get(quantity)} if not {_get('quality')} else none"


def event(condition: str, kind: str, known: tuple[str, ...]) -> str:
    """The whole message as an event; `kind` is the field that holds its type, `other` stands for one not `known`."""
    types = ", ".join(f"'{each}'" for each in known)
    type_of = f"{_get(kind)} if {_get(kind)} in [{types}] else 'other'"
    return field_where(condition, f"dict(m, event_type={type_of}) | to_json")


def problem(part: str, name: str, fine: tuple[str, ...], broken: tuple[str, ...]) -> str:
    """ON or OFF from the state of a camera or sensor in `health`; nothing for any other state."""
    state = f"{{% set s = {_get(part, name, 'state')} %}}"
    on, off = (f"s in [{', '.join(repr(each) for each in states)}]" for states in (broken, fine))
    return f"{_MESSAGE}{state}{{% if {on} %}}ON{{% elif {off} %}}OFF{{% endif %}}"


def _get(*path: str) -> str:
    """An expression for the field at `path`; none when any part of it is absent or null."""
    found = "m"
    for place, key in enumerate(path):
        found = f"{found}.get('{key}')"
        if place < len(path) - 1:
            found = f"({found} or {{}})"
    return found
