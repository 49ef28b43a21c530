"""One call of a test phone: its SIP dialog, what it says and hears, and waiting for what shall happen.

Times here are Unix seconds as float; those of received messages come from the kernel.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from ccctl.errors import CcctlError
from ccctl.lab import sip, tones
from ccctl.lab.rtp import Leg, Sound
from ccctl.lab.sip import Address, Header, Message
from ccctl.lab.wire import Resend, Wire


class PhoneError(CcctlError):
    """a test phone did not get what it waited for"""

    id = "phone"

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status  # SIP status of a refusal, 0: none


class State(StrEnum):
    CALLING = "calling"  # our INVITE is out
    RINGING = "ringing"  # the other side rings
    INCOMING = "incoming"  # an INVITE came, we have not answered
    ANSWERING = "answering"  # we answered, the ACK is not here yet
    UP = "up"
    ENDING = "ending"  # our BYE or CANCEL is out
    ENDED = "ended"


class Line(Protocol):
    """What a call needs of its phone."""

    user: str
    password: str
    audio: bool
    wire: Wire
    sound: Sound

    @property
    def contact(self) -> str: ...

    def forget(self, call: "Call") -> None: ...


class Call:
    """Common to both directions. `times`: invited, ringing, answered, bye, ended."""

    def __init__(self, line: Line, tone: int | None, state: State) -> None:
        self.line, self.state = line, state
        self.status = 0  # SIP status that ended it unanswered
        self.referred = 0  # SIP status of the transfer asked for, as told by NOTIFY or refusal
        self.reason = ""  # Reason header of the other side's BYE
        self.times: dict[str, float] = {}
        self.tones = line.sound.tones
        self.leg: Leg | None = line.sound.open(tone) if line.audio else None
        self.media_address: Address = self.leg.address if self.leg else line.sound.sink
        self.call_id = self.local = self.remote = self.target = ""
        self.early = ""  # To of the response that told of ringing: its tag names the call meanwhile
        self._direction = "sendrecv"
        self._codecs: tuple[int, ...] = (tones.ULAW, tones.ALAW)
        self._cseq = 1
        self._routes: list[str] = []
        self._resend: Resend | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"<{type(self).__name__} of {self.line.user}: {self.state}{status}>"

    # -- sound

    def say(self, tone: int | None) -> None:
        """Speak this tone from now on; 0 is silence, None sends nothing."""
        if self.leg:
            self.leg.tone = tone
            self.tones |= {tone} if tone else set()

    def press(self, keys: str) -> None:
        """Send keys as RFC 4733 events, one after the other."""
        if self.leg:
            self.leg.press(keys)

    @property
    def digits(self) -> str:
        """The keys that the other side pressed."""
        return self.leg.digits if self.leg else ""

    def frames(self, start: float = 0.0, end: float = float("inf")) -> list[list[int]]:
        heard = self.leg.heard if self.leg else ()
        return [tones.decode(data, codec) for at, codec, data in heard if start <= at < end]

    def heard(self, start: float = 0.0, end: float = float("inf"), among: Iterable[int] = ()) -> set[int]:
        """The tones heard through that time; among all that anybody speaks, unless told."""
        return tones.present(self.frames(start, end), among or self.tones)

    def sound_seconds(self, start: float = 0.0, end: float = float("inf")) -> float:
        """How much of that time was not silent."""
        return 0.02 * sum(tones.loudness(f) > tones.AUDIBLE for f in self.frames(start, end))

    def hears_sound(self, window: float = 0.3) -> bool:
        """Anything but silence in a good part of the last `window` seconds."""
        return self.sound_seconds(time.time() - window) > 0.3 * window

    # -- waiting

    async def until_ringing(self, timeout: float = 5) -> None:
        await self._until(lambda: self.state in (State.RINGING, State.UP), timeout, "ringing")

    async def until_answered(self, timeout: float = 5) -> None:
        await self._until(lambda: self.state is State.UP, timeout, "answered")

    async def until_ended(self, timeout: float = 5) -> None:
        await self._until(lambda: self.state is State.ENDED, timeout, "ended")

    async def until_digits(self, digits: str, timeout: float = 5) -> None:
        await self._poll(lambda: digits in self.digits, timeout, f"key {digits}")

    async def until_heard(
        self, wanted: set[int], timeout: float = 5, window: float = 0.4, among: Iterable[int] = ()
    ) -> None:
        """Until exactly these tones were heard through the last `window` seconds."""
        heard: set[int] = set()

        def right() -> bool:
            nonlocal heard
            heard = self.heard(time.time() - window, among=among)
            return heard == wanted and len(self.frames(time.time() - window)) > 0.7 * window / 0.02

        await self._poll(right, timeout, f"tones {sorted(wanted)}", lambda: f"heard {sorted(heard)}")

    async def until_sound(self, timeout: float = 5, window: float = 0.3) -> None:
        """Until anything is heard: a prompt, music, a voice."""
        await self._poll(lambda: self.hears_sound(window), timeout, "any sound")

    async def until_silence(self, timeout: float = 5, window: float = 0.4) -> None:
        """Until nothing is heard any more."""
        await self._poll(lambda: not self.hears_sound(window), timeout, "silence")

    async def until_pressed(self, keys: str) -> None:
        """Press the keys and wait until they are out."""
        self.press(keys)
        leg = self.leg
        await self._poll(lambda: leg is None or not leg.pressing, 1 + len(keys), f"keys {keys} sent")

    async def _until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not ready():
            if self.state is State.ENDED:
                raise PhoneError(f"{self}: ended before {what}", self.status)
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append(future)
            try:
                async with asyncio.timeout_at(deadline):
                    await future
            except TimeoutError:
                raise PhoneError(f"{self}: not {what} within {timeout:g} s") from None

    async def _poll(
        self,
        ready: Callable[[], bool],
        timeout: float,
        what: str,
        seen: Callable[[], str] = lambda: "",
    ) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            if self.state is State.ENDED:
                raise PhoneError(f"{self}: ended before {what}; {seen()}", self.status)
            if time.monotonic() > deadline:
                raise PhoneError(f"{self}: no {what} within {timeout:g} s; {seen()}")
            await asyncio.sleep(0.05)

    # -- the dialog

    def hangup(self) -> None:
        """End it, whatever its state: BYE, CANCEL or 486. Does nothing when it is over."""
        if self.state is State.UP:
            self._bye()

    def hold(self) -> None:
        """Re-INVITE: we send no more, the other side shall play its music."""
        self._reinvite("sendonly")

    def resume(self) -> None:
        self._reinvite("sendrecv")

    def refer(self, number: str, replaces: "Call | None" = None) -> None:
        """Ask the server to send the other side to `number`, or into `replaces`, another call of this phone.
        `until_referred` waits for what becomes of it."""
        ip, port = self.line.wire.server
        to = f"sip:{number}@{ip}:{port}"
        if replaces is not None:
            ids = (
                replaces.call_id,
                sip.parameter(replaces.early or replaces.remote, "tag"),
                sip.parameter(replaces.local, "tag"),
            )
            text = f"{ids[0]};to-tag={ids[1]};from-tag={ids[2]}"
            to += f"?Replaces={quote(text, safe='')}"
        self._cseq += 1
        self.referred = 0
        extra = [("Refer-To", f"<{to}>"), ("Referred-By", f"<{self.line.contact}>")]
        self._send(self._request("REFER", self._cseq, extra), resend=True)

    async def until_referred(self, timeout: float = 5) -> int:
        """The final SIP status of the transfer."""
        await self._poll(lambda: self.referred >= 200, timeout, "answer to the REFER")
        return self.referred

    def _bye(self) -> None:
        self._enter(State.ENDING)
        self._cseq += 1
        self.times["bye_sent"] = time.time()
        self._send(self._request("BYE", self._cseq), resend=True)

    def _reinvite(self, direction: str) -> None:
        if self.state is not State.UP:
            raise PhoneError(f"{self}: cannot hold or resume")
        self._direction = direction
        self._cseq += 1
        self._send(self._request("INVITE", self._cseq, body=self._sdp()), resend=True)

    def _sdp(self) -> str:
        return sip.write_sdp(self.media_address, self._codecs, self._direction)

    def _take_sdp(self, body: str) -> None:
        media = sip.read_sdp(body)
        if media and self.leg:
            self.leg.connect(media)

    def _request(
        self, method: str, cseq: int, extra: Iterable[Header] = (), branch: str = "", body: str = ""
    ) -> bytes:
        ip, port = self.line.wire.address
        headers = [("Via", f"SIP/2.0/UDP {ip}:{port};branch={branch or 'z9hG4bK' + sip.token()};rport")]
        headers += [("Max-Forwards", "70"), ("From", self.local), ("To", self.remote)]
        headers += [("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}")]
        headers += [("Contact", f"<{self.line.contact}>"), ("Allow", sip.ALLOW)]
        headers += [("Route", route) for route in self._routes]
        return sip.write_request(method, self.target, [*headers, *extra], body)

    def _send(self, data: bytes, resend: bool = False) -> None:
        self._stop_resend()
        if resend:
            self._resend = self.line.wire.resend(data, lambda: self._end(408))
        else:
            self.line.wire.send(data)

    def _stop_resend(self) -> None:
        if self._resend:
            self._resend.stop()
            self._resend = None

    def _respond(self, request: Message, status: int, body: str = "") -> bytes:
        tag = sip.parameter(self.local, "tag")
        data = sip.write_response(request, status, tag, self.line.contact, body)
        self.line.wire.answer(request, data)
        return data

    def take_request(self, request: Message) -> None:
        match request.method:
            case "BYE":
                self._respond(request, 200)
                self.times["bye"] = request.at
                self.reason = request.get("reason")
                self._end(self.status)
            case "INVITE":
                self._take_reinvite(request)
            case "CANCEL":
                self._respond(request, 481)
            case "NOTIFY":
                self._respond(request, 200)
                found = re.match(r"SIP/2\.0 (\d{3})", request.body)
                self.referred = int(found[1]) if found else self.referred
            case "REFER":  # ours cannot be sent elsewhere, and says so in Allow
                self._respond(request, 405)
            case _:
                self._respond(request, 200)

    def _take_reinvite(self, request: Message) -> None:
        self._take_sdp(request.body)
        media = sip.read_sdp(request.body)
        self._direction = media.answer if media else "sendrecv"
        self._respond(request, 200, self._sdp())

    def take_response(self, response: Message) -> None:
        if response.method == "BYE" and response.status >= 200:
            self._end(self.status)
        elif response.method == "REFER":
            self._stop_resend()
            self.referred = response.status if response.status >= 300 else self.referred
        elif response.method == "INVITE" and response.status >= 200:
            self._take_reinvite_response(response)

    def _take_reinvite_response(self, response: Message) -> None:
        self._stop_resend()
        if response.status < 300:
            self._take_sdp(response.body)
        self.line.wire.send(self._request("ACK", response.cseq))

    def _enter(self, state: State) -> None:
        self.state = state
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    def _end(self, status: int) -> None:
        if self.state is State.ENDED:
            return
        self._stop_resend()
        self.status = status
        self.times["ended"] = time.time()
        if self.leg:
            self.line.sound.shut(self.leg)
        self.line.forget(self)
        self._enter(State.ENDED)


class OutgoingCall(Call):
    """A call that we place."""

    def __init__(self, line: Line, uri: str, caller: str, tone: int | None) -> None:
        super().__init__(line, tone, State.CALLING)
        self.call_id = sip.token(24)
        self.local = f"{caller};tag={sip.token()}"
        self.remote, self.target, self._uri = f"<{uri}>", uri, uri
        self._authorized: list[Header] = []
        self._cancelled = False
        self._invite()

    def _invite(self) -> None:
        self._branch = "z9hG4bK" + sip.token()
        data = self._request("INVITE", self._cseq, self._authorized, self._branch, self._sdp())
        self.times.setdefault("invite_sent", time.time())
        self._send(data, resend=True)

    def hangup(self) -> None:
        if self.state is State.RINGING:
            self._cancel()
        elif self.state is State.CALLING:  # a CANCEL may only follow a provisional response
            self._cancelled = True
        else:
            super().hangup()

    def _cancel(self) -> None:
        self._cancelled = True
        self._enter(State.ENDING)
        self._send(self._request("CANCEL", self._cseq, branch=self._branch), resend=True)

    def take_response(self, response: Message) -> None:
        if response.method == "CANCEL":
            self._stop_resend()
        elif response.method != "INVITE" or "answered" in self.times:
            self._take_later(response)
        elif response.status < 200:
            self._take_provisional(response)
        elif response.status < 300:
            self._take_answer(response)
        else:
            self._take_refusal(response)

    def _take_later(self, response: Message) -> None:
        """In the dialog: a re-INVITE's or BYE's answer, or the first 200 again (our ACK got lost)."""
        if response.method == "INVITE" and response.cseq < self._cseq:
            self.line.wire.send(self._request("ACK", response.cseq))
        else:
            super().take_response(response)

    def _take_provisional(self, response: Message) -> None:
        if self.state is State.ENDING:
            return
        self._stop_resend()
        self._take_sdp(response.body)  # early media
        if response.status > 100:
            self.times.setdefault("ringing", response.at)
            self.early = response.get("to")
            self._enter(State.RINGING)
        if self._cancelled:
            self._cancel()

    def _take_answer(self, response: Message) -> None:
        self._stop_resend()
        self.times["answered"] = response.at
        self.remote, self.early = response.get("to"), ""
        self.target = sip.address_of(response.get("contact")) or self.target
        self._routes = response.headers.get("record-route", [])[::-1]
        self._take_sdp(response.body)
        self.line.wire.send(self._request("ACK", response.cseq))
        self._enter(State.UP)
        if self._cancelled:  # the answer crossed our CANCEL
            self._bye()

    def _take_refusal(self, response: Message) -> None:
        self._stop_resend()
        own, self.remote = self.remote, response.get("to")
        self.line.wire.send(self._request("ACK", response.cseq, branch=self._branch))
        self.remote = own
        if response.status in (401, 407) and not self._authorized and self.line.password:
            who = (self.line.user, self.line.password)
            proof = sip.authorization(response, *who, "INVITE", self._uri)
            if proof:
                self._authorized = [proof]
                self._cseq += 1
                self._invite()
                return
        self._end(response.status)


class IncomingCall(Call):
    """A call that rings at one of our phones."""

    def __init__(self, line: Line, invite: Message, tone: int | None) -> None:
        super().__init__(line, tone, State.INCOMING)
        self.invite = invite
        self.call_id = invite.call_id
        self.local = f"{invite.get('to')};tag={sip.token()}"
        self.remote = invite.get("from")
        self.target = sip.address_of(invite.get("contact"))
        self._routes = invite.headers.get("record-route", [])
        self.times["invited"] = invite.at
        offer = sip.read_sdp(invite.body)
        shared = tuple(c for c in offer.codecs if c in tones.LINEAR) if offer else ()
        self._codecs = shared[:1] or self._codecs
        self._respond(invite, 100)

    @property
    def caller(self) -> str:
        """User part of the caller's address."""
        return sip.address_of(self.remote).partition(":")[2].partition("@")[0]

    @property
    def caller_name(self) -> str:
        return self.remote.partition("<")[0].strip().strip('"')

    def ring(self) -> None:
        if self.state is State.INCOMING:
            self._respond(self.invite, 180)

    def answer(self) -> None:
        if self.state is not State.INCOMING:
            return
        self._take_sdp(self.invite.body)
        self._enter(State.ANSWERING)
        self.times["answered"] = time.time()
        data = self._respond(self.invite, 200, self._sdp())
        self._resend = self.line.wire.keep_sending(data, lambda: self._end(408))

    def reject(self, status: int = 486) -> None:
        if self.state is State.INCOMING:
            self._refuse(status)

    def _refuse(self, status: int) -> None:
        """A refusal is sent until its ACK comes."""
        self.status = status
        self._enter(State.ENDING)
        data = self._respond(self.invite, status)
        self._resend = self.line.wire.keep_sending(data, lambda: self._end(status))

    def hangup(self) -> None:
        if self.state is State.INCOMING:
            self.reject()
        elif self.state is State.ANSWERING:  # a BYE must wait for the ACK
            self.times["bye_wanted"] = time.time()
        else:
            super().hangup()

    def take_request(self, request: Message) -> None:
        if request.method == "CANCEL" and self.state is State.INCOMING:
            self._respond(request, 200)
            self.times["cancelled"] = request.at
            self._refuse(487)
        elif request.method == "ACK":
            self._take_ack()
        else:
            super().take_request(request)

    def _take_ack(self) -> None:
        if self.state is State.ENDING and "answered" not in self.times:
            self._end(self.status)
        if self.state is not State.ANSWERING:
            return
        self._stop_resend()
        self._enter(State.UP)
        if "bye_wanted" in self.times:
            self._bye()
