"""What real tests stand on: a lab Asterisk and a PostgreSQL cluster, each started once when first wanted."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.labhome import LabHome
from tests.support.postgres import Cluster

# A run on several cores sets it, and tables would be as narrow.
os.environ.pop("COLUMNS", None)
# A lab that a test stops for a moment finds its ports again: runs beside it take none of them.
if worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    first = 12_000 + int(worker) % 4 * 5000
    os.environ["CCCTL_LAB_PORTS"] = f"{first}-{first + 5000}"
# Sounds that tests have made once; never those of the user.
os.environ["CCCTL_CACHE"] = str(Path(__file__).parents[1] / ".cache" / "sounds")


@pytest.fixture(scope="session")
def lab() -> Iterator[LabHome]:
    """A running Asterisk, shared by all tests: leave it as it was found."""
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
def make_lab() -> Iterator[Callable[[], LabHome]]:
    """Labs of the test's own, for tests that stop, break or reconfigure Asterisk; not started yet."""
    homes: list[LabHome] = []

    def make() -> LabHome:
        homes.append(LabHome())
        return homes[-1]

    yield make
    for home in homes:
        home.remove()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The running cluster. Who stops it starts it again."""
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def postgres_url(postgres: Cluster) -> str:
    """The SQLAlchemy URL of a new, empty database."""
    return postgres.create_database()
