"""Statuses of replies, names of hosts, JSON inside a page: the pure parts of the web."""

import json

import pytest

from ccctl.commands import Reply
from ccctl.web.answers import Problem, object_or_404, objects, replied
from ccctl.web.guard import is_address
from ccctl.web.wallboard import embedded

SNAPSHOT = {
    "system": {"n": 0},
    "queue/a": {"n": 1},
    "queue/b": {"n": 2},
    "queuex": {"n": 3},
    "agent/a": {"n": 4},
}


def test_reply_without_error_is_200() -> None:
    response = replied(Reply(request="r1", text="anna is ready"))
    assert response.status == 200
    assert json.loads(response.body) == {"request": "r1", "text": "anna is ready"}  # type: ignore[arg-type] # bytes here


@pytest.mark.parametrize(
    ("error", "status"),
    [("unknown-queue", 404), ("forbidden", 403), ("no-answer", 503), ("never-heard-of", 409)],
)
def test_reply_with_error_is_a_problem(error: str, status: int) -> None:
    with pytest.raises(Problem) as caught:
        replied(Reply(request="r1", error=error, text="no"))
    assert (caught.value.status, caught.value.error, caught.value.text) == (status, error, "no")


def test_objects_of_one_noun_only() -> None:
    assert [one["n"] for one in objects(SNAPSHOT, "queue")] == [1, 2]
    assert object_or_404(SNAPSHOT, "agent", "a") == {"n": 4}
    with pytest.raises(Problem, match="there is no agent 'b'"):
        object_or_404(SNAPSHOT, "agent", "b")
    with pytest.raises(Problem) as caught:
        object_or_404({"queue/sales": {"name": "sales"}}, "queue", "saels")
    assert caught.value.hint == "did you mean 'sales'?"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_only_real_addresses_are_addresses(name: str, expected: bool) -> None:
    assert is_address(name) is expected


@pytest.mark.parametrize("text", ["</script>", "<!--", "a & b", "\u2028", 'quote " and \\'])
def test_json_in_a_page_closes_nothing_and_stays_the_same(text: str) -> None:
    inside = embedded({"text": text})
    assert not set("<>&") & set(inside)
    assert json.loads(inside) == {"text": text}
