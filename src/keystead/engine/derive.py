"""Deriving keys and secret data from others: Derive Key."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Final

from keystead.crypto.keys import check_symmetric
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.copies import copies_of
from keystead.engine.create import add_symmetric
from keystead.engine.handlers import handles
from keystead.engine.making import first, inherit, requested
from keystead.engine.preparing import prepared_derivation
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute
from keystead.kmip.enums import CryptographicUsageMask, ObjectType, ResultReason
from keystead.kmip.payloads.create import DeriveKeyRequest, DeriveKeyResponse
from keystead.kmip.tags import Tag
from keystead.policy.wrapping import check_derivation

_R = ResultReason
_ASYMMETRIC: Final = frozenset({ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY})


@handles(DeriveKeyRequest, changes=True)
def derive_key(context: Context, request: DeriveKeyRequest) -> DeriveKeyResponse:
    """Derive a symmetric key or secret data.  Source: KMIP 1.4 §4.6; 2.1 §6.1.14.

    Raises:
        OperationFailed: Invalid Object Type, Invalid Attribute Value, Incompatible Cryptographic Usage Mask, Bad
            Cryptographic Parameters and those of `requested`.
    """
    if request.object_type not in (ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA):
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Derive Key makes symmetric keys and secret data")
    bases = [context.object(identifier) for identifier in request.unique_identifier]
    if not bases:
        raise OperationFailed(_R.INVALID_MESSAGE, "Derive Key needs what to derive from")
    for base in bases:
        use.check(context, base, CryptographicUsageMask.DERIVE_KEY)
    asked = requested(context, request.object_type, request.attributes)
    algorithm, length = first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM), first(asked, Tag.CRYPTOGRAPHIC_LENGTH)
    if length is None or length % 8 or (algorithm is None and request.object_type is ObjectType.SYMMETRIC_KEY):
        raise OperationFailed(
            _R.INVALID_ATTRIBUTE_VALUE,
            "Derive Key needs a Cryptographic Length in whole bytes and, for a key, a Cryptographic Algorithm",
        )
    for base in bases:
        if base.sensitive:
            every = reduce(or_, (copy.usage_mask for copy in copies_of(context, base)), base.usage_mask)
            check_derivation(every, length)
    if algorithm is not None:
        context.engine.algorithms.check_made(algorithm, length)
    parameters = request.derivation_parameters
    if parameters.cryptographic_parameters is None:
        parameters = replace(parameters, cryptographic_parameters=bases[0].get(Tag.CRYPTOGRAPHIC_PARAMETERS))
    context.engine.algorithms.check_parameters(parameters.cryptographic_parameters, protects=True)
    secrets = [
        use.loaded_key(context, base) if base.object_type in _ASYMMETRIC else use.secret_bytes(context, base)
        for base in bases
    ]
    key = prepared_derivation(
        context, request.derivation_method, parameters, secrets, length // 8, use.optional_algorithm(bases[0])
    )
    if algorithm is not None and request.object_type is ObjectType.SYMMETRIC_KEY:
        check_symmetric(algorithm, key, length)
    inherit(asked, bases)
    asked[Tag.DERIVATION_OBJECT_LINK] = tuple(
        Attribute(Tag.DERIVATION_OBJECT_LINK, base.unique_identifier) for base in bases
    )
    managed = add_symmetric(
        context,
        asked,
        algorithm,
        length,
        key,
        generated=True,
        # Who knows the base, or may ask for what it makes of data, knows what is derived.
        known_here_only=False,
        object_type=request.object_type,
    )
    for base in bases:
        current = context.turn.fetch(base.unique_identifier) or base
        context.save(current.add(Tag.DERIVED_OBJECT_LINK, managed.unique_identifier))
    context.placeholder = managed.unique_identifier
    return DeriveKeyResponse(unique_identifier=managed.unique_identifier)
