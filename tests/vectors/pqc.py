"""ML-KEM by Encapsulate and Decapsulate, ML-DSA by Sign and Signature Verify.

KMIP has no field for the context of a signature, so that only the empty one can be said.
"""

from __future__ import annotations

from keystead.kmip.enums import CryptographicAlgorithm
from keystead.kmip.objects import PrivateKey, PublicKey
from keystead.kmip.payloads.crypto import DecapsulateRequest, EncapsulateRequest
from tests.vectors.files import Record, hexadecimal
from tests.vectors.sign import NO_PARAMETERS, signing, verification
from tests.vectors.talk import (
    A,
    F,
    NotSayable,
    R,
    Step,
    Talk,
    asymmetric_request,
    do,
    material,
    private,
    public,
    refused,
    same,
)

_NO_SEEDS = (A.ML_KEM_512,)


def decapsulation(unique_identifier: str, ciphertext: bytes, shared: bytes) -> Step:
    made = yield from do(DecapsulateRequest(unique_identifier=unique_identifier, data=ciphertext))
    same((yield from material(made.unique_identifier)), shared)


def kem(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    """An expanded key and its seed; a right and a wrong ciphertext; Encapsulate against Decapsulate."""
    owners = [(yield from private(F.RAW, hexadecimal(record, "SK"), algorithm))]
    if algorithm not in _NO_SEEDS:
        seed = hexadecimal(record, "D") + hexadecimal(record, "Z")
        owners.append((yield from private(F.SEED_PRIVATE_KEY, seed, algorithm)))
    for owner in owners:
        yield from decapsulation(owner, hexadecimal(record, "CT"), hexadecimal(record, "SS"))
        # An altered ciphertext gives another secret, which is published as well.
        yield from decapsulation(owner, hexadecimal(record, "CT_N"), hexadecimal(record, "SS_N"))
    key = yield from public(F.RAW, hexadecimal(record, "PK"), algorithm)
    made = yield from do(EncapsulateRequest(unique_identifier=key))
    shared = yield from material(made.unique_identifier)
    for owner in owners:
        yield from decapsulation(owner, made.data, shared)
    return True


def wycheproof_kem(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    if algorithm in _NO_SEEDS:
        raise NotSayable(f"a seed of {algorithm}, which the library does not take")
    seed, ciphertext = bytes.fromhex(record["seed"]), bytes.fromhex(record["c"])
    if len(seed) != 64:
        request = asymmetric_request(PrivateKey, F.SEED_PRIVATE_KEY, seed, algorithm)
        return (yield from refused(request, R.KEY_FORMAT_TYPE_NOT_SUPPORTED, R.INVALID_ATTRIBUTE_VALUE))
    owner = yield from private(F.SEED_PRIVATE_KEY, seed, algorithm)
    if record["result"] != "valid":
        request = DecapsulateRequest(unique_identifier=owner, data=ciphertext)
        return (yield from refused(request, R.CRYPTOGRAPHIC_FAILURE))
    yield from decapsulation(owner, ciphertext, bytes.fromhex(record["K"]))
    return True


def wycheproof_encapsulation(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    """The check of FIPS 203 section 7.2: a coefficient that is not reduced is refused at Register."""
    request = asymmetric_request(PublicKey, F.RAW, bytes.fromhex(record["ek"]), algorithm)
    if record["result"] != "valid":
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    key = (yield from do(request)).unique_identifier
    yield from do(EncapsulateRequest(unique_identifier=key))
    return True


def wycheproof_expanded(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    """The checks of FIPS 203 section 7.3, of the key at Register and of the ciphertext at Decapsulate."""
    key, ciphertext = bytes.fromhex(record["dk"]), bytes.fromhex(record["c"])
    request = asymmetric_request(PrivateKey, F.RAW, key, algorithm)
    if {"InvalidDecapsulationKey", "IncorrectDecapsulationKeyLength"} & set(record["flags"]):
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    owner = (yield from do(request)).unique_identifier
    if record["result"] != "valid":
        return (
            yield from refused(DecapsulateRequest(unique_identifier=owner, data=ciphertext), R.CRYPTOGRAPHIC_FAILURE)
        )
    yield from decapsulation(owner, ciphertext, bytes.fromhex(record["K"]))
    return True


# --- ML-DSA -----------------------------------------------------------------------------------------------------------

_NO_CONTEXT = "a context, for which KMIP has no field"


def dsa(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    if record["CTX"]:
        raise NotSayable(_NO_CONTEXT)
    data = hexadecimal(record, "MSG")
    signature = hexadecimal(record, "SM")[: -len(data) or None]
    key = yield from public(F.RAW, hexadecimal(record, "PK"), algorithm)
    return (yield from verification(key, NO_PARAMETERS, data, signature, True))


def wycheproof_dsa(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    request = asymmetric_request(PublicKey, F.RAW, bytes.fromhex(record["publicKey"]), algorithm)
    if "IncorrectPublicKeyLength" in record["flags"]:
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    if record.get("ctx"):
        raise NotSayable(_NO_CONTEXT)
    key = (yield from do(request)).unique_identifier
    data, signature = bytes.fromhex(record["msg"]), bytes.fromhex(record["sig"])
    return (yield from verification(key, NO_PARAMETERS, data, signature, record["result"] == "valid"))


def wycheproof_dsa_signature(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    """Signatures are hedged, never the same: the published one and the server's are verified with the public key."""
    seed = "privateSeed" in record
    material_ = bytes.fromhex(record["privateSeed" if seed else "privateKey"])
    request = asymmetric_request(PrivateKey, F.SEED_PRIVATE_KEY if seed else F.RAW, material_, algorithm)
    if "IncorrectPrivateKeyLength" in record["flags"] or "InvalidPrivateKey" in record["flags"]:
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE, R.KEY_FORMAT_TYPE_NOT_SUPPORTED))
    if record.get("ctx"):
        raise NotSayable(_NO_CONTEXT)
    if "msg" not in record:
        raise NotSayable("a message representative of ML-DSA in place of the message")
    data = bytes.fromhex(record["msg"])
    owner = (yield from do(request)).unique_identifier
    key = yield from public(F.RAW, bytes.fromhex(record["publicKey"]), algorithm)
    yield from signing(owner, NO_PARAMETERS, data, verified_with=key)
    return (yield from verification(key, NO_PARAMETERS, data, bytes.fromhex(record["sig"]), True))
