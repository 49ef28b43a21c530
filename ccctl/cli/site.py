"""Commands around the site files: check and init."""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import click

from ccctl.cli.common import fail, print_json
from ccctl.diagnostics import Diagnostic, Severity
from ccctl.flow.source import Mapping, Node, Scalar, parse
from ccctl.flow.source import Sequence as ListNode
from ccctl.runtime.files import SECRETS
from ccctl.runtime.site import load_site

SITE = click.argument("site", default=".", type=click.Path(path_type=Path))


# -- check -----------------------------------------------------------------------------------------


@click.command()
@SITE
@click.option("--format", "form", type=click.Choice(["text", "json", "github", "sarif"]), default="text")
@click.pass_context
def check(ctx: click.Context, site: Path, form: str) -> None:
    """Check the files of a SITE folder: every finding with its place and what to write instead.

    Exit status: 0 no errors (warnings may be there), 1 errors, 2 the folder could not be read.
    """
    if not site.is_dir():
        fail(
            f"{site} is not a folder" if site.exists() else f"{site} does not exist",
            "give the folder of the site",
        )
    checked, found = load_site(site)
    if checked is not None:
        from ccctl.runtime.prompting import voice_findings

        found = [*found, *voice_findings(checked)]
    print_findings(found, form)
    count = Counter(finding.severity for finding in found)
    click.echo(summary(count[Severity.ERROR], count[Severity.WARNING]), err=True)
    ctx.exit(1 if count[Severity.ERROR] else 0)


def print_findings(found: Sequence[Diagnostic], form: str) -> None:
    match form:
        case "json":
            print_json(found)
        case "sarif":
            from ccctl.cli.sarif import sarif

            print_json(sarif(found))
        case "github":
            for finding in found:
                click.echo(annotation(finding))
        case _:
            for finding in found:
                click.echo(coloured(finding))


def coloured(finding: Diagnostic) -> str:
    """As str(finding); on a terminal the severity stands out."""
    word = f"{finding.severity.value}[{finding.code}]"
    colour = "red" if finding.severity is Severity.ERROR else "yellow"
    return str(finding).replace(word, click.style(word, fg=colour, bold=True), 1)


def annotation(finding: Diagnostic) -> str:
    """A workflow command that puts the finding beside the line in a pull request."""
    span = finding.span
    end = f",endColumn={span.end_column}" if span.end_column else ""
    hint = f"; {finding.hint}" if finding.hint else ""
    place = f"file={_escape(span.file, ',:')},line={span.line},col={span.column}{end}"
    text = _escape(finding.text + hint, "")
    return f"::{finding.severity.value} {place},title={finding.code}::{text}"


def _escape(text: str, more: str) -> str:
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def summary(errors: int, warnings: int) -> str:
    def some(count: int, word: str) -> str:
        return f"{count} {word}{'' if count == 1 else 's'}"

    if not errors and not warnings:
        return "no findings"
    tail = "" if not errors else "; 'ccctl explain CODE' tells more"
    return f"{some(errors, 'error')}, {some(warnings, 'warning')}{tail}"


# -- init ------------------------------------------------------------------------------------------


@click.command()
@click.argument("site", default="site", type=click.Path(path_type=Path))
def init(site: Path) -> None:
    """Copy the example call centre into the new folder SITE and make its secrets."""
    copy_example(site)
    click.echo(f"{site}: the example call centre Acme, with new secrets in {site / SECRETS}")
    click.echo(f"next:  ccctl check {site}\n       ccctl plan {site}\n       ccctl apply {site}")


def copy_example(site: Path) -> None:
    """The example in a folder that does not exist or is empty, with fresh secrets."""
    if site.exists() and not site.is_dir():
        fail(f"{site} is a file", "give a new folder")
    if site.is_dir() and any(site.iterdir()):
        fail(f"{site} is not empty; nothing was changed", "give a new or empty folder")
    with as_file(files("ccctl.dialplans")) as example:
        shutil.copytree(
            example, site, ignore=shutil.ignore_patterns("__*", "*.py", SECRETS), dirs_exist_ok=True
        )
    write_secrets(site)


def write_secrets(site: Path) -> None:
    """secrets.yaml (mode 0600) with a random value for every !secret that the site uses."""
    wanted: dict[str, str] = {}
    for path in sorted(site.rglob("*.yaml")):
        root = parse(path.read_bytes(), str(path)).root
        if root is not None:
            wanted |= secrets_used(root, "")
    lines = [f'{name}: "{random_secret(key)}"' for name, key in sorted(wanted.items())]
    target = site / SECRETS
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Passwords and PINs of this site. Keep this file out of version control.\n")
        file.write("".join(f"{line}\n" for line in lines))
    (site / ".gitignore").write_text(f"/{SECRETS}\n")


def secrets_used(node: Node, key: str) -> dict[str, str]:
    """Names of secrets, each with the key that it is the value of."""
    match node:
        case Scalar(secret=True):
            return {node.text: key}
        case Mapping():
            return {n: k for word, child in node.entries for n, k in secrets_used(child, word.text).items()}
        case ListNode():
            return {n: k for child in node.items for n, k in secrets_used(child, key).items()}
        case _:
            return {}


def random_secret(key: str) -> str:
    """Six digits for a PIN, else 144 random bits."""
    if key in ("pin", "pins"):
        return "".join(secrets.choice("0123456789") for _ in range(6))
    return secrets.token_urlsafe(18)


commands: tuple[click.Command, ...] = (check, init)
