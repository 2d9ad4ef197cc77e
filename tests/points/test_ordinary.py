"""The ordinary earning in one statement: writes what the long way writes, and nothing where it is not ordinary."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from member_hub import points
from member_hub.db import transaction
from member_hub.db.direct import Direct
from member_hub.errors import NotFound
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import MemberStatus
from member_hub.points import Earning, LotKind
from member_hub.points.earning import as_ordinary
from member_hub.points.ordinary import earn_in_reach, earn_ordinary, simple_reach
from member_hub.points.refusals import ClockJumped, OverLimit, PointsFrozen
from member_hub.points.words import POINTS_MAX
from member_hub.points.writing import account_t
from tests.points.desk import NOW, Desk, staff
from tests.points.sharing import OF_BRAND

YUAN_100 = Earning(LotKind.PURCHASE, 10_000)
OWN = {"member_id", "lot_id", "operation_id", "origin_id", "request_id"}  # of each earning its own


def _alike(rows: list[Any], member_id: MemberId) -> list[dict[str, Any]]:
    """What stands of a member, without the ids, and with whether there is one."""
    own = [row._asdict() for row in rows if row.member_id == member_id]
    return [{name: value is None if name in OWN else value for name, value in row.items()} for row in own]


async def _stands(desk: Desk, member_id: MemberId) -> dict[str, list[dict[str, Any]]]:
    return {
        table: _alike(await desk.rows(table), member_id) for table in ("points_account", "points_lot", "points_entry")
    }


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that the driver was given."""
    texts: list[str] = []
    given = Direct.given

    def noting(self: Direct, values: Any) -> list[Any]:
        texts.append(self.text)
        return given(self, values)

    monkeypatch.setattr(Direct, "given", noting)
    return texts


@pytest.mark.parametrize("occurred_at", [None, NOW - timedelta(days=2)])
async def test_one_statement_writes_what_the_long_way_writes(desk: Desk, sent: list[str], occurred_at: Any) -> None:
    anna, bert = await desk.member(), await desk.member()
    for one in (anna, bert):
        await desk.earn(one, 50)
        await desk.buy(one, f"O{one}", 30_000)
    earning = Earning(LotKind.PURCHASE, 10_000, occurred_at=occurred_at)
    desk.later(hours=1)
    sent.clear()

    short = await desk.do(points.earn, anna, earning=earning)
    sent_for_short = len(sent)
    long = await desk.do(points.earn, bert, earning=earning, asked=desk.asked(None))  # without a key it is not tried

    assert (sent_for_short, len(sent)) == (1, 3)
    assert await _stands(desk, anna) == await _stands(desk, bert)
    assert (short.points, short.balance, short.version) == (long.points, long.balance, long.version) == (100, 50, 3)
    assert [(e.sequence, e.act, e.reason, e.amount, e.balance) for e in short.entries] == [
        (e.sequence, e.act, e.reason, e.amount, e.balance) for e in long.entries
    ]
    assert await desk.faults() == []


async def test_the_named_account_earns_and_else_the_one_the_member_began_with(desk: Desk) -> None:
    anna = await desk.member(accounts=2)
    await desk.earn(anna, 1)
    second = max(row.origin_id for row in await desk.rows("channel_account"))

    await desk.do(points.earn, anna, earning=Earning(LotKind.PURCHASE, 10_000, origin_id=second))
    await desk.do(points.earn, anna, earning=YUAN_100)

    lots = [row for row in await desk.rows("points_lot") if row.kind == "purchase"]
    assert [lot.origin_id for lot in sorted(lots, key=lambda lot: lot.lot_id)] == [second, await desk.origin(anna)]


async def test_asked_again_under_its_key_it_gives_the_same_receipt(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 1)

    first = await desk.do(points.earn, anna, earning=YUAN_100, asked=desk.asked("k"))
    stands = await desk.everything()
    again = await desk.do(points.earn, anna, earning=YUAN_100, asked=desk.asked("k"))

    assert again == first
    assert await desk.everything() == stands


async def test_a_merged_id_earns_for_its_root(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 1)
    await desk.merge(anna, twin)

    done = await desk.do(points.earn, twin, earning=YUAN_100)

    assert done.member_id == anna
    assert await desk.pots(anna) == (1, 100, 0, 0)


async def test_what_is_due_is_done_first(desk: Desk) -> None:
    anna = await desk.member()
    await desk.do(points.earn, anna, earning=YUAN_100)
    desk.later(days=10)

    done = await desk.do(points.earn, anna, earning=YUAN_100)

    assert [entry.act for entry in await desk.rows("points_entry")] == ["earn", "activate", "earn"]
    assert (done.balance, done.version) == (100, 2)
    assert await desk.pots(anna) == (100, 100, 0, 0)
    assert await desk.faults() == []


async def _refused(desk: Desk, member_id: MemberId, error: type[Exception]) -> None:
    """By the statement, which writes nothing; and then by name."""
    stands = await desk.everything()
    one = as_ordinary(staff(), member_id, asked=desk.asked(), earning=YUAN_100)
    assert one is not None

    reach = simple_reach(OF_BRAND)
    assert reach is not None
    async with transaction(desk.database.app) as tx:
        assert await earn_ordinary(tx, one) is None
        assert await earn_in_reach(tx, [(one, reach)]) == [None]
    with pytest.raises(error):
        await desk.do(points.earn, member_id, earning=YUAN_100)

    assert await desk.everything() == stands


async def test_a_frozen_account_and_a_frozen_member_earn_nothing(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    for one in (anna, bert):
        await desk.earn(one, 1)
    await desk.do(points.freeze, anna)
    await desk.set_status(bert, MemberStatus.FROZEN)

    await _refused(desk, anna, PointsFrozen)
    await _refused(desk, bert, PointsFrozen)


async def test_an_unknown_member_earns_nothing(desk: Desk) -> None:
    await _refused(desk, MemberId(uuid7()), NotFound)


async def test_a_clock_that_jumped_back_earns_nothing(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 1)
    desk.later(minutes=-6)

    await _refused(desk, anna, ClockJumped)


async def test_an_account_that_is_full_earns_nothing(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 1)
    async with transaction(desk.database.app) as tx:
        await tx.execute(update(account_t).values(pending=POINTS_MAX - 99))

    await _refused(desk, anna, OverLimit)


async def test_points_that_do_not_wait_or_have_a_cap_go_the_long_way(desk: Desk) -> None:
    anna = await desk.member()

    tried = [
        as_ordinary(staff(), anna, asked=asked, earning=earning)
        for asked, earning in (
            (desk.asked(), Earning(LotKind.TASK, 10)),
            (desk.asked(), Earning(LotKind.PURCHASE, 99)),  # of a yuan too little for a point
            (desk.asked(None), YUAN_100),
        )
    ]

    assert tried == [None, None, None]
