"""Checks of ringing people: dial steps, ring groups, rooms, what may be dialled and shown outside."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import graph as g
from ccctl.flow.built_in import LANGUAGES, state_texts
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place
from ccctl.flow.checks_site import extensions_of
from ccctl.flow.checks_values import free_target
from ccctl.flow.compile_tables import PARKING
from ccctl.flow.graph import AnyStep, Body
from ccctl.flow.schema import Draft
from ccctl.flow.schema_desk import is_number
from ccctl.flow.schema_steps import words
from ccctl.flow.ways import verb, ways

LONG_RING_MS = 180_000
_DIALLED = ("digits", "phone")
_SILENT = (
    g.HoursStep,
    g.If,
    g.Switch,
    g.Assign,
    g.Split,
    g.Loop,
    g.Goto,
    g.Subflow,
    g.Return,
    g.Http,
    g.Lookup,
    g.Language,
    g.Recording,
    g.Dial,
    g.Transfer,
    g.Reject,
    g.HangupStep,
)


def dials_of(draft: Draft) -> Iterator[g.Dial]:
    yield from (step for step in steps_of(draft) if isinstance(step, g.Dial))


# -- names and targets -----------------------------------------------------------------------------


@finding("E115")
def check_shared_names(draft: Draft) -> Iterator[Diagnostic]:
    """A ring group and a user have the same name.

    A dial step names both in the same way, so nobody could tell whom it rings.

    Bad:
        ring_groups: {anna: {ring: [reception, anna]}}      # anna is a user
    Good:
        ring_groups: {front-desk: {ring: [reception, anna]}}
    """
    for group in draft.site.ring_groups.values():
        user = draft.site.users.get(group.name)
        if user:
            text = f'ring group "{group.name}" is also a user ({place(user.span)})'
            yield found("E115", group.span, text, "rename the group")


@finding("E420")
def check_empty_groups(draft: Draft) -> Iterator[Diagnostic]:
    """A ring group, or a dial step, that rings nobody.

    Bad:
        ring_groups: {front-desk: {ring: []}}
    Good:
        ring_groups: {front-desk: {ring: [reception, anna]}}
    """
    for group in draft.site.ring_groups.values():
        if not group.ring and ("ring_groups", group.name, "ring") in draft.spots and not draft.broken:
            span = draft.spot("ring_groups", group.name, "ring")
            yield found("E420", span, f'ring group "{group.name}" rings nobody', "name users or numbers")


def check_empty_dials(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E420 is with check_empty_groups."""
    for step in dials_of(draft):
        if not step.targets and not step.group and not draft.broken:
            yield found("E420", step.span, "this dial step rings nobody", "name users or numbers")


def check_variable_targets(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E502 is with free_target: reading reports it, too."""
    for name, span in draft.targets:
        variable = draft.site.vars.get(name)
        if variable and variable.type not in _DIALLED:
            yield free_target(span, name)


@finding("W421")
def check_toll_fraud(draft: Draft) -> Iterator[Diagnostic]:
    """Callers type a number, and it is dialled at your cost.

    Whoever finds that out calls a premium number through your trunk. Say with `matches` which numbers
    may be typed.

    Bad:
        - {gather: ask-number, save: wanted, digits: 4-15, on_exhausted: hangup}
        - {dial: "{{ wanted }}", on_no_answer: hangup}
    Good:
        - {gather: ask-number, save: wanted, digits: 4-15, matches: "030[0-9]+", on_exhausted: hangup}
        - {dial: "{{ wanted }}", on_no_answer: hangup}
    """
    typed = {name for each in draft.summaries.values() for name in each.typed}
    for name, span in draft.targets:
        if name in typed:
            text = f'callers can have any number dialled at your cost: "{name}" is what they type'
            yield found("W421", span, text, "add matches: to the gather step")


# -- ringing ---------------------------------------------------------------------------------------


@finding("W422")
def check_long_ringing(draft: Draft) -> Iterator[Diagnostic]:
    """People are rung one after the other for longer than callers stay.

    The time of a hunt is that of each member, times the members, times the rounds.

    Bad:
        - {dial: [anna, ben, cleo], strategy: hunt, timeout: 60s, repeats: 3, on_no_answer: hangup}
    Good:
        - {dial: [anna, ben, cleo], strategy: hunt, timeout: 15s, on_no_answer: hangup}
    """
    for step in dials_of(draft):
        many = 1 if step.strategy == "all" else len(step.targets)
        ringing = many * step.timeout_ms * step.repeats
        if ringing > LONG_RING_MS:
            text = f"nobody would be told anything for {words(ringing)} of ringing"
            yield found("W422", step.span, text, "lower timeout or repeats")


@finding("W423")
def check_lone_hunt(draft: Draft) -> Iterator[Diagnostic]:
    """A strategy for one person.

    Bad:
        - {dial: anna, strategy: hunt, on_no_answer: hangup}
    Good:
        - {dial: [anna, ben], strategy: hunt, on_no_answer: hangup}
    """
    for group in draft.site.ring_groups.values():
        if group.strategy != "all" and len(group.ring) == 1:
            span = draft.spot("ring_groups", group.name, "strategy")
            yield found("W423", span, f"strategy {group.strategy} with one member", "name more, or leave it")


def check_lone_dials(draft: Draft) -> Iterator[Diagnostic]:
    """The page of W423 is with check_lone_hunt."""
    for step in dials_of(draft):
        if step.strategy != "all" and len(step.targets) == 1 and not step.group:
            yield found("W423", step.span, f"strategy {step.strategy} with one target", "name more people")


@finding("W424")
def check_unused_groups(draft: Draft) -> Iterator[Diagnostic]:
    """A ring group that nothing rings.

    Bad:
        ring_groups: {front-desk: {ring: [reception, anna]}}     # and no dial step names it
    Good:
        ring_groups: {front-desk: {ring: [reception, anna]}}
        flows: {main: [{dial: front-desk, on_no_answer: hangup}]}
    """
    if draft.broken:
        return
    named = {ref.name for ref in draft.refs if ref.kind == "ring_groups"}
    for group in draft.site.ring_groups.values():
        if group.name not in named and not group.extension:
            text = f'no dial step rings "{group.name}", and it has no extension'
            yield found("W424", group.span, text, "delete it, or dial it")


@finding("E425")
def check_shown_numbers(draft: Draft) -> Iterator[Diagnostic]:
    """A caller id that is no number of this site.

    Carriers refuse or change a caller id that they did not give to you.

    Bad:
        - {dial: "+49301111111", caller_id: "+49309999999", on_no_answer: hangup}
    Good:
        - {dial: "+49301111111", caller_id: "+49301234500", on_no_answer: hangup}
    """
    for number, span in draft.callers:
        if number not in draft.site.numbers:
            known = ", ".join(list(draft.site.numbers)[:4]) or "none"
            yield found("E425", span, f'"{number}" is no number of this site', f"numbers: {known}")


@finding("W426")
def check_useless_caller_id(draft: Draft) -> Iterator[Diagnostic]:
    """A caller id for phones of the house.

    It is shown to numbers outside; colleagues see who really calls.

    Bad:
        - {dial: anna, caller_id: "+49301234500", on_no_answer: hangup}
    Good:
        - {dial: anna, on_no_answer: hangup}
    """
    for step in dials_of(draft):
        if step.caller_id and step.targets and not any(is_number(target) for target in step.targets):
            yield found("W426", step.span, "caller_id is not used: no number is dialled", "leave it out")


@finding("E427")
def check_group_trunks(draft: Draft) -> Iterator[Diagnostic]:
    """A number is to be reached through one of several trunks, and it is not said through which.

    A ring group that has an internal number is rung without a dial step, and a transfer needs the address
    of a trunk.

    Bad:
        ring_groups: {night: {ring: ["+491711234567"], extension: 300}}     # two trunks
    Good:
        flows: {night: [{dial: night, via: telco, on_no_answer: hangup}]}
    """
    trunks = draft.site.trunks
    names = ", ".join(trunks) or "none"
    for group in draft.site.ring_groups.values():
        if group.extension and len(trunks) != 1 and any(is_number(who) for who in group.ring):
            span = draft.spot("ring_groups", group.name, "extension")
            text = f"the numbers of the group need a trunk (there are: {names})"
            yield found("E427", span, text, "take the extension out and dial the group with via")


def check_transfer_trunks(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E427 is with check_group_trunks."""
    names = ", ".join(draft.site.trunks) or "none"
    for step in steps_of(draft):
        if isinstance(step, g.Transfer) and not step.via:
            text = f"a transfer needs a trunk (there are: {names})"
            yield found("E427", step.span, text, "add via: and a trunk")


# -- refusing --------------------------------------------------------------------------------------


@finding("E428")
def check_late_rejects(draft: Draft) -> Iterator[Diagnostic]:
    """A call is refused after it was answered.

    Prompts, menus, queues and mailboxes answer a call. From then on it costs the caller money and cannot
    be refused any more: he would hear an ordinary end.

    Bad:
        main: [{play: closed}, {reject: busy}]
    Good:
        main: [{reject: busy}]
    """
    if draft.broken or g.Reject.__name__ not in draft.kinds:
        return
    late = _Late(draft.site.flows)
    for number in draft.site.numbers.values():
        late.enter(number.flow, None)
    for span, (step, where) in sorted(late.found.items()):
        text = f"the call is already answered here, by {verb(step)} ({where.line}:{where.column})"
        yield found("E428", span, text, "reject before that step, or write hangup")


class _Late:
    """Follows every call, and which step has answered it."""

    def __init__(self, flows: dict[str, g.Flow]) -> None:
        self.flows = flows
        self.seen: set[tuple[str, bool]] = set()
        self.found: dict[Span, tuple[AnyStep, Span]] = {}

    def enter(self, flow: str, by: AnyStep | None) -> None:
        if flow in self.flows and (flow, by is not None) not in self.seen:
            self.seen.add((flow, by is not None))
            self.follow(self.flows[flow].steps, by)

    def follow(self, body: Body, by: AnyStep | None) -> AnyStep | None:
        """What has answered the call at the end of the body."""
        for step in body:
            if isinstance(step, g.Reject) and by:
                self.found.setdefault(step.span, (by, by.span))
            if isinstance(step, g.Goto | g.Subflow):
                self.enter(step.flow, by)
            if by is None and not isinstance(step, _SILENT):
                by = step
            inside = [self.follow(way.body, by) for way in ways(step)]
            by = by or next((each for each in inside if each), None)
        return by


# -- codes and switches ----------------------------------------------------------------------------


@finding("W429")
def check_idle_emergency(draft: Draft) -> Iterator[Diagnostic]:
    """An emergency outcome that nobody can switch on.

    Bad:
        hours: {office: {open: always}}
        flows: {main: [{hours: office, on_closed: hangup, on_emergency: sorry}, hangup]}
    Good:
        hours: {office: {open: always, emergency: "*28"}}
        flows: {main: [{hours: office, on_closed: hangup, on_emergency: sorry}, hangup]}
    """
    for step in steps_of(draft):
        hours = draft.site.hours.get(step.hours) if isinstance(step, g.HoursStep) else None
        if isinstance(step, g.HoursStep) and step.on_emergency and hours and not hours.emergency:
            text = f'on_emergency can never happen: hours "{hours.name}" have no emergency code'
            yield found("W429", step.on_emergency[0].span, text, "add emergency: and a code to the hours")


@finding("W607")
def check_built_in_words(draft: Draft) -> Iterator[Diagnostic]:
    """Words of ccctl's own are not there in a language of the site.

    The state of a switch would be said in English. A prompt of the same name in the site wins.

    Bad:
        defaults: {languages: [it]}
        hours: {office: {open: always, switch: "*27"}}
    Good:
        prompts: {state-auto: {it: "..."}, state-open: {it: "..."}, state-closed: {it: "..."}}
    """
    site = draft.site
    foreign = [code for code in site.defaults.languages if code.partition("_")[0] not in LANGUAGES]
    lacking = [
        name
        for name in state_texts(site.hours, site.defaults.languages)
        if name in site.prompts and not site.prompts[name].span.file
    ]
    for hours in site.hours.values():
        if foreign and lacking and (hours.switch or hours.emergency):
            text = f"states of the switch have no words in {', '.join(foreign)}; they are said in English"
            yield found("W607", hours.span, text, f"write prompts {', '.join(lacking)}")


@finding("E807")
def check_parking(draft: Draft) -> Iterator[Diagnostic]:
    """An extension is a slot of the parking lot.

    With the feature code `park`, calls wait at 701 to 720.

    Bad:
        feature_codes: {"*75": park}
        users: {anna: {extension: 701, password: !secret ph201}}
    Good:
        users: {anna: {extension: 201, password: !secret ph201}}
    """
    if any(code.action == "park" for code in draft.site.feature_codes.values()):
        slots = {str(slot) for slot in PARKING}
        for extension, span in extensions_of(draft):
            if extension in slots:
                text = f"extension {extension} is a slot of the parking lot"
                yield found("E807", span, text, "choose another; 701 to 720 are taken")


# -- queues ----------------------------------------------------------------------------------------


@finding("W703")
def check_service_level(draft: Draft) -> Iterator[Diagnostic]:
    """One agent cannot reach the service level.

    While he rings and while he finishes the work of the last call, the next caller waits. When that alone
    is longer than the goal, two callers in a row are enough to miss it.

    Bad:
        queues: {support: {ring: 15s, wrap_up: 20s, service_level: 80% in 20s}}     # one agent
    Good:
        queues: {support: {ring: 15s, wrap_up: 5s, service_level: 80% in 20s}}
    """
    for queue in draft.site.queues.values():
        if len(queue.agents) == 1 and queue.ring_ms + queue.wrap_up_ms > queue.sl_ms:
            goal = f"{queue.sl_percent}% in {words(queue.sl_ms)}"
            text = f"ring {words(queue.ring_ms)} + wrap_up {words(queue.wrap_up_ms)} with one agent"
            hint = "add agents, or lower ring or wrap_up"
            yield found("W703", queue.span, f"{text} cannot reach {goal}", hint)


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_shared_names,
    check_empty_groups,
    check_variable_targets,
    check_toll_fraud,
    check_lone_hunt,
    check_unused_groups,
    check_shown_numbers,
    check_group_trunks,
    check_late_rejects,
    check_built_in_words,
    check_parking,
    check_service_level,
)
FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_empty_dials,
    check_long_ringing,
    check_lone_dials,
    check_useless_caller_id,
    check_transfer_trunks,
    check_idle_emergency,
)
