"""Create a key on the server, find it by its name, and fetch it.

Start a server with `keystead dev`, and say where it is:

    KEYSTEAD_PROFILE=DIR/alice.json python examples/create_and_fetch.py
"""

from uuid import uuid4

from keystead.client import Client


def main() -> None:
    name = f"example-{uuid4()}"
    with Client.from_environment() as client:
        uid = client.create("AES", 256, name=name, usage="Encrypt|Decrypt", attributes={"x-purpose": "a first look"})
        print(f"created   {uid}, KMIP {client.session.version}")
        print(f"found     {client.locate(name)}")

        key = client.get(uid)
        print(f"fetched   {key}: {len(key.material)} bytes of {key.algorithm}")
        for attribute, value in client.get_attributes(uid, "State", "Cryptographic Usage Mask", "x-purpose").items():
            print(f"          {attribute} = {value}")

        client.destroy(uid)
        print("destroyed it")


if __name__ == "__main__":
    main()
