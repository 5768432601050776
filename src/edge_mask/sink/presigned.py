"""Addresses by which somebody without keys may do one thing with one object of an S3-compatible store, for a while.

AWS Signature Version 4 with query parameters (AWS, "Authenticating Requests: Using Query Parameters"). What is signed
beside the address are headers: whoever uses it has to send them as they are.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import quote, urlsplit

Method = Literal["GET", "PUT", "HEAD", "DELETE"]
LONGEST: Final = 7 * 86_400
"""Seconds; a longer validity is refused by every store."""
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys of one bucket. `endpoint` is scheme, host and port; the bucket stands in the path."""

    endpoint: str
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)

    def presigned(
        self, method: Method, key: str, at: datetime, seconds: int, headers: Mapping[str, str] | None = None
    ) -> str:
        """The address for `method` on the object `key` from `at` on for `seconds`; with `headers` only together with
        these."""
        path = f"/{self.bucket}/{quote(key, safe='/~')}" if self.bucket else f"/{quote(key, safe='/~')}"
        host = urlsplit(self.endpoint).netloc.lower()
        return f"{self.endpoint.rstrip('/')}{path}?{self.query(method, path, host, at, seconds, headers or {})}"

    def query(
        self, method: Method, path: str, host: str, at: datetime, seconds: int, headers: Mapping[str, str]
    ) -> str:
        """The parameters of the address of `path` on `host`."""
        stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        signed = {"host": host, **{name.lower(): " ".join(text.split()) for name, text in headers.items()}}
        names = ";".join(sorted(signed))
        parameters = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(min(seconds, LONGEST)),
            "X-Amz-SignedHeaders": names,
        }
        query = "&".join(
            f"{quote(name, safe='~')}={quote(text, safe='~')}" for name, text in sorted(parameters.items())
        )
        lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
        request = "\n".join([method, path, query, *lines, "", names, "UNSIGNED-PAYLOAD"])
        to_sign = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        return f"{query}&X-Amz-Signature={self._signature(scope, to_sign)}"

    def _signature(self, scope: str, to_sign: str) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
