"""The menu of those who wait: when it is heard, what its keys do, and that nobody loses his place by it."""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import Outcome
from ccctl.flow.roster import AnnounceConfig, WaitingConfig, WaitingKey
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json
from ccctl.world.state import to_json as world_json
from tests.support.centre import Centre, make_roster

MENU = ("sound:menu",)
KEYS = {
    "1": WaitingKey("tell", ("sound:hours",)),
    "2": WaitingKey("position"),
    "3": WaitingKey("wait_time"),
    "4": WaitingKey("repeat"),
    "5": WaitingKey("quiet"),
}
CONFIG = WaitingConfig("q0", 10_000, 30_000, MENU, KEYS)


def centre(announce: AnnounceConfig | None = None) -> Centre:
    return Centre(replace(make_roster(1, announce=announce, ring_ms=60_000), menus={"m": CONFIG}))


def waits(world: Centre) -> str:
    return world.queued(menu="m", keys="0")


def told(world: Centre, call: str) -> list[tuple[str, ...]]:
    return [x.media for x in world.log if isinstance(x, c.Tell) and x.call == call]


def press(world: Centre, call: str, digit: str) -> list[c.Tell]:
    world.at += 1
    commands = world.send(e.DigitPressed(at=world.at, channel=call, digit=digit))
    return [x for x in commands if isinstance(x, c.Tell)]


def test_it_is_heard_after_a_time_and_then_again_until_the_wait_is_over() -> None:
    world = centre()
    call = waits(world)
    world.tick(9_000)
    assert told(world, call) == []
    world.tick(1000 + 60_000)
    assert told(world, call) == [MENU] * 3
    world.left(call)
    assert not [name for name in world.world.timers if name.startswith("menu:")]


def test_keys_count_all_the_time_and_stop_what_is_said() -> None:
    world = centre()
    call = waits(world)
    [first] = press(world, call, "1")
    assert (first.media, first.instead) == (("sound:hours",), "")
    [second] = press(world, call, "4")
    assert (second.media, second.instead) == (MENU, first.playback)
    assert second.playback != first.playback
    assert press(world, call, "9") == []


def test_after_an_answer_the_menu_comes_a_whole_time_later() -> None:
    world = centre()
    call = waits(world)
    world.tick(9_000)
    press(world, call, "1")
    world.tick(29_000)
    assert told(world, call) == [("sound:hours",)]
    world.tick(1_000)
    assert told(world, call) == [("sound:hours",), MENU]


def test_who_asks_is_told_his_place_also_when_it_is_further_back() -> None:
    world = centre()
    call = waits(world)
    assert press(world, call, "2")[0].media == ("sound:queue-youarenext",)
    world.queued(priority=3)
    assert press(world, call, "2")[0].media[:2] == ("sound:queue-thereare", "number:2")
    assert press(world, call, "3")[0].media[:2] == ("sound:queue-thereare", "number:2")  # no time is known


def test_quiet_ends_all_that_is_said_by_itself() -> None:
    world = centre(AnnounceConfig(15_000, media=("sound:ad",)))
    call = waits(world)
    world.tick(15_000)
    assert told(world, call) == [MENU, ("sound:ad",)]
    [hush] = press(world, call, "5")
    assert (hush.media, bool(hush.instead)) == ((), True)
    world.tick(100_000)
    assert len(told(world, call)) == 3
    assert press(world, call, "2")[0].media  # he may still ask


def test_no_key_costs_him_his_place_and_an_exit_key_leaves() -> None:
    world = centre()
    first, second = waits(world), waits(world)
    for key in KEYS:
        press(world, first, key)
    assert [key[3] for key in world.world.line("q0").waiting()] == [first, second]
    [last] = press(world, first, "1")
    world.at += 1
    commands = world.send(e.DigitPressed(at=world.at, channel=first, digit="0"))
    assert c.Release(call=first, result="key_0", telling=last.playback) in commands
    assert world.visit(first).outcome is Outcome.KEY_EXIT


def test_an_agent_is_rung_at_once_and_ends_it() -> None:
    world = centre()
    call = waits(world)
    world.tick(10_000)
    world.login("a0")
    leg = world.leg_of("a0")
    assert leg
    [more] = press(world, call, "1")  # while the phone rings he still may
    [connect] = [x for x in world.answer(leg) if isinstance(x, c.Connect)]
    assert connect.telling == more.playback
    assert press(world, call, "1") == []
    world.send(e.Connected(at=world.at, leg=leg))
    world.tick(60_000)
    assert told(world, call) == [MENU, ("sound:hours",)]


def test_a_restart_keeps_it_and_says_nothing_that_was_due_meanwhile() -> None:
    world = centre()
    call = waits(world)
    world.world = from_json(world_json(world.world))
    rebuild_lines(world.world)
    world.at += 20_000
    world.send(e.Started(at=world.at, boot="c11c11"))
    alive = (e.LiveChannel(channel=call, ours=True, bridge="ccctl-hold"),)
    world.send(e.Resynced(at=world.at, node="pbx1", channels=alive))
    assert told(world, call) == []
    world.tick(30_000)
    assert told(world, call) == [MENU]
    assert press(world, call, "1")
