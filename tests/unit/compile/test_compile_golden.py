"""The compiled text of the sample site, file by file.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/unit/compile, and read the diff.
"""

import os
from pathlib import Path

import pytest

from ccctl.asterisk import conf
from ccctl.flow.compile import compile_site
from tests.support import sample_site

GOLDEN = Path(__file__).parents[2] / "flows/golden"
GENERATION = "7f3a9c"
FILES = (
    "dialplan/7f3a9c.conf",
    "directory.conf",
    "entry.conf",
    "extensions.conf",
    "musiconhold.conf",
    "pjsip.conf",
    "queues.conf",
    "voicemail.conf",
)


def built() -> dict[str, str]:
    plan = compile_site(sample_site.site(), GENERATION)
    return conf.build(plan, dict.fromkeys(plan.music, "moh"), None, set()).files


def test_the_files_are_known() -> None:
    assert tuple(sorted(built())) == FILES


@pytest.mark.parametrize("path", FILES)
def test_golden(path: str) -> None:
    text = built()[path]
    golden = GOLDEN / path.replace("/", "-")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()
