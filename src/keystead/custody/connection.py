"""A login to a token of a PKCS#11 module: how it is made, lost, and made again.

All that needs a token in one process shares one session: a login is the process's, and whoever logs out logs out all.

A session that is lost is opened again by the next call, at most once in RETRY_SECONDS.  A PIN that the token refused
is not tried again, by this process or by one that comes after it, until its file changes: a server that is started over
and over would lock the token.

Source: PKCS#11 3.0 sections 5.5 and 5.6.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pkcs11 import TokenFlag
from pkcs11.exceptions import (
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    SessionCount,
    TokenNotPresent,
    TokenNotRecognised,
    UserAlreadyLoggedIn,
)

from keystead.custody.files import read_private, write_private
from keystead.custody.memory import wipe
from keystead.custody.module import module_of
from keystead.errors import CustodyError, OutOfReach

log = logging.getLogger("keystead.custody")

T = TypeVar("T")

CALL_SECONDS: Final = 2.0
"""How long a call may take; one that takes longer is an error, as is every other until it comes back."""
OPEN_SECONDS: Final = 10.0
"""How long the first opening may take: loading a module, a session, a login."""
RETRY_SECONDS: Final = 1.0
"""How often a token that is gone is looked for."""
QUEUE_SECONDS: Final = 1.0
"""How long a session is waited for when the token has none left, and at the start the token itself."""
REFUSED_PIN_FILE: Final = "pin.refused"
_MOST_PIN_BYTES: Final = 256
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Token:
    """Where a key is.

    Attributes:
        module: the vendor's shared library.
        token: the label of the token.
        key: the label of the key, when it is made.
        pin_file: where the PIN is; None if it is asked for.
    """

    module: Path
    token: str
    key: str = "keystead"
    pin_file: Path | None = None


class NoSession(OutOfReach):
    """The token has no session left."""


def read_pin(file: Path) -> bytes:
    """The PIN in a file.  Raises: CustodyError, if others may read it, or it holds none."""
    pin = read_private(file, _MOST_PIN_BYTES).rstrip(b"\r\n")
    try:
        pin.decode()
    except ValueError:
        raise CustodyError(f"{file.name} holds no PIN: it is not UTF-8") from None
    if not pin:
        raise CustodyError(f"{file.name} holds no PIN")
    return pin


class Connection:
    """The session of this process with a token.

    Attributes:
        token: where it leads.
        serial: grows with each login: objects that were found before are no more.
        lost: why the token is out of reach; None while it is not known to be.
        users: how many hold on to it.
    """

    def __init__(self, token: Token, pin: bytes, notes: Path) -> None:
        self.token = token
        self.serial = 0
        self.lost: CustodyError | None = None
        self.users = 0
        self._module = module_of(token.module)
        self._module.users += 1
        self._pin = bytearray(pin)
        self._notes = notes
        self._session: Any = None
        self._epoch = 0
        self._lost_at = 0.0
        self._refused: str | None = None
        self._closed = False

    @property
    def foreign(self) -> bool:
        """Whether another process made it, of which this is a child."""
        return self._module.foreign

    @property
    def closed(self) -> bool:
        """Whether everybody let go of it."""
        return self._closed

    @property
    def pin(self) -> bytes:
        """What it logs in with; a secret."""
        return bytes(self._pin)

    def call(self, work: Callable[[Any], T], seconds: float = CALL_SECONDS) -> T:
        """Do work with the session; if the token is gone, open it again and do the work once more.

        Raises:
            OutOfReach: it does not answer, or is not there; it may come back.
            CustodyError: it refuses.
        """
        return self._module.do(lambda: self._call(work), seconds)

    def begin(self, work: Callable[[Any], T]) -> Future[T]:
        """Have work done as `call` does, without waiting for it."""
        return self._module.begin(lambda: self._call(work))

    def release(self) -> None:
        """Let go of it; the last one logs out."""
        self.users -= 1
        if self.users > 0 or self._closed:
            return
        self._closed = True
        self._module.users -= 1
        wipe(self._pin)
        if not self.foreign:
            with suppress(CustodyError):
                self._module.do(self._leave, CALL_SECONDS)

    # --- in the thread of the module ---

    def _call(self, work: Callable[[Any], T]) -> T:
        if self._epoch != self._module.epoch:  # another connection began the module anew
            self._session = None
        if self._session is not None:
            try:
                return work(self._session)
            except PKCS11Error as error:
                fault: CustodyError = _fault(error)
            self._lose(fault)
        elif self.lost is not None and time.monotonic() - self._lost_at < RETRY_SECONDS:
            raise type(self.lost)(str(self.lost))
        first, until = not self.serial, time.monotonic() + QUEUE_SECONDS
        while True:
            try:
                self._open()
                found = work(self._session)
            except PKCS11Error as error:
                fault = _fault(error)
            except CustodyError as error:
                fault = error
            else:
                break
            # Out here: an error that goes to another thread takes nothing of the library along.
            self._lose(fault)
            # Of a token in files, one process that logs in can take the sight from others for a moment.
            again = first and isinstance(fault, OutOfReach) and self._refused is None
            if not again or time.monotonic() > until:
                raise fault
            time.sleep(_PAUSE_SECONDS)
        if self.lost is not None:
            log.log(logging.INFO if first else logging.WARNING, "the token is back")
            self.lost = None
        return found

    def _lose(self, error: CustodyError) -> None:
        if self.serial and self.lost is None:
            log.critical("the token is out of reach", extra={"fields": {"said": str(error)}})
        self._session = None
        self.lost, self._lost_at = error, time.monotonic()

    def _open(self) -> None:
        if self._closed:
            raise CustodyError("the root of trust is sealed")
        stamp = self._allowed()
        token = self._find()
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise OutOfReach("the PIN of the token is locked")
        if stamp and token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise OutOfReach("one more wrong PIN locks the token: it is not tried from a file")
        try:
            self._session = self._login(token)
        except PinLocked:
            raise OutOfReach("the PIN of the token is locked") from None
        except (PinIncorrect, PinInvalid, PinLenRange, PinExpired) as error:
            self._refused = stamp
            if stamp:
                write_private(self._notes / REFUSED_PIN_FILE, stamp.encode(), replace=True)
            kind = OutOfReach if stamp else CustodyError  # a file may be mended
            raise kind(f"the token refused the PIN ({type(error).__name__}); it is not tried again") from None
        self._refused = None
        (self._notes / REFUSED_PIN_FILE).unlink(missing_ok=True)
        self.serial += 1

    def _allowed(self) -> str:
        """Refuse to try a PIN again that the token refused; which state of its file is tried."""
        stamp, mark = self._stamp(), self._notes / REFUSED_PIN_FILE
        if self._refused is not None and stamp not in ("", self._refused):
            with suppress(CustodyError):
                self._pin[:] = read_pin(self.token.pin_file)  # type: ignore[arg-type]  # it has a stamp
        elif self._refused is not None:
            kind = OutOfReach if stamp else CustodyError
            raise kind("the token refused the PIN; it is not tried again")
        elif stamp and mark.exists() and mark.read_text() == stamp:
            self._refused = stamp
            raise OutOfReach("the token refused the PIN of this file; it is not tried again until the file changes")
        return stamp

    def _stamp(self) -> str:
        """Which state of the PIN's file there is; nothing of the PIN itself."""
        if self.token.pin_file is None:
            return ""
        try:
            found = self.token.pin_file.stat()
        except OSError:
            return ""
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"

    def _find(self) -> Any:
        library = self._module.library(self._epoch)
        self._epoch = self._module.epoch
        found, failed = [], None
        for slot in library.get_slots(token_present=True):
            try:
                token = slot.get_token()
            except (TokenNotPresent, TokenNotRecognised):
                continue
            except PKCS11Error as error:  # of another token, perhaps
                failed = error
                continue
            if token.label == self.token.token:
                found.append(token)
        if len(found) > 1:
            raise CustodyError(f"several tokens have the label {self.token.token}")
        if not found:
            why = f" ({type(failed).__name__})" if failed else ""
            raise OutOfReach(f"no token has the label {self.token.token}{why}")
        return found[0]

    def _login(self, token: Any) -> Any:
        """A session, logged in; waits a little for one if there is none left.  Raises: PKCS11Error, NoSession."""
        until = time.monotonic() + QUEUE_SECONDS
        while True:
            try:
                try:
                    return token.open(rw=True, user_pin=self._pin.decode())
                except UserAlreadyLoggedIn:  # the module kept the login through its new beginning
                    return token.open(rw=True)
            except SessionCount:
                if time.monotonic() > until:
                    raise NoSession("the token has no session left") from None
                time.sleep(_PAUSE_SECONDS)

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None and self._epoch == self._module.epoch:
            with suppress(PKCS11Error):
                session.close()
        self._module.leave()


def _fault(error: PKCS11Error) -> CustodyError:
    return OutOfReach(f"the token is out of reach: {type(error).__name__}")


_connections: dict[tuple[str, str], Connection] = {}


def connect(token: Token, pin: bytes, notes: Path) -> Connection:
    """Hold on to the connection with a token; `Connection.release` it.  Nothing is opened before the first call.

    Args:
        notes: the directory where a PIN that was refused is remembered, not what it was.

    Raises:
        CustodyError: the PIN is another one than that of the login that there is.
    """
    place = (str(token.module), token.token)
    found = _connections.get(place)
    if found is None or found.closed or found.foreign:
        found = _connections[place] = Connection(token, pin, notes)
    elif not hmac.compare_digest(found.pin, pin):
        raise CustodyError("this process is logged in to the token with another PIN")
    found.users += 1
    return found
