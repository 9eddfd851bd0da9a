"""Where clients listen for what the server tells them: one endpoint for a client, named by an operator.

Nothing else is ever connected to.  What an endpoint must show, and where it is, is sealed: who can write to the store
cannot have keys sent elsewhere.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from keystead.audit.log import Event
from keystead.engine import identities
from keystead.engine.context import Turn
from keystead.engine.sealed import Sealed
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason
from keystead.kmip.version import V2_1, Version

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

OUTBOX: Final = "outbox"
"""The kind of the entries that wait for an endpoint, under its key."""
_ENDPOINT: Final = "endpoint"
_CHANGED: Final = ("setting", "endpoints")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a client listens.

    Attributes:
        identity: of the client.
        host: a name or an address.
        server_name: that its certificate must have.
        authorities: that its certificate must come from, in PEM.
        certificate: the file of the certificate to show it, with its chain; the server's own if "".
        private_key: the file of its key.
        version: in which to speak.
        notify, put: what it wants to be told.
    """

    identity: str
    domain: str
    host: str
    port: int
    server_name: str
    authorities: str = field(repr=False)
    certificate: str = ""
    private_key: str = ""
    version: Version = V2_1
    notify: bool = True
    put: bool = True

    @property
    def key(self) -> str:
        return f"{self.domain}:{self.identity}"


def register(
    engine: Engine,
    identity: str,
    host: str,
    port: int,
    authorities: str,
    *,
    server_name: str = "",
    certificate: str = "",
    private_key: str = "",
    version: Version = V2_1,
    notify: bool = True,
    put: bool = True,
) -> Endpoint:
    """Name the endpoint of a client, in place of the one that it had; an event of the audit.

    Raises:
        OperationFailed: Invalid Field; Item Not Found, there is no such client.
    """
    if not host or not host.isprintable() or len(host) > 253 or any(character in host for character in "/@ []"):
        raise _bad("the host is a name or an address, nothing more")
    if not 0 < port < 65_536:
        raise _bad("the port is 1 to 65535")
    if not (notify or put):
        raise _bad("an endpoint is for Notify, for Put or for both")
    if bool(certificate) != bool(private_key):
        raise _bad("a certificate and its private key come together")
    literal = address_of(host)
    if literal is not None and not may_connect(host, literal):
        raise _bad("no client listens at such an address")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError):
        raise _bad("the authorities are certificates in PEM") from None

    def keep(turn: Turn) -> Endpoint:
        client = identities.by_identity(turn.transaction, identity)
        if client is None:
            raise OperationFailed(ResultReason.ITEM_NOT_FOUND, "there is no client of this identity")
        endpoint = Endpoint(
            identity=identity,
            domain=client.domain,
            host=host,
            port=port,
            server_name=server_name or host,
            authorities=authorities,
            certificate=certificate,
            private_key=private_key,
            version=version,
            notify=notify,
            put=put,
        )
        _sealed(turn, client.domain).put(endpoint.key, json.dumps(asdict(endpoint)).encode())
        _changed(turn, "Register Endpoint", client.domain, identity, f"{client.name} at {host}:{port}")
        return endpoint

    return engine.turn(keep)


def remove(engine: Engine, identity: str) -> bool:
    """Forget the endpoint of a client and what waits for it; whether there was one.  An event of the audit."""

    def drop(turn: Turn) -> bool:
        keys = [key for key, _ in turn.transaction.entries(_ENDPOINT) if key.endswith(f":{identity}")]
        for key in keys:
            turn.transaction.delete_entry(_ENDPOINT, key)
            for waiting, _ in turn.transaction.entries(OUTBOX, f"{key}:"):
                turn.transaction.delete_entry(OUTBOX, waiting)
            _changed(turn, "Remove Endpoint", key.rpartition(":")[0], identity, "")
        return bool(keys)

    return engine.turn(drop)


def endpoints(turn: Turn) -> Mapping[str, Endpoint]:
    """All endpoints, by key; read again only when one has changed.

    Raises:
        TamperError: what the store holds is not what was sealed.
    """
    version = turn.transaction.entry_version(*_CHANGED)
    known, found = turn.engine.endpoints
    if version == known:
        return found
    found = {}
    for key, _ in turn.transaction.entries(_ENDPOINT):
        fields = json.loads(_sealed(turn, key.rpartition(":")[0]).get(key) or b"{}")
        found[key] = Endpoint(**{**fields, "version": Version(fields["version"])})
    if not turn.rehearsal:
        turn.engine.endpoints = (version, found)
    return found


def may_connect(host: str, address: Address) -> bool:
    """Whether the server may connect to an address that a configured host has now.  (W17)

    Never to link-local addresses, where clouds keep their secrets, to all or to none; to itself only if the operator
    wrote so, as any name can be made to mean 127.0.0.1.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        literal = address_of(host)
        return host.lower() == "localhost" or (literal is not None and literal.is_loopback)
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved)


def address_of(host: str) -> Address | None:
    """The address that a host is; None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _sealed(turn: Turn, domain: str) -> Sealed:
    return Sealed(turn.transaction, turn.engine.vault, _ENDPOINT, domain)


def _changed(turn: Turn, operation: str, domain: str, identity: str, said: str) -> None:
    turn.transaction.put_entry(*_CHANGED, b"")
    turn.events.append(
        Event(
            time=turn.now_us,
            operation=operation,
            status="Success",
            name="operator",
            domain=domain,
            unique_identifiers=(identity,),
            message=said,
        ).encode()
    )


def _bad(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_FIELD, message)
