"""What KMIP has no words for: clients, users, devices, groups, and who is let in.

These are for operators, who stand beside the server and not before it: each does one thing, in one transaction, with an
event of the audit that names the operator and what was done, and never a password.  Those that are a `@method` can be
asked for on the server's socket (`administration`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
from keystead.engine.context import Turn
from keystead.engine.granting import all_grants
from keystead.engine.verifiers import Digests, OneTime, Password, Verifier
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason, ResultStatus, StorageStatusMask
from keystead.kmip.structures import Device
from keystead.policy.access import ADMINISTRATORS
from keystead.store import Criteria, Located

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

T = TypeVar("T")
DEFAULT_DOMAIN = "default"
OPERATOR = "operator"
_PAGE: Final = 100

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

        return self.do("Add User", work, lambda account: account.identity, name)

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

        return self.do("Add Device", work, lambda account: account.identity, device_name(identifiers))

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

    @method(slow=True)
    def remove_user(self, name: str) -> Account:
        """Forget a user or a device; who is made anew under its name inherits nothing.

        Raises also Permission Denied, while it owns objects: nobody could reach them.
        """

        def work(turn: Turn) -> Account:
            account = self._account(turn, name)
            self._check_owns_nothing(turn, account.identity)
            self._accounts(turn).drop(account)
            return account

        gone = self.do("Remove User", work, lambda account: account.identity, name)
        self._forget_grants(gone.identity)
        return gone

    @method(reads=True)
    def users(self) -> list[dict[str, Any]]:
        """The users and devices of the domain, with the names of their groups."""
        with self.engine.store.begin(write=False) as transaction:
            accounts = Accounts(transaction, self.engine.vault, self.domain)
            return [
                account.as_dict() | {"groups": [identities.group_name(transaction, group) for group in account.groups]}
                for account in sorted(accounts.all(transaction.entries(ACCOUNT)), key=lambda account: account.name)
            ]

    # --- clients ---

    @method
    def enroll_client(self, name: str, certificate: bytes, groups: Iterable[str] = ()) -> identities.Client:
        """Let a client in by its certificate, in DER.  The name is for people."""

        def work(turn: Turn) -> identities.Client:
            try:
                return identities.enroll(turn.transaction, name, certificate, self.domain, tuple(groups), turn.now)
            except ValueError:
                raise OperationFailed(ResultReason.INVALID_FIELD, "this is no certificate") from None

        return self.do("Enroll Client", work, lambda client: client.identity, name)

    @method(reads=True)
    def clients(self) -> list[dict[str, Any]]:
        """The clients of every domain, with the names of their groups."""
        with self.engine.store.begin(write=False) as transaction:
            return [
                client.as_dict() | {"groups": [identities.group_name(transaction, group) for group in client.groups]}
                for client in sorted(identities.clients(transaction), key=lambda one: (one.domain, one.name))
            ]

    @method
    def disable_client(self, name: str) -> identities.Client:
        """Lock a client out: its open connections end too."""
        return self._set_client("Disable Client", name, lambda client: replace(client, disabled=True))

    @method
    def enable_client(self, name: str) -> identities.Client:
        """Let a client in again."""
        return self._set_client("Enable Client", name, lambda client: replace(client, disabled=False))

    @method(slow=True)
    def remove_client(self, name: str) -> identities.Client:
        """Forget a client; one that is enrolled anew under its name, or by its certificate, inherits nothing.

        Raises also Permission Denied, while it owns objects: nobody could reach them.
        """

        def work(turn: Turn) -> identities.Client:
            client = self._client(turn, name)
            self._check_owns_nothing(turn, client.identity)
            identities.remove(turn.transaction, client)
            return client

        gone = self.do("Remove Client", work, lambda client: client.identity, name)
        self._forget_grants(gone.identity)
        return gone

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

        return self.do("Require Attestation", work, lambda client: client.identity, name)

    @method
    def waive_attestation(self, name: str) -> identities.Client:
        """Have a client attest nothing any more."""
        return self._set_client("Waive Attestation", name, lambda client: replace(client, attests=False))

    # --- groups ---

    @method
    def add_group(self, name: str) -> str:
        """Make a group; its identity."""

        def work(turn: Turn) -> str:
            if identities.group_named(turn.transaction, self.domain, name) is not None:
                raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "there is a group of this name already")
            return identities.join(turn.transaction, self.domain, name)

        return self.do("Add Group", work, lambda identity: identity, name)

    @method(slow=True)
    def remove_group(self, name: str) -> str:
        """Forget a group, and what it was granted; a new one of its name inherits nothing."""

        def work(turn: Turn) -> str:
            one = self._group(turn, name)
            if one == ADMINISTRATORS:
                raise OperationFailed(
                    ResultReason.PERMISSION_DENIED, "this group is always there; take its members out"
                )
            for client in identities.clients(turn.transaction):
                if one in client.groups:
                    identities.put(turn.transaction, replace(client, groups=_without(client.groups, one)))
            accounts = self._accounts(turn)
            for account in accounts.all(turn.transaction.entries(ACCOUNT)):
                if one in account.groups:
                    accounts.put(replace(account, groups=_without(account.groups, one)))
            identities.remove_group(turn.transaction, self.domain, name, one)
            return one

        gone = self.do("Remove Group", work, lambda identity: identity, name)
        self._forget_grants(gone)
        return gone

    @method
    def join_group(self, group: str, member: str) -> None:
        """Put a client or a user into a group."""
        self._regroup("Join Group", group, member, _with)

    @method
    def leave_group(self, group: str, member: str) -> None:
        """Take a client or a user out of a group."""
        self._regroup("Leave Group", group, member, _without)

    @method(reads=True)
    def groups(self) -> list[dict[str, Any]]:
        """The groups of the domain, with the names of their members."""
        with self.engine.store.begin(write=False) as transaction:
            accounts = Accounts(transaction, self.engine.vault, self.domain)
            members: list[Account | identities.Client] = [
                *(client for client in identities.clients(transaction) if client.domain == self.domain),
                *accounts.all(transaction.entries(ACCOUNT)),
            ]
            found = {ADMINISTRATORS: ADMINISTRATORS} | identities.groups(transaction, self.domain)
        return [
            {"name": name, "identity": one, "members": sorted({each.name for each in members if one in each.groups})}
            for name, one in sorted(found.items())
        ]

    # --- what they stand on ---

    def note(self, operation: str, message: str) -> None:
        """Make what is about to be done an event of the audit.  Raises: StoreError."""
        self.engine.turn(lambda turn: self._note(turn, operation, (), message))

    def refused(self, operation: str, error: OperationFailed) -> None:
        """Make a refusal an event of the audit."""
        self.engine.turn(lambda turn: self._note(turn, operation, (), error.message, error))

    def do(self, operation: str, work: Callable[[Turn], T], subject: Callable[[T], str], message: str) -> T:
        """Do work as one transaction, and make it an event of the audit.

        Args:
            operation: what the audit calls it.
            subject: gives the identity, or the unique identifier, of what it was done to.
        """

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
        """The user or device of a name, or else of an identity."""
        client = identities.by_name(turn.transaction, self.domain, name)
        accounts = self._accounts(turn)
        found = accounts.find(name, "" if client is None else client.identity) or accounts.get(name)
        if found is None:
            raise _unknown("there is no user of this name")
        return found

    def _client(self, turn: Turn, name: str) -> identities.Client:
        found = identities.by_name(turn.transaction, self.domain, name)
        if found is None:
            raise _unknown("there is no client of this name")
        return found

    def _group(self, turn: Turn, name: str) -> str:
        found = identities.group_named(turn.transaction, self.domain, name)
        if found is None:
            raise _unknown("there is no group of this name")
        return found

    def _check_owns_nothing(self, turn: Turn, identity: str) -> None:
        seen, located = 0, Located((), 1)
        while seen < located.total:
            criteria = Criteria(
                domain=self.domain,
                visible_to=(identity,),
                storage_status_mask=int(StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE),
                maximum_items=_PAGE,
                offset_items=seen,
            )
            located = turn.transaction.locate(criteria)
            found = (turn.transaction.get(unique_identifier) for unique_identifier in located.identifiers)
            if any(record is not None and record.owner == identity for record in found):
                raise OperationFailed(
                    ResultReason.PERMISSION_DENIED, "it owns objects: disable it, or have them destroyed first"
                )
            seen += _PAGE

    def _forget_grants(self, identity: str) -> None:
        """Take back what somebody who is gone had granted or was granted; none of it has had any effect since."""
        with self.engine.store.begin(write=False) as transaction:
            rows = [row for row in all_grants(transaction, self.domain) if identity in (row.owner, row.grantee)]

        def work(turn: Turn) -> None:
            for row in rows:
                turn.transaction.revoke_grant(row.domain, row.owner, row.unique_identifier, row.grantee)

        self.engine.turn(work)

    def _change(self, operation: str, name: str, change: Callable[[Account], Account]) -> Account:
        def work(turn: Turn) -> Account:
            return self._accounts(turn).put(change(self._account(turn, name)))

        return self.do(operation, work, lambda account: account.identity, name)

    def _set_client(
        self, operation: str, name: str, change: Callable[[identities.Client], identities.Client]
    ) -> identities.Client:
        def work(turn: Turn) -> identities.Client:
            return identities.put(turn.transaction, change(self._client(turn, name)))

        return self.do(operation, work, lambda client: client.identity, name)

    def _regroup(
        self, operation: str, group: str, member: str, change: Callable[[tuple[str, ...], str], tuple[str, ...]]
    ) -> None:
        def work(turn: Turn) -> str:
            one = self._group(turn, group)
            client = identities.by_name(turn.transaction, self.domain, member)
            if client is not None:
                identities.put(turn.transaction, replace(client, groups=change(client.groups, one)))
                return client.identity
            account = self._account(turn, member)
            self._accounts(turn).put(replace(account, groups=change(account.groups, one)))
            return account.identity

        self.do(operation, work, lambda identity: identity, f"{member}: {group}")

    def identity_of(self, turn: Turn, name: str) -> str:
        """The identity of a client, else a user, else a group of a name."""
        client = identities.by_name(turn.transaction, self.domain, name)
        if client is not None:
            return client.identity
        account = self._accounts(turn).find(name, "")
        if account is not None:
            return account.identity
        group = identities.group_named(turn.transaction, self.domain, name)
        if group is None:
            raise _unknown("there is no client, user or group of this name")
        return group


def _with(groups: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*groups, one)))


def _without(groups: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(other for other in groups if other != one)


def _unknown(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.OBJECT_NOT_FOUND, message)
