"""The command graph: flows and the map of a site, in the terminal, as SVG, for Graphviz, as JSON."""

from collections.abc import Iterable
from pathlib import Path

import click

from ccctl.cli.common import fail, not_found
from ccctl.diagnostics import did_you_mean
from ccctl.flow.drawing import drawing
from ccctl.flow.drawing_text import Pieces
from ccctl.flow.schema import Draft, read_site
from ccctl.flow.schema_types import Folder
from ccctl.runtime.files import SiteFiles

USAGE = "ccctl graph FLOW SITE, or ccctl graph --all SITE"
COLOURS = {"verb": "blue", "flow": "cyan", "outcome": "yellow", "dead": "red"}


@click.command()
@click.argument("words", nargs=-1, metavar="[FLOW] [SITE]")
@click.option("--all", "whole", is_flag=True, help="The map of all numbers and flows in place of one flow.")
@click.option("--format", "form", type=click.Choice(["text", "svg", "dot", "json"]), default="text")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write in place of the output."
)
def graph(words: tuple[str, ...], whole: bool, form: str, out: Path | None) -> None:
    """Draw a FLOW: its steps, their outcomes, the flows they lead to, and where a call ends without a word.

    With --all: which numbers lead to which flows. SITE is the folder of the site, without it this folder.
    """
    if len(words) > (1 if whole else 2):
        fail("graph takes one flow and the folder of the site", USAGE)
    if whole:
        made = drawn_map(read_draft(Path(*words)), form)
    else:
        name, folder = asked(words)
        made = drawn_flow(read_draft(folder), name, form)
    if out is not None:
        out.write_text(click.unstyle(made))
    else:
        click.echo(made, nl=False)


def asked(words: tuple[str, ...]) -> tuple[str, Path]:
    """Flow and folder. Whoever gave only a folder, or nothing, is told which flows there are."""
    match words:
        case (first, second) if Path(first).is_dir() and not Path(second).is_dir():
            fail(f"{second} is not a folder", f"write the flow first: ccctl graph {second} {first}")
        case (name, where):
            return name, Path(where)
        case (word,) if not Path(word).is_dir() or _has_flow(Path(), word):
            return word, Path()
    folder = Path(*words)
    site = read_draft(folder).site
    called = next((number.flow for number in site.numbers.values() if number.flow in site.flows), "")
    example = called or min(site.flows)
    fail(
        f"which flow of {folder}? There are {', '.join(sorted(site.flows))}",
        f"write for example: ccctl graph {example} {folder}, or for the map: ccctl graph --all {folder}",
    )


def _has_flow(folder: Path, name: str) -> bool:
    files = SiteFiles(folder)
    return any(folder.glob("*.y*ml")) and name in _read(files).site.flows


def read_draft(folder: Path) -> Draft:
    """What can be read of a site: a drawing needs no secrets, no sounds, and no other flow to be right."""
    if not folder.is_dir():
        fail(f"{folder} is not a folder", "give the folder of the site")
    files = SiteFiles(folder)
    draft = _read(files)
    if files.unparsed or not draft.site.flows:
        is_site = any(folder.glob("*.y*ml"))
        hint = f"run: ccctl check {folder}" if is_site else f"give the folder of the site: {USAGE}"
        fail(f"{folder} has no flows that could be read", hint)
    return draft


def _read(files: SiteFiles) -> Draft:
    around = Folder(secret=lambda name: f"{name}-is-not-read", read=files.read_named, shown=files.shown)
    return read_site(files.read_documents(), around)[0]


def drawn_flow(draft: Draft, name: str, form: str) -> str:
    if name not in draft.site.flows:
        near = did_you_mean(name, draft.site.flows)
        hint = f'did you mean "{near}"?' if near else f"flows: {', '.join(sorted(draft.site.flows))}"
        not_found(f'there is no flow "{name}"', hint)
    if name in draft.broken:
        click.echo(f"flow {name} has mistakes: what could not be read is not drawn", err=True)
    boxes = drawing(draft.site, name)
    match form:
        case "svg":
            from ccctl.flow.drawing_svg import svg

            return svg(name, boxes)
        case "dot":
            from ccctl.flow.drawing_dot import flow_dot

            return flow_dot(name, boxes)
        case "json":
            return as_json({"flow": name, "boxes": boxes})
    from ccctl.flow.drawing_text import tree_lines

    return coloured(tree_lines(name, boxes))


def drawn_map(draft: Draft, form: str) -> str:
    from ccctl.flow.drawing_map import map_lines, map_svg, site_map

    found = site_map(draft.site)
    match form:
        case "svg":
            return map_svg("Numbers and flows", found)
        case "dot":
            from ccctl.flow.drawing_dot import map_dot

            return map_dot(found)
        case "json":
            return as_json(found)
    return coloured(map_lines(found))


def as_json(value: object) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def coloured(lines: Iterable[Pieces]) -> str:
    return "".join(f"{''.join(_styled(text, style) for text, style in line)}\n" for line in lines)


def _styled(text: str, style: str) -> str:
    return click.style(text, fg=COLOURS.get(style), dim=style == "dim" or None, bold=style == "verb" or None)


commands: tuple[click.Command, ...] = (graph,)
