"""What is declared is what the specification's tables say, row by row; where it differs, the reason is here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.kmip import enums, messages, objects, structures
from keystead.kmip.attributes import ATTRIBUTES, Link, Party, When
from keystead.kmip.enums import Enumeration, Mask, Operation
from keystead.kmip.payloads import OPERATIONS, server
from keystead.kmip.schema import Structure, fields_of
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_1, Version

pytestmark = pytest.mark.shared

_VERSIONS = {str(version): version for version in Version}


def table(shared: Path, name: str) -> Any:
    found = json.loads((shared / "spec" / "tables" / f"{name}.json").read_text())
    if isinstance(found, dict):
        found.pop("_note", None)
    return found


def window(row: Any) -> list[str]:
    return [str(version) for version in Version if row.since <= version <= row.until]


# --- numbers and names --------------------------------------------------------------------------------------------


def _second_draft(shared: Path) -> dict[str, dict[int, str]]:
    """What the second draft of 3.0 adds, which the other tables do not have."""
    delta = table(shared, "kmip-3.0-csd02-delta")
    added = {"Tag": delta["tags"], **delta["enumerations"]}
    return {name: {int(row["value"], 16): row["name"] for row in rows} for name, rows in added.items()}


def test_every_tag_is_as_in_the_table(shared: Path) -> None:
    rows = {int(row["value"], 16): row for row in table(shared, "tags")}
    added = _second_draft(shared)["Tag"]
    assert {int(tag) for tag in Tag} == rows.keys() | added.keys()
    for tag in Tag:
        if tag in added:
            assert (tag.title, window(tag)) == (added[tag], ["3.0"])
            continue
        row = rows[tag]
        assert (tag.title, tag.camel_case, window(tag)) == (row["name"], row["xml_name"], row["versions"])


def _classes() -> dict[str, type[Enumeration] | type[Mask]]:
    return {
        name.lower(): cls
        for name, cls in vars(enums).items()
        if isinstance(cls, type) and issubclass(cls, (Enumeration, Mask))
    }


# What the table calls by the name of its field.
_CALLED = {"Data": "dataenumeration", "Unique Identifier": "uniqueidentifierenumeration"}
# PKCS#11 numbers them, so the table has no rows.
_OF_PKCS_11 = ("PKCS#11 Function", "PKCS#11 Return Code")


@pytest.mark.parametrize("kind", ["enumerations", "masks"])
def test_every_value_of_an_enumeration_is_as_in_the_table(shared: Path, kind: str) -> None:
    classes, added = _classes(), _second_draft(shared)
    for name, said in table(shared, kind).items():
        if name in _OF_PKCS_11:
            continue
        cls = classes[_CALLED.get(name, re.sub(r"\W", "", name).lower())]
        rows = {int(row["value"], 16): (title, row) for title, row in said["values"].items()}
        later = added.get(name, {})
        assert {int(value) for value in cls} == rows.keys() | later.keys(), name
        for value in cls:
            if value in later:
                assert (value.title, window(value)) == (later[value], ["3.0"])
                continue
            title, row = rows[value]
            assert (value.title, value.camel_case) == (title, row["xml_name"])
            assert window(value) == row["versions"], (name, title)


def test_the_names_of_an_enumeration_are_unambiguous() -> None:
    for cls in [*_classes().values(), Tag]:
        names = [value.camel_case for value in cls]
        assert len(set(names)) == len(names)


# --- fields -------------------------------------------------------------------------------------------------------

Row = tuple[str, bool, bool]
_OBJECT = "the managed object"


def declared(cls: type[Structure], version: Version) -> list[Row]:
    """(Name, required, repeated) of each field that a version has."""
    rows = []
    for field in fields_of(cls):
        if field.present_in(version):
            tag = None if field.kind.tagged and field.tag is None else field.tag_in(version)
            name = _OBJECT if tag is None else tag.title
            rows.append((name, field.required, field.repeated or field.kind.repeats(version)))
    return rows


def said(fields: list[dict[str, Any]]) -> list[tuple[str, str | None, bool]]:
    return [
        (_OBJECT if row.get("managed_object") else row["field"], row["required"], bool(row["repeat"])) for row in fields
    ]


def differences(cls: type[Structure], version: Version, fields: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """(Field, what differs)."""
    ours, theirs = declared(cls, version), said(fields)
    names = [name for name, _, _ in theirs]
    for name, _, _ in ours:
        if name not in names:
            yield name, "is not in the table"
    for name in names:
        if name not in [name for name, _, _ in ours]:
            yield name, "is only in the table"
    if [name for name, _, _ in ours if name in names] != [n for n in names if n in [name for name, _, _ in ours]]:
        yield "*", "order"
    by_name = {name: (required, repeated) for name, required, repeated in theirs}
    for name, required, repeated in ours:
        if name in by_name:
            if required != (by_name[name][0] == "yes"):
                yield name, f"is {'' if required else 'not '}required here, in the table {by_name[name][0]}"
            if repeated != by_name[name][1]:
                yield name, f"is {'' if repeated else 'not '}repeated here"


_LENIENT = "is not required here, in the table yes"
# Payload and field, or any payload's field: what differs, why.
_PAYLOADS_DIFFER: dict[tuple[str, str], tuple[str, str]] = {
    ("*", "Unique Identifier"): (
        _LENIENT,
        "3.0 requires it in requests, but an ID Placeholder is meant if it is absent",
    ),
    ("Register request", _OBJECT): (_LENIENT, "the Register of a Template has none in 1.0 and 1.1"),
    ("Re-key request", "Template-Attribute"): ("is not in the table", "PyKMIP sends an empty one in 2.0"),
    ("Certify request", "Certificate Request Type"): (_LENIENT, "only 1.0 requires it"),
    ("Certify request", "Certificate Request"): (_LENIENT, "only 1.0 requires it"),
    ("Re-certify request", "Certificate Request Type"): (_LENIENT, "only 1.0 requires it"),
    ("Re-certify request", "Certificate Request"): (_LENIENT, "only 1.0 requires it"),
    ("Locate request", "Template-Attribute"): ("is not in the table", "FortiOS puts what it looks for there"),
    ("Locate request", "Attributes"): (_LENIENT, "without attributes, everything is found"),
    ("Get Attributes response", "Attributes"): (_LENIENT, "a list that is empty is still written"),
    ("Get Attribute List response", "Attribute Name"): (_LENIENT, "a list that is empty is read"),
    ("Get Attribute List response", "Attribute Reference"): (_LENIENT, "a list that is empty is read"),
    ("Add Attribute response", "Attribute"): (_LENIENT, "only 1.x has it"),
    ("Modify Attribute response", "Attribute"): (_LENIENT, "only 1.x has it"),
    ("Delete Attribute request", "Attribute Name"): (_LENIENT, "the engine says what is missing"),
    ("Delete Attribute request", "Attribute"): ("is not in the table", "cyphera names the attribute so"),
    ("Delete Attribute response", "Attribute"): (_LENIENT, "only 1.x has it"),
    ("Revoke request", "Revocation Reason"): (_LENIENT, "3.0 does not require it; the engine says what is missing"),
    ("Query response", "Protection Storage Masks"): (_LENIENT, "only if it was asked for, as 3.0 says"),
    ("Query response", "Capability Information"): ("is repeated here", "3.0 alone has one"),
    ("*", "Data"): (_LENIENT, "only 1.2 requires it: a part of a stream may have none"),
    ("*", "Signature Data"): (_LENIENT, "only 1.2 requires it: a part of a stream has none"),
    ("*", "MAC Data"): (_LENIENT, "only 1.2 requires it: a part of a stream has none"),
    ("*", "Validity Indicator"): (_LENIENT, "a part of a stream has none"),
    ("Create Split Key response", "Object Type"): (_LENIENT, "only 1.2 has it"),
    ("Join Split Key response", "Object Type"): (_LENIENT, "only 1.2 has it"),
    ("Export response", "Attribute"): ("is repeated here", "the table's text means all attributes"),
    ("Import request", "Attribute"): ("is repeated here", "the table's text means all attributes"),
    ("Export response", "Attributes"): (_LENIENT, "a list that is empty is read"),
    ("Import request", "Object Type"): (_LENIENT, "1.4 does not have it, and the object says it"),
    ("Import request", "Attributes"): (_LENIENT, "1.4 does not require it"),
    ("Set Constraints request", "Constraints"): (_LENIENT, "a case of OASIS lifts all constraints so"),
}
_NO_TABLE = {Operation.NOTIFY, Operation.PUT, Operation.ENCAPSULATE, Operation.DECAPSULATE}
"""The tables have them only as operations of a server, or not at all."""


def test_every_payload_is_as_in_the_table(shared: Path) -> None:
    rows = table(shared, "operations")
    assert {operation.title for operation in OPERATIONS} - rows.keys() == {o.title for o in _NO_TABLE}
    used = set()
    for operation, (request, response) in OPERATIONS.items():
        if operation in _NO_TABLE:
            continue
        row = rows[operation.title]
        assert (int(row["value"], 16), row["xml_name"]) == (operation, operation.camel_case)
        assert window(operation) == row["versions"]
        for payloads in row["payloads"]:
            for side, cls in (("request", request), ("response", response)):
                for version in payloads["versions"] if payloads[side] is not None else ():
                    for field, what in differences(cls, _VERSIONS[version], payloads[side]):
                        title = f"{operation.title} {side}"
                        key = (title, field) if (title, field) in _PAYLOADS_DIFFER else ("*", field)
                        assert _PAYLOADS_DIFFER.get(key, ("", ""))[0] == what, (title, version, field, what)
                        used.add(key)
    assert used == _PAYLOADS_DIFFER.keys()


_NAMED = {
    "Credential Value - Attestation": structures.Attestation,
    "Credential Value - Device": structures.Device,
    "Credential Value - Hashed Password": structures.HashedPassword,
    "Credential Value - One Time Password": structures.OneTimePassword,
    "Credential Value - Ticket": structures.TicketCredential,
    "Credential Value - Username and Password": structures.UsernameAndPassword,
    "Derivation Parameters - PBKDF2": structures.DerivationParameters,
    "Derivation Parameters - except PBKDF2": structures.DerivationParameters,
    "Link": Link,
    "MAC/Signature Key Information": structures.MACSignatureKeyInformation,
    "X.509 Certificate Identifier": structures.X509CertificateIdentifier,
    "X.509 Certificate Issuer": structures.X509CertificateIssuer,
    "X.509 Certificate Subject": structures.X509CertificateSubject,
}
_SPELLED_ELSEWHERE = re.compile(
    r"Attribute$|Attribute |Attributes$|Template-Attribute|Batch Item$|Counters|Links|PKCS#11|User$|Group$"
)
"""Lists of attributes are kinds of their own; counters and links are attributes; the rest has no fields."""


def _class(name: str) -> type[Structure] | None:
    if name.startswith("Key Material - "):
        return structures.TransparentKey
    if name in _NAMED:
        return _NAMED[name]
    for module in (structures, objects, messages, server):
        cls = getattr(module, name.replace(" ", ""), None)
        if isinstance(cls, type) and issubclass(cls, Structure):
            return cls
    return None


# Structure (or the beginning of its name) and field: what differs, why.
_STRUCTURES_DIFFER: dict[tuple[str, str], tuple[str, ...]] = {
    ("Application Specific Information", "Application Data"): (
        _LENIENT,
        "optional since 1.3, and PyKMIP leaves it out",
    ),
    ("Asynchronous Correlation Values", "Asynchronous Correlation Value"): ("is repeated here", "its name says so"),
    ("Authentication", "Credential"): ("is required here, in the table None", "is repeated here", "1.2 says so"),
    ("Certificate Subject", "Certificate Subject Distinguished Name"): (
        "is required here, in the table conditional",
        "an empty one is sent where there is none",
    ),
    ("Credential Value - Hashed Password", "Time Stamp"): ("is not in the table", "it spells Timestamp"),
    ("Credential Value - Hashed Password", "Timestamp"): ("is only in the table", "its tag is Time Stamp"),
    ("Cryptographic Parameters", "KEM Algorithm"): ("is not in the table", "the second draft has it"),
    ("Digest", "Key Format Type"): ("is not in the table", "PyKMIP cannot read a Digest of 1.0 without it"),
    ("Defaults Information", "Object Defaults"): (_LENIENT, "2.1 does not require it"),
    ("Derivation Parameters - PBKDF2", "*"): (_LENIENT, "is repeated here", "one structure serves every method"),
    ("Derivation Parameters - except PBKDF2", "*"): (
        "is not in the table",
        "is repeated here",
        "one structure serves every method",
    ),
    ("Key Block", "Key Value"): (_LENIENT, "may be absent since 1.2"),
    ("Key Material - ", "*"): ("is not in the table", _LENIENT, "one structure serves every Transparent format"),
    ("MAC/Signature Key Information", "Unique Identifier"): (
        "is required here, in the table conditional",
        "it has no meaning without",
    ),
    ("Message Extension", "Vendor Identification"): ("is required here, in the table None", "as 1.4 §6.16 means"),
    ("Message Extension", "Criticality Indicator"): ("is required here, in the table None", "as 1.4 §6.16 means"),
    ("Message Extension", "Vendor Extension"): ("is not in the table", "the table of 3.0 lost it"),
    ("Object Defaults", "Object Type"): (_LENIENT, "is not in the table", "one of two since 2.1"),
    ("Object Defaults", "Object Types"): ("is not in the table", "one of two since 2.1"),
    ("Object Defaults", "Object Type | ObjectTypes"): ("is only in the table", "one of two"),
    ("Object Defaults", "Object Type or Object Types"): ("is only in the table", "one of two"),
    ("Protection Storage Masks", "Protection Storage Mask"): ("is not in the table", "the table lost it"),
    ("Protocol Version", "Protocol Version Major"): ("is required here, in the table None", "nothing works without"),
    ("Protocol Version", "Protocol Version Minor"): ("is required here, in the table None", "nothing works without"),
    ("Request Batch Item", "Message Extension"): ("is repeated here", "as since 2.0"),
    ("Response Batch Item", "Message Extension"): ("is repeated here", "as in requests"),
    ("Request Header", "Batch Count"): (_LENIENT, "3.0 does not have it; the engine says what is missing"),
    ("Response Header", "Batch Count"): (_LENIENT, "3.0 does not have it"),
    ("Request Message", "Batch Item"): (_LENIENT, "the engine says what is missing"),
    ("Response Message", "Batch Item"): (_LENIENT, "a Batch Count of 0"),
    ("Server Information", "Alternate Failover Endpoints"): ("is not in the table", "its tag is spelled so"),
    ("Server Information", "Alternative Failover Endpoints"): ("is only in the table", "its tag is spelled otherwise"),
    ("Server Information", "Vendor-Specific"): ("is only in the table", "a vendor's tags are stepped over"),
    ("Split Key", "Split Key Polynomial"): ("is not in the table", "3.0 has it as an attribute of a split key"),
    ("Template", "Attribute"): (_LENIENT, "the engine says what is missing"),
    ("Usage Limits", "Usage Limits Count"): (_LENIENT, "a client that sets the total means the count too"),
    ("X.509 Certificate Subject", "Subject Distinguished Name"): (
        "is required here, in the table conditional",
        "an empty one is sent where there is none",
    ),
}


def _reasons(name: str, field: str) -> tuple[tuple[str, str], tuple[str, ...]] | None:
    for (prefix, key), whys in _STRUCTURES_DIFFER.items():
        if (name == prefix or (prefix.endswith("- ") and name.startswith(prefix))) and key in (field, "*"):
            return (prefix, key), whys
    return None


def test_every_structure_is_as_in_the_table(shared: Path) -> None:
    found = table(shared, "objects")
    named = [*found["structures"].items(), *((name, row["structure"]) for name, row in found["objects"].items())]
    used = set()
    for name, variants in named:
        cls = _class(name)
        if cls is None:
            assert _SPELLED_ELSEWHERE.search(name), name
            continue
        for variant in variants:
            for row in variant["fields"] or ():
                # 2.x writes these with small letters, the tags with capitals.
                row["field"] = row["field"].title() if name == "Server Information" else row["field"]
            for version in variant["versions"] if variant["fields"] is not None else ():
                for field, what in differences(cls, _VERSIONS[version], variant["fields"]):
                    reasons = _reasons(name, field)
                    assert reasons is not None, (name, version, field, what)
                    assert what in reasons[1], (name, version, field, what)
                    used.add(reasons[0])
    assert used == _STRUCTURES_DIFFER.keys()


# --- attributes ---------------------------------------------------------------------------------------------------

_GROUPS = {"Link", "Links", "Custom Attribute", "Certificate Attributes", "Vendor Attribute", "Counters"}
"""Rows of the table that stand for several attributes, or for a vendor's."""

_YES_WHERE = {
    ("Fresh", "SHALL always have a value"): "2.0 says Yes",
    ("Lease Time", "SHALL always have a value"): "only 3.0 says Yes: a server need not lease",
    ("Extractable", "Modifiable by client"): "only from True to False, as 3.0 says",
    ("Sensitive", "Modifiable by client"): "only from False to True, as 3.0 says",
    ("Alternative Name", "Modifiable by server"): "only if it has no value, says a condition of its own",
    ("Application Specific Information", "Modifiable by server"): "only if the client left the data out",
}
_IMPLICIT_OTHERWISE = {
    "Always Sensitive": "said in words: when Sensitive is set or changed",
    "Never Extractable": "said in words: when Extractable is set or changed",
    "Sensitive": "said in words: when the object is made",
    "Extractable": "said in words: when the object is made",
    "Protection Storage Mask": "said in words: when the object is stored",
}


def _permission(text: str | None) -> When | None:
    """Never, always, or None: under a condition."""
    if not (text or "").lower().startswith("yes"):
        return When.NEVER
    return When.ALWAYS if text == "Yes" else None


def _operations(text: str) -> set[Operation]:
    """The operations that a rule names."""
    text, found = text.replace("Join Key", "Join Split Key"), set()
    for operation in sorted(Operation, key=lambda operation: -len(operation.title)):
        pattern = rf"(?<![\w-]){re.escape(operation.title)}(?![\w-])"
        if re.search(pattern, text):
            found.add(operation)
            text = re.sub(pattern, "", text)
    return found


def test_every_attribute_is_as_in_the_table(shared: Path) -> None:
    tags = {tag.title: tag for tag in Tag}
    for name, row in table(shared, "attributes").items():
        if name in _GROUPS:
            continue
        attribute = ATTRIBUTES[Tag(int(row["tag"], 16)) if row["tag"] else tags[name]]
        assert window(attribute) == row["versions"], name
        for variant in row["variants"]:
            rules = variant["rules"]
            if not rules:
                continue
            always = rules["SHALL always have a value"].lower().startswith("yes")
            assert attribute.always == always or (name, "SHALL always have a value") in _YES_WHERE, name
            setter = rules["Initially set by"].lower()
            expected = {"server": Party.SERVER, "client": Party.CLIENT}.get(setter, Party.EITHER)
            assert attribute.set_by is expected, name
            for rule, when in (
                ("Modifiable by server", attribute.server_modifies),
                ("Modifiable by client", attribute.client_modifies),
                ("Deletable by client", attribute.client_deletes),
            ):
                permission = _permission(rules.get(rule))
                conditional = when not in (When.NEVER, When.ALWAYS)
                assert when is permission or (permission is None and conditional) or (name, rule) in _YES_WHERE, name
            multiple = rules["Multiple instances permitted"].lower().startswith("yes")
            assert attribute.multiple == multiple, name
            if name not in _IMPLICIT_OTHERWISE:
                theirs = _operations(rules.get("When implicitly set") or "")
                # 1.0 lists few of those that certify or rotate, and versions before 3.0 have no Deactivate.
                known = {Operation.DEACTIVATE, Operation.RE_KEY_KEY_PAIR}
                if _VERSIONS[variant["versions"][0]] is V1_0:
                    known |= {Operation.CERTIFY, Operation.RE_CERTIFY}
                assert theirs <= attribute.implicit, name
                assert attribute.implicit - theirs <= known, (name, variant["versions"])


def test_every_attribute_of_the_table_and_no_other_is_declared(shared: Path) -> None:
    tags = {tag.title: tag for tag in Tag}
    rows = table(shared, "attributes")
    single = {
        Tag(int(row["tag"], 16)) if row["tag"] else tags[name] for name, row in rows.items() if name not in _GROUPS
    }
    grouped = re.compile(r"Certificate (Subject|Issuer) \w|.* Link\Z|.* Counter\Z")
    assert single < ATTRIBUTES.keys()
    assert all(grouped.match(tag.title) for tag in ATTRIBUTES.keys() - single)


# --- citations ----------------------------------------------------------------------------------------------------

_CITED = re.compile(r"(\d\.\d)(?: CSD0[12])? §([\d.]*\d)")
_ALSO_IN = {"DerivationParameters": {"1.4": "4.6"}}
"""Tables without a section of their own."""


def test_every_section_that_is_cited_is_that_of_the_table(shared: Path) -> None:
    sections: dict[type[Structure], dict[str, str]] = {}
    found = table(shared, "objects")
    for name, variants in (
        *found["structures"].items(),
        *((name, row["structure"]) for name, row in found["objects"].items()),
    ):
        cls = _class(name)
        if cls is not None and cls is not structures.TransparentKey:
            for variant in variants:
                sections.setdefault(cls, {}).update(variant.get("sections") or {})
    for name, row in table(shared, "attributes").items():
        cls = _class(name)
        if cls is not None:
            sections[cls] = row["sections"]
    for operation, row in table(shared, "operations").items():
        cls = next((request for o, (request, _) in OPERATIONS.items() if o.title == operation), None)
        if cls is not None:
            sections[cls] = row["sections"]
    assert len(sections) > 100
    for cls, known in sections.items():
        cited = dict(_CITED.findall(cls.__doc__ or ""))
        known = known | _ALSO_IN.get(cls.__name__, {})
        assert cited.items() <= known.items(), cls.__name__


def test_the_versions_of_the_tables_are_all_versions(shared: Path) -> None:
    versions = {version for row in table(shared, "tags") for version in row["versions"]}
    assert versions == {str(version) for version in Version}
    assert V1_0 < V1_1
