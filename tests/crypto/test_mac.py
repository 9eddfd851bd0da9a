"""keystead.crypto.mac."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.crypto.mac import HASHES, HMACS, digest, hash_, hasher, mac, mac_verify, macer
from keystead.crypto.modes import BLOCK_CIPHERS
from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, ResultReason
from keystead.kmip.structures import CryptographicParameters as Parameters

A = CryptographicAlgorithm
H = HashingAlgorithm
R = ResultReason


@pytest.mark.parametrize(
    ("algorithm", "path"),
    [
        (H.MD5, "MD5/rfc-1321.txt"),
        (H.RIPEMD_160, "ripemd160/ripevectors.txt"),
        (H.SHA_1, "SHA1/SHA1ShortMsg.rsp"),
        (H.SHA_224, "SHA2/SHA224ShortMsg.rsp"),
        (H.SHA_256, "SHA2/SHA256ShortMsg.rsp"),
        (H.SHA_384, "SHA2/SHA384ShortMsg.rsp"),
        (H.SHA_512, "SHA2/SHA512ShortMsg.rsp"),
        (H.SHA_512_224, "SHA2/SHA512_224ShortMsg.rsp"),
        (H.SHA_512_256, "SHA2/SHA512_256ShortMsg.rsp"),
        (H.SHA3_224, "SHA3/SHA3_224ShortMsg.rsp"),
        (H.SHA3_256, "SHA3/SHA3_256ShortMsg.rsp"),
        (H.SHA3_384, "SHA3/SHA3_384ShortMsg.rsp"),
        (H.SHA3_512, "SHA3/SHA3_512ShortMsg.rsp"),
    ],
    ids=str,
)
def test_hashes_give_the_published_answers(vectors, algorithm, path):
    for record in [record for record in vectors(f"hashes/{path}") if "MD" in record]:
        message = bytes.fromhex(record["MSG"])[: int(record["LEN"]) // 8]
        assert digest(message, algorithm).hex() == record["MD"].lower()
        assert hash_(Parameters(hashing_algorithm=algorithm), message).hex() == record["MD"].lower()


@pytest.mark.parametrize(
    ("algorithm", "path"),
    [
        (A.HMAC_MD5, "rfc-2202-md5"),
        (A.HMAC_SHA1, "rfc-2202-sha1"),
        (A.HMAC_SHA224, "rfc-4231-sha224"),
        (A.HMAC_SHA256, "rfc-4231-sha256"),
        (A.HMAC_SHA384, "rfc-4231-sha384"),
        (A.HMAC_SHA512, "rfc-4231-sha512"),
    ],
    ids=str,
)
def test_hmacs_give_the_rfcs_answers(vectors, algorithm, path):
    for record in vectors(f"HMAC/{path}.txt"):
        key, message, answer = (bytes.fromhex(record[name]) for name in ("KEY", "MSG", "MD"))
        assert mac(algorithm, key, None, message) == answer
        # As with the cases of OASIS: an AES key whose parameters name the HMAC.
        assert mac(A.AES, key, Parameters(cryptographic_algorithm=algorithm), message) == answer
        assert mac(A.AES, key, Parameters(hashing_algorithm=HMACS[algorithm]), message) == answer
        assert mac_verify(algorithm, key, None, message, answer)
        assert not mac_verify(algorithm, key, None, message, answer[:-1])
        assert not mac_verify(algorithm, key, None, message + b"x", answer)


@pytest.mark.parametrize(("algorithm", "name"), [(A.AES, "aes128"), (A.AES, "aes256"), (A.TRIPLE_DES, "3des")])
def test_cmacs_give_nists_answers(vectors, algorithm, name):
    for record in vectors(f"CMAC/nist-800-38b-{name}.txt"):
        parts = [record[part] for part in ("KEY", "KEY1", "KEY2", "KEY3") if part in record]
        message = bytes.fromhex(record["MESSAGE"])
        key, answer = bytes.fromhex("".join(parts)), bytes.fromhex(record["OUTPUT"])
        assert mac(algorithm, key, Parameters(block_cipher_mode=BlockCipherMode.CMAC), message) == answer
        assert mac(algorithm, key, None, message) == answer


def test_poly1305_gives_the_rfcs_answers(vectors):
    for record in vectors("poly1305/rfc7539.txt"):
        key, message, answer = (bytes.fromhex(record[name]) for name in ("KEY", "MSG", "TAG"))
        assert mac(A.POLY1305, key, None, message) == answer


@pytest.mark.parametrize("algorithm", [*HMACS, *BLOCK_CIPHERS], ids=str)
def test_every_row_verifies_what_it_makes(algorithm):
    key = bytes(range(8 if algorithm is A.DES else 16))
    made = mac(algorithm, key, None, b"data")
    assert mac_verify(algorithm, key, None, b"data", made)
    assert not mac_verify(algorithm, key, None, b"date", made)


@given(st.binary(), st.lists(st.integers(0, 9)), st.sampled_from([*HMACS, A.AES, A.POLY1305]))
def test_parts_give_what_the_whole_gives(data, cuts, algorithm):
    key = bytes(32)
    context, hashing = macer(algorithm, key, None), hasher(Parameters(hashing_algorithm=H.SHA_256))
    offset = 0
    for cut in (*cuts, len(data)):
        context.update(data[offset : offset + cut])
        hashing.update(data[offset : offset + cut])
        offset += cut
    assert context.digest() == mac(algorithm, key, None, data)
    assert hashing.digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("algorithm", "key", "parameters", "reason"),
    [
        (A.AES, bytes(17), None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (A.POLY1305, bytes(16), None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (A.TWOFISH, bytes(16), None, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (None, bytes(16), None, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (
            A.AES,
            bytes(16),
            Parameters(block_cipher_mode=BlockCipherMode.CBC_MAC),
            R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (A.AES, bytes(16), Parameters(hashing_algorithm=H.WHIRLPOOL), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
    ],
)
def test_macs_that_do_not_exist_are_refused(refused, algorithm, key, parameters, reason):
    with refused(reason):
        mac(algorithm, key, parameters, b"data")


def test_a_hash_must_be_named_and_known(refused):
    with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
        hash_(None, b"")
    for algorithm in set(H) - set(HASHES):
        with refused(R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS):
            digest(b"", algorithm)
