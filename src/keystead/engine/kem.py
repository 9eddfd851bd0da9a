"""Key encapsulation: Encapsulate, Decapsulate.

The shared secret is kept as an object; the ciphertext goes to the holder of the private key.

Source: KMIP 3.0 CSD02 sections 6.1.15 and 6.1.22; FIPS 203.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keystead.crypto import pqc
from keystead.crypto.keys import check_symmetric
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.create import add_symmetric
from keystead.engine.handlers import handles
from keystead.engine.making import first, inherit, requested
from keystead.engine.managed import Managed
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    CryptographicUsageMask,
    KEMAlgorithm,
    ObjectType,
    ResultReason,
    SecretDataType,
)
from keystead.kmip.payloads.crypto import (
    DecapsulateRequest,
    DecapsulateResponse,
    EncapsulateRequest,
    EncapsulateResponse,
)
from keystead.kmip.structures import CryptographicParameters
from keystead.kmip.tags import Tag

_R = ResultReason
_MADE = (ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA)


@handles(EncapsulateRequest, changes=True)
def encapsulate(context: Context, request: EncapsulateRequest) -> EncapsulateResponse:
    """Make a shared secret for the holder of a private key, and keep it.

    Raises:
        OperationFailed: Incompatible Cryptographic Usage Mask, Wrong Key Lifecycle State, Unsupported or Bad
            Cryptographic Parameters, and those of `requested`.
    """
    managed = _key(context, request.unique_identifier, request.cryptographic_parameters, ObjectType.PUBLIC_KEY)
    ciphertext, shared = pqc.encapsulate(use.loaded_key(context, managed))
    made = _kept(context, shared, request.attributes, None)
    return EncapsulateResponse(unique_identifier=made.unique_identifier, data=ciphertext)


@handles(DecapsulateRequest, changes=True)
def decapsulate(context: Context, request: DecapsulateRequest) -> DecapsulateResponse:
    """Recover a shared secret, and keep it; an altered ciphertext gives another secret.

    Raises:
        OperationFailed: as `encapsulate`; Cryptographic Failure if the ciphertext has the wrong length.
    """
    managed = _key(context, request.unique_identifier, request.cryptographic_parameters, ObjectType.PRIVATE_KEY)
    shared = pqc.decapsulate(use.loaded_key(context, managed), request.data)
    made = _kept(context, shared, request.attributes, managed)
    return DecapsulateResponse(unique_identifier=made.unique_identifier)


def _key(
    context: Context, unique_identifier: Any, given: CryptographicParameters | None, object_type: ObjectType
) -> Managed:
    managed = use.check(context, context.object(unique_identifier), CryptographicUsageMask.KEY_AGREEMENT)
    if managed.object_type is not object_type:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, f"a {object_type.title} is needed here")
    kem = use.parameters(managed, given).kem_algorithm
    if kem not in (None, KEMAlgorithm.MLKEM):
        raise OperationFailed(_R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, f"{kem} is not supported")
    if use.optional_algorithm(managed) not in pqc.PARAMETER_SETS:
        raise OperationFailed(_R.BAD_CRYPTOGRAPHIC_PARAMETERS, "the key is not one of a key encapsulation mechanism")
    return managed


def _kept(context: Context, shared: bytes, attributes: Attributes | None, source: Managed | None) -> Managed:
    """Keep a shared secret as the Object Type that is asked for: secret data unless an algorithm is named."""
    given = attributes or Attributes()
    algorithm = given.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    usual = ObjectType.SECRET_DATA if algorithm is None else ObjectType.SYMMETRIC_KEY
    object_type = given.get(Tag.OBJECT_TYPE, usual)
    if object_type not in _MADE or (algorithm is None and object_type is ObjectType.SYMMETRIC_KEY):
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a shared secret is kept as secret data or a symmetric key")
    rest = replace(given, items=tuple(a for a in given if a.name is not Tag.OBJECT_TYPE))
    asked = requested(context, object_type, rest)
    length = first(asked, Tag.CRYPTOGRAPHIC_LENGTH) or 8 * len(shared)
    if length != 8 * len(shared):
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, f"the shared secret has {8 * len(shared)} bits")
    if algorithm is not None and object_type is ObjectType.SYMMETRIC_KEY:
        check_symmetric(algorithm, shared, length)
        context.engine.algorithms.check_made(algorithm, length)
    if source is not None:
        inherit(asked, [source])
    return add_symmetric(
        context,
        asked,
        algorithm,
        length,
        shared,
        generated=True,
        known_here_only=False,  # the other side has it
        object_type=object_type,
        secret_data_type=SecretDataType.SEED,
    )
