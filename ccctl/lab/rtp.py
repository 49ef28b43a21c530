"""The sound of test phones: one UDP socket per call, a tone out, everything heard kept with its time."""

import asyncio
import contextlib
import secrets
import socket
import struct
import time
from collections import deque

from ccctl.lab import tones
from ccctl.lab.sip import Address, Media

_KEYS = "0123456789*#ABCD"
_TICK = 0.02
_KEPT = 30_000  # packets of one call that are kept: ten minutes
_UPDATES, _ENDS, _PAUSE = 7, 3, 4  # packets of one key (RFC 4733), then packets of nothing


class Leg:
    """One side of a conversation. `tone` is what we say: Hz, 0 for silence, None for no packets."""

    def __init__(self, ip: str, tone: int | None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((ip, 0))
        self.address: Address = self.socket.getsockname()
        self.tone = tone
        self.remote: Media | None = None
        self.heard: deque[tuple[float, int, bytes]] = deque(maxlen=_KEPT)
        self.received = self.sent = 0
        self.digits = ""
        self._codec = tones.ULAW
        self._keys: deque[tuple[str, int]] = deque()  # one entry per packet: key and its number
        self._key_began = 0
        self._last_key = b""
        self._sequence = secrets.randbelow(1 << 15)
        self._clock = secrets.randbelow(1 << 31)
        self._source = secrets.randbelow(1 << 32)

    def connect(self, remote: Media) -> None:
        self.remote = remote
        self._codec = next((c for c in remote.codecs if c in tones.LINEAR), tones.ULAW)

    def press(self, keys: str) -> None:
        for key in keys:
            self._keys.extend((key, n) for n in range(_UPDATES + _ENDS))
            self._keys.extend(("", n) for n in range(_PAUSE))

    @property
    def pressing(self) -> bool:
        return bool(self._keys)

    def tick(self, now: float) -> None:
        """Take what has arrived, send the next 20 ms."""
        with contextlib.suppress(OSError):  # no more packets, or the other side is gone
            while True:
                self._take(self.socket.recv(2048), now)
        if self.remote is None or self.remote.direction in ("sendonly", "inactive"):
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._clock = (self._clock + tones.FRAME) & 0xFFFFFFFF
        packet = self._next_packet()
        if packet:
            with contextlib.suppress(OSError):
                self.socket.sendto(packet, self.remote.address)
                self.sent += 1

    def _take(self, packet: bytes, now: float) -> None:
        if len(packet) < 12:
            return
        self.received += 1
        kind = packet[1] & 0x7F
        if kind in tones.LINEAR:
            self.heard.append((now, kind, packet[12:]))
        elif self.remote and kind == self.remote.event and len(packet) >= 16:
            self._take_key(packet)

    def _take_key(self, packet: bytes) -> None:
        """The end of a key comes three times with one time stamp: count it once."""
        if packet[13] & 0x80 and packet[4:8] != self._last_key and packet[12] < len(_KEYS):
            self._last_key = packet[4:8]
            self.digits += _KEYS[packet[12]]

    def _next_packet(self) -> bytes:
        if self._keys:
            key, n = self._keys.popleft()
            return self._key_packet(key, n) if key else b""
        if self.tone is None:
            return b""
        head = struct.pack("!BBHII", 0x80, self._codec, self._sequence, self._clock, self._source)
        return head + tones.frame(self.tone, self._codec)

    def _key_packet(self, key: str, n: int) -> bytes:
        if n == 0:
            self._key_began = self._clock
        kind = self.remote.event if self.remote else 0
        marker, end = 0x80 if n == 0 else 0, 0x80 if n >= _UPDATES else 0
        duration = tones.FRAME * min(n + 1, _UPDATES + 1)
        head = struct.pack("!BBHII", 0x80, kind | marker, self._sequence, self._key_began, self._source)
        return head + struct.pack("!BBH", _KEYS.index(key), end | 10, duration)

    def close(self) -> None:
        self.socket.close()


class Sound:
    """The legs of all phones and the clock that moves them. `tones` are those that anybody speaks."""

    def __init__(self, ip: str) -> None:
        self.ip = ip
        self.tones: set[int] = set()
        self.ticks: deque[float] = deque(maxlen=_KEPT)  # who measures gaps takes our own stalls out by them
        self._legs: set[Leg] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # for calls without audio; never read
        self._sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._sink.bind((ip, 0))

    @property
    def sink(self) -> Address:
        address: Address = self._sink.getsockname()
        return address

    def open(self, tone: int | None) -> Leg:
        if tone:
            self.tones.add(tone)
        leg = Leg(self.ip, tone)
        self._legs.add(leg)
        if self._timer is None:
            self._due = asyncio.get_running_loop().time()
            self._wait()
        return leg

    def shut(self, leg: Leg) -> None:
        if leg in self._legs:
            leg.tick(time.time())
            self._legs.discard(leg)
            leg.close()

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = max(self._due + _TICK, loop.time() - 0.2)  # after a long stall: go on, do not catch up
        self._timer = loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = time.time()
        self.ticks.append(now)
        for leg in tuple(self._legs):
            leg.tick(now)
        self._timer = None
        if self._legs:
            self._wait()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        for leg in tuple(self._legs):
            self.shut(leg)
        self._sink.close()
