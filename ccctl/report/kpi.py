"""What the numbers of a call centre mean: pure functions over rows of the ledger.

Units: times are Unix milliseconds, durations milliseconds, shares per cent from 0 to 100.
A share of nothing is None (shown as "-"), never 0 or 100. The formulas, their sources and where
other systems differ are in docs/kpi.md; each docstring says: formula; unit; source.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

import msgspec

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, Outcome, VisitRow

# -- service level ---------------------------------------------------------------------------------


class Abandons(StrEnum):
    """What a caller who hangs up while waiting does to the service level."""

    IGNORE = "ignore"  # not counted at all
    IGNORE_IN_TIME = "ignore_in_time"  # not counted when within the threshold, else a failure
    NEGATIVE = "negative"  # a failure
    POSITIVE = "positive"  # within the threshold a success, else a failure


class FlowOuts(StrEnum):
    """The same for callers who left by time-out, key, transfer, no agents, failure."""

    EXCLUDE = "exclude"
    INCLUDE = "include"  # a failure
    ABANDON = "abandon"  # treated as an abandon


class Callbacks(StrEnum):
    """The same for callers who asked to be called back."""

    SUCCESS = "success"  # within the threshold a success, else a failure
    FLOW_OUT = "flow_out"
    EXCLUDE = "exclude"


class Minor(StrEnum):
    """The same for two kinds that some systems never count: pressed a key, refused at the door."""

    FLOW_OUT = "flow_out"
    EXCLUDE = "exclude"


class CountedAt(StrEnum):
    """When a visit begins to count."""

    EVENT = "event"  # at the end of waiting
    CALL_END = "call_end"  # answered ones at the end of the talk


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A formula for the service level, by its parts. The clock runs from queue entry to the end of
    waiting, ringing included, whispered announcement included; "within" is wait <= threshold."""

    name: str = "custom"
    threshold_ms: int = 20_000
    short_abandon_ms: int = 0  # abandons within this time are not counted at all; 0: none
    abandons: Abandons = Abandons.NEGATIVE
    flow_outs: FlowOuts = FlowOuts.INCLUDE
    callbacks: Callbacks = Callbacks.FLOW_OUT
    key_exits: Minor = Minor.FLOW_OUT
    refused: Minor = Minor.FLOW_OUT  # queue full or without agents on entry
    counted_at: CountedAt = CountedAt.EVENT


SHORT_ABANDON_MS = 5_000

_ANSWERED_ONLY = ServiceLevel(abandons=Abandons.IGNORE, flow_outs=FlowOuts.EXCLUDE)
_ALL = ServiceLevel()
_WITHOUT_SHORT = ServiceLevel(short_abandon_ms=SHORT_ABANDON_MS, flow_outs=FlowOuts.EXCLUDE)


def _presets() -> Iterable[ServiceLevel]:
    based = msgspec.structs.replace
    at_end = CountedAt.CALL_END
    as_abandon = FlowOuts.ABANDON
    queued = ServiceLevel(abandons=Abandons.POSITIVE, refused=Minor.EXCLUDE)
    yield based(_ANSWERED_ONLY, name="asterisk-sl", counted_at=at_end)
    yield based(queued, name="asterisk-sl2", flow_outs=as_abandon, key_exits=Minor.EXCLUDE, counted_at=at_end)
    yield based(_ANSWERED_ONLY, name="cisco-handled")
    yield based(_ALL, name="cisco-without-abandon", abandons=Abandons.IGNORE_IN_TIME)
    yield based(_ALL, name="cisco-positive", abandons=Abandons.POSITIVE)
    yield based(_ALL, name="cisco-negative")
    yield based(queued, name="connect", callbacks=Callbacks.SUCCESS)
    yield based(_WITHOUT_SHORT, name="genesys")
    yield based(_WITHOUT_SHORT, name="genesys-with-short", short_abandon_ms=0)
    yield based(_WITHOUT_SHORT, name="genesys-all", short_abandon_ms=0, flow_outs=FlowOuts.INCLUDE)
    yield based(_WITHOUT_SHORT, name="twilio", callbacks=Callbacks.EXCLUDE)
    yield based(_ANSWERED_ONLY, name="queuemetrics-answered")
    yield based(_ALL, name="queuemetrics-inclusive")


PRESETS: dict[str, ServiceLevel] = {level.name: level for level in _presets()}
DEFAULT_PRESET = "cisco-negative"  # answered in time, of all offered: nothing is left out


def preset(name: str, threshold_ms: int) -> ServiceLevel:
    return msgspec.structs.replace(PRESETS[name], threshold_ms=threshold_ms)


_REFUSED_ON_ENTRY_MS = 1_000


class Verdict(StrEnum):
    """What one visit means for the service level."""

    MET = "met"
    MISSED = "missed"
    UNCOUNTED = "uncounted"


def judge(visit: VisitRow, level: ServiceLevel) -> Verdict:
    """Whether a visit meets, misses or does not touch the service level `level`."""
    wait = wait_ms(visit)
    if visit.outcome is None or wait is None:
        return Verdict.UNCOUNTED
    in_time = wait <= level.threshold_ms
    match visit.outcome:
        case Outcome.ANSWERED:
            open_talk = level.counted_at is CountedAt.CALL_END and visit.talk_ended is None
            return Verdict.UNCOUNTED if open_talk else _met(in_time)
        case Outcome.ABANDONED:
            return _judge_abandon(wait, level)
        case Outcome.CALLBACK if level.callbacks is Callbacks.SUCCESS:
            return _met(in_time)
        case Outcome.CALLBACK if level.callbacks is Callbacks.EXCLUDE:
            return Verdict.UNCOUNTED
        case Outcome.KEY_EXIT if level.key_exits is Minor.EXCLUDE:
            return Verdict.UNCOUNTED
        case Outcome.FULL | Outcome.NO_AGENTS if level.refused is Minor.EXCLUDE and _at_the_door(visit, wait):
            return Verdict.UNCOUNTED
        case _:
            return _judge_flow_out(wait, level)


def _met(in_time: bool) -> Verdict:
    return Verdict.MET if in_time else Verdict.MISSED


def _at_the_door(visit: VisitRow, wait: int) -> bool:
    return visit.outcome is Outcome.FULL or wait <= _REFUSED_ON_ENTRY_MS


def _judge_abandon(wait: int, level: ServiceLevel) -> Verdict:
    in_time = wait <= level.threshold_ms
    if level.abandons is Abandons.IGNORE or is_short(wait, level.short_abandon_ms):
        return Verdict.UNCOUNTED
    if level.abandons is Abandons.IGNORE_IN_TIME and in_time:
        return Verdict.UNCOUNTED
    return _met(in_time and level.abandons is Abandons.POSITIVE)


def _judge_flow_out(wait: int, level: ServiceLevel) -> Verdict:
    match level.flow_outs:
        case FlowOuts.EXCLUDE:
            return Verdict.UNCOUNTED
        case FlowOuts.ABANDON:
            return _judge_abandon(wait, msgspec.structs.replace(level, short_abandon_ms=0))
        case FlowOuts.INCLUDE:
            return Verdict.MISSED


def service_level(visits: Iterable[VisitRow], level: ServiceLevel) -> float | None:
    """met / (met + missed) * 100, as `level` judges; per cent; the presets: docs/kpi.md."""
    verdicts = Counter(judge(visit, level) for visit in visits)
    return percent(verdicts[Verdict.MET], verdicts[Verdict.MET] + verdicts[Verdict.MISSED])


# -- arithmetic ------------------------------------------------------------------------------------


def percent(part: float, whole: float) -> float | None:
    """part / whole * 100; None of nothing."""
    return part / whole * 100 if whole else None


def mean(total: float, count: float) -> float | None:
    """total / count; None of nothing."""
    return total / count if count else None


def percentile(values: Sequence[int], share: float) -> int | None:
    """The smallest value that at least `share` per cent of the values do not exceed (nearest rank);
    the unit of the values; `values` sorted."""
    if not values:
        return None
    rank = -(-len(values) * share // 100)  # rounded up
    return values[max(int(rank), 1) - 1]


def is_short(wait: int, short_abandon_ms: int) -> bool:
    return short_abandon_ms > 0 and wait <= short_abandon_ms


# -- one visit -------------------------------------------------------------------------------------


def wait_ms(visit: VisitRow) -> int | None:
    """ended - entered: from queue entry to the end of waiting; ms; None while waiting."""
    return None if visit.ended is None else visit.ended - visit.entered


def talk_ms(visit: VisitRow) -> int | None:
    """talk_ended - answered; ms; None when not answered or still talking. Hold is part of it."""
    if visit.answered is None or visit.talk_ended is None:
        return None
    return visit.talk_ended - visit.answered


# -- many visits -----------------------------------------------------------------------------------


def offered(visits: Iterable[VisitRow]) -> int:
    """Visits that entered the queue, whatever became of them; calls; Genesys "offered"."""
    return sum(1 for _ in visits)


def outcomes(visits: Iterable[VisitRow]) -> dict[Outcome, int]:
    """Ended visits by their one outcome, every outcome named; calls."""
    counted = Counter(v.outcome for v in visits if v.outcome is not None)
    return {outcome: counted[outcome] for outcome in Outcome}


def waiting(visits: Iterable[VisitRow]) -> int:
    """Visits without an outcome yet; calls. offered = sum of outcomes + waiting."""
    return sum(1 for v in visits if v.outcome is None)


def abandoned(visits: Iterable[VisitRow], short_abandon_ms: int = SHORT_ABANDON_MS) -> tuple[int, int]:
    """(short, long): callers who hung up while waiting, within `short_abandon_ms` or later; calls.
    Time-outs and exits by key are not abandons (app_queue's AMI counter mixes them)."""
    waits = [v.ended - v.entered for v in visits if v.outcome is Outcome.ABANDONED and v.ended is not None]
    short = sum(1 for wait in waits if is_short(wait, short_abandon_ms))
    return short, len(waits) - short


def answer_rate(visits: Sequence[VisitRow]) -> float | None:
    """answered / ended visits * 100; per cent; Genesys "answer rate"."""
    counted = outcomes(visits)
    return percent(counted[Outcome.ANSWERED], sum(counted.values()))


def abandon_rate(visits: Sequence[VisitRow]) -> float | None:
    """abandoned / ended visits * 100, short ones included; per cent; Amazon Connect, Genesys."""
    counted = outcomes(visits)
    return percent(counted[Outcome.ABANDONED], sum(counted.values()))


def _waits(visits: Iterable[VisitRow], wanted: Callable[[VisitRow], bool]) -> list[int]:
    return sorted(v.ended - v.entered for v in visits if v.ended is not None and wanted(v))


def average_speed_of_answer(visits: Iterable[VisitRow]) -> float | None:
    """mean wait of answered visits, ringing included; ms; Amazon Connect "average queue answer time"."""
    waits = _waits(visits, lambda v: v.outcome is Outcome.ANSWERED)
    return mean(sum(waits), len(waits))


def longest_wait(visits: Iterable[VisitRow]) -> int | None:
    """largest wait of ended visits, whatever the outcome; ms."""
    return max(_waits(visits, lambda v: True), default=None)


def wait_percentile(visits: Iterable[VisitRow], share: float) -> int | None:
    """the wait that `share` per cent of the answered visits did not exceed (nearest rank); ms."""
    return percentile(_waits(visits, lambda v: v.outcome is Outcome.ANSWERED), share)


def average_talk(visits: Iterable[VisitRow]) -> float | None:
    """mean talk of visits whose talk has ended, hold included; ms."""
    talks = [talk for visit in visits if (talk := talk_ms(visit)) is not None]
    return mean(sum(talks), len(talks))


class HandleTime(msgspec.Struct, frozen=True):
    """The parts of the handle time. average * handled = talk + wrapup."""

    handled: int = 0
    talk_ms: int = 0
    wrapup_ms: int = 0

    @property
    def average_ms(self) -> float | None:
        """(talk + wrap-up) / handled; ms; Genesys and Amazon Connect AHT, hold being part of talk."""
        return mean(self.talk_ms + self.wrapup_ms, self.handled)


def handle_time(visits: Iterable[VisitRow], wrapups: Iterable[AgentStateRow]) -> HandleTime:
    """Talk of the visits whose talk has ended, and the wrap-up stretches that followed them."""
    talks = [talk for visit in visits if (talk := talk_ms(visit)) is not None]
    after = sum(
        row.ended - row.started for row in wrapups if row.presence == "wrapup" and row.ended is not None
    )
    return HandleTime(len(talks), sum(talks), after)


# -- agents ----------------------------------------------------------------------------------------

OFFLINE = "offline"
TALKING = ("talking", "held", "consulting")
WORKING = (*TALKING, "wrapup")
RINGING = ("reserved", "ringing", "whisper")
IDLE = "ready"


def overlap(started: int, ended: int | None, start: int, end: int) -> int:
    """The part of a stretch inside [start, end); one that has not ended goes on to `end`; ms."""
    return max(0, min(end if ended is None else ended, end) - max(started, start))


def state_times(rows: Iterable[AgentStateRow], start: int, end: int) -> dict[str, int]:
    """Time in each state inside [start, end), stretches cut at the borders; ms."""
    times: Counter[str] = Counter()
    for row in rows:
        times[row.presence] += overlap(row.started, row.ended, start, end)
    return dict(times)


def login_time(times: dict[str, int]) -> int:
    """Sum of the times in all states but offline; ms."""
    return sum(spent for presence, spent in times.items() if presence != OFFLINE)


def occupancy(times: dict[str, int]) -> float | None:
    """(talking + wrap-up) / (talking + wrap-up + ready) * 100; per cent; hold and consultation are talking.
    Amazon Connect: ringing and paused time is neither work nor idleness, and neither are calls outside the
    queues or without a phone."""
    working = sum(times.get(presence, 0) for presence in WORKING)
    return percent(working, working + times.get(IDLE, 0))


def utilisation(times: dict[str, int]) -> float | None:
    """(talking + wrap-up + ringing) / login time * 100; per cent; the announcement and being kept free for a
    caller are ringing. No two systems agree on this one."""
    busy = sum(times.get(presence, 0) for presence in (*WORKING, *RINGING))
    return percent(busy, login_time(times))


MISSED = frozenset(
    {
        OfferOutcome.NO_ANSWER,
        OfferOutcome.REJECTED,
        OfferOutcome.HUNG_UP,
        OfferOutcome.NOT_ACCEPTED,
        OfferOutcome.UNREACHABLE,
    }
)


def missed_offers(offers: Iterable[OfferRow]) -> int:
    """Ringings that the agent's side let go: no answer, rejected, hung up during the whisper,
    not accepted by key, unreachable; offers. A caller who left meanwhile is not the agent's miss (Amazon
    Connect's newer metric)."""
    return sum(1 for offer in offers if offer.outcome in MISSED)
