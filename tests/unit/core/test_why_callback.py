"""The way of a callback in words: the line, tries, what held it back, its end; who was kept free for it."""

from msgspec.structs import replace

from ccctl import events as e
from ccctl.flow.roster import CallbackConfig, HoursConfig
from ccctl.whatif.why import Watch
from ccctl.whatif.why_callback import CallbackWatch
from ccctl.world.state import from_json, to_json
from tests.support.centre import Centre, make_roster

ANN = "+491701111"
RULES = CallbackConfig(via="telco", retries=1, gap_ms=60_000)
OFFICE = {"office": HoursConfig("UTC", tuple((day, 540, 1020) for day in range(7)))}


class Told:
    """A centre whose events are watched from its first world on."""

    def __init__(self, rules: CallbackConfig = RULES, agents: int = 1) -> None:
        made = make_roster(agents, 1, callback=rules)
        self.centre = Centre(replace(made, hours=OFFICE, country="DE"))
        self.centre.send(e.NodeUp(at=self.centre.at, node="pbx1"))
        self.first = to_json(self.centre.world)
        self.events: list[e.Event] = []

    def send(self, event: e.Event) -> None:
        self.events.append(event)
        self.centre.send(event)

    def ask(self, number: str = ANN, due: int = 0) -> str:
        self.centre.at += 1
        self.send(e.CallbackAsked(at=self.centre.at, queue="q0", number=number, due=due, request="r"))
        return list(self.centre.world.callbacks)[-1]

    def login(self, agent: str = "a0") -> None:
        self.send(e.AgentLogin(at=self.centre.at, agent=agent, request="r"))

    def later(self, ms: int) -> None:
        """Timers that are due, one by one."""
        until = self.centre.at + ms
        while due := sorted((at, name) for name, at in self.centre.world.timers.items() if at <= until):
            self.centre.at = max(self.centre.at, due[0][0])
            self.send(e.TimerFired(at=self.centre.at, timer=due[0][1]))
        self.centre.at = until

    def call(self, ident: str) -> str:
        return self.centre.world.callbacks[ident].call

    def why(self, watch: Watch) -> list[str]:
        world = from_json(self.first)
        for event in self.events:
            watch.step(world, event)
        last = watch.now(world, self.centre.at)
        found = [*watch.decisions, *([last] if last else [])]
        return [each.state if each.kind in ("callback", "kept") else each.kind for each in found]

    def way(self, ident: str) -> list[str]:
        return self.why(CallbackWatch(str, ident))


def test_each_try_and_the_end() -> None:
    told = Told(replace(RULES, first="customer"))
    ident = told.ask()
    told.login()
    told.send(e.LegEnded(at=told.centre.at, leg=told.call(ident), cause_code=17))
    told.later(60_000)
    told.send(e.LegEnded(at=told.centre.at, leg=told.call(ident), cause_code=17))
    way = told.way(ident)
    assert way[0].startswith(f"{ANN} is to be called back by q0, asked for by operator, in the place of ")
    assert way[1:3] == ["in the line of q0, number 1 of 1", "wait"]
    assert way[3] == f"the phone of {ANN} is rung; a0 is kept free for him"
    assert way[4] == "try 1 failed"
    assert "the gap after try 1" in way[5]
    assert way[-2:] == ["try 2 failed", "over: busy"]


def test_agents_first_and_answered() -> None:
    told = Told()
    told.login()
    ident = told.ask()
    leg = told.centre.leg_of("a0")
    told.send(e.LegAnswered(at=told.centre.at, leg=leg))
    call = told.call(ident)
    told.send(e.LegAnswered(at=told.centre.at, leg=call))
    told.send(e.Connected(at=told.centre.at, leg=leg))
    way = told.way(ident)
    assert way[1:3] == ["in the line of q0, number 1 of 1", "offer"]
    assert way[3] == f"the phone of {ANN} is rung; a0 hears it"
    assert way[-2:] == ["try 1", "over: answered by a0"]


def test_why_he_is_not_called_sooner() -> None:
    told = Told(replace(RULES, hours="office"))
    ident = told.ask()
    assert "office opens at" in told.way(ident)[-1]
    told.centre.at += 1
    told.send(e.CallMarked(at=told.centre.at, call="x", mark="CC_SWITCH", value="office closed anna"))
    assert told.way(ident)[-1] == "not called: office was closed by phone"
    told.send(e.CallMarked(at=told.centre.at, call="x", mark="CC_SWITCH", value="office open anna"))
    assert told.way(ident)[-1] == "now"  # in the line, and nobody is there
    asked = told.ask("+491702222", due=told.centre.at + 1000)
    assert told.way(asked)[-1].endswith("it was asked for then")


def test_a_trunk_that_was_full() -> None:
    told = Told(replace(RULES, channels=2))
    told.login()
    ident = told.ask()
    told.send(e.LegFailed(at=told.centre.at, leg=told.centre.leg_of("a0"), reason="full", full=True))
    assert told.way(ident)[-1].endswith("trunk telco had no channel left")


def test_what_it_was_merged_with_is_said_of_both() -> None:
    told = Told()
    ident = told.ask()
    assert told.ask() == ident
    (again,) = [text for text in told.way(ident) if "merged" in text]
    other = again.removeprefix("asked for again by operator: ").partition(" ")[0]
    assert told.way(other)[-1] == f"merged into {ident}: the number waits for q0 already"


def test_a_number_that_may_not_be_called_any_more() -> None:
    told = Told()
    ident = told.ask()
    told.send(e.CallbackCancelled(at=told.centre.at, callback=ident, by="sue", request="r"))
    assert told.way(ident)[-1] == "over: cancelled, sue"


def test_the_reservation_is_said_of_the_agent() -> None:
    told = Told(replace(RULES, first="customer"))
    told.login()
    ident = told.ask()
    (kept,) = told.why(Watch(str, agent="a0"))[:1]
    assert kept.startswith("kept free since")
    assert kept.endswith(f"callback {ident} of {ANN}")
