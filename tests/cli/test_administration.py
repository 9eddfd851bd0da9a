"""The commands of operators against real servers: over the socket, without a server, and with a root of shares."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.cli.main import main
from keystead.client import Client, Settings
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason

from .running import KEYSTEAD, complaints, dev, run

PASSWORD = "correct horse battery staple"
R = ResultReason


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run_here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), out.getvalue(), err.getvalue())


class Operators:
    """Somebody at a terminal beside a server."""

    def __init__(self, config: Path, secret: Path, run: Run = run) -> None:
        self.config = config
        self.run = run
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        self.secret = secret

    def __call__(self, *arguments: object, status: int = 0) -> str:
        done = self.run(*arguments, "--config", self.config)
        assert done.returncode == status, done
        assert PASSWORD not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if status == 0 else done.stderr

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def connect(server: Any, name: str) -> Client:
    return Client(settings=Settings.load(server.facts["clients"][name]["profile"], {}))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- each command, with a server and without --------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False], ids=["over the socket", "without a server"])
def test_a05_a10_each_command(tmp_path: Path, secret: Path, running: bool) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        with connect(server, "alice") as alice:
            uid = alice.create("AES", 256, name="first")
        if not running:
            server.end()
        # All commands in one process, which is quicker; not in this one, for a command hardens its process.
        command = [sys.executable, "-W", "error", "-m", "tests.cli.test_administration"]
        talk = [*command, server.facts["config"], str(secret), uid]
        done = subprocess.run(talk, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        if running:
            assert not complaints(server.end()[2])
        lines = run("audit", "tail", "--lines", 1000, "--config", server.facts["config"]).stdout
    kept = b"".join(path.read_bytes() for path in (tmp_path / "ks").rglob("*") if path.is_file())
    assert PASSWORD.encode() not in kept
    assert PASSWORD not in lines
    told = re.findall(r"  operator \w+  (.*?)  ", lines)
    assert told == [
        *["Enroll Client"] * 4, "Add User", "Add User", "Add Device", "Set One Time Password",
        "Set One Time Password", "Set Password", "Disable User", "Enable User", "Add Group", "Join Group",
        "Leave Group", "Grant", "Grant", "Grant", "Revoke Grant", "Revoke Grant", "Trust Wrapping Key",
        "Distrust Wrapping Key", "Trust Wrapping Key", "Require Attestation", "Waive Attestation", "Disable Client",
        "Enable Client", "Disable Client", "Remove Client", "Remove Client", "Remove User", "Remove Group",
    ]  # fmt: skip
    assert lines.count("Operation Failed") == 8


def conversation(operators: Operators, uid: str) -> None:
    """Everything that there is a command for, once right, and wrong where something can be wrong."""
    # Clients.
    assert "carol is enrolled" in operators("client", "enroll", "carol", "--group", "night")
    assert "nothing is overwritten" in operators("client", "enroll", "carol", status=78)
    bobs = Path(operators.config).parent / "clients" / "bob.pem"
    assert "enrolled already" in operators("client", "enroll", "dan", "--certificate", bobs, status=1)
    for _ in range(2):  # what was refused leaves nothing behind, so that it is refused in the same words again
        assert "a group's name" in operators("client", "enroll", "dan", "--group", "", status=1)
    rows = {row["name"]: row for row in operators.json("client", "list")}
    assert sorted(rows) == ["alice", "bob", "carol"]
    assert rows["carol"]["groups"] == ["night"]
    assert "carol" in operators("client", "list")
    # Users and devices.
    how = ("--password-file", operators.secret)
    operators("user", "add", "fred", "--group", "night", *how)
    assert "already" in operators("user", "add", "fred", *how, status=1)
    assert "at a terminal" in operators("user", "add", "wilma", status=78)
    assert "at least one identifier" in operators("user", "add-device", *how, status=2)
    made = operators("user", "add-device", "--serial-number", "SN-4711", "--media-id", "LTO-0042", *how)
    (device,) = re.findall(r"[0-9a-f]{32}", made)
    seed = re.search(r"otpauth://totp/keystead:fred\?secret=([A-Z2-7]{32})&", operators("user", "one-time", "fred"))
    assert seed is not None
    (fred,) = (row for row in operators.json("user", "list") if row["name"] == "fred")
    assert (fred["shows"], fred["groups"], fred["disabled"]) == (["one-time", "password"], ["night"], False)
    assert seed[1] not in operators("user", "list")
    operators("user", "one-time", "fred", "--off")
    operators("user", "passwd", "fred", "--hashed", *how)
    operators("user", "disable", device)
    assert {row["name"]: row["disabled"] for row in operators.json("user", "list")} == {"fred": False, "SN-4711": True}
    operators("user", "enable", device)
    # Groups.
    operators("group", "add", "day")
    operators("group", "add-member", "day", "alice")
    found = {row["name"]: row["members"] for row in operators.json("group", "list")}
    assert found == {"administrators": [], "day": ["alice"], "night": ["carol", "fred"]}
    operators("group", "remove-member", "day", "alice")
    assert "carol, fred" in operators("group", "list")
    # Grants.
    grant = ("grant", "add", "--owner", "alice", "--to")
    assert "--operation" in operators(*grant, "night", status=2)
    operators(*grant, "night", "--object", uid, "--operation", "Get", "--operation", "get-attributes")
    operators(*grant, "bob", "--all-operations")
    assert "no Operation" in operators(*grant, "bob", "--operation", "Fly", status=1)
    assert "no client, user or group" in operators(*grant, "nobody", "--all-operations", status=1)
    of_night = {
        "owner": "alice",
        "grantee": "night",
        "unique_identifier": uid,
        "operations": ["Get", "Get Attributes"],
    }
    assert operators.json("grant", "list", "--to", "night") == [of_night]
    assert len(operators.json("grant", "list", "--owner", "alice")) == 2
    assert uid in operators("grant", "list")
    take = ("grant", "remove", "--owner", "alice", "--to")
    operators(*take, "night", "--object", uid)
    assert "no such grant" in operators(*take, "night", status=1)
    # Keys that wrap Sensitive ones.
    operators("wrapping-key", "trust", uid)
    operators("wrapping-key", "distrust", uid)
    assert "no such object" in operators("wrapping-key", "trust", "nothing", status=1)
    # Attestation.
    key = operators.secret.with_suffix(".pem")
    public = x509.load_pem_x509_certificate(Path(bobs).read_bytes()).public_key()
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    operators("client", "attest", "carol", "--public-key", key, "--registers", "00" * 32)
    assert [row["name"] for row in operators.json("client", "list") if row["attests"]] == ["carol"]
    operators("client", "attest", "carol", "--waive")
    # Locked out, and gone.
    operators("client", "disable", "carol")
    assert [row["name"] for row in operators.json("client", "list") if row["disabled"]] == ["carol"]
    operators("client", "enable", "carol")
    operators("client", "disable", "carol")
    operators("client", "remove", "carol")
    assert "owns objects" in operators("client", "remove", "alice", status=1)
    operators("user", "remove", "fred")
    operators("group", "remove", "night")
    assert [row["name"] for row in operators.json("group", "list")] == ["administrators", "day"]
    assert operators.json("grant", "list") == [
        {"owner": "alice", "grantee": "bob", "unique_identifier": "*", "operations": []}
    ]


# --- a root of shares -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(config: Path) -> Iterator[subprocess.Popen[str]]:
    """`keystead serve`, once its socket is there."""
    log = config.parent / "log"
    with log.open("w") as out:
        process = subprocess.Popen([*KEYSTEAD, "serve", "--config", str(config)], stderr=out, text=True)
    try:
        until(lambda: (config.parent / "custody" / "admin.sock").exists() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def test_a_server_whose_root_is_shared_is_administered_like_any_other(tmp_path: Path, secret: Path) -> None:
    folder = tmp_path / "ks"
    ports = ("--kmip-port", free_port(), "--https-port", free_port())
    assert run("init", "--dir", folder, "--yes", *ports).returncode == 0
    config = folder / "keystead.toml"
    config.write_text(config.read_text().replace("[custody]\n", '[custody]\nswap = "allowed"\n'))  # this machine may
    operators = Operators(config, secret)
    people = [part for name in ("Ada", "Grace", "Hedy") for part in ("--custodian", name)]
    shares = tmp_path / "shares"
    split = ("--shares", 3, "--threshold", 2, *people, "--share-dir", shares)
    operators("operator", "migrate", "--to", "shares", *split)
    for command in (("client", "list"), ("user", "list"), ("client", "enroll", "early")):
        assert "keystead operator unseal" in operators(*command, status=69)
    assert "not running" in run("status", "--config", operators.config).stdout
    with serving(operators.config) as process:
        assert "the server is sealed: keystead operator unseal" in operators("client", "list", status=69)
        sealed = json.loads(run("status", "--json", "--config", operators.config).stdout)
        assert (sealed["health"], sealed["sealed"], sealed["root"]) == ("sealed", True, "shares")
        for number, name in ((1, "Ada"), (2, "Grace")):
            operators("operator", "unseal", "--custodian", name, "--share-file", shares / f"share-{number}.txt")
        until(lambda: run("status", "--config", operators.config).returncode == 0)
        operators("client", "enroll", "backup")
        operators("user", "add", "fred", "--password-file", secret)
        assert [row["name"] for row in operators.json("client", "list")] == ["backup"]
        told = operators.json("status")
        assert (told["health"], told["clients"], told["objects"], told["quarantine"]) == ("ok", 1, 0, 0)
        assert "Enroll Client" in operators("audit", "tail")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not (folder / "custody" / "admin.sock").exists()
    assert "keystead operator unseal" in operators("client", "list", status=69)
    # What needs no key is told without one.
    assert "Enroll Client" in operators("audit", "tail")
    stopped = json.loads(run("status", "--json", "--config", operators.config).stdout)
    assert (stopped["health"], stopped["root"], stopped["clients"]) == ("not running", "shares", 1)


def test_a_server_that_was_sealed_by_hand_is_not_opened_beside_it(tmp_path: Path, secret: Path) -> None:
    assert run("init", "--dir", tmp_path / "ks", "--yes").returncode == 0
    operators = Operators(tmp_path / "ks" / "keystead.toml", secret)
    assert operators.json("client", "list") == []
    operators("operator", "seal")
    assert "the server is sealed" in operators("client", "list", status=69)
    operators("operator", "unseal")
    assert operators.json("client", "list") == []


# --- several workers --------------------------------------------------------------------------------------------------


def test_r05_another_worker_takes_over_when_one_is_killed(tmp_path: Path, secret: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--workers", 2) as server:
        operators = Operators(server.facts["config"], secret)
        lock = (tmp_path / "ks" / "custody" / "admin.lock").stat().st_ino

        def holder() -> int:
            held = re.findall(rf"FLOCK +ADVISORY +WRITE (\d+) \S+:{lock} ", Path("/proc/locks").read_text())
            return int(held[0]) if held else 0

        for _ in range(3):
            first = holder()
            assert first not in (0, server.process.pid)
            os.kill(first, signal.SIGKILL)
            assert sorted(row["name"] for row in operators.json("client", "list")) == ["alice", "bob"]
            until(lambda first=first: holder() not in (0, first))  # type: ignore[misc]
        assert server.end()[0] == 0


def test_z03_what_one_worker_did_the_others_know_at_once(tmp_path: Path, secret: Path) -> None:
    with (
        dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--workers", 2) as server,
        contextlib.ExitStack() as all_,
    ):
        operators = Operators(server.facts["config"], secret)
        alice = all_.enter_context(connect(server, "alice"))
        uid = alice.create("AES", 256)
        # So many that both workers have some.
        bobs = [all_.enter_context(connect(server, "bob")) for _ in range(12)]

        def answers() -> set[ResultReason | None]:
            found: set[Any] = set()
            for bob in bobs:
                try:
                    found.add(bob.get(uid) and None)
                except OperationFailed as error:
                    found.add(error.reason)
            return found

        assert answers() == {R.OBJECT_NOT_FOUND}
        operators("grant", "add", "--owner", "alice", "--to", "bob", "--operation", "Get")
        assert answers() == {None}
        operators("grant", "remove", "--owner", "alice", "--to", "bob")
        assert answers() == {R.OBJECT_NOT_FOUND}
        operators("client", "enroll", "carol")
        for _ in range(8):
            carol = tmp_path / "ks" / "clients" / "carol"
            files = {"cert": str(carol.with_suffix(".pem")), "key": str(carol.with_suffix(".key"))}
            server.facts["clients"]["carol"] = files
            assert server.discover("carol")
        until(lambda: operators.json("status")["answered"] >= 36)


if __name__ == "__main__":
    conversation(Operators(Path(sys.argv[1]), Path(sys.argv[2]), run_here), sys.argv[3])
