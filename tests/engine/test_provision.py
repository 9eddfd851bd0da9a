"""Re-Provision: a client gets another certificate to connect by."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from keystead.engine.engine import Engine
from keystead.kmip.enums import (
    CertificateRequestType,
    CertificateType,
    KeyFormatType,
    QueryFunction,
    ResultReason,
    RevocationReasonCode,
)
from keystead.kmip.objects import Certificate, CertificateRequest
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import RevokeRequest
from keystead.kmip.payloads.rekey import ReProvisionRequest
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.structures import RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, V2_0, V2_1, V3_0, Version
from keystead.pki.ca import Authority
from keystead.server.tls import leaf_fault
from tests.engine.keys import attributes, create
from tests.engine.test_certify import csr
from tests.engine.world import START, World

R = ResultReason
DAY = 86_400


@pytest.fixture
def authority(world: World) -> Authority:
    """The server's own, which the clients of this world are of too."""
    made = Authority.create("test", "P-256", START - DAY)
    world.engine.authority = made
    return made


@pytest.fixture(autouse=True)
def own(world: World, authority: Authority) -> dict[str, bytes]:
    """The certificates of two more clients."""
    issued = {name: authority.issue_client(name, now=START - DAY).der for name in ("dora", "emil")}
    for name, der in issued.items():
        world.callers[name] = world.engine.enroll(name, der)
    return issued


def known(engine: Engine, der: bytes) -> str | None:
    caller = engine.caller_of(der, "")
    return None if caller is None else caller.name


def of(world: World, uid: str) -> bytes:
    value: bytes = world.do(GetRequest(unique_identifier=uid), who="dora").object.certificate_value
    return value


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0])
def test_by_a_certificate_request(world: World, authority: Authority, own: dict[str, bytes], version: Version) -> None:
    before = own["dora"]
    key = create(world, who="dora")
    request = CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=csr("dora")
    )
    uid = world.do(ReProvisionRequest(certificate_request=request), who="dora", version=version).unique_identifier
    new = of(world, uid)
    assert not leaf_fault(new)
    assert known(world.engine, before) is None
    assert known(world.engine, new) == "dora"
    caller = world.engine.caller_of(new, "")
    assert caller is not None
    world.callers["dora"] = caller
    assert world.do(GetRequest(unique_identifier=key), who="dora"), "what is hers stays hers"


def test_by_a_certificate(world: World, authority: Authority, own: dict[str, bytes]) -> None:
    before, new = own["dora"], authority.issue_client("dora", now=START - DAY).der
    given = Certificate(certificate_type=CertificateType.X_509, certificate_value=new)
    uid = world.do(ReProvisionRequest(certificate=given), who="dora").unique_identifier
    assert of(world, uid) == new
    assert known(world.engine, before) is None
    assert known(world.engine, new) == "dora"


def test_by_nothing_the_server_makes_a_key_too(world: World, authority: Authority, own: dict[str, bytes]) -> None:
    epoch = world.engine.identity_epoch()
    uid = world.do(ReProvisionRequest(), who="dora").unique_identifier
    got = world.do(GetRequest(unique_identifier=uid, key_format_type=KeyFormatType.PKCS_8), who="dora")
    private = load_der_private_key(got.object.key_block.key_value.key_material, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    link = world.do(GetAttributesRequest(unique_identifier=uid), who="dora").attributes.get(Tag.CERTIFICATE_LINK)
    certificate = x509.load_der_x509_certificate(of(world, link))
    assert certificate.public_key() == private.public_key()
    assert known(world.engine, certificate.public_bytes(Encoding.DER)) == "dora"
    assert world.engine.identity_epoch() != epoch, "whoever is connected is looked up anew"


def test_nobody_gets_a_certificate_of_another_name(world: World, authority: Authority, own: dict[str, bytes]) -> None:
    for common_name in ("emil", "Dora", "dora "):
        request = CertificateRequest(
            certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=csr(common_name)
        )
        refused = world.refused(ReProvisionRequest(certificate_request=request), who="dora")
        assert refused is R.PERMISSION_DENIED
    soon = authority.issue_client("fritz", now=START - DAY).der
    given = Certificate(certificate_type=CertificateType.X_509, certificate_value=soon)
    assert world.refused(ReProvisionRequest(certificate=given), who="dora") is R.PERMISSION_DENIED
    assert known(world.engine, soon) is None
    assert known(world.engine, own["dora"]) == "dora"


def test_no_certificate_or_two_things_or_not_valid_now(
    world: World, authority: Authority, own: dict[str, bytes]
) -> None:
    bad = Certificate(certificate_type=CertificateType.X_509, certificate_value=b"no certificate")
    assert world.refused(ReProvisionRequest(certificate=bad), who="dora") is not None
    late = authority.issue_client("dora", now=START + 900 * DAY).der
    given = Certificate(certificate_type=CertificateType.X_509, certificate_value=late)
    assert world.refused(ReProvisionRequest(certificate=given), who="dora") is R.INVALID_FIELD
    request = CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=csr("dora")
    )
    both = ReProvisionRequest(certificate=given, certificate_request=request)
    assert world.refused(both, who="dora") is R.INVALID_FIELD
    enrolled = Certificate(
        certificate_type=CertificateType.X_509,
        certificate_value=own["dora"],
    )
    assert world.refused(ReProvisionRequest(certificate=enrolled), who="dora") is R.OBJECT_ALREADY_EXISTS


def test_not_with_one_that_is_revoked_or_has_expired(world: World, authority: Authority, own: dict[str, bytes]) -> None:
    value = own["dora"]
    kept = Certificate(certificate_type=CertificateType.X_509, certificate_value=value)
    uid = world.do(RegisterRequest(object_type=1, attributes=attributes(), object=kept), who="dora").unique_identifier  # type: ignore[arg-type]
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    world.do(
        RevokeRequest(unique_identifier=uid, revocation_reason=reason, compromise_occurrence_date=START), who="dora"
    )
    assert world.refused(ReProvisionRequest(), who="dora") is R.PERMISSION_DENIED
    world.clock.move(5000 * DAY)
    assert world.refused(ReProvisionRequest(), who="emil") is R.PERMISSION_DENIED


def test_without_an_authority_the_client_brings_a_certificate(
    world: World, authority: Authority, own: dict[str, bytes]
) -> None:
    world.engine.authority = None
    assert world.refused(ReProvisionRequest(), who="dora") is R.FEATURE_NOT_SUPPORTED


def test_query_tells_of_it_and_one_x_has_none(world: World) -> None:
    asked = QueryRequest(query_function=(QueryFunction.QUERY_OPERATIONS,))
    assert ReProvisionRequest.OPERATION in world.do(asked).operation
    assert ReProvisionRequest.OPERATION not in world.do(asked, version=V1_4).operation
