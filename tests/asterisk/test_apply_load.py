"""An apply in the middle of the day: 200 callers in a menu, 50 in a queue, and none of them notices."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccctl.asterisk import conf
from ccctl.lab.phones import IncomingCall, Phones
from ccctl.runtime.apply import drain
from ccctl.runtime.doors import asterisk
from ccctl.runtime.tasks import spawn
from tests.support.local_calls import LocalCall, LocalCalls
from tests.support.running import BEN, SECRETS, SITE, Centre, write_tone
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

IN_MENU, IN_QUEUE, SERVED = 200, 50, 4
SILENT = ("Wait", "300")  # a caller who says nothing costs nothing
OLD = SITE.replace(
    "flows:\n",
    """flows:
  busy-day:
    - menu: welcome
      options:
        1: old-way
      timeout: 120s
      on_exhausted: hangup
  old-way:
    - play: welcome
    - hangup
  line:
    - queue: plain
      max_wait: 35s
      on_timeout: old-out
    - goto: old-served
  old-out:
    - play: welcome
    - hangup
  old-served:
    - hangup
""",
).replace("numbers:\n", 'numbers:\n  "+49302000": busy-day\n  "+49302001": line\n')
NEW = OLD.replace("old-", "new-").replace("plain: {ring: 4s", "plain: {ring: 6s")


async def all_pass(calls: list[LocalCall], mark: str, value: str) -> None:
    def missing() -> list[LocalCall]:
        return [call for call in calls if (mark, value) not in call.marks]

    try:
        await until(lambda: not missing(), 20)
    except AssertionError:
        lost = missing()
        raise AssertionError(f"{len(lost)} calls lack {mark} {value}; one has {lost[0].marks}") from None


async def answered_calls(centre: Centre, count: int) -> list[str]:
    """As the ledger has them: in the order in which the agent answered, which is to be that of the line."""
    found: list[str] = []

    def complete() -> bool:
        rows = centre.rows("select call, answered from visits where answered is not null order by answered")
        found[:] = [row["call"] for row in rows]
        return len(found) == count

    await until(complete, what=f"{count} answered callers in the ledger")
    return found


@pytest.fixture
def centre() -> Iterator[Centre]:
    centre = Centre()
    try:
        yield centre.up(OLD)
    finally:
        centre.down()


async def serve(centre: Centre, call: IncomingCall) -> None:
    call.answer()
    await call.until_answered()
    await until(lambda: centre.presence("ben") == "talking", what="the talk")
    call.hangup()


def generation(centre: Centre) -> str:
    current = conf.read_current(centre.lab.node)
    assert current
    return current.manifest.generation


async def apply_new(centre: Centre) -> float:
    """The new site, with another sound under the same name; returns the seconds that it took."""
    centre.write_site(NEW)
    write_tone(centre.site / "sounds/welcome.wav", 1100, 2)
    began = time.monotonic()
    done = await asyncio.to_thread(centre.ccctl, "apply", str(centre.site), "--yes")
    assert "serves (revision" in done.stdout
    return time.monotonic() - began


async def test_nobody_notices(centre: Centre, record_property: Callable[[str, object], None]) -> None:
    old = generation(centre)
    complaints = Path(centre.lab.node.log_dir) / "messages"
    async with LocalCalls(centre.lab.node) as calls, Phones(server=centre.server) as phones:
        in_menu = [await calls.call("+49302000", voice=SILENT) for _ in range(IN_MENU)]
        line = []
        for _ in range(IN_QUEUE):  # one after the other, so that the order is known
            caller = await calls.call("+49302001", voice=SILENT)
            await caller.passes("CC_QUEUE", "plain")
            line.append(caller)
        await all_pass(in_menu, "CC_FLOW", "busy-day")
        await until(lambda: centre.live("queue/plain").get("waiting") == IN_QUEUE, what="a line of 50")
        said = len(complaints.read_text())

        took = await apply_new(centre)
        record_property("seconds of the apply", f"{took:.1f}")
        new = generation(centre)
        assert new != old
        gone = [call for call in (*in_menu, *line) if call.ended]
        assert not gone
        assert centre.live("queue/plain").get("waiting") == IN_QUEUE

        ben = phones.phone("ben", SECRETS["ben"], BEN)
        served: list[asyncio.Task[None]] = []
        ben.on_call = lambda call: served.append(spawn(serve(centre, call), "agent"))
        await ben.register()
        await asyncio.to_thread(centre.ccctl, "agent", "login", "ben")

        for call in in_menu:  # the keys come after the apply and mean what they meant before
            await call.press("1")
        await all_pass(in_menu, "CC_FLOW", "old-way")
        first = line[:SERVED]
        await all_pass(first, "CC_FLOW", "old-served")
        await asyncio.to_thread(centre.ccctl, "agent", "logout", "ben")

        everybody = [*in_menu, *line]
        await until(lambda: all(call.ended for call in everybody), 45, "the end of all calls")
        ways = Counter(value for call in everybody for mark, value in call.marks if mark == "CC_FLOW")
        assert ways["old-way"] == IN_MENU
        assert ways["old-out"] + ways["old-served"] == IN_QUEUE
        assert not [way for way in ways if way.startswith("new-")]
        lost = [text for text in complaints.read_text()[said:].splitlines() if "does not exist" in text]
        assert not lost, lost[:3]
        answered = await answered_calls(centre, ways["old-served"])
        assert answered == [f"{centre.lab.node.name}/{call.caller}" for call in line[: len(answered)]]

        later = await calls.call("+49302000", voice=SILENT)
        await later.press_until("1", "CC_FLOW", "new-way")
        await later.ends()
        await asyncio.gather(*served, return_exceptions=True)
    async with asterisk(centre.lab.node) as doors:
        await drain(centre.lab.node, doors.ari, doors.ami, centre.lab.settings.roster_file)
    assert f"cc-{old}-" not in centre.lab.ask("dialplan show")
    assert f"cc-{new}-" in centre.lab.ask("dialplan show")
