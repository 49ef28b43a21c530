"""The whole suite, as `scripts/chaos` runs it: each fault on a call centre of its own, then a table."""

import argparse
import asyncio
import random
import sys
from collections.abc import Callable

from ccctl.lab.phones import PhoneError
from tests.chaos import faults
from tests.chaos.stage import Doors, Fault, Result, centre_on, centre_up, doors_of, small_disk, trial
from tests.support.postgres import Cluster
from tests.support.running import Centre

ROUNDS, KILLS = 5, 10


def plain(name: str, seed: int, fault: Fault, lost: bool = False) -> Result:
    with centre_up() as centre:
        return asyncio.run(trial(centre, name, seed, fault, lost))


def with_doors(name: str, seed: int, make: Callable[[Doors], Fault]) -> Result:
    async def run(centre: Centre) -> Result:
        async with doors_of(centre) as doors:
            return await trial(centre, name, seed, make(doors))

    with centre_up() as centre:
        return asyncio.run(run(centre))


def on_postgresql(name: str, seed: int, make: Callable[[Cluster], Fault]) -> Result:
    cluster = Cluster()
    try:
        cluster.start()
        with centre_up(cluster.create_database()) as centre:
            return asyncio.run(trial(centre, name, seed, make(cluster)))
    finally:
        cluster.remove()


def on_small_disk(name: str, seed: int, seconds: float) -> Result:
    with small_disk() as room, centre_on(room) as centre:
        return asyncio.run(trial(centre, name, seed, faults.disk_full(room, seconds)))


TRIALS: dict[str, Callable[[int], Result]] = {
    **{
        f"kill -9, {n}": lambda seed, n=n: plain(f"kill -9, {n}", seed + n, faults.kills(KILLS, seed + n))  # type: ignore[misc]
        for n in range(1, ROUNDS + 1)
    },
    "doors cut": lambda seed: with_doors("doors cut", seed, faults.cuts),
    "AMI mute": lambda seed: with_doors("AMI mute", seed, lambda doors: faults.mute(doors, 30)),
    "frozen": lambda seed: plain("frozen", seed, faults.frozen(30)),
    "Asterisk dies": lambda seed: plain("Asterisk dies", seed, faults.asterisk_dies, lost=True),
    "SQLite locked": lambda seed: plain("SQLite locked", seed, faults.locked(60)),
    "PostgreSQL gone": lambda seed: on_postgresql(
        "PostgreSQL gone", seed, lambda cluster: faults.database_gone(cluster, 60)
    ),
    "disk full": lambda seed: on_small_disk("disk full", seed, 30),
    "two daemons": lambda seed: on_postgresql("two daemons", seed, lambda _: faults.second_daemon),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the run")
    parser.add_argument("--only", default="", help="trials whose name holds this")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    results = []
    for name, run in TRIALS.items():
        if given.only in name:
            results.append(_try(name, given.seed, run))
            show(results[-1])
    worst = max((result.talk_gap for result in results), default=None)
    found = sum(len(result.found) for result in results)
    calls, talks = (sum(getattr(result, what) for result in results) for what in ("calls", "talks"))
    print(f"{calls} calls, {talks} talks, longest gap in a talk {worst}; {found} found; seed {given.seed}")
    return 1 if found else 0


def _try(name: str, seed: int, run: Callable[[int], Result]) -> Result:
    try:
        return run(seed)
    except (AssertionError, PhoneError, PermissionError) as error:
        return Result(name, seed, done="broken off", found=[str(error)])


def show(result: Result) -> None:
    print(
        f"{result.name:16} {result.seconds:5.0f} s {result.calls:4} calls {result.talks:4} talks"
        f"  gaps: talk {result.talk_gap.seconds:.2f} s, music {result.music_gap.seconds:.2f} s"
        f"  found {len(result.found)}  seed {result.seed}\n{'':16} {result.done}"
    )
    for finding in result.found:
        print(f"{'':16} - {finding}"[:1500])
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
