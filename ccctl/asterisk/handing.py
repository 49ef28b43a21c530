"""Talks that are handed on: both sides of a consultation, a flow of the dialplan, the tone while it rings."""

from collections.abc import Callable

from ccctl import commands as c
from ccctl import events as e
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.dialling import quiet
from ccctl.errors import CcctlError
from ccctl.flow.marks import TAKEN

TO_FLOW = "to:"
TRANSFERS = {"PJSIP_TRANSFER_HANDLING()": "ari-only"}  # a REFER of the phone is for us to answer
Emit = Callable[[e.Event], None]
Now = Callable[[], int]


async def consult(ari: Ari, command: c.Consult, emit: Emit, now: Now) -> None:
    leg, target = (e.split_ref(reference)[1] for reference in (command.leg, command.target))
    try:
        await ari.bridges_add_channel(f"b{leg}", target)
    except CcctlError as error:
        emit(e.JoinFailed(at=now(), leg=command.target, reason=str(error)))
    else:
        emit(e.Joined(at=now(), leg=command.target))


async def take_over(ami: Ami, command: c.TakeOver, emit: Emit, now: Now) -> None:
    try:
        await ami.action("Redirect", Channel=command.name, Context=TAKEN, Exten="s", Priority="1")
    except CcctlError as error:
        emit(e.JoinFailed(at=now(), leg=command.target, reason=str(error)))


async def ringback(ari: Ari, command: c.Ringback) -> None:
    """A tone to the agent alone; he has left when it cannot be played."""
    leg = e.split_ref(command.leg)[1]
    if command.on:
        await quiet(ari.channels_play_with_id(leg, f"r{leg}", ("tone:ring",)), (404, 409, 412))
    else:
        await quiet(ari.playbacks_stop(f"r{leg}"))


def is_to_flow(command: c.Release) -> bool:
    return command.result.startswith(TO_FLOW)


async def to_flow(ari: Ari, command: c.Release) -> None:
    """Not back to where he came from in the dialplan, but to the entry of a flow."""
    call = e.split_ref(command.call)[1]
    generation, _, flow = command.result.removeprefix(TO_FLOW).partition("/")
    await ari.channels_set_channel_var(call, "__CC_GEN", generation)
    await ari.channels_continue_in_dialplan(call, f"cc-{generation}-{flow}", "s", 1)
