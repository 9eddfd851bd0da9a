"""A request from an operation's name and the fields that people write: `Create`, `algorithm=AES length=256 name=demo`.

Which fields there are is read off the payload's field table.  A name that the payload lacks means an attribute, if the
payload has a list of attributes; else a field of the first of its structures that has one of that name.  So
`usage=Sign` stands for `attributes.cryptographic_usage_mask=Sign`, and `mode=GCM` for
`cryptographic_parameters.block_cipher_mode=GCM`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keystead.client.objects import make_object
from keystead.client.values import (
    SHORT_NAMES,
    FieldError,
    attribute_name,
    bytes_of,
    enumeration_of,
    find,
    structure_of,
    suggestion,
)
from keystead.kmip.attributes import ATTRIBUTES, AttributeKind, Attributes, AttributesKind
from keystead.kmip.enums import ObjectType, Operation
from keystead.kmip.payloads import OPERATIONS, Request
from keystead.kmip.schema import Field, Structure, fields_of

DEFAULTS: Final[Mapping[Operation, Mapping[str, str]]] = {
    Operation.CREATE: {"object_type": "Symmetric Key"},
    Operation.QUERY: {"query_function": "Query Operations,Query Objects,Query Server Information"},
    Operation.REVOKE: {"revocation_reason": "Cessation of Operation"},
}
"""What a field is if it is not said."""
MATERIAL: Final = "material"
"""In place of an `object`: the bytes that it is made of."""
_OF_OBJECT: Final = (
    "cryptographic_algorithm",
    "cryptographic_length",
    "key_format_type",
    "secret_data_type",
    "certificate_type",
    "opaque_data_type",
)
_ONLY_OF_OBJECT: Final = ("key_format_type", "secret_data_type", "certificate_type", "opaque_data_type")

Fields = dict[str, Any]


def operation_of(text: str) -> Operation:
    """The operation of a name in any spelling.

    Raises:
        FieldError: there is no such operation; says which may have been meant.
    """
    found = find(text, [operation.name for operation in OPERATIONS])
    if found is None:
        raise FieldError(
            f"there is no operation {text}{suggestion(text, [operation.camel_case for operation in OPERATIONS])}"
        )
    return Operation[found]


def gather(said: Mapping[str, Any] | list[tuple[str, Any]]) -> Fields:
    """Make a tree of dotted names: `a.b=1 a.c=2` gives `{"a": {"b": 1, "c": 2}}`; what is said twice is a list.

    Raises:
        FieldError: a name is both a field and a structure.
    """
    tree: Fields = {}
    for dotted, value in said.items() if isinstance(said, Mapping) else said:
        *way, last = dotted.split(".")
        node = tree
        for name in way:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise FieldError(f"{dotted}: {name} is given a value and fields")
        if last not in node:
            node[last] = value
        elif isinstance(node[last], dict) or isinstance(value, dict):
            raise FieldError(f"{dotted}: it is given a value and fields")
        else:
            node[last] = [*(node[last] if isinstance(node[last], list) else [node[last]]), value]
    return tree


def request_of(operation: Operation, said: Mapping[str, Any] | list[tuple[str, Any]]) -> Request:
    """Make the request of an operation.

    Args:
        said: names of fields, dotted and short ones too, and their values as `values.py` reads them.

    Raises:
        FieldError: names the field that is unknown, missing or ill-written.
    """
    cls = OPERATIONS[operation][0]
    fields = {field.name: field for field in fields_of(cls)}
    placed: Fields = {}
    material = None
    for name, value in gather(said).items():
        if name == MATERIAL and "object" in fields:
            try:
                material = bytes_of(value)
            except FieldError as error:
                raise error.within(MATERIAL) from None
            continue
        _merge(placed, _place(fields, name, value), value)
    for name, default in DEFAULTS.get(operation, {}).items():
        placed.setdefault(name, default)
    if material is not None:
        _add_object(placed, material)
    for field in fields.values():
        if field.required and isinstance(field.kind, AttributesKind):
            placed.setdefault(field.name, Attributes())
    return structure_of(cls, placed)


def _place(fields: Mapping[str, Field], name: str, value: Any) -> tuple[str, ...]:
    """Where in the payload a name belongs, as a path."""
    found = find(name, fields)
    if found is not None:
        inner = _names(*structures) if len(structures := _structures(fields[found])) == 1 else []
        return (found,) if not inner or isinstance(value, (dict, *structures)) else (found, inner[0])
    for field in sorted(fields.values(), key=lambda field: not field.required):
        if isinstance(field.kind, (AttributesKind, AttributeKind)) and (
            _is_attribute(name) or _of_object(name, fields)
        ):
            return (field.name, name)
    for field in fields.values():
        for cls in _structures(field):
            if (only := find(name, _names(cls))) is not None:
                return (field.name, only)
    known = [*fields, *SHORT_NAMES]
    if any(isinstance(field.kind, (AttributesKind, AttributeKind)) for field in fields.values()):
        known += [tag.name.lower() for tag in ATTRIBUTES]
    raise FieldError(f"there is no field {name}{suggestion(name, known)}")


def _structures(field: Field) -> list[type[Structure]]:
    """The structures that a field may be, if it is not repeated."""
    return [cls for cls in field.kind.python_types() if issubclass(cls, Structure) and not field.repeated]


def _names(cls: type[Structure]) -> list[str]:
    return [field.name for field in fields_of(cls)]


def _is_attribute(name: str) -> bool:
    try:
        attribute_name(name)
    except FieldError:
        return False
    return True


def _of_object(name: str, fields: Mapping[str, Field]) -> bool:
    return "object" in fields and find(name, _ONLY_OF_OBJECT) is not None


def _merge(placed: Fields, path: tuple[str, ...], value: Any) -> None:
    *way, last = path
    for name in way:
        placed = placed.setdefault(name, {})
        if not isinstance(placed, dict):
            raise FieldError(f"{'.'.join(path)}: {name} is given a value and fields")
    if isinstance(value, dict) and isinstance(placed.get(last), dict):
        for name, part in value.items():
            _merge(placed[last], (name,), part)
    elif last in placed:
        raise FieldError(f"{'.'.join(path)}: it is given twice")
    else:
        placed[last] = value


def _add_object(placed: Fields, material: bytes) -> None:
    """Make the object of its material and of what is said of it among the attributes."""
    object_type = enumeration_of(ObjectType, placed.get("object_type", "Symmetric Key"))
    attributes = placed.setdefault("attributes", {})
    said: Fields = {}
    for name in list(attributes):
        found = find(name, _OF_OBJECT)
        if found is not None:
            said[found] = attributes.pop(name) if found in _ONLY_OF_OBJECT else attributes[name]
    made = make_object(object_type, material, **said)
    block = getattr(made, "key_block", None)
    if block is not None and block.cryptographic_length is not None and not _says(attributes, "cryptographic_length"):
        attributes["cryptographic_length"] = block.cryptographic_length
    placed["object_type"], placed["object"] = object_type, made


def _says(attributes: Fields, name: str) -> bool:
    return any(find(each, [name]) for each in attributes)
