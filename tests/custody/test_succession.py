"""One root after another: between all kinds, while others use the keys, and killed at every step."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from keystead.custody import Means, RootOfTrust, connection, open_root, settle
from keystead.custody import keks as keks_module
from keystead.custody.files import PART_SECONDS, sweep
from keystead.custody.keks import SqliteKekStore
from keystead.custody.pkcs11 import PKCS11Root
from keystead.custody.rootfile import KEY_FILE, NEXT_FILE, NEXT_KEY_FILE, ROOT_FILE, exclusive, kind_of
from keystead.custody.shares import split
from keystead.custody.software import Argon2, SoftwareRoot, make_key_file
from keystead.custody.succession import heir, succeed
from keystead.custody.zones import Kind, Vault
from keystead.errors import CustodyError, TamperError
from tests.hsm import PIN, Hsm, compile_shim

CHEAP = Argon2(memory_kib=8_192, iterations=1, lanes=1)
KINDS = ("key-file", "passphrase", "shares", "pkcs11")
OBJECTS = [(domain, kind, f"{domain} {kind}", "alice", 1) for domain in ("one", "two") for kind in (1, 3, 4)]
SECRET = b"what must never be lost"


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_shim(tmp_path_factory.mktemp("shim"))


@dataclass
class Ways:
    """How roots of each kind are made and opened in a test; the next one differs from the one before."""

    hsm: Hsm
    passphrases: list[bytes] = field(default_factory=lambda: [b"correct horse", b"battery staple", b"third time"])
    keys: list[Any] = field(default_factory=lambda: [split(("Ada", "Grace", "Hedy"), 2) for _ in range(3)])

    def create(self, directory: Path, kind: str, file: str, signing: bytes | None, turn: int) -> RootOfTrust:
        if kind == "pkcs11":
            return PKCS11Root.create(directory, self.hsm.token(), PIN, signing, file, another=file == NEXT_FILE)
        if kind == "passphrase":
            return SoftwareRoot.create(directory, self.passphrases[turn], kind, CHEAP, signing=signing, file=file)
        if kind == "shares":
            custodians, _, key = self.keys[turn]
            dumped = custodians.dump()
            return SoftwareRoot.create(directory, key, kind, custodians=dumped, signing=signing, file=file)
        name = NEXT_KEY_FILE if file == NEXT_FILE else KEY_FILE
        (directory / name).unlink(missing_ok=True)
        return SoftwareRoot.create(directory, make_key_file(directory / name), kind, signing=signing, file=file)

    def open(self, directory: Path, kind: str, turn: int) -> RootOfTrust:
        if kind == "shares":
            settle(directory)
            return SoftwareRoot.open(directory, self.keys[turn][2])
        means = Means(passphrase=lambda: self.passphrases[turn], token=self.hsm.token(), pin=lambda: PIN)
        return open_root(kind, directory, means)


@pytest.fixture
def ways(tmp_path: Path, shim: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ways]:
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.0)
    yield Ways(Hsm.make(tmp_path / "hsm", shim, monkeypatch.setenv))
    for held in connection._connections.values():
        while held.users:
            held.release()


def begin(directory: Path, ways: Ways, kind: str) -> dict[Any, bytes]:
    """A root, and objects under it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    root = ways.create(directory, kind, ROOT_FILE, None, 0)
    with closing(Vault(root, SqliteKekStore(directory))) as vault:
        envelopes = {of: vault.seal(of[0], Kind(of[1]), *of[2:], SECRET) for of in OBJECTS}
    root.close()
    return envelopes


def check(directory: Path, root: RootOfTrust, envelopes: Mapping[Any, bytes]) -> None:
    with closing(Vault(root, SqliteKekStore(directory))) as vault:
        for of, envelope in envelopes.items():
            assert vault.open(*of, envelope) == SECRET
        vault.seal("three", Kind.SECRET, "new", "bob", 1, SECRET)


def put_under(directory: Path, ways: Ways, before: str, after: str, turn: int = 1) -> RootOfTrust:
    with (
        closing(ways.open(directory, before, turn - 1)) as old,
        closing(SqliteKekStore(directory)) as keks,
    ):
        new = succeed(directory, keks, old, lambda file, signing: ways.create(directory, after, file, signing, turn))
        keks.forget_testament()
    return new


# --- from any kind to any ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", KINDS)
@pytest.mark.parametrize("before", KINDS)
def test_every_key_comes_under_the_new_root_and_back(tmp_path: Path, ways: Ways, before: str, after: str) -> None:
    directory = tmp_path / "custody"
    envelopes = begin(directory, ways, before)
    with closing(ways.open(directory, before, 0)) as old:
        public, identifier = old.public_key, old.identifier
        wrapped_before = SqliteKekStore(directory).generations("one", 1)
    new = put_under(directory, ways, before, after)
    assert new.identifier != identifier
    assert new.public_key == public  # whoever verifies the audit need not learn of it
    new.close()
    assert kind_of(directory) == after
    assert not (directory / NEXT_FILE).exists()
    with closing(ways.open(directory, after, 1)) as root:
        assert root.sign(b"data")
        check(directory, root, envelopes)
        ((_, wrapped),) = SqliteKekStore(directory).generations("one", 1)
        assert wrapped != wrapped_before[0][1]
        with pytest.raises(TamperError):
            root.unwrap(wrapped_before[0][1], b"")
    if before != after:  # the old one opens nothing
        with pytest.raises(Exception, match=r"is of the kind|cannot be opened"):
            ways.open(directory, before, 0)
    put_under(directory, ways, after, before, 2).close()
    with closing(ways.open(directory, before, 2)) as root:
        check(directory, root, envelopes)
        assert root.public_key == public
    assert not (directory / NEXT_KEY_FILE).exists()


def test_h01_a_move_to_a_token_that_fails_leaves_the_old_root(tmp_path: Path, ways: Ways) -> None:
    directory = tmp_path / "custody"
    envelopes = begin(directory, ways, "passphrase")
    for rule in ("C_Login error 0xA0 1 0", "C_GenerateKey error 5 2 0",
                 "C_GenerateRandom zero 0 1 0", "C_Decrypt flip 0 9 0"):  # fmt: skip
        ways.hsm.write_pin(PIN)
        ways.hsm.errs(rule)
        with pytest.raises(CustodyError):
            put_under(directory, ways, "passphrase", "pkcs11")
        ways.hsm.errs()
        left = {path.name for path in directory.iterdir()} - {connection.REFUSED_PIN_FILE, "kek.db-journal"}
        assert left == {".lock", "kek.db", ROOT_FILE}
        with closing(ways.open(directory, "passphrase", 0)) as root:
            check(directory, root, envelopes)
    ways.hsm.write_pin(PIN)
    put_under(directory, ways, "passphrase", "pkcs11").close()


def test_a_key_that_is_not_what_the_old_root_wrapped_stops_it(tmp_path: Path, ways: Ways) -> None:
    directory = tmp_path / "custody"
    begin(directory, ways, "key-file")
    with closing(SqliteKekStore(directory)) as keks:
        keks.add("damaged", 1, 1, b"not wrapped", 0, str(keks.root()))
    with pytest.raises(TamperError):
        put_under(directory, ways, "key-file", "passphrase")
    assert kind_of(directory) == "key-file"
    assert not (directory / NEXT_FILE).exists()
    with pytest.raises(CustodyError, match="another root"), closing(SqliteKekStore(directory)) as keks:
        keks.rewrap(lambda wrapped, context: wrapped, "nobody", "somebody", b"")


# --- others that use the keys meanwhile -------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [("shares", "pkcs11"), ("pkcs11", "passphrase"), ("pkcs11", "pkcs11")])
def test_who_holds_the_old_root_goes_over_by_the_testament(tmp_path: Path, ways: Ways, before: str, after: str) -> None:
    directory = tmp_path / "custody"
    envelopes = begin(directory, ways, before)
    following = Vault(ways.open(directory, before, 0), SqliteKekStore(directory))
    late = Vault(ways.open(directory, before, 0), SqliteKekStore(directory))
    busy = Vault(ways.open(directory, before, 0), SqliteKekStore(directory))
    with closing(ways.open(directory, before, 0)) as old, closing(SqliteKekStore(directory)) as keks:
        new = succeed(directory, keks, old, lambda file, signing: ways.create(directory, after, file, signing, 1))
        assert following.follow()
        assert not following.follow()
        assert following.root.identifier == new.identifier
        # One that uses a key of a zone that it has not open goes over without being asked to.
        assert busy.open(*OBJECTS[0], envelopes[OBJECTS[0]]) == SECRET
        assert busy.root.identifier == new.identifier
        keks.forget_testament()
    for vault in (following, busy):
        for of, envelope in envelopes.items():
            assert vault.open(*of, envelope) == SECRET
        vault.seal("later", Kind.SECRET, "1", "alice", 1, SECRET)
    with pytest.raises(CustodyError, match="has to be opened again"):
        late.follow()
    assert late.sealed
    with pytest.raises(CustodyError, match="sealed"):
        late.open(*OBJECTS[0], envelopes[OBJECTS[0]])
    for vault in (following, late, busy):
        vault.close()
        vault.root.close()
    new.close()


def test_a_testament_is_nothing_to_who_has_not_the_old_root(tmp_path: Path, ways: Ways) -> None:
    directory = tmp_path / "custody"
    begin(directory, ways, "passphrase")
    with closing(ways.open(directory, "passphrase", 0)) as old, closing(SqliteKekStore(directory)) as keks:
        new = succeed(directory, keks, old, lambda file, signing: ways.create(directory, "pkcs11", file, signing, 1))
        testament = keks.testament()
        assert testament
        assert PIN not in testament
        stranger = SoftwareRoot.create(tmp_path / "other", os.urandom(32))
        with pytest.raises(CustodyError):
            heir(directory, stranger, keks)
        keks.forget_testament()
        assert testament not in (directory / "kek.db").read_bytes()  # nor in its free pages
        new.close()


@pytest.mark.parametrize("how", ["opened", "served"])
def test_c03_a_testament_that_a_crash_left_is_removed_by_who_has_the_new_root(
    tmp_path: Path, ways: Ways, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    directory = tmp_path / "custody"
    begin(directory, ways, "passphrase")
    with closing(ways.open(directory, "passphrase", 0)) as old, closing(SqliteKekStore(directory)) as keks:
        new = succeed(directory, keks, old, lambda file, signing: ways.create(directory, "shares", file, signing, 1))
        testament = keks.testament()
    assert testament
    vault = Vault(new, SqliteKekStore(directory))
    vault.follow()
    assert testament in (directory / "kek.db").read_bytes()  # others may need it yet
    monkeypatch.setattr(keks_module, "MOST_TESTAMENT_SECONDS", -1)
    if how == "opened":
        SqliteKekStore(directory).close()
    else:
        vault.follow()
    assert testament not in (directory / "kek.db").read_bytes()
    vault.close()
    new.close()


def test_keys_that_are_made_meanwhile_are_not_lost(tmp_path: Path, ways: Ways) -> None:
    directory = tmp_path / "custody"
    begin(directory, ways, "key-file")
    vault = Vault(ways.open(directory, "key-file", 0), SqliteKekStore(directory))
    stop, made, failed = threading.Event(), {}, []

    def work() -> None:
        number = 0
        while not stop.is_set() or number < 20:
            of = (f"domain {number}", Kind.SECRET, "object", "alice", 1)
            try:
                made[of] = vault.seal(*of, SECRET)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the test's failure
                failed.append(error)
                return
            number += 1
            threading.Event().wait(0.002)  # SQLite lets nobody in between otherwise

    worker = threading.Thread(target=work)
    worker.start()
    with closing(SqliteKekStore(directory)) as keks:
        old, kind = ways.open(directory, "key-file", 0), "key-file"
        for turn, after in enumerate(("passphrase", "shares"), 1):
            new = succeed(
                directory, keks, old,
                lambda file, signing, after=after, turn=turn: ways.create(directory, after, file, signing, turn),
            )  # fmt: skip
            while vault.root.identifier != new.identifier and worker.is_alive():
                threading.Event().wait(0.01)
            keks.forget_testament()
            old, kind = new, after
    stop.set()
    worker.join()
    assert not failed
    assert len(made) >= 20
    with closing(ways.open(directory, kind, 2)) as root:
        check(directory, root, made)
    vault.close()


def test_only_one_changes_the_root_at_a_time(tmp_path: Path) -> None:
    with exclusive(tmp_path), exclusive(tmp_path, wait=False) as alone:
        assert not alone
    with exclusive(tmp_path, wait=False) as alone:
        assert alone
    assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o600


# --- killed -----------------------------------------------------------------------------------------------------------

EFFECTS = frozenset(
    ("open", "write", "fsync", "link", "replace", "rename", "unlink", "execute", "close", "fchmod", "put", "flush")
)


def killed(work: Callable[[], object], number: int) -> bool:
    """Do work in a process that is killed before its numberth call that has an effect; whether it came so far."""
    child = os.fork()
    if not child:
        left = number

        def count(_frame: Any, event: str, called: Any) -> None:
            nonlocal left
            if event == "c_call" and getattr(called, "__name__", "") in EFFECTS:
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            sys.setprofile(count)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.mark.parametrize(
    ("before", "after"),
    [("key-file", "key-file"), ("key-file", "shares"), ("shares", "pkcs11"), ("pkcs11", "key-file"),
     ("passphrase", "shares")],
)  # fmt: skip
def test_c03_killed_at_any_step_it_is_finished_or_taken_back(
    tmp_path: Path, ways: Ways, before: str, after: str
) -> None:
    template, directory = tmp_path / "template", tmp_path / "custody"
    envelopes = begin(template, ways, before)
    finished = taken_back = 0
    for number in range(1, 1000, 3 if "pkcs11" in (before, after) else 1):  # to make a key in SoftHSM takes long
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(template, directory)
        cut = killed(lambda: put_under(directory, ways, before, after).close(), number)
        there = None
        for kind, turn in ((before, 0), (after, 1)):
            with suppress(Exception):
                root = ways.open(directory, kind, turn)
                assert there is None or before == after
                there = there or (kind, turn, root)
        assert there is not None, number
        kind, turn, root = there
        check(directory, root, envelopes)
        root.close()
        assert not (directory / NEXT_FILE).exists()
        assert not (directory / NEXT_KEY_FILE).exists()
        with closing(SqliteKekStore(directory)) as keks:
            assert keks.root() == root.identifier
        done = kind == after if before != after else (directory / KEY_FILE).read_bytes() != (
            template / KEY_FILE
        ).read_bytes()  # fmt: skip
        finished, taken_back = finished + done, taken_back + (not done)
        if not done and number % 5 == 1:  # and what was taken back can be done
            put_under(directory, ways, kind, after).close()
            with closing(ways.open(directory, after, 1)) as root:
                check(directory, root, envelopes)
        for path in directory.glob(".*.*"):
            os.utime(path, (0, 0))
        sweep(directory)
        assert {path.name for path in directory.glob(".*")} <= {".lock"}
        if not cut:
            break
    else:
        pytest.fail("it never came to its end")
    assert finished > 2
    assert taken_back > 10


@pytest.mark.parametrize("kind", ["shares", "passphrase"])
def test_c03_a_rekey_that_is_killed_is_done_or_not(tmp_path: Path, ways: Ways, kind: str) -> None:
    template, directory = tmp_path / "template", tmp_path / "custody"
    envelopes = begin(template, ways, kind)
    openers = [ways.keys[turn][2] if kind == "shares" else ways.passphrases[turn] for turn in (0, 1)]
    custodians = ways.keys[1][0].dump() if kind == "shares" else None
    outcomes = []
    for number in range(1, 200):
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(template, directory)
        cut = killed(lambda: SoftwareRoot.reseal(directory, *openers, kind, CHEAP, custodians=custodians), number)
        opened = []
        for turn in (0, 1):
            with suppress(CustodyError), closing(ways.open(directory, kind, turn)) as root:
                check(directory, root, envelopes)
                opened.append(turn)
        assert len(opened) == 1, number
        outcomes.append(opened[0])
        if not cut:
            break
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {0, 1}


def test_what_is_being_written_is_not_swept_away(tmp_path: Path) -> None:
    young, old, other = (tmp_path / name for name in (".root.key.0123456789ab", ".root.json.ba9876543210", ".lock"))
    for path in (young, old, other):
        path.write_bytes(b"key")
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, young.name]
    assert PART_SECONDS >= 10
