"""A site to what Asterisk reads, as data. asterisk/conf.py writes it out.

A generation is the compiled flows under one name, made from their content: the same flows are the
same generation. A call belongs to the generation it entered until it ends.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NoReturn

import msgspec

from ccctl.flow.compile_boxes import directory, directory_names, voicemail
from ccctl.flow.compile_data import tables
from ccctl.flow.compile_sections import music_classes, pjsip, queues
from ccctl.flow.compile_sections import voicemail as voicemail_sections
from ccctl.flow.compile_steps import compile_flow
from ccctl.flow.compile_tables import desks, hours, inbound, internal_flows, phones, taken
from ccctl.flow.dialplan import Context, Section, render
from ccctl.flow.graph import Authenticate, ConferenceStep, Dial, Directory, Flow, Prompt, Site, Subflow, Wait
from ccctl.flow.ways import walk

GENERATION = re.compile(r"[0-9a-f]{6}")
_NO_GENERATION = "000000"
BLANK = "0g0g0g"  # no generation has such a name
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_CONTEXTS = msgspec.msgpack.Decoder(tuple[Context, ...])


class Read(msgspec.Struct, frozen=True):
    """What is known of all flows: those that subflow steps run, the kinds of their steps, and by file what
    names the content of its flows, where reading has found that out already."""

    called: frozenset[str]
    kinds: frozenset[str]
    music: frozenset[str]  # classes that steps play
    keys: dict[str, str] = {}


class Plan(msgspec.Struct, frozen=True):
    """`contexts` belong to the generation, `entry` are the stable tables that lead into it.
    `sections` go to pjsip.conf and its like; `music` are classes beside Asterisk's default."""

    generation: str
    contexts: tuple[Context, ...]
    entry: tuple[Context, ...]
    sections: dict[str, tuple[Section, ...]]
    music: tuple[str, ...]
    prompts: tuple[Prompt, ...]


def compile_site(site: Site, generation: str) -> Plan:
    read = _read(site)
    return _plan(site, generation, _contexts(site, generation, read), read)


def _plan(site: Site, generation: str, contexts: list[Context], read: Read) -> Plan:
    return Plan(
        generation=generation,
        contexts=tuple(contexts),
        entry=(inbound(site, generation), phones(site, generation), taken(generation)),
        sections={
            "pjsip.conf": pjsip(site),
            "queues.conf": queues(site),
            "voicemail.conf": voicemail_sections(site),
            "directory.conf": directory_names(site),
        },
        music=music_classes(site, read.music),
        prompts=tuple(site.prompts.values()),
    )


def compile_contexts(site: Site, generation: str) -> list[Context]:
    return _contexts(site, generation, _read(site))


def _contexts(site: Site, generation: str, read: Read) -> list[Context]:
    flows = [each for flow in site.flows.values() for each in _compile(site, generation, flow, read.called)]
    return [*flows, *_compile_rest(site, generation, read)]


def _read(site: Site) -> Read:
    steps = [step for flow in site.flows.values() for step in walk(flow.steps)]
    called = frozenset(step.flow for step in steps if isinstance(step, Subflow))
    music = frozenset(step.music for step in steps if isinstance(step, Dial | Wait))
    return Read(called, frozenset(type(step).__name__ for step in steps), music)


def _compile(site: Site, generation: str, flow: Flow, called: frozenset[str]) -> list[Context]:
    ways_in = (False, True) if flow.name in called else (False,)
    return [context for sub in ways_in for context in compile_flow(site, generation, flow, sub)]


def _compile_rest(site: Site, generation: str, read: Read) -> list[Context]:
    internal = [
        context for _, flow in internal_flows(site) for context in compile_flow(site, generation, flow)
    ]
    return [
        *internal,
        *hours(site, generation),
        *tables(site, generation),
        *voicemail(site, generation),
        desks(site, generation),
        *([directory(site, generation)] if Directory.__name__ in read.kinds else []),
    ]


class Memory(msgspec.Struct, frozen=True):
    """What was kept by a key, in an earlier run."""

    recall: Callable[[str], bytes | None] = lambda key: None
    keep: Callable[[str, bytes], None] = lambda key, data: None


class Part(msgspec.Struct, frozen=True, array_like=True):
    """The flows of one file, compiled: the digest of their text, and their contexts, encoded, in which
    BLANK stands for the generation. They are b"" where they must not be kept."""

    digest: bytes
    contexts: bytes = b""
    sounds: dict[str, str] = {}  # of the prompts that they play


_PART = msgspec.msgpack.Decoder(Part)


def compile_all(site: Site, memory: Memory | None = None, read: Read | None = None) -> Plan:
    """The site under the name that its content has. With a memory, a file's flows are compiled only when
    they, or what is around flows, are not as they were; and hardly ever twice."""
    read = read or _read(site)
    parts = list(_parts(site, memory or Memory(), read))
    generation = _id(site, (part for _, part in parts), read)
    contexts = [each for flows, part in parts for each in _named(site, generation, flows, part, read)]
    return _plan(site, generation, [*contexts, *_compile_rest(site, generation, read)], read)


def _named(site: Site, generation: str, flows: tuple[Flow, ...], part: Part, read: Read) -> Iterable[Context]:
    if part.contexts:
        named = part.contexts.replace(BLANK.encode(), generation.encode())
        return _CONTEXTS.decode(named)
    return (context for flow in flows for context in _compile(site, generation, flow, read.called))


def generation_id(site: Site) -> str:
    """Six hex digits of the compiled flows' content."""
    read = _read(site)
    return _id(site, (part for _, part in _parts(site, Memory(), read)), read)


def _id(site: Site, parts: Iterable[Part], read: Read) -> str:
    whole = hashlib.sha256(render(_compile_rest(site, _NO_GENERATION, read)).encode())
    for part in parts:
        whole.update(part.digest)
    return whole.hexdigest()[:6]


def _parts(site: Site, memory: Memory, read: Read) -> Iterator[tuple[tuple[Flow, ...], Part]]:
    around, plain = _around(site, read.called)
    for file, group in groupby(site.flows.values(), key=lambda flow: flow.span.file):
        flows = tuple(group)
        content = read.keys.get(file, "").encode() or _ENCODER.encode(flows)
        key = hashlib.sha256(around + content).hexdigest()
        part = _recalled(memory, key)
        if part is None or part.sounds != _sounds(site, part.sounds):
            part = _part(site, flows, read.called, plain)
            memory.keep(key, _ENCODER.encode(part))
        yield flows, part


def _recalled(memory: Memory, key: str) -> Part | None:
    data = memory.recall(key)
    try:
        return None if data is None else _PART.decode(data)
    except msgspec.MsgspecError:
        return None


def _part(site: Site, flows: tuple[Flow, ...], called: frozenset[str], plain: bool) -> Part:
    """Without contexts where BLANK is a word of the site, or digests of PINs are among the lines."""
    noted = _Noted(site.prompts)
    site = msgspec.structs.replace(site, prompts=noted)
    contexts = [context for flow in flows for context in _compile(site, BLANK, flow, called)]
    text = render(contexts).replace(BLANK, _NO_GENERATION)
    secret = any(
        isinstance(step, Authenticate | ConferenceStep) for flow in flows for step in walk(flow.steps)
    )
    kept = plain and not secret and BLANK.encode() not in _ENCODER.encode(flows)
    sounds = {name: _sound(noted[name]) for name in sorted(noted.asked)}
    return Part(hashlib.sha256(text.encode()).digest(), _ENCODER.encode(contexts) if kept else b"", sounds)


class _Noted(dict[str, Prompt]):
    """Notes which prompts were asked for. Flows ask for them by name and in no other way."""

    def __init__(self, prompts: dict[str, Prompt]) -> None:
        super().__init__(prompts)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Prompt:
        self.asked.add(name)
        return super().__getitem__(name)

    def _refused(self, *_: object) -> NoReturn:
        raise NotImplementedError("what a flow becomes depends on the prompts that it asks for by name")

    __contains__ = __iter__ = get = keys = values = items = _refused


def _sounds(site: Site, names: Iterable[str]) -> dict[str, str]:
    return {name: _sound(site.prompts[name]) for name in names if name in site.prompts}


def _sound(prompt: Prompt) -> str:
    """All of a prompt that the dialplan depends on."""
    return " ".join((prompt.sound, *sorted(prompt.texts)))


def _around(site: Site, called: frozenset[str]) -> tuple[bytes, bool]:
    """A digest of what a flow may look at besides itself and its prompts; is BLANK not in it?"""
    rest = msgspec.structs.replace(site, flows={}, prompts={})
    data = _ENCODER.encode((rest, sorted(called)))
    return hashlib.sha256(data).digest(), BLANK.encode() not in data


def generation_of(context: str) -> str:
    """The generation that a context belongs to; '' for entry tables and foreign contexts."""
    found = re.match(r"cc-([0-9a-f]{6})[-.]", context)
    return found.group(1) if found else ""
