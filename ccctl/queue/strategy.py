"""Which of the free agents is next: one key for each strategy, the smallest first. Pure.

A key is made when an agent becomes free, and stands until he is not: whoever is asked for the next agent
only looks at the first of a sorted list. The rank of the agent in the queue comes before everything.
"""

from collections.abc import Callable
from zlib import crc32

import msgspec

from ccctl.agent.state import Agent
from ccctl.flow.roster import AgentConfig, QueueConfig


class Tally(msgspec.Struct):
    """What an agent did for one queue since he logged in. `turn` is the number of his last offer."""

    turn: int = 0
    answered: int = 0


class Candidate(msgspec.Struct):
    """An agent as the strategies see him."""

    state: Agent
    config: AgentConfig
    tally: Tally
    at: int


Measure = Callable[[QueueConfig, Candidate], tuple[int, int]]


def _longest_idle(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    return one.state.idle_since, 0


def _round_robin(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    return one.tally.turn, one.state.idle_since


def _fewest_calls(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    return one.tally.answered, one.state.idle_since


def _least_occupied(_queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    """Thousandths of the time since his login that he was busy with calls, when he became free."""
    since_login = max(1, one.at - one.state.login_at)
    return one.state.busy_ms * 1000 // since_login, one.state.idle_since


def _most_skilled(queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    """The sum of his levels in the skills that the queue asks for."""
    asked = {*queue.skills, *queue.language_skill.values()} or set(one.config.skills)
    return -sum(one.config.skills.get(skill, 0) for skill in asked), one.state.idle_since


def _random(queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    """Drawn anew whenever he becomes free; from what the journal holds, so that a replay draws the same."""
    return crc32(f"{queue.name}/{one.config.name}/{one.state.idle_since}".encode()), 0


def _linear(queue: QueueConfig, one: Candidate) -> tuple[int, int]:
    """His place in the queue's list of agents."""
    return queue.agents.index(one.config.name), 0


MEASURES: dict[str, Measure] = {
    "longest-idle": _longest_idle,
    "ring-all": _longest_idle,
    "round-robin": _round_robin,
    "fewest-calls": _fewest_calls,
    "least-occupied": _least_occupied,
    "most-skilled": _most_skilled,
    "random": _random,
    "linear": _linear,
}


def agent_key(queue: QueueConfig, one: Candidate) -> tuple[int, int, int, str]:
    """Of two free agents the one with the smaller key is rung."""
    measure = MEASURES.get(queue.strategy, _longest_idle)
    first, second = measure(queue, one)
    return queue.ranks.get(one.config.name, 1), first, second, one.config.name
