"""Pages that tell what to type are typed, and what they say is printed is printed."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keystead.engine.administration import operator_of
from tests.walkthrough import Walk, blocks, pattern_of, steps

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """A shell in an empty directory."""
    walking = Walk(tmp_path)
    yield walking
    walking.close()


def free_ports(number: int) -> list[str]:
    """Ports that nobody listens at now, and that the system gives to nobody by itself while a server begins anew."""
    found: list[str] = []
    while len(found) < number:
        port = secrets.choice(range(10_000, 32_000))
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(str(port))
    return found


@pytest.fixture
def dev(walk: Walk) -> Iterator[Walk]:
    """A shell beside a server as `make run` starts it, but at any free port."""
    ready = walk.directory / "ready.json"
    command = "keystead dev --dir keystead-data --kmip-port 0 --https-port 0 --ready-file ready.json"
    server = subprocess.Popen(
        [sys.executable, "-m", *command.split()], cwd=walk.directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        while not ready.exists():
            assert server.poll() is None, server.communicate()
            time.sleep(0.02)
        facts = json.loads(ready.read_text())
        assert facts["clients"].keys() == {"alice", "bob"}
        walk.replaced = {"5696": str(facts["ports"]["kmip"]), "5697": str(facts["ports"]["https"])}
        yield walk
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_the_tutorial(dev: Walk) -> None:
    assert dev.page(DOCS / "tutorial.md") == 12


def test_the_readme(dev: Walk) -> None:
    dev.do("export KEYSTEAD_PROFILE=keystead-data/alice.json")
    assert dev.page(ROOT / "README.md") == 2


def here(directory: Path) -> dict[str, str]:
    """What the pages' place, name and ports of a server are in a directory."""
    kmip, https = free_ports(2)
    return {
        "/var/lib/keystead": str(directory / "kms"),
        "kms.example.org": "localhost",
        "5696": kmip,
        "5697": https,
        "keystead init ": f"keystead init --kmip-port {kmip} --https-port {https} ",
        "operator root": operator_of(os.geteuid()),
    }


@pytest.mark.slow
def test_how_to_share_the_root(walk: Walk) -> None:
    walk.replaced = here(walk.directory)
    assert walk.page(DOCS / "how-to" / "share-the-root.md") == 14


SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.mark.skipif(not SOFTHSM.exists(), reason="SoftHSM is not installed")
@pytest.mark.slow
def test_how_to_use_an_hsm(walk: Walk) -> None:
    walk.replaced = here(walk.directory)
    assert walk.page(DOCS / "how-to" / "use-an-hsm.md") == 7


@pytest.mark.slow
def test_how_to_set_up_a_server_and_look_after_it(walk: Walk) -> None:
    """The pages in the order in which an operator comes to need them, on one server."""
    walk.replaced = here(walk.directory)
    for name, number in (("set-up-a-server", 3), ("enrol-a-client", 3), ("read-the-audit", 1)):
        assert walk.page(DOCS / "how-to" / f"{name}.md") == number
    walk.do("export KEYSTEAD_CONFIG=" + walk.here("/var/lib/keystead/keystead.toml"))
    assert walk.page(DOCS / "how-to" / "check-integrity.md") == 1


def test_how_to_share_objects(dev: Walk) -> None:
    assert dev.page(DOCS / "how-to" / "share-objects.md") == 7


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_how_to_use_xml_and_json(dev: Walk) -> None:
    assert dev.page(DOCS / "how-to" / "use-xml-and-json.md") == 1


def test_how_to_decode_messages(walk: Walk) -> None:
    assert walk.page(DOCS / "how-to" / "decode-messages.md") == 6


# --- the walk itself --------------------------------------------------------------------------------------------------


def test_a_page_that_is_wrong_is_found(walk: Walk, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text, right in (
        ("```sh run\necho one\n```\n\n```text\none\n```\n", True),
        ("```sh run\necho one\n```\n\n```text\ntwo\n```\n", False),
        ("```sh run\necho one; echo two\n```\n\n```text\none\n```\n", False),
        ("```sh run\necho one; echo two\n```\n\n```text\n...\ntwo\n```\n", True),
        ("```sh run\nnowhere\n```\n\n```text\none\n```\n", False),
        ("```sh run\necho 2026-01-02T03:04:05Z\n```\n\n```text\n1999-09-09T09:09:09Z\n```\n", True),
    ):
        page.write_text(text, "utf-8")
        if right:
            assert walk.page(page) == 1
        else:
            with pytest.raises(AssertionError, match="the page says"):
                walk.page(page)


def test_an_identifier_of_a_page_is_the_same_one_throughout() -> None:
    one, other = "01a20bf2-91df-7000-89a8-462eb3ab3d11", "01a20bf2-91df-7000-89a8-000000000000"
    pattern, new = pattern_of(f"{one} and {one}\n", {})
    assert new == [one]
    assert pattern.fullmatch(f"{other} and {other}\n")
    assert not pattern.fullmatch(f"{other} and {one}\n")
    pattern, new = pattern_of(f"{one}\n", {one: other})
    assert not new
    assert pattern.fullmatch(f"{other}\n")
    assert not pattern.fullmatch(f"{one}\n")


def test_blocks_that_are_not_marked_are_left_alone() -> None:
    page = "```sh\nmake run\n```\n\n```text\nready\n```\n\n```sh run\ntrue\n```\n"
    assert [block.words for block in blocks(page)] == ["", "", "run"]
    assert [(block.text, said) for block, said in steps(page)] == [("true\n", None)]
