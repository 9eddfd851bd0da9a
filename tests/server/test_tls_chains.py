"""Chains, lists and what changes while a client is connected (L02-L10, L13, L14, M9)."""

from __future__ import annotations

import logging
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from keystead.pki.ca import Authority, Issued
from tests.hsm import installed

from .certificates import (
    authority,
    certificate,
    common_name,
    named,
    revocation_list,
    write_chain,
    write_lists,
)
from .harness import Echo, Pki, Running, closed_within, eventually, receive, request, response

Start = Callable[..., Running]
Enrol = Callable[..., str]


@pytest.fixture
def enrol(pki: Pki, engine: Echo, tmp_path: Path) -> Enrol:
    """Enrol a client with a certificate and what stands above it; the name of its files."""

    def enrolled(issued: Issued, *above: x509.Certificate) -> str:
        name = f"{tmp_path.name}-{issued.certificate.serial_number:x}"[-60:]
        issued.write(pki.path(f"{name}.pem"), pki.path(f"{name}.key"), *above)
        engine.enroll(name, issued.der)
        return name

    return enrolled


# --- L01 --------------------------------------------------------------------------------------------------------------

SSL_2_HELLO = bytes.fromhex("802e0100020015001000100100800700c0030080060040020080040080") + bytes(19)
SSL_3_HELLO = bytes.fromhex("160300002d010000290300") + bytes(32) + bytes.fromhex("0000020035") + b"\x01\x00"


@pytest.mark.parametrize("hello", [SSL_2_HELLO, SSL_3_HELLO], ids=["SSL 2", "SSL 3"])
@pytest.mark.parametrize("port", ["kmip", "https"])
def test_L01_ssl_is_refused(start: Start, engine: Echo, hello: bytes, port: str) -> None:
    server = start()
    with server.raw(port) as raw:
        raw.sendall(hello)
        raw.settimeout(3)
        answer = raw.recv(100)
        assert not answer or answer[0] == 0x15  # an alert, or nothing
        assert closed_within(raw, 3)
    assert server.exchange() == response()


def openssl(server: Running, *options: str, said: bytes = b"", client: str = "alice") -> str:
    """What OpenSSL's client prints."""
    installed("openssl")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.ports['kmip']}", *options]
    command += ["-cert", str(server.pki.path(f"{client}.pem")), "-key", str(server.pki.path(f"{client}.key"))]
    command += ["-CAfile", str(server.pki.path("ca.pem"))]
    done = subprocess.run(command, input=said, capture_output=True, timeout=30, check=False)
    return (done.stdout + done.stderr).decode("latin-1")


def test_L01_nothing_is_compressed_renegotiated_or_sent_early(start: Start) -> None:
    server = start()
    shown = openssl(server, "-tls1_2", said=b"Q\n")
    assert "Compression: NONE" in shown
    assert "Verify return code: 0" in shown
    renegotiated = openssl(server, "-tls1_2", said=b"R\n")
    assert "RENEGOTIATING" in renegotiated
    assert re.search(r"no renegotiation|error|alert|unexpected", renegotiated)
    assert "NewSessionTicket" not in openssl(server, "-tls1_3", "-msg", said=b"Q\n")  # so there is no early data
    assert server.exchange() == response()


# --- L02: what stands above a certificate -----------------------------------------------------------------------------


def test_L02_a_client_of_an_authority_below_a_trusted_one_is_let_in(start: Start, pki: Pki, enrol: Enrol) -> None:
    root = authority(None, "Root")
    issuing = authority(root, "Issuing", path_length=0)
    name = enrol(certificate(issuing), issuing.certificate)
    server = start(client_ca=write_chain(pki.path("root.pem"), root.certificate))
    assert server.exchange(name) == response()
    alone = enrol(certificate(issuing))
    assert server.exchange(alone) == b""  # it does not show what leads to the root


def test_an_authority_that_is_named_is_one_without_its_root(start: Start, pki: Pki, enrol: Enrol) -> None:
    root = authority(None, "Root")
    ours, theirs = authority(root, "Ours"), authority(root, "Theirs")
    server = start(client_ca=write_chain(pki.path("ours.pem"), ours.certificate))
    assert server.exchange(enrol(certificate(ours))) == response()
    assert server.exchange(enrol(certificate(theirs), theirs.certificate)) == b""


CHAINS: dict[str, Callable[[Authority], tuple[Issued, tuple[x509.Certificate, ...]]]] = {}


def chain(function: Callable[[Authority], tuple[Issued, tuple[x509.Certificate, ...]]]) -> Any:
    CHAINS[function.__name__] = function
    return function


@chain
def too_long(root: Authority) -> tuple[Issued, tuple[x509.Certificate, ...]]:
    first = authority(root, "First", path_length=0)
    second = authority(first, "Second")
    return certificate(second), (second.certificate, first.certificate)


@chain
def outside_of_its_names(root: Authority) -> tuple[Issued, tuple[x509.Certificate, ...]]:
    issuing = authority(root, "Issuing", permitted="example.org")
    return certificate(issuing, names=("db.example.com",)), (issuing.certificate,)


@chain
def below_an_expired_authority(root: Authority) -> tuple[Issued, tuple[x509.Certificate, ...]]:
    issuing = authority(root, "Issuing", end=-60)
    return certificate(issuing), (issuing.certificate,)


@chain
def below_a_client(root: Authority) -> tuple[Issued, tuple[x509.Certificate, ...]]:
    client = certificate(root, subject="mallory")
    issuing = Authority(client.certificate, client.private_key)
    return certificate(issuing), (client.certificate,)


@chain
def below_an_authority_with_a_critical_extension_nobody_knows(
    root: Authority,
) -> tuple[Issued, tuple[x509.Certificate, ...]]:
    issuing = authority(root, "Issuing", critical=True)
    return certificate(issuing), (issuing.certificate,)


@chain
def below_a_weak_authority(root: Authority) -> tuple[Issued, tuple[x509.Certificate, ...]]:
    issuing = authority(root, "Issuing", key=rsa.generate_private_key(65537, 1024))
    return certificate(issuing), (issuing.certificate,)


@pytest.mark.parametrize("what", CHAINS)
def test_L02_a_wrong_chain_is_refused_before_any_byte_is_read(
    start: Start, pki: Pki, engine: Echo, enrol: Enrol, what: str
) -> None:
    root = authority(None, "Root")
    issued, above = CHAINS[what](root)
    name = enrol(issued, *above)
    server = start(client_ca=write_chain(pki.path("root.pem"), root.certificate))
    assert server.exchange(name) == b""
    good = authority(root, "Issuing", permitted="example.org", path_length=0)
    assert server.exchange(enrol(certificate(good, names=("db.example.org",)), good.certificate)) == response()
    assert len(engine.turns) == 1


def test_L02_a_certificate_signed_with_sha_1_is_refused(start: Start, pki: Pki, engine: Echo, tmp_path: Path) -> None:
    installed("openssl")
    write = f"-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {pki.path('sha1.key')} -subj /CN=alice"
    asked = subprocess.run(["openssl", "req", "-new", *write.split()], capture_output=True, check=True).stdout
    (tmp_path / "extensions").write_text("extendedKeyUsage=clientAuth\nbasicConstraints=critical,CA:FALSE\n")
    sign = f"-req -sha1 -days 2 -CA {pki.path('ca.pem')} -CAkey {pki.path('ca.key')} -extfile {tmp_path}/extensions"
    signed = subprocess.run(["openssl", "x509", *sign.split()], input=asked, capture_output=True, check=True).stdout
    pki.path("sha1.pem").write_bytes(signed)
    engine.enroll("sha1", pki.der("sha1"))
    server = start()
    context = server.context(None)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(pki.path("sha1.pem"), pki.path("sha1.key"))
    assert server.exchange(context=context) == b""
    assert engine.turns == []


# --- L03 to L07: revocation -------------------------------------------------------------------------------------------


def test_L03_a_revoked_authority_takes_its_clients_with_it(start: Start, pki: Pki, enrol: Enrol) -> None:
    root = authority(None, "Root")
    bad, good = authority(root, "Bad"), authority(root, "Good")
    lists = pki.path("lists.pem")
    write_lists(lists, revocation_list(root), revocation_list(bad), revocation_list(good))
    server = start(client_ca=write_chain(pki.path("root.pem"), root.certificate), client_crl=lists)
    name = enrol(certificate(bad), bad.certificate)
    other = enrol(certificate(good), good.certificate)
    with server.connect(name) as open_one:
        open_one.sendall(request())
        assert receive(open_one) == response()
        revoked = revocation_list(root, bad.certificate.serial_number)
        write_lists(lists, revoked, revocation_list(bad), revocation_list(good))
        assert closed_within(open_one, 5)
    assert server.exchange(name) == b""
    assert server.exchange(other) == response()


def test_L07_an_authority_without_a_list_has_no_clients(start: Start, pki: Pki, enrol: Enrol) -> None:
    one, two = authority(None, "One"), authority(None, "Two")
    both = write_chain(pki.path("both.pem"), one.certificate, two.certificate)
    server = start(client_ca=both, client_crl=write_lists(pki.path("one.crl"), revocation_list(one)))
    assert server.exchange(enrol(certificate(one))) == response()
    assert server.exchange(enrol(certificate(two))) == b""


def test_L07_a_list_that_expires_lets_nobody_stay_and_raises_the_alarm(
    start: Start, pki: Pki, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crl = write_lists(tmp_path / "crl.pem", revocation_list(pki.authority, end=4))
    server = start(client_crl=crl)
    with server.connect() as connection:
        connection.sendall(request())
        assert receive(connection) == response()
        assert closed_within(connection, 9)
    assert server.exchange() == b""
    assert any(record.levelno >= logging.CRITICAL and "revocation list" in record.message for record in caplog.records)
    write_lists(crl, revocation_list(pki.authority))
    assert eventually(lambda: server.exchange() == response())


def test_L07_a_list_that_vanishes_leaves_the_last_one_in_force(start: Start, pki: Pki, tmp_path: Path) -> None:
    revoked = pki.authority.issue_client("revoked")
    pki.keep("revoked", revoked)
    crl = write_lists(tmp_path / "crl.pem", revocation_list(pki.authority, revoked.certificate.serial_number))
    server = start(client_crl=crl)
    crl.unlink()
    server.call(server.worker.reload)
    time.sleep(0.1)
    assert server.exchange("revoked") == b""
    assert server.exchange() == response()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_L04_a_revoked_client_does_not_come_back_by_resumption(
    start: Start, pki: Pki, engine: Echo, tmp_path: Path, version: str
) -> None:
    issued = pki.keep("resumer", pki.authority.issue_client("resumer"))
    engine.enroll("resumer", issued.der)
    crl = write_lists(tmp_path / "crl.pem", revocation_list(pki.authority))
    server = start(client_crl=crl)
    session = str(tmp_path / "session")
    first = openssl(server, version, "-sess_out", session, said=request() + b"Q\n", client="resumer")
    assert "Reused" not in first
    write_lists(crl, revocation_list(pki.authority, issued.certificate.serial_number))
    server.call(server.worker.reload)
    time.sleep(0.1)
    if Path(session).exists():
        again = openssl(server, version, "-sess_in", session, said=request() + b"Q\n", client="resumer")
        assert "Reused" not in again
    assert len(engine.messages) <= 1
    assert server.exchange("resumer") == b""


def test_L06_M9_a_certificate_that_expires_ends_its_connection(start: Start, pki: Pki, enrol: Enrol) -> None:
    name = enrol(certificate(pki.authority, end=4))
    server = start()
    with server.connect(name) as connection, server.connect() as alice:
        connection.sendall(request())
        assert receive(connection) == response()
        assert closed_within(connection, 9)
        alice.sendall(request())
        assert receive(alice) == response()
    assert server.exchange(name) == b""


def test_M9_L17_clients_of_an_authority_that_is_trusted_no_more_lose_their_connections(
    start: Start, pki: Pki, enrol: Enrol
) -> None:
    old, new = authority(None, "Old"), authority(None, "New")
    trusted = write_chain(pki.path("trusted.pem"), old.certificate)
    server = start(client_ca=trusted)
    of_old, of_new = enrol(certificate(old)), enrol(certificate(new))
    with server.connect(of_old) as connection:
        connection.sendall(request())
        assert receive(connection) == response()
        write_chain(trusted, old.certificate, new.certificate)  # the new one beside the old one, then alone
        server.call(server.worker.reload)
        assert eventually(lambda: server.exchange(of_new) == response())
        connection.sendall(request())
        assert receive(connection) == response()
        write_chain(trusted, new.certificate)
        assert closed_within(connection, 5)
    assert server.exchange(of_old) == b""
    assert server.exchange(of_new) == response()


def test_M9_a_list_counts_though_the_store_is_out_of_reach(
    start: Start, pki: Pki, engine: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keystead.errors import StoreError

    crl = write_lists(tmp_path / "crl.pem", revocation_list(pki.authority))
    server = start(client_crl=crl)
    engine.enroll("carol", pki.keep("carol", pki.authority.issue_client("carol")).der)
    with server.connect("bob") as bob, server.connect("alice") as alice, server.connect("carol") as carol:
        for each in (bob, alice, carol):
            each.sendall(request())
            assert receive(each) == response()

        def fails(*_: object) -> None:
            raise StoreError("the disk is full")

        for what in ("caller_of", "identity_epoch", "upkeep"):
            monkeypatch.setattr(engine, what, fails)
        serial = x509.load_pem_x509_certificate(pki.path("bob.pem").read_bytes()).serial_number
        write_lists(crl, revocation_list(pki.authority, serial))
        assert closed_within(bob, 5)
        engine.disable(pki.der("carol"))
        monkeypatch.undo()
        assert closed_within(carol, 5)  # who could not be looked up was not forgotten
        alice.sendall(request())
        assert receive(alice) == response()


# --- L08: names -------------------------------------------------------------------------------------------------------

SUBJECTS: dict[str, x509.Name] = {
    "none": x509.Name([]),
    "empty": common_name(""),
    "a star": common_name("*"),
    "a NUL": common_name("alice\0.example.org"),
    "two": named((NameOID.COMMON_NAME, "alice"), (NameOID.COMMON_NAME, "bob")),
    "the same": common_name("alice"),
    "capitals": common_name("ALICE"),
    "a space more": common_name("alice "),
    "a look-alike": common_name("аlice"),
    "very long": common_name("a" * 60_000),
}


@pytest.mark.parametrize("what", SUBJECTS)
def test_L08_a_name_lets_nobody_in(start: Start, pki: Pki, engine: Echo, what: str) -> None:
    pki.keep("named", certificate(pki.authority, subject=SUBJECTS[what], names=("alice", "alice.example.org")))
    server = start()
    assert server.exchange("named") == b""
    assert server.exchange() == response()
    assert len(engine.turns) == 1


# --- L10, L13, L14: what else a peer may do ---------------------------------------------------------------------------


def test_L10_a_certificate_cannot_be_changed_in_mid_session(start: Start, engine: Echo) -> None:
    server = start()
    context = server.context("alice")
    context.post_handshake_auth = True
    with server.connect(context=context) as connection:
        connection.sendall(request())
        assert receive(connection) == response()
        context.load_cert_chain(server.pki.path("bob.pem"), server.pki.path("bob.key"))
        connection.sendall(request())
        assert receive(connection) == response()
    assert {incoming.caller.name for turn in engine.turns for incoming in turn} == {"alice"}


def test_L13_a_flood_of_key_updates_leaves_others_served(start: Start) -> None:
    installed("openssl")
    server = start(idle_seconds=60)
    command = ["openssl", "s_client", "-tls1_3", "-CAfile", str(server.pki.path("ca.pem"))]
    command += ["-connect", f"127.0.0.1:{server.ports['kmip']}"]
    command += ["-cert", str(server.pki.path("alice.pem")), "-key", str(server.pki.path("alice.key"))]
    flood = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert flood.stdin is not None
        for _ in range(300):
            flood.stdin.write(b"K\n")  # asks the server for a new key as well
            flood.stdin.flush()
        for _ in range(20):
            assert server.exchange("bob") == response()
    finally:
        flood.kill()
        flood.communicate()
    assert eventually(lambda: server.worker._kmip.count == 0)


def test_L13_alerts_and_broken_records_end_the_connection(start: Start, engine: Echo) -> None:
    server = start(handshake_seconds=1)
    for record in (bytes.fromhex("1503030002015a") * 1000, bytes.fromhex("1603030001ff"), b"\x17\x03\x03\xff\xff"):
        with server.raw() as raw:
            raw.sendall(record)
            assert closed_within(raw, 3)
    assert server.exchange() == response()
    assert len(engine.turns) == 1


def test_L13_a_chain_of_a_hundred_or_a_very_long_certificate_is_refused(
    start: Start, pki: Pki, engine: Echo, enrol: Enrol
) -> None:
    root = authority(None, "Root")
    server = start(client_ca=write_chain(pki.path("root.pem"), root.certificate))
    links = [authority(root, "Link 0")]
    for number in range(1, 110):
        links.append(authority(links[-1], f"Link {number}", key=links[0].private_key))
    deep = enrol(certificate(links[-1]), *(link.certificate for link in reversed(links)))
    assert server.exchange(deep) == b""
    fat = enrol(certificate(root, padding=1 << 20))
    assert server.exchange(fat) == b""
    assert server.exchange(enrol(certificate(root))) == response()
    assert len(engine.turns) == 1


@pytest.mark.parametrize("name", [None, "a", "127.0.0.1", f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 59}.x"])
def test_L14_whatever_server_a_client_names_it_is_let_in_as_itself(
    start: Start, engine: Echo, name: str | None
) -> None:
    server = start()
    context = server.context(check_hostname=False)
    with server.raw() as raw, context.wrap_socket(raw, server_hostname=name) as connection:
        connection.sendall(request())
        assert receive(connection) == response()
    assert engine.turns[0][0].caller.name == "alice"


@pytest.mark.parametrize("protocols", [["h2"], ["http/1.1"], ["x" * 255]])
def test_L14_an_application_protocol_changes_nothing(start: Start, protocols: list[str]) -> None:
    server = start()
    context = server.context()
    context.set_alpn_protocols(protocols)
    assert server.exchange(context=context) == response()


@pytest.fixture(autouse=True)
def _files(pki: Pki) -> Iterator[None]:
    """Remove the files that a test made."""
    before = set(pki.directory.iterdir())
    yield
    for path in set(pki.directory.iterdir()) - before:
        path.unlink()
