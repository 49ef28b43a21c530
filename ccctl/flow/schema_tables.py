"""The sections tables and surveys, and the keys of queues about waiting: rows of files, questions."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import checks_outside as outside
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes
from ccctl.flow.numbering import international
from ccctl.flow.schema_steps import PROMPTS, span_of_time, whole
from ccctl.flow.schema_types import (
    TEXT,
    Key,
    Kind,
    Reader,
    Table,
    choice,
    listed,
    read_keys,
    read_secret,
    read_text,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar, Sequence
from ccctl.flow.values import Wrong

MOST_ROWS = 50_000
MOST_BYTES = 10_000_000
CELL = re.compile(r"[^A-Za-z0-9 ._@+\x80-\U0010ffff-]")  # no type of a variable lets more through
Entries = list[tuple[Scalar, Node]]


class Rows(msgspec.Struct, frozen=True):
    """A table's lines with the place of each; `columns` are those of the first line."""

    columns: tuple[str, ...]
    lines: list[tuple[Span, list[str]]]


def _column(text: str) -> str | Wrong:
    fits = re.fullmatch(r"[\w .-]{1,60}", text)
    return text if fits else Wrong(f'"{text}" is not the name of a column', "write it as in the first line")


COLUMN = typed("column", _column)
TABLE = Table(
    "table",
    "Rows that lookup steps find by a key: a CSV file whose first line names the columns, or what an SQL"
    " query answered when the site was applied. Rows stay as they are until the next apply.",
    (
        Key("file", TEXT, "the CSV file, relative to the site's folder", example="file: data/customers.csv"),
        Key(
            "sql",
            TEXT,
            "the query that answers with all rows",
            example='sql: "select phone, tier from customers"',
        ),
        Key("database", read_secret("a database"), "address of the database, as SQLAlchemy writes it"),
        Key("key", COLUMN, "the column with the key", required=True, example="key: phone"),
        Key("columns", listed(COLUMN), "the columns that are kept", "all"),
        Key(
            "keys",
            choice("phone", "word"),
            "what the keys are: numbers of any spelling, or words",
            "phone when all begin with +",
        ),
    ),
)


# -- tables ----------------------------------------------------------------------------------------


def read_tables(reader: Reader, entries: Entries) -> dict[str, graph.LookupTable]:
    tables: dict[str, graph.LookupTable] = {}
    for word, node in entries:
        found = read_keys(reader, node, TABLE, at=("tables", word.text))
        blank = graph.LookupTable(name=word.text, span=word.span)
        tables[word.text] = _table(reader, blank, found) if "key" in found else blank
    return tables


def _table(reader: Reader, table: graph.LookupTable, found: dict[str, Any]) -> graph.LookupTable:
    rows = _rows(reader, table, found)
    if rows is None:
        return table
    wanted = found.get("columns") or tuple(each for each in rows.columns if each != found["key"])
    for name in (found["key"], *wanted):
        if name not in rows.columns:
            key = "key" if name == found["key"] else "columns"
            hint = findings.mean(name, rows.columns)
            text = f'the table has no column "{name}"'
            reader.report(outside.bad_path(reader.spot("tables", table.name, key), text, hint))
            return table
    at = rows.columns.index(found["key"])
    written = [line[at].strip() for _, line in rows.lines]
    phone = found.get("keys") == "phone" or ("keys" not in found and _are_numbers(written))
    kept = _keyed(reader, rows, at, phone)
    picked = [rows.columns.index(name) for name in wanted]
    return msgspec.structs.replace(
        table,
        columns=tuple(wanted),
        phone=phone,
        rows={key: tuple(_cell(line[n]) for n in picked) for key, line in kept.items()},
    )


def _are_numbers(keys: list[str]) -> bool:
    return bool(keys) and all(re.fullmatch(r"(\+|00)[0-9 ()/.-]{6,}", key) for key in keys)


def _cell(text: str) -> str:
    return CELL.sub("", text.strip())[:200]


def _keyed(reader: Reader, rows: Rows, at: int, phone: bool) -> dict[str, list[str]]:
    """Rows by key, as the compiled lookup asks for it. Keys that are equal there are one key."""
    kept: dict[str, list[str]] = {}
    first: dict[str, Span] = {}
    for span, line in rows.lines:
        written = line[at].strip()
        key = international(written, reader.country) if phone else written.lower()
        if not re.fullmatch(r"[0-9a-z+_]{1,60}", key) or (phone and not re.search("[0-9]", key)):
            other = "use letters, digits, + and _, at most 60; or keys: phone for numbers"
            hint = "write a number like +49301234500" if phone else other
            reader.report(outside.bad_table(span, f'"{written}" cannot be a key', hint))
        elif key in kept:
            text = f'key "{written}" is there twice (first in line {first[key].line})'
            reader.report(outside.bad_table(span, text, "give each key one line"))
        else:
            kept[key], first[key] = line, span
    return kept


def _rows(reader: Reader, table: graph.LookupTable, found: dict[str, Any]) -> Rows | None:
    if ("file" in found) == ("sql" in found):
        text, hint = "a table needs either file or sql", "write file: data/customers.csv"
        reader.report(findings.shape(table.span, text, hint))
        return None
    if "file" in found:
        return _file(reader, found["file"], reader.spot("tables", table.name, "file"))
    if "database" not in found:
        spot = reader.spot("tables", table.name, "sql")
        reader.report(findings.missing(spot, "database", "a table with sql", "database: !secret crm_db"))
        return None
    return _query(reader, found, reader.spot("tables", table.name, "sql"))


def _query(reader: Reader, found: dict[str, Any], span: Span) -> Rows | None:
    answer = reader.folder.query(found["database"], found["sql"], MOST_ROWS)
    if isinstance(answer, Wrong):
        reader.report(outside.bad_query(span, answer.text, answer.hint))
        return None
    columns, lines = answer
    return Rows(columns, [(span, list(line)) for line in lines])


def _file(reader: Reader, path: str, span: Span) -> Rows | None:
    data = reader.folder.read(path)
    if isinstance(data, Wrong):
        reader.report(faults.missing_file(span, f"table {path} {data.text}", data.hint))
        return None
    shown = f"{reader.folder.shown}{path}"
    if len(data) > MOST_BYTES:
        reader.report(findings.too_big(Span(shown), f"{len(data)} bytes", f"at most {MOST_BYTES} bytes"))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        place = Span(shown, line, column, column + 1)
        reader.report(
            outside.bad_table(place, f"byte 0x{data[error.start]:02x} is not UTF-8", "save it as UTF-8")
        )
        return None
    return _csv(reader, text, shown)


def _csv(reader: Reader, text: str, shown: str) -> Rows | None:
    before = len(reader.findings)
    rows = list(_lines(reader, text, shown))
    if not rows:
        reader.report(outside.bad_table(Span(shown), "the table is empty", "write the names of the columns"))
        return None
    (place, head), *lines = rows
    columns = tuple(name.strip() for name in head)
    if len(columns) == 1 and re.search(r"[;\t]", columns[0]):
        reader.report(
            outside.bad_table(place, "the columns are not separated by commas", "save it with commas")
        )
        return None
    doubled = next((name for n, name in enumerate(columns) if name in columns[:n]), None)
    if doubled is not None:
        reader.report(outside.bad_table(place, f'column "{doubled}" is there twice', "name each column once"))
    good = [(span, line) for span, line in lines if _is_whole(reader, span, line, len(columns))]
    if len(good) > MOST_ROWS:
        reader.report(findings.too_big(Span(shown), f"{len(good)} rows", f"at most {MOST_ROWS} rows"))
    return Rows(columns, good) if len(reader.findings) == before else None


def _is_whole(reader: Reader, span: Span, line: list[str], width: int) -> bool:
    if len(line) == width:
        return True
    text = f"this line has {len(line)} values, the first one has {width} columns"
    reader.report(outside.bad_table(span, text, "quote a value that has a comma in it"))
    return False


def _lines(reader: Reader, text: str, shown: str) -> Iterator[tuple[Span, list[str]]]:
    source = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in source:
            if any(cell.strip() for cell in row):
                yield Span(shown, line, 1), row
            line = source.line_num + 1
    except csv.Error as error:
        reader.report(outside.bad_table(Span(shown, line, 1), f"this is no CSV: {error}", "close the quotes"))


# -- surveys ---------------------------------------------------------------------------------------


def _read_range(reader: Reader, node: Node) -> tuple[int, int] | None:
    text = read_text(reader, node)
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,2})(?:\s*-\s*(\d{1,2}))?", text)
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if match and least <= most:
        return least, most
    hint = f"write {match[2]}-{match[1]}" if match else "write for example 1-5"
    reader.report(outside.bad_range(node.span, f'"{text}" is no range of answers', hint))
    return None


def _saved(reader: Reader, node: Node) -> str | None:
    text = read_text(reader, node)
    if text is None or re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", text):
        return text
    text = f'"{text}" cannot be the name of a variable'
    reader.report(faults.bad_value(node.span, text, "use lower-case letters, digits and hyphens"))
    return None


QUESTION = Table(
    "question",
    "One question: a number typed, or a recording.",
    (
        Key("ask", PROMPTS, "prompts that ask it", required=True, example="ask: csat-score"),
        Key("digits", Kind("range: 1-5", _read_range, shapes.SINGLE), "the numbers that may be typed"),
        Key("record", span_of_time(1000, 600_000), "or: record what is said, for so long"),
        Key(
            "save",
            Kind("name of a variable", _saved, shapes.NAME),
            "variable that holds the answer",
            "question and its number",
        ),
        Key("attempts", whole(1, 5), "how often to ask after a wrong key", "2"),
    ),
)


def _read_questions(reader: Reader, node: Node) -> tuple[tuple[Span, dict[str, Any]], ...] | None:
    items = node.items if isinstance(node, Sequence) else (node,)
    return tuple((item.span, _question_keys(reader, item)) for item in items)


def _question_keys(reader: Reader, node: Node) -> dict[str, Any]:
    """Nothing of a question that says two things, or neither."""
    keys = read_keys(reader, node, QUESTION)
    written = [word.text for word, _ in node.entries] if isinstance(node, Mapping) else []
    if "ask" in keys and ("digits" in written) == ("record" in written):
        text = "a question needs either digits or record"
        reader.report(outside.bad_range(node.span, text, "write digits: 1-5"))
        return {}
    return keys


SURVEY = Table(
    "survey",
    "Questions to a caller. Answers are kept in the ledger; their variables need no entry in vars.",
    (
        Key(
            "questions",
            Kind("list of questions, below", _read_questions, shapes.listed(QUESTION.shape)),
            "the questions",
            required=True,
            example="questions: [{ask: csat-score, digits: 1-5, save: csat}]",
        ),
        Key("thanks", PROMPTS, "prompts at the end"),
    ),
)


def read_surveys(
    reader: Reader, entries: Entries, variables: dict[str, graph.Variable]
) -> dict[str, graph.Survey]:
    """The surveys; variables of answers that are not declared are added."""
    surveys: dict[str, graph.Survey] = {}
    for word, node in entries:
        found = read_keys(reader, node, SURVEY, at=("surveys", word.text))
        written = found.get("questions", ())
        questions = [_question(reader, n, span, keys) for n, (span, keys) in enumerate(written, 1)]
        kept = tuple(each for each in questions if each is not None)
        saved: dict[str, Span] = {}
        for question in kept:
            if question.save in saved:
                reader.report(outside.saved_twice(question.span, question.save, saved[question.save]))
            saved[question.save] = question.span
            _declare(reader, question, variables)
        surveys[word.text] = graph.Survey(
            name=word.text, span=word.span, questions=kept, thanks=found.get("thanks", ())
        )
    return surveys


def _question(reader: Reader, number: int, span: Span, keys: dict[str, Any]) -> graph.Question | None:
    if "digits" not in keys and "record" not in keys:
        return None
    least, most = keys.get("digits", (0, 9))
    return graph.Question(
        span=span,
        prompts=keys.get("ask", ()),
        save=keys.get("save", f"question-{number}"),
        least=least,
        most=most,
        record_ms=keys.get("record", 0),
        attempts=keys.get("attempts", 2),
    )


def _declare(reader: Reader, question: graph.Question, variables: dict[str, graph.Variable]) -> None:
    if question.save in variables:
        return
    kind, most = ("text", 200) if question.record_ms else ("digits", len(str(question.most)))
    variables[question.save] = graph.Variable(name=question.save, span=question.span, type=kind, most=most)
    reader.names["vars"][question.save] = question.span
