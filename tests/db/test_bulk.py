"""Rows written set-wise: a batch is one statement, whatever its size."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from member_hub.db import Database, Tx, transaction
from member_hub.db.bulk import among, insert_rows, move_rows, parameters, table_of, update_rows, values_of
from member_hub.ids import uuid7
from member_hub.members.tables import MemberStore

COLUMNS = ("member_id", "origin_id", "store", "purchased_at")
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
store_t = table_of(MemberStore)

Row = tuple[UUID, UUID, str, datetime]


def _rows(count: int, at: datetime = EARLY) -> list[Row]:
    member, origin = uuid7(), uuid7()
    return [(member, origin, f"SH{number:03}", at) for number in range(count)]


async def _stored(tx: Tx) -> list[Row]:
    rows = await tx.execute(select(*(store_t.c[name] for name in COLUMNS)).order_by(store_t.c.store))
    return [(row.member_id, row.origin_id, row.store, row.purchased_at) for row in rows]


async def test_a_batch_of_any_size_is_written(database: Database) -> None:
    rows = _rows(600)

    async with transaction(database.app) as tx:
        written = [await insert_rows(tx, MemberStore, COLUMNS, part) for part in (rows[:1], rows[1:], [])]

        assert written == [1, 599, 0]
        assert await _stored(tx) == rows


async def test_a_key_that_stands_already_is_an_error_unless_said_otherwise(database: Database) -> None:
    rows = _rows(2)

    async with transaction(database.app) as tx:
        await insert_rows(tx, MemberStore, COLUMNS, rows[:1])

        assert await insert_rows(tx, MemberStore, COLUMNS, rows, on_conflict="ignore") == 1
        with pytest.raises(IntegrityError):
            async with tx.begin_nested():
                await insert_rows(tx, MemberStore, COLUMNS, rows)


async def test_replacing_counts_what_is_new_or_different_only(database: Database) -> None:
    rows = _rows(3)

    async with transaction(database.app) as tx:
        await insert_rows(tx, MemberStore, COLUMNS, rows[:2])
        changed = [rows[0], (*rows[1][:3], LATE), rows[2]]

        assert await insert_rows(tx, MemberStore, COLUMNS, changed, on_conflict="replace") == 2
        assert await _stored(tx) == changed


async def test_updating_sets_each_row_by_its_key(database: Database) -> None:
    rows = _rows(3)

    async with transaction(database.app) as tx:
        await insert_rows(tx, MemberStore, COLUMNS, rows)

        assert await update_rows(tx, MemberStore, COLUMNS, [(*rows[1][:3], LATE)]) == 1
        assert [row[3] for row in await _stored(tx)] == [EARLY, LATE, EARLY]


async def test_moving_takes_the_rows_of_the_named_accounts_and_no_others(database: Database) -> None:
    member, target, staying, leaving = (uuid7() for _ in range(4))
    rows = [(member, staying, "SH001", EARLY), (member, leaving, "SH002", EARLY)]

    async with transaction(database.app) as tx:
        await insert_rows(tx, MemberStore, COLUMNS, rows)

        assert await move_rows(tx, MemberStore, source=member, target=target, origin_ids=[leaving]) == 1
        assert await _stored(tx) == [rows[0], (target, leaving, "SH002", EARLY)]
        assert await move_rows(tx, MemberStore, source=member, target=target) == 1
        assert {row[0] for row in await _stored(tx)} == {target}


async def test_parameters_join_as_a_table(database: Database) -> None:
    given = values_of([store_t.c.store, store_t.c.purchased_at])
    statement = select(given.c.store, given.c.purchased_at).order_by(given.c.store)

    async with transaction(database.app) as tx:
        rows = [("SH002", LATE), ("SH001", EARLY)]

        found = [tuple(row) for row in await tx.execute(statement, parameters(("store", "purchased_at"), rows))]
        none = (await tx.execute(statement, parameters(("store", "purchased_at"), []))).all()

    assert found == [("SH001", EARLY), ("SH002", LATE)]
    assert none == []


async def test_among_finds_any_number_of_values(database: Database) -> None:
    rows = _rows(5)

    async with transaction(database.app) as tx:
        await insert_rows(tx, MemberStore, COLUMNS, rows)
        count = select(func.count()).select_from(store_t)

        assert (await tx.execute(count.where(among(store_t.c.store, ["SH001", "SH004", "none"])))).scalar_one() == 2
        assert (await tx.execute(count.where(among(store_t.c.store, [])))).scalar_one() == 0
