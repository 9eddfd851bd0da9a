"""PKCS#11 through KMIP: functions of a token, called by a client as if it had the library.

C_Initialize gives a Correlation Value, which stands for the client's use of the library until C_Finalize: it is bound
to the client, and its sessions are kept in the store, so that any process of the server can go on with it.

Parameters are in the order of the C function, without those that only receive something: CK_BYTE and CK_BBOOL are a
byte, CK_ULONG eight, structures are their fields, an array is its number of elements in four bytes and then these.
Where C asks twice, first with NULL_PTR for the number of elements and then for them, a client gives its room as a
number of elements, 0 for NULL_PTR.

Source: KMIP 2.1 sections 6.1.37, 7.26 to 7.30; KMIP Profiles 2.1 section 5.18; PKCS#11 3.0 section 5.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.tokens import SERIAL_SESSION, CryptokiVersion, ReturnCode, Token
from keystead.errors import OperationFailed
from keystead.kmip.enums import PKCS11Function as F
from keystead.kmip.enums import PKCS11ReturnCode as R
from keystead.kmip.enums import ResultReason
from keystead.kmip.payloads.session import PKCS11Request, PKCS11Response
from keystead.kmip.version import V3_0

INTERFACE: Final = "PKCS 11"
"""The name of the standard's interface.  Source: PKCS#11 3.0 section 3.1."""
ENCODING_VERSION: Final = 1
UNUSED_SECONDS: Final = 3600
"""A library that is not used for so long is finalized."""
MOST_LIBRARIES: Final = 16
"""Of one client, and sessions of each."""
MOST_SESSIONS: Final = 64
MOST_RANDOM_BYTES: Final = 1 << 16
UNAVAILABLE: Final = frozenset(
    {F.C_GET_FUNCTION_LIST, F.C_WAIT_FOR_SLOT_EVENT, F.C_GET_INTERFACE_LIST, F.C_GET_INTERFACE}
)
"""What means something only within one process, and is not tunnelled."""
_KNOWN: Final = frozenset(F)
_KIND: Final = "pkcs11"

_ULONG, _COUNT = Struct(">Q"), Struct(">I")
_INFO: Final = Struct(">2s32sQ32s2s")
_SLOT_INFO: Final = Struct(">64s32sQ2s2s")
_TOKEN_INFO: Final = Struct(">32s32s16s16s11Q2s2s16s")


@dataclass(slots=True)
class Library:
    """A client's use of the library.

    Attributes:
        sessions: the slot of each session, by its handle.
        last: the handle given last.
        until: when it is finalized if nobody uses it, POSIX seconds.
    """

    correlation: str
    sessions: dict[int, int] = field(default_factory=dict)
    last: int = 0
    until: int = 0


class _Parameters:
    """Reads the parameters of a function."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def _next(self, struct: Struct) -> int:
        try:
            (value,) = struct.unpack_from(self._data, self._position)
        except StructError:
            raise _codec_error("the parameters are cut short") from None
        self._position += struct.size
        return int(value)

    def byte(self) -> int:
        return self._next(_BYTE)

    def ulong(self) -> int:
        return self._next(_ULONG)

    def count(self) -> int:
        return self._next(_COUNT)

    def end(self) -> None:
        if self._position != len(self._data):
            raise _codec_error("there are more parameters than the function has")


_BYTE: Final = Struct(">B")


@dataclass(frozen=True, slots=True)
class _Call:
    """A function that is called."""

    token: Token
    library: Library
    parameters: _Parameters

    def session(self) -> int:
        """The slot of the session that the next parameter names."""
        handle = self.parameters.ulong()
        if handle not in self.library.sessions:
            raise ReturnCode(R.SESSION_HANDLE_INVALID)
        return self.library.sessions[handle]


@handles(PKCS11Request, changes=True)
def pkcs_11(context: Context, request: PKCS11Request) -> PKCS11Response:
    """Call a function of PKCS#11.  Source: KMIP 2.1 §6.1.37.

    Raises:
        OperationFailed: PKCS#11 Invalid Interface, PKCS#11 Invalid Function, PKCS#11 Codec Error, Server Limit
            Exceeded.
    """
    if request.pkcs_11_interface not in (None, INTERFACE):
        raise OperationFailed(
            ResultReason.PKCS_11_INVALID_INTERFACE, f'the interface is "{INTERFACE}", as if none were named'
        )
    function = request.pkcs_11_function
    if function not in _KNOWN or function in UNAVAILABLE:
        raise OperationFailed(ResultReason.PKCS_11_INVALID_FUNCTION, "the interface does not have this function here")
    parameters = _Parameters(request.pkcs_11_input_parameters or b"")
    correlation = request.correlation_value
    code, output = R.OK, b""
    try:
        if function is F.C_INITIALIZE:
            correlation = _initialize(context, correlation, parameters)
        else:
            library = _find(context, correlation)
            output = _run(context, function, library, parameters)
            _keep(context, library if function is not F.C_FINALIZE else None, library.correlation)
    except ReturnCode as refused:
        code, output = refused.code, refused.output
    # The cases of 3.0 show the Correlation Value in every answer, those of 2.x only where it is given.
    shown = context.version >= V3_0 or function is F.C_INITIALIZE
    return PKCS11Response(
        pkcs_11_interface=request.pkcs_11_interface,
        pkcs_11_function=function,
        correlation_value=correlation if shown else None,
        pkcs_11_output_parameters=output or None,
        pkcs_11_return_code=code,
    )


def _run(context: Context, function: F, library: Library, parameters: _Parameters) -> bytes:
    run = FUNCTIONS.get(function)
    if run is None:
        raise ReturnCode(R.FUNCTION_NOT_SUPPORTED)
    output = run(_Call(context.engine.token, library, parameters))
    parameters.end()
    return output


# --- a client's use of the library ------------------------------------------------------------------------------------


def _initialize(context: Context, correlation: bytes | None, parameters: _Parameters) -> bytes:
    version = parameters.byte()
    parameters.end()
    if version != ENCODING_VERSION:
        raise _codec_error(f"the version of the encoding is {ENCODING_VERSION}")
    if correlation is not None:
        _find(context, correlation)
        raise ReturnCode(R.CRYPTOKI_ALREADY_INITIALIZED)
    mine = context.transaction.entries(_KIND, f"{context.caller.identity}:")
    if sum(json.loads(value)["until"] > context.now for _, value in mine) >= MOST_LIBRARIES:
        raise OperationFailed(ResultReason.SERVER_LIMIT_EXCEEDED, "finalize some of your libraries first")
    context.engine.token.info()  # a token that is out of reach is not initialized
    library = Library(secrets.token_hex(16))
    _keep(context, library, library.correlation)
    return bytes.fromhex(library.correlation)


def _find(context: Context, correlation: bytes | None) -> Library:
    """The library of the caller's that a Correlation Value stands for; another's is none."""
    key = (correlation or b"").hex()
    found = context.transaction.entry(_KIND, f"{context.caller.identity}:{key}") if len(key) == 32 else None
    fields = json.loads(found) if found is not None else None
    if fields is None or fields["until"] <= context.now:
        raise ReturnCode(R.CRYPTOKI_NOT_INITIALIZED)
    sessions = {int(handle): slot for handle, slot in fields["sessions"].items()}
    return Library(key, sessions, fields["last"], fields["until"])


def _keep(context: Context, library: Library | None, correlation: str) -> None:
    key = f"{context.caller.identity}:{correlation}"
    if library is None:
        context.transaction.delete_entry(_KIND, key)
        return
    library.until = context.now + UNUSED_SECONDS
    fields = {"sessions": library.sessions, "last": library.last, "until": library.until}
    context.transaction.put_entry(_KIND, key, json.dumps(fields).encode(), library.until)


# --- the functions ----------------------------------------------------------------------------------------------------


def _nothing(call: _Call) -> bytes:
    return b""


def _get_info(call: _Call) -> bytes:
    info = call.token.info()
    return _INFO.pack(
        bytes(info.cryptoki_version),
        info.manufacturer_id,
        info.flags,
        info.library_description,
        bytes(info.library_version),
    )


def _get_slot_list(call: _Call) -> bytes:
    token_present, room = call.parameters.byte(), call.parameters.count()
    return _array(call.token.slots(token_present != 0), room)


def _get_slot_info(call: _Call) -> bytes:
    info = call.token.slot_info(call.parameters.ulong())
    versions = _versions(info.hardware_version, info.firmware_version)
    return _SLOT_INFO.pack(info.slot_description, info.manufacturer_id, info.flags, *versions)


def _get_token_info(call: _Call) -> bytes:
    info = call.token.token_info(call.parameters.ulong())
    return _TOKEN_INFO.pack(
        info.label,
        info.manufacturer_id,
        info.model,
        info.serial_number,
        info.flags,
        *info.numbers,
        *_versions(info.hardware_version, info.firmware_version),
        info.utc_time,
    )


def _get_mechanism_list(call: _Call) -> bytes:
    slot, room = call.parameters.ulong(), call.parameters.count()
    return _array(call.token.mechanisms(slot), room)


def _open_session(call: _Call) -> bytes:
    slot, flags = call.parameters.ulong(), call.parameters.ulong()
    if not flags & SERIAL_SESSION:
        raise ReturnCode(R.SESSION_PARALLEL_NOT_SUPPORTED)
    if len(call.library.sessions) >= MOST_SESSIONS:
        raise ReturnCode(R.SESSION_COUNT)
    call.token.open_session(slot)
    call.library.last += 1
    call.library.sessions[call.library.last] = slot
    return _ULONG.pack(call.library.last)


def _close_session(call: _Call) -> bytes:
    handle = call.parameters.ulong()
    if call.library.sessions.pop(handle, None) is None:
        raise ReturnCode(R.SESSION_HANDLE_INVALID)
    return b""


def _generate_random(call: _Call) -> bytes:
    slot, number = call.session(), call.parameters.count()
    if not 0 < number <= MOST_RANDOM_BYTES:
        raise ReturnCode(R.ARGUMENTS_BAD)
    return _COUNT.pack(number) + call.token.random(slot, number)


FUNCTIONS: Final[Mapping[F, Callable[[_Call], bytes]]] = {
    F.C_FINALIZE: _nothing,
    F.C_GET_INFO: _get_info,
    F.C_GET_SLOT_LIST: _get_slot_list,
    F.C_GET_SLOT_INFO: _get_slot_info,
    F.C_GET_TOKEN_INFO: _get_token_info,
    F.C_GET_MECHANISM_LIST: _get_mechanism_list,
    F.C_OPEN_SESSION: _open_session,
    F.C_CLOSE_SESSION: _close_session,
    F.C_GENERATE_RANDOM: _generate_random,
}


def _array(elements: list[int], room: int) -> bytes:
    """The number of elements, and these if there is room for them."""
    number = _COUNT.pack(len(elements))
    if not room:
        return number
    if room < len(elements):
        raise ReturnCode(R.BUFFER_TOO_SMALL, number)
    return number + b"".join(_ULONG.pack(element) for element in elements)


def _versions(*versions: CryptokiVersion) -> tuple[Any, ...]:
    return tuple(map(bytes, versions))


def _codec_error(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.PKCS_11_CODEC_ERROR, message)
