"""A root of trust in an HSM: a non-extractable AES key in a PKCS#11 token.

The key wraps by AES-GCM where the token has it, else by AES key wrap with padding or without (`ways`).  What a token
gives is opened again before it is believed.

Audit checkpoints are signed by a software key of Ed25519 that the token's key wraps: few tokens have Ed25519, none lets
a key be carried to another root, and whoever verifies the audit holds on to one public key.

One thread owns the module (`owner`): vendors' modules, and the library's way to open them, are not safe with several.
A call that takes too long, or a token that is gone, is an error each time; nothing stands in for the token.  When it is
back, the next call opens it again, with all checks.

Source: PKCS#11 3.0.
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import pkcs11
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pkcs11 import Attribute, KeyType, ObjectClass, TokenFlag
from pkcs11.exceptions import (
    FunctionNotSupported,
    MechanismInvalid,
    MultipleTokensReturned,
    NoSuchToken,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    SessionCount,
    UserAlreadyLoggedIn,
)

from keystead.custody.files import read_private, write_private
from keystead.custody.memory import wipe
from keystead.custody.owner import owner_of
from keystead.custody.rootfile import FORMAT, NEXT_FILE, ROOT_FILE, bound, data, read_head, text, write_head
from keystead.custody.software import verify
from keystead.custody.ways import BY_NUMBER, ENCRYPTS, REQUIRED, WAYS, WRAPS, Way
from keystead.errors import CustodyError, OperationFailed, TamperError
from keystead.kmip.enums import ResultReason

log = logging.getLogger("keystead.custody")

T = TypeVar("T")

CALL_SECONDS: Final = 2.0
"""How long a call may take; one that takes longer is an error, as is every other until it comes back."""
OPEN_SECONDS: Final = 10.0
"""How long the first opening may take: loading a module, a session, a login."""
RETRY_SECONDS: Final = 1.0
"""How often a token that is gone is looked for."""
KEY_BITS: Final = 256
REFUSED_PIN_FILE: Final = "pin.refused"
_KEY_BYTES: Final = 32
_MOST_PIN_BYTES: Final = 256
_ALTERED: Final = "a wrapped key is not what this root of trust wrapped"
_CHECK: Final = b"keystead pkcs11 root 1 check"

Pin = Callable[[], bytes]
"""Asks for the PIN, at a terminal or from a file."""


@dataclass(frozen=True, slots=True)
class Token:
    """Where the key is.

    Attributes:
        module: the vendor's shared library.
        token: the label of the token.
        key: the label of the key.
        pin_file: where the PIN is; None if it is asked for.
    """

    module: Path
    token: str
    key: str = "keystead"
    pin_file: Path | None = None


def read_pin(file: Path) -> bytes:
    """The PIN in a file.  Raises: CustodyError, if others may read it, or it is empty."""
    pin = read_private(file, _MOST_PIN_BYTES).rstrip(b"\r\n")
    if not pin:
        raise CustodyError(f"{file.name} holds no PIN")
    return pin


class PKCS11Root:
    """A key in a token.  See `keystead.custody.RootOfTrust`."""

    def __init__(self, token: Token, pin: bytes, directory: Path) -> None:
        self._token = token
        self._pin = bytearray(pin)
        self._directory = directory
        self._owner = owner_of(token.module)
        self._session: Any = None
        self._key: Any = None
        self._way: Way = WAYS[0]
        self._head: dict[str, Any] = {}
        self._check = b""
        self._signing: Ed25519PrivateKey | None = None
        self._sealed = False
        self._pin_refused = False
        self._lost_at = float("-inf")
        self._last_random = b""

    def __repr__(self) -> str:
        return f"<PKCS11Root {self.name}{' sealed' if self.sealed else ''}>"

    @classmethod
    def create(
        cls, directory: Path, token: Token, pin: bytes, signing: bytes | None = None, file: str = ROOT_FILE
    ) -> PKCS11Root:
        """Make the key in the token, or take the one under its label, and write `root.json`.

        Args:
            signing: the seed of the signing key of the root before this one.
            file: another name, for a successor.

        Raises:
            CustodyError: there is a root here already; the token is out of reach; its key is not as it must be.
        """
        root = cls(token, pin, directory)
        try:
            root._do(root._begin_with_key, OPEN_SECONDS)
            head = {
                "version": FORMAT,
                "kind": "pkcs11",
                "identifier": str(uuid.uuid4()),
                "token": token.token,
                "key": token.key,
                "check": root._do(root._check_value, CALL_SECONDS),
                "mechanism": root._way.name,
            }
            seed = signing or os.urandom(_KEY_BYTES)
            root._signing = Ed25519PrivateKey.from_private_bytes(seed)
            head["public_key"] = text(root._signing.public_key().public_bytes_raw())
            sealed = root._do(lambda: root._wrap(seed, bound(head)), CALL_SECONDS)
            root._head, root._check = dict(head), sealed
            write_head(directory, file, {**head, "sealed_key": text(sealed)}, replace=False)
        except BaseException:
            root.close()
            raise
        return root

    @classmethod
    def open(cls, directory: Path, token: Token, pin: bytes, file: str = ROOT_FILE) -> PKCS11Root:
        """Open the root in a directory: log in, find the key and check it.

        Raises:
            CustodyError: the token is out of reach, the PIN is wrong, or the key is not the one that it must be.
        """
        root = cls(token, pin, directory)
        try:
            try:
                head = read_head(directory, file)
                sealed = data(head.pop("sealed_key"))
                root._head, root._check = head, sealed
                if head["kind"] != "pkcs11" or (head["token"], head["key"]) != (token.token, token.key):
                    raise CustodyError("root.json is of another token or key")
                public = data(head["public_key"])
            except (ValueError, KeyError, TypeError, RecursionError):
                raise CustodyError("root.json is damaged") from None
            seed = root._do(root._begin, OPEN_SECONDS)
            root._signing = Ed25519PrivateKey.from_private_bytes(seed)
            if root._signing.public_key().public_bytes_raw() != public:
                raise CustodyError("root.json is damaged")
        except BaseException:
            root.close()
            raise
        return root

    # --- the protocol ---

    @property
    def name(self) -> str:
        return f"pkcs11 {self._token.token}/{self._token.key} {self.identifier}"

    @property
    def identifier(self) -> str:
        return str(self._head.get("identifier", ""))

    @property
    def public_key(self) -> bytes:
        return data(self._head["public_key"])

    @property
    def sealed(self) -> bool:
        return self._sealed

    def wrap(self, plaintext: bytes, context: bytes) -> bytes:
        return self._reached(lambda: self._wrap(plaintext, context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        found = self._reached(lambda: self._unwrap_or_tell(wrapped, context))
        if found is None:
            raise TamperError(_ALTERED)
        return found

    def sign(self, data: bytes) -> bytes:
        if self._signing is None or self._sealed:
            raise CustodyError("the root of trust is sealed")
        return self._signing.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        return verify(self.public_key, data, signature)

    def random(self, number: int) -> bytes:
        """Random bytes: the token's and the system's, so that neither alone decides them.

        Raises:
            CustodyError: what the token gives is not random.
        """
        drawn = self._reached(lambda: self._session.generate_random(8 * max(number, _KEY_BYTES)))
        check_random(drawn, self._last_random)
        self._last_random = drawn[:_KEY_BYTES]
        own = os.urandom(number)
        return bytes(a ^ b for a, b in zip(drawn, own, strict=False))

    def testament(self) -> bytes:
        return json.dumps(
            {
                "kind": "pkcs11",
                "identifier": self.identifier,
                "module": str(self._token.module),
                "token": self._token.token,
                "key": self._token.key,
                "pin": text(bytes(self._pin)),
            }
        ).encode()

    def signing_key(self) -> bytes:
        if self._signing is None or self._sealed:
            raise CustodyError("the root of trust is sealed")
        return self._signing.private_bytes_raw()

    def seal(self) -> None:
        self._sealed = True
        self._signing = None
        wipe(self._pin)
        with suppress(CustodyError, OperationFailed):
            if not self._owner.foreign:
                self._owner.do(self._leave, CALL_SECONDS)

    def close(self) -> None:
        self.seal()

    # --- in whichever thread asks ---

    def _reached(self, work: Callable[[], T]) -> T:
        """Do work with the token; if it is gone, open it again and do the work once more.

        Raises:
            CustodyError: it is out of reach.
            OperationFailed: Server Limit Exceeded, if it has no session left.
        """
        if self._sealed:
            raise CustodyError("the root of trust is sealed")
        if self._owner.foreign:  # Source: PKCS#11 3.0 section 5.4: a child initializes the library for itself
            self._owner = owner_of(self._token.module)
            self._do(lambda: self._begin(again=True), OPEN_SECONDS)
        if self._session is not None:
            try:
                return self._do(work, CALL_SECONDS)
            except _Lost as error:
                log.critical("the token is out of reach", extra={"fields": {"said": str(error)}})
        now = time.monotonic()
        if now - self._lost_at < RETRY_SECONDS:
            raise CustodyError("the token is out of reach")
        self._lost_at = now
        try:
            self._do(lambda: self._begin(again=True), CALL_SECONDS)
            found = self._do(work, CALL_SECONDS)
        except _Lost as error:
            raise CustodyError(str(error)) from None
        self._lost_at = float("-inf")
        log.warning("the token is back")
        return found

    def _do(self, work: Callable[[], T], seconds: float) -> T:
        def guarded() -> T:
            try:
                return work()
            except SessionCount:
                raise OperationFailed(ResultReason.SERVER_LIMIT_EXCEEDED, "the token has no session left") from None
            except PKCS11Error as error:
                self._session = self._key = None
                raise _Lost(f"the token is out of reach: {type(error).__name__}") from None

        return self._owner.do(guarded, seconds)

    # --- in the thread that owns the module ---

    def _begin_with_key(self) -> None:
        """Open the token and see to it that it has the key."""
        self._login(again=False)
        if not self._found():
            self._session.generate_key(
                KeyType.AES,
                KEY_BITS,
                label=self._token.key,
                store=True,
                capabilities=ENCRYPTS | WRAPS,
                template={
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.PRIVATE: True,
                    Attribute.MODIFIABLE: False,
                },
            )
        self._take_key()
        self._way = self._choose()

    def _begin(self, again: bool = False) -> bytes:
        """Open the token, find its key, check it; the seed that only the right key opens."""
        self._login(again)
        self._take_key()
        check = str(self._head["check"])
        if check and self._check_value() not in (check, ""):
            raise CustodyError(_WRONG_KEY)
        self._way = next((way for way in WAYS if way.name == self._head["mechanism"]), WAYS[0])
        seed = self._try_unwrap(self._check, bound(self._head))
        if seed is None or len(seed) != _KEY_BYTES:
            raise CustodyError(_WRONG_KEY)
        return seed

    def _login(self, again: bool) -> None:
        self._session = self._key = None
        if self._pin_refused:
            raise CustodyError("the token refused the PIN; it is not tried again")
        mark, stamp = self._directory / REFUSED_PIN_FILE, self._pin_stamp()
        if stamp and mark.exists() and mark.read_text() == stamp:
            raise CustodyError("the token refused the PIN of this file; it is not tried again until the file changes")
        try:
            library = pkcs11.lib(str(self._token.module))
            if again:
                library.reinitialize()
        except PKCS11Error as error:
            raise CustodyError(f"the PKCS#11 module cannot be opened: {error or type(error).__name__}") from None
        try:
            token = library.get_token(token_label=self._token.token)
        except (NoSuchToken, MultipleTokensReturned) as error:
            many = isinstance(error, MultipleTokensReturned)
            raise CustodyError(f"{'several tokens have' if many else 'no token has'} the label of [custody]") from None
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise CustodyError("the PIN of the token is locked")
        if stamp and token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise CustodyError("one more wrong PIN locks the token: it is not tried from a file")
        try:
            self._session = token.open(rw=True, user_pin=self._pin.decode())
        except UserAlreadyLoggedIn:
            self._session = token.open(rw=True)
        except (PinIncorrect, PinInvalid, PinLenRange, PinLocked, PinExpired) as error:
            self._pin_refused = True
            if stamp:
                write_private(mark, stamp.encode(), replace=True)
            raise CustodyError(f"the token refused the PIN ({type(error).__name__})") from None
        mark.unlink(missing_ok=True)

    def _pin_stamp(self) -> str:
        """Which state of the PIN file was tried; nothing of the PIN itself."""
        if self._token.pin_file is None:
            return ""
        try:
            found = self._token.pin_file.stat()
        except OSError:
            return ""
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"

    def _found(self) -> list[Any]:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._token.key}
        return list(self._session.get_objects(wanted))

    def _take_key(self) -> None:
        found = self._found()
        if len(found) != 1:
            fault = "there is no key under its label" if not found else "several keys have its label"
            raise CustodyError(f"the token is refused: {fault}")
        for attribute, wanted in REQUIRED:
            if found[0][attribute] != wanted:
                raise CustodyError(f"the key in the token is refused: {attribute.name} is not {wanted}")
        self._key = found[0]

    def _check_value(self) -> str:
        """The token's own check value of the key; "" if it has none."""
        try:
            return str(self._key[Attribute.CHECK_VALUE].hex())
        except PKCS11Error:
            return ""

    def _choose(self) -> Way:
        """The first way that works here: what a token lists, and what it can do, are not the same."""
        for way in WAYS:
            try:
                if not self._token_has(way):
                    continue
                wrapped = way.wrap(self._key, self._session, _CHECK, _CHECK)
                if way.unwrap(self._key, self._session, wrapped, _CHECK) == _CHECK:
                    return way
            except (PKCS11Error, InvalidTag, ValueError):
                continue
        raise CustodyError(f"the token has none of {', '.join(way.name for way in WAYS)}")

    def _token_has(self, way: Way) -> bool:
        try:
            self._session.token.slot.get_mechanism_info(way.mechanism)
        except (MechanismInvalid, FunctionNotSupported):
            return False
        return True

    def _wrap(self, plaintext: bytes, context: bytes) -> bytes:
        wrapped: bytes = self._way.wrap(self._key, self._session, plaintext, context)
        with suppress(InvalidTag, ValueError, IndexError):
            if self._way.unwrap(self._key, self._session, wrapped, context) == plaintext:
                return bytes((self._way.number,)) + wrapped
        raise CustodyError("the token does not give back what it wrapped")

    def _unwrap_or_tell(self, wrapped: bytes, context: bytes) -> bytes | None:
        """What was wrapped; None if it was not wrapped here, or altered.  Many tokens say the same if they fail."""
        found = self._try_unwrap(wrapped, context)
        if found is None and self._try_unwrap(self._check, bound(self._head)) is None:
            raise pkcs11.DeviceError
        return found

    def _try_unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        way = BY_NUMBER.get(wrapped[0]) if wrapped else None
        if way is None or len(wrapped) < 2:
            return None
        try:
            return way.unwrap(self._key, self._session, wrapped[1:], context)
        except (PKCS11Error, InvalidTag, ValueError, IndexError):
            return None

    def _leave(self) -> None:
        session, self._session, self._key = self._session, None, None
        if session is not None:
            with suppress(PKCS11Error):
                session.close()


_WRONG_KEY: Final = "the key in the token is not the one that wrapped what is kept here, or root.json is damaged"


class _Lost(CustodyError):
    """The token was there and is not any more."""


def check_random(drawn: bytes, before: bytes = b"") -> None:
    """Stop if random bytes are plainly not random.

    The repetition count test for bytes, at a chance of less than 2^-30 for a false alarm, and a comparison with the
    draw before: a generator that is stuck gives the same again.

    Raises:
        CustodyError: they repeat.

    Source: SP 800-90B section 4.4.1.
    """
    run = longest = 1
    for one, next_one in pairwise(drawn):
        run = run + 1 if one == next_one else 1
        longest = max(longest, run)
    stuck = len(drawn) >= 5 and longest >= 5
    halves = len(drawn) >= 32 and drawn[: len(drawn) // 2] == drawn[len(drawn) // 2 : len(drawn) // 2 * 2]
    if stuck or halves or (before and drawn[: len(before)] == before):
        log.critical("the token's random numbers are not random")
        raise CustodyError("the token's random numbers are not random: no key is made of them")


def from_testament(found: Mapping[str, str], directory: Path) -> PKCS11Root:
    """The root that a successor's testament names.  Raises: CustodyError."""
    token = Token(Path(found["module"]), found["token"], found["key"])
    for file in (ROOT_FILE, NEXT_FILE):
        with suppress(CustodyError, ValueError):
            if read_head(directory, file).get("identifier") == found["identifier"]:
                return PKCS11Root.open(directory, token, data(found["pin"]), file)
    raise CustodyError("the successor of the root of trust is not here")
