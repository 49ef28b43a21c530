"""The call centre played as a conversation: events in, commands and ledger out."""

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence as P
from ccctl.changes import OfferOutcome, Outcome
from ccctl.flow.roster import to_json as roster_json
from ccctl.world import step
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import World, from_json, to_json
from tests.support.centre import WHISPER, Centre, kinds, make_roster


def test_one_call_from_queue_to_wrap_up() -> None:
    centre = Centre(make_roster(wrap_up_ms=5000, whisper=WHISPER, record=True))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    assert kinds(centre.log)[-2:] == ["Offer", "Hold"]
    centre.tick(4000)
    whisper = next(x for x in centre.answer(leg) if isinstance(x, c.Whisper))
    assert whisper.media == ("sound:cc/queue-support-1", "number:4")
    assert centre.presence("a0") is P.WHISPER
    connect = centre.send(e.WhisperDone(at=centre.at, leg=leg))
    assert [x.record for x in connect if isinstance(x, c.Connect)] == [f"1970/01/01/{leg[5:]}.wav"]
    centre.send(e.Connected(at=centre.at, leg=leg))
    centre.send(e.RecordingStarted(at=centre.at, leg=leg, path="x.wav"))
    assert centre.presence("a0") is P.TALKING
    answered = centre.visit(call)
    assert (answered.outcome, answered.agent, answered.offers) == (Outcome.ANSWERED, "a0", 1)
    centre.tick(60_000)
    assert kinds(centre.leg_ended(leg)) == ["Release", "Disconnect"]
    row = centre.visit(call)
    assert (row.ended_by, row.talk_ended) == ("agent", centre.at)
    assert centre.rows[ch.RecordingRow][leg].ended == centre.at
    assert centre.presence("a0") is P.WRAPUP
    centre.tick(5000)
    assert centre.presence("a0") is P.READY


def test_agent_free_again_is_offered_the_next_call_first_of_all() -> None:
    centre = Centre()
    centre.login("a0")
    centre.queued()
    second = centre.queued()
    first_leg = centre.leg_of("a0")
    centre.talk(first_leg)
    commands = centre.leg_ended(first_leg)
    assert isinstance(commands[0], c.Offer)
    assert commands[0].call == second


def test_longest_idle_agent_and_first_caller() -> None:
    centre = Centre(make_roster(agents=3))
    centre.login("a2", "a0", "a1")
    for expected in ("a2", "a0", "a1"):
        call = centre.queued()
        assert centre.world.legs[centre.world.visits[call].leg].agent == expected
    waiting = [centre.queued() for _ in range(3)]
    centre.talk(centre.leg_of("a0"))
    centre.leg_ended(centre.leg_of("a0"))
    assert centre.world.agents["a0"].call == waiting[0]


def test_priority_overtakes_and_order_holds_across_queues() -> None:
    centre = Centre(make_roster(agents=1, queues=2))
    early = centre.queued("q0")
    late = centre.queued("q1")
    gold = centre.queued("q1", priority=5)
    got = []
    centre.login("a0")
    for _ in range(3):
        leg = centre.leg_of("a0")
        got.append(centre.world.agents["a0"].call)
        centre.talk(leg)
        centre.leg_ended(leg)
    assert got == [gold, early, late]


def test_no_answer_goes_to_the_next_agent_and_the_caller_keeps_his_place() -> None:
    centre = Centre()
    centre.login("a0", "a1")
    first = centre.queued()
    leg = centre.leg_of("a0")
    centre.send(e.LegEnded(at=centre.at, leg=leg, cause_code=19))
    assert centre.presence("a0") is P.NOT_RESPONDING
    assert centre.rows[ch.OfferRow][leg].outcome is OfferOutcome.NO_ANSWER
    assert centre.world.agents["a1"].call == first
    assert centre.visit(first).offers == 2


def test_causes_of_a_missed_offer() -> None:
    for cause, outcome in (
        (18, "no_answer"),
        (19, "no_answer"),
        (17, "rejected"),
        (21, "rejected"),
        (20, "unreachable"),
    ):
        centre = Centre()
        centre.login("a0")
        centre.queued()
        leg = centre.leg_of("a0")
        centre.leg_ended(leg, cause)
        assert centre.rows[ch.OfferRow][leg].outcome == outcome
        assert centre.world.agents["a0"].reason == outcome


def test_agent_hangs_up_in_the_whisper_and_the_caller_stays_first() -> None:
    centre = Centre(make_roster(whisper=WHISPER))
    first = centre.queued()
    second = centre.queued()
    centre.login("a0")
    leg = centre.leg_of("a0")
    centre.answer(leg)
    centre.leg_ended(leg)
    assert centre.presence("a0") is P.NOT_RESPONDING
    assert centre.rows[ch.OfferRow][leg].outcome is OfferOutcome.HUNG_UP
    centre.login("a1")
    assert centre.world.agents["a1"].call == first
    centre.login("a2")
    assert centre.world.agents["a2"].call == second


def test_caller_leaves_while_ringing_and_the_agent_keeps_his_turn() -> None:
    centre = Centre()
    centre.login("a0", "a1")
    call = centre.queued()
    leg = centre.leg_of("a0")
    assert kinds(centre.left(call)) == ["Disconnect"]
    assert centre.visit(call).outcome is Outcome.ABANDONED
    assert centre.rows[ch.OfferRow][leg].outcome is OfferOutcome.CALLER_LEFT
    again = centre.queued()
    assert centre.world.agents["a0"].call == again


def test_max_wait_full_no_agents_unknown_queue_and_exit_key() -> None:
    centre = Centre(make_roster(max_callers=2))
    timed = centre.queued(max_wait_ms=3000)
    keyed = centre.queued(keys="0")
    full = centre.queued()
    assert centre.log[-1] == c.Release(call=full, result="full")
    assert centre.visit(full).outcome is Outcome.FULL
    centre.tick(3000)
    assert c.Release(call=timed, result="timeout") in centre.log
    centre.send(e.DigitPressed(at=centre.at, channel=keyed, digit="5"))
    assert keyed in centre.world.visits
    centre.send(e.DigitPressed(at=centre.at, channel=keyed, digit="0"))
    assert centre.log[-1] == c.Release(call=keyed, result="key_0")
    nobody = centre.queued(leave_if_empty=True)
    assert centre.log[-1] == c.Release(call=nobody, result="no_agents")
    lost = centre.queued("nope")
    assert centre.log[-1] == c.Release(call=lost, result="failed")
    assert not centre.world.visits
    assert centre.world.lines["q0"].size == 0


def test_the_last_agent_logging_out_sends_on_who_does_not_want_to_wait() -> None:
    centre = Centre()
    centre.login("a0")
    centre.send(e.AgentPause(at=centre.at, agent="a0"))
    leaves = centre.queued(leave_if_empty=True)
    stays = centre.queued()
    centre.send(e.AgentLogout(at=centre.at, agent="a0"))
    assert c.Release(call=leaves, result="no_agents") in centre.log
    assert list(centre.world.visits) == [stays]


def test_a_caller_an_agent_has_picked_up_for_does_not_time_out() -> None:
    centre = Centre(make_roster(whisper=WHISPER))
    centre.login("a0")
    call = centre.queued(max_wait_ms=2000)
    centre.answer(centre.leg_of("a0"))
    centre.tick(3000)
    assert call in centre.world.visits
    leg = centre.leg_of("a0")
    centre.send(e.WhisperDone(at=centre.at, leg=leg))
    centre.send(e.Connected(at=centre.at, leg=leg))
    assert centre.presence("a0") is P.TALKING


def test_ringing_offer_is_taken_back_at_max_wait() -> None:
    centre = Centre()
    centre.login("a0")
    call = centre.queued(max_wait_ms=2000)
    leg = centre.leg_of("a0")
    centre.tick(2000)
    assert centre.visit(call).outcome is Outcome.TIMED_OUT
    assert c.Disconnect(leg=leg) in centre.log
    assert centre.presence("a0") is P.READY


def test_requests_are_answered_and_refused() -> None:
    centre = Centre()

    def ask(event: e.Request) -> c.Reply:
        return next(x for x in centre.send(event) if isinstance(x, c.Reply))  # type: ignore[arg-type]

    assert ask(e.AgentLogin(at=centre.at, agent="nobody", request="r")).error == "unknown-agent"
    assert ask(e.AgentLogin(at=centre.at, agent="a00", request="r")).text.endswith('did you mean "a0"?')
    assert ask(e.AgentPause(at=centre.at, agent="a0", request="r")).error == "not-logged-in"
    assert ask(e.AgentLogin(at=centre.at, agent="a0", request="r")).error == ""
    assert ask(e.AgentPause(at=centre.at, agent="a0", reason="lunch", request="r")).error == ""
    assert centre.world.agents["a0"].reason == "lunch"
    paused = ask(e.AgentLogin(at=centre.at, agent="a0", request="r"))
    assert paused.error == ""
    assert paused.text.startswith("a0 was logged in already and stays paused (lunch): no calls come; ")
    assert "'ccctl agent unpause a0'" in paused.text
    centre.world.roster.pause_reasons.update({"1": "lunch"})
    assert ask(e.AgentPause(at=centre.at, agent="a0", reason="tea", request="r")).error == "unknown-reason"
    assert centre.world.agents["a0"].reason == "lunch"
    assert ask(e.AgentUnpause(at=centre.at, agent="a0", request="r")).text == "a0 is ready"
    assert ask(e.AgentLogin(at=centre.at, agent="a0", request="r")).text == "a0 is ready"
    assert ask(e.HangupRequested(at=centre.at, call="pbx1/none", request="r")).error == "unknown-call"


def test_a_talk_hung_up_by_the_operator_was_ended_by_the_system() -> None:
    centre = Centre()
    talking(centre)
    call = centre.world.agents["a0"].call
    assert c.Hangup(channel=call) in centre.send(e.HangupRequested(at=centre.at, call=call, request="r"))
    centre.left(call)
    assert centre.visit(call).ended_by == "system"


def test_desk_phone_codes_toggle() -> None:
    centre = Centre()

    def dial(code: str, agent: str = "a0", reason: str = "") -> P:
        channel = f"pbx1/55.{len(centre.log)}"
        centre.send(e.AgentCode(at=centre.at, channel=channel, code=code, agent=agent, reason=reason))
        assert isinstance(centre.log[-1], c.SayToPhone)
        return centre.presence(agent)

    assert dial("agent-login") is P.READY
    assert dial("agent-pause", reason="1") is P.PAUSED
    assert dial("agent-pause") is P.READY
    assert dial("agent-login") is P.OFFLINE
    assert dial("agent-pause") is P.OFFLINE
    centre.send(e.AgentCode(at=centre.at, channel="pbx1/9", code="agent-login", agent="joe"))
    assert centre.log[-1] == c.SayToPhone(channel="pbx1/9", media=("sound:agent-incorrect",))


def talking(centre: Centre) -> str:
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    return leg


def test_monitoring_needs_role_talk_and_phone() -> None:
    centre = Centre()

    def monitor(agent: str = "a0", phone: str = "sue", by: str = "", mode: str = "listen") -> str:
        event = e.MonitorRequested(at=centre.at, agent=agent, mode=mode, phone=phone, by=by, request="r")
        return next(x for x in centre.send(event) if isinstance(x, c.Reply)).error

    assert monitor() == "not-talking"
    talking(centre)
    assert monitor(agent="zzz") == "unknown-agent"
    assert monitor(phone="zzz") == "unknown-phone"
    assert monitor(phone="joe") == "forbidden"
    assert monitor(by="joe") == "forbidden"
    assert monitor(by="nobody") == "forbidden"
    assert monitor(mode="shout") == "bad-mode"
    assert not centre.world.watches
    assert monitor() == ""
    assert monitor() == "busy"


def test_listen_whisper_barge_by_keys_and_its_audit() -> None:
    centre = Centre()
    target = talking(centre)
    channel = "pbx1/77.1"
    centre.send(e.MonitorCode(at=centre.at, channel=channel, by="sue", extension="200"))
    assert centre.log[-1] == c.Watch(leg=channel, target=target, mode="listen", serial=1)
    for digit, mode, serial in (("5", "whisper", 2), ("6", "barge", 3), ("4", "listen", 4)):
        centre.tick(1000)
        centre.send(e.DigitPressed(at=centre.at, channel=channel, digit=digit))
        assert centre.log[-1] == c.Watch(leg=channel, target=target, mode=mode, serial=serial)
    centre.send(e.DigitPressed(at=centre.at, channel=channel, digit="9"))
    centre.tick(1000)
    assert c.EndWatch(leg=channel, serial=4) in centre.leg_ended(target)
    rows = list(centre.rows[ch.WatchRow].values())
    assert [row.mode for row in rows] == ["listen", "whisper", "barge", "listen"]
    assert all(row.ended is not None and row.supervisor == "sue" and row.agent == "a0" for row in rows)


def test_listen_code_without_role_or_talk_is_refused() -> None:
    centre = Centre()
    talking(centre)
    for by, extension in (("joe", "200"), ("sue", "201"), ("", "200"), ("sue", "999")):
        centre.send(e.MonitorCode(at=centre.at, channel="pbx1/8", by=by, extension=extension))
        assert any(isinstance(x, c.SayToPhone) and x.channel == "pbx1/8" for x in centre.log[-2:])
    assert not centre.world.watches


def test_supervisor_phone_rung_from_the_command_line() -> None:
    centre = Centre()
    target = talking(centre)
    event = e.MonitorRequested(at=centre.at, agent="a0", mode="barge", phone="sue", request="r")
    ring = next(x for x in centre.send(event) if isinstance(x, c.CallSupervisor))
    assert centre.answer(ring.leg)[0] == c.Watch(leg=ring.leg, target=target, mode="barge", serial=1)
    again = e.MonitorRequested(at=centre.at, agent="a0", mode="listen", phone="sue", request="r")
    assert c.Watch(leg=ring.leg, target=target, mode="listen", serial=2) in centre.send(again)
    assert kinds(centre.leg_ended(ring.leg)) == ["EndWatch"]
    assert not centre.world.watches


# -- recovery ------------------------------------------------------------------------------------------


def crowd(centre: Centre) -> tuple[list[str], str]:
    """Two talk, three wait, as when the daemon is killed."""
    centre.login("a0", "a1")
    calls = [centre.queued() for _ in range(5)]
    for agent in ("a0", "a1"):
        centre.talk(centre.leg_of(agent))
    return calls, centre.leg_of("a0")


def live(centre: Centre, gone: tuple[str, ...] = ()) -> tuple[e.LiveChannel, ...]:
    names = [*centre.world.calls, *centre.world.legs]
    return tuple(e.LiveChannel(channel=n, ours=True) for n in names if n not in gone)


def test_journal_replay_and_snapshot_give_the_same_world() -> None:
    centre = Centre(make_roster(wrap_up_ms=1000))
    crowd(centre)
    replayed = World()
    for event in centre.journal:
        step(replayed, e.from_json(e.to_json(event)))
    assert to_json(replayed) == to_json(centre.world)
    again = from_json(to_json(centre.world))
    rebuild_lines(again)
    assert to_json(again) == to_json(centre.world)


def test_resync_with_everybody_alive_changes_nobody() -> None:
    centre = Centre()
    calls, _ = crowd(centre)
    centre.tick(2000)
    commands = centre.send(e.Resynced(at=centre.at, node="pbx1", channels=live(centre)))
    assert kinds(commands) == ["Hold"] * 3
    assert [key[3] for key in centre.world.lines["q0"].waiting()] == calls[2:]


def test_resync_ends_what_is_gone_and_offers_the_freed_agent() -> None:
    centre = Centre()
    calls, leg = crowd(centre)
    centre.tick(2000)
    channels = live(centre, gone=(leg, calls[2]))
    commands = centre.send(e.Resynced(at=centre.at, node="pbx1", channels=channels))
    assert centre.visit(calls[2]).outcome is Outcome.ABANDONED
    assert centre.visit(calls[0]).talk_ended == centre.at
    assert c.Release(call=calls[0], result="answered") in commands
    assert centre.world.agents["a0"].call == calls[3]


def test_resync_takes_over_callers_we_never_saw_and_hangs_up_strange_legs() -> None:
    centre = Centre()
    args = ("queue", "abc123", "q0", "3", "60", "0", "n")
    centre.login("a0")
    centre.send(e.AgentPause(at=centre.at, agent="a0"))
    channels = (
        e.LiveChannel(channel="pbx1/99.1", ours=True, app_args=args, caller="+4930"),
        e.LiveChannel(channel="pbx1/ccffffff0000000001", ours=True),
        e.LiveChannel(channel="pbx1/99.2"),
    )
    commands = centre.send(e.Resynced(at=centre.at, node="pbx1", channels=channels))
    visit = centre.world.visits["pbx1/99.1"]
    assert (visit.row.priority, visit.keys, visit.leave_if_empty) == (3, "0", True)
    assert c.Disconnect(leg="pbx1/ccffffff0000000001") in commands
    assert "pbx1/99.2" not in centre.world.visits


def test_a_caller_on_his_way_out_is_sent_on_again_not_queued_again() -> None:
    centre = Centre()
    calls, leg = crowd(centre)
    centre.leg_ended(leg)
    args = ("queue", "abc123", "q0", "0", "0", "", "")
    channels = (*live(centre, gone=(calls[0],)), e.LiveChannel(channel=calls[0], ours=True, app_args=args))
    centre.tick(5)
    assert c.Release(call=calls[0], result="answered") in centre.send(
        e.Resynced(at=centre.at, node="pbx1", channels=channels)
    )
    assert calls[0] not in centre.world.visits
    centre.left(calls[0])
    assert not centre.world.calls[calls[0]].leaving


def test_an_agent_who_answered_while_we_were_away_is_connected() -> None:
    centre = Centre()
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.tick(10)
    commands = centre.send(e.Resynced(at=centre.at, node="pbx1", channels=live(centre)))
    assert c.Connect(call=call, leg=leg) in commands


def test_a_queue_taken_out_of_the_site_keeps_its_callers() -> None:
    centre = Centre(make_roster(queues=2))
    call = centre.queued("q1")
    centre.send(e.RosterChanged(at=centre.at, roster=roster_json(make_roster(queues=1)).decode()))
    assert call in centre.world.visits
    assert "q1" in centre.world.roster.queues


# -- the ledger of calls that the dialplan serves ------------------------------------------------------


def mark(centre: Centre, call: str, name: str, value: str = "") -> None:
    centre.at += 5
    centre.send(e.CallMarked(at=centre.at, call=call, mark=name, value=value, caller="+491", number="+4930"))


def test_ledger_of_a_call_that_never_reaches_a_queue() -> None:
    centre = Centre()
    call = "pbx1/1.1"
    mark(centre, call, "CC_CALL", "inbound")
    mark(centre, call, "CC_FLOW", "main")
    mark(centre, call, "CC_CLOSED", "office")
    mark(centre, call, "CC_FLOW", "after-hours")
    mark(centre, call, "CC_HANGUP", "after-hours")
    centre.send(e.ChannelEnded(at=centre.at, channel=call, cause_code=16))
    row = centre.rows[ch.CallRow][call]
    assert (row.path, row.ended_in, row.ended_by) == ("main>after-hours", "closed", "system")
    assert centre.segments(call) == ["ivr"]


def test_late_marks_do_not_undo_what_ari_told_first() -> None:
    centre = Centre()
    centre.login("a0")
    call = centre.queued()
    centre.talk(centre.leg_of("a0"))
    before = centre.at - 20
    for name, value in (("CC_CALL", "inbound"), ("CC_FLOW", "main"), ("CC_QUEUE", "q0")):
        centre.send(e.CallMarked(at=before, call=call, mark=name, value=value))
    assert centre.segments(call) == ["ivr", "waiting", "talk"]
    centre.left(call)
    centre.send(e.ChannelEnded(at=centre.at, channel=call, cause_code=16, source="PJSIP/telco-1"))
    row = centre.rows[ch.CallRow][call]
    assert (row.started, row.path, row.ended_in, row.ended_by) == (before, "main", "talk", "caller")
    assert len(centre.rows[ch.VisitRow]) == 1


def test_app_queue_serving_is_in_the_ledger() -> None:
    centre = Centre()
    call = "pbx1/1.1"
    for name, value in (("CC_CALL", "inbound"), ("CC_QUEUE", "q0"), ("CC_NATIVE", "q0")):
        mark(centre, call, name, value)
    entered = centre.visit(call).entered
    centre.tick(3000)
    centre.send(e.ChannelBridged(at=centre.at, channel="pbx1/1.2", name="PJSIP/a1-0001", bridge="b"))
    centre.send(e.ChannelBridged(at=centre.at, channel=call, name="PJSIP/telco-01", bridge="b"))
    row = centre.visit(call)
    assert (row.engine, row.outcome, row.agent, row.entered) == ("native", Outcome.ANSWERED, "a1", entered)
    centre.tick(3000)
    mark(centre, call, "CC_NATIVE_END", "CONTINUE")
    assert centre.visit(call).talk_ended == centre.at
    centre.send(e.ChannelEnded(at=centre.at, channel=call, cause_code=16))
    assert centre.segments(call) == ["ivr", "waiting", "talk"]


def test_caller_taken_over_by_the_dialplan_did_not_abandon() -> None:
    centre = Centre()
    call = centre.queued()
    centre.left(call)
    mark(centre, call, "CC_NATIVE", "q0")
    assert centre.visit(call, 1).outcome is Outcome.WITHDRAWN
    assert centre.visit(call, 2).engine == "native"


def test_app_queue_is_told_who_takes_calls() -> None:
    centre = Centre()

    def told() -> dict[str, bool]:
        return {x.endpoint: x.present for x in centre.log if isinstance(x, c.MirrorAgent)}

    centre.send(e.NodeUp(at=centre.at, node="pbx1"))
    assert told() == {"PJSIP/a0": False, "PJSIP/a1": False, "PJSIP/a2": False}
    centre.login("a0", "a1")
    centre.send(e.AgentPause(at=centre.at, agent="a1"))
    assert told() == {"PJSIP/a0": True, "PJSIP/a1": False, "PJSIP/a2": False}
    talking_since = len(centre.log)
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    assert not [x for x in centre.log[talking_since:] if isinstance(x, c.MirrorAgent)]
