"""In which format a key is kept and handed out unless asked otherwise, and the Digests that follow.

Source: KMIP 1.4 section 3.17; 2.1 sections 4.21 and 4.26, table 81.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from keystead.crypto.dump import dump_private, dump_public
from keystead.crypto.keys import symmetric_material
from keystead.engine.making import digest_of, material_bytes
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, KeyFormatType, ObjectType
from keystead.kmip.structures import Digest, TransparentKey
from keystead.kmip.version import V1_3, Version

_A = CryptographicAlgorithm
_F = KeyFormatType
_T = ObjectType
_PAIRS: Final[Mapping[CryptographicAlgorithm | None, tuple[KeyFormatType, KeyFormatType]]] = {
    _A.RSA: (_F.PKCS_1, _F.PKCS_1),
    _A.DSA: (_F.TRANSPARENT_DSA_PRIVATE_KEY, _F.TRANSPARENT_DSA_PUBLIC_KEY),
    **dict.fromkeys(
        (_A.EC, _A.ECDSA, _A.ECDH, _A.ECMQV), (_F.TRANSPARENT_EC_PRIVATE_KEY, _F.TRANSPARENT_EC_PUBLIC_KEY)
    ),
}
_OTHER_PAIRS: Final = (_F.PKCS_8, _F.X_509)
"""Of algorithms that the table does not list."""
_BEFORE_1_3: Final[Mapping[KeyFormatType, KeyFormatType]] = {
    _F.TRANSPARENT_EC_PRIVATE_KEY: _F.TRANSPARENT_ECDSA_PRIVATE_KEY,
    _F.TRANSPARENT_EC_PUBLIC_KEY: _F.TRANSPARENT_ECDSA_PUBLIC_KEY,
}


def default_format(object_type: ObjectType, algorithm: CryptographicAlgorithm | None) -> KeyFormatType:
    """The default Key Format Type of a key or of secret data.  Source: KMIP 2.1 §4.26, table 81."""
    if object_type in (_T.PRIVATE_KEY, _T.PUBLIC_KEY):
        return _PAIRS.get(algorithm, _OTHER_PAIRS)[object_type is _T.PUBLIC_KEY]
    return _F.RAW


def kept_format(object_type: ObjectType, algorithm: CryptographicAlgorithm | None) -> KeyFormatType:
    """The format in which half of a key pair that is made here is kept: one that every version writes alike."""
    half = object_type is _T.PUBLIC_KEY
    return (_PAIRS[_A.RSA] if algorithm is _A.RSA else _OTHER_PAIRS)[half]


def spelled(key_format: KeyFormatType, version: Version) -> KeyFormatType:
    """The name that a version has for a format."""
    return key_format if version >= V1_3 else _BEFORE_1_3.get(key_format, key_format)


def in_format(object_type: ObjectType, key: Any, key_format: KeyFormatType) -> bytes | TransparentKey:
    """A key in a format; a symmetric one or secret data as its bytes.

    Raises:
        OperationFailed: Key Format Type Not Supported.
    """
    if object_type is _T.PRIVATE_KEY:
        return dump_private(key, key_format)
    if object_type is _T.PUBLIC_KEY:
        return dump_public(key, key_format)
    return symmetric_material(key_format, key)


def digests(
    object_type: ObjectType,
    algorithm: CryptographicAlgorithm | None,
    key: Any,
    material: bytes | TransparentKey,
    key_format: KeyFormatType,
    *others: KeyFormatType,
) -> list[Digest]:
    """The Digests of a key: of its material in its format, in the default one, and in others.

    Args:
        key: as `in_format` takes it.
    """
    found = [digest_of(material_bytes(material), key_format)]
    for other in dict.fromkeys((default_format(object_type, algorithm), *others)):
        if other is not key_format:
            with suppress(OperationFailed):  # not every key can be put into the default format
                found.append(digest_of(material_bytes(in_format(object_type, key, other)), other))
    return found
