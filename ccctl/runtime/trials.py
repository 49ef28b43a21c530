"""Runs of a study, one after the other or on all cores; the seed decides, not the number of cores."""

import multiprocessing
import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from ccctl.whatif.study import Run, Study, run_once, who_comes

ALONE = 20_000  # so many callers in all are played before other processes have begun


def chance(seed: int, run: int) -> random.Random:
    """Of one run: the same for the same numbers, on every machine."""
    return random.Random(f"{seed}:{run}")  # noqa: S311 - a simulation, not a secret


def trials(study: Study, seed: int, runs: int) -> Iterator[Run]:
    """The runs in their order."""
    callers = len(who_comes(study, chance(seed, 0))) * len(study.plans) * runs
    cores = min(runs, os.cpu_count() or 1)
    if cores == 1 or callers <= ALONE:
        return (run_once(study, chance(seed, run)) for run in range(runs))
    return _together(study, seed, runs, cores)


def _together(study: Study, seed: int, runs: int, cores: int) -> Iterator[Run]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, initializer=_begin, initargs=(study, seed)) as pool:
        yield from pool.map(_run, range(runs))


def _begin(study: Study, seed: int) -> None:
    _begun.append((study, seed))


def _run(run: int) -> Run:
    study, seed = _begun[-1]
    return run_once(study, chance(seed, run))


_begun: list[tuple[Study, int]] = []  # in a process of its own: what it is to play
