"""Key agreement by Derive Key, method Asymmetric Key: ECDH, X25519, X448 and Diffie-Hellman."""

from __future__ import annotations

from keystead.kmip.enums import CryptographicAlgorithm, DerivationMethod, KeyCompressionType, ResultStatus
from keystead.kmip.objects import PublicKey
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.structures import TransparentKey
from tests.vectors.derive import derivation, derived
from tests.vectors.files import Record, hexadecimal, number
from tests.vectors.keypairs import CURVES, FIELD_BYTES, ec_private, ec_public_key, point
from tests.vectors.talk import A, F, NotSayable, R, Step, Talk, asymmetric_request, do, material, private, refused

ASYMMETRIC_KEY = DerivationMethod.ASYMMETRIC_KEY


def agreement(own: str, request: RegisterRequest, shared: bytes) -> Step:
    """Agree with a public key: the shared secret is the published one."""
    other = (yield from do(request)).unique_identifier
    return (yield from derived(derivation((own, other), ASYMMETRIC_KEY, len(shared)), shared))


def no_agreement(own: str, request: RegisterRequest, shared: bytes) -> Step:
    """Be refused a public key, or the agreement with it; it is False."""
    item = yield request
    if item.result_status is ResultStatus.OPERATION_FAILED:
        assert item.result_reason in (R.INVALID_ATTRIBUTE_VALUE, R.FEATURE_NOT_SUPPORTED), item.result_reason
        return False
    ask = derivation((own, item.response_payload.unique_identifier), ASYMMETRIC_KEY, max(len(shared), 1))
    return (yield from refused(ask, R.CRYPTOGRAPHIC_FAILURE, R.INVALID_FIELD))


def either(own: str, request: RegisterRequest, shared: bytes) -> Step:
    """Be refused, or agree; never agree on anything but the published secret."""
    item = yield request
    if item.result_status is ResultStatus.OPERATION_FAILED:
        assert item.result_reason in (R.INVALID_ATTRIBUTE_VALUE, R.FEATURE_NOT_SUPPORTED), item.result_reason
        return False
    ask = derivation((own, item.response_payload.unique_identifier), ASYMMETRIC_KEY, len(shared))
    return (yield from derived(ask, shared))


_AS_PUBLISHED = {"valid": agreement, "invalid": no_agreement, "acceptable": either}

# --- elliptic curves --------------------------------------------------------------------------------------------------


def ec_public_request(curve: object, q: bytes, compression: KeyCompressionType | None = None) -> RegisterRequest:
    key = ec_public_key(curve, q)  # type: ignore[arg-type]
    return asymmetric_request(PublicKey, F.TRANSPARENT_EC_PUBLIC_KEY, key, A.EC, compression)


_SETS = {"EA": "P-192", "EB": "P-224", "EC": "P-256", "ED": "P-384", "EE": "P-521"}


def nist_ec(record: Record) -> Talk:
    curve = CURVES[_SETS[record["SECTION"].split(" ")[0]]]
    request = ec_public_request(curve, point(curve, number(record, "QSCAVSX"), number(record, "QSCAVSY")))
    return validity(record, ec_private(curve, number(record, "DSIUT")), request)


def validity(record: Record, own: Step, request: RegisterRequest) -> Step:
    """SP 800-56A's validity tests: the other's public key is bad, the secret is another, or all is well.

    What they spoil of the tester's own key pair is told by its two halves, of which an agreement sees one.
    """
    result, shared = record["RESULT"], hexadecimal(record, "Z")
    if "IUT's" in result:
        raise NotSayable("two halves of an own key pair that do not belong together")
    key = yield from own
    if "CAVS's" in result:
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    if result.startswith("P"):
        return (yield from agreement(key, request, shared))
    other = (yield from do(request)).unique_identifier
    made = yield from do(derivation((key, other), ASYMMETRIC_KEY, len(shared)))
    assert (yield from material(made.unique_identifier)) != shared
    return False


def cofactor(record: Record) -> Talk:
    """The primitive of SP 800-56A section 5.7.1.2."""
    curve = CURVES[record["SECTION"]]
    q = point(curve, number(record, "QCAVSX"), number(record, "QCAVSY"))
    request = ec_public_request(curve, q)
    if curve not in FIELD_BYTES:
        return (yield from refused(request, R.FEATURE_NOT_SUPPORTED))
    own = yield from ec_private(curve, number(record, "DIUT"))
    return (yield from agreement(own, request, hexadecimal(record, "ZIUT")))


def brainpool(record: Record) -> Talk:
    """RFC 7027: both ways."""
    curve = CURVES[record["CURVE"]]
    for own, other in ("AB", "BA"):
        key = yield from ec_private(curve, number(record, f"D{own}"))
        q = point(curve, number(record, f"X_Q{other}"), number(record, f"Y_Q{other}"))
        yield from agreement(key, ec_public_request(curve, q), hexadecimal(record, "X_Z"))
    return True


def wycheproof_ec(record: Record) -> Talk:
    """Public keys in DER, or as points; a compressed point only under its Key Compression Type."""
    curve = CURVES[record["curve"]]
    own = yield from ec_private(curve, number(record, "private"))
    q, shared = bytes.fromhex(record["public"]), bytes.fromhex(record["shared"])
    if record["encoding"] == "asn":
        request = asymmetric_request(PublicKey, F.X_509, q, A.EC)
    else:
        request = ec_public_request(curve, q)
    if "CompressedPoint" in record["flags"]:
        yield from refused(request, R.INVALID_ATTRIBUTE_VALUE)
        compression = KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME
        if record["encoding"] == "asn":
            request = asymmetric_request(PublicKey, F.X_509, q, A.EC, compression)
        else:
            request = ec_public_request(curve, q, compression)
        return (yield from (no_agreement if record["result"] == "invalid" else agreement)(own, request, shared))
    return (yield from _AS_PUBLISHED[record["result"]](own, request, shared))


def compressed(record: Record) -> Talk:
    """A compressed point is the point: its uncompressed form agrees on the same secret."""
    curve = CURVES[record["CURVE"].lower()]
    whole = point(curve, number(record, "X"), number(record, "Y"))
    own = yield from ec_private(curve, 0x1234567)
    one = (yield from do(ec_public_request(curve, whole))).unique_identifier
    size = FIELD_BYTES[curve]
    made = yield from do(derivation((own, one), ASYMMETRIC_KEY, size))
    shared = yield from material(made.unique_identifier)
    short = hexadecimal(record, "POINT")
    yield from refused(ec_public_request(curve, short), R.INVALID_ATTRIBUTE_VALUE)
    request = ec_public_request(curve, short, KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME)
    return (yield from agreement(own, request, shared))


# --- X25519 and X448 --------------------------------------------------------------------------------------------------


def montgomery(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    own = yield from private(F.RAW, hexadecimal(record, "INPUT_SCALAR"), algorithm)
    request = asymmetric_request(PublicKey, F.RAW, hexadecimal(record, "INPUT_U"), algorithm)
    return (yield from agreement(own, request, hexadecimal(record, "OUTPUT_U")))


def wycheproof_montgomery(record: Record, algorithm: CryptographicAlgorithm, asn: bool = False) -> Talk:
    """A public key of small order is refused at Register, so that no shared secret is zero."""
    secret, u, shared = (bytes.fromhex(record[name]) for name in ("private", "public", "shared"))
    forms = (F.PKCS_8, F.X_509) if asn else (F.RAW, F.RAW)
    request = asymmetric_request(PublicKey, forms[1], u, algorithm)
    if "ZeroSharedSecret" in record["flags"]:
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    if record["result"] == "invalid" and "MissingOctetString" in record["flags"]:
        raise NotSayable("a private key that is not PKCS#8")
    own = yield from private(forms[0], secret, algorithm)
    return (yield from _AS_PUBLISHED[record["result"]](own, request, shared))


# --- finite fields ----------------------------------------------------------------------------------------------------


def _dh_public(group: TransparentKey, y: int) -> RegisterRequest:
    key = TransparentKey(p=group.p, q=group.q, g=group.g, y=y)
    return asymmetric_request(PublicKey, F.TRANSPARENT_DH_PUBLIC_KEY, key, A.DH)


def _dh_private(group: TransparentKey, x: int) -> Step:
    key = TransparentKey(p=group.p, q=group.q, g=group.g, x=x)
    return private(F.TRANSPARENT_DH_PRIVATE_KEY, key, A.DH)


def nist_dh(record: Record) -> Talk:
    group = TransparentKey(**{name.lower(): number(record, name) for name in "PQG"})
    own = _dh_private(group, number(record, "XSTATIUT"))
    return validity(record, own, _dh_public(group, number(record, "YSTATCAVS")))


def rfc_5114(record: Record) -> Talk:
    group = TransparentKey(**{name.lower(): number(record, name) for name in "PQG"})
    for own, other in (("CAVS", "IUT"), ("IUT", "CAVS")):
        key = yield from _dh_private(group, number(record, f"XSTAT{own}"))
        request = _dh_public(group, number(record, f"YSTAT{other}"))
        yield from agreement(key, request, hexadecimal(record, "Z"))
    return True


def botan_dh(record: Record) -> Talk:
    """A prime of fewer than 1024 bits is refused."""
    group = TransparentKey(p=int(record["P"]), g=int(record["G"]))
    request = _dh_public(group, int(record["Y"]))
    assert group.p is not None
    if group.p.bit_length() < 1024:
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE))
    own = yield from _dh_private(group, int(record["X"]))
    shared = hexadecimal(record, "K").rjust((group.p.bit_length() + 7) // 8, b"\0")
    return (yield from agreement(own, request, shared))
