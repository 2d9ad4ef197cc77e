"""A member sees which kinds of staff and apps looked, at what, when and why; never who."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from member_hub.db import transaction
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Channel
from member_hub.merging.apart import keep_apart
from tests.audit.logs import entry
from tests.graphql.world import NOW, WHOLE, People, World

BY = "query ($by: MemberKey!) { member(by: $by) { id name { display } phone { display } birthday { display } } }"
HISTORY = """
query ($first: Int!, $after: String) {
  accessHistory(first: $first, after: $after) {
    edges { node {
      happenedAt callerKind role { zh en } purpose purposeText { zh } kinds fields { field use } refused reason
      deeds { deed about label { zh en } } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def history(world: World, member_id: MemberId, **variables: Any) -> list[dict[str, Any]]:
    found = await world.ask("member", HISTORY, member=member_id, variables={"first": 100} | variables)
    return [edge["node"] for edge in found["accessHistory"]["edges"]]


async def kinds(world: World, member_id: MemberId) -> list[tuple[str, list[str]]]:
    return [(one["role"]["en"], one["kinds"]) for one in await history(world, member_id)]


@pytest.fixture(params=[False, True], ids=["not sealed", "sealed"])
def seals(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_a_look_is_told_by_role_purpose_and_fields(world: World, people: People, *, seals: bool) -> None:
    answer = await world.post("sales_associate", BY, variables={"by": {"phone": WHOLE["phone"]}}, subject="S-1042")
    assert answer.json()["data"]["member"] is not None
    if seals:
        await world.hub.sealer.run(NOW)

    (look,) = await history(world, people.whole)

    assert look == {
        "happenedAt": "2026-11-22T08:00:00Z",
        "callerKind": "STAFF",
        "role": {"zh": "导购", "en": "sales associate"},
        "purpose": "MEMBER_SERVICE",
        "purposeText": {"zh": "会员服务:履行会员合同所必需(识别会员、提供等级、积分与权益)"},
        "kinds": ["LOOK_UP"],
        "fields": [
            {"field": "phone", "use": "KEY"},
            {"field": "member.birthday", "use": "DENIED"},
            {"field": "member.name", "use": "MASKED"},
            {"field": "member.phone", "use": "MASKED"},
        ],
        "refused": False,
        "reason": None,
        "deeds": [],
    }
    assert "S-1042" not in orjson.dumps(look).decode()


async def test_lists_changes_and_commands_are_looks_too(world: World, people: People) -> None:
    await world.ask("app_crm", "{ memberList(first: 100) { edges { node { gender { value } } } } }")
    update = """mutation ($id: ID!) { profileUpdate(id: $id, expectedVersion: 1, input: {gender: M}) {
        userErrors { code } } }"""
    await world.ask("support_agent", update, variables={"id": str(people.southern)})
    await world.hub.audit.write(
        entry(caller_kind="SYSTEM", role="system", operation="rights export", member_ids=[people.southern],
              fields=["everything:CLEAR"], purpose="system_operation", happened_at=NOW)
    )  # fmt: skip

    found = await history(world, people.southern)

    assert [(one["callerKind"], one["kinds"]) for one in found] == [
        ("SYSTEM", ["COPY"]),
        ("STAFF", ["CHANGE"]),
        ("APP", ["LIST"]),
    ]
    assert found[0]["role"]["en"] == "the hub itself (commands and jobs of its operator)"
    assert {"field": "member.gender", "use": "WRITE"} in found[1]["fields"]


async def test_a_reveal_is_told_as_such_with_its_field(world: World, people: People) -> None:
    reveal = """mutation ($id: ID!) { memberReveal(id: $id, field: PHONE, reason: CALL_BACK, reference: "T-1") {
        value { value } userErrors { code } } }"""
    approve = """mutation ($id: ID!) { revealApprove(id: $id, field: EMAIL, grantedTo: "CLEAR") {
        expiresAt userErrors { code } } }"""
    asked = {"id": str(people.whole)}
    approved = await world.ask("store_manager", approve, variables=asked, subject="S-1")
    revealed = await world.ask("store_manager", reveal, variables=asked, subject="S-2", step_up=True)
    assert (approved["revealApprove"]["userErrors"], revealed["memberReveal"]["userErrors"]) == ([], [])

    found = await history(world, people.whole)

    (one, other) = sorted(found, key=lambda look: str(look["fields"]))
    assert (one["kinds"], one["fields"], one["refused"]) == (
        ["REVEAL"], [{"field": "member.email", "use": "APPROVE"}], False
    )  # fmt: skip
    assert (other["kinds"], other["fields"], other["refused"]) == (
        ["REVEAL"], [{"field": "member.phone", "use": "REVEAL"}], False
    )  # fmt: skip
    assert (one["reason"], other["reason"]) == (None, "CALL_BACK")


async def test_a_staff_number_that_looks_like_a_use_is_not_told(world: World, people: People) -> None:
    fields = ["approved_by:CLEAR", "reference:MASKED", "reason:WRITE", "member.phone:REVEAL"]
    await world.hub.audit.write(entry(operation="memberReveal", fields=fields, member_ids=[people.whole]))

    (look,) = await history(world, people.whole)

    assert (look["fields"], look["reason"]) == ([{"field": "member.phone", "use": "REVEAL"}], None)


async def test_a_look_whose_purpose_is_in_no_list_is_told_without_one(world: World, people: People) -> None:
    await world.hub.audit.write(entry(purpose="unknown", member_ids=[people.whole]))

    (look,) = await history(world, people.whole)

    assert (look["purpose"], look["purposeText"], look["kinds"]) == (None, None, ["LOOK_UP"])


async def test_codes_for_the_till_are_told_as_such(world: World, people: People) -> None:
    await world.ask(
        "sales_associate",
        'mutation { phoneCodeSend(phone: "13812345670") { expiresInS } }',
    )
    await world.ask("app_mini_program", "mutation { memberCodeIssue { userErrors { code } } }", member=people.whole)

    found = await history(world, people.whole)

    assert sorted((one["callerKind"], one["kinds"]) for one in found) == [("APP", ["CODE"]), ("STAFF", ["CODE"])]


async def test_what_was_done_about_consent_is_told(world: World, people: People) -> None:
    await world.hub.audit.write(
        entry(
            operation="noticeServed",
            outcome="ok",
            fields=["notice:members-1", "consent.notice_served:marketing.to.partner_brand.sms", "restrict.applied:all"],
            member_ids=[people.whole],
        )
    )

    (look,) = await history(world, people.whole)

    assert (look["fields"], look["refused"]) == ([], False)
    assert [(one["deed"], one["about"], one["label"]["zh"], one["label"]["en"]) for one in look["deeds"]] == [
        (
            "consent.notice_served",
            "marketing.to.partner_brand.sms",
            "征求同意：营销，partner_brand，短信",
            "asked for consent: Marketing, partner_brand, text message",
        ),
        ("notice", "members-1", "出示告知书：members-1", "a notice was shown: members-1"),
        ("restrict.applied", "all", "限制或反对处理：全部处理", "processing objected to: everything"),
    ]


@pytest.mark.parametrize(("outcome", "count"), [("UNAVAILABLE", 0), ("NOT_SERVED", 0), ("GUARDIAN_DUE", 1)])
async def test_what_was_refused_was_not_done_but_for_what_waits_for_the_guardian(
    world: World, people: People, outcome: str, count: int
) -> None:
    fields = ["consent.child_attempt:marketing.sms"]
    await world.hub.audit.write(
        entry(operation="consentGive", outcome=outcome, fields=fields, member_ids=[people.whole])
    )

    (look,) = await history(world, people.whole)

    assert (look["refused"], len(look["deeds"])) == (True, count)


async def test_staff_who_decide_for_a_member_are_in_the_history_with_what_they_did(
    world: World, people: People
) -> None:
    withdraw = """mutation ($id: ID!) { consentWithdraw(input: {member: $id, purpose: MARKETING}) {
        userErrors { code } } }"""
    await world.ask("support_agent", withdraw, variables={"id": str(people.southern)})

    (look,) = await history(world, people.southern)

    assert (look["kinds"], [(one["deed"], one["about"]) for one in look["deeds"]]) == (
        ["CHANGE"], [("consent.refused", "marketing")]
    )  # fmt: skip


async def test_a_refused_change_is_told_as_refused(world: World, people: People) -> None:
    update = """mutation ($id: ID!) { profileUpdate(id: $id, expectedVersion: 99, input: {gender: M}) {
        userErrors { code } } }"""
    await world.ask("support_agent", update, variables={"id": str(people.southern)})

    (look,) = await history(world, people.southern)

    assert (look["kinds"], look["refused"]) == (["CHANGE"], True)


async def test_own_looks_are_not_in_the_history_but_on_record(world: World, people: People) -> None:
    await world.ask("member", "{ me { name { value } } }", member=people.whole)

    assert await history(world, people.whole) == []

    rows = await world.audited()
    assert [(row.operation, row.outcome, row.member_ids) for row in rows] == [
        ("me", "ok", [people.whole]),
        ("accessHistory", "ok", [people.whole]),
    ]


async def test_nobody_sees_looks_at_another(world: World, people: People, *, seals: bool) -> None:
    await world.ask("app_crm", BY, variables={"by": {"id": str(people.southern)}})
    if seals:
        await world.hub.sealer.run(NOW)

    assert await history(world, people.whole) == []
    assert await kinds(world, people.southern) == [("CRM", ["LOOK_UP"])]


async def test_an_added_subject_shows_nobody_the_looks_at_another(world: World, people: People) -> None:
    await world.ask("app_crm", BY, variables={"by": {"id": str(people.southern)}})
    await world.hub.sealer.run(NOW)
    added = """INSERT INTO hub.audit_subject (member_id, happened_at, writer, sequence, month)
        SELECT :whole, happened_at, writer, sequence, month FROM hub.audit_subject"""
    async with transaction(world.hub.database.audit) as tx:
        await tx.execute(text(added), {"whole": people.whole})

    assert await history(world, people.whole) == []


async def test_a_merged_member_sees_looks_at_both_and_after_the_split_each_sees_their_own(
    world: World, people: People, *, seals: bool
) -> None:
    for member_id, operation in ((people.merged, "memberList"), (people.whole, "member")):
        world.clock.at += timedelta(seconds=1)
        await world.hub.audit.write(entry(operation=operation, member_ids=[member_id], happened_at=world.clock.at))
    if seals:
        await world.hub.sealer.run(world.clock.at)
    assert [found for _, found in await kinds(world, people.merged)] == [["LOOK_UP"], ["LIST"]]
    assert [found for _, found in await kinds(world, people.whole)] == [["LOOK_UP"], ["LIST"]]

    for other in ((Channel.WEBSITE, WHOLE["website"]), (Channel.STORE, WHOLE["card"])):
        await keep_apart(
            world.hub.database, world.hub.resolver, (Channel.APP, WHOLE["app"]), other,
            reason="different_people", said_by="test", now=world.clock.at,
        )  # fmt: skip

    assert [found for _, found in await kinds(world, people.merged)] == [["LIST"]]
    assert [found for _, found in await kinds(world, people.whole)] == [["LOOK_UP"]]


async def test_the_mini_program_shows_its_member_who_looked(world: World, people: People) -> None:
    await world.ask("app_crm", BY, variables={"by": {"id": str(people.whole)}})

    found = await world.ask("app_mini_program", HISTORY, member=people.whole, variables={"first": 1})

    (edge,) = found["accessHistory"]["edges"]
    assert edge["node"]["role"] == {"zh": "客户关系管理系统", "en": "CRM"}


async def test_a_mini_program_that_acts_for_nobody_sees_nothing(world: World, people: People) -> None:
    assert await world.ask("app_mini_program", HISTORY, variables={"first": 1}) == {"accessHistory": None}


async def test_who_was_erased_or_never_was_has_no_history(world: World, people: People) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(text("UPDATE hub.member SET status = 'erased' WHERE member_id = :id"), {"id": people.former})

    for member_id in (people.former, MemberId(uuid7())):
        found = await world.ask("member", HISTORY, member=member_id, variables={"first": 1})
        assert found == {"accessHistory": None}


@pytest.mark.parametrize("role", ["app_crm", "store_manager", "dpo", "auditor", "system_admin", "marketing_analyst"])
async def test_nobody_else_asks_for_a_history(world: World, people: People, role: str) -> None:
    assert await world.refused(role, HISTORY, variables={"first": 1}) == ["FORBIDDEN"]

    (row,) = await world.audited()
    assert (row.operation, row.outcome) == ("accessHistory", "FORBIDDEN")


async def test_the_history_comes_in_pages(world: World, people: People) -> None:
    for number in range(5):
        at = NOW - timedelta(days=number * 20)  # over several months
        await world.hub.audit.write(entry(operation=f"x{number}", member_ids=[people.whole], happened_at=at))
    await world.hub.sealer.run(NOW, thorough=True)

    moments, after = [], None
    for _ in range(3):
        page = await world.ask("member", HISTORY, member=people.whole, variables={"first": 2, "after": after})
        moments += [edge["node"]["happenedAt"][:10] for edge in page["accessHistory"]["edges"]]
        after = page["accessHistory"]["pageInfo"]["endCursor"]

    assert moments == ["2026-11-22", "2026-11-02", "2026-10-13", "2026-09-23", "2026-09-03"]
    assert page["accessHistory"]["pageInfo"]["hasNextPage"] is False


async def test_a_cursor_of_the_whole_log_is_no_cursor_of_a_history(world: World, people: People) -> None:
    await world.ask("app_crm", BY, variables={"by": {"id": str(people.whole)}})
    page = await world.ask("auditor", "{ auditEntries(first: 1) { pageInfo { endCursor } } }")
    cursor = page["auditEntries"]["pageInfo"]["endCursor"]

    refused = await world.refused("member", HISTORY, member=people.whole, variables={"first": 1, "after": cursor})

    assert refused == ["BAD_USER_INPUT"]
