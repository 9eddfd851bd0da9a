"""What went wrong elsewhere and must not here: the advisories that no other module of tests is about.

1 is in test_authorisation, 2 in test_at_rest, 3 in test_two_engines, a part of 7 in test_answers.
"""

from __future__ import annotations

import ast
import json
import re
import secrets
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

import keystead
from keystead.engine import granting, locate
from keystead.engine.admin import Administration
from keystead.errors import OperationFailed
from keystead.kmip.attribute_codec import writable
from keystead.kmip.attributes import ATTRIBUTES, COUNTERS, Attribute, Attributes, visible
from keystead.kmip.enums import (
    AsynchronousIndicator,
    CryptographicUsageMask,
    HashingAlgorithm,
    ObjectType,
    Operation,
    PKCS11Function,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.payloads.crypto import HashRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import (
    DefaultsInformation,
    ObjectDefaults,
    QueryRequest,
    SetDefaultsRequest,
)
from keystead.kmip.payloads.session import LoginRequest, PingRequest, PKCS11Request
from keystead.kmip.schema import DateTime, Structure, fields_of, kind_of
from keystead.kmip.structures import CryptographicParameters, Name, UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_1, V3_0, Version
from keystead.pki.ca import Authority
from keystead.policy.access import ADMINISTRATORS, Caller
from keystead.store import open as open_store
from tests.engine.authorisation import Owner
from tests.engine.hostile import Way, answered, events, in_text, last_event
from tests.engine.keys import DATA, attributes, create, symmetric
from tests.engine.test_authentication import user
from tests.engine.world import Clock, World, create_request, payload
from tests.kmip.strategies import arbitrary
from tests.support import make_engine

R = ResultReason
SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


# --- 4: a filter that is not applied is an error, never a wider answer -----------------------------------------------


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Objects of many kinds, of alice."""
    directory, clock = tmp_path_factory.mktemp("filters"), Clock()
    made = World(directory, clock, make_engine(directory, clock))
    authority = Authority.create("test", "P-256")
    made.engine.authority = authority
    made.callers["alice"] = made.engine.enroll("alice", authority.issue_client("alice").der)
    alice = Owner(made, "alice")
    for kind in (
        Owner.key,
        Owner.inactive,
        Owner.certificate,
        Owner.archived,
        Owner.limited,
        Owner.commented,
        Owner.parts,
    ):
        kind(alice)
    create(made, name=Name(name_value="plain"), object_group="group", contact_information="alice")
    yield made
    made.engine.close()


def held(world: World) -> dict[str, Attributes]:
    """Every object of alice with all that it tells of itself."""

    def told(name: str, *asked: Tag) -> Attributes:
        request = GetAttributesRequest(unique_identifier=name, attribute_reference=asked)
        return world.do(request, version=V3_0).attributes  # type: ignore[no-any-return]

    found = world.do(LocateRequest(storage_status_mask=7)).unique_identifier
    return {one: Attributes((*told(one), *told(one, *COUNTERS))) for one in found}


def says(asked: Any, has: Any) -> bool:
    """Whether a value is what was asked for; of a structure only what was said counts."""
    if isinstance(asked, CryptographicUsageMask):
        return asked & has == asked  # all of these bits, and perhaps more (1.4 §4.9)
    if isinstance(asked, UsageLimits):
        return isinstance(has, UsageLimits)  # at least so many: compared by another test
    if isinstance(asked, Structure):
        if isinstance(asked, Name):
            return bool(asked.name_value == has.name_value)
        return all(
            getattr(asked, row.name) in (None, ()) or says(getattr(asked, row.name), getattr(has, row.name))
            for row in fields_of(type(asked))
        )
    return bool(asked == has)


FILTERS = [(version, name) for version in (V1_0, V1_4, V2_1, V3_0) for name in ATTRIBUTES if visible(name, version)]


@pytest.mark.parametrize(("version", "name"), FILTERS, ids=[f"{version}-{name.name}" for version, name in FILTERS])
def test_advisory_04_whatever_a_filter_finds_has_what_it_asks_for(stocked: World, version: Version, name: Tag) -> None:
    """Every attribute of every version, with values that are there and others.  Source: Cosmian issues 824 and 935."""
    random = Random(f"{version} {name}")
    objects = held(stocked)
    there = [value for attributes_ in objects.values() for value in attributes_.all(name)]
    kind = ATTRIBUTES[name].kind
    for value in [*there, *(arbitrary(kind, version, random) for _ in range(20))]:
        if not list(writable([Attribute(name, value)], version)):
            continue  # the version has no word for it
        request = LocateRequest(attributes=Attributes.of({name: value}), storage_status_mask=7)
        item = stocked.ask(request, version=version)
        if item.result_status is not ResultStatus.SUCCESS:
            continue
        found = payload(item).unique_identifier
        for one in found:
            mine = objects[one].all(name)
            dated = kind is kind_of(DateTime)  # the last second of all stands for no date (1.4 §4.9)
            assert any(says(value, has) for has in mine) or (dated and not mine), (value, mine)


def test_a_filter_that_is_dropped_is_found_out(stocked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "conditions", lambda name, value: [])
    with pytest.raises(AssertionError):
        test_advisory_04_whatever_a_filter_finds_has_what_it_asks_for(stocked, V2_1, Tag.CONTACT_INFORMATION)


def test_advisory_04_two_filters_find_what_both_find(stocked: World) -> None:
    objects = held(stocked)
    pairs = [(name, value) for found in objects.values() for name, value in ((a.name, a.value) for a in found)]
    random = Random(4)

    def find(*asked: tuple[Any, Any]) -> set[str] | None:
        request = LocateRequest(attributes=Attributes.of(asked), storage_status_mask=7)
        item = stocked.ask(request)
        return set(payload(item).unique_identifier) if item.result_reason is None else None

    for _ in range(200):
        one, other = random.choice(pairs), random.choice(pairs)
        if one[0] == other[0]:
            continue  # two dates are a range
        each, both = (find(one), find(other)), find(one, other)
        if None not in each:
            assert both == each[0] & each[1], (one, other)  # type: ignore[operator]


# --- 5: nothing is folded --------------------------------------------------------------------------------------------

ALIKE = [
    "admin", "Admin", "ADMIN", " admin", "admin ", "admin\t", "\u0430dmin", "adm\u0131n", "admin\u0301", "\uff41dmin",
    "admin\u00a0", "adm\u00edn", unicodedata.normalize("NFD", "adm\u00edn"),
]  # fmt: skip
"""Texts that one might take for another: case, blanks, other scripts, other forms of the same letters."""


def test_advisory_05_names_are_compared_to_the_letter(world: World) -> None:
    """Source: HCSEC-2025-13, -16, -20."""
    made = {name: world.create(name) for name in ALIKE}
    for name, key in made.items():
        request = LocateRequest(attributes=attributes(name=Name(name_value=name)))
        assert world.do(request).unique_identifier == (key,)
        assert world.refused(create_request(name)) is R.NON_UNIQUE_NAME_ATTRIBUTE
    upper = LocateRequest(attributes=attributes(name=Name(name_value="aDMIN")))
    assert world.do(upper).unique_identifier == ()


def test_advisory_05_users_and_groups_are_too(world: World) -> None:
    """Source: HCSEC-2025-13, where a policy named in capitals was another than the one that was forbidden."""
    operators = Administration(world.engine)
    operators.add_user("admin", "password1")
    for name in ALIKE[1:]:
        refused = world.refused(PingRequest(), authentication=user(name, "password1"))
        assert refused is R.AUTHENTICATION_NOT_SUCCESSFUL
    for number, name in enumerate(
        (ADMINISTRATORS.title(), ADMINISTRATORS.upper(), f" {ADMINISTRATORS}", f"{ADMINISTRATORS} ")
    ):
        try:
            operators.add_group(name)
        except OperationFailed:
            continue
        client = f"client {number}"
        certificate = Authority.create("x", "P-256").issue_client(client).der
        operators.enroll_client(client, certificate, [name])
        caller = world.engine.caller_of(certificate, "")
        assert caller is not None
        assert ADMINISTRATORS not in caller.groups


def test_advisory_05_a_client_is_its_issuer_and_key_and_no_name(world: World) -> None:
    """Source: CVE-2025-6037, CVE-2024-2048, CVE-2026-39388; Cosmian issue 811: the common name is empty or a star."""
    engine, authority = world.engine, Authority.create("test", "P-256")
    mine = authority.issue_client("alice", "P-256")
    engine.enroll("alice at home", mine.der)
    assert engine.caller_of(mine.der, "")
    for name in ("alice at home", "alice", "ALICE", " alice", "alice ", "*", "%", "operator"):
        for issuer in (authority, Authority.create("test", "P-256")):
            assert engine.caller_of(issuer.issue_client(name).der, "") is None, name
    # The same key under another authority of the same name is somebody else, and so is the same name with a new key.
    for certificate in (authority.issue_client("alice").der,):
        assert engine.caller_of(certificate, "") is None
    with pytest.raises(OperationFailed):
        engine.enroll("alice at home", authority.issue_client("alice").der)


# --- 6: what is compared takes as long whatever is right of it -------------------------------------------------------

_SECRET = re.compile(r"(^|_)(password|passwords|secret|mac|mac_data|ticket_value|pin|code|seal|hashed_password|otp)$")


def _named(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return _named(node.func)
    return _named(node.value) if isinstance(node, ast.Subscript) else ""


PUBLIC = {
    "engine/integrity.py": "a sweep of the server's own, at no request",
    "engine/tokens.py": "return codes of PKCS#11",
    "store/sqlite.py": "result codes of SQLite",
}
"""Codes that are no secrets, or are not compared with what somebody sends."""


def test_advisory_06_secrets_are_compared_in_constant_time() -> None:
    """No `==` on what is named like a secret: hmac.compare_digest.  Source: GHSA-34fc of OpenBao, Cosmian A07-2."""
    root = Path(keystead.__file__).parent
    found = [
        f"{path.relative_to(root)}:{node.lineno}: {ast.unparse(node)}"
        for path in sorted(root.rglob("*.py"))
        if str(path.relative_to(root)) not in PUBLIC
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(_SECRET.search(_named(side)) for side in (node.left, *node.comparators))
    ]
    assert found == []


# --- 7: work before anything is known of the sender ------------------------------------------------------------------


@in_text
@pytest.mark.parametrize("bomb", ["objects", "strings", "numbers", "properties", "digits"])
def test_advisory_07_what_is_refused_takes_no_more_memory_than_a_few_times_itself(
    world: World, way: Way, bomb: str
) -> None:
    """Source: HCSEC-2025-24 and -31, where a body took 35 times its size."""
    size = 1 << 20
    texts = {
        "objects": ('{"tag":"A","value":[', "<A>"),
        "strings": ('{"tag":"', '<A a="'),
        "numbers": ("[0,", '<A type="Integer" value="0"/>'),
        "properties": ('"x":0,', 'a="0" '),
        "digits": ("9", "9"),
    }
    piece = texts[bomb][way.encoding == "xml"]
    start = {"properties": ("{", "<A "), "digits": ('{"tag":"A","value":', '<A type="Integer" value="')}
    message = (start.get(bomb, ("", ""))[way.encoding == "xml"] + piece * (size // len(piece))).encode()
    tracemalloc.start()
    try:
        item = answered(world, way, message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert item.result_reason in (R.INVALID_MESSAGE, R.INVALID_FIELD, R.UNKNOWN_TAG)
    assert peak < 12 * size


# --- 8: the audit tells what was answered, and nothing that is secret ------------------------------------------------


@pytest.mark.parametrize("version", list(Version), ids=str)
def test_advisory_08_there_is_an_event_for_every_item_with_its_reason(world: World, version: Version) -> None:
    """Source: CVE-2026-46358, and A10 of the catalogue."""
    requests = [
        create_request("x"),
        create_request("x"),
        GetRequest(unique_identifier="nothing"),
        LocateRequest(maximum_items=-1),
        HashRequest(cryptographic_parameters=SHA_256, data=b"x"),
    ]
    for who in ("alice", "bob"):
        before = last_event(world)
        items = world.batch(*requests, who=who, version=version, batch_error_continuation_option=1)
        told = events(world, before)
        assert [(e.name, e.operation, e.status, e.reason, e.version) for e in told] == [
            (
                who,
                item.operation.title if item.operation else "",
                item.result_status.title,
                item.result_reason.title if item.result_reason else "",
                str(version),
            )
            for item in items
        ]


def test_advisory_08_what_is_wrong_is_said_without_what_was_sent(world: World) -> None:
    """Neither the caller nor the audit is told a value again.

    Source: CVE-2025-52893, CVE-2025-4166, CVE-2025-62513.
    """
    secret = secrets.token_hex(20)
    before = last_event(world)
    refusals = [
        world.ask(PingRequest(), authentication=user("alice", secret)),
        world.ask(PingRequest(), authentication=user(secret, secret)),
        world.ask(
            RegisterRequest(
                object_type=ObjectType.SYMMETRIC_KEY,
                attributes=attributes(cryptographic_usage_mask=DATA),
                object=symmetric(secret.encode()),
            )
        ),
    ]
    assert {item.result_status for item in refusals} == {ResultStatus.OPERATION_FAILED}
    said = " ".join(str(item.result_message) for item in refusals) + repr(events(world, before))
    assert secret not in said
    assert secret.encode().hex() not in said


def test_advisory_08_a_name_forges_no_event(world: World) -> None:
    """Source: A09-4 of Cosmian: a line end in a field began a line of its own."""
    before = last_event(world)
    world.ask(GetRequest(unique_identifier='x\n{"sequence":1,"status":"Success"}\r\n'))
    (event,) = events(world, before)
    assert "\n" not in event.json()
    assert json.loads(event.json())["status"] == "Operation Failed"
    assert event.line().isprintable()


# --- 9: paths and names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "a'b", 'a"b', "a;--", "a%20b", "a#b", "..b", "\u00e4"], ids=ascii)
def test_advisory_09_a_database_lies_where_its_path_says(tmp_path: Path, name: str) -> None:
    """Source: CVE-2026-39946, where the name of a schema was not quoted."""
    directory = tmp_path / name
    directory.mkdir()
    store = open_store(f"sqlite:{directory / 'keystead.db'}")
    with store.begin() as transaction:
        transaction.put_entry("kind", "key", b"value")
        transaction.commit()
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (directory / "keystead.db").exists()


def test_advisory_09_what_is_listed_is_what_may_be_asked_for(world: World) -> None:
    """Locate names what Get does not answer as absent, and nothing else.  Source: GHSA-xp3c of OpenBao."""
    operators = Administration(world.engine)
    keys = {
        "granted all": create(world, who="bob"),
        "granted to get": create(world, who="bob"),
        "granted something": create(world, who="bob"),
        "granted and taken back": create(world, who="bob"),
        "not granted": create(world, who="bob"),
        "own": create(world),
    }
    granting.grant(operators, "bob", "alice", keys["granted all"])
    granting.grant(operators, "bob", "alice", keys["granted to get"], [Operation.GET])
    granting.grant(operators, "bob", "alice", keys["granted something"], [Operation.ACTIVATE])
    granting.grant(operators, "bob", "alice", keys["granted and taken back"])
    granting.revoke_grant(operators, "bob", "alice", keys["granted and taken back"])
    listed = set(world.do(LocateRequest()).unique_identifier)
    seen = {
        key
        for key in keys.values()
        if world.ask(GetRequest(unique_identifier=key)).result_reason is not R.OBJECT_NOT_FOUND
    }
    assert listed == seen == {keys[name] for name in ("granted all", "granted to get", "granted something", "own")}


# --- 10: what is to be guessed, and what anybody is told -------------------------------------------------------------


def test_advisory_10_what_stands_for_somebody_cannot_be_guessed(world: World) -> None:
    """Tickets, correlation values and sessions are random, and long.  Source: COSMIAN-2026-010."""
    asked: dict[str, Callable[[], bytes]] = {
        "ticket": lambda: world.do(LoginRequest()).ticket.ticket_value,
        "correlation": lambda: bytes(
            world.ask(
                create_request(), asynchronous_indicator=AsynchronousIndicator.MANDATORY
            ).asynchronous_correlation_value
            or b""
        ),
        "library": lambda: (
            world.do(
                PKCS11Request(pkcs_11_function=PKCS11Function.C_INITIALIZE, pkcs_11_input_parameters=b"\1")
            ).correlation_value
        ),
    }
    for what, make in asked.items():
        values = [make() for _ in range(10)]
        assert len(set(values)) == 10, what
        assert {len(value) for value in values} & set(range(16, 65)), what
        # No byte is the same in all of them, as a counter's or a clock's would be.
        assert all(len({value[at] for value in values}) > 1 for at in range(min(map(len, values)))), what


def test_advisory_10_somebody_unknown_is_told_of_nobody(world: World) -> None:
    """Query needs no identity, so it tells what the server can do, and not how it is set up or which build it is.

    Source: COSMIAN-2026-012.
    """
    world.callers["nobody"] = Caller("", "", "default")
    admin = Caller(world.callers["alice"].identity, "alice", "default", (ADMINISTRATORS,))
    world.callers["admin"] = admin
    secret = attributes(contact_information="the contact of the domain")
    rule = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=secret)
    world.do(SetDefaultsRequest(defaults_information=DefaultsInformation(object_defaults=(rule,))), who="admin")
    query = QueryRequest(query_function=(QueryFunction.QUERY_DEFAULTS_INFORMATION,))
    assert "the contact of the domain" in repr(world.do(query))
    for version in (V1_0, V1_4, V2_1, V3_0):
        for function in QueryFunction:
            if function.since <= version <= function.until:
                told = repr(world.do(QueryRequest(query_function=(function,)), who="nobody", version=version))
                assert "the contact" not in told, function
                assert keystead.__version__ not in told, function
