"""Loopback ports of a lab: a free block, and who holds a port that we need."""

import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ccctl.errors import LabError

# Below the system's own range for outgoing connections, above what services usually take.
FIRST, LAST, SIZE, STEP = 12000, 32000, 2000, 500
LEAST, MOST = 1024, 65535
WITHIN = "CCCTL_LAB_PORTS"
LISTEN = "0A"


class PortTaken(LabError):
    """Somebody else holds a port of this lab."""


class Ports(msgspec.Struct, frozen=True):
    ami: int
    ari: int
    sip: int
    events: int
    web: int
    rtp_start: int
    rtp_end: int


def block(base: int) -> Ports:
    """The ports of a lab at `base`: 60 SIP, 65 events, 38 AMI, 88 ARI, 90 web, from 100 on RTP."""
    if not LEAST <= base <= MOST - SIZE:
        raise LabError(f"--port-base {base} is out of range", f"choose one from {LEAST} to {MOST - SIZE}")
    return Ports(
        ami=base + 38,
        ari=base + 88,
        sip=base + 60,
        events=base + 65,
        web=base + 90,
        rtp_start=base + 100,
        rtp_end=base + SIZE - 1,
    )


def free_base(seed: int) -> int:
    """The base of a block in which nobody has a port. `seed` spreads labs that do not run at the moment;
    where that is not enough, $CCCTL_LAB_PORTS gives each its part of the ports."""
    taken = {port for table in ("tcp", "tcp6", "udp", "udp6") for port, _ in _bound(table)}
    first, last = _within(os.environ.get(WITHIN, ""))
    bases = range(first, last - SIZE + 1, STEP)
    for number in range(len(bases)):
        base = bases[(seed + number) % len(bases)]
        if not any(base <= port < base + SIZE for port in taken):
            return base
    raise LabError(f"no {SIZE} free ports between {first} and {last}", "give --port-base")


def _within(given: str) -> tuple[int, int]:
    """Where a lab takes its ports: "12000-17000", or nothing for the usual range."""
    if not given:
        return FIRST, LAST
    match = re.fullmatch(r"([0-9]{4,5})-([0-9]{4,5})", given)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if first < LEAST or last > MOST or last - first < SIZE:
        raise LabError(f'{WITHIN}="{given}" is no range of {SIZE} ports', f"write for example {FIRST}-{LAST}")
    return first, last


def check_free(ports: Ports) -> None:
    """Nobody else may hold a port that our Asterisk is about to open."""
    for port, protocol, purpose in _served(ports):
        if not _can_bind(port, protocol):
            raise _taken(port, protocol, purpose)


def check_held(ports: Ports, pid: int) -> None:
    """The Asterisk that was started has its ports: without them it would run on, deaf."""
    own = set(_sockets(Path(f"/proc/{pid}")))
    for port, protocol, purpose in _served(ports):
        if not own & _inodes(port, protocol):
            raise _taken(port, protocol, purpose)


def _served(ports: Ports) -> tuple[tuple[int, str, str], ...]:
    return ((ports.ami, "tcp", "AMI"), (ports.ari, "tcp", "ARI"), (ports.sip, "udp", "SIP"))


def _taken(port: int, protocol: str, purpose: str) -> PortTaken:
    return PortTaken(
        f"port {port}/{protocol} ({purpose} of this lab) is in use{_holder(port, protocol)}",
        "stop that program, or move this lab with --port-base",
    )


def _can_bind(port: int, protocol: str) -> bool:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if protocol == "tcp":  # closed connections that linger are no holder
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _bound(table: str) -> Iterator[tuple[int, str]]:
    """(port, inode) of each socket that listens or is bound on this machine."""
    try:
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if table.startswith("udp") or fields[3] == LISTEN:
            yield struct.unpack(">H", bytes.fromhex(fields[1].rsplit(":", 1)[1]))[0], fields[9]


def _holder(port: int, protocol: str) -> str:
    """' by asterisk (pid 4711)', or nothing when that process is not ours to see."""
    inodes = {
        inode for table in (protocol, protocol + "6") for bound, inode in _bound(table) if bound == port
    }
    for pid in _processes():
        if inodes & set(_sockets(pid)):
            return f" by {(pid / 'comm').read_text().strip()} (pid {pid.name})"
    return ""


def _inodes(port: int, protocol: str) -> set[str]:
    return {inode for table in (protocol, protocol + "6") for bound, inode in _bound(table) if bound == port}


def _processes() -> Iterable[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdigit())


def _sockets(pid: Path) -> Iterator[str]:
    try:
        for descriptor in (pid / "fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:  # gone meanwhile, or another user's
        return
