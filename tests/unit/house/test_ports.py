"""The lab's ports: a block without holes in its meaning, free, and named when taken."""

import os
import socket

import msgspec
import pytest

from ccctl.errors import LabError
from ccctl.lab.ports import FIRST, LAST, SIZE, block, check_free, check_held, free_base


def test_ports_of_a_block_are_distinct_and_inside() -> None:
    ports = block(20000)
    single = (ports.ami, ports.ari, ports.sip, ports.events, ports.web)
    assert len(set(single)) == len(single)
    assert all(20000 <= port < ports.rtp_start for port in single)
    assert ports.rtp_start % 2 == 0
    assert ports.rtp_end < 20000 + SIZE


@pytest.mark.parametrize("base", [0, 1023, 65000, -5])
def test_impossible_base_is_refused(base: int) -> None:
    with pytest.raises(LabError, match="out of range"):
        block(base)


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1])
def test_free_base_is_in_range_and_free(seed: int) -> None:
    ports = block(free_base(seed))
    assert FIRST <= ports.ami < ports.rtp_end < LAST
    check_free(ports)


def test_labs_can_be_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCCTL_LAB_PORTS", "5000-11000")
    assert all(5000 <= free_base(seed) <= 9000 for seed in range(20))
    for wrong in ("23000", "23000-24000", "500-9000", "60000-70000", "a-b"):
        monkeypatch.setenv("CCCTL_LAB_PORTS", wrong)
        with pytest.raises(LabError, match="is no range of 2000 ports"):
            free_base(1)


def test_free_base_avoids_what_somebody_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCCTL_LAB_PORTS", raising=False)
    first = block(free_base(7))
    for number in (first.rtp_start + 7, first.web):
        with socket.create_server(("127.0.0.1", number)):
            other = block(free_base(7))
            assert not other.sip - 60 <= number <= other.rtp_end


@pytest.mark.parametrize(
    ("kind", "name", "purpose"), [("ami", "tcp", "AMI"), ("ari", "tcp", "ARI"), ("sip", "udp", "SIP")]
)
def test_taken_port_is_named(kind: str, name: str, purpose: str) -> None:
    ports = block(free_base(99))
    number = msgspec.structs.asdict(ports)[kind]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if name == "tcp" else socket.SOCK_DGRAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections may linger there
        holder.bind(("127.0.0.1", number))
        if name == "tcp":
            holder.listen()
        with pytest.raises(LabError, match=rf"port {number}/{name} \({purpose} .* \(pid \d+\)"):
            check_free(ports)


def test_who_did_not_get_a_port_is_told() -> None:
    ports = block(free_base(99))
    with pytest.raises(LabError, match=f"port {ports.ami}/tcp"):
        check_held(ports, os.getpid())
    sockets = [socket.create_server(("127.0.0.1", port)) for port in (ports.ami, ports.ari)]
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].bind(("127.0.0.1", ports.sip))
    check_held(ports, os.getpid())
    for each in sockets:
        each.close()
