"""Who may import whom, read from the source: rooms do not know each other, the ground nobody."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).resolve().parents[2] / "lead_automation"
_NAME = _PACKAGE.name
_ROOMS = ("leads", "wati", "state", "reporting", "sandbox")
_CAMPAIGN = "campaign"
_COMMANDS = "commands"
_TOP_FILES = frozenset({"__main__", "cli"})
# ground ← rooms, which do not know each other ← campaign ← commands ← the command line
_HEIGHT = {"ground": 0, **dict.fromkeys(_ROOMS, 1), _CAMPAIGN: 2, _COMMANDS: 3, "top": 4}

# A library, and the only modules that may know it (a prefix).
_BORDERS = {
    "requests": ("http",),
    "urllib3": ("http",),
    "phonenumbers": ("leads.phone",),
    "apprise": ("notify",),
    "dotenv": ("settings.file",),
    "filelock": ("state.lock",),
    "psycopg": ("state.session",),
    "jinja2": ("reporting.report",),
    "rich": ("reporting.progress", "reporting.logger", "reporting.logformat"),
    "random": ("clock",),
    "time": ("clock",),
    "argparse": ("arguments",),
    "subprocess": (),
    "tempfile": ("commands.sandbox",),
    "http.server": ("sandbox.server",),
}

# What only one module may call, as written in the source.
_CALLS = {
    "datetime.now": ("clock",),
    "datetime.today": ("clock",),
    "datetime.utcnow": ("clock",),
    "date.today": ("clock",),
    "os.environ": ("cli",),
    "os.getenv": ("cli",),
    "os._exit": ("cli",),
    "sys.argv": ("cli",),
    "signal.signal": ("cli",),
    "os.umask": ("cli",),
}


@cache
def _modules() -> dict[str, ast.Module]:
    """Return the source of every module, by its name within the package."""
    return {
        ".".join(path.relative_to(_PACKAGE).with_suffix("").parts): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in sorted(_PACKAGE.rglob("*.py"))
    }


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what is imported, wherever it stands: module, and the name taken from it or ""."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield from ((node.module, alias.name) for alias in node.names)


def _own(tree: ast.Module, known: Mapping[str, ast.Module]) -> set[str]:
    """Return the modules of the package a module imports."""
    found = set()
    for module, name in _imports(tree):
        if module != _NAME and not module.startswith(f"{_NAME}."):
            continue
        inside = module.removeprefix(_NAME).removeprefix(".")
        deeper = f"{inside}.{name}".strip(".")
        found.add(deeper if deeper in known else inside or "__init__")
    return found


def _edges(modules: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    return {name: _own(tree, modules) for name, tree in modules.items()}


def _floor(module: str) -> str:
    """Return a folder that is a floor or a room of one, ``top`` or ``ground``."""
    folder = module.partition(".")[0]
    if folder in (*_ROOMS, _CAMPAIGN, _COMMANDS):
        return folder
    return "top" if module in _TOP_FILES else "ground"


def _forbidden(edges: Mapping[str, set[str]]) -> list[str]:
    """Return every import that goes sideways or up."""
    return [
        f"{module} → {target}"
        for module, targets in edges.items()
        for target in targets
        if _floor(target) != _floor(module) and _HEIGHT[_floor(target)] >= _HEIGHT[_floor(module)]
    ]


def _cycles(edges: Mapping[str, set[str]]) -> list[str]:
    """Return modules that import themselves over others."""

    def reach(module: str) -> set[str]:
        seen: set[str] = set()
        todo = list(edges.get(module, ()))
        while todo:
            target = todo.pop()
            if target not in seen:
                seen.add(target)
                todo += edges.get(target, ())
        return seen

    return [module for module in edges if module in reach(module)]


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def _attributes(tree: ast.Module) -> frozenset[str]:
    return frozenset(_dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def _uses(tree: ast.Module, wanted: str) -> bool:
    """Whether a dotted name is used, also behind a longer one (``datetime.datetime.now``)."""
    names = _attributes(tree)
    owner, _, attribute = wanted.partition(".")
    taken = any(found == (owner, attribute) for found in _imports(tree))
    return taken or any(name == wanted or name.endswith(f".{wanted}") for name in names)


def _may(module: str, allowed: tuple[str, ...]) -> bool:
    return module.startswith(allowed) if allowed else False


def test_imports_go_downwards_only() -> None:
    """A floor imports what lies below it, a room of a floor none of its neighbours."""
    edges = _edges(_modules())

    assert len(edges) > 100
    assert {_floor(module) for module in edges} == set(_HEIGHT)
    assert sum(len(targets) for targets in edges.values()) > 300
    assert _forbidden(edges) == []


def test_imports_have_no_cycle() -> None:
    """No module reaches itself; the command line reaches every command, by name."""
    edges = _edges(_modules())
    edges["cli"] |= {name for name in edges if name.startswith("commands.")}

    assert _cycles(edges) == []


@pytest.mark.parametrize("library", _BORDERS)
def test_imports_of_a_library_stay_behind_its_border(library: str) -> None:
    """HTTP, clock, chance, lock and the like are known to the modules made for them only."""
    users = {
        module
        for module, tree in _modules().items()
        for name, taken in _imports(tree)
        if name == library or name.startswith(f"{library}.") or f"{name}.{taken}" == library
    }

    assert {module for module in users if not _may(module, _BORDERS[library])} == set()
    assert users or not _BORDERS[library]


@pytest.mark.parametrize("call", _CALLS)
def test_calls_that_reach_outside_stand_in_one_module(call: str) -> None:
    """The clock is read, and the environment, in one module each."""
    users = {module for module, tree in _modules().items() if _uses(tree, call)}

    assert {module for module in users if not _may(module, _CALLS[call])} == set()


def test_calls_looked_for_are_really_found() -> None:
    """The search above finds the calls where they are allowed."""
    found = {call for call in _CALLS if any(_uses(tree, call) for tree in _modules().values())}

    assert {"datetime.now", "os.environ", "sys.argv", "signal.signal", "os.umask"} <= found


def test_room_packages_hold_one_docstring_only() -> None:
    """A room's ``__init__`` re-exports nothing."""
    for folder in (*_ROOMS, _CAMPAIGN, _COMMANDS):
        [node] = _modules()[f"{folder}.__init__"].body

        assert isinstance(node, ast.Expr), folder


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("leads.crm", "wati.client"),
        ("models", "leads.phone"),
        ("sandbox.server", "wati.wire"),
        ("campaign.gate", "commands.run"),
        ("state.hold", "campaign.gate"),
        ("models", "commands.run"),
        ("state.lock", "sandbox.server"),
    ],
)
def test_rule_refuses_an_import_that_goes_elsewhere(module: str, target: str) -> None:
    """The rule itself sees sideways and upward imports."""
    assert _forbidden({module: {target}}) == [f"{module} → {target}"]


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("leads.crm", "leads.phone"),
        ("wati.client", "http"),
        ("campaign.gate", "state.hold"),
        ("cli", "commands.run"),
    ],
)
def test_rule_lets_an_import_through_that_goes_down(module: str, target: str) -> None:
    """The rule itself lets own files, the ground and the top floor's imports pass."""
    assert _forbidden({module: {target}}) == []


def test_rule_reads_imports_inside_functions_and_of_modules() -> None:
    """Late imports, plain imports and modules taken from a package are all seen."""
    known = {"wati.client": ast.parse(""), "leads.crm": ast.parse(""), "__init__": ast.parse("")}
    source = (
        "def f():\n"
        "    from lead_automation.wati import client\n"
        "import lead_automation.leads.crm\n"
        "from lead_automation import __version__\n"
        "import json\n"
    )

    assert _own(ast.parse(source), known) == {"wati.client", "leads.crm", "__init__"}


def test_rule_finds_a_cycle() -> None:
    """Two modules that import each other are named, one that is only imported is not."""
    assert sorted(_cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("import datetime\ndatetime.datetime.now()", "datetime.now"),
        ("from datetime import datetime\ndatetime.now()", "datetime.now"),
        ("import os\nos.environ.get('X')", "os.environ"),
        ("from os import environ", "os.environ"),
    ],
)
def test_rule_finds_a_call_however_it_is_written(source: str, call: str) -> None:
    """A call is found through the module, through the class, and taken by name."""
    assert _uses(ast.parse(source), call)
