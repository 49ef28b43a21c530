"""Asking another system during a call: CURL, and JSON_DECODE of what it answered.

Every expansion in Asterisk holds 4,095 bytes, so a reply counts up to MOST bytes; a longer one, one that
is not JSON, an HTTP status from 300 on, a timeout and a refused connection are all the outcome `error`.
Asterisk keeps the headers of a request for the whole call and has no way to take one back: each set of
headers is added once (check E511 refuses those that would reach another host).
"""

import hashlib
from urllib.parse import quote

from ccctl.errors import ApplyError
from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, seconds
from ccctl.flow.compile_values import channel_variable, read, store, text
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, literal, name, put
from ccctl.flow.graph import Http, Pair, Save, Text, Variable

MOST = 4000
SECRETS = "cc/secret"  # AstDB family of the secrets that flows use: name -> value
JSON_HEADER = "content-type: application/json"
_FAILURES = ",".join(str(code) for code in range(300, 600))
_PRINTABLE = "\\x20-\\x7e\\x80-\\xff"  # no line end may reach Asterisk's log


def _http(f: FlowCompiler, block: Block, step: Http, then: Place | None) -> None:
    here = f.fresh("http")
    block.append(goto(f.place(here)))
    f.block(here).extend(_request(f, here, step))
    done = f.block(f"{here}_done")
    done.append(Line("StopMusicOnHold"))
    for save in step.save:
        done += _saved(f.site.vars[save.variable], save)
    done += [put(each, "") for each in ("CC_REPLY", "CC_JSON", "CC_VALUE", "CC_WORD")]
    f.go(done, then)
    failed = [Line("StopMusicOnHold"), put("CC_REPLY", ""), put("CC_JSON", "")]
    f.block(f"{here}_error").extend(failed)
    f.body(f"{here}_error", step.on_error, then)


def _request(f: FlowCompiler, here: str, step: Http) -> list[Line]:
    body = ",${CC_BODY}" if step.method == "post" else ""
    return [
        put("CC_URL", _url(step)),
        *([put("CC_BODY", _json(step.body))] if body else []),
        *_headers(f, here, step),
        put("CC_TRIES", "0"),
        Line("StartMusicOnHold"),
        put("CC_TRIES", "$[0${CC_TRIES} + 1]", "again"),
        put("CURLOPT(conntimeout)", seconds(step.timeout_ms)),
        put("CURLOPT(httptimeout)", seconds(step.timeout_ms)),
        put("CURLOPT(header)", "0" if step.save else "1"),
        Line("Gosub", (_failures(f), "s", "1")),
        put("CC_REPLY", f"${{CURL(${{CC_URL}}{body})}}"),
        *(_judged(here) if step.save else _accepted(here)),
        go_if(f"0${{CC_TRIES}} <= {step.retries}", "again"),
        goto(f.place(f"{here}_error")),
    ]


def _failures(f: FlowCompiler) -> str:
    """Statuses that are failures; a long list, and each request uses it up."""
    context = name(f"{f.context}.failures")
    if all(each.name != context for each in f.extra):
        lines = (put("CURLOPT(failurecodes)", _FAILURES), Line("Return"))
        f.extra.append(Context(context, (Exten("s", lines),)))
    return context


def _judged(here: str) -> list[Line]:
    """JSON, or not: the reply is made the part of a document whose other part can be asked for. The lengths
    keep what is no JSON at all from being printed to Asterisk's log."""
    begins = "${LEN(${FILTER(\\x7b\\x5b,${CC_REPLY:0:1})})}"
    return [
        put("CC_JSON", ""),
        go_if(f"${{LEN(${{CC_REPLY:{MOST}:90}})}} > 0", "judged"),
        put("CC_REPLY", f"${{FILTER({_PRINTABLE},${{CC_REPLY}})}}"),
        go_if(f"{begins} = 0", "judged"),
        put("CC_JSON", '{"r":${CC_REPLY},"ok":"1"}'),
        go_if('"${FILTER(0-9,${JSON_DECODE(CC_JSON,ok)})}" = "1"', f"{here}_done,1"),
        Line("NoOp", (), "judged"),
    ]


def _accepted(here: str) -> list[Line]:
    status = "${FILTER(A-Z0-9/. ,${CC_REPLY:0:16})}"
    return [go_if(f'${{REGEX("^HTTP/[0-9.]+ 2" {status})}} = 1', f"{here}_done,1")]


def _saved(variable: Variable, save: Save) -> list[Line]:
    """What is missing in the reply leaves the variable at its default."""
    inside = "${LEN(${FILTER(\\x7b\\x5b,${CC_VALUE:0:1})})}"  # 1: a list or an object is no value
    return [
        put("CC_VALUE", f"${{FILTER({_PRINTABLE},${{JSON_DECODE(CC_JSON,{_path(save.source)})}})}}"),
        put("CC_VALUE", f"${{CC_VALUE:0:$[({inside} = 0) * {MOST}]}}"),
        *fetched(variable, "${CC_VALUE}"),
    ]


def fetched(variable: Variable, value: str) -> list[Line]:
    """Lines that store what another system said (an expression); a flag may be true, false, 1, 0."""
    lines = store(variable, value)
    if variable.type == "flag":
        word = f"${{FILTER(a-z01,{value})}}"
        yes = '"${CC_WORD}" = "true" | "${CC_WORD}" = "1" | "${CC_WORD}" = "yes"'
        no = '"${CC_WORD}" = "false" | "${CC_WORD}" = "0" | "${CC_WORD}" = "no"'
        said = f"${{IF($[{yes}]?yes:${{IF($[{no}]?no)}})}}"
        lines = [put("CC_WORD", word), put("CC_WORD", said), *store(variable, "${CC_WORD}")]
    if not variable.default:
        return lines
    held = channel_variable(variable.name)
    given = f'${{IF($["${{{held}}}" = ""]?{literal(variable.default)}:${{{held}}})}}'
    return [*lines, put(held, given)]


def _path(source: str) -> str:
    """$.a.b[0].c as JSON_DECODE names it, below `r`."""
    return "r" + source.removeprefix("$").replace("[", ".").replace("]", "")


# -- what is sent ----------------------------------------------------------------------------------


def _url(step: Http) -> str:
    """Values are encoded; of what was written only the comma has a meaning for Asterisk."""
    url = text(step.url, encode=True).replace("\\,", "%2C")
    query = "&".join(f"{quote(pair.name, safe='')}={_encoded(pair.value)}" for pair in step.query)
    mark = "&" if any("?" in part.text for part in step.url) else "?"
    return f"{url}{mark}{query}" if query else url


def _encoded(value: Text) -> str:
    return "".join(
        f"${{URIENCODE({read(part.variable)})}}" if part.variable else quote(part.text, safe="")
        for part in value
    )


def _json(pairs: tuple[Pair, ...]) -> str:
    """Every field is a text. Values of variables hold neither quotes nor backslashes."""
    return "{" + ",".join(f'"{name(pair.name)}":"{_plain(pair.value)}"' for pair in pairs) + "}"


def _plain(value: Text) -> str:
    return text(value).replace("\\,", ",")


# -- headers ---------------------------------------------------------------------------------------


def header_lines(step: Http) -> tuple[str, ...]:
    """The headers of a request; a secret is read from AstDB at the call."""
    written = tuple(f"{name(pair.name)}: {_header(pair)}" for pair in step.headers)
    typed = any(pair.name.lower() == "content-type" for pair in step.headers)
    return (*written, JSON_HEADER) if step.method == "post" and not typed else written


def _header(pair: Pair) -> str:
    return f"${{DB({SECRETS}/{name(secret_of(pair))})}}" if pair.secret else _plain(pair.value)


def secret_of(pair: Pair) -> str:
    """The name of the secret that a header is."""
    if not pair.secret or len(pair.value) != 1:
        raise ApplyError(f"the header {pair.name} is no secret")
    return pair.value[0].text


def _headers(f: FlowCompiler, here: str, step: Http) -> list[Line]:
    """Added once in a call, because Asterisk would send a header twice that is set twice."""
    lines = []
    for number, header in enumerate(header_lines(step), 1):
        context = name(f"{f.context}.{here}.{number}")
        flag = "CC_HEADER_" + hashlib.sha256(header.encode()).hexdigest()[:8]
        add = (put("CURLOPT(httpheader)", header), put(flag, "1"), Line("Return"))
        f.extra.append(Context(context, (Exten("s", add),)))
        lines.append(Line("GosubIf", (f'$["${{{flag}}}" = ""]?{context},s,1',)))
    return lines


BRANCHING: dict[type, Branching] = {Http: _http}
