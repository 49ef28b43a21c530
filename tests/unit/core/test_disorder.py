"""What no real Asterisk should tell: everything twice, in another order, not at all, with a clock that is
set. Nothing fails, the ledger makes sense, and nobody is stuck when it is over."""

import os
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import AWAY, Presence
from ccctl.flow.roster import AnnounceConfig, QueueConfig, RelaxConfig, Roster, to_json
from ccctl.queue.strategy import MEASURES
from ccctl.world import World, step
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json
from ccctl.world.state import to_json as world_json
from tests.support.centre import WHISPER, make_roster
from tests.support.random_day import RandomDay

NODE = "pbx1"
HOUR = 3_600_000
BEGIN = 1_000_000_000
REST = (*AWAY, Presence.READY, Presence.UNREACHABLE)
LOST = ("pbx1/1.1", "pbx1/cc0000000000000001", "pbx1/ccb00b000000000002")  # nobody's channels
BEGAN = {ch.VisitRow: "entered", ch.OfferRow: "offered", ch.AnswerRow: "at"}


def sites() -> list[Roster]:
    """The one that rules first, and others that may come in the middle: of other rules, with fewer people,
    fewer queues, nothing."""
    usual = make_roster(4, 2, whisper=WHISPER, wrap_up_ms=2000, ring_ms=5000)
    told = make_roster(4, 2, ring_ms=3000, strategy="ring-all", announce=AnnounceConfig(2000, True, True))
    skilled = make_roster(4, 2, skills={"nobody-has": 2}, relax=(RelaxConfig(3000, {"nobody-has": 0}),))
    tiers = make_roster(
        4, 2, ranks={"a1": 2}, escalate={"2": 3000}, ageing_ms=1500, keep_place_ms=9000, sticky_ms=9000
    )
    return [
        usual,
        told,
        skilled,
        tiers,
        make_roster(2, 2, wrap_up_ms=500),
        make_roster(4, 1, strategy="fewest-calls"),
        Roster(),
    ]


SITES = sites()


def history(seed: int, first: Roster, steps: int) -> list[e.Event]:
    """A day as it should be: every event follows from what was before."""
    world, told = World(), []

    def send(event: e.Event) -> None:
        told.append(event)
        step(world, event)

    send(e.Started(at=BEGIN, boot="b00b00"))
    send(e.RosterChanged(at=BEGIN, roster=to_json(first).decode()))
    RandomDay(random.Random(seed), send, lambda: world, BEGIN).go(steps)
    return told


def nonsense(chance: random.Random, world: World, at: int) -> e.Event:
    """An event that nothing led to, about somebody who is there or nobody knows."""
    fresh = f"{NODE}/9.{chance.randrange(1 << 40)}"
    who = chance.choice([*LOST, *world.calls, *world.legs, *world.watches])
    seen = chance.choice([fresh, *world.calls, *world.legs])
    live = (e.LiveChannel(channel=seen, ours=True, app_args=ARGS),)
    return chance.choice(
        [
            e.LegAnswered(at=at, leg=who),
            e.LegEnded(at=at, leg=who, cause_code=16),
            e.LegFailed(at=at, leg=who, reason="test", down=chance.random() < 0.5),
            e.WhisperDone(at=at, leg=who),
            e.Connected(at=at, leg=who),
            e.ConnectFailed(at=at, leg=who, reason="test", down=chance.random() < 0.5),
            e.RecordingStarted(at=at, leg=who, path="x.wav"),
            e.RecordingFailed(at=at, leg=who, reason="test"),
            e.CallerLeft(at=at, call=who),
            e.ChannelEnded(at=at, channel=who),
            e.ChannelAnswered(at=at, channel=who),
            e.ChannelBridged(at=at, channel=who, name="PJSIP/a0-1", bridge="b"),
            e.ChannelUnbridged(at=at, channel=who, name="PJSIP/a0-1", bridge="b"),
            e.CallMarked(at=at, call=who, mark=chance.choice(MARKS), value="q0"),
            e.CallerQueued(at=at, call=fresh, queue=chance.choice(["q0", "gone"]), language="xx"),
            e.DigitPressed(at=at, channel=who, digit="0"),
            e.TimerFired(at=at, timer=f"{chance.choice(TIMERS)}:{who}"),
            e.TimerFired(at=at, timer=chance.choice(["nothing", *(t for t in world.timers if t != "renew")])),
            e.MonitorRequested(at=at, agent="a0", mode="listen", phone="sue", by="sue", request="m"),
            e.MonitorEnd(at=at, agent="a0", request="m"),
            e.HangupRequested(at=at, call=who, request="h"),
            e.AgentLogin(at=at, agent="a9", request="r"),
            e.NodeDown(at=at, node=NODE, deaf=chance.random() < 0.5),
            e.NodeUp(at=at, node=NODE),
            e.Resynced(at=at, node=NODE, channels=live),
            e.Resynced(at=at, node="pbx9", channels=live),
            e.Started(at=at, boot="c11c11"),
            e.RosterChanged(at=at, roster=to_json(chance.choice(SITES)).decode()),
        ]
    )


ARGS = ("queue", "abc123", "q0", "nine", "soon", "", "")
MARKS = ("CC_CALL", "CC_FLOW", "CC_QUEUE", "CC_NATIVE", "CC_NATIVE_END", "CC_DIAL", "CC_CLOSED", "CC_WHAT")
TIMERS = ("wait", "stage", "tell", "ring", "whisper", "wrapup", "again", "accept", "what")


class Books:
    """The ledger as the store would have it. Each warning has a cause: of one cause there is one an hour."""

    def __init__(self) -> None:
        self.rows: dict[type, dict[str, Any]] = {}

    def take(self, world: World, event: e.Event) -> None:
        out = step(world, event)
        for row in out.changes:
            before = self.rows.setdefault(type(row), {}).get(row.id)
            assert not_undone(before, row), (event, before, row)
            self.rows[type(row)][row.id] = row
        assert all(each.cause for each in out.commands if isinstance(each, c.Note) and each.warning)


def not_undone(before: Any, row: Any) -> bool:
    """What has ended stays so, with one outcome; only the dialplan may know better that nobody gave up."""
    if before is None or getattr(before, "outcome", None) is None:
        return True
    if before.outcome is ch.Outcome.ABANDONED and row.outcome is ch.Outcome.WITHDRAWN:
        return True
    return bool(before.outcome == row.outcome and row.ended == before.ended)


def make_sense(rows: dict[type, dict[str, Any]]) -> None:
    for kind, of_kind in rows.items():
        for row in of_kind.values():
            began = getattr(row, BEGAN.get(kind, "started"))
            ended = getattr(row, "ended", None)
            assert ended is None or ended >= began, row
            if hasattr(row, "outcome"):
                assert (row.outcome is None) == (ended is None), row
            if isinstance(row, ch.VisitRow) and row.talk_ended is not None:
                assert row.talk_ended >= (row.answered or began), row
                assert row.outcome is ch.Outcome.ANSWERED, row


def nobody_is_stuck(books: Books, world: World, at: int) -> None:
    """Nothing lives any more, and time passes."""
    books.take(world, e.Resynced(at=at, node=NODE))
    for _ in range(50):
        due = sorted((when, name) for name, when in world.timers.items() if name != "renew")
        if not due:
            break
        at = max(at, due[0][0])
        books.take(world, e.TimerFired(at=at, timer=due[0][1]))
    assert not world.legs
    assert not world.visits
    assert not world.calls
    assert not {name.partition(":")[0] for name in world.timers} - {"renew"}
    assert all(agent.presence in REST for agent in world.agents.values())
    assert all(not agent.leg and not agent.call for agent in world.agents.values())
    assert all(line.size == 0 for line in world.lines.values())
    open_rows = [
        row
        for kind, of_kind in books.rows.items()
        for row in of_kind.values()
        if getattr(row, "ended", 0) is None and kind is not ch.AgentStateRow
    ]
    assert not open_rows


class Disorder:
    """Plays a day: some of it twice, later, not at all, some of it nonsense; at times the clock is set."""

    def __init__(self, seed: int, often: float) -> None:
        self.chance, self.often = random.Random(seed), often
        self.world, self.books = World(), Books()
        self.shift, self.latest = 0, BEGIN
        self.told: list[e.Event] = []

    def send(self, event: e.Event) -> None:
        self.latest = max(self.latest, event.at)
        if isinstance(event, e.TimerFired) and event.timer == "renew":
            self.told.clear()  # nothing is told twice that much later
        self.told.append(event)
        self.books.take(self.world, event)

    def play(self, day: list[e.Event]) -> None:
        waits: e.Event | None = None
        for number, planned in enumerate(day):
            event = self.shifted(planned)
            what = self.chance.random() / self.often
            if what < 1 and waits is None:
                waits = event  # the next one goes before it
                continue
            if what > 2 or number < 2:
                self.send(event)
            if 2 < what < 3:
                self.send(event)
            elif 3 < what < 4:
                self.send(self.chance.choice(self.told[-20:]))
            elif 4 < what < 6:
                self.send(nonsense(self.chance, self.world, event.at))
            if waits is not None:
                self.send(waits)
                waits = None
            if number % 40 == 39:
                self.crash()

    def shifted(self, event: e.Event) -> e.Event:
        if self.chance.random() < self.often / 4:
            self.shift = self.chance.choice((0, -2000, 2000, -HOUR, HOUR, 5 * HOUR))
        return replace(event, at=event.at + self.shift)  # type: ignore[arg-type]

    def crash(self) -> None:
        """What is made anew from the snapshot is what was there."""
        self.world = from_json(world_json(self.world))
        rebuild_lines(self.world)


@settings(
    max_examples=int(os.environ.get("HISTORIES", "100")),
    deadline=None,
    derandomize="HISTORIES" not in os.environ,
)
@given(
    seed=st.integers(0, 1 << 32),
    first=st.integers(0, 3),
    strategy=st.sampled_from(sorted(MEASURES)),
    often=st.sampled_from([0.02, 0.05, 0.12]),
)
def test_disorder(seed: int, first: int, strategy: str, often: float) -> None:
    queues = {name: with_strategy(queue, strategy) for name, queue in SITES[first].queues.items()}
    disorder = Disorder(seed, often)
    disorder.play(history(seed, replace(SITES[first], queues=queues), 60))
    nobody_is_stuck(disorder.books, disorder.world, disorder.latest + HOUR)
    make_sense(disorder.books.rows)


def with_strategy(queue: QueueConfig, strategy: str) -> QueueConfig:
    return queue if queue.strategy == "ring-all" else replace(queue, strategy=strategy)
