"""Commands for editors: the JSON Schema of the language."""

from pathlib import Path
from typing import Any

import click

from ccctl.cli.common import fail, print_json
from ccctl.flow.schema_editor import editor_schema, names_of
from ccctl.runtime.files import SiteFiles


@click.command()
@click.argument("site", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write in place of the output."
)
def schema(site: Path | None, out: Path | None) -> None:
    """Print the JSON Schema of the YAML language, for editors: words, values and descriptions as you type.

    With a SITE its names (flows, queues, prompts and so on) are proposed, too.
    """
    if site is not None and not site.is_dir():
        fail(f"{site} is not a folder", "give the folder of the site")
    made = editor_schema(names_of(SiteFiles(site).read_documents()) if site else None)
    if out is None:
        print_json(made)
    else:
        write_json(out, made)


def write_json(path: Path, value: dict[str, Any]) -> None:
    import msgspec

    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


commands: tuple[click.Command, ...] = (schema,)
