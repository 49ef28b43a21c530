"""A site to what Asterisk reads, as data. asterisk/conf.py writes it out.

A generation is the compiled flows under one name, made from their content: the same flows are the
same generation. A call belongs to the generation it entered until it ends.
"""

import hashlib
import re
from collections.abc import Callable
from itertools import groupby

import msgspec

from ccctl.flow.compile_boxes import directory, directory_names, voicemail
from ccctl.flow.compile_data import tables
from ccctl.flow.compile_sections import music_classes, pjsip, queues
from ccctl.flow.compile_sections import voicemail as voicemail_sections
from ccctl.flow.compile_steps import compile_flow
from ccctl.flow.compile_tables import desks, hours, inbound, internal_flows, phones
from ccctl.flow.dialplan import Context, Section, render
from ccctl.flow.graph import Directory, Flow, Prompt, Site, Subflow
from ccctl.flow.ways import walk

GENERATION = re.compile(r"[0-9a-f]{6}")
_NO_GENERATION = "000000"
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


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
    return Plan(
        generation=generation,
        contexts=tuple(compile_contexts(site, generation)),
        entry=(inbound(site, generation), phones(site, generation)),
        sections={
            "pjsip.conf": pjsip(site),
            "queues.conf": queues(site),
            "voicemail.conf": voicemail_sections(site),
            "directory.conf": directory_names(site),
        },
        music=music_classes(site),
        prompts=tuple(site.prompts.values()),
    )


def compile_contexts(site: Site, generation: str) -> list[Context]:
    called = _called(site)
    flows = [context for flow in site.flows.values() for context in _compile(site, generation, flow, called)]
    return [*flows, *_compile_rest(site, generation)]


def _called(site: Site) -> set[str]:
    """Flows that subflow steps run."""
    return {
        step.flow for flow in site.flows.values() for step in walk(flow.steps) if isinstance(step, Subflow)
    }


def _compile(site: Site, generation: str, flow: Flow, called: set[str]) -> list[Context]:
    ways_in = (False, True) if flow.name in called else (False,)
    return [context for sub in ways_in for context in compile_flow(site, generation, flow, sub)]


def _compile_rest(site: Site, generation: str) -> list[Context]:
    internal = [
        context for _, flow in internal_flows(site) for context in compile_flow(site, generation, flow)
    ]
    return [
        *internal,
        *hours(site, generation),
        *tables(site, generation),
        *voicemail(site, generation),
        desks(site, generation),
        *([directory(site, generation)] if uses(site, Directory) else []),
    ]


def uses(site: Site, kind: type) -> bool:
    return any(isinstance(step, kind) for flow in site.flows.values() for step in walk(flow.steps))


class Memory(msgspec.Struct, frozen=True):
    """What was kept by a key, in an earlier run."""

    recall: Callable[[str], bytes | None] = lambda key: None
    keep: Callable[[str, bytes], None] = lambda key, data: None


def generation_id(site: Site, memory: Memory | None = None) -> str:
    """Six hex digits of the compiled flows' content.

    The flows of a file are compiled to know their digest; with a memory, only when they, or what is
    around the flows, are not as they were. Only digests are remembered: a compiled flow may hold a PIN.
    """
    called = _called(site)
    around = _around(site, called)
    whole = hashlib.sha256(render(_compile_rest(site, _NO_GENERATION)).encode())
    for _, group in groupby(site.flows.values(), key=lambda flow: flow.span.file):
        whole.update(_digest(site, tuple(group), called, around, memory or Memory()))
    return whole.hexdigest()[:6]


def _around(site: Site, called: set[str]) -> bytes:
    """What a flow may look at besides itself; of prompts, the sounds."""
    rest = msgspec.structs.replace(site, flows={}, prompts={})
    sounds = {prompt.name: (prompt.sound, sorted(prompt.texts)) for prompt in site.prompts.values()}
    return hashlib.sha256(_ENCODER.encode((rest, sounds, sorted(called)))).digest()


def _digest(site: Site, flows: tuple[Flow, ...], called: set[str], around: bytes, memory: Memory) -> bytes:
    key = hashlib.sha256(around + _ENCODER.encode(flows)).hexdigest()
    kept = memory.recall(key)
    if kept is not None and len(kept) == hashlib.sha256().digest_size:
        return kept
    text = render([context for flow in flows for context in _compile(site, _NO_GENERATION, flow, called)])
    digest = hashlib.sha256(text.encode()).digest()
    memory.keep(key, digest)
    return digest


def generation_of(context: str) -> str:
    """The generation that a context belongs to; '' for entry tables and foreign contexts."""
    found = re.match(r"cc-([0-9a-f]{6})[-.]", context)
    return found.group(1) if found else ""
