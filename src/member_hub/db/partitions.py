"""Partitions by month: made ahead, with a default one beside them, so that a write never fails on the 1st.

Whatever table of the hub is partitioned (`postgresql_partition_by: RANGE (month)`) gets them, from the catalogue; so a
migrated database and one made from the models are the same. A month for which the default one has rows already cannot
get a partition any more, and stays there: nothing is lost by that.
"""

from datetime import date
from typing import Final

from sqlalchemy import Date, column, delete, func, select, table, text
from sqlalchemy.exc import DBAPIError

from member_hub.db.base import HUB, Tx, transaction
from member_hub.db.engines import Database
from member_hub.db.roles import Role, quoted, role_name

AHEAD: Final = 3  # months
LOCK: Final = 0x70617274  # advisory: one process at a time makes them
LOCK_WAIT: Final = "2s"  # everybody who reads or writes waits behind who waits here
_HAS_ROWS: Final = "23514"  # the default partition holds rows of that month

_CLASSES = table("pg_class", column("relname"), column("relnamespace"), column("relkind"), schema="pg_catalog")
_NAMESPACES = table("pg_namespace", column("oid"), column("nspname"), schema="pg_catalog")


async def make_ahead(database: Database) -> None:
    """Make what is missing for this month and the next ones; as the owner."""
    async with transaction(database.owner) as tx:
        await tx.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
        await ensure(tx, database)


async def ensure(tx: Tx, database: Database) -> None:
    await tx.execute(select(func.pg_advisory_xact_lock(LOCK)))
    today: date = (await tx.execute(select(func.current_date()))).scalar_one()
    reader = quoted(role_name(database.role_prefix, Role.BACKUP))
    there = await _relations(tx, "r")
    for name in await _relations(tx, "p"):
        wanted = {f"{name}_default": "DEFAULT"}
        wanted |= {partition_name(name, month): _values(month) for month in months_from(today, AHEAD + 1)}
        for partition, values in wanted.items():
            if partition not in there:
                await _make(tx, partition, name, values, reader)


def months_from(day: date, count: int) -> list[date]:
    start = day.year * 12 + day.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(start, start + count)]


def partition_name(name: str, month: date) -> str:
    return f"{name}_{month.year:04}_{month.month:02}"


async def drop_month(tx: Tx, name: str, month: date) -> None:
    """Everything of one month goes; as the owner. Doing it twice is the same as once."""
    await tx.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
    await tx.execute(text(f"DROP TABLE IF EXISTS {HUB}.{partition_name(name, month)}"))
    rest = table(name, column("month", Date), schema=HUB)  # in the default partition
    await tx.execute(delete(rest).where(rest.c.month == month))


def _values(month: date) -> str:
    return f"FOR VALUES FROM ('{month.isoformat()}') TO ('{months_from(month, 2)[1].isoformat()}')"


async def _make(tx: Tx, partition: str, name: str, values: str, reader: str) -> None:
    """A dump reads each partition by itself, so `reader` may; everybody else goes through the table."""
    attempt = await tx.begin_nested()
    try:
        await tx.execute(text(f"CREATE TABLE {HUB}.{partition} PARTITION OF {HUB}.{name} {values}"))
        await tx.execute(text(f"GRANT SELECT ON {HUB}.{partition} TO {reader}"))
    except DBAPIError as error:
        await attempt.rollback()
        if getattr(error.orig, "sqlstate", None) != _HAS_ROWS:
            raise
        return
    await attempt.commit()


async def _relations(tx: Tx, kind: str) -> set[str]:
    """The hub's tables: ordinary ones ("r", partitions among them) or partitioned ones ("p")."""
    found = await tx.scalars(
        select(_CLASSES.c.relname)
        .join(_NAMESPACES, _NAMESPACES.c.oid == _CLASSES.c.relnamespace)
        .where(_NAMESPACES.c.nspname == HUB, _CLASSES.c.relkind == kind)
    )
    return set(found)
