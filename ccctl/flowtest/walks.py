"""Random walks: callers who press what they like, wait or hang up, in a world drawn by lot.

The same number makes the same caller, in the simulator and on a real Asterisk; so both must go the same way.
A walk has no expectations but one: every call comes to an end, and none falls into a safety net.
"""

import re
import zoneinfo
from collections.abc import Generator

from ccctl.diagnostics import Span
from ccctl.flow.compile import Plan
from ccctl.flow.graph import Site
from ccctl.flowtest.cases import Caller, Case, Given, Phone, Reply
from ccctl.flowtest.drive import Act, Answer, Player, Request, Result
from ccctl.flowtest.reading_steps import moment
from ccctl.flowtest.story import Seen, listens, place_of
from ccctl.sim import Executed

TURNS = 14  # then the caller has had enough
PATIENCE_MS = 60_000
MOMENTS = (
    "2026-11-23 10:00", "2026-11-24 11:30", "2026-11-27 15:59", "2026-11-23 10:01", "2026-11-22 12:00",
    "2026-12-25 10:00", "2026-11-23 20:00", "2026-10-25 02:30", "2027-03-28 03:00",
)  # fmt: skip
ALL_KEYS = "0123456789*#"
BROKEN = ("loop", "invalid", "error", "fallthrough", "timeout")
Keys = dict[str, tuple[str, ...]]
_MASK = (1 << 64) - 1


class Dice:
    """Chance that is the same everywhere for the same seed (splitmix64)."""

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def roll(self, sides: int) -> int:
        """0 up to, not including, `sides`."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % sides

    def pick(self, things: tuple[str, ...] | str) -> str:
        return things[self.roll(len(things))]

    def chance(self, percent: int) -> bool:
        return self.roll(100) < percent


# -- worlds ----------------------------------------------------------------------------------------


def walks(site: Site, count: int, seed: int) -> list[Case]:
    return [_walk(site, seed * 1_000_003 + number, number) for number in range(1, count + 1)]


def _walk(site: Site, seed: int, number: int) -> Case:
    dice = Dice(seed)
    zone = zoneinfo.ZoneInfo(site.defaults.timezone)
    at = moment(dice.pick(MOMENTS if dice.chance(30) else MOMENTS[:4]), zone)
    assert isinstance(at, int)
    caller = Caller(dice.pick(tuple(site.numbers)), at=at)
    return Case(f"walk {number}", Span(), caller, _world(site, dice), only=(), walk=seed)


def _world(site: Site, dice: Dice) -> Given:
    agents = {agent: "available" if dice.chance(75) else "paused" for agent in site.agents}
    return Given(
        agents=agents,
        phones={user: _phone(dice) for user in site.users},
        http={"*": _reply(dice)},
        random=(dice.roll(100) + 1,),
    )


def _phone(dice: Dice) -> Phone:
    return Phone(dice.pick(("answer", "busy", "offline", "offline")), 500)


def _reply(dice: Dice) -> Reply:
    if dice.chance(30):
        return Reply(fault="refused")
    body = dice.pick(("{}", "[]", "nothing", '{"tier": "gold", "open_case": "4711"}'))
    return Reply(200 if dice.chance(80) else 500, body)


def menu_keys(plan: Plan) -> Keys:
    """For each context the keys that lead somewhere; patterns stand for one number that fits."""
    return {
        context.name: tuple(_typed(exten.name) for exten in context.extens if _is_typed(exten.name))
        for context in plan.contexts
    }


def _is_typed(name: str) -> bool:
    return bool(re.fullmatch(r"[0-9*#]+|_[0-9*#XZN]+", name))


def _typed(name: str) -> str:
    return re.sub("[XZN]", "5", name.removeprefix("_"))


# -- walking ---------------------------------------------------------------------------------------


class Walker(Player):
    """Reacts to each question of a call as the dice say."""

    def __init__(self, case: Case, keys: Keys) -> None:
        super().__init__(case)
        self.keys = keys
        self.dice = Dice(case.walk + 7)
        self.asked = -1  # index of the last question that was reacted to

    def run(self) -> Generator[Request, Answer, Result]:
        turns = 0
        while not self.ended:
            index, question = self.question()
            if question is None:
                if not (yield from self.look(PATIENCE_MS)):
                    self.fail(f"nothing happened for a minute{self.place()}", self.case.span)
                    break
                continue
            self.asked, turns = index, turns + 1
            if turns > TURNS or (yield from self.react(question)):
                break
        yield from self.finish()
        return Result(self.case, tuple(self.events), tuple(self.failures), tuple(self.done), self.left)

    def place(self) -> str:
        steps = [event for event in self.events if isinstance(event, Executed)]
        return f" after {place_of(steps[-1])} {steps[-1].app}" if steps else ""

    def question(self) -> tuple[int, Executed | Seen | None]:
        """What the call stands at, if keys are taken there or somebody talks; each only once."""
        at = len(self.events) - 1
        while at > self.asked and self.is_pause(at):
            at -= 1
        event = self.events[at] if at > self.asked else None
        if isinstance(event, Seen):
            return at, event if event.kind == "talks" else None
        return at, event if event is not None and listens(event) else None

    def is_pause(self, at: int) -> bool:
        """The prompt of a menu is over: that is no question of its own. Neither is what is only told."""
        event = self.events[at]
        if isinstance(event, Seen):
            return event.kind != "talks"
        before = self.events[at - 1] if at else None
        asked = isinstance(before, Executed) and before.app.lower() == "background"
        return asked and event.app.lower() == "waitexten"

    def react(self, question: Executed | Seen) -> Generator[Request, Answer, bool]:
        """True: the caller hangs up."""
        if isinstance(question, Seen):
            return (yield from self.end_talk(question.what))
        match question.app.lower():
            case "stasis":
                return (yield from self.in_queue(question))
            case "background" | "waitexten":
                return (yield from self.in_menu(question))
            case "read":
                yield from self.type(self.number(question), question)
                return False
            case "voicemail" if not question.data.endswith(",s") and self.dice.chance(30):
                yield from self.type("*", question)  # leaves the greeting; without one it would be recorded
                return False
            case "queue":
                return False  # Asterisk's own: nobody is in it, so it is over in no time
            case "record":
                yield from self.type("#", question)
                return False
        return True

    def type(self, keys: str, question: Executed) -> Generator[Request, Answer, None]:
        self.note(f"presses {keys} at {place_of(question)}")
        yield Act("press", keys)

    def number(self, question: Executed) -> str:
        """Digits that fit: what is typed beyond the last one that is taken would be a matter of time."""
        most = [*question.data.split(","), "", ""][2]
        text = str(self.dice.roll(100_000))[: int(most) if most.isdigit() and most != "0" else None]
        return text if most == str(len(text)) else f"{text}#"

    def note(self, text: str) -> None:
        self.done.append((len(self.events) - 1, text))

    def in_menu(self, question: Executed) -> Generator[Request, Answer, bool]:
        known = self.keys.get(question.context, ())
        luck = self.dice.roll(100)
        if luck < 5:
            return True
        if luck < 9:
            self.note("is silent")
        elif luck < 22 or not known:
            yield from self.type(self.dice.pick(ALL_KEYS), question)
        else:
            yield from self.type(self.dice.pick(known), question)
        return False

    def in_queue(self, question: Executed) -> Generator[Request, Answer, bool]:
        _, _, _, _, _, wait_s, keys, *_ = [*question.data.split(","), "", "", "", ""]
        luck = self.dice.roll(100)
        ready = tuple(a for a, state in self.case.given.agents.items() if state == "available")
        if luck < 15:
            return True
        if luck < 40 and keys:
            key = self.dice.pick(keys)
            self.note(f"presses {key} while waiting")
            yield Act("queue_key", key)
        elif luck < 60 and wait_s.isdigit() and wait_s != "0":
            self.note(f"waits {wait_s} s")
            yield Act("queue_wait", ms=int(wait_s) * 1000)
        elif not ready:
            return True
        else:
            agent = self.dice.pick(ready)
            self.note(f"{agent} answers")
            refusal = yield Act("agent", "answer", agent)
            return bool(refusal)  # not an agent of this queue: nobody comes
        return False

    def end_talk(self, who: str) -> Generator[Request, Answer, bool]:
        if self.dice.chance(40):
            return True
        steps = [event for event in self.events if isinstance(event, Executed)]
        kind = "agent" if steps[-1].app == "Stasis" else "phone"
        self.note(f"{who} hangs up")
        yield Act(kind, "hangup", who)
        return False

    def judge(self) -> None:
        for _, seen in self.seen:
            if seen.kind == "ended" and seen.more.get("why") in BROKEN:
                self.fail(
                    f"the call broke off: {seen.more['why']} {seen.more.get('text', '')}", self.case.span
                )
        for event in self.events:
            if isinstance(event, Executed) and is_safety_net(event):
                self.fail(f"the call fell into a safety net: {place_of(event)}", self.case.span)
                return


def is_safety_net(step: Executed) -> bool:
    """Extension i of a flow itself: a name that was computed and does not exist. That of a menu is a key."""
    return step.exten == "i" and "." not in step.context and step.context.startswith("cc-")


def player(case: Case, keys: Keys) -> Player:
    return Player(case) if case.walk < 0 else Walker(case, keys)
