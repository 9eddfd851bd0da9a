"""Set Defaults, Set Constraints, Get Constraints: what callers arrange for the objects to come.

Source: KMIP 2.1 sections 6.1.22, 6.1.52 and 6.1.53.
"""

from __future__ import annotations

from typing import Final

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.making import check_settable
from keystead.engine.managed import gather
from keystead.engine.rules import Rules, constraints, spelled, types
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES
from keystead.kmip.enums import ResultReason
from keystead.kmip.payloads.server import (
    Constraints,
    GetConstraintsRequest,
    GetConstraintsResponse,
    SetConstraintsRequest,
    SetConstraintsResponse,
    SetDefaultsRequest,
    SetDefaultsResponse,
)
from keystead.kmip.tags import Tag

_R: Final = ResultReason


@handles(SetDefaultsRequest, changes=True)
def set_defaults(context: Context, request: SetDefaultsRequest) -> SetDefaultsResponse:
    """Set what new objects get; without Defaults Information, nothing.  Source: KMIP 2.1 §6.1.53.

    Raises:
        OperationFailed: Invalid Field, Server Limit Exceeded, and those of `check_settable`.
    """
    rules = request.defaults_information.object_defaults if request.defaults_information else ()
    for rule in rules:
        wanted = types(rule)
        if not wanted:
            raise OperationFailed(_R.INVALID_FIELD, "Object Defaults are for an Object Type")
        for object_type in wanted:
            for name, instances in gather(rule.attributes).items():
                check_settable(name, object_type, instances)
    Rules(context).put("defaults", request, len(rules))
    return SetDefaultsResponse()


@handles(SetConstraintsRequest, changes=True)
def set_constraints(context: Context, request: SetConstraintsRequest) -> SetConstraintsResponse:
    """Set what new objects must be like; without Constraints, lift them.  Source: KMIP 2.1 §6.1.52.

    Raises:
        OperationFailed: Invalid Field, Invalid Attribute, Server Limit Exceeded.
    """
    rules = request.constraints.constraint if request.constraints else ()
    for rule in rules:
        for attribute in rule.attributes or ():
            if isinstance(attribute.name, Tag) and attribute.name not in ATTRIBUTES:
                raise OperationFailed(_R.INVALID_ATTRIBUTE, f"{attribute.name} is not an attribute")
            if attribute.value is None:
                raise OperationFailed(_R.INVALID_FIELD, "an attribute of a Constraint has a value")
    Rules(context).put("constraints", request, len(rules))
    return SetConstraintsResponse()


@handles(GetConstraintsRequest)
def get_constraints(context: Context, request: GetConstraintsRequest) -> GetConstraintsResponse:
    """What the caller's new objects must be like.  Source: KMIP 2.1 §6.1.22."""
    binding = tuple(told for rule in constraints(context) if (told := spelled(rule, context.version)) is not None)
    return GetConstraintsResponse(constraints=Constraints(constraint=binding))
