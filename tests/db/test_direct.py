"""Statements that the driver sends itself stand in SQLAlchemy's transaction, and their errors quote nothing."""

import traceback
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import bindparam, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from member_hub.db import Database, transaction
from member_hub.db.bulk import among_given, table_of
from member_hub.db.contention import sqlstate
from member_hub.db.direct import Direct, copy_rows
from member_hub.db.outages import is_outage
from member_hub.ids import uuid7
from member_hub.till.tables import MemberCode

code_t = table_of(MemberCode)
NAMED = {column.name: bindparam(f"code_{column.name}", type_=column.type) for column in code_t.c}
WRITE = Direct(insert(code_t).values(NAMED).returning(code_t.c.member_id))
READ = Direct(select(code_t.c.member_id).where(code_t.c.member_id == bindparam("of", type_=code_t.c.member_id.type)))

ALL = Direct(select(code_t.c.member_id, code_t.c.code_digest).where(among_given(code_t.c.member_id, "these")))
GONE = Direct(delete(code_t).where(among_given(code_t.c.member_id, "these")))


async def _row(database: Database, member_id: UUID) -> dict[str, object]:
    kinds = {"UUID": member_id, "DateTime": None, "LargeBinary": b"13912345678", "Text": "13912345678"}
    async with transaction(database.app) as tx:
        now = await tx.scalar(text("select now()"))
    values = {c.name: kinds.get(type(c.type).__name__) or now for c in code_t.c}
    return {f"code_{name}": value for name, value in values.items()}


async def _own_row(database: Database) -> dict[str, object]:
    """With a code of its own."""
    row = await _row(database, uuid7())
    return {name: uuid7().bytes if isinstance(value, bytes) else value for name, value in row.items()}


async def _write(database: Database, row: dict[str, object], *, fails: bool = False) -> None:
    async with transaction(database.app) as tx:
        written = await WRITE.one(tx, row)
        assert written is not None
        assert written.member_id == row["code_member_id"]
        if fails:
            raise LookupError


async def _read(database: Database, member_id: UUID) -> UUID | None:
    async with transaction(database.app) as tx:
        found = await READ.one(tx, {"of": member_id})
        return None if found is None else found.member_id


async def test_it_is_a_part_of_the_transaction_even_as_its_first_word(database: Database) -> None:
    member_id = uuid7()
    row = await _row(database, member_id)

    with pytest.raises(LookupError):
        await _write(database, row, fails=True)
    assert await _read(database, member_id) is None
    await _write(database, row)

    assert await _read(database, member_id) == member_id


async def test_an_error_is_sqlalchemys_with_its_state_and_quotes_no_value(database: Database) -> None:
    row = await _row(database, uuid7())

    await _write(database, row)
    with pytest.raises(DBAPIError) as caught:
        await _write(database, row)

    assert sqlstate(caught.value) == "23505"
    said = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert "13912345678" not in said
    assert str(row["code_member_id"]) not in said


async def test_a_statement_that_fails_takes_its_transaction_with_it(database: Database) -> None:
    first, second, third = [await _own_row(database) for _ in range(3)]

    with pytest.raises(DBAPIError) as caught:
        await _write_each(database, [first, second, first])
    assert sqlstate(caught.value) == "23505"
    assert str(first["code_member_id"]) not in "".join(traceback.format_exception(caught.value))
    assert [await _read(database, row["code_member_id"]) for row in (first, second)] == [None, None]  # type: ignore[arg-type]
    done = await _write_each(database, [second, third])

    assert [row["member_id"] for row in done] == [second["code_member_id"], third["code_member_id"]]
    assert await _read(database, third["code_member_id"]) == third["code_member_id"]  # type: ignore[arg-type]


async def _write_each(database: Database, rows: list[dict[str, object]]) -> list[Any]:
    async with transaction(database.app) as tx:
        return [row for one in rows for row in await WRITE.every(tx, one)]


async def test_every_row_is_read_and_what_was_written_is_counted(database: Database) -> None:
    rows = [await _own_row(database) for _ in range(2)]
    members = [row["code_member_id"] for row in rows]
    await _write_each(database, rows)

    async with transaction(database.app) as tx:
        found = await ALL.every(tx, {"these": [*members, uuid7()]})
        gone = [await GONE.done(tx, {"these": members}) for _ in range(2)]

    assert {(member, code) for member, code in found} == {
        (row["code_member_id"], row["code_code_digest"]) for row in rows
    }
    assert gone == [2, 0]


async def _copy(database: Database, *rows: dict[str, object], fails: bool = False) -> None:
    names = [column.name for column in code_t.c]
    async with transaction(database.app) as tx:
        await copy_rows(tx, code_t, names, [])
        await copy_rows(tx, code_t, names, [tuple(row[f"code_{name}"] for name in names) for row in rows])
        if fails:
            raise LookupError


async def test_copied_rows_are_a_part_of_the_transaction_even_as_its_first_word(database: Database) -> None:
    row = await _own_row(database)
    member_id: UUID = row["code_member_id"]  # type: ignore[assignment]

    with pytest.raises(LookupError):
        await _copy(database, row, fails=True)
    assert await _read(database, member_id) is None
    await _copy(database, row)

    assert await _read(database, member_id) == member_id


async def test_a_row_that_stands_already_is_not_copied_and_nothing_of_it_is_quoted(database: Database) -> None:
    row, new = await _own_row(database), await _own_row(database)
    await _write(database, row)

    with pytest.raises(DBAPIError) as caught:
        await _copy(database, new, row)

    assert sqlstate(caught.value) == "23505"
    assert str(row["code_member_id"]) not in "".join(traceback.format_exception(caught.value))
    assert await _read(database, new["code_member_id"]) is None  # type: ignore[arg-type]


def test_a_list_of_values_is_given_as_an_array() -> None:
    with pytest.raises(AssertionError):
        Direct(select(code_t.c.member_id).where(code_t.c.member_id.in_([uuid7()])))


async def _end_sessions(database: Database) -> None:
    """Every other session of this database ends, as when the server dies or is changed over."""
    others = text(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = :n and pid <> pg_backend_pid()"
    )
    async with transaction(database.login) as tx:
        await tx.execute(others, {"n": database.name})


async def test_a_session_that_has_ended_is_an_outage_and_never_used_again(database: Database) -> None:
    rows = [await _own_row(database) for _ in range(3)]
    await _write(database, rows[0])
    await _write_each(database, rows[1:2])
    for how in (_write(database, rows[2]), _write_each(database, rows[2:])):
        await _end_sessions(database)

        with pytest.raises(DBAPIError) as caught:
            await how

        assert is_outage(caught.value)
        assert await _read(database, uuid7()) is None

    await _write_each(database, rows[2:])
