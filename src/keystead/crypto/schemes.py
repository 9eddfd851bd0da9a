"""Every algorithm and mode that encrypts: a row each.

Source: KMIP 1.4 sections 9.1.3.2.13, 9.1.3.2.14.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final

from keystead.crypto import aead, modes
from keystead.crypto.modes import BLOCK_CIPHERS, BlockCipher, Setup, Transform
from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm

A = CryptographicAlgorithm
M = BlockCipherMode


@dataclass(frozen=True, slots=True)
class Scheme:
    """An algorithm in a mode.

    Attributes:
        start: of a plain scheme, either way; of an authenticated one, to seal.
        iv_bytes: the lengths that the IV may have; none where the mode takes no IV.
        fresh_iv_bytes: how long an IV the server makes.
        padded_to: the block that a Padding Method fills up, in bytes; 0 where none is taken.
        seal: of an authenticated scheme: (setup, plaintext) → ciphertext and tag, one after the other.
        open: of an authenticated scheme: (setup, ciphertext, tag) → plaintext; raises ValueError or InvalidTag.
    """

    start: Callable[[Setup], Transform]
    iv_bytes: Container[int] = ()
    fresh_iv_bytes: int = 0
    padded_to: int = 0
    seal: Callable[[Setup, bytes], bytes] | None = None
    open: Callable[[Setup, bytes, bytes], bytes] | None = None


def _of_block_cipher(block: BlockCipher) -> dict[BlockCipherMode, Scheme]:
    size = block.block_bytes
    rows = {
        mode: Scheme(modes.library(block, start), (size,), size, size if mode is M.CBC else 0)
        for mode, start in modes.WITH_IV.items()
    }
    rows[M.ECB] = Scheme(modes.ecb(block), padded_to=size)
    rows[M.PCBC] = Scheme(lambda setup: modes.Propagating(block, setup), (size,), size, size)
    rows[M.CTR] = Scheme(lambda setup: modes.Counter(block, setup), range(1, size + 1), size)
    return rows


def _gcm(block: BlockCipher) -> Scheme:
    # The library takes nonces of 8 to 128 bytes (K25: no shorter and no absurd ones).
    return Scheme(
        lambda setup: aead.GCM(block, setup), range(8, 129), 12, 0, seal=aead.gcm_seal(block), open=aead.gcm_open(block)
    )


_AES: Final = BLOCK_CIPHERS[A.AES]
_CHACHA20_POLY1305: Final = Scheme(
    aead.ChaCha20Poly1305, (12,), 12, 0, seal=aead.chacha20_poly1305_seal, open=aead.chacha20_poly1305_open
)

SCHEMES: Final[dict[tuple[CryptographicAlgorithm | None, BlockCipherMode | None], Scheme]] = {
    **{
        (algorithm, mode): scheme
        for algorithm, block in BLOCK_CIPHERS.items()
        for mode, scheme in _of_block_cipher(block).items()
    },
    (A.AES, M.GCM): Scheme(
        lambda setup: aead.GCM(_AES, setup), range(8, 129), 12, 0, seal=aead.aes_gcm_seal, open=aead.aes_gcm_open
    ),
    (A.AES, M.CCM): Scheme(aead.CCM, range(7, 14), 12, 0, seal=aead.ccm_seal, open=aead.ccm_open),
    (A.AES, M.XTS): Scheme(modes.xts, (16,), 16),
    (A.AES, M.NISTKEYWRAP): Scheme(modes.key_wrap),
    (A.AES, M.AESKEYWRAPPADDING): Scheme(modes.key_wrap_padding),
    (A.SM4, M.GCM): _gcm(BLOCK_CIPHERS[A.SM4]),
    (A.RC2, M.CBC): Scheme(modes.rc2, (8,), 8, 8),
    (A.RC4, None): Scheme(modes.rc4),
    (A.ONE_TIME_PAD, None): Scheme(modes.OneTimePad),
    (A.CHACHA20, None): Scheme(modes.ChaCha20, (8, 12, 16), 12),
    (A.CHACHA20POLY1305, None): _CHACHA20_POLY1305,
    (A.CHACHA20POLY1305, M.AEAD): _CHACHA20_POLY1305,
}
"""Every algorithm and mode that encrypts."""
