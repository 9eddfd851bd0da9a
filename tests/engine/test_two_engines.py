"""Engines that share a database: what one has answered holds for the others at once.

Source: COSMIAN-2026-008, where a cache outlived Revoke and Destroy; COSMIAN-2026-011, where one change of state was two
calls to the database.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from keystead.engine import granting
from keystead.engine.admin import Administration
from keystead.engine.streams import STREAM_SECONDS
from keystead.kmip.attributes import Attribute
from keystead.kmip.enums import (
    HashingAlgorithm,
    Operation,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import AddAttributeRequest, GetAttributesRequest, ModifyAttributeRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest, SignRequest
from keystead.kmip.payloads.get import ExportRequest, GetRequest, GetUsageAllocationRequest
from keystead.kmip.payloads.lifecycle import ArchiveRequest, DestroyRequest, RecoverRequest, RevokeRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.structures import CryptographicParameters, Name, RevocationReason, UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, Version
from tests.engine.keys import WRAP, A, M, attributes, create, get_plain, get_wrapped, registered
from tests.engine.test_use import GCM
from tests.engine.world import World, create_request
from tests.support import make_engine

R = ResultReason
COMPROMISE = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)


def beside(world: World) -> World:
    """Another engine on the same data."""
    return World(world.directory, world.clock, make_engine(world.directory, world.clock), world.callers)


@pytest.fixture
def other(world: World) -> Iterator[World]:
    made = beside(world)
    yield made
    made.engine.close()


def encryption(key: str, data: bytes = b"data") -> EncryptRequest:
    return EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=data)


USES: dict[str, Callable[[str], Request]] = {
    "Get": lambda key: GetRequest(unique_identifier=key),
    "Encrypt": encryption,
    "Decrypt": lambda key: DecryptRequest(
        unique_identifier=key,
        cryptographic_parameters=GCM,
        data=b"x",
        iv_counter_nonce=bytes(12),
        authenticated_encryption_tag=bytes(16),
    ),
    "Recover": lambda key: RecoverRequest(unique_identifier=key),
    "Archive": lambda key: ArchiveRequest(unique_identifier=key),
    "Re-key": lambda key: ReKeyRequest(unique_identifier=key),
    "Destroy": lambda key: DestroyRequest(unique_identifier=key),
    "wrapped": lambda key: get_wrapped(key, "none"),
}


@pytest.mark.parametrize("version", list(Version), ids=str)
def test_k40_a_destroyed_key_is_destroyed_on_every_engine(world: World, other: World, version: Version) -> None:
    """Its attributes are still told, and that it is destroyed; its bytes and its uses are gone."""
    key = registered(world, os.urandom(32))
    for each in (world, other):  # both have it in their caches
        assert each.do(GetRequest(unique_identifier=key)).object
        assert each.do(encryption(key))
    world.do(RevokeRequest(unique_identifier=key))
    world.do(DestroyRequest(unique_identifier=key))
    for each in (other, world):
        for name, use in USES.items():
            request = use(key)
            if not request.OPERATION.since <= version:
                continue
            refused = each.refused(request, version=version)
            assert refused is for_version(R.OBJECT_DESTROYED, version, request.OPERATION), name
        if version >= V1_4:  # Export tells of what is destroyed, without its bytes
            assert each.do(ExportRequest(unique_identifier=key), version=version).object.key_block.key_value is None
        told = each.do(GetAttributesRequest(unique_identifier=key), version=version).attributes
        assert told.get(Tag.STATE) is State.DESTROYED
        assert each.do(LocateRequest(attributes=attributes(state=State.ACTIVE))).unique_identifier == ()
    for each in (other, world):
        each.reopen()
        assert each.refused(GetRequest(unique_identifier=key)) is R.OBJECT_DESTROYED


def test_advisory_03_a_revoked_key_is_revoked_on_the_other_engine(world: World, other: World) -> None:
    key = create(world)
    assert other.do(encryption(key))
    world.do(RevokeRequest(unique_identifier=key, revocation_reason=COMPROMISE))
    assert other.refused(encryption(key)) is R.WRONG_KEY_LIFECYCLE_STATE


def test_advisory_03_a_private_key_that_was_loaded_is_not_used_any_more(world: World, other: World) -> None:
    """Loaded private keys stay loaded (an RSA key takes long to load), but for those that are gone."""
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=A.RSA, cryptographic_length=2048, activation_date=1),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    hashed = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    signing = SignRequest(
        unique_identifier=made.private_key_unique_identifier, cryptographic_parameters=hashed, data=b"data"
    )
    assert other.do(signing)
    world.do(RevokeRequest(unique_identifier=made.private_key_unique_identifier))
    assert other.refused(signing) is R.WRONG_KEY_LIFECYCLE_STATE
    world.do(DestroyRequest(unique_identifier=made.private_key_unique_identifier))
    assert other.refused(signing) is R.OBJECT_DESTROYED


def test_advisory_03_what_was_unwrapped_once_is_not_opened_without_its_key(world: World, other: World) -> None:
    """Source: COSMIAN-2026-008: what an unwrap cache held could be had after its key was destroyed."""
    wrapping = create(world, WRAP)
    held = registered(world, world.do(get_wrapped(create(world), wrapping)).object)
    assert other.do(get_plain(held)).object.key_block.key_wrapping_data is None
    world.do(RevokeRequest(unique_identifier=wrapping, revocation_reason=COMPROMISE))
    assert other.refused(get_plain(held)) is R.WRONG_KEY_LIFECYCLE_STATE
    world.do(DestroyRequest(unique_identifier=wrapping))
    assert other.refused(get_plain(held)) is R.WRAPPING_OBJECT_DESTROYED


def test_advisory_03_a_grant_that_was_taken_back_counts_on_no_engine(world: World, other: World) -> None:
    key = create(world)
    granting.grant(Administration(world.engine), "alice", "bob", key, [Operation.GET])
    assert other.do(GetRequest(unique_identifier=key), who="bob")
    granting.revoke_grant(Administration(world.engine), "alice", "bob", key)
    assert other.refused(GetRequest(unique_identifier=key), who="bob") is R.OBJECT_NOT_FOUND


def test_advisory_03_a_client_that_was_disabled_is_let_in_nowhere(
    world: World, other: World, certificates: dict[str, bytes]
) -> None:
    epoch = other.engine.identity_epoch()
    assert other.engine.caller_of(certificates["bob"], "192.0.2.1")
    Administration(world.engine).disable_client("bob")
    assert other.engine.caller_of(certificates["bob"], "192.0.2.1") is None
    assert other.engine.identity_epoch() != epoch  # by which open connections are looked at again


def test_advisory_03_attributes_are_never_old(world: World, other: World) -> None:
    key = world.create("before")
    ask = GetAttributesRequest(unique_identifier=key, attribute_reference=(Tag.NAME, Tag.COMMENT))
    assert other.do(ask).attributes.get(Tag.NAME).name_value == "before"
    new = Attribute(Tag.NAME, Name(name_value="after"))
    world.do(ModifyAttributeRequest(unique_identifier=key, new_attribute=new))
    assert other.do(ask).attributes.get(Tag.NAME).name_value == "after"
    for text, found in (("before", ()), ("after", (key,))):
        by_name = LocateRequest(attributes=attributes(name=Name(name_value=text)))
        assert other.do(by_name).unique_identifier == found
    world.do(ArchiveRequest(unique_identifier=key))
    assert other.refused(GetRequest(unique_identifier=key)) is R.OBJECT_ARCHIVED


# --- at the same time -------------------------------------------------------------------------------------------------


def at_once(worlds: list[World], request_of: Callable[[int], Request], each: int) -> Counter[ResultReason | None]:
    """Have every engine asked as often, all at the same time; how often it ended in which way."""
    begin, told = threading.Barrier(len(worlds)), Counter[ResultReason | None]()
    lock, failed = threading.Lock(), list[BaseException]()

    def ask(world: World, number: int) -> None:
        begin.wait()
        try:
            for turn in range(each):
                item = world.ask(request_of(number * each + turn))
                assert (item.result_reason is None) == (item.result_status is ResultStatus.SUCCESS)
                with lock:
                    told[item.result_reason] += 1
        except BaseException as error:  # noqa: BLE001  told to the test
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(world, number)) for number, world in enumerate(worlds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return told


@pytest.fixture
def three(world: World, other: World) -> Iterator[list[World]]:
    third = beside(world)
    yield [world, other, third]
    third.engine.close()


@pytest.mark.parametrize("limit", [1, 10])
def test_k27_a_usage_limit_is_exact_on_three_engines_at_once(three: list[World], limit: int) -> None:
    """Advisory 3 of the catalogue: the count is looked at and changed in one transaction."""
    limits = UsageLimits(usage_limits_total=limit, usage_limits_unit=UsageLimitsUnit.OBJECT)
    key = create(three[0], usage_limits=limits)
    told = at_once(three, lambda number: encryption(key, b"%d" % number), 22)
    assert told == {None: limit, R.PERMISSION_DENIED: 66 - limit}


def test_advisory_03_an_allocation_is_given_once(three: list[World]) -> None:
    limits = UsageLimits(usage_limits_total=10, usage_limits_unit=UsageLimitsUnit.BYTE)
    key = create(three[0], usage_limits=limits)
    told = at_once(three, lambda _: GetUsageAllocationRequest(unique_identifier=key, usage_limits_count=3), 5)
    assert told[None] == 3
    assert sum(told.values()) == 15


def test_advisory_03_a_name_is_given_once(three: list[World]) -> None:
    told = at_once(three, lambda number: create_request(f"name {number % 5}"), 10)
    assert told == {None: 5, R.NON_UNIQUE_NAME_ATTRIBUTE: 25}


def test_advisory_03_a_key_is_destroyed_once(three: list[World]) -> None:
    key = three[0].create()
    told = at_once(three, lambda _: DestroyRequest(unique_identifier=key), 5)
    assert told == {None: 1, R.OBJECT_DESTROYED: 14}


def test_advisory_03_no_change_is_lost(three: list[World]) -> None:
    key = three[0].create()

    def added(number: int) -> Request:
        return AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(Tag.OBJECT_GROUP, f"group {number}"))

    assert at_once(three, added, 8) == {None: 24}
    found: Any = three[1].do(GetAttributesRequest(unique_identifier=key)).attributes.all(Tag.OBJECT_GROUP)
    assert {f"group {number}" for number in range(24)} <= set(found)


def test_M11_a_private_key_that_one_destroyed_is_loaded_in_no_other(world: World, other: World) -> None:
    asked = CreateKeyPairRequest(
        common_attributes=attributes(cryptographic_algorithm=A.EC, cryptographic_length=256, activation_date=1),
        private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
        public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
    )
    pairs = [world.do(asked).private_key_unique_identifier for _ in range(2)]
    for key in pairs:
        other.do(SignRequest(unique_identifier=key, data=b"data"))
    world.do(RevokeRequest(unique_identifier=pairs[0], revocation_reason=COMPROMISE))
    world.do(DestroyRequest(unique_identifier=pairs[0]))
    assert {name for name, _ in other.engine.loaded_keys} == set(pairs)
    world.engine.upkeep()
    other.engine.upkeep()
    assert {name for name, _ in other.engine.loaded_keys} == {pairs[1]}


def test_M11_an_operation_in_parts_is_over_with_its_key_whoever_destroyed_it(world: World, other: World) -> None:
    keys = [create(world) for _ in range(2)]
    for key in keys:
        other.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"", init_indicator=True))
    world.do(RevokeRequest(unique_identifier=keys[0], revocation_reason=COMPROMISE))
    world.do(DestroyRequest(unique_identifier=keys[0]))
    assert {stream.unique_identifier for stream in other.engine.streams.values()} == set(keys)
    world.engine.upkeep()
    other.engine.upkeep()
    assert {stream.unique_identifier for stream in other.engine.streams.values()} == {keys[1]}
    other.clock.now += STREAM_SECONDS
    other.engine.upkeep()
    assert not other.engine.streams


def test_one_that_starts_while_another_changes_something_raises_no_alarm(world: World) -> None:
    key = create(world)
    world.engine.upkeep()
    other = beside(world)
    with other.engine.store.begin(write=False) as transaction:
        transaction.inner.last_event()  # from here on it sees what there is now
        world.do(RevokeRequest(unique_identifier=key, revocation_reason=COMPROMISE))  # noted at once
        assert transaction.state.objects == 1
    other.engine.upkeep()
    assert other.do(GetAttributesRequest(unique_identifier=key))
    other.engine.close()
