"""What an apply keeps in Asterisk's own database: the secrets that flows send to other systems.

They are no part of the dialplan: its files, its listing and the plan's diff have their names only.
"""

from collections.abc import Collection, Mapping

from ccctl.asterisk.ami import Ami
from ccctl.errors import AsteriskRefused
from ccctl.flow.compile_http import SECRETS


async def put_secrets(ami: Ami, secrets: Mapping[str, str]) -> None:
    """Before the flows that read them are in force. A secret that changed counts at once."""
    for name, value in secrets.items():
        await ami.action("DBPut", Family=SECRETS, Key=name, Val=value)


async def drop_secrets(ami: Ami, keep: Collection[str]) -> tuple[str, ...]:
    """Those that no revision on disk reads any more; returns their names."""
    names = [name for name in await _names(ami) if name not in keep]
    for name in names:
        await ami.action("DBDel", Family=SECRETS, Key=name)
    return tuple(names)


async def _names(ami: Ami) -> list[str]:
    try:
        rows = await ami.rows("DBGetTree", Family=SECRETS)
    except AsteriskRefused:  # there are none
        return []
    return [row["Key"].rpartition("/")[2] for row in rows if "Key" in row]
