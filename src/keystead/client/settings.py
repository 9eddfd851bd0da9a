"""Where the servers are and who asks: the client's settings, from arguments, a profile file and the environment.

A profile is a JSON file such as `keystead dev` writes; paths in it are relative to its folder:

    {"server": "localhost:5696", "ca": "ca.pem", "certificate": "clients/alice.pem", "private_key": "clients/alice.key"}
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Final, NamedTuple

from keystead.errors import ConfigError
from keystead.kmip.ttlv import MAXIMUM_RESPONSE_BYTES
from keystead.kmip.version import V2_1, Version

KMIP_PORT: Final = 5696
"""Source: IANA; KMIP Profiles 2.1 section 3.1."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "KEYSTEAD_SERVER": "server",
    "KEYSTEAD_CA": "ca",
    "KEYSTEAD_CERT": "certificate",
    "KEYSTEAD_KEY": "private_key",
    "KEYSTEAD_USERNAME": "username",
    "KEYSTEAD_PASSWORD": "password",
    "KEYSTEAD_KMIP_VERSION": "version",
}
"""The variables that say what the arguments do not."""
LONGEST_TIMEOUT_SECONDS: Final = 86_400
_PATHS: Final = ("ca", "certificate", "private_key")


class Server(NamedTuple):
    """An address to connect to."""

    host: str
    port: int = KMIP_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def servers_of(text: str | Iterable[str], port: int = KMIP_PORT) -> tuple[Server, ...]:
    """Read addresses: "kms1", "kms1:5696, kms2", "[::1]:5696", "::1", or a list of such.

    Args:
        port: of the addresses that name none.

    Raises:
        ConfigError: names the address that is none.
    """
    found = []
    for each in text.split(",") if isinstance(text, str) else text:
        address = re.fullmatch(
            r"\[([^\]]+)\](?::(\d+))?|([^:\[\]\s]+)(?::(\d+))?|([0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)",
            each.strip(),
        )
        number = int(address[2] or address[4] or port) if address else 0
        if address and address[5]:
            _refuse_a_port(address[5])
        host = address[1] or address[3] or address[5] if address else ""
        if not 0 < number < 65_536 or not _can_be_looked_up(host):
            raise ConfigError(f"server: {each.strip()} is not an address; write HOST or HOST:PORT")
        found.append(Server(host, number))
    if not found:
        raise ConfigError("server: at least one address is needed")
    return tuple(found)


def _refuse_a_port(bare: str) -> None:
    """Refuse an IPv6 address without brackets that may end in a port, such as ::1:5696.  Raises: ConfigError."""
    host, _, port = bare.rpartition(":")
    if _is_ipv6(host) and port.isdecimal():
        or_else = f", or [{bare}] if all of it is the address" if _is_ipv6(bare) else ""
        raise ConfigError(f"server: an IPv6 address with a port stands in brackets: write [{host}]:{port}{or_else}")
    if not _is_ipv6(bare):
        raise ConfigError(f"server: {bare} is not an address; write HOST, HOST:PORT or [IPV6]:PORT")


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text).exploded)
    except ValueError:
        return False


def _can_be_looked_up(host: str) -> bool:
    try:
        return bool(host.encode("idna"))  # as the operating system is asked for it
    except UnicodeError:
        return False


def version_of(text: str | Version | None) -> Version | None:
    """Read a protocol version, such as "1.4"; None and "" leave it to Discover Versions.  Raises: ConfigError."""
    if isinstance(text, Version) or not text:
        return text or None
    found = next((version for version in Version if str(version) == text), None)
    if found is None:
        raise ConfigError(f"version: {text} is none of {', '.join(map(str, Version))}")
    return found


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client reaches its servers.

    Attributes:
        servers: tried in order; the next one when one does not answer.
        ca: PEM file of the authorities that vouch for the servers; None means those of the operating system.
        certificate, private_key: PEM files of the client; the key may stand in the certificate's file.
        private_key_password: if the key's file is encrypted.
        username, password: a credential to send with every request, beside the certificate.
        version: of the protocol; None means the newest that both sides speak.
        newest: what is taken at most when the version is negotiated; 3.0 is a draft, so it has to be asked for.
        timeout_seconds: for connecting, and for each answer.
        maximum_bytes: of an answer.
    """

    servers: tuple[Server, ...] = (Server("localhost"),)
    ca: str | None = None
    certificate: str | None = None
    private_key: str | None = None
    private_key_password: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    version: Version | None = None
    newest: Version = V2_1
    timeout_seconds: float = 30.0
    maximum_bytes: int = MAXIMUM_RESPONSE_BYTES

    def __post_init__(self) -> None:
        for name, text in (("username", self.username), ("password", self.password)):
            try:
                (text or "").encode()
            except UnicodeEncodeError:
                raise ConfigError(f"{name}: a text belongs here, and this is not UTF-8") from None
        if not 0 < self.timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
            raise ConfigError(f"timeout_seconds: more than 0, at most {LONGEST_TIMEOUT_SECONDS} seconds belong here")

    @classmethod
    def load(
        cls, profile: str | Path | None = None, environment: Mapping[str, str] | None = None, **said: Any
    ) -> Settings:
        """Take what was said, then what the environment says, then what the profile says.

        Args:
            profile: a file; None means that of KEYSTEAD_PROFILE, if set.
            environment: None means that of this process.
            said: `server` (as `servers_of` reads), `ca`, `certificate`, `private_key`, `username`, `password`,
                `version` and the other attributes; None means not said.

        Raises:
            ConfigError: names the value that is wrong, or the file that cannot be read.
        """
        environment = os.environ if environment is None else environment
        profile = profile or environment.get("KEYSTEAD_PROFILE") or None
        found: dict[str, Any] = dict(_profile(Path(profile))) if profile else {}
        found.update((name, environment[key]) for key, name in ENVIRONMENT.items() if environment.get(key))
        found.update((name, value) for name, value in said.items() if value is not None)
        if "server" in found:
            found["servers"] = servers_of(found.pop("server"))
        found["version"] = version_of(found.get("version"))
        return replace(cls(), **found)

    def tls(self) -> ssl.SSLContext:
        """Make the TLS context: 1.2 or newer, the server's certificate and name checked, the client's presented.

        Raises:
            ConfigError: a file is missing or not what it should be; names it.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
            else:
                context.load_default_certs()
        except OSError as error:
            raise ConfigError(f"ca: {self.ca} cannot be used: {error.strerror or error}") from None
        if self.certificate:
            try:
                context.load_cert_chain(self.certificate, self.private_key, self.private_key_password or _no_password)
            except OSError as error:
                names = " and ".join(filter(None, (self.certificate, self.private_key)))
                raise ConfigError(f"certificate: {names} cannot be used: {error.strerror or error}") from None
        return context


def _no_password() -> str:
    raise ConfigError("private_key: the file is encrypted; say its password")


def _profile(path: Path) -> dict[str, Any]:
    known = {*ENVIRONMENT.values(), "timeout_seconds"}
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"profile: {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"profile: {path} is not JSON") from None
    if not isinstance(found, dict):
        raise ConfigError(f"profile: {path} is not a JSON object")
    for name, value in found.items():
        if name not in known:
            raise ConfigError(f"profile: {path} has an unknown key {name}; known are {', '.join(sorted(known))}")
        _check_type(path, name, value)
    return {
        name: str(path.parent / value) if name in _PATHS and value else value
        for name, value in found.items()
        if value is not None
    }


def _check_type(path: Path, name: str, value: object) -> None:
    """Refuse a value of a profile that is not of its key's type; null is as if not said.  Raises: ConfigError."""
    if name == "timeout_seconds":
        right, what = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
    elif name == "server":
        several = value if isinstance(value, list) else [value]
        right, what = all(isinstance(each, str) for each in several), "a text HOST:PORT, or a list of such"
    else:
        right, what = isinstance(value, str), "a text in quotation marks"
    if value is not None and not right:
        raise ConfigError(f"profile: {path}: {name} has to be {what}")
