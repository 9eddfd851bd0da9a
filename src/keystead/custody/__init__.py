"""Who guards the keys: a root of trust, and under it a key-encryption key for every zone.

An object is sealed under a key of its own, that under the KEK of its zone (`zones`), that under the root (`software`).
The root is reached through one protocol, so that what holds it can change without anything else noticing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from keystead.errors import ConfigError


class RootOfTrust(Protocol):
    """A key that never leaves, and wraps those that do.

    Attributes:
        name: what is shown to people: the kind, and the identifier of the key.
        public_key: verifies `sign`, as 32 bytes of Ed25519.
        sealed: whether it refuses everything until it is opened again.
    """

    @property
    def name(self) -> str: ...

    @property
    def public_key(self) -> bytes: ...

    @property
    def sealed(self) -> bool: ...

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

    def seal(self) -> None:
        """Forget the key."""


Passphrase = Callable[[], bytes]
"""Asks for the passphrase, at a terminal or from a file; asked once."""


def _key_file(directory: Path, key_file: Path | None, passphrase: Passphrase | None) -> RootOfTrust:
    from keystead.custody.software import SoftwareRoot, read_key_file

    return SoftwareRoot.open(directory, read_key_file(key_file or directory / "root.key"))


def _passphrase(directory: Path, key_file: Path | None, passphrase: Passphrase | None) -> RootOfTrust:
    from keystead.custody.software import SoftwareRoot

    if passphrase is None:
        raise ConfigError("[custody] passphrase_file: this root needs a passphrase")
    return SoftwareRoot.open(directory, passphrase())


ROOTS: Final[Mapping[str, Callable[[Path, Path | None, Passphrase | None], RootOfTrust]]] = {
    "key-file": _key_file,
    "passphrase": _passphrase,
}
"""What opens a root of trust, by its kind."""


def open_root(
    kind: str, directory: Path, key_file: Path | None = None, passphrase: Passphrase | None = None
) -> RootOfTrust:
    """Open a root of trust.

    Args:
        directory: where its sealed key lies (`root.json`).
        key_file: for "key-file"; `root.key` in the directory unless given.

    Raises:
        ConfigError: no root is of this kind, or what it needs is not given.
        CustodyError: there is none here, or it cannot be opened with this; one text for every cause.
    """
    if kind not in ROOTS:
        raise ConfigError(f"[custody] root: is {' or '.join(ROOTS)}")
    return ROOTS[kind](directory, key_file, passphrase)


__all__ = ["ROOTS", "Passphrase", "RootOfTrust", "open_root"]
