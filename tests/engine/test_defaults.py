"""Set Defaults, Set Constraints and Get Constraints."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.engine.admin import Administration
from keystead.kmip.attributes import Attribute, Attributes
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    QueryFunction,
    ResultReason,
)
from keystead.kmip.objects import KeyBlock, KeyValue, SymmetricKey
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateRequest, RegisterRequest
from keystead.kmip.payloads.server import (
    Constraint,
    Constraints,
    DefaultsInformation,
    GetConstraintsRequest,
    ObjectDefaults,
    QueryRequest,
    SetConstraintsRequest,
    SetDefaultsRequest,
)
from keystead.kmip.structures import ObjectGroups, ObjectTypes
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_0, V2_1, V3_0
from keystead.policy.access import ADMINISTRATORS
from tests.engine.world import World

R, A, M = ResultReason, CryptographicAlgorithm, CryptographicUsageMask
SYMMETRIC = ObjectTypes(object_type=(ObjectType.SYMMETRIC_KEY,))


def of(**values: Any) -> Attributes:
    return Attributes(tuple(Attribute(Tag[name.upper()], value) for name, value in values.items()))


def create(**values: Any) -> CreateRequest:
    return CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=of(**values))


def aes(length: int, **values: Any) -> CreateRequest:
    return create(cryptographic_algorithm=A.AES, cryptographic_length=length, **values)


def defaults(*rules: ObjectDefaults) -> SetDefaultsRequest:
    return SetDefaultsRequest(defaults_information=DefaultsInformation(object_defaults=rules))


def default(groups: tuple[str, ...] = (), **values: Any) -> ObjectDefaults:
    return ObjectDefaults(
        object_types=SYMMETRIC,
        attributes=of(**values),
        object_groups=ObjectGroups(object_group=groups) if groups else None,
    )


def constraint(groups: tuple[str, ...] = (), types: ObjectTypes | None = SYMMETRIC, **values: Any) -> Constraint:
    return Constraint(
        object_types=types,
        attributes=of(**values),
        object_groups=ObjectGroups(object_group=groups) if groups else None,
    )


def constraints(*rules: Constraint) -> SetConstraintsRequest:
    return SetConstraintsRequest(constraints=Constraints(constraint=rules))


def length_of(world: World, request: CreateRequest, **how: Any) -> int:
    uid = world.do(request, **how).unique_identifier
    read = GetAttributesRequest(unique_identifier=uid, attribute_reference=(Tag.CRYPTOGRAPHIC_LENGTH,))
    return int(world.do(read, **how).attributes.items[0].value)


def test_what_is_left_out_is_taken_from_the_defaults_and_what_is_said_stands(world: World):
    assert length_of(world, create()) == 256
    world.do(
        defaults(
            default(cryptographic_algorithm=A.AES, cryptographic_length=192, cryptographic_usage_mask=M.ENCRYPT),
            default(("strong",), cryptographic_length=256),
        )
    )
    assert length_of(world, create()) == 192
    assert length_of(world, create(object_group="strong")) == 256
    assert length_of(world, aes(128)) == 128
    world.reopen()
    assert length_of(world, create()) == 192
    world.do(SetDefaultsRequest())
    assert length_of(world, create()) == 256


def test_registered_objects_take_no_defaults(world: World):
    world.do(defaults(default(cryptographic_algorithm=A.AES, cryptographic_length=256)))
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=b"k" * 16))
    request = RegisterRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=of(cryptographic_algorithm=A.AES),
        object=SymmetricKey(key_block=block),
    )
    assert length_of(world, request) == 128


def test_defaults_may_name_one_object_type_and_hold_for_every_version(world: World):
    rule = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=of(cryptographic_algorithm=A.AES))
    world.do(defaults(rule))
    for version in (V2_0, V2_1, V3_0):
        assert length_of(world, create(), version=version) == 256


@pytest.mark.parametrize("version", [V2_1, V3_0], ids=str)
def test_query_tells_the_defaults_in_force(world: World, version: Any):
    query = QueryRequest(query_function=(QueryFunction.QUERY_DEFAULTS_INFORMATION,))
    assert world.do(query, version=version).defaults_information.object_defaults == ()
    world.do(defaults(default(cryptographic_length=192), default(("strong",), cryptographic_length=256)))
    told = world.do(query, version=version).defaults_information.object_defaults
    assert [rule.attributes.items[0].value for rule in told] == [192, 256]
    groups = told[1].object_groups
    assert [*groups.object_group, *groups.group_link] == ["strong"]


def test_defaults_that_no_object_could_have_are_refused(world: World):
    for rule, reason in (
        (default(state=1), R.ATTRIBUTE_READ_ONLY),
        (default(certificate_type=1), R.INVALID_ATTRIBUTE),
        (ObjectDefaults(attributes=of(cryptographic_length=256)), R.INVALID_FIELD),
    ):
        assert world.ask(defaults(rule)).result_reason in (reason, R.INVALID_FIELD, R.INVALID_ATTRIBUTE_VALUE)
    assert world.refused(defaults(*[default(cryptographic_length=256)] * 65)) is R.SERVER_LIMIT_EXCEEDED


def test_constraints_of_a_group_come_before_those_of_the_type(world: World):
    world.do(
        constraints(
            constraint(("Group1",), cryptographic_algorithm=A.AES, cryptographic_length=256),
            constraint(cryptographic_algorithm=A.AES, cryptographic_length=192),
        )
    )
    assert world.do(aes(192))
    assert world.do(aes(256, object_group="Group1"))
    assert world.refused(aes(256)) is R.CONSTRAINT_VIOLATION
    assert world.refused(aes(192, object_group="Group1")) is R.CONSTRAINT_VIOLATION
    assert world.refused(create(cryptographic_algorithm=A.CHACHA20, cryptographic_length=256))
    assert world.refused(aes(256), version=V2_0) is R.INVALID_ATTRIBUTE_VALUE
    world.reopen()
    assert world.refused(aes(256)) is R.CONSTRAINT_VIOLATION
    world.do(SetConstraintsRequest())
    assert world.do(aes(256))
    assert world.do(GetConstraintsRequest()).constraints.constraint == ()


def test_any_of_several_constraints_will_do_and_other_types_are_free(world: World):
    world.do(constraints(constraint(cryptographic_length=128), constraint(cryptographic_length=256)))
    assert world.do(aes(128))
    assert world.do(aes(256))
    assert world.refused(aes(192)) is R.CONSTRAINT_VIOLATION
    world.do(constraints(constraint(types=ObjectTypes(object_type=(ObjectType.PRIVATE_KEY,)), cryptographic_length=1)))
    assert world.do(aes(192))


def test_a_mask_must_have_the_bits_of_the_constraint(world: World):
    world.do(constraints(constraint(cryptographic_usage_mask=M.ENCRYPT)))
    assert world.do(aes(128, cryptographic_usage_mask=M.ENCRYPT | M.DECRYPT))
    assert world.refused(aes(128, cryptographic_usage_mask=M.DECRYPT)) is R.CONSTRAINT_VIOLATION


def test_defaults_satisfy_constraints(world: World):
    world.do(constraints(constraint(cryptographic_length=192)))
    world.do(defaults(default(cryptographic_algorithm=A.AES, cryptographic_length=192)))
    assert length_of(world, create()) == 192


def test_what_a_client_sets_binds_itself_and_what_an_administrator_sets_binds_the_domain(world: World):
    world.do(constraints(constraint(cryptographic_length=128)))
    assert world.refused(aes(256)) is R.CONSTRAINT_VIOLATION
    assert world.do(aes(256), who="bob")
    assert world.do(GetConstraintsRequest(), who="bob").constraints.constraint == ()
    Administration(world.engine).join_group(ADMINISTRATORS, "carol")
    with world.engine.store.begin(write=False) as transaction:
        world.callers["carol"] = world.engine.standing(transaction, world.callers["carol"]) or world.callers["carol"]
    world.do(constraints(constraint(cryptographic_length=192)), who="carol")
    assert world.refused(aes(256), who="bob") is R.CONSTRAINT_VIOLATION
    assert len(world.do(GetConstraintsRequest()).constraints.constraint) == 2
    world.do(SetConstraintsRequest(), who="bob")  # lifts nothing but its own
    assert world.refused(aes(256), who="bob") is R.CONSTRAINT_VIOLATION


def test_constraints_set_in_a_batch_hold_for_the_rest_of_it_and_not_if_it_fails(world: World):
    rule = constraints(constraint(cryptographic_length=128))
    items = world.batch(aes(256), rule, aes(256))
    assert [item.result_reason for item in items] == [None, None, R.CONSTRAINT_VIOLATION]
    world.do(SetConstraintsRequest())
    undo = {"batch_error_continuation_option": BatchErrorContinuationOption.UNDO}
    world.batch(rule, aes(256), **undo)
    assert world.do(aes(256))


@pytest.mark.parametrize("version", [V2_1, V3_0], ids=str)
def test_constraints_are_told_as_they_were_set(world: World, version: Any):
    rule = constraint(("Group1",), cryptographic_algorithm=A.AES)
    world.do(constraints(rule))
    (told,) = world.do(GetConstraintsRequest(), version=version).constraints.constraint
    assert (told.object_types, told.attributes) == (SYMMETRIC, rule.attributes)
    assert [*told.object_groups.object_group, *told.object_groups.group_link] == ["Group1"]


def test_an_older_version_is_not_told_of_constraints_on_types_it_does_not_have(world: World):
    kinds = ObjectTypes(object_type=(ObjectType.USER, ObjectType.SYMMETRIC_KEY))
    newest = ObjectTypes(object_type=(ObjectType.USER,))
    rules = (constraint(types=kinds, cryptographic_length=256), constraint(types=newest, comment="new"))
    world.do(SetConstraintsRequest(constraints=Constraints(constraint=rules)), version=V3_0)
    (told,) = world.do(GetConstraintsRequest(), version=V2_1).constraints.constraint
    assert told.object_types.object_type == (ObjectType.SYMMETRIC_KEY,)
    assert len(world.do(GetConstraintsRequest(), version=V3_0).constraints.constraint) == 2
