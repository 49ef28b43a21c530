"""`ccctl test`: plays the flow tests of a site in the simulator, on a real Asterisk, or on both."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from ccctl.cli.common import fail, print_table
from ccctl.cli.lab import lab_home
from ccctl.cli.site import SITE, print_findings
from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow.compile import Plan, compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flow.schema_types import Folder
from ccctl.flow.source import parse
from ccctl.flow.values import Wrong
from ccctl.flowtest import coverage as covering
from ccctl.flowtest.cases import Case, Suite
from ccctl.flowtest.differ import differences
from ccctl.flowtest.drive import Result
from ccctl.flowtest.golden import golden_paths
from ccctl.flowtest.reading import TestFile, has_errors, read_suite
from ccctl.flowtest.reading_apply import PLACE, Loaded
from ccctl.flowtest.report import explain, junit, summary
from ccctl.flowtest.simulate import Simulator, numbered, run_all
from ccctl.flowtest.walks import walks
from ccctl.runtime.files import SECRETS, shown_prefix
from ccctl.runtime.site import Secrets, load_changed, load_site

FOLDER = "tests"
Results = dict[str, list[Result]]  # by the place they were played on


class Order(msgspec.Struct, frozen=True):
    """What is to be played and where."""

    site: Site
    plan: Plan
    suite: Suite
    places: tuple[str, ...]
    home: str


@click.command("test")
@SITE
@click.option(
    "--on",
    "where",
    type=click.Choice(["sim", "lab", "sip", "both"]),
    default="sim",
    show_default=True,
    help="Simulator; Asterisk with stand-ins for phones; Asterisk with SIP phones; sim and lab compared.",
)
@click.option("-k", "words", default="", help="Only tests whose names contain this.")
@click.option(
    "--walks", "count", type=click.IntRange(0, 100_000), default=0, help="Play random callers, too."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which random callers.")
@click.option("--junit", "junit_file", type=click.Path(path_type=Path), help="Write a JUnit report, too.")
@click.option("--update", is_flag=True, help="Write the paths taken where a test says path: auto, or others.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Name the tests that passed and the branches never taken."
)
@click.pass_context
def run_tests(  # noqa: PLR0913, PLR0917 - click fills them by name
    ctx: click.Context,
    site: Path,
    where: str,
    words: str,
    count: int,
    seed: int,
    junit_file: Path | None,
    update: bool,
    verbose: bool,
) -> None:
    """Play the flow tests in tests/*.yaml of a SITE folder.

    Exit status: 0 all passed, 1 a test failed, the engines differ or the coverage is too low, 2 the tests
    could not be played.
    """
    checked, suite = load(site)
    places = ("sim", "lab") if where == "both" else (where,)
    plan = compile_site(checked, generation_id(checked))
    order = Order(checked, plan, suite, places, lab_home(ctx))
    cases = [case for case in suite.tests if words in case.name]
    cases = numbered([*cases, *walks(checked, count, seed)])
    if not cases:
        fail("no test fits", f"tests are in {site / FOLDER}/*.yaml")
    results = play(order, cases)
    if update:
        results = update_paths(site, results)
    for place, each in results.items():
        show(place, each, verbose)
    equal = show_differences(results)
    enough = bool(words) or show_coverage(order, results, verbose)  # of some tests it says nothing
    if junit_file:
        junit_file.write_text(junit(results.items()), encoding="utf-8")
    failed = any(result.failures for each in results.values() for result in each)
    ctx.exit(1 if failed or not equal or not enough else 0)


# -- reading ---------------------------------------------------------------------------------------


def load(folder: Path) -> tuple[Site, Suite]:
    """The checked site and its tests; every finding is shown, and errors end the command."""
    site, found = load_site(folder)
    if site is None:
        give_up(found, "the site has errors, so its tests were not played")
    files, broken = read_files(folder)
    secrets = Secrets(folder / SECRETS, f"{shown_prefix(folder)}{SECRETS}")
    suite, wrong = read_suite(files, site, Folder(secret=secrets.value), lambda path: changed(folder, path))
    if broken or has_errors(wrong):
        give_up([*broken, *wrong], "the tests have errors, so none was played")
    return site, suite


def changed(folder: Path, path: str) -> Loaded | Wrong:
    """The site with a change that a test applies."""
    if path.endswith(".yaml") and (folder / path).parent.resolve() == (folder / FOLDER).resolve():
        return Wrong("is read as a file of tests", f"write the change into a folder below, as {PLACE}")
    return load_changed(folder, path)


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


# -- playing ---------------------------------------------------------------------------------------


def plays_on(case: Case, place: str) -> bool:
    """Over SIP there are no random callers, and nobody can give variables to a channel."""
    if place == "sip" and (case.walk >= 0 or case.given.vars):
        return False
    return not case.only or place in case.only


def play(order: Order, cases: list[Case]) -> Results:
    results: Results = {}
    for place in order.places:
        began = time.monotonic()
        wanted = [case for case in cases if plays_on(case, place)]
        if place == "sim":
            results[place] = run_all(Simulator(order.site, order.plan, order.suite.changes), wanted)
        else:
            from ccctl.cli import testlab

            results[place] = testlab.run(order.site, order.suite.changes, order.home, wanted, place == "sip")
        click.echo(f"{place}: {summary(results[place], time.monotonic() - began)}")
    return results


def update_paths(folder: Path, results: Results) -> Results:
    """Write golden paths; the results of tests that only had an old path are judged anew."""
    place, played = next(iter(results.items()))
    judged = list(played)
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        shown = f"{shown_prefix(folder)}{FOLDER}/{path.name}"
        old = path.read_text(encoding="utf-8")
        new, judged = golden_paths(old, shown, judged)
        if new != old:
            path.write_text(new, encoding="utf-8")
            click.echo(f"{shown}: paths written")
    return {**results, place: judged}


# -- results ---------------------------------------------------------------------------------------


def show(place: str, results: list[Result], verbose: bool) -> None:
    for result in results:
        if result.failures:
            click.echo(f"{place}: {explain(result)}")
        elif verbose and result.case.walk < 0:
            click.echo(f"{place}: ok    {result.case.name}")


def show_differences(results: Results) -> bool:
    """True when both engines went the same way, or only one was asked."""
    if len(results) < 2:
        return True
    real = {result.case.name: result for result in results["lab"]}
    pairs = [(ours, real[ours.case.name]) for ours in results["sim"] if ours.case.name in real]
    found = differences(pairs)
    for difference in found:
        click.echo(str(difference))
    click.echo(f"{len(pairs) - len(found)} of {len(pairs)} calls went the same way in both")
    return not found


def show_coverage(order: Order, results: Results, verbose: bool) -> bool:
    """False when fewer branches were taken than the tests ask for. Random callers do not count."""
    tests = (result for each in results.values() for result in each if result.case.walk < 0)
    steps = (step for result in tests for step in result.executed)
    flows = covering.cover(covering.branches(order.site, order.plan), steps)
    if verbose:
        for line in covering.never_taken(flows):
            click.echo(line)
    print_table(("flow", "branches", ""), covering.table(flows))
    share = covering.total(flows)
    click.echo(f"{share:.0f} % of all branches")
    if share >= order.suite.coverage or "sim" not in results:  # elsewhere some tests may be left out
        return True
    span = order.suite.coverage_span
    wanted = f"at least {order.suite.coverage} % of all branches are wanted; -v names those never taken"
    click.echo(f"{span.file}:{span.line}: {wanted}", err=True)
    return False


commands: tuple[click.Command, ...] = (run_tests,)
