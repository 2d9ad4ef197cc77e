"""Using a benefit and taking the use back: once under a key, as often as there is, by whom the policy names."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest

from member_hub.members.tables import MemberStatus
from tests.graphql.benefits import (
    USE,
    VOID,
    benefits_of,
    counts,
    everything,
    issue,
    last_audit,
    place,
    refusal,
    rows,
    set_status,
    use,
    void,
)
from tests.graphql.world import NOW, People, World
from tests.web.served import served

AT_ONCE = 20
SOMEBODY_ELSES = {"stores": ["SH014"]}


async def test_a_use_counts_and_says_what_is_left(world: World, people: People) -> None:
    await place(world, people.whole, "core")

    done = await use(world, people.whole, store="SH001")

    assert done["userErrors"] == []
    assert (done["entitlement"]["quantity"], done["entitlement"]["used"], done["entitlement"]["remaining"]) == (2, 1, 1)
    said = done["use"]
    assert {name: said[name] for name in said if name != "id"} == {
        "benefit": "free_shipping",
        "tier": "core",
        "store": {"code": "SH001"},
        "usedAt": "2026-11-22T08:00:00Z",
        "voidableUntil": "2026-11-23T08:00:00Z",
        "voidedAt": None,
    }
    (row,) = await rows(world, "hub.benefit_use")
    assert (row.member_id, row.tier, row.store, row.actor_kind, row.actor_role) == (
        people.whole,
        "core",
        "SH001",
        "APP",
        "app_checkout",
    )
    role, operation, outcome, fields, member_ids = await last_audit(world)
    assert (role, operation, outcome, member_ids) == ("app_checkout", "benefitUse", "ok", [people.whole])
    assert fields == ["benefit:free_shipping", "member.loyalty:CLEAR", "member.loyalty:WRITE"]


@pytest.mark.parametrize("role", ["app_checkout", "app_crm"])
async def test_a_merged_id_uses_what_its_root_has(world: World, people: People, role: str) -> None:
    await place(world, people.whole, "standard")

    done = await use(world, people.merged, role=role)

    assert done["userErrors"] == []
    assert (await counts(world, people.whole))["free_shipping"] == (1, 1, "USED_UP")
    assert [row.member_id for row in await rows(world, "hub.benefit_use")] == [people.whole]


async def test_the_mini_program_uses_for_its_own_member_alone(world: World, people: People) -> None:
    await place(world, people.whole, "standard")
    await place(world, people.southern, "standard")

    done = await use(world, None, role="app_mini_program", member=people.whole)
    other = await use(world, people.southern, role="app_mini_program", member=people.whole)

    assert done["entitlement"]["used"] == 1
    assert refusal(other) == [("member", "NOT_FOUND")]
    assert (await counts(world, people.southern))["free_shipping"] == (1, 0, "USABLE")


async def test_one_key_counts_once_and_gives_the_first_use_again(world: World, people: People) -> None:
    await place(world, people.whole, "core")

    first = await use(world, people.whole, key="k-1")
    again = await use(world, people.whole, key="k-1")
    other = await use(world, people.whole, "gift_wrapping", key="k-1")

    assert again["use"] == first["use"]
    assert refusal(other) == [("idempotencyKey", "CONFLICT")]
    assert await counts(world, people.whole) == {
        "free_shipping": (2, 1, "USABLE"),
        "gift_wrapping": (4, 0, "USABLE"),
        "priority_fitting": (2, 0, "USABLE"),
    }


async def test_of_twenty_that_use_the_last_one_at_once_exactly_one_succeeds(world: World, people: People) -> None:
    await place(world, people.whole, "core")
    await use(world, people.whole)

    done = await asyncio.gather(*(use(world, people.whole) for _ in range(AT_ONCE)))

    codes = Counter(tuple(one["code"] for one in payload["userErrors"]) for payload in done)
    assert codes == {(): 1, ("BENEFIT_USED_UP",): AT_ONCE - 1}
    assert (await counts(world, people.whole))["free_shipping"] == (2, 2, "USED_UP")
    assert len(await rows(world, "hub.benefit_use")) == 2


async def test_over_connections_of_their_own_twenty_use_the_last_one_and_one_succeeds(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"Authorization": f"Bearer {world.token('app_checkout')}"}
    said = {"member": str(people.whole), "benefit": "gift_wrapping"}

    async with served(world.hub, monkeypatch) as port:

        async def once(number: int) -> list[str]:
            body = {"query": USE, "variables": {"input": said, "key": f"till-{number}"}}
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                answer = (await client.post("/graphql", json=body, headers=sent)).json()
            return [one["code"] for one in answer["data"]["benefitUse"]["userErrors"]]

        done = await asyncio.gather(*(once(number) for number in range(AT_ONCE)))

    assert Counter(map(tuple, done)) == {(): 1, ("BENEFIT_USED_UP",): AT_ONCE - 1}
    assert len(await rows(world, "hub.benefit_use")) == 1


async def test_of_twenty_first_uses_at_once_as_many_succeed_as_there_are(world: World, people: People) -> None:
    await place(world, people.whole, "vip")

    done = await asyncio.gather(*(use(world, people.whole) for _ in range(AT_ONCE)))

    assert sum(payload["userErrors"] == [] for payload in done) == 4
    assert len(await rows(world, "hub.entitlement")) == 1


async def test_twenty_that_ask_under_one_key_get_one_use(world: World, people: People) -> None:
    await place(world, people.whole, "vip")

    done = await asyncio.gather(*(use(world, people.whole, key="one") for _ in range(AT_ONCE)))

    assert len({payload["use"]["id"] for payload in done}) == 1
    assert (await counts(world, people.whole))["free_shipping"] == (4, 1, "USABLE")


async def test_what_ends_first_is_used_first_and_one_that_is_named_alone(world: World, people: People) -> None:
    early = (await issue(world, people.whole))["entitlement"]["id"]
    world.clock.at += timedelta(days=3)
    late = (await issue(world, people.whole))["entitlement"]["id"]

    first = await use(world, people.whole, "goodwill_coupon")
    named = await use(world, people.whole, "goodwill_coupon", entitlement=early)
    other = await use(world, people.whole, "goodwill_coupon", entitlement=late)
    over = await use(world, people.whole, "goodwill_coupon")

    assert first["entitlement"]["id"] == early
    assert refusal(named) == [("benefit", "BENEFIT_USED_UP")]
    assert other["entitlement"]["id"] == late
    assert refusal(over) == [("benefit", "BENEFIT_USED_UP")]


async def test_what_was_issued_ends_with_its_last_day(world: World, people: People) -> None:
    await issue(world, people.whole)
    world.clock.at = NOW + timedelta(days=30, hours=7, minutes=59)  # the last minute of 22 December in Shanghai
    assert "goodwill_coupon" in await counts(world, people.whole)
    world.clock.at += timedelta(minutes=1)

    assert "goodwill_coupon" not in await counts(world, people.whole)
    assert refusal(await use(world, people.whole, "goodwill_coupon")) == [("benefit", "BENEFIT_NOT_ENTITLED")]


async def test_a_void_gives_the_count_back_once(world: World, people: People) -> None:
    await place(world, people.whole, "standard")
    used = (await use(world, people.whole))["use"]["id"]

    done = await void(world, used, key="v-1")
    again = await void(world, used, key="v-1")
    twice = await void(world, used, key="v-2")

    assert done["use"]["voidedAt"] == "2026-11-22T08:00:00Z"
    assert (done["entitlement"]["used"], done["entitlement"]["remaining"]) == (0, 1)
    assert again["use"] == done["use"]
    assert refusal(twice) == [("use", "BENEFIT_ALREADY_VOIDED")]
    assert (await counts(world, people.whole))["free_shipping"] == (1, 0, "USABLE")
    assert [row.act for row in await rows(world, "hub.benefit_use")] == ["used", "voided"]


async def test_of_twenty_voids_at_once_one_gives_back(world: World, people: People) -> None:
    await place(world, people.whole, "core")
    await use(world, people.whole)
    used = (await use(world, people.whole))["use"]["id"]

    done = await asyncio.gather(*(void(world, used) for _ in range(AT_ONCE)))

    assert sum(payload["userErrors"] == [] for payload in done) == 1
    assert (await counts(world, people.whole))["free_shipping"] == (2, 1, "USABLE")


async def test_a_void_is_for_the_same_kind_of_app_or_staff_within_the_time(world: World, people: People) -> None:
    await place(world, people.whole, "core")
    used = (await use(world, people.whole))["use"]["id"]
    later = (await use(world, people.whole))["use"]["id"]
    before = await everything(world)

    assert refusal(await void(world, used, role="app_crm")) == [("use", "FORBIDDEN")]
    assert refusal(await void(world, used, role="store_manager", **SOMEBODY_ELSES)) == [("use", "NOT_FOUND")]
    assert await everything(world) == before

    by_manager = await void(world, used, role="store_manager")
    world.clock.at = NOW + timedelta(days=1, seconds=1)
    too_late = await void(world, later)

    assert by_manager["use"]["voidedAt"] is not None
    assert refusal(too_late) == [("use", "BENEFIT_VOID_TOO_LATE")]
    assert (await counts(world, people.whole))["free_shipping"] == (2, 1, "USABLE")
    assert (await last_audit(world))[1:3] == ("member", "ok")
    assert [row.outcome for row in await world.audited() if row.operation == "benefitVoid"] == [
        "FORBIDDEN",
        "NOT_FOUND",
        "ok",
        "BENEFIT_VOID_TOO_LATE",
    ]


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"benefit": "priority_fitting"}, ("benefit", "BENEFIT_NOT_ENTITLED")),
        ({"benefit": "birthday_gift"}, ("benefit", "BENEFIT_NOT_ENTITLED")),
        ({"benefit": "goodwill_coupon"}, ("benefit", "BENEFIT_NOT_ENTITLED")),
        ({"benefit": "13812345670"}, ("benefit", "BENEFIT_UNKNOWN")),
        ({"benefit": "gift_wrapping", "store": "XX999"}, ("store", "BAD_USER_INPUT")),
        ({"benefit": "gift_wrapping", "entitlement": "none"}, ("entitlement", "NOT_FOUND")),
        ({"benefit": "gift_wrapping", "entitlement": str(uuid4())}, ("entitlement", "BENEFIT_NOT_ENTITLED")),
        ({"benefit": "gift_wrapping", "key": "x" * 101}, ("idempotencyKey", "BAD_USER_INPUT")),
    ],
)
async def test_what_cannot_be_used_changes_nothing_and_is_on_record(
    world: World, people: People, asked: dict[str, str], refused: tuple[str, str]
) -> None:
    before = await everything(world)

    assert refusal(await use(world, people.whole, **asked)) == [refused]

    assert await everything(world) == before
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("benefitUse", refused[1])
    assert not any("13812345670" in field for field in entry.fields)


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_frozen_membership_neither_uses_nor_is_given(
    world: World, people: People, status: MemberStatus
) -> None:
    await set_status(world, people.whole, status)
    before = await everything(world)

    assert refusal(await use(world, people.whole, "gift_wrapping")) == [("member", "BENEFITS_FROZEN")]
    assert refusal(await issue(world, people.whole)) == [("member", "BENEFITS_FROZEN")]

    assert await everything(world) == before
    entries = [(row.operation, row.outcome, row.member_ids) for row in await world.audited()]
    assert entries == [(name, "BENEFITS_FROZEN", [people.whole]) for name in ("benefitUse", "benefitIssue")]


@pytest.mark.parametrize("member", ["unknown", "erased", "southern's store manager"])
async def test_nobody_in_reach_is_not_found(world: World, people: People, member: str) -> None:
    used = (await use(world, people.southern, "gift_wrapping"))["use"]["id"]
    if member == "erased":
        await set_status(world, people.southern, MemberStatus.ERASED)
    before = await everything(world)

    if member == "southern's store manager":
        assert refusal(await void(world, used, role="store_manager")) == [("use", "NOT_FOUND")]
    else:
        whom = uuid4() if member == "unknown" else people.southern
        assert refusal(await use(world, whom, "gift_wrapping")) == [("member", "NOT_FOUND")]
        assert refusal(await void(world, str(uuid4()))) == [("use", "NOT_FOUND")]

    assert await everything(world) == before


@pytest.mark.parametrize(
    "role", ["member", "sales_associate", "store_manager", "support_agent", "membership_manager", "dpo", "auditor"]
)
async def test_other_roles_use_nothing(world: World, people: People, role: str) -> None:
    about = {"member": people.whole} if role == "member" else {}
    variables = {"input": {"member": str(people.whole), "benefit": "gift_wrapping"}, "key": "k"}

    assert await world.refused(role, USE, variables=variables, **about) == ["FORBIDDEN"]

    assert await rows(world, "hub.benefit_use") == []
    assert (await last_audit(world))[1:3] == ("benefitUse", "FORBIDDEN")


@pytest.mark.parametrize("role", ["app_mini_program", "sales_associate", "support_agent"])
async def test_other_roles_void_nothing(world: World, people: People, role: str) -> None:
    used = (await use(world, people.whole, "gift_wrapping"))["use"]["id"]

    assert await world.refused(role, VOID, variables={"input": {"use": used}, "key": "k"}) == ["FORBIDDEN"]

    assert (await benefits_of(world, people.whole))["gift_wrapping"]["used"] == 1
