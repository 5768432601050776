"""The section notify: where people are told, each target with the keys of its kind."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, SecretStr, Tag, field_validator

from edge_mask.kinds import Urgency
from edge_mask.quantities import duration
from edge_mask.settings.base import FilePath, Name, Section, allowed, read_whole
from edge_mask.settings.hours import HoursOfDay
from edge_mask.units import Seconds

Language = Literal["en", "ko"]
_HIDDEN_FROM: Final = 8
"""Characters of a topic or a path that is hidden in texts: to hide each `gate` would only destroy them."""
_NO_ADDRESS: Final = "an address such as https://ntfy.example"


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and value.isprintable()
    except ValueError:
        return False


class Target(Section):
    """What every kind of target has."""

    name: Name = Field(description="What `default` and rules call it.")
    kind: str
    max_age: Annotated[Seconds, duration(at_least=10)] = Field(
        default=Seconds(3600.0), description="A notification older than this is not sent any more, and counted."
    )
    cool_down: Annotated[Seconds, duration(at_most=7 * 86400)] = Field(
        default=Seconds(300.0),
        description="After one, no other of the same camera and kind for so long; those are counted. 0s sends each.",
    )
    quiet_hours: HoursOfDay | None = Field(
        default=None,
        description='From and to, in the site\'s zone, over midnight too: ["22:00", "07:00"]. What comes then is not'
        " sent and counted.",
        json_schema_extra=allowed('two times such as ["22:00", "07:00"]'),
    )
    quiet_except: Urgency = Field(
        default="urgent", description="Notifications of this priority and above are sent in quiet hours too."
    )
    pictures: bool | None = Field(
        default=None,
        description="Send the picture along: `true` with each notification that has one, `false` never; without it"
        " where a rule says `snapshot: true` and `privacy.send_pictures` allows it.",
    )

    def secrets(self) -> tuple[str, ...]:
        """The texts that no log may show. Raises OSError for an unreadable file."""
        return ()


def _secret_of(file: Any, value: SecretStr | None) -> str | None:
    """From its file, read anew, or from the environment. Raises OSError."""
    if file is not None:
        return read_whole(file).decode().strip()
    return None if value is None else value.get_secret_value()


class _WithToken(Target):
    token_file: FilePath | None = Field(default=None, description="File that holds the token, and nothing else.")
    token: SecretStr | None = Field(
        default=None, description="The token, only as a variable of the environment: `${NOTIFY_TOKEN}`."
    )

    def read_token(self) -> str | None:
        """None without one. Raises OSError."""
        return _secret_of(self.token_file, self.token)

    def secrets(self) -> tuple[str, ...]:
        return (self.read_token() or "",)


class NtfyTarget(_WithToken):
    """A topic of an ntfy server."""

    kind: Literal["ntfy"] = Field(description="A topic of an ntfy server.")
    server: str = Field(
        default="https://ntfy.sh", description="Address of the server.", json_schema_extra=allowed(_NO_ADDRESS)
    )
    topic: str = Field(
        description="The topic. On a public server whoever knows it can read along: choose one that nobody guesses, or"
        " take it from the environment.",
        json_schema_extra=allowed("1 to 64 letters, digits, '_' or '-'"),
    )

    @field_validator("server")
    @classmethod
    def _has_a_server(cls, value: str) -> str:
        return checked_address(value)

    @field_validator("topic")
    @classmethod
    def _is_a_topic(cls, value: str) -> str:
        if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", value):
            raise ValueError("is no topic of ntfy; allowed: 1 to 64 letters, digits, '_' or '-'")
        return value

    def secrets(self) -> tuple[str, ...]:
        token = self.read_token()
        return (token,) if token else (self.topic,) if len(self.topic) >= _HIDDEN_FROM else ()


class TelegramTarget(_WithToken):
    """A chat with a bot of Telegram."""

    kind: Literal["telegram"] = Field(description="A chat with a bot of Telegram.")
    server: str = Field(
        default="https://api.telegram.org",
        description="Address of the Bot API.",
        json_schema_extra=allowed("an address such as https://api.telegram.org"),
    )
    chat: str | int = Field(
        description="The chat: its number, or the @name of a channel.",
        json_schema_extra=allowed("a number such as -1001234567890, or @channel"),
    )

    @field_validator("server")
    @classmethod
    def _has_a_server(cls, value: str) -> str:
        return checked_address(value)

    @field_validator("chat")
    @classmethod
    def _is_a_chat(cls, value: str | int) -> str | int:
        if not re.fullmatch(r"-?\d{1,20}|@[A-Za-z0-9_]{1,64}", str(value)):
            raise ValueError(f'found "{value}"; allowed: a number such as -1001234567890, or @channel')
        return value


class WebhookTarget(Target):
    """Any server that takes JSON."""

    kind: Literal["webhook"] = Field(description="Any server that takes JSON by POST.")
    url: str | None = Field(
        default=None,
        description="The address. One that holds a secret comes from `url_file` or the environment: `${HOOK_URL}`.",
        json_schema_extra=allowed("an address such as https://hooks.example/gate"),
    )
    url_file: FilePath | None = Field(default=None, description="File that holds the address, and nothing else.")
    secret_file: FilePath | None = Field(
        default=None, description="File with the secret that signs each request (Standard Webhooks); unsigned without."
    )
    secret: SecretStr | None = Field(
        default=None, description="The same secret, only as a variable of the environment: `${HOOK_SECRET}`."
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return None if value is None else checked_address(value)

    def read_url(self) -> str:
        """Raises OSError."""
        return read_whole(self.url_file).decode().strip() if self.url_file is not None else self.url or ""

    def read_secret(self) -> str | None:
        """None without one. Raises OSError."""
        return _secret_of(self.secret_file, self.secret)

    def secrets(self) -> tuple[str, ...]:
        parts = urlsplit(self.read_url())
        path = parts.path if len(parts.path) >= _HIDDEN_FROM else ""
        return (self.read_secret() or "", parts.query, path)


class WebPushTarget(Target):
    """Browsers that asked for it on this device's page."""

    kind: Literal["web-push"] = Field(description="Browsers that asked for it on this device's page.")
    subject: str = Field(
        description="Whom a push service writes to when something is wrong: mailto:you@example.org, or an https"
        " address. Apple refuses made-up ones.",
        json_schema_extra=allowed("mailto:NAME@HOST or https://HOST, a host that is in the public DNS"),
    )
    private_hosts: tuple[str, ...] = Field(
        default=(),
        description="Push services in your own network. Others than these must have public addresses.",
    )

    @field_validator("subject")
    @classmethod
    def _can_be_reached(cls, value: str) -> str:
        host = value.rpartition("@")[2] if value.startswith("mailto:") and "@" in value[8:] else ""
        if value.startswith("https://") and _is_address(value):
            host = urlsplit(value).hostname or ""
        labels = host.lower().rstrip(".").split(".")
        is_made_up = len(labels) < 2 or labels[-1] in _MADE_UP or not re.fullmatch(r"[A-Za-z0-9.-]+", host)
        if is_made_up or labels[-1].isdigit() or not value.isprintable() or " " in value:
            raise ValueError(
                f'found "{value}"; allowed: mailto:NAME@HOST or https://HOST, a host that is in the public DNS'
                " (push services refuse localhost and made-up names)"
            )
        return value


_MADE_UP: Final = ("localhost", "invalid", "local", "test", "example", "internal", "lan", "home", "arpa")


def checked_address(value: str) -> str:
    """Raises ValueError, which does not show the address: it may hold a secret."""
    if not _is_address(value):
        raise ValueError("is not an address; allowed: http://HOST/… or https://HOST/…")
    return value


AnyTarget = Annotated[
    Annotated[NtfyTarget, Tag("ntfy")]
    | Annotated[TelegramTarget, Tag("telegram")]
    | Annotated[WebhookTarget, Tag("webhook")]
    | Annotated[WebPushTarget, Tag("web-push")],
    Discriminator(
        lambda value: value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None),
    ),
]

BY_KIND: Final[Mapping[str, type[Target]]] = {
    "ntfy": NtfyTarget, "telegram": TelegramTarget, "webhook": WebhookTarget, "web-push": WebPushTarget,
}  # fmt: skip
"""Kind → its settings."""

SECRETS: Final = ("token", "secret")
"""Keys of a target whose values never stand in the file."""


class Notify(Section):
    """Who is told of alerts, on their telephones."""

    default: tuple[Name, ...] = Field(default=(), description="Targets that each alert goes to, without a rule.")
    language: Language = Field(default="en", description="Language of what is said of alerts.")
    targets: tuple[AnyTarget, ...] = Field(default=(), description="Where notifications go; rules name them.")
