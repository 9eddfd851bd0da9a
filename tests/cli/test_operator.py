"""The root of trust of a real server, under its operators' hands: sealing, new shares, new roots, moves."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.custody.keks import SqliteKekStore, context_of
from keystead.custody.shares import Custodians, words
from keystead.custody.software import SoftwareRoot
from keystead.errors import KeysteadError
from keystead.kmip.enums import ResultReason
from tests.cli.site import NAMES, Site, free_ports, site
from tests.hsm import PIN, SOFTHSM, Hsm, installed

SECRET = hashlib.sha256(b"a secret that clients keep").digest()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    """A server whose root is a key file, with one client."""
    with site(tmp_path / "data") as made:
        made.init()
        made.run("client", "enroll", "alice")
        yield made


@pytest.fixture
def shared(place: Site) -> Site:
    """The same, with a root that three of five custodians open."""
    place.operator("migrate", "--to", "shares", *place.share_options("sheets"))
    return place


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hsm:
    installed(SOFTHSM, "softhsm2-util")
    return Hsm.make(tmp_path / "hsm", SOFTHSM, monkeypatch.setenv)


def to_token(hsm: Hsm) -> list[object]:
    return ["--to", "pkcs11", "--module", hsm.module, "--token", hsm.label, "--pin-file", hsm.pin_file]


def keep_secret(place: Site) -> str:
    """Have the server keep a secret; its identifier."""
    with place.client() as client:
        return client.register_secret(SECRET)


def read_secret(place: Site, identifier: str) -> bytes:
    with place.client() as client:
        return bytes(client.get(identifier).material)


class Load:
    """Clients that never stop asking; each answer is right, or it is told."""

    def __init__(self, place: Site, clients: int = 3) -> None:
        self.place = place
        self.identifier = keep_secret(place)
        self.answered = 0
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        with self.place.client() as client:
            while not self._stop.is_set():
                try:
                    made = client.create("AES", 256, usage="Encrypt|Decrypt", activate=True)
                    assert bytes(client.get(self.identifier).material) == SECRET
                    assert len(client.get(made).material) == 32
                    self.answered += 3
                except Exception as error:  # noqa: BLE001 - whatever it is, a client was failed
                    self.failed.append(repr(error))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


# --- sealed -----------------------------------------------------------------------------------------------------------


def test_z12_a_sealed_server_answers_health_and_the_ceremony_and_nothing_else(shared: Site) -> None:
    place = shared
    place.serve("sealed")
    for method, path in [("GET", "/"), ("POST", "/kmip"), ("GET", "/metrics"), ("GET", "/api/v1/objects"),
                         ("DELETE", "/kmip"), ("PUT", "/x"), ("BREW", "/kmip"), ("GET", "/operator"),
                         ("GET", "/operator/unseal/"), ("GET", "/healthz/x"), ("OPTIONS", "/kmip")]:  # fmt: skip
        status, body = place.request(method, path, client="alice")
        assert status == 503, (method, path)
        assert body["detail"] == "the server is sealed"
    with pytest.raises(KeysteadError) as refused, place.client() as client:
        client.create("AES", 256)
    assert refused.value.reason is ResultReason.GENERAL_FAILURE  # type: ignore[attr-defined]
    assert "sealed" in str(refused.value)
    for body, expected in (({}, 400), ({"custodian": "Ada"}, 400), ([], 400), ({"custodian": 1, "share": 2}, 400),
                           ({"custodian": "Ada", "share": "x" * 9000}, 413),
                           ({"custodian": "Ada", "share": "wrong"}, 403)):  # fmt: skip
        assert place.request("POST", "/operator/unseal", body)[0] == expected
    assert place.request("PUT", "/operator/unseal", {})[0] == 503
    assert place.get("/operator/unseal") == (
        200, {"sealed": True, "progress": 0, "threshold": 3, "expires_seconds": 0},
    )  # fmt: skip
    assert place.run("status", status=69).startswith("health")
    assert "sealed" in place.run("client", "list", status=None)


def test_z10_z11_custodians_unseal_one_after_the_other_and_nobody_hinders_them(shared: Site) -> None:
    place = shared
    place.serve("sealed")
    shares = [words(sheet.read_text()) for sheet in place.sheets()]
    assert "1 of 3 shares are given, 2 more needed" in place.unseal("sheets", 0)[0]
    # Over HTTPS, without a client's certificate: the share is what lets its custodian do it.
    wrong: list[dict[str, str]] = [
        {"custodian": "Grace", "share": shares[2]}, {"custodian": "Eve", "share": shares[1]},
        {"custodian": "Ada", "share": shares[0]}, {"custodian": "Grace", "share": "acid " * 33},
    ]  # fmt: skip
    said = {json.dumps(place.request(method, "/operator/unseal", body))
            for body in wrong for method in ("POST", "DELETE")
            if not (method == "DELETE" and body["custodian"] == "Ada")}  # fmt: skip
    assert len(said) == 1
    assert said.pop().startswith("[403, ")
    assert place.status()["progress"] == 1
    assert place.request("POST", "/operator/unseal", {"custodian": "Joan", "share": shares[4]}) == (
        200, {"sealed": True, "progress": 2, "threshold": 3, "expires_seconds": pytest.approx(899, abs=60)},
    )  # fmt: skip
    # She may think better of it; nobody else may for her.
    withdrawn = place.operator("unseal", "--custodian", "Joan", "--share-file", place.sheets()[4], "--withdraw")
    assert "Joan took the share back: 1 of 3 shares are given" in withdrawn
    two = ("--share-file", place.sheets()[3], "--share-file", place.sheets()[1])
    assert "once for each" in place.operator("unseal", "--custodian", "Ida", *two, status=2)
    told = json.loads(place.operator("unseal", "--custodian", "Ida", "--share-file", place.sheets()[3], "--json"))
    assert (told["sealed"], told["progress"]) == (True, 2)
    last = place.operator(
        "unseal", "--custodian", "Grace", "--share-file", place.sheets()[1],
        "--server", f"127.0.0.1:{place.https}", "--ca", place.directory / "ca.pem",
    )  # fmt: skip
    assert "3 of 3 shares: the server is unsealed" in last
    place.await_health("ok")
    assert place.operator("unseal") == "The server is not sealed.\n"
    assert json.loads(place.operator("unseal", "--json")) == {"sealed": False}
    assert read_secret(place, keep_secret(place)) == SECRET
    events = place.run("audit", "tail", "--lines", 100)
    for line in ("Ada  127.0.0.1  Unseal  Success  1 of 3", "Joan  127.0.0.1  Withdraw Share  Success  1 of 3",
                 "Grace  127.0.0.1  Unseal  Success  3 of 3", "127.0.0.1  Unseal  Operation Failed"):  # fmt: skip
        assert line in events
    assert not any(word in events for word in shares[0].split()[6:9])


def test_shares_expire_with_the_process_and_not_with_a_refusal(shared: Site) -> None:
    place = shared
    place.serve("sealed")
    place.unseal("sheets", 0, 1)
    assert place.stop() == 0
    place.serve("sealed")
    assert place.status()["progress"] == 0
    place.unseal("sheets", 4, 2, 0)
    place.await_health("ok")


# --- memory -----------------------------------------------------------------------------------------------------------


def memscan() -> Any:
    shared = os.environ.get("KEYSTEAD_SHARED", "")
    file = Path(shared) / "faults" / "memscan.py"
    if not shared or not file.exists():
        pytest.skip("KEYSTEAD_SHARED does not name the folder with faults/memscan.py")
    spec = importlib.util.spec_from_file_location("memscan", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the memory of a process that is not dumpable")
def test_m11_no_key_is_in_the_memory_of_a_server_that_was_sealed(shared: Site) -> None:
    scanner, place = memscan(), shared
    place.serve("sealed")
    place.unseal()
    place.await_health("ok")
    identifier = keep_secret(place)
    for _ in range(20):
        assert read_secret(place, identifier) == SECRET
    custodians = Custodians.load(json.loads((place.custody / "root.json").read_text()))
    shares = [words(sheet.read_text()) for sheet in place.sheets()]
    opening = custodians.combine(dict(enumerate(shares[:3])))
    root = SoftwareRoot.open(place.custody, opening)
    secrets = {"opening": opening, "wrapping": bytes(root._key), "signing": root.signing_key(), "object": SECRET}
    with contextlib.closing(SqliteKekStore(place.custody)) as keks:
        for domain, kind, _ in keks.zones():
            for generation, wrapped in keks.generations(domain, kind):
                where = f"{domain} {kind} {generation}"
                secrets[where] = root.unwrap(wrapped, context_of(domain, kind, generation))
    secrets |= {f"share {number}": share.encode() for number, share in enumerate(shares[:3])}
    assert len(secrets) > 7
    needles = {what: scanner.needle(secret) for what, secret in secrets.items()}
    assert place.process is not None
    while_it_serves = scanner.scan(place.process.pid, list(needles.values()))
    assert while_it_serves[needles["wrapping"]] > 0  # else the scan would find nothing anywhere
    assert "no key is left in its memory" in place.operator("seal")
    place.await_health("sealed")
    after = scanner.scan(place.process.pid, list(needles.values()))
    assert {what: after[needle] for what, needle in needles.items()} == dict.fromkeys(needles, 0)
    place.unseal("sheets", 1, 3, 4)
    place.await_health("ok")
    assert read_secret(place, identifier) == SECRET


def test_m11_h12_a_server_leaves_no_core_and_no_pin_anywhere(place: Site, hsm: Hsm, tmp_path: Path) -> None:
    place.operator("migrate", *to_token(hsm))
    place.configure("server", 'log_level = "debug"')
    place.serve()
    identifier = keep_secret(place)
    assert place.process is not None
    process = Path("/proc") / str(place.process.pid)
    for file in ("cmdline", "environ"):
        assert PIN not in (process / file).read_bytes()
    limit = next(line for line in (process / "limits").read_text().splitlines() if line.startswith("Max core"))
    assert limit.split()[-3:-1] == ["0", "0"]
    assert read_secret(place, identifier) == SECRET
    place.stop()
    kept = [path for path in (*place.directory.rglob("*"), place.log) if path.is_file()]
    assert place.log in kept
    for path in kept:
        assert PIN not in path.read_bytes(), path


def test_z11_shares_that_are_right_are_not_blamed_for_a_damaged_root_nor_lost(shared: Site) -> None:
    root = shared.custody / "root.json"
    whole = root.read_text()
    head = json.loads(whole)
    root.write_text(json.dumps({**head, "sealed_key": head["sealed_key"][::-1]}))
    shared.serve("sealed")
    shared.unseal("sheets", 0, 1)
    share = words(shared.sheets()[2].read_text())
    status, told = shared.request("POST", "/operator/unseal", {"custodian": "Hedy", "share": share})
    assert (status, "does not open with them" in told["detail"]) == (503, True)
    assert "not accepted" not in told["detail"]
    assert shared.get("/operator/unseal")[1]["progress"] == 2
    events = shared.run("audit", "tail")
    assert "does not open with them" in events
    assert "Permission Denied" not in events
    root.write_text(whole)
    assert "unsealed and serves" in shared.unseal("sheets", 2)[0]
    assert read_secret(shared, keep_secret(shared)) == SECRET


# --- out of service ---------------------------------------------------------------------------------------------------


def test_s02_a_server_that_refuses_until_its_next_start_tells_whoever_spreads_the_load(place: Site) -> None:
    place.serve()
    identifier = keep_secret(place)
    database = place.directory / "store" / "keystead.db"
    copy = database.with_name("copy")
    copy.write_bytes(database.read_bytes())
    database.rename(database.with_name("away"))
    copy.chmod(0o600)
    copy.rename(database)
    place.await_health("out of service")
    status, told = place.get("/healthz")
    assert (status, told["status"]) == (503, "out of service")
    assert told["why"].startswith("the file keystead.db was replaced")
    facts = place.status()
    assert (facts["server"], facts["why"]) == (told["status"], told["why"])
    assert told["why"] in place.operator("status")
    assert told["why"] in place.run("status", status=69)
    place.stop()
    database.with_name("away").rename(database)
    place.serve()
    assert "why" not in place.status()
    assert read_secret(place, identifier) == SECRET


# --- seal and unseal of other kinds -----------------------------------------------------------------------------------


def test_any_server_can_be_sealed_and_let_go(place: Site) -> None:
    place.serve()
    identifier = keep_secret(place)
    assert "no key is left in its memory" in place.operator("seal")
    assert place.health() == "sealed"
    assert place.request("POST", "/operator/unseal", {"custodian": "Ada", "share": "x"})[0] == 409
    place.stop()
    place.serve("sealed")  # and stays so
    assert place.operator("unseal") == "The server is unsealed and serves.\n"
    assert read_secret(place, identifier) == SECRET
    place.stop()
    assert place.operator("seal") == "The server does not run; it will start sealed.\n"
    assert place.operator("unseal") == "The server does not run; it may open its root of trust when it starts.\n"
    assert place.operator("unseal") == "The server is not sealed.\n"
    place.serve()


def test_a_server_of_several_processes_is_sealed_as_a_whole(shared: Site) -> None:
    place = shared
    place.configure("server", "workers = 2")
    place.serve("sealed")
    place.unseal()
    place.await_health("ok")
    identifier = keep_secret(place)
    place.operator("seal")
    place.await_health("sealed")
    for _ in range(10):
        assert place.health() == "sealed"
    place.unseal()
    place.await_health("ok")
    assert read_secret(place, identifier) == SECRET


# --- new shares, new roots --------------------------------------------------------------------------------------------


def test_new_shares_while_the_server_runs_and_while_it_waits(shared: Site) -> None:
    place = shared
    place.serve("sealed")
    place.unseal()
    place.await_health("ok")
    identifier = keep_secret(place)
    too_few = place.operator("rekey", *place.given("sheets", 0, 1), *place.share_options("new", 4, 2), status=69)
    assert "2 of 3 shares: more are needed" in too_few
    said = place.operator("rekey", *place.given("sheets", 0, 1, 2), *place.share_options("new", 4, 2))
    assert "The root is opened by 2 of 4: Ada, Grace, Hedy, Ida." in said
    assert read_secret(place, identifier) == SECRET
    place.operator("seal")
    refused = place.operator("unseal", "--custodian", "Ada", "--share-file", place.sheets()[0], status=69)
    assert "the share is not accepted" in refused
    place.unseal("new", 3)
    # Others are given out while it waits: it forgets what it was given, and takes the new ones.
    place.operator("rekey", *place.given("new", 0, 1), *place.share_options("third"))
    for sheets in ("sheets", "new"):
        refused = place.operator("unseal", "--custodian", "Ada", "--share-file", place.sheets(sheets)[0], status=69)
        assert "not accepted" in refused or "was changed meanwhile" in refused
    place.await_health("sealed")
    while place.status().get("threshold") != 3 or not asks_for(place, 3):
        threading.Event().wait(0.1)
    place.unseal("third", 0, 1, 2)
    place.await_health("ok")
    assert read_secret(place, identifier) == SECRET
    assert place.status()["shares"] == 5


def asks_for(place: Site, threshold: int) -> bool:
    """Whether a sealed server waits for so many shares; one that begins anew is away for a moment."""
    try:
        return bool(place.get("/operator/unseal")[1]["threshold"] == threshold)
    except OSError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_root_is_rotated_under_load_and_no_client_is_failed(shared: Site, workers: int) -> None:
    place = shared
    place.configure("server", f"workers = {workers}")
    place.serve("sealed")
    place.unseal()
    place.await_health("ok")
    before = place.status()
    with Load(place) as load:
        said = place.operator("rotate", *place.given("sheets", 1, 2, 3), *place.share_options("new"))
        beforehand = load.answered
        while load.answered < beforehand + 30 and not load.failed:
            threading.Event().wait(0.05)
    assert not load.failed, (load.failed[:3], place.said()[-2000:])
    assert load.answered > 60
    assert "Every key is under the new root (shares)" in said
    assert "The old shares open nothing here any more" in said
    after = place.status()
    assert after["identifier"] != before["identifier"]
    assert after["public_key"] == before["public_key"]
    assert place.health() == "ok"
    place.operator("seal")
    refused = place.operator("unseal", "--custodian", "Ada", "--share-file", place.sheets()[0], status=69)
    assert "the share is not accepted" in refused
    place.unseal("new")
    place.await_health("ok")
    assert read_secret(place, load.identifier) == SECRET


def test_a_root_moves_to_a_token_and_back_under_load(place: Site, hsm: Hsm) -> None:
    place.serve()
    with Load(place) as load:
        said = place.operator("migrate", *to_token(hsm))
        assert "Every key is under the new root (pkcs11)" in said
        assert not (place.custody / "root.key").exists()
        facts = place.status()
        assert (facts["kind"], facts["token"], facts["key"], facts["mechanism"]) == (
            "pkcs11", hsm.label, "keystead", "AES-GCM",
        )  # fmt: skip
        said = place.operator("rotate")
        assert f"The old key is still in the token {hsm.label}" in said
        assert place.status()["key"] == "keystead-2"
        place.operator("migrate", "--to", "shares", *place.share_options("sheets"))
        assert place.status()["kind"] == "shares"
        place.operator("migrate", "--to", "key-file", *place.given("sheets", 0, 1, 2))
        assert place.status()["kind"] == "key-file"
    assert not load.failed, (load.failed[:3], place.said()[-2000:])
    assert load.answered > 60
    place.stop()
    place.serve()
    assert read_secret(place, load.identifier) == SECRET
    assert "passphrase_file" not in place.config.read_text()
    moved = place.run("audit", "tail", "--lines", 1_000_000)
    for line in (
        "Migrate Root  Success  key-file to pkcs11",
        "Rotate Root  Success  pkcs11 to pkcs11",
        "Migrate Root  Success  pkcs11 to shares, 3 of 5: Ada",
        "Migrate Root  Success  shares to key-file",
    ):
        assert line in moved


def test_a_root_moves_to_another_token(place: Site, hsm: Hsm) -> None:
    place.operator("migrate", *to_token(hsm))
    hsm.add_token("the other one")
    place.serve()
    with Load(place, 1) as load:
        place.operator("migrate", "--to", "pkcs11", "--token", "the other one", "--pin-file", hsm.pin_file)
    assert not load.failed, (load.failed[:3], place.said()[-2000:])
    assert place.status()["token"] == "the other one"
    place.stop()
    place.serve()
    assert read_secret(place, load.identifier) == SECRET
    assert "already: keystead operator rotate" in place.operator("migrate", "--to", "pkcs11", status=78)


def test_a_move_that_was_interrupted_is_finished_by_the_same_command(place: Site, tmp_path: Path) -> None:
    before = place.config.read_text()
    place.operator("migrate", "--to", "shares", *place.share_options("sheets"))
    place.config.write_text(before)  # as if it had been killed before it wrote that
    (place.custody / "root.key").write_bytes(b"k" * 32)
    said = place.run("serve", status=78)
    assert (
        "is of the kind shares; if it was moved there and not finished: keystead operator migrate --to shares" in said
    )
    said = place.operator("migrate", "--to", "shares")
    assert said == "The root of trust was moved already (shares); the configuration says so now.\n"
    assert not (place.custody / "root.key").exists()
    place.serve("sealed")
    place.unseal()
    place.await_health("ok")


def test_a_server_that_missed_the_change_opens_the_new_root_by_itself(place: Site, hsm: Hsm) -> None:
    """Stopped while the testament was there: it is no more when it goes on."""
    place.operator("migrate", *to_token(hsm))
    place.serve()
    identifier = keep_secret(place)
    assert place.process is not None
    place.process.send_signal(signal.SIGSTOP)
    try:
        place.operator("rotate")
    finally:
        place.process.send_signal(signal.SIGCONT)
    deadline = 200
    while deadline and ("has to be opened again" not in place.said() or place.health() != "ok"):
        threading.Event().wait(0.1)
        deadline -= 1
    assert read_secret(place, identifier) == SECRET
    assert "has to be opened again" in place.said()


# --- an HSM -----------------------------------------------------------------------------------------------------------


def test_a_new_server_with_its_root_in_a_token(tmp_path: Path, hsm: Hsm) -> None:
    with site(tmp_path / "data") as place:
        said = place.init("--module", hsm.module, "--token", hsm.label, "--pin-file", hsm.pin_file)
        assert "There is no root of trust yet: its key is made in the HSM." in said
        assert "no root of trust yet" in place.operator("status", status=69)
        checked = json.loads(place.operator("check-token", "--json"))
        assert checked["can"]
        assert checked["needs"]["wrap with it"] == ["AES-GCM", "AES key wrap", "AES key wrap by blocks"]
        assert "The token can hold the root." in place.operator("check-token")
        said = place.operator("init")
        assert f"The root of trust is made: pkcs11 {hsm.label}/keystead " in said
        place.run("client", "enroll", "alice")
        place.serve()
        assert read_secret(place, keep_secret(place)) == SECRET
        file, new = tmp_path / "b.keystead", tmp_path / "elsewhere"
        place.run("backup", "create", file)
        assert "is whole" in place.run("backup", "verify", "--deep", file)
        to_new = ("backup", "restore", file, "--dir", new)
        assert "--module" in place.run(*to_new, status=78, config=False)  # where nothing tells of an HSM
        said = place.run(*to_new, "--module", hsm.module, "--pin-file", hsm.pin_file, config=False)
        assert "Restored: 1 objects" in said


def test_h01_h03_a_server_starts_sealed_without_its_token_and_opens_it_when_it_is_there(
    place: Site, hsm: Hsm, tmp_path: Path
) -> None:
    place.operator("migrate", *to_token(hsm))
    place.serve()
    identifier = keep_secret(place)
    place.stop()
    hsm.tokens.rename(tmp_path / "away")
    hsm.tokens.mkdir()
    place.serve("sealed")
    assert '"level": "critical", "event": "the token is out of reach: sealed until it is there"' in place.said()
    assert place.operator("unseal") == "The server waits for its token; see its log.\n"
    assert place.request("POST", "/kmip", client="alice")[0] == 503
    hsm.tokens.rmdir()
    (tmp_path / "away").rename(hsm.tokens)
    place.await_health("ok")
    assert read_secret(place, identifier) == SECRET
    # Gone while it serves: an alarm, though nobody asks for anything.
    hsm.tokens.rename(tmp_path / "away")
    alarm = '"level": "critical", "event": "the token is out of reach", '
    deadline = 300
    while deadline and alarm not in place.said():
        threading.Event().wait(0.1)
        deadline -= 1
    assert alarm in place.said()
    assert read_secret(place, identifier) == SECRET  # what is open stays open
    place.await_health("degraded")
    told = place.status()
    assert (told["server"], told["why"]) == ("degraded", "the token is out of reach")
    assert "the token is out of reach" in place.run("status")
    (tmp_path / "away").rename(hsm.tokens)
    place.await_health("ok")


def test_h04_a_server_with_a_wrong_pin_waits_for_a_right_one(place: Site, hsm: Hsm) -> None:
    place.operator("migrate", *to_token(hsm))
    hsm.write_pin(b"wrong")
    for _ in range(3):
        place.serve("sealed")
        place.stop()
    place.serve("sealed")
    assert "the token refused the PIN of this file; it is not tried again until the file changes" in place.said()
    assert b"wrong" not in place.log.read_bytes()
    hsm.write_pin(PIN)
    place.await_health("ok")


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [("short", "at least 12"), ("a" * 40, "6 of them different"), ("", "at least 12"), ("\xff" * 20, "UTF-8")],
)
def test_a_passphrase_that_is_too_easily_guessed_is_refused(
    place: Site, tmp_path: Path, passphrase: str, said: str
) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(passphrase.encode("latin-1"))
    file.chmod(0o600)
    refused = place.operator("migrate", "--to", "passphrase", "--passphrase-file", file, status=78)
    assert said in refused
    assert not passphrase or passphrase not in refused
    assert place.status()["kind"] == "key-file"


def test_a_passphrase_is_changed(place: Site, tmp_path: Path) -> None:
    files = []
    for number, passphrase in enumerate(("correct horse battery staple", "troubadour and 3 more")):
        file = tmp_path / f"passphrase {number}"
        file.write_text(passphrase + "\n")
        file.chmod(0o600)
        files.append(file)
    place.operator("migrate", "--to", "passphrase", "--passphrase-file", files[0])
    place.serve()
    identifier = keep_secret(place)
    assert place.operator("rekey", "--passphrase-file", files[1]) == "The passphrase is changed.\n"
    assert str(files[1]) in place.config.read_text()
    assert read_secret(place, identifier) == SECRET
    place.operator("rotate", "--passphrase-file", files[0])
    place.stop()
    files[1].unlink()
    place.serve()
    assert read_secret(place, identifier) == SECRET
    files[0].chmod(0o644)
    place.stop()
    assert "0600" in place.run("serve", status=69)


def test_a_key_that_could_not_be_put_in_its_place_is_not_made(place: Site, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (place.custody / "root.key").rename(away / "root.key")
    place.configure("custody", f'key_file = "{away / "root.key"}"')
    before = sorted(path.name for path in place.custody.iterdir())
    with unwritable(away):
        said = place.operator("rotate", status=78)
    assert "cannot be written" in said
    assert sorted(path.name for path in place.custody.iterdir()) == before
    place.operator("rotate")


@contextlib.contextmanager
def unwritable(directory: Path) -> Iterator[None]:
    """Have a directory that nobody writes to, root neither."""
    if os.geteuid() != 0:
        directory.chmod(0o500)
        yield
        directory.chmod(0o700)
        return
    done = subprocess.run(["mount", "--bind", directory, directory], capture_output=True)
    if done.returncode:
        pytest.skip("this root may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", directory], check=True)
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def test_what_cannot_be_is_said(place: Site) -> None:
    assert "keystead operator rotate" in place.operator("rekey", status=78)
    assert "already: keystead operator rotate" in place.operator("migrate", "--to", "key-file", status=78)
    assert "of the kind key-file" in place.operator("init", *place.share_options("sheets"), status=78)
    assert "not opened by shares" in place.operator("acknowledge", "Ada", status=69)
    unused = free_ports(1)[0]
    away = place.operator("unseal", "--server", f"127.0.0.1:{unused}", "--ca", place.directory / "ca.pem", status=69)
    assert f"no server answers at 127.0.0.1:{unused}" in away
    assert "HOST:PORT" in place.operator("unseal", "--server", "nonsense", status=78)
    assert NAMES[0] not in place.operator("status")
