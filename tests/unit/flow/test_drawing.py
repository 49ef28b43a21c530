"""Flows and the map of a site as pictures: what is on them, and that nothing covers anything else."""

import itertools
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ccctl.cli.main import main
from ccctl.flow import graph as g
from ccctl.flow.drawing import Box, Branch, argument, drawing, has_dead_end
from ccctl.flow.drawing_dot import flow_dot, map_dot
from ccctl.flow.drawing_map import Map, Stop, layers_of, map_lines, map_svg, site_map
from ccctl.flow.drawing_svg import svg
from ccctl.flow.drawing_text import WIDTH, tree_lines
from ccctl.flow.ways import walk
from tests.support import sample_site
from tests.support.site_cases import BASE

ROOT = Path(__file__).parents[3]
SITE = sample_site.site()
SVG = "{http://www.w3.org/2000/svg}"


def flows_of(*steps: g.AnyStep, **changes: object) -> g.Site:
    return g.Site(flows={"x": g.Flow(name="x", steps=steps)}, **changes)  # type: ignore[arg-type] # any fields


def text_of(boxes: tuple[Box, ...]) -> list[str]:
    return ["".join(text for text, _ in line) for line in tree_lines("x", boxes)]


def overlaps(page: str) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Boxes that lie on one another, or outside of the picture."""
    root = ElementTree.fromstring(page)
    ground, *rects = (
        tuple(float(rect.get(side, "0")) for side in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
    )
    width, height = ground[2:]
    outside = [
        (one, ground) for one in rects if one[0] + one[2] > width or one[1] + one[3] > height or min(one) < 0
    ]
    covered = [
        (one, other)
        for at, one in enumerate(rects)
        for other in rects[at + 1 :]
        if one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    ]
    return outside + covered


# -- one flow --------------------------------------------------------------------------------------


def test_a_flow_as_text() -> None:
    done = (g.HangupStep(),)
    menu = g.Menu(
        prompts=("main-menu",),
        options=(
            g.Option(key="1", body=(g.Goto(flow="sales"),)),
            g.Option(key="2", body=(g.Play(prompts=("a",)), g.Goto(flow="sales"))),
            g.Option(key="*", repeat=True),
        ),
        on_invalid=(g.Play(prompts=("invalid",)),),
        on_exhausted=(g.Goto(flow="sales"),),
    )
    hours = g.HoursStep(
        hours="office", on_closed=(g.Goto(flow="night"),), on_holiday=(g.Play(prompts=("h",)), *done)
    )
    assert text_of(drawing(flows_of(hours, menu), "x")) == [
        "x",
        "├─ hours office  (open: goes on)",
        "│  ├─ closed, emergency: -> night",
        "│  └─ holiday:",
        "│     ├─ play h",
        "│     └─ hangup",
        "└─ menu main-menu  (again: key *, timeout)",
        "   ├─ key 1, exhausted: -> sales",
        "   ├─ key 2:",
        "   │  ├─ play a",
        "   │  └─ -> sales",
        "   └─ invalid: play invalid  (and again)",
    ]


def test_dead_ends_are_seen_and_a_catch_takes_them() -> None:
    queue = g.QueueStep(queue="support", on_full=(g.HangupStep(),))
    boxes = drawing(flows_of(queue, g.HangupStep()), "x")
    assert boxes[0].dead == ("timeout", "no_agents", "failed")
    assert has_dead_end(boxes)
    assert "│  └─ timeout, no_agents, failed: x the call ends" in text_of(boxes)
    caught = drawing(flows_of(queue, g.HangupStep(), defaults=g.Defaults(catch="rescue")), "x")
    assert not has_dead_end(caught)
    assert Branch(("timeout", "no_agents", "failed"), (Box("flow", text="rescue"),)) in caught[0].branches


def test_how_a_flow_ends_is_said() -> None:
    play = g.Play(prompts=("a",))
    assert drawing(flows_of(play), "x")[-1].kind == "end"
    caller = g.Flow(name="y", steps=(g.Subflow(flow="x"),))
    site = flows_of(play)
    assert drawing(g.Site(flows={**site.flows, "y": caller}), "x")[-1].kind == "returns"
    assert len(drawing(flows_of(g.HangupStep(), play), "x")) == 1, "what is never reached is not drawn"


URL = (g.Value(text="https://x/"), g.Value(variable="tier"))
CHANGES = (g.Change(variable="n", add=1), g.Change(variable="t", value=(g.Value(text="x"),)))
IS = g.Condition(groups=((g.Clause(variable="tier", op="is", values=("gold", "silver")),),))
SET = g.Condition(groups=((g.Clause(variable="a", op="unset"),), (g.Clause(variable="b", op="set"),)))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (g.Play(prompts=("a", "b")), "a, b"),
        (g.Dial(targets=("anna", "ben"), group="desk"), "desk"),
        (g.Say(text={"en": "It is {{ now }}.", "de": "Es ist {{ now }}."}), "It is {{ now }}."),
        (g.HangupStep(cause=17), "busy"),
        (g.HangupStep(), ""),
        (g.Http(method="get", url=URL), "get https://x/{{ tier }}"),
        (g.Assign(changes=CHANGES), "n: +1, t: x"),
        (g.If(condition=IS), "tier is gold, silver"),
        (g.If(condition=SET), "a is not set or b is set"),
    ],
)
def test_what_a_step_is_about(step: g.AnyStep, words: str) -> None:
    assert argument(step) == words


@pytest.mark.parametrize("name", SITE.flows)
def test_pictures_of_the_sample_site(name: str) -> None:
    boxes = drawing(SITE, name)
    assert all(len(line) <= WIDTH for line in text_of(boxes))
    page = svg(name, boxes)
    assert overlaps(page) == []
    for step in walk(SITE.flows[name].steps):
        if isinstance(step, g.Goto):
            assert f"-> {step.flow}" in "\n".join(text_of(boxes))


def test_text_in_a_picture_only_shows() -> None:
    evil = '<script>alert("&")</script>'
    boxes = drawing(flows_of(g.Play(prompts=(evil,)), g.Goto(flow=evil)), "x")
    root = ElementTree.fromstring(svg(evil, boxes))
    assert not [element for element in root.iter() if "script" in element.tag]
    assert evil in {element.text for element in root.iter(f"{SVG}title")}
    assert '\\"&\\"' in flow_dot("x", boxes)


steps = st.deferred(lambda: st.one_of(leaves, branching))
leaves = st.sampled_from(
    [g.Play(prompts=("a-prompt",)), g.HangupStep(), g.Goto(flow="another"), g.VoicemailStep(mailbox="m" * 60)]
)
bodies = st.lists(steps, max_size=3).map(tuple)
branching = st.builds(
    lambda first, second, third: g.Menu(
        prompts=("menu",),
        options=(g.Option(key="1", body=first), g.Option(key="2", body=second)),
        on_timeout=third,
    ),
    bodies,
    bodies,
    bodies,
) | st.builds(lambda first, second: g.QueueStep(queue="q", on_timeout=first, on_full=second), bodies, bodies)


@given(st.lists(steps, min_size=1, max_size=4).map(tuple))
def test_no_box_covers_another(found: tuple[g.AnyStep, ...]) -> None:
    boxes = drawing(flows_of(*found), "x")
    assert overlaps(svg("x", boxes)) == []
    assert all(len(line) <= WIDTH for line in text_of(boxes))


# -- the map ---------------------------------------------------------------------------------------


def test_the_map_of_the_sample_site() -> None:
    found = site_map(SITE)
    for number in SITE.numbers.values():
        assert (number.number, number.flow) in found.edges
    assert overlaps(map_svg("site", found)) == []
    text = "\n".join("".join(part for part, _ in line) for line in map_lines(found))
    assert all(stop.name in text for stop in found.stops)
    dot = map_dot(found)
    assert all(f'"{source}" -> "{target}"' in dot for source, target in found.edges)


def test_flows_without_a_number_are_seen() -> None:
    site = g.Site(
        flows={name: g.Flow(name=name, steps=(g.HangupStep(),)) for name in ("a", "lost", "caught")},
        numbers={"+491": g.Number(number="+491", flow="a")},
        defaults=g.Defaults(catch="caught"),
    )
    found = site_map(site)
    assert {stop.name for stop in found.stops if not stop.reached} == {"lost"}
    lines = ["".join(part for part, _ in line) for line in map_lines(found)]
    assert lines == ["+491", "└─ a", "catch", "└─ caught", "lost  no number leads here"]


names = st.integers(0, 9).map(lambda number: f"flow-{number}")


@given(st.lists(st.tuples(names, names), max_size=25))
def test_any_map_is_layered_and_nothing_covers(edges: list[tuple[str, str]]) -> None:
    found = Map(tuple(Stop(f"flow-{number}", "flow") for number in range(10)), tuple(edges))
    layout = layers_of(found)
    layer = {name: at for at, names in enumerate(layout.layers) for name in names}
    for path, _ in layout.paths:
        assert [layer[name] for name in path] == list(range(layer[path[0]], layer[path[0]] + len(path)))
    drawn = {(path[-1], path[0]) if against else (path[0], path[-1]) for path, against in layout.paths}
    assert drawn == {edge for edge in edges if edge[0] != edge[1]}
    assert overlaps(map_svg("site", found)) == []


def test_a_chain_of_a_thousand_flows_is_drawn() -> None:
    many = [f"f{number}" for number in range(1000)]
    found = Map(tuple(Stop(name, "flow") for name in many), tuple(itertools.pairwise(many)))
    assert (
        sum(1 for _ in map_lines(Map((Stop("+1", "number"), *found.stops), (("+1", "f0"), *found.edges))))
        == 1001
    )
    assert "f999" in map_svg("site", found)


# -- the command -----------------------------------------------------------------------------------


def ccctl(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["graph", *(str(word) for word in words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site without secrets.yaml: a drawing needs none."""
    (tmp_path / "acme.yaml").write_bytes(BASE)
    return tmp_path


@pytest.mark.parametrize("words", [("main",), ("--all",)])
def test_every_format(folder: Path, words: tuple[str, ...]) -> None:
    assert "front-desk" in ccctl(*words, folder).stdout
    assert "front-desk" in json.dumps(json.loads(ccctl(*words, folder, "--format", "json").stdout))
    assert ccctl(*words, folder, "--format", "dot").stdout.startswith("digraph")
    done = ccctl(*words, folder, "--format", "svg", "--out", folder / "x.svg")
    assert (done.exit_code, done.stdout) == (0, "")
    assert ElementTree.parse(folder / "x.svg").getroot().tag == f"{SVG}svg"


def test_without_a_terminal_no_colours(folder: Path) -> None:
    assert "\x1b" not in ccctl("main", folder).stdout
    coloured = CliRunner().invoke(main, ["graph", "main", str(folder)], color=True).stdout
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == ccctl("main", folder).stdout != coloured


def test_a_flow_that_is_not_there(folder: Path) -> None:
    done = ccctl("mian", folder)
    assert (done.exit_code, done.stderr) == (4, 'ccctl: there is no flow "mian"; did you mean "main"?\n')


def test_without_a_flow_it_says_which_there_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = ccctl(folder)
    assert done.exit_code == 2
    assert f"which flow of {folder}? There are front-desk, main; write for example:" in done.stderr
    assert f"ccctl graph main {folder}, or for the map: ccctl graph --all {folder}" in done.stderr
    turned = ccctl(folder, "main")
    assert (turned.exit_code, f"ccctl graph main {folder}" in turned.stderr) == (2, True)
    monkeypatch.chdir(folder)
    assert "There are front-desk, main" in ccctl().stderr
    (folder / "main").mkdir()
    assert "front-desk" in ccctl("main").stdout, "a folder that is called like a flow"
    monkeypatch.chdir(folder / "main")
    assert "give the folder of the site: ccctl graph FLOW SITE" in ccctl("main").stderr


def test_wrong_usage(folder: Path) -> None:
    assert ccctl().exit_code == 2
    assert ccctl("main", folder / "nowhere").exit_code == 2
    assert ccctl("--all", "main", folder).exit_code == 2
    (folder / "acme.yaml").write_text("a: [\n")
    assert "ccctl check" in ccctl("main", folder).stderr


def test_a_mistake_elsewhere_does_no_harm(folder: Path) -> None:
    (folder / "more.yaml").write_text("flows: {bad: [{plai: x}, hangup]}\n")
    assert ccctl("main", folder).stderr == ""
    bad = ccctl("bad", folder)
    assert "has mistakes" in bad.stderr
    assert "hangup" in bad.stdout
