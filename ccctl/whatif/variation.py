"""What would be different: settings of a roster, more or fewer agents. Pure; what cannot be is a Wrong."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from msgspec.structs import replace

from ccctl.diagnostics import did_you_mean
from ccctl.flow import values
from ccctl.flow.roster import AgentConfig, QueueConfig, Roster
from ccctl.flow.schema_queues import STRATEGIES
from ccctl.flow.values import Wrong
from ccctl.whatif.plan import Duty, Plan

EXAMPLE = "write for example queues.support.wrap_up=10s"
MOST_CALLERS = 10_000


def with_setting(roster: Roster, setting: str) -> Roster | Wrong:
    """`queues.NAME.KEY=VALUE` or `agents.NAME.queues=A,B` or `agents.NAME.skills.SKILL=LEVEL`, in the words
    of the site language."""
    path, equals, text = setting.partition("=")
    section, _, rest = path.strip().partition(".")
    name, _, key = rest.partition(".")
    if not equals or not key or section not in ("queues", "agents"):
        return Wrong(f'"{setting}" is no setting', EXAMPLE)
    known: Iterable[str] = roster.queues if section == "queues" else roster.agents
    if name not in known:
        return _unknown(section[:-1], name, known)
    if section == "queues":
        return _with_queue(roster, name, key, text.strip())
    return _with_agent(roster, name, key, text.strip())


def _unknown(kind: str, name: str, known: Iterable[str]) -> Wrong:
    near = did_you_mean(name, known)
    hint = f'did you mean "{near}"?' if near else f"known: {', '.join(sorted(known))}"
    return Wrong(f'there is no {kind} "{name}"', hint)


def _strategy(text: str) -> str | Wrong:
    if text in STRATEGIES:
        return text
    near = did_you_mean(text, STRATEGIES)
    hint = f'did you mean "{near}"?' if near else f"strategies: {', '.join(STRATEGIES)}"
    return Wrong(f'"{text}" is no strategy', hint)


_QUEUE_KEYS: dict[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
    "wrap_up": (("wrap_up_ms",), values.duration),
    "ring": (("ring_ms",), values.duration),
    "max_callers": (("max_callers",), lambda text: values.whole(text, 0, MOST_CALLERS)),
    "service_level": (("sl_percent", "sl_ms"), values.service_level),
    "strategy": (("strategy",), _strategy),
}


def _with_queue(roster: Roster, name: str, key: str, text: str) -> Roster | Wrong:
    if key == "agents":
        return _with_members(roster, name, _listed(text))
    if key not in _QUEUE_KEYS:
        return _unknown("setting of a queue", key, (*_QUEUE_KEYS, "agents"))
    fields, read = _QUEUE_KEYS[key]
    value = read(text)
    if isinstance(value, Wrong):
        return value
    parts = value if isinstance(value, tuple) else (value,)
    queue = replace(roster.queues[name], **dict(zip(fields, parts, strict=True)))
    return replace(roster, queues={**roster.queues, name: queue})


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _with_members(roster: Roster, queue: str, members: Sequence[str]) -> Roster | Wrong:
    for agent in members:
        if agent not in roster.agents:
            return _unknown("agent", agent, roster.agents)
    agents = {a.name: _in_queue(a, queue, a.name in members) for a in roster.agents.values()}
    return _with_agents(roster, agents)


def _in_queue(agent: AgentConfig, queue: str, member: bool) -> AgentConfig:
    if member is (queue in agent.queues):
        return agent
    others = tuple(name for name in agent.queues if name != queue)
    return replace(agent, queues=(*others, queue) if member else others)


def _with_agents(roster: Roster, agents: dict[str, AgentConfig]) -> Roster:
    """The lists of the queues follow those of the agents, in their order."""

    def members(queue: QueueConfig) -> tuple[str, ...]:
        stay = [name for name in queue.agents if name in agents and queue.name in agents[name].queues]
        return (*stay, *(a.name for a in agents.values() if queue.name in a.queues and a.name not in stay))

    queues = {q.name: replace(q, agents=members(q)) for q in roster.queues.values()}
    return replace(roster, agents=agents, queues=queues)


def _with_agent(roster: Roster, name: str, key: str, text: str) -> Roster | Wrong:
    agent = roster.agents[name]
    if key == "queues":
        for queue in _listed(text):
            if queue not in roster.queues:
                return _unknown("queue", queue, roster.queues)
        return _with_agents(roster, {**roster.agents, name: replace(agent, queues=_listed(text))})
    word, _, skill = key.partition(".")
    if word != "skills" or not skill:
        return _unknown("setting of an agent", key, ("queues", "skills.NAME"))
    level = values.whole(text, 0, 5)
    if isinstance(level, Wrong):
        return level
    skills = {**agent.skills, skill: level}
    return replace(roster, agents={**roster.agents, name: replace(agent, skills=skills)})


# -- how many ------------------------------------------------------------------------------------------


def with_agents(plan: Plan, more: int, queue: str = "") -> Plan | Wrong:
    """`more` agents (fewer when below 0) of `queue`, '' any. Models for those who come, and those who go, are
    the agents who are there longest: a new one has the hours, queues and skills of his model."""
    ranked = by_presence(plan, queue)
    if not ranked:
        return Wrong(f'no agent of "{queue}" was logged in' if queue else "no agent was logged in", "")
    if more < 0:
        if -more > len(ranked):
            return Wrong(f"there are {len(ranked)} agents, not {-more}", "take away fewer")
        return _without(plan, set(ranked[:-more]))
    for number in range(more):
        plan = _with_twin(plan, ranked[number % len(ranked)])
    return plan


def by_presence(plan: Plan, queue: str) -> list[str]:
    """Agents who come at all, who is there longest first."""
    window, agents = plan.window, plan.roster.agents
    spent: Counter[str] = Counter()
    since: dict[str, int] = {}
    for duty in plan.duties:
        at = min(max(duty.at, window.counted), window.end)
        if duty.what == "login":
            since[duty.agent] = at
        elif duty.what == "logout":
            spent[duty.agent] += at - since.pop(duty.agent, at)
    for agent, began in since.items():
        spent[agent] += window.end - began
    wanted = [name for name in spent if not queue or (name in agents and queue in agents[name].queues)]
    return sorted(wanted, key=lambda name: (-spent[name], name))


def _without(plan: Plan, gone: set[str]) -> Plan:
    return replace(plan, duties=tuple(duty for duty in plan.duties if duty.agent not in gone))


def _with_twin(plan: Plan, model: str) -> Plan:
    roster = plan.roster
    name = next(name for n in count(1) if (name := f"extra-{n}") not in roster.agents)
    twin = replace(roster.agents[model], name=name, title=name, endpoint=f"PJSIP/{name}")
    hours = (Duty(duty.at, name, duty.what) for duty in plan.duties if duty.agent == model)
    return replace(
        plan,
        roster=_with_agents(roster, {**roster.agents, name: twin}),
        duties=tuple(sorted((*plan.duties, *hours), key=lambda duty: duty.at)),
    )
