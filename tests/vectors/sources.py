"""Which published file goes through which operations: a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from keystead.kmip.enums import BlockCipherMode, HashingAlgorithm, PaddingMethod
from keystead.kmip.version import V2_1, V3_0, Version
from tests.vectors import aead, agree, ciphers, derive, mac, pqc, rsa, sign, wrap
from tests.vectors.files import Record, camellia, colons, nist, paths, pkcs1, wycheproof
from tests.vectors.talk import A, Talk

B = BlockCipherMode
H = HashingAlgorithm
P = PaddingMethod


@dataclass(frozen=True)
class Source:
    """Files of one form that go through the same operations.

    Attributes:
        files: patterns of their paths.
        talk: record → the conversation about it.
        read: path → records.
        version: of KMIP, in which the conversation is held.
    """

    name: str
    files: tuple[str, ...]
    talk: Callable[[Record], Talk]
    read: Callable[[str], Iterable[Record]] = nist
    version: Version = V2_1

    def talks(self) -> Iterator[tuple[str, Talk]]:
        """A conversation about every vector, by its name."""
        for path in paths(*self.files):
            yield from self._of(path)

    def sample(self, count: int, random: Random) -> Iterator[tuple[str, Talk]]:
        """Conversations about a few vectors of one of the files."""
        found = list(self._of(random.choice(paths(*self.files))))
        return iter(random.sample(found, min(count, len(found))))

    def _of(self, path: str) -> Iterator[tuple[str, Talk]]:
        for number, record in enumerate(self.read(path)):
            yield f"{path}#{number}", self.talk(record)


def _reader(*sticky: str, needs: str) -> Callable[[str], Iterable[Record]]:
    """Read a response file in which fields hold for the records after them; a record has the field `needs`."""
    return lambda path: (record for record in nist(path, *sticky) if needs in record)


_AES_MODES = {B.ECB: "ECB", B.CBC: "CBC", B.CFB: "CFB128", B.OFB: "OFB"}
_DES_MODES = {B.ECB: "TECB", B.CBC: "TCBC", B.CFB: "TCFB64", B.OFB: "TOFB"}
_DES_KINDS = ("MMT1", "MMT2", "MMT3", "invperm", "permop", "subtab", "varkey", "vartext")

PLAIN = (
    *(
        Source(f"AES {mode.title}", (f"ciphers/AES/{mode.title}/{name}[GKMV]*.rsp",),
               partial(ciphers.encryption, algorithm=A.AES, mode=mode))
        for mode, name in _AES_MODES.items()
    ),
    Source("AES CTR", ("ciphers/AES/CTR/*.txt",), ciphers.counter),
    Source("AES XTS", ("ciphers/AES/XTS/*/*.rsp",), ciphers.xts),
    Source("AES XTS, Wycheproof", ("Cipher/wycheproof/aes_xts_test.json",), ciphers.wycheproof_xts, wycheproof),
    *(
        Source(f"3DES {mode.title}", tuple(f"ciphers/3DES/{mode.title}/{name}{kind}.rsp" for kind in _DES_KINDS),
               partial(ciphers.encryption, algorithm=A.TRIPLE_DES, mode=mode))
        for mode, name in _DES_MODES.items()
    ),
    Source("Camellia ECB", ("ciphers/Camellia/camellia-*-ecb.txt",),
           partial(ciphers.encryption, algorithm=A.CAMELLIA, mode=B.ECB), camellia),
    *(
        Source(f"{algorithm.title} {mode.title}", (files,), partial(ciphers.encryption, algorithm=algorithm, mode=mode))
        for algorithm, mode, files in (
            (A.CAMELLIA, B.CBC, "ciphers/Camellia/camellia-cbc.txt"),
            (A.CAMELLIA, B.CFB, "ciphers/Camellia/camellia-cfb.txt"),
            (A.CAMELLIA, B.OFB, "ciphers/Camellia/camellia-ofb.txt"),
            *((A.IDEA, mode, f"ciphers/IDEA/idea-{mode.title.lower()}.txt") for mode in _AES_MODES),
            *((A.BLOWFISH, mode, f"ciphers/Blowfish/bf-{mode.title.lower()}.txt") for mode in _AES_MODES),
            *((A.CAST5, mode, f"ciphers/CAST5/cast5-{mode.title.lower()}.txt") for mode in (*_AES_MODES, B.CTR)),
            *((A.SM4, mode, f"ciphers/SM4/draft*-{mode.title.lower()}.txt") for mode in (*_AES_MODES, B.CTR)),
            (A.SEED, B.ECB, "ciphers/SEED/rfc-4269.txt"),
            (A.SEED, B.CBC, "ciphers/SEED/rfc-4196.txt"),
            (A.SEED, B.CFB, "ciphers/SEED/seed-cfb.txt"),
            (A.SEED, B.OFB, "ciphers/SEED/seed-ofb.txt"),
            (A.RC2, B.CBC, "ciphers/RC2/rc2-cbc.txt"),
        )
    ),
    Source("RC4", ("ciphers/ARC4/*.txt",), ciphers.arc4),
    Source("ChaCha20", ("ciphers/ChaCha20/rfc7539.txt",), ciphers.chacha20),
    Source("ChaCha20 counters, Wycheproof", ("Cipher/wycheproof/chacha20_counter_test.json",),
           ciphers.wycheproof_chacha20, wycheproof),
)  # fmt: skip

_CCM = ("ALEN", "PLEN", "NLEN", "TLEN", "KEY", "NONCE")
AUTHENTICATED = (
    Source("AES GCM", ("ciphers/AES/GCM/*.rsp",), aead.gcm),
    Source("AES GCM, Wycheproof", ("Cipher/wycheproof/aes_gcm_test.json",),
           partial(aead.wycheproof, algorithm=A.AES, mode=B.GCM), wycheproof),
    Source("AES CCM", ("ciphers/AES/CCM/*.rsp",), aead.ccm, _reader(*_CCM, needs="CT")),
    Source("AES CCM, Wycheproof", ("Cipher/wycheproof/aes_ccm_test.json",),
           partial(aead.wycheproof, algorithm=A.AES, mode=B.CCM), wycheproof),
    Source("SM4 GCM", ("ciphers/SM4/rfc8998.txt",), partial(aead.gcm, algorithm=A.SM4)),
    Source("ChaCha20-Poly1305", ("ciphers/ChaCha20Poly1305/*.txt",), aead.chacha20_poly1305),
    Source("ChaCha20-Poly1305, Wycheproof", ("Cipher/wycheproof/chacha20_poly1305_test.json",),
           partial(aead.wycheproof, algorithm=A.CHACHA20POLY1305, mode=B.AEAD), wycheproof),
)  # fmt: skip

_HMAC_FILES = (
    (A.HMAC_MD5, H.MD5, "HMAC/rfc-2202-md5.txt"),
    (A.HMAC_SHA1, H.SHA_1, "HMAC/rfc-2202-sha1.txt"),
    *((A[f"HMAC_SHA{bits}"], H[f"SHA_{bits}"], f"HMAC/rfc-4231-sha{bits}.txt") for bits in (224, 256, 384, 512)),
)
_HASH_FILES = (
    (H.MD5, "hashes/MD5/rfc-1321.txt"),
    (H.RIPEMD_160, "hashes/ripemd160/ripevectors.txt"),
    (H.SHA_1, "hashes/SHA1/SHA1{}Msg.rsp"),
    *((H[f"SHA_{name}"], f"hashes/SHA2/SHA{name}{{}}Msg.rsp") for name in (224, 256, 384, 512, "512_224", "512_256")),
    *((H[f"SHA3_{bits}"], f"hashes/SHA3/SHA3_{bits}{{}}Msg.rsp") for bits in (224, 256, 384, 512)),
)
DIGESTS = (
    *(
        Source(f"Hash {hashing.title}", (files.format("Short"), files.format("Long")),
               partial(mac.hashing, algorithm=hashing), _reader(needs="MSG"))
        for hashing, files in _HASH_FILES
    ),
    *(
        Source(algorithm.title, (file,), partial(mac.hmac, algorithm=algorithm, hashing=hashing))
        for algorithm, hashing, file in _HMAC_FILES
    ),
    Source("HMAC-RIPEMD160", ("HMAC/rfc-2286-ripemd160.txt",),
           partial(mac.hmac, algorithm=None, hashing=H.RIPEMD_160)),
    Source("CMAC AES", ("CMAC/nist-800-38b-aes*.txt",), partial(mac.cmac, algorithm=A.AES)),
    Source("CMAC 3DES", ("CMAC/nist-800-38b-3des.txt",), partial(mac.cmac, algorithm=A.TRIPLE_DES)),
    Source("CMAC AES, Wycheproof", ("Hash/wycheproof/aes_cmac_test.json",), mac.wycheproof_cmac, wycheproof),
    Source("Poly1305", ("poly1305/rfc7539.txt",), mac.poly1305),
)  # fmt: skip

_WYCHEPROOF_HKDF = {"1": H.SHA_1, "256": H.SHA_256, "384": H.SHA_384, "512": H.SHA_512}
DERIVATIONS = (
    Source("HKDF SHA-1", ("KDF/rfc-5869-HKDF-SHA1.txt",), partial(derive.hkdf, hashing=H.SHA_1)),
    Source("HKDF SHA-256", ("KDF/rfc-5869-HKDF-SHA256.txt", "KDF/hkdf-generated.txt"),
           partial(derive.hkdf, hashing=H.SHA_256)),
    *(
        Source(f"HKDF SHA-{name}, Wycheproof", (f"Protocol/wycheproof/hkdf_sha{name}_test.json",),
               partial(derive.wycheproof_hkdf, hashing=hashing), wycheproof)
        for name, hashing in _WYCHEPROOF_HKDF.items()
    ),
    Source("PBKDF2", ("KDF/rfc-6070-PBKDF2-SHA1.txt",), derive.pbkdf2),
    Source("SP 800-108 counter mode", ("KDF/nist-800-108-KBKDF-CTR.txt",), derive.counter_mode, _reader(needs="KI")),
    *(
        Source(f"Derive Key HMAC {hashing.title}", (file,), partial(derive.hmac, algorithm=algorithm))
        for algorithm, hashing, file in _HMAC_FILES
    ),
    *(
        Source(f"Derive Key HASH {hashing.title}", (files.format("Short"),),
               partial(derive.hash_, hashing=hashing), _reader(needs="MSG"))
        for hashing, files in _HASH_FILES
    ),
    *(
        Source(f"Derive Key ENCRYPT AES {mode.title}", (f"ciphers/AES/{mode.title}/{name}MMT*.rsp",),
               partial(derive.encryption, algorithm=A.AES, mode=mode))
        for mode, name in _AES_MODES.items()
    ),
)  # fmt: skip

WRAPPINGS = (
    Source("Key Wrap", ("keywrap/kwtestvectors/KW_A?_*[0-9].txt",), partial(wrap.nist, mode=B.NISTKEYWRAP),
           _reader(needs="K")),
    Source("Key Wrap with Padding", ("keywrap/kwtestvectors/KWP_A?_*[0-9].txt",),
           partial(wrap.nist, mode=B.AESKEYWRAPPADDING), _reader(needs="K")),
    Source("Key Wrap with Padding, Botan", ("keywrap/kwp_botan.txt",), wrap.botan),
    Source("Key Wrap, Wycheproof", ("Cipher/wycheproof/aes_wrap_test.json",),
           partial(wrap.wycheproof, mode=B.NISTKEYWRAP), wycheproof),
    Source("Key Wrap with Padding, Wycheproof", ("Cipher/wycheproof/aes_kwp_test.json",),
           partial(wrap.wycheproof, mode=B.AESKEYWRAPPADDING), wycheproof),
    Source("Keys wrapped with AES GCM", ("ciphers/AES/GCM/*.rsp",), wrap.gcm,
           lambda path: filter(wrap.is_wrapped_key, nist(path))),
)  # fmt: skip

_RSA = "asymmetric/RSA"
_OAEP_HASHES = {"sha1": H.SHA_1, "sha224": H.SHA_224, "sha256": H.SHA_256, "sha384": H.SHA_384, "sha512": H.SHA_512}
RSA_ENCRYPTION = (
    Source("RSA OAEP", (f"{_RSA}/pkcs-1v2-1d2-vec/oaep-vect.txt",),
           partial(rsa.laboratories, parameters=rsa.oaep(H.SHA_1, H.SHA_1)), pkcs1),
    *(
        Source(f"RSA OAEP {name}, MGF1 {mask_name}", (f"{_RSA}/oaep-custom/oaep-{mask_name}-{name}.txt",),
               partial(rsa.laboratories, parameters=rsa.oaep(hashing, mask)), pkcs1)
        for mask_name, mask in _OAEP_HASHES.items()
        for name, hashing in _OAEP_HASHES.items()
        if (mask_name, name) != ("sha1", "sha1")
    ),
    Source("RSA OAEP with a label", (f"{_RSA}/oaep-label.txt",), rsa.labelled),
    Source("RSA OAEP, Wycheproof", ("Cipher/wycheproof/rsa_oaep_*_test.json",), rsa.wycheproof_oaep, wycheproof),
    Source("RSA PKCS1 v1.5 encryption", (f"{_RSA}/pkcs1v15crypt-vectors.txt",),
           partial(rsa.laboratories, parameters=rsa.PKCS1), pkcs1),
    Source("RSA PKCS1 v1.5 encryption, Wycheproof", ("Cipher/wycheproof/rsa_pkcs1_*_test.json",),
           rsa.wycheproof_pkcs1, wycheproof),
    Source("RSA PKCS1 v1.5 implicit rejection", ("Cipher/PKCS1_v1_5/implicit_rejection.txt",),
           rsa.implicit_rejection, _reader("KEY", needs="CT")),
)  # fmt: skip

_SIGNATURES = "Signature/wycheproof"
SIGNATURES = (
    Source("RSA PKCS1 v1.5 verification", (f"{_RSA}/FIPS_186-2/SigVer15_186-3.rsp", f"{_RSA}/SigVer15EMTest.txt"),
           partial(sign.rsa_verification, padding=P.PKCS1_V1_5), _reader("N", "P", "Q", needs="S")),
    Source("RSA PSS verification", (f"{_RSA}/FIPS_186-2/SigVerPSS_186-3.rsp",),
           partial(sign.rsa_verification, padding=P.PSS), _reader("N", "P", "Q", needs="S")),
    Source("RSA PKCS1 v1.5 signature", (f"{_RSA}/FIPS_186-2/SigGen15_186-2.txt",),
           partial(sign.rsa_signature, padding=P.PKCS1_V1_5), _reader("N", "E", "D", needs="S")),
    Source("RSA PSS signature", (f"{_RSA}/FIPS_186-2/SigGenPSS_186-2.txt",),
           partial(sign.rsa_signature, padding=P.PSS), _reader("N", "E", "D", needs="S")),
    Source("RSA PKCS1 v1.5 signature, RSA Laboratories", (f"{_RSA}/pkcs1v15sign-vectors.txt",),
           partial(sign.laboratories, padding=P.PKCS1_V1_5), pkcs1),
    Source("RSA PSS signature, RSA Laboratories", (f"{_RSA}/pkcs-1v2-1d2-vec/pss-vect.txt",),
           partial(sign.laboratories, padding=P.PSS), pkcs1),
    Source("RSA PKCS1 v1.5 verification, Wycheproof", (f"{_SIGNATURES}/rsa_signature_*_test.json",),
           partial(sign.wycheproof, algorithm=A.RSA, padding=P.PKCS1_V1_5), wycheproof),
    Source("RSA PKCS1 v1.5 signature, Wycheproof", (f"{_SIGNATURES}/rsa_pkcs1_*_sig_gen_test.json",),
           sign.wycheproof_generation, wycheproof),
    Source("RSA PSS verification, Wycheproof", (f"{_SIGNATURES}/rsa_pss_*_test.json",),
           partial(sign.wycheproof, algorithm=A.RSA, padding=P.PSS), wycheproof),
    Source("DSA", ("asymmetric/DSA/FIPS_186-?/SigVer.rsp",), sign.dsa, _reader("P", "Q", "G", needs="S")),
    Source("DSA, Wycheproof", tuple(f"{_SIGNATURES}/dsa_*_sha{bits}_test.json" for bits in (224, 256)),
           partial(sign.wycheproof, algorithm=A.DSA), wycheproof),
    Source("ECDSA verification", ("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp",), sign.ecdsa, _reader(needs="S")),
    Source("ECDSA signature", ("asymmetric/ECDSA/FIPS_186-3/SigGen.txt", "asymmetric/ECDSA/SECP256K1/SigGen.txt"),
           sign.ecdsa, _reader(needs="S")),
    Source("ECDSA public key validation", ("asymmetric/ECDSA/FIPS_186-3/PKV.rsp",), sign.public_key_validation,
           _reader(needs="QX")),
    # Not the signatures in the form of IEEE P1363, nor those that only Bitcoin refuses.
    Source("ECDSA, Wycheproof", (f"{_SIGNATURES}/ecdsa_secp*_sha*[!3n]_test.json",),
           partial(sign.wycheproof, algorithm=A.EC), wycheproof),
    Source("Ed25519", ("asymmetric/Ed25519/sign.input",), partial(sign.edwards, algorithm=A.ED25519), colons),
    Source("Ed448", ("asymmetric/Ed448/rfc8032.txt",), partial(sign.edwards, algorithm=A.ED448)),
    Source("Ed25519, Wycheproof", (f"{_SIGNATURES}/ed25519_test.json",),
           partial(sign.wycheproof, algorithm=A.ED25519), wycheproof),
    Source("Ed448, Wycheproof", (f"{_SIGNATURES}/ed448_test.json",),
           partial(sign.wycheproof, algorithm=A.ED448), wycheproof),
)  # fmt: skip

AGREEMENTS = (
    Source("ECDH validity", ("asymmetric/ECDH/*_NOKC_ZZOnly_*.fax",), agree.nist_ec, _reader(needs="Z")),
    Source("ECDH primitive", ("Protocol/KAS_ECC_CDH_PrimitiveTest.txt",), agree.cofactor, _reader(needs="ZIUT")),
    Source("ECDH brainpool", ("asymmetric/ECDH/brainpool.txt",), agree.brainpool),
    Source("ECDH compressed points", ("asymmetric/EC/compressed_points.txt",), agree.compressed),
    Source("ECDH, Wycheproof", ("Protocol/wycheproof/ecdh_secp???r1_test.json",
                                "Protocol/wycheproof/ecdh_secp256k1_test.json",
                                "Protocol/wycheproof/ecdh_*_ecpoint_test.json"), agree.wycheproof_ec, wycheproof),
    *(
        source
        for algorithm in (A.X25519, A.X448)
        for source in (
            Source(algorithm.title, (f"asymmetric/{algorithm.title}/rfc7748.txt",),
                   partial(agree.montgomery, algorithm=algorithm), version=V3_0),
            Source(f"{algorithm.title}, Wycheproof", (f"Protocol/wycheproof/{algorithm.title.lower()}_test.json",),
                   partial(agree.wycheproof_montgomery, algorithm=algorithm), wycheproof, V3_0),
            Source(f"{algorithm.title} in DER, Wycheproof",
                   (f"Protocol/wycheproof/{algorithm.title.lower()}_asn_test.json",),
                   partial(agree.wycheproof_montgomery, algorithm=algorithm, asn=True), wycheproof, V3_0),
        )
    ),
    Source("DH validity", ("asymmetric/DH/KASValidityTest_*.fax",), agree.nist_dh, _reader("P", "Q", "G", needs="Z")),
    Source("DH, RFC 5114", ("asymmetric/DH/RFC5114.txt",), agree.rfc_5114),
    Source("DH, Botan", ("asymmetric/DH/vec.txt",), agree.botan_dh),
)  # fmt: skip

_KEMS = {A.ML_KEM_512: 512, A.ML_KEM_768: 768, A.ML_KEM_1024: 1024}
_DSAS = {A.ML_DSA_44: 44, A.ML_DSA_65: 65, A.ML_DSA_87: 87}
POST_QUANTUM = (
    *(
        Source(f"{algorithm.title}{what}", (file.format(size),), partial(talk, algorithm=algorithm), read, V3_0)
        for algorithm, size in _KEMS.items()
        for what, file, talk, read in (
            ("", "asymmetric/MLKEM/kat_MLKEM_{}.rsp", pqc.kem, nist),
            (", Wycheproof", "Protocol/wycheproof/mlkem_{}_test.json", pqc.wycheproof_kem, wycheproof),
            (" encapsulation, Wycheproof", "Protocol/wycheproof/mlkem_{}_encaps_test.json",
             pqc.wycheproof_encapsulation, wycheproof),
            (" expanded keys, Wycheproof", "Protocol/wycheproof/mlkem_{}_semi_expanded_decaps_test.json",
             pqc.wycheproof_expanded, wycheproof),
        )
    ),
    *(
        Source(f"{algorithm.title}{what}", (file.format(size),), partial(talk, algorithm=algorithm), read, V3_0)
        for algorithm, size in _DSAS.items()
        for what, file, talk, read in (
            ("", "asymmetric/MLDSA/kat_MLDSA_{}_det_pure.rsp", pqc.dsa, nist),
            (" verification, Wycheproof", "Signature/wycheproof/mldsa_{}_verify_test.json",
             pqc.wycheproof_dsa, wycheproof),
            (" signature, Wycheproof", "Signature/wycheproof/mldsa_{}_sign_*seed_test.json",
             pqc.wycheproof_dsa_signature, wycheproof),
        )
    ),
)  # fmt: skip

SOURCES = (
    *PLAIN,
    *AUTHENTICATED,
    *DIGESTS,
    *DERIVATIONS,
    *WRAPPINGS,
    *RSA_ENCRYPTION,
    *SIGNATURES,
    *AGREEMENTS,
    *POST_QUANTUM,
)
