"""The administration socket: what an operator on this machine asks of the server that runs.

A Unix domain socket in the custody directory, which the server's own user and root may use and nobody else; one worker
serves it, and when that one dies another takes over within a beat.  A request is one line of JSON,

    {"method": NAME, "arguments": {...}, "domain": NAME}

and its answer is lines of JSON: {"progress": {"what": ..., "done": ..., "total": ...}} any number of times (empty when
there is nothing new), then {"result": ...} or {"error": {"kind": ..., "reason": ..., "message": ...}}.  The methods are
those of `keystead.engine.methods`, and `status`, which a sealed server answers too.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from keystead.engine.administration import SEALED, STATUS, Method, dump_error, operator_of, perform
from keystead.errors import CustodyError, KeysteadError, OperationFailed, StoreError
from keystead.kmip.enums import ResultReason
from keystead.server.tally import Tally

if TYPE_CHECKING:
    from keystead.engine.admin import Administration, Progress
    from keystead.server.turns import Answers

log = logging.getLogger("keystead.server")

SOCKET_FILE: Final = "admin.sock"
LOCK_FILE: Final = "admin.lock"
"""Whoever holds a lock on it serves the socket."""
MOST_REQUEST_BYTES: Final = 256 << 10
REQUEST_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
"""How long the other end may leave an answer unread."""
ALIVE_SECONDS: Final = 10.0
"""While a slow method has nothing to show, empty progress is sent so often."""
CONNECTIONS: Final = 32
THREADS: Final = 2
"""One for what is slow, and one for what is read meanwhile."""
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group
_FORM: Final = 'send one line of JSON: {"method": NAME, "arguments": {...}}'


class AdminSocket:
    """Serves the administration socket in one of the workers.

    Args:
        directory: the custody directory.
        engine: what the methods work on.
        facts: tells what the server knows beside the engine, for `status`.
        tally: where the workers count what they have answered.
        worker: the number of this one.
    """

    def __init__(
        self,
        directory: Path,
        engine: Answers,
        facts: Callable[[], Mapping[str, Any]] = dict,
        tally: Tally | None = None,
        worker: int = 0,
    ) -> None:
        self._path = directory
        self._engine = engine
        self._facts = facts
        self._tally = tally or Tally(worker + 1)
        self._worker = worker
        self._counted = 0
        self._lock = -1
        self._server: asyncio.Server | None = None
        self._file: tuple[int, int] | None = None
        self._tasks: dict[asyncio.Task[None], bool] = {}  # a conversation → whether its request is being done
        self._threads: ThreadPoolExecutor | None = None
        self._slow = asyncio.Lock()
        self._stopping = threading.Event()
        self._fault = ""

    async def beat(self, answered: int = 0) -> None:
        """Serve the socket if no other worker does; about once a second.

        Args:
            answered: how many messages this worker has.
        """
        self._tally.add(self._worker, answered - self._counted)
        self._counted = answered
        try:
            if self._lock < 0 and not self._take_lock():
                return
            if self._server is None or self._found() != self._file:
                await self._open()
            self._fault = ""
        except (OSError, ValueError) as error:
            fault = getattr(error, "strerror", None) or type(error).__name__
            if fault != self._fault:  # each cause once, not each second
                log.error("administration socket not opened", extra={"fields": {"error": fault}})
            self._fault = fault

    async def close(self, seconds: float) -> None:
        """Serve no more: what is under way is told to stop, and waited for."""
        self._stopping.set()
        if self._server is not None:
            self._server.close()
            if self._found() == self._file:
                with suppress(OSError):
                    (self._path / SOCKET_FILE).unlink()
        for task, busy in self._tasks.items():
            if not busy:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- the socket ---

    def _take_lock(self) -> bool:
        descriptor = os.open(self._path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._lock = descriptor
        return True

    async def _open(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        # The socket comes to its name only when its mode is right, in the place of one that a dead server left.
        part = f".{SOCKET_FILE}.{secrets.token_hex(6)}"
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if os.fstat(directory).st_mode & 0o022:
                raise PermissionError(0, "others may write the custody directory; make its mode 0700")
            for left in os.listdir(directory):  # by one that was killed at this very point
                if left.startswith(f".{SOCKET_FILE}."):
                    os.unlink(left, dir_fd=directory)
            try:
                one.bind(in_directory(directory, part))
                os.chmod(part, 0o600, dir_fd=directory)
                one.listen(CONNECTIONS)
                one.setblocking(False)
                os.rename(part, SOCKET_FILE, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with suppress(OSError):
                    os.unlink(part, dir_fd=directory)
                raise
        except BaseException:
            one.close()
            raise
        finally:
            os.close(directory)
        self._file = self._found()
        self._server = await asyncio.start_unix_server(self._accepted, sock=one, limit=MOST_REQUEST_BYTES)
        log.info("administration socket opened")

    def _found(self) -> tuple[int, int] | None:
        try:
            found = (self._path / SOCKET_FILE).lstat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    # --- a conversation ---

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= CONNECTIONS or self._stopping.is_set():
            writer.transport.abort()
            return
        self._tasks[task] = False
        try:
            await self._converse(task, reader, writer)
        except (OSError, TimeoutError):
            writer.transport.abort()  # the other end is gone, or does not read
        finally:
            del self._tasks[task]
            writer.close()

    async def _converse(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            asked = await self._request(reader, writer)
            if asked is None:
                return
            self._tasks[task] = True
            answer = {"result": await self._answer(asked, writer)}
        except KeysteadError as error:
            answer = {"error": dump_error(error)}
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001  `defect` logs it
            from keystead.engine.refusals import defect

            answer = {"error": dump_error(defect())}
        writer.write(_line(answer))
        async with asyncio.timeout(ANSWER_SECONDS):
            await writer.drain()
            writer.write_eof()
            writer.close()
            await writer.wait_closed()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request | None:
        # Who it is comes first: nothing is read of what somebody else sends.
        operator = _operator(peer_of(writer.get_extra_info("socket")))
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await reader.readline()
        except TimeoutError:
            raise _unreadable(f"a request is sent within {REQUEST_SECONDS:.0f} seconds") from None
        except ValueError:
            raise _unreadable(f"a request has at most {MOST_REQUEST_BYTES} bytes") from None
        if not line:  # who only looked whether somebody is here
            return None
        try:
            found: Any = json.loads(line)
            method, arguments, domain = found["method"], found.get("arguments", {}), found.get("domain", "default")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _unreadable(_FORM) from None
        if not (isinstance(method, str) and isinstance(arguments, dict) and isinstance(domain, str)):
            raise _unreadable(_FORM)
        return _Request(method, arguments, domain, operator)

    async def _answer(self, asked: _Request, writer: asyncio.StreamWriter) -> Any:
        from keystead.engine.admin import Administration
        from keystead.engine.engine import Engine
        from keystead.engine.methods import METHODS

        if asked.method == STATUS:
            return {**self._facts(), **await self._in_thread(self._engine.status), "answered": self._tally.total}
        if not isinstance(self._engine, Engine) or self._engine.sealed:
            raise CustodyError(SEALED)
        administration = Administration(self._engine, asked.domain, asked.operator, self._progress(writer))
        row = METHODS.get(asked.method)
        if row is None or not (row.slow or row.reads):
            return perform(administration, asked.method, asked.arguments)
        doing = asyncio.create_task(self._do(row, administration, asked.arguments))
        try:
            while not doing.done():
                await asyncio.wait([doing], timeout=ALIVE_SECONDS)
                _show(writer, _line({"progress": {}}))
            return doing.result()
        finally:
            doing.cancel()

    async def _do(self, row: Method, administration: Administration, arguments: Mapping[str, Any]) -> Any:
        async with contextlib.nullcontext() if row.reads else self._slow:
            return await self._in_thread(perform, administration, row.name, arguments)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="keystead-admin")
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _progress(self, writer: asyncio.StreamWriter) -> Progress:
        loop = asyncio.get_running_loop()

        def progress(what: str, done: int = 0, total: int = 0) -> None:
            if self._stopping.is_set():
                raise StoreError("the server stops; ask again when it runs")
            loop.call_soon_threadsafe(_show, writer, _line({"progress": {"what": what, "done": done, "total": total}}))

        return progress


class _Request(NamedTuple):
    method: str
    arguments: Mapping[str, Any]
    domain: str
    operator: str


def peer_of(one: Any) -> int:
    """The user at the other end of a Unix domain socket.  Source: Linux unix(7), SO_PEERCRED."""
    _, user, _ = _CREDENTIALS.unpack(one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(user)


def in_directory(directory: int, name: str) -> str:
    """A path to a file in an open directory: short enough for a socket, however deep the directory lies."""
    return f"/proc/self/fd/{directory}/{name}"


def _operator(user: int) -> str:
    """The operator that a user is.  Raises: OperationFailed (Permission Denied)."""
    if user not in (0, os.geteuid()):
        log.warning("administration refused", extra={"fields": {"user": user}})
        raise OperationFailed(ResultReason.PERMISSION_DENIED, "only root and the server's own user may do this")
    return operator_of(user)


def _show(writer: asyncio.StreamWriter, line: bytes) -> None:
    """Send progress.  Whoever does not read it needs no more of it: what they wait for is the result."""
    if not writer.is_closing() and not writer.transport.get_write_buffer_size():
        writer.write(line)


def _unreadable(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_MESSAGE, message)


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"
