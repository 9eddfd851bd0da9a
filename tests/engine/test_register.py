"""What comes in: templates, PKCS#12 files, links, keys that are unfit."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CertificateType,
    KeyFormatType,
    ObjectType,
    ResultReason,
    ResultStatus,
    SecretDataType,
    State,
    UniqueIdentifierEnumeration,
)
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, Template
from keystead.kmip.payloads.attributes import (
    AddAttributeRequest,
    DeleteAttributeRequest,
    GetAttributeListRequest,
    GetAttributesRequest,
    ModifyAttributeRequest,
)
from keystead.kmip.payloads.create import CreateRequest, ImportRequest, RegisterRequest
from keystead.kmip.payloads.get import CheckRequest, GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.structures import Name, TransparentKey, X509CertificateIdentifier
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_2, V1_4, V2_1
from keystead.pki.ca import Authority
from keystead.pki.profiles import CLIENT
from tests.engine.keys import DATA, A, M, attributes, create, register, registered, symmetric
from tests.engine.world import START, World, create_request, payload

R = ResultReason


def named(text: str) -> Name:
    return Name(name_value=text)


def names_of(world: World, unique_identifier: str) -> list[str]:
    request = GetAttributesRequest(unique_identifier=unique_identifier, attribute_reference=(Tag.NAME,))
    return [name.name_value for name in world.do(request).attributes.all(Tag.NAME)]


class TestTemplates:
    def test_a_template_may_be_named_by_what_it_holds(self, world: World) -> None:
        content = Attributes.of(
            [(Tag.CRYPTOGRAPHIC_ALGORITHM, A.AES), (Tag.CRYPTOGRAPHIC_LENGTH, 128), (Tag.NAME, named("template"))]
        )
        world.do(
            RegisterRequest(
                object_type=ObjectType.TEMPLATE, attributes=Attributes(), object=Template(attributes=content)
            ),
            version=V1_0,
        )
        asked = Attributes(
            (Attribute(Tag.NAME, named("key")), Attribute(Tag.CRYPTOGRAPHIC_USAGE_MASK, M.ENCRYPT)),
            (named("template"),),
        )
        request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)
        assert names_of(world, world.do(request, version=V1_0).unique_identifier) == ["key"]

    def test_one_without_a_name_is_refused(self, world: World) -> None:
        request = RegisterRequest(
            object_type=ObjectType.TEMPLATE, attributes=Attributes(), object=Template(attributes=Attributes())
        )
        assert world.refused(request, version=V1_0) is R.INVALID_FIELD


PASSWORD = b"correct horse"


@pytest.fixture(scope="module")
def file() -> tuple[bytes, rsa.RSAPrivateKey, x509.Certificate]:
    authority = Authority.create("P12", "P-256", START)
    key = rsa.generate_private_key(65537, 2048)
    certificate = authority.issue(CLIENT, key.public_key(), "p12", now=START)
    sealed = pkcs12.serialize_key_and_certificates(
        b"alias", key, certificate, [authority.certificate], BestAvailableEncryption(PASSWORD)
    )
    return sealed, key, certificate


class TestPkcs12:
    def password(self, world: World, value: bytes = PASSWORD) -> str:
        block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=value))
        return str(
            world.do(
                RegisterRequest(
                    object_type=ObjectType.SECRET_DATA,
                    attributes=attributes(cryptographic_usage_mask=M.DERIVE_KEY),
                    object=SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block),
                )
            ).unique_identifier
        )

    def request(self, sealed: bytes, password: str | None, **more: Any) -> RegisterRequest:
        if password is not None:
            more["pkcs_12_password_link"] = password
        return RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY,
            attributes=attributes(cryptographic_usage_mask=M.SIGN, **more),
            object=PrivateKey(
                key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=KeyValue(key_material=sealed))
            ),
        )

    def test_it_is_taken_apart_and_put_together_again(self, world: World, file: Any) -> None:
        sealed, key, certificate = file
        password = self.password(world)
        assert world.refused(self.request(sealed, password)) is R.WRONG_KEY_LIFECYCLE_STATE
        world.do(ActivateRequest(unique_identifier=password))
        kept = world.do(self.request(sealed, password)).unique_identifier
        got = world.do(GetRequest(unique_identifier=kept)).object.key_block
        assert got.key_format_type is KeyFormatType.PKCS_8
        assert got.key_value.key_material == key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        link = world.do(GetAttributesRequest(unique_identifier=kept)).attributes.get(Tag.PKCS_12_CERTIFICATE_LINK)
        own = world.do(GetRequest(unique_identifier=link)).object
        assert own.certificate_value == certificate.public_bytes(Encoding.DER)
        request = GetRequest(unique_identifier=kept, key_format_type=KeyFormatType.PKCS_12)
        again = pkcs12.load_pkcs12(world.do(request).object.key_block.key_value.key_material, PASSWORD)
        assert again.key is not None
        assert again.key.private_numbers() == key.private_numbers()  # type: ignore[union-attr]
        assert again.cert is not None
        assert again.cert.certificate == certificate
        assert len(again.additional_certs) == 1
        old = world.do(request, version=V1_4).object.key_block.key_value
        assert isinstance(old, bytes)

    def test_a_chain_is_found_by_way_of_the_public_key(self, world: World, file: Any) -> None:
        """Source: KMIP 1.4 §4.11."""
        _, key, certificate = file
        password = self.password(world)
        world.do(ActivateRequest(unique_identifier=password))

        def kept(object_type: ObjectType, secret: Any, **more: Any) -> str:
            asked = attributes(cryptographic_usage_mask=M.SIGN, **more)
            request = RegisterRequest(object_type=object_type, attributes=asked, object=secret)
            return str(world.do(request).unique_identifier)

        value = certificate.public_bytes(Encoding.DER)
        own = Certificate(certificate_type=CertificateType.X_509, certificate_value=value)
        first, second = kept(ObjectType.CERTIFICATE, own), kept(ObjectType.CERTIFICATE, own)
        public = KeyBlock(
            key_format_type=KeyFormatType.PKCS_1,
            key_value=KeyValue(key_material=key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)),
        )
        link = kept(ObjectType.PUBLIC_KEY, PublicKey(key_block=public), certificate_link=first)
        private = KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=KeyValue(
                key_material=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            ),
        )
        made = kept(
            ObjectType.PRIVATE_KEY, PrivateKey(key_block=private), public_key_link=link, pkcs_12_password_link=password
        )
        request = GetRequest(unique_identifier=made, key_format_type=KeyFormatType.PKCS_12)
        got = pkcs12.load_pkcs12(world.do(request).object.key_block.key_value.key_material, PASSWORD)
        assert got.cert is not None
        assert got.cert.certificate == certificate
        another = Attribute(Tag.CERTIFICATE_LINK, second)
        world.do(AddAttributeRequest(unique_identifier=link, new_attribute=another))
        assert world.refused(request) is R.INVALID_FIELD

    def test_what_it_links_to_must_be_a_password(self, world: World, file: Any) -> None:
        block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=PASSWORD))
        seed = RegisterRequest(
            object_type=ObjectType.SECRET_DATA,
            attributes=attributes(cryptographic_usage_mask=M.DERIVE_KEY, activation_date=1),
            object=SecretData(secret_data_type=SecretDataType.SEED, key_block=block),
        )
        link = str(world.do(seed).unique_identifier)
        assert world.refused(self.request(file[0], link), version=V1_4) is R.INVALID_FIELD

    def test_the_password_must_be_right_and_the_callers(self, world: World, file: Any) -> None:
        wrong = self.password(world, b"wrong")
        world.do(ActivateRequest(unique_identifier=wrong))
        assert world.refused(self.request(file[0], wrong)) is R.BAD_PASSWORD
        assert world.refused(self.request(file[0], None)) is R.BAD_PASSWORD
        assert world.refused(self.request(file[0], wrong), who="bob") is R.OBJECT_NOT_FOUND

    def test_a_certificate_is_found_by_either_spelling_of_its_serial_number(self, world: World, file: Any) -> None:
        certificate: x509.Certificate = file[2]
        kept = world.do(
            RegisterRequest(
                object_type=ObjectType.CERTIFICATE,
                attributes=Attributes(),
                object=Certificate(
                    certificate_type=CertificateType.X_509, certificate_value=certificate.public_bytes(Encoding.DER)
                ),
            )
        ).unique_identifier
        number = certificate.serial_number.to_bytes(certificate.serial_number.bit_length() // 8 + 1, "big")
        for spelling in (number, bytes((2, len(number))) + number):
            wanted = X509CertificateIdentifier(
                issuer_distinguished_name=certificate.issuer.public_bytes(), certificate_serial_number=spelling
            )
            request = LocateRequest(attributes=attributes(x_509_certificate_identifier=wanted))
            assert world.do(request).unique_identifier == (kept,)


class TestEncrypted:
    def test_a_pkcs8_key_under_a_password_of_the_client_is_kept_as_it_is(self, world: World) -> None:
        sealed = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD)
        )
        block = KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=KeyValue(key_material=sealed),
            cryptographic_algorithm=A.EC,
            cryptographic_length=256,
        )
        kept = world.do(
            RegisterRequest(
                object_type=ObjectType.PRIVATE_KEY,
                attributes=attributes(cryptographic_usage_mask=M.SIGN),
                object=PrivateKey(key_block=block),
            )
        ).unique_identifier
        assert world.do(GetRequest(unique_identifier=kept)).object.key_block == block


class TestAttributes:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            (Tag.STATE, State.ACTIVE),
            (Tag.INITIAL_DATE, 1),
            (Tag.DESTROY_DATE, 1),
            (Tag.ALWAYS_SENSITIVE, True),
            (Tag.UNIQUE_IDENTIFIER, "mine"),
            (VendorAttributeName("y", "owner"), ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.TEXT_STRING, "bob")),
            (VendorAttributeName("Keystead", "History"), ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 9)),
        ],
    )
    def test_k31_what_only_the_server_sets(self, world: World, name: Any, value: Any) -> None:
        asked = Attributes.of([*((a.name, a.value) for a in attributes(cryptographic_algorithm=A.AES)), (name, value)])
        request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)
        assert world.refused(request) is R.ATTRIBUTE_READ_ONLY
        key = create(world)
        added = AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(name, value))
        assert world.refused(added) in (R.READ_ONLY_ATTRIBUTE, R.ATTRIBUTE_SINGLE_VALUED)

    def test_k31_nor_does_an_import_bring_them(self, world: World) -> None:
        history = (VendorAttributeName("Keystead", "History"), ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 9))
        request = ImportRequest(
            unique_identifier="x",
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=Attributes.of([history]),
            object=symmetric(os.urandom(32)),
        )
        assert world.refused(request) is R.ATTRIBUTE_READ_ONLY

    @pytest.mark.parametrize(
        ("attribute", "reason"),
        [
            (Attribute(Tag.LINK), R.INVALID_ATTRIBUTE),
            (Attribute(Tag.ACTIVATION_DATE), R.INVALID_ATTRIBUTE_VALUE),
            (Attribute(Tag.CERTIFICATE_LENGTH, 1), R.INVALID_ATTRIBUTE),
        ],
    )
    def test_k31_an_import_brings_whole_attributes_that_the_object_can_have(
        self, world: World, attribute: Attribute, reason: ResultReason
    ) -> None:
        request = ImportRequest(
            unique_identifier="x",
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=Attributes((attribute,)),
            object=symmetric(os.urandom(32)),
        )
        assert world.refused(request, version=V1_4) is for_version(reason, V1_4)

    def test_k32_a_link_to_a_foreign_object(self, world: World) -> None:
        bobs, key = create(world, who="bob"), create(world)
        for target in (bobs, "nothing"):
            link = Attribute(Tag.PUBLIC_KEY_LINK, target)
            assert world.refused(AddAttributeRequest(unique_identifier=key, new_attribute=link)) is R.OBJECT_NOT_FOUND
            assert world.refused(register(world, os.urandom(32), public_key_link=target)) is R.OBJECT_NOT_FOUND

    @pytest.mark.parametrize("link", [UniqueIdentifierEnumeration.CREATE, 0, -1], ids=str)
    def test_k32_an_import_links_to_what_the_batch_made_and_not_to_a_number(self, world: World, link: Any) -> None:
        request = ImportRequest(
            unique_identifier="imported",
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(public_key_link=link, cryptographic_usage_mask=DATA),
            object=symmetric(os.urandom(32)),
        )
        assert world.refused(request) is R.OBJECT_NOT_FOUND
        made, imported = world.batch(create_request(), request)
        assert imported.result_reason is None
        asked = GetAttributesRequest(unique_identifier="imported", attribute_reference=(Tag.LINK,))
        told = world.do(asked, version=V1_2).attributes.get(Tag.PUBLIC_KEY_LINK)
        assert told == payload(made).unique_identifier

    def test_k32_names_are_each_owners_own(self, world: World) -> None:
        create(world, who="bob", name=named("x"))
        create(world, name=named("x"))
        request = register(world, os.urandom(32), name=named("x"))
        assert world.refused(request) is R.NON_UNIQUE_NAME_ATTRIBUTE

    def test_k35_a_foreign_object_is_not_replaced(self, world: World) -> None:
        bobs = create(world, who="bob")
        for replace_existing in (True, False):
            request = ImportRequest(
                unique_identifier=bobs,
                object_type=ObjectType.SYMMETRIC_KEY,
                replace_existing=replace_existing,
                attributes=Attributes(),
                object=symmetric(os.urandom(32)),
            )
            assert world.refused(request) is R.OBJECT_NOT_FOUND


def rsa_numbers(n: int, e: int) -> PublicKey:
    return PublicKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
            key_value=KeyValue(key_material=TransparentKey(modulus=n, public_exponent=e)),
            cryptographic_algorithm=A.RSA,
        )
    )


def point(encoded: bytes) -> PublicKey:
    return PublicKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=encoded),
            cryptographic_algorithm=A.EC,
            cryptographic_length=256,
        )
    )


N = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n


class TestUnfitKeys:
    @pytest.mark.parametrize(
        "secret",
        [
            rsa_numbers(N, 1),
            rsa_numbers(N, 65536),
            rsa_numbers(N * 3, 65537),
            rsa_numbers((2**1024 + 643) ** 2, 65537),
            point(b"\4" + b"\1" * 64),
            point(b"\0"),
            point(b"\6" + b"\1" * 64),
        ],
    )
    def test_k36_public_keys(self, world: World, secret: PublicKey) -> None:
        request = RegisterRequest(
            object_type=ObjectType.PUBLIC_KEY,
            attributes=attributes(cryptographic_usage_mask=M.VERIFY),
            object=secret,
        )
        assert world.refused(request) in (R.INVALID_ATTRIBUTE_VALUE, R.CRYPTOGRAPHIC_FAILURE)

    @pytest.mark.parametrize(("key", "algorithm"), [(bytes(17), A.AES), (bytes(8), A.DES), (b"\1" * 8, A.DES)])
    def test_k36_symmetric_keys(self, world: World, key: bytes, algorithm: Any) -> None:
        assert world.refused(register(world, symmetric(key, algorithm))) is R.INVALID_ATTRIBUTE_VALUE


class TestLinksUpTo21:
    """Up to 1.4 links of all types are instances of one attribute, numbered together."""

    def links(self, world: World, key: str) -> list[tuple[Tag, int | None, str]]:
        request = GetAttributesRequest(unique_identifier=key, attribute_reference=(Tag.LINK,))
        return [(a.name, a.index or 0, a.value) for a in world.do(request, version=V1_2).attributes]  # type: ignore[misc]

    def test_their_indices_follow_each_other(self, world: World) -> None:
        one, two, three = (create(world) for _ in range(3))
        key = registered(world, os.urandom(32), public_key_link=one)
        for tag, target in ((Tag.PRIVATE_KEY_LINK, two), (Tag.CERTIFICATE_LINK, three)):
            world.do(AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(tag, target)), version=V1_2)
        assert self.links(world, key) == [
            (Tag.PUBLIC_KEY_LINK, 0, one),
            (Tag.PRIVATE_KEY_LINK, 1, two),
            (Tag.CERTIFICATE_LINK, 2, three),
        ]
        moved = Attribute(Tag.PARENT_LINK, three, 1)
        world.do(ModifyAttributeRequest(unique_identifier=key, new_attribute=moved), version=V1_2)
        request = DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.LINK, attribute_index=0)
        world.do(request, version=V1_2)
        assert sorted(self.links(world, key), key=lambda link: link[1] or 0) == [
            (Tag.PARENT_LINK, 1, three),
            (Tag.CERTIFICATE_LINK, 2, three),
        ]
        assert world.refused(request, version=V1_2) is R.ITEM_NOT_FOUND
        listed = world.do(GetAttributeListRequest(unique_identifier=key), version=V1_2).attribute_reference
        assert listed.count(Tag.LINK) == 1


def test_names_given_in_a_re_key_join_those_that_move(world: World) -> None:
    key = create(world, name=named("first"))
    new = world.do(ReKeyRequest(unique_identifier=key, attributes=attributes(name=named("second")))).unique_identifier
    assert (names_of(world, new), names_of(world, key)) == (["first", "second"], [])


def test_k34_a_re_key_beyond_all_time_leaves_the_key_as_it_was(world: World) -> None:
    key = create(world, deactivation_date=253_402_300_000)
    before = world.do(GetAttributesRequest(unique_identifier=key)).attributes
    assert world.refused(ReKeyRequest(unique_identifier=key, offset=2**32 - 1)) is R.INVALID_FIELD
    assert world.do(GetAttributesRequest(unique_identifier=key)).attributes == before


def test_k05_an_undone_batch_says_what_was_undone(world: World) -> None:
    key = str(world.do(register(world, os.urandom(32))).unique_identifier)
    items = world.batch(
        AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(Tag.COMMENT, "x")),
        CheckRequest(unique_identifier=key, cryptographic_usage_mask=M.SIGN),
        version=V2_1,
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )
    assert [item.result_status for item in items] == [ResultStatus.OPERATION_UNDONE, ResultStatus.OPERATION_FAILED]
    assert items[0].response_payload is not None
    assert world.do(GetAttributesRequest(unique_identifier=key)).attributes.get(Tag.COMMENT) is None


def test_secret_data_can_be_created_since_2_0(world: World) -> None:
    request = CreateRequest(
        object_type=ObjectType.SECRET_DATA, attributes=attributes(cryptographic_length=128, sensitive=False)
    )
    made = world.do(request).unique_identifier
    assert len(world.do(GetRequest(unique_identifier=made)).object.key_block.key_value.key_material) == 16
    assert world.refused(request, version=V1_4) is R.INVALID_FIELD
