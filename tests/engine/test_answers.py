"""What the server says back: in the encoding and the version asked, whatever is in it and whoever else asks."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12

from keystead.engine.context import Turn
from keystead.engine.engine import Engine, Incoming
from keystead.errors import TamperError
from keystead.kmip import encodings, ttlv
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName
from keystead.kmip.enums import CertificateType, KeyFormatType, ObjectType, ResultReason, ResultStatus
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, PrivateKey
from keystead.kmip.payloads.attributes import AddAttributeRequest, GetAttributesRequest
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from tests.engine.hostile import Way, each_way, events, in_text, last_event
from tests.engine.keys import M, attributes, create
from tests.engine.world import World, request_message

R = ResultReason


def answers(world: World, way: Way, *asked: tuple[str, Any]) -> list[ResponseBatchItem]:
    """What is answered to messages of one batch item that arrive together, by who sends them."""
    found = world.engine.answer(
        [Incoming(way.write(way.message(request)), world.callers[who], way.encoding) for who, request in asked]
    )
    messages = [load_response(encodings.to_ttlv(answer, way.encoding)) for answer in found]
    assert {version for _, version in messages} == {way.version}
    return [item for message, _ in messages for item in message.batch_item]


class TestLimits:
    """What binds those who send binds nobody who is answered."""

    @in_text
    def test_more_items_than_anybody_may_send_are_answered(self, world: World, way: Way) -> None:
        for _ in range(100):
            create(world)
        locate = [LocateRequest()] * 120
        message = ttlv.decode(request_message(*locate, version=way.version))
        (answer,) = world.engine.answer([Incoming(way.write(message), world.callers["alice"], way.encoding)])
        assert answer.count(b"UniqueIdentifier") >= 12_000

    @in_text
    def test_what_was_sent_as_deep_as_it_goes_is_given_back_deeper(self, world: World, way: Way) -> None:
        key = create(world)
        deep = Item(0x540001, ttlv.INTEGER, 1)
        for _ in range(ttlv.MAXIMUM_DEPTH - 2):
            deep = Item(0x540001, ttlv.STRUCTURE, (deep,))
        name = VendorAttributeName("x", "deep")
        value = Attribute(name, Item(Tag.ATTRIBUTE_VALUE, ttlv.STRUCTURE, (deep,)))
        world.do(AddAttributeRequest(unique_identifier=key, new_attribute=value))
        (answer,) = world.engine.answer(
            [
                Incoming(
                    way.write(way.message(GetAttributesRequest(unique_identifier=key))),
                    world.callers["alice"],
                    way.encoding,
                )
            ]
        )
        assert answer.count(b"0x540001") >= ttlv.MAXIMUM_DEPTH - 1


class TestTexts:
    """Names that come out of certificates and key files are held to what may stand in a message (T16)."""

    key = ec.generate_private_key(ec.SECP256R1())

    def certificate(self, name: x509.Name, alternative: str | None = None) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(datetime.datetime(2020, 1, 1))
            .not_valid_after(datetime.datetime(2040, 1, 1))
        )
        if alternative is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(alternative)]), False)
        return builder.sign(self.key, hashes.SHA256())

    def register(self, certificate: x509.Certificate) -> RegisterRequest:
        value = certificate.public_bytes(Encoding.DER)
        return RegisterRequest(
            object_type=ObjectType.CERTIFICATE,
            attributes=Attributes(),
            object=Certificate(certificate_type=CertificateType.X_509, certificate_value=value),
        )

    @pytest.mark.parametrize("text", ["a\0b", "\x1b[2J", "a\u202eb", "a\u200bb", "\ufeffa"], ids=ascii)
    def test_t16_a_certificate_whose_name_is_not_what_it_looks_like_is_refused(self, world: World, text: str) -> None:
        certificate = self.certificate(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]))
        assert world.refused(self.register(certificate)) is R.INVALID_FIELD

    def test_t16_nor_may_its_other_names_be(self, world: World) -> None:
        certificate = self.certificate(x509.Name([]), "a\x1b[2J@example.org")
        assert world.refused(self.register(certificate)) is R.INVALID_FIELD

    def test_t17_nor_may_its_names_be_too_long_together(self, world: World) -> None:
        parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, "n" * 64)] * 1000
        assert world.refused(self.register(self.certificate(x509.Name(parts)))) is R.INVALID_FIELD

    @each_way
    @pytest.mark.parametrize("name", ["", "plain", "na\u00efve \u2211"], ids=ascii)
    def test_other_names_are_read_back(self, world: World, way: Way, name: str) -> None:
        parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else []
        kept = world.do(self.register(self.certificate(x509.Name(parts)))).unique_identifier
        world.reopen()
        (item,) = answers(world, way, ("alice", GetAttributesRequest(unique_identifier=kept)))
        assert item.result_status is ResultStatus.SUCCESS, item.result_message

    def test_t16_the_name_in_a_key_file_is_held_to_it_too(self, world: World) -> None:
        certificate = self.certificate(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "plain")]))
        file = pkcs12.serialize_key_and_certificates(b"a\x1b[2J", self.key, certificate, None, NoEncryption())
        request = RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY,
            attributes=attributes(cryptographic_usage_mask=M.SIGN),
            object=PrivateKey(
                key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=KeyValue(key_material=file))
            ),
        )
        assert world.refused(request) is R.INVALID_FIELD


class TestTogether:
    """Messages that arrive together share a transaction, and nothing else."""

    @each_way
    def test_advisory_07_one_that_meets_a_defect_takes_no_other_with_it(
        self, world: World, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Source: CVE-2024-6468, where one bad peer ended the listener for all."""
        before = last_event(world)
        self.plant(monkeypatch, RuntimeError("a secret"))
        first, bad, last = answers(
            world, way, ("bob", LocateRequest()), ("alice", LocateRequest()), ("bob", LocateRequest())
        )
        assert first.result_status is last.result_status is ResultStatus.SUCCESS
        assert bad.result_reason is R.GENERAL_FAILURE
        assert "secret" not in (bad.result_message or "")
        assert [(event.name, event.status) for event in events(world, before)] == [
            ("bob", "Success"),
            ("alice", "Operation Failed"),
            ("bob", "Success"),
        ]

    @each_way
    def test_advisory_07_nor_does_one_that_meets_a_damaged_row(
        self, world: World, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.plant(monkeypatch, TamperError("a row"))
        good, bad = answers(world, way, ("bob", LocateRequest()), ("alice", LocateRequest()))
        assert good.result_status is ResultStatus.SUCCESS
        assert bad.result_reason is R.GENERAL_FAILURE

    @staticmethod
    def plant(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        """Fail on what alice sends, where no batch item is at hand that could take the blame."""
        whole = Engine._whole

        def failing(engine: Engine, turn: Turn, incoming: Incoming, *rest: Any) -> bytes:
            if incoming.caller.name == "alice":
                raise error
            return whole(engine, turn, incoming, *rest)

        monkeypatch.setattr(Engine, "_whole", failing)
