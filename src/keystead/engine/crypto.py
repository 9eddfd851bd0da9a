"""Using keys on the server: Encrypt, Decrypt, Sign, MAC, Hash, random numbers; whole or in parts.

Source: KMIP 1.4 sections 4.29 to 4.37; 2.1 section 6.1.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from keystead.crypto import cipher, mac, sign
from keystead.crypto.schemes import SCHEMES
from keystead.engine import streams, use
from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.managed import Managed
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    ResultReason,
    ValidityIndicator,
)
from keystead.kmip.payloads.crypto import (
    DecryptRequest,
    DecryptResponse,
    EncryptRequest,
    EncryptResponse,
    HashRequest,
    HashResponse,
    MACRequest,
    MACResponse,
    MACVerifyRequest,
    MACVerifyResponse,
    RNGRetrieveRequest,
    RNGRetrieveResponse,
    RNGSeedRequest,
    RNGSeedResponse,
    SignatureVerifyRequest,
    SignatureVerifyResponse,
    SignRequest,
    SignResponse,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4
from keystead.policy.lifecycle import USES, Use

_R = ResultReason
_M = CryptographicUsageMask
MAXIMUM_RANDOM_BYTES: Final = 64 << 10
_VALIDITY: Final = {True: ValidityIndicator.VALID, False: ValidityIndicator.INVALID}


def _data(request: Any) -> bytes:
    """The Data of a request that has all of it, which says both Indicators if there is none."""
    if isinstance(request.data, bytes):
        return request.data
    if getattr(request, "init_indicator", None):
        return b""
    raise OperationFailed(_R.INVALID_MESSAGE, "the request has no Data")


# --- keys -------------------------------------------------------------------------------------------------------------


def _usable(context: Context, request: Any, mask: CryptographicUsageMask) -> Managed:
    managed = use.check(context, context.object(request.unique_identifier), mask)
    algorithms = context.engine.algorithms
    if not algorithms.everything:
        algorithms.check_parameters(
            use.parameters(managed, request.cryptographic_parameters),
            protects=USES[mask] is Use.PROTECT,
            encrypts=bool(mask & (_M.ENCRYPT | _M.DECRYPT)),
        )
    return managed


def _key(context: Context, managed: Managed) -> Any:
    """The key of an object, as bytes or loaded."""
    if managed.object_type in (ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE):
        return use.loaded_key(context, managed)
    if managed.object_type in (ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA):
        return use.secret_bytes(context, managed)
    raise OperationFailed(_R.INVALID_OBJECT_TYPE, f"{managed.object_type} objects cannot be used so")


_NONCE: Final = "nonce"


def _use_nonce(context: Context, managed: Managed, request: EncryptRequest, *message: bytes) -> None:
    """Refuse a nonce of authenticated encryption that has encrypted another message under this key (K25).

    The same message again is the same answer again, as a client that repeats its request expects; parts of a message
    are never the same.

    Raises:
        OperationFailed: Bad Cryptographic Parameters.
    """
    nonce = request.iv_counter_nonce
    parameters = use.parameters(managed, request.cryptographic_parameters)
    scheme = SCHEMES.get((use.optional_algorithm(managed), parameters.block_cipher_mode))
    if nonce is None or scheme is None or scheme.seal is None:
        return
    blind, tag = context.engine.vault.blind, int(Tag.IV_COUNTER_NONCE)
    key = f"{managed.unique_identifier}/{blind(managed.domain, tag, nonce).hex()}"
    parts = b"".join(len(part).to_bytes(8, "big") + part for part in message)
    said = blind(managed.domain, tag, parts) if message else secrets.token_bytes(16)
    before = context.transaction.entry(_NONCE, key)
    if before is None:
        context.transaction.put_entry(_NONCE, key, said)
    elif before != said:
        raise OperationFailed(
            _R.BAD_CRYPTOGRAPHIC_PARAMETERS, "this nonce has encrypted another message under this key"
        )


# --- Encrypt and Decrypt ----------------------------------------------------------------------------------------------


@handles(EncryptRequest, marks=True)
def encrypt(context: Context, request: EncryptRequest) -> EncryptResponse:
    """Encrypt data.  Source: KMIP 1.4 §4.29; 2.1 §6.1.17.

    Raises:
        OperationFailed: those of `use.check` and `cipher.encrypt`; Permission Denied beyond the Usage Limits.
    """
    aad = request.authenticated_encryption_additional_data

    def start() -> tuple[str, Any]:
        managed = _usable(context, request, _M.ENCRYPT)
        worker = cipher.encryptor(
            use.optional_algorithm(managed),
            _key(context, managed),
            use.parameters(managed, request.cryptographic_parameters),
            request.iv_counter_nonce,
            aad,
        )
        _use_nonce(context, managed, request)
        return managed.unique_identifier, worker

    part = streams.part(context, request, start)
    if part is None:
        managed = _usable(context, request, _M.ENCRYPT)
        data = _data(request)
        done = cipher.encrypt(
            use.optional_algorithm(managed),
            _key(context, managed),
            use.parameters(managed, request.cryptographic_parameters),
            data,
            request.iv_counter_nonce,
            aad,
        )
        _use_nonce(context, managed, request, data, aad or b"")
        use.used(context, managed, len(data), _M.ENCRYPT)
        sealed, tag = _with_tag(context, done.data, done.tag)
        return EncryptResponse(
            unique_identifier=managed.unique_identifier,
            data=sealed,
            iv_counter_nonce=done.iv,
            authenticated_encryption_tag=tag,
        )
    out = part.update()
    tag = None
    if part.final:
        last = part.finish()
        out, tag = _with_tag(context, out + last.data, last.tag)
    use.used(context, context.object(part.unique_identifier), len(part.data), _M.ENCRYPT, begins=part.first)
    return EncryptResponse(
        unique_identifier=part.unique_identifier,
        data=out or None,
        iv_counter_nonce=part.iv,
        correlation_value=part.correlation_value,
        authenticated_encryption_tag=tag,
    )


def _with_tag(context: Context, data: bytes, tag: bytes | None) -> tuple[bytes, bytes | None]:
    """Ciphertext and tag as an answer has them: before 1.4 there is no field for a tag, so it is the end of the data.

    There, and in every version, Decrypt takes it from the end of the data if it is given none.
    """
    if tag is None or context.version >= V1_4:
        return data, tag
    return data + tag, None


@handles(DecryptRequest, marks=True)
def decrypt(context: Context, request: DecryptRequest) -> DecryptResponse:
    """Decrypt data; whatever is wrong with it is one Cryptographic Failure.  Source: KMIP 1.4 §4.30; 2.1 §6.1.11."""
    aad, tag = request.authenticated_encryption_additional_data, request.authenticated_encryption_tag

    def start() -> tuple[str, Any]:
        managed = _usable(context, request, _M.DECRYPT)
        worker = cipher.decryptor(
            use.optional_algorithm(managed),
            _key(context, managed),
            use.parameters(managed, request.cryptographic_parameters),
            request.iv_counter_nonce,
            aad,
            tag,
        )
        return managed.unique_identifier, worker

    part = streams.part(context, request, start)
    if part is None:
        managed = _usable(context, request, _M.DECRYPT)
        plain = cipher.decrypt(
            use.optional_algorithm(managed),
            _key(context, managed),
            use.parameters(managed, request.cryptographic_parameters),
            _data(request),
            request.iv_counter_nonce,
            aad,
            tag,
        )
        use.used(context, managed, len(plain), _M.DECRYPT)
        return DecryptResponse(unique_identifier=managed.unique_identifier, data=plain)
    out = part.update()
    if part.final:
        out += part.finish(tag)
    use.used(context, context.object(part.unique_identifier), len(part.data), _M.DECRYPT, begins=part.first)
    return DecryptResponse(
        unique_identifier=part.unique_identifier, data=out or None, correlation_value=part.correlation_value
    )


# --- Sign and Signature Verify ----------------------------------------------------------------------------------------


def _private(context: Context, managed: Managed) -> Any:
    if managed.object_type is not ObjectType.PRIVATE_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "only a private key signs")
    return use.loaded_key(context, managed)


def _public(context: Context, managed: Managed) -> Any:
    key = use.loaded_key(context, managed)
    return key.public_key() if managed.object_type is ObjectType.PRIVATE_KEY else key


@handles(SignRequest, marks=True)
def sign_(context: Context, request: SignRequest) -> SignResponse:
    """Sign data or its digest.  Source: KMIP 1.4 §4.31; 2.1 §6.1.55."""

    def start() -> tuple[str, Any]:
        managed = _usable(context, request, _M.SIGN)
        worker = sign.Signer(_private(context, managed), use.parameters(managed, request.cryptographic_parameters))
        return managed.unique_identifier, worker

    part = streams.part(context, request, start)
    if part is None:
        managed = _usable(context, request, _M.SIGN)
        data = None if request.digested_data is not None and request.data is None else _data(request)
        signature = sign.sign(
            _private(context, managed),
            use.parameters(managed, request.cryptographic_parameters),
            data,
            request.digested_data,
        )
        use.used(context, managed, len(data or request.digested_data or b""), _M.SIGN)
        return SignResponse(unique_identifier=managed.unique_identifier, signature_data=signature)
    part.update()
    signed = part.finish() if part.final else None
    use.used(context, context.object(part.unique_identifier), len(part.data), _M.SIGN, begins=part.first)
    return SignResponse(
        unique_identifier=part.unique_identifier, signature_data=signed, correlation_value=part.correlation_value
    )


@handles(SignatureVerifyRequest, marks=True)
def signature_verify(context: Context, request: SignatureVerifyRequest) -> SignatureVerifyResponse:
    """Say whether a signature is valid.  Source: KMIP 1.4 §4.32; 2.1 §6.1.56."""

    def start() -> tuple[str, Any]:
        managed = _usable(context, request, _M.VERIFY)
        worker = sign.Verifier(
            _public(context, managed), use.verifying_parameters(managed, request.cryptographic_parameters)
        )
        return managed.unique_identifier, worker

    part = streams.part(context, request, start)
    if part is None:
        managed = _usable(context, request, _M.VERIFY)
        if request.signature_data is None:
            raise OperationFailed(_R.INVALID_MESSAGE, "the request has no Signature Data")
        valid = sign.verify(
            _public(context, managed),
            use.verifying_parameters(managed, request.cryptographic_parameters),
            None if request.digested_data is not None and request.data is None else _data(request),
            request.digested_data,
            request.signature_data,
        )
        use.used(context, managed, 0, _M.VERIFY)
        return SignatureVerifyResponse(unique_identifier=managed.unique_identifier, validity_indicator=_VALIDITY[valid])
    part.update()
    verdict = None
    if part.final:
        if request.signature_data is None:
            raise OperationFailed(_R.INVALID_MESSAGE, "the last request has no Signature Data")
        verdict = _VALIDITY[part.finish(request.signature_data)]
    use.used(context, context.object(part.unique_identifier), 0, _M.VERIFY, begins=part.first)
    return SignatureVerifyResponse(
        unique_identifier=part.unique_identifier, validity_indicator=verdict, correlation_value=part.correlation_value
    )


# --- MAC and Hash -----------------------------------------------------------------------------------------------------


def _mac_arguments(
    context: Context, managed: Managed, request: Any
) -> tuple[CryptographicAlgorithm | None, bytes, Any]:
    return (
        use.optional_algorithm(managed),
        use.secret_bytes(context, managed),
        use.parameters(managed, request.cryptographic_parameters),
    )


@handles(MACRequest, marks=True)
def mac_(context: Context, request: MACRequest) -> MACResponse:
    """Compute a message authentication code.  Source: KMIP 1.4 §4.33; 2.1 §6.1.32."""

    def start() -> tuple[str, Any]:
        managed = _usable(context, request, _M.MAC_GENERATE)
        return managed.unique_identifier, mac.macer(*_mac_arguments(context, managed, request))

    part = streams.part(context, request, start)
    if part is None:
        managed = _usable(context, request, _M.MAC_GENERATE)
        data = _data(request)
        code = mac.mac(*_mac_arguments(context, managed, request), data)
        use.used(context, managed, len(data), _M.MAC_GENERATE)
        return MACResponse(unique_identifier=managed.unique_identifier, mac_data=code)
    part.update()
    made = part.digest() if part.final else None
    use.used(context, context.object(part.unique_identifier), len(part.data), _M.MAC_GENERATE, begins=part.first)
    return MACResponse(
        unique_identifier=part.unique_identifier, mac_data=made, correlation_value=part.correlation_value
    )


@handles(MACVerifyRequest)
def mac_verify(context: Context, request: MACVerifyRequest) -> MACVerifyResponse:
    """Say whether a message authentication code is valid.  Source: KMIP 1.4 §4.34; 2.1 §6.1.33."""

    def start() -> tuple[str, Any]:
        managed = _usable(context, request, _M.MAC_VERIFY)
        return managed.unique_identifier, mac.macer(*_mac_arguments(context, managed, request))

    part = streams.part(context, request, start)
    if part is None:
        managed = _usable(context, request, _M.MAC_VERIFY)
        if request.mac_data is None:
            raise OperationFailed(_R.INVALID_MESSAGE, "the request has no MAC Data")
        valid = mac.mac_verify(*_mac_arguments(context, managed, request), _data(request), request.mac_data)
        return MACVerifyResponse(unique_identifier=managed.unique_identifier, validity_indicator=_VALIDITY[valid])
    part.update()
    verdict = None
    if part.final:
        if request.mac_data is None:
            raise OperationFailed(_R.INVALID_MESSAGE, "the last request has no MAC Data")
        verdict = _VALIDITY[secrets.compare_digest(part.digest(), request.mac_data)]
    return MACVerifyResponse(
        unique_identifier=part.unique_identifier, validity_indicator=verdict, correlation_value=part.correlation_value
    )


@handles(HashRequest)
def hash_(context: Context, request: HashRequest) -> HashResponse:
    """Hash data.  Source: KMIP 1.4 §4.37; 2.1 §6.1.24."""
    part = streams.part(context, request, lambda: ("", mac.hasher(request.cryptographic_parameters)))
    if part is None:
        return HashResponse(data=mac.hash_(request.cryptographic_parameters, _data(request)))
    part.update()
    return HashResponse(data=part.digest() if part.final else None, correlation_value=part.correlation_value)


# --- random numbers ---------------------------------------------------------------------------------------------------


@handles(RNGRetrieveRequest)
def rng_retrieve(context: Context, request: RNGRetrieveRequest) -> RNGRetrieveResponse:
    """Give random bytes.  Source: KMIP 1.4 §4.35; 2.1 §6.1.49."""
    if not 0 < request.data_length <= MAXIMUM_RANDOM_BYTES:
        raise OperationFailed(_R.INVALID_FIELD, f"a Data Length lies between 1 and {MAXIMUM_RANDOM_BYTES}")
    return RNGRetrieveResponse(data=secrets.token_bytes(request.data_length))


@handles(RNGSeedRequest)
def rng_seed(context: Context, request: RNGSeedRequest) -> RNGSeedResponse:
    """Take note of a seed, and use none of it: the random numbers are the operating system's.

    Source: KMIP 1.4 §4.36; 2.1 §6.1.50 (a server may ignore the seed and answer 0).
    """
    _data(request)
    return RNGSeedResponse(data_length=0)
