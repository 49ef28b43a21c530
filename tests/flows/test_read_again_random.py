"""A site that is read again after slips of any kind: all is as in a first reading."""

import datetime
import hashlib
from functools import cache

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccctl.diagnostics import Severity
from ccctl.flow.checks import ordered, read_and_check
from ccctl.flow.compile import Memory, Plan, Read, compile_all, compile_site, generation_id
from ccctl.flow.schema import Document, Draft
from ccctl.flow.schema_types import Folder
from ccctl.flow.source import parse
from ccctl.flow.values import Wrong
from ccctl.lab.largesite import large_site
from tests.support.mutants import FILES, SECRETS, compose, example, mutants, write
from tests.support.site_cases import BASE, FLOWS
from tests.support.site_cases import SECRETS as MORE

PARTS = 3  # files that the flows of a site are spread over
KNOWN = SECRETS | MORE | {"pin": "482915", "phone": "a-phone-5Kq8"}


def good_cases() -> list[str]:
    cases = [
        case
        for path in sorted((FLOWS / "cases").glob("*.yaml"))
        for case in yaml.safe_load(path.read_text())["good"]
    ]
    return [case["site"] for case in cases if not case.get("alone") and not case.get("files")]


def merged(*texts: str) -> str:
    """Several files as one, section by section."""
    sections: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for text in texts:
        root = compose(text)
        for key, value in root.value:
            if key.value in sections and isinstance(value, yaml.MappingNode):
                sections[key.value][1].value += value.value
            elif key.value != "include":
                sections[key.value] = (key, value)
    return write(yaml.MappingNode("tag:yaml.org,2002:map", list(sections.values())))


def split(text: str) -> dict[str, str]:
    """One file as several: flows apart from the rest, and from one another."""
    root = compose(text)
    if not isinstance(root, yaml.MappingNode):
        return {"rest.yaml": text}
    flows = [pair for pair in root.value if pair[0].value == "flows"]
    if len(flows) != 1 or not isinstance(flows[0][1], yaml.MappingNode):
        return {"rest.yaml": text}
    key, every = flows[0]
    root.value.remove(flows[0])
    files = {"rest.yaml": write(root)} if root.value else {}
    for at in range(PARTS):
        some = yaml.MappingNode(every.tag, every.value[at::PARTS])
        files[f"flows-{at}.yaml"] = write(yaml.MappingNode(root.tag, [(key, some)]))
    return files


def look(text: str, kept: dict[str, bytes]) -> tuple[Draft, list[object], Plan | None]:
    parsed = {name: (data, parse(data.encode(), name)) for name, data in split(text).items()}
    documents = [
        Document(name, each.root, hashlib.sha256(f"{name} {data}".encode()).hexdigest())
        for name, (data, each) in parsed.items()
        if each.root is not None
    ]
    folder = Folder(
        secret=lambda name: KNOWN.get(name, f"{name}-kR7w"),
        read=lambda path: FILES[path].encode() if path in FILES else Wrong("not found", ""),
        today=datetime.date(2026, 7, 1),
        recall=kept.get,
        keep=kept.__setitem__,
    )
    draft, more = read_and_check(documents, folder, parsed=len(documents) == len(parsed))
    found = [*(finding for _, each in parsed.values() for finding in each.findings), *more]
    wrong = any(each.severity is Severity.ERROR for each in found)
    files = {flow.span.file: part.key for part in draft.parts for flow in part.flows.values()}
    memory = Memory(kept.get, kept.__setitem__)
    known = Read(draft.called, draft.kinds, draft.music, files)
    plan = None if wrong else compile_all(draft.site, memory, known)
    return draft, list(ordered(found)), plan


@cache
def texts() -> list[str]:
    base = BASE.decode()
    large = {path: text for path, text in large_site(6).items() if path != "secrets.yaml"}
    return [base, example(), merged(*large.values()), *(merged(base, text) for text in good_cases())]


KEPT: dict[str, bytes] = {}  # over all examples, as on a disk


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(texts()).flatmap(lambda text: st.tuples(st.just(text), mutants(text))))
def test_what_was_kept_never_shows(pair: tuple[str, str]) -> None:
    for text in pair:
        warm = look(text, KEPT)
        assert warm == look(text, {})
        if warm[2] is not None:
            site = warm[0].site
            assert warm[2] == compile_site(site, generation_id(site))


def test_most_of_it_is_kept() -> None:
    """Else the test above would say nothing."""
    kept: dict[str, bytes] = {}
    root = compose(example())
    draft, _, plan = look(write(root), kept)
    assert plan is not None
    assert [bool(part.key) for part in draft.parts].count(False) == 1  # the flow with a secret's PINs
    before = len(kept)
    flows = next(value for key, value in root.value if key.value == "flows").value
    names = [name.value for name, _ in flows]
    desk = flows[names.index("night-desk")][1]  # in a file without secrets
    assert draft.parts[names.index("night-desk") % PARTS].key
    desk.value.insert(0, desk.value[0])
    look(write(root), kept)
    assert len(kept) == before + 3  # flows of one file, what was found in them, what became of them
