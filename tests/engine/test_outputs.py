"""Data that one batch item hands on to another, and that no client sees.  Source: KMIP 2.1 §7.9, §8.3 and §11.13."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keystead.engine.engine import Incoming
from keystead.kmip import ttlv
from keystead.kmip.enums import (
    AsynchronousIndicator,
    BlockCipherMode,
    DataEnumeration,
    Ephemeral,
    HashingAlgorithm,
    PaddingMethod,
    ResultStatus,
)
from keystead.kmip.enums import ResultReason as R
from keystead.kmip.messages import (
    NOT_EPHEMERAL,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    dump_message,
    load_request,
    protocol_version,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest, HashRequest, RNGRetrieveRequest
from keystead.kmip.payloads.session import PollRequest
from keystead.kmip.structures import CryptographicParameters
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V2_0, V2_1, V3_0, Version
from tests.engine.by_hand import below
from tests.engine.keys import create
from tests.engine.world import World

CBC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
SECRET = b"what nobody is to see"
VERSIONS = pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)


def message(*asked: tuple[Request, Ephemeral | None], version: Version, **header: Any) -> bytes:
    old = version < V3_0
    return dump_message(
        RequestMessage(
            request_header=RequestHeader(
                protocol_version=protocol_version(version), batch_count=len(asked) if old else None, **header
            ),
            batch_item=tuple(
                RequestBatchItem(
                    operation=request.OPERATION,
                    ephemeral=ephemeral,
                    unique_batch_item_id=bytes((number,)) if old else None,
                    request_payload=request,
                )
                for number, (request, ephemeral) in enumerate(asked)
            ),
        ),
        version,
    )


def answered(world: World, *asked: tuple[Request, Ephemeral | None], version: Version, **header: Any) -> list[Item]:
    """The batch items of the answer, as they are written."""
    (answer,) = world.engine.answer([Incoming(message(*asked, version=version, **header), world.callers["alice"])])
    return [item for item in ttlv.decode(answer).value if item.tag == Tag.BATCH_ITEM]


def found(item: Item, tag: Tag) -> Any:
    return next((one.value for one in below(item) if one.tag == tag), None)


def sealed(world: World, key: str, data: bytes = SECRET) -> bytes:
    return bytes(
        world.do(
            EncryptRequest(unique_identifier=key, cryptographic_parameters=CBC, data=data, iv_counter_nonce=bytes(16))
        ).data
    )


def decrypting(world: World, key: str) -> DecryptRequest:
    return DecryptRequest(
        unique_identifier=key, cryptographic_parameters=CBC, data=sealed(world, key), iv_counter_nonce=bytes(16)
    )


def encrypting(key: str, data: Any) -> EncryptRequest:
    return EncryptRequest(unique_identifier=key, cryptographic_parameters=CBC, data=data, iv_counter_nonce=bytes(16))


@VERSIONS
@pytest.mark.parametrize("named", [DataEnumeration.DECRYPT, 0, -1], ids=str)
def test_what_was_encrypted_is_encrypted_under_another_key(world: World, version: Version, named: Any) -> None:
    """Ephemeral "indicates that the Data output of the operation should not be returned to the client"."""
    old, new = create(world), create(world)
    asked = (decrypting(world, old), Ephemeral.DATA), (encrypting(new, named), None)
    first, second = answered(world, *asked, version=version)
    assert found(first, Tag.RESULT_STATUS) == ResultStatus.SUCCESS
    assert found(first, Tag.UNIQUE_IDENTIFIER) == old
    assert found(first, Tag.DATA) is None
    assert found(second, Tag.DATA) == sealed(world, new)


@VERSIONS
def test_the_most_recent_and_the_nth(world: World, version: Version) -> None:
    hashing = [HashRequest(cryptographic_parameters=SHA_256, data=data) for data in (b"one", b"two")]
    last = [DataEnumeration.HASH, 0, 1, -1, -2]
    meant = [b"two", b"one", b"two", b"two", b"one"]
    for name, data in zip(last, meant, strict=True):
        again = HashRequest(cryptographic_parameters=SHA_256, data=name)
        item = answered(world, *((one, None) for one in (*hashing, again)), version=version)[2]
        assert found(item, Tag.DATA) == hashlib.sha256(hashlib.sha256(data).digest()).digest()
    for bad in (DataEnumeration.RNG_RETRIEVE, 2, -3):
        again = HashRequest(cryptographic_parameters=SHA_256, data=bad)
        item = answered(world, *((one, None) for one in (*hashing, again)), version=version)[2]
        assert found(item, Tag.RESULT_REASON) == R.INVALID_FIELD


@pytest.mark.parametrize("version", [V2_0, V2_1], ids=str)
def test_false_is_as_if_it_were_not_there(world: World, version: Version) -> None:
    (item,) = answered(world, (RNGRetrieveRequest(data_length=8), NOT_EPHEMERAL), version=version)
    assert len(found(item, Tag.DATA)) == 8
    (item,) = answered(world, (RNGRetrieveRequest(data_length=8), Ephemeral.DATA), version=version)
    assert found(item, Tag.RESULT_STATUS) == ResultStatus.SUCCESS
    assert found(item, Tag.DATA) is None
    for value in (NOT_EPHEMERAL, Ephemeral.DATA):
        read, _ = load_request(message((RNGRetrieveRequest(data_length=8), value), version=version))
        assert read.batch_item[0].ephemeral is value


def test_3_0_says_what_is_left_out(world: World) -> None:
    """Source: KMIP 3.0 CSD01 §8.1.3: "which fields should be omitted"."""
    key = create(world)
    for ephemeral, left in (
        (Ephemeral.DATA, {Tag.UNIQUE_IDENTIFIER}),
        (Ephemeral.UNIQUE_IDENTIFIER, {Tag.DATA}),
        (Ephemeral.EMPTY, set()),
    ):
        (item,) = answered(world, (decrypting(world, key), ephemeral), version=V3_0)
        payload = next(part for part in item.value if part.tag == Tag.RESPONSE_PAYLOAD)
        assert {part.tag for part in payload.value} == left


def test_what_waits_keeps_it_back_too(world: World) -> None:
    key = create(world)
    asked = (decrypting(world, key), Ephemeral.DATA)
    (item,) = answered(world, asked, version=V2_1, asynchronous_indicator=AsynchronousIndicator.MANDATORY)
    world.engine.upkeep()
    poll = PollRequest(asynchronous_correlation_value=found(item, Tag.ASYNCHRONOUS_CORRELATION_VALUE))
    assert world.do(poll).data is None
