"""Results as SVG: by queue and half hour, calls as bars, the service level with its interval as a line."""

from collections.abc import Iterator, Sequence
from html import escape
from zoneinfo import ZoneInfo

import msgspec

from ccctl.flow.drawing_svg import MARGIN, page
from ccctl.report.intervals import local
from ccctl.whatif.demand import HALF_HOUR_MS
from ccctl.whatif.statistics import Estimate
from ccctl.whatif.study import Outcome

WIDTH, HEIGHT = 760, 190  # of one panel, without its labels
LEFT, ABOVE, BELOW = 44, 34, 30
STYLE = """<style>
.bar { fill: var(--edge); stroke: none; } .grid { fill: none; stroke: var(--edge); }
.goal { fill: none; stroke: var(--soft); stroke-dasharray: 5 4; }
.plan0 { --plan: #bf6a02; } .plan1 { --plan: #0969da; }
.course { fill: none; stroke: var(--plan); stroke-width: 2; }
.band { fill: var(--plan); opacity: 0.15; stroke: none; } .dot { fill: var(--plan); stroke: none; }
.right { text-anchor: end; } .middle { text-anchor: middle; }
</style>"""


class Panel(msgspec.Struct, frozen=True):
    """One queue; `goal` is the service level that the site wants, per cent."""

    title: str
    outcome: Outcome
    goal: int


def chart(title: str, panels: Sequence[Panel], names: Sequence[str], start: int, zone: ZoneInfo) -> str:
    """`names` are those of the plans, for the legend; `start` is that of the first half hour."""
    parts = [STYLE, f'<text class="title" x="{MARGIN}" y="{MARGIN + 8}">{escape(title)}</text>']
    parts += _legend(names)
    top = MARGIN + 46
    for panel in panels:
        parts += _panel(panel, top, start, zone)
        top += ABOVE + HEIGHT + BELOW
    return page(title, MARGIN + LEFT + WIDTH + MARGIN, top + MARGIN, tuple(parts))


def _legend(names: Sequence[str]) -> Iterator[str]:
    x, y = MARGIN, MARGIN + 30
    for number, name in enumerate(names):
        yield f'<g class="plan{number}"><path class="course" d="M{x} {y - 4}h22"/></g>'
        yield f'<text class="small" x="{x + 28}" y="{y}">service level, {escape(name)}</text>'
        x += 190
    yield f'<rect class="bar" x="{x}" y="{y - 9}" width="14" height="10"/>'
    yield f'<text class="small" x="{x + 20}" y="{y}">calls in the half hour</text>'


def _panel(panel: Panel, top: float, start: int, zone: ZoneInfo) -> Iterator[str]:
    offered, base = panel.outcome.offered, top + ABOVE + HEIGHT
    step = WIDTH / max(len(offered), 1)
    left = MARGIN + LEFT
    most = max((each.mean or 0 for each in offered), default=0)
    yield f'<text class="verb" x="{MARGIN}" y="{top + 18}">{escape(panel.title)}</text>'
    yield f'<text class="small right" x="{left + WIDTH}" y="{top + 18}">most calls: {most:.0f}</text>'
    yield from _grid(left, base, panel.goal)
    for number, each in enumerate(offered):
        height = (each.mean or 0) / (most or 1) * HEIGHT * 0.6
        at = left + number * step
        yield (
            f'<rect class="bar" x="{at + 1:.1f}" y="{base - height:.1f}" '
            f'width="{max(step - 2, 1):.1f}" height="{height:.1f}"><title>{each.mean or 0:.1f}</title></rect>'
        )
    for number, levels in enumerate(panel.outcome.levels):
        yield f'<g class="plan{number}">'
        yield from _course(levels, left + step / 2, step, base)
        yield "</g>"
    yield from _clock(len(offered), left, step, base, start, zone)


def _grid(left: float, base: float, goal: int) -> Iterator[str]:
    for share in (0, 25, 50, 75, 100):
        y = base - HEIGHT * share / 100
        yield f'<path class="grid" d="M{left} {y:.1f}h{WIDTH}"/>'
        yield f'<text class="small right" x="{left - 6}" y="{y + 4:.1f}">{share} %</text>'
    y = base - HEIGHT * goal / 100
    yield f'<path class="goal" d="M{left} {y:.1f}h{WIDTH}"><title>goal: {goal} %</title></path>'


def _course(levels: Sequence[Estimate], x: float, step: float, base: float) -> Iterator[str]:
    """The line breaks where nobody was counted."""
    pieces: list[list[tuple[float, Estimate]]] = [[]]
    for number, level in enumerate(levels):
        if level.mean is None:
            pieces.append([])
        else:
            pieces[-1].append((x + number * step, level))
    for piece in filter(None, pieces):
        upper = [f"{at:.1f} {_y(level.high, base):.1f}" for at, level in piece]
        lower = [f"{at:.1f} {_y(level.low, base):.1f}" for at, level in reversed(piece)]
        middle = [f"{at:.1f} {_y(level.mean or 0, base):.1f}" for at, level in piece]
        yield f'<path class="band" d="M{"L".join([*upper, *lower])}z"/>'
        yield f'<path class="course" d="M{"L".join(middle)}"/>'
        for at, level in piece:
            yield (
                f'<circle class="dot" cx="{at:.1f}" cy="{_y(level.mean or 0, base):.1f}" r="2.5">'
                f"<title>{level.mean:.1f} %</title></circle>"
            )


def _y(share: float, base: float) -> float:
    return base - HEIGHT * min(max(share, 0), 100) / 100


def _clock(halves: int, left: float, step: float, base: float, start: int, zone: ZoneInfo) -> Iterator[str]:
    every = max(1, round(60 / step))
    for number in range(0, halves + 1, every):
        text = local(start + number * HALF_HOUR_MS, zone).strftime("%H:%M")
        yield f'<text class="small middle" x="{left + number * step:.1f}" y="{base + 16:.1f}">{text}</text>'
