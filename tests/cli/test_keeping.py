"""keystead zone, backup and integrity: beside a server that runs, and without one."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KEYSTEAD_") and name != "KEYSTEAD_SHARED"]:
        monkeypatch.delenv(name)


def keystead(*words: object, status: int = 0, cwd: Path | None = None) -> str:
    command = [sys.executable, "-m", "keystead.cli.main", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def running(directory: Path, *command: object) -> Iterator[dict[str, object]]:
    """A server until the end of the block; its ready file, if it writes one."""
    ready = directory.parent / f"{directory.name}.ready"
    ready.unlink(missing_ok=True)
    words = command or ("dev", "--dir", directory, "--kmip-port", 0, "--https-port", 0, "--ready-file", ready)
    log = directory.parent / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "keystead.cli.main", *map(str, words)], stdout=output, stderr=output
        )
        try:
            until = time.monotonic() + 60
            while not (ready.exists() if not command else "listening" in log.read_text()):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, "the server is not ready"
                time.sleep(0.05)
            yield json.loads(ready.read_text()) if not command else {}
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()


def uid_of(output: str) -> str:
    found = re.search(r"Unique Identifier +'([^']+)'", output)
    assert found is not None, output
    return found[1]


def test_zones_are_rotated_and_a_backup_of_then_is_restored(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    config, profile = directory / "keystead.toml", directory / "alice.json"
    at = ("--config", config)
    with running(directory):
        made = [uid_of(keystead("call", "Create", "algorithm=AES", "length=256", "--profile", profile)) for _ in "abc"]
        material = json.loads(
            keystead("call", "Get", f"uid={made[0]}", "--json", "--show-secrets", "--profile", profile)
        )
        assert "newest keys" in keystead("zone", "rotate", *at)
        zones = json.loads(keystead("zone", "list", "--json", *at))
        assert {row["generation"] for row in zones if row["domain"] == "default"} == {2}
        assert "data-encryption" in keystead("zone", "list", *at)
        said = keystead("backup", "create", tmp_path, *at)
        assert "3 objects" in said
        (file,) = tmp_path.glob("*.keystead")
        assert "3 objects" in keystead("backup", "verify", file, *at)
        deep = json.loads(keystead("backup", "verify", "--deep", "--json", file, *at))
        assert (deep["opened"], deep["damaged"]) == (3, [])
        assert json.loads(keystead("backup", "list", tmp_path, "--json"))[0]["objects"] == 3
        assert "stop it first" in keystead("backup", "restore", file, "--yes", *at, status=78)
        keystead("call", "Destroy", f"uid={made[1]}", "--profile", profile)
        keystead("call", "Create", "algorithm=AES", "length=256", "--profile", profile)
        assert "as they were left" in keystead("integrity", "check", *at)
    said = keystead("backup", "restore", file, "--yes", *at)
    assert "1 made since are gone" in said
    assert "1 destroyed since stay destroyed" in said
    assert "as they were left" in keystead("integrity", "check", *at)
    events = [json.loads(line) for line in keystead("audit", "tail", "--json", *at).splitlines()]
    assert any(event["operation"] == "Restore Backup" for event in events)

    new = tmp_path / "new"
    assert "--key-file" in keystead("backup", "restore", file, "--dir", new, status=78)
    assert not new.exists()
    keystead("backup", "restore", file, "--dir", new, "--key-file", directory / "custody" / "root.key")
    assert "not empty" in keystead("backup", "restore", file, "--dir", new, status=78)
    with running(new, "serve", "--config", new / "keystead.toml"):
        fetched = keystead("call", "Get", f"uid={made[0]}", "--json", "--show-secrets", "--profile", profile)
        assert json.loads(fetched) == material
        assert "destroyed" not in keystead("call", "Get", f"uid={made[1]}", "--profile", profile)


def test_a_domain_is_shredded(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    at = ("--config", directory / "keystead.toml")
    profile = directory / "alice.json"
    with running(directory):
        uid = uid_of(keystead("call", "Create", "algorithm=AES", "length=256", "--profile", profile))
        assert "for ever?" in keystead("zone", "shred", *at, status=130)
        assert "destroyed" in keystead("zone", "shred", "--yes", *at)
        assert "Object Destroyed" in keystead("call", "Get", f"uid={uid}", "--profile", profile, status=4)
        assert "no such zone" in keystead("zone", "rotate", "--domain", "nowhere", *at, status=1)


def test_without_a_server_it_is_done_here(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    at = ("--config", directory / "keystead.toml")
    with running(directory):
        keystead("call", "Create", "algorithm=AES", "length=256", "--profile", directory / "alice.json")
    assert "newest keys" in keystead("zone", "rotate", "--all-domains", *at)
    rows = json.loads(keystead("zone", "list", "--json", *at))
    assert {row["generation"] for row in rows} == {2}
    said = keystead("backup", "create", "k.keystead", "--class", "keys", "--rate", "5M", *at, cwd=tmp_path)
    assert "keys; 1 objects" in said
    assert "is there already" in keystead("backup", "create", "k.keystead", *at, cwd=tmp_path, status=69)
    assert "bytes a second" in keystead("backup", "create", "--rate", "fast", *at, cwd=tmp_path, status=2)


def objects_of(directory: Path) -> int:
    database = sqlite3.connect(directory / "store" / "keystead.db")
    try:
        found: int = database.execute("SELECT count(*) FROM objects").fetchone()[0]
        return found
    finally:
        database.close()


def create(directory: Path) -> str:
    return uid_of(keystead("call", "Create", "algorithm=AES", "length=256", "--profile", directory / "alice.json"))


def test_a_rehearsal_leaves_the_server_alone_whose_configuration_is_in_the_backup(tmp_path: Path) -> None:
    directory, new = tmp_path / "d", tmp_path / "new"
    config = directory / "keystead.toml"
    with running(directory):
        create(directory)
    text = config.read_text()
    for store in (directory / "store", Path("../d/store")):
        config.write_text(text.replace("sqlite:store/", f"sqlite:{store}/"))
        file = tmp_path / f"{len(store.parts)}.keystead"
        keystead("backup", "create", file, "--config", config)
        with running(directory, "serve", "--config", config):
            uid, many = create(directory), objects_of(directory)
            key = ("--key-file", directory / "custody" / "root.key")
            said = keystead("backup", "restore", file, "--dir", new, *key, status=78)
            assert "[store] url" in said
            assert "keystead init" in said
            assert objects_of(directory) == many
            keystead("call", "Get", f"uid={uid}", "--profile", directory / "alice.json")
        assert not new.exists()
        (tmp_path / "log").unlink()
    config.write_text(text)
    other = tmp_path / "other"
    keystead("init", "--dir", other, "--yes")  # as it says
    said = keystead("backup", "restore", file, "--yes", *key, "--config", other / "keystead.toml")
    assert "Restored: 2 objects" in said


def test_each_class_is_backed_up_and_restored_by_itself(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    at = ("--config", directory / "keystead.toml")
    with running(directory):
        create(directory)
        for name in ("ca", "configuration"):
            keystead("backup", "create", tmp_path / f"{name}.keystead", "--class", name, *at)
    file, ca = tmp_path / "ca.keystead", directory / "ca.pem"
    for name in ("ca", "configuration"):
        assert "is whole" in keystead("backup", "verify", "--deep", tmp_path / f"{name}.keystead", *at)
    before = ca.read_bytes()
    ca.write_bytes(b"another")
    said = keystead("backup", "restore", file, "--class", "ca", "--class", "keys", "--yes", *at, status=78)
    assert "there is no keys in this backup" in said
    content = file.read_bytes()
    for bad in (content[:-1], content + b"x", content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]):
        file.write_bytes(bad)
        keystead("backup", "restore", file, "--class", "ca", "--yes", *at, status=76)
        assert ca.read_bytes() == b"another"  # B01: nothing is written before all is known to be whole
    file.write_bytes(content)
    assert "Restored: ca as of" in keystead("backup", "restore", file, "--class", "ca", "--yes", *at)
    assert ca.read_bytes() == before
    events = [json.loads(line) for line in keystead("audit", "tail", "--json", *at).splitlines()]
    assert any(each["operation"] == "Restore Backup" and "ca as of" in each["message"] for each in events)


def test_where_a_new_installation_may_be(tmp_path: Path) -> None:
    directory, empty = tmp_path / "d", tmp_path / "empty"
    with running(directory):
        create(directory)
        file = tmp_path / "b.keystead"
        keystead("backup", "create", file, "--config", directory / "keystead.toml")
    key = ("--key-file", directory / "custody" / "root.key")
    empty.mkdir()
    if os.geteuid() == 0:
        os.chown(empty, 65_534, 65_534)  # as whom a server will run
    (tmp_path / "link").symlink_to(empty)
    (tmp_path / "file").write_bytes(b"")
    assert "not empty" in keystead("backup", "restore", file, "--dir", tmp_path / "file", *key, status=78)
    assert "Restored: 1 objects" in keystead("backup", "restore", file, "--dir", tmp_path / "link", *key)
    assert objects_of(empty) == 1
    assert len({path.stat().st_uid for path in (tmp_path / "empty").rglob("*")} | {empty.stat().st_uid}) == 1
    assert empty.stat().st_uid == (65_534 if os.geteuid() == 0 else os.geteuid())
    assert (empty / "custody" / "root.key").stat().st_mode & 0o777 == 0o600
    here = tmp_path / "here"
    here.mkdir()
    assert "Restored: 1 objects" in keystead("backup", "restore", file, "--dir", ".", *key, cwd=here)
    assert objects_of(here) == 1
    assert not [each for each in tmp_path.iterdir() if "restoring" in each.name]


def test_a_damaged_database_is_moved_away_and_restored(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    at = ("--config", directory / "keystead.toml")
    file, store = tmp_path / "b.keystead", directory / "store"
    with running(directory):
        create(directory)
        keystead("backup", "create", file, *at)
    with (store / "keystead.db").open("r+b") as database:
        database.write(os.urandom(4096))
    assert f"move {store / 'keystead.db'} away" in keystead("backup", "restore", file, "--yes", *at, status=76)
    store.rename(directory / "damaged")
    assert "Restored: 1 objects" in keystead("backup", "restore", file, "--yes", *at)
    assert "as they were left" in keystead("integrity", "check", *at)


def test_a_root_that_was_lost_is_put_back_and_no_other_is_made(tmp_path: Path) -> None:
    directory, file = tmp_path / "d", tmp_path / "b.keystead"
    custody = directory / "custody"
    at = ("--config", directory / "keystead.toml")
    with running(directory):
        create(directory)
        keystead("backup", "create", file, *at)
    key = (custody / "root.key").read_bytes()
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "key").chmod(0o600)
    (custody / "root.json").unlink()
    for command in (("status",), ("init", "--shares", "3", "--threshold", "2"), ("rotate",)):
        assert "root.json is lost" in keystead("operator", *command, *at, status=69)
    other = tmp_path / "other"
    keystead("init", "--dir", other, "--yes")
    foreign = ("--config", other / "keystead.toml")
    keystead("backup", "create", tmp_path / "other.keystead", *foreign)
    said = keystead(
        "backup",
        "restore",
        tmp_path / "other.keystead",
        "--yes",
        *at,
        "--key-file",
        other / "custody/root.key",
        status=69,
    )
    assert "another root of trust" in said
    assert not (custody / "root.json").exists()
    assert "root.json was lost" in keystead("backup", "restore", file, "--yes", *at)
    assert "as they were left" in keystead("integrity", "check", *at)
    custody.rename(tmp_path / "lost")
    said = keystead("backup", "restore", file, "--yes", *at, "--key-file", tmp_path / "key")
    assert "root.json was lost" in said
    assert "Restored: 1 objects" in said
    (custody / "root.key").write_bytes(key)
    (custody / "root.key").chmod(0o600)
    assert "as they were left" in keystead("integrity", "check", *at)


def test_a_passphrase_that_was_changed_since_opens_a_backup_of_before(tmp_path: Path) -> None:
    directory, file = tmp_path / "d", tmp_path / "b.keystead"
    for name in ("old", "new"):
        (tmp_path / name).write_text(f"the {name} passphrase of it")
        (tmp_path / name).chmod(0o600)
    keystead("init", "--dir", directory, "--yes", "--passphrase-file", tmp_path / "old")
    at = ("--config", directory / "keystead.toml")
    keystead("backup", "create", file, *at)
    keystead("operator", "rekey", "--passphrase-file", tmp_path / "new", *at)
    assert "is whole" in keystead("backup", "verify", "--deep", file, *at)
    assert "Restored" in keystead("backup", "restore", file, "--yes", *at)
    old = ("--passphrase-file", tmp_path / "old")
    assert "is whole" in keystead("backup", "verify", file, *old, cwd=tmp_path)  # elsewhere, as it was then


def test_a_database_that_somebody_wrote_to_is_told_and_accepted(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    at = ("--config", directory / "keystead.toml")
    with running(directory):
        for _ in "ab":
            keystead("call", "Create", "algorithm=AES", "length=256", "--profile", directory / "alice.json")
    database = sqlite3.connect(directory / "store" / "keystead.db")
    database.execute("DELETE FROM objects WHERE object = (SELECT min(object) FROM objects)")
    database.commit()
    database.close()
    said = keystead("integrity", "check", *at, status=1)
    assert "do not add up" in said
    assert "quarantine" in said
    assert "taken as they are" in keystead("integrity", "accept", "--yes", *at)
    assert "as they were left" in keystead("integrity", "check", *at)
