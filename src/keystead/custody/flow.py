"""The master data flow: what is sealed under what, a row for each step, from what people hold to the bytes of a key.

The page about custody and its diagram are drawn from this table.  A test opens, for each row, a real one by hand as the
row says; another finds every place in the code that seals, derives or keeps something, and wants it in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keystead.custody.zones import Kind

OUTSIDE: Final = "outside"
"""Under which a step begins: what is in nobody's files but the custodian's."""
UNSEALED: Final = "nothing"
"""What lies on the disk as it is: whoever has the disk has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is kept, and what keeps it.

    Attributes:
        what: is sealed, derived or held.
        under: the step whose key it takes to have it; OUTSIDE for what people or devices hold, UNSEALED for what lies
            open.
        how: by which algorithm.
        bound: to what else, so that it opens nowhere else.
        lies: where it is kept.
        places: that seal, derive or keep it, each "module:function".
        roots: the kinds of root that have this step; none for all.
    """

    what: str
    under: str
    how: str
    bound: str
    lies: str
    places: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Where in the code that is."""
        return tuple(dict.fromkeys(place.partition(":")[0] for place in self.places))

    def holds_for(self, root: str) -> bool:
        """Whether a root of this kind has it."""
        return not self.roots or root in self.roots


_ZONES: Final = {kind: kind.name.lower().replace("_", " ") for kind in Kind}
KEKS: Final = {kind: f"KEK of the zone: {name}" for kind, name in _ZONES.items()}
OWN: Final = {kind: f"object's own key: {name}" for kind, name in _ZONES.items() if kind is not Kind.METADATA}
_SOFTWARE: Final = ("key-file", "passphrase", "shares")
_HSM: Final = ("pkcs11",)
_HEAD_OR_FILE: Final = "a head, or unsealed in a file that only its owner may read"
_BLIND: Final = "HKDF-SHA256, then HMAC-SHA256 cut to 16 bytes"

FLOW: Final[tuple[Step, ...]] = (
    # --- what people or devices hold, and what opens the root ---
    Step("key file", UNSEALED, "32 random bytes", "", "custody/root.key, or where it was moved",
         ("custody.software:make_key_file", "custody.__init__:_key_file", "cli.opening:make_key_file_root",
          "cli.roots:_under_key_file.create", "cli.backup:_restore_new"), ("key-file",)),
    Step("passphrase", OUTSIDE, "", "", _HEAD_OR_FILE, roots=("passphrase",)),
    Step("shares", OUTSIDE, "SLIP-39, k of n", "", "the custodians' sheets",
         ("custody.shares:split", "cli.ceremony:_write"), ("shares",)),
    Step("PIN", OUTSIDE, "", "", _HEAD_OR_FILE, roots=_HSM),
    Step("token's key", "PIN", "AES-256, never leaves the token", "", "the HSM", roots=_HSM),
    Step("opening key", "key file", "the file itself", "", "memory, while it opens", roots=("key-file",)),
    Step("opening key", "passphrase", "Argon2id", "", "memory, while it opens",
         ("custody.software:Argon2.key",), ("passphrase",)),
    Step("opening key", "shares", "combined", "", "memory, while it opens", roots=("shares",)),
    # --- the root ---
    Step("master key", "opening key", "AES-256-GCM", "all else in root.json", "custody/root.json",
         ("custody.software:_write", "custody.rootfile:write_head"), _SOFTWARE),
    Step("check value", "master key", "HKDF-SHA256, cut to 8 bytes", "", "custody/root.json",
         ("custody.software:_derive",), _SOFTWARE),
    Step("wrapping key", "master key", "HKDF-SHA256", "", "memory, until it is sealed",
         ("custody.software:_derive",), _SOFTWARE),
    Step("wrapping key", "token's key", "AES-GCM or AES key wrap, a new one for each wrapping", "",
         "in front of what it wraps", ("custody.pkcs11:PKCS11Root._wrap", "custody.pkcs11:_works"), _HSM),
    Step("signing key", "master key", "HKDF-SHA256, of a first root", "", "memory, until it is sealed",
         ("custody.software:_derive",), _SOFTWARE),
    Step("signing key", "wrapping key", "AES-256-GCM-SIV, if a root before had it", "the root", "custody/root.json",
         ("custody.software:_wrap",), _SOFTWARE),
    Step("signing key", "wrapping key", "AES-256-GCM-SIV", "all else in root.json", "custody/root.json",
         ("custody.pkcs11:PKCS11Root._wrap",), _HSM),
    Step("testament: what opens the root after this one", "wrapping key", "AES-256-GCM-SIV", "the root after this one",
         "custody/kek.db, for some seconds", ("custody.succession:succeed",)),
    # --- zones and objects ---
    *(
        Step(KEKS[kind], "wrapping key", "AES-256-GCM-SIV", "domain, kind, generation", "custody/kek.db",
             ("custody.zones:Vault._new_kek", "custody.zones:Vault.fingerprint", "custody.succession:succeed",
              "engine.restore:_bring"))
        for kind in Kind
    ),
    *(
        Step(own, KEKS[kind], "AES-256-GCM-SIV", "domain, kind, generation of the KEK, identifier, owner",
             "in front of what it seals",
             ("custody.zones:Vault.seal", "custody.zones:Vault.rewrap", "engine.rotation:_renew"))
        for kind, own in OWN.items()
    ),
    *(
        Step(f"material: {_ZONES[kind]}", own, "AES-256-GCM, used once", "domain, kind, identifier, owner",
             "the object's row, store/", ("custody.zones:Vault.seal", "engine.context:Context.add"))
        for kind, own in OWN.items()
    ),
    Step("asynchronous requests", OWN[Kind.SECRET], "AES-256-GCM, used once",
         "domain, correlation value, caller, whether it is the result", "entries, store/", ("engine.waiting:put",)),
    Step("attributes", KEKS[Kind.METADATA], "AES-256-GCM-SIV",
         "domain, generation of the KEK, identifier, owner, generation of the record", "the object's row, store/",
         ("custody.zones:Vault.seal_attributes", "engine.records:close_record", "engine.records:reseal")),
    Step("accounts, tickets, rules", KEKS[Kind.METADATA], "AES-256-GCM-SIV, passwords by Argon2id first",
         "domain, generation of the KEK, kind of entry, key, how often it was put", "entries, store/",
         ("engine.sealed:Sealed.put", "engine.sealed:resealed", "engine.accounts:Accounts.__init__",
          "engine.attestation:enrol", "engine.attestation:check", "engine.authentication:_Tries.__init__",
          "engine.endpoints:_sealed", "engine.notices:_outbox", "engine.rules:Rules.__init__",
          "engine.tickets:_entries", "engine.verifiers:Password.of")),
    # --- what vouches, and what is searched ---
    Step("blind index", KEKS[Kind.METADATA], _BLIND, "domain, attribute", "the object's row and entries, store/",
         ("custody.zones:Vault._load", "custody.zones:Vault.blind", "custody.zones:Vault.blinded",
          "engine.records:_record", "engine.locate:_Conditions._blind", "engine.certify:_of_subject",
          "engine.crypto:_use_nonce", "engine.context:Context._meets", "engine.copies:copies",
          "engine.sealed:Sealed.blind", "engine.accounts:Accounts.key", "engine.authentication:_Tries.__init__")),
    Step("sums", KEKS[Kind.METADATA], "AES-256-GCM-SIV", "generation of the KEK, count of changes", "entries, store/",
         ("engine.ledger:State.seal", "engine.guard:GuardedStore.put_state")),
    Step("codes", KEKS[Kind.METADATA], _BLIND, "what is added up, or vouched for", "store/",
         tuple(f"engine.ledger:Ledger.{name}" for name in ("object", "entry", "events", "_code"))),
    Step("marks", KEKS[Kind.METADATA], _BLIND, "count of changes, last event, sums", "custody/anchor",
         tuple(f"engine.ledger:Ledger.{name}" for name in ("tag", "mark", "genuine"))),
    # --- backups ---
    Step("backup's key", "wrapping key", "AES-256-GCM-SIV", "the backup's header", "the backup",
         ("custody.archive:new_key", "engine.keeping:backup_key")),
    Step("backup", "backup's key", "AES-256-GCM, a key for each section by HKDF-SHA256", "header, section, place",
         "the backup", ("custody.archive:_Keys.__missing__", "custody.archive:Writer.write", "engine.backup:_create",
                        "engine.backup:create")),
    # --- what lies open ---
    Step("ca.key, server.key, keys made for clients", UNSEALED, "PEM, not encrypted", "",
         "beside keystead.toml; only its owner may read it",
         ("pki.files:write_private_key", "pki.ca:Issued.write", "cli.backup:_write_files")),
    Step("names, owners, types and dates of objects", UNSEALED, "as they are; compared with what is sealed", "",
         "the object's row, store/", ("engine.records:_record",)),
    Step("events", UNSEALED, "as they are, with a code", "", "events, store/",
         ("engine.engine:Engine._turn_alone", "engine.integrity:accept", "engine.integrity:act",
          "engine.restore:restore", "engine.restore:_settle", "engine.rotation:_begin", "engine.rotation:_retire",
          "engine.unsealing:note")),
    Step("clients, groups, grants, jobs", UNSEALED, "as it is, with a code", "", "entries, store/",
         ("engine.context:Context.add", "engine.crypto:_use_nonce", "engine.endpoints:_changed",
          "engine.guard:GuardedTransaction.grant", "engine.guard:GuardedTransaction.put_entry",
          *(f"engine.identities:{name}" for name in ("enroll", "bind", "rebind", "join", "put", "touch")),
          "engine.locate:_default", "engine.pkcs11:_keep", "engine.rotation:_begin", "engine.rotation:_keys",
          "engine.rotation:labour", "engine.waiting:submit")),
    Step("tombstones", UNSEALED, "as they are, with the tag of what was sealed", "",
         "entries, store/, about a second; then custody/kek.db",
         ("engine.graves:note", "engine.graves:bury", "engine.graves:Shredder.entomb", "engine.graves:Shredder.finish",
          "engine.engine:Engine.upkeep", "engine.restore:restore", "custody.zones:Vault.bury",
          "custody.zones:Vault.shred")),
    Step("who acknowledged a share, that it is sealed, that a PIN was refused", UNSEALED, "as it is", "", "custody/",
         ("custody.acknowledged:acknowledge", "custody.connection:Connection._open", "cli.operator:seal")),
)  # fmt: skip
"""In the order in which a server that starts goes through them."""
