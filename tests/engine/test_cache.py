"""What an engine keeps in memory of what it opened: M15 of the threat model."""

from __future__ import annotations

import pytest

from keystead.engine import cache
from keystead.engine.cache import LARGEST
from keystead.kmip.enums import ObjectType, OpaqueDataType
from keystead.kmip.objects import OpaqueObject
from keystead.kmip.payloads.attributes import SetAttributeRequest
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.payloads.get import GetRequest
from tests.engine.keys import attributes
from tests.engine.world import World, payload


def register(world: World, size: int) -> str:
    kept = OpaqueObject(opaque_data_type=OpaqueDataType.unlisted(0x80000001), opaque_data_value=bytes(size))
    request = RegisterRequest(object_type=ObjectType.OPAQUE_OBJECT, attributes=attributes(), object=kept)
    return str(world.do(request).unique_identifier)


def test_m15_large_objects_are_not_kept(world: World) -> None:
    large = [register(world, LARGEST) for _ in range(3)]
    small = register(world, 100)
    for name in (*large, small):
        assert payload(world.ask(GetRequest(unique_identifier=name))).unique_identifier == name
    assert set(large).isdisjoint(world.engine.cache)
    assert small in world.engine.cache


def test_m15_an_object_that_grew_is_kept_no_more(world: World) -> None:
    name = register(world, 100)
    assert name in world.engine.cache
    text = attributes(comment="x" * LARGEST).items[0]
    world.do(SetAttributeRequest(unique_identifier=name, new_attribute=text))
    assert name not in world.engine.cache


def test_m15_the_cache_is_emptied_before_it_is_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 20_000)
    for _ in range(50):
        register(world, 1000)
        assert world.engine.cache.kept_bytes <= 20_000 + 2000
        assert sum(len(one.envelope or b"") for one in world.engine.cache.values()) <= world.engine.cache.kept_bytes
