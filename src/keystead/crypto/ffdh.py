"""Diffie-Hellman over finite fields, which the library is giving up: numbers, groups, encodings, agreement.

Source: SP 800-56A section 5.6; RFC 7919; PKCS#3 for the encodings.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from keystead.crypto import der
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason

_OID: Final = der.object_identifier("1.2.840.113549.1.3.1")


@dataclass(frozen=True, slots=True)
class DHGroup:
    """A prime, a generator and, if it is known, the generator's order."""

    p: int
    g: int
    q: int | None = None

    def __post_init__(self) -> None:
        if not 1024 <= self.p.bit_length() <= 8192 or not self.p & 1 or not 1 < self.g < self.p - 1:
            raise ValueError("the DH parameters have the wrong size")
        if self.q is not None and ((self.p - 1) % self.q or pow(self.g, self.q, self.p) != 1):
            raise ValueError("the DH generator does not have the order Q")

    @property
    def cofactor(self) -> int | None:
        """J, where P = J Q + 1."""
        return None if self.q is None else (self.p - 1) // self.q


@dataclass(frozen=True, slots=True)
class DHPublicKey:
    """A public key; raises ValueError if it is out of range or of another group (K36)."""

    group: DHGroup
    y: int

    def __post_init__(self) -> None:
        if not 1 < self.y < self.group.p - 1:
            raise ValueError("the DH public key is out of range")
        if self.group.q is not None and pow(self.y, self.group.q, self.group.p) != 1:
            raise ValueError("the DH public key is not in the group")

    @property
    def key_size(self) -> int:
        """Bits of the prime."""
        return self.group.p.bit_length()


@dataclass(frozen=True, slots=True)
class DHPrivateKey:
    """A private key."""

    group: DHGroup
    x: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.x < (self.group.q or self.group.p - 1):
            raise ValueError("the DH private key is out of range")

    @property
    def key_size(self) -> int:
        """Bits of the prime."""
        return self.group.p.bit_length()

    def public_key(self) -> DHPublicKey:
        """Give the public half."""
        return DHPublicKey(self.group, self._power(self.group.g))

    def exchange(self, peer: DHPublicKey) -> bytes:
        """Give the shared secret, as long as the prime.

        Raises:
            ValueError: the peer's key is of another group, or the secret is 1.
        """
        if (peer.group.p, peer.group.g) != (self.group.p, self.group.g):
            raise ValueError("the two DH keys have different parameters")
        shared = self._power(peer.y)
        if shared <= 1:
            raise ValueError("the DH shared secret is trivial")
        return shared.to_bytes((self.key_size + 7) // 8, "big")

    def _power(self, base: int) -> int:
        # Python's power takes time that depends on the exponent, so each time it is another one, equal modulo P - 1.
        return pow(base, self.x + secrets.randbits(64) * (self.group.p - 1), self.group.p)


_FFDHE: Final = {2048: 560316, 3072: 2625351, 4096: 5736041, 6144: 15705020, 8192: 10965728}
LENGTHS: Final = frozenset(_FFDHE)
"""The lengths of the prime, in bits, for which there is a group."""


@cache
def group(length_bits: int) -> DHGroup:
    """Give the group ffdhe2048 to ffdhe8192: its prime is made of the digits of e, its order is (P - 1) / 2.

    Source: RFC 7919 appendix A.
    """
    precision, spare = length_bits - 130, 64
    # e = 1/0! + 1/1! + 1/2! + …, with so many bits to spare that the roundings do not reach the result.
    total = term = 1 << (precision + spare)
    n = 1
    while term := term // n:
        total += term
        n += 1
    high = (1 << length_bits) - (1 << (length_bits - 64))
    p = high + (((total >> spare) + _FFDHE[length_bits]) << 64) - 1
    return DHGroup(p, 2, (p - 1) // 2)


def generate(length_bits: int) -> DHPrivateKey:
    """Make a private key in the group of RFC 7919 with this length.

    Raises:
        OperationFailed: Invalid Attribute Value.
    """
    if length_bits not in LENGTHS:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "DH has no group of this Cryptographic Length")
    chosen = group(length_bits)
    return DHPrivateKey(chosen, secrets.randbelow(chosen.p // 2 - 2) + 2)


# --- PKCS#8 and X.509 -------------------------------------------------------------------------------------------------


def _integer(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _algorithm(chosen: DHGroup) -> bytes:
    parameters = der.encode(der.SEQUENCE, _integer(chosen.p), _integer(chosen.g))
    return der.encode(der.SEQUENCE, _OID, parameters)


def dump_pkcs8(key: DHPrivateKey) -> bytes:
    """Give a PrivateKeyInfo; Q is not in it."""
    inner = der.encode(der.OCTET_STRING, _integer(key.x))
    return der.encode(der.SEQUENCE, _integer(0), _algorithm(key.group), inner)


def dump_spki(key: DHPublicKey) -> bytes:
    """Give a SubjectPublicKeyInfo; Q is not in it."""
    return der.encode(der.SEQUENCE, _algorithm(key.group), der.encode(der.BIT_STRING, b"\0", _integer(key.y)))


def _parse_group(algorithm: bytes) -> DHGroup | None:
    if not algorithm.startswith(_OID):
        return None
    p, g = (int.from_bytes(content, "big") for _, content in der.sequence(algorithm[len(_OID) :])[:2])
    # A group of RFC 7919 is recognised: its order is known.
    known = group(p.bit_length()) if p.bit_length() in LENGTHS else None
    return known if known is not None and (known.p, known.g) == (p, g) else DHGroup(p, g)


def parse_pkcs8(data: bytes) -> DHPrivateKey | None:
    """Load a PrivateKeyInfo; None if it is of another algorithm.

    Raises:
        ValueError: it is not DER, or the key is unsound.
    """
    fields = der.sequence(data)
    if len(fields) < 3 or fields[1][0] != der.SEQUENCE:
        raise ValueError("not PKCS#8")
    chosen = _parse_group(fields[1][1])
    return None if chosen is None else DHPrivateKey(chosen, int.from_bytes(der.elements(fields[2][1])[0][1], "big"))


def parse_spki(data: bytes) -> DHPublicKey | None:
    """Load a SubjectPublicKeyInfo; None if it is of another algorithm.

    Raises:
        ValueError: it is not DER, or the key is unsound.
    """
    fields = der.sequence(data)
    if len(fields) != 2:
        raise ValueError("not a SubjectPublicKeyInfo")
    chosen = _parse_group(fields[0][1])
    return None if chosen is None else DHPublicKey(chosen, int.from_bytes(der.elements(fields[1][1][1:])[0][1], "big"))
