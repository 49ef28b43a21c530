"""What differs between two sites, in the words of the site's files.

Works on models (see model.py), so it knows sections, fields and steps by their names only: what the
language learns later is compared as well. Places in the files never count as a difference.
"""

import difflib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ccctl.flow.graph import Site
from ccctl.flow.model import PLACE, SEALED, STEP, Tree, model, seal

_SILENT = {PLACE, STEP, "name", "key", "fragment"}
_INLINE = {"body", "steps"}  # a branch is called after what leads into it
_WORDS = {
    "sl_percent": "service_level percent",
    "sl_ms": "service_level within",
    "open": "open",
    "say_as": "as",
}
_MEMBERS = {("queue", "agents"): "members"}
_SINGULAR = {"hours": "hours"}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHOWN = 44  # characters of a text


class Change(msgspec.Struct, frozen=True):
    """`kind`: added, removed or changed. `what` is a section in the singular: queue, flow, number."""

    kind: str
    what: str
    name: str = ""
    details: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return (
            f"{ {'added': '+', 'removed': '-', 'changed': '~'}[self.kind] } {self.what} {self.name}".rstrip()
        )

    def lines(self) -> list[str]:
        """As a plan shows it: short details in one line, the others below each other."""
        if not self.details:
            return [self.title]
        line = f"{self.title}: {'; '.join(self.details)}"
        if len(self.details) == 1 or (len(line) <= 100 and self.what != "flow"):
            return [line]
        return [f"{self.title}:", *(f"    {detail}" for detail in self.details)]


def site_changes(old: Site, new: Site) -> list[Change]:
    hide = seal(b"both")
    return changes(model(old, hide), model(new, hide))


def changes(old: Tree, new: Tree) -> list[Change]:
    """Section by section, in the order of the new site."""
    return [
        change
        for section in dict.fromkeys((*new, *old))
        if section != PLACE
        for change in _section(section, old.get(section), new.get(section))
    ]


def summary(found: list[Change], most: int = 100) -> str:
    """One line for a list: the names of what changed."""
    text = ", ".join(change.title for change in found)
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


# -- sections --------------------------------------------------------------------------------------


def _section(section: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None and not _is_collection(new):
        return  # settings of a site that was never there are no news
    if _is_sealed(old) or _is_sealed(new):
        if old != new:
            yield Change("changed", section, "", ("changed",))
        return
    if not (_is_collection(old) and _is_collection(new)):
        details = tuple(_value(section, "", old, new) if not _is_record(new, old) else _fields("", old, new))
        if details:
            yield Change("changed", section, "", details)
        return
    before, after, what = old or {}, new or {}, singular(section)
    for name in dict.fromkeys((*after, *before)):
        if _is_told_elsewhere(before.get(name), after.get(name)):
            continue
        if name not in before:
            yield Change("added", what, name, tuple(_born(after[name])))
        elif name not in after:
            yield Change("removed", what, name)
        elif before[name] != after[name] and (details := tuple(_fields("", before[name], after[name], what))):
            yield Change("changed", what, name, details)


def _is_told_elsewhere(old: Tree | None, new: Tree | None) -> bool:
    """A prompt that is a part of what a step says: the step tells, or the variable, what its text is."""
    if not (new or old or {}).get("fragment"):
        return False
    return not (old and new) or (old["texts"] != new["texts"] and old["files"] == new["files"])


def _is_collection(value: Any) -> bool:
    """Named records; a record itself has a place."""
    return value is None or (
        isinstance(value, dict)
        and PLACE not in value
        and all(isinstance(each, dict) for each in value.values())
    )


def _is_record(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def _born(item: Tree) -> Iterator[str]:
    if isinstance(item.get("flow"), str) and item["flow"]:
        yield f"-> {item['flow']}"


def singular(section: str) -> str:
    if section in _SINGULAR:
        return _SINGULAR[section]
    for end, instead in (("ies", "y"), ("xes", "x"), ("s", "")):
        if section.endswith(end):
            return (section.removesuffix(end) + instead).replace("_", " ")
    return section.replace("_", " ")


# -- fields ----------------------------------------------------------------------------------------


def _fields(before: str, old: Tree, new: Tree, what: str = "") -> Iterator[str]:
    """Details of a record; `before` is what stands in front of each."""
    for field in dict.fromkeys((*new, *old)):
        if field in _SILENT or (field == "digest" and _texts_differ(old, new)):
            continue
        if field in _INLINE:
            yield from _branch(before, old.get(field) or [], new.get(field) or [])
        elif field == "digest" and old.get(field) != new.get(field):
            yield f"{before}recording changed"
        else:
            name = _MEMBERS.get((what, field)) or _WORDS.get(field) or field.removesuffix("_ms")
            yield from _value(field, f"{before}{name}", old.get(field), new.get(field))


def _texts_differ(old: Tree, new: Tree) -> bool:
    return any(old.get(field) != new.get(field) for field in ("texts", "files"))


def _value(field: str, name: str, old: Any, new: Any) -> Iterator[str]:
    """Details of one field."""
    if old == new or (not old and not new):
        return
    if _is_sealed(old) or _is_sealed(new):
        yield f"{name} changed"
    elif _are_steps(old) or _are_steps(new):
        yield from _branch(f"{name} ", old or [], new or [])
    elif _are_keyed(old) or _are_keyed(new):
        yield from _keyed(field, name, old or [], new or [])
    elif isinstance(old, dict) or isinstance(new, dict):
        yield from _inner(f"{name} ".lstrip(), old or {}, new or {})
    elif isinstance(old, list) or isinstance(new, list):
        yield from _list(name, old or [], new or [])
    else:
        before, after = _apart(old, new)
        yield f"{name} {shown(field, before)} -> {shown(field, after)}".lstrip()


def _apart(old: Any, new: Any) -> tuple[Any, Any]:
    """Two long texts that begin alike are told from a little before they differ."""
    if not (isinstance(old, str) and isinstance(new, str)):
        return old, new
    pairs = enumerate(zip(old, new, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))
    if at < _SHOWN // 2:
        return old, new
    start = old.rfind(" ", 0, at - _SHOWN // 4) + 1
    return f"...{old[start:]}", f"...{new[start:]}"


def _inner(before: str, old: Tree, new: Tree) -> Iterator[str]:
    if PLACE in new or PLACE in old:
        yield from _fields(before, old, new)
        return
    for key in dict.fromkeys((*new, *old)):
        yield from _value(key, f"{before}{key.removesuffix('_ms')}", old.get(key), new.get(key))


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {SEALED}


def _are_steps(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) and STEP in each for each in value)


def _are_keyed(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_key(each) for each in value)


def _key(value: Any) -> str:
    return str(value.get("key") or value.get("name") or "") if isinstance(value, dict) else ""


def _keyed(field: str, name: str, old: list[Tree], new: list[Tree]) -> Iterator[str]:
    """Options of a menu and their like, whatever their order."""
    before, after = {_key(each): each for each in old}, {_key(each): each for each in new}
    one = f"{name.removesuffix(field)}{singular(field)}"
    for key in dict.fromkeys((*after, *before)):
        if key not in after:
            yield f"{one} {key} removed"
        elif key not in before:
            yield f"{one} {key} added{_leads_to(after[key])}"
        else:
            yield from _fields(f"{one} {key} ", before[key], after[key])


def _leads_to(option: Tree) -> str:
    where = brief_body(option.get("body") or [])
    return f" -> {where}" if where else ""


def _list(name: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    before, after = [_element(each) for each in old], [_element(each) for each in new]
    more = [f"+ {each}" for each in after if each not in before]
    less = [f"- {each}" for each in before if each not in after]
    if len(before) == len(after) == 1 and before != after:
        yield f"{name} {before[0]} -> {after[0]}".lstrip()
    elif more or less:
        yield " ".join([name, *more, *less]).lstrip()
    elif before != after:
        yield f"{name} {', '.join(before)} -> {', '.join(after)}".lstrip()


def _element(value: Any) -> str:
    if isinstance(value, dict):
        if set(value) == {"day", "start", "end"}:
            return f"{_DAYS[value['day']]} {clock(value['start'])}-{clock(value['end'])}"
        return " ".join(f"{key} {shown(key, each)}" for key, each in value.items() if key != PLACE and each)
    return shown("", value)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def shown(field: str, value: Any) -> str:
    """A value as a site would write it."""
    match value:
        case None | "" | [] | {}:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int() if field.endswith("_ms"):
            return duration(value)
        case str():
            text = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}..."
            return f'"{text}"' if " " in value else text
        case list():
            return ", ".join(_element(each) for each in value)
    return str(value)


def duration(ms: int) -> str:
    """15s, 10m, 500ms; 0 says that there is no limit."""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms and ms % size == 0 and (unit == "s" or ms >= 2 * size or ms == size):
            return f"{ms // size}{unit}"
    return f"{ms}ms" if ms else "none"


# -- steps -----------------------------------------------------------------------------------------


def _branch(before: str, old: list[Tree], new: list[Tree]) -> Iterator[str]:
    """Two lists of steps. One goto for another is a new destination, not a removal and an addition."""
    gone, come = brief_body(old), brief_body(new)
    head = before.strip()
    if _print(old) == _print(new):
        return
    if head and not head.endswith(":") and (not old or not new or _is_goto(old) or _is_goto(new)):
        yield f"{head} -> {come or 'none'} (was {gone or 'none'})"
        return
    yield from _steps(f"{head}: " if head and not head.endswith(":") else before, old, new)


def _is_goto(steps: list[Tree]) -> bool:
    return [step.get(STEP) for step in steps] == ["goto"]


def _steps(before: str, old: list[Tree], new: list[Tree]) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(
        None, [_print(s) for s in old], [_print(s) for s in new], autojunk=False
    )
    for what, i, j, k, m in matcher.get_opcodes():
        if what != "equal":
            yield from _replaced(before, old[i:j], new[k:m])


def _replaced(before: str, old: list[Tree], new: list[Tree]) -> Iterator[str]:
    """Steps of the same kind, in order, are the same step changed; the others went or came."""
    kinds = difflib.SequenceMatcher(
        None, [s.get(STEP) for s in old], [s.get(STEP) for s in new], autojunk=False
    )
    for what, i, j, k, m in kinds.get_opcodes():
        if what == "equal":
            for one, other in zip(old[i:j], new[k:m], strict=True):
                yield from _fields(f"{before}{other[STEP]} at {other.get(PLACE, '?')}: ", one, other)
            continue
        yield from (f"{before}- {brief(step)} (was at {step.get(PLACE, '?')})" for step in old[i:j])
        yield from (f"{before}+ {brief(step)} ({step.get(PLACE, '?')})" for step in new[k:m])


def _print(value: Any) -> str:
    return json.dumps(_without_places(value), sort_keys=True)


def _without_places(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_places(each) for key, each in value.items() if key != PLACE}
        case list():
            return [_without_places(each) for each in value]
    return value


def brief(step: Tree) -> str:
    """A step in a few words: its kind and what it names first."""
    for field, value in step.items():
        if field in (PLACE, STEP):
            continue
        if isinstance(value, str) and value:
            return f"{step.get(STEP, '')} {shown('', value)}".strip()
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return f"{step.get(STEP, '')} {', '.join(value)}".strip()
        if field == "text" and isinstance(value, dict) and value:
            return f"{step.get(STEP, '')} {shown('', next(iter(value.values())))}"
    return str(step.get(STEP, "step"))


def brief_body(steps: list[Tree]) -> str:
    if _is_goto(steps):
        return str(steps[0].get("flow", ""))
    return ", ".join(brief(step) for step in steps[:3]) + (", ..." if len(steps) > 3 else "")
