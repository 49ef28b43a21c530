"""The section queues: who takes the callers, how long, and what they hear meanwhile."""

from typing import Any

from ccctl.diagnostics import Span
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, schema_overflow, shapes
from ccctl.flow import schema_sections as sections
from ccctl.flow.schema_answers import KEY
from ccctl.flow.schema_steps import PROMPTS, RINGING, YES, span_of_time, whole, words
from ccctl.flow.schema_types import TEXT, Key, Kind, Reader, Table, choice, keyed, listed, named, read_keys
from ccctl.flow.source import Mapping, Node, Scalar, Sequence

STRATEGIES = (
    "longest-idle",
    "round-robin",
    "ring-all",
    "fewest-calls",
    "least-occupied",
    "most-skilled",
    "random",
    "linear",
)
RECORDS = ("consent", "always", "never")
MEMBERSHIP = ("static", "dynamic")
DIRECT_CALLS = ("block", "ignore")
LATER = span_of_time(1000, 3_600_000)
SKILLS = keyed("skills", sections.NAME, whole(1, 5))
RELAX = Table(
    "relax",
    "After so long a wait lower levels are enough.",
    (
        Key("after", LATER, "the wait", required=True, example="after: 60s"),
        Key("skills", SKILLS, "levels that are enough then", required=True, example="skills: {technical: 1}"),
    ),
)
RANK = whole(2, 9)
STICKY = Table(
    "sticky",
    "Who calls again gets the agent he talked to, if that agent is there.",
    (
        Key("within", span_of_time(1000, 90 * 86_400_000), "how long ago the talk may be", "7d"),
        Key("wait", LATER, "how long that agent alone is rung", "30s"),
    ),
)
LONGEST_MS = 3_600_000
WRAP_UP_TIME = span_of_time(0, LONGEST_MS)
WRAP_UP_KEYS = Table(
    "wrap_up",
    "The time after a talk, which agents can make longer.",
    (
        Key("time", WRAP_UP_TIME, "the time", required=True, example="time: 30s"),
        Key("max", WRAP_UP_TIME, "how long it may get", "1h"),
    ),
)
MISSING = Table(
    "not_responding",
    "An agent who does not take calls that he is offered gets no more of them.",
    (
        Key("after", whole(1, 20), "offers missed, one after the other", "1"),
        Key("for", LATER, "how long", "until he comes back himself"),
    ),
)
ACCEPT_MS = 10_000
ACCEPT = Table(
    "accept_key",
    "The agent takes a call by this key, in the whisper or after it; any other key declines.",
    (
        Key("key", KEY, "the key", required=True, example='key: "1"'),
        Key("within", span_of_time(1000, 120_000), "how long it is waited for after the whisper", "10s"),
    ),
)
ANNOUNCE = Table(
    "announce",
    "What those who wait are told, again and again. A time only while the times of late were right.",
    (
        Key("every", LATER, "how often", required=True, example="every: 45s"),
        Key("position", YES, "the place in the line", "false"),
        Key("wait_time", YES, "the wait that is expected", "false"),
        Key("prompts", PROMPTS, "prompts, in turn"),
    ),
)


CALLBACK = Table(
    "callback",
    "How this queue calls back those who asked for it.",
    (
        Key("first", choice("agent", "customer"), "whose phone rings first", "agent"),
        Key("ring", span_of_time(5000, 100_000), "how long the customer's phone rings", "30s"),
        Key("expires", span_of_time(60_000, 30 * 86_400_000), "after this nobody is called any more", "24h"),
        Key("hours", named("hours", "a set of hours"), "outside of which nobody is called", "always"),
        Key("via", named("trunks", "a trunk"), "the trunk", "the first"),
        Key("caller_id", sections.OWN_NUMBER, "number of this site that the customer sees", "of the trunk"),
        Key("retries", whole(0, 20), "how often to try again", "2"),
        Key("gap", span_of_time(1000, 86_400_000), "time between the tries", "10m"),
    ),
)


def _read_callback(reader: Reader, node: Node) -> graph.CallbackRules:
    found = read_keys(reader, node, CALLBACK)
    lengths = {"ring": "ring_ms", "expires": "expires_ms", "gap": "gap_ms"}
    return graph.CallbackRules(span=node.span, **{lengths.get(key, key): found[key] for key in found})


def _read_relax(reader: Reader, node: Node) -> tuple[graph.Relax, ...] | None:
    items = node.items if isinstance(node, Sequence) else (node,)
    found = [(item.span, read_keys(reader, item, RELAX)) for item in items]
    return tuple(
        graph.Relax(span=span, after_ms=keys["after"], skills=keys["skills"])
        for span, keys in found
        if "after" in keys and "skills" in keys
    )


def _read_sticky(reader: Reader, node: Node) -> tuple[int, int]:
    keys = read_keys(reader, node, STICKY)
    return keys.get("within", 7 * 86_400_000), keys.get("wait", 30_000)


def _read_accept(reader: Reader, node: Node) -> tuple[str, int] | None:
    """A key alone, or with its time."""
    keys = read_keys(reader, node, ACCEPT) if isinstance(node, Mapping) else {"key": KEY.read(reader, node)}
    return (keys["key"], keys.get("within", ACCEPT_MS)) if keys.get("key") else None


ACCEPT_KEY = Kind("key, or mapping, below", _read_accept, shapes.either(KEY.shape, ACCEPT.shape))


def _read_wrap_up(reader: Reader, node: Node) -> tuple[int, int] | None:
    """A time alone, or with its limit."""
    if not isinstance(node, Mapping):
        time = WRAP_UP_TIME.read(reader, node)
        return None if time is None else (time, LONGEST_MS)
    keys = read_keys(reader, node, WRAP_UP_KEYS)
    if "time" not in keys:
        return None
    most = keys.get("max", LONGEST_MS)
    if most < keys["time"]:
        text = f"max {words(most)} is less than time {words(keys['time'])}"
        reader.report(faults.bad_value(node.span, text, "make max the longer one"))
    return keys["time"], most


WRAP_UP = Kind(
    "duration, or mapping, below", _read_wrap_up, shapes.either(WRAP_UP_TIME.shape, WRAP_UP_KEYS.shape)
)


def _read_announce(reader: Reader, node: Node) -> graph.Announce | None:
    keys = read_keys(reader, node, ANNOUNCE)
    if "every" not in keys:
        return None
    return graph.Announce(
        span=node.span,
        every_ms=keys["every"],
        position=keys.get("position", False),
        wait_time=keys.get("wait_time", False),
        prompts=keys.get("prompts", ()),
    )


QUEUE = Table(
    "queue",
    "Callers who wait for an agent.",
    (
        Key("extension", sections.EXTENSION, "internal number, also to transfer a caller to", "none"),
        Key("title", TEXT, "name as people hear and read it", "the key"),
        Key("engine", sections.ENGINE, "ccctl's own engine, or Asterisk's app_queue", "of defaults"),
        Key("strategy", choice(*STRATEGIES), "which agent is next", "longest-idle"),
        Key("skills", SKILLS, "least level that an agent needs"),
        Key(
            "relax",
            Kind("list of steps, below", _read_relax, shapes.listed(RELAX.shape)),
            "lower levels after a wait",
        ),
        Key(
            "language_skill",
            keyed("language_skill", named("languages", "a language"), sections.NAME),
            "skill that a call of this language needs too",
        ),
        Key("agents", listed(named("agents", "an agent")), "the agents", "all with the skills"),
        Key(
            "membership",
            choice(*MEMBERSHIP),
            "whether agents may join and leave while it runs",
            "static",
        ),
        Key("forced", listed(named("agents", "an agent")), "agents who may neither leave nor pause it"),
        Key(
            "ranks",
            keyed("ranks", named("agents", "an agent"), RANK),
            "agents after those of rank 1",
            "all 1",
        ),
        Key("escalate", keyed("escalate", RANK, LATER), "the wait after which a rank is asked", "at once"),
        Key("ageing", LATER, "waiting that a point of priority is worth", "priorities are strict"),
        Key("keep_place", LATER, "for how long a caller who was lost keeps his place", "not at all"),
        Key("sticky", Kind("mapping, below", _read_sticky, STICKY.shape), "the agent whom a caller had last"),
        Key("ring", RINGING, "how long an agent's phone rings", "15s"),
        Key("wrap_up", WRAP_UP, "time after a talk before the next call", "0s"),
        Key(
            "not_responding",
            Kind("mapping, below", lambda reader, node: read_keys(reader, node, MISSING), MISSING.shape),
            "what follows when an agent does not take calls",
        ),
        Key("max_callers", whole(1, 10_000), "how many may wait", "no limit"),
        Key("service_level", sections.SERVICE_LEVEL, "the goal", "80% in 20s"),
        Key("music", sections.NAME, "class of music while waiting: sounds/moh/<name>", "default"),
        Key("greeting", PROMPTS, "prompts before the waiting begins"),
        Key(
            "announce", Kind("mapping, below", _read_announce, ANNOUNCE.shape), "what those who wait are told"
        ),
        Key(
            "callback",
            Kind("mapping, below", _read_callback, CALLBACK.shape),
            "how customers are called back",
        ),
        Key("whisper", sections.WHISPER, "what the agent alone hears before the talk", "[queue, waited]"),
        *schema_overflow.KEYS,
        Key(
            "direct_calls",
            choice(*DIRECT_CALLS),
            "whether an agent's call outside the queues keeps offers from him",
            "block",
        ),
        Key("accept_key", ACCEPT_KEY, "the key that an agent presses to take a call", "none"),
        Key(
            "record",
            choice(*RECORDS),
            "recording of talks: when the caller agreed, always unless he declined, or never",
            "consent",
        ),
        Key(
            "transfer_place",
            choice("kept", "new"),
            "whether a caller who is transferred to here keeps the turn that he had when he came",
            "kept",
        ),
    ),
)


def read_queues(
    reader: Reader,
    entries: list[tuple[Scalar, Node]],
    defaults: graph.Defaults,
    agents: dict[str, graph.Agent],
) -> dict[str, graph.Queue]:
    queues: dict[str, graph.Queue] = {}
    for word, node in entries:
        found = read_keys(reader, node, QUEUE, at=("queues", word.text))
        queues[word.text] = _queue(word.text, reader.names["queues"][word.text], found, defaults, agents)
    return queues


def _queue(
    name: str, span: Span, found: dict[str, Any], defaults: graph.Defaults, agents: dict[str, graph.Agent]
) -> graph.Queue:
    percent, goal_ms = found.get("service_level", (80, 20_000))
    skills = found.get("skills", {})
    sticky_ms, sticky_wait_ms = found.get("sticky", (0, 0))
    wrap_up_ms, wrap_up_max_ms = found.get("wrap_up", (0, LONGEST_MS))
    missing = found.get("not_responding", {})
    accept_key, accept_ms = found.get("accept_key", ("", ACCEPT_MS))
    least = at_least(skills, found.get("relax", ()))
    return graph.Queue(
        name=name,
        span=span,
        title=found.get("title", name),
        engine=found.get("engine", defaults.engine),
        strategy=found.get("strategy", "longest-idle"),
        skills=skills,
        agents=_members(found, tuple(a.name for a in agents.values() if has_skills(a, least))),
        membership=found.get("membership", "static"),
        forced=found.get("forced", ()),
        ring_ms=found.get("ring", 15_000),
        wrap_up_ms=wrap_up_ms,
        wrap_up_max_ms=wrap_up_max_ms,
        miss_limit=missing.get("after", 1),
        rest_ms=missing.get("for", 0),
        max_callers=found.get("max_callers", 0),
        sl_percent=percent,
        sl_ms=goal_ms,
        music=found.get("music", "default"),
        greeting=found.get("greeting", ()),
        whisper=found.get("whisper", ("queue", "waited")),
        relax=found.get("relax", ()),
        language_skill=found.get("language_skill", {}),
        announce=found.get("announce"),
        ranks=found.get("ranks", {}),
        escalate={int(rank): after for rank, after in found.get("escalate", {}).items()},
        ageing_ms=found.get("ageing", 0),
        keep_place_ms=found.get("keep_place", 0),
        sticky_ms=sticky_ms,
        sticky_wait_ms=sticky_wait_ms,
        direct_calls=found.get("direct_calls", "block"),
        accept_key=accept_key,
        accept_ms=accept_ms,
        overflow=found.get("overflow", ()),
        lend=found.get("lend"),
        record=found.get("record", "consent"),
        callback=found.get("callback"),
        extension=found.get("extension", ""),
        transfer_place=found.get("transfer_place", "kept"),
    )


def _members(found: dict[str, Any], all_with_skills: tuple[str, ...]) -> tuple[str, ...]:
    """Who is forced is one of them."""
    named: tuple[str, ...] = found.get("agents") or all_with_skills
    return (*named, *(agent for agent in found.get("forced", ()) if agent not in named))


def at_least(skills: dict[str, int], relax: tuple[graph.Relax, ...]) -> dict[str, int]:
    """The levels that are enough for somebody who has waited long."""
    for step in relax:
        skills = skills | {skill: min(level, skills.get(skill, 0)) for skill, level in step.skills.items()}
    return skills


def has_skills(agent: graph.Agent, skills: dict[str, int]) -> bool:
    return all(agent.skills.get(skill, 0) >= level for skill, level in skills.items())
