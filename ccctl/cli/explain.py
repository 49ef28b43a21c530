"""The command explain: the manual pages of findings."""

import re

import click

from ccctl.cli.common import not_found, print_json
from ccctl.diagnostics import did_you_mean
from ccctl.flow.checks import page
from ccctl.flow.checks_pages import PAGES, Page, severity_of


@click.command()
@click.argument("code", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def explain(code: str | None, form: str) -> None:
    """Print the manual page of a finding's CODE, or the list of all codes."""
    pages = [found_page(code)] if code else sorted(PAGES.values(), key=lambda page: page.code[1:])
    if form == "json":
        described = [describe(page) for page in pages]
        print_json(described[0] if code else described)
    elif code:
        click.echo(f"{pages[0].code}: {pages[0].title}\n\n{pages[0].text}")
    else:
        for each in pages:
            click.echo(f"{each.code}  {each.title}")


def found_page(code: str) -> Page:
    found = page(code)
    if found is None:
        near = nearest(code.upper())
        meant = f'did you mean "{near}"? ' if near else ""
        not_found(f'there is no finding "{code}"', f"{meant}'ccctl explain' lists them all")
    return found


def nearest(code: str) -> str:
    """Letter and number may be mistaken for one another; else the most alike."""
    number = re.sub(r"\D", "", code.replace("O", "0"))
    same = [known for known in PAGES if number and known[1:] == number]
    return same[0] if same else did_you_mean(code, sorted(PAGES))


def describe(page: Page) -> dict[str, str]:
    prose, bad, good = page.parts
    severity = severity_of(page.code).value
    return {
        "code": page.code,
        "severity": severity,
        "title": page.title,
        "text": prose,
        "bad": bad,
        "good": good,
    }


commands: tuple[click.Command, ...] = (explain,)
