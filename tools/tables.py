"""Pages that are one table: enumerations, tags, Result Reasons, states."""

from __future__ import annotations

from keystead.cli.call import REFUSALS
from keystead.custody.flow import FLOW
from keystead.kmip import enums
from keystead.kmip.enums import Enumeration, Mask, Operation, ResultReason
from keystead.kmip.reasons import OF_OPERATION, for_version
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version
from keystead.policy.lifecycle import PERMITS, TRANSITIONS, USES, Use
from tools.markdown import VERSIONS, span, table, window, words


def enumerations() -> str:
    """All enumerations and masks."""
    classes = [
        cls
        for cls in vars(enums).values()
        if isinstance(cls, type)
        and issubclass(cls, (Enumeration, Mask))
        and cls.__module__ == enums.__name__
        and len(list(cls))
    ]
    parts = [f"# Enumerations and masks\n\nThere are {len(classes)}.  Values of the extension range are left out.\n"]
    for cls in sorted(classes, key=lambda cls: cls.__name__):
        parts.append(f"\n## {words(cls.__name__)}\n")
        parts.append(
            table(
                ("value", "name", "in XML and JSON", "versions"),
                [
                    (f"0x{value:08X}", value.title, f"`{value.camel_case}`", span(window(value.since, value.until)))
                    for value in cls
                ],
            )
        )
    return "\n".join(parts)


def tags() -> str:
    """All tags."""
    rows = [(f"0x{tag:06X}", tag.title, f"`{tag.camel_case}`", span(window(tag.since, tag.until))) for tag in Tag]
    return f"# Tags\n\nThere are {len(rows)}.\n\n" + table(("tag", "name", "in XML and JSON", "versions"), rows)


def result_reasons() -> str:
    """All Result Reasons, what an older client is sent, and the exit status."""
    rows = []
    for reason in ResultReason:
        sent: dict[str, list[Version]] = {}
        for version in VERSIONS:
            given = for_version(reason, version)
            if given is not reason:
                sent.setdefault(given.title, []).append(version)
        stands = "; ".join(f"{span(at)}: {title}" for title, at in sent.items())
        versions = span(window(reason.since, reason.until))
        rows.append((f"0x{reason:02X}", reason.title, versions, stands, str(REFUSALS.get(reason, 1))))
    told: dict[tuple[str, str, str], list[Operation]] = {}
    for (since, until), operations in OF_OPERATION.items():
        for operation, reasons in sorted(operations.items()):
            for reason, instead in reasons.items():
                told.setdefault((reason.title, span(window(since, until)), instead.title), []).append(operation)
    by_operation = [(_named(operations), *row) for row, operations in told.items()]
    return (
        "# Result Reasons\n\n"
        "A client is never sent a reason that its version lacks: it gets the stand-in.\n"
        "The last column is the exit status of `keystead call`.\n\n"
        + table(("value", "reason", "versions", "stand-in", "exit"), rows)
        + "\n## Of an operation\n\nWhere an operation has a reason of its own, it comes first.\n\n"
        + table(("operations", "reason", "versions", "is sent as"), by_operation)
    )


def _named(operations: list[Operation]) -> str:
    """Operations by name; most of them by those that are not among them."""
    rest = [operation for operation in Operation if operation not in operations]
    if len(rest) < len(operations):
        return "all but " + ", ".join(operation.title for operation in rest)
    return ", ".join(operation.title for operation in operations)


def sealing() -> str:
    """What is sealed under what."""
    rows = [
        (s.what, s.under, s.how, s.bound, s.lies, ", ".join(s.roots) or "all", ", ".join(f"`{m}`" for m in s.modules))
        for s in FLOW
    ]
    return (
        "# What is sealed under what\n\n"
        "[Explained](../explanation/custody.md).\n\n![What is sealed under what](sealing.svg)\n\n"
        + table(("what", "under", "how", "bound to", "where it lies", "root", "in"), rows)
    )


def states() -> str:
    """What moves an object between states, and what a state permits."""
    moves = [(before.title, event.name.lower(), after.title) for (before, event), after in TRANSITIONS.items()]
    permits = [
        (state.title, *("yes" if use in PERMITS[state] else "no" for use in (Use.PROTECT, Use.PROCESS)))
        for state in PERMITS
    ]
    uses = [
        (use.name.lower(), ", ".join(mask.title for mask, direction in USES.items() if direction is use)) for use in Use
    ]
    return (
        "# States\n\n![The states and what moves an object between them](states.svg)\n\n"
        + table(("from", "by", "to"), moves)
        + "\nA state permits:\n\n"
        + table(("state", "protect", "process"), permits)
        + "\nBits of the Cryptographic Usage Mask:\n\n"
        + table(("use", "bits"), uses)
    )
