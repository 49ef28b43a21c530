"""Which of the free agents is next: one key for each strategy, the smallest first. Pure.

A key is made when an agent becomes free, and stands until he is not: whoever asks for the next agent only
looks at the first of a sorted list. Two strategies cannot be put in order beforehand, and look at all who
are free. The rank of the agent in the queue comes before everything.
"""

from collections.abc import Callable
from zlib import crc32

import msgspec

from ccctl.agent.state import Agent
from ccctl.flow.roster import AgentConfig, QueueConfig


class Tally(msgspec.Struct):
    """What an agent did for one queue: the number of his last offer, and how many calls he answered since
    he logged in."""

    turn: int = 0
    answered: int = 0


class Candidate(msgspec.Struct):
    """An agent as the strategies see him."""

    state: Agent
    config: AgentConfig
    tally: Tally


Measure = Callable[[QueueConfig, Candidate], tuple[int, int]]


def _longest_idle(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    return one.state.idle_since, 0


def _round_robin(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    return one.tally.turn, one.state.idle_since


def _fewest_calls(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    return one.tally.answered, one.state.idle_since


def _most_skilled(queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    """The sum of his levels in the skills that the queue asks for."""
    asked = {*queue.skills, *queue.language_skill.values()} or set(one.config.skills)
    return -sum(one.config.skills.get(skill, 0) for skill in asked), one.state.idle_since


def _linear(queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    """His place in the queue's list of agents."""
    name = one.config.name
    return (queue.agents.index(name) if name in queue.agents else len(queue.agents)), 0


MEASURES: dict[str, Measure] = {
    "longest-idle": _longest_idle,
    "ring-all": _longest_idle,
    "round-robin": _round_robin,
    "fewest-calls": _fewest_calls,
    "least-occupied": _longest_idle,
    "most-skilled": _most_skilled,
    "random": _longest_idle,
    "linear": _linear,
}


def occupancy(agent: Agent, at: int) -> float:
    """The part of the time since his login that he was busy with calls: 0 to 1."""
    return agent.busy_ms / max(1, at - agent.login_at)


def drawn(count: int, serial: int) -> int:
    """One of `count`, by a number that the journal brings about: a replay draws the same."""
    return crc32(serial.to_bytes(8)) % count


def agent_key(queue: QueueConfig, one: Candidate) -> tuple[int, int, int, str]:
    """Of two free agents the one with the smaller key is rung."""
    measure = MEASURES.get(queue.strategy, _longest_idle)
    first, second = measure(queue, one)
    return queue.ranks.get(one.config.name, 1), first, second, one.config.name
