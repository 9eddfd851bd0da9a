"""Who gets in: TLS versions, suites, certificates, revocation (L01-L18, M9)."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from keystead.errors import ConfigError, TamperError
from keystead.pki.ca import Authority
from keystead.policy.access import Caller
from keystead.server.tls import Contexts, leaf_fault
from tests.hsm import installed

from .certificates import certificate, revocation_list, write_lists
from .harness import Echo, Pki, Running, closed_within, eventually, receive, request, response, server_config

Start = Callable[..., Running]
DAY = 86_400


def test_an_enrolled_client_is_answered_by_tls_1_3_and_by_1_2(start: Start) -> None:
    server = start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = server.context(maximum_version=version)
        assert server.exchange(context=context) == response()


@pytest.mark.parametrize("port", ["kmip", "https"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_L01_older_tls_is_refused(start: Start, port: str, version: ssl.TLSVersion) -> None:
    server = start()
    context = server.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.connect(port=port, context=context)


@pytest.mark.parametrize(
    "suites",
    ["ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "AES256-SHA", "eNULL", "aNULL", "PSK"],
)
def test_L01_suites_without_aead_or_forward_secrecy_are_refused(start: Start, suites: str) -> None:
    server = start()
    context = server.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.connect(context=context)


@pytest.mark.parametrize(
    "suite",
    ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"],
)
def test_the_suites_that_clients_without_tls_1_3_need_are_there(start: Start, suite: str) -> None:
    server = start()
    context = server.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(suite)
    assert server.exchange(context=context) == response()


BAD_LEAVES: dict[str, dict[str, Any]] = {
    "expired": {"begin": -10 * DAY, "end": -DAY},
    "expired a second ago": {"end": -1},
    "not yet valid": {"begin": DAY},
    "not valid for a minute yet": {"begin": 60},
    "for a server": {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)},
    "for any or no purpose": {"usages": None},
    "an authority": {"ca": True},
    "self-signed": {"issuer": None},
    "an unknown critical extension": {"critical": True},
    "not enrolled": {},
}


@pytest.mark.parametrize("fault", BAD_LEAVES)
def test_L02_a_wrong_client_certificate_is_refused_before_any_byte_is_read(
    start: Start, pki: Pki, engine: Echo, fault: str
) -> None:
    issued = pki.keep("bad", certificate(**{"issuer": pki.authority, **BAD_LEAVES[fault]}))
    if fault != "not enrolled":
        engine.enroll("bad", issued.der)  # so that nothing but the fault can refuse it
    server = start()
    assert server.exchange("bad") == b""
    assert engine.turns == []


def test_L02_no_client_certificate_is_refused(start: Start, engine: Echo) -> None:
    assert start().exchange(None) == b""
    assert engine.turns == []


def test_L02_weak_keys_and_hashes_are_refused(pki: Pki) -> None:
    installed("openssl")  # other libraries make no such certificate any more
    weak = certificate(pki.authority, key=rsa.generate_private_key(65537, 1024))
    assert leaf_fault(weak.der) == "its key is too weak"
    options = (
        "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -sha1 -subj /CN=x -days 2 -outform DER "
        "-addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth"
    )
    sha1 = subprocess.run(
        ["openssl", "req", "-x509", *options.split()],
        capture_output=True,
        check=True,
    ).stdout
    assert leaf_fault(sha1) == "it is signed with a weak hash"
    assert leaf_fault(b"0\x03\x02\x01\x01") == "it cannot be read"
    assert leaf_fault(pki.der("alice")) == ""


def test_L02_a_weak_key_does_not_get_through_the_handshake(start: Start, pki: Pki, engine: Echo) -> None:
    issued = pki.keep("weak", certificate(pki.authority, key=rsa.generate_private_key(65537, 1024)))
    engine.enroll("weak", issued.der)
    server = start()
    context = server.context(None)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(pki.path("weak.pem"), pki.path("weak.key"))
    assert server.exchange(context=context) == b""
    assert engine.turns == []


@pytest.mark.parametrize("how", ["foreign authority", "trusted authority"])
def test_L09_M9_the_same_name_from_another_authority_is_another_identity(
    start: Start, pki: Pki, engine: Echo, tmp_path: Path, how: str
) -> None:
    foreign = Authority.create("Test CA", "P-256")  # its name is the same, too
    pki.keep("mallory", foreign.issue_client("alice"))
    changes = {}
    if how == "trusted authority":
        both = tmp_path / "both.pem"
        pems = (pki.authority.certificate, Authority.create("Other CA").certificate, foreign.certificate)
        both.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in pems))
        changes["client_ca"] = both
    server = start(**changes)
    assert server.exchange("mallory") == b""
    assert server.exchange("alice") == response()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_L04_no_session_is_resumed_so_a_disabled_client_cannot_come_back(
    start: Start, pki: Pki, engine: Echo, version: ssl.TLSVersion
) -> None:
    server = start()
    context = server.context(maximum_version=version)
    with server.connect(context=context) as first:
        first.sendall(request())
        receive(first)
        session = first.session
    assert session is None or not session.has_ticket
    if session is not None:
        with server.connect(context=context, session=session) as second:
            assert not second.session_reused
    engine.disable(pki.der("alice"))
    assert server.exchange(context=context) == b""


def test_L06_M9_a_disabled_client_loses_its_open_connections(start: Start, pki: Pki, engine: Echo) -> None:
    server = start()
    with server.connect("alice") as alice, server.connect("bob") as bob:
        engine.disable(pki.der("alice"))
        assert closed_within(alice, 5)
        bob.sendall(request())
        assert receive(bob) == response()
    assert server.exchange("alice") == b""


def _serial(pki: Pki, name: str) -> int:
    return x509.load_pem_x509_certificate(pki.path(f"{name}.pem").read_bytes()).serial_number


def test_L03_a_revoked_client_is_refused(start: Start, pki: Pki, tmp_path: Path) -> None:
    write_lists(tmp_path / "crl.pem", revocation_list(pki.authority, _serial(pki, "alice")))
    server = start(client_crl=tmp_path / "crl.pem")
    assert server.exchange("alice") == b""
    assert server.exchange("bob") == response()


def test_L05_M9_a_new_list_counts_at_once_even_with_the_same_date(start: Start, pki: Pki, tmp_path: Path) -> None:
    crl = tmp_path / "crl.pem"
    write_lists(crl, revocation_list(pki.authority, last=-DAY))
    server = start(client_crl=crl)
    with server.connect("alice") as alice:
        alice.sendall(request())
        assert receive(alice) == response()
        write_lists(crl, revocation_list(pki.authority, _serial(pki, "alice"), last=-DAY))
        assert closed_within(alice, 5)  # the change is noticed without a signal
    assert server.exchange("alice") == b""
    assert server.exchange("bob") == response()


def test_L07_an_expired_list_lets_nobody_in(start: Start, pki: Pki, tmp_path: Path) -> None:
    write_lists(tmp_path / "crl.pem", revocation_list(pki.authority, last=-10 * DAY, end=-DAY))
    assert start(client_crl=tmp_path / "crl.pem").exchange("bob") == b""


def test_L12_other_protocols_are_closed_quietly(start: Start, engine: Echo) -> None:
    server = start(handshake_seconds=0.5)
    for banner in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", request()):
        for port in ("kmip", "https"):
            with server.raw(port) as connection:
                connection.sendall(banner)
                assert closed_within(connection, 3)
    with server.connect(port="https") as connection:
        connection.sendall(request())
        assert closed_within(connection, 3)
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert closed_within(connection, 3)
    assert server.exchange() == response()


def test_L14_an_unknown_server_name_changes_nothing(start: Start) -> None:
    server = start()
    context = server.context(check_hostname=False)
    with server.raw() as raw, context.wrap_socket(raw, server_hostname="a" * 63 + ".example") as connection:
        connection.sendall(request())
        assert receive(connection) == response()


def test_L15_a_message_cut_short_is_not_done(start: Start, engine: Echo) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(request()[:-1])
    time.sleep(0.1)
    assert engine.turns == []


def test_L17_certificates_are_replaced_without_a_lost_request(start: Start, pki: Pki, tmp_path: Path) -> None:
    issued = pki.authority.issue_server()
    issued.write(tmp_path / "server.pem", tmp_path / "server.key")
    server = start(certificate=tmp_path / "server.pem", private_key=tmp_path / "server.key")
    with server.connect() as lasting:
        for _ in range(10):
            renewed = pki.authority.issue_server()
            renewed.write(tmp_path / "server.pem", tmp_path / "server.key")
            server.call(server.worker.reload)
            assert server.exchange() == response()
            lasting.sendall(request())
            assert receive(lasting) == response()

        def served() -> bool:
            with server.connect() as connection:
                return connection.getpeercert(True) == renewed.der

        assert eventually(served)


def test_L17_a_reload_that_fails_leaves_the_old_certificate(start: Start, pki: Pki, tmp_path: Path) -> None:
    pki.authority.issue_server().write(tmp_path / "server.pem", tmp_path / "server.key")
    server = start(certificate=tmp_path / "server.pem", private_key=tmp_path / "server.key")
    (tmp_path / "server.pem").write_text("half a fi")
    server.call(server.worker.reload)
    assert server.exchange() == response()


def test_L18_a_proxy_header_is_no_message(start: Start, engine: Echo) -> None:
    server = start()
    with server.raw() as raw:
        raw.sendall(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n")
        assert closed_within(raw, 3)
    with server.connect() as connection:
        connection.sendall(b"\r\n\r\n\x00\r\nQUIT\n" + bytes(16))
        assert closed_within(connection, 3)
    # It is recorded whose connection that was, and not answered.
    assert [incoming.caller.name for turn in engine.turns for incoming in turn] == ["alice"]


def test_a_reset_in_the_handshake_is_survived(start: Start) -> None:
    server = start()
    for _ in range(20):
        raw = server.raw()
        raw.sendall(b"\x16\x03\x01\x02\x00")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    assert server.exchange() == response()
    assert eventually(lambda: server.worker._kmip.count <= 1)


CONTEXT_FAULTS = {
    "certificate: .*No such file": {"certificate": "missing.pem"},
    "certificate: .*no certificate": {"certificate": "alice.key"},
    "certificate: .*not a certificate for a server": {"certificate": "alice.pem", "private_key": "alice.key"},
    "certificate: .*expired": {"certificate": "old.pem", "private_key": "old.key"},
    "private_key: .*No such file": {"private_key": "missing.key"},
    "private_key: .*not the key of the certificate": {"private_key": "bob.key"},
    "private_key: .*others may read": {"private_key": "open.key"},
    "private_key: .*encrypted": {"private_key": "locked.key"},
    "client_ca: .*No such file": {"client_ca": "missing.pem"},
    "client_ca: ": {"client_ca": "empty.pem"},
    "client_ca: .*not an authority's": {"client_ca": "alice.pem"},
    "client_crl: .*No such file": {"client_crl": "missing.pem"},
    "client_crl: .*no revocation list": {"client_crl": "ca.pem"},
}


@pytest.mark.parametrize("message", CONTEXT_FAULTS)
def test_M12_wrong_files_are_refused_and_named(pki: Pki, message: str) -> None:
    old = certificate(pki.authority, begin=-10 * DAY, end=-DAY, usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    pki.keep("old", old)
    pki.path("empty.pem").write_bytes(b"")
    pki.path("open.key").write_bytes(pki.path("server.key").read_bytes())
    pki.path("open.key").chmod(0o644)
    key = serialization.load_pem_private_key(pki.path("server.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    pki.path("locked.key").write_bytes(locked)
    pki.path("locked.key").chmod(0o600)
    changes = {key: pki.path(name) for key, name in CONTEXT_FAULTS[message].items()}
    with pytest.raises(ConfigError, match=rf"\[server\] {message}"):
        Contexts.load(server_config(pki, **changes))


def test_M7_a_client_whose_enrolment_was_tampered_with_loses_its_open_connections(
    start: Start, pki: Pki, engine: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, known = start(), engine.caller_of

    def caller_of(certificate_der: bytes, address: str) -> Caller | None:
        if certificate_der == pki.der("alice"):
            raise TamperError("a value of the kind client is in quarantine: it may not be as it was left")
        return known(certificate_der, address)

    with server.connect("alice") as alice, server.connect("bob") as bob:
        monkeypatch.setattr(engine, "caller_of", caller_of)
        engine.epoch += 1
        assert closed_within(alice, 5)
        bob.sendall(request())
        assert receive(bob) == response()
    assert server.exchange("alice") == b""
