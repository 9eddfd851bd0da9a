"""The software root: what opens it, and how everything else is refused alike."""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from keystead.custody import Means, open_root
from keystead.custody.anchor import Anchor, Mark
from keystead.custody.files import make_directory, read_private, write_private, writing
from keystead.custody.keks import KEK_FILE, SqliteKekStore
from keystead.custody.memory import wipe
from keystead.custody.rootfile import exclusive
from keystead.custody.software import ROOT_FILE, Argon2, SoftwareRoot, make_key_file
from keystead.errors import ConfigError, CustodyError, TamperError
from keystead.store import open as open_store

CHEAP = Argon2(memory_kib=8_192, iterations=1, lanes=1)
PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "custody"


def test_a_key_file_opens_the_root(directory: Path) -> None:
    root = SoftwareRoot.create(directory, make_key_file(directory / "root.key"))
    wrapped = root.wrap(b"key", b"context")
    again = open_root("key-file", directory)
    assert again.unwrap(wrapped, b"context") == b"key"
    assert again.public_key == root.public_key
    assert again.name == root.name
    for path in (directory / "root.key", directory / ROOT_FILE):
        assert path.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_passphrase_opens_the_root(directory: Path) -> None:
    root = SoftwareRoot.create(directory, PASSPHRASE, "passphrase", CHEAP)
    wrapped = root.wrap(b"key", b"context")
    opened = open_root("passphrase", directory, Means(passphrase=lambda: PASSPHRASE))
    assert opened.unwrap(wrapped, b"context") == b"key"


def test_argon2id_costs_what_the_standard_recommends() -> None:
    """RFC 9106 section 4: 64 MiB, 3 passes, 4 lanes, where 2 GiB is too much."""
    assert Argon2() == Argon2(memory_kib=64 * 1024, iterations=3, lanes=4)


def test_whatever_is_wrong_the_refusal_is_the_same(directory: Path) -> None:
    SoftwareRoot.create(directory, PASSPHRASE, "passphrase", CHEAP)
    path = directory / ROOT_FILE
    document = json.loads(path.read_text())
    said = set()

    def refused(opener: bytes = PASSPHRASE) -> None:
        with pytest.raises(CustodyError) as error:
            SoftwareRoot.open(directory, opener)
        said.add(str(error.value))
        assert error.value.__cause__ is None

    for opener in (b"", PASSPHRASE[:-1], PASSPHRASE + b" ", PASSPHRASE.upper(), os.urandom(32)):
        refused(opener)
    for name, value in document.items():
        for other in (None, 7, "x", [], {}, value[:-4] + "AAA=" if isinstance(value, str) else "y"):
            if name != "version":
                path.write_text(json.dumps({**document, name: other}))
                refused()
        path.write_text(json.dumps({key: kept for key, kept in document.items() if key != name}))
        refused()
    for name, value in document["kdf"].items():
        for other in (None, 0, 1 << 40, "x", value + value):
            path.write_text(json.dumps({**document, "kdf": {**document["kdf"], name: other}}))
            refused()
    path.write_text(json.dumps({**document, "more": 1}))
    refused()
    for text in ("", "[]", "{}", "null", "[" * 30_000):
        path.write_text(text)
        refused()
    path.write_bytes(b"\xff\xfe")
    refused()
    assert len(said) == 1
    path.write_text(json.dumps(document))
    SoftwareRoot.open(directory, PASSPHRASE)


def test_every_flipped_bit_of_the_sealed_key_is_refused(directory: Path) -> None:
    opener = os.urandom(32)
    SoftwareRoot.create(directory, opener)
    document = json.loads((directory / ROOT_FILE).read_text())
    for field in ("sealed_key", "nonce", "check"):
        data = base64.b64decode(document[field])
        for bit in range(len(data) * 8):
            altered = bytearray(data)
            altered[bit // 8] ^= 1 << bit % 8
            text = json.dumps({**document, field: base64.b64encode(altered).decode()})
            (directory / ROOT_FILE).write_text(text)
            with pytest.raises(CustodyError):
                SoftwareRoot.open(directory, opener)


def test_a_newer_format_is_named_as_such(directory: Path) -> None:
    opener = os.urandom(32)
    SoftwareRoot.create(directory, opener)
    document = json.loads((directory / ROOT_FILE).read_text())
    (directory / ROOT_FILE).write_text(json.dumps({**document, "version": 2}))
    with pytest.raises(CustodyError, match="version"):
        SoftwareRoot.open(directory, opener)


def test_the_master_key_can_be_sealed_anew(directory: Path) -> None:
    opener = os.urandom(32)
    root = SoftwareRoot.create(directory, opener)
    wrapped = root.wrap(b"key", b"context")
    SoftwareRoot.reseal(directory, opener, PASSPHRASE, "passphrase", CHEAP)
    with pytest.raises(CustodyError):
        SoftwareRoot.open(directory, opener)
    again = SoftwareRoot.open(directory, PASSPHRASE)
    assert again.unwrap(wrapped, b"context") == b"key"
    assert again.public_key == root.public_key


def test_a_root_is_never_overwritten(directory: Path) -> None:
    opener = make_key_file(directory / "root.key")
    SoftwareRoot.create(directory, opener)
    before = (directory / ROOT_FILE).read_bytes()
    with pytest.raises(CustodyError):
        SoftwareRoot.create(directory, opener)
    with pytest.raises(CustodyError):
        make_key_file(directory / "root.key")
    assert (directory / ROOT_FILE).read_bytes() == before
    assert sorted(path.name for path in directory.iterdir()) == ["root.json", "root.key"]


def test_a_key_file_that_others_may_read_is_refused(directory: Path) -> None:
    SoftwareRoot.create(directory, make_key_file(directory / "root.key"))
    (directory / "root.key").chmod(0o644)
    with pytest.raises(CustodyError, match="0600"):
        open_root("key-file", directory)


def test_a_key_file_has_32_bytes(directory: Path) -> None:
    SoftwareRoot.create(directory, os.urandom(32))
    for length in (0, 31, 33):
        write_private(directory / "root.key", os.urandom(length), replace=True)
        with pytest.raises(CustodyError):
            open_root("key-file", directory)


def test_what_is_not_there_is_said_to_be_missing(directory: Path) -> None:
    with pytest.raises(CustodyError):
        open_root("key-file", directory)
    with pytest.raises(ConfigError):
        open_root("passphrase", directory)
    with pytest.raises(ConfigError):
        open_root("abacus", directory)


def test_wrapping_binds_the_context(directory: Path) -> None:
    root = SoftwareRoot.create(directory, os.urandom(32))
    wrapped = root.wrap(b"key", b"context")
    assert root.wrap(b"key", b"context") != wrapped
    for other in (b"", b"contexu", b"context\0"):
        with pytest.raises(TamperError):
            root.unwrap(wrapped, other)
    for bit in range(len(wrapped) * 8):
        altered = bytearray(wrapped)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TamperError):
            root.unwrap(bytes(altered), b"context")
    for length in range(len(wrapped)):
        with pytest.raises(TamperError):
            root.unwrap(wrapped[:length], b"context")


def test_signatures_verify_and_others_do_not(directory: Path) -> None:
    root = SoftwareRoot.create(directory, os.urandom(32))
    signature = root.sign(b"data")
    assert root.verify(b"data", signature)
    assert not root.verify(b"date", signature)
    assert not root.verify(b"data", signature[:-1] + bytes((signature[-1] ^ 1,)))
    assert not root.verify(b"data", b"")
    root.seal()
    assert root.verify(b"data", signature)


def test_neither_key_nor_passphrase_is_shown_or_stored(directory: Path) -> None:
    root = SoftwareRoot.create(directory, PASSPHRASE, "passphrase", CHEAP)
    kept = (directory / ROOT_FILE).read_bytes()
    assert PASSPHRASE not in kept
    assert base64.b64encode(PASSPHRASE) not in kept
    assert repr(root) == f"<SoftwareRoot {root.name}>"
    with pytest.raises(CustodyError) as error:
        SoftwareRoot.open(directory, b"wrong " + PASSPHRASE)
    assert "horse" not in str(error.value)


def test_private_files_are_written_whole_or_not_at_all(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(directory / "file", b"old")

    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(CustodyError, match="No space"):
        write_private(directory / "file", b"new", replace=True)
    assert read_private(directory / "file", 10) == b"old"
    assert [path.name for path in directory.iterdir()] == ["file"]
    with pytest.raises(CustodyError):
        read_private(directory / "file", 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_whom_the_server_runs_as(directory: Path) -> None:
    make_directory(directory)
    os.chown(directory, 65_534, 65_534)
    SoftwareRoot.create(directory, bytes(32))
    write_private(directory / "within" / ROOT_FILE, b"new")
    SqliteKekStore(directory).close()
    Anchor(directory).write(Mark(1, 1, bytes(16), bytes(16)), lambda _: True)
    with exclusive(directory):
        pass
    open_store(f"sqlite:{directory / 'store' / 'keystead.db'}").close()
    made = sorted(directory.rglob("*"))
    assert len(made) >= 8
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(65_534, 65_534)}
    with writing(directory / "share") as file:  # what is for people stays theirs who made it
        file.write(b"secret")
    assert (directory / "share").stat().st_uid == 0


def edit(path: Path, change: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def test_the_store_of_keks_refuses_what_is_not_its_own(directory: Path) -> None:
    SqliteKekStore(directory).close()
    path = directory / KEK_FILE
    whole = path.read_bytes()
    for offset, error in ((60, CustodyError), (68, CustodyError), (0, TamperError), (100, TamperError)):
        path.write_bytes(whole)
        edit(path, lambda data, at=offset: data.__setitem__(at, data[at] ^ 0xFF))  # type: ignore[misc]
        with pytest.raises(error):
            SqliteKekStore(directory)
    path.write_bytes(whole)
    path.chmod(0o604)
    with pytest.raises(CustodyError, match="others"):
        SqliteKekStore(directory)


def test_a_hardened_process_leaves_no_core_and_cannot_be_dumped() -> None:
    script = (
        "import resource, os; from keystead.custody.memory import harden\n"
        "refused = harden()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), os.stat('/proc/self/mem').st_uid, len(refused))\n"
        "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    limits, dumpable = done.stdout.splitlines()
    assert limits.startswith("(0, 0) 0 ")
    assert dumpable == "0"
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0 or resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


@pytest.mark.parametrize("small", [True, False])
def test_m11_a_process_begins_anew_so_that_what_is_freed_is_overwritten(small: bool) -> None:
    script = f"""if True:
        import ctypes, os
        from keystead.custody.memory import overwrite_what_is_freed
        overwrite_what_is_freed(small={small})
        for size in (200, 5000):
            secret = os.urandom(size)
            part, place = secret[100:116], id(secret) + bytes.__basicsize__ - 1 + 100
            assert ctypes.string_at(place, 16) == part
            del secret
            print(ctypes.string_at(place, 16) == part)
    """
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.arena_max=4"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [str(not small), "False"]


def test_wiping_overwrites_in_place() -> None:
    secret = bytearray(b"secret")
    wipe(secret)
    assert secret == bytes(6)
    wipe(bytearray())
