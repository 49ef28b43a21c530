"""Checks of callbacks: whether anybody can be called, and whether the rules fit each other."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic
from ccctl.flow import graph as g
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.schema import Draft
from ccctl.flow.schema_steps import words


@finding("E706")
def check_trunk(draft: Draft) -> Iterator[Diagnostic]:
    """Somebody is to be called back, and the site has no trunk.

    Bad:
        trunks: {}
        flows: {main: [{callback: support, on_withheld: hangup}, hangup]}
    Good:
        trunks: {telco: {host: sip.telco.example}}
        flows: {main: [{callback: support, on_withheld: hangup}, hangup]}
    """
    if draft.site.trunks or draft.names.get("trunks"):
        return
    for step in steps_of(draft):
        offer = step.offer if isinstance(step, g.QueueStep) else None
        if isinstance(step, g.Callback) or offer:
            span = offer.span if offer else step.span
            yield found("E706", span, "nobody can be called back: the site has no trunk", "add one to trunks")


@finding("E708")
def check_tries(draft: Draft) -> Iterator[Diagnostic]:
    """The tries of a queue's callbacks take longer than they live.

    Bad:
        queues: {support: {callback: {expires: 15m, retries: 2, gap: 10m}}}
    Good:
        queues: {support: {callback: {expires: 1h, retries: 2, gap: 10m}}}
    """
    for queue in draft.site.queues.values():
        rules = queue.callback
        if rules and rules.retries and rules.retries * rules.gap_ms >= rules.expires_ms:
            text = f"{rules.retries} retries with a gap of {words(rules.gap_ms)} do not fit into"
            hint = "let it expire later, or try again sooner"
            yield found("E708", rules.span, f"{text} {words(rules.expires_ms)}", hint)


@finding("E709")
def check_list(draft: Draft) -> Iterator[Diagnostic]:
    """The list of those who are not called back is no table of numbers.

    Bad:
        defaults: {do_not_call: names}
        tables: {names: {file: data/names.csv, key: name, keys: word}}
    Good:
        defaults: {do_not_call: blocked}
        tables: {blocked: {file: data/blocked.csv, key: phone, keys: phone}}
    """
    table = draft.site.tables.get(draft.site.defaults.do_not_call)
    if table and table.rows and not table.phone:
        span = draft.spot("defaults", "defaults", "do_not_call")
        yield found("E709", span, f'the keys of table "{table.name}" are no numbers', "write keys: phone")


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_tries, check_list)
FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_trunk,)
