"""Every attribute of KMIP 1.0 to 3.0 with its eight rules, and how lists of attributes are spelled in each version.

Handlers see `Attributes`: a sequence of `Attribute(name, value, index)`.  The name is the attribute's `Tag`, or a
`VendorAttributeName`.  On the wire that is

=====  =======================================================================================================
1.x    Attribute {Attribute Name as text, Attribute Index, Attribute Value}, in a Template-Attribute or in a row
2.x    an item under the attribute's own tag, in Attributes; a vendor's is Attribute {Vendor Identification, ...}
3.0    the same, with Name as text and a tag for each kind of link
=====  =======================================================================================================

Custom attributes of 1.x ("x-...", "y-...") are those of the vendors "x" and "y"; Link of 1.x and 2.x is an attribute
for each Link Type, as in 3.0.

Source: KMIP 1.4 sections 2.1.1, 2.1.8 and 3; 2.1 sections 4 and 5; 3.0 CSD01 section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from struct import Struct
from typing import Annotated, Any, Final, NamedTuple

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import (
    CertificateType,
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    Enumeration,
    KeyFormatType,
    LinkType,
    NISTKeyType,
    ObjectClass,
    ObjectType,
    OpaqueDataType,
    Operation,
    ProtectionLevel,
    ProtectionStorageMask,
    ResultReason,
    SplitKeyMethod,
    SplitKeyPolynomial,
    State,
)
from keystead.kmip.identifiers import LinkedIdentifier, UniqueIdentifier
from keystead.kmip.schema import (
    DateTime,
    Enumerated,
    Form,
    Integer,
    Interval,
    Kind,
    LongInteger,
    Nested,
    Scalar,
    Structure,
    Writer,
    kind_of,
    structure,
    value_reader,
    value_writer,
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


@dataclass(frozen=True, slots=True)
class Attribute:
    """One instance of an attribute.

    Attributes:
        value: as its row's kind says; an `Item` for a vendor's attribute; None where only the name was given (1.x).
        index: the Attribute Index of 1.x, or None.
    """

    name: AttributeName
    value: Any = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Attributes:
    """A list of attributes, in the order given.

    Attributes:
        templates: the Names of templates whose attributes are meant too (1.x).
    """

    items: tuple[Attribute, ...] = ()
    templates: tuple[Name, ...] = ()

    @classmethod
    def of(cls, values: Mapping[AttributeName, Any] | Iterable[tuple[AttributeName, Any]]) -> Attributes:
        """Make a list of names and values."""
        pairs = values.items() if isinstance(values, Mapping) else values
        return cls(tuple(Attribute(name, value) for name, value in pairs))

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return bool(self.items or self.templates)

    def get(self, name: AttributeName, default: Any = None) -> Any:
        """The value of the first instance."""
        return next((attribute.value for attribute in self.items if attribute.name == name), default)

    def all(self, name: AttributeName) -> list[Any]:
        """The values of all instances."""
        return [attribute.value for attribute in self.items if attribute.name == name]


# --- the table --------------------------------------------------------------------------------------------------------


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
        return (Form(ttlv.TEXT_STRING, "x = make(decode_text(b[q:e], q))", write, uses={"make": self.make}),)

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
_CRYPTOGRAPHIC: Final = _KEYS | {_T.CERTIFICATE, _T.SECRET_DATA}
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
_COUNTERS: Final = (
    Tag.CERTIFY_COUNTER, Tag.DECRYPT_COUNTER, Tag.ENCRYPT_COUNTER, Tag.SIGN_COUNTER, Tag.SIGNATURE_VERIFY_COUNTER,
)  # fmt: skip
_PRE = When.WHILE_PRE_ACTIVE
_LIVE = When.WHILE_PRE_ACTIVE_OR_ACTIVE
_AHEAD = When.UNTIL_REACHED
_UNUSED = When.BEFORE_ALLOCATION

# tag, kind, always, set by, server modifies, client modifies, client deletes, multiple, implicit, applies, since, until
_ROWS: Final = (
    _row(Tag.UNIQUE_IDENTIFIER, UniqueIdentifier, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING),
    _row(Tag.NAME, _NAME, False, CLIENT, ALWAYS, ALWAYS, ALWAYS, True, _REPLACING),
    _row(Tag.OBJECT_TYPE, ObjectType, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING),
    _row(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING,
         _CRYPTOGRAPHIC),
    _row(Tag.CRYPTOGRAPHIC_LENGTH, Integer, True, SERVER, NEVER, NEVER, NEVER, False, _MAKING, _CRYPTOGRAPHIC),
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
         _CRYPTOGRAPHIC),
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
    _row(Tag.FRESH, bool, True, EITHER, ALWAYS, NEVER, NEVER, False, _MAKING, _ALL, V1_1),
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
           _CRYPTOGRAPHIC, V3_0) for tag in _COUNTERS),
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
)  # fmt: skip

ATTRIBUTES: Final[Mapping[Tag, AttributeRow]] = {row.tag: row for row in _ROWS}
_BY_TITLE: Final = {row.title: row for row in _ROWS if row.tag not in LINK_TYPES and row.tag not in _NEW_LINKS}


def expand(name: AttributeName) -> tuple[AttributeName, ...]:
    """The attributes that a name of any version means: Link means a link of every type."""
    return (*LINK_TYPES, *_NEW_LINKS) if name is Tag.LINK else (name,)


def visible(name: AttributeName, version: Version) -> bool:
    """Whether a version has the attribute at all."""
    if isinstance(name, VendorAttributeName):
        return version >= V2_0 or name.vendor_identification in ("x", "y")
    row = ATTRIBUTES.get(name)
    return row is not None and row.since <= version <= row.until


# --- the value of one attribute ---------------------------------------------------------------------------------------


@structure
class Link(Structure):
    """A link to another object, up to 2.1.  Source: 1.4 §3.35; 2.1 §4.34."""

    link_type: LinkType
    linked_object_identifier: LinkedIdentifier


_LINK: Final = Nested(Link)


class _Spelling:
    """The readers and writers of attribute values in one version, under one tag or each under its own."""

    def __init__(self, version: Version, tag: Tag | None) -> None:
        self.version, self.tag = version, tag
        self._readers: dict[Tag, Mapping[int, Any]] = {}
        self._writers: dict[Tag, Writer] = {}

    def _kind(self, name: Tag) -> Kind | None:
        if name is Tag.LINK:
            return _LINK if self.version < V3_0 else None
        row = ATTRIBUTES.get(name)
        if row is None or not (row.since <= self.version.last_of_major and self.version <= row.until):
            return None
        return None if self.version < V3_0 and name in LINK_TYPES else row.kind

    def read(self, name: Tag, data: bytes, start: int, end: int) -> Attribute:
        """Read the item of a value.  Raises: CodecError."""
        readers = self._readers.get(name)
        if readers is None:
            kind = self._kind(name)
            if kind is None:
                raise CodecError(
                    f"KMIP {self.version} has no attribute {name.title}", start, ResultReason.UNSUPPORTED_ATTRIBUTE
                )
            readers = self._readers[name] = value_reader(kind, self.version)
        read = readers.get(data[start + 3])
        if read is None:
            raise CodecError(f"{name.title} has the wrong item type", start, ResultReason.INVALID_DATA_TYPE)
        value = read(data, start, end)
        return (
            Attribute(LINKS[value.link_type], value.linked_object_identifier)
            if name is Tag.LINK
            else Attribute(name, value)
        )

    def write(self, out: bytearray, attribute: Attribute) -> None:
        """Append the item of a value."""
        name, value = attribute.name, attribute.value
        assert isinstance(name, Tag)
        if self.version < V3_0 and name in LINK_TYPES:
            name, value = Tag.LINK, Link(link_type=LINK_TYPES[name], linked_object_identifier=value)
        write = self._writers.get(name)
        if write is None:
            kind = self._kind(name)
            assert kind is not None, f"{name} is not visible in KMIP {self.version}"
            write = self._writers[name] = value_writer(kind, self.tag or name, self.version)
        write(out, value)


@cache
def _spelling(version: Version, tag: Tag | None = None) -> _Spelling:
    return _Spelling(version, tag)


def _writable(attributes: Iterable[Attribute] | None, version: Version) -> Iterator[Attribute]:
    """Leave out what a version lacks: the attribute, or the value that it has."""
    for attribute in attributes or ():
        value = attribute.value
        if not visible(attribute.name, version):
            continue
        if isinstance(value, Enumeration) and not value.since <= version <= value.until:
            continue
        yield attribute


_u32 = Struct(">I")
_HEADER = Struct(">II")
_VENDOR_NAME = re.compile(r"[xy]-")
_VENDOR_IDENTIFICATION = re.compile(r"[A-Za-z0-9_.]*\Z")


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(tag, type, start, end) of each item between two offsets."""
    while start < end:
        head, length = _HEADER.unpack_from(data, start)
        after = (start + 15 + length) & -8
        if after > end:
            raise CodecError("an item is longer than what holds it", start)
        yield head >> 8, head & 0xFF, start, after
        start = after


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


def _expect(found: tuple[int, int, int, int] | None, tag: Tag, kind: int, offset: int) -> tuple[int, int]:
    if found is None or found[0] != tag or found[1] != kind:
        raise CodecError(f"an attribute needs {tag.title} here", offset)
    return found[2], found[3]


def _text(data: bytes, start: int) -> str:
    length = _u32.unpack_from(data, start + 4)[0]
    item_ = ttlv.decode(data[start : (start + 15 + length) & -8])
    return str(item_.value)


def _read_1x(version: Version) -> Callable[[bytes, int, int], Attribute]:
    """The reader of the content of an Attribute of 1.x.  Source: 1.4 §2.1.1."""
    spelling = _spelling(version, Tag.ATTRIBUTE_VALUE)

    def read(data: bytes, start: int, end: int) -> Attribute:
        parts = list(_items(data, start, end))
        first, _ = _expect(parts[0] if parts else None, Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, start)
        name = name_of(_text(data, first))
        rest, index = parts[1:], None
        if rest and rest[0][0] == Tag.ATTRIBUTE_INDEX:
            first, after = _expect(rest[0], Tag.ATTRIBUTE_INDEX, ttlv.INTEGER, rest[0][2])
            index = int(ttlv.decode(data[first:after]).value)
            if index < 0:
                raise CodecError("an Attribute Index is negative", first, ResultReason.INVALID_FIELD)
            rest = rest[1:]
        if not rest:
            return Attribute(name, None, index)
        tag, _, first, after = rest[0]
        if tag != Tag.ATTRIBUTE_VALUE or len(rest) > 1:
            raise CodecError("an Attribute has an item that does not belong there", first)
        if isinstance(name, VendorAttributeName):
            return Attribute(name, ttlv.decode(data[first:after]), index)
        return replace(spelling.read(name, data, first, after), index=index)

    return read


def _write_1x(version: Version) -> Writer:
    spelling = _spelling(version, Tag.ATTRIBUTE_VALUE)

    def write(out: bytearray, attribute: Attribute) -> None:
        ttlv.encode_into(out, ttlv.Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, title_of(attribute.name)))
        if attribute.index:
            ttlv.encode_into(out, ttlv.Item(Tag.ATTRIBUTE_INDEX, ttlv.INTEGER, attribute.index))
        if attribute.value is None:
            return
        if isinstance(attribute.name, VendorAttributeName):
            ttlv.encode_into(out, attribute.value, Tag.ATTRIBUTE_VALUE)
        else:
            spelling.write(out, attribute)

    return write


def _read_2x(version: Version) -> Callable[[bytes, int, int], tuple[Attribute, ...]]:
    """The reader of the content of Attributes.  Source: 2.1 §5.1 and §4.60."""
    spelling = _spelling(version)
    tags = Tag._value2member_map_

    def read(data: bytes, start: int, end: int) -> tuple[Attribute, ...]:
        found = []
        for number, kind, first, after in _items(data, start, end):
            tag = tags.get(number)
            if tag is Tag.ATTRIBUTE and kind == ttlv.STRUCTURE:
                found.append(_vendor_attribute(data, first + 8, after))
            elif tag is not None:
                found.append(spelling.read(tag, data, first, after))  # type: ignore[arg-type]
            elif number >> 16 != 0x54:
                raise CodecError("an unknown tag stands among the attributes", first, ResultReason.UNKNOWN_TAG)
        return tuple(found)

    return read


def _vendor_attribute(data: bytes, start: int, end: int) -> Attribute:
    parts = list(_items(data, start, end))
    vendor, name = _vendor_name(data, parts, start)
    if len(parts) == 2:
        return Attribute(VendorAttributeName(vendor, name))
    if len(parts) != 3 or parts[2][0] != Tag.ATTRIBUTE_VALUE:
        raise CodecError("a vendor attribute needs Attribute Value here", start)
    return Attribute(VendorAttributeName(vendor, name), ttlv.decode(data[parts[2][2] : parts[2][3]]))


def _vendor_name(data: bytes, parts: Sequence[tuple[int, int, int, int]], start: int) -> tuple[str, str]:
    first, _ = _expect(parts[0] if parts else None, Tag.VENDOR_IDENTIFICATION, ttlv.TEXT_STRING, start)
    second, _ = _expect(parts[1] if len(parts) > 1 else None, Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, start)
    vendor, name = _text(data, first), _text(data, second)
    if not vendor or not _VENDOR_IDENTIFICATION.match(vendor):
        raise CodecError("a Vendor Identification has a character other than letters, digits, _ and .", first,
                         ResultReason.INVALID_FIELD)  # fmt: skip
    return vendor, name


def _write_2x(version: Version) -> Callable[[bytearray, Iterable[Attribute]], None]:
    spelling = _spelling(version)

    def write(out: bytearray, attributes: Iterable[Attribute]) -> None:
        for attribute in _writable(attributes, version):
            if isinstance(attribute.name, VendorAttributeName):
                _write_vendor(out, attribute)
            else:
                spelling.write(out, attribute)

    return write


def _write_vendor(out: bytearray, attribute: Attribute) -> None:
    assert isinstance(attribute.name, VendorAttributeName)
    parts = [
        ttlv.Item(Tag.VENDOR_IDENTIFICATION, ttlv.TEXT_STRING, attribute.name.vendor_identification),
        ttlv.Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, attribute.name.attribute_name),
    ]
    if attribute.value is not None:
        parts.append(replace(attribute.value, tag=Tag.ATTRIBUTE_VALUE))
    ttlv.encode_into(out, ttlv.Item(Tag.ATTRIBUTE, ttlv.STRUCTURE, tuple(parts)))


# --- fields that hold attributes --------------------------------------------------------------------------------------

_TEMPLATE_TAGS: Final = {
    Tag.ATTRIBUTES: Tag.TEMPLATE_ATTRIBUTE,
    Tag.COMMON_ATTRIBUTES: Tag.COMMON_TEMPLATE_ATTRIBUTE,
    Tag.PRIVATE_KEY_ATTRIBUTES: Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
    Tag.PUBLIC_KEY_ATTRIBUTES: Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
}


class AttributesKind(Kind):
    """A list of attributes: a Template-Attribute in 1.x, Attributes since 2.0.

    Args:
        flat: in 1.x it is Attribute items in a row, not a Template-Attribute.
    """

    def __init__(self, *, flat: bool = False) -> None:
        self.flat = flat

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        if version >= V2_0:
            return tag
        return Tag.ATTRIBUTE if self.flat else _TEMPLATE_TAGS.get(tag or Tag.ATTRIBUTES, tag)

    def repeats(self, version: Version) -> bool:
        return self.flat and version < V2_0

    def gather(self, values: Sequence[Any]) -> Attributes | None:
        return Attributes(tuple(values)) if values else None

    def spread(self, version: Version) -> Callable[[Any], Iterable[Any]] | None:
        return (lambda attributes: _writable(attributes, version)) if self.repeats(version) else None

    def forms(self, version: Version) -> Sequence[Form]:
        if version >= V2_0:
            read_2x, write_2x = _read_2x(version), _write_2x(version)

            def read(data: bytes, start: int, end: int) -> Attributes:
                return Attributes(read_2x(data, start, end))

            return (Form(ttlv.STRUCTURE, read, write_2x),)
        if self.flat:
            return (Form(ttlv.STRUCTURE, _read_1x(version), _write_1x(version)),)
        return (Form(ttlv.STRUCTURE, self._read_template(version), self._write_template(version)),)

    @staticmethod
    def _read_template(version: Version) -> Callable[[bytes, int, int], Attributes]:
        """Source: 1.4 §2.1.8: the Names of templates, then Attributes."""
        read_attribute = _read_1x(version)
        read_name = value_reader(Nested(Name), version)[ttlv.STRUCTURE]

        def read(data: bytes, start: int, end: int) -> Attributes:
            templates, found = [], []
            for tag, kind, first, after in _items(data, start, end):
                if tag == Tag.NAME and kind == ttlv.STRUCTURE and not found:
                    templates.append(read_name(data, first, after))
                elif tag == Tag.ATTRIBUTE and kind == ttlv.STRUCTURE:
                    found.append(read_attribute(data, first + 8, after))
                elif tag >> 16 != 0x54:
                    raise CodecError("a Template-Attribute has an item that does not belong there", first)
            return Attributes(tuple(found), tuple(templates))

        return read

    @staticmethod
    def _write_template(version: Version) -> Writer:
        write_attribute = value_writer(AttributeKind(), Tag.ATTRIBUTE, version)
        write_name = value_writer(Nested(Name), Tag.NAME, version)

        def write(out: bytearray, attributes: Attributes) -> None:
            for name in attributes.templates:
                write_name(out, name)
            for attribute in _writable(attributes, version):
                write_attribute(out, attribute)

        return write

    def python_types(self) -> tuple[type, ...]:
        return (Attributes,)


class AttributeKind(Kind):
    """One attribute: Attribute in 1.x, since 2.0 a structure that holds it (New Attribute, Current Attribute)."""

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return Tag.ATTRIBUTE if version < V2_0 else tag

    def forms(self, version: Version) -> Sequence[Form]:
        if version < V2_0:
            return (Form(ttlv.STRUCTURE, _read_1x(version), _write_1x(version)),)
        read_2x, write_2x = _read_2x(version), _write_2x(version)

        def read(data: bytes, start: int, end: int) -> Attribute:
            found = read_2x(data, start, end)
            if len(found) != 1:
                raise CodecError("exactly one attribute belongs here", start, ResultReason.INVALID_FIELD)
            return found[0]

        def write(out: bytearray, attribute: Attribute) -> None:
            write_2x(out, (attribute,))

        return (Form(ttlv.STRUCTURE, read, write),)

    def python_types(self) -> tuple[type, ...]:
        return (Attribute,)


class AttributeNameKind(Kind):
    """The name of an attribute: text in 1.x; since 2.0 an Attribute Reference, which is its tag or a vendor's name.

    Args:
        text_until: the last version that writes it as text.

    Source: 1.4 §4.12; 2.1 §5.5.
    """

    def __init__(self, text_until: Version = V1_4) -> None:
        self.text_until = text_until

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return Tag.ATTRIBUTE_NAME if version <= self.text_until else Tag.ATTRIBUTE_REFERENCE

    def forms(self, version: Version) -> Sequence[Form]:
        if version <= self.text_until:
            write = str(_TEXT.forms(version)[0].write).replace("v.encode()", "title_of(v).encode()")
            read = "x = name_of(decode_text(b[q:e], q))"
            return (Form(ttlv.TEXT_STRING, read, write, uses={"title_of": title_of, "name_of": name_of}),)

        def read_vendor(data: bytes, start: int, end: int) -> VendorAttributeName:
            return VendorAttributeName(*_vendor_name(data, list(_items(data, start, end)), start))

        def write_vendor(out: bytearray, name: VendorAttributeName) -> None:
            for tag, text in zip((Tag.VENDOR_IDENTIFICATION, Tag.ATTRIBUTE_NAME), name, strict=True):
                ttlv.encode_into(out, ttlv.Item(tag, ttlv.TEXT_STRING, text))

        return (
            Form(ttlv.STRUCTURE, read_vendor, write_vendor, "isinstance(v, tuple)"),
            *Enumerated(Tag).forms(version),
        )

    def python_types(self) -> tuple[type, ...]:
        return (Tag,)


class ValueKind(Kind):
    """A value of any type, as an Item.  Source: 2.1 §6.1.3 (Adjustment Value)."""

    def forms(self, version: Version) -> Sequence[Form]:
        def form(wire: int) -> Form:
            def read(data: bytes, start: int, end: int) -> ttlv.Item:
                if wire == ttlv.STRUCTURE:
                    return ttlv.Item(0, wire, ttlv.decode_items(data, start, end))
                return ttlv.Item(0, wire, ttlv.decode_value(wire, data, start, end))

            def write(out: bytearray, value: ttlv.Item) -> None:
                if wire == ttlv.STRUCTURE:
                    for part in value.value:
                        ttlv.encode_into(out, part)
                else:
                    data = ttlv.encode_value(wire, value.value)
                    out += data[: ttlv.LENGTHS.get(wire, len(data))]

            return Form(wire, read, write, f"v.type == {wire}")

        return [form(wire) for wire in range(ttlv.STRUCTURE, ttlv.INTERVAL + 1)]

    def python_types(self) -> tuple[type, ...]:
        return (ttlv.Item,)


AttributeList = Annotated[Attributes, AttributesKind()]
"""Template-Attribute in 1.x, Attributes since 2.0."""
FlatAttributeList = Annotated[Attributes, AttributesKind(flat=True)]
"""Attribute items in a row in 1.x, Attributes since 2.0."""
SingleAttribute = Annotated[Attribute, AttributeKind()]
AttributeReference = Annotated[AttributeName, AttributeNameKind()]
AnyValue = Annotated[ttlv.Item, ValueKind()]


# --- attributes at rest -----------------------------------------------------------------------------------------------


def _stored_version(tag: Tag) -> Version:
    """The version that can say all of an attribute: the newest that has it, but Name lost its type in 3.0."""
    return V2_1 if tag in (Tag.NAME, Tag.ROTATE_NAME) else ATTRIBUTES[tag].until


@cache
def _stored_writer(tag: Tag) -> Writer:
    return value_writer(ATTRIBUTES[tag].kind, tag, _stored_version(tag))


@cache
def _stored_readers(tag: Tag) -> Mapping[int, Any]:
    return value_reader(ATTRIBUTES[tag].kind, _stored_version(tag))


def dump_stored(attributes: Iterable[Attribute]) -> bytes:
    """Write attributes of all versions, with their indices, for the store."""
    out = bytearray()
    for attribute in attributes:
        out += (attribute.index or 0).to_bytes(8, "big")
        if isinstance(attribute.name, VendorAttributeName):
            _write_vendor(out, attribute)
        else:
            _stored_writer(attribute.name)(out, attribute.value)
    return bytes(out)


def load_stored(data: bytes) -> list[Attribute]:
    """Read what `dump_stored` wrote.  Raises: CodecError."""
    found, position = [], 0
    while position < len(data):
        index = int.from_bytes(data[position : position + 8], "big")
        position += 8
        head, length = _HEADER.unpack_from(data, position)
        after = (position + 15 + length) & -8
        tag = Tag(head >> 8)
        if tag is Tag.ATTRIBUTE:
            found.append(replace(_vendor_attribute(data, position + 8, after), index=index))
        else:
            found.append(Attribute(tag, _stored_readers(tag)[head & 0xFF](data, position, after), index))
        position = after
    return found
