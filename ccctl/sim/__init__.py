"""A simulator of the dialplan that we generate: Asterisk 22 without Asterisk, on a virtual clock. Pure.

    program = Program([*plan.contexts, *plan.entry])    # once; shared by all calls
    machine = Machine(program, Outside(...), Call("cc-in", "+49301234500", at_ms))
    while not isinstance(moment := machine.step(), Ended):
        if isinstance(moment, Waiting) and moment.keys:
            machine.press("1")

`step` gives the next Moment: an Executed for every priority (the stream that AMI's Newexten gives on the
real Asterisk), a Waiting whenever the call stands still, and at last Ended. While it waits the driver can
`press`, `hang_up`, `release` (who holds the caller in Stasis, a talk or a conference gives him back), or
just `step` on: then the clock jumps to what happens next. `step(limit_ms)` lets it come to a Waiting again
when the clock has reached `limit_ms`. `run`, `run_to_end` and `value` are conveniences.

Everything around the call is in Outside: AstDB, HTTP, phones, agents, queues, sounds, chance. Times are
Unix milliseconds. `machine.coverage` says which steps and branches were taken; add them up over calls.
What the simulator does not know raises SimError and names the place.
"""

from ccctl.sim.coverage import Coverage
from ccctl.sim.machine import Machine
from ccctl.sim.outside import Agents, Box, Call, HttpReply, HttpRequest, Native, Outside, Phone
from ccctl.sim.program import Program
from ccctl.sim.records import Ended, Executed, Moment, SimError, Waiting

__all__ = [
    "Agents",
    "Box",
    "Call",
    "Coverage",
    "Ended",
    "Executed",
    "HttpReply",
    "HttpRequest",
    "Machine",
    "Moment",
    "Native",
    "Outside",
    "Phone",
    "Program",
    "SimError",
    "Waiting",
]
