"""A root of trust in software: a master key, sealed in a file, that exists opened only in memory.

`root.json` holds the master key sealed with AES-256-GCM under an opening key: one that Argon2id makes of a passphrase,
one of 32 random bytes in a file, or one that several custodians' shares give together (`shares`).  Everything else in
`root.json` is bound to it as additional data.  Of the master key, HKDF makes a key that wraps, and one that signs
unless the root took over the signing key of the one before it.
"""

from __future__ import annotations

import binascii
import json
import os
import uuid
from collections.abc import Mapping
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
from keystead.custody.rootfile import FORMAT, ROOT_FILE, bound, data, read_head, text, write_head
from keystead.errors import CustodyError, TamperError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_REFUSED: Final = "the root of trust cannot be opened: the wrong passphrase or key, or a damaged root.json"
_SEALED: Final = "the root of trust is sealed"


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
        if not (8_192 <= self.memory_kib <= 4_194_304 and 1 <= self.iterations <= 1_000 and 1 <= self.lanes <= 64):
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
        wrapping: the key of 32 bytes that wraps; it is taken over, and wiped by `seal`.  None for a sealed root.
        signing: the seed of the key that signs.
    """

    def __init__(
        self, kind: str, identifier: str, wrapping: bytearray | None, signing: bytes | None = None, public: bytes = b""
    ) -> None:
        self._kind = kind
        self._identifier = identifier
        self._key = wrapping or bytearray()
        self._wrapping = AESGCMSIV(self._key) if wrapping else None
        self._signing = Ed25519PrivateKey.from_private_bytes(signing) if signing else None
        self._public = self._signing.public_key().public_bytes_raw() if self._signing else public

    def __repr__(self) -> str:
        return f"<SoftwareRoot {self.name}{' sealed' if self.sealed else ''}>"

    @classmethod
    def create(
        cls,
        directory: Path,
        opener: bytes,
        kind: str = "key-file",
        cost: Argon2 | None = None,
        *,
        custodians: Mapping[str, Any] | None = None,
        signing: bytes | None = None,
        file: str = ROOT_FILE,
    ) -> SoftwareRoot:
        """Make a master key and seal it in a new `root.json`.

        Args:
            opener: the 32 bytes of a key file, a passphrase, or the 32 bytes that shares give together.
            kind: "key-file", "passphrase" or "shares".
            custodians: of shares, who holds them; from `Custodians.dump`.
            signing: the seed of the signing key of the root before this one.
            file: another name, for a successor.

        Raises:
            CustodyError: there is a root here already, or it cannot be written.
        """
        master = bytearray(os.urandom(KEY_BYTES))
        identifier = str(uuid.uuid4())
        head = {"version": FORMAT, "kind": kind, "identifier": identifier, "check": _check_value(master)}
        if signing is not None:
            head["signing"] = text(_wrap(_wrapping_key(master), signing, _signing_context(identifier)))
        root = _root(head, master)
        head["public_key"] = text(root.public_key)
        _write(directory, head, master, opener, cost, custodians, replace=False, file=file)
        wipe(master)
        return root

    @classmethod
    def open(cls, directory: Path, opener: bytes, file: str = ROOT_FILE) -> SoftwareRoot:
        """Open the root in a directory with what opens its kind.

        Raises:
            CustodyError: there is none, or it cannot be opened; one text for every cause.
        """
        head, master = _read(directory, opener, file)
        root = _root(head, master)
        wipe(master)
        return root

    @classmethod
    def locked(cls, directory: Path) -> SoftwareRoot:
        """The root in a directory, sealed.  Raises: CustodyError, if there is none."""
        try:
            head = read_head(directory)
            public = data(head["public_key"]) if "public_key" in head else b""
            return cls(str(head["kind"]), str(head["identifier"]), None, public=public)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise CustodyError(_REFUSED) from None

    @staticmethod
    def reseal(
        directory: Path,
        opener: bytes,
        new_opener: bytes,
        kind: str = "passphrase",
        cost: Argon2 | None = None,
        custodians: Mapping[str, Any] | None = None,
    ) -> None:
        """Seal the same master key under another passphrase, key file or set of shares.  Raises: CustodyError."""
        head, master = _read(directory, opener, ROOT_FILE)
        kept: dict[str, Any] = {name: head[name] for name in _KEPT if name in head}
        _write(directory, {**kept, "kind": kind}, master, new_opener, cost, custodians, replace=True, file=ROOT_FILE)
        wipe(master)

    @property
    def name(self) -> str:
        return f"software {self._kind} {self._identifier}"

    @property
    def identifier(self) -> str:
        return self._identifier

    @property
    def public_key(self) -> bytes:
        return self._public

    @property
    def sealed(self) -> bool:
        return self._wrapping is None

    @property
    def lost(self) -> bool:
        return False  # it is in this process's memory

    def wrap(self, plaintext: bytes, context: bytes) -> bytes:
        return _wrap(self._opened(), plaintext, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return _unwrap(self._opened(), wrapped, context)

    def sign(self, data: bytes) -> bytes:
        if self._signing is None:
            raise CustodyError(_SEALED)
        return self._signing.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        return verify(self._public, data, signature)

    def random(self, number: int) -> bytes:
        return os.urandom(number)

    def testament(self) -> bytes:
        self._opened()
        return json.dumps(
            {
                "kind": self._kind,
                "identifier": self._identifier,
                "wrapping": text(bytes(self._key)),
                "signing": text(self.signing_key()),
            }
        ).encode()

    def signing_key(self) -> bytes:
        if self._signing is None:
            raise CustodyError(_SEALED)
        return self._signing.private_bytes_raw()

    def look(self) -> None:
        pass  # memory does not go away

    def seal(self) -> None:
        self._wrapping = self._signing = None
        wipe(self._key)

    def close(self) -> None:
        self.seal()

    def _opened(self) -> AESGCMSIV:
        if self._wrapping is None:
            raise CustodyError(_SEALED)
        return self._wrapping


def verify(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether a signature of Ed25519 is right."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


_KEPT: Final[tuple[str, ...]] = ("version", "identifier", "check", "signing", "public_key")


def _root(head: Mapping[str, Any], master: bytearray) -> SoftwareRoot:
    wrapping = bytearray(_derive(master, b"keystead root 1 wrap"))
    if "signing" in head:
        signing = _unwrap(AESGCMSIV(wrapping), data(head["signing"]), _signing_context(head["identifier"]))
    else:
        signing = _derive(master, b"keystead root 1 sign")
    return SoftwareRoot(head["kind"], head["identifier"], wrapping, signing)


def _write(
    directory: Path,
    head: dict[str, Any],
    master: bytearray,
    opener: bytes,
    cost: Argon2 | None,
    custodians: Mapping[str, Any] | None,
    *,
    replace: bool,
    file: str,
) -> None:
    head["kdf"] = None
    if head["kind"] == "passphrase":
        cost = cost or Argon2()
        head["kdf"] = {
            "name": "argon2id",
            "memory_kib": cost.memory_kib,
            "iterations": cost.iterations,
            "lanes": cost.lanes,
            "salt": text(os.urandom(16)),
        }
    elif head["kind"] == "shares":
        head["kdf"] = custodians
    nonce = os.urandom(NONCE_BYTES)
    head["nonce"] = text(nonce)
    sealed = AESGCM(_opening_key(head, opener)).encrypt(nonce, bytes(master), bound(head))
    write_head(directory, file, {**head, "sealed_key": text(sealed)}, replace)


def _read(directory: Path, opener: bytes, file: str) -> tuple[dict[str, Any], bytearray]:
    """The head of `root.json`, and the master key."""
    try:
        head = read_head(directory, file)
        sealed = data(head.pop("sealed_key"))
        master = bytearray(AESGCM(_opening_key(head, opener)).decrypt(data(head["nonce"]), sealed, bound(head)))
        if len(master) != KEY_BYTES or head["check"] != _check_value(master) or not isinstance(head["identifier"], str):
            raise CustodyError(_REFUSED)
    except (InvalidTag, ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise CustodyError(_REFUSED) from None
    return head, master


def _opening_key(head: Mapping[str, Any], opener: bytes) -> bytes:
    kdf = head["kdf"]
    if (head["kind"] == "key-file" and kdf is None) or (head["kind"] == "shares" and kdf["name"] == "slip-39"):
        if len(opener) != KEY_BYTES:
            raise CustodyError(_REFUSED)
        return opener
    if head["kind"] != "passphrase" or kdf["name"] != "argon2id":
        raise CustodyError(_REFUSED)
    return Argon2(kdf["memory_kib"], kdf["iterations"], kdf["lanes"]).key(opener, data(kdf["salt"]))


def _check_value(master: bytes | bytearray) -> str:
    """Tells whether a master key that came together from elsewhere is the right one, and nothing else of it."""
    return text(_derive(master, b"keystead root 1 check")[:8])


def _wrapping_key(master: bytes | bytearray) -> AESGCMSIV:
    return AESGCMSIV(_derive(master, b"keystead root 1 wrap"))


def _signing_context(identifier: str) -> bytes:
    return b"keystead root 1 signing key " + identifier.encode()


def _wrap(key: AESGCMSIV, plaintext: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plaintext, context)


def _unwrap(key: AESGCMSIV, wrapped: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise TamperError("a wrapped key is not what this root of trust wrapped") from None


def _derive(master: bytes | bytearray, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, purpose).derive(bytes(master))
