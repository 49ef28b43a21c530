"""ARI's events in our words: a table of small pure functions, one per type of event.

What the executor waits for itself (its snoops and announcements to phones) is not translated.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ccctl import events as e
from ccctl.world.recovery import queued_from_args
from ccctl.world.state import is_leg

Raw = dict[str, Any]


def translate(node: str, raw: Raw) -> e.Event | None:
    """Our event, or None when it means nothing to the core."""
    make = _TABLE.get(raw.get("type", ""))
    return make(node, raw) if make else None


def event_time(raw: Raw) -> int:
    """Unix milliseconds of the event's own timestamp."""
    return int(datetime.fromisoformat(raw["timestamp"]).timestamp() * 1000)


def live_channel(node: str, channel: Raw, bridge: str = "") -> e.LiveChannel:
    """A Channel object of ARI as the core sees it."""
    plan = channel.get("dialplan") or {}
    reference = e.ref(node, channel["id"])
    ours = plan.get("app_name") == "Stasis" and str(plan.get("app_data", "")).startswith("ccctl")
    args = tuple(str(plan.get("app_data", "")).split(",")[1:]) if ours else ()
    caller = channel.get("caller") or {}
    return e.LiveChannel(
        channel=reference,
        name=channel.get("name", ""),
        up=channel.get("state") == "Up",
        ours=ours or is_leg(reference),
        app_args=args,
        bridge=bridge,
        caller=caller.get("number", ""),
        caller_name=caller.get("name", ""),
        language=channel.get("language", ""),
    )


def _stasis_start(node: str, raw: Raw) -> e.Event | None:
    channel = live_channel(node, raw["channel"])
    at = event_time(raw)
    if is_leg(channel.channel):
        return e.LegAnswered(at=at, leg=channel.channel, name=channel.name, cause="ari")
    args = (*(str(arg) for arg in raw.get("args") or ()), "", "", "", "", "")
    reference = channel.channel
    match args[0]:
        case "queue":
            entered = e.LiveChannel(
                channel=reference,
                name=channel.name,
                app_args=tuple(raw["args"]),
                caller=channel.caller,
                caller_name=channel.caller_name,
                language=channel.language,
            )
            return queued_from_args(entered, at, "ari")
        case "code":
            return e.AgentCode(
                at=at,
                cause="phone",
                channel=reference,
                code=args[2],
                agent=args[3],
                by=args[3],
                reason=args[4],
            )
        case "taken":
            return e.LegAnswered(at=at, leg=reference, name=channel.name, cause="ari")
        case "listen":
            return e.MonitorCode(at=at, cause="phone", channel=reference, by=args[2], extension=args[3])
    return None


def _gone(node: str, raw: Raw) -> e.Event:
    reference = e.ref(node, raw["channel"]["id"])
    at = event_time(raw)
    if is_leg(reference):
        return e.LegEnded(at=at, leg=reference, cause_code=int(raw.get("cause") or 0), cause="ari")
    return e.CallerLeft(at=at, call=reference, cause="ari")


def _played(node: str, raw: Raw) -> e.Event | None:
    target = str(raw["playback"].get("target_uri", ""))
    reference = e.ref(node, target.removeprefix("channel:"))
    return e.WhisperDone(at=event_time(raw), leg=reference, cause="ari") if is_leg(reference) else None


def _digit(node: str, raw: Raw) -> e.Event:
    channel = e.ref(node, raw["channel"]["id"])
    return e.DigitPressed(at=event_time(raw), channel=channel, digit=raw["digit"], cause="ari")


def _held(node: str, raw: Raw) -> e.Event:
    leg = e.ref(node, raw["channel"]["id"])
    return e.LegHeld(at=event_time(raw), leg=leg, held=raw["type"] == "ChannelHold", cause="ari")


def _refer(node: str, raw: Raw) -> e.Event | None:
    """What a phone asks for; Asterisk says the same again, with a state, for each of our answers."""
    if raw.get("state"):
        return None
    to, source = raw["refer_to"], raw["referred_by"]["source_channel"]
    own, other = to.get("destination_channel") or {}, to.get("connected_channel") or {}
    asked = to["requested_destination"]
    if own:
        number = (own.get("dialplan") or {}).get("exten", "")
    else:  # of a call that is not here nothing is known: it is refused
        number = "" if asked.get("protocol_id") else asked.get("destination", "")
    return e.ReferReceived(
        at=event_time(raw),
        cause="phone",
        leg=e.ref(node, source["id"]),
        to=str(number),
        own=e.ref(node, own["id"]) if own else "",
        other=e.ref(node, other["id"]) if other else "",
        name=other.get("name", ""),
    )


_TABLE: dict[str, Callable[[str, Raw], e.Event | None]] = {
    "StasisStart": _stasis_start,
    "StasisEnd": _gone,
    "ChannelHangupRequest": _gone,
    "ChannelDestroyed": _gone,
    "PlaybackFinished": _played,
    "ChannelDtmfReceived": _digit,
    "ChannelHold": _held,
    "ChannelUnhold": _held,
    "ChannelTransfer": _refer,
}
