"""keystead.toml: what is right is read, what is wrong is named (M12)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from keystead.config import SECTIONS, Config, ServerConfig, render, rows, toml_value
from keystead.errors import ConfigError

HERE = Path("/etc/ks")
SERVER = '[server]\ncertificate = "server.pem"\nprivate_key = "server.key"\nclient_ca = "ca.pem"\n'


def test_the_least_that_must_be_said_gives_the_defaults() -> None:
    config = Config.parse(SERVER, HERE)
    assert config.server.kmip_port == 5696
    assert config.server.certificate == HERE / "server.pem"
    assert config.store.url == "sqlite:///etc/ks/keystead.db"
    assert config.custody.directory == HERE / "custody"
    assert config.policy.domain == "default"


def test_every_key_is_read() -> None:
    text = (
        SERVER + 'client_crl = "/var/crl.pem"\nkmip_host = "localhost"\nkmip_port = 0\nworkers = 4\nidle_seconds = 60\n'
        'log_format = "json"\n[store]\nurl = "sqlite:/var/lib/ks.db"\n[custody]\nroot = "passphrase"\n'
        'passphrase_file = "secret"\n[audit]\norigin = "kms.example.org/1"\n[policy]\nalgorithms = "approved"\n'
    )
    config = Config.parse(text, HERE)
    assert config.server.client_crl == Path("/var/crl.pem")
    assert (config.server.workers, config.server.idle_seconds, config.server.log_format) == (4, 60.0, "json")
    assert isinstance(config.server.idle_seconds, float)
    assert config.store.url == "sqlite:///var/lib/ks.db"
    assert config.custody.passphrase_file == HERE / "secret"
    assert config.audit.origin == "kms.example.org/1"
    assert config.policy.algorithms == "approved"


def _server(line: str) -> str:
    return SERVER + line + "\n"


BAD: dict[str, tuple[str, str]] = {
    "not TOML": ("[server\n", r"keystead\.toml: Expected ']'.*line 1"),
    "a value without quotes": (_server("log_level = info"), r"line 5"),
    "a key twice": (_server("workers = 1\nworkers = 2"), r"line 6"),
    "nothing": ("", r"\[server\] certificate: missing"),
    "no certificate": (SERVER.replace("certificate", "# "), r"\[server\] certificate: missing"),
    "no private key": (SERVER.replace("private_key", "# "), r"\[server\] private_key: missing"),
    "no authority": (SERVER.replace("client_ca", "# "), r"\[server\] client_ca: missing"),
    "an unknown section": (SERVER + "[sever]\n", r"\[sever\]: unknown section; did you mean server\? \(line 5\)"),
    "a section as a value": ("store = 1\n" + SERVER, r"\[store\]: this is a section"),
    "a list of sections": ("[[server]]\n", r"\[server\]: this is a section"),
    "a key outside of a section": ("kmip_port = 1\n" + SERVER, r"\[kmip_port\]: unknown section"),
    "an unknown key": (
        _server("kmip_prot = 1"),
        r"\[server\] kmip_prot: unknown key; did you mean kmip_port\? \(line 5\)",
    ),
    "a list that does not end": ("[server]\n\nfoo = [\n", r"Invalid value \(at the end, line 3\)"),
    "a text that does not end": ('x = "abc', r"Unterminated string \(at the end, line 1\)"),
    "brackets in brackets": ("x = " + 5000 * "[", r"a number is too long, or brackets"),
    "a number that does not end": ("x = " + 5000 * "1", r"a number is too long, or brackets"),
    "a key in capitals": (_server("KMIP_PORT = 1"), r"\[server\] KMIP_PORT: unknown key"),
    "a key with dashes": (_server("kmip-port = 1"), r"\[server\] kmip-port: unknown key; did you mean kmip_port\?"),
    "a key of another section": (_server('url = "sqlite:x"'), r"\[server\] url: unknown key"),
    "a key below a key": (_server("workers.count = 1"), r"\[server\] workers: expected .* not a table \(line 5\)"),
    "no authentication": (_server("client_auth = false"), r"\[server\] client_auth: unknown key"),
    "plaintext": (_server("tls = false"), r"\[server\] tls: unknown key"),
    "an insecure switch": (_server("insecure = true"), r"\[server\] insecure: unknown key"),
    "ciphers": (_server('ciphers = "ALL"'), r"\[server\] ciphers: unknown key"),
    "a sink over http": (SERVER + '[audit]\nsink = "http://x"\n', r"\[audit\] sink: unknown key"),
    "no audit": (SERVER + "[audit]\nenabled = false\n", r"\[audit\] enabled: unknown key"),
    "a passphrase in the file": (
        SERVER + '[custody]\npassphrase = "x"\n',
        r"\[custody\] passphrase: unknown key.*passphrase_file",
    ),
    "old TLS": (_server('tls_minimum = "1.1"'), r'tls_minimum: expected one of "1.2", "1.3"'),
    "TLS as a number": (_server("tls_minimum = 1.2"), r"tls_minimum: expected .* not a number"),
    "a port as text": (_server('kmip_port = "5696"'), r"kmip_port: expected a whole number from 0 to 65535, not text"),
    "a port as a fraction": (_server("kmip_port = 5696.0"), r"kmip_port: expected a whole number .* not a number"),
    "a port as a truth": (_server("kmip_port = true"), r"kmip_port: expected a whole number .* not true or false"),
    "a port below zero": (_server("kmip_port = -1"), r"kmip_port: expected a whole number from 0 to 65535 \(line 5\)"),
    "a port too high": (_server("https_port = 65536"), r"https_port: expected a whole number from 0"),
    "one port twice": (_server("https_port = 5696"), r"https_port: is the port of KMIP too \(line 5\)"),
    "no workers": (_server("workers = 0"), r"workers: expected a whole number from 1 to 64"),
    "too many workers": (_server("workers = 65"), r"workers: expected"),
    "a list": (_server("workers = [1]"), r"workers: expected .* not a list"),
    "a date": (_server("workers = 2026-01-01"), r"workers: expected .* not a date or time"),
    "messages without limit": (_server("maximum_message_bytes = 4294967295"), r"maximum_message_bytes: expected"),
    "messages too small": (_server("maximum_message_bytes = 8"), r"maximum_message_bytes: expected"),
    "no connections": (_server("connections = 0"), r"connections: expected"),
    "more of one than of all": (_server("connections = 10"), r"connections_per_client: is more than connections"),
    "no deadline": (_server("handshake_seconds = 0"), r"handshake_seconds: expected a number from 0.05 to 86400"),
    "an endless deadline": (_server("message_seconds = inf"), r"message_seconds: expected a number"),
    "a deadline that is none": (_server("write_seconds = nan"), r"write_seconds: expected a number"),
    "a deadline below zero": (_server("stop_seconds = -1"), r"stop_seconds: expected a number"),
    "deadlines the wrong way round": (_server("stall_seconds = 60"), r"stall_seconds: is longer than message_seconds"),
    "an empty host": (_server('kmip_host = ""'), r"kmip_host: this is not of the form"),
    "a host with a path": (_server('https_host = "x/y"'), r"https_host: this is not of the form"),
    "an empty path": (_server('client_crl = ""'), r"client_crl: expected a path"),
    "a path with a NUL": (_server('client_crl = "a\\u0000b"'), r"client_crl: expected a path"),
    "one file for key and certificate": (
        SERVER.replace("server.key", "server.pem"),
        r"private_key: is the file of the cert",
    ),
    "a log level that is none": (_server('log_level = "trace"'), r"log_level: expected one of"),
    "a store without a scheme": (SERVER + '[store]\nurl = "keystead.db"\n', r"\[store\] url: this is not of the form"),
    "a store that is none": (SERVER + '[store]\nurl = "mysql://x"\n', r"\[store\] url: this is not of the form"),
    "a password in the store's address": (
        SERVER + '[store]\nurl = "postgresql://u:p@h/d"\n',
        r"\[store\] url: holds a password.*\(line 6\)",
    ),
    "a root that is none": (SERVER + '[custody]\nroot = "none"\n', r"\[custody\] root: expected one of"),
    "keys beside what they wrap": (
        SERVER + '[custody]\ndirectory = "."\n',
        r"\[custody\] directory: is the directory of",
    ),
    "a key file without its root": (
        SERVER + '[custody]\nroot = "passphrase"\nkey_file = "x"\n',
        r"\[custody\] key_file: is named but root",
    ),
    "a passphrase without its root": (
        SERVER + '[custody]\npassphrase_file = "x"\n',
        r"passphrase_file: is named but root",
    ),
    "a domain with a slash": (SERVER + '[policy]\ndomain = "a/b"\n', r"\[policy\] domain: this is not of the form"),
    "algorithms that are none": (SERVER + '[policy]\nalgorithms = "all"\n', r"\[policy\] algorithms: expected one of"),
}


@pytest.mark.parametrize("what", BAD)
def test_M12_what_is_wrong_stops_the_start_and_is_named(what: str) -> None:
    text, message = BAD[what]
    with pytest.raises(ConfigError, match=message) as caught:
        Config.parse(text, HERE)
    assert str(caught.value).startswith("keystead.toml: ")


def test_M12_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keystead.toml"
    path.write_text(SERVER)
    for mode in (0o664, 0o646):
        path.chmod(mode)
        with pytest.raises(ConfigError, match="others may write"):
            Config.load(path)
    path.chmod(0o644)
    assert Config.load(path).directory == tmp_path


def test_M12_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Config.load(tmp_path / "keystead.toml")
    (tmp_path / "keystead.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "keystead.toml").chmod(0o644)
    with pytest.raises(ConfigError, match="UTF-8"):
        Config.load(tmp_path / "keystead.toml")


def test_M12_what_is_wrong_in_a_file_is_told_with_the_whole_path(tmp_path: Path) -> None:
    file = tmp_path / "keystead.toml"
    file.touch(mode=0o644)
    for text, said in (("foo = [", "Invalid value (at the end, line 1)"), ("[serve]", "[serve]: unknown section")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=re.escape(f"{file}: {said}")):
            Config.load(file)


def test_what_is_rendered_is_read_again() -> None:
    server = {"certificate": 'a"b\\c\n', "private_key": "server.key", "client_ca": "ca.pem", "idle_seconds": 5.5}
    text = render({"server": server, "store": {"url": "sqlite:x/y.db"}})
    config = Config.parse(text, HERE)
    assert config.server.certificate == HERE / 'a"b\\c\n'
    assert config.server.idle_seconds == 5.5
    assert config.store.url == "sqlite:///etc/ks/x/y.db"
    assert toml_value(True) == "true"


def test_the_reference_page_has_every_key_and_what_it_says_is_so() -> None:
    page = Config.reference()
    for section, kind in SECTIONS.items():
        assert f"## [{section}]" in page
        for row in rows(kind):
            assert f"| `{row.name}` |" in page
            assert row.meaning.endswith(".")
    assert "| `kmip_port` | a whole number from 0 to 65535 | `5696` |" in page


def test_a_default_is_within_its_own_bounds() -> None:
    values = {row.name: row.default for kind in SECTIONS.values() for row in rows(kind) if row.default is not None}
    lines = [f"{row.name} = {toml_value(values[row.name])}" for row in rows(ServerConfig) if row.name in values]
    assert Config.parse(_server("\n".join(lines)), HERE).server == Config.parse(SERVER, HERE).server
