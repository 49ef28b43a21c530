"""What a site means once it is read: values, defaults, references that were resolved."""

import random

import pytest

from ccctl.diagnostics import Severity
from ccctl.flow import graph
from ccctl.flow.graph import OpenSpan, Site
from ccctl.flow.roster import roster
from tests.support.site_cases import BASE, read

FLOW = 'numbers: {"+49301234501": x}\nflows:\n  x:\n'


def site(text: str, **more: object) -> Site:
    draft, found = read({"site": text, **more})
    assert [str(f) for f in found if f.severity is Severity.ERROR] == []
    return draft.site


def steps(text: str) -> graph.Body:
    return site(FLOW + text).flows["x"].steps


def test_menu_takes_the_defaults_of_the_site() -> None:
    text = "[{menu: main-menu, options: {1: main}, on_exhausted: hangup}]"
    (menu,) = site('numbers: {"+49301234501": x}\nflows: {x: ' + text + "}").flows["x"].steps
    assert isinstance(menu, graph.Menu)
    assert (menu.timeout_ms, menu.interdigit_ms, menu.attempts) == (5000, 2000, 3)
    alone = BASE.decode().replace("{languages", "{menu: {timeout: 7s, attempts: 2}, languages")
    draft, _ = read({"site": f"{alone}  x: {text}\n", "alone": True})
    menu = draft.site.flows["x"].steps[0]
    assert isinstance(menu, graph.Menu)
    assert (menu.timeout_ms, menu.interdigit_ms, menu.attempts) == (7000, 2000, 2)


def test_destinations_are_bodies() -> None:
    (menu,) = steps(
        """
    - menu: main-menu
      options:
        1: main
        2: {voicemail: support}
        3: [{play: sorry}, hangup]
        "*": repeat
      on_exhausted: hangup
"""
    )
    assert isinstance(menu, graph.Menu)
    kinds = {option.key: [type(step).__name__ for step in option.body] for option in menu.options}
    assert kinds == {"1": ["Goto"], "2": ["VoicemailStep"], "3": ["Play", "HangupStep"], "*": []}
    assert menu.options[3].repeat
    assert [type(step) for step in menu.on_exhausted] == [graph.HangupStep]


def test_queue_step_with_everything() -> None:
    (queue, _) = steps(
        """
    - queue: support
      priority: 5
      max_wait: 2m
      exit_keys: {0: main}
      on_full: main
      on_no_agents: main
      on_timeout: hangup
      on_failed: hangup
    - hangup: busy
"""
    )
    assert isinstance(queue, graph.QueueStep)
    assert (queue.queue, queue.priority, queue.max_wait_ms, queue.exit_keys[0].key) == (
        "support",
        5,
        120_000,
        "0",
    )


def test_outcomes_that_are_not_written_follow_their_neighbours() -> None:
    dial, hours = (
        steps("    - {dial: anna, on_no_answer: main}\n")[0],
        steps("    - {hours: office, on_closed: main}\n    - hangup\n")[0],
    )
    assert isinstance(dial, graph.Dial)
    assert dial.on_busy == dial.on_failed == dial.on_no_answer
    assert isinstance(hours, graph.HoursStep)
    assert hours.on_holiday == hours.on_closed


def test_a_number_goes_by_the_only_trunk_wherever_it_is_dialled() -> None:
    step = (
        "- {hours: office, on_closed: {dial: [anna, '+49305559999'], on_no_answer: hangup}}\n    - hangup\n"
    )
    hours = steps(f"    {step}")[0]
    assert isinstance(hours, graph.HoursStep)
    (dial,) = hours.on_closed
    assert isinstance(dial, graph.Dial)
    assert dial.via == "telco"


def test_queue_defaults_and_members() -> None:
    queues = site("queues: {vip: {skills: {technical: 3}}, picked: {agents: anna, record: always}}").queues
    assert queues["vip"].agents == ("anna",)
    assert queues["picked"].agents == ("anna",)
    assert queues["vip"].whisper == ("queue", "waited")
    assert (queues["vip"].ring_ms, queues["vip"].wrap_up_ms, queues["vip"].record) == (15_000, 0, "consent")
    assert queues["picked"].record == "always"


def test_where_talks_may_be_handed_on_to() -> None:
    text = """defaults: {transfer_outside: ["+49", "+4312"]}
queues:
  bare: {agents: anna}
  near: {agents: anna, extension: 610, transfer_place: new}
feature_codes: {"#9": blind-transfer}
"""
    built = site(text)
    config = roster(built, "abc123").transfers
    assert config.outside == ("+49", "+4312")
    assert config.numbers["610"] == "queue:near"
    assert [built.queues[name].transfer_place for name in ("bare", "near")] == ["kept", "new"]
    assert config.codes == {
        "#9": "blind-transfer",
        "#2": "attended-transfer",
        "#3": "conference",
        "#4": "hold",
    }


@pytest.mark.parametrize(
    "slip",
    [
        'defaults: {transfer_outside: ["49"]}',
        'defaults: {transfer_outside: ["+49-30"]}',
        "queues: {vip: {agents: anna, transfer_place: old}}",
        "queues: {vip: {agents: anna, extension: 6}}",
        "queues: {vip: {agents: anna, extension: 201}}",
        'feature_codes: {"*9": transfer}',
    ],
)
def test_a_slip_in_what_is_said_of_transfers_is_one_finding(slip: str) -> None:
    _, found = read({"site": slip})
    assert len([f for f in found if f.severity is Severity.ERROR]) == 1


def test_an_accept_key_is_a_key_or_a_key_with_its_time() -> None:
    text = """queues:
  bare: {agents: anna, accept_key: 1}
  timed: {agents: anna, accept_key: {key: "#", within: 5s}}
  free: {agents: anna}
"""
    found = {name: (queue.accept_key, queue.accept_ms) for name, queue in site(text).queues.items()}
    assert {name: found[name] for name in ("bare", "timed", "free")} == {
        "bare": ("1", 10_000),
        "timed": ("#", 5000),
        "free": ("", 10_000),
    }


@pytest.mark.parametrize("slip", ["12", "a", "{within: 5s}", "{key: 1, within: 5h}"])
def test_a_bad_accept_key_is_one_finding(slip: str) -> None:
    _, found = read({"site": f"queues: {{vip: {{agents: anna, accept_key: {slip}}}}}"})
    assert len([f for f in found if f.severity is Severity.ERROR]) == 1


def test_overflow_rules_and_the_goal_of_who_lends() -> None:
    text = """queues:
  vip:
    agents: anna
    overflow:
      - {when: {wait: 60s, length: 3}, borrow: backup}
      - {when: {estimated_wait: 10m}, leave: true}
      - {when: {staffed: 0, available: 1}, leave: yes}
  backup: {agents: dora, lend: {keep: 70% in 30s, over: 15m}}
  helper: {agents: dora, lend: {keep: 80% in 20s}}
agents: {dora: {}}
"""
    queues = site(text).queues
    rules = queues["vip"].overflow
    found = [
        (r.when.wait_ms, r.when.length, r.when.estimated_ms, r.when.available, r.when.staffed) for r in rules
    ]
    assert found == [(60_000, 3, 0, None, None), (0, None, 600_000, None, None), (0, None, 0, 1, 0)]
    assert [(r.borrow, r.leave) for r in rules] == [(("backup",), False), ((), True), ((), True)]
    assert queues["vip"].sends_on
    lend = queues["backup"].lend
    assert lend is not None
    assert (lend.percent, lend.goal_ms, lend.window_ms) == (70, 30_000, 900_000)
    assert queues["helper"].lend is not None
    assert queues["helper"].lend.window_ms == 1_800_000


def test_limits_of_agents_states() -> None:
    text = """defaults: {pause_reasons: {1: {name: lunch, max: 45m, over: offline}, 2: {name: tea}, 3: break}}
queues:
  plain: {agents: anna, wrap_up: 30s}
  limited: {agents: anna, wrap_up: {time: 30s, max: 5m}, not_responding: {after: 3, for: 2m}}
"""
    made = site(text)
    assert made.defaults.pause_reasons == {"1": "lunch", "2": "tea", "3": "break"}
    assert made.defaults.pause_limits == {"lunch": graph.PauseLimit(2_700_000, "offline")}
    found = {
        name: (queue.wrap_up_ms, queue.wrap_up_max_ms, queue.miss_limit, queue.rest_ms)
        for name, queue in made.queues.items()
    }
    assert found["plain"] == (30_000, 3_600_000, 1, 0)
    assert found["limited"] == (30_000, 300_000, 3, 120_000)


def test_members_that_come_and_go() -> None:
    text = """queues:
  open: {membership: dynamic, agents: anna, forced: anna}
  fixed: {agents: anna}
"""
    found = {n: (q.membership, q.agents, q.forced) for n, q in site(text).queues.items()}
    assert found["open"] == ("dynamic", ("anna",), ("anna",))
    assert found["fixed"] == ("static", ("anna",), ())


@pytest.mark.parametrize(
    "slip",
    [
        "overflow: [{when: {wait: 60s}}]",
        "overflow: [{when: {wait: 60s}, leave: true, borrow: [support]}]",
        "overflow: [{when: {}, leave: true}]",
        "overflow: [{leave: true}]",
        "overflow: [{when: {wait: soon}, leave: true}]",
        "overflow: [{when: {wiat: 60s}, leave: true}]",
        "overflow: [{when: {wait: 60s}, borrow: [nobody]}]",
        "lend: {over: 30m}",
        "lend: {keep: 80%}",
    ],
)
def test_a_bad_overflow_rule_is_one_finding(slip: str) -> None:
    _, found = read({"site": f"queues: {{vip: {{agents: anna, {slip}}}}}"})
    assert len([f for f in found if f.severity is Severity.ERROR]) == 1, [str(f) for f in found]


@pytest.mark.parametrize(
    "slip",
    [
        "queues: {vip: {agents: anna, wrap_up: {time: 5m, max: 30s}}}",
        "queues: {vip: {agents: anna, wrap_up: {max: 30s}}}",
        "queues: {vip: {agents: anna, not_responding: {after: 0}}}",
        "queues: {vip: {agents: anna, membership: free}}",
        "queues: {vip: {agents: anna, direct_calls: maybe}}",
        "queues: {vip: {agents: anna, forced: nobody}}",
        "queues: {vip: {agents: anna, engine: native, not_responding: {for: 2m}}}",
        "defaults: {pause_reasons: {1: {max: 45m}}}",
        "defaults: {pause_reasons: {1: {name: lunch, max: 5s}}}",
        "defaults: {pause_reasons: {1: {name: lunch, max: 45m, over: shout}}}",
    ],
)
def test_a_bad_limit_or_membership_is_one_finding(slip: str) -> None:
    _, found = read({"site": slip})
    assert len([f for f in found if f.severity is Severity.ERROR]) == 1


def test_a_menu_while_waiting_has_keys_that_stay_and_keys_that_leave() -> None:
    step = steps(
        """
    - queue: support
      exit_keys: {0: main}
      while_waiting:
        menu: main-menu
        after: 30s
        every: 2m
        options:
          1: {tell: sorry}
          2: position
          3: wait_time
          4: quiet
          5: repeat
          9: [{play: sorry}, {goto: main}]
"""
    )[0]
    assert isinstance(step, graph.QueueStep)
    menu = step.waiting
    assert menu is not None
    assert (menu.prompts, menu.after_ms, menu.every_ms) == (("main-menu",), 30_000, 120_000)
    assert [(each.key, str(each.does), each.prompts) for each in menu.options] == [
        ("1", "tell", ("sorry",)),
        ("2", "position", ()),
        ("3", "wait_time", ()),
        ("4", "quiet", ()),
        ("5", "repeat", ()),
    ]
    assert [option.key for option in step.exit_keys] == ["0", "9"]


@pytest.mark.parametrize(
    "slip",
    [
        "{menu: main-menu, options: {1: quiet}}",
        "{menu: main-menu, every: 60s}",
        "{menu: nothing, every: 60s, options: {1: quiet}}",
        "{menu: main-menu, every: 60s, options: {12: quiet}}",
        "{menu: main-menu, every: 60s, options: {1: {tell: nothing}}}",
        "{menu: main-menu, every: 60s, options: {1: nowhere}}",
        "{menu: main-menu, every: 60s, options: {}}",
    ],
)
def test_a_bad_menu_while_waiting_is_one_finding(slip: str) -> None:
    _, found = read({"site": f"{FLOW}    - {{queue: support, on_timeout: main, while_waiting: {slip}}}\n"})
    assert len([f for f in found if f.severity is Severity.ERROR]) == 1, [str(f) for f in found]


def test_every_queue_has_a_prompt_that_says_its_title() -> None:
    prompts = site("queues: {vip: {title: Best customers, skills: {technical: 1}}}").prompts
    assert prompts["queue-vip"].texts == {"en": "Best customers", "de": "Best customers"}
    text = "queues: {vip: {skills: {technical: 1}}}\nprompts: {queue-vip: {en: VIP, de: Wichtig}}"
    assert site(text).prompts["queue-vip"].texts == {"en": "VIP", "de": "Wichtig"}


def test_a_recording_beats_the_text_and_changes_the_digest() -> None:
    spoken = site("hours: {s: {open: never}}").prompts["welcome"]
    recorded = site("hours: {s: {open: never}}", sounds={"sounds/de/welcome.wav": ""}).prompts["welcome"]
    assert spoken.files == {}
    assert recorded.files == {"de": "sounds/de/welcome.wav"}
    assert recorded.texts == {"en": "Welcome"}
    assert len(spoken.digest) == 8
    assert spoken.digest != recorded.digest
    other = site("prompts: {greeting: {en: Welcome, de: Willkommen}}").prompts["greeting"]
    assert other.digest == spoken.digest, "the digest is of the content, not of the name"


def test_hours() -> None:
    hours = site(
        'hours:\n  shop: {open: {mon-tue: "22:00-06:00", wed-sun: closed}, timezone: Asia/Tokyo}\n'
        "  never: {open: never}\n  always: {open: always}\n"
    ).hours
    assert hours["shop"].open == (
        OpenSpan(0, 1320, 1440),
        OpenSpan(1, 0, 360),
        OpenSpan(1, 1320, 1440),
        OpenSpan(2, 0, 360),
    )
    assert (hours["shop"].timezone, hours["office"].timezone) == ("Asia/Tokyo", "Europe/Berlin")
    assert hours["never"].open == ()
    assert sum(span.end - span.start for span in hours["always"].open) == 7 * 1440


def test_holidays_from_dates_and_calendars() -> None:
    text = 'hours: {shop: {open: always, holidays: ["2026-12-26", days.yaml, list.yaml]}}'
    files = {"days.yaml": "2026-12-25: Christmas", "list.yaml": '- "2026-12-26"\n- 2027-01-01'}
    assert site(text, files=files).hours["shop"].holidays == ("20261225", "20261226", "20270101")


def test_half_days_ranges_and_yearly_days() -> None:
    text = (
        'hours: {shop: {open: always, holidays: ["2026-12-30..2026-12-31", '
        '{date: "2026-12-24", from: "12:00"}, {date: "12-23", to: "09:00"}, days.yaml, half.yaml]}}'
    )
    files = {
        "days.yaml": '"12-25": Christmas\n"2026-12-29": {from: "12:00", to: "18:00", name: Inventory}',
        "half.yaml": '- {date: "2026-12-24", from: "08:00", to: "12:00"}\n- "2026-12-26"',
    }
    shop = site(text, files=files).hours["shop"]
    christmas = tuple(f"{year}1225" for year in (2025, 2026, 2027, 2028))
    assert set(shop.holidays) == {*christmas, "20261226", "20261230", "20261231"}
    assert [(part.day, part.start, part.end) for part in shop.partial if part.day.startswith("2026")] == [
        ("20261223", 0, 540),
        ("20261224", 480, 1440),
        ("20261229", 720, 1080),
    ]


def test_a_calendar_is_read_in_the_zone_of_its_hours() -> None:
    text = """hours:
      shop: {open: always, holidays: x.ics}
      far: {open: always, holidays: x.ics, timezone: Asia/Tokyo}"""
    event = "DTSTART:20261224T110000Z\nDTEND:20261224T120000Z"
    calendar = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR"
    hours = site(text, files={"x.ics": calendar}).hours
    assert [part.start for name in ("shop", "far") for part in hours[name].partial] == [720, 1200]


def test_exceptions_are_days_with_their_own_hours() -> None:
    text = """hours: {shop: {open: never, exceptions: {
      "2026-12-31": closed,
      "2026-12-27..2026-12-28": "10:00-14:00",
      "2026-12-24": ["13:00-24:00", "08:00-12:00"]}}}"""
    days = [(each.day, each.spans) for each in site(text).hours["shop"].exceptions]
    assert days == [
        ("20261224", ((480, 720), (780, 1440))),
        ("20261227", ((600, 840),)),
        ("20261228", ((600, 840),)),
        ("20261231", ()),
    ]


def test_mailbox_number_is_the_extension_of_its_user() -> None:
    text = "users: {ben: {extension: 202, password: !secret ph202, mailbox: ben}}\n"
    text += "mailboxes: {ben: {pin: !secret vm900}}"
    box = site(text).mailboxes["ben"]
    assert (box.number, box.pin, box.title) == ("202", "482915", "ben")


def test_feature_codes() -> None:
    listen = "{listen: agents, roles: boss, keys: {1: listen}}"
    text = f'"*45": agent-login, "*222": {listen}, "*9": {{listen: agents}}'
    codes = site(f"feature_codes: {{{text}}}").feature_codes
    assert codes["*45"].action == "agent-login"
    assert (codes["*222"].action, codes["*222"].roles, codes["*222"].keys) == (
        "listen",
        ("boss",),
        {"1": "listen"},
    )
    assert codes["*9"].roles == ("supervisor",)


def test_numbers_carry_a_language() -> None:
    short, long = "{flow: main, language: de}", "{flow: main, set: {language: de}}"
    numbers = site(f'numbers: {{"+49301234501": {short}, "+49301234502": {long}}}').numbers
    assert numbers["+49301234500"].language == ""
    assert numbers["+49301234501"].language == numbers["+49301234502"].language == "de"


def test_every_problem_of_every_file_is_found_in_one_run() -> None:
    text = "queues: {vip: {ring: 15, wrap_up: 3}}\nhours: {shop: {open: {mon: x}}}\nflow: {}\n"
    _, found = read({"site": text})
    assert sorted((f.code, f.span.line) for f in found) == [
        ("E301", 2),
        ("E904", 1),
        ("E904", 1),
        ("E905", 3),
    ]


@pytest.mark.parametrize("seed", range(40))
def test_no_mutilated_site_raises(seed: int) -> None:
    """Lines dropped, doubled and re-indented, words exchanged: findings, never an exception."""
    chance = random.Random(seed)
    lines = BASE.decode().splitlines()
    words = [
        "[]",
        "{}",
        "~",
        '""',
        "!secret x",
        "a b",
        "- x",
        "{a: {b: c}}",
        "'*'",
        "main",
        "hangup",
        "-1",
        "[[x]]",
    ]
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        lines[at] = chance.choice(
            [f"{key}{colon} {chance.choice(words)}", f"  {lines[at]}", lines[at].lstrip(), ""]
        )
    draft, found = read({"site": "\n".join(lines), "alone": True})
    assert isinstance(draft.site, Site)
    assert all(finding.text and finding.span.file for finding in found)
