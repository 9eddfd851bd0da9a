"""Using keys on the server: Encrypt, Decrypt, Sign, MAC, Hash, random numbers, encapsulation."""

from __future__ import annotations

from keystead.kmip.attributes import AttributeList
from keystead.kmip.enums import Operation, ValidityIndicator
from keystead.kmip.identifiers import Data, UniqueIdentifier
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import Integer, item
from keystead.kmip.structures import CryptographicParameters
from keystead.kmip.version import V1_3, V1_4


@request(Operation.ENCRYPT)
class EncryptRequest(Request):
    """Encrypt data.  Source: KMIP 1.4 §4.29; 2.1 §6.1.17."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = item(secret=True)
    iv_counter_nonce: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)
    authenticated_encryption_additional_data: bytes | None = item(since=V1_4)


@response(Operation.ENCRYPT)
class EncryptResponse(Response):
    """The answer to EncryptRequest."""

    unique_identifier: UniqueIdentifier
    data: bytes | None = None
    iv_counter_nonce: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)
    authenticated_encryption_tag: bytes | None = item(since=V1_4)


@request(Operation.DECRYPT)
class DecryptRequest(Request):
    """Decrypt data.  Source: KMIP 1.4 §4.30; 2.1 §6.1.11."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = None
    iv_counter_nonce: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)
    authenticated_encryption_additional_data: bytes | None = item(since=V1_4)
    authenticated_encryption_tag: bytes | None = item(since=V1_4)


@response(Operation.DECRYPT)
class DecryptResponse(Response):
    """The answer to DecryptRequest."""

    unique_identifier: UniqueIdentifier
    data: bytes | None = item(secret=True)
    correlation_value: bytes | None = item(since=V1_3)


@request(Operation.SIGN)
class SignRequest(Request):
    """Sign data.  Source: KMIP 1.4 §4.31; 2.1 §6.1.55."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = item(secret=True)
    digested_data: bytes | None = item(since=V1_4)
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)


@response(Operation.SIGN)
class SignResponse(Response):
    """The answer to SignRequest."""

    unique_identifier: UniqueIdentifier
    signature_data: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)


@request(Operation.SIGNATURE_VERIFY)
class SignatureVerifyRequest(Request):
    """Verify a signature.  Source: KMIP 1.4 §4.32; 2.1 §6.1.56."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = item(secret=True)
    digested_data: bytes | None = item(since=V1_4)
    signature_data: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)


@response(Operation.SIGNATURE_VERIFY)
class SignatureVerifyResponse(Response):
    """The answer to SignatureVerifyRequest."""

    unique_identifier: UniqueIdentifier
    validity_indicator: ValidityIndicator | None = None
    data: bytes | None = item(secret=True)
    correlation_value: bytes | None = item(since=V1_3)


@request(Operation.MAC)
class MACRequest(Request):
    """Compute a message authentication code.  Source: KMIP 1.4 §4.33; 2.1 §6.1.32."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = item(secret=True)
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)


@response(Operation.MAC)
class MACResponse(Response):
    """The answer to MACRequest."""

    unique_identifier: UniqueIdentifier
    mac_data: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)


@request(Operation.MAC_VERIFY)
class MACVerifyRequest(Request):
    """Verify a message authentication code.  Source: KMIP 1.4 §4.34; 2.1 §6.1.33."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: Data | None = item(secret=True)
    mac_data: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)


@response(Operation.MAC_VERIFY)
class MACVerifyResponse(Response):
    """The answer to MACVerifyRequest."""

    unique_identifier: UniqueIdentifier
    validity_indicator: ValidityIndicator | None = None
    correlation_value: bytes | None = item(since=V1_3)


@request(Operation.RNG_RETRIEVE)
class RNGRetrieveRequest(Request):
    """Get random bytes.  Source: KMIP 1.4 §4.35; 2.1 §6.1.49."""

    data_length: Integer


@response(Operation.RNG_RETRIEVE)
class RNGRetrieveResponse(Response):
    """The answer to RNGRetrieveRequest."""

    data: bytes = item(secret=True, required=True)


@request(Operation.RNG_SEED)
class RNGSeedRequest(Request):
    """Offer bytes to the random number generator.  Source: KMIP 1.4 §4.36; 2.1 §6.1.50."""

    data: Data = item(secret=True, required=True)


@response(Operation.RNG_SEED)
class RNGSeedResponse(Response):
    """The answer to RNGSeedRequest."""

    data_length: Integer


@request(Operation.HASH)
class HashRequest(Request):
    """Hash data.  Source: KMIP 1.4 §4.37; 2.1 §6.1.24."""

    cryptographic_parameters: CryptographicParameters
    data: Data | None = item(secret=True)
    correlation_value: bytes | None = item(since=V1_3)
    init_indicator: bool | None = item(since=V1_3)
    final_indicator: bool | None = item(since=V1_3)


@response(Operation.HASH)
class HashResponse(Response):
    """The answer to HashRequest."""

    data: bytes | None = None
    correlation_value: bytes | None = item(since=V1_3)


@request(Operation.ENCAPSULATE)
class EncapsulateRequest(Request):
    """Make a shared secret for the holder of a private key.  Source: KMIP 3.0 CSD02 §6.1.22."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    attributes: AttributeList | None = None


@response(Operation.ENCAPSULATE)
class EncapsulateResponse(Response):
    """The answer to EncapsulateRequest."""

    unique_identifier: UniqueIdentifier
    data: bytes


@request(Operation.DECAPSULATE)
class DecapsulateRequest(Request):
    """Recover a shared secret with a private key.  Source: KMIP 3.0 CSD02 §6.1.15."""

    unique_identifier: UniqueIdentifier | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes
    attributes: AttributeList | None = None


@response(Operation.DECAPSULATE)
class DecapsulateResponse(Response):
    """The answer to DecapsulateRequest."""

    unique_identifier: UniqueIdentifier
