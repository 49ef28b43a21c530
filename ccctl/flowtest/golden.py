"""Golden paths: the flows that a call went through, written into the test file where `path:` stands."""

import re
from collections.abc import Iterable

import msgspec

from ccctl.diagnostics import Span
from ccctl.flowtest.drive import Result

PATH_FAULT = "path ["


def golden_paths(text: str, file: str, results: Iterable[Result]) -> tuple[str, list[Result]]:
    """The file with the paths that were taken, and all results without the faults that this cures. The rest
    of the text stays as it is. Tests that share one `path:` and go different ways are left alone."""
    every = list(results)
    wanted: dict[Span, set[tuple[str, ...]]] = {}
    for result in every:
        if is_asked(result, file):
            wanted.setdefault(result.case.expect.path_span, set()).add(result.path)
    lines = text.split("\n")
    written = {
        span
        for span, paths in sorted(wanted.items(), reverse=True)  # from the end, so that places stay right
        if len(paths) == 1 and _write(lines, span, next(iter(paths)))
    }
    return "\n".join(lines), [_cured(result) if _is_in(result, written) else result for result in every]


def is_asked(result: Result, file: str) -> bool:
    """A path is written, or to be written, and nothing else is wrong with the test."""
    expect = result.case.expect
    cured = all(failure.text.startswith(PATH_FAULT) for failure in result.failures)
    return expect.path_span.file == file and cured and expect.path != result.path


def _is_in(result: Result, written: set[Span]) -> bool:
    return result.case.expect.path_span in written


def _write(lines: list[str], span: Span, path: tuple[str, ...]) -> bool:
    """False when the old value is not on one line."""
    line = lines[span.line - 1]
    before, old = line[: span.column - 1], line[span.column - 1 :]
    found = re.match(r"\[[^\[\]]*\]|[\w-]+", old)
    if not found:
        return False
    lines[span.line - 1] = f"{before}[{', '.join(path)}]{old[found.end() :]}"
    return True


def _cured(result: Result) -> Result:
    left = tuple(failure for failure in result.failures if not failure.text.startswith(PATH_FAULT))
    return msgspec.structs.replace(result, failures=left)
