"""Where settings come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from keystead.client.settings import Server, Settings, servers_of, version_of
from keystead.errors import ConfigError
from keystead.kmip.version import V1_4


@pytest.mark.parametrize(
    ("written", "servers"),
    [
        ("kms1", (("kms1", 5696),)),
        ("kms1:1, kms2", (("kms1", 1), ("kms2", 5696))),
        ("127.0.0.1:7", (("127.0.0.1", 7),)),
        ("[::1]:7", (("::1", 7),)),
        ("::1", (("::1", 5696),)),
        ("2001:db8::5696", (("2001:db8::5696", 5696),)),
        ("1:2:3:4:5:6:7:8", (("1:2:3:4:5:6:7:8", 5696),)),
        ("[::1:5696]", (("::1:5696", 5696),)),
        ("fe80::1:ab", (("fe80::1:ab", 5696),)),
        (["a", "b:2"], (("a", 5696), ("b", 2))),
    ],
)
def test_addresses(written: str, servers: tuple[tuple[str, int], ...]) -> None:
    assert servers_of(written) == servers
    assert all(servers_of(str(server)) == (server,) for server in servers_of(written))


@pytest.mark.parametrize("written", ["", "a:b", "a:0", "a:70000", "a b", "https://a", [], "a..b", 64 * "a", "\udcff"])
def test_what_is_no_address(written: str) -> None:
    with pytest.raises(ConfigError, match="server"):
        servers_of(written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("::1:5696", "write [::1]:5696, or [::1:5696] if all of it is the address"),
        ("kms, 2001:db8::1:5696", "write [2001:db8::1]:5696, or"),
        ("1:2:3:4:5:6:7:8:5696", "write [1:2:3:4:5:6:7:8]:5696"),
        ("1:2:3", "write HOST, HOST:PORT or [IPV6]:PORT"),
    ],
)
def test_an_ipv6_address_with_a_port_stands_in_brackets(written: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        servers_of(written)


def test_versions() -> None:
    assert version_of("1.4") is version_of(V1_4) is V1_4
    assert version_of(None) is version_of("") is None
    with pytest.raises(ConfigError, match=r"1\.9"):
        version_of("1.9")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"server": "kms:7", "ca": "ca.pem", "certificate": "/abs/c.pem"}))
    return file


def test_a_profiles_paths_are_relative_to_its_folder(profile: Path) -> None:
    found = Settings.load(profile, {})
    assert (found.servers, found.ca, found.certificate) == (
        (Server("kms", 7),),
        str(profile.parent / "ca.pem"),
        "/abs/c.pem",
    )


def test_arguments_come_before_the_environment_and_that_before_the_profile(profile: Path) -> None:
    environment = {"KEYSTEAD_SERVER": "env", "KEYSTEAD_CA": "env.pem", "KEYSTEAD_PROFILE": str(profile)}
    found = Settings.load(None, environment, server="said")
    assert (found.servers, found.ca, found.certificate) == ((Server("said"),), "env.pem", "/abs/c.pem")


def test_a_password_of_the_environment_is_not_shown() -> None:
    found = Settings.load(None, {"KEYSTEAD_USERNAME": "alice", "KEYSTEAD_PASSWORD": "hunter2"})
    assert found.password == "hunter2"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"server": 5}', "server has to be a text HOST:PORT"),
        ('{"server": [5]}', "server has to be a text HOST:PORT"),
        ('{"password": 90210}', "password has to be a text"),
        ('{"version": 1.4}', "version has to be a text"),
        ('{"timeout_seconds": "x"}', "timeout_seconds has to be a number"),
        ('{"timeout_seconds": true}', "timeout_seconds has to be a number"),
    ],
)
def test_a_value_of_a_profile_is_of_its_keys_type(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "client.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"client\.json: {said}") as caught:
        Settings.load(file, {})
    assert "90210" not in str(caught.value)


def test_null_in_a_profile_is_as_if_not_said(tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    file.write_text(json.dumps(dict.fromkeys(("server", "ca", "username", "version", "timeout_seconds"))))
    assert Settings.load(file, {}) == Settings()


@pytest.mark.parametrize("seconds", [0, -1, 1e300, float("inf"), float("nan")])
def test_a_timeout_is_one_that_can_be_waited_for(seconds: float) -> None:
    with pytest.raises(ConfigError, match="timeout_seconds"):
        Settings(timeout_seconds=seconds)


@pytest.mark.parametrize("name", ["username", "password"])
def test_a_credential_is_utf_8(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.load(None, {}, **{name: "\udcff"})


@pytest.mark.parametrize("text", ["{", "[]", 100_000 * "[", '{"sever": "x"}'], ids=len)
def test_a_profile_that_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "client.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"client\.json"):
        Settings.load(file, {})
    with pytest.raises(ConfigError, match="none"):
        Settings.load(tmp_path / "none", {})
