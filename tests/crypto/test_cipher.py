"""keystead.crypto.cipher, modes, aead, schemes and rsa."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.crypto import cipher
from keystead.crypto.cipher import PADDINGS, decrypt, decryptor, encrypt, encryptor
from keystead.crypto.schemes import SCHEMES
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    MaskGenerator,
    PaddingMethod,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters as Parameters

A = CryptographicAlgorithm
M = BlockCipherMode
P = PaddingMethod
R = ResultReason

KEY_BYTES = {A.TRIPLE_DES: 24, A.DES: 8, A.ONE_TIME_PAD: 4096, A.CHACHA20: 32, A.CHACHA20POLY1305: 32}
WHOLE_ONLY = {M.NISTKEYWRAP, M.AESKEYWRAPPADDING, M.XTS}
ROWS = [
    (algorithm, mode, padding)
    for (algorithm, mode), scheme in SCHEMES.items()
    for padding in (None, *(PADDINGS if scheme.padded_to else ()))
]


def key_for(algorithm, mode):
    return os.urandom(32 if mode is M.XTS else KEY_BYTES.get(algorithm, 16))


@pytest.mark.parametrize(("algorithm", "mode", "padding"), ROWS, ids=lambda value: str(value))
def test_every_row_decrypts_what_it_encrypts(algorithm, mode, padding):
    key, parameters = key_for(algorithm, mode), Parameters(block_cipher_mode=mode, padding_method=padding)
    scheme = SCHEMES[algorithm, mode]
    sizes = (16, 48, 1024) if padding is None else (0, 1, 15, 16, 17, 100)
    for size in sizes:
        data = os.urandom(size)
        if padding is P.ZEROS:
            data = data[:-1] + b"\x01" if data else data
        made = encrypt(algorithm, key, parameters, data)
        assert (made.iv is None) == (not scheme.fresh_iv_bytes)
        assert (made.tag is None) == (scheme.seal is None)
        assert decrypt(algorithm, key, parameters, made.data, made.iv, None, made.tag) == data
        assert made.data != data or not data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROWS), st.binary(max_size=200), st.lists(st.integers(0, 60), max_size=6))
def test_streaming_gives_what_one_call_gives(row, data, cuts):
    algorithm, mode, padding = row
    if padding in (P.ISO_10126, P.SSL3):
        padding = P.PKCS5  # these fill with random bytes
    if padding is P.ZEROS:
        data += b"\x01"
    if padding is None:
        data = data[: len(data) // 16 * 16]
        if mode in WHOLE_ONLY:
            data = data.ljust(16, b"-")
    key, parameters = bytes(range(256)) * 16, Parameters(block_cipher_mode=mode, padding_method=padding)
    key = key[: 32 if mode is M.XTS else KEY_BYTES.get(algorithm, 16)]
    scheme = SCHEMES[algorithm, mode]
    iv = bytes(range(scheme.fresh_iv_bytes)) if scheme.fresh_iv_bytes else None
    whole = encrypt(algorithm, key, parameters, data, iv, b"aad")

    def parts(stream, given):
        out, offset = b"", 0
        for cut in cuts:
            out += stream.update(given[offset : offset + cut])
            offset += cut
        return out + stream.update(given[offset:])

    stream = encryptor(algorithm, key, parameters, iv, b"aad")
    first = parts(stream, data)
    last = stream.finish()
    assert (first + last.data, last.tag) == (whole.data, whole.tag)
    opening = decryptor(algorithm, key, parameters, iv, b"aad", whole.tag)
    assert parts(opening, whole.data) + opening.finish() == data


# --- known answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("mode", [M.CBC, M.ECB, M.OFB, M.CFB])
def test_aes_gives_nists_answers(vectors, mode, bits):
    name = "CFB128" if mode is M.CFB else mode.name
    for record in vectors(f"ciphers/AES/{mode.name}/{name}MMT{bits}.rsp"):
        key, data, answer = (bytes.fromhex(record[field]) for field in ("KEY", "PLAINTEXT", "CIPHERTEXT"))
        iv = bytes.fromhex(record.get("IV", "")) or None
        parameters = Parameters(block_cipher_mode=mode)
        assert encrypt(A.AES, key, parameters, data, iv).data == answer
        assert decrypt(A.AES, key, parameters, answer, iv) == data


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_ctr_gives_rfc_3686s_answers_with_a_whole_iv_and_with_a_nonce(vectors, bits):
    for record in vectors(f"ciphers/AES/CTR/aes-{bits}-ctr.txt"):
        key, data, answer, iv = (bytes.fromhex(record[name]) for name in ("KEY", "PLAINTEXT", "CIPHERTEXT", "IV"))
        assert encrypt(A.AES, key, Parameters(block_cipher_mode=M.CTR), data, iv).data == answer
        assert iv[12:] == b"\0\0\0\1"
        short = Parameters(block_cipher_mode=M.CTR, counter_length=32, initial_counter_value=1)
        assert encrypt(A.AES, key, short, data, iv[:12]).data == answer


@pytest.mark.parametrize("size", [1, 2, 3])
def test_triple_des_takes_one_two_and_three_keys(vectors, size):
    for record in vectors(f"ciphers/3DES/CBC/TCBCMMT{size}.rsp"):
        parts = [record[f"KEY{i}"] for i in (1, 2, 3)] if "KEY1" in record else [record["KEYS"]] * 3
        key = bytes.fromhex("".join(parts))[: 8 * size]
        data, answer, iv = (bytes.fromhex(record[name]) for name in ("PLAINTEXT", "CIPHERTEXT", "IV"))
        assert encrypt(A.TRIPLE_DES, key, Parameters(block_cipher_mode=M.CBC), data, iv).data == answer


def test_gcm_gives_nists_answers_with_every_tag_length(vectors):
    seen = set()
    for record in vectors("ciphers/AES/GCM/gcmEncryptExtIV256.rsp")[::7]:
        size = int(record["TAGLEN"]) // 8
        key, iv, data, aad, answer, tag = (
            bytes.fromhex(record[name]) for name in ("KEY", "IV", "PT", "AAD", "CT", "TAG")
        )
        if size < 12 or not 8 <= len(iv) <= 128:
            continue
        seen.add(size)
        parameters = Parameters(block_cipher_mode=M.GCM, tag_length=size)
        made = encrypt(A.AES, key, parameters, data, iv, aad)
        assert (made.data, made.tag) == (answer, tag)
        assert decrypt(A.AES, key, parameters, answer, iv, aad, tag) == data
    assert seen == {12, 13, 14, 15, 16}


def test_ccm_gives_nists_answers(vectors):
    records = [record for record in vectors("ciphers/AES/CCM/VADT128.rsp", "KEY", "NONCE") if "CT" in record]
    for record in records[::5]:
        size = 0 if record["ALEN"] == "0" else None
        key, iv, aad, data, answer = (
            bytes.fromhex(record[name]) for name in ("KEY", "NONCE", "ADATA", "PAYLOAD", "CT")
        )
        made = encrypt(A.AES, key, Parameters(block_cipher_mode=M.CCM, tag_length=16), data, iv, aad[:size])
        assert made.data + made.tag == answer


def test_xts_gives_nists_answers(vectors):
    records = vectors("ciphers/AES/XTS/tweak-128hexstr/XTSGenAES256.rsp")
    for record in [record for record in records if record["DATAUNITLEN"] in ("128", "256")][:50]:
        key, iv, data, answer = (bytes.fromhex(record[name]) for name in ("KEY", "I", "PT", "CT"))
        assert encrypt(A.AES, key, Parameters(block_cipher_mode=M.XTS), data, iv).data == answer


def test_chacha20_gives_rfc_7539s_answers(vectors):
    for record in vectors("ciphers/ChaCha20/rfc7539.txt"):
        key, nonce, data, answer = (bytes.fromhex(record[name]) for name in ("KEY", "NONCE", "PLAINTEXT", "CIPHERTEXT"))
        counter = int(record["INITIAL_BLOCK_COUNTER"])
        assert encrypt(A.CHACHA20, key, Parameters(initial_counter_value=counter), data, nonce).data == answer


def test_chacha20_with_a_nonce_of_eight_bytes_is_the_original_cipher():
    """Source: draft-agl-tls-chacha20poly1305-04 section 7."""
    answer = "ef3fdfd6c61578fbf5cf35bd3dd33b8009631634d21e42ac33960bd138e50d32111e4caf237ee53ca8ad6426194a8854"
    nonce = bytes.fromhex("0100000000000000")
    assert encrypt(A.CHACHA20, bytes(32), None, bytes(48), nonce).data.hex() == answer


def test_chacha20_poly1305_gives_rfc_8439s_and_openssls_answers(vectors):
    for record in [one for one in vectors("ciphers/ChaCha20Poly1305/openssl.txt") if "RESULT" not in one]:
        key, iv, aad, tag, data, answer = (
            bytes.fromhex(record[name]) for name in ("KEY", "IV", "AAD", "TAG", "PLAINTEXT", "CIPHERTEXT")
        )
        parameters = Parameters(block_cipher_mode=M.AEAD, tag_length=16)
        made = encrypt(A.CHACHA20POLY1305, key, parameters, data, iv, aad)
        assert (made.data, made.tag) == (answer, tag)
        short = Parameters(block_cipher_mode=M.AEAD, tag_length=12)
        assert decrypt(A.CHACHA20POLY1305, key, short, answer, iv, aad, tag[:12]) == data


def test_a_pad_is_xored():
    assert encrypt(A.ONE_TIME_PAD, b"\xff\x0f\x00", None, b"\x01\x02").data == b"\xfe\x0d"


# --- paddings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("padding", "ending"), [(P.PKCS5, "0303 03"), (P.ANSI_X9_23, "0000 03"), (P.ZEROS, "0000 00")], ids=str
)
def test_paddings_are_as_their_standards_have_them(padding, ending):
    plain = Parameters(block_cipher_mode=M.ECB)
    padded = Parameters(block_cipher_mode=M.ECB, padding_method=padding)
    made = encrypt(A.AES, bytes(16), padded, b"thirteen byte")
    assert decrypt(A.AES, bytes(16), plain, made.data) == b"thirteen byte" + bytes.fromhex(ending)


@pytest.mark.parametrize(("padding", "last"), [(P.ISO_10126, 3), (P.SSL3, 2)], ids=str)
def test_random_paddings_end_in_their_length(padding, last):
    made = encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.ECB, padding_method=padding), b"thirteen byte")
    assert decrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.ECB), made.data)[-1] == last


# --- IVs and tags -----------------------------------------------------------------------------------------------------


def test_the_server_makes_an_iv_where_none_is_given(refused):
    for random_iv in (None, True):
        parameters = Parameters(block_cipher_mode=M.CBC, padding_method=P.PKCS5, random_iv=random_iv)
        made = encrypt(A.AES, bytes(16), parameters, b"data")
        assert len(made.iv) == 16
        assert encrypt(A.AES, bytes(16), parameters, b"data").iv != made.iv
    with refused(R.INVALID_MESSAGE):
        encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.CBC, random_iv=False), bytes(16))


def test_decrypt_without_the_iv_is_an_invalid_message(refused):
    for mode in (M.CBC, M.GCM, M.CTR):
        with refused(R.INVALID_MESSAGE):
            decrypt(A.AES, bytes(16), Parameters(block_cipher_mode=mode), bytes(32))


def test_the_iv_length_may_be_said_in_bits_or_bytes_but_must_be_right(refused):
    for iv_length in (None, 96, 12):
        encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.GCM, iv_length=iv_length), b"", bytes(12))
    with refused(R.INVALID_FIELD):
        encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.GCM, iv_length=128), b"", bytes(12))


def test_a_made_iv_has_the_iv_length():
    parameters = Parameters(block_cipher_mode=M.GCM, random_iv=True, iv_length=128)
    assert len(encrypt(A.AES, bytes(16), parameters, b"").iv) == 16


def test_an_iv_is_ignored_where_the_mode_takes_none():
    parameters = Parameters(block_cipher_mode=M.ECB)
    assert encrypt(A.AES, bytes(16), parameters, bytes(16), b"iv") == encrypt(A.AES, bytes(16), parameters, bytes(16))


def test_without_a_tag_it_is_the_end_of_the_data():
    parameters = Parameters(block_cipher_mode=M.GCM, tag_length=12)
    made = encrypt(A.AES, bytes(16), parameters, b"data", bytes(12))
    assert decrypt(A.AES, bytes(16), parameters, made.data + made.tag, bytes(12)) == b"data"
    stream = decryptor(A.AES, bytes(16), parameters, bytes(12))
    assert stream.update(made.data + made.tag) == b""
    assert stream.finish() == b"data"


def test_no_plaintext_leaves_before_its_tag_is_checked(refused):
    parameters = Parameters(block_cipher_mode=M.GCM)
    made = encrypt(A.AES, bytes(16), parameters, b"x" * 1000, bytes(12))
    stream = decryptor(A.AES, bytes(16), parameters, bytes(12))
    assert stream.update(made.data) == b""
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        stream.finish(bytes(16))


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [P.PKCS5, P.ANSI_X9_23, P.ISO_10126, P.SSL3], ids=str)
def test_k23_every_padding_failure_reads_the_same(padding):
    parameters = Parameters(block_cipher_mode=M.CBC, padding_method=padding)
    made = encrypt(A.AES, bytes(16), parameters, b"attack at dawn, attack at dusk", bytes(16))
    seen = set()
    for changed in range(256):
        wrong = made.data[:15] + bytes((made.data[15] ^ changed,)) + made.data[16:]
        try:
            decrypt(A.AES, bytes(16), parameters, wrong, bytes(16))
        except OperationFailed as failure:
            seen.add((failure.reason, failure.message))
    for wrong in (b"", made.data[:-1], made.data + b"x"):
        with pytest.raises(OperationFailed) as caught:
            decrypt(A.AES, bytes(16), parameters, wrong, bytes(16))
        seen.add((caught.value.reason, caught.value.message))
    assert seen == {(R.CRYPTOGRAPHIC_FAILURE, cipher.NOT_DECRYPTED)}


def test_k24_rsa_failures_are_uniform_or_implicitly_rejected(rsa_pair):
    for parameters in (
        Parameters(padding_method=P.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256),
        Parameters(padding_method=P.PKCS1_V1_5),
    ):
        made = encrypt(A.RSA, rsa_pair.public_key, parameters, b"secret").data
        seen = set()
        for offset in range(0, 256, 16):
            wrong = made[:offset] + bytes((made[offset] ^ 1,)) + made[offset + 1 :]
            try:
                assert decrypt(A.RSA, rsa_pair.private_key, parameters, wrong) != b"secret"
                seen.add("rejected implicitly")
            except OperationFailed as failure:
                seen.add((failure.reason, failure.message))
        # Of PKCS#1 v1.5, a changed first byte may make the number greater than the modulus, which is no secret.
        assert seen <= {"rejected implicitly", (R.CRYPTOGRAPHIC_FAILURE, cipher.NOT_DECRYPTED)}


def test_k25_an_iv_beside_random_iv_is_refused(refused):
    with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
        encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.GCM, random_iv=True), b"", bytes(12))


@pytest.mark.parametrize("size", [0, 1, 7, 129, 2**16])
def test_k25_gcm_refuses_ivs_that_are_too_short_or_too_long(refused, size):
    with refused(R.INVALID_FIELD):
        encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.GCM), b"", bytes(size))


@pytest.mark.parametrize("size", [-1, 0, 1, 4, 8, 11, 17, 32])
@pytest.mark.parametrize(("algorithm", "mode"), [(A.AES, M.GCM), (A.CHACHA20POLY1305, M.AEAD)], ids=str)
def test_k25_tags_have_12_to_16_bytes(refused, algorithm, mode, size):
    key = bytes(KEY_BYTES.get(algorithm, 16))
    parameters = Parameters(block_cipher_mode=mode, tag_length=size)
    with refused(R.GENERAL_FAILURE):
        encrypt(algorithm, key, parameters, b"", bytes(12))
    with refused(R.GENERAL_FAILURE):
        decrypt(algorithm, key, parameters, b"", bytes(12), None, bytes(max(size, 0)))


def test_k25_made_nonces_do_not_repeat():
    parameters = Parameters(block_cipher_mode=M.GCM, random_iv=True)
    assert len({encrypt(A.AES, bytes(16), parameters, b"").iv for _ in range(5000)}) == 5000


@pytest.mark.parametrize("change", ["data", "tag", "aad", "iv", "key", "short tag"])
@pytest.mark.parametrize(
    ("algorithm", "mode"), [(A.AES, M.GCM), (A.AES, M.CCM), (A.SM4, M.GCM), (A.CHACHA20POLY1305, M.AEAD)], ids=str
)
def test_whatever_is_changed_authenticated_decryption_fails_alike(refused, algorithm, mode, change):
    key = bytes(KEY_BYTES.get(algorithm, 16))
    parameters = Parameters(block_cipher_mode=mode, tag_length=16)
    made = encrypt(algorithm, key, parameters, b"data", bytes(12), b"aad")
    given = {"key": key, "data": made.data, "tag": made.tag, "aad": b"aad", "iv": bytes(12)}
    if change == "short tag":
        given["tag"] = made.tag[:12]
    else:
        given[change] = bytes((given[change][0] ^ 1,)) + given[change][1:]
    with refused(R.CRYPTOGRAPHIC_FAILURE, cipher.NOT_DECRYPTED):
        decrypt(algorithm, given["key"], parameters, given["data"], given["iv"], given["aad"], given["tag"])


@pytest.mark.parametrize(
    ("algorithm", "parameters", "reason"),
    [
        (A.AES, None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (None, None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (A.AES, Parameters(block_cipher_mode=M.CMAC), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (A.TWOFISH, Parameters(block_cipher_mode=M.CBC), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (A.CAMELLIA, Parameters(block_cipher_mode=M.GCM), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (A.HMAC_SHA256, None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (A.AES, Parameters(block_cipher_mode=M.GCM, padding_method=P.PKCS5), R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (A.AES, Parameters(block_cipher_mode=M.CBC, padding_method=P.OAEP), R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (
            A.AES,
            Parameters(block_cipher_mode=M.CBC, cryptographic_algorithm=A.CAMELLIA),
            R.BAD_CRYPTOGRAPHIC_PARAMETERS,
        ),
    ],
)
def test_parameters_that_make_no_sense_are_refused(refused, algorithm, parameters, reason):
    with refused(reason):
        encrypt(algorithm, bytes(16), parameters, bytes(16), bytes(16))
    with refused(reason):
        decryptor(algorithm, bytes(16), parameters, bytes(16))


@pytest.mark.parametrize("size", [0, 1, 15, 17, 64])
def test_keys_of_the_wrong_length_are_refused_without_their_bytes(size):
    for mode in (M.CBC, M.GCM, M.CTR, M.NISTKEYWRAP):
        with pytest.raises(OperationFailed) as caught:
            encrypt(A.AES, b"K" * size, Parameters(block_cipher_mode=mode), bytes(16))
        assert caught.value.reason is R.CRYPTOGRAPHIC_FAILURE
        assert "KKK" not in str(caught.value)


def test_data_that_does_not_fill_the_blocks_is_refused(refused):
    for mode in (M.CBC, M.ECB, M.PCBC, M.NISTKEYWRAP, M.XTS):
        with refused(R.CRYPTOGRAPHIC_FAILURE):
            encrypt(A.AES, bytes(32), Parameters(block_cipher_mode=mode), bytes(15))


def test_a_counter_does_not_come_round(refused):
    parameters = Parameters(block_cipher_mode=M.CTR, counter_length=8, initial_counter_value=254)
    assert len(encrypt(A.AES, bytes(16), parameters, bytes(32), bytes(15)).data) == 32
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        encrypt(A.AES, bytes(16), parameters, bytes(33), bytes(15))
    whole = Parameters(block_cipher_mode=M.CTR)
    assert len(encrypt(A.AES, bytes(16), whole, bytes(64), b"\xff" * 16).data) == 64
    with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
        encrypt(A.AES, bytes(16), Parameters(block_cipher_mode=M.CTR, counter_length=64), b"", bytes(12))


def test_a_pad_is_not_used_twice_over(refused):
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        encrypt(A.ONE_TIME_PAD, b"short", None, b"longer")
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        decrypt(A.ONE_TIME_PAD, b"short", None, b"longer")


# --- RSA --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(padding_method=P.PKCS1_V1_5),
        Parameters(padding_method=P.OAEP),
        Parameters(padding_method=P.OAEP, hashing_algorithm=HashingAlgorithm.SHA_512),
        Parameters(
            padding_method=P.OAEP,
            hashing_algorithm=HashingAlgorithm.SHA_384,
            mask_generator=MaskGenerator.MGF1,
            mask_generator_hashing_algorithm=HashingAlgorithm.SHA_256,
            p_source=b"label",
        ),
    ],
)
def test_rsa_decrypts_what_it_encrypts(rsa_pair, parameters):
    made = encrypt(A.RSA, rsa_pair.public_key, parameters, b"data")
    assert decrypt(A.RSA, rsa_pair.private_key, parameters, made.data) == b"data"
    assert encrypt(A.RSA, rsa_pair.private_key, parameters, b"data").data != made.data


def test_the_label_is_authenticated(rsa_pair, refused):
    made = encrypt(A.RSA, rsa_pair.public_key, Parameters(padding_method=P.OAEP, p_source=b"label"), b"data")
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        decrypt(A.RSA, rsa_pair.private_key, Parameters(padding_method=P.OAEP, p_source=b"other"), made.data)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.PSS), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.NONE), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.OAEP, cryptographic_algorithm=A.AES), R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (
            Parameters(padding_method=P.OAEP, hashing_algorithm=HashingAlgorithm.SHA3_256),
            R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            Parameters(padding_method=P.OAEP, hashing_algorithm=HashingAlgorithm.TIGER),
            R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
    ],
)
def test_rsa_refuses_other_paddings(rsa_pair, refused, parameters, reason):
    with refused(reason):
        encrypt(A.RSA, rsa_pair.public_key, parameters, b"data")
    with refused(reason):
        decrypt(A.RSA, rsa_pair.private_key, parameters, bytes(256))


def test_rsa_refuses_data_that_is_too_long(rsa_pair, refused):
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        encrypt(A.RSA, rsa_pair.public_key, Parameters(padding_method=P.OAEP), bytes(300))
