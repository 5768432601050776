"""A notification as a POST, with what no log may show of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_mask.messages import Message


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent to one target."""

    url: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()

    def of(self, message: Message) -> Message:
        """The message of the outbox in this form."""
        properties = {"headers": self.headers, "secrets": self.secrets}
        return Message(
            topic=self.url, payload=self.body, priority=message.priority, qos=1, id=message.id, properties=properties
        )


def as_json(fields: Mapping[str, Any]) -> bytes:
    """Without what is empty."""
    return json.dumps({name: value for name, value in fields.items() if value not in ("", None)}).encode()


def as_form(fields: Mapping[str, str], file: tuple[str, str, str, bytes], boundary: str) -> bytes:
    """multipart/form-data (RFC 7578): fields, and one file as (field, file name, type, content)."""
    parts: Sequence[bytes] = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    field, name, kind, content = file
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {kind}'
    return b"".join((*parts, f"{head}\r\n\r\n".encode(), content, f"\r\n--{boundary}--\r\n".encode()))
