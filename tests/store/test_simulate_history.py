"""`ccctl simulate --from`: a day of the ledger beside the same day with something changed."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from ccctl import events as e
from ccctl.asterisk.node import Node
from ccctl.cli.main import main
from ccctl.flow.roster import to_json
from ccctl.runtime.settings import Settings, save
from ccctl.store import db
from ccctl.store.journal import Writer
from ccctl.whatif.chance import Shape, Spread
from ccctl.whatif.demand import Demand, Stretch, callers
from ccctl.whatif.plan import Duty, Plan, Window
from tests.support.centre import make_roster
from tests.support.played import ledger_of

NINE = 1_764_061_200_000  # 2025-11-25 09:00 UTC
HOUR_MS = 3_600_000
Run = Callable[..., Result]


@pytest.fixture
def home(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four hours with too few agents, and a roster in the journal that is not the one applied now."""
    roster = make_roster(4, wrap_up_ms=20_000)
    demand = Demand(
        queue="q0",
        curve=(Stretch(0, 4 * HOUR_MS, 60),),
        talk=Spread(Shape.LOGNORMAL, 200_000, 100_000),
        patience=Spread(Shape.EXPONENTIAL, 120_000),
        pick_up=Spread(Shape.EXPONENTIAL, 3000),
    )
    shifts = [Duty(NINE, agent, what="login") for agent in roster.agents]
    shifts += [Duty(NINE + 5 * HOUR_MS, agent, "logout") for agent in roster.agents]
    plan = Plan(Window(NINE, NINE, NINE + 6 * HOUR_MS), roster, tuple(shifts))
    home = tmp_path / "home"
    settings = Settings(home=str(home), database=url, node=Node())
    save(settings)
    Path(settings.roster_file).write_bytes(to_json(make_roster(2)))
    engine = db.open_engine(url)
    writer = Writer(engine, home / "spool")
    for row in ledger_of(plan, callers([demand], NINE, random.Random(11)), monkeypatch):
        writer.change(row)
    applied = e.RosterChanged(at=NINE - 1000, roster=to_json(roster).decode())
    writer.event(1, applied.at, "RosterChanged", e.to_json(applied))
    writer.close()
    engine.dispose()
    return home


@pytest.fixture
def run(home: Path) -> Iterator[Run]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(home), "simulate", *arguments])

    return run


def figures(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    [queue] = json.loads(done.output)["queues"]
    return queue["figures"]  # type: ignore[no-any-return]


DAY = ("--from", "2025-11-25", "--runs", "4", "--format", "json")


def test_unchanged_the_day_is_as_the_ledger_has_it(run: Run) -> None:
    for name, row in figures(run(*DAY)).items():
        assert row["was"]["mean"] == pytest.approx(row["ledger"]), name
        assert row["was"]["low"] == pytest.approx(row["was"]["high"])


def test_two_more_agents(run: Run) -> None:
    found = figures(run(*DAY, "--agents", "+2", "--queue", "q0"))
    assert found["offered"]["would_be"]["mean"] == found["offered"]["ledger"]
    assert found["abandoned"]["change"]["high"] < 0
    assert found["sl"]["change"]["low"] > 10
    assert found["occupancy"]["change"]["high"] < 0


def test_a_shorter_wrap_up_and_a_stretch_of_the_day(run: Run) -> None:
    done = run("--from", "2025-11-25T10:00..12:00", "--set", "queues.q0.wrap_up=0s", "--runs", "4")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].split() == [
        "q0", "ledger", "as", "it", "was", "as", "it", "would", "be", "change",
    ]  # fmt: skip
    assert "2025-11-25 10:00 to 2025-11-25 12:00 (UTC)" in done.output
    assert "changed: queues.q0.wrap_up=0s" in done.output
    assert "rules:" not in done.output  # those of the journal


def test_a_whole_other_site(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC_SECRET_PHONE", "of-the-simulation-1")
    folder = tmp_path / "site"
    folder.mkdir()
    users = "\n".join(f'  a{n}: {{extension: "20{n}", password: !secret phone}}' for n in range(2))
    (folder / "site.yaml").write_text(
        "ccctl: 1\ndefaults: {timezone: UTC, languages: [en]}\n"
        f"users:\n{users}\nagents: {{a0: {{}}, a1: {{}}}}\n"
        "queues: {q0: {agents: [a0, a1], whisper: none}}\n"
        'flows: {main: [{queue: q0, on_timeout: hangup}]}\nnumbers: {"+4930100": main}\n'
    )
    found = figures(run(str(folder), *DAY))
    assert found["answered"]["change"]["high"] < 0  # half of the agents


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "2025-11-24"), "the ledger has no talk from"),
        (("--from", "2999-01-01"), "ends before it begins, or is to come"),
        (("--from", "2025-11-25T12:00..11:00"), "ends before it begins"),
        (("--from", "someday"), "is no time"),
        (("--from", "2025-11-25", "--talk", "4m"), "--talk is for days that are made up"),
    ],
)
def test_what_cannot_be_simulated(run: Run, options: tuple[str, ...], words: str) -> None:
    done = run(*options)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


def test_a_queue_that_is_not_there(run: Run) -> None:
    done = run("--from", "2025-11-25", "--queue", "q7")
    assert (done.exit_code, "there is no queue 'q7'; queues: q0" in done.stderr) == (4, True)


def test_when_the_journal_has_no_rules_of_then_those_of_now_rule(run: Run, url: str) -> None:
    engine = db.open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM journal")
    engine.dispose()
    done = run("--from", "2025-11-25", "--runs", "2")
    assert "rules: those applied now" in done.output
    assert msgspec.json.decode(run(*DAY).output)["queues"][0]["queue"] == "q0"
