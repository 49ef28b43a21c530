"""A centre of callbacks in the core."""

from typing import Any

from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.flow.roster import CallbackConfig, OfferConfig, Roster
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json, to_json
from tests.support.centre import Centre, make_roster

RULES = CallbackConfig(via="telco", retries=1, gap_ms=60_000, caller_id="+49301000", whisper=("sound:back",))
OFFER = OfferConfig("q0", 5000, 0, "1", ("sound:offer",), "caller", 1, 60_000)
ANN = "+491701111"
CUSTOMER = replace(RULES, first="customer", greeting=("sound:hello",))


def roster(rules: CallbackConfig = RULES, agents: int = 1, **more: Any) -> Roster:
    made = make_roster(agents, 1, callback=rules)
    offers = {"o": OFFER, "g": replace(OFFER, to="gather"), "w": replace(OFFER, withheld=True)}
    return replace(made, offers=offers, country="DE", **more)


class House(Centre):
    def __init__(self, rules: CallbackConfig = RULES, agents: int = 1, **more: Any) -> None:
        super().__init__(roster(rules, agents, **more))
        self.send(e.NodeUp(at=self.at, node="pbx1"))

    def asked(self, number: str = ANN, due: int = 0) -> list[c.Command]:
        self.at += 1
        return self.send(e.CallbackAsked(at=self.at, queue="q0", number=number, due=due, request="r"))

    def callback(self, number: str = ANN) -> ch.CallbackRow:
        rows = [row for row in self.rows[ch.CallbackRow].values() if row.number == number]
        return rows[-1]  # type: ignore[no-any-return] # rows are of any kind

    def dials(self) -> list[c.Dial]:
        return [command for command in self.log if isinstance(command, c.Dial)]

    def pick_up(self, agent: str = "a0") -> c.Dial:
        """The agent picks up and has heard the whisper: the customer is dialled."""
        leg = self.leg_of(agent)
        self.answer(leg)
        self.send(e.WhisperDone(at=self.at, leg=leg))
        return self.dials()[-1]

    def accept(self, offer: str = "o", caller: str = ANN) -> str:
        call = self.queued(offer=offer, caller=caller)
        self.tick(6000)
        self.send(e.DigitPressed(at=self.at, channel=call, digit="1"))
        return call

    def gone(self, call: str, cause: int) -> list[c.Command]:
        """A channel ended, as ARI and the log tell it."""
        commands = self.leg_ended(call, cause)
        return commands + self.send(e.ChannelEnded(at=self.at, channel=call, cause_code=cause))


def restarted(house: House, *alive: e.LiveChannel) -> None:
    house.world = from_json(to_json(house.world))
    rebuild_lines(house.world)
    house.at += 1
    house.send(e.Started(at=house.at, boot="c11c11"))
    house.send(e.Resynced(at=house.at, node="pbx1", channels=alive))


def live(reference: str, up: bool = True) -> e.LiveChannel:
    return e.LiveChannel(channel=reference, ours=True, up=up)


def ringing_all(rules: CallbackConfig) -> Roster:
    made = roster(rules, agents=3)
    return replace(made, queues={"q0": replace(made.queues["q0"], strategy="ring-all")})
