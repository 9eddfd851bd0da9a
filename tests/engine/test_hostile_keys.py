"""K36: unfit keys, by every way in.

A key is unfit whoever brings it, in whatever format, and in whichever operation: Register, Import, Register of what
came wrapped, a certificate request, a certificate that is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from math import gcd, lcm
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from keystead.crypto import der
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    BlockCipherMode,
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    ObjectType,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
    WrappingMethod,
)
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey
from keystead.kmip.payloads.certify import CertifyRequest
from keystead.kmip.payloads.create import DeriveKeyRequest, ImportRequest, RegisterRequest
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest, SignatureVerifyRequest, SignRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.schema import dump
from keystead.kmip.structures import (
    CryptographicDomainParameters,
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    TransparentKey,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V3_0
from keystead.pki.ca import Authority
from tests.engine.keys import DATA, A, M, attributes, create
from tests.engine.world import Clock, World
from tests.support import make_engine

C = RecommendedCurve
F = KeyFormatType
R = ResultReason
Kind = type[PrivateKey | PublicKey | SymmetricKey]
ANY = M.SIGN | M.VERIFY | M.ENCRYPT | M.DECRYPT | M.DERIVE_KEY | M.KEY_AGREEMENT
COMPRESSED = KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME


def key(
    kind: Kind,
    key_format: KeyFormatType,
    material: bytes | TransparentKey,
    algorithm: CryptographicAlgorithm,
    compression: KeyCompressionType | None = None,
) -> Any:
    block = KeyBlock(
        key_format_type=key_format,
        key_compression_type=compression,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
    )
    return kind(key_block=block)


# --- the keys ---------------------------------------------------------------------------------------------------------

RSA = rsa.generate_private_key(65537, 2048)
NUMBERS = RSA.private_numbers()
N, P, Q, D = NUMBERS.public_numbers.n, NUMBERS.p, NUMBERS.q, NUMBERS.d
EC = ec.generate_private_key(ec.SECP256R1())
POINT = EC.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
SHORT_POINT = EC.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SMALL = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23


def integer(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def pkcs1_public(n: int, e: int) -> bytes:
    return der.encode(der.SEQUENCE, integer(n), integer(e))


def spki(algorithm: bytes, key_bytes: bytes) -> bytes:
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, b"\0", key_bytes))


def pkcs1_private(n: int, e: int, d: int, p: int, q: int, dp: int, dq: int, qinv: int) -> bytes:
    return der.encode(der.SEQUENCE, *map(integer, (0, n, e, d, p, q, dp, dq, qinv)))


def pkcs8(algorithm: bytes, inner: bytes) -> bytes:
    return der.encode(der.SEQUENCE, integer(0), algorithm, der.encode(der.OCTET_STRING, inner))


NULL = der.encode(0x05, b"")
RSA_OID = der.encode(der.SEQUENCE, der.object_identifier("1.2.840.113549.1.1.1"), NULL)
P256_OID = der.encode(
    der.SEQUENCE, der.object_identifier("1.2.840.10045.2.1"), der.object_identifier("1.2.840.10045.3.1.7")
)
ED25519_OID = der.encode(der.SEQUENCE, der.object_identifier("1.3.101.112"))
X25519_OID = der.encode(der.SEQUENCE, der.object_identifier("1.3.101.110"))


def close_prime(start: int) -> int:
    """A number without small factors: no primality is needed for the check to see that it is too close."""
    return next(c for c in count(start | 1, 2) if gcd(c, _SMALL) == 1 and pow(2, c - 1, c) == 1)


RSA_MODULI = {
    "e = 1": (N, 1),
    "even e": (N, 65536),
    "e = 0": (N, 0),
    "huge e": (N, 2**300 + 1),
    "even modulus": (N + 1, 65537),
    "small factor": ((2**1279 - 1) * 8191, 65537),
    "p = q": (P * P, 65537),
    "close factors": (P * close_prime(P + 2**300), 65537),
    "512 bits": ((2**257 - 93) * (2**256 - 189), 65537),
}


def rsa_publics(n: int, e: int) -> list[Any]:
    """A modulus and an exponent in each format of a public key."""
    return [
        key(PublicKey, F.TRANSPARENT_RSA_PUBLIC_KEY, TransparentKey(modulus=n, public_exponent=e), A.RSA),
        key(PublicKey, F.PKCS_1, pkcs1_public(n, e), A.RSA),
        key(PublicKey, F.X_509, spki(RSA_OID, pkcs1_public(n, e)), A.RSA),
    ]


def rsa_privates(n: int, e: int, d: int, p: int, q: int, dp: int, dq: int, qinv: int) -> list[Any]:
    numbers = (n, e, d, p, q, dp, dq, qinv)
    transparent = TransparentKey(
        modulus=n, public_exponent=e, private_exponent=d, p=p, q=q, prime_exponent_p=dp, prime_exponent_q=dq,
        crt_coefficient=qinv,
    )  # fmt: skip
    return [
        key(PrivateKey, F.TRANSPARENT_RSA_PRIVATE_KEY, transparent, A.RSA),
        key(PrivateKey, F.PKCS_1, pkcs1_private(*numbers), A.RSA),
        key(PrivateKey, F.PKCS_8, pkcs8(RSA_OID, pkcs1_private(*numbers)), A.RSA),
    ]


def _square() -> tuple[int, ...]:
    d = pow(65537, -1, P * (P - 1))
    return P * P, 65537, d, P, P, d % (P - 1), d % (P - 1), 1


GOOD = (N, 65537, D, P, Q, NUMBERS.dmp1, NUMBERS.dmq1, NUMBERS.iqmp)
RSA_PRIVATE = {
    "p = q": _square(),
    "n is not p q": (N, 65537, D, P, close_prime(Q + 2), NUMBERS.dmp1, NUMBERS.dmq1, NUMBERS.iqmp),
    "d of another key": (N, 65537, D + 2, P, Q, NUMBERS.dmp1, NUMBERS.dmq1, NUMBERS.iqmp),
    "a wrong prime exponent": (N, 65537, D, P, Q, NUMBERS.dmp1 + 2, NUMBERS.dmq1, NUMBERS.iqmp),
    "a wrong coefficient": (N, 65537, D, P, Q, NUMBERS.dmp1, NUMBERS.dmq1, NUMBERS.iqmp + 1),
    "e = 1": (N, 1, 1, P, Q, 1, 1, NUMBERS.iqmp),
}

PRIME = 2**255 - 19
SMALL_U = (0, 1, PRIME - 1, PRIME, PRIME + 1)


def transparent_point(q: bytes) -> TransparentKey:
    return TransparentKey(recommended_curve=C.P_256, q_string=q)


def ec_publics(q: bytes) -> list[Any]:
    return [
        key(PublicKey, F.RAW, q, A.EC),
        key(PublicKey, F.TRANSPARENT_EC_PUBLIC_KEY, transparent_point(q), A.EC),
        key(PublicKey, F.X_509, spki(P256_OID, q), A.EC),
    ]


POINTS = {
    "off the curve": POINT[:-1] + bytes((POINT[-1] ^ 1,)),
    "infinity": b"\0",
    "no bytes": b"",
    "zero": b"\4" + bytes(64),
    "hybrid": bytes((6 + POINT[-1] % 2,)) + POINT[1:],
    "compressed and not announced": SHORT_POINT,
    "too long": POINT + b"\0",
    "beyond the field": b"\4" + b"\xff" * 64,
}


def ec_privates(d: int) -> list[Any]:
    size = max(32, (d.bit_length() + 7) // 8)
    inner = der.encode(der.SEQUENCE, integer(1), der.encode(der.OCTET_STRING, d.to_bytes(size, "big")))
    return [
        key(PrivateKey, F.RAW, d.to_bytes(size, "big"), A.EC),
        key(PrivateKey, F.TRANSPARENT_EC_PRIVATE_KEY, TransparentKey(recommended_curve=C.P_256, d=d), A.EC),
        key(PrivateKey, F.PKCS_8, pkcs8(P256_OID, inner), A.EC),
    ]


def _other_half() -> Any:
    """An EC private key that brings the public key of another."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = other.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    d = EC.private_numbers().private_value.to_bytes(32, "big")
    public = der.encode(0xA1, der.encode(der.BIT_STRING, b"\0", point))
    inner = der.encode(der.SEQUENCE, integer(1), der.encode(der.OCTET_STRING, d), public)
    return key(PrivateKey, F.PKCS_8, pkcs8(P256_OID, inner), A.EC)


def little(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


DH_GROUP = {"p": 2**1279 - 1, "g": 5}  # the order of the generator is not said
WEAK_DES = "0101010101010101", "fefefefefefefefe", "1f1f1f1f0e0e0e0e", "01fe01fe01fe01fe", "0000000000000000"

UNFIT: dict[str, list[Any]] = {
    **{f"RSA public, {name}": rsa_publics(*numbers) for name, numbers in RSA_MODULI.items()},
    "RSA public, 17,000 bits": rsa_publics(2**17000 + 1, 65537)[1:],  # the codec has no number so long
    **{f"RSA private, {name}": rsa_privates(*numbers) for name, numbers in RSA_PRIVATE.items()},
    **{f"EC public, {name}": ec_publics(q) for name, q in POINTS.items()},
    **{f"EC private, {name}": ec_privates(d) for name, d in (("0", 0), ("the order", ORDER), ("beyond", ORDER + 5))},
    "EC private, another's public key": [_other_half()],
    **{
        f"X25519, u = {u % PRIME} or its like": [
            key(PublicKey, F.RAW, little(u, 32), A.X25519),
            key(PublicKey, F.X_509, spki(X25519_OID, little(u, 32)), A.X25519),
        ]
        for u in SMALL_U
    },
    **{
        f"Ed25519, y = {y}": [
            key(PublicKey, F.RAW, little(y, 32), A.ED25519),
            key(PublicKey, F.X_509, spki(ED25519_OID, little(y, 32)), A.ED25519),
        ]
        for y in (0, 1, PRIME - 1, 2, PRIME + 1)
    },
    "Ed448, small order": [key(PublicKey, F.RAW, little(y, 57), A.ED448) for y in (0, 1)],
    "X448, small order": [key(PublicKey, F.RAW, little(u, 56), A.X448) for u in (0, 1)],
    "DH, out of range": [
        key(PublicKey, F.TRANSPARENT_DH_PUBLIC_KEY, TransparentKey(**DH_GROUP, y=y), A.DH)
        for y in (0, 1, DH_GROUP["p"] - 1, DH_GROUP["p"])
    ],
    **{f"DES, {word}": [key(SymmetricKey, F.RAW, bytes.fromhex(word), A.DES)] for word in WEAK_DES},
    **{
        f"AES of {size} bytes": [
            key(SymmetricKey, F.RAW, bytes(range(size)), A.AES),
            key(SymmetricKey, F.TRANSPARENT_SYMMETRIC_KEY, TransparentKey(key=bytes(range(size))), A.AES),
        ]
        for size in (0, 1, 15, 17, 31, 33)
    },
    "3DES of 25 bytes": [key(SymmetricKey, F.RAW, bytes(range(25)), A.TRIPLE_DES)],
    "ChaCha20 of 31 bytes": [key(SymmetricKey, F.RAW, bytes(31), A.CHACHA20)],
    "ML-KEM, not reduced": [key(PublicKey, F.RAW, b"\xff" * 800, A.ML_KEM_512)],
    "ML-KEM, wrong hash": [key(PrivateKey, F.RAW, bytes(1632), A.ML_KEM_512)],
    "ML-DSA, out of range": [key(PrivateKey, F.RAW, b"\xff" * 2560, A.ML_DSA_44)],
    "SLH-DSA, short": [key(PublicKey, F.RAW, bytes(31), A.SLH_DSA_SHA2_128S)],
}
CASES = [pytest.param(secret, id=f"{name} {n}") for name, secrets in UNFIT.items() for n, secret in enumerate(secrets)]
OBJECT_TYPES: dict[Any, ObjectType] = {
    PrivateKey: ObjectType.PRIVATE_KEY,
    PublicKey: ObjectType.PUBLIC_KEY,
    SymmetricKey: ObjectType.SYMMETRIC_KEY,
}


# --- the ways in ------------------------------------------------------------------------------------------------------


def registering(secret: Any) -> RegisterRequest:
    return RegisterRequest(
        object_type=OBJECT_TYPES[type(secret)],
        attributes=attributes(cryptographic_usage_mask=ANY, activation_date=1),
        object=secret,
    )


def importing(secret: Any) -> ImportRequest:
    return ImportRequest(
        unique_identifier=os.urandom(8).hex(),
        object_type=OBJECT_TYPES[type(secret)],
        attributes=Attributes.of({Tag.CRYPTOGRAPHIC_USAGE_MASK: ANY}),
        object=secret,
    )


def wrapped(world: World, secret: Any) -> RegisterRequest:
    """Register the key as it is wrapped by a key that is here."""
    kek = create(world, M.WRAP_KEY | M.UNWRAP_KEY | M.ENCRYPT)
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.AESKEYWRAPPADDING)
    value = dump(secret.key_block.key_value, V3_0, Tag.KEY_VALUE)
    ask = EncryptRequest(unique_identifier=kek, cryptographic_parameters=parameters, data=value)
    described = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier=kek, cryptographic_parameters=parameters),
        encoding_option=EncodingOption.TTLV_ENCODING,
    )
    block = replace(secret.key_block, key_value=world.do(ask, version=V3_0).data, key_wrapping_data=described)
    return registering(replace(secret, key_block=block))


WAYS: dict[str, Callable[[World, Any], Any]] = {
    "Register": lambda world, secret: registering(secret),
    "Import": lambda world, secret: importing(secret),
    "Register wrapped": wrapped,
}


def kept(world: World) -> int:
    return len(world.do(LocateRequest(), version=V3_0).unique_identifier)


@pytest.fixture(scope="module")
def one_world(tmp_path_factory: pytest.TempPathFactory, certificates: dict[str, bytes]) -> Iterator[World]:
    """One engine for all unfit keys, as it keeps none of them."""
    directory, clock = tmp_path_factory.mktemp("unfit"), Clock()
    made = World(directory, clock, make_engine(directory, clock))
    made.callers["alice"] = made.engine.enroll("alice", certificates["alice"])
    yield made
    made.engine.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", CASES)
def test_k36_an_unfit_key_is_not_taken(one_world: World, secret: Any, way: str) -> None:
    request = WAYS[way](one_world, secret)
    before = kept(one_world)
    item = one_world.ask(request, version=V3_0)
    assert item.result_reason in (R.INVALID_ATTRIBUTE_VALUE, R.CRYPTOGRAPHIC_FAILURE), item
    assert kept(one_world) == before, "nothing of it is kept"


FIT = [*rsa_publics(N, 65537), *rsa_privates(*GOOD), *ec_publics(POINT), *ec_privates(ORDER - 1)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", FIT, ids=range(len(FIT)))
def test_a_fit_key_of_the_same_making_is_taken(one_world: World, secret: Any, way: str) -> None:
    """What the test makes of numbers is well-formed: it is the numbers that are refused above."""
    assert one_world.do(WAYS[way](one_world, secret), version=V3_0)


def test_k36_what_cannot_be_opened_yet_is_not_used_either(world: World) -> None:
    """A key that came wrapped under one that is not here is kept as it came, and never opened."""
    request = wrapped(world, key(SymmetricKey, F.RAW, bytes(8), A.DES))
    described = request.object.key_block.key_wrapping_data
    absent = replace(described.encryption_key_information, unique_identifier="absent")
    block = replace(
        request.object.key_block,
        key_wrapping_data=replace(described, encryption_key_information=absent),
        cryptographic_length=56,
    )
    made = world.do(replace(request, object=replace(request.object, key_block=block)), version=V3_0).unique_identifier
    ask = EncryptRequest(
        unique_identifier=made,
        cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB),
        data=bytes(8),
    )
    assert world.refused(ask) is R.WRAPPING_OBJECT_NOT_FOUND


@pytest.mark.parametrize(("material", "algorithm"), [(bytes(17), A.AES), (bytes(8), A.DES), (bytes(31), A.CHACHA20)])
def test_k36_an_opaque_key_is_checked_when_it_is_used(
    world: World, material: bytes, algorithm: CryptographicAlgorithm
) -> None:
    made = world.do(registering(key(SymmetricKey, F.OPAQUE, material, algorithm))).unique_identifier
    ask = EncryptRequest(
        unique_identifier=made,
        cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB),
        data=bytes(16),
    )
    assert world.refused(ask) is R.INVALID_ATTRIBUTE_VALUE


def test_k36_a_weak_key_is_not_derived(world: World) -> None:
    """Whoever knows the base chooses what is derived by encryption: here, zeros."""
    block = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    base = create(world, M.DERIVE_KEY | M.DECRYPT)
    ask = DecryptRequest(unique_identifier=base, cryptographic_parameters=block, data=bytes(16))
    data = world.do(ask).data
    request = DeriveKeyRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(base,),
        derivation_method=DerivationMethod.ENCRYPT,
        derivation_parameters=DerivationParameters(cryptographic_parameters=block, derivation_data=(data,)),
        attributes=attributes(cryptographic_algorithm=A.DES, cryptographic_length=64, cryptographic_usage_mask=DATA),
    )
    assert world.refused(request) is R.INVALID_ATTRIBUTE_VALUE


# --- certificates -----------------------------------------------------------------------------------------------------


def certificate_of(public_key: Any) -> bytes:
    """A certificate with any public key, which somebody else signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
    )
    return builder.sign(EC, hashes.SHA256()).public_bytes(Encoding.DER)


SMALL_ORDER = ed25519.Ed25519PublicKey.from_public_bytes(little(1, 32))
CLOSE = rsa.RSAPublicNumbers(65537, RSA_MODULI["close factors"][0]).public_key()


@pytest.mark.parametrize("public_key", [SMALL_ORDER, CLOSE], ids=["Ed25519", "RSA"])
def test_k36_an_unfit_key_in_a_certificate_verifies_nothing(world: World, public_key: Any) -> None:
    """Under a key of small order one signature is of all data."""
    request = RegisterRequest(
        object_type=ObjectType.CERTIFICATE,
        attributes=attributes(cryptographic_usage_mask=M.VERIFY, activation_date=1),
        object=Certificate(certificate_type=CertificateType.X_509, certificate_value=certificate_of(public_key)),
    )
    made = world.do(request).unique_identifier
    ask = SignatureVerifyRequest(
        unique_identifier=made,
        cryptographic_parameters=CryptographicParameters(
            padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_256
        ),
        data=b"anything",
        signature_data=little(1, 32) + bytes(32),
    )
    assert world.refused(ask) is R.INVALID_ATTRIBUTE_VALUE


def test_k36_an_unfit_key_is_not_certified(world: World) -> None:
    """Two factors side by side; the signature on the request is right all the same."""
    p = close_prime(2**520 + 2**300)
    q = close_prime(p + 2)
    e, n = 65537, p * q
    d = pow(e, -1, lcm(p - 1, q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, n))
    private = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    csr = x509.CertificateSigningRequestBuilder(name).sign(private, hashes.SHA256())
    request = CertifyRequest(
        certificate_request_type=CertificateRequestType.PKCS_10,
        certificate_request_value=csr.public_bytes(Encoding.DER),
    )
    world.engine.authority = Authority.create("test")
    item = world.ask(request)
    assert (item.result_reason, "unfit" in (item.result_message or "")) == (R.INVALID_CSR, True), item


# --- what is announced is taken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_format", [F.RAW, F.X_509, F.TRANSPARENT_EC_PUBLIC_KEY])
def test_a_compressed_point_under_its_type_is_taken_used_and_given(world: World, key_format: KeyFormatType) -> None:
    material: Any = {
        F.RAW: SHORT_POINT,
        F.X_509: spki(P256_OID, SHORT_POINT),
        F.TRANSPARENT_EC_PUBLIC_KEY: transparent_point(SHORT_POINT),
    }[key_format]
    made = world.do(registering(key(PublicKey, key_format, material, A.EC, COMPRESSED))).unique_identifier
    for reopened in (False, True):
        if reopened:
            world.reopen()
        ask = SignatureVerifyRequest(
            unique_identifier=made,
            cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
            data=b"data",
            signature_data=EC.sign(b"data", ec.ECDSA(hashes.SHA256())),
        )
        assert world.do(ask).validity_indicator.title == "Valid"

    def given(**how: Any) -> KeyBlock:
        block: KeyBlock = world.do(GetRequest(unique_identifier=made, **how)).object.key_block
        return block

    assert given().key_compression_type is COMPRESSED
    assert given().key_value.key_material == material
    other = F.RAW if key_format is not F.RAW else F.TRANSPARENT_EC_PUBLIC_KEY
    converted = given(key_format_type=other)
    assert converted.key_compression_type is None
    assert converted.key_value.key_material == (POINT if other is F.RAW else transparent_point(POINT))
    for asked in (COMPRESSED, KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED):
        block = given(key_format_type=F.RAW, key_compression_type=asked)
        assert block.key_compression_type is asked
        assert block.key_value.key_material == (SHORT_POINT if asked is COMPRESSED else POINT)
    char2 = KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2
    ask = GetRequest(unique_identifier=made, key_format_type=F.RAW, key_compression_type=char2)
    assert world.refused(ask) is R.KEY_COMPRESSION_TYPE_NOT_SUPPORTED


def test_only_public_keys_of_curves_are_compressed(world: World) -> None:
    made = world.do(registering(FIT[0])).unique_identifier
    for name in (made, create(world)):
        ask = GetRequest(unique_identifier=name, key_compression_type=COMPRESSED)
        assert world.refused(ask) is R.KEY_COMPRESSION_TYPE_NOT_SUPPORTED


RAW_CURVES = [
    (C.SECP256K1, ec.SECP256K1()),
    (C.BRAINPOOLP256R1, ec.BrainpoolP256R1()),
    (C.BRAINPOOLP384R1, ec.BrainpoolP384R1()),
    (C.P_521, ec.SECP521R1()),
]


@pytest.mark.parametrize(("curve", "known"), RAW_CURVES, ids=[str(curve) for curve, _ in RAW_CURVES])
def test_a_raw_key_is_of_the_curve_that_is_said(world: World, curve: RecommendedCurve, known: Any) -> None:
    """The length alone would say P-256 of a key of secp256k1."""
    private = ec.generate_private_key(known)
    d = private.private_numbers().private_value.to_bytes((known.key_size + 7) // 8, "big")
    q = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    domain = CryptographicDomainParameters(recommended_curve=curve)
    made = []
    for kind, material in ((PrivateKey, d), (PublicKey, q)):
        request = registering(key(kind, F.RAW, material, A.EC))
        more = attributes(cryptographic_domain_parameters=domain)
        made.append(world.do(replace(request, attributes=Attributes((*request.attributes, *more)))).unique_identifier)
    how = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    ask = SignRequest(unique_identifier=made[0], cryptographic_parameters=how, data=b"data")
    signature = world.do(ask).signature_data
    private.public_key().verify(signature, b"data", ec.ECDSA(hashes.SHA256()))
    verify = SignatureVerifyRequest(
        unique_identifier=made[1], cryptographic_parameters=how, data=b"data", signature_data=signature
    )
    assert world.do(verify).validity_indicator.title == "Valid"
    block = world.do(GetRequest(unique_identifier=made[0], key_format_type=F.PKCS_8)).object.key_block
    assert block.key_value.key_material == private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
