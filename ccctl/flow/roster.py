"""The part of a site that the daemon needs at run time. No secrets. Pure; goes to JSON and back."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ccctl.flow.graph import (
    CallbackRules,
    Hours,
    Lend,
    Overflow,
    PauseLimit,
    Prompt,
    Queue,
    QueueStep,
    Site,
)
from ccctl.flow.handing import TransferConfig, transfers
from ccctl.flow.ways import walk


class AgentConfig(msgspec.Struct, frozen=True):
    name: str
    title: str
    extension: str
    endpoint: str  # PJSIP/anna
    language: str
    queues: tuple[str, ...] = ()
    skills: dict[str, int] = {}


class UserConfig(msgspec.Struct, frozen=True):
    name: str
    title: str
    extension: str
    endpoint: str
    language: str
    roles: tuple[str, ...] = ()


class RelaxConfig(msgspec.Struct, frozen=True):
    """After so long a wait these levels are enough."""

    after_ms: int
    skills: dict[str, int]


class AnnounceConfig(msgspec.Struct, frozen=True):
    """What those who wait are told; `media` are ARI media URIs."""

    every_ms: int
    position: bool = False
    wait_time: bool = False
    media: tuple[str, ...] = ()


class OfferConfig(msgspec.Struct, frozen=True):
    """A callback that a queue step offers to those who wait. `to`: caller or gather."""

    queue: str
    after_ms: int
    every_ms: int
    key: str
    media: tuple[str, ...]
    to: str
    retries: int
    gap_ms: int
    withheld: bool = False  # the flow has an edge for those whose number is not known


class CallbackConfig(msgspec.Struct, frozen=True):
    """How a queue calls back. `first`: agent or customer. `via`: the trunk, '' for none, and the `channels`
    that it has (0: any number); `caller_id` what the customer sees. `whisper`, `greeting`: ARI media URIs."""

    first: str = "agent"
    ring_ms: int = 30_000
    expires_ms: int = 86_400_000
    hours: str = ""  # outside of which nobody is called; '' is always
    via: str = ""
    channels: int = 0
    caller_id: str = ""
    retries: int = 2
    gap_ms: int = 600_000
    whisper: tuple[str, ...] = ()  # tells the agent that it is a callback
    greeting: tuple[str, ...] = ()  # tells the customer who calls, while he waits for the agent


class HoursConfig(msgspec.Struct, frozen=True):
    """`week`: (weekday, first minute, end). `partial`: (yyyymmdd, first minute, end) that are closed."""

    timezone: str = "UTC"
    week: tuple[tuple[int, int, int], ...] = ()
    holidays: tuple[str, ...] = ()
    partial: tuple[tuple[str, int, int], ...] = ()
    exceptions: dict[str, tuple[tuple[int, int], ...]] = {}


class WaitingKey(msgspec.Struct, frozen=True):
    """What a key does: position, wait_time, quiet, repeat, or tell these `media`."""

    does: str
    media: tuple[str, ...] = ()


class WaitingConfig(msgspec.Struct, frozen=True):
    """The menu of a queue step for those who wait. `queue` is the one that it leads to."""

    queue: str
    after_ms: int
    every_ms: int
    media: tuple[str, ...]
    keys: dict[str, WaitingKey] = {}


class OverflowRule(msgspec.Struct, frozen=True):
    """When all that is not None or 0 holds, agents of the queues `borrow` are asked too, or (`leave`) the
    caller is sent on: he has waited `after_ms`; `length` others wait; his estimated wait is `estimated_ms` or
    more; no more than `available` agents are free, no more than `staffed` are logged in."""

    after_ms: int = 0
    length: int | None = None
    estimated_ms: int = 0
    available: int | None = None
    staffed: int | None = None
    borrow: tuple[str, ...] = ()
    leave: bool = False


class LendConfig(msgspec.Struct, frozen=True):
    """Agents are lent while `percent` of the last `window_ms` were answered within `goal_ms`."""

    percent: int
    goal_ms: int
    window_ms: int


class QueueConfig(msgspec.Struct, frozen=True):
    """`whisper` are ARI media URIs; the word "waited" stands for the seconds the caller waited. `record`:
    always, never or consent; older rosters have true or false."""

    name: str
    title: str
    engine: str = "acd"
    agents: tuple[str, ...] = ()
    ring_ms: int = 15_000
    wrap_up_ms: int = 0
    wrap_up_max_ms: int = 3_600_000
    miss_limit: int = 1  # offers missed one after the other that make an agent not responding
    rest_ms: int = 0  # for which he is; 0: until he comes back himself
    max_callers: int = 0
    sl_percent: int = 80
    sl_ms: int = 20_000
    music: str = "default"
    whisper: tuple[str, ...] = ()
    record: bool | str = "never"
    strategy: str = "longest-idle"
    skills: dict[str, int] = {}
    relax: tuple[RelaxConfig, ...] = ()
    language_skill: dict[str, str] = {}
    announce: AnnounceConfig | None = None
    ranks: dict[str, int] = {}  # agent -> rank; 1 where nothing is said
    escalate: dict[str, int] = {}  # rank -> the wait after which agents of it are asked
    ageing_ms: int = 0  # of waiting that a point of priority is worth; 0: priorities are strict
    keep_place_ms: int = 0  # for which a caller who was lost keeps his place
    sticky_ms: int = 0  # for which a caller belongs to the agent whom he talked to
    sticky_wait_ms: int = 0  # how long that agent alone is asked
    membership: str = "static"  # or dynamic: agents may join and leave at run time
    forced: tuple[str, ...] = ()  # agents who may neither leave nor pause it
    direct_calls: str = "block"  # or ignore: an agent in a call of his own is rung all the same
    accept_key: str = ""  # which an agent presses to take the call; '': he need not
    accept_ms: int = 10_000  # in which, after the whisper
    callback: CallbackConfig = CallbackConfig()
    new_place: bool = False  # who is transferred to here begins to wait anew
    overflow: tuple[OverflowRule, ...] = ()
    lend: LendConfig | None = None
    asked_time: bool = False  # callers may ask how long they will wait

    @property
    def is_foretold(self) -> bool:
        """Somebody asks how long its callers will wait."""
        told = self.announce is not None and self.announce.wait_time
        return told or self.asked_time or any(rule.estimated_ms for rule in self.overflow)

    @property
    def recording(self) -> str:
        return self.record if isinstance(self.record, str) else "always" if self.record else "never"


class Roster(msgspec.Struct, frozen=True):
    generation: str = ""
    timezone: str = "UTC"
    agents: dict[str, AgentConfig] = {}
    users: dict[str, UserConfig] = {}
    queues: dict[str, QueueConfig] = {}
    pause_reasons: dict[str, str] = {}
    pause_limits: dict[str, PauseLimit] = {}
    monitor_keys: dict[str, str] = {}  # digit -> listen, whisper, barge
    monitor_roles: tuple[str, ...] = ()
    transfers: TransferConfig = TransferConfig()
    offers: dict[str, OfferConfig] = {}  # by the name that a queue step says in its arguments
    menus: dict[str, WaitingConfig] = {}  # those of while_waiting, in the same way
    hours: dict[str, HoursConfig] = {}
    country: str = ""
    own_numbers: tuple[str, ...] = ()
    do_not_call: tuple[str, ...] = ()  # nobody is called back at these numbers


def queue_prompt(queue: Queue) -> str:
    """Name of the prompt that speaks a queue's title (made by the loader for every queue)."""
    return f"queue-{queue.name}"


def roster(site: Site, generation: str) -> Roster:
    language = site.defaults.languages[0]
    users = {
        u.name: UserConfig(u.name, u.title, u.extension, f"PJSIP/{u.name}", u.language or language, u.roles)
        for u in site.users.values()
    }
    member_of = {
        name: tuple(q.name for q in site.queues.values() if name in q.agents) for name in site.agents
    }
    agents = {
        a.name: AgentConfig(
            a.name,
            users[a.name].title,
            users[a.name].extension,
            users[a.name].endpoint,
            users[a.name].language,
            member_of[a.name],
            a.skills,
        )
        for a in site.agents.values()
    }
    asked = _asked_time(site)
    listen = next((c for c in site.feature_codes.values() if c.action == "listen"), None)
    return Roster(
        generation=generation,
        timezone=site.defaults.timezone,
        agents=agents,
        users=users,
        queues={q.name: _queue(site, q, asked) for q in site.queues.values()},
        pause_reasons=site.defaults.pause_reasons,
        pause_limits=site.defaults.pause_limits,
        monitor_keys=listen.keys if listen else {"4": "listen", "5": "whisper", "6": "barge"},
        monitor_roles=listen.roles if listen and listen.roles else ("supervisor",),
        transfers=transfers(site),
        offers=offers(site),
        menus=_menus(site),
        hours={name: _hours(hours) for name, hours in site.hours.items()},
        country=site.defaults.country,
        own_numbers=tuple(site.numbers),
        do_not_call=do_not_call(site),
    )


def with_retired(new: Roster, old: Roster, queues: Iterable[str]) -> Roster:
    """Queues that are not in the site any more but stay for older calls keep their rules, and those of
    their agents who are still there."""
    kept = {name: old.queues[name] for name in queues if name in old.queues and name not in new.queues}
    agents = {
        name: replace(
            agent, queues=(*agent.queues, *(q for q, queue in kept.items() if name in queue.agents))
        )
        for name, agent in new.agents.items()
    }
    return replace(new, queues={**new.queues, **kept}, agents=agents)


def with_members(roster: Roster, joined: Mapping[str, Mapping[str, bool]]) -> Roster:
    """Queue -> agent -> whether he serves it; all else as it is."""
    queues, agents = dict(roster.queues), dict(roster.agents)
    for name, members in joined.items():
        for agent, joins in members.items():
            queue, config = queues[name], agents[agent]
            others, elsewhere = _but(queue.agents, agent), _but(config.queues, name)
            queues[name] = replace(queue, agents=(*others, agent) if joins else others)
            agents[agent] = replace(config, queues=(*elsewhere, name) if joins else elsewhere)
    return replace(roster, queues=queues, agents=agents)


def _but(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)


def without_queues(roster: Roster, queues: Iterable[str]) -> Roster:
    gone = set(queues)
    agents = {
        name: replace(agent, queues=tuple(q for q in agent.queues if q not in gone))
        for name, agent in roster.agents.items()
    }
    return replace(roster, queues={q: r for q, r in roster.queues.items() if q not in gone}, agents=agents)


def _asked_time(site: Site) -> set[str]:
    menus = _menus(site).values()
    return {menu.queue for menu in menus if any(key.does == "wait_time" for key in menu.keys.values())}


def _queue(site: Site, queue: Queue, asked: Collection[str]) -> QueueConfig:
    return QueueConfig(
        name=queue.name,
        title=queue.title,
        engine=queue.engine,
        agents=queue.agents,
        ring_ms=queue.ring_ms,
        wrap_up_ms=queue.wrap_up_ms,
        wrap_up_max_ms=queue.wrap_up_max_ms,
        miss_limit=queue.miss_limit,
        rest_ms=queue.rest_ms,
        max_callers=queue.max_callers,
        sl_percent=queue.sl_percent,
        sl_ms=queue.sl_ms,
        music=queue.music,
        whisper=tuple(_media(site, queue, word) for word in queue.whisper),
        record=queue.record,
        strategy=queue.strategy,
        skills=queue.skills,
        relax=tuple(RelaxConfig(each.after_ms, each.skills) for each in queue.relax),
        language_skill=queue.language_skill,
        announce=_announce(site, queue),
        ranks=queue.ranks,
        escalate={str(rank): after for rank, after in queue.escalate.items()},
        ageing_ms=queue.ageing_ms,
        keep_place_ms=queue.keep_place_ms,
        sticky_ms=queue.sticky_ms,
        sticky_wait_ms=queue.sticky_wait_ms,
        direct_calls=queue.direct_calls,
        membership=queue.membership,
        forced=queue.forced,
        accept_key=queue.accept_key,
        accept_ms=queue.accept_ms,
        overflow=tuple(_rule(rule) for rule in queue.overflow),
        lend=_lend(queue.lend) if queue.lend else None,
        asked_time=queue.name in asked,
        callback=_callback(site, queue),
        new_place=queue.transfer_place == "new",
    )


def _callback(site: Site, queue: Queue) -> CallbackConfig:
    rules = callback_rules(site, queue.name)
    via = rules.via or next(iter(site.trunks), "")
    shown = rules.caller_id or (site.trunks[via].caller_id if via in site.trunks else "")
    return CallbackConfig(
        first=rules.first,
        ring_ms=rules.ring_ms,
        expires_ms=rules.expires_ms,
        hours=rules.hours,
        via=via,
        channels=site.trunks[via].channels if via in site.trunks else 0,
        caller_id=shown or next(iter(site.numbers), ""),
        retries=rules.retries,
        gap_ms=rules.gap_ms,
        whisper=_said(site, "callback-agent"),
        greeting=_said(site, "callback-customer"),
    )


def _said(site: Site, prompt: str) -> tuple[str, ...]:
    return (f"sound:{site.prompts[prompt].sound}",) if prompt in site.prompts else ()


def _hours(hours: Hours) -> HoursConfig:
    return HoursConfig(
        timezone=hours.timezone,
        week=tuple((span.day, span.start, span.end) for span in hours.open),
        holidays=hours.holidays,
        partial=tuple((part.day, part.start, part.end) for part in hours.partial),
        exceptions={each.day: each.spans for each in hours.exceptions},
    )


def _rule(rule: Overflow) -> OverflowRule:
    when = rule.when
    return OverflowRule(
        after_ms=when.wait_ms,
        length=when.length,
        estimated_ms=when.estimated_ms,
        available=when.available,
        staffed=when.staffed,
        borrow=rule.borrow,
        leave=rule.leave,
    )


def _lend(lend: Lend) -> LendConfig:
    return LendConfig(lend.percent, lend.goal_ms, lend.window_ms)


def _announce(site: Site, queue: Queue) -> AnnounceConfig | None:
    told = queue.announce
    if told is None:
        return None
    media = tuple(_media(site, queue, prompt) for prompt in told.prompts)
    return AnnounceConfig(told.every_ms, told.position, told.wait_time, media)


def callback_rules(site: Site, queue: str) -> CallbackRules:
    """Of a queue; one that was taken out of the site may still be in older flows."""
    found = site.queues.get(queue)
    return (found.callback if found else None) or CallbackRules()


def offer_of(site: Site, step: QueueStep) -> OfferConfig | None:
    offer = step.offer
    if offer is None:
        return None
    rules = callback_rules(site, step.queue)
    return OfferConfig(
        queue=step.queue,
        after_ms=offer.after_ms,
        every_ms=offer.every_ms,
        key=offer.key,
        media=tuple(f"sound:{site.prompts[prompt].sound}" for prompt in offer.prompts),
        to=offer.to,
        retries=rules.retries if offer.retries < 0 else offer.retries,
        gap_ms=rules.gap_ms if offer.gap_ms < 0 else offer.gap_ms,
        withheld=bool(offer.on_withheld),
    )


def offer_name(site: Site, step: QueueStep) -> str:
    """By this a queue step tells the daemon what it offers: the same offer has the same name."""
    return hashlib.sha256(msgspec.json.encode(offer_of(site, step))).hexdigest()[:8]


def do_not_call(site: Site) -> tuple[str, ...]:
    table = site.tables.get(site.defaults.do_not_call)
    return tuple(table.rows) if table else ()


def offers(site: Site) -> dict[str, OfferConfig]:
    return {offer_name(site, step): offer for step in _queue_steps(site) if (offer := offer_of(site, step))}


def _queue_steps(site: Site) -> list[QueueStep]:
    return [step for flow in site.flows.values() for step in walk(flow.steps) if isinstance(step, QueueStep)]


def menu_of(site: Site, step: QueueStep) -> WaitingConfig | None:
    menu = step.waiting
    if menu is None:
        return None
    return WaitingConfig(
        queue=step.queue,
        after_ms=menu.after_ms,
        every_ms=menu.every_ms,
        media=_sounds(site, menu.prompts),
        keys={each.key: WaitingKey(str(each.does), _sounds(site, each.prompts)) for each in menu.options},
    )


def menu_name(site: Site, step: QueueStep) -> str:
    return hashlib.sha256(msgspec.json.encode(menu_of(site, step))).hexdigest()[:8]


def _menus(site: Site) -> dict[str, WaitingConfig]:
    return {menu_name(site, step): menu for step in _queue_steps(site) if (menu := menu_of(site, step))}


def _sounds(site: Site, prompts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"sound:{site.prompts[prompt].sound}" for prompt in prompts)


def _media(site: Site, queue: Queue, word: str) -> str:
    if word == "waited":
        return word
    prompt: Prompt = site.prompts[queue_prompt(queue) if word == "queue" else word]
    return f"sound:{prompt.sound}"


def to_json(value: Roster) -> bytes:
    return msgspec.json.encode(value)


def from_json(data: bytes | str) -> Roster:
    return msgspec.json.decode(data, type=Roster)
