"""`$[...]`: the grammar and the operators of Asterisk's ast_expr2. Text in, text out.

Numbers are long doubles there; here they are exact fractions rounded to a mantissa of 64 bits, and the
float -0.0 for minus nothing. A syntax error is no exception: Asterisk logs it and goes on with "0", with ""
if not even the first word fits, and with what it had if a whole expression came before the error.
"""

import functools
import math
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

from ccctl.sim.regex import search
from ccctl.sim.text import atoi

INT_MAX = 2_147_483_647
Number = int | Fraction | float
_MINUS_ZERO = -0.0
ReadFunction = Callable[[str, str], str]

_WORD = r"(?:[a-zA-Z0-9.';\\_^#@\x80-\xff]|\$[^{])+"
_LEXEMES = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<operator>\|\|?|&&?|=~|==?|~~|>=?|<=?|!=?|[+,\-*/%?()]|::?)"
    r'|(?P<quoted>"[^"]*")'
    rf"|(?P<number>[0-9]+(?:\.[0-9]+)?)(?!{_WORD})"
    rf"|(?P<variable>(?:{_WORD})?\$\{{)"
    rf"|(?P<word>{_WORD})",
    re.DOTALL,
)
_SAME = {"||": "|", "&&": "&", "==": "="}
_LEVELS = {
    "?": 2, "|": 3, "&": 4, "=": 5, ">": 5, "<": 5, ">=": 5, "<=": 5, "!=": 5,
    "+": 6, "-": 6, "*": 7, "/": 7, "%": 7, ":": 9, "=~": 9, "~~": 9,
}  # fmt: skip
_NO_BEGINNING = frozenset({*_LEVELS, "::", ",", ")"} - {"-"})
_UNARY_OPERAND = 9  # of `-` and `!`: only the operators on patterns bind more tightly
_TRAIL = re.compile(r"[^-\t\r \n$():?%/+=*<>!|&]*")
_FUNCTION = re.compile(r"[A-Z_0-9]*")


class Value:
    """A number, or text; text that the scanner saw as a number becomes one when it is needed."""

    __slots__ = ("number", "numeric", "text")

    def __init__(self, text: str = "", number: Number | None = None, numeric: bool = False) -> None:
        self.text = text
        self.number = number
        self.numeric = numeric

    @property
    def is_text(self) -> bool:
        return self.number is None and not self.numeric

    def as_number(self) -> Number | None:
        if self.number is None and self.numeric:
            self.number = _parse(self.text)
        return self.number

    def as_text(self) -> str:
        return self.text if self.number is None else written(self.number)

    def is_nothing(self) -> bool:
        """False in the sense of `|` and `&`."""
        if self.number is None and not self.text:
            return True
        return self.as_number() == 0


def _parse(text: str) -> Number:
    """strtold of digits and dots."""
    found = re.match(r"[0-9]*(?:\.[0-9]*)?", text)
    digits = found.group() if found else ""
    return rounded(Fraction(digits)) if digits.strip(".") else 0


def _zero(negative: bool) -> Number:
    return _MINUS_ZERO if negative else 0


def _negative(value: Number) -> bool:
    return value < 0 or isinstance(value, float)


def rounded(value: Fraction | int) -> Number:
    """To 64 bits of mantissa, halves to even, as the processor's long double does."""
    if isinstance(value, int) or value.denominator == 1:
        value = int(value)
        if abs(value) < 1 << 64:
            return value
    fraction = Fraction(value)
    exponent = math.frexp(float(abs(fraction)))[1] - 64 if fraction else 0
    scale = Fraction(2) ** exponent
    result = round(fraction / scale) * scale
    return int(result) if result.denominator == 1 else result


def written(number: Number) -> str:
    """printf("%.18Lg")."""
    if isinstance(number, float):
        return "-0"
    if isinstance(number, int) and abs(number) < 10**18:
        return str(number)
    with localcontext() as context:
        context.prec = 60
        value = Decimal(number.numerator) / Decimal(number.denominator)
    exponent = Decimal(f"{value:.17e}").adjusted()
    if -5 < exponent < 18:
        text = f"{value:.{17 - exponent}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, power = f"{value:.17e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power):+03d}"


def text_value(text: str) -> Value:
    """make_str: digits and dots alone are a number in waiting."""
    return Value(text, numeric=bool(re.fullmatch(r"[0-9.]+", text)))


# -- scanner ---------------------------------------------------------------------------------------

Token = tuple[str, str, bool]  # operator or "", text, whether the scanner saw a number


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        lexeme = _LEXEMES.match(text, at)
        if lexeme is None:  # a character of no meaning; the scanner drops it
            at += 1
            continue
        kind, taken = lexeme.lastgroup, lexeme.group()
        if kind == "variable":
            at, token = _literal_variable(text, at, lexeme.end())
            found += [("", token, False)] if token else []
            continue
        at = lexeme.end()
        if kind == "operator":
            found.append((_SAME.get(taken, taken), taken, False))
        elif kind != "blank":
            found.append(("", taken, kind == "number"))
    return found


def _literal_variable(text: str, start: int, at: int) -> tuple[int, str]:
    """`${...}` that came from a value: it is one word with what follows it closely.

    If nothing does, the scanner forgets to end the word, and it has all the rest of the text.
    """
    while True:
        at = _closing(text, at)
        if at < 0:
            return len(text), ""
        trail = _TRAIL.match(text, at)
        at = trail.end() if trail else at
        if not text.startswith("${", at):
            return at, text[start : at if trail and trail.group() else None]
        at += 2


def _closing(text: str, at: int) -> int:
    depth = 1
    while depth:
        brace = re.compile(r"[{}]").search(text, at)
        if brace is None:
            return -1
        depth += 1 if brace.group() == "{" else -1
        at = brace.end()
    return at


# -- parser ----------------------------------------------------------------------------------------


class _SyntaxError(Exception):
    pass


class _Parser:
    def __init__(self, found: list[Token], read: ReadFunction | None) -> None:
        self.found = found
        self.at = 0
        self.read = read

    def peek(self) -> str | None:
        """The next operator, "" before a word, None at the end."""
        return self.found[self.at][0] if self.at < len(self.found) else None

    def expect(self, operator: str) -> None:
        if self.peek() != operator:
            raise _SyntaxError
        self.at += 1

    def whole(self) -> Value:
        if not self.found:
            return Value("")
        if self.peek() in _NO_BEGINNING:
            return Value("")
        return self.expression(0)  # what comes after it is an error too late to be heard of

    def expression(self, above: int) -> Value:
        left = self.operand()
        while (operator := self.peek()) and (level := _LEVELS.get(operator, 0)) > above:
            self.at += 1
            if operator == "?":
                left = self.choice(left, level)
            else:
                left = OPERATORS[operator](left, self.expression(level))
        return left

    def choice(self, left: Value, level: int) -> Value:
        yes = self.expression(0)
        self.expect("::")
        no = self.expression(level)
        return yes if _chosen(left) else no

    def operand(self) -> Value:
        operator = self.peek()
        if operator is None:
            raise _SyntaxError
        _, text, numeric = self.found[self.at]
        self.at += 1
        if operator == "":
            return self.function(text) if self.peek() == "(" else Value(text, numeric=numeric)
        if operator == "(":
            value = self.expression(0)
            self.expect(")")
            return value
        if operator == "-":
            return _negate(self.expression(_UNARY_OPERAND - 1))
        if operator == "!":
            return _complement(self.expression(_UNARY_OPERAND - 1))
        raise _SyntaxError

    def function(self, name: str) -> Value:
        self.expect("(")
        arguments = [self.expression(0)]
        while self.peek() == ",":
            self.at += 1
            empty = self.peek() in (",", ")")
            arguments.append(text_value("") if empty else self.expression(0))
        self.expect(")")
        return _call(name, arguments, self.read)


def _chosen(value: Value) -> bool:
    if value.is_text:
        return value.text not in ("", '""', "0")
    return value.as_number() != 0


def _negate(value: Value) -> Value:
    number = value.as_number()
    if not number:
        return Value(number=_zero(number is not None and not _negative(number)))
    return Value(number=-number)


def _complement(value: Value) -> Value:
    truth = value.number if value.number is not None else atoi(value.text)
    return Value(number=int(not truth))


# -- operators -------------------------------------------------------------------------------------


def _or(left: Value, right: Value) -> Value:
    return right if left.is_nothing() else left


def _and(left: Value, right: Value) -> Value:
    return Value(number=0) if left.is_nothing() or right.is_nothing() else left


def _comparison(test: Callable[[int], bool]) -> Callable[[Value, Value], Value]:
    def compare(left: Value, right: Value) -> Value:
        if left.is_text or right.is_text:
            one, other = left.as_text(), right.as_text()
            return Value(number=int(test((one > other) - (one < other))))
        a, b = left.as_number() or 0, right.as_number() or 0
        return Value(number=int(test((a > b) - (a < b))))

    return compare


def _plus(left: Value, right: Value) -> Value:
    a, b = left.as_number(), right.as_number()
    if a is None or b is None:
        return Value(number=0 if a is None and b is None else b if a is None else a)
    return _added(a, b)


def _minus(left: Value, right: Value) -> Value:
    a, b = left.as_number(), right.as_number()
    if b is None:
        return Value(number=0 if a is None else a)
    return _added(0 if a is None else a, -b if b else _zero(not _negative(b)))


def _added(a: Number, b: Number) -> Value:
    if not a and not b:
        return Value(number=_zero(_negative(a) and _negative(b)))
    return Value(number=rounded(Fraction(a) + Fraction(b)))


def _times(left: Value, right: Value) -> Value:
    a, b = left.as_number(), right.as_number()
    if a is None or b is None:
        return Value(number=0)
    if not a or not b:
        return Value(number=_zero(_negative(a) != _negative(b)))
    return Value(number=rounded(Fraction(a) * Fraction(b)))


def _divide(left: Value, right: Value) -> Value:
    a, b = left.as_number(), right.as_number()
    if a is None:
        return Value(number=0)
    if not b:
        return Value(number=INT_MAX)
    if not a:
        return Value(number=_zero(_negative(a) != _negative(b)))
    return Value(number=rounded(Fraction(a) / Fraction(b)))


def _remainder(left: Value, right: Value) -> Value:
    a, b = left.as_number(), right.as_number()
    if a is None or b is None:
        return Value(number=0)
    if not b:
        return right
    rest = Fraction(a) - Fraction(b) * math.trunc(Fraction(a) / Fraction(b))
    return Value(number=rounded(rest) if rest else _zero(_negative(a)))


def _unquoted(value: Value) -> str:
    text = value.as_text()
    quoted = text[:1] == '"' and text[-1:] == '"'
    return text.replace('"', "") if quoted else text


def _match(left: Value, right: Value, anchored: bool) -> Value:
    found = search(_unquoted(right), _unquoted(left), anchored=anchored)
    if found is None:  # no regular expression at all
        return text_value("")
    if not found.matched:
        return text_value("") if found.groups else Value(number=0)
    return Value(number=found.length) if found.first is None else text_value(found.first)


def _join(left: Value, right: Value) -> Value:
    return text_value(_unquoted(left) + _unquoted(right))


OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "|": _or,
    "&": _and,
    "=": _comparison(lambda order: order == 0),
    "!=": _comparison(lambda order: order != 0),
    ">": _comparison(lambda order: order > 0),
    "<": _comparison(lambda order: order < 0),
    ">=": _comparison(lambda order: order >= 0),
    "<=": _comparison(lambda order: order <= 0),
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _divide,
    "%": _remainder,
    ":": lambda left, right: _match(left, right, True),
    "=~": lambda left, right: _match(left, right, False),
    "~~": _join,
}


# -- functions inside of expressions -----------------------------------------------------------------


def _half_away(value: Number) -> Number:
    whole = math.floor(abs(Fraction(value)) + Fraction(1, 2))
    return whole if value >= 0 else -whole


_MATHS: dict[str, Callable[[Number], Number]] = {
    "FLOOR": math.floor,
    "CEIL": math.ceil,
    "ROUND": _half_away,
    "TRUNC": math.trunc,
    "ABS": lambda value: abs(Fraction(value)),
}


def _call(name: str, arguments: list[Value], read: ReadFunction | None) -> Value:
    if name in _MATHS:
        number = arguments[0].as_number()
        return Value(number=_MATHS[name](number or 0) if len(arguments) == 1 else 0)
    if read is None or not _FUNCTION.fullmatch(name):
        return Value(number=0)
    text = read(name, ",".join(argument.as_text() for argument in arguments))
    if re.fullmatch(r"[-0-9. \t]*", text):
        found = re.match(r"[ \t]*(-?)([0-9.]*)", text)
        sign, digits = found.groups() if found else ("", "")
        return Value(number=_parse(digits) * (-1 if sign else 1))
    return text_value(text)


# -- the door --------------------------------------------------------------------------------------


def evaluate(text: str, read: ReadFunction | None = None) -> str:
    """The value of `$[text]`; `read` asks for a dialplan function used inside."""
    return _evaluated(text, read) if "(" in text else _cached(text)


@functools.lru_cache(maxsize=100_000)
def _cached(text: str) -> str:
    return _evaluated(text, None)


def _evaluated(text: str, read: ReadFunction | None) -> str:
    try:
        return _Parser(tokens(text), read).whole().as_text()
    except _SyntaxError:
        return "0"
