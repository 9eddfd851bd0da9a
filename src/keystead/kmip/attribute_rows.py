"""Every attribute of KMIP 1.0 to 3.0 with the specification's eight rules: a row per attribute.

Source: KMIP 1.4 section 3; 2.1 section 4; 3.0 CSD01 section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from keystead.kmip import ttlv
from keystead.kmip.enums import (
    CertificateType,
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    KeyFormatType,
    LinkType,
    NISTKeyType,
    ObjectClass,
    ObjectType,
    OpaqueDataType,
    Operation,
    ProtectionLevel,
    ProtectionStorageMask,
    SplitKeyMethod,
    SplitKeyPolynomial,
    State,
)
from keystead.kmip.identifiers import LinkedIdentifier, UniqueIdentifier
from keystead.kmip.schema import (
    DateTime,
    Form,
    Integer,
    Interval,
    Kind,
    LongInteger,
    Nested,
    Scalar,
    Structure,
    kind_of,
)
from keystead.kmip.structures import (
    AlternativeName,
    ApplicationSpecificInformation,
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    CryptographicDomainParameters,
    CryptographicParameters,
    DeactivationReason,
    Digest,
    KeyValueLocation,
    Name,
    RevocationReason,
    RNGParameters,
    RotateName,
    UsageLimits,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST, V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0, Version


class VendorAttributeName(NamedTuple):
    """The name of an attribute that the specification does not define.

    An unknown name of 1.x that begins with neither "x-" nor "y-" has the vendor "": no object has such an attribute.
    """

    vendor_identification: str
    attribute_name: str

    @property
    def title(self) -> str:
        """Its name in 1.x."""
        vendor, name = self
        return f"{vendor}-{name}" if vendor else name


AttributeName = Tag | VendorAttributeName


class Party(Enum):
    """Who may set an attribute first."""

    SERVER = auto()
    CLIENT = auto()
    EITHER = auto()


class When(Enum):
    """When an attribute may be modified or deleted."""

    NEVER = auto()
    ALWAYS = auto()
    WHILE_PRE_ACTIVE = auto()
    WHILE_PRE_ACTIVE_OR_ACTIVE = auto()
    UNTIL_REACHED = auto()
    "While Pre-Active or Active, and before the date that it holds."
    BEFORE_ALLOCATION = auto()
    "As long as Get Usage Allocation has not been performed."
    TO_TRUE = auto()
    TO_FALSE = auto()


@dataclass(frozen=True)
class AttributeRow:
    """An attribute and its rules, in the order of the specification's tables.

    Attributes:
        always: it SHALL always have a value.
        set_by: who sets it initially.
        server_modifies, client_modifies, client_deletes: when.
        multiple: multiple instances are permitted.
        implicit: the operations that set it implicitly.
        applies_to: the types of object that have it.
        kind: how its value is spelled.
    """

    tag: Tag
    kind: Kind
    since: Version
    until: Version
    always: bool
    set_by: Party
    server_modifies: When
    client_modifies: When
    client_deletes: When
    multiple: bool
    implicit: frozenset[Operation]
    applies_to: frozenset[ObjectType]

    @property
    def title(self) -> str:
        return self.tag.title


class _NameKind(Kind):
    """Name and Rotate Name: a structure up to 2.1, text in 3.0."""

    def __init__(self, nested: type[Structure], make: Callable[[str], Structure], text: str) -> None:
        self.nested, self.make, self.text = nested, make, text

    def forms(self, version: Version) -> Sequence[Form]:
        if version < V3_0:
            return Nested(self.nested).forms(version)
        write = str(_TEXT.forms(version)[0].write).replace("v.encode()", f"v.{self.text}.encode()")
        return (
            Form(
                ttlv.TEXT_STRING,
                "x = decode_text(b[q:e], q)\nif not x: empty_name(q)\nx = make(x)",
                write,
                uses={"make": self.make},
            ),
        )

    def partial_forms(self, version: Version) -> Sequence[Form]:
        return Nested(self.nested).partial_forms(version) if version < V3_0 else self.forms(version)

    def python_types(self) -> tuple[type, ...]:
        return (self.nested,)


_TEXT: Final = Scalar(ttlv.TEXT_STRING, str)
_NAME: Final = _NameKind(Name, lambda text: Name(name_value=text), "name_value")
_ROTATE_NAME: Final = _NameKind(RotateName, lambda text: RotateName(rotate_name_value=text), "rotate_name_value")

_O = Operation
_MAKING: Final = frozenset(
    {
        _O.CREATE,
        _O.CREATE_KEY_PAIR,
        _O.REGISTER,
        _O.DERIVE_KEY,
        _O.CERTIFY,
        _O.RE_CERTIFY,
        _O.RE_KEY,
        _O.RE_KEY_KEY_PAIR,
    }
)
_REPLACING: Final = frozenset({_O.RE_KEY, _O.RE_KEY_KEY_PAIR, _O.RE_CERTIFY})
_CERTIFYING: Final = frozenset({_O.REGISTER, _O.CERTIFY, _O.RE_CERTIFY})
_GENERATING: Final = frozenset({_O.CREATE, _O.CREATE_KEY_PAIR, _O.DERIVE_KEY, _O.RE_KEY, _O.RE_KEY_KEY_PAIR})
_SYMMETRIC_MAKING: Final = frozenset({_O.CREATE, _O.REGISTER, _O.DERIVE_KEY, _O.RE_KEY})
_SPLITTING: Final = frozenset({_O.CREATE_SPLIT_KEY})
_CHANGING: Final = (
    _MAKING
    | {_O.ACTIVATE, _O.DEACTIVATE, _O.REVOKE, _O.DESTROY, _O.ARCHIVE, _O.RECOVER, _O.ADD_ATTRIBUTE}
    | {_O.MODIFY_ATTRIBUTE, _O.DELETE_ATTRIBUTE, _O.GET_USAGE_ALLOCATION}
)

_T = ObjectType
_ALL: Final = frozenset(_T)
_KEYS: Final = frozenset({_T.SYMMETRIC_KEY, _T.PUBLIC_KEY, _T.PRIVATE_KEY, _T.SPLIT_KEY, _T.PGP_KEY, _T.TEMPLATE})
_ASYMMETRIC: Final = frozenset({_T.PUBLIC_KEY, _T.PRIVATE_KEY, _T.TEMPLATE})
_CRYPTOGRAPHIC: Final = (_KEYS | {_T.CERTIFICATE, _T.SECRET_DATA}) - {_T.TEMPLATE}
_CERTIFICATES: Final = frozenset({_T.CERTIFICATE})
_HELD: Final = frozenset({_T.SYMMETRIC_KEY, _T.PRIVATE_KEY, _T.SPLIT_KEY, _T.SECRET_DATA})
_CREDENTIALS: Final = frozenset(
    {_T.PASSWORD_CREDENTIAL, _T.DEVICE_CREDENTIAL, _T.ONE_TIME_PASSWORD_CREDENTIAL, _T.HASHED_PASSWORD_CREDENTIAL}
)
_SPLIT: Final = frozenset({_T.SPLIT_KEY})

NEVER, ALWAYS = When.NEVER, When.ALWAYS
SERVER, CLIENT, EITHER = Party


def _row(
    tag: Tag,
    hint: Any,
    always: bool,
    set_by: Party,
    server_modifies: When,
    client_modifies: When,
    client_deletes: When,
    multiple: bool,
    implicit: Iterable[Operation] = (),
    applies_to: frozenset[ObjectType] = _ALL,
    since: Version = V1_0,
    until: Version = NEWEST,
) -> AttributeRow:
    kind = hint if isinstance(hint, Kind) else kind_of(hint)
    return AttributeRow(
        tag, kind, since, until, always, set_by, server_modifies, client_modifies, client_deletes, multiple,
        frozenset(implicit), applies_to,
    )  # fmt: skip


_CERTIFICATE_TEXTS: Final = tuple(
    Tag[f"CERTIFICATE_{party}_{part}"]
    for party in ("SUBJECT", "ISSUER")
    for part in ["CN", "O", "OU", "EMAIL", "C", "ST", "L", "UID", "SERIAL_NUMBER", "TITLE", "DC", "DN_QUALIFIER"]
    if f"CERTIFICATE_{party}_{part}" in Tag.__members__
)
LINKS: Final[Mapping[LinkType, Tag]] = {
    link_type: Tag[
        {"DERIVATION_BASE_OBJECT_LINK": "DERIVATION_OBJECT_LINK", "DERIVED_KEY_LINK": "DERIVED_OBJECT_LINK"}.get(
            link_type.name, link_type.name
        )
    ]
    for link_type in LinkType
}
"""The attribute of 3.0 for each Link Type of 1.x and 2.x."""
LINK_TYPES: Final[Mapping[Tag, LinkType]] = {tag: link_type for link_type, tag in LINKS.items()}
_NEW_LINKS: Final = tuple(
    Tag[name]
    for name in (
        "CERTIFICATE_REQUEST_LINK", "CREDENTIAL_LINK", "GROUP_LINK", "JOINED_SPLIT_KEY_PARTS_LINK", "PASSWORD_LINK",
        "SPLIT_KEY_BASE_LINK",
    )
)  # fmt: skip
_MULTIPLE_LINKS: Final = frozenset(
    {Tag.CREDENTIAL_LINK, Tag.GROUP_LINK, Tag.JOINED_SPLIT_KEY_PARTS_LINK, Tag.CERTIFICATE_LINK, Tag.CHILD_LINK}
)
COUNTERS: Final = (
    Tag.CERTIFY_COUNTER, Tag.DECRYPT_COUNTER, Tag.ENCRYPT_COUNTER, Tag.SIGN_COUNTER, Tag.SIGNATURE_VERIFY_COUNTER,
)  # fmt: skip
_PRE = When.WHILE_PRE_ACTIVE
_LIVE = When.WHILE_PRE_ACTIVE_OR_ACTIVE
_AHEAD = When.UNTIL_REACHED
_UNUSED = When.BEFORE_ALLOCATION

# fmt: off
# tag, kind, always, set by, server modifies, client modifies, client deletes, multiple, implicit, applies, since, until
_ROWS: Final = (
    _row(Tag.UNIQUE_IDENTIFIER, UniqueIdentifier, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING),
    _row(Tag.NAME, _NAME, False, CLIENT, ALWAYS, ALWAYS, ALWAYS, True, _REPLACING),
    _row(Tag.OBJECT_TYPE, ObjectType, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING),
    _row(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING,
         _CRYPTOGRAPHIC | {_T.TEMPLATE}),
    _row(Tag.CRYPTOGRAPHIC_LENGTH, Integer, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING,
         _CRYPTOGRAPHIC | {_T.TEMPLATE}),
    _row(Tag.CRYPTOGRAPHIC_PARAMETERS, CryptographicParameters, False, CLIENT, NEVER, ALWAYS, ALWAYS, True, _REPLACING),
    _row(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, CryptographicDomainParameters, False, CLIENT, NEVER, NEVER, NEVER, False,
         _REPLACING - {_O.RE_CERTIFY}, _ASYMMETRIC),
    _row(Tag.CERTIFICATE_TYPE, CertificateType, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING, _CERTIFICATES),
    _row(Tag.CERTIFICATE_IDENTIFIER, CertificateIdentifier, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING,
         _CERTIFICATES, V1_0, V1_4),
    _row(Tag.CERTIFICATE_SUBJECT, CertificateSubject, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING,
         _CERTIFICATES, V1_0, V1_4),
    _row(Tag.CERTIFICATE_ISSUER, CertificateIssuer, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING,
         _CERTIFICATES, V1_0, V1_4),
    _row(Tag.CERTIFICATE_LENGTH, Integer, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING, _CERTIFICATES, V1_1),
    _row(Tag.X_509_CERTIFICATE_IDENTIFIER, X509CertificateIdentifier, True, SERVER, NEVER, NEVER, NEVER, False,
         _CERTIFYING, _CERTIFICATES, V1_1),
    _row(Tag.X_509_CERTIFICATE_SUBJECT, X509CertificateSubject, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING,
         _CERTIFICATES, V1_1),
    _row(Tag.X_509_CERTIFICATE_ISSUER, X509CertificateIssuer, True, SERVER, NEVER, NEVER, NEVER, False, _CERTIFYING,
         _CERTIFICATES, V1_1),
    _row(Tag.DIGITAL_SIGNATURE_ALGORITHM, DigitalSignatureAlgorithm, True, SERVER, NEVER, NEVER, NEVER, True,
         _CERTIFYING, _CERTIFICATES | {_T.PGP_KEY}, V1_1),
    *(_row(tag, str, False, SERVER, NEVER, NEVER, NEVER, True, _CERTIFYING, _CERTIFICATES, V2_0)
      for tag in _CERTIFICATE_TEXTS),
    *(_row(tag, str, False, SERVER, NEVER, NEVER, NEVER, True, _CERTIFYING, _CERTIFICATES, V3_0)
      for tag in (Tag.CERTIFICATE_SUBJECT_DN, Tag.CERTIFICATE_ISSUER_DN)),
    _row(Tag.DIGEST, Digest, True, SERVER, NEVER, NEVER, NEVER, True, _MAKING, _CRYPTOGRAPHIC | {_T.OPAQUE_OBJECT}),
    _row(Tag.OPERATION_POLICY_NAME, str, False, EITHER, ALWAYS, NEVER, NEVER, False, _MAKING, _ALL, V1_0, V1_4),
    _row(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask, True, EITHER, ALWAYS, NEVER, NEVER, False, _MAKING,
         _CRYPTOGRAPHIC | {_T.OPAQUE_OBJECT, _T.TEMPLATE}),
    _row(Tag.LEASE_TIME, Interval, False, SERVER, ALWAYS, NEVER, NEVER, False, _MAKING, _CRYPTOGRAPHIC),
    _row(Tag.USAGE_LIMITS, UsageLimits, False, EITHER, ALWAYS, _UNUSED, _UNUSED, False,
         _GENERATING | {_O.REGISTER, _O.GET_USAGE_ALLOCATION}, _KEYS),
    _row(Tag.STATE, State, True, SERVER, ALWAYS, NEVER, NEVER, False,
         _MAKING | {_O.ACTIVATE, _O.DEACTIVATE, _O.REVOKE, _O.DESTROY}, _CRYPTOGRAPHIC | {_T.OPAQUE_OBJECT}),
    _row(Tag.INITIAL_DATE, DateTime, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING),
    _row(Tag.ACTIVATION_DATE, DateTime, False, EITHER, _PRE, _PRE, NEVER, False, _MAKING | {_O.ACTIVATE}),
    _row(Tag.PROCESS_START_DATE, DateTime, False, EITHER, _AHEAD, _AHEAD, NEVER, False, _SYMMETRIC_MAKING),
    _row(Tag.PROTECT_STOP_DATE, DateTime, False, EITHER, _AHEAD, _AHEAD, NEVER, False, _SYMMETRIC_MAKING),
    _row(Tag.DEACTIVATION_DATE, DateTime, False, EITHER, _LIVE, _LIVE, NEVER, False,
         _MAKING | {_O.DEACTIVATE, _O.REVOKE}),
    _row(Tag.DESTROY_DATE, DateTime, False, SERVER, NEVER, NEVER, NEVER, False, {_O.DESTROY}),
    _row(Tag.COMPROMISE_OCCURRENCE_DATE, DateTime, False, SERVER, NEVER, NEVER, NEVER, False, {_O.REVOKE}),
    _row(Tag.COMPROMISE_DATE, DateTime, False, SERVER, NEVER, NEVER, NEVER, False, {_O.REVOKE}),
    _row(Tag.REVOCATION_REASON, RevocationReason, False, SERVER, ALWAYS, NEVER, NEVER, False, {_O.REVOKE}),
    _row(Tag.ARCHIVE_DATE, DateTime, False, SERVER, NEVER, NEVER, NEVER, False, {_O.ARCHIVE}),
    _row(Tag.OBJECT_GROUP, str, False, EITHER, ALWAYS, ALWAYS, ALWAYS, True, _MAKING, _ALL, V1_0, V2_1),
    _row(Tag.FRESH, bool, True, EITHER, ALWAYS, NEVER, NEVER, False, _MAKING, _ALL - {_T.TEMPLATE}, V1_1),
    *(_row(tag, LinkedIdentifier, False, EITHER, ALWAYS, ALWAYS, ALWAYS, tag in _MULTIPLE_LINKS,
           _MAKING - {_O.CREATE}, _ALL, link_type.since) for link_type, tag in LINKS.items()),
    *(_row(tag, LinkedIdentifier, False, EITHER, ALWAYS, ALWAYS, ALWAYS, tag in _MULTIPLE_LINKS, {_O.REGISTER}, _ALL,
           V3_0) for tag in _NEW_LINKS),
    _row(Tag.APPLICATION_SPECIFIC_INFORMATION, ApplicationSpecificInformation, False, EITHER, ALWAYS, ALWAYS, ALWAYS,
         True, _REPLACING),
    _row(Tag.CONTACT_INFORMATION, str, False, EITHER, ALWAYS, ALWAYS, ALWAYS, False, _MAKING),
    _row(Tag.LAST_CHANGE_DATE, DateTime, True, SERVER, ALWAYS, NEVER, NEVER, False, _CHANGING),
    _row(Tag.ALTERNATIVE_NAME, AlternativeName, False, CLIENT, ALWAYS, ALWAYS, ALWAYS, True, (), _ALL, V1_2),
    _row(Tag.KEY_VALUE_PRESENT, bool, False, SERVER, NEVER, NEVER, NEVER, False, {_O.REGISTER}, _HELD, V1_2),
    _row(Tag.KEY_VALUE_LOCATION, KeyValueLocation, False, CLIENT, NEVER, ALWAYS, ALWAYS, True, (), _HELD, V1_2),
    _row(Tag.ORIGINAL_CREATION_DATE, DateTime, False, EITHER, NEVER, NEVER, NEVER, False, _GENERATING, _ALL, V1_2),
    _row(Tag.RANDOM_NUMBER_GENERATOR, RNGParameters, False, EITHER, NEVER, NEVER, NEVER, False, _GENERATING,
         _CRYPTOGRAPHIC, V1_3),
    _row(Tag.PKCS_12_FRIENDLY_NAME, str, False, EITHER, NEVER, ALWAYS, ALWAYS, False, (), _CRYPTOGRAPHIC, V1_4),
    _row(Tag.DESCRIPTION, str, False, EITHER, ALWAYS, ALWAYS, ALWAYS, False, (), _ALL, V1_4),
    _row(Tag.COMMENT, str, False, EITHER, ALWAYS, ALWAYS, ALWAYS, False, (), _ALL, V1_4),
    _row(Tag.SENSITIVE, bool, True, EITHER, ALWAYS, When.TO_TRUE, NEVER, False, _MAKING, _ALL, V1_4),
    _row(Tag.ALWAYS_SENSITIVE, bool, True, SERVER, ALWAYS, NEVER, NEVER, False, _MAKING, _ALL, V1_4),
    _row(Tag.EXTRACTABLE, bool, True, EITHER, ALWAYS, When.TO_FALSE, NEVER, False, _MAKING, _ALL, V1_4),
    _row(Tag.NEVER_EXTRACTABLE, bool, True, SERVER, ALWAYS, NEVER, NEVER, False, _MAKING, _ALL, V1_4),
    _row(Tag.KEY_FORMAT_TYPE, KeyFormatType, True, SERVER, NEVER, NEVER, NEVER, False, (), _ALL, V2_0),
    _row(Tag.NIST_KEY_TYPE, NISTKeyType, False, CLIENT, NEVER, NEVER, NEVER, True, (), _ALL, V2_0),
    _row(Tag.OPAQUE_DATA_TYPE, OpaqueDataType, True, SERVER, NEVER, NEVER, NEVER, False, {_O.REGISTER},
         frozenset({_T.OPAQUE_OBJECT}), V2_0),
    _row(Tag.PROTECTION_LEVEL, ProtectionLevel, False, CLIENT, NEVER, ALWAYS, ALWAYS, False, (), _ALL, V2_0),
    _row(Tag.PROTECTION_PERIOD, Interval, False, CLIENT, NEVER, ALWAYS, ALWAYS, False, (), _ALL, V2_0),
    _row(Tag.PROTECTION_STORAGE_MASK, ProtectionStorageMask, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING, _ALL,
         V2_0),
    _row(Tag.QUANTUM_SAFE, bool, False, CLIENT, NEVER, ALWAYS, ALWAYS, False, (), _ALL, V2_0),
    _row(Tag.SHORT_UNIQUE_IDENTIFIER, bytes, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING, _ALL, V2_0),
    _row(Tag.ROTATE_AUTOMATIC, bool, False, EITHER, ALWAYS, NEVER, NEVER, False, (), _ALL, V2_1),
    _row(Tag.ROTATE_DATE, DateTime, False, SERVER, NEVER, NEVER, NEVER, False, (), _ALL, V2_1),
    _row(Tag.ROTATE_GENERATION, Integer, False, SERVER, NEVER, NEVER, NEVER, False, (), _ALL, V2_1),
    _row(Tag.ROTATE_INTERVAL, Interval, False, EITHER, ALWAYS, NEVER, NEVER, False, (), _ALL, V2_1),
    _row(Tag.ROTATE_LATEST, bool, False, SERVER, ALWAYS, NEVER, NEVER, False, (), _ALL, V2_1),
    _row(Tag.ROTATE_NAME, _ROTATE_NAME, False, CLIENT, NEVER, ALWAYS, ALWAYS, False, (), _ALL, V2_1),
    _row(Tag.ROTATE_OFFSET, Interval, False, EITHER, ALWAYS, NEVER, NEVER, False, (), _ALL, V2_1),
    *(_row(tag, LongInteger, True, SERVER, ALWAYS, NEVER, NEVER, False, {_O.CREATE, _O.REGISTER, _O.IMPORT},
           _CRYPTOGRAPHIC, V3_0) for tag in COUNTERS),
    _row(Tag.CREDENTIAL_TYPE, CredentialType, True, SERVER, NEVER, NEVER, NEVER, False, {_O.REGISTER}, _CREDENTIALS,
         V3_0),
    _row(Tag.DEACTIVATION_REASON, DeactivationReason, False, EITHER, NEVER, NEVER, NEVER, False, {_O.DEACTIVATE}, _ALL,
         V3_0),
    _row(Tag.KEY_PART_IDENTIFIER, Integer, True, CLIENT, NEVER, NEVER, NEVER, False, _SPLITTING, _SPLIT, V3_0),
    _row(Tag.NIST_SECURITY_CATEGORY, Integer, False, EITHER, NEVER, NEVER, NEVER, False, (), _ALL, V3_0),
    _row(Tag.OBJECT_CLASS, ObjectClass, True, EITHER, NEVER, NEVER, NEVER, False, _MAKING, _ALL, V3_0),
    _row(Tag.OTP_COUNTER, bytes, False, SERVER, ALWAYS, NEVER, NEVER, False, (), _ALL, V3_0),
    _row(Tag.SPLIT_KEY_METHOD, SplitKeyMethod, True, CLIENT, NEVER, NEVER, NEVER, False, _SPLITTING, _SPLIT, V3_0),
    _row(Tag.SPLIT_KEY_PARTS, Integer, True, CLIENT, NEVER, NEVER, NEVER, False, _SPLITTING, _SPLIT, V3_0),
    _row(Tag.SPLIT_KEY_THRESHOLD, Integer, True, CLIENT, NEVER, NEVER, NEVER, False, _SPLITTING, _SPLIT, V3_0),
    _row(Tag.SPLIT_KEY_POLYNOMIAL, SplitKeyPolynomial, True, CLIENT, NEVER, NEVER, NEVER, False,
         {_O.CREATE_SPLIT_KEY, _O.JOIN_SPLIT_KEY}, _SPLIT, V3_0),
)
# fmt: on

ATTRIBUTES: Final[Mapping[Tag, AttributeRow]] = {row.tag: row for row in _ROWS}
_BY_TITLE: Final = {row.title: row for row in _ROWS if row.tag not in LINK_TYPES and row.tag not in _NEW_LINKS}


def expand(name: AttributeName) -> tuple[AttributeName, ...]:
    """The attributes that a name of any version means: Link means a link of every type."""
    return (*LINK_TYPES, *_NEW_LINKS) if name is Tag.LINK else (name,)


def visible(name: AttributeName, version: Version) -> bool:
    """Whether a version has the attribute at all."""
    if isinstance(name, VendorAttributeName):
        return version >= V2_0 or name.vendor_identification in ("x", "y")
    if name is Tag.LINK:  # of which only a part is said
        return version < V3_0
    row = ATTRIBUTES.get(name)
    return row is not None and row.since <= version <= row.until


_VENDOR_NAME: Final = re.compile(r"[xy]-")


def row_of(name: AttributeName) -> AttributeRow | None:
    """The rules of an attribute; None for a vendor's, and for Link, which is many."""
    return ATTRIBUTES.get(name) if isinstance(name, Tag) else None


def name_of(title: str) -> AttributeName:
    """The attribute of a name of 1.x."""
    row = _BY_TITLE.get(title)
    if row is not None:
        return row.tag
    if title == "Link":
        return Tag.LINK
    if _VENDOR_NAME.match(title):
        return VendorAttributeName(title[0], title[2:])
    return VendorAttributeName("", title)


def title_of(name: AttributeName) -> str:
    """The name of 1.x of an attribute."""
    return "Link" if name in LINK_TYPES else name.title
