"""What the specification says of an operation and no other test asks: errors, dates, defaults, what is merged."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest

from keystead.engine.engine import Incoming
from keystead.engine.managed import LEASE_SECONDS
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    AdjustmentType,
    AsynchronousIndicator,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    InteropFunction,
    KeyFormatType,
    ObjectType,
    Operation,
    ProtectionLevel,
    QueryFunction,
    RecommendedCurve,
    ResultStatus,
    RevocationReasonCode,
    RNGAlgorithm,
    State,
    UsageLimitsUnit,
)
from keystead.kmip.enums import ResultReason as R
from keystead.kmip.messages import load_response
from keystead.kmip.objects import KeyBlock, KeyValue, PublicKey, SymmetricKey, Template
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import (
    AddAttributeRequest,
    AdjustAttributeRequest,
    DeleteAttributeRequest,
    GetAttributesRequest,
    ModifyAttributeRequest,
    SetAttributeRequest,
)
from keystead.kmip.payloads.certify import CertifyRequest
from keystead.kmip.payloads.create import (
    CreateKeyPairRequest,
    CreateRequest,
    DeriveKeyRequest,
    RegisterRequest,
)
from keystead.kmip.payloads.crypto import SignRequest
from keystead.kmip.payloads.get import (
    CheckRequest,
    ExportRequest,
    GetRequest,
    GetUsageAllocationRequest,
    ObtainLeaseRequest,
)
from keystead.kmip.payloads.lifecycle import (
    ActivateRequest,
    ArchiveRequest,
    DestroyRequest,
    RecoverRequest,
    RevokeRequest,
)
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.payloads.session import InteropRequest, PollRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.schema import dump
from keystead.kmip.structures import (
    ApplicationSpecificInformation,
    CryptographicDomainParameters,
    CryptographicParameters,
    DerivationParameters,
    Name,
    RevocationReason,
    RNGParameters,
    TransparentKey,
    UsageLimits,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0, Version
from tests.engine.keys import DATA, A, M, attributes, create, registered
from tests.engine.world import START, World, create_request, payload, request_message

NOBODY = "no-such-object"


def values(world: World, unique_identifier: str, *names: Tag, **how: Any) -> Attributes:
    """The attributes of an object."""
    request = GetAttributesRequest(unique_identifier=unique_identifier, attribute_reference=names)
    found: Attributes = world.do(request, **how).attributes
    return found


def revoke(unique_identifier: str) -> RevokeRequest:
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    return RevokeRequest(unique_identifier=unique_identifier, revocation_reason=reason)


def template(world: World, name: str, version: Version = V1_2, **held: Any) -> str:
    """Register a template."""
    request = RegisterRequest(
        object_type=ObjectType.TEMPLATE,
        attributes=attributes(name=Name(name_value=name)),
        object=Template(attributes=attributes(**held)),
    )
    return str(world.do(request, version=version).unique_identifier)


class TestReasons:
    """What an operation says of an error, up to 1.4 and from 2.0 on."""

    @pytest.mark.parametrize(
        ("version", "request_", "reason"),
        [
            (V1_4, ModifyAttributeRequest(new_attribute=Attribute(Tag.CONTACT_INFORMATION, "me")), R.INVALID_FIELD),
            (
                V2_1,
                ModifyAttributeRequest(new_attribute=Attribute(Tag.CONTACT_INFORMATION, "me")),
                R.ATTRIBUTE_NOT_FOUND,
            ),
            (V1_4, AddAttributeRequest(new_attribute=Attribute(Tag.CERTIFICATE_LENGTH, 9)), R.PERMISSION_DENIED),
            (V1_4, AddAttributeRequest(new_attribute=Attribute(Tag.ACTIVATION_DATE, 9)), R.ILLEGAL_OPERATION),
            (V2_1, AddAttributeRequest(new_attribute=Attribute(Tag.ACTIVATION_DATE, 9)), R.ATTRIBUTE_SINGLE_VALUED),
            (V1_4, AddAttributeRequest(new_attribute=Attribute(Tag.OBJECT_GROUP, "g", 7)), R.INVALID_FIELD),
            (V1_4, AddAttributeRequest(new_attribute=Attribute(Tag.STATE, State.ACTIVE)), R.PERMISSION_DENIED),
            (V2_0, AddAttributeRequest(new_attribute=Attribute(Tag.STATE, State.ACTIVE)), R.READ_ONLY_ATTRIBUTE),
            (V2_1, SetAttributeRequest(new_attribute=Attribute(Tag.STATE, State.ACTIVE)), R.READ_ONLY_ATTRIBUTE),
            (V2_0, ModifyAttributeRequest(new_attribute=Attribute(Tag.STATE, State.ACTIVE)), R.PERMISSION_DENIED),
            (V2_1, ModifyAttributeRequest(new_attribute=Attribute(Tag.STATE, State.ACTIVE)), R.ATTRIBUTE_READ_ONLY),
            (V1_4, DeleteAttributeRequest(attribute_reference=Tag.CONTACT_INFORMATION), R.ITEM_NOT_FOUND),
            (V1_4, GetUsageAllocationRequest(usage_limits_count=1), R.ILLEGAL_OPERATION),
            (V2_1, GetUsageAllocationRequest(usage_limits_count=1), R.ATTRIBUTE_NOT_FOUND),
            (V1_3, SignRequest(data=b"x"), R.PERMISSION_DENIED),
            (V2_1, SignRequest(data=b"x"), R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
            (V1_4, CertifyRequest(), R.PERMISSION_DENIED),
            (V2_1, CertifyRequest(), R.INVALID_OBJECT_TYPE),
        ],
        ids=lambda value: value if isinstance(value, str) else str(getattr(value, "OPERATION", value)),
    )
    def test_of_an_active_key(self, world: World, version: Version, request_: Request, reason: R) -> None:
        key = create(world)
        object.__setattr__(request_, "unique_identifier", key)
        assert world.refused(request_, version=version) is reason

    @pytest.mark.parametrize(
        ("version", "request_", "reason"),
        [
            (V1_0, GetRequest(unique_identifier=NOBODY), R.ITEM_NOT_FOUND),
            (V2_1, GetRequest(unique_identifier=NOBODY), R.OBJECT_NOT_FOUND),
            (V2_1, GetAttributesRequest(unique_identifier=NOBODY), R.OBJECT_NOT_FOUND),
            (V3_0, GetAttributesRequest(unique_identifier=NOBODY), R.ITEM_NOT_FOUND),
            (V2_1, CertifyRequest(unique_identifier=NOBODY), R.ITEM_NOT_FOUND),
        ],
        ids=str,
    )
    def test_of_what_is_not_there(self, world: World, version: Version, request_: Request, reason: R) -> None:
        assert world.refused(request_, version=version) is reason

    def test_of_what_is_destroyed(self, world: World) -> None:
        key = world.create()
        world.do(DestroyRequest(unique_identifier=key))
        assert world.refused(GetRequest(unique_identifier=key)) is R.OBJECT_DESTROYED
        for request in (DestroyRequest(unique_identifier=key), ActivateRequest(unique_identifier=key), revoke(key)):
            assert world.refused(request, version=V2_1) is R.OBJECT_DESTROYED
            assert world.refused(request, version=V1_2) is R.PERMISSION_DENIED

    def test_of_a_template(self, world: World) -> None:
        identifier = template(world, "t")
        assert world.refused(ActivateRequest(unique_identifier=identifier), version=V1_2) is R.ILLEGAL_OPERATION
        assert world.refused(revoke(identifier), version=V1_2) is R.ILLEGAL_OPERATION

    def test_of_a_name_that_another_object_has(self, world: World) -> None:
        world.create("taken")
        key = world.create("free")
        taken = Attribute(Tag.NAME, Name(name_value="taken"))
        added = AddAttributeRequest(unique_identifier=key, new_attribute=taken)
        modified = ModifyAttributeRequest(unique_identifier=key, new_attribute=taken)
        for request in (added, modified):
            assert world.refused(request, version=V1_4) is R.ILLEGAL_OPERATION
        assert world.refused(create_request("taken"), version=V1_4) is R.INVALID_FIELD
        assert world.refused(added, version=V2_1) is R.NON_UNIQUE_NAME_ATTRIBUTE

    def test_of_a_key_that_does_not_derive(self, world: World) -> None:
        request = DeriveKeyRequest(
            object_type=ObjectType.SYMMETRIC_KEY,
            unique_identifier=(create(world),),
            derivation_method=DerivationMethod.HASH,
            derivation_parameters=DerivationParameters(
                cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
            ),
            attributes=attributes(cryptographic_algorithm=A.AES, cryptographic_length=128),
        )
        assert world.refused(request, version=V1_4) is R.INVALID_FIELD
        assert world.refused(request, version=V2_1) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_of_an_attribute_that_cannot_be_adjusted(self, world: World) -> None:
        request = AdjustAttributeRequest(
            unique_identifier=NOBODY,
            attribute_reference=Tag.CRYPTOGRAPHIC_LENGTH,
            adjustment_type=1,  # type: ignore[arg-type]
        )
        assert world.refused(request) is R.ITEM_NOT_FOUND


class TestArchived:
    def test_it_must_be_recovered_first(self, world: World) -> None:
        key = create(world, usage_limits=UsageLimits(usage_limits_total=9, usage_limits_unit=UsageLimitsUnit.OBJECT))
        world.do(ArchiveRequest(unique_identifier=key))
        group = Attribute(Tag.OBJECT_GROUP, "g")
        for request in (
            AddAttributeRequest(unique_identifier=key, new_attribute=group),
            ModifyAttributeRequest(unique_identifier=key, new_attribute=group),
            DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.OBJECT_GROUP),
            CheckRequest(unique_identifier=key),
            ObtainLeaseRequest(unique_identifier=key),
            GetUsageAllocationRequest(unique_identifier=key, usage_limits_count=1),
            ActivateRequest(unique_identifier=key),
            revoke(key),
            DestroyRequest(unique_identifier=key),
            GetRequest(unique_identifier=key),
        ):
            assert world.refused(request, version=V1_4) is R.OBJECT_ARCHIVED
        assert values(world, key, Tag.ARCHIVE_DATE).get(Tag.ARCHIVE_DATE) == START
        world.do(RecoverRequest(unique_identifier=key))
        world.do(revoke(key))
        world.do(DestroyRequest(unique_identifier=key))


class TestLease:
    def test_a_key_that_is_used_no_more_is_not_leased(self, world: World) -> None:
        key = create(world, deactivation_date=START + 60)
        assert world.do(ObtainLeaseRequest(unique_identifier=key)).lease_time == LEASE_SECONDS
        world.clock.move(60)
        for version in Version:
            assert world.refused(ObtainLeaseRequest(unique_identifier=key), version=version) is R.PERMISSION_DENIED


class TestUsageAllocation:
    @pytest.mark.parametrize(
        "dates", [{}, {"activation_date": 1, "deactivation_date": 2}, {"activation_date": 1, "protect_stop_date": 2}]
    )
    def test_only_while_protection_may_be_applied(self, world: World, dates: dict[str, int]) -> None:
        limits = UsageLimits(usage_limits_total=9, usage_limits_unit=UsageLimitsUnit.OBJECT)
        key = str(world.do(create_request(usage_limits=limits, **dates)).unique_identifier)
        request = GetUsageAllocationRequest(unique_identifier=key, usage_limits_count=1)
        assert world.refused(request, version=V2_1) is R.WRONG_KEY_LIFECYCLE_STATE
        assert world.refused(request, version=V1_2) is R.ILLEGAL_OPERATION
        assert values(world, key, Tag.USAGE_LIMITS).get(Tag.USAGE_LIMITS).usage_limits_count == 9


class TestTemplates:
    def test_destroy_leaves_nothing(self, world: World) -> None:
        identifier = template(world, "t")
        world.do(DestroyRequest(unique_identifier=identifier), version=V1_2)
        for request in (GetRequest(unique_identifier=identifier), GetAttributesRequest(unique_identifier=identifier)):
            assert world.refused(request, version=V1_2) is R.ITEM_NOT_FOUND

    def test_a_name_among_what_it_holds(self, world: World) -> None:
        request = RegisterRequest(
            object_type=ObjectType.TEMPLATE,
            attributes=Attributes(),
            object=Template(attributes=attributes(name=Name(name_value="inside"))),
        )
        assert world.refused(request, version=V1_2) is R.INVALID_FIELD
        world.do(request, version=V1_1)

    def test_of_several_instances_the_union_is_used(self, world: World) -> None:
        template(world, "common", object_group="of the template", contact_information="template")
        request = CreateKeyPairRequest(
            common_attributes=Attributes(
                attributes(
                    cryptographic_algorithm=A.EC,
                    cryptographic_domain_parameters=CryptographicDomainParameters(
                        recommended_curve=RecommendedCurve.P_256
                    ),
                    object_group="common",
                    contact_information="common",
                ).items,
                templates=(Name(name_value="common"),),
            ),
            private_key_attributes=attributes(object_group="private", cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(contact_information="public", cryptographic_usage_mask=M.VERIFY),
        )
        made = world.do(request, version=V1_3)
        private = values(world, str(made.private_key_unique_identifier))
        assert set(private.all(Tag.OBJECT_GROUP)) == {"of the template", "common", "private"}
        assert private.all(Tag.CONTACT_INFORMATION) == ["common"]
        public = values(world, str(made.public_key_unique_identifier))
        assert set(public.all(Tag.OBJECT_GROUP)) == {"of the template", "common"}
        assert public.all(Tag.CONTACT_INFORMATION) == ["public"]


class TestKeyValues:
    @pytest.mark.parametrize("version", [V1_2, V1_4, V2_1, V3_0], ids=str)
    def test_one_that_lies_elsewhere_needs_no_location(self, world: World, version: Version) -> None:
        block = KeyBlock(key_format_type=KeyFormatType.RAW, cryptographic_algorithm=A.AES, cryptographic_length=256)
        request = RegisterRequest(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(cryptographic_usage_mask=DATA),
            object=SymmetricKey(key_block=block),
        )
        key = str(world.do(request, version=version).unique_identifier)
        found = values(world, key, version=version)
        assert found.all(Tag.KEY_VALUE_PRESENT) == [False]
        assert not found.all(Tag.DIGEST)
        assert world.refused(GetRequest(unique_identifier=key), version=version) is (
            R.ILLEGAL_OPERATION if version < V2_0 else R.KEY_VALUE_NOT_PRESENT
        )
        located = world.do(LocateRequest(attributes=attributes(key_value_present=False)), version=version)
        assert list(map(str, located.unique_identifier)) == [key]

    def test_that_of_a_public_key_is_registered_with_it(self, world: World) -> None:
        block = KeyBlock(key_format_type=KeyFormatType.PKCS_1, cryptographic_algorithm=A.RSA, cryptographic_length=2048)
        request = RegisterRequest(
            object_type=ObjectType.PUBLIC_KEY,
            attributes=attributes(cryptographic_usage_mask=M.VERIFY),
            object=PublicKey(key_block=block),
        )
        assert world.refused(request) is R.INVALID_MESSAGE

    @pytest.mark.parametrize("version", [V1_1, V2_1], ids=str)
    def test_the_digest_is_of_the_format_that_was_registered(self, world: World, version: Version) -> None:
        key = os.urandom(32)
        material = TransparentKey(key=key)
        block = KeyBlock(
            key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=A.AES,
            cryptographic_length=256,
        )
        request = RegisterRequest(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(cryptographic_usage_mask=DATA),
            object=SymmetricKey(key_block=block),
        )
        made = str(world.do(request, version=version).unique_identifier)
        first, second = values(world, made, Tag.DIGEST, version=version).all(Tag.DIGEST)
        assert first.key_format_type is KeyFormatType.TRANSPARENT_SYMMETRIC_KEY
        assert first.digest_value == hashlib.sha256(dump(material, version)).digest()
        assert second.key_format_type is KeyFormatType.RAW
        assert second.digest_value == hashlib.sha256(key).digest()


class TestReKey:
    def test_an_offset_needs_an_activation_date(self, world: World) -> None:
        key = str(world.do(create_request(deactivation_date=START + 9)).unique_identifier)
        request = ReKeyRequest(unique_identifier=key, offset=0)
        assert world.refused(request, version=V1_0) is R.ILLEGAL_OPERATION
        assert world.refused(request, version=V2_1) is R.INVALID_FIELD
        assert world.do(ReKeyRequest(unique_identifier=key)).unique_identifier


class TestApplicationData:
    def test_the_server_makes_that_of_its_namespaces(self, world: World) -> None:
        query = QueryRequest(query_function=(QueryFunction.QUERY_APPLICATION_NAMESPACES,))
        (namespace,) = world.do(query).application_namespace
        own = ApplicationSpecificInformation(application_namespace=namespace)
        made = str(world.do(create_request(application_specific_information=own)).unique_identifier)
        assert values(world, made).get(Tag.APPLICATION_SPECIFIC_INFORMATION).application_data
        other = ApplicationSpecificInformation(application_namespace="LIBRARY-LTO")
        for version in Version:
            request = create_request(application_specific_information=other)
            assert world.refused(request, version=version) is R.APPLICATION_NAMESPACE_NOT_SUPPORTED
        assert not world.do(QueryRequest(query_function=(QueryFunction.QUERY_OBJECTS,))).application_namespace


class TestAsynchronous:
    def test_a_locate_of_1_x_waits_where_the_client_can(self, world: World) -> None:
        key = world.create("found")
        request = LocateRequest(attributes=attributes(name=Name(name_value="found")))
        for version, indicator in ((V1_0, True), (V1_4, True)):
            item = world.ask(request, version=version, asynchronous_indicator=AsynchronousIndicator.OPTIONAL)
            assert item.result_status is ResultStatus.OPERATION_PENDING, indicator
            world.engine.upkeep()
            poll = PollRequest(asynchronous_correlation_value=item.asynchronous_correlation_value)
            assert list(map(str, world.do(poll, version=version).unique_identifier)) == [key]
        item = world.ask(request, version=V2_1, asynchronous_indicator=AsynchronousIndicator.OPTIONAL)
        assert item.result_status is ResultStatus.SUCCESS


class TestQuantumSafe:
    @pytest.mark.parametrize(
        ("algorithm", "length", "safe"),
        [
            (A.AES, 256, True),
            (A.CHACHA20, 256, True),
            (A.AES, 128, False),
            (A.TRIPLE_DES, 168, False),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
    def test_a_symmetric_key(
        self, world: World, version: Version, algorithm: CryptographicAlgorithm, length: int, safe: bool
    ) -> None:
        asked = attributes(
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
            cryptographic_usage_mask=DATA,
            protection_level=ProtectionLevel.HIGH,
            quantum_safe=True,
        )
        request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)
        if safe:
            made = str(world.do(request, version=version).unique_identifier)
            assert values(world, made, Tag.QUANTUM_SAFE).all(Tag.QUANTUM_SAFE) == [True]
        else:
            assert world.refused(request, version=version) is R.GENERAL_FAILURE

    def test_a_key_pair(self, world: World) -> None:
        def asked(algorithm: CryptographicAlgorithm) -> CreateKeyPairRequest:
            return CreateKeyPairRequest(
                common_attributes=attributes(cryptographic_algorithm=algorithm, quantum_safe=True),
                private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
                public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
            )

        assert world.refused(asked(A.EC), version=V3_0) is R.GENERAL_FAILURE
        assert world.do(asked(A.ML_DSA_44), version=V3_0).private_key_unique_identifier

    def test_who_asks_for_protection_need_not_name_a_cipher(self, world: World) -> None:
        asked = attributes(
            cryptographic_usage_mask=DATA, protection_level=ProtectionLevel.HIGH, protection_period=86_400
        )
        made = str(world.do(CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)).unique_identifier)
        found = values(world, made)
        assert (found.get(Tag.CRYPTOGRAPHIC_ALGORITHM), found.get(Tag.CRYPTOGRAPHIC_LENGTH)) == (A.AES, 256)


class TestRandomNumberGenerator:
    """Source: KMIP 1.4 §3.44."""

    @pytest.mark.parametrize("version", [V1_3, V2_1, V3_0], ids=str)
    def test_the_server_uses_its_own_or_none(self, world: World, version: Version) -> None:
        (own,) = world.do(QueryRequest(query_function=(QueryFunction.QUERY_RNGS,)), version=version).rng_parameters
        other = RNGParameters(rng_algorithm=RNGAlgorithm.ANSI_X9_31)
        unspecified = RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED)
        for asked in (own, unspecified):
            key = str(world.do(create_request(random_number_generator=asked), version=version).unique_identifier)
            assert values(world, key).all(Tag.RANDOM_NUMBER_GENERATOR) == [own]
        refused = world.refused(create_request(random_number_generator=other), version=version)
        assert refused is for_version(R.INVALID_ATTRIBUTE_VALUE, version)

    def test_what_is_registered_was_made_by_any(self, world: World) -> None:
        other = RNGParameters(rng_algorithm=RNGAlgorithm.ANSI_X9_31)
        key = registered(world, os.urandom(32), random_number_generator=other)
        assert values(world, key).all(Tag.RANDOM_NUMBER_GENERATOR) == [other]


class TestSettingAndAdjusting:
    """Source: KMIP 2.1 §6.1.3, §6.1.51 and §11.1."""

    def test_an_attribute_of_which_there_is_one_is_set(self, world: World) -> None:
        key = world.create("before")
        new = Attribute(Tag.NAME, Name(name_value="after"))
        for version in (V2_0, V2_1):
            world.do(SetAttributeRequest(unique_identifier=key, new_attribute=new), version=version)
        assert values(world, key, Tag.NAME).all(Tag.NAME) == [new.value]
        world.create("before")

    def test_of_several_it_is_not_clear_which_one_is_set(self, world: World) -> None:
        key = world.create("one")
        two = Attribute(Tag.NAME, Name(name_value="two"))
        world.do(AddAttributeRequest(unique_identifier=key, new_attribute=two))
        assert world.refused(SetAttributeRequest(unique_identifier=key, new_attribute=two)) is R.MULTI_VALUED_ATTRIBUTE

    @pytest.mark.parametrize(
        ("name", "before", "how", "by", "after"),
        [
            (Tag.PROTECTION_PERIOD, None, "INCREMENT", ttlv.Item(0, ttlv.INTERVAL, 60), 60),
            (Tag.PROTECTION_PERIOD, 60, "DECREMENT", None, 59),
            (Tag.PROTECTION_PERIOD, 60, "DECREMENT", ttlv.Item(0, ttlv.INTERVAL, 61), R.NUMERIC_RANGE),
            (Tag.PROTECTION_PERIOD, 60, "NEGATE", None, R.INVALID_DATA_TYPE),
            (Tag.QUANTUM_SAFE, None, "NEGATE", None, True),
            (Tag.QUANTUM_SAFE, True, "NEGATE", None, False),
            (Tag.QUANTUM_SAFE, True, "INCREMENT", None, R.INVALID_DATA_TYPE),
            (Tag.ACTIVATION_DATE, 1 << 31, "INCREMENT", None, (1 << 31) + 1),
            (Tag.ACTIVATION_DATE, None, "INCREMENT", None, R.ITEM_NOT_FOUND),
            (Tag.PROTECTION_LEVEL, ProtectionLevel.HIGH, "INCREMENT", None, R.INVALID_DATA_TYPE),
            (Tag.COMMENT, "text", "INCREMENT", None, R.INVALID_DATA_TYPE),
            (Tag.CRYPTOGRAPHIC_LENGTH, None, "INCREMENT", None, R.READ_ONLY_ATTRIBUTE),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
    def test_what_can_be_adjusted(
        self, world: World, version: Version, name: Tag, before: Any, how: str, by: ttlv.Item | None, after: Any
    ) -> None:
        key = world.create()
        if before is not None:
            new = Attribute(name, before)
            world.do(SetAttributeRequest(unique_identifier=key, new_attribute=new), version=version)
        request = AdjustAttributeRequest(
            unique_identifier=key,
            attribute_reference=name,
            adjustment_type=AdjustmentType[how],
            adjustment_value=by,
        )
        if isinstance(after, R):
            assert world.refused(request, version=version) is after
        else:
            world.do(request, version=version)
            assert values(world, key, name).all(name) == [after]

    def test_a_vendors_number_is_adjusted_in_its_own_type(self, world: World) -> None:
        name = VendorAttributeName("acme", "count")
        key = world.create()

        def adjust(how: AdjustmentType, by: int | None = None) -> AdjustAttributeRequest:
            step = None if by is None else ttlv.Item(0, ttlv.INTEGER, by)
            return AdjustAttributeRequest(
                unique_identifier=key, attribute_reference=name, adjustment_type=how, adjustment_value=step
            )

        assert world.refused(adjust(AdjustmentType.INCREMENT)) is R.ITEM_NOT_FOUND
        zero = ttlv.Item(int(Tag.ATTRIBUTE_VALUE), ttlv.INTEGER, 0)
        world.do(AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(name, zero)))
        for request in (adjust(AdjustmentType.DECREMENT), adjust(AdjustmentType.INCREMENT, 6)):
            world.do(request)
        world.do(adjust(AdjustmentType.NEGATE))
        found = world.do(GetAttributesRequest(unique_identifier=key, attribute_reference=(name,))).attributes
        assert [item.value for item in found.all(name)] == [-5]
        assert world.refused(adjust(AdjustmentType.DECREMENT, (1 << 31) - 1)) is R.NUMERIC_RANGE


class TestExport:
    @pytest.mark.parametrize("version", [V1_4, V2_0, V2_1, V3_0], ids=str)
    def test_of_a_destroyed_key_the_attributes_are_told(self, world: World, version: Version) -> None:
        key = world.create("gone")
        world.do(DestroyRequest(unique_identifier=key))
        told = world.do(ExportRequest(unique_identifier=key), version=version)
        block = told.object.key_block
        assert (block.key_value, block.cryptographic_algorithm, block.cryptographic_length) == (None, A.AES, 256)
        assert told.attributes.get(Tag.STATE) is State.DESTROYED

    def test_it_is_what_follows_in_the_batch(self, world: World) -> None:
        key = world.create()
        _, got = world.batch(ExportRequest(unique_identifier=key), GetRequest(), version=V2_1)
        assert str(payload(got).unique_identifier) == key


class TestSecretData:
    @pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
    def test_it_is_made_of_a_usual_length(self, world: World, version: Version) -> None:
        asked = attributes(cryptographic_usage_mask=M.DERIVE_KEY)
        request = CreateRequest(object_type=ObjectType.SECRET_DATA, attributes=asked)
        made = str(world.do(request, version=version).unique_identifier)
        block = world.do(GetRequest(unique_identifier=made), version=version).object.key_block
        assert len(block.key_value.key_material) == 32
        assert (block.cryptographic_algorithm, block.cryptographic_length) == (None, None)


class TestOperations:
    def test_one_of_a_later_version_is_not_supported_whatever_it_says(self, world: World) -> None:
        request = InteropRequest(interop_function=InteropFunction.BEGIN, interop_identifier="x")
        message = bytearray(request_message(request, version=V2_1))
        at = message.index(bytes.fromhex("42006a020000000400000002")) + 11
        message[at], message[at + 16] = 1, 4  # the same bytes, said to be of 1.4
        (answer,) = world.engine.answer([Incoming(bytes(message), world.callers["alice"])])
        (item,) = load_response(answer)[0].batch_item
        assert (item.operation, item.result_reason) == (Operation.INTEROP, R.OPERATION_NOT_SUPPORTED)
