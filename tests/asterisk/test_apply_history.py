"""History, the way back, drift and removal at the end, on a real Asterisk."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ccctl.asterisk import conf, history, reload
from ccctl.errors import ApplyError, NotFound
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.roster import from_json
from ccctl.flow.ways import walk
from ccctl.runtime import apply as applying
from ccctl.runtime.apply import Applied, Order, apply, drain, rollback
from ccctl.runtime.diff import describe
from ccctl.runtime.doors import asterisk
from ccctl.runtime.plan import outlook
from tests.support import sample_site
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls
from tests.support.until import until

pytestmark = pytest.mark.asterisk

MAIN, SUPPORT, BILLING = "+49301234500", "+49301234520", "+49301234530"
ANNA = Order(who="anna", host="pbx", via="cli", why="because")


@pytest.fixture(scope="module")
def lab() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
async def calls(lab: LabHome) -> AsyncIterator[LocalCalls]:
    async with LocalCalls(lab.node) as calls:
        yield calls


async def put(home: LabHome, site: g.Site, order: Order = ANNA) -> Applied:
    return await apply(home.settings, site, compile_site(site, generation_id(site)), lambda text: None, order)


async def back(home: LabHome, revision: str = "", order: Order = ANNA) -> Applied:
    return await rollback(home.settings, revision, lambda text: None, order)


async def plan(home: LabHome, site: g.Site) -> str:
    return describe(await outlook(home.settings, site, compile_site(site, generation_id(site))))


def sample(cause: int = 16, ring_ms: int = 15_000) -> g.Site:
    """Another flow and another queue for each pair of numbers."""
    site = sample_site.site()
    extra = sample_site.flow("extra", g.Play(prompts=("welcome",)), g.HangupStep(cause=cause))
    return replace(
        site,
        flows={**site.flows, "extra": extra},
        numbers={**site.numbers, "+4930777": g.Number(number="+4930777", flow="extra")},
        queues={**site.queues, "support": replace(site.queues["support"], ring_ms=ring_ms)},
    )


def without_billing() -> g.Site:
    """No queue billing and no user ben any more, and no flow that knows one of them."""
    site = sample_site.site()
    queue = replace(site.queues["support"], agents=("anna",))
    gone = {"billing", *(name for name, flow in site.flows.items() if rings_ben(flow))}
    codes = {
        code: replace(each, people=tuple(name for name in each.people if name != "ben"))
        for code, each in site.feature_codes.items()
    }
    return replace(
        site,
        queues={"support": queue},
        agents={"anna": site.agents["anna"]},
        users={name: user for name, user in site.users.items() if name != "ben"},
        flows={name: flow for name, flow in site.flows.items() if name not in gone},
        numbers={number: did for number, did in site.numbers.items() if did.flow not in gone},
        feature_codes=codes,
    )


def rings_ben(flow: g.Flow) -> bool:
    return any(isinstance(step, g.Dial) and "ben" in step.targets for step in walk(flow.steps))


def roster_of(home: LabHome) -> list[str]:
    return sorted(from_json(Path(home.settings.roster_file).read_bytes()).queues)


# -- history and the way back ----------------------------------------------------------------------


async def test_back_to_exactly_what_was(lab: LabHome, calls: LocalCalls) -> None:
    first = await put(lab, sample(31, 15_000))
    files = conf.read_current(lab.node)
    people = Path(lab.settings.roster_file).read_bytes()
    second = await put(lab, sample(32, 20_000))
    assert "timeout = 20" in (conf.folder(lab.node) / "current/queues.conf").read_text()

    third = await back(lab)
    assert (third.generation, third.changed) == (first.generation, True)
    now = conf.read_current(lab.node)
    assert files
    assert now
    assert conf.own(now) == conf.own(files) | {"extensions.conf": conf.own(now)["extensions.conf"]}
    assert Path(lab.settings.roster_file).read_bytes() == people
    await (await calls.call("+4930777")).passes("CC_FLOW", "extra")

    told = history.past(lab.node)
    assert [each.entry.action for each in told[:3]] == ["rollback", "apply", "apply"]
    assert told[0].entry.back_to == first.revision
    assert (told[0].entry.who, told[0].entry.why, told[0].in_force) == ("anna", "because", True)
    assert told[1].entry.revision == second.revision
    assert "~ queue support" in told[1].entry.summary


async def test_the_way_back_can_name_its_goal(lab: LabHome) -> None:
    first = await put(lab, sample(41))
    await put(lab, sample(42))
    await put(lab, sample(43))
    gone = await back(lab, first.revision.lstrip("r0"))
    assert gone.generation == first.generation
    with pytest.raises(NotFound, match="no revision r999"):
        await back(lab, "r999")


async def test_the_way_back_leads_past_what_only_repaired(lab: LabHome) -> None:
    first = await put(lab, sample(44))
    second = await put(lab, sample(45))
    with (conf.folder(lab.node) / "current/queues.conf").open("a") as file:
        file.write("; by hand\n")
    repaired = await put(lab, sample(45))
    assert repaired.changed
    assert repaired.revision > second.revision
    assert (await back(lab)).generation == first.generation


async def test_what_was_tidied_away_is_told_and_not_found(
    lab: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEEP_CHANGES", 3)
    first = await put(lab, sample(51))
    for cause in (52, 53, 54):
        await put(lab, sample(cause))
    old = history.find(lab.node, first.revision)
    assert (old.folder, old.entry.generation) == ("", first.generation)
    with pytest.raises(ApplyError, match="tidied away"):
        await back(lab, first.revision)
    assert len({each.folder for each in history.past(lab.node) if each.folder}) == 3


async def test_somebody_was_faster(lab: LabHome) -> None:
    first = await put(lab, sample(61))
    await put(lab, sample(62), replace(ANNA, who="ben"))
    with pytest.raises(ApplyError, match=f"{first.revision} was in force when the plan was made.*by ben"):
        await put(lab, sample(63), replace(ANNA, expect=first.revision))
    with pytest.raises(ApplyError, match="was in force when"):
        await back(lab, "", replace(ANNA, expect=first.revision))


async def test_no_secret_in_what_is_kept_for_the_history(lab: LabHome) -> None:
    await put(lab, sample(71))
    current = conf.read_current(lab.node)
    assert current
    assert current.record
    kept = msgspec.json.encode([current.record.model, current.record.roster, current.record.details])
    log = (conf.folder(lab.node) / "history.jsonl").read_bytes()
    for secret in ("pw-anna", "pw-telco", "1111", "2222"):  # whole words: digits also stand in fingerprints
        assert not re.search(rf"(?<![0-9a-z]){secret}(?![0-9a-z])", (kept + log).decode())
    modes = {path.stat().st_mode & 0o007 for path in conf.folder(lab.node).rglob("*") if path.is_file()}
    assert modes <= {0, 4}
    assert (conf.folder(lab.node) / "current/record").stat().st_mode & 0o007 == 0


async def test_a_change_whose_line_was_lost_is_told_all_the_same(lab: LabHome) -> None:
    """The apply died between the last step and its line in the history."""
    applied = await put(lab, sample(81))
    log = conf.folder(lab.node) / "history.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:-1]) + lines[-1][:20])
    assert history.past(lab.node)[0].entry.revision == applied.revision
    await put(lab, sample(82))
    assert [each.complete for each in history.past(lab.node)[:2]] == [True, True]


async def test_a_change_that_only_the_daemon_reads_is_a_change(lab: LabHome) -> None:
    await put(lab, sample(72))
    site = sample(72)
    slow = replace(site, queues={**site.queues, "support": replace(site.queues["support"], sl_percent=70)})
    shown = await plan(lab, slow)
    assert "~ queue support: service_level percent 80 -> 70" in shown
    assert not shown.startswith("no change")
    assert (await put(lab, slow)).changed
    assert history.past(lab.node)[0].entry.summary == "~ queue support"
    assert not (await put(lab, slow)).changed


# -- health ----------------------------------------------------------------------------------------


async def test_a_daemon_that_refuses_brings_the_old_one_back(
    lab: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await put(lab, sample(33))
    people = Path(lab.settings.roster_file).read_bytes()
    before = conf.read_current(lab.node)

    async def refuse(settings: object, generation: str = "") -> str:
        return "refused: 500 no such agent" if generation else "reloaded"

    with monkeypatch.context() as patch:
        patch.setattr(applying, "tell_daemon", refuse)
        with pytest.raises(ApplyError, match="the daemon refused: 500"):
            await put(lab, sample(34, 30_000))
    assert conf.read_current(lab.node) == before
    assert Path(lab.settings.roster_file).read_bytes() == people
    async with asterisk(lab.node) as doors:
        assert await reload.serving(doors) == first.generation
    assert history.past(lab.node)[0].entry.revision == first.revision


# -- drift -----------------------------------------------------------------------------------------


async def test_a_hand_edit_is_named_overwritten_and_kept(lab: LabHome) -> None:
    await put(lab, sample(35))
    path = conf.folder(lab.node) / "current/queues.conf"
    edited = path.read_text().replace("timeout = 15", "timeout = 99", 1)
    line = edited.splitlines().index("timeout = 99") + 1
    path.write_text(edited)
    shown = await plan(lab, sample(35))
    wanted = f'drift: queues.conf:{line} was edited by hand: "timeout = 99" instead of "timeout = 15"'
    assert wanted in shown
    assert not shown.startswith("no change")
    applied = await put(lab, sample(35))
    assert applied.changed
    assert Path(applied.hand[0]).read_text() == edited
    assert "timeout = 15" in path.read_text()
    assert (await plan(lab, sample(35))).startswith("no change")


async def test_what_somebody_loaded_into_asterisk_is_named_and_goes(lab: LabHome, calls: LocalCalls) -> None:
    await put(lab, sample(36))
    lab.ask("dialplan add extension 999,1,NoOp,hello into cc-in")
    lab.ask("dialplan remove extension +4930777@cc-in 1")
    lab.ask("dialplan add include cc-phones into cc-in")
    lab.ask("queue add member PJSIP/dora to support")
    shown = await plan(lab, sample(36))
    assert "context cc-in: 999,1,NoOp(hello) was added by hand" in shown
    assert "context cc-in: include,,include(cc-phones) was added by hand" in shown
    assert "context cc-in: +4930777,1,Set(__CC_GEN=" in shown
    assert "queue support: PJSIP/dora was added by hand" in shown
    assert (await put(lab, sample(36))).changed
    assert (await plan(lab, sample(36))).startswith("no change")
    assert "PJSIP/dora" not in lab.ask("queue show support")
    await (await calls.call("+4930777")).passes("CC_FLOW", "extra")


# -- removal at the end ----------------------------------------------------------------------------


async def test_what_older_calls_may_need_goes_with_their_last(lab: LabHome, calls: LocalCalls) -> None:
    """A caller is in a menu of the old generation; then its queue, an agent and his phone are removed."""
    site = sample_site.site()
    menu = site.flows["main"].steps[3]
    assert isinstance(menu, g.Menu)
    option = g.Option(key="7", body=(g.Goto(flow="billing"),))
    main = sample_site.flow("main", g.Answer(), replace(menu, timeout_ms=60_000, options=(option,)))
    old = await put(lab, replace(site, flows={**site.flows, "main": main}))
    caller = await calls.call(MAIN)
    await caller.passes("CC_FLOW", "main")

    shown = await plan(lab, without_billing())
    assert "- queue billing" in shown
    assert "- user ben" in shown
    assert (
        "removed last, when the calls of older generations have ended: queue billing, phone or trunk ben"
        in shown
    )
    new = await put(lab, without_billing())
    assert list(new.draining) == [old.generation]
    assert "billing" in lab.ask("queue show")
    assert "PJSIP/ben" in lab.ask("queue show billing")
    assert "ben" in lab.ask("pjsip show endpoints")
    assert "pw-ben" not in (conf.folder(lab.node) / "current/pjsip.conf").read_text()
    assert roster_of(lab) == ["billing", "support"]
    assert (await plan(lab, without_billing())).startswith("no change")
    assert not (await put(lab, without_billing())).changed

    await caller.press_until("7", "CC_NATIVE", "billing")  # the removed queue, from the old text
    await caller.hang_up()
    async with asterisk(lab.node) as doors:
        gone = await drain(lab.node, doors.ari, doors.ami, lab.settings.roster_file)
    assert gone == (old.generation,)
    assert "billing" not in lab.ask("queue show")
    assert "ben" not in lab.ask("pjsip show endpoints")
    assert roster_of(lab) == ["support"]
    assert history.past(lab.node)[0].entry.revision == new.revision


async def test_the_removed_come_back_with_the_way_back(lab: LabHome, calls: LocalCalls) -> None:
    await put(lab, sample_site.site())
    caller = await calls.call(SUPPORT)
    await caller.passes("CC_QUEUE", "support")
    await put(lab, without_billing())
    await back(lab)
    text = (conf.folder(lab.node) / "current/pjsip.conf").read_text()
    assert text.count("[ben]\n") == 3
    assert "password = pw-ben" in text
    assert roster_of(lab) == ["billing", "support"]
    await (await calls.call(BILLING)).passes("CC_NATIVE", "billing")


async def test_the_plan_names_agents_and_callers_that_it_touches(lab: LabHome, calls: LocalCalls) -> None:
    await put(lab, sample(37, 15_000))
    caller = await calls.call(SUPPORT)
    await caller.passes("CC_NATIVE", "support")

    async def queued() -> bool:
        return "1 callers in queue support; the queue changes for them too" in await plan(
            lab, sample(37, 9000)
        )

    await until(queued, what="the waiting caller in the plan")
    shown = await plan(lab, sample(37, 9000))
    assert "~ queue support: ring 15s -> 9s" in shown
    assert "agents of changed queues: anna, ben" in shown
    assert "to reload: app_queue, pbx_config" in shown
    assert json.dumps(shown)


# -- generations -----------------------------------------------------------------------------------


def nested(prompt: str) -> g.Site:
    """main calls a subflow, which waits for a key and returns; `bye` is for the end of a call."""
    site = sample_site.site()
    option = g.Option(key="1", body=(g.Return(),))
    menu = g.Menu(prompts=("main-menu",), timeout_ms=60_000, options=(option,))
    flows = (
        sample_site.flow("main", g.Answer(), g.Subflow(flow="ask"), g.Goto(flow=prompt)),
        sample_site.flow("ask", menu, g.Return()),
        sample_site.flow(prompt, g.Play(prompts=("goodbye",)), g.HangupStep()),
        sample_site.flow("bye", g.Play(prompts=("closed",)), g.HangupStep()),
    )
    return replace(site, flows={**site.flows, **sample_site.named(*flows)})


async def test_return_addresses_and_hangup_handlers_stay_in_their_generation(
    lab: LabHome, calls: LocalCalls
) -> None:
    old = await put(lab, nested("old-way"))
    returning, leaving = await calls.call(MAIN), await calls.call(MAIN)
    for call in (returning, leaving):
        await call.passes("CC_FLOW", "main")
    handler = f"cc-{old.generation}-bye,s,1"
    lines = lab.ask("core show channels concise").splitlines()
    for name in [line.split("!")[0] for line in lines if ";2!" in line]:
        lab.ask(f"dialplan set chanvar {name} CHANNEL(hangup_handler_push) {handler}")
    new = await put(lab, nested("new-way"))
    assert new.draining == {old.generation: 2}
    async with asterisk(lab.node) as doors:
        assert await drain(lab.node, doors.ari, doors.ami) == ()

    await returning.press_until("1", "CC_FLOW", "old-way")  # back to where it was called from
    assert ("CC_FLOW", "new-way") not in returning.marks
    await leaving.hang_up()
    assert ("CC_FLOW", "bye") in leaving.marks
    await returning.hang_up()
    async with asterisk(lab.node) as doors:
        assert await drain(lab.node, doors.ari, doors.ami) == (old.generation,)
    assert "No such" not in lab.ask(f"dialplan show cc-{new.generation}-ask")
