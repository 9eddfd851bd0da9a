"""Whole messages: every operation and version, recorded clients, the OASIS cases, and hostile bytes."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from keystead.errors import CodecError
from keystead.kmip import ttlv, ttlv_json, ttlv_xml
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    CredentialType,
    CryptographicAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.messages import (
    MessageExtension,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    Unreadable,
    UnsupportedVersion,
    dump_message,
    load_request,
    load_response,
    protocol_version,
    version_of,
)
from keystead.kmip.payloads import OPERATIONS
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateRequest, RegisterRequest
from keystead.kmip.payloads.crypto import EncryptRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest
from keystead.kmip.payloads.locate import LocateResponse
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.structures import Authentication, Credential, Name, UsernameAndPassword
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V1_0, V1_2, V1_4, V2_0, V2_1, V3_0, Version
from tests.work import counted

from . import fuzz
from .strategies import message

EACH = [
    (operation, version)
    for operation in OPERATIONS
    for version in Version
    if operation.since <= version <= operation.until
]


@pytest.mark.parametrize(("operation", "version"), EACH, ids=[f"{o.name}-{v}" for o, v in EACH])
def test_every_operation_goes_there_and_back(operation: Operation, version: Version) -> None:
    random = Random(int(operation) << 16 | int(version))
    for _ in range(4):
        request = message(RequestMessage, version, random, operation)
        assert load_request(dump_message(request, version)) == (request, version)
        response = message(ResponseMessage, version, random, operation)
        assert load_response(dump_message(response, version)) == (response, version)


def request(
    payload: Any = None, version: Version = V1_2, extensions: tuple[MessageExtension, ...] = (), **header: Any
) -> bytes:
    payload = payload or ActivateRequest(unique_identifier="1")
    found = RequestMessage(
        request_header=RequestHeader(
            **{"protocol_version": protocol_version(version), "batch_count": 1 if version < V3_0 else None} | header
        ),
        batch_item=(
            RequestBatchItem(operation=payload.OPERATION, request_payload=payload, message_extension=extensions),
        ),
    )
    return dump_message(found, version)


def edited(data: bytes, edit: Any) -> bytes:
    """The message, but for items that `edit` changes: it is given each and gives those to have in its place."""

    def within(found: Item) -> Iterator[Item]:
        for changed in edit(found):
            if changed.type == ttlv.STRUCTURE:
                yield Item(changed.tag, changed.type, tuple(new for old in changed.value for new in within(old)))
            else:
                yield changed

    (whole,) = within(ttlv.decode(data))
    return ttlv.encode(whole)


def replacing(tag: int, *items: Item) -> Any:
    return lambda found: items if found.tag == tag else (found,)


def fault(data: bytes) -> CodecError:
    """Why a request, or the payload of its one batch item, is refused."""
    try:
        read, _ = load_request(data)
    except CodecError as error:
        return error
    payload = read.batch_item[0].request_payload
    assert isinstance(payload, Unreadable)
    return payload.error


def test_the_versions_of_a_message() -> None:
    for version in Version:
        assert version_of(request(version=version)) is version
    for major, minor, answer in ((1, 5, V1_4), (2, 2, V2_1), (4, 0, V3_0), (0, 9, V1_0), (1, -1, V1_0)):
        data = edited(
            request(),
            replacing(
                Tag.PROTOCOL_VERSION,
                Item(
                    Tag.PROTOCOL_VERSION,
                    ttlv.STRUCTURE,
                    (
                        Item(Tag.PROTOCOL_VERSION_MAJOR, ttlv.INTEGER, major),
                        Item(Tag.PROTOCOL_VERSION_MINOR, ttlv.INTEGER, minor),
                    ),
                ),
            ),
        )
        with pytest.raises(UnsupportedVersion) as raised:
            load_request(data)
        assert raised.value.answer_in is answer
        assert raised.value.reason is ResultReason.UNSUPPORTED_PROTOCOL_VERSION


@pytest.mark.parametrize("version", list(Version))
def test_truncated_at_every_byte_it_is_refused(version: Version) -> None:
    data = dump_message(message(RequestMessage, version, Random(1), Operation.REGISTER), version)
    for end in range(len(data)):
        with pytest.raises(CodecError):
            load_request(data[:end])


def test_T04_a_megabyte_is_read() -> None:
    payload = RegisterRequest(object_type=ObjectType.SECRET_DATA, attributes=Attributes())
    data = edited(
        request(payload),
        lambda found: (
            (Item(found.tag, found.type, (*found.value, Item(0x540001, ttlv.BYTE_STRING, bytes(1_000_000)))),)
            if found.tag == Tag.REQUEST_PAYLOAD
            else (found,)
        ),
    )
    read, _ = load_request(data)
    assert read.batch_item[0].request_payload == payload


def test_T05_a_response_is_no_request() -> None:
    response = dump_message(
        ResponseMessage(response_header=ResponseHeader(protocol_version=protocol_version(V1_2), time_stamp=0)), V1_2
    )
    with pytest.raises(CodecError) as raised:
        load_request(response)
    assert raised.value.reason is None
    with pytest.raises(CodecError):
        load_response(request())


@pytest.mark.parametrize(
    "item",
    [
        Item(Tag.UNIQUE_IDENTIFIER, ttlv.INTEGER, 1),
        Item(Tag.UNIQUE_IDENTIFIER, ttlv.BYTE_STRING, b"1"),
        Item(Tag.UNIQUE_IDENTIFIER, ttlv.STRUCTURE, ()),
        Item(Tag.UNIQUE_IDENTIFIER, ttlv.IDENTIFIER, "1"),
    ],
)
def test_T06_a_field_of_another_type_is_refused(item: Item) -> None:
    assert fault(edited(request(), replacing(Tag.UNIQUE_IDENTIFIER, item))).reason is None


def patched(data: bytes, old: str, new: str) -> bytes:
    assert data.count(bytes.fromhex(old)) == 1
    return data.replace(bytes.fromhex(old), bytes.fromhex(new))


HEADER = request(maximum_response_size=256, batch_order_option=True, time_stamp=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4200500200000004", "4200500200000003"),
        ("4200500200000004", "4200500200000008"),
        ("4200500200000004", "42005002ffffffff"),
        ("4200100600000008", "4200100600000004"),
        ("4200920900000008", "4200920900000010"),
        ("42000d0200000004", "42000d0200000000"),
    ],
)
def test_T08_a_length_that_is_not_the_types_is_refused(old: str, new: str) -> None:
    assert fault(patched(HEADER, old, new)).reason is None


@pytest.mark.parametrize("value", ["0000000000000002", "8000000000000000"])
def test_T09_a_boolean_is_0_or_1(value: str) -> None:
    assert fault(patched(HEADER, "42001006000000080000000000000001", "4200100600000008" + value)).reason is None


def test_T10_padding_is_zero() -> None:
    assert fault(patched(HEADER, "42005002000000040000010000000000", "42005002000000040000010000000001")).reason is None
    assert fault(patched(HEADER, "42009407000000013100000000000000", "42009407000000013100000000000001")).reason is None


@pytest.mark.parametrize("change", [-16, -8, -1, 1, 8, 16])
def test_T11_lengths_agree(change: int) -> None:
    data = request()
    for at in (m.start() for m in re.finditer(rb"\x42\x00[\x77\x69\x0f\x79]\x01", data)):
        length = int.from_bytes(data[at + 4 : at + 8], "big") + change
        if length >= 0:
            assert fault(data[: at + 4] + length.to_bytes(4, "big") + data[at + 8 :]).reason is None


@pytest.mark.parametrize("where", [Tag.REQUEST_MESSAGE, Tag.REQUEST_HEADER, Tag.BATCH_ITEM, Tag.REQUEST_PAYLOAD])
def test_T12_nothing_follows_the_last_field(where: Tag) -> None:
    extra = Item(Tag.BATCH_COUNT, ttlv.INTEGER, 1)
    data = edited(
        request(),
        lambda found: (Item(found.tag, found.type, (*found.value, extra)),) if found.tag == where else (found,),
    )
    assert fault(data).reason is None
    assert fault(request() + bytes(8)).reason is None


def test_T13_nesting_is_refused_at_once() -> None:
    for depth in (33, 1_000, 100_000):
        inner = b"".join(b"\x54\x00\x01\x01" + (8 * (depth - n - 1)).to_bytes(4, "big") for n in range(depth))
        data = request()
        whole = b"\x42\x00\x78\x01" + (len(data) - 8 + len(inner)).to_bytes(4, "big") + data[8:] + inner
        with counted() as work:
            assert fault(whole).reason is None
        assert work.lines < 3_000


def test_T14_an_item_bomb_is_refused_before_it_is_read() -> None:
    data = request()
    bomb = bytes.fromhex("5400010100000000") * ((1 << 20) // 8 - 64)
    with counted() as work:
        error = fault(b"\x42\x00\x78\x01" + (len(data) - 8 + len(bomb)).to_bytes(4, "big") + data[8:] + bomb)
    assert "too many items" in str(error)
    assert work.lines < 30 * ttlv.MAXIMUM_ITEMS  # of 131,008


@pytest.mark.parametrize("tag", [Tag.UNIQUE_IDENTIFIER, Tag.OPERATION, Tag.BATCH_COUNT, Tag.PROTOCOL_VERSION])
def test_T15_a_field_that_is_there_twice_is_refused(tag: Tag) -> None:
    assert fault(edited(request(), lambda found: (found, found) if found.tag == tag else (found,))).reason is None


def test_T16_T17_a_text_is_utf_8_and_has_64_KiB() -> None:
    data = request(ActivateRequest(unique_identifier="a" * 65_536))
    assert load_request(data)[0].batch_item[0].request_payload.unique_identifier == "a" * 65_536  # type: ignore[attr-defined]
    assert fault(request(ActivateRequest(unique_identifier="a" * 65_537))).reason is ResultReason.INVALID_FIELD
    for text in ("a\0", "\u202ea", "\ufeffa"):
        assert fault(request(ActivateRequest(unique_identifier=text))).reason is ResultReason.INVALID_FIELD
    assert fault(patched(request(), "420094070000000131", "4200940700000001ff")).reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("version", [V1_0, V2_1, V3_0])
def test_T18_an_identifier_or_name_is_not_empty(version: Version) -> None:
    assert fault(request(ActivateRequest(unique_identifier=""), version)).reason is ResultReason.INVALID_FIELD
    named = CreateRequest(
        object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of({Tag.NAME: Name(name_value="")})
    )
    assert fault(request(named, version)).reason is ResultReason.INVALID_FIELD


def with_attribute(kind: int, value: Any, name: str = "Activation Date") -> bytes:
    data = request(
        CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of({Tag.CRYPTOGRAPHIC_LENGTH: 1}))
    )
    data = edited(data, replacing(Tag.ATTRIBUTE_NAME, Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, name)))
    return edited(data, replacing(Tag.ATTRIBUTE_VALUE, Item(Tag.ATTRIBUTE_VALUE, kind, value)))


@pytest.mark.parametrize("value", [-1, -(1 << 63), (1 << 63) - 1, ttlv.LATEST_DATE + 1])
def test_T20_a_date_lies_between_1970_and_9999(value: int) -> None:
    assert fault(with_attribute(ttlv.DATE_TIME, value)).reason is ResultReason.INVALID_FIELD
    assert fault(request(time_stamp=value)).reason is ResultReason.INVALID_FIELD


def test_T21_a_date_time_extended_is_not_of_1_x() -> None:
    assert fault(with_attribute(ttlv.DATE_TIME_EXTENDED, 1)).reason is ResultReason.INVALID_DATA_TYPE
    assert (
        fault(edited(HEADER, replacing(Tag.TIME_STAMP, Item(Tag.TIME_STAMP, ttlv.DATE_TIME_EXTENDED, 1)))).reason
        is None
    )


def test_T22_an_interval_has_no_sign() -> None:
    read, _ = load_request(request(ReKeyRequest(unique_identifier="1", offset=0xFFFFFFFF)))
    assert read.batch_item[0].request_payload.offset == 0xFFFFFFFF  # type: ignore[attr-defined]


def with_algorithm(value: int) -> bytes:
    return with_attribute(ttlv.ENUMERATION, value, "Cryptographic Algorithm")


def test_T23_a_value_that_the_enumeration_lacks_is_refused_and_an_extension_kept() -> None:
    assert (
        fault(with_attribute(ttlv.ENUMERATION, 0x7FFF, "Cryptographic Algorithm")).reason
        is ResultReason.UNKNOWN_ENUMERATION
    )
    read, _ = load_request(with_attribute(ttlv.ENUMERATION, 0x80000001, "Cryptographic Algorithm"))
    assert read.batch_item[0].request_payload.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM) == 0x80000001  # type: ignore[attr-defined]


def test_T23_a_value_of_a_later_minor_version_is_read_and_of_a_later_major_refused() -> None:
    later = next(v for v in CryptographicAlgorithm if v.since is V1_4)
    assert load_request(with_algorithm(later))
    later = next(v for v in CryptographicAlgorithm if v.since is V3_0)
    assert (
        fault(with_attribute(ttlv.ENUMERATION, later, "Cryptographic Algorithm")).reason
        is ResultReason.UNKNOWN_ENUMERATION
    )


def test_T24_an_unknown_tag_is_refused_and_a_vendors_is_stepped_over() -> None:
    def after(tag: int) -> bytes:
        extra = Item(tag, ttlv.STRUCTURE, (Item(0x540002, ttlv.INTEGER, 1),))
        return edited(
            request(),
            lambda found: (
                (Item(found.tag, found.type, (extra, *found.value, extra)),)
                if found.tag == Tag.REQUEST_PAYLOAD
                else (found,)
            ),
        )

    assert fault(after(0x42FFFF)).reason is ResultReason.UNKNOWN_TAG
    assert load_request(after(0x540001)) == load_request(request())


@pytest.mark.parametrize("critical", [True, False])
def test_T24_a_message_extension_is_kept_for_whoever_judges_it(critical: bool) -> None:
    extension = MessageExtension(
        vendor_identification="Example",
        criticality_indicator=critical,
        vendor_extension=Item(0, ttlv.STRUCTURE, (Item(0x540001, ttlv.INTEGER, 1),)),
    )
    read, _ = load_request(request(extensions=(extension,)))
    assert read.batch_item[0].message_extension == (extension,)


def test_T28_mutated_messages_are_read_or_refused() -> None:
    found = fuzz.run(3_000, seed=28)
    assert found.keys() == {"read", "refused", "unreadable payload"} | (found.keys() & {"read, of a later version"})
    assert sum(found.values()) == 3_000


def test_an_unreadable_payload_spoils_only_its_batch_item() -> None:
    one = ttlv.decode(request())
    header, good = one.value
    bad = Item(good.tag, good.type, (good.value[0], Item(Tag.REQUEST_PAYLOAD, ttlv.STRUCTURE, (header,))))
    unknown = Item(good.tag, good.type, (Item(Tag.OPERATION, ttlv.ENUMERATION, 0x7777), good.value[1]))
    read, _ = load_request(ttlv.encode(Item(one.tag, one.type, (header, good, bad, unknown))))
    first, second, third = (item.request_payload for item in read.batch_item)
    assert first == ActivateRequest(unique_identifier="1")
    assert isinstance(second, Unreadable)
    assert isinstance(third, Unreadable)
    assert read.batch_item[2].operation == 0x7777


def test_no_secret_is_in_a_repr() -> None:
    header = RequestHeader(
        protocol_version=protocol_version(V1_2),
        authentication=None,
    )
    assert "authentication" not in repr(header)
    credential = Credential(
        credential_type=next(iter(type(CREDENTIAL.credential_type))), credential_value=CREDENTIAL.credential_value
    )
    assert "hunter2" not in repr(credential)
    assert "hunter2" not in repr(credential.credential_value)


CREDENTIAL = load_request(
    edited(
        request(),
        lambda found: (
            (
                Item(
                    found.tag,
                    found.type,
                    (
                        found.value[0],
                        Item(
                            Tag.AUTHENTICATION,
                            ttlv.STRUCTURE,
                            (
                                Item(
                                    Tag.CREDENTIAL,
                                    ttlv.STRUCTURE,
                                    (
                                        Item(Tag.CREDENTIAL_TYPE, ttlv.ENUMERATION, 1),
                                        Item(
                                            Tag.CREDENTIAL_VALUE,
                                            ttlv.STRUCTURE,
                                            (
                                                Item(Tag.USERNAME, ttlv.TEXT_STRING, "alice"),
                                                Item(Tag.PASSWORD, ttlv.TEXT_STRING, "hunter2"),
                                            ),
                                        ),
                                    ),
                                ),
                            ),
                        ),
                        *found.value[1:],
                    ),
                ),
            )
            if found.tag == Tag.REQUEST_HEADER
            else (found,)
        ),
    )
)[0].request_header.authentication.credential[0]  # type: ignore[union-attr]


def test_a_credential_is_read_as_its_type_says() -> None:
    assert CREDENTIAL.credential_value == UsernameAndPassword(username="alice", password="hunter2")


# --- what older versions lack ----------------------------------------------------------------------------------------


def test_a_link_is_one_attribute_up_to_2_1_and_many_in_3_0() -> None:
    payload = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of({Tag.PARENT_LINK: "2"}))
    assert Tag.PARENT_LINK not in [item.tag for item in _walk(ttlv.decode(request(payload, V2_1)))]
    assert Item(Tag.LINK_TYPE, ttlv.ENUMERATION, LinkType.PARENT_LINK) in _walk(ttlv.decode(request(payload, V2_1)))
    assert Item(Tag.PARENT_LINK, ttlv.REFERENCE, "2") in _walk(ttlv.decode(request(payload, V3_0)))
    for version in (V1_2, V2_1, V3_0):
        assert load_request(request(payload, version))[0].batch_item[0].request_payload == payload


def test_the_name_of_a_link_is_link_up_to_2_1() -> None:
    payload = GetAttributesRequest(unique_identifier="1", attribute_reference=(Tag.PARENT_LINK,))
    for version, name in ((V1_4, Tag.LINK), (V2_1, Tag.LINK), (V3_0, Tag.PARENT_LINK)):
        read = load_request(request(payload, version))[0].batch_item[0].request_payload
        assert read.attribute_reference == (name,)  # type: ignore[attr-defined]


def test_a_custom_attribute_of_1_x_is_the_vendors_x_in_2_x() -> None:
    item = Item(Tag.ATTRIBUTE_VALUE, ttlv.TEXT_STRING, "value")
    payload = CreateRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes((Attribute(VendorAttributeName("x", "mine"), item),)),
    )
    assert Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, "x-mine") in _walk(ttlv.decode(request(payload, V1_2)))
    assert Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, "mine") in _walk(ttlv.decode(request(payload, V2_1)))
    for version in (V1_2, V2_1, V3_0):
        assert load_request(request(payload, version))[0].batch_item[0].request_payload == payload


def test_what_a_version_lacks_is_left_out() -> None:
    response = ResponseMessage(
        response_header=ResponseHeader(
            protocol_version=protocol_version(V1_0),
            time_stamp=1,
            client_correlation_value="1.4",
            server_hashed_password=b"2.0",
            batch_count=1,
        ),
        batch_item=(ResponseBatchItem(operation=Operation.ACTIVATE, result_status=ResultStatus.SUCCESS),),
    )
    tags = {item.tag for item in _walk(ttlv.decode(dump_message(response, V1_0)))}
    assert not tags & {Tag.CLIENT_CORRELATION_VALUE, Tag.SERVER_HASHED_PASSWORD}
    assert Tag.SERVER_HASHED_PASSWORD in {item.tag for item in _walk(ttlv.decode(dump_message(response, V2_0)))}
    assert Tag.BATCH_COUNT not in {item.tag for item in _walk(ttlv.decode(dump_message(response, V3_0)))}


def _walk(item: Item) -> list[Item]:
    inner = [found for part in item.value for found in _walk(part)] if item.type == ttlv.STRUCTURE else []
    return [item, *inner]


# --- leniencies, each for somebody --------------------------------------------------------------------------------


def test_a_field_of_a_later_minor_version_is_read() -> None:
    """PyKMIP sends an Encoding Option in 1.0 (docs/divergences.md)."""
    extra = Item(Tag.ENCODING_OPTION, ttlv.ENUMERATION, 1)
    specification = Item(
        Tag.KEY_WRAPPING_SPECIFICATION,
        ttlv.STRUCTURE,
        (Item(Tag.WRAPPING_METHOD, ttlv.ENUMERATION, 1), extra),
    )
    data = edited(
        request(version=V1_0),
        lambda found: (
            (Item(found.tag, found.type, (*found.value, specification)),)
            if found.tag == Tag.REQUEST_PAYLOAD
            else (Item(found.tag, found.type, Operation.GET) if found.tag == Tag.OPERATION else found,)
        ),
    )
    read = load_request(data)[0].batch_item[0].request_payload
    assert read.key_wrapping_specification.encoding_option == 1  # type: ignore[attr-defined]
    assert (
        fault(edited(data, replacing(Tag.ENCODING_OPTION, Item(Tag.TICKET_TYPE, ttlv.ENUMERATION, 1)))).reason is None
    )


def test_an_empty_template_attribute_is_read_in_a_re_key_of_2_0() -> None:
    """PyKMIP sends it (docs/divergences.md)."""
    empty = Item(Tag.TEMPLATE_ATTRIBUTE, ttlv.STRUCTURE, ())
    data = edited(
        request(ReKeyRequest(unique_identifier="1"), V2_0),
        lambda found: (
            (Item(found.tag, found.type, (*found.value, empty)),) if found.tag == Tag.REQUEST_PAYLOAD else (found,)
        ),
    )
    assert not isinstance(load_request(data)[0].batch_item[0].request_payload, Unreadable)


def test_a_nameless_attribute_is_read_only_as_cryptographic_parameters() -> None:
    """A case of OASIS sends it (docs/divergences.md)."""

    def nameless(*parts: Item) -> bytes:
        data = with_attribute(ttlv.STRUCTURE, parts)
        return edited(data, replacing(Tag.ATTRIBUTE_NAME))

    read = load_request(nameless(Item(Tag.PADDING_METHOD, ttlv.ENUMERATION, 10)))[0].batch_item[0].request_payload
    assert read.attributes.get(Tag.CRYPTOGRAPHIC_PARAMETERS).padding_method == 10  # type: ignore[attr-defined]
    assert fault(nameless(Item(Tag.LINK_TYPE, ttlv.ENUMERATION, 1))).reason is None
    assert fault(edited(with_attribute(ttlv.INTEGER, 1), replacing(Tag.ATTRIBUTE_NAME))).reason is None


# --- what others really send ------------------------------------------------------------------------------------

_LATER = (Tag.ATTRIBUTE_INDEX, Tag.ENCODING_OPTION, Tag.CRYPTOGRAPHIC_ALGORITHM)
"""Items that are read and not written again: an index of 0, and what PyKMIP sends of later versions."""


def _faults(read: RequestMessage | ResponseMessage) -> list[CodecError]:
    payloads = [getattr(item, "request_payload", None) for item in read.batch_item]
    return [payload.error for payload in payloads if isinstance(payload, Unreadable)]


def _same(data: bytes, again: bytes) -> bool:
    """Two messages are the same but for items that are left out."""
    if data == again:
        return True
    left = Counter((item.tag, repr(item.value)) for item in _walk(ttlv.decode(data)) if item.type != ttlv.STRUCTURE)
    left.subtract((item.tag, repr(item.value)) for item in _walk(ttlv.decode(again)) if item.type != ttlv.STRUCTURE)
    return {tag for (tag, _), count in left.items() if count} <= set(_LATER)


@pytest.mark.shared
@pytest.mark.parametrize("client", ["barbican", "ceph-radosgw", "cyphera", "mongodb", "openbao", "pykmip", "swift"])
def test_every_recorded_message_is_read_and_written_again(shared: Path, client: str) -> None:
    malformed = 0
    for line in (shared / "interop" / "wire" / f"{client}.jsonl").read_text().splitlines():
        recorded = json.loads(line)
        for side, load in (("request_hex", load_request), ("response_hex", load_response)):
            if not recorded.get(side):
                continue
            data = bytes.fromhex(recorded[side])
            item = ttlv.decode(data)
            assert ttlv.encode(item) == data
            assert ttlv_xml.loads(ttlv_xml.dumps(item)) == item
            assert ttlv_json.loads(ttlv_json.dumps(item)) == item
            read, version = load(data)  # type: ignore[operator]
            if _faults(read):
                malformed += 1
            else:
                assert _same(data, dump_message(read, version)), recorded["n"]
    # That client tries malformed requests on purpose.
    assert malformed == (11 if client == "cyphera" else 0)


_NOW = 1_700_000_000


def _without_placeholders(element: ElementTree.Element) -> None:
    for part in element.iter():
        value = part.get("value", "")
        if value.startswith("$"):
            if part.get("type") == "DateTime":
                shift = int(value.removeprefix("$NOW") or 0)
                part.set("value", datetime.fromtimestamp(_NOW + shift, UTC).isoformat())
            elif part.get("type") == "ByteString":
                part.set("value", "00112233")
            elif part.get("type") == "Integer":
                part.set("value", "7")


# Case, number of the message: what is peculiar.
_PECULIAR = {
    ("TC-171-11", 6): "an Attribute Index of 0 is not written",
    ("TC-171-12", 6): "an Attribute Index of 0 is not written",
    ("CS-AC-M-3-12", 2): "an Attribute has no name; it is written with its name",
    ("TC-NP-2-12", 2): "a message of 1.0 has attributes of 1.1, which are not written",
    ("SUITEB_128-M-1-20", 1): "a response of 2.0 lists the Object Type Template, which 2.0 removed",
}


@pytest.mark.shared
@pytest.mark.parametrize("version", [str(version) for version in Version])
def test_every_oasis_case_is_read_and_written_again(shared: Path, version: str) -> None:
    cases = sorted((shared / "conformance" / "cases" / version).glob("*.xml"))
    assert cases
    peculiar = set()
    for path in cases:
        for number, element in enumerate(ElementTree.parse(path).getroot()):  # noqa: S314 - the cases are trusted
            _without_placeholders(element)
            item = ttlv_xml.loads(ElementTree.tostring(element))
            assert ttlv_xml.loads(ttlv_xml.dumps(item)) == item
            assert ttlv_json.loads(ttlv_json.dumps(item)) == item
            data = ttlv.encode(item)
            assert ttlv.decode(data) == item
            try:
                load = load_request if element.tag == "RequestMessage" else load_response
                read, found = load(data)  # type: ignore[operator]
                if not _faults(read) and dump_message(read, found) == data:
                    continue
            except CodecError:
                pass
            assert (path.stem, number) in _PECULIAR
            peculiar.add((path.stem, number))
    assert peculiar == {key for key in _PECULIAR if key[0].endswith(version.replace(".", ""))}


def test_a_client_reads_as_many_identifiers_as_a_server_gives() -> None:
    names = tuple(f"{number:036d}" for number in range(65_536))
    payload = LocateResponse(located_items=len(names), unique_identifier=names)
    item = ResponseBatchItem(operation=Operation.LOCATE, result_status=ResultStatus.SUCCESS, response_payload=payload)
    header = ResponseHeader(protocol_version=protocol_version(V2_1), time_stamp=0, batch_count=1)
    message = dump_message(ResponseMessage(response_header=header, batch_item=(item,)), V2_1)
    assert load_response(message)[0].batch_item[0].response_payload == payload


def test_what_comes_again_is_read_once_and_nothing_secret_is_kept() -> None:
    def asked(*payloads: Any, **header: Any) -> bytes:
        whole = RequestHeader(protocol_version=protocol_version(V2_1), batch_count=len(payloads), **header)
        items = tuple(
            RequestBatchItem(operation=each.OPERATION, unique_batch_item_id=b"%d" % number, request_payload=each)
            for number, each in enumerate(payloads)
        )
        return dump_message(RequestMessage(request_header=whole, batch_item=items), V2_1)

    get = GetRequest(unique_identifier="a name of one")
    encrypt = EncryptRequest(unique_identifier="a name of one", data=b"a plaintext")
    credential = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD,
        credential_value=UsernameAndPassword(username="u", password="p"),
    )
    for data, again in (
        (asked(get), True),
        (asked(get, get), True),
        (asked(encrypt), False),
        (asked(get, encrypt), False),
        (asked(get, authentication=Authentication(credential=(credential,))), False),
        (asked(get)[:-8] + b"\xff" * 8, False),
    ):
        first, second = (load_request(data) for _ in range(2))
        assert first == second or not again
        assert (first[0] is second[0]) is again
