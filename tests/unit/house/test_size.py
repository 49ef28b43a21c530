"""Size budgets of the code: small functions, small modules, few parameters."""

import ast
import functools
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

import ccctl

ROOT = Path(ccctl.__file__).parent
MODULE_LINES = 500
FUNCTION_LINES = 60
FUNCTION_P90 = 30
FUNCTION_MEDIAN = 8
PARAMETERS = 6
Function = ast.FunctionDef | ast.AsyncFunctionDef
BANNED_NAMES = ("Manager", "Handler", "Helper", "Service", "Util", "Utils")


@functools.cache
def modules() -> tuple[tuple[Path, str, ast.Module], ...]:
    sources = ((path, path.read_text()) for path in sorted(ROOT.rglob("*.py")))
    return tuple((path.relative_to(ROOT), text, ast.parse(text)) for path, text in sources)


def functions() -> Iterator[tuple[str, Function]]:
    for path, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node


def length(node: Function) -> int:
    """Lines from `def` to the end; decorators are not counted."""
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_modules_are_small() -> None:
    too_long = {str(path): lines for path, text, _ in modules() if (lines := text.count("\n")) > MODULE_LINES}
    assert not too_long


def test_functions_are_small() -> None:
    too_long = {name: length(node) for name, node in functions() if length(node) > FUNCTION_LINES}
    assert not too_long


def test_most_functions_are_very_small() -> None:
    lengths = sorted(length(node) for _, node in functions())
    assert statistics.median(lengths) <= FUNCTION_MEDIAN
    assert lengths[len(lengths) * 9 // 10] <= FUNCTION_P90


def is_method(node: Function) -> bool:
    first = (node.args.posonlyargs + node.args.args)[:1]
    return bool(first) and first[0].arg in ("self", "cls")


def is_command(node: Function) -> bool:
    """click fills a command's parameters by name, one per option: nobody has to keep their order in mind."""
    return any("option" in ast.unparse(decorator) for decorator in node.decorator_list)


def parameters(node: Function) -> int:
    named = len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)
    return named - is_method(node)


def test_parameters_are_few() -> None:
    too_many = {
        name: parameters(node)
        for name, node in functions()
        if parameters(node) > PARAMETERS and not is_command(node)
    }
    assert not too_many


def test_modules_say_what_they_are_for() -> None:
    assert not [str(path) for path, _, tree in modules() if not ast.get_docstring(tree)]


def test_classes_are_called_after_what_they_are() -> None:
    named = [
        f"{path}: {node.name}"
        for path, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED_NAMES)
    ]
    assert not named


def test_test_files_have_unique_names() -> None:
    paths = sorted((ROOT.parent / "tests").rglob("test_*.py"))
    names = [path.name for path in paths]
    assert not [str(path) for path in paths if names.count(path.name) > 1]


@pytest.mark.parametrize(
    ("source", "lines"), [("def f():\n    pass\n", 2), ("@x\ndef f():\n\n    pass\n", 3)]
)
def test_length_is_counted_as_meant(source: str, lines: int) -> None:
    node = ast.parse(source).body[0]
    assert isinstance(node, Function)
    assert length(node) == lines
