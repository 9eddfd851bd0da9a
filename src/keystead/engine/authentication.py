"""Who asks: the credentials in the header of a message, beside the client's certificate or in its place.

A client speaks for itself by its certificate.  A credential says that a user or a device speaks over it: the request
is then that account's, which owns what it makes.  All credentials of a message must be satisfied and be of one
account.  What is refused is refused in one way, whatever was wrong; whoever tries too often waits.

Source: KMIP 1.4 sections 2.1.2 and 6.6; 2.1 sections 9.4 and 9.11.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from keystead.crypto.passwords import verify_nothing
from keystead.engine import accounts, attestation, identities, people, tickets
from keystead.engine.accounts import Account, Accounts
from keystead.engine.context import Turn
from keystead.engine.sealed import Sealed
from keystead.engine.tickets import Delegation
from keystead.engine.verifiers import Digests, OneTime, Password, Salted, Verifier
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason
from keystead.kmip.messages import RequestHeader
from keystead.kmip.structures import (
    Attestation,
    Device,
    HashedPassword,
    OneTimePassword,
    Structure,
    TicketCredential,
    UsernameAndPassword,
)
from keystead.kmip.version import Version
from keystead.policy.access import Caller

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

MAXIMUM_CREDENTIALS: Final = 4
MAXIMUM_TEXT: Final = 1024
"""Characters of a user's name, a password or an identifier in a message."""
FREE_TRIES: Final = 9
"""Wrong credentials for one account, from one client and address, that cost nothing but themselves."""
FREE_TRIES_OF_A_CLIENT: Final = 99
"""The same for all accounts together."""
FIRST_WAIT_SECONDS: Final = 30
LONGEST_WAIT_SECONDS: Final = 3600
FORGET_SECONDS: Final = 86_400
MAXIMUM_VERIFIED: Final = 4096
VERIFIED_SECONDS: Final = 300
"""How long a password that was right need not be hashed again by this process."""
_TRIES: Final = "tries"


@dataclass(frozen=True, slots=True)
class Admission:
    """As whom a message is answered.

    Attributes:
        delegation: what a ticket permits; None where nothing limits the caller.
        refusal: why nothing of the message is done.
        header: what the header of the answer says of it.
    """

    caller: Caller
    delegation: Delegation | None = None
    refusal: OperationFailed | None = None
    header: dict[str, Any] = field(default_factory=dict)


def admit(turn: Turn, caller: Caller, header: RequestHeader, version: Version) -> Admission:
    """Check what the header of a message says of who asks."""
    given = header.authentication
    try:
        admission = Admission(caller)
        if given is not None:
            admission = _Credentials(turn, caller, [one.credential_value for one in given.credential]).check()
        return _attested(turn, admission, header)
    except OperationFailed as error:
        return Admission(caller, refusal=error)


def refused() -> OperationFailed:
    """The one answer to whatever is wrong with a credential."""
    return OperationFailed(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "the credential was not accepted")


class _Credentials:
    """The credentials of a message, and the account that they are of."""

    def __init__(self, turn: Turn, caller: Caller, shown: Sequence[Structure]) -> None:
        self.turn = turn
        self.engine = turn.engine
        self.through = caller
        self.shown = shown
        self.accounts = Accounts(turn.transaction, turn.engine.vault, caller.domain)
        self.header: dict[str, Any] = {}

    def check(self) -> Admission:
        """Raises: OperationFailed: Authentication Not Successful, Invalid Ticket, Usage Limit Exceeded."""
        shown = self.shown
        if not 0 < len(shown) <= MAXIMUM_CREDENTIALS or any(_too_long(one) for one in shown):
            raise refused()
        ticket = [one for one in shown if isinstance(one, TicketCredential)]
        named = [one for one in shown if not isinstance(one, (TicketCredential, Attestation))]
        if ticket:
            if len(ticket) > 1 or named:
                raise refused()
            caller, delegation = tickets.spend(self.turn, self.through, ticket[0].ticket)
            return Admission(caller, delegation)
        if not named:
            return Admission(self.through)
        names = {_name(one) for one in named if not isinstance(one, Device)}
        devices = [one for one in named if isinstance(one, Device)]
        if len(names) > 1 or len(devices) > 1:
            raise refused()
        account = None
        if devices:
            account = self._admitted(devices[0], devices)
        if names:
            account = self._admitted(names.pop(), [one for one in named if not isinstance(one, Device)])
        return Admission(account.caller(self.through) if account else self.through, header=self.header)

    def _admitted(self, name: str | Device, shown: Sequence[Structure]) -> Account:
        """The account of a name, if everything shown for it is right."""
        tries = Tries(self.turn, self.through, self.accounts.key(name, self.through.identity))
        if tries.waiting():
            raise refused()
        account = self.accounts.find(name, self.through.identity)
        if account is None and self.engine.enrol_unknown_users and self.through.identity:
            account = self._enrolled(name, shown)
        if account is not None and (account.disabled or account.client not in ("", self.through.identity)):
            account = None
        if not self._satisfied(account, shown):
            tries.failed()
            raise refused()
        tries.passed()
        assert account is not None
        return account

    def _satisfied(self, account: Account | None, shown: Sequence[Structure]) -> bool:
        """Whether every credential is right and nothing that the account asks for is missing."""
        if account is None:
            for one in shown:
                verify_nothing(getattr(one, "password", None) or "")
            return False
        known = people.verifiers_of(self.turn, account)
        if known is None:
            return False
        marks = dict(account.marks)
        proven = {kind for one in shown for kind in self._proven(account, known, marks, one)}
        if marks != account.marks:
            self.accounts.put(replace(account, marks=marks))
        kinds = {_FACTORS[type(verifier)] for verifier in known.values()}
        wanted = kinds if account.device or OneTime not in kinds else {OneTime, *kinds & {Password}}
        if not known:  # it has nothing to prove itself by: its client's certificate is what proves it
            return account.client == self.through.identity != "" and bool(proven == {None})
        return None not in proven and (wanted <= proven if OneTime in wanted else bool(proven & kinds))

    def _proven(
        self, account: Account, known: dict[str, Verifier], marks: dict[str, int], shown: Structure
    ) -> set[type | None]:
        """What a credential proves; None stands for something that is wrong, or that nothing was asked for."""
        found: set[type | None] = set()
        if isinstance(shown, Device) and _differs(account, shown):
            return {None, Device}
        if isinstance(shown, HashedPassword):
            for key, verifier in known.items():
                if isinstance(verifier, Digests):
                    mark = verifier.check(shown, marks.get(key, 0), self.turn.now)
                    if mark is not None:
                        marks[key] = mark
                        self.header["server_hashed_password"] = verifier.answer(mark)
                        return {Password}
            return {None, HashedPassword}
        password = getattr(shown, "password", None)
        if password is not None:
            right = self._password(account, [v for v in known.values() if isinstance(v, (Password, Salted))], password)
            found.add(Password if right else HashedPassword)
        if isinstance(shown, OneTimePassword):
            for key, verifier in known.items():
                if isinstance(verifier, OneTime):
                    mark = verifier.check(shown, marks.get(key, 0), self.turn.now)
                    if mark is not None:
                        marks[key] = mark
                        found.add(OneTime)
                        break
            else:
                found.add(HashedPassword)
        return found or {None}
