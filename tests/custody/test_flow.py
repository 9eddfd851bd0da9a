"""The table of what is sealed under what: it is whole, and by it alone an object can be opened by hand."""

from __future__ import annotations

import base64
import hmac
import json
import os
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keystead.custody import ROOTS
from keystead.custody.flow import FLOW, KEKS, OUTSIDE
from keystead.custody.keks import SqliteKekStore
from keystead.custody.software import SoftwareRoot
from keystead.custody.zones import Kind, Vault

STEPS = {step.what: step for step in FLOW}


def derive(key: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, purpose).derive(key)


def part(text: str) -> bytes:
    return len(text).to_bytes(4, "big") + text.encode()


def zone(kind: Kind, generation: int) -> bytes:
    return b"keystead zone 1" + part("default") + bytes([kind]) + generation.to_bytes(4, "big")


def bound(kind: Kind, generation: int) -> bytes:
    return zone(kind, 0) + part("an object") + part("alice") + generation.to_bytes(8, "big")


def test_every_step_leads_to_what_somebody_holds() -> None:
    for step in FLOW:
        seen = [step.what]
        while step.under != OUTSIDE:
            step = STEPS[step.under]
            assert step.what not in seen
            seen.append(step.what)
    assert {step.root for step in FLOW if step.under == OUTSIDE} == set(ROOTS)
    assert {step.what for step in FLOW} >= set(KEKS.values())


def test_an_object_is_opened_by_hand_as_the_table_says(tmp_path: Path) -> None:
    directory, opener = tmp_path / "custody", os.urandom(32)
    root = SoftwareRoot.create(directory, opener)
    with closing(Vault(root, SqliteKekStore(directory))) as vault:
        kind = Kind.PRIVATE
        envelope = vault.seal("default", kind, "an object", "alice", 1, b"the material")
        attributes = vault.seal_attributes("default", "an object", "alice", 7, b"the attributes")
        index = vault.blind("default", 0x420053, b"a name")
    root.close()

    # opening key -> master key -> wrapping key
    head = json.loads((directory / "root.json").read_text())
    sealed = base64.b64decode(head.pop("sealed_key"))
    aad = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    master = AESGCM(opener).decrypt(base64.b64decode(head["nonce"]), sealed, aad)
    wrapping = AESGCMSIV(derive(master, b"keystead root 1 wrap"))

    # wrapping key -> KEK of each zone
    keks = {}
    with closing(sqlite3.connect(directory / "kek.db")) as database:
        for domain, number, generation, wrapped in database.execute(
            "SELECT domain, kind, generation, wrapped FROM keks"
        ):
            assert (domain, generation) == ("default", 1)
            keks[number] = wrapping.decrypt(wrapped[:12], wrapped[12:], zone(Kind(number), 1))
    assert keks.keys() == {kind, Kind.METADATA}

    # KEK -> object's own key -> material
    assert (envelope[0], envelope[1:5]) == (1, (1).to_bytes(4, "big"))
    own = AESGCMSIV(keks[kind]).decrypt(envelope[5:17], envelope[17:65], zone(kind, 1) + bound(kind, 1))
    assert AESGCM(own).decrypt(bytes(12), envelope[65:], bound(kind, 1)) == b"the material"

    # KEK of the metadata -> attributes, blind index
    metadata = AESGCMSIV(keks[Kind.METADATA])
    aad = zone(Kind.METADATA, 1) + bound(Kind.METADATA, 7)
    assert metadata.decrypt(attributes[5:17], attributes[17:], aad) == b"the attributes"
    blind = derive(keks[Kind.METADATA], b"keystead blind index 1")
    assert hmac.new(blind, (0x420053).to_bytes(4, "big") + b"a name", sha256).digest()[:16] == index
