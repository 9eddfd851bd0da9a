"""A message in any of its encodings: TTLV, XML and JSON.

Inside the server there is TTLV only.  What comes in another encoding is translated before it is read, and its answer
after it is written.
"""

from __future__ import annotations

from typing import Final

from keystead.kmip import messages, ttlv, ttlv_json, ttlv_text, ttlv_xml
from keystead.kmip.version import Version

TTLV: Final = "ttlv"
TEXTS: Final = {"xml": ttlv_xml, "json": ttlv_json}
"""The encodings that are text."""


def to_ttlv(message: bytes, encoding: str) -> bytes:
    """A message as TTLV.

    Raises:
        CodecError: Invalid Message, or the reason that it carries.
    """
    return message if encoding == TTLV else ttlv.encode(TEXTS[encoding].loads(message))


def from_ttlv(message: bytes, encoding: str) -> bytes:
    """A message of the server's own in an encoding: the limits on what anybody may send do not bind it."""
    return message if encoding == TTLV else TEXTS[encoding].dumps(ttlv.decode(message, limited=False)).encode()


def version_of(message: bytes, encoding: str) -> Version:
    """The version that a message names, even if the rest of it cannot be read.

    Raises:
        UnsupportedVersion: Unsupported Protocol Version.
        CodecError: Invalid Message; it names none.
    """
    return messages.version_of(message) if encoding == TTLV else ttlv_text.named_version(message)
