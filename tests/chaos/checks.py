"""What must hold after any fault: nothing left, nothing lost, the ledger as Asterisk and the phones have it.

Each check gives what it found, in words; nothing is nothing.
"""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccctl.asterisk.cel import Record, from_line
from ccctl.flow import marks
from tests.chaos.load import AGENTS, Load
from tests.support.running import Centre

Row = dict[str, Any]
CLOCKS_MS = 1000  # the phones' clock and Asterisk's, delays of a loaded machine
NEAR_MS = 400  # between what the daemon says and Asterisk's log of the same thing
STAMPS_MS = 250  # a step has the time of its event, and an event's is when it happened, not when we heard
TABLES = ("calls", "visits", "segments", "offers", "recordings", "watches")
TOGETHER = "together"  # the queue whose phones all ring


# -- while it comes to rest ------------------------------------------------------------------------------


def leftovers(centre: Centre) -> list[str]:
    channels = centre.lab.ask("core show channels concise").splitlines()
    bridges = centre.lab.ask("bridge show all").splitlines()[1:]
    return [line for line in [*channels, *bridges] if line.strip() and not line.startswith(marks.HOLD_BRIDGE)]


def open_rows(centre: Centre) -> list[Row]:
    found = [row for table in TABLES for row in centre.rows(f"select * from {table} where ended is null")]
    return found + centre.rows("select * from visits where outcome = 'answered' and talk_ended is null")


def not_ready(centre: Centre) -> list[str]:
    live = {name: centre.live(f"agent/{name}") for name in AGENTS}
    return [
        f"{name} is {a['presence']} {a.get('reason', '')}"
        for name, a in live.items()
        if a["presence"] != "ready"
    ]


# -- afterwards ------------------------------------------------------------------------------------------


class History:
    """Asterisk's own log of the calls."""

    def __init__(self, centre: Centre) -> None:
        lines = Path(centre.lab.node.cel_file).read_text().splitlines()
        self.records: list[Record] = [record for line in lines if (record := from_line(line))]
        self.ends = {record.unique: record.at for record in self.records if record.type == "HANGUP"}
        self.arrivals = {record.unique: record for record in self.records if record.type == marks.CALL}
        self.bridged: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.parted: dict[str, int] = {}
        self.twice: list[str] = []
        for record in self.records:
            bridge = str(record.details().get("bridge_id", ""))
            if record.type == "BRIDGE_ENTER":
                self.twice += [bridge] if record.unique in self.bridged[bridge] else []
                self.bridged[bridge].setdefault(record.unique, record.at)
            elif record.type == "BRIDGE_EXIT" and len(self.bridged[bridge]) > 1:
                self.parted.setdefault(bridge, record.at)


def all_of(centre: Centre, load: Load, lost: bool = False) -> list[str]:
    """`lost`: Asterisk died, and its log has no end of the calls that it took along."""
    history = History(centre)
    return [
        *load.complaints,
        *calls(centre, load, history, lost),
        *visits(centre, load, history, lost),
        *talks(centre, load, history, lost),
        *turns(centre),
        *offers(centre),
        *segments(centre),
        *agents(centre),
        *replayed(centre),
        *logged(centre),
    ]


def calls(centre: Centre, load: Load, history: History, lost: bool) -> Iterator[str]:
    """The same calls, begun and ended in the same millisecond, as Asterisk has in its log."""
    rows = {row["id"].partition("/")[2]: row for row in centre.rows("select * from calls")}
    for key in rows.keys() - history.arrivals.keys():
        yield f"call {key} is in the ledger, not in Asterisk's log"
    for key, record in history.arrivals.items():
        row = rows.get(key)
        if row is None:
            yield f"call {key} of {record.caller} is not in the ledger"
            continue
        end = history.ends.get(key, row["ended"] if lost else None)
        if (row["started"], row["ended"], row["caller"]) != (record.at, end, record.caller):
            yield f"call {key}: {row} is in Asterisk's log {record.at} to {end} of {record.caller}"
        if row["caller"] not in load.people:
            yield f"nobody has called as {row['caller']}"


def visits(centre: Centre, load: Load, history: History, lost: bool) -> Iterator[str]:
    """One visit for each time a caller entered a queue (two when app_queue took him over from us)."""
    rows = centre.rows("select v.*, c.caller from visits v join calls c on v.call = c.id")
    entries = Counter(record.unique for record in history.records if record.type == marks.QUEUE)
    once = Counter(v["call"].partition("/")[2] for v in rows if v["outcome"] != "withdrawn")
    for key in entries.keys() | once.keys():
        if once[key] != entries[key] and not (lost and key not in history.ends):
            own = [
                (v["engine"], v["outcome"], v["entered"], v["ended"]) for v in rows if v["call"].endswith(key)
            ]
            yield f"call {key} entered queues {entries[key]} times and has visits {own}"
    for v in rows:
        if v["outcome"] == "withdrawn" and v["engine"] != "acd":
            yield f"withdrawn from app_queue: {v}"
        if v["outcome"] not in ("answered", "abandoned", "withdrawn"):
            yield f"outcome {v['outcome']}: {v}"
        if v["outcome"] == "answered" and not v["entered"] <= v["answered"] <= v["talk_ended"]:
            yield f"out of order: {v}"


def talks(centre: Centre, load: Load, history: History, lost: bool) -> Iterator[str]:
    """Who answered by the ledger has talked by the phones and by Asterisk, at that time, and the reverse."""
    rows = centre.rows(
        "select v.*, c.caller from visits v join calls c on v.call = c.id where v.outcome = 'answered'"
    )
    phones = {(agent, call.caller): call for agent, call in load.answered}
    for v in rows:
        phone = phones.get((v["agent"], v["caller"]))
        if phone is None:
            yield f"{v['agent']} did not answer {v['caller']}: {v}"
            continue
        first, last = phone.times["answered"] * 1000, phone.times["ended"] * 1000
        if v["answered"] < first - CLOCKS_MS or (v["talk_ended"] > last + CLOCKS_MS and not lost):
            yield f"by the phone from {first:.0f} to {last:.0f}: {v}"
    told = {(v["agent"], v["caller"]) for v in rows}
    for talk in load.talks:
        if (talk.agent, talk.caller) not in told:
            yield f"not in the ledger: {talk}"
    if not lost:
        yield from _by_bridges(centre, history, rows)


def _by_bridges(centre: Centre, history: History, rows: list[Row]) -> Iterator[str]:
    legs = {o["visit"]: o["id"] for o in centre.rows("select * from offers where outcome = 'answered'")}
    for v in (v for v in rows if v["engine"] == "acd"):
        bridge = "b" + legs[v["id"]].partition("/")[2]
        inside = history.bridged.get(bridge, {})
        if len(inside) < 2:
            yield f"answered, and Asterisk never had both together: {v}"
            continue
        began, ended = max(inside.values()), history.parted[bridge]
        if (
            bridge in history.twice
            or abs(v["answered"] - began) > NEAR_MS
            or abs(v["talk_ended"] - ended) > NEAR_MS
        ):
            again = ", put together twice" if bridge in history.twice else ""
            off = (v["answered"] - began, v["talk_ended"] - ended)
            yield f"Asterisk had both together from {began} to {ended} (off by {off} ms){again}: {v}"


def turns(centre: Centre) -> Iterator[str]:
    """Nobody was offered to an agent while somebody who had come before him waited in the same queue."""
    rows = centre.rows("select * from visits where engine = 'acd'")
    rung: defaultdict[str, list[Row]] = defaultdict(list)
    for o in centre.rows("select * from offers order by offered"):
        rung[o["visit"]].append(o)
    by_queue: defaultdict[str, list[Row]] = defaultdict(list)
    for v in rows:
        by_queue[v["queue"]].append(v)
    for v in rows:
        for o in rung[v["id"]]:
            for other in by_queue[v["queue"]]:
                before = other["entered"] < v["entered"] and other["ended"] > o["offered"] + STAMPS_MS
                if before and not any(_about(p, o["offered"]) for p in rung[other["id"]]):
                    yield f"offered before one who waited longer: {o} of {v}; {rung[other['id']]} of {other}"


def _about(offer: Row, at: int) -> bool:
    return bool(offer["offered"] - STAMPS_MS <= at <= offer["ended"] + STAMPS_MS)


def offers(centre: Centre) -> Iterator[str]:
    """No agent is rung twice at a time; no caller either, but where all phones ring."""
    rows = centre.rows("select * from offers order by offered")
    for key in ("agent", "call"):
        last: dict[str, Row] = {}
        for o in rows:
            if key == "call" and o["queue"] == TOGETHER:
                continue
            before = last.get(o[key])
            both = min(before["ended"], o["ended"]) - o["offered"] if before else 0
            if both > STAMPS_MS:
                yield f"two offers at a time for {o[key]}: {before} and {o}"
            last[o[key]] = o


def segments(centre: Centre) -> Iterator[str]:
    rows = centre.rows('select * from segments order by "call", n')
    for _, group in itertools.groupby(rows, lambda row: row["call"]):
        for one, other in itertools.pairwise(group):
            if not one["started"] <= one["ended"] <= other["started"]:
                yield f"segments out of order: {one} and {other}"


def agents(centre: Centre) -> Iterator[str]:
    """An agent is in one state after the other, from login to now, without a gap, and never at fault."""
    for name in AGENTS:
        rows = centre.rows("select * from agent_states where agent = :name order by started", name=name)
        rows.sort(key=lambda row: (row["started"], int(row["id"].rpartition(":")[2])))
        for one, other in itertools.pairwise(rows):
            if one["ended"] != other["started"]:
                yield f"a gap between {one} and {other}"
        for row in rows:
            if row["presence"] in ("not_responding", "offline"):
                yield f"the agent did nothing wrong: {row}"


def replayed(centre: Centre) -> Iterator[str]:
    """Over all deaths: the same events decide the same, row by row and command by command."""
    done = centre.ccctl("replay", "--format", "json", check=False)
    found = json.loads(done.stdout or "{}")
    whole = found.get("fingerprints") == found.get("events") == found.get("last_event")
    if not (found.get("same") and whole and found["decisions"]):
        yield f"replay: {done.stdout} {done.stderr}"


def logged(centre: Centre) -> Iterator[str]:
    log = centre.log.read_text()
    for word in ("step failed", "Traceback", "never retrieved"):
        if word in log:
            yield f"the log: {log[max(0, log.index(word) - 300) :][:2500]}"
