"""Both clients over real TLS, against a small server that answers from structures."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from keystead.client import AsyncClient, Ciphertext, Client, KeyPair, make_object
from keystead.client.methods import Verbs
from keystead.errors import CodecError, ConfigError, OperationFailed, Pending
from keystead.kmip.attributes import Attributes, VendorAttributeName
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    ValidityIndicator,
)
from keystead.kmip.payloads import Request, Response, crypto, lifecycle
from keystead.kmip.payloads import attributes as attribute_payloads
from keystead.kmip.payloads import create as create_payloads
from keystead.kmip.payloads import get as get_payloads
from keystead.kmip.payloads.locate import LocateRequest, LocateResponse
from keystead.kmip.payloads.server import QueryRequest, QueryResponse
from keystead.kmip.payloads.session import PingRequest, PingResponse
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import TEXT_STRING, Item
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_4, V2_1

from .conftest import Files, TinyServer, issue

Serve = Callable[..., TinyServer]


class Keeper:
    """Keeps objects in memory; what a test of a client needs of a server."""

    def __init__(self) -> None:
        self.objects: list[tuple[ObjectType, Any, Attributes]] = []

    def __call__(self, request: Request) -> Response:
        return self.ANSWERS[type(request)](self, request)

    def create(self, request: create_payloads.CreateRequest) -> Response:
        length = request.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
        algorithm = request.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
        made = make_object(request.object_type, bytes(range(length // 8)), cryptographic_algorithm=algorithm)
        self.objects.append((request.object_type, made, request.attributes))
        return create_payloads.CreateResponse(
            object_type=request.object_type, unique_identifier=str(len(self.objects) - 1)
        )

    def register(self, request: create_payloads.RegisterRequest) -> Response:
        self.objects.append((request.object_type, request.object, request.attributes))
        return create_payloads.RegisterResponse(unique_identifier=str(len(self.objects) - 1))

    def create_key_pair(self, request: create_payloads.CreateKeyPairRequest) -> Response:
        return create_payloads.CreateKeyPairResponse(
            private_key_unique_identifier="private", public_key_unique_identifier="public"
        )

    def _find(self, uid: object) -> tuple[ObjectType, Any, Attributes]:
        if not str(uid).isdecimal() or int(str(uid)) >= len(self.objects):
            raise OperationFailed(ResultReason.ITEM_NOT_FOUND, "there is no such object")
        return self.objects[int(str(uid))]

    def get(self, request: get_payloads.GetRequest) -> Response:
        object_type, kept, _ = self._find(request.unique_identifier)
        return get_payloads.GetResponse(
            object_type=object_type, unique_identifier=request.unique_identifier, object=kept
        )

    def get_attributes(self, request: attribute_payloads.GetAttributesRequest) -> Response:
        attributes = self._find(request.unique_identifier)[2]
        return attribute_payloads.GetAttributesResponse(
            unique_identifier=request.unique_identifier, attributes=attributes
        )

    def locate(self, request: LocateRequest) -> Response:
        wanted = request.attributes.get(Tag.NAME) if request.attributes else None
        found = [str(n) for n, (_, _, has) in enumerate(self.objects) if wanted in (None, has.get(Tag.NAME))]
        return LocateResponse(unique_identifier=tuple(reversed(found)))

    def activate(self, request: lifecycle.ActivateRequest) -> Response:
        uid = str(len(self.objects) - 1) if request.unique_identifier is None else request.unique_identifier
        self._find(uid)
        return lifecycle.ActivateResponse(unique_identifier=uid)

    def destroy(self, request: lifecycle.DestroyRequest) -> Response:
        raise Pending(b"approval")

    def encrypt(self, request: crypto.EncryptRequest) -> Response:
        assert isinstance(request.data, bytes)
        return crypto.EncryptResponse(
            unique_identifier="0",
            data=request.data[::-1],
            iv_counter_nonce=b"nonce",
            authenticated_encryption_tag=b"tag",
        )

    def decrypt(self, request: crypto.DecryptRequest) -> Response:
        assert isinstance(request.data, bytes)
        if (request.iv_counter_nonce, request.authenticated_encryption_tag) != (b"nonce", b"tag"):
            raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "the tag is not that of the data")
        return crypto.DecryptResponse(unique_identifier="0", data=request.data[::-1])

    def sign(self, request: crypto.SignRequest) -> Response:
        return crypto.SignResponse(unique_identifier="0", signature_data=b"signed " + (request.digested_data or b""))

    def verify(self, request: crypto.SignatureVerifyRequest) -> Response:
        good = request.signature_data == b"signed "
        return crypto.SignatureVerifyResponse(
            unique_identifier="0", validity_indicator=ValidityIndicator.VALID if good else ValidityIndicator.INVALID
        )

    ANSWERS: ClassVar[dict[type[Request], Callable[[Any, Any], Response]]] = {
        create_payloads.CreateRequest: create,
        create_payloads.RegisterRequest: register,
        create_payloads.CreateKeyPairRequest: create_key_pair,
        get_payloads.GetRequest: get,
        attribute_payloads.GetAttributesRequest: get_attributes,
        LocateRequest: locate,
        lifecycle.ActivateRequest: activate,
        lifecycle.DestroyRequest: destroy,
        crypto.EncryptRequest: encrypt,
        crypto.DecryptRequest: decrypt,
        crypto.SignRequest: sign,
        crypto.SignatureVerifyRequest: verify,
        PingRequest: lambda self, request: PingResponse(),
        QueryRequest: lambda self, request: QueryResponse(operation=(Operation.QUERY,)),
    }


class Waiting:
    """An AsyncClient used as if it were a Client: the same tests then hold for both."""

    def __init__(self, *args: Any, **said: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncClient(*args, **said)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return (lambda *a, **k: self._runner.run(found(*a, **k))) if callable(found) else found


@pytest.fixture(params=[Client, Waiting], ids=["Client", "AsyncClient"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Either client."""
    return request.param


def test_a_key_is_created_found_and_fetched(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind("localhost", server.port, ca=files.ca, certificate=files.client, private_key=files.key) as client:
        uid = client.create("AES", 256, name="demo", usage="Encrypt|Decrypt")
        assert client.locate("demo") == [uid]
        key = client.get(uid)
        assert key.material == bytes(range(32))
        assert (key.algorithm, key.length) == (CryptographicAlgorithm.AES, 256)
        assert (key.object_type, key.key_format_type) == (ObjectType.SYMMETRIC_KEY, KeyFormatType.RAW)
        assert key.key_wrapping_data is None
        assert repr(bytes(range(32)))[2:-1] not in repr(key)
        assert client.session.version is V2_1
    assert server.connections == 1


@pytest.mark.parametrize(
    ("versions", "spoken"), [((V1_0,), V1_0), ((V1_1, V1_2, V1_4), V1_4), ((V2_1,), V2_1)], ids=["1.0", "1.x", "2.1"]
)
def test_the_version_is_negotiated(kind: Any, serve: Serve, files: Files, versions: Any, spoken: Any) -> None:
    server = serve(Keeper(), versions=versions)
    with kind(settings=files.settings(server.port)) as client:
        client.create("AES", 128)
        assert client.session.version is spoken


def test_create_and_activate_are_one_message(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port, version=V1_4)) as client:
        assert client.create("AES", 128, activate=True) == "0"
    assert [len(request.batch_item) for request in server.requests] == [2]


def test_a_refusal_is_raised_with_the_servers_reason(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client, pytest.raises(OperationFailed) as caught:
        client.get("none")
    assert (caught.value.reason, caught.value.message) == (ResultReason.ITEM_NOT_FOUND, "there is no such object")


def test_a_batch_returns_what_became_of_each(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client:
        client.create("AES", 128)
        activate, get, last = client.batch(
            [
                lifecycle.ActivateRequest(unique_identifier="0"),
                get_payloads.GetRequest(unique_identifier="none"),
                lifecycle.ActivateRequest(unique_identifier="0"),
            ],
            on_error="Stop",
        )
        assert activate == lifecycle.ActivateResponse(unique_identifier="0")
        assert isinstance(get, OperationFailed)
        assert isinstance(last, OperationFailed)
        assert client.batch([]) == []


def test_a_pending_request_is_raised(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client:
        with pytest.raises(Pending) as caught:
            client.call(lifecycle.DestroyRequest(unique_identifier="0"), asynchronous=True)
        assert caught.value.correlation_value == b"approval"
        (outcome,) = client.batch([lifecycle.DestroyRequest(unique_identifier="0")])
        assert isinstance(outcome, Pending)


def test_call_checks_what_is_expected(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client:
        assert client.call(PingRequest()) == PingResponse()
        assert client.call(PingRequest(), PingResponse) == PingResponse()
        with pytest.raises(CodecError, match="not GetResponse"):
            client.call(PingRequest(), get_payloads.GetResponse)


def test_objects_of_each_kind_are_registered_and_fetched(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client:
        for uid, material in [
            (client.register_symmetric("AES", bytes(16), name="k"), bytes(16)),
            (client.register_secret("hunter2", name="pw"), b"hunter2"),
            (client.register_certificate(b"\x30\x00", name="c"), b"\x30\x00"),
            (client.register("Opaque Object", b"blob"), b"blob"),
            (client.register("PrivateKey", b"\x30", algorithm="RSA", length=2048), b"\x30"),
        ]:
            assert client.get(uid).material == material


def test_attributes_come_as_a_mapping(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client:
        uid = client.create("AES", 128, name="demo", attributes={"x-note": "hi"}, sensitive=True)
        assert client.get_attributes(uid, "Name", "Sensitive") == {
            "cryptographic_algorithm": CryptographicAlgorithm.AES,
            "cryptographic_length": 128,
            "name": ["demo"],
            "sensitive": True,
            "x-note": ["hi"],
        }
    kept = server.answer.objects[0][2]  # type: ignore[attr-defined]
    assert kept.get(VendorAttributeName("x", "note")) == Item(Tag.ATTRIBUTE_VALUE, TEXT_STRING, "hi")


def test_keys_are_used_on_the_server(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper())
    with kind(settings=files.settings(server.port)) as client:
        sealed = client.encrypt("0", b"hello", mode="GCM", random_iv=True)
        assert sealed == Ciphertext(b"olleh", b"nonce", b"tag")
        assert client.decrypt("0", sealed, mode="GCM") == b"hello"
        with pytest.raises(OperationFailed):
            client.decrypt("0", b"olleh", mode="GCM")
        assert client.sign("0", b"data", hashing="SHA-256") == b"signed "
        assert client.sign("0", b"digest", digested=True) == b"signed digest"
        assert client.verify("0", b"data", b"signed ")
        assert not client.verify("0", b"data", b"forged")
        assert client.create_key_pair("RSA", 2048, private={"usage": "Sign"}) == KeyPair("private", "public")
        assert client.query().operation == (Operation.QUERY,)
        assert V2_1 in client.discover_versions()
        assert client.ping() is None


# --- connections ----------------------------------------------------------------------------------------------------


def test_a_connection_that_the_server_closed_is_opened_again(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper(), hang_up_after=1)
    with kind(settings=files.settings(server.port, version=V2_1)) as client:
        for expected in ("0", "1", "2"):
            assert client.create("AES", 128) == expected
            for thread in server._threads[1:]:
                thread.join(5)
            client.ping()  # lets the event loop of AsyncClient see the end of the connection
            for thread in server._threads[1:]:
                thread.join(5)
    assert server.asked == [Operation.CREATE, Operation.PING] * 3


def test_a_read_is_repeated_when_the_answer_does_not_come(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper(), drop=1)
    with kind(settings=files.settings(server.port, version=V2_1)) as client:
        assert client.locate() == []
    assert server.asked == [Operation.LOCATE, Operation.LOCATE]


def test_a_change_is_not_repeated(kind: Any, serve: Serve, files: Files) -> None:
    server = serve(Keeper(), drop=1)
    with kind(settings=files.settings(server.port, version=V2_1)) as client:
        with pytest.raises(OSError):  # noqa: PT011 - whichever the operating system says
            client.create("AES", 128)
        assert client.create("AES", 128) == "0"
    assert server.asked == [Operation.CREATE, Operation.CREATE]


def test_the_next_server_takes_over(kind: Any, serve: Serve, files: Files) -> None:
    gone, server = serve(Keeper()), serve(Keeper(), versions=(V1_4,))
    with kind(settings=files.settings(gone.port, server.port)) as client:
        client.ping()
        gone.close()
        assert client.locate() == []
        assert client.session.version is V1_4
        assert client.session.server.port == server.port


def test_an_interrupted_request_does_not_spoil_the_next(serve: Serve, files: Files) -> None:
    hold, keeper = threading.Event(), Keeper()

    def answer(request: Request) -> Response:
        if isinstance(request, PingRequest):
            hold.wait(5)
        return keeper(request)

    server = serve(answer)

    async def talk() -> list[str]:
        async with AsyncClient(settings=files.settings(server.port, version=V2_1)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.ping()
            hold.set()
            return await client.locate()

    assert asyncio.run(talk()) == []


def test_a_server_that_does_not_answer_is_given_up(kind: Any, serve: Serve, files: Files) -> None:
    hold = threading.Event()
    server = serve(lambda request: (hold.wait(10), PingResponse())[1])
    with kind(settings=files.settings(server.port, version=V2_1, timeout_seconds=0.3)) as client:
        with pytest.raises(TimeoutError):
            client.encrypt("0", b"x")
        hold.set()


def test_tasks_share_a_client(serve: Serve, files: Files) -> None:
    server = serve(Keeper())

    async def talk() -> list[str]:
        async with AsyncClient(settings=files.settings(server.port)) as client:
            return list(await asyncio.gather(*(client.create("AES", 128) for _ in range(10))))

    assert sorted(asyncio.run(talk())) == [str(n) for n in range(10)]
    assert server.connections == 1


def test_a_server_of_another_authority_is_refused(kind: Any, serve: Serve, files: Files, tmp_path: Path) -> None:
    server = serve(Keeper(), issue(tmp_path).tls())
    with kind(settings=files.settings(server.port)) as client, pytest.raises(ssl.SSLCertVerificationError):
        client.ping()
    assert not server.requests


def test_a_server_of_another_name_is_refused(kind: Any, serve: Serve, tmp_path: Path) -> None:
    named = issue(tmp_path, ("elsewhere.example",))
    server = serve(Keeper(), named.tls())
    with kind(settings=named.settings(server.port)) as client, pytest.raises(ssl.SSLCertVerificationError):
        client.ping()
    assert not server.requests


def test_tls_1_1_is_refused(kind: Any, serve: Serve, files: Files) -> None:
    old = files.tls()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    server = serve(Keeper(), old)
    with kind(settings=files.settings(server.port)) as client, pytest.raises(ssl.SSLError):
        client.ping()


def test_files_that_cannot_be_used_are_named(kind: Any, files: Files, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    for said in ({"ca": str(bad)}, {"ca": str(tmp_path / "none.pem")}, {"ca": files.ca, "certificate": str(bad)}):
        with pytest.raises(ConfigError, match=r"bad\.pem|none\.pem"):
            Client(**said)


def test_both_clients_have_every_verb_documented() -> None:
    verbs = [name for name in vars(Verbs) if not name.startswith("_")]
    assert len(verbs) > 25
    for name in verbs:
        assert getattr(Client, name).__doc__
        assert not asyncio.iscoroutinefunction(getattr(Client, name))
