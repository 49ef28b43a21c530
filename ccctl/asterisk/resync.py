"""What lives on a node, asked after every (re)connect: events are hints, this is the truth."""

from ccctl.asterisk.ari import Ari
from ccctl.asterisk.translate import live_channel
from ccctl.events import Resynced


async def look(ari: Ari, node: str, at: int) -> Resynced:
    """All channels with the bridge each is in. `at` is taken before asking: what is younger than
    that is not judged by this look."""
    bridges = await ari.bridges_list()
    inside = {channel: bridge["id"] for bridge in bridges for channel in bridge["channels"]}
    channels = await ari.channels_list()
    seen = tuple(live_channel(node, channel, inside.get(channel["id"], "")) for channel in channels)
    names = tuple(bridge["id"] for bridge in bridges)
    return Resynced(at=at, node=node, channels=seen, bridges=names, cause="resync")
