"""Nothing that is secret lies in the database, its log, the audit or the log, after any operation.

Source: COSMIAN-2026-015, where a change of the usage limits stored the unwrapped key; Cosmian issue 960, where a change
of an attribute did.
"""

from __future__ import annotations

import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from keystead.engine.engine import Incoming
from keystead.pki.ca import Authority
from tests.engine.world import World
from tests.torture.tour import STOPS, Tour, travel


def forms(secret: bytes) -> Iterator[bytes]:
    """A secret as it could lie somewhere: as it is, backwards, in hexadecimal digits, in base64 wherever it begins."""
    yield from (secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode())
    for encode in (b64encode, urlsafe_b64encode):
        for shift in range(3):
            # The ends depend on what stands beside it.
            yield encode(bytes(shift) + secret)[4 if shift else 0 : -4]


class Search:
    """Looks through all files and the log for secrets.

    Attributes:
        looked: how many times.
    """

    def __init__(self, directory: Path, log: pytest.LogCaptureFixture) -> None:
        self.directory, self.log, self.looked = directory, log, 0
        self._forms: dict[str, list[bytes]] = {}

    def look(self, secrets: dict[str, bytes], after: str) -> None:
        """Raises: AssertionError, which says where one lies."""
        self.looked += 1
        for name in secrets.keys() - self._forms.keys():
            self._forms[name] = list(forms(secrets[name]))
        places = {path.name: path.read_bytes() for path in self.directory.rglob("*") if path.is_file()}
        places["the log"] = "".join(repr(record.__dict__) for record in self.log.records).encode()
        for where, content in places.items():
            for name, found in self._forms.items():
                assert not any(form in content for form in found), f"{name} lies in {where} after {after}"


@pytest.fixture
def search(world: World, caplog: pytest.LogCaptureFixture) -> Search:
    caplog.set_level(logging.DEBUG)
    world.engine.authority, world.engine.interop = Authority.create("test", "P-256"), True
    return Search(world.directory, caplog)


def test_advisory_02_nothing_secret_lies_in_a_file_or_the_log_after_any_operation(world: World, search: Search) -> None:
    tour: Tour

    def speak(message: bytes) -> bytes:
        (answer,) = world.engine.answer([Incoming(message, world.callers["alice"])])
        search.look(tour.secrets, f"message {search.looked}")
        return answer

    tour = Tour(speak, Random(2), world.engine.upkeep)
    travel(tour)  # every operation that is answered, or it says which is not
    search.look(tour.secrets, "the tour")
    assert len(tour.secrets) > 30
    assert search.looked > 100
    world.engine.close()
    search.look(tour.secrets, "the engine was closed")


@pytest.mark.parametrize("stop", ["objects", "attributes"])
def test_a_secret_that_is_planted_is_found(world: World, search: Search, stop: str) -> None:
    tour = Tour(lambda message: world.engine.answer([Incoming(message, world.callers["alice"])])[0], Random(3))
    STOPS[stop](tour)
    search.look(tour.secrets, stop)
    for name, secret in tour.secrets.items():
        for form in forms(secret):
            with world.engine.store.begin() as transaction:
                transaction.put_entry("planted", name, form)
                transaction.commit()
            with pytest.raises(AssertionError, match=r"keystead\.db"):
                Search(world.directory, search.log).look({name: secret}, stop)
            with world.engine.store.begin() as transaction:
                transaction.delete_entry("planted", name)
                transaction.commit()
            world.engine.store.scrub()  # so that the next form is found by itself
