"""Every enumeration and mask of KMIP 1.0 to 3.0: a row per value.

A row is `value, the specification's name[, since[, until]]`; the version windows are inclusive.  A value in
the extension range (8XXXXXXX) is kept as it came: whoever uses it decides whether it means anything.

Source: KMIP 1.0-1.4 section 9.1.3; 2.0 and 2.1 section 11; 3.0 CSD01 section 11; rows marked CSD02 come from
the notes on its second draft (docs/divergences.md).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from functools import cached_property
from typing import Self

from keystead.kmip.names import camel_case
from keystead.kmip.version import NEWEST, V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0, Version

EXTENSION = 0x80000000


class Enumeration(IntEnum):
    """A KMIP enumeration: a number, the specification's name for it and the versions that have it."""

    title: str
    since: Version
    until: Version

    def __new__(cls, value: int, title: str = "", since: Version = V1_0, until: Version = NEWEST) -> Self:
        self = int.__new__(cls, value)
        self._value_ = value
        self.title, self.since, self.until = title, since, until
        return self

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unlisted(value) if isinstance(value, int) and EXTENSION <= value < 2 * EXTENSION else None

    @classmethod
    def numbered(cls, value: int) -> Self | None:
        """The value of a number, None if there is none: for a class may be without rows, and then cannot be called."""
        listed = next((each for each in cls if each == value), None)
        return cls._missing_(value) if listed is None else listed

    @classmethod
    def unlisted(cls, value: int) -> Self:
        """A value that has no row; not kept, so that a client cannot make the class grow."""
        self = int.__new__(cls, value)
        self._value_ = value
        self._name_ = self.title = f"0x{value:08X}"
        self.since, self.until = V1_0, NEWEST
        return self

    @cached_property
    def camel_case(self) -> str:
        """Its name in XML and JSON."""
        return camel_case(self.title)

    def __str__(self) -> str:
        return self.title


class OpenEnumeration(Enumeration):
    """An enumeration whose values another standard keeps: any 32-bit number is one."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unlisted(value) if isinstance(value, int) and 0 <= value < 2 * EXTENSION else None


class Mask(IntFlag):
    """A KMIP bit mask; bits that no row names are kept."""

    title: str
    since: Version
    until: Version

    def __new__(cls, value: int, title: str = "", since: Version = V1_0, until: Version = NEWEST) -> Self:
        self = int.__new__(cls, value)
        self._value_ = value
        self.title, self.since, self.until = title, since, until
        return self

    @cached_property
    def camel_case(self) -> str:
        """Its name in XML and JSON; for several bits, their names with blanks between."""
        return " ".join(camel_case(bit.title) for bit in type(self) if bit in self)


class AdjustmentType(Enumeration):
    """Adjustment Type."""

    INCREMENT = 0x1, "Increment", V2_0
    DECREMENT = 0x2, "Decrement", V2_0
    NEGATE = 0x3, "Negate", V2_0


class AlternativeNameType(Enumeration):
    """Alternative Name Type."""

    UNINTERPRETED_TEXT_STRING = 0x1, "Uninterpreted Text String", V1_2
    URI = 0x2, "URI", V1_2
    OBJECT_SERIAL_NUMBER = 0x3, "Object Serial Number", V1_2
    EMAIL_ADDRESS = 0x4, "Email Address", V1_2
    DNS_NAME = 0x5, "DNS Name", V1_2
    X_500_DISTINGUISHED_NAME = 0x6, "X.500 Distinguished Name", V1_2
    IP_ADDRESS = 0x7, "IP Address", V1_2


class AsynchronousIndicator(Enumeration):
    """Asynchronous Indicator."""

    MANDATORY = 0x1, "Mandatory", V2_0
    OPTIONAL = 0x2, "Optional", V2_0
    PROHIBITED = 0x3, "Prohibited", V2_0


class AttestationType(Enumeration):
    """Attestation Type."""

    TPM_QUOTE = 0x1, "TPM Quote", V1_2
    TCG_INTEGRITY_REPORT = 0x2, "TCG Integrity Report", V1_2
    SAML_ASSERTION = 0x3, "SAML Assertion", V1_2


class BatchErrorContinuationOption(Enumeration):
    """Batch Error Continuation Option."""

    CONTINUE = 0x1, "Continue"
    STOP = 0x2, "Stop"
    UNDO = 0x3, "Undo"


class BlockCipherMode(Enumeration):
    """Block Cipher Mode."""

    CBC = 0x1, "CBC"
    ECB = 0x2, "ECB"
    PCBC = 0x3, "PCBC"
    CFB = 0x4, "CFB"
    OFB = 0x5, "OFB"
    CTR = 0x6, "CTR"
    CMAC = 0x7, "CMAC"
    CCM = 0x8, "CCM"
    GCM = 0x9, "GCM"
    CBC_MAC = 0xA, "CBC-MAC"
    XTS = 0xB, "XTS"
    AESKEYWRAPPADDING = 0xC, "AESKeyWrapPadding"
    NISTKEYWRAP = 0xD, "NISTKeyWrap"
    X9_102_AESKW = 0xE, "X9.102 AESKW"
    X9_102_TDKW = 0xF, "X9.102 TDKW"
    X9_102_AKW1 = 0x10, "X9.102 AKW1"
    X9_102_AKW2 = 0x11, "X9.102 AKW2"
    AEAD = 0x12, "AEAD", V1_4


class CancellationResult(Enumeration):
    """Cancellation Result."""

    CANCELED = 0x1, "Canceled"
    UNABLE_TO_CANCEL = 0x2, "Unable to Cancel"
    COMPLETED = 0x3, "Completed"
    FAILED = 0x4, "Failed"
    UNAVAILABLE = 0x5, "Unavailable"


class CertificateRequestType(Enumeration):
    """Certificate Request Type."""

    CRMF = 0x1, "CRMF"
    PKCS_10 = 0x2, "PKCS#10"
    PEM = 0x3, "PEM"
    PGP = 0x4, "PGP", V1_0, V1_4


class CertificateType(Enumeration):
    """Certificate Type."""

    X_509 = 0x1, "X.509"
    PGP = 0x2, "PGP"


class ClientRegistrationMethod(Enumeration):
    """Client Registration Method."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    SERVER_PRE_GENERATED = 0x2, "Server Pre-Generated", V1_3
    SERVER_ON_DEMAND = 0x3, "Server On-Demand", V1_3
    CLIENT_GENERATED = 0x4, "Client Generated", V1_3
    CLIENT_REGISTERED = 0x5, "Client Registered", V1_3


class CredentialType(Enumeration):
    """Credential Type."""

    USERNAME_AND_PASSWORD = 0x1, "Username and Password"
    DEVICE = 0x2, "Device", V1_1
    ATTESTATION = 0x3, "Attestation", V1_2
    ONE_TIME_PASSWORD = 0x4, "One Time Password", V2_0
    HASHED_PASSWORD = 0x5, "Hashed Password", V2_0
    TICKET = 0x6, "Ticket", V2_0
    PASSWORD = 0x7, "Password", V3_0
    CERTIFICATE = 0x8, "Certificate", V3_0


class CryptographicAlgorithm(Enumeration):
    """Cryptographic Algorithm."""

    DES = 0x1, "DES"
    TRIPLE_DES = 0x2, "3DES"
    AES = 0x3, "AES"
    RSA = 0x4, "RSA"
    DSA = 0x5, "DSA"
    ECDSA = 0x6, "ECDSA"
    HMAC_SHA1 = 0x7, "HMAC-SHA1"
    HMAC_SHA224 = 0x8, "HMAC-SHA224"
    HMAC_SHA256 = 0x9, "HMAC-SHA256"
    HMAC_SHA384 = 0xA, "HMAC-SHA384"
    HMAC_SHA512 = 0xB, "HMAC-SHA512"
    HMAC_MD5 = 0xC, "HMAC-MD5"
    DH = 0xD, "DH"
    ECDH = 0xE, "ECDH"
    ECMQV = 0xF, "ECMQV"
    BLOWFISH = 0x10, "Blowfish"
    CAMELLIA = 0x11, "Camellia"
    CAST5 = 0x12, "CAST5"
    IDEA = 0x13, "IDEA"
    MARS = 0x14, "MARS"
    RC2 = 0x15, "RC2"
    RC4 = 0x16, "RC4"
    RC5 = 0x17, "RC5"
    SKIPJACK = 0x18, "SKIPJACK"
    TWOFISH = 0x19, "Twofish"
    EC = 0x1A, "EC", V1_2
    ONE_TIME_PAD = 0x1B, "One Time Pad", V1_3
    CHACHA20 = 0x1C, "ChaCha20", V1_4
    POLY1305 = 0x1D, "Poly1305", V1_4
    CHACHA20POLY1305 = 0x1E, "ChaCha20Poly1305", V1_4
    SHA3_224 = 0x1F, "SHA3-224", V1_4
    SHA3_256 = 0x20, "SHA3-256", V1_4
    SHA3_384 = 0x21, "SHA3-384", V1_4
    SHA3_512 = 0x22, "SHA3-512", V1_4
    HMAC_SHA3_224 = 0x23, "HMAC-SHA3-224", V1_4
    HMAC_SHA3_256 = 0x24, "HMAC-SHA3-256", V1_4
    HMAC_SHA3_384 = 0x25, "HMAC-SHA3-384", V1_4
    HMAC_SHA3_512 = 0x26, "HMAC-SHA3-512", V1_4
    SHAKE_128 = 0x27, "SHAKE-128", V1_4
    SHAKE_256 = 0x28, "SHAKE-256", V1_4
    ARIA = 0x29, "ARIA", V2_0
    SEED = 0x2A, "SEED", V2_0
    SM2 = 0x2B, "SM2", V2_0
    SM3 = 0x2C, "SM3", V2_0
    SM4 = 0x2D, "SM4", V2_0
    GOST_R_34_10_2012 = 0x2E, "GOST R 34.10-2012", V2_0
    GOST_R_34_11_2012 = 0x2F, "GOST R 34.11-2012", V2_0
    GOST_R_34_13_2015 = 0x30, "GOST R 34.13-2015", V2_0
    GOST_28147_89 = 0x31, "GOST 28147-89", V2_0
    XMSS = 0x32, "XMSS", V2_0
    SPHINCS_256 = 0x33, "SPHINCS-256", V2_0
    MCELIECE = 0x34, "McEliece", V2_0
    MCELIECE_6960119 = 0x35, "McEliece-6960119", V2_0
    MCELIECE_8192128 = 0x36, "McEliece-8192128", V2_0
    ED25519 = 0x37, "Ed25519", V2_0
    ED448 = 0x38, "Ed448", V2_0
    ML_KEM_512 = 0x39, "ML-KEM-512", V3_0
    ML_KEM_768 = 0x3A, "ML-KEM-768", V3_0
    ML_KEM_1024 = 0x3B, "ML-KEM-1024", V3_0
    ML_DSA_44 = 0x3C, "ML-DSA-44", V3_0
    ML_DSA_65 = 0x3D, "ML-DSA-65", V3_0
    ML_DSA_87 = 0x3E, "ML-DSA-87", V3_0
    SLH_DSA_SHA2_128S = 0x3F, "SLH-DSA-SHA2-128s", V3_0
    SLH_DSA_SHA2_128F = 0x40, "SLH-DSA-SHA2-128f", V3_0
    SLH_DSA_SHA2_192S = 0x41, "SLH-DSA-SHA2-192s", V3_0
    SLH_DSA_SHA2_192F = 0x42, "SLH-DSA-SHA2-192f", V3_0
    SLH_DSA_SHA2_256S = 0x43, "SLH-DSA-SHA2-256s", V3_0
    SLH_DSA_SHA2_256F = 0x44, "SLH-DSA-SHA2-256f", V3_0
    SLH_DSA_SHAKE_128S = 0x45, "SLH-DSA-SHAKE-128s", V3_0
    SLH_DSA_SHAKE_128F = 0x46, "SLH-DSA-SHAKE-128f", V3_0
    SLH_DSA_SHAKE_192S = 0x47, "SLH-DSA-SHAKE-192s", V3_0
    SLH_DSA_SHAKE_192F = 0x48, "SLH-DSA-SHAKE-192f", V3_0
    SLH_DSA_SHAKE_256S = 0x49, "SLH-DSA-SHAKE-256s", V3_0
    SLH_DSA_SHAKE_256F = 0x4A, "SLH-DSA-SHAKE-256f", V3_0
    # CSD02
    HASHSLH_DSA_SHA2_128S_WITH_SHA_256 = 0x4B, "HashSLH-DSA-SHA2-128s with SHA-256", V3_0
    HASHSLH_DSA_SHA2_128F_WITH_SHA_256 = 0x4C, "HashSLH-DSA-SHA2-128f with SHA-256", V3_0
    HASHSLH_DSA_SHA2_192S_WITH_SHA_512 = 0x4D, "HashSLH-DSA-SHA2-192s with SHA-512", V3_0
    HASHSLH_DSA_SHA2_192F_WITH_SHA_512 = 0x4E, "HashSLH-DSA-SHA2-192f with SHA-512", V3_0
    HASHSLH_DSA_SHA2_256S_WITH_SHA_512 = 0x4F, "HashSLH-DSA-SHA2-256s with SHA-512", V3_0
    HASHSLH_DSA_SHA2_256F_WITH_SHA_512 = 0x50, "HashSLH-DSA-SHA2-256f with SHA-512", V3_0
    HASHSLH_DSA_SHAKE_128S_WITH_SHAKE128 = 0x51, "HashSLH-DSA-SHAKE-128s with SHAKE128", V3_0
    HASHSLH_DSA_SHAKE_128F_WITH_SHAKE128 = 0x52, "HashSLH-DSA-SHAKE-128f with SHAKE128", V3_0
    HASHSLH_DSA_SHAKE_192S_WITH_SHAKE256 = 0x53, "HashSLH-DSA-SHAKE-192s with SHAKE256", V3_0
    HASHSLH_DSA_SHAKE_192F_WITH_SHAKE256 = 0x54, "HashSLH-DSA-SHAKE-192f with SHAKE256", V3_0
    HASHSLH_DSA_SHAKE_256S_WITH_SHAKE256 = 0x55, "HashSLH-DSA-SHAKE-256s with SHAKE256", V3_0
    HASHSLH_DSA_SHAKE_256F_WITH_SHAKE256 = 0x56, "HashSLH-DSA-SHAKE-256f with SHAKE256", V3_0
    HASHML_DSA_44_WITH_SHA_512 = 0x57, "HashML-DSA-44 with SHA-512", V3_0
    HASHML_DSA_65_WITH_SHA_512 = 0x58, "HashML-DSA-65 with SHA-512", V3_0
    HASHML_DSA_87_WITH_SHA_512 = 0x59, "HashML-DSA-87 with SHA-512", V3_0
    X25519 = 0x5A, "X25519", V3_0
    X448 = 0x5B, "X448", V3_0
    X25519MLKEM768 = 0x5C, "X25519MLKEM768", V3_0
    SECP256R1MLKEM768 = 0x5D, "SECP256R1MLKEM768", V3_0


class DataEnumeration(Enumeration):
    """Data."""

    DECRYPT = 0x1, "Decrypt", V2_0
    ENCRYPT = 0x2, "Encrypt", V2_0
    HASH = 0x3, "Hash", V2_0
    MAC_MAC_DATA = 0x4, "MAC MAC Data", V2_0
    RNG_RETRIEVE = 0x5, "RNG Retrieve", V2_0
    SIGN_SIGNATURE_DATA = 0x6, "Sign Signature Data", V2_0
    SIGNATURE_VERIFY = 0x7, "Signature Verify", V2_0


class DeactivationReasonCode(Enumeration):
    """Deactivation Reason Code."""

    UNSPECIFIED = 0x1, "Unspecified", V3_0
    DEACTIVATION_DATE = 0x2, "Deactivation Date", V3_0
    PROTECT_STOP_DATE = 0x3, "Protect Stop Date", V3_0
    USAGE_LIMIT = 0x4, "Usage Limit", V3_0


class DerivationMethod(Enumeration):
    """Derivation Method."""

    PBKDF2 = 0x1, "PBKDF2"
    HASH = 0x2, "HASH"
    HMAC = 0x3, "HMAC"
    ENCRYPT = 0x4, "ENCRYPT"
    NIST800_108_C = 0x5, "NIST800-108-C"
    NIST800_108_F = 0x6, "NIST800-108-F"
    NIST800_108_DPI = 0x7, "NIST800-108-DPI"
    ASYMMETRIC_KEY = 0x8, "Asymmetric Key", V1_4
    AWS_SIGNATURE_VERSION_4 = 0x9, "AWS Signature Version 4", V2_0
    HKDF = 0xA, "HKDF", V2_0


class DestroyAction(Enumeration):
    """Destroy Action."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    KEY_MATERIAL_DELETED = 0x2, "Key Material Deleted", V1_3
    KEY_MATERIAL_SHREDDED = 0x3, "Key Material Shredded", V1_3
    META_DATA_DELETED = 0x4, "Meta Data Deleted", V1_3
    META_DATA_SHREDDED = 0x5, "Meta Data Shredded", V1_3
    DELETED = 0x6, "Deleted", V1_3
    SHREDDED = 0x7, "Shredded", V1_3


class DigitalSignatureAlgorithm(Enumeration):
    """Digital Signature Algorithm."""

    MD2_WITH_RSA_ENCRYPTION = 0x1, "MD2 with RSA Encryption", V1_1
    MD5_WITH_RSA_ENCRYPTION = 0x2, "MD5 with RSA Encryption", V1_1
    SHA_1_WITH_RSA_ENCRYPTION = 0x3, "SHA-1 with RSA Encryption", V1_1
    SHA_224_WITH_RSA_ENCRYPTION = 0x4, "SHA-224 with RSA Encryption", V1_1
    SHA_256_WITH_RSA_ENCRYPTION = 0x5, "SHA-256 with RSA Encryption", V1_1
    SHA_384_WITH_RSA_ENCRYPTION = 0x6, "SHA-384 with RSA Encryption", V1_1
    SHA_512_WITH_RSA_ENCRYPTION = 0x7, "SHA-512 with RSA Encryption", V1_1
    RSASSA_PSS = 0x8, "RSASSA-PSS", V1_1
    DSA_WITH_SHA_1 = 0x9, "DSA with SHA-1", V1_1
    DSA_WITH_SHA224 = 0xA, "DSA with SHA224", V1_1
    DSA_WITH_SHA256 = 0xB, "DSA with SHA256", V1_1
    ECDSA_WITH_SHA_1 = 0xC, "ECDSA with SHA-1", V1_1
    ECDSA_WITH_SHA224 = 0xD, "ECDSA with SHA224", V1_1
    ECDSA_WITH_SHA256 = 0xE, "ECDSA with SHA256", V1_1
    ECDSA_WITH_SHA384 = 0xF, "ECDSA with SHA384", V1_1
    ECDSA_WITH_SHA512 = 0x10, "ECDSA with SHA512", V1_1
    SHA3_256_WITH_RSA_ENCRYPTION = 0x11, "SHA3-256 with RSA Encryption", V1_4
    SHA3_384_WITH_RSA_ENCRYPTION = 0x12, "SHA3-384 with RSA Encryption", V1_4
    SHA3_512_WITH_RSA_ENCRYPTION = 0x13, "SHA3-512 with RSA Encryption", V1_4


class DRBGAlgorithm(Enumeration):
    """DRBG Algorithm."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    DUAL_EC = 0x2, "Dual-EC", V1_3
    HASH = 0x3, "Hash", V1_3
    HMAC = 0x4, "HMAC", V1_3
    CTR = 0x5, "CTR", V1_3


class EncodingOption(Enumeration):
    """Encoding Option."""

    NO_ENCODING = 0x1, "No Encoding", V1_1
    TTLV_ENCODING = 0x2, "TTLV Encoding", V1_1


class EndpointRole(Enumeration):
    """Endpoint Role."""

    CLIENT = 0x1, "Client", V2_0
    SERVER = 0x2, "Server", V2_0


class Ephemeral(Enumeration):
    """Ephemeral."""

    DATA = 0x1, "Data", V3_0
    EMPTY = 0x2, "Empty", V3_0
    UNIQUE_IDENTIFIER = 0x3, "Unique Identifier", V3_0


class FIPS186Variation(Enumeration):
    """FIPS186 Variation."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    GP_X_ORIGINAL = 0x2, "GP x-Original", V1_3
    GP_X_CHANGE_NOTICE = 0x3, "GP x-Change Notice", V1_3
    X_ORIGINAL = 0x4, "x-Original", V1_3
    X_CHANGE_NOTICE = 0x5, "x-Change Notice", V1_3
    K_ORIGINAL = 0x6, "k-Original", V1_3
    K_CHANGE_NOTICE = 0x7, "k-Change Notice", V1_3


class HashingAlgorithm(Enumeration):
    """Hashing Algorithm."""

    MD2 = 0x1, "MD2"
    MD4 = 0x2, "MD4"
    MD5 = 0x3, "MD5"
    SHA_1 = 0x4, "SHA-1"
    SHA_224 = 0x5, "SHA-224"
    SHA_256 = 0x6, "SHA-256"
    SHA_384 = 0x7, "SHA-384"
    SHA_512 = 0x8, "SHA-512"
    RIPEMD_160 = 0x9, "RIPEMD-160"
    TIGER = 0xA, "Tiger"
    WHIRLPOOL = 0xB, "Whirlpool"
    SHA_512_224 = 0xC, "SHA-512/224", V1_2
    SHA_512_256 = 0xD, "SHA-512/256", V1_2
    SHA3_224 = 0xE, "SHA3-224", V1_4
    SHA3_256 = 0xF, "SHA3-256", V1_4
    SHA3_384 = 0x10, "SHA3-384", V1_4
    SHA3_512 = 0x11, "SHA3-512", V1_4


class InteropFunction(Enumeration):
    """Interop Function."""

    BEGIN = 0x1, "Begin", V2_0
    END = 0x2, "End", V2_0
    RESET = 0x3, "Reset", V2_0


class ItemType(Enumeration):
    """Item Type."""

    STRUCTURE = 0x1, "Structure", V2_0
    INTEGER = 0x2, "Integer", V2_0
    LONG_INTEGER = 0x3, "Long Integer", V2_0
    BIG_INTEGER = 0x4, "Big Integer", V2_0
    ENUMERATION = 0x5, "Enumeration", V2_0
    BOOLEAN = 0x6, "Boolean", V2_0
    TEXT_STRING = 0x7, "Text String", V2_0
    BYTE_STRING = 0x8, "Byte String", V2_0
    DATE_TIME = 0x9, "Date Time", V2_0
    INTERVAL = 0xA, "Interval", V2_0
    DATE_TIME_EXTENDED = 0xB, "Date Time Extended", V2_0
    IDENTIFIER = 0xC, "Identifier", V3_0
    REFERENCE = 0xD, "Reference", V3_0
    NAME_REFERENCE = 0xE, "Name Reference", V3_0


class KeyCompressionType(Enumeration):
    """Key Compression Type."""

    EC_PUBLIC_KEY_TYPE_UNCOMPRESSED = 0x1, "EC Public Key Type Uncompressed"
    EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME = 0x2, "EC Public Key Type X9.62 Compressed Prime"
    EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2 = 0x3, "EC Public Key Type X9.62 Compressed Char2"
    EC_PUBLIC_KEY_TYPE_X9_62_HYBRID = 0x4, "EC Public Key Type X9.62 Hybrid"


class KeyFormatType(Enumeration):
    """Key Format Type."""

    RAW = 0x1, "Raw"
    OPAQUE = 0x2, "Opaque"
    PKCS_1 = 0x3, "PKCS#1"
    PKCS_8 = 0x4, "PKCS#8"
    X_509 = 0x5, "X.509"
    ECPRIVATEKEY = 0x6, "ECPrivateKey"
    TRANSPARENT_SYMMETRIC_KEY = 0x7, "Transparent Symmetric Key"
    TRANSPARENT_DSA_PRIVATE_KEY = 0x8, "Transparent DSA Private Key"
    TRANSPARENT_DSA_PUBLIC_KEY = 0x9, "Transparent DSA Public Key"
    TRANSPARENT_RSA_PRIVATE_KEY = 0xA, "Transparent RSA Private Key"
    TRANSPARENT_RSA_PUBLIC_KEY = 0xB, "Transparent RSA Public Key"
    TRANSPARENT_DH_PRIVATE_KEY = 0xC, "Transparent DH Private Key"
    TRANSPARENT_DH_PUBLIC_KEY = 0xD, "Transparent DH Public Key"
    TRANSPARENT_ECDSA_PRIVATE_KEY = 0xE, "Transparent ECDSA Private Key", V1_0, V1_4
    TRANSPARENT_ECDSA_PUBLIC_KEY = 0xF, "Transparent ECDSA Public Key", V1_0, V1_4
    TRANSPARENT_ECDH_PRIVATE_KEY = 0x10, "Transparent ECDH Private Key", V1_0, V1_4
    TRANSPARENT_ECDH_PUBLIC_KEY = 0x11, "Transparent ECDH Public Key", V1_0, V1_4
    TRANSPARENT_ECMQV_PRIVATE_KEY = 0x12, "Transparent ECMQV Private Key", V1_0, V1_4
    TRANSPARENT_ECMQV_PUBLIC_KEY = 0x13, "Transparent ECMQV Public Key", V1_0, V1_4
    TRANSPARENT_EC_PRIVATE_KEY = 0x14, "Transparent EC Private Key", V1_3
    TRANSPARENT_EC_PUBLIC_KEY = 0x15, "Transparent EC Public Key", V1_3
    PKCS_12 = 0x16, "PKCS#12", V1_4
    PKCS_10 = 0x17, "PKCS#10", V2_0
    # CSD02
    SEED_PRIVATE_KEY = 0x18, "Seed Private Key", V3_0


class KeyRoleType(Enumeration):
    """Key Role Type."""

    BDK = 0x1, "BDK"
    CVK = 0x2, "CVK"
    DEK = 0x3, "DEK"
    MKAC = 0x4, "MKAC"
    MKSMC = 0x5, "MKSMC"
    MKSMI = 0x6, "MKSMI"
    MKDAC = 0x7, "MKDAC"
    MKDN = 0x8, "MKDN"
    MKCP = 0x9, "MKCP"
    MKOTH = 0xA, "MKOTH"
    KEK = 0xB, "KEK"
    MAC16609 = 0xC, "MAC16609"
    MAC97971 = 0xD, "MAC97971"
    MAC97972 = 0xE, "MAC97972"
    MAC97973 = 0xF, "MAC97973"
    MAC97974 = 0x10, "MAC97974"
    MAC97975 = 0x11, "MAC97975"
    ZPK = 0x12, "ZPK"
    PVKIBM = 0x13, "PVKIBM"
    PVKPVV = 0x14, "PVKPVV"
    PVKOTH = 0x15, "PVKOTH"
    DUKPT = 0x16, "DUKPT", V1_4
    IV = 0x17, "IV", V1_4
    TRKBK = 0x18, "TRKBK", V1_4


class KeyValueLocationType(Enumeration):
    """Key Value Location Type."""

    UNINTERPRETED_TEXT_STRING = 0x1, "Uninterpreted Text String", V1_2
    URI = 0x2, "URI", V1_2


class KeyWrapType(Enumeration):
    """Key Wrap Type."""

    NOT_WRAPPED = 0x1, "Not Wrapped", V1_4
    AS_REGISTERED = 0x2, "As Registered", V1_4


class LinkType(Enumeration):
    """Link Type."""

    CERTIFICATE_LINK = 0x101, "Certificate Link", V1_0, V2_1
    PUBLIC_KEY_LINK = 0x102, "Public Key Link", V1_0, V2_1
    PRIVATE_KEY_LINK = 0x103, "Private Key Link", V1_0, V2_1
    DERIVATION_BASE_OBJECT_LINK = 0x104, "Derivation Base Object Link", V1_0, V2_1
    DERIVED_KEY_LINK = 0x105, "Derived Key Link", V1_0, V2_1
    REPLACEMENT_OBJECT_LINK = 0x106, "Replacement Object Link", V1_0, V2_1
    REPLACED_OBJECT_LINK = 0x107, "Replaced Object Link", V1_0, V2_1
    PARENT_LINK = 0x108, "Parent Link", V1_2, V2_1
    CHILD_LINK = 0x109, "Child Link", V1_2, V2_1
    PREVIOUS_LINK = 0x10A, "Previous Link", V1_2, V2_1
    NEXT_LINK = 0x10B, "Next Link", V1_2, V2_1
    PKCS_12_CERTIFICATE_LINK = 0x10C, "PKCS#12 Certificate Link", V1_4, V2_1
    PKCS_12_PASSWORD_LINK = 0x10D, "PKCS#12 Password Link", V1_4, V2_1
    WRAPPING_KEY_LINK = 0x10E, "Wrapping Key Link", V2_0, V2_1


class MaskGenerator(Enumeration):
    """Mask Generator."""

    MGF1 = 0x1, "MGF1", V1_4


class NameType(Enumeration):
    """Name Type."""

    UNINTERPRETED_TEXT_STRING = 0x1, "Uninterpreted Text String", V1_0, V2_1
    URI = 0x2, "URI", V1_0, V2_1


class NISTKeyType(Enumeration):
    """NIST Key Type."""

    PRIVATE_SIGNATURE_KEY = 0x1, "Private signature key", V2_0
    PUBLIC_SIGNATURE_VERIFICATION_KEY = 0x2, "Public signature verification key", V2_0
    SYMMETRIC_AUTHENTICATION_KEY = 0x3, "Symmetric authentication key", V2_0
    PRIVATE_AUTHENTICATION_KEY = 0x4, "Private authentication key", V2_0
    PUBLIC_AUTHENTICATION_KEY = 0x5, "Public authentication key", V2_0
    SYMMETRIC_DATA_ENCRYPTION_KEY = 0x6, "Symmetric data encryption key", V2_0
    SYMMETRIC_KEY_WRAPPING_KEY = 0x7, "Symmetric key wrapping key", V2_0
    SYMMETRIC_RANDOM_NUMBER_GENERATION_KEY = 0x8, "Symmetric random number generation key", V2_0
    SYMMETRIC_MASTER_KEY = 0x9, "Symmetric master key", V2_0
    PRIVATE_KEY_TRANSPORT_KEY = 0xA, "Private key transport key", V2_0
    PUBLIC_KEY_TRANSPORT_KEY = 0xB, "Public key transport key", V2_0
    SYMMETRIC_KEY_AGREEMENT_KEY = 0xC, "Symmetric key agreement key", V2_0
    PRIVATE_STATIC_KEY_AGREEMENT_KEY = 0xD, "Private static key agreement key", V2_0
    PUBLIC_STATIC_KEY_AGREEMENT_KEY = 0xE, "Public static key agreement key", V2_0
    PRIVATE_EPHEMERAL_KEY_AGREEMENT_KEY = 0xF, "Private ephemeral key agreement key", V2_0
    PUBLIC_EPHEMERAL_KEY_AGREEMENT_KEY = 0x10, "Public ephemeral key agreement key", V2_0
    SYMMETRIC_AUTHORIZATION_KEY = 0x11, "Symmetric authorization key", V2_0
    PRIVATE_AUTHORIZATION_KEY = 0x12, "Private authorization key", V2_0
    PUBLIC_AUTHORIZATION_KEY = 0x13, "Public authorization key", V2_0


class ObjectClass(Enumeration):
    """Object Class."""

    USER = 0x1, "User", V3_0
    SYSTEM = 0x2, "System", V3_0


class ObjectGroupMember(Enumeration):
    """Object Group Member."""

    GROUP_MEMBER_FRESH = 0x1, "Group Member Fresh", V1_1, V2_1
    GROUP_MEMBER_DEFAULT = 0x2, "Group Member Default", V1_1, V2_1


class ObjectType(Enumeration):
    """Object Type."""

    CERTIFICATE = 0x1, "Certificate"
    SYMMETRIC_KEY = 0x2, "Symmetric Key"
    PUBLIC_KEY = 0x3, "Public Key"
    PRIVATE_KEY = 0x4, "Private Key"
    SPLIT_KEY = 0x5, "Split Key"
    TEMPLATE = 0x6, "Template", V1_0, V1_4
    SECRET_DATA = 0x7, "Secret Data"
    OPAQUE_OBJECT = 0x8, "Opaque Object"
    PGP_KEY = 0x9, "PGP Key", V1_2
    CERTIFICATE_REQUEST = 0xA, "Certificate Request", V2_0
    USER = 0xB, "User", V3_0
    GROUP = 0xC, "Group", V3_0
    PASSWORD_CREDENTIAL = 0xD, "Password Credential", V3_0
    DEVICE_CREDENTIAL = 0xE, "Device Credential", V3_0
    ONE_TIME_PASSWORD_CREDENTIAL = 0xF, "One Time Password Credential", V3_0
    HASHED_PASSWORD_CREDENTIAL = 0x10, "Hashed Password Credential", V3_0


class OpaqueDataType(Enumeration):
    """Opaque Data Type: no value is defined, only extensions."""


class Operation(Enumeration):
    """Operation."""

    CREATE = 0x1, "Create"
    CREATE_KEY_PAIR = 0x2, "Create Key Pair"
    REGISTER = 0x3, "Register"
    RE_KEY = 0x4, "Re-key"
    DERIVE_KEY = 0x5, "Derive Key"
    CERTIFY = 0x6, "Certify"
    RE_CERTIFY = 0x7, "Re-certify"
    LOCATE = 0x8, "Locate"
    CHECK = 0x9, "Check"
    GET = 0xA, "Get"
    GET_ATTRIBUTES = 0xB, "Get Attributes"
    GET_ATTRIBUTE_LIST = 0xC, "Get Attribute List"
    ADD_ATTRIBUTE = 0xD, "Add Attribute"
    MODIFY_ATTRIBUTE = 0xE, "Modify Attribute"
    DELETE_ATTRIBUTE = 0xF, "Delete Attribute"
    OBTAIN_LEASE = 0x10, "Obtain Lease"
    GET_USAGE_ALLOCATION = 0x11, "Get Usage Allocation"
    ACTIVATE = 0x12, "Activate"
    REVOKE = 0x13, "Revoke"
    DESTROY = 0x14, "Destroy"
    ARCHIVE = 0x15, "Archive"
    RECOVER = 0x16, "Recover"
    VALIDATE = 0x17, "Validate"
    QUERY = 0x18, "Query"
    CANCEL = 0x19, "Cancel"
    POLL = 0x1A, "Poll"
    NOTIFY = 0x1B, "Notify"
    PUT = 0x1C, "Put"
    RE_KEY_KEY_PAIR = 0x1D, "Re-key Key Pair", V1_1
    DISCOVER_VERSIONS = 0x1E, "Discover Versions", V1_1
    ENCRYPT = 0x1F, "Encrypt", V1_2
    DECRYPT = 0x20, "Decrypt", V1_2
    SIGN = 0x21, "Sign", V1_2
    SIGNATURE_VERIFY = 0x22, "Signature Verify", V1_2
    MAC = 0x23, "MAC", V1_2
    MAC_VERIFY = 0x24, "MAC Verify", V1_2
    RNG_RETRIEVE = 0x25, "RNG Retrieve", V1_2
    RNG_SEED = 0x26, "RNG Seed", V1_2
    HASH = 0x27, "Hash", V1_2
    CREATE_SPLIT_KEY = 0x28, "Create Split Key", V1_2
    JOIN_SPLIT_KEY = 0x29, "Join Split Key", V1_2
    IMPORT = 0x2A, "Import", V1_4
    EXPORT = 0x2B, "Export", V1_4
    LOG = 0x2C, "Log", V2_0
    LOGIN = 0x2D, "Login", V2_0
    LOGOUT = 0x2E, "Logout", V2_0
    DELEGATED_LOGIN = 0x2F, "Delegated Login", V2_0
    ADJUST_ATTRIBUTE = 0x30, "Adjust Attribute", V2_0
    SET_ATTRIBUTE = 0x31, "Set Attribute", V2_0
    SET_ENDPOINT_ROLE = 0x32, "Set Endpoint Role", V2_0
    PKCS_11 = 0x33, "PKCS#11", V2_0
    INTEROP = 0x34, "Interop", V2_0
    RE_PROVISION = 0x35, "Re-Provision", V2_0
    SET_DEFAULTS = 0x36, "Set Defaults", V2_1
    SET_CONSTRAINTS = 0x37, "Set Constraints", V2_1
    GET_CONSTRAINTS = 0x38, "Get Constraints", V2_1
    QUERY_ASYNCHRONOUS_REQUESTS = 0x39, "Query Asynchronous Requests", V2_1
    PROCESS = 0x3A, "Process", V2_1
    PING = 0x3B, "Ping", V2_1
    CREATE_GROUP = 0x3C, "Create Group", V3_0
    OBLITERATE = 0x3D, "Obliterate", V3_0
    CREATE_USER = 0x3E, "Create User", V3_0
    CREATE_CREDENTIAL = 0x3F, "Create Credential", V3_0
    DEACTIVATE = 0x40, "Deactivate", V3_0
    # CSD02
    ENCAPSULATE = 0x41, "Encapsulate", V3_0
    DECAPSULATE = 0x42, "Decapsulate", V3_0


class OTPAlgorithm(Enumeration):
    """OTP Algorithm."""

    HOTP = 0x1, "HOTP", V3_0
    TOTP = 0x2, "TOTP", V3_0


class PaddingMethod(Enumeration):
    """Padding Method."""

    NONE = 0x1, "None"
    OAEP = 0x2, "OAEP"
    PKCS5 = 0x3, "PKCS5"
    SSL3 = 0x4, "SSL3"
    ZEROS = 0x5, "Zeros"
    ANSI_X9_23 = 0x6, "ANSI X9.23"
    ISO_10126 = 0x7, "ISO 10126"
    PKCS1_V1_5 = 0x8, "PKCS1 v1.5"
    X9_31 = 0x9, "X9.31"
    PSS = 0xA, "PSS"


class PKCS11Function(OpenEnumeration):
    """PKCS#11 Function: the place of each function in the CK_FUNCTION_LIST_3_0 of PKCS#11 3.x."""

    C_INITIALIZE = 0x1, "C_Initialize", V2_0
    C_FINALIZE = 0x2, "C_Finalize", V2_0
    C_GET_INFO = 0x3, "C_GetInfo", V2_0
    C_GET_FUNCTION_LIST = 0x4, "C_GetFunctionList", V2_0
    C_GET_SLOT_LIST = 0x5, "C_GetSlotList", V2_0
    C_GET_SLOT_INFO = 0x6, "C_GetSlotInfo", V2_0
    C_GET_TOKEN_INFO = 0x7, "C_GetTokenInfo", V2_0
    C_GET_MECHANISM_LIST = 0x8, "C_GetMechanismList", V2_0
    C_GET_MECHANISM_INFO = 0x9, "C_GetMechanismInfo", V2_0
    C_INIT_TOKEN = 0xA, "C_InitToken", V2_0
    C_INIT_PIN = 0xB, "C_InitPIN", V2_0
    C_SET_PIN = 0xC, "C_SetPIN", V2_0
    C_OPEN_SESSION = 0xD, "C_OpenSession", V2_0
    C_CLOSE_SESSION = 0xE, "C_CloseSession", V2_0
    C_CLOSE_ALL_SESSIONS = 0xF, "C_CloseAllSessions", V2_0
    C_GET_SESSION_INFO = 0x10, "C_GetSessionInfo", V2_0
    C_GET_OPERATION_STATE = 0x11, "C_GetOperationState", V2_0
    C_SET_OPERATION_STATE = 0x12, "C_SetOperationState", V2_0
    C_LOGIN = 0x13, "C_Login", V2_0
    C_LOGOUT = 0x14, "C_Logout", V2_0
    C_CREATE_OBJECT = 0x15, "C_CreateObject", V2_0
    C_COPY_OBJECT = 0x16, "C_CopyObject", V2_0
    C_DESTROY_OBJECT = 0x17, "C_DestroyObject", V2_0
    C_GET_OBJECT_SIZE = 0x18, "C_GetObjectSize", V2_0
    C_GET_ATTRIBUTE_VALUE = 0x19, "C_GetAttributeValue", V2_0
    C_SET_ATTRIBUTE_VALUE = 0x1A, "C_SetAttributeValue", V2_0
    C_FIND_OBJECTS_INIT = 0x1B, "C_FindObjectsInit", V2_0
    C_FIND_OBJECTS = 0x1C, "C_FindObjects", V2_0
    C_FIND_OBJECTS_FINAL = 0x1D, "C_FindObjectsFinal", V2_0
    C_ENCRYPT_INIT = 0x1E, "C_EncryptInit", V2_0
    C_ENCRYPT = 0x1F, "C_Encrypt", V2_0
    C_ENCRYPT_UPDATE = 0x20, "C_EncryptUpdate", V2_0
    C_ENCRYPT_FINAL = 0x21, "C_EncryptFinal", V2_0
    C_DECRYPT_INIT = 0x22, "C_DecryptInit", V2_0
    C_DECRYPT = 0x23, "C_Decrypt", V2_0
    C_DECRYPT_UPDATE = 0x24, "C_DecryptUpdate", V2_0
    C_DECRYPT_FINAL = 0x25, "C_DecryptFinal", V2_0
    C_DIGEST_INIT = 0x26, "C_DigestInit", V2_0
    C_DIGEST = 0x27, "C_Digest", V2_0
    C_DIGEST_UPDATE = 0x28, "C_DigestUpdate", V2_0
    C_DIGEST_KEY = 0x29, "C_DigestKey", V2_0
    C_DIGEST_FINAL = 0x2A, "C_DigestFinal", V2_0
    C_SIGN_INIT = 0x2B, "C_SignInit", V2_0
    C_SIGN = 0x2C, "C_Sign", V2_0
    C_SIGN_UPDATE = 0x2D, "C_SignUpdate", V2_0
    C_SIGN_FINAL = 0x2E, "C_SignFinal", V2_0
    C_SIGN_RECOVER_INIT = 0x2F, "C_SignRecoverInit", V2_0
    C_SIGN_RECOVER = 0x30, "C_SignRecover", V2_0
    C_VERIFY_INIT = 0x31, "C_VerifyInit", V2_0
    C_VERIFY = 0x32, "C_Verify", V2_0
    C_VERIFY_UPDATE = 0x33, "C_VerifyUpdate", V2_0
    C_VERIFY_FINAL = 0x34, "C_VerifyFinal", V2_0
    C_VERIFY_RECOVER_INIT = 0x35, "C_VerifyRecoverInit", V2_0
    C_VERIFY_RECOVER = 0x36, "C_VerifyRecover", V2_0
    C_DIGEST_ENCRYPT_UPDATE = 0x37, "C_DigestEncryptUpdate", V2_0
    C_DECRYPT_DIGEST_UPDATE = 0x38, "C_DecryptDigestUpdate", V2_0
    C_SIGN_ENCRYPT_UPDATE = 0x39, "C_SignEncryptUpdate", V2_0
    C_DECRYPT_VERIFY_UPDATE = 0x3A, "C_DecryptVerifyUpdate", V2_0
    C_GENERATE_KEY = 0x3B, "C_GenerateKey", V2_0
    C_GENERATE_KEY_PAIR = 0x3C, "C_GenerateKeyPair", V2_0
    C_WRAP_KEY = 0x3D, "C_WrapKey", V2_0
    C_UNWRAP_KEY = 0x3E, "C_UnwrapKey", V2_0
    C_DERIVE_KEY = 0x3F, "C_DeriveKey", V2_0
    C_SEED_RANDOM = 0x40, "C_SeedRandom", V2_0
    C_GENERATE_RANDOM = 0x41, "C_GenerateRandom", V2_0
    C_GET_FUNCTION_STATUS = 0x42, "C_GetFunctionStatus", V2_0
    C_CANCEL_FUNCTION = 0x43, "C_CancelFunction", V2_0
    C_WAIT_FOR_SLOT_EVENT = 0x44, "C_WaitForSlotEvent", V2_0
    C_GET_INTERFACE_LIST = 0x45, "C_GetInterfaceList", V2_0
    C_GET_INTERFACE = 0x46, "C_GetInterface", V2_0
    C_LOGIN_USER = 0x47, "C_LoginUser", V2_0
    C_SESSION_CANCEL = 0x48, "C_SessionCancel", V2_0
    C_MESSAGE_ENCRYPT_INIT = 0x49, "C_MessageEncryptInit", V2_0
    C_ENCRYPT_MESSAGE = 0x4A, "C_EncryptMessage", V2_0
    C_ENCRYPT_MESSAGE_BEGIN = 0x4B, "C_EncryptMessageBegin", V2_0
    C_ENCRYPT_MESSAGE_NEXT = 0x4C, "C_EncryptMessageNext", V2_0
    C_MESSAGE_ENCRYPT_FINAL = 0x4D, "C_MessageEncryptFinal", V2_0
    C_MESSAGE_DECRYPT_INIT = 0x4E, "C_MessageDecryptInit", V2_0
    C_DECRYPT_MESSAGE = 0x4F, "C_DecryptMessage", V2_0
    C_DECRYPT_MESSAGE_BEGIN = 0x50, "C_DecryptMessageBegin", V2_0
    C_DECRYPT_MESSAGE_NEXT = 0x51, "C_DecryptMessageNext", V2_0
    C_MESSAGE_DECRYPT_FINAL = 0x52, "C_MessageDecryptFinal", V2_0
    C_MESSAGE_SIGN_INIT = 0x53, "C_MessageSignInit", V2_0
    C_SIGN_MESSAGE = 0x54, "C_SignMessage", V2_0
    C_SIGN_MESSAGE_BEGIN = 0x55, "C_SignMessageBegin", V2_0
    C_SIGN_MESSAGE_NEXT = 0x56, "C_SignMessageNext", V2_0
    C_MESSAGE_SIGN_FINAL = 0x57, "C_MessageSignFinal", V2_0
    C_MESSAGE_VERIFY_INIT = 0x58, "C_MessageVerifyInit", V2_0
    C_VERIFY_MESSAGE = 0x59, "C_VerifyMessage", V2_0
    C_VERIFY_MESSAGE_BEGIN = 0x5A, "C_VerifyMessageBegin", V2_0
    C_VERIFY_MESSAGE_NEXT = 0x5B, "C_VerifyMessageNext", V2_0
    C_MESSAGE_VERIFY_FINAL = 0x5C, "C_MessageVerifyFinal", V2_0


class PKCS11ReturnCode(OpenEnumeration):
    """PKCS#11 Return Code: the numbers of PKCS#11 3.x, their names without "CKR_"."""

    OK = 0x0, "OK", V2_0
    CANCEL = 0x1, "CANCEL", V2_0
    HOST_MEMORY = 0x2, "HOST_MEMORY", V2_0
    SLOT_ID_INVALID = 0x3, "SLOT_ID_INVALID", V2_0
    GENERAL_ERROR = 0x5, "GENERAL_ERROR", V2_0
    FUNCTION_FAILED = 0x6, "FUNCTION_FAILED", V2_0
    ARGUMENTS_BAD = 0x7, "ARGUMENTS_BAD", V2_0
    NO_EVENT = 0x8, "NO_EVENT", V2_0
    NEED_TO_CREATE_THREADS = 0x9, "NEED_TO_CREATE_THREADS", V2_0
    CANT_LOCK = 0xA, "CANT_LOCK", V2_0
    ATTRIBUTE_READ_ONLY = 0x10, "ATTRIBUTE_READ_ONLY", V2_0
    ATTRIBUTE_SENSITIVE = 0x11, "ATTRIBUTE_SENSITIVE", V2_0
    ATTRIBUTE_TYPE_INVALID = 0x12, "ATTRIBUTE_TYPE_INVALID", V2_0
    ATTRIBUTE_VALUE_INVALID = 0x13, "ATTRIBUTE_VALUE_INVALID", V2_0
    ACTION_PROHIBITED = 0x1B, "ACTION_PROHIBITED", V2_0
    DATA_INVALID = 0x20, "DATA_INVALID", V2_0
    DATA_LEN_RANGE = 0x21, "DATA_LEN_RANGE", V2_0
    DEVICE_ERROR = 0x30, "DEVICE_ERROR", V2_0
    DEVICE_MEMORY = 0x31, "DEVICE_MEMORY", V2_0
    DEVICE_REMOVED = 0x32, "DEVICE_REMOVED", V2_0
    ENCRYPTED_DATA_INVALID = 0x40, "ENCRYPTED_DATA_INVALID", V2_0
    ENCRYPTED_DATA_LEN_RANGE = 0x41, "ENCRYPTED_DATA_LEN_RANGE", V2_0
    FUNCTION_CANCELED = 0x50, "FUNCTION_CANCELED", V2_0
    FUNCTION_NOT_PARALLEL = 0x51, "FUNCTION_NOT_PARALLEL", V2_0
    FUNCTION_NOT_SUPPORTED = 0x54, "FUNCTION_NOT_SUPPORTED", V2_0
    KEY_HANDLE_INVALID = 0x60, "KEY_HANDLE_INVALID", V2_0
    KEY_SIZE_RANGE = 0x62, "KEY_SIZE_RANGE", V2_0
    KEY_TYPE_INCONSISTENT = 0x63, "KEY_TYPE_INCONSISTENT", V2_0
    KEY_NOT_NEEDED = 0x64, "KEY_NOT_NEEDED", V2_0
    KEY_CHANGED = 0x65, "KEY_CHANGED", V2_0
    KEY_NEEDED = 0x66, "KEY_NEEDED", V2_0
    KEY_INDIGESTIBLE = 0x67, "KEY_INDIGESTIBLE", V2_0
    KEY_FUNCTION_NOT_PERMITTED = 0x68, "KEY_FUNCTION_NOT_PERMITTED", V2_0
    KEY_NOT_WRAPPABLE = 0x69, "KEY_NOT_WRAPPABLE", V2_0
    KEY_UNEXTRACTABLE = 0x6A, "KEY_UNEXTRACTABLE", V2_0
    MECHANISM_INVALID = 0x70, "MECHANISM_INVALID", V2_0
    MECHANISM_PARAM_INVALID = 0x71, "MECHANISM_PARAM_INVALID", V2_0
    OBJECT_HANDLE_INVALID = 0x82, "OBJECT_HANDLE_INVALID", V2_0
    OPERATION_ACTIVE = 0x90, "OPERATION_ACTIVE", V2_0
    OPERATION_NOT_INITIALIZED = 0x91, "OPERATION_NOT_INITIALIZED", V2_0
    PIN_INCORRECT = 0xA0, "PIN_INCORRECT", V2_0
    PIN_INVALID = 0xA1, "PIN_INVALID", V2_0
    PIN_LEN_RANGE = 0xA2, "PIN_LEN_RANGE", V2_0
    PIN_EXPIRED = 0xA3, "PIN_EXPIRED", V2_0
    PIN_LOCKED = 0xA4, "PIN_LOCKED", V2_0
    SESSION_CLOSED = 0xB0, "SESSION_CLOSED", V2_0
    SESSION_COUNT = 0xB1, "SESSION_COUNT", V2_0
    SESSION_HANDLE_INVALID = 0xB3, "SESSION_HANDLE_INVALID", V2_0
    SESSION_PARALLEL_NOT_SUPPORTED = 0xB4, "SESSION_PARALLEL_NOT_SUPPORTED", V2_0
    SESSION_READ_ONLY = 0xB5, "SESSION_READ_ONLY", V2_0
    SESSION_EXISTS = 0xB6, "SESSION_EXISTS", V2_0
    SESSION_READ_ONLY_EXISTS = 0xB7, "SESSION_READ_ONLY_EXISTS", V2_0
    SESSION_READ_WRITE_SO_EXISTS = 0xB8, "SESSION_READ_WRITE_SO_EXISTS", V2_0
    SIGNATURE_INVALID = 0xC0, "SIGNATURE_INVALID", V2_0
    SIGNATURE_LEN_RANGE = 0xC1, "SIGNATURE_LEN_RANGE", V2_0
    TEMPLATE_INCOMPLETE = 0xD0, "TEMPLATE_INCOMPLETE", V2_0
    TEMPLATE_INCONSISTENT = 0xD1, "TEMPLATE_INCONSISTENT", V2_0
    TOKEN_NOT_PRESENT = 0xE0, "TOKEN_NOT_PRESENT", V2_0
    TOKEN_NOT_RECOGNIZED = 0xE1, "TOKEN_NOT_RECOGNIZED", V2_0
    TOKEN_WRITE_PROTECTED = 0xE2, "TOKEN_WRITE_PROTECTED", V2_0
    UNWRAPPING_KEY_HANDLE_INVALID = 0xF0, "UNWRAPPING_KEY_HANDLE_INVALID", V2_0
    UNWRAPPING_KEY_SIZE_RANGE = 0xF1, "UNWRAPPING_KEY_SIZE_RANGE", V2_0
    UNWRAPPING_KEY_TYPE_INCONSISTENT = 0xF2, "UNWRAPPING_KEY_TYPE_INCONSISTENT", V2_0
    USER_ALREADY_LOGGED_IN = 0x100, "USER_ALREADY_LOGGED_IN", V2_0
    USER_NOT_LOGGED_IN = 0x101, "USER_NOT_LOGGED_IN", V2_0
    USER_PIN_NOT_INITIALIZED = 0x102, "USER_PIN_NOT_INITIALIZED", V2_0
    USER_TYPE_INVALID = 0x103, "USER_TYPE_INVALID", V2_0
    USER_ANOTHER_ALREADY_LOGGED_IN = 0x104, "USER_ANOTHER_ALREADY_LOGGED_IN", V2_0
    USER_TOO_MANY_TYPES = 0x105, "USER_TOO_MANY_TYPES", V2_0
    WRAPPED_KEY_INVALID = 0x110, "WRAPPED_KEY_INVALID", V2_0
    WRAPPED_KEY_LEN_RANGE = 0x112, "WRAPPED_KEY_LEN_RANGE", V2_0
    WRAPPING_KEY_HANDLE_INVALID = 0x113, "WRAPPING_KEY_HANDLE_INVALID", V2_0
    WRAPPING_KEY_SIZE_RANGE = 0x114, "WRAPPING_KEY_SIZE_RANGE", V2_0
    WRAPPING_KEY_TYPE_INCONSISTENT = 0x115, "WRAPPING_KEY_TYPE_INCONSISTENT", V2_0
    RANDOM_SEED_NOT_SUPPORTED = 0x120, "RANDOM_SEED_NOT_SUPPORTED", V2_0
    RANDOM_NO_RNG = 0x121, "RANDOM_NO_RNG", V2_0
    DOMAIN_PARAMS_INVALID = 0x130, "DOMAIN_PARAMS_INVALID", V2_0
    CURVE_NOT_SUPPORTED = 0x140, "CURVE_NOT_SUPPORTED", V2_0
    BUFFER_TOO_SMALL = 0x150, "BUFFER_TOO_SMALL", V2_0
    SAVED_STATE_INVALID = 0x160, "SAVED_STATE_INVALID", V2_0
    INFORMATION_SENSITIVE = 0x170, "INFORMATION_SENSITIVE", V2_0
    STATE_UNSAVEABLE = 0x180, "STATE_UNSAVEABLE", V2_0
    CRYPTOKI_NOT_INITIALIZED = 0x190, "CRYPTOKI_NOT_INITIALIZED", V2_0
    CRYPTOKI_ALREADY_INITIALIZED = 0x191, "CRYPTOKI_ALREADY_INITIALIZED", V2_0
    MUTEX_BAD = 0x1A0, "MUTEX_BAD", V2_0
    MUTEX_NOT_LOCKED = 0x1A1, "MUTEX_NOT_LOCKED", V2_0
    NEW_PIN_MODE = 0x1B0, "NEW_PIN_MODE", V2_0
    NEXT_OTP = 0x1B1, "NEXT_OTP", V2_0
    EXCEEDED_MAX_ITERATIONS = 0x1B5, "EXCEEDED_MAX_ITERATIONS", V2_0
    FIPS_SELF_TEST_FAILED = 0x1B6, "FIPS_SELF_TEST_FAILED", V2_0
    LIBRARY_LOAD_FAILED = 0x1B7, "LIBRARY_LOAD_FAILED", V2_0
    PIN_TOO_WEAK = 0x1B8, "PIN_TOO_WEAK", V2_0
    PUBLIC_KEY_INVALID = 0x1B9, "PUBLIC_KEY_INVALID", V2_0
    FUNCTION_REJECTED = 0x200, "FUNCTION_REJECTED", V2_0
    TOKEN_RESOURCE_EXCEEDED = 0x201, "TOKEN_RESOURCE_EXCEEDED", V2_0
    OPERATION_CANCEL_FAILED = 0x202, "OPERATION_CANCEL_FAILED", V2_0


class ProcessingStage(Enumeration):
    """Processing Stage."""

    SUBMITTED = 0x1, "Submitted", V2_1
    IN_PROCESS = 0x2, "In Process", V2_1
    COMPLETED = 0x3, "Completed", V2_1


# fmt: off
class ProfileName(Enumeration):
    """Profile Name."""

    BASELINE_SERVER_BASIC_KMIP_V1_2 = 0x1, "Baseline Server Basic KMIP v1.2", V1_3, V1_4
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_2 = 0x2, "Baseline Server TLS v1.2 KMIP v1.2", V1_3, V1_4
    BASELINE_CLIENT_BASIC_KMIP_V1_2 = 0x3, "Baseline Client Basic KMIP v1.2", V1_3, V1_4
    BASELINE_CLIENT_TLS_V1_2_KMIP_V1_2 = 0x4, "Baseline Client TLS v1.2 KMIP v1.2", V1_3, V1_4
    COMPLETE_SERVER_BASIC_KMIP_V1_2 = 0x5, "Complete Server Basic KMIP v1.2", V1_3, V1_4
    COMPLETE_SERVER_TLS_V1_2_KMIP_V1_2 = 0x6, "Complete Server TLS v1.2 KMIP v1.2", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_0 = 0x7, "Tape Library Client KMIP v1.0", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_1 = 0x8, "Tape Library Client KMIP v1.1", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_2 = 0x9, "Tape Library Client KMIP v1.2", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_0 = 0xA, "Tape Library Server KMIP v1.0", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_1 = 0xB, "Tape Library Server KMIP v1.1", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_2 = 0xC, "Tape Library Server KMIP v1.2", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_0 = 0xD, "Symmetric Key Lifecycle Client KMIP v1.0", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_1 = 0xE, "Symmetric Key Lifecycle Client KMIP v1.1", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_2 = 0xF, "Symmetric Key Lifecycle Client KMIP v1.2", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0 = 0x10, "Symmetric Key Lifecycle Server KMIP v1.0", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1 = 0x11, "Symmetric Key Lifecycle Server KMIP v1.1", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_2 = 0x12, "Symmetric Key Lifecycle Server KMIP v1.2", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_0 = 0x13, "Asymmetric Key Lifecycle Client KMIP v1.0", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_1 = 0x14, "Asymmetric Key Lifecycle Client KMIP v1.1", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_2 = 0x15, "Asymmetric Key Lifecycle Client KMIP v1.2", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0 = 0x16, "Asymmetric Key Lifecycle Server KMIP v1.0", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1 = 0x17, "Asymmetric Key Lifecycle Server KMIP v1.1", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_2 = 0x18, "Asymmetric Key Lifecycle Server KMIP v1.2", V1_3, V1_4
    BASIC_CRYPTOGRAPHIC_CLIENT_KMIP_V1_2 = 0x19, "Basic Cryptographic Client KMIP v1.2", V1_3, V1_4
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = 0x1A, "Basic Cryptographic Server KMIP v1.2", V1_3, V1_4
    ADVANCED_CRYPTOGRAPHIC_CLIENT_KMIP_V1_2 = 0x1B, "Advanced Cryptographic Client KMIP v1.2", V1_3, V1_4
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = 0x1C, "Advanced Cryptographic Server KMIP v1.2", V1_3, V1_4
    RNG_CRYPTOGRAPHIC_CLIENT_KMIP_V1_2 = 0x1D, "RNG Cryptographic Client KMIP v1.2", V1_3, V1_4
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = 0x1E, "RNG Cryptographic Server KMIP v1.2", V1_3, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_0 = 0x1F, "Basic Symmetric Key Foundry Client KMIP v1.0", V1_3, V1_4
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_0 = 0x20, "Intermediate Symmetric Key Foundry Client KMIP v1.0", V1_3, V1_4
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_0 = 0x21, "Advanced Symmetric Key Foundry Client KMIP v1.0", V1_3, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_1 = 0x22, "Basic Symmetric Key Foundry Client KMIP v1.1", V1_3, V1_4
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_1 = 0x23, "Intermediate Symmetric Key Foundry Client KMIP v1.1", V1_3, V1_4
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_1 = 0x24, "Advanced Symmetric Key Foundry Client KMIP v1.1", V1_3, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_2 = 0x25, "Basic Symmetric Key Foundry Client KMIP v1.2", V1_3, V1_4
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_2 = 0x26, "Intermediate Symmetric Key Foundry Client KMIP v1.2", V1_3, V1_4
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_2 = 0x27, "Advanced Symmetric Key Foundry Client KMIP v1.2", V1_3, V1_4
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_0 = 0x28, "Symmetric Key Foundry Server KMIP v1.0", V1_3, V1_4
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_1 = 0x29, "Symmetric Key Foundry Server KMIP v1.1", V1_3, V1_4
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_2 = 0x2A, "Symmetric Key Foundry Server KMIP v1.2", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_0 = 0x2B, "Opaque Managed Object Store Client KMIP v1.0", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_1 = 0x2C, "Opaque Managed Object Store Client KMIP v1.1", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_2 = 0x2D, "Opaque Managed Object Store Client KMIP v1.2", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_0 = 0x2E, "Opaque Managed Object Store Server KMIP v1.0", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_1 = 0x2F, "Opaque Managed Object Store Server KMIP v1.1", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_2 = 0x30, "Opaque Managed Object Store Server KMIP v1.2", V1_3, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_0 = 0x31, "Suite B minLOS_128 Client KMIP v1.0", V1_3, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_1 = 0x32, "Suite B minLOS_128 Client KMIP v1.1", V1_3, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_2 = 0x33, "Suite B minLOS_128 Client KMIP v1.2", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_0 = 0x34, "Suite B minLOS_128 Server KMIP v1.0", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_1 = 0x35, "Suite B minLOS_128 Server KMIP v1.1", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_2 = 0x36, "Suite B minLOS_128 Server KMIP v1.2", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_0 = 0x37, "Suite B minLOS_192 Client KMIP v1.0", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_1 = 0x38, "Suite B minLOS_192 Client KMIP v1.1", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_2 = 0x39, "Suite B minLOS_192 Client KMIP v1.2", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_0 = 0x3A, "Suite B minLOS_192 Server KMIP v1.0", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_1 = 0x3B, "Suite B minLOS_192 Server KMIP v1.1", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_2 = 0x3C, "Suite B minLOS_192 Server KMIP v1.2", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_0 = 0x3D, "Storage Array with Self Encrypting Drive Client KMIP v1.0", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_1 = 0x3E, "Storage Array with Self Encrypting Drive Client KMIP v1.1", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_2 = 0x3F, "Storage Array with Self Encrypting Drive Client KMIP v1.2", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_0 = 0x40, "Storage Array with Self Encrypting Drive Server KMIP v1.0", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_1 = 0x41, "Storage Array with Self Encrypting Drive Server KMIP v1.1", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_2 = 0x42, "Storage Array with Self Encrypting Drive Server KMIP v1.2", V1_3, V1_4
    HTTPS_CLIENT_KMIP_V1_0 = 0x43, "HTTPS Client KMIP v1.0", V1_3, V1_4
    HTTPS_CLIENT_KMIP_V1_1 = 0x44, "HTTPS Client KMIP v1.1", V1_3, V1_4
    HTTPS_CLIENT_KMIP_V1_2 = 0x45, "HTTPS Client KMIP v1.2", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_0 = 0x46, "HTTPS Server KMIP v1.0", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_1 = 0x47, "HTTPS Server KMIP v1.1", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_2 = 0x48, "HTTPS Server KMIP v1.2", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_0 = 0x49, "JSON Client KMIP v1.0", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_1 = 0x4A, "JSON Client KMIP v1.1", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_2 = 0x4B, "JSON Client KMIP v1.2", V1_3, V1_4
    JSON_SERVER_KMIP_V1_0 = 0x4C, "JSON Server KMIP v1.0", V1_3, V1_4
    JSON_SERVER_KMIP_V1_1 = 0x4D, "JSON Server KMIP v1.1", V1_3, V1_4
    JSON_SERVER_KMIP_V1_2 = 0x4E, "JSON Server KMIP v1.2", V1_3, V1_4
    XML_CLIENT_KMIP_V1_0 = 0x4F, "XML Client KMIP v1.0", V1_3, V1_4
    XML_CLIENT_KMIP_V1_1 = 0x50, "XML Client KMIP v1.1", V1_3, V1_4
    XML_CLIENT_KMIP_V1_2 = 0x51, "XML Client KMIP v1.2", V1_3, V1_4
    XML_SERVER_KMIP_V1_0 = 0x52, "XML Server KMIP v1.0", V1_3, V1_4
    XML_SERVER_KMIP_V1_1 = 0x53, "XML Server KMIP v1.1", V1_3, V1_4
    XML_SERVER_KMIP_V1_2 = 0x54, "XML Server KMIP v1.2", V1_3, V1_4
    BASELINE_SERVER_BASIC_KMIP_V1_3 = 0x55, "Baseline Server Basic KMIP v1.3", V1_3, V1_4
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_3 = 0x56, "Baseline Server TLS v1.2 KMIP v1.3", V1_3, V1_4
    BASELINE_CLIENT_BASIC_KMIP_V1_3 = 0x57, "Baseline Client Basic KMIP v1.3", V1_3, V1_4
    BASELINE_CLIENT_TLS_V1_2_KMIP_V1_3 = 0x58, "Baseline Client TLS v1.2 KMIP v1.3", V1_3, V1_4
    COMPLETE_SERVER_BASIC_KMIP_V1_3 = 0x59, "Complete Server Basic KMIP v1.3", V1_3, V1_4
    COMPLETE_SERVER_TLS_V1_2_KMIP_V1_3 = 0x5A, "Complete Server TLS v1.2 KMIP v1.3", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_3 = 0x5B, "Tape Library Client KMIP v1.3", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_3 = 0x5C, "Tape Library Server KMIP v1.3", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_3 = 0x5D, "Symmetric Key Lifecycle Client KMIP v1.3", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_3 = 0x5E, "Symmetric Key Lifecycle Server KMIP v1.3", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_3 = 0x5F, "Asymmetric Key Lifecycle Client KMIP v1.3", V1_3, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_3 = 0x60, "Asymmetric Key Lifecycle Server KMIP v1.3", V1_3, V1_4
    BASIC_CRYPTOGRAPHIC_CLIENT_KMIP_V1_3 = 0x61, "Basic Cryptographic Client KMIP v1.3", V1_3, V1_4
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = 0x62, "Basic Cryptographic Server KMIP v1.3", V1_3, V1_4
    ADVANCED_CRYPTOGRAPHIC_CLIENT_KMIP_V1_3 = 0x63, "Advanced Cryptographic Client KMIP v1.3", V1_3, V1_4
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = 0x64, "Advanced Cryptographic Server KMIP v1.3", V1_3, V1_4
    RNG_CRYPTOGRAPHIC_CLIENT_KMIP_V1_3 = 0x65, "RNG Cryptographic Client KMIP v1.3", V1_3, V1_4
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = 0x66, "RNG Cryptographic Server KMIP v1.3", V1_3, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_3 = 0x67, "Basic Symmetric Key Foundry Client KMIP v1.3", V1_3, V1_4
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_3 = 0x68, "Intermediate Symmetric Key Foundry Client KMIP v1.3", V1_3, V1_4
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_3 = 0x69, "Advanced Symmetric Key Foundry Client KMIP v1.3", V1_3, V1_4
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_3 = 0x6A, "Symmetric Key Foundry Server KMIP v1.3", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_3 = 0x6B, "Opaque Managed Object Store Client KMIP v1.3", V1_3, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_3 = 0x6C, "Opaque Managed Object Store Server KMIP v1.3", V1_3, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_3 = 0x6D, "Suite B minLOS_128 Client KMIP v1.3", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_3 = 0x6E, "Suite B minLOS_128 Server KMIP v1.3", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_3 = 0x6F, "Suite B minLOS_192 Client KMIP v1.3", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_3 = 0x70, "Suite B minLOS_192 Server KMIP v1.3", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_3 = 0x71, "Storage Array with Self Encrypting Drive Client KMIP v1.3", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_3 = 0x72, "Storage Array with Self Encrypting Drive Server KMIP v1.3", V1_3, V1_4
    HTTPS_CLIENT_KMIP_V1_3 = 0x73, "HTTPS Client KMIP v1.3", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_3 = 0x74, "HTTPS Server KMIP v1.3", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_3 = 0x75, "JSON Client KMIP v1.3", V1_3, V1_4
    JSON_SERVER_KMIP_V1_3 = 0x76, "JSON Server KMIP v1.3", V1_3, V1_4
    XML_CLIENT_KMIP_V1_3 = 0x77, "XML Client KMIP v1.3", V1_3, V1_4
    XML_SERVER_KMIP_V1_3 = 0x78, "XML Server KMIP v1.3", V1_3, V1_4
    BASELINE_SERVER_BASIC_KMIP_V1_4 = 0x79, "Baseline Server Basic KMIP v1.4", V1_4, V1_4
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_4 = 0x7A, "Baseline Server TLS v1.2 KMIP v1.4", V1_4, V1_4
    BASELINE_CLIENT_BASIC_KMIP_V1_4 = 0x7B, "Baseline Client Basic KMIP v1.4", V1_4, V1_4
    BASELINE_CLIENT_TLS_V1_2_KMIP_V1_4 = 0x7C, "Baseline Client TLS v1.2 KMIP v1.4", V1_4, V1_4
    COMPLETE_SERVER_BASIC_KMIP_V1_4 = 0x7D, "Complete Server Basic KMIP v1.4", V1_4, V1_4
    COMPLETE_SERVER_TLS_V1_2_KMIP_V1_4 = 0x7E, "Complete Server TLS v1.2 KMIP v1.4", V1_4, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_4 = 0x7F, "Tape Library Client KMIP v1.4", V1_4, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_4 = 0x80, "Tape Library Server KMIP v1.4", V1_4, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_4 = 0x81, "Symmetric Key Lifecycle Client KMIP v1.4", V1_4, V1_4
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4 = 0x82, "Symmetric Key Lifecycle Server KMIP v1.4", V1_4, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_4 = 0x83, "Asymmetric Key Lifecycle Client KMIP v1.4", V1_4, V1_4
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4 = 0x84, "Asymmetric Key Lifecycle Server KMIP v1.4", V1_4, V1_4
    BASIC_CRYPTOGRAPHIC_CLIENT_KMIP_V1_4 = 0x85, "Basic Cryptographic Client KMIP v1.4", V1_4, V1_4
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = 0x86, "Basic Cryptographic Server KMIP v1.4", V1_4, V1_4
    ADVANCED_CRYPTOGRAPHIC_CLIENT_KMIP_V1_4 = 0x87, "Advanced Cryptographic Client KMIP v1.4", V1_4, V1_4
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = 0x88, "Advanced Cryptographic Server KMIP v1.4", V1_4, V1_4
    RNG_CRYPTOGRAPHIC_CLIENT_KMIP_V1_4 = 0x89, "RNG Cryptographic Client KMIP v1.4", V1_4, V1_4
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = 0x8A, "RNG Cryptographic Server KMIP v1.4", V1_4, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_4 = 0x8B, "Basic Symmetric Key Foundry Client KMIP v1.4", V1_4, V1_4
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_4 = 0x8C, "Intermediate Symmetric Key Foundry Client KMIP v1.4", V1_4, V1_4
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_4 = 0x8D, "Advanced Symmetric Key Foundry Client KMIP v1.4", V1_4, V1_4
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_4 = 0x8E, "Symmetric Key Foundry Server KMIP v1.4", V1_4, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_4 = 0x8F, "Opaque Managed Object Store Client KMIP v1.4", V1_4, V1_4
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_4 = 0x90, "Opaque Managed Object Store Server KMIP v1.4", V1_4, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_4 = 0x91, "Suite B minLOS_128 Client KMIP v1.4", V1_4, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_4 = 0x92, "Suite B minLOS_128 Server KMIP v1.4", V1_4, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_4 = 0x93, "Suite B minLOS_192 Client KMIP v1.4", V1_4, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_4 = 0x94, "Suite B minLOS_192 Server KMIP v1.4", V1_4, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_4 = 0x95, "Storage Array with Self Encrypting Drive Client KMIP v1.4", V1_4, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_4 = 0x96, "Storage Array with Self Encrypting Drive Server KMIP v1.4", V1_4, V1_4
    HTTPS_CLIENT_KMIP_V1_4 = 0x97, "HTTPS Client KMIP v1.4", V1_4, V1_4
    HTTPS_SERVER_KMIP_V1_4 = 0x98, "HTTPS Server KMIP v1.4", V1_4, V1_4
    JSON_CLIENT_KMIP_V1_4 = 0x99, "JSON Client KMIP v1.4", V1_4, V1_4
    JSON_SERVER_KMIP_V1_4 = 0x9A, "JSON Server KMIP v1.4", V1_4, V1_4
    XML_CLIENT_KMIP_V1_4 = 0x9B, "XML Client KMIP v1.4", V1_4, V1_4
    XML_SERVER_KMIP_V1_4 = 0x9C, "XML Server KMIP v1.4", V1_4, V1_4
    COMPLETE_SERVER_BASIC = 0x104, "Complete Server Basic", V2_0
    COMPLETE_SERVER_TLS_V1_2 = 0x105, "Complete Server TLS v1.2", V2_0
    TAPE_LIBRARY_CLIENT = 0x106, "Tape Library Client", V2_0
    TAPE_LIBRARY_SERVER = 0x107, "Tape Library Server", V2_0
    SYMMETRIC_KEY_LIFECYCLE_CLIENT = 0x108, "Symmetric Key Lifecycle Client", V2_0
    SYMMETRIC_KEY_LIFECYCLE_SERVER = 0x109, "Symmetric Key Lifecycle Server", V2_0
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT = 0x10A, "Asymmetric Key Lifecycle Client", V2_0
    ASYMMETRIC_KEY_LIFECYCLE_SERVER = 0x10B, "Asymmetric Key Lifecycle Server", V2_0
    BASIC_CRYPTOGRAPHIC_CLIENT = 0x10C, "Basic Cryptographic Client", V2_0
    BASIC_CRYPTOGRAPHIC_SERVER = 0x10D, "Basic Cryptographic Server", V2_0
    ADVANCED_CRYPTOGRAPHIC_CLIENT = 0x10E, "Advanced Cryptographic Client", V2_0
    ADVANCED_CRYPTOGRAPHIC_SERVER = 0x10F, "Advanced Cryptographic Server", V2_0
    RNG_CRYPTOGRAPHIC_CLIENT = 0x110, "RNG Cryptographic Client", V2_0
    RNG_CRYPTOGRAPHIC_SERVER = 0x111, "RNG Cryptographic Server", V2_0
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT = 0x112, "Basic Symmetric Key Foundry Client", V2_0
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT = 0x113, "Intermediate Symmetric Key Foundry Client", V2_0
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT = 0x114, "Advanced Symmetric Key Foundry Client", V2_0
    SYMMETRIC_KEY_FOUNDRY_SERVER = 0x115, "Symmetric Key Foundry Server", V2_0
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT = 0x116, "Opaque Managed Object Store Client", V2_0
    OPAQUE_MANAGED_OBJECT_STORE_SERVER = 0x117, "Opaque Managed Object Store Server", V2_0
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT = 0x11C, "Storage Array with Self Encrypting Drive Client", V2_0
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER = 0x11D, "Storage Array with Self Encrypting Drive Server", V2_0
    HTTPS_CLIENT = 0x11E, "HTTPS Client", V2_0
    HTTPS_SERVER = 0x11F, "HTTPS Server", V2_0
    JSON_CLIENT = 0x120, "JSON Client", V2_0
    JSON_SERVER = 0x121, "JSON Server", V2_0
    XML_CLIENT = 0x122, "XML Client", V2_0
    XML_SERVER = 0x123, "XML Server", V2_0
    AES_XTS_CLIENT = 0x124, "AES XTS Client", V2_0
    AES_XTS_SERVER = 0x125, "AES XTS Server", V2_0
    QUANTUM_SAFE_CLIENT = 0x126, "Quantum Safe Client", V2_0
    QUANTUM_SAFE_SERVER = 0x127, "Quantum Safe Server", V2_0
    PKCS_11_CLIENT = 0x128, "PKCS#11 Client", V2_0
    PKCS_11_SERVER = 0x129, "PKCS#11 Server", V2_0
    BASELINE_CLIENT = 0x12A, "Baseline Client", V2_0
    BASELINE_SERVER = 0x12B, "Baseline Server", V2_0
    COMPLETE_SERVER = 0x12C, "Complete Server", V2_0
# fmt: on


class ProtectionLevel(Enumeration):
    """Protection Level."""

    HIGH = 0x1, "High", V2_0
    LOW = 0x2, "Low", V2_0


class PutFunction(Enumeration):
    """Put Function."""

    NEW = 0x1, "New"
    REPLACE = 0x2, "Replace"


class QueryFunction(Enumeration):
    """Query Function."""

    QUERY_OPERATIONS = 0x1, "Query Operations"
    QUERY_OBJECTS = 0x2, "Query Objects"
    QUERY_SERVER_INFORMATION = 0x3, "Query Server Information"
    QUERY_APPLICATION_NAMESPACES = 0x4, "Query Application Namespaces"
    QUERY_EXTENSION_LIST = 0x5, "Query Extension List", V1_1
    QUERY_EXTENSION_MAP = 0x6, "Query Extension Map", V1_1
    QUERY_ATTESTATION_TYPES = 0x7, "Query Attestation Types", V1_2
    QUERY_RNGS = 0x8, "Query RNGs", V1_3
    QUERY_VALIDATIONS = 0x9, "Query Validations", V1_3
    QUERY_PROFILES = 0xA, "Query Profiles", V1_3
    QUERY_CAPABILITIES = 0xB, "Query Capabilities", V1_3
    QUERY_CLIENT_REGISTRATION_METHODS = 0xC, "Query Client Registration Methods", V1_3
    QUERY_DEFAULTS_INFORMATION = 0xD, "Query Defaults Information", V2_0
    QUERY_STORAGE_PROTECTION_MASKS = 0xE, "Query Storage Protection Masks", V2_0
    QUERY_CREDENTIAL_INFORMATION = 0xF, "Query Credential Information", V3_0


class RecommendedCurve(Enumeration):
    """Recommended Curve."""

    P_192 = 0x1, "P-192"
    K_163 = 0x2, "K-163"
    B_163 = 0x3, "B-163"
    P_224 = 0x4, "P-224"
    K_233 = 0x5, "K-233"
    B_233 = 0x6, "B-233"
    P_256 = 0x7, "P-256"
    K_283 = 0x8, "K-283"
    B_283 = 0x9, "B-283"
    P_384 = 0xA, "P-384"
    K_409 = 0xB, "K-409"
    B_409 = 0xC, "B-409"
    P_521 = 0xD, "P-521"
    K_571 = 0xE, "K-571"
    B_571 = 0xF, "B-571"
    SECP112R1 = 0x10, "SECP112R1", V1_2
    SECP112R2 = 0x11, "SECP112R2", V1_2
    SECP128R1 = 0x12, "SECP128R1", V1_2
    SECP128R2 = 0x13, "SECP128R2", V1_2
    SECP160K1 = 0x14, "SECP160K1", V1_2
    SECP160R1 = 0x15, "SECP160R1", V1_2
    SECP160R2 = 0x16, "SECP160R2", V1_2
    SECP192K1 = 0x17, "SECP192K1", V1_2
    SECP224K1 = 0x18, "SECP224K1", V1_2
    SECP256K1 = 0x19, "SECP256K1", V1_2
    SECT113R1 = 0x1A, "SECT113R1", V1_2
    SECT113R2 = 0x1B, "SECT113R2", V1_2
    SECT131R1 = 0x1C, "SECT131R1", V1_2
    SECT131R2 = 0x1D, "SECT131R2", V1_2
    SECT163R1 = 0x1E, "SECT163R1", V1_2
    SECT193R1 = 0x1F, "SECT193R1", V1_2
    SECT193R2 = 0x20, "SECT193R2", V1_2
    SECT239K1 = 0x21, "SECT239K1", V1_2
    ANSIX9P192V2 = 0x22, "ANSIX9P192V2", V1_2
    ANSIX9P192V3 = 0x23, "ANSIX9P192V3", V1_2
    ANSIX9P239V1 = 0x24, "ANSIX9P239V1", V1_2
    ANSIX9P239V2 = 0x25, "ANSIX9P239V2", V1_2
    ANSIX9P239V3 = 0x26, "ANSIX9P239V3", V1_2
    ANSIX9C2PNB163V1 = 0x27, "ANSIX9C2PNB163V1", V1_2
    ANSIX9C2PNB163V2 = 0x28, "ANSIX9C2PNB163V2", V1_2
    ANSIX9C2PNB163V3 = 0x29, "ANSIX9C2PNB163V3", V1_2
    ANSIX9C2PNB176V1 = 0x2A, "ANSIX9C2PNB176V1", V1_2
    ANSIX9C2TNB191V1 = 0x2B, "ANSIX9C2TNB191V1", V1_2
    ANSIX9C2TNB191V2 = 0x2C, "ANSIX9C2TNB191V2", V1_2
    ANSIX9C2TNB191V3 = 0x2D, "ANSIX9C2TNB191V3", V1_2
    ANSIX9C2PNB208W1 = 0x2E, "ANSIX9C2PNB208W1", V1_2
    ANSIX9C2TNB239V1 = 0x2F, "ANSIX9C2TNB239V1", V1_2
    ANSIX9C2TNB239V2 = 0x30, "ANSIX9C2TNB239V2", V1_2
    ANSIX9C2TNB239V3 = 0x31, "ANSIX9C2TNB239V3", V1_2
    ANSIX9C2PNB272W1 = 0x32, "ANSIX9C2PNB272W1", V1_2
    ANSIX9C2PNB304W1 = 0x33, "ANSIX9C2PNB304W1", V1_2
    ANSIX9C2TNB359V1 = 0x34, "ANSIX9C2TNB359V1", V1_2
    ANSIX9C2PNB368W1 = 0x35, "ANSIX9C2PNB368W1", V1_2
    ANSIX9C2TNB431R1 = 0x36, "ANSIX9C2TNB431R1", V1_2
    BRAINPOOLP160R1 = 0x37, "BRAINPOOLP160R1", V1_2
    BRAINPOOLP160T1 = 0x38, "BRAINPOOLP160T1", V1_2
    BRAINPOOLP192R1 = 0x39, "BRAINPOOLP192R1", V1_2
    BRAINPOOLP192T1 = 0x3A, "BRAINPOOLP192T1", V1_2
    BRAINPOOLP224R1 = 0x3B, "BRAINPOOLP224R1", V1_2
    BRAINPOOLP224T1 = 0x3C, "BRAINPOOLP224T1", V1_2
    BRAINPOOLP256R1 = 0x3D, "BRAINPOOLP256R1", V1_2
    BRAINPOOLP256T1 = 0x3E, "BRAINPOOLP256T1", V1_2
    BRAINPOOLP320R1 = 0x3F, "BRAINPOOLP320R1", V1_2
    BRAINPOOLP320T1 = 0x40, "BRAINPOOLP320T1", V1_2
    BRAINPOOLP384R1 = 0x41, "BRAINPOOLP384R1", V1_2
    BRAINPOOLP384T1 = 0x42, "BRAINPOOLP384T1", V1_2
    BRAINPOOLP512R1 = 0x43, "BRAINPOOLP512R1", V1_2
    BRAINPOOLP512T1 = 0x44, "BRAINPOOLP512T1", V1_2
    CURVE25519 = 0x45, "CURVE25519", V2_0
    CURVE448 = 0x46, "CURVE448", V2_0


class ResultReason(Enumeration):
    """Result Reason."""

    ITEM_NOT_FOUND = 0x1, "Item Not Found"
    RESPONSE_TOO_LARGE = 0x2, "Response Too Large"
    AUTHENTICATION_NOT_SUCCESSFUL = 0x3, "Authentication Not Successful"
    INVALID_MESSAGE = 0x4, "Invalid Message"
    OPERATION_NOT_SUPPORTED = 0x5, "Operation Not Supported"
    MISSING_DATA = 0x6, "Missing Data"
    INVALID_FIELD = 0x7, "Invalid Field"
    FEATURE_NOT_SUPPORTED = 0x8, "Feature Not Supported"
    OPERATION_CANCELED_BY_REQUESTER = 0x9, "Operation Canceled By Requester"
    CRYPTOGRAPHIC_FAILURE = 0xA, "Cryptographic Failure"
    ILLEGAL_OPERATION = 0xB, "Illegal Operation", V1_0, V1_4
    PERMISSION_DENIED = 0xC, "Permission Denied"
    OBJECT_ARCHIVED = 0xD, "Object Archived"
    INDEX_OUT_OF_BOUNDS = 0xE, "Index Out of Bounds", V1_0, V1_4
    APPLICATION_NAMESPACE_NOT_SUPPORTED = 0xF, "Application Namespace Not Supported"
    KEY_FORMAT_TYPE_NOT_SUPPORTED = 0x10, "Key Format Type Not Supported"
    KEY_COMPRESSION_TYPE_NOT_SUPPORTED = 0x11, "Key Compression Type Not Supported"
    ENCODING_OPTION_ERROR = 0x12, "Encoding Option Error", V1_1
    KEY_VALUE_NOT_PRESENT = 0x13, "Key Value Not Present", V1_2
    ATTESTATION_REQUIRED = 0x14, "Attestation Required", V1_2
    ATTESTATION_FAILED = 0x15, "Attestation Failed", V1_2
    SENSITIVE = 0x16, "Sensitive", V1_4
    NOT_EXTRACTABLE = 0x17, "Not Extractable", V1_4
    OBJECT_ALREADY_EXISTS = 0x18, "Object Already Exists", V1_4
    INVALID_TICKET = 0x19, "Invalid Ticket", V2_0
    USAGE_LIMIT_EXCEEDED = 0x1A, "Usage Limit Exceeded", V2_0
    NUMERIC_RANGE = 0x1B, "Numeric Range", V2_0
    INVALID_DATA_TYPE = 0x1C, "Invalid Data Type", V2_0
    READ_ONLY_ATTRIBUTE = 0x1D, "Read Only Attribute", V2_0
    MULTI_VALUED_ATTRIBUTE = 0x1E, "Multi Valued Attribute", V2_0
    UNSUPPORTED_ATTRIBUTE = 0x1F, "Unsupported Attribute", V2_0
    ATTRIBUTE_INSTANCE_NOT_FOUND = 0x20, "Attribute Instance Not Found", V2_0
    ATTRIBUTE_NOT_FOUND = 0x21, "Attribute Not Found", V2_0
    ATTRIBUTE_READ_ONLY = 0x22, "Attribute Read Only", V2_0
    ATTRIBUTE_SINGLE_VALUED = 0x23, "Attribute Single Valued", V2_0
    BAD_CRYPTOGRAPHIC_PARAMETERS = 0x24, "Bad Cryptographic Parameters", V2_0
    BAD_PASSWORD = 0x25, "Bad Password", V2_0
    CODEC_ERROR = 0x26, "Codec Error", V2_0
    ILLEGAL_OBJECT_TYPE = 0x28, "Illegal Object Type", V2_0
    INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK = 0x29, "Incompatible Cryptographic Usage Mask", V2_0
    INTERNAL_SERVER_ERROR = 0x2A, "Internal Server Error", V2_0
    INVALID_ASYNCHRONOUS_CORRELATION_VALUE = 0x2B, "Invalid Asynchronous Correlation Value", V2_0
    INVALID_ATTRIBUTE = 0x2C, "Invalid Attribute", V2_0
    INVALID_ATTRIBUTE_VALUE = 0x2D, "Invalid Attribute Value", V2_0
    INVALID_CORRELATION_VALUE = 0x2E, "Invalid Correlation Value", V2_0
    INVALID_CSR = 0x2F, "Invalid CSR", V2_0
    INVALID_OBJECT_TYPE = 0x30, "Invalid Object Type", V2_0
    KEY_WRAP_TYPE_NOT_SUPPORTED = 0x32, "Key Wrap Type Not Supported", V2_0
    MISSING_INITIALIZATION_VECTOR = 0x34, "Missing Initialization Vector", V2_0
    NON_UNIQUE_NAME_ATTRIBUTE = 0x35, "Non Unique Name Attribute", V2_0
    OBJECT_DESTROYED = 0x36, "Object Destroyed", V2_0
    OBJECT_NOT_FOUND = 0x37, "Object Not Found", V2_0
    NOT_AUTHORISED = 0x39, "Not Authorised", V2_0
    SERVER_LIMIT_EXCEEDED = 0x3A, "Server Limit Exceeded", V2_0
    UNKNOWN_ENUMERATION = 0x3B, "Unknown Enumeration", V2_0
    UNKNOWN_MESSAGE_EXTENSION = 0x3C, "Unknown Message Extension", V2_0
    UNKNOWN_TAG = 0x3D, "Unknown Tag", V2_0
    UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS = 0x3E, "Unsupported Cryptographic Parameters", V2_0
    UNSUPPORTED_PROTOCOL_VERSION = 0x3F, "Unsupported Protocol Version", V2_0
    WRAPPING_OBJECT_ARCHIVED = 0x40, "Wrapping Object Archived", V2_0
    WRAPPING_OBJECT_DESTROYED = 0x41, "Wrapping Object Destroyed", V2_0
    WRAPPING_OBJECT_NOT_FOUND = 0x42, "Wrapping Object Not Found", V2_0
    WRONG_KEY_LIFECYCLE_STATE = 0x43, "Wrong Key Lifecycle State", V2_0
    PROTECTION_STORAGE_UNAVAILABLE = 0x44, "Protection Storage Unavailable", V2_0
    PKCS_11_CODEC_ERROR = 0x45, "PKCS#11 Codec Error", V2_0
    PKCS_11_INVALID_FUNCTION = 0x46, "PKCS#11 Invalid Function", V2_0
    PKCS_11_INVALID_INTERFACE = 0x47, "PKCS#11 Invalid Interface", V2_0
    PRIVATE_PROTECTION_STORAGE_UNAVAILABLE = 0x48, "Private Protection Storage Unavailable", V2_0
    PUBLIC_PROTECTION_STORAGE_UNAVAILABLE = 0x49, "Public Protection Storage Unavailable", V2_0
    UNKNOWN_OBJECT_GROUP = 0x4A, "Unknown Object Group", V2_1, V2_1
    CONSTRAINT_VIOLATION = 0x4B, "Constraint Violation", V2_1
    DUPLICATE_PROCESS_REQUEST = 0x4C, "Duplicate Process Request", V2_1
    CIRCULAR_LINK_ERROR = 0x4D, "Circular Link Error", V3_0
    GENERAL_FAILURE = 0x100, "General Failure"


class ResultStatus(Enumeration):
    """Result Status."""

    SUCCESS = 0x0, "Success"
    OPERATION_FAILED = 0x1, "Operation Failed"
    OPERATION_PENDING = 0x2, "Operation Pending"
    OPERATION_UNDONE = 0x3, "Operation Undone"


class RevocationReasonCode(Enumeration):
    """Revocation Reason Code."""

    UNSPECIFIED = 0x1, "Unspecified"
    KEY_COMPROMISE = 0x2, "Key Compromise"
    CA_COMPROMISE = 0x3, "CA Compromise"
    AFFILIATION_CHANGED = 0x4, "Affiliation Changed"
    SUPERSEDED = 0x5, "Superseded"
    CESSATION_OF_OPERATION = 0x6, "Cessation of Operation"
    PRIVILEGE_WITHDRAWN = 0x7, "Privilege Withdrawn"


class RNGAlgorithm(Enumeration):
    """RNG Algorithm."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    FIPS_186_2 = 0x2, "FIPS 186-2", V1_3
    DRBG = 0x3, "DRBG", V1_3
    NRBG = 0x4, "NRBG", V1_3
    ANSI_X9_31 = 0x5, "ANSI X9.31", V1_3
    ANSI_X9_62 = 0x6, "ANSI X9.62", V1_3


class RNGMode(Enumeration):
    """RNG Mode."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    SHARED_INSTANTIATION = 0x2, "Shared Instantiation", V1_3
    NON_SHARED_INSTANTIATION = 0x3, "Non-Shared Instantiation", V1_3


class RotateNameType(Enumeration):
    """Rotate Name Type."""

    UNINTERPRETED_TEXT_STRING = 0x1, "Uninterpreted Text String", V2_1, V2_1
    URI = 0x2, "URI", V2_1, V2_1


class SecretDataType(Enumeration):
    """Secret Data Type."""

    PASSWORD = 0x1, "Password"
    SEED = 0x2, "Seed"


class ShreddingAlgorithm(Enumeration):
    """Shredding Algorithm."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    CRYPTOGRAPHIC = 0x2, "Cryptographic", V1_3
    UNSUPPORTED = 0x3, "Unsupported", V1_3


class SplitKeyMethod(Enumeration):
    """Split Key Method."""

    XOR = 0x1, "XOR"
    POLYNOMIAL_SHARING_GF_2_16 = 0x2, "Polynomial Sharing GF (2^16)"
    POLYNOMIAL_SHARING_PRIME_FIELD = 0x3, "Polynomial Sharing Prime Field"
    POLYNOMIAL_SHARING_GF_2_8 = 0x4, "Polynomial Sharing GF (2^8)", V1_2


class SplitKeyPolynomial(Enumeration):
    """Split Key Polynomial."""

    POLYNOMIAL_283 = 0x1, "Polynomial-283", V3_0
    POLYNOMIAL_285 = 0x2, "Polynomial-285", V3_0


class State(Enumeration):
    """State."""

    PRE_ACTIVE = 0x1, "Pre-Active"
    ACTIVE = 0x2, "Active"
    DEACTIVATED = 0x3, "Deactivated"
    COMPROMISED = 0x4, "Compromised"
    DESTROYED = 0x5, "Destroyed"
    DESTROYED_COMPROMISED = 0x6, "Destroyed Compromised"


class TicketType(Enumeration):
    """Ticket Type."""

    LOGIN = 0x1, "Login", V2_0


class UniqueIdentifierEnumeration(Enumeration):
    """Unique Identifier."""

    ID_PLACEHOLDER = 0x1, "ID Placeholder", V2_0
    CERTIFY = 0x2, "Certify", V2_0
    CREATE = 0x3, "Create", V2_0
    CREATE_KEY_PAIR = 0x4, "Create Key Pair", V2_0
    CREATE_KEY_PAIR_PRIVATE_KEY = 0x5, "Create Key Pair Private Key", V2_0
    CREATE_KEY_PAIR_PUBLIC_KEY = 0x6, "Create Key Pair Public Key", V2_0
    CREATE_SPLIT_KEY = 0x7, "Create Split Key", V2_0
    DERIVE_KEY = 0x8, "Derive Key", V2_0
    IMPORT = 0x9, "Import", V2_0
    JOIN_SPLIT_KEY = 0xA, "Join Split Key", V2_0
    LOCATE = 0xB, "Locate", V2_0
    REGISTER = 0xC, "Register", V2_0
    RE_KEY = 0xD, "Re-key", V2_0
    RE_CERTIFY = 0xE, "Re-certify", V2_0
    RE_KEY_KEY_PAIR = 0xF, "Re-key Key Pair", V2_0
    RE_KEY_KEY_PAIR_PRIVATE_KEY = 0x10, "Re-key Key Pair Private Key", V2_0
    RE_KEY_KEY_PAIR_PUBLIC_KEY = 0x11, "Re-key Key Pair Public Key", V2_0
    RE_PROVISION = 0x12, "Re-Provision", V3_0
    CREATE_USER = 0x13, "Create User", V3_0
    CREATE_GROUP = 0x14, "Create Group", V3_0
    CREATE_CREDENTIAL = 0x15, "Create Credential", V3_0


class UnwrapMode(Enumeration):
    """Unwrap Mode."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    PROCESSED = 0x2, "Processed", V1_3
    NOT_PROCESSED = 0x3, "Not Processed", V1_3


class UsageLimitsUnit(Enumeration):
    """Usage Limits Unit."""

    BYTE = 0x1, "Byte"
    OBJECT = 0x2, "Object"


class ValidationAuthorityType(Enumeration):
    """Validation Authority Type."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    NIST_CMVP = 0x2, "NIST CMVP", V1_3
    COMMON_CRITERIA = 0x3, "Common Criteria", V1_3


class ValidationType(Enumeration):
    """Validation Type."""

    UNSPECIFIED = 0x1, "Unspecified", V1_3
    HARDWARE = 0x2, "Hardware", V1_3
    SOFTWARE = 0x3, "Software", V1_3
    FIRMWARE = 0x4, "Firmware", V1_3
    HYBRID = 0x5, "Hybrid", V1_3


class ValidityIndicator(Enumeration):
    """Validity Indicator."""

    VALID = 0x1, "Valid"
    INVALID = 0x2, "Invalid"
    UNKNOWN = 0x3, "Unknown"


class WrappingMethod(Enumeration):
    """Wrapping Method."""

    ENCRYPT = 0x1, "Encrypt"
    MAC_SIGN = 0x2, "MAC/sign"
    ENCRYPT_THEN_MAC_SIGN = 0x3, "Encrypt then MAC/sign"
    MAC_SIGN_THEN_ENCRYPT = 0x4, "MAC/sign then encrypt"
    TR_31 = 0x5, "TR-31"


class KEMAlgorithm(Enumeration):
    """KEM Algorithm (CSD02)."""

    RSASVE = 0x1, "RSASVE", V3_0
    DHKEM = 0x2, "DHKEM", V3_0
    MLKEM = 0x3, "MLKEM", V3_0


class CryptographicUsageMask(Mask):
    """Cryptographic Usage Mask."""

    SIGN = 0x1, "Sign"
    VERIFY = 0x2, "Verify"
    ENCRYPT = 0x4, "Encrypt"
    DECRYPT = 0x8, "Decrypt"
    WRAP_KEY = 0x10, "Wrap Key"
    UNWRAP_KEY = 0x20, "Unwrap Key"
    EXPORT = 0x40, "Export", V1_0, V1_4
    MAC_GENERATE = 0x80, "MAC Generate"
    MAC_VERIFY = 0x100, "MAC Verify"
    DERIVE_KEY = 0x200, "Derive Key"
    CONTENT_COMMITMENT = 0x400, "Content Commitment (Non Repudiation)", V1_0, V1_4
    KEY_AGREEMENT = 0x800, "Key Agreement"
    CERTIFICATE_SIGN = 0x1000, "Certificate Sign"
    CRL_SIGN = 0x2000, "CRL Sign"
    GENERATE_CRYPTOGRAM = 0x4000, "Generate Cryptogram", V1_0, V1_4
    VALIDATE_CRYPTOGRAM = 0x8000, "Validate Cryptogram", V1_0, V1_4
    TRANSLATE_ENCRYPT = 0x10000, "Translate Encrypt", V1_0, V1_4
    TRANSLATE_DECRYPT = 0x20000, "Translate Decrypt", V1_0, V1_4
    TRANSLATE_WRAP = 0x40000, "Translate Wrap", V1_0, V1_4
    TRANSLATE_UNWRAP = 0x80000, "Translate Unwrap", V1_0, V1_4
    AUTHENTICATE = 0x100000, "Authenticate", V2_0
    UNRESTRICTED = 0x200000, "Unrestricted", V2_0
    FPE_ENCRYPT = 0x400000, "FPE Encrypt", V2_0
    FPE_DECRYPT = 0x800000, "FPE Decrypt", V2_0


class StorageStatusMask(Mask):
    """Storage Status Mask."""

    ON_LINE_STORAGE = 0x1, "On-line storage"
    ARCHIVAL_STORAGE = 0x2, "Archival storage"
    DESTROYED_STORAGE = 0x4, "Destroyed storage", V2_0


class ProtectionStorageMask(Mask):
    """Protection Storage Mask."""

    SOFTWARE = 0x1, "Software", V2_0
    HARDWARE = 0x2, "Hardware", V2_0
    ON_PROCESSOR = 0x4, "On Processor", V2_0
    ON_SYSTEM = 0x8, "On System", V2_0
    OFF_SYSTEM = 0x10, "Off System", V2_0
    HYPERVISOR = 0x20, "Hypervisor", V2_0
    OPERATING_SYSTEM = 0x40, "Operating System", V2_0
    CONTAINER = 0x80, "Container", V2_0
    ON_PREMISES = 0x100, "On Premises", V2_0
    OFF_PREMISES = 0x200, "Off Premises", V2_0
    SELF_MANAGED = 0x400, "Self Managed", V2_0
    OUTSOURCED = 0x800, "Outsourced", V2_0
    VALIDATED = 0x1000, "Validated", V2_0
    SAME_JURISDICTION = 0x2000, "Same Jurisdiction", V2_0


class ObjectClassMask(Mask):
    """Object Class Mask."""

    USER = 0x1, "User", V3_0
    SYSTEM = 0x2, "System", V3_0
