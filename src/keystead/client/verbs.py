"""What clients do most, each written once: a verb makes the requests and reads the answers, a client carries them.

Attributes are given by name, `name="demo"` or `attributes={"x-note": "..."}`, and values as people write them
(see `values.py`): `usage="Encrypt|Decrypt"`, `activation_date="2030-01-01"`.  Every verb raises what
`Session.perform` raises, and FieldError for an argument that cannot be read.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

from keystead.client.objects import Ciphertext, Key, KeyPair, make_object
from keystead.client.session import Outcome, Talk
from keystead.client.values import attribute_name, attributes_of, bytes_of, enumeration_of, structure_of
from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName, row_of, title_of
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    QueryFunction,
    ValidityIndicator,
)
from keystead.kmip.payloads import Request, Response, crypto, lifecycle, rekey
from keystead.kmip.payloads import attributes as attribute_payloads
from keystead.kmip.payloads import create as create_payloads
from keystead.kmip.payloads import get as get_payloads
from keystead.kmip.payloads.locate import LocateRequest, LocateResponse
from keystead.kmip.payloads.server import (
    DiscoverVersionsRequest,
    DiscoverVersionsResponse,
    QueryRequest,
    QueryResponse,
)
from keystead.kmip.payloads.session import PingRequest, PollRequest
from keystead.kmip.structures import CryptographicParameters, Name, RevocationReason, RotateName
from keystead.kmip.version import Version

R = TypeVar("R", bound=Response)


def expected(outcome: Outcome, cls: type[R]) -> R:
    """The response, if it is one of the class; a refusal is raised.

    Raises:
        OperationFailed, Pending: that is the outcome.
        CodecError: the server answered something else.
    """
    if isinstance(outcome, BaseException):
        raise outcome
    if not isinstance(outcome, cls):
        raise CodecError(f"the server answered with {type(outcome).__name__}, not {cls.__name__}")
    return outcome


def continuation(given: BatchErrorContinuationOption | str | None) -> BatchErrorContinuationOption | None:
    """Read a Batch Error Continuation Option; None stays None."""
    return None if given is None else enumeration_of(BatchErrorContinuationOption, given)


def ask(request: Request, expect: type[R]) -> Generator[Sequence[Request], Sequence[Response], R]:
    """Send one request and return its response: the usual step of a talk."""
    (response,) = yield (request,)
    return expected(response, expect)


def tell(request: Request) -> Talk[None]:
    """Send one request whose response says nothing new."""
    yield (request,)


def _attributes(said: Mapping[str, Any], more: Mapping[str, Any] | None) -> Attributes:
    given = {key: value for key, value in {**said, **(more or {})}.items() if value is not None}
    return attributes_of(given)


def _parameters(said: Mapping[str, Any]) -> CryptographicParameters | None:
    given = {key: value for key, value in said.items() if value is not None}
    return structure_of(CryptographicParameters, given) if given else None


# --- making ---------------------------------------------------------------------------------------------------------


def create(
    algorithm: CryptographicAlgorithm | str,
    length: int,
    *,
    name: str | None = None,
    usage: CryptographicUsageMask | str | None = None,
    activate: bool = False,
    attributes: Mapping[str, Any] | None = None,
    **said: Any,
) -> Talk[str]:
    """Have the server make a symmetric key of some length in bits, and return its unique identifier.

    Args:
        activate: make it Active at once, in the same message.
    """
    said |= {"algorithm": algorithm, "length": length, "name": name, "usage": usage}
    request = create_payloads.CreateRequest(
        object_type=ObjectType.SYMMETRIC_KEY, attributes=_attributes(said, attributes)
    )
    follow = (lifecycle.ActivateRequest(),) if activate else ()  # of the ID Placeholder
    made = yield (request, *follow)
    return str(expected(made[0], create_payloads.CreateResponse).unique_identifier)


def create_key_pair(
    algorithm: CryptographicAlgorithm | str,
    length: int | None = None,
    *,
    private: Mapping[str, Any] | None = None,
    public: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    **common: Any,
) -> Talk[KeyPair]:
    """Have the server make a key pair, and return the unique identifiers of its halves.

    Args:
        length: in bits; None where the curve tells (`cryptographic_domain_parameters={"curve": "P-256"}`).
        private, public: attributes of one half, such as `{"name": "signer", "usage": "Sign"}`.
        common: attributes of both.
    """
    request = create_payloads.CreateKeyPairRequest(
        common_attributes=_attributes({"algorithm": algorithm, "length": length, **common}, attributes),
        private_key_attributes=attributes_of(private) if private else None,
        public_key_attributes=attributes_of(public) if public else None,
    )
    made = yield from ask(request, create_payloads.CreateKeyPairResponse)
    return KeyPair(str(made.private_key_unique_identifier), str(made.public_key_unique_identifier))


def register(
    object_type: ObjectType | str,
    material: bytes,
    *,
    name: str | None = None,
    usage: CryptographicUsageMask | str | None = None,
    algorithm: CryptographicAlgorithm | str | None = None,
    length: int | None = None,
    format: KeyFormatType | str | None = None,
    attributes: Mapping[str, Any] | None = None,
    **said: Any,
) -> Talk[str]:
    """Give an object into the server's keeping, and return its unique identifier.

    Args:
        object_type: Symmetric Key, Private Key, Public Key, Secret Data, Certificate or Opaque Object.
        material: in the format of its type: Raw, PKCS#8, X.509 (SubjectPublicKeyInfo), the secret itself, DER.
        length: in bits.
        format: the Key Format Type, if it is another.
        said: attributes; also `secret_data_type`, `certificate_type`, `opaque_data_type` of the object itself.
    """
    parts = {key: said.pop(key, None) for key in ("secret_data_type", "certificate_type", "opaque_data_type")}
    found = enumeration_of(ObjectType, object_type)
    made = make_object(
        found, material, cryptographic_algorithm=algorithm, cryptographic_length=length, key_format_type=format, **parts
    )
    block = getattr(made, "key_block", None)
    said |= {"name": name, "usage": usage}
    if block is not None:
        said |= {"algorithm": block.cryptographic_algorithm, "length": block.cryptographic_length}
    request = create_payloads.RegisterRequest(object_type=found, attributes=_attributes(said, attributes), object=made)
    return str((yield from ask(request, create_payloads.RegisterResponse)).unique_identifier)


def register_symmetric(
    algorithm: CryptographicAlgorithm | str, material: bytes, *, name: str | None = None, **said: Any
) -> Talk[str]:
    """Register a symmetric key; as `register`."""
    return register(ObjectType.SYMMETRIC_KEY, material, algorithm=algorithm, name=name, **said)


def register_secret(secret: bytes | str, *, name: str | None = None, **said: Any) -> Talk[str]:
    """Register secret data, a password unless `secret_data_type` says Seed; as `register`."""
    material = bytes_of(f"text:{secret}") if isinstance(secret, str) else secret
    return register(ObjectType.SECRET_DATA, material, name=name, **{"usage": CryptographicUsageMask(0), **said})


def register_certificate(der: bytes, *, name: str | None = None, **said: Any) -> Talk[str]:
    """Register an X.509 certificate in DER; as `register`."""
    return register(ObjectType.CERTIFICATE, der, name=name, **said)


def re_key(unique_identifier: str, *, offset: int | None = None, **said: Any) -> Talk[str]:
    """Replace a symmetric key by a new one, and return the new one's unique identifier.

    Args:
        offset: seconds from the new key's Initial Date to its Activation Date.
    """
    request = rekey.ReKeyRequest(
        unique_identifier=unique_identifier, offset=offset, attributes=_attributes(said, None) or None
    )
    return str((yield from ask(request, rekey.ReKeyResponse)).unique_identifier)


# --- finding and reading --------------------------------------------------------------------------------------------


def get(unique_identifier: str, *, format: KeyFormatType | str | None = None, **said: Any) -> Talk[Key]:
    """Fetch an object.

    Args:
        format: the Key Format Type to fetch it in.
        said: other fields of the request, such as `key_wrapping_specification`.
    """
    given = {"unique_identifier": unique_identifier, "key_format_type": format, **said}
    request = structure_of(get_payloads.GetRequest, {key: value for key, value in given.items() if value is not None})
    found = yield from ask(request, get_payloads.GetResponse)
    return Key(str(found.unique_identifier), found.object_type, found.object)


def locate(
    name: str | None = None,
    *,
    maximum_items: int | None = None,
    offset_items: int | None = None,
    attributes: Mapping[str, Any] | None = None,
    **filters: Any,
) -> Talk[list[str]]:
    """Find objects by their attributes, newest first, and return their unique identifiers."""
    request = LocateRequest(
        maximum_items=maximum_items,
        offset_items=offset_items,
        attributes=_attributes({"name": name, **filters}, attributes) or None,
    )
    found = yield from ask(request, LocateResponse)
    return [str(each) for each in found.unique_identifier]


def get_attributes(unique_identifier: str, *names: str) -> Talk[dict[str, Any]]:
    """Read attributes, all unless some are named.

    Returns:
        {name: value}, the names in snake_case (a vendor's as in KMIP 1.x, such as "x-note"); of attributes that may
        have several instances, a list of values; a Name is its text.
    """
    request = attribute_payloads.GetAttributesRequest(
        unique_identifier=unique_identifier, attribute_reference=tuple(map(attribute_name, names))
    )
    found = yield from ask(request, attribute_payloads.GetAttributesResponse)
    return plain(found.attributes or Attributes())


def plain(attributes: Attributes) -> dict[str, Any]:
    """Attributes as a mapping; see `get_attributes`."""
    made: dict[str, Any] = {}
    for attribute in attributes:
        row = row_of(attribute.name)
        key = _name(attribute)
        if row is None or row.multiple:
            made.setdefault(key, []).append(_plain(attribute.value))
        else:
            made[key] = _plain(attribute.value)
    return made


def _name(attribute: Attribute) -> str:
    name = attribute.name
    return title_of(name) if isinstance(name, VendorAttributeName) else name.name.lower()


def _plain(value: Any) -> Any:
    if isinstance(value, ttlv.Item):
        return value.value
    if isinstance(value, Name):
        return value.name_value
    return value.rotate_name_value if isinstance(value, RotateName) else value


def get_attribute_list(unique_identifier: str) -> Talk[list[str]]:
    """List the names of an object's attributes, as `get_attributes` names them."""
    request = attribute_payloads.GetAttributeListRequest(unique_identifier=unique_identifier)
    found = yield from ask(request, attribute_payloads.GetAttributeListResponse)
    return [_name(Attribute(name)) for name in found.attribute_reference]


# --- changing -------------------------------------------------------------------------------------------------------


def _attribute(said: Mapping[str, Any], more: Mapping[str, Any] | None) -> Attribute:
    attributes = _attributes(said, more)
    if len(attributes) != 1:
        raise TypeError(f"exactly one attribute is needed, not {len(attributes)}")
    return attributes.items[0]


def add_attribute(unique_identifier: str, attributes: Mapping[str, Any] | None = None, **said: Any) -> Talk[None]:
    """Add an instance of an attribute: `add_attribute(uid, contact_information="ops@example.org")`."""
    return tell(
        attribute_payloads.AddAttributeRequest(
            unique_identifier=unique_identifier, new_attribute=_attribute(said, attributes)
        )
    )


def modify_attribute(unique_identifier: str, attributes: Mapping[str, Any] | None = None, **said: Any) -> Talk[None]:
    """Change an attribute that has one instance."""
    return tell(
        attribute_payloads.ModifyAttributeRequest(
            unique_identifier=unique_identifier, new_attribute=_attribute(said, attributes)
        )
    )


def set_attribute(unique_identifier: str, attributes: Mapping[str, Any] | None = None, **said: Any) -> Talk[None]:
    """Set an attribute, whether it had a value or not (since KMIP 2.0)."""
    return tell(
        attribute_payloads.SetAttributeRequest(
            unique_identifier=unique_identifier, new_attribute=_attribute(said, attributes)
        )
    )


def delete_attribute(unique_identifier: str, name: str) -> Talk[None]:
    """Delete an attribute."""
    return tell(
        attribute_payloads.DeleteAttributeRequest(
            unique_identifier=unique_identifier, attribute_reference=attribute_name(name)
        )
    )


def activate(unique_identifier: str) -> Talk[None]:
    """Make an object Active."""
    return tell(lifecycle.ActivateRequest(unique_identifier=unique_identifier))


def revoke(
    unique_identifier: str,
    reason: str = "Cessation of Operation",
    *,
    message: str | None = None,
    compromise_occurrence_date: int | None = None,
) -> Talk[None]:
    """Deactivate an object, or say that it is compromised: reason "Key Compromise" or "CA Compromise"."""
    given = {"revocation_reason_code": reason} | ({"revocation_message": message} if message else {})
    return tell(
        lifecycle.RevokeRequest(
            unique_identifier=unique_identifier,
            revocation_reason=structure_of(RevocationReason, given),
            compromise_occurrence_date=compromise_occurrence_date,
        )
    )


def destroy(unique_identifier: str) -> Talk[None]:
    """Destroy the material of an object; an Active one has to be revoked before."""
    return tell(lifecycle.DestroyRequest(unique_identifier=unique_identifier))


def archive(unique_identifier: str) -> Talk[None]:
    """Move an object to archival storage."""
    return tell(lifecycle.ArchiveRequest(unique_identifier=unique_identifier))


def recover(unique_identifier: str) -> Talk[None]:
    """Bring an object back from archival storage."""
    return tell(lifecycle.RecoverRequest(unique_identifier=unique_identifier))


# --- using keys -----------------------------------------------------------------------------------------------------


def encrypt(
    unique_identifier: str,
    data: bytes,
    *,
    iv: bytes | None = None,
    additional_data: bytes | None = None,
    **parameters: Any,
) -> Talk[Ciphertext]:
    """Encrypt data with a key that stays on the server.

    Args:
        iv: the IV, counter or nonce; None where the server makes one (`random_iv=True`) or the mode has none.
        additional_data: authenticated, not encrypted (KMIP 1.4 and newer).
        parameters: fields of Cryptographic Parameters, such as `mode="GCM"`, `padding="PKCS5"`, `tag_length=16`;
            those of the key if there are none.
    """
    request = crypto.EncryptRequest(
        unique_identifier=unique_identifier,
        cryptographic_parameters=_parameters(parameters),
        data=data,
        iv_counter_nonce=iv,
        authenticated_encryption_additional_data=additional_data,
    )
    made = yield from ask(request, crypto.EncryptResponse)
    return Ciphertext(made.data or b"", made.iv_counter_nonce or iv, made.authenticated_encryption_tag)


def decrypt(
    unique_identifier: str,
    data: Ciphertext | bytes,
    *,
    iv: bytes | None = None,
    additional_data: bytes | None = None,
    **parameters: Any,
) -> Talk[bytes]:
    """Decrypt what `encrypt` returned, or bytes; arguments as there."""
    sealed = data if isinstance(data, Ciphertext) else Ciphertext(data)
    request = crypto.DecryptRequest(
        unique_identifier=unique_identifier,
        cryptographic_parameters=_parameters(parameters),
        data=sealed.data,
        iv_counter_nonce=iv or sealed.iv_counter_nonce,
        authenticated_encryption_additional_data=additional_data,
        authenticated_encryption_tag=sealed.authenticated_encryption_tag,
    )
    return (yield from ask(request, crypto.DecryptResponse)).data or b""


def sign(unique_identifier: str, data: bytes, *, digested: bool = False, **parameters: Any) -> Talk[bytes]:
    """Sign data, or the digest of data, and return the signature."""
    request = crypto.SignRequest(
        unique_identifier=unique_identifier,
        cryptographic_parameters=_parameters(parameters),
        data=None if digested else data,
        digested_data=data if digested else None,
    )
    return (yield from ask(request, crypto.SignResponse)).signature_data or b""


def verify(
    unique_identifier: str, data: bytes, signature: bytes, *, digested: bool = False, **parameters: Any
) -> Talk[bool]:
    """Whether a signature is that of data, or of the digest of data."""
    request = crypto.SignatureVerifyRequest(
        unique_identifier=unique_identifier,
        cryptographic_parameters=_parameters(parameters),
        data=None if digested else data,
        digested_data=data if digested else None,
        signature_data=signature,
    )
    found = yield from ask(request, crypto.SignatureVerifyResponse)
    return found.validity_indicator is ValidityIndicator.VALID


def mac(unique_identifier: str, data: bytes, **parameters: Any) -> Talk[bytes]:
    """Compute a message authentication code."""
    request = crypto.MACRequest(
        unique_identifier=unique_identifier, cryptographic_parameters=_parameters(parameters), data=data
    )
    return (yield from ask(request, crypto.MACResponse)).mac_data or b""


def mac_verify(unique_identifier: str, data: bytes, code: bytes, **parameters: Any) -> Talk[bool]:
    """Whether a message authentication code is that of data."""
    request = crypto.MACVerifyRequest(
        unique_identifier=unique_identifier,
        cryptographic_parameters=_parameters(parameters),
        data=data,
        mac_data=code,
    )
    found = yield from ask(request, crypto.MACVerifyResponse)
    return found.validity_indicator is ValidityIndicator.VALID


def random(length: int) -> Talk[bytes]:
    """Get bytes from the server's random number generator."""
    return (yield from ask(crypto.RNGRetrieveRequest(data_length=length), crypto.RNGRetrieveResponse)).data


# --- the server -----------------------------------------------------------------------------------------------------


def query(*functions: QueryFunction | str) -> Talk[QueryResponse]:
    """Ask what the server can do: its operations and object types, unless other functions are named."""
    wanted = functions or (QueryFunction.QUERY_OPERATIONS, QueryFunction.QUERY_OBJECTS)
    request = QueryRequest(query_function=tuple(enumeration_of(QueryFunction, each) for each in wanted))
    return (yield from ask(request, QueryResponse))


def discover_versions() -> Talk[list[Version]]:
    """List the versions that the server speaks and this client knows, the server's favourite first."""
    found = yield from ask(DiscoverVersionsRequest(), DiscoverVersionsResponse)
    known = {(version.major, version.minor): version for version in Version}
    spoken = ((each.protocol_version_major, each.protocol_version_minor) for each in found.protocol_version)
    return [known[each] for each in spoken if each in known]


def ping() -> Talk[None]:
    """Ask whether the server is there (since KMIP 2.0)."""
    return tell(PingRequest())


def poll(correlation_value: bytes) -> Talk[Response]:
    """Ask for the result of a request that was Pending; raises Pending again while it is."""
    return ask(PollRequest(asynchronous_correlation_value=correlation_value), Response)
