"""The methods of the administration: one table for whoever stands beside the server, on its socket or in its place.

A method is a function whose first parameter is an `Administration`.  What it is annotated with says how its other
parameters are read from JSON; what it gives is shown as JSON.  To add one, decorate it with `@method` and have
`keystead.engine.methods` import its module.
"""

from __future__ import annotations

import base64
import functools
import inspect
import pwd
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_origin, overload

from keystead.config import DOMAIN
from keystead.errors import (
    ConfigError,
    Conflict,
    CustodyError,
    KeysteadError,
    OperationFailed,
    StoreError,
    TamperError,
)
from keystead.kmip.enums import ResultReason

if TYPE_CHECKING:
    from keystead.engine.admin import Administration

F = TypeVar("F", bound=Callable[..., Any])

STATUS: Final = "status"
"""The one method that is no row: who answers it may have no engine, or more to tell than an engine knows."""
SEALED: Final = "the server is sealed"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the administration.

    Attributes:
        run: is given the Administration, and the arguments by name.
        slow: it may take longer than others can wait: a thread runs it, one such method after the other, and it calls
            `Administration.progress` between steps that are small.
        reads: it changes nothing: a thread runs it, beside whatever else is done.
    """

    name: str
    run: Callable[..., Any]
    slow: bool = False
    reads: bool = False


METHODS: dict[str, Method] = {}


@overload
def method(run: F, /) -> F: ...
@overload
def method(*, slow: bool = False, reads: bool = False) -> Callable[[F], F]: ...
def method(run: Any = None, /, *, slow: bool = False, reads: bool = False) -> Any:
    """Enter a function as a method under its own name."""

    def enter(run: F) -> F:
        METHODS[run.__name__] = Method(run.__name__, run, slow, reads)
        return run

    return enter if run is None else enter(run)


def perform(administration: Administration, name: str, arguments: Mapping[str, Any]) -> Any:
    """Do a method; what it gives, as JSON has it.

    Args:
        arguments: as JSON has them.

    Raises:
        OperationFailed: Operation Not Supported, if there is no such method; Invalid Field, for its arguments; what the
            method says, which is an event of the audit then.
        CustodyError: the server is sealed.
        StoreError, TamperError, ConfigError.
    """
    if administration.engine.sealed:
        raise CustodyError(SEALED)
    found = method_named(name)
    if not re.fullmatch(DOMAIN, administration.domain):
        raise _wrong(name, f"a domain is called {DOMAIN}")
    given = _arguments(found, arguments)
    try:
        return shown(found.run(administration, **given))
    except OperationFailed as error:
        administration.refused(name.replace("_", " ").title(), error)
        raise


def method_named(name: str) -> Method:
    """The method of a name.  Raises: OperationFailed (Operation Not Supported)."""
    if name not in METHODS:
        raise OperationFailed(ResultReason.OPERATION_NOT_SUPPORTED, "there is no such method")
    return METHODS[name]


def operator_of(user: int) -> str:
    """What the audit calls an operator: by the user of the operating system."""
    try:
        return f"operator {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"operator {user}"


# --- arguments and results --------------------------------------------------------------------------------------------


@functools.cache
def _parameters(run: Callable[..., Any]) -> Mapping[str, tuple[Any, bool]]:
    """Of the parameters but the first: what they are annotated with, and whether they are needed."""
    hints = typing.get_type_hints(run, localns={"Administration": object})  # which needs none
    rows = list(inspect.signature(run).parameters.values())[1:]
    return {row.name: (hints[row.name], row.default is inspect.Parameter.empty) for row in rows}


def _arguments(found: Method, arguments: Mapping[str, Any]) -> dict[str, Any]:
    rows = _parameters(found.run)
    if unknown := [name for name in arguments if name not in rows]:
        raise _wrong(found.name, f"there is no argument {unknown[0][:64]!r}")
    if missing := [name for name, (_, needed) in rows.items() if needed and name not in arguments]:
        raise _wrong(found.name, f"the argument {missing[0]!r} is missing")
    return {name: _read(rows[name][0], value, f"{found.name}: {name}") for name, value in arguments.items()}


def _read(hint: Any, value: Any, where: str) -> Any:
    """A value of JSON as an annotation has it.  No value is ever told in an error: it may be a secret."""
    origin = get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in get_args(hint):
            return None
        (hint,) = (one for one in get_args(hint) if one is not type(None))
        return _read(hint, value, where)
    if hint in (str, int, bool):
        if type(value) is hint and (hint is not str or value.isascii() or _encodes(value)):
            return value
        raise _wrong(where, f"is a value of the type {hint.__name__}")
    if hint is bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (ValueError, TypeError):
            raise _wrong(where, "is bytes in Base64") from None
    if origin in _LISTS:
        if isinstance(value, list):
            return tuple(_read(get_args(hint)[0], one, where) for one in value)
        raise _wrong(where, "is a list")
    if isinstance(hint, type) and issubclass(hint, Enum):
        wanted = _plain(value) if isinstance(value, str) else None
        for one in hint:
            if _plain(str(one)) == wanted:
                return one
        raise _wrong(where, f"is no {hint.__name__}")
    if is_dataclass(hint) and isinstance(hint, type):
        return _structure(hint, value, where)
    raise TypeError(f"{where}: JSON has no {hint}")


def _structure(hint: type, value: Any, where: str) -> Any:
    hints = typing.get_type_hints(hint)
    rows = {row.name: row for row in fields(hint) if row.init}
    if not isinstance(value, Mapping) or not set(value) <= set(rows):
        raise _wrong(where, f"is an object with {', '.join(rows)}")
    for name, row in rows.items():
        if row.default is MISSING and row.default_factory is MISSING and name not in value:
            raise _wrong(where, f"lacks {name}")
    return hint(**{name: _read(hints[name], one, f"{where}: {name}") for name, one in value.items()})


_LISTS: Final = (tuple, list, Collection, Iterable, Sequence)


def _encodes(text: str) -> bool:
    """Whether a text is one: JSON can write halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _wrong(where: str, message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_FIELD, f"{where}: {message}")


def shown(value: Any) -> Any:
    """A value as JSON has it; what is none of JSON's says by `as_dict` what of it may be shown."""
    if value is None or isinstance(value, bool | float) or type(value) in (int, str):
        return value
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(name): shown(one) for name, one in value.items()}
    if isinstance(value, Iterable):
        return [shown(one) for one in value]
    return shown(value.as_dict())


# --- errors -----------------------------------------------------------------------------------------------------------

KINDS: Final[Mapping[str, type[KeysteadError]]] = {
    kind.__name__: kind for kind in (ConfigError, Conflict, CustodyError, StoreError, TamperError, KeysteadError)
}
"""What is raised at the other end too; any other exception of Keystead is its nearest class there."""


def dump_error(error: KeysteadError) -> dict[str, str]:
    """An error as JSON has it."""
    if isinstance(error, OperationFailed):
        return {"kind": "OperationFailed", "reason": error.reason.name, "message": error.message}
    kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in KINDS)
    return {"kind": kind, "reason": "", "message": str(error)}


def load_error(said: Mapping[str, Any]) -> KeysteadError:
    """The error that the other end raised."""
    kind, reason, message = (str(said.get(name, "")) for name in ("kind", "reason", "message"))
    if kind == "OperationFailed":
        return OperationFailed(ResultReason.__members__.get(reason, ResultReason.GENERAL_FAILURE), message)
    return KINDS.get(kind, KeysteadError)(message)
