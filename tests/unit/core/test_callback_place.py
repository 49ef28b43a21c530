"""Callbacks in the core: the place in the line, the customer's phone, tries, and one outcome for each."""

import pytest
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import CallbackOutcome, OfferOutcome, Outcome
from ccctl.flow.roster import HoursConfig
from ccctl.flow.roster import to_json as to_roster_json
from tests.support.callback_centre import ANN, RULES, House, live, restarted
from tests.support.centre import kinds


def test_agent_first_from_asking_to_wrap_up() -> None:
    house = House()
    house.login("a0")
    offer = next(each for each in house.asked() if isinstance(each, c.Offer))
    assert (offer.caller, offer.caller_name) == (ANN, "callback q0")
    whisper = next(each for each in house.answer(offer.leg) if isinstance(each, c.Whisper))
    assert whisper.media == ("sound:back",)
    house.send(e.WhisperDone(at=house.at, leg=offer.leg))
    dial = house.dials()[0]
    assert (dial.call, dial.leg, dial.endpoint, dial.caller_id) == (
        offer.call,
        offer.leg,
        f"PJSIP/{ANN}@telco",
        "+49301000",
    )
    connect = next(each for each in house.answer(dial.call) if isinstance(each, c.Connect))
    assert (connect.call, connect.leg, connect.telling) == (dial.call, offer.leg, dial.telling)
    house.send(e.Connected(at=house.at, leg=offer.leg))
    assert house.presence("a0") is Presence.TALKING
    row = house.callback()
    assert (row.outcome, row.agent, row.talk, row.tries) == (CallbackOutcome.ANSWERED, "a0", dial.call, 1)
    assert kinds(house.leg_ended(offer.leg)) == ["Hangup", "Disconnect"]
    house.gone(dial.call, 16)
    assert house.presence("a0") is Presence.READY
    call = house.rows[ch.CallRow][dial.call]
    assert (call.direction, call.caller, call.answered is not None, call.ended is not None) == (
        "callback",
        ANN,
        True,
        True,
    )
    assert house.segments(dial.call) == ["dial", "talk"]
    assert house.rows[ch.VisitRow][f"{dial.call}/1"].engine == "callback"


def test_who_accepts_the_offer_keeps_his_place_among_callers() -> None:
    house = House()
    house.accept()
    later = house.queued()
    house.login("a0")
    leg = house.leg_of("a0")
    assert house.world.legs[leg].call.startswith("pbx1/cc")
    house.leg_ended(leg, 21)  # the agent declines: not responding, and the place is kept
    house.send(e.AgentUnpause(at=house.at, agent="a0"))
    assert house.world.legs[house.leg_of("a0")].call != later


def test_the_visit_that_took_the_offer_ends_as_a_callback() -> None:
    house = House()
    call = house.accept()
    assert house.visit(call).outcome is Outcome.CALLBACK
    released = [each for each in house.log if isinstance(each, c.Release)]
    assert [(each.call, each.result) for each in released] == [(call, "callback")]
    assert (house.callback().call, house.callback().source) == (call, "offer")


def test_the_key_before_the_offer_does_nothing() -> None:
    house = House()
    call = house.queued(offer="o", caller=ANN)
    house.send(e.DigitPressed(at=house.at, channel=call, digit="1"))
    assert call in house.world.visits
    assert not house.world.callbacks


def test_an_agent_whose_phone_rings_for_him_goes_to_his_callback_next() -> None:
    house = House()
    call = house.queued(offer="o", caller=ANN)
    house.tick(6000)
    house.queued()
    house.login("a0")
    house.send(e.DigitPressed(at=house.at, channel=call, digit="1"))
    assert house.world.callback_of(house.world.legs[house.leg_of("a0")].call) is not None


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [(17, CallbackOutcome.BUSY), (19, CallbackOutcome.NO_ANSWER), (1, CallbackOutcome.FAILED)],
)
def test_tries_are_made_until_they_are_used_up(cause: int, outcome: CallbackOutcome) -> None:
    house = House()
    house.login("a0")
    house.asked()
    for tries in (1, 2):
        dial = house.pick_up()
        house.gone(dial.call, cause)
        assert house.presence("a0") is Presence.READY
        assert house.callback().tries == tries
        house.tick(60_000)
    assert house.callback().outcome is outcome
    assert len({dial.call for dial in house.dials()}) == 2
    assert not house.world.callbacks
    outcomes = [row.outcome for row in house.rows[ch.OfferRow].values()]
    assert outcomes == [OfferOutcome.NO_CUSTOMER, OfferOutcome.NO_CUSTOMER]


def test_an_agent_who_hangs_up_while_it_rings_costs_no_try() -> None:
    house = House()
    house.login("a0")
    house.asked()
    dial = house.pick_up()
    commands = house.leg_ended(dial.leg)
    assert c.Hangup(channel=dial.call) in commands
    assert house.callback().tries == 0
    assert [row.outcome for row in house.rows[ch.OfferRow].values()] == [OfferOutcome.REJECTED]
    assert house.presence("a0") is Presence.NOT_RESPONDING  # as who hangs up in the whisper
    house.send(e.AgentUnpause(at=house.at, agent="a0"))
    assert house.pick_up().call != dial.call


def test_who_hangs_up_while_it_rings_and_stays_ready_serves_nobody_who_came_later() -> None:
    house = House()
    queue = replace(house.world.roster.queues["q0"], miss_limit=2)
    site = replace(house.world.roster, queues={"q0": queue})
    house.send(e.RosterChanged(at=house.at, roster=to_roster_json(site).decode()))
    house.login("a0")
    house.asked()
    later = house.queued()
    dial = house.pick_up()
    house.leg_ended(dial.leg)
    again = house.world.legs[house.leg_of("a0")].call
    assert again != later
    assert house.world.visits[again].callback == house.callback().id


def test_the_same_number_is_called_once_and_the_older_place_is_kept() -> None:
    house = House()
    house.asked()
    house.accept()
    rows = list(house.rows[ch.CallbackRow].values())
    assert [row.outcome for row in rows] == [None, CallbackOutcome.MERGED]
    assert rows[1].into == rows[0].id


def test_who_calls_in_and_is_served_is_not_called_back() -> None:
    house = House()
    house.accept()
    house.send(e.CallbackCancelled(at=house.at, callback="none", request="r"))
    house.tick(1000)
    call = house.queued(caller=ANN)
    house.world.callbacks[house.callback().id].turn = house.at  # whoever is first
    house.login("a0")
    leg = house.leg_of("a0")
    if house.world.legs[leg].call != call:  # his callback was first: its try fails, and he is served
        house.gone(house.pick_up().call, 17)
        leg = house.leg_of("a0")
    house.talk(leg)
    assert house.callback().outcome is CallbackOutcome.CALLED_IN


def test_nobody_is_called_outside_the_hours() -> None:
    hours = {"office": HoursConfig("UTC", tuple((day, 540, 1020) for day in range(7)))}
    house = House(replace(RULES, hours="office", expires_ms=86_400_000 * 3), hours=hours)
    house.login("a0")
    house.at = 16 * 3_600_000 + 3_500_000  # 16:58 on the first day
    house.send(e.AgentPause(at=house.at, agent="a0"))
    house.asked()
    assert house.world.line("q0").size == 1
    house.tick(600_000)
    assert house.world.line("q0").size == 0
    house.send(e.AgentUnpause(at=house.at, agent="a0"))
    assert not house.leg_of("a0")
    house.tick(33 * 3_600_000 + 5000 - house.at)  # five seconds after nine
    assert house.leg_of("a0")


def test_the_do_not_call_list_is_asked_again_when_it_is_time() -> None:
    house = House()
    house.asked(due=house.at + 10_000)
    house.world.roster = replace(house.world.roster, do_not_call=(ANN,))
    house.tick(20_000)
    assert house.callback().outcome is CallbackOutcome.CANCELLED


def test_too_late_is_expired_and_never_dialled() -> None:
    house = House(replace(RULES, expires_ms=60_000))
    house.asked()
    house.tick(61_000)
    house.login("a0")
    assert house.callback().outcome is CallbackOutcome.EXPIRED
    assert not house.leg_of("a0")


@pytest.mark.parametrize(
    ("queue", "number", "error"),
    [
        ("q9", ANN, "unknown-queue"),
        ("q0", "112", "bad-number"),
        ("q0", "+4990012345", "bad-number"),
        ("q0", "+49301000", "bad-number"),
        ("q0", "+49888888", "not-called"),
    ],
)
def test_who_cannot_be_called_is_refused(queue: str, number: str, error: str) -> None:
    house = House(own_numbers=("+49301000",), do_not_call=("+49888888",))
    asked = e.CallbackAsked(at=house.at, queue=queue, number=number, request="r")
    reply = next(each for each in house.send(asked) if isinstance(each, c.Reply))
    assert reply.error == error
    assert not house.world.callbacks


def test_withheld_numbers_leave_by_the_edge_of_the_flow_or_are_not_asked() -> None:
    house = House()
    asked = house.accept("w", caller="anonymous")
    silent = house.accept("o", caller="anonymous")
    assert house.visit(asked).outcome is Outcome.KEY_EXIT
    assert silent in house.world.visits
    assert [each.result for each in house.log if isinstance(each, c.Release)] == ["callback_withheld"]


def wish(house: House, call: str, value: str) -> None:
    house.at += 1
    house.send(e.CallMarked(at=house.at, call=call, mark="CC_CALLBACK", value=value))


def test_who_is_asked_for_a_number_keeps_his_place() -> None:
    house = House()
    call = house.accept("g")
    house.send(e.CallerLeft(at=house.at, call=call))
    entered = house.visit(call).entered
    wish(house, call, "q0/+491702222/now/0/1/60/en/0")
    callback = next(iter(house.world.callbacks.values()))
    assert (callback.turn, callback.row.number) == (entered, "+491702222")
    assert house.visit(call).outcome is Outcome.CALLBACK


def test_who_hangs_up_while_he_is_asked_has_abandoned() -> None:
    house = House()
    call = house.accept("g")
    house.send(e.CallerLeft(at=house.at, call=call))
    house.send(e.ChannelEnded(at=house.at + 1, channel=call))
    assert house.visit(call).outcome is Outcome.ABANDONED
    assert not house.world.callbacks


def test_a_number_that_is_none_leads_back_to_the_same_place() -> None:
    house = House()
    call = house.accept("g")
    later = house.queued()
    house.send(e.CallerLeft(at=house.at, call=call))
    house.at += 1
    house.send(e.CallerQueued(at=house.at, call=call, queue="q0", caller=ANN))
    assert house.visit(call).outcome is None
    house.login("a0")
    assert house.world.legs[house.leg_of("a0")].call == call != later


def test_a_flow_schedules_for_the_next_opening() -> None:
    hours = {"office": HoursConfig("UTC", tuple((day, 540, 1020) for day in range(7)))}
    house = House(hours=hours)
    call = house.queued()
    wish(house, call, "q0/+491702222/next-open-office/0/1/60/en/0")
    assert house.callback("+491702222").due == 9 * 3_600_000


def test_a_customer_whose_phone_rings_at_a_restart_is_not_dialled_again() -> None:
    house = House()
    house.login("a0")
    house.asked()
    dial = house.pick_up()
    restarted(house, live(dial.leg), live(dial.call, up=False))
    assert len(house.dials()) == 1
    assert any(isinstance(each, c.Connect) for each in house.answer(dial.call))


def test_one_who_answered_during_a_restart_is_connected() -> None:
    house = House()
    house.login("a0")
    house.asked()
    dial = house.pick_up()
    restarted(house, live(dial.leg), live(dial.call))
    assert any(isinstance(each, c.Connect) and each.call == dial.call for each in house.log)


def test_one_who_was_gone_by_the_restart_had_his_try() -> None:
    house = House()
    house.login("a0")
    house.asked()
    dial = house.pick_up()
    restarted(house, live(dial.leg))
    assert len(house.dials()) == 1
    assert house.callback().tries == 1
    assert house.presence("a0") is Presence.READY


def test_a_dial_that_the_journal_does_not_know_counts_when_the_log_tells_its_end() -> None:
    house = House()
    house.login("a0")
    house.asked()
    leg = house.leg_of("a0")
    customer = house.world.legs[leg].call
    house.send(e.ChannelEnded(at=house.at + 1, channel=customer, cause_code=17))
    assert house.callback().tries == 1


def test_asterisk_that_does_not_answer_leads_to_the_same_channel_again() -> None:
    house = House()
    house.login("a0")
    house.asked()
    dial = house.pick_up()
    house.send(e.LegFailed(at=house.at, leg=dial.call, reason="down", down=True))
    house.tick(5000)
    again = house.pick_up()
    assert again.call == dial.call
    assert house.callback().tries == 0


def test_an_operator_cancels_and_retries() -> None:
    house = House()
    house.login("a0")
    house.asked()
    house.gone(house.pick_up().call, 17)
    ident = house.callback().id
    house.send(e.CallbackRetried(at=house.at, callback=ident, request="r"))
    dial = house.pick_up()
    house.send(e.CallbackCancelled(at=house.at, callback=ident, by="sue", request="r"))
    assert c.Hangup(channel=dial.call) in house.log
    assert (house.callback().outcome, house.callback().detail) == (CallbackOutcome.CANCELLED, "sue")
    assert house.presence("a0") is Presence.READY


def test_what_an_operator_asks_twice_or_too_late() -> None:
    """The second time is merged, one who is being dialled is hung up, one who is gone is not known."""
    house = House()
    house.login("a0")
    house.asked()
    ident = house.callback().id
    dial = house.pick_up()
    merged = next(each for each in house.asked() if isinstance(each, c.Reply))
    assert (merged.error, merged.text) == (
        "",
        f"callback {ident}: the number waits for this queue already",
    )
    cancel = e.CallbackCancelled(at=house.at, callback=ident, by="sue", request="r")
    commands = house.send(cancel)
    assert c.Hangup(channel=dial.call) in commands
    assert c.Disconnect(leg=dial.leg) in commands
    assert house.presence("a0") is Presence.READY
    assert not house.world.callbacks
    for event in (cancel, e.CallbackRetried(at=house.at, callback=ident, request="r")):
        (reply,) = (each for each in house.send(event) if isinstance(each, c.Reply))
        assert (reply.error, reply.text) == ("unknown-callback", f'no open callback "{ident}"')
