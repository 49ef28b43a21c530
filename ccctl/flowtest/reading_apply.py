"""What a test puts in force while it is played: which change, at which moment, and which names it brings."""

import functools
from collections.abc import Callable

from ccctl.diagnostics import Diagnostic, Severity, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_tests as faults
from ccctl.flow.compile import generation_id
from ccctl.flow.graph import Site
from ccctl.flow.schema_types import Kind, Reader
from ccctl.flow.source import Mapping, Node, Scalar
from ccctl.flow.values import Wrong
from ccctl.flowtest.cases import Want
from ccctl.flowtest.reading_steps import ALIASES, PATTERNS, read_pattern

PLACE = "tests/changes/new-menu.yaml"
FORM = f"write the path of a YAML file from the site's folder, for example {PLACE}"
Loaded = tuple[Site | None, list[Diagnostic]]  # as a site is loaded: None when there are errors
Load = Callable[[str], Loaded | Wrong]


def no_changes(path: str) -> Wrong:
    return Wrong("not found", FORM)


class Changes:
    """The changed sites that tests apply, by the file of the change; each is loaded once."""

    def __init__(self, site: Site, load: Load) -> None:
        self.site = site
        self.load = functools.cache(load)
        self.used: dict[str, Site] = {}
        self.generation = functools.cache(self._generation)

    def _generation(self, change: str = "") -> str:
        return generation_id(self.used[change] if change else self.site)

    def of(self, reader: Reader, test: Mapping) -> Site | None:
        """The site that a test puts in force, if it does; what is wrong with it is reported."""
        node = _inside(test, "given", "apply")
        if not isinstance(node, Scalar) or not node.text.strip():
            return None  # reading the value tells
        loaded = self.load(node.text)
        if isinstance(loaded, Wrong):
            text = f"change {node.text} {loaded.text}"
            reader.report(faults.bad_change(node.span, text, loaded.hint or FORM))
            return None
        site, found = loaded
        if site is None:
            _report_errors(reader, node, found)
            return None
        self.used[node.text] = site
        asked = _inside(test, "expect", "generation") is not None
        if asked and self.generation(node.text) == self.generation():
            text = f"{node.text} changes nothing in the dialplan, so old and new cannot be told apart"
            reader.report(faults.bad_change(node.span, text, "change a flow, or something that flows use"))
        return site

    def texts(self, test: Mapping, changed: Site | None) -> dict[str, Span]:
        """The words of the site that the call begins on: by them a test may name a prompt."""
        if changed is None or _inside(test, "given", "during") is not None:
            return self.old_texts
        return _texts(changed)

    @functools.cached_property
    def old_texts(self) -> dict[str, Span]:
        return _texts(self.site)


def _texts(site: Site) -> dict[str, Span]:
    return {
        f"{prompt.name}\n{text}": prompt.span
        for prompt in site.prompts.values()
        for text in prompt.texts.values()
    }


def _report_errors(reader: Reader, node: Scalar, found: list[Diagnostic]) -> None:
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    reader.findings += errors
    text = f"with {node.text} the site has {len(errors)} error{'s' if len(errors) > 1 else ''}"
    reader.report(faults.bad_change(node.span, text, "mend what is told of it"))


def _inside(test: Mapping, section: str, key: str) -> Node | None:
    part = test.get(section)
    return part.get(key) if isinstance(part, Mapping) else None


def check_change(reader: Reader, test: Mapping) -> None:
    """What makes sense only beside `apply`."""
    during, asked = _inside(test, "given", "during"), _inside(test, "expect", "generation")
    if _inside(test, "given", "apply") is not None:
        return
    if during is not None:
        reader.report(findings.missing(during.span, "apply", "given", f"apply: {PLACE}"))
    if asked is not None:
        text = "without given: {apply: ...} there is one generation only"
        reader.report(faults.bad_value(asked.span, text, f"write given: {{apply: {PLACE}}} or take it out"))


# -- the moment ------------------------------------------------------------------------------------


def _during(reader: Reader, node: Node) -> Want | None:
    """A prompt or a flow by its name; or one thing that is seen, as in a step."""
    if isinstance(node, Scalar) and node.text.strip():
        return _named(reader, node)
    entry = node.entries[0] if isinstance(node, Mapping) and len(node.entries) == 1 else None
    if entry is None or ALIASES.get(entry[0].text, entry[0].text) not in PATTERNS:
        text, hint = "the moment is one thing that is seen", "write during: main-menu or {enters: support}"
        reader.report(faults.bad_value(node.span, text, hint))
        return None
    return read_pattern(reader, *entry)


def _named(reader: Reader, word: Scalar) -> Want | None:
    prompts, flows = reader.names["prompts"], reader.names["flows"]
    name = word.text
    if name in prompts and name in flows:
        hint = f"write {{hears: {name}}} or {{goes: {name}}}"
        reader.report(faults.bad_value(word.span, f'"{name}" is a prompt and a flow', hint))
    elif name not in prompts and name not in flows:
        known = sorted({*prompts, *flows})
        reader.report(faults.unknown_name(word.span, "prompt or flow", name, known))
    else:
        return Want("hears" if name in prompts else "goes", (name,))
    return None


DURING = Kind("a moment of the call", _during)
