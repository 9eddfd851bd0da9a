"""ML-KEM, ML-DSA and SLH-DSA, all parameter sets, and the pre-hashed variants.

A private key is a seed where the library takes one (ML-KEM-768 and -1024, ML-DSA), else, and where one was brought in,
the expanded form of the standard.

Source: FIPS 203, 204, 205; RFC 9881, 9909, 9935 for the encodings; KMIP 3.0 CSD01 section 11 for the names.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem

from keystead.crypto import checks, der
from keystead.crypto.mac import digest
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, HashingAlgorithm, ResultReason

A = CryptographicAlgorithm

_NIST: Final = "2.16.840.1.101.3.4"


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """A post-quantum algorithm with its parameters.

    Attributes:
        oid: of the keys.
        module: of pqcrypto.
        public_bytes, private_bytes: sizes of the encodings of the standard.
        category_bits: the classical strength that its security category stands for (SP 800-57 Part 1 table 2).
        seed_bytes: of the seed, if the library takes one; else 0.
        native: the library's private and public key classes, if it has them.
        prehash: the name of the hash of a pre-hashed variant.
    """

    oid: str
    module: str
    public_bytes: int
    private_bytes: int
    category_bits: int
    seed_bytes: int = 0
    native: tuple[Any, Any] | None = None
    prehash: str | None = None

    @property
    def is_kem(self) -> bool:
        return self.module.startswith("kem.")


PARAMETER_SETS: Final[dict[CryptographicAlgorithm, ParameterSet]] = {
    A.ML_KEM_512: ParameterSet(f"{_NIST}.4.1", "kem.ml_kem_512", 800, 1632, 128),
    A.ML_KEM_768: ParameterSet(
        f"{_NIST}.4.2", "kem.ml_kem_768", 1184, 2400, 192, 64, (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey)
    ),
    A.ML_KEM_1024: ParameterSet(
        f"{_NIST}.4.3", "kem.ml_kem_1024", 1568, 3168, 256, 64, (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey)
    ),
    A.ML_DSA_44: ParameterSet(
        f"{_NIST}.3.17", "sign.ml_dsa_44", 1312, 2560, 128, 32, (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey)
    ),
    A.ML_DSA_65: ParameterSet(
        f"{_NIST}.3.18", "sign.ml_dsa_65", 1952, 4032, 192, 32, (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey)
    ),
    A.ML_DSA_87: ParameterSet(
        f"{_NIST}.3.19", "sign.ml_dsa_87", 2592, 4896, 256, 32, (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey)
    ),
    A.HASHML_DSA_44_WITH_SHA_512: ParameterSet(f"{_NIST}.3.32", "sign.ml_dsa_44", 1312, 2560, 128, prehash="Sha512"),
    A.HASHML_DSA_65_WITH_SHA_512: ParameterSet(f"{_NIST}.3.33", "sign.ml_dsa_65", 1952, 4032, 192, prehash="Sha512"),
    A.HASHML_DSA_87_WITH_SHA_512: ParameterSet(f"{_NIST}.3.34", "sign.ml_dsa_87", 2592, 4896, 256, prehash="Sha512"),
}


def _slh_dsa(first: CryptographicAlgorithm, first_oid: int, prehashes: dict[tuple[str, int], str]) -> None:
    """Enter the twelve sets of SLH-DSA, which stand in KMIP and among the object identifiers in one order."""
    names = [(family, bits, speed) for family in ("sha2", "shake") for bits in (128, 192, 256) for speed in "sf"]
    algorithms = [algorithm for algorithm in A if first <= algorithm < first + len(names)]
    for index, (algorithm, (family, bits, speed)) in enumerate(zip(algorithms, names, strict=True)):
        PARAMETER_SETS[algorithm] = ParameterSet(
            f"{_NIST}.3.{first_oid + index}",
            f"sign.slh_dsa_{family}_{bits}{speed}",
            bits // 4,
            bits // 2,
            bits,
            prehash=prehashes.get((family, bits)),
        )


_slh_dsa(A.SLH_DSA_SHA2_128S, 20, {})
_slh_dsa(
    A.HASHSLH_DSA_SHA2_128S_WITH_SHA_256,
    35,
    {("sha2", 128): "Sha256", ("sha2", 192): "Sha512", ("sha2", 256): "Sha512"}
    | {("shake", 128): "Shake128", ("shake", 192): "Shake256", ("shake", 256): "Shake256"},
)

_BY_OID: Final = {der.object_identifier(row.oid): algorithm for algorithm, row in PARAMETER_SETS.items()}


@dataclass(frozen=True, slots=True)
class PostQuantumPublicKey:
    """A public key in the encoding of its standard."""

    algorithm: CryptographicAlgorithm
    material: bytes
    native: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PostQuantumPrivateKey:
    """A private key: a seed, or the encoding of its standard."""

    algorithm: CryptographicAlgorithm
    material: bytes = field(repr=False)
    public_material: bytes | None = None
    native: Any = field(default=None, repr=False, compare=False)

    def public_key(self) -> PostQuantumPublicKey:
        """Give the public half.

        Raises:
            OperationFailed: Feature Not Supported: an expanded ML-DSA key does not contain it.
        """
        if self.public_material is None:
            raise OperationFailed(
                ResultReason.FEATURE_NOT_SUPPORTED, "the public key does not follow from an expanded ML-DSA key"
            )
        return load_public(self.algorithm, self.public_material)


@cache
def _module(name: str) -> Any:
    package, name = name.split(".")
    return getattr(importlib.import_module(f"pqcrypto.{package}"), name)


@cache
def _prehash(name: str) -> Any:
    return getattr(importlib.import_module("pqcrypto").HashAlgorithm, name)


def parameter_set(algorithm: CryptographicAlgorithm) -> ParameterSet:
    """Give the row of an algorithm.

    Raises:
        OperationFailed: Invalid Field.
    """
    try:
        return PARAMETER_SETS[algorithm]
    except KeyError:
        raise OperationFailed(ResultReason.INVALID_FIELD, f"{algorithm} is not a post-quantum algorithm") from None


def generate(algorithm: CryptographicAlgorithm) -> PostQuantumPrivateKey:
    """Make a key pair.

    Raises:
        OperationFailed: Invalid Field.
    """
    row = parameter_set(algorithm)
    if row.native is not None:
        return _of_native(algorithm, row.native[0].generate())
    public, private = _module(row.module).keygen()
    return PostQuantumPrivateKey(algorithm, bytes(private), bytes(public))


def _of_native(algorithm: CryptographicAlgorithm, key: Any) -> PostQuantumPrivateKey:
    return PostQuantumPrivateKey(algorithm, key.private_bytes_raw(), key.public_key().public_bytes_raw(), key)


def load_private(algorithm: CryptographicAlgorithm, material: bytes) -> PostQuantumPrivateKey:
    """Load a seed or an expanded private key; its length tells which it is.

    Raises:
        OperationFailed: Invalid Attribute Value if it is neither, Invalid Field.
    """
    row = parameter_set(algorithm)
    if row.native is not None and len(material) == row.seed_bytes:
        return _of_native(algorithm, row.native[0].from_seed_bytes(material))
    if len(material) != row.private_bytes:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"the key has the wrong length for {algorithm}")
    public: bytes | None = None
    if row.is_kem:
        # dk = dk_PKE ‖ ek ‖ H(ek) ‖ z.  Source: FIPS 203 algorithm 16.
        public = material[-64 - row.public_bytes : -64]
        if digest(material[-64 - row.public_bytes : -64], HashingAlgorithm.SHA3_256) != material[-64:-32]:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "the hash in the ML-KEM key is wrong")
    elif row.module.startswith("sign.ml"):
        try:
            checks.ml_dsa_private(material)
        except ValueError as error:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, str(error)) from None
    elif row.module.startswith("sign.slh"):
        public = material[len(material) // 2 :]  # SK = seed ‖ prf ‖ PK.  Source: FIPS 205 section 9.1.
    return PostQuantumPrivateKey(algorithm, material, public)


def load_public(algorithm: CryptographicAlgorithm, material: bytes) -> PostQuantumPublicKey:
    """Load a public key in the encoding of its standard.

    Raises:
        OperationFailed: Invalid Attribute Value, Invalid Field.
    """
    row = parameter_set(algorithm)
    if len(material) != row.public_bytes:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"the key has the wrong length for {algorithm}")
    try:
        if row.is_kem:
            checks.ml_kem_public(material)
        native = row.native[1].from_public_bytes(material) if row.native is not None else None
    except ValueError:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"the bytes are no key of {algorithm}") from None
    return PostQuantumPublicKey(algorithm, material, native)


# --- PKCS#8 and X.509 -------------------------------------------------------------------------------------------------


def dump_pkcs8(key: PostQuantumPrivateKey) -> bytes:
    """Give a OneAsymmetricKey.  Source: RFC 9881 section 6, 9909 section 5, 9935 section 6."""
    row = parameter_set(key.algorithm)
    inner = key.material
    if not row.module.startswith("sign.slh"):
        is_seed = len(inner) == row.seed_bytes
        inner = der.encode(0x80 if is_seed else der.OCTET_STRING, inner)
    return der.encode(
        der.SEQUENCE,
        der.encode(der.INTEGER, b"\0"),
        der.encode(der.SEQUENCE, der.object_identifier(row.oid)),
        der.encode(der.OCTET_STRING, inner),
    )


def dump_spki(key: PostQuantumPublicKey) -> bytes:
    """Give a SubjectPublicKeyInfo."""
    return der.encode(
        der.SEQUENCE,
        der.encode(der.SEQUENCE, der.object_identifier(parameter_set(key.algorithm).oid)),
        der.encode(der.BIT_STRING, b"\0", key.material),
    )


def parse_pkcs8(data: bytes) -> PostQuantumPrivateKey | None:
    """Load a OneAsymmetricKey; None if it is of another algorithm.

    Raises:
        ValueError: it is not DER.
        OperationFailed: Invalid Attribute Value.
    """
    fields = der.sequence(data)
    if len(fields) < 3 or fields[1][0] != der.SEQUENCE:
        raise ValueError("not PKCS#8")
    algorithm = _BY_OID.get(fields[1][1])
    if algorithm is None:
        return None
    inner = fields[2][1]
    if not parameter_set(algorithm).module.startswith("sign.slh"):
        tag, content = der.elements(inner)[0]
        # Both: the seed decides, and the library makes the rest of it.
        inner = der.elements(content)[0][1] if tag == der.SEQUENCE else content
    return load_private(algorithm, inner)


def parse_spki(data: bytes) -> PostQuantumPublicKey | None:
    """Load a SubjectPublicKeyInfo; None if it is of another algorithm.

    Raises:
        ValueError: it is not DER.
        OperationFailed: Invalid Attribute Value.
    """
    fields = der.sequence(data)
    if len(fields) != 2 or fields[1][0] != der.BIT_STRING:
        raise ValueError("not a SubjectPublicKeyInfo")
    algorithm = _BY_OID.get(fields[0][1])
    return None if algorithm is None else load_public(algorithm, fields[1][1][1:])


# --- what they do -----------------------------------------------------------------------------------------------------


def sign(key: PostQuantumPrivateKey, data: bytes, context: bytes | None = None) -> bytes:
    """Sign data, hedged.

    Args:
        context: at most 255 bytes that the verifier must know.

    Raises:
        OperationFailed: Bad Cryptographic Parameters, Cryptographic Failure.
    """
    row = _signing(key.algorithm)
    try:
        if key.native is not None:
            return bytes(key.native.sign(data, context or None))
        prehash = None if row.prehash is None else _prehash(row.prehash)
        return bytes(_module(row.module).sign(key.material, data, context or None, prehash))
    except ValueError:
        raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "the data could not be signed") from None


def verify(key: PostQuantumPublicKey, data: bytes, signature: bytes, context: bytes | None = None) -> bool:
    """Say whether a signature is right.

    Raises:
        OperationFailed: Bad Cryptographic Parameters.
    """
    row = _signing(key.algorithm)
    try:
        if key.native is not None:
            key.native.verify(signature, data, context or None)
        else:
            prehash = None if row.prehash is None else _prehash(row.prehash)
            _module(row.module).verify(key.material, data, signature, context or None, prehash)
    except (InvalidSignature, ValueError, _invalid_signature()):
        return False
    return True


@cache
def _invalid_signature() -> type[Exception]:
    error: type[Exception] = importlib.import_module("pqcrypto").InvalidSignatureError
    return error


def encapsulate(key: PostQuantumPublicKey) -> tuple[bytes, bytes]:
    """Make a shared secret of 32 bytes for the holder of the private key: (ciphertext, shared secret).

    Raises:
        OperationFailed: Bad Cryptographic Parameters, Cryptographic Failure.

    Source: FIPS 203 section 7.2.
    """
    row = _encapsulating(key.algorithm)
    try:
        if key.native is not None:
            shared, ciphertext = key.native.encapsulate()
        else:
            ciphertext, shared = _module(row.module).encaps(key.material)
    except ValueError:
        raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "no secret could be encapsulated") from None
    return bytes(ciphertext), bytes(shared)


def decapsulate(key: PostQuantumPrivateKey, ciphertext: bytes) -> bytes:
    """Give the shared secret of a ciphertext; of an altered one, another secret: implicit rejection.

    Raises:
        OperationFailed: Bad Cryptographic Parameters; Cryptographic Failure if it has the wrong length.

    Source: FIPS 203 section 7.3.
    """
    row = _encapsulating(key.algorithm)
    try:
        if key.native is not None:
            return bytes(key.native.decapsulate(ciphertext))
        return bytes(_module(row.module).decaps(key.material, ciphertext))
    except ValueError:
        raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "the secret could not be decapsulated") from None


def _signing(algorithm: CryptographicAlgorithm) -> ParameterSet:
    row = parameter_set(algorithm)
    if row.is_kem:
        raise OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, f"{algorithm} does not sign")
    return row


def _encapsulating(algorithm: CryptographicAlgorithm) -> ParameterSet:
    row = parameter_set(algorithm)
    if not row.is_kem:
        raise OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, f"{algorithm} does not encapsulate")
    return row
