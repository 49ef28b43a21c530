"""What an editor can know of a value before ccctl reads it: fragments of JSON Schema (draft 7).

Editors see YAML's own types (`201` is a number, `true` a boolean) where ccctl keeps the text, so a
fragment says what both may be; a `pattern` binds strings only. An empty fragment accepts all:
right for a kind that is not described yet.
"""

from typing import Any

Shape = dict[str, Any]

ANY: Shape = {}
SINGLE: Shape = {"type": ["string", "number", "boolean"]}
LINE: Shape = {
    "type": ["string", "number", "boolean"],
    "pattern": r"^(?![\s\S]*\$[{\[])[^\n]*\S[^\n]*$",
    "errorMessage": "one line of text, without ${ or $[",
}
NAME_PATTERN = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
NAME: Shape = {
    "type": "string",
    "pattern": NAME_PATTERN,
    "maxLength": 40,
    "errorMessage": "a name: lower-case letters, digits and single hyphens, a letter first",
}
DURATION: Shape = {
    "type": "string",
    "pattern": r"^(\d{1,9}(ms|s|m|h|d))+$",
    "errorMessage": "a duration with its unit: 500ms, 15s, 2m, 1m30s, 1h",
}
TRUTH: Shape = {"enum": [True, False, "true", "false", "yes", "no", "on", "off"]}
E164: Shape = {
    "type": ["string", "integer"],
    "pattern": r"^\+?[1-9][0-9]{5,14}$",  # as a key, YAML's number has lost its +
    "errorMessage": 'a phone number in quotes: "+49301234500"',
}
TARGET: Shape = {
    "type": ["string", "integer"],
    "pattern": r"^(\+?[0-9]{2,15}|[a-z][a-z0-9]*(-[a-z0-9]+)*)$",
    "errorMessage": "a name, or a number with its country code in quotes",
}
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
HOST: Shape = {
    "type": "string",
    "pattern": rf"^({_BYTE}(\.{_BYTE}){{3}}|({_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?)$",
    "errorMessage": "a host name, or an IPv4 address",
}
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
DAY_PATTERN = f"daily|{_DAY}( *- *{_DAY})?"
_TIME = "(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)"
TIMES_PATTERN = f"{_TIME} *- *{_TIME}"
BODY: Shape = {"$ref": "#/$defs/body"}
AMBIGUOUS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def matching(pattern: str, message: str = "", number: bool = False) -> Shape:
    """A string of a pattern. `number`: written without quotes, YAML takes it for a number."""
    shape: Shape = {"type": ["string", "number"] if number else "string", "pattern": f"^({pattern})$"}
    return {**shape, "errorMessage": message} if message else shape


LANGUAGE = matching("[a-z]{2,3}(_[A-Z]{2})?")


def several(pattern: str, message: str) -> Shape:
    """One or more of a pattern, with commas between."""
    return matching(f"({pattern})( *, *({pattern}))*", message)


def digits(least: int, most: int) -> Shape:
    message = f"{least} digits" if least == most else f"{least} to {most} digits"
    return matching(f"[0-9]{{{least},{most}}}", message, number=True)


def whole(least: int, most: int) -> Shape:
    return {"type": ["integer", "string"], "pattern": r"^-?\d{1,12}$", "minimum": least, "maximum": most}


def words(known: tuple[str, ...]) -> Shape:
    """One of some words; those that YAML takes for true or false may be that."""
    truths = dict.fromkeys(AMBIGUOUS[word] for word in known if word in AMBIGUOUS)
    numbers = [int(word) for word in known if word.isdecimal() and str(int(word)) == word]
    return {"enum": [*known, *truths, *numbers]}


def named(section: str) -> Shape:
    """The name of a thing; an editor may know those of the site."""
    return {"$ref": f"#/$defs/{section}-name"}


def listed(item: Shape) -> Shape:
    """A list, or one item without brackets."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]} if item else ANY


def either(*shapes: Shape) -> Shape:
    return {"anyOf": list(shapes)}


def mapping(key: Shape, value: Shape, least: int = 0) -> Shape:
    """A mapping whose keys are data. Of a key no type is said: in JSON it is a string, to editors a
    YAML key may be a number."""
    shape: Shape = {"type": "object", "additionalProperties": value or True}
    if key:
        shape["propertyNames"] = {word: rule for word, rule in key.items() if word != "type"}
    return {**shape, "minProperties": least} if least else shape
