"""Trees of YAML files to a Site: merges the files, gives every value its type, notes every reference.

The result is a Draft: what could be read, with the places that checks.py needs. A draft is a site
only when neither reading nor checking found an error.
"""

import datetime
import functools
from typing import Any

import msgspec

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, schema_desk, schema_phones, values
from ccctl.flow import schema_sections as sections
from ccctl.flow.chunks import Part, read_flows
from ccctl.flow.graph import Site
from ccctl.flow.schema_calendar import Holidays, exception_days, expand
from ccctl.flow.schema_prompts import callback_prompts, fragment_prompts, read_prompts
from ccctl.flow.schema_queues import read_queues
from ccctl.flow.schema_sections import Opening
from ccctl.flow.schema_steps import read_body
from ccctl.flow.schema_tables import read_surveys, read_tables
from ccctl.flow.schema_types import (
    Folder,
    Reader,
    Recording,
    Ref,
    Table,
    read_keys,
    read_mapping,
    read_scalar,
)
from ccctl.flow.schema_vars import read_sites, read_vars
from ccctl.flow.schema_verbs import VERBS
from ccctl.flow.source import Mapping, Node, Scalar, Sequence
from ccctl.flow.summaries import Summary
from ccctl.flow.values import Wrong
from ccctl.flow.ways import walk

NAMED = (
    "trunks", "hours", "users", "agents", "queues", "mailboxes", "flows", "prompts", "vars", "sites",
    "tables", "surveys", "ring_groups", "conferences", "transports",
    "devices",
)  # fmt: skip
SECTIONS = ("ccctl", "include", "defaults", "provision", "numbers", "feature_codes", *NAMED)
REFERENCES = frozenset({*(f"E{n}" for n in range(101, 114)), "E118", "E401", "W411", "E505", "E811"}) - {
    "E106",
    "E107",
}
Entries = dict[str, list[tuple[Scalar, Node]]]


class Document(msgspec.Struct, frozen=True):
    """One file of the site, parsed."""

    file: str
    root: Node
    digest: str = ""  # of its content and the code that read it; '' for one that is not to be remembered


class Draft(msgspec.Struct, frozen=True, dict=True):
    """What was read. `broken` are flows that could not be read completely: what they do is unknown."""

    site: Site
    refs: tuple[Ref, ...]
    names: dict[str, dict[str, Span]]
    spots: dict[tuple[str, str, str], Span]
    openings: dict[str, Opening]
    dialled: tuple[tuple[str, Span], ...]
    given: tuple[tuple[str, str, Span], ...]
    targets: tuple[tuple[str, Span], ...]
    callers: tuple[tuple[str, Span], ...]
    patient: frozenset[Span]
    broken: frozenset[str]
    recordings: dict[str, Recording]
    shown: str = ""
    today: datetime.date = datetime.date(1970, 1, 1)
    unsure: frozenset[str] = frozenset()
    missing: tuple[Ref, ...] = ()  # of refs, those to a name that is not in its section
    summaries: dict[str, Summary] = {}
    called: frozenset[str] = frozenset()  # flows that subflow steps run
    parts: tuple[Part, ...] = ()  # the flows again, file by file

    @property
    def kinds(self) -> frozenset[str]:
        """Of steps that are in some flow."""
        return frozenset(kind for each in self.summaries.values() for kind in each.kinds)

    @property
    def music(self) -> frozenset[str]:
        """Classes that steps play."""
        return frozenset(music for each in self.summaries.values() for music in each.music)

    @functools.cached_property
    def steps(self) -> tuple[graph.AnyStep, ...]:
        """All of all flows, the inner ones after those that hold them."""
        return tuple(step for flow in self.site.flows.values() for step in walk(flow.steps))

    def spot(self, section: str, name: str, key: str) -> Span:
        return self.spots.get((section, name, key)) or self.names[section][name]


def read_site(documents: list[Document], folder: Folder, root: str = "") -> tuple[Draft, list[Diagnostic]]:
    reader = Reader(folder, VERBS)
    entries = _merge(reader, documents)
    _take_names(reader, entries)
    defaults = _read_defaults(reader, entries["defaults"])
    sites = read_sites(reader, entries["sites"])
    languages = [*defaults.languages, *(each for site in sites.values() for each in site.languages)]
    reader.names["languages"] = dict.fromkeys(languages, Span())
    hours, openings = _read_hours(reader, entries["hours"], defaults, sites)
    users = _read_users(reader, entries["users"])
    agents = _read_agents(reader, entries["agents"])
    queues = read_queues(reader, entries["queues"], defaults, agents)
    reader.extensions = tuple(user.extension for user in users.values())
    tables = read_tables(reader, entries["tables"])
    variables = read_vars(reader, entries["vars"])
    surveys = read_surveys(reader, entries["surveys"], variables)
    prompts = read_prompts(reader, entries["prompts"], defaults, queues, hours)
    trunks = _read_trunks(reader, entries["trunks"])
    groups = schema_desk.read_groups(reader, entries["ring_groups"])
    resolver = schema_desk.Resolver(groups, trunks)
    parts, broken = read_flows(
        reader, entries["flows"], documents, lambda *flow: resolver.resolve(_read_flow(*flow)), resolver.key
    )
    says = tuple(step for part in parts for each in part.summaries.values() for step in each.says)
    if _calls_back(queues, parts):
        prompts = callback_prompts(reader, defaults) | prompts
    site = Site(
        root=root,
        defaults=defaults,
        trunks=trunks,
        numbers=_read_numbers(reader, entries["numbers"], sites),
        hours=hours,
        users=users,
        agents=agents,
        queues=queues,
        mailboxes=_read_mailboxes(reader, entries["mailboxes"], users),
        flows={name: flow for part in parts for name, flow in part.flows.items()},
        prompts=prompts | fragment_prompts(reader, says, variables, defaults),
        feature_codes=_read_codes(reader, entries["feature_codes"]),
        vars=variables,
        sites=sites,
        surveys=surveys,
        tables=tables,
        secrets=reader.secrets,
        ring_groups=groups,
        conferences=schema_desk.read_conferences(reader, entries["conferences"]),
        transports=schema_phones.read_transports(reader, entries["transports"]),
        devices=schema_phones.read_devices(reader, entries["devices"]),
        provision=schema_phones.read_provision(reader, entries["provision"]),
    )
    return _draft(reader, site, openings, broken, parts), reader.findings


def _calls_back(queues: dict[str, graph.Queue], parts: list[Part]) -> bool:
    kinds = {graph.Callback.__name__, graph.CallbackOffer.__name__}
    asked = any(kinds & each.kinds for part in parts for each in part.summaries.values())
    return asked or any(queue.callback for queue in queues.values())


def _draft(
    reader: Reader, site: Site, openings: dict[str, Opening], broken: set[str], parts: list[Part]
) -> Draft:
    summaries = {name: each for part in parts for name, each in part.summaries.items()}
    return Draft(
        site=site,
        refs=tuple(reader.refs),
        names=reader.names,
        spots=reader.spots,
        openings=openings,
        dialled=tuple(reader.dialled),
        given=tuple(reader.given),
        targets=tuple(reader.targets),
        callers=tuple(reader.shown),
        patient=frozenset(reader.patient),
        broken=frozenset(broken),
        recordings=reader.folder.sounds,
        shown=reader.folder.shown,
        today=reader.folder.today,
        unsure=frozenset(reader.unsure),
        missing=tuple(ref for ref in reader.refs if ref.name not in reader.names.get(ref.kind, ())),
        summaries=summaries,
        called=frozenset(name for each in summaries.values() for name in each.runs),
        parts=tuple(parts),
    )


# -- files to sections -----------------------------------------------------------------------------


def _merge(reader: Reader, documents: list[Document]) -> Entries:
    """The entries of every section, from all files; a name may be written once."""
    entries: Entries = {section: [] for section in SECTIONS}
    for document in documents:
        root = read_mapping(reader, document.root, "the file", 'sections, beginning with "ccctl: 1"')
        sectioned: dict[str, Span] = {}
        for word, node in root.entries if root else ():
            if word.text in sectioned:
                reader.report(findings.duplicate(word.span, word.text, sectioned[word.text]))
                continue
            sectioned[word.text] = word.span
            _merge_section(reader, entries, word, node)
    if not entries["ccctl"] and documents:
        reader.report(
            findings.version(Span(documents[0].file), "no file says which version of the language it is")
        )
    return entries


def _merge_section(reader: Reader, entries: Entries, word: Scalar, node: Node) -> None:
    if word.text in sections.SOON_SECTIONS:
        reader.report(findings.not_available(word.span, word.text))
    elif word.text not in SECTIONS:
        reader.unsure |= REFERENCES  # whose section it should have been is not known
        reader.report(findings.unknown_key(word.span, word.text, "the site", SECTIONS))
    elif word.text == "ccctl":
        entries["ccctl"].append((word, node))
        if not isinstance(node, Scalar) or node.text != "1":
            text = f'version "{node.text}"' if isinstance(node, Scalar) else "a version that is not a number"
            reader.report(findings.version(node.span, f"{text} of the language is not known"))
    elif word.text == "include":
        for item in node.items if isinstance(node, Sequence) else (node,):
            read_scalar(reader, item)
    else:
        _merge_names(reader, entries[word.text], word, node)


def _merge_names(reader: Reader, known: list[tuple[Scalar, Node]], section: Scalar, node: Node) -> None:
    mapping = read_mapping(reader, node, section.text, "names, each with its own keys")
    if mapping is None:
        reader.unsure |= REFERENCES
    first = {word.text: word.span for word, _ in known}
    for word, child in mapping.entries if mapping else ():
        if word.text in first:
            reader.report(findings.duplicate(word.span, word.text, first[word.text]))
        else:
            first[word.text] = word.span
            known.append((word, child))


def include_patterns(document: Document) -> list[Scalar]:
    """What `include:` of a file names."""
    node = document.root.get("include") if isinstance(document.root, Mapping) else None
    items = node.items if isinstance(node, Sequence) else (node,)
    return [item for item in items if isinstance(item, Scalar) and item.text.strip()]


def _take_names(reader: Reader, entries: Entries) -> None:
    """Names first, so that a reference to a thing that is broken inside is not broken, too."""
    for section in (*NAMED, "numbers", "feature_codes"):
        reader.names[section] = {word.text: word.span for word, _ in entries[section]}
        for word, _ in entries[section] if section in NAMED else ():
            wrong = values.name(word.text, section)
            if isinstance(wrong, Wrong):
                reader.report(findings.bad_name(word.span, word.text, wrong.text, wrong.hint))


def _read_all(
    reader: Reader, section: str, entries: list[tuple[Scalar, Node]], table: Table
) -> dict[str, Any]:
    return {word.text: read_keys(reader, node, table, at=(section, word.text)) for word, node in entries}


# -- sections --------------------------------------------------------------------------------------


def _read_defaults(reader: Reader, entries: list[tuple[Scalar, Node]]) -> graph.Defaults:
    if not entries:
        return graph.Defaults()
    span = entries[0][0].span
    reader.names["defaults"] = {"defaults": span}
    before = len(reader.findings)
    found = read_keys(reader, Mapping(tuple(entries), span), sections.DEFAULTS, at=("defaults", "defaults"))
    if "languages" not in found and len(reader.findings) > before:
        reader.unsure.add("E112")
    reader.menu.update(found.pop("menu", {}))
    reader.country = found.get("country", "")
    mail = found.pop("mail", {})
    voice = found.pop("voice", "espeak-ng")
    if isinstance(voice, dict):
        found["voices"] = voice
    else:
        found["voice"] = voice
    reasons = found.pop("pause_reasons", {})
    found["pause_reasons"] = {digit: reason for digit, (reason, _) in reasons.items()}
    found["pause_limits"] = {reason: limit for reason, limit in reasons.values() if limit is not None}
    found["max_call_ms"] = found.pop("max_call", 0)
    return graph.Defaults(
        span=span,
        menu_timeout_ms=reader.menu["timeout"],
        menu_interdigit_ms=reader.menu["interdigit"],
        menu_attempts=reader.menu["attempts"],
        mail=graph.Mail(sender=mail.pop("from", ""), **mail),
        **found,
    )


def _read_trunks(reader: Reader, entries: list[tuple[Scalar, Node]]) -> dict[str, graph.Trunk]:
    found = _read_all(reader, "trunks", entries, sections.TRUNK)
    spans = reader.names["trunks"]
    for name, keys in found.items():
        lacking = [word for word in ("username", "password") if word not in keys]
        written = {key for _, owner, key in reader.spots if owner == name}
        if keys.get("register") and any(word not in written for word in lacking):
            span = reader.spot("trunks", name, "register")
            reader.report(findings.missing(span, lacking[0], "a trunk that registers", f"{lacking[0]}: ..."))
    return {
        name: graph.Trunk(name=name, span=spans[name], **{"host": "", **keys}) for name, keys in found.items()
    }


def _read_numbers(
    reader: Reader, entries: list[tuple[Scalar, Node]], sites: dict[str, graph.Locale]
) -> dict[str, graph.Number]:
    numbers: dict[str, graph.Number] = {}
    for word, node in entries:
        wrong = values.e164(word.text, reader.country)
        if isinstance(wrong, Wrong):
            reader.report(faults.bad_number(word.span, wrong.text, wrong.hint))
        if isinstance(node, Scalar):
            found = read_keys(reader, _short_number(node), sections.NUMBER)
        else:
            found = read_keys(reader, node, sections.NUMBER, at=("numbers", word.text))
        given = dict(found.get("set", {}))
        language = found.get("language") or given.pop("language", "")
        site = found.get("site", "")
        numbers[word.text] = graph.Number(
            number=word.text,
            flow=found.get("flow", ""),
            language=language,
            values=given,
            site=site if site in sites else "",
            span=word.span,
        )
    return numbers


def _short_number(flow: Scalar) -> Mapping:
    return Mapping(((Scalar("flow", flow.span), flow),), flow.span)


def _read_hours(
    reader: Reader,
    entries: list[tuple[Scalar, Node]],
    defaults: graph.Defaults,
    sites: dict[str, graph.Locale],
) -> tuple[dict[str, graph.Hours], dict[str, Opening]]:
    hours: dict[str, graph.Hours] = {}
    openings: dict[str, Opening] = {}
    for name, found in _read_all(reader, "hours", entries, sections.HOURS).items():
        if "open" in found:
            openings[name] = found["open"]
        zone = found.get("timezone", defaults.timezone)
        holidays, partial = expand(reader, found.get("holidays", Holidays()), zone)
        hours[name] = graph.Hours(
            name=name,
            span=reader.names["hours"][name],
            timezone=zone,
            open=openings[name].spans if name in openings else (),
            holidays=holidays,
            partial=partial,
            exceptions=exception_days(found.get("exceptions", ())),
            switch=found.get("switch", ""),
            emergency=found.get("emergency", ""),
        )
    return hours, openings


def _zone(sites: dict[str, graph.Locale], site: str, defaults: graph.Defaults) -> str:
    return (sites[site].timezone if site in sites else "") or defaults.timezone


def _read_users(reader: Reader, entries: list[tuple[Scalar, Node]]) -> dict[str, graph.User]:
    users: dict[str, graph.User] = {}
    for name, found in _read_all(reader, "users", entries, sections.USER).items():
        title = found.pop("name", name)
        fields = {"extension": "", **found}
        users[name] = graph.User(name=name, title=title, span=reader.names["users"][name], **fields)
    return users


def _read_agents(reader: Reader, entries: list[tuple[Scalar, Node]]) -> dict[str, graph.Agent]:
    spans = reader.names["agents"]
    for word, _ in entries:
        reader.refer("users", word.text, word.span)
    found = _read_all(reader, "agents", entries, sections.AGENT)
    return {
        name: graph.Agent(name=name, span=spans[name], skills=keys.get("skills", {}))
        for name, keys in found.items()
    }


def _read_mailboxes(
    reader: Reader, entries: list[tuple[Scalar, Node]], users: dict[str, graph.User]
) -> dict[str, graph.Mailbox]:
    boxes: dict[str, graph.Mailbox] = {}
    for name, found in _read_all(reader, "mailboxes", entries, sections.MAILBOX).items():
        span = reader.names["mailboxes"][name]
        owners = [user.extension for user in users.values() if user.mailbox == name]
        title = found.pop("name", name)
        number = found.pop("number", owners[0] if len(owners) == 1 else "")
        boxes[name] = graph.Mailbox(name=name, span=span, title=title, number=number, **found)
    return boxes


def _read_flow(reader: Reader, word: Scalar, node: Node) -> graph.Flow:
    """Steps, or a mapping with `steps` and more."""
    if isinstance(node, Mapping) and node.get("steps") and not node.get("loop"):
        found = read_keys(reader, node, sections.FLOW)
        return graph.Flow(
            name=word.text, span=word.span, steps=found.get("steps", ()), catch=found.get("catch", "")
        )
    return graph.Flow(name=word.text, span=word.span, steps=read_body(reader, node))


def _read_codes(reader: Reader, entries: list[tuple[Scalar, Node]]) -> dict[str, graph.FeatureCode]:
    codes: dict[str, graph.FeatureCode] = {}
    for word, node in entries:
        code = sections.CODE.read(reader, word)
        found = sections.read_code(reader, node)
        if code is not None and found is not None:
            codes[code] = graph.FeatureCode(code=code, span=word.span, **found)
    return codes
