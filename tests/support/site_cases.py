"""Reads a site from texts, as runtime/site.py does from a folder; tests/flows/base.yaml is in it."""

import datetime
from pathlib import Path
from typing import Any

from ccctl.diagnostics import Diagnostic
from ccctl.flow.checks import ordered, read_and_check
from ccctl.flow.schema import Document, Draft
from ccctl.flow.schema_types import Folder, Recording
from ccctl.flow.source import parse
from ccctl.flow.values import Wrong

FLOWS = Path(__file__).parents[1] / "flows"
BASE = (FLOWS / "base.yaml").read_bytes()
SECRETS = {name: f"{name}-kR7wuGh0" for name in ("ph200", "ph201", "ph202", "ph210")} | {"vm900": "482915"}


def read(case: dict[str, Any]) -> tuple[Draft, list[Diagnostic]]:
    """The whole pure part, as runtime/site.py puts it together."""
    files = case.get("files", {})
    secrets = SECRETS | case.get("secrets", {})
    folder = Folder(
        secret=lambda name: secrets.get(name, Wrong("is not in secrets.yaml", "")),
        read=lambda path: (
            files[path].encode() if path in files else Wrong("not found", "paths are relative to the folder")
        ),
        sounds={path: Recording(path, "0", fault) for path, fault in case.get("sounds", {}).items()},
        today=datetime.date.fromisoformat(case.get("today", "2026-07-01")),
    )
    text = case["site"]
    texts = {"case.yaml": text if isinstance(text, bytes) else text.encode()}
    texts |= {} if case.get("alone") else {"base.yaml": BASE}
    parsed = {name: parse(texts[name], name) for name in sorted(texts)}
    found = [finding for each in parsed.values() for finding in each.findings]
    documents = [Document(name, each.root) for name, each in parsed.items() if each.root is not None]
    draft, more = read_and_check(documents, folder, parsed=len(documents) == len(parsed))
    return draft, ordered([*found, *more])
