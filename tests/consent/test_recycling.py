"""Bits of replaced gates: a material change writes one row per recipient, however many members; no bit is lost."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from member_hub.consent.notice import recycling
from member_hub.consent.notice.refusals import NoBitLeft
from member_hub.consent.words import NoticeFamily
from member_hub.db import Database, transaction
from tests.consent.test_publishing import CATALOGUE, NOW, publish

MEMBERS = 10_000
HOUR = timedelta(hours=1)
MINE = CATALOGUE.__class__(CATALOGUE.version, CATALOGUE.numbers, CATALOGUE.purposes, {})  # nobody else gets anything


async def said(database: Database, statement: str, **values: Any) -> Any:
    async with transaction(database.app) as tx:
        return (await tx.execute(text(statement), values)).scalar_one()


async def changed(database: Database, number: int, *, at: Any, **more: Any) -> None:
    more = {"catalogue": MINE, "purposes": ["marketing"], "changed": ["marketing"]} | more
    await publish(database, f"members-{number}", at=at, **more)


async def crowd(database: Database, bits: int, handler: str = "demo_brand") -> None:
    async with transaction(database.app) as tx:
        await tx.execute(
            text(
                "INSERT INTO hub.member (member_id, status, handler, joined_at, channels, consent_bits, created_at,"
                " updated_at) SELECT gen_random_uuid(), 'active', :handler, now(), 0, :bits, now(), now()"
                " FROM generate_series(1, :count)"
            ),
            {"handler": handler, "bits": bits, "count": MEMBERS},
        )


async def test_a_material_change_over_ten_thousand_members_is_one_row_and_no_member(database: Database) -> None:
    await changed(database, 1, at=NOW)
    await crowd(database, 0b1)
    versions = "SELECT md5(string_agg(member_id::text || xmin::text, '' ORDER BY member_id)) FROM hub.member"
    before, gates = await said(database, versions), await said(database, "SELECT count(*) FROM hub.consent_gate")

    await changed(database, 2, at=NOW + HOUR)

    assert await said(database, versions) == before
    assert await said(database, "SELECT count(*) FROM hub.consent_gate") == gates + 1


async def test_replaced_bits_are_cleared_from_everybody_of_the_handler_and_freed(database: Database) -> None:
    await changed(database, 1, at=NOW)
    await changed(database, 2, at=NOW + HOUR)
    await crowd(database, 0b111)
    await crowd(database, 0b001, handler="another")
    epochs = "SELECT sum(version) + sum(privacy_epoch) FROM hub.member"
    before = await said(database, epochs)

    assert await recycling.free_replaced(database, now=NOW + HOUR + timedelta(minutes=59)) == 0
    assert await recycling.free_replaced(database, now=NOW + 2 * HOUR) == 1

    bits = "SELECT array_agg(DISTINCT consent_bits) FROM hub.member WHERE handler = :handler"
    assert await said(database, bits, handler="demo_brand") == [0b110]
    assert await said(database, bits, handler="another") == [0b001]
    assert await said(database, "SELECT count(*) FROM hub.consent_gate WHERE freed_at IS NULL") == 1
    assert await said(database, epochs) == before
    assert await recycling.free_replaced(database, now=NOW + 3 * HOUR) == 0
    await changed(database, 3, at=NOW + 4 * HOUR)
    assert await said(database, "SELECT bit FROM hub.consent_gate ORDER BY effective_at DESC LIMIT 1") == 0


async def test_a_round_is_bounded_and_the_next_goes_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recycling, "BATCH", 3_000)
    monkeypatch.setattr(recycling, "CLEARING_MAX", 2)
    await changed(database, 1, at=NOW)
    await changed(database, 2, at=NOW + HOUR)
    await crowd(database, 0b1)
    left = "SELECT count(*) FROM hub.member WHERE consent_bits <> 0"

    rounds = []
    for _ in range(3):
        freed = await recycling.free_replaced(database, now=NOW + 2 * HOUR)
        rounds.append((freed, await said(database, left)))

    assert rounds == [(0, 4_000), (1, 0), (0, 0)]


async def test_a_member_who_is_held_keeps_the_bit_from_being_given_out(database: Database) -> None:
    await changed(database, 1, at=NOW)
    await changed(database, 2, at=NOW + HOUR)
    await crowd(database, 0b1)

    async with transaction(database.app) as tx:
        await tx.execute(text("SELECT 1 FROM hub.member ORDER BY member_id LIMIT 1 FOR UPDATE"))
        assert await recycling.free_replaced(database, now=NOW + 2 * HOUR) == 0

    assert await said(database, "SELECT count(*) FROM hub.member WHERE consent_bits <> 0") == 1
    assert await recycling.free_replaced(database, now=NOW + 2 * HOUR) == 1


async def test_seventy_material_changes_in_a_row_work_with_the_job_between(database: Database) -> None:
    for number in range(70):
        at = NOW + 2 * HOUR * number
        await changed(database, number, at=at)
        await recycling.free_replaced(database, now=at)

    assert await said(database, "SELECT count(*) FROM hub.consent_gate") == 70
    assert await said(database, "SELECT max(bit) FROM hub.consent_gate") == 2


async def test_without_the_job_the_sixty_fourth_is_refused_and_changes_nothing(database: Database) -> None:
    for number in range(63):
        await changed(database, number, at=NOW + HOUR * number)

    at = NOW + HOUR * 63
    with pytest.raises(NoBitLeft):
        await changed(database, 63, at=at)

    assert await said(database, "SELECT count(*) FROM hub.notice") == 63
    assert await recycling.free_replaced(database, now=at) == 62
    await changed(database, 63, at=at)
    assert await said(database, "SELECT count(*) FROM hub.consent_gate WHERE freed_at IS NULL") == 2


async def test_an_older_text_on_record_frees_nothing(database: Database) -> None:
    await changed(database, 1, at=NOW)
    more = {"family": NoticeFamily.WEBSITE, "effective_at": NOW - 1000 * HOUR, "changed": ()}
    await changed(database, 2, at=NOW + HOUR, **more)

    assert await recycling.free_replaced(database, now=NOW + 9 * HOUR) == 0
