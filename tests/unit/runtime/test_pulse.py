"""A daemon that stood still says so before it believes anything."""

from ccctl.runtime.pulse import STALL_S, Pulse


def test_a_stall_is_told_once_by_whoever_asks_first() -> None:
    now, stalls = [0.0], []
    pulse = Pulse(stalls.append, clock=lambda: now[0])
    for second in (0.5, 0.5, STALL_S, 30.0, 0.1):
        now[0] += second
        pulse.check()
        pulse.check()
    assert stalls == [30.0]
