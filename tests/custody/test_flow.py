"""The table of what is sealed under what: it is whole, and by it alone a real one of each row is opened by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import reduce
from operator import xor
from pathlib import Path
from struct import Struct
from typing import Any, TypeVar
from zlib import crc32

import pkcs11
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pkcs11.exceptions import AttributeSensitive
from shamir_mnemonic import combine_mnemonics

from keystead.audit.log import Event
from keystead.custody import ROOTS, RootOfTrust, archive
from keystead.custody.acknowledged import acknowledge
from keystead.custody.flow import FLOW, KEKS, OUTSIDE, OWN, UNSEALED
from keystead.custody.keks import SqliteKekStore
from keystead.custody.pkcs11 import PKCS11Root
from keystead.custody.shares import split
from keystead.custody.software import Argon2, SoftwareRoot, make_key_file
from keystead.custody.succession import succeed
from keystead.custody.zones import Kind, Vault
from keystead.engine import backup
from keystead.engine.admin import Administration
from keystead.engine.managed import index_of
from keystead.engine.records import open_record
from keystead.kmip.enums import AsynchronousIndicator, Operation
from keystead.kmip.payloads.lifecycle import DestroyRequest
from keystead.kmip.payloads.session import LoginRequest
from keystead.pki.ca import Authority
from keystead.store import open as open_store
from tests.custody import byhand
from tests.custody.byhand import Keys, Unwrap, derive, keyed
from tests.custody.places import GENERIC, places, within
from tests.engine.world import Clock, World, create_request
from tests.hsm import PIN, SOFTHSM, Hsm, installed
from tests.support import make_engine

F = TypeVar("F", bound=Callable[..., None])
OPENED: set[str] = set()
"""The rows that the tests here open by hand."""
CHEAP = Argon2(memory_kib=8_192, iterations=1, lanes=1)
ENTRY = Struct(">qQ16s")
"""In front of an entry: when it expires, the count of changes, its code."""
STATE = Struct(">QQQ12s1536s")
_OBJECT, _ENTRY_CODE, _ENTRY_ROW, _TAG, _SEAL, _EVENTS = range(1, 7)


def opens(*rows: str) -> Callable[[F], F]:
    """Say which rows a test opens."""
    OPENED.update(rows)
    return lambda test: test


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ROOTS)
def test_every_step_leads_to_what_somebody_holds(root: str) -> None:
    rows, known = [step for step in FLOW if step.holds_for(root)], {OUTSIDE, UNSEALED}
    for step in rows:
        assert step.under in known, f"{step.what}: a root of the kind {root} has no {step.under}"
        known.add(step.what)
    assert known >= set(KEKS.values())
    assert any(step.roots == (root,) and step.under in (OUTSIDE, UNSEALED) for step in rows)


def test_every_place_that_keeps_something_has_a_row() -> None:
    found, named = places(), {place for step in FLOW for place in step.places}
    missing = {place: what for place, what in found.items() if place not in named | GENERIC}
    assert not missing, "what is kept there needs a row in custody.flow.FLOW, or is kept by one that has it"
    assert named | GENERIC <= found.keys(), "rows name places that keep nothing"


@pytest.mark.parametrize(
    "line",
    ["vault.seal(kind, secret)", "vault.seal_attributes(secret)", "mark = engine.vault.blind", "root.wrap(key, b'')",
     "Sealed(transaction, vault, kind, domain).put(key, value)", "archive.new_key(root, digest)",
     "AESGCM(key).encrypt(nonce, secret, None)", "HKDF(key).derive(key)", "transaction.put_entry(kind, key, secret)",
     "key.private_bytes(encoding, form, plain)", "write_private(path, secret)", "hmac.new(key, value, 'sha256')"],
)  # fmt: skip
def test_a_place_is_found(line: str) -> None:
    assert within(f"class Some:\n    def keeps(self):\n        {line}\n")[0][0] == "Some.keeps"


@pytest.mark.parametrize("line", ["root.seal()", "cipher.encrypt(key, data)", "vault.open(kind, sealed)"])
def test_what_keeps_nothing_is_no_place(line: str) -> None:
    assert not within(f"from keystead.crypto import cipher\ndef uses():\n    {line}\n")


def test_a_row_that_is_kept_names_its_places() -> None:
    for step in FLOW:
        kept = any(where in step.lies for where in ("custody/", "store/", "backup", "in front", "keystead.toml"))
        assert step.places or not kept, step.what


def test_every_row_is_opened_by_hand() -> None:
    assert {step.what for step in FLOW} == OPENED


# --- roots ------------------------------------------------------------------------------------------------------------


def software(directory: Path, kind: str, signing: bytes | None = None) -> tuple[SoftwareRoot, bytes]:
    """A root, and its master key, opened with what people hold of it."""
    custodians, passphrase = None, b"correct horse"
    if kind == "key-file":
        directory.mkdir(mode=0o700)
        given = make_key_file(directory / "root.key")
        held = (directory / "root.key").read_bytes()
    elif kind == "shares":
        holders, sheets, given = split(("Ada", "Grace", "Hedy"), 2)
        held, custodians = bytes(combine_mnemonics([sheets[2], sheets[0]])), holders.dump()
    else:
        given = passphrase
    root = SoftwareRoot.create(directory, given, kind, CHEAP, custodians=custodians, signing=signing)
    opener = byhand.opening_key(directory, passphrase) if kind == "passphrase" else held
    return root, byhand.master_key(directory, opener)


def check(root: RootOfTrust, directory: Path, unwrap: Unwrap, seed: bytes) -> None:
    """What the root wraps and signs by is what was opened by hand."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert public == root.public_key == base64.b64decode(byhand.head_of(directory)[0]["public_key"])
    with closing(Vault(root, SqliteKekStore(directory))) as vault:
        envelope = vault.seal("default", Kind.SECRET, "an object", "alice", 1, b"the material")
    assert Keys(directory, unwrap).object(Kind.SECRET, "an object", "alice", 1, envelope) == b"the material"


@opens("key file", "passphrase", "shares", "opening key", "master key", "check value", "wrapping key", "signing key")
@pytest.mark.parametrize("signing", [None, bytes(range(32))], ids=["signs for itself", "signs as the one before"])
@pytest.mark.parametrize("kind", ["key-file", "passphrase", "shares"])
def test_a_software_root_is_opened_by_hand(tmp_path: Path, kind: str, signing: bytes | None) -> None:
    directory = tmp_path / "custody"
    root, master = software(directory, kind, signing)
    assert base64.b64decode(byhand.head_of(directory)[0]["check"]) == derive(master, b"keystead root 1 check")[:8]
    seed = byhand.signing_seed(directory, master)
    assert signing in (None, seed)
    with closing(root):
        check(root, directory, byhand.under(byhand.wrapping_key(master)), seed)


@opens("PIN", "token's key", "wrapping key", "signing key")
def test_a_root_in_an_hsm_is_opened_with_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(SOFTHSM, "softhsm2-util")
    directory, hsm = tmp_path / "custody", Hsm.make(tmp_path / "hsm", SOFTHSM, monkeypatch.setenv)
    with closing(PKCS11Root.create(directory, hsm.token(), PIN)) as root:
        head, sealed, aad = byhand.head_of(directory)

        def in_token(work: Callable[[Any], Any]) -> Any:
            """Work with the token's key, in the one thread that may."""
            named = {"object_class": pkcs11.ObjectClass.SECRET_KEY, "label": head["key"]}
            return root._connection.call(lambda session: work(session.get_key(**named)))

        def unwrap(wrapped: bytes, context: bytes) -> bytes:
            assert wrapped[0] == 1  # AES-GCM, which SoftHSM has
            nonce, rest = wrapped[2:14], wrapped[14 : 2 + wrapped[1]]
            how = {"mechanism": pkcs11.Mechanism.AES_GCM, "mechanism_param": pkcs11.GCMParams(nonce, None, 128)}
            once = in_token(lambda key: bytes(key.decrypt(rest, **how)))
            return AESGCMSIV(once).decrypt(bytes(12), wrapped[2 + wrapped[1] :], context)

        check(root, directory, unwrap, unwrap(sealed, aad))
        assert in_token(refuses)


def refuses(key: Any) -> bool:
    """Whether the token gives the key to nobody, whoever has the PIN."""
    try:
        return not key[pkcs11.Attribute.VALUE]
    except AttributeSensitive:
        return True


@opens("testament: what opens the root after this one")
def test_a_testament_is_opened_by_the_root_before(tmp_path: Path) -> None:
    directory, opener = tmp_path / "custody", os.urandom(32)
    old, before = software(directory, "passphrase")
    seed, unwrap = byhand.signing_seed(directory, before), byhand.under(byhand.wrapping_key(before))

    def create(file: str, signing: bytes) -> RootOfTrust:
        return SoftwareRoot.create(directory, opener, signing=signing, file=file)

    with closing(old), closing(SqliteKekStore(directory)) as keks:
        envelope = Vault(old, keks).seal("default", Kind.SECRET, "an object", "alice", 1, b"the material")
        new = succeed(directory, keks, old, create)
        with closing(sqlite3.connect(directory / "kek.db")) as database:
            ((testament,),) = database.execute("SELECT value FROM facts WHERE name = 'testament'").fetchall()
    told = json.loads(unwrap(testament, b"keystead testament 1 " + new.identifier.encode()))
    wrapping = byhand.wrapping_key(byhand.master_key(directory, opener))
    assert (base64.b64decode(told["wrapping"]), base64.b64decode(told["signing"])) == (wrapping, seed)
    with pytest.raises(InvalidTag):
        _ = Keys(directory, unwrap).keks
    check(new, directory, byhand.under(wrapping), seed)
    assert Keys(directory, byhand.under(wrapping)).object(Kind.SECRET, "an object", "alice", 1, envelope)


# --- a store ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = Clock()
    made = World(tmp_path, clock, make_engine(tmp_path, clock))
    made.callers["alice"] = made.engine.enroll("alice", Authority.create("test", "P-256").issue_client("alice").der)
    yield made
    made.engine.close()


def opened(world: World) -> Keys:
    directory = world.directory / "custody"
    master = byhand.master_key(directory, (directory / "root.key").read_bytes())
    return Keys(directory, byhand.under(byhand.wrapping_key(master)))


def rows(world: World, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        return database.execute(sql, parameters).fetchall()


def entries(world: World, kind: str) -> list[tuple[str, bytes, int]]:
    """The key and the value of each entry of a kind, and how often it was put."""
    found = rows(world, "SELECT key, value, version FROM entries WHERE kind = ?", kind)
    assert found
    return [(key, value[ENTRY.size :], version) for key, value, version in found]


@opens(*KEKS.values(), *OWN.values(), *(step.what for step in FLOW if step.under in OWN.values()))
def test_an_object_of_each_kind_is_opened_by_hand(world: World) -> None:
    kinds = [kind for kind in Kind if kind is not Kind.METADATA]
    sealed = {kind: world.engine.vault.seal("default", kind, "an object", "alice", 1, b"it") for kind in kinds}
    keys = opened(world)
    assert {keys.object(kind, "an object", "alice", 1, envelope) for kind, envelope in sealed.items()} == {b"it"}
    assert keys.keks.keys() >= {("default", kind) for kind in kinds} | {("", Kind.METADATA)}


@opens("attributes", "blind index", "names, owners, types and dates of objects")
def test_the_row_of_an_object_is_opened_by_hand(world: World) -> None:
    name = world.create("a name")
    keys, columns = opened(world), "owner, generation, attributes, material, names, initial_date"
    ((owner, generation, attributes, material, names, made),) = rows(world, f"SELECT {columns} FROM objects")
    assert (owner, made) == (world.callers["alice"].identity, world.clock.now)
    assert "a name" in names
    assert b"a name" in keys.metadata(name, owner, generation, attributes)
    assert keys.object(material[0], name, owner, 1, material[1:])
    with world.engine.store.begin(write=False) as transaction:
        record = transaction.get(name)
    assert record is not None
    index = index_of(open_record(world.engine.vault, record))
    assert {(number, keyed(keys.blinding(), number, value)) for number, value in index} <= set(
        rows(world, "SELECT attribute, value FROM postings")
    )
    assert index


@opens("asynchronous requests")
@pytest.mark.parametrize("done", [False, True])
def test_what_waits_is_opened_by_hand(world: World, done: bool) -> None:
    world.ask(create_request("for later"), asynchronous_indicator=AsynchronousIndicator.MANDATORY)
    if done:
        world.engine.upkeep()
    ((key, value, _),) = entries(world, "asynchronous")
    identity, correlation = key.split(":")
    assert value[0] == 1 + done
    kept = opened(world).object(Kind.SECRET, f"asynchronous {correlation}", identity, value[0], value[1:])
    assert (b"for later" in kept, b'"status": null' in kept) == (not done, not done)


@opens("accounts, tickets, rules")
def test_tickets_and_accounts_are_opened_by_hand(world: World) -> None:
    world.do(LoginRequest(lease_time=60))
    Administration(world.engine).add_user("ada", "correct horse battery")
    keys = opened(world)
    for kind, has in (("ticket", world.callers["alice"].identity.encode()), ("account", b"$argon2id$")):
        found = []
        for key, value, version in entries(world, kind):
            end = 2 + int.from_bytes(value[:2], "big")
            assert value[2:end] == b"default"
            found.append(keys.metadata(key, kind, version, value[end:]))
        assert any(has in each for each in found)
        assert not any(has in value for _, value, _ in entries(world, kind))


@opens("sums", "codes", "marks")
def test_what_vouches_is_made_by_hand(world: World) -> None:
    world.create("one")
    world.create("two")
    world.engine.store.note(force=True)
    keys = opened(world)
    key = keys.blinding("")
    # codes: of each entry, and of the events of each commit
    sums = [0] * 96
    for kind, name, stored, version in rows(world, "SELECT kind, key, value, version FROM entries"):
        if kind == "integrity":
            state = keys.metadata(name, kind, int.from_bytes(stored[:8], "big"), stored[8:], domain="")
            continue
        until, at, code = ENTRY.unpack_from(stored)
        label, value = f"{kind}\0{name}".encode(), stored[ENTRY.size :]
        assert code == keyed(key, _ENTRY_CODE, b"%d %d %d %b%b" % (until, at, len(label), label, value))
        row = keyed(key, _ENTRY_ROW, b"%d %b%b" % (version, stored[: ENTRY.size], label))
        sums[64 + crc32(label) % 32] ^= int.from_bytes(row, "big")
    for last, number, batch, code in rows(world, "SELECT last, number, batch, code FROM events"):
        assert code == keyed(key, _EVENTS, b"%d %d %b" % (last, number, batch))
    # sums: of rows, by parts
    for name, generation, attributes in rows(world, "SELECT unique_identifier, generation, attributes FROM objects"):
        row = keyed(key, _OBJECT, b"%d %b%b" % (generation, attributes[-16:], name.encode()))
        sums[crc32(name.encode()) % 64] ^= int.from_bytes(row, "big")
    counter, objects, _, _, kept = STATE.unpack(state)
    assert (objects, kept) == (2, b"".join(each.to_bytes(16, "big") for each in sums))
    assert reduce(xor, sums)
    # marks
    data = (world.directory / "custody" / "anchor").read_bytes()
    slots = [Struct(">QQQ16s16s").unpack_from(data, at) for at in (0, 512) if any(data[at : at + 56])]
    _, at, events, tag, seal = max(slots)
    assert (at, tag) == (counter, keyed(key, _TAG, state))
    assert seal == keyed(key, _SEAL, Struct(">QQ16s").pack(at, events, tag))


@opens("backup's key", "backup")
def test_a_backup_is_opened_by_hand(world: World) -> None:
    name, path, custody = world.create("one"), world.directory / "b.keystead", world.directory / "custody"
    with (
        closing(open_store(f"sqlite:{world.directory / 'keystead.db'}")) as store,
        closing(SqliteKekStore(custody)) as keks,
    ):
        files = backup.Files(custody={"root.json": custody / "root.json"})
        root = world.engine.vault.root
        backup.create(path, store, keks, lambda digest: archive.new_key(root, digest), files)
    data = path.read_bytes()
    start = data.index(b"\n") + 5
    end = start + int.from_bytes(data[start - 4 : start], "big")
    header = json.loads(data[start:end])
    wrapped = base64.b64decode(header.pop("wrapped_key"))
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":")).encode()).digest()
    key = opened(world).unwrap(wrapped, b"keystead sealed file 1 " + digest)
    content, number, last = b"", 0, 0
    while not last:
        length, section, last = Struct(">IBB").unpack_from(data, end)
        sealed = data[end + 6 : end + 6 + length]
        aad = Struct(">32sBBQ").pack(digest, section, last, number)
        frame = AESGCM(derive(key, b"keystead sealed file 1 section %d" % section))
        content += frame.decrypt(number.to_bytes(12, "big"), sealed, aad)
        end, number = end + 6 + length, number + 1
    assert end == len(data)
    assert name.encode() in content
    assert name.encode() not in data


# --- what lies open ---------------------------------------------------------------------------------------------------


@opens("ca.key, server.key, keys made for clients")
def test_tls_keys_are_read_by_who_has_the_file(tmp_path: Path) -> None:
    Authority.create("test", "P-256").issue_server(["localhost"]).write(
        tmp_path / "server.pem", tmp_path / "server.key"
    )
    file = tmp_path / "server.key"
    assert load_pem_private_key(file.read_bytes(), password=None)
    assert file.stat().st_mode & 0o777 == 0o600


@opens("clients, groups, grants, jobs", "events", "tombstones")
def test_what_is_not_sealed_is_read_by_who_has_the_disk(world: World) -> None:
    name = world.create("one")
    world.do(DestroyRequest(unique_identifier=name))
    ((_, client, _),) = entries(world, "client")
    assert json.loads(client)["name"] == "alice"
    assert [key.split()[::2] for key, _, _ in entries(world, "grave")] == [["object", name]]
    world.engine.upkeep()
    with closing(sqlite3.connect(world.directory / "custody" / "kek.db")) as database:
        assert database.execute("SELECT what, name FROM tombstones").fetchall() == [("object", name)]
    batches = [batch for (batch,) in rows(world, "SELECT batch FROM events")]
    events = [Event.decode(batch[4 : 4 + int.from_bytes(batch[:4], "big")]) for batch in batches]
    assert {(Operation.DESTROY.title, (name,))} <= {(event.operation, event.unique_identifiers) for event in events}


@opens("who acknowledged a share, that it is sealed, that a PIN was refused")
def test_who_acknowledged_a_share_is_read_by_who_has_the_disk(tmp_path: Path) -> None:
    holders, sheets, key = split(("Ada", "Grace"), 2)
    tmp_path.chmod(0o700)
    acknowledge(tmp_path, holders, ["Ada"])
    said = (tmp_path / "custodians.json").read_text()
    assert "Ada" in said
    assert not any(word in said for word in (key.hex(), *sheets))
