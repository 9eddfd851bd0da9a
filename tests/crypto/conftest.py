"""Published vectors, and keys that several modules use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keystead.crypto import keys
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, RecommendedCurve, ResultReason
from tests.vectors.files import Record, nist


@pytest.fixture(scope="session")
def vectors() -> Callable[..., list[Record]]:
    """Read a file of cryptography-vectors: a dictionary per record, names in upper case, sections in each."""

    def read(path: str, *sticky: str) -> list[Record]:
        found = list(nist(path, *sticky))
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
