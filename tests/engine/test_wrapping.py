"""Wrapping is no way out: K13 to K22 of the catalogue of hostile inputs."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.engine.admin import Administration
from keystead.engine.granting import trust_wrapping_key
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, Attributes
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    KeyWrapType,
    ObjectType,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
    SplitKeyMethod,
    UniqueIdentifierEnumeration,
    WrappingMethod,
)
from keystead.kmip.objects import KeyWrappingSpecification, SymmetricKey
from keystead.kmip.payloads.attributes import (
    GetAttributesRequest,
    ModifyAttributeRequest,
    SetAttributeRequest,
)
from keystead.kmip.payloads.create import (
    CreateKeyPairRequest,
    CreateRequest,
    CreateSplitKeyRequest,
    DeriveKeyRequest,
    ImportRequest,
    JoinSplitKeyRequest,
    RegisterRequest,
)
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest, MACRequest
from keystead.kmip.payloads.get import ExportRequest, GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest, RevokeRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.structures import (
    CryptographicParameters,
    DerivationParameters,
    MACSignatureKeyInformation,
    RevocationReason,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_1
from tests.engine.keys import (
    DATA,
    LONG_AGO,
    WRAP,
    A,
    M,
    attributes,
    bytes_of,
    create,
    get_plain,
    get_wrapped,
    register,
    registered,
    symmetric,
    wrapped_by,
)
from tests.engine.world import World, payload

R = ResultReason


def flags(world: World, unique_identifier: str) -> dict[Any, Any]:
    names = (Tag.SENSITIVE, Tag.ALWAYS_SENSITIVE, Tag.EXTRACTABLE, Tag.NEVER_EXTRACTABLE)
    found = world.do(GetAttributesRequest(unique_identifier=unique_identifier, attribute_reference=names)).attributes
    return {attribute.name: attribute.value for attribute in found}


def mask_of(world: World, unique_identifier: str) -> CryptographicUsageMask:
    names = (Tag.CRYPTOGRAPHIC_USAGE_MASK,)
    request = GetAttributesRequest(unique_identifier=unique_identifier, attribute_reference=names)
    (found,) = world.do(request).attributes
    return CryptographicUsageMask(found.value)


def blob_of(answer: Any) -> bytes:
    return bytes(answer.object.key_block.key_value)


class TestSensitive:
    def test_k13_a_sensitive_key_leaves_only_wrapped(self, world: World) -> None:
        key = create(world, sensitive=True)
        assert world.refused(GetRequest(unique_identifier=key)) is R.SENSITIVE
        assert world.refused(ExportRequest(unique_identifier=key)) is R.SENSITIVE
        assert world.do(get_wrapped(key, create(world, WRAP))).object.key_block.key_wrapping_data

    def test_k13_a_mac_beside_the_readable_key_is_no_wrapping(self, world: World) -> None:
        key = create(world, sensitive=True)
        mac = create(world, M.MAC_GENERATE)
        only_mac = KeyWrappingSpecification(
            wrapping_method=WrappingMethod.MAC_SIGN,
            mac_signature_key_information=MACSignatureKeyInformation(unique_identifier=mac),
            encoding_option=EncodingOption.NO_ENCODING,
        )
        request = GetRequest(unique_identifier=key, key_wrapping_specification=only_mac)
        assert world.refused(request) is R.SENSITIVE

    def test_k14_a_key_that_is_not_extractable_does_not_leave_at_all(self, world: World) -> None:
        key, wrapping = create(world, extractable=False), create(world, WRAP)
        assert world.refused(GetRequest(unique_identifier=key)) is R.NOT_EXTRACTABLE
        assert world.refused(get_wrapped(key, wrapping)) is R.NOT_EXTRACTABLE

    def test_k02_an_older_version_does_not_loosen_it(self, world: World) -> None:
        key = create(world, sensitive=True)
        assert world.refused(GetRequest(unique_identifier=key), version=V1_0) is R.PERMISSION_DENIED

    def test_k15_it_is_not_taken_back(self, world: World) -> None:
        key = create(world, sensitive=True, extractable=False)
        for name, value in ((Tag.SENSITIVE, False), (Tag.EXTRACTABLE, True), (Tag.ALWAYS_SENSITIVE, False)):
            new = Attribute(name, value)
            for request in (
                ModifyAttributeRequest(unique_identifier=key, new_attribute=new),
                SetAttributeRequest(unique_identifier=key, new_attribute=new),
            ):
                assert world.refused(request) in (R.ATTRIBUTE_READ_ONLY, R.READ_ONLY_ATTRIBUTE)

    def test_k15_what_is_imported_was_not_always_sensitive(self, world: World) -> None:
        secret = register(world, os.urandom(32)).object
        world.do(
            ImportRequest(
                unique_identifier="imported",
                object_type=ObjectType.SYMMETRIC_KEY,
                attributes=attributes(
                    sensitive=True, always_sensitive=True, never_extractable=True, cryptographic_usage_mask=DATA
                ),
                object=secret,
            )
        )
        found = flags(world, "imported")
        assert (found[Tag.SENSITIVE], found[Tag.ALWAYS_SENSITIVE], found[Tag.NEVER_EXTRACTABLE]) == (True, False, False)


class TestWrappingKeys:
    def test_k16_a_key_that_a_client_brought_does_not_wrap_a_sensitive_one(self, world: World) -> None:
        key, own = create(world, sensitive=True), registered(world, os.urandom(32), WRAP)
        assert world.refused(get_wrapped(key, own)) is R.PERMISSION_DENIED

    def test_k16_nor_does_one_that_was_handed_out(self, world: World) -> None:
        key, wrapping = create(world, sensitive=True), create(world, WRAP)
        world.do(get_plain(wrapping))
        assert world.refused(get_wrapped(key, wrapping)) is R.PERMISSION_DENIED

    def test_k16_nor_one_that_left_wrapped_under_a_known_key(self, world: World) -> None:
        key, wrapping, known = (
            create(world, sensitive=True),
            create(world, WRAP),
            registered(world, os.urandom(32), WRAP),
        )
        world.do(get_wrapped(wrapping, known))
        assert world.refused(get_wrapped(key, wrapping)) is R.PERMISSION_DENIED

    def test_k16_a_link_to_a_private_key_that_is_not_its_own_does_not_help(self, world: World) -> None:
        pair = world.do(
            CreateKeyPairRequest(
                common_attributes=attributes(
                    cryptographic_algorithm=A.RSA, cryptographic_length=2048, activation_date=1
                ),
                private_key_attributes=attributes(cryptographic_usage_mask=M.UNWRAP_KEY),
                public_key_attributes=attributes(cryptographic_usage_mask=M.WRAP_KEY),
            )
        )
        key = create(world, sensitive=True)
        oaep: dict[str, Any] = {
            "mode": None,
            "padding_method": PaddingMethod.OAEP,
            "hashing_algorithm": HashingAlgorithm.SHA_256,
        }
        assert world.do(get_wrapped(key, pair.public_key_unique_identifier, **oaep))
        public = world.do(GetRequest(unique_identifier=pair.public_key_unique_identifier)).object
        other = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        block = replace(public.key_block, key_value=replace(public.key_block.key_value, key_material=other))
        liar = world.do(
            RegisterRequest(
                object_type=ObjectType.PUBLIC_KEY,
                attributes=attributes(
                    cryptographic_usage_mask=M.WRAP_KEY,
                    activation_date=1,
                    private_key_link=pair.private_key_unique_identifier,
                ),
                object=replace(public, key_block=block),
            )
        ).unique_identifier
        assert world.refused(get_wrapped(key, liar, **oaep)) is R.PERMISSION_DENIED

    def test_k16_an_operator_may_trust_a_key_that_came_from_outside(self, world: World) -> None:
        key, partners = create(world, sensitive=True), registered(world, os.urandom(32), WRAP)
        operators = Administration(world.engine)
        trust_wrapping_key(operators, partners)
        assert world.do(get_wrapped(key, partners))
        trust_wrapping_key(operators, partners, trusted=False)
        assert world.refused(get_wrapped(key, partners)) is R.PERMISSION_DENIED
        with pytest.raises(OperationFailed):
            trust_wrapping_key(operators, "nothing")

    def test_a_plain_key_may_be_wrapped_by_a_key_of_the_client(self, world: World) -> None:
        """PyKMIP fetches a plain key under a key that it registered with Encrypt and Decrypt in its mask."""
        key, own = create(world), registered(world, os.urandom(32), WRAP | DATA)
        assert world.do(get_wrapped(key, own))

    @pytest.mark.parametrize(
        "mode",
        [BlockCipherMode.ECB, BlockCipherMode.CBC, BlockCipherMode.CTR, BlockCipherMode.OFB],
    )
    def test_k17_wrapping_that_notices_no_change_is_refused(self, world: World, mode: BlockCipherMode) -> None:
        request = get_wrapped(create(world), create(world, WRAP), mode=mode)
        assert world.refused(request) is R.BAD_CRYPTOGRAPHIC_PARAMETERS

    def test_k17_a_weaker_key_does_not_wrap_a_stronger_one(self, world: World) -> None:
        strong, weak = create(world, length=256), create(world, WRAP, length=128)
        assert world.refused(get_wrapped(strong, weak)) is R.BAD_CRYPTOGRAPHIC_PARAMETERS
        assert world.do(get_wrapped(create(world, length=128), weak))

    def test_k18_without_wrap_key_in_its_mask(self, world: World) -> None:
        request = get_wrapped(create(world), create(world, DATA))
        assert world.refused(request) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k18_not_active(self, world: World) -> None:
        wrapping, key = create(world, WRAP), create(world)
        reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
        world.do(RevokeRequest(unique_identifier=wrapping, revocation_reason=reason))
        assert world.refused(get_wrapped(key, wrapping)) is R.WRONG_KEY_LIFECYCLE_STATE
        world.do(DestroyRequest(unique_identifier=wrapping))
        assert world.refused(get_wrapped(key, wrapping)) is R.WRAPPING_OBJECT_DESTROYED

    def test_k18_itself(self, world: World) -> None:
        wrapping = create(world, WRAP)
        assert world.refused(get_wrapped(wrapping, wrapping)) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k18_in_a_circle(self, world: World) -> None:
        outer, inner = create(world, WRAP), create(world, WRAP)
        came = world.do(get_wrapped(inner, outer)).object
        held = registered(world, came, WRAP)
        assert world.refused(get_wrapped(outer, held)) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k18_of_another_owner_it_is_not_there(self, world: World) -> None:
        wrapping = create(world, WRAP, who="bob")
        assert world.refused(get_wrapped(create(world), wrapping)) is R.WRAPPING_OBJECT_NOT_FOUND


class TestOtherUses:
    def test_k19_a_key_that_wraps_and_decrypts_may_be_made(self, world: World) -> None:
        assert create(world, WRAP | DATA)

    def test_k19_it_decrypts_nothing_once_it_has_wrapped_a_sensitive_key(self, world: World) -> None:
        key, wrapping = create(world, sensitive=True), create(world, WRAP | DATA)
        blob = blob_of(world.do(get_wrapped(key, wrapping)))
        parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.NISTKEYWRAP)
        reveal = DecryptRequest(unique_identifier=wrapping, cryptographic_parameters=parameters, data=blob)
        assert world.refused(reveal) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k19_nor_does_it_encrypt_which_undoes_gcm(self, world: World) -> None:
        key, wrapping = create(world, sensitive=True), create(world, WRAP | DATA)
        answer = world.do(get_wrapped(key, wrapping, mode=BlockCipherMode.GCM, tag_length=16))
        described = answer.object.key_block.key_wrapping_data
        request = EncryptRequest(
            unique_identifier=wrapping,
            cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16),
            data=blob_of(answer)[:32],
            iv_counter_nonce=described.iv_counter_nonce,
        )
        assert world.refused(request) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k19_it_is_sensitive_itself_from_then_on(self, world: World) -> None:
        key, wrapping = create(world, sensitive=True), create(world, WRAP)
        world.do(get_wrapped(key, wrapping))
        assert world.refused(get_plain(wrapping)) is R.SENSITIVE

    def test_k19_a_copy_of_it_decrypts_no_more_than_it(self, world: World) -> None:
        key, wrapping, over = create(world, sensitive=True), create(world, WRAP | DATA), create(world, WRAP)
        blob = blob_of(world.do(get_wrapped(key, wrapping)))
        copy = registered(world, world.do(get_wrapped(wrapping, over)).object, WRAP | DATA)
        parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.NISTKEYWRAP)
        reveal = DecryptRequest(unique_identifier=copy, cryptographic_parameters=parameters, data=blob)
        assert world.refused(reveal) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k19_a_copy_made_before_keeps_it_from_wrapping_sensitive_keys(self, world: World) -> None:
        key, wrapping, over = create(world, sensitive=True), create(world, WRAP | DATA), create(world, WRAP)
        registered(world, world.do(get_wrapped(wrapping, over)).object, WRAP | DATA)
        assert world.refused(get_wrapped(key, wrapping)) is R.PERMISSION_DENIED

    def test_the_history_of_a_key_is_the_servers_business(self, world: World) -> None:
        key = create(world)
        found = world.do(GetAttributesRequest(unique_identifier=key)).attributes
        assert not [a for a in found if getattr(a.name, "vendor_identification", "") == "Keystead"]


class TestComingBack:
    @pytest.mark.parametrize(
        "harm", [lambda b: b[:-1], lambda b: b[:-1] + bytes((b[-1] ^ 1,)), lambda b: b + b"\0" * 8]
    )
    def test_k20_a_wrapped_key_that_was_altered_is_refused(self, world: World, harm: Any) -> None:
        came = world.do(get_wrapped(create(world), create(world, WRAP))).object
        block = replace(came.key_block, key_value=harm(came.key_block.key_value))
        item = world.ask(register(world, replace(came, key_block=block)))
        assert (item.result_reason, item.result_message) == (R.CRYPTOGRAPHIC_FAILURE, "the key could not be unwrapped")

    def test_k20_and_so_is_one_wrapped_under_another_key(self, world: World) -> None:
        came = world.do(get_wrapped(create(world), create(world, WRAP))).object
        data = wrapped_by(create(world, WRAP)).encryption_key_information
        described = replace(came.key_block.key_wrapping_data, encryption_key_information=data)
        item = world.ask(register(world, replace(came, key_block=replace(came.key_block, key_wrapping_data=described))))
        assert (item.result_reason, item.result_message) == (R.CRYPTOGRAPHIC_FAILURE, "the key could not be unwrapped")

    def test_what_was_wrapped_can_be_used_when_it_comes_back(self, world: World) -> None:
        key, wrapping = create(world), create(world, WRAP)
        came = world.do(get_wrapped(key, wrapping)).object
        back = registered(world, came)
        assert bytes_of(world, back) == bytes_of(world, key)
        assert world.do(GetRequest(unique_identifier=back)).object == came

    def test_k21_a_sensitive_key_comes_back_sensitive(self, world: World) -> None:
        key, wrapping = create(world, sensitive=True), create(world, WRAP)
        came = world.do(get_wrapped(key, wrapping)).object
        back = registered(world, came, sensitive=False)
        assert flags(world, back)[Tag.SENSITIVE]
        assert world.refused(get_plain(back)) is R.SENSITIVE

    @pytest.mark.parametrize("wrap_type", [KeyWrapType.NOT_WRAPPED, KeyWrapType.AS_REGISTERED])
    def test_k21_by_import_too(self, world: World, wrap_type: KeyWrapType) -> None:
        key, wrapping = create(world, sensitive=True), create(world, WRAP)
        came = world.do(get_wrapped(key, wrapping)).object
        world.do(
            ImportRequest(
                unique_identifier="back",
                object_type=ObjectType.SYMMETRIC_KEY,
                key_wrap_type=wrap_type,
                attributes=attributes(sensitive=False, cryptographic_usage_mask=DATA),
                object=came,
            )
        )
        assert world.refused(get_plain("back")) is R.SENSITIVE

    def test_k21_a_protected_key_comes_back_good_for_nothing_new(self, world: World) -> None:
        key, wrapping = create(world, M.DERIVE_KEY, sensitive=True), create(world, WRAP)
        back = registered(world, world.do(get_wrapped(key, wrapping)).object, M.DERIVE_KEY | DATA)
        request = GetAttributesRequest(unique_identifier=back, attribute_reference=(Tag.CRYPTOGRAPHIC_USAGE_MASK,))
        assert world.do(request).attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK) == M.DERIVE_KEY

    def test_k21_what_could_not_be_opened_then_is_not_opened_later(self, world: World) -> None:
        wrapping, other = create(world, WRAP), create(world, WRAP)
        came = world.do(get_wrapped(create(world, sensitive=True), wrapping)).object
        described = replace(
            came.key_block.key_wrapping_data,
            encryption_key_information=wrapped_by("later").encryption_key_information,
        )
        back = registered(world, replace(came, key_block=replace(came.key_block, key_wrapping_data=described)))
        world.do(
            ImportRequest(
                unique_identifier="later",
                object_type=ObjectType.SYMMETRIC_KEY,
                attributes=attributes(cryptographic_usage_mask=WRAP, activation_date=1),
                object=world.do(get_wrapped(wrapping, other)).object,
            )
        )
        assert world.refused(get_plain(back)) is R.WRAPPING_OBJECT_NOT_FOUND

    def test_k21_parts_and_what_is_joined_of_them_stay_sensitive(self, world: World) -> None:
        key = create(world, sensitive=True)
        parts = world.do(
            CreateSplitKeyRequest(
                object_type=ObjectType.SPLIT_KEY,
                unique_identifier=key,
                split_key_parts=2,
                split_key_threshold=2,
                split_key_method=SplitKeyMethod.XOR,
                attributes=attributes(sensitive=False),
            )
        ).unique_identifier
        assert world.refused(GetRequest(unique_identifier=parts[0])) is R.SENSITIVE
        whole = world.do(
            JoinSplitKeyRequest(
                object_type=ObjectType.SECRET_DATA, unique_identifier=parts, attributes=attributes(sensitive=False)
            )
        ).unique_identifier
        assert world.refused(GetRequest(unique_identifier=whole)) is R.SENSITIVE


def derivation(base: str, length: int = 256, mask: CryptographicUsageMask = DATA, **more: Any) -> DeriveKeyRequest:
    return DeriveKeyRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(base,),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(
            cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
            derivation_data=(b"context",),
        ),
        attributes=attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=length,
            cryptographic_usage_mask=mask,
            **more,
        ),
    )


class TestDerivation:
    def test_k22_what_is_derived_is_as_protected_as_its_base(self, world: World) -> None:
        base = create(world, M.DERIVE_KEY, sensitive=True, extractable=False)
        derived = world.do(derivation(base, sensitive=False, extractable=True)).unique_identifier
        found = flags(world, derived)
        assert (found[Tag.SENSITIVE], found[Tag.EXTRACTABLE]) == (True, False)

    def test_k22_a_few_bits_are_not_derived_of_a_protected_base(self, world: World) -> None:
        base = create(world, M.DERIVE_KEY, extractable=False)
        request = DeriveKeyRequest(
            object_type=ObjectType.SECRET_DATA,
            unique_identifier=(base,),
            derivation_method=DerivationMethod.HMAC,
            derivation_parameters=derivation(base).derivation_parameters,
            attributes=attributes(cryptographic_length=8),
        )
        assert world.refused(request) is R.INVALID_ATTRIBUTE_VALUE

    @pytest.mark.parametrize("mask", [M.ENCRYPT, M.DECRYPT, M.MAC_GENERATE, M.WRAP_KEY])
    def test_k22_a_protected_base_does_nothing_else(self, world: World, mask: CryptographicUsageMask) -> None:
        base = create(world, M.DERIVE_KEY | mask, sensitive=True)
        assert world.refused(derivation(base)) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    def test_k22_nor_does_a_copy_of_it(self, world: World) -> None:
        base, wrapping = create(world, M.DERIVE_KEY | M.ENCRYPT, sensitive=True), create(world, WRAP)
        copy = registered(world, world.do(get_wrapped(base, wrapping)).object, M.DERIVE_KEY)
        assert world.refused(derivation(copy)) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    @pytest.mark.parametrize("masks", [(M.DERIVE_KEY, M.ENCRYPT), (M.ENCRYPT, M.DERIVE_KEY)])
    def test_k22_nor_does_what_is_derived_once_more(
        self, world: World, masks: tuple[CryptographicUsageMask, CryptographicUsageMask]
    ) -> None:
        """Of two keys of the same bytes one could encrypt what the other derives by encryption."""
        base = create(world, M.DERIVE_KEY, sensitive=True)
        one, other = (world.do(derivation(base, mask=mask, activation_date=1)).unique_identifier for mask in masks)
        assert mask_of(world, other) == M(0)
        again = world.do(derivation(base, mask=masks[0], activation_date=1)).unique_identifier
        assert mask_of(world, again) == M(0)
        assert mask_of(world, one) == masks[0]

    def test_a_plain_base_may(self, world: World) -> None:
        assert world.do(derivation(create(world, M.DERIVE_KEY | M.MAC_GENERATE)))

    def test_a_derived_key_wraps_no_sensitive_key(self, world: World) -> None:
        base = create(world, M.DERIVE_KEY)
        wrapping = world.do(derivation(base, mask=WRAP, activation_date=1)).unique_identifier
        assert world.refused(get_wrapped(create(world, sensitive=True), wrapping)) is R.PERMISSION_DENIED

    def test_k26_mac_needs_its_bit(self, world: World) -> None:
        request = MACRequest(unique_identifier=create(world, DATA), data=b"x")
        assert world.refused(request) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


class TestShapes:
    @pytest.mark.parametrize("version", [V1_4, V2_1])
    def test_attributes_travel_inside(self, world: World, version: Any) -> None:
        wrapping, key = create(world, WRAP), create(world)
        specification = KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=wrapped_by(
                wrapping, BlockCipherMode.AESKEYWRAPPADDING
            ).encryption_key_information,
            attribute_reference=(Tag.CRYPTOGRAPHIC_USAGE_MASK,),
            encoding_option=EncodingOption.TTLV_ENCODING,
        )
        request = GetRequest(unique_identifier=key, key_wrapping_specification=specification)
        came = world.do(request, version=version).object
        back = world.do(
            RegisterRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes(), object=came), version=version
        ).unique_identifier
        assert bytes_of(world, back) == bytes_of(world, key)

    def test_attributes_need_an_encoding(self, world: World) -> None:
        specification = KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=wrapped_by(create(world, WRAP)).encryption_key_information,
            attribute_reference=(Tag.NAME,),
            encoding_option=EncodingOption.NO_ENCODING,
        )
        request = GetRequest(unique_identifier=create(world), key_wrapping_specification=specification)
        assert world.refused(request) is R.ENCODING_OPTION_ERROR

    @pytest.mark.parametrize("method", [WrappingMethod.ENCRYPT_THEN_MAC_SIGN, WrappingMethod.MAC_SIGN_THEN_ENCRYPT])
    def test_with_a_mac(self, world: World, method: WrappingMethod) -> None:
        wrapping, key = create(world, WRAP), create(world)
        mac = registered(world, symmetric(os.urandom(32), A.HMAC_SHA256), M.MAC_GENERATE | M.MAC_VERIFY)
        specification = KeyWrappingSpecification(
            wrapping_method=method,
            encryption_key_information=wrapped_by(wrapping).encryption_key_information,
            mac_signature_key_information=MACSignatureKeyInformation(unique_identifier=mac),
            encoding_option=EncodingOption.NO_ENCODING,
        )
        came = world.do(GetRequest(unique_identifier=key, key_wrapping_specification=specification)).object
        assert bytes_of(world, registered(world, came)) == bytes_of(world, key)


def test_a_wrapping_key_is_known_by_its_own_name_later(world: World) -> None:
    """Neither the object that is handed out nor the one that is kept names it by the ID Placeholder."""
    placeholder: Any = UniqueIdentifierEnumeration.ID_PLACEHOLDER
    asked = attributes(
        cryptographic_algorithm=A.AES, cryptographic_length=256, cryptographic_usage_mask=WRAP, activation_date=LONG_AGO
    )
    made, got = world.batch(
        CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked),
        GetRequest(unique_identifier=create(world), key_wrapping_specification=wrapped_by(placeholder)),
    )
    wrapping = payload(made).unique_identifier
    block = payload(got).object.key_block
    assert block.key_wrapping_data.encryption_key_information.unique_identifier == wrapping

    by_placeholder = replace(block.key_wrapping_data.encryption_key_information, unique_identifier=placeholder)
    described = replace(block.key_wrapping_data, encryption_key_information=by_placeholder)
    again = SymmetricKey(key_block=replace(block, key_wrapping_data=described))
    assert world.refused(register(world, again)) is ResultReason.OBJECT_NOT_FOUND  # there is nothing before it
    _, kept = world.batch(LocateRequest(attributes=attributes(unique_identifier=wrapping)), register(world, again))
    told = world.do(GetRequest(unique_identifier=payload(kept).unique_identifier), version=V1_4)
    assert told.object.key_block.key_wrapping_data.encryption_key_information.unique_identifier == wrapping
