"""Bad input to acts on points: a typed code, nothing changed, and on record with the member."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.graphql.problems import Language
from member_hub.ids import uuid7
from member_hub.members.tables import MemberStatus
from member_hub.points.words import AccountState
from member_hub.points.writing import account_t
from tests.graphql.pointing import act, done, earn, errors, everything, faults, freeze, mutation, points_of, pots, turn
from tests.graphql.world import NOW, People, World

BEYOND = 2**53 + 1
TILL = "app_checkout"
LIMIT = "POINTS_LIMIT"


async def refused(world: World, name: str, role: str = TILL, **stated: Any) -> list[tuple[str | None, str]]:
    """The errors, once it is certain that nothing changed and that the audit entry says so."""
    before = await everything(world)

    payload = await act(world, name, role, **stated)

    assert await everything(world) == before
    entry = max(await world.audited(), key=lambda row: (f"{row.happened_at:%Y-%m}", row.sequence))
    found = errors(payload)
    assert (entry.operation, entry.outcome) == (name, found[0][1])
    return found


async def said_of(world: World) -> list[Any]:
    """Whom the last audit entry names."""
    ids: list[Any] = (await world.audited())[-1].member_ids
    return ids


@pytest.mark.parametrize("amount", [0, -1, BEYOND, 2**63, 2**64, 10**30])
@pytest.mark.parametrize("name", ["pointsEarn", "pointsRedeem", "pointsHold", "pointsCapture", "pointsReverse"])
async def test_an_amount_is_a_whole_number_from_1_to_2_to_the_53(
    world: World, people: People, name: str, amount: int
) -> None:
    stated: dict[str, Any] = {
        "pointsEarn": {"kind": "TASK"},
        "pointsCapture": {"hold": uuid7()},
        "pointsReverse": {"operation": uuid7()},
    }.get(name, {})

    assert await refused(world, name, member=people.whole, amount=amount, **stated) == [("amount", "BAD_USER_INPUT")]
    assert await said_of(world) == [people.whole]


@pytest.mark.parametrize("amount", [0, BEYOND, -BEYOND, 10**30])
async def test_an_adjustment_is_one_either_way(world: World, people: People, amount: int) -> None:
    stated = {"member": people.whole, "amount": amount, "reason": "GOODWILL"}

    assert await refused(world, "pointsAdjust", "support_agent", **stated) == [("amount", "BAD_USER_INPUT")]


@pytest.mark.parametrize("amount", ["5", 1.5, True, None, [1], {}])
async def test_what_is_no_whole_number_is_refused_before_anything_is_asked(
    world: World, people: People, amount: Any
) -> None:
    stated = {"member": str(people.whole), "amount": amount}
    before = await everything(world)

    variables = {"input": stated, "key": "k"}
    assert await world.refused(TILL, mutation("pointsRedeem"), variables=variables) == ["BAD_USER_INPUT"]
    assert await everything(world) == before


@pytest.mark.parametrize("name", ["pointsEarn", "pointsRedeem", "pointsHold"])
async def test_nobody_and_somebody_out_of_reach_are_refused_alike(world: World, people: People, name: str) -> None:
    await turn(world, people.former, status=MemberStatus.ERASED)
    await turn(world, people.southern, handler="another")
    stated: dict[str, Any] = {"amount": 5} | ({"kind": "TASK"} if name == "pointsEarn" else {})

    for member in (uuid7(), people.former, people.southern, "no-id"):
        assert await refused(world, name, member=member, **stated) == [("member", "NOT_FOUND")]
        assert await said_of(world) == []


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_member_who_is_frozen_neither_earns_nor_spends(
    world: World, people: People, status: MemberStatus
) -> None:
    await earn(world, people.whole, 500)
    await turn(world, people.whole, status=status)

    assert await refused(world, "pointsEarn", member=people.whole, amount=5, kind="TASK") == [("id", "POINTS_FROZEN")]
    assert await refused(world, "pointsRedeem", member=people.whole, amount=5) == [("id", "POINTS_FROZEN")]
    assert await said_of(world) == [people.whole]


@pytest.mark.parametrize(
    ("state", "code"), [(AccountState.FROZEN, "POINTS_FROZEN"), (AccountState.CLOSED, "POINTS_CLOSED")]
)
async def test_an_account_that_is_not_open_takes_and_gives_nothing(
    world: World, people: People, state: AccountState, code: str
) -> None:
    await earn(world, people.whole, 500)
    await freeze(world, people.whole, state)
    lot = {"lot": uuid7(), "until": "2026-12-31T00:00:00Z"}

    assert await refused(world, "pointsEarn", member=people.whole, amount=5, kind="TASK") == [("id", code)]
    assert await refused(world, "pointsRedeem", member=people.whole, amount=5) == [("id", code)]
    assert await refused(world, "pointsHold", member=people.whole, amount=5) == [("id", code)]
    assert await refused(world, "pointsRelease", member=people.whole, hold=uuid7()) == [("id", code)]
    assert await refused(world, "pointsExtend", "support_agent", member=people.whole, **lot) == [("id", code)]


async def test_more_than_there_is_is_not_spent(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    taken = {"member": people.whole, "amount": -501, "reason": "SUSPICION"}

    assert await refused(world, "pointsRedeem", member=people.whole, amount=501) == [("amount", "POINTS_NOT_ENOUGH")]
    assert await refused(world, "pointsHold", member=people.whole, amount=501) == [("amount", "POINTS_NOT_ENOUGH")]
    assert await refused(world, "pointsAdjust", "support_agent", **taken) == [("amount", "POINTS_NOT_ENOUGH")]
    assert await refused(world, "pointsRedeem", member=people.southern, amount=1) == [("amount", "POINTS_NOT_ENOUGH")]


async def test_what_the_programme_limits(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    more = {"member": people.whole, "amount": 1_000_001, "reason": "GOODWILL"}
    lot = (await earn(world, people.whole, 10))["entries"][0]["lot"]
    late = {"member": people.whole, "lot": lot, "until": (NOW + timedelta(days=367)).isoformat()}

    assert await refused(world, "pointsEarn", member=people.whole, amount=10_001, kind="TASK") == [
        ("amount", "POINTS_LIMIT")
    ]
    assert await refused(world, "pointsAdjust", "support_agent", **more) == [("amount", "POINTS_LIMIT")]
    assert await refused(world, "pointsExtend", "support_agent", **late) == [("until", "POINTS_LIMIT")]
    for minutes, code in ((0, "BAD_USER_INPUT"), (-5, "BAD_USER_INPUT"), (10_081, LIMIT), (2**31 - 1, LIMIT)):
        stated = {"member": people.whole, "amount": 5, "minutes": minutes}
        assert await refused(world, "pointsHold", **stated) == [("minutes", code)]


async def test_a_capture_greater_than_the_hold(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    held = await done(world, "pointsHold", TILL, member=people.whole, amount=300)
    stated = {"member": people.whole, "hold": held["operationId"], "amount": 301}

    assert await refused(world, "pointsCapture", **stated) == [("amount", "CAPTURE_TOO_LARGE")]


async def test_a_hold_that_is_nobodys_or_anothers(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    held = await done(world, "pointsHold", TILL, member=people.whole, amount=300)

    for member, hold in ((people.southern, held["operationId"]), (people.whole, uuid7()), (people.whole, "no-id")):
        for name in ("pointsCapture", "pointsRelease"):
            assert await refused(world, name, member=member, hold=hold) == [("hold", "NOT_FOUND")]


async def test_a_refund_greater_than_the_line_or_of_no_line(world: World, people: People) -> None:
    line = {"orderNo": "T-1", "lineNo": 1}
    of = {"channel": "STORE", "line": line, "kind": "PURCHASE", "member": people.whole}
    await done(world, "pointsEarn", TILL, amount=10_000, **of)

    def back(fen: int, of: Any = line, refund: str = "T-1R", **more: Any) -> dict[str, Any]:
        refunded = {"of": of, "refund": {"orderNo": refund, "lineNo": 1}, "refundFen": fen}
        return {"member": people.whole, "channel": "STORE", "line": refunded, **more}

    unknown = {"orderNo": "T-2", "lineNo": 1}
    assert await refused(world, "pointsReverse", **back(10_001)) == [("line.refundFen", "REFUND_TOO_LARGE")]
    assert await refused(world, "pointsReverse", **back(0)) == [("line.refundFen", "BAD_USER_INPUT")]
    assert await refused(world, "pointsReverse", **back(-5)) == [("line.refundFen", "BAD_USER_INPUT")]
    assert await refused(world, "pointsReverse", **back(5, unknown)) == [("line.of", "ORDER_LINE_UNKNOWN")]
    assert await refused(world, "pointsReverse", **back(5) | {"member": people.southern}) == [
        ("line.of", "ORDER_LINE_UNKNOWN")
    ]
    await done(world, "pointsReverse", TILL, **back(6_000))
    assert await refused(world, "pointsReverse", **back(5)) == [("line.refund", "ALREADY_COUNTED")]
    assert await refused(world, "pointsReverse", **back(4_001, refund="T-1S")) == [
        ("line.refundFen", "REFUND_TOO_LARGE")
    ]


async def test_an_order_line_that_is_none(world: World, people: People) -> None:
    of: dict[str, Any] = {"kind": "PURCHASE", "member": people.whole, "amount": 100, "channel": "STORE"}
    for line, field in (
        ({"orderNo": "", "lineNo": 1}, "line.orderNo"),
        ({"orderNo": "x" * 101, "lineNo": 1}, "line.orderNo"),
        ({"orderNo": "a\nb", "lineNo": 1}, "line.orderNo"),
        ({"orderNo": "a", "lineNo": -1}, "line.lineNo"),
    ):
        assert await refused(world, "pointsEarn", **of | {"line": line}) == [(field, "BAD_USER_INPUT")]
    line = {"line": {"orderNo": "a", "lineNo": 1}}
    assert await refused(world, "pointsEarn", **of | line | {"kind": "TASK"}) == [("line", "BAD_USER_INPUT")]
    assert await refused(world, "pointsEarn", **{k: v for k, v in (of | line).items() if k != "channel"}) == [
        ("line", "BAD_USER_INPUT")
    ]


async def test_reversing_names_one_thing_that_can_be_reversed(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    spent = await done(world, "pointsRedeem", TILL, member=people.whole, amount=100)
    held = await done(world, "pointsHold", TILL, member=people.whole, amount=100)
    line = {"of": {"orderNo": "a", "lineNo": 1}, "refund": {"orderNo": "b", "lineNo": 1}, "refundFen": 5}

    async def of(**stated: Any) -> list[tuple[str | None, str]]:
        return await refused(world, "pointsReverse", **{"member": people.whole} | stated)

    assert await of() == [("operation", "BAD_USER_INPUT")]
    assert await of(operation=spent["operationId"], line=line) == [("operation", "BAD_USER_INPUT")]
    assert await of(line=line) == [("channel", "BAD_USER_INPUT")]
    assert await of(operation=held["operationId"]) == [("operation", "NOT_REVERSIBLE")]
    assert await of(operation="no-id") == [("operation", "NOT_REVERSIBLE")]
    assert await of(operation=spent["operationId"], amount=101) == [("amount", "NOT_REVERSIBLE")]
    assert await of(operation=spent["operationId"], member=people.southern) == [("operation", "NOT_REVERSIBLE")]


@pytest.mark.parametrize("days", [-7.001, 0.004, 6.9, 7.001, -4000])
async def test_what_happened_too_long_ago_or_too_far_ahead(world: World, people: People, days: float) -> None:
    stated = {"member": people.whole, "amount": 5, "kind": "TASK"}
    at = (world.clock.at + timedelta(days=days)).isoformat()

    assert await refused(world, "pointsEarn", **stated, occurredAt=at) == [("occurredAt", "OCCURRED_AT_OUT_OF_RANGE")]


async def test_what_a_till_dates_minutes_ahead_is_of_now(world: World, people: People) -> None:
    """Its clock is ahead of ours; what it brought would have to wait for its moment else."""
    at = (world.clock.at + timedelta(minutes=5)).isoformat()

    await earn(world, people.whole, 5, occurredAt=at)

    assert await pots(world, people.whole) == (5, 0, 0, 0)


async def test_the_texts_of_a_time_out_of_range_say_what_is_in_range(world: World, people: People) -> None:
    at = (world.clock.at + timedelta(minutes=6)).isoformat()
    stated = {"member": people.whole, "amount": 5, "kind": "TASK", "occurredAt": at}

    said = await act(world, "pointsEarn", "app_checkout", **stated)

    (error,) = said["userErrors"]
    assert error["message"].endswith("or is more than five minutes ahead of the clock, is not accepted.")


async def test_a_till_that_was_offline_earns_as_of_then(world: World, people: People) -> None:
    at = world.clock.at - timedelta(days=7)

    receipt = await earn(world, people.whole, 10_000, "PURCHASE", occurredAt=at.isoformat())

    assert receipt["recordedAt"] == "2026-11-22T08:00:00Z"
    assert [one["act"] for one in receipt["entries"]] == ["EARN"]


async def test_a_clock_that_jumped_back_writes_nothing(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    world.clock.at -= timedelta(minutes=6)

    assert await refused(world, "pointsRedeem", member=people.whole, amount=5) == [(None, "CLOCK_JUMPED")]

    world.clock.at += timedelta(minutes=2)
    assert (await done(world, "pointsRedeem", TILL, member=people.whole, amount=5))["recordedAt"] == (
        "2026-11-22T08:00:00Z"
    )


@pytest.mark.parametrize("name", ["pointsEarn", "pointsRedeem", "pointsHold", "pointsCapture", "pointsReverse"])
async def test_a_clock_that_jumped_ahead_and_came_back_leaves_what_is_recorded_in_order(
    world: World, people: People, name: str
) -> None:
    """What was done while it was wrong stands; nothing is written before it until the clock is there again."""
    first = await earn(world, people.whole, 500)
    held = await done(world, "pointsHold", TILL, member=people.whole, amount=100, minutes=10_000)
    world.clock.at += timedelta(hours=2)
    ahead = await done(world, "pointsRedeem", TILL, member=people.whole, amount=5)
    stated: dict[str, Any] = {
        "pointsEarn": {"amount": 500, "kind": "PURCHASE"},
        "pointsCapture": {"hold": held["operationId"]},
        "pointsReverse": {"operation": ahead["operationId"]},
    }.get(name, {"amount": 5})

    world.clock.at -= timedelta(hours=2)
    assert await refused(world, name, member=people.whole, **stated) == [(None, "CLOCK_JUMPED")]
    assert await said_of(world) == [people.whole]
    assert (await earn(world, people.southern, 7))["recordedAt"] == first["recordedAt"]  # others go on

    world.clock.at += timedelta(hours=1, minutes=56)
    receipt = await done(world, name, TILL, member=people.whole, **(stated | {"amount": stated.get("amount", 5)}))
    assert receipt["recordedAt"] == ahead["recordedAt"] == "2026-11-22T10:00:00Z"
    assert receipt["version"] == ahead["version"] + 1
    world.clock.at += timedelta(hours=1)
    assert (await earn(world, people.whole, 5))["recordedAt"] == "2026-11-22T10:56:00Z"
    entries = [row for row in (await everything(world))["hub.points_entry"] if row.member_id == people.whole]
    in_order = [row.recorded_at for row in sorted(entries, key=lambda row: row.sequence)]
    assert in_order == sorted(in_order)
    assert await faults(world) == []


@pytest.mark.parametrize("channel", ["TMALL", "store", "", None, 5])
async def test_an_unknown_channel_is_refused_before_anything_is_asked(
    world: World, people: People, channel: Any
) -> None:
    stated = {"member": str(people.whole), "amount": 5, "kind": "TASK", "channel": channel}
    if channel is None:  # said to be none: as if it were left out
        assert (await earn(world, people.whole, 5, channel=None))["points"] == 5
        return

    found = await world.refused(TILL, mutation("pointsEarn"), variables={"input": stated, "key": "k"})

    assert found == ["BAD_USER_INPUT"]
    assert all(not rows for rows in (await everything(world)).values())
    assert [(row.operation, row.outcome) for row in await world.audited()] == [("pointsEarn", "BAD_USER_INPUT")]


async def test_what_was_never_expired_is_not_reinstated(world: World, people: People) -> None:
    lot = (await earn(world, people.whole, 100))["entries"][0]["lot"]
    stated = {"member": people.whole, "lot": lot}
    care = "support_agent"

    assert await refused(world, "pointsReinstate", care, **stated) == [("lot", "POINTS_NOT_ENOUGH")]
    assert await refused(world, "pointsReinstate", care, **stated | {"lot": uuid7()}) == [("lot", "NOT_FOUND")]
    assert await refused(world, "pointsReinstate", care, **stated | {"lot": "x"}) == [("lot", "NOT_FOUND")]
    earlier = {"until": "2026-12-01T00:00:00Z"}
    assert await refused(world, "pointsExtend", care, **stated | earlier) == [("until", "BAD_USER_INPUT")]

    world.clock.at += timedelta(days=280)
    assert await refused(world, "pointsReinstate", care, **stated) == [("lot", "POINTS_LIMIT")]


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("2027-09-15T13:37:11+08:00", "2027-09-15T16:00:00Z"),
        ("2027-09-15T00:00:00+08:00", "2027-09-14T16:00:00Z"),
        ("2027-09-14T16:00:00.000001Z", "2027-09-15T16:00:00Z"),
    ],
)
async def test_points_are_extended_to_a_midnight_in_shanghai(
    world: World, people: People, until: str, ends: str
) -> None:
    lot = (await earn(world, people.whole, 100))["entries"][0]["lot"]

    await done(world, "pointsExtend", "support_agent", member=people.whole, lot=lot, until=until)

    assert (await points_of(world, people.whole))["expiringNext"] == {"at": ends, "points": 100}


async def test_who_is_refused_a_lot_is_told_what_is_wrong_with_it(world: World, people: People) -> None:
    lot = (await earn(world, people.whole, 100))["entries"][0]["lot"]
    spent = (await earn(world, people.southern, 100))["entries"][0]["lot"]
    await done(world, "pointsRedeem", TILL, member=people.southern, amount=100)
    until = "2027-06-30T16:00:00Z"

    assert await told(world, "pointsReinstate", member=people.whole, lot=lot) == (
        "该批次积分没有已过期的部分，无可恢复。",
        "Nothing of this lot is expired: there is nothing to reinstate.",
    )
    assert await told(world, "pointsExtend", member=people.southern, lot=spent, until=until) == (
        "该批次积分已无剩余，无可延期。",
        "Nothing of this lot is left: there is nothing to extend.",
    )
    world.clock.at += timedelta(days=200)
    assert await told(world, "pointsExtend", member=people.whole, lot=lot, until=until) == (
        "该批次积分已过期，不能延期；请用 pointsReinstate 恢复。",
        "This lot has expired: it is not extended, but brought back with pointsReinstate.",
    )


async def told(world: World, name: str, **stated: Any) -> tuple[str, str]:
    """The texts of one refusal of the lot, in both languages; nothing changed, and the audit says so."""
    care = "support_agent"
    assert await refused(world, name, care, **stated) == [("lot", "POINTS_NOT_ENOUGH")]
    zh, en = [
        (await act(world, name, care, about={"headers": {"Accept-Language": language}}, **stated))["userErrors"][0][
            "message"
        ]
        for language in Language
    ]
    return zh, en


async def test_an_account_ahead_of_the_clock_by_a_little_is_no_jump(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    async with transaction(world.hub.database.app) as tx:
        ahead = update(account_t).where(account_t.c.member_id == people.whole)
        await tx.execute(ahead.values(updated_at=NOW + timedelta(minutes=4)))

    spent = await done(world, "pointsRedeem", TILL, member=people.whole, amount=5)

    assert spent["recordedAt"] == "2026-11-22T08:04:00Z"
