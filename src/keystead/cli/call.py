"""keystead call: any operation of any KMIP server, from the command line.

The fields that an operation takes, and its help, are read off the payload's field table.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from keystead.cli import tree
from keystead.cli.decode import translate
from keystead.cli.exits import EXIT_STATUSES
from keystead.client import Client, FieldError, Settings
from keystead.client.settings import LONGEST_TIMEOUT_SECONDS
from keystead.client.shorthand import DEFAULTS, MATERIAL, operation_of, request_of
from keystead.client.values import SHORT_NAMES, type_name
from keystead.errors import OperationFailed, Pending
from keystead.kmip.attributes import ATTRIBUTES, AttributeKind, AttributesKind
from keystead.kmip.enums import Enumeration, Mask, Operation, ResultReason
from keystead.kmip.messages import dump_message
from keystead.kmip.payloads import OPERATIONS
from keystead.kmip.schema import Enumerated, Field, Masked, Structure, dump, fields_of
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST, OLDEST, V2_1

REFUSALS: Final[Mapping[ResultReason, int]] = {
    ResultReason.ITEM_NOT_FOUND: 4,
    ResultReason.OBJECT_NOT_FOUND: 4,
    ResultReason.OBJECT_DESTROYED: 4,
    ResultReason.ATTRIBUTE_NOT_FOUND: 4,
    ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND: 4,
    ResultReason.WRAPPING_OBJECT_NOT_FOUND: 4,
    ResultReason.OBJECT_ALREADY_EXISTS: 5,
    ResultReason.NON_UNIQUE_NAME_ATTRIBUTE: 5,
    ResultReason.WRONG_KEY_LIFECYCLE_STATE: 6,
    ResultReason.OBJECT_ARCHIVED: 6,
    ResultReason.USAGE_LIMIT_EXCEEDED: 6,
    ResultReason.OPERATION_NOT_SUPPORTED: 7,
    ResultReason.FEATURE_NOT_SUPPORTED: 7,
    ResultReason.UNSUPPORTED_PROTOCOL_VERSION: 7,
    ResultReason.GENERAL_FAILURE: 70,
    ResultReason.INTERNAL_SERVER_ERROR: 70,
    ResultReason.AUTHENTICATION_NOT_SUCCESSFUL: 77,
    ResultReason.PERMISSION_DENIED: 77,
    ResultReason.NOT_AUTHORISED: 77,
    ResultReason.SENSITIVE: 77,
    ResultReason.NOT_EXTRACTABLE: 77,
}
"""Result Reason → exit status; any other refusal is 1."""
OUT_OF_REACH: Final = 69

EXAMPLES: Final = """\
  keystead call Create algorithm=AES length=256 name=demo usage=Encrypt,Decrypt
  keystead call Locate name=demo
  keystead call Get uid=0197... --show-secrets
  keystead call Activate uid=0197...
  keystead call Encrypt uid=0197... data=text:hello mode=GCM random_iv=true
  keystead call Register object_type=SecretData material=@password.txt name=db
  keystead call CreateKeyPair algorithm=RSA length=3072 private.usage=Sign public.usage=Verify
  keystead call ModifyAttribute uid=0197... contact_information=ops@example.org
  keystead call Revoke uid=0197... reason=KeyCompromise
  keystead call Query query_function=QueryOperations --json
"""
VALUES: Final = """\
Values: enumerations by name; masks as Encrypt|Decrypt or Encrypt,Decrypt; bytes as hex:00ff, base64:AP8=, text:hello
or @FILE (@- is the standard input, @@ a plain @); dates in ISO 8601, seconds or now; intervals in seconds or as 90d.
Fields within fields with dots: attributes.name=demo.  Vendor attributes: x-note=hello, acme:note=hello.
"""


@click.command(add_help_option=False, context_settings={"max_content_width": 110})
@click.argument("operation", required=False)
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE ...]")
@click.option("--server", metavar="HOST:PORT", help="$KEYSTEAD_SERVER; several with commas are tried in order.")
@click.option("--ca", metavar="FILE", help="$KEYSTEAD_CA: who vouches for the server, PEM.")
@click.option("--cert", "certificate", metavar="FILE", help="$KEYSTEAD_CERT: the client's certificate, PEM.")
@click.option("--key", "private_key", metavar="FILE", help="$KEYSTEAD_KEY: the client's private key, PEM.")
@click.option("--profile", metavar="FILE", help="$KEYSTEAD_PROFILE: all of these in JSON.")
@click.option("--username", help="$KEYSTEAD_USERNAME; the password is taken from $KEYSTEAD_PASSWORD.")
@click.option("--kmip-version", "version", metavar="1.0-3.0", help="Unless given, the newest that both sides speak.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, LONGEST_TIMEOUT_SECONDS, min_open=True),
    metavar="SECONDS",
    help="30 unless given.",
)
@click.option("--asynchronous", is_flag=True, help="The server may answer later; then Poll.")
@click.option("--json", "form", flag_value="json", help="Print the answer in the JSON encoding of KMIP.")
@click.option("--xml", "form", flag_value="xml", help="Print the answer in the XML encoding of KMIP.")
@click.option("--ttlv", "form", flag_value="hex", help="Print the answer as TTLV in hexadecimal.")
@click.option("--dry-run", is_flag=True, help="Print the request instead of sending it.")
@click.option("--show-secrets", is_flag=True, help="Print key material and passwords too.")
@click.option("-h", "--help", "wants_help", is_flag=True, help="This; after an operation, its fields.")
@click.pass_context
def call(
    context: click.Context,
    /,
    operation: str | None,
    fields: tuple[str, ...],
    profile: str | None,
    timeout: float | None,
    asynchronous: bool,
    form: str | None,
    dry_run: bool,
    show_secrets: bool,
    wants_help: bool,
    **said: str | None,
) -> int:
    """Call an operation of a KMIP server and print its answer."""
    found = None
    try:
        found = operation_of(operation) if operation else None
        if found is None or wants_help:
            click.echo(describe(found) if found else _help(context))
            return 0 if wants_help else 2
        request = request_of(found, assignments(fields))
    except FieldError as error:
        raise click.UsageError(
            f"{error}\nTry 'keystead call {f'{found.camel_case} ' if found else ''}--help'."
        ) from None
    settings = Settings.load(profile, None, timeout_seconds=timeout, **said)
    with Client(settings=settings) as client:
        if dry_run:
            message = client.session.message([request], settings.version or V2_1)
            data = dump_message(message, settings.version or V2_1)
            _print(tree.read(data), Tag.REQUEST_PAYLOAD, form, show_secrets, data)
            return 0
        try:
            answer = client.call(request, asynchronous=asynchronous)
        except OperationFailed as error:
            click.echo(f"refused: {error}", err=True)
            return REFUSALS.get(ResultReason(error.reason), 1)
        except Pending as error:
            click.echo(f"pending: {error}\n  keystead call Poll asynchronous_correlation_value="
                       f"hex:{error.correlation_value.hex()}", err=True)  # fmt: skip
            return 75
        except OSError as error:
            reason, advice = _why(error, settings)
            click.echo(f"out of reach: {', '.join(map(str, settings.servers))}: {reason}\n{advice}", err=True)
            return OUT_OF_REACH
        data = dump(answer, client.session.version or V2_1)
    _print(tree.read(data, answer.OPERATION), Tag.RESPONSE_PAYLOAD, form, show_secrets, data)
    return 0


def _why(error: OSError, settings: Settings) -> tuple[str, str]:
    """Why there was no answer, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if "name" in error.verify_message.lower() or "IP address" in error.verify_message:
            return error.verify_message, "Reach it by a name that its certificate has."
        if settings.ca is None:
            return error.verify_message, "Say who vouches for it with --ca, or give a --profile that does."
        return error.verify_message, f"Its certificate does not come from an authority in {settings.ca}."
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there", "Is the server running, and at this port?  keystead dev starts one to try."
    if isinstance(error, (ssl.SSLError, ConnectionError)):
        said = (
            error.reason.replace("_", " ").lower() if isinstance(error, ssl.SSLError) and error.reason else str(error)
        )
        if settings.certificate is None:
            return said, "No certificate was shown: give --cert and --key, or a --profile."
        return said, f"Is this the port of KMIP, and is the client of {settings.certificate} enrolled there?"
    return str(error.strerror or error), "Is the address right?  Give more time with --timeout."


def _print(nodes: Sequence[tree.Node], payload: Tag, form: str | None, show_secrets: bool, data: bytes) -> None:
    """Print a payload as a tree for people, or data in an encoding for programs."""
    if form is None:
        for line in tree.lines(tree.subtree(nodes, payload), show_secrets=show_secrets, types=False):
            click.echo(line)
        return
    if tree.has_secret(nodes) and not show_secrets:
        raise click.UsageError("this holds secret material, which only --show-secrets prints in this form")
    click.echo(translate(data, form))


def assignments(fields: Sequence[str]) -> list[tuple[str, Any]]:
    """Read FIELD=VALUE; of @FILE, the bytes of the file.

    Raises:
        FieldError: there is no = in it.
    """
    made: list[tuple[str, Any]] = []
    for each in fields:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise FieldError("write FIELD=VALUE", (each.partition(":")[0],))
        if value.startswith("@@"):
            made.append((name, value[1:]))
        elif value.startswith("@"):
            made.append((name, _contents(value[1:], name)))
        else:
            made.append((name, value))
    return made


def _contents(file: str, name: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise FieldError(f"{file} cannot be read: {error.strerror}", (name,)) from None


# --- help -----------------------------------------------------------------------------------------------------------


def _help(context: click.Context) -> str:
    operations = ", ".join(operation.camel_case for operation in OPERATIONS)
    wrapped = click.wrap_text(operations, 104, initial_indent="  ", subsequent_indent="  ")
    statuses = click.wrap_text(EXIT_STATUSES, 110)
    return f"{context.get_help()}\n\nExamples:\n{EXAMPLES}\nOperations:\n{wrapped}\n\n{VALUES}\n{statuses}"


def describe(operation: Operation) -> str:
    """The help of an operation: its fields with their types, versions and short names."""
    cls = OPERATIONS[operation][0]
    doc = " ".join((cls.__doc__ or "").split())
    rows = [row for field in fields_of(cls) for row in _rows(field, operation)]
    if any(field.name == "object" for field in fields_of(cls)):
        rows.append((MATERIAL, "Byte String", "in place of object: hex:..., base64:..., text:... or @FILE"))
    left = max((len(name) for name, _, _ in rows), default=0)
    middle = max((len(kind) for _, kind, _ in rows), default=0)
    lines = [f"keystead call {operation.camel_case} [FIELD=VALUE ...]", "", doc, ""]
    if rows:
        lines += ["Fields:", *(f"  {name:{left}}  {kind:{middle}}  {note}".rstrip() for name, kind, note in rows)]
    else:
        lines += ["It has no fields."]
    if any(isinstance(field.kind, (AttributesKind, AttributeKind)) for field in fields_of(cls)):
        names = ", ".join(_short(tag.name.lower()) for tag in ATTRIBUTES)
        lines += ["", "Attributes, each by its name alone:", click.wrap_text(names, 104, "  ", "  ")]
    return "\n".join(lines)


def _rows(field: Field, operation: Operation, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """The table rows of a field, and of the fields of its structure."""
    notes = []
    if field.required and field.default is None:
        notes.append("required")
    if field.repeated:
        notes.append("repeatable")
    default = DEFAULTS.get(operation, {}).get(field.name)
    if default and not prefix:
        notes = [f"{default} unless given"]
    if field.since > OLDEST:
        notes.append(f"since KMIP {field.since}")
    if field.until < NEWEST:
        notes.append(f"until KMIP {field.until}")
    if isinstance(field.kind, (Enumerated, Masked)):
        values: list[Enumeration | Mask] = list(
            field.kind.enumeration if isinstance(field.kind, Enumerated) else field.kind.mask
        )
        if len(values) <= 8:
            notes.append(", ".join(value.camel_case for value in values))
    name = prefix + field.name
    structures = [cls for cls in field.kind.python_types() if issubclass(cls, Structure)]
    yield (name if prefix else _short(name)), type_name(field.kind), "; ".join(notes)
    if len(structures) == 1 and depth < 2:
        for inner in fields_of(structures[0]):
            yield from _rows(inner, operation, f"{name}.", depth + 1)


def _short(name: str) -> str:
    short = next((short for short, full in SHORT_NAMES.items() if full == name), None)
    return f"{name} ({short})" if short else name
