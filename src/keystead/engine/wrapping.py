"""Wrapping keys for those who fetch them, and opening those that came wrapped.

A key that came wrapped is kept as it came.  It is opened at Register, which tells its Digest; what could not be opened
then is handed back as it came and never opened later, when its wrapping key may be another one.

Source: KMIP 1.4 sections 2.1.5, 2.1.6 and 4.11; 2.1 sections 3.3, 6.1.19 and 7.18.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from keystead.crypto import mac as mac_codes
from keystead.crypto import sign
from keystead.crypto.wrap import DEFAULT, is_authenticated, strength_bits, unwrap, wrap
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.copies import copies_of
from keystead.engine.managed import Managed
from keystead.errors import CodecError, OperationFailed
from keystead.kmip.attributes import Attributes, expand
from keystead.kmip.enums import (
    CryptographicUsageMask,
    EncodingOption,
    ObjectType,
    ResultReason,
    WrappingMethod,
)
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import KeyBlock, KeyValue, KeyWrappingSpecification, ManagedObject
from keystead.kmip.schema import dump, load
from keystead.kmip.structures import (
    CryptographicDomainParameters,
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    MACSignatureKeyInformation,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_1, V1_3, V1_4, V2_1, V3_0, Version
from keystead.policy.lifecycle import USES, check_use
from keystead.policy.wrapping import History, WrappedKey, WrappingKey, check_wrapping

_R = ResultReason
_M = CryptographicUsageMask
_W = WrappingMethod
ENCRYPTS: Final = frozenset({_W.ENCRYPT, _W.ENCRYPT_THEN_MAC_SIGN, _W.MAC_SIGN_THEN_ENCRYPT})
_AUTHENTICATES: Final = frozenset({_W.MAC_SIGN, _W.ENCRYPT_THEN_MAC_SIGN, _W.MAC_SIGN_THEN_ENCRYPT})
_ASYMMETRIC: Final = frozenset({ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.CERTIFICATE})
_MOST_NESTED: Final = 8
_NOT_OPENED: Final = "the wrapped key could not be opened"
S = TypeVar("S", bound=ManagedObject)
_Named = TypeVar("_Named", EncryptionKeyInformation | None, MACSignatureKeyInformation | None)


# --- what is wrapped --------------------------------------------------------------------------------------------------


def wrapped_bytes(block: KeyBlock) -> bytes | None:
    """The encrypted Key Value of a block; None if it is not encrypted.

    Without an encoding the bytes may stand as the Key Material of a Key Value.  Source: KMIP 1.4 §2.1.5.
    """
    described = block.key_wrapping_data
    if described is None or described.wrapping_method not in ENCRYPTS:
        return None
    value: Any = block.key_value
    if isinstance(value, KeyValue):
        value = value.key_material if described.encoding_option is EncodingOption.NO_ENCODING else None
    return value if isinstance(value, bytes) else None


def is_wrapped(secret: ManagedObject) -> bool:
    """Whether an object's Key Value is encrypted."""
    block = getattr(secret, "key_block", None)
    return isinstance(block, KeyBlock) and wrapped_bytes(block) is not None


def resolved(context: Context, secret: S) -> S:
    """An object that came in, whose wrapping keys are named so that it can be understood at any time.

    A client may name a key by its Name, or by an earlier batch item.

    Raises:
        OperationFailed: Object Not Found.
    """
    block = getattr(secret, "key_block", None)
    if not isinstance(block, KeyBlock) or block.key_wrapping_data is None:
        return secret
    described = block.key_wrapping_data
    encryption = _with_own_name(context, described.encryption_key_information)
    mac = _with_own_name(context, described.mac_signature_key_information)
    described = replace(described, encryption_key_information=encryption, mac_signature_key_information=mac)
    return use.with_key_block(secret, replace(block, key_wrapping_data=described))


def _hides(method: WrappingMethod) -> bool:
    """Whether who has what was wrapped has not got the key."""
    return method in ENCRYPTS


def _with_own_name(context: Context, key: _Named) -> _Named:
    if key is None or type(key.unique_identifier) is str:
        return key
    return replace(key, unique_identifier=context.resolve(key.unique_identifier))


# --- wrapping ---------------------------------------------------------------------------------------------------------


def wrapped(
    context: Context, managed: Managed, secret: ManagedObject, specification: KeyWrappingSpecification
) -> ManagedObject:
    """The object with its Key Value wrapped as a client asks; its wrapping key may change by it.

    Where 1.1 and 1.2 do not say the Encoding Option, the bare key is wrapped as the OASIS cases TC-142 have it
    (docs/divergences.md).

    Args:
        secret: not wrapped, or as it came: then its Key Value keeps its shape.

    Raises:
        OperationFailed: Wrapping Object Not Found, Incompatible Cryptographic Usage Mask, Wrong Key Lifecycle State,
            Bad Cryptographic Parameters, Permission Denied, Encoding Option Error, Cryptographic Failure.
    """
    method, option = specification.wrapping_method, specification.encoding_option
    encryption = _with_own_name(context, specification.encryption_key_information)
    mac = _with_own_name(context, specification.mac_signature_key_information)
    if method not in ENCRYPTS | _AUTHENTICATES:
        raise OperationFailed(_R.FEATURE_NOT_SUPPORTED, f"the Wrapping Method {method} is not supported")
    if (encryption is None) == (method in ENCRYPTS) or (mac is None) == (method in _AUTHENTICATES):
        raise OperationFailed(_R.INVALID_FIELD, "the Wrapping Method does not go with the keys that are named")
    if managed.sensitive and not _hides(method):
        raise OperationFailed(_R.SENSITIVE, "the object leaves the server only encrypted")
    shaped = is_wrapped(secret) and isinstance(use.key_block(secret).key_value, KeyValue)
    secret = unwrapped(context, secret, managed)
    block = use.key_block(secret)
    value = use.plain_value(block)
    bare = option is EncodingOption.NO_ENCODING or (
        option is None and V1_1 <= context.version < V1_3 and isinstance(value.key_material, bytes)
    )
    if specification.attribute_reference and not (bare and option is None):
        if option is EncodingOption.NO_ENCODING:
            raise OperationFailed(_R.ENCODING_OPTION_ERROR, "attributes cannot be wrapped without an encoding")
        names = [name for reference in specification.attribute_reference for name in expand(reference)]
        found = tuple(i for name in names for i in managed.instances(name, context.now))
        value = replace(value, attributes=Attributes(found))
    if bare:
        if not isinstance(value.key_material, bytes):
            raise OperationFailed(_R.ENCODING_OPTION_ERROR, "a Transparent key cannot be wrapped without an encoding")
        data = value.key_material
    else:
        data = dump(value, context.version, Tag.KEY_VALUE)
    signature = nonce = None
    if method is _W.MAC_SIGN_THEN_ENCRYPT and mac is not None:
        signature = _authenticate(context, mac.unique_identifier, mac.cryptographic_parameters, data)
        data += signature
    if encryption is not None:
        key = _wrapping_key(
            context, encryption.unique_identifier, encryption.cryptographic_parameters, _M.WRAP_KEY, managed
        )
        _check_strength(context, key, managed, mac is not None)
        done = wrap(key.key, key.parameters, data, algorithm=key.managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM))
        data, nonce = done.data, done.iv
        _remember_wrapping(context, key, managed)
    if method is not _W.MAC_SIGN_THEN_ENCRYPT and mac is not None:
        signature = _authenticate(context, mac.unique_identifier, mac.cryptographic_parameters, data)
    described = KeyWrappingData(
        wrapping_method=method,
        encryption_key_information=encryption,
        mac_signature_key_information=mac,
        mac_signature=None if method is _W.MAC_SIGN_THEN_ENCRYPT else signature,
        iv_counter_nonce=nonce,
        encoding_option=option if context.version >= V1_1 else None,
    )
    # What is only authenticated stays readable.
    content: KeyValue | bytes = data if method in ENCRYPTS else value
    # PyKMIP 0.11 reads no other shape; it is known by a TLS that does not name the server (docs/divergences.md).
    shaped = shaped or not context.caller.names_server
    if shaped and option is EncodingOption.NO_ENCODING and isinstance(content, bytes):
        content = KeyValue(key_material=content)
    return use.with_key_block(secret, replace(block, key_value=content, key_wrapping_data=described))


def check_as_it_came(context: Context, managed: Managed, secret: ManagedObject) -> None:
    """Refuse to hand a Sensitive object out wrapped as it came if that would not do for wrapping it now.

    Raises:
        OperationFailed: Permission Denied, Bad Cryptographic Parameters, and those of a wrapping key that is not there.
    """
    described = use.key_block(secret).key_wrapping_data
    encryption = described.encryption_key_information if described is not None else None
    # What could not be opened here was never known here.
    if encryption is None or described is None or not managed.sensitive or managed.get(Tag.DIGEST) is None:
        return
    key = _wrapping_key(
        context, encryption.unique_identifier, encryption.cryptographic_parameters, _M.WRAP_KEY, managed
    )
    _check_strength(context, key, managed, described.mac_signature_key_information is not None)
    _remember_wrapping(context, key, managed)


def _check_strength(context: Context, key: _Key, managed: Managed, has_mac: bool) -> None:
    own = key.managed
    check_wrapping(
        WrappingKey(_strength(own), own.object_type is ObjectType.SYMMETRIC_KEY, _history(context, key)),
        WrappedKey(_strength(managed), managed.sensitive),
        authenticated=has_mac or is_authenticated(key.parameters),
    )


def _strength(managed: Managed) -> int:
    algorithm, length = managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM), managed.get(Tag.CRYPTOGRAPHIC_LENGTH)
    domain = managed.get(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS)
    curve = domain.recommended_curve if isinstance(domain, CryptographicDomainParameters) else None
    return 0 if algorithm is None or length is None else strength_bits(algorithm, length, curve)


def _private_half(context: Context, key: _Key) -> Managed | None:
    """The private key that belongs to a wrapping public key, if it is here; a link may lie: the keys are compared."""
    if key.managed.object_type is not ObjectType.PUBLIC_KEY:
        return None
    linked = key.managed.get(Tag.PRIVATE_KEY_LINK)
    private = context.turn.fetch(str(linked)) if linked is not None else None
    if private is None or private.owner != key.managed.owner or private.object_type is not ObjectType.PRIVATE_KEY:
        return None
    if private.destroyed or private.archived or use.loaded_key(context, private).public_key() != key.key:
        return None
    return private


def _history(context: Context, key: _Key) -> History:
    """What became of the bytes that open what the key wraps."""
    if key.managed.object_type is ObjectType.SYMMETRIC_KEY:
        return key.managed.history
    private = _private_half(context, key)
    trusted = key.managed.history & History.TRUSTED
    return trusted if private is None else private.history | trusted


def _remember_wrapping(context: Context, key: _Key, managed: Managed) -> None:
    """Let the wrapping key be as protected as what it wraps; what others can open has left the server."""
    opens = key.managed if key.managed.object_type is ObjectType.SYMMETRIC_KEY else _private_half(context, key)
    history = _history(context, key)
    if managed.sensitive and opens is not None:
        after = opens.put(Tag.SENSITIVE, True) if not opens.get(Tag.SENSITIVE) else opens
        after = after.with_history(opens.history | History.WRAPPED_SENSITIVE)
        if after is not opens:
            context.save(after)
            _let_copies_follow(context, after)
    if not (history.known_here_only or history & History.TRUSTED):
        left(context, managed)


def _let_copies_follow(context: Context, managed: Managed) -> None:
    """Whatever has the same bytes as a key that has wrapped a Sensitive key does nothing else from then on as well."""
    for copy in copies_of(context, managed):
        after = copy.put(Tag.SENSITIVE, True).with_history(copy.history | History.WRAPPED_SENSITIVE)
        context.save(after, touch=False)


def left(context: Context, managed: Managed) -> None:
    """Remember that the bytes of an object may be known outside, and that it is fresh no more."""
    served(context, managed, managed.history | History.LEFT if managed.history & History.MADE_HERE else managed.history)


def served(context: Context, managed: Managed, history: History | None = None) -> None:
    """Remember that an object was handed out: it is fresh no more.  Source: KMIP 1.4 §3.34."""
    managed = context.turn.fetch(managed.unique_identifier) or managed
    after = managed if history is None else managed.with_history(history)
    if after.get(Tag.FRESH):
        after = after.put(Tag.FRESH, False)
    if after is not managed:
        context.save(after, touch=False)


# --- opening ----------------------------------------------------------------------------------------------------------


def unwrapped(context: Context, secret: ManagedObject, managed: Managed | None = None) -> Any:
    """The object with its Key Value opened by the wrapping key that it names, if it came wrapped.

    Args:
        managed: whose it is; None while it is being registered.

    Raises:
        OperationFailed: Wrapping Object Not Found, Cryptographic Failure (one text for every way to fail).
    """
    block = getattr(secret, "key_block", None)
    if not isinstance(block, KeyBlock):
        return secret
    data = wrapped_bytes(block)
    described = block.key_wrapping_data
    if data is None or described is None:
        return secret
    if managed is not None and managed.get(Tag.DIGEST) is None:
        raise OperationFailed(
            _R.WRAPPING_OBJECT_NOT_FOUND, "the object came wrapped under a key that was not here; it is kept as it came"
        )
    encryption = described.encryption_key_information
    if encryption is None:
        raise OperationFailed(_R.INVALID_FIELD, "the Key Wrapping Data do not name the key that encrypts")
    if described.wrapping_method is _W.ENCRYPT_THEN_MAC_SIGN:
        _check_authentic(context, data, described, described.mac_signature)
    key = _wrapping_key(
        context, encryption.unique_identifier, encryption.cryptographic_parameters, _M.UNWRAP_KEY, managed
    )
    data = unwrap(
        key.key,
        key.parameters,
        data,
        described.iv_counter_nonce,
        algorithm=key.managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM),
    )
    if described.wrapping_method is _W.MAC_SIGN_THEN_ENCRYPT:
        data = _without_signature(context, data, described)
    if described.encoding_option is EncodingOption.NO_ENCODING:
        value = KeyValue(key_material=data)
    else:
        value = _value(data, context.version, bare=described.encoding_option is None)
    return use.with_key_block(secret, replace(block, key_value=value, key_wrapping_data=None))


def openable(context: Context, secret: ManagedObject) -> Managed | None:
    """The key that an object which is being registered came wrapped under, if it is here and may open it."""
    block = use.key_block(secret)
    described = block.key_wrapping_data
    encryption = described.encryption_key_information if described is not None else None
    if wrapped_bytes(block) is None or encryption is None:
        return None
    try:
        return _wrapping_key(
            context, encryption.unique_identifier, encryption.cryptographic_parameters, _M.UNWRAP_KEY, None
        ).managed
    except OperationFailed:
        return None


def _value(data: bytes, version: Version, *, bare: bool) -> KeyValue:
    """A Key Value that was encoded in the caller's version or in another, or the bare key if it may be that."""
    for each in dict.fromkeys((version, V2_1, V1_4, V3_0, V1_0)):
        try:
            return load(KeyValue, data, each)
        except CodecError:
            continue
    if bare:
        return KeyValue(key_material=data)
    raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, _NOT_OPENED)


def chain(context: Context, managed: Managed) -> Iterator[str]:
    """The keys that an object is held wrapped under, one under the other."""
    for _ in range(_MOST_NESTED):
        if managed.destroyed or managed.archived or managed.envelope is None:
            return
        block = getattr(context.material(managed), "key_block", None)
        described = block.key_wrapping_data if isinstance(block, KeyBlock) else None
        encryption = described.encryption_key_information if described is not None else None
        if encryption is None:
            return
        name = str(encryption.unique_identifier)
        yield name
        found = context.turn.fetch(name)
        if found is None:
            return
        managed = found


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that wraps or unwraps, ready for use, with its parameters."""

    managed: Managed
    key: Any
    parameters: CryptographicParameters


def _wrapping_key(
    context: Context,
    unique_identifier: UniqueIdentifier,
    given: CryptographicParameters | None,
    mask: CryptographicUsageMask,
    wraps: Managed | None,
) -> _Key:
    """The key that wraps or unwraps an object."""
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
    if wraps is not None and wraps.unique_identifier in (managed.unique_identifier, *chain(context, managed)):
        raise OperationFailed(
            _R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, "a key wraps neither itself nor what it is held wrapped under"
        )
    if mask is _M.UNWRAP_KEY:
        # Who may wrap with a key that both ends hold may open what the other end wrapped: the OASIS cases TC-WRAP-3.
        check_use(managed.dates, USES[mask], context.now, context.engine.process_compromised)
        if not managed.usage_mask & (_M.WRAP_KEY | _M.UNWRAP_KEY):
            use.check(context, managed, mask)
    else:
        use.check(context, managed, mask)
    parameters = given or managed.get(Tag.CRYPTOGRAPHIC_PARAMETERS)
    if managed.object_type in _ASYMMETRIC:
        return _Key(managed, use.loaded_key(context, managed), parameters or CryptographicParameters())
    if managed.object_type is not ObjectType.SYMMETRIC_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the wrapping object is not a key")
    return _Key(managed, use.secret_bytes(context, managed), parameters or DEFAULT)


# --- MAC and signature ------------------------------------------------------------------------------------------------


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


def _check_authentic(context: Context, data: bytes, described: KeyWrappingData, signature: bytes | None) -> None:
    """Refuse a wrapped key whose MAC or signature is not that of its bytes."""
    information = described.mac_signature_key_information
    if information is None or signature is None:
        raise OperationFailed(_R.INVALID_FIELD, "the Key Wrapping Data lack the MAC or signature")
    managed = context.object(information.unique_identifier)
    parameters = use.parameters(managed, information.cryptographic_parameters)
    if managed.object_type is ObjectType.SYMMETRIC_KEY:
        good = mac_codes.mac_verify(
            use.algorithm_of(managed), use.secret_bytes(context, managed), parameters, data, signature
        )
    else:
        key = use.loaded_key(context, managed)
        public = key.public_key() if managed.object_type is ObjectType.PRIVATE_KEY else key
        good = sign.verify(public, parameters, data, None, signature)
    if not good:
        raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, _NOT_OPENED)


def _without_signature(context: Context, data: bytes, described: KeyWrappingData) -> bytes:
    """Check and take off the MAC or signature that was encrypted with a Key Value."""
    information = described.mac_signature_key_information
    if information is None:
        raise OperationFailed(_R.INVALID_FIELD, "the Key Wrapping Data do not name the key that authenticates")
    managed = context.object(information.unique_identifier)
    parameters = use.parameters(managed, information.cryptographic_parameters)
    if managed.object_type is ObjectType.SYMMETRIC_KEY:
        size = len(mac_codes.mac(use.algorithm_of(managed), use.secret_bytes(context, managed), parameters, b""))
    else:
        size = (managed.get(Tag.CRYPTOGRAPHIC_LENGTH, 0) + 7) // 8  # of RSA; the others have no fixed length
    if not 0 < size < len(data):
        raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, _NOT_OPENED)
    _check_authentic(context, data[:-size], described, data[-size:])
    return data[:-size]
