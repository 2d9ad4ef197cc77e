"""An order's number is read in one way, whoever brings it: one order is one, however it is spelled."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from member_hub.ingest.summary import Count
from tests.graphql.pointing import act, done, errors, everything, pots
from tests.graphql.recording import a_member, an_order, imported, record, refuses
from tests.graphql.world import World

SPELLINGS = ["T1", " T1", "T1 ", "\u3000T1", "\uff34\uff11", "T1\u200b"]
NONE = ["", " ", "T 1", "T\n1", "T" * 65, "null", "000"]


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_line_whose_points_were_earned_is_that_line_however_the_order_spells_it(
    world: World, spelled: str
) -> None:
    member = await a_member(world)
    earned = {"kind": "PURCHASE", "amount": 12_345, "channel": "STORE", "line": {"orderNo": spelled, "lineNo": 1}}
    await done(world, "pointsEarn", "app_checkout", member=member, **earned)

    first, _ = await record(world, an_order(member))
    world.clock.at += timedelta(minutes=1)
    again, _ = await record(world, an_order(member, orderNo=spelled), key="k2")

    assert first is not None
    assert again is not None
    assert (first["points"], again["points"], again["duplicates"]) == (123, 123, 1)
    assert (await pots(world, member))[1] == 123


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_refund_finds_its_line_and_counts_once_however_it_is_spelled(world: World, spelled: str) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    line = {"of": {"orderNo": spelled, "lineNo": 1}, "refund": {"orderNo": spelled, "lineNo": 2}, "refundFen": 12_345}
    back = {"lineNo": 2, "amountFen": 12_345, "refundOf": {"lineNo": 1, "orderNo": spelled}}

    reversal = await done(world, "pointsReverse", "app_checkout", member=member, line=line, channel="STORE")
    receipt, _ = await record(world, an_order(member, back, store=None), key="k2")

    assert reversal["points"] == 123
    assert receipt is not None
    assert receipt["takenBack"] == 123
    assert (await pots(world, member))[1] == 0


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_file_and_a_till_mean_the_same_line(world: World, tmp_path: Path, spelled: str) -> None:
    member = await a_member(world)
    row = f'"{spelled}",1,store,SH001,store_card,8800000001,123.45,2026-11-21T12:00:00+08:00,paid,'
    assert (await imported(world, tmp_path, row))[Count.APPLIED] == 1

    receipt, errors = await record(world, an_order(member, orderNo=spelled))

    assert errors == []
    assert receipt is not None
    assert (receipt["points"], (await pots(world, member))[1]) == (123, 123)


@pytest.mark.parametrize("order_no", NONE)
async def test_what_no_file_may_bring_is_refused_at_the_till_too(world: World, tmp_path: Path, order_no: str) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    good, bad = {"orderNo": "T1", "lineNo": 1}, {"orderNo": order_no, "lineNo": 3}
    before = await everything(world)

    assert await said(world, "pointsEarn", kind="PURCHASE", amount=1, member=member, line=bad) == "line.orderNo"
    for of, refund, place in ((good, bad, "refund"), (bad, good, "of")):
        line = {"of": of, "refund": refund, "refundFen": 1}
        assert await said(world, "pointsReverse", member=member, line=line) == f"line.{place}.orderNo"

    assert await everything(world) == before
    await refuses(world, an_order(member, orderNo=order_no), ("orderNo", "BAD_USER_INPUT"), member)
    row = f'"{order_no}",1,store,SH001,store_card,8800000001,123.45,2026-11-21T12:00:00+08:00,paid,'
    assert (await imported(world, tmp_path, row))[Count.APPLIED] == 0


async def said(world: World, name: str, **stated: Any) -> str | None:
    """The field of the only error, which is one of input, and on record."""
    ((field, code),) = errors(await act(world, name, "app_checkout", channel="STORE", **stated))
    assert (code, (await world.audited())[-1].outcome) == ("BAD_USER_INPUT", "BAD_USER_INPUT")
    return field
