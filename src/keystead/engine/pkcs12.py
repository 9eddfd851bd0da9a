"""PKCS#12 files: taken apart at Register, put together again at Get.

The password is secret data of its own, which the key links to and which must be Active.

Source: KMIP 1.4 sections 3.35, 3.45 and 4.3; 2.1 sections 4.31, 4.38 and 11.26; RFC 7292.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keystead.crypto.dump import dump_pkcs12, dump_private
from keystead.crypto.formats import load_pkcs12
from keystead.engine import use
from keystead.engine.certificates import certificate_attributes
from keystead.engine.context import Context
from keystead.engine.making import first, new
from keystead.engine.managed import Managed
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName
from keystead.kmip.enums import CertificateType, KeyFormatType, ObjectType, ResultReason, SecretDataType, State
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, ManagedObject, PrivateKey, SecretData
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_0

_R = ResultReason
_Asked = dict[AttributeName, tuple[Attribute, ...]]
MOST_CERTIFICATES = 16


@dataclass(frozen=True, slots=True)
class Opened:
    """What a PKCS#12 file held: the key as it is kept, certificates in DER, the key's own first."""

    private_key: PrivateKey
    certificates: tuple[bytes, ...]
    friendly_name: str | None


def opened(context: Context, secret: ManagedObject, asked: _Asked) -> Opened | None:
    """Open a private key that came as PKCS#12; None if it did not.

    Raises:
        OperationFailed: Wrong Key Lifecycle State of the password, Bad Password.
    """
    block = getattr(secret, "key_block", None)
    if not isinstance(secret, PrivateKey) or not isinstance(block, KeyBlock):
        return None
    if block.key_format_type is not KeyFormatType.PKCS_12:
        return None
    value = block.key_value.key_material if isinstance(block.key_value, KeyValue) else block.key_value
    if not isinstance(value, bytes) or block.key_wrapping_data is not None:
        raise OperationFailed(_R.INVALID_FIELD, "a PKCS#12 file stands in the Key Value as it is")
    link = first(asked, Tag.PKCS_12_PASSWORD_LINK)
    file = load_pkcs12(value, None if link is None else _password(context, str(link)))
    if len(file.certificates) > MOST_CERTIFICATES:
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, "the PKCS#12 file holds too many certificates")
    if Tag.PKCS_12_FRIENDLY_NAME not in asked and file.friendly_name:
        asked[Tag.PKCS_12_FRIENDLY_NAME] = (Attribute(Tag.PKCS_12_FRIENDLY_NAME, file.friendly_name, 0),)
    material = KeyValue(key_material=dump_private(file.private_key, KeyFormatType.PKCS_8))
    kept = replace(block, key_format_type=KeyFormatType.PKCS_8, key_value=material)
    return Opened(PrivateKey(key_block=kept), file.certificates, first(asked, Tag.PKCS_12_FRIENDLY_NAME))


def _password(context: Context, unique_identifier: str) -> bytes:
    password = context.object(unique_identifier)
    if password.state(context.now) is not State.ACTIVE:
        raise OperationFailed(_R.WRONG_KEY_LIFECYCLE_STATE, "the password of the PKCS#12 file is not Active")
    secret = context.material(password)
    if not isinstance(secret, SecretData) or secret.secret_data_type is not SecretDataType.PASSWORD:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the PKCS#12 Password Link leads to no password")
    return use.secret_bytes(context, password)


def add_certificates(context: Context, private: Managed, file: Opened) -> Managed:
    """Keep the certificates of a file: the key links to its own, that to the next."""
    links = [context.engine.identifiers.new() for _ in file.certificates]
    for number, value in enumerate(file.certificates):
        asked: _Asked = {}
        if file.friendly_name:
            asked[Tag.PKCS_12_FRIENDLY_NAME] = (Attribute(Tag.PKCS_12_FRIENDLY_NAME, file.friendly_name, 0),)
        if number + 1 < len(links):
            asked[Tag.PKCS_12_CERTIFICATE_LINK] = (Attribute(Tag.PKCS_12_CERTIFICATE_LINK, links[number + 1], 0),)
        certificate = Certificate(certificate_type=CertificateType.X_509, certificate_value=value)
        facts = certificate_attributes(certificate)
        made = new(
            context, ObjectType.CERTIFICATE, asked, generated=False, facts=facts, unique_identifier=links[number]
        )
        context.add(made, certificate)
    if links:
        private = context.save(private.put(Tag.PKCS_12_CERTIFICATE_LINK, links[0]))
    context.placeholder = private.unique_identifier
    return private


def _own_certificate(context: Context, private: Managed) -> str | None:
    """The certificate of a private key, by way of its public key; there must not be several.  Source: 1.4 §4.11.

    Raises:
        OperationFailed: Invalid Field.
    """
    public = private.get(Tag.PUBLIC_KEY_LINK)
    found = [] if public is None else context.object(public).all(Tag.CERTIFICATE_LINK)
    if len(found) > 1:
        raise OperationFailed(_R.INVALID_FIELD, "the public key has several certificates: a chain cannot be chosen")
    return found[0] if found else None


def as_pkcs12(context: Context, managed: Managed, key: Any) -> PrivateKey:
    """A private key with the certificates that it links to, under the password that it links to.

    Raises:
        OperationFailed: Key Format Type Not Supported without a password; Wrong Key Lifecycle State of the password.
    """
    link = managed.get(Tag.PKCS_12_PASSWORD_LINK)
    if link is None:
        raise OperationFailed(
            _R.KEY_FORMAT_TYPE_NOT_SUPPORTED, "a private key is given as PKCS#12 only if it has a PKCS#12 Password Link"
        )
    certificates: dict[str, bytes] = {}
    following = managed.get(Tag.PKCS_12_CERTIFICATE_LINK) or _own_certificate(context, managed)
    while following is not None and following not in certificates and len(certificates) < MOST_CERTIFICATES:
        found = context.object(following)
        content = context.material(found)
        if not isinstance(content, Certificate):
            raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the PKCS#12 Certificate Link leads to no certificate")
        certificates[following] = content.certificate_value
        following = found.get(Tag.PKCS_12_CERTIFICATE_LINK) or found.get(Tag.CERTIFICATE_LINK)
    name = managed.get(Tag.PKCS_12_FRIENDLY_NAME)
    file = dump_pkcs12(key, list(certificates.values()), _password(context, str(link)), name)
    # Up to 1.4 the file is the Key Value itself: the OASIS cases TC-PKCS12.
    value: KeyValue | bytes = file if context.version < V2_0 else KeyValue(key_material=file)
    return PrivateKey(key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=value))
