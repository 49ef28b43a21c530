"""Customers who are called back: one channel of a known id over a trunk, rung once."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from ccctl import commands as c
from ccctl import events as e
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.errors import AsteriskRefused, CcctlError
from ccctl.flow.compile_dial import TRUNKS
from ccctl.flow.marks import APP

Emit = Callable[[e.Event], None]
log = logging.getLogger(__name__)


async def is_full(ami: Ami, trunk: str, most: int) -> bool:
    """Calls in both directions count, as in the dialplan. Without a channel only AMI can ask for it. When it
    may not be asked, the carrier says no: no agent must suffer for that."""
    if not most:
        return False
    try:
        frame = await ami.action("Getvar", Variable=f"GROUP_COUNT({trunk}@{TRUNKS})")
    except AsteriskRefused as error:
        log.warning("calls of trunk %s: %s", trunk, error, extra={"action": "trunk-unknown"})
        return False
    count = frame.get("Value", "")
    return count.isdigit() and int(count) >= most


async def dial(ari: Ari, ami: Ami, command: c.Dial, emit: Emit, now: Callable[[], int]) -> None:
    """A channel that is there already is the same call: Asterisk refuses to make it twice."""
    try:
        if not await _is_dialled(ari, command) and await is_full(ami, command.trunk, command.most):
            emit(e.LegFailed(at=now(), leg=command.call, reason=full(command.trunk), full=True))
            return
        await _originate(ari, command)
    except AsteriskRefused as error:
        if error.status != 409:
            emit(e.LegFailed(at=now(), leg=command.call, reason=str(error)))
            return
    except CcctlError as error:
        emit(e.LegFailed(at=now(), leg=command.call, reason=str(error), down=True))
        return
    if command.leg:
        await _let_hear(ari, e.split_ref(command.leg)[1], command.telling)


def full(trunk: str) -> str:
    return f"trunk {trunk} has no channel left"


async def _is_dialled(ari: Ari, command: c.Dial) -> bool:
    """It would count itself."""
    if not command.most:
        return False
    try:
        await ari.channels_get(e.split_ref(command.call)[1])
    except AsteriskRefused:
        return False
    return True


async def _originate(ari: Ari, command: c.Dial) -> None:
    ident = e.split_ref(command.call)[1]
    await ari.channels_originate_with_id(
        ident,
        endpoint=command.endpoint,
        app=APP,
        app_args="leg",
        caller_id=caller_id("", command.caller_id),
        timeout=max(1, round(command.ring_ms / 1000)),
        variables={
            "CC_CALL": ident,
            "CHANNEL(language)": command.language or "en",
            "CHANNEL(musicclass)": command.music,
            f"GROUP({TRUNKS})": command.trunk,
        },
    )


async def _let_hear(ari: Ari, leg: str, playback: str) -> None:
    """The agent hears it ring; twice the same sound would not end with the first."""
    try:
        await ari.playbacks_get(playback)
    except AsteriskRefused:
        await quiet(ari.channels_play_with_id(leg, playback, ("tone:ring",)), (404, 409))


def caller_id(name: str, number: str) -> str:
    shown, dialled = (
        "".join(char for char in text if char.isprintable() and char not in '"<>\\')
        for text in (name, number)
    )
    return f'"{shown}" <{dialled}>'


async def quiet(request: Coroutine[Any, Any, Any], allowed: tuple[int, ...] = (404,)) -> None:
    """Do a request whose object may be gone (404) or there already (409)."""
    try:
        await request
    except AsteriskRefused as error:
        if error.status not in allowed:
            log.warning("%s", error, extra={"action": "refused"})
