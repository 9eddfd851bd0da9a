"""Private keys whose numbers are known, so that they can be looked for; each way to come by one is a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from keystead.crypto.modes import NO_PARAMETERS
from keystead.crypto.pqc import PARAMETER_SETS
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
)
from keystead.kmip.objects import KeyBlock, KeyValue, PrivateKey
from keystead.kmip.payloads import create, get
from keystead.kmip.structures import CryptographicParameters
from keystead.kmip.version import V3_0
from tests.engine.keys import attributes
from tests.torture.tour import Tour

_A, _M = CryptographicAlgorithm, CryptographicUsageMask
RSA_BITS: Final = 2048
SEED_BYTES: Final = 32
"""Of ML-DSA, with which its PKCS#8 ends.  Source: RFC 9881 section 6."""
_HOW: Final = {
    _A.EC: CryptographicParameters(cryptographic_algorithm=_A.ECDSA, hashing_algorithm=HashingAlgorithm.SHA_256),
    _A.RSA: CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
}


@dataclass(frozen=True)
class Pair:
    """A private key of the server.

    Attributes:
        what: it is, for people.
        how: it signs.
        secrets: its numbers, big-endian, by their names.
    """

    what: str
    identifier: str
    how: CryptographicParameters
    secrets: Mapping[str, bytes]

    def seen(self, found: Mapping[str, int]) -> bool:
        """Whether any of its numbers is among what was found."""
        return any(f"{self.what}: {name}" in found for name in self.secrets)


def _pair(what: str, identifier: str, key: Any) -> Pair:
    """A key of the server with the numbers that whoever has them can sign by."""
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm, half = _A.RSA, key.key_size // 16
        of = key.private_numbers()
        sizes = {"p": (of.p, half), "q": (of.q, half), "d": (of.d, 2 * half), "dp": (of.dmp1, half)}
        sizes |= {"dq": (of.dmq1, half), "qinv": (of.iqmp, half)}
    else:
        algorithm, sizes = _A.EC, {"d": (key.private_numbers().private_value, key.key_size // 8)}
    secrets = {name: number.to_bytes(size, "big") for name, (number, size) in sizes.items()}
    return Pair(f"{what} {identifier}", identifier, _HOW[algorithm], secrets)


def _registered(algorithm: CryptographicAlgorithm, key: Any) -> Callable[[Tour], Pair]:
    def register(tour: Tour) -> Pair:
        made = key()
        der = made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        block = KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=KeyValue(key_material=der),
            cryptographic_algorithm=algorithm,
            cryptographic_length=made.key_size,
        )
        asked = attributes(cryptographic_usage_mask=_M.SIGN, activation_date=1)
        request = create.RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY, attributes=asked, object=PrivateKey(key_block=block)
        )
        return _pair(f"registered {algorithm.title} key", str(tour.do(request).unique_identifier), made)

    return register


def _created(algorithm: CryptographicAlgorithm, **more: int) -> Callable[[Tour], Pair]:
    def make(tour: Tour) -> Pair:
        asked = attributes(cryptographic_algorithm=algorithm, activation_date=1, **more)
        request = create.CreateKeyPairRequest(
            common_attributes=asked,
            private_key_attributes=attributes(cryptographic_usage_mask=_M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=_M.VERIFY),
        )
        identifier = str(tour.do(request, version=V3_0).private_key_unique_identifier)
        asked_as = get.GetRequest(unique_identifier=identifier, key_format_type=KeyFormatType.PKCS_8)
        der = tour.do(asked_as, version=V3_0).object.key_block.key_value.key_material
        what = f"created {algorithm.title} key"
        if algorithm in PARAMETER_SETS:
            return Pair(f"{what} {identifier}", identifier, NO_PARAMETERS, {"seed": der[-SEED_BYTES:]})
        return _pair(what, identifier, load_der_private_key(der, None))

    return make


PAIRS: Final = (
    _registered(_A.EC, lambda: ec.generate_private_key(ec.SECP256R1())),
    _registered(_A.RSA, lambda: rsa.generate_private_key(65537, RSA_BITS)),
    _created(_A.EC, cryptographic_length=256),
    _created(_A.RSA, cryptographic_length=RSA_BITS),
    _created(_A.ML_DSA_65),
)
"""The ways to come by one."""
