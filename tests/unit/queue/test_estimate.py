"""The estimated wait: calibrated, better than the formulas of others, never rising, bounded."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.queue import estimate as q
from ccctl.queue.censored import kaplan_meier
from tests.support.line import HOUR_MS, Shop, facts

CALM = Shop(agents=3, per_hour=60, patience_ms=300_000, hours=200)
BUSY = Shop(agents=11, per_hour=240, patience_ms=400_000, hours=80)
LARGE = Shop(agents=60, per_hour=1000, handle_ms=240_000, patience_ms=200_000, hours=20)
PATIENT = Shop(agents=11, per_hour=210, hours=80)


class Guess(msgspec.Struct, frozen=True):
    """What was foretold to a caller who had to wait, and what followed."""

    wait: int
    ours: q.Estimate
    asterisk: int
    by_handle_time: float
    said: q.Minutes | q.Position | q.Nothing


def played(shop: Shop, seed: int = 1, state: q.State | None = None) -> list[Guess]:
    """The estimator and two others along a shop; the first hour is for learning."""
    happened, waits = facts(shop, seed)
    state = state or q.State()
    entered: dict[str, int] = {}
    held = handled = handle_ms = 0
    guesses = []
    for fact in happened:
        match fact:
            case q.Entered(at=at, call=call):
                position = state.in_line + 1
                found = q.estimate(state, position, at)
                if at > HOUR_MS and waits[call] and found:
                    said = q.announcement(state, q.Told(), position, at)
                    theirs = abs(held + 30) // 60 * 60_000, position * handle_ms / handled / shop.agents
                    guesses.append(Guess(waits[call], found, *theirs, said))
                entered[call] = at
                q.fold(state, q.Entered(at, call, position))
                continue
            case q.Answered(at=at, call=call):
                held = (3 * held + (at - entered[call]) // 1000) >> 2
            case q.Handled(handle_ms=one):
                handled, handle_ms = handled + 1, handle_ms + one
        q.fold(state, fact)
    return guesses


def share(guesses: list[Guess], which: str) -> float:
    return sum(guess.wait <= getattr(guess.ours, which) for guess in guesses) / len(guesses)


def mean_error(guesses: list[Guess], which: str) -> float:
    return sum(abs(guess.wait - getattr(guess, which)) for guess in guesses) / len(guesses)


@pytest.mark.parametrize("shop", [CALM, BUSY, LARGE, PATIENT])
def test_of_all_callers_the_foretold_share_waits_no_longer(shop: Shop) -> None:
    """The waits of those who gave up count as they would have been: the estimator has never seen them."""
    guesses = played(shop)
    assert len(guesses) > 3000
    assert share(guesses, "p80_ms") == pytest.approx(0.8, abs=0.03)
    assert share(guesses, "p50_ms") == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("shop", "asterisk", "by_handle_time"), [
    (CALM, 0.75, 0.95), (BUSY, 0.75, 0.95), (LARGE, 0.6, 1.0), (PATIENT, 0.85, 1.15),
])  # fmt: skip
def test_it_errs_less_than_the_formulas_of_others(shop: Shop, asterisk: float, by_handle_time: float) -> None:
    """Where nobody gives up, position * handle time / agents is the theory itself, with all handle times ever
    seen: an estimator that forgets comes near to it only."""
    guesses = played(shop)
    ours = sum(abs(guess.wait - guess.ours.p50_ms) for guess in guesses) / len(guesses)
    assert ours < asterisk * mean_error(guesses, "asterisk")
    assert ours < by_handle_time * mean_error(guesses, "by_handle_time")


def test_when_agents_become_slower_it_follows() -> None:
    state = q.State()
    played(BUSY, 1, state)
    slower = Shop(agents=11, per_hour=160, handle_ms=300_000, patience_ms=400_000, hours=80)
    next_day = msgspec.structs.replace(state, at=0, calls={}, in_line=0)
    assert share(played(slower, 2, next_day), "p80_ms") == pytest.approx(0.8, abs=0.03)


def test_times_are_told_where_they_are_right_and_positions_where_not() -> None:
    said = Counter(type(guess.said).__name__ for guess in played(LARGE))
    assert said["Minutes"] > 0.9 * said.total()
    few = Counter(type(guess.said).__name__ for guess in played(CALM))
    assert few["Position"] > 0.9 * few.total()


def test_told_times_are_right_as_often_as_promised() -> None:
    told = [guess for guess in played(BUSY) if isinstance(guess.said, q.Minutes)]
    assert len(told) > 3000
    times = [(guess.wait, guess.said.minutes * 60_000) for guess in told if isinstance(guess.said, q.Minutes)]
    right = sum(abs(wait - time) <= max(q.BOUND_MS, time / 2) for wait, time in times)
    assert right > 0.8 * len(times)


# -- whatever happens --------------------------------------------------------------------------------

CALLS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.tuples(
        st.integers(0, 200_000),
        st.one_of(
            st.builds(q.Staffed, st.just(0), st.integers(0, 5)),
            st.builds(q.Entered, st.just(0), CALLS, st.integers(0, 50)),
            st.builds(q.Taken, st.just(0), CALLS),
            st.builds(q.Back, st.just(0), CALLS),
            st.builds(q.Answered, st.just(0), CALLS),
            st.builds(q.Left, st.just(0), CALLS),
            st.builds(q.Handled, st.just(0), st.integers(0, 900_000)),
        ),
    ),
    max_size=60,
)


def run(state: q.State, steps: list[tuple[int, q.Fact]]) -> int:
    at = state.at
    for later, fact in steps:
        at += later
        q.fold(state, msgspec.structs.replace(fact, at=at))
        assert state.in_line == sum(caller.in_line for caller in state.calls.values())
    return at


def experienced() -> q.State:
    """So well known a queue that times are told."""
    state = q.State()
    for guess in played(msgspec.structs.replace(LARGE, hours=4), 5, state)[-1:]:
        assert isinstance(guess.said, q.Minutes)
    return state


EXPERIENCED = msgspec.msgpack.encode(experienced())


@given(STEPS, st.integers(-1, 100_000), st.booleans())
def test_never_negative_and_in_order(steps: list[tuple[int, q.Fact]], position: int, known: bool) -> None:
    state = msgspec.msgpack.decode(EXPERIENCED, type=q.State) if known else q.State()
    at = run(state, steps)
    found = q.estimate(state, position, at)
    assert found is None or 0 <= found.p50_ms <= found.p80_ms


@given(STEPS)
def test_without_enough_evidence_no_time_is_told(steps: list[tuple[int, q.Fact]]) -> None:
    """So few steps hold fewer answered callers than are needed."""
    state = q.State()
    at = run(state, steps[: 2 * q.ENOUGH - 1])
    assert not isinstance(q.announcement(state, q.Told(), 1, at), q.Minutes)


@given(st.lists(st.tuples(STEPS, st.integers(0, 40)), max_size=8))
def test_nothing_rises_for_one_caller(rounds: list[tuple[list[tuple[int, q.Fact]], int]]) -> None:
    state = msgspec.msgpack.decode(EXPERIENCED, type=q.State)
    told = q.Told()
    for steps, position in rounds:
        at = run(state, steps)
        said = q.announcement(state, told, position, at)
        match said:
            case q.Minutes(minutes):
                assert minutes >= 1
                assert not told.until or at + minutes * 60_000 <= told.until
            case q.Position():
                assert said.position >= 1
                assert not told.position or said.position <= told.position
        told = told.and_now(said, at)


def test_a_caller_hears_his_time_fall_and_after_it_only_his_position() -> None:
    state = msgspec.msgpack.decode(EXPERIENCED, type=q.State)
    at = state.at
    far = next(n for n in range(1, 5000) if q.announcement(state, q.Told(), n, at) == q.Minutes(5))
    told = q.Told().and_now(q.Minutes(5), at)
    assert q.announcement(state, told, far, at + 60_000) == q.Position(far)  # nothing moved: that is later
    nearer = q.announcement(state, told, far // 2, at + 60_000)
    assert isinstance(nearer, q.Minutes)
    assert nearer.minutes <= 4
    assert q.announcement(state, told, 1, at + 301_000) == q.Position(1)
    assert q.announcement(state, q.Told(until=told.until, position=2), far, at + 301_000) == q.Nothing()


def test_without_agents_there_is_no_time() -> None:
    state = msgspec.msgpack.decode(EXPERIENCED, type=q.State)
    q.fold(state, q.Staffed(state.at, 0))
    assert q.estimate(state, 1, state.at) is None
    assert q.announcement(state, q.Told(), 3, state.at) == q.Position(3)


def test_while_nobody_is_taken_the_estimate_rises() -> None:
    state = msgspec.msgpack.decode(EXPERIENCED, type=q.State)
    q.fold(state, q.Entered(state.at, "x", state.in_line + 1))
    now, later = (q.estimate(state, 5, state.at + ms) for ms in (0, HOUR_MS))
    assert now is not None
    assert later is not None
    assert later.p80_ms > 2 * now.p80_ms


def test_the_state_is_as_large_after_any_number_of_calls() -> None:
    sizes = []
    for hours in (20, 60):
        state = q.State()
        played(msgspec.structs.replace(CALM, hours=hours), 1, state)
        assert len(state.scores) <= q.MEMORY
        state.calls.clear()
        sizes.append(len(msgspec.json.encode(state)))
    assert sizes[1] < 1.1 * sizes[0]


def test_a_state_goes_through_a_snapshot() -> None:
    state = msgspec.msgpack.decode(EXPERIENCED, type=q.State)
    assert state == experienced()


def test_far_back_the_sum_is_as_if_summed_one_by_one() -> None:
    one_by_one = [1 / (0.001 + ahead * 0.00002) for ahead in range(400)]
    mean, variance = q._steps(0.001, 0.00002, 400)
    assert mean == pytest.approx(sum(one_by_one), rel=1e-4)
    assert variance == pytest.approx(sum(each**2 for each in one_by_one), rel=1e-4)
    assert q._steps(0.001, 0.0, 400)[0] == pytest.approx(400_000)


def test_of_censored_values_quantiles_are_found_where_they_were_seen() -> None:
    curve = kaplan_meier([(1, True), (2, False), (3, True), (4, True), (5, False)])
    assert curve.values == (1, 3, 4)
    assert curve.above == pytest.approx((0.8, 0.8 * 2 / 3, 0.8 / 3))
    assert curve.share_above(0) == 1
    assert (curve.quantile(0.2), curve.quantile(0.5), curve.quantile(0.7)) == (1, 4, 4)
    assert curve.quantile(0.8) is None
