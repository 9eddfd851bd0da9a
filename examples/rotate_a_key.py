"""Rotate a key: the new one takes over its name, the old one goes on decrypting what it has encrypted.

KEYSTEAD_PROFILE=DIR/alice.json python examples/rotate_a_key.py
"""

from uuid import uuid4

from keystead.client import Client


def main() -> None:
    name = f"example-{uuid4()}"
    with Client.from_environment() as client:
        old = client.create("AES", 256, name=name, usage="Encrypt|Decrypt", activate=True)
        sealed = client.encrypt(old, b"written before", mode="GCM", random_iv=True)

        new = client.re_key(old, offset=0)
        if str(client.get_attributes(new, "State")["state"]) == "Pre-Active":
            client.activate(new)
        client.revoke(old, "Superseded")
        print(f"{name} was {old}, is {new}")
        print(f"found by its name      {client.locate(name)}")
        print(f"the new one replaces   {client.get_attributes(new, 'Replaced Object Link')}")
        print(f"the old one is         {client.get_attributes(old, 'State')['state']}")
        print(f"and still opens        {client.decrypt(old, sealed, mode='GCM').decode()!r}")

        client.revoke(new)
        for uid in (old, new):
            client.destroy(uid)


if __name__ == "__main__":
    main()
