"""The map of a site: which numbers lead to which flows, and these to which others. In layers from left
to right (longest path, barycentres, bends in the layers between), as text, and as SVG."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise

import msgspec

from ccctl.flow import graph as g
from ccctl.flow.drawing import drawing, has_dead_end
from ccctl.flow.drawing_svg import BOX_HEIGHT, MARGIN, TITLE, cut, page, rect, text_width
from ccctl.flow.drawing_text import WIDTH, Pieces
from ccctl.flow.graph import Site
from ccctl.flow.ways import walk

ACROSS = 70  # between layers
APART = 14  # between boxes of a layer
SWEEPS = 8


class Stop(msgspec.Struct, frozen=True):
    """A number (`kind` number), a flow, or the word for what catches all (catch)."""

    name: str
    kind: str
    dead: bool = False
    reached: bool = True


class Map(msgspec.Struct, frozen=True):
    stops: tuple[Stop, ...]
    edges: tuple[tuple[str, str], ...]


def site_map(site: Site) -> Map:
    edges = [(number.number, number.flow) for number in site.numbers.values()]
    catches = dict.fromkeys(flow for flow in _catches(site) if flow in site.flows)
    edges += [("catch", flow) for flow in catches]
    for name, flow in site.flows.items():
        steps = [step for step in walk(flow.steps) if isinstance(step, g.Goto | g.Subflow)]
        edges += dict.fromkeys((name, step.flow) for step in steps)
    reached = _reached(set(site.numbers) | {"catch"}, edges)
    stops = [Stop(number, "number") for number in site.numbers]
    stops += [Stop("catch", "catch")] if catches else []
    stops += [Stop(name, "flow", has_dead_end(drawing(site, name)), name in reached) for name in site.flows]
    return Map(tuple(stops), tuple(edges))


def _catches(site: Site) -> Iterator[str]:
    yield site.defaults.catch
    yield from (flow.catch for flow in site.flows.values())
    yield from (box.operator for box in site.mailboxes.values())


def _reached(starts: set[str], edges: list[tuple[str, str]]) -> set[str]:
    found, waiting = set(starts), list(starts)
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    while waiting:
        new = [name for name in after.get(waiting.pop(), []) if name not in found]
        found.update(new)
        waiting += new
    return found


# -- text ------------------------------------------------------------------------------------------


def map_lines(site: Map) -> Iterator[Pieces]:
    """Every start with the flows behind it; a flow that stands above is only named."""
    after: dict[str, list[str]] = {stop.name: [] for stop in site.stops}
    for source, target in site.edges:
        after[source].append(target)
    stops = {stop.name: stop for stop in site.stops}
    told: set[str] = set()
    starts = [stop for stop in site.stops if stop.kind != "flow"]
    for stop in (*starts, *(stop for stop in site.stops if not stop.reached)):
        if stop.name in told:
            continue
        told.add(stop.name)
        yield [(stop.name, "outcome"), ("" if stop.reached else "  no number leads here", "dead")]
        waiting = _children(stop.name, "", after)
        while waiting:
            name, head, pad = waiting.pop()
            above = name in told and bool(after[name])
            dead = stops[name].dead and not above
            words = "  (above)" if above else "  has dead ends" if dead else ""
            shown = name[: max(8, WIDTH - len(head) - len(words))]
            yield [(head, "dim"), (shown, "flow"), (words, "dead" if dead else "dim")]
            if name not in told:
                told.add(name)
                waiting += _children(name, pad, after)


def _children(name: str, pad: str, after: dict[str, list[str]]) -> list[tuple[str, str, str]]:
    """What stands below a name, the last one first: name, the lines before it, and those before its own."""
    found = [(each, f"{pad}├─ ", f"{pad}│  ") for each in after[name]]
    if found:
        found[-1] = (found[-1][0], f"{pad}└─ ", f"{pad}   ")
    return found[::-1]


# -- layers ----------------------------------------------------------------------------------------


class Layout(msgspec.Struct, frozen=True):
    """`layers` hold names of stops and bends; `paths` the names from one stop to another."""

    layers: list[list[str]]
    paths: list[tuple[tuple[str, ...], bool]]  # with: is it drawn against the direction


def layers_of(site: Map) -> Layout:
    names = [stop.name for stop in site.stops]
    edges = [edge for edge in dict.fromkeys(site.edges) if edge[0] != edge[1]]
    backward = _backward(names, edges)
    forward = [(b, a) if (a, b) in backward else (a, b) for a, b in edges]
    rank = _ranks(names, forward)
    layers: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for name in names:
        layers[rank[name]].append(name)
    paths: list[tuple[tuple[str, ...], bool]] = []
    for edge, (source, target) in zip(edges, forward, strict=True):
        bends = [f"{source}\0{target}\0{at}" for at in range(rank[source] + 1, rank[target])]
        for at, bend in enumerate(bends, start=rank[source] + 1):
            layers[at].append(bend)
        paths.append(((source, *bends, target), edge in backward))
    _untangle(layers, [pair for path, _ in paths for pair in pairwise(path)])
    return Layout(layers, paths)


def _backward(names: list[str], edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Edges that close a circle, when flows are walked through from the numbers on."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    done: set[str] = set()
    found: set[tuple[str, str]] = set()
    for start in names:
        open_names: dict[str, Iterator[str]] = {} if start in done else {start: iter(after.get(start, []))}
        while open_names:
            name, targets = next(reversed(open_names.items()))
            target = next(targets, "")
            if not target:
                done.add(name)
                del open_names[name]
            elif target in open_names:
                found.add((name, target))
            elif target not in done:
                open_names[target] = iter(after.get(target, []))
    return found


def _ranks(names: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """The layer of each stop: one more than the last of those that lead to it."""
    before: dict[str, list[str]] = {name: [] for name in names}
    waits = dict.fromkeys(names, 0)
    for source, target in edges:
        before[source].append(target)
        waits[target] += 1
    rank = dict.fromkeys(names, 0)
    ready = [name for name in names if not waits[name]]
    while ready:
        name = ready.pop()
        for target in before[name]:
            rank[target] = max(rank[target], rank[name] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return rank


def _untangle(layers: list[list[str]], pairs: list[tuple[str, str]]) -> None:
    """Order each layer by the mean place of the neighbours, forwards and backwards in turn."""
    left: dict[str, list[str]] = {}
    right: dict[str, list[str]] = {}
    for source, target in pairs:
        left.setdefault(target, []).append(source)
        right.setdefault(source, []).append(target)
    for sweep in range(SWEEPS):
        ordered, near = (layers, left) if sweep % 2 == 0 else (layers[::-1], right)
        at = {name: place for layer in layers for place, name in enumerate(layer)}
        for layer in ordered:
            means = {
                name: sum(at[each] for each in near[name]) / len(near[name]) if name in near else at[name]
                for name in layer
            }
            layer.sort(key=means.__getitem__)
            at.update({name: place for place, name in enumerate(layer)})


# -- SVG -------------------------------------------------------------------------------------------


def map_svg(title: str, site: Map) -> str:
    layout = layers_of(site)
    stops = {stop.name: stop for stop in site.stops}
    widths = [max((_width(name) for name in layer if name in stops), default=20) for layer in layout.layers]
    tops = _heights(layout, stops)
    xs = [MARGIN + sum(widths[:at]) + ACROSS * at for at in range(len(widths))]
    where = {name: (xs[at], tops[name]) for at, layer in enumerate(layout.layers) for name in layer}
    column = {name: widths[at] for at, layer in enumerate(layout.layers) for name in layer}
    parts = [f'<text class="title" x="{MARGIN}" y="{MARGIN + 8}">{escape(title)}</text>']
    for path, against in layout.paths:
        parts.append(_curve(path, where, column, against))
    parts += [part for stop in site.stops for part in _stop(stop, *where[stop.name])]
    height = max((y for _, y in where.values()), default=0.0) + BOX_HEIGHT + MARGIN
    return page(title, xs[-1] + widths[-1] + MARGIN, height, tuple(parts))


def _width(name: str) -> float:
    return text_width(cut(name)) + 24


def _heights(layout: Layout, stops: dict[str, Stop]) -> dict[str, float]:
    """The y of every name: as near to its neighbours as those above it in the layer allow."""
    near: dict[str, list[str]] = {}
    for path, _ in layout.paths:
        for one, other in pairwise(path):
            near.setdefault(other, []).append(one)
            near.setdefault(one, []).append(other)
    size = {name: float(BOX_HEIGHT) if name in stops else 8.0 for layer in layout.layers for name in layer}
    tops: dict[str, float] = {}
    for layer in layout.layers:
        y = 0.0
        for name in layer:
            tops[name] = y
            y += size[name] + APART
    for sweep in range(SWEEPS):
        for layer in layout.layers if sweep % 2 else layout.layers[::-1]:
            wanted = [
                _mean([tops[each] + size[each] / 2 for each in near.get(name, [name])]) for name in layer
            ]
            _settle(layer, wanted, size, tops)
    least = min(tops.values(), default=0.0)
    return {name: y - least + MARGIN + TITLE - 10 for name, y in tops.items()}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _settle(layer: list[str], wanted: list[float], size: dict[str, float], tops: dict[str, float]) -> None:
    """Down as far as wanted, but below the one above; then the lot moves up by the mean of what it lacks."""
    y = float("-inf")
    for name, middle in zip(layer, wanted, strict=True):
        tops[name] = max(middle - size[name] / 2, y)
        y = tops[name] + size[name] + APART
    pairs = zip(layer, wanted, strict=True)
    shift = _mean([middle - size[name] / 2 - tops[name] for name, middle in pairs]) if layer else 0.0
    for name in layer:
        tops[name] += shift


def _curve(
    path: tuple[str, ...],
    where: dict[str, tuple[float, float]],
    column: dict[str, float],
    against: bool,
) -> str:
    """From the right edge of the first to the left edge of the last, through the bends between. Against
    the direction: dashed, and lower, so that it does not hide the line that goes forth."""
    middle = BOX_HEIGHT / 2 + (7 if against else 0)
    x, y = where[path[0]]
    start = (x + _width(path[0]) + (5 if against else 0), y + middle)
    at = (x + column[path[0]], y + middle)
    line = f"M{start[0]:.0f} {start[1]:.0f}H{at[0]:.0f}"
    for name in path[1:]:
        x, y = where[name]
        last = name == path[-1]
        end = (x - (5 if last and not against else 0), y + (middle if last else 4))
        half = (at[0] + end[0]) / 2
        line += f"C{half:.0f} {at[1]:.0f} {half:.0f} {end[1]:.0f} {end[0]:.0f} {end[1]:.0f}"
        line += "" if last else f"h{column[name]:.0f}"
        at = end if last else (end[0] + column[name], end[1])
    tip, turn = ((start[0] - 5, start[1]), 6) if against else ((at[0] + 5, at[1]), -6)
    arrow = f'<path class="tip" d="M{tip[0] + turn:.0f} {tip[1] - 4:.0f}v8l{-turn} -4z"/>'
    return f'<path class="line{" dashed" if against else ""}" d="{line}"/>{arrow}'


def _stop(stop: Stop, x: float, y: float) -> Iterator[str]:
    flow = stop.kind == "flow"
    bad = stop.dead or not stop.reached
    why = ", ".join(
        word
        for word, true in (("no number leads here", not stop.reached), ("has dead ends", stop.dead))
        if true
    )
    yield f"<g><title>{escape(f'{stop.name}: {why}' if why else stop.name)}</title>"
    style = f"{'flow' if flow else ''}{' bad' if bad else ''}".strip()
    yield rect(x, y, _width(stop.name), BOX_HEIGHT, style, 14 if flow else 4)
    yield f'<text x="{x + 12:.0f}" y="{y + 18:.0f}">{escape(cut(stop.name))}</text></g>'
