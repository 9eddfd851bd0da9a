"""Wrapping keys for those who fetch them, and opening those that came wrapped.

Source: KMIP 1.4 sections 2.1.5, 2.1.6 and 4.11; 2.1 sections 3.3, 6.1.19 and 7.18.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from keystead.crypto import mac as mac_codes
from keystead.crypto import sign
from keystead.crypto.wrap import unwrap, wrap
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.managed import Managed
from keystead.errors import CodecError, OperationFailed
from keystead.kmip.attributes import Attributes, expand
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicUsageMask,
    EncodingOption,
    ObjectType,
    ResultReason,
    WrappingMethod,
)
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import KeyBlock, KeyValue, KeyWrappingSpecification, ManagedObject
from keystead.kmip.schema import dump, load
from keystead.kmip.structures import CryptographicParameters, KeyWrappingData
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_1

_R = ResultReason
_M = CryptographicUsageMask
_ENCRYPTS: Final = frozenset(
    {WrappingMethod.ENCRYPT, WrappingMethod.ENCRYPT_THEN_MAC_SIGN, WrappingMethod.MAC_SIGN_THEN_ENCRYPT}
)
_AUTHENTICATES: Final = frozenset(
    {WrappingMethod.MAC_SIGN, WrappingMethod.ENCRYPT_THEN_MAC_SIGN, WrappingMethod.MAC_SIGN_THEN_ENCRYPT}
)
USUAL_WRAP: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.NISTKEYWRAP)
"""RFC 3394, for those who do not say."""


def wrapped(
    context: Context, managed: Managed, secret: ManagedObject, specification: KeyWrappingSpecification
) -> ManagedObject:
    """The object with its Key Value wrapped as a client asks.

    Raises:
        OperationFailed: Wrapping Object Not Found, Incompatible Cryptographic Usage Mask, Wrong Key Lifecycle State, Bad
            Cryptographic Parameters, Encoding Option Error, Cryptographic Failure.
    """
    block = use.key_block(secret)
    value = use.plain_value(block)
    method, option = specification.wrapping_method, specification.encoding_option
    encryption, mac = specification.encryption_key_information, specification.mac_signature_key_information
    if method not in _ENCRYPTS | _AUTHENTICATES:
        raise OperationFailed(_R.FEATURE_NOT_SUPPORTED, f"the Wrapping Method {method} is not supported")
    if (encryption is None) == (method in _ENCRYPTS) or (mac is None) == (method in _AUTHENTICATES):
        raise OperationFailed(_R.INVALID_FIELD, "the Wrapping Method does not go with the keys that are named")
    if specification.attribute_reference:
        if option is EncodingOption.NO_ENCODING:
            raise OperationFailed(_R.ENCODING_OPTION_ERROR, "attributes cannot be wrapped without an encoding")
        names = [name for reference in specification.attribute_reference for name in expand(reference)]
        value = replace(
            value,
            attributes=Attributes(tuple(i for name in names for i in managed.instances(name, context.now))),
        )
    if option is EncodingOption.NO_ENCODING:
        if not isinstance(value.key_material, bytes):
            raise OperationFailed(_R.ENCODING_OPTION_ERROR, "a Transparent key cannot be wrapped without an encoding")
        data = value.key_material
    else:
        data = dump(value, context.version, Tag.KEY_VALUE)
    signature = nonce = None
    if method is WrappingMethod.MAC_SIGN_THEN_ENCRYPT and mac is not None:
        signature = _authenticate(context, mac.unique_identifier, mac.cryptographic_parameters, data)
        data += signature
    if encryption is not None:
        if context.resolve(encryption.unique_identifier) == managed.unique_identifier:
            raise OperationFailed(_R.INVALID_FIELD, "a key cannot wrap itself")
        key, parameters = _wrapping_key(
            context, encryption.unique_identifier, encryption.cryptographic_parameters, _M.WRAP_KEY
        )
        done = wrap(key, parameters, data)
        data, nonce = done.data + (done.tag or b""), done.iv
    if method is not WrappingMethod.MAC_SIGN_THEN_ENCRYPT and mac is not None:
        signature = _authenticate(context, mac.unique_identifier, mac.cryptographic_parameters, data)
    described = KeyWrappingData(
        wrapping_method=method,
        encryption_key_information=encryption,
        mac_signature_key_information=mac,
        mac_signature=None if method is WrappingMethod.MAC_SIGN_THEN_ENCRYPT else signature,
        iv_counter_nonce=nonce,
        encoding_option=option if context.version >= V1_1 else None,
    )
    # What is only authenticated stays readable.
    content: KeyValue | bytes = data if method in _ENCRYPTS else value
    return replace(secret, key_block=replace(block, key_value=content, key_wrapping_data=described))  # type: ignore[type-var]


def unwrapped(context: Context, secret: ManagedObject, *, optional: bool = False) -> Any:
    """The object with its Key Value opened by the wrapping key that it names, if it came wrapped.

    Args:
        optional: None if the wrapping key is not here, or may not open it.

    Raises:
        OperationFailed: Wrapping Object Not Found, Cryptographic Failure (one text for every way to fail).
    """
    block = getattr(secret, "key_block", None)
    if not isinstance(block, KeyBlock) or not isinstance(block.key_value, bytes) or block.key_wrapping_data is None:
        return secret
    described = block.key_wrapping_data
    encryption = described.encryption_key_information
    if encryption is None or described.wrapping_method not in _ENCRYPTS:
        return None if optional else secret
    if described.mac_signature_key_information is not None:
        _check_authentic(context, block.key_value, described)
    try:
        key, parameters = _wrapping_key(
            context, encryption.unique_identifier, encryption.cryptographic_parameters, _M.UNWRAP_KEY
        )
    except OperationFailed:
        if optional:
            return None
        raise
    data = unwrap(key, parameters, block.key_value, described.iv_counter_nonce)
    if described.encoding_option is EncodingOption.NO_ENCODING:
        value = KeyValue(key_material=data)
    else:
        try:
            value = load(KeyValue, data, context.version)
        except CodecError:
            raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, "the wrapped key could not be opened") from None
    return replace(secret, key_block=replace(block, key_value=value, key_wrapping_data=None))  # type: ignore[type-var]


def _wrapping_key(
    context: Context,
    unique_identifier: UniqueIdentifier,
    given: CryptographicParameters | None,
    mask: CryptographicUsageMask,
) -> tuple[Any, CryptographicParameters]:
    """The key that wraps or unwraps, with its parameters."""
    try:
        managed = context.object(unique_identifier)
    except OperationFailed as error:
        if error.reason is _R.OBJECT_NOT_FOUND:
            raise OperationFailed(_R.WRAPPING_OBJECT_NOT_FOUND, "the wrapping key is not there") from None
        raise
    if managed.destroyed:
        raise OperationFailed(_R.WRAPPING_OBJECT_DESTROYED, "the wrapping key is destroyed")
    if managed.archived:
        raise OperationFailed(_R.WRAPPING_OBJECT_ARCHIVED, "the wrapping key is archived")
    use.check(context, managed, mask)
    parameters = given or managed.get(Tag.CRYPTOGRAPHIC_PARAMETERS)
    if managed.object_type in (ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.CERTIFICATE):
        return use.loaded_key(context, managed), parameters or CryptographicParameters()
    if managed.object_type is not ObjectType.SYMMETRIC_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the wrapping object is not a key")
    return use.secret_bytes(context, managed), parameters or USUAL_WRAP


def _authenticate(
    context: Context, unique_identifier: UniqueIdentifier, given: CryptographicParameters | None, data: bytes
) -> bytes:
    managed = context.object(unique_identifier)
    parameters = use.parameters(managed, given)
    if managed.object_type is ObjectType.PRIVATE_KEY:
        use.check(context, managed, _M.SIGN)
        return sign.sign(use.loaded_key(context, managed), parameters, data)
    use.check(context, managed, _M.MAC_GENERATE)
    return mac_codes.mac(use.algorithm_of(managed), use.secret_bytes(context, managed), parameters, data)


def _check_authentic(context: Context, data: bytes, described: KeyWrappingData) -> None:
    """Refuse a wrapped key whose MAC or signature is not that of its bytes."""
    information = described.mac_signature_key_information
    if information is None or described.mac_signature is None:
        return
    managed = context.object(information.unique_identifier)
    parameters = use.parameters(managed, information.cryptographic_parameters)
    if managed.object_type is ObjectType.SYMMETRIC_KEY:
        good = mac_codes.mac_verify(
            use.algorithm_of(managed), use.secret_bytes(context, managed), parameters, data, described.mac_signature
        )
    else:
        key = use.loaded_key(context, managed)
        public = key.public_key() if managed.object_type is ObjectType.PRIVATE_KEY else key
        good = sign.verify(public, parameters, data, None, described.mac_signature)
    if not good:
        raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, "the wrapped key could not be opened")
