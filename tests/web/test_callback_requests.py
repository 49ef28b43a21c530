"""Callbacks over the API and on the command line: what reaches the engine, one error for each mistake."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from click.testing import CliRunner, Result

from ccctl.changes import CallbackOutcome, CallbackRow
from ccctl.cli.main import main
from ccctl.events import CallbackAsked, CallbackCancelled, CallbackRetried
from ccctl.store.journal import Writer
from tests.support import fake_engine as fake
from tests.support.described import Described
from tests.support.webthread import WebThread

PATH = "/api/v1/callbacks"
WANTED = {"queue": "support", "number": "+491701112233"}


def open_one(ident: str = "b01", **more: Any) -> dict[str, Any]:
    at = fake.now()
    row = {
        "id": ident,
        "queue": "support",
        "number": "+491701112233",
        "asked": at - 90_000,
        "due": at - 90_000,
    }
    rest = {"expires": at + 3_600_000, "tries": 0, "ended": None, "outcome": None, "agent": "", "call": ""}
    return {**row, **rest, "talk": "", "into": "", "source": "offer", "detail": "", "state": "waiting"} | more


@pytest.fixture
def over(store: sqlalchemy.Engine, tmp_path: Path) -> str:
    """One that is in the ledger only."""
    row = CallbackRow(
        id="b00", queue="support", number="+491700000000", asked=1, due=1, expires=9, ended=5,
        outcome=CallbackOutcome.BUSY, tries=3,
    )  # fmt: skip
    writer = Writer(store, tmp_path / "spool")
    writer.change(row)
    writer.close()
    return row.id


async def test_requests_reach_the_engine(local: Described, engine: fake.FakeEngine) -> None:
    due = fake.now() + 3_600_000
    assert (await local.post(PATH, WANTED | {"due": due, "by": "dora"}))[0] == 200
    assert (await local.send("DELETE", f"{PATH}/b01", json={"by": "dora"}))[0] == 200
    engine.live.change({"callback/b01": open_one()})
    assert (await local.post(f"{PATH}/b01/retry", {}))[0] == 200
    asked, cancelled, retried = engine.asked
    assert isinstance(asked, CallbackAsked)
    assert (asked.queue, asked.number, asked.due, asked.by) == ("support", "+491701112233", due, "dora")
    assert isinstance(cancelled, CallbackCancelled)
    assert (cancelled.callback, cancelled.by) == ("b01", "dora")
    assert isinstance(retried, CallbackRetried)


async def test_a_retry_of_one_that_is_over_asks_again(
    local: Described, engine: fake.FakeEngine, over: str
) -> None:
    assert (await local.post(f"{PATH}/{over}/retry", {}))[0] == 200
    (asked,) = engine.asked
    assert isinstance(asked, CallbackAsked)
    assert (asked.queue, asked.number, asked.due) == ("support", "+491700000000", 0)
    status, value = await local.get(f"{PATH}/{over}")
    assert (status, value["outcome"], value["tries"]) == (200, "busy", 3)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("unknown-queue", 404),
        ("unknown-callback", 404),
        ("bad-number", 409),
        ("not-called", 409),
        ("native-queue", 409),
        ("asterisk-down", 503),
    ],
)
async def test_refusals_keep_their_id(
    local: Described, engine: fake.FakeEngine, error: str, status: int
) -> None:
    engine.error, engine.text = error, "no, because"
    got, value = await local.post(PATH, WANTED)
    assert (got, value["error"], value["text"]) == (status, error, "no, because")


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({"number": "+49170"}, "bad-body", "queue"),
        (WANTED | {"due": "tomorrow"}, "bad-body", "due"),
        (WANTED | {"due": -1}, "bad-body", "due"),
        (WANTED | {"due": 1_000_000}, "past-time", "in the past"),
        (WANTED | {"dew": 5}, "bad-body", "dew"),
    ],
)
async def test_bad_input_is_refused_before_it_is_asked(
    local: Described, engine: fake.FakeEngine, given: dict[str, Any], error: str, word: str
) -> None:
    status, value = await local.post(PATH, given)
    assert (status, value["error"]) == (400, error)
    assert word in value["text"]
    assert engine.asked == []


async def test_without_the_right_nothing_is_changed(remote: Described, engine: fake.FakeEngine) -> None:
    engine.live.change({"callback/b01": open_one()})
    for method, path in (("POST", PATH), ("DELETE", f"{PATH}/b01"), ("POST", f"{PATH}/b01/retry")):
        status, value = await remote.send(method, path, json={})
        assert (status, value["error"]) == (401, "unauthorized")
    status, value = await remote.get(PATH)
    assert (status, [one["id"] for one in value["callbacks"]]) == (200, ["b01"])
    assert engine.asked == []


async def test_listed_by_queue(local: Described, engine: fake.FakeEngine) -> None:
    engine.live.change({"callback/b01": open_one(), "callback/b02": open_one("b02", queue="billing")})
    _, value = await local.get(f"{PATH}?queue=billing")
    assert [one["id"] for one in value["callbacks"]] == ["b02"]
    for path, status in ((f"{PATH}?que=billing", 400), (f"{PATH}/none", 404)):
        assert (await local.get(path))[0] == status


# -- the command line ----------------------------------------------------------------------------------


def run(daemon: WebThread, *words: str) -> Result:
    return CliRunner().invoke(main, ["--home", daemon.settings.home, "callback", *words])


def test_list_and_show(daemon: WebThread, over: str) -> None:
    later = open_one("b02", due=fake.now() + 600_000, state="scheduled", queue="billing")
    daemon.change({"callback/b01": open_one(), "callback/b02": later})
    listed = run(daemon, "list").stdout
    assert listed.index("b01") < listed.index("b02")
    assert "scheduled" in listed
    found = json.loads(run(daemon, "list", "--queue", "billing", "--format", "json").stdout)
    assert [one["id"] for one in found] == ["b02"]
    assert run(daemon, "show", "b01").stdout.startswith("+491701112233 for support: waiting\n")
    assert run(daemon, "show", over).stdout.startswith("+491700000000 for support: busy\n")
    missing = run(daemon, "show", "none")
    assert (missing.exit_code, 'no callback "none"' in missing.stderr) == (4, True)


def test_commands_reach_the_engine(daemon: WebThread) -> None:
    daemon.change({"callback/b01": open_one()})
    for words in (
        ["schedule", "support", "0170 1112233", "--at", "tomorrow"],
        ["cancel", "b01"],
        ["retry", "b01"],
    ):
        done = run(daemon, *words, "--by", "dora")
        assert done.exit_code == 0, done.output
    asked, cancelled, retried = daemon.engine.asked
    assert isinstance(asked, CallbackAsked)
    assert (asked.number, asked.by) == ("0170 1112233", "dora")
    assert asked.due > fake.now()
    assert isinstance(cancelled, CallbackCancelled)
    assert isinstance(retried, CallbackRetried)


@pytest.mark.parametrize(
    ("when", "code", "words"),
    [
        ("yesterday", 1, "nobody can be called back in the past"),
        ("noon", 2, "'noon' is no time"),
    ],
)
def test_times_that_cannot_be(daemon: WebThread, when: str, code: int, words: str) -> None:
    done = run(daemon, "schedule", "support", "+491701112233", "--at", when)
    assert (done.exit_code, daemon.engine.asked) == (code, [])
    assert words in done.stderr


@pytest.mark.parametrize(
    ("error", "code"), [("unknown-queue", 4), ("bad-number", 1), ("not-called", 1), ("forbidden", 1)]
)
def test_a_refusal_is_said_once(daemon: WebThread, error: str, code: int) -> None:
    daemon.engine.error, daemon.engine.text = error, "no, because"
    done = run(daemon, "schedule", "suport", "+491701112233")
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.count("no, because") == 1
    assert done.stderr.endswith(f"[{error}]\n")
