"""Which topic each kind of message goes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Topics:
    """`{thing}` is replaced in the root and in each renamed topic."""

    root: str
    thing: str
    renames: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> str:
        """The topic of a kind of message by its name, or of a quantity such as `humidity`."""
        return self.renames.get(kind, f"{self.root}/{kind}").replace("{thing}", self.thing)

    def command(self, name: str) -> str:
        """Where the command `name` is asked for."""
        return f"{self.of('commands')}/{name}"

    def response(self, name: str) -> str:
        """Where the answer to the command `name` goes when the request names no topic of its own."""
        return f"{self.command(name)}/response"
