"""What is sealed opens only as what it was sealed as."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.custody.keks import KEK_FILE, SqliteKekStore, Tombstone
from keystead.custody.software import SoftwareRoot
from keystead.custody.zones import Kind, Vault
from keystead.errors import CustodyError, TamperError

OBJECT = ("default", Kind.DATA_ENCRYPTION, "0190-object", "alice", 1)
ATTRIBUTES = ("default", "0190-object", "alice", 1)


@pytest.fixture
def opener() -> bytes:
    return os.urandom(32)


@pytest.fixture
def directory(tmp_path: Path, opener: bytes) -> Path:
    SoftwareRoot.create(tmp_path / "custody", opener)
    return tmp_path / "custody"


def open_vault(directory: Path, opener: bytes) -> Vault:
    return Vault(SoftwareRoot.open(directory, opener), SqliteKekStore(directory))


@pytest.fixture
def vault(directory: Path, opener: bytes) -> Iterator[Vault]:
    opened = open_vault(directory, opener)
    yield opened
    opened.close()


@pytest.mark.parametrize("plaintext", [b"", b"k", bytes(32), os.urandom(100_000)])
def test_what_is_sealed_opens(vault: Vault, directory: Path, opener: bytes, plaintext: bytes) -> None:
    envelope = vault.seal(*OBJECT, plaintext)
    sealed = vault.seal_attributes(*ATTRIBUTES, plaintext)
    assert vault.open(*OBJECT, envelope) == plaintext
    assert vault.open_attributes(*ATTRIBUTES, sealed) == plaintext
    again = open_vault(directory, opener)
    assert again.open(*OBJECT, envelope) == plaintext
    assert again.open_attributes(*ATTRIBUTES, sealed) == plaintext
    again.close()


def test_no_two_envelopes_are_alike(vault: Vault) -> None:
    assert len({vault.seal(*OBJECT, b"same") for _ in range(100)}) == 100
    assert len({vault.seal_attributes(*ATTRIBUTES, b"same") for _ in range(100)}) == 100


def test_every_flipped_bit_is_refused(vault: Vault) -> None:
    """M7."""
    envelope, sealed = vault.seal(*OBJECT, b"secret key bytes"), vault.seal_attributes(*ATTRIBUTES, b"attributes")
    for bit in range(len(envelope) * 8):
        altered = bytearray(envelope)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TamperError):
            vault.open(*OBJECT, bytes(altered))
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TamperError):
            vault.open_attributes(*ATTRIBUTES, bytes(altered))


def test_every_truncation_and_extension_is_refused(vault: Vault) -> None:
    envelope, sealed = vault.seal(*OBJECT, b"secret key bytes"), vault.seal_attributes(*ATTRIBUTES, b"attributes")
    for length in range(len(envelope)):
        with pytest.raises(TamperError):
            vault.open(*OBJECT, envelope[:length])
    for length in range(len(sealed)):
        with pytest.raises(TamperError):
            vault.open_attributes(*ATTRIBUTES, sealed[:length])
    with pytest.raises(TamperError):
        vault.open(*OBJECT, envelope + b"\0")
    with pytest.raises(TamperError):
        vault.open_attributes(*ATTRIBUTES, sealed + b"\0")


@pytest.mark.parametrize(
    ("position", "other"),
    [(0, "Default"), (0, ""), (1, Kind.SECRET), (1, Kind.METADATA), (2, "0190-objecu"), (2, "0190-objec"), (3, "bob"),
     (3, ""), (4, 2), (4, 0)],
)  # fmt: skip
def test_an_envelope_is_bound_to_all_it_was_sealed_as(vault: Vault, position: int, other: Any) -> None:
    """M7: a row's ciphertext, copied to another row or an older generation, does not open."""
    asked: list[Any] = list(OBJECT)
    asked[position] = other
    with pytest.raises(TamperError):
        vault.open(*asked, vault.seal(*OBJECT, b"secret"))
    with pytest.raises(TamperError):
        vault.rewrap(*asked, vault.seal(*OBJECT, b"secret"))
    if position != 1:
        del asked[1]
        with pytest.raises(TamperError):
            vault.open_attributes(*asked, vault.seal_attributes(*ATTRIBUTES, b"attributes"))


def test_fields_cannot_flow_into_each_other(vault: Vault) -> None:
    envelope = vault.seal("d", Kind.SECRET, "ab", "c", 1, b"secret")
    for identifier, owner in (("a", "bc"), ("abc", ""), ("", "abc")):
        with pytest.raises(TamperError):
            vault.open("d", Kind.SECRET, identifier, owner, 1, envelope)


def test_an_envelope_is_not_attributes(vault: Vault) -> None:
    envelope = vault.seal("default", Kind.METADATA, *OBJECT[2:], b"x" * 40)
    with pytest.raises(TamperError):
        vault.open_attributes(*ATTRIBUTES, envelope)


def test_parts_of_two_envelopes_do_not_combine(vault: Vault) -> None:
    one, two = vault.seal(*OBJECT, b"one"), vault.seal(*OBJECT, b"two")
    for cut in (17, 65):
        with pytest.raises(TamperError):
            vault.open(*OBJECT, one[:cut] + two[cut:])


def test_a_rotated_zone_opens_what_was_sealed_before(vault: Vault, directory: Path, opener: bytes) -> None:
    envelope = vault.seal(*OBJECT, b"secret")
    sealed, blind = vault.seal_attributes(*ATTRIBUTES, b"attributes"), vault.blind("default", 7, b"value")
    assert vault.rotate("default", Kind.DATA_ENCRYPTION) == 2
    assert vault.rotate("default", Kind.METADATA) == 2
    assert vault.open(*OBJECT, envelope) == b"secret"
    moved = vault.rewrap(*OBJECT, envelope)
    assert (vault.generation_of(envelope), vault.generation_of(moved)) == (1, 2)
    assert vault.open(*OBJECT, moved) == b"secret"
    assert vault.generation_of(vault.seal(*OBJECT, b"new")) == 2
    assert vault.open_attributes(*ATTRIBUTES, sealed) == b"attributes"
    assert vault.blind("default", 7, b"value") == blind
    again = open_vault(directory, opener)
    assert again.open(*OBJECT, moved) == b"secret"
    assert again.blind("default", 7, b"value") == blind
    again.close()


def test_the_generation_in_an_envelope_is_bound_too(vault: Vault) -> None:
    envelope = vault.seal(*OBJECT, b"secret")
    vault.rotate("default", Kind.DATA_ENCRYPTION)
    with pytest.raises(TamperError):
        vault.open(*OBJECT, envelope[:1] + (2).to_bytes(4, "big") + envelope[5:])


def test_processes_share_the_zones(directory: Path, opener: bytes) -> None:
    first, second = open_vault(directory, opener), open_vault(directory, opener)
    envelope = first.seal(*OBJECT, b"secret")
    assert second.open(*OBJECT, envelope) == b"secret"
    first.rotate("default", Kind.DATA_ENCRYPTION)
    assert second.open(*OBJECT, first.seal(*OBJECT, b"newer")) == b"newer"
    assert second.rotate("default", Kind.DATA_ENCRYPTION) == 3
    first.refresh()
    assert first.generation_of(first.seal(*OBJECT, b"newest")) == 3
    second.rotate("default", Kind.DATA_ENCRYPTION)
    second.shred("default", Kind.DATA_ENCRYPTION, 3)
    first.refresh()
    with pytest.raises(TamperError):
        first.open(*OBJECT, envelope)
    first.close()
    second.close()


def test_a_shredded_zone_is_gone_and_the_others_are_not(vault: Vault, directory: Path) -> None:
    other = ("default", Kind.SECRET, *OBJECT[2:])
    foreign = ("elsewhere", *OBJECT[1:])
    envelopes = {where: vault.seal(*where, b"secret") for where in (OBJECT, other, foreign)}
    keks = SqliteKekStore(directory)
    ((_, old),) = keks.generations("default", Kind.DATA_ENCRYPTION)
    keks.close()
    assert old in (directory / KEK_FILE).read_bytes()
    with pytest.raises(CustodyError, match="newest"):
        vault.shred("default", Kind.DATA_ENCRYPTION, 1)
    vault.rotate("default", Kind.DATA_ENCRYPTION)
    newer = vault.seal(*OBJECT, b"newer")
    vault.shred("default", Kind.DATA_ENCRYPTION, 1)
    assert not any(old in file.read_bytes() for file in directory.iterdir())
    with pytest.raises(TamperError):
        vault.open(*OBJECT, envelopes[OBJECT])
    assert vault.open(*OBJECT, newer) == b"newer"
    assert vault.open(*other, envelopes[other]) == b"secret"
    assert vault.open(*foreign, envelopes[foreign]) == b"secret"
    assert [(stone.what, stone.name, stone.generation) for stone in vault.tombstones()] == [("zone", "1/default", 1)]


def test_blind_values_tell_domains_attributes_and_values_apart(vault: Vault) -> None:
    values = {
        vault.blind(domain, attribute, value)
        for domain in ("default", "other")
        for attribute in (1, 256)
        for value in (b"", b"a", b"b", b"\0")
    }
    assert len(values) == 16
    assert all(len(value) == 16 for value in values)


def test_a_sealed_vault_refuses_everything(vault: Vault) -> None:
    envelope, sealed = vault.seal(*OBJECT, b"secret"), vault.seal_attributes(*ATTRIBUTES, b"attributes")
    vault.seal_root()
    assert vault.sealed
    for refused in (
        lambda: vault.seal(*OBJECT, b"secret"),
        lambda: vault.open(*OBJECT, envelope),
        lambda: vault.rewrap(*OBJECT, envelope),
        lambda: vault.seal_attributes(*ATTRIBUTES, b"attributes"),
        lambda: vault.open_attributes(*ATTRIBUTES, sealed),
        lambda: vault.blind("default", 1, b"value"),
        lambda: vault.rotate("default", Kind.SECRET),
        lambda: vault.root.wrap(b"", b""),
        lambda: vault.root.unwrap(b"", b""),
        lambda: vault.root.sign(b""),
    ):
        with pytest.raises(CustodyError):
            refused()


def test_a_root_that_is_sealed_seals_the_vault(vault: Vault) -> None:
    envelope = vault.seal(*OBJECT, b"secret")
    vault.root.seal()
    with pytest.raises(CustodyError):
        vault.open(*OBJECT, envelope)


def test_keys_of_another_root_are_refused(vault: Vault, directory: Path, tmp_path: Path, opener: bytes) -> None:
    vault.seal(*OBJECT, b"secret")
    (tmp_path / "other").mkdir(mode=0o700)
    SoftwareRoot.create(tmp_path / "other", opener)
    keks = SqliteKekStore(directory)
    with pytest.raises(CustodyError, match="another root"):
        Vault(SoftwareRoot.open(tmp_path / "other", opener), keks)
    keks.close()


def test_a_wrapped_key_cannot_take_the_place_of_another(vault: Vault, directory: Path, opener: bytes) -> None:
    """PCI DSS 3.7.7: no key is substituted, whichever column of its row is edited."""
    for kind in (Kind.SECRET, Kind.PRIVATE):
        vault.seal("default", kind, "x", "y", 1, b"secret")
    secret, private = ("default", Kind.SECRET), ("default", Kind.PRIVATE)
    for change, refused in (
        ("UPDATE keks SET kind = 5 WHERE kind = 4", [("default", Kind.METADATA)]),
        ("UPDATE keks SET domain = 'other'", [("other", Kind.SECRET), ("other", Kind.PRIVATE)]),
        ("UPDATE keks SET generation = 7", [secret, private]),
        ("UPDATE keks SET wrapped = (SELECT wrapped FROM keks WHERE kind = 3) WHERE kind = 4", [secret]),
        ("UPDATE keks SET wrapped = substr(wrapped, 2)", [secret, private]),
        ("UPDATE keks SET wrapped = x''", [secret, private]),
    ):
        whole = (directory / KEK_FILE).read_bytes()
        raw = sqlite3.connect(directory / KEK_FILE)
        with raw:
            raw.execute(change)
        raw.close()
        again = open_vault(directory, opener)
        for domain, kind in refused:
            with pytest.raises(TamperError):
                again.seal(domain, kind, "x", "y", 1, b"secret")
        again.close()
        (directory / KEK_FILE).write_bytes(whole)


def test_s04_nothing_is_written_beside_a_file_that_took_the_place_of_the_one_in_use(
    vault: Vault, directory: Path, opener: bytes
) -> None:
    envelope = vault.seal("default", Kind.SECRET, "x", "y", 1, b"secret")
    file, kept = directory / KEK_FILE, directory / "kept"
    file.rename(kept)
    shutil.copy(kept, file)
    assert vault.open("default", Kind.SECRET, "x", "y", 1, envelope) == b"secret"
    for write in (
        lambda: vault.rotate("default", Kind.SECRET),
        lambda: vault.seal("another", Kind.SECRET, "x", "y", 1, b"secret"),
        lambda: vault.bury([Tombstone("gone", "x", 1)]),
    ):
        with pytest.raises(TamperError, match="replaced"):
            write()
    kept.rename(file)
    assert vault.rotate("default", Kind.SECRET) == 2
    vault.close()
    assert open_vault(directory, opener).current("default", Kind.SECRET) == 2


def test_no_key_and_no_plaintext_is_in_any_file(vault: Vault, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M1, M3 at this level: every key that was drawn, and what was sealed, is looked for."""
    drawn: list[bytes] = []

    def recorded(number: int) -> bytes:
        drawn.append(os.urandom(number))
        return drawn[-1]

    monkeypatch.setattr("keystead.custody.zones.urandom", recorded)
    monkeypatch.setattr(SoftwareRoot, "random", lambda _, number: recorded(number))
    plaintext = os.urandom(32)
    envelope, sealed = vault.seal(*OBJECT, plaintext), vault.seal_attributes(*ATTRIBUTES, plaintext)
    keys = [key for key in drawn if len(key) == 32]
    assert len(keys) == 3  # two KEKs, and the key of the object
    for data in (envelope, sealed, *(file.read_bytes() for file in directory.iterdir())):
        for secret in (*keys, plaintext):
            assert secret not in data
            assert secret.hex().encode() not in data.lower()


def test_opening_makes_no_keys(vault: Vault, directory: Path) -> None:
    envelope = vault.seal(*OBJECT, b"secret")
    with pytest.raises(TamperError):
        vault.open("nowhere", *OBJECT[1:], envelope)
    with pytest.raises(TamperError):
        vault.open_attributes("nowhere", *ATTRIBUTES[1:], envelope)
    keks = SqliteKekStore(directory)
    assert keks.zones() == [("default", Kind.DATA_ENCRYPTION, 1)]
    keks.close()
