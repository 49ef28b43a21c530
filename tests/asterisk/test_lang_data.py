"""Facts from outside and answers of callers on a real Asterisk: each step in each of its outcomes."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ccctl.cli.checkpbx import pbx
from ccctl.cli.checkup import Finding
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.runtime.apply import apply
from tests.support import sample_site as s
from tests.support.crm import Crm
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCall, LocalCalls
from tests.support.until import until

pytestmark = pytest.mark.asterisk

NUMBER = "+49301234500"
SECRET = "Bearer kR7wuGh0-top"
SALT = "5a17"
PROMPTS = ("welcome", "invalid", "closed", "goodbye", "notice", "enter-pin", "csat-score", "csat-comment")


def digest(pin: str) -> str:
    return hashlib.sha1(f"{SALT}{pin}".encode(), usedforsecurity=False).hexdigest()


def to(*flows: str) -> tuple[g.AnyStep, ...]:
    return tuple(g.Goto(flow=each) for each in flows)


def get(url: str, *saves: tuple[str, str], **more: object) -> g.Http:
    return g.Http(
        method="get",
        url=s.value(url),
        query=(g.Pair(name="phone", value=s.variable("caller.number")),),
        headers=(g.Pair(name="authorization", value=s.value("crm"), secret=True),),
        save=tuple(g.Save(variable=name, source=path) for name, path in saves),
        timeout_ms=1000,
        on_error=to("failed"),
        **more,  # type: ignore[arg-type]
    )


def told(*steps: g.AnyStep) -> tuple[g.AnyStep, ...]:
    """The steps, and then the flow that says what became of the variables."""
    return (*steps, g.Goto(flow="told"))


def flows(crm: str) -> dict[str, tuple[g.AnyStep, ...]]:
    tier, case, vip = ("tier", "$.tier"), ("case", "$.cases[0].id"), ("vip", "$.vip")
    post = g.Http(
        method="post",
        url=s.value(f"{crm}/seen"),
        body=(
            g.Pair(name="who", value=s.variable("caller.name")),
            g.Pair(name="say", value=s.value("a, b: c")),
        ),
        on_error=to("failed"),
    )
    return {
        "get": told(get(f"{crm}/customer", tier, case, vip)),
        "again": told(get(f"{crm}/flaky", tier, retries=1)),
        "post": told(post),
        "lookup": told(
            g.Lookup(
                table="customers",
                key="caller.number",
                save=(g.Save(variable="tier", source="tier"),),
                on_missing=to("failed"),
            )
        ),
        "pin": (
            g.Authenticate(
                prompts=("enter-pin",),
                pins=(digest("4711"), digest("0815")),
                salt=SALT,
                attempts=2,
                lockout_after=2,
                on_denied=to("denied"),
                on_locked=to("locked"),
            ),
            g.Goto(flow="granted"),
        ),
        "survey": (g.SurveyStep(survey="csat"), g.Goto(flow="told")),
        "message": (
            g.RecordMessage(name="wish", silence_ms=2000, on_empty=to("failed")),
            g.Goto(flow="told"),
        ),
        "callback": (
            g.Callback(queue="support", on_withheld=to("denied"), on_failed=to("failed")),
            g.Goto(flow="told"),
        ),
        "consent": (
            g.Consent(prompts=("notice",), timeout_ms=500, on_declined=to("denied")),
            g.Goto(flow="granted"),
        ),
        **{
            name: (g.Wait(wait_ms=3000), g.HangupStep())
            for name in ("told", "failed", "denied", "locked", "granted")
        },
    }


def site(crm: str) -> g.Site:
    written = [s.flow(name, *steps) for name, steps in flows(crm).items()]
    numbers = {
        f"+4930123451{n:02}": g.Number(number=f"+4930123451{n:02}", flow=flow.name)
        for n, flow in enumerate(written)
    }
    variables = (
        g.Variable(name="tier", type="enum", values=("gold", "silver", "none"), default="none"),
        g.Variable(name="case", type="digits", most=10, default="0"),
        g.Variable(name="vip", type="flag", default="no"),
        g.Variable(name="csat", type="digits", most=1),
        g.Variable(name="comment", type="text", most=80),
    )
    return s.site(
        defaults=g.Defaults(timezone="Europe/Berlin", country="DE"),
        numbers=numbers,
        flows=s.named(*written),
        vars=s.named(*variables),
        secrets={"crm": SECRET},
        feature_codes={},
    )


class Data:
    """The calls of these tests, by the flow that they begin in."""

    def __init__(self, home: LabHome, calls: LocalCalls, made: g.Site) -> None:
        self.home, self.calls, self.site = home, calls, made

    async def call(
        self, flow: str, number: str = "+491701112233", name: str = "Zoe", **more: str
    ) -> LocalCall:
        did = next(each.number for each in self.site.numbers.values() if each.flow == flow)
        return await self.calls.call(did, caller=f'"{name}" <{number}>', **more)

    async def value(self, call: LocalCall, variable: str) -> str:
        channel = next(row for row in await self.calls.ami.rows("Status") if row["Uniqueid"] == call.caller)
        frame = await self.calls.ami.action("Getvar", Channel=channel["Channel"], Variable=variable)
        return str(frame.get("Value", ""))


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with Crm() as server:
        yield server


@pytest.fixture(scope="module")
def home(crm: Crm) -> Iterator[LabHome]:
    lab = LabHome()
    try:
        yield lab.up()
    finally:
        lab.remove()


@pytest.fixture
async def data(home: LabHome, crm: Crm) -> AsyncIterator[Data]:
    crm.asked.clear()
    made = site(crm.url)
    await apply(home.settings, made, compile_site(made, generation_id(made)), lambda text: None)
    async with LocalCalls(home.node) as calls:
        yield Data(home, calls, made)


def log(home: LabHome) -> str:
    return (Path(home.node.log_dir) / "messages").read_text(errors="replace")


# -- http ------------------------------------------------------------------------------------------


async def test_a_reply_becomes_variables_of_their_types(data: Data, crm: Crm) -> None:
    said = {"tier": "gold", "cases": [{"id": "4711x"}], "vip": True}
    crm.answers["/customer"] = (200, json.dumps(said, indent=2).encode(), 0.3)
    call = await data.call("get")
    await until(lambda: call.music, what="music meanwhile")
    await call.passes("CC_FLOW", "told")
    assert [await data.value(call, f"CC_V_{name}") for name in ("tier", "case", "vip")] == [
        "gold",
        "4711",
        "yes",
    ]
    asked = crm.asked[-1]
    assert (asked.method, asked.query) == ("GET", {"phone": "+491701112233"})
    assert asked.headers["authorization"] == SECRET


@pytest.mark.parametrize(
    "body",
    [
        b'{"tier": "platinum", "vip": "perhaps"}',
        b'{"cases": []}',
        b'{"tier": null, "cases": [{"id": "none"}], "vip": null}',
        b"[]",
        b'{"tier": {"a": 1}, "cases": "x", "vip": [1]}',
    ],
)
async def test_what_is_missing_or_no_value_becomes_the_default(data: Data, crm: Crm, body: bytes) -> None:
    crm.answers["/customer"] = (200, body, 0)
    call = await data.call("get")
    await call.passes("CC_FLOW", "told")
    assert [await data.value(call, f"CC_V_{name}") for name in ("tier", "case", "vip")] == ["none", "0", "no"]


@pytest.mark.parametrize(
    "answer",
    [
        (404, b'{"tier": "gold"}', 0),
        (500, b'{"tier": "gold"}', 0),
        (302, b'{"tier": "gold"}', 0),
        (200, b"<html>gold</html>", 0),
        (200, b'{"tier": "gold"', 0),
        (200, b"", 0),
        (204, b"", 0),
        (200, b'{"tier": "gold"}', 2.0),
        (200, b'{"pad": "' + b"x" * 10_000 + b'", "tier": "gold"}', 0),
    ],
    ids=["404", "500", "302", "html", "cut off", "empty", "204", "slow", "10 kB"],
)
async def test_no_good_reply_is_an_error(data: Data, crm: Crm, answer: tuple[int, bytes, float]) -> None:
    crm.answers["/customer"] = answer
    call = await data.call("get")
    await call.passes("CC_FLOW", "failed")
    assert await data.value(call, "CC_V_tier") == "none"


async def test_a_refused_connection_is_an_error(data: Data, home: LabHome) -> None:
    made = site("http://127.0.0.1:9")
    await apply(home.settings, made, compile_site(made, generation_id(made)), lambda text: None)
    call = await data.call("get")
    await call.passes("CC_FLOW", "failed")


async def test_asked_again_and_no_header_twice(data: Data, crm: Crm) -> None:
    crm.answers["/flaky"] = (503, b"", 0)
    call = await data.call("again")
    await call.passes("CC_FLOW", "failed")
    assert crm.paths() == ["/flaky", "/flaky"]


async def test_what_is_posted_is_json_and_an_empty_answer_is_good(data: Data, crm: Crm) -> None:
    crm.answers["/seen"] = (204, b"", 0)
    call = await data.call("post", name="Zoë O'Neil")
    await call.passes("CC_FLOW", "told")
    asked = crm.asked[-1]
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
    assert json.loads(asked.body) == {"who": "Zoë O'Neil", "say": "a, b: c"}
    crm.answers["/seen"] = (500, b"{}", 0)
    call = await data.call("post")
    await call.passes("CC_FLOW", "failed")


async def test_the_secret_is_in_the_database_only(data: Data, crm: Crm, home: LabHome) -> None:
    crm.answers["/customer"] = (401, b"", 0)
    call = await data.call("get")
    await call.passes("CC_FLOW", "failed")
    assert SECRET in home.ask("database get cc secret/crm")
    assert "kR7wuGh0" not in log(home)
    assert "kR7wuGh0" not in home.ask("dialplan show")
    written = [path for path in Path(home.node.etc_dir).rglob("*") if path.is_file()]
    assert not [path for path in written if b"kR7wuGh0" in path.read_bytes()]


async def test_doctor_misses_curl(data: Data, home: LabHome) -> None:
    def modules(found: list[Finding]) -> Finding:
        return next(each for each in found if each.check == "modules")

    assert modules(await pbx(home.settings)).state == "ok"
    home.ask("module unload func_curl.so")
    try:
        missing = modules(await pbx(home.settings))
        assert (missing.state, missing.text) == ("fail", "not running: func_curl")
    finally:
        home.ask("module load func_curl.so")


# -- tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["+491701112233", "00491701112233", "01701112233", "491701112233"])
async def test_a_row_is_found_by_any_spelling_of_a_number(data: Data, number: str) -> None:
    call = await data.call("lookup", number)
    await call.passes("CC_FLOW", "told")
    assert await data.value(call, "CC_V_tier") == "gold"


@pytest.mark.parametrize("number", ["+4930", "", "anonymous", "${EVIL}"])
async def test_no_row_is_an_outcome(data: Data, number: str) -> None:
    call = await data.call("lookup", number)
    await call.passes("CC_FLOW", "failed")


# -- answers ---------------------------------------------------------------------------------------


async def typed(call: LocalCall, keys: str) -> None:
    for key in keys:
        await call.press(key)


async def test_right_pins_open_and_are_nowhere(data: Data, home: LabHome) -> None:
    for pin in ("4711", "0815"):
        call = await data.call("pin", voice=("SendDTMF", f"ww{pin}#"))
        await call.passes("CC_FLOW", "granted")
    assert "4711" not in home.ask("dialplan show").replace("+4930", "")
    assert "4711" not in log(home)


async def test_wrong_pins_lock_the_number_for_a_while(data: Data, home: LabHome) -> None:
    wrong = {"voice": ("SendDTMF", "ww1#wwww2#")}
    for _ in range(2):
        call = await data.call("pin", "", **wrong)  # withheld numbers are one
        await call.passes("CC_FLOW", "denied", timeout=20)
    call = await data.call("pin", "", voice=("SendDTMF", "ww4711#"))
    await call.passes("CC_FLOW", "locked")
    call = await data.call("pin", "+49301111111", voice=("SendDTMF", "ww4711#"))
    await call.passes("CC_FLOW", "granted")
    line = next(each for each in home.ask("database show cc/lock").splitlines() if "withheld" in each)
    key, _, value = line.partition(":")
    home.ask(f"database put cc lock/{key.strip().removeprefix('/cc/lock/')} {value.strip().split('-')[0]}-1")
    call = await data.call("pin", "", voice=("SendDTMF", "ww4711#"))
    await call.passes("CC_FLOW", "granted")


async def test_a_survey_keeps_what_is_said(data: Data, home: LabHome) -> None:
    call = await data.call("survey", voice=("SendDTMF", f"ww7wwww4{'w' * 20}"))
    await call.passes("CC_SURVEY", "csat/csat=4", timeout=20)
    path = f"messages/{call.caller}-survey2_2.wav"
    await call.passes("CC_SURVEY", f"csat/comment={path}", timeout=20)
    await until((Path(home.node.recordings_dir) / path).exists, what="the file of the answer")
    await call.hang_up()


async def test_a_message_outlives_a_hang_up(data: Data, home: LabHome) -> None:
    call = await data.call("message")
    await call.passes("CC_MESSAGE", f"wish=messages/{call.caller}-record2.wav")
    path = Path(home.node.recordings_dir) / f"messages/{call.caller}-record2.wav"
    await until(lambda: path.exists() and path.stat().st_size > 20_000, 15, "a second of it")
    await call.hang_up()
    assert path.stat().st_size > 20_000


async def test_silence_is_no_message(data: Data) -> None:
    call = await data.call("message", voice=("Playback", "silence/10&silence/10"))
    await call.passes("CC_FLOW", "failed", timeout=20)


@pytest.mark.parametrize(
    ("number", "kept"),
    [("01701112233", "+491701112233"), ("+442071838750", "+442071838750"), ("0041441234567", "+41441234567")],
)
async def test_a_wish_to_be_called_back_is_in_the_log(data: Data, number: str, kept: str) -> None:
    call = await data.call("callback", number)
    await call.passes("CC_FLOW", "told")
    wish = dict(call.marks)["CC_CALLBACK"]
    assert wish.split("/")[:3] == ["support", kept, "now"]


@pytest.mark.parametrize(
    ("number", "flow"),
    [("", "denied"), ("201", "failed"), ("+49900123456", "failed"), ("+493012345100", "failed")],
)
async def test_nobody_is_called_back_where_it_makes_no_sense(data: Data, number: str, flow: str) -> None:
    call = await data.call("callback", number)
    await call.passes("CC_FLOW", flow)
    assert "CC_CALLBACK" not in dict(call.marks)


async def test_consent_is_the_callers(data: Data) -> None:
    call = await data.call("consent", voice=("SendDTMF", "ww9"))
    await call.passes("CC_FLOW", "denied", timeout=15)
    assert ("CC_CONSENT", "no") in call.marks
    call = await data.call("consent", voice=("Wait", "20"))
    await call.passes("CC_FLOW", "granted", timeout=15)
    assert ("CC_CONSENT", "yes") in call.marks


# -- a large table ---------------------------------------------------------------------------------


async def test_ten_thousand_rows(data: Data, home: LabHome, crm: Crm) -> None:
    made = site(crm.url)
    rows = {f"+49301{n:08}": ("gold" if n % 2 else "silver", "x") for n in range(10_000)}
    table = g.LookupTable(name="customers", columns=("tier", "name"), rows=rows, phone=True)
    made.tables["customers"] = table
    await apply(home.settings, made, compile_site(made, generation_id(made)), lambda text: None)
    for number, tier in (("+4930100000000", "silver"), ("+4930100009999", "gold")):
        call = await data.call("lookup", number)
        await call.passes("CC_FLOW", "told")
        assert await data.value(call, "CC_V_tier") == tier
