"""Where talks may be handed on to: what the daemon must know of a site for transfers. Pure."""

import msgspec

from ccctl.flow.graph import Conference, Queue, RingGroup, Site

TALK_CODES = {"#1": "blind-transfer", "#2": "attended-transfer", "#3": "conference", "#4": "hold"}


class TransferConfig(msgspec.Struct, frozen=True):
    """Where talks may be handed on to, and by which keys. `numbers` maps what can be dialled to kind:name."""

    numbers: dict[str, str] = {}
    flows: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()  # beginnings of numbers outside that are allowed
    trunk: str = ""
    channels: int = 0  # of the trunk; 0: no limit
    shown: str = ""  # what those outside see as the caller
    country: str = ""
    codes: dict[str, str] = msgspec.field(default_factory=lambda: dict(TALK_CODES))


def transfers(site: Site) -> TransferConfig:
    trunk = next(iter(site.trunks.values()), None)
    given = {code.action: code.code for code in site.feature_codes.values()}
    return TransferConfig(
        numbers=_numbers(site),
        flows=tuple(site.flows),
        outside=site.defaults.transfer_outside,
        trunk=trunk.name if trunk else "",
        channels=trunk.channels if trunk else 0,
        shown=trunk.caller_id if trunk else "",
        country=site.defaults.country,
        codes={given.get(action, code): action for code, action in TALK_CODES.items()},
    )


def _numbers(site: Site) -> dict[str, str]:
    """People, queues, ring groups, rooms; our own numbers as written, and as a phone may dial them."""
    own = {number: f"flow:{entry.flow}" for number, entry in site.numbers.items()}
    spelt = {spelling: flow for number, flow in own.items() for spelling in spellings(number)}
    groups = {g.extension: f"flow:{desk_flow(g)}" for g in site.ring_groups.values() if g.extension}
    rooms = {r.extension: f"flow:{desk_flow(r)}" for r in site.conferences.values() if r.extension}
    queues = {q.extension: f"queue:{q.name}" for q in site.queues.values() if q.extension}
    people = {user.extension: f"user:{user.name}" for user in site.users.values()}
    return spelt | own | groups | rooms | queues | people


def spellings(number: str) -> tuple[str, str]:
    return number.removeprefix("+"), number.replace("+", "00", 1)


def desk_flow(thing: RingGroup | Conference | Queue) -> str:
    """The name of the flow that the internal number of a group, a room or a queue leads to."""
    kind = "group" if isinstance(thing, RingGroup) else "queue" if isinstance(thing, Queue) else "room"
    return f"desk.{kind}.{thing.name}"
