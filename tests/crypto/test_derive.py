"""keystead.crypto.derive."""

from __future__ import annotations

import hashlib
import hmac
import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keystead.crypto import cipher, ffdh, formats, keys
from keystead.crypto.derive import agree, derive
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters, DerivationParameters

A = CryptographicAlgorithm
H = HashingAlgorithm
M = DerivationMethod
R = ResultReason


def given(*data: bytes, salt=None, iterations=None, iv=None, **cryptographic):
    parameters = CryptographicParameters(**cryptographic) if cryptographic else None
    return DerivationParameters(
        cryptographic_parameters=parameters,
        derivation_data=data,
        salt=salt,
        iteration_count=iterations,
        initialization_vector=iv,
    )


def test_pbkdf2_gives_rfc_6070s_answers(vectors):
    for record in vectors("KDF/rfc-6070-PBKDF2-SHA1.txt"):
        iterations = int(record["ITERATIONS"])
        if iterations > 5000:
            continue
        salt, password = (record[name].encode().decode("unicode_escape").encode() for name in ("SALT", "PASSWORD"))
        made = derive(M.PBKDF2, given(salt=salt, iterations=iterations), [password], int(record["LENGTH"]))
        assert made.hex() == record["DERIVED_KEY"]


def test_pbkdf2_takes_another_hash():
    parameters = given(salt=b"salt", iterations=2, hashing_algorithm=H.SHA_256)
    assert derive(M.PBKDF2, parameters, [b"password"], 40) == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2, 40)


@pytest.mark.parametrize("hashing", [H.SHA_1, H.SHA_256], ids=str)
def test_hkdf_gives_rfc_5869s_answers(vectors, hashing):
    for record in vectors(f"KDF/rfc-5869-HKDF-{hashing.title.replace('-1', '1').replace('-256', '256')}.txt"):
        key, info, answer = (bytes.fromhex(record[name]) for name in ("IKM", "INFO", "OKM"))
        salt = bytes.fromhex(record.get("SALT", "")) or None
        parameters = given(*([info] if info else []), salt=salt, hashing_algorithm=hashing)
        assert derive(M.HKDF, parameters, [key], int(record["L"])) == answer


def test_kbkdf_in_counter_mode_gives_nists_answers(vectors):
    prfs = {
        "CMAC_AES128": {"cryptographic_algorithm": A.AES},
        "CMAC_AES256": {"cryptographic_algorithm": A.AES},
        "HMAC_SHA1": {"hashing_algorithm": H.SHA_1},
        "HMAC_SHA256": {"cryptographic_algorithm": A.HMAC_SHA256},
        "HMAC_SHA512": {"hashing_algorithm": H.SHA_512},
    }
    seen = set()
    for record in vectors("KDF/nist-800-108-KBKDF-CTR.txt"):
        prf, form = record.get("PRF"), (record.get("CTRLOCATION"), record.get("RLEN"))
        if prf not in prfs or form != ("BEFORE_FIXED", "32_BITS") or "KO" not in record:
            continue
        key, data, answer = (bytes.fromhex(record[name]) for name in ("KI", "FIXEDINPUTDATA", "KO"))
        assert derive(M.NIST800_108_C, given(data, **prfs[prf]), [key], len(answer)) == answer
        seen.add(prf)
    assert seen == set(prfs)


def test_kbkdf_in_feedback_and_double_pipeline_mode_follow_sp_800_108():
    def prf(data):
        return hmac.digest(b"key", data, "sha256")

    fixed, iv = b"label\0context", b"iv"
    k1 = prf(iv + b"\0\0\0\1" + fixed)
    feedback = k1 + prf(k1 + b"\0\0\0\2" + fixed)
    parameters = given(fixed, iv=iv, hashing_algorithm=H.SHA_256)
    assert derive(M.NIST800_108_F, parameters, [b"key"], 50) == feedback[:50]
    a1 = prf(fixed)
    a2 = prf(a1)
    pipeline = prf(a1 + b"\0\0\0\1" + fixed) + prf(a2 + b"\0\0\0\2" + fixed)
    parameters = given(fixed, hashing_algorithm=H.SHA_256)
    assert derive(M.NIST800_108_DPI, parameters, [b"key"], 64) == pipeline


def test_hash_is_the_start_of_the_digest_of_the_key():
    made = derive(M.HASH, given(hashing_algorithm=H.SHA_256), [b"key"], 16)
    assert made == hashlib.sha256(b"key").digest()[:16]


def test_hmac_takes_the_hash_of_an_hmac_key_before_that_of_the_parameters():
    parameters = given(b"data", hashing_algorithm=H.SHA_1)
    assert derive(M.HMAC, parameters, [b"key"], 32, A.HMAC_SHA256) == hmac.digest(b"key", b"data", "sha256")
    assert derive(M.HMAC, parameters, [b"key"], 20, A.AES) == hmac.digest(b"key", b"data", "sha1")


def test_encrypt_is_the_start_of_the_ciphertext():
    cryptographic = CryptographicParameters(
        block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, cryptographic_algorithm=A.AES
    )
    for iv in (bytes(16), None):
        parameters = DerivationParameters(
            cryptographic_parameters=cryptographic, initialization_vector=iv, derivation_data=(b"data" * 8,)
        )
        answer = cipher.encrypt(A.AES, bytes(16), cryptographic, b"data" * 8, bytes(16)).data
        assert derive(M.ENCRYPT, parameters, [bytes(16)], 32, A.AES) == answer[:32]


def test_derivation_data_may_be_the_second_object():
    parameters = given(hashing_algorithm=H.SHA_256)
    assert derive(M.HMAC, parameters, [b"key", b"data"], 32) == hmac.digest(b"key", b"data", "sha256")


def test_aws_signature_version_4_gives_the_documented_answer():
    """Source: AWS documentation, Signature Version 4, examples of deriving a signing key."""
    secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    made = derive(M.AWS_SIGNATURE_VERSION_4, given(b"20120215", b"us-east-1", b"iam"), [secret], 32)
    assert made.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


# --- agreement --------------------------------------------------------------------------------------------------------


def test_x25519_gives_rfc_7748s_answers(vectors):
    for record in vectors("asymmetric/X25519/rfc7748.txt")[:2]:
        scalar, u = bytes.fromhex(record["INPUT_SCALAR"]), bytes.fromhex(record["INPUT_U"])
        private = formats.load_private(KeyFormatType.RAW, scalar, A.X25519)
        public = formats.load_public(KeyFormatType.RAW, u, A.X25519)
        assert agree(private, public).hex() == record["OUTPUT_U"]


def test_dh_gives_rfc_5114s_answers(vectors):
    for record in vectors("asymmetric/DH/RFC5114.txt"):
        p, g, q = (int(record[name], 16) for name in ("P", "G", "Q"))
        group = ffdh.DHGroup(p, g, q)
        private = ffdh.DHPrivateKey(group, int(record["XSTATCAVS"], 16))
        assert private.public_key().y == int(record["YSTATCAVS"], 16)
        shared = agree(private, ffdh.DHPublicKey(group, int(record["YSTATIUT"], 16)))
        assert int.from_bytes(shared, "big") == int(record["Z"], 16)


@pytest.mark.parametrize(
    ("algorithm", "length", "curve"),
    [(A.EC, None, curve) for curve in keys.CURVES] + [(A.X25519, None, None), (A.X448, None, None), (A.DH, 2048, None)],
    ids=str,
)
def test_two_pairs_derive_the_same_key(algorithm, length, curve):
    one, two = (keys.generate_key_pair(algorithm, length, curve) for _ in range(2))
    made = derive(M.ASYMMETRIC_KEY, given(), [one.private_key, two.public_key], 24)
    assert made == derive(M.ASYMMETRIC_KEY, given(), [two.private_key, one.public_key], 24)
    assert made == agree(one.private_key, two.public_key)[:24]


def test_keys_that_do_not_belong_together_do_not_agree(ec_pair, rsa_pair, refused):
    other = keys.generate_key_pair(A.X25519, None)
    pairs = itertools.permutations((ec_pair, other, rsa_pair), 2)
    for one, two in pairs:
        with refused(R.INVALID_FIELD):
            agree(one.private_key, two.public_key)
    with refused(R.INVALID_FIELD):
        agree(b"bytes", ec_pair.public_key)
    wrong_curve = ec.generate_private_key(ec.SECP384R1()).public_key()
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        agree(ec_pair.private_key, wrong_curve)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "parameters", "secrets", "length", "reason"),
    [
        (M.HASH, given(hashing_algorithm=H.SHA_256), [b"key"], 33, R.CRYPTOGRAPHIC_FAILURE),
        (M.HMAC, given(b"data", hashing_algorithm=H.SHA_1), [b"key"], 21, R.CRYPTOGRAPHIC_FAILURE),
        (M.HKDF, given(), [b"key"], 255 * 32 + 1, R.CRYPTOGRAPHIC_FAILURE),
        (M.AWS_SIGNATURE_VERSION_4, given(b"a", b"b", b"c"), [b"key"], 33, R.CRYPTOGRAPHIC_FAILURE),
        (M.HASH, given(), [b"key"], 16, R.INVALID_FIELD),
        (M.HMAC, given(b"data"), [b"key"], 16, R.INVALID_FIELD),
        (M.HMAC, given(hashing_algorithm=H.SHA_1), [b"key"], 16, R.INVALID_FIELD),
        (M.PBKDF2, given(salt=b"salt"), [b"key"], 16, R.INVALID_FIELD),
        (M.PBKDF2, given(iterations=1), [b"key"], 16, R.INVALID_FIELD),
        (M.PBKDF2, given(salt=b"salt", iterations=0), [b"key"], 16, R.INVALID_FIELD),
        (M.PBKDF2, given(salt=b"salt", iterations=2**31 - 1), [b"key"], 16, R.INVALID_FIELD),
        (M.AWS_SIGNATURE_VERSION_4, given(b"a", b"b"), [b"key"], 32, R.INVALID_FIELD),
        (M.NIST800_108_C, given(b"data"), [b"key"], 16, R.INVALID_FIELD),
        (M.NIST800_108_C, given(b"data", cryptographic_algorithm=A.AES), [b"key"], 16, R.CRYPTOGRAPHIC_FAILURE),
        (M.ASYMMETRIC_KEY, given(), [b"key"], 16, R.INVALID_FIELD),
        (M.HASH, given(hashing_algorithm=H.SHA_256), [], 16, R.INVALID_FIELD),
        (M.HASH, given(hashing_algorithm=H.SHA_256), [b"key"], 0, R.INVALID_FIELD),
        (M.HASH, given(hashing_algorithm=H.SHA_256), [b"key"], 2**17, R.INVALID_FIELD),
        (M.HASH, given(b"data", hashing_algorithm=H.SHA_256), [b"key"], 16, R.INVALID_MESSAGE),
        (M.HMAC, given(b"data", hashing_algorithm=H.SHA_256), [b"key", b"data"], 16, R.INVALID_MESSAGE),
        (M.PBKDF2, given(b"data", salt=b"salt", iterations=1), [b"key"], 16, R.INVALID_MESSAGE),
        (
            M.ENCRYPT,
            given(b"data", block_cipher_mode=BlockCipherMode.CTR, cryptographic_algorithm=A.AES, random_iv=True),
            [bytes(16)],
            4,
            R.INVALID_FIELD,
        ),
    ],
)
def test_derivations_that_make_no_sense_are_refused(refused, method, parameters, secrets, length, reason):
    with refused(reason):
        derive(method, parameters, secrets, length)


def test_a_private_key_is_no_symmetric_key(ec_pair, refused):
    with refused(R.INVALID_FIELD):
        derive(M.HASH, given(hashing_algorithm=H.SHA_256), [ec_pair.private_key], 16)
