"""Results of flow tests in words: the conversation of a failed one against what was expected, and JUnit."""

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from ccctl.diagnostics import Span
from ccctl.flowtest.cases import say
from ccctl.flowtest.drive import Failure, Result, told
from ccctl.flowtest.story import Seen, place_of
from ccctl.sim import Executed

SILENT = frozenset({"sets", "language"})  # seen, but nothing that the caller notices


def where(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}"


def conversation(result: Result) -> Iterator[str]:
    """The call line by line. `-` was expected and never came, `+` came after the last step that was met."""
    met = result.done[-1][0] if result.done else -1
    failed = next((failure for failure in result.failures if failure.step >= 0), None)
    steps = list(result.done)
    for index, seen in told(result.events):
        while steps and steps[0][0] < index:
            yield _did(steps.pop(0)[1])
        if seen.kind not in SILENT:
            yield _line("+" if failed and index > met else " ", seen)
    for _, words in steps:
        yield _did(words)
    if failed:
        yield f"  -          {say(result.case.steps[failed.step])}   <- {where(failed.span)}"
        yield from (f"  -          {say(step)}" for step in result.case.steps[failed.step + 1 :])
    last = [event for event in result.events if isinstance(event, Executed)]
    if last:
        yield f"  last dialplan step: {shown_step(last[-1])}"


def shown_step(step: Executed) -> str:
    """Place, application and data; headers of HTTP requests may be secrets."""
    data = "CURLOPT(httpheader)=..." if step.data.startswith("CURLOPT(httpheader)=") else step.data
    return f"{place_of(step)} {step.app}({data})"


def _did(words: str) -> str:
    return f"             = {words}"


def _line(mark: str, seen: Seen) -> str:
    text = f"  {mark} {seen.at_ms / 1000:7.1f}s {seen}"
    return f"{text:<60} {seen.place}".rstrip()


def failure_text(failure: Failure) -> str:
    return f"{where(failure.span)}: {failure.text}"


def explain(result: Result) -> str:
    """Everything about a failed case."""
    head = [f"FAIL  {result.case.name}", *(f"  {failure_text(failure)}" for failure in result.failures)]
    return "\n".join([*head, *conversation(result)])


def summary(results: Iterable[Result], seconds: float) -> str:
    every = list(results)
    failed = sum(bool(result.failures) for result in every)
    return f"{len(every) - failed} passed, {failed} failed in {seconds:.1f} s"


def junit(suites: Iterable[tuple[str, list[Result]]]) -> str:
    """One testsuite for each place that the tests ran on."""
    root = ElementTree.Element("testsuites")
    for place, results in suites:
        failed = sum(bool(result.failures) for result in results)
        suite = ElementTree.SubElement(
            root, "testsuite", name=f"flows on {place}", tests=str(len(results)), failures=str(failed)
        )
        for result in results:
            _case(suite, place, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, place: str, result: Result) -> None:
    seconds = result.events[-1].at_ms / 1000 if result.events else 0
    span = result.case.span
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"{place}.{span.file}",
        name=result.case.name,
        file=span.file,
        line=str(span.line),
        time=f"{seconds:.3f}",
    )
    if result.failures:
        text = _printable(explain(result))
        ElementTree.SubElement(case, "failure", message=_printable(result.failures[0].text)).text = text


def _printable(text: str) -> str:
    """XML has no control characters; callers' names may."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
