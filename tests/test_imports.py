"""Which part may import which: downwards only, and parts on one line do not know each other (DESIGN 3)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import member_hub

PACKAGE = Path(member_hub.__file__).parent
README = Path(__file__).resolve().parent.parent / "README.md"
# From the top; parts on one line stand beside each other.
ORDER = """
cli
commands
doctor | demo
holders
tables
web
graphql
runtime
jobs
ingest | profiles | sign_in
reports
rights
merging
counting
benefits
tags
points
tiers
orders
consent
till | revealing | telling | approving
identity
members
idempotency
audit
access | crypto
holding
programme
organisation
privacy
db
resources | settings | ids | throttling | private
errors | clock | codes | texts | urls
"""
LEVEL = {
    part.strip(): level for level, line in enumerate(reversed(ORDER.split("\n"))) for part in line.split("|") if line
}


def test_imports_point_downwards_only() -> None:
    upward = [
        f"{path.relative_to(PACKAGE)} imports {target}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for target in _imported_parts(path)
        if target != _part(path) and LEVEL[target] >= LEVEL[_part(path)]
    ]

    assert upward == []


def test_every_part_has_its_place_in_the_order() -> None:
    parts = {_part(path) for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name != "__init__.py"}

    assert parts - set(LEVEL) == set()


def test_the_readme_tells_the_same_order() -> None:
    there = {_part(path) for path in PACKAGE.rglob("*.py")}
    lines = [[part for part in line.split(" | ") if part in there] for line in ORDER.split("\n")]
    told = " → ".join(", ".join(line) for line in lines if line)

    assert f"`{told}`" in README.read_text("utf-8").replace("\n", " ")


def test_every_tables_module_is_known() -> None:
    known = {name for name in _imported_modules(PACKAGE / "tables.py") if name.endswith(".tables")}

    assert known == {f"member_hub.{path.parent.name}.tables" for path in PACKAGE.glob("*/tables.py")}


def test_only_the_command_line_imports_inside_functions() -> None:
    inside = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if _part(path) not in ("cli", "commands")
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_parts(path: Path) -> Iterator[str]:
    if _part(path) == "__init__":
        return
    for module in _imported_modules(path):
        names = module.split(".")
        if names[0] == "member_hub" and len(names) > 1:
            yield names[1]


def _imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "member_hub":
            yield from (f"member_hub.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path} imports relatively"
            yield node.module
