"""What the example messages of the reference say: for each operation, the fields of a request and of its response.

The values are those that `keystead call` takes.  They are examples: the keys are counted up, not random.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keystead.client.objects import make_object
from keystead.kmip.enums import ObjectType
from keystead.kmip.enums import Operation as O
from keystead.kmip.objects import PasswordCredential

UID: Final = "01a20b00-0000-7000-8000-0000000000a1"
OTHER: Final = "01a20b00-0000-7000-8000-0000000000b2"
THIRD: Final = "01a20b00-0000-7000-8000-0000000000c3"
KEY: Final = bytes(range(32))
VALUE: Final = bytes(range(8))
IV: Final = bytes(range(12))
TAG: Final = bytes(range(16))
TIME: Final = 1_767_225_600
"""2026-01-01T00:00:00Z."""
_AES: Final = make_object(ObjectType.SYMMETRIC_KEY, KEY, cryptographic_algorithm="AES")
_ID: Final[Mapping[str, Any]] = {"unique_identifier": UID}
_GCM: Final = {"block_cipher_mode": "GCM", "tag_length": 16}
_PSS: Final = {"padding_method": "PSS", "hashing_algorithm": "SHA-256", "digital_signature_algorithm": "RSASSA-PSS"}
_TICKET: Final = {"ticket_type": "Login", "ticket_value": VALUE}
_WAITING: Final = {"asynchronous_correlation_value": VALUE}

Fields = Mapping[str, Any]
EXAMPLES: Final[Mapping[O, tuple[Fields, Fields]]] = {
    O.CREATE: (
        {"object_type": "SymmetricKey", "algorithm": "AES", "length": 256, "usage": "Encrypt|Decrypt", "name": "first"},
        {"object_type": "SymmetricKey", **_ID},
    ),
    O.CREATE_KEY_PAIR: (
        {"common.algorithm": "RSA", "common.length": 3072, "private.usage": "Sign", "public.usage": "Verify"},
        {"private_key_unique_identifier": UID, "public_key_unique_identifier": OTHER},
    ),
    O.REGISTER: (
        {"object_type": "SecretData", "secret_data_type": "Password", "material": b"correct horse", "name": "db"},
        _ID,
    ),
    O.DERIVE_KEY: (
        {
            "object_type": "SymmetricKey",
            "unique_identifier": [UID],
            "derivation_method": "HKDF",
            "derivation_parameters": {
                "cryptographic_parameters": {"hashing_algorithm": "SHA-256"},
                "derivation_data": b"backup 2026",
            },
            "attributes": {"cryptographic_algorithm": "AES", "cryptographic_length": 256},
        },
        {"unique_identifier": OTHER},
    ),
    O.IMPORT: (
        {**_ID, "object_type": "SymmetricKey", "attributes": {"name": "moved"}, "object": _AES},
        _ID,
    ),
    O.CREATE_SPLIT_KEY: (
        {
            "object_type": "SymmetricKey",
            **_ID,
            "split_key_parts": 3,
            "split_key_threshold": 2,
            "split_key_method": "Polynomial Sharing GF (2^8)",
            "attributes": {},
        },
        {"unique_identifier": [UID, OTHER, THIRD]},
    ),
    O.JOIN_SPLIT_KEY: (
        {
            "object_type": "SymmetricKey",
            "unique_identifier": [UID, OTHER],
            "attributes": {"cryptographic_algorithm": "AES", "cryptographic_length": 256},
        },
        {"unique_identifier": THIRD},
    ),
    O.CREATE_USER: ({"attributes": {"name": "carol"}}, _ID),
    O.CREATE_GROUP: ({"attributes": {"name": "databases"}}, _ID),
    O.CREATE_CREDENTIAL: (
        {
            "credential_type": "Username and Password",
            "attributes": {"name": "carol's password"},
            "object": PasswordCredential(salted_password=KEY, password_salt=VALUE),
        },
        _ID,
    ),
    O.RE_KEY: ({**_ID, "offset": 0}, {"unique_identifier": OTHER}),
    O.RE_KEY_KEY_PAIR: (
        {"private_key_unique_identifier": UID},
        {"private_key_unique_identifier": OTHER, "public_key_unique_identifier": THIRD},
    ),
    O.RE_PROVISION: ({}, {}),
    O.LOCATE: (
        {"maximum_items": 10, "attributes": {"name": "first", "state": "Active"}},
        {"located_items": 1, "unique_identifier": [UID]},
    ),
    O.GET: (_ID, {"object_type": "SymmetricKey", **_ID, "object": _AES}),
    O.EXPORT: (_ID, {"object_type": "SymmetricKey", **_ID, "attributes": {"name": "first"}, "object": _AES}),
    O.CHECK: ({**_ID, "cryptographic_usage_mask": "Encrypt"}, _ID),
    O.OBTAIN_LEASE: (_ID, {**_ID, "lease_time": 3600, "last_change_date": TIME}),
    O.GET_USAGE_ALLOCATION: ({**_ID, "usage_limits_count": 1000}, _ID),
    O.GET_ATTRIBUTES: (
        {**_ID, "attribute_reference": ["State", "Name"]},
        {**_ID, "attributes": {"state": "Active", "name": "first"}},
    ),
    O.GET_ATTRIBUTE_LIST: (_ID, {**_ID, "attribute_reference": ["State", "Name", "Cryptographic Algorithm"]}),
    O.ADD_ATTRIBUTE: ({**_ID, "new_attribute": {"name": "second"}}, _ID),
    O.MODIFY_ATTRIBUTE: ({**_ID, "new_attribute": {"contact_information": "ops@example.org"}}, _ID),
    O.DELETE_ATTRIBUTE: ({**_ID, "attribute_reference": "Contact Information"}, _ID),
    O.SET_ATTRIBUTE: ({**_ID, "new_attribute": {"comment": "of the backup"}}, _ID),
    O.ADJUST_ATTRIBUTE: ({**_ID, "attribute_reference": "Sensitive", "adjustment_type": "Negate"}, _ID),
    O.ACTIVATE: (_ID, _ID),
    O.DEACTIVATE: ({**_ID, "deactivation_date": TIME}, _ID),
    O.REVOKE: ({**_ID, "revocation_reason": "Key Compromise", "compromise_occurrence_date": TIME}, _ID),
    O.DESTROY: (_ID, _ID),
    O.OBLITERATE: (_ID, {}),
    O.ARCHIVE: (_ID, _ID),
    O.RECOVER: (_ID, _ID),
    O.ENCRYPT: (
        {**_ID, "cryptographic_parameters": {**_GCM, "random_iv": True}, "data": b"hello"},
        {**_ID, "data": VALUE[:5], "iv_counter_nonce": IV, "authenticated_encryption_tag": TAG},
    ),
    O.DECRYPT: (
        {
            **_ID,
            "cryptographic_parameters": _GCM,
            "data": VALUE[:5],
            "iv_counter_nonce": IV,
            "authenticated_encryption_tag": TAG,
        },
        {**_ID, "data": b"hello"},
    ),
    O.SIGN: ({**_ID, "cryptographic_parameters": _PSS, "data": b"hello"}, {**_ID, "signature_data": VALUE}),
    O.SIGNATURE_VERIFY: (
        {**_ID, "cryptographic_parameters": _PSS, "data": b"hello", "signature_data": VALUE},
        {**_ID, "validity_indicator": "Valid"},
    ),
    O.MAC: (
        {**_ID, "cryptographic_parameters": {"cryptographic_algorithm": "HMAC-SHA256"}, "data": b"hello"},
        {**_ID, "mac_data": KEY},
    ),
    O.MAC_VERIFY: (
        {
            **_ID,
            "cryptographic_parameters": {"cryptographic_algorithm": "HMAC-SHA256"},
            "data": b"hello",
            "mac_data": KEY,
        },
        {**_ID, "validity_indicator": "Valid"},
    ),
    O.RNG_RETRIEVE: ({"data_length": 8}, {"data": VALUE}),
    O.RNG_SEED: ({"data": VALUE}, {"data_length": 8}),
    O.HASH: ({"cryptographic_parameters": {"hashing_algorithm": "SHA-256"}, "data": b"hello"}, {"data": KEY}),
    O.ENCAPSULATE: (_ID, {"unique_identifier": OTHER, "data": VALUE}),
    O.DECAPSULATE: ({**_ID, "data": VALUE}, {"unique_identifier": OTHER}),
    O.CERTIFY: (
        {**_ID, "certificate_request_type": "PKCS#10", "certificate_request_value": VALUE},
        {"unique_identifier": OTHER},
    ),
    O.RE_CERTIFY: ({**_ID, "offset": 0}, {"unique_identifier": OTHER}),
    O.VALIDATE: ({"unique_identifier": [UID]}, {"validity_indicator": "Valid"}),
    O.LOGIN: ({"lease_time": 3600, "request_count": 100}, {"ticket": _TICKET}),
    O.DELEGATED_LOGIN: (
        {"lease_time": 3600, "rights": {"right": [{"operations": {"operation": ["Get"]}}]}},
        {"ticket": _TICKET},
    ),
    O.LOGOUT: ({"ticket": _TICKET}, {}),
    O.POLL: (_WAITING, {}),
    O.CANCEL: (_WAITING, {**_WAITING, "cancellation_result": "Canceled"}),
    O.PROCESS: (_WAITING, {}),
    O.QUERY_ASYNCHRONOUS_REQUESTS: ({}, {}),
    O.SET_ENDPOINT_ROLE: ({"endpoint_role": "Server"}, {"endpoint_role": "Server"}),
    O.INTEROP: ({"interop_function": "Begin", "interop_identifier": "TC-1"}, {}),
    O.LOG: ({"log_message": "the nightly backup begins"}, {}),
    O.PING: ({}, {}),
    O.PKCS_11: (
        {"pkcs_11_function": "C_GetInfo"},
        {"pkcs_11_function": "C_GetInfo", "pkcs_11_output_parameters": VALUE, "pkcs_11_return_code": "OK"},
    ),
    O.NOTIFY: ({**_ID, "attributes": {"state": "Deactivated"}}, {}),
    O.PUT: ({**_ID, "put_function": "New", "object": _AES}, {}),
    O.QUERY: (
        {"query_function": "Query Operations,Query Objects"},
        {"operation": ["Create", "Get"], "object_type": ["SymmetricKey"]},
    ),
    O.DISCOVER_VERSIONS: (
        {},
        {
            "protocol_version": [
                {"protocol_version_major": 2, "protocol_version_minor": 1},
                {"protocol_version_major": 1, "protocol_version_minor": 4},
            ]
        },
    ),
    O.SET_DEFAULTS: (
        {
            "defaults_information": {
                "object_defaults": [
                    {
                        "object_types": {"object_type": ["SymmetricKey"]},
                        "attributes": {"cryptographic_algorithm": "AES", "cryptographic_length": 256},
                    }
                ]
            }
        },
        {},
    ),
    O.SET_CONSTRAINTS: (
        {
            "constraints": {
                "constraint": [
                    {
                        "object_types": {"object_type": ["SymmetricKey"]},
                        "attributes": {"cryptographic_algorithm": "AES"},
                    }
                ]
            }
        },
        {},
    ),
    O.GET_CONSTRAINTS: ({}, {"constraints": {"constraint": [{"attributes": {"cryptographic_algorithm": "AES"}}]}}),
}
"""Operation → (the request, the response)."""
