"""Where objects are kept, and whether a client permits that they are kept there.

Source: KMIP 2.1 sections 4.44 and 7.33.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keystead.errors import OperationFailed
from keystead.kmip.enums import ProtectionStorageMask, ResultReason
from keystead.kmip.payloads import Request
from keystead.kmip.schema import fields_of
from keystead.kmip.structures import ProtectionStorageMasks

STORAGE: Final = ProtectionStorageMask.SOFTWARE
"""How this server keeps objects: sealed, in a database."""
_R: Final = ResultReason
_UNAVAILABLE: Final[Mapping[str, ResultReason]] = {
    "protection_storage_masks": _R.PROTECTION_STORAGE_UNAVAILABLE,
    "common_protection_storage_masks": _R.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE,
    "private_protection_storage_masks": _R.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE,
    "public_protection_storage_masks": _R.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE,
}
"""The fields in which a request permits ways to keep what it makes, and the reason if none of them will do."""


def fields(request: type[Request]) -> tuple[str, ...]:
    """The fields of a request that permit ways to keep what it makes."""
    return tuple(field.name for field in fields_of(request) if field.name in _UNAVAILABLE)


def check(request: Request, names: Iterable[str]) -> None:
    """Refuse to make what may not be kept here.

    Args:
        names: the fields to look at.

    Raises:
        OperationFailed: Protection Storage Unavailable; Private or Public Protection Storage Unavailable of a key pair.
    """
    for name in names:
        masks: ProtectionStorageMasks | None = getattr(request, name)
        if masks is not None and masks.protection_storage_mask:
            check_masks(masks.protection_storage_mask, _UNAVAILABLE[name])


def check_masks(
    masks: Iterable[ProtectionStorageMask], reason: ResultReason = _R.PROTECTION_STORAGE_UNAVAILABLE
) -> None:
    """Refuse masks of which none can be satisfied in its entirety."""
    if all(mask & ~STORAGE for mask in masks):
        raise OperationFailed(reason, f"the server keeps objects in {STORAGE.title} only")
