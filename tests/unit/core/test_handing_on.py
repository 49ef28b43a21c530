"""Talks on hold, handed on, asked about: commands, states and rows, one story each."""

from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.flow.handing import TransferConfig
from ccctl.flow.roster import CallbackConfig
from tests.support.centre import Centre, kinds, make_roster

PLACES = TransferConfig(
    flows=("night",),
    outside=("+4930",),
    trunk="telco",
    shown="+49301000",
    country="DE",
    numbers={"201": "user:a1", "49301000": "flow:night"},
)


def talking(**queue: object) -> tuple[Centre, str, str]:
    """a0 talks to a caller of q0, a1 is free."""
    rules = {"wrap_up_ms": 2000, "ring_ms": 5000, "record": "always"} | queue
    centre = Centre(replace(make_roster(3, 2, **rules), transfers=PLACES))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.login("a1")
    centre.tick(10)
    return centre, call, leg


def asked(centre: Centre, call: str, to: str, attended: bool = False) -> list[c.Command]:
    centre.at += 1
    event = e.TransferRequested(at=centre.at, call=call, to=to, attended=attended, request="r")
    return centre.send(event)


def reply(commands: list[c.Command]) -> tuple[str, str]:
    found = next(each for each in commands if isinstance(each, c.Reply))
    return found.error, found.text


def consulting(**queue: object) -> tuple[Centre, str, str, str]:
    centre, call, leg = talking(**queue)
    asked(centre, call, "a1", attended=True)
    target = centre.leg_of("a1")
    centre.answer(target)
    centre.send(e.Joined(at=centre.at, leg=target))
    return centre, call, leg, target


def transfer(centre: Centre) -> ch.TransferRow:
    rows = list(centre.rows[ch.TransferRow].values())
    return rows[-1]  # type: ignore[no-any-return] # rows are of any kind


def connected(centre: Centre, leg: str) -> list[c.Command]:
    centre.at += 10
    return centre.send(e.Connected(at=centre.at, leg=leg))


def test_a_blind_transfer_frees_the_agent_and_rings_the_other() -> None:
    centre, call, _leg = talking()
    commands = asked(centre, call, "201")
    assert kinds(commands) == ["Offer", "Hold", "Disconnect", "Reply"]
    assert (centre.presence("a0"), centre.presence("a1")) == (Presence.WRAPUP, Presence.RINGING)
    target = centre.leg_of("a1")
    assert kinds(centre.answer(target)) == ["Connect"]
    connected(centre, target)
    assert centre.presence("a1") is Presence.TALKING
    assert centre.visit(call).ended_by == "transfer"
    assert centre.segments(call) == ["waiting", "talk", "transfer", "talk"]
    centre.leg_ended(target)
    assert centre.presence("a1") is Presence.WRAPUP
    assert transfer(centre).outcome == "completed"


def test_who_does_not_answer_leads_back_to_the_agent_then_to_the_queue() -> None:
    centre, call, _leg = talking(wrap_up_ms=60_000)
    asked(centre, call, "a1")
    centre.leg_ended(centre.leg_of("a1"), 19)
    assert (centre.presence("a1"), centre.presence("a0")) == (Presence.NOT_RESPONDING, Presence.RINGING)
    centre.leg_ended(centre.leg_of("a0"), 19)
    assert (transfer(centre).outcome, transfer(centre).detail) == ("queued", "no_answer")
    assert centre.visit(call, 2).queue == "q0"
    assert centre.world.visits[call].came == centre.visit(call).entered


def test_who_has_a_call_of_his_own_is_not_rung_back_and_goes_on_with_his_wrap_up() -> None:
    centre, call, _ = talking(direct_calls="ignore")
    centre.send(e.ChannelAnswered(at=centre.at, channel="pbx1/9.1", name="PJSIP/a0-00000001"))
    asked(centre, call, "a1")
    centre.leg_ended(centre.leg_of("a1"), cause=17)
    assert transfer(centre).outcome == "queued"
    assert centre.presence("a0") is Presence.WRAPUP
    centre.tick(2000)
    assert centre.agents_of(call) == ["a0"]  # his queue does not mind that call


def test_refusals_change_nothing_but_the_ledger() -> None:
    centre, call, _leg = talking()
    before = centre.presence("a0")
    wrong = {
        "a0": "not-self",
        "a2": "not-free",
        "joey": "unknown-target",
        "queue:q7": "unknown-target",
        "+4989123456": "forbidden",
        "0900123456": "forbidden",
        "flow:nigth": "unknown-target",
    }
    for to, error in wrong.items():
        assert reply(asked(centre, call, to))[0] == error, to
        assert transfer(centre).outcome == "refused"
    assert reply(asked(centre, call, "queue:q1", attended=True))[0] == "not-a-person"
    assert reply(asked(centre, "pbx1/9.9", "a1"))[0] == "unknown-call"
    assert centre.presence("a0") is before
    assert centre.segments(call) == ["waiting", "talk"]


def test_outside_by_the_trunk_with_our_own_number() -> None:
    centre, call, _leg = talking()
    offer = next(each for each in asked(centre, call, "030 123456") if isinstance(each, c.Offer))
    assert (offer.endpoint, offer.caller, offer.agent) == ("PJSIP/+4930123456@telco", "+49301000", "")


def test_a_queue_keeps_the_turn_unless_it_says_otherwise() -> None:
    for place, since in (("kept", "old"), ("new", "now")):
        centre, call, _leg = talking()
        queue = replace(centre.world.roster.queues["q1"], new_place=place == "new")
        centre.world.roster.queues["q1"] = queue
        asked(centre, call, "queue:q1")
        visit = centre.world.visits[call]
        came = centre.visit(call).entered
        assert visit.came == (came if since == "old" else visit.row.entered)
        assert (visit.row.queue, visit.row.entered > came) == ("q1", True)


def test_a_flow_gets_the_caller_and_a_crash_does_not_lose_that() -> None:
    centre, call, _leg = talking()
    release = next(each for each in asked(centre, call, "49301000") if isinstance(each, c.Release))
    assert release.result == "to:abc123/night"
    again = e.Resynced(at=centre.at + 5, node="pbx1", channels=(e.LiveChannel(channel=call, ours=True),))
    assert [each for each in centre.send(again) if isinstance(each, c.Release)] == [release]


def test_keys_lead_through_a_consultation() -> None:
    centre, _call, leg = talking()
    for key in "#2201#":
        commands = centre.send(e.DigitPressed(at=centre.at, channel=leg, digit=key))
    assert "Offer" in kinds(commands)
    assert centre.presence("a0") is Presence.CONSULTING
    target = centre.leg_of("a1")
    assert "Consult" in kinds(centre.answer(target))
    centre.send(e.Joined(at=centre.at, leg=target))
    for key in "#3":
        commands = centre.send(e.DigitPressed(at=centre.at, channel=leg, digit=key))
    assert kinds(commands) == ["Connect"]
    connected(centre, leg)
    assert (centre.presence("a0"), transfer(centre).kind) == (Presence.TALKING, "conference")
    assert kinds(centre.leg_ended(leg)) == ["Connect", "Disconnect"]
    connected(centre, target)
    assert centre.leg_of("a1") == target
    assert transfer(centre).outcome == "completed"


def test_a_number_ends_with_a_pause() -> None:
    centre, _call, leg = talking()
    for key in "#1201":
        centre.send(e.DigitPressed(at=centre.at, channel=leg, digit=key))
    assert centre.presence("a1") is Presence.READY
    centre.tick(3000)
    assert centre.presence("a1") is Presence.RINGING


def test_the_caller_leaves_and_both_talk_on() -> None:
    centre, call, _leg, target = consulting()
    assert kinds(centre.left(call)) == []
    assert centre.visit(call).ended_by == "caller"
    assert (centre.presence("a0"), centre.presence("a1")) == (Presence.CONSULTING, Presence.TALKING)
    assert kinds(centre.leg_ended(target)) == ["Disconnect", "Disconnect"]
    assert (centre.presence("a0"), centre.presence("a1")) == (Presence.WRAPUP, Presence.READY)
    assert not (centre.world.legs)
    assert not (centre.world.asides)
    assert not centre.world.targets


def test_the_one_who_is_asked_leaves_and_the_caller_is_back() -> None:
    centre, call, leg, target = consulting()
    assert kinds(centre.leg_ended(target)) == ["Disconnect", "Connect"]
    connected(centre, leg)
    assert centre.presence("a0") is Presence.TALKING
    assert centre.segments(call) == ["waiting", "talk", "consult", "talk"]


def test_a_refer_is_answered_before_the_phone_is_hung_up() -> None:
    centre, _call, leg = talking()
    commands = centre.send(e.ReferReceived(at=centre.at, leg=leg, to="201"))
    assert kinds(commands)[0] == "AnswerRefer"
    assert kinds(commands)[-1] == "Disconnect"
    other, _call, leg = talking()
    failed = other.send(e.ReferReceived(at=other.at, leg=leg, to="202000000"))
    assert kinds(failed) == ["AnswerRefer", "Whisper"]


def test_nobody_is_rung_twice_after_a_restart() -> None:
    centre, call, leg = talking()
    asked(centre, call, "a1", attended=True)
    living = tuple(e.LiveChannel(channel=each, ours=True) for each in (call, leg))  # the phone never rang
    centre.at += 5
    commands = centre.send(e.Resynced(at=centre.at, node="pbx1", channels=living))
    assert "Offer" not in kinds(commands)
    assert transfer(centre).outcome == "failed"
    assert centre.world.legs[leg].held == "resuming"


def test_a_hold_that_was_never_written_down_is_undone() -> None:
    centre, call, leg = talking()
    caller = e.LiveChannel(channel=call, ours=True, bridge="ccctl-hold")
    centre.at += 5
    living = (caller, e.LiveChannel(channel=leg, ours=True, bridge="b1"))
    commands = centre.send(e.Resynced(at=centre.at, node="pbx1", channels=living))
    assert "Connect" in kinds(commands)
    connected(centre, leg)
    assert centre.presence("a0") is Presence.TALKING
    assert centre.world.legs[leg].held == ""


def test_who_was_called_back_is_handed_on_to_people_and_queues_and_to_no_flow() -> None:
    rules = {"wrap_up_ms": 2000, "callback": CallbackConfig(via="telco")}
    centre = Centre(replace(make_roster(2, 2, **rules), transfers=PLACES, country="DE"))
    centre.send(e.NodeUp(at=centre.at, node="pbx1"))
    centre.login("a0")
    centre.send(e.CallbackAsked(at=centre.at, queue="q0", number="+491701111", request="r"))
    leg = centre.leg_of("a0")
    call = centre.world.legs[leg].call
    centre.answer(leg)
    centre.answer(call)
    connected(centre, leg)
    assert reply(asked(centre, call, "flow:night"))[0] == "called-back"
    assert reply(asked(centre, call, "queue:q1"))[0] == ""
    centre.send(e.LegEnded(at=centre.at, leg=leg, cause_code=16))
    centre.tick(2000)
    again = centre.leg_of("a0")
    centre.answer(again)
    connected(centre, again)
    assert centre.segments(call) == ["dial", "talk", "waiting", "talk"]
    assert "Hangup" in kinds(centre.leg_ended(again))  # there is no dialplan to go back to


def test_outside_a_full_trunk_leads_back_to_the_agent() -> None:
    centre, call, _leg = talking()
    full = replace(centre.world.roster, transfers=replace(PLACES, channels=2))
    centre.world.roster = full
    commands = asked(centre, call, "+493055512")
    offer = next(each for each in commands if isinstance(each, c.Offer))
    assert (offer.trunk, offer.most) == ("telco", 2)
    back = centre.send(e.LegFailed(at=centre.at, leg=offer.leg, reason="no channel left", full=True))
    (again,) = (each for each in back if isinstance(each, c.Offer))
    assert (again.agent, again.trunk, again.most) == ("a0", "", 0)
    assert transfer(centre).detail == "unreachable"
