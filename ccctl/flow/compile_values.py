"""Variables, texts and conditions in Asterisk's words.

A variable holds only what its type lets through: it is filtered where it is set, so that reading it needs
no further care. Filtered values have no quote, comma, bracket, `$`, `&` or `;`.
"""

import re

from ccctl.errors import ApplyError
from ccctl.flow.dialplan import Line, literal, put
from ccctl.flow.graph import Change, Clause, Condition, Site, Text, Variable

TEXT_CLASS = "a-zA-Z0-9 ._@\\x80-\\xff"
TEXT_MOST = 80
PREFIX = "CC_V_"
READABLE = {
    "caller.number": "${CC_NUM}",
    "caller.name": "${CC_NAME}",
    "called.number": "${CC_NUMBER}",
    "language": "${CC_LANGUAGE}",
    "now": "${EPOCH}",
}
_CLASSES = {
    "digits": "0-9",
    "number": "0-9\\x2d",
    "phone": "+0-9",
    "flag": "a-z",
    "enum": "a-z0-9\\x2d_",
    "text": TEXT_CLASS,
}
_NUMERIC = {"less": "<", "at_most": "<=", "more": ">", "at_least": ">="}


def channel_variable(variable: str) -> str:
    """tier-level -> CC_V_tier_level."""
    return PREFIX + variable.replace("-", "_")


def read(variable: str) -> str:
    """The expression that reads a variable of the language."""
    return READABLE.get(variable) or f"${{{channel_variable(variable)}}}"


def spoken(value: str) -> str:
    """What a say step says: numbers without the plus sign, else what is written."""
    if value in ("caller.number", "called.number"):
        return digits_only(value)
    variable = re.fullmatch(r"\{\{ (.+) \}\}", value)
    return read(variable.group(1)) if variable else literal(value)


def digits_only(variable: str) -> str:
    """A telephone number without its plus sign."""
    return f"${{FILTER(0-9,{read(variable)})}}"


def text(parts: Text, encode: bool = False) -> str:
    """A text with variables in it; `encode` makes the values safe in a URL."""
    words = []
    for part in parts:
        value = read(part.variable) if part.variable else literal(part.text)
        words.append(f"${{URIENCODE({value})}}" if encode and part.variable else value)
    return "".join(words)


def store(variable: Variable, raw: str) -> list[Line]:
    """Lines that set the variable from untrusted data (the expression `raw`): filtered to the characters
    of its type; what then is no value of the type becomes the default."""
    most = {"digits": variable.most, "text": variable.most or TEXT_MOST, "phone": 16}.get(variable.type, 0)
    value = f"${{CC_RAW:0:{most}}}" if most else "${CC_RAW}"
    if fits := _fit(variable):
        value = f"${{IF($[{fits}]?{value}:{literal(variable.default)})}}"
    return [
        put("CC_RAW", f"${{FILTER({_CLASSES[variable.type]},{raw})}}"),
        put(channel_variable(variable.name), value),
    ]


def _fit(variable: Variable) -> str:
    """The condition on CC_RAW under which it is a value of the type; '' when any is."""
    match variable.type:
        case "enum":
            return " | ".join(f'"${{CC_RAW}}" = "{literal(value)}"' for value in variable.values)
        case "flag":
            return '"${CC_RAW}" = "yes" | "${CC_RAW}" = "no"'
        case "number":
            shape = '${REGEX("^-?[0-9]+$" ${CC_RAW})} & ${LEN(${CC_RAW})} < 10'
            ends = f"0${{CC_RAW}} >= {variable.least} & 0${{CC_RAW}} <= {variable.most}"
            return f"{shape} & {ends}" if variable.least or variable.most else shape
    return ""


def changed(site: Site, change: Change) -> list[Line]:
    """Lines of one assignment. What comes from a variable is filtered by the type of the one that is set."""
    variable = site.vars[change.variable]
    if change.add:
        return store(variable, f"$[0{read(variable.name)} + {change.add}]")
    if all(not part.variable for part in change.value):
        return [put(channel_variable(variable.name), text(change.value))]
    return store(variable, text(change.value))


# -- conditions ------------------------------------------------------------------------------------


def condition(value: Condition) -> str:
    """Between `$[` and `]`."""
    groups = ["(" + " & ".join(_clause(clause) for clause in group) + ")" for group in value.groups]
    return " | ".join(groups)


def _clause(clause: Clause) -> str:
    here = f'"{_compared(clause)}"'
    match clause.op:
        case "set":
            return f'{here} != ""'
        case "unset" | "withheld":
            return f'{here} = ""'
        case "is":
            return "(" + " | ".join(f'{here} = "{_quoted(each)}"' for each in clause.values) + ")"
        case "is_not":
            return "(" + " & ".join(f'{here} != "{_quoted(each)}"' for each in clause.values) + ")"
        case "starts_with":
            return "(" + " | ".join(_starts(clause.variable, each) for each in clause.values) + ")"
    if clause.op not in _NUMERIC:
        raise ApplyError(f"unknown comparison {clause.op!r}")
    return f"0{read(clause.variable)} {_NUMERIC[clause.op]} {clause.values[0]}"


def _compared(clause: Clause) -> str:
    """Every call has a language; only a chosen one is `set`."""
    if clause.variable == "language" and clause.op in ("is", "is_not"):
        return "${CHANNEL(language)}"
    return read(clause.variable)


def _starts(variable: str, start: str) -> str:
    expression = read(variable).removesuffix("}")
    return f'"{expression}:0:{len(start.encode())}}}" = "{_quoted(start)}"'


def _quoted(word: str) -> str:
    """A literal between the quotes of an expression: no comma needs a backslash there."""
    literal(word)
    return word
