"""What the server sets by itself when an object comes to be, and where it may keep it."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest

from keystead.engine.handlers import HANDLERS
from keystead.engine.storage import fields
from keystead.kmip.attributes import Attribute, Attributes
from keystead.kmip.enums import (
    BlockCipherMode,
    KeyFormatType,
    ObjectType,
    ProtectionStorageMask,
    RecommendedCurve,
    SplitKeyMethod,
)
from keystead.kmip.enums import ResultReason as R
from keystead.kmip.objects import OpaqueObject
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import AddAttributeRequest, GetAttributesRequest, ModifyAttributeRequest
from keystead.kmip.payloads.certify import CertifyRequest, ReCertifyRequest
from keystead.kmip.payloads.create import (
    CreateKeyPairRequest,
    CreateRequest,
    CreateSplitKeyRequest,
    ImportRequest,
    JoinSplitKeyRequest,
    RegisterRequest,
)
from keystead.kmip.payloads.crypto import EncryptRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.rekey import ReKeyKeyPairRequest, ReKeyRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.schema import dump
from keystead.kmip.structures import (
    CryptographicDomainParameters,
    CryptographicParameters,
    Name,
    ProtectionStorageMasks,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_4, V2_0, V2_1, V3_0, Version
from tests.engine.keys import DATA, WRAP, A, M, attributes, create, get_wrapped, register, registered, symmetric
from tests.engine.world import START, World

F = KeyFormatType
ECB = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
MASK = ProtectionStorageMask
SOFTWARE = ProtectionStorageMasks(protection_storage_mask=(MASK.HARDWARE, MASK.SOFTWARE))
HARDWARE = ProtectionStorageMasks(protection_storage_mask=(MASK.HARDWARE, MASK.SOFTWARE | MASK.VALIDATED))
AES = attributes(cryptographic_algorithm=A.AES, cryptographic_length=128, cryptographic_usage_mask=DATA)


def pair(**common: Any) -> CreateKeyPairRequest:
    """Ask for a key pair that signs."""
    return CreateKeyPairRequest(
        common_attributes=attributes(**common),
        private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
        public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
    )


def values(world: World, unique_identifier: str, *names: Tag, **how: Any) -> Attributes:
    """The attributes of an object."""
    request = GetAttributesRequest(unique_identifier=unique_identifier, attribute_reference=names)
    found: Attributes = world.do(request, **how).attributes
    return found


class TestProtectionStorageMasks:
    """The server "SHALL return an error if no single Storage Protection Mask can be satisfied in its entirety".

    Source: KMIP 2.1 §7.33 and the table of errors of each operation (§6.1.8, §6.1.9 and others).
    """

    @pytest.mark.parametrize(
        "request_",
        [
            CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=AES, protection_storage_masks=HARDWARE),
            RegisterRequest(
                object_type=ObjectType.SYMMETRIC_KEY,
                attributes=attributes(cryptographic_usage_mask=DATA),
                object=symmetric(bytes(range(16))),
                protection_storage_masks=HARDWARE,
            ),
            CreateSplitKeyRequest(
                object_type=ObjectType.SPLIT_KEY,
                split_key_parts=2,
                split_key_threshold=2,
                split_key_method=SplitKeyMethod.XOR,
                attributes=AES,
                protection_storage_masks=HARDWARE,
            ),
            JoinSplitKeyRequest(
                object_type=ObjectType.SYMMETRIC_KEY, unique_identifier=("x",), protection_storage_masks=HARDWARE
            ),
            CertifyRequest(protection_storage_masks=HARDWARE),
            ReCertifyRequest(protection_storage_masks=HARDWARE),
            ReKeyRequest(protection_storage_masks=HARDWARE),
        ],
        ids=lambda request: request.OPERATION.title,
    )
    @pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
    def test_none_of_them_will_do(self, world: World, version: Version, request_: Request) -> None:
        assert world.refused(request_, version=version) is R.PROTECTION_STORAGE_UNAVAILABLE

    @pytest.mark.parametrize(
        ("field", "reason"),
        [
            ("common_protection_storage_masks", R.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE),
            ("private_protection_storage_masks", R.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE),
            ("public_protection_storage_masks", R.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE),
        ],
    )
    def test_of_a_key_pair(self, world: World, field: str, reason: R) -> None:
        asked = attributes(cryptographic_algorithm=A.EC, cryptographic_length=256)
        request = CreateKeyPairRequest(common_attributes=asked, **{field: HARDWARE})  # type: ignore[arg-type]
        assert world.refused(request) is reason
        again = ReKeyKeyPairRequest(**{field: HARDWARE})  # type: ignore[arg-type]
        assert world.refused(again) is reason
        request = CreateKeyPairRequest(common_attributes=asked, **{field: SOFTWARE})  # type: ignore[arg-type]
        assert world.do(request).private_key_unique_identifier

    def test_one_of_them_will_do_and_no_mask_is_no_demand(self, world: World) -> None:
        for masks in (SOFTWARE, ProtectionStorageMasks()):
            made = world.do(
                CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=AES, protection_storage_masks=masks)
            )
            found = values(world, str(made.unique_identifier))
            assert found.get(Tag.PROTECTION_STORAGE_MASK) is MASK.SOFTWARE

    def test_the_attribute_says_what_is_true(self, world: World) -> None:
        """It "records which of the requested mask values have been used".  Source: KMIP 2.1 §4.44."""
        assert world.refused(register(world, os.urandom(32), protection_storage_mask=MASK.HARDWARE)) is (
            R.PROTECTION_STORAGE_UNAVAILABLE
        )
        key = registered(world, os.urandom(32), protection_storage_mask=MASK.SOFTWARE)
        assert values(world, key).get(Tag.PROTECTION_STORAGE_MASK) is MASK.SOFTWARE

    def test_no_request_that_permits_ways_is_forgotten(self) -> None:
        assert {request for request in HANDLERS if fields(request)} == {
            request for request, row in HANDLERS.items() if row.keeps
        }
        assert len([request for request in HANDLERS if fields(request)]) == 9


@pytest.mark.parametrize("version", [V2_0, V2_1], ids=str)
def test_what_came_wrapped_links_to_its_wrapping_key(world: World, version: Version) -> None:
    """If the object is wrapped "the server SHALL create a Link attribute of Link Type Wrapping Key Link".

    Source: KMIP 2.0 and 2.1, Register (2.1 §6.1.43).
    """
    wrapping, inner = create(world, WRAP), create(world)
    wrapped = world.do(get_wrapped(inner, wrapping)).object
    key = str(world.do(register(world, wrapped), version=version).unique_identifier)
    assert values(world, key, Tag.LINK, version=version).get(Tag.WRAPPING_KEY_LINK) == wrapping
    assert values(world, key, version=V3_0).get(Tag.WRAPPING_KEY_LINK) == wrapping
    assert not values(world, key, Tag.LINK, version=V1_4).items
    foreign = str(world.do(register(world, wrapped), who="bob").unique_identifier)
    assert values(world, foreign, who="bob").get(Tag.WRAPPING_KEY_LINK) is None, "bob cannot see what wrapped it"


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
def test_a_short_unique_identifier_has_32_bytes(world: World, version: Version) -> None:
    """It "SHOULD be generated as a SHA-256 hash of the Unique Identifier and SHALL be a 32 byte byte string".

    Source: KMIP 2.1 §4.56; 2.0 §4.49.
    """
    key = create(world)
    short = values(world, key, version=version).get(Tag.SHORT_UNIQUE_IDENTIFIER)
    assert short == hashlib.sha256(key.encode()).digest()


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
def test_an_opaque_object_has_a_key_format_type(world: World, version: Version) -> None:
    """It SHALL always have a value, for all objects; that of an Opaque Object is Opaque.

    Source: KMIP 2.1 §4.26, tables 80 and 81.
    """
    request = RegisterRequest(
        object_type=ObjectType.OPAQUE_OBJECT,
        attributes=Attributes(),
        object=OpaqueObject(opaque_data_type=0x80000001, opaque_data_value=b"x"),  # type: ignore[arg-type]
    )
    opaque = str(world.do(request, version=version).unique_identifier)
    assert values(world, opaque, version=version).get(Tag.KEY_FORMAT_TYPE) is KeyFormatType.OPAQUE


@pytest.mark.parametrize("version", [V1_4, V2_1, V3_0], ids=str)
def test_an_import_brings_its_last_change_date(world: World, version: Version) -> None:
    """All attributes "MUST be set to the supplied values rather than any server generated values".

    Source: KMIP 1.4 §4.41; 2.1 §6.1.25.
    """
    request = ImportRequest(
        unique_identifier="imported",
        object_type=ObjectType.SYMMETRIC_KEY if version >= V2_0 else None,
        attributes=attributes(
            cryptographic_usage_mask=DATA, initial_date=START - 9, last_change_date=START - 5, lease_time=7
        ),
        object=symmetric(os.urandom(32)),
    )
    world.do(request, version=version)
    found = values(world, "imported")
    assert [found.get(name) for name in (Tag.INITIAL_DATE, Tag.LAST_CHANGE_DATE, Tag.LEASE_TIME)] == [
        START - 9,
        START - 5,
        7,
    ]


class TestKeyFormatType:
    """The format "MAY be requested by the client if the cryptographic material is produced by the server", which "SHALL
    comply [...] or SHALL fail the request"; else it is the default of table 81.

    Source: KMIP 2.1 §4.26; §4.21: Digests in the assigned and in the default format.
    """

    @pytest.mark.parametrize("version", [V1_4, V2_0, V2_1, V3_0], ids=str)
    @pytest.mark.parametrize(
        ("algorithm", "length", "private", "public"),
        [
            (A.RSA, 2048, F.PKCS_1, F.PKCS_1),
            (A.EC, 256, F.TRANSPARENT_EC_PRIVATE_KEY, F.TRANSPARENT_EC_PUBLIC_KEY),
            (A.DSA, 1024, F.TRANSPARENT_DSA_PRIVATE_KEY, F.TRANSPARENT_DSA_PUBLIC_KEY),
        ],
        ids=str,
    )
    def test_the_default_of_a_key_pair(
        self, world: World, version: Version, algorithm: Any, length: int, private: F, public: F
    ) -> None:
        made = world.do(pair(cryptographic_algorithm=algorithm, cryptographic_length=length), version=version)
        for identifier, expected in (
            (str(made.private_key_unique_identifier), private),
            (str(made.public_key_unique_identifier), public),
        ):
            block = world.do(GetRequest(unique_identifier=identifier), version=version).object.key_block
            assert block.key_format_type is expected
            found = values(world, identifier, version=V2_1)
            assert found.get(Tag.KEY_FORMAT_TYPE) is expected
            material = block.key_value.key_material
            encoded = material if isinstance(material, bytes) else dump(material, V2_1)
            digest = next(one for one in found.all(Tag.DIGEST) if one.key_format_type is expected)
            assert digest.digest_value == hashlib.sha256(encoded).digest()

    def test_what_is_asked_for_is_done(self, world: World) -> None:
        made = world.do(
            CreateKeyPairRequest(
                common_attributes=attributes(cryptographic_algorithm=A.RSA, cryptographic_length=2048),
                private_key_attributes=attributes(key_format_type=F.PKCS_8),
                public_key_attributes=attributes(key_format_type=F.TRANSPARENT_RSA_PUBLIC_KEY),
            )
        )
        for identifier, expected in (
            (str(made.private_key_unique_identifier), F.PKCS_8),
            (str(made.public_key_unique_identifier), F.TRANSPARENT_RSA_PUBLIC_KEY),
        ):
            assert world.do(GetRequest(unique_identifier=identifier)).object.key_block.key_format_type is expected
            found = values(world, identifier)
            assert found.get(Tag.KEY_FORMAT_TYPE) is expected
            assert [digest.key_format_type for digest in found.all(Tag.DIGEST)] == [expected, F.PKCS_1]
        key = create(world, key_format_type=F.TRANSPARENT_SYMMETRIC_KEY)
        assert world.do(GetRequest(unique_identifier=key)).object.key_block.key_format_type is (
            F.TRANSPARENT_SYMMETRIC_KEY
        )
        found = values(world, key)
        assert [digest.key_format_type for digest in found.all(Tag.DIGEST)] == [F.TRANSPARENT_SYMMETRIC_KEY, F.RAW]
        assert world.do(EncryptRequest(unique_identifier=key, data=bytes(16), cryptographic_parameters=ECB)).data

    def test_what_cannot_be_done_is_refused(self, world: World) -> None:
        asked = attributes(cryptographic_algorithm=A.AES, cryptographic_length=128, key_format_type=F.PKCS_1)
        request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)
        assert world.refused(request) is R.KEY_FORMAT_TYPE_NOT_SUPPORTED

    def test_a_registered_key_has_a_digest_in_the_default_format(self, world: World) -> None:
        made = world.do(pair(cryptographic_algorithm=A.RSA, cryptographic_length=2048))
        private = str(made.private_key_unique_identifier)
        other = world.do(GetRequest(unique_identifier=private, key_format_type=F.PKCS_8)).object
        request = RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY, attributes=attributes(cryptographic_usage_mask=M.SIGN), object=other
        )
        registered_ = values(world, str(world.do(request).unique_identifier))
        assert registered_.get(Tag.KEY_FORMAT_TYPE) is F.PKCS_8
        own, default = registered_.all(Tag.DIGEST)
        assert (own.key_format_type, default.key_format_type) == (F.PKCS_8, F.PKCS_1)
        assert default == values(world, private).get(Tag.DIGEST)


@pytest.mark.parametrize("version", [V1_0, V1_1, V1_2], ids=str)
def test_a_cryptographic_algorithm_always_has_a_value(world: World, version: Version) -> None:
    """In 1.0 and 1.1, which have no EC, it is ECDSA.  Source: KMIP 1.0 §3.4, 1.1 §3.4: SHALL always have a value."""
    made = world.do(pair(cryptographic_algorithm=A.EC, cryptographic_length=256))
    found = values(world, str(made.private_key_unique_identifier), version=version)
    assert found.get(Tag.CRYPTOGRAPHIC_ALGORITHM) is (A.EC if version >= V1_2 else A.ECDSA)


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1, V3_0], ids=str)
def test_an_object_has_a_name_once(world: World, version: Version) -> None:
    """Names SHALL be unique, those of one object among themselves too.

    Source: KMIP 1.4 §3.2 and §11.16 (Modify Attribute), 2.1 §4.32 and §6.1.34: Non Unique Name Attribute.
    """

    def name(text: str) -> Name:
        return Name(name_value=text)

    key = world.create("one")
    add = AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(Tag.NAME, name("two")))
    world.do(add)
    modify = ModifyAttributeRequest(
        unique_identifier=key,
        new_attribute=Attribute(Tag.NAME, name("two"), None if version >= V2_0 else 0),
        current_attribute=Attribute(Tag.NAME, name("one")) if version >= V2_0 else None,
    )
    for request in (add, modify):
        expected = R.NON_UNIQUE_NAME_ATTRIBUTE if version >= V2_0 else R.ILLEGAL_OPERATION
        assert world.refused(request, version=version) is expected
    assert values(world, key).all(Tag.NAME) == [name("one"), name("two")]
    twice = Attributes((*AES, Attribute(Tag.NAME, name("three")), Attribute(Tag.NAME, name("three"))))
    request_ = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=twice)
    assert world.refused(request_, version=version) is for_version(R.NON_UNIQUE_NAME_ATTRIBUTE, version)


class TestSuppliedValues:
    """For the mandatory attributes "KMIP servers SHALL supply values [...] if the client omits them".

    Source: KMIP 2.0 and 2.1, section 4 and its table 28.
    """

    NAMES = (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH, Tag.CRYPTOGRAPHIC_USAGE_MASK)

    def supplied(self, world: World, unique_identifier: object) -> list[Any]:
        found = values(world, str(unique_identifier), *self.NAMES)
        return [found.get(name) for name in self.NAMES]

    @pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
    def test_where_a_client_says_nothing(self, world: World, version: Version) -> None:
        create_ = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes())
        made = world.do(create_, version=version)
        assert self.supplied(world, made.unique_identifier) == [A.AES, 256, DATA]
        split = CreateSplitKeyRequest(
            object_type=ObjectType.SPLIT_KEY,
            split_key_parts=2,
            split_key_threshold=2,
            split_key_method=SplitKeyMethod.XOR,
            attributes=Attributes(),
        )
        made = world.do(split, version=version)
        assert self.supplied(world, made.unique_identifier[0])[:2] == [A.AES, 256]
        pair_ = world.do(CreateKeyPairRequest(common_attributes=attributes(cryptographic_length=2048)), version=version)
        for half in (pair_.private_key_unique_identifier, pair_.public_key_unique_identifier):
            algorithm, length, mask = self.supplied(world, half)
            assert (algorithm, length) == (A.RSA, 2048)
            assert mask
        curve = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_384)
        pair_ = world.do(
            CreateKeyPairRequest(common_attributes=attributes(cryptographic_domain_parameters=curve)), version=version
        )
        assert self.supplied(world, pair_.private_key_unique_identifier)[:2] == [A.EC, 384]

    @pytest.mark.parametrize("version", [V1_0, V1_4], ids=str)
    def test_before_2_0_it_has_to_say_them(self, world: World, version: Version) -> None:
        """Source: KMIP 1.4 §4.1, table 165."""
        create_ = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes())
        assert world.refused(create_, version=version) is for_version(R.INVALID_ATTRIBUTE_VALUE, version)
        assert world.refused(CreateKeyPairRequest(), version=version) is R.INVALID_FIELD
