"""Refunds of a file that are for more than is left of their line: refused where the line is known, else counted."""

import json

from member_hub.db import transaction
from member_hub.ingest import quarantine
from member_hub.ingest.reasons import Reason
from member_hub.ingest.retrying import retry
from member_hub.ingest.words import Source
from tests.hub import Hub, order, tally, website

LINE = order("W1", "I1", "100.50")
PART = order("W1", "I2", "-33.50", refund_of="I1/1")
TOO_MUCH = order("W1", "I3", "-99.00", refund_of="I1/1")
REST = order("W1", "I4", "-67.00", refund_of="I1/1")


async def amounts(hub: Hub) -> dict[str, int]:
    return {row.order_no: row.amount_fen for row in await hub.rows("hub.order_line")}


async def refused(hub: Hub) -> list[Reason]:
    async with transaction(hub.database.app) as tx:
        return [Reason(row.reason) for row in await quarantine.find(tx)]


async def left(hub: Hub) -> list[tuple[int, int]]:
    """Of every account the points, and the growth of all."""
    growth = sum(row.amount for row in await hub.rows("hub.growth_entry"))
    return [(row.pending + row.active - row.debt, growth) for row in await hub.rows("hub.points_account")]


async def test_a_refund_for_more_than_is_left_is_refused_and_the_rest_stands(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"))

    summary = await hub.deliver(Source.ORDERS, LINE, PART, TOO_MUCH)

    assert tally(summary) == {
        "read": 3, "applied": 2, "refund_too_large": 1, "lines_counted": 2, "points_earned": 100,
        "points_taken_back": 34,
    }  # fmt: skip
    assert summary.adds_up
    assert await amounts(hub) == {"I1": 10_050, "I2": -3_350}
    assert await left(hub) == [(66, 66)]
    assert await refused(hub) == [Reason.REFUND_TOO_LARGE]


async def test_it_is_refused_in_a_later_file_and_by_whomever_it_is_brought(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"), website("W2", "2026-11-01"))
    await hub.deliver(Source.ORDERS, LINE, PART)
    before = await amounts(hub)

    summary = await hub.deliver(Source.ORDERS, order("W2", "I3", "-67.01", refund_of="I1/1"))

    assert tally(summary) == {"read": 1, "refund_too_large": 1}
    assert await amounts(hub) == before


async def test_of_refunds_in_parts_the_last_takes_the_rest_and_no_more(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"))

    summary = await hub.deliver(Source.ORDERS, LINE, PART, REST, order("W1", "I5", "-0.01", refund_of="I1/1"))

    assert summary.quarantined == {"refund_too_large": 1}
    assert await amounts(hub) == {"I1": 10_050, "I2": -3_350, "I4": -6_700}
    assert await left(hub) == [(0, 0)]


async def test_a_refused_refund_stays_so_until_it_is_corrected(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"))
    await hub.deliver(Source.ORDERS, LINE, PART, TOO_MUCH)
    async with transaction(hub.database.app) as tx:
        (row,) = await quarantine.find(tx)
        said = json.loads(await quarantine.raw(tx, hub.vault, row.run_id, row.line))

    again = await retry(hub, source="orders")
    corrected = json.dumps(said | {"amount_yuan": "-67.00"}).encode()
    then = await retry(hub, run_id=row.run_id, line=row.line, raw=corrected)

    assert again == {"retried": 1, "applied": 0, "refused": 1}
    assert then == {"retried": 1, "applied": 1, "refused": 0}
    assert await amounts(hub) == {"I1": 10_050, "I2": -3_350, "I3": -6_700}
    assert await left(hub) == [(0, 0)]


async def test_the_same_file_again_changes_nothing(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"))
    await hub.deliver(Source.ORDERS, LINE, PART, REST)
    before = await hub.picture()

    summary = await hub.deliver(Source.ORDERS, LINE, PART, REST)

    assert tally(summary) == {"read": 3, "duplicate_deliveries": 3}
    assert await hub.picture() == before


async def test_refunds_that_come_before_their_line_take_what_it_brought_and_are_counted(hub: Hub) -> None:
    """Which of them is the wrong one nobody knows, and the order in which files come is nobody's fault."""
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"))
    await hub.deliver(Source.ORDERS, PART, TOO_MUCH)

    summary = await hub.deliver(Source.ORDERS, LINE)

    assert tally(summary) == {
        "read": 1, "applied": 1, "lines_counted": 3, "refunds_cut": 1, "points_earned": 100, "points_taken_back": 100,
    }  # fmt: skip
    assert await left(hub) == [(0, 0)]


async def test_a_line_that_cost_nothing_is_kept_and_earns_nothing(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2026-11-01"))

    summary = await hub.deliver(Source.ORDERS, order("W1", "I1", "0.00"), order("W1", "I2", "-0.01", refund_of="I1/1"))

    assert tally(summary) == {
        "read": 2, "applied": 1, "lines_counted": 1, "refund_too_large": 1,
    }  # fmt: skip
    assert await amounts(hub) == {"I1": 0}
