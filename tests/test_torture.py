"""A slice of `make torture`; and each drill finds what is planted."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from keystead.engine import engine
from keystead.store.sql import SqlTransaction
from keystead.store.sqlite import _Connection
from tests.torture import scan
from tests.torture.drill import Drill, Impossible, Report, Skipped, perform
from tests.torture.drills import DRILLS

SEED = 1


def slice_of(drill: Drill, directory: Path) -> Report:
    """What a slice of a drill reports; skips the test where this machine lacks what it needs, which CI must not."""
    try:
        return perform(drill, drill.slice, SEED, directory)
    except Skipped as reason:
        if os.environ.get("CI") == "true" and not isinstance(reason, Impossible):
            pytest.fail(f"CI leaves out no drill, but {reason}: see .ci/run")
        pytest.skip(str(reason))


@pytest.mark.parametrize("drill", DRILLS.values(), ids=lambda drill: drill.name)
def test_a_slice_of_a_drill_finds_nothing(tmp_path: Path, drill: Drill) -> None:
    report = slice_of(drill, tmp_path)
    assert not report.violations
    assert report.counts["checks"] > 0


@pytest.mark.parametrize(
    ("reason", "ci", "outcome"),
    [
        (Skipped, "true", pytest.fail.Exception),
        (Skipped, "", pytest.skip.Exception),
        (Impossible, "true", pytest.skip.Exception),
    ],
)
def test_ci_leaves_out_only_what_is_impossible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: type[Skipped], ci: str, outcome: type[BaseException]
) -> None:
    def lacks(*_: object) -> None:
        raise reason("a part is missing")

    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="a part is missing"):
        slice_of(Drill("lacks", "", lacks, full=1, slice=1), tmp_path)


def _forgetful(patch: pytest.MonkeyPatch) -> None:
    """Every tenth commit is not made, and nobody is told."""
    commit, calls = SqlTransaction.commit, [0]

    def forgets(self: SqlTransaction) -> None:
        calls[0] += 1
        if calls[0] % 10:
            commit(self)

    patch.setattr(SqlTransaction, "commit", forgets)


def _piecemeal(patch: pytest.MonkeyPatch) -> None:
    """Each statement is a transaction of its own."""
    patch.setattr(_Connection, "begin", lambda self, write: None)
    patch.setattr(_Connection, "commit", lambda self: None)


def _silent(patch: pytest.MonkeyPatch) -> None:
    """What is refused leaves no event."""
    record = engine.record

    def successes(turn: object, caller: object, version: object, item: object, *more: object) -> None:
        if item.result_reason is None:  # type: ignore[attr-defined]
            record(turn, caller, version, item, *more)  # type: ignore[arg-type]

    patch.setattr(engine, "record", successes)


@pytest.mark.parametrize("plant", [_forgetful, _piecemeal, _silent], ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_by_the_kill_drill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    assert perform(DRILLS["kill"], 200, SEED, tmp_path).violations


SECRET = bytes(range(7, 47))


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET[::-1],
        SECRET.hex().encode(),
        SECRET.hex().upper().encode(),
        SECRET[::-1].hex().encode(),
        repr(SECRET).encode(),
        *[base64.b64encode(b"x" * shift + SECRET) for shift in range(4)],
        base64.urlsafe_b64encode(SECRET[::-1]),
    ],
)
def test_a_secret_is_found_however_it_is_written(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "log"
    file.write_bytes(b"before it " + written + b" after it")
    report = Report()
    scan.look(tmp_path, {"the secret": SECRET}, report, "planted")
    assert any("the secret" in violation for violation in report.violations)
    file.write_bytes(b"before it " + bytes(40) + b" after it")
    assert list(scan.search([file], {"the secret": SECRET})) == []
