"""Expressions and function calls at random, sound and broken. Maths of what is no number is undefined."""

import random
from collections.abc import Callable

VARIABLES = {
    "a": "hello",
    "n": "42",
    "d": "3.5",
    "e": "",
    "z": "0",
    "u": "Zoë ü",
    "q": 'say "hi"',
    "s": "two words",
    "l": "a,b,,c",
    "p": "+49 30-123",
    "m": "-7",
    "x": "${a} $[1+1]",
    "c": "a)b(c]d[e",
    "b": "back\\slash",
}
_OPERATORS = "| & = != < > <= >= + - * / % =~ : ~~ == || &&".split()
_WORDS = "open closed 0 1 2 10 007 3.50 .5 5. 1.2.3 abc a_b x@y 1e3 99999999999 0.1 -".split()
_JUNK = ["?", "::", "(", ")", ",", "!", "~", "{", "}", "[", "`", '"', "$", "'", "\\", ";", "ü"]
_PATTERNS = [
    "^[0-9]+$",
    "^(open|closed)$",
    "l+",
    "(.)l",
    "[[:alpha:]]+",
    "a.c",
    "^$",
    "[^a-c]",
    "x{2,3}",
    "o?",
    "(",
    "\\.",
]
_CLASSES = [
    "a-z",
    "0-9",
    "+0-9",
    "a-zA-Z0-9",
    "\\x20-\\x7e",
    "^a",
    "a-c,",
    "\\\\",
    "\\-a",
    "z-a",
    "",
    "e-",
    "\\x80-\\xff",
]

_WANTED = ["l", "lo", "-", " ", "\\,", "a-z"]
_FORMATS = ["%Y%m%d", "%H:%M", "%a %j", "%d.%m.%y"]
_NEW = ["", "X", "YZ", "\\,"]


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, choices: list[str]) -> str:
        return self.random.choice(choices)

    def item(self) -> str:
        """Something with a value."""
        makers: tuple[Callable[[], str], ...] = (self.expression, self.function, self.part)
        return self.random.choice(makers)()

    def variable(self) -> str:
        return f"${{{self.pick([*VARIABLES, 'none'])}}}"

    def part(self) -> str:
        offset, length = self.random.randint(-8, 8), self.random.randint(-8, 8)
        end = self.pick(["", f":{length}", ":"])
        return f"${{{self.pick([*VARIABLES, 'none'])}:{offset}{end}}}"

    # -- expressions ---------------------------------------------------------------------------------

    def expression(self) -> str:
        text = self.operation(self.random.randint(1, 3))
        if self.random.random() < 0.25:
            at = self.random.randint(0, len(text))
            text = text[:at] + self.pick(_JUNK) + text[at:]
        return f"$[{text}]"

    def operation(self, depth: int) -> str:
        if depth == 0 or self.random.random() < 0.2:
            return self.operand()
        left, right = self.operation(depth - 1), self.operation(depth - 1)
        kind = self.random.random()
        if kind < 0.1:
            return f"({left} {self.pick(_OPERATORS)} {right})"
        if kind < 0.16:
            return f"{left} ? {right} :: {self.operand()}"
        if kind < 0.26:
            return f"{self.pick(['-', '!', '- '])}{left}"
        space = self.pick([" ", " ", ""])
        return f"{left}{space}{self.pick(_OPERATORS)}{space}{right}"

    def operand(self) -> str:
        kind = self.random.random()
        if kind < 0.35:
            return self.pick(_WORDS)
        if kind < 0.6:
            return self.variable()
        if kind < 0.9:
            return f'"{self.pick([*_WORDS, self.variable(), ""])}"'
        return f"{self.pick(['LEN', 'nofunction'])}({self.operand()})"

    # -- functions -----------------------------------------------------------------------------------

    def text(self) -> str:
        return "".join(
            self.pick(["a", "lo", " ", ",", self.variable(), "7", "é", "-", ":", '"', "?"]) for _ in range(3)
        )

    def name(self) -> str:
        return self.pick([*VARIABLES, "none"])

    def function(self) -> str:
        mark = self.pick([",", "-", " ", "\\,", ".", "l", ""])
        field = self.pick(["1", "2", "2-", "-2", "1-2", "1&3", "9", "x", "0"])
        number = self.pick(["1", "7", "2.5", "-3", "0", "x", "${n}"])
        operator = self.pick(["+", "-", "*", "/", "%", "^", ">", "<", ">=", "==", "AND", "XOR", "="])
        kind = self.pick(["", ",int", ",f", ",hex", ",i"])
        choices = [
            f"FILTER({self.pick(_CLASSES)},{self.text()})",
            f"CUT({self.name()},{mark},{field})",
            f"FIELDQTY({self.name()},{mark})",
            f"REPLACE({self.name()},{self.pick(_WANTED)},{self.pick(_NEW)})",
            f"STRREPLACE({self.name()},{self.pick(['l', 'ab', ' ', 'zz'])},{self.pick(['', 'X', 'YZ'])})",
            f'REGEX("{self.pick(_PATTERNS)}" {self.text()})',
            f"IF({self.pick(['0', '', self.expression(), self.variable()])}?{self.text()}:{self.text()})",
            f"LEN({self.text()})",
            f"QUOTE({self.text()})",
            f"CSV_QUOTE({self.text()})",
            f"TOUPPER({self.text()})",
            f"EXISTS({self.variable()})",
            f"ISNULL({self.variable()})",
            f"URIENCODE({self.text()})",
            f"MATH({number}{operator}{self.pick(['2', '3', '0', '1.5', '-1'])}{kind})",
            f"SHA1({self.text()})",
            f"LISTFILTER({self.name()},{mark},a)",
            f"STRFTIME({self.random.randint(0, 1 << 31)},Europe/Berlin,{self.pick(_FORMATS)})",
            f"PASSTHRU({self.text()})",
            f"SET(t={self.text()})",
            f"SHIFT({self.name()}{self.pick(['', ',-', ',l'])})",
            f"POP({self.name()})",
        ]
        call = f"${{{self.pick(choices)}}}"
        if self.random.random() < 0.15:
            call = f"${{LEN({call})}}"
        return call if self.random.random() < 0.8 else call[:-1] + f":{self.random.randint(-3, 3)}}}"


def items(seed: int, count: int) -> list[str]:
    maker = Maker(seed)
    return [maker.item() for _ in range(count)]


# -- extensions and times --------------------------------------------------------------------------

_CHARS = ["0", "1", "2", "7", "+", "X", "Z", "N", "[1-3]", "[17]", "[+0-9]", "a", "x", "-"]
_TAILS = ["", "", "", ".", "!", "X."]
_TIMES = [
    "*",
    "08:00-17:59",
    "22:00-06:00",
    "12:30",
    "09:00-09:30&20:00-21:00",
    "08:00-24:00",
    "7:5-8:5",
    "bad",
]
_WEEKDAYS = ["*", "mon-fri", "sat&sun", "fri-mon", "wed", "1-3", "TUE", "nix", "mon-nix"]
_DAYS = ["*", "1-15", "28-3", "31", "5&25", "0", "x"]
_MONTHS = ["*", "nov", "dec-feb", "6-8", "jan&oct", "13"]
_ZONES = ["", ",Europe/Berlin", ",America/New_York", ",Asia/Kolkata", ",No/Where"]


def patterns(maker: Maker) -> list[str]:
    """Extensions of one context; what is no extension at all is not among them."""
    found = set()
    for _ in range(maker.random.randint(3, 9)):
        body = "".join(maker.pick(_CHARS) for _ in range(maker.random.randint(1, 4)))
        plain = body.strip("-") and not set(body) & set("[]")
        found.add(f"_{body}{maker.pick(_TAILS)}" if maker.random.random() < 0.7 or not plain else body)
    kept: dict[str, str] = {}
    for exten in sorted(found):
        if exten.strip("_-"):
            kept.setdefault(exten.replace("-", "") if exten[0] != "_" else exten, exten)
    return list(kept.values())


def number(maker: Maker) -> str:
    return "".join(
        maker.pick(["0", "1", "2", "3", "7", "9", "+", "a", "x"]) for _ in range(maker.random.randint(1, 5))
    )


def time_condition(maker: Maker) -> str:
    fields = (_TIMES, _WEEKDAYS, _DAYS, _MONTHS)
    return ",".join(
        maker.pick(field) if maker.random.random() < 0.6 else "*" for field in fields
    ) + maker.pick(_ZONES)


def instant(maker: Maker) -> int:
    """Any second of some years, often near the change of a day or of summer time."""
    at = maker.random.randint(1_735_689_600, 1_893_456_000)
    near = maker.random.choice([at, at - at % 3600, 1_774_746_000, 1_792_890_000, at - at % 86_400])
    return near + maker.random.randint(-3600, 3600)
