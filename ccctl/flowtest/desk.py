"""The stand-in for the daemon in a test: one caller in a queue of ours, and what agents do with him.

It keeps the contract of flow/marks.py: arguments of the Stasis application in, CC_RESULT out. Its clock is
the test's: waiting in a queue costs no time.
"""

import msgspec

from ccctl.flow.graph import Site
from ccctl.flowtest.cases import Given
from ccctl.flowtest.drive import Act
from ccctl.flowtest.story import Seen

AVAILABLE = "available"


class Visit(msgspec.Struct):
    """A caller in a queue. `result` is '' while he is in it; `news` waits to be told."""

    queue: str
    limit_ms: int
    keys: str
    leaves_empty: bool
    waited_ms: int = 0
    agent: str = ""
    result: str = ""
    news: list[Seen] = []


def enter(arguments: list[str], site: Site, given: Given) -> Visit | None:
    """`arguments` as in marks.py, without the application's name; None for what is no queue."""
    if len(arguments) < 7 or arguments[0] != "queue":
        return None
    _, _, queue, _, wait_s, keys, flags = arguments[:7]
    visit = Visit(queue, int(wait_s or 0) * 1000, keys, "n" in flags, news=[])
    visit.result = given.queues.get(queue, "")
    if not visit.result and visit.leaves_empty and not available(site, given, queue):
        visit.result = "no_agents"
    return visit


def available(site: Site, given: Given, queue: str) -> tuple[str, ...]:
    """Agents of the queue who could be offered a call; who is not mentioned is available."""
    members = site.queues[queue].agents
    return tuple(agent for agent in members if given.agents.get(agent, AVAILABLE) == AVAILABLE)


def press(visit: Visit, keys: str) -> None:
    for key in keys:
        if not visit.result and not visit.agent and key in visit.keys:
            visit.result = f"key_{key}"


def wait(visit: Visit, ms: int) -> int:
    """The caller waits; how much of the time is left when he leaves the queue."""
    if visit.result or visit.agent:
        return 0
    room = visit.limit_ms - visit.waited_ms if visit.limit_ms else ms
    visit.waited_ms += min(ms, room)
    if visit.limit_ms and visit.waited_ms >= visit.limit_ms:
        visit.result = "timeout"
    return max(0, ms - room)


def queue_does(visit: Visit, act: Act) -> None:
    """The two things that only somebody in a queue can do."""
    if act.does == "queue_key":
        press(visit, act.what)
    else:
        wait(visit, act.ms)


def agent_does(visit: Visit, act: Act, site: Site, given: Given) -> str:
    """'' or why it is not possible."""
    if act.what == "answer":
        return _answer(visit, act.who, site, given)
    if act.what != "hangup" or visit.agent != act.who:
        return f"{act.who} does not talk with the caller"
    visit.result = "answered"
    return ""


def _answer(visit: Visit, agent: str, site: Site, given: Given) -> str:
    if visit.result or visit.agent:
        return f"{agent} cannot answer: the caller does not wait in {visit.queue} any more"
    if agent not in available(site, given, visit.queue):
        return f"{agent} is no available agent of queue {visit.queue}"
    queue = site.queues[visit.queue]
    visit.agent = agent
    visit.news += [Seen("whispers", prompt, {"agent": agent}) for prompt in queue.whisper]
    visit.news.append(Seen("talks", agent))
    if queue.record:
        visit.news.append(Seen("recording", visit.queue))
    return ""
