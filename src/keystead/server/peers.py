"""Who is at the other end: from a client's certificate to a Caller, at the handshake and as long as it stays."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from keystead.errors import KeysteadError
from keystead.policy.access import Caller
from keystead.server.tls import Contexts, names_server
from keystead.server.turns import Answers

log = logging.getLogger("keystead.server")


@dataclass(slots=True, eq=False)
class Peer:
    """The other end of a connection.

    Attributes:
        address: its IP address.
        certificate: its leaf certificate in DER; None if it showed none.
        caller: who it is; None if it is nobody that is enrolled.
        names_server: its TLS named the server that it wants.
    """

    address: str
    certificate: bytes | None
    caller: Caller | None
    names_server: bool = True


class Peers:
    """Knows peers by their certificates.

    Args:
        engine: knows who is enrolled.
        contexts: the TLS contexts in force, whose revocation lists count; `contexts` may be replaced.
    """

    def __init__(self, engine: Answers, contexts: Contexts) -> None:
        self._engine = engine
        self.contexts = contexts

    def meet(self, transport: asyncio.BaseTransport) -> Peer | None:
        """Say who a new connection's peer is, before any byte of it is read; None if it must not stay.

        A peer without a certificate may stay; which listener lets it get this far is the handshake's business.
        """
        address = str((transport.get_extra_info("peername") or ("",))[0])
        tls = transport.get_extra_info("ssl_object")
        certificate: bytes | None = tls.getpeercert(True) if tls is not None else None
        if certificate is None:
            return Peer(address, None, None)
        if fault := self.contexts.refuses(certificate):
            log.warning("certificate refused", extra={"fields": {"address": address, "fault": fault}})
            return None
        named = names_server(tls)
        try:
            return Peer(address, certificate, self._caller(certificate, address, named), named)
        except KeysteadError as error:  # the store is out of reach: nobody can be told from anybody
            log.error("client not looked up", extra={"fields": {"address": address, "error": str(error)}})
            return None

    def recheck(self, peer: Peer) -> bool:
        """Ask again who a peer is; False if it may not stay.

        Raises:
            KeysteadError: the store is out of reach.
        """
        if peer.certificate is None:
            return True
        if self.contexts.refuses(peer.certificate):
            return False
        peer.caller = self._caller(peer.certificate, peer.address, peer.names_server)
        return peer.caller is not None

    def _caller(self, certificate: bytes, address: str, named: bool) -> Caller | None:
        caller = self._engine.caller_of(certificate, address)
        return caller if named or caller is None else replace(caller, names_server=False)
