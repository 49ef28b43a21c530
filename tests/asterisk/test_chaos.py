"""Callers come and go, agents talk, and all the while something dies: see tests/chaos, and scripts/chaos for
the whole of it. Here, and for what the daemon stands on in test_chaos_servers.py, are all faults once, as
short as they may be.
"""

import pytest

from tests.chaos import faults
from tests.chaos.stage import centre_up, check, doors_of, in_turn, trial

pytestmark = [pytest.mark.asterisk, pytest.mark.audio, pytest.mark.slow]
SEED = 82613


async def test_the_daemon_dies_stands_still_and_loses_its_doors() -> None:
    with centre_up() as centre:
        async with doors_of(centre) as doors:
            fault = in_turn(
                faults.kills(8, SEED, pause_s=(0.2, 0.8), away_s=(0.0, 0.0, 0.5)),
                faults.cuts(doors, rounds=1, pause_s=1),
                faults.mute(doors, 1),
                faults.frozen(4, after_s=3),
            )
            check(await trial(centre, "daemon", SEED, fault), talks=15)
