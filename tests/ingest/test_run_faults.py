"""A row that fails for no reason of its own is put aside; too many of them are a fault of the hub, and stop the run."""

import asyncio
import json
import logging
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import column, func, select, table, text

from member_hub.db import transaction
from member_hub.identity.actions import lock
from member_hub.identity.kinds import ClaimKind
from member_hub.ingest import batches, mapping, runs
from member_hub.ingest.batches import FAULTS_MAX, Stopped
from member_hub.ingest.retrying import retry
from member_hub.ingest.rows import START
from member_hub.ingest.runs import Run
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.hub import Hub, of_rows, order, website
from tests.picture import member_t

LOCKS = table("pg_locks", column("granted"), schema="pg_catalog")
WAITING = select(func.count()).select_from(LOCKS).where(~LOCKS.c.granted)


async def test_one_row_that_the_database_refuses_stops_neither_its_batch_nor_the_file(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await _forbid(hub, "amount_fen <> 66600")
    lines = [order("W1", f"O{n}", f"{n}.00") for n in range(660, 670)]

    with caplog.at_level(logging.WARNING):
        summary = await hub.deliver(Source.ORDERS, *lines)

    assert summary.adds_up
    assert of_rows(summary) == {"read": 10, "applied": 9, "not_applied": 1}
    assert sorted(row.order_no for row in await hub.rows("hub.order_line")) == [
        f"O{n}" for n in range(660, 670) if n != 666
    ]
    assert "Line 8 of run" in caplog.text
    assert "IntegrityError SQLSTATE 23514 at member_hub.orders" in caplog.text


async def test_after_too_many_faults_the_run_stops_and_the_same_command_goes_on(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await _forbid(hub, "amount_fen < 50000")
    lines = [order("W1", f"O{n}", f"{n}.00") for n in range(400, 620)]

    with pytest.raises(Stopped, match=f"More than {FAULTS_MAX} rows could not be applied"):
        await hub.deliver(Source.ORDERS, *lines)
    (run,) = [row for row in await hub.rows("hub.ingest_run") if row.source == "orders"]
    assert run.finished_at is None
    assert (run.counts["read"], run.counts["applied"], run.counts["quarantined.not_applied"]) == (200, 100, 100)

    await _allow(hub)
    summary = await hub.deliver(Source.ORDERS, *lines)

    assert summary.adds_up
    assert of_rows(summary) == {"read": 220, "applied": 120, "not_applied": 100}
    assert await retry(hub, source="orders") == {"retried": 100, "applied": 100, "refused": 0}
    assert len(await hub.rows("hub.order_line")) == 220


async def test_a_dry_run_stops_at_the_same_row(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await _forbid(hub, "amount_fen < 50000")
    before = await hub.counts()
    file = hub.folder / "orders.csv"
    await hub.deliver(Source.ORDERS)
    header = file.read_text("utf-8")
    file.write_text(header + "".join(f"{order('W1', f'O{n}', f'{n}.00')}\n" for n in range(450, 620)), "utf-8")

    with pytest.raises(Stopped, match="goes on with line 152"):
        await hub.ingest(Source.ORDERS, file, dry_run=True)

    assert await hub.counts() == before | {"hub.ingest_run": 2}


async def _forbid(hub: Hub, condition: str) -> None:
    async with hub.database.owner.begin() as tx:
        await tx.execute(text(f"ALTER TABLE hub.order_line ADD CONSTRAINT forbidden CHECK ({condition})"))


async def _allow(hub: Hub) -> None:
    async with hub.database.owner.begin() as tx:
        await tx.execute(text("ALTER TABLE hub.order_line DROP CONSTRAINT forbidden"))


async def test_a_lost_database_stops_the_run_and_the_same_command_goes_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_MAX", 2)
    file = hub.folder / "website.jsonl"
    rows = [json.dumps(website(f"W{n}", "2025-01-01")) + "\n" for n in range(200)]
    file.write_text("".join(rows), "utf-8")
    ending: list[asyncio.Task[None]] = []

    with pytest.raises(Stopped, match="the same command goes on"):
        await hub.ingester.ingest(
            file,
            mapping.load(Source.WEBSITE),
            on_progress=lambda _: ending.append(asyncio.create_task(_end_connections(hub))) if not ending else None,
        )
    await ending[0]
    (run,) = await hub.rows("hub.ingest_run")
    assert run.finished_at is None
    assert 0 < run.position < run.size_bytes

    summary = await hub.ingest(Source.WEBSITE, file)

    assert of_rows(summary) == {"read": 200, "new_members": 200}
    assert len(await hub.rows("hub.ingest_run")) == 1


async def test_what_a_killed_process_had_still_sent_is_not_done_twice(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last commit comes after the next process has read how far the run is."""
    rows = [website(f"W{n}", "2025-01-01") for n in range(6)]
    monkeypatch.setattr(batches, "BATCH_MAX", 2)
    unfinished = runs._unfinished

    async def behind(*arguments: Any) -> Run | None:
        found = await unfinished(*arguments)
        return found and Run(found.run_id, START, Counter())

    with pytest.raises(KeyboardInterrupt):
        await _interrupted(hub, rows)
    monkeypatch.setattr(runs, "_unfinished", behind)

    summary = await hub.deliver(Source.WEBSITE, *rows)

    assert of_rows(summary) == {"read": 6, "new_members": 6}
    assert len(await hub.rows("hub.ingest_run")) == 1


async def test_a_deadlock_is_no_fault_of_a_row(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody holds the member and wants the phone, the importer holds the phone and wants the member."""
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    token = hub.vault.token(ClaimKind.ACCOUNT, "website", "W1")

    async with transaction(hub.database.app) as tx:
        await tx.execute(select(member_t).with_for_update())
        importing = asyncio.create_task(hub.deliver(Source.WEBSITE, website("W1", "2025-06-01", name="李娜")))
        async with hub.database.login.connect() as connection:
            while not await connection.scalar(WAITING):
                await asyncio.sleep(0)
        await lock(tx, [token])  # the importer, who waits longer, is ended by the server, and comes again

    assert of_rows(await importing) == {"read": 1, "updated": 1}
    assert "row by row" not in caplog.text
    assert (await hub.picture()).profile(Channel.WEBSITE, "W1")["name"] == "李娜"


async def _interrupted(hub: Hub, rows: list[dict[str, object]]) -> None:
    """As far as the first batch."""

    def stop(_progress: object) -> None:
        raise KeyboardInterrupt

    file = hub.folder / "website.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    await hub.ingester.ingest(file, mapping.load(Source.WEBSITE), on_progress=stop)


async def _end_connections(hub: Hub) -> None:
    """As a server does that is shut down."""
    activity = table("pg_stat_activity", column("pid"), column("datname"), column("application_name"))
    others = select(func.pg_terminate_backend(activity.c.pid)).where(
        activity.c.datname == hub.database.name, activity.c.application_name == "member-hub app"
    )
    async with hub.database.login.connect() as connection:
        await connection.execute(others)
