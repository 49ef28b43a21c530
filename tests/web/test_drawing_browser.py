"""The drawing of a flow in a real browser: readable, whole, in light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from ccctl.flow import graph as g
from ccctl.flow.drawing import drawing
from ccctl.flow.drawing_map import map_svg, site_map
from ccctl.flow.drawing_svg import svg
from tests.support import sample_site
from tests.support.browser import chromium, console

pytestmark = pytest.mark.browser
# Texts that reach out of their box, as the browser measures them; and how far the drawing reaches.
OUTSIDE = """
return [...document.querySelectorAll('g')].filter(group => {
  const box = group.querySelector('rect').getBoundingClientRect();
  return [...group.querySelectorAll('text')].some(text => {
    const found = text.getBoundingClientRect();
    return found.right > box.right || found.left < box.left || found.bottom > box.bottom + 1;
  });
}).map(group => group.textContent);
"""
REACH = """
const box = document.querySelector('svg').getBoundingClientRect();
return [box.right, box.bottom];
"""
COLOURS = """
const colour = (query, what) => getComputedStyle(document.querySelector(query))[what];
return [colour('.ground', 'fill'), colour('text', 'fill'), colour('.verb', 'fill')];
"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


def shown(chrome: webdriver.Chrome, folder: Path, page: str) -> None:
    (folder / "x.svg").write_text(page)
    chrome.get(f"file://{folder}/x.svg")
    assert console(chrome) == []


def luminance(colour: str) -> float:
    """As the web's rules on contrast count it."""
    parts = (int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", sample_site.site().flows)
def test_every_text_is_inside_its_box(chrome: webdriver.Chrome, tmp_path: Path, name: str) -> None:
    shown(chrome, tmp_path, svg(name, drawing(sample_site.site(), name)))
    assert chrome.execute_script(OUTSIDE) == []


def test_wide_letters_fit_too(chrome: webdriver.Chrome, tmp_path: Path) -> None:
    names = ("mmmmmmmmmmmmwwwwwwwwwwww", "MMMMWWWW", "iiiiii", "0000000000", "Grüße-ÄÖÜ")
    steps = tuple(g.Play(prompts=(name,)) for name in names)
    site = g.Site(flows={"x": g.Flow(name="x", steps=(*steps, g.HangupStep()))})
    shown(chrome, tmp_path, svg("x", drawing(site, "x")))
    assert chrome.execute_script(OUTSIDE) == []


def test_the_map_and_a_large_flow_fit_a_laptop(chrome: webdriver.Chrome, tmp_path: Path) -> None:
    site = sample_site.site()
    for page in (map_svg("site", site_map(site)), svg("main", drawing(site, "main"))):
        shown(chrome, tmp_path, page)
        assert chrome.execute_script(OUTSIDE) == []
        right, bottom = chrome.execute_script(REACH)
        assert (right <= 1366, bottom <= 768) == (True, True), (right, bottom)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable(chrome: webdriver.Chrome, tmp_path: Path, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    shown(chrome, tmp_path, svg("main", drawing(sample_site.site(), "main")))
    ground, *texts = (luminance(colour) for colour in chrome.execute_script(COLOURS))
    assert (ground > 0.9) == (scheme == "light")
    for text in texts:
        light, dark = max(ground, text), min(ground, text)
        assert (light + 0.05) / (dark + 0.05) > 4.5
