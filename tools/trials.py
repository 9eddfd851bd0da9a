"""What comes of it: things that are tried on a real engine, in a directory that is thrown away afterwards.

Objects are laid into a transaction as they are to be, an operation is done on them, and all of it is taken back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from keystead.custody.keks import open_keks
from keystead.custody.software import SoftwareRoot, make_key_file
from keystead.custody.zones import Vault
from keystead.engine import operations as _operations  # noqa: F401 - enters the handlers
from keystead.engine.context import Context, Turn
from keystead.engine.engine import Engine
from keystead.engine.managed import Managed
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName
from keystead.kmip.enums import ObjectType, ResultReason, State
from keystead.kmip.payloads import Request
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version
from keystead.policy.access import Caller
from keystead.store import open as open_store
from tools.examples import OTHER, TIME, UID

ALICE: Final = Caller("a" * 32, "alice", "default")
DONE: Final = "yes"
STATES: Final[Mapping[State, Mapping[Tag, int]]] = {
    State.PRE_ACTIVE: {},
    State.ACTIVE: {Tag.ACTIVATION_DATE: TIME - 200},
    State.DEACTIVATED: {Tag.ACTIVATION_DATE: TIME - 200, Tag.DEACTIVATION_DATE: TIME - 100},
}
"""The dates that put an object into a state."""


@contextmanager
def trials() -> Iterator[Engine]:
    """An engine for trials, whose clock stands still."""
    with tempfile.TemporaryDirectory() as directory:
        custody = Path(directory) / "custody"
        custody.mkdir(mode=0o700)
        root = SoftwareRoot.create(custody, make_key_file(custody / "root.key"))
        store = open_store(f"sqlite:{directory}/keystead.db")
        engine = Engine(store, Vault(root, open_keks(custody)), lambda: TIME)
        try:
            yield engine
        finally:
            engine.close()


def managed(object_type: ObjectType, attributes: Mapping[Tag, Any], unique_identifier: str = UID) -> Managed:
    """An object of alice's as it is to be."""
    found: dict[AttributeName, tuple[Attribute, ...]] = {
        tag: (Attribute(tag, value, 0),)
        for tag, value in {Tag.INITIAL_DATE: TIME - 300, Tag.LAST_CHANGE_DATE: TIME - 300, **attributes}.items()
    }
    return Managed(unique_identifier, ALICE.domain, ALICE.identity, object_type, 0, found)


def outcome(engine: Engine, version: Version, request: Request, prepare: Callable[[Context], object]) -> str:
    """What comes of a request of alice's: "yes", or the Result Reason.

    Args:
        prepare: makes things as they are to be before; the ID Placeholder is what it leaves there.
    """
    with engine.store.begin() as transaction:
        turn = Turn(engine, transaction, TIME * 1_000_000)
        context = Context(turn, ALICE, version)
        context.add(managed(ObjectType.SYMMETRIC_KEY, {}, OTHER))
        prepare(context)
        context.operation = request.OPERATION
        try:
            engine.perform(context, request)
        except OperationFailed as error:
            return ResultReason(error.reason).title
        return DONE  # nothing of it is committed
