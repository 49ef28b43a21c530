"""Checks of queues that lend one another their agents."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import exit_key_twice
from ccctl.flow.graph import Queue
from ccctl.flow.schema import Draft
from ccctl.flow.steps import QueueStep


@finding("E707")
def check_lenders(draft: Draft) -> Iterator[Diagnostic]:
    """A queue borrows agents where none can be had.

    Its own agents are asked anyway. Of a queue of Asterisk's nobody knows whether its callers wait.

    Bad:
        support: {overflow: [{when: {wait: 60s}, borrow: [support]}]}
    Good:
        support: {overflow: [{when: {wait: 60s}, borrow: [backup]}]}
    """
    for queue in draft.site.queues.values():
        for rule in queue.overflow:
            for lender in (draft.site.queues[name] for name in rule.borrow if name in draft.site.queues):
                why = _hindrance(queue, lender)
                if why:
                    text = f'queue "{queue.name}" cannot borrow agents of "{lender.name}": {why}'
                    yield found("E707", rule.span, text, "name a queue with other agents and engine acd")


def _hindrance(queue: Queue, lender: Queue) -> str:
    if queue.name == lender.name:
        return "it is the same queue"
    if lender.engine == "native":
        return "that queue is native"
    return "all of them are its own" if set(lender.agents) <= set(queue.agents) else ""


@finding("W708")
def check_borrowers(draft: Draft) -> Iterator[Diagnostic]:
    """A queue says when it lends its agents, and nobody borrows them.

    Bad:
        backup: {lend: {keep: 80% in 20s}}
    Good:
        backup: {lend: {keep: 80% in 20s}}
        support: {overflow: [{when: {wait: 60s}, borrow: [backup]}]}
    """
    asked = {name for queue in draft.site.queues.values() for rule in queue.overflow for name in rule.borrow}
    for queue in draft.site.queues.values():
        if queue.lend and queue.name not in asked:
            text = f'no queue borrows agents of "{queue.name}"'
            hint = f"write in another queue: overflow: [{{when: {{wait: 60s}}, borrow: [{queue.name}]}}]"
            yield found("W708", queue.lend.span, text, hint)


def check_keys(draft: Draft) -> Iterator[Diagnostic]:
    """A key of those who wait has one meaning. The page of E205 is with exit_key_twice."""
    for step in steps_of(draft):
        if not isinstance(step, QueueStep):
            continue
        first: dict[str, Span] = {}
        given = [(option.key, option.span) for option in step.exit_keys]
        given += [(option.key, option.span) for option in step.waiting.options] if step.waiting else []
        given += [(step.offer.key, step.offer.span)] if step.offer else []
        for key, span in given:
            if key in first:
                yield exit_key_twice(span, key, first[key])
            first.setdefault(key, span)


FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_keys,)
CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_lenders, check_borrowers)
