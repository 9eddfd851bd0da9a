"""What the attributes of a certificate object say of the certificate.

Source: KMIP 1.4 sections 3.8 to 3.16; 2.1 sections 4.5 to 4.9 and 4.61 to 4.63.
"""

from __future__ import annotations

from typing import Any, Final

from keystead.crypto.certificates import CertificateFacts, DistinguishedName, certificate_facts
from keystead.engine.making import digest_of
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES, AttributeName
from keystead.kmip.enums import CertificateType, KeyFormatType, ResultReason
from keystead.kmip.objects import Certificate
from keystead.kmip.structures import (
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)
from keystead.kmip.tags import Tag

_PARTS: Final = ("cn", "o", "ou", "email", "c", "st", "l", "uid", "serial_number", "title", "dc", "dn_qualifier")


def certificate_attributes(certificate: Certificate) -> dict[AttributeName, Any]:
    """The attributes that follow from a certificate; a list where there are several instances.

    Raises:
        OperationFailed: Invalid Field; it is not an X.509 certificate in DER.
    """
    value = certificate.certificate_value
    found: dict[AttributeName, Any] = {
        Tag.CERTIFICATE_TYPE: certificate.certificate_type,
        Tag.CERTIFICATE_LENGTH: len(value),
        Tag.DIGEST: digest_of(value, KeyFormatType.X_509),
        Tag.KEY_FORMAT_TYPE: KeyFormatType.X_509,
    }
    if certificate.certificate_type is not CertificateType.X_509:
        raise OperationFailed(ResultReason.INVALID_FIELD, f"{certificate.certificate_type} certificates are not kept")
    facts = certificate_facts(value)
    found |= {
        Tag.CRYPTOGRAPHIC_ALGORITHM: facts.cryptographic_algorithm,
        Tag.CRYPTOGRAPHIC_LENGTH: facts.cryptographic_length,
        Tag.DIGITAL_SIGNATURE_ALGORITHM: facts.digital_signature_algorithm,
    }
    return found | _identifiers(facts) | _texts("SUBJECT", facts.subject) | _texts("ISSUER", facts.issuer)


def _identifiers(facts: CertificateFacts) -> dict[AttributeName, Any]:
    return {
        Tag.X_509_CERTIFICATE_IDENTIFIER: X509CertificateIdentifier(
            issuer_distinguished_name=facts.issuer.der, certificate_serial_number=facts.serial_number_bytes
        ),
        Tag.X_509_CERTIFICATE_SUBJECT: X509CertificateSubject(
            subject_distinguished_name=facts.subject.der, subject_alternative_name=facts.subject_alternative_names
        ),
        Tag.X_509_CERTIFICATE_ISSUER: X509CertificateIssuer(
            issuer_distinguished_name=facts.issuer.der, issuer_alternative_name=facts.issuer_alternative_names
        ),
        Tag.CERTIFICATE_IDENTIFIER: CertificateIdentifier(
            issuer=facts.issuer.text, serial_number=facts.serial_number_bytes.hex()
        ),
        Tag.CERTIFICATE_SUBJECT: CertificateSubject(
            certificate_subject_distinguished_name=facts.subject.text,
            certificate_subject_alternative_name=facts.subject_alternative_texts,
        ),
        Tag.CERTIFICATE_ISSUER: CertificateIssuer(
            certificate_issuer_distinguished_name=facts.issuer.text,
            certificate_issuer_alternative_name=facts.issuer_alternative_texts,
        ),
    }


def _texts(party: str, name: DistinguishedName) -> dict[AttributeName, Any]:
    found: dict[AttributeName, Any] = {}
    for part in _PARTS:
        tag = Tag.__members__.get(f"CERTIFICATE_{party}_{part.upper()}")
        values = getattr(name, part)
        if tag is not None and tag in ATTRIBUTES and values:
            found[tag] = list(values)
    found[Tag[f"CERTIFICATE_{party}_DN"]] = [name.text]
    return found
