"""Taking a queue, an agent and a phone out of the site while callers and the daemon need them."""

import asyncio
from collections.abc import Iterator

import pytest

from ccctl.errors import CcctlError
from ccctl.lab.phones import PhoneError, Phones
from tests.support.local_calls import LocalCalls
from tests.support.running import SECRETS, SITE, Centre
from tests.support.until import until

pytestmark = pytest.mark.asterisk

OLD = SITE.replace(
    "flows:\n",
    """flows:
  day:
    - menu: welcome
      options:
        1: plain
        2:
          - dial: joe
            on_no_answer: hangup
            on_busy: hangup
      timeout: 120s
      on_exhausted: hangup
""",
).replace("numbers:\n", 'numbers:\n  "+49302000": day\n')


GONE = {
    "  plain: {ring: 4s, wrap_up: 0s, whisper: none, music: tone}\n": "",
    "  plain:\n    - queue: plain\n    - hangup\n": "",
    '  "+49301002": plain\n': "",
    "        1: plain\n": "",
    "- dial: joe\n": "- dial: anna\n",
    "  joe: {extension: 211, password: !secret joe}\n": "",
    "  ben: {}\n": "",
}


def without(text: str) -> str:
    """No queue and flow `plain`, no agent ben, no user joe, and nobody to come to them."""
    for old, new in GONE.items():
        assert old in text
        text = text.replace(old, new)
    return text


NEW = without(OLD)


@pytest.fixture
def centre() -> Iterator[Centre]:
    centre = Centre()
    try:
        yield centre.up(OLD)
    finally:
        centre.down()


async def ccctl(centre: Centre, *words: str) -> str:
    done = await asyncio.to_thread(centre.ccctl, *words)
    return done.stdout


def is_known(centre: Centre, queue: str) -> bool:
    try:
        centre.live(f"queue/{queue}")
    except CcctlError:
        return False
    return True


async def test_older_calls_find_what_they_were_promised(centre: Centre) -> None:
    async with LocalCalls(centre.lab.node) as calls, Phones(server=centre.server) as phones:
        joe = phones.phone("joe", SECRETS["joe"])
        await joe.register()
        to_queue, to_joe = await calls.call("+49302000"), await calls.call("+49302000")
        for call in (to_queue, to_joe):
            await call.passes("CC_FLOW", "day")
        await ccctl(centre, "agent", "login", "ben")

        centre.write_site(NEW)
        shown = await ccctl(centre, "plan", str(centre.site))
        assert "live: agent ben is ready; he is logged out" in shown
        assert "- queue plain" in shown
        assert "- user joe" in shown
        assert "daemon: reloaded" in await ccctl(centre, "apply", str(centre.site), "--yes")

        await to_queue.press_until("1", "CC_QUEUE", "plain")
        await until(
            lambda: centre.live("queue/plain").get("waiting") == 1, what="a place in the removed queue"
        )
        await to_joe.press_until("2", "CC_DIAL", "joe")
        ringing = await joe.incoming()
        ringing.answer()
        await ringing.until_answered()
        with pytest.raises(PhoneError) as error:
            await phones.phone("joe", SECRETS["joe"]).register()
        assert error.value.status in (401, 403)

        ringing.hangup()
        await to_joe.ends()
        await to_queue.hang_up()
        assert "no change" in await ccctl(centre, "apply", str(centre.site), "--yes")  # and drains
        assert not is_known(centre, "plain")
        assert is_known(centre, "support")
        assert "joe" not in centre.lab.ask("pjsip show endpoints")
        assert "plain" not in centre.lab.ask("queue show")
