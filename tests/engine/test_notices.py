"""Notify and Put: what is filed, what is sent, and to whom."""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keystead.audit.log import Event
from keystead.config import ServerConfig
from keystead.engine import endpoints, notices
from keystead.engine.endpoints import may_connect, register, remove
from keystead.engine.notices import Delivery
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attributes
from keystead.kmip.connection import Connection
from keystead.kmip.enums import Operation, PutFunction, ResultReason, ResultStatus, RevocationReasonCode, State
from keystead.kmip.messages import (
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    dump_message,
    load_request,
    protocol_version,
)
from keystead.kmip.payloads.attributes import AddAttributeRequest, DeleteAttributeRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, DestroyRequest, RevokeRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.payloads.session import NotifyRequest
from keystead.kmip.structures import RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_2, V2_1, V3_0, Version
from keystead.pki.ca import Authority
from keystead.server import outbox as sender
from keystead.server.outbox import Outbox
from tests.engine.world import World, create_request


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("listeners", "P-256")


def pem(authority: Authority) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return authority.certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def alice(world: World, authority: Authority) -> str:
    """The identity of alice, who has an endpoint."""
    identity = world.callers["alice"].identity
    register(world.engine, identity, "localhost", 5696, pem(authority))
    return identity


def claimed(world: World) -> list[tuple[Any, Delivery]]:
    """What is to be sent now: payloads and deliveries."""
    found = []
    for delivery in world.engine.deliveries():
        message, version = load_request(delivery.message)
        assert version is delivery.endpoint.version
        (item,) = message.batch_item
        found.append((item.request_payload, delivery))
    return found


def told(world: World) -> list[Any]:
    """What is to be sent now, and is taken by the client."""
    found = claimed(world)
    for _, delivery in found:
        world.engine.delivered(delivery, "", answered=True)
    return [payload for payload, _ in found]


def events(world: World, *operations: str) -> list[tuple[str, str, str]]:
    with world.engine.store.begin(write=False) as transaction:
        found = [Event.decode(data, number) for number, data in transaction.events()]
    return [(one.operation, one.status, one.message) for one in found if one.operation in operations]


# --- what is filed ----------------------------------------------------------------------------------------------------


def test_a_new_object_is_put(world: World, alice: str) -> None:
    key = world.create("new")
    (put,) = told(world)
    assert (put.unique_identifier, put.put_function, put.replaced_unique_identifier) == (key, PutFunction.NEW, None)
    assert put.object == world.do(GetRequest(unique_identifier=key)).object
    assert put.attributes.get(Tag.NAME).name_value == "new"
    assert put.attributes.get(Tag.STATE) is State.PRE_ACTIVE
    assert told(world) == []


def test_a_replacement_says_what_it_replaces(world: World, alice: str) -> None:
    key = world.create("rotated")
    told(world)
    new = world.do(ReKeyRequest(unique_identifier=key)).unique_identifier
    found = told(world)
    (put,) = [one for one in found if not isinstance(one, NotifyRequest)]
    assert (put.unique_identifier, put.put_function, put.replaced_unique_identifier) == (new, PutFunction.REPLACE, key)
    (notify,) = [one for one in found if isinstance(one, NotifyRequest)]
    assert notify.unique_identifier == key
    assert notify.attributes.get(Tag.REPLACEMENT_OBJECT_LINK) == new
    assert notify.attribute_reference == (Tag.NAME,)


def test_changed_and_deleted_attributes_are_notified(world: World, alice: str) -> None:
    key = world.create()
    told(world)
    world.clock.move(60)
    world.do(ActivateRequest(unique_identifier=key))
    (notify,) = told(world)
    now = int(world.clock.now)
    assert notify.unique_identifier == key
    assert {one.name: one.value for one in notify.attributes} == {
        Tag.ACTIVATION_DATE: now,
        Tag.STATE: State.ACTIVE,
        Tag.LAST_CHANGE_DATE: now,
    }
    assert notify.attribute_reference == ()
    contact = Attributes.of({Tag.CONTACT_INFORMATION: "ops"})
    world.do(AddAttributeRequest(unique_identifier=key, new_attribute=next(iter(contact))))
    told(world)
    world.do(DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.CONTACT_INFORMATION))
    (notify,) = told(world)
    assert notify.attribute_reference == (Tag.CONTACT_INFORMATION,)
    assert {one.name for one in notify.attributes} == {Tag.LAST_CHANGE_DATE}


def test_in_1_x_a_deleted_attribute_has_no_value(world: World, authority: Authority) -> None:
    identity = world.callers["alice"].identity
    register(world.engine, identity, "localhost", 5696, pem(authority), version=V1_2)
    key = world.create()
    contact = Attributes.of({Tag.CONTACT_INFORMATION: "ops"})
    world.do(AddAttributeRequest(unique_identifier=key, new_attribute=next(iter(contact))))
    told(world)
    world.do(DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.CONTACT_INFORMATION))
    (notify,) = told(world)
    assert [(one.name, one.value is None) for one in notify.attributes] == [
        (Tag.LAST_CHANGE_DATE, False),
        (Tag.CONTACT_INFORMATION, True),
    ]


@pytest.mark.parametrize("version", [V1_2, V2_1, V3_0])
def test_the_message_has_no_field_that_a_notice_may_not_have(
    world: World, authority: Authority, version: Version
) -> None:
    identity = world.callers["alice"].identity
    register(world.engine, identity, "localhost", 5696, pem(authority), version=version)
    world.create()
    (delivery,) = world.engine.deliveries()
    header = load_request(delivery.message)[0].request_header
    assert header.time_stamp == int(world.clock.now)
    for name in ("maximum_response_size", "asynchronous_indicator", "batch_error_continuation_option",
                 "batch_order_option", "authentication"):  # fmt: skip
        assert getattr(header, name) is None


def test_what_was_undone_is_not_told(world: World, alice: str) -> None:
    from keystead.kmip.enums import BatchErrorContinuationOption

    world.batch(
        create_request(),
        GetRequest(unique_identifier="none"),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )
    world.refused(create_request(cryptographic_length=255))
    assert told(world) == []


def test_changes_that_wait_are_told_together(world: World, alice: str) -> None:
    key = world.create()
    told(world)
    world.do(ActivateRequest(unique_identifier=key))
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    world.do(RevokeRequest(unique_identifier=key, revocation_reason=reason))
    world.do(DestroyRequest(unique_identifier=key))
    (notify,) = told(world)
    assert {Tag.ACTIVATION_DATE, Tag.COMPROMISE_DATE, Tag.DESTROY_DATE} <= {one.name for one in notify.attributes}
    assert notify.attributes.get(Tag.STATE) is State.DESTROYED_COMPROMISED


def test_reading_is_no_news(world: World, alice: str) -> None:
    key = world.create()
    told(world)
    world.do(GetRequest(unique_identifier=key))
    assert told(world) == []


def test_only_what_was_asked_for_is_told(world: World, authority: Authority) -> None:
    identity = world.callers["alice"].identity
    register(world.engine, identity, "localhost", 5696, pem(authority), put=False)
    key = world.create()
    assert told(world) == []
    world.do(ActivateRequest(unique_identifier=key))
    assert len(told(world)) == 1
    register(world.engine, identity, "localhost", 5696, pem(authority), notify=False)
    world.do(ActivateRequest(unique_identifier=world.create()))
    assert [type(one).__name__ for one in told(world)] == ["PutRequest"]


def test_k29_others_are_told_nothing_unless_they_were_granted_it(world: World, authority: Authority) -> None:
    bob, alice = world.callers["bob"], world.callers["alice"]
    register(world.engine, bob.identity, "localhost", 5696, pem(authority))
    key = world.create()
    world.do(ActivateRequest(unique_identifier=key))
    assert told(world) == []
    with world.engine.store.begin() as transaction:
        transaction.grant(alice.domain, alice.identity, key, bob.identity, [int(Operation.GET_ATTRIBUTES)])
        transaction.commit()
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    world.do(RevokeRequest(unique_identifier=key, revocation_reason=reason))
    assert [one.unique_identifier for one in told(world)] == [key]
    # And what it may read is asked again when it is sent.
    world.do(DestroyRequest(unique_identifier=key))
    with world.engine.store.begin() as transaction:
        transaction.revoke_grant(alice.domain, alice.identity, key, bob.identity)
        transaction.commit()
    assert told(world) == []
    assert events(world, "Notify")[-1][1] == "Operation Failed"


def test_k29_a_client_cannot_send_notify(world: World) -> None:
    request = NotifyRequest(unique_identifier=world.create(), attributes=Attributes.of({Tag.LAST_CHANGE_DATE: 1}))
    assert world.refused(request, who="bob") is ResultReason.OPERATION_NOT_SUPPORTED


def test_a_key_that_may_not_leave_is_not_put(world: World, alice: str) -> None:
    world.do(create_request(extractable=False))
    world.do(create_request(sensitive=True))
    assert told(world) == []
    refused = events(world, "Put")
    assert [status for _, status, _ in refused] == ["Operation Failed"] * 2


# --- trying again -----------------------------------------------------------------------------------------------------


def test_it_is_tried_again_in_order_with_growing_pauses(world: World, alice: str) -> None:
    keys = [world.create()]
    pauses = []
    for _ in range(5):
        found = claimed(world)
        assert [payload.unique_identifier for payload, _ in found] == keys
        assert world.engine.deliveries() == []  # nobody else sends them meanwhile
        for _, delivery in reversed(found):
            world.engine.delivered(delivery, "the endpoint is down", answered=False)
        world.clock.move(0.25)
        keys.append(world.create())
        began = world.clock.now
        assert world.engine.deliveries() == []  # what is new waits behind what could not be delivered
        while not is_due(world):
            world.clock.move(1)
        pauses.append(world.clock.now - began)
    assert pauses == sorted(pauses)
    assert pauses[-1] > 4 * pauses[0]
    assert notices.pause(100) <= notices.LONGEST_PAUSE_SECONDS * 1.2


def is_due(world: World) -> bool:
    """Whether all that waits can be sent now."""

    def look(turn: Any) -> bool:
        (endpoint,) = endpoints.endpoints(turn).values()
        outbox = notices._outbox(turn, endpoint)
        waiting = [key for key, _ in turn.transaction.entries(endpoints.OUTBOX)]
        return all(notices.Notice.decode(outbox.get(key) or b"").due <= turn.now for key in waiting)

    return world.engine.turn(look)


def test_it_survives_a_restart_and_a_process_that_died_while_sending(world: World, alice: str) -> None:
    key = world.create()
    assert len(world.engine.deliveries()) == 1
    world.reopen()
    assert world.engine.deliveries() == []
    world.clock.move(notices.LEASE_SECONDS)
    assert [one.unique_identifier for one in told(world)] == [key]


def test_a_client_that_will_not_have_it_is_left_in_peace(world: World, alice: str) -> None:
    world.create()
    for _ in range(notices.MOST_REFUSALS):
        ((_, delivery),) = claimed(world)
        world.engine.delivered(delivery, "the client refused it", answered=True)
        world.clock.move(notices.LONGEST_PAUSE_SECONDS * 2)
    assert claimed(world) == []
    assert "given up" in events(world, "Put")[-1][2]


def test_an_endpoint_that_never_answers_is_given_up(world: World, alice: str) -> None:
    world.create()
    for _ in range(notices.MOST_ATTEMPTS):
        ((_, delivery),) = claimed(world)
        world.engine.delivered(delivery, "down", answered=False)
        world.clock.move(notices.LONGEST_PAUSE_SECONDS * 2)
    assert claimed(world) == []


def test_what_changes_while_it_is_being_sent_is_sent_again(world: World, alice: str) -> None:
    key = world.create()
    told(world)
    world.do(ActivateRequest(unique_identifier=key))
    ((_, delivery),) = claimed(world)
    world.do(AddAttributeRequest(
        unique_identifier=key, new_attribute=next(iter(Attributes.of({Tag.CONTACT_INFORMATION: "ops"})))
    ))  # fmt: skip
    world.engine.delivered(delivery, "", answered=True)
    (notify,) = told(world)
    assert notify.attributes.get(Tag.CONTACT_INFORMATION) == "ops"
    assert told(world) == []


def test_only_so_many_wait(world: World, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MOST_WAITING", 3)
    for _ in range(5):
        world.create()
    assert len(claimed(world)) == 3
    assert [status for _, status, _ in events(world, "Put")] == ["Operation Failed"] * 2 + ["Operation Pending"] * 3


def test_every_attempt_is_an_event_before_it_leaves(world: World, alice: str) -> None:
    world.create()
    ((_, delivery),) = claimed(world)
    assert [status for _, status, _ in events(world, "Put")] == ["Operation Pending"]
    world.engine.delivered(delivery, "", answered=True)
    assert [status for _, status, _ in events(world, "Put")] == ["Operation Pending", "Success"]


def test_the_outbox_holds_no_secret_and_cannot_be_altered(world: World, alice: str) -> None:
    world.create("a name that can be found")
    with world.engine.store.begin() as transaction:
        ((_, value),) = transaction.entries(endpoints.OUTBOX)
        assert b"found" not in value
        assert b"unique" not in value
        ((name, endpoint),) = transaction.entries("endpoint")
        assert b"localhost" not in endpoint
        transaction.put_entry("endpoint", name, endpoint[:-1] + b"\0")
        transaction.put_entry("setting", "endpoints", b"")
        transaction.commit()
    from keystead.errors import TamperError

    with pytest.raises(TamperError):
        world.engine.deliveries()


# --- endpoints --------------------------------------------------------------------------------------------------------


def test_w17_what_an_endpoint_may_be(world: World, authority: Authority) -> None:
    identity = world.callers["alice"].identity
    certificate = pem(authority)
    for host in ("", "http://localhost", "a/b", "user@host", "[::1]", "a b", "a\nb", "x" * 300, "169.254.169.254",
                 "0.0.0.0", "224.0.0.1", "fe80::1", "::", "::ffff:169.254.169.254"):  # fmt: skip
        with pytest.raises(OperationFailed, match="Invalid Field"):
            register(world.engine, identity, host, 5696, certificate)
    for port in (0, -1, 65_536):
        with pytest.raises(OperationFailed):
            register(world.engine, identity, "localhost", port, certificate)
    for bad in ("", "not a certificate"):
        with pytest.raises(OperationFailed):
            register(world.engine, identity, "localhost", 5696, bad)
    with pytest.raises(OperationFailed):
        register(world.engine, identity, "localhost", 5696, certificate, certificate="/a/file")
    with pytest.raises(OperationFailed):
        register(world.engine, identity, "localhost", 5696, certificate, notify=False, put=False)
    with pytest.raises(OperationFailed, match="Item Not Found"):
        register(world.engine, "nobody", "localhost", 5696, certificate)


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("hsm.example", "10.1.2.3", True),
        ("hsm.example", "2001:db8:1::1", True),
        ("hsm.example", "127.0.0.1", False),
        ("hsm.example", "::1", False),
        ("hsm.example", "::ffff:127.0.0.1", False),
        ("hsm.example", "169.254.169.254", False),
        ("hsm.example", "fe80::1", False),
        ("hsm.example", "0.0.0.0", False),
        ("hsm.example", "224.0.0.251", False),
        ("localhost", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("10.0.0.1", "127.0.0.1", False),
    ],
)
def test_w17_a_name_cannot_be_made_to_mean_another_place(host: str, address: str, allowed: bool) -> None:
    assert may_connect(host, ipaddress.ip_address(address)) is allowed


def test_a_removed_endpoint_is_told_nothing_more(world: World, alice: str) -> None:
    world.create()
    assert remove(world.engine, alice)
    assert not remove(world.engine, alice)
    assert told(world) == []
    world.create()
    assert told(world) == []
    assert [one[0] for one in events(world, "Register Endpoint", "Remove Endpoint")] == [
        "Register Endpoint",
        "Remove Endpoint",
    ]


# --- over TLS ---------------------------------------------------------------------------------------------------------


class Listener:
    """A client's endpoint: a real TLS listener on the loopback."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[RequestMessage, Version], bytes | None]) -> None:
        self.got: queue.Queue[Any] = queue.Queue()
        self.subjects: list[str] = []
        self.connections = 0
        self._context, self._answer = context, answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                raw, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            raw.settimeout(5)
            try:
                with self._context.wrap_socket(raw, server_side=True) as tls:
                    self._serve(tls)
            except (OSError, ssl.SSLError):
                raw.close()

    def _serve(self, tls: ssl.SSLSocket) -> None:
        shown = tls.getpeercert()
        assert shown is not None
        self.subjects.append(dict(pair[0] for pair in shown["subject"])["commonName"])  # type: ignore[index, misc, arg-type]
        framer = Connection()
        while data := tls.recv(65_536):
            for message in framer.receive(data):
                request, version = load_request(message)
                self.got.put(request.batch_item[0])
                answer = self._answer(request, version)
                if answer is None:
                    return
                tls.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def answer_of(status: ResultStatus, reason: ResultReason | None = None) -> Callable[[RequestMessage, Version], bytes]:
    def answer(request: RequestMessage, version: Version) -> bytes:
        (item,) = request.batch_item
        header = ResponseHeader(
            protocol_version=protocol_version(version), time_stamp=1, batch_count=1 if version < V3_0 else None
        )
        given = ResponseBatchItem(operation=item.operation, result_status=status, result_reason=reason)
        return dump_message(ResponseMessage(response_header=header, batch_item=(given,)), version)

    return answer


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> ServerConfig:
    """The server's own certificate, and that of a listener beside it."""
    server = authority.issue_client("keystead")
    server.write(tmp_path / "server.pem", tmp_path / "server.key")
    listener = authority.issue_server(("127.0.0.1", "localhost"))
    listener.write(tmp_path / "listener.pem", tmp_path / "listener.key")
    (tmp_path / "ca.pem").write_text(pem(authority))
    return ServerConfig(
        certificate=tmp_path / "server.pem", private_key=tmp_path / "server.key", client_ca=tmp_path / "ca.pem"
    )


Listen = Callable[..., Listener]


@pytest.fixture
def listen(files: ServerConfig, tmp_path: Path) -> Iterator[Listen]:
    opened = []

    def start(answer: Any = None) -> Listener:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "listener.pem", tmp_path / "listener.key")
        context.load_verify_locations(tmp_path / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        opened.append(Listener(context, answer or answer_of(ResultStatus.SUCCESS)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def deliver(world: World, config: ServerConfig) -> None:
    """One beat of the sender, until all is settled."""

    async def run() -> None:
        outbox = Outbox(world.engine, config)
        outbox.beat()
        while outbox._sending:
            await asyncio.sleep(0.005)

    asyncio.run(run())


def test_notices_arrive_over_tls_in_order_on_one_connection(
    world: World, authority: Authority, files: ServerConfig, listen: Listen
) -> None:
    listener = listen()
    register(world.engine, world.callers["alice"].identity, "127.0.0.1", listener.port, pem(authority))
    keys = []
    for _ in range(3):
        keys.append(world.create())
        world.clock.move(0.001)
    world.do(ActivateRequest(unique_identifier=keys[0]))
    deliver(world, files)
    got = [listener.got.get(timeout=5) for _ in range(4)]
    assert [item.operation for item in got] == [Operation.PUT] * 3 + [Operation.NOTIFY]
    assert [item.request_payload.unique_identifier for item in got] == [*keys, keys[0]]
    assert listener.connections == 1
    assert listener.subjects == ["keystead"]
    assert world.engine.deliveries() == []
    assert [status for _, status, _ in events(world, "Notify")] == ["Operation Pending", "Success"]


def test_an_endpoint_that_is_down_gets_it_when_it_is_back(
    world: World, authority: Authority, files: ServerConfig, listen: Listen
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    identity = world.callers["alice"].identity
    register(world.engine, identity, "127.0.0.1", port, pem(authority))
    key = world.create()
    deliver(world, files)
    assert events(world, "Put")[-1][1] == "Operation Failed"
    listener = listen()
    register(world.engine, identity, "127.0.0.1", listener.port, pem(authority))
    deliver(world, files)
    assert listener.got.empty()  # it is left in peace for a moment
    world.clock.move(notices.FIRST_PAUSE_SECONDS * 2)
    deliver(world, files)
    assert listener.got.get(timeout=5).request_payload.unique_identifier == key


def test_what_the_client_refuses_or_garbles_is_not_done(
    world: World, authority: Authority, files: ServerConfig, listen: Listen
) -> None:
    refuses = answer_of(ResultStatus.OPERATION_FAILED, ResultReason.OPERATION_NOT_SUPPORTED)
    for answer, said in (
        (refuses, "Operation Not Supported"),
        (lambda *_: b"\x42\x00\x7b\x01\x00\x00\x00\x00", "no Response Message"),
        (lambda *_: b"HTTP/1.1 200 OK\r\n\r\n", "not a KMIP message"),
        (lambda *_: None, "closed"),
    ):
        listener = listen(answer)
        register(world.engine, world.callers["alice"].identity, "127.0.0.1", listener.port, pem(authority))
        world.create()
        deliver(world, files)
        last = events(world, "Put")[-1]
        assert last[1] == "Operation Failed"
        assert said in last[2]
        remove(world.engine, world.callers["alice"].identity)


def test_nothing_is_sent_to_one_who_cannot_show_its_certificate(
    world: World, authority: Authority, files: ServerConfig, listen: Listen
) -> None:
    listener = listen()
    identity = world.callers["alice"].identity
    stranger = pem(Authority.create("another", "P-256"))
    for name, trusted in (("127.0.0.1", stranger), ("another.example", pem(authority))):
        register(world.engine, identity, "127.0.0.1", listener.port, trusted, server_name=name)
        world.create()
        deliver(world, files)
        assert "certificate" in events(world, "Put")[-1][2].lower()
        remove(world.engine, identity)
    assert listener.got.empty()


def test_w17_a_name_that_leads_elsewhere_is_not_connected_to(
    world: World, authority: Authority, files: ServerConfig, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen()
    register(world.engine, world.callers["alice"].identity, "hsm.example", listener.port, pem(authority))
    world.create()

    async def rebound(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listener.port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebound)
    deliver(world, files)
    assert "may be connected to" in events(world, "Put")[-1][2]
    assert listener.connections == 0


def test_a_listener_that_says_nothing_is_left(
    world: World, authority: Authority, files: ServerConfig, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "ANSWER_SECONDS", 0.1)
    listener = listen(lambda *_: b"")
    register(world.engine, world.callers["alice"].identity, "127.0.0.1", listener.port, pem(authority))
    world.create()
    deliver(world, files)
    assert "too long" in events(world, "Put")[-1][2]


def test_an_endpoint_shows_its_own_certificate_where_one_is_named(
    world: World, authority: Authority, files: ServerConfig, listen: Listen, tmp_path: Path
) -> None:
    own = authority.issue_client("keystead as a client")
    own.write(tmp_path / "own.pem", tmp_path / "own.key")
    listener = listen()
    register(
        world.engine,
        world.callers["alice"].identity,
        "127.0.0.1",
        listener.port,
        pem(authority),
        certificate=str(tmp_path / "own.pem"),
        private_key=str(tmp_path / "own.key"),
    )
    world.create()
    deliver(world, replace(files, certificate=tmp_path / "missing.pem"))
    listener.got.get(timeout=5)
    assert listener.subjects == ["keystead as a client"]
