"""The simulator against the real Asterisk: both run the same dialplan and must report the same steps.

The real steps are kept in sim_cases.steps, so that tests/unit/sim needs no Asterisk. After a new case:
UPDATE_GOLDEN=1 pytest tests/asterisk/test_sim_conformance.py, and read the diff.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.flow.dialplan import Context, Exten, Line, render
from ccctl.sim import Call, HttpReply, HttpRequest, Machine, Outside, Program
from tests.support.crm import Crm
from tests.support.labhome import LabHome
from tests.support.newexten import Watched, Watcher
from tests.support.sim_cases import CASES, FILE, STEPS, Case
from tests.support.sim_runs import (
    GAP_MS,
    HUMAN_MS,
    PAUSE,
    PAUSE_MS,
    Seen,
    difference,
    simulated,
    steps_of,
    whole_program,
    written,
)
from tests.support.until import until

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def cases_lab() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
async def watcher(cases_lab: LabHome) -> AsyncIterator[Watcher]:
    cases_lab.write("extensions.conf", FILE.read_text())
    cases_lab.write(
        "voicemail.conf", "[simbox]\n1 => 4711,Simulated Box\n2 => 4711,Operated,,,operator=yes\n"
    )
    cases_lab.ask("dialplan reload")
    cases_lab.ask("voicemail reload")
    async with Watcher(cases_lab) as watcher:
        yield watcher


async def real(watcher: Watcher, case: Case) -> list[Seen]:
    call = await watcher.call(case.context, caller=case.caller, **case.variables)
    for app, count, keys in case.presses:
        await until(
            lambda app=app, count=count: call.count(app) >= count or call.ended, 20, f"{case.name}: {app}"
        )
        await type_keys(watcher, call, keys)
    await until(lambda: call.ended, 30, f"{case.name}: the end; so far {call.steps[-3:]}")
    return call.steps


async def type_keys(watcher: Watcher, call: Watched, keys: str) -> None:
    await asyncio.sleep(HUMAN_MS / 1000)
    for key in keys:
        if key == PAUSE:
            await asyncio.sleep(PAUSE_MS / 1000)
            continue
        await watcher.ami.action("PlayDTMF", Channel=call.far, Digit=key)
        await asyncio.sleep(GAP_MS / 1000)  # a person's pace


async def test_every_case_takes_the_same_steps(watcher: Watcher) -> None:
    lines = asyncio.Semaphore(16)

    async def one(case: Case) -> list[Seen]:
        async with lines:
            return await real(watcher, case)

    seen = await asyncio.gather(*(one(case) for case in CASES))
    program = whole_program()
    if os.environ.get("UPDATE_GOLDEN"):
        STEPS.write_text(written(dict(zip((case.name for case in CASES), seen, strict=True))))
    wrong = [
        difference(case, steps, simulated(program, case)) for case, steps in zip(CASES, seen, strict=True)
    ]
    assert not any(wrong), "\n\n".join(filter(None, wrong))
    assert STEPS.read_text() == written(dict(zip((case.name for case in CASES), seen, strict=True)))


ANSWERS = {
    "/ok": (200, b'{"a": "x, y"}  \n', 0.0),
    "/empty": (200, b"", 0.0),
    "/broken": (500, b"broken", 0.0),
    "/slow": (200, b"late", 3.0),
    "/long": (200, b"0123456789" * 500, 0.0),
}


def http_lines(url: str) -> tuple[Line, ...]:
    asked = [f"${{CURL({url}{path})}}" for path in ("/ok", "/empty", "/broken", "/nowhere")]
    return (
        *(Line("NoOp", (f"[{each}]",)) for each in asked),
        Line("Set", (f"reply={asked[0]}",)),
        Line("NoOp", ("${JSON_DECODE(reply,a)}",)),
        Line("NoOp", (f"${{LEN(${{CURL({url}/long)}})}}",)),
        Line("Set", ("CURLOPT(httptimeout)=0.5",)),
        Line("NoOp", (f"[${{CURL({url}/slow)}}]",)),
        Line("Set", ("CURLOPT(failurecodes)=404,500",)),
        Line("NoOp", (f"[{asked[2]}{asked[3]}]",)),
        Line("NoOp", (f"[{asked[2]}{asked[3]}]",)),
        Line("Set", ("CURLOPT(header)=1",)),
        Line("NoOp", (f"${{CURL({url}/ok):0:5}} ${{CURL({url}/ok):9:3}}",)),
        Line("NoOp", (f"[${{CURL({url}/ok,a=1&b=2):0:5}}][${{CURL(http://127.0.0.1:1/)}}]",)),
        Line("Hangup", ("16",)),
    )


async def test_http_is_asked_as_the_real_one_asks(watcher: Watcher, cases_lab: LabHome) -> None:
    def http(request: HttpRequest) -> HttpReply:
        if not request.url.startswith(crm.url):
            return HttpReply(status=0)
        status, text, after = ANSWERS.get(request.url.removeprefix(crm.url), (404, b"not here", 0.0))
        head = f"HTTP/1.0 {status} \r\n\r\n" if request.options.get("header") == "1" else ""
        return HttpReply(head + text.decode(), status, int(after * 1000))

    with Crm() as crm:
        crm.answers |= ANSWERS
        context = Context("t_http", (Exten("s", http_lines(crm.url)),))
        cases_lab.write("extensions.conf", render([context]))
        cases_lab.ask("dialplan reload")
        call = await watcher.call("t_http")
        await until(lambda: call.ended, 30, "the end of the call")
    machine = Machine(Program([context]), Outside(http=http), Call("t_http", "s", 0))
    machine.run_to_end()
    assert steps_of(machine) == call.steps
