"""A few vectors of every source, the same each time; `python -m tests.vectors` holds all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from keystead.engine.engine import Engine
from keystead.kmip.enums import CryptographicAlgorithm
from tests.support import make_engine
from tests.vectors.files import paths
from tests.vectors.run import hold
from tests.vectors.sources import SOURCES, Source
from tests.vectors.talk import same, symmetric

SEED = 20261128
VECTORS = 4


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = make_engine(Path(tmp_path_factory.mktemp("vectors")))
    yield made
    made.close()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_g18_published_vectors_have_their_published_answers(engine: Engine, source: Source) -> None:
    random = Random(f"{SEED} {source.name}")
    tally = hold(engine, source.sample(VECTORS, random), source.version)
    assert not tally.wrong
    assert tally.held + tally.not_sayable.total() > 0


def test_a_wrong_answer_is_seen(engine: Engine) -> None:
    """The check itself: a vector whose answer is not the published one is told, by its name."""

    def talk():  # type: ignore[no-untyped-def]
        yield from symmetric(bytes(range(16)), CryptographicAlgorithm.AES)
        same(b"found", b"published")
        return True

    tally = hold(engine, [("a vector", talk())], SOURCES[0].version)
    assert [name for name, _ in tally.wrong] == ["a vector"]
    assert tally.accepted == 0


def test_sources_have_names_of_their_own_and_files() -> None:
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    for source in SOURCES:
        assert paths(*source.files)
