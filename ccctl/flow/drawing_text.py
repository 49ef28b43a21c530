"""A flow in the terminal: an indented tree; the lines are pieces of text, each with its style."""

from collections.abc import Iterator

from ccctl.flow.drawing import Box, Branch

WIDTH = 80
Piece = tuple[str, str]  # text, style: verb, flow, outcome, dead, dim, or plain
Pieces = list[Piece]
SIGNS = {"flow": "-> ", "again": "^ ", "returns": "<- ", "end": "x "}
STYLES = {"flow": "flow", "end": "dim", "next": "dim", "again": "dim", "returns": "dim"}


def tree_lines(name: str, boxes: tuple[Box, ...]) -> Iterator[Pieces]:
    yield [(name, "flow")]
    yield from _boxes(boxes, "")


def _boxes(boxes: tuple[Box, ...], pad: str) -> Iterator[Pieces]:
    for at, box in enumerate(boxes):
        last = at == len(boxes) - 1
        yield _fit([(f"{pad}{'└─ ' if last else '├─ '}", "dim"), *_head(box)])
        yield from _branches(box, f"{pad}{'   ' if last else '│  '}")


def _head(box: Box) -> Pieces:
    if box.kind != "step":
        return [(f"{SIGNS.get(box.kind, '')}{box.text}", STYLES[box.kind])]
    pieces: Pieces = [(box.verb, "verb"), (f" {box.text}" if box.text else "", "plain")]
    notes = (("again", box.again), ("reached", box.reached))
    words = [f"{', '.join(box.onward)}: goes on"] if box.onward else []
    words += [f"{word}: {', '.join(outcomes)}" for word, outcomes in notes if outcomes]
    return [*pieces, *((f"  ({each})", "dim") for each in words)]


def _branches(box: Box, pad: str) -> Iterator[Pieces]:
    """What hangs on a step: its outcomes, at last those that end the call without a word."""
    count = len(box.branches) + bool(box.dead)
    for at, branch in enumerate(box.branches, start=1):
        yield from _branch(
            branch, f"{pad}{'└─ ' if at == count else '├─ '}", f"{pad}{'   ' if at == count else '│  '}"
        )
    if box.dead:
        yield _fit([(f"{pad}└─ ", "dim"), (f"{', '.join(box.dead)}: x the call ends", "dead")])


def _branch(branch: Branch, head: str, inner: str) -> Iterator[Pieces]:
    outcome = f"{', '.join(branch.outcomes)}:"
    if not _is_short(branch):
        yield _fit([(head, "dim"), (outcome, "outcome")])
        yield from _boxes(branch.boxes, inner)
        return
    first, *more = branch.boxes
    tail: Pieces = [(f"  ({more[0].text})", "dim")] if more else []
    yield _fit([(head, "dim"), (f"{outcome} ", "outcome"), *_head(first), *tail])
    yield from _branches(first, inner)


def _is_short(branch: Branch) -> bool:
    """One box, perhaps with a word on how it goes on."""
    return len(branch.boxes) == 1 or (len(branch.boxes) == 2 and branch.boxes[1].kind in ("next", "again"))


def _fit(pieces: Pieces) -> Pieces:
    """As much as fits into the width."""
    result: Pieces = []
    room = WIDTH
    for text, style in pieces:
        if len(text) > room:
            return [*result, (f"{text[: max(0, room - 1)]}…", style)] if room > 0 else result
        result.append((text, style))
        room -= len(text)
    return result
