"""At the till: a member shows a code, and whoever serves in any store finds them once, as far as the till needs it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, text, update

from member_hub import till
from member_hub.db import Database, transaction
from member_hub.till.actions import CODES_MAX, CODES_WITHIN
from member_hub.till.rules import read
from tests.graphql.till import BY, ISSUE, PROFILE, code_t, codes, find, shown_by, told
from tests.graphql.world import WHOLE, People, World

MANY = "query ($by: [MemberKey!]!) { members(by: $by) { name { display } phone { state } } }"
UPDATE = """mutation ($id: ID!) { profileUpdate(id: $id, expectedVersion: 1, input: {name: "张三丰"}) {
    member { id } userErrors { code } } }"""
DENIED = {"value": None, "display": None, "state": "DENIED"}
FIELDS = ("phone", "email", "birthday", "gender", "address")
STORE_ROLES = ["sales_associate", "store_manager", "region_manager"]
LOOKS_MAX = 20_000


@pytest.mark.parametrize("role", ["member", "app_mini_program"])
async def test_a_member_gets_a_code_that_says_nothing_and_lives_a_minute(
    world: World, people: People, role: str
) -> None:
    answer = (await world.ask(role, ISSUE, member=people.southern))["memberCodeIssue"]

    shown = answer["memberCode"]
    (row,) = await codes(world)
    assert len(shown["code"]) == 16
    assert shown["display"].replace("-", "") == shown["code"]
    assert read(shown["display"]) == read(shown["code"])
    assert (row.member_id, row.used_at, (row.expires_at - row.issued_at).total_seconds()) == (people.southern, None, 60)
    raw = read(shown["code"])
    assert raw is not None
    assert raw not in (row.code_digest, row.code_digest[:10])
    assert await told(world) == [(role, "memberCodeIssue", "ok", [], [people.southern])]


@pytest.mark.parametrize("role", STORE_ROLES)
async def test_any_store_finds_who_shows_a_code_with_a_masked_name_and_no_more(
    world: World, people: People, role: str
) -> None:
    code = await shown_by(world, people.southern)

    found = await find(world, code, role)

    assert found["name"] == {"value": None, "display": "张*", "state": "MASKED"}
    assert {field: found[field] for field in FIELDS} == dict.fromkeys(FIELDS, DENIED)
    assert found["status"] == "ACTIVE"
    assert [found[name] for name in ("homeStore", "accounts", "identifiers", "provenance")] == [None, [], [], []]
    assert found["orders"] == {"state": "DENIED", "edges": []}
    looked = (await told(world))[1]
    denied = [f"member.{field}:DENIED" for field in ("accounts", *FIELDS, "identifiers", "orders")]
    expected = sorted(["key:memberCode", "member.name:MASKED", "view:till", *denied])
    assert looked == (role, "member", "ok", expected, [people.southern])


@pytest.mark.parametrize("role", STORE_ROLES)
async def test_a_member_in_ordinary_reach_is_seen_as_ever(world: World, people: People, role: str) -> None:
    by_id = (await world.ask(role, BY, variables={"by": {"id": str(people.whole)}}))["member"]

    found = await find(world, await shown_by(world, people.whole), role)

    assert found == by_id
    assert found["phone"]["display"] == "138****5670"
    assert "view:till" not in (await told(world))[-1][3]


async def test_the_checkout_finds_by_code_as_by_any_key(world: World, people: People) -> None:
    by_phone = await world.ask("app_checkout", BY, variables={"by": {"phone": "13912345671"}})

    found = await find(world, await shown_by(world, people.southern), "app_checkout")

    assert found == by_phone["member"]
    assert found["name"]["display"] == "张*"


async def test_a_code_is_good_for_one_look_up(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)
    assert await find(world, code) is not None

    assert await find(world, code) is None
    assert await find(world, code, "store_manager") is None

    assert [row[2] for row in (await told(world))[1:]] == ["ok", "missed", "missed"]
    assert (await told(world))[2][4] == []


async def test_the_view_holds_for_that_look_up_only(world: World, people: People) -> None:
    found = await find(world, await shown_by(world, people.southern))
    code = await shown_by(world, people.southern)
    query = f"""query ($code: String!, $id: ID!) {{
        byId: member(by: {{id: $id}}) {{ id }} node(id: $id) {{ id }}
        byPhone: member(by: {{phone: "13912345671"}}) {{ id }}
        byCode: member(by: {{memberCode: $code}}) {{ {PROFILE} }} again: member(by: {{id: $id}}) {{ id }}
        memberList(first: 100) {{ edges {{ node {{ id }} }} }} }}"""

    beside = await world.ask("sales_associate", query, variables={"code": code, "id": found["id"]})
    later = await world.ask("sales_associate", BY, variables={"by": {"id": found["id"]}})

    assert [beside[name] for name in ("byId", "node", "byPhone", "again")] == [None] * 4
    assert beside["byCode"] == found
    assert found["id"] not in [edge["node"]["id"] for edge in beside["memberList"]["edges"]]
    assert later == {"member": None}


async def test_nothing_is_written_or_revealed_through_the_till_view(world: World, people: People) -> None:
    found = await find(world, await shown_by(world, people.southern), "store_manager")
    reveal = """mutation ($id: ID!) { memberReveal(id: $id, field: PHONE, reason: CALL_BACK) {
        value { value } userErrors { code } } }"""

    updated = await world.ask("store_manager", UPDATE, variables={"id": found["id"]})
    revealed = await world.ask("store_manager", reveal, variables={"id": found["id"]}, step_up=True)

    assert updated["profileUpdate"] == {"member": None, "userErrors": [{"code": "NOT_FOUND"}]}
    assert revealed["memberReveal"] == {"value": None, "userErrors": [{"code": "NOT_FOUND"}]}
    unchanged = await world.ask("app_crm", BY, variables={"by": {"id": found["id"]}})
    assert (unchanged["member"]["name"]["value"], unchanged["member"]["version"]) == ("张三", found["version"])


async def test_codes_work_among_other_keys_and_each_key_is_judged_alone(world: World, people: People) -> None:
    southern, former = await shown_by(world, people.southern), await shown_by(world, people.former)
    keys = [
        {"memberCode": southern},
        {"id": str(people.southern)},
        {"phone": WHOLE["phone"]},
        {"memberCode": "0000-0000-0000-0000"},
        {"memberCode": former},
        {"memberCode": southern.lower()},
        {"phone": "13912345673"},
    ]

    found = (await world.ask("store_manager", MANY, variables={"by": keys}))["members"]

    seen = [m and (m["name"]["display"], m["phone"]["state"]) for m in found]
    till_view = ("张*", "DENIED")
    assert seen == [till_view, None, ("欧阳娜娜", "MASKED"), None, ("王*", "DENIED"), None, None]


def _spoilt(code: str) -> list[str]:
    """Near misses: each has the right shape."""
    other = {"0": "1"}
    return [code[:at] + other.get(code[at], "0") + code[at + 1 :] for at in (0, 8, 9, 15)]


async def test_a_forged_or_malformed_code_finds_nobody_and_spends_nothing(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)
    wrong = [*_spoilt(code), "", " ", code[:-1], code + "0", "U" * 16, "会员码" * 5, "0" * 5000, code[::-1]]

    found = [await find(world, text) for text in wrong]

    assert found == [None] * len(wrong)
    assert [row.used_at for row in await codes(world)] == [None]
    assert {row[2] for row in (await told(world))[1:]} == {"missed"}
    assert await find(world, f" {code[:4]}-{code[4:].lower()} ") is not None


async def test_an_expired_code_finds_nobody_whatever_the_hubs_clock_says(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        minute = text("interval '61 seconds'")
        await tx.execute(
            update(code_t).values(issued_at=func.now() - minute, expires_at=func.now() - text("interval '1 s'"))
        )

    assert await find(world, code) is None


async def test_a_code_of_another_handler_finds_nobody_and_stays_good(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)

    async with transaction(world.hub.database.app) as tx:
        elsewhere = await till.redeem(tx, world.hub.vault, "sister_brand", [code])
        nowhere = await till.redeem(tx, world.hub.vault, None, [code])

    assert (elsewhere, nowhere) == ({}, {})
    assert await find(world, code) is not None


@pytest.mark.parametrize("role", ["support_agent", "app_crm", "dpo"])
async def test_who_does_not_stand_at_a_till_is_refused_the_key(world: World, people: People, role: str) -> None:
    code = await shown_by(world, people.southern)

    assert await world.refused(role, BY, variables={"by": {"memberCode": code}}) == ["FORBIDDEN"]

    assert [row.used_at for row in await codes(world)] == [None]
    assert (await told(world))[1][2] == "FORBIDDEN"


@pytest.mark.parametrize("role", ["sales_associate", "app_checkout", "app_crm", "support_agent"])
async def test_only_members_and_the_mini_program_issue_codes(world: World, people: People, role: str) -> None:
    assert await world.refused(role, ISSUE) == ["FORBIDDEN"]

    assert await codes(world) == []


async def test_a_mini_program_that_asks_for_nobody_gets_no_code(world: World, people: People) -> None:
    answer = (await world.ask("app_mini_program", ISSUE))["memberCodeIssue"]

    assert (answer["memberCode"], [e["code"] for e in answer["userErrors"]]) == (None, ["NOT_FOUND"])
    assert await codes(world) == []


async def test_the_code_of_a_merged_id_finds_the_member(world: World, people: People) -> None:
    found = await find(world, await shown_by(world, people.merged), "app_checkout")

    assert found["name"]["display"] == "欧阳*"


async def test_an_erased_member_is_not_found_by_a_code_that_is_still_good(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)
    async with transaction(world.hub.database.owner) as tx:
        statement = text("update hub.member set status = 'erased' where member_id = :id")
        await tx.execute(statement, {"id": people.southern})

    assert await find(world, code) is None
    refused = (await world.ask("member", ISSUE, member=people.southern))["memberCodeIssue"]
    assert [e["code"] for e in refused["userErrors"]] == ["NOT_FOUND"]


async def test_codes_of_one_member_are_limited_also_for_many_who_ask_at_once(world: World, people: People) -> None:
    asked = [world.ask("member", ISSUE, member=people.southern) for _ in range(CODES_MAX + 6)]

    answers = [answer["memberCodeIssue"] for answer in await asyncio.gather(*asked)]

    refused = [answer["userErrors"][0] for answer in answers if answer["userErrors"]]
    assert [(e["code"], e["field"]) for e in refused] == [("THROTTLED", None)] * 6
    limit_s = CODES_WITHIN.total_seconds()
    assert [e["retryAfter"] for e in refused if not limit_s - 30 < e["retryAfter"] <= limit_s] == []
    assert len(await codes(world)) == CODES_MAX
    assert sorted(row[2] for row in await told(world)) == ["THROTTLED"] * 6 + ["ok"] * CODES_MAX
    assert await shown_by(world, people.former)


async def test_codes_from_before_make_room_and_are_swept(world: World, people: People) -> None:
    for _ in range(CODES_MAX):
        await shown_by(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        past = text("interval '6 minutes'")
        await tx.execute(
            update(code_t).values(issued_at=code_t.c.issued_at - past, expires_at=code_t.c.expires_at - past)
        )

    await shown_by(world, people.southern)

    assert len(await codes(world)) == 1


async def _someone_waits(database: Database) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    for _ in range(LOOKS_MAX):
        async with transaction(database.login) as tx:
            if await tx.scalar(waiting):
                return
        await asyncio.sleep(0)
    raise AssertionError("nobody waits")


async def test_of_two_tills_with_one_code_one_gets_the_member(world: World, people: People) -> None:
    """The second one is at the row while the first has used it and not committed yet."""
    code = await shown_by(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        first = await till.redeem(tx, world.hub.vault, "brand", [code])
        second = asyncio.create_task(find(world, code))
        await _someone_waits(world.hub.database)

    assert first == {code: people.southern}
    assert await second is None


async def test_of_many_tills_with_one_code_one_gets_the_member(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)

    found = await asyncio.gather(*(find(world, code, role) for role in STORE_ROLES * 4))

    assert [one["name"]["display"] for one in found if one is not None] == ["张*"]


async def test_a_code_that_is_not_issued_for_good_finds_nobody(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the audit entry of the issuing cannot be written, the code does not exist."""

    async def unavailable(*_: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr("member_hub.graphql.asking.Asking.write_trail", unavailable)
    answer = await world.post("member", ISSUE, member=people.southern)
    monkeypatch.undo()

    assert answer.status_code != 200
    assert await codes(world) == []


async def test_a_code_stated_twice_in_one_look_up_finds_once(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)
    by = [{"memberCode": code}, {"memberCode": code}, {"memberCode": code.lower()}]

    found = (await world.ask("sales_associate", MANY, variables={"by": by}))["members"]

    assert found == [{"name": {"display": "张*"}, "phone": {"state": "DENIED"}}, None, None]
