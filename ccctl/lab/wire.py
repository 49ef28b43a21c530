"""One UDP socket of SIP: datagrams in with the kernel's time, messages out, resent until answered."""

import asyncio
import contextlib
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Callable

from ccctl.lab.sip import Address, Message, parse

_SO_TIMESTAMPNS = 35
_T1, _T2 = 0.5, 4.0  # RFC 3261's timers
_GIVE_UP = 32.0
_ANSWERS_KEPT = 4096


class Wire:
    """`receive` gets each message once: a repeated request is answered again from memory."""

    def __init__(self, address: Address, server: Address, receive: Callable[[Message], None]) -> None:
        self.server = server
        self._receive = receive
        self._answers: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._resends: set[Resend] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        self.address: Address = self._socket.getsockname()
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody there: the resends find out
            self._socket.sendto(data, self.server)

    def answer(self, request: Message, data: bytes) -> None:
        """Send a response and keep it for repetitions of its request."""
        key = (request.branch, request.method)
        self._answers[key] = data
        self._answers.move_to_end(key)
        if len(self._answers) > _ANSWERS_KEPT:
            self._answers.popitem(last=False)
        with contextlib.suppress(OSError):
            self._socket.sendto(data, request.source)

    def resend(self, data: bytes, give_up: Callable[[], None]) -> "Resend":
        """Send now and again until stopped; `give_up` after 32 s."""
        self.send(data)
        return self.keep_sending(data, give_up)

    def keep_sending(self, data: bytes, give_up: Callable[[], None]) -> "Resend":
        """The same for what has just been sent."""
        handle = Resend(self, data, give_up)
        self._resends.add(handle)
        return handle

    def forget(self, handle: "Resend") -> None:
        self._resends.discard(handle)

    def _readable(self) -> None:
        for _ in range(64):  # then let the audio have its turn
            try:
                data, notes, _flags, source = self._socket.recvmsg(65536, 64)
            except OSError:
                return
            message = parse(data, _kernel_time(notes), source)
            if message is not None:
                self._take(message)

    def _take(self, message: Message) -> None:
        if not message.is_response and message.method != "ACK":
            known = self._answers.get((message.branch, message.method))
            if known is not None:
                with contextlib.suppress(OSError):
                    self._socket.sendto(known, message.source)
                return
        self._receive(message)

    def close(self) -> None:
        for handle in tuple(self._resends):
            handle.stop()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()


class Resend:
    """A message that is sent again after 0.5, 1, 2, 4, 4 ... seconds."""

    def __init__(self, wire: Wire, data: bytes, give_up: Callable[[], None]) -> None:
        self._wire, self._data, self._give_up = wire, data, give_up
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + _GIVE_UP
        self._timer = self._loop.call_later(_T1, self._again, _T1 * 2)

    def _again(self, wait: float) -> None:
        if self._loop.time() >= self._end:
            self.stop()
            self._give_up()
            return
        self._wire.send(self._data)
        self._timer = self._loop.call_later(min(wait, _T2), self._again, wait * 2)

    def stop(self) -> None:
        self._timer.cancel()
        self._wire.forget(self)


def _kernel_time(notes: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("@qq", value[:16])
            return float(seconds) + float(nanoseconds) / 1e9
    return time.time()
