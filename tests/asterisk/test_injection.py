"""Hostile callers, numbers, keys, replies, rows and database values through every step, on a real Asterisk.

Nothing but declared variables may change, each holds a value of its type, no other channel appears, no
command runs, Asterisk's log has no word of a broken expression, and every call gets to where its flow ends.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ccctl.asterisk.node import Node
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.compile_answers import LOCKS, lock_name
from ccctl.flow.schema_tables import CELL
from ccctl.runtime.apply import apply
from tests.support import sample_site as s
from tests.support.crm import Crm
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCall, LocalCalls

pytestmark = pytest.mark.asterisk

FACTS, VOICES, DOORS = "+49301234510", "+49301234511", "+49301234512"
SILENT, SPOKEN, TYPED, AT_ONCE = 240, 60, 60, 60
PROMPTS = ("welcome", "invalid", "closed", "goodbye", "notice", "enter-pin", "csat-score", "csat-comment")
FRAGMENTS = (
    '"', "'", ",", ";", "&", "|", "\\", "(", ")", "[", "]", "{", "}", "<", ">", "=", "!", "~", "%", "#", "*",
    "\n", "\r\n", "\t", " ", "${", "$[", "}", "${EPOCH}", "${SHELL(touch PWNED)}", "${SYSTEM(touch PWNED)}",
    "${EVAL(${HOSTILE})}", "$[1/0]", "$[1+1]", 'x" = "x" | "Bob', '" | "1" = "1', "Bob", "&Local/s@pwned",
    "&PJSIP/telco/0900123", ")?pwned,s,1", "),Goto(pwned,s,1)", ",s,1)", "=EVIL", "EVIL=1", "__EVIL=1",
    "CC_V_tier=gold", "../../../etc/passwd", "/tmp/x", "; rm -rf /", "`touch PWNED`", "$(touch PWNED)",
    "%0d%0aX: y", "%s%n", "\x01\x7f", "é", "\u2028", "0900", "+49", "00", "-1", "999999999999999999999",
)  # fmt: skip
BROKEN = (b"\xff\xfe", b"\x80", b"\xc3", b"\xf0\x9f", b"\xed\xa0\x80")
NOISE = re.compile(r"websocket_client|func_json|func_curl|Remote UNIX|manager\.c|Failed to parse|res_rtp")
FAULT = re.compile(
    r"syntax error|ast_expr|pbx_functions|pbx_variables|trailing parenthesis|not find|pbx_builtins"
    r"|invalid extension|Can't|Cannot|unable to|ERROR",
    re.IGNORECASE,
)
OWN = re.compile(
    r"CC_\w+|SAMPLE|HOSTILE\w*|GOSUB_RETVAL|READSTATUS|PLAYBACKSTATUS|BACKGROUNDSTATUS|RECORD_STATUS"
    r"|RECORDED_FILE|SYSTEMSTATUS|DIALEDPEER\w*|TESTTIME|DB_RESULT|SENDDTMFSTATUS|WAITSTATUS|MENU\w*"
    r"|INVALID_EXTEN|CURL\w*|LOCALSTATUS|STACK\w*|DIALSTATUS|TRANSFERSTATUS\w*|(DIALED|ANSWERED)TIME(_MS)?"
    r"|(PROGRESS|RING)TIME(_MS)?|CONFBRIDGE_RESULT|DIRECTORY_\w+|HASH\w*|DIALED\w+"
)


class Sample(msgspec.Struct, frozen=True):
    """Everything that comes from outside in one call."""

    name: bytes
    number: bytes
    status: int
    reply: bytes
    keys: str


text = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=12).map("".join)
raw = st.one_of(
    text.map(lambda word: word.encode("utf-8", "surrogatepass")),
    st.tuples(text, st.sampled_from(BROKEN), text).map(
        lambda p: p[0].encode("utf-8", "replace") + p[1] + p[2].encode("utf-8", "replace")
    ),
)
numbers = st.one_of(raw, st.sampled_from((b"", b"+491701112233", b"anonymous", b"01701112233", b"201")))
values = st.one_of(
    text, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.lists(text, max_size=2)
)
documents = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("tier", "case", "note", "phone", "vip", "level", "ok", "r"), values)
).map(lambda found: json.dumps(found).encode())
replies = st.one_of(
    documents,
    documents,
    raw,
    raw.map(lambda body: b'{"tier": "' + body + b'"}'),
    st.sampled_from(
        (
            b"",
            b"[]",
            b"{",
            b'{"tier": "' + b"A" * 10_000 + b'"}',
            b"A" * 10_240,
            b'{"note": "' + b"x" * 3900 + b'"}',
            b'{"r": 1}, "ok": "1"',
        )
    ),
)
keys = st.text(alphabet="0123456789*#ABCDw", min_size=1, max_size=20)
SAMPLES = st.builds(Sample, raw, numbers, st.sampled_from((200, 200, 200, 404, 500)), replies, keys)


def drawn(of: int, number: int) -> list[Sample]:
    """Samples of hypothesis; the same number draws the same ones."""
    found: list[Sample] = []

    @seed(number)
    @settings(
        max_examples=of,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(SAMPLES)
    def collect(sample: Sample) -> None:
        found.append(sample)

    collect()
    return found


# -- the site --------------------------------------------------------------------------------------


def variables() -> dict[str, g.Variable]:
    return s.named(
        g.Variable(name="sample", type="digits", most=6),
        g.Variable(name="tier", type="enum", values=("gold", "none"), default="none"),
        g.Variable(name="case", type="digits", most=10),
        g.Variable(name="note", type="text", most=40),
        g.Variable(name="phone", type="phone"),
        g.Variable(name="vip", type="flag", default="no"),
        g.Variable(name="level", type="number", least=1, most=9, default="1"),
        g.Variable(name="csat", type="digits", most=1),
        g.Variable(name="comment", type="text", most=200),
    )


FITS = {
    "tier": r"gold|none",
    "case": r"[0-9]{0,10}",
    "note": r"[a-zA-Z0-9 ._@\x80-\U0010ffff]{0,80}",
    "phone": r"[+0-9]{0,16}",
    "vip": r"yes|no",
    "level": r"-?[0-9]{1,9}",
    "csat": r"[0-9]?",
    "sample": r"[0-9]{1,6}",
}


def get(url: str) -> g.Http:
    return g.Http(
        method="get",
        url=(*s.value(f"{url}/reply/"), *s.variable("sample")),
        query=(
            g.Pair(name="name", value=s.variable("caller.name")),
            g.Pair(name="number", value=s.variable("caller.number")),
            g.Pair(name="note", value=s.variable("note")),
        ),
        headers=(g.Pair(name="x-name", value=s.variable("caller.name")),),
        save=tuple(
            g.Save(variable=word, source=f"$.{word}")
            for word in ("tier", "case", "note", "phone", "vip", "level")
        ),
        timeout_ms=8000,
    )


def post(url: str) -> g.Http:
    body = tuple(g.Pair(name=word, value=s.variable(word)) for word in ("note", "phone"))
    return g.Http(
        method="post",
        url=s.value(f"{url}/seen"),
        body=(g.Pair(name="name", value=s.variable("caller.name")), *body),
        headers=(g.Pair(name="x-name", value=s.variable("caller.name")),),
        timeout_ms=8000,
    )


def clause(variable: str, op: str, *words: str) -> g.Condition:
    return g.Condition(groups=((g.Clause(variable=variable, op=op, values=words),),))


def facts(url: str) -> tuple[g.AnyStep, ...]:
    note = g.Change(variable="note", value=s.variable("caller.name"))
    return (
        g.If(
            condition=clause("caller.name", "is", "Bob"),
            then=(g.Assign(changes=(g.Change(variable="case", value=s.value("1")),)),),
        ),
        g.If(condition=clause("caller.number", "starts_with", "+49")),
        g.Assign(changes=(note,)),
        g.Switch(variable="note", cases=(g.Option(key="Bob"),)),
        g.Subflow(flow="echo", arguments=(note,), save="note"),
        g.Loop(times=2, steps=(g.Recording(on=True),)),
        get(url),
        post(url),
        g.Dial(targets=("{{ phone }}",), via="telco", timeout_ms=1000, on_no_answer=(g.Recording(on=True),)),
        g.Transfer(target="{{ phone }}", via="telco", on_failed=(g.Recording(on=True),)),
        g.Lookup(
            table="customers",
            key="caller.number",
            save=(g.Save(variable="note", source="note"), g.Save(variable="tier", source="tier")),
        ),
        g.Lookup(table="words", key="note", save=(g.Save(variable="phone", source="phone"),)),
        g.Split(parts=(g.Option(key="50"), g.Option(key="50"))),
        g.HoursStep(hours="office", on_closed=(g.Recording(on=False),)),
        g.Callback(queue="support", when="next-open", hours="office", on_failed=(g.Recording(on=False),)),
        g.Goto(flow="told"),
    )


PIN = g.Authenticate(
    prompts=("enter-pin",),
    pins=(hashlib.sha1(b"5a174711", usedforsecurity=False).hexdigest(),),
    salt="5a17",
    attempts=1,
    on_denied=(g.Recording(on=True),),
    on_locked=(g.Recording(on=True),),
)
LOCK = lock_name(PIN)


def voices() -> tuple[g.AnyStep, ...]:
    on = (g.Recording(on=True),)
    return (
        g.Consent(prompts=("notice",), timeout_ms=200),
        g.Say(value="caller.number"),
        g.Gather(
            prompts=("welcome",),
            save="case",
            most=5,
            timeout_ms=300,
            interdigit_ms=200,
            attempts=1,
            on_exhausted=on,
        ),
        g.Menu(
            prompts=("welcome",),
            options=(g.Option(key="1", body=on), g.Option(key="*", body=on)),
            timeout_ms=300,
            interdigit_ms=200,
            attempts=1,
            on_exhausted=on,
        ),
        PIN,
        g.SurveyStep(survey="csat"),
        g.RecordMessage(name="wish", max_ms=1000, silence_ms=1000, beep=False),
        g.Goto(flow="told"),
    )


def doors() -> tuple[g.AnyStep, ...]:
    return (
        g.ConferenceStep(room="board"),
        g.Directory(on_none=(g.Goto(flow="told"),)),
    )


def site(url: str) -> g.Site:
    rows = {f"+4917{n:07}": (CELL.sub("", fragment), "gold") for n, fragment in enumerate(FRAGMENTS)} | {
        "+491701112233": (CELL.sub("", "".join(FRAGMENTS)), "platinum")
    }
    survey = g.Survey(
        name="csat",
        questions=(
            g.Question(prompts=("csat-score",), save="csat", least=1, most=5, attempts=1),
            g.Question(prompts=("csat-comment",), save="comment", record_ms=1000),
        ),
    )
    return s.site(
        defaults=g.Defaults(timezone="Europe/Berlin", country="DE"),
        numbers={
            number: g.Number(number=number, flow=flow)
            for number, flow in ((FACTS, "facts"), (VOICES, "voices"), (DOORS, "doors"))
        },
        vars=variables(),
        tables=s.named(
            g.LookupTable(name="customers", columns=("note", "tier"), rows=rows, phone=True),
            g.LookupTable(name="words", columns=("phone",), rows={"bob": ("+4930",)}),
        ),
        surveys=s.named(survey),
        flows=s.named(
            s.flow("facts", *facts(url)),
            s.flow("voices", *voices()),
            s.flow("doors", *doors()),
            s.flow("echo", g.Return(value=s.variable("note"))),
            s.flow("told", g.Wait(wait_ms=120_000), g.HangupStep()),
        ),
        feature_codes={},
    )


HOSTILE = """
[hostile]
exten => _[+0-9].,1,Set(CALLERID(name)=${{CURL({url}/name/${{SAMPLE}})}})
 same => n,Set(CALLERID(num)=${{CURL({url}/number/${{SAMPLE}})}})
 same => n,Set(CC_V_sample=${{SAMPLE}})
 same => n,Goto(cc-in,${{EXTEN}},1)
[pwned]
exten => s,1,CELGenUserEvent(CC_PWNED,yes)
 same => n,Wait(60)
"""


LEG = re.compile(r"Local/dial\d+_leg1@cc-[0-9a-f]{6}-facts-\w+;[12]")
TRUNK = re.compile(r"PJSIP/telco-\w+")


class Watched(LocalCalls):
    """Sees every channel that begins: its id and its name."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.started: dict[str, str] = {}

    def _take(self, event: dict[str, str]) -> None:
        super()._take(event)
        if event["Event"] == "CEL" and event["EventName"] == "CHAN_START":
            self.started[event["UniqueID"]] = event["Channel"]


class Attack:
    """A lab where every sample is a number that the made-up customer system knows."""

    def __init__(self, home: LabHome, crm: Crm) -> None:
        self.home, self.crm = home, crm
        self.pwned = Path(home.home) / "pwned"
        self.log = Path(home.node.log_dir) / "messages"
        self.samples: list[Sample] = []

    async def prepare(self) -> None:
        with (self.home.lab.etc / "extensions.conf").open("a") as file:
            file.write(HOSTILE.format(url=self.crm.url))
        made = site(self.crm.url)
        await apply(self.home.settings, made, compile_site(made, generation_id(made)), lambda text: None)
        self.crm.answers["/seen"] = (204, b"", 0)

    def take(self, samples: list[Sample]) -> range:
        """Their numbers."""
        first = len(self.samples)
        for number, sample in enumerate(samples, first):
            armed = {
                name: self._armed(value)
                for name, value in (("name", sample.name), ("number", sample.number), ("reply", sample.reply))
            }
            for name, body in armed.items():
                self.crm.answers[f"/{name}/{number}"] = (sample.status if name == "reply" else 200, body, 0)
        self.samples += samples
        return range(first, len(self.samples))

    def _armed(self, value: bytes) -> bytes:
        return value.replace(b"PWNED", str(self.pwned).encode()).replace(b"\0", b"")

    async def poison(self, calls: Watched) -> None:
        """What others could have written into Asterisk's database."""
        for family, key, value in (
            ("cc/mode", "office", '${SHELL(touch PWNED)}" | "1" = "1'),
            ("cc/mode", "office", "open,closed)&Local/s@pwned"),
            (LOCKS, f"{LOCK}/withheld", "99999999999999999999-${EPOCH}) | (1"),
            (LOCKS, f"{LOCK}/49", "$[1/0]-99999999999999999999"),
        ):
            await calls.ami.action(
                "DBPut", Family=family, Key=key, Val=value.replace("PWNED", str(self.pwned))
            )

    async def run(self, calls: Watched, did: str, numbers: range) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        ran = (self._one(calls, did, number, gate) for number in numbers)
        failed = [each for each in await asyncio.gather(*ran, return_exceptions=True) if each]
        assert not failed, f"{len(failed)} of {len(numbers)} calls, the first: {failed[0]}"

    async def _one(self, calls: Watched, did: str, number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            keys = self.samples[number].keys
            typed = f"w{keys}{'w' * 20}{keys}{'w' * 300}"
            voice = ("Wait", "300") if did == FACTS else ("SendDTMF", typed)
            call = await calls.call(did, "hostile", voice=voice, caller="x <1>", SAMPLE=str(number))
            try:
                await call.passes("CC_FLOW", "told", timeout=120)
                await self._look(calls, call, number)
            except AssertionError as error:
                raise AssertionError(f"sample {number}: {self.samples[number]}\n{error}") from None
            finally:
                await call.hang_up()

    async def _look(self, calls: Watched, call: LocalCall, number: int) -> None:
        channel = next(
            row["Channel"]
            for row in await calls.ami.rows("Status", timeout=30)
            if row["Uniqueid"] == call.caller
        )
        shown = (await calls.ami.action("Command", timeout=30, Command=f"core show channel {channel}")).get(
            "Output", ""
        )
        names = re.findall(
            r"^(\w+)=", shown.partition("Variables:")[2].partition("CDR Variables:")[0], re.MULTILINE
        )
        assert "CC_V_tier" in names, shown
        assert not re.search(r"^CC_\w+=.*[\x00-\x08\x0b-\x1f\x7f]", shown, re.MULTILINE), shown
        foreign = [name for name in names if not OWN.fullmatch(name)]
        assert not foreign, foreign
        declared = {f"CC_V_{name}" for name in variables()}
        assert {name for name in names if name.startswith("CC_V_")} <= declared
        held = dict(re.findall(r"^CC_V_(\w+)=(.*)$", shown, re.MULTILINE))
        wrong = {
            name: value
            for name, value in held.items()
            if name in FITS and not re.fullmatch(FITS[name], value)
        }
        assert not wrong, wrong
        assert held["sample"] == str(number)

    def check(self, calls: Watched, before: int) -> None:
        """After all calls: nothing ran, nothing else rang, nothing was misread."""
        assert not self.pwned.exists()
        assert not [marks for marks in calls.marks.values() if ("CC_PWNED", "yes") in marks]
        known = {ident for call in calls.calls for ident in (call.far, call.caller)}
        strangers = [name for ident, name in calls.started.items() if ident not in known]
        legs = [name for name in strangers if LEG.fullmatch(name)]
        trunks = [name for name in strangers if TRUNK.fullmatch(name)]
        assert sorted(strangers) == sorted([*legs, *trunks])
        assert 2 * len(trunks) <= len(legs)  # each leg of a dial step calls one number
        assert {ident for ident in known if ident.endswith("-c")} <= calls.started.keys()
        lines = self.log.read_bytes()[before:].decode(errors="replace").removesuffix("\n").split("\n")
        faults = [line for line in lines if FAULT.search(line) and not NOISE.search(line)]
        assert not faults, faults[:5]
        assert not [line for line in lines if line and not re.match(r"\[\w{3} +\d+ [\d:]+\]", line)], (
            "a line of the log is forged"
        )


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with Crm() as server:
        yield server


@pytest.fixture(scope="module")
def attack(crm: Crm) -> Iterator[Attack]:
    home = LabHome()
    try:
        home.up()
        made = Attack(home, crm)
        asyncio.run(made.prepare())
        yield made
    finally:
        home.remove()


CALLS = [(FACTS, SILENT), (VOICES, SPOKEN), (DOORS, TYPED)]


@pytest.mark.parametrize(("did", "of"), CALLS, ids=["facts", "voices", "doors"])
async def test_nothing_that_comes_from_outside_has_a_meaning(attack: Attack, did: str, of: int) -> None:
    number = SystemRandom().randrange(1_000_000)
    before = attack.log.stat().st_size
    try:
        async with Watched(attack.home.node) as calls:
            await attack.poison(calls)
            await attack.run(calls, did, attack.take(drawn(of, number)))
            attack.check(calls, before)
    except AssertionError as error:
        raise AssertionError(f"seed {number}: {error}") from None
