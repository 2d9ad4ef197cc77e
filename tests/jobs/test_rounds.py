"""What goes over many members by the clock, as an operator runs it: exactly so many, on record, and twice is once."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from member_hub.benefits.tables import BenefitRound
from member_hub.clock import SHANGHAI, Clock, business_day
from member_hub.counting import hub_caller
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.ingest.recording import RecordedLine, RecordedOrder, record_order
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.tags.tables import TagRound
from tests.hub import ORDERS_HEADER, Hub, order, website
from tests.jobs.conftest import Installed
from tests.jobs.test_commands import audited, run_of

PAIRS = 40


def done(installed: Installed, *names: str) -> list[int]:
    """How many items each job did; it ran well, and nothing failed or was left."""
    status, said = run_of(installed, *(word for name in names for word in ("--only", name)))
    assert (status, said["ok"], list(said["jobs"])) == (0, True, list(names))
    return [said["jobs"][name]["done"] for name in names]


async def on_record(installed: Installed, operation: str) -> list[Any]:
    return [row for row in await audited(installed) if row.operation == operation]


def moment(ago: timedelta = timedelta()) -> str:
    """A time of the real clock, as the files write it."""
    return (Clock().now() - ago).astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S")


async def member(hub: Hub, account: str, **more: object) -> MemberId:
    await hub.deliver(Source.WEBSITE, website(account, moment(timedelta(hours=1)), **more))
    return await hub.member_of(Channel.WEBSITE, account)


async def set_status(hub: Hub, member_id: MemberId, status: MemberStatus) -> None:
    member_t = table_of(Member)
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member_id).values(status=status))


async def stands(hub: Hub, member_id: MemberId) -> tuple[int, int]:
    """Points and growth."""
    pots = [r.pending for r in await hub.rows("hub.points_account") if r.member_id == member_id]
    return sum(pots), sum(r.amount for r in await hub.rows("hub.growth_entry") if r.member_id == member_id)


async def waiting(hub: Hub) -> int:
    return sum(r.counted_at is None for r in await hub.rows("hub.order_line"))


async def test_counting_counts_what_waited_for_a_member_who_is_open_again(hub: Hub, installed: Installed) -> None:
    anna, bert = await member(hub, "W-anna"), await member(hub, "W-bert")
    for one in (anna, bert):
        await set_status(hub, one, MemberStatus.FROZEN)
    rows = [order(f"W-{name}", f"O-{name}-{n}", at=moment()) for name in ("anna", "bert") for n in range(3)]
    await hub.deliver(Source.ORDERS, *rows)
    before = len(await on_record(installed, "jobs counting"))
    assert (done(installed, "counting"), await waiting(hub)) == ([0], 6)

    await set_status(hub, anna, MemberStatus.ACTIVE)

    assert done(installed, "counting") == [3]
    assert done(installed, "counting") == [0]
    assert [await stands(hub, one) for one in (anna, bert)] == [(30, 30), (0, 0)]
    assert await waiting(hub) == 3
    entries = await on_record(installed, "jobs counting")
    assert [row.caller for row in entries[before:]] == ["jobs"]
    await set_status(hub, bert, MemberStatus.ACTIVE)
    assert done(installed, "counting") == [3]


async def test_a_refund_that_came_while_its_line_was_being_written_is_counted_within_the_job(
    hub: Hub, installed: Installed
) -> None:
    buyer = await member(hub, "W-buyer")
    await member(hub, "W-bringer")
    sold = RecordedOrder(Channel.WEBSITE, "O-open", None, None, [RecordedLine(1, 10_000)])
    async with transaction(hub.database.app) as tx:  # the line is written, and not committed
        named = {"loyalty": hub.loyalty, "organisation": hub.organisation, "now": hub.clock.now()}
        await record_order(tx, hub_caller(), buyer, order=sold, origin_id=None, **named)
        refund = order("W-bringer", "R-open", "-30.50", at=moment(), refund_of="O-open/1")
        summary = await asyncio.wait_for(hub.deliver(Source.ORDERS, refund), timeout=30)
    assert (summary.counts["lines_not_counted_yet"], await stands(hub, buyer)) == (1, (100, 100))

    assert done(installed, "counting") == [1]

    assert await stands(hub, buyer) == (69, 69)
    assert (done(installed, "counting"), await waiting(hub)) == ([0], 0)


async def test_lines_and_their_refunds_in_two_processes_at_once_are_counted_when_the_job_has_run(
    hub: Hub, installed: Installed
) -> None:
    buyers = [await member(hub, f"W-b{n}") for n in range(2)]
    await member(hub, "W-back")
    lines = [order(f"W-b{n % 2}", f"P{n}", "100.00", at=moment()) for n in range(PAIRS)]
    refunds = [order("W-back", f"Q{n}", "-30.50", at=moment(), refund_of=f"P{n}/1") for n in range(PAIRS)]
    for name, rows in (("lines", lines), ("refunds", refunds)):
        (hub.folder / f"{name}.csv").write_text("\n".join([ORDERS_HEADER, *rows]) + "\n", "utf-8")

    both = [installed.start("ingest", "orders", str(hub.folder / f"{name}.csv")) for name in ("lines", "refunds")]
    for one in both:
        one.communicate()
    waited = await waiting(hub)
    counted = done(installed, "counting")

    assert [one.returncode for one in both] == [0, 0]
    assert counted == [waited]
    assert [await stands(hub, one) for one in buyers] == [(PAIRS // 2 * 69, PAIRS // 2 * 69)] * 2
    assert (done(installed, "counting"), await waiting(hub)) == ([0], 0)


async def test_tags_gives_computed_tags_once_a_day(hub: Hub, installed: Installed) -> None:
    done(installed, "tags")
    buyer = await member(hub, "W-tags", birthday="1990-05-01")
    await hub.deliver(Source.ORDERS, order("W-tags", "O-tags", "100.00", at=moment(timedelta(days=2))))
    assert done(installed, "tags") == [0]  # the round of the day is over
    before = len(await on_record(installed, "tags evaluate"))
    yesterday = business_day(Clock().now()) - timedelta(days=1)
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(table_of(TagRound)).values(day=yesterday))

    evaluated = done(installed, "tags")

    assert evaluated == [len(await hub.rows("hub.member"))]
    given = {r.tag: r.value for r in await hub.rows("hub.tagging") if r.member_id == buyer}
    assert given == {
        "lifecycle_stage": "new", "churn_risk": "low", "r_score": "1", "f_score": "1", "m_score": "1",
    }  # fmt: skip
    assert done(installed, "tags") == [0]
    entries = (await on_record(installed, "tags evaluate"))[before:]
    assert len(entries) == len(hub.organisation.handlers)


async def test_benefits_of_the_month_are_issued_to_whoever_was_born_in_it(hub: Hub, installed: Installed) -> None:
    today = business_day(Clock().now())
    done(installed, "benefits of the month")
    async with transaction(hub.database.app) as tx:
        await tx.execute(table_of(BenefitRound).delete())
    born = await member(hub, "W-born", birthday=f"1990-{today.month:02}-01")
    other = await member(hub, "W-other", birthday=f"1990-{today.month % 12 + 1:02}-01")

    assert done(installed, "benefits of the month") == [1]
    assert done(installed, "benefits of the month") == [0]

    gifts = [(r.member_id, r.benefit, r.granted) for r in await hub.rows("hub.entitlement")]
    assert [gift for gift in gifts if gift[0] in (born, other)] == [(born, "birthday_gift", 1)]
    entries = await on_record(installed, "jobs benefits")
    assert [(r.fields, r.member_ids) for r in entries if born in r.member_ids and other not in r.member_ids] == [
        (["member.loyalty:WRITE", "reason:birthday"], [born])
    ]
    assert {other, born} <= {one for r in entries if r.fields == ["member.birthday:MATCHED"] for one in r.member_ids}


async def test_gifts_for_promotions_come_with_the_tier_that_the_review_decides(hub: Hub, installed: Installed) -> None:
    names = ("tier thresholds", "tier review", "gifts for promotions")
    done(installed, *names)
    await hub.deliver(Source.WEBSITE, website("W-up", moment()))
    risen = await hub.member_of(Channel.WEBSITE, "W-up")
    await hub.deliver(Source.ORDERS, order("W-up", "O-up", "100.00", at=moment()))

    ran = done(installed, *names[1:])

    assert ran == [1, 1]
    assert done(installed, *names[1:]) == [0, 0]
    gifts = [(r.benefit, r.granted, r.source) for r in await hub.rows("hub.entitlement") if r.member_id == risen]
    assert gifts == [("promotion_gift", 1, "promotion")]
    entries = [r for r in await on_record(installed, "jobs benefits") if r.member_ids == [risen]]
    assert [r.fields for r in entries] == [["member.loyalty:WRITE", "reason:promotion"]]
