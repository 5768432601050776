"""Certificates for tests: an authority, a broker's and a device's papers, and those with a fault."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from tests.broker import HOST, ServerTls

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Paper:
    """PEM files of a certificate and its key."""

    cert: Path
    key: Path


class Papers:
    """A folder of certificates of one authority."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))
        self.device = self.issue("device")
        self.server = self.of_a_server("server")

    def issue(
        self, name: str, *, begins: timedelta = -A_DAY, ends: timedelta = 365 * A_DAY, is_rsa: bool = False
    ) -> Paper:
        """A certificate for a device, whose validity begins and ends so long from now."""
        now = datetime.now(UTC)
        kind = trustme.KeyType.RSA if is_rsa else trustme.KeyType.ECDSA
        made = self._authority.issue_cert(
            f"{name}@example.org", not_before=now + begins, not_after=now + ends, key_type=kind
        )
        return self._write(name, made)

    def of_a_server(self, name: str, *hosts: str, ends: timedelta = 365 * A_DAY) -> ServerTls:
        """The papers of a broker; on loopback without `hosts`."""
        made = self._authority.issue_cert(*(hosts or (HOST, "localhost")), not_after=datetime.now(UTC) + ends)
        paper = self._write(name, made)
        return ServerTls(ca=self.ca, cert=paper.cert, key=paper.key)

    def _write(self, name: str, made: trustme.LeafCert) -> Paper:
        paper = Paper(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(str(paper.cert))
        made.private_key_pem.write_to_path(str(paper.key))
        return paper
