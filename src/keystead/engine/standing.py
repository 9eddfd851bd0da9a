"""How an engine stands: what keeps it from answering, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from keystead.engine import identities
from keystead.errors import KeysteadError, OutOfReach

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

OUT_OF_REACH: Final = "the token is out of reach"


def trouble(engine: Engine) -> str:
    """Why it cannot answer as it should, in words for anybody; "" if it can, or is only sealed.

    It is asked as a client's message asks: by a look at the database.  Of a token that is lost, no more is said than
    that: which it is, and what it answered, is in the log.
    """
    try:
        with engine.store.begin(write=False) as transaction:
            _ = engine.sealed or transaction.state
    except OutOfReach:
        return OUT_OF_REACH
    except KeysteadError as error:
        return str(error)
    return ""


def weakness(engine: Engine) -> str:
    """What it lacks though it answers; "" if nothing."""
    return OUT_OF_REACH if engine.vault.root.lost else ""


def status(engine: Engine) -> dict[str, Any]:
    """How things stand, for the operator; of a database that cannot be asked, nothing."""
    if trouble(engine) not in ("", OUT_OF_REACH):
        return {"sealed": engine.sealed}
    with engine.store.begin(write=False) as transaction:
        return {
            "sealed": engine.sealed,
            "clients": len(identities.clients(transaction)),
            "objects": transaction.state.objects,
            "quarantine": transaction.state.quarantine.bit_count(),
        }
