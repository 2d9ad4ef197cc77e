"""What only another transaction stood in the way of is tried again; everything else is not."""

import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from member_hub.db import Database
from member_hub.db.contention import ATTEMPTS_MAX, Unsettled, is_contention, patiently, sqlstate


async def test_of_two_that_deadlock_both_succeed(database: Database) -> None:
    """The database ends one of them; that one comes again."""
    attempts, met = [], asyncio.Barrier(2)

    async def lock(first: int, second: int) -> int:
        attempts.append(first)
        async with database.app.begin() as tx:
            await tx.execute(select(func.pg_advisory_xact_lock(first)))
            if len(attempts) <= 2:
                await met.wait()
            await tx.execute(select(func.pg_advisory_xact_lock(second)))
        return first

    done = await asyncio.gather(patiently(lambda: lock(1, 2)), patiently(lambda: lock(2, 1)))

    assert done == [1, 2]
    assert len(attempts) == 3


async def test_members_that_never_settle_are_given_up_after_some_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []
    monkeypatch.setattr("member_hub.db.contention.WAIT_MAX_S", 0)

    async def never() -> None:
        attempts.append(1)
        raise Unsettled

    with pytest.raises(Unsettled):
        await patiently(never)
    assert len(attempts) == ATTEMPTS_MAX


async def test_another_error_is_raised_at_once(database: Database) -> None:
    attempts = []

    async def wrong() -> None:
        attempts.append(1)
        async with database.app.begin() as tx:
            await tx.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError) as raised:
        await patiently(wrong)
    assert len(attempts) == 1
    assert sqlstate(raised.value) == "22012"
    assert not is_contention(raised.value)
