"""Who guards the keys: a root of trust, and under it a key-encryption key for every zone.

An object is sealed under a key of its own, that under the KEK of its zone (`zones`), that under the root: a key in
memory (`software`), opened by a passphrase, a file or the shares of several custodians (`shares`), or one in an HSM
(`pkcs11`).  The root is reached through one protocol, so that what holds it can change (`succession`) without anything
else noticing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from keystead.custody.files import shred, sweep, write_private
from keystead.custody.rootfile import KEY_FILE, NEXT_FILE, NEXT_KEY_FILE, ROOT_FILE, exclusive, kind_of
from keystead.errors import ConfigError, CustodyError

if TYPE_CHECKING:
    from keystead.custody.pkcs11 import Token


class RootOfTrust(Protocol):
    """A key that never leaves, and wraps those that do.

    Attributes:
        name: what is shown to people: the kind, and the identifier of the key.
        identifier: tells one root from another.
        public_key: verifies `sign`, as 32 bytes of Ed25519.
        sealed: whether it refuses everything until it is opened again.
        lost: whether what holds the key is known to be out of reach: it may come back.
    """

    @property
    def name(self) -> str: ...

    @property
    def identifier(self) -> str: ...

    @property
    def public_key(self) -> bytes: ...

    @property
    def sealed(self) -> bool: ...

    @property
    def lost(self) -> bool: ...

    def wrap(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt a key and bind it to a context.  Raises: CustodyError, if sealed."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a key.

        Raises:
            CustodyError: sealed.
            TamperError: it was not wrapped here, for this context, or was altered.
        """

    def sign(self, data: bytes) -> bytes:
        """Sign data, such as an audit checkpoint.  Raises: CustodyError, if sealed."""

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether a signature is this root's."""

    def random(self, number: int) -> bytes:
        """Random bytes, as many as asked."""

    def signing_key(self) -> bytes:
        """The seed of the key that signs, for the root that comes after this one.  Raises: CustodyError, if sealed."""

    def testament(self) -> bytes:
        """All that another process needs to be this root; a secret.  Raises: CustodyError, if sealed."""

    def look(self) -> None:
        """See whether what holds the key is still there; returns at once, and raises the alarm if it is not."""

    def seal(self) -> None:
        """Forget the key."""

    def close(self) -> None:
        """Forget the key, and let go of what holds it."""


Ask = Callable[[], bytes]
"""Asks for a secret, at a terminal or from a file; asked once."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a root is opened with; of each kind its own.

    Attributes:
        key_file: KEY_FILE in the directory unless given.
        passphrase: asks for it.
        token: where the key in an HSM is.
        pin: asks for its PIN.
    """

    key_file: Path | None = None
    passphrase: Ask | None = None
    token: Token | None = None
    pin: Ask | None = None


def _key_file(directory: Path, means: Means) -> RootOfTrust:
    from keystead.custody.software import SoftwareRoot, read_key_file

    file, coming = means.key_file or directory / KEY_FILE, directory / NEXT_KEY_FILE
    if coming.exists():  # the root was rotated: it is the key of this one, unless the rotation was not finished
        key = read_key_file(coming)
        try:
            root = SoftwareRoot.open(directory, key)
        except CustodyError:
            root = SoftwareRoot.open(directory, read_key_file(file))
            with exclusive(directory, wait=False) as alone:
                if alone and not (directory / NEXT_FILE).exists():
                    shred(coming)
            return root
        write_private(file, key, replace=True)
        shred(coming)
        return root
    return SoftwareRoot.open(directory, read_key_file(file))


def _passphrase(directory: Path, means: Means) -> RootOfTrust:
    from keystead.custody.software import SoftwareRoot

    if means.passphrase is None:
        raise ConfigError("[custody] passphrase_file: this root needs a passphrase")
    return SoftwareRoot.open(directory, means.passphrase())


def _shares(directory: Path, means: Means) -> RootOfTrust:
    from keystead.custody.software import SoftwareRoot

    return SoftwareRoot.locked(directory)


def _pkcs11(directory: Path, means: Means) -> RootOfTrust:
    from keystead.custody.pkcs11 import PKCS11Root

    if means.token is None or means.pin is None:
        raise ConfigError("[custody] pkcs11_module: this root needs a token")
    return PKCS11Root.open(directory, means.token, means.pin())


ROOTS: Final[Mapping[str, Callable[[Path, Means], RootOfTrust]]] = {
    "key-file": _key_file,
    "passphrase": _passphrase,
    "shares": _shares,
    "pkcs11": _pkcs11,
}
"""What opens a root of trust, by its kind; one of shares is given sealed, and opened by a ceremony (`shares`)."""


def open_root(kind: str, directory: Path, means: Means | None = None) -> RootOfTrust:
    """Open a root of trust.

    Args:
        directory: where it is known by its `root.json`.

    Raises:
        ConfigError: no root is of this kind, the root here is of another, or what it needs is not given.
        CustodyError: there is none here, or it cannot be opened with this; one text for every cause.
    """
    if kind not in ROOTS:
        raise ConfigError(f"[custody] root: is {' or '.join(ROOTS)}")
    settle(directory)
    refuse_if_lost(directory)
    found = kind_of(directory)
    if found in ROOTS and found != kind:
        raise ConfigError(
            f"[custody] root: the root of trust in {directory.name} is of the kind {found};"
            f" if it was moved there and not finished: keystead operator migrate --to {found}"
        )
    return ROOTS[kind](directory, means or Means())


def refuse_if_lost(directory: Path) -> None:
    """Have nobody make another root in the place of one whose file is gone.  Raises: CustodyError, if it is."""
    from keystead.custody.keks import KEK_FILE, open_keks

    if (directory / ROOT_FILE).exists() or not (directory / KEK_FILE).exists():
        return
    with closing(open_keks(directory)) as keks:
        if (root := keks.root()) is not None:
            raise CustodyError(
                f"{ROOT_FILE} is lost, but keys are here that the root of trust {root} wrapped; it is in every backup:"
                " keystead backup restore"
            )


def settle(directory: Path) -> None:
    """Finish, or take back, a change of the root that a crash interrupted."""
    sweep(directory)
    if (directory / NEXT_FILE).exists() or (directory / NEXT_KEY_FILE).exists():
        from keystead.custody.succession import settle

        settle(directory)


__all__ = ["ROOTS", "Ask", "Means", "RootOfTrust", "open_root", "refuse_if_lost", "settle"]
