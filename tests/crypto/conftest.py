"""Published vectors, and keys that several modules use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import cryptography_vectors
import pytest

from keystead.crypto import keys
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, RecommendedCurve, ResultReason

Record = dict[str, str]


def _records(path: str, sticky: tuple[str, ...]) -> Iterator[Record]:
    kept: Record = {}
    section: Record = {}
    record: Record = {}
    with cryptography_vectors.open_vector_file(path, "r") as file:
        for line in file:
            # What is indented are intermediate values.
            if line.startswith(("#", "\t")) or not line.strip():
                continue
            line = line.strip()
            if line.startswith("["):
                if record:
                    yield kept | section | record
                    record = {}
                name, _, value = line.strip("[]").partition("=")
                section = {**section, name.strip().upper(): value.strip()} if value else {"SECTION": name}
                continue
            if line == "FAIL":
                record["FAIL"] = "1"
                continue
            match = re.fullmatch(r"([\w .()\[\]]+?)\s*=\s*(.*)", line)
            if match is None:
                continue
            name, value = match[1].upper(), match[2]
            if name in record or (name in sticky and record):
                yield kept | section | record
                record = {}
            if name in sticky:
                kept[name] = value
            else:
                record[name] = value
    if record:
        yield kept | section | record


@pytest.fixture(scope="session")
def vectors() -> Callable[..., list[Record]]:
    """Read a file of cryptography-vectors: a dictionary per record, names in upper case, sections in each."""

    def read(path: str, *sticky: str) -> list[Record]:
        found = list(_records(path, sticky))
        assert found, path
        return found

    return read


@pytest.fixture
def refused() -> Callable[..., pytest.RaisesExc[OperationFailed]]:
    """Expect a refusal with this Result Reason."""

    def expect(reason: ResultReason, match: str | None = None):  # type: ignore[no-untyped-def]
        def check(error: OperationFailed) -> bool:
            return error.reason is reason and (match is None or match in error.message)

        return pytest.RaisesExc(OperationFailed, check=check)

    return expect


@pytest.fixture(scope="session")
def rsa_pair() -> keys.KeyPair:
    return keys.generate_key_pair(CryptographicAlgorithm.RSA, 2048)


@pytest.fixture(scope="session")
def ec_pair() -> keys.KeyPair:
    return keys.generate_key_pair(CryptographicAlgorithm.EC, None, RecommendedCurve.P_256)
