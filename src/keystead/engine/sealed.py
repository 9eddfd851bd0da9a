"""Small values of the engine's own that the store keeps without being trusted with them: accounts, tickets, defaults.

Each is sealed as attributes are, bound to its kind, its key and how often it was put: it can be neither read nor
altered in the store, nor put in the place of another.  In front stands the domain under whose key it lies.
"""

from __future__ import annotations

from typing import Final

from keystead.custody.zones import Kind, Vault
from keystead.errors import TamperError
from keystead.kmip.tags import Tag
from keystead.store import Entry, Transaction

KINDS: Final = frozenset({"account", "account-name", "outbox", "attestation", "rules", "ticket", "tries", "endpoint"})
"""The kinds of entries that are sealed so."""


class Sealed:
    """The sealed values of a domain, of one kind.

    Args:
        kind: of the store's entries.
    """

    __slots__ = ("_domain", "_kind", "_transaction", "_vault")

    def __init__(self, transaction: Transaction, vault: Vault, kind: str, domain: str) -> None:
        if kind not in KINDS:
            raise LookupError(f"{kind} is no sealed kind")
        self._transaction = transaction
        self._vault = vault
        self._kind = kind
        self._domain = domain

    def get(self, key: str) -> bytes | None:
        """A value, or None.  Raises: TamperError, CustodyError."""
        found = self._transaction.entry(self._kind, key)
        if found is None:
            return None
        version = self._transaction.entry_version(self._kind, key)
        domain, sealed = _split(found)
        if domain != self._domain:
            raise TamperError("a sealed value is of another domain")
        return self._vault.open_attributes(domain, key, self._kind, version, sealed)

    def put(self, key: str, value: bytes, expires: int | None = None) -> None:
        """Keep a value.  Raises: Conflict, CustodyError."""
        before = self._transaction.entry_version(self._kind, key)
        sealed = self._vault.seal_attributes(self._domain, key, self._kind, before + 1, value)
        self._transaction.put_entry(self._kind, key, _join(self._domain, sealed), expires, before)

    def delete(self, key: str) -> bool:
        """Remove a value; whether it was there."""
        return self._transaction.delete_entry(self._kind, key)

    def version(self, key: str) -> int:
        """How often the value was put."""
        return self._transaction.entry_version(self._kind, key)

    def blind(self, *parts: str) -> str:
        """A key that tells nothing of the parts that it is made of."""
        value = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in (self._kind, *parts))
        return self._vault.blind(self._domain, int(Tag.CREDENTIAL), value).hex()


def resealed(vault: Vault, entry: Entry) -> bytes | None:
    """A sealed value under the newest key of its domain; None if it lies there.  Raises: TamperError, CustodyError."""
    domain, sealed = _split(entry.value)
    if vault.generation_of(sealed) == vault.current(domain, Kind.METADATA):
        return None
    bound = (domain, entry.key, entry.kind, entry.version)
    return _join(domain, vault.seal_attributes(*bound, vault.open_attributes(*bound, sealed)))


def _join(domain: str, sealed: bytes) -> bytes:
    name = domain.encode(errors="surrogatepass")
    return len(name).to_bytes(2, "big") + name + sealed


def _split(value: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(value[:2], "big")
    return value[2:end].decode(errors="surrogatepass"), value[end:]
