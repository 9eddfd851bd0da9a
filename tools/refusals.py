"""Why an operation may be refused: read off the code, from its handler through all that it calls.

A refusal is an OperationFailed with a Result Reason and a sentence, or a CodecError with a reason.  The calls are
followed whose target the code itself tells: by name, through a module, a table of functions, or the annotation of a
parameter, a field or a return value.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple, cast

from keystead.errors import CodecError, OperationFailed
from keystead.kmip.enums import ResultReason

_PACKAGE: Final = "keystead."
_SILENT: Final = ("keystead.store", "keystead.custody", "keystead.audit", "keystead.kmip.compiler")
"""What refuses nothing in KMIP's words."""
_LARGEST_TABLE: Final = 200
VARIES: Final = "…"
UPPER_BOUND: Final = (
    "This is an upper bound, found from the code: what the shared helpers that are called can refuse stands here too, "
    "even where it cannot come to that.\n"
)
"""What has to be known of any list of refusals."""


class Refusal(NamedTuple):
    """A Result Reason, and the sentence that goes with it; what differs each time is `…`."""

    reason: ResultReason
    said: str


def refusals(function: Callable[..., Any]) -> frozenset[Refusal]:
    """All refusals of a function and of what it calls."""
    found: set[Refusal] = set()
    seen: set[FunctionType] = set()
    ahead = [_plain(function)]
    while ahead:
        one = ahead.pop()
        if one is not None and one not in seen and _ours(one):
            seen.add(one)
            own, called = _read(one)
            found |= own
            ahead += called
    return frozenset(found)


def _ours(function: FunctionType) -> bool:
    module = function.__module__ or ""
    return module.startswith(_PACKAGE) and not module.startswith(_SILENT)


def _plain(function: Any) -> FunctionType | None:
    """The function that is behind a method, a decorator or a partial."""
    if isinstance(function, partial):
        function = function.func
    if isinstance(function, (staticmethod, classmethod)) or inspect.ismethod(function):
        function = function.__func__
    function = inspect.unwrap(function) if callable(function) else function
    return function if isinstance(function, FunctionType) else None


@cache
def _tree(function: FunctionType) -> ast.Module:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):  # a lambda within a table has no text of its own that can be parsed
        return ast.Module([], [])


@cache
def _read(function: FunctionType) -> tuple[frozenset[Refusal], tuple[FunctionType, ...]]:
    """The refusals in a function's own text, and the functions that it refers to."""
    reader = _Reader(function)
    for node in ast.walk(_tree(function)):
        reader.visit(node)
    return frozenset(reader.refusals), tuple(reader.called)


@cache
def _maker(function: FunctionType) -> tuple[ResultReason, int] | None:
    """The reason of a function that makes a refusal of a sentence that it is given, and which argument that is."""
    reader = _Reader(function)
    names = list(inspect.signature(function).parameters)
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Call) and len(node.args) > 1 and reader.value_of(node.func) is OperationFailed:
            reason, said = reader.value_of(node.args[0]), node.args[1]
            if isinstance(reason, ResultReason) and isinstance(said, ast.Name) and said.id in names:
                return reason, names.index(said.id)
    return None


class _Reader:
    """Reads one function.

    Attributes:
        types: the classes of its names, as far as annotations and assignments tell.
    """

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.globals = function.__globals__
        self.types: dict[str, Any] = dict(_hints(function))
        self.refusals: set[Refusal] = set()
        self.called: list[FunctionType] = []
        owner = _owner(function)
        if owner is not None:
            self.types |= {"self": owner, "cls": type[owner]}

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id not in self.types:
                    self.types[target.id] = self.type_of(node.value)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            for function in _functions(self.value_of(node)):
                self._follow(function)
            if isinstance(node, ast.Attribute):
                self._property(node)

    def _call(self, node: ast.Call) -> None:
        target = self.value_of(node.func)
        function = _plain(target)
        if target is OperationFailed and len(node.args) > 1:
            self._refuse(node.args[0], node.args[1])
        elif target is CodecError and node.args:
            reason = next((k.value for k in node.keywords if k.arg == "reason"), None)
            reason = node.args[2] if reason is None and len(node.args) > 2 else reason
            if reason is not None:
                self._refuse(reason, node.args[0])
        elif inspect.isclass(target):
            for name in ("__init__", "__post_init__"):
                self._follow(vars(target).get(name))
        elif function is not None and _ours(function) and (made := _maker(function)) is not None:
            reason_given, position = made
            if position < len(node.args):
                self.refusals.add(Refusal(reason_given, self._sentence(node.args[position])))
        else:
            self._follow(target)

    def _refuse(self, reason: ast.expr, said: ast.expr) -> None:
        for one in (reason.body, reason.orelse) if isinstance(reason, ast.IfExp) else (reason,):
            value = self.value_of(one)
            if isinstance(value, ResultReason) and not self._is_parameter(said):
                self.refusals.add(Refusal(value, self._sentence(said)))

    def _is_parameter(self, said: ast.expr) -> bool:
        """Whether a sentence is given by the caller, where it is read."""
        return isinstance(said, ast.Name) and said.id in inspect.signature(self.function).parameters

    def _sentence(self, said: ast.expr) -> str:
        if isinstance(said, ast.JoinedStr):
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else self._part(part)
                for part in said.values
                if isinstance(part, (ast.Constant, ast.FormattedValue))
            )
        value = said.value if isinstance(said, ast.Constant) else self.value_of(said)
        return value if isinstance(value, str) else VARIES

    def _part(self, part: ast.FormattedValue) -> str:
        value = self.value_of(part.value)
        return f"{value:,}" if type(value) is int else value.title if isinstance(value, ResultReason) else VARIES

    def _property(self, node: ast.Attribute) -> None:
        kind = self.type_of(node.value)
        found = inspect.getattr_static(kind, node.attr, None) if inspect.isclass(kind) else None
        if isinstance(found, property):
            self._follow(found.fget)

    def _follow(self, target: Any) -> None:
        function = _plain(target)
        if function is not None and function is not self.function and _maker(function) is None:
            self.called.append(function)

    # --- what an expression is ---

    def value_of(self, node: ast.expr) -> Any:
        """What a name or an attribute stands for; None if that is not known before it runs."""
        if isinstance(node, ast.Name):
            if node.id in self.types:
                kind = self.types[node.id]
                return typing.get_args(kind)[0] if typing.get_origin(kind) is type else None
            return self.globals.get(node.id)
        if isinstance(node, ast.Attribute):
            of = self.value_of(node.value)
            if isinstance(of, ModuleType) or inspect.isclass(of):
                return getattr(of, node.attr, None)
            kind = self.type_of(node.value)
            found = inspect.getattr_static(kind, node.attr, None) if inspect.isclass(kind) else None
            return None if isinstance(found, property) else _plain(found)
        return None

    def type_of(self, node: ast.expr) -> Any:
        """The class of what an expression gives; None if the code does not tell."""
        if isinstance(node, ast.Name):
            if node.id in self.types:
                return _class_of(self.types[node.id])
            value = self.globals.get(node.id)
            return None if value is None or callable(value) else type(value)
        if isinstance(node, ast.Call):
            target = self.value_of(node.func)
            function = _plain(target)
            if inspect.isclass(target):
                return target
            return _class_of(_hints(function).get("return")) if function is not None else None
        if isinstance(node, ast.Attribute):
            kind = self.type_of(node.value)
            if not inspect.isclass(kind):
                return None
            found = inspect.getattr_static(kind, node.attr, None)
            getter = found.fget if isinstance(found, property) else None
            return _class_of(
                _hints(getter).get("return") if getter is not None else _hints(cast(Any, kind)).get(node.attr)
            )
        if isinstance(node, ast.BoolOp):
            return next((kind for value in node.values if (kind := self.type_of(value)) is not None), None)
        return self.type_of(node.body) if isinstance(node, ast.IfExp) else None


@cache
def _hints(of: Any) -> Mapping[str, Any]:
    """The annotations of a function or a class; those that only a type checker can read are left out."""
    try:
        return typing.get_type_hints(of)
    except Exception:  # noqa: BLE001  one of them is such: read them one by one
        names = getattr(of, "__globals__", None) or vars(inspect.getmodule(of))
        found = {}
        for name, hint in getattr(of, "__annotations__", {}).items():
            try:
                found[name] = eval(hint, dict(names)) if isinstance(hint, str) else hint  # noqa: S307  our own code
            except Exception:  # noqa: BLE001, S112
                continue
        return found


def _class_of(hint: Any) -> Any:
    """The class of a hint: of `X | None` and of Annotated, X."""
    if inspect.isclass(hint) and not typing.get_args(hint):
        return hint
    options = [one for one in typing.get_args(hint) if one is not type(None)]
    if typing.get_origin(hint) is typing.Annotated:
        return _class_of(options[0])
    union = typing.get_origin(hint) in (typing.Union, type(int | None).__class__) or type(hint).__name__ == "UnionType"
    return _class_of(options[0]) if union and len(options) == 1 else None


def _owner(function: FunctionType) -> type | None:
    """The class whose method a function is."""
    name, _, _ = function.__qualname__.rpartition(".")
    found: Any = function.__globals__.get(name)
    return found if inspect.isclass(found) else None


def _functions(value: Any) -> Iterator[Any]:
    """The functions in a value: itself, or those in a table."""
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, Mapping) and len(value) < _LARGEST_TABLE:
        for one in value.values():
            yield from _functions(one)
    elif isinstance(value, (tuple, list)) and len(value) < _LARGEST_TABLE:
        yield from (one for one in value if isinstance(one, FunctionType))


def rows(found: Iterable[Refusal]) -> list[tuple[str, str]]:
    """Refusals as rows of a table: each reason with all that is said of it."""
    said: dict[str, list[str]] = {}
    for refusal in sorted(found, key=lambda one: (one.reason.title, one.said)):
        said.setdefault(refusal.reason.title, []).append(refusal.said)
    return [
        (reason, "<br>".join(one for one in sentences if one != VARIES or len(sentences) == 1))
        for reason, sentences in said.items()
    ]
