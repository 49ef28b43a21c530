"""What is wrong with a text that is not YAML, in our words and where the mistake is.

YAML's reader says where it noticed, which may be lines later. Each function here knows one kind of mistake
and looks for it in the scene; the first that finds it is heard.
"""

import re
from collections.abc import Callable

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow.yaml_scene import (
    CLOSER,
    COMMENT,
    ITEM,
    KEY,
    Level,
    Place,
    Scene,
    after_dashes,
    content,
    indent,
)

NO_BLANK = re.compile(r"([ -]*[a-z_]+:)[^\s:]+\s*(#.*)?$")  # meant as a key, but YAML takes all for one word
NO_BLANK_DASH = re.compile(r"( *)-[^\s-]")
BLANKS = tuple("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000\ufeff")  # no blanks to YAML
MERGE = re.compile(r"(<<<<<<<|>>>>>>>)( |$)|=======$")
SHOWN = 40


def explain(seen: Scene) -> Diagnostic:
    for guess in GUESSES:
        if found := guess(seen):
            return found
    return _at(seen, seen.at, seen.problem, "")


def _at(seen: Scene, place: Place, what: str, hint: str, width: int = 1) -> Diagnostic:
    row, column = place.row + 1, place.column + 1
    return findings.syntax(Span(seen.file, row, column, column + max(width, 1)), what, hint)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3].rstrip()}..."


def _named(text: str) -> str:
    """In quotes, unless it has its own."""
    short = _short(text)
    return short if '"' in short else f'"{short}"'


# -- characters ------------------------------------------------------------------------------------


def merge_mark(seen: Scene) -> Diagnostic | None:
    """Of git, in a file with a conflict."""
    for row, line in enumerate(seen.lines):
        if match := MERGE.match(line):
            hint = "choose one of the two versions, and take the marks away"
            return _at(seen, Place(row, 0), f'"{match[0].strip()}" is the mark of an unfinished merge', hint)
    return None


def special(seen: Scene) -> Diagnostic | None:
    """A character with a meaning of its own where a word should begin."""
    if seen.char == "\t" and ("any token" in seen.problem or "tab character" in seen.problem):
        return findings.tab(_span(seen, seen.at))
    if any(words in seen.problem for words in ("any token", "mapping keys are not allowed")):
        return _special(seen, seen.at)
    for place in (seen.at, seen.since, Place(0, 0) if "<document start>" in seen.problem else None):
        if place and seen.line(place.row).startswith("%"):
            return _special(seen, Place(place.row, 0))
    before = Place(seen.at.row, max(0, seen.at.column - 1))
    if _char(seen, before) == "&" and "alphabetic or numeric" in seen.problem:
        return _special(seen, before)
    if seen.since and _char(seen, seen.since) == "!":
        return _special(seen, seen.since)
    return None


def _char(seen: Scene, place: Place) -> str:
    return seen.line(place.row)[place.column : place.column + 1]


def _span(seen: Scene, place: Place) -> Span:
    return Span(seen.file, place.row + 1, place.column + 1, place.column + 2)


def _special(seen: Scene, place: Place) -> Diagnostic:
    rest = seen.line(place.row)[place.column :].strip()
    return findings.special(_span(seen, place), rest[:1], rest)


def escape(seen: Scene) -> Diagnostic | None:
    if "escape" not in seen.problem:
        return None
    hint = "write \\\\ for a backslash, or put the text in 'single quotes'"
    place = Place(seen.at.row, seen.at.column - 1)
    place = place if _char(seen, place) == "\\" else seen.at  # readers differ on whether it is behind them
    return _at(seen, place, 'a \\ in "double quotes" begins an escape, and this is none', hint)


# -- quotes ----------------------------------------------------------------------------------------


def open_quote(seen: Scene) -> Diagnostic | None:
    """One that is never closed, or by the next quote some lines further down."""
    if seen.since and re.search("end of stream|document (indicator|separator)", seen.problem):
        quote = seen.line(seen.since.row)[seen.since.column : seen.since.column + 1]
        if quote in ('"', "'"):
            hint = f"write {quote} at the end of the text"
            return _at(seen, seen.since, f"the {quote} that opens here is never closed", hint)
    token = seen.before('"', "'")
    if token and token.start.row < token.end.row:
        what = f"the {token.kind} that opens here is closed only in line {token.end.row + 1}"
        return _at(seen, token.start, what, f"write {token.kind} at the end of the text")
    return None


def inner_quote(seen: Scene) -> Diagnostic | None:
    """'It's': the second quote ends the text."""
    token = seen.before('"', "'")
    if not token or token.end != seen.at or not seen.char or seen.char in ":,]}":
        return None
    again = "''" if token.kind == "'" else '\\"'
    other = '"double"' if token.kind == "'" else "'single'"
    what = f"this {token.kind} ends the text, and more follows: {_short(seen.rest)}"
    hint = f"write {again} for one within the text, or put the text in {other} quotes"
    return _at(seen, Place(seen.at.row, seen.at.column - 1), what, hint)


# -- brackets --------------------------------------------------------------------------------------


def bracket(seen: Scene) -> Diagnostic | None:
    """Inside of [ ] or { }."""
    around = seen.open_brackets()
    if not around:
        return None
    opener, place = around[-1].kind, around[-1].start
    closer = CLOSER[opener]
    if seen.char in ("]", "}") and seen.char != closer:
        what = f'a "{closer}" is missing before this "{seen.char}"'
        opens = f'"{opener}" opens in line {place.row + 1}, column {place.column + 1}'
        return _at(seen, seen.at, what, opens)
    if not _is_closed(seen, place):
        return _at(seen, place, f'this "{opener}" is not closed', f'write "{closer}" where it ends')
    if seen.char == "-" and ITEM.match(seen.rest):
        hint = f"write [a, b], or the list in lines of its own without {opener}"
        return _at(seen, seen.at, 'between brackets a list has commas, no "-"', hint)
    if seen.char == ",":
        hint = "take it away, or write what is missing"
        return _at(seen, seen.at, "nothing stands before this comma", hint)
    return _no_comma(seen) if "expected ','" in seen.problem else None


def _no_comma(seen: Scene) -> Diagnostic:
    """Or a text with a ':' in it that has no quotes."""
    line = seen.line(seen.at.row)[: seen.at.column]
    above = seen.content_above(seen.at.row)
    if seen.char != ":" and not seen.begins_line:
        hint = "write it, or quote a text with brackets in it"
        return _at(seen, seen.at, "a comma is missing before this", hint)
    if above >= 0 and re.fullmatch(r"\s*[^\s,{\[]*\s*", line):
        end = len(COMMENT.sub("", seen.line(above)).rstrip())
        return _at(seen, Place(above, end), "a comma is missing at the end of this line", "write it")
    words = re.split(r"[,{\[]\s*|:\s+", line)[-1].split()
    hint = "quote a text that has ': ' in it"
    if len(words) > 1:
        comma = f'"{_short(" ".join(words[:-1]))}, {words[-1]}:"'
        hint = f"write {comma} with a comma if {words[-1]} is a key, or {hint}"
    return _at(seen, seen.at, "a second ':' in this place", hint)


def _is_closed(seen: Scene, start: Place) -> bool:
    """Whether the bracket is closed before a line that is not indented more than the one where it opens."""
    depth, quote = 0, ""
    for row in range(start.row, len(seen.lines)):
        line = seen.lines[row]
        if row > start.row and content(line) and _begins_anew(line, indent(seen.lines[start.row])):
            return False
        for column in range(start.column if row == start.row else 0, len(line)):
            char = line[column]
            if quote:
                quote = "" if char == quote else quote
            elif char in "\"'" and (column == 0 or line[column - 1] in " ,:[{"):
                quote = char
            elif char == "#" and (column == 0 or line[column - 1] in " ,[{"):
                break
            else:
                depth += (char in "[{") - (char in "]}")
                if not depth:
                    return True
    return False


def _begins_anew(line: str, least: int) -> bool:
    return indent(line) <= least and line.strip()[:1] not in ("]", "}")


def no_bracket(seen: Scene) -> Diagnostic | None:
    """A bracket that closes nothing, or words after a value that has ended."""
    if seen.char in ("]", "}"):
        hint = "take it away, or write the one that it closes"
        return _at(seen, seen.at, f'this "{seen.char}" closes nothing', hint)
    token = seen.before("]", "}", '"', "'")
    if not token or not seen.char or seen.begins_line:
        return None
    if seen.char == ":":
        return _at(seen, seen.at, "a ':' too many", "take it away, or quote all of it")
    what = f"nothing may follow the {token.kind} that ends this value"
    hint = f"take away {_named(seen.rest)}, or put all of it in one pair of quotes"
    return _at(seen, seen.at, what, hint)


def outside(seen: Scene) -> Diagnostic | None:
    """Lines after the end of the one thing that a file holds, or words after the | of a text."""
    if "<document start>" in seen.problem:
        hint = "a file is one mapping of sections; take away what ends it above"
        return _at(seen, seen.at, "this line stands after the end of the content", hint)
    if re.search("comment or (a )?line break|chomping", seen.problem):
        return _at(seen, seen.at, "a text after | or > begins in the next line", "write it there, indented")
    return None


# -- colons and dashes -----------------------------------------------------------------------------


def no_blank(seen: Scene) -> Diagnostic | None:
    """key:value or -item, in the line where the reader began, or the one above."""
    row = seen.since.row if seen.since else seen.at.row - 1
    if match := NO_BLANK.match(seen.line(row)):
        place = Place(row, match.end(1) - 1)
        return _at(seen, place, "a ':' without a blank after it", "write a blank after the ':'")
    near = [row, *(level.row for level in seen.levels(seen.at.row) if level.column == seen.at.column)]
    for row in (seen.at.row, *reversed(near)):
        if (match := NO_BLANK_DASH.match(seen.line(row))) and _is_list(seen, row, len(match[1])):
            hint = f'write "- {_short(content(seen.line(row))[1:])}"'
            return _at(seen, Place(row, len(match[1])), "a '-' without a blank after it", hint, 2)
    return None


def no_blank_in(key: str, span: Span) -> Diagnostic:
    """{en:Hello} is a key without a value."""
    column = span.column + key.index(":")
    place = Span(span.file, span.line, column, column + 1)
    return findings.syntax(place, "a ':' without a blank after it", "write a blank after the ':'")


def _is_list(seen: Scene, row: int, column: int) -> bool:
    """Something next to that line is an item at the same column, so it is meant as one."""
    near = [seen.line(each) for each in (*range(max(0, row - 9), row), *range(row + 1, row + 10))]
    return any(indent(line) == column and ITEM.match(line.strip()) for line in near)


def no_key(seen: Scene) -> Diagnostic | None:
    if seen.begins_line and seen.char == ":":
        return _at(seen, seen.at, "nothing stands before this ':'", "write the key before it")
    return None


def no_colon(seen: Scene) -> Diagnostic | None:
    """A line of words where a key should be; noticed at the next ':', or at the next key."""
    if "expected ':'" in seen.problem and seen.since:
        return _colon_after(seen, seen.since.row)
    if "mapping values are not allowed" not in seen.problem or not _is_key(seen):
        return None
    key, words = _above(seen)
    if words < 0 or (key >= 0 and _value(seen, key) and _column(seen, words) > _column(seen, key)):
        return None
    return _colon_after(seen, words)


def _is_key(seen: Scene) -> bool:
    """The ':' stands behind the first word of its line."""
    line = seen.line(seen.at.row)
    return bool(KEY.match(content(line))) and ": " not in line[: seen.at.column]


def _above(seen: Scene) -> tuple[int, int]:
    """Rows of the nearest key above, and of the first line of words below it; -1 where there is none."""
    words = -1
    for row in range(seen.at.row - 1, -1, -1):
        line = seen.line(row)
        if KEY.match(after_dashes(line)[1]):
            return row, words
        if content(line):
            words = row
        elif line.strip():
            break  # a comment ends every text
    return -1, words


def _column(seen: Scene, row: int) -> int:
    return after_dashes(seen.line(row))[0]


def _value(seen: Scene, row: int) -> str:
    found = KEY.match(after_dashes(seen.line(row))[1])
    return (found["value"] or "") if found else ""


def _colon_after(seen: Scene, row: int) -> Diagnostic:
    column, text = after_dashes(seen.line(row))
    match = re.match(r"\"[^\"]*\"|'[^']*'|\S+", text)
    word = match[0] if match else text
    value = text[len(word) :].lstrip(" =")
    hint = f"write {_named(f'{word}: {value}' if value else f'{word}:')}"
    if _value(seen, seen.content_above(row)):
        hint += "; or, if it goes on with the text above, indent it more, or quote that text"
    return _at(seen, Place(row, column + len(word)), f"a ':' is missing after {_named(word)}", hint)


def second_colon(seen: Scene) -> Diagnostic | None:
    if "mapping values are not allowed" not in seen.problem:
        return None
    levels = seen.levels(seen.at.row) if _is_key(seen) else []
    if levels and levels[-1].column < indent(seen.line(seen.at.row)):
        return _beside_value(seen, levels[-1], indent(seen.line(seen.at.row)))
    return _at(seen, seen.at, "a second ':' in this place", "quote a text that has ': ' in it")


def list_in_line(seen: Scene) -> Diagnostic | None:
    if "sequence entries are not allowed" not in seen.problem:
        return None
    hint = 'write each "- " in a line of its own below the key, or [a, b]'
    return _at(seen, seen.at, "a list cannot begin in the line of its key", hint)


def odd_text(file: str, lines: tuple[str, ...], start: Place, end: int) -> Diagnostic | None:
    """A text without quotes, from `start` to the row `end`, that is YAML and hardly meant: `main: welcome`
    with a line `- hangup` below is one text of two lines; a no-break space before a word is part of it."""
    if not lines[start.row][: start.column].strip(" -") and lines[start.row][start.column] in BLANKS:
        span = Span(file, start.row + 1, start.column + 1, start.column + 2)
        return findings.tab(span, "a no-break space indents this line")
    row = next((row for row in range(start.row + 1, end + 1) if ITEM.match(lines[row].strip())), None)
    if row is None:
        return None
    seen = Scene(file, lines, (), "", Place(row, indent(lines[row])))
    if not lines[start.row][: start.column].strip():
        return _colon_after(seen, start.row)
    levels = seen.levels(start.row + 1)
    if not levels or levels[-1].row != start.row:
        return None
    if not levels[-1].item:
        return _item_among_keys(seen, levels, levels[-1])
    return _beside_value(seen, levels[-1], seen.at.column)


# -- indentation -----------------------------------------------------------------------------------


def indentation(seen: Scene) -> Diagnostic | None:
    """A line that is no neighbour of any line above."""
    levels = seen.levels(seen.at.row)
    if not seen.begins_line or not levels:
        return None
    column, item = seen.at.column, bool(ITEM.match(seen.rest))
    if block := _block_above(seen):
        return block
    if column > levels[-1].column:
        return _beside_value(seen, levels[-1], column)
    same = [level for level in levels if level.column == column]
    if not same:
        return _between(seen, levels, column, item)
    if item and not same[-1].item:
        return _item_among_keys(seen, levels, same[-1])
    if not item and same[-1].item:
        return _key_among_items(seen, same[-1])
    return None


def _block_above(seen: Scene) -> Diagnostic | None:
    """The lines of a text after | that begin further left than its first one."""
    above = [t for t in seen.tokens if t.kind == "|" and t.end.row == seen.at.row and t.end <= seen.at]
    if not above or above[-1].start.row + 1 >= seen.at.row:
        return None
    row = above[-1].start.row + 1
    first = indent(seen.line(row))
    if seen.at.column >= first:
        return None
    what = f"the text that begins in line {row + 1} is indented by {first}, this line by {seen.at.column}"
    return _line(seen, what, f"indent it by {first}, or like a key above")


def _line(seen: Scene, what: str, hint: str) -> Diagnostic:
    """All of the line."""
    line = seen.line(seen.at.row)
    return _at(seen, Place(seen.at.row, indent(line)), what, hint, len(content(line)))


def _called(level: Level) -> str:
    return f'"- {_short(level.word)}"' if level.item else _named(level.word)


def _beside_value(seen: Scene, level: Level, column: int) -> Diagnostic:
    """The line is indented as if it belonged to a key or item that has a value."""
    name = _called(level)
    value = f" ({_short(level.value)})" if level.value else ""
    what = f"indented by {column}, this line would belong to {name} in line {level.row + 1}"
    hint = f"indent it by {level.column}, like {name}, or take that value away"
    return _line(seen, f"{what}, which has a value already{value}", hint)


def _between(seen: Scene, levels: list[Level], column: int, item: bool) -> Diagnostic:
    alike = [level for level in levels if level.item == item] or levels
    near = [level for level in alike if level.column > column][:1]
    near += [level for level in alike if level.column < column][-1:]
    ways = ", or ".join(f"by {level.column}, like {_called(level)} in line {level.row + 1}" for level in near)
    return _line(seen, f"this line is indented by {column}, unlike any line above", f"indent it {ways}")


def _item_among_keys(seen: Scene, levels: list[Level], key: Level) -> Diagnostic:
    if key.value:
        around = [level for level in levels if level.item and level.column < key.column]
        what = f"a list item below {_named(key.word)}, which has a value already ({_short(key.value)})"
        away = "take that value away, or write it as the first item; a text of several lines wants quotes"
        if around:
            away = f"indent it by {around[-1].column}, like {_called(around[-1])}, or {away}"
        return _line(seen, what, away)
    below = [level for level in _children(seen, key) if level.item]
    if below:
        first = below[0]
        what = f"this list item is indented by {key.column}, that in line {first.row + 1} by {first.column}"
        return _line(seen, what, f"indent it by {first.column}, too")
    return _line(seen, "a list item among keys", "write a key, or indent it below the key that has the list")


def _children(seen: Scene, key: Level) -> list[Level]:
    """Of the first line below a key."""
    row = next((row for row in range(key.row + 1, seen.at.row) if content(seen.line(row))), -1)
    return _levels_of(seen, row)


def _levels_of(seen: Scene, row: int) -> list[Level]:
    return [each for each in seen.levels(row + 1) if each.row == row]


def _key_among_items(seen: Scene, item: Level) -> Diagnostic:
    what = f"a key where the list of line {item.row + 1} goes on"
    inner = next((level for level in _levels_of(seen, item.row) if not level.item), None)
    if inner is None:
        return _line(seen, what, f"write {_named(f'- {seen.rest}')} if it is the next item")
    hint = f'indent it by {inner.column} if it belongs to {_named(inner.word)}, or write "- " before it'
    return _line(seen, what, hint)


def misplaced(seen: Scene) -> Diagnostic | None:
    """What no other knows; only the reader's words are left for the rest."""
    if "node content" in seen.problem and seen.char:
        return _special(seen, seen.at)
    if re.search("expected key|block end|'-' indicator", seen.problem) and seen.rest:
        hint = 'write a key, a ":" and a blank, or align the line with those above'
        return _at(seen, seen.at, f"{_named(seen.rest)} cannot stand here", hint)
    return None


GUESSES: tuple[Callable[[Scene], Diagnostic | None], ...] = (
    merge_mark,
    special,
    escape,
    open_quote,
    inner_quote,
    bracket,
    no_bracket,
    outside,
    no_blank,
    no_key,
    no_colon,
    second_colon,
    list_in_line,
    indentation,
    misplaced,
)
