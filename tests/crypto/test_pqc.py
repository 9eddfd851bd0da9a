"""keystead.crypto.pqc."""

from __future__ import annotations

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from keystead.crypto import formats, pqc
from keystead.crypto.pqc import (
    PARAMETER_SETS,
    decapsulate,
    encapsulate,
    generate,
    load_private,
    load_public,
    sign,
    verify,
)
from keystead.kmip.enums import CryptographicAlgorithm, KeyFormatType, ResultReason

A = CryptographicAlgorithm
F = KeyFormatType
R = ResultReason
KEMS = [algorithm for algorithm, row in PARAMETER_SETS.items() if row.is_kem]
SIGNATURES = [algorithm for algorithm, row in PARAMETER_SETS.items() if not row.is_kem]
FAST = [algorithm for algorithm in SIGNATURES if "S_WITH" not in algorithm.name and not algorithm.name.endswith("S")]
SLOW = [algorithm for algorithm in SIGNATURES if algorithm not in FAST]


def test_every_parameter_set_of_the_three_standards_is_there():
    assert len(KEMS) == 3
    assert len(SIGNATURES) == 2 * (3 + 12)
    assert len({row.oid for row in PARAMETER_SETS.values()}) == len(PARAMETER_SETS)


@pytest.mark.parametrize(("algorithm", "name"), [(A.ML_KEM_512, 512), (A.ML_KEM_768, 768), (A.ML_KEM_1024, 1024)])
def test_ml_kem_gives_the_published_answers(vectors, algorithm, name):
    for record in vectors(f"asymmetric/MLKEM/kat_MLKEM_{name}.rsp")[:10]:
        expanded, ciphertext, shared = (bytes.fromhex(record[field]) for field in ("SK", "CT", "SS"))
        key = load_private(algorithm, expanded)
        assert decapsulate(key, ciphertext) == shared
        assert key.public_key().material.hex() == record["PK"]
        # Of an altered ciphertext comes another secret, the same each time.
        assert decapsulate(key, bytes.fromhex(record["CT_N"])).hex() == record["SS_N"]
        if PARAMETER_SETS[algorithm].seed_bytes:
            seed = load_private(algorithm, bytes.fromhex(record["D"] + record["Z"]))
            assert decapsulate(seed, ciphertext) == shared
            assert seed.public_key() == key.public_key()


@pytest.mark.parametrize(("algorithm", "name"), [(A.ML_DSA_44, 44), (A.ML_DSA_65, 65), (A.ML_DSA_87, 87)])
def test_ml_dsa_accepts_the_published_signatures(vectors, algorithm, name):
    for record in vectors(f"asymmetric/MLDSA/kat_MLDSA_{name}_det_pure.rsp")[:10]:
        message, context = bytes.fromhex(record["MSG"]), bytes.fromhex(record["CTX"])
        signed = bytes.fromhex(record["SM"])
        signature = signed[: len(signed) - len(message)]
        public = load_public(algorithm, bytes.fromhex(record["PK"]))
        assert verify(public, message, signature, context)
        assert not verify(public, message + b"x", signature, context)
        seed = load_private(algorithm, bytes.fromhex(record["XI"]))
        assert seed.public_key() == public
        expanded = load_private(algorithm, bytes.fromhex(record["SK"]))
        for key in (seed, expanded):
            assert verify(public, message, sign(key, message, context), context)


@pytest.mark.parametrize("algorithm", [*FAST, A.SLH_DSA_SHA2_128S])
def test_signatures_verify_and_belong_to_their_data_context_and_key(algorithm):
    key = generate(algorithm)
    signature = sign(key, b"data", b"context")
    public = key.public_key()
    assert verify(public, b"data", signature, b"context")
    for data, given, context in (
        (b"date", signature, b"context"),
        (b"data", signature, None),
        (b"data", signature[:-1], b"context"),
        (b"data", b"", b"context"),
        (b"data", bytes(len(signature)), b"context"),
    ):
        assert not verify(public, data, given, context)
    reloaded = load_private(algorithm, key.material)
    assert verify(public, b"data", sign(reloaded, b"data"))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", SLOW)
def test_the_small_sets_sign_too(algorithm):
    key = generate(algorithm)
    assert verify(key.public_key(), b"data", sign(key, b"data"))


@pytest.mark.parametrize("algorithm", SLOW)
def test_the_small_sets_make_keys_of_their_sizes(algorithm):
    row = PARAMETER_SETS[algorithm]
    key = generate(algorithm)
    assert (len(key.material), len(key.public_key().material)) == (row.private_bytes, row.public_bytes)


@pytest.mark.parametrize("algorithm", KEMS)
def test_the_holder_of_the_private_key_gets_the_same_secret(algorithm, refused):
    key = generate(algorithm)
    ciphertext, shared = encapsulate(key.public_key())
    assert len(shared) == 32
    assert decapsulate(key, ciphertext) == shared
    assert decapsulate(key, bytes((ciphertext[0] ^ 1,)) + ciphertext[1:]) != shared
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        decapsulate(key, ciphertext[:-1])


@pytest.mark.parametrize("algorithm", PARAMETER_SETS)
def test_encodings_are_those_of_the_library_where_it_has_them(algorithm):
    row = PARAMETER_SETS[algorithm]
    if algorithm in SLOW:
        pytest.skip("as the fast sets")
    key = generate(algorithm)
    public = key.public_key()
    private_der, public_der = pqc.dump_pkcs8(key), pqc.dump_spki(public)
    assert pqc.parse_pkcs8(private_der).material == key.material
    assert pqc.parse_spki(public_der) == public
    if row.native is not None:
        assert key.native.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == private_der
        assert public.native.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public_der


def test_a_published_pkcs8_key_without_seed_loads():
    with cryptography_vectors.open_vector_file("asymmetric/MLDSA/mldsa65_noseed_priv.der", "rb") as file:
        key = formats.load_private(F.PKCS_8, file.read(), A.ML_DSA_65)
    assert len(key.material) == 4032
    assert sign(key, b"data")


def test_an_expanded_ml_dsa_key_does_not_give_its_public_half(vectors, refused):
    record = vectors("asymmetric/MLDSA/kat_MLDSA_44_det_pure.rsp")[0]
    with refused(R.FEATURE_NOT_SUPPORTED):
        load_private(A.ML_DSA_44, bytes.fromhex(record["SK"])).public_key()


def test_keys_of_other_lengths_and_altered_ones_are_refused(vectors, refused):
    for algorithm, size in ((A.ML_KEM_768, 63), (A.ML_DSA_44, 33), (A.SLH_DSA_SHA2_128F, 65), (A.ML_KEM_512, 64)):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_private(algorithm, bytes(size))
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_public(algorithm, bytes(size))
    expanded = bytearray.fromhex(vectors("asymmetric/MLKEM/kat_MLKEM_768.rsp")[0]["SK"])
    expanded[1500] ^= 1
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_private(A.ML_KEM_768, bytes(expanded))
    with refused(R.INVALID_FIELD):
        load_private(A.AES, bytes(32))


def test_kems_do_not_sign_and_signatures_do_not_encapsulate(refused):
    kem, signature = generate(A.ML_KEM_768), generate(A.ML_DSA_44)
    for call in (
        lambda: sign(kem, b""),
        lambda: verify(kem.public_key(), b"", b""),
        lambda: encapsulate(signature.public_key()),
        lambda: decapsulate(signature, b""),
    ):
        with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
            call()


def test_a_private_key_does_not_print():
    key = generate(A.ML_DSA_44)
    assert key.material.hex() not in repr(key)
    assert repr(key.material) not in repr(key)
