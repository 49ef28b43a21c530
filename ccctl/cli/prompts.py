"""`ccctl prompts`: what callers hear, what is still to be recorded, and recordings into form."""

import asyncio
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ccctl.cli.common import fail, not_found, print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.tables import Fit
from ccctl.diagnostics import did_you_mean
from ccctl.flow.graph import Site
from ccctl.flow.schema import Draft

if TYPE_CHECKING:
    from ccctl.runtime.prompting import Entry

FOLDER = click.argument("folder", metavar="[SITE]", default=".", type=click.Path(path_type=Path))
COLUMNS = ("prompt", "language", "from", "seconds", "LUFS", "digest", "used by")
FIT = Fit(cut=("from", "used by"), drop=("digest", "LUFS", "used by", "seconds", "from"))
STUDIO = ("prompt", "language", "state", "deliver", "used", "text")
STUDIO_FIT = Fit(cut=("text",), drop=("used", "state", "text"))


@click.group(cls=Group)
def prompts() -> None:
    """Prompts of a site: what callers hear."""


def read_draft(folder: Path) -> Draft:
    """Whatever can be read; findings that are errors are told, and do not keep prompts from being listed."""
    from ccctl.diagnostics import Severity
    from ccctl.runtime.site import load_draft

    draft, found = load_draft(folder)
    if draft is None:
        fail(found[0].text if found else f"{folder} is no site", found[0].hint if found else "")
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    if errors:
        click.echo(f"the site has {errors} errors: see 'ccctl check {folder}'", err=True)
    return draft


def known_language(site: Site, language: str) -> str:
    """A language of the site, or the end with a suggestion."""
    languages = site.defaults.languages
    if language not in languages:
        near = did_you_mean(language, languages)
        hint = f'did you mean "{near}"?' if near else f"languages are {', '.join(languages)}"
        not_found(f'"{language}" is not a language of the site', hint)
    return language


# -- list, missing ---------------------------------------------------------------------------------


@prompts.command("list")
@FOLDER
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_prompts(folder: Path, form: str) -> None:
    """Every prompt in every language: where it comes from, length, loudness, and who plays it.

    Texts that were never spoken are spoken for that, and kept for the next apply.
    """
    from ccctl.runtime import prompting

    draft = read_draft(folder)
    found = list(prompting.measured(draft.site, prompting.entries(draft)))
    for problem in dict.fromkeys(entry.problem for entry in found if entry.problem):
        click.echo(problem, err=True)
    if form == "json":
        print_json(found)
        return
    rows = [
        (
            entry.prompt,
            entry.language,
            _origin(entry),
            entry.seconds,
            entry.lufs,
            entry.digest,
            _places(entry.uses),
        )
        for entry in found
    ]
    print_table(COLUMNS, rows, FIT)


def _origin(entry: "Entry") -> str:
    """The name of a part of a sentence tells nobody what it is."""
    origin = f"{entry.source} {entry.by}".strip()
    return f'{origin} "{" ".join(entry.text.split())}"' if entry.part else origin


def _places(uses: dict[str, int]) -> str:
    return ", ".join(f"{place} x{count}" if count > 1 else place for place, count in uses.items()) or "nobody"


@prompts.command("missing")
@FOLDER
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
@click.pass_context
def missing(ctx: click.Context, folder: Path, form: str) -> None:
    """What has no recording: a list for a studio, with the text and the name of the file to deliver.

    State is `missing` (callers would hear nothing), `shared` (one recording for all languages) or `spoken`
    (by text to speech). Exit status 1 when something is missing.
    """
    from ccctl.runtime import prompting

    found = prompting.to_record(prompting.entries(read_draft(folder)))
    words = {"missing": "missing", "shared recording": "shared", "text": "spoken"}
    rows = [
        (e.prompt, e.language, words[e.source], e.deliver, sum(e.uses.values()), " ".join(e.text.split()))
        for e in found
    ]
    if form == "json":
        print_json([dict(zip(STUDIO, row, strict=True)) for row in rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(STUDIO)
        writer.writerows(rows)
    else:
        print_table(STUDIO, rows, STUDIO_FIT)
    ctx.exit(1 if any(entry.source == "missing" for entry in found) else 0)


# -- convert ---------------------------------------------------------------------------------------


@prompts.command("convert")
@click.argument("sources", metavar="FILE.. | SITE", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--language", default="", help="Of files that are not in the site's sounds/LANGUAGE yet.")
@click.option("--name", default="", help="Of the prompt [the file's name without its ending].")
@click.option("--site", "folder", default="", type=click.Path(path_type=Path), help="The site's folder [.].")
def convert(sources: tuple[Path, ...], language: str, name: str, folder: Path) -> None:
    """Bring recordings into the form that Asterisk plays: mono, 16 bit, 8 or 16 kHz, one loudness.

    A SITE folder: every recording of it that 'ccctl check' refuses. FILEs from elsewhere (whatever sox reads)
    become sounds/LANGUAGE/NAME.wav of the site. What is overwritten is kept in the site's folder originals.
    """
    if name and len(sources) > 1:
        fail("--name is for one file", "leave it out: each prompt is called like its file")
    for source in sources:
        if not source.exists():
            fail(f"{source} does not exist")
    for source in sources:
        for root, path, target in _jobs(source, folder, language, name):
            _convert(root, path, target)


def _jobs(source: Path, folder: Path, language: str, name: str) -> list[tuple[Path, Path, str]]:
    """Site, file and its place in the site, for each file to be converted."""
    from ccctl.flow.values import Wrong
    from ccctl.flow.values import name as check_name
    from ccctl.runtime import prompting

    if source.is_dir():
        wrong = prompting.faulty(read_draft(source))
        if not wrong:
            click.echo(f"{source}: every recording is in form")
        return [(source, source / path, path) for path in wrong]
    if not language and (home := _home(source)):
        root, target = home
        return [(root, source, target)]
    if not language:
        fail(f"{source} is in no site's sounds/LANGUAGE", "give --language and --site")
    root = folder if folder != Path() else Path()
    site = read_draft(root).site
    known_language(site, language)
    called = name or source.stem
    checked = check_name(called, "prompts")
    if isinstance(checked, Wrong) and called not in site.prompts:
        fail(f'"{called}" {checked.text}', checked.hint or "give --name")
    return [(root, source, f"sounds/{language}/{called}.wav")]


def _home(source: Path) -> tuple[Path, str] | None:
    """The site that a file is in already, and its place there."""
    full = source.resolve()
    for parent in full.parents:
        if parent.name == "sounds" and any(parent.parent.glob("*.y*ml")):
            target = full.relative_to(parent.parent).with_suffix(".wav")
            return parent.parent, target.as_posix()
    return None


def _convert(root: Path, source: Path, target: str) -> None:
    from ccctl.runtime import prompting

    done = prompting.convert(root, source, target)
    kept = f" (before: {done.kept})" if done.kept else ""
    click.echo(f"{done.source} -> {done.target}{kept}")


# -- record ----------------------------------------------------------------------------------------


@prompts.command("record")
@click.argument("extension", metavar="EXT")
@click.argument("name")
@click.argument("folder", metavar="[SITE]", default=".", type=click.Path(path_type=Path))
@click.option("--language", default="", help="Language of the recording [the site's first].")
@click.pass_context
def record(ctx: click.Context, extension: str, name: str, folder: Path, language: str) -> None:
    """Record prompt NAME of a SITE from the desk phone with extension EXT.

    The phone rings; speak after the tone and end with #. Then 1 keeps the recording, 2 records again, 3 plays
    it again. Whoever hangs up before loses nothing: the recording is kept in the site's folder originals.
    Exit status 1 when nothing was accepted.
    """
    from ccctl.cli.common import settings
    from ccctl.runtime import recorder

    draft = read_draft(folder)
    site = draft.site
    chosen = known_language(site, language or site.defaults.languages[0])
    user = _user(site, extension)
    if name not in site.prompts:
        near = did_you_mean(name, site.prompts)
        not_found(
            f'there is no prompt "{name}"', f'did you mean "{near}"?' if near else "see 'ccctl prompts list'"
        )
    node = settings(ctx).node
    if text := site.prompts[name].texts.get(chosen):
        click.echo(f"text of {name} ({chosen}): {text}")
    job = recorder.Job(site, folder, user, extension, name, chosen)
    outcome = asyncio.run(recorder.record(node, job, lambda said: click.echo(said, err=True)))
    click.echo(outcome.text)
    ctx.exit(0 if outcome.accepted else 1)


def _user(site: Site, extension: str) -> str:
    """Whose phone that is."""
    users = {user.extension: user.name for user in site.users.values() if user.extension}
    if extension not in users:
        near = did_you_mean(extension, users)
        known = ", ".join(f"{number} {name}" for number, name in sorted(users.items())) or "none"
        not_found(
            f"no user has extension {extension}", f"did you mean {near}?" if near else f"there are: {known}"
        )
    return users[extension]


commands: tuple[click.Command, ...] = (prompts,)
