"""How KMIP's names for algorithms, modes and formats map to real cryptography: pure functions of bytes.

keys.py      make, load and dump keys                 checks.py        what makes a key unfit
formats.py   key formats ↔ keys                       certificates.py  what a certificate says
cipher.py    encrypt, decrypt, whole or in parts      modes.py         the modes of block and stream ciphers
rsa.py       the paddings of RSA                      sign.py          sign, verify
mac.py       MACs and hashes                          derive.py        key derivation and agreement
wrap.py      key wrapping; how strong a key is        split.py         split knowledge
pqc.py       ML-KEM, ML-DSA, SLH-DSA                  der.py           the little of DER that is needed

Nothing here knows an object's owner, state or storage.
"""
