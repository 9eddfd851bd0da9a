"""The JSON encoding: the specification's examples, and hostile text."""

from __future__ import annotations

import json

import pytest

from keystead.errors import CodecError
from keystead.kmip import ttlv, ttlv_json
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from tests.work import counted

# Source: Additional Message Encodings 1.0 section 4.1.6.
EXAMPLES = [
    (
        '{"tag": "ActivationDate", "type":"DateTime", "value":"2001-01-01T10:00:00+10:00"}',
        Item(Tag.ACTIVATION_DATE, ttlv.DATE_TIME, 978307200),
    ),
    (
        '{"tag": "0x54FFFF", "name":"SomeExtension", "type":"Integer", "value":"0x00000001"}',
        Item(0x54FFFF, ttlv.INTEGER, 1),
    ),
    (
        '{"tag": "ProtocolVersion", "value":[{"tag": "ProtocolVersionMajor", "type":"Integer", "value":1}]}',
        Item(Tag.PROTOCOL_VERSION, ttlv.STRUCTURE, (Item(Tag.PROTOCOL_VERSION_MAJOR, ttlv.INTEGER, 1),)),
    ),
    ('{"tag": "BatchCount", "type":"Integer", "value":10}', Item(Tag.BATCH_COUNT, ttlv.INTEGER, 10)),
    ('{"tag": "BatchCount", "type":"Integer", "value":"0x0000000A"}', Item(Tag.BATCH_COUNT, ttlv.INTEGER, 10)),
    (
        '{"tag": "CryptographicUsageMask", "type":"Integer", "value": "0x0000100c"}',
        Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0x100C),
    ),
    (
        '{"tag": "CryptographicUsageMask", "type":"Integer", "value": "Encrypt|Decrypt|CertificateSign"}',
        Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0x100C),
    ),
    (
        '{"tag": "CryptographicUsageMask", "type":"Integer", "value": "CertificateSign|0x00000004|0x0000008"}',
        Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0x100C),
    ),
    ('{"tag": "0x540001", "type":"LongInteger", "value":"0xfffffffffffffffe"}', Item(0x540001, ttlv.LONG_INTEGER, -2)),
    ('{"tag": "0x540001", "type":"LongInteger", "value":-2}', Item(0x540001, ttlv.LONG_INTEGER, -2)),
    (
        '{"tag": "UsageLimitsCount", "type":"LongInteger", "value":"0x1000000000000000"}',
        Item(Tag.USAGE_LIMITS_COUNT, ttlv.LONG_INTEGER, 1 << 60),
    ),
    ('{"tag": "X", "type":"BigInteger", "value":0}', Item(Tag.X, ttlv.BIG_INTEGER, 0)),
    ('{"tag": "X", "type":"BigInteger", "value":"0x0000000000000000"}', Item(Tag.X, ttlv.BIG_INTEGER, 0)),
    ('{"tag": "0x420057", "type":"Enumeration", "value":2}', Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, 2)),
    ('{"tag": "ObjectType", "type":"Enumeration", "value":"0x00000002"}', Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, 2)),
    ('{"tag": "ObjectType", "type":"Enumeration", "value":"SymmetricKey"}', Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, 2)),
    ('{"tag": "BatchOrderOption", "type":"Boolean", "value":true}', Item(Tag.BATCH_ORDER_OPTION, ttlv.BOOLEAN, True)),
    (
        '{"tag": "BatchOrderOption", "type":"Boolean", "value":"0x0000000000000001"}',
        Item(Tag.BATCH_ORDER_OPTION, ttlv.BOOLEAN, True),
    ),
    (
        '{"tag": "AttributeName", "type":"TextString", "value":"Cryptographic Algorithm"}',
        Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, "Cryptographic Algorithm"),
    ),
    (
        '{"tag": "MACSignature", "type":"ByteString", "value":"C50F77"}',
        Item(Tag.MAC_SIGNATURE, ttlv.BYTE_STRING, b"\xc5\x0f\x77"),
    ),
    (
        '{"tag": "ArchiveDate", "type":"DateTime", "value":"0x000000003a505520"}',
        Item(Tag.ARCHIVE_DATE, ttlv.DATE_TIME, 0x3A505520),
    ),
    ('{"tag": "Offset", "type":"Interval", "value":27}', Item(Tag.OFFSET, ttlv.INTERVAL, 27)),
    ('{"tag": "Offset", "type":"Interval", "value":"0x0000001b"}', Item(Tag.OFFSET, ttlv.INTERVAL, 27)),
]


@pytest.mark.parametrize(("text", "item"), EXAMPLES)
def test_the_examples_of_the_specification(text: str, item: Item) -> None:
    assert ttlv_json.loads(text) == item
    assert ttlv_json.loads(text.encode()) == item
    assert ttlv_json.loads(ttlv_json.dumps(item)) == item
    json.loads(ttlv_json.dumps(item))


def test_what_JavaScript_would_round_is_written_in_hexadecimal() -> None:
    assert '"0x0010000000000000"' in ttlv_json.dumps(Item(0x540001, ttlv.LONG_INTEGER, 1 << 52))
    assert str((1 << 52) - 1) in ttlv_json.dumps(Item(0x540001, ttlv.LONG_INTEGER, (1 << 52) - 1))
    assert '"0xfff0000000000000"' in ttlv_json.dumps(Item(0x540001, ttlv.LONG_INTEGER, -(1 << 52)))


def test_the_names_of_a_mask_have_bars_between() -> None:
    assert '"Encrypt|Decrypt"' in ttlv_json.dumps(Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 12))
    assert '"Encrypt|0x40000000"' in ttlv_json.dumps(Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 4 | 1 << 30))
    assert '"value": 0}' in ttlv_json.dumps(Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0))


@pytest.mark.parametrize("text", ["<&>\"'\\", "a\tb\nc\r\nd", "漢😀", "{[,]}" * 1000, '"' * 10_000, '\\"' * 10_000])
def test_every_text_survives(text: str) -> None:
    item = Item(Tag.COMMENT, ttlv.TEXT_STRING, text)
    assert ttlv_json.loads(ttlv_json.dumps(item)) == item
    assert ttlv_json.loads(json.dumps({"tag": "Comment", "type": "TextString", "value": text})) == item


def leaf(kind: str, value: str, tag: str = "Data") -> str:
    return f'{{"tag":"{tag}","type":"{kind}","value":{value}}}'


HOSTILE = {
    "20,000 deep arrays": "[" * 20_000 + "]" * 20_000,
    "20,000 deep arrays in a value": '{"tag":"Data","value":' + "[" * 20_000 + "]" * 20_000 + "}",
    "20,000 deep items": '{"tag":"BatchItem","value":[' * 20_000 + "]}" * 20_000,
    "33 deep items": '{"tag":"BatchItem","value":[' * 33 + "]}" * 33,
    "open brackets": "[" * 1_000_000,
    "item bomb": '{"tag":"BatchItem","value":[' + ",".join(['{"tag":"BatchItem"}'] * 100_000) + "]}",
    "number bomb": "[" + ",".join(["1"] * 500_000) + "]",
    "string bomb": "[" + ",".join(['""'] * 500_000) + "]",
    "unclosed string": '"' + '\\"' * 500_000,
    "too long": " " * (5 << 20),
    "duplicate key": '{"tag":"BatchCount","type":"Integer","value":1,"value":2}',
    "duplicate key, escaped": '{"tag":"BatchCount","type":"Integer","value":1,"valu\\u0065":2}',
    "unknown key": '{"tag":"BatchCount","type":"Integer","value":1,"valeu":2}',
    "no tag": '{"type":"Integer","value":1}',
    "1e400": leaf("Integer", "1e400", "BatchCount"),
    "1.0": leaf("Integer", "1.0", "BatchCount"),
    "NaN": leaf("Integer", "NaN", "BatchCount"),
    "Infinity": leaf("Integer", "-Infinity", "BatchCount"),
    "many digits": leaf("BigInteger", "9" * 1_000_000, "X"),
    "too large": leaf("Integer", "2147483648", "BatchCount"),
    "too large an enumeration": leaf("Enumeration", "4294967296", "ObjectType"),
    "negative enumeration": leaf("Enumeration", "-1", "ObjectType"),
    "boolean for a number": leaf("Integer", "true", "BatchCount"),
    "number for a boolean": leaf("Boolean", "1", "BatchOrderOption"),
    "number for a text": leaf("TextString", "1", "Comment"),
    "decimal string": leaf("Integer", '"10"', "BatchCount"),
    "hexadecimal of nine digits": leaf("Integer", '"0x000000001"', "BatchCount"),
    "null": leaf("Integer", "null", "BatchCount"),
    "array for a number": leaf("Integer", "[1]", "BatchCount"),
    "object for a structure": '{"tag":"BatchItem","value":{"tag":"BatchItem"}}',
    "number for a structure": '{"tag":"BatchItem","value":1}',
    "number in a structure": '{"tag":"BatchItem","value":[1]}',
    "tag number": '{"tag":4325389,"type":"Integer","value":1}',
    "type number": '{"tag":"BatchCount","type":2,"value":1}',
    "odd hex": leaf("ByteString", '"abc"'),
    "0x in bytes": leaf("ByteString", '"0xab"'),
    "big integer without 0x": leaf("BigInteger", '"0000000000000000"', "X"),
    "big integer of 7 bytes": leaf("BigInteger", '"0x01020304050607"', "X"),
    "name": leaf("Enumeration", '"Nonsense"', "ObjectType"),
    "mask with blanks": leaf("Integer", '"Encrypt Decrypt"', "CryptographicUsageMask"),
    "lone surrogate": leaf("TextString", '"\\ud800"', "Comment"),
    "NUL": leaf("TextString", '"\\u0000"', "Comment"),
    "direction override": leaf("TextString", '"\\u202e"', "Comment"),
    "two values": '{"tag":"BatchItem"}{"tag":"BatchItem"}',
    "comment": '/* */{"tag":"BatchItem"}',
    "trailing comma": '{"tag":"BatchItem",}',
    "byte order mark": '\ufeff{"tag":"BatchItem"}',
    "empty": "",
    "array": "[]",
    "text": '"text"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_T25_hostile_text_is_refused_at_once(text: str) -> None:
    with counted() as work, pytest.raises(CodecError):
        ttlv_json.loads(text)
    assert work.lines < 60 * ttlv.MAXIMUM_ITEMS


@pytest.mark.parametrize("data", [b"\xff\xfe{\0", b'{"tag":"\xff"}', '{"tag":"BatchItem"}'.encode("utf-16")])
def test_T25_text_that_is_not_UTF_8_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        ttlv_json.loads(data)
