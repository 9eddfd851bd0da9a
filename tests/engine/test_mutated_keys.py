"""Encodings of keys with some bytes changed: taken or refused, never a defect; and so is each use of what was taken."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from keystead.crypto import ffdh, pqc
from keystead.crypto.dump import dump_private, dump_public
from keystead.kmip.enums import (
    CertificateType,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    SecretDataType,
)
from keystead.kmip.messages import ResponseBatchItem
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import DeriveKeyRequest, RegisterRequest
from keystead.kmip.payloads.crypto import (
    DecapsulateRequest,
    DecryptRequest,
    EncapsulateRequest,
    EncryptRequest,
    SignatureVerifyRequest,
    SignRequest,
)
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.structures import CryptographicParameters, DerivationParameters
from keystead.kmip.version import V3_0
from keystead.pki.ca import Authority
from tests.engine.keys import A, M, attributes
from tests.engine.world import World

F = KeyFormatType
P = CryptographicParameters
EVERY = M.SIGN | M.VERIFY | M.ENCRYPT | M.DECRYPT | M.DERIVE_KEY | M.KEY_AGREEMENT
MUTANTS = 10
PASSWORD = b"password"

OWNERS: dict[CryptographicAlgorithm, Callable[[], Any]] = {
    A.RSA: lambda: rsa.generate_private_key(65537, 1024),
    A.EC: lambda: ec.generate_private_key(ec.SECP256R1()),
    A.DSA: lambda: dsa.generate_private_key(1024),
    A.DH: lambda: ffdh.generate(2048),
    A.ED25519: ed25519.Ed25519PrivateKey.generate,
    A.ED448: ed448.Ed448PrivateKey.generate,
    A.X25519: x25519.X25519PrivateKey.generate,
    A.X448: x448.X448PrivateKey.generate,
    A.ML_KEM_512: lambda: pqc.generate(A.ML_KEM_512),
    A.ML_KEM_768: lambda: pqc.generate(A.ML_KEM_768),
    A.ML_DSA_44: lambda: pqc.generate(A.ML_DSA_44),
    A.SLH_DSA_SHA2_128F: lambda: pqc.generate(A.SLH_DSA_SHA2_128F),
}
_MORE = {A.RSA: F.PKCS_1, A.EC: F.ECPRIVATEKEY}


def changed(data: bytes, random: Random) -> bytes:
    """One or a few changes: a bit, a length, a piece cut out, doubled, or put elsewhere."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(out)) if out else 0
        size = random.choice((1, 1, 2, 8, 64))
        match random.randrange(6):
            case 0 if out:
                out[at] ^= 1 << random.randrange(8)
            case 1 if out:
                out[at] = random.choice((0, 1, 0x7F, 0x80, 0x84, 0xFF))
            case 2:
                del out[at : at + size]
            case 3:
                out[at:at] = out[at : at + size]
            case 4:
                del out[at:]
            case _:
                out[at:at] = random.randbytes(size)
    return bytes(out)


def register(kind: Any, key_format: KeyFormatType, algorithm: CryptographicAlgorithm, **more: Any) -> Any:
    """material → the request."""

    def request(material: bytes) -> RegisterRequest:
        block = KeyBlock(
            key_format_type=key_format,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=algorithm,
        )
        return RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY if kind is PrivateKey else ObjectType.PUBLIC_KEY,
            attributes=attributes(cryptographic_usage_mask=EVERY, activation_date=1, **more),
            object=kind(key_block=block),
        )

    return request


def uses(name: str) -> list[Request]:
    """Everything that a key of any kind may be used for."""
    rsa_ = P(padding_method=PaddingMethod.OAEP, hashing_algorithm=HashingAlgorithm.SHA_1)
    signed = P(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_256)
    plain = P(hashing_algorithm=HashingAlgorithm.SHA_256)
    return [
        *(SignRequest(unique_identifier=name, cryptographic_parameters=how, data=b"x") for how in (signed, plain, P())),
        *(
            SignatureVerifyRequest(unique_identifier=name, cryptographic_parameters=how, data=b"x", signature_data=said)
            for how in (signed, plain)
            for said in (bytes(64), b"")
        ),
        EncryptRequest(unique_identifier=name, cryptographic_parameters=rsa_, data=b"x"),
        DecryptRequest(unique_identifier=name, cryptographic_parameters=rsa_, data=bytes(128)),
        EncapsulateRequest(unique_identifier=name),
        DecapsulateRequest(unique_identifier=name, data=bytes(768)),
        DeriveKeyRequest(
            object_type=ObjectType.SECRET_DATA,
            unique_identifier=(name, name),
            derivation_method=DerivationMethod.ASYMMETRIC_KEY,
            derivation_parameters=DerivationParameters(),
            attributes=attributes(cryptographic_length=128, cryptographic_usage_mask=M.DERIVE_KEY),
        ),
        *(
            GetRequest(unique_identifier=name, key_format_type=key_format)
            for key_format in (None, F.RAW, F.PKCS_1, F.PKCS_8, F.X_509, F.ECPRIVATEKEY, F.TRANSPARENT_EC_PUBLIC_KEY)
        ),
    ]


def no_defect(item: ResponseBatchItem) -> None:
    assert item.result_reason is not ResultReason.GENERAL_FAILURE, item.result_message


def try_mutants(world: World, data: bytes, request: Any, seed: str, count: int = MUTANTS) -> int:
    """Register what is changed, and use what was taken; how many were."""
    random = Random(seed)
    taken = 0
    for _ in range(count):
        item = world.ask(request(changed(data, random)), version=V3_0)
        no_defect(item)
        if item.result_status is ResultStatus.SUCCESS:
            taken += 1
            answer: Any = item.response_payload
            for use in uses(answer.unique_identifier):
                no_defect(world.ask(use, version=V3_0))
    return taken


@pytest.mark.parametrize("algorithm", OWNERS, ids=lambda algorithm: algorithm.title)
def test_keys(world: World, algorithm: CryptographicAlgorithm) -> None:
    owner = OWNERS[algorithm]()
    ways = [
        (dump_private(owner, F.PKCS_8), register(PrivateKey, F.PKCS_8, algorithm)),
        (dump_public(owner.public_key(), F.X_509), register(PublicKey, F.X_509, algorithm)),
    ]
    if algorithm in _MORE:
        more = _MORE[algorithm]
        ways.append((dump_private(owner, more), register(PrivateKey, more, algorithm)))
    if algorithm is A.RSA:
        ways.append((dump_public(owner.public_key(), F.PKCS_1), register(PublicKey, F.PKCS_1, algorithm)))
    for number, (data, request) in enumerate(ways):
        assert isinstance(data, bytes)
        taken = world.do(request(data), version=V3_0).unique_identifier
        for use in uses(taken):
            no_defect(world.ask(use, version=V3_0))
        try_mutants(world, data, request, f"{algorithm} {number}")


def test_certificates(world: World) -> None:
    data = Authority.create("test").issue_client("alice").der

    def request(value: bytes) -> RegisterRequest:
        return RegisterRequest(
            object_type=ObjectType.CERTIFICATE,
            attributes=attributes(cryptographic_usage_mask=EVERY, activation_date=1),
            object=Certificate(certificate_type=CertificateType.X_509, certificate_value=value),
        )

    assert try_mutants(world, data, request, "certificate", 60) > 0


def test_files_under_a_password(world: World) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    block = KeyBlock(key_format_type=F.OPAQUE, key_value=KeyValue(key_material=PASSWORD))
    password = world.do(
        RegisterRequest(
            object_type=ObjectType.SECRET_DATA,
            attributes=attributes(activation_date=1, cryptographic_usage_mask=M.UNRESTRICTED),
            object=SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block),
        ),
        version=V3_0,
    ).unique_identifier
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1000).build(PASSWORD)
    file = pkcs12.serialize_key_and_certificates(b"test", key, None, None, encryption)
    request = register(PrivateKey, F.PKCS_12, A.EC, pkcs_12_password_link=password)
    assert world.do(request(file), version=V3_0)
    try_mutants(world, file, request, "PKCS#12", 60)
    sealed = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))
    try_mutants(world, sealed, register(PrivateKey, F.PKCS_8, A.EC), "encrypted PKCS#8", 40)


def test_a_file_that_would_take_long_to_open_is_refused(world: World) -> None:
    """Two thousand million iterations are half an hour, whoever asks for them."""
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(0x10000).build(PASSWORD)
    file = pkcs12.serialize_key_and_certificates(b"test", key, None, None, encryption)
    rounds = bytes.fromhex("0203010000")
    assert rounds in file
    request = register(PrivateKey, F.PKCS_12, A.EC)(file.replace(rounds, bytes.fromhex("02037fffff")))
    item = world.ask(request, version=V3_0)
    assert (item.result_reason, "iterations" in (item.result_message or "")) == (
        ResultReason.INVALID_ATTRIBUTE_VALUE,
        True,
    )
