"""What may be kept no longer goes by the clock, as an operator runs it, when its term is over and not before."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, select, update

from member_hub.clock import Clock, business_day
from member_hub.db import transaction
from member_hub.db.bulk import insert_rows, table_of
from member_hub.ids import uuid7
from member_hub.ingest.tables import Quarantine
from member_hub.ingest.words import Source
from member_hub.jobs.forgetting import KEPT_BY
from member_hub.members.tables import Channel
from member_hub.orders.tables import Activity, WaitingLine
from member_hub.privacy import WHILE_MEMBER_DAYS, declaration
from member_hub.tables import METADATA
from tests.hub import Hub, order, website
from tests.jobs.conftest import Installed
from tests.jobs.test_commands import JOBS
from tests.jobs.test_rounds import done, member, moment

# Immutable to the app: evidence, kept for three years after the end (consent/tables.py).
EVIDENCE = {"hub.consent_event", "hub.notice_served"}
A_MINUTE = timedelta(minutes=1)
waiting_t, quarantine_t = table_of(WaitingLine), table_of(Quarantine)


def test_every_term_that_is_declared_in_days_has_a_job_that_keeps_it() -> None:
    declared = {
        table.fullname
        for table in METADATA.tables.values()
        for column in table.columns
        if declaration(column).retention_days not in (None, WHILE_MEMBER_DAYS)
    }

    assert declared - EVIDENCE <= set(KEPT_BY)
    assert set(KEPT_BY.values()) <= set(JOBS)


async def test_old_activity_goes_when_thirteen_months_are_over_and_not_a_day_before(
    hub: Hub, installed: Installed
) -> None:
    who = await member(hub, "W-old")
    origin = await hub.origin_of(Channel.WEBSITE, "W-old")
    today = business_day(Clock().now())
    days = [today - timedelta(days=ago) for ago in (0, 395, 396, 397, 398, 800)]
    columns = ("member_id", "origin_id", "day", "kind", "count", "counted")
    async with transaction(hub.database.app) as tx:
        await insert_rows(tx, Activity, columns, [(who, origin, day, "visit", 1, 1) for day in days])

    assert done(installed, "old activity") == [3]
    assert done(installed, "old activity") == [0]

    assert [r.day for r in await hub.rows("hub.activity") if r.member_id == who] == sorted(days[:3])


async def aged(hub: Hub, table: Table, column: str, ago: timedelta, **which: Any) -> None:
    """Have these rows come so long ago."""
    where = [table.c[name] == value for name, value in which.items()]
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(table).where(*where).values({column: Clock().now() - ago}))


async def keys_of(hub: Hub, subject: Any) -> int:
    key_t = METADATA.tables["vault.data_key"]
    async with transaction(hub.database.app) as tx:
        return len((await tx.execute(select(key_t.c.version).where(key_t.c.subject == subject))).all())


async def test_lines_that_waited_thirteen_months_go_with_their_keys_and_younger_ones_still_open(
    hub: Hub, installed: Installed
) -> None:
    term = timedelta(days=396)
    await hub.deliver(Source.ORDERS, *(order("W-late", f"L{n}", "10.00", at=moment()) for n in range(3)))
    subject = (await hub.rows("hub.waiting_line"))[0].subject_id
    oldest, *others = [row.message_key for row in await hub.rows("hub.waiting_line")]
    await aged(hub, waiting_t, "received_at", term + A_MINUTE, message_key=oldest)
    for one in others:
        await aged(hub, waiting_t, "received_at", term - A_MINUTE, message_key=one)
    await hub.deliver(Source.ORDERS, order("W-never", "N1", "10.00", at=moment()))
    (never,) = {row.subject_id for row in await hub.rows("hub.waiting_line")} - {subject}
    await aged(hub, waiting_t, "received_at", term + A_MINUTE, subject_id=never)
    before = {row.message_key: row.payload for row in await hub.rows("hub.waiting_line")}

    assert done(installed, "old waiting lines") == [2]
    assert done(installed, "old waiting lines") == [0]

    after = {row.message_key: row.payload for row in await hub.rows("hub.waiting_line")}
    assert set(after) == set(others)
    assert all(after[one] != before[one] for one in others)  # under a new key: older copies open no more
    assert (await keys_of(hub, subject), await keys_of(hub, never)) == (1, 0)

    await hub.deliver(Source.WEBSITE, website("W-late", moment(timedelta(hours=1))))

    who = await hub.member_of(Channel.WEBSITE, "W-late")
    assert len([row for row in await hub.rows("hub.order_line") if row.member_id == who]) == 2
    assert await hub.rows("hub.waiting_line") == []


async def test_refused_rows_are_shredded_after_thirty_days_though_nothing_is_imported_any_more(
    hub: Hub, installed: Installed
) -> None:
    for key in ("W-one", "W-two"):
        await hub.deliver(Source.ORDERS, order(key, f"O-{key}", "ten", at=moment()))
    old, young = sorted({row.run_id for row in await hub.rows("hub.quarantine")})
    await aged(hub, quarantine_t, "refused_at", timedelta(days=30) + A_MINUTE, run_id=old)
    await aged(hub, quarantine_t, "refused_at", timedelta(days=30) - A_MINUTE, run_id=young)

    assert done(installed, "old quarantine") == [1]

    assert {row.run_id for row in await hub.rows("hub.quarantine")} == {young}
    assert (await keys_of(hub, old), await keys_of(hub, young)) == (0, 1)


def of_table(table: str, ago: timedelta) -> Mapping[str, Any]:
    """A row whose term began so long ago."""
    at = Clock().now() - ago
    named: dict[str, datetime] = {
        "hub.one_time_code": {"created_at": at, "expires_at": at + A_MINUTE},
        "hub.sign_in_try": {"tried_at": at},
        "hub.second_try": {"tried_at": at},
        "hub.session": {"started_at": at, "expires_at": at},
        "hub.member_code": {"issued_at": at, "expires_at": at},
        "hub.approval": {"approved_at": at, "expires_at": at},
        "hub.idempotency": {"done_at": at - timedelta(days=8), "expires_at": at},
    }[table]  # type: ignore[assignment]
    return {column.name: named.get(column.name, _any(column)) for column in METADATA.tables[table].columns}


def _any(column: Any) -> Any:
    drawn = uuid7()
    of_kind = {str: str(drawn), bytes: drawn.bytes, bool: False, int: 0}
    return None if column.nullable else of_kind.get(column.type.python_type, drawn)


TERMS = {
    "hub.one_time_code": timedelta(days=1),
    "hub.sign_in_try": timedelta(days=1),
    "hub.second_try": timedelta(days=30),
    "hub.session": timedelta(days=1),
    "hub.member_code": timedelta(minutes=5),
    "hub.approval": timedelta(),
    "hub.idempotency": timedelta(),
}


async def test_codes_sessions_approvals_and_keys_go_though_nobody_asks_for_new_ones(
    hub: Hub, installed: Installed
) -> None:
    for table, term in TERMS.items():
        found = METADATA.tables[table]
        async with transaction(hub.database.app) as tx:
            await tx.execute(found.delete())
            await tx.execute(found.insert(), [of_table(table, term + A_MINUTE) for _ in range(3)])
            await tx.execute(found.insert(), [of_table(table, term - 30 * A_MINUTE)])
    jobs = ("old sign-ins", "old member codes", "old approvals", "old keys")

    assert done(installed, *jobs) == [12, 3, 3, 3]
    assert done(installed, *jobs) == [0, 0, 0, 0]

    assert [len(await hub.rows(table)) for table in TERMS] == [1] * len(TERMS)
