"""Flows and the map of a site in the language of Graphviz."""

from collections.abc import Iterator

from ccctl.flow.drawing import Box
from ccctl.flow.drawing_map import Map


def flow_dot(name: str, boxes: tuple[Box, ...]) -> str:
    lines = _Lines()
    lines.chain(boxes, "", "")
    return "\n".join((f"digraph {_quoted(name)} {{", "  node [shape=box];", *lines.lines, "}\n"))


class _Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.nodes = 0

    def node(self, box: Box) -> str:
        self.nodes += 1
        name = f"n{self.nodes}"
        style = ", style=rounded" if box.kind == "flow" else ", shape=plain" if box.kind != "step" else ""
        dead = ", color=red" if box.dead else ""
        text = " ".join(filter(None, (box.verb, box.text)))
        self.lines.append(f"  {name} [label={_quoted(text)}{style}{dead}];")
        return name

    def edge(self, source: str, target: str, label: str) -> None:
        self.lines.append(f"  {source} -> {target}" + (f" [label={_quoted(label)}];" if label else ";"))

    def chain(self, boxes: tuple[Box, ...], after: str, again: str) -> str:
        """The first box's node. `after`, `again`: where the words at the end of a branch lead."""
        tails = {"next": after, "again": again}
        nodes = [tails.get(box.kind, "") or self.node(box) for box in boxes]
        for at, (here, box) in enumerate(zip(nodes, boxes, strict=True)):
            below = nodes[at + 1] if at + 1 < len(nodes) else ""
            if below:
                self.edge(here, below, ", ".join(box.onward))
            for outcome in box.again:
                self.edge(here, here, outcome)
            for branch in box.branches:
                self.edge(here, self.chain(branch.boxes, below, here), ", ".join(branch.outcomes))
        return nodes[0]


def map_dot(site: Map) -> str:
    return "\n".join(("digraph site {", "  rankdir=LR;", "  node [shape=box];", *_map(site), "}\n"))


def _map(site: Map) -> Iterator[str]:
    for stop in site.stops:
        style = ", style=rounded" if stop.kind == "flow" else ""
        bad = ", color=red" if stop.dead or not stop.reached else ""
        yield f"  {_quoted(stop.name)} [label={_quoted(stop.name)}{style}{bad}];"
    for source, target in site.edges:
        yield f"  {_quoted(source)} -> {_quoted(target)};"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
