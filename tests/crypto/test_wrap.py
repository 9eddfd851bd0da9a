"""keystead.crypto.wrap."""

from __future__ import annotations

import pytest

from keystead.crypto import keys
from keystead.crypto.wrap import NOT_UNWRAPPED, is_authenticated, strength_bits, unwrap, wrap
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters as Parameters

A = CryptographicAlgorithm
M = BlockCipherMode
P = PaddingMethod
R = ResultReason

KW = Parameters(block_cipher_mode=M.NISTKEYWRAP)
KWP = Parameters(block_cipher_mode=M.AESKEYWRAPPADDING)
GCM = Parameters(block_cipher_mode=M.GCM, random_iv=True)
CBC = Parameters(block_cipher_mode=M.CBC, padding_method=P.PKCS5)
OAEP = Parameters(padding_method=P.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256)


def records(vectors, name):
    return [record for record in vectors(f"keywrap/kwtestvectors/{name}.txt") if "K" in record][:60]


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize(("name", "parameters"), [("KW", KW), ("KWP", KWP)], ids=["KW", "KWP"])
def test_wrapping_gives_nists_answers(vectors, name, parameters, bits):
    for record in records(vectors, f"{name}_AE_{bits}"):
        key, plain, answer = (bytes.fromhex(record[field]) for field in "KPC")
        assert wrap(key, parameters, plain).data == answer


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize(("name", "parameters"), [("KW", KW), ("KWP", KWP)], ids=["KW", "KWP"])
def test_unwrapping_gives_nists_answers_and_refusals(vectors, name, parameters, bits):
    refusals = 0
    for record in records(vectors, f"{name}_AD_{bits}"):
        key, wrapped = bytes.fromhex(record["K"]), bytes.fromhex(record["C"])
        if "FAIL" in record:
            with pytest.raises(OperationFailed):
                unwrap(key, parameters, wrapped)
            refusals += 1
        else:
            assert unwrap(key, parameters, wrapped) == bytes.fromhex(record["P"])
    assert refusals


@pytest.mark.parametrize("parameters", [None, Parameters(), KW, KWP, GCM, CBC], ids=str)
def test_every_way_unwraps_what_it_wraps(parameters):
    made = wrap(bytes(32), parameters, b"0123456789abcdef")
    assert unwrap(bytes(32), parameters, made.data, made.iv) == b"0123456789abcdef"


def test_rsa_unwraps_what_it_wraps(rsa_pair):
    for parameters in (OAEP, Parameters(padding_method=P.PKCS1_V1_5)):
        made = wrap(rsa_pair.public_key, parameters, bytes(32))
        assert unwrap(rsa_pair.private_key, parameters, made.data) == bytes(32)


@pytest.mark.parametrize(("parameters", "good"), [(KW, 1), (KWP, 1), (GCM, 1), (OAEP, 1), (CBC, 0), (None, 1)], ids=str)
def test_k17_which_ways_notice_a_change(parameters, good):
    assert is_authenticated(parameters) == bool(good)
    assert not is_authenticated(Parameters(block_cipher_mode=M.ECB))
    assert not is_authenticated(Parameters(padding_method=P.PKCS1_V1_5))


@pytest.mark.parametrize("parameters", [KW, KWP, GCM], ids=["KW", "KWP", "GCM"])
def test_k20_every_altered_bit_a_cut_and_a_wrong_key_are_one_refusal(parameters, refused):
    made = wrap(bytes(16), parameters, b"0123456789abcdef")
    for bit in range(len(made.data) * 8):
        altered = bytearray(made.data)
        altered[bit // 8] ^= 1 << bit % 8
        with refused(R.CRYPTOGRAPHIC_FAILURE, NOT_UNWRAPPED):
            unwrap(bytes(16), parameters, bytes(altered), made.iv)
    for cut in range(len(made.data)):
        with refused(R.CRYPTOGRAPHIC_FAILURE, NOT_UNWRAPPED):
            unwrap(bytes(16), parameters, made.data[:cut], made.iv)
    with refused(R.CRYPTOGRAPHIC_FAILURE, NOT_UNWRAPPED):
        unwrap(bytes(15) + b"x", parameters, made.data, made.iv)


def test_k20_rsa_refusals_read_the_same(rsa_pair, refused):
    made = wrap(rsa_pair.public_key, OAEP, bytes(16)).data
    for wrong in (made[:-1], made[:-1] + bytes((made[-1] ^ 1,)), b"", bytes(256)):
        with refused(R.CRYPTOGRAPHIC_FAILURE, NOT_UNWRAPPED):
            unwrap(rsa_pair.private_key, OAEP, wrong)


def test_rfc_3394_wraps_multiples_of_eight_bytes_from_sixteen_on(refused):
    for size in (0, 8, 15, 17, 31):
        with refused(R.CRYPTOGRAPHIC_FAILURE):
            wrap(bytes(16), KW, bytes(size))


@pytest.mark.parametrize(
    ("algorithm", "length", "curve", "bits"),
    [
        (A.AES, 128, None, 128),
        (A.AES, 256, None, 256),
        (A.AES, 512, None, 256),
        (A.CHACHA20POLY1305, 256, None, 256),
        (A.TRIPLE_DES, 112, None, 80),
        (A.TRIPLE_DES, 128, None, 80),
        (A.TRIPLE_DES, 168, None, 112),
        (A.TRIPLE_DES, 192, None, 112),
        (A.TRIPLE_DES, 64, None, 0),
        (A.DES, 56, None, 0),
        (A.RC4, 128, None, 0),
        (A.RSA, 512, None, 0),
        (A.RSA, 1024, None, 80),
        (A.RSA, 2048, None, 112),
        (A.RSA, 3072, None, 128),
        (A.RSA, 4096, None, 128),
        (A.RSA, 7680, None, 192),
        (A.DH, 8192, None, 192),
        (A.RSA, 15360, None, 256),
        (A.EC, 192, None, 96),
        (A.ECDH, 256, RecommendedCurve.P_256, 128),
        (A.EC, 521, None, 256),
        (A.EC, 256, RecommendedCurve.CURVE25519, 128),
        (A.ED448, 456, None, 224),
        (A.HMAC_SHA256, 512, None, 256),
        (A.HMAC_SHA256, 64, None, 64),
        (A.ML_KEM_512, 6400, None, 128),
        (A.ML_DSA_65, 15616, None, 192),
        (A.SLH_DSA_SHAKE_256S, 512, None, 256),
    ],
    ids=str,
)
def test_k17_strengths_are_those_of_sp_800_57(algorithm, length, curve, bits):
    assert strength_bits(algorithm, length, curve) == bits


@pytest.mark.parametrize("algorithm", keys.LENGTHS, ids=str)
def test_every_symmetric_algorithm_has_a_strength(algorithm):
    lengths = keys.LENGTHS[algorithm]
    assert all(0 <= strength_bits(algorithm, length) <= 512 for length in range(1, 600) if length in lengths)
