"""The stand-in for the daemon: the contract of a queue step, with a clock of its own."""

import pytest
from msgspec.structs import replace

from ccctl.flow import roster
from ccctl.flowtest import desk
from ccctl.flowtest.cases import Given
from ccctl.flowtest.drive import Act
from tests.support import sample_site

SITE = sample_site.site()
ARGUMENTS = ["queue", "7f3a9c", "support", "5", "600", "0*", "n"]


def visit(**given: object) -> desk.Visit:
    entered = desk.enter(ARGUMENTS, SITE, Given(**given))  # type: ignore[arg-type] # any fields
    assert entered
    return entered


def does(who: str, what: str) -> Act:
    return Act("agent", what, who)


def test_arguments() -> None:
    entered = visit()
    assert (entered.queue, entered.limit_ms, entered.keys, entered.result) == ("support", 600_000, "0*", "")
    assert desk.enter(["code", "7f3a9c", "agent-login", "anna", ""], SITE, Given()) is None


def test_nobody_is_there() -> None:
    assert visit(agents={"anna": "paused", "ben": "away"}).result == "no_agents"


def test_queues_that_turn_callers_away() -> None:
    assert visit(queues={"support": "full"}).result == "full"
    assert visit(queues={"billing": "full"}).result == ""


@pytest.mark.parametrize(("keys", "result"), [("0", "key_0"), ("5", ""), ("5*", "key_*")])
def test_keys(keys: str, result: str) -> None:
    entered = visit()
    desk.press(entered, keys)
    assert entered.result == result


def test_waiting_costs_no_time_until_the_limit() -> None:
    entered = visit()
    assert desk.wait(entered, 599_000) == 0
    assert entered.result == ""
    assert desk.wait(entered, 3000) == 2000
    assert entered.result == "timeout"


def test_an_agent_answers_and_hangs_up() -> None:
    entered = visit()
    assert desk.agent_does(entered, does("ben", "answer"), SITE, Given()) == ""
    assert [str(seen) for seen in entered.news][-1].startswith(("talks ben", "recording"))
    desk.press(entered, "0")
    assert entered.result == ""
    assert "anna does not talk" in desk.agent_does(entered, does("anna", "hangup"), SITE, Given())
    assert desk.agent_does(entered, does("ben", "hangup"), SITE, Given()) == ""
    assert entered.result == "answered"


OFFER = next(iter(roster.offers(SITE)))
ASKS = [*ARGUMENTS, OFFER]


def offered(to: str = "caller", caller: str = "+491701112233", withheld: bool = True) -> desk.Visit:
    """Somebody who has waited until just before the offer."""
    entered = desk.enter(ASKS, SITE, Given(), caller)
    assert entered
    assert entered.offer
    entered.offer = replace(entered.offer, to=to, withheld=withheld, every_ms=60_000)
    desk.wait(entered, entered.offer.after_ms - 1)
    desk.press(entered, "1")
    assert (entered.result, entered.news) == ("", [])
    desk.wait(entered, 1)
    return entered


def test_an_offer_is_heard_and_accepted() -> None:
    entered = offered()
    assert [(seen.kind, seen.what) for seen in entered.news] == [("hears", "offer")]
    desk.press(entered, "2")
    assert entered.result == ""
    desk.press(entered, "1")
    assert entered.result == "callback"
    wish = entered.news[-1]
    assert (wish.kind, wish.what) == ("callback", "+491701112233")
    assert wish.more == {"queue": "support", "when": "now", "place": "kept"}


def test_an_offer_is_made_again() -> None:
    entered = offered()
    desk.wait(entered, 59_999)
    assert len(entered.news) == 1
    desk.wait(entered, 1)
    assert len(entered.news) == 2


@pytest.mark.parametrize("caller", ["anonymous", "112", next(iter(SITE.numbers))])
def test_who_cannot_be_called_back(caller: str) -> None:
    leaves = offered(caller=caller)
    desk.press(leaves, "1")
    assert leaves.result == "callback_withheld"
    types = offered("gather", caller)
    desk.press(types, "1")
    assert types.result == "callback_gather"
    nowhere = offered(caller=caller, withheld=False)
    desk.press(nowhere, "1")
    assert (nowhere.result, nowhere.news) == ("", [])


def test_nobody_accepts_while_he_talks() -> None:
    entered = offered()
    assert desk.agent_does(entered, does("ben", "answer"), SITE, Given()) == ""
    desk.press(entered, "1")
    assert entered.result == ""


def test_who_cannot_answer() -> None:
    given = Given(agents={"ben": "paused"})
    assert "no available agent" in desk.agent_does(visit(), does("ben", "answer"), SITE, given)
    over = visit()
    over.result = "timeout"
    assert "does not wait" in desk.agent_does(over, does("ben", "answer"), SITE, Given())
