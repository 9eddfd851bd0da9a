"""Shares: an opening key that any k of n custodians give together, and fewer do not have.

A share is 33 words of SLIP-39.  `root.json` says who holds which share, and has of each a digest, by which a share is
known as right before it counts: nobody can spoil a ceremony with a wrong one, and shares are combined only when all of
them are right, so that how long the combination takes says nothing about a wrong share.  A share has 256 random bits:
its digest gives no way to it.

A share that is wrong, of another set, of another custodian, or there already is refused in one text, after the same
work; so is taking back what was not given.  The library's arithmetic is a table look-up in Python and not of constant
time: whoever can measure this process while right shares are combined might learn something of them.

Source: SLIP-0039, Shamir's Secret-Sharing for Mnemonic Codes.
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import shlex
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import RLock
from typing import Any, Final

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share

from keystead.custody.rootfile import data, text
from keystead.errors import CustodyError, TamperError

log = logging.getLogger("keystead.custody")

MOST_SHARES: Final = 16
FEWEST: Final = 2
REFUSED: Final = (
    "the share is not accepted: it is not this custodian's, of another set, given already, or has a word wrong"
)
DAMAGED: Final = (
    "every share is right, but the root of trust does not open with them: root.json was changed meanwhile, is damaged,"
    " or cannot be read. If there are new shares, give those; else put it there again from a backup, and give the last"
    " share once more: the others stand"
)
PROGRESS_SECONDS: Final = 900.0
"""How long a ceremony may take from its first share; then it begins anew."""
_KEY_BYTES: Final = 32
_MOST_TEXT: Final = 4096
_WORD: Final = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Custodians:
    """Who holds a share, in the order of the shares; never a share.

    Attributes:
        identifier: of the set, 15 bits, which every share of it bears.
        threshold: how many of them open.
        salt: of the digests.
        digests: of the shares.
    """

    identifier: int
    threshold: int
    names: tuple[str, ...]
    salt: bytes
    digests: tuple[bytes, ...]

    def dump(self) -> dict[str, Any]:
        """As `root.json` has it."""
        return {
            "name": "slip-39",
            "identifier": self.identifier,
            "threshold": self.threshold,
            "custodians": list(self.names),
            "salt": text(self.salt),
            "digests": [text(digest) for digest in self.digests],
        }

    @classmethod
    def load(cls, head: Mapping[str, Any]) -> Custodians:
        """Those of a `root.json`.  Raises: CustodyError, if its root is not one of shares."""
        try:
            kdf = head["kdf"]
            found = cls(
                int(kdf["identifier"]),
                int(kdf["threshold"]),
                tuple(map(str, kdf["custodians"])),
                data(kdf["salt"]),
                tuple(data(digest) for digest in kdf["digests"]),
            )
            check_custodians(found.names, found.threshold)  # they are asked for before the file is known to be true
            if len(found.names) != len(found.digests):
                raise ValueError
        except (ValueError, KeyError, TypeError, CustodyError):
            raise CustodyError("the root of trust is not opened by shares") from None
        return found

    def accept(self, custodian: str, share: str) -> int:
        """Recognise a share; its number, from 0.

        Args:
            custodian: who says that it is theirs.

        Raises:
            CustodyError: it is not; one text for every cause.
        """
        read = _read(share)
        right = read is not None and read.identifier == self.identifier
        index, value = (read.index, read.value) if read is not None else (0, bytes(_KEY_BYTES))
        digest = _digest(self.salt, index, value)
        found = [hmac.compare_digest(digest, known) for known in self.digests]
        named = [_plain(custodian) == _plain(name) for name in self.names]
        if not right or sum(found) != 1 or not named[found.index(True)]:
            raise CustodyError(REFUSED)
        return found.index(True)

    def combine(self, shares: Mapping[int, str]) -> bytes:
        """The opening key of as many accepted shares as are needed, by their numbers.  Raises: CustodyError."""
        chosen = [shares[number] for number in sorted(shares)[: self.threshold]]
        try:
            return bytes(combine_mnemonics(chosen))
        except MnemonicError:
            raise CustodyError(REFUSED) from None


def split(names: Sequence[str], threshold: int) -> tuple[Custodians, tuple[str, ...], bytes]:
    """Make an opening key and share it.

    Returns:
        who holds what; the shares, in the order of the names; the opening key.

    Raises:
        CustodyError: fewer than two are to open it, more than there are, or more than 16; a name is twice there.
    """
    check_custodians(names, threshold)
    key = os.urandom(_KEY_BYTES)
    (shares,) = generate_mnemonics(1, [(threshold, len(names))], key)
    read = [Share.from_mnemonic(share) for share in shares]
    salt = os.urandom(16)
    digests = tuple(_digest(salt, share.index, share.value) for share in read)
    return Custodians(read[0].identifier, threshold, tuple(names), salt, digests), tuple(shares), key


def check_custodians(names: Sequence[str], threshold: int) -> None:
    """Refuse what would not be split knowledge.  Raises: CustodyError."""
    if not FEWEST <= threshold <= len(names) <= MOST_SHARES:
        raise CustodyError(f"of 2 to {MOST_SHARES} custodians at least 2, and at most all, open the root of trust")
    if any(not name or not name.isprintable() or name != name.strip() or len(name) > 64 for name in names):
        raise CustodyError("a custodian's name has 1 to 64 printable characters")
    if len({_plain(name) for name in names}) != len(names):
        raise CustodyError("each share is held by somebody else: a custodian is named twice")


def words(share: str) -> str:
    """The words of a share as it was typed or printed: numbers, punctuation and lines that begin with # fall out."""
    lines = [line for line in share.splitlines() if not line.lstrip().startswith("#")]
    return " ".join(_WORD.findall(" ".join(lines).lower()))


def well_formed(share: str) -> bool:
    """Whether the words are those of a share, without a slip of the pen; says nothing of its being the right one."""
    return _read(share) is not None


def sheet(custodians: Custodians, number: int, share: str, made: str = "") -> str:
    """A custodian's share for printing, in plain text; `words` reads it back.

    Args:
        made: when and where.
    """
    name, listed = custodians.names[number], share.split()
    rows = [listed[at : at + 4] for at in range(0, len(listed), 4)]
    head = {
        "custodian": name,
        "share": f"{number + 1} of {len(custodians.names)}; any {custodians.threshold} open",
        "set": str(custodians.identifier),
        "made": made,
    }
    lines = ["# Keystead: a share of a root of trust", "#"]
    lines += [f"# {what:12}{said}" for what, said in head.items() if said]
    lines += [
        "#",
        "# Keep it apart from the other shares, where nobody else reads it.",
        "# Give it to nobody: you type it yourself, by",
        f"#   keystead operator unseal --custodian {shlex.quote(name)}",
        "",
    ]
    lines += [
        "  ".join(f"{4 * at + place + 1:2}. {word:8}" for place, word in enumerate(row)).rstrip()
        for at, row in enumerate(rows)
    ]
    lines += ["", "# Received: date ______________  signature ________________________________"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a ceremony is.

    Attributes:
        given: shares that count.
        expires_seconds: until it begins anew; 0 before the first share.
    """

    given: int
    threshold: int
    expires_seconds: int = 0

    def __str__(self) -> str:
        return f"{self.given} of {self.threshold}"


Record = Callable[[str, Progress], None]
"""Is told whose share it is and how far the ceremony is with it, before it counts."""


def _unrecorded(_name: str, _progress: Progress) -> None:
    """Record nothing: at a terminal, where what follows is recorded."""


class Ceremony:
    """Takes shares one at a time, from different custodians, until there are enough; in any thread.

    Nobody can end it for the others: who took part can take back what they gave, and no more.

    Args:
        open_with: makes something of the opening key, once.
        clock: monotonic seconds.
    """

    def __init__(
        self, custodians: Custodians, open_with: Callable[[bytes], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._custodians = custodians
        self._open_with = open_with
        self._clock = clock
        self._shares: dict[int, str] = {}
        self._began = 0.0
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<Ceremony {self.progress}>"

    @property
    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            self._expire()
            left = int(self._began + PROGRESS_SECONDS - self._clock()) if self._shares else 0
            return Progress(len(self._shares), self._custodians.threshold, left)

    def submit(self, custodian: str, share: str, record: Record = _unrecorded) -> Progress:
        """Take a share; the last one that is needed opens the root.

        Args:
            record: what it raises keeps the share from counting.

        Raises:
            CustodyError: it is not accepted, in one text for every cause; what others gave stands.
            TamperError: it is right, as are the others, but the root does not open; what others gave stands.
        """
        with self._lock:
            self._expire()
            number = self._custodians.accept(custodian, share)
            if number in self._shares:
                raise CustodyError(REFUSED)
            record(self._custodians.names[number], Progress(len(self._shares) + 1, self._custodians.threshold))
            if not self._shares:
                self._began = self._clock()
            self._shares[number] = words(share)
            if len(self._shares) < self._custodians.threshold:
                return self.progress
            shares, self._shares = self._shares, {}
            key = self._custodians.combine(shares)
            try:
                self._open_with(key)
            except (CustodyError, TamperError) as error:
                del shares[number]
                self._shares = shares
                log.critical("the root of trust does not open", extra={"fields": {"said": str(error)}})
                raise TamperError(DAMAGED) from None
            return Progress(self._custodians.threshold, self._custodians.threshold)

    def withdraw(self, custodian: str, share: str, record: Record = _unrecorded) -> Progress:
        """Take one's own share back, by showing it again; nobody can take back another's.  Raises: as `submit`."""
        with self._lock:
            self._expire()
            number = self._custodians.accept(custodian, share)
            if number not in self._shares:
                raise CustodyError(REFUSED)
            record(self._custodians.names[number], Progress(len(self._shares) - 1, self._custodians.threshold))
            del self._shares[number]
            return self.progress

    def _expire(self) -> None:
        if self._shares and self._clock() - self._began > PROGRESS_SECONDS:
            self._shares.clear()


def _read(share: str) -> Share | None:
    if len(share) > _MOST_TEXT:
        return None
    try:
        read = Share.from_mnemonic(words(share))
    except (MnemonicError, ValueError):
        return None
    if len(read.value) != _KEY_BYTES or (read.group_index, read.group_count, read.group_threshold) != (0, 1, 1):
        return None
    return read


def _digest(salt: bytes, index: int, value: bytes) -> bytes:
    return sha256(b"keystead share 1" + salt + bytes((index,)) + value).digest()


def _plain(name: str) -> str:
    """A name as people tell it from others."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
