"""What a caller needs of an agent, and how that becomes less the longer he waits. Pure."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ccctl.flow.roster import AgentConfig, QueueConfig


class Need(msgspec.Struct, frozen=True):
    """`skills`: least levels. `rank`: agents of a higher rank are not asked yet (0: everybody is).
    `agent`: him alone. `rules`: the overflow rules of the queue for which the wait was long enough."""

    skills: tuple[tuple[str, int], ...] = ()
    rank: int = 0
    agent: str = ""
    rules: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Callers whose needs have the same key share a pool."""
        levels = ",".join(f"{skill}:{level}" for skill, level in self.skills)
        whom = f"@{self.agent}" if self.agent else f"{levels}/{self.rank}" if self.rank else levels
        return f"{whom}!{','.join(map(str, self.rules))}" if self.rules else whom

    def fits(self, agent: AgentConfig, rank: int) -> bool:
        if self.agent:
            return agent.name == self.agent
        if self.rank and rank > self.rank:
            return False
        return all(agent.skills.get(skill, 0) >= level for skill, level in self.skills)


class Stage(msgspec.Struct, frozen=True):
    """From `after_ms` of waiting on, `need` is enough."""

    after_ms: int
    need: Need


def stages(queue: QueueConfig, language: str, agent: str = "") -> tuple[Stage, ...]:
    """The needs of a caller of this language, in the order of time; the first from the beginning on.

    `agent` is the one whom he had last or asks for: he alone is asked until the queue's `sticky_wait_ms`
    are over. A language skill is never relaxed, unless the queue relaxes it by name.
    """
    kept_ms = queue.sticky_wait_ms if agent else 0
    times = {0, kept_ms, *(each.after_ms for each in queue.relax), *queue.escalate.values()}
    times |= {rule.after_ms for rule in queue.overflow}
    alone = Need(agent=agent)
    needs = ((t, _need(queue, language, t) if t >= kept_ms else alone) for t in sorted(times))
    return tuple(_without_repeats(Stage(t, replace(need, rules=_rules(queue, t))) for t, need in needs))


def refitted(now: Stage, later: Iterable[Stage], queue: QueueConfig) -> tuple[Stage, ...]:
    """The same needs under the rules of a queue that was changed. `now.after_ms`: the wait so far."""
    known = {now.after_ms: now.need, **{each.after_ms: each.need for each in later}}
    times = {*known, *(rule.after_ms for rule in queue.overflow if rule.after_ms > now.after_ms)}
    found, need = [], now.need
    for after in sorted(times):
        need = known.get(after, need)
        found.append(Stage(after, replace(need, rules=_rules(queue, after))))
    return tuple(_without_repeats(found))


def _rules(queue: QueueConfig, waited: int) -> tuple[int, ...]:
    return tuple(n for n, rule in enumerate(queue.overflow) if rule.after_ms <= waited)


def _need(queue: QueueConfig, language: str, waited: int) -> Need:
    levels = dict(queue.skills)
    spoken = queue.language_skill.get(language)
    if spoken:
        levels[spoken] = max(1, levels.get(spoken, 0))
    for step in queue.relax:
        if step.after_ms <= waited:
            levels |= step.skills
    closed = [int(rank) for rank, after in queue.escalate.items() if after > waited]
    wanted = tuple(sorted((skill, level) for skill, level in levels.items() if level > 0))
    return Need(skills=wanted, rank=min(closed) - 1 if closed else 0)


def _without_repeats(found: Iterable[Stage]) -> Iterable[Stage]:
    before: Need | None = None
    for stage in found:
        if stage.need != before:
            yield stage
        before = stage.need


def members(need: Need, queue: QueueConfig, agents: Mapping[str, AgentConfig]) -> frozenset[str]:
    """The queue's agents who may serve a caller of this need."""
    known = (agents[name] for name in queue.agents if name in agents)
    return frozenset(agent.name for agent in known if need.fits(agent, queue.ranks.get(agent.name, 1)))


def lent(
    need: Need, queue: QueueConfig, lender: QueueConfig, agents: Mapping[str, AgentConfig]
) -> frozenset[str]:
    """The agents of another queue who may serve them, if that lends them; ranks are among the own."""
    if need.agent:
        return frozenset()
    known = (agents[name] for name in lender.agents if name in agents and name not in queue.agents)
    return frozenset(agent.name for agent in known if need.fits(agent, 0))
