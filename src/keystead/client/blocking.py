"""The client that waits: a TLS socket driven by `session.py`."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from keystead.client.methods import Verbs
from keystead.client.session import Connect, Conversation, Exchange, NothingSent, Outcome, Talk
from keystead.client.settings import Server
from keystead.client.verb import Blocking
from keystead.client.verbs import continuation, expected
from keystead.kmip.connection import Connection
from keystead.kmip.enums import BatchErrorContinuationOption
from keystead.kmip.payloads import Request, Response

T = TypeVar("T")
R = TypeVar("R", bound=Response)


class Client(Verbs, Blocking):
    """A KMIP client whose methods return when the answer is there; threads may share it, and take turns.

    It connects when it is first used, and again when the connection was lost.

        with Client("localhost", ca="ca.pem", certificate="alice.pem", private_key="alice.key") as client:
            key = client.get(client.create("AES", 256, name="demo", usage="Encrypt|Decrypt"))
    """

    def _prepare(self) -> None:
        self._socket: ssl.SSLSocket | None = None
        self._turn = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later request opens another."""
        with self._turn:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    @overload
    def call(self, request: Request, *, asynchronous: bool = False) -> Response: ...
    @overload
    def call(self, request: Request, expect: type[R], *, asynchronous: bool = False) -> R: ...
    def call(self, request: Request, expect: type[Any] = Response, *, asynchronous: bool = False) -> Any:
        """Send one request and return its response.

        Args:
            expect: the class of the response, for the type checker and to be sure.
            asynchronous: the server may answer later, which raises Pending; Poll asks for the result.

        Raises:
            OperationFailed: the server refuses; its Result Reason and message.
            Pending: the request goes on, or waits for an approval.
            OSError: no server answers, or the answer did not come.
            CodecError: the answer cannot be read.
        """
        return expected(self.batch([request], asynchronous=asynchronous)[0], expect)

    def batch(
        self,
        requests: Sequence[Request],
        *,
        on_error: BatchErrorContinuationOption | str | None = None,
        asynchronous: bool = False,
    ) -> list[Outcome]:
        """Send requests in one message; return a response, OperationFailed or Pending for each.

        Args:
            on_error: what the server does after a refusal: "Stop" (unless given), "Continue" or "Undo".
        """
        return self._run(self.session.batch(requests, on_error=continuation(on_error), asynchronous=asynchronous))

    def perform(self, talk: Talk[T]) -> T:
        return self._run(self.session.perform(talk))

    def _run(self, conversation: Conversation[T]) -> T:
        with self._turn:
            try:
                step = next(conversation)
                while True:
                    try:
                        answer = self._do(step)
                    except BaseException as error:  # noqa: BLE001 - the conversation says what follows
                        self.close()
                        step = conversation.throw(error)
                    else:
                        step = conversation.send(answer)
            except StopIteration as end:
                value: T = end.value
                return value

    def _do(self, step: Connect | Exchange) -> bytes:
        if isinstance(step, Connect):
            self.close()
            self._socket = self._connect(step.server)
            return b""
        if self._socket is None or not _alive(self._socket):
            raise NothingSent("the server closed the connection")
        self._socket.settimeout(self.settings.timeout_seconds)
        self._socket.sendall(step.message)
        framer = Connection(self.settings.maximum_bytes, requests=False)
        while True:
            data = self._socket.recv(65_536)
            if not data:
                raise ConnectionResetError("the server closed the connection without an answer")
            if messages := framer.receive(data):
                return messages[0]

    def _connect(self, server: Server) -> ssl.SSLSocket:
        plain = socket.create_connection(server, self.settings.timeout_seconds)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls.wrap_socket(plain, server_hostname=server.host)
        except BaseException:
            plain.close()
            raise


def _alive(connection: ssl.SSLSocket) -> bool:
    """Whether the server has neither closed the connection nor said what nobody asked."""
    connection.settimeout(0)
    try:
        connection.recv(1)
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False
    return False
