"""A simulated day with its whole ledger, as the store would have it."""

from typing import Any

import pytest

from ccctl.changes import Change
from ccctl.whatif import day
from ccctl.whatif.plan import Caller, Plan


def ledger_of(plan: Plan, coming: list[Caller], patch: pytest.MonkeyPatch) -> list[Change]:
    """Plays; of rows with one id the last."""
    rows: dict[str, Change] = {}
    real = day.step

    def step(*arguments: Any) -> Any:
        out = real(*arguments)
        rows.update((f"{type(row).__name__} {row.id}", row) for row in out.changes)
        return out

    with patch.context() as for_now:
        for_now.setattr(day, "step", step)
        day.play(plan, coming)
    return list(rows.values())
