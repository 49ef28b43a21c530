"""The cases in the simulator, and how two runs of one case are compared and kept."""

from ccctl.sim import Agents, Box, Call, Ended, Executed, Machine, Native, Outside, Program, Waiting
from tests.support.newexten import Seen
from tests.support.sim_cases import CASES, Case

SOUNDS = {"beep": 300, "demo-echotest": 20_000, "vm-goodbye": 900}
HUMAN_MS = 250  # from the start of an application to the first key
GAP_MS = 300
PAUSE, PAUSE_MS = "~", 1000  # a pause between keys


def sound(name: str, language: str) -> int | None:
    return SOUNDS.get(name)


def simulated(program: Program, case: Case) -> list[Seen]:
    outside = Outside(
        sound=sound,
        phones=case.phones,
        agents=lambda arguments: Agents(does="failed"),
        queues={"": Native(status="UNKNOWN")},
        boxes={"": Box(exists=False), "1@simbox": Box(operator=False), "2@simbox": Box()},
    )
    name, _, number = case.caller.rpartition(" <")
    text = name.strip('"').replace('\\"', '"')
    call = Call(
        case.context, "s", 1_795_424_400_000, number.rstrip(">"), text, case.variables, channel="Local/s@x;2"
    )
    machine = Machine(program, outside, call)
    started: dict[str, int] = {}
    while not isinstance(moment := machine.step(), Ended):
        if isinstance(moment, Executed):
            started[moment.app] = started.get(moment.app, 0) + 1
            for app, count, keys in case.presses:
                if app == moment.app and count == started[app]:
                    press(machine, keys)
        elif isinstance(moment, Waiting) and moment.until_ms is None:
            machine.hang_up()
    return steps_of(machine)


def steps_of(machine: Machine) -> list[Seen]:
    """Those of the caller, not of whom he dialled."""
    own = [step for step in machine.executed_steps if not step.channel]
    return [(step.context, step.exten, step.priority, step.app, step.data) for step in own]


def press(machine: Machine, keys: str) -> None:
    at_ms = machine.now_ms + HUMAN_MS
    for key in keys:
        if key == PAUSE:
            at_ms += PAUSE_MS
        else:
            machine.press(key, at_ms=at_ms)
            at_ms += GAP_MS


def whole_program() -> Program:
    return Program([context for case in CASES for context in case.contexts])


def written(runs: dict[str, list[Seen]]) -> str:
    """One line a step; long data is cut."""
    lines = (
        f"{name}\t{exten},{priority}\t{app}\t{data[:500]}"
        for name, steps in runs.items()
        for _, exten, priority, app, data in steps
    )
    return "\n".join(lines) + "\n"


def difference(case: Case, real: list[Seen], sim: list[Seen]) -> str:
    """The steps that differ, and where the ways part; "" if none do."""
    if real == sim:
        return ""
    same_way = [step[:4] for step in real] == [step[:4] for step in sim]
    if same_way:
        pairs = [
            f"  {a[1]},{a[2]} ({len(a[4])}, {len(b[4])} characters)\n    real {a[4]!r}\n    sim  {b[4]!r}"
            for a, b in zip(real, sim, strict=True)
            if a != b
        ]
        return "\n".join([f"{case.name}:", *pairs])
    at = next(
        (index for index, pair in enumerate(zip(real, sim, strict=False)) if pair[0] != pair[1]),
        min(len(real), len(sim)),
    )
    after, parted = real[max(0, at - 1) : at], slice(at, at + 3)
    return f"{case.name}: after {after}\n  real {real[parted]}\n  sim  {sim[parted]}"
