"""A SIP phone over TLS that speaks SRTP, made by hand with openssl's AES: it shares nothing with Asterisk."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import re
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from ccctl.lab import sip, tones
from ccctl.lab.sip import Address, Message
from ccctl.runtime.tasks import spawn

SUITE = "AES_CM_128_HMAC_SHA1_80"
_TAG = 10  # bytes of a packet's proof


def make_ca(folder: Path) -> tuple[Path, Path, Path]:
    """A root of its own, and a certificate of 127.0.0.1 with its key."""
    root, crt, key = folder / "root.crt", folder / "pbx.crt", folder / "pbx.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(*new, "-subj", "/CN=test root", "-keyout", f"{folder}/root.key", "-out", str(root))
    host = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    host += ["-addext", "basicConstraints=critical,CA:FALSE"]
    openssl(
        *new, *host, "-CA", str(root), "-CAkey", f"{folder}/root.key", "-keyout", str(key), "-out", str(crt)
    )
    return root, crt, key


def openssl(*words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *words], input=stdin, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


# -- SRTP (RFC 3711) -------------------------------------------------------------------------------


class Keys:
    """Of one direction, made from what an `a=crypto` line says."""

    def __init__(self, master: bytes) -> None:
        self._key, self._salt = master[:16], master[16:]
        self.cipher, self.proof, self.salt = self._derive(0, 16), self._derive(1, 20), self._derive(2, 14)

    def _derive(self, label: int, size: int) -> bytes:
        start = int.from_bytes(self._salt, "big") ^ label << 48
        return self._stream(self._key, [start << 16], size)

    @staticmethod
    def _stream(key: bytes, starts: list[int], size: int) -> bytes:
        """Key streams of `size` bytes, one after the other."""
        blocks = -(-size // 16)
        plain = b"".join((start + n).to_bytes(16, "big") for start in starts for n in range(blocks))
        flat = openssl("enc", "-aes-128-ecb", "-nopad", "-K", key.hex(), stdin=plain)
        return b"".join(flat[at : at + size] for at in range(0, len(flat), blocks * 16))

    def turn(self, packets: list[bytes]) -> list[bytes]:
        """Encrypt payloads, or decrypt them: the same."""
        starts = []
        for packet in packets:
            number, source = struct.unpack("!H", packet[2:4])[0], struct.unpack("!I", packet[8:12])[0]
            starts.append((int.from_bytes(self.salt, "big") << 16) ^ (source << 64) ^ (number << 16))
        size = max(len(packet) - 12 for packet in packets)
        streams = self._stream(self.cipher, starts, size)
        return [
            packet[:12] + bytes(a ^ b for a, b in zip(packet[12:], streams[at * size :], strict=False))
            for at, packet in enumerate(packets)
        ]

    def sign(self, packet: bytes) -> bytes:
        return hmac.new(self.proof, packet + bytes(4), hashlib.sha1).digest()[:_TAG]


class Media:
    """The sound of one call. `theirs` is set when their SDP is known."""

    def __init__(self) -> None:
        self.master = os.urandom(30)
        self.own = Keys(self.master)
        self.theirs: Keys | None = None
        self.remote: Address = ("", 0)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def crypto(self) -> str:
        return f"a=crypto:1 {SUITE} inline:{base64.b64encode(self.master).decode()}"

    def offer(self, encrypted: bool) -> str:
        text = sip.write_sdp(self.socket.getsockname(), (tones.ULAW,))
        if not encrypted:
            return text
        return text.replace("RTP/AVP", "RTP/SAVP") + self.crypto + "\r\n"

    def take(self, body: str) -> None:
        media = sip.read_sdp(body)
        found = re.search(rf"^a=crypto:1 {SUITE} inline:([^|\s]+)", body, re.M)
        assert media, body
        assert found, body
        self.remote, self.theirs = media.address, Keys(base64.b64decode(found[1]))

    def packets(self, tone: int, count: int) -> list[bytes]:
        heads = (struct.pack("!BBHII", 0x80, tones.ULAW, n, n * tones.FRAME, 7) for n in range(1, count + 1))
        plain = [head + tones.frame(tone, tones.ULAW) for head in heads]
        return [packet + self.own.sign(packet) for packet in self.own.turn(plain)]

    async def talk(self, tone: int, seconds: float) -> list[bytes]:
        """Speak, and give back what came meanwhile: packets whose proof is right, decrypted."""
        assert self.theirs
        heard: list[bytes] = []
        begun = time.monotonic()
        for n, packet in enumerate(self.packets(tone, round(seconds * 50))):
            await asyncio.sleep(max(0.0, begun + n * 0.02 - time.monotonic()))
            self.socket.sendto(packet, self.remote)
            heard += self._arrived()
        good = [
            p[:-_TAG] for p in heard if p[1] & 0x7F == tones.ULAW and self.theirs.sign(p[:-_TAG]) == p[-_TAG:]
        ]
        return self.theirs.turn(good) if good else []

    def _arrived(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(2048))
            except BlockingIOError:
                return [packet for packet in found if len(packet) > 12 + _TAG]


# -- SIP over TLS ----------------------------------------------------------------------------------


class SecurePhone:
    def __init__(self, user: str, password: str, server: Address) -> None:
        self.user, self.password, self.server = user, password, server
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.offers: asyncio.Queue[str] = asyncio.Queue()  # what calls to this phone offer
        self.cseq = 0

    async def connect(self, root: Path) -> None:
        context = ssl.create_default_context(cafile=str(root))
        self.reader, self.writer = await asyncio.open_connection(*self.server, ssl=context)
        self.at: Address = self.writer.get_extra_info("sockname")
        self.task = spawn(self._read(), "phone over TLS")

    async def close(self) -> None:
        self.task.cancel()
        self.writer.transport.abort()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()

    async def _read(self) -> None:
        while True:
            head = await self.reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"^(?:content-length|l)\s*:\s*(\d+)", head, re.M | re.I)
            body = await self.reader.readexactly(int(found[1])) if found else b""
            message = sip.parse(head.lstrip() + body, time.time(), self.server)
            if message is None:
                continue
            if message.is_response:
                self.inbox.put_nowait(message)
            elif message.method == "INVITE":  # looked at, not taken
                self.offers.put_nowait(message.body)
                self.writer.write(sip.write_response(message, 486, sip.token(), self.contact))
            elif message.method != "ACK":
                self.writer.write(sip.write_response(message, 200, sip.token(), self.contact))

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{self.at[0]}:{self.at[1]};transport=TLS"

    @property
    def name(self) -> str:
        return f"<sip:{self.user}@{self.server[0]}>"

    async def request(self, method: str, uri: str, to: str, call_id: str, body: str = "") -> Message:
        """The final answer; a challenge is answered once."""
        tag, proof = sip.token(), None
        while True:
            self.cseq += 1
            self.send(method, uri, (f"{self.name};tag={tag}", to), call_id, proof, body)
            answer = await self.final(call_id)
            if method == "INVITE":
                self.send("ACK", uri, (f"{self.name};tag={tag}", answer.get("to")), call_id)
            who = (self.user, self.password, method, uri)
            if answer.status != 401 or proof or not (proof := sip.authorization(answer, *who)):
                self.tag = tag
                return answer

    def send(
        self, method: str, uri: str, parties: tuple[str, str], call_id: str, proof: Any = None, body: str = ""
    ) -> None:
        headers = [("Via", f"SIP/2.0/TLS {self.at[0]}:{self.at[1]};branch=z9hG4bK{sip.token()};rport")]
        headers += [("Max-Forwards", "70"), ("From", parties[0]), ("To", parties[1]), ("Call-ID", call_id)]
        headers += [("CSeq", f"{self.cseq} {method}"), ("Contact", f"<{self.contact}>")]
        headers += [proof] if proof else []
        self.writer.write(sip.write_request(method, uri, headers, body))

    async def final(self, call_id: str, timeout: float = 10) -> Message:
        async with asyncio.timeout(timeout):
            while True:
                message = await self.inbox.get()
                if message.call_id == call_id and message.cseq == self.cseq and message.status >= 200:
                    return message

    async def register(self) -> Message:
        return await self.request("REGISTER", f"sip:{self.server[0]}", self.name, sip.token(24))

    async def invite(self, number: str, sdp: str) -> Message:
        self.call_id = sip.token(24)
        uri = f"sip:{number}@{self.server[0]}:{self.server[1]};transport=tls"
        return await self.request("INVITE", uri, f"<{uri}>", self.call_id, sdp)

    async def bye(self, answer: Message) -> Message:
        self.cseq += 1
        target = sip.address_of(answer.get("contact"))
        self.send("BYE", target, (f"{self.name};tag={self.tag}", answer.get("to")), self.call_id)
        return await self.final(self.call_id)
