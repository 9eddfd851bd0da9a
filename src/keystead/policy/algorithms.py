"""Which algorithms, lengths and modes may be used: two sets, and which one is in force is configured.

"default" leaves to a client whatever the server can do: old tapes must be readable.  "approved" is what SP 800-131A
approves: to apply protection the approved algorithms only, to process what is already protected the legacy ones too.

Source: NIST SP 800-131A Rev. 2; FIPS 186-5, 203, 204, 205; SP 800-38A to G; SP 800-186.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    PaddingMethod,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters

_A = CryptographicAlgorithm
_B = BlockCipherMode
_H = HashingAlgorithm
_M = CryptographicUsageMask


@dataclass(frozen=True, slots=True)
class Algorithms:
    """A set of what may be used.

    Attributes:
        protects: the least Cryptographic Length in bits of each algorithm that may apply protection.
        processes: of those that may process what is protected.
        hashes, legacy_hashes: to sign with; only to verify with.
        modes: of block ciphers.
        refused_paddings: of encryption.
    """

    name: str
    everything: bool = False
    protects: Mapping[CryptographicAlgorithm, int] = field(default_factory=dict)
    processes: Mapping[CryptographicAlgorithm, int] = field(default_factory=dict)
    hashes: frozenset[HashingAlgorithm] = frozenset()
    legacy_hashes: frozenset[HashingAlgorithm] = frozenset()
    modes: frozenset[BlockCipherMode] = frozenset()
    refused_paddings: frozenset[PaddingMethod] = frozenset()

    def check_made(self, algorithm: CryptographicAlgorithm, length_bits: int | None) -> None:
        """Refuse to make a key that may not apply protection.

        Raises:
            OperationFailed: Invalid Attribute Value.
        """
        if not self.everything and not _within(self.protects, algorithm, length_bits):
            raise OperationFailed(
                ResultReason.INVALID_ATTRIBUTE_VALUE, f"policy does not allow new {algorithm} keys of this length"
            )

    def check_kept(self, algorithm: CryptographicAlgorithm, length_bits: int | None) -> None:
        """Refuse to keep a key that may be used for nothing.

        Raises:
            OperationFailed: Invalid Attribute Value.
        """
        if not self.everything and not _within(self.processes, algorithm, length_bits):
            raise OperationFailed(
                ResultReason.INVALID_ATTRIBUTE_VALUE, f"policy does not allow {algorithm} keys of this length"
            )

    def check_use(self, algorithm: CryptographicAlgorithm | None, length_bits: int | None, *, protects: bool) -> None:
        """Refuse to use a key: for what it protects newly, or for what it has protected.

        Raises:
            OperationFailed: Unsupported Cryptographic Parameters.
        """
        if self.everything or algorithm is None:
            return
        if not _within(self.protects if protects else self.processes, algorithm, length_bits):
            said = "protect anything" if protects else "be used"
            raise OperationFailed(
                ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
                f"policy does not let {algorithm} keys of this length {said}",
            )

    def check_parameters(
        self, parameters: CryptographicParameters | None, *, protects: bool, encrypts: bool = False
    ) -> None:
        """Refuse a mode, a padding or a hash.

        Args:
            encrypts: data or keys are encrypted or decrypted, not signed.

        Raises:
            OperationFailed: Unsupported Cryptographic Parameters.
        """
        if self.everything or parameters is None:
            return
        hashes = self.hashes if protects else self.hashes | self.legacy_hashes
        for what, refused in (
            (parameters.block_cipher_mode, parameters.block_cipher_mode not in self.modes),
            # In OAEP and in an HMAC a hash need not resist collisions.
            (parameters.hashing_algorithm, not encrypts and parameters.hashing_algorithm not in hashes),
            (parameters.padding_method, encrypts and protects and parameters.padding_method in self.refused_paddings),
        ):
            if what is not None and refused:
                raise OperationFailed(
                    ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, f"policy does not allow {what} here"
                )


def _within(
    least: Mapping[CryptographicAlgorithm, int], algorithm: CryptographicAlgorithm, length_bits: int | None
) -> bool:
    return algorithm in least and (length_bits is None or length_bits >= least[algorithm])


_POST_QUANTUM: Final = {
    algorithm: 0 for algorithm in _A if algorithm.title.startswith(("ML-", "SLH-", "HashML-", "HashSLH-"))
}
_QUANTUM_SAFE: Final = {_A.AES: 256, _A.CHACHA20: 256, _A.CHACHA20POLY1305: 256, **_POST_QUANTUM}
"""What a quantum computer does not break, and the least length in bits: it halves that of a symmetric key.

Source: NIST IR 8105 section 2; KMIP Profiles 2.1 section 5.16.
"""


def check_quantum_safe(algorithm: CryptographicAlgorithm, length_bits: int | None) -> None:
    """Refuse to make a key that is required to be Quantum Safe and would not be.

    Raises:
        OperationFailed: General Failure, which is what Create says in the OASIS test cases since 2.0.
    """
    if not _within(_QUANTUM_SAFE, algorithm, length_bits):
        raise OperationFailed(ResultReason.GENERAL_FAILURE, f"a key for {algorithm} of this length is not Quantum Safe")


_HMACS: Final = [a for a in _A if a.name.startswith("HMAC_SHA")]
_PROTECTS: Final = {
    _A.AES: 128,
    _A.RSA: 2048,
    _A.DH: 2048,
    **dict.fromkeys((_A.EC, _A.ECDSA, _A.ECDH), 224),
    **dict.fromkeys((_A.ED25519, _A.ED448), 0),
    **dict.fromkeys(_HMACS, 112),
    **_POST_QUANTUM,
}
_ENCRYPTION_MODES: Final = frozenset(
    {_B.ECB, _B.CBC, _B.CFB, _B.OFB, _B.CTR, _B.CMAC, _B.CCM, _B.GCM, _B.XTS, _B.AESKEYWRAPPADDING, _B.NISTKEYWRAP}
)

DEFAULT: Final = Algorithms("default", everything=True)
APPROVED: Final = Algorithms(
    "approved",
    protects=_PROTECTS,
    processes={**_PROTECTS, _A.TRIPLE_DES: 112, _A.DSA: 1024, _A.RSA: 1024, **dict.fromkeys(_HMACS, 80)},
    hashes=frozenset(
        {_H.SHA_224, _H.SHA_256, _H.SHA_384, _H.SHA_512, _H.SHA_512_224, _H.SHA_512_256}
        | {_H.SHA3_224, _H.SHA3_256, _H.SHA3_384, _H.SHA3_512}
    ),
    legacy_hashes=frozenset({_H.SHA_1}),
    modes=_ENCRYPTION_MODES,
    refused_paddings=frozenset({PaddingMethod.PKCS1_V1_5}),
)
SETS: Final[Mapping[str, Algorithms]] = {each.name: each for each in (DEFAULT, APPROVED)}
"""By the names that the configuration uses."""
