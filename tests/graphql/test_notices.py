"""Notices through the API: everybody reads the one in force, the officer publishes, and what is published stands."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from member_hub.members.tables import AgeBand
from tests.graphql.consenting import move_in, turn
from tests.graphql.notices import CURRENT, PUBLISH, SERVED, aged, bits_of, decide, publish, served, wording
from tests.graphql.world import ONE_MEMBERS, PURPOSES, People, World

WITH_MEMBER = [*sorted(ONE_MEMBERS), "app_mini_program"]


async def current(world: World, role: str = "dpo", *, locale: str = "ZH", **about: Any) -> Any:
    return (await world.ask(role, CURRENT, variables={"locale": locale}, **about))["noticeCurrent"]


async def refusal(world: World, **more: Any) -> Sequence[tuple[str, str]]:
    said = wording(more.pop("name", "members-2"), **more)
    answer = (await world.ask("dpo", PUBLISH, variables={"input": said}))["noticePublish"]
    assert answer["id"] is None
    return [(one["field"], one["code"]) for one in answer["userErrors"]]


async def counted(world: World) -> tuple[int, ...]:
    async with transaction(world.hub.database.app) as tx:
        tables = ("notice", "notice_text", "consent_gate")
        return tuple([(await tx.execute(text(f"SELECT count(*) FROM hub.{t}"))).scalar_one() for t in tables])


async def test_without_a_notice_there_is_none_and_that_is_on_record(world: World) -> None:
    assert await current(world) is None

    (entry,) = await world.audited()
    assert (entry.operation, entry.outcome, entry.fields) == ("noticeCurrent", "missed", [])


@pytest.mark.parametrize("role", [role for role in PURPOSES if role not in WITH_MEMBER])
async def test_every_role_reads_the_notice_in_force(world: World, role: str) -> None:
    notice = await publish(world)

    found = await current(world, role)

    assert (found["id"], found["name"], found["family"], found["isMaterial"]) == (notice, "members-1", "GENERAL", False)


@pytest.mark.parametrize("role", WITH_MEMBER)
async def test_a_member_reads_the_notice_of_the_handler_that_has_their_data(
    world: World, people: People, role: str
) -> None:
    notice = await publish(world)

    assert (await current(world, role, member=people.whole))["id"] == notice


async def test_the_notice_says_what_is_asked_collected_and_shared_in_both_languages(world: World) -> None:
    await publish(world)

    zh, en = await current(world), await current(world, locale="EN")

    assert [(one["title"], one["body"]) for one in (zh, en)] == [("会员告知书", "正文"), ("Notice", "Body")]
    assert zh["sha256"] != en["sha256"]
    assert (len(zh["sha256"]), zh["effectiveAt"]) == (64, "2026-11-22T08:00:00Z")
    marketing, personalisation = zh["purposes"]
    assert marketing == {
        "purpose": "MARKETING",
        "label": "营销:取得个人同意后发送商业信息",
        "article": "PIPL 13(1)(1)",
        "necessity": "非必需:不同意不影响会员服务",
        "needsSeparateAct": False,
        "termDays": None,
        "channels": ["SMS", "EMAIL", "WECHAT", "APP_PUSH", "PHONE_CALL", "POST"],
        "recipients": ["partner_brand"],
    }
    assert (personalisation["channels"], personalisation["recipients"]) == ([], ["overseas_partner"])
    contact = next(one for one in en["collected"] if one["category"] == "contact" and "phone" in one["items"])
    assert (contact["label"], contact["retentionDays"], contact["afterErasure"]) == ("contact data", 3650, "cleared")
    assert [(one["recipient"], one["needsConsent"]) for one in en["shared"]] == [
        ("message_service", False),
        ("overseas_partner", True),
        ("partner_brand", True),
    ]


async def test_a_publication_is_on_record_with_what_it_makes_stale(world: World) -> None:
    await publish(world)
    world.clock.at += timedelta(days=1)
    await publish(world, "members-2", changed=["MARKETING"])

    first, second = await world.audited()
    assert (first.operation, first.outcome, first.fields) == ("noticePublish", "ok", ["notice:members-1"])
    assert (second.fields, second.member_ids) == (["consent.stale:marketing", "notice:members-2"], [])


@pytest.mark.parametrize("role", [role for role in PURPOSES if role != "dpo"])
async def test_nobody_but_the_officer_publishes(world: World, people: People, role: str) -> None:
    about = {"member": people.whole} if role in WITH_MEMBER else {}
    said = {"input": wording("members-1")}

    assert await world.refused(role, PUBLISH, variables=said, **about) == ["FORBIDDEN"]

    assert await counted(world) == (0, 0, 0)
    assert [(one.operation, one.outcome) for one in await world.audited()] == [("noticePublish", "FORBIDDEN")]


@pytest.mark.parametrize(
    ("expected", "more"),
    [
        (("name", "NOTICE_NAME_TAKEN"), {"name": "members-1", "en": {"title": "Notice", "body": "Another"}}),
        (("purposes", "CONSENT_NOT_THE_BASIS"), {"purposes": ["MEMBER_SERVICE"]}),
        (("changed", "BAD_USER_INPUT"), {"changed": ["MARKETING"], "isMaterial": False}),
        (("title", "BAD_USER_INPUT"), {"zh": {"title": "字" * 201, "body": "正文"}}),
        (("body", "BAD_USER_INPUT"), {"en": {"title": "Notice", "body": ""}}),
        (("family", "FORBIDDEN"), {"family": "WEBSITE"}),
        (("name", "BAD_USER_INPUT"), {"name": "Members 2"}),
    ],
)
async def test_what_is_not_right_is_refused_with_its_code_and_nothing_changes(
    world: World, expected: tuple[str, str], more: dict[str, Any]
) -> None:
    await publish(world)
    before = await counted(world)
    world.clock.at += timedelta(days=1)

    assert await refusal(world, **more) == [expected]

    assert await counted(world) == before
    assert [one.outcome for one in await world.audited()] == ["ok", expected[1]]


async def test_the_same_again_is_the_same_notice(world: World) -> None:
    first = await publish(world)
    world.clock.at += timedelta(days=1)

    assert await publish(world) == first
    assert await counted(world) == (1, 2, 4)


async def test_a_material_change_stops_earlier_grants_at_once_and_touches_no_member(
    world: World, people: People
) -> None:
    notice = await publish(world)
    await aged(world, people.whole, AgeBand.ADULT)
    await served(world, people.whole, notice)
    await decide(world, people.whole, Act.GRANT, ConsentState.GRANTED, notice=notice)
    assert await bits_of(world, people.whole) == 0b0001
    before = await member_rows(world)

    world.clock.at += timedelta(days=1)
    changed = await publish(world, "members-2", changed=["MARKETING"])

    assert await member_rows(world) == before
    bit = await gate_bit(world, "marketing")
    assert bit == 4
    assert not await bits_of(world, people.whole) & 1 << bit
    await decide(world, people.whole, Act.GRANT, ConsentState.GRANTED, notice=changed)
    assert await bits_of(world, people.whole) == 1 << bit


async def test_another_purpose_stays_granted_under_the_notice_before(world: World, people: People) -> None:
    notice = await publish(world)
    await aged(world, people.whole, AgeBand.ADULT)
    await served(world, people.whole, notice)
    slot = Slot("personalisation")
    await decide(world, people.whole, Act.GRANT, ConsentState.GRANTED, notice=notice, slot=slot)
    world.clock.at += timedelta(days=1)

    await publish(world, "members-2", changed=["MARKETING"])

    assert await bits_of(world, people.whole) & 1 << await gate_bit(world, "personalisation")


async def member_rows(world: World) -> list[tuple[str, str]]:
    """Which version of its row every member has: an update would make another."""
    async with transaction(world.hub.database.app) as tx:
        asked = text("SELECT member_id::text, xmin::text FROM hub.member ORDER BY member_id")
        return [tuple(row) for row in await tx.execute(asked)]


async def gate_bit(world: World, purpose: str) -> int:
    async with transaction(world.hub.database.app) as tx:
        asked = text(
            "SELECT bit FROM hub.consent_gate WHERE purpose = :p AND recipient = '' ORDER BY effective_at DESC LIMIT 1"
        )
        return int((await tx.execute(asked, {"p": purpose})).scalar_one())


async def test_a_text_that_was_altered_is_an_error_and_informs_nobody(world: World, people: People) -> None:
    """Nobody reads it, nobody is put on record as informed by it; in the other language the notice is as it was."""
    notice = await publish(world)
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("UPDATE hub.notice_text SET body = 'All is allowed' WHERE locale = 'zh'"))

    said = {"member": str(people.whole), "notice": notice, "locale": "ZH", "byWayOf": "APP", "asks": []}
    assert await world.refused("dpo", CURRENT, variables={"locale": "ZH"}) == ["TAMPERED"]
    assert await world.refused("app_crm", SERVED, variables={"input": said}) == ["TAMPERED"]

    assert (await current(world, locale="EN"))["body"] == "Body"
    async with transaction(world.hub.database.app) as tx:
        assert await tx.scalar(text("SELECT count(*) FROM hub.notice_served")) == 0
    outcomes = [(entry.operation, entry.outcome) for entry in await world.audited()]
    assert outcomes[1:3] == [("noticeCurrent", "TAMPERED"), ("noticeServed", "TAMPERED")]


REHEARSE = """mutation ($input: NoticePublishInput!, $dryRun: Boolean!) {
    noticePublish(input: $input, dryRun: $dryRun) {
      id dryRun stale membersConcerned stillToPublish userErrors { field code } } }"""


async def rehearsed(world: World, *, dry_run: bool = True, **more: Any) -> dict[str, Any]:
    variables = {"input": wording(more.pop("name", "members-2"), **more), "dryRun": dry_run}
    answer: dict[str, Any] = (await world.ask("dpo", REHEARSE, variables=variables))["noticePublish"]
    return answer


async def test_a_material_change_of_nothing_is_refused(world: World) -> None:
    await publish(world)
    before = await counted(world)

    assert await refusal(world, isMaterial=True) == [("changed", "NOTICE_CHANGES_NOTHING")]

    assert await counted(world) == before
    assert (await world.audited())[-1].outcome == "NOTICE_CHANGES_NOTHING"


async def test_a_purpose_on_which_consents_rest_is_not_left_out_in_silence(world: World, people: People) -> None:
    notice = await publish(world)
    world.clock.at += timedelta(minutes=1)
    await publish(world, "members-1b", purposes=["MARKETING"])  # nobody agreed yet
    world.clock.at += timedelta(minutes=1)
    notice = await publish(world, "members-1c")
    await aged(world, people.whole, AgeBand.ADULT)
    await served(world, people.whole, notice)
    await decide(world, people.whole, Act.GRANT, ConsentState.GRANTED, slot=Slot("personalisation"), notice=notice)
    assert await bits_of(world, people.whole) != 0
    world.clock.at += timedelta(minutes=1)
    before = await counted(world)

    silent = await refusal(world, purposes=["MARKETING"])
    unchanged = await counted(world)
    said = await rehearsed(world, dry_run=False, purposes=["MARKETING"], changed=["PERSONALISATION"])

    assert (silent, unchanged) == ([("purposes", "NOTICE_LEAVES_OUT")], before)
    assert (said["userErrors"], said["stale"]) == ([], ["PERSONALISATION"])
    asks = await served(world, people.whole, said["id"], {"purpose": "PERSONALISATION"})
    assert asks == (None, [("asks", "CONSENT_NOT_THE_BASIS")])


async def test_a_dry_run_says_what_would_happen_and_publishes_nothing(world: World, people: People) -> None:
    await publish(world)
    await publish(world, "children-1", family="CHILDREN")
    world.clock.at += timedelta(minutes=1)
    before = await counted(world)

    dry = await rehearsed(world, changed=["MARKETING"])
    refused = await rehearsed(world, isMaterial=True)
    on_record = (await world.audited())[-2]

    assert dry == {
        "id": None,
        "dryRun": True,
        "stale": ["MARKETING"],
        "membersConcerned": None,
        "stillToPublish": ["CHILDREN"],
        "userErrors": [],
    }
    assert [one["code"] for one in refused["userErrors"]] == ["NOTICE_CHANGES_NOTHING"]
    assert await counted(world) == before
    assert (on_record.operation, on_record.outcome, on_record.fields) == (
        "noticePublish", "ok", ["dry_run", "notice:members-2"]
    )  # fmt: skip

    done = await rehearsed(world, dry_run=False, changed=["MARKETING"])
    assert (done["dryRun"], done["stale"], done["stillToPublish"]) == (False, ["MARKETING"], ["CHILDREN"])
    assert done["id"] is not None


async def test_how_many_are_concerned_is_rounded_and_never_fewer_than_twenty(world: World) -> None:
    await publish(world)
    members = await move_in(world, 23)
    world.clock.at += timedelta(minutes=1)

    counts = []
    for number in (19, 20, 23):
        await turn(world, members[:number], consent_bits=0b1)
        counts.append((await rehearsed(world, changed=["MARKETING"]))["membersConcerned"])

    assert counts == [None, 20, 20]
