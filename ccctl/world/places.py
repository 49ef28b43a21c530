"""What is remembered of callers who come again: their place, and whom they talked to."""

from ccctl.agent.state import AWAY, Agent, Presence
from ccctl.flow.numbering import is_number
from ccctl.flow.roster import QueueConfig
from ccctl.world.state import Visit, World

NOT_ASKED = AWAY | {Presence.UNREACHABLE}


def kept_place(world: World, queue: QueueConfig, caller: str, at: int) -> int:
    """Who was lost a moment ago and calls again waits since he came first."""
    since, lost_at = world.places.pop(f"{queue.name}/{caller}", (at, 0))
    return min(since, at) if at - lost_at <= queue.keep_place_ms else at


def remember_place(world: World, visit: Visit, caller: str, at: int) -> None:
    queue = world.queue(visit.row.queue)
    if queue is not None and queue.keep_place_ms and is_number(caller):
        world.places[f"{queue.name}/{caller}"] = (visit.row.entered, at)


def last_agent(world: World, queue: QueueConfig, caller: str, at: int) -> str:
    """The agent whom the caller talked to last, if he is here and still counts."""
    name, talked_at = world.last_agents.get(caller, ("", 0))
    if not name or name not in queue.agents or at - talked_at > queue.sticky_ms:
        return ""
    return name if world.agents.get(name, Agent(name)).presence not in NOT_ASKED else ""
