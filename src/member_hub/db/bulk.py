"""Set-wise writing: a batch of rows is one statement, whatever their number.

Rows travel as one array per column (`INSERT ... SELECT FROM unnest(...)`): the statement text stays the same for
every batch size, so the driver prepares it once, and a thousand rows cost one round trip.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.sql.dml import ReturningInsert, Update
from sqlalchemy.sql.selectable import TableValuedAlias

from member_hub.db.base import Tx

OnConflict = Literal["raise", "ignore", "replace"]
_WORD: Final = re.compile(r"[\w.:-]*", re.ASCII)


def table_of(model: type[Any]) -> Table:
    """The Core table of a declarative class."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


async def plan_anew(tx: Tx) -> None:
    """Have each statement of this transaction planned for the values that it carries.

    The server goes over to one plan for any values after five times, and takes an array for ten of them: a statement
    that joins what it makes of two thousand members with itself then took ten seconds instead of half a one.
    """
    await tx.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


async def insert_rows(
    tx: Tx,
    model: type[Any],
    columns: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
    *,
    on_conflict: OnConflict = "raise",
    alike: Collection[str] = (),
) -> int:
    """Insert rows given as tuples in the order of `columns`; returns how many were written.

    `alike` names columns, of the key none, that mostly hold one value for all rows: it travels once then. To encode
    the values of arrays is most of what writing a batch costs this process.

    `replace` overwrites every given column outside the primary key where the key exists and anything differs; rows
    that were the same already are not counted. A key may stand only once among the rows then (PostgreSQL refuses to
    touch a row twice in one statement).
    """
    if not rows:
        return 0
    given = _by_column(columns, rows)
    once = frozenset(name for name in alike if _is_one(given[f"p_{name}"]))
    given |= {f"p_{name}": given[f"p_{name}"][0] for name in once}
    result = await tx.execute(_insert_statement(table_of(model), columns, on_conflict, once), given)
    return int(result.rowcount)


async def replace_rows(
    tx: Tx, model: type[Any], columns: tuple[str, ...], rows: Sequence[Sequence[Any]]
) -> set[tuple[Any, ...]]:
    """Insert rows as insert_rows does with `replace`; returns the keys of those that were new or became different."""
    if not rows:
        return set()
    result = await tx.execute(_replacing(table_of(model), columns), _by_column(columns, rows))
    return {tuple(row) for row in result}


async def update_rows(tx: Tx, model: type[Any], columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> int:
    """Update rows by primary key: `columns` names the key's columns and those to set; one row per key."""
    if not rows:
        return 0
    result = await tx.execute(_update_statement(table_of(model), columns), _by_column(columns, rows))
    return int(result.rowcount)


async def move_rows(
    tx: Tx, model: type[Any], *, source: UUID, target: UUID, origin_ids: Sequence[UUID] | None = None
) -> int:
    """Move a member's rows (all, or those of some channel accounts) under another member id.

    Delete and insert, because the member id distributes the table and may not be updated on Citus (DESIGN 7).
    """
    table = table_of(model)
    where = [table.c.member_id == source]
    if origin_ids is not None:
        where.append(among(table.c.origin_id, origin_ids))
    gone = delete(table).where(and_(*where)).returning(*table.c).cte("gone")
    columns = [column.name for column in table.c]
    moved = [type_coerce(target, c.type).label(c.name) if c.name == "member_id" else gone.c[c.name] for c in table.c]
    statement = insert(table).from_select(columns, select(*moved)).on_conflict_do_nothing()
    return int((await tx.execute(statement)).rowcount)


def among(column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """`column = ANY(array)`: one statement text for any number of values. For a single value use `==`."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def among_given(column: Column[Any], name: str) -> ColumnElement[bool]:
    """The same for a statement that is made once: the values are its parameter of that name."""
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


def constant(value: str | int) -> ColumnElement[Any]:
    """A word or number of ours, written out: the same every time, so that planner and partial index know it.

    Not `literal_execute`, with which SQLAlchemy puts the text together anew at each execution: a till waits for that.
    """
    if isinstance(value, int):
        return literal_column(str(int(value)), BigInteger())
    assert _WORD.fullmatch(value), "a constant is a word of the program, never what somebody sent"
    return literal_column(f"'{value}'", Text())


def values_of(columns: Sequence[Column[Any]], name: str = "given") -> TableValuedAlias:
    """Parameters `p_<column>` (arrays) as a table to join with: `unnest(:p_a, :p_b) AS given(a, b)`."""
    arrays = [bindparam(f"p_{c.name}", type_=ARRAY(c.type)) for c in columns]
    return func.unnest(*arrays).table_valued(*(_typed(c) for c in columns), name=name).render_derived()


def parameters(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Rows as the parameters that `values_of` names."""
    return _by_column(tuple(columns), rows)


def once_of(columns: Sequence[Column[Any]]) -> dict[str, BindParameter[Any]]:
    """Parameters `p_<column>` of one value for all rows, by column."""
    return {c.name: bindparam(f"p_{c.name}", type_=c.type) for c in columns}


def _is_one(values: list[Any]) -> bool:
    return values.count(values[0]) == len(values)


def _by_column(columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    by_column = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {f"p_{name}": list(values) for name, values in zip(columns, by_column, strict=True)}


def _typed(column: Column[Any]) -> Column[Any]:
    return Column(column.name, column.type)


@cache
def _insert_statement(table: Table, columns: tuple[str, ...], on_conflict: OnConflict, once: frozenset[str]) -> Insert:
    given = values_of([table.c[name] for name in columns if name not in once])
    alike = once_of([table.c[name] for name in columns if name in once])
    chosen: Select[Any] = select(*(alike[name] if name in once else given.c[name] for name in columns))
    statement = insert(table).from_select(list(columns), chosen)
    if on_conflict == "ignore":
        return statement.on_conflict_do_nothing()
    if on_conflict == "replace":
        keys = [column.name for column in table.primary_key]
        excluded = {name: statement.excluded[name] for name in columns if name not in keys}
        differs = or_(*(table.c[name].is_distinct_from(value) for name, value in excluded.items()))
        return statement.on_conflict_do_update(index_elements=keys, set_=excluded, where=differs)
    return statement


@cache
def _replacing(table: Table, columns: tuple[str, ...]) -> ReturningInsert[Any]:
    return _insert_statement(table, columns, "replace", frozenset()).returning(*table.primary_key)


@cache
def _update_statement(table: Table, columns: tuple[str, ...]) -> Update:
    given = values_of([table.c[name] for name in columns])
    keys = {column.name for column in table.primary_key}
    return (
        update(table)
        .where(and_(*(table.c[name] == given.c[name] for name in columns if name in keys)))
        .values({name: given.c[name] for name in columns if name not in keys})
    )
