"""T01 to T28 of the catalogue of hostile inputs at the front door: every version, in TTLV, XML and JSON.

Whatever is sent is answered by a well-formed message with the Result Reason that its version has, nothing is raised,
one event of the audit tells of it, and nothing was made.  What the codec alone does is tested in tests/kmip, deadlines
in tests/server.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keystead.kmip import ttlv
from keystead.kmip.enums import ResultReason
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V2_0
from tests.engine.hostile import (
    ACTIVATE,
    CREATE,
    NAME,
    RE_KEY,
    REGISTER,
    Edit,
    Way,
    answered,
    cases,
    changing,
    each_way,
    edited,
    ending,
    in_text,
    in_ttlv,
    of_value,
    refused,
    tagged,
    twice,
)
from tests.engine.world import START, Clock, World
from tests.support import make_engine

R = ResultReason
INVALID = R.INVALID_MESSAGE


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, certificates: dict[str, bytes]) -> Iterator[World]:
    """One engine for all: what is refused leaves nothing by which the next message could tell."""
    directory, clock = tmp_path_factory.mktemp("hostile"), Clock()
    made = World(directory, clock, make_engine(directory, clock))
    made.callers["alice"] = made.engine.enroll("alice", certificates["alice"])
    yield made
    assert made.do(LocateRequest()).unique_identifier == ()
    made.engine.close()


EXTENSION = {
    critical: ending(
        Tag.BATCH_ITEM,
        Item(
            Tag.MESSAGE_EXTENSION,
            ttlv.STRUCTURE,
            (
                Item(Tag.VENDOR_IDENTIFICATION, ttlv.TEXT_STRING, "Example"),
                Item(Tag.CRITICALITY_INDICATOR, ttlv.BOOLEAN, critical),
                Item(Tag.VENDOR_EXTENSION, ttlv.STRUCTURE, (Item(0x540009, ttlv.INTEGER, 1),)),
            ),
        ),
    )
    for critical in (True, False)
}
"""A vendor's extension that is not known here, critical or not."""


@each_way
def test_what_is_changed_below_is_well_formed(world: World, way: Way) -> None:
    """Else the other tests would pass whatever the server does."""
    for request in (ACTIVATE, RE_KEY):
        refused(world, way, way.write(way.message(request)), R.OBJECT_NOT_FOUND)
    refused(world, way, way.write(way.message(REGISTER)), R.INVALID_ATTRIBUTE_VALUE)
    # It would be done, were it not for the extension.
    refused(world, way, way.write(edited(way.message(CREATE), EXTENSION[True])), R.FEATURE_NOT_SUPPORTED)


# --- framing ----------------------------------------------------------------------------------------------------------


@each_way
def test_t01_t02_a_message_cut_anywhere_is_an_invalid_message(world: World, way: Way) -> None:
    whole = way.write(way.message(ACTIVATE)).rstrip()
    step = 1 if way.encoding == "ttlv" else 37
    for end in range(0, len(whole), step):
        refused(world, way, whole[:end], INVALID)


@in_ttlv
def test_t03_t04_a_length_that_is_not_the_messages_is_an_invalid_message(world: World, way: Way) -> None:
    whole = way.write(way.message(ACTIVATE))
    for length in (0, 8, len(whole), len(whole) - 16, 0x7FFFFFFF, 0xFFFFFFF8, 0xFFFFFFFF):
        refused(world, way, whole[:4] + length.to_bytes(4, "big") + whole[8:], INVALID)


@each_way
@cases(
    a_Response_Message=changing(tagged(Tag.REQUEST_MESSAGE), tag=Tag.RESPONSE_MESSAGE),
    a_batch_item=changing(tagged(Tag.REQUEST_MESSAGE), tag=Tag.BATCH_ITEM),
    a_vendors_item=changing(tagged(Tag.REQUEST_MESSAGE), tag=0x540001),
    a_response_header=changing(tagged(Tag.REQUEST_HEADER), tag=Tag.RESPONSE_HEADER),
)
def test_t05_what_is_no_request_is_an_invalid_message(world: World, way: Way, edit: Edit) -> None:
    refused(world, way, way.write(edited(way.message(CREATE), edit)), INVALID)


@in_ttlv
def test_t06_an_item_type_that_there_is_not_is_an_invalid_message(world: World, way: Way) -> None:
    whole = way.write(way.message(ACTIVATE, batch_order_option=None))
    at = whole.index(Tag.UNIQUE_IDENTIFIER.to_bytes(3, "big")) + 3
    for kind in (0, *range(ttlv.NAME_REFERENCE + 1, 0x100)):
        refused(world, way, whole[:at] + bytes((kind,)) + whole[at + 1 :], INVALID)


@each_way
@cases(
    an_identifier_of_bytes=changing(of_value("nothing"), ttlv.BYTE_STRING, b"nothing"),
    an_identifier_that_is_a_structure=changing(of_value("nothing"), ttlv.STRUCTURE, ()),
    a_header_of_text=changing(tagged(Tag.REQUEST_HEADER), ttlv.TEXT_STRING, ""),
    a_batch_item_of_bytes=changing(tagged(Tag.BATCH_ITEM), ttlv.BYTE_STRING, b""),
    a_time_stamp_of_text=changing(of_value(START), ttlv.TEXT_STRING, "now"),
)
def test_t06_a_field_of_another_type_is_an_invalid_message(world: World, way: Way, edit: Edit) -> None:
    refused(world, way, way.write(edited(way.message(ACTIVATE), edit)), INVALID)


@each_way
@pytest.mark.parametrize("tag", [0x000001, 0x410020, 0x430020, 0xFF0001])
def test_t07_a_tag_of_no_range_is_an_invalid_message(world: World, way: Way, tag: int) -> None:
    message = edited(way.message(ACTIVATE), ending(Tag.REQUEST_PAYLOAD, Item(tag, ttlv.INTEGER, 1)))
    refused(world, way, way.write(message), INVALID)


def patched(data: bytes, tag: Tag, old: str, new: str) -> bytes:
    """What stands behind a tag is exchanged."""
    before, after = (tag.to_bytes(3, "big") + bytes.fromhex(part) for part in (old, new))
    assert data.count(before) == 1
    return data.replace(before, after)


LENGTHS = [
    (Tag.BATCH_COUNT, "0200000004", "0200000003"),
    (Tag.BATCH_COUNT, "0200000004", "0200000008"),
    (Tag.TIME_STAMP, "0900000008", "0900000004"),
    (Tag.TIME_STAMP, "0900000008", "0900000010"),
    (Tag.BATCH_ORDER_OPTION, "0600000008", "0600000001"),
    (Tag.OPERATION, "0500000004", "0500000000"),
    (Tag.OFFSET, "0a00000004", "0a00000008"),
]


@in_ttlv
@pytest.mark.parametrize(("tag", "old", "new"), LENGTHS)
def test_t08_a_length_that_is_not_the_types_is_an_invalid_message(
    world: World, way: Way, tag: Tag, old: str, new: str
) -> None:
    whole = way.write(way.message(RE_KEY, batch_order_option=True))
    if tag.to_bytes(3, "big") in whole:  # 3.0 has neither Batch Count nor Batch Order Option
        refused(world, way, patched(whole, tag, old, new), INVALID)


@each_way
@pytest.mark.parametrize("value", [2, -1, 1 << 32, -(1 << 63)])
def test_t09_a_boolean_is_0_or_1(world: World, way: Way, value: int) -> None:
    true = Item(Tag.CRITICALITY_INDICATOR, ttlv.BOOLEAN, True)
    whole = way.write(edited(way.message(ACTIVATE), EXTENSION[True]))
    old, new, reason = {
        "ttlv": (ttlv.encode(true)[-8:], (value % (1 << 64)).to_bytes(8, "big"), INVALID),
        "xml": (b'"true"', b'"%d"' % value, R.INVALID_FIELD),
        "json": (b"true", b"%d" % value, R.INVALID_DATA_TYPE),
    }[way.encoding]
    at = whole.index(old, whole.index(true.tag.to_bytes(3, "big") if way.encoding == "ttlv" else b"Criticality"))
    refused(world, way, whole[:at] + new + whole[at + len(old) :], reason)


@in_ttlv
def test_t10_padding_is_zero(world: World, way: Way) -> None:
    whole = way.write(way.message(CREATE))
    for item in (Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, 2), Item(Tag.OPERATION, ttlv.ENUMERATION, 1)):
        at = whole.index(ttlv.encode(item)) + 12
        for offset in range(4):
            refused(world, way, whole[: at + offset] + b"\1" + whole[at + offset + 1 :], INVALID)
    end = whole.index(NAME.encode()) + len(NAME)
    for offset in range(end, (end + 7) & ~7):
        refused(world, way, whole[:offset] + b"\1" + whole[offset + 1 :], INVALID)


@in_ttlv
@pytest.mark.parametrize("change", [-16, -8, -1, 1, 8, 16])
def test_t11_a_child_longer_than_its_parent_is_refused_and_a_shorter_one(world: World, way: Way, change: int) -> None:
    whole = way.write(way.message(ACTIVATE))
    for tag in (Tag.REQUEST_HEADER, Tag.PROTOCOL_VERSION, Tag.BATCH_ITEM, Tag.REQUEST_PAYLOAD):
        at = whole.index((tag << 8 | ttlv.STRUCTURE).to_bytes(4, "big")) + 4
        length = int.from_bytes(whole[at : at + 4], "big") + change
        if length >= 0:
            refused(world, way, whole[:at] + length.to_bytes(4, "big") + whole[at + 4 :], INVALID)


# --- what a message holds ---------------------------------------------------------------------------------------------

EXTRA = Item(Tag.BATCH_COUNT, ttlv.INTEGER, 1)


@each_way
@cases(
    in_the_message=ending(Tag.REQUEST_MESSAGE, EXTRA),
    in_the_header=ending(Tag.REQUEST_HEADER, Item(Tag.COMMENT, ttlv.TEXT_STRING, "")),
    in_the_version=ending(Tag.PROTOCOL_VERSION, EXTRA),
    in_the_batch_item=ending(Tag.BATCH_ITEM, EXTRA),
    in_the_payload=ending(Tag.REQUEST_PAYLOAD, EXTRA),
)
def test_t12_nothing_follows_the_last_field(world: World, way: Way, edit: Edit) -> None:
    refused(world, way, way.write(edited(way.message(ACTIVATE), edit)), INVALID)


@each_way
def test_t12_nothing_follows_the_message(world: World, way: Way) -> None:
    whole = way.write(way.message(ACTIVATE))
    for rest in (b"\0" * 8, b"<Comment/>", b"{}", whole):
        refused(world, way, whole + rest, INVALID)


OPENING = {"xml": (b'<TTLV tag="0x540001">', b"</TTLV>"), "json": (b'{"tag":"0x540001","value":[', b"]}")}
END = {"xml": b"</RequestPayload>", "json": b"]}]}]}"}


def with_nested(way: Way, depth: int) -> bytes:
    """A message in whose payload structures are nested so deep."""
    if way.encoding == "ttlv":
        inner = b"".join(b"\x54\0\1\1" + (8 * (depth - level - 1)).to_bytes(4, "big") for level in range(depth))
        whole, grown = bytearray(way.write(way.message(ACTIVATE))), len(inner)
        for tag in (Tag.REQUEST_MESSAGE, Tag.BATCH_ITEM, Tag.REQUEST_PAYLOAD):
            at = whole.index((tag << 8 | ttlv.STRUCTURE).to_bytes(4, "big")) + 4
            whole[at : at + 4] = (int.from_bytes(whole[at : at + 4], "big") + grown).to_bytes(4, "big")
        return bytes(whole) + inner
    opening, closing = OPENING[way.encoding]
    mark = Item(0x540001, ttlv.STRUCTURE, ())
    whole_text = way.write(edited(way.message(ACTIVATE), ending(Tag.REQUEST_PAYLOAD, mark)))
    written = way.write(mark).strip()
    assert whole_text.count(written) == 1
    return whole_text.replace(written, opening * depth + closing * depth)


@each_way
@pytest.mark.parametrize("depth", [33, 1_000, 100_000])
def test_t13_what_is_nested_too_deeply_is_an_invalid_message(world: World, way: Way, depth: int) -> None:
    refused(world, way, with_nested(way, depth), INVALID)


@each_way
def test_t13_what_is_nested_less_is_read(world: World, way: Way) -> None:
    refused(world, way, with_nested(way, 25), R.OBJECT_NOT_FOUND)


@each_way
def test_t14_more_than_10_000_items_are_an_invalid_message(world: World, way: Way) -> None:
    for count, reason in ((9_900, R.OBJECT_NOT_FOUND), (10_001, INVALID)):
        items = [Item(0x540001, ttlv.STRUCTURE, ())] * count
        refused(world, way, way.write(edited(way.message(ACTIVATE), ending(Tag.REQUEST_PAYLOAD, *items))), reason)


@each_way
@pytest.mark.parametrize(
    "tag",
    [
        Tag.REQUEST_HEADER, Tag.PROTOCOL_VERSION, Tag.PROTOCOL_VERSION_MAJOR, Tag.TIME_STAMP, Tag.OPERATION,
        Tag.REQUEST_PAYLOAD, Tag.UNIQUE_IDENTIFIER,
    ],
)  # fmt: skip
def test_t15_a_field_that_is_there_twice_is_an_invalid_message(world: World, way: Way, tag: Tag) -> None:
    refused(world, way, way.write(edited(way.message(ACTIVATE), twice(tag))), INVALID)


@each_way
def test_t15_an_attribute_that_is_there_twice_is_refused(world: World, way: Way) -> None:
    """Neither its first value counts nor its last."""
    one = Tag.ATTRIBUTE if way.version < V2_0 else Tag.CRYPTOGRAPHIC_LENGTH
    refused(world, way, way.write(edited(way.message(CREATE), twice(one))), R.ATTRIBUTE_SINGLE_VALUED)


@each_way
@pytest.mark.parametrize(
    "text", ["a\0", "\x1b[2J", "\x7f", "\x85", "\ufeffa", "a\u202eb", "a\u2066b", "a\u200bb"], ids=ascii
)
def test_t16_a_name_that_is_not_what_it_looks_like_is_an_invalid_field(world: World, way: Way, text: str) -> None:
    """XML itself has no place for some of these characters."""
    message = edited(way.message(CREATE), changing(of_value(NAME), value=text))
    item = answered(world, way, way.write(message))
    no_xml = way.encoding == "xml" and min(text) < " "
    assert item.result_reason is (INVALID if no_xml else R.INVALID_FIELD)


@each_way
@pytest.mark.parametrize("octets", [b"\xff\xfe", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf8"], ids=bytes.hex)
def test_t16_a_name_that_is_not_utf_8_is_refused(world: World, way: Way, octets: bytes) -> None:
    whole = way.write(way.message(CREATE))
    name = octets + NAME.encode()[len(octets) :]
    refused(world, way, whole.replace(NAME.encode(), name), R.INVALID_FIELD if way.encoding == "ttlv" else INVALID)


@each_way
def test_t17_a_text_of_more_than_64_kib_is_an_invalid_field(world: World, way: Way) -> None:
    for which, value in ((of_value("nothing"), "n" * 65_537), (tagged(Tag.UNIQUE_IDENTIFIER), "\u00e9" * 32_769)):
        refused(world, way, way.write(edited(way.message(ACTIVATE), changing(which, value=value))), R.INVALID_FIELD)


@each_way
def test_t17_a_text_of_64_kib_is_read_whole(world: World, way: Way) -> None:
    longest = changing(of_value("nothing"), value="n" * 65_536)
    refused(world, way, way.write(edited(way.message(ACTIVATE), longest)), R.OBJECT_NOT_FOUND)


@each_way
def test_t18_an_empty_name_or_identifier_is_an_invalid_field(world: World, way: Way) -> None:
    for request, value in ((ACTIVATE, "nothing"), (CREATE, NAME)):
        message = edited(way.message(request), changing(of_value(value), value=""))
        refused(world, way, way.write(message), R.INVALID_FIELD)


@each_way
@pytest.mark.parametrize(
    "octets",
    [b"", b"\1" * 7, b"\1" * 2064, b"\0" * 16, b"\xff" * 16, b"\x7f" * (1 << 19)],
    ids=["none", "7 bytes", "too long", "zeros", "signs", "512 KiB"],
)
def test_t19_a_big_integer_is_short_and_has_no_needless_sign(world: World, way: Way, octets: bytes) -> None:
    """In XML and JSON it is the digits of the same bytes."""
    wrong = Item(Tag.MODULUS, ttlv.BYTE_STRING, octets)
    whole = way.write(edited(way.message(REGISTER), lambda found: (wrong,) if found.tag == Tag.MODULUS else (found,)))
    at = whole.index(wrong.tag.to_bytes(3, "big") if way.encoding == "ttlv" else b"Modulus")
    old, new = {
        "ttlv": (bytes((ttlv.BYTE_STRING,)), bytes((ttlv.BIG_INTEGER,))),
        "xml": (b"ByteString", b"BigInteger"),
        "json": (b'ByteString", "value": "', b'BigInteger", "value": "0x'),
    }[way.encoding]
    refused(world, way, whole[:at] + whole[at:].replace(old, new, 1), R.INVALID_FIELD)


@each_way
@pytest.mark.parametrize(
    "modulus", [-(1 << 2047) + 1, 0, 1, (1 << 16_384) + 1], ids=lambda value: str(value.bit_length())
)
def test_t19_a_modulus_that_is_none_is_refused(world: World, way: Way, modulus: int) -> None:
    message = edited(way.message(REGISTER), changing(tagged(Tag.MODULUS), value=modulus))
    refused(world, way, way.write(message), R.INVALID_ATTRIBUTE_VALUE)


def is_activation(found: Item) -> bool:
    return found.type == ttlv.DATE_TIME and found.tag != Tag.TIME_STAMP


@each_way
@pytest.mark.parametrize("date", [-1, -(1 << 63), (1 << 63) - 1, ttlv.LATEST_DATE + 1])
def test_t20_a_date_before_1970_or_after_9999_is_an_invalid_field(world: World, way: Way, date: int) -> None:
    for which in (tagged(Tag.TIME_STAMP), is_activation):
        refused(world, way, way.write(edited(way.message(CREATE), changing(which, value=date))), R.INVALID_FIELD)


@each_way
def test_t21_a_date_of_microseconds_where_seconds_belong_is_refused(world: World, way: Way) -> None:
    """1.x has no such type at all; later versions have it, but for other fields."""
    microseconds = (ttlv.DATE_TIME_EXTENDED, START * 1_000_000)
    message = edited(way.message(CREATE), changing(tagged(Tag.TIME_STAMP), *microseconds))
    refused(world, way, way.write(message), INVALID)
    message = edited(way.message(CREATE), changing(is_activation, *microseconds))
    refused(world, way, way.write(message), R.INVALID_DATA_TYPE)


@each_way
def test_t22_an_interval_has_no_sign(world: World, way: Way) -> None:
    """The offset of 136 years is read, and then it is the key that is not there."""
    message = edited(way.message(RE_KEY), changing(tagged(Tag.OFFSET), value=0xFFFFFFFF))
    refused(world, way, way.write(message), R.OBJECT_NOT_FOUND)


@each_way
def test_t23_a_value_that_an_enumeration_lacks_is_refused(world: World, way: Way) -> None:
    for tag in (Tag.OBJECT_TYPE, Tag.BATCH_ERROR_CONTINUATION_OPTION):
        message = way.message(CREATE, batch_error_continuation_option=1)
        message = edited(message, changing(tagged(tag), value=0x7FFF))
        refused(world, way, way.write(message), R.UNKNOWN_ENUMERATION)


@in_text
def test_t23_a_name_that_an_enumeration_lacks_is_refused(world: World, way: Way) -> None:
    whole = way.write(way.message(CREATE))
    assert whole.count(b'"SymmetricKey"') == 1
    refused(world, way, whole.replace(b'"SymmetricKey"', b'"Symmetric Key"'), R.UNKNOWN_ENUMERATION)


@each_way
def test_t24_an_unknown_tag_is_refused(world: World, way: Way) -> None:
    message = edited(way.message(ACTIVATE), ending(Tag.REQUEST_PAYLOAD, Item(0x42FFFF, ttlv.INTEGER, 1)))
    refused(world, way, way.write(message), R.UNKNOWN_TAG)


@each_way
def test_t24_a_vendors_tag_is_stepped_over_but_not_in_a_critical_extension(world: World, way: Way) -> None:
    vendors = Item(0x540009, ttlv.STRUCTURE, (Item(0x54000A, ttlv.TEXT_STRING, "whatever"),))
    for where in (Tag.REQUEST_MESSAGE, Tag.REQUEST_HEADER, Tag.BATCH_ITEM, Tag.REQUEST_PAYLOAD):
        refused(world, way, way.write(edited(way.message(ACTIVATE), ending(where, vendors))), R.OBJECT_NOT_FOUND)
    refused(world, way, way.write(edited(way.message(ACTIVATE), EXTENSION[False])), R.OBJECT_NOT_FOUND)
    refused(world, way, way.write(edited(way.message(ACTIVATE), EXTENSION[True])), R.FEATURE_NOT_SUPPORTED)


# --- XML and JSON -----------------------------------------------------------------------------------------------------

ENTITIES = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(20))
HOSTILE_TEXTS = {
    "xml": {
        "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        "external type": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        "billion laughs": f'<!DOCTYPE x [<!ENTITY e0 "ha">{ENTITIES}]>',
        "parameter entity": '<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///etc/hostname"> %e;]>',
    },
    "json": {
        "many arrays": '{"tag":"RequestMessage","value":' + "[" * 20_000,
        "open strings": '{"tag":"' * 50_000,
        "infinity": '{"tag":"BatchCount","type":"Integer","value":Infinity}',
        "a huge number": '{"tag":"BatchCount","type":"Integer","value":1e400}',
        "many digits": '{"tag":"BatchCount","type":"Integer","value":' + "9" * 100_000 + "}",
    },
}


@in_text
def test_t25_text_that_bites_is_refused(world: World, way: Way) -> None:
    whole = way.write(way.message(ACTIVATE)).decode()
    for text in HOSTILE_TEXTS[way.encoding].values():
        item = answered(world, way, (text + whole if way.encoding == "xml" else text).encode())
        assert item.result_reason in (INVALID, R.INVALID_FIELD)


@in_text
def test_t25_a_property_that_is_there_twice_is_an_invalid_message(world: World, way: Way) -> None:
    whole = way.write(way.message(ACTIVATE))
    old, rest = (b' value="nothing"', b"") if way.encoding == "xml" else (b'"value": "nothing"', b", ")
    assert whole.count(old) == 1
    refused(world, way, whole.replace(old, old + rest + old), INVALID)


@in_text
def test_t25_half_a_byte_is_an_invalid_field(world: World, way: Way) -> None:
    data = Item(Tag.ASYNCHRONOUS_CORRELATION_VALUE, ttlv.BYTE_STRING, bytes.fromhex("abcdef"))
    whole = way.write(edited(way.message(ACTIVATE), ending(Tag.REQUEST_PAYLOAD, data)))
    assert whole.count(b"abcdef") == 1
    refused(world, way, whole.replace(b"abcdef", b"abcde"), R.INVALID_FIELD)


@in_text
def test_t27_two_messages_in_one_text_are_an_invalid_message(world: World, way: Way) -> None:
    """Over TLS messages follow each other; a body of HTTP is one."""
    refused(world, way, way.write(way.message(ACTIVATE)) * 2, INVALID)
