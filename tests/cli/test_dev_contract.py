"""What whoever starts `keystead dev` relies on: its files, its ready file, starting again, stopping."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .running import KEYSTEAD, SUCCEEDED, Dev, complaints, dev, run


def test_a_relative_directory_and_ready_file_are_those_of_where_it_was_started(tmp_path: Path) -> None:
    ready = tmp_path / "facts.json"
    command = [*KEYSTEAD, "dev", "--dir", "here/ks", "--kmip-port", "0", "--https-port", "0"]
    command += ["--store", "sqlite:there/other.db", "--ready-file", ready.name]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.02)
        facts = json.loads(ready.read_text())
        assert facts["directory"] == str(tmp_path / "here" / "ks")
        assert (tmp_path / "there" / "other.db").exists()
        assert facts["store"] == f"sqlite:{tmp_path / 'there' / 'other.db'}"
        for path in (facts["ca"], facts["config"], *(clients["key"] for clients in facts["clients"].values())):
            assert Path(path).is_absolute()
            assert Path(path).exists()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_its_certificates_are_what_was_promised(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--client", "app-1", "--client", "x.y@z") as server:
        assert set(server.facts["clients"]) == {"app-1", "x.y@z"}
        for host in ("127.0.0.1", "::1"):
            assert SUCCEEDED in server.discover("app-1", host)
        with (
            socket.create_connection(("localhost", server.facts["ports"]["kmip"]), 5) as raw,
            server.context("app-1").wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            der = connection.getpeercert(True)
        assert der is not None
        names: Any = (
            x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        )
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
        for files in server.facts["clients"].values():
            key: Any = load_pem_private_key(Path(files["key"]).read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(Path(files["cert"]).read_bytes())
            assert certificate.public_key() == key.public_key()


def test_clients_are_separate_owners_in_one_domain(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        with server.client("alice") as alice, server.client("bob") as bob:
            uid = alice.create("AES", 256, name="same", usage="Encrypt")
            other = bob.create("AES", 256, name="same", usage="Encrypt")  # names are each owner's own
            assert alice.locate(name="same") == [uid]
            assert bob.locate(name="same") == [other]
            with pytest.raises(Exception, match=r"(?i)not found"):
                bob.get(uid)
        rows = json.loads(run("client", "list", "--json", "--config", server.facts["config"]).stdout)
        assert {row["domain"] for row in rows} == {"default"}


def test_started_again_it_goes_on_and_takes_new_clients_in(tmp_path: Path) -> None:
    directory = tmp_path / "ks"
    with dev(tmp_path / "ready.json", "--dir", directory) as server:
        ports = server.facts["ports"]
        files = {path: path.read_bytes() for path in directory.rglob("*.pem")}
        with server.client("alice") as alice:
            uid = alice.create("AES", 256, name="kept", usage="Encrypt")
            material = alice.get(uid).material
        assert server.end()[0] == 0
    again = ["--dir", directory, "--client", "alice", "--client", "carol"]
    again += ["--kmip-port", ports["kmip"], "--https-port", ports["https"]]
    for _ in range(2):
        with dev(tmp_path / "ready.json", *again) as server:
            assert server.facts["ports"] == ports  # free again, though connections to it have just been closed
            assert {path: path.read_bytes() for path in files} == files
            with server.client("alice") as alice, server.client("carol") as carol:
                assert alice.get(uid).material == material
                carol.ping()
            assert SUCCEEDED in server.discover("alice")
            assert server.end()[0] == 0


def test_two_servers_at_once_do_not_know_each_other(tmp_path: Path) -> None:
    with (
        dev(tmp_path / "one.json", "--dir", tmp_path / "one") as one,
        dev(tmp_path / "two.json", "--dir", tmp_path / "two", "--workers", 2) as two,
    ):
        assert set(one.facts["ports"].values()).isdisjoint(two.facts["ports"].values())
        with one.client() as first, two.client() as second:
            uid = first.create("AES", 128, usage="Encrypt")
            with pytest.raises(Exception, match=r"(?i)not found"):
                second.get(uid)
        foreign = two.context("alice")
        foreign.check_hostname, foreign.verify_mode = False, ssl.CERT_NONE
        answer = b""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", one.facts["ports"]["kmip"]), 5) as raw,
            foreign.wrap_socket(raw) as connection,
        ):
            connection.sendall(b"\x42\x00\x78\x01\x00\x00\x00\x00")
            answer = connection.recv(1)
        assert answer == b""  # its certificate is of another authority


@pytest.mark.parametrize("workers", [1, 3])
def test_it_answers_from_the_moment_at_which_its_ready_file_is_there(tmp_path: Path, workers: int) -> None:
    ready = tmp_path / "ready.json"
    for _ in range(2):
        command = [*KEYSTEAD, "dev", "--dir", tmp_path / "ks", "--kmip-port", 0, "--https-port", 0]
        command += ["--workers", workers, "--ready-file", ready]
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL)
        try:
            while not ready.exists():
                assert process.poll() is None
            facts = json.loads(ready.read_text())  # whole as soon as it is there
            server = Dev.__new__(Dev)
            server.facts = facts
            assert facts["pid"] == process.pid
            for _ in range(2 * workers):
                assert SUCCEEDED in server.discover()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        ready.unlink()


@pytest.mark.parametrize("workers", [1, 2])
def test_it_stops_under_load_with_connections_open_and_loses_nothing_it_answered(tmp_path: Path, workers: int) -> None:
    made: list[str] = []
    wrong: list[BaseException] = []

    def create(server: Dev) -> None:
        with server.client("alice") as alice:
            try:
                while True:
                    made.append(alice.create("AES", 256, usage="Encrypt"))
            except OSError:
                pass
            except Exception as error:  # noqa: BLE001  handed to the test
                wrong.append(error)

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--workers", workers))
        for port in server.facts["ports"].values():
            for _ in range(20):
                raw = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
                stack.enter_context(server.context("bob").wrap_socket(raw, server_hostname="localhost"))
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        threads = [threading.Thread(target=create, args=(server,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        while len(made) < 30:
            time.sleep(0.02)
        status, _, err = server.end()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        assert status == 0
        assert "Traceback" not in err
        assert wrong == []
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server, server.client("alice") as alice:
        kept = {alice.get_attributes(uid, "Unique Identifier")["unique_identifier"] for uid in made}
        assert kept == set(made)
        assert server.end()[0] == 0


def test_a_key_that_is_still_being_made_keeps_no_stop_waiting(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:

        def ask() -> None:
            with contextlib.suppress(OSError), server.client("alice") as alice:
                alice.create_key_pair("RSA", 16_384, usage="Sign")  # minutes

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(1)
        status, _, err = server.end()  # which gives it 15 seconds
        assert (status, complaints(err)) == (0, [])
        thread.join(5)
        assert not thread.is_alive()


def test_a_stop_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [*KEYSTEAD, "dev", "--kmip-port", "0", "--https-port", "0"]
    for pause in (0.3, 0.5, 0.7, 0.9):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(pause)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=15)
        # Before Python runs any of it, the signal ends it as the system does.
        assert process.returncode in (0, -signal.SIGTERM)
        assert b"Traceback" not in err
        assert list(tmp_path.iterdir()) == []


REFUSED: dict[str, tuple[list[str], int, str]] = {
    "a port too high": (["--kmip-port", "70000"], 2, "--kmip-port"),
    "a port below zero": (["--https-port", "-1"], 2, "--https-port"),
    "one port for both": (["--kmip-port", "6123", "--https-port", "6123"], 78, r"https_port: is the port of KMIP too"),
    "no workers": (["--workers", "0"], 2, "--workers"),
    "a name with a path": (["--client", "../x"], 78, "a client's name"),
    "an empty name": (["--client", ""], 78, "a client's name"),
    "another database": (["--store", "mysql://x/y"], 78, r"\[store\] url"),
    "no database": (["--store", "foo:bar"], 78, r"\[store\] url"),
    "no file": (["--store", "sqlite:"], 78, r"\[store\] url|names no file"),
    "a directory that cannot be": (["--dir", "/dev/null/ks"], 74, "keystead: /dev/null/ks: Not a directory"),
    "a ready file nowhere": (["--ready-file", "/nowhere/at/all.json"], 2, "--ready-file"),
    "an unknown option": (["--insecure"], 2, "No such option"),
    "an argument": (["now"], 2, "unexpected extra argument"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_cannot_do_it_says_before_it_begins(tmp_path: Path, what: str) -> None:
    arguments, status, message = REFUSED[what]
    given = ["--dir", str(tmp_path / "ks"), "--kmip-port", "0", "--https-port", "0", *arguments]
    done = run("dev", *given)
    assert done.returncode == status, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ks").exists()


def test_a_second_one_on_a_directory_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    def files() -> dict[Path, bytes]:
        known = ("*.toml", "*.json", "*.pem", "*.key")
        return {path: path.read_bytes() for name in known for path in tmp_path.rglob(name)}

    ready = tmp_path / "ready.json"
    with dev(ready, "--dir", tmp_path / "ks") as server:
        before = files()
        second = run("dev", "--dir", tmp_path / "ks", "--kmip-port", 0, "--https-port", 0, "--ready-file", ready)
        assert second.returncode == 78
        ports = server.facts["ports"]
        who = f"process {server.facts['pid']}, KMIP port {ports['kmip']}, HTTPS port {ports['https']}"
        assert f"keystead dev runs on this directory already ({who})" in second.stderr
        assert files() == before
        assert SUCCEEDED in server.discover()
        assert server.end()[0] == 0
    with dev(ready, "--dir", tmp_path / "ks") as server:
        assert SUCCEEDED in server.discover()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_one_keeps_no_other_from_its_directory(tmp_path: Path, workers: int) -> None:
    for _ in range(2):
        with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--workers", workers) as server:
            if workers > 1:  # those that answer live on for a moment
                children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
                assert len(children) == workers
            server.end(signal.SIGKILL)


def test_one_that_cannot_listen_leaves_the_configuration_as_it_was(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        config = Path(server.facts["config"])
        assert server.end()[0] == 0
    before = config.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("dev", "--dir", tmp_path / "ks", "--kmip-port", taken.getsockname()[1], "--https-port", 0)
    assert done.returncode == 78
    assert config.read_bytes() == before


def test_once_sealed_it_keeps_its_directory(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        assert run("operator", "seal", "--config", server.facts["config"]).returncode == 0
        while b"dev" in Path(f"/proc/{server.process.pid}/cmdline").read_bytes().split(b"\0"):
            time.sleep(0.05)
        second = run("dev", "--dir", tmp_path / "ks", "--kmip-port", 0, "--https-port", 0)
        assert second.returncode == 78
        assert f"process {server.facts['pid']}" in second.stderr
