"""SIP messages as text: read, write, authenticate (RFC 3261, RFC 2617, RFC 7616). No sockets here."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Address = tuple[str, int]
Header = tuple[str, str]

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
}
_HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY"
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}


def token(length: int = 12) -> str:
    return secrets.token_hex(length // 2)


@dataclass(slots=True)
class Message:
    """A message as received: `at` is when the kernel got it (Unix seconds), `source` who sent it."""

    first: str
    headers: dict[str, list[str]]
    body: str
    at: float = 0.0
    source: Address = ("", 0)
    _cseq: tuple[int, str] = field(init=False)

    def __post_init__(self) -> None:
        number, _, method = self.get("cseq").partition(" ")
        self._cseq = (int(number) if number.isdigit() else 0, method.strip())

    def get(self, name: str) -> str:
        """The first header of that name, '' when absent."""
        return self.headers.get(name, [""])[0]

    @property
    def is_response(self) -> bool:
        return self.first.startswith("SIP/2.0 ")

    @property
    def status(self) -> int:
        return int(self.first[8:11])

    @property
    def method(self) -> str:
        """Of a request; of a response: the method that is answered."""
        return self._cseq[1] if self.is_response else self.first.partition(" ")[0]

    @property
    def cseq(self) -> int:
        return self._cseq[0]

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def branch(self) -> str:
        return parameter(self.get("via"), "branch")

    @property
    def user(self) -> str:
        """User part of the request's address."""
        found = re.match(r"\S+ sips?:([^@;>]*)@", self.first)
        return found[1] if found else ""


def parse(data: bytes, at: float, source: Address) -> Message | None:
    """None for anything that is not SIP (keep-alives)."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    if "SIP/2.0" not in first:
        return None
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.setdefault(_COMPACT.get(name, name), []).append(value.strip())
    return Message(first, headers, body, at, source)


def parameter(value: str, name: str) -> str:
    found = re.search(rf";\s*{name}=([^;>\s]+)", value)
    return found[1] if found else ""


def address_of(value: str) -> str:
    """The URI of a From, To or Contact header."""
    found = re.search(r"<([^>]+)>", value)
    return found[1] if found else value.partition(";")[0].strip()


def _write(first: str, headers: Iterable[Header], body: str) -> bytes:
    typed: list[Header] = [("Content-Type", "application/sdp")] if body else []
    lines = [
        first,
        *(f"{k}: {v}" for k, v in [*headers, *typed, ("Content-Length", str(len(body.encode())))]),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def write_request(method: str, uri: str, headers: Iterable[Header], body: str = "") -> bytes:
    return _write(f"{method} {uri} SIP/2.0", headers, body)


def write_response(request: Message, status: int, tag: str, contact: str, body: str = "") -> bytes:
    to = request.get("to")
    if status > 100 and not parameter(to, "tag"):
        to += f";tag={tag}"
    headers: list[Header] = [("Via", via) for via in request.headers.get("via", [])]
    headers += [("Record-Route", route) for route in request.headers.get("record-route", [])]
    headers += [("From", request.get("from")), ("To", to), ("Call-ID", request.call_id)]
    headers += [("CSeq", request.get("cseq")), ("Contact", f"<{contact}>"), ("Allow", ALLOW)]
    return _write(f"SIP/2.0 {status} {REASONS.get(status, 'Status')}", headers, body)


def authorization(refusal: Message, user: str, password: str, method: str, uri: str) -> Header | None:
    """The header that answers a 401 or 407; None when no algorithm of the challenge is known."""
    proxy = refusal.status == 407
    asked = refusal.headers.get("proxy-authenticate" if proxy else "www-authenticate", [])
    for challenge in asked:
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        answer = _digest(fields, user, password, f"{method}:{uri}")
        if answer:
            realm, nonce = fields["realm"], fields["nonce"]
            text = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", {answer}'
            return "Proxy-Authorization" if proxy else "Authorization", text
    return None


def _digest(fields: dict[str, str], user: str, password: str, what: str) -> str:
    algorithm = fields.get("algorithm", "MD5")
    make = _HASHES.get(algorithm.lower())
    if make is None or not {"realm", "nonce"} <= fields.keys():
        return ""

    def digest(text: str) -> str:
        return make(text.encode()).hexdigest()

    nonce = fields["nonce"]
    secret, request = digest(f"{user}:{fields['realm']}:{password}"), digest(what)
    opaque = f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""
    if "qop" not in fields:
        proof = digest(f"{secret}:{nonce}:{request}")
        return f'response="{proof}", algorithm={algorithm}{opaque}'
    once = token()
    proof = digest(f"{secret}:{nonce}:00000001:{once}:auth:{request}")
    return f'response="{proof}", algorithm={algorithm}, qop=auth, nc=00000001, cnonce="{once}"{opaque}'


# -- SDP ---------------------------------------------------------------------------------------------

EVENT = 101  # our payload type of telephone-event
_NAMES = {0: "PCMU/8000", 8: "PCMA/8000", EVENT: "telephone-event/8000"}
_MIRROR = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}


@dataclass(frozen=True, slots=True)
class Media:
    """What an SDP says of its audio."""

    address: Address
    codecs: tuple[int, ...]
    event: int = EVENT
    direction: str = "sendrecv"

    @property
    def answer(self) -> str:
        """The direction that answers this one."""
        return _MIRROR[self.direction]


def write_sdp(address: Address, codecs: Sequence[int], direction: str = "sendrecv") -> str:
    ip, port = address
    types = [*codecs, EVENT]
    lines = ["v=0", f"o=- {port} {secrets.randbelow(1 << 30)} IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}", "t=0 0"]
    lines.append(f"m=audio {port} RTP/AVP {' '.join(map(str, types))}")
    lines += [f"a=rtpmap:{t} {_NAMES[t]}" for t in types]
    lines += [f"a=fmtp:{EVENT} 0-16", "a=ptime:20", f"a={direction}"]
    return "\r\n".join(lines) + "\r\n"


def read_sdp(body: str) -> Media | None:
    """None when there is no audio in it."""
    audio = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", body, re.M)
    where = re.search(r"^c=IN IP4 (\S+)", body, re.M)
    if not audio or not where or audio[1] == "0":
        return None
    event = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.M)
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", body, re.M)
    return Media(
        (where[1], int(audio[1])),
        tuple(int(t) for t in audio[2].split()),
        int(event[1]) if event else EVENT,
        direction[1] if direction else "sendrecv",
    )
