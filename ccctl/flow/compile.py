"""A site to what Asterisk reads, as data. asterisk/conf.py writes it out.

A generation is the compiled flows under one name, made from their content: the same flows are the
same generation. A call belongs to the generation it entered until it ends.
"""

import hashlib
import re

import msgspec

from ccctl.flow.compile_data import tables
from ccctl.flow.compile_sections import music_classes, pjsip, queues
from ccctl.flow.compile_sections import voicemail as voicemail_sections
from ccctl.flow.compile_steps import compile_flow
from ccctl.flow.compile_tables import desks, hours, inbound, phones, voicemail
from ccctl.flow.dialplan import Context, Section, render
from ccctl.flow.graph import Prompt, Site, Subflow
from ccctl.flow.ways import walk

GENERATION = re.compile(r"[0-9a-f]{6}")
_NO_GENERATION = "000000"


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
        },
        music=music_classes(site),
        prompts=tuple(site.prompts.values()),
    )


def compile_contexts(site: Site, generation: str) -> list[Context]:
    called = {
        step.flow for flow in site.flows.values() for step in walk(flow.steps) if isinstance(step, Subflow)
    }
    flows = [
        context
        for flow in site.flows.values()
        for sub in ((False, True) if flow.name in called else (False,))
        for context in compile_flow(site, generation, flow, sub)
    ]
    return [
        *flows,
        *hours(site, generation),
        *tables(site, generation),
        *voicemail(site, generation),
        desks(site, generation),
    ]


def generation_id(site: Site) -> str:
    """Six hex digits of the compiled flows' content."""
    text = render(compile_contexts(site, _NO_GENERATION))
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def generation_of(context: str) -> str:
    """The generation that a context belongs to; '' for entry tables and foreign contexts."""
    found = re.match(r"cc-([0-9a-f]{6})[-.]", context)
    return found.group(1) if found else ""
