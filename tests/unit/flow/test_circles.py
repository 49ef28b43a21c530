"""Circles in a graph: the shortest through a name, each name in one of them, none is missed."""

from hypothesis import given
from hypothesis import strategies as st

from ccctl.flow.circles import circles

NAMES = "abcdefg"


def test_no_circle_in_a_tree() -> None:
    assert list(circles({"a": ["b", "c"], "b": ["c"], "c": ["nowhere"]})) == []


def test_the_shortest_circle_is_told() -> None:
    assert list(circles({"a": ["b"], "b": ["c", "a"], "c": ["a"]})) == [["a", "b"]]
    assert list(circles({"x": ["y"], "y": ["y", "x"]})) == [["x", "y"]]
    assert list(circles({"a": ["a"]})) == [["a"]]


def test_ways_between_circles_are_none() -> None:
    edges = {"a": ["b"], "b": ["a", "m"], "m": ["c"], "c": ["d"], "d": ["c"]}
    assert list(circles(edges)) == [["a", "b"], ["c", "d"]]


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4)))
def test_every_way_back_is_found(edges: dict[str, list[str]]) -> None:
    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(edges.get(start, ()))
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += edges.get(name, ())
        return seen

    found = list(circles(edges))
    for circle in found:
        for here, there in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert there in edges[here]
    on_circles = {name for name in edges if name in reached(name)}
    assert {name for circle in found for name in circle} <= on_circles
    for name in on_circles:
        assert any(name in circle or reached(name) & set(circle) for circle in found)
