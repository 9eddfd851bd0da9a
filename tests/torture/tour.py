"""A tour of every operation: each is done once, with secrets that are known, so that they can be looked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keystead.engine.handlers import HANDLERS
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    AdjustmentType,
    AsynchronousIndicator,
    BlockCipherMode,
    CertificateType,
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    EndpointRole,
    HashingAlgorithm,
    InteropFunction,
    KeyFormatType,
    ObjectType,
    Operation,
    OTPAlgorithm,
    PKCS11Function,
    QueryFunction,
    ResultStatus,
    RevocationReasonCode,
    SecretDataType,
    SplitKeyMethod,
    UsageLimitsUnit,
    ValidityIndicator,
)
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.objects import (
    Certificate,
    KeyBlock,
    KeyValue,
    OneTimePasswordCredential,
    OpaqueObject,
    PasswordCredential,
    PrivateKey,
    SecretData,
)
from keystead.kmip.payloads import Request, certify, create, crypto, get, lifecycle, locate, rekey, server, session
from keystead.kmip.payloads import attributes as attribute_payloads
from keystead.kmip.structures import (
    Authentication,
    Credential,
    CryptographicParameters,
    DerivationParameters,
    Name,
    RevocationReason,
    Right,
    Rights,
    TicketCredential,
    UsageLimits,
    UsernameAndPassword,
)
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V2_1, V3_0, Version
from keystead.pki.ca import Authority
from tests.engine.keys import attributes, symmetric, wrapped_by
from tests.engine.world import request_message

_A, _M = CryptographicAlgorithm, CryptographicUsageMask
_ALL = _M.ENCRYPT | _M.DECRYPT
ECB = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
HMAC = CryptographicParameters(cryptographic_algorithm=_A.HMAC_SHA256, hashing_algorithm=HashingAlgorithm.SHA_256)
SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


@dataclass
class Tour:
    """A client that does everything.

    Attributes:
        speak: sends a message and gives the answer.
        beat: has the server do what is due.
        secrets: what nobody but the client may read, by what it is.
        done: the operations that succeeded.
    """

    speak: Callable[[bytes], bytes]
    random: Random
    beat: Callable[[], None] = lambda: None
    secrets: dict[str, bytes] = field(default_factory=dict)
    done: set[Operation] = field(default_factory=set)

    def ask(self, *requests: Request, version: Version = V2_1, **header: Any) -> tuple[ResponseBatchItem, ...]:
        """Send a message; the batch items of its answer."""
        answer = load_response(self.speak(request_message(*requests, version=version, **header)))
        for item in answer[0].batch_item:
            if item.result_status is ResultStatus.SUCCESS and item.operation is not None:
                self.done.add(item.operation)
        return answer[0].batch_item

    def do(self, request: Request, **how: Any) -> Any:
        """Send a request that succeeds; the payload of its answer.  Raises: Refused."""
        (item,) = self.ask(request, **how)
        if item.result_status is not ResultStatus.SUCCESS:
            raise Refused(f"{request.OPERATION}: {item.result_reason} {item.result_message}")
        return item.response_payload

    def secret(self, what: str, size: int = 32) -> bytes:
        """A secret to be told to the server."""
        return self.keep(what, self.random.randbytes(size))

    def text(self, what: str) -> str:
        """The same as text."""
        text = f"{self.random.getrandbits(160):040x}"
        self.keep(what, text.encode())
        return text

    def keep(self, what: str, value: bytes) -> bytes:
        self.secrets[f"{what} {len(self.secrets)}"] = value
        return value

    # --- objects to work with ---

    def key(self, mask: CryptographicUsageMask = _ALL, **more: Any) -> str:
        """An Active AES key that the client chose."""
        asked = attributes(cryptographic_usage_mask=mask, activation_date=1, **more)
        request = create.RegisterRequest(
            object_type=ObjectType.SYMMETRIC_KEY, attributes=asked, object=symmetric(self.secret("registered key"))
        )
        return str(self.do(request).unique_identifier)

    def made(self, **more: Any) -> str:
        """An Active AES key that the server made."""
        asked = {"activation_date": 1, "cryptographic_usage_mask": _ALL, **more}
        asked = {name: value for name, value in asked.items() if value is not None}
        wanted = attributes(cryptographic_algorithm=_A.AES, cryptographic_length=256, **asked)
        request = create.CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=wanted)
        return str(self.do(request).unique_identifier)

    def told(self, unique_identifier: str, what: str) -> None:
        """Get a key, which is a secret from then on."""
        found = self.do(get.GetRequest(unique_identifier=unique_identifier), version=V3_0).object
        self.keep(what, found.key_block.key_value.key_material)

    def pair(self, algorithm: CryptographicAlgorithm = _A.EC, version: Version = V2_1) -> tuple[str, str]:
        """A key pair that the server made: its private key, its public key."""
        kem = algorithm is _A.ML_KEM_768
        asked = {"cryptographic_algorithm": algorithm, "activation_date": 1}
        if not kem:
            asked["cryptographic_length"] = 256
        request = create.CreateKeyPairRequest(
            common_attributes=attributes(**asked),
            private_key_attributes=attributes(cryptographic_usage_mask=_M.KEY_AGREEMENT if kem else _M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=_M.KEY_AGREEMENT if kem else _M.VERIFY),
        )
        made = self.do(request, version=version)
        return str(made.private_key_unique_identifier), str(made.public_key_unique_identifier)

    def password(self) -> tuple[str, Authentication]:
        """A user and its password."""
        name, password = f"user-{len(self.secrets)}", self.text("password")
        request = create.CreateCredentialRequest(
            credential_type=CredentialType.PASSWORD,
            attributes=Attributes(),
            object=PasswordCredential(password=password),
        )
        credential = self.do(request, version=V3_0).unique_identifier
        asked = Attributes(
            (Attribute(Tag.NAME, Name(name_value=name)), Attribute(Tag.CREDENTIAL_LINK, credential)),
        )
        self.do(create.CreateUserRequest(attributes=asked), version=V3_0)
        value = UsernameAndPassword(username=name, password=password)
        return name, _shown(CredentialType.USERNAME_AND_PASSWORD, value)

    def later(self, request: Request) -> bytes:
        """Have something done later; the correlation value."""
        (item,) = self.ask(request, asynchronous_indicator=AsynchronousIndicator.MANDATORY)
        if item.asynchronous_correlation_value is None:
            raise Refused(f"{request.OPERATION} does not wait: {item.result_message}")
        return item.asynchronous_correlation_value


class Refused(AssertionError):
    """A request of the tour did not succeed."""


def _shown(kind: CredentialType, value: Any) -> Authentication:
    return Authentication(credential=(Credential(credential_type=kind, credential_value=value),))


# --- the stops --------------------------------------------------------------------------------------------------------


def _objects(tour: Tour) -> None:
    """Objects of every kind come in."""
    tour.key(sensitive=True)
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=tour.secret("secret data")))
    secret = SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block)
    mask = attributes(cryptographic_usage_mask=_M.DERIVE_KEY)
    tour.do(create.RegisterRequest(object_type=ObjectType.SECRET_DATA, attributes=mask, object=secret))
    opaque = OpaqueObject(opaque_data_type=0x80000001, opaque_data_value=tour.secret("opaque object"))
    tour.do(create.RegisterRequest(object_type=ObjectType.OPAQUE_OBJECT, attributes=Attributes(), object=opaque))
    private: EllipticCurvePrivateKey = derive_private_key(
        int.from_bytes(tour.secret("private key"), "big") >> 1, SECP256R1()
    )
    tour.keep("private key", (private.private_numbers().private_value).to_bytes(32, "big"))
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    block = KeyBlock(
        key_format_type=KeyFormatType.PKCS_8,
        key_value=KeyValue(key_material=der),
        cryptographic_algorithm=_A.EC,
        cryptographic_length=256,
    )
    mask = attributes(cryptographic_usage_mask=_M.SIGN)
    tour.do(
        create.RegisterRequest(object_type=ObjectType.PRIVATE_KEY, attributes=mask, object=PrivateKey(key_block=block))
    )


def _create(tour: Tour) -> None:
    tour.told(tour.made(), "created key")


def _create_key_pair(tour: Tour) -> None:
    private, _ = tour.pair()
    found = tour.do(get.GetRequest(unique_identifier=private, key_format_type=KeyFormatType.ECPRIVATEKEY))
    tour.keep("created private key", found.object.key_block.key_value.key_material[7:39])


def _derive(tour: Tour) -> None:
    asked = attributes(
        cryptographic_algorithm=_A.AES, cryptographic_length=256, cryptographic_usage_mask=_ALL, activation_date=1
    )
    request = create.DeriveKeyRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(tour.key(_M.DERIVE_KEY),),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(cryptographic_parameters=SHA_256, derivation_data=(bytes(32),)),
        attributes=asked,
    )
    tour.told(str(tour.do(request).unique_identifier), "derived key")


def _split(tour: Tour) -> None:
    asked = attributes(cryptographic_usage_mask=_ALL, activation_date=1)
    request = create.CreateSplitKeyRequest(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=tour.key(),
        split_key_parts=2,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
        attributes=asked,
    )
    parts = tour.do(request).unique_identifier
    for part in parts:
        tour.told(str(part), "part of a key")
    wanted = attributes(
        cryptographic_algorithm=_A.AES, cryptographic_length=256, cryptographic_usage_mask=_ALL, activation_date=1
    )
    tour.do(
        create.JoinSplitKeyRequest(
            object_type=ObjectType.SYMMETRIC_KEY, unique_identifier=tuple(parts), attributes=wanted
        )
    )


def _import_export(tour: Tour) -> None:
    name = f"imported-{tour.random.getrandbits(64):x}"
    tour.do(
        create.ImportRequest(
            unique_identifier=name,
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(cryptographic_usage_mask=_ALL, activation_date=1),
            object=symmetric(tour.secret("imported key")),
        )
    )
    tour.do(get.ExportRequest(unique_identifier=name))
    wrapping = tour.key(_M.WRAP_KEY | _M.UNWRAP_KEY)
    request = get.GetRequest(unique_identifier=name, key_wrapping_specification=wrapped_by(wrapping))
    wrapped = tour.do(request).object
    tour.do(
        create.RegisterRequest(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=attributes(cryptographic_usage_mask=_ALL, activation_date=1),
            object=wrapped,
        )
    )


def _re_key(tour: Tour) -> None:
    new = tour.do(rekey.ReKeyRequest(unique_identifier=tour.made(name=Name(name_value="tour")))).unique_identifier
    tour.told(str(new), "new key")
    tour.do(rekey.ReKeyKeyPairRequest(private_key_unique_identifier=tour.pair()[0]))


def _attributes(tour: Tour) -> None:
    p, key = attribute_payloads, tour.made(name=Name(name_value=f"tour-{tour.random.getrandbits(64):x}"))
    tour.do(
        p.AddAttributeRequest(
            unique_identifier=key, new_attribute=_vendor("private", ttlv.TEXT_STRING, tour.text("attribute"))
        )
    )
    contact = Attribute(Tag.CONTACT_INFORMATION, tour.text("contact"))
    tour.do(p.SetAttributeRequest(unique_identifier=key, new_attribute=contact))
    contact = Attribute(Tag.CONTACT_INFORMATION, tour.text("contact"))
    tour.do(p.ModifyAttributeRequest(unique_identifier=key, new_attribute=contact))
    tour.do(p.GetAttributesRequest(unique_identifier=key))
    tour.do(p.GetAttributeListRequest(unique_identifier=key))
    tour.do(locate.LocateRequest(attributes=Attributes((contact,))))
    tour.do(p.DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.CONTACT_INFORMATION))
    limits = UsageLimits(usage_limits_total=9, usage_limits_count=9, usage_limits_unit=UsageLimitsUnit.OBJECT)
    limited = tour.made(usage_limits=limits)
    tour.do(get.GetUsageAllocationRequest(unique_identifier=limited, usage_limits_count=1))
    tour.do(get.CheckRequest(unique_identifier=limited, cryptographic_usage_mask=_M.ENCRYPT))
    tour.do(get.ObtainLeaseRequest(unique_identifier=limited))
    counted = _vendor("count", ttlv.INTEGER, 1)
    tour.do(p.AddAttributeRequest(unique_identifier=key, new_attribute=counted))
    tour.do(
        p.AdjustAttributeRequest(
            unique_identifier=key,
            attribute_reference=VendorAttributeName("tour", "count"),
            adjustment_type=AdjustmentType.INCREMENT,
        )
    )


def _vendor(name: str, kind: int, value: Any) -> Attribute:
    return Attribute(VendorAttributeName("tour", name), Item(Tag.ATTRIBUTE_VALUE, kind, value))


def _life(tour: Tour) -> None:
    p, key = lifecycle, tour.made(activation_date=None)
    tour.do(p.ActivateRequest(unique_identifier=key))
    tour.do(p.ArchiveRequest(unique_identifier=key))
    tour.do(p.RecoverRequest(unique_identifier=key))
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    tour.do(p.RevokeRequest(unique_identifier=key, revocation_reason=reason))
    tour.do(p.DestroyRequest(unique_identifier=key))
    tour.do(p.DeactivateRequest(unique_identifier=tour.made()), version=V3_0)
    tour.do(p.ObliterateRequest(unique_identifier=tour.made(activation_date=None)), version=V3_0)


def _cryptography(tour: Tour) -> None:
    p, key, mac = crypto, tour.key(), tour.key(_M.MAC_GENERATE | _M.MAC_VERIFY)
    plaintext = tour.secret("plaintext")
    encrypted = tour.do(p.EncryptRequest(unique_identifier=key, cryptographic_parameters=ECB, data=plaintext)).data
    tour.do(p.DecryptRequest(unique_identifier=key, cryptographic_parameters=ECB, data=encrypted))
    data = tour.secret("authenticated data")
    code = tour.do(p.MACRequest(unique_identifier=mac, cryptographic_parameters=HMAC, data=data)).mac_data
    tour.do(p.MACVerifyRequest(unique_identifier=mac, cryptographic_parameters=HMAC, data=data, mac_data=code))
    private, public = tour.pair()
    data = tour.secret("signed data")
    ecdsa = CryptographicParameters(cryptographic_algorithm=_A.ECDSA, hashing_algorithm=HashingAlgorithm.SHA_256)
    signed = tour.do(p.SignRequest(unique_identifier=private, cryptographic_parameters=ecdsa, data=data))
    verified = tour.do(
        p.SignatureVerifyRequest(
            unique_identifier=public,
            cryptographic_parameters=ecdsa,
            data=data,
            signature_data=signed.signature_data,
        )
    )
    assert verified.validity_indicator is ValidityIndicator.VALID
    tour.do(p.HashRequest(cryptographic_parameters=SHA_256, data=tour.secret("hashed data")))
    tour.keep("random bytes", tour.do(p.RNGRetrieveRequest(data_length=32)).data)
    tour.do(p.RNGSeedRequest(data=tour.secret("seed")))


def _encapsulate(tour: Tour) -> None:
    private, public = tour.pair(_A.ML_KEM_768, V3_0)
    wanted = attributes(cryptographic_algorithm=_A.AES, cryptographic_usage_mask=_ALL)
    made = tour.do(crypto.EncapsulateRequest(unique_identifier=public, attributes=wanted), version=V3_0)
    tour.told(str(made.unique_identifier), "encapsulated key")
    tour.do(crypto.DecapsulateRequest(unique_identifier=private, data=made.data, attributes=wanted), version=V3_0)


def _certificates(tour: Tour) -> None:
    """An authority of the client's own issues."""
    p, (_, public), authority = certify, tour.pair(), Authority.create("Tour", "P-256")
    tour.keep("authority", authority.private_key.private_numbers().private_value.to_bytes(32, "big"))  # type: ignore[union-attr]
    der = authority.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    key = PrivateKey(key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_8, key_value=KeyValue(key_material=der)))
    asked = attributes(cryptographic_usage_mask=_M.CERTIFICATE_SIGN, activation_date=1, cryptographic_algorithm=_A.EC)
    request = create.RegisterRequest(object_type=ObjectType.PRIVATE_KEY, attributes=asked, object=key)
    linked = attributes(activation_date=1, private_key_link=tour.do(request).unique_identifier)
    value = Certificate(
        certificate_type=CertificateType.X_509, certificate_value=authority.certificate.public_bytes(Encoding.DER)
    )
    request = create.RegisterRequest(object_type=ObjectType.CERTIFICATE, attributes=linked, object=value)
    issuer = attributes(certificate_link=tour.do(request).unique_identifier)
    made = tour.do(p.CertifyRequest(unique_identifier=public, attributes=issuer)).unique_identifier
    tour.do(p.ValidateRequest(unique_identifier=(made,)))
    tour.do(p.ReCertifyRequest(unique_identifier=made))


def _people(tour: Tour) -> None:
    _, shown = tour.password()
    tour.do(session.PingRequest(), authentication=shown)
    seed = OneTimePasswordCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=tour.secret("one-time password seed"))
    request = create.CreateCredentialRequest(
        credential_type=CredentialType.ONE_TIME_PASSWORD, attributes=Attributes(), object=seed
    )
    tour.do(request, version=V3_0)
    group = Attributes((Attribute(Tag.NAME, Name(name_value=f"group-{tour.random.getrandbits(64):x}")),))
    tour.do(create.CreateGroupRequest(attributes=group), version=V3_0)


def _tickets(tour: Tour) -> None:
    p, rights = session, Rights(right=(Right(),))
    ticket = tour.do(p.LoginRequest(lease_time=3600)).ticket
    tour.keep("ticket", ticket.ticket_value)
    tour.do(p.PingRequest(), authentication=_shown(CredentialType.TICKET, TicketCredential(ticket=ticket)))
    tour.keep("ticket", tour.do(p.DelegatedLoginRequest(rights=rights)).ticket.ticket_value)
    tour.do(p.LogoutRequest(ticket=ticket))


def _waiting(tour: Tour) -> None:
    p, cls = session, crypto.EncryptRequest
    request = cls(unique_identifier=tour.key(), cryptographic_parameters=ECB, data=tour.secret("plaintext"))
    asked = create.RegisterRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=attributes(cryptographic_usage_mask=_ALL),
        object=symmetric(tour.secret("key registered later")),
    )
    tour.do(p.QueryAsynchronousRequestsRequest())
    while Operation.PROCESS not in tour.done:  # it may be done before it can be asked for
        first = tour.later(request)
        tour.ask(p.ProcessRequest(asynchronous_correlation_value=first))
    second = tour.later(asked)
    tour.do(p.CancelRequest(asynchronous_correlation_value=tour.later(request)))
    for each in (first, second):
        for _ in range(500):
            (item,) = tour.ask(p.PollRequest(asynchronous_correlation_value=each))
            if item.result_status is not ResultStatus.OPERATION_PENDING:
                break
            tour.beat()
            time.sleep(0.02)  # a real server does what waits about each second
        if item.result_status is not ResultStatus.SUCCESS:
            raise Refused(f"Poll: {item.result_message}")
    tour.done.add(Operation.POLL)


def _rules(tour: Tour) -> None:
    p, secret = server, attributes(contact_information=tour.text("default"))
    symmetric_keys = p.ObjectTypes(object_type=(ObjectType.SYMMETRIC_KEY,))
    defaults = p.ObjectDefaults(object_types=symmetric_keys, attributes=secret)
    tour.do(p.SetDefaultsRequest(defaults_information=p.DefaultsInformation(object_defaults=(defaults,))))
    tour.made()
    tour.do(p.SetDefaultsRequest())
    rule = p.Constraint(object_types=symmetric_keys, attributes=attributes(cryptographic_algorithm=_A.AES))
    tour.do(p.SetConstraintsRequest(constraints=p.Constraints(constraint=(rule,))))
    tour.do(p.GetConstraintsRequest())
    tour.do(p.SetConstraintsRequest())


def _server(tour: Tour) -> None:
    tour.do(server.QueryRequest(query_function=tuple(QueryFunction)[:6]))
    tour.do(server.DiscoverVersionsRequest())
    tour.do(session.PingRequest())
    tour.do(session.LogRequest(log_message="on tour"))
    tour.do(session.InteropRequest(interop_function=InteropFunction.BEGIN, interop_identifier="tour"))
    tour.do(session.SetEndpointRoleRequest(endpoint_role=EndpointRole.SERVER))
    called = session.PKCS11Request(pkcs_11_function=PKCS11Function.C_INITIALIZE, pkcs_11_input_parameters=b"\1")
    tour.do(called)


STOPS: Mapping[str, Callable[[Tour], None]] = {
    stop.__name__.strip("_"): stop
    for stop in (
        _objects, _create, _create_key_pair, _derive, _split, _import_export, _re_key, _attributes, _life,
        _cryptography, _encapsulate, _certificates, _people, _tickets, _waiting, _rules, _server,
    )
}  # fmt: skip


ELSEWHERE = frozenset({Operation.RE_PROVISION})
"""Takes the client its own credential away: it has tests of its own (tests/engine/test_provision.py)."""


def travel(tour: Tour) -> None:
    """Do everything.  Raises: Refused, also if an operation was not met."""
    for stop in STOPS.values():
        stop(tour)
    missed = {request.OPERATION for request in HANDLERS} - tour.done - ELSEWHERE
    if missed:
        raise Refused(f"not on the tour: {sorted(str(operation) for operation in missed)}")
