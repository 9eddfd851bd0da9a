"""How many objects there are, for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keystead.engine.administration import method
from keystead.kmip.enums import ObjectType
from keystead.policy.lifecycle import Dates

if TYPE_CHECKING:
    from keystead.engine.admin import Administration


@method(reads=True)
def count_objects(administration: Administration) -> dict[str, dict[str, int]]:
    """Count the objects of every domain: of each type, how many are in which state."""
    now = int(administration.engine.clock())
    with administration.engine.store.begin(write=False) as transaction:
        counts = transaction.object_counts(now)
    found: dict[str, dict[str, int]] = {}
    for count in counts:
        dates = Dates(
            activation=now if count.activated else None,
            deactivation=now if count.deactivated else None,
            compromise=now if count.compromised else None,
            destroy=now if count.destroyed else None,
        )
        states, state = found.setdefault(str(ObjectType(count.object_type)), {}), str(dates.state(now))
        states[state] = states.get(state, 0) + count.number
    return found
