"""A KMIP port that lets in who shows no certificate: who it is, the messages have to say (K39)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from keystead.engine.admin import Administration
from keystead.kmip import ttlv
from keystead.kmip.enums import Operation, ResultReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_2
from keystead.pki.ca import Authority
from tests.engine.by_hand import Answer, Talker, attribute, item, named, password, template
from tests.engine.conftest import certificates, world
from tests.engine.world import World

from .harness import Echo, Pki, Running, closed_within, request, response, server_config

Start = Callable[..., Running]
__all__ = ["certificates", "world"]


def test_L02_only_where_it_is_optional_is_a_connection_without_a_certificate_answered(
    start: Start, engine: Echo
) -> None:
    assert start().exchange(None) == b""
    open_one = start(client_certificate="optional")
    assert open_one.exchange(None) == response()
    caller = engine.turns[-1][0].caller
    assert (caller.identity, caller.address) == ("", "127.0.0.1")
    assert open_one.exchange("alice") == response()
    assert engine.turns[-1][0].caller.name == "alice"


def test_L02_a_wrong_certificate_is_still_refused(start: Start, pki: Pki, engine: Echo) -> None:
    pki.keep("foreign", Authority.create("Test CA").issue_client("alice"))
    server = start(client_certificate="optional")
    assert server.exchange("foreign") == b""
    pki.keep("stranger", pki.authority.issue_client("stranger"))
    assert server.exchange("stranger") == b""  # a certificate that nobody enrolled is no better than another's
    assert engine.turns == []


def test_R02_connections_without_a_certificate_count_by_their_address(start: Start) -> None:
    server = start(client_certificate="optional", connections_per_client=2)
    first = server.connect(None)
    with first, server.connect(None) as second, server.connect(None):
        assert closed_within(first, 2)
        second.sendall(request())


@pytest.fixture
def served(world: World, pki: Pki) -> Iterator[Running]:
    """A real engine behind a port that needs no certificate."""
    running = Running(pki, server_config(pki, client_certificate="optional"), world.engine)  # type: ignore[arg-type]
    running.domain = "default"
    with running:
        yield running


def test_K39_a_user_is_known_by_a_password_alone_and_nobody_without(served: Running, world: World) -> None:
    Administration(world.engine).add_user("krill", "pin-pin-pin")

    class Wire(Talker):
        def send(self, message: bytes) -> list[Answer]:
            tree = ttlv.decode(served.exchange(None, message))
            return [Answer(part) for part in tree.value if part.tag == Tag.BATCH_ITEM]

    def create(who: Wire, name: str) -> Answer:
        kind = item(Tag.OBJECT_TYPE, 2, kind=ttlv.ENUMERATION)
        wanted = (
            attribute("Cryptographic Algorithm", 3, kind=ttlv.ENUMERATION),
            attribute("Cryptographic Length", 256),
            attribute("Cryptographic Usage Mask", 12),
            named(name),
        )
        return who.ask(Operation.CREATE, kind, template(*wanted))

    right = Wire(world, V1_2, header=(password("krill", "pin-pin-pin"),))
    made = create(right, "zone-key")
    assert made.ok, made.get(Tag.RESULT_MESSAGE)
    assert right.ask(Operation.GET, item(Tag.UNIQUE_IDENTIFIER, made.uid)).ok
    for other in (
        Wire(world, V1_2),
        Wire(world, V1_2, header=(password("krill", "guessed"),)),
        Wire(world, V1_2, header=(password("nobody", "pin-pin-pin"),)),
        Wire(world, V1_2, header=(password("", ""),)),
    ):
        refused = other.ask(Operation.GET, item(Tag.UNIQUE_IDENTIFIER, made.uid))
        assert refused.get(Tag.RESULT_REASON) == ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
        assert not create(other, "mine").ok
    assert Wire(world, V1_2).ask(Operation.DISCOVER_VERSIONS).ok  # what needs no identity
