"""Which phones are gone, by what Asterisk tells of devices and contacts."""

from typing import Any

import pytest

from ccctl.asterisk.phones import phones_of


class FakeAmi:
    def __init__(self, device: str, contacts: dict[str, str]) -> None:
        self.lists: dict[str, list[dict[str, str]]] = {
            "DeviceStateList": [{"Device": "PJSIP/anna", "State": device}],
            "PJSIPShowContacts": [{"Endpoint": name, "Status": said} for name, said in contacts.items()],
        }

    async def rows(self, name: str) -> list[dict[str, str]]:
        return self.lists[name]


@pytest.mark.parametrize(
    ("device", "contacts", "gone"),
    [
        ("NOT_INUSE", {"anna": "Reachable"}, False),
        ("NOT_INUSE", {}, False),
        ("UNAVAILABLE", {}, True),
        ("UNAVAILABLE", {"ben": "Reachable"}, True),
        ("UNAVAILABLE", {"anna": "Unreachable"}, True),
        ("UNAVAILABLE", {"anna": "NonQualified"}, False),  # as Asterisk has it after its own start
        ("UNAVAILABLE", {"anna": "Unknown"}, False),
        ("INVALID", {}, True),
    ],
)
async def test_gone_is_who_has_no_contact_that_may_answer(
    device: str, contacts: dict[str, str], gone: bool
) -> None:
    ami: Any = FakeAmi(device, contacts)
    assert [found for _, found in await phones_of(ami)] == [gone]
