"""Known answers through the front door: published vectors as KMIP requests.

files.py       the forms in which vectors are published     talk.py    a conversation with the server about one vector
sources.py     which file goes through which operations     run.py     hold the conversations, many at a time
ciphers.py, aead.py, mac.py, derive.py, wrap.py, rsa.py, sign.py, agree.py, pqc.py     the conversations, by operation

A vector that is valid must be accepted with the published answer; one that is not must be refused with the Result
Reason, or the Validity Indicator, that the operation has for it.  `python -m tests.vectors` holds all of them; the
tests hold a sample.
"""
