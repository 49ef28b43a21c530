"""Which function compiles which step."""

from ccctl.flow import (
    compile_answers,
    compile_basic,
    compile_data,
    compile_desk,
    compile_dial,
    compile_logic,
    compile_menu,
    compile_queue,
    compile_say,
)
from ccctl.flow.compile_flow import FlowCompiler, Registry
from ccctl.flow.dialplan import Context
from ccctl.flow.graph import Flow, Goto, HangupStep, Reject, Return, Site

REGISTRY = Registry(
    plain={
        **compile_basic.PLAIN,
        **compile_say.PLAIN,
        **compile_logic.PLAIN,
        **compile_data.PLAIN,
    },
    branching={
        **compile_logic.BRANCHING,
        **compile_menu.BRANCHING,
        **compile_queue.BRANCHING,
        **compile_dial.BRANCHING,
        **compile_desk.BRANCHING,
        **compile_data.BRANCHING,
        **compile_answers.BRANCHING,
    },
    terminal=(Goto, HangupStep, Reject, Return),
)


def compile_flow(site: Site, generation: str, flow: Flow, sub: bool = False) -> list[Context]:
    """The contexts of a flow; `sub`: as a subroutine of subflow steps."""
    return FlowCompiler(site, generation, flow, REGISTRY, sub).compile()
