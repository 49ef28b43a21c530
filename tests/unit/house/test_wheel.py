"""What people install: the wheel, alone in an empty environment, has all it needs."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import ccctl

ROOT = Path(ccctl.__file__).parent.parent
SOURCES = ("ccctl", "dialplans", "asterisk-conf", "migrations")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CCCTL", "PYTHON"))
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no build folder is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name)  # with the caches that a checkout has
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", ".")
    run(*build, cwd=source)
    return next((folder / "dist").glob("*.whl"))


def test_every_file_that_is_not_code_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    places = {"ccctl": "ccctl", "dialplans": "ccctl/dialplans", "asterisk-conf": "ccctl/asterisk_conf"}
    places["migrations"] = "ccctl/migrations"
    wanted = {
        str(place / path.relative_to(ROOT / name))
        for name, place in ((name, Path(place)) for name, place in places.items())
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - packed == set()
    assert not [name for name in packed if "__pycache__" in name]


def test_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    bin_dir = tmp_path / "env/bin"
    run(bin_dir / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel, cwd=tmp_path)
    run(bin_dir / "python", "-m", "pip", "check", cwd=tmp_path)
    assert run(bin_dir / "ccctl", "--version", cwd=tmp_path) == f"ccctl {ccctl.__version__}\n"
    run(bin_dir / "ccctl", "init", "x", cwd=tmp_path)
    run(bin_dir / "ccctl", "check", "x", cwd=tmp_path)
