"""Where a talk shall be handed on to, as agents, phones and programs say it; and when that is refused."""

import re

import msgspec

from ccctl.agent.state import Agent, Presence
from ccctl.diagnostics import did_you_mean
from ccctl.flow.values import COUNTRIES
from ccctl.world.state import Visit, World, is_leg

Refusal = tuple[str, str]  # a stable id, and the words for people
PERSONS = ("agent", "user", "outside")


class Wanted(msgspec.Struct, frozen=True):
    """`kind` is one of PERSONS, queue or flow."""

    kind: str
    name: str
    endpoint: str = ""

    @property
    def label(self) -> str:
        return f"{self.kind}:{self.name}"


def find(world: World, to: str) -> Wanted | Refusal:
    """An extension, a number, the name of a user, or kind:name."""
    numbers = world.roster.transfers.numbers
    kind, _, name = numbers.get(to, to).partition(":")
    if not name:
        kind, name = ("user", to) if to in world.roster.users else ("outside", to)
    match kind:
        case "user" | "agent" if name in world.roster.users:
            kind = "agent" if name in world.roster.agents else "user"
            return Wanted(kind, name, world.roster.users[name].endpoint)
        case "queue" if name in world.roster.queues:
            return Wanted(kind, name)
        case "flow" if to in numbers or name in world.roster.transfers.flows:
            return Wanted(kind, name)
        case "outside":
            return _outside(world, name)
    return _unknown(world, to)


def _unknown(world: World, to: str) -> Refusal:
    known = [*world.roster.users, *(f"queue:{q}" for q in world.roster.queues)]
    near = did_you_mean(to, [*known, *(f"flow:{flow}" for flow in world.roster.transfers.flows)])
    hint = f'; did you mean "{near}"?' if near else ""
    return "unknown-target", f'nobody has the number or name "{to}"{hint}'


def _outside(world: World, text: str) -> Wanted | Refusal:
    """A number in the public network. Calls there cost money: only what the site allows is dialled."""
    config = world.roster.transfers
    number = international(text, config.country)
    if not number:
        return _unknown(world, text)
    if not config.trunk or not number.startswith(config.outside or ("none",)):
        return "forbidden", f"transfers to {number} are not allowed: defaults.transfer_outside says what is"
    return Wanted("outside", number, f"PJSIP/{number}@{config.trunk}")


def international(text: str, country: str) -> str:
    """+49301234500, however it was dialled; '' for what is no such number."""
    bare = re.sub(r"[\s()/.-]", "", text)
    code = COUNTRIES.get(country, ("", ()))[0]
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    elif bare.startswith("0") and code:
        bare = f"+{code}{bare[1:]}"
    return bare if re.fullmatch(r"\+[1-9][0-9]{5,14}", bare) else ""


def refusal(world: World, wanted: Wanted, by: str, visit: Visit, attended: bool) -> Refusal | None:
    """Why the agent `by` cannot hand this caller on to there now; None when he can."""
    if wanted.kind not in PERSONS:
        if attended:
            return "not-a-person", f"{wanted.name} is no person: it cannot be asked first"
        if wanted.kind == "queue":
            return _queue_refuses(world, wanted.name, visit)
        if is_leg(visit.row.call):
            return "called-back", "who was called back is in no dialplan: no flow can have him"
        return None
    if wanted.name == by:
        return "not-self", f"{by} cannot hand a caller on to himself"
    presence = world.agents.get(wanted.name, Agent(wanted.name)).presence
    if wanted.kind == "agent" and presence is not Presence.READY:
        return "not-free", f"{wanted.name} is {presence.replace('_', ' ')}"
    if world.is_held(visit.row.call):
        return "asterisk-down", "Asterisk cannot ring anybody now; try again"
    return None


def _queue_refuses(world: World, name: str, visit: Visit) -> Refusal | None:
    queue = world.roster.queues[name]
    if queue.engine != "acd":
        return "native-queue", f"{name} is served by Asterisk itself: no talk can be handed on to it"
    if queue.max_callers and world.on_line(name) >= queue.max_callers:
        return "queue-full", f"{name} is full"
    if visit.leave_if_empty and not world.staffed(name):
        return "no-agents", f"nobody of {name} is logged in"
    return None


SAID = {"unknown-target": "sound:pbx-invalid", "forbidden": "sound:privacy-incorrect"}


def spoken(refusal: Refusal) -> str:
    """What the agent hears of a refusal."""
    return SAID.get(refusal[0], "sound:vm-nobodyavail")
