"""How large a module, a function and a constructor may become before it has to be divided."""

import ast
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2] / "lead_automation"
_MODULES = {
    str(path.relative_to(_PACKAGE)): path.read_text(encoding="utf-8")
    for path in sorted(_PACKAGE.rglob("*.py"))
}
_TREES = {name: ast.parse(text) for name, text in _MODULES.items()}

MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 40
"""Of code: signature, docstring and blank lines do not count."""
MAX_ARGUMENTS = 6
"""Of a constructor, besides itself, the settings, and values that have a default."""


def _functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, tree in _TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield f"{name}:{node.name}", node


def _code_lines(function: ast.FunctionDef) -> int:
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0


def _arguments(function: ast.FunctionDef) -> int:
    positional = [*function.args.posonlyargs, *function.args.args]
    required = positional[: len(positional) - len(function.args.defaults)]
    required += [
        argument
        for argument, default in zip(
            function.args.kwonlyargs, function.args.kw_defaults, strict=True
        )
        if default is None
    ]
    return sum(argument.arg not in ("self", "settings") for argument in required)


def test_modules_stay_small_enough_to_be_read_at_once() -> None:
    """Past the limit there is a second subject in it."""
    sizes = {name: len(text.splitlines()) for name, text in _MODULES.items()}

    assert len(sizes) > 80
    assert {name: size for name, size in sizes.items() if size > MAX_MODULE_LINES} == {}


def test_functions_stay_small_enough_to_be_read_at_once() -> None:
    """Past the limit a step of it wants a name."""
    sizes = {name: _code_lines(function) for name, function in _functions()}

    assert len(sizes) > 500
    assert {name: size for name, size in sizes.items() if size > MAX_FUNCTION_LINES} == {}


def test_constructors_take_few_things() -> None:
    """What takes more wants an object with a name."""
    counts = {
        name: _arguments(function) for name, function in _functions() if function.name == "__init__"
    }

    assert len(counts) > 30
    assert {name: count for name, count in counts.items() if count > MAX_ARGUMENTS} == {}
