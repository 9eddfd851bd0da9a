"""RSA encryption: OAEP and PKCS#1 v1.5, with what is wrong told to nobody (K24)."""

from __future__ import annotations

from functools import partial

from keystead.kmip.enums import HashingAlgorithm, PaddingMethod
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest
from keystead.kmip.structures import CryptographicParameters
from tests.vectors.files import Record, hexadecimal
from tests.vectors.keypairs import HASHES, rsa_private
from tests.vectors.talk import A, F, NotSayable, R, Step, Talk, do, private, refused, same

NOT_DECRYPTED = "the data could not be decrypted"
H = HashingAlgorithm
PKCS1 = CryptographicParameters(padding_method=PaddingMethod.PKCS1_V1_5)


def oaep(hashing: HashingAlgorithm, mask: HashingAlgorithm, label: bytes = b"") -> CryptographicParameters:
    return CryptographicParameters(
        padding_method=PaddingMethod.OAEP,
        hashing_algorithm=hashing,
        mask_generator_hashing_algorithm=mask,
        p_source=label or None,
    )


def _there_and_back(unique_identifier: str, parameters: CryptographicParameters, plain: bytes) -> Step:
    """Encrypt, which is never the same twice, and decrypt that."""
    ask = {"unique_identifier": unique_identifier, "cryptographic_parameters": parameters}
    secret = (yield from do(EncryptRequest(data=plain, **ask))).data
    same((yield from do(DecryptRequest(data=secret, **ask))).data or b"", plain)


def _opened(unique_identifier: str, parameters: CryptographicParameters, plain: bytes, secret: bytes) -> Talk:
    decrypt = partial(DecryptRequest, unique_identifier=unique_identifier, cryptographic_parameters=parameters)
    same((yield from do(decrypt(data=secret))).data or b"", plain)
    yield from _there_and_back(unique_identifier, parameters, plain)
    changed = bytes((*secret[:-1], secret[-1] ^ 1))
    if parameters.padding_method is PaddingMethod.OAEP:
        yield from refused(decrypt(data=changed), R.CRYPTOGRAPHIC_FAILURE, message=NOT_DECRYPTED)
    else:
        yield from _implicitly_rejected(decrypt, changed, plain)
    return True


def _implicitly_rejected(decrypt: partial, secret: bytes, plain: bytes | None) -> Step:
    """A wrong padding gives other bytes, each time the same."""
    one = (yield from do(decrypt(data=secret))).data or b""
    other = (yield from do(decrypt(data=secret))).data or b""
    assert one == other, "the answer to a wrong padding is not always the same"
    assert not plain or one != plain, "a wrong padding was accepted"


def laboratories(record: Record, parameters: CryptographicParameters) -> Talk:
    unique_identifier = yield from rsa_private(record)
    size = (int(record["N"], 16).bit_length() + 7) // 8
    secret = hexadecimal(record, "OUTPUT").rjust(size, b"\0")
    return (yield from _opened(unique_identifier, parameters, hexadecimal(record, "MESSAGE"), secret))


def labelled(record: Record) -> Talk:
    unique_identifier = yield from private(F.PKCS_8, hexadecimal(record, "KEY"), A.RSA)
    hashing = HASHES[record["OAEPDIGEST"].replace("SHA", "SHA-")]
    parameters = oaep(hashing, hashing, hexadecimal(record, "OAEPLABEL"))
    plain = record["OUTPUT"].strip('"').encode()
    return (yield from _opened(unique_identifier, parameters, plain, hexadecimal(record, "INPUT")))


def implicit_rejection(record: Record) -> Talk:
    """What a wrong padding gives: the draft irtf-cfrg-rsa-guidance."""
    unique_identifier = yield from private(F.PKCS_8, hexadecimal(record, "KEY"), A.RSA)
    decrypt = DecryptRequest(
        unique_identifier=unique_identifier, cryptographic_parameters=PKCS1, data=hexadecimal(record, "CT")
    )
    same((yield from do(decrypt)).data or b"", hexadecimal(record, "MSG"))
    return True


def wycheproof_oaep(record: Record) -> Talk:
    parameters = oaep(HASHES[record["sha"]], HASHES[record["mgfSha"]], bytes.fromhex(record["label"]))
    unique_identifier = yield from private(F.PKCS_8, bytes.fromhex(record["privateKeyPkcs8"]), A.RSA)
    plain, secret = bytes.fromhex(record["msg"]), bytes.fromhex(record["ct"])
    if record["sha"].startswith("SHA-512/"):
        ask = DecryptRequest(unique_identifier=unique_identifier, cryptographic_parameters=parameters, data=secret)
        yield from refused(ask, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS)
        raise NotSayable("OAEP with a truncated SHA-512, which the library does not have")
    if record["result"] != "invalid":
        return (yield from _opened(unique_identifier, parameters, plain, secret))
    decrypt = DecryptRequest(unique_identifier=unique_identifier, cryptographic_parameters=parameters, data=secret)
    return (yield from refused(decrypt, R.CRYPTOGRAPHIC_FAILURE, message=NOT_DECRYPTED))


def wycheproof_pkcs1(record: Record) -> Talk:
    """A ciphertext of a wrong length is refused; of the right length, and with a wrong padding, it is implicit."""
    unique_identifier = yield from private(F.PKCS_8, bytes.fromhex(record["privateKeyPkcs8"]), A.RSA)
    plain, secret = bytes.fromhex(record["msg"]), bytes.fromhex(record["ct"])
    if record["result"] == "valid":
        return (yield from _opened(unique_identifier, PKCS1, plain, secret))
    decrypt = partial(DecryptRequest, unique_identifier=unique_identifier, cryptographic_parameters=PKCS1)
    if "InvalidCiphertextFormat" in record["flags"]:
        return (yield from refused(decrypt(data=secret), R.CRYPTOGRAPHIC_FAILURE, message=NOT_DECRYPTED))
    yield from _implicitly_rejected(decrypt, secret, None)
    return False
