"""Numbers of things in sentences."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 visit`, `2 visits`; `many` is the plural, also with its verb, where an `s` alone does not make it."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
