"""The caps of order and day hold for lines that come by the hundred as for each by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from member_hub import points
from member_hub.db import transaction
from member_hub.points import Line, LotKind
from member_hub.points.claiming import Paid
from tests.points.desk import HUB, NOW, Desk

BOUGHT = [("O1", 1, 3), ("O1", 2, 2), ("O2", 1, 1), ("O2", 2, 24)]  # order, line, hours ago; 100 yuan each


@pytest.mark.parametrize(
    ("order_max", "day_max", "earned"),
    [
        (0, 0, [100, 100, 100, 100]),
        (150, 0, [100, 50, 50, 100]),
        (0, 250, [100, 100, 50, 100]),
        (0, 60, [60, 0, 0, 60]),
    ],
)
async def test_a_batch_earns_under_the_caps_what_its_lines_would(
    desk: Desk, order_max: int, day_max: int, earned: list[int]
) -> None:
    rule = replace(desk.rules.earn[LotKind.PURCHASE], order_max=order_max, day_max=day_max)
    desk.rules = replace(desk.rules, earn={**desk.rules.earn, LotKind.PURCHASE: rule})
    anna, bert = await desk.member(), await desk.member()
    origin = await desk.origin(anna)
    lines = [
        Paid(Line("store", order, number), anna, origin, 10_000, NOW - timedelta(hours=hours))
        for order, number, hours in BOUGHT
    ]
    oldest_first = sorted(range(len(BOUGHT)), key=lambda n: -BOUGHT[n][2])

    for part in (oldest_first[:2], oldest_first[2:]):  # what an earlier batch earned counts, too
        async with transaction(desk.database.app) as tx:
            await points.count_lines(tx, HUB, desk.asked(None), [lines[n] for n in part], [])
    single = {}
    for n in oldest_first:
        order, number, hours = BOUGHT[n]
        at = NOW - timedelta(hours=hours)
        single[n] = (await desk.buy(bert, f"S-{order}", 10_000, line=number, occurred_at=at)).points

    rows = {(row.order_no, row.line_no): row.points for row in await desk.rows("points_line")}
    assert [rows[order, number] for order, number, _ in BOUGHT] == earned
    assert [single[n] for n in range(len(BOUGHT))] == earned
    assert (await desk.pots(anna))[:2] == (await desk.pots(bert))[:2]
    assert await desk.faults() == []


async def test_a_batch_counts_what_both_of_two_merged_members_earned_that_day(desk: Desk) -> None:
    rule = replace(desk.rules.earn[LotKind.PURCHASE], day_max=250)
    desk.rules = replace(desk.rules, earn={**desk.rules.earn, LotKind.PURCHASE: rule})
    anna, twin = await desk.member(), await desk.member()
    await desk.buy(anna, "O1", 10_000)
    await desk.buy(twin, "O2", 10_000)
    await desk.refund(twin, "O2", "R2", 10_000)  # an empty lot stays where it is, and has been earned

    await desk.merge(anna, twin)

    line = Paid(Line("store", "O3", 1), anna, await desk.origin(anna), 10_000, NOW)
    async with transaction(desk.database.app) as tx:
        await points.count_lines(tx, HUB, desk.asked(None), [line], [])
    assert {row.order_no: row.points for row in await desk.rows("points_line") if row.act == "paid"}["O3"] == 50
