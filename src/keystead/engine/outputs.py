"""What a batch item hands on: the Data in its answer, which later items may name, and what an Ephemeral one holds back.

So what one key has encrypted is encrypted under another, and nobody but the server sees it.

Source: KMIP 2.1 sections 7.9, 8.3 and 11.13; 3.0 CSD01 section 8.1.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.enums import DataEnumeration, Ephemeral, Operation, ResultReason
from keystead.kmip.identifiers import DataKind
from keystead.kmip.messages import NOT_EPHEMERAL, RequestBatchItem
from keystead.kmip.payloads import Request, Response
from keystead.kmip.payloads.base import WrittenResponse
from keystead.kmip.schema import dump, fields_of
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version

_O = Operation
_D = DataEnumeration
Output = tuple[Operation, bytes]
"""The Data that an operation gave."""
_GIVEN_BY: Final[Mapping[DataEnumeration, Operation]] = {
    _D.DECRYPT: _O.DECRYPT,
    _D.ENCRYPT: _O.ENCRYPT,
    _D.HASH: _O.HASH,
    _D.MAC_MAC_DATA: _O.MAC,
    _D.RNG_RETRIEVE: _O.RNG_RETRIEVE,
    _D.SIGN_SIGNATURE_DATA: _O.SIGN,
    _D.SIGNATURE_VERIFY: _O.SIGNATURE_VERIFY,
}
_DATA: Final = {Tag.DATA: "data", Tag.MAC_DATA: "mac_data", Tag.SIGNATURE_DATA: "signature_data"}
"""The fields of an answer that are its Data."""
_OMITTED: Final[Mapping[Ephemeral, frozenset[Tag]]] = {
    Ephemeral.DATA: frozenset(_DATA),
    Ephemeral.UNIQUE_IDENTIFIER: frozenset(
        {Tag.UNIQUE_IDENTIFIER, Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER, Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER}
    ),
}


def takes_data(request: type[Request]) -> bool:
    """Whether a request has Data, which it may name as that of an earlier batch item."""
    return any(field.name == "data" and isinstance(field.kind, DataKind) for field in fields_of(request))


def data_of(payload: Response | None) -> bytes | None:
    """The Data in an answer."""
    for name in _DATA.values():
        found = getattr(payload, name, None)
        if isinstance(found, bytes):
            return found
    return None


def named(outputs: Sequence[Output], data: DataEnumeration | int) -> bytes:
    """The Data that a request names: of the most recent operation, or the nth in the answer.

    Raises:
        OperationFailed: Invalid Field; no batch item before gave it.
    """
    if isinstance(data, DataEnumeration):
        found = next((given for operation, given in reversed(outputs) if operation is _GIVEN_BY.get(data)), None)
    else:
        found = outputs[data][1] if -len(outputs) <= data < len(outputs) else None
    if found is None:
        raise OperationFailed(ResultReason.INVALID_FIELD, "no batch item before this one gave such Data")
    return found


def is_ephemeral(asked: RequestBatchItem) -> bool:
    """Whether something of the answer is not for the client."""
    return asked.ephemeral is not None and asked.ephemeral is not NOT_EPHEMERAL


def kept_back(payload: Response, ephemeral: Ephemeral, version: Version) -> Response:
    """An answer without what the client is not to get: its Data, its Unique Identifiers or everything."""
    content = ttlv.decode(dump(payload, version, Tag.RESPONSE_PAYLOAD)).value
    omitted = _OMITTED.get(ephemeral)
    kept = [item for item in content if omitted is not None and item.tag not in omitted]
    return WrittenResponse(b"".join(map(ttlv.encode, kept)), "")
