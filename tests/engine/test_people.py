"""Users, groups and credentials as managed objects of KMIP 3.0."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.crypto.passwords import one_time_password
from keystead.engine.admin import Administration
from keystead.kmip.attributes import Attribute, Attributes
from keystead.kmip.enums import (
    CertificateType,
    CredentialType,
    CryptographicAlgorithm,
    ObjectClass,
    ObjectClassMask,
    ObjectType,
    OTPAlgorithm,
    ResultReason,
)
from keystead.kmip.identifiers import NameReference
from keystead.kmip.objects import (
    Certificate,
    DeviceCredential,
    HashedPasswordCredential,
    OneTimePasswordCredential,
    PasswordCredential,
)
from keystead.kmip.payloads.attributes import DeleteAttributeRequest, GetAttributesRequest
from keystead.kmip.payloads.create import CreateCredentialRequest, CreateGroupRequest, CreateUserRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.session import PingRequest
from keystead.kmip.structures import Name
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1, V3_0
from keystead.pki.ca import Authority
from keystead.policy.access import ADMINISTRATORS
from tests.engine.test_authentication import SEED, device, once, user
from tests.engine.world import World

R = ResultReason
V3: dict[str, Any] = {"version": V3_0}


def attributes(*pairs: tuple[Tag, Any]) -> Attributes:
    return Attributes(tuple(Attribute(tag, value) for tag, value in pairs))


def named(name: str, *links: tuple[Tag, str]) -> Attributes:
    return attributes((Tag.NAME, Name(name_value=name)), *links)


def credential(world: World, made: Any, kind: CredentialType = CredentialType.PASSWORD, **how: Any) -> str:
    request = CreateCredentialRequest(credential_type=kind, attributes=attributes(), object=made)
    return str(world.do(request, **V3, **how).unique_identifier)


def make_user(world: World, name: str, *credentials: str, **how: Any) -> str:
    links = [(Tag.CREDENTIAL_LINK, uid) for uid in credentials]
    return str(world.do(CreateUserRequest(attributes=named(name, *links)), **V3, **how).unique_identifier)


@pytest.fixture
def root(world: World) -> World:
    """A world with an administrator: carol."""
    administration = Administration(world.engine)
    administration.join_group(ADMINISTRATORS, "carol")
    with world.engine.store.begin(write=False) as transaction:
        standing = world.engine.standing(transaction, world.callers["carol"])
    assert standing is not None
    world.callers["carol"] = standing
    return world


def test_a_user_made_by_a_client_speaks_over_that_client_only(world: World):
    fred = make_user(world, "Fred", credential(world, PasswordCredential(password="password1")))
    uid = world.create(authentication=user("Fred", "password1"))
    assert world.do(GetRequest(unique_identifier=uid), authentication=user("Fred", "password1"))
    assert world.refused(GetRequest(unique_identifier=uid)) is R.OBJECT_NOT_FOUND
    assert world.refused(PingRequest(), authentication=user("Fred", "password2")) is R.AUTHENTICATION_NOT_SUCCESSFUL
    bob = world.refused(PingRequest(), authentication=user("Fred", "password1"), who="bob")
    assert bob is R.AUTHENTICATION_NOT_SUCCESSFUL
    make_user(world, "Fred", credential(world, PasswordCredential(password="x"), who="bob"), who="bob")
    world.reopen()
    assert world.do(GetRequest(unique_identifier=uid), authentication=user("Fred", "password1"))
    world.do(DestroyRequest(unique_identifier=fred), **V3)
    assert world.refused(PingRequest(), authentication=user("Fred", "password1")) is R.AUTHENTICATION_NOT_SUCCESSFUL
    # A new Fred inherits nothing.
    make_user(world, "Fred", credential(world, PasswordCredential(password="password1")))
    refused = world.refused(GetRequest(unique_identifier=uid), authentication=user("Fred", "password1"))
    assert refused is R.OBJECT_NOT_FOUND


def test_a_user_made_by_an_administrator_speaks_over_every_client(root: World):
    secret = credential(root, PasswordCredential(password="password1"), who="carol")
    make_user(root, "Fred", secret, who="carol")
    uid = root.create(authentication=user("Fred", "password1"))
    assert root.do(GetRequest(unique_identifier=uid), authentication=user("Fred", "password1"), who="bob")
    again = root.refused(CreateUserRequest(attributes=named("Fred")), **V3, who="carol")
    assert again is R.NON_UNIQUE_NAME_ATTRIBUTE
    assert root.refused(CreateUserRequest(attributes=named("bob")), **V3, who="carol") is R.NON_UNIQUE_NAME_ATTRIBUTE


def test_k32_a_user_is_linked_to_credentials_of_its_maker_only(world: World):
    secret = credential(world, PasswordCredential(password="password1"))
    key = world.create()
    for link, who, reason in (
        (secret, "bob", R.OBJECT_NOT_FOUND),
        ("never", "bob", R.OBJECT_NOT_FOUND),
        (key, "alice", R.INVALID_ATTRIBUTE_VALUE),
    ):
        request = CreateUserRequest(attributes=named("Fred", (Tag.CREDENTIAL_LINK, link)))
        assert world.refused(request, **V3, who=who) is reason


def test_a_credential_that_is_destroyed_or_unlinked_lets_nobody_in(world: World):
    one, two = (credential(world, PasswordCredential(password=password)) for password in ("one", "two"))
    fred = make_user(world, "Fred", one, two)
    assert world.do(PingRequest(), authentication=user("Fred", "one"))
    assert world.do(PingRequest(), authentication=user("Fred", "two"))
    world.do(DestroyRequest(unique_identifier=one), **V3)
    assert world.refused(PingRequest(), authentication=user("Fred", "one"))
    assert world.do(PingRequest(), authentication=user("Fred", "two"))
    world.do(DeleteAttributeRequest(unique_identifier=fred, attribute_reference=Tag.CREDENTIAL_LINK), **V3)
    assert world.refused(PingRequest(), authentication=user("Fred", "two"))


def test_a_user_with_a_password_and_a_one_time_password_shows_both(world: World):
    seed = OneTimePasswordCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=SEED)
    make_user(
        world,
        "Fred",
        credential(world, PasswordCredential(password="password1")),
        credential(world, seed, CredentialType.ONE_TIME_PASSWORD),
    )
    code = one_time_password(SEED, 0, CryptographicAlgorithm.HMAC_SHA1, 6)
    assert world.refused(PingRequest(), authentication=user("Fred", "password1"))
    assert world.refused(PingRequest(), authentication=once(code, None))
    assert world.do(PingRequest(), authentication=once(code))
    assert world.refused(PingRequest(), authentication=once(code))


def test_a_user_is_let_in_by_its_device(world: World):
    box = credential(world, DeviceCredential(device_serial_number="s1"), CredentialType.DEVICE)
    make_user(world, "Box", box, credential(world, PasswordCredential(password="secret")))
    uid = world.create(authentication=device("s1"))
    assert world.do(GetRequest(unique_identifier=uid), authentication=user("Box", "secret"))
    assert world.refused(PingRequest(), authentication=device("s1", "wrong")) is R.AUTHENTICATION_NOT_SUCCESSFUL


def test_a_certificate_lets_in_a_user_of_an_administrator_only(root: World):
    authority = Authority.create("test", "P-256")
    for who, lets_in in (("alice", False), ("carol", True)):
        der = authority.issue_client(f"of-{who}").der
        made = Certificate(certificate_type=CertificateType.X_509, certificate_value=der)
        uid = credential(root, made, CredentialType.CERTIFICATE, who=who)
        make_user(root, f"of-{who}", uid, who=who)
        caller = root.engine.caller_of(der, "192.0.2.1")
        assert (caller is not None) is lets_in
        epoch = root.engine.identity_epoch()
        root.do(DestroyRequest(unique_identifier=uid), **V3, who=who)
        assert root.engine.caller_of(der, "") is None
        assert root.engine.identity_epoch() != epoch
    assert caller is not None
    assert caller.name == "of-carol"
    with root.engine.store.begin(write=False) as transaction:
        assert root.engine.standing(transaction, caller) is not None


def test_secrets_of_credentials_are_never_handed_out(world: World):
    seed = OneTimePasswordCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED)
    digests = HashedPasswordCredential(hashed_username_password=b"1" * 32, hashed_password_username=b"2" * 32)
    for made, kind in (
        (PasswordCredential(password="password1"), CredentialType.PASSWORD),
        (seed, CredentialType.ONE_TIME_PASSWORD),
    ):
        uid = credential(world, made, kind)
        assert "secret" not in repr(got := world.do(GetRequest(unique_identifier=uid), **V3).object)
        assert SEED not in (getattr(got, "otp_seed", b"") or b"")
        assert getattr(got, "password", None) is getattr(got, "salted_password", None) is None
    uid = credential(world, digests, CredentialType.HASHED_PASSWORD)
    assert world.refused(GetRequest(unique_identifier=uid), **V3) is R.NOT_EXTRACTABLE
    kept = b"".join(path.read_bytes() for path in world.directory.rglob("*") if path.is_file())
    assert not [secret for secret in (b"password1", SEED) if secret in kept]


@pytest.mark.parametrize(
    ("kind", "made", "reason"),
    [
        (CredentialType.PASSWORD, None, R.INVALID_FIELD),
        (CredentialType.PASSWORD, PasswordCredential(), R.INVALID_FIELD),
        (CredentialType.PASSWORD, PasswordCredential(password=""), R.BAD_PASSWORD),
        (CredentialType.PASSWORD, PasswordCredential(salted_password=b"$argon2id$v=19$m=1"), R.INVALID_FIELD),
        (CredentialType.DEVICE, DeviceCredential(), R.INVALID_FIELD),
        (CredentialType.DEVICE, PasswordCredential(password="x"), R.INVALID_FIELD),
        (
            CredentialType.ONE_TIME_PASSWORD,
            OneTimePasswordCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=b"short"),
            R.BAD_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (CredentialType.TICKET, PasswordCredential(password="x"), R.INVALID_FIELD),
    ],
)
def test_a_credential_that_nothing_could_be_checked_against_is_refused(
    world: World, kind: CredentialType, made: Any, reason: ResultReason
):
    request = CreateCredentialRequest(credential_type=kind, attributes=attributes(), object=made)
    assert world.refused(request, **V3) is reason


def test_users_in_a_group_have_what_the_group_was_granted(world: World):
    admin = Administration(world.engine)
    group = str(world.do(CreateGroupRequest(attributes=named("readers")), **V3).unique_identifier)
    secret = credential(world, PasswordCredential(password="password1"))
    request = CreateUserRequest(
        attributes=named("Fred", (Tag.CREDENTIAL_LINK, secret), (Tag.GROUP_LINK, NameReference("readers")))
    )
    world.do(request, **V3)
    uid = world.create()
    fred = user("Fred", "password1")
    assert world.refused(GetRequest(unique_identifier=uid), authentication=fred) is R.OBJECT_NOT_FOUND
    with world.engine.store.begin() as transaction:
        transaction.grant("default", world.callers["alice"].identity, uid, group, [GetRequest.OPERATION])
        transaction.commit()
    assert world.do(GetRequest(unique_identifier=uid), authentication=fred)
    world.do(DestroyRequest(unique_identifier=group), **V3)
    assert world.refused(GetRequest(unique_identifier=uid), authentication=fred) is R.OBJECT_NOT_FOUND
    assert [row["name"] for row in admin.groups()] == [ADMINISTRATORS]


def test_a_link_to_a_group_of_operators_or_of_another_gives_nothing(world: World):
    group = Administration(world.engine).add_group("operators")
    theirs = str(world.do(CreateGroupRequest(attributes=named("theirs")), **V3, who="bob").unique_identifier)
    for link in (group, theirs, ADMINISTRATORS):
        request = CreateUserRequest(attributes=named("Fred", (Tag.GROUP_LINK, link)))
        assert world.refused(request, **V3) is R.OBJECT_NOT_FOUND


def test_locate_finds_the_systems_objects_for_who_asks_for_them(world: World):
    key = world.create("key")
    fred = make_user(world, "Fred", credential(world, PasswordCredential(password="x")))
    assert world.do(LocateRequest(), version=V2_1).unique_identifier == (key,)
    assert world.do(LocateRequest(), **V3).unique_identifier == (key,)
    system = world.do(LocateRequest(object_class_mask=ObjectClassMask.SYSTEM), **V3).unique_identifier
    assert fred in system
    assert key not in system
    assert len(system) == 2
    every = world.do(LocateRequest(object_class_mask=ObjectClassMask.SYSTEM | ObjectClassMask.USER), **V3)
    assert len(every.unique_identifier) == 3
    of_class = attributes((Tag.OBJECT_CLASS, ObjectClass.SYSTEM), (Tag.OBJECT_TYPE, ObjectType.USER))
    assert world.do(LocateRequest(attributes=of_class), **V3).unique_identifier == (fred,)
    shown = world.do(GetAttributesRequest(unique_identifier=fred), **V3).attributes
    assert {Tag.OBJECT_CLASS, Tag.NAME, Tag.CREDENTIAL_LINK} <= {attribute.name for attribute in shown}
    assert world.refused(GetRequest(unique_identifier=fred), **V3) is R.INVALID_OBJECT_TYPE
    assert world.refused(GetRequest(unique_identifier=fred), **V3, who="bob") is R.OBJECT_NOT_FOUND
