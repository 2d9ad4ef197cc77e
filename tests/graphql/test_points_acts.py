"""Acting on points through the API: what each act does, exactly; once under its key; and who may."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.ids import uuid7
from member_hub.tiers.tables import TierChange
from tests.graphql.pointing import act, done, earn, errors, everything, faults, mutation, points_of, pots
from tests.graphql.world import NOW, People, World

ACTS = [f"points{name}" for name in ("Earn", "Redeem", "Hold", "Capture", "Release", "Reverse")]
CARE = ["pointsAdjust", "pointsReinstate", "pointsExtend"]
ALL = [*ACTS, "pointsTransfer", *CARE]
WHO = {
    **{name: {"app_checkout", "app_crm", "app_mini_program"} for name in ACTS},
    "pointsTransfer": {"app_mini_program"},
    **{name: {"support_agent"} for name in CARE},
}
ROLES = [
    "member",
    "guardian",
    "sales_associate",
    "store_manager",
    "region_manager",
    "support_agent",
    "membership_manager",
    "marketing_analyst",
    "dpo",
    "auditor",
    "system_admin",
    "app_checkout",
    "app_crm",
    "app_mini_program",
]


def acts_of(receipt: Any) -> list[tuple[str, str, int]]:
    return [(one["act"], one["reason"], one["points"]) for one in receipt["entries"]]


async def test_a_purchase_is_pending_and_a_task_is_active_at_once(world: World, people: People) -> None:
    bought = await earn(world, people.whole, 12_345, "PURCHASE")
    did = await earn(world, people.whole, 50)

    assert (bought["points"], bought["balance"], acts_of(bought)) == (123, 0, [("EARN", "PURCHASE", 123)])
    assert (did["points"], did["balance"], did["recordedAt"]) == (50, 50, "2026-11-22T08:00:00Z")
    assert acts_of(did) == [("EARN", "TASK", 50), ("ACTIVATE", "TASK", 50)]
    assert await pots(world, people.whole) == (50, 123, 0, 0)
    assert await faults(world) == []


async def test_what_comes_to_nothing_leaves_an_entry_of_none(world: World, people: People) -> None:
    receipt = await earn(world, people.whole, 99, "PURCHASE")

    assert (receipt["points"], receipt["balance"], acts_of(receipt)) == (0, 0, [("EARN", "PURCHASE", 0)])


async def test_the_tier_on_record_when_it_was_bought_multiplies(world: World, people: People) -> None:
    before = await earn(world, people.whole, 10_000, "PURCHASE")
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(
            TierChange.__table__.insert().values(
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
        )
    after = await earn(world, people.whole, 10_000, "PURCHASE")
    earlier = await earn(world, people.whole, 10_000, "PURCHASE", occurredAt=(NOW - timedelta(days=3)).isoformat())
    unmultiplied = await earn(world, people.whole, 100)

    bp = world.hub.tiers.rules.multiplier_bp("vip")
    assert bp > 10_000
    assert (before["points"], after["points"], earlier["points"]) == (100, 100 * bp // 10_000, 100)
    assert unmultiplied["points"] == 100


async def test_an_order_line_earns_once_and_its_refund_takes_its_share(world: World, people: People) -> None:
    line = {"orderNo": "T-1", "lineNo": 1}
    of = {"channel": "STORE", "line": line, "kind": "PURCHASE", "member": people.whole}
    earned = await done(world, "pointsEarn", "app_checkout", amount=10_050, **of)
    again = await act(world, "pointsEarn", "app_crm", amount=10_050, **of)
    refund = {"of": line, "refund": {"orderNo": "T-1R", "lineNo": 1}, "refundFen": 5_000}
    back = await done(world, "pointsReverse", "app_checkout", member=people.whole, channel="STORE", line=refund)

    assert earned["points"] == 100
    assert errors(again) == [("line", "ALREADY_COUNTED")]
    assert acts_of(back) == [("REVERSE", "REFUND", 50)]
    assert await pots(world, people.whole) == (0, 50, 0, 0)


async def test_spending_takes_what_expires_first(world: World, people: People) -> None:
    await earn(world, people.whole, 100)
    world.clock.at += timedelta(days=40)
    await earn(world, people.whole, 100)

    spent = await done(world, "pointsRedeem", "app_checkout", member=people.whole, amount=130)

    assert (spent["points"], spent["balance"]) == (130, 70)
    assert acts_of(spent) == [("REDEEM", "REWARD", 100), ("REDEEM", "REWARD", 30)]
    found = await points_of(world, people.whole)
    assert found["expiringNext"] == {"at": "2027-07-01T16:00:00Z", "points": 70}


async def test_a_hold_is_captured_in_part_and_the_rest_is_active_again(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    held = await done(world, "pointsHold", "app_checkout", member=people.whole, amount=300, minutes=10)
    assert (held["points"], held["balance"]) == (300, 200)

    kept = await done(
        world, "pointsCapture", "app_checkout", member=people.whole, hold=held["operationId"], amount=100, keepRest=True
    )
    assert (kept["balance"], acts_of(kept)) == (200, [("CAPTURE", "REWARD", 100)])
    rest = await done(world, "pointsCapture", "app_checkout", member=people.whole, hold=held["operationId"], amount=50)

    assert acts_of(rest) == [("CAPTURE", "REWARD", 50), ("RELEASE", "REWARD", 150)]
    assert await pots(world, people.whole) == (350, 0, 0, 0)


async def test_a_released_hold_is_active_again_and_has_ended(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    held = await done(world, "pointsHold", "app_crm", member=people.whole, amount=300)

    released = await done(world, "pointsRelease", "app_crm", member=people.whole, hold=held["operationId"])
    again = await act(world, "pointsRelease", "app_crm", member=people.whole, hold=held["operationId"])

    assert (released["points"], released["balance"]) == (300, 500)
    assert errors(again) == [("hold", "HOLD_ENDED")]


async def test_a_hold_that_timed_out_has_ended(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    held = await done(world, "pointsHold", "app_checkout", member=people.whole, amount=300, minutes=5)
    world.clock.at += timedelta(minutes=6)

    late = await act(world, "pointsCapture", "app_checkout", member=people.whole, hold=held["operationId"])

    assert errors(late) == [("hold", "HOLD_ENDED")]
    assert await pots(world, people.whole) == (500, 0, 0, 0)


async def test_what_was_spent_comes_back_to_its_lot(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    spent = await done(world, "pointsRedeem", "app_checkout", member=people.whole, amount=400)
    lot = spent["entries"][0]["lot"]

    part = await done(
        world, "pointsReverse", "app_checkout", member=people.whole, operation=spent["operationId"], amount=150
    )
    rest = await done(
        world, "pointsReverse", "app_crm", member=people.whole, operation=spent["operationId"], reason="CORRECTION"
    )
    more = await act(world, "pointsReverse", "app_crm", member=people.whole, operation=spent["operationId"])

    assert (part["points"], part["balance"], part["entries"][0]["lot"]) == (150, 250, lot)
    assert (rest["points"], rest["balance"], acts_of(rest)) == (250, 500, [("REVERSE", "CORRECTION", 250)])
    assert errors(more) == [("amount", "NOT_REVERSIBLE")]


async def test_a_small_adjustment_takes_nobody_else(world: World, people: People) -> None:
    more = await done(world, "pointsAdjust", "support_agent", member=people.whole, amount=600, reason="GOODWILL")
    less = await done(world, "pointsAdjust", "support_agent", member=people.whole, amount=-400, reason="CORRECTION")

    assert (acts_of(more), more["balance"]) == ([("ADJUST", "GOODWILL", 600)], 600)
    assert (acts_of(less), less["balance"]) == ([("ADJUST", "CORRECTION", 400)], 200)


async def test_what_expired_is_reinstated_and_a_lot_lasts_longer(world: World, people: People) -> None:
    earned = await earn(world, people.whole, 100)
    lot = earned["entries"][0]["lot"]
    longer = {"member": people.whole, "lot": lot, "until": "2027-06-30T16:00:00Z"}
    extended = await done(world, "pointsExtend", "support_agent", **longer)
    assert acts_of(extended) == [("EXTEND", "GOODWILL", 100)]
    assert (await points_of(world, people.whole))["expiringNext"]["at"] == "2027-06-30T16:00:00Z"

    world.clock.at += timedelta(days=225)
    assert await pots(world, people.whole) == (0, 0, 0, 0)
    good = await done(
        world, "pointsReinstate", "support_agent", member=people.whole, lot=lot, amount=60, reason="COMPLAINT"
    )

    assert (acts_of(good), good["balance"]) == ([("REINSTATE", "COMPLAINT", 60)], 60)


async def test_a_merged_id_acts_on_its_root(world: World, people: People) -> None:
    await earn(world, people.merged, 200)

    spent = await done(world, "pointsRedeem", "app_checkout", member=people.merged, amount=50)

    assert spent["balance"] == 150
    assert await pots(world, people.whole) == (150, 0, 0, 0)
    assert {tuple(row.member_ids) for row in await world.audited()} == {(people.whole,)}


async def test_the_mini_program_acts_for_its_member_and_for_nobody_else(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    await earn(world, people.southern, 500)
    own = {"member": people.whole}
    before = await pots(world, people.southern)

    mine = await done(world, "pointsRedeem", "app_mini_program", amount=100, about=own)
    named = await done(world, "pointsRedeem", "app_mini_program", member=people.merged, amount=100, about=own)
    theirs = await act(world, "pointsRedeem", "app_mini_program", member=people.southern, amount=100, about=own)
    nobody = await act(world, "pointsRedeem", "app_mini_program", amount=100)

    assert (mine["balance"], named["balance"]) == (400, 300)
    assert (errors(theirs), errors(nobody)) == ([("member", "NOT_FOUND")], [("member", "NOT_FOUND")])
    assert await pots(world, people.southern) == before


@pytest.mark.parametrize("name", ACTS + CARE)
async def test_the_payload_shows_the_member_after_the_act(world: World, people: People, name: str) -> None:
    """Every payload has the path to the member; one act is enough to see what it shows."""
    fields = (
        f"{name}(input: $input, idempotencyKey: $key) {{ member {{ id points {{ active }} }} receipt {{ points }} }}"
    )
    query = f"mutation ($input: {name[0].upper()}{name[1:]}Input!, $key: String!) {{ {fields} }}"
    if name != "pointsEarn":
        assert name in mutation(name)
        return
    stated = {"member": str(people.whole), "kind": "TASK", "amount": 70}

    found = await world.ask("app_checkout", query, variables={"input": stated, "key": "k"})

    assert found[name] == {
        "member": {"id": global_id(people.whole), "points": {"active": 70}},
        "receipt": {"points": 70},
    }


async def test_the_same_under_one_key_is_done_once_and_answers_alike(world: World, people: People) -> None:
    first = await earn(world, people.whole, 500, key="earn-1")
    after = await everything(world)
    world.clock.at += timedelta(hours=3)

    again = await earn(world, people.whole, 500, key="earn-1")

    assert again == first
    assert await everything(world) == after


async def test_what_was_done_is_told_again_when_it_would_be_too_late_for_it(world: World, people: People) -> None:
    at = (world.clock.at - timedelta(days=6, hours=23)).isoformat()
    first = await earn(world, people.whole, 500, key="earn-1", occurredAt=at)
    after = await everything(world)
    world.clock.at += timedelta(hours=3)

    again = await earn(world, people.whole, 500, key="earn-1", occurredAt=at)
    late = await act(
        world, "pointsEarn", "app_checkout", member=people.whole, amount=500, kind="TASK", occurredAt=at, key="earn-2"
    )

    assert again == first
    assert errors(late) == [("occurredAt", "OCCURRED_AT_OUT_OF_RANGE")]
    assert await everything(world) == after


async def test_a_key_of_the_mini_program_is_one_members(world: World, people: People) -> None:
    """Or the second one would be told the first one's receipt and balance, and keep the points."""
    for member in (people.whole, people.southern):
        await earn(world, member, 500)
    await done(world, "pointsRedeem", "app_mini_program", amount=100, key="k", about={"member": people.whole})
    after = await everything(world)

    other = await act(world, "pointsRedeem", "app_mini_program", amount=100, key="k", about={"member": people.southern})

    assert errors(other) == [("idempotencyKey", "CONFLICT")]
    assert await everything(world) == after


async def test_another_request_under_a_key_is_refused(world: World, people: People) -> None:
    await earn(world, people.whole, 500, key="one")
    after = await everything(world)

    more = await act(world, "pointsEarn", "app_checkout", member=people.whole, amount=501, kind="TASK", key="one")
    whom = await act(world, "pointsEarn", "app_checkout", member=people.southern, amount=500, kind="TASK", key="one")
    what = await act(world, "pointsRedeem", "app_checkout", member=people.whole, amount=500, key="one")

    assert [errors(one) for one in (more, whom, what)] == [[("idempotencyKey", "CONFLICT")]] * 3
    assert await everything(world) == after
    assert [row.outcome for row in await world.audited()] == ["ok", "CONFLICT", "CONFLICT", "CONFLICT"]


async def test_two_callers_may_use_one_key(world: World, people: People) -> None:
    first = await earn(world, people.whole, 500, key="one")
    other = await done(world, "pointsEarn", "app_crm", member=people.whole, amount=500, kind="TASK", key="one")

    assert other["operationId"] != first["operationId"]
    assert await pots(world, people.whole) == (1_000, 0, 0, 0)


@pytest.mark.parametrize("key", ["", " k", "k" * 101, "a\nb"])
async def test_a_key_that_is_none_is_refused(world: World, people: People, key: str) -> None:
    before = await everything(world)
    stated = {"member": str(people.whole), "amount": 1, "kind": "TASK"}

    said = await world.ask("app_checkout", mutation("pointsEarn"), variables={"input": stated, "key": key})

    assert errors(said["pointsEarn"]) == [("idempotencyKey", "BAD_USER_INPUT")]
    assert await everything(world) == before


async def test_of_twenty_who_redeem_the_whole_balance_at_once_one_does(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    came = await asyncio.gather(
        *(
            act(world, "pointsRedeem", "app_checkout" if n % 2 else "app_crm", member=people.whole, amount=500)
            for n in range(20)
        )
    )

    codes = sorted(one["userErrors"][0]["code"] if one["userErrors"] else "done" for one in came)
    assert codes == ["POINTS_NOT_ENOUGH"] * 19 + ["done"]
    assert await pots(world, people.whole) == (0, 0, 0, 0)
    assert await faults(world) == []


async def test_twenty_at_once_under_one_key_do_it_once(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    came = await asyncio.gather(
        *(done(world, "pointsRedeem", "app_checkout", member=people.whole, amount=20, key="once") for _ in range(20))
    )

    assert [one == came[0] for one in came] == [True] * 20
    assert await pots(world, people.whole) == (480, 0, 0, 0)


@pytest.mark.parametrize("name", ALL)
async def test_who_may_and_who_may_not(world: World, people: People, name: str) -> None:
    """Of those who may: whatever comes of it is no refusal of the operation."""
    stated = {
        "pointsEarn": {"kind": "TASK", "amount": 1},
        "pointsCapture": {"hold": str(uuid7())},
        "pointsRelease": {"hold": str(uuid7())},
        "pointsReverse": {"operation": str(uuid7())},
        "pointsAdjust": {"amount": 1, "reason": "GOODWILL"},
        "pointsTransfer": {"amount": 1, "to": str(people.southern)},
        "pointsReinstate": {"lot": str(uuid7())},
        "pointsExtend": {"lot": str(uuid7()), "until": "2027-01-01T00:00:00Z"},
    }.get(name, {"amount": 1})
    may = set()
    for role in ROLES:
        about: dict[str, Any] = {"member": people.whole} if role in {"member", "guardian", "app_mini_program"} else {}
        variables = {"input": {"member": str(people.whole), **stated}, "key": "k"}
        before = await everything(world)
        if await world.refused(role, mutation(name), variables=variables, **about) == ["FORBIDDEN"]:
            assert await everything(world) == before
            last = (await world.audited())[-1]
            assert (last.operation, last.outcome, last.role) == (name, "FORBIDDEN", role)
        else:
            may.add(role)

    assert may == WHO[name]


async def test_an_act_is_on_record_with_the_member_and_what_was_shown(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    (entry,) = await world.audited()
    assert (entry.operation, entry.outcome, entry.member_ids) == ("pointsEarn", "ok", [people.whole])
    assert entry.fields == ["member.loyalty:CLEAR", "member.loyalty:WRITE"]
