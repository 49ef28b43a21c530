"""Rules of the compiled dialplan that hold for every site."""

import re

import msgspec
import pytest

from ccctl.errors import ApplyError
from ccctl.flow import graph as g
from ccctl.flow import marks
from ccctl.flow.compile import compile_contexts, compile_site, generation_id, generation_of
from ccctl.flow.compile_tables import spells
from ccctl.flow.dialplan import Context, Exten, Line, Priority, literal, model, render
from tests.support import sample_site

GEN = "7f3a9c"
LEAVES = {"Goto", "Hangup", "Return", "WaitExten"}
NAMED = re.compile(r"(cc-[\w.-]+),([\w+*#]+),(\w+)")


def contexts(site: g.Site) -> dict[str, Context]:
    plan = compile_site(site, GEN)
    return {context.name: context for context in (*plan.entry, *plan.contexts)}


def of_flow(*steps: g.AnyStep, **changes: object) -> dict[str, Exten]:
    """The extensions of a flow `trial` made of these steps."""
    site = sample_site.site(**changes)
    flows = {**site.flows, "trial": sample_site.flow("trial", *steps)}
    found = contexts(msgspec.structs.replace(site, flows=flows))
    return {exten.name: exten for exten in found[f"cc-{GEN}-trial"].extens}


def lines(exten: Exten) -> list[str]:
    return [f"{line.app}({','.join(line.args)})" for line in exten.lines]


def test_every_branch_ends_somewhere() -> None:
    """No caller falls off the end of an extension into silence."""
    for context in contexts(sample_site.site()).values():
        for exten in context.extens:
            assert exten.lines[-1].app in LEAVES, (context.name, exten.name)


def test_every_named_place_exists() -> None:
    known = contexts(sample_site.site())
    for context in known.values():
        for exten in context.extens:
            for line in exten.lines:
                if line.app == "Dial":
                    for extension, where in re.findall(r"Local/(\w+)@([\w.-]+)", line.args[0]):
                        assert extension in {each.name for each in known[where].extens}
                    continue
                for where, extension, priority in NAMED.findall(",".join(line.args)):
                    target = next((each for each in known[where].extens if each.name == extension), None)
                    assert target, f"{context.name},{exten.name}: {line}"
                    assert priority == "1" or priority in {each.label for each in target.lines}


def test_every_local_jump_exists() -> None:
    for context in contexts(sample_site.site()).values():
        extens = {exten.name for exten in context.extens}
        for exten in context.extens:
            labels = {line.label for line in exten.lines}
            for line in exten.lines:
                if line.app in ("GotoIf", "GotoIfTime"):
                    target = line.args[-1].rpartition("?")[2].split(":")[0]
                    name, comma, _ = target.partition(",")
                    assert name in (extens if comma else labels), f"{context.name},{exten.name}: {line}"


def test_generations_share_no_context() -> None:
    first, second = (compile_contexts(sample_site.site(), gen) for gen in ("aaaaaa", "bbbbbb"))
    assert not {context.name for context in first} & {context.name for context in second}
    assert {generation_of(context.name) for context in first} == {"aaaaaa"}
    assert generation_of("cc-in") == generation_of("default") == ""


def test_the_same_flows_are_the_same_generation() -> None:
    site = sample_site.site()
    site.flows.pop("data")  # who is called back must not be a number of ours
    site.flows.pop("support")
    number = {"+49309": g.Number(number="+49309", flow="main")}
    assert generation_id(msgspec.structs.replace(site, numbers=number)) == generation_id(site)
    prompts = {**site.prompts, "welcome": msgspec.structs.replace(site.prompts["welcome"], digest="11111111")}
    assert generation_id(msgspec.structs.replace(site, prompts=prompts)) != generation_id(site)


def test_caller_text_is_filtered_where_it_enters() -> None:
    text = render(
        compile_site(sample_site.site(), GEN).entry + compile_site(sample_site.site(), GEN).contexts
    )
    for line in text.splitlines():
        if "${CALLERID" in line:
            assert "FILTER(" in line
        assert "EVAL(" not in line
        assert "SHELL(" not in line
    assert "${EXTEN" not in text


@pytest.mark.parametrize("text", ["${SECRET}", "$[1+1]", "a\nb", 'a"b', "a\\b", "\x00"])
def test_literals_that_asterisk_would_read_are_refused(text: str) -> None:
    with pytest.raises(ApplyError, match="cannot go into a dialplan"):
        literal(text)


def test_semicolons_and_commas_are_escaped_in_one_place() -> None:
    context = Context("c", (Exten("s", (Line("NoOp", (literal("a,b;c"),)),)),))
    assert "NoOp(a\\,b\\;c)" in render([context])
    assert model(context) == {Priority("s", "1", "NoOp", "a\\,b;c")}


@pytest.mark.parametrize("name", ["x" * 80, "a b", "a,b", "a]b", ""])
def test_names_that_asterisk_would_cut_or_split_are_refused(name: str) -> None:
    with pytest.raises(ApplyError):
        render([Context(name, ())])


def test_a_number_is_digits() -> None:
    with pytest.raises(ApplyError, match="no telephone number"):
        of_flow(g.Dial(targets=("500&PJSIP/evil",), via="telco"))


def test_shared_spans_are_one_line_and_end_before_the_minute() -> None:
    open_ = (*sample_site.WEEK, g.OpenSpan(5, 0, 1440), g.OpenSpan(6, 22 * 60, 1440))
    hours = g.Hours(name="office", timezone="Europe/Berlin", open=open_)
    assert [spell[2] for spell in spells(open_)] == [(5,), (0, 1, 2, 3, 4), (6,)]
    context = contexts(sample_site.site(hours={"office": hours}))[f"cc-{GEN}.hours.office"]
    week = next(exten for exten in context.extens if exten.name == "_d.")
    assert lines(week)[:3] == [
        "GotoIfTime(00:00-23:59,sat,*,*,Europe/Berlin?open)",
        "GotoIfTime(08:00-17:59,mon&tue&wed&thu&fri,*,*,Europe/Berlin?open)",
        "GotoIfTime(22:00-23:59,sun,*,*,Europe/Berlin?open)",
    ]


def test_an_exception_beats_a_holiday_and_a_holiday_the_week() -> None:
    hours = g.Hours(
        name="office",
        timezone="UTC",
        open=(g.OpenSpan(0, 540, 1020),),
        holidays=("20261225", "20261226"),
        partial=(g.HolidayPart("20261224", 720, 1440), g.HolidayPart("20261226", 0, 60)),
        exceptions=(g.ExceptionDay("20261225", ((600, 660),)), g.ExceptionDay("20261231")),
    )
    days = contexts(sample_site.site(hours={"office": hours}))[f"cc-{GEN}.hours.office"]
    text = {exten.name: lines(exten) for exten in days.extens}
    assert list(text) == ["s", "d20261224", "d20261225", "d20261226", "d20261231", "_d.", "i"]
    assert text["d20261224"] == [
        "GotoIfTime(12:00-23:59,*,*,*,UTC?holiday)",
        "Goto(day,1)",
        "Return(holiday)",
    ]
    assert text["d20261225"] == ["GotoIfTime(10:00-10:59,*,*,*,UTC?open)", "Return(closed)", "Return(open)"]
    assert text["d20261226"] == ["Return(holiday)"]
    assert text["d20261231"] == ["Return(closed)"]


def test_hours_that_never_open_are_closed() -> None:
    hours = g.Hours(name="office", timezone="UTC", open=())
    context = contexts(sample_site.site(hours={"office": hours}))[f"cc-{GEN}.hours.office"]
    assert lines(next(exten for exten in context.extens if exten.name == "_d."))[0] == "Return(closed)"


def test_an_unset_outcome_follows_the_timeout_or_hangs_up_marked() -> None:
    partner = (g.Goto(flow="partner"),)
    with_timeout = of_flow(g.QueueStep(queue="support", on_timeout=partner), g.HangupStep())
    assert lines(with_timeout["queue2_full"]) == [f"Goto(cc-{GEN}-partner,s,1)"]
    without = of_flow(g.QueueStep(queue="support"), g.HangupStep())
    for outcome in ("timeout", "full", "no_agents", "failed"):
        assert lines(without[f"queue2_{outcome}"]) == ["CELGenUserEvent(CC_HANGUP,trial)", "Hangup(16)"]


def test_a_dial_outcome_falls_back_to_no_answer() -> None:
    step = g.Dial(targets=("anna",), on_no_answer=(g.VoicemailStep(mailbox="anna", greeting="busy"),))
    extens = of_flow(step)
    for outcome in ("no_answer", "busy", "failed"):
        assert lines(extens[f"dial1_{outcome}"]) == [
            "Set(CC_VM_FAILED=)",
            f"Goto(cc-{GEN}.voicemail.anna,b,1)",
        ]


def test_an_option_without_an_end_goes_on_after_the_menu() -> None:
    menu = g.Menu(prompts=("main-menu",), options=(g.Option(key="#", body=(g.Play(prompts=("welcome",)),)),))
    extens = of_flow(menu, g.Say(value="12", say_as=g.SayAs.NUMBER), g.HangupStep())
    assert lines(extens["menu2_hash"])[-1] == f"Goto(cc-{GEN}-trial,then1,1)"
    assert lines(extens["then1"])[0] == "SayNumber(12)"


def test_a_repeat_key_in_a_queue_goes_back_to_it() -> None:
    extens = of_flow(g.QueueStep(queue="support", exit_keys=(g.Option(key="*", repeat=True),)))
    assert lines(extens["queue1_key_star"]) == ["Wait(0.3)", f"Goto(cc-{GEN}-trial,queue1,1)"]
    assert 'GotoIf($["${CC_RESULT}" = "key_*"]?queue1_key_star,1)' in lines(extens["queue1"])


def test_every_result_of_the_daemon_has_a_way() -> None:
    queue = lines(of_flow(g.QueueStep(queue="support"))["queue1"])
    for result in marks.RESULTS:
        assert f'GotoIf($["${{CC_RESULT}}" = "{result}"]?queue1_{result},1)' in queue


def test_a_native_queue_never_enters_the_application() -> None:
    extens = of_flow(g.QueueStep(queue="billing"))
    assert not [line for line in lines(extens["queue1"]) if line.startswith("Stasis")]
    assert "T" not in extens


def test_whole_seconds_are_rounded_up() -> None:
    """A wait of 1.5 s must not become 1 s."""
    extens = of_flow(g.QueueStep(queue="support", max_wait_ms=1500))
    refused = '${IF($["${CC_RECORD}" = "no"]?x)}'
    flags = f'${{IF($["${{CC_RECORD}}" = "yes"]?r:{refused})}}'
    assert f"Stasis(ccctl,queue,{GEN},support,0,2,,{flags})" in lines(extens["queue1"])


def test_a_user_without_password_gets_no_phone() -> None:
    site = sample_site.site()
    users = {**site.users, "ben": msgspec.structs.replace(site.users["ben"], password="")}
    plan = compile_site(msgspec.structs.replace(site, users=users), GEN)
    assert "ben" not in {section.name for section in plan.sections["pjsip.conf"]}


def test_titles_cannot_break_a_file() -> None:
    site = sample_site.site()
    evil = msgspec.structs.replace(site.users["ben"], title='Ben, "B" <1>; [x]')
    plan = compile_site(msgspec.structs.replace(site, users={**site.users, "ben": evil}), GEN)
    endpoint = next(each for each in plan.sections["pjsip.conf"] if each.name == "ben")
    assert dict(endpoint.options)["callerid"] == '"Ben B 1 x" <202>'
    assert ("member", "PJSIP/ben,0,Ben B 1 x,PJSIP/ben") in plan.sections["queues.conf"][0].options


def test_a_thousand_flows_compile_while_you_wait_for_nothing() -> None:
    """Deep bodies do not exhaust the stack either: 300 branching steps in one flow."""
    step = g.HoursStep(hours="office", on_closed=(g.HangupStep(),))
    extens = of_flow(*[step] * 300, g.HangupStep())
    assert len([name for name in extens if name.endswith("_closed")]) == 300
