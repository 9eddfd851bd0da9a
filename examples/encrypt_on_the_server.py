"""Encrypt and decrypt with a key that never leaves the server.

KEYSTEAD_PROFILE=DIR/alice.json python examples/encrypt_on_the_server.py
"""

from keystead.client import Client
from keystead.errors import OperationFailed

CONTEXT = b"invoice 4711"
"""Authenticated with the data, not encrypted: what is sealed for one invoice does not open for another."""


def main() -> None:
    with Client.from_environment() as client:
        uid = client.create("AES", 256, usage="Encrypt|Decrypt", sensitive=True, extractable=False, activate=True)
        try:
            sealed = client.encrypt(
                uid, b"to be paid", mode="GCM", random_iv=True, tag_length=16, additional_data=CONTEXT
            )
            print(f"sealed    {sealed.data.hex()}")
            opened = client.decrypt(uid, sealed, mode="GCM", tag_length=16, additional_data=CONTEXT)
            print(f"opened    {opened.decode()}")

            for attempt in (
                lambda: client.decrypt(uid, sealed, mode="GCM", tag_length=16, additional_data=b"invoice 4712"),
                lambda: client.get(uid),
            ):
                try:
                    attempt()
                except OperationFailed as error:
                    print(f"refused   {error}")
        finally:
            client.revoke(uid)
            client.destroy(uid)


if __name__ == "__main__":
    main()
