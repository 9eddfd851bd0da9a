"""Checkpoints: what a log was at some moment, signed, so that who keeps one notices any change of what came before.

A checkpoint is a signed note that says the name of the log, how many events it had and the root of their Merkle tree.
Anybody with the events, a checkpoint and the public key can verify them, with no server.

Source: C2SP tlog-checkpoint v1.0.0, C2SP signed-note v1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keystead.audit.merkle import HASH_BYTES, CompactRange, leaf_hash
from keystead.errors import TamperError

_ED25519: Final = b"\x01"
_MOST_BYTES: Final = 65_536
_SIGNATURE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The name of a log, how many events it had, the root of their tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, name: str, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
        """The checkpoint as a signed note.

        Args:
            name: of the key, without blanks and plus signs.
            public_key: 32 bytes of Ed25519.
            sign: makes an Ed25519 signature over bytes.
        """
        if not re.fullmatch(r"[^\s+]+", name):
            raise ValueError("the name of a key has neither blanks nor plus signs")
        signature = key_identifier(name, public_key) + sign(self.text().encode())
        return f"{self.text()}\n— {name} {base64.b64encode(signature).decode()}\n"

    @classmethod
    def verify(cls, note: str, name: str, public_key: bytes) -> Checkpoint:
        """The checkpoint of a signed note.  Signatures of other keys are passed over.

        Raises:
            TamperError: it is not one, or this key did not sign it.
        """
        if len(note) > _MOST_BYTES:
            raise TamperError("the checkpoint is too long")
        body, blank, signatures = note.rpartition("\n\n")
        text = body + "\n"
        lines = signatures.split("\n")
        if not blank or lines.pop() != "" or not lines:
            raise TamperError("the checkpoint is not a signed note")
        wanted = key_identifier(name, public_key)
        verified = False
        for line in lines:
            found = _SIGNATURE.fullmatch(line)
            if found is None:
                raise TamperError("the checkpoint is not a signed note")
            signature = _decoded(found[2])
            if found[1] == name and signature[:4] == wanted:
                try:
                    Ed25519PublicKey.from_public_bytes(public_key).verify(signature[4:], text.encode())
                except InvalidSignature:
                    raise TamperError("the signature of the checkpoint is wrong") from None
                verified = True
        if not verified:
            raise TamperError("the checkpoint is not signed by the key of this log")
        return cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> Checkpoint:
        parts = text.split("\n")
        if len(parts) < 4 or not parts[0] or not _SIZE.fullmatch(parts[1]):
            raise TamperError("the note is not a checkpoint")
        root = _decoded(parts[2])
        if len(root) != HASH_BYTES:
            raise TamperError("the note is not a checkpoint")
        return cls(parts[0], int(parts[1]), root)


def key_identifier(name: str, public_key: bytes) -> bytes:
    """The four bytes that tell which key signed.  Source: C2SP signed-note."""
    return sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """The public key as one line, as witnesses and other tools take it.  Source: C2SP signed-note."""
    encoded = base64.b64encode(_ED25519 + public_key).decode()
    return f"{name}+{key_identifier(name, public_key).hex()}+{encoded}"


def integrate(tree: CompactRange, events: Iterable[tuple[int, bytes]]) -> None:
    """Add events to a tree.

    Args:
        events: (sequence number, bytes), from the one after those that the tree has.

    Raises:
        TamperError: an event is missing, twice there or out of order.
    """
    for sequence, event in events:
        if sequence != tree.size + 1:
            raise TamperError(f"the audit has event {sequence} where event {tree.size + 1} belongs")
        tree.append(leaf_hash(event))


def verify_log(events: Iterable[tuple[int, bytes]], checkpoints: Sequence[Checkpoint]) -> CompactRange:
    """Verify events against every checkpoint that was kept; the tree over all of them.

    Args:
        events: (sequence number, bytes), from the first.

    Raises:
        TamperError: an event was changed, removed, added or moved, or the log ends before a checkpoint; says where.
    """
    tree = CompactRange()
    waiting = sorted(checkpoints, key=lambda checkpoint: checkpoint.size)
    if len({checkpoint.origin for checkpoint in waiting}) > 1:
        raise TamperError("the checkpoints are of different logs")
    position = _compare(tree, waiting, 0)
    for event in events:
        integrate(tree, (event,))
        position = _compare(tree, waiting, position)
    if position < len(waiting):
        raise TamperError(f"the audit ends with event {tree.size}; a checkpoint knows {waiting[-1].size}")
    return tree


def _compare(tree: CompactRange, waiting: Sequence[Checkpoint], position: int) -> int:
    """Compare the tree with the checkpoints of its size; how many are done."""
    while position < len(waiting) and waiting[position].size == tree.size:
        if waiting[position].root != tree.root():
            since = waiting[position - 1].size if position else 0
            raise TamperError(f"the audit was changed between event {since + 1} and event {tree.size}")
        position += 1
    return position


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise TamperError("the checkpoint is not a signed note") from None
