"""Real file trees in the shape of sysfs."""

from pathlib import Path

from edge_mask.messages import Event, Fault, Reading

YES = "4b 01 4b 46 7f ff 0c 10 d8 : crc=d8 YES\n4b 01 4b 46 7f ff 0c 10 d8 t={}\n"
NO = "4b 01 4b 46 7f ff 0c 10 d8 : crc=07 NO\n4b 01 4b 46 7f ff 0c 10 d8 t={}\n"


def write(root: Path, files: dict[str, str]) -> Path:
    """Each file with its text, below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class Heard:
    """Collects what a meter emits."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def codes(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Fault)]

    @property
    def values(self) -> list[float]:
        return [event.value for event in self.events if isinstance(event, Reading)]
