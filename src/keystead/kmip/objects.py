"""The managed objects and the Key Block.

Source: KMIP 1.4 section 2; 2.1 sections 2 and 3; 3.0 CSD01 section 2.
"""

from __future__ import annotations

from keystead.kmip.attributes import AttributeNameKind, AttributeReference, FlatAttributeList
from keystead.kmip.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    EncodingOption,
    HashingAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    ObjectType,
    OpaqueDataType,
    OTPAlgorithm,
    SecretDataType,
    SplitKeyMethod,
    SplitKeyPolynomial,
    WrappingMethod,
)
from keystead.kmip.schema import BigInteger, Integer, Interval, Structure, item, structure
from keystead.kmip.structures import (
    EncryptionKeyInformation,
    KeyWrappingData,
    MACSignatureKeyInformation,
    TransparentKey,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_1, V1_4, V2_0, V2_1, V3_0


@structure
class KeyValue(Structure):
    """The material of a key and, if it is to travel with them, attributes.  Source: 1.4 §2.1.4; 2.1 §3.2."""

    key_material: bytes | TransparentKey = item(secret=True, required=True)
    attributes: FlatAttributeList | None = None


@structure
class KeyBlock(Structure):
    """A key value and how to read it; the bytes of a wrapped one.  Source: 1.4 §2.1.3; 2.1 §3.1."""

    key_format_type: KeyFormatType
    key_compression_type: KeyCompressionType | None = None
    key_value: KeyValue | bytes | None = item(secret=True)
    cryptographic_algorithm: CryptographicAlgorithm | None = None
    cryptographic_length: Integer | None = None
    key_wrapping_data: KeyWrappingData | None = None


@structure
class KeyWrappingSpecification(Structure):
    """How the server shall wrap a key before it hands it out.  Source: 1.4 §2.1.6; 2.1 §7.18."""

    wrapping_method: WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    attribute_reference: tuple[AttributeReference, ...] = item(default=(), kind=AttributeNameKind(text_until=V2_1))
    encoding_option: EncodingOption | None = item(since=V1_1)


class ManagedObject(Structure):
    """The base of what a key manager keeps."""

    __slots__ = ()


@structure
class Certificate(ManagedObject):
    """Source: 1.4 §2.2.1; 2.1 §2.1."""

    certificate_type: CertificateType
    certificate_value: bytes


@structure
class CertificateRequest(ManagedObject):
    """Source: 2.1 §2.2."""

    TAG = Tag.CERTIFICATE_REQUEST
    certificate_request_type: CertificateRequestType
    certificate_request_value: bytes = item(since=V2_0, required=True)


@structure
class OpaqueObject(ManagedObject):
    """Source: 1.4 §2.2.8; 2.1 §2.3."""

    opaque_data_type: OpaqueDataType
    opaque_data_value: bytes = item(secret=True, required=True)


@structure
class PGPKey(ManagedObject):
    """Source: 1.4 §2.2.9; 2.1 §2.4."""

    TAG = Tag.PGP_KEY
    pgp_key_version: Integer
    key_block: KeyBlock


@structure
class PrivateKey(ManagedObject):
    """Source: 1.4 §2.2.4; 2.1 §2.5."""

    key_block: KeyBlock


@structure
class PublicKey(ManagedObject):
    """Source: 1.4 §2.2.3; 2.1 §2.6."""

    key_block: KeyBlock


@structure
class SecretData(ManagedObject):
    """Source: 1.4 §2.2.7; 2.1 §2.7."""

    secret_data_type: SecretDataType
    key_block: KeyBlock


@structure
class SplitKey(ManagedObject):
    """Source: 1.4 §2.2.5; 2.1 §2.8; 3.0 CSD01 §2.2.8."""

    split_key_parts: Integer
    key_part_identifier: Integer
    split_key_threshold: Integer
    split_key_method: SplitKeyMethod
    prime_field_size: BigInteger | None = None
    split_key_polynomial: SplitKeyPolynomial | None = item(since=V3_0)
    key_block: KeyBlock


@structure
class SymmetricKey(ManagedObject):
    """Source: 1.4 §2.2.2; 2.1 §2.9."""

    key_block: KeyBlock


@structure
class Template(ManagedObject):
    """A named list of attributes.  Source: 1.4 §2.2.6 (deprecated since 1.3, gone in 2.0)."""

    attributes: FlatAttributeList | None = item(until=V1_4)


@structure
class PasswordCredential(ManagedObject):
    """Source: 3.0 CSD01 §2.1.3."""

    password: str | None = item(secret=True)
    password_salt: bytes | None = None
    password_salt_algorithm: CryptographicAlgorithm | None = None
    salted_password: bytes | None = item(secret=True)
    iteration_count: Integer | None = None


@structure
class DeviceCredential(ManagedObject):
    """Source: 3.0 CSD01 §2.1.3."""

    device_serial_number: str | None = None
    device_identifier: str | None = None
    network_identifier: str | None = None
    machine_identifier: str | None = None
    media_identifier: str | None = None


@structure
class OneTimePasswordCredential(ManagedObject):
    """Source: 3.0 CSD01 §2.1.3."""

    TAG = Tag.OTP_CREDENTIAL
    otp_algorithm: OTPAlgorithm
    otp_digest: CryptographicAlgorithm | None = None
    otp_serial: str | None = None
    otp_seed: bytes | None = item(secret=True)
    otp_interval: Interval | None = None
    otp_digits: Integer | None = None


@structure
class HashedPasswordCredential(ManagedObject):
    """Source: 3.0 CSD01 §2.1.3."""

    hashing_algorithm: HashingAlgorithm | None = None
    hashed_username_password: bytes = item(secret=True, required=True)
    hashed_password_username: bytes = item(secret=True, required=True)


AnyObject = (
    Certificate
    | CertificateRequest
    | OpaqueObject
    | PGPKey
    | PrivateKey
    | PublicKey
    | SecretData
    | SplitKey
    | SymmetricKey
    | Template
    | PasswordCredential
    | DeviceCredential
    | OneTimePasswordCredential
    | HashedPasswordCredential
)
"""A managed object; its tag tells which."""

OBJECTS: dict[ObjectType, type[ManagedObject]] = {
    ObjectType.CERTIFICATE: Certificate,
    ObjectType.SYMMETRIC_KEY: SymmetricKey,
    ObjectType.PUBLIC_KEY: PublicKey,
    ObjectType.PRIVATE_KEY: PrivateKey,
    ObjectType.SPLIT_KEY: SplitKey,
    ObjectType.TEMPLATE: Template,
    ObjectType.SECRET_DATA: SecretData,
    ObjectType.OPAQUE_OBJECT: OpaqueObject,
    ObjectType.PGP_KEY: PGPKey,
    ObjectType.CERTIFICATE_REQUEST: CertificateRequest,
    ObjectType.PASSWORD_CREDENTIAL: PasswordCredential,
    ObjectType.DEVICE_CREDENTIAL: DeviceCredential,
    ObjectType.ONE_TIME_PASSWORD_CREDENTIAL: OneTimePasswordCredential,
    ObjectType.HASHED_PASSWORD_CREDENTIAL: HashedPasswordCredential,
}
"""The structure of each type of object; User and Group have attributes only."""

OBJECT_TYPES: dict[type[ManagedObject], ObjectType] = {cls: object_type for object_type, cls in OBJECTS.items()}
