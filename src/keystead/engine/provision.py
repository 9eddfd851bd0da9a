"""Re-Provision: a client gets another certificate to connect by, and the one that it had lets nobody in any more.

The new one is in the client's own name: the subject of the one before.  So nobody takes over, by bringing it, the
certificate of somebody who is to be enrolled later.

Source: KMIP 2.0 section 6.1.44; 2.1 section 6.1.48.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509

from keystead.engine import identities
from keystead.engine.certify import issued, revoked_here
from keystead.engine.context import Context
from keystead.engine.create import add_pair, make_pair
from keystead.engine.handlers import handles
from keystead.engine.making import requested
from keystead.engine.managed import Managed
from keystead.engine.register import keep
from keystead.engine.use import loaded_key
from keystead.errors import OperationFailed
from keystead.kmip.attributes import AttributeName, Attributes
from keystead.kmip.enums import CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ResultReason
from keystead.kmip.objects import Certificate
from keystead.kmip.payloads.rekey import ReProvisionRequest, ReProvisionResponse
from keystead.kmip.tags import Tag
from keystead.pki.issue import Wish, read_request

_R = ResultReason
_KEY: Final[Mapping[AttributeName, Any]] = {
    Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.EC,
    Tag.CRYPTOGRAPHIC_LENGTH: 256,
}


@handles(ReProvisionRequest, changes=True)
def re_provision(context: Context, request: ReProvisionRequest) -> ReProvisionResponse:
    """Replace the credential that the client connects by.

    By a certificate request the server issues a certificate; a certificate that is given is taken; with neither, the
    server makes a key pair as well, whose private key is fetched by Get (in PKCS#12, with its certificate).

    Raises:
        OperationFailed: Permission Denied, for a user or a device, a certificate of another name, or where the present
            one is revoked or has expired; Invalid Field; Feature Not Supported, without an authority of the server's
            own; Object Already Exists; those of Certify.
    """
    client = _client(context)
    if request.certificate_request is not None and request.certificate is not None:
        raise OperationFailed(_R.INVALID_FIELD, "a certificate is given, or a request for one, not both")
    answer: Managed
    if request.certificate is not None:
        answer = certificate = keep(
            context, ObjectType.CERTIFICATE, request.certificate, requested(context, ObjectType.CERTIFICATE)
        )
    elif request.certificate_request is not None:
        asked = request.certificate_request
        wish = read_request(asked.certificate_request_value, asked.certificate_request_type)
        answer = certificate = issued(context, wish, requested(context, ObjectType.CERTIFICATE))
    else:
        answer, certificate = _made(context, client)
    content = context.material(certificate)
    assert isinstance(content, Certificate)
    new = _loaded(content.certificate_value)
    if new.subject.rfc4514_string() != client.subject:
        raise OperationFailed(_R.PERMISSION_DENIED, "a client's certificate is in its own name")
    if not new.not_valid_before_utc.timestamp() <= context.now < new.not_valid_after_utc.timestamp():
        raise OperationFailed(_R.INVALID_FIELD, "the certificate is not valid now")
    try:
        identities.rebind(context.transaction, client, content.certificate_value)
    except ValueError:
        raise OperationFailed(_R.INVALID_FIELD, "this is not an X.509 certificate in DER") from None
    context.placeholder = answer.unique_identifier
    return ReProvisionResponse(unique_identifier=answer.unique_identifier)


def _client(context: Context) -> identities.Client:
    """The client whose certificate the message came over, if that may be replaced."""
    caller = context.caller
    found = None if caller.by_credential else identities.by_identity(context.transaction, caller.identity)
    if found is None:
        raise OperationFailed(_R.PERMISSION_DENIED, "only a client that is known by its certificate gets another one")
    if found.not_after <= context.now:
        raise OperationFailed(_R.PERMISSION_DENIED, "the client's certificate has expired; have an operator enrol it")
    subject = x509.Name.from_rfc4514_string(found.subject).public_bytes()
    if revoked_here(context, subject, found.peer):
        raise OperationFailed(_R.PERMISSION_DENIED, "the client's certificate is revoked; have an operator enrol it")
    return found


def _made(context: Context, client: identities.Client) -> tuple[Managed, Managed]:
    """A key pair on P-256, and a certificate for it in the client's name."""
    one, other = (
        requested(context, kind, Attributes.of({**_KEY, Tag.CRYPTOGRAPHIC_USAGE_MASK: mask}))
        for kind, mask in (
            (ObjectType.PRIVATE_KEY, CryptographicUsageMask.SIGN),
            (ObjectType.PUBLIC_KEY, CryptographicUsageMask.VERIFY),
        )
    )
    private, public = add_pair(context, make_pair(context, one, other), one, other)
    wish = Wish(x509.Name.from_rfc4514_string(client.subject), loaded_key(context, public))
    certificate = issued(context, wish, requested(context, ObjectType.CERTIFICATE), public)
    for half in (private, public):
        current = context.turn.fetch(half.unique_identifier) or half
        context.save(current.add(Tag.CERTIFICATE_LINK, certificate.unique_identifier))
    return context.turn.fetch(private.unique_identifier) or private, certificate


def _loaded(value: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(value)
    except ValueError:
        raise OperationFailed(_R.INVALID_FIELD, "this is not an X.509 certificate in DER") from None
