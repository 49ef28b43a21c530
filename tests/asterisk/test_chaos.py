"""Callers come and go, agents talk, and all the while something dies: see tests/chaos, and scripts/chaos for
the whole of it. Here are all faults once, as short as they may be.
"""

import pytest

from tests.chaos import faults
from tests.chaos.stage import Result, centre_on, centre_up, doors_of, in_turn, small_disk, trial
from tests.support.postgres import Cluster

pytestmark = [pytest.mark.asterisk, pytest.mark.audio, pytest.mark.slow]
SEED = 82613


def check(result: Result, talks: int) -> None:
    told = "\n".join(map(str, result.found))
    assert not result.found, f"seed {result.seed}, {result.done}:\n{told}"
    assert result.talks >= talks, result


async def test_the_daemon_dies_stands_still_and_loses_its_doors() -> None:
    with centre_up() as centre:
        async with doors_of(centre) as doors:
            fault = in_turn(
                faults.kills(8, SEED, pause_s=(0.5, 1.5)),
                faults.cuts(doors, rounds=1),
                faults.mute(doors, 3),
                faults.frozen(5),
            )
            check(await trial(centre, "daemon", SEED, fault), talks=15)


@pytest.mark.postgres
async def test_a_second_daemon_then_no_database_then_no_asterisk(postgres: Cluster) -> None:
    with centre_up(postgres.create_database()) as centre:
        fault = in_turn(faults.second_daemon, faults.database_gone(postgres, 3), faults.asterisk_dies)
        check(await trial(centre, "servers", SEED, fault, lost=True), talks=10)


async def test_a_disk_without_room_for_database_spool_and_recordings() -> None:
    try:
        with small_disk() as room, centre_on(room) as centre:
            check(await trial(centre, "disk", SEED, faults.disk_full(room, 3)), talks=5)
    except PermissionError as error:
        pytest.skip(f"no disk of our own can be mounted here: {error}")
