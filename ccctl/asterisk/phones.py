"""Which phones are there: the device states, and for those that seem gone the contacts.

A started Asterisk knows its contacts again, and calls them, but says that the device is unavailable until
it has pinged it for the first time, up to a minute later. A phone that registers again changes nothing.
"""

from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ami_protocol import Frame

GONE = ("UNAVAILABLE", "INVALID")


async def phones_of(ami: Ami) -> list[tuple[Frame, bool]]:
    """The state of each device, and whether it is gone: it has no contact, or does not answer there."""
    rows = await ami.rows("DeviceStateList")
    if not any(row.get("State") in GONE for row in rows):
        return [(row, False) for row in rows]
    there = {
        contact.get("Endpoint", "")
        for contact in await ami.rows("PJSIPShowContacts")
        if contact.get("Status") != "Unreachable"
    }
    return [(row, row.get("State") in GONE and _name(row) not in there) for row in rows]


def _name(row: Frame) -> str:
    return row.get("Device", "").partition("/")[2]
