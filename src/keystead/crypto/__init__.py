"""How KMIP's names for algorithms, modes and formats map to real cryptography: pure functions of bytes.

keys.py      make keys, check and describe them       checks.py        what makes a key unfit
formats.py   load a key from its format               dump.py          give a key in a format
cipher.py    encrypt, decrypt, whole or in parts      schemes.py       every algorithm and mode that encrypts
modes.py     the plain modes                          aead.py          the modes that authenticate
rsa.py       RSA encryption                           sign.py          sign, verify
mac.py       MACs and hashes                          derive.py        key derivation and agreement
wrap.py      key wrapping; how strong a key is        split.py         split knowledge
pqc.py       ML-KEM, ML-DSA, SLH-DSA                  ffdh.py          Diffie-Hellman over finite fields
der.py       the little of DER that is needed         certificates.py  what a certificate says

Nothing here knows an object's owner, state or storage.
"""
