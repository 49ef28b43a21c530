"""Facts from tables, and callbacks that are asked for."""

from ccctl.flow import compile_http, marks
from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, Plain, table_context, whole_seconds
from ccctl.flow.compile_http import fetched
from ccctl.flow.compile_values import read
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, mark, name, put
from ccctl.flow.graph import Callback, Lookup, LookupTable, Site
from ccctl.flow.numbering import CALLING_CODES, PREMIUM
from ccctl.flow.roster import callback_rules

KEY_MOST = 60
_KEY = "0-9a-z+_"
_CELL = "~"  # between the cells of a row; no cell has it


# -- tables ----------------------------------------------------------------------------------------


def tables(site: Site, generation: str) -> list[Context]:
    return [_table(table, generation) for table in site.tables.values()]


def _table(table: LookupTable, generation: str) -> Context:
    """A row is an extension: Asterisk finds it in a tree. The first cell says that there is one."""
    none = tuple(Exten(pattern, (Line("Return", ("0",)),)) for pattern in ("k", "_k."))
    rows = (Exten(f"k{key}", (Line("Return", (_row(cells),)),)) for key, cells in table.rows.items())
    return Context(table_context(generation, table.name), (*none, *rows))


def _row(cells: tuple[str, ...]) -> str:
    return _CELL.join(("1", *cells))


def _lookup(f: FlowCompiler, block: Block, step: Lookup, then: Place | None) -> None:
    here = f.fresh("lookup")
    table = f.site.tables[step.table]
    block += [
        *(international(read(step.key), f.site.defaults.country) if table.phone else _word(read(step.key))),
        Line("Gosub", (table_context(f.generation, step.table), f"k${{CC_KEY:0:{KEY_MOST}}}", "1")),
        put("CC_ROW", "${GOSUB_RETVAL}"),
        go_if('"${CC_ROW:0:1}" = "1"', f"{here}_found,1"),
        goto(f.place(f"{here}_missing")),
    ]
    found = f.block(f"{here}_found")
    for save in step.save:
        cell = table.columns.index(save.source) + 2
        found += fetched(f.site.vars[save.variable], f"${{CUT(CC_ROW,{_CELL},{cell})}}")
    found.append(put("CC_ROW", ""))
    f.go(found, then)
    f.body(f"{here}_missing", step.on_missing, then)


def _word(value: str) -> list[Line]:
    return [put("CC_KEY", f"${{FILTER({_KEY},${{TOLOWER({value})}})}}")]


# -- numbers ---------------------------------------------------------------------------------------


def international(value: str, country: str) -> list[Line]:
    """Lines that make CC_KEY of a number: +49301234500, or the digits of an extension."""
    code = CALLING_CODES.get(country, "")
    national = f"+{code}${{CC_KEY:1}}" if code else "${CC_KEY}"
    return [
        put("CC_KEY", f"${{FILTER(+0-9,{value})}}"),
        put("CC_KEY", '${IF($["${CC_KEY:0:2}" = "00"]?+${CC_KEY:2}:${CC_KEY})}'),
        put("CC_KEY", '${IF($["${CC_KEY:0:1}" = "0"]?' + national + ":${CC_KEY})}"),
        put(
            "CC_KEY",
            '${IF($["${CC_KEY:0:1}" != "+" & ${LEN(${CC_KEY})} > 7]?+${CC_KEY}:${CC_KEY})}',
        ),
    ]


def _callback(f: FlowCompiler, block: Block, step: Callback, then: Place | None) -> None:
    """The wish goes into the event log, where the daemon finds it, now or when it is back."""
    here = f.fresh("callback")
    block.append(goto(f.place(here)))
    lines = f.block(here)
    lines += typed(f, step.prompts, step.number) if step.ask else [put("CC_KEY", read(step.number))]
    lines += [
        go_if('"${CC_KEY}" = ""', f"{here}_withheld,1"),
        *international("${CC_KEY}", f.site.defaults.country),
        *refused(f.site, f"{here}_failed,1"),
        mark(marks.CALLBACK, facts(f.site, step)),
    ]
    f.go(lines, then)
    f.body(f"{here}_withheld", step.on_withheld or step.on_failed, then)
    f.body(f"{here}_failed", step.on_failed, then)


def typed(f: FlowCompiler, prompts: tuple[str, ...], otherwise: str) -> list[Line]:
    """The number that is typed; nothing typed is the one of the variable `otherwise`."""
    digits = "${FILTER(0-9,${CC_KEY})}"
    return [
        Line("Answer", ("", "i")),
        put("TIMEOUT(response)", "6"),
        put("TIMEOUT(digit)", "4"),
        Line("Read", ("CC_KEY", f.sounds(prompts), "20")),
        put("CC_KEY", f'${{IF($["{digits}" = ""]?{read(otherwise)}:{digits})}}'),
    ]


def refused(site: Site, place: str) -> list[Line]:
    """A number of ours would ring ourselves, a premium one would cost, a short one is nobody outside."""
    own = [f'"${{CC_KEY}}" = "{number}"' for number in site.numbers]
    costly = [f'"${{CC_KEY:0:{len(start)}}}" = "{start}"' for start in PREMIUM.get(site.defaults.country, ())]
    short = '"${CC_KEY:0:1}" != "+" | ${LEN(${CC_KEY})} < 8 | ${LEN(${CC_KEY})} > 16'
    return [go_if(each, place) for each in (short, *own, *costly)]


def facts(site: Site, step: Callback) -> str:
    """queue/number/when/delay/retries/gap/language/second of the wish; durations in seconds."""
    rules = callback_rules(site, step.queue)
    when = f"{step.when}-{name(step.hours)}" if step.hours and step.when == "next-open" else step.when
    parts = (
        name(step.queue),
        "${CC_KEY}",
        when,
        whole_seconds(step.delay_ms),
        str(rules.retries if step.retries < 0 else step.retries),
        whole_seconds(rules.gap_ms if step.gap_ms < 0 else step.gap_ms),
        "${FILTER(a-zA-Z_,${CHANNEL(language)})}",
        "${EPOCH}",
    )
    return "/".join(parts)


PLAIN: dict[type, Plain] = {}
BRANCHING: dict[type, Branching] = {**compile_http.BRANCHING, Lookup: _lookup, Callback: _callback}
