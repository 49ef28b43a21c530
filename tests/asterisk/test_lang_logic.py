"""Decisions and digits of the flow language on a real Asterisk: each outcome is taken by a call."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.asterisk.node import Node
from ccctl.flow.compile import compile_site, generation_id
from ccctl.runtime.apply import apply
from ccctl.runtime.site import load_site
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls

pytestmark = pytest.mark.asterisk

SITE = """
ccctl: 1
defaults:
  languages: [en]
  currency: EUR
  country: DE
  timezone: Europe/Berlin
  menu: {timeout: 2s, interdigit: 1s, attempts: 2}
users:
  anna: {extension: 201, password: !secret ph201}
  ben: {extension: 210, password: !secret ph201}
prompts: {beep: A, again: B, short: "All of this is said before the menu, and takes some time to be said"}
vars:
  tier: {type: enum, values: [gold, silver, none], default: none}
  case: {type: digits, max: 6}
  tries: {type: number, min: 0, max: 5, default: "0"}
  agreed: {type: flag, default: "no"}
  price: {type: text, max: 9, default: "13.05"}
  who: {type: text, max: 12, default: nobody}
numbers:
  "+49301110001": condition
  "+49301110002": {flow: condition, set: {tier: gold}}
  "+49301110003": {flow: condition, set: {tier: silver, language: en}}
  "+49301110004": counting
  "+49301110005": shares
  "+49301110006": typed
  "+49301110007": choices
  "+49301110008": subs
  "+49301110009": caught
  "+49301110010": endless
  "+49301110011": words
  "+49301110012": says
  "+49301110013": {flow: passing, set: {tier: gold}}
flows:
  condition:
    - if: language is set
      then: [{goto: spoken}]
    - if: tier is gold and caller.number starts with +4917
      then: vip
      else:
        - {switch: tier, cases: {gold: foreign, silver: second}, else: rest}
  spoken: [{play: beep}, hangup]
  vip: [{play: beep}, hangup]
  foreign: [{play: beep}, hangup]
  second: [{play: beep}, hangup]
  rest: [{play: beep}, hangup]
  counting:
    - {loop: 4, steps: [{set: {tries: +1}}]}
    - {if: tries >= 4, then: four, else: wrong}
  four:
    - {set: {tries: +3}}                     # leaves the range: back to the default
    - {if: tries is 0, then: rest, else: wrong}
  wrong: [{play: beep}, hangup]
  shares:
    - split: {30%: first, 70%: later}
  first: [{play: beep}, hangup]
  later: [{play: beep}, hangup]
  typed:
    - gather: beep
      save: case
      digits: 3-6
      timeout: 2s
      interdigit: 1s
      attempts: 3
      matches: "[1-9][0-9]+"
      confirm: again
      on_invalid: {play: short}
      on_exhausted: gave-up
    - {if: case is 4711, then: right, else: other}
  right: [{say: "{{ case }}", as: digits}, hangup]
  other: [{play: beep}, hangup]
  gave-up: [{play: beep}, hangup]
  choices:
    - {play: short, barge_in: true}
    - menu: beep
      again: [again, short]
      attempts: 3
      options: {1: one, 3: {set: {agreed: "yes"}}, "*": repeat}
      dial_extensions: true
      on_invalid: {1: {play: again}, 2: {play: short}}
      on_exhausted: gave-up
    - {if: agreed is yes, then: right-choice, else: wrong}
  one: [{wait: 100ms}, hangup]
  right-choice: [{play: beep}, hangup]
  subs:
    - {subflow: rank, with: {tries: "3"}, save: tier}
    - {if: tier is silver, then: second, else: wrong}
  rank:
    - {if: tries is 3, then: {return: silver}}
    - {return: gold}
  caught:
    steps:
      - {dial: anna, timeout: 2s, on_no_answer: broken}
    catch: rest
  broken:
    steps:
      - {queue: nobody, max_wait: 1s}
    catch: rest
  endless:
    - {play: beep, barge_in: true}
    - {menu: beep, timeout: 1s, attempts: 1, options: {1: endless}, on_exhausted: tail}
  tail:
    - {if: tries is 0, then: head, else: wrong}
  head:
    - {wait: 100ms}
    - {menu: beep, timeout: 1s, attempts: 1, options: {1: endless}, on_exhausted: hangup}
  words:
    - {set: {who: "{{ caller.name }}"}}
    - {switch: who, cases: {"Zoe Ax": right-name}, else: other}
  right-name: [{play: beep}, hangup]
  says:
    - {say: "12", as: number}
    - {say: "3", as: ordinal}
    - {say: "a1", as: alpha}
    - {say: caller.number, as: phone}
    - {say: "2.50", as: money}
    - {say: "{{ price }}", as: money}
    - {say: now, as: time}
    - {say: now, as: date}
    - {say: now, as: datetime}
    - {say: "{{ tries }}", as: number}
    - {goto: passing, with: {tier: silver}}
  passing:
    - {wait: 100ms}
    - {wait: 1s, music: calm}
    - switch: tier
      cases: {gold: continue, silver: rest}
      else: wrong
    - {play: short, barge_in: true}
    - {goto: head}
queues:
  nobody: {engine: native, agents: [anna]}
agents:
  anna: {}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "site.yaml").write_text(SITE)
    (folder / "secrets.yaml").write_text("ph201: kR7wuGh0pq\n")
    (folder / "secrets.yaml").chmod(0o600)
    home = LabHome()
    try:
        home.up()
        site, found = load_site(folder)
        assert site, [str(finding) for finding in found]
        asyncio.run(apply(home.settings, site, compile_site(site, generation_id(site)), lambda text: None))
        yield home.listener()
    finally:
        home.remove()


@pytest.fixture
async def calls(node: Node) -> AsyncIterator[LocalCalls]:
    async with LocalCalls(node) as calls:
        yield calls


def flows(marks: list[tuple[str, str]]) -> list[str]:
    return [value for mark, value in marks if mark == "CC_FLOW"]


@pytest.mark.parametrize(
    ("number", "caller", "variables", "expected"),
    [
        ("1", "+491701112233", {}, ["condition", "rest"]),
        ("2", "+491701112233", {}, ["condition", "vip"]),
        ("2", "+33123456789", {}, ["condition", "foreign"]),
        ("3", "+491701112233", {}, ["condition", "spoken"]),
        ("4", "+491701112233", {}, ["counting", "four", "rest"]),
        ("5", "+491701112233", {"CC_DICE": "30"}, ["shares", "first"]),
        ("5", "+491701112233", {"CC_DICE": "31"}, ["shares", "later"]),
        ("8", "+491701112233", {}, ["subs", "rank", "second"]),
        ("9", "+491701112233", {}, ["caught", "broken", "rest"]),
        ("13", "+491701112233", {}, ["passing", "head"]),
    ],
)
async def test_ways_without_keys(
    calls: LocalCalls, number: str, caller: str, variables: dict[str, str], expected: list[str]
) -> None:
    call = await calls.call(f"+493011100{int(number):02}", caller=f'"Zoe" <{caller}>', **variables)
    await call.ends(20)
    assert flows(call.marks) == expected


async def test_everything_can_be_said(calls: LocalCalls) -> None:
    call = await calls.call("+49301110012", caller='"Z" <+4912>')
    await call.ends(40)
    assert flows(call.marks) == ["says", "passing", "rest"]
    assert call.heard("money-eur") == 3  # two units and a part; the other part is inside an ExecIf
    assert call.heard("money-eur-part") == 1


async def test_a_wait_may_have_music(calls: LocalCalls) -> None:
    call = await calls.call("+49301110013")
    await call.ends(20)
    assert call.music


async def test_digits_are_confirmed_and_kept(calls: LocalCalls) -> None:
    call = await calls.call("+49301110006")
    await call.passes("CC_FLOW", "typed")
    await call.hears("beep")
    await call.type("4711#")
    await call.hears("again")
    await call.press("1")
    await call.ends(20)
    assert flows(call.marks) == ["typed", "right"]


async def test_wrong_digits_and_silence_use_up_the_attempts(calls: LocalCalls) -> None:
    """12: too few; 0123: no pattern; silence."""
    call = await calls.call("+49301110006")
    await call.hears("beep")
    await call.type("12#")
    await call.hears("beep", times=2)
    await call.type("0123#")
    await call.hears("beep", times=3)
    await call.ends(20)
    assert flows(call.marks) == ["typed", "gave-up"]


async def test_another_key_than_1_does_not_confirm(calls: LocalCalls) -> None:
    call = await calls.call("+49301110006")
    await call.hears("beep")
    await call.type("4711#")
    await call.hears("again")
    await call.press("2")
    await call.hears("beep", times=2)
    await call.type("555#")
    await call.hears("again", times=2)
    await call.press("1")
    await call.ends(20)
    assert flows(call.marks) == ["typed", "other"]


async def test_each_attempt_has_its_own_prompts(calls: LocalCalls) -> None:
    call = await calls.call("+49301110007")
    await call.hears("beep")
    await call.press("9")
    await call.hears("again", times=2)  # before the second attempt, and its own
    await call.press("9")
    await call.hears("short", times=3)  # the beginning, before the third attempt, and its own
    await call.press("9")
    await call.ends(20)
    assert flows(call.marks) == ["choices", "gave-up"]


async def test_a_key_during_what_comes_before_a_menu_counts(calls: LocalCalls) -> None:
    call = await calls.call("+49301110007")
    await call.hears("short")
    await call.press("1")
    await call.ends(20)
    assert flows(call.marks) == ["choices", "one"]
    assert not call.heard("beep")


async def test_an_extension_can_be_dialled_in_a_menu(calls: LocalCalls) -> None:
    call = await calls.call("+49301110007")
    await call.hears("beep")
    await call.type("210")
    await call.passes("CC_DIAL", "ben")
    await call.hang_up()


async def test_a_key_can_set_a_variable_and_go_on(calls: LocalCalls) -> None:
    call = await calls.call("+49301110007")
    await call.hears("beep")
    await call.press("3")
    await call.ends(20)
    assert flows(call.marks) == ["choices", "right-choice"]


@pytest.mark.parametrize(
    ("name", "way"), [("Zoe, Ax;", "right-name"), ("Zoe$[Ax]", "other"), ("Zoe Axxxxxxxxxx", "other")]
)
async def test_free_text_is_filtered_where_it_is_set(calls: LocalCalls, name: str, way: str) -> None:
    """What has a meaning elsewhere goes; the rest is compared as it is."""
    call = await calls.call("+49301110011", caller=f'"{name}" <+491701112233>')
    await call.ends(20)
    assert flows(call.marks) == ["words", way]


async def test_a_call_that_goes_round_is_ended(calls: LocalCalls) -> None:
    call = await calls.call("+49301110010", CC_STEPS="199")
    await call.ends(20)
    assert flows(call.marks) == ["endless", "tail"]
    assert call.marks[-1] == ("CC_HANGUP", "tail")
