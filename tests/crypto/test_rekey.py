"""Rekeying: what remains opens, what is gone never does again, whoever kept its bytes."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, update

from member_hub.crypto import CannotOpen, KeySet, Vault, rekeying, sealed_row
from member_hub.crypto.tables import DataKey
from member_hub.db import Database, Tx, transaction
from member_hub.db.bulk import insert_rows
from member_hub.privacy import DataClass
from tests.crypto.samples import ANNA, BELA, Card, Saying, column_of
from tests.crypto.test_vault import key_rows, until_somebody_waits

EVERYTHING = [(subject, data_class) for subject in (ANNA, BELA) for data_class in DataClass]
CONTACT = column_of(DataClass.CONTACT)


async def fill(tx: Tx, keys: KeySet, *, lines: int = 2) -> dict[tuple[UUID, int, str], bytes]:
    """Rows of both subjects with every sealed column filled; what was sealed."""
    kept: dict[tuple[UUID, int, str], bytes] = {}
    for subject in (ANNA, BELA):
        for line in range(lines):
            row = sealed_row(Card, {"line": line})
            values: dict[str, Any] = {"owner": subject, "line": line}
            for data_class in DataClass:
                for too in (False, True):
                    column = column_of(data_class, too=too)
                    values[column.name] = keys.seal(column, subject, f"{column.name} {line}", row=row)
                    kept[subject, line, column.name] = values[column.name]
            await tx.execute(insert(Card).values(**values))
    return kept


async def opened(tx: Tx, keys: KeySet) -> dict[tuple[UUID, int, str], str]:
    """What the table holds, opened."""
    found = {}
    for row in (await tx.execute(select(Card.__table__))).mappings():
        bound = sealed_row(Card, row)
        for column in list(Card.__table__.c)[2:]:
            if row[column] is not None:
                found[row["owner"], row["line"], column.name] = keys.open(column, row["owner"], row[column], row=bound)
    return found


async def test_after_rekeying_the_old_bytes_do_not_open_and_the_new_ones_do(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        kept = await fill(tx, await vault.keys_for(tx, EVERYTHING, create=True))
        before = await opened(tx, await vault.keys_for(tx, EVERYTHING))

    async with transaction(database.app) as tx:
        assert await vault.rekey(tx, ANNA, DataClass.CONTACT) == 4

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, EVERYTHING)
        assert await opened(tx, keys) == before
    changed = []
    for (subject, line, name), sealed in kept.items():
        try:
            keys.open(Card.__table__.c[name], subject, sealed, row=sealed_row(Card, {"line": line}))
        except CannotOpen:
            changed.append((subject, line, name))
    assert changed == [(ANNA, 0, "contact"), (ANNA, 0, "contact_too"), (ANNA, 1, "contact"), (ANNA, 1, "contact_too")]
    assert await key_rows(database) == [(ANNA, 1, 2)] + [
        (subject, code, 1) for subject in (ANNA, BELA) for code in range(1, 7) if (subject, code) != (ANNA, 1)
    ]


async def test_a_value_deleted_before_rekeying_is_gone_for_whoever_kept_its_bytes(
    database: Database, vault: Vault
) -> None:
    async with transaction(database.app) as tx:
        kept = await fill(tx, await vault.keys_for(tx, EVERYTHING, create=True))

    async with transaction(database.app) as tx:
        await tx.execute(update(Card).where(Card.owner == ANNA, Card.line == 0).values(contact=None))
        await tx.execute(delete(Card).where(Card.owner == ANNA, Card.line == 1))
        assert await vault.rekey(tx, ANNA, DataClass.CONTACT) == 1

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, EVERYTHING)
        assert (await opened(tx, keys))[ANNA, 0, "contact_too"] == "contact_too 0"
    for line in (0, 1):
        with pytest.raises(CannotOpen):
            keys.open(CONTACT, ANNA, kept[ANNA, line, "contact"], row=sealed_row(Card, {"line": line}))


async def say(tx: Tx, keys: KeySet, what: dict[str, str], *, origin: UUID = ANNA) -> None:
    for value, field in what.items():
        digest = keys.digest(origin, DataClass.CONTACT, field.encode(), value.encode())
        row = sealed_row(Saying, {"field": field, "digest": digest})
        sealed = keys.seal(Saying.value, origin, value, row=row)
        columns = ("member", "field", "origin", "digest", "value")
        assert await insert_rows(tx, Saying, columns, [(BELA, field, origin, digest, sealed)]) == 1


async def said(tx: Tx, keys: KeySet) -> dict[bytes, str]:
    rows = (await tx.execute(select(Saying.__table__))).mappings().all()
    return {
        row["digest"]: keys.open(Saying.value, row["origin"], row["value"], row=sealed_row(Saying, row)) for row in rows
    }


@pytest.mark.parametrize("page_rows", [1, 3, 500])
async def test_digests_are_made_anew_with_the_key(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, page_rows: int
) -> None:
    monkeypatch.setattr(rekeying, "PAGE_ROWS", page_rows)
    values = {f"value {n}": f"field {n % 3}" for n in range(10)}
    pair = (ANNA, DataClass.CONTACT)
    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [pair, (BELA, DataClass.CONTACT)], create=True)
        await say(tx, keys, values)
        await say(tx, keys, {"untouched": "field 0"}, origin=BELA)
        before = await said(tx, keys)

    async with transaction(database.app) as tx:
        assert await vault.rekey(tx, *pair) == 10
        keys = await vault.keys_for(tx, [pair, (BELA, DataClass.CONTACT)])
        after = await said(tx, keys)

    assert sorted(after.values()) == sorted(before.values())
    assert {value for digest, value in after.items() if digest in before} == {"untouched"}
    for value, field in values.items():  # saying it again finds the row that stands
        assert after[keys.digest(ANNA, DataClass.CONTACT, field.encode(), value.encode())] == value


async def test_rekeying_again_and_again_keeps_one_key(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        await fill(tx, await vault.keys_for(tx, EVERYTHING, create=True), lines=1)
        before = await opened(tx, await vault.keys_for(tx, EVERYTHING))
        for _ in range(3):
            assert await vault.rekey(tx, ANNA, DataClass.INTAKE) == 2
        assert await opened(tx, await vault.keys_for(tx, EVERYTHING)) == before

    assert [row for row in await key_rows(database) if row[:2] == (ANNA, 6)] == [(ANNA, 6, 4)]


async def test_rekeying_nothing_destroys_the_old_key_all_the_same(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        sealed = (await vault.keys_for(tx, EVERYTHING[:1], create=True)).seal(CONTACT, ANNA, "甲")

    async with transaction(database.app) as tx:
        assert await vault.rekey(tx, ANNA, DataClass.CONTACT) == 0
        keys = await vault.keys_for(tx, EVERYTHING[:1])

    with pytest.raises(CannotOpen):
        keys.open(CONTACT, ANNA, sealed)
    assert await key_rows(database) == [(ANNA, 1, 2)]


async def test_a_subject_without_a_key_gets_none(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        assert await vault.rekey(tx, ANNA, DataClass.CONTACT) == 0

    assert await key_rows(database) == []


async def test_a_value_that_was_tampered_with_stops_the_rekeying_and_nothing_changes(
    database: Database, vault: Vault
) -> None:
    async with transaction(database.app) as tx:
        kept = await fill(tx, await vault.keys_for(tx, EVERYTHING, create=True))
        await tx.execute(update(Card).where(Card.owner == ANNA, Card.line == 1).values(contact=b"\x01\x01" + bytes(48)))

    with pytest.raises(CannotOpen):
        async with transaction(database.app) as tx:
            await vault.rekey(tx, ANNA, DataClass.CONTACT)

    assert (ANNA, 1, 1) in await key_rows(database)
    async with transaction(database.app) as tx:
        stored = await tx.scalar(select(CONTACT).where(Card.owner == ANNA, Card.line == 0))
        keys = await vault.keys_for(tx, EVERYTHING)
    assert stored == kept[ANNA, 0, "contact"]
    assert keys.open(CONTACT, ANNA, stored, row=sealed_row(Card, {"line": 0})) == "contact 0"


async def test_rekeying_waits_for_a_writer_and_finds_what_it_wrote(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        await vault.keys_for(tx, EVERYTHING[:1], create=True)

    async def rekey() -> int:
        async with transaction(database.app) as tx:
            return await vault.rekey(tx, ANNA, DataClass.CONTACT)

    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, EVERYTHING[:1], create=True)
        waiting = asyncio.create_task(rekey())
        await until_somebody_waits(database)
        sealed = keys.seal(CONTACT, ANNA, "甲", row=sealed_row(Card, {"line": 0}))
        await tx.execute(insert(Card).values(owner=ANNA, line=0, contact=sealed))

    assert await waiting == 1
    async with transaction(database.app) as tx:
        assert await opened(tx, await vault.keys_for(tx, EVERYTHING[:1])) == {(ANNA, 0, "contact"): "甲"}


async def test_a_writer_waits_for_a_rekeying_and_seals_under_the_new_key(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        await vault.keys_for(tx, EVERYTHING[:1], create=True)

    async def write() -> bytes:
        async with transaction(database.app) as tx:
            return (await vault.keys_for(tx, EVERYTHING[:1], create=True)).seal(CONTACT, ANNA, "甲")

    async with transaction(database.app) as tx:
        await vault.rekey(tx, ANNA, DataClass.CONTACT)
        waiting = asyncio.create_task(write())
        await until_somebody_waits(database)
    sealed = await waiting

    assert await key_rows(database) == [(ANNA, 1, 2)]
    async with transaction(database.app) as tx:
        assert (await vault.keys_for(tx, EVERYTHING[:1])).open(CONTACT, ANNA, sealed) == "甲"


async def test_versions_come_to_an_end_rather_than_wrap(database: Database, vault: Vault) -> None:
    async with transaction(database.app) as tx:
        await vault.keys_for(tx, EVERYTHING[:1], create=True)
        await tx.execute(update(DataKey).values(version=2**31 - 1))
        with pytest.raises(CannotOpen):
            await vault.rekey(tx, ANNA, DataClass.CONTACT)
