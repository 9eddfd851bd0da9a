"""Diagrams as SVG, drawn from the code's tables: where a box stands is said here, what leads where is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

from keystead.custody.flow import FLOW, OUTSIDE, UNSEALED
from keystead.kmip.enums import State
from keystead.policy.lifecycle import PERMITS, TRANSITIONS, Use

WIDTH, HEIGHT = 176, 44
_STYLE: Final = """\
<style>
  text { font: 13px sans-serif; text-anchor: middle; fill: #1a1a1a }
  .box { fill: #f4f6fa; stroke: #3a4a6b; stroke-width: 1.5 }
  .small { font-size: 11px; fill: #44506a }
  .arrow { fill: none; stroke: #3a4a6b; stroke-width: 1.5; marker-end: url(#end) }
</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
  <path d="M0 0 L8 4 L0 8 z" fill="#3a4a6b"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>
"""


class Box(NamedTuple):
    """A box: its centre, and what is written in it."""

    x: int
    y: int
    title: str
    below: str = ""

    def draw(self) -> str:
        """The box as SVG."""
        left, top = self.x - WIDTH // 2, self.y - HEIGHT // 2
        lift = 4 if not self.below else -3
        drawn = f'<rect class="box" x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>\n'
        drawn += f'<text x="{self.x}" y="{self.y + lift}">{escape(self.title)}</text>\n'
        if self.below:
            drawn += f'<text class="small" x="{self.x}" y="{self.y + 14}">{escape(self.below)}</text>\n'
        return drawn


def arrow(start: Box, end: Box, label: str = "") -> str:
    """An arrow from the edge of a box to the edge of another."""
    x1, y1 = _edge(start, end)
    x2, y2 = _edge(end, start)
    drawn = f'<path class="arrow" d="M{x1} {y1} L{x2} {y2}"/>\n'
    if label:
        # Near the start, where arrows that end together are still apart.
        x, y = round(x1 + (x2 - x1) * 0.42), round(y1 + (y2 - y1) * 0.42)
        half = 4 * len(label)
        drawn += f'<rect x="{x - half}" y="{y - 9}" width="{2 * half}" height="17" fill="#ffffff"/>\n'
        drawn += f'<text class="small" x="{x}" y="{y + 4}">{escape(label)}</text>\n'
    return drawn


def _edge(box: Box, towards: Box) -> tuple[int, int]:
    """Where the line between the centres of two boxes leaves the first."""
    dx, dy = towards.x - box.x, towards.y - box.y
    scale = min((WIDTH / 2) / abs(dx) if dx else 9e9, (HEIGHT / 2) / abs(dy) if dy else 9e9)
    return round(box.x + dx * scale), round(box.y + dy * scale)


def svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """A whole picture."""
    size = f'width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size}>\n'
    return f"{head}<title>{escape(title)}</title>\n{_STYLE}{''.join(parts)}</svg>\n"


_PLACES: Final[Mapping[State, tuple[int, int]]] = {
    State.PRE_ACTIVE: (110, 50),
    State.ACTIVE: (400, 50),
    State.DEACTIVATED: (690, 50),
    State.DESTROYED: (400, 350),
    State.COMPROMISED: (400, 200),
    State.DESTROYED_COMPROMISED: (690, 350),
}
_MEANS: Final[Mapping[frozenset[Use], str]] = {
    frozenset(): "",
    frozenset(Use): "protects and processes",
    frozenset({Use.PROCESS}): "processes only",
}


def states() -> str:
    """The states of an object, from TRANSITIONS and PERMITS."""
    boxes = {state: Box(*_PLACES[state], state.title, _MEANS[uses]) for state, uses in PERMITS.items()}
    arrows = [arrow(boxes[before], boxes[after], event.name.lower()) for (before, event), after in TRANSITIONS.items()]
    return svg(800, 400, "The states of a managed object", [*arrows, *(box.draw() for box in boxes.values())])


def sealing() -> str:
    """What is sealed under what: a row of boxes for each level of the flow, each above what is under it.

    What lies open and opens nothing is left out.
    """
    opens = {step.under for step in FLOW}
    flow = [step for step in FLOW if step.under != UNSEALED or step.what in opens]
    levels: dict[str, int] = dict.fromkeys(_TOP, -1)
    for step in flow:  # what a step is under comes before it
        levels[step.what] = max(levels.get(step.what, 0), levels[step.under] + 1)
    rows = [[what for what, level in levels.items() if level == number] for number in range(max(levels.values()) + 1)]
    width = max(map(len, rows)) * (WIDTH + _GAP) + _GAP
    places: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        parents = {w: [places[s.under][0] for s in flow if s.what == w and s.under in places] for w in row}
        above = {what: sum(found) / len(found) if found else 0 for what, found in parents.items()}
        row.sort(key=above.__getitem__)
        between = [above[right] - above[left] for left, right in pairwise(row)]
        apart = number > 0 and between and min(between) >= WIDTH + _GAP  # each has its own above it
        for position, what in enumerate(row):
            places[what] = (round(above[what] if apart else width / len(row) * (position + 0.5)), 40 + 100 * number)
    how: dict[str, list[str]] = {}
    for step in flow:
        how.setdefault(step.what, []).append(step.how.partition(",")[0] if step.under not in _TOP else "")
    boxes = {
        what: Box(x, y, what.removeprefix("KEK of the zone: ").partition(":")[0], _under(what, how[what]))
        for what, (x, y) in places.items()
    }
    arrows = [arrow(boxes[step.under], boxes[step.what]) for step in flow if step.under not in _TOP]
    height = 40 + 100 * len(rows) - 30
    return svg(width, height, "What is sealed under what", [*arrows, *(box.draw() for box in boxes.values())])


_GAP: Final = 16
_TOP: Final = (OUTSIDE, UNSEALED)


def _under(what: str, how: list[str]) -> str:
    """What is written under the name of a box: the algorithm, if there is one only."""
    said = [one for one in dict.fromkeys(how) if one]
    if what.startswith("KEK of the zone"):
        return f"KEK, {said[0]}"
    return said[0] if len(said) == 1 else ""
