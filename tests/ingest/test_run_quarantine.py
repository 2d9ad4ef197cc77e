"""Rows in quarantine: shown, tried again as they came or corrected; what is refused again changes nothing."""

import json

import pytest
from sqlalchemy import text

from member_hub.db import transaction
from member_hub.errors import BadInput, NotFound
from member_hub.ids import RunId
from member_hub.ingest import quarantine
from member_hub.ingest.quarantine import Quarantined
from member_hub.ingest.reasons import Reason
from member_hub.ingest.retrying import retry
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.privacy import DataClass
from tests.hub import Hub, order, website


async def find(hub: Hub) -> list[Quarantined]:
    async with transaction(hub.database.app) as tx:
        return await quarantine.find(tx)


async def raw(hub: Hub, row: Quarantined) -> str:
    async with transaction(hub.database.app) as tx:
        return await quarantine.raw(tx, hub.vault, row.run_id, row.line)


async def key_versions(hub: Hub, run_id: RunId) -> list[int]:
    code = list(DataClass).index(DataClass.INTAKE)
    keys = await hub.rows("vault.data_key")
    assert code >= 0
    return [key.version for key in keys if key.subject == run_id]


BAD_TIME = website("W1", "2025-01-01", name="张晓明") | {"updated_at": "2025-02-30"}


async def test_a_refused_row_is_shown_as_it_came(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, BAD_TIME)

    (row,) = await find(hub)

    assert (row.line, row.source, row.reason) == (1, "website", Reason.IMPOSSIBLE_TIME)
    assert json.loads(await raw(hub, row)) == BAD_TIME


async def test_a_broken_row_is_shown_byte_for_byte(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, '{"message_id": "cut, 张')

    (row,) = await find(hub)

    assert (await raw(hub, row)).strip() == '{"message_id": "cut, 张'


async def test_a_corrected_row_is_applied_and_leaves_and_the_rest_gets_a_new_key(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, BAD_TIME, "broken")
    first, second = await find(hub)
    corrected = json.dumps(website("W1", "2025-01-01", name="张晓明")).encode()

    counts = await retry(hub, run_id=first.run_id, line=first.line, raw=corrected)

    assert counts == {"retried": 1, "applied": 1, "refused": 0}
    assert [row.line for row in await find(hub)] == [2]
    assert (await raw(hub, second)).strip() == "broken"
    assert await key_versions(hub, first.run_id) == [2]
    assert (await hub.picture()).profile(Channel.WEBSITE, "W1")["name"] == "张晓明"


async def test_a_row_refused_again_changes_nothing(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, BAD_TIME, website("W2", "2025-01-01"))
    (row,) = await find(hub)
    before, rows = await hub.counts(), await hub.rows("hub.quarantine")

    still_bad = json.dumps(BAD_TIME | {"updated_at": "2025-02-31"}).encode()
    with pytest.raises(BadInput, match="nothing changed"):
        await retry(hub, run_id=row.run_id, line=row.line, raw=still_bad)
    counts = await retry(hub, run_id=row.run_id, line=row.line)

    assert counts == {"retried": 1, "applied": 0, "refused": 1}
    assert await hub.counts() == before
    assert await hub.rows("hub.quarantine") == rows


async def test_a_repeat_with_another_amount_stays_refused_however_often_it_is_tried(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00"), order("W1", "O1", "11.00"))
    before = await hub.picture()

    counts = await retry(hub, source="orders")

    assert counts == {"retried": 1, "applied": 0, "refused": 1}
    assert await hub.picture() == before
    assert [row.reason for row in await find(hub)] == [Reason.CONFLICTING_REPEAT]


async def test_retrying_a_source_takes_what_can_be_applied_by_now(hub: Hub) -> None:
    """A fault of the database that is mended: here a constraint that nobody should have made."""
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await _forbid(hub, "amount_fen <> 66600")
    await hub.deliver(Source.ORDERS, order("W1", "O1", "666.00"), order("W1", "O2", "1.00"), order("W1", "O3", "x"))
    assert [row.reason for row in await find(hub)] == [Reason.NOT_APPLIED, Reason.BAD_AMOUNT]

    at_first = await retry(hub, source="orders")
    await _allow(hub)
    then = await retry(hub, source="orders")

    assert at_first == {"retried": 2, "applied": 0, "refused": 2}
    assert then == {"retried": 2, "applied": 1, "refused": 1}
    assert [row.reason for row in await find(hub)] == [Reason.BAD_AMOUNT]
    assert sorted(row.order_no for row in await hub.rows("hub.order_line")) == ["O1", "O2"]


async def test_what_is_not_there_cannot_be_retried(hub: Hub) -> None:
    with pytest.raises(NotFound):
        await retry(hub, source="orders")


async def test_the_same_broken_row_of_the_same_file_stands_in_quarantine_once(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, "broken", BAD_TIME)
    before = await hub.counts()

    again = await hub.deliver(Source.WEBSITE, "broken", BAD_TIME)

    assert again.quarantined == {"malformed": 1, "impossible_time": 1}
    assert await hub.counts() == before | {"hub.ingest_run": 2}


async def _forbid(hub: Hub, condition: str) -> None:
    async with hub.database.owner.begin() as tx:
        await tx.execute(text(f"ALTER TABLE hub.order_line ADD CONSTRAINT forbidden CHECK ({condition})"))


async def _allow(hub: Hub) -> None:
    async with hub.database.owner.begin() as tx:
        await tx.execute(text("ALTER TABLE hub.order_line DROP CONSTRAINT forbidden"))
