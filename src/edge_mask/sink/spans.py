"""Sets of whole numbers as spans: in growing order, apart from one another, each with its first and its last."""

from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def without(spans: Sequence[Span], number: int) -> list[Span]:
    """Without this number."""
    made: list[Span] = []
    for first, last in spans:
        if first <= number <= last:
            made += [each for each in ((first, number - 1), (number + 1, last)) if each[0] <= each[1]]
        else:
            made.append((first, last))
    return made


def minus(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in the first and not in the others."""
    made: list[Span] = []
    at = 0  # in `others`: both grow, so that each is looked at once
    for first, last in spans:
        begin = first
        while at < len(others) and others[at][0] <= last:
            low, high = others[at]
            if low > begin:
                made.append((begin, low - 1))
            begin = max(begin, high + 1)
            if high > last:
                break  # it reaches into the next
            at += 1
        if begin <= last:
            made.append((begin, last))
    return made


def common(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in both."""
    return minus(spans, minus(spans, others))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same set, whatever order and overlap they come in."""
    made: list[Span] = []
    for first, last in sorted(spans):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return made


def size(spans: Iterable[Span]) -> int:
    """How many numbers."""
    return sum(last - first + 1 for first, last in spans)
