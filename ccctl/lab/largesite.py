"""A large call centre for measurements: as many flows as asked for, over many files. Pure."""

FLOWS_PER_FILE = 50
PER_QUEUE = 20  # flows that share a queue, a set of hours, a mailbox

SITE = """\
ccctl: 1
include: [flows/*.yaml]
defaults: {{timezone: Europe/Berlin, country: DE, languages: [en]}}
trunks:
  telco: {{host: sip.telco.example, codecs: [alaw]}}
numbers:
{numbers}
users:
{users}
agents:
{agents}
"""
PARTS = """\
hours:
  office-{n}:
    open: {{mon-thu: "08:00-18:00", fri: "08:00-16:{minute:02}", sat: "09:00-13:00", sun: closed}}
    holidays: ["12-25", "12-26", {{date: "12-24", from: "12:00"}}]
queues:
  queue-{n}: {{agents: [agent-{n}], ring: 20s, wrap_up: 10s, max_callers: 20}}
mailboxes:
  box-{n}: {{number: "{box}", pin: !secret pin}}
"""
FLOW = """\
  flow-{n}:
    - answer
    - play: welcome-{n}
    - hours: office-{q}
      on_closed:
        - play: closed-{n}
        - voicemail: box-{q}
      on_holiday:
        - play: closed-{n}
        - hangup
    - menu: menu-{n}
      options:
        1: {{queue: queue-{q}, on_full: flow-{m}, on_no_agents: {{voicemail: box-{q}}}}}
        2: [{{play: wait-{n}}}, {{dial: agent-{q}, on_no_answer: {{voicemail: box-{q}}}}}]
        3: flow-{m}
        4: [{{say: called.number}}, {{play: wait-{n}}}, {{goto: flow-{o}}}]
        0: repeat
      on_invalid: {{play: again-{n}}}
      on_exhausted: [{{play: closed-{n}}}, hangup]
"""
PROMPT = """\
  welcome-{n}: {{en: "Welcome to department {n}."}}
  closed-{n}: {{en: "Department {n} is closed."}}
  menu-{n}: {{en: "For the queue of {n} press one, for a colleague press two."}}
  wait-{n}: {{en: "Please hold the line for {n}."}}
  again-{n}: {{en: "Department {n} did not understand you."}}
"""


def large_site(flows: int) -> dict[str, str]:
    """Path to text; with secrets.yaml."""
    groups = -(-flows // PER_QUEUE)
    heads = range(0, flows, FLOWS_PER_FILE)
    site = SITE.format(
        numbers="\n".join(f'  "+4930{n:07}": flow-{n}' for n in range(flows)),
        users="\n".join(
            f"  agent-{n}: {{extension: {10000 + n}, password: !secret phone}}" for n in range(groups)
        ),
        agents="\n".join(f"  agent-{n}: {{}}" for n in range(groups)),
    )
    parts = "".join(_merged([PARTS.format(n=n, box=90000 + n, minute=n % 60) for n in range(groups)]))
    files = {f"flows/flows-{head // FLOWS_PER_FILE:04}.yaml": _file(head, flows) for head in heads}
    secrets = "pin: '482915'\nphone: a-phone-5Kq8\n"
    return {"site.yaml": site, "parts.yaml": parts, "secrets.yaml": secrets, **files}


def _file(head: int, flows: int) -> str:
    numbers = range(head, min(head + FLOWS_PER_FILE, flows))
    body = "".join(
        FLOW.format(n=n, q=n // PER_QUEUE, m=(n + 1) % flows, o=(n * 7 + 3) % flows) for n in numbers
    )
    return f"flows:\n{body}prompts:\n{''.join(PROMPT.format(n=n) for n in numbers)}"


def _merged(parts: list[str]) -> list[str]:
    """Sections that are written several times, as one each."""
    sections: dict[str, list[str]] = {}
    for part in parts:
        section = ""
        for line in part.splitlines():
            if line.startswith(" "):
                sections[section].append(line)
            else:
                section = line
                sections.setdefault(section, [])
    return ["\n".join([section, *lines, ""]) for section, lines in sections.items()]
