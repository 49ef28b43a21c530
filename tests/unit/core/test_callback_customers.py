"""Callbacks whose customer is called first, whose trunk is full, whose hours are switched by hand."""

import pytest
from msgspec.structs import replace

from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import CallbackOutcome
from ccctl.flow.roster import HoursConfig
from ccctl.flow.roster import to_json as to_roster_json
from tests.support.callback_centre import ANN, CUSTOMER, RULES, House, live, restarted, ringing_all, roster
from tests.support.centre import kinds


def test_customer_first_keeps_an_agent_and_rings_him_when_the_customer_is_there() -> None:
    house = House(CUSTOMER)
    house.login("a0")
    assert kinds(house.asked()) == ["Dial", "Reply"]
    assert house.presence("a0") is Presence.RESERVED
    dial = house.dials()[0]
    commands = house.answer(dial.call)
    assert kinds(commands) == ["Hold", "Tell", "Offer"]
    leg = house.leg_of("a0")
    house.talk(leg)
    assert house.callback().outcome is CallbackOutcome.ANSWERED
    assert house.segments(dial.call) == ["dial", "waiting", "talk"]


def test_as_many_customers_are_dialled_as_agents_are_free() -> None:
    house = House(CUSTOMER, agents=2)
    house.login("a0", "a1")
    for number in range(5):
        house.asked(f"{ANN}{number}")
    assert len(house.dials()) == 2
    house.gone(house.dials()[0].call, 17)
    assert len(house.dials()) == 3


def test_a_customer_whose_agent_misses_waits_for_the_next() -> None:
    house = House(CUSTOMER, agents=2)
    house.login("a0")
    house.asked()
    dial = house.dials()[0]
    house.answer(dial.call)
    house.leg_ended(house.leg_of("a0"), 19)
    assert house.world.visits[dial.call].waits
    house.login("a1")
    assert house.world.legs[house.leg_of("a1")].call == dial.call
    assert len(house.dials()) == 1


def test_a_busy_customer_frees_the_agent_who_was_kept() -> None:
    house = House(CUSTOMER)
    house.login("a0")
    house.asked()
    house.gone(house.dials()[0].call, 17)
    assert house.presence("a0") is Presence.READY
    assert house.callback().tries == 1


def test_a_customer_who_hangs_up_before_the_agent_came_had_a_try() -> None:
    house = House(CUSTOMER)
    house.login("a0")
    house.asked()
    dial = house.dials()[0]
    house.answer(dial.call)
    house.gone(dial.call, 16)
    assert house.presence("a0") is Presence.READY
    assert house.callback().tries == 1


@pytest.mark.parametrize("up", [True, False])
def test_customer_first_over_a_restart(up: bool) -> None:
    house = House(CUSTOMER)
    house.login("a0")
    house.asked()
    dial = house.dials()[0]
    restarted(house, live(dial.call, up=up))
    assert len(house.dials()) == 1
    if not up:
        house.answer(dial.call)
    assert house.world.legs[house.leg_of("a0")].call == dial.call


def test_who_rings_on_after_a_new_site_rings_alone() -> None:
    house = House(RULES, agents=3)
    house.send(e.RosterChanged(at=house.at, roster=to_roster_json(ringing_all(RULES)).decode()))
    house.login("a0", "a1")
    call = house.queued()
    house.send(e.RosterChanged(at=house.at, roster=to_roster_json(roster(RULES, 3)).decode()))
    house.leg_ended(house.leg_of("a0"), cause=17)
    house.login("a2")
    assert house.agents_of(call) == ["a1"]


def test_all_phones_ring_for_a_customer_who_was_called_first_once_he_is_there() -> None:
    house = House(CUSTOMER, agents=3)
    house.send(e.RosterChanged(at=house.at, roster=to_roster_json(ringing_all(CUSTOMER)).decode()))
    house.login("a0", "a1")
    house.asked()
    call = house.dials()[0].call
    house.answer(call)
    assert house.agents_of(call) == ["a0", "a1"]
    house.login("a2")
    assert house.agents_of(call) == ["a0", "a1", "a2"]


def test_a_callback_goes_on_as_it_began_when_a_new_site_calls_customers_first() -> None:
    house = House(RULES, agents=3)
    house.send(e.RosterChanged(at=house.at, roster=to_roster_json(ringing_all(RULES)).decode()))
    house.login("a0")
    house.asked()
    house.send(e.RosterChanged(at=house.at, roster=to_roster_json(ringing_all(CUSTOMER)).decode()))
    house.login("a1")
    assert not house.dials()  # an agent rings first: no customer is called beside him
    dial = house.pick_up("a1")
    assert house.presence("a0") is Presence.READY
    house.answer(dial.call)
    assert house.presence("a1") is not Presence.RESERVED


def full(house: House, leg: str) -> list[c.Command]:
    return house.send(e.LegFailed(at=house.at, leg=leg, reason="trunk telco has no channel left", full=True))


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_a_callback_waits_while_the_trunk_is_full_and_keeps_its_place(first: str) -> None:
    house = House(replace(RULES, first=first, channels=2))
    house.login("a0")
    offered = house.asked()
    turn = house.world.callbacks[house.callback().id].turn
    asked = next(each for each in offered if isinstance(each, c.Offer | c.Dial))
    assert (asked.trunk, asked.most) == ("telco", 2)
    full(house, asked.leg if isinstance(asked, c.Offer) else asked.call)
    row = house.callback()
    assert (row.tries, row.outcome, row.due) == (0, None, house.at + 10_000)
    assert house.presence("a0") is Presence.READY
    house.asked("+491701112")  # nobody else is tried meanwhile
    assert not house.leg_of("a0")
    assert len(house.dials()) == (first == "customer")
    house.tick(10_001)
    assert house.world.callbacks[row.id].turn == turn
    called = house.world.visits[house.world.callbacks[row.id].call]
    assert called.legs or called.reserved == "a0"


def test_a_trunk_that_is_full_when_the_agent_has_picked_up_lets_him_go() -> None:
    house = House(replace(RULES, channels=2))
    house.login("a0")
    house.asked()
    dial = house.pick_up()
    commands = full(house, dial.call)
    assert c.Disconnect(leg=dial.leg) in commands
    assert c.Hangup(channel=dial.call) not in commands
    assert (house.callback().tries, house.presence("a0")) == (0, Presence.READY)
    house.tick(10_001)
    assert house.pick_up().call != dial.call


def test_an_ordinary_caller_needs_no_trunk() -> None:
    house = House(replace(RULES, channels=2))
    house.login("a0")
    house.queued()
    offer = next(each for each in house.log if isinstance(each, c.Offer))
    assert (offer.trunk, offer.most) == ("", 0)


def switch(house: House, state: str) -> None:
    house.at += 1
    house.send(e.CallMarked(at=house.at, call="pbx1/s", mark="CC_SWITCH", value=f"office {state} anna"))


def test_hours_that_are_switched_by_hand_hold_callbacks_back_and_let_them_go() -> None:
    hours = {"office": HoursConfig("UTC", tuple((day, 0, 1440) for day in range(7)))}
    house = House(replace(RULES, hours="office"), hours=hours)
    house.login("a0")
    switch(house, "closed")
    house.asked()
    assert not house.leg_of("a0")
    switch(house, "auto")
    leg = house.leg_of("a0")
    assert leg
    house.leg_ended(leg, 21)
    switch(house, "closed")
    house.send(e.AgentUnpause(at=house.at, agent="a0"))
    assert not house.leg_of("a0")
    switch(house, "open")
    house.pick_up()
    assert house.callback().tries == 0


def test_who_waits_for_the_opening_is_called_when_somebody_opens_earlier() -> None:
    hours = {"office": HoursConfig("UTC", tuple((day, 540, 1020) for day in range(7)))}
    house = House(replace(RULES, hours="office"), hours=hours)
    house.login("a0")
    house.asked()
    house.asked("+491701112", due=house.at + 3_600_000)
    assert not house.leg_of("a0")
    switch(house, "open")
    assert house.world.legs[house.leg_of("a0")].call == house.world.callbacks[house.callback().id].call
    assert not house.world.callbacks[house.callback("+491701112").id].call
