"""A Merkle tree over a log: its root commits to every entry and to their order.

Entries are numbered from 0 here, as in the standard; the log's sequence numbers begin with 1.

Source: RFC 9162 section 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from keystead.errors import TamperError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry.  Source: RFC 9162 section 2.1.1."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees.  Source: RFC 9162 section 2.1.1."""
    return sha256(b"\1" + left + right).digest()


class CompactRange:
    """As much of a tree as it takes to go on with it: the roots of its perfect subtrees, largest first.

    Args:
        size: how many entries it has.
        roots: one of 32 bytes for each bit that is set in the size.
    """

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(roots) or any(len(root) != HASH_BYTES for root in roots):
            raise TamperError("a tree of this size has other subtrees")
        self.size = size
        self.roots = list(roots)

    def append(self, leaf: bytes) -> None:
        """Add the hash of an entry."""
        size, roots = self.size, self.roots
        while size & 1:
            leaf = node_hash(roots.pop(), leaf)
            size >>= 1
        roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.roots:
            return EMPTY_ROOT
        found = self.roots[-1]
        for root in reversed(self.roots[:-1]):
            found = node_hash(root, found)
        return found

    def dump(self) -> bytes:
        """The state as bytes: the size in 8, then the roots."""
        return self.size.to_bytes(8, "big") + b"".join(self.roots)

    @classmethod
    def load(cls, data: bytes) -> CompactRange:
        """The state of `dump`.  Raises: TamperError, if it is none."""
        body = data[8:]
        if len(data) < 8 or len(body) % HASH_BYTES:
            raise TamperError("the state of the audit tree is damaged")
        return cls(int.from_bytes(data[:8], "big"), [body[i : i + HASH_BYTES] for i in range(0, len(body), HASH_BYTES)])


class Tree:
    """A whole tree in memory, 64 bytes for an entry; every root and proof costs the logarithm of its size."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add the hash of an entry."""
        level = 0
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            hashes = self._levels[level]
            hashes += leaf
            if len(hashes) // HASH_BYTES & 1:
                return
            leaf = node_hash(bytes(hashes[-2 * HASH_BYTES : -HASH_BYTES]), leaf)
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree, or of its first entries."""
        size = self.size if size is None else size
        self._check(0, size)
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """What shows that an entry is in the tree.  Source: RFC 9162 section 2.1.3.1."""
        size = self.size if size is None else size
        self._check(index + 1, size)
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._subtree(middle, end))
                end = middle
            else:
                proof.append(self._subtree(start, middle))
                start = middle
        return proof[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """What shows that a tree began with an older one.  Source: RFC 9162 section 2.1.4.1."""
        size = self.size if size is None else size
        self._check(old, size)
        if old in (0, size):
            return []
        proof: list[bytes] = []
        start, end, whole = 0, size, True
        while old - start != end - start:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._subtree(middle, end))
                end = middle
            else:
                proof.append(self._subtree(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._subtree(start, end))
        return proof[::-1]

    def _subtree(self, start: int, end: int) -> bytes:
        """The root over entries from start to end, where start is what a tree of this shape can have."""
        number = end - start
        if number & (number - 1) == 0:
            level = number.bit_length() - 1
            position = (start >> level) * HASH_BYTES
            return bytes(self._levels[level][position : position + HASH_BYTES])
        middle = start + _split(number)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))

    def _check(self, first: int, size: int) -> None:
        if not 0 <= first <= size <= self.size:
            raise ValueError("there is no such entry in a tree of this size")


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether an entry's hash is at an index of the tree with a root.  Source: RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and found == root


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Whether the tree with a root began with the tree with an old root.  Source: RFC 9162 section 2.1.4.2."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == root


def _split(number: int) -> int:
    """The largest power of two that is smaller than a number of at least 2."""
    return 1 << (number - 1).bit_length() - 1
