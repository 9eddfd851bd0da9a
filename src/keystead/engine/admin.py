"""What KMIP has no words for: users, devices, groups, grants, and who is let in.

These are for operators, who stand beside the server and not before it: each does one thing, in one transaction, with an
event of the audit that names the operator and what was done, and never a password.  Those that are a `@method` can be
asked for on the server's socket (`administration`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from keystead.audit.log import Event
from keystead.engine import attestation, identities
from keystead.engine.accounts import (
    ACCOUNT,
    HASHED,
    ONE_TIME,
    PASSWORD,
    Account,
    Accounts,
    device_name,
    identifiers_of,
    new_identity,
)
from keystead.engine.administration import method
from keystead.engine.context import Context, Turn
from keystead.engine.verifiers import Digests, OneTime, Password, Verifier
from keystead.errors import OperationFailed, StoreError
from keystead.kmip.enums import Operation, ResultReason, ResultStatus
from keystead.kmip.structures import Device
from keystead.kmip.version import NEWEST
from keystead.policy.access import Caller
from keystead.policy.wrapping import History
from keystead.store import ALL

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

T = TypeVar("T")
DEFAULT_DOMAIN = "default"
OPERATOR = "operator"

Progress = Callable[[str, int, int], None]
"""Is told what a slow method is at, how much of it is done, and of how much; raises if it is to stop."""


def _unseen(_what: str, _done: int, _total: int) -> None:
    """Nobody looks on."""


@dataclass(frozen=True, slots=True)
class Administration:
    """What an operator does in a domain.

    Attributes:
        operator: who does it, for the audit.
        progress: is told how far a slow method is.

    Every verb raises OperationFailed: Object Not Found, for a name that nobody has; Object Already Exists, for one that
    somebody has; Invalid Field, for one that is none.
    """

    engine: Engine
    domain: str = DEFAULT_DOMAIN
    operator: str = OPERATOR
    progress: Progress = _unseen

    # --- users and devices ---

    @method(slow=True)
    def add_user(self, name: str, password: str, groups: Iterable[str] = ()) -> Account:
        """Let a user in by a password, over any client's certificate or none.

        One of the name of a client is that client: its password is asked for beside its certificate.
        """
        known: dict[str, Verifier] = {PASSWORD: Password.of(password)}

        def work(turn: Turn) -> Account:
            client = identities.by_name(turn.transaction, self.domain, name)
            identity = new_identity() if client is None else client.identity
            account = Account(
                identity,
                name,
                self.domain,
                client="" if client is None else client.identity,
                groups=tuple(identities.join(turn.transaction, self.domain, group) for group in groups),
                made=turn.now,
                verifiers=known,
            )
            return self._accounts(turn).add(account)

        return self._do("Add User", work, lambda account: account.identity, name)

    @method(slow=True)
    def add_device(self, device: Device, groups: Iterable[str] = ()) -> Account:
        """Let a device in by its identifiers and its password."""
        if device.password is None:
            raise OperationFailed(ResultReason.BAD_PASSWORD, "a device is let in by a password")
        identifiers = identifiers_of(device)
        known: dict[str, Verifier] = {PASSWORD: Password.of(device.password)}

        def work(turn: Turn) -> Account:
            account = Account(
                new_identity(),
                device_name(identifiers),
                self.domain,
                groups=tuple(identities.join(turn.transaction, self.domain, group) for group in groups),
                made=turn.now,
                devices=(identifiers,),
                verifiers=known,
            )
            return self._accounts(turn).add(account, device)

        return self._do("Add Device", work, lambda account: account.identity, device_name(identifiers))

    @method(slow=True)
    def set_password(self, name: str, password: str, *, hashed: bool = False) -> Account:
        """Give a user another password.

        Args:
            hashed: it may be shown as a Hashed Password too; whoever opens what is kept for that can do so as well.
        """
        known: dict[str, Verifier] = {PASSWORD: Password.of(password)}
        if hashed:
            known[HASHED] = Digests.of(name, password)
        return self._change(
            "Set Password",
            name,
            lambda account: replace(
                account, verifiers={k: v for k, v in account.verifiers.items() if k == ONE_TIME} | known
            ),
        )

    @method
    def set_one_time_password(self, name: str, one_time: OneTime | None) -> Account:
        """Ask a user for a one-time password beside the password from now on; None asks no more."""
        return self._change(
            "Set One Time Password",
            name,
            lambda account: replace(
                account,
                verifiers={k: v for k, v in account.verifiers.items() if k != ONE_TIME}
                | ({} if one_time is None else {ONE_TIME: one_time}),
                marks={k: mark for k, mark in account.marks.items() if k != ONE_TIME},
            ),
        )

    @method
    def disable_user(self, name: str) -> Account:
        """Lock a user out, its tickets too."""
        return self._change("Disable User", name, lambda account: replace(account, disabled=True))

    @method
    def enable_user(self, name: str) -> Account:
        """Let a user in again."""
        return self._change("Enable User", name, lambda account: replace(account, disabled=False))

    @method
    def users(self) -> list[Account]:
        """The users and devices of the domain."""
        with self.engine.store.begin(write=False) as transaction:
            accounts = Accounts(transaction, self.engine.vault, self.domain)
            return sorted(accounts.all(transaction.entries(ACCOUNT)), key=lambda account: account.name)

    # --- clients ---

    @method
    def enroll_client(self, name: str, certificate: bytes, groups: Iterable[str] = ()) -> identities.Client:
        """Let a client in by its certificate, in DER.  The name is for people."""

        def work(turn: Turn) -> identities.Client:
            try:
                return identities.enroll(turn.transaction, name, certificate, self.domain, tuple(groups), turn.now)
            except ValueError:
                raise OperationFailed(ResultReason.INVALID_FIELD, "this is no certificate") from None

        return self._do("Enroll Client", work, lambda client: client.identity, name)

    @method
    def clients(self) -> list[dict[str, Any]]:
        """The clients of every domain, with the names of their groups."""
        return self.engine.clients()

    @method
    def disable_client(self, name: str) -> identities.Client:
        """Lock a client out: its open connections end too."""
        return self._set_client("Disable Client", name, lambda client: replace(client, disabled=True))

    @method
    def enable_client(self, name: str) -> identities.Client:
        """Let a client in again."""
        return self._set_client("Enable Client", name, lambda client: replace(client, disabled=False))

    @method
    def require_attestation(self, name: str, public_key: bytes, registers: bytes = b"") -> identities.Client:
        """Have a client attest the state of its machine from now on.

        Args:
            public_key: the attestation key of its TPM, as SubjectPublicKeyInfo.
            registers: the digest of the registers that it has to be in; any, if empty.
        """

        def work(turn: Turn) -> identities.Client:
            client = self._client(turn, name)
            attestation.enrol(turn, self.domain, client.identity, public_key, registers)
            return identities.put(turn.transaction, replace(client, attests=True))

        return self._do("Require Attestation", work, lambda client: client.identity, name)

    # --- groups ---

    @method
    def add_group(self, name: str) -> str:
        """Make a group; its identity."""

        def work(turn: Turn) -> str:
            if identities.group_named(turn.transaction, self.domain, name) is not None:
                raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "there is a group of this name already")
            return identities.join(turn.transaction, self.domain, name)

        return self._do("Add Group", work, lambda identity: identity, name)

    @method
    def join_group(self, group: str, member: str) -> None:
        """Put a client or a user into a group."""
        self._regroup("Join Group", group, member, lambda groups, one: tuple(dict.fromkeys((*groups, one))))

    @method
    def leave_group(self, group: str, member: str) -> None:
        """Take a client or a user out of a group."""
        self._regroup(
            "Leave Group", group, member, lambda groups, one: tuple(other for other in groups if other != one)
        )

    @method
    def groups(self) -> dict[str, str]:
        """The identities of the groups of the domain, by name."""
        with self.engine.store.begin(write=False) as transaction:
            return identities.groups(transaction, self.domain)

    # --- grants ---

    @method
    def grant(
        self, owner: str, grantee: str, unique_identifier: str = ALL, operations: Collection[Operation] = ()
    ) -> None:
        """Let a client, a user or a group do operations (none named: all) on an object of another, or on all of them.

        Args:
            owner, grantee: names; of several that have one, a client comes before a user, and a user before a group.
        """

        def work(turn: Turn) -> str:
            numbers = [int(operation) for operation in operations]
            holder, receiver = self._identity(turn, owner), self._identity(turn, grantee)
            try:
                turn.transaction.grant(self.domain, holder, unique_identifier, receiver, numbers)
            except StoreError:
                raise _unknown("the owner has no such object") from None
            return unique_identifier

        what = ", ".join(operation.title for operation in operations) or "all operations"
        self._do("Grant", work, lambda uid: uid, f"{grantee}: {what}, on objects of {owner}")

    @method
    def revoke_grant(self, owner: str, grantee: str, unique_identifier: str = ALL) -> None:
        """Take a grant back."""

        def work(turn: Turn) -> str:
            holder, receiver = self._identity(turn, owner), self._identity(turn, grantee)
            if not turn.transaction.revoke_grant(self.domain, holder, unique_identifier, receiver):
                raise _unknown("there is no such grant")
            return unique_identifier

        self._do("Revoke Grant", work, lambda uid: uid, f"{grantee}, on objects of {owner}")

    # --- wrapping keys ---

    @method
    def trust_wrapping_key(self, unique_identifier: str, trusted: bool = True) -> None:
        """Say that whoever has a key may have the Sensitive keys that it wraps, for example that of a partner's HSM."""

        def work(turn: Turn) -> str:
            managed = turn.fetch(unique_identifier)
            if managed is None or managed.domain != self.domain:
                raise _unknown("there is no such object")
            context = Context(turn, Caller("", self.operator, self.domain), NEWEST)
            kept = managed.history & ~History.TRUSTED
            context.save(managed.with_history(kept | History.TRUSTED if trusted else kept), touch=False)
            return unique_identifier

        self._do("Trust Wrapping Key" if trusted else "Distrust Wrapping Key", work, lambda uid: uid, "")

    # --- what they stand on ---

    def note(self, operation: str, message: str) -> None:
        """Make what is about to be done an event of the audit.  Raises: StoreError."""
        self.engine.turn(lambda turn: self._note(turn, operation, (), message))

    def refused(self, operation: str, error: OperationFailed) -> None:
        """Make a refusal an event of the audit."""
        self.engine.turn(lambda turn: self._note(turn, operation, (), error.message, error))

    def _do(self, operation: str, work: Callable[[Turn], T], subject: Callable[[T], str], message: str) -> T:
        def recorded(turn: Turn) -> T:
            result = work(turn)
            self._note(turn, operation, (subject(result),), message)
            return result

        return self.engine.turn(recorded)

    def _note(
        self,
        turn: Turn,
        operation: str,
        subjects: tuple[str, ...],
        message: str,
        error: OperationFailed | None = None,
    ) -> None:
        status = ResultStatus.SUCCESS if error is None else ResultStatus.OPERATION_FAILED
        event = Event(
            time=turn.now_us,
            name=self.operator,
            domain=self.domain,
            operation=operation,
            unique_identifiers=subjects,
            status=status.title,
            reason="" if error is None else str(error.reason),
            message=message,
        )
        turn.events.append(event.encode())

    def _accounts(self, turn: Turn) -> Accounts:
        return Accounts(turn.transaction, self.engine.vault, self.domain)

    def _account(self, turn: Turn, name: str) -> Account:
        client = identities.by_name(turn.transaction, self.domain, name)
        found = self._accounts(turn).find(name, "" if client is None else client.identity)
        if found is None:
            raise _unknown("there is no user of this name")
        return found

    def _client(self, turn: Turn, name: str) -> identities.Client:
        found = identities.by_name(turn.transaction, self.domain, name)
        if found is None:
            raise _unknown("there is no client of this name")
        return found

    def _change(self, operation: str, name: str, change: Callable[[Account], Account]) -> Account:
        def work(turn: Turn) -> Account:
            return self._accounts(turn).put(change(self._account(turn, name)))

        return self._do(operation, work, lambda account: account.identity, name)

    def _set_client(
        self, operation: str, name: str, change: Callable[[identities.Client], identities.Client]
    ) -> identities.Client:
        def work(turn: Turn) -> identities.Client:
            return identities.put(turn.transaction, change(self._client(turn, name)))

        return self._do(operation, work, lambda client: client.identity, name)

    def _regroup(
        self, operation: str, group: str, member: str, change: Callable[[tuple[str, ...], str], tuple[str, ...]]
    ) -> None:
        def work(turn: Turn) -> str:
            one = identities.group_named(turn.transaction, self.domain, group)
            if one is None:
                raise _unknown("there is no group of this name")
            client = identities.by_name(turn.transaction, self.domain, member)
            if client is not None:
                identities.put(turn.transaction, replace(client, groups=change(client.groups, one)))
                return client.identity
            account = self._account(turn, member)
            self._accounts(turn).put(replace(account, groups=change(account.groups, one)))
            return account.identity

        self._do(operation, work, lambda identity: identity, f"{member}: {group}")

    def _identity(self, turn: Turn, name: str) -> str:
        client = identities.by_name(turn.transaction, self.domain, name)
        if client is not None:
            return client.identity
        account = self._accounts(turn).find(name, "")
        found: Any = (
            account.identity if account is not None else identities.group_named(turn.transaction, self.domain, name)
        )
        if found is None:
            raise _unknown("there is no client, user or group of this name")
        return str(found)


def _unknown(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.OBJECT_NOT_FOUND, message)
