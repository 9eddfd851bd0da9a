"""Keys → KMIP's key formats.

Source: KMIP 1.4 sections 2.1.3, 2.1.7, 9.1.3.2.3; 2.1 sections 3.1, 11.26.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat, pkcs12

from keystead.crypto import der, ffdh, pqc
from keystead.crypto.ffdh import DHGroup, DHPrivateKey, DHPublicKey
from keystead.crypto.formats import Material, field_bytes, is_compressed, unsupported
from keystead.crypto.keys import CURVE_NAMES, PrivateKey, PublicKey, describe
from keystead.crypto.pqc import PostQuantumPrivateKey, PostQuantumPublicKey
from keystead.errors import OperationFailed
from keystead.kmip.enums import KeyCompressionType, KeyFormatType, ResultReason
from keystead.kmip.structures import TransparentKey

F = KeyFormatType

_EDWARDS_PRIVATE: Final = (
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    x25519.X25519PrivateKey,
    x448.X448PrivateKey,
)
_EDWARDS_PUBLIC: Final = (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey, x25519.X25519PublicKey, x448.X448PublicKey)
_EC_PRIVATE_FORMATS: Final = (
    F.TRANSPARENT_EC_PRIVATE_KEY,
    F.TRANSPARENT_ECDSA_PRIVATE_KEY,
    F.TRANSPARENT_ECDH_PRIVATE_KEY,
    F.TRANSPARENT_ECMQV_PRIVATE_KEY,
)
_EC_PUBLIC_FORMATS: Final = (
    F.TRANSPARENT_EC_PUBLIC_KEY,
    F.TRANSPARENT_ECDSA_PUBLIC_KEY,
    F.TRANSPARENT_ECDH_PUBLIC_KEY,
    F.TRANSPARENT_ECMQV_PUBLIC_KEY,
)


def dump_private(key: PrivateKey, key_format: KeyFormatType) -> Material:
    """Give a private key in a format.

    Raises:
        OperationFailed: Key Format Type Not Supported.
    """
    if isinstance(key, PostQuantumPrivateKey):
        if key_format is F.PKCS_8:
            return pqc.dump_pkcs8(key)
        is_seed = len(key.material) == pqc.PARAMETER_SETS[key.algorithm].seed_bytes
        if key_format is F.RAW or (key_format is F.SEED_PRIVATE_KEY and is_seed):
            return key.material
        raise unsupported(key_format)
    if isinstance(key, DHPrivateKey) and key_format is F.PKCS_8:
        return ffdh.dump_pkcs8(key)
    if key_format is F.PKCS_8 and not isinstance(key, DHPrivateKey):
        return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, serialization.NoEncryption())
    match key:
        case rsa.RSAPrivateKey() if key_format is F.PKCS_1:
            return key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        case rsa.RSAPrivateKey() if key_format is F.TRANSPARENT_RSA_PRIVATE_KEY:
            numbers = key.private_numbers()
            return TransparentKey(
                modulus=numbers.public_numbers.n,
                private_exponent=numbers.d,
                public_exponent=numbers.public_numbers.e,
                p=numbers.p,
                q=numbers.q,
                prime_exponent_p=numbers.dmp1,
                prime_exponent_q=numbers.dmq1,
                crt_coefficient=numbers.iqmp,
            )
        case ec.EllipticCurvePrivateKey() if key_format is F.ECPRIVATEKEY:
            return key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        case ec.EllipticCurvePrivateKey() if key_format is F.RAW:
            return key.private_numbers().private_value.to_bytes(field_bytes(key.curve), "big")
        case ec.EllipticCurvePrivateKey() if key_format in _EC_PRIVATE_FORMATS:
            return TransparentKey(recommended_curve=CURVE_NAMES[key.curve.name], d=key.private_numbers().private_value)
        case dsa.DSAPrivateKey() if key_format is F.TRANSPARENT_DSA_PRIVATE_KEY:
            dsa_numbers = key.private_numbers()
            group = dsa_numbers.public_numbers.parameter_numbers
            return TransparentKey(p=group.p, q=group.q, g=group.g, x=dsa_numbers.x)
        case DHPrivateKey() if key_format is F.TRANSPARENT_DH_PRIVATE_KEY:
            return _transparent_dh(key.group, x=key.x)
        case _ if isinstance(key, _EDWARDS_PRIVATE) and key_format is F.RAW:
            return key.private_bytes_raw()
        case _ if isinstance(key, _EDWARDS_PRIVATE) and key_format is F.TRANSPARENT_EC_PRIVATE_KEY:
            return TransparentKey(
                recommended_curve=describe(key).recommended_curve, d=int.from_bytes(key.private_bytes_raw(), "big")
            )
        case _:
            raise unsupported(key_format)


def _transparent_dh(group: DHGroup, x: int | None = None, y: int | None = None) -> TransparentKey:
    return TransparentKey(p=group.p, q=group.q, g=group.g, j=group.cofactor, x=x, y=y)


def _dump_spki(key: PublicKey, compressed: bool) -> bytes:
    if isinstance(key, PostQuantumPublicKey):
        return pqc.dump_spki(key)
    if isinstance(key, DHPublicKey):
        return ffdh.dump_spki(key)
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if not compressed or not isinstance(key, ec.EllipticCurvePublicKey):
        return spki
    algorithm = der.sequence(spki)[0][1]
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, algorithm), der.encode(der.BIT_STRING, b"\0", point))


def dump_public(
    key: PublicKey, key_format: KeyFormatType, key_compression_type: KeyCompressionType | None = None
) -> Material:
    """Give a public key in a format.

    Args:
        key_compression_type: of the point of an elliptic curve; uncompressed if it is absent.

    Raises:
        OperationFailed: Key Format Type Not Supported, Key Compression Type Not Supported.
    """
    compressed = is_compressed(key_compression_type)
    if compressed and not isinstance(key, ec.EllipticCurvePublicKey):
        raise OperationFailed(
            ResultReason.KEY_COMPRESSION_TYPE_NOT_SUPPORTED, "only elliptic curve keys are compressed"
        )
    if key_format is F.X_509:
        return _dump_spki(key, compressed)
    match key:
        case PostQuantumPublicKey() if key_format is F.RAW:
            return key.material
        case rsa.RSAPublicKey() if key_format is F.PKCS_1:
            return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        case rsa.RSAPublicKey() if key_format is F.TRANSPARENT_RSA_PUBLIC_KEY:
            numbers = key.public_numbers()
            return TransparentKey(modulus=numbers.n, public_exponent=numbers.e)
        case ec.EllipticCurvePublicKey() if key_format is F.RAW or key_format in _EC_PUBLIC_FORMATS:
            form = PublicFormat.CompressedPoint if compressed else PublicFormat.UncompressedPoint
            point = key.public_bytes(Encoding.X962, form)
            if key_format is F.RAW:
                return point
            return TransparentKey(recommended_curve=CURVE_NAMES[key.curve.name], q_string=point)
        case dsa.DSAPublicKey() if key_format is F.TRANSPARENT_DSA_PUBLIC_KEY:
            dsa_numbers = key.public_numbers()
            group = dsa_numbers.parameter_numbers
            return TransparentKey(p=group.p, q=group.q, g=group.g, y=dsa_numbers.y)
        case DHPublicKey() if key_format is F.TRANSPARENT_DH_PUBLIC_KEY:
            return _transparent_dh(key.group, y=key.y)
        case _ if isinstance(key, _EDWARDS_PUBLIC) and key_format is F.RAW:
            return key.public_bytes_raw()
        case _ if isinstance(key, _EDWARDS_PUBLIC) and key_format is F.TRANSPARENT_EC_PUBLIC_KEY:
            return TransparentKey(recommended_curve=describe(key).recommended_curve, q_string=key.public_bytes_raw())
        case _:
            raise unsupported(key_format)


def dump_pkcs12(
    key: PrivateKey, certificates: Sequence[bytes], password: bytes, friendly_name: str | None = None
) -> bytes:
    """Put a private key and certificates into a PKCS#12 file under a password.

    Args:
        certificates: in DER, the key's own first.

    Raises:
        OperationFailed: Key Format Type Not Supported of a key that PKCS#12 cannot hold; Bad Password if it is empty.
    """
    if not password:
        raise OperationFailed(ResultReason.BAD_PASSWORD, "a PKCS#12 file needs a password")
    loaded = [x509.load_der_x509_certificate(certificate) for certificate in certificates]
    name = None if friendly_name is None else friendly_name.encode()
    encryption = serialization.BestAvailableEncryption(password)
    holder: Any = key
    try:
        return pkcs12.serialize_key_and_certificates(name, holder, *_own(loaded), encryption)
    except (TypeError, ValueError):
        raise unsupported(F.PKCS_12) from None


def _own(certificates: list[x509.Certificate]) -> tuple[x509.Certificate | None, list[x509.Certificate]]:
    return (certificates[0], certificates[1:]) if certificates else (None, [])
