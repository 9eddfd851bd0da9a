"""The authorisation matrix: for every operation and every place in its request that names an object, how to ask.

The places are read off the declarations, so that a new operation or field has no row until one is written, and the test
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from keystead.crypto.dump import dump_private
from keystead.engine.handlers import HANDLERS
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    AdjustmentType,
    BlockCipherMode,
    CertificateRequestType,
    CertificateType,
    CryptographicUsageMask,
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    SecretDataType,
    SplitKeyMethod,
    UsageLimitsUnit,
    WrappingMethod,
)
from keystead.kmip.identifiers import Identifier
from keystead.kmip.objects import (
    Certificate,
    CertificateRequest,
    KeyBlock,
    KeyValue,
    KeyWrappingSpecification,
    PrivateKey,
    SecretData,
)
from keystead.kmip.payloads import Request, certify, create, crypto, get, lifecycle, rekey, session
from keystead.kmip.payloads import attributes as attribute_payloads
from keystead.kmip.schema import Kind, OneOf, Structure, fields_of
from keystead.kmip.structures import (
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    MACSignatureKeyInformation,
    ObjectGroups,
    Objects,
    Right,
    Rights,
    UsageLimits,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1, V3_0, Version
from keystead.pki.ca import Authority
from tests.engine import keys
from tests.engine.keys import DATA, WRAP, A, M, attributes, get_wrapped, symmetric, wrapped_by
from tests.engine.test_certify import csr
from tests.engine.world import World

R = ResultReason
ABSENT = R.OBJECT_NOT_FOUND
Names = tuple[str, ...]
PKCS_10 = CertificateRequestType.PKCS_10
KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = Authority.create("an authority of a client's", "P-256")
_numbers = count()


# --- places -----------------------------------------------------------------------------------------------------------


def _kinds(kind: Kind) -> Iterator[Kind]:
    if isinstance(kind, OneOf):
        for one in kind.kinds:
            yield from _kinds(one)
    else:
        yield kind


def _places(cls: type[Structure], within: tuple[type[Structure], ...] = ()) -> Iterator[str]:
    for field in fields_of(cls):
        for kind in _kinds(field.kind):
            if isinstance(kind, Identifier):
                yield field.name
            for part in kind.python_types():
                if issubclass(part, Structure) and part not in within:
                    yield from (f"{field.name}.{place}" for place in _places(part, (*within, cls)))


Place = tuple[Operation, str]
PLACES: frozenset[Place] = frozenset((request.OPERATION, place) for request in HANDLERS for place in _places(request))
"""Every field of every operation that is answered in which an object is named."""


# --- objects ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Owner:
    """Makes objects of one caller."""

    world: World
    who: str

    def do(self, request: Request, version: Version = V2_1) -> Any:
        return self.world.do(request, who=self.who, version=version)

    def key(self, mask: CryptographicUsageMask = DATA, **more: Any) -> str:
        return keys.create(self.world, mask, who=self.who, **more)

    def inactive(self) -> str:
        asked = attributes(cryptographic_algorithm=A.AES, cryptographic_length=256, cryptographic_usage_mask=DATA)
        made = self.do(create.CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked))
        return str(made.unique_identifier)

    def pair(self, kem: bool = False) -> Names:
        asked = attributes(
            cryptographic_algorithm=A.ML_KEM_768 if kem else A.EC,
            activation_date=1,
            **({} if kem else {"cryptographic_length": 256}),
        )
        made = self.do(
            create.CreateKeyPairRequest(
                common_attributes=asked,
                private_key_attributes=attributes(cryptographic_usage_mask=M.KEY_AGREEMENT if kem else M.SIGN),
                public_key_attributes=attributes(cryptographic_usage_mask=M.KEY_AGREEMENT if kem else M.VERIFY),
            ),
            V3_0,
        )
        return str(made.private_key_unique_identifier), str(made.public_key_unique_identifier)

    def private(self) -> str:
        return self.pair()[0]

    def public(self) -> str:
        return self.pair()[1]

    def certificate(self) -> Names:
        """A certificate and its public key."""
        public = self.public()
        return str(self.do(certify.CertifyRequest(unique_identifier=public)).unique_identifier), public

    def certificate_requests(self) -> Names:
        """Requests of alice and of bob, for the same key."""
        found = []
        for who in ("alice", "bob"):
            content = CertificateRequest(certificate_request_type=PKCS_10, certificate_request_value=csr(who, key=KEY))
            asked = create.RegisterRequest(
                object_type=ObjectType.CERTIFICATE_REQUEST, attributes=Attributes(), object=content
            )
            found.append(str(self.do(asked, V3_0).unique_identifier))
        return tuple(found)

    def certificate_of_request(self) -> str:
        """A certificate for that key."""
        asked = certify.CertifyRequest(
            certificate_request_type=PKCS_10, certificate_request_value=csr(self.who, key=KEY)
        )
        return str(self.do(asked).unique_identifier)

    def issuer(self) -> Names:
        """The certificate of an authority, and its private key."""
        private = str(
            self.do(
                create.RegisterRequest(
                    object_type=ObjectType.PRIVATE_KEY,
                    attributes=attributes(cryptographic_usage_mask=M.CERTIFICATE_SIGN, activation_date=1),
                    object=PrivateKey(
                        key_block=KeyBlock(
                            key_format_type=KeyFormatType.PKCS_8,
                            key_value=KeyValue(key_material=dump_private(ISSUER.private_key, KeyFormatType.PKCS_8)),
                            cryptographic_algorithm=A.EC,
                            cryptographic_length=256,
                        )
                    ),
                )
            ).unique_identifier
        )
        content = Certificate(
            certificate_type=CertificateType.X_509,
            certificate_value=ISSUER.certificate.public_bytes(Encoding.DER),
        )
        asked = create.RegisterRequest(
            object_type=ObjectType.CERTIFICATE, attributes=attributes(private_key_link=private), object=content
        )
        return str(self.do(asked).unique_identifier), private

    def archived(self) -> str:
        key = self.key()
        self.do(lifecycle.ArchiveRequest(unique_identifier=key))
        return key

    def limited(self) -> str:
        limits = UsageLimits(usage_limits_total=9, usage_limits_count=9, usage_limits_unit=UsageLimitsUnit.OBJECT)
        return self.key(usage_limits=limits)

    def counted(self) -> str:
        key = self.key()
        value = ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 1)
        added = Attribute(VendorAttributeName("x", "count"), value)
        self.do(attribute_payloads.AddAttributeRequest(unique_identifier=key, new_attribute=added))
        return key

    def commented(self) -> str:
        key = self.key()
        comment = Attribute(Tag.COMMENT, "a comment")
        self.do(attribute_payloads.AddAttributeRequest(unique_identifier=key, new_attribute=comment))
        return key

    def password(self) -> str:
        block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=PASSWORD))
        asked = create.RegisterRequest(
            object_type=ObjectType.SECRET_DATA,
            attributes=attributes(cryptographic_usage_mask=M.DERIVE_KEY, activation_date=1),
            object=SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block),
        )
        return str(self.do(asked).unique_identifier)

    def parts(self) -> Names:
        asked = create.CreateSplitKeyRequest(
            object_type=ObjectType.SPLIT_KEY,
            unique_identifier=self.key(),
            split_key_parts=2,
            split_key_threshold=2,
            split_key_method=SplitKeyMethod.XOR,
            attributes=Attributes(),
        )
        return tuple(map(str, self.do(asked).unique_identifier))


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """How to ask for an operation on an object of somebody else's.

    Attributes:
        subject: makes the object; its name first, then those of others that the operation reaches from there.
        request: names it, on behalf of a caller that may have to have objects of its own.
        absent: why it is refused if there is no such object; None if it is done all the same.
        allowed: why it is refused nevertheless to one who may; None if it is done.
        granted: the same, for one who was granted it.
        grants: operations besides the row's own that a grant must name.
    """

    subject: Callable[[Owner], Names]
    request: Callable[[Owner, Names], Request]
    absent: ResultReason | None = ABSENT
    version: Version = V2_1
    allowed: ResultReason | None = None
    granted: ResultReason | None = None
    grants: tuple[Operation, ...] = ()


def _row(
    subject: Callable[[Owner], str | Names], request: Callable[[str], Request], version: Version = V2_1, **more: Any
) -> Row:
    """A row of one name."""

    def names(owner: Owner) -> Names:
        made = subject(owner)
        return (made,) if isinstance(made, str) else made

    return Row(names, lambda _, key: request(key[0]), version=version, **more)


def _wrapped(cls: type[get.GetRequest] | type[get.ExportRequest], kind: str) -> Row:
    """A key of one's own under a key of somebody else's, or with a MAC by it."""

    def asked(asking: Owner, names: Names) -> Request:
        key = names[0]
        if kind == "encrypt":
            specification = wrapped_by(key)
        else:
            specification = KeyWrappingSpecification(
                wrapping_method=WrappingMethod.MAC_SIGN,
                mac_signature_key_information=MACSignatureKeyInformation(
                    unique_identifier=key, cryptographic_parameters=CMAC
                ),
                encoding_option=EncodingOption.NO_ENCODING,
            )
        return cls(unique_identifier=asking.key(), key_wrapping_specification=specification)

    mask = WRAP if kind == "encrypt" else M.MAC_GENERATE
    return Row(lambda owner: (owner.key(mask),), asked, R.WRAPPING_OBJECT_NOT_FOUND if kind == "encrypt" else ABSENT)


def _brought(cls: type[create.RegisterRequest] | type[create.ImportRequest], kind: str) -> Row:
    """A wrapped key, which says that it was wrapped by a key of somebody else's: it is kept as it came."""

    def asked(asking: Owner, names: Names) -> Request:
        key = names[0]
        came = asking.do(get_wrapped(asking.key(), asking.key(WRAP))).object
        said = came.key_block.key_wrapping_data
        if kind == "encrypt":
            said = replace(said, encryption_key_information=EncryptionKeyInformation(unique_identifier=key))
        else:
            said = replace(
                said,
                wrapping_method=WrappingMethod.MAC_SIGN_THEN_ENCRYPT,
                encryption_key_information=EncryptionKeyInformation(unique_identifier=f"none-{next(_numbers)}"),
                mac_signature_key_information=MACSignatureKeyInformation(unique_identifier=key),
            )
        secret = replace(came, key_block=replace(came.key_block, key_wrapping_data=said))
        name = {"unique_identifier": f"brought-{next(_numbers)}"} if cls is create.ImportRequest else {}
        return cls(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(cryptographic_usage_mask=DATA),
            object=secret,
            **name,
        )

    # Who may open it is told that it does not open; who may not is told nothing (K20, K21).
    opened = R.CRYPTOGRAPHIC_FAILURE if kind == "encrypt" else None
    return Row(
        lambda owner: (owner.key(M.WRAP_KEY | M.MAC_GENERATE),), asked, absent=None, allowed=opened, granted=opened
    )


GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
CMAC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CMAC)
ECDSA = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
COMMENT = Attribute(Tag.COMMENT, "another comment")
O, C, P = Operation, crypto, attribute_payloads  # noqa: E741
UID = "unique_identifier"
_BY_ENCRYPTION = "key_wrapping_specification.encryption_key_information.unique_identifier"
_BY_MAC = "key_wrapping_specification.mac_signature_key_information.unique_identifier"
_OF_ENCRYPTION = "object.key_block.key_wrapping_data.encryption_key_information.unique_identifier"
_OF_MAC = "object.key_block.key_wrapping_data.mac_signature_key_information.unique_identifier"
PASSWORD = b"correct horse"
KEY_FILE = pkcs12.serialize_key_and_certificates(
    None, ec.generate_private_key(ec.SECP256R1()), None, None, BestAvailableEncryption(PASSWORD)
)


ROWS: Mapping[Place, Row] = {
    (O.REGISTER, _OF_ENCRYPTION): _brought(create.RegisterRequest, "encrypt"),
    (O.REGISTER, _OF_MAC): _brought(create.RegisterRequest, "mac"),
    (O.IMPORT, _OF_ENCRYPTION): _brought(create.ImportRequest, "encrypt"),
    (O.IMPORT, _OF_MAC): _brought(create.ImportRequest, "mac"),
    (O.IMPORT, UID): _row(
        Owner.key,
        lambda key: create.ImportRequest(
            unique_identifier=key,
            object_type=ObjectType.SYMMETRIC_KEY,
            replace_existing=True,
            attributes=attributes(cryptographic_usage_mask=DATA),
            object=symmetric(bytes(range(32))),
        ),
        absent=None,
    ),
    (O.RE_KEY, UID): _row(Owner.key, lambda key: rekey.ReKeyRequest(unique_identifier=key)),
    (O.RE_KEY_KEY_PAIR, "private_key_unique_identifier"): _row(
        Owner.pair, lambda key: rekey.ReKeyKeyPairRequest(private_key_unique_identifier=key)
    ),
    (O.DERIVE_KEY, UID): _row(
        lambda owner: owner.key(M.DERIVE_KEY),
        lambda key: create.DeriveKeyRequest(
            object_type=ObjectType.SYMMETRIC_KEY,
            unique_identifier=(key,),
            derivation_method=DerivationMethod.HMAC,
            derivation_parameters=DerivationParameters(cryptographic_parameters=ECDSA, derivation_data=(b"context",)),
            attributes=attributes(
                cryptographic_algorithm=A.AES, cryptographic_length=256, cryptographic_usage_mask=DATA
            ),
        ),
    ),
    (O.CERTIFY, UID): _row(Owner.public, lambda key: certify.CertifyRequest(unique_identifier=key)),
    (O.RE_CERTIFY, UID): _row(
        Owner.certificate,
        lambda key: certify.ReCertifyRequest(unique_identifier=key),
        granted=R.PERMISSION_DENIED,  # an authority certifies its clients under their own names only
    ),
    (O.RE_CERTIFY, "certificate_request_unique_identifier"): Row(
        Owner.certificate_requests,
        lambda asking, keys: certify.ReCertifyRequest(
            unique_identifier=asking.certificate_of_request(),
            certificate_request_unique_identifier=keys[asking.who == "bob"],
        ),
    ),
    (O.VALIDATE, UID): _row(Owner.certificate, lambda key: certify.ValidateRequest(unique_identifier=(key,))),
    (O.CHECK, UID): _row(Owner.key, lambda key: get.CheckRequest(unique_identifier=key)),
    (O.GET, UID): _row(Owner.key, lambda key: get.GetRequest(unique_identifier=key)),
    (O.GET, _BY_ENCRYPTION): _wrapped(get.GetRequest, "encrypt"),
    (O.GET, _BY_MAC): _wrapped(get.GetRequest, "mac"),
    (O.EXPORT, UID): _row(Owner.key, lambda key: get.ExportRequest(unique_identifier=key)),
    (O.EXPORT, _BY_ENCRYPTION): _wrapped(get.ExportRequest, "encrypt"),
    (O.EXPORT, _BY_MAC): _wrapped(get.ExportRequest, "mac"),
    (O.OBTAIN_LEASE, UID): _row(Owner.key, lambda key: get.ObtainLeaseRequest(unique_identifier=key)),
    (O.GET_USAGE_ALLOCATION, UID): _row(
        Owner.limited, lambda key: get.GetUsageAllocationRequest(unique_identifier=key, usage_limits_count=1)
    ),
    (O.GET_ATTRIBUTES, UID): _row(Owner.key, lambda key: P.GetAttributesRequest(unique_identifier=key)),
    (O.GET_ATTRIBUTE_LIST, UID): _row(Owner.key, lambda key: P.GetAttributeListRequest(unique_identifier=key)),
    (O.ADD_ATTRIBUTE, UID): _row(
        Owner.key, lambda key: P.AddAttributeRequest(unique_identifier=key, new_attribute=COMMENT)
    ),
    (O.MODIFY_ATTRIBUTE, UID): _row(
        Owner.commented, lambda key: P.ModifyAttributeRequest(unique_identifier=key, new_attribute=COMMENT)
    ),
    (O.SET_ATTRIBUTE, UID): _row(
        Owner.key, lambda key: P.SetAttributeRequest(unique_identifier=key, new_attribute=COMMENT)
    ),
    (O.DELETE_ATTRIBUTE, UID): _row(
        Owner.commented, lambda key: P.DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.COMMENT)
    ),
    (O.ADJUST_ATTRIBUTE, UID): _row(
        Owner.counted,
        lambda key: P.AdjustAttributeRequest(
            unique_identifier=key,
            attribute_reference=VendorAttributeName("x", "count"),
            adjustment_type=AdjustmentType.INCREMENT,
        ),
    ),
    (O.ACTIVATE, UID): _row(Owner.inactive, lambda key: lifecycle.ActivateRequest(unique_identifier=key)),
    (O.DEACTIVATE, UID): _row(Owner.key, lambda key: lifecycle.DeactivateRequest(unique_identifier=key), V3_0),
    (O.REVOKE, UID): _row(Owner.key, lambda key: lifecycle.RevokeRequest(unique_identifier=key)),
    (O.DESTROY, UID): _row(Owner.inactive, lambda key: lifecycle.DestroyRequest(unique_identifier=key)),
    (O.OBLITERATE, UID): _row(Owner.inactive, lambda key: lifecycle.ObliterateRequest(unique_identifier=key), V3_0),
    (O.ARCHIVE, UID): _row(Owner.key, lambda key: lifecycle.ArchiveRequest(unique_identifier=key)),
    (O.RECOVER, UID): _row(Owner.archived, lambda key: lifecycle.RecoverRequest(unique_identifier=key)),
    (O.ENCRYPT, UID): _row(
        Owner.key,
        lambda key: C.EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"data"),
    ),
    (O.DECRYPT, UID): _row(
        Owner.key,
        lambda key: C.DecryptRequest(
            unique_identifier=key,
            cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB),
            data=bytes(16),
        ),
    ),
    (O.SIGN, UID): _row(
        Owner.private, lambda key: C.SignRequest(unique_identifier=key, cryptographic_parameters=ECDSA, data=b"data")
    ),
    (O.SIGNATURE_VERIFY, UID): _row(
        Owner.public,
        lambda key: C.SignatureVerifyRequest(
            unique_identifier=key, cryptographic_parameters=ECDSA, data=b"data", signature_data=bytes(64)
        ),
    ),
    (O.MAC, UID): _row(
        lambda owner: owner.key(M.MAC_GENERATE),
        lambda key: C.MACRequest(unique_identifier=key, cryptographic_parameters=CMAC, data=b"data"),
    ),
    (O.MAC_VERIFY, UID): _row(
        lambda owner: owner.key(M.MAC_VERIFY),
        lambda key: C.MACVerifyRequest(
            unique_identifier=key, cryptographic_parameters=CMAC, data=b"data", mac_data=bytes(16)
        ),
    ),
    (O.ENCAPSULATE, UID): _row(
        lambda owner: owner.pair(kem=True)[1], lambda key: C.EncapsulateRequest(unique_identifier=key), V3_0
    ),
    (O.DECAPSULATE, UID): _row(
        lambda owner: owner.pair(kem=True)[0],
        lambda key: C.DecapsulateRequest(unique_identifier=key, data=bytes(1088)),
        V3_0,
    ),
    (O.CREATE_SPLIT_KEY, UID): _row(
        Owner.key,
        lambda key: create.CreateSplitKeyRequest(
            object_type=ObjectType.SPLIT_KEY,
            unique_identifier=key,
            split_key_parts=2,
            split_key_threshold=2,
            split_key_method=SplitKeyMethod.XOR,
            attributes=Attributes(),
        ),
    ),
    (O.JOIN_SPLIT_KEY, UID): Row(
        Owner.parts,
        lambda _, parts: create.JoinSplitKeyRequest(
            object_type=ObjectType.SECRET_DATA, unique_identifier=parts, attributes=Attributes()
        ),
    ),
    (O.DELEGATED_LOGIN, "rights.right.objects.unique_identifier"): _row(
        Owner.key,
        lambda key: session.DelegatedLoginRequest(
            rights=Rights(right=(Right(objects=Objects(unique_identifier=(key,))),))
        ),
        absent=None,
    ),
    (O.DELEGATED_LOGIN, "rights.right.object_groups.group_link"): _row(
        Owner.key,
        lambda key: session.DelegatedLoginRequest(
            rights=Rights(right=(Right(object_groups=ObjectGroups(group_link=(key,))),))
        ),
        absent=None,
        version=V3_0,
    ),
    # Places that are no fields of the request itself.
    (O.REGISTER, "attributes: a link"): _row(
        Owner.key,
        lambda key: create.RegisterRequest(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(cryptographic_usage_mask=DATA, public_key_link=key),
            object=symmetric(bytes(range(32))),
        ),
        grants=(O.GET_ATTRIBUTES,),
    ),
    (O.ADD_ATTRIBUTE, "new_attribute: a link"): Row(
        lambda owner: (owner.key(),),
        lambda asking, keys: P.AddAttributeRequest(
            unique_identifier=asking.key(), new_attribute=Attribute(Tag.PUBLIC_KEY_LINK, keys[0])
        ),
        grants=(O.GET_ATTRIBUTES,),
    ),
    (O.CERTIFY, "attributes: the issuer"): Row(
        Owner.issuer,
        lambda asking, keys: certify.CertifyRequest(
            unique_identifier=asking.public(), attributes=attributes(certificate_link=keys[0])
        ),
        grants=(O.GET_ATTRIBUTES,),
    ),
    (O.REGISTER, "attributes: the password of a key file"): _row(
        Owner.password,
        lambda key: create.RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY,
            attributes=attributes(cryptographic_usage_mask=M.SIGN, pkcs_12_password_link=key),
            object=PrivateKey(
                key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=KeyValue(key_material=KEY_FILE))
            ),
        ),
        grants=(O.GET_ATTRIBUTES,),
    ),
}

NOTHING_NAMED: Mapping[Operation, str] = {
    O.CREATE: "makes what it names",
    O.CREATE_KEY_PAIR: "makes what it names",
    O.CREATE_CREDENTIAL: "makes what it names; a credential has no key block",
    O.CREATE_USER: "links are conditions on objects of one's own (K32)",
    O.CREATE_GROUP: "makes what it names",
    O.LOCATE: "finds what one may see (K29)",
    O.QUERY: "tells of the server; the version that has object groups in it has no links",
    O.DISCOVER_VERSIONS: "tells of the server",
    O.SET_DEFAULTS: "conditions on objects of one's own; nothing is looked up",
    O.SET_CONSTRAINTS: "conditions on objects of one's own; nothing is looked up",
    O.GET_CONSTRAINTS: "tells of one's own",
    O.POLL: "by a correlation value of one's own (K10)",
    O.CANCEL: "by a correlation value of one's own (K10)",
    O.PROCESS: "by a correlation value of one's own (K10)",
    O.QUERY_ASYNCHRONOUS_REQUESTS: "tells of one's own (K10)",
    O.RNG_RETRIEVE: "needs no object",
    O.RNG_SEED: "needs no object",
    O.HASH: "needs no object",
    O.LOG: "needs no object",
    O.PING: "needs no object",
    O.INTEROP: "needs no object",
    O.SET_ENDPOINT_ROLE: "needs no object",
    O.LOGIN: "speaks for the caller alone",
    O.RE_PROVISION: "gives the caller itself another certificate",
    O.LOGOUT: "by a ticket of one's own",
    O.PKCS_11: "by a correlation value of one's own",
}
"""Operations in which no object is named, and why."""
