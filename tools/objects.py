"""A page for each type of managed object: versions, fields, attributes, what comes of using it, and an example."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from keystead.engine.context import Context, kind_of
from keystead.engine.engine import Engine
from keystead.engine.people import CREDENTIALS
from keystead.kmip.attributes import ATTRIBUTES, AttributeName, Attributes
from keystead.kmip.enums import CryptographicUsageMask, ObjectClass, ObjectType, Operation, RevocationReasonCode
from keystead.kmip.messages import RequestMessage, ResponseMessage
from keystead.kmip.objects import OBJECTS
from keystead.kmip.payloads import OPERATIONS, Request, Response
from keystead.kmip.payloads.create import (
    CreateCredentialRequest,
    CreateGroupRequest,
    CreateUserRequest,
    RegisterRequest,
)
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, ArchiveRequest, DestroyRequest, RevokeRequest
from keystead.kmip.schema import Structure, dump, fields_of
from keystead.kmip.structures import Name, RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1, Version
from tools.attributes import name_of as attribute_page
from tools.examples import TIME
from tools.markdown import VERSIONS, encodings, facts, fields_table, sentences, slug, span, table, window, words
from tools.operations import name_of as operation_page
from tools.samples import SAMPLES
from tools.trials import outcome, trials

_SAID: Final[Mapping[ObjectType, str]] = {
    ObjectType.CERTIFICATE: "A certificate, as bytes.",
    ObjectType.SYMMETRIC_KEY: "A key that both ends have.",
    ObjectType.PUBLIC_KEY: "The public half of a key pair.",
    ObjectType.PRIVATE_KEY: "The private half of a key pair.",
    ObjectType.SPLIT_KEY: "A part of a key that was split.",
    ObjectType.TEMPLATE: "A named list of attributes that a request can refer to.",
    ObjectType.SECRET_DATA: "A secret that is no key: a password, a seed, or what was derived.",
    ObjectType.OPAQUE_OBJECT: "Bytes whose meaning only its owner knows.",
    ObjectType.PGP_KEY: "A key block of OpenPGP.",
    ObjectType.CERTIFICATE_REQUEST: "A request for a certificate.",
    ObjectType.USER: "Somebody who is let in by credentials; it has attributes only.",
    ObjectType.GROUP: "A group of users or objects; it has attributes only.",
    ObjectType.PASSWORD_CREDENTIAL: "A user's password.",
    ObjectType.DEVICE_CREDENTIAL: "What a device is known by.",
    ObjectType.ONE_TIME_PASSWORD_CREDENTIAL: "The seed of a user's one-time passwords.",
    ObjectType.HASHED_PASSWORD_CREDENTIAL: "Hashes by which a password is proved without being sent.",
}
_PEOPLE: Final[Mapping[ObjectType, type[CreateUserRequest] | type[CreateGroupRequest]]] = {
    ObjectType.USER: CreateUserRequest,
    ObjectType.GROUP: CreateGroupRequest,
}
_CREDENTIAL_TYPES: Final = {made: credential_type for credential_type, (made, _) in CREDENTIALS.items()}
_NAMED: Final = Attributes.of([(Tag.NAME, Name(name_value="first"))])


def name_of(object_type: ObjectType) -> str:
    """The page of a type of object."""
    return f"objects/{slug(object_type.title)}.md"


def _version(object_type: ObjectType) -> Version:
    return V2_1 if object_type.since <= V2_1 <= object_type.until else object_type.until


def zone_of(object_type: ObjectType) -> str:
    """The kinds of zone that objects of a type are sealed in."""
    plain = kind_of(object_type, CryptographicUsageMask(0))
    wrapping = kind_of(object_type, CryptographicUsageMask.WRAP_KEY)
    name = plain.name.lower().replace("_", " ")
    return name if plain is wrapping else f"{name}; {wrapping.name.lower().replace('_', ' ')} if it may wrap keys"


# --- what comes of it -------------------------------------------------------------------------------------------------


def making(object_type: ObjectType) -> Request:
    """The request by which an object of a type comes to be here."""
    if object_type in _PEOPLE:
        return _PEOPLE[object_type](attributes=_NAMED)
    if object_type.since > V2_1:
        kind = _CREDENTIAL_TYPES[object_type]
        return CreateCredentialRequest(credential_type=kind, attributes=_NAMED, object=SAMPLES[object_type])
    return RegisterRequest(object_type=object_type, attributes=_NAMED, object=SAMPLES[object_type])


def _trials(object_type: ObjectType, engine: Engine) -> str:
    version, made = _version(object_type), making(object_type)

    def prepare(changes: Mapping[Tag, Any], then: Request | None = None) -> Callable[[Context], None]:
        def work(context: Context) -> None:
            context.operation = made.OPERATION
            engine.perform(context, made)
            context.operation = Operation.GET
            one = context.object(None)
            held: dict[AttributeName, Any] = {
                tag: value for tag, value in changes.items() if object_type in ATTRIBUTES[tag].applies_to
            }
            context.save(one.update(held))
            if then is not None:
                context.operation = then.OPERATION
                engine.perform(context, then)

        return work

    get, destroy, archive = GetRequest(), DestroyRequest(), ArchiveRequest()
    revoke = RevokeRequest(revocation_reason=RevocationReason(revocation_reason_code=RevocationReasonCode.UNSPECIFIED))
    active = {Tag.ACTIVATION_DATE: TIME - 100}
    tried: Iterable[tuple[str, Request, Callable[[Context], object]]] = (
        (made.OPERATION.title, made, lambda context: None),
        ("Get", get, prepare({})),
        ("Get, of a Sensitive one", get, prepare({Tag.SENSITIVE: True})),
        ("Get, of one that is not Extractable", get, prepare({Tag.EXTRACTABLE: False})),
        ("Get, of an archived one", get, prepare({}, archive)),
        ("Get, of a destroyed one", get, prepare({}, destroy)),
        ("Destroy", destroy, prepare({})),
        ("Activate", ActivateRequest(), prepare({})),
        ("Revoke, of an Active one", revoke, prepare(active)),
        ("Destroy, of an Active one", destroy, prepare(active)),
    )
    stateful = object_type in ATTRIBUTES[Tag.STATE].applies_to
    rows = [
        (f"[{what.partition(',')[0]}](../{operation_page(request.OPERATION)}){what[len(what.partition(',')[0]) :]}",
         outcome(engine, version, request, before))
        for what, request, before in tried
        if stateful or not what.endswith("an Active one")
    ]  # fmt: skip
    other = ObjectType.SECRET_DATA if object_type is not ObjectType.SECRET_DATA else ObjectType.SYMMETRIC_KEY
    if isinstance(made, RegisterRequest):
        wrong = RegisterRequest(object_type=other, attributes=_NAMED, object=made.object)
        said = f"[Register](../{operation_page(Operation.REGISTER)}), as {other.title}"
        rows.insert(1, (said, outcome(engine, version, wrong, lambda context: None)))
    return f"Tried in KMIP {version}, by its owner.\n\n{table(('', ''), rows)}"


# --- pages ------------------------------------------------------------------------------------------------------------


def page(object_type: ObjectType, engine: Engine) -> str:
    """What there is to say of a type of object."""
    versions, version = window(object_type.since, object_type.until), _version(object_type)
    cls = OBJECTS.get(object_type)
    attributes = [row for row in ATTRIBUTES.values() if object_type in row.applies_to]
    own = [row for row in attributes if len(row.applies_to) < len(ObjectType)]
    parts = [
        f"# {object_type.title}\n",
        f"{_SAID[object_type]}\n",
        facts(
            ("Versions", span(versions)),
            ("Object Type", f"0x{object_type:02X}"),
            ("Source", sentences(cls.__doc__)[1] if cls else "3.0 CSD01 §2.1"),
            ("Class", f"{ObjectClass.SYSTEM.title}" if object_type.since > V2_1 else ""),
            ("Sealed in the zone of", zone_of(object_type)),
            (
                "Comes by",
                f"[{making(object_type).OPERATION.title}](../{operation_page(making(object_type).OPERATION)})",
            ),
        ),
        "## Fields\n",
        fields_table(cls, versions, "../") if cls else "It has attributes only.\n",
        "## Attributes\n",
        f"Besides the {len(attributes) - len(own)} that every object can have: "
        + (", ".join(f"[{row.title}](../{attribute_page(row.tag)})" for row in own) or "none")
        + ".\n",
        "## What comes of it\n",
        _trials(object_type, engine),
        "## Example\n",
    ]
    if cls is None:
        request = making(object_type)
        data = dump(request, version, Tag.REQUEST_PAYLOAD)
        parts.append(f"The Request Payload of {request.OPERATION.title}, KMIP {version}.\n\n{encodings(data)}")
    else:
        parts.append(f"KMIP {version}.\n\n{encodings(dump(SAMPLES[object_type], version))}")
    return "\n".join(parts)


def index() -> str:
    """All types of objects."""
    rows = [
        (
            f"[{object_type.title}]({name_of(object_type)})",
            f"0x{object_type:02X}",
            span(window(object_type.since, object_type.until)),
            _SAID[object_type],
            zone_of(object_type),
        )
        for object_type in ObjectType
    ]
    return "# Managed objects\n\n" + table(("type", "value", "versions", "", "sealed in the zone of"), rows)


def pages() -> Iterator[tuple[str, str]]:
    """A page for each type of object, the list of them, and the structures that they and messages are made of."""
    yield "objects.md", index()
    yield "structures.md", structures()
    with trials() as engine:
        for object_type in ObjectType:
            yield name_of(object_type), page(object_type, engine)


# --- structures -------------------------------------------------------------------------------------------------------


def _within(roots: Iterable[type[Structure]]) -> list[type[Structure]]:
    """All structures within others, by name."""
    found: set[type[Structure]] = set()

    def enter(cls: type[Structure]) -> None:
        if cls in found:
            return
        found.add(cls)
        for field in fields_of(cls):
            for part in field.kind.python_types():
                if issubclass(part, Structure):
                    enter(part)

    for root in roots:
        enter(root)
    for row in ATTRIBUTES.values():
        for part in row.kind.python_types():
            if issubclass(part, Structure):
                enter(part)
    return sorted(found, key=lambda cls: cls.__name__)


def _section(cls: type[Structure]) -> str:
    said, source = sentences(cls.__doc__)
    versions = window(cls.TAG.since, cls.TAG.until) if cls.TAG else list(VERSIONS)
    lines = [f"## {words(cls.__name__)}", "", *([said] if said else [])]
    lines.append(f"Versions: {span(versions)}." + (f"  Source: {source}." if source else ""))
    return "\n".join(lines) + "\n\n" + fields_table(cls, versions, "")


def structures() -> str:
    """The structures that payloads and objects are made of."""
    payloads = [cls for pair in OPERATIONS.values() for cls in pair]
    left_out = {*payloads, *OBJECTS.values()}
    own = [cls for cls in _within([*payloads, RequestMessage, ResponseMessage]) if cls not in left_out]
    return "# Structures\n\n" + "\n".join(_section(cls) for cls in own if not issubclass(cls, (Request, Response)))
