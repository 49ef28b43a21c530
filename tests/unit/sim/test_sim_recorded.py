"""The simulator against what the real Asterisk did; test_sim_conformance.py keeps the record true."""

from tests.support.sim_cases import CASES, STEPS
from tests.support.sim_runs import simulated, whole_program, written


def test_the_simulator_does_what_asterisk_did() -> None:
    program = whole_program()
    assert written({case.name: simulated(program, case) for case in CASES}) == STEPS.read_text()
