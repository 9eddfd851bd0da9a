"""What operators do: clients, users, groups and grants, and that who is gone leaves nothing behind to inherit."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.audit.log import Event
from keystead.engine import granting, identities
from keystead.engine.admin import Administration
from keystead.engine.administration import METHODS, perform
from keystead.engine.census import count_objects
from keystead.errors import OperationFailed
from keystead.kmip.enums import Operation, ResultReason, RevocationReasonCode
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, DestroyRequest, RevokeRequest
from keystead.kmip.payloads.session import PingRequest
from keystead.kmip.structures import RevocationReason
from keystead.policy.access import ADMINISTRATORS, Caller
from tests.engine.test_authentication import user
from tests.engine.world import World

R = ResultReason


@pytest.fixture
def operators(world: World) -> Administration:
    return Administration(world.engine, operator="operator root")


def refused(reason: ResultReason, function: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(OperationFailed) as error:
        function(*arguments, **named)
    assert error.value.reason is reason
    return error.value.message


def caller(world: World, certificates: dict[str, bytes], name: str) -> Caller | None:
    return world.engine.caller_of(certificates[name], "")


def events(world: World) -> list[Event]:
    with world.engine.store.begin(write=False) as transaction:
        return [Event.decode(data, sequence) for sequence, data in transaction.events()]


def test_a_client_is_locked_out_and_let_in_again(
    world: World, operators: Administration, certificates: dict[str, bytes]
):
    epoch = world.engine.identity_epoch()
    assert operators.disable_client("alice").disabled
    assert world.engine.identity_epoch() > epoch  # so that connections are looked at again
    assert caller(world, certificates, "alice") is None
    with world.engine.store.begin(write=False) as transaction:
        assert world.engine.standing(transaction, world.callers["alice"]) is None
    assert {row["name"]: row["disabled"] for row in operators.clients()}["alice"]
    operators.enable_client("alice")
    assert caller(world, certificates, "alice") == world.callers["alice"]
    refused(R.OBJECT_NOT_FOUND, operators.disable_client, "nobody")


def test_z06_a_client_that_was_removed_leaves_nothing_to_inherit(
    world: World, operators: Administration, certificates: dict[str, bytes]
):
    kept = world.create(who="bob")
    granting.grant(operators, "bob", "alice", kept)
    granting.grant(operators, "alice", "bob")
    uid = world.create()
    assert "owns objects" in refused(R.PERMISSION_DENIED, operators.remove_client, "alice")
    world.do(DestroyRequest(unique_identifier=uid))
    before = operators.remove_client("alice")
    assert caller(world, certificates, "alice") is None
    assert granting.grants(operators) == []
    after = operators.enroll_client("alice", certificates["alice"])
    assert after.identity != before.identity
    world.callers["alice"] = after.caller("")
    assert world.refused(GetRequest(unique_identifier=kept)) is R.OBJECT_NOT_FOUND
    assert world.refused(GetRequest(unique_identifier=uid)) is R.OBJECT_NOT_FOUND
    names = [(event.operation, event.name) for event in events(world) if "Client" in event.operation]
    assert names[-2:] == [("Remove Client", "operator root"), ("Enroll Client", "operator root")]


def test_what_was_only_granted_keeps_nobody_from_being_removed(world: World, operators: Administration):
    for _ in range(120):  # more than are looked at in one go
        granting.grant(operators, "bob", "alice", world.create(who="bob"))
    operators.remove_client("alice")
    assert granting.grants(operators) == []


def test_z06_a_user_that_was_removed_leaves_nothing_to_inherit(world: World, operators: Administration):
    operators.add_user("Fred", "password1", ["night"])
    fred = user("Fred", "password1")
    uid = world.create(authentication=fred)
    assert "owns objects" in refused(R.PERMISSION_DENIED, operators.remove_user, "Fred")
    world.do(DestroyRequest(unique_identifier=uid), authentication=fred)
    operators.remove_user("Fred")
    assert operators.users() == []
    assert world.refused(PingRequest(), authentication=fred) is R.AUTHENTICATION_NOT_SUCCESSFUL
    refused(R.OBJECT_NOT_FOUND, operators.remove_user, "Fred")
    operators.add_user("Fred", "password1")
    assert world.refused(GetRequest(unique_identifier=uid), authentication=fred) is R.OBJECT_NOT_FOUND


def test_a_user_is_known_by_its_identity_too(world: World, operators: Administration):
    identity = operators.add_user("Fred", "password1").identity
    operators.disable_user(identity)
    (row,) = operators.users()
    assert (row["name"], row["disabled"], row["shows"]) == ("Fred", True, ["password"])
    assert "password1" not in repr(row)
    assert "$argon2" not in repr(row)


def test_z06_a_group_that_was_removed_leaves_nothing_to_inherit(world: World, operators: Administration):
    operators.add_user("Fred", "password1", ["night"])
    operators.join_group("night", "bob")
    uid = world.create()
    granting.grant(operators, "alice", "night", uid, [Operation.GET])
    assert {row["name"]: row["members"] for row in operators.groups()} == {
        ADMINISTRATORS: [],
        "night": ["Fred", "bob"],
    }
    fred = user("Fred", "password1")
    assert world.do(GetRequest(unique_identifier=uid), authentication=fred)
    operators.remove_group("night")
    assert world.refused(GetRequest(unique_identifier=uid), authentication=fred) is R.OBJECT_NOT_FOUND
    assert granting.grants(operators) == []
    operators.add_group("night")
    assert [row["members"] for row in operators.groups()] == [[], []]
    assert [row["groups"] for row in operators.users()] == [[]]
    assert [row["groups"] for row in operators.clients()] == [[], [], []]
    refused(R.PERMISSION_DENIED, operators.remove_group, ADMINISTRATORS)
    refused(R.OBJECT_NOT_FOUND, operators.remove_group, "day")


def test_grants_are_listed_by_name(world: World, operators: Administration):
    operators.add_user("Fred", "password1")
    operators.add_group("night")
    uid = world.create()
    granting.grant(operators, "alice", "night", uid, [Operation.GET, Operation.ENCRYPT])
    granting.grant(operators, "bob", "Fred")
    one, two = (
        {"owner": "alice", "grantee": "night", "unique_identifier": uid, "operations": ["Get", "Encrypt"]},
        {"owner": "bob", "grantee": "Fred", "unique_identifier": "*", "operations": []},
    )

    def listed(**which: str) -> Any:
        return sorted(perform(operators, "grants", which), key=lambda row: str(row["owner"]))

    assert listed() == [one, two]
    assert listed(owner="alice") == listed(grantee="night") == [one]
    assert listed(owner="bob", grantee="night") == listed(owner="nobody") == []
    other = Administration(world.engine, "elsewhere")
    assert granting.grants(other) == []
    for owner, grantee, of in (("bob", "night", uid), ("alice", "night", "x"), ("nobody", "night", uid)):
        refused(R.OBJECT_NOT_FOUND, granting.grant, operators, owner, grantee, of)
        refused(R.OBJECT_NOT_FOUND, granting.revoke_grant, operators, owner, grantee, of)
    granting.revoke_grant(operators, "alice", "night", uid)
    assert listed() == [two]
    refused(R.OBJECT_NOT_FOUND, granting.revoke_grant, operators, "alice", "night", uid)


@pytest.mark.parametrize(
    "name",
    ["", "*", "nobody", "ADMINISTRATORS", " administrators", "administrators\u200b", "alice ", "ALICE"],
)
def test_z04_z05_nothing_is_granted_to_a_name_that_nobody_has(world: World, operators: Administration, name: str):
    uid = world.create()
    for of in (uid, "*"):
        for owner, grantee in (("alice", name), (name, "bob")):
            arguments = {"owner": owner, "grantee": grantee, "unique_identifier": of}
            with pytest.raises(OperationFailed) as error:
                perform(operators, "grant", arguments)
            assert error.value.reason in (R.OBJECT_NOT_FOUND, R.INVALID_FIELD)
    assert granting.grants(operators) == []


@pytest.mark.parametrize("name", ["", " administrators", "administrators\u200b", "a\nb", "x" * 129])
def test_z05_a_name_that_looks_like_another_is_none(
    operators: Administration, certificates: dict[str, bytes], name: str
):
    refused(R.INVALID_FIELD, operators.add_group, name)
    refused(R.INVALID_FIELD, operators.add_user, name, "password1")
    operators.remove_client("carol")
    refused(R.INVALID_FIELD, operators.enroll_client, name, certificates["carol"])


def test_z05_a_group_of_nearly_the_name_is_another(world: World, operators: Administration):
    operators.add_group("Administrators")
    operators.join_group("Administrators", "bob")
    (bob,) = (row for row in operators.clients() if row["name"] == "bob")
    with world.engine.store.begin(write=False) as transaction:
        client = identities.by_name(transaction, "default", "bob")
    assert client is not None
    assert ADMINISTRATORS not in client.groups
    assert bob["groups"] == ["Administrators"]


def test_objects_are_counted_by_type_and_state(world: World, operators: Administration):
    made = [world.create(who="bob") for _ in range(4)]
    for uid in made[:3]:
        world.do(ActivateRequest(unique_identifier=uid), who="bob")
    for uid, code in zip(
        made[:2], (RevocationReasonCode.CESSATION_OF_OPERATION, RevocationReasonCode.KEY_COMPROMISE), strict=True
    ):
        reason = RevocationReason(revocation_reason_code=code)
        occurred = None if code is RevocationReasonCode.CESSATION_OF_OPERATION else int(world.clock.now)
        world.do(
            RevokeRequest(unique_identifier=uid, revocation_reason=reason, compromise_occurrence_date=occurred),
            who="bob",
        )
    states = {"Deactivated": 1, "Compromised": 1, "Active": 1, "Pre-Active": 1}
    assert count_objects(operators) == {"Symmetric Key": states}
    world.do(DestroyRequest(unique_identifier=made[3]), who="bob")
    del states["Pre-Active"]
    assert count_objects(operators) == {"Symmetric Key": states | {"Destroyed": 1}}


def test_every_verb_of_administration_is_a_method():
    public = {name for name in vars(Administration) if not name.startswith("_")}
    fields = {"engine", "domain", "operator", "progress"}
    assert public - fields - set(METHODS) == {"do", "note", "refused", "identity_of"}
    assert all(row.run.__doc__ for row in METHODS.values())


def test_an_identity_is_forgotten_whole(world: World, operators: Administration):
    with world.engine.store.begin(write=False) as transaction:
        client = identities.by_name(transaction, "default", "alice")
    assert client is not None
    operators.remove_client("alice")
    with world.engine.store.begin(write=False) as transaction:
        for entry in transaction.all_entries():
            if entry.kind != "integrity":
                assert client.identity not in entry.key + entry.value.decode("latin-1")
