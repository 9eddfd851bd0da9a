"""Where things lie in a data directory, and how they come there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keystead.config import FILE_NAME, render
from keystead.errors import ConfigError
from keystead.pki.ca import Authority, Issued
from keystead.pki.files import PUBLIC, private_directory, read_certificate, read_private_key, write_atomic

RENEW_DAYS = 30
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a data directory."""

    directory: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.directory / FILE_NAME

    @property
    def ca(self) -> Path:
        """The authority's certificate, which servers and clients are checked by."""
        return self.directory / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """Its private key."""
        return self.directory / "ca.key"

    @property
    def server(self) -> tuple[Path, Path]:
        """The server's certificate and key."""
        return self.directory / "server.pem", self.directory / "server.key"

    @property
    def store(self) -> Path:
        """The embedded database."""
        return self.directory / "store" / "keystead.db"

    @property
    def custody(self) -> Path:
        """The root of trust and the keys that it wraps."""
        return self.directory / "custody"

    @property
    def root_key(self) -> Path:
        """The root of trust's key file."""
        return self.custody / "root.key"

    def client(self, name: str) -> tuple[Path, Path]:
        """The certificate and key of a client that was issued here."""
        return self.directory / "clients" / f"{name}.pem", self.directory / "clients" / f"{name}.key"

    def profile(self, name: str) -> Path:
        """What the client's side needs to know to be a client that was issued here."""
        return self.directory / f"{name}.json"

    def make(self) -> None:
        """Make the directories, which only their owner may enter."""
        for path in (self.directory, self.store.parent, self.custody, self.directory / "clients"):
            private_directory(path)

    def authority(self, name: str) -> Authority:
        """Give the authority, made now if there is none yet.

        Raises:
            ConfigError: its files are wrong, or only one of them is there.
        """
        return _authority(name, self.ca, self.ca_key)

    def issuer(self, name: str) -> Authority:
        """Give the authority of what Certify issues, which lets nobody in; made now if there is none yet.

        Raises:
            ConfigError: as `authority`.
        """
        return _authority(name, self.directory / "issuer.pem", self.directory / "issuer.key")

    def issue_server(self, authority: Authority, names: Iterable[str]) -> None:
        """See to it that the server has a certificate of this authority that is good for a while."""
        certificate, private_key = self.server
        if not _good(certificate, private_key, authority):
            # With the chain in its file TLS need not look for it, and check it, at every handshake.
            authority.issue_server(names).write(certificate, private_key, authority.certificate)

    def issue_client(self, authority: Authority, name: str, key: str = "P-256") -> bytes:
        """See to it that a client has a certificate of this authority that is good for a while; give it in DER."""
        certificate, private_key = self.client(check_name(name))
        if not _good(certificate, private_key, authority):
            authority.issue_client(name, key).write(certificate, private_key)
        return Issued(read_certificate(certificate), read_private_key(private_key)).der

    def render_config(self, sections: Mapping[str, Mapping[str, object]]) -> str:
        """Give the text of a configuration: these sections after the files of this directory."""
        certificate, private_key = self.server
        files = {"certificate": certificate.name, "private_key": private_key.name, "client_ca": self.ca.name}
        whole = {**sections, "server": {**files, **sections.get("server", {})}}
        return render({"server": whole.pop("server"), **whole})

    def write_config(self, sections: Mapping[str, Mapping[str, object]]) -> None:
        """Write the configuration; sections as `render_config` takes them."""
        write_atomic(self.config, self.render_config(sections).encode(), PUBLIC)


def _authority(name: str, certificate: Path, private_key: Path) -> Authority:
    if certificate.exists() or private_key.exists():
        return Authority.load(certificate, private_key)
    made = Authority.create(name)
    made.write(certificate, private_key)
    return made


def check_name(name: str) -> str:
    """Give a client's name back if it is one that a file, a certificate and a log can bear.

    Raises:
        ConfigError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: a client's name has 1 to 64 letters, digits and . _ @ -, a letter or digit first")
    return name


def _good(certificate: Path, private_key: Path, authority: Authority) -> bool:
    if not (certificate.exists() and private_key.exists()):
        return False
    found = read_certificate(certificate)
    if found.not_valid_after_utc < datetime.now(UTC) + timedelta(days=RENEW_DAYS):
        return False
    if found.public_key() != read_private_key(private_key).public_key():
        return False
    try:
        found.verify_directly_issued_by(authority.certificate)
    except Exception:  # noqa: BLE001  the library raises a different one for each way of not fitting
        return False
    return True
