"""A target for atheris: any bytes as a file of a site, and as a calendar. Run by scripts/fuzz."""

import datetime
import hashlib
import sys
from pathlib import Path

import atheris
import yaml

with atheris.instrument_imports(include=["ccctl.flow"]):
    from ccctl.flow.calendar import Broken, expand
    from tests.support.mutants import examine, example
    from tests.support.site_cases import BASE, FLOWS

FIRST, LAST = datetime.date(2026, 1, 1), datetime.date(2027, 12, 31)


def check(data: bytes) -> None:
    """Raises only what is a fault of ours."""
    if data.startswith(b"BEGIN:"):
        found = expand(data, "Europe/Berlin", FIRST, LAST)
        if isinstance(found, Broken):
            assert 1 <= found.line <= len(data.splitlines()) + 1
            assert found.text
    else:
        examine(data, alone=True)


def write_seeds(folder: Path) -> None:
    """The texts of the tests' cases: sites, and the calendars beside them."""
    texts = [BASE, example().encode()]
    for path in sorted((FLOWS / "cases").glob("*.yaml")):
        for cases in yaml.safe_load(path.read_text()).values():
            for case in cases:
                texts += [case["site"].encode(), *(text.encode() for text in case.get("files", {}).values())]
    for text in texts:
        (folder / hashlib.sha256(text).hexdigest()[:16]).write_bytes(text)


def main() -> None:
    """`limit`: seconds, or with an "x" behind it a number of tries that are the same every time."""
    corpus, seeds, limit = sys.argv[1:]
    write_seeds(Path(seeds))
    options = [
        *([f"-runs={limit[:-1]}", "-seed=1"] if limit.endswith("x") else [f"-max_total_time={limit}"]),
        "-max_len=20000",
        "-timeout=20",
        f"-artifact_prefix={corpus}/../",
    ]
    atheris.Setup([sys.argv[0], *options, corpus, seeds], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
