"""`ccctl simulate` with a site: days that never were."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.report.erlang import Traffic, erlang_a
from ccctl.runtime.trials import chance, trials
from ccctl.whatif.chance import Shape, Spread
from ccctl.whatif.demand import Demand, Stretch
from ccctl.whatif.plan import Duty, Plan, Window
from ccctl.whatif.study import Study, run_once
from tests.support.centre import make_roster

SITE = """\
ccctl: 1
defaults: {timezone: UTC, languages: [en]}
users:
  anna: {extension: "201", password: !secret phone}
  ben: {extension: "202", password: !secret phone}
agents:
  anna: {}
  ben: {}
queues:
  support: {agents: [anna, ben], whisper: none, wrap_up: 0s, service_level: 70% in 15s}
  sales: {agents: [ben], whisper: none}
flows:
  main: [{queue: support, max_wait: 5m, on_timeout: hangup}]
numbers:
  "+4930100": main
"""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CC_SECRET_PHONE", "of-the-simulation-1")
    (tmp_path / "site.yaml").write_text(SITE)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["simulate", *arguments])

    return run


@pytest.fixture
def site(tmp_path: Path) -> str:
    return str(tmp_path)


def answer(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    return json.loads(done.output)  # type: ignore[no-any-return] # JSON


def test_a_made_up_day_as_a_table(run: Run, site: str) -> None:
    done = run(
        site, "--arrivals", "60/h", "--queue", "support", "--agents", "6", "--runs", "4", "--hours", "2"
    )
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["support", "as", "it", "is"]
    assert any(line.startswith("service level %") and "±" in line for line in lines)
    assert "service level: cisco-negative, 15 s" in lines
    assert "4 runs, seed 1; ± is half of the 95 % confidence interval (Student's t)" in lines
    assert "support: 120 calls expected, talk exponential 240 s, patience exponential 180 s" in done.output
    assert "longest wait 300 s" in done.output


def test_it_agrees_with_theory_and_the_seed_decides(run: Run, site: str) -> None:
    options = ("--arrivals", "support=180/h", "--talk", "3m", "--patience", "2m", "--agents", "11")
    options += ("--warm-up", "1h", "--set", "queues.support.wrap_up=0s", "--format", "json", "--runs", "12")
    found = answer(run(site, *options, "--seed", "7"))
    figures = found["queues"][0]["figures"]
    theory = erlang_a(Traffic(per_hour=180, handle_ms=180_000, agents=11), 120_000, 15_000)
    level, wait, busy = (figures[name]["was"] for name in ("sl", "wait_ms", "occupancy"))
    assert level["low"] <= theory.within * 100 <= level["high"]
    assert wait["low"] <= theory.answered_wait_ms <= wait["high"]
    assert busy["low"] <= theory.occupancy * 100 <= busy["high"]
    assert figures["sl"]["change"] == {"mean": 0.0, "low": 0.0, "high": 0.0}  # the wrap-up was 0 before
    assert answer(run(site, *options, "--seed", "7")) == found
    assert answer(run(site, *options, "--seed", "8")) != found


def test_both_columns_of_a_change(run: Run, site: str) -> None:
    options = ("--arrivals", "support=60/h", "--agents", "4", "--agents", "+3", "--runs", "5")
    found = answer(run(site, *options, "--format", "json"))
    figures = found["queues"][0]["figures"]
    assert figures["offered"]["was"] == figures["offered"]["would_be"]
    assert figures["sl"]["change"]["low"] > 10
    was, would_be, change = (figures["sl"][key]["mean"] for key in ("was", "would_be", "change"))
    assert would_be - was == pytest.approx(change)
    assert "changed: agents +3" in found["notes"]
    assert len(found["queues"][0]["half_hours"]) == 16


def test_two_queues_a_curve_and_a_picture(run: Run, site: str, tmp_path: Path) -> None:
    curve = tmp_path / "curve.txt"
    curve.write_text("09:00 20\n09:30 40/h\n11:00 5\n")
    picture = tmp_path / "day.svg"
    options = ("--arrivals", f"support={curve}", "--arrivals", "sales=10/h", "--talk", "sales=constant:60s")
    options += ("--patience", "none", "--runs", "2", "--strategy", "most-skilled")
    done = run(site, *options, "--format", "json", "--svg", str(picture))
    found = answer(done)
    assert [queue["queue"] for queue in found["queues"]] == ["support", "sales", None]
    assert found["from"] == "2026-01-05T08:00:00+00:00"
    support, sales, both = (queue["figures"]["offered"]["was"]["mean"] for queue in found["queues"])
    assert support + sales == both
    assert found["queues"][0]["half_hours"][0]["offered"] == 0
    drawn = ET.fromstring(picture.read_text())
    words = " ".join(drawn.itertext())
    assert "support" in words.lower()
    assert "as it would be" in words
    assert len(drawn.findall(".//{*}rect[@class='bar']")) == 1 + 2 * 16


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--arrivals", "60/h"), "say for which queue: support=…, sales=…"),
        (("--arrivals", "support=60"), "is neither a rate nor a file"),
        (("--arrivals", "support=60/h", "--talk", "4"), 'did you mean "4s"?'),
        (("--arrivals", "support=60/h", "--agents", "many"), "write 12, +2 or -1"),
        (("--arrivals", "support=60/h", "--agents", "-9"), "there are 2 agents"),
        (("--arrivals", "support=60/h", "--strategy", "best"), "strategies: longest-idle"),
        (("--arrivals", "support=60/h", "--set", "queues.support.wrapup=1s"), 'did you mean "wrap_up"?'),
        (("--arrivals", "support=60/h", "--warm-up", "9h"), "leaves nothing that is counted"),
        ((), "give --arrivals 120/h"),
    ],
)
def test_what_cannot_be_simulated(run: Run, site: str, options: tuple[str, ...], words: str) -> None:
    done = run(site, *options)
    assert done.exit_code == 2
    assert words in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--arrivals", "suport=60/h"), "--arrivals: there is no queue 'suport'; did you mean 'support'?"),
        (
            ("--arrivals", "support=60/h", "--queue", "sale"),
            "--queue: there is no queue 'sale'; did you mean",
        ),
    ],
)
def test_a_queue_that_is_not_there(run: Run, site: str, options: tuple[str, ...], words: str) -> None:
    done = run(site, *options)
    assert done.exit_code == 4
    assert words in done.stderr


def test_without_anything_it_says_what_to_give(run: Run) -> None:
    assert "give --from yesterday, or a SITE" in run().output


def test_on_all_cores_as_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    roster = make_roster(2)
    demand = Demand(
        queue="q0",
        curve=(Stretch(0, 1_800_000, 60),),
        talk=Spread(Shape.EXPONENTIAL, 60_000),
        patience=None,
        pick_up=Spread(Shape.CONSTANT, 0),
    )
    plan = Plan(Window(0, 0, 1_800_000), roster, tuple(Duty(0, agent, "login") for agent in roster.agents))
    study = Study(plans=(plan,), demands=(demand,))
    alone = [run_once(study, chance(1, run)) for run in range(4)]
    assert alone[0] != alone[1]
    assert list(trials(study, 1, 4)) == alone
    monkeypatch.setattr("ccctl.runtime.trials.ALONE", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert list(trials(study, 1, 4)) == alone
