"""Writes a migration file from the difference between a migrated database and the models; a developer's tool.

Declarations of privacy stand on the models and are not rendered. A long migration becomes one function per table.
"""

import ast
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from alembic import command
from alembic.config import Config

from member_hub.db import migrate
from member_hub.db.engines import Database
from member_hub.db.session import connect
from member_hub.errors import Misconfigured
from member_hub.settings import Settings

LINES_MAX = 40
TABLE_IS_SECOND = frozenset(
    {"create_index", "create_check_constraint", "create_unique_constraint", "create_foreign_key", "drop_constraint"}
)


async def write_beside_models(idea: str) -> Path:
    """Write the migration that leads from the newest one to the models, with a database made for the purpose."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"MEMBER_HUB_MODE": "development", "MEMBER_HUB_DATA_DIR": folder}
        async with connect(Settings.from_environ(environ)) as database:
            return await write(database, idea)


async def write(database: Database, idea: str) -> Path:
    """Write the migration named after its one idea; it has to be read before it is committed."""
    written: list[str] = []

    def autogenerate(config: Config) -> None:
        script = command.revision(config, message=idea, autogenerate=True)
        if script is None or isinstance(script, list):
            raise Misconfigured("No single migration came out of this.")
        written.append(script.path)

    await migrate.run(database, autogenerate)
    return _tidied(Path(written[0]))


def split(source: str) -> str:
    """The same migration, with one function per table where `upgrade` or `downgrade` would not fit a screen."""
    module = ast.parse(source)
    out: list[str] = []
    for node in module.body:
        is_long = isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > LINES_MAX
        if is_long and isinstance(node, ast.FunctionDef):
            out.extend(_by_table(node))
        else:
            out.append(ast.get_source_segment(source, node) or "")
    return "\n".join(out) + "\n"


def _tidied(file: Path) -> Path:
    file.write_text(split(file.read_text("utf-8")), "utf-8")
    for tool in (["check", "--fix", "--exit-zero", "--select", "I,F401"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *tool, "--quiet", str(file)], check=True)
    return file


def _by_table(function: ast.FunctionDef) -> list[str]:
    verb = "create" if function.name == "upgrade" else "drop"
    names: list[str] = []
    parts = []
    for table, statements in groupby(function.body, _table):
        name = f"_{verb}_{table}"
        while name in names:
            name += "_again"
        names.append(name)
        body = "\n".join(f"    {ast.unparse(statement)}" for statement in statements)
        parts.append(f"def {name}() -> None:\n{body}\n")
    calls = "\n".join(f"    {name}()" for name in names)
    return [f"def {function.name}() -> None:\n{calls}\n", *parts]


def _table(statement: ast.stmt) -> str:
    """The table that an `op.` call is about."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr == "execute":
        return "rest"
    named: Sequence[ast.expr] = [keyword.value for keyword in call.keywords if keyword.arg == "table_name"]
    place = 1 if call.func.attr in TABLE_IS_SECOND else 0
    found = named[0] if named else call.args[place] if len(call.args) > place else None
    return str(found.value) if isinstance(found, ast.Constant) else "rest"
