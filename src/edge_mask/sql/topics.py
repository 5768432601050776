"""Topics and topic filters: validation, matching, and fast look-up of the filters that match a topic."""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

MAX_TOPIC_BYTES: Final = 256
MAX_SLASHES: Final = 7
BASIC_INGEST: Final = "$aws/rules/"

T = TypeVar("T")


def _check_size(topic: str, what: str) -> str | None:
    if not topic:
        return f"the {what} is empty"
    if len(topic.encode("utf-8", "replace")) > MAX_TOPIC_BYTES:
        return f"the {what} is longer than {MAX_TOPIC_BYTES} bytes"
    slashes = without_basic_ingest(topic).count("/")
    if slashes > MAX_SLASHES:
        return f"the {what} has {slashes} slashes; at most {MAX_SLASHES} are allowed"
    return "NUL cannot stand in a topic" if "\0" in topic else None


def check_topic(topic: str) -> str | None:
    """A sentence when nothing can be published to `topic`, else None."""
    problem = _check_size(topic, "topic")  # first: the others show the topic
    if problem is None and ("+" in topic or "#" in topic):
        return f"the topic {topic!r} contains a wildcard"
    if problem is None and any("\ud800" <= character <= "\udfff" for character in topic):
        return f"the topic {topic!r} is not UTF-8"
    return problem


def check_filter(topic_filter: str) -> str | None:
    """A sentence when `topic_filter` is no topic filter, else None."""
    levels = topic_filter.split("/")
    for level in levels:
        if level not in {"+", "#"} and ("+" in level or "#" in level):
            return f"in {level!r} the wildcard has company: + and # stand alone between slashes"
    if "#" in levels[:-1]:
        return "# stands only at the end of a topic filter"
    return _check_size(topic_filter, "topic filter")


def without_basic_ingest(topic: str) -> str:
    """The topic without `$aws/rules/NAME/`, which AWS IoT's Basic Ingest puts before it."""
    if not topic.startswith(BASIC_INGEST):
        return topic
    _, slash, rest = topic[len(BASIC_INGEST) :].partition("/")
    return rest if slash else ""


class _Level(Generic[T]):
    """One level of the tree: what follows it, and the values whose filter ends here."""

    __slots__ = ("following", "here")

    def __init__(self) -> None:
        self.following: dict[str, _Level[T]] = {}
        self.here: list[T] = []


class TopicTree(Generic[T]):
    """Topic filters by level: the cost of a look-up depends on the topic, not on how many filters there are."""

    def __init__(self) -> None:
        self._root: _Level[T] = _Level()

    def add(self, topic_filter: str, value: T) -> None:
        """Keep `value` under `topic_filter`."""
        node = self._root
        for level in topic_filter.split("/"):
            node = node.following.setdefault(level, _Level())
        node.here.append(value)

    def matches(self, topic: str) -> list[T]:
        """The values whose filter matches; a wildcard at the start does not match a topic that begins with $."""
        found: list[T] = []
        nodes = [self._root]
        for index, level in enumerate(topic.split("/")):
            wild = index > 0 or not level.startswith("$")
            nodes = [after for node in nodes for after in _step(node, level, found, wild=wild)]
        for node in nodes:
            found.extend(node.here)
        return found


def _step(node: _Level[T], level: str, found: list[T], *, wild: bool) -> Iterator[_Level[T]]:
    if exact := node.following.get(level):
        yield exact
    if wild:
        if rest := node.following.get("#"):
            found.extend(rest.here)
        if any_level := node.following.get("+"):
            yield any_level


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether one filter matches one topic; `a/#` matches `a/` and what is below it, not `a` itself."""
    tree: TopicTree[bool] = TopicTree()
    tree.add(topic_filter, True)
    return bool(tree.matches(topic))


def filters_overlap(one: str, other: str) -> bool:
    """Whether there is a topic that matches both filters."""
    ours, theirs = one.split("/"), other.split("/")
    for index, (mine, its) in enumerate(zip(ours, theirs, strict=False)):
        is_wild = {mine, its} & {"+", "#"}
        if index == 0 and is_wild and (mine.startswith("$") or its.startswith("$")):
            return False
        if "#" in is_wild:
            return True
        if not is_wild and mine != its:
            return False
    return len(ours) == len(theirs)
