"""The wallboard in a real browser."""

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from ccctl.web import live
from tests.support import fake_engine as fake
from tests.support.browser import chromium, console, resize
from tests.support.until import wait_until
from tests.support.webthread import WebThread

pytestmark = pytest.mark.browser
SIZES = ((1366, 768), (1920, 1080), (390, 844))


@pytest.fixture(scope="module")
def chrome() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def board(chrome: webdriver.Chrome, daemon: WebThread) -> webdriver.Chrome:
    open_board(chrome, daemon)
    return chrome


@pytest.fixture(autouse=True)
def clean(chrome: webdriver.Chrome) -> Iterator[None]:
    resize(chrome, 1366, 768)
    yield
    chrome.get("about:blank")
    console(chrome)


def open_board(chrome: webdriver.Chrome, daemon: WebThread, query: str = "") -> None:
    chrome.get(f"{daemon.url}/wallboard{query}")
    wait_until(lambda: link(chrome) == "up", what="the live feed is up")


def link(chrome: webdriver.Chrome) -> str:
    return str(chrome.execute_script("return document.body.dataset.link"))


def text(chrome: webdriver.Chrome, selector: str) -> str:
    return str(
        chrome.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
    )


def field(chrome: webdriver.Chrome, queue: str, name: str) -> str:
    return text(chrome, f'[data-queue="{queue}"] [data-field="{name}"]')


def level(chrome: webdriver.Chrome, queue: str, figure: str) -> str:
    selector = f'[data-queue="{queue}"] [data-figure="{figure}"]'
    return str(chrome.execute_script("return document.querySelector(arguments[0]).dataset.level", selector))


def names(chrome: webdriver.Chrome) -> list[str]:
    return list(
        chrome.execute_script("return [...document.querySelectorAll('.tile')].map((t) => t.dataset.queue)")
    )


def visible(chrome: webdriver.Chrome, ident: str) -> bool:
    return chrome.find_element(By.ID, ident).is_displayed()


def test_root_leads_to_the_wallboard(chrome: webdriver.Chrome, daemon: WebThread) -> None:
    chrome.get(daemon.url)
    assert chrome.current_url == f"{daemon.url}/wallboard"


def test_figures_change_live(board: webdriver.Chrome, daemon: WebThread) -> None:
    wait_until(lambda: field(board, "support", "waiting") == "2")
    queue = fake.queue("support", waits=(1000, 1000, 1000, 1000, 1000))
    queue["today"] |= {"sl": 71.9, "answered": 123, "abandoned": 9}
    daemon.change({"queue/support": queue})
    wait_until(lambda: field(board, "support", "waiting") == "5", what="five waiting")
    assert field(board, "support", "sl") == "71%"
    assert field(board, "support", "answered") == "123"
    assert field(board, "support", "abandoned") == "9"
    assert "80 % in 20 s (cisco-negative)" in field(board, "support", "promise")
    assert text(board, '[data-total="waiting"]') == "5"


def test_longest_wait_ticks_without_messages(board: webdriver.Chrome, daemon: WebThread) -> None:
    seen = {field(board, "support", "oldest")}

    def ticked() -> bool:
        seen.add(field(board, "support", "oldest"))
        return len(seen) >= 3

    wait_until(ticked, what="the wait ticks")
    assert all(shown.startswith("1:") for shown in seen)


def test_times_follow_the_servers_clock(chrome: webdriver.Chrome, daemon: WebThread) -> None:
    """A board whose own clock is an hour off shows the same waits."""
    script = "const real = Date.now; Date.now = () => real() + 3600000;"
    added = chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    try:
        open_board(chrome, daemon)
        assert field(chrome, "support", "oldest").startswith("1:")
    finally:
        chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@pytest.mark.parametrize(
    ("waits", "sl", "levels"),
    [
        ((), 95.0, ("good", "good")),
        ((2_000,), None, ("good", "good")),
        ((12_000,), 75.0, ("warn", "warn")),
        ((25_000,), 69.9, ("bad", "bad")),
    ],
)
def test_levels_of_wait_and_service(
    board: webdriver.Chrome,
    daemon: WebThread,
    waits: tuple[int, ...],
    sl: float | None,
    levels: tuple[str, str],
) -> None:
    queue = fake.queue("support", title="changed", waits=waits, ready=1)
    queue["today"]["sl"] = sl
    daemon.change({"queue/support": queue})
    wait_until(lambda: field(board, "support", "title") == "changed")
    assert (level(board, "support", "oldest"), level(board, "support", "sl")) == levels


def test_callers_and_nobody_logged_in_is_said(board: webdriver.Chrome, daemon: WebThread) -> None:
    daemon.change({"queue/support": fake.queue("support", waits=(1000,), offline=3)})
    wait_until(lambda: "no agents" in field(board, "support", "state"))
    assert level(board, "support", "waiting") == "bad"


def test_callbacks_are_counted_beside_callers(board: webdriver.Chrome, daemon: WebThread) -> None:
    shown = "return document.querySelector(arguments[0]).checkVisibility()"
    total, own = '[data-total="callbacks"]', '[data-queue="billing"] [data-field="callbacks"]'
    assert not board.execute_script(shown, total)
    assert not board.execute_script(shown, own)
    daemon.change(
        {
            "queue/billing": fake.queue("billing", waits=(1000,)) | {"callbacks": 2},
            "queue/support": fake.queue("support") | {"callbacks": 1},
        }
    )
    wait_until(lambda: field(board, "billing", "callbacks") == "2 to call back")
    assert board.execute_script(shown, own)
    assert board.execute_script(shown, total)
    assert text(board, total) == "3"
    assert field(board, "billing", "waiting") == "1"
    daemon.change({"queue/billing": fake.queue("billing"), "queue/support": fake.queue("support")})
    wait_until(lambda: not board.execute_script(shown, own))
    assert not board.execute_script(shown, total)


def test_who_does_not_answer_is_named_first(board: webdriver.Chrome, daemon: WebThread) -> None:
    """In a small tile the end of the line is cut off."""
    many = {"ready": 1, "talking": 2, "not_responding": 1, "unreachable": 2, "direct_call": 1}
    daemon.change({"queue/support": fake.queue("support", **many)})
    said = "Agents: 3 no answer, 1 ready, 2 talking, 1 other call"
    wait_until(lambda: field(board, "support", "staff") == said)


def test_agents_by_state_with_names_and_time(board: webdriver.Chrome, daemon: WebThread) -> None:
    paused = fake.agent("cleo", "paused", since=fake.now() - 125_000, reason="lunch")
    daemon.change({"agent/cleo": paused})
    wait_until(lambda: text(board, '[data-state="paused"] dd') == "1")
    assert text(board, '[data-agent="cleo"] .person-state') == "Paused, lunch"
    assert text(board, '[data-agent="cleo"] .person-time').startswith("2:")
    daemon.change({"agent/cleo": fake.agent("cleo", "offline")}, gone=("agent/ben",))
    wait_until(lambda: not text(board, '[data-agent="cleo"]'))
    assert text(board, ".away") == "1 offline"
    assert not text(board, '[data-agent="ben"]')


def test_connection_lost_is_said_and_ends(board: webdriver.Chrome, daemon: WebThread) -> None:
    daemon.stop()
    wait_until(lambda: link(board) == "lost", what="the loss is seen")
    assert visible(board, "lost")
    assert "Connection lost since" in text(board, "#lost")
    assert "figures are old" in text(board, "#lost")
    frozen = field(board, "support", "oldest")
    style = board.execute_script("return getComputedStyle(document.querySelector('main')).filter")
    assert "grayscale" in style
    daemon.engine.live.change({"queue/support": fake.queue("support", waits=(1000,) * 7)})
    assert field(board, "support", "oldest") == frozen
    daemon.start()
    wait_until(lambda: link(board) == "up", timeout=30, what="the board came back")
    wait_until(lambda: field(board, "support", "waiting") == "7", what="the new picture")
    assert not visible(board, "lost")
    assert console_is_only_refusals(board)


def console_is_only_refusals(board: webdriver.Chrome) -> bool:
    """While the daemon was away chromium itself notes each refused connection; nothing else may be there."""
    return all("ERR_CONNECTION_REFUSED" in entry["message"] for entry in console(board))


def test_silence_is_loss_too(
    chrome: webdriver.Chrome, daemon: WebThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is open but says nothing any more: the board must not trust it."""
    with monkeypatch.context() as patch:
        patch.setattr(live, "HEARTBEAT_S", 3600)
        open_board(chrome, daemon)
        wait_until(lambda: link(chrome) == "lost", timeout=20, what="silence is seen")
    wait_until(lambda: link(chrome) == "up", timeout=30, what="the board came back")


def test_asterisk_down_is_said(board: webdriver.Chrome, daemon: WebThread) -> None:
    daemon.change({"system": fake.system("down", "connection refused")})
    wait_until(lambda: visible(board, "down"))
    assert "Asterisk does not answer: connection refused" in text(board, "#down")
    daemon.change({"system": fake.system()})
    wait_until(lambda: not visible(board, "down"))


def test_everything_is_escaped(board: webdriver.Chrome, daemon: WebThread) -> None:
    nasty = "</script><script>window.hurt=1</script><img src=x onerror=window.hurt=1>&amp;"
    daemon.change(
        {
            "queue/nasty": fake.queue("nasty", title=nasty),
            "agent/nasty": fake.agent("nasty", "paused", title=nasty, reason=nasty),
            "system": fake.system("down", nasty),
        }
    )
    wait_until(lambda: field(board, "nasty", "title") == nasty)
    assert text(board, '[data-agent="nasty"] .person-name') == nasty
    open_board(board, daemon)  # and when the server draws it
    assert field(board, "nasty", "title") == nasty
    assert board.execute_script("return window.hurt") is None
    assert board.find_elements(By.CSS_SELECTOR, "main img") == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6, 30])
@pytest.mark.parametrize("size", SIZES)
def test_any_number_of_queues_fits(
    chrome: webdriver.Chrome, daemon: WebThread, count: int, size: tuple[int, int]
) -> None:
    queues = {
        f"queue/q{n:02}": fake.queue(f"q{n:02}", waits=(754_000,) * 12, direct_call=2, unreachable=1)
        | {"callbacks": 128 * (n % 2)}
        for n in range(count)
    }
    agents = {f"agent/a{n:02}": fake.agent(f"a{n:02}", "talking") for n in range(count * 3)}
    daemon.change(queues | agents, gone=("queue/support", "queue/billing", "agent/anna", "agent/ben"))
    resize(chrome, *size)
    open_board(chrome, daemon)
    wait_until(lambda: bool(names(chrome)) == bool(count))
    width, height = size
    wide = chrome.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width, "nothing hangs out on the right"
    if width > 900:
        assert chrome.execute_script("return document.documentElement.scrollHeight") <= height
    assert cut_off(chrome) == []
    assert [n for n in numbers(chrome) if n < (0.06 * height if width > 900 else 24)] == []
    assert visible(chrome, "empty") == (count == 0)
    assert console(chrome) == []


def cut_off(chrome: webdriver.Chrome) -> list[str]:
    """Figures that stick out of their tile or over their neighbour."""
    return list(
        chrome.execute_script(
            """
            const out = [];
            for (const tile of document.querySelectorAll(".tile")) {
              const box = tile.getBoundingClientRect();
              const parts = [...tile.querySelectorAll(".number, .foot")];
              const all = parts.map((e) => [e, e.getBoundingClientRect()]);
              for (const [e, r] of all) {
                if (r.right > box.right + 1 || r.bottom > box.bottom + 1) out.push("out: " + e.textContent);
                for (const [f, s] of all) {
                  const beside = r.right <= s.left + 1 || s.right <= r.left + 1;
                  const apart = beside || r.bottom <= s.top + 3 || s.bottom <= r.top + 3;
                  if (e !== f && !apart) out.push(e.textContent + " over " + f.textContent);
                }
              }
            }
            return out;
            """
        )
    )


def numbers(chrome: webdriver.Chrome) -> list[float]:
    return list(
        chrome.execute_script(
            "return [...document.querySelectorAll('.number, .counts dd, .totals dd, .clock')]"
            ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
        )
    )


def test_thirty_queues_take_turns_and_can_be_held(chrome: webdriver.Chrome, daemon: WebThread) -> None:
    daemon.change({f"queue/q{n:02}": fake.queue(f"q{n:02}", title=f"Queue {n:02}") for n in range(30)})
    open_board(chrome, daemon)
    wait_until(lambda: names(chrome))
    first = names(chrome)
    assert visible(chrome, "page")
    wait_until(lambda: names(chrome) != first, timeout=20, what="the next page")
    chrome.find_element(By.ID, "hold").click()
    assert chrome.find_element(By.ID, "hold").get_attribute("aria-pressed") == "true"


def test_a_queue_in_trouble_on_another_page_is_named(chrome: webdriver.Chrome, daemon: WebThread) -> None:
    queues = {f"queue/q{n:02}": fake.queue(f"q{n:02}", title=f"Queue {n:02}", ready=1) for n in range(30)}
    queues["queue/q29"] = fake.queue("q29", title="Queue 29", waits=(90_000,), ready=1)
    daemon.change(queues, gone=("queue/support",))
    open_board(chrome, daemon)
    wait_until(lambda: "Elsewhere 1: Queue 29 1:3" in text(chrome, "#attention"))
    assert visible(chrome, "attention")


def test_board_of_some_queues_only(chrome: webdriver.Chrome, daemon: WebThread) -> None:
    open_board(chrome, daemon, "?queues=billing")
    wait_until(lambda: names(chrome) == ["billing"])


def test_page_has_names_for_those_who_cannot_see_it(board: webdriver.Chrome, daemon: WebThread) -> None:
    assert board.execute_script("return document.documentElement.lang") == "en"
    assert text(board, "h1") == "Wallboard"
    assert {tile.accessible_name for tile in board.find_elements(By.CSS_SELECTOR, ".tile")} == {
        "Support",
        "Billing",
    }
    assert board.find_element(By.ID, "lost").get_attribute("role") == "alert"
    assert console(board) == []
