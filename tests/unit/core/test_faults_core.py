"""What a death or a pause in an awkward moment would break: found by the chaos suite, held here."""

import pytest

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import OfferOutcome, Outcome
from ccctl.flow import marks
from ccctl.world.state import Phase, from_json, to_json
from tests.support.centre import WHISPER, Centre, kinds, make_roster

NODE = "pbx1"


def up(reference: str, bridge: str = "") -> e.LiveChannel:
    return e.LiveChannel(channel=reference, ours=True, up=True, bridge=bridge)


def look(centre: Centre, *channels: e.LiveChannel) -> list[c.Command]:
    centre.at += 1
    return centre.send(e.Resynced(at=centre.at, node=NODE, channels=channels))


def restart(centre: Centre) -> None:
    centre.send(e.NodeUp(at=centre.at, node=NODE))
    centre.send(e.Started(at=centre.at, boot="b00b01"))


def connecting(**queue: object) -> tuple[Centre, str, str]:
    centre = Centre(make_roster(agents=1, **queue))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.answer(leg)
    return centre, call, leg


# -- connected once ------------------------------------------------------------------------------------


def test_what_this_run_connects_is_not_connected_again_by_a_look() -> None:
    centre, call, leg = connecting()
    assert centre.world.legs[leg].phase is Phase.CONNECTING
    assert "Connect" not in kinds(look(centre, up(call), up(leg)))


def test_what_the_last_run_may_not_have_connected_is_connected_once() -> None:
    centre, call, leg = connecting()
    restart(centre)
    assert kinds(look(centre, up(call), up(leg))).count("Connect") == 1
    assert "Connect" not in kinds(look(centre, up(call), up(leg)))


def test_a_whisper_that_ended_while_we_were_dead_connects_once() -> None:
    """Its end is told late, and then the look is there, too."""
    centre, call, leg = connecting(whisper=WHISPER)
    restart(centre)
    done = kinds(centre.send(e.WhisperDone(at=centre.at, leg=leg)))
    assert (done + kinds(look(centre, up(call), up(leg)))).count("Connect") == 1


def test_a_call_that_a_look_does_not_find_has_the_end_that_the_log_tells_then() -> None:
    centre = Centre()
    call = centre.queued()
    look(centre)
    assert centre.visit(call).outcome is Outcome.ABANDONED
    centre.send(e.ChannelEnded(at=centre.at + 3, channel=call, source="PJSIP/telco-1"))
    (row,) = centre.rows[ch.CallRow].values()
    assert (row.ended, row.ended_by) == (centre.at + 3, "caller")


def test_a_call_whose_end_no_log_tells_ends_when_it_was_not_found() -> None:
    centre = Centre()
    centre.queued()
    look(centre)
    at = centre.at
    centre.tick(2000)
    assert [row.ended for row in centre.rows[ch.CallRow].values()] == [at]
    assert not centre.world.calls


def test_the_log_knows_when_both_met_while_we_were_dead() -> None:
    centre, call, leg = connecting()
    restart(centre)
    met, bridge = centre.at + 20, "b" + leg.partition("/")[2]
    for channel, at in ((call, met - 3), (leg, met)):
        centre.send(e.ChannelBridged(at=at, channel=channel, name="PJSIP/x-1", bridge=bridge))
    centre.send(e.ChannelEnded(at=met + 4000, channel=leg))
    visit = centre.visit(call)
    assert (visit.outcome, visit.answered, visit.talk_ended) == (Outcome.ANSWERED, met, met + 4000)


# -- a whisper whose end nobody tells ------------------------------------------------------------------


def test_a_look_of_the_same_run_lets_the_whisper_play() -> None:
    centre, call, leg = connecting(whisper=WHISPER)
    assert "Connect" not in kinds(look(centre, up(call), up(leg)))
    assert centre.world.legs[leg].phase is Phase.WHISPER


def test_a_whisper_whose_end_may_be_lost_is_stopped_before_both_are_connected() -> None:
    for lose in (restart, lambda centre: centre.send(e.NodeDown(at=centre.at, node=NODE, deaf=True))):
        centre, call, leg = connecting(whisper=WHISPER)
        lose(centre)
        found = [command for command in look(centre, up(call), up(leg)) if isinstance(command, c.Connect)]
        assert [command.whispering for command in found] == [True]


def test_who_talks_already_is_left_in_his_talk_whatever_our_books_say() -> None:
    """The last thing that the dead run did may not be in its journal."""
    for phase in (Phase.RINGING, Phase.CONNECTING):
        centre = Centre(make_roster(agents=1))
        centre.login("a0")
        call = centre.queued()
        leg = centre.leg_of("a0")
        if phase is Phase.CONNECTING:
            centre.answer(leg)
        restart(centre)
        bridge = "b" + leg.partition("/")[2]
        commands = kinds(look(centre, up(call, bridge), up(leg, bridge)))
        assert not {"Hold", "Connect", "Disconnect"} & set(commands)
        assert centre.presence("a0") is Presence.TALKING
        assert centre.visit(call).outcome is Outcome.ANSWERED


def test_a_whisper_that_may_play_already_is_asked_for_as_such() -> None:
    centre = Centre(make_roster(agents=1, whisper=WHISPER))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    restart(centre)
    found = [command for command in look(centre, up(call), up(leg)) if isinstance(command, c.Whisper)]
    assert [command.again for command in found] == [True]


# -- agents whom app_queue has -------------------------------------------------------------------------


def native(centre: Centre, call: str, channel: str, agent: str = "a0") -> None:
    """app_queue has taken a caller over and rings an agent for him."""
    for mark, value in ((marks.CALL, "inbound"), (marks.NATIVE, "q0")):
        centre.send(e.CallMarked(at=centre.at, call=call, mark=mark, value=value, caller="+491"))
    centre.send(e.ChannelStarted(at=centre.at, channel=channel, name=f"PJSIP/{agent}-0000001", linked=call))


CALL, CHANNEL = f"{NODE}/99.1", f"{NODE}/99.2"


def test_an_agent_whom_app_queue_has_is_not_rung_as_well() -> None:
    centre = Centre(make_roster(agents=1))
    centre.login("a0")
    native(centre, CALL, CHANNEL)
    waiting = centre.queued()
    assert centre.presence("a0") is Presence.READY
    assert not centre.world.legs
    centre.world = from_json(to_json(centre.world))
    assert centre.world.is_engaged("a0")
    commands = centre.send(e.ChannelEnded(at=centre.at + 5, channel=CHANNEL))
    assert [command.call for command in commands if isinstance(command, c.Offer)] == [waiting]


def test_when_both_ring_him_ours_goes_and_the_caller_to_somebody_else() -> None:
    centre = Centre(make_roster(agents=2))
    centre.login("a0", "a1")
    call = centre.queued()
    leg = centre.leg_of("a0")
    native(centre, CALL, CHANNEL)
    assert centre.world.agents["a0"].leg == ""
    assert centre.rows[type(centre.visit(call))][f"{call}/1"].offers == 2
    assert centre.world.legs[centre.leg_of("a1")].call == call
    assert [command.leg for command in centre.log if isinstance(command, c.Disconnect)] == [leg]
    offers = [row for kind in centre.rows for row in centre.rows[kind].values() if row.id == leg]
    assert [row.outcome for row in offers] == [OfferOutcome.WITHDRAWN]


def test_a_talk_of_ours_goes_on_whatever_app_queue_rings() -> None:
    centre = Centre(make_roster(agents=1))
    centre.login("a0")
    centre.queued()
    centre.talk(centre.leg_of("a0"))
    native(centre, CALL, CHANNEL)
    assert centre.presence("a0") is Presence.TALKING


def test_his_wrap_up_ends_in_the_call_of_app_queue_not_in_a_second_one() -> None:
    centre = Centre(make_roster(agents=1, wrap_up_ms=1000))
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    native(centre, CALL, CHANNEL)
    centre.queued()
    centre.tick(2000)
    assert centre.presence("a0") is Presence.READY
    assert not centre.world.legs


def test_a_look_frees_whom_app_queue_has_lost_unheard() -> None:
    centre = Centre(make_roster(agents=1))
    centre.login("a0")
    native(centre, CALL, CHANNEL)
    waiting = centre.queued()
    assert "Offer" in kinds(look(centre, up(waiting)))


def test_phones_that_others_ring_are_none_of_ours() -> None:
    centre = Centre(make_roster(agents=1))
    centre.login("a0")
    centre.send(e.CallMarked(at=centre.at, call=CALL, mark=marks.CALL, value="internal", caller="200"))
    centre.send(e.ChannelStarted(at=centre.at, channel=CHANNEL, name="PJSIP/a0-0000001", linked=CALL))
    assert not centre.world.engaged


@pytest.mark.parametrize("bridge", ["", marks.HOLD_BRIDGE])
def test_a_look_while_both_are_connected_leaves_the_caller_to_it(bridge: str) -> None:
    """He is asked into their bridge already: put into the music behind that his agent would hear nobody, and
    a timer that is set behind that would end the talk."""
    centre, call, leg = connecting(whisper=())
    assert centre.world.legs[leg].phase is Phase.CONNECTING
    assert not {"Hold", "ExtendWait"} & set(kinds(look(centre, up(call, bridge), up(leg))))
    assert "ExtendWait" not in kinds(centre.send(e.TimerFired(at=centre.at, timer="renew")))
    centre.send(e.ConnectFailed(at=centre.at, leg=leg, reason="no answer", down=True))
    assert {"Hold", "ExtendWait"} & set(kinds(look(centre, up(call, bridge))))
