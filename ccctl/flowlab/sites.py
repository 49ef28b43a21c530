"""The site of a test lab and the changed ones that tests apply: one of them is in force at a time."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from ccctl.flow.compile import Plan, compile_all
from ccctl.flow.graph import Site
from ccctl.flowlab.exchange import Chord, write_chords
from ccctl.flowtest.simulate import with_old
from ccctl.runtime.apply import apply
from ccctl.runtime.settings import Settings

ITSELF = ""  # in place of the file of a change
WriteSound = Callable[[Path, Chord], None]


class Sites(msgspec.Struct, frozen=True):
    """`known` and `plans` are by the file of the change; `write` makes the stand-in of a prompt."""

    settings: Settings
    known: Mapping[str, Site]
    plans: Mapping[str, Plan]
    chords: dict[str, Chord]
    write: WriteSound

    @property
    def site(self) -> Site:
        return self.known[ITSELF]

    def after(self, change: str) -> Site:
        """Whom the daemon knows when the change is in force."""
        return with_old(self.known[change], self.site)

    def generations(self, change: str) -> dict[str, str]:
        return {"old": self.plans[ITSELF].generation, "new": self.plans[change].generation}

    def write_prompts(self, change: str = ITSELF) -> None:
        """Stand-ins of all prompts; for a change of those that the site itself does not have."""
        write = self.write if change == ITSELF else self._write_missing
        write_chords(self.known[change], self.chords, self.settings.node, write)

    def _write_missing(self, path: Path, chord: Chord) -> None:
        if not path.exists():
            self.write(path, chord)

    async def put(self, change: str = ITSELF) -> None:
        """In force, by the same apply that a call centre gets. It keeps the flows that calls are in."""
        await apply(self.settings, self.known[change], self.plans[change], lambda text: None)


def sites_of(
    settings: Settings,
    known: Mapping[str, Site],
    prepare: Callable[[Plan], Plan],
    chords: dict[str, Chord],
    write: WriteSound,
) -> Sites:
    """`prepare` makes of each plan what the lab can play."""
    plans = {change: prepare(compile_all(site)) for change, site in known.items()}
    return Sites(settings, known, plans, chords, write)
