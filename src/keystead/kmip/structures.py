"""The structures that attributes, objects and payloads are made of.

Source: KMIP 1.4 sections 2.1 and 3; 2.1 sections 3, 4 and 7; 3.0 CSD01 sections 3, 4 and 7.
"""

from __future__ import annotations

from keystead.errors import CodecError
from keystead.kmip.enums import (
    AlternativeNameType,
    AttestationType,
    BlockCipherMode,
    CredentialType,
    CryptographicAlgorithm,
    DeactivationReasonCode,
    DestroyAction,
    DigitalSignatureAlgorithm,
    DRBGAlgorithm,
    EncodingOption,
    FIPS186Variation,
    HashingAlgorithm,
    ItemType,
    KEMAlgorithm,
    KeyFormatType,
    KeyRoleType,
    KeyValueLocationType,
    MaskGenerator,
    NameType,
    ObjectType,
    Operation,
    PaddingMethod,
    ProcessingStage,
    ProfileName,
    ProtectionStorageMask,
    RecommendedCurve,
    ResultReason,
    RevocationReasonCode,
    RNGAlgorithm,
    RNGMode,
    RotateNameType,
    ShreddingAlgorithm,
    TicketType,
    UnwrapMode,
    UsageLimitsUnit,
    ValidationAuthorityType,
    ValidationType,
    WrappingMethod,
)
from keystead.kmip.identifiers import LinkedIdentifier, UniqueIdentifier
from keystead.kmip.schema import (
    BigInteger,
    Chosen,
    DateTimeExtended,
    Enumerated,
    Integer,
    LongInteger,
    NameText,
    Structure,
    item,
    structure,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_1, V1_2, V1_4, V2_0, V2_1, V3_0, Version

# --- names, dates, limits -------------------------------------------------------------------------------------------


@structure
class ProtocolVersion(Structure):
    """A version of the protocol.  Source: 1.4 §6.1; 2.1 §9.16."""

    protocol_version_major: Integer
    protocol_version_minor: Integer


@structure
class Name(Structure):
    """A name of an object, unique among its owner's.  Source: 1.4 §3.2; 2.1 §4.32."""

    name_value: NameText
    name_type: NameType = item(default=NameType.UNINTERPRETED_TEXT_STRING, required=True)


@structure
class RotateName(Structure):
    """What the objects of one rotation have in common.  Source: 2.1 §4.53."""

    rotate_name_value: NameText
    rotate_name_type: RotateNameType = item(default=RotateNameType.UNINTERPRETED_TEXT_STRING, required=True)


@structure
class AlternativeName(Structure):
    """A name that need not be unique.  Source: 1.4 §3.40; 2.1 §4.2."""

    alternative_name_value: NameText
    alternative_name_type: AlternativeNameType


@structure
class ApplicationSpecificInformation(Structure):
    """What an application keeps with an object; the server makes the data if the client leaves it out.

    Source: 1.4 §3.36; 2.1 §4.4.
    """

    application_namespace: NameText
    application_data: str | None = None


@structure
class UsageLimits(Structure):
    """How much an object may still be used.  Source: 1.4 §3.21; 2.1 §4.59."""

    usage_limits_total: LongInteger
    usage_limits_count: LongInteger | None = None
    usage_limits_unit: UsageLimitsUnit


@structure
class RevocationReason(Structure):
    """Why an object was revoked.  Source: 1.4 §3.31; 2.1 §4.47."""

    revocation_reason_code: RevocationReasonCode
    revocation_message: str | None = None


@structure
class DeactivationReason(Structure):
    """Why an object was deactivated.  Source: 3.0 CSD01 §4.21."""

    deactivation_reason_code: DeactivationReasonCode
    deactivation_message: str | None = None


@structure
class Digest(Structure):
    """A digest of an object's material.  Source: 1.4 §3.17; 2.1 §4.21."""

    hashing_algorithm: HashingAlgorithm
    digest_value: bytes | None = None
    # In 1.0 too, which does not have it: PyKMIP cannot read a Digest without it (docs/divergences.md).
    # Lenient, so that the digest of an object in a format that 2.0 dropped is still read from the store.
    key_format_type: KeyFormatType | None = item(kind=Enumerated(KeyFormatType, lenient=True))


@structure
class KeyValueLocation(Structure):
    """Where a key value is that the server does not hold.  Source: 1.4 §3.42; 2.1 §4.27."""

    key_value_location_value: str
    key_value_location_type: KeyValueLocationType


# --- cryptographic parameters ---------------------------------------------------------------------------------------


@structure
class CryptographicParameters(Structure):
    """How a key is used, or an operation is done.  Source: 1.4 §3.6; 2.1 §4.16."""

    block_cipher_mode: BlockCipherMode | None = None
    padding_method: PaddingMethod | None = None
    hashing_algorithm: HashingAlgorithm | None = None
    key_role_type: KeyRoleType | None = None
    digital_signature_algorithm: DigitalSignatureAlgorithm | None = item(since=V1_2)
    cryptographic_algorithm: CryptographicAlgorithm | None = item(since=V1_2)
    random_iv: bool | None = item(since=V1_2)
    iv_length: Integer | None = item(since=V1_2)
    tag_length: Integer | None = item(since=V1_2)
    fixed_field_length: Integer | None = item(since=V1_2)
    invocation_field_length: Integer | None = item(since=V1_2)
    counter_length: Integer | None = item(since=V1_2)
    initial_counter_value: Integer | None = item(since=V1_2)
    salt_length: Integer | None = item(since=V1_4)
    mask_generator: MaskGenerator | None = item(since=V1_4)
    mask_generator_hashing_algorithm: HashingAlgorithm | None = item(since=V1_4)
    p_source: bytes | None = item(since=V1_4)
    trailer_field: Integer | None = item(since=V1_4)
    kem_algorithm: KEMAlgorithm | None = item(since=V3_0)


@structure
class CryptographicDomainParameters(Structure):
    """What both halves of a key pair share.  Source: 1.4 §3.7; 2.1 §4.14."""

    qlength: Integer | None = None
    recommended_curve: RecommendedCurve | None = None


@structure
class DerivationParameters(Structure):
    """What a key is derived with.  Source: 1.4 §4.6; 2.1 §7.12."""

    cryptographic_parameters: CryptographicParameters | None = None
    initialization_vector: bytes | None = None
    derivation_data: tuple[bytes, ...] = item(default=(), secret=True)
    salt: bytes | None = None
    iteration_count: Integer | None = None


@structure
class RNGParameters(Structure):
    """How a random number generator works.  Source: 1.4 §2.1.18; 2.1 §7.36."""

    rng_algorithm: RNGAlgorithm
    cryptographic_algorithm: CryptographicAlgorithm | None = None
    cryptographic_length: Integer | None = None
    hashing_algorithm: HashingAlgorithm | None = None
    drbg_algorithm: DRBGAlgorithm | None = None
    recommended_curve: RecommendedCurve | None = None
    fips186_variation: FIPS186Variation | None = None
    prediction_resistance: bool | None = None


# --- keys and their wrapping ----------------------------------------------------------------------------------------


@structure
class TransparentKey(Structure):
    """The numbers of a key in a Transparent key format; which ones there are follows from the Key Format Type.

    Source: 1.4 §2.1.7; 2.1 §3.4-3.12.
    """

    TAG = Tag.KEY_MATERIAL

    key: bytes | None = item(secret=True)
    recommended_curve: RecommendedCurve | None = None
    modulus: BigInteger | None = None
    private_exponent: BigInteger | None = item(secret=True)
    public_exponent: BigInteger | None = None
    p: BigInteger | None = item(secret=True)
    q: BigInteger | None = item(secret=True)
    g: BigInteger | None = None
    j: BigInteger | None = None
    x: BigInteger | None = item(secret=True)
    y: BigInteger | None = None
    prime_exponent_p: BigInteger | None = item(secret=True)
    prime_exponent_q: BigInteger | None = item(secret=True)
    crt_coefficient: BigInteger | None = item(secret=True)
    d: BigInteger | None = item(secret=True)
    q_string: bytes | None = None


@structure
class EncryptionKeyInformation(Structure):
    """The key that encrypts a key.  Source: 1.4 §2.1.5; 2.1 §3.3."""

    unique_identifier: LinkedIdentifier
    cryptographic_parameters: CryptographicParameters | None = None


@structure
class MACSignatureKeyInformation(Structure):
    """The key that authenticates a key.  Source: 1.4 §2.1.5; 2.1 §3.3."""

    unique_identifier: LinkedIdentifier
    cryptographic_parameters: CryptographicParameters | None = None


@structure
class KeyWrappingData(Structure):
    """How a key value was wrapped.  Source: 1.4 §2.1.5; 2.1 §3.3."""

    wrapping_method: WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    mac_signature: bytes | None = None
    iv_counter_nonce: bytes | None = None
    encoding_option: EncodingOption | None = item(since=V1_1)


# --- credentials ------------------------------------------------------------------------------------------------------


@structure
class Nonce(Structure):
    """A number used once, for attestation.  Source: 1.4 §2.1.14; 2.1 §9.14."""

    nonce_id: bytes
    nonce_value: bytes = item(secret=True, required=True)


@structure
class Ticket(Structure):
    """What stands for a login.  Source: 2.1 §7.39."""

    ticket_type: TicketType
    ticket_value: bytes = item(secret=True, required=True)


@structure
class UsernameAndPassword(Structure):
    """Source: 1.4 §2.1.2; 2.1 §9.11."""

    TAG = Tag.CREDENTIAL_VALUE
    username: str
    password: str | None = item(secret=True)


@structure
class Device(Structure):
    """Source: 1.4 §2.1.2; 2.1 §9.11."""

    TAG = Tag.CREDENTIAL_VALUE
    device_serial_number: str | None = None
    password: str | None = item(secret=True)
    device_identifier: str | None = None
    network_identifier: str | None = None
    machine_identifier: str | None = None
    media_identifier: str | None = None


@structure
class Attestation(Structure):
    """Source: 1.4 §2.1.2; 2.1 §9.11."""

    TAG = Tag.CREDENTIAL_VALUE
    nonce: Nonce
    attestation_type: AttestationType
    attestation_measurement: bytes | None = item(secret=True)
    attestation_assertion: bytes | None = item(secret=True)


@structure
class OneTimePassword(Structure):
    """Source: 2.1 §9.11."""

    TAG = Tag.CREDENTIAL_VALUE
    username: str
    password: str | None = item(secret=True)
    one_time_password: str = item(secret=True, required=True)


@structure
class HashedPassword(Structure):
    """Source: 2.1 §9.11."""

    TAG = Tag.CREDENTIAL_VALUE
    username: str
    timestamp: DateTimeExtended = item(tag=Tag.TIME_STAMP, required=True)
    hashing_algorithm: HashingAlgorithm | None = None
    hashed_password: bytes = item(secret=True, required=True)


@structure
class TicketCredential(Structure):
    """Source: 2.1 §9.11."""

    TAG = Tag.CREDENTIAL_VALUE
    ticket: Ticket


CREDENTIALS: dict[CredentialType, type[Structure]] = {
    CredentialType.USERNAME_AND_PASSWORD: UsernameAndPassword,
    CredentialType.DEVICE: Device,
    CredentialType.ATTESTATION: Attestation,
    CredentialType.ONE_TIME_PASSWORD: OneTimePassword,
    CredentialType.HASHED_PASSWORD: HashedPassword,
    CredentialType.TICKET: TicketCredential,
}


def _credential(credential_type: CredentialType, version: Version) -> type[Structure]:
    if credential_type not in CREDENTIALS:
        raise CodecError(f"no credential value is known for {credential_type}", None, ResultReason.INVALID_FIELD)
    return CREDENTIALS[credential_type]


@structure
class Credential(Structure):
    """Who asks.  Source: 1.4 §2.1.2; 2.1 §9.11."""

    credential_type: CredentialType
    credential_value: Structure = item(kind=Chosen("credential_type", _credential), secret=True, required=True)


@structure
class Authentication(Structure):
    """The credentials of a request.  Source: 1.4 §6.6; 2.1 §9.4."""

    credential: tuple[Credential, ...] = item(default=(), required=True)


@structure
class CredentialInformation(Structure):
    """Which credentials the server takes.  Source: 3.0 CSD01 §7.9."""

    credential_type: tuple[CredentialType, ...]


# --- lists, rights --------------------------------------------------------------------------------------------------


@structure
class Objects(Structure):
    """Source: 2.1 §7.21."""

    unique_identifier: tuple[UniqueIdentifier, ...] = ()


@structure
class ObjectGroups(Structure):
    """Source: 2.1 §7.23."""

    object_group: tuple[str, ...] = item(default=(), until=V2_1)
    group_link: tuple[LinkedIdentifier, ...] = item(default=(), since=V3_0)


@structure
class ObjectTypes(Structure):
    """Source: 2.1 §7.24."""

    object_type: tuple[ObjectType, ...] = ()


@structure
class Operations(Structure):
    """Source: 2.1 §7.25."""

    operation: tuple[Operation, ...] = ()


@structure
class Right(Structure):
    """What a ticket permits.  Source: 2.1 §7.34."""

    usage_limits: UsageLimits | None = None
    operations: Operations | None = None
    objects: Objects | None = None
    object_groups: ObjectGroups | None = item(since=V2_1)


@structure
class Rights(Structure):
    """Source: 2.1 §7.35."""

    right: tuple[Right, ...] = ()


@structure
class ProtectionStorageMasks(Structure):
    """Ways of storing, each of which will do.  Source: 2.1 §7.33."""

    protection_storage_mask: tuple[ProtectionStorageMask, ...] = ()


@structure
class AsynchronousCorrelationValues(Structure):
    """Source: 2.1 §7.1."""

    asynchronous_correlation_value: tuple[bytes, ...] = ()


@structure
class AsynchronousRequest(Structure):
    """A request that goes on.  Source: 2.1 §7.2."""

    asynchronous_correlation_value: bytes
    operation: Operation
    submission_date: DateTimeExtended
    processing_stage: ProcessingStage


# --- what a server says of itself -----------------------------------------------------------------------------------


@structure
class ServerInformation(Structure):
    """Source: 2.1 §7.37, table 274."""

    server_name: str | None = item(since=V2_0)
    server_serial_number: str | None = item(since=V2_0)
    server_version: str | None = item(since=V2_0)
    server_load: str | None = item(since=V2_0)
    product_name: str | None = item(since=V2_0)
    build_level: str | None = item(since=V2_0)
    build_date: str | None = item(since=V2_0)
    cluster_info: str | None = item(since=V2_0)
    alternate_failover_endpoints: tuple[str, ...] = item(default=(), since=V2_0)


@structure
class ExtensionInformation(Structure):
    """A vendor's extension.  Source: 1.4 §2.1.9; 2.1 §7.13."""

    extension_name: str
    extension_tag: Integer | None = None
    extension_type: ItemType | Integer | None = item(until=V2_1)
    extension_enumeration: Integer | None = item(since=V2_0)
    extension_attribute: bool | None = item(since=V2_0)
    extension_parent_structure_tag: Integer | None = item(since=V2_0)
    extension_description: str | None = item(since=V2_0)


@structure
class ProfileVersion(Structure):
    """Source: 2.1 §7.32."""

    profile_version_major: Integer
    profile_version_minor: Integer


@structure
class ProfileInformation(Structure):
    """A profile that the server conforms to.  Source: 1.4 §2.1.19; 2.1 §7.31."""

    profile_name: ProfileName
    profile_version: ProfileVersion | None = item(since=V2_0)
    server_uri: str | None = None
    server_port: Integer | None = None


@structure
class ValidationInformation(Structure):
    """A formal validation.  Source: 1.4 §2.1.20; 2.1 §7.41."""

    validation_authority_type: ValidationAuthorityType
    validation_authority_country: str | None = None
    validation_authority_uri: str | None = None
    validation_version_major: Integer
    validation_version_minor: Integer | None = None
    validation_type: ValidationType
    validation_level: Integer
    validation_certificate_identifier: str | None = None
    validation_certificate_uri: str | None = None
    validation_vendor_uri: str | None = None
    validation_profile: tuple[str, ...] = ()


@structure
class CapabilityInformation(Structure):
    """What the server can do.  Source: 1.4 §2.1.21; 2.1 §7.5."""

    streaming_capability: bool | None = None
    asynchronous_capability: bool | None = None
    attestation_capability: bool | None = None
    batch_undo_capability: bool | None = item(since=V1_4)
    batch_continue_capability: bool | None = item(since=V1_4)
    unwrap_mode: UnwrapMode | None = None
    destroy_action: DestroyAction | None = None
    shredding_algorithm: ShreddingAlgorithm | None = None
    rng_mode: RNGMode | None = None
    quantum_safe_capability: bool | None = item(since=V2_0)


# --- the names of certificates ----------------------------------------------------------------------------------------


@structure
class CertificateIdentifier(Structure):
    """Source: 1.4 §3.13 (deprecated since 1.1)."""

    issuer: str
    serial_number: str | None = None


@structure
class CertificateSubject(Structure):
    """Source: 1.4 §3.14 (deprecated since 1.1)."""

    certificate_subject_distinguished_name: str
    certificate_subject_alternative_name: tuple[str, ...] = ()


@structure
class CertificateIssuer(Structure):
    """Source: 1.4 §3.15 (deprecated since 1.1)."""

    certificate_issuer_distinguished_name: str
    certificate_issuer_alternative_name: tuple[str, ...] = ()


@structure
class X509CertificateIdentifier(Structure):
    """Source: 1.4 §3.10; 2.1 §4.61."""

    TAG = Tag.X_509_CERTIFICATE_IDENTIFIER
    issuer_distinguished_name: bytes
    certificate_serial_number: bytes


@structure
class X509CertificateSubject(Structure):
    """Source: 1.4 §3.11; 2.1 §4.63."""

    TAG = Tag.X_509_CERTIFICATE_SUBJECT
    subject_distinguished_name: bytes
    subject_alternative_name: tuple[bytes, ...] = ()


@structure
class X509CertificateIssuer(Structure):
    """Source: 1.4 §3.12; 2.1 §4.62."""

    TAG = Tag.X_509_CERTIFICATE_ISSUER
    issuer_distinguished_name: bytes
    issuer_alternative_name: tuple[bytes, ...] = ()
