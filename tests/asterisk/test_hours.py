"""Hours, holidays and exceptions on a real Asterisk, at hundreds of instants: the dialplan against the model.

One call asks for all instants: TESTTIME is what GotoIfTime and our own dates take for now.
"""

import asyncio
import datetime
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccctl.asterisk.ami import Ami
from ccctl.flow.compile_tables import hours as hours_contexts
from ccctl.flow.dialplan import render
from ccctl.flow.graph import Hours, Site
from ccctl.runtime.site import load_site
from tests.support.hours_model import state
from tests.support.labhome import LabHome
from tests.support.until import until

pytestmark = pytest.mark.asterisk

TODAY = datetime.date(2026, 11, 26)
CALENDAR = """BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VEVENT\r
UID:christmas\r
DTSTART;VALUE=DATE:20201225\r
DTEND;VALUE=DATE:20201227\r
RRULE:FREQ=YEARLY\r
SUMMARY:Christmas\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:eve\r
DTSTART;TZID=Europe/Berlin:20201224T120000\r
DTEND;TZID=Europe/Berlin:20201224T180000\r
RRULE:FREQ=YEARLY\r
SUMMARY:Christmas Eve\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:thanksgiving\r
DTSTART;VALUE=DATE:20201126\r
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\r
END:VEVENT\r
END:VCALENDAR\r
"""
SITE = """
ccctl: 1
defaults: {timezone: Europe/Berlin, languages: [en]}
hours:
  office:
    open: {mon-thu: "08:00-18:00", fri: "08:00-16:00", sat: "09:00-13:00", sun: closed}
    holidays: [days.ics, {date: "12-31", from: "14:00"}, "2027-01-04..2027-01-05"]
    exceptions:
      "2026-12-25": "09:00-12:00"
      "2026-11-30": closed
      "2026-12-01": ["07:00-08:30", "20:00-24:00"]
  night: {open: {mon-sat: "22:00-06:00", sun: closed}, holidays: days.ics}
  early: {open: {sat: closed, sun: "02:30-03:30", mon-fri: "00:00-24:00"}}
  abroad: {open: {daily: "00:00-08:15"}, timezone: America/New_York, holidays: days.ics}
  always: {open: always, holidays: ["2026-12-06"]}
  never: {open: never, holidays: ["2026-12-06"]}
"""
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def clock_home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


class Asked:
    """What the dialplan says: (hours, instant) to open, closed or holiday."""

    def __init__(self, home: LabHome) -> None:
        self.home = home
        self.said: dict[tuple[str, int], str] = {}
        self.up = False
        self.ami = Ami(home.node, self._take, self._state, wanted=frozenset({"UserEvent"}))

    def _state(self, up: bool, detail: str) -> None:
        self.up = up

    def _take(self, event: dict[str, str]) -> None:
        if event.get("UserEvent") == "Said":
            self.said[event["Hours"], int(event["At"])] = event["Answer"]

    async def ask(self, site: Site, questions: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
        lines = ["[ask]", "exten => s,1,NoOp()"]
        for name, at in questions:
            lines += [
                f" same => n,Set(TESTTIME={at})",
                f" same => n,Gosub(cc-abcdef.hours.{name},s,1)",
                f" same => n,UserEvent(Said,Hours: {name},At: {at},Answer: ${{GOSUB_RETVAL}})",
            ]
        lines.append(" same => n,Hangup()\n")
        self.home.write("extensions.conf", render(hours_contexts(site, "abcdef")) + "\n" + "\n".join(lines))
        await asyncio.to_thread(self.home.ask, "dialplan reload")
        await self.ami.action(
            "Originate", Channel="Local/s@ask/n", Application="Wait", Data="60", Async="true"
        )
        await until(lambda: len(self.said) >= len(set(questions)), 30, "all answers")
        return self.said


@pytest.fixture
async def asked(clock_home: LabHome) -> AsyncIterator[Asked]:
    asked = Asked(clock_home)
    await asked.ami.start()
    try:
        await until(lambda: asked.up, what="AMI")
        yield asked
    finally:
        await asked.ami.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / "days.ics").write_bytes(CALENDAR.encode())
    site, found = load_site(tmp_path, TODAY)
    assert site is not None, found
    assert [(finding.code, finding.text[:24]) for finding in found] == [("W307", "02:30 does not exist on ")]
    return site


def second(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


KNOWN = (
    ("office", second("2026-12-24 11:59:59"), "open"),
    ("office", second("2026-12-24 12:00"), "holiday"),
    ("office", second("2026-12-24 17:59:59"), "holiday"),
    ("office", second("2026-12-25 08:59:59"), "closed"),  # the exception beats Christmas
    ("office", second("2026-12-25 11:59:59"), "open"),
    ("office", second("2026-12-25 12:00"), "closed"),
    ("office", second("2026-12-26 10:00"), "holiday"),
    ("office", second("2028-12-26 10:00"), "holiday"),  # by the rule, two years on
    ("office", second("2026-11-26 10:00"), "holiday"),
    ("office", second("2026-11-30 10:00"), "closed"),
    ("office", second("2026-12-01 23:59:59"), "open"),
    ("office", second("2026-12-31 14:00"), "holiday"),
    ("office", second("2027-01-05 09:00"), "holiday"),
    ("office", second("2026-11-27 15:59:59"), "open"),  # the end minute
    ("office", second("2026-11-27 16:00"), "closed"),
    ("night", second("2026-11-28 05:59:59"), "open"),
    ("night", second("2026-11-29 05:59:59"), "open"),  # Saturday's night
    ("night", second("2026-11-29 06:00"), "closed"),
    ("night", second("2026-11-30 05:59:59"), "closed"),  # no night begins on Sunday
    ("night", second("2026-12-25 23:00"), "holiday"),
    ("early", second("2027-03-28 01:59:59"), "closed"),
    ("early", second("2027-03-28 03:00"), "open"),  # 02:30 does not exist
    ("early", second("2027-03-28 03:30"), "closed"),
    ("early", second("2026-10-25 02:30"), "open"),  # twice: in summer time
    ("early", second("2026-10-25 02:30") + 1800, "closed"),  # 02:00 again
    ("early", second("2026-10-25 02:30") + 3600, "open"),  # and in winter time
)


def random_questions(site: Site) -> list[tuple[str, int]]:
    """Any second, the seconds around the edges of minutes, and the nights of the clock changes."""
    dice = random.Random(20261126)
    nights = [second("2026-10-25 00:00"), second("2027-03-28 00:00")]
    days = [second(f"2026-{day} 00:00") for day in ("11-26", "12-01", "12-24", "12-25", "12-26", "12-31")]
    questions = []
    for _ in range(600):
        base = dice.choice((*nights, *days, second("2026-01-01 00:00") + dice.randrange(1000) * 86400))
        minute = dice.choice((dice.randrange(1440), dice.randrange(24) * 60, dice.randrange(48) * 30))
        at = base + minute * 60 + dice.choice((-1, 0, 1, dice.randrange(60)))
        questions.append((dice.choice(list(site.hours)), at))
    return questions


async def test_known_instants(asked: Asked, site: Site) -> None:
    said = await asked.ask(site, [(name, at) for name, at, _ in KNOWN])
    assert [(name, at, said[name, at]) for name, at, _ in KNOWN] == list(KNOWN)


async def test_the_dialplan_agrees_with_the_model(asked: Asked, site: Site) -> None:
    questions = random_questions(site)
    said = await asked.ask(site, questions)
    hours: dict[str, Hours] = site.hours
    assert len(said) > 500
    assert said == {(name, at): state(hours[name], at) for name, at in questions}
    assert {answer for (name, _), answer in said.items() if name == "office"} == {"open", "closed", "holiday"}
