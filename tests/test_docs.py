"""The documentation is true: pages are fresh, links lead somewhere, commands and settings exist, examples decode."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from keystead.cli.call import EXAMPLES, call
from keystead.cli.main import COMMANDS, cli
from keystead.config import SECTIONS, rows
from keystead.kmip import ttlv, ttlv_json, ttlv_xml
from keystead.kmip.attributes import ATTRIBUTES
from keystead.kmip.enums import ObjectType
from keystead.kmip.payloads import OPERATIONS
from tests.walkthrough import blocks
from tools import attributes, objects, operations
from tools.reference import stale, write

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = {page: page.read_text("utf-8") for page in PAGES}
WRITTEN = [page for page in PAGES if not page.is_relative_to(REFERENCE)]
"""Pages that people write."""

_CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    found: dict[str, int] = {}
    names = set()
    for heading in _HEADING.findall(re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = found.get(anchor, -1) + 1
        found[anchor] = number
        names.add(f"{anchor}-{number}" if number else anchor)
    return names


def links(text: str) -> list[str]:
    return _LINK.findall(_CODE.sub("", text))


def targets(page: Path) -> Iterator[tuple[Path, str]]:
    """What a page links to here: the file, and the anchor in it."""
    for link in links(TEXTS[page]):
        if not re.match(r"[a-z]+:", link):
            file, _, anchor = link.partition("#")
            yield (page.parent / file).resolve() if file else page, anchor


# --- the generated pages ----------------------------------------------------------------------------------------------


def test_generated_pages_are_fresh(tmp_path: Path) -> None:
    assert not stale(REFERENCE), "run make docs"
    write(tmp_path)
    page = tmp_path / "operations" / "get.md"
    page.write_text(page.read_text("utf-8").replace("Hand out", "Give out"), "utf-8")
    (tmp_path / "tags.md").unlink()
    (tmp_path / "left.md").touch()
    assert stale(tmp_path) == ["left.md", "operations/get.md", "tags.md"]


@pytest.mark.parametrize(
    ("name_of", "one", "sections"),
    [
        *((operations.name_of, one, ("Request Payload", "Response Payload", "Refusals")) for one in OPERATIONS),
        *((objects.name_of, one, ("Fields", "Attributes", "What comes of it")) for one in ObjectType),
        *((attributes.name_of, one, ("Rules", "What a client may do")) for one in ATTRIBUTES),
    ],
)
def test_every_operation_object_and_attribute_has_its_page(
    name_of: Callable[[Any], str], one: Any, sections: tuple[str, ...]
) -> None:
    text = TEXTS[REFERENCE / name_of(one)]
    assert f"# {one.title}\n" in text
    assert "- Versions: " in text
    for section in (*sections, "Example"):
        assert f"\n## {section}\n" in text
    example = blocks(text.partition("\n## Example\n")[2])
    assert {block.language for block in example} == {"text", "xml", "json"}


def test_every_list_of_refusals_says_that_it_is_an_upper_bound() -> None:
    pages = [text for page, text in TEXTS.items() if page.is_relative_to(REFERENCE) and "\n## Refusals" in text]
    lists = [text.partition("\n## Refusals")[2].partition("\n## ")[0] for text in pages]
    assert len(lists) == len(OPERATIONS) + 1
    for each in lists:
        assert ("| Result Reason |" in each) == ("This is an upper bound, found from the code" in each)


def test_the_reference_has_every_setting_and_command() -> None:
    whole = "".join(text for page, text in TEXTS.items() if page.is_relative_to(REFERENCE))
    for section, kind in SECTIONS.items():
        assert f"## [{section}]" in whole
        for row in rows(kind):
            assert f"| `{row.name}` |" in whole
    for command, _ in commands():
        assert f"# keystead {command}\n" in whole


def test_examples_say_the_same_in_every_encoding() -> None:
    seen = 0
    for page in PAGES:
        if not page.is_relative_to(REFERENCE):
            continue
        last: ttlv.Item | None = None
        for block in blocks(TEXTS[page]):
            where = f"{name(page)}:{block.line}"
            if block.language == "text" and re.fullmatch(r"[0-9a-f\s]+", block.text):
                data = bytes.fromhex(block.text)
                last = ttlv.decode(data)
                assert ttlv.encode(last) == data, where
                seen += 1
            elif block.language == "xml":
                assert ttlv_xml.loads(block.text.encode()) == last, where
            elif block.language == "json":
                assert ttlv_json.loads(block.text.encode()) == last, where
    assert seen >= 2 * len(OPERATIONS) + len(ObjectType) + len(ATTRIBUTES)


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for file, anchor in targets(page):
        assert file.exists(), f"{name(page)} links to {file.relative_to(ROOT)}, which is not there"
        assert file.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(TEXTS[file]), f"{name(page)} links to {name(file)}#{anchor}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page not in TEXTS:
            continue
        reached.add(page)
        ahead += [file for file, _ in targets(page)]
    assert not [name(page) for page in PAGES if page not in reached]


def test_what_the_code_points_to_is_there() -> None:
    for source in (ROOT / "src").rglob("*.py"):
        for page in re.findall(r"docs/[\w/-]+\.md", source.read_text("utf-8")):
            assert (ROOT / page).exists(), f"{source.relative_to(ROOT)} points to {page}"


# --- commands and settings --------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its words, groups too."""
    context = click.Context(cli)
    for first in COMMANDS:
        command = cli.get_command(context, first)  # type: ignore[attr-defined]
        yield first, command
        if isinstance(command, click.Group):
            for second, inner in command.commands.items():
                yield f"{first} {second}", inner


BY_NAME = dict(commands())


def lines_of_shell(text: str) -> Iterator[str]:
    """The commands in the shell blocks of a page, and those within a sentence."""
    for block in blocks(text):
        if block.language == "sh":
            yield from block.text.replace("\\\n", " ").splitlines()
    yield from (code for code in _INLINE.findall(re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.M | re.S)))


def uses(line: str) -> Iterator[list[str]]:
    """The words after each `keystead` of a line."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return
    for number, word in enumerate(words):
        if word in ("keystead", ".venv/bin/keystead") and not (number and words[number - 1].startswith("--")):
            rest = words[number + 1 :]
            stop = next((i for i, one in enumerate(rest) if one in ("|", "&", "&&", ";", ">") or one[0] in "<>"), None)
            yield rest[:stop]


def check(where: str, line: str) -> None:
    """See that the commands of a line, and their options, exist."""
    for words in uses(line):
        plain = [word for word in words if not word.startswith("-")]
        if not plain or not re.fullmatch(r"[a-z-]+", plain[0]):
            continue
        found = " ".join(plain[:2]) if " ".join(plain[:2]) in BY_NAME else plain[0]
        assert found in BY_NAME, f"{where}: there is no command in: {line}"
        command = BY_NAME[found]
        if isinstance(command, click.Group) and len(plain) > 1:
            assert "|" in plain[1], f"{where}: there is no command in: {line}"
            for choice in plain[1].split("|"):
                assert f"{found} {choice}" in BY_NAME, f"{where}: there is no command {found} {choice}"
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for word in words:
            if word.startswith("--"):
                assert word.partition("=")[0] in options | {"--help"}, f"{where}: no such option in: {line}"


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in lines_of_shell(TEXTS[page]):
        check(name(page), line)


@pytest.mark.parametrize("command", BY_NAME)
def test_help_teaches_by_examples_that_exist_and_explains_every_option(command: str) -> None:
    said = BY_NAME[command].help or ""
    if BY_NAME[command] is call:
        said += f"Examples:\n{EXAMPLES}"
    examples = said.partition("Examples:")[2]
    assert f"keystead {command}" in examples
    for line in examples.splitlines():
        check(command, line)
    for parameter in BY_NAME[command].params:
        assert not isinstance(parameter, click.Option) or parameter.help, f"{command}: what is {parameter.opts[0]}?"


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_settings_that_are_named_exist(page: Path) -> None:
    known = {section: {row.name for row in rows(kind)} for section, kind in SECTIONS.items()}
    for section, key in re.findall(r"\[(\w+)\] (\w+)", TEXTS[page]):
        assert key in known.get(section, ()), f"{name(page)}: there is no [{section}] {key}"


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    settable = set(re.findall(r"\$\((?:if )?(\w+)", makefile))
    for page in WRITTEN:
        for line in lines_of_shell(TEXTS[page]):
            if (words := line.split("#")[0].split()) and words[0] == "make":
                for word in words[1:]:
                    variable, equals, _ = word.partition("=")
                    assert variable in (settable if equals else known), f"{name(page)}: {line}"
    for target in known & {"setup", "run", "test", "check", "docs", "fuzz", "torture", "bench", "lock"}:
        assert any(f"make {target}" in text for text in TEXTS.values()), f"make {target} is described nowhere"


# --- what does not belong there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_knows_the_machine_that_it_was_written_on(page: Path) -> None:
    here = [re.escape(f"{place}/") for place in (Path(__file__).parents[1], Path.home())]
    for pattern in (*here, r"/home/\w+", r"/tmp/(?!ks\b|ready)", r"\bTODO\b", r"\bFIXME\b"):
        assert not re.search(pattern, TEXTS[page]), f"{name(page)}: {pattern}"
