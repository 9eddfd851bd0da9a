"""The administration socket, over a real engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from keystead.audit.log import Event
from keystead.cli.administration import Administrator, Local, Remote, connect
from keystead.engine.admin import Administration
from keystead.engine.administration import METHODS, Method
from keystead.engine.engine import Engine
from keystead.engine.unsealing import Unsealing
from keystead.errors import ConfigError, CustodyError, OperationFailed, StoreError
from keystead.kmip.enums import Operation, ResultReason
from keystead.server import admin
from keystead.server.admin import AdminSocket
from keystead.server.turns import Answers
from keystead.store import open as open_store
from tests.support import make_engine

BEAT_SECONDS = 0.05
R = ResultReason


class Serving:
    """A worker's part: a loop that beats."""

    def __init__(self, directory: Path, engine: Answers) -> None:
        self.directory = directory
        self.engine = engine
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        socket = AdminSocket(self.directory, self.engine, lambda: {"version": "test"})
        await socket.beat()
        self._ready.set()
        while not self._stop.is_set():
            await asyncio.sleep(BEAT_SECONDS)
            await socket.beat()
        await socket.close(5)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(tmp_path)
    yield made
    made.close()


@pytest.fixture
def custody(tmp_path: Path) -> Path:
    return tmp_path / "custody"


@pytest.fixture
def serve(custody: Path, engine: Engine) -> Iterator[Callable[..., Serving]]:
    """Begin to serve; is stopped after the test."""
    with contextlib.ExitStack() as stack:

        def start(of: Answers = engine) -> Serving:
            made = Serving(custody, of)
            stack.callback(made.stop)
            return made

        yield start


@pytest.fixture
def operators(serve: Callable[..., Serving], custody: Path) -> Remote:
    serve()
    return Remote(custody, "default", lambda _progress: None)


def say(custody: Path, data: bytes, wait: bool = False) -> list[dict[str, Any]]:
    """Send bytes; the lines of the answer."""
    connection = connect(custody)
    assert connection is not None
    with connection, contextlib.suppress(ConnectionError):
        connection.settimeout(10)
        connection.sendall(data)
        if not wait:
            connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            return [json.loads(line) for line in lines]
    return []


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def events(engine: Engine) -> list[Event]:
    with engine.store.begin(write=False) as transaction:
        return [Event.decode(data, sequence) for sequence, data in transaction.events()]


# --- who may use it ---------------------------------------------------------------------------------------------------


def test_the_socket_is_its_owners_alone(operators: Remote, custody: Path) -> None:
    for name in ("admin.sock", "admin.lock"):
        assert stat.S_IMODE((custody / name).lstat().st_mode) == 0o600
    assert operators.call("status")["version"] == "test"


def test_no_socket_is_opened_where_others_may_put_another(
    custody: Path, serve: Callable[..., Serving], caplog: pytest.LogCaptureFixture
) -> None:
    custody.chmod(0o770)
    with caplog.at_level(logging.ERROR, "keystead.server"):
        serve()
        time.sleep(3 * BEAT_SECONDS)
    assert [record.message for record in caplog.records] == ["administration socket not opened"]
    assert not (custody / "admin.sock").exists()
    custody.chmod(0o700)
    until((custody / "admin.sock").exists)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_whatever_the_modes_are(operators: Remote, custody: Path, engine: Engine) -> None:
    custody.chmod(0o711)
    (custody / "admin.sock").chmod(0o666)
    program = (
        "import os, socket, sys\n"
        "os.setgroups([]), os.setgid(65534), os.setuid(65534)  # nobody\n"
        "one = socket.socket(socket.AF_UNIX)\n"
        "one.connect(f'/proc/self/fd/{sys.argv[1]}/admin.sock')\n"
        "try:\n"
        '    one.sendall(b\'{"method": "disable_client", "arguments": {"name": "alice"}}\\n\')\n'
        "except BrokenPipeError: pass  # it is refused before it is read\n"
        "sys.stdout.write(one.makefile().read())\n"
    )
    directory = os.open(custody, os.O_PATH)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, str(directory)],
            capture_output=True,
            text=True,
            timeout=30,
            pass_fds=[directory],
        )
    finally:
        os.close(directory)
    assert done.stderr == ""
    assert json.loads(done.stdout)["error"]["reason"] == "PERMISSION_DENIED"
    assert not events(engine)


# --- what it is sent --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"garbage\n",
        b"\xff\xfe\x00\n",
        b"null\n",
        b"[]\n",
        b'"status"\n',
        b"{}\n",
        b'{"method": 1}\n',
        b'{"method": "status", "arguments": []}\n',
        b'{"method": "status", "domain": null}\n',
        b'{"method": "status"',
        b"[" * 100_000 + b"\n",
        b'{"a":' * 40_000 + b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"x" * (admin.MOST_REQUEST_BYTES + 1),
        b"x" * 4 * admin.MOST_REQUEST_BYTES + b"\n",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_garbage_is_refused_and_harms_nobody(operators: Remote, custody: Path, data: bytes) -> None:
    answers = say(custody, data)
    assert all(answer["error"]["reason"] == "INVALID_MESSAGE" for answer in answers)
    assert len(answers) <= 1
    assert operators.call("status")["sealed"] is False


@pytest.mark.parametrize("data", [b"", b'{"method": '])
def test_a_request_that_does_not_end_is_given_up(
    operators: Remote, custody: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(admin, "REQUEST_SECONDS", 0.2)
    (answer,) = say(custody, data, wait=True)
    assert answer["error"]["reason"] == "INVALID_MESSAGE"


def test_those_who_say_nothing_or_leave_keep_nobody_from_it(
    operators: Remote, custody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "REQUEST_SECONDS", 0.5)
    silent = [connect(custody) for _ in range(2 * admin.CONNECTIONS)]
    for one in silent[::2]:
        assert one is not None
        one.close()
    try:
        until(lambda: _answers(operators))
    finally:
        for one in silent:
            assert one is not None
            one.close()


def _answers(operators: Administrator) -> bool:
    try:
        return bool(operators.call("status"))
    except CustodyError:
        return False


def test_an_answer_that_nobody_reads_is_given_up(
    operators: Remote, custody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "ANSWER_SECONDS", 0.2)
    monkeypatch.setitem(METHODS, "long", Method("long", lambda _administration: "x" * (8 << 20)))
    connection = connect(custody)
    assert connection is not None
    with connection:
        connection.sendall(b'{"method": "long"}\n')
        time.sleep(1)
        got = 0
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 20):
                got += len(part)
        assert got < 8 << 20
    assert len(operators.call("long")) == 8 << 20


@pytest.mark.parametrize("domain", ["", "a/b", "*", "x" * 65, "a\n"])
def test_what_is_no_domain_is_refused(operators: Remote, domain: str) -> None:
    operators.domain = domain
    with pytest.raises(OperationFailed, match="a domain is called"):
        operators.call("add_group", name="night")


def test_a05_wrong_arguments_are_named_and_never_repeated(operators: Remote, engine: Engine) -> None:
    for method, arguments, named in (
        ("nothing_of_the_kind", {}, "no such method"),
        ("_do", {}, "no such method"),
        ("add_user", {"name": "fred"}, "'password' is missing"),
        ("add_user", {"name": "fred", "password": "hunter2hunter2", "self": 1}, "no argument 'self'"),
        ("add_user", {"name": "fred", "password": ["hunter2hunter2"]}, "add_user: password"),
        ("add_user", {"name": "fred", "password": "hunter2hunter2", "groups": "hunter2"}, "groups: is a list"),
        ("add_device", {"device": {"password": "hunter2hunter2", "other": 1}}, "is an object with"),
        ("enroll_client", {"name": "fred", "certificate": "hunter2!"}, "Base64"),
        ("enroll_client", {"name": "fred", "certificate": b"hunter2"}, "no certificate"),
        ("grant", {"owner": "a", "grantee": "b", "operations": ["hunter2"]}, "is no Operation"),
        ("trust_wrapping_key", {"unique_identifier": "x", "trusted": "yes"}, "the type bool"),
        ("disable_client", {"name": "hunter2\ud800"}, "the type str"),
    ):
        with pytest.raises(OperationFailed) as refused:
            operators.call(method, **arguments)
        assert named in refused.value.message
        assert "hunter2" not in refused.value.message
    assert operators.call("users") == []
    # What could be read was refused by the method: that is in the audit.
    assert [(event.operation, event.status, event.reason) for event in events(engine)] == [
        ("Enroll Client", "Operation Failed", "Invalid Field")
    ]


# --- what it does -----------------------------------------------------------------------------------------------------


def test_both_ways_give_the_same_and_raise_the_same(
    operators: Remote, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> Callable[..., Any]:
        def run(_administration: Administration) -> None:
            raise error

        return run

    for error in (
        OperationFailed(R.ITEM_NOT_FOUND, "which"),
        CustodyError("custody"),
        StoreError("store"),
        ConfigError("config"),
    ):
        monkeypatch.setitem(METHODS, "fail", Method("fail", fail(error)))
        for way in (operators, Local(engine, "default", lambda _progress: None)):
            with pytest.raises(type(error)) as raised:
                way.call("fail")
            assert str(raised.value) == str(error)
    monkeypatch.setitem(METHODS, "fail", Method("fail", fail(RuntimeError("a secret"))))
    with pytest.raises(OperationFailed, match=r"internal error [0-9a-f]{12}$"):
        operators.call("fail")
    made = operators.call("add_user", name="fred", password="hunter2hunter2", groups=("night",))
    assert [made["identity"]] == [user["identity"] for user in operators.call("users")]
    here = Local(engine, "default", lambda _progress: None)
    assert here.call("users") == operators.call("users")
    assert here.call("add_group", name="day")
    operators.call("grant", owner="fred", grantee="day", operations=[Operation.GET, Operation.RE_KEY])
    names = {event.name for event in events(engine)}
    assert names == {admin.operator_of(os.geteuid())}
    assert "hunter2" not in repr(events(engine))


def test_a_slow_method_shows_how_far_it_is_and_keeps_nobody_waiting(
    serve: Callable[..., Serving], custody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    seen, quick = [], Remote(custody, "default", lambda _progress: None)
    answered = threading.Event()

    def count(administration: Administration, to: int) -> int:
        for number in range(to):
            administration.progress("numbers", number, to)
            administration.engine.turn(lambda turn: turn.transaction.put_entry("test", "number", b"1"))
        assert answered.wait(10)
        return to

    def show(progress: Any) -> None:
        seen.append(progress)
        if len(seen) == 1:
            assert quick.call("clients") == []  # it is read in another thread
            quick.call("add_group", name="night")  # it is done in the loop
            answered.set()

    monkeypatch.setitem(METHODS, "count", Method("count", count, slow=True))
    assert Remote(custody, "default", show).call("count", to=20) == 20
    assert quick.call("users") == []
    assert seen[0] == {"what": "numbers", "done": 0, "total": 20}


def test_a_slow_method_is_told_to_stop_when_the_server_does(
    serve: Callable[..., Serving], custody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = serve()

    def endless(administration: Administration) -> None:
        while True:
            administration.progress("rounds", 0, 0)
            time.sleep(0.01)

    monkeypatch.setitem(METHODS, "endless", Method("endless", endless, slow=True))
    begun = threading.Event()
    threading.Thread(target=lambda: begun.wait(10) and serving.stop(), daemon=True).start()
    with pytest.raises(StoreError, match="the server stops"):
        Remote(custody, "default", lambda _progress: begun.set()).call("endless")
    serving.stop()
    assert not (custody / "admin.sock").exists()
    assert connect(custody) is None


def test_z12_a_sealed_server_tells_its_status_and_nothing_else(
    serve: Callable[..., Serving], custody: Path, tmp_path: Path
) -> None:
    unsealing = Unsealing(open_store(f"sqlite:{tmp_path / 'keystead.db'}"), None)
    serve(unsealing)
    operators = Remote(custody, "default", lambda _progress: None)
    assert operators.call("status") == {"sealed": True, "version": "test", "answered": 0}
    for method in ("clients", "add_user", "nothing_of_the_kind"):
        with pytest.raises(CustodyError, match="the server is sealed"):
            operators.call(method)
    unsealing.close()


# --- who serves it ----------------------------------------------------------------------------------------------------


def test_one_serves_and_another_takes_over(serve: Callable[..., Serving], custody: Path) -> None:
    first, second = serve(), serve()
    socket_file = (custody / "admin.sock").lstat().st_ino
    time.sleep(3 * BEAT_SECONDS)
    assert (custody / "admin.sock").lstat().st_ino == socket_file
    first.stop()
    until((custody / "admin.sock").exists)
    operators = Remote(custody, "default", lambda _progress: None)
    assert operators.call("status")["version"] == "test"
    second.stop()
    assert connect(custody) is None


def test_a_socket_file_that_is_stale_or_gone_is_replaced(serve: Callable[..., Serving], custody: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        descriptor = os.open(custody, os.O_PATH)
        dead.bind(admin.in_directory(descriptor, "admin.sock"))
        os.close(descriptor)
    assert connect(custody) is None
    serve()
    operators = Remote(custody, "default", lambda _progress: None)
    assert operators.call("status")
    (custody / "admin.sock").unlink()
    assert operators.call("status")
    (custody / "admin.sock").unlink()
    (custody / "admin.sock").write_text("not a socket")
    until(lambda: stat.S_ISSOCK((custody / "admin.sock").lstat().st_mode))
    assert operators.call("status")
