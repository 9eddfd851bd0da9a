"""Grants as small values: a row of the store says who may do what, and does not count without one of these."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from keystead.store import ALL

GRANT: Final = "grant"


def grant_key(domain: str, owner: str, unique_identifier: str, grantee: str) -> str:
    """Under which a grant is vouched for: one on an object goes with the object."""
    if unique_identifier == ALL:
        return f"*\0{domain}\0{owner}\0{grantee}"
    return f"{unique_identifier}\0{grantee}"


def grant_value(operations: Collection[int]) -> bytes:
    """What vouches for a grant of operations."""
    return b",".join(b"%d" % operation for operation in sorted(operations))
