"""The XML encoding: the specification's examples, and hostile text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.errors import CodecError
from keystead.kmip import ttlv, ttlv_xml
from keystead.kmip.enums import ResultReason
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.ttlv_text import read_value, write_date
from tests.work import counted

# Source: Additional Message Encodings 1.0 section 6.1.6.
EXAMPLES = [
    (
        '<TTLV tag="0x420001" name="ActivationDate" type="DateTime" value="2001-01-01T10:00:00+10:00"/>',
        Item(Tag.ACTIVATION_DATE, ttlv.DATE_TIME, 978307200),
    ),
    (
        '<ActivationDate xmlns="urn:oasis:tc:kmip:xmlns" type="DateTime" value="2001-01-01T10:00:00+10:00"/>',
        Item(Tag.ACTIVATION_DATE, ttlv.DATE_TIME, 978307200),
    ),
    (
        '<k:ActivationDate xmlns:k="urn:oasis:tc:kmip:xmlns" type="DateTime" value="0x000000003A4FC880"/>',
        Item(Tag.ACTIVATION_DATE, ttlv.DATE_TIME, 978307200),
    ),
    (
        '<IVCounterNonce type="ByteString" value="a1b2c3d4"/>',
        Item(Tag.IV_COUNTER_NONCE, ttlv.BYTE_STRING, b"\xa1\xb2\xc3\xd4"),
    ),
    ('<PrivateKeyTemplateAttribute type="Structure"/>', Item(Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE, ttlv.STRUCTURE, ())),
    (
        '<TTLV tag="0x545352" name="SomeExtension" type="TextString" value="This is an extension"/>',
        Item(0x545352, ttlv.TEXT_STRING, "This is an extension"),
    ),
    (
        '<ProtocolVersion><ProtocolVersionMajor type="Integer" value="1"/>'
        '<ProtocolVersionMinor type="Integer" value="0"/></ProtocolVersion>',
        Item(
            Tag.PROTOCOL_VERSION,
            ttlv.STRUCTURE,
            (Item(Tag.PROTOCOL_VERSION_MAJOR, ttlv.INTEGER, 1), Item(Tag.PROTOCOL_VERSION_MINOR, ttlv.INTEGER, 0)),
        ),
    ),
    ('<BatchCount type="Integer" value="10"/>', Item(Tag.BATCH_COUNT, ttlv.INTEGER, 10)),
    ('<BatchCount type="Integer" value="0xffffffff"/>', Item(Tag.BATCH_COUNT, ttlv.INTEGER, -1)),
    (
        '<CryptographicUsageMask type="Integer" value="0x0000100c"/>',
        Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0x100C),
    ),
    (
        '<CryptographicUsageMask type="Integer" value="Encrypt Decrypt CertificateSign"/>',
        Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0x100C),
    ),
    (
        '<CryptographicUsageMask type="Integer" value="CertificateSign 0x00000004 0x0000008"/>',
        Item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ttlv.INTEGER, 0x100C),
    ),
    ('<x540001 type="LongInteger" value="-2"/>', Item(0x540001, ttlv.LONG_INTEGER, -2)),
    (
        '<UsageLimitsCount type="LongInteger" value="1152921504606846976"/>',
        Item(Tag.USAGE_LIMITS_COUNT, ttlv.LONG_INTEGER, 1 << 60),
    ),
    ('<X type="BigInteger" value="0000000000000000"/>', Item(Tag.X, ttlv.BIG_INTEGER, 0)),
    ('<ObjectType type="Enumeration" value="0x00000002"/>', Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, 2)),
    ('<ObjectType type="Enumeration" value="SymmetricKey"/>', Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, 2)),
    ('<BatchOrderOption type="Boolean" value="true"/>', Item(Tag.BATCH_ORDER_OPTION, ttlv.BOOLEAN, True)),
    (
        '<AttributeName type="TextString" value="Cryptographic Algorithm"/>',
        Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, "Cryptographic Algorithm"),
    ),
    ('<Offset type="Interval" value="27"/>', Item(Tag.OFFSET, ttlv.INTERVAL, 27)),
]


@pytest.mark.parametrize(("text", "item"), EXAMPLES)
def test_the_examples_of_the_specification(text: str, item: Item) -> None:
    assert ttlv_xml.loads(text) == item
    assert ttlv_xml.loads(text.encode()) == item
    assert ttlv_xml.loads(ttlv_xml.dumps(item)) == item


@pytest.mark.parametrize(
    ("tag", "name", "value"),
    [
        ("ResultReason", "NotAuthorized", ResultReason.NOT_AUTHORISED),
        ("ResultReason", "NotAuthorised", ResultReason.NOT_AUTHORISED),
        ("ResultReason", "UsageLimitsExceeded", ResultReason.USAGE_LIMIT_EXCEEDED),
        ("MaskGenerator", "MFG1", 1),
        ("MaskGenerator", "MGF1", 1),
        ("DigitalSignatureAlgorithm", "SHA_256WithRSAEncryptionPKCS_1V1_5", 5),
        ("DigitalSignatureAlgorithm", "SHA_256WithRSAEncryption", 5),
        ("AttributeReference", "CryptographicAlgorithm", Tag.CRYPTOGRAPHIC_ALGORITHM),
        ("PKCS_11Function", "C_Initialize", 1),
        ("PKCS_11ReturnCode", "OK", 0),
        ("UniqueIdentifier", "IDPlaceholder", 1),
    ],
)
def test_other_spellings_of_a_value_are_read(tag: str, name: str, value: int) -> None:
    assert ttlv_xml.loads(f'<{tag} type="Enumeration" value="{name}"/>').value == value


def attribute(name: str, value: str) -> str:
    return f'<Attribute><AttributeName type="TextString" value="{name}"/>{value}</Attribute>'


def test_the_value_of_an_attribute_of_1_x_is_named_by_its_attribute() -> None:
    text = attribute("Cryptographic Algorithm", '<AttributeValue type="Enumeration" value="AES"/>')
    item = ttlv_xml.loads(text)
    assert item.value[1].value == 3
    assert 'value="AES"' in ttlv_xml.dumps(item)
    mask = ttlv_xml.loads(
        attribute("Cryptographic Usage Mask", '<AttributeValue type="Integer" value="Encrypt Decrypt"/>')
    )
    assert mask.value[1].value == 12


@pytest.mark.parametrize("name", ["x-ID", "Contact Information", "Cryptographic Length"])
def test_the_value_of_another_attribute_has_no_names(name: str) -> None:
    with pytest.raises(CodecError):
        ttlv_xml.loads(attribute(name, '<AttributeValue type="Enumeration" value="AES"/>'))


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        ("2017-03-22T07:30:01.000001Z", 1490167801000001),
        ("2017-03-22T07:30:01.0000019Z", 1490167801000001),
        ("2017-03-22T07:30:01-01:30", 1490173201000000),
        ("0x00054b4d7e1f7641", 0x54B4D7E1F7641),
    ],
)
def test_a_date_time_extended_has_microseconds(written: str, microseconds: int) -> None:
    item = ttlv_xml.loads(f'<SubmissionDate type="DateTimeExtended" value="{written}"/>')
    assert item.value == microseconds
    assert ttlv_xml.loads(ttlv_xml.dumps(item)) == item


@given(value=st.integers(0, ttlv.LATEST_DATE_EXTENDED))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_a_date_is_that_of_the_calendar(value: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    assert write_date(ttlv.DATE_TIME_EXTENDED, value) == expected.isoformat(timespec="microseconds")
    assert write_date(ttlv.DATE_TIME, value // 1_000_000) == expected.isoformat(timespec="seconds")
    for kind, number in ((ttlv.DATE_TIME_EXTENDED, value), (ttlv.DATE_TIME, value // 1_000_000)):
        assert read_value(kind, write_date(kind, number), None, " ") == number


@pytest.mark.parametrize("day", ["2000-02-29", "2024-02-29", "1970-01-01", "9999-12-31"])
def test_a_day_of_the_calendar_is_read(day: str) -> None:
    expected = datetime.fromisoformat(day + "T00:00:00+00:00").timestamp()
    assert read_value(ttlv.DATE_TIME, day + "T00:00:00Z", None, " ") == expected


@pytest.mark.parametrize(
    "text",
    [
        "2100-02-29T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2023-13-01T00:00:00Z",
        "2023-00-01T00:00:00Z",
        "2023-01-00T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-01-01T24:00:00Z",
        "2023-01-01T00:60:00Z",
        "2023-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2023-1-1T00:00:00Z",
        "2023-01-01 00:00:00Z",
    ],
)
def test_another_day_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        read_value(ttlv.DATE_TIME, text, None, " ")


@pytest.mark.parametrize("kind", ["Identifier", "Reference", "NameReference"])
def test_the_types_of_3_0_are_texts(kind: str) -> None:
    item = ttlv_xml.loads(f'<UniqueIdentifier type="{kind}" value="a b"/>')
    assert (item.type, item.value) == (
        ttlv.IDENTIFIER + ["Identifier", "Reference", "NameReference"].index(kind),
        "a b",
    )


@pytest.mark.parametrize("text", ["<&>\"'", "a\tb\nc\r\nd", "  blanks  ", "漢😀"])
def test_every_text_survives(text: str) -> None:
    item = Item(Tag.COMMENT, ttlv.TEXT_STRING, text)
    assert ttlv_xml.loads(ttlv_xml.dumps(item)) == item


def structure(inner: str) -> str:
    return f"<RequestMessage>{inner}</RequestMessage>"


BILLION_LAUGHS = (
    '<!DOCTYPE RequestMessage [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + ']><RequestMessage><Comment type="TextString" value="&m;"/></RequestMessage>'
)

HOSTILE = {
    "external entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Comment type="TextString" value="&x;"/>',
    "external DTD": '<!DOCTYPE RequestMessage SYSTEM "http://127.0.0.1:9/evil.dtd"><RequestMessage/>',
    "parameter entity": '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/">%x;]><RequestMessage/>',
    "billion laughs": BILLION_LAUGHS,
    "undefined entity": '<Comment type="TextString" value="&nbsp;"/>',
    "20,000 deep": "<RequestMessage>" * 20_000 + "</RequestMessage>" * 20_000,
    "33 deep": "<RequestMessage>" * 33 + "</RequestMessage>" * 33,
    "item bomb": structure("<BatchItem/>" * 100_000),
    "too long": structure(" " * (5 << 20)),
    "odd hex": '<Data type="ByteString" value="abc"/>',
    "blank in hex": '<Data type="ByteString" value="ab cd"/>',
    "no hex": '<Data type="ByteString" value="zz"/>',
    "no number": '<BatchCount type="Integer" value="1e3"/>',
    "underscore": '<BatchCount type="Integer" value="1_000"/>',
    "other digits": '<BatchCount type="Integer" value="\u0661"/>',
    "too large": '<BatchCount type="Integer" value="2147483648"/>',
    "too small": '<BatchCount type="Integer" value="-2147483649"/>',
    "too large an interval": '<LeaseTime type="Interval" value="4294967296"/>',
    "negative interval": '<LeaseTime type="Interval" value="-1"/>',
    "too many digits": f'<UsageLimitsCount type="LongInteger" value="{"9" * 100_000}"/>',
    "big integer of no bytes": '<X type="BigInteger" value=""/>',
    "big integer of 7 bytes": '<X type="BigInteger" value="01020304050607"/>',
    "huge big integer": f'<X type="BigInteger" value="{"7f" * (1 << 20)}"/>',
    "boolean": '<BatchOrderOption type="Boolean" value="yes"/>',
    "date": '<InitialDate type="DateTime" value="2001-02-30T00:00:00Z"/>',
    "date before 1970": '<InitialDate type="DateTime" value="1969-12-31T23:59:59Z"/>',
    "date after 9999": '<InitialDate type="DateTime" value="9999-12-31T23:59:59-01:00"/>',
    "no date": '<InitialDate type="DateTime" value="now"/>',
    "name": '<ObjectType type="Enumeration" value="Nonsense"/>',
    "mask": '<CryptographicUsageMask type="Integer" value="Encrypt Nonsense"/>',
    "type": '<ObjectType type="Nonsense" value="1"/>',
    "tag": '<Nonsense type="Integer" value="1"/>',
    "tag number": '<TTLV tag="0x410001" type="Integer" value="1"/>',
    "no tag": '<TTLV type="Integer" value="1"/>',
    "tag twice": '<BatchCount tag="0x42000D" type="Integer" value="1"/>',
    "attribute twice": '<BatchCount type="Integer" value="1" value="2"/>',
    "unknown attribute": '<BatchCount type="Integer" value="1" secret="2"/>',
    "other namespace": '<BatchCount xmlns="urn:other" type="Integer" value="1"/>',
    "no value": '<BatchCount type="Integer"/>',
    "value of a structure": '<RequestMessage value="1"/>',
    "element in a value": '<BatchCount type="Integer" value="1"><BatchCount type="Integer" value="1"/></BatchCount>',
    "text": structure("text"),
    "two roots": "<RequestMessage/><RequestMessage/>",
    "unclosed": "<RequestMessage>",
    "empty": "",
    "control character": '<Comment type="TextString" value="a&#0;b"/>',
    "escape": '<Comment type="TextString" value="a&#x1b;b"/>',
    "direction override": '<Comment type="TextString" value="a&#x202e;b"/>',
    "surrogate": '<Comment type="TextString" value="a&#xd800;b"/>',
    "64 KiB + 1": f'<Comment type="TextString" value="{"a" * 65_537}"/>',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_T25_hostile_text_is_refused_at_once(text: str) -> None:
    with counted() as work, pytest.raises(CodecError):
        ttlv_xml.loads(text)
    assert work.lines < 60 * ttlv.MAXIMUM_ITEMS


@pytest.mark.parametrize("data", [b"\xff\xfe<\0", b"<Comment type='TextString' value='\xff'/>", b"\0" * 100])
def test_T25_text_that_is_not_UTF_8_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        ttlv_xml.loads(data)


def test_T25_a_lone_surrogate_in_a_string_is_refused() -> None:
    with pytest.raises(CodecError):
        ttlv_xml.loads('<Comment type="TextString" value="\ud800"/>')


def test_an_error_says_the_line_and_not_the_value() -> None:
    with pytest.raises(CodecError, match=r"line 3\)") as raised:
        ttlv_xml.loads(
            '<RequestMessage>\n<Password type="TextString" value="a"/>\n<Data type="ByteString" value="hunter2"/>'
        )
    assert "hunter2" not in str(raised.value)
