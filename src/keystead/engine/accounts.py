"""Accounts: the users and devices that show a credential in the message.

An account is an identity like that of a client: random, and the owner of what it makes.  One that a client made for
itself belongs to that client and is found over its certificate only, so that no client can take a name from another,
or speak as another's user.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from keystead.custody.zones import Vault
from keystead.engine import verifiers
from keystead.engine.sealed import Sealed
from keystead.engine.verifiers import Verifier
from keystead.errors import OperationFailed, TamperError
from keystead.kmip.enums import ResultReason
from keystead.kmip.objects import DeviceCredential
from keystead.kmip.structures import Device
from keystead.policy.access import Caller
from keystead.store import Transaction

ACCOUNT: Final = "account"
_NAMED: Final = "account-name"
PASSWORD, HASHED, ONE_TIME = "password", "hashed", "one-time"
"""What the verifiers of an account are kept under that is no managed object."""
MAXIMUM_NAME: Final = 128
_IDENTIFIERS: Final = (
    "device_serial_number", "device_identifier", "network_identifier", "machine_identifier", "media_identifier",
)  # fmt: skip
DeviceNames = Device | DeviceCredential


@dataclass(frozen=True, slots=True)
class Account:
    """A user or a device.

    Attributes:
        client: the client that it belongs to; "" if it belongs to its domain.
        groups: the identities of groups.
        made: POSIX seconds.
        user: the unique identifier of its User object, which says the rest; "" if there is none.
        devices: the identifiers of the device that it is, or of those that it has; one shows all of its own.
        keys: what it is found under.
        marks: what was shown last of that which is shown once only, by verifier.
    """

    identity: str
    name: str
    domain: str
    client: str = ""
    groups: tuple[str, ...] = ()
    made: int = 0
    disabled: bool = False
    user: str = ""
    devices: tuple[Mapping[str, str], ...] = ()
    verifiers: Mapping[str, Verifier] = field(default_factory=dict, repr=False)
    keys: tuple[str, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What operators are shown: nothing that proves anything."""
        return {
            "identity": self.identity,
            "name": self.name,
            "domain": self.domain,
            "client": self.client,
            "groups": self.groups,
            "made": self.made,
            "disabled": self.disabled,
            "user": self.user,
            "devices": self.devices,
            "shows": sorted({one.KIND for one in self.verifiers.values()}),
        }

    def caller(self, through: Caller) -> Caller:
        """The account as a caller, over the certificate of a client or of none."""
        if self.identity == through.identity:
            return through
        return replace(
            through,
            identity=self.identity,
            name=self.name,
            domain=self.domain,
            groups=self.groups,
            client=through.client or through.identity,
            by_credential=True,
        )


class Accounts:
    """The accounts of a domain."""

    __slots__ = ("_accounts", "_names", "domain")

    def __init__(self, transaction: Transaction, vault: Vault, domain: str) -> None:
        self.domain = domain
        self._accounts = Sealed(transaction, vault, ACCOUNT, domain)
        self._names = Sealed(transaction, vault, _NAMED, domain)

    def get(self, identity: str) -> Account | None:
        """The account of an identity."""
        found = self._accounts.get(identity)
        return None if found is None else _load(found)

    def find(self, name: str | DeviceNames, client: str) -> Account | None:
        """The account of a name that can be used over a client: one of the domain, else one of that client."""
        for scope in dict.fromkeys(("", client)):
            identity = self._names.get(self.key(name, scope))
            if identity is not None:
                return self.get(identity.decode())
        return None

    def add(self, account: Account, *devices: DeviceNames) -> Account:
        """Keep a new account, under its name or as the devices.

        Raises:
            OperationFailed: Object Already Exists; a name is taken.  Invalid Field; it is no name.
        """
        check_name(account.name)
        names: list[str | DeviceNames] = [] if account.devices else [account.name]
        keys = [self.key(name, account.client) for name in (*names, *devices)]
        account = replace(account, keys=tuple(keys))
        if any(map(self._names.version, keys)) or self._accounts.version(account.identity):
            raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "there is an account of this name already")
        for key in keys:
            self._names.put(key, account.identity.encode())
        return self.put(account)

    def put(self, account: Account) -> Account:
        """Keep a changed account."""
        self._accounts.put(account.identity, _dump(account))
        return account

    def all(self, entries: Iterable[tuple[str, bytes]]) -> list[Account]:
        """The accounts of this domain among the entries of all domains."""
        found = []
        for identity, _ in entries:
            try:
                account = self.get(identity)
            except TamperError:  # sealed for another domain, or altered: then nobody gets in by it
                continue
            if account is not None:
                found.append(account)
        return found

    def drop(self, account: Account) -> None:
        """Forget an account; its names are free again."""
        for key in account.keys:
            self._names.delete(key)
        self._accounts.delete(account.identity)

    def version(self, account: Account) -> int:
        """How often the account was put."""
        return self._accounts.version(account.identity)

    def key(self, name: str | DeviceNames, client: str) -> str:
        """What an account is found under, which tells nothing of the name."""
        if isinstance(name, str):
            return self._names.blind("user", client, name)
        # The serial number is unique by itself; without one, all that identifies the device together is.
        parts = [getattr(name, part) for part in _IDENTIFIERS]
        telling = parts[:1] if parts[0] is not None else parts
        return self._names.blind("device", client, *("" if part is None else f"={part}" for part in telling))


def check_name(name: str) -> str:
    """Refuse a name that people could not tell from another.  Raises: OperationFailed (Invalid Field)."""
    if not name or not name.isprintable() or name != name.strip() or len(name) > MAXIMUM_NAME:
        raise OperationFailed(ResultReason.INVALID_FIELD, f"a name is 1 to {MAXIMUM_NAME} printable characters")
    return name


def new_identity() -> str:
    """A random identity: who is made anew under an old name inherits nothing."""
    return secrets.token_hex(16)


def identifiers_of(device: DeviceNames) -> dict[str, str]:
    """All that a device is identified by.  Raises: OperationFailed (Invalid Field), if there is nothing."""
    found = {part: value for part in _IDENTIFIERS if (value := getattr(device, part)) is not None}
    if not found or any(not value or len(value) > MAXIMUM_NAME for value in found.values()):
        raise OperationFailed(ResultReason.INVALID_FIELD, "a Device credential has at least one identifier")
    return found


def device_name(identifiers: Mapping[str, str]) -> str:
    """What people call a device."""
    name = next(iter(identifiers.values()))
    return name if name.isprintable() and name == name.strip() else "device"


def _dump(account: Account) -> bytes:
    found: dict[str, Any] = {
        name: value for name, value in asdict(replace(account, verifiers={})).items() if name != "verifiers"
    }
    return json.dumps(
        found | {"verifiers": {key: verifiers.dump(one) for key, one in account.verifiers.items()}}
    ).encode()


def _load(value: bytes) -> Account:
    found = json.loads(value)
    return Account(
        **found
        | {
            "groups": tuple(found["groups"]),
            "devices": tuple(found["devices"]),
            "keys": tuple(found["keys"]),
            "verifiers": {key: verifiers.load(one) for key, one in found["verifiers"].items()},
        }
    )
