"""Making objects: Create, Create Key Pair, Register, Derive Key, Import."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from keystead.crypto.dump import dump_private, dump_public
from keystead.crypto.formats import examine_private, examine_public
from keystead.crypto.keys import KeyPair, check_symmetric, describe, generate_symmetric, symmetric_bytes
from keystead.engine import use
from keystead.engine.certificates import certificate_attributes
from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.making import digest_of, new, requested
from keystead.engine.managed import Managed, gather
from keystead.engine.preparing import prepared_derivation, prepared_pair
from keystead.engine.wrapping import unwrapped
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES, Attribute, AttributeName, Attributes
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    RecommendedCurve,
    ResultReason,
    SecretDataType,
)
from keystead.kmip.objects import (
    OBJECT_TYPES,
    Certificate,
    CertificateRequest,
    KeyBlock,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SplitKey,
    SymmetricKey,
    Template,
)
from keystead.kmip.payloads.create import (
    CreateKeyPairRequest,
    CreateKeyPairResponse,
    CreateRequest,
    CreateResponse,
    DeriveKeyRequest,
    DeriveKeyResponse,
    ImportRequest,
    ImportResponse,
    RegisterRequest,
    RegisterResponse,
)
from keystead.kmip.schema import dump
from keystead.kmip.structures import CryptographicDomainParameters, TransparentKey
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST

_R = ResultReason
_A = CryptographicAlgorithm
_ASKED_ATTRIBUTES = dict[AttributeName, tuple[Attribute, ...]]
USUAL_LENGTHS: Final = {_A.AES: 256, _A.RSA: 3072, _A.TRIPLE_DES: 168, _A.CHACHA20: 256, _A.CHACHA20POLY1305: 256}
_ELLIPTIC: Final = frozenset({_A.EC, _A.ECDSA, _A.ECDH, _A.ECMQV})
_CURVES: Final = {
    192: RecommendedCurve.P_192,
    224: RecommendedCurve.P_224,
    256: RecommendedCurve.P_256,
    384: RecommendedCurve.P_384,
    521: RecommendedCurve.P_521,
}


def _first(attributes: _ASKED_ATTRIBUTES, name: Tag) -> Any:
    found = attributes.get(name)
    return found[0].value if found else None


@handles(CreateRequest, changes=True)
def create(context: Context, request: CreateRequest) -> CreateResponse:
    """Make a symmetric key.  Source: KMIP 1.4 §4.1; 2.1 §6.1.8.

    Raises:
        OperationFailed: Invalid Object Type, Invalid Attribute Value, Cryptographic Failure and those of `requested`.
    """
    if request.object_type is not ObjectType.SYMMETRIC_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Create makes symmetric keys; Register takes other objects")
    asked = requested(context, request.object_type, request.attributes)
    algorithm = _first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
    if algorithm is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "Create needs a Cryptographic Algorithm")
    length = _first(asked, Tag.CRYPTOGRAPHIC_LENGTH) or USUAL_LENGTHS.get(algorithm)
    if length is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "Create needs a Cryptographic Length")
    managed = add_symmetric(context, asked, algorithm, length, generate_symmetric(algorithm, length), generated=True)
    return CreateResponse(object_type=managed.object_type, unique_identifier=managed.unique_identifier)


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
) -> Managed:
    """Keep a symmetric key or secret data whose bytes the server has made."""
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=key),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    secret: ManagedObject = (
        SymmetricKey(key_block=block)
        if object_type is ObjectType.SYMMETRIC_KEY
        else SecretData(secret_data_type=secret_data_type, key_block=block)
    )
    facts = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: algorithm,
        Tag.CRYPTOGRAPHIC_LENGTH: length,
        Tag.KEY_FORMAT_TYPE: KeyFormatType.RAW,
        Tag.DIGEST: digest_of(key, KeyFormatType.RAW),
    }
    managed = new(
        context, object_type, asked, generated=generated, facts=facts, unique_identifier=unique_identifier
    )
    return context.add(managed, secret)


# --- key pairs --------------------------------------------------------------------------------------------------------

# What the specification has servers produce: 2.1 section 4.26, table 81.  EC keys are kept as PKCS#8 and X.509, from
# which the Transparent formats of every version are made when they are handed out.
_PAIR_FORMATS: Final = {_A.RSA: (KeyFormatType.PKCS_1, KeyFormatType.PKCS_1)}
_OTHER_FORMATS: Final = (KeyFormatType.PKCS_8, KeyFormatType.X_509)


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
        one, other = _first(private_asked, name), _first(public_asked, name)
        if one is not None and other is not None and one != other:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, f"the halves of a key pair have one {name}")
        wanted.append(one if one is not None else other)
    algorithm, length, domain = wanted
    if algorithm is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "Create Key Pair needs a Cryptographic Algorithm")
    curve = domain.recommended_curve if isinstance(domain, CryptographicDomainParameters) else None
    if algorithm in _ELLIPTIC and curve is None:
        curve = _CURVES.get(length or 256)
    return prepared_pair(context, algorithm, length or USUAL_LENGTHS.get(algorithm), curve)


def add_pair(
    context: Context,
    pair: KeyPair,
    private_asked: _ASKED_ATTRIBUTES,
    public_asked: _ASKED_ATTRIBUTES,
    identifiers: tuple[str, str] | None = None,
) -> tuple[Managed, Managed]:
    """Keep both halves of a new key pair."""
    algorithm = _first(private_asked, Tag.CRYPTOGRAPHIC_ALGORITHM) or _first(public_asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
    domain = _first(private_asked, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS) or _first(
        public_asked, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS
    )
    curve = describe(pair.private_key).recommended_curve
    if domain is None and curve is not None:
        domain = CryptographicDomainParameters(recommended_curve=curve)
    formats = _PAIR_FORMATS.get(algorithm, _OTHER_FORMATS)
    own, other = identifiers or (context.engine.identifiers.new(), context.engine.identifiers.new())
    halves = []
    for object_type, cls, key_format, material, asked, identifier, link, linked in (
        (ObjectType.PRIVATE_KEY, PrivateKey, formats[0], dump_private(pair.private_key, formats[0]), private_asked, own,
         Tag.PUBLIC_KEY_LINK, other),
        (ObjectType.PUBLIC_KEY, PublicKey, formats[1], dump_public(pair.public_key, formats[1]), public_asked, other,
         Tag.PRIVATE_KEY_LINK, own),
    ):  # fmt: skip
        block = KeyBlock(
            key_format_type=key_format,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=algorithm,
            cryptographic_length=pair.cryptographic_length,
        )
        facts = {
            Tag.CRYPTOGRAPHIC_ALGORITHM: algorithm,
            Tag.CRYPTOGRAPHIC_LENGTH: pair.cryptographic_length,
            Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: domain,
            Tag.KEY_FORMAT_TYPE: key_format,
            Tag.DIGEST: digest_of(material_bytes(material), key_format),
            link: linked,
        }
        managed = new(context, object_type, asked, generated=True, facts=facts, unique_identifier=identifier)
        halves.append(context.add(managed, cls(key_block=block)))
    context.placeholder = own
    return halves[0], halves[1]


def material_bytes(material: bytes | TransparentKey) -> bytes:
    """Key material as the bytes that a digest is of."""
    return material if isinstance(material, bytes) else dump(material, NEWEST)


# --- Register and Import ----------------------------------------------------------------------------------------------


@handles(RegisterRequest, changes=True)
def register(context: Context, request: RegisterRequest) -> RegisterResponse:
    """Take an object into keeping.  Source: KMIP 1.4 §4.3; 2.1 §6.1.43.

    Raises:
        OperationFailed: Invalid Object Type, Invalid Attribute Value, Cryptographic Failure and those of `requested`.
    """
    secret = request.object
    if secret is None:
        raise OperationFailed(_R.INVALID_MESSAGE, "Register needs the object")
    if OBJECT_TYPES.get(type(secret)) is not request.object_type:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the object is not of the Object Type")
    asked = requested(context, request.object_type, _inner_attributes(secret), request.attributes)
    secret, facts = examined(context, request.object_type, secret, asked)
    managed = new(context, request.object_type, asked, generated=False, facts=facts)
    return RegisterResponse(unique_identifier=context.add(managed, secret, context.version).unique_identifier)


def _inner_attributes(secret: ManagedObject) -> Attributes | None:
    """The attributes that travel within a Key Value."""
    block = getattr(secret, "key_block", None)
    value = block.key_value if isinstance(block, KeyBlock) else None
    return value.attributes if isinstance(value, KeyValue) else None


def examined(
    context: Context, object_type: ObjectType, secret: ManagedObject, asked: _ASKED_ATTRIBUTES
) -> tuple[ManagedObject, dict[AttributeName, Any]]:
    """Check an object that came in, and read off it the attributes that follow.

    Returns: the object as it is kept, and its facts.
    """
    if isinstance(secret, Certificate):
        return secret, certificate_attributes(secret)
    if isinstance(secret, OpaqueObject):
        return secret, {
            Tag.OPAQUE_DATA_TYPE: secret.opaque_data_type,
            Tag.DIGEST: digest_of(secret.opaque_data_value, KeyFormatType.OPAQUE),
        }
    if isinstance(secret, CertificateRequest):
        return secret, {Tag.DIGEST: digest_of(secret.certificate_request_value, KeyFormatType.PKCS_10)}
    if isinstance(secret, Template):
        # A template may be named by the attributes that it holds as well.
        own = gather(a for a in secret.attributes or () if a.name is Tag.NAME)
        asked.update({name: instances for name, instances in own.items() if name not in asked})
        if not asked.get(Tag.NAME):
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a template needs a Name")
        return secret, {}
    block = use.key_block(secret)
    algorithm = block.cryptographic_algorithm or _first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
    length = block.cryptographic_length or _first(asked, Tag.CRYPTOGRAPHIC_LENGTH)
    facts: dict[AttributeName, Any] = {Tag.KEY_FORMAT_TYPE: block.key_format_type}
    if block.key_value is None:
        if not asked.get(Tag.KEY_VALUE_LOCATION):
            raise OperationFailed(_R.INVALID_MESSAGE, "without its Key Value an object needs a Key Value Location")
        facts[Tag.KEY_VALUE_PRESENT] = False
    elif isinstance(block.key_value, KeyValue):
        algorithm, length, found = _examined_key(object_type, block, algorithm, length)
        facts.update(found)
    else:
        if block.key_wrapping_data is None:
            raise OperationFailed(_R.INVALID_FIELD, "a wrapped Key Value needs Key Wrapping Data")
        facts.update(_examined_wrapped(context, object_type, secret, algorithm, length))
    facts[Tag.CRYPTOGRAPHIC_ALGORITHM] = algorithm
    facts[Tag.CRYPTOGRAPHIC_LENGTH] = length
    if isinstance(secret, SplitKey):
        facts |= {
            Tag.SPLIT_KEY_PARTS: secret.split_key_parts,
            Tag.KEY_PART_IDENTIFIER: secret.key_part_identifier,
            Tag.SPLIT_KEY_THRESHOLD: secret.split_key_threshold,
            Tag.SPLIT_KEY_METHOD: secret.split_key_method,
        }
    row = ATTRIBUTES
    return _completed(secret, algorithm, length), {
        name: value for name, value in facts.items() if object_type in row[name].applies_to  # type: ignore[index]
    }


def _completed(secret: ManagedObject, algorithm: Any, length: Any) -> ManagedObject:
    """Put into the Key Block what only the attributes said, as Get must give it."""
    block = use.key_block(secret)
    if isinstance(secret, SecretData):
        return secret
    block = replace(block, cryptographic_algorithm=algorithm, cryptographic_length=length)
    return replace(secret, key_block=block)  # type: ignore[type-var]


def _examined_key(
    object_type: ObjectType, block: KeyBlock, algorithm: Any, length: Any
) -> tuple[Any, Any, dict[AttributeName, Any]]:
    value = block.key_value
    assert isinstance(value, KeyValue)
    material, key_format = value.key_material, block.key_format_type
    facts: dict[AttributeName, Any] = {Tag.DIGEST: digest_of(material_bytes(material), key_format)}
    if object_type is ObjectType.SYMMETRIC_KEY:
        if key_format is KeyFormatType.OPAQUE and isinstance(material, bytes):
            return algorithm, length or 8 * len(material), facts
        key = symmetric_bytes(key_format, material)
        facts[Tag.DIGEST] = digest_of(key, KeyFormatType.RAW)
        if algorithm is None:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a symmetric key needs a Cryptographic Algorithm")
        return algorithm, check_symmetric(algorithm, key, length), facts
    if object_type in (ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY):
        if key_format is KeyFormatType.OPAQUE:
            return algorithm, length, facts
        examine = examine_private if object_type is ObjectType.PRIVATE_KEY else examine_public
        found = examine(key_format, material, algorithm)
        if found is None:  # encrypted under a password that only its owner has
            return algorithm, length, facts
        if length is not None and length != found.cryptographic_length:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "the Cryptographic Length is not that of the key")
        if found.recommended_curve is not None:
            facts[Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS] = CryptographicDomainParameters(
                recommended_curve=found.recommended_curve
            )
        return algorithm or found.cryptographic_algorithm, found.cryptographic_length, facts
    if length is None and isinstance(material, bytes):
        length = 8 * len(material)
    return algorithm, length, facts


def _examined_wrapped(
    context: Context, object_type: ObjectType, secret: ManagedObject, algorithm: Any, length: Any
) -> dict[AttributeName, Any]:
    """A wrapped object is kept as it came; it is opened once, if its wrapping key is here, to see that it can be.

    Source: KMIP 1.4 §4.3; 2.1 §6.1.43 and §3.3.
    """
    plain = unwrapped(context, secret, optional=True)
    if plain is None:
        return {}
    block = use.key_block(plain)
    _, _, facts = _examined_key(object_type, block, algorithm, length)
    return {Tag.DIGEST: facts[Tag.DIGEST]}


# An import brings attributes that elsewhere only the server sets.
_NOT_IMPORTED: Final = frozenset(
    {
        Tag.STATE, Tag.OBJECT_TYPE, Tag.UNIQUE_IDENTIFIER, Tag.LAST_CHANGE_DATE, Tag.ALWAYS_SENSITIVE,
        Tag.NEVER_EXTRACTABLE, Tag.DIGEST, Tag.ARCHIVE_DATE, Tag.KEY_FORMAT_TYPE, Tag.SHORT_UNIQUE_IDENTIFIER,
        Tag.DESTROY_DATE,
    }
)  # fmt: skip


@handles(ImportRequest, changes=True)
def import_(context: Context, request: ImportRequest) -> ImportResponse:
    """Take an object into keeping with its attributes, under its own Unique Identifier.

    Source: KMIP 1.4 §4.42; 2.1 §6.1.26.

    Raises:
        OperationFailed: Object Already Exists, Invalid Field and those of Register.
    """
    object_type = OBJECT_TYPES[type(request.object)]
    if request.object_type is not None and request.object_type is not object_type:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the object is not of the Object Type")
    own = request.unique_identifier
    if not isinstance(own, str) or not 0 < len(own) <= 128 or not own.isprintable():
        raise OperationFailed(_R.INVALID_FIELD, "Import needs a Unique Identifier of 1 to 128 printable characters")
    before = context.turn.fetch(own)
    if before is not None:
        if not request.replace_existing:
            raise OperationFailed(_R.OBJECT_ALREADY_EXISTS, "an object with this Unique Identifier exists")
        context.forget(context.object(own))
    asked = {
        name: instances
        for name, instances in gather(request.attributes or ()).items()
        if name not in _NOT_IMPORTED
    }
    secret, facts = examined(context, object_type, request.object, asked)
    managed = new(context, object_type, asked, generated=False, facts=facts, unique_identifier=own)
    context.add(managed, secret, context.version)
    return ImportResponse(unique_identifier=own)


# --- Derive Key -------------------------------------------------------------------------------------------------------


@handles(DeriveKeyRequest, changes=True)
def derive_key(context: Context, request: DeriveKeyRequest) -> DeriveKeyResponse:
    """Derive a symmetric key or secret data.  Source: KMIP 1.4 §4.6; 2.1 §6.1.14."""
    if request.object_type not in (ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA):
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Derive Key makes symmetric keys and secret data")
    bases = [context.object(identifier) for identifier in request.unique_identifier]
    for base in bases:
        use.check(context, base, CryptographicUsageMask.DERIVE_KEY)
    asked = requested(context, request.object_type, request.attributes)
    algorithm = _first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
    length = _first(asked, Tag.CRYPTOGRAPHIC_LENGTH)
    if length is None or length % 8 or (algorithm is None and request.object_type is ObjectType.SYMMETRIC_KEY):
        raise OperationFailed(
            _R.INVALID_ATTRIBUTE_VALUE, "Derive Key needs a Cryptographic Length in whole bytes and, for a key, an algorithm"
        )
    parameters = request.derivation_parameters
    if parameters.cryptographic_parameters is None:
        parameters = replace(
            parameters, cryptographic_parameters=bases[0].get(Tag.CRYPTOGRAPHIC_PARAMETERS)
        )
    secrets = [
        use.loaded_key(context, base)
        if base.object_type in (ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY)
        else use.secret_bytes(context, base)
        for base in bases
    ]
    key = prepared_derivation(
        context, request.derivation_method, parameters, secrets, length // 8, use.optional_algorithm(bases[0])
    )
    if algorithm is not None and request.object_type is ObjectType.SYMMETRIC_KEY:
        check_symmetric(algorithm, key, length)
    # What is derived from a secret that may not leave may not leave either (guide K22).
    inherited = {
        Tag.SENSITIVE: any(base.get(Tag.SENSITIVE) for base in bases) or None,
        Tag.EXTRACTABLE: False if any(base.get(Tag.EXTRACTABLE) is False for base in bases) else None,
    }
    for name, value in inherited.items():
        if value is not None:
            asked[name] = (Attribute(name, value, 0),)
    asked[Tag.DERIVATION_OBJECT_LINK] = tuple(
        Attribute(Tag.DERIVATION_OBJECT_LINK, base.unique_identifier, n) for n, base in enumerate(bases)
    )
    managed = add_symmetric(
        context, asked, algorithm, length, key, generated=True, object_type=request.object_type,
    )  # fmt: skip
    for base in bases:
        context.save(base.add(Tag.DERIVED_OBJECT_LINK, managed.unique_identifier))
    context.placeholder = managed.unique_identifier
    return DeriveKeyResponse(unique_identifier=managed.unique_identifier)
