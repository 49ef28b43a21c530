"""The way of one callback, found again: asked for, held back and why, each try, its end."""

from collections.abc import Iterator

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import CallbackOutcome, CallbackRow
from ccctl.whatif.why import Decision, Watch, words
from ccctl.world import Out, World
from ccctl.world.explain import Clock, held_back, place_of
from ccctl.world.state import Callback

_Known = tuple[int, int, str, int]  # due, tries, its channel while it is in the line, when that was dialled


class CallbackWatch(Watch):
    """Decisions about whoever is called back are those about his channel; there is one for each time that he
    comes into the line."""

    def __init__(self, clock: Clock, ident: str) -> None:
        super().__init__(clock)
        self._ident = ident

    def step(self, world: World, event: e.Event) -> Out:
        before, begun = self._known(world), len(self.decisions)
        out = super().step(world, event)
        told = list(self._told(world, event, before, out))
        self.decisions[begun:begun] = [
            Decision(event.at, "callback", words(event), queue=row.queue, state=text) for row, text in told
        ]
        return out

    def _about(self, world: World) -> str:
        self._call = self._channel(world)
        return self._call

    def now(self, world: World, at: int) -> Decision | None:
        callback = world.callbacks.get(self._ident)
        if callback is None:
            return None
        row, self._call = callback.row, self._channel(world)
        if callback.dialled and self._call:
            text = f"the phone of {row.number} rings since {self._clock(callback.dialled)}"
            return Decision(at, "callback", "", queue=row.queue, state=text)
        if self._call:
            return super().now(world, at)
        return Decision(
            at, "callback", "", queue=row.queue, state=held_back(world, callback, at, self._clock)
        )

    def _offered(self, world: World, event: e.Event, offer: c.Offer) -> None:
        self._call = self._channel(world)
        super()._offered(world, event, offer)

    def _channel(self, world: World) -> str:
        callback = world.callbacks.get(self._ident)
        return callback.call if callback is not None and callback.call in world.visits else ""

    def _known(self, world: World) -> _Known | None:
        callback = world.callbacks.get(self._ident)
        if callback is None:
            return None
        return callback.row.due, callback.row.tries, self._channel(world), callback.dialled

    def _told(
        self, world: World, event: e.Event, before: _Known | None, out: Out
    ) -> Iterator[tuple[CallbackRow, str]]:
        rows = [row for row in out.changes if isinstance(row, CallbackRow)]
        callback = world.callbacks.get(self._ident)
        for row in rows:
            if row.into == self._ident:
                yield row, f"asked for again by {row.source}: {row.id} is merged into this one"
        own = next((row for row in reversed(rows) if row.id == self._ident), None)
        if before is None and own is not None:
            yield own, self._began(own, callback)
        if own is not None and own.tries > (before[1] if before else 0):
            yield own, f"try {own.tries}" + ("" if own.outcome is CallbackOutcome.ANSWERED else " failed")
        if own is not None and own.outcome is not None:
            yield own, _over(own)
        elif callback is not None:
            yield from self._went_on(world, callback, before, event.at)

    def _began(self, row: CallbackRow, callback: Callback | None) -> str:
        place = f", in the place of {self._clock(callback.turn)}" if callback is not None else ""
        return f"{row.number} is to be called back by {row.queue}, asked for by {row.source}{place}"

    def _went_on(
        self, world: World, callback: Callback, before: _Known | None, at: int
    ) -> Iterator[tuple[CallbackRow, str]]:
        due, _, call, dialled = before or (0, 0, "", 0)
        channel = self._channel(world)
        if not channel and (call or callback.row.due != due):
            yield callback.row, held_back(world, callback, at, self._clock)
        elif channel and channel != call:
            yield callback.row, f"in the line of {callback.row.queue}, {place_of(world, channel)}"
        if callback.dialled and not dialled and channel:
            visit = world.visits[channel]
            agent = visit.reserved or next((world.legs[leg].agent for leg in visit.legs), "")
            heard = "is kept free for him" if visit.reserved else "hears it"
            yield callback.row, f"the phone of {callback.row.number} is rung; {agent} {heard}"


def _over(row: CallbackRow) -> str:
    if row.outcome is CallbackOutcome.MERGED:
        return f"merged into {row.into}: the number waits for {row.queue} already"
    agent = f" by {row.agent}" if row.agent else ""
    return f"over: {row.outcome}{agent}" + (f", {row.detail}" if row.detail else "")
