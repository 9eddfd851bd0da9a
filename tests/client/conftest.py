"""A small KMIP server over real TLS that answers from structures and counts what it is asked; and `keystead dev`."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keystead.client import Settings
from keystead.client.settings import Server
from keystead.errors import CodecError, OperationFailed, Pending
from keystead.kmip.connection import Connection
from keystead.kmip.enums import Operation, ResultReason, ResultStatus
from keystead.kmip.messages import (
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    dump_message,
    load_request,
    protocol_version,
)
from keystead.kmip.payloads import Request, Response
from keystead.kmip.payloads.server import DiscoverVersionsRequest, DiscoverVersionsResponse
from keystead.kmip.version import V1_0, Version

Answer = Callable[[Request], Response]


def answer_message(request: RequestMessage, version: Version, answer: Answer) -> bytes:
    """Answer each batch item; stop at the first refusal."""
    items = []
    for asked in request.batch_item:
        said: dict[str, object] = {"operation": asked.operation, "unique_batch_item_id": asked.unique_batch_item_id}
        try:
            items.append(
                ResponseBatchItem(
                    **said, result_status=ResultStatus.SUCCESS, response_payload=answer(asked.request_payload)
                )
            )
        except Pending as error:
            value = error.correlation_value
            items.append(
                ResponseBatchItem(
                    **said, result_status=ResultStatus.OPERATION_PENDING, asynchronous_correlation_value=value
                )
            )
        except OperationFailed as error:
            refusal = {"result_reason": error.reason, "result_message": error.message}
            items.append(ResponseBatchItem(**said, result_status=ResultStatus.OPERATION_FAILED, **refusal))
            break
    header = ResponseHeader(protocol_version=protocol_version(version), time_stamp=0, batch_count=len(items))
    return dump_message(ResponseMessage(response_header=header, batch_item=tuple(items)), version)


@dataclass
class TinyServer:
    """Answers what `answer` says; drops the connection before the answer `drop` times."""

    tls: ssl.SSLContext
    answer: Answer
    versions: tuple[Version, ...] = tuple(Version)
    drop: int = 0
    hang_up_after: int = 0
    requests: list[RequestMessage] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(plain,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        self._open.append(plain)
        with contextlib.suppress(OSError, CodecError), plain:
            connection = self.tls.wrap_socket(plain, server_side=True)
            self._open.append(connection)
            with connection:
                self._talk(connection)

    def _talk(self, connection: ssl.SSLSocket) -> None:
        framer, answered = Connection(), 0
        while data := connection.recv(65_536):
            for message in framer.receive(data):
                request, version = load_request(message)
                self.requests.append(request)
                if self.drop:
                    self.drop -= 1
                    return
                connection.sendall(self._answered(request, version))
                answered += 1
                if answered == self.hang_up_after:
                    return

    def _answered(self, request: RequestMessage, version: Version) -> bytes:
        if version not in self.versions:
            item = ResponseBatchItem(
                result_status=ResultStatus.OPERATION_FAILED,
                result_reason=ResultReason.INVALID_MESSAGE,
                result_message="no such version",
            )
            header = ResponseHeader(protocol_version=protocol_version(V1_0), time_stamp=0, batch_count=1)
            return dump_message(ResponseMessage(response_header=header, batch_item=(item,)), V1_0)
        return answer_message(request, version, self._discovered)

    def _discovered(self, request: Request) -> Response:
        if isinstance(request, DiscoverVersionsRequest) and max(self.versions) > V1_0:
            theirs = list(reversed(self.versions))
            return DiscoverVersionsResponse(protocol_version=tuple(map(protocol_version, theirs)))
        return self.answer(request)

    @property
    def asked(self) -> list[Operation]:
        """The operations asked, Discover Versions aside."""
        found = [item.operation for request in self.requests for item in request.batch_item]
        return [operation for operation in found if operation is not Operation.DISCOVER_VERSIONS]


@dataclass(frozen=True)
class Files:
    """PEM files of an authority, a server for localhost and a client."""

    ca: str
    server: str
    client: str
    key: str

    def settings(self, *ports: int, **more: object) -> Settings:
        servers = tuple(Server("localhost", port) for port in ports)
        more = {"ca": self.ca, "certificate": self.client, "private_key": self.key, "timeout_seconds": 5, **more}
        return Settings(servers=servers, **more)  # type: ignore[arg-type]

    def tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server, self.key)
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def issue(directory: Path, names: tuple[str, ...] = ("localhost",)) -> Files:
    """Make an authority and, with one key, a server's and a client's certificate."""
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])

    def certificate(name: str, *, ca: bool) -> str:
        alternative: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        alternative.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        made = (
            x509.CertificateBuilder()
            .subject_name(authority if ca else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        file = directory / f"{name}.pem"
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return str(file)

    private = directory / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Files(certificate("ca", ca=True), certificate("server", ca=False), certificate("client", ca=False),
                 str(private))  # fmt: skip


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The certificates that most tests use."""
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def serve(files: Files) -> Iterator[Callable[..., TinyServer]]:
    """Start a server: serve(answer, versions=..., drop=...)."""
    running: list[TinyServer] = []

    def start(answer: Answer, tls: ssl.SSLContext | None = None, **more: object) -> TinyServer:
        running.append(TinyServer(tls or files.tls(), answer, **more))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for server in running:
        server.close()


@contextlib.contextmanager
def dev_server(directory: Path) -> Iterator[dict[str, str]]:
    """Run `keystead dev`; gives the profile file of each of its clients."""
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "keystead.cli.main", "dev", "--dir", str(directory / "dev")]
    command += ["--kmip-port", "0", "--https-port", "0", "--ready-file", str(ready)]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until = time.monotonic() + 30
            while not ready.exists():
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < until, "keystead dev is not ready after 30 seconds"
                time.sleep(0.05)
            facts = json.loads(ready.read_text())
            yield {name: client["profile"] for name, client in facts["clients"].items()}
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.fixture(scope="session")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The profile files of alice and bob, at a server that runs for the whole session."""
    with dev_server(tmp_path_factory.mktemp("keystead")) as found:
        yield found
