"""The typed client: `Client` waits, `AsyncClient` is awaited; both need nothing but the standard library.

from keystead.client import Client

with Client("localhost", ca="ca.pem", certificate="alice.pem", private_key="alice.key") as client:
    uid = client.create("AES", 256, name="demo", usage="Encrypt|Decrypt", activate=True)
    sealed = client.encrypt(uid, b"hello", mode="GCM", random_iv=True)
"""

from keystead.client.asynchronous import AsyncClient
from keystead.client.blocking import Client
from keystead.client.objects import Ciphertext, Key, KeyPair, make_object
from keystead.client.session import Outcome
from keystead.client.settings import Server, Settings
from keystead.client.values import FieldError

__all__ = [
    "AsyncClient",
    "Ciphertext",
    "Client",
    "FieldError",
    "Key",
    "KeyPair",
    "Outcome",
    "Server",
    "Settings",
    "make_object",
]
