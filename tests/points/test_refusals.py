"""Bad input and members who cannot: a typed refusal, and nothing changed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from member_hub import points
from member_hub.errors import NotFound
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import MemberStatus
from member_hub.points import Earning, Line, LotKind, NotEnoughPoints, Reason
from member_hub.points.refusals import BadAmount, ClockJumped, OverLimit, PointsFrozen
from member_hub.points.words import POINTS_MAX
from tests.points.desk import Act, Desk

BAD = [0, -1, POINTS_MAX + 1, 2**63, True, 1.0, None, "1"]


def acts(amount: Any) -> list[tuple[Act, Mapping[str, Any]]]:
    line, refund = Line("store", "O1", 1), Line("store", "R1", 1)
    return [
        (points.earn, {"earning": Earning(LotKind.TASK, amount)}),
        (points.earn_for_order_line, {"line": refund, "earning": Earning(LotKind.PURCHASE, amount)}),
        (points.reverse_order_line, {"line": line, "refund": refund, "refund_fen": amount}),
        (points.redeem, {"amount": amount}),
        (points.hold, {"amount": amount}),
        (points.transfer, {"to": uuid7(), "amount": amount}),
    ]


@pytest.mark.parametrize("amount", BAD)
async def test_an_amount_that_is_none_is_refused_by_every_act(desk: Desk, amount: Any) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    await desk.buy(anna, "O1", 10_000)
    before = await desk.everything()

    for act, said in acts(amount):
        with pytest.raises(BadAmount):
            await desk.do(act, anna, **said)
    if amount != -1:
        with pytest.raises(BadAmount):
            await desk.do(points.adjust, anna, amount=amount, reason=Reason.GOODWILL)

    assert await desk.everything() == before


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_frozen_or_restricted_member_is_refused(desk: Desk, status: MemberStatus) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    await desk.set_status(anna, status)

    await _refused_by_all(desk, anna, PointsFrozen)


async def test_an_unknown_and_an_erased_member_look_the_same(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    await desk.set_status(anna, MemberStatus.ERASED)

    for member in (anna, MemberId(uuid7())):
        await _refused_by_all(desk, member, NotFound)


async def test_who_never_had_points_has_not_enough_of_them(desk: Desk) -> None:
    anna = await desk.member()
    before = await desk.everything()

    with pytest.raises(NotEnoughPoints):
        await desk.do(points.redeem, anna, amount=1)

    assert await desk.everything() == before


async def test_a_clock_that_jumped_back_is_refused_and_a_little_is_borne(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    recorded = desk.clock.now()
    before = await desk.everything()
    desk.clock.at = recorded - timedelta(minutes=6)

    with pytest.raises(ClockJumped):
        await desk.do(points.redeem, anna, amount=1)
    assert await desk.everything() == before

    desk.clock.at = recorded - timedelta(minutes=4)
    done = await desk.do(points.redeem, anna, amount=1)
    assert done.recorded_at == recorded  # never before an older entry
    assert (await desk.at(anna, recorded)).active == 99


async def test_no_balance_grows_beyond_what_every_client_can_read(desk: Desk) -> None:
    anna = await desk.member()
    await desk.open_balance(anna, POINTS_MAX)
    before = await desk.everything()

    with pytest.raises(OverLimit):
        await desk.earn(anna, 1)

    assert await desk.everything() == before


async def _refused_by_all(desk: Desk, member: MemberId, why: type[Exception]) -> None:
    before = await desk.everything()
    bert = await desk.member()
    await desk.earn(bert, 10)
    before = await desk.everything()
    for act, said in acts(1):
        if act not in (points.reverse_order_line, points.transfer):
            with pytest.raises(why):
                await desk.do(act, member, **said)
    for one, other in ((member, bert), (bert, member)):
        with pytest.raises(why):
            await desk.do(points.transfer, one, to=other, amount=1)
    assert await desk.everything() == before
