"""The client that is awaited: asyncio streams driven by `session.py`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from keystead.client.methods import Verbs
from keystead.client.session import Connect, Conversation, Exchange, NothingSent, Outcome, Talk
from keystead.client.verb import Awaited
from keystead.client.verbs import continuation, expected
from keystead.kmip.connection import Connection
from keystead.kmip.enums import BatchErrorContinuationOption
from keystead.kmip.payloads import Request, Response

T = TypeVar("T")
R = TypeVar("R", bound=Response)


class AsyncClient(Verbs, Awaited):
    """A KMIP client for asyncio; tasks may share it, and take turns.

    It connects when it is first used, and again when the connection was lost.

        async with AsyncClient("localhost", ca="ca.pem", certificate="alice.pem", private_key="alice.key") as client:
            key = await client.get(await client.create("AES", 256, name="demo", usage="Encrypt|Decrypt"))
    """

    def _prepare(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; a later request opens another."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):  # a peer need not say good-bye
                    await writer.wait_closed()

    @overload
    async def call(self, request: Request, *, asynchronous: bool = False) -> Response: ...
    @overload
    async def call(self, request: Request, expect: type[R], *, asynchronous: bool = False) -> R: ...
    async def call(self, request: Request, expect: type[Any] = Response, *, asynchronous: bool = False) -> Any:
        """Send one request and return its response; as `Client.call`."""
        return expected((await self.batch([request], asynchronous=asynchronous))[0], expect)

    async def batch(
        self,
        requests: Sequence[Request],
        *,
        on_error: BatchErrorContinuationOption | str | None = None,
        asynchronous: bool = False,
    ) -> list[Outcome]:
        """Send requests in one message; as `Client.batch`."""
        return await self._run(self.session.batch(requests, on_error=continuation(on_error), asynchronous=asynchronous))

    async def perform(self, talk: Talk[T]) -> T:
        return await self._run(self.session.perform(talk))

    async def _run(self, conversation: Conversation[T]) -> T:
        async with self._turn:
            try:
                step = next(conversation)
                while True:
                    try:
                        async with asyncio.timeout(self.settings.timeout_seconds):
                            answer = await self._do(step)
                    except BaseException as error:  # noqa: BLE001 - the conversation says what follows
                        self._abort()
                        step = conversation.throw(error)
                    else:
                        step = conversation.send(answer)
            except StopIteration as end:
                value: T = end.value
                return value

    def _abort(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _do(self, step: Connect | Exchange) -> bytes:
        if isinstance(step, Connect):
            await self.close()
            host, port = step.server
            self._streams = await asyncio.open_connection(host, port, ssl=self._tls, server_hostname=host)
            return b""
        if self._streams is None or self._streams[0].at_eof() or self._streams[1].is_closing():
            raise NothingSent("the server closed the connection")
        reader, writer = self._streams
        writer.write(step.message)
        await writer.drain()
        framer = Connection(self.settings.maximum_bytes, requests=False)
        while True:
            data = await reader.read(65_536)
            if not data:
                raise ConnectionResetError("the server closed the connection without an answer")
            if messages := framer.receive(data):
                return messages[0]
