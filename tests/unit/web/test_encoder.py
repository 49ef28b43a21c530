"""A change becomes text once, whoever reads it, and never another change's text."""

import json

from ccctl.runtime.live import Delta
from ccctl.web.live import Encoder


def change(seq: int, n: int = 0) -> Delta:
    return Delta(seq, {"agent/a": {"n": n}}, ["call/x"])


def test_one_change_is_encoded_once() -> None:
    encoder, delta = Encoder(), change(7)
    first = encoder.text(delta)
    assert encoder.text(delta) is first
    assert {"seq": 7, "set": {"agent/a": {"n": 0}}, "gone": ["call/x"]}.items() <= json.loads(first).items()


def test_another_change_of_the_same_number_is_not_mixed_up() -> None:
    encoder = Encoder()
    encoder.text(change(7, 1))
    assert json.loads(encoder.text(change(7, 2)))["set"] == {"agent/a": {"n": 2}}


def test_old_texts_are_forgotten_and_made_again() -> None:
    encoder, deltas = Encoder(kept=2), [change(n) for n in range(5)]
    for delta in deltas:
        encoder.text(delta)
    assert json.loads(encoder.text(deltas[0]))["seq"] == 0
    assert len(encoder._texts) == 2
