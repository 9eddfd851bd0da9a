"""Members of object groups: fresh ones, the default one."""

from __future__ import annotations

from typing import Any

from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import ObjectGroupMember
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_1, V1_2
from tests.engine.keys import create
from tests.engine.world import World

FRESH, DEFAULT = ObjectGroupMember.GROUP_MEMBER_FRESH, ObjectGroupMember.GROUP_MEMBER_DEFAULT


def members(world: World, group: str, which: ObjectGroupMember, most: int | None = 1, **how: Any) -> list[str]:
    request = LocateRequest(
        maximum_items=most, object_group_member=which, attributes=Attributes.of({Tag.OBJECT_GROUP: group})
    )
    return list(world.do(request, **{"version": V1_2, **how}).unique_identifier)


def is_fresh(world: World, unique_identifier: str) -> bool:
    request = GetAttributesRequest(unique_identifier=unique_identifier, attribute_reference=(Tag.FRESH,))
    return bool(world.do(request).attributes.get(Tag.FRESH))


def test_an_object_is_fresh_until_it_is_served(world: World) -> None:
    key = create(world)
    before = world.do(GetAttributesRequest(unique_identifier=key)).attributes
    world.clock.move(60)
    world.do(GetRequest(unique_identifier=key))
    after = world.do(GetAttributesRequest(unique_identifier=key)).attributes
    assert (before.get(Tag.FRESH), after.get(Tag.FRESH)) == (True, False)
    assert before.get(Tag.LAST_CHANGE_DATE) == after.get(Tag.LAST_CHANGE_DATE)


def test_it_stays_fresh_if_the_answer_does_not_fit(world: World) -> None:
    key = create(world)
    world.refused(GetRequest(unique_identifier=key), maximum_response_size=200)
    assert is_fresh(world, key)


def test_fresh_members_are_served_in_the_order_in_which_they_came(world: World) -> None:
    keys = [create(world, object_group="pool") for _ in range(3)]
    create(world, object_group="other")
    served = []
    for _ in keys:
        [found] = members(world, "pool", FRESH)
        world.do(GetRequest(unique_identifier=found))
        served.append(found)
    assert served == keys
    assert members(world, "pool", FRESH) == []


def test_several_fresh_members_the_oldest_first(world: World) -> None:
    keys = [create(world, object_group="pool") for _ in range(4)]
    assert members(world, "pool", FRESH, most=2) == keys[:2]
    assert members(world, "pool", FRESH, most=None) == keys


def test_the_default_member_changes_in_turn(world: World) -> None:
    keys = [create(world, object_group="ring") for _ in range(3)]
    assert [members(world, "ring", DEFAULT)[0] for _ in range(5)] == [*keys, *keys[:2]]


def test_the_turns_survive_a_restart_and_a_member_less(world: World) -> None:
    keys = [create(world, object_group="ring") for _ in range(3)]
    assert members(world, "ring", DEFAULT) == [keys[0]]
    world.reopen()
    assert members(world, "ring", DEFAULT) == [keys[1]]
    world.do(DestroyRequest(unique_identifier=create(world)), who="alice") if False else None
    assert members(world, "nobody", DEFAULT) == []


def test_groups_are_the_owners_own(world: World) -> None:
    create(world, object_group="pool", who="bob")
    assert members(world, "pool", FRESH) == []


def test_the_default_group_never_runs_dry(world: World) -> None:
    [first] = members(world, "default", FRESH, version=V1_1)
    assert is_fresh(world, first)
    assert members(world, "default", FRESH, version=V1_1) == [first]
    world.do(GetRequest(unique_identifier=first))
    [second] = members(world, "default", FRESH, version=V1_1)
    assert second != first


def test_what_is_put_into_no_group_is_in_the_default_group(world: World) -> None:
    key = create(world)
    found = world.do(GetAttributesRequest(unique_identifier=key, attribute_reference=(Tag.OBJECT_GROUP,))).attributes
    assert found.all(Tag.OBJECT_GROUP) == ["default"]
    assert members(world, "default", FRESH) == [key]
