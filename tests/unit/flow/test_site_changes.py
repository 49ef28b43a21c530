"""Two sites compared, in the words of their files."""

import msgspec
import pytest
from msgspec.structs import replace

from ccctl.diagnostics import Span
from ccctl.flow import graph as g
from ccctl.flow.model import model, seal
from ccctl.flow.site_changes import changes, singular, site_changes, summary
from tests.support import sample_site

SITE = sample_site.site()


def lines(new: g.Site, old: g.Site = SITE) -> list[str]:
    return [line for change in site_changes(old, new) for line in change.lines()]


def with_main(*steps: g.AnyStep) -> g.Site:
    return replace(SITE, flows={**SITE.flows, "main": replace(SITE.flows["main"], steps=steps)})


MAIN = SITE.flows["main"].steps
MENU = MAIN[3]
assert isinstance(MENU, g.Menu)


def with_menu(menu: g.Menu) -> g.Site:
    return with_main(*MAIN[:3], replace(menu, span=Span("flows.yaml", 7)), *MAIN[4:])


def test_the_same_site_has_no_changes_wherever_it_stands() -> None:
    moved = replace(MENU, span=Span("other.yaml", 99, 3))
    assert site_changes(SITE, SITE) == []
    assert lines(with_main(*MAIN[:3], moved, *MAIN[4:])) == []


def test_a_queue() -> None:
    queue = replace(SITE.queues["support"], ring_ms=20_000, agents=("anna", "ben", "cleo"))
    assert lines(replace(SITE, queues={**SITE.queues, "support": queue})) == [
        "~ queue support: members + cleo; ring 15s -> 20s"
    ]


def test_an_option_of_a_menu() -> None:
    option = g.Option(key="4", body=(g.Goto(flow="front-desk"),))
    assert lines(with_menu(replace(MENU, options=(*MENU.options, option)))) == [
        "~ flow main: menu at flows.yaml:7: option 4 added -> front-desk"
    ]
    assert lines(with_menu(replace(MENU, options=MENU.options[1:]))) == [
        "~ flow main: menu at flows.yaml:7: option 1 removed"
    ]


def test_a_new_destination_and_what_is_inside_of_a_branch() -> None:
    first = replace(MENU.options[0], body=(g.Goto(flow="billing"),))
    second = replace(MENU.options[1], body=(*MENU.options[1].body, g.Play(prompts=("closed",))))
    assert lines(with_menu(replace(MENU, options=(first, second, *MENU.options[2:])))) == [
        "~ flow main:",
        "    menu at flows.yaml:7: option 1 -> billing (was support)",
        "    menu at flows.yaml:7: option 2: + play closed (:1)",
    ]


def test_steps_that_come_go_and_change() -> None:
    new = with_main(MAIN[0], g.Play(prompts=("closed",)), *MAIN[2:5])
    assert lines(new) == [
        "~ flow main:",
        "    play at :1: prompts welcome -> closed",
        '    - say "Your case {{ case }} is open, and your ti..." (was at :1)',
        "    - hangup (was at :1)",
    ]


def test_what_came_and_went() -> None:
    flows = {**SITE.flows, "overflow": sample_site.flow("overflow", g.HangupStep())}
    users = {name: user for name, user in SITE.users.items() if name != "ben"}
    numbers = {**SITE.numbers, "+4930777": g.Number(number="+4930777", flow="overflow")}
    assert lines(replace(SITE, flows=flows, users=users, numbers=numbers)) == [
        "+ number +4930777: -> overflow",
        "- user ben",
        "+ flow overflow",
    ]


def test_hours_prompts_and_defaults() -> None:
    office = replace(SITE.hours["office"], open=(*SITE.hours["office"].open[:4], g.OpenSpan(4, 480, 960)))
    closed = replace(SITE.prompts["closed"], texts={"en": "We are closed."}, digest="11111111")
    welcome = replace(SITE.prompts["welcome"], digest="22222222")
    new = replace(
        SITE,
        hours={"office": office},
        prompts={**SITE.prompts, "closed": closed, "welcome": welcome},
        defaults=replace(SITE.defaults, menu_attempts=2, pause_reasons={"1": "lunch"}),
    )
    assert lines(new) == [
        "~ defaults: menu_attempts 3 -> 2; pause_reasons 2 training -> none",
        "~ hours office: open + fri 08:00-16:00 - fri 08:00-18:00",
        "~ prompt welcome: recording changed",
        '~ prompt closed: texts en closed -> "We are closed."',
    ]


def with_told(step: g.Say, tier: g.Variable = sample_site.TIER) -> g.Site:
    parts = sample_site.named(*sample_site.parts(step, tier))
    site = replace(with_main(*(step if each is sample_site.TOLD else each for each in MAIN)))
    others = {name: each for name, each in SITE.prompts.items() if not each.fragment}
    return replace(site, prompts={**others, **parts}, vars={**SITE.vars, "tier": tier})


def test_a_sentence_tells_its_own_words() -> None:
    """Its prompts come and go with it, and a longer text is shown where it changed."""
    text = {**sample_site.TOLD.text, "en": "Your case {{ case }} is open, and your level is {{ tier }}."}
    told = replace(sample_site.TOLD, text=text, span=Span("flows.yaml", 9))
    assert lines(with_told(told)) == [
        '~ flow main: say at flows.yaml:9: text en "...open, and your tier is {{ tier }}." -> '
        '"...open, and your level is {{ tier }}."'
    ]
    assert lines(with_main(*(each for each in MAIN if each is not sample_site.TOLD))) == [
        '~ flow main: - say "Your case {{ case }} is open, and your ti..." (was at :1)'
    ]


def test_the_words_of_a_value_are_told_with_its_variable() -> None:
    gold = {"en": "Gold", "de": "Goldkunde"}
    tier = replace(sample_site.TIER, spoken={"gold": gold})
    changed = replace(tier, spoken={"gold": {"en": "Gold", "de": "Gold"}})
    old, new = with_told(sample_site.TOLD, tier), with_told(sample_site.TOLD, changed)
    other = replace(new.prompts["tier.gold"], texts={"en": "Gold", "de": "Gold"})
    new = replace(new, prompts={**new.prompts, "tier.gold": other})
    assert lines(new, old) == ["~ var tier: spoken gold de Goldkunde -> Gold"]
    recorded = replace(other, texts={"en": "Gold"}, files={"de": "sounds/de/tier.gold.wav"})
    (told,) = lines(replace(new, prompts={**new.prompts, "tier.gold": recorded}), new)
    assert told.startswith("~ prompt tier.gold: ")
    assert "sounds/de/tier.gold.wav" in told


def test_a_secret_shows_that_it_changed_and_nothing_else() -> None:
    user = replace(SITE.users["anna"], password="another-one")
    new = replace(SITE, users={**SITE.users, "anna": user})
    assert lines(new) == ["~ user anna: password changed"]
    text = msgspec.json.encode(model(new, seal(b"key"), {"+49305559999"})).decode()
    for secret in ("pw-anna", "another-one", "1111", "pw-telco", "+49305559999"):
        assert secret not in text


def test_a_secret_inside_of_a_text_is_hidden_as_a_whole() -> None:
    say = g.Say(value="Bearer s3cr3t-token")
    text = msgspec.json.encode(model(with_main(say), seal(b"key"), {"s3cr3t-token"})).decode()
    assert "s3cr3t" not in text
    assert "Bearer" not in text


def test_a_field_that_an_older_version_did_not_know_is_no_change_while_it_is_empty() -> None:
    old = model(SITE, seal(b"key"))
    for queue in old["queues"].values():
        del queue["max_callers"]
    found = changes(old, model(SITE, seal(b"key")))
    assert [line for change in found for line in change.lines()] == [
        "~ queue support: max_callers none -> 40"
    ]


def test_everything_is_new_at_first_and_the_summary_is_one_line() -> None:
    found = changes({}, model(SITE, seal(b"key")))
    assert {change.kind for change in found} == {"added"}
    text = summary(found)
    assert len(text) <= 100
    assert "\n" not in text


@pytest.mark.parametrize(
    ("section", "one"),
    [("queues", "queue"), ("mailboxes", "mailbox"), ("hours", "hours"), ("ring_groups", "ring group")],
)
def test_sections_are_called_by_what_they_hold(section: str, one: str) -> None:
    assert singular(section) == one


def test_a_secret_that_flows_send() -> None:
    old, new = (replace(SITE, secrets={"crm": value}) for value in ("Basic abc", "Basic def"))
    assert lines(new, old) == ["~ secrets: changed"]
