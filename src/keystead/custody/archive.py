"""A sealed file: what only the holders of a root of trust can read, and nobody can alter, cut short or splice.

    magic | length (4) | header (JSON) | frame | frame | ... | frame

The header says what the file is; it names the root and holds the file's key, wrapped by that root and bound to
everything else in the header.  A frame is its length (4), the number of its section (1), whether it is the last (1),
and its content under AES-256-GCM.  Each section has a key of its own, made of the file's key by HKDF, so that one can
be handed on without the others.  The nonce is the number of the frame in the file; section, number, and whether it is
the last are bound to it, and so is the header: no frame can be dropped, moved, or taken from another file.

Source: SP 800-38D (GCM, deterministic nonces, section 8.2.1); RFC 5869 (HKDF).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct, error
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keystead.custody import RootOfTrust
from keystead.custody.rootfile import data, text
from keystead.errors import CustodyError, TamperError

MAGIC: Final = b"KEYSTEAD SEALED FILE 1\n"
MOST_HEADER_BYTES: Final = 1 << 20
FRAME_BYTES: Final = 256 << 10
"""The content of a frame; what is gathered is sealed as soon as it is so much."""
MOST_FRAME_BYTES: Final = 16 << 20
_KEY_BYTES: Final = 32
_LENGTH: Final = Struct(">I")
_FRAME: Final = Struct(">IBB")
_BOUND: Final = Struct(">32sBBQ")
_WRAPPED: Final = "wrapped_key"
_ALTERED: Final = "the file is not what was sealed: it was altered, cut short, or put together from others"


def digest_of(header: Mapping[str, Any]) -> bytes:
    """What the file's key, and with it every frame, is bound to."""
    plain = {name: value for name, value in header.items() if name != _WRAPPED}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, slots=True)
class FileKey:
    """The key of a sealed file.

    Attributes:
        wrapped: by a root of trust.
        root: the identifier of that root.
    """

    plain: bytes = field(repr=False)
    wrapped: bytes
    root: str


def new_key(root: RootOfTrust, digest: bytes) -> FileKey:
    """A key for a file with a header of this digest.  Raises: CustodyError, if sealed."""
    key = root.random(_KEY_BYTES)
    return FileKey(key, root.wrap(key, _context(digest)), root.identifier)


def open_key(root: RootOfTrust, header: Mapping[str, Any]) -> bytes:
    """The key of a file.

    Raises:
        TamperError: the header is not what was sealed, or another root sealed it.
        CustodyError: the root is sealed.
    """
    try:
        wrapped = data(header[_WRAPPED])
    except (KeyError, ValueError, TypeError):
        raise TamperError(_ALTERED) from None
    return root.unwrap(wrapped, _context(digest_of(header)))


class Writer:
    """Writes a sealed file.

    Args:
        file: to which nothing was written yet.
        header: facts that anybody may read.
        key: from `new_key`, for the digest of that header.
    """

    def __init__(self, file: BinaryIO, header: Mapping[str, Any], key: FileKey) -> None:
        self._file = file
        self._digest = digest_of(header)
        self._keys = _Keys(key.plain)
        self._number = 0
        spelled = _spelled({**header, _WRAPPED: text(key.wrapped)})
        file.write(MAGIC + _LENGTH.pack(len(spelled)) + spelled)

    def write(self, section: int, content: bytes, *, last: bool = False) -> None:
        """Seal a frame of a section.  Raises: OSError."""
        bound = _BOUND.pack(self._digest, section, last, self._number)
        sealed = AESGCM(self._keys[section]).encrypt(_nonce(self._number), content, bound)
        self._file.write(_FRAME.pack(len(sealed), section, last) + sealed)
        self._number += 1


def read_header(file: BinaryIO) -> dict[str, Any]:
    """The header of a sealed file, not verified.  Raises: TamperError, if it is no such file."""
    try:
        if file.read(len(MAGIC)) != MAGIC:
            raise TamperError("this is not a sealed file of Keystead")
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        spelled = file.read(length) if length <= MOST_HEADER_BYTES else b""
        header = json.loads(spelled)
    except (error, ValueError, RecursionError):
        raise TamperError(_ALTERED) from None
    if not isinstance(header, dict) or _spelled(header) != spelled:
        raise TamperError(_ALTERED)
    return header


def frames(file: BinaryIO, header: Mapping[str, Any], key: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames behind a header, as (section, content); ends only if the file does, as it was sealed.

    Raises:
        TamperError: it was altered, cut short, or put together from others.
    """
    digest, keys, number, last = digest_of(header), _Keys(key), 0, 0
    while not last:
        try:
            length, section, last = _FRAME.unpack(file.read(_FRAME.size))
            if not 16 <= length <= MOST_FRAME_BYTES:
                raise TamperError(_ALTERED)
            bound = _BOUND.pack(digest, section, last, number)
            content = AESGCM(keys[section]).decrypt(_nonce(number), file.read(length), bound)
        except (error, InvalidTag, ValueError):
            raise TamperError(_ALTERED) from None
        number += 1
        yield section, content
    if file.read(1):
        raise TamperError(_ALTERED)


class _Keys(dict[int, bytes]):
    """The key of each section."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._key = key
        if len(key) != _KEY_BYTES:
            raise CustodyError("the key of a sealed file has 32 bytes")

    def __missing__(self, section: int) -> bytes:
        self[section] = HKDFExpand(SHA256(), _KEY_BYTES, b"keystead sealed file 1 section %d" % section).derive(
            self._key
        )
        return self[section]


def _spelled(header: Mapping[str, Any]) -> bytes:
    """A header as the file has it, and in no other way, in an order of its own."""
    return json.dumps(header, sort_keys=True).encode()


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _context(digest: bytes) -> bytes:
    return b"keystead sealed file 1 " + digest


def identifier() -> str:
    """A name for a file that no other has."""
    return os.urandom(8).hex()
