"""Users, groups and credentials as managed objects: Create User, Create Group, Create Credential.

A user made so can authenticate at once, by what its Credential Links name.  Whoever made it owns the objects; who is no
administrator makes users of his own only, that speak over the certificate of the same client.  A password is kept as
Argon2id and never handed out again.

Source: KMIP 3.0 CSD01 sections 2.1, 4.35 and 6.1.9-6.1.13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from keystead.engine import identities
from keystead.engine.accounts import Account, Accounts, check_name, identifiers_of, new_identity
from keystead.engine.certificates import certificate_attributes
from keystead.engine.context import Context, Turn
from keystead.engine.handlers import handles
from keystead.engine.making import new, requested
from keystead.engine.managed import Managed
from keystead.engine.verifiers import (
    USUAL_DIGITS,
    USUAL_INTERVAL_SECONDS,
    Digests,
    OneTime,
    Password,
    Salted,
    Verifier,
)
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName, Attributes
from keystead.kmip.enums import (
    CredentialType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    ObjectClass,
    ObjectType,
    ResultReason,
)
from keystead.kmip.objects import (
    Certificate,
    DeviceCredential,
    HashedPasswordCredential,
    ManagedObject,
    OneTimePasswordCredential,
    PasswordCredential,
)
from keystead.kmip.payloads.create import (
    CreateCredentialRequest,
    CreateCredentialResponse,
    CreateGroupRequest,
    CreateGroupResponse,
    CreateUserRequest,
    CreateUserResponse,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST
from keystead.policy.access import ADMINISTRATORS, Caller

CREDENTIALS: Final[Mapping[CredentialType, tuple[ObjectType, type[ManagedObject]]]] = {
    CredentialType.PASSWORD: (ObjectType.PASSWORD_CREDENTIAL, PasswordCredential),
    CredentialType.DEVICE: (ObjectType.DEVICE_CREDENTIAL, DeviceCredential),
    CredentialType.ONE_TIME_PASSWORD: (ObjectType.ONE_TIME_PASSWORD_CREDENTIAL, OneTimePasswordCredential),
    CredentialType.HASHED_PASSWORD: (ObjectType.HASHED_PASSWORD_CREDENTIAL, HashedPasswordCredential),
    CredentialType.CERTIFICATE: (ObjectType.CERTIFICATE, Certificate),
}
"""The credentials that are managed objects, and what each of them is."""
CREDENTIAL_TYPES: Final = frozenset(object_type for object_type, _ in CREDENTIALS.values()) - {ObjectType.CERTIFICATE}
PEOPLE: Final = frozenset({ObjectType.USER, ObjectType.GROUP})
MAXIMUM_CREDENTIALS: Final = 8
_R = ResultReason
_Asked = dict[AttributeName, tuple[Attribute, ...]]


@handles(CreateUserRequest, changes=True)
def create_user(context: Context, request: CreateUserRequest) -> CreateUserResponse:
    """Make a user that its credentials can authenticate.  Source: KMIP 3.0 CSD01 §6.1.13.

    Raises:
        OperationFailed: Non Unique Name Attribute; Object Not Found, for a credential that is not the caller's;
            Permission Denied, where there is no client that the user could belong to.
    """
    asked = _asked(context, ObjectType.USER, request.attributes)
    name = check_name(asked[Tag.NAME][0].value.name_value)
    caller = context.caller
    administers = ADMINISTRATORS in caller.groups
    client = caller.client if caller.by_credential else caller.identity
    owner = "" if administers else client
    if not owner and not administers:
        raise OperationFailed(_R.PERMISSION_DENIED, "only an administrator makes users without a client's certificate")
    credentials = _linked(context, request.attributes, Tag.CREDENTIAL_LINK, _CREDENTIAL_LINKS)
    if len(credentials) > MAXIMUM_CREDENTIALS:
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, f"a user has at most {MAXIMUM_CREDENTIALS} credentials")
    groups = _linked(context, request.attributes, Tag.GROUP_LINK, _GROUP_LINKS)
    for tag, objects in ((Tag.CREDENTIAL_LINK, credentials), (Tag.GROUP_LINK, groups)):
        if objects:
            asked[tag] = tuple(Attribute(tag, one.unique_identifier, number) for number, one in enumerate(objects))
    user = context.add(new(context, ObjectType.USER, asked, generated=False, facts={}))
    _account(context, user, name, owner, credentials)
    context.placeholder = user.unique_identifier
    return CreateUserResponse(unique_identifier=user.unique_identifier)


@handles(CreateGroupRequest, changes=True)
def create_group(context: Context, request: CreateGroupRequest) -> CreateGroupResponse:
    """Make a group, which users are in whose Group Link names it.  Source: KMIP 3.0 CSD01 §6.1.10."""
    asked = _asked(context, ObjectType.GROUP, request.attributes)
    check_name(asked[Tag.NAME][0].value.name_value)
    group = context.add(new(context, ObjectType.GROUP, asked, generated=False, facts={}))
    return CreateGroupResponse(unique_identifier=group.unique_identifier)


@handles(CreateCredentialRequest, changes=True)
def create_credential(context: Context, request: CreateCredentialRequest) -> CreateCredentialResponse:
    """Keep a credential that users can be linked to.  Source: KMIP 3.0 CSD01 §6.1.9.

    Raises:
        OperationFailed: Invalid Field; Bad Password; Bad Cryptographic Parameters.
    """
    kind = CREDENTIALS.get(request.credential_type)
    if kind is None:
        raise OperationFailed(_R.INVALID_FIELD, f"{request.credential_type} is no credential that can be made")
    object_type, structure = kind
    given: Any = request.object
    if not isinstance(given, structure):
        raise OperationFailed(_R.INVALID_FIELD, f"the credential is not of the type {request.credential_type}")
    asked = _asked(context, object_type, request.attributes, named=False)
    facts: Mapping[AttributeName, Any] = {Tag.CREDENTIAL_TYPE: request.credential_type}
    if isinstance(given, Certificate):
        facts = certificate_attributes(given)
    else:
        asked[Tag.SENSITIVE] = (Attribute(Tag.SENSITIVE, True, 0),)
        asked[Tag.EXTRACTABLE] = (Attribute(Tag.EXTRACTABLE, False, 0),)
        given = _KEPT[type(given)](given)
    managed = context.add(new(context, object_type, asked, generated=False, facts=facts), given)
    return CreateCredentialResponse(unique_identifier=managed.unique_identifier)


def _asked(context: Context, object_type: ObjectType, attributes: Attributes, *, named: bool = True) -> _Asked:
    """The attributes of a request; these objects are the system's and not its users' unless it says otherwise."""
    asked = requested(context, object_type, attributes)
    asked.setdefault(Tag.OBJECT_CLASS, (Attribute(Tag.OBJECT_CLASS, ObjectClass.SYSTEM, 0),))
    if named and Tag.NAME not in asked:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, f"a {object_type} needs a Name")
    return asked


_CREDENTIAL_LINKS: Final = CREDENTIAL_TYPES | {ObjectType.CERTIFICATE}
_GROUP_LINKS: Final = frozenset({ObjectType.GROUP})


def _linked(context: Context, attributes: Attributes, tag: Tag, types: frozenset[ObjectType]) -> list[Managed]:
    """The objects of the caller's that links name.  Raises: OperationFailed (Object Not Found)."""
    found = [context.object(link.value) for link in attributes if link.name is tag]
    for one in found:
        if one.object_type not in types or one.owner != context.caller.identity or one.destroyed:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a link of a user names an object of another kind")
    return found


def _account(context: Context, user: Managed, name: str, client: str, credentials: list[Managed]) -> None:
    """Enter a user under its name, which is free again once a user before it was destroyed."""
    accounts = Accounts(context.transaction, context.engine.vault, context.caller.domain)
    before = accounts.find(name, client)
    if before is not None and before.client == client and before.user and present(context.turn, before) is None:
        accounts.drop(before)
    if not client and identities.by_name(context.transaction, accounts.domain, name) is not None:
        raise OperationFailed(_R.NON_UNIQUE_NAME_ATTRIBUTE, "a client has this name")
    account = Account(
        new_identity(), name, accounts.domain, client=client, made=context.now, user=user.unique_identifier
    )
    devices = [one for one in credentials if one.object_type is ObjectType.DEVICE_CREDENTIAL]
    try:
        accounts.add(account, *(cast(DeviceCredential, context.material(one)) for one in devices))
    except OperationFailed:
        raise OperationFailed(_R.NON_UNIQUE_NAME_ATTRIBUTE, "there is a user of this name already") from None
    # A certificate lets in whoever has it: that is the administrator's to say.
    if ADMINISTRATORS in context.caller.groups:
        for one in credentials:
            if one.object_type is ObjectType.CERTIFICATE:
                identities.bind(context.transaction, _peer(context, one), account.domain, account.identity)


# --- what a credential is kept as -------------------------------------------------------------------------------------


def _kept_password(given: PasswordCredential) -> PasswordCredential:
    if given.password is not None:
        if given.salted_password is not None:
            raise OperationFailed(_R.INVALID_FIELD, "a password is given plain or salted, not both")
        return PasswordCredential(salted_password=Password.of(given.password).phc.encode())
    if given.password_salt_algorithm is None:
        raise OperationFailed(_R.INVALID_FIELD, "a salted password comes with its Password Salt Algorithm")
    _verifier(given)
    return given


def _kept_device(given: DeviceCredential) -> DeviceCredential:
    identifiers_of(given)
    return given


def _kept_one_time(given: OneTimePasswordCredential) -> OneTimePasswordCredential:
    _verifier(given)
    return given


def _kept_hashed(given: HashedPasswordCredential) -> HashedPasswordCredential:
    _verifier(given)
    return given


_KEPT: Final[Mapping[type[ManagedObject], Callable[[Any], ManagedObject]]] = {
    PasswordCredential: _kept_password,
    DeviceCredential: _kept_device,
    OneTimePasswordCredential: _kept_one_time,
    HashedPasswordCredential: _kept_hashed,
}


def _verifier(kept: Any) -> Verifier | None:
    """What a credential is checked by.  Raises: OperationFailed (Invalid Field, Bad Cryptographic Parameters)."""
    if isinstance(kept, PasswordCredential):
        if kept.salted_password is None:
            raise OperationFailed(_R.INVALID_FIELD, "a Password Credential has a password")
        if kept.password_salt_algorithm is None:
            return Password(kept.salted_password.decode("ascii", "replace"))
        return Salted(
            kept.password_salt_algorithm, kept.password_salt or b"", kept.iteration_count or 0, kept.salted_password
        )
    if isinstance(kept, OneTimePasswordCredential):
        return OneTime(
            kept.otp_algorithm,
            kept.otp_seed or b"",
            kept.otp_digest or CryptographicAlgorithm.HMAC_SHA1,
            USUAL_DIGITS if kept.otp_digits is None else kept.otp_digits,
            USUAL_INTERVAL_SECONDS if kept.otp_interval is None else kept.otp_interval,
        )
    if isinstance(kept, HashedPasswordCredential):
        first, second = kept.hashed_username_password, kept.hashed_password_username
        if not 16 <= len(first) == len(second):
            raise OperationFailed(_R.INVALID_FIELD, "both hashes of a Hashed Password Credential are of one algorithm")
        return Digests(kept.hashing_algorithm or HashingAlgorithm.SHA_256, first, second)
    return None


def shown(credential: ManagedObject) -> ManagedObject:
    """A credential as Get gives it: without what proves anything.

    Raises:
        OperationFailed: Not Extractable; nothing would be left of it.
    """
    if isinstance(credential, PasswordCredential):
        return replace(credential, salted_password=None, password_salt=None)
    if isinstance(credential, OneTimePasswordCredential):
        return replace(credential, otp_seed=None)
    if isinstance(credential, DeviceCredential):
        return credential
    raise OperationFailed(_R.NOT_EXTRACTABLE, "the object may not leave the server")


# --- what an account is whose user is a managed object ----------------------------------------------------------------


def present(turn: Turn, account: Account) -> Account | None:
    """An account as its User object says it is now; None if that was destroyed, archived or renamed."""
    if not account.user:
        return account
    user = turn.fetch(account.user)
    if user is None or user.destroyed or user.archived:
        return None
    if account.name not in [name.name_value for name in user.all(Tag.NAME)]:
        return None
    context = _reading(turn, user)
    known: dict[str, Verifier] = {}
    devices = []
    for credential in _of_owner(turn, user, Tag.CREDENTIAL_LINK):
        if credential.object_type in CREDENTIAL_TYPES and not credential.archived:
            kept = context.material(credential)
            verifier = _verifier(kept)
            if isinstance(kept, DeviceCredential):
                devices.append(identifiers_of(kept))
            elif verifier is not None:
                known[credential.unique_identifier] = verifier
    linked = [one for one in _of_owner(turn, user, Tag.GROUP_LINK) if one.object_type is ObjectType.GROUP]
    groups = (*account.groups, *(group.unique_identifier for group in linked))
    return replace(account, verifiers=known, groups=groups, devices=tuple(devices))


def caller_of(turn: Turn, peer: str, address: str) -> Caller | None:
    """The user that a certificate lets in, as long as its User object names the certificate; else None."""
    found = identities.bound(turn.transaction, peer)
    if found is None:
        return None
    identity, domain = found
    account = Accounts(turn.transaction, turn.engine.vault, domain).get(identity)
    account = None if account is None or account.disabled else present(turn, account)
    user = None if account is None else turn.fetch(account.user)
    if account is None or user is None:
        return None
    context = _reading(turn, user)
    certificates = [
        one
        for one in _of_owner(turn, user, Tag.CREDENTIAL_LINK)
        if one.object_type is ObjectType.CERTIFICATE and not one.archived
    ]
    if not any(_peer(context, one) == peer for one in certificates):
        return None
    return Caller(account.identity, account.name, account.domain, account.groups, address)


def _of_owner(turn: Turn, user: Managed, tag: Tag) -> list[Managed]:
    """The objects of the same owner that links of a user name; what became another's, or nobody's, is left out."""
    found = [turn.fetch(str(link)) for link in user.all(tag)]
    return [one for one in found if one is not None and not one.destroyed and one.owner == user.owner]


def _reading(turn: Turn, user: Managed) -> Context:
    return Context(turn, Caller(user.owner, "", user.domain), NEWEST)


def _peer(context: Context, certificate: Managed) -> str:
    return identities.peer_of(cast(Certificate, context.material(certificate)).certificate_value)
