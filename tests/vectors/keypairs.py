"""Published keys of key pairs as KMIP's key formats have them."""

from __future__ import annotations

from keystead.kmip.enums import HashingAlgorithm, RecommendedCurve
from keystead.kmip.structures import TransparentKey
from tests.vectors.files import Record, number
from tests.vectors.talk import A, F, Step, private, public

C = RecommendedCurve
H = HashingAlgorithm
HASHES = {
    "SHA-1": H.SHA_1, "SHA-224": H.SHA_224, "SHA-256": H.SHA_256, "SHA-384": H.SHA_384, "SHA-512": H.SHA_512,
    "SHA-512/224": H.SHA_512_224, "SHA-512/256": H.SHA_512_256, "SHA3-224": H.SHA3_224, "SHA3-256": H.SHA3_256,
    "SHA3-384": H.SHA3_384, "SHA3-512": H.SHA3_512,
}  # fmt: skip
CURVES = {
    "P-192": C.P_192, "P-224": C.P_224, "P-256": C.P_256, "P-384": C.P_384, "P-521": C.P_521, "K-256": C.SECP256K1,
    "secp192r1": C.P_192, "secp224r1": C.P_224, "secp256r1": C.P_256, "secp384r1": C.P_384, "secp521r1": C.P_521,
    "secp256k1": C.SECP256K1, "brainpoolP256r1": C.BRAINPOOLP256R1, "brainpoolP384r1": C.BRAINPOOLP384R1,
    "brainpoolP512r1": C.BRAINPOOLP512R1,
    **{f"{kind}-{bits}": C[f"{kind}_{bits}"] for kind in "KB" for bits in (163, 233, 283, 409, 571)},
}  # fmt: skip
FIELD_BYTES = {
    C.P_192: 24, C.P_224: 28, C.P_256: 32, C.P_384: 48, C.P_521: 66, C.SECP256K1: 32, C.BRAINPOOLP256R1: 32,
    C.BRAINPOOLP384R1: 48, C.BRAINPOOLP512R1: 64,
}  # fmt: skip


def point(curve: RecommendedCurve, x: int, y: int) -> bytes:
    """An uncompressed point, as long as its numbers need."""
    size = max(FIELD_BYTES.get(curve, 0), (max(x, y).bit_length() + 7) // 8)
    return b"\4" + x.to_bytes(size, "big") + y.to_bytes(size, "big")


def ec_public_key(curve: RecommendedCurve, q: bytes) -> TransparentKey:
    return TransparentKey(recommended_curve=curve, q_string=q)


def ec_public(curve: RecommendedCurve, q: bytes) -> Step:
    return public(F.TRANSPARENT_EC_PUBLIC_KEY, ec_public_key(curve, q), A.EC)


def ec_private(curve: RecommendedCurve, d: int) -> Step:
    return private(F.TRANSPARENT_EC_PRIVATE_KEY, TransparentKey(recommended_curve=curve, d=d), A.EC)


def rsa_public(n: int, e: int) -> Step:
    return public(F.TRANSPARENT_RSA_PUBLIC_KEY, TransparentKey(modulus=n, public_exponent=e), A.RSA)


def rsa_private(record: Record) -> Step:
    """A private key of n, e and d, and of p and q if the record has them."""
    n, e, d = (number(record, name) for name in "NED")
    factors = {name: number(record, name.upper()) for name in "pq" if name.upper() in record}
    key = TransparentKey(modulus=n, public_exponent=e, private_exponent=d, **factors)
    return private(F.TRANSPARENT_RSA_PRIVATE_KEY, key, A.RSA)
