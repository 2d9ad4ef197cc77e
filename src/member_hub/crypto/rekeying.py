"""Sealing what remains of a subject and class under a new key, so that destroying the old one ends all the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Select, Table, Update, and_, bindparam, literal, or_, select, tuple_, update

from member_hub.crypto.keyset import KeySet
from member_hub.crypto.layout import Layout, part_bytes, row_bytes
from member_hub.db.base import Tx
from member_hub.privacy import DataClass

PAGE_ROWS = 500

_Row = Mapping[Any, Any]  # by column


@dataclass(frozen=True, slots=True)
class _Task:
    """One table's part of a rekeying."""

    layout: Layout
    subject: UUID
    data_class: DataClass
    columns: Sequence[Column[Any]]
    digests: tuple[str, ...]
    keys: KeySet


async def reseal(tx: Tx, layout: Layout, subject: UUID, data_class: DataClass, *, keys: KeySet) -> int:
    """Seal every value that the table holds of the subject and class under the newest key; returns how many.

    Raises CannotOpen where one does not open: losing its key would then hide a fault for good, so nothing changes.
    """
    columns = layout.sealed_in(data_class)
    digests = tuple(name for name in layout.digests if layout.digest_class(name) is data_class)
    task = _Task(layout, subject, data_class, columns, digests, keys)
    statement = _statement(layout.table, (*(column.name for column in columns), *digests)) if columns else None
    count = 0
    after: _Row | None = None
    while statement is not None and (rows := (await tx.execute(_page(task, after))).mappings().all()):
        # A row whose key contains a digest has moved in the order by now and may be met a second time.
        changes = [_change(task, row) for row in rows if not _is_done(task, row)]
        if changes:
            await tx.execute(statement, changes)
        count += sum(change[f"v_{column.name}"] is not None for change in changes for column in columns)
        after = rows[-1]
    return count


def _page(task: _Task, after: _Row | None) -> Select[Any]:
    table = task.layout.table
    keys = list(table.primary_key)
    page = (
        select(table)
        .where(table.c[task.layout.subject] == task.subject, or_(*(column.is_not(None) for column in task.columns)))
        .order_by(*keys)
        .limit(PAGE_ROWS)
        .with_for_update()
    )
    if after is None:
        return page
    return page.where(tuple_(*keys) > tuple_(*(literal(after[key], key.type) for key in keys)))


def _is_done(task: _Task, row: _Row) -> bool:
    held = [column for column in task.columns if row[column] is not None]
    return all(task.keys.is_newest(column, task.subject, row[column]) for column in held)


def _change(task: _Task, row: _Row) -> dict[str, Any]:
    """The row's key, and its sealed values and digests under the newest key."""
    keys, subject, layout = task.keys, task.subject, task.layout
    old = {column.name: row[column] for column in layout.table.columns}
    held = [column for column in task.columns if old[column.name] is not None]
    bound = row_bytes(layout.row, old)
    plain = {column.name: keys.open_bytes(column, subject, old[column.name], row=bound) for column in held}
    digests = {name: _digest(task, layout.digests[name], old | plain) for name in task.digests}
    bound = row_bytes(layout.row, old | digests)
    sealed = {column.name: keys.seal(column, subject, plain[column.name], row=bound) for column in held}
    new = dict.fromkeys((column.name for column in task.columns), None) | digests | sealed
    key = {f"k_{column.name}": old[column.name] for column in layout.table.primary_key}
    return key | {f"v_{name}": value for name, value in new.items()}


def _digest(task: _Task, parts: Sequence[str], values: Mapping[str, Any]) -> bytes:
    return task.keys.digest(task.subject, task.data_class, *(part_bytes(values[part]) for part in parts))


@cache
def _statement(table: Table, names: tuple[str, ...]) -> Update:
    where = and_(*(column == bindparam(f"k_{column.name}", type_=column.type) for column in table.primary_key))
    return update(table).where(where).values({name: bindparam(f"v_{name}", type_=table.c[name].type) for name in names})
