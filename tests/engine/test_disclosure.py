"""No sequence of operations tells a protected key; and the search finds holes that are planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keystead.engine import attributes, derive, get, register, split, use, wrapping
from keystead.policy.wrapping import History
from tests.engine.disclosure import sequences
from tests.engine.world import World

CHUNK = 60


def test_no_sequence_of_operations_tells_a_protected_key(world: World) -> None:
    made = list(sequences(world.engine, seed=1, count=CHUNK))
    assert sum(len(attacker.forbidden) for attacker in made) > CHUNK
    assert sum(len(attacker.blobs) for attacker in made) > CHUNK


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _unchanged(context: Any, managed: Any, *_: Any) -> Any:
    return managed


HOLES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a Sensitive key leaves as it is": lambda patch: patch.setattr(get, "_SECRETS", frozenset()),
    "a MAC is taken for a wrapping": lambda patch: patch.setattr(wrapping, "_hides", lambda method: True),
    "any key wraps a Sensitive key": lambda patch: patch.setattr(wrapping, "check_wrapping", _nothing),
    "a wrapping key decrypts": lambda patch: patch.setattr(use, "check_other_use", _nothing),
    "what wraps is not remembered": lambda patch: patch.setattr(wrapping, "_remember_wrapping", _nothing),
    "what was unwrapped is as new": lambda patch: patch.setattr(register, "_protected", _unchanged),
    "copies are not looked for": lambda patch: (
        patch.setattr(register, "protected_as_copies", _unchanged),
        patch.setattr(wrapping, "_let_copies_follow", _nothing),
    ),
    "what is derived inherits nothing": lambda patch: patch.setattr(derive, "inherit", _nothing),
    "a base of derivation encrypts": lambda patch: patch.setattr(derive, "check_derivation", _nothing),
    "parts inherit nothing": lambda patch: (
        patch.setattr(split, "inherit", _nothing),
        patch.setattr(register, "protected_as_copies", _unchanged),
    ),
    "Sensitive can be taken back": lambda patch: patch.setattr(
        attributes,
        "_WHEN",
        {**attributes._WHEN, **dict.fromkeys((attributes.When.TO_TRUE, attributes.When.TO_FALSE), _nothing)},
    ),
    "a key that left counts as known here only": lambda patch: patch.setattr(
        History, "known_here_only", property(lambda history: bool(history & History.MADE_HERE))
    ),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_planted_hole_is_found(world: World, monkeypatch: pytest.MonkeyPatch, hole: str) -> None:
    HOLES[hole](monkeypatch)
    with pytest.raises(AssertionError, match="a key was told"):
        list(sequences(world.engine, seed=2, count=40 * CHUNK))
