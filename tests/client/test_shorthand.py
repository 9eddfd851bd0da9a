"""Requests from names and values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

import pytest

from keystead.client import FieldError, Settings
from keystead.client.session import Session
from keystead.client.shorthand import gather, operation_of, request_of
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES, Attribute, Attributes
from keystead.kmip.enums import (
    BlockCipherMode,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    RevocationReasonCode,
    SecretDataType,
)
from keystead.kmip.messages import dump_message
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, SecretData, SymmetricKey
from keystead.kmip.payloads import OPERATIONS
from keystead.kmip.payloads.attributes import AddAttributeRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest, CreateRequest, RegisterRequest
from keystead.kmip.payloads.crypto import EncryptRequest
from keystead.kmip.payloads.lifecycle import RevokeRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.schema import Structure, fields_of
from keystead.kmip.structures import CryptographicParameters, Name, RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, V3_0

EXTREMES: Final = (
    "", "-1", "0x80000000", "4294967296", "99999999999999999999", "0x" + "f" * 5000, "9" * 5000, "\udcff",
    "text:\udcff",
    "nan", "0001-01-01", "99999999999999w", b"\xff", ["1", "2"], True, None, 1.5, -1, 10**30, datetime.min,
)  # fmt: skip


def ways(cls: type[Structure], seen: set[type], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The dotted names of fields, of attributes, and of the fields of structures, each of which is entered once."""
    for field in fields_of(cls):
        way = (*before, field.name)
        yield way
        for inner in set(field.kind.python_types()) - seen:
            seen.add(inner)
            if inner in (Attributes, Attribute):
                yield from ((*way, name) for name in (*(tag.name.lower() for tag in ATTRIBUTES), "x-note", "x-\udcff"))
            elif issubclass(inner, Structure):
                yield from ways(inner, seen, way)


def test_whatever_stands_in_a_field_can_be_sent_or_is_refused_in_words() -> None:
    session, sent, seen = Session(Settings()), 0, set[type]()
    asked = [(operation, way) for operation in OPERATIONS for way in ways(OPERATIONS[operation][0], seen)]
    for operation, way in asked:
        for value in EXTREMES:
            with suppress(FieldError, OperationFailed):
                request = request_of(operation, [(".".join(way), value)])
                for version in (V3_0, V1_4):
                    dump_message(session.message([request], version), version)
                    sent += 1
    assert sent > len(asked) / 4


@pytest.mark.parametrize("operation", list(OPERATIONS), ids=str)
def test_every_operation_is_known_by_its_names(operation: Operation) -> None:
    assert operation_of(operation.camel_case) is operation_of(operation.name.lower()) is operation


def test_an_unknown_operation_says_which_may_have_been_meant() -> None:
    with pytest.raises(FieldError, match="did you mean CreateKeyPair"):
        operation_of("CreateKeyPear")


def test_what_is_no_field_is_an_attribute() -> None:
    made = request_of(
        Operation.CREATE, {"algorithm": "AES", "length": "256", "name": "demo", "usage": "Encrypt,Decrypt"}
    )
    usage = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
    assert made == CreateRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes.of(
            {
                Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.AES,
                Tag.CRYPTOGRAPHIC_LENGTH: 256,
                Tag.NAME: Name(name_value="demo"),
                Tag.CRYPTOGRAPHIC_USAGE_MASK: usage,
            }
        ),
    )


def test_dotted_and_short_names_mean_the_same() -> None:
    long = {"attributes.cryptographic_algorithm": "AES", "attributes.cryptographic_length": "128"}
    assert request_of(Operation.CREATE, long) == request_of(Operation.CREATE, {"algorithm": "AES", "length": "128"})


def test_a_key_pair_has_common_private_and_public_attributes() -> None:
    made = request_of(
        Operation.CREATE_KEY_PAIR, {"algorithm": "RSA", "private.usage": "Sign", "public.usage": "Verify"}
    )
    assert made == CreateKeyPairRequest(
        common_attributes=Attributes.of({Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.RSA}),
        private_key_attributes=Attributes.of({Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.SIGN}),
        public_key_attributes=Attributes.of({Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.VERIFY}),
    )


def test_what_is_no_attribute_is_a_field_of_a_structure() -> None:
    made = request_of(Operation.ENCRYPT, {"uid": "1", "mode": "GCM", "tag_length": "16", "data": "text:x"})
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
    assert made == EncryptRequest(unique_identifier="1", cryptographic_parameters=parameters, data=b"x")


def test_a_structures_plain_value_and_a_field_of_it_go_together() -> None:
    made = request_of(Operation.REVOKE, {"uid": "1", "reason": "KeyCompromise", "revocation_message": "stolen"})
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE, revocation_message="stolen")
    assert made == RevokeRequest(unique_identifier="1", revocation_reason=reason)


def test_defaults_stand_for_what_is_not_said() -> None:
    made = request_of(Operation.REVOKE, {"uid": "1"})
    assert isinstance(made, RevokeRequest)
    assert made.revocation_reason == RevocationReason(
        revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION
    )
    assert request_of(Operation.LOCATE, {}) == LocateRequest()


def test_an_object_is_made_of_its_material() -> None:
    made = request_of(Operation.REGISTER, {"material": "hex:" + "00" * 16, "algorithm": "AES", "name": "k"})
    assert isinstance(made, RegisterRequest)
    assert made.object_type is ObjectType.SYMMETRIC_KEY
    assert made.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH) == 128
    assert made.object == SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=bytes(16)),
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
        )
    )


def test_secret_data_and_certificates_are_made_of_their_material() -> None:
    secret = request_of(
        Operation.REGISTER, {"object_type": "SecretData", "material": b"pw", "secret_data_type": "Seed", "name": "s"}
    )
    assert isinstance(secret, RegisterRequest)
    assert isinstance(secret.object, SecretData)
    assert secret.object.secret_data_type is SecretDataType.SEED
    assert [attribute.name for attribute in secret.attributes] == [Tag.NAME]
    certificate = request_of(Operation.REGISTER, {"object_type": "Certificate", "material": "hex:30"})
    assert isinstance(certificate, RegisterRequest)
    assert certificate.object == Certificate(certificate_type=CertificateType.X_509, certificate_value=b"\x30")


def test_a_managed_object_may_be_written_field_by_field() -> None:
    made = request_of(
        Operation.REGISTER,
        {
            "object_type": "SymmetricKey",
            "object.symmetric_key.key_block.key_format_type": "Raw",
            "object.symmetric_key.key_block.key_value.key_material": "hex:00ff",
        },
    )
    assert isinstance(made, RegisterRequest)
    assert isinstance(made.object, SymmetricKey)
    assert made.object.key_block.key_value == KeyValue(key_material=b"\0\xff")


def test_a_single_attribute_is_taken_for_the_new_attribute() -> None:
    made = request_of(Operation.ADD_ATTRIBUTE, {"uid": "1", "contact_information": "ops"})
    assert isinstance(made, AddAttributeRequest)
    assert (made.new_attribute.name, made.new_attribute.value) == (Tag.CONTACT_INFORMATION, "ops")


@pytest.mark.parametrize(
    ("operation", "said", "complaint"),
    [
        (Operation.CREATE, {"lenth": "1"}, "there is no field lenth; did you mean length"),
        (Operation.GET, {"name": "demo"}, "there is no field name"),
        (Operation.POLL, {}, "needs asynchronous_correlation_value"),
        (Operation.CREATE, {"algorithm": "AES", "cryptographic_algorithm": "AES"}, "given twice"),
        (Operation.ADD_ATTRIBUTE, {"name": "a", "comment": "b"}, "exactly one attribute"),
        (Operation.REGISTER, {"object_type": "PGPKey", "material": "hex:00"}, "more than its material"),
        (Operation.REGISTER, {"object_type": "SplitKey", "object.pgp_key": "1"}, "one of these belongs here"),
    ],
)
def test_what_cannot_be_read_is_named(operation: Operation, said: dict[str, str], complaint: str) -> None:
    with pytest.raises(FieldError, match=complaint):
        request_of(operation, said)


def test_dotted_names_make_a_tree_and_repetition_a_list() -> None:
    assert gather([("a.b", "1"), ("a.c", "2"), ("d", "3"), ("d", "4")]) == {"a": {"b": "1", "c": "2"}, "d": ["3", "4"]}
    for clash in ([("a", "1"), ("a.b", "2")], [("a.b", "2"), ("a", "1")]):
        with pytest.raises(FieldError, match="value and fields"):
            gather(clash)
