"""Managed objects as clients like them: material in, material out.

Source: KMIP 1.4 sections 2.1.3 and 2.2; 2.1 sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from keystead.client.values import FieldError, attributes_of, enumeration_of
from keystead.kmip.enums import (
    CertificateType,
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    OpaqueDataType,
    SecretDataType,
)
from keystead.kmip.objects import (
    AnyObject,
    Certificate,
    KeyBlock,
    KeyValue,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
)
from keystead.kmip.structures import KeyWrappingData, TransparentKey
from keystead.kmip.tags import Tag


class KeyPair(NamedTuple):
    """The unique identifiers of a key pair."""

    private_key: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """What Encrypt answers, and Decrypt takes.

    Attributes:
        iv_counter_nonce: if the server chose it.
        authenticated_encryption_tag: of an authenticated mode, if it is not at the end of the data.
    """

    data: bytes
    iv_counter_nonce: bytes | None = None
    authenticated_encryption_tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A managed object that the server handed out: a key, secret data, a certificate, an opaque object.

    Attributes:
        object: the whole of it, as KMIP has it.
    """

    unique_identifier: str
    object_type: ObjectType
    object: AnyObject = field(repr=False)

    @property
    def key_block(self) -> KeyBlock | None:
        """The Key Block, of what has one."""
        return getattr(self.object, "key_block", None)

    @property
    def algorithm(self) -> CryptographicAlgorithm | None:
        return self.key_block.cryptographic_algorithm if self.key_block else None

    @property
    def length(self) -> int | None:
        """The Cryptographic Length in bits."""
        return self.key_block.cryptographic_length if self.key_block else None

    @property
    def key_format_type(self) -> KeyFormatType | None:
        return self.key_block.key_format_type if self.key_block else None

    @property
    def key_wrapping_data(self) -> KeyWrappingData | None:
        """How the material is wrapped; None if it is not."""
        return self.key_block.key_wrapping_data if self.key_block else None

    @property
    def material(self) -> bytes:
        """The bytes of the key in its format, wrapped if it is; of a certificate or opaque object, its value.

        Raises:
            ValueError: it has no bytes, for its format is a transparent one; `object` has its numbers.
        """
        if isinstance(self.object, Certificate):
            return self.object.certificate_value
        if isinstance(self.object, OpaqueObject):
            return self.object.opaque_data_value
        value = self.key_block.key_value if self.key_block else None
        material = value.key_material if isinstance(value, KeyValue) else value
        if isinstance(material, TransparentKey):
            material = material.key
        if material is None:
            raise ValueError(f"an object of type {self.object_type} in format {self.key_format_type} has no bytes")
        return material


def _key(cls: Callable[..., AnyObject], default: KeyFormatType) -> Callable[[bytes, Mapping[str, Any]], Any]:
    """The maker of an object that is little more than a Key Block."""

    def make(material: bytes, said: Mapping[str, Any]) -> AnyObject:
        algorithm, length = said.get("cryptographic_algorithm"), said.get("cryptographic_length")
        if length is None and cls is SymmetricKey:
            length = 8 * len(material)
        more = {"secret_data_type": said["secret_data_type"]} if cls is SecretData else {}
        return cls(
            **more,
            key_block=KeyBlock(
                key_format_type=said.get("key_format_type") or default,
                key_value=KeyValue(key_material=material),
                cryptographic_algorithm=algorithm,
                cryptographic_length=length,
            ),
        )

    return make


_EXTENSION: Final = OpaqueDataType.unlisted(0x8000_0000)
"""No Opaque Data Type is defined; clients use the first of the extension range."""
_MAKERS: Final[Mapping[ObjectType, Callable[[bytes, Mapping[str, Any]], AnyObject]]] = {
    ObjectType.SYMMETRIC_KEY: _key(SymmetricKey, KeyFormatType.RAW),
    ObjectType.PRIVATE_KEY: _key(PrivateKey, KeyFormatType.PKCS_8),
    ObjectType.PUBLIC_KEY: _key(PublicKey, KeyFormatType.X_509),
    ObjectType.SECRET_DATA: _key(SecretData, KeyFormatType.OPAQUE),
    ObjectType.CERTIFICATE: lambda material, said: Certificate(
        certificate_type=said["certificate_type"], certificate_value=material
    ),
    ObjectType.OPAQUE_OBJECT: lambda material, said: OpaqueObject(
        opaque_data_type=said.get("opaque_data_type") or _EXTENSION, opaque_data_value=material
    ),
}
_SAID: Final = {
    "cryptographic_algorithm": (CryptographicAlgorithm, None),
    "key_format_type": (KeyFormatType, None),
    "secret_data_type": (SecretDataType, SecretDataType.PASSWORD),
    "certificate_type": (CertificateType, CertificateType.X_509),
    "opaque_data_type": (OpaqueDataType, None),
}


def make_object(object_type: ObjectType, material: bytes, **said: Any) -> AnyObject:
    """Make a managed object of its material.

    Args:
        said: `cryptographic_algorithm`, `cryptographic_length` in bits (of a symmetric key: its material's),
            `key_format_type` (Raw, PKCS#8, X.509 or Opaque, by the type), `secret_data_type` (Password),
            `certificate_type` (X.509), `opaque_data_type`.

    Raises:
        FieldError: objects of this type have other parts, or a value is ill-written.
    """
    if object_type not in _MAKERS:
        raise FieldError(f"an object of type {object_type} is more than its material; give its parts")
    for name, (cls, default) in _SAID.items():
        try:
            said[name] = default if said.get(name) is None else enumeration_of(cls, said[name])
        except FieldError as error:
            raise error.within(name) from None
    if (length := said.get("cryptographic_length")) is not None:
        said["cryptographic_length"] = attributes_of({"cryptographic_length": length}).get(Tag.CRYPTOGRAPHIC_LENGTH)
    return _MAKERS[object_type](material, said)
