"""Brings the zip of a model package to this device: from a path or an https address, checked by its checksum."""

import hashlib
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, Final

from edge_mask.errors import Refused, TryLater
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock

LARGEST: Final = 512 * 10**6
"""Bytes of a zip."""
_PREFIX: Final = ".edge-mask-fetch-"
_SILENT_FOR: Final = 30.0
FETCHED_WITHIN: Final = 480.0
"""Seconds; what is left of the time of a job is for installing it."""
_CHUNK: Final = 1 << 16


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """A redirection must not leave what is encrypted."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith("https://"):
            raise Refused(f"{_shown(req.full_url)}: leads to an address without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def clean(folder: Path) -> None:
    """Remove what a process left that ended while it fetched."""
    for left in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def fetched(source: str, sha256: str, folder: Path, clock: Clock) -> Iterator[Path]:
    """A copy of the zip below `folder`, gone afterwards. Raises Refused, or TryLater when its server is away."""
    try:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as private:
            zipped = Path(private) / "package.zip"
            found = _copied(source, zipped, clock)
            if found != sha256:
                raise Refused(f"{_shown(source)}: its sha256 is {found}, expected {sha256}")
            yield zipped
    except OSError as error:
        raise Refused(f"{_shown(source)}: cannot be fetched: {error.strerror or error}") from error


def _copied(source: str, target: Path, clock: Clock) -> str:
    """The checksum of what was copied."""
    if not source.startswith("https://"):
        path = Path(source)
        if not path.is_file():
            raise Refused(f"{source}: there is no such file")
        with path.open("rb") as file:
            return _poured(file, source, target, clock)
    opener = urllib.request.build_opener(_OnlyHttps)
    try:
        with opener.open(source, timeout=_SILENT_FOR) as answer:
            return _poured(answer, source, target, clock)
    except urllib.error.HTTPError as error:
        raise Refused(f"{_shown(source)}: the server answers {error.code} {error.reason}") from None
    except (urllib.error.URLError, TimeoutError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise Refused(f"{_shown(source)}: its certificate is not trusted: {reason.verify_message}") from None
        raise TryLater(f"{_shown(source)}: {reason}") from None


def _poured(file: Any, source: str, target: Path, clock: Clock) -> str:
    checksum, size = hashlib.sha256(), 0
    until = clock.now().mono + FETCHED_WITHIN
    with target.open("wb") as copy:
        while chunk := file.read1(_CHUNK):  # what is there: a server may send a byte a second
            size += len(chunk)
            if size > LARGEST:
                raise Refused(f"{_shown(source)}: is larger than {LARGEST // 10**6} MB")
            if clock.now().mono > until:
                raise Refused(f"{_shown(source)}: was not there within {FETCHED_WITHIN:.0f} s")
            checksum.update(chunk)
            copy.write(chunk)
    return checksum.hexdigest()


def _shown(source: str) -> str:
    """Without the signature of a presigned address."""
    return redact(source.partition("?")[0])
