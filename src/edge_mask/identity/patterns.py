"""Topics as far as they are known before any message arrives."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class TopicPattern:
    """A topic with unknown pieces: what stands between the texts may be anything, `/` included."""

    texts: tuple[str, ...]

    @classmethod
    def exactly(cls, topic: str) -> "TopicPattern":
        """A topic without unknown pieces."""
        return cls((topic,))

    @classmethod
    def of(cls, parts: Iterable[str | None]) -> "TopicPattern":
        """From texts in order, None for an unknown piece; two unknown pieces side by side are one."""
        texts = [""]
        after_unknown = False
        for part in parts:
            if part is None:
                if not after_unknown:
                    texts.append("")
                after_unknown = True
            elif part:
                texts[-1] += part
                after_unknown = False
        return cls(tuple(texts))

    @classmethod
    def of_filter(cls, topic_filter: str) -> "TopicPattern":
        """Every topic that an MQTT filter lets through (and, since an unknown piece has any length, some more)."""
        pieces = topic_filter.removesuffix("#").split("+")
        joined = [part for piece in pieces for part in (piece, None)]
        return cls.of(joined if topic_filter.endswith("#") else joined[:-1])

    @property
    def is_exact(self) -> bool:
        """Whether nothing is unknown."""
        return len(self.texts) == 1

    @property
    def is_anything(self) -> bool:
        """Whether nothing is known."""
        return len(self.texts) > 1 and not any(self.texts)

    def could_match(self, topic_filter: str) -> bool:
        """Whether some topic of this pattern may match an MQTT filter; true when in doubt."""
        head = topic_filter.partition("+")[0].partition("#")[0]
        return self.texts[0].startswith(head) or head.startswith(self.texts[0])
