"""Two runs of one case compared priority by priority: the simulator must go the way that Asterisk goes."""

import re
from collections.abc import Iterable

import msgspec

from ccctl.flowtest.cases import Case
from ccctl.flowtest.drive import Result
from ccctl.flowtest.report import shown_step
from ccctl.flowtest.story import Seen, place_of
from ccctl.sim import Executed

Comparable = tuple[str, str, int, str, str]
_CLOCK = re.compile(r"\b1[0-9]{9}(\.[0-9]+)?\b")  # Unix seconds
_SPOOL = re.compile(r"/[^,\s]*(?=/ccctl/messages/)")  # where an Asterisk keeps what it records
MOMENT_MS = 1500  # what an instant is on a machine that is busy
BESIDE = 4  # steps that are shown before a difference


class Difference(msgspec.Struct, frozen=True):
    """`at` counts the steps that were equal; '' for a side that had no further step."""

    case: Case
    at: int
    sim: str
    real: str
    before: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"DIFFERS  {self.case.name}, after {self.at} equal steps"]
        lines += [f"      both  {step}" for step in self.before]
        lines += [f"  -    sim  {self.sim or 'the end'}", f"  +   real  {self.real or 'the end'}"]
        return "\n".join(lines)


def compare(sim: Result, real: Result) -> Difference | None:
    """The first difference. After the caller hung up a run may have come a few steps further or less."""
    ours, theirs = steps_of(sim), steps_of(real)
    at = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if not same(*pair)), None)
    if at is None:
        at = min(len(ours), len(theirs))
        if len(ours) == len(theirs) or (_left(real) and _at_once(ours, theirs, at)):
            return None
    before = tuple(_show(step) for step in ours[max(0, at - BESIDE) : at])
    return Difference(sim.case, at, _nth(ours, at), _nth(theirs, at), before)


def steps_of(result: Result) -> list[Executed]:
    """The steps up to the caller's hanging up, without pauses for keys and repeated reports."""
    until = result.left if result.left >= 0 else len(result.events)
    steps: list[Executed] = []
    for event in result.events[:until]:
        if not isinstance(event, Executed) or _is_pause(event, steps):
            continue
        if not steps or place_of(steps[-1]) != place_of(event):
            steps.append(event)
    return steps


def _is_pause(step: Executed, before: list[Executed]) -> bool:
    """That a prompt was over before a key came is a matter of time, not of the way."""
    asked = bool(before) and before[-1].app.lower() == "background"
    return asked and step.app.lower() == "waitexten"


def same(ours: Executed, theirs: Executed) -> bool:
    return _comparable(ours) == _comparable(theirs)


def _comparable(step: Executed) -> Comparable:
    """AMI shows the first line of data only. The cause of a phone's refusal is its network's: stand-ins
    have none."""
    if step.context.endswith(".desks") and step.app.lower() == "hangup":
        return step.context, step.exten, step.priority, "hangup", "<cause>"
    data = _CLOCK.sub("<time>", _SPOOL.sub("<spool>", step.data.partition("\n")[0].rstrip()))
    return step.context, step.exten, step.priority, step.app.lower(), data


def _at_once(ours: list[Executed], theirs: list[Executed], at: int) -> bool:
    """What one run did more than the other, it did in the moment in which the caller hung up."""
    if not at:
        return False
    quick = ours[-1].at_ms == ours[at - 1].at_ms
    return quick and theirs[-1].at_ms - theirs[at - 1].at_ms <= MOMENT_MS


def _left(result: Result) -> bool:
    return any(
        isinstance(event, Seen) and event.kind == "ended" and event.what == "caller"
        for event in result.events
    )


def _nth(steps: list[Executed], at: int) -> str:
    return _show(steps[at]) if at < len(steps) else ""


def _show(step: Executed) -> str:
    return shown_step(step)


def differences(pairs: Iterable[tuple[Result, Result]]) -> list[Difference]:
    found = (compare(sim, real) for sim, real in pairs)
    return [difference for difference in found if difference is not None]
