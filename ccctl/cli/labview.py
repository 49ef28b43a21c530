"""What a person sees while the lab plays: a live picture on a terminal, lines elsewhere; then the verdict."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ccctl.cli.common import print_table
from ccctl.lab.callers import Trial

SHOWN_CALLS = 12
_COLOURS = {
    **dict.fromkeys(("talking", "held", "consulting"), "cyan"),
    **dict.fromkeys(("ringing", "whisper"), "yellow"),
    **dict.fromkeys(("not_responding", "unreachable"), "red"),
    "ready": "green",
}
Json = dict[str, Any]


class Board:
    """Shows trials as they move and, on a terminal, queues and agents beside them."""

    def __init__(self, wallboard: str) -> None:
        self._wallboard = wallboard
        self._trials: dict[int, Trial] = {}
        self._queues: Sequence[Json] = ()
        self._agents: Sequence[Json] = ()
        console = Console()
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> "Board":
        click.echo(f"wallboard {self._wallboard}")
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def move(self, trial: Trial) -> None:
        self._trials[trial.n] = trial
        if self._live is None:
            who = f"with {trial.agent}" if trial.agent and trial.phase == "talks" else ""
            line = (
                f"{time.strftime('%H:%M:%S')}  call {trial.n:<3} {trial.script.name:<14} {trial.phase} {who}"
            )
            click.echo(line.rstrip())

    def show(self, queues: Sequence[Json], agents: Sequence[Json]) -> None:
        self._queues, self._agents = queues, agents
        if self._live:
            self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Group:
        head = Text(f"wallboard {self._wallboard}    Ctrl-C stops everything", style="dim")
        return Group(head, self._queue_table(), self._agent_table(), self._call_table())

    def _queue_table(self) -> Table:
        table = _table("queue", "waiting", "longest", "talking", "ready", "answered", "abandoned", "in SL")
        for queue in self._queues:
            agents, today = queue.get("agents", {}), queue.get("today", {})
            level = today.get("sl")
            table.add_row(
                queue["name"],
                str(queue.get("waiting", 0)),
                _since(queue.get("oldest")),
                str(sum(agents.get(state, 0) for state in ("talking", "held", "consulting"))),
                str(agents.get("ready", 0)),
                str(today.get("answered", 0)),
                str(today.get("abandoned", 0)),
                "-" if level is None else f"{level:.0f} %",
            )
        return table

    def _agent_table(self) -> Table:
        table = _table("agent", "state", "for", "queue", "caller")
        for agent in self._agents:
            presence = agent.get("presence", "")
            shown = Text(presence.replace("_", " "), style=_COLOURS.get(presence, ""))
            row = (_since(agent.get("since")), agent.get("queue") or "", agent.get("caller") or "")
            table.add_row(agent["name"], shown, *row)
        return table

    def _call_table(self) -> Table:
        table = _table("call", "script", "caller", "phase", "agent")
        trials = [*self._trials.values()]
        running = [t for t in trials if t.phase != "over"][-SHOWN_CALLS:]
        for trial in running:
            table.add_row(str(trial.n), trial.script.name, trial.caller, trial.phase, trial.agent)
        over = len(trials) - len([t for t in trials if t.phase != "over"])
        table.caption = f"{over} calls over, {len([t for t in trials if t.faults])} with trouble"
        return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, expand=False, title_justify="left")
    for column in columns:
        table.add_column(column, header_style="bold")
    return table


def _since(at: int | None) -> str:
    if not at:
        return "-"
    seconds = max(0, int(time.time() - at / 1000))
    return f"{seconds // 60}:{seconds % 60:02}"


def print_totals(trials: Sequence[Trial]) -> None:
    """What was played, by script; for a run that nobody waits to be judged."""
    kinds = Counter(t.script.name for t in trials)
    over = Counter(t.script.name for t in trials if t.phase == "over")
    trouble = Counter(t.script.name for t in trials if t.faults)
    print_table(
        ("script", "calls", "over", "trouble"),
        [(name, count, over[name], trouble[name]) for name, count in kinds.items()],
    )
    for trial in trials:
        for fault in trial.faults:
            click.echo(f"  call {trial.n} ({trial.script.name}): {fault}")


def print_verdict(trials: Sequence[Trial], findings: dict[int, list[str]]) -> None:
    rows = [
        (
            t.n,
            t.script.name,
            t.caller,
            t.agent or "-",
            f"{t.talk_ms / 1000:.1f} s" if t.talk_ms else "-",
            "differs" if findings[t.n] else "agrees",
        )
        for t in trials
    ]
    print_table(("call", "script", "caller", "agent", "talk", "ledger"), rows)
    for trial in trials:
        for finding in findings[trial.n]:
            click.echo(f"  call {trial.n} ({trial.script.name}, {trial.caller}): {finding}")
    agreed = sum(not findings[t.n] for t in trials)
    click.echo(f"{agreed} of {len(trials)} calls agree with the ledger")
