"""`ccctl test`: plays the flow tests of a site in the simulator, on a real Asterisk, or on both."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import NoReturn

import click

from ccctl.cli.common import fail, print_table
from ccctl.cli.lab import find_asterisk, lab_home, lab_of, new_lab
from ccctl.cli.site import SITE, print_findings
from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flow.source import parse
from ccctl.flowtest import coverage as covering
from ccctl.flowtest.cases import Case, Suite
from ccctl.flowtest.drive import Result
from ccctl.flowtest.reading import TestFile, has_errors, read_suite
from ccctl.flowtest.report import explain, junit, summary
from ccctl.runtime.files import shown_prefix
from ccctl.runtime.settings import Settings
from ccctl.runtime.site import load_site

FOLDER = "tests"


@click.command("test")
@SITE
@click.option("--on", "where", type=click.Choice(["lab"]), default="lab", show_default=True)
@click.option("-k", "words", default="", help="Only tests whose names contain this.")
@click.option("--junit", "junit_file", type=click.Path(path_type=Path), help="Write a JUnit report, too.")
@click.option("-v", "--verbose", is_flag=True, help="Show what never happened in the flows.")
@click.pass_context
def run_tests(
    ctx: click.Context, site: Path, where: str, words: str, junit_file: Path | None, verbose: bool
) -> None:
    """Play the flow tests in tests/*.yaml of a SITE folder.

    Exit status: 0 all passed, 1 a test failed or the coverage is too low, 2 they could not be played.
    """
    checked, suite = load(site)
    cases = [case for case in suite.tests if words in case.name and _plays_on(case, where)]
    if not cases:
        fail("no test fits", f"tests are in {site / FOLDER}/*.yaml")
    began = time.monotonic()
    results = on_lab(ctx, checked, cases)
    for result in results:
        click.echo(explain(result) if result.failures else f"ok    {result.case.name}")
    click.echo(summary(results, time.monotonic() - began))
    enough = _show_coverage(checked, suite, results, bool(words))
    if junit_file:
        junit_file.write_text(junit([(where, results)]))
    ctx.exit(1 if any(result.failures for result in results) or not enough else 0)


def _plays_on(case: Case, where: str) -> bool:
    return not case.only or where in case.only


# -- reading ---------------------------------------------------------------------------------------


def load(folder: Path) -> tuple[Site, Suite]:
    """The checked site and its tests; every finding is shown, and errors end the command."""
    site, found = load_site(folder)
    if site is None:
        give_up(found, "the site has errors, so its tests were not played")
    files, broken = read_files(folder)
    suite, wrong = read_suite(files, site)
    if broken or has_errors(wrong):
        give_up([*broken, *wrong], "the tests have errors, so none was played")
    return site, suite


def give_up(found: Sequence[Diagnostic], text: str) -> NoReturn:
    print_findings(found, "text")
    fail(text, "'ccctl explain CODE' tells more")


def read_files(folder: Path) -> tuple[list[TestFile], list[Diagnostic]]:
    paths = sorted((folder / FOLDER).glob("*.yaml"))
    if not paths:
        fail(f"{folder / FOLDER} has no .yaml file", "write a test: see docs/flow-tests.md")
    files: list[TestFile] = []
    broken: list[Diagnostic] = []
    for path in paths:
        shown = f"{shown_prefix(folder)}{FOLDER}/{path.name}"
        try:
            parsed = parse(path.read_bytes(), shown)
        except OSError as error:
            broken.append(findings.unreadable(Span(shown), f"the file cannot be read: {error.strerror}"))
            continue
        broken += parsed.findings
        files += [TestFile(shown, parsed.root)] if parsed.root is not None else []
    return files, broken


# -- results ---------------------------------------------------------------------------------------


def _show_coverage(site: Site, suite: Suite, results: Iterable[Result], partly: bool) -> bool:
    """False when fewer branches were taken than the tests ask for."""
    plan = compile_site(site, generation_id(site))
    flows = covering.cover(covering.branches(plan), (step for result in results for step in result.executed))
    print_table(("flow", "branches", "", "never taken"), covering.table(flows))
    share = covering.total(flows)
    click.echo(f"{share:.0f} % of all branches")
    if partly or share >= suite.coverage:
        return True
    span = suite.coverage_span
    click.echo(f"{span.file}:{span.line}: at least {suite.coverage} % of all branches are wanted", err=True)
    return False


# -- on the lab ------------------------------------------------------------------------------------


@contextmanager
def private_lab(ctx: click.Context) -> Iterator[Settings]:
    """An Asterisk that is there for these tests only. The folder is short: sockets have to fit into it."""
    from ccctl.lab import server

    tree = find_asterisk(lab_home(ctx), None, lambda text: click.echo(f"  {text}", err=True))
    home = mkdtemp(prefix="cctest-")
    settings = new_lab(home)
    try:
        server.start(lab_of(settings), tree)
        yield settings
    finally:
        server.stop(lab_of(settings))
        rmtree(home)


def on_lab(ctx: click.Context, site: Site, cases: list[Case]) -> list[Result]:
    from ccctl.flowlab.house import furnish, run_cases

    async def play(settings: Settings) -> list[Result]:
        async with furnish(settings, site, lambda text: None) as lab:
            return await run_cases(lab, cases)

    with private_lab(ctx) as settings:
        return asyncio.run(play(settings))


commands: tuple[click.Command, ...] = (run_tests,)
