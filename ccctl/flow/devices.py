"""Phones as things: the ways by which they reach Asterisk, and what stands on desks.

Names of this module are names of graph.py, too.
"""

from __future__ import annotations

from typing import NamedTuple

from ccctl.flow.steps import Item

USUAL = {"udp": 5060, "tcp": 5060, "tls": 5061}


class Transport(Item, frozen=True, kw_only=True):
    """Where Asterisk listens for phones, beside what its own files say. Files are on its machine."""

    name: str
    type: str = "tls"
    bind: str = "0.0.0.0"  # noqa: S104 - phones come from the network
    port: int = 0  # 0: the usual one of the type
    certificate: str = ""
    key: str = ""

    @property
    def at(self) -> int:
        return self.port or USUAL.get(self.type, 0)


class Model(NamedTuple):
    """What every phone of a family can hold: accounts, and keys with those of its accounts."""

    maker: str
    lines: int
    keys: int


MODELS = {
    "yealink-t4x": Model("yealink", 6, 15),
    "yealink-t5x": Model("yealink", 12, 21),
    "grandstream-gxp": Model("grandstream", 1, 6),
    "snom-d3xx": Model("snom", 4, 12),
    "snom-d7xx": Model("snom", 6, 18),
    "poly-vvx": Model("poly", 6, 12),
}


class DeviceKey(Item, frozen=True, kw_only=True):
    """A key beside the display. `kind`: watch (a user), switch (of hours), code or dial."""

    kind: str
    value: str
    label: str = ""


class Device(Item, frozen=True, kw_only=True):
    """A phone on a desk. `lines` are users; `mac` is twelve lower-case hex digits."""

    name: str
    model: str = ""
    mac: str = ""
    lines: tuple[str, ...] = ()
    transport: str = ""  # '' is UDP, where Asterisk's own files say
    language: str = ""
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    keys: tuple[DeviceKey, ...] = ()
    secret: str = ""  # with which it fetches its file


class Provision(Item, frozen=True, kw_only=True):
    """What all phones on desks are told."""

    server: str = ""
    port: int = 5060  # of UDP
    ntp: str = "pool.ntp.org"
    url: str = ""
    password: str = ""  # of the phone's own pages
    dial_after: str = "5s"
