"""Certificates: what they say, and how they lie on disk."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from keystead.errors import ConfigError
from keystead.pki import files
from keystead.pki.ca import KEYS, LOCAL_NAMES, Authority, Issued
from keystead.pki.profiles import CLIENT, PROFILES

NOW = 1_800_000_000


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("Test CA")


def _usage(certificate: x509.Certificate) -> x509.KeyUsage:
    return certificate.extensions.get_extension_for_class(x509.KeyUsage).value


def test_an_authority_issues_end_entities_only(authority: Authority) -> None:
    extensions = authority.certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = _usage(authority.certificate)
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature
    assert isinstance(authority.private_key, ec.EllipticCurvePrivateKey)
    assert authority.private_key.curve.key_size == 256


def test_the_verifier_of_the_web_accepts_a_server(authority: Authority) -> None:
    issued = authority.issue_server(["kms.example.org", "192.0.2.1"])
    builder = PolicyBuilder().store(Store([authority.certificate]))
    for subject in (
        x509.DNSName("kms.example.org"),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ):
        builder.build_server_verifier(subject).verify(issued.certificate, [])


def test_a_server_has_the_local_names_and_a_p_256_key(authority: Authority) -> None:
    certificate = authority.issue_server().certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == set(LOCAL_NAMES)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.key_size == 256


@pytest.mark.parametrize("kind", KEYS)
def test_a_client_has_the_usages_of_its_key(authority: Authority, kind: str) -> None:
    issued = authority.issue_client("alice", kind)
    certificate = issued.certificate
    certificate.verify_directly_issued_by(authority.certificate)
    usage = _usage(certificate)
    assert usage.digital_signature
    assert usage.key_encipherment == isinstance(issued.private_key, rsa.RSAPrivateKey)
    assert not usage.key_cert_sign
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert identifier == own


def test_serial_numbers_are_long_and_never_the_same(authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    serials = [authority.issue(CLIENT, key, "x").serial_number for _ in range(20)]
    assert len(set(serials)) == 20
    assert all(0 < serial < 1 << 159 for serial in serials)
    assert max(serials) > 1 << 128


def test_a_certificate_ends_by_its_profile_and_never_after_its_authority() -> None:
    old = Authority.create("Old CA", now=NOW)
    days = PROFILES["authority"].validity_days
    client = old.issue_client("alice", now=NOW).certificate
    assert client.not_valid_before_utc.timestamp() == NOW - 300
    assert client.not_valid_after_utc.timestamp() == NOW + CLIENT.validity_days * 86_400
    last = old.issue_client("alice", now=NOW + (days - 5) * 86_400).certificate
    assert last.not_valid_after_utc == old.certificate.not_valid_after_utc


@pytest.mark.parametrize("name", ["", "a" * 65])
def test_a_name_that_no_certificate_bears_is_refused(authority: Authority, name: str) -> None:
    with pytest.raises(ConfigError, match="1 to 64"):
        authority.issue_client(name)


def test_a_kind_of_key_that_is_none_is_refused(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="RSA-1024 is no kind of key"):
        authority.issue_client("alice", "RSA-1024")


def test_what_is_written_is_read_again(authority: Authority, tmp_path: Path) -> None:
    authority.write(tmp_path / "ca.pem", tmp_path / "ca.key")
    again = Authority.load(tmp_path / "ca.pem", tmp_path / "ca.key")
    assert again.certificate == authority.certificate
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca.pem").stat().st_mode) == 0o644
    assert "private" not in repr(again)
    assert "private" not in repr(Issued(again.certificate, again.private_key))


def test_files_that_do_not_belong_together_are_refused(authority: Authority, tmp_path: Path) -> None:
    authority.write(tmp_path / "ca.pem", tmp_path / "ca.key")
    Authority.create("Other").write(tmp_path / "other.pem", tmp_path / "other.key")
    with pytest.raises(ConfigError, match=r"not the key of"):
        Authority.load(tmp_path / "ca.pem", tmp_path / "other.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_M12_a_key_that_others_may_read_is_refused(authority: Authority, tmp_path: Path, mode: int) -> None:
    authority.write(tmp_path / "ca.pem", tmp_path / "ca.key")
    (tmp_path / "ca.key").chmod(mode)
    with pytest.raises(ConfigError, match="others may read"):
        Authority.load(tmp_path / "ca.pem", tmp_path / "ca.key")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n", b"\0" * 100])
def test_a_file_that_is_no_certificate_or_key_is_refused(tmp_path: Path, content: bytes) -> None:
    files.write_atomic(tmp_path / "x", content, files.PRIVATE)
    with pytest.raises(ConfigError):
        files.read_certificate(tmp_path / "x")
    with pytest.raises(ConfigError):
        files.read_private_key(tmp_path / "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_that_root_replaces_stays_whose_it_was(tmp_path: Path) -> None:
    path = tmp_path / "keystead.toml"
    files.write_atomic(path, b"old", 0o640)
    os.chown(path, 0, 65_534)
    files.write_atomic(path, b"new", 0o640)
    assert (path.stat().st_gid, path.stat().st_mode & 0o777, path.read_bytes()) == (65_534, 0o640, b"new")


def test_a_write_leaves_the_old_or_the_new_and_nothing_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_atomic(path, b"old", files.PUBLIC)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            files.write_atomic(path, b"new", files.PUBLIC)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    old_umask = os.umask(0o777)
    try:
        files.write_atomic(path, b"new", files.PRIVATE)
    finally:
        os.umask(old_umask)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
