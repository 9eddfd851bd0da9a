"""The vault: seals objects and their attributes under the keys of their zone.

A zone is a domain and a kind of key.  Its key-encryption key (KEK) has generations; the newest seals, all of them open.

    root of trust -> KEK of a zone -> key of an object -> the object
                     KEK of the metadata zone          -> the attributes of an object

The envelope of an object:  version (1), KEK generation (4, big-endian), nonce (12), the object's key under the KEK
(AES-256-GCM-SIV: 32 + 16), the object under its key (AES-256-GCM, length + 16).  That key is used once, so that the
nonce is zero.  Sealed attributes:  version (1), KEK generation (4), nonce (12), the attributes under the KEK (length +
16, AES-256-GCM-SIV).

Both are bound to domain, kind, unique identifier, owner and generation of the record; what is under a KEK to the
generation of the KEK as well.

Source: RFC 8452 (GCM-SIV); NIST SP 800-38D (GCM); RFC 5869 (HKDF).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable
from enum import IntEnum
from os import urandom
from pathlib import Path
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keystead.custody import RootOfTrust
from keystead.custody.keks import KekStore, Tombstone, zone_name
from keystead.custody.keks import context_of as _context
from keystead.custody.memory import wipe
from keystead.errors import CustodyError, TamperError

FORMAT: Final = 1
BLIND_BYTES: Final = 16
_SHORT, _MOST_BLINDED = 24, 1024
"""Values of so many bytes are kept blinded, so many of a domain: the usual ones recur with every object."""
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_HEAD: Final = Struct(">BI12s")
_WRAPPED_END: Final = _HEAD.size + _KEY_BYTES + 16
_NO_NONCE: Final = bytes(_NONCE_BYTES)
_ATTRIBUTE: Final = Struct(">I")
_ALTERED: Final = "what the store holds is not what was sealed"


class Kind(IntEnum):
    """A kind of key: keys of different kinds lie under different KEKs."""

    DATA_ENCRYPTION = 1
    KEY_ENCRYPTION = 2
    PRIVATE = 3
    SECRET = 4
    METADATA = 5

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


class _Zone:
    """The opened KEKs of a zone."""

    __slots__ = ("_blinded", "blinding", "current", "keks", "prefixes")

    def __init__(self) -> None:
        self.keks: dict[int, AESGCMSIV] = {}
        self.prefixes: dict[int, bytes] = {}
        self.current = 0
        self.blinding: hmac.HMAC | None = None  # keyed, to be copied
        self._blinded: dict[tuple[int, bytes], bytes] = {}

    def blind(self, attribute: int, value: bytes) -> bytes:
        """See `Vault.blind`."""
        found = self._blinded.get((attribute, value))
        if found is None:
            if self.blinding is None:
                raise CustodyError("the first metadata key of the domain is gone")
            keyed = self.blinding.copy()
            keyed.update(_ATTRIBUTE.pack(attribute) + value)
            found = keyed.digest()[:BLIND_BYTES]
            if len(value) <= _SHORT:
                if len(self._blinded) >= _MOST_BLINDED:
                    self._blinded.clear()
                self._blinded[attribute, value] = found
        return found


class Vault:
    """Seals and opens, for as long as the root of trust is open.

    Args:
        root: wraps the KEKs.
        keks: where they lie.

    Attributes:
        refreshed: how often it was; what was opened before may be shredded by now.
    """

    def __init__(self, root: RootOfTrust, keks: KekStore) -> None:
        self.root = root
        self._keks = keks
        self.refreshed = 0
        self._zones: dict[tuple[str, int], _Zone] = {}
        self._sealed = root.sealed
        if not keks.claim(root.identifier) and keks.testament() is None:
            raise CustodyError("the keys here are wrapped by another root of trust")

    # --- objects ---

    def seal(
        self, domain: str, kind: Kind, unique_identifier: str, owner: str, generation: int, plaintext: bytes
    ) -> bytes:
        """Seal an object under a fresh key of its own.  Raises: CustodyError, if sealed or out of reach."""
        zone = self._zone(domain, kind, make=True)
        current = zone.current
        bound = _bound(zone.prefixes[0], unique_identifier, owner, generation)
        key, nonce = urandom(_KEY_BYTES), urandom(_NONCE_BYTES)
        return b"".join(
            (
                _HEAD.pack(FORMAT, current, nonce),
                zone.keks[current].encrypt(nonce, key, zone.prefixes[current] + bound),
                AESGCM(key).encrypt(_NO_NONCE, plaintext, bound),
            )
        )

    def open(
        self, domain: str, kind: int, unique_identifier: str, owner: str, generation: int, envelope: bytes
    ) -> bytes:
        """Open an object.

        Raises:
            TamperError: it was altered, or was sealed for another object, owner, zone or generation.
            CustodyError: sealed or out of reach.
        """
        _, bound, key = self._unwrap(domain, kind, unique_identifier, owner, generation, envelope)
        try:
            return AESGCM(key).decrypt(_NO_NONCE, envelope[_WRAPPED_END:], bound)
        except (InvalidTag, ValueError):
            raise TamperError(_ALTERED) from None

    def rewrap(
        self, domain: str, kind: int, unique_identifier: str, owner: str, generation: int, envelope: bytes
    ) -> bytes:
        """The same envelope under the newest KEK of the zone.  Raises: TamperError, CustodyError."""
        zone, bound, key = self._unwrap(domain, kind, unique_identifier, owner, generation, envelope)
        current, nonce = zone.current, urandom(_NONCE_BYTES)
        wrapped = zone.keks[current].encrypt(nonce, key, zone.prefixes[current] + bound)
        return _HEAD.pack(FORMAT, current, nonce) + wrapped + envelope[_WRAPPED_END:]

    def _unwrap(
        self, domain: str, kind: int, unique_identifier: str, owner: str, generation: int, envelope: bytes
    ) -> tuple[_Zone, bytes, bytes]:
        """The zone, what the object is bound to, and its key."""
        zone = self._zone(domain, kind)
        kek_generation, nonce = _head(envelope)
        kek = self._kek(zone, domain, kind, kek_generation)
        bound = _bound(zone.prefixes[0], unique_identifier, owner, generation)
        try:
            key = kek.decrypt(nonce, envelope[_HEAD.size : _WRAPPED_END], zone.prefixes[kek_generation] + bound)
        except (InvalidTag, ValueError):
            raise TamperError(_ALTERED) from None
        return zone, bound, key

    # --- attributes ---

    def seal_attributes(
        self, domain: str, unique_identifier: str, owner: str, generation: int, plaintext: bytes
    ) -> bytes:
        """Seal the attributes of an object; they outlive its material.  Raises: CustodyError."""
        zone = self._zone(domain, Kind.METADATA, make=True)
        current, nonce = zone.current, urandom(_NONCE_BYTES)
        bound = zone.prefixes[current] + _bound(zone.prefixes[0], unique_identifier, owner, generation)
        return _HEAD.pack(FORMAT, current, nonce) + zone.keks[current].encrypt(nonce, plaintext, bound)

    def open_attributes(self, domain: str, unique_identifier: str, owner: str, generation: int, sealed: bytes) -> bytes:
        """Open the attributes of an object.

        Raises:
            TamperError: they were altered, or sealed for another object, owner, domain or generation.
            CustodyError: sealed or out of reach.
        """
        zone = self._zone(domain, Kind.METADATA)
        kek_generation, nonce = _head(sealed)
        kek = self._kek(zone, domain, Kind.METADATA, kek_generation)
        bound = zone.prefixes[kek_generation] + _bound(zone.prefixes[0], unique_identifier, owner, generation)
        try:
            return kek.decrypt(nonce, sealed[_HEAD.size :], bound)
        except (InvalidTag, ValueError):
            raise TamperError(_ALTERED) from None

    def blind(self, domain: str, attribute: int, value: bytes) -> bytes:
        """What the store indexes a value of an attribute under: 16 bytes that tell nothing else of it.

        The same for a domain for ever: its key comes of the first generation of the metadata KEK, which rotation keeps.

        Raises:
            CustodyError: sealed or out of reach.
        """
        return self._zone(domain, Kind.METADATA, make=True).blind(attribute, value)

    def blinded(self, domain: str, entries: Iterable[tuple[int, bytes]]) -> frozenset[tuple[int, bytes]]:
        """Attributes with the values that the store indexes them under.  Raises: CustodyError."""
        blind = self._zone(domain, Kind.METADATA, make=True).blind
        return frozenset([(attribute, blind(attribute, value)) for attribute, value in entries])

    # --- zones ---

    def rotate(self, domain: str, kind: Kind) -> int:
        """Give a zone a new KEK; its generation.  What is sealed stays so until `rewrap`.  Raises: CustodyError."""
        zone = self._zone(domain, kind, make=True)
        while not self._new_kek(domain, kind, zone.current + 1):
            self._load(zone, domain, kind)  # another process was faster: its KEK is as new
        self._load(zone, domain, kind)
        return zone.current

    def refresh(self) -> None:
        """Notice the KEKs that other processes made, retired or shredded."""
        if not self._sealed:
            # Opened anew, one by one, when they are used: so those that are gone are forgotten too.
            self._zones = {}
        self.refreshed += 1

    def retire(self, domain: str, kind: Kind, generation: int) -> bool:
        """Destroy a KEK under which nothing lies any more; False for one that stays.

        The newest stays, and the first of the metadata, on which the blind index depends.
        """
        zone = self._zone(domain, kind)
        if generation >= zone.current or (kind == Kind.METADATA and generation == 1):
            return False
        self._keks.delete(domain, kind, generation)
        zone.keks.pop(generation, None)
        return True

    @property
    def directory(self) -> Path:
        """Where the KEKs lie."""
        return self._keks.directory

    def zones(self) -> list[tuple[str, Kind, int]]:
        """Every zone, as (domain, kind, newest generation)."""
        return [(domain, Kind(kind), generation) for domain, kind, generation in sorted(self._keks.zones())]

    def generations(self, domain: str, kind: Kind) -> tuple[int, ...]:
        """The generations of the KEK of a zone, oldest first."""
        return tuple(generation for generation, _ in self._keks.generations(domain, kind))

    def created(self, domain: str, kind: Kind) -> int:
        """When the newest key of a zone was made, in POSIX seconds."""
        return max(created for _, _, created in self._keks.made(domain, kind))

    def fingerprint(self, domain: str, kind: int, generation: int, wrapped: bytes) -> bytes:
        """16 bytes that tell one KEK from another, however it is wrapped, and nothing else of it.

        Raises:
            TamperError: it is not what this root wrapped for this zone.
        """
        key = bytearray(self.root.unwrap(wrapped, _context(domain, kind, generation)))
        try:
            return HKDFExpand(SHA256(), 16, b"keystead kek 1 fingerprint").derive(bytes(key))
        finally:
            wipe(key)

    def wrapped(self, domain: str | None = None, kind: Kind | None = None) -> list[tuple[str, int, int, bytes]]:
        """The KEKs of a zone, of a domain or of all, wrapped: (domain, kind, generation, wrapped)."""
        return [
            (of, each, generation, key)
            for of, each, _ in sorted(self._keks.zones())
            if domain in (None, of) and kind in (None, each)
            for generation, key in self._keks.generations(of, each)
        ]

    def bring(self, domain: str, kind: int, generation: int, wrapped: bytes, created: int) -> None:
        """Take in a KEK that this root wrapped, such as one of a backup.

        Raises:
            TamperError: it is not what this root wrapped for this zone.
            CustodyError: another key stands in its place.
        """
        known = dict(self._keks.generations(domain, kind)).get(generation)
        own = self.fingerprint(domain, kind, generation, wrapped)
        if known is None:
            if not self._keks.add(domain, kind, generation, wrapped, created, self.root.identifier):
                raise CustodyError("the root of trust was changed meanwhile")
            self._zones.pop((domain, kind), None)
        elif self.fingerprint(domain, kind, generation, known) != own:
            raise CustodyError("another key stands where a key of the backup belongs: this server has data of its own")

    def shred(self, domain: str, kind: Kind, generation: int) -> None:
        """Destroy the KEKs of a zone up to a generation, if it is not the newest: what they sealed is gone for ever.

        A single object is shredded by dropping its envelope: its key is nowhere else.
        """
        zone = self._zone(domain, kind)
        if generation >= zone.current:
            raise CustodyError("a zone keeps its newest key: rotate it first")
        self.bury([Tombstone("zone", zone_name(domain, kind), int(time.time()), generation)])
        for old in self.generations(domain, kind):
            if old <= generation:
                self._keks.delete(domain, kind, old)
                zone.keks.pop(old, None)

    def current(self, domain: str, kind: int) -> int:
        """The newest generation of a zone.  Raises: TamperError, if there is no such zone; CustodyError."""
        return self._zone(domain, kind).current

    def bury(self, tombstones: Iterable[Tombstone]) -> None:
        """Note what was destroyed, apart from the store: no restore revives it.  Raises: CustodyError."""
        self._keks.bury(tombstones)

    def buried(self, names: Iterable[str]) -> set[str]:
        """Those of some objects that were destroyed, by whatever process.  Raises: CustodyError."""
        return self._keks.buried(names)

    def tombstones(self) -> list[Tombstone]:
        """All that was destroyed.  Raises: CustodyError."""
        return self._keks.tombstones()

    def is_gone(self, unique_identifier: str) -> bool:
        """Whether it was noted of an object that nothing is left of it.  Raises: CustodyError."""
        return self._keks.is_buried("gone", unique_identifier)

    def generation_of(self, envelope: bytes) -> int:
        """The generation of the KEK that an envelope, or sealed attributes, lie under.  Raises: TamperError."""
        return _head(envelope)[0]

    @property
    def sealed(self) -> bool:
        """Whether it refuses everything."""
        return self._sealed or self.root.sealed

    def follow(self) -> bool:
        """Go over to the root that the KEKs are wrapped by, if it is another by now; whether it is.  About each second.

        Raises:
            CustodyError: nothing here tells which root that is; then it is sealed.
        """
        if self._sealed:
            return False
        if self._keks.root() in (None, self.root.identifier):
            self._keks.testament()  # one that was left behind by a crash is removed when it has expired
            return False
        from keystead.custody.succession import heir

        try:
            new = heir(self._keks.directory, self.root, self._keks)
        except CustodyError:
            self.seal_root()
            raise
        old, self.root = self.root, new
        old.seal()
        return True

    def seal_root(self) -> None:
        """Forget every key, the root's too."""
        self._sealed = True
        self._zones.clear()
        self.root.seal()

    def close(self) -> None:
        """Forget every KEK and close the store of the KEKs; the root belongs to whoever opened it."""
        self._sealed = True
        self._zones.clear()
        self._keks.close()

    def _zone(self, domain: str, kind: int, make: bool = False) -> _Zone:
        """The zone, opened.  Raises: TamperError, if it is not there and is not to be made."""
        if self._sealed or self.root.sealed:
            raise CustodyError("the root of trust is sealed")
        zone = self._zones.get((domain, kind))
        if zone is not None:
            return zone
        zone = _Zone()
        zone.prefixes[0] = _context(domain, kind, 0)
        self._load(zone, domain, kind)
        if not zone.current:
            if not make:
                raise TamperError("the keys of this zone are gone")
            while not zone.current:  # else the root was changed meanwhile
                self._new_kek(domain, kind, 1)
                self._load(zone, domain, kind)
        self._zones[domain, kind] = zone
        return zone

    def _kek(self, zone: _Zone, domain: str, kind: int, generation: int) -> AESGCMSIV:
        kek = zone.keks.get(generation)
        if kek is None:
            self._load(zone, domain, kind)
            kek = zone.keks.get(generation)
        if kek is None:
            raise TamperError(_ALTERED)
        return kek

    def _new_kek(self, domain: str, kind: int, generation: int) -> bool:
        self.follow()
        wrapped = self.root.wrap(self.root.random(_KEY_BYTES), _context(domain, kind, generation))
        return self._keks.add(domain, kind, generation, wrapped, int(time.time()), self.root.identifier)

    def _load(self, zone: _Zone, domain: str, kind: int) -> None:
        """Open the generations of a zone that are not open yet."""
        found = self._keks.generations(domain, kind)
        if any(generation not in zone.keks for generation, _ in found) and self.follow():
            found = self._keks.generations(domain, kind)
        for generation, wrapped in found:
            if generation in zone.keks:
                continue
            context = _context(domain, kind, generation)
            key = bytearray(self.root.unwrap(wrapped, context))
            try:
                if len(key) != _KEY_BYTES:
                    raise TamperError("a key-encryption key is not what was wrapped")
                zone.keks[generation] = AESGCMSIV(key)
                zone.prefixes[generation] = context
                if kind == Kind.METADATA and generation == 1:
                    zone.blinding = hmac.new(
                        HKDFExpand(SHA256(), _KEY_BYTES, b"keystead blind index 1").derive(bytes(key)),
                        digestmod="sha256",
                    )
            finally:
                wipe(key)
            zone.current = max(zone.current, generation)


def _head(envelope: bytes) -> tuple[int, bytes]:
    """The KEK generation and the nonce."""
    if len(envelope) < _HEAD.size or envelope[0] != FORMAT:
        raise TamperError(_ALTERED)
    _, generation, nonce = _HEAD.unpack_from(envelope)
    return generation, nonce


def _bound(zone: bytes, unique_identifier: str, owner: str, generation: int) -> bytes:
    """What an object is bound to, each part with its length."""
    identifier, of = unique_identifier.encode(errors="surrogatepass"), owner.encode(errors="surrogatepass")
    return b"".join(
        (
            zone,
            len(identifier).to_bytes(4, "big"),
            identifier,
            len(of).to_bytes(4, "big"),
            of,
            generation.to_bytes(8, "big"),
        )
    )
