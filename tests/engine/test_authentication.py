"""Credentials in the header of a message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystead.crypto.passwords import hashed_password, one_time_password, password_digests, server_hashed_password
from keystead.engine import granting
from keystead.engine.admin import Administration
from keystead.engine.engine import Incoming
from keystead.engine.verifiers import OneTime
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CredentialType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    OTPAlgorithm,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.messages import load_response
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.payloads.session import PingRequest
from keystead.kmip.structures import (
    Authentication,
    Credential,
    Device,
    HashedPassword,
    OneTimePassword,
    UsernameAndPassword,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_0, V2_1, V3_0, Version
from keystead.policy.access import Caller
from tests.engine.world import World, request_message

R = ResultReason
SEED = b"12345678901234567890"
VERSIONS = pytest.mark.parametrize("version", [V1_0, V1_4, V2_0, V2_1, V3_0], ids=str)


def user(name: str, password: str | None) -> Authentication:
    return shown(CredentialType.USERNAME_AND_PASSWORD, UsernameAndPassword(username=name, password=password))


def device(serial: str, password: str | None = "secret", **more: str) -> Authentication:
    return shown(CredentialType.DEVICE, Device(device_serial_number=serial, password=password, **more))


def shown(kind: CredentialType, value: object) -> Authentication:
    return Authentication(credential=(Credential(credential_type=kind, credential_value=value),))


def both(*given: Authentication) -> Authentication:
    return Authentication(credential=tuple(one for each in given for one in each.credential))


@pytest.fixture
def people(world: World) -> Administration:
    """Fred and Barney, who may speak over any client of the domain."""
    made = Administration(world.engine)
    made.add_user("Fred", "password1")
    made.add_user("Barney", "secret2")
    return made


FRED, BARNEY = user("Fred", "password1"), user("Barney", "secret2")


@VERSIONS
def test_a_user_owns_what_it_makes_and_shares_it_with_nobody_over_the_same_client(
    world: World, people: Administration, version: Version
):
    uid = world.create(authentication=FRED, version=version)
    assert world.do(GetRequest(unique_identifier=uid), authentication=FRED, version=version)
    strangers, nothing = (
        [world.ask(GetRequest(unique_identifier=name), authentication=a, version=version) for a in (BARNEY, None)]
        for name in (uid, "x")
    )
    assert [(a.result_reason, a.result_message) for a in strangers] == [
        (a.result_reason, a.result_message) for a in nothing
    ]
    assert strangers[0].result_reason is (R.PERMISSION_DENIED if version < V2_0 else R.OBJECT_NOT_FOUND)
    assert strangers[1].result_reason is (R.ITEM_NOT_FOUND if version < V2_0 else R.OBJECT_NOT_FOUND)
    assert uid not in world.do(LocateRequest(), authentication=BARNEY, version=version).unique_identifier
    # The user is the same over another client of the domain.
    assert world.do(GetRequest(unique_identifier=uid), authentication=FRED, version=version, who="bob")


@VERSIONS
def test_k39_wrong_unknown_and_foreign_credentials_are_refused_in_one_way(
    world: World, people: Administration, version: Version
):
    answers = [
        world.ask(PingRequest() if version >= V2_0 else LocateRequest(), authentication=given, version=version)
        for given in (
            user("Fred", "password2"),
            user("Fred", "password1 "),
            user("Fred", None),
            user("fred", "password1"),
            user("Fred ", "password1"),
            user("Wilma", "password1"),
            user("bob", "password1"),
            user("alice", "password1"),
            both(FRED, BARNEY),
            both(FRED, user("Fred", "no")),
            both(FRED, device("1")),
            Authentication(credential=FRED.credential * 5),
        )
    ]
    assert {(a.result_status, a.result_reason, a.result_message) for a in answers} == {
        (ResultStatus.OPERATION_FAILED, R.AUTHENTICATION_NOT_SUCCESSFUL, "the credential was not accepted")
    }


def test_k39_first_sight_takes_no_name_of_another_client_and_shares_nothing(world: World):
    world.engine.enrol_unknown_users = True
    refused = world.refused(LocateRequest(), authentication=user("bob", "x"))
    assert refused is R.AUTHENTICATION_NOT_SUCCESSFUL
    uid = world.create(authentication=user("Fred", "alices"))
    assert world.refused(LocateRequest(), authentication=user("Fred", "bobs")) is R.AUTHENTICATION_NOT_SUCCESSFUL
    other = world.create(authentication=user("Fred", "bobs"), who="bob")  # a Fred of his own
    assert world.refused(GetRequest(unique_identifier=uid), who="bob", authentication=user("Fred", "bobs"))
    assert world.refused(GetRequest(unique_identifier=other), authentication=user("Fred", "alices"))
    # One's own name is oneself.
    own = world.create(authentication=user("alice", "pw"))
    assert world.do(GetRequest(unique_identifier=own))


def test_nobody_is_enrolled_at_first_sight_unless_that_is_switched_on(world: World):
    assert world.refused(LocateRequest(), authentication=user("Fred", "password1")) is R.AUTHENTICATION_NOT_SUCCESSFUL


def test_a_user_of_the_name_of_a_client_is_that_client_and_over_its_certificate_only(world: World):
    Administration(world.engine).add_user("alice", "second factor")
    uid = world.create()
    assert world.do(GetRequest(unique_identifier=uid), authentication=user("alice", "second factor"))
    assert (
        world.refused(LocateRequest(), authentication=user("alice", "second factor"), who="bob")
        is R.AUTHENTICATION_NOT_SUCCESSFUL
    )


def test_a_user_speaks_without_a_certificate_where_the_server_lets_it(world: World, people: Administration):
    world.callers["nobody"] = Caller("", "", "default", address="192.0.2.1")
    uid = world.create(authentication=FRED, who="nobody")
    assert world.do(GetRequest(unique_identifier=uid), authentication=FRED)
    assert world.refused(LocateRequest(), who="nobody") is R.AUTHENTICATION_NOT_SUCCESSFUL
    assert world.ask(QueryRequest(query_function=()), who="nobody").result_reason is R.INVALID_MESSAGE


def test_w11_ten_wrong_tries_make_one_wait_longer_and_longer_from_one_address_only(
    world: World, people: Administration
):
    def tries(who: str = "alice", password: str = "password1") -> bool:
        item = world.ask(PingRequest(), who=who, authentication=user("Fred", password))
        return item.result_status is ResultStatus.SUCCESS

    assert [tries(password=f"wrong {n}") for n in range(10)] == [False] * 10
    assert not tries()
    world.clock.move(31)
    assert not tries(password="wrong")  # waits twice as long
    world.clock.move(31)
    assert not tries()
    # Neither other clients, nor other addresses, nor the certificate are locked out.
    assert tries("bob")
    world.callers["alice elsewhere"] = replace(world.callers["alice"], address="192.0.2.7")
    assert tries("alice elsewhere")
    assert world.do(PingRequest())
    world.clock.move(-100)  # D05: a clock that is put back does not shorten it
    assert not tries()
    world.clock.move(200)
    assert tries()
    assert [tries(password=f"wrong {n}") for n in range(9)] == [False] * 9
    assert tries()


def test_the_count_of_tries_survives_a_restart(world: World, people: Administration):
    for n in range(10):
        world.refused(PingRequest(), authentication=user("Fred", f"wrong {n}"))
    world.reopen()
    assert world.refused(PingRequest(), authentication=FRED) is R.AUTHENTICATION_NOT_SUCCESSFUL


def test_accounts_survive_a_restart_and_no_password_lies_in_the_store(world: World, people: Administration):
    uid = world.create(authentication=FRED)
    world.reopen()
    assert world.do(GetRequest(unique_identifier=uid), authentication=FRED)
    kept = b"".join(path.read_bytes() for path in world.directory.rglob("*") if path.is_file())
    assert not [secret for secret in (b"password1", b"secret2", b"$argon2id$") if secret in kept]


def test_operators_change_passwords_and_lock_users_out_at_once(world: World, people: Administration):
    uid = world.create(authentication=FRED)
    people.set_password("Fred", "another")
    assert world.refused(PingRequest(), authentication=FRED)
    assert world.do(GetRequest(unique_identifier=uid), authentication=user("Fred", "another"))
    people.disable_user("Fred")
    assert world.refused(PingRequest(), authentication=user("Fred", "another")) is R.AUTHENTICATION_NOT_SUCCESSFUL
    people.enable_user("Fred")
    assert world.do(PingRequest(), authentication=user("Fred", "another"))
    assert [user["name"] for user in people.users()] == ["Barney", "Fred"]


def test_devices_show_all_their_identifiers_and_their_password(world: World, people: Administration):
    people.add_device(Device(device_serial_number="s1", password="secret", device_identifier="d1"))
    uid = world.create(authentication=device("s1", device_identifier="d1"), version=V1_4)
    assert world.do(GetRequest(unique_identifier=uid), authentication=device("s1", device_identifier="d1"))
    for given in (
        device("s1"),
        device("s1", device_identifier="d2"),
        device("s1", "wrong", device_identifier="d1"),
        device("s1", None, device_identifier="d1"),
        device("s2", device_identifier="d1"),
    ):
        assert world.refused(PingRequest(), authentication=given) is R.AUTHENTICATION_NOT_SUCCESSFUL
    assert world.do(PingRequest(), authentication=both(device("s1", device_identifier="d1"), FRED))


def test_a_batch_of_a_refused_caller_is_refused_item_by_item(world: World, people: Administration):
    items = world.batch(PingRequest(), PingRequest(), authentication=user("Fred", "no"))
    assert [item.result_reason for item in items] == [R.AUTHENTICATION_NOT_SUCCESSFUL]
    items = world.batch(
        PingRequest(),
        PingRequest(),
        authentication=user("Fred", "no"),
        batch_error_continuation_option=BatchErrorContinuationOption.CONTINUE,
    )
    assert [item.result_reason for item in items] == [R.AUTHENTICATION_NOT_SUCCESSFUL] * 2
    assert all(item.operation is PingRequest.OPERATION for item in items)


# --- one-time and hashed passwords ------------------------------------------------------------------------------------


def once(code: str, password: str | None = "password1", name: str = "Fred") -> Authentication:
    return shown(
        CredentialType.ONE_TIME_PASSWORD, OneTimePassword(username=name, password=password, one_time_password=code)
    )


def code_of(counter: int) -> str:
    return one_time_password(SEED, counter, CryptographicAlgorithm.HMAC_SHA1, 6)


def test_w11_a_time_based_password_is_good_once_and_about_now(world: World, people: Administration):
    people.set_one_time_password("Fred", OneTime(OTPAlgorithm.TOTP, SEED))
    step = int(world.clock.now) // 30
    assert world.refused(PingRequest(), authentication=FRED) is R.AUTHENTICATION_NOT_SUCCESSFUL  # not enough any more
    assert world.refused(PingRequest(), authentication=once(code_of(step), None))
    assert world.refused(PingRequest(), authentication=once(code_of(step) + " "))
    assert world.do(PingRequest(), authentication=once(code_of(step)))
    assert world.refused(PingRequest(), authentication=once(code_of(step)))  # replayed
    assert world.refused(PingRequest(), authentication=once(code_of(step - 1)))  # before the last
    assert world.refused(PingRequest(), authentication=once(code_of(step + 2)))
    world.reopen()
    assert world.refused(PingRequest(), authentication=once(code_of(step)))
    assert world.do(PingRequest(), authentication=once(code_of(step + 1)))
    Administration(world.engine).set_one_time_password("Fred", None)
    assert world.do(PingRequest(), authentication=FRED)


def test_a_counter_based_password_is_good_once_and_may_be_some_ahead(world: World, people: Administration):
    people.set_one_time_password("Fred", OneTime(OTPAlgorithm.HOTP, SEED))
    assert world.do(PingRequest(), authentication=once(code_of(0)))
    assert world.refused(PingRequest(), authentication=once(code_of(0)))
    assert world.do(PingRequest(), authentication=once(code_of(7)))
    assert world.refused(PingRequest(), authentication=once(code_of(3)))
    assert world.refused(PingRequest(), authentication=once(code_of(40)))
    assert world.do(PingRequest(), authentication=once(code_of(8)))


def hashed(timestamp_us: int, name: str = "Fred", password: str = "password1") -> Authentication:
    first, second = password_digests(name, password, HashingAlgorithm.SHA_256)
    value = hashed_password(first, second, timestamp_us, HashingAlgorithm.SHA_256)
    return shown(
        CredentialType.HASHED_PASSWORD, HashedPassword(username=name, timestamp=timestamp_us, hashed_password=value)
    )


def test_a_hashed_password_is_good_once_and_the_server_proves_itself(world: World, people: Administration):
    now = int(world.clock.now * 1_000_000)
    assert world.refused(PingRequest(), authentication=hashed(now))  # nobody said that Fred may
    people.set_password("Fred", "password1", hashed=True)
    message = request_message(PingRequest(), authentication=hashed(now))
    (answer,) = world.engine.answer([Incoming(message, world.callers["alice"])])
    header = load_response(answer)[0].response_header
    first, second = password_digests("Fred", "password1", HashingAlgorithm.SHA_256)
    assert header.server_hashed_password == server_hashed_password(first, second, now, HashingAlgorithm.SHA_256)
    assert world.refused(PingRequest(), authentication=hashed(now))
    assert world.refused(PingRequest(), authentication=hashed(now - 1))
    assert world.refused(PingRequest(), authentication=hashed(now + 1, password="password2"))
    assert world.refused(PingRequest(), authentication=hashed(now + 400_000_000))
    assert world.do(PingRequest(), authentication=hashed(now + 1))
    (answer,) = world.engine.answer([Incoming(request_message(PingRequest()), world.callers["alice"])])
    assert load_response(answer)[0].response_header.server_hashed_password is None


# --- operators --------------------------------------------------------------------------------------------------------


def test_groups_and_grants_share_objects(world: World, people: Administration):
    uid = world.create()
    group = people.add_group("readers")
    people.join_group("readers", "Fred")
    people.join_group("readers", "bob")
    granting.grant(people, "alice", "readers", uid, [GetRequest.OPERATION])
    world.callers["bob"] = replace(world.callers["bob"], groups=(group,))
    assert world.do(GetRequest(unique_identifier=uid), authentication=FRED)
    assert world.do(GetRequest(unique_identifier=uid), who="bob")
    assert world.refused(DestroyRequest(unique_identifier=uid), authentication=FRED) is R.PERMISSION_DENIED
    assert world.refused(GetRequest(unique_identifier=uid), authentication=BARNEY) is R.OBJECT_NOT_FOUND
    people.leave_group("readers", "Fred")
    assert world.refused(GetRequest(unique_identifier=uid), authentication=FRED) is R.OBJECT_NOT_FOUND
    granting.revoke_grant(people, "alice", "readers", uid)
    assert world.refused(GetRequest(unique_identifier=uid), who="bob") is R.OBJECT_NOT_FOUND


def test_what_operators_do_is_in_the_audit_without_any_password(world: World, people: Administration):
    people.set_password("Fred", "another one")
    with world.engine.store.begin(write=False) as transaction:
        told = b"".join(value for _, value in transaction.events(0, 1000))
    for word in (b"Add User", b"Set Password", b"Fred"):
        assert word in told
    for secret in (b"password1", b"another one", b"argon2"):
        assert secret not in told


def test_a_disabled_client_is_let_in_no_more(world: World, certificates: dict[str, bytes]):
    made = Administration(world.engine)
    epoch = world.engine.identity_epoch()
    made.disable_client("alice")
    assert world.engine.identity_epoch() != epoch
    assert world.engine.caller_of(certificates["alice"], "") is None
    made.enable_client("alice")
    assert world.engine.caller_of(certificates["alice"], "") is not None


def test_slow_work_of_a_user_is_prepared_as_that_user_and_its_password_hashed_meanwhile(
    world: World, people: Administration
):
    request = CreateKeyPairRequest(
        common_attributes=Attributes.of(
            {Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.RSA, Tag.CRYPTOGRAPHIC_LENGTH: 1024}
        )
    )
    for given, prepared in ((FRED, 1), (user("Fred", "wrong"), 0)):
        incoming = Incoming(request_message(request, authentication=given), world.callers["alice"])
        made = world.engine.prepare(incoming)
        assert len(made.prepared or {}) == prepared
    assert len(world.engine.verified) == 1
    incoming = Incoming(request_message(request, authentication=FRED), world.callers["alice"])
    (answer,) = world.engine.answer([world.engine.prepare(incoming)])
    assert load_response(answer)[0].batch_item[0].result_status is ResultStatus.SUCCESS
