"""keystead.crypto.sign."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.crypto import formats, keys
from keystead.crypto.mac import HASH_OBJECTS, HASHES
from keystead.crypto.sign import DIGITAL_SIGNATURES, Signer, Verifier, sign, verify
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters as Parameters
from keystead.kmip.structures import TransparentKey

A = CryptographicAlgorithm
H = HashingAlgorithm
P = PaddingMethod
R = ResultReason
F = KeyFormatType

NAMES = {"SHA1": H.SHA_1, "SHA224": H.SHA_224, "SHA256": H.SHA_256, "SHA384": H.SHA_384, "SHA512": H.SHA_512}


@pytest.fixture(scope="module")
def pairs(rsa_pair, ec_pair):
    """One key pair of each kind that signs."""
    made = [keys.generate_key_pair(algorithm, length) for algorithm, length in ((A.DSA, 1024), (A.ED25519, None))]
    others = [keys.generate_key_pair(a, None) for a in (A.ED448, A.ML_DSA_44, A.SLH_DSA_SHA2_128F)]
    curves = [keys.generate_key_pair(A.ECDSA, None, curve) for curve in keys.CURVES]
    return [rsa_pair, ec_pair, *made, *others, *curves]


def needs(pair, **more):
    """The least parameters with which a key signs."""
    is_rsa = keys.describe(pair.private_key).cryptographic_algorithm is A.RSA
    return Parameters(hashing_algorithm=H.SHA_256, **more) if is_rsa else None


# --- known answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "padding"), [("SigVer15_186-3", P.PKCS1_V1_5), ("SigVerPSS_186-3", P.PSS)], ids=["PKCS1", "PSS"]
)
def test_rsa_judges_nists_signatures_as_nist_does(vectors, path, padding):
    results = set()
    for record in vectors(f"asymmetric/RSA/FIPS_186-2/{path}.rsp", "N")[:120]:
        if "S" not in record:
            continue
        n, e = int(record["N"], 16), int(record["E"], 16)
        key = formats.load_public(
            F.TRANSPARENT_RSA_PUBLIC_KEY, TransparentKey(modulus=n, public_exponent=e), A.RSA, trusted=True
        )
        message, signature = bytes.fromhex(record["MSG"]), bytes.fromhex(record["S"])
        parameters = Parameters(padding_method=padding, hashing_algorithm=NAMES[record["SHAALG"]])
        good = verify(key, parameters, message, None, signature)
        assert good == record["RESULT"].startswith("P")
        results.add(good)
    assert results == {True, False}


@pytest.mark.parametrize(
    ("curve", "name"),
    [(RecommendedCurve.P_192, "P-192"), (RecommendedCurve.P_256, "P-256"), (RecommendedCurve.P_521, "P-521")],
)
def test_ecdsa_judges_nists_signatures_as_nist_does(vectors, curve, name):
    results = set()
    for record in vectors("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        if not record.get("SECTION", "").startswith(name + ","):
            continue
        hashing = NAMES[record["SECTION"].split(",")[1].replace("-", "")]
        number = ec.EllipticCurvePublicNumbers(int(record["QX"], 16), int(record["QY"], 16), keys.CURVES[curve])
        signature = encode_dss_signature(int(record["R"], 16), int(record["S"], 16))
        message = bytes.fromhex(record["MSG"])
        key = number.public_key()
        good = verify(key, Parameters(hashing_algorithm=hashing), message, None, signature)
        assert good == record["RESULT"].startswith("P")
        digest = hashlib.new(HASHES[hashing], message).digest()
        assert verify(key, Parameters(hashing_algorithm=hashing), None, digest, signature) == good
        assert verify(key, None, None, digest, signature) == good
        results.add(good)
    assert results == {True, False}


def test_dsa_judges_nists_signatures_as_nist_does(vectors):
    results = set()
    for record in vectors("asymmetric/DSA/FIPS_186-3/SigVer.rsp", "P", "Q", "G"):
        # The sections are [mod = L=1024, N=160, SHA-1].
        if "R" not in record or not record["MOD"].startswith("L=2048, N=256"):
            continue
        hashing = NAMES[record["MOD"].split(",")[2].strip().replace("-", "")]
        group = dsa.DSAParameterNumbers(*(int(record[name], 16) for name in "PQG"))
        key = dsa.DSAPublicNumbers(int(record["Y"], 16), group).public_key()
        signature = encode_dss_signature(int(record["R"], 16), int(record["S"], 16))
        good = verify(key, Parameters(hashing_algorithm=hashing), bytes.fromhex(record["MSG"]), None, signature)
        assert good == record["RESULT"].startswith("P")
        results.add(good)
    assert results == {True, False}


def test_ed25519_and_ed448_give_rfc_8032s_answers(vectors):
    for record in vectors("asymmetric/Ed448/rfc8032.txt"):
        key = formats.load_private(F.RAW, bytes.fromhex(record["SECRET"]), A.ED448)
        message = bytes.fromhex(record["MESSAGE"])
        if "CONTEXT" not in record:
            assert sign(key, None, message).hex() == record["SIGNATURE"]
    key = formats.load_private(
        F.RAW, bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"), A.ED25519
    )
    assert sign(key, None, b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


# --- round trips ------------------------------------------------------------------------------------------------------


def test_every_kind_of_key_verifies_what_it_signs(pairs):
    for pair in pairs:
        parameters = needs(pair)
        signature = sign(pair.private_key, parameters, b"data")
        assert verify(pair.public_key, parameters, b"data", None, signature)
        assert not verify(pair.public_key, parameters, b"date", None, signature)
        assert not verify(pair.public_key, parameters, b"data", None, signature[:-1])
        assert not verify(pair.public_key, parameters, b"data", None, b"")


@pytest.mark.parametrize("row", DIGITAL_SIGNATURES, ids=str)
def test_every_digital_signature_algorithm_signs(pairs, row):
    family, _, _ = DIGITAL_SIGNATURES[row]
    pair = next(pair for pair in pairs if keys.describe(pair.private_key).cryptographic_algorithm is family)
    parameters = Parameters(digital_signature_algorithm=row)
    assert verify(pair.public_key, parameters, b"data", None, sign(pair.private_key, parameters, b"data"))


def test_a_digital_signature_algorithm_means_its_padding_and_hash(rsa_pair):
    word = Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_384_WITH_RSA_ENCRYPTION)
    words = Parameters(padding_method=P.PKCS1_V1_5, hashing_algorithm=H.SHA_384, cryptographic_algorithm=A.RSA)
    assert sign(rsa_pair.private_key, word, b"data") == sign(rsa_pair.private_key, words, b"data")


@pytest.mark.parametrize("hashing", HASH_OBJECTS, ids=str)
def test_every_hash_signs_data_and_digests_alike(rsa_pair, ec_pair, hashing):
    digest = hashlib.new(HASHES[hashing], b"data").digest()
    for pair, padding in ((rsa_pair, P.PKCS1_V1_5), (rsa_pair, P.PSS), (ec_pair, None)):
        parameters = Parameters(padding_method=padding, hashing_algorithm=hashing)
        of_data = sign(pair.private_key, parameters, b"data")
        of_digest = sign(pair.private_key, parameters, digested_data=digest)
        for signature in (of_data, of_digest):
            assert verify(pair.public_key, parameters, b"data", None, signature)
            assert verify(pair.public_key, parameters, None, digest, signature)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=64), st.sampled_from(sorted(keys.CURVES)))
def test_ecdsa_signs_a_digest_of_any_length(digest, curve):
    pair = keys.generate_key_pair(A.EC, None, curve)
    signature = sign(pair.private_key, None, digested_data=digest)
    assert verify(pair.public_key, None, None, digest, signature)
    other = bytes((digest[0] ^ 0x80,)) + digest[1:] if digest else b"\1"
    assert not verify(pair.public_key, None, None, other, signature)


def test_a_short_digest_is_the_same_number_as_one_with_zeros_before_it(ec_pair):
    signature = sign(ec_pair.private_key, None, digested_data=b"0123456789abcdef")
    assert verify(ec_pair.public_key, None, None, bytes(16) + b"0123456789abcdef", signature)


def test_rsa_without_a_hash_signs_the_digest_as_it_is(rsa_pair):
    parameters = Parameters(padding_method=P.PKCS1_V1_5)
    signature = sign(rsa_pair.private_key, parameters, digested_data=b"anything")
    assert verify(rsa_pair.public_key, parameters, None, b"anything", signature)
    assert not verify(rsa_pair.public_key, parameters, None, b"otherwise", signature)


def test_pss_takes_salt_lengths_and_another_hash_for_the_mask(rsa_pair):
    loose = Parameters(padding_method=P.PSS, hashing_algorithm=H.SHA_256)
    for salt in (0, 20, 222):
        parameters = Parameters(padding_method=P.PSS, hashing_algorithm=H.SHA_256, salt_length=salt)
        signature = sign(rsa_pair.private_key, parameters, b"data")
        assert verify(rsa_pair.public_key, parameters, b"data", None, signature)
        assert verify(rsa_pair.public_key, loose, b"data", None, signature)
        other = Parameters(padding_method=P.PSS, hashing_algorithm=H.SHA_256, salt_length=salt + 1)
        assert not verify(rsa_pair.public_key, other, b"data", None, signature)
    masked = Parameters(padding_method=P.PSS, hashing_algorithm=H.SHA_256, mask_generator_hashing_algorithm=H.SHA_1)
    signature = sign(rsa_pair.private_key, masked, b"data")
    assert verify(rsa_pair.public_key, masked, b"data", None, signature)
    assert not verify(rsa_pair.public_key, loose, b"data", None, signature)


@pytest.mark.parametrize("cuts", [[4], [1, 2, 1], [0, 0, 4]])
def test_signing_in_parts_is_signing_the_whole(pairs, cuts):
    for pair in pairs:
        parameters = needs(pair)
        signer, verifier = Signer(pair.private_key, parameters), Verifier(pair.public_key, parameters)
        offset = 0
        for cut in cuts:
            signer.update(b"data"[offset : offset + cut])
            verifier.update(b"data"[offset : offset + cut])
            offset += cut
        signature = signer.finish()
        assert verify(pair.public_key, parameters, b"data", None, signature)
        assert verifier.finish(signature)
        assert not Verifier(pair.public_key, parameters).finish(signature)


def test_a_context_belongs_to_the_signature():
    pair = keys.generate_key_pair(A.ML_DSA_44, None)
    signature = sign(pair.private_key, None, b"data", context=b"context")
    assert verify(pair.public_key, None, b"data", None, signature, context=b"context")
    assert not verify(pair.public_key, None, b"data", None, signature)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (None, R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.PKCS1_V1_5), R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.OAEP, hashing_algorithm=H.SHA_256), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(hashing_algorithm=H.TIGER), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(hashing_algorithm=H.SHA_256, cryptographic_algorithm=A.ECDSA), R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (
            Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.ECDSA_WITH_SHA256),
            R.BAD_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.MD2_WITH_RSA_ENCRYPTION),
            R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            Parameters(
                digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
                hashing_algorithm=H.SHA_1,
            ),
            R.BAD_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (Parameters(padding_method=P.PSS, trailer_field=2), R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.PSS, salt_length=-1), R.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (Parameters(padding_method=P.PSS, hashing_algorithm=H.SHA_256, salt_length=223), R.CRYPTOGRAPHIC_FAILURE),
    ],
)
def test_rsa_refuses_parameters_that_make_no_sense(rsa_pair, refused, parameters, reason):
    with refused(reason):
        sign(rsa_pair.private_key, parameters, b"data")


def test_exactly_one_of_data_and_digest_must_be_given(ec_pair, refused):
    for data, digest in ((None, None), (b"data", b"digest")):
        with refused(R.INVALID_MESSAGE):
            sign(ec_pair.private_key, None, data, digest)
        with refused(R.INVALID_MESSAGE):
            verify(ec_pair.public_key, None, data, digest, b"")


def test_a_digest_must_have_the_length_of_its_hash(rsa_pair, ec_pair, refused):
    for pair in (rsa_pair, ec_pair):
        with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
            sign(pair.private_key, Parameters(hashing_algorithm=H.SHA_256), digested_data=b"short")


def test_keys_that_take_only_data_refuse_digests(pairs, refused):
    for pair in pairs[3:7]:
        with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
            sign(pair.private_key, None, digested_data=bytes(32))
        with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
            verify(pair.public_key, None, None, bytes(32), b"")


@pytest.mark.parametrize("algorithm", [A.X25519, A.X448, A.ML_KEM_768], ids=str)
def test_keys_that_do_not_sign_say_so(algorithm, refused):
    pair = keys.generate_key_pair(algorithm, None)
    with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
        sign(pair.private_key, None, b"data")
    with refused(R.BAD_CRYPTOGRAPHIC_PARAMETERS):
        verify(pair.public_key, None, b"data", None, b"")
    if algorithm is not A.ML_KEM_768:
        with pytest.raises(OperationFailed):
            Signer(pair.private_key, None)
