"""The bridge in which callers wait, with music; made when the first of them comes."""

from ccctl.asterisk.ari import Ari
from ccctl.errors import AsteriskRefused
from ccctl.flow.marks import HOLD_BRIDGE

MISSING, THERE = 404, 409


async def is_held(ari: Ari, ident: str) -> bool:
    try:
        return ident in (await ari.bridges_get(HOLD_BRIDGE))["channels"]
    except AsteriskRefused:  # no such bridge yet
        return False


async def hold(ari: Ari, ident: str) -> None:
    try:
        await _enter(ari, ident)
    except AsteriskRefused as error:
        if error.status != MISSING:
            raise
        await _make(ari)
        await _enter(ari, ident)


async def _make(ari: Ari) -> None:
    """Right after the start of Asterisk several callers may find none at once."""
    try:
        await ari.bridges_create_with_id(HOLD_BRIDGE, "holding", HOLD_BRIDGE)
    except AsteriskRefused as error:
        if error.status != THERE:
            raise


async def _enter(ari: Ari, ident: str) -> None:
    await ari.bridges_add_channel(HOLD_BRIDGE, ident, role="holding_participant")
