"""The tree is RFC 9162's: known roots and proofs, and properties for every size."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.audit.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from keystead.errors import TamperError

# The leaves, roots and proofs with which the reference implementations of RFC 6962 are tested
# (certificate-transparency-go and transparency-dev/merkle, testonly).
LEAVES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 9162 section 2.1.1 writes it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


def leaves_of(number: int) -> list[bytes]:
    return [leaf_hash(b"entry %d" % index) for index in range(number)]


def test_roots_are_the_known_ones() -> None:
    compact, tree = CompactRange(), Tree()
    assert compact.root() == tree.root() == EMPTY_ROOT == bytes.fromhex(ROOTS[0])
    for size, leaf in enumerate(LEAVES, 1):
        compact.append(leaf_hash(leaf))
        tree.append(leaf_hash(leaf))
        assert compact.root().hex() == tree.root().hex() == ROOTS[size]
    assert [tree.root(size).hex() for size in range(9)] == ROOTS


def test_proofs_are_the_known_ones() -> None:
    tree = Tree(map(leaf_hash, LEAVES))
    assert [node.hex() for node in tree.inclusion_proof(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [node.hex() for node in tree.inclusion_proof(1, 5)] == [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]
    assert [node.hex() for node in tree.consistency_proof(2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]
    assert [node.hex() for node in tree.consistency_proof(6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_root_is_that_of_the_definition() -> None:
    leaves = leaves_of(70)
    tree, compact = Tree(leaves), CompactRange()
    for size in range(71):
        assert tree.root(size) == compact.root() == plain_root(leaves[:size])
        assert CompactRange.load(compact.dump()).root() == compact.root()
        if size < 70:
            compact.append(leaves[size])


def test_every_entry_is_proved_in_every_tree_and_nothing_else_is() -> None:
    leaves = leaves_of(40)
    tree = Tree(leaves)
    for size in range(1, 41):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert len(proof) <= (size - 1).bit_length()
            assert verify_inclusion(leaves[index], index, size, proof, root)
            assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
            assert not verify_inclusion(leaves[index], index, size, proof, tree.root(size - 1))
            assert not verify_inclusion(leaves[index], index, size, [*proof, root], root)
            for other in {index - 1, index + 1, size - 1 - index} - {index}:
                assert not verify_inclusion(leaves[index], other, size, proof, root)
            if proof:
                assert not verify_inclusion(leaves[index], index, size, proof[:-1], root)
                assert not verify_inclusion(leaves[index], index, size, proof[1:], root)


def test_every_older_tree_is_proved_and_nothing_else_is() -> None:
    tree = Tree(leaves_of(40))
    for size in range(41):
        root = tree.root(size)
        for old in range(size + 1):
            proof, old_root = tree.consistency_proof(old, size), tree.root(old)
            assert verify_consistency(old, size, proof, old_root, root)
            assert not verify_consistency(old, size, proof, leaf_hash(b"other"), root)
            assert not verify_consistency(old, size, [*proof, root], old_root, root)
            if 0 < old < size:
                assert not verify_consistency(old, size, proof, old_root, leaf_hash(b"other"))
                assert not verify_consistency(old, size, proof[:-1], old_root, root)
                assert not verify_consistency(old - 1, size, proof, old_root, root)
                for position in range(len(proof)):
                    altered = [*proof]
                    altered[position] = leaf_hash(b"other")
                    assert not verify_consistency(old, size, altered, old_root, root)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.data())
def test_proofs_hold_at_any_size(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = Tree(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    assert verify_inclusion(leaves[index], index, size, tree.inclusion_proof(index), tree.root())
    assert verify_consistency(old, size, tree.consistency_proof(old), tree.root(old), tree.root())


def test_what_is_outside_the_tree_has_no_proof() -> None:
    tree = Tree(leaves_of(5))
    for wrong in (
        lambda: tree.root(6),
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-2),
        lambda: tree.inclusion_proof(3, 3),
        lambda: tree.consistency_proof(6),
        lambda: tree.consistency_proof(3, 2),
    ):
        with pytest.raises(ValueError, match="no such entry"):
            wrong()
    assert not verify_inclusion(leaf_hash(b""), 5, 5, [], tree.root())
    assert not verify_inclusion(leaf_hash(b""), -1, 5, [], tree.root())
    assert not verify_consistency(6, 5, [], tree.root(), tree.root())


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 7, (1).to_bytes(8, "big"), bytes(8 + 32), (3).to_bytes(8, "big") + bytes(63)]
)
def test_a_damaged_state_is_refused(data: bytes) -> None:
    with pytest.raises(TamperError):
        CompactRange.load(data)
