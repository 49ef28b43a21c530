"""What is simulated: callers, agents' hours, rules. Times are Unix ms, durations ms."""

import msgspec

from ccctl.changes import Outcome
from ccctl.flow.roster import Roster

AWAY_MS = 60_000  # how long an agent does not notice that he missed a call, when nothing is known


class Miss(msgspec.Struct, frozen=True):
    """A phone that rings `rings_ms`, and nobody comes; the agent is back after `away_ms`."""

    rings_ms: int
    away_ms: int


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A caller with all that chance decides of him, so that two plans can have the very same callers.

    `answer_ms` is the time that a phone rings for him until it is picked up, `whisper_ms` the announcement.
    `missed` are the ringings that nobody answers before that, and how long each agent then stays away; one
    who does not pick up in time stays away `away_ms`. `wrap_up_ms` None: the agent takes all the time that
    the queue allows."""

    at: int
    queue: str
    talk_ms: int
    patience_ms: int | None = None  # None: he never gives up
    by_key: bool = False  # then he leaves by a key, not by hanging up
    answer_ms: int = 0
    whisper_ms: int = 0
    wrap_up_ms: int | None = None
    missed: tuple[Miss, ...] = ()
    away_ms: int = AWAY_MS
    priority: int = 0
    language: str = ""
    max_wait_ms: int = 0  # 0: for ever
    leave_if_empty: bool = False
    then: "Further | None" = None


class Further(msgspec.Struct, frozen=True):
    """A further visit of the same call, `gap_ms` after the end of this one if that ends with `after`."""

    after: Outcome
    gap_ms: int
    caller: Caller


class Duty(msgspec.Struct, frozen=True):
    """What an agent does by himself at a time: login, logout, pause or unpause."""

    at: int
    agent: str
    what: str


class Window(msgspec.Struct, frozen=True):
    """Played is from `start` until the last caller has gone; counted is who comes in [counted, end)."""

    start: int
    counted: int
    end: int


class Plan(msgspec.Struct, frozen=True):
    window: Window
    roster: Roster
    duties: tuple[Duty, ...]
