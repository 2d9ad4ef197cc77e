"""orderRecord and activityRecord beside other ways to the same points, unusable accounts, and keys of other members."""

from datetime import timedelta

from sqlalchemy import func, select, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member
from member_hub.tiers.tables import GrowthEntry
from tests.graphql.pointing import done, earn, faults, pots
from tests.graphql.recording import a_member, active, an_order, counts, record
from tests.graphql.world import World


async def test_a_refund_reversed_for_its_points_alone_still_takes_growth_when_it_is_recorded(world: World) -> None:
    """Or whoever has goods taken back that way keeps the growth, and the tier."""
    member = await a_member(world)
    await record(world, an_order(member))
    line_of = {"of": {"orderNo": "T1", "lineNo": 1}, "refund": {"orderNo": "T1", "lineNo": 2}, "refundFen": 12_345}
    await done(world, "pointsReverse", "app_checkout", member=member, line=line_of, channel="STORE")

    back = {"lineNo": 2, "amountFen": 12_345, "refundOf": {"lineNo": 1}}
    receipt, errors = await record(world, an_order(member, back), key="k2")

    assert errors == []
    assert receipt is not None
    assert (receipt["takenBack"], receipt["growth"]) == (123, -123)
    async with transaction(world.hub.database.app) as tx:
        assert (await tx.execute(select(func.sum(table_of(GrowthEntry).c.amount)))).scalar_one() == 0


async def _ten_left(world: World) -> MemberId:
    """A member who has earned 123 points for the line and spent all but ten of them."""
    member = await a_member(world)
    await record(world, an_order(member))
    world.clock.at += timedelta(days=10)
    await done(world, "pointsRedeem", "app_checkout", member=member, amount=113)
    return member


async def test_of_spent_points_a_refund_tells_those_that_it_took(world: World) -> None:
    """Half of the line is 62 points, of which ten are there; growth goes by all of it. Told again it stays so."""
    member, back = await _ten_left(world), {"lineNo": 2, "amountFen": 6_150, "refundOf": {"lineNo": 1}}

    first, errors = await record(world, an_order(member, back), key="k2")
    same = await record(world, an_order(member, back), key="k2")
    world.clock.at += timedelta(minutes=1)
    again, _ = await record(world, an_order(member, back), key="k3")

    assert errors == []
    assert first is not None
    assert again is not None
    assert (first["takenBack"], first["growth"], first["duplicates"]) == (10, -62, 0)
    assert same == (first, [])
    assert (again["takenBack"], again["growth"], again["duplicates"]) == (10, -62, 1)
    assert await pots(world, member) == (0, 0, 0, 0)
    assert await faults(world) == []


async def test_what_a_refund_left_the_next_one_does_not_take(world: World) -> None:
    """Each takes its own share of the line, whatever the one before it could take."""
    member = await _ten_left(world)
    parts = [{"lineNo": n, "amountFen": fen, "refundOf": {"lineNo": 1}} for n, fen in ((2, 6_150), (3, 6_195))]
    await record(world, an_order(member, parts[0]), key="k2")
    await earn(world, member, 100)

    last, _ = await record(world, an_order(member, parts[1]), key="k3")
    both, _ = await record(world, an_order(member, *parts), key="k4")

    assert last is not None
    assert both is not None
    assert (last["takenBack"], both["takenBack"]) == (61, 71)
    assert await pots(world, member) == (39, 0, 0, 0)
    assert await faults(world) == []


async def test_a_refund_reversed_for_its_points_tells_what_it_took_when_it_is_recorded(world: World) -> None:
    member = await _ten_left(world)
    line_of = {"of": {"orderNo": "T1", "lineNo": 1}, "refund": {"orderNo": "T1", "lineNo": 2}, "refundFen": 6_150}
    reversed_ = await done(world, "pointsReverse", "app_checkout", member=member, line=line_of, channel="STORE")

    back = {"lineNo": 2, "amountFen": 6_150, "refundOf": {"lineNo": 1}}
    receipt, _ = await record(world, an_order(member, back), key="k2")

    assert receipt is not None
    assert (reversed_["points"], receipt["takenBack"], receipt["growth"]) == (10, 10, -62)
    assert await pots(world, member) == (0, 0, 0, 0)


async def test_a_line_that_earned_by_another_amount_is_a_conflict(world: World) -> None:
    member = await a_member(world)
    earned = {"kind": "PURCHASE", "amount": 99_999_900, "channel": "STORE", "line": {"orderNo": "T1", "lineNo": 1}}
    await done(world, "pointsEarn", "app_checkout", member=member, **earned)
    before = await counts(world)

    _, errors = await record(world, an_order(member))

    assert errors == [("lines.0", "CONFLICT")]
    assert await counts(world) == before


async def test_an_account_that_cannot_be_used_tells_nothing(world: World) -> None:
    """Unknown or out of reach; another's, whoever is named beside it."""
    member, other = await a_member(world), await a_member(world, "8800000002")
    theirs, unknown = {"channel": "STORE", "id": "8800000002"}, {"channel": "STORE", "id": "8800000003"}
    about = {"member": str(member)}
    own = [await record(world, an_order(account=key), "app_mini_program", **about) for key in (theirs, unknown)]
    named = [
        await record(world, an_order(other, account=key), "app_mini_program", **about) for key in (theirs, unknown)
    ]
    async with transaction(world.hub.database.app) as tx:
        table = table_of(Member)
        await tx.execute(update(table).where(table.c.member_id == other).values(handler="another"))
    looked_up = [await record(world, an_order(account=key)) for key in (theirs, unknown)]

    assert {str(one) for one in own} == {str((None, [("account", "NOT_FOUND")]))}
    assert {str(one) for one in named} == {str((None, [("member", "NOT_FOUND")]))}
    assert {str(one) for one in looked_up} == {str((None, [("account", "NOT_FOUND")]))}


async def test_a_key_of_the_mini_program_is_one_members(world: World) -> None:
    """The same input for another member is another request: nobody gets the answer of somebody else."""
    member, other = await a_member(world), await a_member(world, "8800000002")
    await record(world, an_order(), "app_mini_program", member=str(member))
    before = await counts(world)

    came = await record(world, an_order(), "app_mini_program", member=str(other))

    assert came == (None, [("idempotencyKey", "CONFLICT")])
    assert await counts(world) == before


async def test_a_day_that_was_left_out_is_the_day_of_the_first_time(world: World) -> None:
    member = await a_member(world)
    first = await active(world, member)
    world.clock.at += timedelta(days=2)

    assert await active(world, member) == first
