"""The little of DER that the key formats need where the library does not know the algorithm.

Source: ITU-T X.690 section 8 and 10.
"""

from __future__ import annotations

from typing import Final

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30


def encode(tag: int, *contents: bytes) -> bytes:
    """Give the element with this tag octet and these contents, one after the other."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Split the contents of a constructed element into (tag octet, content) pairs.

    Raises:
        ValueError: the bytes are not DER, or something follows the last element.
    """
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < 2:
            raise ValueError("truncated DER")
        tag, size = data[offset], data[offset + 1]
        offset += 2
        if size & 0x80:
            octets = size & 0x7F
            length = data[offset : offset + octets]
            if not 1 <= octets <= 4 or len(length) != octets:
                raise ValueError("bad DER length")
            size = int.from_bytes(length, "big")
            offset += octets
            if size < 0x80 or length[0] == 0:
                raise ValueError("DER length is not minimal")
        if len(data) - offset < size:
            raise ValueError("truncated DER")
        found.append((tag, data[offset : offset + size]))
        offset += size
    return found


def sequence(data: bytes) -> list[tuple[int, bytes]]:
    """Give the elements of a SEQUENCE that is all of `data`.

    Raises:
        ValueError: it is not one SEQUENCE.
    """
    outer = elements(data)
    if len(outer) != 1 or outer[0][0] != SEQUENCE:
        raise ValueError("not a DER SEQUENCE")
    return elements(outer[0][1])


def object_identifier(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER, for example "2.16.840.1.101.3.4.3.17"."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | (arc & 0x7F))
        content += bytes(reversed(septets))
    return encode(OBJECT_IDENTIFIER, bytes(content))
