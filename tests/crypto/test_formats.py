"""keystead.crypto.formats, dump and checks."""

from __future__ import annotations

import base64
from itertools import count
from math import isqrt

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.crypto import checks, der, keys
from keystead.crypto.dump import dump_private, dump_public
from keystead.crypto.formats import (
    examine_private,
    examine_public,
    load_pkcs12,
    load_private,
    load_public,
)
from keystead.crypto.keys import KeyFacts, describe
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    KeyCompressionType,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
)
from keystead.kmip.structures import TransparentKey

A = CryptographicAlgorithm
C = RecommendedCurve
F = KeyFormatType
R = ResultReason
COMPRESSED = KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME
HYBRID = KeyCompressionType.EC_PUBLIC_KEY_TYPE_X9_62_HYBRID

KINDS = [
    (A.RSA, 1024, None),
    (A.DSA, 1024, None),
    (A.DH, 2048, None),
    (A.ED25519, None, None),
    (A.ED448, None, None),
    (A.X25519, None, None),
    (A.X448, None, None),
    *((A.EC, None, curve) for curve in keys.CURVES),
    (A.ML_KEM_512, None, None),
    (A.ML_KEM_1024, None, None),
    (A.ML_DSA_65, None, None),
    (A.SLH_DSA_SHA2_128F, None, None),
]
PRIVATE_FORMATS = {
    A.RSA: {F.PKCS_1, F.PKCS_8, F.TRANSPARENT_RSA_PRIVATE_KEY},
    A.DSA: {F.PKCS_8, F.TRANSPARENT_DSA_PRIVATE_KEY},
    A.DH: {F.PKCS_8, F.TRANSPARENT_DH_PRIVATE_KEY},
    A.EC: {
        F.RAW,
        F.PKCS_8,
        F.ECPRIVATEKEY,
        F.TRANSPARENT_EC_PRIVATE_KEY,
        F.TRANSPARENT_ECDSA_PRIVATE_KEY,
        F.TRANSPARENT_ECDH_PRIVATE_KEY,
        F.TRANSPARENT_ECMQV_PRIVATE_KEY,
    },
    A.ED25519: {F.RAW, F.PKCS_8, F.TRANSPARENT_EC_PRIVATE_KEY},
    A.ML_KEM_512: {F.RAW, F.PKCS_8},
    A.ML_DSA_65: {F.RAW, F.PKCS_8, F.SEED_PRIVATE_KEY},
}


def outcome(call, *arguments, **options):
    """Give what a call returns and no reason, or nothing and the reason why it refuses."""
    try:
        return call(*arguments, **options), None
    except OperationFailed as failure:
        return None, failure.reason


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_format_of_every_key_loads_what_was_dumped(kind):
    algorithm = kind[0]
    pair = keys.generate_key_pair(*kind)
    hint = describe(pair.private_key).recommended_curve
    found = set()
    for key_format in F:
        material, reason = outcome(dump_private, pair.private_key, key_format)
        if material is None:
            assert reason is R.KEY_FORMAT_TYPE_NOT_SUPPORTED
            continue
        found.add(key_format)
        for trusted in (False, True):
            loaded = load_private(key_format, material, algorithm, trusted, curve=hint)
            assert dump_private(loaded, F.PKCS_8) == dump_private(pair.private_key, F.PKCS_8)
        assert examine_private(key_format, material, algorithm, curve=hint) == describe(pair.private_key)
        assert dump_public(loaded.public_key(), F.X_509) == dump_public(pair.public_key, F.X_509)
    assert found >= PRIVATE_FORMATS.get(algorithm, set())
    for key_format in F:
        for compression in (None, COMPRESSED):
            material, reason = outcome(dump_public, pair.public_key, key_format, compression)
            if material is None:
                assert reason in (R.KEY_FORMAT_TYPE_NOT_SUPPORTED, R.KEY_COMPRESSION_TYPE_NOT_SUPPORTED)
                continue
            loaded = load_public(key_format, material, algorithm, curve=hint, key_compression_type=compression)
            assert dump_public(loaded, F.X_509) == dump_public(pair.public_key, F.X_509)
            facts = examine_public(key_format, material, algorithm, curve=hint, key_compression_type=compression)
            assert facts == describe(pair.public_key)


@pytest.mark.parametrize("name", ["x25519-pkcs8.der", "ed25519-pkcs8.der"])
def test_published_files_load(name):
    folder = "X25519" if name.startswith("x") else "Ed25519"
    with cryptography_vectors.open_vector_file(f"asymmetric/{folder}/{name}", "rb") as file:
        material = file.read()
    assert dump_private(load_private(F.PKCS_8, material), F.PKCS_8) == material


def test_a_format_must_be_the_one_announced(rsa_pair, ec_pair, refused):
    for pair, formats in ((rsa_pair, (F.PKCS_1, F.PKCS_8)), (ec_pair, (F.ECPRIVATEKEY, F.PKCS_8))):
        for real in formats:
            for announced in (F.PKCS_1, F.PKCS_8, F.ECPRIVATEKEY):
                if announced is not real and (real, announced) != (F.PKCS_1, F.PKCS_8):
                    with refused(R.INVALID_ATTRIBUTE_VALUE):
                        load_private(announced, dump_private(pair.private_key, real))
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_public(F.PKCS_1, dump_public(rsa_pair.public_key, F.X_509))
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_public(F.X_509, dump_public(rsa_pair.public_key, F.PKCS_1))


def test_pkcs8_has_the_syntax_rsaprivatekey_as_well(rsa_pair):
    material = dump_private(rsa_pair.private_key, F.PKCS_1)
    assert dump_private(load_private(F.PKCS_8, material, A.RSA), F.PKCS_1) == material


def test_a_raw_rsa_key_is_in_any_encoding_that_can_be_told_apart(rsa_pair, ec_pair, refused):
    for key_format in (F.PKCS_1, F.PKCS_8):
        material = dump_private(rsa_pair.private_key, key_format)
        assert dump_private(load_private(F.RAW, material, A.RSA), key_format) == material
    for key_format in (F.PKCS_1, F.X_509):
        material = dump_public(rsa_pair.public_key, key_format)
        assert dump_public(load_public(F.RAW, material, A.RSA), key_format) == material
    for material in (b"x", bytes(128), dump_private(ec_pair.private_key, F.PKCS_8)):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_private(F.RAW, material, A.RSA)
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_public(F.RAW, material, A.RSA)


def test_a_key_must_be_of_the_algorithm_that_is_named(rsa_pair, ec_pair, refused):
    for algorithm in (A.EC, A.DSA, A.ML_DSA_44, A.AES):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_private(F.PKCS_8, dump_private(rsa_pair.private_key, F.PKCS_8), algorithm)
    for algorithm in (A.EC, A.ECDSA, A.ECDH, None):
        load_private(F.PKCS_8, dump_private(ec_pair.private_key, F.PKCS_8), algorithm)


def test_formats_that_a_kind_does_not_have_are_not_supported(rsa_pair, refused):
    with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
        load_private(F.RAW, b"x", A.DSA)
    for key_format, material in ((F.OPAQUE, b"x"), (F.X_509, b"x"), (F.PKCS_1, TransparentKey())):
        with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
            load_private(key_format, material, A.RSA)
    with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
        load_public(F.PKCS_8, b"x")
    with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
        load_private(F.SEED_PRIVATE_KEY, bytes(64), A.ML_KEM_512)
    with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
        dump_private(rsa_pair.private_key, F.ECPRIVATEKEY)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([F.PKCS_1, F.PKCS_8, F.ECPRIVATEKEY, F.X_509, F.RAW]), st.binary(max_size=120), st.data())
def test_whatever_is_loaded_is_a_key_or_a_refusal(ec_pair, key_format, noise, data):
    good = dump_private(ec_pair.private_key, F.PKCS_8)
    cut = data.draw(st.integers(0, len(good)))
    for material in (noise, good[:cut] + noise, good[:cut] + noise + good[cut + 1 :]):
        for load in (load_private, load_public):
            key, reason = outcome(load, key_format, material, A.EC)
            assert (key is None) == (reason is not None)


def test_secrets_are_not_in_refusals(rsa_pair, refused):
    material = dump_private(rsa_pair.private_key, F.TRANSPARENT_RSA_PRIVATE_KEY)
    wrong = TransparentKey(modulus=material.modulus, p=material.p + 2, q=material.q)
    with pytest.raises(OperationFailed) as caught:
        load_private(F.TRANSPARENT_RSA_PRIVATE_KEY, wrong)
    assert str(material.q) not in str(caught.value)
    assert caught.value.__cause__ is None


# --- transparent RSA --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        ("modulus", "private_exponent", "public_exponent"),
        ("modulus", "private_exponent"),
        ("modulus", "p", "q"),
        ("modulus", "p", "q", "private_exponent"),
        ("modulus", "p", "q", "public_exponent"),
    ],
    ids="+".join,
)
def test_a_transparent_rsa_key_needs_only_some_of_its_numbers(rsa_pair, fields):
    whole = dump_private(rsa_pair.private_key, F.TRANSPARENT_RSA_PRIVATE_KEY)
    some = TransparentKey(**{name: getattr(whole, name) for name in fields})
    loaded = load_private(F.TRANSPARENT_RSA_PRIVATE_KEY, some, A.RSA)
    assert dump_public(loaded.public_key(), F.PKCS_1) == dump_public(rsa_pair.public_key, F.PKCS_1)


def test_k36_unsound_rsa_keys_are_refused(rsa_pair, refused):
    numbers = rsa_pair.private_key.private_numbers()
    n, p, q = numbers.public_numbers.n, numbers.p, numbers.q
    close = next(c for c in count(p + 2**300, 2) if checks.gcd(c, checks._SMALL_PRODUCT) == 1)
    bad = {
        "e = 1": TransparentKey(modulus=n, public_exponent=1),
        "even e": TransparentKey(modulus=n, public_exponent=65536),
        "even modulus": TransparentKey(modulus=n + 1, public_exponent=65537),
        "small factor": TransparentKey(modulus=(2**1279 - 1) * 7919, public_exponent=65537),
        "square": TransparentKey(modulus=p * p, public_exponent=65537),
        "close factors": TransparentKey(modulus=p * close, public_exponent=65537),
        "small": TransparentKey(modulus=(2**521 - 1) * (2**127 - 1), public_exponent=65537),
        "huge": TransparentKey(modulus=2**16384 + 1, public_exponent=65537),
        "no modulus": TransparentKey(public_exponent=65537),
        "negative": TransparentKey(modulus=-n, public_exponent=65537),
        "huge e": TransparentKey(modulus=n, public_exponent=2**300 + 1),
    }
    for name, key in bad.items():
        with pytest.raises(OperationFailed) as caught:
            load_public(F.TRANSPARENT_RSA_PUBLIC_KEY, key, A.RSA)
        assert caught.value.reason is R.INVALID_ATTRIBUTE_VALUE, name
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_private(F.TRANSPARENT_RSA_PRIVATE_KEY, TransparentKey(modulus=p * p, p=p, q=p, public_exponent=65537))
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_private(F.TRANSPARENT_RSA_PRIVATE_KEY, TransparentKey(modulus=n, p=p, q=q + 2, public_exponent=65537))
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        wrong = TransparentKey(modulus=n, p=p, q=q, public_exponent=65537, private_exponent=numbers.d + 2)
        load_private(F.TRANSPARENT_RSA_PRIVATE_KEY, wrong)
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_private(F.TRANSPARENT_RSA_PRIVATE_KEY, TransparentKey(modulus=n, public_exponent=65537))


def test_k36_the_roca_fingerprint_is_found_and_chance_does_not_make_it(rsa_pair):
    modulus = 1
    product = 1
    # A number that is a power of 65537 modulo each small prime, by the Chinese remainder theorem, of 1024 bits.
    for prime, powers in checks._ROCA:
        residue = sorted(powers)[-1]
        modulus += product * ((residue - modulus) * pow(product, -1, prime) % prime)
        product *= prime
    while modulus.bit_length() < 1024 or not modulus & 1 or checks.gcd(modulus, checks._SMALL_PRODUCT) != 1:
        modulus += product << (1024 - product.bit_length()) if modulus.bit_length() < 1024 else product
    with pytest.raises(ValueError, match="ROCA"):
        checks.rsa_public(modulus, 65537)
    checks.rsa_public(rsa_pair.public_key.public_numbers().n, 65537)


def test_k36_fermat_finds_factors_as_close_as_its_steps_reach():
    p = next(c for c in count(isqrt(2**1030) | 1, 2) if checks.gcd(c, checks._SMALL_PRODUCT) == 1)
    q = next(c for c in count(p + 2**250, 2) if checks.gcd(c, checks._SMALL_PRODUCT) == 1)
    with pytest.raises(ValueError, match="close"):
        checks.rsa_public(p * q, 65537)


# --- elliptic curves --------------------------------------------------------------------------------------------------


def test_k36_points_off_the_curve_and_in_other_forms_are_refused(ec_pair, refused):
    point = dump_public(ec_pair.public_key, F.RAW)
    compressed = dump_public(ec_pair.public_key, F.RAW, COMPRESSED)
    hybrid = bytes((6 + point[-1] % 2,)) + point[1:]
    for bad in (point[:-1] + bytes((point[-1] ^ 1,)), b"\0", b"", compressed, hybrid, point + b"\0", b"\4" + bytes(64)):
        for key_format in (F.RAW, F.TRANSPARENT_EC_PUBLIC_KEY):
            material = bad if key_format is F.RAW else TransparentKey(recommended_curve=C.P_256, q_string=bad)
            with refused(R.INVALID_ATTRIBUTE_VALUE):
                load_public(key_format, material, A.EC, curve=C.P_256)
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_public(F.X_509, dump_public(ec_pair.public_key, F.X_509, COMPRESSED), A.EC)
    with refused(R.KEY_COMPRESSION_TYPE_NOT_SUPPORTED):
        load_public(F.RAW, hybrid, A.EC, curve=C.P_256, key_compression_type=HYBRID)


def test_k36_a_point_of_the_twist_is_refused(refused):
    """Half of all x are of no point of the curve, but of one of its twist."""
    refusals = 0
    for x in range(2, 40):
        point = b"\2" + x.to_bytes(32, "big")
        _, reason = outcome(load_public, F.RAW, point, A.EC, curve=C.P_256, key_compression_type=COMPRESSED)
        assert reason in (None, R.INVALID_ATTRIBUTE_VALUE)
        refusals += reason is not None
    assert 8 < refusals < 30


def test_k36_private_numbers_out_of_range_are_refused(refused):
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for d in (0, -1, order, order + 1):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_private(F.TRANSPARENT_EC_PRIVATE_KEY, TransparentKey(recommended_curve=C.P_256, d=d))
    for d in (bytes(32), order.to_bytes(32, "big"), bytes(31), b"\xff" * 33):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_private(F.RAW, d, A.EC, curve=C.P_256)


def test_a_curve_that_is_not_there_is_not_supported(refused):
    for curve in (C.B_163, C.K_571, C.BRAINPOOLP192R1):
        with refused(R.FEATURE_NOT_SUPPORTED):
            load_private(F.TRANSPARENT_EC_PRIVATE_KEY, TransparentKey(recommended_curve=curve, d=5))
    with cryptography_vectors.open_vector_file("asymmetric/EC/sect163k1-spki.pem", "rb") as file:
        lines = b"".join(line for line in file.read().splitlines() if not line.startswith(b"-"))
    with pytest.raises(OperationFailed):
        load_public(F.X_509, base64.b64decode(lines))


SMALL_ORDER_U = (
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
SMALL_ORDER_Y = (
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


@pytest.mark.parametrize("encoded", SMALL_ORDER_U)
def test_k36_x25519_keys_of_small_order_are_refused(refused, encoded):
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_public(F.RAW, bytes.fromhex(encoded), A.X25519)


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("encoded", SMALL_ORDER_Y)
def test_k36_ed25519_keys_of_small_order_are_refused(refused, encoded, sign):
    key = bytearray.fromhex(encoded)
    key[31] |= sign
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_public(F.RAW, bytes(key), A.ED25519)


def test_k36_ed448_and_x448_keys_of_small_order_are_refused(refused):
    prime = 2**448 - 2**224 - 1
    for number in (0, 1, prime - 1, prime, prime + 1):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_public(F.RAW, number.to_bytes(57, "little"), A.ED448)
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_public(F.RAW, number.to_bytes(56, "little"), A.X448)


def test_k36_ed25519_keys_off_the_curve_are_refused():
    refusals = 0
    for y in range(2, 40):
        refusals += outcome(load_public, F.RAW, y.to_bytes(32, "little"), A.ED25519)[1] is not None
    assert 8 < refusals < 30


# --- DSA, DH ----------------------------------------------------------------------------------------------------------

SMALL_DSA = TransparentKey(  # the 512-bit parameters of the Java Cryptography Architecture reference
    p=0xFCA682CE8E12CABA26EFCCF7110E526DB078B05EDECBCD1EB4A208F3AE1617AE01F35B91A47E6DF63413C5E12ED0899BCD132ACD50D99151BDC43EE737592E17,
    q=0x962EDDCC369CBA8EBB260EE6B6A126D9346E38C5,
    g=0x678471B27A9CF44EE91A49C5147DB1A9AAF244F05A434D6486931D2D14271B9E35030B71FD73DA179069B32E2935630E1C2062354D0DA20A6C416E50BE794CA4,
    x=0x1234567,
)


def test_a_dsa_key_too_small_to_use_can_be_examined(refused):
    assert examine_private(F.TRANSPARENT_DSA_PRIVATE_KEY, SMALL_DSA, A.DSA) == KeyFacts(A.DSA, 512)
    with pytest.raises(OperationFailed):
        load_private(F.TRANSPARENT_DSA_PRIVATE_KEY, SMALL_DSA, A.DSA)
    for field, value in (("g", 2), ("q", SMALL_DSA.q + 2), ("x", SMALL_DSA.q), ("x", 0), ("q", None)):
        wrong = TransparentKey(**{name: getattr(SMALL_DSA, name) for name in "pqgx"} | {field: value})
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            examine_private(F.TRANSPARENT_DSA_PRIVATE_KEY, wrong, A.DSA)
    public = TransparentKey(p=SMALL_DSA.p, q=SMALL_DSA.q, g=SMALL_DSA.g, y=pow(SMALL_DSA.g, 5, SMALL_DSA.p))
    assert examine_public(F.TRANSPARENT_DSA_PUBLIC_KEY, public, A.DSA) == KeyFacts(A.DSA, 512)
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        wrong = TransparentKey(p=SMALL_DSA.p, q=SMALL_DSA.q, g=SMALL_DSA.g, y=3)
        examine_public(F.TRANSPARENT_DSA_PUBLIC_KEY, wrong, A.DSA)


def test_k36_dsa_keys_of_another_group_are_refused(refused):
    pair = keys.generate_key_pair(A.DSA, 1024)
    good = dump_public(pair.public_key, F.TRANSPARENT_DSA_PUBLIC_KEY)
    for field, value in (("y", 1), ("y", good.p - 1), ("y", good.y + 1), ("g", 1), ("g", good.g + 1)):
        wrong = TransparentKey(**{name: getattr(good, name) for name in "pqgy"} | {field: value})
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_public(F.TRANSPARENT_DSA_PUBLIC_KEY, wrong, A.DSA)


# --- PKCS#8 and PKCS#12 under a password ------------------------------------------------------------------------------


def test_an_encrypted_pkcs8_key_can_be_kept_and_opened(ec_pair, refused):
    material = ec_pair.private_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    assert examine_private(F.PKCS_8, material, A.EC) is None
    opened = load_private(F.PKCS_8, material, A.EC, password=b"password")
    assert dump_private(opened, F.PKCS_8) == dump_private(ec_pair.private_key, F.PKCS_8)
    assert examine_private(F.PKCS_8, material, A.EC, password=b"password") == describe(ec_pair.private_key)
    for password in (b"wrong", None):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            load_private(F.PKCS_8, material, A.EC, password=password)


def test_a_pkcs12_file_opens_with_its_password_only(refused):
    with cryptography_vectors.open_vector_file("pkcs12/name-all-pwd.p12", "rb") as file:
        data = file.read()
    opened = load_pkcs12(data, b"password")
    assert len(opened.certificates) == 3
    assert opened.friendly_name == "name"
    loaded = load_private(F.PKCS_12, data, password=b"password")
    assert dump_private(loaded, F.PKCS_8) == dump_private(opened.private_key, F.PKCS_8)
    for password in (b"wrong", None):
        with refused(R.BAD_PASSWORD):
            load_pkcs12(data, password)
    with (
        cryptography_vectors.open_vector_file("pkcs12/cert-aes256cbc-no-key.p12", "rb") as file,
        refused(R.INVALID_ATTRIBUTE_VALUE),
    ):
        load_pkcs12(file.read(), b"cryptography")


def test_a_trusted_rsa_key_loads_quickly_and_an_untrusted_one_is_checked(rsa_pair, refused):
    numbers = rsa_pair.private_key.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d,
        dmp1=numbers.dmp1 + 2,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    material = dump_private(wrong, F.PKCS_1)
    load_private(F.PKCS_1, material, A.RSA, trusted=True)
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        load_private(F.PKCS_1, material, A.RSA)


# --- DER --------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from([2, 3, 4, 5, 6, 0x30, 0x80]), st.binary(max_size=300)), max_size=4))
def test_der_elements_are_what_was_encoded(pairs):
    assert der.elements(b"".join(der.encode(tag, content) for tag, content in pairs)) == pairs


@pytest.mark.parametrize("data", ["30", "3001", "3080", "30810100", "3082000100", "02840000000101", "3085"])
def test_der_that_is_cut_or_not_minimal_is_refused(data):
    with pytest.raises(ValueError, match="DER"):
        der.elements(bytes.fromhex(data))


def test_a_key_on_every_curve_is_described_by_its_name():
    for name, curve in keys.CURVES.items():
        assert describe(ec.generate_private_key(curve)).recommended_curve is name
