"""pointsEarn from many tills of one process: commits are shared, receipts, reaches and audit entries are not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from member_hub.audit import AuditLog, AuditUnavailable
from member_hub.db import snapshot, transaction
from member_hub.ids import MemberId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import MemberStatus
from member_hub.points import LotKind, Together
from member_hub.privacy import Purpose
from member_hub.tiers.tables import TierChange
from tests.graphql.pointing import act, done, earn, errors, everything, faults, pots, turn
from tests.graphql.world import NOW, People, World

YUAN_100 = 10_000


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each purchase that was tried with others, whether that did it."""
    tried: list[bool] = []
    earn_with_others = Together.earn

    async def noting(self: Together, wish: Any) -> Any:
        receipt = await earn_with_others(self, wish)
        if wish.earning.kind is LotKind.PURCHASE:
            tried.append(receipt is not None)
        return receipt

    monkeypatch.setattr(Together, "earn", noting)
    return tried


async def buy(world: World, member: MemberId, role: str = "app_checkout", **stated: Any) -> Any:
    return await act(world, "pointsEarn", role, member=member, kind="PURCHASE", amount=YUAN_100, **stated)


async def _commits(world: World) -> int:
    """How many transactions wrote what was bought."""
    async with snapshot(world.hub.database.app) as tx:
        counted = text("select count(distinct xmin::text) from hub.points_entry where reason = 'purchase'")
        return int(await tx.scalar(counted) or 0)


async def test_tills_that_ask_at_once_share_commits_and_each_is_on_record(
    world: World, people: People, shared: list[bool]
) -> None:
    for one in (people.whole, people.southern):
        await earn(world, one, 1)
    before = len(await world.audited())

    answers = await asyncio.gather(*(buy(world, (people.whole, people.southern)[n % 2]) for n in range(12)))

    receipts = [answer["receipt"] for answer in answers]
    assert [(one["points"], one["balance"]) for one in receipts] == [(100, 1)] * 12
    assert len({one["operationId"] for one in receipts}) == 12
    assert shared == [True] * 12
    assert await _commits(world) < 12
    assert [await pots(world, one) for one in (people.whole, people.southern)] == [(1, 600, 0, 0)] * 2
    assert await faults(world) == []
    said = [row for row in (await world.audited())[before:] if row.operation == "pointsEarn"]
    assert sorted(row.member_ids for row in said) == sorted([[people.whole], [people.southern]] * 6)
    assert {(row.outcome, *row.fields) for row in said} == {("ok", "member.loyalty:CLEAR", "member.loyalty:WRITE")}


async def test_the_answer_and_its_entry_are_those_of_an_earning_by_itself(
    world: World, people: People, shared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """mutation ($input: PointsEarnInput!, $key: String!) { pointsEarn(input: $input, idempotencyKey: $key) {
        member { id points { pending } } receipt { points balance entries { act reason points hold } }
        userErrors { code } } }"""
    await earn(world, people.whole, 1)
    stated = {"member": str(people.whole), "kind": "PURCHASE", "amount": YUAN_100, "channel": "STORE"}

    with_others = await world.ask("app_checkout", document, variables={"input": stated, "key": "a"})
    monkeypatch.setattr(Together, "earn", _leaves_it)
    by_itself = await world.ask("app_checkout", document, variables={"input": stated, "key": "b"})

    assert shared == [True]
    assert with_others["pointsEarn"]["member"].pop("points") == {"pending": 100}
    assert by_itself["pointsEarn"]["member"].pop("points") == {"pending": 200}
    assert with_others == by_itself
    entries = [(row.operation, row.outcome, row.fields, row.member_ids) for row in await world.audited()][-2:]
    assert entries[0] == entries[1]
    async with snapshot(world.hub.database.app) as tx:
        origins = await tx.scalars(text("select distinct origin_id from hub.points_lot where kind = 'purchase'"))
        assert len(list(origins)) == 1


async def _leaves_it(self: Together, wish: Any) -> None:
    return None


async def test_a_merged_id_is_its_root_and_its_tier_multiplies(
    world: World, people: People, shared: list[bool]
) -> None:
    await earn(world, people.whole, 1)
    change = TierChange.__table__.insert().values(
        member_id=people.whole,
        change_id=uuid7(),
        from_tier="base",
        to_tier="vip",
        reason="earned",
        rules_version=0,
        facts={},
        actor_kind="system",
        actor="jobs",
        changed_at=NOW - timedelta(days=2),
    )
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(change)
    points = 100 * world.hub.tiers.rules.multiplier_bp("vip") // 10_000

    answers = await asyncio.gather(buy(world, people.whole), buy(world, people.merged))

    assert points > 100
    assert [one["receipt"]["points"] for one in answers] == [points] * 2
    assert await pots(world, people.whole) == (1, 2 * points, 0, 0)
    assert sorted(shared) == [False, True]  # a merged id is looked up by itself


async def test_whoever_objects_is_out_of_reach_of_the_next(world: World, people: People, shared: list[bool]) -> None:
    await earn(world, people.whole, 1)
    await earn(world, people.southern, 1)
    await turn(world, people.whole, restriction_bits=restriction_mask(Purpose.MEMBER_SERVICE))
    await turn(world, people.southern, status=MemberStatus.FROZEN)
    before = await everything(world)

    answers = [await buy(world, one) for one in (people.whole, people.southern, MemberId(uuid7()))]

    assert [errors(one) for one in answers] == [
        [("member", "NOT_FOUND")],
        [("id", "POINTS_FROZEN")],
        [("member", "NOT_FOUND")],
    ]
    assert shared == [False] * 3
    assert await everything(world) == before
    outcomes = [row.outcome for row in await world.audited() if row.operation == "pointsEarn"][-3:]
    assert outcomes == ["NOT_FOUND", "POINTS_FROZEN", "NOT_FOUND"]


async def test_what_cannot_be_put_on_record_is_not_earned(
    world: World, people: People, shared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    await earn(world, people.whole, 1)
    before = await everything(world)

    async def failing(self: AuditLog, entry: Any) -> None:
        raise AuditUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(AuditLog, "write", failing)
        variables = {"input": {"member": str(people.whole), "kind": "PURCHASE", "amount": YUAN_100}, "key": "k"}
        document = (
            "mutation ($input: PointsEarnInput!, $key: String!) {"
            " pointsEarn(input: $input, idempotencyKey: $key) { receipt { points } } }"
        )
        codes = await world.refused("app_checkout", document, variables=variables)

    assert codes == ["UNAVAILABLE"]
    assert shared == [False]
    assert await everything(world) == before
    receipt = await done(world, "pointsEarn", "app_checkout", member=people.whole, kind="PURCHASE", amount=YUAN_100)
    assert receipt["points"] == 100
