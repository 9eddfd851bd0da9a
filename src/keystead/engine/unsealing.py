"""A sealed server: it tells that it is sealed, takes custodians' shares, and answers nothing else.

It has the store, for the audit's sake, and no key: to every message it gives the same answer, whoever sends it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from keystead.audit.log import Event
from keystead.custody.shares import Ceremony, Progress, Record
from keystead.engine.administration import SEALED
from keystead.engine.engine import Incoming
from keystead.engine.notices import Delivery
from keystead.engine.refusals import refuse
from keystead.errors import CustodyError, OperationFailed, StoreError, TamperError
from keystead.kmip.enums import ResultReason
from keystead.policy.access import Caller
from keystead.store import Store

log = logging.getLogger("keystead.engine")

MOST_REFUSALS: Final = 10
"""Refused shares of a minute that are events of the audit, each; the others are counted in the log only."""
_MINUTE: Final = 60.0


def note(
    store: Store,
    operation: str,
    message: str,
    *,
    name: str,
    address: str = "",
    status: str = "Success",
    reason: str = "",
    clock: Callable[[], float] = time.time,
) -> None:
    """Make what was done to the server's keys an event of the audit.  Raises: StoreError."""
    event = Event(
        time=int(clock() * 1_000_000),
        name=name,
        address=address,
        operation=operation,
        status=status,
        reason=reason,
        message=message,
    )
    with store.begin() as transaction:
        transaction.append_events([event.encode()])
        transaction.commit()


class Unsealing:
    """Answers for a sealed server.  It is to the server what an engine is.

    Args:
        store: where the audit is.
        ceremony: takes the shares; None if the root is not one of shares.
    """

    sealed = True

    def __init__(self, store: Store, ceremony: Ceremony | None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._ceremony = ceremony
        self._clock = clock
        self._refusals: list[float] = []

    # --- the ceremony ---

    @property
    def by_shares(self) -> bool:
        """Whether shares unseal it."""
        return self._ceremony is not None

    def progress(self) -> Progress:
        """How far the ceremony is.  Raises: CustodyError, if shares do not unseal it."""
        return self._require().progress

    def submit(self, custodian: str, share: str, address: str) -> Progress:
        """Take a custodian's share.

        Raises:
            CustodyError: it is not accepted; one text for every cause.
            StoreError: there can be no record of it; it does not count.
            TamperError: it is right, but the root does not open.
        """
        return self._take("Unseal", self._require().submit, custodian, share, address)

    def withdraw(self, custodian: str, share: str, address: str) -> Progress:
        """Give a custodian's share back.  Raises: as `submit`."""
        return self._take("Withdraw Share", self._require().withdraw, custodian, share, address)

    def _require(self) -> Ceremony:
        if self._ceremony is None:
            raise CustodyError("this server is not unsealed by shares: keystead operator unseal, on its machine")
        return self._ceremony

    def _take(
        self, operation: str, take: Callable[[str, str, Record], Progress], custodian: str, share: str, address: str
    ) -> Progress:
        def record(name: str, progress: Progress) -> None:
            note(self._store, operation, str(progress), name=name, address=address, clock=self._clock)

        try:
            return take(custodian, share, record)
        except CustodyError as error:
            self._refused(operation, address, str(error))
            raise
        except TamperError as error:  # of whose share it was there is an event already
            note(
                self._store, operation, str(error), name="", address=address, status="Operation Failed",
                reason="General Failure", clock=self._clock,
            )  # fmt: skip
            raise

    def _refused(self, operation: str, address: str, message: str) -> None:
        now = time.monotonic()
        self._refusals = [at for at in self._refusals if now - at < _MINUTE][-MOST_REFUSALS:]
        log.warning("share refused", extra={"fields": {"address": address}})
        if len(self._refusals) < MOST_REFUSALS:  # anybody can ask; the audit must not fill up with it
            self._refusals.append(now)
            # Who it was is what somebody said who had no right share.
            status, reason = "Operation Failed", "Permission Denied"
            note(
                self._store, operation, message, name="", address=address, status=status, reason=reason,
                clock=self._clock,
            )  # fmt: skip

    # --- as an engine ---

    def answer(self, messages: Sequence[Incoming], seconds: float | None = None) -> list[bytes]:
        """The same answer to all: General Failure."""
        refused = OperationFailed(ResultReason.GENERAL_FAILURE, SEALED)
        return [refuse(incoming, refused, int(self._clock())) for incoming in messages]

    def prepare(self, incoming: Incoming) -> Incoming:
        """There is no work to do."""
        return incoming

    def caller_of(self, certificate_der: bytes, address: str) -> Caller | None:
        """Somebody, whoever it is: a sealed server does not look anybody up."""
        return Caller("", "", "", address=address)

    def identity_epoch(self) -> int:
        """Nobody's standing changes."""
        return 0

    def start(self) -> None:
        """There is nothing that it could look at."""

    def upkeep(self) -> None:
        """Let a ceremony that took too long expire."""
        if self._ceremony is not None:
            _ = self._ceremony.progress

    def labour(self) -> bool:
        """There is no work to do."""
        return False

    def deliveries(self) -> list[Delivery]:
        """Nothing is sent."""
        return []

    def delivered(self, delivery: Delivery, fault: str, *, answered: bool) -> None:
        """Nothing was sent."""

    def trouble(self) -> str:
        """Why it can take no share: there can be no record of it; "" if it can."""
        try:
            with self._store.begin(write=False):
                return ""
        except (StoreError, TamperError) as error:
            return str(error)

    def weakness(self) -> str:
        """Nothing."""
        return ""

    def status(self) -> dict[str, Any]:
        """How things stand."""
        return {"sealed": True}

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
