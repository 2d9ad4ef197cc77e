"""Written migrations are readable: one function per table where one function would not fit a screen."""

import ast

from member_hub.db import revision

HEAD = '"""Things."""\n\nfrom alembic import op\n\nrevision = "1"\n\n'


def test_a_long_migration_becomes_one_function_per_table() -> None:
    columns = ", ".join(f"sa.Column('c{n}', sa.Text())" for n in range(3))
    tables = "".join(
        f"    op.create_table('t{n}', {columns})\n    op.create_index('ix', 't{n}', ['c1'])\n" for n in range(25)
    )
    drops = "".join(f"    op.drop_index('ix', table_name='t{n}')\n    op.drop_table('t{n}')\n" for n in range(25))

    split = revision.split(f"{HEAD}def upgrade() -> None:\n{tables}\n\ndef downgrade() -> None:\n{drops}")

    functions = {node.name: node for node in ast.parse(split).body if isinstance(node, ast.FunctionDef)}
    assert [ast.unparse(call) for call in functions["upgrade"].body] == [f"_create_t{n}()" for n in range(25)]
    assert [ast.unparse(call) for call in functions["downgrade"].body] == [f"_drop_t{n}()" for n in range(25)]
    assert [len(functions[f"_{verb}_t7"].body) for verb in ("create", "drop")] == [2, 2]
    assert ast.get_docstring(ast.parse(split)) == "Things."


def test_a_table_that_comes_twice_gets_two_functions() -> None:
    lines = "".join(f"    op.execute('select {n}')\n" for n in range(20))
    body = f"    op.drop_table('a')\n{lines}    op.drop_table('a')\n{lines}"

    split = revision.split(f"{HEAD}def upgrade() -> None:\n{body}\n\ndef downgrade() -> None:\n    pass\n")

    names = [node.name for node in ast.parse(split).body if isinstance(node, ast.FunctionDef)]
    assert names == ["upgrade", "_create_a", "_create_rest", "_create_a_again", "_create_rest_again", "downgrade"]


def test_a_short_migration_stays_as_it_is() -> None:
    source = f"{HEAD}def upgrade() -> None:\n    op.drop_table('a')\n\n\ndef downgrade() -> None:\n    pass\n"

    assert ast.dump(ast.parse(revision.split(source))) == ast.dump(ast.parse(source))
