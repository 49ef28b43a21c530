"""The live picture: its figures are those of the report, its changes are numbered."""

from msgspec.structs import replace

from ccctl.changes import Outcome, VisitRow
from ccctl.report.kpi import DEFAULT_PRESET, preset, service_level
from ccctl.runtime.live import LiveView
from tests.support.centre import Centre, make_roster


def visits() -> list[VisitRow]:
    blank = VisitRow(id="", call="pbx1/1", queue="q0", entered=1000)
    ends = [
        (Outcome.ANSWERED, 5_000),
        (Outcome.ANSWERED, 20_000),
        (Outcome.ANSWERED, 20_001),
        (Outcome.ABANDONED, 3_000),
        (Outcome.TIMED_OUT, 60_000),
    ]
    return [
        replace(blank, id=f"v{n}", ended=1000 + wait, outcome=outcome, answered=1000 + wait)
        for n, (outcome, wait) in enumerate(ends)
    ]


def test_the_service_level_of_today_is_that_of_the_report() -> None:
    centre = Centre(make_roster(sl_ms=20_000))
    view = LiveView(centre.world, lambda: 100_000)
    rows = visits()
    view.restart(centre.world, rows)
    today = view.snapshot()["queue/q0"]["today"]
    level = service_level(rows, preset(DEFAULT_PRESET, 20_000))
    assert level is not None
    assert today["sl"] == round(level, 1) == 40.0
    assert (today["offered"], today["answered"], today["abandoned"], today["other"]) == (5, 3, 1, 1)


def test_a_visit_is_counted_once_and_a_new_day_begins_with_nothing() -> None:
    centre = Centre()
    now = 100_000
    view = LiveView(centre.world, lambda: now)
    view.restart(centre.world, visits())
    view.update(["queue/q0"], visits())
    assert view.snapshot()["queue/q0"]["today"]["offered"] == 5
    now += 24 * 3600 * 1000
    view.check_day()
    assert view.snapshot()["queue/q0"]["today"]["offered"] == 0
