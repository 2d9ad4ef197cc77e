"""Whoever a delivery makes a member is given the notice, and only then does what the file brought count (C10)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from member_hub.consent.tables import NoticeServed
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.graphql.building import global_id
from member_hub.identity.statements import AccountStatement, StatedConsent
from member_hub.ids import MemberId
from member_hub.members.gates import ConsentGate
from member_hub.members.tables import Channel
from member_hub.merging.apart import keep_apart
from member_hub.telling import Kind
from tests.consent import deciding
from tests.graphql.consenting import listed
from tests.graphql.notices import publish, served
from tests.graphql.world import NOW, World, said
from tests.sign_in_codes.desk import Front
from tests.telling.members import NOTICE, ask, run_at, sent, tasks

EMAIL = "zhao@brandmail.cn"
OPENID = "oXaaaaaaaaaaaaaaaaaaaaaa0001"
AGO = NOW - timedelta(days=10)
MINUTE = timedelta(minutes=1)
UNION = {"unionid": "o6_aaaaaaaaaaaaaaaaaaaaaaa1"}

gate_t = table_of(ConsentGate)


def ticked(account: str = "W1", **more: Any) -> AccountStatement:
    """The website tells of an adult who agreed to personalisation there."""
    stated = said(Channel.WEBSITE, account, birthday="1990-01-01", **{"email": EMAIL, **more})
    return replace(stated, consents=(StatedConsent("personalisation", granted=True, at=AGO, notice="website-2024-01"),))


async def delivered(front: Front, *statements: AccountStatement) -> list[MemberId]:
    """As a file: what moving in has the members told is left as it is."""
    return await World.resolve(front, *statements)


async def deliver_tick(front: Front, **more: Any) -> MemberId:
    await deciding.publish(front.hub, "website-2024-01", family="website")  # type: ignore[arg-type] - a runtime has what a hub has here
    (member,) = await delivered(front, ticked(**more))
    return member


async def bits(front: Front, member: MemberId) -> int:
    return (await deciding.bits(front.hub, member))[0]  # type: ignore[arg-type]


async def bit_of(front: Front, purpose: str) -> int:
    async with transaction(front.hub.database.app) as tx:
        of_handler = select(gate_t.c.bit).where(gate_t.c.purpose == purpose, gate_t.c.recipient == "")
        return 1 << int((await tx.scalars(of_handler)).one())


async def is_found(front: Front, member: MemberId) -> bool:
    return global_id(member) in await listed(front, "membership_manager", purpose="personalisation")


async def notices_of(front: Front, member: MemberId) -> list[tuple[str, str, bool, Any]]:
    rows = [row for row in await front.rows(NoticeServed) if row.member_id == member]
    return [(row.by_way_of, row.served_by, row.is_by_member, row.served_at) for row in rows]


async def told(front: Front) -> list[tuple[str, Any, str | None]]:
    return [(row.kind, row.told_at, row.told_by) for row in await tasks(front)]


async def test_whoever_the_job_told_is_informed_and_what_the_file_brought_counts(front: Front) -> None:
    member = await deliver_tick(front)
    assert (await bits(front, member), await is_found(front, member)) == (0, False)
    assert await notices_of(front, member) == []

    await run_at(front, NOW + MINUTE)

    assert sent(front) == [("email", EMAIL, "privacy_notice.zh")]
    assert await told(front) == [("privacy_notice", NOW + MINUTE, "email")]
    assert await notices_of(front, member) == [("message", "system", False, NOW + MINUTE)]
    assert (await bits(front, member), await is_found(front, member)) == (await bit_of(front, "personalisation"), True)


async def test_whoever_has_no_way_to_be_told_is_not_informed(front: Front) -> None:
    member = await deliver_tick(front, email=None)

    await run_at(front, NOW + MINUTE)

    assert await told(front) == [("privacy_notice", None, None)]
    assert (await notices_of(front, member), await bits(front, member)) == ([], 0)


async def test_another_message_informs_nobody_of_the_notice(front: Front) -> None:
    member = await deliver_tick(front)
    front.service.is_open = False
    await run_at(front, NOW)  # the notice could not be handed over
    front.service.is_open = True
    await ask(front, (member, Kind.IDENTITIES_UNITED, None))

    await run_at(front, NOW)

    assert sent(front) == [("email", EMAIL, "identities_united.zh")]
    assert (await notices_of(front, member), await bits(front, member)) == ([], 0)


async def test_before_there_is_a_notice_nothing_of_it_is_told_and_nothing_is_lost(unpublished: Front) -> None:
    member = await deliver_tick(unpublished)
    await ask(unpublished, (member, Kind.ACCOUNT_OPENED, NOTICE))

    for hours in range(48):
        await run_at(unpublished, NOW + timedelta(hours=hours))

    assert sent(unpublished) == [("email", EMAIL, "account_opened.zh")]
    (waiting,) = [row for row in await tasks(unpublished) if row.kind == "privacy_notice"]
    assert (waiting.tries, waiting.due_at, waiting.told_at) == (0, NOW, None)
    assert await notices_of(unpublished, member) == []

    await publish(unpublished)
    await run_at(unpublished, NOW + timedelta(hours=48))
    assert sent(unpublished)[1:] == [("email", EMAIL, "privacy_notice.zh")]
    assert len(await notices_of(unpublished, member)) == 1
    assert await bits(unpublished, member) == await bit_of(unpublished, "personalisation")


async def test_whoever_was_shown_the_notice_in_an_app_is_sent_none(unpublished: Front) -> None:
    """Also where the task had been left to people."""
    one = await deliver_tick(unpublished)
    (nobody,) = await delivered(unpublished, said(Channel.WEBSITE, "W2"))
    notice = await publish(unpublished)
    for member in (one, nobody):
        (_, errors) = await served(unpublished, member, notice)
        assert errors == []

    await run_at(unpublished, NOW + MINUTE)

    assert await told(unpublished) == 2 * [("privacy_notice", NOW, "served")]
    assert sent(unpublished) == []
    assert [way for way, *_ in await notices_of(unpublished, one)] == ["app"]
    assert await bits(unpublished, one) == await bit_of(unpublished, "personalisation")


async def test_a_task_that_was_left_to_people_is_done_when_they_show_the_notice(front: Front) -> None:
    (nobody,) = await delivered(front, said(Channel.WEBSITE, "W1"))
    await run_at(front, NOW)
    assert [(row.due_at, row.told_at) for row in await tasks(front)] == [(None, None)]

    front.clock.at = NOW + MINUTE
    (_, errors) = await served(front, nobody, await publish(front, "members-2"), byWayOf="STORE", role="support_agent")

    assert errors == []
    assert await told(front) == [("privacy_notice", NOW + MINUTE, "served")]


async def two_who_are_one(front: Front) -> MemberId:
    """Two members of two files turn out to be one before anybody was told."""
    shop, user = said(Channel.WEBSITE, "W1", email=EMAIL), said(Channel.APP, "A1", openid=OPENID)
    await delivered(front, shop, user)
    one, two = await delivered(
        front,
        said(Channel.WEBSITE, "W1", email=EMAIL, at=NOW, **UNION),
        said(Channel.APP, "A1", openid=OPENID, at=NOW, **UNION),
    )
    assert one == two
    return one


async def test_two_members_who_are_one_are_given_the_notice_once(front: Front) -> None:
    member = await two_who_are_one(front)

    await run_at(front, NOW)

    assert sorted(template for _, _, template in sent(front)) == ["identities_united.zh", "privacy_notice.zh"]
    assert sorted(by for kind, _, by in await told(front) if kind == "privacy_notice" and by) == ["as_one", "openid"]
    assert len(await notices_of(front, member)) == 1


async def test_those_who_are_two_after_all_are_each_given_it(front: Front) -> None:
    await two_who_are_one(front)
    await run_at(front, NOW)

    pair = (Channel.WEBSITE, "W1"), (Channel.APP, "A1")
    await keep_apart(
        front.hub.database, front.hub.resolver, *pair, reason="different_people", said_by="a test", now=NOW
    )
    await run_at(front, NOW + MINUTE)

    assert sorted(by for by, _, template in sent(front)[2:] if template == "privacy_notice.zh") == ["email", "openid"]
    informed = {row.member_id for row in await front.rows(NoticeServed)}
    assert informed == {
        await delivered_to(front, said(Channel.WEBSITE, "W1")),
        await delivered_to(front, said(Channel.APP, "A1")),
    }


async def delivered_to(front: Front, statement: AccountStatement) -> MemberId:
    (member,) = await delivered(front, statement)
    return member


async def test_two_unions_are_two_things_of_which_a_member_is_told(front: Front) -> None:
    """About nothing in particular either is not the same thing twice."""
    member = await two_who_are_one(front)
    await run_at(front, NOW)
    (again,) = await ask(front, (member, Kind.IDENTITIES_UNITED, None))

    await run_at(front, NOW + MINUTE)

    assert [row.told_by for row in await tasks(front) if row.task_id == again] == ["email"]


async def test_a_child_is_told_of_the_notice_for_children_or_of_the_one_there_is(front: Front) -> None:
    """Being told is not kept from a child because one text is missing: the message is sent, and not again."""
    young = {"birthday": "2015-05-05", "email": EMAIL}
    (before,) = await delivered(front, said(Channel.WEBSITE, "W1", **young))
    await run_at(front, NOW)
    front.clock.at = NOW + MINUTE
    children = await publish(front, "children-1", family="CHILDREN")
    (after,) = await delivered(front, said(Channel.WEBSITE, "W2", **{**young, "email": "little@brandmail.cn"}))
    await run_at(front, NOW + 2 * MINUTE)

    shown = {row.member_id: str(row.notice_id) for row in await front.rows(NoticeServed)}
    assert shown.keys() == {before, after}
    assert (shown[before] == children, shown[after] == children) == (False, True)
    assert [by for _, _, by in await told(front)] == ["email", "email"]
