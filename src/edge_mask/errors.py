"""Three families of errors, named by what to do next."""


class EdgeMaskError(Exception):
    """The base of everything this package raises on purpose; its text is a sentence for a person."""


class TryLater(EdgeMaskError):
    """The other side is away; the same call may succeed later."""


class Refused(EdgeMaskError):
    """The other side answered no; the same call will fail again."""


class Broken(EdgeMaskError):
    """We are wrong, or the disk is; stop this house and build it again."""


class ConfigurationError(Refused):
    """The configuration cannot be used; each problem is one sentence."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ModelError(Refused):
    """The model package cannot be trusted or run (exit code 3)."""


class DatabaseError(Refused):
    """The database cannot be opened (exit code 4)."""
