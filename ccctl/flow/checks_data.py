"""Checks of facts from outside, answers of the caller, and what queues promise to those who wait."""

from collections import deque
from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import graph as g
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_names import hint_for, unknown
from ccctl.flow.checks_outside import bad_path, bad_range
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import mean, place
from ccctl.flow.graph import Text
from ccctl.flow.schema import Draft
from ccctl.flow.schema_steps import words

PERSONAL = ("caller.number", "caller.name")
NEAR = ("localhost", "127.0.0.1")


@finding("E118")
def check_names(draft: Draft) -> Iterator[Diagnostic]:
    """A table or a survey that does not exist.

    Bad:
        main: [{survey: csatt}, hangup]
    Good:
        main: [{survey: csat}, hangup]
    """
    for section, word in (("tables", "table"), ("surveys", "survey")):
        for ref in unknown(draft, section):
            yield found("E118", ref.span, f'unknown {word} "{ref.name}"', hint_for(draft, ref))


def check_columns(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E521 is with bad_path: reading reports it, too."""
    for step in steps_of(draft):
        table = draft.site.tables.get(step.table) if isinstance(step, g.Lookup) else None
        for save in step.save if isinstance(step, g.Lookup) and table and table.columns else ():
            if table and save.source not in table.columns:
                text = f'table {table.name} has no column "{save.source}"'
                yield bad_path(save.span, text, mean(save.source, table.columns))


@finding("W527")
def check_keys(draft: Draft) -> Iterator[Diagnostic]:
    """A number is looked for in a table of words.

    Numbers have many spellings. With `keys: phone` the keys and the number are made alike before they are
    compared; without it `0170 1112233` and `+491701112233` are two keys.

    Bad:
        tables: {customers: {file: data/customers.csv, key: phone, keys: word}}
    Good:
        tables: {customers: {file: data/customers.csv, key: phone, keys: phone}}
    """
    for step in steps_of(draft):
        table = draft.site.tables.get(step.table) if isinstance(step, g.Lookup) else None
        if (
            isinstance(step, g.Lookup)
            and table
            and table.rows
            and not table.phone
            and _is_number(draft, step.key)
        ):
            text = f"{step.key} is a number, and the keys of table {table.name} are words"
            yield found("W527", step.span, text, f"add keys: phone to table {table.name}")


def _is_number(draft: Draft, name: str) -> bool:
    variable = draft.site.vars.get(name)
    return name in ("caller.number", "called.number") or bool(variable and variable.type == "phone")


# -- http ------------------------------------------------------------------------------------------


def host_of(step: g.Http) -> str:
    first = step.url[0].text if step.url else ""
    return first.partition("://")[2].partition("/")[0].partition("?")[0].lower()


@finding("W506")
def check_clear(draft: Draft) -> Iterator[Diagnostic]:
    """A caller's data, or a secret, is sent without TLS.

    Everybody on the way can read it. On the own machine (localhost, 127.0.0.1) nothing is said.

    Bad:
        - http: get http://crm.acme.example/customers
          query: {phone: "{{ caller.number }}"}
    Good:
        - http: get https://crm.acme.example/customers
          query: {phone: "{{ caller.number }}"}
    """
    for step in steps_of(draft):
        if not isinstance(step, g.Http) or not step.url[0].text.lower().startswith("http://"):
            continue
        if host_of(step).partition(":")[0] in NEAR:
            continue
        sent = [pair for pair in step.headers if pair.secret]
        what = f"the secret {sent[0].value[0].text}" if sent else next(_personal(step), "")
        if what:
            yield found("W506", step.span, f"http sends {what} without TLS", "use https")


def _personal(step: g.Http) -> Iterator[str]:
    texts: tuple[Text, ...] = (step.url, *(pair.value for pair in (*step.query, *step.headers, *step.body)))
    yield from (part.variable for text in texts for part in text if part.variable in PERSONAL)


@finding("E526")
def check_headers(draft: Draft) -> Iterator[Diagnostic]:
    """A request would carry the headers of another one.

    Asterisk keeps the headers of a request for the rest of the call and cannot take one back. So in one
    call all requests have the same headers, or none while they go to the same host.

    Bad:
        - {http: get https://crm.acme.example/customers, headers: {authorization: !secret crm}}
        - {http: get https://weather.example/today}
    Good:
        - {http: get https://weather.example/today}
        - {http: get https://crm.acme.example/customers, headers: {authorization: !secret crm}}
    """
    told: set[Span] = set()
    for first, second in _after(draft):
        if first.headers and not _alike(first, second) and second.span not in told:
            told.add(second.span)
            names = ", ".join(pair.name for pair in first.headers)
            text = f"this request would send {names} of the one at {place(first.span)}, too"
            yield found("E526", second.span, text, "send the same headers, or ask this one before")


def _alike(first: g.Http, second: g.Http) -> bool:
    if second.headers:
        return _headers(first) == _headers(second)
    return host_of(first) == host_of(second)


def _headers(step: g.Http) -> list[tuple[str, bool, tuple[tuple[str, str], ...]]]:
    return sorted(
        (pair.name.lower(), pair.secret, tuple((part.text, part.variable) for part in pair.value))
        for pair in step.headers
    )


def _after(draft: Draft) -> Iterator[tuple[g.Http, g.Http]]:
    """Pairs of requests of which the second may come after the first in one call. Order inside of a flow
    is that of its text; flows that a flow leads to come after it, and a flow may be entered again."""
    asks = {name: each.asks for name, each in draft.summaries.items() if each.asks}
    if not asks:
        return
    places = draft.names["flows"]  # where a summary has the catch, which does not count here
    leads = {
        name: {target for target, span in each.leads.items() if span != places[name]}
        for name, each in draft.summaries.items()
    }
    for name, steps in asks.items():
        later = _reached(leads, name) if steps else set()
        for at, first in enumerate(steps):
            yield from ((first, second) for second in steps[at + 1 :])
            yield from ((first, second) for flow in sorted(later) for second in asks.get(flow, ()))


def _reached(leads: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(leads[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += leads.get(name, set())
    return reached


# -- answers ---------------------------------------------------------------------------------------


@finding("E528")
def check_complete(draft: Draft) -> Iterator[Diagnostic]:
    """A step lacks what it cannot do without.

    A PIN is asked with a prompt and compared with a secret; consent is asked with a prompt.

    Bad:
        main: [{authenticate: {prompt: enter-pin}}, hangup]
    Good:
        main: [{authenticate: {prompt: enter-pin, pins: !secret pins, on_denied: hangup}}, hangup]
    """
    if draft.broken:
        return
    for step in steps_of(draft):
        if isinstance(step, g.Authenticate | g.Consent) and not step.prompts:
            yield found("E528", step.span, "nothing is said before the keys are waited for", "add prompt:")
        if isinstance(step, g.Authenticate) and not step.pins:
            yield found("E528", step.span, "no PIN would be right", "add pins: !secret and a name")
        if isinstance(step, g.Authenticate) and not step.on_denied and not draft.site.defaults.catch:
            text = "authenticate has no on_denied, so a wrong PIN would end the call unexplained"
            yield found("E528", step.span, text, "add on_denied and a destination")


def check_answers(draft: Draft) -> Iterator[Diagnostic]:
    """The answer of a question fits its variable. The page of E524 is with bad_range."""
    for survey in draft.site.surveys.values():
        for question in survey.questions:
            variable = draft.site.vars.get(question.save)
            kind = variable.type if variable else ""
            if question.record_ms and kind not in ("text", ""):
                text = f"a recording is saved to {question.save}, which is of type {kind}"
                yield bad_range(
                    question.span, text, f"make vars.{question.save} a text, or save to another one"
                )
            elif not question.record_ms and kind not in ("digits", "number", ""):
                text = f"a number is saved to {question.save}, which is of type {kind}"
                yield bad_range(
                    question.span, text, f"make vars.{question.save} digits, or save to another one"
                )


# -- queues ----------------------------------------------------------------------------------------


@finding("E702")
def check_offered(draft: Draft) -> Iterator[Diagnostic]:
    """A callback is offered later than the wait can last.

    Bad:
        - {queue: support, max_wait: 1m, on_timeout: hangup, offer_callback: {after: 90s, prompt: offer}}
    Good:
        - {queue: support, max_wait: 5m, on_timeout: hangup, offer_callback: {after: 90s, prompt: offer}}
    """
    for step in steps_of(draft):
        offer = step.offer if isinstance(step, g.QueueStep) else None
        if isinstance(step, g.QueueStep) and offer and 0 < step.max_wait_ms <= offer.after_ms:
            text = (
                f"max_wait {words(step.max_wait_ms)} ends before offer_callback.after {words(offer.after_ms)}"
            )
            yield found("E702", offer.span, text, "the offer is never made; offer it earlier")


@finding("E704")
def check_withheld(draft: Draft) -> Iterator[Diagnostic]:
    """A callback to a number that may not be known.

    Who withholds the number cannot be called back at it. Ask for a number with `prompt`, or say where these
    callers go.

    Bad:
        main: [{callback: support}, hangup]
    Good:
        main: [{callback: support, on_withheld: {voicemail: support}}, hangup]
    """
    for step in steps_of(draft):
        if not isinstance(step, g.Callback) or draft.broken or step.ask or step.on_withheld or step.on_failed:
            continue
        if step.number == "caller.number":
            text = "caller.number can be withheld"
            yield found("E704", step.span, text, "add on_withheld, or ask for a number with prompt")


@finding("E705")
def check_consent(draft: Draft) -> Iterator[Diagnostic]:
    """Talks of a queue are always recorded, and a way leads there that never says so.

    Somewhere before the queue there must be a consent step, or a recording step that decides. `record:
    consent`, which is what a queue does that says nothing, records only those who agreed.

    Bad:
        queues: {support: {record: always}}
        flows: {main: [{queue: support, on_timeout: hangup}]}
    Good:
        queues: {support: {record: always}}
        flows: {main: [{consent: recording-notice}, {queue: support, on_timeout: hangup}]}
    """
    if draft.broken or any(unknown(draft, "flows")):
        return
    for name, span, path in _unasked(draft):
        queue = draft.site.queues.get(name)
        if queue and queue.record == "always":
            text = f'queue "{queue.name}" is recorded but the path {path} has no consent step'
            yield found("E705", span, text, "add consent before, or write record: consent")


def _unasked(draft: Draft) -> Iterator[tuple[str, Span, str]]:
    """Queue steps that a call from a number reaches without having been asked, and on which path."""
    waiting = deque((number.flow, number.flow) for number in draft.site.numbers.values())
    seen: set[str] = set()
    while waiting:
        name, path = waiting.popleft()
        if name not in seen and name in draft.summaries:
            seen.add(name)
            yield from ((queue, span, path) for queue, span in draft.summaries[name].unasked)
            waiting.extend((target, f"{path} -> {target}") for target in draft.summaries[name].onward)


@finding("E902")
def check_engine(draft: Draft) -> Iterator[Diagnostic]:
    """Something that only the own engine can do is asked of Asterisk's queues.

    Bad:
        queues: {support: {engine: native, relax: [{after: 60s, skills: {technical: 1}}]}}
    Good:
        queues: {support: {engine: acd, relax: [{after: 60s, skills: {technical: 1}}]}}
    """
    for step in steps_of(draft):
        queue = draft.site.queues.get(step.queue) if isinstance(step, g.QueueStep) else None
        called = draft.site.queues.get(step.queue) if isinstance(step, g.Callback) else None
        if called and called.engine == "native":
            text = f'callback needs engine acd; queue "{called.name}" is native'
            yield found("E902", step.span, text, f"write engine: acd in queue {called.name}")
        if not isinstance(step, g.QueueStep) or not queue or queue.engine != "native":
            continue
        for word, wanted in (("offer_callback", step.offer), ("while_waiting", step.waiting)):
            if wanted:
                text = f'{word} needs engine acd; queue "{queue.name}" is native'
                yield found("E902", wanted.span, text, f"write engine: acd in queue {queue.name}")


_OWN_ENGINE = {
    "relax": "relax",
    "language_skill": "language_skill",
    "ranks": "ranks",
    "escalate": "escalate",
    "ageing": "ageing_ms",
    "keep_place": "keep_place_ms",
    "sticky": "sticky_ms",
    "accept_key": "accept_key",
    "overflow": "overflow",
    "lend": "lend",
    "not_responding": "is_patient",
    "direct_calls": "rings_anyway",
    "callback": "callback",
}


def check_native(draft: Draft) -> Iterator[Diagnostic]:
    """The keys of queues themselves. The page of E902 is with check_engine."""
    for queue in draft.site.queues.values():
        asked = {word: getattr(queue, value) for word, value in _OWN_ENGINE.items()}
        for word in (word for word, wanted in asked.items() if wanted):
            if queue.engine == "native":
                text = f'{word} needs engine acd; queue "{queue.name}" is native'
                yield found("E902", draft.spot("queues", queue.name, word), text, "write engine: acd")


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_names,
    check_headers,
    check_answers,
    check_consent,
    check_native,
)
FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_columns,
    check_keys,
    check_clear,
    check_complete,
    check_offered,
    check_withheld,
    check_engine,
)
