"""A flow as SVG: steps from top to bottom, their outcomes to the right, no line crosses another."""

from collections.abc import Iterator
from html import escape

import msgspec

from ccctl.flow.drawing import Box, Branch

NARROW, WIDE = "fijlrt.,:;|'()[] -", "mwMW@%&"
BOLD = 1.12
SMALL = 5.9
BOX_HEIGHT = 28
NOTE_HEIGHT = 15
LONGEST = 40  # letters in a box
DOWN = 20  # between boxes below each other
BETWEEN = 10  # between branches
TRUNK = 18  # from the left edge of a box to the line that leads down
MARGIN = 24
TITLE = 44
PILLS = ("next", "again", "returns", "end")
STYLE = """\
svg { color-scheme: light dark; --ground: #ffffff; --text: #1f2328; --soft: #59636e; --line: #818b98;
  --box: #f6f8fa; --edge: #d1d9e0; --flow: #ddf4ff; --flowedge: #54aeff; --dead: #cf222e; --verb: #0550ae; }
@media (prefers-color-scheme: dark) { svg {
  --ground: #0d1117; --text: #e6edf3; --soft: #9198a1; --line: #6e7681;
  --box: #161b22; --edge: #3d444d; --flow: #0c2d4d; --flowedge: #388bfd; --dead: #ff7b72; --verb: #79c0ff; } }
text { font: 12px system-ui, sans-serif; fill: var(--text); } .small { font-size: 10.5px; fill: var(--soft); }
.title { font-size: 16px; font-weight: 600; } .verb { font-weight: 600; fill: var(--verb); }
rect { fill: var(--box); stroke: var(--edge); } .ground { fill: var(--ground); stroke: none; }
.flow { fill: var(--flow); stroke: var(--flowedge); } .pill { fill: none; stroke-dasharray: 3 3; }
.line { fill: none; stroke: var(--line); } .tip { fill: var(--line); } .dashed { stroke-dasharray: 4 3; }
.bad { fill: var(--dead); } rect.bad { fill: var(--box); stroke: var(--dead); }
"""


class Place(msgspec.Struct, frozen=True):
    """What was drawn, and how far it reaches."""

    parts: tuple[str, ...]
    right: float
    bottom: float


def svg(title: str, boxes: tuple[Box, ...]) -> str:
    place = _chain(boxes, MARGIN, MARGIN + TITLE - 10)
    heading = f'<text class="title" x="{MARGIN}" y="{MARGIN + 8}">{escape(title)}</text>'
    return page(title, place.right + MARGIN, place.bottom + MARGIN, (heading, *place.parts))


def page(title: str, width: float, height: float, parts: tuple[str, ...]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
    )
    named = f"<title>{escape(title)}</title><style>{STYLE}</style>"
    ground = f'<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>'
    return "\n".join((head, named, ground, *parts, "</svg>\n"))


# -- where things are ------------------------------------------------------------------------------


def _notes(box: Box) -> list[tuple[str, str]]:
    """The small lines below a step: text and class."""
    kinds = (("again:", box.again, "small"), ("reached:", box.reached, "small"))
    dead = ("ends the call:", box.dead, "small bad")
    return [(f"{word} {', '.join(found)}", style) for word, found, style in (*kinds, dead) if found]


def text_width(text: str) -> float:
    """Of letters of 12 px, generous: which font it will be is not known here."""
    return sum(5 if letter in NARROW else 11.5 if letter in WIDE else 7.6 for letter in text)


def box_width(box: Box) -> float:
    if box.kind in PILLS:
        return len(box.text) * SMALL + 24
    shown = cut(" ".join(filter(None, (box.verb, box.text))))
    text = text_width(box.verb) * BOLD + text_width(shown[len(box.verb) :])
    return max(text, max((len(cut(note)) * SMALL for note, _ in _notes(box)), default=0), 36) + 24


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _chain(boxes: tuple[Box, ...], x: float, y: float) -> Place:
    """Boxes below each other, each with its branches to the right."""
    column = max(box_width(box) for box in boxes)
    parts: list[str] = []
    right = bottom = x
    for at, box in enumerate(boxes):
        height = BOX_HEIGHT + NOTE_HEIGHT * len(_notes(box))
        parts += _box(box, x, y, height)
        if _beside(boxes, at):
            pill = _pill(boxes[at + 1], x + box_width(box), y)
            return Place((*parts, *pill.parts), max(right, pill.right), y + height)
        branches = _branches(box, x, x + column, y)
        parts += branches.parts
        right = max(right, x + box_width(box), branches.right)
        bottom = max(y + height, branches.bottom)
        if at + 1 < len(boxes):
            label = ", ".join(box.onward)
            parts += _down(x + TRUNK, y + height, bottom + DOWN, label)
            right = max(right, x + TRUNK + 8 + SMALL * len(label))
        y = bottom + DOWN
    return Place(tuple(parts), right, bottom)


def _beside(boxes: tuple[Box, ...], at: int) -> bool:
    """The word on how a call goes on stands beside the last step, when there is room."""
    last = len(boxes) == at + 2 and boxes[-1].kind in ("next", "again")
    return last and not boxes[at].branches and not boxes[at].onward


def _pill(box: Box, x: float, y: float) -> Place:
    middle = y + BOX_HEIGHT / 2
    line = f'<path class="line" d="M{x:.0f} {middle:.0f}h13"/>{_tip(x + 18, middle)}'
    return Place((line, *_box(box, x + 18, y, BOX_HEIGHT)), x + 18 + box_width(box), y + BOX_HEIGHT)


def _branches(box: Box, left: float, column: float, y: float) -> Place:
    """A line from the box, and from it one to each branch, with its outcomes written above."""
    if not box.branches:
        return Place((), column, y)
    bus = column + 12
    middle = y + BOX_HEIGHT / 2
    start = bus + 16 + SMALL * max(len(_outcomes(branch)) for branch in box.branches) + 14
    parts: list[str] = []
    right, at = start, middle
    for branch in box.branches:
        place = _chain(branch.boxes, start, y)
        at = y + BOX_HEIGHT / 2
        parts.append(f'<path class="line" d="M{bus:.0f} {at:.0f}H{start - 5:.0f}"/>{_tip(start, at)}')
        parts.append(
            f'<text class="small" x="{bus + 8:.0f}" y="{at - 4:.0f}">{escape(_outcomes(branch))}</text>'
        )
        parts += place.parts
        right = max(right, place.right)
        y = place.bottom + BETWEEN
    trunk = f"M{left + box_width(box):.0f} {middle:.0f}H{bus:.0f}V{at:.0f}"
    return Place((f'<path class="line" d="{trunk}"/>', *parts), right, y - BETWEEN)


def _outcomes(branch: Branch) -> str:
    return cut(", ".join(branch.outcomes))


# -- marks -----------------------------------------------------------------------------------------


def _box(box: Box, x: float, y: float, height: float) -> Iterator[str]:
    style, round_by = {"step": ("", 4), "flow": ("flow", 14)}.get(box.kind, ("pill", 14))
    full = " ".join(filter(None, (box.verb, box.text)))
    where = f"line {box.line}: " if box.line else ""
    yield f"<g><title>{escape(where + full)}</title>"
    yield rect(x, y, box_width(box), height, f"{style}{' bad' if box.dead else ''}".strip(), round_by)
    shown = cut(full)
    verb = f'<tspan class="verb">{escape(box.verb)}</tspan>' if box.verb else ""
    text = verb + escape(shown[len(box.verb) :])
    kind = ' class="small"' if style == "pill" else ""
    yield f'<text{kind} x="{x + 12:.0f}" y="{y + 18:.0f}">{text}</text>'
    for at, (note, note_style) in enumerate(_notes(box), start=1):
        low = y + 17 + NOTE_HEIGHT * at
        yield f'<text class="{note_style}" x="{x + 12:.0f}" y="{low:.0f}">{escape(cut(note))}</text>'
    yield "</g>"


def rect(x: float, y: float, width: float, height: float, style: str, round_by: float) -> str:
    named = f' class="{style}"' if style else ""
    return f'<rect{named} x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="{round_by}"/>'


def _down(x: float, top: float, bottom: float, label: str) -> Iterator[str]:
    yield f'<path class="line" d="M{x:.0f} {top:.0f}V{bottom - 5:.0f}"/>'
    yield f'<path class="tip" d="M{x - 4:.0f} {bottom - 6:.0f}h8l-4 6z"/>'
    if label:
        yield f'<text class="small" x="{x + 8:.0f}" y="{top + 13:.0f}">{escape(label)}</text>'


def _tip(x: float, y: float) -> str:
    return f'<path class="tip" d="M{x - 6:.0f} {y - 4:.0f}v8l6 -4z"/>'
