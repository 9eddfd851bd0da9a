"""Clients that must show in which state their machine is before anything is done for them.

The operator enrols the attestation key of a client's TPM and, if it should be one state only, the digest of its
registers.  The server sends a nonce, and the next request carries a quote over it.

Source: KMIP 1.4 sections 2.1.2, 2.1.14 and 6.17-6.18; 2.1 sections 9.3, 9.11 and 9.14; TCG TPM 2.0 Library Part 2
sections 10.12 (TPMS_ATTEST) and 11.3 (TPMT_SIGNATURE).
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.engine.context import Turn
from keystead.engine.sealed import Sealed
from keystead.errors import OperationFailed
from keystead.kmip.enums import AttestationType, ResultReason
from keystead.kmip.messages import RequestHeader
from keystead.kmip.structures import Attestation, Nonce
from keystead.policy.access import Caller

TYPES: Final = (AttestationType.TPM_QUOTE,)
NONCE_SECONDS: Final = 120
_MAGIC, _QUOTE = 0xFF544347, 0x8018
_RSASSA, _RSAPSS, _ECDSA = 0x14, 0x16, 0x18
_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {0xB: hashes.SHA256(), 0xC: hashes.SHA384(), 0xD: hashes.SHA512()}
_CLOCK_AND_FIRMWARE_BYTES: Final = 17 + 8


def check(
    turn: Turn, caller: Caller, header: RequestHeader, shown: Sequence[Attestation], said: dict[str, Any]
) -> None:
    """Refuse a client that has to attest its state and does not, or wrongly.

    Args:
        said: what the header of the answer is to say: a nonce to attest with.

    Raises:
        OperationFailed: Attestation Required, Attestation Failed; Permission Denied, if it cannot attest.
    """
    if not caller.attests and not shown:
        return
    entries = Sealed(turn.transaction, turn.engine.vault, "attestation", caller.domain)
    if not shown:
        if not header.attestation_capable_indicator:
            raise OperationFailed(ResultReason.PERMISSION_DENIED, "this client has to attest its state")
        number, value = secrets.token_bytes(16), secrets.token_bytes(32)
        until = turn.now + NONCE_SECONDS
        entries.put(f"nonce/{number.hex()}", json.dumps([caller.identity, value.hex(), until]).encode(), until)
        said["nonce"] = Nonce(nonce_id=number, nonce_value=value)
        said["attestation_type"] = TYPES
        raise OperationFailed(ResultReason.ATTESTATION_REQUIRED, "attest the state of the client with the Nonce")
    if len(shown) > 1:
        raise _failed()
    _check(turn, caller, entries, shown[0])


def _check(turn: Turn, caller: Caller, entries: Sealed, shown: Attestation) -> None:
    key = f"nonce/{shown.nonce.nonce_id.hex()}"
    found, wanted = entries.get(key), entries.get(f"key/{caller.identity}")
    if found is None or wanted is None or shown.attestation_type not in TYPES:
        raise _failed()
    entries.delete(key)  # right or wrong: a nonce is used once
    identity, value, until = json.loads(found)
    nonce = bytes.fromhex(value)
    if (
        identity != caller.identity
        or turn.now >= until
        or not hmac.compare_digest(nonce, shown.nonce.nonce_value)
        or shown.attestation_measurement is None
    ):
        raise _failed()
    expected = json.loads(wanted)
    quote = verify_quote(shown.attestation_measurement, bytes.fromhex(expected["public_key"]))
    if quote is None or not hmac.compare_digest(quote.nonce, nonce):
        raise _failed()
    if expected["registers"] and not hmac.compare_digest(quote.registers, bytes.fromhex(expected["registers"])):
        raise _failed()


def enrol(turn: Turn, domain: str, identity: str, public_key: bytes, registers: bytes) -> None:
    """Keep what a client has to attest.

    Args:
        public_key: the attestation key, as SubjectPublicKeyInfo.
        registers: the digest of the registers that every quote must be of; empty if any will do.

    Raises:
        OperationFailed: Invalid Field; it is no key that a TPM attests with.
    """
    try:
        fits = isinstance(load_der_public_key(public_key), (rsa.RSAPublicKey, ec.EllipticCurvePublicKey))
    except ValueError:
        fits = False
    if not fits:
        raise OperationFailed(ResultReason.INVALID_FIELD, "an attestation key is an RSA or elliptic public key")
    entries = Sealed(turn.transaction, turn.engine.vault, "attestation", domain)
    entries.put(f"key/{identity}", json.dumps({"public_key": public_key.hex(), "registers": registers.hex()}).encode())


def _failed() -> OperationFailed:
    return OperationFailed(ResultReason.ATTESTATION_FAILED, "the attestation was not accepted")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a TPM signed: the nonce it was given, and the digest of the registers it was asked for."""

    nonce: bytes
    registers: bytes


def verify_quote(measurement: bytes, public_key: bytes) -> Quote | None:
    """Read what TPM2_Quote gave (TPM2B_ATTEST, then TPMT_SIGNATURE) if its signature is right; else None."""
    reader = _Reader(measurement)
    try:
        attest = reader.sized()
        scheme, hashing = reader.number(2), _HASHES[reader.number(2)]
        key = load_der_public_key(public_key)
        if isinstance(key, rsa.RSAPublicKey):
            used = (
                padding.PKCS1v15()
                if scheme == _RSASSA
                else padding.PSS(padding.MGF1(hashing), padding.PSS.AUTO)
                if scheme == _RSAPSS
                else None
            )
            if used is None:
                return None
            key.verify(reader.sized(), attest, used, hashing)
        elif isinstance(key, ec.EllipticCurvePublicKey) and scheme == _ECDSA:
            r, s = (int.from_bytes(reader.sized(), "big") for _ in range(2))
            key.verify(encode_dss_signature(r, s), attest, ec.ECDSA(hashing))
        else:
            return None
        return _quote(_Reader(attest)) if reader.over else None
    except (InvalidSignature, KeyError, ValueError):
        return None


def _quote(reader: _Reader) -> Quote | None:
    if (reader.number(4), reader.number(2)) != (_MAGIC, _QUOTE):
        return None
    reader.sized()  # who signed it: the key says that
    nonce = reader.sized()
    reader.take(_CLOCK_AND_FIRMWARE_BYTES)
    for _ in range(reader.number(4)):
        reader.number(2)
        reader.take(reader.number(1))
    registers = reader.sized()
    return Quote(nonce, registers) if reader.over else None


class _Reader:
    """Reads what a TPM writes.  Every verb raises ValueError where there is too little."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def over(self) -> bool:
        return self._position == len(self._data)

    def take(self, count: int) -> bytes:
        found = self._data[self._position : self._position + count]
        if len(found) != count:
            raise ValueError
        self._position += count
        return found

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def sized(self) -> bytes:
        return self.take(self.number(2))
