"""The master data flow: what is sealed under what, a row for each step, from what people hold to the bytes of a key.

The page about custody and its diagram are drawn from this table; a test opens an object of a real store by hand, as the
rows say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keystead.custody.zones import Kind

OUTSIDE: Final = "outside"
"""Under which a step begins: what is in nobody's files but the custodian's."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is kept, and what keeps it.

    Attributes:
        what: is sealed, derived or held.
        under: the step whose key it takes to have it; OUTSIDE for what people or devices hold.
        how: by which algorithm.
        bound: to what else, so that it opens nowhere else.
        lies: where it is kept.
        root: the kind of root that has this step; "" for all.
    """

    what: str
    under: str
    how: str
    bound: str
    lies: str
    root: str = ""


_ZONES: Final = {kind: kind.name.lower().replace("_", " ") for kind in Kind}
KEKS: Final = {kind: f"KEK of the zone: {name}" for kind, name in _ZONES.items()}
_MATERIAL: Final = [kind for kind in Kind if kind is not Kind.METADATA]

FLOW: Final[tuple[Step, ...]] = (
    Step("key file", OUTSIDE, "32 random bytes", "", "a file that only its owner may read", "key-file"),
    Step("passphrase", OUTSIDE, "", "", "a head, or a file that only its owner may read", "passphrase"),
    Step("shares", OUTSIDE, "SLIP-39, k of n", "", "the custodians' sheets", "shares"),
    Step("token's key", OUTSIDE, "AES-256, never leaves the token", "", "the HSM", "pkcs11"),
    Step("opening key", "key file", "the file itself", "", "memory, while it opens", "key-file"),
    Step("opening key", "passphrase", "Argon2id", "", "memory, while it opens", "passphrase"),
    Step("opening key", "shares", "combined", "", "memory, while it opens", "shares"),
    Step("master key", "opening key", "AES-256-GCM", "all else in root.json", "custody/root.json"),
    Step("wrapping key", "master key", "HKDF-SHA256", "", "memory, until it is sealed"),
    Step("wrapping key", "token's key", "AES-GCM or AES key wrap, a key for each wrapping", "", "the HSM", "pkcs11"),
    Step("signing key", "master key", "HKDF-SHA256, or sealed by AES-256-GCM-SIV if a root before had it",
         "the root", "memory, until it is sealed"),
    *(
        Step(KEKS[kind], "wrapping key", "AES-256-GCM-SIV", "domain, kind, generation", "custody/kek.db")
        for kind in Kind
    ),
    *(
        Step(f"object's own key: {_ZONES[kind]}", KEKS[kind], "AES-256-GCM-SIV",
             "domain, kind, generation of the KEK, identifier, owner", "the object's row, store/")
        for kind in _MATERIAL
    ),
    *(
        Step(f"material: {_ZONES[kind]}", f"object's own key: {_ZONES[kind]}", "AES-256-GCM, used once",
             "domain, kind, identifier, owner", "the object's row, store/")
        for kind in _MATERIAL
    ),
    Step("attributes", KEKS[Kind.METADATA], "AES-256-GCM-SIV",
         "domain, generation of the KEK, identifier, owner, generation of the record", "the object's row, store/"),
    Step("accounts, tickets, rules", KEKS[Kind.METADATA], "AES-256-GCM-SIV",
         "domain, generation of the KEK, kind of entry, key, how often it was put", "entries, store/"),
    Step("blind index", KEKS[Kind.METADATA], "HKDF-SHA256, then HMAC-SHA256 cut to 16 bytes",
         "domain, attribute", "the object's row, store/"),
    Step("sums, codes, marks", KEKS[Kind.METADATA], "HKDF-SHA256, then HMAC-SHA256 cut to 16 bytes",
         "what is added up, or vouched for", "store/, custody/anchor"),
    Step("backup's key", "wrapping key", "AES-256-GCM-SIV", "the backup's header", "the backup"),
    Step("backup", "backup's key", "AES-256-GCM, a key for each section by HKDF-SHA256", "header, section, place",
         "the backup"),
)  # fmt: skip
"""In the order in which a server that starts goes through them."""
