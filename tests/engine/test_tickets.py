"""Login, Delegated Login and Logout."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.engine.admin import Administration
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    HashingAlgorithm,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
    TicketType,
    UsageLimitsUnit,
)
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.crypto import HashRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.payloads.session import DelegatedLoginRequest, LoginRequest, LogoutRequest, PingRequest, PollRequest
from keystead.kmip.structures import (
    Authentication,
    CryptographicParameters,
    ObjectGroups,
    Objects,
    Operations,
    Right,
    Rights,
    Ticket,
    TicketCredential,
    UsageLimits,
)
from keystead.kmip.version import V2_0, V2_1, V3_0
from keystead.policy.access import Caller
from tests.engine.test_authentication import shown, user
from tests.engine.world import World, create_request

R, Op = ResultReason, Operation


def bearing(ticket: Ticket) -> Authentication:
    return shown(CredentialType.TICKET, TicketCredential(ticket=ticket))


def login(world: World, who: str = "alice", **fields: Any) -> Authentication:
    return bearing(world.do(LoginRequest(**fields), who=who).ticket)


def delegated(world: World, *rights: Right, **fields: Any) -> Authentication:
    return bearing(world.do(DelegatedLoginRequest(rights=Rights(right=rights), **fields)).ticket)


def right(
    *operations: Operation, objects: tuple[str, ...] | None = None, groups: tuple[str, ...] | None = None, **more: Any
) -> Right:
    return Right(
        operations=Operations(operation=operations) if operations else None,
        objects=None if objects is None else Objects(unique_identifier=objects),
        object_groups=None if groups is None else ObjectGroups(object_group=groups),
        **more,
    )


def test_a_ticket_counts_its_requests_exactly_also_over_a_restart(world: World):
    ticket = login(world, request_count=3)
    assert world.do(PingRequest(), authentication=ticket)
    world.refused(GetRequest(unique_identifier="x"), authentication=ticket)  # counts too
    world.reopen()
    assert world.do(PingRequest(), authentication=ticket)
    for _ in range(2):
        item = world.ask(PingRequest(), authentication=ticket)
        assert (item.operation, item.result_reason) == (Op.PING, R.USAGE_LIMIT_EXCEEDED)
    assert world.do(PingRequest())


def test_a_request_counts_even_if_its_batch_is_undone(world: World):
    ticket = login(world, request_count=2)
    undo = {"batch_error_continuation_option": BatchErrorContinuationOption.UNDO}
    world.batch(create_request(), GetRequest(unique_identifier="x"), authentication=ticket, **undo)
    world.batch(create_request(), GetRequest(unique_identifier="x"), authentication=ticket, **undo)
    assert world.refused(PingRequest(), authentication=ticket) is R.USAGE_LIMIT_EXCEEDED
    assert world.do(LocateRequest()).unique_identifier == ()


def test_zero_and_nothing_mean_no_limit_but_that_of_the_server(world: World):
    ticket = login(world, request_count=0, lease_time=0)
    for _ in range(5):
        assert world.do(PingRequest(), authentication=ticket)
    world.clock.move(8 * 3600 - 1)
    assert world.do(PingRequest(), authentication=ticket)
    world.clock.move(1)
    assert world.refused(PingRequest(), authentication=ticket) is R.INVALID_TICKET
    short, long = login(world, lease_time=10), login(world, lease_time=10**6)
    world.clock.move(10)
    assert world.refused(PingRequest(), authentication=short) is R.INVALID_TICKET
    world.clock.move(86_400)
    assert world.refused(PingRequest(), authentication=long) is R.INVALID_TICKET


def test_a_ticket_speaks_for_its_client_and_is_of_no_use_to_another(world: World):
    uid = world.create()
    ticket = login(world)
    world.callers["nobody"] = Caller("", "", "default")
    assert world.do(GetRequest(unique_identifier=uid), authentication=ticket, who="nobody")
    assert world.refused(GetRequest(unique_identifier=uid), authentication=ticket, who="bob") is R.INVALID_TICKET
    forged = bearing(Ticket(ticket_type=TicketType.LOGIN, ticket_value=bytes(32)))
    assert world.refused(PingRequest(), authentication=forged) is R.INVALID_TICKET


def test_logout_ends_a_ticket_and_nobody_else_can(world: World):
    ticket = world.do(LoginRequest()).ticket
    assert world.refused(LogoutRequest(ticket=ticket), who="bob") is R.INVALID_TICKET
    world.do(LogoutRequest(ticket=ticket), authentication=bearing(ticket))
    assert world.refused(PingRequest(), authentication=bearing(ticket)) is R.INVALID_TICKET
    assert world.refused(LogoutRequest(ticket=ticket)) is R.INVALID_TICKET
    world.reopen()
    assert world.refused(PingRequest(), authentication=bearing(ticket)) is R.INVALID_TICKET


def test_a_ticket_ends_with_its_client_and_its_user(world: World):
    admin = Administration(world.engine)
    admin.add_user("Fred", "password1")
    fred = bearing(world.do(LoginRequest(), authentication=user("Fred", "password1")).ticket)
    uid = world.create(authentication=user("Fred", "password1"))
    assert world.do(GetRequest(unique_identifier=uid), authentication=fred)
    admin.disable_user("Fred")
    assert world.refused(PingRequest(), authentication=fred) is R.INVALID_TICKET
    alice = login(world)
    admin.disable_client("alice")
    assert world.refused(PingRequest(), authentication=alice) is R.INVALID_TICKET


def test_a_ticket_does_not_buy_another(world: World):
    ticket = login(world, request_count=5)
    assert world.refused(LoginRequest(), authentication=ticket) is R.PERMISSION_DENIED
    everything = delegated(world, Right())
    request = DelegatedLoginRequest(rights=Rights(right=(Right(),)))
    assert world.refused(request, authentication=everything) is R.PERMISSION_DENIED


def test_no_ticket_lies_in_the_store(world: World):
    ticket = world.do(LoginRequest()).ticket
    kept = b"".join(path.read_bytes() for path in world.directory.rglob("*") if path.is_file())
    assert ticket.ticket_value not in kept
    assert ticket.ticket_value.hex().encode() not in kept


# --- rights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
def test_a_delegated_ticket_permits_what_one_of_its_rights_does(world: World, version: Any):
    mine, other = world.create(), world.create()
    ticket = delegated(world, right(Op.QUERY, Op.LOG), right(Op.GET_ATTRIBUTES, objects=(mine,)))
    how: dict[str, Any] = {"authentication": ticket, "version": version, "who": "bob"}
    assert world.do(GetAttributesRequest(unique_identifier=mine), **how)
    for request in (
        GetRequest(unique_identifier=mine),
        GetAttributesRequest(unique_identifier=other),
        GetAttributesRequest(unique_identifier="never"),
        create_request(),
        LocateRequest(),
    ):
        item = world.ask(request, **how)
        assert (item.result_reason, item.result_message) == (R.NOT_AUTHORISED, "the ticket does not permit this")
    listed = world.do(QueryRequest(query_function=(QueryFunction.QUERY_OPERATIONS,)), **how).operation
    assert set(listed) == {Op.QUERY, Op.LOG, Op.GET_ATTRIBUTES}


def test_rights_on_groups_extend_to_what_is_in_them(world: World):
    red, blue = (str(world.do(create_request(object_group=group)).unique_identifier) for group in ("red", "blue"))
    ticket = delegated(world, right(groups=("red",)))
    assert world.do(GetRequest(unique_identifier=red), authentication=ticket)
    assert world.refused(GetRequest(unique_identifier=blue), authentication=ticket) is R.NOT_AUTHORISED
    assert world.do(LocateRequest(), authentication=ticket).unique_identifier == (red,)
    assert world.do(LocateRequest(), authentication=ticket).located_items == 1
    assert world.refused(create_request(object_group="blue"), authentication=ticket) is R.NOT_AUTHORISED
    assert world.do(create_request(object_group="red"), authentication=ticket)
    # Somebody else's object in a group of this name is as absent as any.
    theirs = world.do(create_request(object_group="red"), who="bob").unique_identifier
    assert world.refused(GetRequest(unique_identifier=theirs), authentication=ticket) is R.NOT_AUTHORISED


def test_rights_on_objects_narrow_what_is_found_and_make_nothing(world: World):
    mine, _ = world.create(), world.create()
    ticket = delegated(world, right(objects=(mine,)))
    assert world.do(LocateRequest(maximum_items=5), authentication=ticket).unique_identifier == (mine,)
    assert world.refused(create_request(), authentication=ticket) is R.NOT_AUTHORISED
    empty = delegated(world)
    assert world.refused(PingRequest(), authentication=empty) is R.NOT_AUTHORISED


def test_a_delegated_ticket_gives_no_more_than_its_giver_has(world: World):
    theirs = world.create(who="bob")
    ticket = delegated(world, right(objects=(theirs,)), right())
    assert world.refused(GetRequest(unique_identifier=theirs), authentication=ticket) is R.OBJECT_NOT_FOUND


def limits(total: int, unit: UsageLimitsUnit = UsageLimitsUnit.OBJECT) -> UsageLimits:
    return UsageLimits(usage_limits_total=total, usage_limits_unit=unit)


def test_k27_usage_limits_count_operations_that_were_done(world: World):
    uid = world.create()
    ticket = login(world, usage_limits=limits(2))
    world.refused(GetRequest(unique_identifier="x"), authentication=ticket)  # was not done
    items = world.batch(*[GetRequest(unique_identifier=uid)] * 3, authentication=ticket)
    assert [item.result_reason for item in items] == [None, None, R.USAGE_LIMIT_EXCEEDED]
    assert world.refused(PingRequest(), authentication=ticket) is R.USAGE_LIMIT_EXCEEDED


def test_usage_limits_of_one_right_leave_the_others(world: World):
    uid = world.create()
    ticket = delegated(world, right(Op.GET, usage_limits=limits(1)), right(Op.PING))
    assert world.do(GetRequest(unique_identifier=uid), authentication=ticket)
    assert world.refused(GetRequest(unique_identifier=uid), authentication=ticket) is R.USAGE_LIMIT_EXCEEDED
    assert world.do(PingRequest(), authentication=ticket)


def test_usage_limits_in_bytes_count_data(world: World):
    ticket = login(world, usage_limits=limits(10, UsageLimitsUnit.BYTE))

    def hashing(data: bytes) -> HashRequest:
        parameters = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
        return HashRequest(cryptographic_parameters=parameters, data=data)

    assert world.do(hashing(b"12345678"), authentication=ticket)
    assert world.refused(hashing(b"123"), authentication=ticket) is R.USAGE_LIMIT_EXCEEDED
    assert world.do(hashing(b"12"), authentication=ticket)
    assert world.refused(hashing(b"1"), authentication=ticket) is R.USAGE_LIMIT_EXCEEDED


def test_what_exceeds_a_limit_leaves_no_trace(world: World):
    ticket = login(world, usage_limits=limits(1))
    world.batch(create_request("one"), create_request("two"), authentication=ticket)
    found = world.do(LocateRequest(attributes=Attributes(()))).unique_identifier
    assert len(found) == 1


def test_a_ticket_to_poll_fetches_no_key_that_it_does_not_extend_to(world: World):
    mine, other = world.create(), world.create()
    item = world.ask(GetRequest(unique_identifier=mine), asynchronous_indicator=AsynchronousIndicator.MANDATORY)
    world.engine.upkeep()
    poll = PollRequest(asynchronous_correlation_value=item.asynchronous_correlation_value)
    for rights in ((right(Op.POLL),), (right(Op.POLL), right(Op.GET, objects=(other,)))):
        refused = world.ask(poll, authentication=delegated(world, *rights))
        assert (refused.result_status, refused.response_payload) == (ResultStatus.OPERATION_FAILED, None)
    both = delegated(world, right(Op.POLL), right(Op.GET, objects=(mine,)))
    assert world.ask(poll, authentication=both).result_status is ResultStatus.SUCCESS
    assert world.ask(poll).result_status is ResultStatus.SUCCESS
