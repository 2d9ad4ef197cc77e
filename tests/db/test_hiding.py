"""No value gets into a database error, wherever PostgreSQL or the driver would have quoted it."""

import traceback

import pytest
from sqlalchemy import Integer, bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from member_hub.db import Database, transaction

NEEDLE = "13912345678"


async def _error(database: Database, sql: str, **values: object) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught:
        async with transaction(database.app) as tx:
            await tx.execute(text(sql), values)
    return caught.value


def _everything(error: BaseException) -> str:
    parts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        parts.extend((str(seen), repr(seen), repr(vars(seen)), str(getattr(seen, "detail", ""))))
        seen = seen.__cause__ or getattr(seen, "orig", None)
    return "".join(parts)


async def test_a_duplicate_key_is_not_quoted(database: Database) -> None:
    async with transaction(database.owner) as tx:
        await tx.execute(text("create table hub.one (v text primary key)"))
        await tx.execute(text(f'grant insert on hub.one to "{database.role_prefix}_app"'))

    error = await _error(database, "insert into hub.one values (:a), (:a)", a=NEEDLE)

    assert isinstance(error, IntegrityError)
    assert getattr(error.orig, "sqlstate", None) == "23505"
    assert "one_pkey" in str(error)
    assert NEEDLE not in _everything(error)


async def test_a_value_that_is_no_number_is_not_quoted(database: Database) -> None:
    error = await _error(database, "select cast(cast(:a as text) as uuid)", a=NEEDLE)

    assert "22P02" in str(error)
    assert NEEDLE not in _everything(error)


async def test_an_argument_that_the_driver_refuses_is_not_quoted(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with transaction(database.app) as tx:
            await tx.execute(text("select :a").bindparams(bindparam("a", type_=Integer)), {"a": NEEDLE})

    assert "hidden" in str(caught.value)
    assert NEEDLE not in _everything(caught.value)


async def test_what_says_nothing_about_a_value_stays(database: Database) -> None:
    error = await _error(database, "select * from hub.no_such_table")

    assert 'relation "hub.no_such_table" does not exist' in str(error)
