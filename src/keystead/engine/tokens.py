"""What answers PKCS#11: a module of a vendor, or Keystead itself where none is configured.

A module belongs to one thread, which makes every call: vendors' modules are not all safe with several, nor is a module
that another part of the process has initialized without locks.  A configured module that fails is an error each time;
nothing stands in for it.  Without one, Keystead is a library that has no slots, and says so.

Source: PKCS#11 3.0 sections 3, 5.4 to 5.6 and 5.17.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from ctypes import POINTER, byref, c_char, c_ubyte, c_ulong, c_void_p
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar

import keystead
from keystead.errors import ConfigError
from keystead.kmip.enums import PKCS11Function as F
from keystead.kmip.enums import PKCS11ReturnCode as R

T = TypeVar("T")

CALL_SECONDS: Final = 2.0
"""How long a call may take; one that takes longer is a device error, as is every other until it comes back."""
SERIAL_SESSION: Final = 4
_OS_LOCKING_OK: Final = 2
CryptokiVersion = tuple[int, int]


class ReturnCode(Exception):
    """A PKCS#11 function did not return CKR_OK.

    Args:
        code: what it returned.
        output: what it gave all the same.
    """

    def __init__(self, code: R, output: bytes = b"") -> None:
        super().__init__(str(code))
        self.code = code
        self.output = output


@dataclass(frozen=True, slots=True)
class Info:
    """CK_INFO."""

    cryptoki_version: CryptokiVersion
    manufacturer_id: bytes
    flags: int
    library_description: bytes
    library_version: CryptokiVersion


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """CK_SLOT_INFO."""

    slot_description: bytes
    manufacturer_id: bytes
    flags: int
    hardware_version: CryptokiVersion
    firmware_version: CryptokiVersion


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """CK_TOKEN_INFO; `numbers` are its ten counts, lengths and sizes, in order."""

    label: bytes
    manufacturer_id: bytes
    model: bytes
    serial_number: bytes
    flags: int
    numbers: tuple[int, ...]
    hardware_version: CryptokiVersion
    firmware_version: CryptokiVersion
    utc_time: bytes


class Token(Protocol):
    """A PKCS#11 library and what it reaches.  Each method raises ReturnCode."""

    def info(self) -> Info:
        """C_GetInfo."""

    def slots(self, token_present: bool) -> list[int]:
        """C_GetSlotList."""

    def slot_info(self, slot: int) -> SlotInfo:
        """C_GetSlotInfo."""

    def token_info(self, slot: int) -> TokenInfo:
        """C_GetTokenInfo."""

    def mechanisms(self, slot: int) -> list[int]:
        """C_GetMechanismList."""

    def open_session(self, slot: int) -> None:
        """C_OpenSession, unless one to the slot is open."""

    def random(self, slot: int, number: int) -> bytes:
        """C_GenerateRandom in the session to a slot."""

    def close(self) -> None:
        """Let go of it."""


def open_token(module: Path | None) -> Token:
    """Open a vendor's module, or Keystead's own library if there is none.

    Raises:
        ConfigError: the module cannot be loaded or initialized.
    """
    return OwnLibrary() if module is None else Module(module)


class OwnLibrary:
    """Keystead as a PKCS#11 library: what it keeps is reached through KMIP, so it has no slots."""

    def info(self) -> Info:
        major, minor, *_ = (*(int(part) for part in keystead.__version__.split(".") if part.isdigit()), 0, 0)
        return Info((3, 0), b"Keystead".ljust(32), 0, b"Keystead".ljust(32), (major, minor))

    def slots(self, token_present: bool) -> list[int]:
        return []

    def slot_info(self, slot: int) -> SlotInfo:
        raise ReturnCode(R.SLOT_ID_INVALID)

    def token_info(self, slot: int) -> TokenInfo:
        raise ReturnCode(R.SLOT_ID_INVALID)

    def mechanisms(self, slot: int) -> list[int]:
        raise ReturnCode(R.SLOT_ID_INVALID)

    def open_session(self, slot: int) -> None:
        raise ReturnCode(R.SLOT_ID_INVALID)

    def random(self, slot: int, number: int) -> bytes:
        raise ReturnCode(R.SESSION_HANDLE_INVALID)

    def close(self) -> None:
        pass


# --- a vendor's module ------------------------------------------------------------------------------------------------


class _Version(ctypes.Structure):
    _fields_ = (("major", c_ubyte), ("minor", c_ubyte))

    @property
    def pair(self) -> CryptokiVersion:
        return self.major, self.minor


class _Info(ctypes.Structure):
    _fields_ = (
        ("cryptoki_version", _Version),
        ("manufacturer_id", c_char * 32),
        ("flags", c_ulong),
        ("library_description", c_char * 32),
        ("library_version", _Version),
    )


class _SlotInfo(ctypes.Structure):
    _fields_ = (
        ("slot_description", c_char * 64),
        ("manufacturer_id", c_char * 32),
        ("flags", c_ulong),
        ("hardware_version", _Version),
        ("firmware_version", _Version),
    )


class _TokenInfo(ctypes.Structure):
    _fields_ = (
        ("label", c_char * 32),
        ("manufacturer_id", c_char * 32),
        ("model", c_char * 16),
        ("serial_number", c_char * 16),
        ("flags", c_ulong),
        ("numbers", c_ulong * 10),
        ("hardware_version", _Version),
        ("firmware_version", _Version),
        ("utc_time", c_char * 16),
    )


class _InitializeArguments(ctypes.Structure):
    _fields_ = (("mutexes", c_void_p * 4), ("flags", c_ulong), ("reserved", c_void_p))


class _FunctionList(ctypes.Structure):
    _fields_ = (("version", _Version), ("functions", c_void_p * 68))


class _Owner:
    """The thread that a module belongs to; a call that never comes back does not keep the process from ending."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name="keystead-pkcs11", daemon=True).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._work.put((work, future))
        return future

    def stop(self) -> None:
        self._work.put(None)

    def _run(self) -> None:
        while (found := self._work.get()) is not None:
            work, future = found
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  handed to the caller
                future.set_exception(error)


_SLOT_OUT: Final = (c_ulong, c_void_p)
_ARGUMENTS: Final[dict[F, tuple[Any, ...]]] = {
    F.C_INITIALIZE: (c_void_p,),
    F.C_FINALIZE: (c_void_p,),
    F.C_GET_INFO: (c_void_p,),
    F.C_GET_SLOT_LIST: (c_ubyte, c_void_p, POINTER(c_ulong)),
    F.C_GET_SLOT_INFO: _SLOT_OUT,
    F.C_GET_TOKEN_INFO: _SLOT_OUT,
    F.C_GET_MECHANISM_LIST: (c_ulong, c_void_p, POINTER(c_ulong)),
    F.C_OPEN_SESSION: (c_ulong, c_ulong, c_void_p, c_void_p, POINTER(c_ulong)),
    F.C_CLOSE_SESSION: (c_ulong,),
    F.C_GENERATE_RANDOM: (c_ulong, c_void_p, c_ulong),
}
_LOST: Final = frozenset({R.SESSION_HANDLE_INVALID, R.SESSION_CLOSED, R.DEVICE_REMOVED, R.TOKEN_NOT_PRESENT})


class Module:
    """A vendor's module, initialized; its sessions, one to a slot, are opened when needed and stay open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._functions: dict[F, Any] = {}
        self._sessions: dict[int, int] = {}
        self._initialized_here = False
        self._stuck: Future[Any] | None = None
        self._thread = _Owner()
        try:
            self._do(self._open)
        except (OSError, AttributeError, ReturnCode) as error:
            self._thread.stop()
            raise ConfigError(f"pkcs11 module {path}: {error}") from None

    def info(self) -> Info:
        found = _Info()
        self._do(lambda: self._call(F.C_GET_INFO, byref(found)))
        return Info(
            found.cryptoki_version.pair,
            _field(found, _Info.manufacturer_id),
            found.flags,
            _field(found, _Info.library_description),
            found.library_version.pair,
        )

    def slots(self, token_present: bool) -> list[int]:
        return self._do(lambda: self._list(F.C_GET_SLOT_LIST, int(token_present)))

    def slot_info(self, slot: int) -> SlotInfo:
        found = _SlotInfo()
        self._do(lambda: self._call(F.C_GET_SLOT_INFO, slot, byref(found)))
        return SlotInfo(
            _field(found, _SlotInfo.slot_description),
            _field(found, _SlotInfo.manufacturer_id),
            found.flags,
            found.hardware_version.pair,
            found.firmware_version.pair,
        )

    def token_info(self, slot: int) -> TokenInfo:
        found = _TokenInfo()
        self._do(lambda: self._call(F.C_GET_TOKEN_INFO, slot, byref(found)))
        return TokenInfo(
            _field(found, _TokenInfo.label),
            _field(found, _TokenInfo.manufacturer_id),
            _field(found, _TokenInfo.model),
            _field(found, _TokenInfo.serial_number),
            found.flags,
            tuple(found.numbers),
            found.hardware_version.pair,
            found.firmware_version.pair,
            _field(found, _TokenInfo.utc_time),
        )

    def mechanisms(self, slot: int) -> list[int]:
        return self._do(lambda: self._list(F.C_GET_MECHANISM_LIST, slot))

    def open_session(self, slot: int) -> None:
        self._do(lambda: self._session(slot))

    def random(self, slot: int, number: int) -> bytes:
        return self._do(lambda: self._random(slot, number))

    def close(self) -> None:
        """Close the sessions and the module, unless another part of the process opened it."""
        with suppress(ReturnCode):
            self._do(self._finalize)
        self._thread.stop()

    # --- in the thread that owns it ---

    def _open(self) -> None:
        library = ctypes.CDLL(str(self._path))
        listed = POINTER(_FunctionList)()
        library.C_GetFunctionList.restype = c_ulong
        _check(library.C_GetFunctionList(byref(listed)))
        for function, arguments in _ARGUMENTS.items():
            # The enumeration of KMIP numbers the functions as the list of PKCS#11 does, from 1.
            address = listed.contents.functions[function - 1]
            self._functions[function] = ctypes.CFUNCTYPE(c_ulong, *arguments)(address)
        locking = _InitializeArguments(flags=_OS_LOCKING_OK)
        try:
            self._call(F.C_INITIALIZE, byref(locking))
            self._initialized_here = True
        except ReturnCode as error:
            if error.code is not R.CRYPTOKI_ALREADY_INITIALIZED:
                raise

    def _call(self, function: F, *arguments: Any) -> None:
        _check(self._functions[function](*arguments))

    def _list(self, function: F, first: int) -> list[int]:
        number = c_ulong()
        while True:
            self._call(function, first, None, byref(number))
            found = (c_ulong * number.value)()
            try:
                self._call(function, first, found, byref(number))
            except ReturnCode as error:
                if error.code is not R.BUFFER_TOO_SMALL:  # else more came meanwhile
                    raise
            else:
                return list(found[: number.value])

    def _session(self, slot: int) -> int:
        if slot not in self._sessions:
            handle = c_ulong()
            self._call(F.C_OPEN_SESSION, slot, SERIAL_SESSION, None, None, byref(handle))
            self._sessions[slot] = handle.value
        return self._sessions[slot]

    def _random(self, slot: int, number: int) -> bytes:
        data = (c_ubyte * number)()
        try:
            self._call(F.C_GENERATE_RANDOM, self._session(slot), data, number)
        except ReturnCode as error:
            if error.code not in _LOST:
                raise
            self._sessions.pop(slot, None)
            self._call(F.C_GENERATE_RANDOM, self._session(slot), data, number)
        return bytes(data)

    def _finalize(self) -> None:
        for handle in self._sessions.values():
            with suppress(ReturnCode):
                self._call(F.C_CLOSE_SESSION, handle)
        self._sessions.clear()
        if self._initialized_here:
            self._call(F.C_FINALIZE, None)

    def _do(self, work: Callable[[], T]) -> T:
        if self._stuck is not None and not self._stuck.done():
            raise ReturnCode(R.DEVICE_ERROR)
        future = self._thread.submit(work)
        try:
            return future.result(CALL_SECONDS)
        except FutureTimeout:
            self._stuck = future
            raise ReturnCode(R.DEVICE_ERROR) from None


def _check(code: int) -> None:
    if code != R.OK:
        raise ReturnCode(R(code))


def _field(structure: ctypes.Structure, field: Any) -> bytes:
    """A field of characters, blanks and NULs at its end too."""
    return bytes(structure)[field.offset : field.offset + field.size]
