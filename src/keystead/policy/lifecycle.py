"""The states of an object, computed from its dates.

Every state of KMIP has a date, so state is not stored: an operation writes a date, and time does the rest.

Source: KMIP 1.4 section 3.22; 2.1 section 4.57; NIST SP 800-57 Part 1 Rev. 5 section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicUsageMask, ResultReason, RevocationReasonCode, State


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates that decide a state, in POSIX seconds; None where there is none."""

    activation: int | None = None
    process_start: int | None = None
    protect_stop: int | None = None
    deactivation: int | None = None
    compromise: int | None = None
    destroy: int | None = None

    def state(self, now: int) -> State:
        """The state at a time."""
        if self.destroy is not None:
            return State.DESTROYED if self.compromise is None else State.DESTROYED_COMPROMISED
        if self.compromise is not None:
            return State.COMPROMISED
        if self.deactivation is not None and self.deactivation <= now:
            return State.DEACTIVATED
        if self.activation is not None and self.activation <= now:
            return State.ACTIVE
        return State.PRE_ACTIVE

    def check(self, now: int) -> None:
        """Refuse dates in an order that would skip a state.

        Of an object that has been activated the Deactivation Date may be any in the past, before the Activation Date
        too: that deactivates it.  Source: KMIP 1.4 §3.22, transition 6.

        Raises:
            OperationFailed: Invalid Attribute Value.
        """
        ahead = self.activation if self.activation is not None and self.activation > now else None
        for earlier, later, said in (
            (ahead, self.deactivation, "the Deactivation Date must come after the Activation Date"),
            (self.activation, self.process_start, "the Process Start Date may not come before the Activation Date"),
            (self.process_start, self.deactivation, "the Process Start Date may not come after the Deactivation Date"),
            (self.activation, self.protect_stop, "the Protect Stop Date may not come before the Activation Date"),
            (self.protect_stop, self.deactivation, "the Protect Stop Date may not come after the Deactivation Date"),
        ):
            if earlier is not None and later is not None and earlier > later:
                raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, said)


class Event(Enum):
    """What moves an object from state to state."""

    ACTIVATE = auto()
    DEACTIVATE = auto()
    COMPROMISE = auto()
    DESTROY = auto()


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.PRE_ACTIVE, Event.ACTIVATE): State.ACTIVE,
    (State.PRE_ACTIVE, Event.COMPROMISE): State.COMPROMISED,
    (State.PRE_ACTIVE, Event.DESTROY): State.DESTROYED,
    (State.ACTIVE, Event.DEACTIVATE): State.DEACTIVATED,
    (State.ACTIVE, Event.COMPROMISE): State.COMPROMISED,
    (State.DEACTIVATED, Event.COMPROMISE): State.COMPROMISED,
    (State.DEACTIVATED, Event.DESTROY): State.DESTROYED,
    (State.COMPROMISED, Event.DESTROY): State.DESTROYED_COMPROMISED,
    (State.DESTROYED, Event.COMPROMISE): State.DESTROYED_COMPROMISED,
}
"""Every transition there is.  Source: 1.4 §3.22, figure 1; 2.1 §4.57."""

_COMPROMISING: Final = frozenset({RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE})


def event_of(code: RevocationReasonCode) -> Event:
    """What a Revoke with this reason does."""
    return Event.COMPROMISE if code in _COMPROMISING else Event.DEACTIVATE


def check_transition(state: State, event: Event) -> State:
    """The state that an event leads to.

    Raises:
        OperationFailed: Wrong Key Lifecycle State (Object Destroyed, if it is).
    """
    after = TRANSITIONS.get((state, event))
    if after is not None:
        return after
    if state in (State.DESTROYED, State.DESTROYED_COMPROMISED):
        raise OperationFailed(ResultReason.OBJECT_DESTROYED, "the object is destroyed")
    raise OperationFailed(
        ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"an object that is {state.title} cannot {event.name.lower()}"
    )


class Use(Enum):
    """The two directions of SP 800-57: applying protection, and processing what is protected."""

    PROTECT = auto()
    PROCESS = auto()


_M = CryptographicUsageMask
USES: Final[Mapping[CryptographicUsageMask, Use]] = {
    _M.ENCRYPT: Use.PROTECT,
    _M.SIGN: Use.PROTECT,
    _M.MAC_GENERATE: Use.PROTECT,
    _M.WRAP_KEY: Use.PROTECT,
    _M.DERIVE_KEY: Use.PROTECT,
    _M.KEY_AGREEMENT: Use.PROTECT,
    _M.CERTIFICATE_SIGN: Use.PROTECT,
    _M.CRL_SIGN: Use.PROTECT,
    _M.FPE_ENCRYPT: Use.PROTECT,
    _M.DECRYPT: Use.PROCESS,
    _M.VERIFY: Use.PROCESS,
    _M.MAC_VERIFY: Use.PROCESS,
    _M.UNWRAP_KEY: Use.PROCESS,
    _M.FPE_DECRYPT: Use.PROCESS,
}

PERMITS: Final[Mapping[State, frozenset[Use]]] = {
    State.PRE_ACTIVE: frozenset(),
    State.ACTIVE: frozenset(Use),
    State.DEACTIVATED: frozenset({Use.PROCESS}),
    State.COMPROMISED: frozenset(),
    State.DESTROYED: frozenset(),
    State.DESTROYED_COMPROMISED: frozenset(),
}
"""What a state may be used for.  Source: SP 800-57 Part 1 section 7; KMIP 1.4 §3.22."""


def check_use(dates: Dates, use: Use, now: int, process_compromised: bool = False) -> None:
    """Refuse a use that the state, or the Process Start and Protect Stop Dates, do not permit.

    Args:
        process_compromised: policy lets a compromised key still process what it protected.

    Raises:
        OperationFailed: Wrong Key Lifecycle State, Object Destroyed.
    """
    state = dates.state(now)
    if dates.destroy is not None:
        raise OperationFailed(ResultReason.OBJECT_DESTROYED, "the object is destroyed")
    permitted = use in PERMITS[state] or (process_compromised and state is State.COMPROMISED and use is Use.PROCESS)
    if not permitted:
        raise OperationFailed(
            ResultReason.WRONG_KEY_LIFECYCLE_STATE,
            f"an object that is {state.title} may not {use.name.lower()} data",
        )
    if use is Use.PROCESS and dates.process_start is not None and now < dates.process_start:
        raise OperationFailed(ResultReason.WRONG_KEY_LIFECYCLE_STATE, "the Process Start Date has not been reached")
    if use is Use.PROTECT and dates.protect_stop is not None and dates.protect_stop <= now:
        raise OperationFailed(ResultReason.WRONG_KEY_LIFECYCLE_STATE, "the Protect Stop Date has passed")
