"""A root of trust in software: a master key, sealed in a file, that exists opened only in memory.

`root.json` holds the master key sealed with AES-256-GCM under an opening key: one that Argon2id makes of a passphrase,
or one of 32 random bytes in a file.  Everything else in `root.json` is bound to it as additional data.  Of the master
key, HKDF makes a key that wraps and one that signs.

A file of another kind (shares of several custodians) differs in `kind` and `kdf` only.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keystead.custody.files import read_private, write_private
from keystead.custody.memory import wipe
from keystead.errors import CustodyError, TamperError

FORMAT: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
ROOT_FILE: Final = "root.json"
_MOST_FILE_BYTES: Final = 65_536
_REFUSED: Final = "the root of trust cannot be opened: the wrong passphrase or key, or a damaged root.json"


@dataclass(frozen=True, slots=True)
class Argon2:
    """What a guess at the passphrase costs.

    Source: RFC 9106 section 4, the second recommended choice.
    """

    memory_kib: int = 65_536
    iterations: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Refuse parameters that are too weak, or that would exhaust this machine.  Raises: CustodyError."""
        if not (
            8_192 <= self.memory_kib <= 4_194_304 and 1 <= self.iterations <= 1_000 and 1 <= self.lanes <= 64
        ):
            raise CustodyError(_REFUSED)

    def key(self, passphrase: bytes, salt: bytes) -> bytes:
        """The opening key of a passphrase."""
        self.check()
        return Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        ).derive(passphrase)


def make_key_file(path: Path) -> bytes:
    """Make a file with 32 random bytes that only its owner may read.  Raises: CustodyError, if it is there."""
    key = os.urandom(KEY_BYTES)
    write_private(path, key)
    return key


def read_key_file(path: Path) -> bytes:
    """The key in a file.  Raises: CustodyError, if others may read it or it is not 32 bytes."""
    key = read_private(path, KEY_BYTES)
    if len(key) != KEY_BYTES:
        raise CustodyError(f"{path.name} does not hold {KEY_BYTES} bytes")
    return key


class SoftwareRoot:
    """A master key in memory.  See `keystead.custody.RootOfTrust`.

    Args:
        identifier: tells one root from another; not a secret.
        master: the key of 32 bytes; it is wiped.
    """

    def __init__(self, kind: str, identifier: str, master: bytearray) -> None:
        self._kind = kind
        self._identifier = identifier
        self._wrapping: AESGCMSIV | None = AESGCMSIV(_derive(master, b"keystead root 1 wrap"))
        self._signing: Ed25519PrivateKey | None = Ed25519PrivateKey.from_private_bytes(
            _derive(master, b"keystead root 1 sign")
        )
        self._public = self._signing.public_key().public_bytes_raw()
        wipe(master)

    def __repr__(self) -> str:
        return f"<SoftwareRoot {self.name}{' sealed' if self.sealed else ''}>"

    @classmethod
    def create(cls, directory: Path, opener: bytes, kind: str = "key-file", cost: Argon2 | None = None) -> SoftwareRoot:
        """Make a master key and seal it in a new `root.json`.

        Args:
            opener: the 32 bytes of a key file, or a passphrase.
            kind: "key-file" or "passphrase".

        Raises:
            CustodyError: there is a root here already, or it cannot be written.
        """
        master = bytearray(os.urandom(KEY_BYTES))
        head = {"version": FORMAT, "kind": kind, "identifier": str(uuid.uuid4()), "check": _check_value(master)}
        _write(directory, head, master, opener, cost, replace=False)
        return cls(kind, str(head["identifier"]), master)

    @classmethod
    def open(cls, directory: Path, opener: bytes) -> SoftwareRoot:
        """Open the root in a directory with a passphrase or the key of a key file.

        Raises:
            CustodyError: there is none, or it cannot be opened; one text for every cause.
        """
        head, master = _read(directory, opener)
        return cls(head["kind"], head["identifier"], master)

    @staticmethod
    def reseal(
        directory: Path, opener: bytes, new_opener: bytes, kind: str = "passphrase", cost: Argon2 | None = None
    ) -> None:
        """Seal the same master key under another passphrase or key file.  Raises: CustodyError."""
        head, master = _read(directory, opener)
        kept = {name: head[name] for name in ("version", "identifier", "check")}
        _write(directory, {**kept, "kind": kind}, master, new_opener, cost, replace=True)
        wipe(master)

    @property
    def name(self) -> str:
        return f"software {self._kind} {self._identifier}"

    @property
    def public_key(self) -> bytes:
        return self._public

    @property
    def sealed(self) -> bool:
        return self._wrapping is None

    def wrap(self, plaintext: bytes, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._opened().encrypt(nonce, plaintext, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._opened().decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise TamperError("a wrapped key is not what this root of trust wrapped") from None

    def sign(self, data: bytes) -> bytes:
        if self._signing is None:
            raise CustodyError("the root of trust is sealed")
        return self._signing.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self._public).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def random(self, number: int) -> bytes:
        return os.urandom(number)

    def seal(self) -> None:
        self._wrapping = self._signing = None

    def _opened(self) -> AESGCMSIV:
        if self._wrapping is None:
            raise CustodyError("the root of trust is sealed")
        return self._wrapping


def _write(
    directory: Path, head: dict[str, Any], master: bytearray, opener: bytes, cost: Argon2 | None, replace: bool
) -> None:
    head["kdf"] = None
    if head["kind"] == "passphrase":
        cost = cost or Argon2()
        head["kdf"] = {
            "name": "argon2id",
            "memory_kib": cost.memory_kib,
            "iterations": cost.iterations,
            "lanes": cost.lanes,
            "salt": _text(os.urandom(16)),
        }
    nonce = os.urandom(NONCE_BYTES)
    head["nonce"] = _text(nonce)
    sealed = AESGCM(_opening_key(head, opener)).encrypt(nonce, bytes(master), _bound(head))
    document = json.dumps({**head, "sealed_key": _text(sealed)}, indent=2) + "\n"
    write_private(directory / ROOT_FILE, document.encode(), replace)


def _read(directory: Path, opener: bytes) -> tuple[dict[str, Any], bytearray]:
    """The head of `root.json`, and the master key."""
    try:
        head = json.loads(read_private(directory / ROOT_FILE, _MOST_FILE_BYTES))
        if head["version"] != FORMAT:
            raise CustodyError(f"{ROOT_FILE} is of another version of Keystead")
        sealed = _bytes(head.pop("sealed_key"))
        master = bytearray(AESGCM(_opening_key(head, opener)).decrypt(_bytes(head["nonce"]), sealed, _bound(head)))
        if len(master) != KEY_BYTES or head["check"] != _check_value(master) or not isinstance(head["identifier"], str):
            raise CustodyError(_REFUSED)
    except (InvalidTag, ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise CustodyError(_REFUSED) from None
    return head, master


def _opening_key(head: dict[str, Any], opener: bytes) -> bytes:
    if head["kind"] == "key-file" and head["kdf"] is None:
        if len(opener) != KEY_BYTES:
            raise CustodyError(_REFUSED)
        return opener
    kdf = head["kdf"]
    if head["kind"] != "passphrase" or kdf["name"] != "argon2id":
        raise CustodyError(_REFUSED)
    return Argon2(kdf["memory_kib"], kdf["iterations"], kdf["lanes"]).key(opener, _bytes(kdf["salt"]))


def _bound(head: dict[str, Any]) -> bytes:
    """Everything but the sealed key, as the seal binds it."""
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _check_value(master: bytes | bytearray) -> str:
    """Tells whether a master key that came together from elsewhere is the right one, and nothing else of it."""
    return _text(_derive(master, b"keystead root 1 check")[:8])


def _derive(master: bytes | bytearray, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, purpose).derive(bytes(master))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
