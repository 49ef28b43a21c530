"""A stretch of the ledger as something to play again: who came, what is known of him, agents' hours. Pure.

What happened to a caller is known as far as he went. Who gave up after 40 s has that patience; who was
answered after 10 s would have waited longer, how much longer is drawn (see patience.py). Who was never
answered gets the handling of somebody who was.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

import msgspec
from msgspec.structs import replace

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, Outcome, VisitRow
from ccctl.flow.roster import AgentConfig, QueueConfig, Roster
from ccctl.report.kpi import MISSED, RINGING, WORKING, wait_ms
from ccctl.whatif.chance import Chance, pick
from ccctl.whatif.patience import Patience, draw_patience, kaplan_meier
from ccctl.whatif.plan import AWAY_MS, Caller, Duty, Further, Miss, Window

REFUSED = (Outcome.FULL, Outcome.NO_AGENTS)  # they tell nothing about patience
TAKEN_BACK = (OfferOutcome.CALLER_LEFT, OfferOutcome.WITHDRAWN)
AT_WORK = ("ready", *RINGING, *WORKING, "not_responding")  # else he takes a break: so do calls of his own
TIMER = "timer"  # cause of the state after a wrap-up that took all of its time
GONE_MS = 24 * 3_600_000


class Handling(msgspec.Struct, frozen=True):
    """One answered visit: ringing, announcement, talk, and a wrap-up (None: all of its time)."""

    answer_ms: int
    whisper_ms: int
    talk_ms: int
    wrap_up_ms: int | None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One visit of the ledger. `then` is the number of the call's next visit, `gap_ms` what lay between.
    `rang_ms` and `heard_ms`: so long a phone rang, and an agent heard the announcement, when he left."""

    visit: VisitRow
    language: str = ""
    handling: Handling | None = None
    missed: tuple[Miss, ...] = ()
    rang_ms: int = 0
    heard_ms: int = 0
    away_ms: int = AWAY_MS
    then: int | None = None
    gap_ms: int = 0
    first: bool = True


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """By queue: patience, handlings to draw from, the longest wait that was allowed (0: none was seen), and
    whether callers leave a queue without agents."""

    seen: tuple[Seen, ...]
    patience: dict[str, Patience]
    handlings: dict[str, tuple[Handling, ...]]
    max_wait_ms: dict[str, int]
    leave_if_empty: frozenset[str]


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger has of that time. `states` by agent and in order; `languages` by call."""

    visits: Sequence[VisitRow]
    offers: Sequence[OfferRow]
    states: Sequence[AgentStateRow]
    languages: dict[str, str] = {}


def past(records: Records) -> Past:
    """What can be learnt of `records`. A queue in which nobody was answered learns from all others."""
    visits = sorted(records.visits, key=lambda visit: (visit.entered, visit.id))
    queues = {visit.queue for visit in visits}
    seen = _linked(_seen(visits, records))
    handlings = {q: tuple(s.handling for s in seen if s.handling and s.visit.queue == q) for q in queues}
    everywhere = tuple(each for found in handlings.values() for each in found)
    return Past(
        seen=tuple(seen),
        patience={q: kaplan_meier(_waits(visit for visit in visits if visit.queue == q)) for q in queues},
        handlings={q: found or everywhere for q, found in handlings.items()},
        max_wait_ms={q: _longest_allowed(visit for visit in visits if visit.queue == q) for q in queues},
        leave_if_empty=frozenset(v.queue for v in visits if v.outcome is Outcome.NO_AGENTS),
    )


def _waits(visits: Iterable[VisitRow]) -> Iterator[tuple[int, bool]]:
    for visit in visits:
        wait = wait_ms(visit)
        if wait is not None and visit.outcome not in REFUSED:
            yield wait, visit.outcome is Outcome.ABANDONED


def _longest_allowed(visits: Iterable[VisitRow]) -> int:
    return max((wait_ms(visit) or 0 for visit in visits if visit.outcome is Outcome.TIMED_OUT), default=0)


def _seen(visits: Iterable[VisitRow], records: Records) -> list[Seen]:
    offers: dict[str, list[OfferRow]] = defaultdict(list)
    for offer in sorted(records.offers, key=lambda offer: offer.offered):
        offers[offer.visit].append(offer)
    states = sorted(records.states, key=_order)
    wrap_ups, aways = _wrap_ups(states), _aways(states)
    usual = round(median(aways.values())) if aways else AWAY_MS
    found = []
    for visit in visits:
        missed = [offer for offer in offers[visit.id] if offer.outcome in MISSED and offer.ended is not None]
        rang, heard = _interrupted(offers[visit.id])
        found.append(
            Seen(
                visit=visit,
                language=records.languages.get(visit.call, ""),
                handling=_handling(visit, offers[visit.id], wrap_ups),
                missed=tuple(_miss(offer, aways, usual) for offer in missed),
                rang_ms=rang,
                heard_ms=heard,
                away_ms=usual,
            )
        )
    return found


def _order(row: AgentStateRow) -> tuple[str, int, float]:
    """Of two states that began in one moment the one that ended at once was first."""
    return row.agent, row.started, math.inf if row.ended is None else row.ended


def _miss(offer: OfferRow, aways: dict[tuple[str, int], int], usual: int) -> Miss:
    ended = offer.ended or offer.offered
    return Miss(ended - offer.offered, aways.get((offer.agent, ended), usual))


def _interrupted(offers: Sequence[OfferRow]) -> tuple[int, int]:
    """How long the last phone rang for him, and the announcement lasted, when the offer was taken back."""
    last = offers[-1] if offers else None
    if last is None or last.ended is None or last.outcome not in TAKEN_BACK:
        return 0, 0
    if last.answered is None:
        return last.ended - last.offered, 0
    return last.answered - last.offered, last.ended - last.answered


WrapUps = dict[tuple[str, str], int | None]


def _handling(visit: VisitRow, offers: Iterable[OfferRow], wrap_ups: WrapUps) -> Handling | None:
    if visit.answered is None or visit.talk_ended is None:
        return None
    offer = next((offer for offer in offers if offer.outcome is OfferOutcome.ANSWERED), None)
    picked_up = (offer.answered or visit.answered) if offer else visit.answered
    return Handling(
        answer_ms=picked_up - offer.offered if offer else 0,
        whisper_ms=max(0, visit.answered - picked_up),
        talk_ms=visit.talk_ended - visit.answered,
        wrap_up_ms=wrap_ups.get((visit.call, visit.agent)),
    )


def _wrap_ups(states: Iterable[AgentStateRow]) -> WrapUps:
    """(call, agent) -> how long; None where the timer ended it."""
    found: WrapUps = {}
    for row, after in pairwise([*states, None]):
        if row and row.presence == "wrapup" and row.ended is not None:
            by_timer = after is not None and after.agent == row.agent and after.cause == TIMER
            found[row.call, row.agent] = None if by_timer else row.ended - row.started
    return found


def _aways(states: Iterable[AgentStateRow]) -> dict[tuple[str, int], int]:
    """(agent, begin) -> how long he was not responding before he came back; GONE when he rested or left."""
    found = {}
    for row, after in pairwise([*states, None]):
        if row and row.presence == "not_responding" and row.ended is not None:
            follows = after is not None and after.agent == row.agent and after.started == row.ended
            back = follows and after is not None and after.presence in AT_WORK
            found[row.agent, row.started] = row.ended - row.started if back else GONE_MS
    return found


def _linked(seen: list[Seen]) -> list[Seen]:
    """Visits of one call follow each other: the later one depends on how the earlier one ended."""
    latest: dict[str, int] = {}
    for number, each in enumerate(seen):
        visit = each.visit
        before = latest.get(visit.call)
        if before is not None and (end := _end(seen[before].visit)) is not None:
            seen[before] = replace(seen[before], then=number, gap_ms=max(0, visit.entered - end))
            seen[number] = replace(each, first=False)
        latest[visit.call] = number
    return seen


def _end(visit: VisitRow) -> int | None:
    return visit.talk_ended if visit.outcome is Outcome.ANSWERED else visit.ended


# -- to be played --------------------------------------------------------------------------------------


def callers_again(past: Past, chance: Chance) -> list[Caller]:
    """The callers of then; what they did not tell is drawn."""
    return [_caller(past, number, chance) for number, seen in enumerate(past.seen) if seen.first]


def _caller(past: Past, number: int, chance: Chance) -> Caller:
    seen = past.seen[number]
    visit = seen.visit
    wait = wait_ms(visit) or 0
    how = seen.handling or _drawn(past, seen, chance)
    gave_up = visit.outcome in (Outcome.ABANDONED, Outcome.KEY_EXIT)
    patience = wait if gave_up else draw_patience(past.patience[visit.queue], chance, wait)
    allowed = wait if visit.outcome is Outcome.TIMED_OUT else past.max_wait_ms[visit.queue]
    return Caller(
        at=visit.entered,
        queue=visit.queue,
        talk_ms=how.talk_ms,
        patience_ms=patience,
        by_key=visit.outcome is Outcome.KEY_EXIT,
        answer_ms=how.answer_ms,
        whisper_ms=how.whisper_ms,
        wrap_up_ms=how.wrap_up_ms,
        missed=seen.missed,
        away_ms=seen.away_ms,
        priority=visit.priority,
        language=seen.language,
        max_wait_ms=allowed,
        leave_if_empty=visit.queue in past.leave_if_empty,
        then=_further(past, seen, chance),
    )


def _drawn(past: Past, seen: Seen, chance: Chance) -> Handling:
    """As of somebody who was answered, but no sooner than nobody had answered him."""
    how = pick(past.handlings[seen.visit.queue], chance)
    if seen.heard_ms:
        return replace(how, answer_ms=seen.rang_ms, whisper_ms=max(how.whisper_ms, seen.heard_ms + 1))
    return replace(how, answer_ms=max(how.answer_ms, seen.rang_ms + 1)) if seen.rang_ms else how


def _further(past: Past, seen: Seen, chance: Chance) -> Further | None:
    if seen.then is None or seen.visit.outcome is None:
        return None
    return Further(seen.visit.outcome, seen.gap_ms, _caller(past, seen.then, chance))


def duties(states: Iterable[AgentStateRow], window: Window) -> tuple[Duty, ...]:
    """When agents came, went and took breaks of their own will, from the states they were in. What follows
    from calls (ringing, talk, wrap-up, not responding) is played, not copied."""
    by_agent: dict[str, list[AgentStateRow]] = defaultdict(list)
    for row in states:
        if (row.ended is None or row.ended > window.start) and row.ended != row.started:
            by_agent[row.agent].append(row)
    found = [duty for rows in by_agent.values() for duty in _hours(rows, window)]
    return tuple(sorted(found, key=lambda duty: duty.at))


def _hours(rows: Iterable[AgentStateRow], window: Window) -> Iterator[Duty]:
    until: int | None = None  # he is there at least to then; None: he is not there
    resting = False
    for row in rows:
        at = max(row.started, window.start)
        if until is not None and at > until:
            yield Duty(until, row.agent, "logout")
            until = None
        if until is None:
            yield Duty(at, row.agent, "login")
            resting = False
        if (row.presence not in AT_WORK) is not resting:
            resting = not resting
            yield Duty(at, row.agent, "pause" if resting else "unpause")
        until = row.ended
        if until is None:  # that is now: he stays
            return
    if until is not None:
        yield Duty(until, row.agent, "logout")


def completed(roster: Roster, records: Records) -> Roster:
    """With the queues and agents of the ledger that `roster` does not know: an agent serves the queues
    whose calls he was offered."""
    queues = {v.queue: QueueConfig(v.queue, v.queue) for v in records.visits if v.queue not in roster.queues}
    served: dict[str, set[str]] = defaultdict(set)
    for offer in records.offers:
        served[offer.agent].add(offer.queue)
    strangers = {row.agent for row in records.states} - set(roster.agents)
    agents = {
        name: AgentConfig(name, name, "", f"PJSIP/{name}", "", tuple(sorted(served[name])))
        for name in sorted(strangers)
    }
    everybody, all_queues = {**roster.agents, **agents}, {**roster.queues, **queues}
    for name, queue in all_queues.items():
        more = tuple(a.name for a in everybody.values() if name in a.queues and a.name not in queue.agents)
        all_queues[name] = replace(queue, agents=(*queue.agents, *more))
    return replace(roster, agents=everybody, queues=all_queues)
