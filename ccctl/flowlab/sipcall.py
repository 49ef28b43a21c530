"""One call in a test lab over SIP: from a carrier, with RFC 4733 keys, and its ear is listened to."""

import asyncio
import time

from ccctl.asterisk.ami_protocol import Frame
from ccctl.flowlab.call import Lab, LabCall
from ccctl.flowlab.exchange import PROMPT_S, TONES, Exchange
from ccctl.flowlab.rewrite import ENTRY
from ccctl.flowtest.cases import Case
from ccctl.flowtest.drive import Act
from ccctl.flowtest.simulate import caller_of, variables
from ccctl.flowtest.story import Seen, observe
from ccctl.lab.phones import Call, OutgoingCall, PhoneError
from ccctl.sim import Executed

HEARD_S = 3.0
END_S = 5.0
PART_S = 0.6  # a prompt that was heard to its end is looked at through this part of it


class SipCall(LabCall):
    """`voice` is the caller's phone, `talking` the phones that answered."""

    def __init__(self, lab: Lab, case: Case, exchange: Exchange) -> None:
        super().__init__(lab, case)
        self.exchange = exchange
        self.voice: OutgoingCall | None = None
        self.talking: dict[str, Call] = {}
        self.prompt: tuple[str, float] | None = None  # what is played now, and since when

    async def _begin(self) -> None:
        carried = variables(self.case)
        facts = (
            f"{self.case.number:06}",
            carried["TESTTIME"],
            carried.get("CC_DICE", ""),
            self.case.call.number,
        )
        self.began = asyncio.get_running_loop().time()
        self.lab.watch.strangers[facts[0]] = self._adopt
        name = self.case.call.name.replace("\\", "\\\\").replace('"', '\\"')
        self.voice = self.exchange.carrier.call("~".join(facts), caller_of(self.case), name, tone=0)

    def _adopt(self, frame: Frame) -> None:
        """The first step of our call: now its channel is known."""
        self.far, self.ident = frame["Linkedid"], frame["Uniqueid"]
        self.lab.watch.calls[self.far] = self._take
        self.lab.desk.callers[self.ident] = self._take_ari
        self.lab.web.calls[self.ident] = self.case.given

    async def _leave(self) -> None:
        await super()._leave()
        self.lab.watch.strangers.pop(f"{self.case.number:06}", None)

    def answered(self, who: str, call: Call) -> None:
        self.talking[who] = call
        self.answering = who
        self.connect()

    # -- what is heard -----------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if frame.get("Context") != ENTRY:
            super()._take(frame)

    def told(self, step: Executed) -> None:
        """A prompt that was played to its end must have been in the caller's ear."""
        self._check_last()
        heard = [seen.what for seen in observe(step) if seen.kind == "hears"]
        known = len(heard) == 1 and heard[0] in self.exchange.chords
        self.prompt = (heard[0], time.time()) if known else None

    def _check_last(self) -> None:
        if self.prompt is None or self.voice is None:
            return
        name, since = self.prompt
        if time.time() - since < PROMPT_S:
            return  # a key, or the end of the call, came first
        middle = since + (PROMPT_S - PART_S) / 2
        tones = self.voice.heard(middle, middle + PART_S, among=TONES)
        if tones != set(self.exchange.chords[name]):
            self.tell(Seen("unheard", name, {"tones": str(sorted(tones))}, self.now()))

    async def _press(self, keys: str) -> None:
        """Not before the prompt that plays is really in the ear."""
        assert self.voice is not None
        if self.prompt is not None:
            name, _ = self.prompt
            chord = set(self.exchange.chords[name])
            if not chord <= self.voice.heard(time.time() - PART_S, among=TONES):
                await self._until_heard(name, chord)
        await self.voice.until_pressed(keys)

    async def _until_heard(self, name: str, chord: set[int]) -> None:
        assert self.voice is not None
        try:
            await self.voice.until_heard(chord, HEARD_S, window=0.2, among=TONES)
        except PhoneError as error:
            self.tell(Seen("unheard", name, {"because": error.text}, self.now()))
        self.prompt = None

    # -- what is done ------------------------------------------------------------------------------

    async def _hang_up(self, channel: str, until_it_is_there: float = 0) -> None:
        if self.voice is not None:
            self.voice.hangup()

    async def _phone(self, act: Act) -> str:
        call = self.talking.get(act.who)
        if call is None or act.what != "hangup":
            return f"{act.who} does not talk with the caller"
        call.hangup()
        return ""
