"""The stand-in for the daemon in a test: one caller in a queue of ours, and what agents do with him.

It keeps the contract of flow/marks.py: arguments of the Stasis application in, CC_RESULT out. Its clock is
the test's: waiting in a queue costs no time.
"""

import msgspec

from ccctl.flow.graph import Site
from ccctl.flow.numbering import can_be_called, international, is_number
from ccctl.flow.roster import OfferConfig, do_not_call, offers
from ccctl.flowtest.cases import Given
from ccctl.flowtest.drive import Act
from ccctl.flowtest.story import CALLBACK, KEPT, Seen, prompt_name

AVAILABLE = "available"


class Visit(msgspec.Struct):
    """A caller in a queue. `result` is '' while he is in it; `news` waits to be told. `number` is his own as
    it is called back, '' when that is not possible; `offer` the callback that he is offered after a while."""

    queue: str
    limit_ms: int
    keys: str
    leaves_empty: bool
    waited_ms: int = 0
    agent: str = ""
    result: str = ""
    news: list[Seen] = []
    number: str = ""
    offer: OfferConfig | None = None
    offered: bool = False


def enter(arguments: list[str], site: Site, given: Given, caller: str = "") -> Visit | None:
    """`arguments` as in marks.py, without the application's name; None for what is no queue."""
    if len(arguments) < 7 or arguments[0] != "queue":
        return None
    _, _, queue, _, wait_s, keys, flags = arguments[:7]
    visit = Visit(queue, int(wait_s or 0) * 1000, keys, "n" in flags, news=[])
    if arguments[7:8] not in ([], [""]):
        visit.number, visit.offer = number_of(caller, site), offers(site).get(arguments[7])
    visit.result = given.queues.get(queue, "")
    if not visit.result and visit.leaves_empty and not available(site, given, queue):
        visit.result = "no_agents"
    return visit


def number_of(caller: str, site: Site) -> str:
    """By which he is called back; '' when he withholds it or nobody may call it."""
    country = site.defaults.country
    number = international(caller, country) if is_number(caller) else ""
    allowed = can_be_called(number, site.numbers, country) and number not in do_not_call(site)
    return number if allowed else ""


def available(site: Site, given: Given, queue: str) -> tuple[str, ...]:
    """Agents of the queue who could be offered a call; who is not mentioned is available."""
    members = site.queues[queue].agents
    return tuple(agent for agent in members if given.agents.get(agent, AVAILABLE) == AVAILABLE)


def press(visit: Visit, keys: str) -> None:
    for key in keys:
        if visit.result or visit.agent:
            return
        if visit.offer and visit.offered and key == visit.offer.key:
            _accept(visit, visit.offer)
        elif key in visit.keys:
            visit.result = f"key_{key}"


def _accept(visit: Visit, offer: OfferConfig) -> None:
    if offer.to == "gather":
        visit.result = "callback_gather"
    elif visit.number:
        more = {"queue": visit.queue, "when": "now", "place": KEPT}
        visit.news.append(Seen(CALLBACK, visit.number, more))
        visit.result = "callback"
    elif offer.withheld:
        visit.result = "callback_withheld"


def _offer(visit: Visit, offer: OfferConfig) -> None:
    """He hears it, unless it would lead nowhere."""
    if visit.number or offer.withheld or offer.to == "gather":
        visit.offered = True
        sounds = (each.removeprefix("sound:") for each in offer.media)
        visit.news += [Seen("hears", prompt_name(sound)) for sound in sounds]


def wait(visit: Visit, ms: int) -> int:
    """The caller waits; how much of the time is left when he leaves the queue."""
    if visit.result or visit.agent:
        return 0
    room = visit.limit_ms - visit.waited_ms if visit.limit_ms else ms
    before, visit.waited_ms = visit.waited_ms, visit.waited_ms + min(ms, room)
    if visit.offer and _rounds(visit.offer, visit.waited_ms) > _rounds(visit.offer, before):
        _offer(visit, visit.offer)
    if visit.limit_ms and visit.waited_ms >= visit.limit_ms:
        visit.result = "timeout"
    return max(0, ms - room)


def _rounds(offer: OfferConfig, waited_ms: int) -> int:
    """How often it was made when somebody waited so long."""
    if waited_ms < offer.after_ms:
        return 0
    return 1 + (waited_ms - offer.after_ms) // offer.every_ms if offer.every_ms else 1


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
