"""Under load what the daemon stands on goes: database, Asterisk, disk. And a second daemon comes."""

import pytest

from tests.chaos import faults
from tests.chaos.stage import centre_on, centre_up, check, in_turn, small_disk, trial
from tests.support.postgres import Cluster

pytestmark = [pytest.mark.asterisk, pytest.mark.audio, pytest.mark.slow]
SEED = 82613


@pytest.mark.postgres
async def test_a_second_daemon_then_no_database_then_no_asterisk(postgres: Cluster) -> None:
    with centre_up(postgres.create_database()) as centre:
        fault = in_turn(faults.second_daemon, faults.database_gone(postgres, 1), faults.asterisk_dies)
        check(await trial(centre, "servers", SEED, fault, lost=True), talks=10)


async def test_a_disk_without_room_for_database_spool_and_recordings() -> None:
    try:
        with small_disk() as room, centre_on(room) as centre:
            check(await trial(centre, "disk", SEED, faults.disk_full(room, 0)), talks=5)
    except PermissionError as error:
        pytest.skip(f"no disk of our own can be mounted here: {error}")
