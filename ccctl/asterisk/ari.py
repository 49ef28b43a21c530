"""The one door to ARI: requests by name, events in order.

A thin typed client in Asterisk's own vocabulary: `resource_operation` of its Swagger, in snake case.
Requests raise AsteriskDown (nobody answered: it is not known whether it was done) or AsteriskRefused
(with the HTTP status: 404 gone, 409 wrong state or done before, 422 not in Stasis). The events'
ways are in ari_events.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import orjson

from ccctl.asterisk.ari_events import Inbound, Outbound, Requests
from ccctl.asterisk.ari_rest import Rest
from ccctl.asterisk.ari_wire import Wire
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskRefused, SettingsError

Json = dict[str, Any]
Variables = Mapping[str, str]

APP = "ccctl"
# Most of what ARI tells is never looked at: 61 % of the events of a queue call are ChannelVarset.
UNWANTED = (
    "ChannelVarset",
    "ChannelDialplan",
    "ChannelConnectedLine",
    "ChannelCallerId",
    "ChannelStateChange",
    "ChannelCreated",
    "ChannelTalkingStarted",
    "ChannelTalkingFinished",
    "Dial",
    "PlaybackStarted",
    "PlaybackContinuing",
    "RecordingStarted",
    "RecordingFinished",
    "BridgeCreated",
    "BridgeDestroyed",
    "BridgeMerged",
    "EndpointStateChange",
    "PeerStatusChange",
    "ContactStatusChange",
    "DeviceStateChanged",
)


class Making(TypedDict, total=False):
    """How a channel is made; `timeout` in seconds, -1 for ever."""

    app: str
    app_args: str
    caller_id: str
    timeout: int
    variables: Variables
    originator: str | None
    formats: str


class Snooping(TypedDict, total=False):
    """`spy` and `whisper` are none, both, in or out."""

    spy: str
    whisper: str
    app: str
    app_args: str


class Ari(Rest):
    """`on_event` gets the parsed event in the reader itself: it must only take it and return."""

    def __init__(
        self,
        node: Node,
        on_event: Callable[[Json], None],
        on_state: Callable[[bool, str], None],
        app: str = APP,
        unwanted: Sequence[str] = UNWANTED,
    ) -> None:
        super().__init__(node)
        self._app, self._unwanted = app, unwanted
        way = Outbound if node.events_port else Inbound
        self._events = way(node, app, on_event, on_state, self._probe)
        self._requests: Requests | None = None
        if node.events_port:  # an Asterisk that dials us takes requests over a socket, too
            self._requests = Requests(node, f"{app}-requests", _leave, _leave, self._ping)

    def wire(self) -> Wire | None:
        return self._requests.wire if self._requests else None

    @property
    def up(self) -> bool:
        """Requests are answered and events arrive."""
        return self._events.up

    async def start(self) -> None:
        """Begin; never fails because Asterisk is away. SettingsError when our port is taken."""
        await self.open()
        try:
            await self._events.start()
        except SettingsError:
            await self.shut()
            raise
        if self._requests is not None:
            await self._requests.start()

    async def close(self) -> None:
        await self._events.close()
        if self._requests is not None:
            await self._requests.close()
        await self.shut()

    async def _probe(self) -> str:
        """Asterisk answers and holds our application (an open socket may still be deaf), filter set."""
        info = await self.asterisk_get_info("system")
        await self.applications_filter(self._app, {"disallowed": [{"type": name} for name in self._unwanted]})
        return f"Asterisk {info.get('system', {}).get('version', '')}".strip()

    async def _ping(self) -> str:
        await self.asterisk_ping()
        return ""

    # -- channels -------------------------------------------------------------------------------

    async def channels_list(self) -> list[Json]:
        return _list(await self.call("channels_list"))

    async def channels_get(self, channel_id: str) -> Json:
        return _object(await self.call("channels_get", channelId=channel_id))

    async def channels_originate_with_id(
        self, channel_id: str, endpoint: str, **making: Unpack[Making]
    ) -> Json:
        """A new channel that enters `app` when it is answered. The id must be ours, of fixed width."""
        given = _ari_names(making)
        return _object(
            await self.call("channels_originate_with_id", channelId=channel_id, endpoint=endpoint, **given)
        )

    async def channels_create(self, channel_id: str, endpoint: str, **making: Unpack[Making]) -> Json:
        """A new channel that is not dialled yet; wait for its StasisStart before channels_dial."""
        given = _ari_names(making)
        return _object(await self.call("channels_create", channelId=channel_id, endpoint=endpoint, **given))

    async def channels_dial(
        self, channel_id: str, caller: str | None = None, timeout: int | None = None
    ) -> None:
        await self.call("channels_dial", channelId=channel_id, caller=caller, timeout=timeout)

    async def channels_hangup(self, channel_id: str, reason_code: int | None = None) -> None:
        """`reason_code` is the Q.850 cause that the other end is told."""
        await self.call("channels_hangup", channelId=channel_id, reason_code=reason_code)

    async def channels_answer(self, channel_id: str) -> None:
        await self.call("channels_answer", channelId=channel_id)

    async def channels_ring(self, channel_id: str) -> None:
        await self.call("channels_ring", channelId=channel_id)

    async def channels_ring_stop(self, channel_id: str) -> None:
        await self.call("channels_ring_stop", channelId=channel_id)

    async def channels_play_with_id(
        self, channel_id: str, playback_id: str, media: str | Sequence[str], lang: str | None = None
    ) -> Json:
        """`media` is "sound:name", or several that are played one after the other."""
        return _object(
            await self.call(
                "channels_play_with_id",
                channelId=channel_id,
                playbackId=playback_id,
                media=media if isinstance(media, str) else ",".join(media),
                lang=lang,
            )
        )

    async def channels_record(
        self, channel_id: str, name: str, format: str, terminate_on: str, longest_s: int
    ) -> Json:
        """After a beep, into <spool>/recording/<name>.<format>, over what is there."""
        return _object(
            await self.call(
                "channels_record",
                channelId=channel_id,
                name=name,
                format=format,
                ifExists="overwrite",
                beep=True,
                terminateOn=terminate_on,
                maxDurationSeconds=longest_s,
            )
        )

    async def channels_start_moh(self, channel_id: str, moh_class: str | None = None) -> None:
        await self.call("channels_start_moh", channelId=channel_id, mohClass=moh_class)

    async def channels_stop_moh(self, channel_id: str) -> None:
        await self.call("channels_stop_moh", channelId=channel_id)

    async def channels_set_channel_var(self, channel_id: str, variable: str, value: str = "") -> None:
        await self.call("channels_set_channel_var", channelId=channel_id, variable=variable, value=value)

    async def channels_get_channel_var(self, channel_id: str, variable: str) -> str:
        """The value; '' for a variable that is not set."""
        return await self._variable("channels_get_channel_var", channelId=channel_id, variable=variable)

    async def channels_continue_in_dialplan(
        self,
        channel_id: str,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        label: str | None = None,
    ) -> None:
        """Leave Stasis. A context that does not exist drops the call and is still accepted."""
        await self.call(
            "channels_continue_in_dialplan",
            channelId=channel_id,
            context=context,
            extension=extension,
            priority=priority,
            label=label,
        )

    async def channels_snoop_channel_with_id(
        self, channel_id: str, snoop_id: str, **snooping: Unpack[Snooping]
    ) -> Json:
        """A channel that hears, or speaks to, another; it enters our application."""
        given = _ari_names({"app": self._app, **snooping})
        return _object(
            await self.call("channels_snoop_channel_with_id", channelId=channel_id, snoopId=snoop_id, **given)
        )

    async def channels_send_dtmf(self, channel_id: str, dtmf: str) -> None:
        await self.call("channels_send_dtmf", channelId=channel_id, dtmf=dtmf)

    async def channels_move(self, channel_id: str, app: str, app_args: str | None = None) -> None:
        await self.call("channels_move", channelId=channel_id, app=app, appArgs=app_args)

    async def channels_transfer_progress(self, channel_id: str, states: str) -> None:
        """Answers the transfer that a phone asked for: channel_answered, channel_unavailable ..."""
        await self.call("channels_transfer_progress", channelId=channel_id, states=states)

    # -- bridges --------------------------------------------------------------------------------

    async def bridges_list(self) -> list[Json]:
        return _list(await self.call("bridges_list"))

    async def bridges_get(self, bridge_id: str) -> Json:
        return _object(await self.call("bridges_get", bridgeId=bridge_id))

    async def bridges_create_with_id(self, bridge_id: str, type: str = "mixing", name: str = "") -> Json:
        """Asterisk takes a repeated id for a change of that bridge: it is not refused."""
        return _object(
            await self.call("bridges_create_with_id", bridgeId=bridge_id, type=type, name=name or None)
        )

    async def bridges_destroy(self, bridge_id: str) -> None:
        await self.call("bridges_destroy", bridgeId=bridge_id)

    async def bridges_add_channel(self, bridge_id: str, channel: str, role: str | None = None) -> None:
        """`channel` may be several, separated by commas; waiting ones get role holding_participant."""
        await self.call("bridges_add_channel", bridgeId=bridge_id, channel=channel, role=role)

    async def bridges_remove_channel(self, bridge_id: str, channel: str) -> None:
        await self.call("bridges_remove_channel", bridgeId=bridge_id, channel=channel)

    async def bridges_start_moh(self, bridge_id: str, moh_class: str | None = None) -> None:
        await self.call("bridges_start_moh", bridgeId=bridge_id, mohClass=moh_class)

    async def bridges_stop_moh(self, bridge_id: str) -> None:
        await self.call("bridges_stop_moh", bridgeId=bridge_id)

    # -- playbacks, applications ----------------------------------------------------------------

    async def playbacks_get(self, playback_id: str) -> Json:
        return _object(await self.call("playbacks_get", playbackId=playback_id))

    async def playbacks_stop(self, playback_id: str) -> None:
        await self.call("playbacks_stop", playbackId=playback_id)

    async def applications_list(self) -> list[Json]:
        return _list(await self.call("applications_list"))

    async def applications_get(self, application: str = APP) -> Json:
        return _object(await self.call("applications_get", applicationName=application))

    async def applications_filter(self, application: str, filter: Json) -> Json:
        return _object(await self.call("applications_filter", applicationName=application, filter=filter))

    async def applications_subscribe(self, application: str, event_source: str) -> Json:
        """Channels, bridges and endpoints only: device states deadlocked Asterisk, they come by AMI."""
        if "deviceState:" in event_source:
            raise AsteriskRefused("device states are taken from AMI, never from ARI")
        return _object(
            await self.call("applications_subscribe", applicationName=application, eventSource=event_source)
        )

    # -- asterisk -------------------------------------------------------------------------------

    async def asterisk_get_info(self, only: str | None = None) -> Json:
        """`only` is build, system, config or status."""
        return _object(await self.call("asterisk_get_info", only=only))

    async def asterisk_ping(self) -> Json:
        return _object(await self.call("asterisk_ping"))

    async def asterisk_list_modules(self) -> list[Json]:
        return _list(await self.call("asterisk_list_modules"))

    async def asterisk_reload_module(self, module_name: str) -> None:
        await self.call("asterisk_reload_module", moduleName=module_name)

    async def asterisk_get_global_var(self, variable: str) -> str:
        return await self._variable("asterisk_get_global_var", variable=variable)

    async def asterisk_set_global_var(self, variable: str, value: str) -> None:
        await self.call("asterisk_set_global_var", variable=variable, value=value)

    async def _variable(self, name: str, **given: str) -> str:
        try:
            return str(_object(await self.call(name, **given)).get("value", ""))
        except AsteriskRefused as error:
            if error.status == 404 and "variable" in error.text.lower().rpartition(": ")[2]:
                return ""  # no such variable; a missing channel is refused with another text
            raise


def _ari_names(making: Making | Snooping) -> dict[str, object]:
    names = {"app_args": "appArgs", "caller_id": "callerId"}
    return {names.get(key, key): value for key, value in making.items()}


def _object(data: Any) -> Json:
    if not isinstance(data, dict):
        raise AsteriskRefused(f"ARI answered with something else than an object: {orjson.dumps(data)[:80]!r}")
    return data


def _list(data: Any) -> list[Json]:
    if not isinstance(data, list):
        raise AsteriskRefused(f"ARI answered with something else than a list: {orjson.dumps(data)[:80]!r}")
    return data


def _leave(*_told: object) -> None:
    """What the socket for requests brings beside answers."""
