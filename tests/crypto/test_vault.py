"""Keys by transaction, in a real database: made once, read every time, gone when destroyed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select, text, update

from member_hub.clock import Clock
from member_hub.crypto import CannotOpen, Vault
from member_hub.crypto.ring import load_ring
from member_hub.crypto.tables import DataKey
from member_hub.crypto.vault import WANTED_MAX
from member_hub.db import Database, transaction
from member_hub.privacy import DataClass
from member_hub.settings import Settings
from tests.crypto.samples import ANNA, BELA, column_of

CONTACT = column_of(DataClass.CONTACT)
ANNAS = (ANNA, DataClass.CONTACT)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    seen: list[str] = []

    def see(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement.split(maxsplit=1)[0])

    engine = database.app.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


async def until_somebody_waits(database: Database) -> None:
    """Returns once a connection waits for another one's lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(20_000):
        async with database.login.connect() as connection:
            if await connection.scalar(waiting):
                return
    raise AssertionError("nobody waits")


async def key_rows(database: Database) -> list[tuple[UUID, int, int]]:
    table = DataKey.__table__.c
    async with transaction(database.app) as tx:
        rows = await tx.execute(select(table.subject, table.data_class, table.version).order_by(*table))
        return [tuple(row) for row in rows]


async def test_what_one_transaction_seals_another_opens(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [ANNAS, (BELA, DataClass.PROFILE)], create=True)
        sealed = keys.seal(CONTACT, ANNA, "甲")

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [ANNAS])

    assert keys.open(CONTACT, ANNA, sealed) == "甲"
    assert await key_rows(database) == [(ANNA, 1, 1), (BELA, 2, 1)]


async def test_a_set_costs_one_statement_and_making_its_keys_one_more(database: Database, vault: Vault) -> None:
    wanted = [(UUID(int=n), data_class) for n in range(300) for data_class in DataClass]

    async with transaction(database.app) as tx:
        with statements(database) as seen:
            await vault.keys_for(tx, wanted[:1000], create=True)
            assert seen == ["SELECT", "INSERT"]
            await vault.keys_for(tx, wanted[:1000], create=True)
            assert seen == ["SELECT", "INSERT", "SELECT"]
            await vault.keys_for(tx, wanted)
            assert seen == ["SELECT", "INSERT", "SELECT", "SELECT"]
            await vault.keys_for(tx, [], create=True)
            assert seen == ["SELECT", "INSERT", "SELECT", "SELECT"]

    assert len(await key_rows(database)) == 1000


async def test_only_what_was_asked_for_is_made_and_held(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        await vault.keys_for(tx, [ANNAS, (BELA, DataClass.PROFILE)], create=True)
        keys = await vault.keys_for(tx, [(ANNA, DataClass.PROFILE), (BELA, DataClass.CONTACT)])

    assert not keys.has(ANNA, DataClass.PROFILE)
    assert not keys.has(ANNA, DataClass.CONTACT)
    assert await key_rows(database) == [(ANNA, 1, 1), (BELA, 2, 1)]


async def test_reading_makes_no_key(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [ANNAS])

    assert not keys.has(*ANNAS)
    assert await key_rows(database) == []


async def test_an_unbounded_set_is_refused(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        with pytest.raises(ValueError, match="More than"):
            await vault.keys_for(tx, ((UUID(int=n), DataClass.CONTACT) for n in range(WANTED_MAX + 1)))


async def test_two_transactions_that_make_a_key_at_once_use_the_same(database: Database, vault: Vault) -> None:
    async def second() -> bytes:
        async with transaction(database.app) as tx:
            return (await vault.keys_for(tx, [ANNAS], create=True)).seal(CONTACT, ANNA, "second")

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [ANNAS], create=True)
        waiting = asyncio.create_task(second())
        await until_somebody_waits(database)
    sealed = await waiting

    assert keys.open(CONTACT, ANNA, sealed) == "second"
    assert await key_rows(database) == [(ANNA, 1, 1)]


async def test_destroying_takes_every_key_of_the_subjects_and_no_other(database: Database, vault: Vault) -> None:
    everyone = [(subject, data_class) for subject in (ANNA, BELA) for data_class in DataClass]
    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, everyone, create=True)
        sealed = {pair: keys.seal(column_of(pair[1]), pair[0], "甲") for pair in everyone}

    async with transaction(database.app) as tx:
        assert await vault.destroy(tx, [ANNA, UUID(int=1)]) == len(DataClass)

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, everyone)
    for subject, data_class in everyone:
        column, value = column_of(data_class), sealed[subject, data_class]
        if subject == BELA:
            assert keys.open(column, subject, value) == "甲"
        else:
            with pytest.raises(CannotOpen):
                keys.open(column, subject, value)
    assert await key_rows(database) == [(BELA, code, 1) for code in range(1, 7)]


async def test_a_key_destroyed_by_another_process_does_not_live_on_in_a_cache(
    database: Database, settings: Settings, vault: Vault
) -> None:
    async with transaction(database.app) as tx:
        other = Vault(await load_ring(tx, settings.key_dir, Clock().now()), Clock())
        keys = await vault.keys_for(tx, [ANNAS], create=True)
        sealed = keys.seal(CONTACT, ANNA, "甲")
        assert keys.open(CONTACT, ANNA, sealed) == "甲"  # the key is in the cache of `vault` now

    async with transaction(database.app) as tx:
        assert await other.destroy(tx, [ANNA]) == 1

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [ANNAS])
    with pytest.raises(CannotOpen):
        keys.open(CONTACT, ANNA, sealed)


async def test_a_subject_that_comes_again_after_destruction_has_another_key(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        sealed = (await vault.keys_for(tx, [ANNAS], create=True)).seal(CONTACT, ANNA, "甲")
        await vault.destroy(tx, [ANNA])
        keys = await vault.keys_for(tx, [ANNAS], create=True)

    with pytest.raises(CannotOpen):
        keys.open(CONTACT, ANNA, sealed)


async def test_destroying_nobody_sends_nothing(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        with statements(database) as seen:
            assert await vault.destroy(tx, []) == 0
            assert seen == []


async def test_destruction_that_is_rolled_back_destroys_nothing(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        sealed = (await vault.keys_for(tx, [ANNAS], create=True)).seal(CONTACT, ANNA, "甲")

    async with database.app.connect() as tx:
        await vault.destroy(tx, [ANNA])
        await tx.rollback()

    async with transaction(database.app) as tx:
        assert (await vault.keys_for(tx, [ANNAS])).open(CONTACT, ANNA, sealed) == "甲"


async def test_a_key_row_moved_to_another_subject_opens_nothing(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        sealed = (await vault.keys_for(tx, [ANNAS], create=True)).seal(CONTACT, ANNA, "甲")
        await tx.execute(update(DataKey).values(subject=BELA))
        keys = await vault.keys_for(tx, [ANNAS, (BELA, DataClass.CONTACT)])

    assert keys.has(BELA, DataClass.CONTACT)
    for subject in (ANNA, BELA):
        with pytest.raises(CannotOpen):
            keys.open(CONTACT, subject, sealed)


async def test_a_data_key_is_about_150_bytes_in_the_database(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        await vault.keys_for(tx, [ANNAS], create=True)
        size = await tx.scalar(select(func.pg_column_size(text("data_key"))).select_from(DataKey.__table__))

    assert size is not None
    assert 140 <= size <= 165
