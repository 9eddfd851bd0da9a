"""A page for each operation: versions, fields, refusals, and an example in each encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keystead.client.shorthand import request_of
from keystead.client.values import structure_of
from keystead.engine import operations as _operations  # noqa: F401 - enters the handlers
from keystead.engine.engine import Engine
from keystead.engine.handlers import HANDLERS, operations
from keystead.kmip.enums import Operation, ResultStatus
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    dump_message,
    protocol_version,
)
from keystead.kmip.payloads import OPERATIONS, Request, Response
from keystead.kmip.version import V2_1, Version
from tools.examples import EXAMPLES, TIME
from tools.markdown import encodings, facts, fields_table, sentences, slug, span, table, window
from tools.refusals import UPPER_BOUND, refusals, rows

TO_CLIENT: Final = frozenset({Operation.NOTIFY, Operation.PUT})


def name_of(operation: Operation) -> str:
    """The page of an operation."""
    return f"operations/{slug(operation.title)}.md"


def version_of(operation: Operation) -> Version:
    """The version in which it is shown: 2.1 if it is there."""
    return V2_1 if operation.since <= V2_1 <= operation.until else operation.since


def request_bytes(payload: Request, version: Version) -> bytes:
    """A whole Request Message of one batch item."""
    return dump_message(
        RequestMessage(
            request_header=RequestHeader(protocol_version=protocol_version(version), batch_count=1),
            batch_item=(RequestBatchItem(operation=payload.OPERATION, request_payload=payload),),
        ),
        version,
    )


def response_bytes(payload: Response, version: Version) -> bytes:
    """A whole Response Message of one batch item that succeeded."""
    item = ResponseBatchItem(operation=payload.OPERATION, result_status=ResultStatus.SUCCESS, response_payload=payload)
    header = ResponseHeader(protocol_version=protocol_version(version), time_stamp=TIME, batch_count=1)
    return dump_message(ResponseMessage(response_header=header, batch_item=(item,)), version)


def page(operation: Operation) -> str:
    """What there is to say of an operation."""
    request, response = OPERATIONS[operation]
    versions = window(operation.since, operation.until)
    said, source = sentences(request.__doc__)
    row = HANDLERS.get(request)
    doing = sentences(row.handler.__doc__)[0] if row is not None else ""
    if operation in TO_CLIENT:
        answered = "the server sends it, to a client whose endpoint the operator has entered"
    elif row is None:
        answered = "no; see [divergences](../../divergences.md)"
    else:
        answered = "yes" if operation in operations() else "yes, but Query does not name it"
    asked = f"`keystead call {operation.camel_case}`" if row is not None else ""
    return "\n".join(
        (
            f"# {operation.title}\n",
            f"{said}\n",
            facts(
                ("Versions", span(versions)),
                ("Number", f"0x{operation:02X}"),
                ("Source", source),
                ("Answered", answered),
                ("The server's side", doing if doing != said else ""),
                ("On the command line", asked),
            ),
            "## Request Payload\n",
            fields_table(request, versions, "../"),
            "## Response Payload\n",
            fields_table(response, versions, "../"),
            "## Refusals\n",
            _refusals(operation),
            _example(operation),
        )
    )


def _refusals(operation: Operation) -> str:
    row = HANDLERS.get(OPERATIONS[operation][0])
    if row is None:
        return "Operation Not Supported, whatever is in it.\n"
    found = rows(refusals(row.handler))
    own = f"{UPPER_BOUND}\n{table(('Result Reason', 'said'), found)}" if found else "None of its own.\n"
    return f"{own}\nSee also [what any operation may be refused for](../operations.md#refusals-of-any-operation).\n"


def _example(operation: Operation) -> str:
    version = version_of(operation)
    asked, answered = EXAMPLES[operation]
    cls = OPERATIONS[operation][1]
    request = request_bytes(request_of(operation, asked), version)
    response = response_bytes(structure_of(cls, answered) if answered else cls(), version)
    return f"## Example\n\nA request of KMIP {version}.\n\n{encodings(request)}\nIts answer.\n\n{encodings(response)}"


def index() -> str:
    """All operations, and what any of them may be refused for."""
    listed = []
    for operation, (request, _) in OPERATIONS.items():
        answered = "to clients" if operation in TO_CLIENT else "yes" if request in HANDLERS else "no"
        versions = span(window(operation.since, operation.until))
        name = f"[{operation.title}]({name_of(operation)})"
        listed.append((name, f"0x{operation:02X}", versions, answered, sentences(request.__doc__)[0]))
    return (
        f"# Operations\n\nThere are {len(listed)}.\n\n"
        + table(("operation", "value", "versions", "answered", ""), listed)
        + "\n## Refusals of any operation\n\n"
        + "Before an operation is begun.\n"
        + "An [older client](result-reasons.md) is sent what its version has.\n"
        + f"{UPPER_BOUND}\n"
        + table(("Result Reason", "said"), rows(refusals(Engine._message)))
    )


def pages() -> Iterator[tuple[str, str]]:
    """A page for each operation, and the list of them."""
    yield "operations.md", index()
    for operation in OPERATIONS:
        yield name_of(operation), page(operation)
