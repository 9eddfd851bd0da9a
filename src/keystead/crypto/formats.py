"""KMIP's key formats ↔ keys.

A loader takes the material as it stands in the Key Block and gives a key that was checked (K36); a key that this server
sealed itself is trusted and not checked again.

Source: KMIP 1.4 sections 2.1.3, 2.1.7, 9.1.3.2.3; 2.1 sections 3.1, 11.26; RFC 5208, 5915, 8017 A.1, 5280 section 4.1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from math import lcm
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from keystead.crypto import checks, der, ffdh, pqc
from keystead.crypto.ffdh import DHGroup, DHPrivateKey, DHPublicKey
from keystead.crypto.keys import (
    CURVE_BY_LENGTH,
    EDWARDS,
    ELLIPTIC,
    KeyFacts,
    PrivateKey,
    PublicKey,
    curve_of,
    describe,
)
from keystead.crypto.pqc import PostQuantumPrivateKey
from keystead.crypto.texts import readable
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
)
from keystead.kmip.structures import TransparentKey

A = CryptographicAlgorithm
C = RecommendedCurve
F = KeyFormatType

Material = bytes | TransparentKey


@dataclass(frozen=True, slots=True)
class _Hints:
    """What the Key Block says beside the material."""

    algorithm: CryptographicAlgorithm | None
    curve: RecommendedCurve | None
    trusted: bool = False
    compression: KeyCompressionType | None = None
    password: bytes | None = field(default=None, repr=False)


class Pkcs12(NamedTuple):
    """What a PKCS#12 file holds; certificates in DER, the key's own first."""

    private_key: PrivateKey
    certificates: tuple[bytes, ...]
    friendly_name: str | None


def unsupported(key_format: KeyFormatType) -> OperationFailed:
    return OperationFailed(
        ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, f"this key is not supported in the format {key_format}"
    )


def _unsound(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, message)


# --- DER ------------------------------------------------------------------------------------------------------------


def _second_tag(material: bytes) -> int:
    """Give the tag of the second field, which tells the DER formats apart."""
    fields = der.sequence(material)
    return fields[1][0] if len(fields) > 1 else 0


def _load_der_private(material: bytes, hints: _Hints, second_tag: int) -> PrivateKey:
    if _second_tag(material) != second_tag:
        raise ValueError("the key material does not have the announced format")
    key: Any = serialization.load_der_private_key(material, None, unsafe_skip_rsa_key_validation=hints.trusted)
    loaded: PrivateKey = key
    return loaded


def _load_pkcs8(material: bytes, hints: _Hints) -> PrivateKey:
    if _is_encrypted(material):
        key: Any = serialization.load_der_private_key(material, hints.password)
        opened: PrivateKey = key
        return opened
    if _second_tag(material) == der.INTEGER:  # "supporting both the RSAPrivateKey syntax ...": KMIP 1.4 section 2.1.3
        return _load_der_private(material, hints, der.INTEGER)
    special = pqc.parse_pkcs8(material) or ffdh.parse_pkcs8(material)
    return special or _load_der_private(material, hints, der.SEQUENCE)


def _is_encrypted(material: Material) -> bool:
    """Say whether this is an EncryptedPrivateKeyInfo.  Source: RFC 5208 section 6."""
    if not isinstance(material, bytes):
        return False
    try:
        return [tag for tag, _ in der.sequence(material)] == [der.SEQUENCE, der.OCTET_STRING]
    except ValueError:
        return False


def _load_der_public(material: bytes) -> PublicKey:
    key: Any = serialization.load_der_public_key(material)
    loaded: PublicKey = key
    return loaded


def _load_spki(material: bytes, hints: _Hints) -> PublicKey:
    special = pqc.parse_spki(material) or ffdh.parse_spki(material)
    if special is not None:
        return special
    key = _load_der_public(material)
    if isinstance(key, ec.EllipticCurvePublicKey):
        checks.ec_point(der.sequence(material)[1][1][1:], field_bytes(key.curve), is_compressed(hints.compression))
    return key


def _load_pkcs1_public(material: bytes, hints: _Hints) -> PublicKey:
    if _second_tag(material) != der.INTEGER:
        raise ValueError("the key material is not PKCS#1")
    return _load_der_public(material)


# --- Raw ------------------------------------------------------------------------------------------------------------
# "only cryptographic key material, encoded as a string of bytes" (KMIP 1.4 section 2.1.3): of RSA that is more than one
# number, and which encoding is not said.  The two that there are can be told apart.

_EDWARDS_RAW: Final[
    dict[CryptographicAlgorithm, tuple[Callable[[bytes], PrivateKey], Callable[[bytes], PublicKey]]]
] = {
    A.ED25519: (ed25519.Ed25519PrivateKey.from_private_bytes, ed25519.Ed25519PublicKey.from_public_bytes),
    A.ED448: (ed448.Ed448PrivateKey.from_private_bytes, ed448.Ed448PublicKey.from_public_bytes),
    A.X25519: (x25519.X25519PrivateKey.from_private_bytes, x25519.X25519PublicKey.from_public_bytes),
    A.X448: (x448.X448PrivateKey.from_private_bytes, x448.X448PublicKey.from_public_bytes),
}


def field_bytes(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8


def is_compressed(compression: KeyCompressionType | None) -> bool:
    if compression in (None, KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED):
        return False
    if compression is KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME:
        return True
    raise OperationFailed(
        ResultReason.KEY_COMPRESSION_TYPE_NOT_SUPPORTED, f"the key compression {compression} is not supported"
    )


def _edwards(hints: _Hints) -> CryptographicAlgorithm | None:
    return None if hints.algorithm is None else EDWARDS.get((hints.algorithm, hints.curve))


def _load_raw_private(material: bytes, hints: _Hints) -> PrivateKey:
    if hints.algorithm in pqc.PARAMETER_SETS:
        return pqc.load_private(hints.algorithm, material)
    edwards = _edwards(hints)
    if edwards is not None:
        return _EDWARDS_RAW[edwards][0](material)
    if hints.algorithm in ELLIPTIC:
        curve = hints.curve or CURVE_BY_LENGTH.get(521 if len(material) == 66 else len(material) * 8)
        if curve is None or len(material) != field_bytes(curve_of(curve)):
            raise ValueError("the key has the wrong length for the curve")
        return ec.derive_private_key(int.from_bytes(material, "big"), curve_of(curve))
    if hints.algorithm is A.RSA:
        return _load_pkcs8(material, hints)
    raise unsupported(F.RAW)


def _load_point(point: bytes, curve: RecommendedCurve, hints: _Hints) -> PublicKey:
    checks.ec_point(point, field_bytes(curve_of(curve)), is_compressed(hints.compression))
    return ec.EllipticCurvePublicKey.from_encoded_point(curve_of(curve), point)


def _load_raw_public(material: bytes, hints: _Hints) -> PublicKey:
    if hints.algorithm in pqc.PARAMETER_SETS:
        return pqc.load_public(hints.algorithm, material)
    edwards = _edwards(hints)
    if edwards is not None:
        return _EDWARDS_RAW[edwards][1](material)
    if hints.algorithm in ELLIPTIC:
        size = len(material) - 1 if is_compressed(hints.compression) else len(material) // 2
        curve = hints.curve or CURVE_BY_LENGTH.get(521 if size == 66 else size * 8)
        if curve is None:
            raise ValueError("the point has the wrong length")
        return _load_point(material, curve, hints)
    if hints.algorithm is A.RSA:
        return (
            _load_pkcs1_public(material, hints) if _second_tag(material) == der.INTEGER else _load_spki(material, hints)
        )
    raise unsupported(F.RAW)


def _load_seed(material: bytes, hints: _Hints) -> PrivateKey:
    if hints.algorithm not in pqc.PARAMETER_SETS or len(material) != pqc.PARAMETER_SETS[hints.algorithm].seed_bytes:
        raise unsupported(F.SEED_PRIVATE_KEY)
    return pqc.load_private(hints.algorithm, material)


# --- Transparent ----------------------------------------------------------------------------------------------------


def _need(value: int | None) -> int:
    if value is None or value <= 0:
        raise ValueError("a number of the transparent key is missing or not positive")
    return value


def _load_transparent_rsa_private(key: TransparentKey, hints: _Hints) -> PrivateKey:
    """Load what there is of the numbers; e is 65537 if nothing says otherwise.  Source: KMIP 1.4 section 2.1.7.4."""
    n, d, e, p, q = _need(key.modulus), key.private_exponent, key.public_exponent, key.p, key.q
    if p is not None and q is not None:
        if p < 2 or q < 2 or p * q != n:
            raise ValueError("P and Q are not the factors of the modulus")
        if e is None:
            e = 65537 if d is None else pow(d, -1, lcm(p - 1, q - 1))
        if d is None:
            d = pow(e, -1, lcm(p - 1, q - 1))
    elif key.prime_exponent_p is not None and key.prime_exponent_q is not None and d is None:
        raise ValueError("a key of prime exponents alone is not supported")
    elif d is not None:
        e = e or 65537
        if not 1 < d < n or not n & 1:
            raise ValueError("the private exponent is out of range")
        p, q = rsa.rsa_recover_prime_factors(n, e, d)
    else:
        raise ValueError("neither the private exponent nor P and Q are there")
    checks.rsa_public(n, e)
    checks.rsa_private(p, q)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=key.prime_exponent_p or rsa.rsa_crt_dmp1(d, p),
        dmq1=key.prime_exponent_q or rsa.rsa_crt_dmq1(d, q),
        iqmp=key.crt_coefficient or rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, n),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=hints.trusted)


def _load_transparent_rsa_public(key: TransparentKey, hints: _Hints) -> PublicKey:
    return rsa.RSAPublicNumbers(_need(key.public_exponent), _need(key.modulus)).public_key()


def _dsa_group(key: TransparentKey) -> dsa.DSAParameterNumbers:
    return dsa.DSAParameterNumbers(_need(key.p), _need(key.q), _need(key.g))


def _load_transparent_dsa_private(key: TransparentKey, hints: _Hints) -> PrivateKey:
    group, x = _dsa_group(key), _need(key.x)
    checks.dsa_numbers(group.p, group.q, group.g, x=x)
    return dsa.DSAPrivateNumbers(x, dsa.DSAPublicNumbers(pow(group.g, x, group.p), group)).private_key()


def _load_transparent_dsa_public(key: TransparentKey, hints: _Hints) -> PublicKey:
    group, y = _dsa_group(key), _need(key.y)
    checks.dsa_numbers(group.p, group.q, group.g, y=y)
    return dsa.DSAPublicNumbers(y, group).public_key()


def _dh_group(key: TransparentKey) -> DHGroup:
    group = DHGroup(_need(key.p), _need(key.g), key.q)
    if key.j is not None and group.cofactor not in (None, key.j):
        raise ValueError("J is not the cofactor")
    return group


def _load_transparent_dh_private(key: TransparentKey, hints: _Hints) -> PrivateKey:
    return DHPrivateKey(_dh_group(key), _need(key.x))


def _load_transparent_dh_public(key: TransparentKey, hints: _Hints) -> PublicKey:
    return DHPublicKey(_dh_group(key), _need(key.y))


def _load_transparent_ec_private(key: TransparentKey, hints: _Hints) -> PrivateKey:
    curve, d = key.recommended_curve, _need(key.d)
    if curve is None:
        raise ValueError("the curve is missing")
    edwards = EDWARDS.get((hints.algorithm or A.EC, curve))
    if edwards is not None:
        size = {A.ED448: 57, A.X448: 56}.get(edwards, 32)
        return _EDWARDS_RAW[edwards][0](d.to_bytes(size, "big"))
    return ec.derive_private_key(d, curve_of(curve))


def _load_transparent_ec_public(key: TransparentKey, hints: _Hints) -> PublicKey:
    curve, point = key.recommended_curve, key.q_string
    if curve is None or point is None:
        raise ValueError("the curve or the point is missing")
    edwards = EDWARDS.get((hints.algorithm or A.EC, curve))
    return _load_point(point, curve, hints) if edwards is None else _EDWARDS_RAW[edwards][1](point)


# --- the loaders ----------------------------------------------------------------------------------------------------

_DER_PRIVATE: Final[dict[KeyFormatType, Callable[[bytes, _Hints], PrivateKey]]] = {
    F.RAW: _load_raw_private,
    F.PKCS_1: lambda material, hints: _load_der_private(material, hints, der.INTEGER),
    F.PKCS_8: _load_pkcs8,
    F.ECPRIVATEKEY: lambda material, hints: _load_der_private(material, hints, der.OCTET_STRING),
    F.SEED_PRIVATE_KEY: _load_seed,
}
_DER_PUBLIC: Final[dict[KeyFormatType, Callable[[bytes, _Hints], PublicKey]]] = {
    F.RAW: _load_raw_public,
    F.PKCS_1: _load_pkcs1_public,
    F.X_509: _load_spki,
}
_TRANSPARENT_PRIVATE: Final[dict[KeyFormatType, Callable[[TransparentKey, _Hints], PrivateKey]]] = {
    F.TRANSPARENT_RSA_PRIVATE_KEY: _load_transparent_rsa_private,
    F.TRANSPARENT_DSA_PRIVATE_KEY: _load_transparent_dsa_private,
    F.TRANSPARENT_DH_PRIVATE_KEY: _load_transparent_dh_private,
    F.TRANSPARENT_EC_PRIVATE_KEY: _load_transparent_ec_private,
    F.TRANSPARENT_ECDSA_PRIVATE_KEY: _load_transparent_ec_private,
    F.TRANSPARENT_ECDH_PRIVATE_KEY: _load_transparent_ec_private,
    F.TRANSPARENT_ECMQV_PRIVATE_KEY: _load_transparent_ec_private,
}
_TRANSPARENT_PUBLIC: Final[dict[KeyFormatType, Callable[[TransparentKey, _Hints], PublicKey]]] = {
    F.TRANSPARENT_RSA_PUBLIC_KEY: _load_transparent_rsa_public,
    F.TRANSPARENT_DSA_PUBLIC_KEY: _load_transparent_dsa_public,
    F.TRANSPARENT_DH_PUBLIC_KEY: _load_transparent_dh_public,
    F.TRANSPARENT_EC_PUBLIC_KEY: _load_transparent_ec_public,
    F.TRANSPARENT_ECDSA_PUBLIC_KEY: _load_transparent_ec_public,
    F.TRANSPARENT_ECDH_PUBLIC_KEY: _load_transparent_ec_public,
    F.TRANSPARENT_ECMQV_PUBLIC_KEY: _load_transparent_ec_public,
}

_FAMILIES: Final = {
    **dict.fromkeys((*ELLIPTIC, A.ED25519, A.ED448, A.X25519, A.X448), A.EC),
    A.RSA: A.RSA,
    A.DSA: A.DSA,
    A.DH: A.DH,
}


def _check_algorithm(key: PrivateKey | PublicKey, algorithm: CryptographicAlgorithm | None) -> None:
    found = describe(key).cryptographic_algorithm
    if algorithm is not None and _FAMILIES.get(algorithm, algorithm) is not _FAMILIES.get(found, found):
        raise _unsound(f"the key material is of {found}, not of {algorithm}")


_REASONS: Final = (ValueError, TypeError, OverflowError, InternalError)


def load_private(
    key_format: KeyFormatType,
    material: Material,
    algorithm: CryptographicAlgorithm | None = None,
    trusted: bool = False,
    *,
    curve: RecommendedCurve | None = None,
    password: bytes | None = None,
) -> PrivateKey:
    """Load a private key as it stands in a Key Block.

    Args:
        algorithm: that the Key Block names; needed for Raw.
        trusted: this server sealed the key itself: it is not checked again, which takes an RSA key 38 ms.
        curve: of a Raw key, where its length does not tell.
        password: of PKCS#12, and of an encrypted PKCS#8 key.

    Raises:
        OperationFailed: Key Format Type Not Supported; Feature Not Supported (a curve); Invalid Attribute Value if
            the material is no sound key of that algorithm and format (K36).
    """
    hints = _Hints(algorithm, curve, trusted, None, password)
    try:
        if key_format is F.PKCS_12 and isinstance(material, bytes):
            key = load_pkcs12(material, password).private_key
        elif key_format in _DER_PRIVATE and isinstance(material, bytes):
            key = _DER_PRIVATE[key_format](material, hints)
        elif key_format in _TRANSPARENT_PRIVATE and isinstance(material, TransparentKey):
            key = _TRANSPARENT_PRIVATE[key_format](material, hints)
        else:
            raise unsupported(key_format)
        if not trusted:
            checks.private_key(key)
            if not isinstance(key, PostQuantumPrivateKey):
                checks.public_key(key.public_key())
    except UnsupportedAlgorithm:
        raise OperationFailed(ResultReason.FEATURE_NOT_SUPPORTED, "this kind of key is not supported") from None
    except _REASONS:
        raise _unsound(f"the key material is not a sound private key in the format {key_format}") from None
    _check_algorithm(key, algorithm)
    return key


def load_public(
    key_format: KeyFormatType,
    material: Material,
    algorithm: CryptographicAlgorithm | None = None,
    trusted: bool = False,
    *,
    curve: RecommendedCurve | None = None,
    key_compression_type: KeyCompressionType | None = None,
) -> PublicKey:
    """Load a public key as it stands in a Key Block; the arguments are those of `load_private`.

    Args:
        key_compression_type: without it a point must be uncompressed.

    Raises:
        OperationFailed: as `load_private`; Key Compression Type Not Supported.
    """
    hints = _Hints(algorithm, curve, trusted, key_compression_type)
    try:
        if key_format in _DER_PUBLIC and isinstance(material, bytes):
            key = _DER_PUBLIC[key_format](material, hints)
        elif key_format in _TRANSPARENT_PUBLIC and isinstance(material, TransparentKey):
            key = _TRANSPARENT_PUBLIC[key_format](material, hints)
        else:
            raise unsupported(key_format)
        if not trusted:
            checks.public_key(key)
    except UnsupportedAlgorithm:
        raise OperationFailed(ResultReason.FEATURE_NOT_SUPPORTED, "this kind of key is not supported") from None
    except _REASONS:
        raise _unsound(f"the key material is not a sound public key in the format {key_format}") from None
    _check_algorithm(key, algorithm)
    return key


MOST_ITERATIONS: Final = 2_000_000
"""Of all that a PKCS#12 file derives from its password: about two seconds."""


def load_pkcs12(data: bytes, password: bytes | None) -> Pkcs12:
    """Open a PKCS#12 file.

    Raises:
        OperationFailed: Bad Password if it cannot be opened; Invalid Attribute Value if there is no private key, or
            if opening it takes too long; Invalid Field if its name is not what it looks like.
    """
    try:
        if checks.iterations(data) > MOST_ITERATIONS:
            raise _unsound("the PKCS#12 file asks for too many iterations")
        with warnings.catch_warnings():
            # The library tells of every file that is not strictly DER.
            warnings.simplefilter("ignore", UserWarning)
            opened = pkcs12.load_pkcs12(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise OperationFailed(ResultReason.BAD_PASSWORD, "the PKCS#12 file could not be opened") from None
    key: Any = opened.key
    if key is None:
        raise _unsound("there is no private key in the PKCS#12 file")
    first = [] if opened.cert is None else [opened.cert]
    name = opened.cert.friendly_name if opened.cert is not None else None
    return Pkcs12(
        key,
        tuple(entry.certificate.public_bytes(Encoding.DER) for entry in (*first, *opened.additional_certs)),
        None if name is None else readable(name.decode("utf-8", "replace")),
    )


_DSA_SIZES: Final = (1024, 2048, 3072, 4096)


def _small_dsa(material: Material) -> KeyFacts | None:
    """Check and describe a DSA key of a size that the library cannot use, but a client may store."""
    if not isinstance(material, TransparentKey) or not material.p or material.p.bit_length() in _DSA_SIZES:
        return None
    try:
        checks.dsa_numbers(material.p, _need(material.q), _need(material.g), material.x, material.y)
    except ValueError:
        raise _unsound("the key material is not a sound DSA key") from None
    return KeyFacts(A.DSA, material.p.bit_length())


def examine_private(
    key_format: KeyFormatType, material: Material, algorithm: CryptographicAlgorithm | None = None, **hints: Any
) -> KeyFacts | None:
    """Check a private key that is to be stored, and describe it; `hints` are those of `load_private`.

    It is wider than `load_private` by the DSA keys that can be kept but not used, and by encrypted PKCS#8 keys, of
    which nothing can be known without their password: None.

    Raises:
        OperationFailed: as `load_private`.
    """
    if key_format is F.TRANSPARENT_DSA_PRIVATE_KEY and (facts := _small_dsa(material)):
        return facts
    if key_format is F.PKCS_8 and not hints.get("password") and _is_encrypted(material):
        return None
    return describe(load_private(key_format, material, algorithm, **hints))


def examine_public(
    key_format: KeyFormatType, material: Material, algorithm: CryptographicAlgorithm | None = None, **hints: Any
) -> KeyFacts:
    """Check a public key that is to be stored, and describe it; see `examine_private`.

    Raises:
        OperationFailed: as `load_public`.
    """
    if key_format is F.TRANSPARENT_DSA_PUBLIC_KEY and (facts := _small_dsa(material)):
        return facts
    return describe(load_public(key_format, material, algorithm, **hints))
