"""Users: whether anybody can log in to the page."""

from edge_mask.doctor.finding import Finding
from edge_mask.settings.model import Settings


def users(settings: Settings) -> Finding:
    """Raises Refused for a file that cannot be used."""
    from edge_mask.web.accounts.accounts import FIRST_USER, register_beside  # nothing of the web while it is off

    register = register_beside(settings.outbox.path).read()
    if not register.users:
        return Finding("users", "warning", FIRST_USER)
    return Finding("users", "ok", f"{_counted(len(register.users), 'user')}, {_counted(len(register.tokens), 'token')}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
