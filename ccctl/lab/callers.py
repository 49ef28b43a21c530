"""Callers as data: what each does, how the agents treat him, and what the ledger must say afterwards.

The scripts dial the numbers of the example call centre in dialplans/.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Literal

from ccctl.changes import CallRow, OfferRow, Outcome, RecordingRow, SegmentKind, SegmentRow, VisitRow

# -- what a caller does ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait until anything is heard, then listen for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Choose:
    """Press the key, again when nothing came of it (a prompt was still playing), until the call has
    reached this flow or phase."""

    key: str
    reaches: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Wait until the call is in this flow or phase."""

    place: str


@dataclass(frozen=True, slots=True)
class HearRinging:
    """Wait until an agent's phone rings for this call, and so long more."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Converse:
    """Wait for an agent's voice, talk for so long, hang up or let the agent do it."""

    seconds: float
    ends: Literal["caller", "agent"] = "caller"


@dataclass(frozen=True, slots=True)
class LeaveMessage:
    """Skip the greeting, wait for the beep to end, speak for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Step = Listen | Choose | Reach | HearRinging | Converse | LeaveMessage | HangUp


@dataclass(frozen=True, slots=True)
class Expect:
    """What the ledger must hold of the call once it is over."""

    segments: tuple[SegmentKind, ...]
    ended_in: str
    ended_by: str = "caller"
    outcome: Outcome | None = None  # of its queue visit; None: it never waited in a queue
    recorded: bool = False
    offers: int = 0  # at least so many phones rang
    message: bool = False  # a voicemail with the caller's voice
    whispered: bool = False  # the agent heard an announcement before the caller


Patience = Literal["answer", "first ignores", "ignore"]


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    number: str
    steps: tuple[Step, ...]
    expect: Expect
    agents: Patience = "answer"


# -- the callers of the example ----------------------------------------------------------------------

_K = SegmentKind
MAIN, ENGLISH, SUPPORT, CLOSED = "+49301234500", "+49301234510", "+49301234520", "+49301234599"


def _talked(ended_by: str, offers: int = 1, recorded: bool = True) -> Expect:
    segments = (_K.IVR, _K.WAITING, _K.TALK)
    return Expect(segments, "talk", ended_by, Outcome.ANSWERED, recorded, offers, whispered=True)


SCRIPTS = {
    script.name: script
    for script in (
        Script("support", SUPPORT, (Converse(3.0),), _talked("caller")),
        Script(
            "menu support",
            MAIN,
            (Listen(1.0), Choose("3", "support"), Converse(2.5, "agent")),
            _talked("agent"),
        ),
        Script(
            "menu billing",
            ENGLISH,
            (Listen(1.0), Choose("1", "billing"), Converse(3.0)),
            _talked("caller", recorded=False),
        ),
        Script(
            "front desk",
            ENGLISH,
            (Listen(1.0), Choose("0", "front-desk"), Converse(3.0)),
            Expect((_K.IVR, _K.DIAL), "dial"),
            agents="ignore",
        ),
        Script("left in menu", MAIN, (Listen(2.0), HangUp()), Expect((_K.IVR,), "ivr")),
        Script(
            "left in queue",
            SUPPORT,
            (HearRinging(1.5), HangUp()),
            Expect((_K.IVR, _K.WAITING), "waiting", outcome=Outcome.ABANDONED, offers=1),
            agents="ignore",
        ),
        Script("no answer", SUPPORT, (Converse(2.0),), _talked("caller", offers=2), agents="first ignores"),
        Script(
            "voicemail",
            CLOSED,
            (Listen(1.0), Choose("1", "voicemail"), LeaveMessage(3.0), HangUp()),
            Expect((_K.IVR, _K.VOICEMAIL), "voicemail", message=True),
        ),
        Script(
            "out of hours",
            CLOSED,
            (Reach("after-hours"), Listen(1.5), HangUp()),
            Expect((_K.IVR,), "closed"),
        ),
    )
}
_ROUND = (
    "support", "menu billing", "no answer", "menu support", "voicemail",
    "left in menu", "left in queue", "front desk", "out of hours", "menu support",
)  # fmt: skip


def choose(count: int | None, numbers: Iterable[str]) -> Iterable[Script]:
    """So many callers of all kinds, mixed; without end when count is None. Only numbers of the site."""
    known = set(numbers)
    kinds = [SCRIPTS[name] for name in _ROUND if SCRIPTS[name].number in known]
    return islice(cycle(kinds), count)


# -- the verdict -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trial:
    """One call as it was played. Times are Unix milliseconds."""

    script: Script
    n: int
    caller: str
    tone: int
    phase: str = "new"
    started: int = 0
    ended: int = 0
    agent: str = ""  # who talked
    offered: list[str] = field(default_factory=list)  # agents whose phone rang, in order
    talk_began: float = 0.0  # by the agent's ear, Unix seconds
    talk_ended: float = 0.0
    whisper_s: float = 0.0  # seconds of sound in the agent's ear before the caller's voice
    faults: list[str] = field(default_factory=list)  # what was not heard or did not happen

    @property
    def talk_ms(self) -> int:
        return int((self.talk_ended - self.talk_began) * 1000)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger and the files say of one call. `recordings`: with the tones found in each."""

    call: CallRow | None = None
    segments: tuple[SegmentRow, ...] = ()
    visits: tuple[VisitRow, ...] = ()
    offers: tuple[OfferRow, ...] = ()
    recordings: tuple[tuple[RecordingRow, frozenset[int]], ...] = ()
    messages: tuple[frozenset[int], ...] = ()


TALK_TOLERANCE_MS = 1500
SHORTEST_WHISPER_S = 0.4


def judge(trial: Trial, facts: Facts, tones: dict[str, int]) -> list[str]:
    """Every point in which play and ledger disagree; `tones` are the agents' voices."""
    if facts.call is None:
        return [*trial.faults, "the ledger does not have the call"]
    return [
        *trial.faults,
        *_judge_call(trial, facts),
        *_judge_visit(trial, facts),
        *_judge_sound(trial, facts, tones),
    ]


def _differ(what: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{what}: the ledger says {_show(found)}, expected {_show(wanted)}"]


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return " > ".join(str(v) for v in value) or "nothing"
    return str(value) if value not in (None, "") else "nothing"


def _judge_call(trial: Trial, facts: Facts) -> list[str]:
    expect, call = trial.script.expect, facts.call
    assert call is not None
    found = _differ("number", call.number, trial.script.number)
    found += [] if call.ended else ["the call has not ended in the ledger"]
    found += _differ("ended in", call.ended_in, expect.ended_in)
    found += _differ("ended by", call.ended_by, expect.ended_by)
    return found + _differ("segments", tuple(s.kind for s in facts.segments), expect.segments)


def _judge_visit(trial: Trial, facts: Facts) -> list[str]:
    expect = trial.script.expect
    if expect.outcome is None:
        return _differ("queue visits", len(facts.visits), 0)
    if len(facts.visits) != 1:
        return _differ("queue visits", len(facts.visits), 1)
    visit = facts.visits[0]
    found = _differ("outcome", visit.outcome, expect.outcome)
    found += _differ("agent", visit.agent, trial.agent)
    if len(facts.offers) < expect.offers:
        found.append(f"offers: the ledger has {len(facts.offers)}, expected at least {expect.offers}")
    if expect.outcome is Outcome.ANSWERED:
        talk = (visit.talk_ended or 0) - (visit.answered or 0)
        if abs(talk - trial.talk_ms) > TALK_TOLERANCE_MS:
            found.append(f"talk: the ledger says {talk} ms, the phones {trial.talk_ms} ms")
    return found


def _judge_sound(trial: Trial, facts: Facts, tones: dict[str, int]) -> list[str]:
    expect, found = trial.script.expect, []
    if expect.recorded:
        both = {trial.tone, tones.get(trial.agent, 0)}
        heard = [set(voices) for _, voices in facts.recordings]
        if not any(both <= voices for voices in heard):
            found.append(f"recording: needs the tones {sorted(both)}, found {[sorted(v) for v in heard]}")
    if expect.whispered and trial.whisper_s < SHORTEST_WHISPER_S:
        found.append(f"whisper: the agent heard {trial.whisper_s:.1f} s before the caller")
    if expect.message and not any(trial.tone in voices for voices in facts.messages):
        found.append(f"voicemail: no message with the tone {trial.tone}")
    return found
