"""The small languages inside values: variables, texts with `{{ }}`, conditions, assignments."""

import re

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import shapes
from ccctl.flow.graph import Change, Clause, Condition, Text, Value
from ccctl.flow.schema_types import Kind, Reader, read_mapping, read_text, refuse_duplicates
from ccctl.flow.sentences import BRACES
from ccctl.flow.source import Mapping, Node, Scalar
from ccctl.flow.values import Wrong

BUILT_IN = ("caller.number", "caller.name", "called.number", "language", "now")
_NAME = r"[A-Za-z][\w.-]*"
_FORMS = (  # the longer form first
    (re.compile(rf"({_NAME}) is not set"), "unset"),
    (re.compile(rf"({_NAME}) is set"), "set"),
    (re.compile(rf"({_NAME}) is not withheld"), "set"),
    (re.compile(rf"({_NAME}) is withheld"), "unset"),
    (re.compile(rf"({_NAME}) (?:is not one of|not in) (.+)"), "is_not"),
    (re.compile(rf"({_NAME}) (?:is one of|in) (.+)"), "is"),
    (re.compile(rf"({_NAME}) starts with (.+)"), "starts_with"),
    (re.compile(rf"({_NAME}) (?:is not|!=) (.+)"), "is_not"),
    (re.compile(rf"({_NAME}) ?<= ?(.+)"), "at_most"),
    (re.compile(rf"({_NAME}) ?>= ?(.+)"), "at_least"),
    (re.compile(rf"({_NAME}) ?< ?(.+)"), "less"),
    (re.compile(rf"({_NAME}) ?> ?(.+)"), "more"),
    (re.compile(rf"({_NAME}) (?:is|==|=) (.+)"), "is"),
)
_NUMERIC = ("less", "at_most", "more", "at_least")
_LISTS = ("is one of", "is not one of", " in ", " not in ")
_WORD = re.compile(r"[\w +.@*#-]{1,80}")
HOW = "write for example: tier is gold, case is set, caller.number starts with +49, tries >= 3"


def refer(reader: Reader, name: str, span: Span) -> str:
    """A variable is named: one that is built in, or one of the section vars."""
    if name in BUILT_IN:
        return name
    near = findings.mean(name, BUILT_IN) if "." in name else ""
    if near:
        reader.report(faults.bad_value(span, f'"{name}" is no variable', near))
        return name
    return reader.refer("vars", name, span)


def _read_variable(reader: Reader, node: Node) -> str | None:
    """The name of a declared variable, which can be set."""
    text = read_text(reader, node)
    if text is None:
        return None
    bare = BRACES.fullmatch(text)
    name = bare.group(1) if bare else text
    if name in BUILT_IN:
        reader.report(faults.bad_value(node.span, f'"{name}" cannot be set', "name a variable of vars"))
        return None
    return reader.refer("vars", name, node.span)


def _read_readable(reader: Reader, node: Node) -> str | None:
    """The name of any variable that can be read."""
    text = read_text(reader, node)
    if text is None:
        return None
    bare = BRACES.fullmatch(text)
    return refer(reader, bare.group(1) if bare else text, node.span)


def read_template(reader: Reader, node: Node) -> Text | None:
    """Literals and `{{ variable }}` in turn."""
    text = read_text(reader, node)
    return None if text is None else template(reader, text, node.span)


def braces_match(reader: Reader, text: str, span: Span) -> bool:
    if text.count("{{") == text.count("}}") == len(BRACES.findall(text)):
        return True
    reader.report(faults.bad_value(span, f'"{text}" has braces that do not match', "write {{ name }}"))
    return False


def template(reader: Reader, text: str, span: Span) -> Text | None:
    if not braces_match(reader, text, span):
        return None
    parts: list[Value] = []
    at = 0
    for match in BRACES.finditer(text):
        if match.start() > at:
            parts.append(Value(text=text[at : match.start()], span=span))
        parts.append(Value(variable=refer(reader, match.group(1), span), span=span))
        at = match.end()
    if at < len(text):
        parts.append(Value(text=text[at:], span=span))
    return tuple(parts)


# -- conditions ------------------------------------------------------------------------------------


def _read_condition(reader: Reader, node: Node) -> Condition | None:
    """`a is b and c is d or e is set`; or a mapping, all of which must hold."""
    if isinstance(node, Mapping):
        return _read_all(reader, node)
    text = read_text(reader, node)
    if text is None:
        return None
    groups = [
        [_clause(reader, words.strip(), node.span) for words in re.split(r"\s+and\s+", part)]
        for part in re.split(r"\s+or\s+", " ".join(text.split()))
    ]
    if any(clause is None for group in groups for clause in group):
        return None
    return Condition(
        groups=tuple(tuple(clause for clause in group if clause) for group in groups), span=node.span
    )


def _read_all(reader: Reader, node: Mapping) -> Condition | None:
    refuse_duplicates(reader, node)
    clauses = []
    for word, child in node.entries:
        value = read_text(reader, child)
        if value is not None and _literals(reader, (value,), child.span):
            name = refer(reader, word.text, word.span)
            reader.given.append((name, value, child.span))
            clauses.append(Clause(variable=name, op="is", values=(value,), span=child.span))
    if len(clauses) < len(node.entries) or not clauses:
        return None
    return Condition(groups=(tuple(clauses),), span=node.span)


def _clause(reader: Reader, words: str, span: Span) -> Clause | None:
    form = next(((match, op) for each, op in _FORMS if (match := each.fullmatch(words))), None)
    if form is None:
        reader.report(faults.bad_condition(span, words, HOW))
        return None
    match, op = form
    written = match.group(2) if match.re.groups > 1 else ""
    several = any(word in f" {words} " for word in _LISTS)
    given = tuple(each.strip().strip("\"'") for each in (written.split(",") if several else [written]))
    if not written:
        given = ()
    if not _literals(reader, given, span):
        return None
    if op in _NUMERIC and not re.fullmatch(r"-?[0-9]{1,9}", given[0]):
        text = f'"{given[0]}" is not a number'
        reader.report(faults.bad_condition(span, words, f"{text}; < and > compare whole numbers"))
        return None
    if op in ("is", "is_not"):
        reader.given += [(match.group(1), word, span) for word in given]
    return Clause(variable=refer(reader, match.group(1), span), op=op, values=given, span=span)


def _literals(reader: Reader, given: tuple[str, ...], span: Span) -> bool:
    for word in given:
        if not _WORD.fullmatch(word):
            reader.report(
                faults.bad_condition(span, word, "compare with letters, digits and blanks, without quotes")
            )
            return False
    return True


# -- assignments -----------------------------------------------------------------------------------


def _read_changes(reader: Reader, node: Node) -> tuple[Change, ...] | None:
    mapping = read_mapping(reader, node, "what is set", "{tier: gold}")
    if mapping is None:
        return None
    refuse_duplicates(reader, mapping)
    changes = [_change(reader, word, child) for word, child in mapping.entries]
    return None if None in changes else tuple(change for change in changes if change)


def _change(reader: Reader, word: Scalar, node: Node) -> Change | None:
    name = _read_variable(reader, word)
    text = read_text(reader, node)
    if name is None or text is None:
        return None
    if re.fullmatch(r"[+-]\s?[0-9]{1,9}", text) and not getattr(node, "quoted", False):
        return Change(variable=name, add=int(text.replace(" ", "")), span=word.span)
    value = template(reader, text, node.span)
    if value and not any(part.variable for part in value):
        reader.given.append((name, text, node.span))
    return None if value is None else Change(variable=name, value=value, span=node.span)


def regular_expression(text: str) -> str | Wrong:
    """A pattern over digits, kept to what can stand in an expression of Asterisk."""
    if not re.fullmatch(r"[0-9*#\[\]()|?+.^-]+", text):
        return Wrong(f'"{text}" is not a pattern over digits', "write for example [1-9][0-9]+")
    try:
        re.compile(text)
    except re.error as error:
        return Wrong(f'"{text}" is not a pattern: {error}', "write for example [1-9][0-9]+")
    return text


def between(text: str) -> tuple[int, int] | Wrong:
    """`4-10` or `4`: how many digits."""
    match = re.fullmatch(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?", text)
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if 0 < least <= most <= 40:
        return least, most
    return Wrong(f'"{text}" is not a number of digits', 'write for example 4, or "4-10"; at most 40')


VARIABLE = Kind("name of a variable", _read_variable, shapes.LINE)
READABLE = Kind("name of a variable, or caller.number and its like", _read_readable, shapes.LINE)
TEMPLATE = Kind("text, with variables as {{ name }}", read_template, shapes.LINE)
CONDITION = Kind(
    "condition", _read_condition, shapes.either(shapes.LINE, shapes.mapping(shapes.NAME, shapes.SINGLE))
)
CHANGES = Kind(
    "mapping: variable to value, `{{ name }}`, +1 or -1",
    _read_changes,
    shapes.mapping(shapes.NAME, shapes.SINGLE),
)
