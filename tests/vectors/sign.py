"""Sign and Signature Verify: at once and in parts, with the data and, where the key signs a digest, with the digest."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keystead.crypto.mac import HASHES as HASH_NAMES
from keystead.kmip.enums import CryptographicAlgorithm, HashingAlgorithm, PaddingMethod
from keystead.kmip.objects import PublicKey
from keystead.kmip.payloads.crypto import SignatureVerifyRequest, SignRequest
from keystead.kmip.structures import CryptographicParameters, TransparentKey
from tests.vectors.files import Record, hexadecimal, number
from tests.vectors.keypairs import CURVES, FIELD_BYTES, HASHES, ec_private, ec_public_key, point, rsa_private
from tests.vectors.talk import (
    A,
    F,
    NotSayable,
    R,
    Step,
    Talk,
    asymmetric_request,
    cut,
    do,
    in_parts,
    private,
    public,
    refused,
    same,
    verdict,
)

H = HashingAlgorithm
Parameters = CryptographicParameters
NO_PARAMETERS = Parameters()


def verification(
    unique_identifier: str,
    parameters: CryptographicParameters,
    data: bytes,
    signature: bytes,
    valid: bool,
    changed_too: bool = True,
) -> Talk:
    """Verify a signature.

    Args:
        changed_too: what is changed of it is Invalid.
    """
    verify = partial(SignatureVerifyRequest, unique_identifier=unique_identifier)
    how = {"cryptographic_parameters": parameters}
    parts = cut(data, signature)
    verdict((yield from do(verify(data=data, signature_data=signature, **how))), valid)
    verdict((yield from in_parts(verify, parts, how, {"signature_data": signature}))[-1], valid)
    if parameters.hashing_algorithm is not None:
        digest = hashlib.new(HASH_NAMES[parameters.hashing_algorithm], data, usedforsecurity=False).digest()
        verdict((yield from do(verify(digested_data=digest, signature_data=signature, **how))), valid)
    if valid and changed_too:
        # Not one bit: of ECDSA n - s is as good as s, and of some vectors it is the neighbour.
        for changed in (bytes((*signature[:-1], signature[-1] ^ 0x55)), signature[:-1], signature + b"\0", b""):
            verdict((yield from do(verify(data=data, signature_data=changed, **how))), False)
        verdict((yield from do(verify(data=data + b"\0", signature_data=signature, **how))), False)
    return valid


def signing(
    unique_identifier: str,
    parameters: CryptographicParameters,
    data: bytes,
    published: bytes | None = None,
    verified_with: str | None = None,
) -> Step:
    """Sign; a signature that is always the same is the published one, any other is verified.

    Args:
        verified_with: the public key; its private key knows it, too, but for an expanded one of ML-DSA.
    """
    ask = partial(SignRequest, unique_identifier=unique_identifier)
    how = {"cryptographic_parameters": parameters}
    whole = (yield from do(ask(data=data, **how))).signature_data
    parts = cut(data, whole)
    in_part = (yield from in_parts(ask, parts, how, {}))[-1].signature_data
    for signature in (whole, in_part):
        if published is None:
            yield from verification(verified_with or unique_identifier, parameters, data, signature, True)
        else:
            same(signature, published)


# --- RSA --------------------------------------------------------------------------------------------------------------


def rsa_parameters(record: Record, padding: PaddingMethod) -> CryptographicParameters:
    hashing = HASHES[record["SHAALG"].replace("SHA", "SHA-")]
    salt = len(hexadecimal(record, "SALTVAL")) if padding is PaddingMethod.PSS else None
    mask = hashing if salt is not None else None
    return Parameters(
        padding_method=padding, hashing_algorithm=hashing, mask_generator_hashing_algorithm=mask, salt_length=salt
    )


def rsa_verification(record: Record, padding: PaddingMethod) -> Talk:
    """An exponent that no key has is refused at Register."""
    n, e = number(record, "N"), number(record, "E")
    key = TransparentKey(modulus=n, public_exponent=e)
    if e < 3 or e % 2 == 0:
        request = asymmetric_request(PublicKey, F.TRANSPARENT_RSA_PUBLIC_KEY, key, A.RSA)
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    unique_identifier = yield from public(F.TRANSPARENT_RSA_PUBLIC_KEY, key, A.RSA)
    parameters = rsa_parameters(record, padding)
    valid = record["RESULT"].startswith("P")
    return (
        yield from verification(
            unique_identifier, parameters, hexadecimal(record, "MSG"), hexadecimal(record, "S"), valid
        )
    )


def rsa_signature(record: Record, padding: PaddingMethod) -> Talk:
    unique_identifier = yield from rsa_private(record)
    parameters, data, signature = (
        rsa_parameters(record, padding),
        hexadecimal(record, "MSG"),
        hexadecimal(record, "S"),
    )
    yield from signing(unique_identifier, parameters, data, None if padding is PaddingMethod.PSS else signature)
    return (yield from verification(unique_identifier, parameters, data, signature, True))


def laboratories(record: Record, padding: PaddingMethod) -> Talk:
    unique_identifier = yield from rsa_private(record)
    size = (int(record["N"], 16).bit_length() + 7) // 8
    data, signature = hexadecimal(record, "MESSAGE"), hexadecimal(record, "OUTPUT").rjust(size, b"\0")
    pss = padding is PaddingMethod.PSS
    parameters = Parameters(padding_method=padding, hashing_algorithm=H.SHA_1, salt_length=20 if pss else None)
    yield from signing(unique_identifier, parameters, data, None if pss else signature)
    return (yield from verification(unique_identifier, parameters, data, signature, True))


# --- DSA and ECDSA ----------------------------------------------------------------------------------------------------


def dsa(record: Record) -> Talk:
    p, q, g, x, y = (number(record, name) for name in "PQGXY")
    hashing = HASHES[record["MOD"].split(", ")[-1]] if "," in record["MOD"] else H.SHA_1
    parameters, data = Parameters(hashing_algorithm=hashing), hexadecimal(record, "MSG")
    signature = encode_dss_signature(number(record, "R"), number(record, "S"))
    owner = yield from private(F.TRANSPARENT_DSA_PRIVATE_KEY, TransparentKey(p=p, q=q, g=g, x=x), A.DSA)
    yield from signing(owner, parameters, data)
    request = asymmetric_request(PublicKey, F.TRANSPARENT_DSA_PUBLIC_KEY, TransparentKey(p=p, q=q, g=g, y=y), A.DSA)
    if pow(y, q, p) != 1:
        # A public key that was changed is hardly ever in the group.
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    key = (yield from do(request)).unique_identifier
    return (yield from verification(key, parameters, data, signature, record.get("RESULT", "P").startswith("P")))


def ecdsa(record: Record) -> Talk:
    """A curve that the server has not is refused at Register."""
    name, hash_name = record["SECTION"].split(",")
    curve = CURVES[name]
    q = point(curve, number(record, "QX"), number(record, "QY"))
    key = ec_public_key(curve, q)
    if curve not in FIELD_BYTES:
        request = asymmetric_request(PublicKey, F.TRANSPARENT_EC_PUBLIC_KEY, key, A.EC)
        return (yield from refused(request, R.FEATURE_NOT_SUPPORTED))
    parameters, data = Parameters(hashing_algorithm=HASHES[hash_name]), hexadecimal(record, "MSG")
    if "D" in record:
        yield from signing((yield from ec_private(curve, number(record, "D"))), parameters, data)
    unique_identifier = yield from public(F.TRANSPARENT_EC_PUBLIC_KEY, key, A.EC)
    signature = encode_dss_signature(number(record, "R"), number(record, "S"))
    valid = record.get("RESULT", "P").startswith("P")
    return (yield from verification(unique_identifier, parameters, data, signature, valid))


def public_key_validation(record: Record) -> Talk:
    """Points that are off the curve or out of range."""
    curve = CURVES[record["SECTION"]]
    key = ec_public_key(curve, point(curve, number(record, "QX"), number(record, "QY")))
    request = asymmetric_request(PublicKey, F.TRANSPARENT_EC_PUBLIC_KEY, key, A.EC)
    if curve not in FIELD_BYTES:
        return (yield from refused(request, R.FEATURE_NOT_SUPPORTED))
    if not record["RESULT"].startswith("P"):
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    yield from do(request)
    return True


# --- EdDSA ------------------------------------------------------------------------------------------------------------


def edwards(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    if record.get("CONTEXT"):
        raise NotSayable("a context, for which KMIP has no field")
    data, signature = hexadecimal(record, "MESSAGE"), hexadecimal(record, "SIGNATURE")
    owner = yield from private(F.RAW, hexadecimal(record, "SECRET"), algorithm)
    yield from signing(owner, NO_PARAMETERS, data, signature)
    key = yield from public(F.RAW, hexadecimal(record, "PUBLIC"), algorithm)
    return (yield from verification(key, NO_PARAMETERS, data, signature, True))


# --- Wycheproof -------------------------------------------------------------------------------------------------------


def wycheproof(record: Record, algorithm: CryptographicAlgorithm, padding: PaddingMethod | None = None) -> Talk:
    """What is acceptable to Wycheproof may be either, but all the same the server has to make up its mind."""
    hashing = HASHES[record["sha"]] if "sha" in record else None
    parameters = Parameters(padding_method=padding, hashing_algorithm=hashing)
    if padding is PaddingMethod.PSS:
        parameters = Parameters(
            padding_method=padding,
            hashing_algorithm=hashing,
            mask_generator_hashing_algorithm=HASHES[record["mgfSha"]],
            salt_length=record["sLen"],
        )
    request = asymmetric_request(PublicKey, F.X_509, bytes.fromhex(record["publicKeyDer"]), algorithm)
    if "SmallOrderPublicKey" in record["flags"]:
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    unique_identifier = (yield from do(request)).unique_identifier
    data, signature = bytes.fromhex(record["msg"]), bytes.fromhex(record["sig"])
    if record["result"] == "acceptable":
        verify = SignatureVerifyRequest(
            unique_identifier=unique_identifier,
            cryptographic_parameters=parameters,
            data=data,
            signature_data=signature,
        )
        answer: Any = yield from do(verify)
        return verdict(answer, answer.validity_indicator.name == "VALID")
    # Some keys were made for a signature of which half does not matter, and the files have their own changes.
    valid = record["result"] == "valid"
    return (yield from verification(unique_identifier, parameters, data, signature, valid, changed_too=False))


def wycheproof_generation(record: Record) -> Talk:
    """PKCS#1 v1.5, whose signatures are always the same."""
    parameters = Parameters(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HASHES[record["sha"]])
    unique_identifier = yield from private(F.PKCS_8, bytes.fromhex(record["privateKeyPkcs8"]), A.RSA)
    yield from signing(unique_identifier, parameters, bytes.fromhex(record["msg"]), bytes.fromhex(record["sig"]))
    return True
