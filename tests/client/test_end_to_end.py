"""The clients and the examples against `keystead dev`: the real server, over TLS."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keystead.client import AsyncClient, Client, Settings
from keystead.errors import OperationFailed
from keystead.kmip.enums import ObjectType, Operation, ResultReason, State
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, Version

EXAMPLES = Path(__file__).parents[2] / "examples"
SPOKEN = (V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1)


def connect(profiles: dict[str, str], name: str = "alice", **said: object) -> Client:
    return Client(settings=Settings.load(profiles[name], {}, **said))


@pytest.mark.parametrize("version", SPOKEN, ids=str)
def test_the_life_of_a_key_in_every_version(profiles: dict[str, str], version: Version) -> None:
    with connect(profiles, version=str(version)) as client:
        name = f"life in {version}"
        uid = client.create("AES", 256, name=name, usage="Encrypt|Decrypt")
        assert client.locate(name) == [uid]
        assert len(client.get(uid).material) == 32
        client.activate(uid)
        assert client.get_attributes(uid, "State") == {"state": State.ACTIVE}
        with pytest.raises(OperationFailed):
            client.destroy(uid)
        client.revoke(uid, "Key Compromise", message="a test")
        client.destroy(uid)
        with pytest.raises(OperationFailed):
            client.get(uid)


def test_the_newest_standard_is_negotiated(profiles: dict[str, str]) -> None:
    with connect(profiles) as client:
        assert set(SPOKEN) <= set(client.discover_versions())
        assert client.session.version is V2_1
        assert Operation.CREATE in client.query().operation


def test_what_is_anothers_is_not_there(profiles: dict[str, str]) -> None:
    with connect(profiles) as alice, connect(profiles, "bob") as bob:
        uid = alice.create("AES", 128, name="of alice")
        assert bob.locate("of alice") == []
        with pytest.raises(OperationFailed) as caught:
            bob.get(uid)
        assert caught.value.reason in (ResultReason.ITEM_NOT_FOUND, ResultReason.OBJECT_NOT_FOUND)


def test_objects_are_registered_and_fetched(profiles: dict[str, str]) -> None:
    with connect(profiles) as client:
        key = client.get(client.register_symmetric("AES", bytes(range(16)), usage="Encrypt"))
        assert (key.material, key.length) == (bytes(range(16)), 128)
        secret = client.get(client.register_secret("hunter2", name="password of the test"))
        assert (secret.object_type, secret.material) == (ObjectType.SECRET_DATA, b"hunter2")


def test_data_is_signed_and_authenticated(profiles: dict[str, str]) -> None:
    with connect(profiles) as client:
        pair = client.create_key_pair("RSA", 2048, private={"usage": "Sign"}, public={"usage": "Verify"})
        for half in pair:
            client.activate(half)
        how = {"padding": "PSS", "hashing": "SHA-256", "cryptographic_algorithm": "RSA"}
        signature = client.sign(pair.private_key, b"data", **how)
        assert client.verify(pair.public_key, b"data", signature, **how)
        assert not client.verify(pair.public_key, b"dato", signature, **how)
        uid = client.create("HMAC-SHA256", 256, usage="MAC Generate|MAC Verify", activate=True)
        code = client.mac(uid, b"data", cryptographic_algorithm="HMAC-SHA256")
        assert client.mac_verify(uid, b"data", code, cryptographic_algorithm="HMAC-SHA256")
        assert not client.mac_verify(uid, b"dato", code, cryptographic_algorithm="HMAC-SHA256")
        assert len(client.random(16)) == 16


def test_attributes_are_changed(profiles: dict[str, str]) -> None:
    with connect(profiles) as client:
        uid = client.create("AES", 128)
        client.add_attribute(uid, contact_information="ops")
        client.modify_attribute(uid, contact_information="dev")
        client.set_attribute(uid, {"comment": "for a test"})
        assert client.get_attributes(uid, "Contact Information", "comment") == {
            "contact_information": "dev",
            "comment": "for a test",
        }
        client.delete_attribute(uid, "Comment")
        assert "comment" not in client.get_attribute_list(uid)
        assert "contact_information" in client.get_attribute_list(uid)


def test_the_async_client_talks_to_it_too(profiles: dict[str, str]) -> None:
    async def talk() -> int:
        async with AsyncClient(settings=Settings.load(profiles["bob"], {})) as client:
            made = await asyncio.gather(*(client.create("AES", 128) for _ in range(5)))
            return len({(await client.get(uid)).material for uid in made})

    assert asyncio.run(talk()) == 5


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_the_examples_run(profiles: dict[str, str], example: Path) -> None:
    environment = {**os.environ, "KEYSTEAD_PROFILE": profiles["alice"], "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, str(example)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert not done.stderr
