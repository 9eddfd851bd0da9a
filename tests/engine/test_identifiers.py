"""Unique Identifiers that are none: K30 of the catalogue of hostile inputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import ResultReason
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import GetAttributeListRequest, GetAttributesRequest
from keystead.kmip.payloads.get import CheckRequest, GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, ArchiveRequest, DestroyRequest, RecoverRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import MAXIMUM_TEXT_BYTES
from keystead.kmip.version import V2_0
from tests.engine.hostile import Way, answered, changing, each_way, edited, of_value
from tests.engine.world import World, payload

R = ResultReason

ASKING: tuple[Callable[[str], Request], ...] = (
    lambda key: GetRequest(unique_identifier=key),
    lambda key: GetAttributesRequest(unique_identifier=key),
    lambda key: GetAttributeListRequest(unique_identifier=key),
    lambda key: CheckRequest(unique_identifier=key),
    lambda key: ActivateRequest(unique_identifier=key),
    lambda key: ArchiveRequest(unique_identifier=key),
    lambda key: RecoverRequest(unique_identifier=key),
    lambda key: ReKeyRequest(unique_identifier=key),
    lambda key: DestroyRequest(unique_identifier=key),
)

CHANGES: dict[str, Callable[[str], str]] = {
    "a quote": lambda key: f"{key}' OR '1'='1",
    "a statement": lambda key: f"{key}'; DROP TABLE objects; --",
    "a path": lambda key: f"../{key}",
    "a path of dots": lambda key: f"./{key}",
    "an escape": lambda key: f"%2e%2e/{key}",
    "any": lambda key: "*",
    "like any": lambda key: "%",
    "like this": lambda key: f"{key[:-1]}_",
    "like it begins": lambda key: f"{key[:8]}%",
    "glob": lambda key: f"{key[:8]}*",
    "upper case": lambda key: key.upper(),
    "braces": lambda key: f"{{{key}}}",
    "a urn": lambda key: f"urn:uuid:{key}",
    "no hyphens": lambda key: key.replace("-", ""),
    "a blank before": lambda key: f" {key}",
    "a blank behind": lambda key: f"{key} ",
    "a line end": lambda key: f"{key}\n",
    "a no-break space": lambda key: f"{key}\u00a0",
    "full-width digits": lambda key: key.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),
    "a full-width letter": lambda key: key.translate({ord("a") + n: 0xFF41 + n for n in range(6)}),
    "a combining mark": lambda key: f"{key}\u0301",
    "long": lambda key: key * (MAXIMUM_TEXT_BYTES // len(key)),
}


@each_way
def test_k30_what_is_like_an_identifier_is_answered_as_what_is_not_there(world: World, way: Way) -> None:
    """The answer is that for one that never was: nothing is folded, matched or cut."""
    key = world.create()
    for asking in ASKING:
        absent = answered(world, way, way.write(way.message(asking("never"))))
        assert absent.result_reason is for_version(R.OBJECT_NOT_FOUND, way.version, absent.operation)
        for name, change in CHANGES.items():
            changed = change(key)
            assert changed != key
            found = answered(world, way, way.write(way.message(asking(changed))))
            assert (found.result_reason, found.result_message) == (absent.result_reason, absent.result_message), name
    assert world.do(GetRequest(unique_identifier=key))


@each_way
@pytest.mark.parametrize("text", ["\0", "\x1b", "\u202e", "\u200b"], ids=ascii)
def test_k30_what_no_text_may_hold_is_an_invalid_field(world: World, way: Way, text: str) -> None:
    key = world.create()
    message = edited(way.message(GetRequest(unique_identifier=key)), changing(of_value(key), value=f"{key}{text}"))
    item = answered(world, way, way.write(message))
    no_xml = way.encoding == "xml" and text < " "
    assert item.result_reason is (R.INVALID_MESSAGE if no_xml else R.INVALID_FIELD)


@each_way
def test_k30_nor_does_locate_find_it(world: World, way: Way) -> None:
    if way.version < V2_0:
        return
    key = world.create()
    for change in (*CHANGES.values(), lambda key: key):
        asked = Attributes.of({Tag.UNIQUE_IDENTIFIER: change(key)})
        item = answered(world, way, way.write(way.message(LocateRequest(attributes=asked))))
        assert payload(item).unique_identifier == ((key,) if change(key) == key else ())
