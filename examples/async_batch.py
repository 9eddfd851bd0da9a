"""Make many keys in one message, and ask about them from several tasks.

KEYSTEAD_PROFILE=DIR/alice.json python examples/async_batch.py
"""

import asyncio

from keystead.client import AsyncClient
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import CryptographicAlgorithm, CryptographicUsageMask, ObjectType
from keystead.kmip.payloads.create import CreateRequest, CreateResponse
from keystead.kmip.payloads.lifecycle import DestroyRequest
from keystead.kmip.tags import Tag


async def main() -> None:
    wanted = CreateRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes.of(
            {
                Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.AES,
                Tag.CRYPTOGRAPHIC_LENGTH: 256,
                Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
            }
        ),
    )
    async with AsyncClient.from_environment() as client:
        made = await client.batch([wanted] * 10)
        uids = [str(each.unique_identifier) for each in made if isinstance(each, CreateResponse)]
        print(f"created {len(uids)} keys in one message")

        states = await asyncio.gather(*(client.get_attributes(uid, "State") for uid in uids))
        print(f"they are {', '.join(sorted({str(each['state']) for each in states}))}")

        removed = await client.batch(
            [DestroyRequest(unique_identifier=uid) for uid in (*uids, "no such key")], on_error="Continue"
        )
        print(f"destroyed {sum(not isinstance(each, OperationFailed) for each in removed)}")
        print(f"and of the last the server says: {removed[-1]}")


if __name__ == "__main__":
    asyncio.run(main())
