"""Values and sentences that are spoken. A sentence is one run of sounds: its words are prompts, and as many
of them as follow one another are played by one application, so that nothing comes between."""

from collections.abc import Iterable

from ccctl.flow.built_in import money_prompts
from ccctl.flow.compile_flow import Block, FlowCompiler, Plain
from ccctl.flow.compile_values import channel_variable, digits_only, read, spoken
from ccctl.flow.dialplan import Line, go_if, literal, put
from ccctl.flow.graph import Say, SayAs
from ccctl.flow.sentences import Piece, Slot, Version, Words, value_prompt, values_of, versions, way_of

_CLOCK = {SayAs.TIME: "HM", SayAs.DATE: "AdBY", SayAs.DATETIME: "AdBY 'digits/at' HM"}
_APPS = {
    SayAs.DIGITS: "SayDigits",
    SayAs.PHONE: "SayDigits",
    SayAs.NUMBER: "SayNumber",
    SayAs.ORDINAL: "SayOrdinal",
    SayAs.ALPHA: "SayAlpha",
}
_COUNTED = (SayAs.NUMBER, SayAs.ORDINAL)


def _say(f: FlowCompiler, block: Block, step: Say) -> None:
    way = step.say_as or SayAs.DIGITS
    variable = step.value.strip("{} ") if step.value.startswith("{{") else ""
    if step.text:
        _sentence(f, block, versions(step.text))
    elif way is SayAs.WORD:
        block += _run(f, (Slot(variable, way),))
    elif way is SayAs.MONEY:
        block += _money_in(f, variable) if variable else _money(f, step.value)
    else:
        block.append(_value(f, "${EPOCH}" if step.value == "now" else spoken(step.value), way))


def _value(f: FlowCompiler, expression: str, way: SayAs) -> Line:
    if way in _CLOCK:
        return Line("SayUnixTime", (expression, literal(f.site.defaults.timezone), _CLOCK[way]))
    if way in _COUNTED and expression.startswith("${"):
        expression = f'${{IF($["{expression}" = ""]?-:{expression})}}'  # without an argument the call drops
    return Line(_APPS[way], (expression,))


# -- sums of money: SayMoney knows dollars only, and drops the call where their word is missing ----


def _money(f: FlowCompiler, value: str) -> list[Line]:
    unit, part = _money_sounds(f)
    whole, _, cents = value.partition(".")
    said = [("SayNumber", whole), ("Playback", unit)]
    said += [("SayNumber", cents), ("Playback", part)] if int(cents or 0) else []
    return [Line(app, (literal(data),)) for app, data in said]


def _money_in(f: FlowCompiler, name: str) -> list[Line]:
    """What a variable holds."""
    unit, part = _money_sounds(f)
    variable = channel_variable(name)
    return [
        put("CC_RAW", f"${{FILTER(0-9,${{CUT({variable},.,1)}})}}"),
        Line("SayNumber", ("0${CC_RAW}",)),
        Line("Playback", (unit,)),
        put("CC_RAW", f"${{FILTER(0-9,${{CUT({variable},.,2)}})}}"),
        Line("ExecIf", ("$[0${CC_RAW} > 0]?SayNumber(0${CC_RAW})",)),
        Line("ExecIf", (f"$[0${{CC_RAW}} > 0]?Playback({part})",)),
    ]


def _money_sounds(f: FlowCompiler) -> tuple[str, str]:
    unit, part = money_prompts(f.site.defaults.currency)
    return f.sounds((unit,)), f.sounds((part,))


# -- sentences -------------------------------------------------------------------------------------


def _sentence(f: FlowCompiler, block: Block, every: tuple[Version, ...]) -> None:
    """Calls in the site's first language fall through to their version, the others jump to theirs."""
    usual, *others = _heard(f.site.languages, every)
    if not others:
        block += _run(f, usual[0].pieces)
        return
    here = f.fresh("say")
    for version, codes in others:
        either = " | ".join(f'"${{CHANNEL(language)}}" = "{literal(code)}"' for code in codes)
        block.append(go_if(either, f"{here}_{version.languages[0]}"))
    block += _run(f, usual[0].pieces)
    for version, _ in others:
        first, *more = _run(f, version.pieces)
        label = f"{here}_{version.languages[0]}"
        block += [Line("Goto", (f"{here}_on",)), Line(first.app, first.args, label), *more]
    block.append(Line("NoOp", (), f"{here}_on"))


def _heard(known: tuple[str, ...], every: tuple[Version, ...]) -> list[tuple[Version, list[str]]]:
    """Versions with the languages of calls that hear them, the first language's first. de_AT hears what de
    has, and what is not written hears the first version (E601 has told it)."""
    written = {language: version for version in every for language in version.languages}
    nearest = {code: written.get(code) or written.get(code.partition("_")[0], every[0]) for code in known}
    heard: dict[tuple[str, ...], tuple[Version, list[str]]] = {}
    for code, version in nearest.items():
        heard.setdefault(version.languages, (version, []))[1].append(code)
    return list(heard.values())


def _run(f: FlowCompiler, pieces: Iterable[Piece]) -> list[Line]:
    """Playback answers the call, what speaks values does not."""
    lines: list[Line] = []
    sounds: list[str] = []
    for piece in pieces:
        if sound := _sound(f, piece):
            sounds.append(sound)
        elif isinstance(piece, Slot):
            lines += [*_played(sounds), *_slot(f, piece)]
            sounds = []
    lines += _played(sounds)
    return lines if lines[0].app == "Playback" else [Line("Answer"), *lines]


def _played(sounds: list[str]) -> list[Line]:
    return [Line("Playback", ("&".join(sounds),))] if sounds else []


def _sound(f: FlowCompiler, piece: Piece) -> str:
    """Of words, and of a value that is spoken as a word; '' for others."""
    if isinstance(piece, Words):
        return f.sounds((piece.prompt,))
    if way_of(piece, f.site.vars) is not SayAs.WORD:
        return ""
    variable = f.site.vars[piece.variable]
    one = f.site.prompts[value_prompt(variable.name, values_of(variable)[0])]
    return f"cc/{value_prompt(variable.name, read(variable.name))}-{one.pin}"


def _slot(f: FlowCompiler, slot: Slot) -> list[Line]:
    way = way_of(slot, f.site.vars)
    if way is SayAs.MONEY:
        return _money_in(f, slot.variable)
    variable = f.site.vars.get(slot.variable)
    number = variable.type == "phone" if variable else slot.variable.endswith(".number")
    return [_value(f, digits_only(slot.variable) if number else read(slot.variable), way)]


PLAIN: dict[type, Plain] = {Say: _say}
