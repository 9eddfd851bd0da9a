"""HTTPS: KMIP in TTLV, XML or JSON at /kmip, and health.

uvicorn's HTTP/1.1 protocol under the same listener as KMIP; deadlines, limits and identity are added here.

Source: KMIP Additional Message Encodings 1.0 section 2; RFC 9110; RFC 9457 (problem documents).
"""

from __future__ import annotations

import asyncio
import http
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import h11
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config as UvicornConfig
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from keystead.config import ServerConfig
from keystead.engine.engine import Incoming
from keystead.server.listener import Factory, Slot
from keystead.server.peers import Peer, Peers
from keystead.server.turns import Turns

log = logging.getLogger("keystead.server")

ENCODINGS: Mapping[str, tuple[str, str]] = {
    "application/octet-stream": ("ttlv", "application/octet-stream"),
    "text/xml": ("xml", "text/xml"),
    "application/xml": ("xml", "text/xml"),
    "application/json": ("json", "application/json"),
}
"""A request's media type → its encoding and the media type of the answer."""

MAXIMUM_HEAD_BYTES = 16 << 10
SECURITY_HEADERS = (
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

OUT_OF_SERVICE: Final = "out of service"
Health = Callable[[], Mapping[str, str]]
"""Tells the status: ok, sealed, degraded or out of service; of these two also why."""


def application(turns: Turns, config: ServerConfig, health: Health) -> ASGIApp:
    """Make the ASGI application.

    Args:
        turns: where messages are answered.
        config: limits and deadlines.
        health: tells how the server stands.
    """

    async def kmip(request: Request) -> Response:
        """Answer a KMIP message in its own encoding."""
        media_type, _, parameters = request.headers.get("content-type", "").partition(";")
        encoding = ENCODINGS.get(media_type.strip().lower())
        if encoding is None or not _utf8(parameters):
            raise HTTPException(415, "send application/octet-stream, text/xml or application/json in UTF-8")
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise HTTPException(415, "a compressed request is not read")
        peer: Peer = request.scope["state"]["peer"]
        if peer.caller is None:
            raise HTTPException(403, "show the certificate of an enrolled client")
        body = await read_body(request, config)
        if peer.caller is None:  # it may have been disabled while the body came
            raise HTTPException(403, "show the certificate of an enrolled client")
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        turns.submit(Incoming(body, peer.caller, encoding[0]), lambda answer: _settle(answered, answer), peer)
        answer = await answered
        if not answer:
            raise HTTPException(500)
        # Given as a header, the media type is sent as it is.
        return Response(answer, 200, {"content-type": encoding[1], "cache-control": "no-cache"})

    app = Starlette(
        routes=[
            healthz(health),
            Route("/kmip", kmip, methods=["POST"]),
        ],
        exception_handlers={HTTPException: answer_problem, Exception: answer_defect},
    )
    app.router.redirect_slashes = False
    return secured(app)


def healthz(health: Health) -> Route:
    """Make the page that tells whether the server serves, and nothing else of it."""

    async def page(_request: Request) -> Response:
        told = health()
        status = 503 if told["status"] == OUT_OF_SERVICE else 200  # one that is sealed waits for its custodians here
        return json_response(dict(told), status, {"cache-control": "no-store"})

    return Route("/healthz", page, methods=["GET"])


async def read_body(request: Request, config: ServerConfig) -> bytes:
    """Read a request's body within its limits.  Raises: HTTPException."""
    limit = config.maximum_message_bytes
    length = request.headers.get("content-length", "0")
    if int(length) > limit:  # h11 has let nothing but digits through
        raise HTTPException(413, f"a message has at most {limit} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(config.http_request_seconds):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise HTTPException(413, f"a message has at most {limit} bytes")
    except TimeoutError:
        raise HTTPException(408, "the message took too long to arrive") from None
    except ClientDisconnect:
        raise HTTPException(400, "the message is not whole") from None
    return bytes(body)


def _settle(future: asyncio.Future[bytes], answer: bytes) -> None:
    if not future.done():
        future.set_result(answer)


def _utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().lower().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            return False
    return True


def json_response(content: Mapping[str, Any], status: int, headers: Mapping[str, str], media: str = "") -> Response:
    """Answer in JSON, with these headers and those of every answer."""
    return Response(json.dumps(content), status, dict(headers), media or "application/json")


def problem(status: int, detail: str = "", instance: str = "") -> dict[str, Any]:
    """Give a problem document: what is wrong in general, and with this request.

    Source: RFC 9457 section 3.1.
    """
    document: dict[str, Any] = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status}
    if detail and detail != document["title"]:
        document["detail"] = detail
    if instance:
        document["instance"] = instance
    return document


def answer_problem(_request: Request, error: Exception) -> Response:
    """Answer an HTTPException with its problem document, and close."""
    refused = cast(HTTPException, error)
    # What is left of the request is not read, so nothing can follow it.
    headers = {"cache-control": "no-store", "connection": "close", **(refused.headers or {})}
    document = problem(refused.status_code, refused.detail)
    return json_response(document, refused.status_code, headers, "application/problem+json")


def answer_defect(_request: Request, error: Exception) -> Response:
    """Answer what nobody expected with an identifier, under which the log has the rest."""
    number = secrets.token_hex(6)
    log.error("defect", exc_info=error, extra={"fields": {"id": number}})
    document = problem(500, instance=f"urn:keystead:defect:{number}")
    return json_response(document, 500, {"cache-control": "no-store"}, "application/problem+json")


def secured(app: ASGIApp) -> ASGIApp:
    """Add the security headers to whatever is answered."""

    async def with_headers_of_security(scope: Scope, receive: Receive, send: Send) -> None:
        names = [name for name, _ in scope["headers"]]
        twofold = b"content-length" in names and b"transfer-encoding" in names

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        # A body whose end is told in two ways is read in two ways (RFC 9112 section 6.1).
        answer = answer_problem(Request(scope), HTTPException(400)) if twofold else app
        await answer(scope, receive, with_headers)

    return with_headers_of_security


def factory(peers: Peers, turns: Turns, config: ServerConfig, health: Health, app: ASGIApp | None = None) -> Factory:
    """Make what a listener opens HTTPS connections with.

    Args:
        app: another application than the usual one.
    """
    settings = UvicornConfig(
        cast(Any, app or application(turns, config, health)),
        http="h11",
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody in front of this server may say who a client is
        server_header=False,
        date_header=False,
        timeout_keep_alive=max(1, int(config.http_request_seconds)),
        h11_max_incomplete_event_size=MAXIMUM_HEAD_BYTES,
    )
    settings.load()
    state = ServerState()
    return lambda slot: HttpConnection(settings, state, slot, peers, config)


def _head_fault(received: bytes) -> int:
    """With which status a request's head is refused, whole or not: it is too long, or readers differ about it; else 0.

    Source: RFC 9112 sections 2.2 (a bare LF) and 5.2 (a folded line); RFC 6585 section 5.
    """
    end = _HEAD_END.search(received, 0, MAXIMUM_HEAD_BYTES)
    if end is None and len(received) > MAXIMUM_HEAD_BYTES:
        return 431
    return 400 if _MALFORMED.search(received, 0, end.end() if end else len(received)) else 0


_HEAD_END = re.compile(rb"\n\r?\n")
# A KMIP message on the wrong port has NULs: as a line it would never end.
_MALFORMED = re.compile(rb"\0|(?<!\r)\n|\n[ \t]")


class HttpConnection(H11Protocol):
    """One client's HTTPS connection."""

    def __init__(
        self, settings: UvicornConfig, state: ServerState, slot: Slot, peers: Peers, config: ServerConfig
    ) -> None:
        super().__init__(settings, state, {}, asyncio.get_running_loop())
        self._slot = slot
        self._peers = peers
        self._limits = config
        self._peer: Peer | None = None
        self.holder = ""
        self.held = 0  # bytes of the request that is being read
        self.used = self.loop.time()
        self._head_since: float | None = None  # since when a request's head is awaited
        self._unread_since: float | None = None  # since when the client leaves its answers unread
        self._seen_cycle: object = None

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done: no byte is read before it is known whose connection this is."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._peer = self._peers.meet(transport)
        if self._peer is not None:
            self.holder, self.app_state = self._peer.holder, {"peer": self._peer}
        self._slot.opened(self)
        if self._peer is None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        super().connection_lost(exc)
        self._slot.closed()

    def data_received(self, data: bytes) -> None:
        """Read what came, unless the peer may not stay."""
        if self._peer is None or self.transport.is_closing():
            return
        self._weigh(self.held + len(data))
        if self.conn.their_state is h11.IDLE and (fault := _head_fault(self.conn.trailing_data[0] + data)):
            self._refuse(fault)
        else:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """An answer has left."""
        self.used = self.loop.time()
        self._weigh(len(self.conn.trailing_data[0]))
        super().on_response_complete()

    def _weigh(self, size: int) -> None:
        self.held = size
        self._slot.holds(size)

    def pause_writing(self) -> None:
        """The client does not read its answers."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._unread_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request."""
        self._refuse(400)

    def sweep(self, now: float) -> None:
        """End the connection if one of its deadlines has passed."""
        if self._unread_since is not None and now - self._unread_since > self._limits.write_seconds:
            self.abort()
            return
        if self.conn.their_state is not h11.IDLE or self.cycle is not self._seen_cycle:
            self._seen_cycle, self._head_since = self.cycle, None
        elif self._head_since is None:
            self._head_since = now
        elif now - self._head_since > self._limits.http_request_seconds:
            if self.conn.trailing_data[0]:
                self._refuse(408)
            else:
                self.transport.close()

    def recheck(self) -> None:
        """End the connection if its client may not stay."""
        if self._peer is not None and not self._peers.recheck(self._peer):
            self.abort()

    def stop(self) -> None:
        """Answer what arrived, then close."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()
        self._weigh(0)

    def _refuse(self, status: int) -> None:
        """Answer without an application: there is no request to give it."""
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(problem(status)).encode()
            head = [
                f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}".encode(),
                b"content-type: application/problem+json",
                b"content-length: %d" % len(body),
                b"cache-control: no-store",
                b"connection: close",
                *(b": ".join(header) for header in SECURITY_HEADERS),
            ]
            self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()
