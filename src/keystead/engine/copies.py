"""Objects of the same bytes: what protects one protects all.

A key can come back into the server as another object: unwrapped, or joined from its parts.  Then the new object is as
protected as the old one, and the old one is no longer known here only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from keystead.crypto.dump import dump_private
from keystead.crypto.formats import load_private
from keystead.crypto.keys import symmetric_bytes
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.making import digest_of, material_bytes
from keystead.engine.managed import Managed, conditions
from keystead.errors import OperationFailed
from keystead.kmip.enums import KeyFormatType, RecommendedCurve, StorageStatusMask
from keystead.kmip.objects import KeyBlock, KeyValue
from keystead.kmip.structures import Digest
from keystead.kmip.tags import Tag
from keystead.policy.wrapping import History

_F = KeyFormatType
_ANYWHERE: Final = (
    StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE | StorageStatusMask.DESTROYED_STORAGE
)
_PRIVATE: Final = (_F.PKCS_8, _F.PKCS_1, _F.ECPRIVATEKEY, _F.RAW)


def copies(context: Context, domain: str, digests: Iterable[Digest]) -> Iterator[Managed]:
    """The objects that the caller may see and that have one of some Digests."""
    blind = context.engine.vault.blind
    found: set[str] = set()
    for digest in digests:
        equal = tuple((number, blind(domain, number, value)) for number, value in conditions(Tag.DIGEST, digest))
        found.update(context.find(context.criteria(equal=equal, storage_status_mask=int(_ANYWHERE)))[0])
    for identifier in sorted(found):
        other = context.turn.fetch(identifier)
        if other is not None:
            yield other


def copies_of(context: Context, managed: Managed) -> Iterator[Managed]:
    """The other objects that have the bytes of an object, as far as the caller may see them."""
    digests = [replace(digest, key_format_type=None) for digest in managed.all(Tag.DIGEST)]
    return (copy for copy in copies(context, managed.domain, digests) if copy != managed)


def digests_of(block: KeyBlock, curve: RecommendedCurve | None = None) -> list[Digest]:
    """The Digests that an object of the same bytes may have, in whatever format it is kept.

    Args:
        curve: of a Raw key.
    """
    value = block.key_value
    if not isinstance(value, KeyValue):
        return []
    material = value.key_material
    spellings = {material_bytes(material)}
    with suppress(OperationFailed):
        spellings.add(symmetric_bytes(block.key_format_type, material))
    for key_format in dict.fromkeys((block.key_format_type, *_PRIVATE[:3])):
        with suppress(OperationFailed):
            key = load_private(key_format, material, block.cryptographic_algorithm, trusted=True, curve=curve)
            for other in _PRIVATE:
                with suppress(OperationFailed):
                    spellings.add(material_bytes(dump_private(key, other)))
    return [
        Digest(hashing_algorithm=digest.hashing_algorithm, digest_value=digest.digest_value)
        for digest in (digest_of(spelling, None) for spelling in spellings)
    ]


def protected_as_copies(context: Context, managed: Managed, block: KeyBlock) -> Managed:
    """A new object, at least as protected as every object of the same bytes.

    Args:
        block: its key, not wrapped.
    """
    curve = use.curve_in(managed.get(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS))
    for other in copies(context, managed.domain, digests_of(block, curve)):
        if other.get(Tag.SENSITIVE):
            managed = managed.put(Tag.SENSITIVE, True)
        if other.get(Tag.EXTRACTABLE) is False:
            managed = managed.put(Tag.EXTRACTABLE, False)
        if other.sensitive and Tag.CRYPTOGRAPHIC_USAGE_MASK in managed.attributes:
            # What one of them may do could undo what the other does: ENCRYPT gives what was derived by encryption.
            managed = managed.put(Tag.CRYPTOGRAPHIC_USAGE_MASK, managed.usage_mask & other.usage_mask)
        managed = managed.with_history(managed.history | other.history & History.WRAPPED_SENSITIVE)
        if other.history.known_here_only:
            context.save(other.with_history(other.history | History.LEFT), touch=False)
    return managed
