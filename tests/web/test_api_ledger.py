"""What is read from the ledger: calls of the past, recordings, reports, on a real database."""

import msgspec
import pytest
import sqlalchemy

from ccctl.changes import (
    AgentStateRow,
    CallRow,
    Change,
    Outcome,
    RecordingRow,
    SegmentKind,
    SegmentRow,
    VisitRow,
)
from ccctl.store.tables import BY_ROW
from tests.support.described import Described

NOON = 1_763_640_000_000  # 2025-11-20 12:00 UTC
DAY = "from=2025-11-20&to=2025-11-20&tz=UTC"


def rows() -> list[Change]:
    found: list[Change] = []
    for n in range(3):
        call, at = f"pbx1/{n}", NOON + n * 60_000
        found.append(CallRow(id=call, node="pbx1", started=at, ended=at + 50_000, caller=f"0301{n}"))
        found.append(
            SegmentRow(id=f"{call}:0", call=call, n=0, kind=SegmentKind.WAITING, started=at, queue="support")
        )
        found.append(
            VisitRow(
                id=f"{call}:v", call=call, queue="support", entered=at, ended=at + 5_000,
                outcome=Outcome.ANSWERED, agent="anna", answered=at + 5_000, talk_ended=at + 50_000,
            )
        )  # fmt: skip
    found.append(
        RecordingRow(
            id="pbx1/leg", call="pbx1/0", visit="pbx1/0:v", queue="support", agent="anna",
            path="2026/11/22/a.wav", started=NOON,
        )
    )  # fmt: skip
    found.append(
        AgentStateRow(id="anna:1:0", agent="anna", presence="ready", started=NOON, ended=NOON + 3_600_000)
    )
    return found


@pytest.fixture(autouse=True)
def ledger(store: sqlalchemy.Engine) -> None:
    with store.begin() as connection:
        for row in rows():
            connection.execute(BY_ROW[type(row)].insert().values(**msgspec.structs.asdict(row)))


async def test_history_is_the_latest_first_and_limited(remote: Described) -> None:
    status, value = await remote.get(f"/api/v1/history/calls?{DAY}&limit=2")
    assert status == 200
    assert [call["id"] for call in value["calls"]] == ["pbx1/2", "pbx1/1"]
    assert value["more"] is True
    _, rest = await remote.get(
        f"/api/v1/history/calls?from={value['from']}&to={value['calls'][-1]['started']}"
    )
    assert [call["id"] for call in rest["calls"]] == ["pbx1/0"]
    assert rest["more"] is False


async def test_history_by_filter(remote: Described) -> None:
    for query, n in (("text=03011", 1), ("queue=support", 3), ("queue=nope", 0), ("outcome=abandoned", 0)):
        _, value = await remote.get(f"/api/v1/history/calls?{DAY}&{query}")
        assert len(value["calls"]) == n, query


async def test_one_call_with_its_parts(remote: Described) -> None:
    for path in ("/api/v1/calls/pbx1/0", "/api/v1/calls/pbx1%2F0"):
        status, value = await remote.get(path)
        assert status == 200
        assert value["call"]["id"] == "pbx1/0"
        assert [segment["kind"] for segment in value["segments"]] == ["waiting"]
        assert value["recordings"][0]["path"] == "2026/11/22/a.wav"


async def test_recordings(remote: Described) -> None:
    _, value = await remote.get(f"/api/v1/recordings?{DAY}&agent=anna")
    assert [row["id"] for row in value["recordings"]] == ["pbx1/leg"]
    _, value = await remote.get(f"/api/v1/recordings?{DAY}&agent=ben")
    assert value["recordings"] == []


async def test_queue_report_names_its_formula(remote: Described) -> None:
    status, value = await remote.get(f"/api/v1/reports/queues?{DAY}&interval=day&sl_preset=genesys")
    assert status == 200
    (row,) = value["rows"]
    assert (row["queue"], row["offered"], row["answered"]) == ("support", 3, 3)
    assert "genesys" in " ".join(value["notes"])


async def test_agent_report(remote: Described) -> None:
    status, value = await remote.get(f"/api/v1/reports/agents?{DAY}&interval=total&agent=anna")
    assert status == 200
    (row,) = value["rows"]
    assert row["agent"] == "anna"
    assert 3_600_000 in row.values(), "one hour ready"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("history/calls?from=yesteryear", "yesteryear"),
        ("history/calls?tz=Mars/Olympus", "Mars/Olympus"),
        ("history/calls?tz=../../etc/passwd", "time zone"),
        ("history/calls?limit=0", "limit"),
        ("history/calls?limit=1001", "limit"),
        ("history/calls?limit=ten", "limit"),
        ("history/calls?form=today", "form"),
        ("history/calls?from=2026-11-22&to=2026-11-21", "before"),
        ("history/calls?from=2020-01-01&to=2026-11-21", "400 days"),
        ("reports/queues?interval=fortnight", "fortnight"),
        ("reports/queues?sl_preset=rosy", "rosy"),
        ("reports/agents?from=2026-01-01&to=2026-11-21&interval=15min", "too long"),
    ],
)
async def test_bad_query_says_what_is_wrong(remote: Described, path: str, word: str) -> None:
    status, value = await remote.get(f"/api/v1/{path}")
    assert (status, value["error"]) == (400, "bad-query")
    assert word in value["text"]


async def test_a_failing_database_is_503(remote: Described, store: sqlalchemy.Engine) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("DROP TABLE calls")
    status, value = await remote.get("/api/v1/calls/pbx1/0")
    assert (status, value["error"]) == (503, "store")
