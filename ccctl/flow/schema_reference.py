"""The reference of the YAML language and the manual of the checks, as Markdown made of the declarations.

docs/reference-yaml.md and docs/checks.md are written by scripts/docs; a test compares them.
"""

from collections.abc import Iterator

from ccctl.flow import schema_desk, schema_phones
from ccctl.flow import schema_sections as sections
from ccctl.flow.checks import CHECKS
from ccctl.flow.checks_pages import PAGES, Page
from ccctl.flow.schema_data import OFFER
from ccctl.flow.schema_overflow import LEND, OVERFLOW, WHEN
from ccctl.flow.schema_queues import ACCEPT, ANNOUNCE, MISSING, QUEUE, RELAX, STICKY, WRAP_UP_KEYS
from ccctl.flow.schema_say import SENTENCE
from ccctl.flow.schema_steps import SOON
from ccctl.flow.schema_tables import QUESTION, SURVEY, TABLE
from ccctl.flow.schema_types import Key, Table
from ccctl.flow.schema_vars import LOCALE, VARIABLE
from ccctl.flow.schema_verbs import VERBS
from ccctl.flow.schema_waiting import WAITING

# Section, its tables, how an entry is written.
TABLES: tuple[tuple[str, tuple[Table, ...], str], ...] = (
    (
        "defaults",
        (sections.DEFAULTS, sections.MENU, sections.PAUSE, sections.MAIL),
        "defaults: {timezone: Europe/Berlin, languages: [en, de]}",
    ),
    ("trunks", (sections.TRUNK,), "trunks: {telco: {host: sip.telco.example}}"),
    ("numbers", (sections.NUMBER,), 'numbers: {"+49301234500": {flow: main, set: {tier: gold}}}'),
    ("vars", (VARIABLE,), "vars: {tier: {type: enum, values: [gold, silver, none], default: none}}"),
    ("sites", (LOCALE,), "sites: {vienna: {timezone: Europe/Vienna, country: AT, languages: [de_AT]}}"),
    (
        "hours",
        (sections.HOURS,),
        'hours: {office: {open: {mon-fri: "09:00-17:00", sat-sun: closed}, holidays: ["2026-12-25"]}}',
    ),
    ("users", (sections.USER,), "users: {anna: {extension: 201, password: !secret ph201}}"),
    (
        "transports",
        (schema_phones.TRANSPORT,),
        "transports: {secure: {type: tls, certificate: /etc/asterisk/pbx.crt, key: /etc/asterisk/pbx.key}}",
    ),
    (
        "devices",
        (schema_phones.DEVICE, schema_phones.KEY),
        'devices: {desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}}',
    ),
    ("provision", (schema_phones.PROVISION,), "provision: {server: pbx.acme.example}"),
    (
        "ring_groups",
        (schema_desk.RING_GROUP,),
        "ring_groups: {front-desk: {ring: [reception, anna], strategy: hunt, timeout: 15s}}",
    ),
    ("agents", (sections.AGENT,), "agents: {anna: {skills: {technical: 3}}}"),
    (
        "queues",
        (QUEUE, RELAX, STICKY, WRAP_UP_KEYS, MISSING, OVERFLOW, WHEN, LEND, ACCEPT, ANNOUNCE, OFFER, WAITING),
        "queues: {support: {skills: {technical: 3}, record: always}}",
    ),
    ("tables", (TABLE,), "tables: {customers: {file: data/customers.csv, key: phone}}"),
    (
        "surveys",
        (SURVEY, QUESTION),
        "surveys: {csat: {questions: [{ask: csat-score, digits: 1-5, save: csat}]}}",
    ),
    ("mailboxes", (sections.MAILBOX,), "mailboxes: {support: {number: 900, pin: !secret vm900}}"),
    ("conferences", (schema_desk.CONFERENCE,), "conferences: {board: {pin: !secret board, max_members: 10}}"),
    (
        "feature_codes",
        (sections.PAGE, sections.LISTEN),
        'feature_codes: {"*45": agent-login, "*222": {listen: agents}}',
    ),
)
INNER = {"say": (SENTENCE,)}  # tables of mappings that stand in steps
INTRODUCTION = """\
# The YAML language

<!-- Made by scripts/docs from the schema; do not edit. -->

A site is a folder of YAML files. All `*.yaml` files at its top belong to it, and the files that they
`include:`; together they are one site, so a name may be written once. `secrets.yaml` holds the secrets
(mode 0600), `sounds/<language>/<name>.wav` recordings of prompts, `sounds/moh/<name>/` music.

- One of the files says `ccctl: 1`, the version of this language.
- Names are lower-case letters, digits and hyphens, at most 40 characters.
- Durations have a unit: `500ms`, `15s`, `2m`, `1m30s`, `1h`.
- Quote what has a meaning of its own in YAML: `"*"`, `"#"`, `"+49301234500"`, a text with `: ` in it.
- `!secret name` stands for a value of the environment (`CC_SECRET_<NAME>`) or of `secrets.yaml`.
- `include: [prompts/*.yaml]` takes in files from below the folder.

`ccctl check` finds what is wrong, and [checks.md](checks.md) explains every finding.
"""
FLOWS = """\
## flows

A flow is a list of steps. A step is a verb with its argument, and options beside it; steps run downwards.
The last step must end the call or go elsewhere. A destination is the name of a flow, one step, or a list of
steps; a destination that does not end the call comes back to the step after the one it was written in.

```yaml
flows:
  main:
    - play: welcome
    - hours: office
      on_closed: {voicemail: support}
    - queue: support
      max_wait: 10m
      on_timeout: {voicemail: support}
      on_no_agents: {voicemail: support}
```
"""
PROMPTS = """\
## prompts

What callers hear: for each language a text that is spoken, or a recording. A recording
`sounds/<language>/<name>.wav` goes before the text and needs no entry here. Every queue has the prompt
`queue-<name>` that says its title; write one of that name to say it differently.

```yaml
prompts:
  welcome: {en: "Welcome to Acme.", de: "Willkommen bei Acme."}
  jingle: {all: sounds/jingle.wav}
```
"""
CODES = """\
The value is `voicemail` (the user's own box), `agent-login` (and again: log out), `agent-pause` (a digit
after the code gives the reason), `agent-wrap-up` (as much time again after a talk), `pickup` (take a call
that rings elsewhere), or the mapping below. In a talk the keys of `blind-transfer` (#1), `attended-transfer`
(#2), `conference` (#3) and `hold` (#4) count; they need no entry here: see [transfers](transfers.md).
"""


def reference() -> str:
    parts = [INTRODUCTION]
    for name, tables, example in TABLES:
        codes = name == "feature_codes"
        meaning = f"What phones of the site can dial. {CODES}" if codes else f"{tables[0].meaning}\n"
        parts.append(f"## {name}\n\n{meaning}\n```yaml\n{example}\n```\n")
        parts += ["\n".join(_table(table, head=codes or at > 0)) for at, table in enumerate(tables)]
    parts += [PROMPTS, FLOWS]
    tables_of = ((verb.table, *INNER.get(verb.name, ())) for verb in VERBS)
    parts += ["\n".join(_table(table, head=True)) for tables in tables_of for table in tables]
    later = ", ".join(f"`{word}`" for word in (*sections.SOON_SECTIONS, *SOON))
    parts.append(f"## Not yet\n\nThese sections and steps are not available in this version: {later}.\n")
    return "\n".join(part for part in parts if part)


def _table(table: Table, head: bool) -> Iterator[str]:
    if head:
        yield f"### {table.title}\n\n{table.meaning}\n"
    yield "| key | value | default | meaning |\n| --- | --- | --- | --- |"
    yield from (_row(key) for key in table.keys)
    if table.soon:
        yield f"\nNot available in this version: {', '.join(f'`{word}`' for word in table.soon)}."
    yield ""


def _row(key: Key) -> str:
    default = "**required**" if key.required else key.default
    return f"| `{key.name}` | {key.kind.title} | {default} | {key.meaning} |"


def manual() -> str:
    """Every finding with its page, in the order of the numbers."""
    assert CHECKS  # importing them is what fills PAGES
    pages = sorted(PAGES.values(), key=lambda page: (page.code[1:], page.code))
    head = (
        "# Findings of ccctl check\n\n<!-- Made by scripts/docs from the checks; do not edit. -->\n\n"
        "E is an error: the site is not applied. W is a warning. `ccctl explain CODE` prints a page.\n"
    )
    return "\n".join([head, *(page_as_markdown(page) for page in pages)])


def page_as_markdown(page: Page) -> str:
    """A manual page; what follows Bad: and Good: becomes code."""
    prose, *blocks = page.parts
    head = (f"## {page.code}: {page.title}\n", f"{prose}\n" if prose else "")
    examples = zip(("Bad", "Good"), blocks, strict=True)
    shown = (f"{word}:\n\n```yaml\n{code}\n```\n" for word, code in examples if code)
    return "\n".join(part for part in (*head, *shown) if part)
