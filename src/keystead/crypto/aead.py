"""The modes that authenticate: they seal in parts, but open only as a whole, so that no plaintext leaves unchecked.

Source: KMIP 1.4 section 9.1.3.2.14; SP 800-38C, D; RFC 8439.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from hmac import compare_digest
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from keystead.crypto.modes import BLOCK_CIPHERS, BlockCipher, Setup, Transform
from keystead.kmip.enums import CryptographicAlgorithm


class Sealer(Transform, Protocol):
    """A transform that has a whole tag after `finalize`."""

    @property
    def tag(self) -> bytes: ...


class GCM:
    """Seal in parts."""

    __slots__ = ("_context", "finalize", "update")

    def __init__(self, block: BlockCipher, setup: Setup) -> None:
        self._context = Cipher(block.cipher(setup.key), modes.GCM(setup.iv)).encryptor()
        self._context.authenticate_additional_data(setup.aad)
        self.update = self._context.update
        self.finalize = self._context.finalize

    @property
    def tag(self) -> bytes:
        return self._context.tag


def gcm_open(block: BlockCipher) -> Callable[[Setup, bytes, bytes], bytes]:
    def open_(setup: Setup, data: bytes, tag: bytes) -> bytes:
        context = Cipher(block.cipher(setup.key), modes.GCM(setup.iv, tag, len(tag))).decryptor()
        context.authenticate_additional_data(setup.aad)
        return context.update(data) + context.finalize()

    return open_


def gcm_seal(block: BlockCipher) -> Callable[[Setup, bytes], bytes]:
    def seal(setup: Setup, data: bytes) -> bytes:
        sealer = GCM(block, setup)
        return sealer.update(data) + sealer.finalize() + sealer.tag

    return seal


def aes_gcm_seal(setup: Setup, data: bytes) -> bytes:
    return AESGCM(setup.key).encrypt(setup.iv, data, setup.aad)


_gcm_open_short = gcm_open(BLOCK_CIPHERS[CryptographicAlgorithm.AES])


def aes_gcm_open(setup: Setup, data: bytes, tag: bytes) -> bytes:
    if len(tag) != 16:
        return _gcm_open_short(setup, data, tag)
    return AESGCM(setup.key).decrypt(setup.iv, data + tag, setup.aad)


class CCM:
    """Seal at once: the length comes first in what is authenticated."""

    __slots__ = ("_data", "_setup", "tag")

    def __init__(self, setup: Setup) -> None:
        self._setup, self._data, self.tag = setup, bytearray(), b""

    def update(self, data: bytes) -> bytes:
        self._data += data
        return b""

    def finalize(self) -> bytes:
        sealed = ccm_seal(self._setup, bytes(self._data))
        self.tag = sealed[-self._setup.tag_bytes :]
        return sealed[: -self._setup.tag_bytes]


def ccm_seal(setup: Setup, data: bytes) -> bytes:
    return AESCCM(setup.key, setup.tag_bytes).encrypt(setup.iv, data, setup.aad)


def ccm_open(setup: Setup, data: bytes, tag: bytes) -> bytes:
    return AESCCM(setup.key, len(tag)).decrypt(setup.iv, data + tag, setup.aad)


class ChaCha20Poly1305:
    """RFC 8439 section 2.8, in parts and with tags shorter than 16 bytes, which the library's own does not have."""

    __slots__ = ("_aad_bytes", "_cipher", "_data_bytes", "_poly1305", "tag")

    def __init__(self, setup: Setup) -> None:
        self._cipher = Cipher(algorithms.ChaCha20(setup.key, bytes(4) + setup.iv), None).encryptor()
        self._poly1305 = Poly1305(self._cipher.update(bytes(64))[:32])
        self._poly1305.update(setup.aad + bytes(-len(setup.aad) % 16))
        self._aad_bytes, self._data_bytes, self.tag = len(setup.aad), 0, b""

    def authenticate(self, ciphertext: bytes) -> None:
        self._poly1305.update(ciphertext)
        self._data_bytes += len(ciphertext)

    def update(self, data: bytes) -> bytes:
        ciphertext = self._cipher.update(data)
        self.authenticate(ciphertext)
        return ciphertext

    def finalize(self) -> bytes:
        lengths = struct.pack("<QQ", self._aad_bytes, self._data_bytes)
        self._poly1305.update(bytes(-self._data_bytes % 16) + lengths)
        self.tag = self._poly1305.finalize()
        return b""

    def decrypt(self, ciphertext: bytes) -> bytes:
        return self._cipher.update(ciphertext)


def chacha20_poly1305_seal(setup: Setup, data: bytes) -> bytes:
    sealer = ChaCha20Poly1305(setup)
    return sealer.update(data) + sealer.finalize() + sealer.tag


def chacha20_poly1305_open(setup: Setup, data: bytes, tag: bytes) -> bytes:
    opener = ChaCha20Poly1305(setup)
    opener.authenticate(data)
    opener.finalize()
    if not compare_digest(opener.tag[: len(tag)], tag):
        raise InvalidTag
    return opener.decrypt(data)
