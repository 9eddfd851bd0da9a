"""Who is at the other end: from a client's certificate to a Caller, at the handshake and as long as it stays."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace

from keystead.errors import KeysteadError, TamperError
from keystead.policy.access import Caller
from keystead.server.listener import site_of
from keystead.server.tls import Contexts, Shown, names_server, shown
from keystead.server.turns import Answers

log = logging.getLogger("keystead.server")


@dataclass(slots=True, eq=False)
class Peer:
    """The other end of a connection.

    Attributes:
        address: its IP address.
        shown: the certificates that it showed; None if it showed none.
        caller: who it is; None if it is nobody that is enrolled.
        holder: what its connections count as: its identity, or where it comes from.
        names_server: its TLS named the server that it wants.
    """

    address: str
    shown: Shown | None
    caller: Caller | None
    holder: str
    names_server: bool = True


class Peers:
    """Knows peers by their certificates.

    Args:
        engine: knows who is enrolled.
        contexts: the TLS contexts in force, whose revocation lists count; `contexts` may be replaced.
        nobody: who a peer without a certificate is; None if such a one is not answered.
    """

    def __init__(self, engine: Answers, contexts: Contexts, nobody: Caller | None = None) -> None:
        self._engine = engine
        self._nobody = nobody
        self.contexts = contexts
        self.until = contexts.until
        """POSIX seconds; after that somebody who is connected may not stay, because a certificate has expired."""

    def meet(self, transport: asyncio.BaseTransport) -> Peer | None:
        """Say who a new connection's peer is, before any byte of it is read; None if it must not stay.

        A peer without a certificate may stay; which listener lets it get this far is the handshake's business.
        """
        address = str((transport.get_extra_info("peername") or ("",))[0])
        tls = transport.get_extra_info("ssl_object")
        named = tls is None or names_server(tls)
        certificates = None if tls is None else shown(tls)
        if certificates is None:
            return self._made(Peer(address, None, self._unnamed(address, named), "", named))
        if fault := self._fault(certificates):
            log.warning("certificate refused", extra={"fields": {"address": address, "fault": fault}})
            return None
        try:
            return self._made(Peer(address, certificates, self._caller(certificates, address, named), "", named))
        except KeysteadError as error:  # the store is out of reach: nobody can be told from anybody
            log.error("client not looked up", extra={"fields": {"address": address, "error": str(error)}})
            return None

    def recheck(self, peer: Peer) -> bool:
        """Ask again who a peer is; False if it may not stay, as one whose enrolment was tampered with.

        Raises:
            KeysteadError: the store is out of reach.
        """
        if peer.shown is None:
            return True
        if self._fault(peer.shown):
            peer.caller = None
            return False
        try:
            peer.caller = self._caller(peer.shown, peer.address, peer.names_server)
        except TamperError as error:
            log.critical("client not looked up", extra={"fields": {"address": peer.address, "error": str(error)}})
            peer.caller = None
        return peer.caller is not None

    def _fault(self, certificates: Shown) -> str:
        self.until = min(self.until, certificates.until)
        return self.contexts.refuses(certificates, time.time())

    @staticmethod
    def _made(peer: Peer) -> Peer:
        peer.holder = peer.caller.identity if peer.caller is not None else ""
        peer.holder = peer.holder or site_of(peer.address)
        return peer

    def _unnamed(self, address: str, named: bool) -> Caller | None:
        return self._nobody and replace(self._nobody, address=address, names_server=named)

    def _caller(self, certificates: Shown, address: str, named: bool) -> Caller | None:
        caller = self._engine.caller_of(certificates.leaf, address)
        return caller if named or caller is None else replace(caller, names_server=False)
