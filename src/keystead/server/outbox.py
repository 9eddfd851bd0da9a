"""Deliver what the server tells clients: connect to their endpoints, send, and read what they answer.

What is to be sent, and when again, the engine says.  Here is only the way there: a name is resolved, an address that
may not be connected to is refused, and the endpoint shows a certificate of its authority before anything is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, Protocol

from keystead.config import ServerConfig
from keystead.engine.endpoints import Endpoint, may_connect
from keystead.engine.notices import Delivery, refusal
from keystead.errors import CodecError, KeysteadError
from keystead.kmip.connection import Connection as Framer

log = logging.getLogger("keystead.server")

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 10.0
MOST_CONNECTIONS: Final = 32
"""At a time, one to an endpoint."""
MOST_ANSWER_BYTES: Final = 1 << 16


class Delivers(Protocol):
    """What is needed of the engine."""

    def deliveries(self) -> Sequence[Delivery]:
        """Give the messages that are to be sent now."""

    def delivered(self, delivery: Delivery, fault: str, *, answered: bool) -> None:
        """Note what became of one."""


class Outbox:
    """Sends what waits, each endpoint's messages in order over one connection.

    Args:
        engine: what waits.
        config: whose certificate the server shows where an endpoint names none.
    """

    def __init__(self, engine: Delivers, config: ServerConfig) -> None:
        self._engine = engine
        self._config = config
        self._sending: dict[str, asyncio.Task[None]] = {}

    def beat(self) -> None:
        """Begin to send what is due; about once a second."""
        if len(self._sending) >= MOST_CONNECTIONS:
            return
        for key, found in groupby(self._engine.deliveries(), key=lambda delivery: delivery.endpoint.key):
            task = asyncio.get_running_loop().create_task(self._send(list(found)))
            self._sending[key] = task
            task.add_done_callback(lambda task, key=key: self._sent(key, task))  # type: ignore[misc]

    async def stop(self) -> None:
        """Break off what is being sent; it is sent again after the next start."""
        sending = list(self._sending.values())
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    def _sent(self, key: str, task: asyncio.Task[None]) -> None:
        if self._sending.get(key) is task:
            del self._sending[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("notices not delivered", exc_info=error)

    async def _send(self, deliveries: list[Delivery]) -> None:
        endpoint = deliveries[0].endpoint
        try:
            reader, writer = await asyncio.wait_for(connect(endpoint, self._config), CONNECT_SECONDS)
        except (OSError, ssl.SSLError, TimeoutError, KeysteadError, UnicodeError) as error:
            self._note(deliveries, _fault(error))
            return
        try:
            for number, delivery in enumerate(deliveries):
                try:
                    answer = await asyncio.wait_for(_exchange(reader, writer, delivery.message), ANSWER_SECONDS)
                except (OSError, ssl.SSLError, TimeoutError, CodecError) as error:
                    self._note(deliveries[number:], _fault(error))
                    return
                self._note([delivery], refusal(answer), answered=True)
        finally:
            writer.close()

    def _note(self, deliveries: Iterable[Delivery], fault: str, *, answered: bool = False) -> None:
        for delivery in deliveries:
            if fault:
                log.warning("notice not delivered", extra={"fields": {"host": delivery.endpoint.host, "fault": fault}})
            self._engine.delivered(delivery, fault, answered=answered)


async def connect(endpoint: Endpoint, config: ServerConfig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to an endpoint.

    Raises:
        OSError: it cannot be reached, or is where nothing may be connected to.
        ssl.SSLError: it did not show the right certificate, or did not take the server's.
    """
    context = _context(endpoint, config)
    found = await asyncio.get_running_loop().getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    allowed = [one for one in addresses if may_connect(endpoint.host, ipaddress.ip_address(one.partition("%")[0]))]
    if not allowed:
        raise OSError("no address of the host may be connected to")
    last = OSError("the host has no address")
    for address in allowed:
        try:
            return await asyncio.open_connection(
                address, endpoint.port, ssl=context, server_hostname=endpoint.server_name, limit=MOST_ANSWER_BYTES
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            last = error
    raise last


def _context(endpoint: Endpoint, config: ServerConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=endpoint.authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if endpoint.certificate:
        context.load_cert_chain(endpoint.certificate, endpoint.private_key, password=_no_password)
    else:
        context.load_cert_chain(config.certificate, config.private_key, password=_no_password)
    return context


def _no_password() -> str:
    raise OSError("the private key is encrypted")


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> bytes:
    writer.write(message)
    await writer.drain()
    framer = Framer(MOST_ANSWER_BYTES, requests=False)
    while True:
        data = await reader.read(MOST_ANSWER_BYTES)
        if not data:
            raise ConnectionResetError("the endpoint closed the connection")
        if messages := framer.receive(data):
            return messages[0]


def _fault(error: BaseException) -> str:
    """What went wrong, for the log and the audit."""
    if isinstance(error, TimeoutError):
        return "the endpoint took too long"
    return str(error) or type(error).__name__
