"""Making keys: Create, Create Key Pair."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from keystead.crypto.keys import KeyPair, describe, generate_symmetric
from keystead.engine.context import Context
from keystead.engine.copies import protected_as_copies
from keystead.engine.handlers import handles
from keystead.engine.key_formats import default_format, digests, in_format, kept_format
from keystead.engine.making import first, new, requested
from keystead.engine.managed import Managed
from keystead.engine.preparing import prepared_pair
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    ObjectType,
    RecommendedCurve,
    ResultReason,
    SecretDataType,
)
from keystead.kmip.objects import (
    KeyBlock,
    KeyValue,
    ManagedObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
)
from keystead.kmip.payloads.create import (
    CreateKeyPairRequest,
    CreateKeyPairResponse,
    CreateRequest,
    CreateResponse,
)
from keystead.kmip.structures import CryptographicDomainParameters
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_0
from keystead.policy.algorithms import check_quantum_safe

_R = ResultReason
_A = CryptographicAlgorithm
_ASKED_ATTRIBUTES = dict[AttributeName, tuple[Attribute, ...]]
USUAL_LENGTHS: Final[Mapping[CryptographicAlgorithm | None, int]] = {
    _A.AES: 256,
    _A.RSA: 3072,
    _A.TRIPLE_DES: 168,
    _A.CHACHA20: 256,
    _A.CHACHA20POLY1305: 256,
}
USUAL_SECRET_BITS: Final = 256
MOST_SECRET_BITS: Final = 8 * 8192
_ELLIPTIC: Final = frozenset({_A.EC, _A.ECDSA, _A.ECDH, _A.ECMQV})
_CURVES: Final = {
    192: RecommendedCurve.P_192,
    224: RecommendedCurve.P_224,
    256: RecommendedCurve.P_256,
    384: RecommendedCurve.P_384,
    521: RecommendedCurve.P_521,
}


@handles(CreateRequest, changes=True)
def create(context: Context, request: CreateRequest) -> CreateResponse:
    """Make a symmetric key or, since 2.0, secret data.  Source: KMIP 1.4 §4.1; 2.1 §6.1.8.

    Raises:
        OperationFailed: Invalid Object Type, Invalid Attribute Value, Cryptographic Failure and those of `requested`.
    """
    object_type = request.object_type
    if object_type is not ObjectType.SYMMETRIC_KEY and (
        object_type is not ObjectType.SECRET_DATA or context.version < V2_0
    ):
        raise OperationFailed(
            _R.INVALID_OBJECT_TYPE, "Create makes symmetric keys and, since 2.0, secret data; Register takes the rest"
        )
    asked = requested(context, object_type, request.attributes)
    algorithm = first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
    if algorithm is None and object_type is ObjectType.SYMMETRIC_KEY:
        algorithm = usual_algorithm(context, _A.AES)
    length = first(asked, Tag.CRYPTOGRAPHIC_LENGTH) or USUAL_LENGTHS.get(algorithm)
    if length is None and object_type is ObjectType.SECRET_DATA:
        length = USUAL_SECRET_BITS
    if object_type is ObjectType.SYMMETRIC_KEY and algorithm is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "Create needs a Cryptographic Algorithm")
    if length is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "Create needs a Cryptographic Length")
    if algorithm is not None and first(asked, Tag.QUANTUM_SAFE):
        check_quantum_safe(algorithm, length)
    managed = add_symmetric(
        context, asked, algorithm, length, random_key(context, algorithm, length), generated=True,
        object_type=object_type,
    )  # fmt: skip
    return CreateResponse(object_type=managed.object_type, unique_identifier=managed.unique_identifier)


def usual_algorithm(context: Context, usual: CryptographicAlgorithm) -> CryptographicAlgorithm | None:
    """The algorithm of what a client has made without naming one: since 2.0 servers supply it.

    Source: KMIP 2.1 §4, table 28.
    """
    return usual if context.version >= V2_0 else None


def random_key(context: Context, algorithm: CryptographicAlgorithm | None, length_bits: int) -> bytes:
    """Random bytes for a symmetric key; for secret data if there is no algorithm."""
    if algorithm is not None:
        context.engine.algorithms.check_made(algorithm, length_bits)
        return generate_symmetric(algorithm, length_bits)
    if length_bits % 8 or not 0 < length_bits <= MOST_SECRET_BITS:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "secret data has 1 to 8192 whole bytes")
    return secrets.token_bytes(length_bits // 8)


def add_symmetric(
    context: Context,
    asked: _ASKED_ATTRIBUTES,
    algorithm: CryptographicAlgorithm | None,
    length: int,
    key: bytes,
    *,
    generated: bool,
    object_type: ObjectType = ObjectType.SYMMETRIC_KEY,
    secret_data_type: SecretDataType = SecretDataType.SEED,
    unique_identifier: str | None = None,
    known_here_only: bool | None = None,
    owner: str | None = None,
) -> Managed:
    """Keep a symmetric key or secret data whose bytes the server has made."""
    key_format = first(asked, Tag.KEY_FORMAT_TYPE) or default_format(object_type, algorithm)
    material = in_format(object_type, key, key_format)
    block = KeyBlock(key_format_type=key_format, key_value=KeyValue(key_material=material))
    secret: ManagedObject
    if object_type is ObjectType.SYMMETRIC_KEY:
        secret = SymmetricKey(key_block=replace(block, cryptographic_algorithm=algorithm, cryptographic_length=length))
    else:  # whose Key Block does not say them: 2.1 §3.1
        secret = SecretData(secret_data_type=secret_data_type, key_block=block)
    facts: dict[AttributeName, Any] = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: algorithm,
        Tag.CRYPTOGRAPHIC_LENGTH: length,
        Tag.KEY_FORMAT_TYPE: key_format,
        Tag.DIGEST: digests(object_type, algorithm, key, material, key_format),
    }
    managed = new(
        context,
        object_type,
        asked,
        generated=generated,
        facts=facts,
        unique_identifier=unique_identifier,
        known_here_only=known_here_only,
        owner=owner,
    )
    if known_here_only is False:  # the same bytes may be here already
        managed = protected_as_copies(context, managed, block)
    return context.add(managed, secret)


# --- key pairs --------------------------------------------------------------------------------------------------------


@handles(CreateKeyPairRequest, changes=True)
def create_key_pair(context: Context, request: CreateKeyPairRequest) -> CreateKeyPairResponse:
    """Make a private and a public key that link to each other.  Source: KMIP 1.4 §4.2; 2.1 §6.1.9."""
    private_asked = requested(
        context, ObjectType.PRIVATE_KEY, request.common_attributes, request.private_key_attributes
    )
    public_asked = requested(context, ObjectType.PUBLIC_KEY, request.common_attributes, request.public_key_attributes)
    pair = make_pair(context, private_asked, public_asked)
    private, public = add_pair(context, pair, private_asked, public_asked)
    return CreateKeyPairResponse(
        private_key_unique_identifier=private.unique_identifier, public_key_unique_identifier=public.unique_identifier
    )


def make_pair(context: Context, private_asked: _ASKED_ATTRIBUTES, public_asked: _ASKED_ATTRIBUTES) -> KeyPair:
    """Generate the key pair that attributes ask for; both halves must ask for the same."""
    wanted = []
    for name in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS):
        one, other = first(private_asked, name), first(public_asked, name)
        if one is not None and other is not None and one != other:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, f"the halves of a key pair have one {name}")
        wanted.append(one if one is not None else other)
    algorithm, length, domain = wanted
    curve = domain.recommended_curve if isinstance(domain, CryptographicDomainParameters) else None
    if algorithm is None:
        algorithm = usual_algorithm(context, _A.RSA if curve is None else _A.EC)
    if algorithm is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "Create Key Pair needs a Cryptographic Algorithm")
    context.engine.algorithms.check_made(algorithm, length)
    if first(private_asked, Tag.QUANTUM_SAFE) or first(public_asked, Tag.QUANTUM_SAFE):
        check_quantum_safe(algorithm, length)
    if algorithm in _ELLIPTIC and curve is None:
        curve = _CURVES.get(length or 256)
    return prepared_pair(context, algorithm, length or USUAL_LENGTHS.get(algorithm), curve)


def add_pair(
    context: Context,
    pair: KeyPair,
    private_asked: _ASKED_ATTRIBUTES,
    public_asked: _ASKED_ATTRIBUTES,
    identifiers: tuple[str, str] | None = None,
    owners: tuple[str | None, str | None] = (None, None),
) -> tuple[Managed, Managed]:
    """Keep both halves of a new key pair."""
    made = describe(pair.private_key)
    algorithm = (
        first(private_asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
        or first(public_asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
        or made.cryptographic_algorithm
    )
    domain = first(private_asked, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS) or first(
        public_asked, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS
    )
    if domain is None and made.recommended_curve is not None:
        domain = CryptographicDomainParameters(recommended_curve=made.recommended_curve)
    own, other = identifiers or (context.engine.identifiers.new(), context.engine.identifiers.new())
    halves = []
    for object_type, cls, key, asked, identifier, link, linked, owner in (
        (ObjectType.PRIVATE_KEY, PrivateKey, pair.private_key, private_asked, own, Tag.PUBLIC_KEY_LINK, other,
         owners[0]),
        (ObjectType.PUBLIC_KEY, PublicKey, pair.public_key, public_asked, other, Tag.PRIVATE_KEY_LINK, own,
         owners[1]),
    ):  # fmt: skip
        key_format = first(asked, Tag.KEY_FORMAT_TYPE) or default_format(object_type, algorithm)
        kept = kept_format(object_type, algorithm)
        block = KeyBlock(
            key_format_type=kept,
            key_value=KeyValue(key_material=in_format(object_type, key, kept)),
            cryptographic_algorithm=algorithm,
            cryptographic_length=pair.cryptographic_length,
        )
        material = in_format(object_type, key, key_format)
        facts: dict[AttributeName, Any] = {
            Tag.CRYPTOGRAPHIC_ALGORITHM: algorithm,
            Tag.CRYPTOGRAPHIC_LENGTH: pair.cryptographic_length,
            Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: domain,
            Tag.KEY_FORMAT_TYPE: key_format,
            Tag.DIGEST: digests(object_type, algorithm, key, material, key_format, kept),
            link: linked,
        }
        managed = new(
            context, object_type, asked, generated=True, facts=facts, unique_identifier=identifier, owner=owner
        )
        halves.append(context.add(managed, cls(key_block=block)))
    context.placeholder = own
    return halves[0], halves[1]
