"""What each attribute means, in a sentence, and a value of it to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keystead.kmip.attributes import ATTRIBUTES, LINK_TYPES
from keystead.kmip.enums import OpaqueDataType
from keystead.kmip.tags import Tag
from tools.examples import KEY, OTHER, TIME, UID, VALUE

T = Tag
DAY: Final = 86_400
_DN: Final = "CN=web.example.org,O=Example"

_WRITTEN: Final[Mapping[Tag, tuple[str, Any]]] = {
    T.UNIQUE_IDENTIFIER: ("Names the object, for ever.", UID),
    T.NAME: ("A name that its owner gave the object; no two of an owner's objects have the same one.", "first"),
    T.OBJECT_TYPE: ("What the object is.", "SymmetricKey"),
    T.CRYPTOGRAPHIC_ALGORITHM: ("The algorithm that the key is for.", "AES"),
    T.CRYPTOGRAPHIC_LENGTH: ("The length of the key in bits.", 256),
    T.CRYPTOGRAPHIC_PARAMETERS: (
        "Mode, padding, hash and the like: what is taken where a request does not say any.",
        {"block_cipher_mode": "GCM", "tag_length": 16},
    ),
    T.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: ("The curve of an elliptic key, or the group.", {"recommended_curve": "P-256"}),
    T.CERTIFICATE_TYPE: ("The kind of certificate.", "X_509"),
    T.CERTIFICATE_IDENTIFIER: ("Issuer and serial number of a certificate.", {"issuer": _DN, "serial_number": "01"}),
    T.CERTIFICATE_SUBJECT: (
        "Whom a certificate is for.",
        {"certificate_subject_distinguished_name": _DN},
    ),
    T.CERTIFICATE_ISSUER: ("Who issued a certificate.", {"certificate_issuer_distinguished_name": _DN}),
    T.CERTIFICATE_LENGTH: ("The length of a certificate in bytes.", 512),
    T.X_509_CERTIFICATE_IDENTIFIER: (
        "Issuer and serial number of a certificate, in DER.",
        {"issuer_distinguished_name": VALUE, "certificate_serial_number": b"\1"},
    ),
    T.X_509_CERTIFICATE_SUBJECT: ("Whom a certificate is for, in DER.", {"subject_distinguished_name": VALUE}),
    T.X_509_CERTIFICATE_ISSUER: ("Who issued a certificate, in DER.", {"issuer_distinguished_name": VALUE}),
    T.DIGITAL_SIGNATURE_ALGORITHM: ("How a certificate is signed.", "ECDSA with SHA256"),
    T.CERTIFICATE_SUBJECT_DN: ("The whole name of a certificate's subject.", _DN),
    T.CERTIFICATE_ISSUER_DN: ("The whole name of a certificate's issuer.", _DN),
    T.DIGEST: (
        "A hash of the object's material, for each format that it is known in.",
        {"hashing_algorithm": "SHA-256", "digest_value": KEY, "key_format_type": "Raw"},
    ),
    T.OPERATION_POLICY_NAME: ("The name of a policy that governs the object.", "default"),
    T.CRYPTOGRAPHIC_USAGE_MASK: ("What the object may be used for.", "Encrypt|Decrypt"),
    T.LEASE_TIME: ("How long a client may use the object before it asks again.", 3600),
    T.USAGE_LIMITS: (
        "How much the key may still protect.",
        {"usage_limits_total": 1000, "usage_limits_count": 1000, "usage_limits_unit": "Object"},
    ),
    T.STATE: ("Where the object is in its life; it follows from the dates.", "Active"),
    T.INITIAL_DATE: ("When the object came here.", TIME),
    T.ACTIVATION_DATE: ("From when the object is Active.", TIME + DAY),
    T.PROCESS_START_DATE: ("From when a symmetric key may process what is protected.", TIME + 2 * DAY),
    T.PROTECT_STOP_DATE: ("Until when a symmetric key may protect.", TIME + 3 * DAY),
    T.DEACTIVATION_DATE: ("From when the object is Deactivated.", TIME + 4 * DAY),
    T.DESTROY_DATE: ("When the object was destroyed.", TIME),
    T.COMPROMISE_OCCURRENCE_DATE: ("When the object may first have been compromised.", TIME),
    T.COMPROMISE_DATE: ("When the object was said to be compromised.", TIME),
    T.REVOCATION_REASON: ("Why the object was revoked.", {"revocation_reason_code": "Superseded"}),
    T.ARCHIVE_DATE: ("When the object was archived; it is archived while it has this.", TIME),
    T.OBJECT_GROUP: ("The name of a group that the object is in.", "backups"),
    T.FRESH: ("Whether the object has not been handed out yet.", True),
    T.APPLICATION_SPECIFIC_INFORMATION: (
        "What an application wants to find the object by: a namespace, and data in it.",
        {"application_namespace": "ssl", "application_data": "www.example.org"},
    ),
    T.CONTACT_INFORMATION: ("Whom to ask about the object.", "ops@example.org"),
    T.LAST_CHANGE_DATE: ("When the object or an attribute of it last changed.", TIME),
    T.ALTERNATIVE_NAME: (
        "Another name, which need not be the only one of its kind.",
        {"alternative_name_value": "https://example.org/keys/1", "alternative_name_type": "URI"},
    ),
    T.KEY_VALUE_PRESENT: ("Whether the server has the key's value.", True),
    T.KEY_VALUE_LOCATION: (
        "Where the key's value is, if it is not here.",
        {"key_value_location_value": "safe 3", "key_value_location_type": "UninterpretedTextString"},
    ),
    T.ORIGINAL_CREATION_DATE: ("When the object was made, here or elsewhere.", TIME),
    T.RANDOM_NUMBER_GENERATOR: ("What made the random bits of the key.", {"rng_algorithm": "DRBG"}),
    T.PKCS_12_FRIENDLY_NAME: ("The name by which the key stands in a PKCS#12 file.", "web"),
    T.DESCRIPTION: ("What the object is for, in the owner's words.", "the key of the web server"),
    T.COMMENT: ("A remark.", "made for the audit of 2026"),
    T.SENSITIVE: ("Whether the object leaves the server only wrapped; it cannot be taken back.", True),
    T.ALWAYS_SENSITIVE: ("Whether the object has been Sensitive all its life.", True),
    T.EXTRACTABLE: ("Whether the object may leave the server at all; what is taken away cannot be given back.", False),
    T.NEVER_EXTRACTABLE: ("Whether the object could never leave the server.", True),
    T.KEY_FORMAT_TYPE: ("The format in which the key is kept.", "Raw"),
    T.NIST_KEY_TYPE: ("The kind of key as SP 800-57 names it.", "SymmetricDataEncryptionKey"),
    T.OPAQUE_DATA_TYPE: (
        "What the bytes of an opaque object are; only extensions are defined.",
        OpaqueDataType.unlisted(0x80000000),
    ),
    T.PROTECTION_LEVEL: ("How well the client wants the object to be protected.", "High"),
    T.PROTECTION_PERIOD: ("For how long the client wants the object to be protected.", 31_536_000),
    T.PROTECTION_STORAGE_MASK: ("Where the object is kept.", "Software"),
    T.QUANTUM_SAFE: ("Whether the object must withstand a quantum computer.", True),
    T.SHORT_UNIQUE_IDENTIFIER: (
        "A short name of the object: the first 16 bytes of a hash of its identifier.",
        KEY[:16],
    ),
    T.ROTATE_AUTOMATIC: ("Whether the object is to be rotated by the server.", True),
    T.ROTATE_DATE: ("When the object was rotated.", TIME),
    T.ROTATE_GENERATION: ("How often the object has been rotated.", 1),
    T.ROTATE_INTERVAL: ("How often the object is to be rotated.", 90 * DAY),
    T.ROTATE_LATEST: ("Whether the object is the newest of those that were rotated.", True),
    T.ROTATE_NAME: (
        "A name that goes to the newest of those that were rotated.",
        {"rotate_name_value": "backup", "rotate_name_type": "UninterpretedTextString"},
    ),
    T.ROTATE_OFFSET: ("How long before the object is active its successor is made.", DAY),
    T.CERTIFY_COUNTER: ("How often the key has certified.", 0),
    T.DECRYPT_COUNTER: ("How often the key has decrypted.", 0),
    T.ENCRYPT_COUNTER: ("How often the key has encrypted.", 0),
    T.SIGN_COUNTER: ("How often the key has signed.", 0),
    T.SIGNATURE_VERIFY_COUNTER: ("How often the key has verified a signature.", 0),
    T.CREDENTIAL_TYPE: ("The kind of a credential.", "Password"),
    T.DEACTIVATION_REASON: ("Why the object was deactivated.", {"deactivation_reason_code": "UsageLimit"}),
    T.KEY_PART_IDENTIFIER: ("Which part of a split key this is.", 1),
    T.NIST_SECURITY_CATEGORY: ("How strong the object is, in NIST's categories 1 to 5.", 3),
    T.OBJECT_CLASS: ("Whether the object is a user's or one of the system, such as a user itself.", "User"),
    T.OTP_COUNTER: ("Where the counter of one-time passwords stands.", VALUE),
    T.SPLIT_KEY_METHOD: ("How the key was split.", "PolynomialSharingGF2_8"),
    T.SPLIT_KEY_PARTS: ("How many parts there are.", 3),
    T.SPLIT_KEY_THRESHOLD: ("How many parts are needed.", 2),
    T.SPLIT_KEY_POLYNOMIAL: ("The polynomial of the field in which the key was split.", "Polynomial285"),
}
_PARTS: Final = {
    "CN": ("common name", "web.example.org"),
    "O": ("organisation", "Example"),
    "OU": ("organisational unit", "Operations"),
    "EMAIL": ("e-mail address", "ops@example.org"),
    "C": ("country", "NO"),
    "ST": ("state or province", "Oslo"),
    "L": ("locality", "Oslo"),
    "UID": ("user identifier", "web"),
    "SERIAL_NUMBER": ("serial number", "42"),
    "TITLE": ("title", "Dr"),
    "DC": ("domain component", "example"),
    "DN_QUALIFIER": ("qualifier of the name", "2026"),
}
_LINKED: Final[Mapping[Tag, str]] = {
    T.CERTIFICATE_LINK: "a certificate of this key, or the certificate that issued this one",
    T.PUBLIC_KEY_LINK: "the public key of this private key or certificate",
    T.PRIVATE_KEY_LINK: "the private key of this public key",
    T.DERIVATION_OBJECT_LINK: "what this object was derived from",
    T.DERIVED_OBJECT_LINK: "what was derived from this object",
    T.REPLACEMENT_OBJECT_LINK: "what took the place of this object",
    T.REPLACED_OBJECT_LINK: "what this object took the place of",
    T.PARENT_LINK: "an object above this one",
    T.CHILD_LINK: "an object below this one",
    T.PREVIOUS_LINK: "the object before this one",
    T.NEXT_LINK: "the object after this one",
    T.PKCS_12_CERTIFICATE_LINK: "the certificate that goes with this key into a PKCS#12 file",
    T.PKCS_12_PASSWORD_LINK: "the password of a PKCS#12 file with this key",
    T.WRAPPING_KEY_LINK: "the key that this object is wrapped by",
    T.CERTIFICATE_REQUEST_LINK: "the request that this certificate was issued for",
    T.CREDENTIAL_LINK: "a credential by which this user is known",
    T.GROUP_LINK: "a group that this object is in",
    T.JOINED_SPLIT_KEY_PARTS_LINK: "a part that this key was joined of",
    T.PASSWORD_LINK: "the password of this object",
    T.SPLIT_KEY_BASE_LINK: "the key that this part was split from",
}


def _meaning(tag: Tag) -> tuple[str, Any]:
    if tag in _WRITTEN:
        return _WRITTEN[tag]
    if tag in LINK_TYPES or tag in _LINKED:
        return f"Points to {_LINKED[tag]}.", OTHER
    party, _, part = tag.name.removeprefix("CERTIFICATE_").partition("_")
    said, value = _PARTS[part]
    return f"The {said} in the name of a certificate's {party.lower()}.", value


MEANINGS: Final[Mapping[Tag, tuple[str, Any]]] = {tag: _meaning(tag) for tag in ATTRIBUTES}
"""An attribute → what it means, and a value as `keystead call` takes it."""
