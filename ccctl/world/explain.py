"""Why him: who could have been rung for a caller, and whose turn it was, as the world is at a moment.

Pure, and changes nothing. `clock` makes words of a time (Unix ms).
"""

from collections.abc import Callable, Iterator

import msgspec

from ccctl.agent.state import Agent, Presence
from ccctl.events import Ref, split_ref
from ccctl.flow.roster import AgentConfig, QueueConfig
from ccctl.queue.line import AgentKey
from ccctl.queue.needs import Need
from ccctl.queue.strategy import Candidate as Seen
from ccctl.queue.strategy import Tally, agent_key, occupancy
from ccctl.world import lending
from ccctl.world.customers import opens_at
from ccctl.world.state import Callback, Visit, World

Clock = Callable[[int], str]
When = tuple[int, Clock]  # the moment, and what makes words of times


class Reason(msgspec.Struct, frozen=True):
    """Why not. `id` is stable: rung, skill, rank, kept, not_a_member, held, queue_paused, engaged, or the
    state that he is in; of agents who would be lent: not_asked, own_callers, service_level."""

    id: str
    text: str


class Candidate(msgspec.Struct, frozen=True):
    """An agent of the caller's queue. `place` is his among those who are free (0: he is not asked)."""

    agent: str
    place: int
    score: str
    reasons: tuple[Reason, ...] = ()


class Caller(msgspec.Struct, frozen=True):
    """One who waits. `place` is his in the one order of those whom the agent may serve (0: he may not)."""

    call: Ref
    queue: str
    place: int
    turn: str
    reasons: tuple[Reason, ...] = ()


# -- agents for a caller -------------------------------------------------------------------------------


def candidates(world: World, call: Ref, at: int, clock: Clock) -> list[Candidate]:
    """The agents of the queue where `call` waits, and those of others whom it may ask: those who are free in
    the strategy's order, the own first, then the others in the order of the queues' lists."""
    visit = world.visits[call]
    queue = world.roster.queues.get(visit.row.queue)
    if queue is None:
        return []
    free: list[tuple[tuple[float, ...], AgentKey]] = []
    others: list[Candidate] = []
    for name in dict.fromkeys((*queue.agents, *_of_others(world, queue))):
        reasons = tuple(reasons_against(world, visit, name, (at, clock)))
        if reasons:
            others.append(Candidate(name, 0, "", reasons))
        else:
            key = _key_of(world, queue, visit.need, name)
            free.append(((name not in queue.agents, *_order(world, queue, key, at)), key))
    free.sort()
    told = [_told(world, queue, place, key, (at, clock)) for place, (_, key) in enumerate(free, start=1)]
    return [*told, *others]


def _of_others(world: World, queue: QueueConfig) -> list[str]:
    """The agents of the queues that it may ask."""
    lenders = [world.roster.queues.get(name) for rule in queue.overflow for name in rule.borrow]
    return [agent for lender in lenders if lender is not None for agent in lender.agents]


def _told(world: World, queue: QueueConfig, place: int, key: AgentKey, when: tuple[int, Clock]) -> Candidate:
    lent = "" if key[3] in queue.agents else "lent, "
    rank = f"rank {key[0]}, " if queue.ranks and not lent else ""
    return Candidate(key[3], place, lent + rank + _score(world, queue, key, *when))


def _key_of(world: World, queue: QueueConfig, need: Need, name: str) -> AgentKey:
    """As it was when he became free: the offer that is being made has changed his tally already."""
    line = world.lines.get(queue.name)
    pool = line.pools.get(need.key) if line else None
    for group in (pool, *pool.lent.values()) if pool is not None else ():
        if name in group.keys:
            return group.keys[name]
    tally = world.tallies.get(queue.name, {}).get(name, Tally())
    return agent_key(queue, Seen(world.agents[name], world.roster.agents[name], tally))


def _order(world: World, queue: QueueConfig, key: AgentKey, at: int) -> tuple[float, ...]:
    if queue.strategy == "least-occupied":
        return key[0], occupancy(world.agents[key[3]], at)
    return key[:3]


def _score(world: World, queue: QueueConfig, key: AgentKey, at: int, clock: Clock) -> str:
    idle = f"idle since {clock(world.agents[key[3]].idle_since)}"
    match queue.strategy:
        case "round-robin":
            return (
                f"his last offer from this queue was number {key[1]}" if key[1] else f"not yet rung, {idle}"
            )
        case "fewest-calls":
            return f"{key[1]} {'call' if key[1] == 1 else 'calls'}, {idle}"
        case "least-occupied":
            return f"with calls {100 * occupancy(world.agents[key[3]], at):.1f} % of his time"
        case "most-skilled":
            return f"skills {-key[1]}, {idle}"
        case "random":
            return f"drawn by lot among those of his rank, {idle}"
        case "linear":
            return f"place {key[1] + 1} of the queue's list"
    return idle


def reasons_against(world: World, visit: Visit, name: str, when: When) -> Iterator[Reason]:
    """All that speaks against ringing this agent for this caller now."""
    yield from unfit(world, visit, name, when)
    if world.is_engaged(name):
        yield Reason("engaged", "has a caller of app_queue, who came while the daemon was away")
    yield from _not_free(world, name, visit.row.call, when[1])
    pause = world.queue_pauses.get(name, {}).get(visit.row.queue)
    if pause is not None:
        why = f": {pause.reason}" if pause.reason else ""
        yield Reason("queue_paused", f"paused for {pause.queue} since {when[1](pause.started)}{why}")


def unfit(world: World, visit: Visit, name: str, when: When) -> Iterator[Reason]:
    """Why he may not serve this caller, free or not."""
    clock = when[1]
    queue, agent = world.roster.queues.get(visit.row.queue), world.roster.agents.get(name)
    lenders = [] if queue is None or agent is None else lenders_of(queue, agent)
    if queue is None or agent is None or (name not in queue.agents and not lenders):
        yield Reason("not_a_member", f"not a member of {visit.row.queue}")
        return
    if name not in queue.agents:
        yield from _lacks(visit.need, agent)
        yield from not_lent(world, visit, lenders, when)
        return
    need = visit.need
    if need.agent:
        if need.agent != name:
            until = f" until {clock(visit.row.entered + visit.later[0].after_ms)}" if visit.later else ""
            yield Reason("kept", f"kept for {need.agent}, the agent he had,{until}".rstrip(","))
        return
    yield from _lacks(need, agent)
    rank = queue.ranks.get(name, 1)
    if need.rank and rank > need.rank:
        after = max(ms for step, ms in queue.escalate.items() if int(step) <= rank)
        yield Reason("rank", f"rank {rank} not asked before {after / 1000:g} s")


def lenders_of(queue: QueueConfig, agent: AgentConfig) -> list[str]:
    """The agent's queues that this one may ask."""
    asked = {name for rule in queue.overflow for name in rule.borrow}
    return [name for name in agent.queues if name in asked]


def not_lent(world: World, visit: Visit, lenders: list[str], when: When) -> Iterator[Reason]:
    """Why none of these queues lends its agents to this caller now; one way is enough."""
    against = [tuple(_not_by(world, visit, lender, when)) for lender in lenders]
    if all(against):
        yield from against[0]


def _not_by(world: World, visit: Visit, lender: str, when: When) -> Iterator[Reason]:
    at, queue = when[0], world.roster.queues[lender]
    if visit.need.agent or not lending.asks(world, visit.row.queue, visit.need, lender, at):
        yield Reason("not_asked", f"{visit.row.queue} does not ask {lender} yet")
    if lending.is_waited_in(world, lender):
        yield Reason("own_callers", f"callers of {lender} wait")
    if queue.lend is not None and not lending.keeps(world, lender, at):
        level = lending.level_of(world, lender, at) or 0.0
        goal = f"{queue.lend.percent} % in {queue.lend.goal_ms / 1000:g} s"
        yield Reason("service_level", f"{lender} keeps {goal} for its own, and had {level:.0f} % lately")


def _lacks(need: Need, agent: AgentConfig) -> Iterator[Reason]:
    for skill, level in need.skills:
        has = agent.skills.get(skill, 0)
        if has < level:
            yield Reason("skill", f"skill {skill} {has} < {level}")


def _not_free(world: World, name: str, call: Ref, clock: Clock) -> Iterator[Reason]:
    agent = world.agents.get(name, Agent(name))
    since, whom = clock(agent.since), _whom(world, agent.call)
    match agent.presence:
        case Presence.OFFLINE:
            yield Reason("offline", "not logged in")
        case Presence.PAUSED:
            yield Reason("paused", f"paused since {since}" + (f": {agent.reason}" if agent.reason else ""))
        case Presence.NOT_RESPONDING:
            why = f": {agent.reason}" if agent.reason else ""
            yield Reason("not_responding", f"did not take a call at {since}{why}")
        case Presence.WRAPUP:
            yield Reason("wrapup", f"in wrap-up since {since}")
        case Presence.RINGING | Presence.WHISPER | Presence.RESERVED if agent.call == call:
            yield Reason("rung", f"{_DOES[agent.presence]} for this caller since {since}")
        case Presence.RINGING | Presence.WHISPER | Presence.RESERVED:
            yield Reason(str(agent.presence), f"{_DOES[agent.presence]} since {since} for {whom}")
        case Presence.TALKING | Presence.HELD | Presence.CONSULTING:
            yield Reason(str(agent.presence), f"{_DOES[agent.presence]} since {since} to {whom}")
        case Presence.DIRECT_CALL | Presence.UNREACHABLE:
            yield Reason(str(agent.presence), f"{_DOES[agent.presence]} since {since}")


def _whom(world: World, call: Ref) -> str:
    callback = world.callback_of(call)
    return call if callback is None else f"{call}, callback {callback.row.id} of {callback.row.number}"


def state_of(world: World, name: str, clock: Clock, call: Ref = "") -> str:
    """What an agent does at this moment; of `call` he is told as of this caller."""
    agent = world.agents.get(name, Agent(name))
    reasons = list(_not_free(world, name, call, clock))
    return reasons[0].text if reasons else f"free since {clock(agent.idle_since)}"


_DOES = {
    Presence.RESERVED: "kept free",
    Presence.RINGING: "ringing",
    Presence.WHISPER: "hearing the announcement",
    Presence.TALKING: "talking",
    Presence.HELD: "holding, and belongs",
    Presence.CONSULTING: "consulting, and belongs",
    Presence.DIRECT_CALL: "in a call outside the queues",
    Presence.UNREACHABLE: "without a registered phone",
}


# -- callers for an agent ------------------------------------------------------------------------------


def callers_for(world: World, agent: str, when: When, chosen: Ref = "") -> list[Caller]:
    """All who wait, in the one order over all queues; `chosen` too, who is being offered at this moment."""
    found: list[Caller] = []
    place = 0
    for visit in _waiting(world, agent, chosen):
        reasons = tuple(_not_for(world, visit, agent, when))
        place += not reasons
        row = visit.row
        found.append(
            Caller(row.call, row.queue, 0 if reasons else place, turn_of(world, visit, when[1]), reasons)
        )
    return found


def _waiting(world: World, agent: str, chosen: Ref) -> list[Visit]:
    """In their order; callers who would have the agent lent come after those of his own queues."""
    here = [visit for call, visit in world.visits.items() if visit.waits or call == chosen]
    own = world.queues_of(agent)
    return sorted(here, key=lambda visit: (_lent_to(world, visit, own), visit.key))


def _lent_to(world: World, visit: Visit, own: tuple[str, ...]) -> bool:
    queue = world.roster.queues.get(visit.row.queue)
    rules = queue.overflow if queue is not None and visit.row.queue not in own else ()
    return any(lender in rule.borrow for rule in rules for lender in own)


def _not_for(world: World, visit: Visit, agent: str, when: When) -> Iterator[Reason]:
    yield from unfit(world, visit, agent, when)
    yield from held(world, visit.row.call)


def held(world: World, call: Ref) -> Iterator[Reason]:
    if world.is_held(call):
        yield Reason("held", f"Asterisk of {split_ref(call)[0]} did not answer, nobody is rung from there")


def turn_of(world: World, visit: Visit, clock: Clock) -> str:
    """By what his place in the order goes."""
    row, key = visit.row, visit.key
    queue = world.roster.queues.get(row.queue)
    ageing = queue.ageing_ms if queue else 0
    since = key[1] + row.priority * ageing
    words = [f"priority {row.priority}", f"since {clock(row.entered)}"]
    if since < row.entered:
        words.append(f"kept his place of {clock(since)}")
    if ageing and row.priority:
        words.append(f"counts as since {clock(key[1])} by ageing")
    return ", ".join(words)


def need_in_words(need: Need) -> str:
    if need.agent:
        return f"only {need.agent}, the agent he had"
    skills = ", ".join(f"{skill} {level}" for skill, level in need.skills)
    ranks = f"ranks up to {need.rank}" if need.rank else ""
    return "; ".join(part for part in (skills, ranks) if part) or "anybody of the queue"


# -- callbacks -----------------------------------------------------------------------------------------


def held_back(world: World, callback: Callback, at: int, clock: Clock) -> str:
    """Why he is not in the line."""
    row, queue = callback.row, world.queue(callback.row.queue)
    until = f"not called before {clock(row.due)}"
    if queue is None:
        return f"{until}: {row.queue} is not in the site any more"
    hours, trunk = queue.callback.hours, queue.callback.via
    opens = opens_at(world, queue, at)
    if opens is None:
        closed = world.switches.get(hours) == "closed"
        return f"not called: {hours} {'was closed by phone' if closed else 'never opens'}"
    if opens > at:
        return f"not called before {clock(max(opens, row.due))}: {hours} opens at {clock(opens)}"
    if world.full.get(trunk, 0) > at:
        return f"{until}: trunk {trunk} had no channel left"
    return f"{until}: {f'the gap after try {row.tries}' if row.tries else 'it was asked for then'}"


def place_of(world: World, call: Ref) -> str:
    """Among all who wait for the queue."""
    own = world.visits[call]
    keys = sorted(
        visit.key for visit in world.visits.values() if visit.row.queue == own.row.queue and visit.waits
    )
    return f"number {1 + sum(key < own.key for key in keys)} of {len(keys) + (not own.waits)}"
