"""What a queue does in the long run, by theory: Erlang C (callers wait for ever) and Erlang A (they give up).

Both assume: calls arrive by chance at a constant rate (Poisson), handle times are exponential, so is
patience; agents are alike, all are there all the time, callers are served in order of arrival. Durations are
ms, probabilities 0 to 1. Each docstring says: formula; source.

Sources: [E] A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in
automatic telephone exchanges", 1917. [P] C. Palm, "Research on telephone traffic carried by full availability
groups", Tele 1957 (first in Swedish, 1946). [MZ] A. Mandelbaum and S. Zeltyn, "The Palm/Erlang-A queue, with
applications to call centers", 2005, and the appendix of their "Staffing many-server queues with impatient
customers", 2009, for the integrals.
"""

import math
from collections.abc import Callable

import msgspec

INTERVALS = 2000  # of Simpson's rule
NOTHING = 45.0  # exp(-45) adds nothing to a sum that is about one


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """`per_hour` calls come, each needs an agent for `handle_ms` in the mean; there are `agents`. All are
    above 0."""

    per_hour: float
    handle_ms: float
    agents: int

    @property
    def load(self) -> float:
        """Calls in service if nobody had to wait: arrival rate * handle time; erlangs."""
        return self.per_hour / HOUR_MS * self.handle_ms


HOUR_MS = 3_600_000


def erlang_b(load: float, agents: int) -> float:
    """Share of calls that find all agents busy when nobody waits: B(0) = 1,
    B(n) = load * B(n-1) / (n + load * B(n-1)); [E], in the recursive form that never overflows."""
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


# -- Erlang C: M/M/n --------------------------------------------------------------------------------


def delay_probability(traffic: Traffic) -> float:
    """Share of callers who wait: C = n B / (n - load (1 - B)); 1 when the load is not below n; [E]."""
    load, agents = traffic.load, traffic.agents
    if load >= agents:
        return 1.0
    blocked = erlang_b(load, agents)
    return agents * blocked / (agents - load * (1 - blocked))


def mean_wait(traffic: Traffic) -> float:
    """Mean wait of all callers: C * handle / (n - load); ms; infinite when the load is not below n; [E]."""
    spare = traffic.agents - traffic.load
    return delay_probability(traffic) * traffic.handle_ms / spare if spare > 0 else math.inf


def service_level(traffic: Traffic, threshold_ms: float) -> float:
    """Share of callers who wait at most so long: 1 - C exp(-(n - load) threshold / handle); [E]."""
    spare = traffic.agents - traffic.load
    if spare <= 0:
        return 0.0
    return 1 - delay_probability(traffic) * math.exp(-spare * threshold_ms / traffic.handle_ms)


# -- Erlang A: M/M/n+M ------------------------------------------------------------------------------


class Impatient(msgspec.Struct, frozen=True, kw_only=True):
    """The long run with callers who give up. Shares are of all calls, `mean_wait_ms` is of all calls,
    `answered_wait_ms` of those who were answered."""

    waiting: float
    abandoned: float
    within: float
    mean_wait_ms: float
    answered_wait_ms: float
    occupancy: float


def erlang_a(traffic: Traffic, patience_ms: float, threshold_ms: float = 20_000) -> Impatient:
    """M/M/n+M with mean patience `patience_ms`; `within` is the share answered within the threshold.

    With rates a (arrivals), m (service of one agent), g (giving up): the time that a caller would have to
    wait has at x > 0 the density a f(x) / D with f(x) = exp(a (1 - exp(-g x)) / g - n m x), and it is 0 with
    probability E / D, where D = E + a J, J the integral of f, E = 1 / B(n-1) of Erlang B. Who would have to
    wait x is still there with probability exp(-g x). So

        waiting = a J / D       abandoned = (1 + (a - n m) J) / D       mean wait = abandoned / g
        answered within t = (E + integral of a exp(-g x) f(x) from 0 to t) / D

    and the mean wait of those answered is that of x over the last integrand; [P], [MZ]."""
    curve = _Curve(traffic, patience_ms)
    arrivals, agents = curve.arrivals, traffic.agents / traffic.handle_ms
    whole = curve.integral(curve.height)
    idle = curve.unit / erlang_b(traffic.load, traffic.agents - 1)
    total = idle + arrivals * whole
    abandoned = max(0.0, (curve.unit + (arrivals - agents) * whole) / total)
    in_time = curve.integral(curve.answered, threshold_ms)
    waited = curve.integral(lambda x: x * curve.answered(x))
    return Impatient(
        waiting=arrivals * whole / total,
        abandoned=abandoned,
        within=(idle + in_time) / total,
        mean_wait_ms=abandoned * patience_ms,
        answered_wait_ms=waited / (idle + curve.integral(curve.answered)),
        occupancy=traffic.load * (1 - abandoned) / traffic.agents,
    )


class _Curve:
    """f of erlang_a, divided by its highest value so that no load overflows; `unit` is what 1 became."""

    def __init__(self, traffic: Traffic, patience_ms: float) -> None:
        self.arrivals = traffic.per_hour / HOUR_MS
        self._served = traffic.agents / traffic.handle_ms
        self._patience_ms = patience_ms
        self._peak = math.log(max(self.arrivals / self._served, 1.0)) * patience_ms
        self._top = self._exponent(self._peak)
        self.unit = math.exp(-self._top)

    def _exponent(self, x: float) -> float:
        given_up = -math.expm1(-x / self._patience_ms) * self._patience_ms
        return self.arrivals * given_up - self._served * x

    def height(self, x: float) -> float:
        """f(x)."""
        return math.exp(self._exponent(x) - self._top)

    def answered(self, x: float) -> float:
        """a exp(-g x) f(x): of those who would have to wait x, the ones who still do."""
        return self.arrivals * math.exp(self._exponent(x) - self._top - x / self._patience_ms)

    def _end(self) -> float:
        """Where nothing is left of f."""
        end = self._peak + 1 / self._served
        while self._exponent(end) - self._top > -NOTHING:
            end *= 1.25
        return end

    def integral(self, of: Callable[[float], float], until: float = math.inf) -> float:
        """From 0 to `until`; Simpson's rule."""
        until = min(until, self._end())
        step = until / INTERVALS
        inner = sum(of(n * step) * (4 if n % 2 else 2) for n in range(1, INTERVALS))
        return (of(0) + inner + of(until)) * step / 3
