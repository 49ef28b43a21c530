"""Phones as things: the ways by which they reach Asterisk, and what stands on desks.

Names of this module are names of graph.py, too.
"""

from __future__ import annotations

from ccctl.flow.steps import Item


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


USUAL = {"udp": 5060, "tcp": 5060, "tls": 5061}
