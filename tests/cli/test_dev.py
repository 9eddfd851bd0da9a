"""keystead dev, init, serve, client, status and audit, as processes: the real engine, store and sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from .running import KEYSTEAD, SUCCEEDED, complaints, dev, run


def test_a_throw_away_server_is_ready_for_two_clients_and_leaves_nothing(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json") as server:
        facts = server.facts
        assert facts["pid"] == server.process.pid
        assert set(facts["ports"]) == {"kmip", "https"}
        assert set(facts["clients"]) == {"alice", "bob"}
        directory = Path(facts["directory"])
        assert Path(facts["ca"]) == directory / "ca.pem"
        for name, files in facts["clients"].items():
            assert (Path(files["cert"]), Path(files["key"])) == (
                directory / "clients" / f"{name}.pem",
                directory / "clients" / f"{name}.key",
            )
            assert stat.S_IMODE(Path(files["key"]).stat().st_mode) == 0o600
            assert "BEGIN PRIVATE KEY" in Path(files["key"]).read_text()
            assert SUCCEEDED in server.discover(name)
        assert SUCCEEDED in server.discover(host="127.0.0.1")
        connection = http.client.HTTPSConnection("localhost", facts["ports"]["https"], context=server.context(None))
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            assert json.loads(connection.getresponse().read()) == {"status": "ok"}
        status, out, err = server.end()
        assert status == 0
        assert not complaints(err)
        assert f"localhost:{facts['ports']['kmip']}" in out
        assert re.search(r"call Create algorithm=AES length=256 .*\\\n +--profile .*alice\.json", out)
        assert "openssl s_client" in out
        assert not directory.exists()


def test_the_call_that_it_prints_works(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        profile = server.facts["clients"]["alice"]["profile"]
        made = run(
            "call", "Create", "algorithm=AES", "length=256", "name=first", "usage=Encrypt,Decrypt", "--profile", profile
        )
        assert made.returncode == 0, made.stderr
        found = run("call", "Locate", "name=first", "--profile", profile)
        assert found.returncode == 0, found.stderr
        tail = run("audit", "tail", "--json", "--config", server.facts["config"])
        events = [json.loads(line) for line in tail.stdout.splitlines()]
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        assert {"Enroll Client", "Create", "Locate"} <= {event["operation"] for event in events}
        last = run("audit", "tail", "--lines", "2", "--json", "--config", server.facts["config"])
        assert [json.loads(line) for line in last.stdout.splitlines()] == events[-2:]
        assert server.end()[0] == 0


@pytest.mark.parametrize(
    "program",
    [[sys.executable, "-m", "keystead"], [str(Path(sys.executable).with_name("keystead"))]],
    ids=["module", "script"],
)
def test_the_call_that_it_prints_can_be_pasted(tmp_path: Path, program: list[str]) -> None:
    folder, ready = tmp_path / "a folder", tmp_path / "ready.json"
    given = ["--dir", folder, "--kmip-port", "0", "--https-port", "0", "--ready-file", ready]
    bare = {"PATH": "/usr/bin:/bin"}  # no virtual environment is active
    process = subprocess.Popen([*program, "dev", *given], env=bare, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        printed = ""
        while "openssl" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        pasted = re.search(r"^  (.* call Create (?:.*\\\n)*.*)$", printed, re.MULTILINE)
        assert pasted is not None, printed
        done = subprocess.run(["/bin/sh", "-c", pasted[1]], env=bare, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert "Unique Identifier" in done.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


def test_clients_status_and_health_of_a_running_server(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--client", "app") as server:
        config = server.facts["config"]
        assert set(server.facts["clients"]) == {"app"}
        enrolled = run("client", "enroll", "late", "--config", config, "--group", "night")
        assert enrolled.returncode == 0, enrolled.stderr
        late = {
            name: str(tmp_path / "ks" / "clients" / f"late.{end}") for name, end in (("cert", "pem"), ("key", "key"))
        }
        server.facts["clients"]["late"] = late
        assert SUCCEEDED in server.discover("late")  # without a restart
        again = run("client", "enroll", "late", "--config", config)
        assert again.returncode == 78
        assert "nothing is overwritten" in again.stderr
        listed = json.loads(run("client", "list", "--json", "--config", config).stdout)
        assert {(row["name"], tuple(row["groups"])) for row in listed} == {("app", ()), ("late", ("night",))}
        shown = run("client", "list", "--config", config).stdout
        assert "late" in shown
        assert "night" in shown
        status = run("status", "--config", config, "--json")
        assert status.returncode == 0, status.stderr
        assert json.loads(status.stdout)["health"] == "ok"
        assert server.end()[0] == 0
        stopped = run("status", "--config", config)
        assert stopped.returncode == 69
        assert "not running" in stopped.stdout


def test_a_certificate_issued_elsewhere_is_bound_if_it_is_a_clients(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        config, folder = server.facts["config"], tmp_path / "ks"
        taken = run("client", "enroll", "again", "--config", config, "--certificate", folder / "clients" / "bob.pem")
        assert taken.returncode == 1  # bob's it is, and stays
        wrong = run("client", "enroll", "srv", "--config", config, "--certificate", folder / "server.pem")
        assert wrong.returncode == 78
        assert "not a certificate for a client" in wrong.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path, workers: int) -> None:
    arguments: Sequence[object] = ("--dir", tmp_path / "ks", "--workers", workers)
    with dev(tmp_path / "ready.json", *arguments) as server:
        ca, profile = Path(server.facts["ca"]).read_bytes(), server.facts["clients"]["alice"]["profile"]
        made = run("call", "Create", "algorithm=AES", "length=128", "name=kept", "--profile", profile, "--json")
        assert made.returncode == 0, made.stderr
        server.end(signal.SIGKILL)
    with dev(tmp_path / "ready.json", *arguments) as server:
        assert Path(server.facts["ca"]).read_bytes() == ca
        found = run("call", "Locate", "name=kept", "--profile", profile, "--json")
        (identifier,) = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", made.stdout))
        assert identifier in found.stdout
        assert server.end()[0] == 0


def test_several_workers_answer_one_is_replaced_and_all_stop(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--workers", 2) as server:

        def workers() -> list[int]:
            path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
            return [int(pid) for pid in path.read_text().split()]

        first = workers()
        assert len(first) == 2
        for _ in range(8):
            assert SUCCEEDED in server.discover()
        os.kill(first[0], signal.SIGKILL)
        deadline = time.monotonic() + 10
        while len(workers()) < 2 or first[0] in workers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(8):
            assert SUCCEEDED in server.discover()  # connections of the dead one's queue wait for the new one
        now = workers()
        assert server.end()[0] == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in now)


def test_workers_do_not_outlive_the_one_that_watches_over_them(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--workers", 2) as server:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 10
        while any(_alive(pid) for pid in children):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for workers in (1, 2):
            done = run(
                "dev",
                "--dir",
                tmp_path / "ks",
                "--kmip-port",
                taken.getsockname()[1],
                "--https-port",
                0,
                "--workers",
                workers,
            )
            assert done.returncode == 78
            assert re.search(r"\[server\] kmip_port: cannot listen on .*: Address already in use", done.stderr)
            assert "Traceback" not in done.stderr


def test_init_makes_a_server_that_starts_and_stops(tmp_path: Path) -> None:
    folder, secret = tmp_path / "ks", tmp_path / "secret"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    made = run("init", "--dir", folder, "--host", "kms.example.org", "--passphrase-file", secret, "--domain", "prod")
    assert made.returncode == 0, made.stderr
    assert f"keystead serve --config {folder}/keystead.toml" in made.stdout
    again = run("init", "--dir", folder, "--yes")
    assert again.returncode == 78
    assert "never changes a server" in again.stderr
    config = folder / "keystead.toml"
    text = config.read_text()
    text = text.replace("[custody]\n", '[custody]\nswap = "allowed"\n')  # this machine may swap
    config.write_text(re.sub(r"(kmip|https)_port = \d+", r"\1_port = 0", text))
    assert run("client", "enroll", "alice", "--config", config).returncode == 0
    (row,) = json.loads(run("client", "list", "--json", "--config", config).stdout)
    assert (row["name"], row["domain"]) == ("alice", "prod")
    process = subprocess.Popen([*KEYSTEAD, "serve", "--config", str(config)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        events = []
        for line in process.stderr:
            events.append(json.loads(line))
            if events[-1]["event"] == "listening":
                break
        assert events[-1]["kmip"] > 0
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line)["event"] for line in process.communicate(timeout=15)[1].splitlines()]
        assert rest[-1] == "stopped"
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
    assert all("correct horse" not in path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())


def test_a_wrong_passphrase_or_key_does_not_say_what_is_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "ks"
    assert run("init", "--dir", folder, "--yes").returncode == 0
    (folder / "custody" / "root.key").write_bytes(bytes(32))
    done = run("client", "list", "--config", folder / "keystead.toml")
    assert done.returncode == 69
    assert "cannot be opened" in done.stderr
