"""Checks of references: every name that is used exists, and is the right kind of thing."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic, did_you_mean
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place
from ccctl.flow.checks_values import wrong_kind
from ccctl.flow.schema import Draft
from ccctl.flow.schema_queues import has_skills
from ccctl.flow.schema_types import Ref

SINGULAR = {
    "flows": "a flow",
    "queues": "a queue",
    "users": "a user",
    "agents": "an agent",
    "mailboxes": "a mailbox",
    "prompts": "a prompt",
    "trunks": "a trunk",
    "hours": "a set of opening hours",
    "tables": "a table",
    "surveys": "a survey",
    "ring_groups": "a ring group",
    "conferences": "a conference room",
}


def unknown(draft: Draft, section: str) -> Iterator[Ref]:
    """References that lead nowhere, and nowhere else either: see check_kind."""
    for ref in draft.missing:
        if ref.kind == section and not other_kind(draft, ref):
            yield ref


def other_kind(draft: Draft, ref: Ref) -> str:
    """The section where a missing name does exist; a close match in the right section goes before it."""
    if ref.kind not in SINGULAR or ref.name in draft.names[ref.kind]:
        return ""
    if did_you_mean(ref.name, draft.names[ref.kind]):
        return ""
    return next((section for section in SINGULAR if ref.name in draft.names[section]), "")


def hint_for(draft: Draft, ref: Ref) -> str:
    names = draft.names[ref.kind]
    near = did_you_mean(ref.name, names) or did_you_mean(ref.name.lower(), names)
    if near:
        span = names[near]
        return f'did you mean "{near}" ({place(span)})?' if span.file else f'did you mean "{near}"?'
    if not names:
        return f'there are none; write a section "{ref.kind}"'
    return f"{ref.kind}: {', '.join(sorted(names)[:12])}{' ...' if len(names) > 12 else ''}"


@finding("E101")
def check_flow_names(draft: Draft) -> Iterator[Diagnostic]:
    """A flow that does not exist.

    Bad:
        main: [{goto: suport}]
    Good:
        main: [{goto: support}]
    """
    for ref in unknown(draft, "flows"):
        yield found("E101", ref.span, f'unknown flow "{ref.name}"', hint_for(draft, ref))


@finding("E102")
def check_queue_names(draft: Draft) -> Iterator[Diagnostic]:
    """A queue that does not exist.

    Bad:
        main: [{queue: suport}]
    Good:
        main: [{queue: support}]
    """
    for ref in unknown(draft, "queues"):
        yield found("E102", ref.span, f'unknown queue "{ref.name}"', hint_for(draft, ref))


@finding("E103")
def check_people(draft: Draft) -> Iterator[Diagnostic]:
    """A user or agent that does not exist.

    An agent is a user with the same name; a dial step and the members of a queue name them.

    Bad:
        agents: {ana: {}}          # users has anna
    Good:
        agents: {anna: {}}
    """
    for section, word in (("users", "user"), ("agents", "agent")):
        for ref in unknown(draft, section):
            yield found("E103", ref.span, f'{word} "{ref.name}" is not defined', _who(draft, ref))


def _who(draft: Draft, ref: Ref) -> str:
    """What a dial step calls may be a ring group, too."""
    groups = draft.names["ring_groups"]
    if ref.kind == "users" and did_you_mean(ref.name, groups):
        return hint_for(draft, Ref("ring_groups", ref.name, ref.span))
    return hint_for(draft, ref)


@finding("E113")
def check_dialled_extensions(draft: Draft) -> Iterator[Diagnostic]:
    """A dial step names an extension; it would be dialled through a trunk.

    Bad:
        main: [{dial: "201", on_no_answer: hangup}]
    Good:
        main: [{dial: anna, on_no_answer: hangup}]
    """
    owners = {user.extension: user.name for user in draft.site.users.values()}
    for number, span in draft.dialled:
        if number in owners:
            yield found(
                "E113", span, f'"{number}" is the extension of {owners[number]}', f"write {owners[number]}"
            )


@finding("E104")
def check_mailbox_names(draft: Draft) -> Iterator[Diagnostic]:
    """A mailbox that does not exist.

    Bad:
        main: [{voicemail: suport}]
    Good:
        main: [{voicemail: support}]
    """
    for ref in unknown(draft, "mailboxes"):
        yield found("E104", ref.span, f'mailbox "{ref.name}" does not exist', hint_for(draft, ref))


@finding("E105")
def check_prompt_names(draft: Draft) -> Iterator[Diagnostic]:
    """A prompt that has neither a text nor a recording.

    Bad:
        main: [{play: wellcome}, hangup]
    Good:
        main: [{play: welcome}, hangup]
    """
    language = draft.site.defaults.languages[0]
    for ref in unknown(draft, "prompts"):
        text = f'prompt "{ref.name}" is in neither prompts nor sounds/{language}'
        yield found("E105", ref.span, text, hint_for(draft, ref))


@finding("E108")
def check_trunk_names(draft: Draft) -> Iterator[Diagnostic]:
    """A trunk that does not exist.

    Bad:
        main: [{dial: "+49301111111", via: telko, on_no_answer: hangup}]
    Good:
        main: [{dial: "+49301111111", via: telco, on_no_answer: hangup}]
    """
    for ref in unknown(draft, "trunks"):
        yield found("E108", ref.span, f'unknown trunk "{ref.name}"', hint_for(draft, ref))


@finding("E111")
def check_hours_names(draft: Draft) -> Iterator[Diagnostic]:
    """Opening hours that do not exist.

    Bad:
        main: [{hours: ofice, on_closed: hangup}, hangup]
    Good:
        main: [{hours: office, on_closed: hangup}, hangup]
    """
    for ref in unknown(draft, "hours"):
        yield found("E111", ref.span, f'unknown hours "{ref.name}"', hint_for(draft, ref))


@finding("E112")
def check_languages(draft: Draft) -> Iterator[Diagnostic]:
    """A language that the site does not have.

    Asterisk would play English and report success. Languages are listed in defaults.

    Bad:
        main: [{language: fr}, hangup]
    Good:
        main: [{language: de}, hangup]
    """
    languages = ", ".join(draft.site.defaults.languages)
    for ref in unknown(draft, "languages"):
        text = f'"{ref.name}" is not a language of this site'
        yield found("E112", ref.span, text, f"its languages are {languages}; add it to defaults.languages")


@finding("E114")
def check_room_names(draft: Draft) -> Iterator[Diagnostic]:
    """A conference room that does not exist.

    Bad:
        main: [{conference: bord}, hangup]
    Good:
        conferences: {board: {max_members: 10}}
        flows: {main: [{conference: board}, hangup]}
    """
    for ref in unknown(draft, "conferences"):
        yield found("E114", ref.span, f'unknown conference "{ref.name}"', hint_for(draft, ref))


def check_kind(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E109 is with wrong_kind: reading reports it, too."""
    for ref in draft.refs:
        section = other_kind(draft, ref)
        if section:
            kind = SINGULAR[ref.kind]
            text = f"{SINGULAR[section]}, not {kind}"
            yield wrong_kind(ref.span, ref.name, text, _write_instead(ref, section))


def _write_instead(ref: Ref, section: str) -> str:
    verbs = {
        "prompts": "play",
        "queues": "queue",
        "mailboxes": "voicemail",
        "users": "dial",
        "hours": "hours",
        "ring_groups": "dial",
        "conferences": "conference",
    }
    if ref.kind == "flows" and section in verbs:
        return f"write {{{verbs[section]}: {ref.name}}}"
    if ref.kind == "agents" and section == "users":
        return f"add {ref.name} to agents"
    return f"name {SINGULAR[ref.kind]}"


@finding("E110")
def check_skills(draft: Draft) -> Iterator[Diagnostic]:
    """A queue needs a skill that no agent has.

    Bad:
        queues: {support: {skills: {technica: 3}}}
    Good:
        queues: {support: {skills: {technical: 3}}}
    """
    held = {skill for agent in draft.site.agents.values() for skill in agent.skills}
    for queue in draft.site.queues.values():
        for skill in queue.skills:
            if skill not in held:
                near = did_you_mean(skill, held)
                hint = (
                    f'did you mean "{near}"?'
                    if near
                    else f"skills that agents have: {', '.join(sorted(held))}"
                )
                text = f'skill "{skill}" is held by no agent'
                yield found("E110", draft.spot("queues", queue.name, "skills"), text, hint)


@finding("E701")
def check_members(draft: Draft) -> Iterator[Diagnostic]:
    """A queue that no agent can serve.

    Every skill exists, but nobody has all of them at the level: callers would wait for nobody.

    Bad:
        queues: {support: {skills: {technical: 5, billing: 5}}}
    Good:
        queues: {support: {skills: {technical: 3}}}
    """
    agents = draft.site.agents.values()
    held = {skill for agent in agents for skill in agent.skills}
    for queue in draft.site.queues.values():
        if not queue.agents and all(skill in held for skill in queue.skills):
            wanted = " and ".join(f"{skill} >= {level}" for skill, level in queue.skills.items())
            best = max(
                agents,
                key=lambda a: sum(has_skills(a, {s: n}) for s, n in queue.skills.items()),
                default=None,
            )
            hint = f"{best.name} comes nearest; lower a level" if best else 'write a section "agents"'
            text = f'no agent can serve queue "{queue.name}"' + (f": nobody has {wanted}" if wanted else "")
            yield found("E701", draft.spot("queues", queue.name, "skills"), text, hint)


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_flow_names,
    check_queue_names,
    check_people,
    check_dialled_extensions,
    check_mailbox_names,
    check_prompt_names,
    check_trunk_names,
    check_hours_names,
    check_languages,
    check_room_names,
    check_kind,
    check_skills,
    check_members,
)
