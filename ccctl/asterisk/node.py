"""Where one Asterisk is and how to talk to it. Read from the settings by runtime/settings.py."""

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Folders are absolute. `events_port` is where Asterisk's outbound websocket reaches us."""

    name: str = "pbx1"
    host: str = "127.0.0.1"
    ami_port: int = 5038
    ami_user: str = "ccctl"
    ami_secret: str = ""
    ari_port: int = 8088
    ari_user: str = "ccctl"
    ari_secret: str = ""
    events_port: int = 8765  # 0: use the inbound websocket instead
    events_secret: str = ""
    sip_port: int = 5060
    rtp_start: int = 10000
    rtp_end: int = 20000
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
