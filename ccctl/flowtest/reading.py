"""Test files to a Suite. Every mistake has its place; nothing is raised, nothing is opened."""

import json
import re
import zoneinfo
from collections.abc import Iterable
from typing import Any

import msgspec

from ccctl.diagnostics import Diagnostic, Severity, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_tests as faults
from ccctl.flow import values
from ccctl.flow.graph import Site
from ccctl.flow.schema_types import (
    Folder,
    Key,
    Kind,
    Reader,
    Ref,
    Table,
    choice,
    keyed,
    listed,
    named,
    read_keys,
    read_mapping,
    refuse_duplicates,
    typed,
    unknown_key,
)
from ccctl.flow.source import Mapping, Node, Scalar, Sequence
from ccctl.flow.values import Wrong
from ccctl.flowtest import reading_steps as steps
from ccctl.flowtest.cases import Caller, Case, Ends, Expect, Given, Phone, Reply, Suite, Want
from ccctl.flowtest.reading_apply import DURING, Changes, Load, check_change, no_changes
from ccctl.flowtest.reading_steps import ALIASES, DURATION, PATTERNS, RAW, STEPS

DEFAULT_MOMENT = "2026-11-23 10:00"  # a Monday
SECTIONS = ("defaults", "tests", "coverage")
Entries = tuple[tuple[Scalar, Node], ...]


def _phone(reader: Reader, node: Node) -> Phone | None:
    """busy, or {answer: 3s, presses: "1"}."""
    if isinstance(node, Mapping):
        found = read_keys(reader, node, PHONE_TABLE)
        return Phone("answer", found["answer"], found.get("presses", "")) if "answer" in found else None
    does = PHONE_WORDS.read(reader, node)
    return None if does is None else Phone(does)


def _called(reader: Reader, node: Node) -> str | None:
    """A user's name, or a number outside."""
    text = steps.RAW.read(reader, node)
    outside = text is None or re.fullmatch(r"\+?[0-9]+", text)
    return str(text) if text and outside else text and reader.refer("users", text, node.span)


PHONE_TABLE = Table(
    "a phone", "", (Key("answer", DURATION, "", required=True), Key("presses", steps.KEYS, ""))
)
PHONE_WORDS = choice("answer", "busy", "no_answer", "offline")
PHONE = Kind("what a phone does", _phone)


def _reply(reader: Reader, node: Node) -> Reply | None:
    if isinstance(node, Scalar):
        fault = choice("timeout", "refused").read(reader, node)
        return Reply(fault=fault) if fault else None
    found = read_keys(reader, node, REPLY)
    body = found.get("json", found.get("text", ""))
    return Reply(found.get("status", 200), body, found.get("after", 0))


def _json(reader: Reader, node: Node) -> str:
    return json.dumps(_plain(node))


def _plain(node: Node) -> Any:
    match node:
        case Mapping():
            return {word.text: _plain(value) for word, value in node.entries}
        case Sequence():
            return [_plain(item) for item in node.items]
        case Scalar():
            return _typed(node)


def _typed(scalar: Scalar) -> Any:
    """A reply's values have JSON's types: 5 is a number, "5" a text."""
    words = {"true": True, "false": False, "null": None}
    if scalar.quoted:
        return scalar.text
    if scalar.text in words:
        return words[scalar.text]
    return json.loads(scalar.text) if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", scalar.text) else scalar.text


REPLY = Table(
    "a reply",
    "",
    (
        Key("status", typed("status", lambda text: values.whole(text, 100, 599)), ""),
        Key("json", Kind("JSON", _json), ""),
        Key("text", RAW, ""),
        Key("after", DURATION, ""),
    ),
)


def _replies(reader: Reader, node: Node) -> dict[str, Reply] | None:
    if isinstance(node, Scalar):
        reply = _reply(reader, node)
        return {"*": reply} if reply else None
    found = keyed("replies", REQUEST, Kind("reply", _reply)).read(reader, node)
    return found if found is None else dict(found)


def _request(text: str) -> str | Wrong:
    method, _, url = text.partition(" ")
    if text == "*" or (method in ("get", "post", "put") and re.match(r"https?://", url)):
        return text
    return Wrong(f'"{text}" is no request', "write for example get https://crm.example/customers")


REQUEST = typed("request", _request, faults.bad_value)
WHOLE = typed("number 1 to 100", lambda text: values.whole(text, 1, 100))
CALL = Table(
    "call",
    "",
    (
        Key("to", named("numbers", "a number"), ""),
        Key("from", RAW, ""),
        Key("name", RAW, ""),
        Key("at", RAW, ""),
    ),
)
AGENT_STATES = choice("available", "paused", "away", "busy")
GIVEN = Table(
    "given",
    "",
    (
        Key("agents", keyed("agents", named("agents", "an agent"), AGENT_STATES), ""),
        Key("queues", keyed("queues", named("queues", "a queue"), choice("full", "failed", "overflow")), ""),
        Key("phones", keyed("phones", Kind("user or number", _called), PHONE), ""),
        Key("http", Kind("replies", _replies), ""),
        Key("switch", keyed("switches", named("hours", "hours"), choice("open", "closed", "auto")), ""),
        Key("ari", choice("up", "down", "dies_while_queued"), ""),
        Key("random", listed(WHOLE), ""),
        Key("db", keyed("database", RAW, RAW), ""),
        Key("vars", keyed("variables", RAW, RAW), ""),
        Key("caller", choice("hangs_up_at_every_step"), ""),
        Key("apply", RAW, ""),
        Key("during", DURING, ""),
    ),
)


def _never(reader: Reader, node: Node) -> tuple[Want, ...] | None:
    wants: list[Want] = []
    for item in node.items if isinstance(node, Sequence) else (node,):
        entry = item.entries[0] if isinstance(item, Mapping) and len(item.entries) == 1 else None
        if entry is None or ALIASES.get(entry[0].text, entry[0].text) not in PATTERNS:
            hint = "write for example [{hears: closed}]"
            reader.report(
                faults.bad_value(item.span, "what must never happen is one thing that is seen", hint)
            )
            return None
        want = steps.read_pattern(reader, *entry)
        wants += [want] if want else []
    return tuple(wants)


def _path(reader: Reader, node: Node) -> tuple[str, ...] | None:
    if isinstance(node, Scalar) and node.text == "auto":
        return ()
    found = listed(named("flows", "a flow")).read(reader, node)
    return None if found is None else tuple(found)


EXPECT = Table(
    "expect",
    "",
    (
        Key("path", Kind("flows", _path), ""),
        Key("vars", keyed("variables", RAW, RAW), ""),
        Key("recording", typed("true or false", values.truth), ""),
        Key("never", Kind("patterns", _never), ""),
        Key("generation", choice("old", "new"), ""),
        Key("no_orphan", listed(choice("channels", "recordings", "queue_entries")), ""),
    ),
)
TEST_KEYS = ("name", "call", "given", "steps", "ends", "expect", "each", "only")
TEST = Table(
    "a test",
    "",
    (
        Key("name", RAW, ""),
        Key("call", Kind("mapping", lambda reader, node: read_keys(reader, node, CALL)), ""),
        Key("given", Kind("mapping", lambda reader, node: read_keys(reader, node, GIVEN)), ""),
        Key("steps", STEPS, ""),
        Key("ends", Kind("an end", steps.read_end), ""),
        Key("expect", Kind("mapping", lambda reader, node: read_keys(reader, node, EXPECT)), ""),
        Key("only", listed(choice("sim", "lab", "sip")), ""),
    ),
)


# -- files -----------------------------------------------------------------------------------------


class TestFile(msgspec.Struct, frozen=True):
    """One file of tests/, parsed."""

    __test__ = False
    file: str
    root: Node


NO_FOLDER = Folder()


def read_suite(
    files: Iterable[TestFile], site: Site, folder: Folder = NO_FOLDER, load: Load = no_changes
) -> tuple[Suite, list[Diagnostic]]:
    """`folder` knows the secrets that tests type, `load` gives the site with a change that tests apply."""
    reader, changes = Reader(folder, ()), Changes(site, load)
    for section in ("prompts", "flows"):
        reader.names[section] = {name: thing.span for name, thing in getattr(site, section).items()}
    cases: list[Case] = []
    coverage, span = 0, Span()
    for file in files:
        root = read_mapping(reader, file.root, "the file", "tests: [...]")
        if root is None:
            continue
        refuse_duplicates(reader, root)
        for word, _ in root.entries:
            if word.text not in SECTIONS:
                reader.report(findings.unknown_key(word.span, word.text, "a test file", SECTIONS))
        cases += _file_cases(reader, root, changes)
        wanted = root.get("coverage")
        if wanted is not None:
            coverage, span = max(coverage, _coverage(reader, wanted)), wanted.span
    _check_twice(reader, cases)
    suite = Suite(tuple(cases), coverage, span, changes.used)
    return suite, sorted(set(reader.findings), key=lambda f: (f.span, f.code))


def _coverage(reader: Reader, node: Node) -> int:
    percent = typed("percentage", _percent, faults.bad_value)
    found = read_keys(reader, node, Table("coverage", "", (Key("branches", percent, "", required=True),)))
    return int(found.get("branches", 0))


def _percent(text: str) -> int | Wrong:
    value = values.whole(text.removesuffix("%").strip(), 0, 100)
    return Wrong(f'"{text}" is no percentage', "write for example 90%") if isinstance(value, Wrong) else value


def _file_cases(reader: Reader, root: Mapping, changes: Changes) -> list[Case]:
    tests, defaults = root.get("tests"), root.get("defaults")
    if tests is not None and not isinstance(tests, Sequence):
        reader.report(findings.shape(tests.span, "the tests must be a list", "write - name: ..."))
    base = defaults if isinstance(defaults, Mapping) else Mapping((), Span())
    cases: list[Case] = []
    for node in tests.items if isinstance(tests, Sequence) else ():
        for variant in _variants(reader, node):
            cases += _hang_ups(_case(reader, _overlay(base, variant), changes))
    return cases


def _variants(reader: Reader, node: Node) -> list[Mapping]:
    """A test, or one for each entry of its `each`; numbers count from 1."""
    test = read_mapping(reader, node, "a test", "{name: ..., steps: [...]}")
    if test is None:
        return []
    each = test.get("each")
    if each is None:
        return [test]
    plain = Mapping(tuple(entry for entry in test.entries if entry[0].text != "each"), test.span)
    rows = each.items if isinstance(each, Sequence) else ()
    if not rows:
        reader.report(findings.shape(each.span, "a list of variants is needed here", "write - {call: ...}"))
    variants = ((number, _variant(reader, row)) for number, row in enumerate(rows, 1))
    return [_numbered(plain, row, number) for number, row in variants if row is not None]


def _variant(reader: Reader, row: Node) -> Mapping | None:
    return read_mapping(reader, row, "a variant", "{call: ..., ends: ...}")


def _numbered(test: Mapping, row: Mapping, number: int) -> Mapping:
    merged = _overlay(test, row)
    name = merged.get("name")
    if row.get("name") is not None or not isinstance(name, Scalar):
        return merged
    fresh = msgspec.structs.replace(name, text=f"{name.text} [{number}]")
    entries = tuple((word, fresh if word.text == "name" else value) for word, value in merged.entries)
    return Mapping(entries, row.span)


JOINED = ("call", "given", "expect")


def _joined(below: Node, above: Node) -> Node:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return _overlay(below, above)
    return above


def _overlay(base: Mapping, over: Mapping) -> Mapping:
    """`over` laid on `base`; call, given and expect are joined key by key."""
    result = dict(zip((word.text for word, _ in base.entries), base.entries, strict=True))
    for word, value in over.entries:
        below = result.get(word.text)
        joined = _joined(below[1], value) if below and word.text in JOINED else value
        result[word.text] = (word, joined)
    return Mapping(tuple(result.values()), over.span)


def _hang_ups(case: Case) -> list[Case]:
    """`caller: hangs_up_at_every_step`: one test for each step, which ends after it."""
    if not case.given.caller:
        return [case]
    parts = (case.steps[:count] for count in range(len(case.steps) + 1))
    return [
        msgspec.structs.replace(case, name=f"{case.name}, hangs up after {len(steps)}", steps=steps)
        for steps in parts
    ]


# -- one test --------------------------------------------------------------------------------------


def _case(reader: Reader, node: Mapping, changes: Changes) -> Case:
    """Names are those of the site, and of the changed one when the test applies a change."""
    changed, before = changes.of(reader, node), len(reader.refs)
    reader.names["prompt texts"] = changes.texts(node, changed)
    case = _read_case(reader, node, changes.site)
    check_change(reader, node)
    _check_names(reader, reader.refs[before:], (changes.site, changed or changes.site))
    return case


def _read_case(reader: Reader, node: Mapping, site: Site) -> Case:
    for word, _ in node.entries:
        if word.text not in TEST_KEYS:
            unknown_key(reader, word, TEST)
    known = Mapping(tuple(entry for entry in node.entries if entry[0].text in TEST_KEYS), node.span)
    found = read_keys(reader, known, TEST)
    name = node.get("name")
    span = name.span if name is not None else node.span
    if name is None:
        reader.report(findings.missing(span, "name", "a test", "name: closed on sunday"))
    expect = _expect(found.get("expect", {}), node)
    played = found.get("steps", ())
    if found.get("ends"):
        ends = node.get("ends")
        played = (*played, Ends(want=found["ends"], span=ends.span if ends is not None else span))
    given = Given(**found.get("given", {}))
    if not played and expect == Expect() and not given.caller and not reader.findings:
        reader.report(faults.tests_nothing(span, found.get("name", "")))
    return Case(
        name=found.get("name", ""),
        span=span,
        call=_caller(reader, found.get("call", {}), node, site),
        given=given,
        steps=played,
        expect=expect,
        only=found.get("only", ()),
    )


def _expect(found: dict[str, Any], node: Mapping) -> Expect:
    written = node.get("expect")
    path = written.get("path") if isinstance(written, Mapping) else None
    golden = isinstance(path, Scalar) and path.text == "auto"
    span = path.span if path is not None else Span()
    return Expect(**{**found, "path": None if golden else found.get("path")}, golden=golden, path_span=span)


def _caller(reader: Reader, found: dict[str, Any], node: Mapping, site: Site) -> Caller:
    zone = zoneinfo.ZoneInfo(site.defaults.timezone)
    at = steps.moment(found.get("at", DEFAULT_MOMENT), zone)
    if isinstance(at, Wrong):
        call = node.get("call")
        where = call.get("at") if isinstance(call, Mapping) else None
        reader.report(faults.bad_value(where.span if where else node.span, at.text, at.hint))
        at = 0
    first = next(iter(site.numbers), "")
    return Caller(found.get("to", first), found.get("from", ""), found.get("name", ""), at)


# -- names -----------------------------------------------------------------------------------------

SINGULAR = {
    "prompts": "prompt",
    "flows": "flow",
    "queues": "queue",
    "users": "user",
    "agents": "agent",
    "mailboxes": "mailbox",
    "hours": "hours",
    "numbers": "number",
}


def _check_names(reader: Reader, refs: Iterable[Ref], sites: tuple[Site, ...]) -> None:
    for ref in refs:
        known = {name for site in sites for name in getattr(site, ref.kind)}
        if ref.name not in known:
            reader.report(faults.unknown_name(ref.span, SINGULAR[ref.kind], ref.name, known))


def _check_twice(reader: Reader, cases: list[Case]) -> None:
    first: dict[str, Span] = {}
    for case in cases:
        if case.name in first:
            reader.report(faults.name_twice(case.span, case.name, first[case.name]))
        elif case.name:
            first[case.name] = case.span


def has_errors(found: Iterable[Diagnostic]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in found)
