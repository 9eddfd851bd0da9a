"""keystead.crypto.ffdh."""

from __future__ import annotations

import cryptography_vectors
import pytest

from keystead.crypto import ffdh
from keystead.kmip.enums import ResultReason

R = ResultReason


def test_ffdhe2048_is_the_group_of_rfc_7919():
    """Source: RFC 7919 appendix A.1: the first and the last digits."""
    group = ffdh.group(2048)
    assert f"{group.p:X}".startswith("FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1")
    assert f"{group.p:X}".endswith("886B423861285C97FFFFFFFFFFFFFFFF")


@pytest.mark.parametrize(
    "bits", [pytest.param(bits, marks=[pytest.mark.slow] if bits > 4096 else []) for bits in sorted(ffdh.LENGTHS)]
)
def test_every_group_passes_fermats_test(bits):
    group = ffdh.group(bits)
    assert group.p.bit_length() == bits
    assert pow(3, group.p - 1, group.p) == 1
    assert pow(3, group.q - 1, group.q) == 1


def test_openssls_encodings_load_and_come_back():
    with cryptography_vectors.open_vector_file("asymmetric/DH/dhkey.der", "rb") as file:
        data = file.read()
    key = ffdh.parse_pkcs8(data)
    assert ffdh.parse_pkcs8(ffdh.dump_pkcs8(key)) == key
    with cryptography_vectors.open_vector_file("asymmetric/DH/dhpub.der", "rb") as file:
        data = file.read()
    public = ffdh.parse_spki(data)
    assert public == key.public_key()
    assert ffdh.dump_spki(public)[-100:] == data[-100:]


def test_k36_public_keys_out_of_range_or_of_another_group_are_refused():
    group = ffdh.group(2048)
    for y in (-1, 0, 1, group.p - 1, group.p, group.p + 1):
        with pytest.raises(ValueError, match="out of range"):
            ffdh.DHPublicKey(group, y)
    other = next(y for y in range(3, 50) if pow(y, group.q, group.p) != 1)
    with pytest.raises(ValueError, match="not in the group"):
        ffdh.DHPublicKey(group, other)
    for x in (0, -1, group.q):
        with pytest.raises(ValueError, match="out of range"):
            ffdh.DHPrivateKey(group, x)
    with pytest.raises(ValueError, match="order"):
        ffdh.DHGroup(group.p, 3 if pow(3, group.q, group.p) != 1 else 5, group.q - 1)


def test_keys_of_different_groups_do_not_agree():
    one, two = ffdh.generate(2048), ffdh.generate(3072)
    with pytest.raises(ValueError, match="different"):
        one.exchange(two.public_key())


def test_there_are_no_other_lengths(refused):
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        ffdh.generate(1024)


def test_a_private_key_does_not_print():
    key = ffdh.generate(2048)
    assert str(key.x) not in repr(key)
