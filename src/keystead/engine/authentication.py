"""Who asks: the credentials in the header of a message, beside the client's certificate or in its place.

A client speaks for itself by its certificate.  A credential says that a user or a device speaks over it: the request
is then that account's, which owns what it makes.  All credentials of a message must be right and be of one account.
What is refused is refused in one way, whatever was wrong; whoever tries too often waits.

Source: KMIP 1.4 sections 2.1.2 and 6.6; 2.1 sections 9.4 and 9.11.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from keystead.crypto.passwords import verify_nothing
from keystead.engine import attestation, identities, people, tickets, verifiers
from keystead.engine.accounts import PASSWORD, Account, Accounts, device_name, identifiers_of, new_identity
from keystead.engine.context import Turn
from keystead.engine.sealed import Sealed
from keystead.engine.tickets import Delegation
from keystead.engine.verifiers import MAXIMUM_PASSWORD, Digests, OneTime, Password, Salted, Verifier
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason
from keystead.kmip.messages import RequestHeader
from keystead.kmip.schema import Structure
from keystead.kmip.structures import (
    Attestation,
    Device,
    HashedPassword,
    OneTimePassword,
    TicketCredential,
    UsernameAndPassword,
)
from keystead.policy.access import Caller

MAXIMUM_CREDENTIALS: Final = 4
FREE_TRIES: Final = 9
"""Wrong credentials for one account, over one client from one address, that cost nothing."""
FREE_TRIES_OF_A_CLIENT: Final = 99
"""The same for all accounts together: names cannot be tried without end either."""
FIRST_WAIT_SECONDS: Final = 30
LONGEST_WAIT_SECONDS: Final = 3600
FORGET_SECONDS: Final = 86_400
MAXIMUM_VERIFIED: Final = 4096
VERIFIED_SECONDS: Final = 300
"""How long a password that was right need not be hashed again in this process."""


class Factor(Enum):
    """What an account can be asked to prove; all that it has is asked for."""

    PASSWORD = auto()
    ONE_TIME = auto()


_FACTORS: Final[Mapping[type[Verifier], Factor]] = {
    Password: Factor.PASSWORD,
    Salted: Factor.PASSWORD,
    Digests: Factor.PASSWORD,
    OneTime: Factor.ONE_TIME,
}


class Admission(NamedTuple):
    """As whom a message is answered.

    Attributes:
        delegation: what a ticket permits; None where nothing narrows what the caller may do.
        refusal: why nothing of the message is done.
        header: what the header of the answer says of it.
    """

    caller: Caller
    delegation: Delegation | None = None
    refusal: OperationFailed | None = None
    header: Mapping[str, Any] = MappingProxyType({})


def admit(turn: Turn, caller: Caller, header: RequestHeader) -> Admission:
    """Check what the header of a message says of who asks."""
    shown = [one.credential_value for one in header.authentication.credential] if header.authentication else []
    said: dict[str, Any] = {}
    try:
        attestation.check(turn, caller, header, [one for one in shown if isinstance(one, Attestation)], said)
        claims = [one for one in shown if not _says_nothing(one)]
        if header.authentication is None or (shown and not claims):
            return Admission(caller, header=said)
        return _Credentials(turn, caller, claims, said).admission()
    except OperationFailed as error:
        return Admission(caller, refusal=error, header=said)


def _says_nothing(credential: Structure) -> bool:
    """Whether it names nobody and proves nothing, as clients send it that were given no credential."""
    return isinstance(credential, UsernameAndPassword) and not (credential.username or credential.password)


def refused() -> OperationFailed:
    """The one answer to whatever is wrong with a credential."""
    return OperationFailed(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "the credential was not accepted")


class _Wrong(Exception):
    """Something shown is not right."""


class _Credentials:
    """The credentials of a message."""

    def __init__(self, turn: Turn, caller: Caller, shown: Sequence[Structure], said: dict[str, Any]) -> None:
        self.turn = turn
        self.engine = turn.engine
        self.through = caller
        self.shown = shown
        self.said = said
        self.accounts = Accounts(turn.transaction, turn.engine.vault, caller.domain)

    def admission(self) -> Admission:
        """Raises: OperationFailed (Authentication Not Successful, Invalid Ticket, Usage Limit Exceeded)."""
        if not 0 < len(self.shown) <= MAXIMUM_CREDENTIALS:
            raise refused()
        bearing = [one for one in self.shown if isinstance(one, TicketCredential)]
        devices = [one for one in self.shown if isinstance(one, Device)]
        users = [one for one in self.shown if not isinstance(one, (TicketCredential, Device, Attestation))]
        if bearing:
            if len(bearing) > 1 or devices or users:
                raise refused()
            caller, delegation = tickets.spend(self.turn, self.through, bearing[0].ticket)
            return Admission(caller, delegation, header=self.said)
        caller = self.through
        if devices:
            if len(devices) > 1:
                raise refused()
            caller = self._account(devices[0], devices).caller(self.through)
        if users:
            names = {one.username for one in users}  # type: ignore[attr-defined]
            if len(names) > 1:
                raise refused()
            caller = self._account(names.pop(), users).caller(self.through)
        return Admission(caller, header=self.said)

    def _account(self, name: str | Device, shown: Sequence[Structure]) -> Account:
        """The account of a name, if everything shown for it is right."""
        over = self.through.identity
        key = self.accounts.key(name, over)
        tries = [
            _Tries(self.turn, self.through, f"{key}/{over}/{self.through.address}", FREE_TRIES),
            _Tries(self.turn, self.through, f"{over}/{self.through.address}", FREE_TRIES_OF_A_CLIENT),
        ]
        if any(one.waiting for one in tries):
            raise refused()
        kept = self.accounts.find(name, over) or self._enrolled(name, shown)
        if kept is not None and (kept.disabled or kept.client not in ("", over)):
            kept = None
        account = None if kept is None else people.present(self.turn, kept)
        try:
            self._check(kept, account, shown)
        except _Wrong:
            for one in tries:
                one.failed()
            raise refused() from None
        tries[0].passed()
        return cast(Account, account)

    def _enrolled(self, name: str | Device, shown: Sequence[Structure]) -> Account | None:
        """Where unknown users are enrolled at first sight, a new account of this client's; else None.

        A name of another client is nobody's to take; one's own name is oneself.
        """
        through = self.through
        if not (self.engine.enrol_unknown_users and through.identity and not through.by_credential):
            return None
        password = getattr(shown[0], "password", None)
        if len(shown) > 1 or isinstance(shown[0], (OneTimePassword, HashedPassword)):
            return None
        identity = new_identity()
        if isinstance(name, str):
            client = identities.by_name(self.turn.transaction, through.domain, name)
            if client is not None and client.identity != through.identity:
                return None
            identity = client.identity if client is not None else identity
        try:
            devices = [] if isinstance(name, str) else [name]
            account = Account(
                identity,
                name if isinstance(name, str) else device_name(identifiers_of(name)),
                through.domain,
                client=through.identity,
                made=self.turn.now,
                devices=tuple(identifiers_of(device) for device in devices),
                verifiers={} if password is None else {PASSWORD: Password.of(password)},
            )
            return self.accounts.add(account, *devices)
        except OperationFailed:
            return None

    def _check(self, kept: Account | None, account: Account | None, shown: Sequence[Structure]) -> None:
        """Raises: _Wrong, unless everything shown is right and nothing that the account has is left unproven."""
        if kept is None or account is None:
            for one in shown:
                verify_nothing(_limited(getattr(one, "password", None) or ""))
            raise _Wrong
        marks = dict(account.marks)
        proven = {factor for one in shown for factor in self._proven(account, marks, one)}
        asked = {_FACTORS[type(verifier)] for verifier in account.verifiers.values()}
        # What has nothing to prove itself by is proven by the certificate of the client that it belongs to.
        if not asked <= proven or not (asked or account.client):
            raise _Wrong
        if marks != account.marks:
            self.accounts.put(replace(kept, marks=marks))

    def _proven(self, account: Account, marks: dict[str, int], shown: Structure) -> set[Factor]:
        """What a credential proves.  Raises: _Wrong."""
        known = account.verifiers
        proven = set()
        if isinstance(shown, Device):
            if not any({part: getattr(shown, part) for part in one} == one for one in account.devices):
                raise _Wrong
        elif isinstance(shown, HashedPassword):
            self._shown_once(Digests, known, marks, shown)
            proven.add(Factor.PASSWORD)
        elif isinstance(shown, OneTimePassword):
            self._shown_once(OneTime, known, marks, shown)
            proven.add(Factor.ONE_TIME)
        password = getattr(shown, "password", None)
        if password is not None:
            self._password(account, known, _limited(password))
            proven.add(Factor.PASSWORD)
        return proven

    def _shown_once(
        self, kind: type[Digests | OneTime], known: Mapping[str, Verifier], marks: dict[str, int], shown: Any
    ) -> None:
        for key, verifier in known.items():
            if isinstance(verifier, kind):
                mark = verifier.check(shown, marks.get(key, 0), self.turn.now)
                if mark is not None:
                    marks[key] = mark
                    if isinstance(verifier, Digests):
                        self.said["server_hashed_password"] = verifier.answer(mark)
                    return
        raise _Wrong

    def _password(self, account: Account, known: Mapping[str, Verifier], password: str) -> None:
        passwords = [verifier for verifier in known.values() if isinstance(verifier, (Password, Salted))]
        kept = json.dumps([account.identity, password, *map(verifiers.dump, passwords)]).encode()
        token, verified, now = hmac.digest(self.engine.pepper, kept, "sha256"), self.engine.verified, self.turn.now
        if verified.get(token, now) > now:
            return
        # No short cut: how many passwords there are is not told by the clock.
        right = [verifier.check(password) for verifier in passwords] or [verify_nothing(password)]
        if True not in right:
            raise _Wrong
        if len(verified) >= MAXIMUM_VERIFIED:
            verified.clear()
        verified[token] = now + VERIFIED_SECONDS


class _Tries:
    """How often somebody was wrong, and until when it waits for that."""

    def __init__(self, turn: Turn, caller: Caller, key: str, free: int) -> None:
        self._entries = Sealed(turn.transaction, turn.engine.vault, "tries", caller.domain)
        self._now = turn.now
        self._free = free
        self._key = self._entries.blind(key)
        found = self._entries.get(self._key)
        self._count = self._until = 0
        if found is not None:
            count, until, forgotten = json.loads(found)
            if forgotten > self._now:
                self._count, self._until = int(count), int(until)

    @property
    def waiting(self) -> bool:
        """Whether its wait is not over; a clock that was put back makes no wait longer."""
        return self._now < self._until <= self._now + LONGEST_WAIT_SECONDS

    def failed(self) -> None:
        """Count; from the last free try on each wait is twice the one before."""
        self._count += 1
        over = self._count - self._free
        wait = min(FIRST_WAIT_SECONDS << min(over - 1, 16), LONGEST_WAIT_SECONDS) if over > 0 else 0
        forgotten = self._now + FORGET_SECONDS
        self._entries.put(self._key, json.dumps([self._count, self._now + wait, forgotten]).encode(), forgotten)

    def passed(self) -> None:
        """Begin anew."""
        if self._count:
            self._entries.delete(self._key)


def _limited(password: str) -> str:
    """A password of a length that is worth hashing.  Raises: _Wrong."""
    if len(password) > MAXIMUM_PASSWORD:
        raise _Wrong
    return password
