"""The request and response of every operation, in ten families named for what they do.

`OPERATIONS` is gathered from the declarations: the codec, Query, the reference pages and the command line read it.
"""

from __future__ import annotations

from keystead.kmip.enums import Operation
from keystead.kmip.payloads import (
    attributes,
    certify,
    create,
    crypto,
    get,
    lifecycle,
    locate,
    rekey,
    server,
    session,
)
from keystead.kmip.payloads.base import REQUESTS, RESPONSES, Payload, Request, Response

FAMILIES = (create, rekey, locate, get, attributes, lifecycle, crypto, certify, session, server)
OPERATIONS: dict[Operation, tuple[type[Request], type[Response]]] = {
    operation: (REQUESTS[operation], RESPONSES[operation]) for operation in Operation if operation in REQUESTS
}
"""The payloads of each operation."""

__all__ = ["FAMILIES", "OPERATIONS", "REQUESTS", "RESPONSES", "Payload", "Request", "Response"]
