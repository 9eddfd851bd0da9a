"""A sound object of each type, the same each time: the keys are counted up or chosen, and sign deterministically."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from keystead.client.objects import make_object
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    CertificateRequestType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    OTPAlgorithm,
    SplitKeyMethod,
)
from keystead.kmip.objects import (
    AnyObject,
    CertificateRequest,
    DeviceCredential,
    HashedPasswordCredential,
    KeyBlock,
    KeyValue,
    OneTimePasswordCredential,
    PasswordCredential,
    PGPKey,
    SplitKey,
    Template,
)
from keystead.kmip.tags import Tag
from tools.examples import KEY, VALUE

_T = ObjectType
_EC: Final = ec.derive_private_key(0x5EED, ec.SECP256R1())
_PRIVATE: Final = _EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
_PUBLIC: Final = _EC.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_SIGNER: Final = Ed25519PrivateKey.from_private_bytes(KEY)
_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example.org")])


def _certificate() -> bytes:
    built = x509.CertificateBuilder(_NAME, _NAME, _SIGNER.public_key(), 1)
    built = built.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    return built.sign(_SIGNER, None).public_bytes(Encoding.DER)


def _request() -> bytes:
    return x509.CertificateSigningRequestBuilder(_NAME).sign(_SIGNER, None).public_bytes(Encoding.DER)


def _block(key_format: KeyFormatType, material: bytes) -> KeyBlock:
    return KeyBlock(key_format_type=key_format, key_value=KeyValue(key_material=material))


SAMPLES: Final[Mapping[ObjectType, AnyObject]] = {
    _T.CERTIFICATE: make_object(_T.CERTIFICATE, _certificate()),
    _T.SYMMETRIC_KEY: make_object(_T.SYMMETRIC_KEY, KEY, cryptographic_algorithm="AES"),
    _T.PUBLIC_KEY: make_object(_T.PUBLIC_KEY, _PUBLIC, cryptographic_algorithm="EC", cryptographic_length=256),
    _T.PRIVATE_KEY: make_object(_T.PRIVATE_KEY, _PRIVATE, cryptographic_algorithm="EC", cryptographic_length=256),
    _T.SPLIT_KEY: SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8,
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=KEY),
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=256,
        ),
    ),
    _T.TEMPLATE: Template(
        attributes=Attributes.of(
            [(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES), (Tag.CRYPTOGRAPHIC_LENGTH, 256)]
        ),
    ),
    _T.SECRET_DATA: make_object(_T.SECRET_DATA, b"correct horse"),
    _T.OPAQUE_OBJECT: make_object(_T.OPAQUE_OBJECT, VALUE),
    _T.PGP_KEY: PGPKey(pgp_key_version=4, key_block=_block(KeyFormatType.RAW, KEY)),
    _T.CERTIFICATE_REQUEST: CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=_request()
    ),
    _T.PASSWORD_CREDENTIAL: PasswordCredential(password="correct horse"),  # noqa: S106  an example
    _T.DEVICE_CREDENTIAL: DeviceCredential(device_serial_number="A-17", device_identifier="drive 3"),
    _T.ONE_TIME_PASSWORD_CREDENTIAL: OneTimePasswordCredential(
        otp_algorithm=OTPAlgorithm.TOTP,
        otp_digest=CryptographicAlgorithm.HMAC_SHA256,
        otp_seed=KEY,
        otp_interval=30,
        otp_digits=6,
    ),
    _T.HASHED_PASSWORD_CREDENTIAL: HashedPasswordCredential(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        hashed_username_password=KEY,
        hashed_password_username=KEY[::-1],
    ),
}
