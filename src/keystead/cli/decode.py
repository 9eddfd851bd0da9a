"""keystead decode: a KMIP message as a tree, and what is wrong with it."""

from __future__ import annotations

import base64
import binascii
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from keystead.cli import tree
from keystead.errors import CodecError
from keystead.kmip import ttlv, ttlv_json, ttlv_xml
from keystead.kmip.messages import Unreadable, load_request, load_response
from keystead.kmip.ttlv import Item

FORMS = ("auto", "binary", "hex", "base64", "xml", "json")


@click.command()
@click.argument("file", required=False, metavar="[FILE | -]")
@click.option(
    "--hex", "text", metavar="TEXT", help="The message itself, in hexadecimal; blanks and colons are skipped."
)
@click.option("--xml", "form", flag_value="xml", help="It is in the XML encoding.")
@click.option("--json", "form", flag_value="json", help="It is in the JSON encoding.")
@click.option("--form", "form", type=click.Choice(FORMS), default="auto", help="How it is written; seen by itself.")
@click.option("--to", type=click.Choice(("tree", "xml", "json", "hex")), default="tree", help="Translate it instead.")
@click.option("--show-secrets", is_flag=True, help="Print key material and passwords too.")
def decode(file: str | None, text: str | None, form: str | None, to: str, show_secrets: bool) -> int:
    """Print a KMIP message as a tree, and say what is wrong with it.

    The message comes from FILE, from the standard input, or from --hex: TTLV as bytes, in hexadecimal or base64, or
    the XML or JSON encoding.  What can be read is printed up to where it breaks, with the byte; then what the
    specification of its version has against it.  Exit status 65: something is wrong.

    \b
    Examples:
      keystead decode message.bin
      keystead decode --hex "42007801000000080000000000000000"
      xxd -p message.bin | keystead decode
      keystead decode --xml request.xml --to hex
    """
    if text is not None and file is not None:
        raise click.UsageError("give a FILE or --hex, not both")
    data = text.encode() if text is not None else _input(file)
    form = "hex" if text is not None else form or "auto"
    try:
        message = to_ttlv(data, form)
    except CodecError as error:
        click.echo(f"!! {error}")
        return 65
    nodes = tree.read(message)
    problems = [*(node.problem for node in nodes if node.problem)]
    if to == "tree":
        for line in tree.lines(nodes, show_secrets=show_secrets):
            click.secho(line, fg="red" if line.lstrip().startswith("!!") else None)
        problems += _complain(message, broken=bool(problems))
        return 65 if problems else 0
    if tree.has_secret(nodes) and not show_secrets:
        raise click.UsageError("the message holds secret material; add --show-secrets to translate it")
    if to != "hex" and problems:
        raise click.UsageError(f"the message is broken ({problems[0]}); print it as a tree")
    click.echo(translate(message, to))
    return 0


def _input(file: str | None) -> bytes:
    if file is None or file == "-":
        stream = sys.stdin.buffer
        if file is None and stream.isatty():
            raise click.UsageError("say what to decode: a FILE, - for the standard input, or --hex TEXT")
        return stream.read()
    return Path(file).read_bytes()


def _complain(message: bytes, broken: bool) -> Iterator[str]:
    for problem in complaints(message):
        if broken and problem.startswith("it cannot be read"):
            continue  # said already, in its place
        click.secho(f"!! {problem}", fg="red")
        yield problem


def form_of(data: bytes) -> str:
    """Guess how a message is written."""
    start = data.lstrip()[:1]
    if data[:2] in (b"\x42\x00", b"\x42\x01"):
        return "binary"
    if start == b"<" or data[:5] == b"\xef\xbb\xbf<":
        return "xml"
    if start in (b"{", b"["):
        return "json"
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return "binary"
    if all(character in string.hexdigits or character in ": \t\r\n" for character in text.replace("0x", "")):
        return "hex"
    return "base64" if re.fullmatch(r"[A-Za-z0-9+/=\s]+", text) else "binary"


def to_ttlv(data: bytes, form: str = "auto") -> bytes:
    """The bytes of a message, whatever it is written in.

    Raises:
        CodecError: it is not what its form says; where, if that can be said.
    """
    if not data:
        raise CodecError("there is nothing to decode")
    form = form_of(data) if form == "auto" else form
    if form == "xml":
        return ttlv.encode(ttlv_xml.loads(data))
    if form == "json":
        return ttlv.encode(ttlv_json.loads(data))
    if form == "binary":
        return data
    text = re.sub(r"0x|[\s:]", "", data.decode("ascii", "replace"))
    try:
        return bytes.fromhex(text) if form == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        wrong = re.search(r"[^0-9A-Fa-f]", text)
        if form == "hex":
            where = f"character {wrong.start() + 1} is no digit" if wrong else "the number of digits is odd"
            raise CodecError(f"this is not hexadecimal: {where}") from None
        raise CodecError("this is not base64") from None


def translate(message: bytes, to: str) -> str:
    """A message in another encoding.  Raises: CodecError."""
    if to == "hex":
        return message.hex()
    item: Item = ttlv.decode(message)
    return ttlv_xml.dumps(item) if to == "xml" else ttlv_json.dumps(item)


def complaints(message: bytes) -> Iterator[str]:
    """What the specification of its version has against a Request or Response Message."""
    head = message[:3]
    if head not in (b"\x42\x00\x78", b"\x42\x00\x7b"):
        return
    try:
        if head == b"\x42\x00\x78":
            request, _ = load_request(message)
            for number, batch_item in enumerate(request.batch_item, 1):
                if isinstance(batch_item.request_payload, Unreadable):
                    yield f"batch item {number}, {batch_item.operation}: {batch_item.request_payload.error}"
            items, said = len(request.batch_item), request.request_header.batch_count
        else:
            response, _ = load_response(message)
            items, said = len(response.batch_item), response.response_header.batch_count
    except CodecError as error:
        yield f"it cannot be read as a message: {error}"
        return
    if said is not None and said != items:
        yield f"Batch Count says {said}, but there are {items} batch items"
