"""Encrypt and decrypt, whole or in parts.

Source: KMIP 1.4 sections 3.6, 4.29, 4.30; 2.1 sections 4.16, 6.1.11, 6.1.17.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.padding import PKCS7

from keystead.crypto import rsa
from keystead.crypto.aead import CCM
from keystead.crypto.modes import NO_PARAMETERS, Setup, Transform, Whole
from keystead.crypto.rsa import NOT_DECRYPTED
from keystead.crypto.schemes import SCHEMES, Scheme
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, PaddingMethod, ResultReason
from keystead.kmip.structures import CryptographicParameters

SHORTEST_TAG_BYTES: Final = 12
"""SP 800-38D section 5.2.1.2 allows 4 and 8 for special uses; K25 does not."""
LONGEST_TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Encrypted:
    """What Encrypt answers.

    Attributes:
        data: the ciphertext; of a stream, what was still to come.
        iv: only if the server made it.
        tag: of authenticated encryption.
    """

    data: bytes
    iv: bytes | None = None
    tag: bytes | None = None


# --- padding --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Padding:
    """A Padding Method of block ciphers.

    Attributes:
        fill: n → the n bytes that follow the data.
        check: the last block → the bytes of data in it; raises ValueError.
        always: fill a whole block where the data ends with one.
    """

    fill: Callable[[int], bytes]
    check: Callable[[bytes], bytes]
    always: bool = True


def _pkcs5_check(block: bytes) -> bytes:
    unpadder = PKCS7(len(block) * 8).unpadder()  # constant time
    return unpadder.update(block) + unpadder.finalize()


def _length_check(extra: int, zeros: bool) -> Callable[[bytes], bytes]:
    """Check a padding that ends in its length less `extra`, over zeros or over anything."""

    def check(block: bytes) -> bytes:
        size = block[-1] + extra
        if not 0 < size <= len(block) or (zeros and any(block[-size:-1])):
            raise ValueError("bad padding")
        return block[:-size]

    return check


PADDINGS: Final[dict[PaddingMethod, Padding]] = {
    PaddingMethod.PKCS5: Padding(lambda n: bytes((n,)) * n, _pkcs5_check),
    PaddingMethod.ANSI_X9_23: Padding(lambda n: bytes(n - 1) + bytes((n,)), _length_check(0, True)),
    PaddingMethod.ISO_10126: Padding(lambda n: os.urandom(n - 1) + bytes((n,)), _length_check(0, False)),
    PaddingMethod.SSL3: Padding(lambda n: os.urandom(n - 1) + bytes((n - 1,)), _length_check(1, False)),
    PaddingMethod.ZEROS: Padding(bytes, lambda block: block.rstrip(b"\0"), always=False),
}
"""RFC 8018 section 6.1.1, ANSI X9.23, ISO 10126, RFC 6101 section 5.2.3.2.  Zeros is not for data that ends in them."""


# --- what is to be done ---------------------------------------------------------------------------------------------


def _failed(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, message)


def _refused(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, message)


def _scheme(
    algorithm: CryptographicAlgorithm | None, parameters: CryptographicParameters
) -> tuple[Scheme, Padding | None]:
    named = parameters.cryptographic_algorithm
    if algorithm is None:
        algorithm = named
    elif named is not None and named is not algorithm:
        raise _refused(f"the key is for {algorithm}, not for {named}")
    if algorithm is None:
        raise _refused("the key has no Cryptographic Algorithm and the parameters name none")
    scheme = SCHEMES.get((algorithm, parameters.block_cipher_mode))
    if scheme is None:
        if parameters.block_cipher_mode is None:
            raise _refused(f"{algorithm} needs a Block Cipher Mode, or does not encrypt")
        raise OperationFailed(
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
            f"{algorithm} in the mode {parameters.block_cipher_mode} is not supported",
        )
    method = parameters.padding_method
    if method is None or method is PaddingMethod.NONE:
        return scheme, None
    if not scheme.padded_to or method not in PADDINGS:
        raise _refused(f"{algorithm} in the mode {parameters.block_cipher_mode} takes no padding {method}")
    return scheme, PADDINGS[method]


def _given_iv(scheme: Scheme, parameters: CryptographicParameters, iv: bytes) -> bytes:
    """Check an IV that came with the request; where the mode takes none it is ignored."""
    size = len(iv)
    if not scheme.fresh_iv_bytes:
        return b""
    # KMIP counts the IV Length in bits; OpenBao sends bytes.  It can only say again what is seen, so either will do.
    if size not in scheme.iv_bytes or parameters.iv_length not in (None, size, size * 8):
        raise OperationFailed(ResultReason.INVALID_FIELD, "the IV has the wrong length")
    return iv


def _missing_iv() -> OperationFailed:
    # The OASIS case CS-BC-M-12 wants Invalid Message in every version, 2.x's Missing Initialization Vector or not.
    return OperationFailed(ResultReason.INVALID_MESSAGE, "the IV is missing")


def _iv_to_encrypt(scheme: Scheme, parameters: CryptographicParameters, iv: bytes | None) -> tuple[bytes, bytes | None]:
    """Give the IV, and again if the server made it.

    The server makes it where Random IV is true, and where nothing is said of it (PyKMIP asks so).  An IV that came
    with Random IV true is a contradiction (K25).
    """
    if iv is not None:
        if parameters.random_iv and scheme.fresh_iv_bytes:
            raise _refused("an IV was given although Random IV is true")
        return _given_iv(scheme, parameters, iv), None
    if not scheme.fresh_iv_bytes:
        return b"", None
    if parameters.random_iv is False:
        raise _missing_iv()
    size = scheme.fresh_iv_bytes
    if parameters.iv_length is not None:
        size, rest = divmod(parameters.iv_length, 8)
        if rest or size not in scheme.iv_bytes or size < min(scheme.fresh_iv_bytes, 12):
            raise _refused("no random IV of this IV Length can be made")
    fresh = os.urandom(size)
    return fresh, fresh


def _iv_to_decrypt(scheme: Scheme, parameters: CryptographicParameters, iv: bytes | None) -> bytes:
    if iv is None:
        if scheme.fresh_iv_bytes:
            raise _missing_iv()
        return b""
    return _given_iv(scheme, parameters, iv)


def _tag_bytes(parameters: CryptographicParameters, tag: bytes | None = None) -> int:
    """Give the Tag Length, in bytes (KMIP 1.4 section 3.6); 16 where it is neither said nor seen."""
    size = parameters.tag_length
    if size is None:
        size = LONGEST_TAG_BYTES if tag is None else len(tag)
    if not SHORTEST_TAG_BYTES <= size <= LONGEST_TAG_BYTES:
        # The OASIS case CS-BC-M-CHACHA20POLY1305-1 wants General Failure.
        raise OperationFailed(ResultReason.GENERAL_FAILURE, "the Tag Length is not 12 to 16 bytes")
    return size


def _start(scheme: Scheme, setup: Setup) -> Transform:
    try:
        return scheme.start(setup)
    except (ValueError, OverflowError):
        raise _failed("the key or the counter does not fit the algorithm and mode") from None
    except UnsupportedAlgorithm:
        raise OperationFailed(
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, "this algorithm and mode are not supported"
        ) from None


def _open(scheme: Scheme, setup: Setup, data: bytes, tag: bytes | None) -> bytes:
    """Open what was sealed; without a tag it is the end of the data."""
    assert scheme.open is not None
    size = setup.tag_bytes
    if tag is None:
        data, tag = data[:-size], data[-size:]
    try:
        if len(tag) != size:
            raise InvalidTag
        return scheme.open(setup, data, tag)
    except (InvalidTag, ValueError):
        raise _failed(NOT_DECRYPTED) from None


# --- in parts -------------------------------------------------------------------------------------------------------


class Encryptor:
    """Encrypts data that comes in parts: `update` as often as there is data, then `finish` once."""

    __slots__ = ("_bytes", "_padding", "_scheme", "_tag_bytes", "_transform", "holds", "iv")

    def __init__(
        self, scheme: Scheme, padding: Padding | None, transform: Transform, iv: bytes | None, tag_bytes: int
    ) -> None:
        self._scheme, self._padding, self._transform, self._tag_bytes = scheme, padding, transform, tag_bytes
        self._bytes = 0
        self.iv = iv
        "The IV, only if the server made it; the first answer of a stream carries it."
        self.holds = isinstance(transform, Whole | CCM)
        "Whether the data waits for its end."

    def update(self, data: bytes) -> bytes:
        """Give the ciphertext that is complete with these bytes.

        Raises:
            OperationFailed: Cryptographic Failure if a pad or counter is used up.
        """
        self._bytes += len(data)
        try:
            return self._transform.update(data)
        except ValueError:
            raise _failed("there is more data than this key and IV can encrypt") from None

    def finish(self) -> Encrypted:
        """Give the rest, the IV if the server made it, and the tag.

        Raises:
            OperationFailed: Cryptographic Failure if the data does not fill the blocks.
        """
        try:
            rest = b""
            if self._padding is not None:
                free = -self._bytes % self._scheme.padded_to
                if free or self._padding.always:
                    rest = self._transform.update(self._padding.fill(free or self._scheme.padded_to))
            rest += self._transform.finalize()
        except (ValueError, OverflowError):
            raise _failed("the data has the wrong length for this algorithm, mode and padding") from None
        tag = None if self._scheme.seal is None else self._transform.tag[: self._tag_bytes]  # type: ignore[attr-defined]
        return Encrypted(rest, self.iv, tag)


class Decryptor:
    """Decrypts data that comes in parts: `update` as often as there is data, then `finish` once."""

    __slots__ = ("_held", "_padding", "_scheme", "_setup", "_tag", "_transform", "holds")

    def __init__(
        self, scheme: Scheme, padding: Padding | None, setup: Setup, transform: Transform | None, tag: bytes | None
    ) -> None:
        self._scheme, self._padding, self._setup, self._transform, self._tag = scheme, padding, setup, transform, tag
        self._held = b"" if transform else bytearray()
        self.holds = transform is None or isinstance(transform, Whole)
        "Whether the data waits for its end."

    def update(self, data: bytes) -> bytes:
        """Give the plaintext that is complete with these bytes; none before the tag is checked.

        Raises:
            OperationFailed: Cryptographic Failure if a pad or counter is used up.
        """
        if self._transform is None:
            self._held += data
            return b""
        try:
            plain = self._transform.update(data)
        except ValueError:
            raise _failed(NOT_DECRYPTED) from None
        if self._padding is None:
            return plain
        # The last block has the padding in it: it waits until the end is known.
        plain = bytes(self._held) + plain
        keep = (len(plain) - 1) % self._scheme.padded_to + 1 if plain else 0
        self._held = plain[len(plain) - keep :]
        return plain[: len(plain) - keep]

    def finish(self, tag: bytes | None = None) -> bytes:
        """Give the rest of the plaintext.

        Args:
            tag: if it did not come at the start; without one it is the end of the data.

        Raises:
            OperationFailed: Cryptographic Failure, whatever went wrong.
        """
        if self._transform is None:
            return _open(self._scheme, self._setup, bytes(self._held), tag if tag is not None else self._tag)
        try:
            plain = bytes(self._held) + self._transform.finalize()
            if self._padding is None:
                return plain
            if len(plain) != self._scheme.padded_to:
                # Zeros adds nothing to no data.
                if not plain and not self._padding.always:
                    return b""
                raise ValueError("no last block")
            return self._padding.check(plain)
        except ValueError:
            raise _failed(NOT_DECRYPTED) from None


def encryptor(
    algorithm: CryptographicAlgorithm | None,
    key: bytes,
    parameters: CryptographicParameters | None,
    iv: bytes | None = None,
    aad: bytes | None = None,
) -> Encryptor:
    """Start to encrypt data that comes in parts; the arguments are those of `encrypt`.

    Raises:
        OperationFailed: as `encrypt`.
    """
    parameters = parameters or NO_PARAMETERS
    scheme, padding = _scheme(algorithm, parameters)
    used_iv, made_iv = _iv_to_encrypt(scheme, parameters, iv)
    tag_bytes = _tag_bytes(parameters) if scheme.seal else 0
    transform = _start(scheme, Setup(key, used_iv, True, parameters, aad or b"", tag_bytes))
    return Encryptor(scheme, padding, transform, made_iv, tag_bytes)


def decryptor(
    algorithm: CryptographicAlgorithm | None,
    key: bytes,
    parameters: CryptographicParameters | None,
    iv: bytes | None = None,
    aad: bytes | None = None,
    tag: bytes | None = None,
) -> Decryptor:
    """Start to decrypt data that comes in parts; the arguments are those of `decrypt`.

    Raises:
        OperationFailed: as `decrypt`.
    """
    parameters = parameters or NO_PARAMETERS
    scheme, padding = _scheme(algorithm, parameters)
    tag_bytes = _tag_bytes(parameters, tag) if scheme.open else 0
    setup = Setup(key, _iv_to_decrypt(scheme, parameters, iv), False, parameters, aad or b"", tag_bytes)
    return Decryptor(scheme, padding, setup, None if scheme.open else _start(scheme, setup), tag)


# --- whole ----------------------------------------------------------------------------------------------------------


def encrypt(
    algorithm: CryptographicAlgorithm | None,
    key: bytes | RSAPublicKey | RSAPrivateKey,
    parameters: CryptographicParameters | None,
    data: bytes,
    iv: bytes | None = None,
    aad: bytes | None = None,
) -> Encrypted:
    """Encrypt data.

    Args:
        algorithm: of the key; None if the key has none and the parameters name it.
        key: the bytes of a symmetric key, or an RSA key.
        parameters: of the request, or else of the key.
        iv: of the length that the mode takes.  If it is absent the server makes one, unless Random IV is false.
        aad: data that is only authenticated.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters; Invalid Message if the IV is missing; Invalid
            Field if it has the wrong length; General Failure if the Tag Length is wrong; Cryptographic Failure.
    """
    if isinstance(key, RSAPublicKey):
        return Encrypted(rsa.encrypt(key, parameters, data))
    if isinstance(key, RSAPrivateKey):
        return Encrypted(rsa.encrypt(key.public_key(), parameters, data))
    parameters = parameters or NO_PARAMETERS
    scheme, padding = _scheme(algorithm, parameters)
    if scheme.seal is not None:
        used_iv, made_iv = _iv_to_encrypt(scheme, parameters, iv)
        tag_bytes = _tag_bytes(parameters)
        try:
            sealed = scheme.seal(Setup(key, used_iv, True, parameters, aad or b"", tag_bytes), data)
        except (ValueError, OverflowError):
            raise _failed("the key or the data has the wrong length for this algorithm and mode") from None
        size = len(data)
        return Encrypted(sealed[:size], made_iv, sealed[size : size + tag_bytes])
    used_iv, made_iv = _iv_to_encrypt(scheme, parameters, iv)
    stream = Encryptor(scheme, padding, _start(scheme, Setup(key, used_iv, True, parameters)), made_iv, 0)
    first = stream.update(data)
    last = stream.finish()
    return Encrypted(first + last.data, made_iv)


def decrypt(
    algorithm: CryptographicAlgorithm | None,
    key: bytes | RSAPrivateKey,
    parameters: CryptographicParameters | None,
    data: bytes,
    iv: bytes | None = None,
    aad: bytes | None = None,
    tag: bytes | None = None,
) -> bytes:
    """Decrypt data.

    Args:
        algorithm, key, parameters, iv, aad: as for `encrypt`.
        tag: of authenticated encryption; if it is absent it is the end of the data.

    Raises:
        OperationFailed: as `encrypt`; whatever is wrong with the data or the tag is one Cryptographic Failure.
    """
    if isinstance(key, RSAPrivateKey):
        return rsa.decrypt(key, parameters, data)
    parameters = parameters or NO_PARAMETERS
    scheme, padding = _scheme(algorithm, parameters)
    used_iv = _iv_to_decrypt(scheme, parameters, iv)
    if scheme.open is not None:
        setup = Setup(key, used_iv, False, parameters, aad or b"", _tag_bytes(parameters, tag))
        return _open(scheme, setup, data, tag)
    setup = Setup(key, used_iv, False, parameters)
    stream = Decryptor(scheme, padding, setup, _start(scheme, setup), None)
    return stream.update(data) + stream.finish()
