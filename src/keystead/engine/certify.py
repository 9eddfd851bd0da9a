"""Certificates from the server: Certify, Re-certify, Validate.

The issuer is the authority that the request links to (Certificate Link), whose key is here and may sign certificates;
without a link it is the server's own, which certifies a client under its own name only, unless it has other rules.

Source: KMIP 1.4 sections 4.7, 4.8 and 4.24; 2.1 sections 6.1.6, 6.1.45 and 6.1.57.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keystead.engine import use
from keystead.engine.certificates import certificate_attributes
from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.identities import peer_of
from keystead.engine.making import new, requested
from keystead.engine.managed import Managed, part_condition
from keystead.engine.rekey import replaced, replacement_attributes
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES, Attribute, AttributeName, Attributes, Party
from keystead.kmip.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicUsageMask,
    ObjectType,
    ResultReason,
    State,
    ValidityIndicator,
)
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import Certificate, CertificateRequest
from keystead.kmip.payloads.certify import (
    CertifyRequest,
    CertifyResponse,
    ReCertifyRequest,
    ReCertifyResponse,
    ValidateRequest,
    ValidateResponse,
)
from keystead.kmip.tags import Tag
from keystead.pki.issue import Rules, Wish, first_second, issue, read_request, subject_of
from keystead.pki.validate import MOST_CERTIFICATES, Verdict, validate

_R = ResultReason
_Asked = dict[AttributeName, tuple[Attribute, ...]]
_SUBJECT: Final = {
    Tag.CERTIFICATE_SUBJECT_C: NameOID.COUNTRY_NAME,
    Tag.CERTIFICATE_SUBJECT_ST: NameOID.STATE_OR_PROVINCE_NAME,
    Tag.CERTIFICATE_SUBJECT_L: NameOID.LOCALITY_NAME,
    Tag.CERTIFICATE_SUBJECT_O: NameOID.ORGANIZATION_NAME,
    Tag.CERTIFICATE_SUBJECT_OU: NameOID.ORGANIZATIONAL_UNIT_NAME,
    Tag.CERTIFICATE_SUBJECT_CN: NameOID.COMMON_NAME,
}
"""The attributes that a request may name a subject by, in the order of the name."""
_OF_CERTIFICATES: Final = frozenset(
    tag
    for tag, row in ATTRIBUTES.items()
    if row.set_by is Party.SERVER and row.applies_to <= {ObjectType.CERTIFICATE, ObjectType.PGP_KEY}
) | {Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH, Tag.DIGITAL_SIGNATURE_ALGORITHM}
"""What follows from the certificate itself."""
_VERDICTS: Final = {
    Verdict.VALID: ValidityIndicator.VALID,
    Verdict.INVALID: ValidityIndicator.INVALID,
    Verdict.UNKNOWN: ValidityIndicator.UNKNOWN,
}
_REVOKED: Final = frozenset({State.DEACTIVATED, State.COMPROMISED, State.DESTROYED_COMPROMISED})


@dataclass(frozen=True, slots=True)
class _Issuer:
    """Who issues; managed, its certificate, and key are None for the server's own authority."""

    certificate: x509.Certificate
    private_key: Any = field(repr=False)
    rules: Rules
    managed: Managed | None = None
    key: Managed | None = None


# --- Certify ----------------------------------------------------------------------------------------------------------


@handles(CertifyRequest, changes=True)
def certify(context: Context, request: CertifyRequest) -> CertifyResponse:
    """Issue a certificate for a public key, or for a certificate request.

    Raises:
        OperationFailed: Invalid CSR, Permission Denied, Invalid Object Type, Feature Not Supported.
    """
    subject, attributes = _without_subject(request.attributes)
    asked = requested(context, ObjectType.CERTIFICATE, attributes)
    public, wish = _wish(
        context,
        request.unique_identifier,
        request.certificate_request_type,
        request.certificate_request_value,
        subject,
    )
    managed = issued(context, wish, asked, public)
    if public is not None:
        current = context.turn.fetch(public.unique_identifier) or public
        context.save(current.add(Tag.CERTIFICATE_LINK, managed.unique_identifier))
    context.placeholder = managed.unique_identifier
    return CertifyResponse(unique_identifier=managed.unique_identifier)


def issued(context: Context, wish: Wish, asked: _Asked, public: Managed | None = None) -> Managed:
    """Issue what is wished for, by the authority that a Certificate Link names or by the server's own, and keep it.

    Raises:
        OperationFailed: as Certify.
    """
    return _issued(context, _issuer(context, asked), wish, asked, public)


def revoked_here(context: Context, subject: bytes, peer: str) -> bool:
    """Whether a certificate of a subject and a fingerprint is kept here and was revoked."""
    return any(
        managed.state(context.now) in _REVOKED
        and not managed.destroyed
        and peer_of(_certificate(context, managed).public_bytes(Encoding.DER)) == peer
        for managed in _of_subject(context, subject)
    )


def _without_subject(attributes: Attributes | None) -> tuple[x509.Name | None, Attributes | None]:
    """Take the parts of a subject out of a list of attributes."""
    if attributes is None:
        return None, None
    parts = [(oid, str(value)) for tag, oid in _SUBJECT.items() for value in attributes.all(tag)]
    rest = tuple(attribute for attribute in attributes if attribute.name not in _SUBJECT)
    return subject_of(parts) if parts else None, replace(attributes, items=rest)


def _wish(
    context: Context,
    unique_identifier: UniqueIdentifier | None,
    request_type: CertificateRequestType | None,
    request_value: bytes | None,
    subject: x509.Name | None,
) -> tuple[Managed | None, Wish]:
    """What is to be certified, and the public key that is here."""
    if (request_type is None) != (request_value is None):
        raise OperationFailed(_R.INVALID_MESSAGE, "a certificate request goes with its type")
    public = None
    if unique_identifier is not None or context.placeholder is not None or request_value is None:
        named = context.object(unique_identifier)
        if named.object_type is ObjectType.CERTIFICATE_REQUEST and request_value is None:
            content = context.material(named)
            assert isinstance(content, CertificateRequest)
            request_type, request_value = content.certificate_request_type, content.certificate_request_value
        elif named.object_type is ObjectType.PUBLIC_KEY:
            public = named
        elif unique_identifier is not None:
            raise OperationFailed(_R.INVALID_OBJECT_TYPE, "a public key or a certificate request is certified")
    if request_value is not None and request_type is not None:
        wish = read_request(request_value, request_type)
        if public is not None and use.loaded_key(context, public) != wish.public_key:
            raise OperationFailed(_R.INVALID_CSR, "the certificate request is not of this public key")
        return public, wish
    if public is None:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "a public key or a certificate request is certified")
    name = subject or subject_of([(NameOID.COMMON_NAME, context.caller.name)])
    return public, Wish(name, use.loaded_key(context, public))


def _issuer(context: Context, asked: _Asked) -> _Issuer:
    linked = asked.get(Tag.CERTIFICATE_LINK)
    if linked:
        return _managed_issuer(context, context.object(linked[0].value))
    authority = context.engine.authority
    if authority is None:
        raise OperationFailed(
            _R.FEATURE_NOT_SUPPORTED, "the server has no authority of its own; name one by a Certificate Link"
        )
    rules = context.engine.issuing or Rules(common_name=context.caller.name)
    return _Issuer(authority.certificate, authority.private_key, rules)


def _managed_issuer(context: Context, managed: Managed) -> _Issuer:
    """An authority that is here: its certificate, and the private key that belongs to it."""
    certificate = _certificate(context, managed)
    link = managed.get(Tag.PRIVATE_KEY_LINK)
    if link is None:
        public_link = managed.get(Tag.PUBLIC_KEY_LINK)
        link = None if public_link is None else context.object(public_link).get(Tag.PRIVATE_KEY_LINK)
    if link is None:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the issuer's certificate links to no private key")
    private = use.check(context, context.object(link), CryptographicUsageMask.CERTIFICATE_SIGN)
    if private.object_type is not ObjectType.PRIVATE_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the issuer's certificate links to no private key")
    if managed.state(context.now) in _REVOKED:
        raise OperationFailed(_R.WRONG_KEY_LIFECYCLE_STATE, "the issuer's certificate is revoked")
    key = use.loaded_key(context, private)
    if key.public_key() != certificate.public_key():
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the private key is not that of the issuer's certificate")
    return _Issuer(certificate, key, Rules(dns_suffixes=None), managed, private)


def _certificate(context: Context, managed: Managed) -> x509.Certificate:
    content = context.material(managed)
    if not isinstance(content, Certificate):
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the object is not a certificate")
    return _loaded(content.certificate_value)


def _loaded(value: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(value)
    except ValueError:
        raise OperationFailed(_R.INVALID_FIELD, "this is not an X.509 certificate in DER") from None


def _issued(
    context: Context,
    issuer: _Issuer,
    wish: Wish,
    asked: _Asked,
    public: Managed | None,
    unique_identifier: str | None = None,
    owner: str | None = None,
) -> Managed:
    """Issue and keep a certificate."""
    issuer.rules.check(wish)
    dates = {
        name: found[0].value
        for name in (Tag.ACTIVATION_DATE, Tag.DEACTIVATION_DATE)
        if (found := asked.get(name)) is not None
    }
    value = issue(
        issuer.certificate,
        issuer.private_key,
        wish,
        dates.get(Tag.ACTIVATION_DATE, first_second(context.now)),
        dates.get(Tag.DEACTIVATION_DATE),
    )
    if issuer.key is not None:
        use.used(context, issuer.key, 0, CryptographicUsageMask.CERTIFICATE_SIGN)
    content = Certificate(certificate_type=CertificateType.X_509, certificate_value=value)
    facts = certificate_attributes(content)
    if public is not None:
        facts[Tag.PUBLIC_KEY_LINK] = public.unique_identifier
    if issuer.managed is not None:
        facts[Tag.CERTIFICATE_LINK] = issuer.managed.unique_identifier
    managed = new(
        context, ObjectType.CERTIFICATE, asked, generated=False, facts=facts, unique_identifier=unique_identifier,
        owner=owner,
    )  # fmt: skip
    return context.add(managed, content)


# --- Re-certify -------------------------------------------------------------------------------------------------------


@handles(ReCertifyRequest, changes=True)
def re_certify(context: Context, request: ReCertifyRequest) -> ReCertifyResponse:
    """Renew a certificate for the same key.

    Raises:
        OperationFailed: as Certify; Invalid Message, Invalid Field for the Offset.
    """
    existing = context.object(request.unique_identifier)
    if existing.object_type is not ObjectType.CERTIFICATE:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Re-certify renews certificates")
    before = _certificate(context, existing)
    link = existing.get(Tag.PUBLIC_KEY_LINK)
    public = None if link is None else context.object(link)
    request_type, request_value = request.certificate_request_type, request.certificate_request_value
    if request.certificate_request_unique_identifier is not None:
        content = context.material(context.object(request.certificate_request_unique_identifier))
        if not isinstance(content, CertificateRequest):
            raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the object is not a certificate request")
        request_type, request_value = content.certificate_request_type, content.certificate_request_value
    if request_value is not None and request_type is not None:
        wish = read_request(request_value, request_type)
        if wish.public_key != before.public_key():
            raise OperationFailed(_R.INVALID_CSR, "a certificate is renewed for the same key")
    else:
        key: Any = before.public_key()
        wish = Wish(before.subject, key, _names(before))
    subject, attributes = _without_subject(request.attributes)
    if subject is not None and request_value is None:
        wish = replace(wish, subject=subject)
    asked = replacement_attributes(context, existing, request.offset, attributes)
    asked = {name: found for name, found in asked.items() if name not in _OF_CERTIFICATES}
    if Tag.CERTIFICATE_LINK in existing.attributes and Tag.CERTIFICATE_LINK not in asked:
        asked[Tag.CERTIFICATE_LINK] = existing.attributes[Tag.CERTIFICATE_LINK]
    issuer = _issuer(context, asked)
    if issuer.certificate.subject != before.issuer:
        raise OperationFailed(_R.PERMISSION_DENIED, "the certificate is another authority's")
    own = context.engine.identifiers.new()
    replaced(context, existing, own)
    managed = _issued(context, issuer, wish, asked, public, own, existing.owner)
    if public is not None:
        links = tuple(
            replace(instance, value=own) if instance.value == existing.unique_identifier else instance
            for instance in public.attributes.get(Tag.CERTIFICATE_LINK, ())
        )
        context.save(public.with_instances(Tag.CERTIFICATE_LINK, links))
    context.placeholder = managed.unique_identifier
    return ReCertifyResponse(unique_identifier=managed.unique_identifier)


def _names(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    try:
        return tuple(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()


# --- Validate ---------------------------------------------------------------------------------------------------------


@handles(ValidateRequest)
def validate_(context: Context, request: ValidateRequest) -> ValidateResponse:
    """Say whether a chain of certificates is valid at a date.

    Trusted are the server's own authority and the roots that the caller registered or may see; certificates that are
    revoked here are not valid.  The caller's own certificates complete a path.

    Raises:
        OperationFailed: Invalid Field, Invalid Object Type, Object Not Found.
    """
    if len(request.certificate) + len(request.unique_identifier) > MOST_CERTIFICATES:
        raise OperationFailed(_R.INVALID_FIELD, f"a chain has at most {MOST_CERTIFICATES} certificates")
    managed = [context.object(identifier) for identifier in request.unique_identifier]
    if not managed and not request.certificate:
        raise OperationFailed(_R.INVALID_FIELD, "there is nothing to validate")
    chain = [_loaded(certificate.certificate_value) for certificate in request.certificate]
    chain += [_certificate(context, each) for each in managed]
    known = {each.unique_identifier: each for each in (*managed, *_relevant(context, chain))}
    certificates = {each.unique_identifier: _certificate(context, each) for each in known.values()}
    anchors = [one for one in certificates.values() if one.issuer == one.subject]
    if context.engine.authority is not None:
        anchors.append(context.engine.authority.certificate)
    revoked = {
        certificates[identifier].public_bytes(Encoding.DER)
        for identifier, each in known.items()
        if each.state(context.now) in _REVOKED
    }
    moment = context.now if request.validity_date is None else request.validity_date
    verdict = validate(chain, anchors, moment, revoked, certificates.values())
    return ValidateResponse(validity_indicator=_VERDICTS[verdict])


def _relevant(context: Context, chain: list[x509.Certificate]) -> list[Managed]:
    """The caller's certificates whose subjects stand in a chain, and those of their issuers in turn."""
    found: dict[str, Managed] = {}
    wanted = [name for certificate in chain for name in (certificate.subject, certificate.issuer)]
    seen: set[bytes] = set()
    while wanted and len(found) < MOST_CERTIFICATES:
        subject = wanted.pop().public_bytes()
        if subject in seen:
            continue
        seen.add(subject)
        for managed in _of_subject(context, subject):
            if managed.unique_identifier not in found and not managed.destroyed and not managed.archived:
                found[managed.unique_identifier] = managed
                wanted.append(_certificate(context, managed).issuer)
    return list(found.values())


def _of_subject(context: Context, subject: bytes) -> list[Managed]:
    number, value = part_condition(Tag.X_509_CERTIFICATE_SUBJECT, subject_distinguished_name=subject)
    equal = ((number, context.engine.vault.blind(context.caller.domain, number, value)),)
    identifiers, _ = context.find(context.criteria(equal=equal, maximum_items=MOST_CERTIFICATES))
    return [found for identifier in identifiers if (found := context.turn.fetch(identifier)) is not None]
