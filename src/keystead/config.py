"""keystead.toml, parsed once into a frozen Config.

The fields of the sections below are the table: they drive the parsing, the errors and the reference page.
A path is taken from the directory of the file that names it.
"""

# ruff: noqa: RUF009  (_setting is a dataclass field with the columns of the table)
from __future__ import annotations

import difflib
import math
import re
import stat
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from keystead.errors import ConfigError

FILE_NAME: Final = "keystead.toml"
DOMAIN: Final = r"[0-9A-Za-z._-]{1,64}"
"""What a domain may be called."""
_REQUIRED: Final = object()
_MIB: Final = 1 << 20


def _setting(
    default: Any,
    meaning: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
) -> Any:
    facts = {
        "meaning": meaning,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "pattern": pattern,
        "required": default is _REQUIRED,
    }
    if default is _REQUIRED:
        return field(metadata=facts)
    return field(default=default, metadata=facts)


def _seconds(default: float, meaning: str) -> Any:
    return _setting(default, f"{meaning}, in seconds.", minimum=0.05, maximum=86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Where the server listens, who it is, whom it lets in, and how much it bears."""

    certificate: Path = _setting(_REQUIRED, "The server's certificate, then those between it and its root (PEM).")
    private_key: Path = _setting(_REQUIRED, "Its private key (unencrypted PEM that only its owner may read).")
    client_ca: Path = _setting(_REQUIRED, "The authorities that clients' certificates must come from (PEM).")
    client_crl: Path | None = _setting(
        None, "Their revocation lists (PEM). Once named it must be there and be current: else nobody gets in or stays."
    )
    client_certificate: str = _setting(
        "required",
        "Whether a KMIP client must show a certificate, or may be known by a credential in its messages alone.",
        choices=("required", "optional"),
    )
    tls_minimum: str = _setting("1.2", "The oldest TLS version that is spoken.", choices=("1.2", "1.3"))
    kmip_host: str = _setting(
        "0.0.0.0",  # noqa: S104  every client has to show a certificate
        "The address or name to listen on for KMIP; localhost means both loopback addresses.",
        pattern=r"[0-9A-Za-z:.%_-]+",
    )
    kmip_port: int = _setting(5696, "The port for KMIP over TLS; 0 takes any free one.", minimum=0, maximum=65_535)
    https_host: str = _setting(
        "0.0.0.0",  # noqa: S104
        "The address or name to listen on for HTTPS.",
        pattern=r"[0-9A-Za-z:.%_-]+",
    )
    https_port: int = _setting(
        5697, "The port for KMIP over HTTPS and for health; 0 takes any free one.", minimum=0, maximum=65_535
    )
    workers: int = _setting(1, "How many processes answer.", minimum=1, maximum=64)
    maximum_message_bytes: int = _setting(_MIB, "The longest request, its header included.", minimum=1024, maximum=_MIB)
    connections: int = _setting(
        10_000,
        "Open connections of a worker, on each port; one more ends the least lately used one of whoever has the most.",
        minimum=1,
        maximum=1_000_000,
    )
    connections_per_client: int = _setting(
        1_000,
        "Those of one client, or of one address that shows no certificate (IPv6: of one /64); one more ends the one "
        "that it used least lately.",
        minimum=1,
        maximum=1_000_000,
    )
    half_open_per_address: int = _setting(
        256,
        "Unfinished TLS handshakes from one address; one more than these ends the oldest.",
        minimum=1,
        maximum=100_000,
    )
    buffer_bytes: int = _setting(
        64 * _MIB,
        "What unfinished requests and unread answers of a worker may take up, on each port; more ends connections of "
        "whoever has the most of it.",
        minimum=4 * _MIB,
        maximum=1 << 40,
    )
    pipeline: int = _setting(
        16, "Requests of one connection that may wait for their answers.", minimum=1, maximum=10_000
    )
    handshake_seconds: float = _seconds(10, "How long a TLS handshake may take")
    stall_seconds: float = _seconds(10, "How long a begun request may stand still")
    message_seconds: float = _seconds(30, "How long a request may take to arrive")
    http_request_seconds: float = _seconds(15, "How long the head, and then the body, of an HTTP request may take")
    write_seconds: float = _seconds(30, "How long a client may leave its answers unread")
    idle_seconds: float = _seconds(3_600, "How long a connection may stay unused")
    stop_seconds: float = _seconds(10, "How long a stop waits for what has begun")
    log_level: str = _setting("info", "What is logged.", choices=("debug", "info", "warning", "error"))
    log_format: str = _setting(
        "auto", "How: JSON lines, or text; auto means text on a terminal.", choices=("auto", "json", "text")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Where objects are kept."""

    url: str = _setting(
        "sqlite:keystead.db",
        "The database: sqlite:PATH. It holds ciphertext only.",
        pattern=r"(sqlite|postgresql):.+",
    )

    @property
    def path(self) -> Path | None:
        """The file of an embedded database."""
        return _sqlite_path(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyConfig:
    """What opens the keys: the root of trust."""

    root: str = _setting(
        "key-file",
        "The kind of root: a key in a file, a master key sealed under a passphrase or under shares that several people "
        "hold, or a key in an HSM.",
        choices=("key-file", "passphrase", "shares", "pkcs11"),
    )
    directory: Path = _setting(Path("custody"), "Where wrapped key-encryption keys are kept, apart from the store.")
    key_file: Path | None = _setting(None, "The file with the key; custody/root.key unless given.")
    passphrase_file: Path | None = _setting(
        None, "A file with the passphrase, for a start without a terminal. Only its owner may read it."
    )
    pkcs11_module: Path | None = _setting(None, "The PKCS#11 module of the HSM that holds the root (a shared library).")
    pkcs11_token: str | None = _setting(None, "The label of its token.", pattern=r"[ -~]{1,32}")
    pkcs11_key: str = _setting(
        "keystead", "The label that the root's key is given in the token when it is made.", pattern=r"[ -~]{1,64}"
    )
    pin_file: Path | None = _setting(
        None, "A file with the token's PIN, for a start without a terminal. Only its owner may read it."
    )
    overwritten: str = _setting(
        "all",
        "Which memory is overwritten when it is let go: all, or only pieces of more than 512 bytes; that takes about a "
        "tenth less CPU and leaves keys lying until their memory is used again.",
        choices=("all", "large"),
    )
    swap: str = _setting(
        "refused",
        "Whether the server starts where its memory cannot be locked and the system swaps: allow it where swap is "
        "encrypted.",
        choices=("refused", "allowed"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The record of every request."""

    origin: str = _setting(
        "keystead",
        "The name of the log in its signed checkpoints; give each installation its own.",
        pattern=r"[!-*,-~]{1,200}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """What is allowed."""

    domain: str = _setting(
        "default", "The domain that clients are enrolled in unless another is named.", pattern=DOMAIN
    )
    algorithms: str = _setting(
        "default",
        "Which algorithms may protect new data: default, or only those that NIST approves.",
        choices=("default", "approved"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PKCS11Config:
    """What answers the PKCS#11 operation."""

    module: Path | None = _setting(
        None, "The PKCS#11 module of an HSM (a shared library). Without one Keystead is a library that has no slots."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The configuration, whole and checked."""

    server: ServerConfig
    store: StoreConfig = StoreConfig()
    custody: CustodyConfig = CustodyConfig()
    audit: AuditConfig = AuditConfig()
    policy: PolicyConfig = PolicyConfig()
    pkcs11: PKCS11Config = PKCS11Config()
    directory: Path = Path()
    file: Path | None = None

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read a configuration file.

        Raises:
            ConfigError: the file cannot be read, others may write it, or something in it is wrong; names it.
        """
        try:
            if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ConfigError(f"{path}: others may write this file; chmod 644 it")
            text = path.read_text("utf-8")
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{path}: this is not UTF-8") from None
        return replace(cls.parse(text, path.absolute().parent, str(path)), file=path.absolute())

    @classmethod
    def parse(cls, text: str, directory: Path, name: str = FILE_NAME) -> Config:
        """Parse the text of a configuration file.

        Args:
            text: TOML.
            directory: where relative paths start.
            name: of the file, for messages.

        Raises:
            ConfigError: names the section and key at fault, and the line where it stands.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            # At the end tomllib gives no line: something that was begun was not ended before.
            end = f"at the end, line {max(len(text.splitlines()), 1)}"
            raise ConfigError(f"{name}: {str(error).replace('at end of document', end)}") from None
        except (ValueError, RecursionError):  # beyond what Python's reader is made for, which says so otherwise
            raise ConfigError(f"{name}: a number is too long, or brackets stand in too many others") from None
        return _Reader(text, directory, name).config(document)

    @classmethod
    def reference(cls) -> str:
        """Render the reference page of the file in Markdown."""
        lines = ["# keystead.toml", "", "Generated from `keystead.config`. A path starts at the file's directory.", ""]
        for section, kind in SECTIONS.items():
            lines += [f"## [{section}]", "", kind.__doc__ or "", "", "| key | type | default | meaning |"]
            lines.append("| --- | --- | --- | --- |")
            for row in rows(kind):
                lines.append(f"| `{row.name}` | {row.expects} | {row.default_text} | {row.meaning} |")
            lines.append("")
        return "\n".join(lines)


SECTIONS: Final[Mapping[str, type]] = {
    "server": ServerConfig,
    "store": StoreConfig,
    "custody": CustodyConfig,
    "audit": AuditConfig,
    "policy": PolicyConfig,
    "pkcs11": PKCS11Config,
}

_Check = tuple[str, str, Callable[[Config], bool], str]
CHECKS: Final[tuple[_Check, ...]] = (
    (
        "server",
        "https_port",
        lambda c: c.server.https_port == 0 or c.server.https_port != c.server.kmip_port,
        "is the port of KMIP too",
    ),
    (
        "server",
        "stall_seconds",
        lambda c: c.server.stall_seconds <= c.server.message_seconds,
        "is longer than message_seconds",
    ),
    (
        "server",
        "connections_per_client",
        lambda c: c.server.connections_per_client <= c.server.connections,
        "is more than connections",
    ),
    (
        "server",
        "private_key",
        lambda c: c.server.private_key != c.server.certificate,
        "is the file of the certificate, which all may read",
    ),
    (
        "custody",
        "directory",
        lambda c: c.store.path is None or c.custody.directory != c.store.path.parent,
        "is the directory of the store; wrapped keys never lie beside what they wrap",
    ),
    (
        "custody",
        "key_file",
        lambda c: c.custody.key_file is None or c.custody.root == "key-file",
        "is named but root is not key-file",
    ),
    (
        "custody",
        "passphrase_file",
        lambda c: c.custody.passphrase_file is None or c.custody.root == "passphrase",
        "is named but root is not passphrase",
    ),
    (
        "custody",
        "pkcs11_module",
        lambda c: c.custody.root != "pkcs11" or c.custody.pkcs11_module is not None,
        "is missing; root is pkcs11",
    ),
    (
        "custody",
        "pkcs11_token",
        lambda c: c.custody.root != "pkcs11" or c.custody.pkcs11_token is not None,
        "is missing; root is pkcs11",
    ),
    (
        "pkcs11",
        "module",
        lambda c: (
            c.pkcs11.module is None
            or c.custody.pkcs11_module is None
            or c.pkcs11.module.resolve() != c.custody.pkcs11_module.resolve()
        ),
        "is the module of the root of trust, which one thread has for itself; name p11-kit's proxy here",
    ),
    (
        "store",
        "url",
        lambda c: not re.match(r"[a-z]+://[^/@]*:[^/@]*@", c.store.url),
        "holds a password; put it where only the server may read it, such as a pgpass file",
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A key of a section, as the table has it."""

    name: str
    kind: Any
    default: Any
    facts: Mapping[str, Any]

    @property
    def meaning(self) -> str:
        """What the key is for."""
        return str(self.facts["meaning"])

    @property
    def required(self) -> bool:
        """Whether the file must name it."""
        return bool(self.facts["required"])

    @property
    def default_text(self) -> str:
        """The default as one would write it in the file."""
        if self.required:
            return "required"
        if self.default is None:
            return "none"
        return f"`{toml_value(self.default)}`"

    @property
    def expects(self) -> str:
        """What a value must be, in words."""
        if choices := self.facts["choices"]:
            return "one of " + ", ".join(f'"{choice}"' for choice in choices)
        word = _KINDS[self.kind][1]
        low, high = self.facts["minimum"], self.facts["maximum"]
        return word if low is None else f"{word} from {low} to {high}"


_KINDS: Final[Mapping[type, tuple[tuple[type, ...], str]]] = {
    str: ((str,), "text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    Path: ((str,), "a path"),
}


def rows(section: type) -> Iterator[Row]:
    """Give the keys of a section, in order."""
    hints = get_type_hints(section)
    row: Field[Any]
    for row in fields(section):
        kind = hints[row.name]
        if get_origin(kind) is types.UnionType:
            (kind,) = (part for part in get_args(kind) if part is not types.NoneType)
        yield Row(row.name, kind, None if row.metadata["required"] else row.default, row.metadata)


def toml_value(value: object) -> str:
    """Write a value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in str(value))
    return f'"{escaped}"'


def render(sections: Mapping[str, Mapping[str, object]]) -> str:
    """Write sections of keys and values as a configuration file, each key under its meaning."""
    blocks = []
    for section, values in sections.items():
        known = {row.name: row for row in rows(SECTIONS[section])}
        lines = [f"[{section}]"]
        for key, value in values.items():
            lines += [f"# {known[key].meaning}", f"{key} = {toml_value(value)}"]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    directory: Path
    name: str

    def config(self, document: Mapping[str, Any]) -> Config:
        for section, values in document.items():
            if section not in SECTIONS:
                raise self._error(f"[{section}]: unknown section{_suggest(section, SECTIONS)}", section)
            if not isinstance(values, dict):
                raise self._error(f"[{section}]: this is a section, not a value", section)
        parsed = {
            section: self._section(section, kind, document.get(section, {})) for section, kind in SECTIONS.items()
        }
        config = Config(**parsed, directory=self.directory)
        for section, key, holds, message in CHECKS:
            if not holds(config):
                raise self._error(f"[{section}] {key}: {message}", section, key)
        return config

    def _section(self, section: str, kind: type, values: Mapping[str, Any]) -> Any:
        known = {row.name: row for row in rows(kind)}
        for key in values:
            if key not in known:
                raise self._error(f"[{section}] {key}: unknown key{_suggest(key, known)}", section, key)
        for row in known.values():
            if row.required and row.name not in values:
                raise self._error(f"[{section}] {row.name}: missing; {row.meaning}", section)
        parsed = {key: self._value(section, known[key], value) for key, value in values.items()}
        for row in known.values():  # a default path starts at the file's directory too
            if isinstance(row.default, Path):
                parsed.setdefault(row.name, self.directory / row.default)
        if section == "store":
            parsed["url"] = self._store_url(parsed.get("url", StoreConfig().url))
        return kind(**parsed)

    def _value(self, section: str, row: Row, value: Any) -> Any:
        def wrong(message: str) -> ConfigError:
            return self._error(f"[{section}] {row.name}: {message}", section, row.name)

        if type(value) not in _KINDS[row.kind][0]:  # exactly: to Python, though not to a reader, true is a number
            raise wrong(f"expected {row.expects}, not {_toml_type(value)}")
        facts = row.facts
        if facts["minimum"] is not None and not facts["minimum"] <= value <= facts["maximum"]:
            raise wrong(f"expected {row.expects}")
        if facts["choices"] and value not in facts["choices"]:
            raise wrong(f"expected {row.expects}{_suggest(value, facts['choices'])}")
        if facts["pattern"] and not re.fullmatch(facts["pattern"], value):
            raise wrong("this is not of the form that is expected")
        if row.kind is Path:
            if not value or "\0" in value:
                raise wrong("expected a path")
            return self.directory / Path(value).expanduser()
        if row.kind is float:
            if not math.isfinite(value):
                raise wrong(f"expected {row.expects}")
            return float(value)
        return value

    def _store_url(self, url: str) -> str:
        path = _sqlite_path(url)
        return url if path is None else f"sqlite://{self.directory / path}"

    def _error(self, message: str, section: str, key: str | None = None) -> ConfigError:
        line = self._line(section, key)
        return ConfigError(f"{self.name}: {message}" + (f" (line {line})" if line else ""))

    def _line(self, section: str, key: str | None) -> int | None:
        """Where a key stands; tomllib keeps no lines, and a message does not need more than a plain search gives."""
        inside = found = None
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[+\s*([\w.\"'-]+)\s*\]", line):
                inside = header[1].strip("\"'")
                found = found or (number if inside == section else None)
            elif key and inside == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]", line):
                return number
        return found


def _sqlite_path(url: str) -> Path | None:
    """The file of an embedded store: sqlite:PATH, or sqlite:///ABSOLUTE."""
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite":
        return None
    return Path(rest.removeprefix("//")).expanduser()


def _suggest(word: object, known: object) -> str:
    near = difflib.get_close_matches(str(word), list(known), 1)  # type: ignore[call-overload]
    return f"; did you mean {near[0]}?" if near else ""


def _toml_type(value: object) -> str:
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a table",
    }
    return words.get(type(value), "a date or time")
