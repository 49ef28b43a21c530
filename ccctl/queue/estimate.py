"""How long a caller will wait, said honestly: a quantile that is measured against what then happened. Pure.

The state of a queue is folded over facts. A wait is the sum of steps forward: with j callers ahead the next
step comes at the rate agents * (rate at which one agent takes callers) + j * (rate at which one waiting
caller gives up), so a wait has a mean and a spread (Whitt, "Improving service by informing customers about
anticipated delays", 1999). That assumes much; so each real wait is held against what was foretold when the
caller came, and quantiles are moved to where the real ones were lately. Who gave up counts as longer than
that (see censored.py).

A caller is never told more than before: what he was told last, less the time since, is an upper bound. A time
is told only while the times that would have been told lately were right often enough.

Times are Unix ms, durations ms. Everything is bounded: a fact costs the same whatever number of calls came
before, the state grows only with the callers who wait now.
"""

import math
from enum import StrEnum

import msgspec

from ccctl.queue.censored import Curve, kaplan_meier

MEMORY = 200  # observations that count; older ones fade
REFRESH = 10  # after so many callers what is measured is worked out again
ENOUGH = 30  # callers who were answered after waiting, before anything is told
KNOWN_BY_TALK = 10.0  # what handle times say of the rate counts as much as this many callers who were taken
LEAST_EVENTS = 3.0
STEPS = 32  # steps that are summed one by one; those beyond by an integral
MINUTE_MS = 60_000
BOUND_MS = 60_000  # a told time is right within this, or within half of itself
RIGHT = 0.8  # so large a share of the told times has to be right
NORMAL_P50, NORMAL_P80 = 0.0, 0.8416


# -- facts -------------------------------------------------------------------------------------------


class Base(msgspec.Struct, frozen=True, tag=True):
    at: int


class Staffed(Base, frozen=True):
    """So many agents of the queue can take calls: ready, or busy with one and then ready again."""

    agents: int


class Entered(Base, frozen=True):
    """A caller came. `position` is his place among those for whom no phone rings yet, from 1."""

    call: str
    position: int


class Taken(Base, frozen=True):
    """A phone rings for him."""

    call: str


class Back(Base, frozen=True):
    """Nobody came to the phone: he is in line again."""

    call: str


class Answered(Base, frozen=True):
    call: str


class Left(Base, frozen=True):
    """He did not wait for an answer: gave up, timed out, left by a key, was taken elsewhere."""

    call: str


class Handled(Base, frozen=True):
    """An agent is done with a caller: ringing, talk and wrap-up took `handle_ms`."""

    handle_ms: int


Fact = Staffed | Entered | Taken | Back | Answered | Left | Handled


# -- state -------------------------------------------------------------------------------------------


class Lately(msgspec.Struct):
    """`events` in `ms`, of the last observations; older ones fade."""

    seen: float = 0.0
    events: float = 0.0
    ms: float = 0.0


class Law(msgspec.Struct, frozen=True):
    """A wait that is not known: its mean and its standard deviation."""

    mean_ms: float
    spread_ms: float


class Waiting(msgspec.Struct):
    """A caller in the queue, and what was foretold when he came. `taken` is when the last phone began to
    ring; `held`: he had to wait for an agent."""

    entered: int
    law: Law | None
    told_ms: int
    in_line: bool = True
    held: bool = True
    taken: int = 0


class Scored(msgspec.Struct, frozen=True, array_like=True):
    """How a real wait lay to what was foretold; for a caller who left both are the least it can be.

    `score` is the number of standard deviations of the law, `error` (real - told) / what is allowed."""

    score: float
    error: float
    answered: bool


class Measured(msgspec.Struct, frozen=True):
    """What the scores say. `right`: the share of told times that were right; None: too few callers."""

    p50: float = NORMAL_P50
    p80: float = NORMAL_P80
    right: float | None = None


class State(msgspec.Struct):
    """What is known of one queue."""

    at: int = 0
    agents: int = 0
    in_line: int = 0
    calls: dict[str, Waiting] = {}
    taking: Lately = msgspec.field(default_factory=Lately)  # by agents, while somebody is in line
    leaving: Lately = msgspec.field(default_factory=Lately)  # by callers in line
    handling: Lately = msgspec.field(default_factory=Lately)
    ringing: Lately = msgspec.field(default_factory=Lately)
    scores: list[Scored] = []
    fresh: int = 0  # scores since `measured` was worked out
    measured: Measured = Measured()


def fold(state: State, fact: Fact) -> None:
    """Take in one fact; they come in order. What speaks of an unknown call is passed over."""
    _pass(state, fact.at)
    match fact:
        case Staffed(agents=agents):
            state.agents = agents
        case Handled(handle_ms=handle_ms):
            _observe(state.handling, max(0, handle_ms))
        case Entered():
            _enter(state, fact)
        case _ if fact.call in state.calls:
            _of_call(state, fact, state.calls[fact.call])


def _pass(state: State, at: int) -> None:
    """Time in which somebody was in line is time in which agents could have taken him, and he given up."""
    passed = max(0, at - state.at) if state.in_line else 0
    state.taking.ms += passed * state.agents
    state.leaving.ms += passed * state.in_line
    state.at = max(state.at, at)


def _observe(lately: Lately, ms: float = 0.0, events: int = 1) -> None:
    lately.seen += 1
    lately.events += events
    lately.ms += ms
    if lately.seen > MEMORY:
        fade = MEMORY / lately.seen
        lately.seen, lately.events, lately.ms = MEMORY, lately.events * fade, lately.ms * fade


def _enter(state: State, fact: Entered) -> None:
    if fact.call in state.calls:
        return
    law = _law(state, fact.position, fact.at)
    state.calls[fact.call] = Waiting(fact.at, law, _minutes(_quantile(law, state.measured.p80)) if law else 0)
    state.in_line += 1


def _of_call(state: State, fact: Taken | Back | Answered | Left, caller: Waiting) -> None:
    match fact:
        case Taken():
            if not caller.taken:
                caller.held = fact.at > caller.entered
            caller.taken = fact.at
            _in_line(state, caller, False)
        case Back():
            caller.held = True
            _in_line(state, caller, True)
        case Answered() | Left():
            _in_line(state, caller, False)
            del state.calls[fact.call]
            _end(state, caller, fact)


def _in_line(state: State, caller: Waiting, in_line: bool) -> None:
    state.in_line += in_line - caller.in_line
    caller.in_line = in_line


def _end(state: State, caller: Waiting, fact: Answered | Left) -> None:
    """Who was rung for at once did not wait for an agent: he tells nothing but how long phones ring."""
    answered = isinstance(fact, Answered)
    if answered and caller.taken:
        _observe(state.ringing, max(0, fact.at - caller.taken))
    if not caller.held or fact.at == caller.entered:
        return
    _observe(state.leaving, events=not answered)
    if answered:
        _observe(state.taking)
    if caller.law:
        _score(state, caller, caller.law, max(0, fact.at - caller.entered), answered)


# -- what is foretold --------------------------------------------------------------------------------


def _law(state: State, position: int, at: int) -> Law | None:
    """The wait of whom `position` - 1 are ahead of; None while nothing is known of the rates."""
    waited = max(0, at - state.at) if state.in_line else 0
    events, ms = state.taking.events, state.taking.ms + waited * state.agents
    if state.handling.events:
        events += KNOWN_BY_TALK
        ms += KNOWN_BY_TALK * state.handling.ms / state.handling.events
    if events < LEAST_EVENTS or ms <= 0 or state.agents <= 0:
        return None
    giving_up = state.leaving.events / state.leaving.ms if state.leaving.ms else 0.0
    mean, variance = _steps(state.agents * events / ms, giving_up, max(1, position))
    ring = state.ringing.ms / state.ringing.events if state.ringing.events else 0.0
    return Law(mean + ring, math.sqrt(variance + ring * ring))


def _steps(service: float, giving_up: float, steps: int) -> tuple[float, float]:
    """Mean and variance of the sum of exponential times with the rates service + j * giving_up, j < steps."""
    rates = [service + j * giving_up for j in range(min(steps, STEPS))]
    mean, variance = sum(1 / rate for rate in rates), sum(1 / rate**2 for rate in rates)
    if steps > STEPS:
        more = steps - STEPS
        first, last = service + (STEPS - 0.5) * giving_up, service + (steps - 0.5) * giving_up
        mean += math.log(last / first) / giving_up if last > first else more / first
        variance += more / (first * last)
    return mean, variance


def _quantile(law: Law, score: float) -> float:
    """The wait at `score` standard deviations: gamma by the cube root of Wilson and Hilferty (1931)."""
    spread = law.spread_ms / law.mean_ms
    root: float = 1 - spread**2 / 9 + score * spread / 3
    return law.mean_ms * max(root, 0.0) ** 3


def _score_of(law: Law, wait_ms: float) -> float:
    """The other way round."""
    spread = law.spread_ms / law.mean_ms
    return (math.cbrt(wait_ms / law.mean_ms) - 1 + spread**2 / 9) * 3 / spread


# -- what is measured --------------------------------------------------------------------------------


def _score(state: State, caller: Waiting, law: Law, wait_ms: int, answered: bool) -> None:
    error = (wait_ms - caller.told_ms) / max(BOUND_MS, caller.told_ms / 2)
    state.scores.append(Scored(_score_of(law, wait_ms), error, answered))
    del state.scores[:-MEMORY]
    state.fresh += 1
    if state.fresh >= REFRESH:
        state.fresh = 0
        state.measured = _measure(state.scores)


def _measure(scores: list[Scored]) -> Measured:
    if sum(each.answered for each in scores) < ENOUGH:
        return Measured()
    curve = kaplan_meier((each.score, each.answered) for each in scores)
    errors = kaplan_meier((each.error, each.answered) for each in scores)
    right = errors.share_above(math.nextafter(-1.0, -2.0)) - errors.share_above(1.0)
    p50 = _seen(curve, 0.5, NORMAL_P50)
    return Measured(p50, max(p50, _seen(curve, 0.8, NORMAL_P80)), right)


def _seen(curve: Curve[float], share: float, usual: float) -> float:
    """A quantile of the scores; where so many gave up that it was not seen, no less than what was."""
    found = curve.quantile(share)
    return max(usual, curve.values[-1]) if found is None else found


# -- what can be asked -------------------------------------------------------------------------------


class Basis(StrEnum):
    RATES = "rates"  # of live rates alone
    MEASURED = "measured"  # moved to where real waits were lately


class Estimate(msgspec.Struct, frozen=True):
    """Half of the callers wait no longer than `p50_ms`, four of five no longer than `p80_ms`."""

    p50_ms: int
    p80_ms: int
    basis: Basis


def estimate(state: State, position: int, at: int) -> Estimate | None:
    """The wait from `at` on of whoever stands at `position` now; None while nothing is known."""
    law = _law(state, position, at)
    if law is None:
        return None
    found = state.measured
    basis = Basis.RATES if found.right is None else Basis.MEASURED
    return Estimate(round(_quantile(law, found.p50)), round(_quantile(law, found.p80)), basis)


class Minutes(msgspec.Struct, frozen=True):
    minutes: int


class Position(msgspec.Struct, frozen=True):
    position: int


class Nothing(msgspec.Struct, frozen=True):
    pass


class Told(msgspec.Struct, frozen=True):
    """What one caller was told so far: his turn by the time `until`; he is at `position`. 0: nothing yet."""

    until: int = 0
    position: int = 0

    def and_now(self, said: Minutes | Position | Nothing, at: int) -> "Told":
        match said:
            case Minutes(minutes):
                return Told(at + minutes * MINUTE_MS, self.position)
            case Position(position):
                return Told(self.until, position)
            case Nothing():
                return self


def announcement(state: State, told_before: Told, position: int, at: int) -> Minutes | Position | Nothing:
    """What to tell him now. A time only when times were right lately and it is no later than the one that he
    was told before; else his position, if he is no further back than he was told; else nothing."""
    found = estimate(state, position, at) if proven(state) else None
    if found:
        minutes = _minutes(found.p80_ms) // MINUTE_MS
        if not told_before.until or at + max(found.p80_ms, minutes * MINUTE_MS) <= told_before.until:
            return Minutes(minutes)
    if position < 1 or 0 < told_before.position < position:
        return Nothing()
    return Position(position)


def proven(state: State) -> bool:
    """Whether times that would have been told lately were right often enough."""
    return state.measured.right is not None and state.measured.right >= RIGHT


def _minutes(wait_ms: float) -> int:
    """As it is told: whole minutes, at least one; ms."""
    return max(1, math.floor(wait_ms / MINUTE_MS + 0.5)) * MINUTE_MS
