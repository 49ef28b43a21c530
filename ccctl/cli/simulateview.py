"""What a simulation found, as a table for people and as data for programs."""

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ccctl.cli.tables import Fit, room, table_lines
from ccctl.report.intervals import iso
from ccctl.report.kpi import PRESETS, preset
from ccctl.report.tables import Unit, sl_note
from ccctl.whatif.chart import Panel, chart
from ccctl.whatif.demand import HALF_HOUR_MS
from ccctl.whatif.figures import ALL, Figures
from ccctl.whatif.plan import Plan
from ccctl.whatif.statistics import Estimate
from ccctl.whatif.study import Compared, Outcome, Run, Study, outcome

ROWS = (
    ("offered", "offered", Unit.COUNT),
    ("answered", "answered", Unit.COUNT),
    ("abandoned", "abandoned", Unit.COUNT),
    ("other", "other", Unit.COUNT),
    ("sl", "service level %", Unit.PERCENT),
    ("wait_ms", "mean wait, s", Unit.MS),
    ("wait_p50_ms", "wait p50, s", Unit.MS),
    ("wait_p90_ms", "wait p90, s", Unit.MS),
    ("wait_p95_ms", "wait p95, s", Unit.MS),
    ("occupancy", "occupancy %", Unit.PERCENT),
)
WAS, WOULD_BE = "as it was", "as it would be"
IS = "as it is"
FIT = Fit(drop=("ledger", WAS, IS, WOULD_BE))  # what a narrow terminal does without
EXACT = 1e-9  # an interval narrower than that is rounding


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to show. `ledger` are the figures of what really happened, when it did."""

    study: Study
    runs: list[Run]
    seed: int
    zone: ZoneInfo
    notes: list[str]
    ledger: Mapping[str, Figures] | None = None
    queues: tuple[str, ...] = ()  # '' in it: all together

    @property
    def names(self) -> tuple[str, ...]:
        first = WAS if self.ledger is not None else IS
        return (first, WOULD_BE)[: len(self.study.plans)]

    def outcomes(self) -> dict[str, Outcome]:
        return {queue: outcome(self.runs, queue) for queue in self.queues}


def text(shown: Shown) -> str:
    blocks = [_block(shown, queue, found) for queue, found in shown.outcomes().items()]
    return "\n".join([*blocks, *_notes(shown)]) + "\n"


def _block(shown: Shown, queue: str, found: Outcome) -> str:
    columns = [queue or "all queues", *(["ledger"] if shown.ledger else []), *shown.names]
    columns += ["change"] if len(shown.study.plans) > 1 else []
    rows = [list(_row(shown, queue, found, row)) for row in ROWS]
    lines = table_lines(columns, rows, [False, *(True for _ in columns[1:])], FIT, room())
    return "".join(f"{line}\n" for line in lines)


def _row(shown: Shown, queue: str, found: Outcome, row: tuple[str, str, Unit]) -> Iterator[str]:
    name, title, unit = row
    yield title
    if shown.ledger is not None:
        yield _number(getattr(shown.ledger[queue], name), unit)
    compared = found.figures[name]
    for each in compared.plans:
        yield _cell(each, unit)
    if compared.change is not None:
        yield _cell(compared.change, unit, sign="+")


def _cell(found: Estimate, unit: Unit, sign: str = "") -> str:
    if found.half is None or found.half < EXACT:
        return _number(found.mean, unit, sign)
    return f"{_number(found.mean, unit, sign, digits=1)} ± {_number(found.half, unit, digits=1)}"


def _number(value: float | None, unit: Unit, sign: str = "", digits: int | None = None) -> str:
    if value is None:
        return "-"
    number = value / 1000 if unit is Unit.MS else value
    if digits is None:
        digits = 0 if unit is Unit.COUNT and number == int(number) else 1
    return f"{number:{sign if round(number, 1) else ''}.{digits}f}"


def _notes(shown: Shown) -> Iterator[str]:
    yield from dict.fromkeys(_level_note(shown, plan) for plan in shown.study.plans)
    runs = len(shown.runs)
    spread = "; ± is half of the 95 % confidence interval (Student's t)" if runs > 1 else ""
    yield f"{runs} run{'s' if runs > 1 else ''}, seed {shown.seed}{spread}"
    yield from shown.notes


def _level_note(shown: Shown, plan: Plan) -> str:
    wanted = shown.study.sl_preset
    queues = [q for q in plan.roster.queues.values() if q.name in shown.queues]
    return sl_note(PRESETS[wanted], {queue.name: preset(wanted, queue.sl_ms) for queue in queues})


# -- for programs ----------------------------------------------------------------------------------------


def data(shown: Shown) -> dict[str, Any]:
    window = shown.study.plans[0].window
    return {
        "from": iso(window.counted, shown.zone),
        "to": iso(window.end, shown.zone),
        "timezone": shown.zone.key,
        "runs": len(shown.runs),
        "seed": shown.seed,
        "confidence": 0.95,
        "sl_preset": shown.study.sl_preset,
        "notes": list(_notes(shown)),
        "queues": [_queue(shown, queue, found) for queue, found in shown.outcomes().items()],
    }


def _queue(shown: Shown, queue: str, found: Outcome) -> dict[str, Any]:
    ledger = shown.ledger[queue] if shown.ledger else None
    figures = {
        name: {
            "unit": str(unit),
            **({"ledger": getattr(ledger, name)} if ledger else {}),
            **_compared(found.figures[name]),
        }
        for name, _, unit in ROWS
    }
    return {"queue": queue or None, "figures": figures, "half_hours": list(_halves(shown, found))}


def _compared(compared: Compared) -> dict[str, Any]:
    keys = ("was", "would_be")
    cells = {key: _interval(each) for key, each in zip(keys, compared.plans, strict=False)}
    return cells | ({"change": _interval(compared.change)} if compared.change else {})


def _interval(found: Estimate) -> dict[str, float | None]:
    known = found.half is not None
    return {
        "mean": found.mean,
        "low": found.low if known else None,
        "high": found.high if known else None,
    }


def _halves(shown: Shown, found: Outcome) -> Iterator[dict[str, Any]]:
    start = shown.study.plans[0].window.counted
    for number, offered in enumerate(found.offered):
        levels = [_interval(plan[number]) for plan in found.levels]
        yield {
            "start": iso(start + number * HALF_HOUR_MS, shown.zone),
            "offered": offered.mean,
            "sl": dict(zip(("was", "would_be"), levels, strict=False)),
        }


# -- as a picture ----------------------------------------------------------------------------------------


def svg(shown: Shown, title: str) -> str:
    roster = shown.study.plans[0].roster
    panels = [
        Panel(roster.queues[queue].title, found, roster.queues[queue].sl_percent)
        for queue, found in shown.outcomes().items()
        if queue != ALL
    ]
    return chart(title, panels, shown.names, shown.study.plans[0].window.counted, shown.zone)
