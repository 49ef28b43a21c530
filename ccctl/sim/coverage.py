"""Which steps and branches calls took; to be added up over the calls of a test run."""

import msgspec

Place = tuple[str, str, int]
Branch = tuple[str, str, int, str]


class Coverage(msgspec.Struct):
    """`steps` counts visits. `branches` have an outcome: true, false, or where a computed jump went.

    A key of a menu is the step 1 of its extension, likewise `i` and `t`.
    """

    steps: dict[Place, int] = {}
    branches: dict[Branch, int] = {}

    def visit(self, place: Place) -> None:
        self.steps[place] = self.steps.get(place, 0) + 1

    def branch(self, place: Place, outcome: str) -> None:
        key = (*place, outcome)
        self.branches[key] = self.branches.get(key, 0) + 1

    def add(self, other: "Coverage") -> None:
        for place, count in other.steps.items():
            self.steps[place] = self.steps.get(place, 0) + count
        for branch, count in other.branches.items():
            self.branches[branch] = self.branches.get(branch, 0) + count
