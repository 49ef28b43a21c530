"""Where one Asterisk is and how to talk to it. Read from the settings by runtime/settings.py."""

from typing import Annotated

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Folders are absolute. `events_port` is where Asterisk's outbound websocket reaches us."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+$")] = "pbx1"  # a part of every call's reference
    host: str = "127.0.0.1"
    ami_port: Port = 5038
    ami_user: str = "ccctl"
    ami_secret: str = ""
    ari_port: Port = 8088
    ari_user: str = "ccctl"
    ari_secret: str = ""
    events_port: Annotated[int, Meta(ge=0, le=65535)] = 8765  # 0: use the inbound websocket instead
    events_secret: str = ""
    sip_port: Port = 5060
    rtp_start: Port = 10000
    rtp_end: Port = 20000
    etc_dir: str = "/etc/asterisk"
    sounds_dir: str = "/usr/share/asterisk/sounds"
    spool_dir: str = "/var/spool/asterisk"
    log_dir: str = "/var/log/asterisk"

    @property
    def recordings_dir(self) -> str:
        return f"{self.spool_dir}/ccctl"

    @property
    def cel_file(self) -> str:
        return f"{self.log_dir}/cel-custom/ccctl.csv"
