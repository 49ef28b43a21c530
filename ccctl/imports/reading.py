"""What imports share: lines that could not be used, and names of the site for those of the old system."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from ccctl.flow.roster import Roster


class Reject(msgspec.Struct, frozen=True):
    """A line that is not in the ledger, and why."""

    file: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}: {self.text}"


class Names:
    """Gives names of the site; one that the site does not know stays, and is remembered for the summary."""

    def __init__(self, given: Mapping[str, str], known: Mapping[str, str]) -> None:
        self._known = dict(known)
        self._mapped = {**known, **given}
        self.unknown: set[str] = set()

    def __getitem__(self, name: str) -> str:
        found = self._mapped.get(name)
        if found is None:
            short = name.removeprefix("Local/").partition("@")[0]  # Local/1001@from-queue/n
            found = self._mapped[name] = self._known.get(short, name)
            if found == name:
                self.unknown.add(name)
        return found


def queue_names(roster: Roster, given: Mapping[str, str]) -> Names:
    return Names(given, {name: name for name in roster.queues})


def agent_names(roster: Roster, given: Mapping[str, str]) -> Names:
    """An agent is also known by his phone, extension and title, as long as nobody else has the same."""
    agents = roster.agents.values()
    words = [(word, one.name) for one in agents for word in {one.endpoint, one.extension, one.title} - {""}]
    often = Counter(word for word, _ in words)
    return Names(given, {**_once(words, often), **{one.name: one.name for one in agents}})


def _once(words: Iterable[tuple[str, str]], often: Counter[str]) -> dict[str, str]:
    return {word: name for word, name in words if often[word] == 1}
