"""The HTTPS port: KMIP in three encodings, health, and what HTTP is refused (W02-W05, W18, W19, L18)."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from keystead.server.http import ENCODINGS

from .harness import Echo, Pki, Running, closed_within, eventually, request, response

Start = Callable[..., Running]
TTLV = {"Content-Type": "application/octet-stream"}


def ask(
    server: Running,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    client: str | None = "alice",
) -> tuple[int, dict[str, str], bytes]:
    """Ask over a connection of its own."""
    connection = http.client.HTTPSConnection(
        "localhost", server.ports["https"], context=server.context(client), timeout=5
    )
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def speak(server: Running, text: bytes, client: str | None = "alice") -> bytes:
    """Send bytes and read until the server closes."""
    with server.connect(client, "https") as connection:
        connection.sendall(text)
        got = b""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while part := connection.recv(65_536):
                got += part
        return got


@pytest.mark.parametrize("media_type", ENCODINGS)
def test_kmip_is_answered_in_its_own_encoding(start: Start, engine: Echo, media_type: str) -> None:
    server = start()
    encoding, answered = ENCODINGS[media_type]
    body = request() if encoding == "ttlv" else b"<or json>"
    status, headers, answer = ask(server, "POST", "/kmip", body, {"Content-Type": media_type})
    assert (status, answer) == (200, response() if encoding == "ttlv" else body)
    assert headers["content-type"] == answered
    assert headers["cache-control"] == "no-cache"
    assert int(headers["content-length"]) == len(answer)
    assert "server" not in headers
    incoming = engine.turns[0][0]
    assert (incoming.encoding, incoming.caller.name, incoming.caller.address) == (encoding, "alice", "127.0.0.1")


def test_http_1_0_is_spoken(start: Start) -> None:
    head = b"POST /kmip HTTP/1.0\r\nContent-Type: application/octet-stream\r\nContent-Length: 16\r\n\r\n"
    got = speak(start(), head + request())
    assert got.startswith(b"HTTP/1.1 200")
    assert got.endswith(response())


def test_requests_on_one_connection_are_answered_in_order(start: Start) -> None:
    server = start()
    one = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 16\r\n\r\n"
    last = one.replace(b"Host: x", b"Host: x\r\nConnection: close")
    got = speak(server, b"".join(one + request(i.to_bytes(8, "big")) for i in range(5)) + last + request(bytes(8)))
    bodies = [part[-8:] for part in got.split(b"HTTP/1.1 200")[1:]]
    assert [int.from_bytes(body, "big") for body in bodies] == [0, 1, 2, 3, 4, 0]


def test_W18_health_tells_its_word_and_nothing_else_to_anybody(start: Start, engine: Echo) -> None:
    server = start()
    for client in (None, "alice"):
        status, headers, answer = ask(server, "GET", "/healthz", client=client)
        assert (status, json.loads(answer)) == (200, {"status": "ok"})
        assert "server" not in headers
        assert headers["cache-control"] == "no-store"
    engine.sealed = True
    assert eventually(lambda: json.loads(ask(server, "GET", "/healthz")[2]) == {"status": "sealed"})
    engine.wrong = "the disk failed"
    told = {"status": "out of service", "why": "the disk failed"}
    assert eventually(lambda: json.loads(ask(server, "GET", "/healthz")[2]) == told)
    assert ask(server, "GET", "/healthz")[0] == 503  # whoever spreads the load sends nobody here
    engine.wrong, engine.sealed = "", False
    assert eventually(lambda: ask(server, "GET", "/healthz")[0] == 200)
    assert engine.turns == []


def test_every_answer_has_the_security_headers(start: Start) -> None:
    server = start()
    for path in ("/healthz", "/nowhere"):
        headers = ask(server, "GET", path)[1]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "strict-transport-security" in headers


REFUSED: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "another path": (404, "GET", "/", {}),
    "a slash more": (404, "POST", "/kmip/", TTLV),
    "dots": (404, "POST", "/x/../kmip", TTLV),
    "coded dots": (404, "POST", "/%2e%2e/kmip", TTLV),
    "a NUL": (404, "POST", "/kmip%00", TTLV),
    "GET of kmip": (405, "GET", "/kmip", {}),
    "HEAD of kmip": (405, "HEAD", "/kmip", {}),
    "TRACE": (405, "TRACE", "/kmip", {}),
    "OPTIONS": (405, "OPTIONS", "/kmip", {}),
    "PUT": (405, "PUT", "/kmip", TTLV),
    "POST of health": (405, "POST", "/healthz", TTLV),
    "another method said": (405, "GET", "/kmip", {"X-HTTP-Method-Override": "POST", **TTLV}),
    "no media type": (415, "POST", "/kmip", {}),
    "another media type": (415, "POST", "/kmip", {"Content-Type": "text/plain"}),
    "another charset": (415, "POST", "/kmip", {"Content-Type": "text/xml; charset=utf-16"}),
    "compression": (415, "POST", "/kmip", {**TTLV, "Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_W02_W06_refusals_are_problem_documents(start: Start, engine: Echo, what: str) -> None:
    status, method, path, headers = REFUSED[what]
    body = request() if method in ("POST", "PUT") else None
    got, got_headers, answer = ask(start(), method, path, body, headers)
    assert got == status
    assert got_headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        assert json.loads(answer)["status"] == status
    assert engine.turns == []


@pytest.mark.parametrize("client", [None, "stranger"])
def test_who_is_not_enrolled_is_refused_before_the_body_is_read(
    start: Start, engine: Echo, pki: Pki, client: str | None
) -> None:
    pki.keep("stranger", pki.authority.issue_client("alice"))
    head = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    assert speak(start(), head, client).startswith(b"HTTP/1.1 403")
    assert engine.turns == []


def test_a_wrong_certificate_is_not_as_good_as_none(start: Start, pki: Pki) -> None:
    server = start()
    from keystead.pki.ca import Authority

    pki.keep("foreign", Authority.create("Test CA", "P-256").issue_client("alice"))
    pki.keep("a-server", pki.authority.issue_server())
    for client in ("foreign", "a-server"):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            ask(server, "GET", "/healthz", client=client)


def test_L18_headers_do_not_say_who_a_client_is(start: Start, engine: Echo) -> None:
    server = start()
    spoofed = {"X-Forwarded-For": "10.0.0.1", "X-SSL-Client-Cert": "bob", "Forwarded": "for=10.0.0.1", **TTLV}
    ask(server, "POST", "/kmip", request(), spoofed)
    caller = engine.turns[0][0].caller
    assert (caller.name, caller.address) == ("alice", "127.0.0.1")


def test_L06_a_disabled_client_loses_its_https_connection(start: Start, engine: Echo, pki: Pki) -> None:
    server = start(http_request_seconds=30)
    with server.connect("alice", "https") as connection:
        engine.disable(pki.der("alice"))
        assert closed_within(connection, 5)


def test_a_body_of_the_limit_is_read_and_a_longer_one_refused(start: Start) -> None:
    server = start(maximum_message_bytes=4096)
    assert ask(server, "POST", "/kmip", request(bytes(4088)), TTLV)[0] == 200
    assert ask(server, "POST", "/kmip", request(bytes(4096)), TTLV)[0] == 413
    chunked = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert speak(server, chunked + b"1000\r\n" + bytes(4096) + b"\r\n1\r\nx\r\n0\r\n\r\n").startswith(b"HTTP/1.1 413")


BROKEN: dict[str, tuple[bytes, bytes]] = {
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"400"),
    "a length that is no number": (b"Content-Length: 1e3\r\n\r\n", b"400"),
    "a folded header": (b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", b"400"),
    "a bare line feed": (b"X: a\nContent-Length: 0\r\n\r\n", b"400"),
    "chunks and a length": (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    "an endless chunk": (b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFFFFF\r\n", b"400"),
    "a name with a space": (b"Content Length: 3\r\n\r\n", b"400"),
    "a long header": (b"X: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
    "many headers": (b"X: y\r\n" * 20_000 + b"\r\n", b"431"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_W03_what_is_not_http_is_refused(start: Start, engine: Echo, what: str) -> None:
    text, status = BROKEN[what]
    got = speak(start(), b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + text)
    assert got.startswith(b"HTTP/1.1 " + status)
    assert engine.messages == []


def test_W03_a_long_address_is_refused(start: Start) -> None:
    assert speak(start(), b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "text",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\nabc",
    ],
    ids=["head", "body"],
)
def test_W04_a_slow_head_or_body_has_a_deadline(start: Start, engine: Echo, text: bytes) -> None:
    server = start(http_request_seconds=0.3)
    begin = time.monotonic()
    assert speak(server, text).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - begin < 2
    assert engine.turns == []


def test_W04_a_dripping_head_has_a_deadline(start: Start) -> None:
    server = start(http_request_seconds=0.4)
    with server.connect(port="https") as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begin < 4:
                connection.sendall(b"X: y\r\n")
                time.sleep(0.03)
        assert time.monotonic() - begin < 3


def test_an_unused_https_connection_is_closed(start: Start) -> None:
    server = start(http_request_seconds=0.3)
    with server.connect(port="https") as connection:
        assert closed_within(connection, 3)


def test_a_connection_in_use_is_not_closed(start: Start) -> None:
    server = start(http_request_seconds=0.5)
    connection = http.client.HTTPSConnection("localhost", server.ports["https"], context=server.context(), timeout=5)
    with contextlib.closing(connection):
        for _ in range(6):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b'{"status": "ok"}'
            time.sleep(0.2)


def test_W19_a_defect_is_told_as_an_identifier_only(start: Start, engine: Echo, caplog: Any) -> None:
    server = start()
    engine.fail = True
    status, _, answer = ask(server, "POST", "/kmip", request(), TTLV)
    assert status == 500
    assert set(json.loads(answer)) <= {"type", "title", "status", "instance"}
    assert b"0123456789abcdef" not in answer


def test_a_stop_answers_an_http_request_that_has_begun(start: Start) -> None:
    server = start()
    with server.connect(port="https") as connection, server.connect(port="https") as idle:
        head = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 16\r\n\r\n"
        connection.sendall(head + request()[:8])
        time.sleep(0.1)
        server.begin_stop()
        assert closed_within(idle, 2)
        connection.sendall(request()[8:])
        got = b""
        while part := connection.recv(4096):
            got += part
        assert got.endswith(response())
