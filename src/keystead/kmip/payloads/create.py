"""Making objects: Create, Create Key Pair, Register, Derive Key, Import, split keys, users, groups and credentials."""

from __future__ import annotations

from keystead.kmip.attributes import AttributeList, FlatAttributeList
from keystead.kmip.enums import (
    CredentialType,
    DerivationMethod,
    KeyWrapType,
    ObjectType,
    Operation,
    SecretDataType,
    SplitKeyMethod,
)
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import AnyObject
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import BigInteger, Integer, item
from keystead.kmip.structures import DerivationParameters, ProtectionStorageMasks
from keystead.kmip.version import V1_2, V1_4, V2_0


@request(Operation.CREATE)
class CreateRequest(Request):
    """Have the server make a symmetric key.  Source: KMIP 1.4 §4.1; 2.1 §6.1.8."""

    object_type: ObjectType
    attributes: AttributeList
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.CREATE)
class CreateResponse(Response):
    """The answer to CreateRequest."""

    object_type: ObjectType
    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.CREATE_KEY_PAIR)
class CreateKeyPairRequest(Request):
    """Have the server make a key pair.  Source: KMIP 1.4 §4.2; 2.1 §6.1.9."""

    common_attributes: AttributeList | None = None
    private_key_attributes: AttributeList | None = None
    public_key_attributes: AttributeList | None = None
    common_protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)
    private_protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)
    public_protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.CREATE_KEY_PAIR)
class CreateKeyPairResponse(Response):
    """The answer to CreateKeyPairRequest."""

    private_key_unique_identifier: UniqueIdentifier
    public_key_unique_identifier: UniqueIdentifier
    private_key_attributes: AttributeList | None = item(until=V1_4)
    public_key_attributes: AttributeList | None = item(until=V1_4)


@request(Operation.REGISTER)
class RegisterRequest(Request):
    """Give an object into the server's keeping.  Source: KMIP 1.4 §4.3; 2.1 §6.1.43."""

    object_type: ObjectType
    attributes: AttributeList
    object: AnyObject | None = None
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.REGISTER)
class RegisterResponse(Response):
    """The answer to RegisterRequest."""

    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.DERIVE_KEY)
class DeriveKeyRequest(Request):
    """Derive a key or secret data from others.  Source: KMIP 1.4 §4.6; 2.1 §6.1.14."""

    object_type: ObjectType
    unique_identifier: tuple[UniqueIdentifier, ...]
    derivation_method: DerivationMethod
    derivation_parameters: DerivationParameters
    attributes: AttributeList


@response(Operation.DERIVE_KEY)
class DeriveKeyResponse(Response):
    """The answer to DeriveKeyRequest."""

    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.IMPORT)
class ImportRequest(Request):
    """Bring in an object with all its attributes.  Source: KMIP 1.4 §4.41; 2.1 §6.1.25."""

    unique_identifier: UniqueIdentifier
    object_type: ObjectType | None = item(since=V2_0)
    replace_existing: bool | None = None
    key_wrap_type: KeyWrapType | None = None
    attributes: FlatAttributeList | None = None
    object: AnyObject


@response(Operation.IMPORT)
class ImportResponse(Response):
    """The answer to ImportRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.CREATE_SPLIT_KEY)
class CreateSplitKeyRequest(Request):
    """Make or split a key into parts.  Source: KMIP 1.4 §4.38; 2.1 §6.1.10."""

    object_type: ObjectType
    unique_identifier: UniqueIdentifier | None = None
    split_key_parts: Integer
    split_key_threshold: Integer
    split_key_method: SplitKeyMethod
    prime_field_size: BigInteger | None = None
    attributes: AttributeList
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.CREATE_SPLIT_KEY)
class CreateSplitKeyResponse(Response):
    """The answer to CreateSplitKeyRequest."""

    object_type: ObjectType | None = item(until=V1_2)
    unique_identifier: tuple[UniqueIdentifier, ...]
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.JOIN_SPLIT_KEY)
class JoinSplitKeyRequest(Request):
    """Join the parts of a split key.  Source: KMIP 1.4 §4.39; 2.1 §6.1.27."""

    object_type: ObjectType
    unique_identifier: tuple[UniqueIdentifier, ...]
    secret_data_type: SecretDataType | None = None
    attributes: AttributeList | None = None
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.JOIN_SPLIT_KEY)
class JoinSplitKeyResponse(Response):
    """The answer to JoinSplitKeyRequest."""

    object_type: ObjectType | None = item(until=V1_2)
    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.CREATE_USER)
class CreateUserRequest(Request):
    """Make a user.  Source: KMIP 3.0 §6.1.13."""

    attributes: AttributeList


@response(Operation.CREATE_USER)
class CreateUserResponse(Response):
    """The answer to CreateUserRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.CREATE_GROUP)
class CreateGroupRequest(Request):
    """Make a group.  Source: KMIP 3.0 §6.1.10."""

    attributes: AttributeList


@response(Operation.CREATE_GROUP)
class CreateGroupResponse(Response):
    """The answer to CreateGroupRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.CREATE_CREDENTIAL)
class CreateCredentialRequest(Request):
    """Make a credential.  Source: KMIP 3.0 §6.1.9."""

    credential_type: CredentialType
    attributes: AttributeList
    object: AnyObject | None = None


@response(Operation.CREATE_CREDENTIAL)
class CreateCredentialResponse(Response):
    """The answer to CreateCredentialRequest."""

    unique_identifier: UniqueIdentifier
