"""Block and stream ciphers, and the modes that do not authenticate: bytes into bytes, in parts of any size.

Source: KMIP 1.4 section 9.1.3.2.14; SP 800-38A, E, F; RFC 8439, 3394, 5649.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
from cryptography.hazmat.decrepit.ciphers.modes import CFB, OFB
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes

from keystead.errors import OperationFailed
from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm, ResultReason
from keystead.kmip.structures import CryptographicParameters

A = CryptographicAlgorithm
M = BlockCipherMode

NO_PARAMETERS: Final = CryptographicParameters()


class Transform(Protocol):
    """Bytes in, bytes out; `finalize` gives the rest, or raises ValueError."""

    def update(self, data: bytes, /) -> bytes: ...

    def finalize(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What a mode is started with."""

    key: bytes = field(repr=False)
    iv: bytes
    encrypting: bool
    parameters: CryptographicParameters
    aad: bytes = b""
    tag_bytes: int = 16


@dataclass(frozen=True, slots=True)
class BlockCipher:
    """A block cipher: how the library makes it of a key, and its block."""

    cipher: Callable[[bytes], BlockCipherAlgorithm]
    block_bytes: int


def _triple_des(key: bytes) -> BlockCipherAlgorithm:
    """Take one, two or three keys: K1 is K1 K1 K1, K1 K2 is K1 K2 K1.  Source: SP 800-67 section 3.1."""
    if len(key) not in (8, 16, 24):
        raise ValueError("a 3DES key has 8, 16 or 24 bytes")
    return decrepit.TripleDES((key + key + key)[:24] if len(key) < 24 else key)


def _des(key: bytes) -> BlockCipherAlgorithm:
    if len(key) != 8:
        raise ValueError("a DES key has 8 bytes")
    return decrepit.TripleDES(key * 3)


BLOCK_CIPHERS: Final[dict[CryptographicAlgorithm, BlockCipher]] = {
    A.AES: BlockCipher(algorithms.AES, 16),
    A.TRIPLE_DES: BlockCipher(_triple_des, 8),
    A.DES: BlockCipher(_des, 8),
    A.CAMELLIA: BlockCipher(decrepit.Camellia, 16),
    A.SEED: BlockCipher(decrepit.SEED, 16),
    A.SM4: BlockCipher(algorithms.SM4, 16),
    A.BLOWFISH: BlockCipher(decrepit.Blowfish, 8),
    A.CAST5: BlockCipher(decrepit.CAST5, 8),
    A.IDEA: BlockCipher(decrepit.IDEA, 8),
}


def refused(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, message)


# --- plain modes ----------------------------------------------------------------------------------------------------

WITH_IV: Final[dict[BlockCipherMode, Callable[[bytes], modes.Mode]]] = {M.CBC: modes.CBC, M.CFB: CFB, M.OFB: OFB}


def _context(setup: Setup, cipher: Cipher[Any]) -> Transform:
    context: Transform = cipher.encryptor() if setup.encrypting else cipher.decryptor()
    return context


def library(block: BlockCipher, mode: Callable[[bytes], modes.Mode]) -> Callable[[Setup], Transform]:
    return lambda setup: _context(setup, Cipher(block.cipher(setup.key), mode(setup.iv)))


def ecb(block: BlockCipher) -> Callable[[Setup], Transform]:
    return lambda setup: _context(setup, Cipher(block.cipher(setup.key), modes.ECB()))  # noqa: S305 - KMIP names it


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


class Counter:
    """CTR: the counter fills what the IV leaves of the block, and must not come round.

    Source: SP 800-38A section 6.5 and appendix B.
    """

    __slots__ = ("_counter", "_ecb", "_left", "_limit", "_size", "_stream")

    def __init__(self, block: BlockCipher, setup: Setup) -> None:
        self._ecb = Cipher(block.cipher(setup.key), modes.ECB()).encryptor()  # noqa: S305
        self._size = block.block_bytes
        free_bits = (block.block_bytes - len(setup.iv)) * 8
        counter_bits = setup.parameters.counter_length or free_bits or block.block_bytes * 8
        # A whole block of IV is the first counter block; a shorter one is a nonce, after which counting starts at 1
        # as in RFC 3686 unless an Initial Counter Value says otherwise.
        start = 0
        if free_bits:
            first = setup.parameters.initial_counter_value
            start = 1 if first is None else first
            if counter_bits != free_bits or not 0 <= start < 1 << counter_bits:
                raise refused("the IV, the Counter Length and the Initial Counter Value do not make a block")
        elif not 0 < counter_bits <= block.block_bytes * 8:
            raise refused("the Counter Length is longer than a block")
        self._counter = int.from_bytes(setup.iv, "big") << free_bits | start
        whole = 1 << counter_bits
        # A counter of a whole block may come round to zero; a shorter one would run into the nonce.
        self._left = whole if counter_bits == block.block_bytes * 8 else whole - self._counter % whole
        self._limit = 1 << (8 * block.block_bytes)
        self._stream = b""

    def update(self, data: bytes) -> bytes:
        missing = -(-(len(data) - len(self._stream)) // self._size)
        if missing > 0:
            if missing > self._left:
                raise ValueError("the counter is used up")
            counters = b"".join(((self._counter + i) % self._limit).to_bytes(self._size, "big") for i in range(missing))
            self._stream += self._ecb.update(counters)
            self._counter += missing
            self._left -= missing
        stream, self._stream = self._stream[: len(data)], self._stream[len(data) :]
        return _xor(data, stream)

    def finalize(self) -> bytes:
        return b""


class Propagating:
    """PCBC: each block is mixed with the block before, plain and encrypted.  Source: Kerberos 4; KMIP names it."""

    __slots__ = ("_ecb", "_encrypting", "_mixed", "_rest", "_size")

    def __init__(self, block: BlockCipher, setup: Setup) -> None:
        self._ecb = ecb(block)(setup)
        self._encrypting = setup.encrypting
        self._size = block.block_bytes
        self._mixed = setup.iv
        self._rest = b""

    def update(self, data: bytes) -> bytes:
        data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        out = bytearray()
        for offset in range(0, whole, self._size):
            given = data[offset : offset + self._size]
            if self._encrypting:
                made = self._ecb.update(_xor(given, self._mixed))
            else:
                made = _xor(self._ecb.update(given), self._mixed)
            self._mixed = _xor(given, made)
            out += made
        return bytes(out)

    def finalize(self) -> bytes:
        if self._rest:
            raise ValueError("not a whole number of blocks")
        return b""


class Whole:
    """A mode that needs all the data at once."""

    __slots__ = ("_data", "_transform")

    def __init__(self, transform: Callable[[bytes], bytes]) -> None:
        self._data = bytearray()
        self._transform = transform

    def update(self, data: bytes) -> bytes:
        self._data += data
        return b""

    def finalize(self) -> bytes:
        return self._transform(bytes(self._data))


def xts(setup: Setup) -> Transform:
    def once(data: bytes) -> bytes:
        context = _context(setup, Cipher(algorithms.AES(setup.key), modes.XTS(setup.iv)))
        return context.update(data) + context.finalize()

    return Whole(once)


def key_wrap(setup: Setup) -> Transform:
    if setup.encrypting:
        return Whole(lambda data: keywrap.aes_key_wrap(setup.key, data))
    return Whole(lambda data: _unwrapped(keywrap.aes_key_unwrap, setup.key, data))


def key_wrap_padding(setup: Setup) -> Transform:
    if setup.encrypting:
        return Whole(lambda data: keywrap.aes_key_wrap_with_padding(setup.key, data))
    return Whole(lambda data: _unwrapped(keywrap.aes_key_unwrap_with_padding, setup.key, data))


def _unwrapped(unwrap: Callable[[bytes, bytes], bytes], key: bytes, data: bytes) -> bytes:
    try:
        return unwrap(key, data)
    except keywrap.InvalidUnwrap as error:
        raise ValueError("the integrity check failed") from error


class OneTimePad:
    """XOR with a key at least as long as the data.  Source: KMIP 1.3 section 9.1.3.2.13."""

    __slots__ = ("_pad", "_used")

    def __init__(self, setup: Setup) -> None:
        self._pad, self._used = setup.key, 0

    def update(self, data: bytes) -> bytes:
        pad = self._pad[self._used : self._used + len(data)]
        if len(pad) != len(data):
            raise ValueError("the pad is shorter than the data")
        self._used += len(data)
        return _xor(data, pad)

    def finalize(self) -> bytes:
        return b""


def rc4(setup: Setup) -> Transform:
    return _context(setup, Cipher(decrepit.ARC4(setup.key), None))


def rc2(setup: Setup) -> Transform:
    return _context(setup, Cipher(decrepit.RC2(setup.key), modes.CBC(setup.iv)))


def _chacha20_state(setup: Setup) -> bytes:
    """Give the last four words of the first state: the counter and the nonce.

    An IV of 12 bytes follows a counter of 32 bits (RFC 8439), one of 8 bytes a counter of 64 (the original), one of
    16 bytes has the counter in it.
    """
    size = 16 - len(setup.iv)
    counter = setup.parameters.initial_counter_value or 0
    if size == 0 and setup.parameters.initial_counter_value is not None:
        raise refused("an IV of 16 bytes already has the counter in it")
    if counter < 0:
        raise refused("the Initial Counter Value is negative")
    return counter.to_bytes(size, "little") + setup.iv


class ChaCha20:
    """A stream that ends before its counter comes round.

    A counter of 32 bits would run into the nonce, after which the stream is that of another message; of an IV of 16
    bytes it is not known where the counter ends, so that it is taken for the shorter one.
    """

    __slots__ = ("_context", "_left")

    def __init__(self, setup: Setup) -> None:
        state = _chacha20_state(setup)
        counter_bytes = 8 if len(setup.iv) == 8 else 4
        self._context = _context(setup, Cipher(algorithms.ChaCha20(setup.key, state), None))
        self._left = 64 * ((1 << 8 * counter_bytes) - int.from_bytes(state[:counter_bytes], "little"))

    def update(self, data: bytes) -> bytes:
        if len(data) > self._left:
            raise ValueError("the counter is used up")
        self._left -= len(data)
        return self._context.update(data)

    def finalize(self) -> bytes:
        return b""
