"""What an apply would do and meet: both sides of every difference, and the calls and agents that live now."""

import hashlib
import json
from typing import Any

import msgspec

from ccctl.asterisk import conf, drift, reload
from ccctl.asterisk.conf import About, Revision
from ccctl.asterisk.drift import Edit
from ccctl.errors import ApplyError, AsteriskDown
from ccctl.flow.compile import Plan
from ccctl.flow.graph import Site
from ccctl.flow.model import model, seal
from ccctl.flow.roster import roster
from ccctl.flow.site_changes import Change, changes
from ccctl.runtime.apply import model_key
from ccctl.runtime.doors import ask_daemon, asterisk
from ccctl.runtime.settings import Settings

NOTHING = bytes(32)


class Meeting(msgspec.Struct, frozen=True):
    """What lives in Asterisk now, as far as it could be asked."""

    serving: str = ""
    calls: dict[str, int] = {}  # channels by generation
    queues: dict[str, int] = {}  # callers by queue
    asterisk: str = ""  # why Asterisk could not be asked; '' when it was
    differences: tuple[str, ...] = ()  # what it has loaded and was not applied
    agents: dict[str, str] = {}  # presence by name; empty without the daemon


class Outlook(msgspec.Struct, frozen=True):
    """Both sides, and what an apply would meet."""

    old: Revision | None
    new: Revision
    now: Meeting = Meeting()
    broken_off: bool = False  # the last apply died before its end
    changes: tuple[Change, ...] = ()
    edits: tuple[Edit, ...] = ()  # files that somebody edited by hand

    @property
    def base(self) -> str:
        """The change in force; '' when there is none."""
        return self.old.manifest.change if self.old else ""


async def outlook(
    settings: Settings, site: Site, plan: Plan, secrets: frozenset[str] = frozenset()
) -> Outlook:
    """Changes nothing. Works without Asterisk too, and says so."""
    old, broken_off = conf.read_current(settings.node), conf.is_broken_off(settings.node)
    key = model_key(settings.node) if old else NOTHING
    about = About(
        model=model(site, seal(key), secrets), roster=roster(site, plan.generation), secrets=secrets
    )
    new = conf.build(plan, {name: _music_of(old, name) for name in plan.music}, old, set(), about)
    return Outlook(
        old,
        new,
        await _meet(settings, old),
        broken_off,
        _changes(old, new),
        tuple(drift.edits(old)) if old else (),
    )


def _changes(old: Revision | None, new: Revision) -> tuple[Change, ...]:
    before = old.record.model if old and old.record else {}
    return tuple(changes(before, new.record.model if new.record else {}))


async def _meet(settings: Settings, old: Revision | None) -> Meeting:
    try:
        async with asterisk(settings.node) as doors:
            return Meeting(
                await reload.serving(doors),
                await reload.calls_by_generation(doors),
                await reload.calls_by_queue(doors),
                differences=tuple(await reload.differences(doors, old)) if old else (),
                agents=_presences(await ask_daemon(settings, "agents")),
            )
    except AsteriskDown as error:
        return Meeting(asterisk=str(error))


def _presences(answer: Any) -> dict[str, str]:
    rows = answer.get("agents", []) if isinstance(answer, dict) else answer or []
    return {str(row.get("name", "")): str(row.get("presence", "")) for row in rows if isinstance(row, dict)}


def _music_of(old: Revision | None, name: str) -> str:
    return old.record.music.get(name, "moh") if old and old.record else "moh"


# -- a plan to be kept -----------------------------------------------------------------------------


class SavedPlan(msgspec.Struct, frozen=True):
    """A plan in a file: an apply of it changes what was looked at, or nothing."""

    base: str
    generation: str
    content: str


def fingerprint(new: Revision) -> str:
    """Over all that would be put in force."""
    people = msgspec.to_builtins(new.record.roster) if new.record else None
    text = json.dumps([conf.own(new), people], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def saved(seen: Outlook) -> SavedPlan:
    return SavedPlan(seen.base, seen.new.manifest.generation, fingerprint(seen.new))


def refuse_other(plan: SavedPlan, seen: Outlook) -> None:
    """The site, or what is in force, is not what the plan was made of."""
    if plan.base != seen.base:
        raise ApplyError(
            f"{plan.base or 'nothing'} was in force when the plan was made, now {seen.base or 'nothing'} is",
            "nothing was changed; make the plan anew",
        )
    if plan.content != fingerprint(seen.new):
        raise ApplyError(
            "the site is not the one that the plan was made of", "nothing was changed; make the plan anew"
        )
