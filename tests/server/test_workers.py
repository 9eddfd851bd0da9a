"""Several processes that answer are one server (K27, K40, N06, L06, M9)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from keystead.cli.opening import open_root, opener
from keystead.client import Client
from keystead.config import Config
from keystead.engine import granting
from keystead.engine.admin import Administration
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason, UsageLimitsUnit
from keystead.kmip.structures import UsageLimits
from tests.cli.running import Dev, dev, run

from .harness import closed_within

WORKERS = 4
CONNECTIONS = 12
"""The kernel spreads them: that all of them come to one worker does not happen."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A server of several workers."""
    directory = tmp_path_factory.mktemp("workers")
    with dev(directory / "ready.json", "--dir", directory / "ks", "--workers", WORKERS, "--client", "alice",
             "--client", "bob", "--client", "carol") as running:  # fmt: skip
        yield running


@pytest.fixture
def administration(server: Dev) -> Iterator[Administration]:
    """An operator beside the server, in a process of its own."""
    config = Config.load(Path(server.facts["config"]))
    engine = opener(config, open_root(config))()
    yield Administration(engine)
    engine.close()


@contextlib.contextmanager
def clients(server: Dev, name: str, count: int = CONNECTIONS) -> Iterator[list[Client]]:
    """So many connections of a client, all open."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(server.client(name, version="2.1")) for _ in range(count)]
        for each in made:
            each.ping()
        yield made


def at_once(actions: list[Callable[[], object]]) -> list[object]:
    """Do all at the same time; what each gave or raised."""
    results: list[object] = [None] * len(actions)
    gate = threading.Barrier(len(actions))

    def one(number: int) -> None:
        gate.wait()
        try:
            results[number] = actions[number]()
        except Exception as error:  # noqa: BLE001  it is the result
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def reasons(action: Callable[[Client], object], among: list[Client]) -> set[ResultReason | None]:
    """Why something is refused to connections, one after the other; None where it is not."""

    def reason(one: Client) -> ResultReason | None:
        try:
            action(one)
        except OperationFailed as error:
            return ResultReason(error.reason)
        return None

    return {reason(one) for one in among}


def encrypt(uid: str, one: Client) -> object:
    return one.encrypt(uid, b"x" * 16, mode="CBC", padding="PKCS5", random_iv=True)


def get(uid: str, one: Client) -> object:
    return one.get(uid)


@pytest.mark.parametrize("total", [1, 7])
def test_K27_a_usage_limit_is_exact_over_all_workers(server: Dev, total: int) -> None:
    limits = UsageLimits(usage_limits_total=total, usage_limits_unit=UsageLimitsUnit.OBJECT)
    with clients(server, "alice", 24) as alices:
        uid = alices[0].create("AES", 256, usage="Encrypt|Decrypt", activate=True, usage_limits=limits)
        results = at_once([partial(encrypt, uid, one) for one in alices])
    refused = [result for result in results if isinstance(result, Exception)]
    assert len(results) - len(refused) == total
    assert all(isinstance(error, OperationFailed) for error in refused), refused


def test_N06_what_is_answered_by_one_worker_holds_on_all(server: Dev) -> None:
    with clients(server, "alice") as alices:
        for turn in range(20):
            maker = alices[turn % len(alices)]
            uid = maker.create("AES", 128, usage="Encrypt|Decrypt")
            assert reasons(partial(get, uid), alices) == {None}
            assert reasons(partial(encrypt, uid), alices) == {ResultReason.WRONG_KEY_LIFECYCLE_STATE}
            maker.activate(uid)
            assert reasons(partial(encrypt, uid), alices) == {None}
            maker.revoke(uid, "Key Compromise")
            assert reasons(partial(encrypt, uid), alices) == {ResultReason.WRONG_KEY_LIFECYCLE_STATE}
            maker.destroy(uid)
            assert reasons(partial(get, uid), alices) == {ResultReason.OBJECT_DESTROYED}  # K40: no cache has it


def test_N06_a_grant_holds_on_all_workers_as_soon_as_it_is_given_or_taken_back(
    server: Dev, administration: Administration
) -> None:
    with server.client("alice") as alice, clients(server, "bob") as bobs:
        uid = alice.create("AES", 256, usage="Encrypt")
        for _ in range(5):
            assert reasons(partial(get, uid), bobs) == {ResultReason.OBJECT_NOT_FOUND}
            granting.grant(administration, "alice", "bob", uid)
            assert reasons(partial(get, uid), bobs) == {None}
            granting.revoke_grant(administration, "alice", "bob", uid)


def test_L06_M9_a_client_that_is_locked_out_loses_its_connections_to_all_workers(server: Dev) -> None:
    config = server.facts["config"]
    with clients(server, "carol") as carols, server.client("bob") as bob:
        bob.ping()
        done = run("client", "disable", "carol", "--config", config)
        assert done.returncode == 0, done.stderr
        for each in carols:
            assert each._socket is not None
            assert closed_within(each._socket, 5)
        with pytest.raises(OSError, match=r"closed|reset|EOF"), server.client("carol", version="2.1") as again:
            again.ping()
        bob.ping()
    assert run("client", "enable", "carol", "--config", config).returncode == 0
    with server.client("carol") as again:
        again.ping()
    assert run("client", "disable", "nobody", "--config", config).returncode == 1
