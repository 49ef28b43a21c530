"""What a caller needs of an agent, and how that becomes less the longer he waits. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from ccctl.flow.roster import AgentConfig, QueueConfig


class Need(msgspec.Struct, frozen=True):
    """`skills`: least levels. `rank`: agents of a higher rank are not asked yet (0: everybody is).
    `agent`: him alone."""

    skills: tuple[tuple[str, int], ...] = ()
    rank: int = 0
    agent: str = ""

    @property
    def key(self) -> str:
        """Callers whose needs have the same key share a pool."""
        levels = ",".join(f"{skill}:{level}" for skill, level in self.skills)
        return f"@{self.agent}" if self.agent else f"{levels}/{self.rank}" if self.rank else levels

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
    times = {0, *(each.after_ms for each in queue.relax), *queue.escalate.values()}
    found = [Stage(after, _need(queue, language, after)) for after in sorted(times)]
    if agent and queue.sticky_wait_ms:
        later = [Stage(max(each.after_ms, queue.sticky_wait_ms), each.need) for each in found]
        found = [Stage(0, Need(agent=agent)), *_last_of_equal_times(later)]
    return tuple(_without_repeats(found))


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


def _last_of_equal_times(found: Iterable[Stage]) -> list[Stage]:
    return list({stage.after_ms: stage for stage in found}.values())


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
