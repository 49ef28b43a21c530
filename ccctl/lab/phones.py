"""Any number of SIP phones in one asyncio process, and a carrier: for tests, trials and the bench.

    async with Phones(server=("127.0.0.1", 5060)) as phones:
        anna = phones.phone("anna", "secret", tone=650)
        await anna.register()
        carrier = phones.carrier(port=25090, tone=450)
        call = carrier.call("+49301234500", caller="+491701112233")
        ringing = await anna.incoming()
        ringing.answer()
        await call.until_heard({650})
        call.hangup()

An incoming call rings and waits for `incoming()`, or goes to the phone's `on_call`. Every party
speaks one constant tone; `Call.heard(start, end)` is the set of tones in its ear. Leaving the block
hangs up, unregisters and closes everything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from ccctl.lab import sip
from ccctl.lab.dialog import Call, IncomingCall, OutgoingCall, PhoneError, State
from ccctl.lab.rtp import Sound
from ccctl.lab.sip import Address, Header, Message
from ccctl.lab.wire import Resend, Wire

__all__ = ["Call", "Carrier", "IncomingCall", "OutgoingCall", "Phone", "PhoneError", "Phones", "State"]


class Station:
    """One SIP socket with the phones behind it. A carrier's station takes calls for any number."""

    def __init__(self, address: Address, server: Address, sound: Sound) -> None:
        self.wire = Wire(address, server, self._receive)
        self.sound = sound
        self.lines: dict[str, Phone] = {}
        self.carrier: Carrier | None = None
        self.calls: dict[str, Call] = {}
        self.waiting: dict[str, Callable[[Message], None]] = {}  # responses of registrations

    def _receive(self, message: Message) -> None:
        call = self.calls.get(message.call_id)
        if message.is_response:
            take = call.take_response if call else self.waiting.get(message.call_id)
            if take:
                take(message)
        elif call:
            call.take_request(message)
        elif message.method == "INVITE":
            self._take_invite(message)
        elif message.method != "ACK":
            if message.method == "NOTIFY" and message.user in self.lines:
                self.lines[message.user].notices.append(message)
            self._refuse(message, 200 if message.method in ("OPTIONS", "NOTIFY") else 481)

    def _take_invite(self, invite: Message) -> None:
        line = self.lines.get(invite.user) or self.carrier
        if line is None:
            self._refuse(invite, 404)
            return
        call = IncomingCall(line, invite, line.tone)
        self.calls[call.call_id] = call
        line.take_call(call)

    def _refuse(self, request: Message, status: int) -> None:
        ip, port = self.wire.address
        data = sip.write_response(request, status, sip.token(), f"sip:{ip}:{port}")
        self.wire.answer(request, data)


class _Line:
    """What a phone and a carrier share: place calls, take calls."""

    def __init__(self, station: Station, user: str, password: str, tone: int | None) -> None:
        self.station, self.user, self.password, self.tone = station, user, password, tone
        self.wire, self.sound = station.wire, station.sound
        self.audio = True  # False: no RTP at all, for loads
        self.on_call: Callable[[IncomingCall], None] | None = None
        self.notices: list[Message] = []  # what it was told, for example of messages in its mailbox
        self._incoming: asyncio.Queue[IncomingCall] = asyncio.Queue()
        if tone:
            self.sound.tones.add(tone)

    @property
    def contact(self) -> str:
        ip, port = self.wire.address
        return f"sip:{self.user}@{ip}:{port}"

    @property
    def calls(self) -> list[Call]:
        """The calls that live."""
        return [call for call in self.station.calls.values() if call.line is self]

    async def incoming(self, timeout: float = 5) -> IncomingCall:
        """The next call that rings here."""
        try:
            async with asyncio.timeout(timeout):
                return await self._incoming.get()
        except TimeoutError:
            raise PhoneError(f"{self.user}: no call within {timeout:g} s") from None

    def take_call(self, call: IncomingCall) -> None:
        if self.on_call:
            self.on_call(call)
        else:
            call.ring()
            self._incoming.put_nowait(call)

    def forget(self, call: Call) -> None:
        self.station.calls.pop(call.call_id, None)

    def _place(self, number: str, identity: str, tone: int | None) -> OutgoingCall:
        ip, port = self.wire.server
        call = OutgoingCall(self, f"sip:{number}@{ip}:{port}", identity, self.tone if tone is None else tone)
        self.station.calls[call.call_id] = call
        return call


class Phone(_Line):
    """A desk phone: one SIP account."""

    def call(self, number: str, tone: int | None = None) -> OutgoingCall:
        ip, port = self.wire.server
        return self._place(number, f"<sip:{self.user}@{ip}:{port}>", tone)

    async def register(self, expires: int = 600, timeout: float = 5) -> None:
        """Register and stay registered; PhoneError with the status when refused."""
        await self._registration().send(expires, timeout)

    async def unregister(self, timeout: float = 5) -> None:
        if self._kept and self._kept.registered:
            await self._kept.send(0, timeout)

    _kept: "Registration | None" = None

    def _registration(self) -> "Registration":
        if self._kept is None:
            self._kept = Registration(self)
        return self._kept

    def close(self) -> None:
        if self._kept:
            self._kept.close()


class Carrier(_Line):
    """The telephone network beyond a trunk: calls in with any caller's number, takes calls out."""

    def call(self, number: str, caller: str, name: str = "", tone: int | None = None) -> OutgoingCall:
        ip, port = self.wire.address
        shown = f'"{name}" ' if name else ""
        return self._place(number, f"{shown}<sip:{caller}@{ip}:{port}>", tone)


class Registration:
    """Keeps one phone registered: renewed at three quarters of its time."""

    def __init__(self, phone: Phone) -> None:
        self._phone, self._wire = phone, phone.wire
        self._call_id, self._tag, self._cseq = sip.token(24), sip.token(), 0
        self._expires, self._asked_again = 0, False
        self._done: asyncio.Future[int] | None = None
        self._resend: Resend | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self.registered = False

    async def send(self, expires: int, timeout: float) -> None:
        self._expires, self._asked_again = expires, False
        self._done = asyncio.get_running_loop().create_future()
        self._request([])
        try:
            async with asyncio.timeout(timeout):
                status = await self._done
        except TimeoutError:
            raise PhoneError(f"{self._phone.user}: registration is not answered") from None
        finally:
            self._done = None
            self._stop()
        if status != 200:
            raise PhoneError(f"{self._phone.user}: registration refused with {status}", status)

    def _request(self, proof: list[Header]) -> None:
        self._cseq += 1
        (ip, port), (here, at) = self._wire.server, self._wire.address
        who = f"<sip:{self._phone.user}@{ip}:{port}>"
        headers = [
            ("Via", f"SIP/2.0/UDP {here}:{at};branch=z9hG4bK{sip.token()};rport"),
            ("Max-Forwards", "70"),
        ]
        headers += [("From", f"{who};tag={self._tag}"), ("To", who), ("Call-ID", self._call_id)]
        headers += [("CSeq", f"{self._cseq} REGISTER"), ("Contact", f"<{self._phone.contact}>")]
        headers += [("Expires", str(self._expires)), *proof]
        self._stop()
        self._phone.station.waiting[self._call_id] = self._take
        data = sip.write_request("REGISTER", f"sip:{ip}:{port}", headers)
        self._resend = self._wire.resend(data, lambda: self._finish(408))

    def _take(self, response: Message) -> None:
        if response.cseq != self._cseq or response.status < 200:
            return
        self._stop()
        if response.status == 401 and not self._asked_again:
            self._asked_again = True
            ip, port = self._wire.server
            who = (self._phone.user, self._phone.password)
            proof = sip.authorization(response, *who, "REGISTER", f"sip:{ip}:{port}")
            if proof:
                self._request([proof])
                return
        self._finish(response.status)

    def _finish(self, status: int) -> None:
        wanted = self._expires > 0 and (status == 200 or self.registered)
        self.registered = status == 200 and self._expires > 0
        if self._renewal:
            self._renewal.cancel()
        if wanted:  # a renewal that failed is tried again soon, a first refusal is final
            wait = self._expires * 0.75 if self.registered else 2.0
            self._renewal = asyncio.get_running_loop().call_later(wait, self._renew)
        if self._done and not self._done.done():
            self._done.set_result(status)

    def _renew(self) -> None:
        self._asked_again = False
        self._request([])

    def _stop(self) -> None:
        if self._resend:
            self._resend.stop()
            self._resend = None

    def close(self) -> None:
        self._stop()
        self._phone.station.waiting.pop(self._call_id, None)
        if self._renewal:
            self._renewal.cancel()


class Phones:
    """All phones of a trial. `server` is where Asterisk listens."""

    def __init__(self, server: Address, ip: str = "127.0.0.1", port: int = 0) -> None:
        self.server, self.ip = server, ip
        self._port = port
        self._stations: list[Station] = []

    async def __aenter__(self) -> Self:
        self.sound = Sound(self.ip)
        try:
            self._desk = self._station(self._port)
        except OSError:
            self.sound.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._leave()
        finally:
            for station in self._stations:
                for phone in station.lines.values():
                    phone.close()
                station.wire.close()
            self.sound.close()

    @property
    def tones(self) -> set[int]:
        """Every tone that anybody speaks."""
        return self.sound.tones

    @property
    def calls(self) -> list[Call]:
        return [call for station in self._stations for call in station.calls.values()]

    def phone(self, user: str, password: str = "", tone: int | None = 0) -> Phone:
        """The phone of that account (the same one when asked again)."""
        if user not in self._desk.lines:
            self._desk.lines[user] = Phone(self._desk, user, password, tone)
        return self._desk.lines[user]

    def carrier(self, port: int = 0, tone: int | None = 0) -> Carrier:
        station = self._station(port)
        station.carrier = Carrier(station, "carrier", "", tone)
        return station.carrier

    def _station(self, port: int) -> Station:
        try:
            station = Station((self.ip, port), self.server, self.sound)
        except OSError as error:
            raise PhoneError(f"{self.ip}:{port}: {error.strerror}") from error
        self._stations.append(station)
        return station

    async def _leave(self) -> None:
        """Hang up and unregister, but do not wait long for a server that is gone."""
        for call in self.calls:
            call.hangup()
        for call in self.calls:
            await _quietly(call.until_ended(1))
        phones = [phone for station in self._stations for phone in station.lines.values()]
        await asyncio.gather(*(_quietly(phone.unregister(1)) for phone in phones))


async def _quietly(wait: Awaitable[None]) -> None:
    try:
        await wait
    except PhoneError:
        return
