"""What Keystead sealed, opened by hand: with what people hold and what the table of the data flow says."""

from __future__ import annotations

import base64
import hmac
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keystead.custody.zones import Kind

Unwrap = Callable[[bytes, bytes], bytes]
"""What a root wrapped, and its context → what it was."""


def derive(key: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, purpose).derive(key)


def keyed(key: bytes, attribute: int, value: bytes) -> bytes:
    """A value of the blind index, or a code."""
    return hmac.new(key, attribute.to_bytes(4, "big") + value, sha256).digest()[:16]


def part(text: str) -> bytes:
    return len(text).to_bytes(4, "big") + text.encode()


def zone(kind: int, generation: int, domain: str = "default") -> bytes:
    return b"keystead zone 1" + part(domain) + bytes([kind]) + generation.to_bytes(4, "big")


def bound(kind: int, name: str, owner: str, generation: int, domain: str = "default") -> bytes:
    return zone(kind, 0, domain) + part(name) + part(owner) + generation.to_bytes(8, "big")


# --- roots ------------------------------------------------------------------------------------------------------------


def head_of(directory: Path) -> tuple[dict[str, Any], bytes, bytes]:
    """`root.json`: all but what is sealed in it, that, and what it is bound to."""
    head = json.loads((directory / "root.json").read_text())
    sealed = base64.b64decode(head.pop("sealed_key"))
    return head, sealed, json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def opening_key(directory: Path, passphrase: bytes) -> bytes:
    kdf = head_of(directory)[0]["kdf"]
    cost = {"iterations": kdf["iterations"], "lanes": kdf["lanes"], "memory_cost": kdf["memory_kib"]}
    return Argon2id(salt=base64.b64decode(kdf["salt"]), length=32, **cost).derive(passphrase)


def master_key(directory: Path, opener: bytes) -> bytes:
    head, sealed, aad = head_of(directory)
    return AESGCM(opener).decrypt(base64.b64decode(head["nonce"]), sealed, aad)


def under(wrapping: bytes) -> Unwrap:
    return lambda wrapped, context: AESGCMSIV(wrapping).decrypt(wrapped[:12], wrapped[12:], context)


def wrapping_key(master: bytes) -> bytes:
    return derive(master, b"keystead root 1 wrap")


def signing_seed(directory: Path, master: bytes) -> bytes:
    head, _, _ = head_of(directory)
    if "signing" not in head:
        return derive(master, b"keystead root 1 sign")
    context = b"keystead root 1 signing key " + head["identifier"].encode()
    return under(wrapping_key(master))(base64.b64decode(head["signing"]), context)


# --- what lies under them ---------------------------------------------------------------------------------------------


@dataclass
class Keys:
    """The KEKs in a directory, and what lies under them."""

    directory: Path
    unwrap: Unwrap

    @cached_property
    def keks(self) -> Mapping[tuple[str, int], bytes]:
        with closing(sqlite3.connect(self.directory / "kek.db")) as database:
            rows = database.execute("SELECT domain, kind, generation, wrapped FROM keks").fetchall()
        assert {generation for _, _, generation, _ in rows} == {1}
        return {(domain, kind): self.unwrap(wrapped, zone(kind, 1, domain)) for domain, kind, _, wrapped in rows}

    def object(self, kind: int, name: str, owner: str, generation: int, envelope: bytes) -> bytes:
        """KEK → object's own key → material."""
        assert (envelope[0], envelope[1:5]) == (1, (1).to_bytes(4, "big"))
        what = bound(kind, name, owner, generation)
        own = AESGCMSIV(self.keks["default", kind]).decrypt(envelope[5:17], envelope[17:65], zone(kind, 1) + what)
        return AESGCM(own).decrypt(bytes(12), envelope[65:], what)

    def metadata(self, name: str, owner: str, generation: int, sealed: bytes, domain: str = "default") -> bytes:
        """KEK of the metadata → attributes, and what is sealed as they are."""
        aad = zone(Kind.METADATA, 1, domain) + bound(Kind.METADATA, name, owner, generation, domain)
        return AESGCMSIV(self.keks[domain, Kind.METADATA]).decrypt(sealed[5:17], sealed[17:], aad)

    def blinding(self, domain: str = "default") -> bytes:
        """The key of the blind index; of the domain "", of codes and marks."""
        return derive(self.keks[domain, Kind.METADATA], b"keystead blind index 1")
