"""By what a member is told, and what the message says: the ways of the kind, in their order, to whom they are now."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.members.tables import Channel
from member_hub.merging.apart import keep_apart
from member_hub.telling import By, Kind, ToldTask
from tests.graphql.world import NOW, said
from tests.sign_in_codes.desk import E164, Front, claim_t
from tests.telling.members import (
    NOTICE,
    app_member,
    ask,
    ask_notice,
    everything,
    member_with,
    notices,
    run_at,
    sent,
    tasks,
)

URL = "https://brand.example/privacy"
OPENID = "oXaaaaaaaaaaaaaaaaaaaaaa0001"
EMAIL = "zhao@brandmail.cn"


def publishing(front: Front) -> Front:
    return replace(front, hub=replace(front.hub, settings=replace(front.hub.settings, notice_url=URL)))


async def test_a_privacy_notice_goes_through_the_app_first(front: Front) -> None:
    await ask_notice(front, await everything(front))

    await run_at(publishing(front), NOW)

    (message,) = front.service.taken
    assert (message.by, message.to, message.appid, message.template) == (
        By.OPENID, OPENID, "wx_mini_1", "privacy_notice.zh"
    )  # fmt: skip
    assert message.values == {"address": URL}
    assert [(row.told_by, row.told_at) for row in await tasks(front)] == [("openid", NOW)]


async def test_it_names_the_notice_where_somebody_knows_its_name(front: Front) -> None:
    await ask_notice(front, await everything(front))

    async def named(_tx: Tx, notice: UUID) -> str | None:
        return {NOTICE: "会员隐私政策 2026-11"}.get(notice)

    assert await notices(front, named=named).tell_waiting() == 1
    assert front.service.taken[0].values == {"notice": "会员隐私政策 2026-11"}


async def test_without_an_app_it_goes_by_e_mail_and_without_that_to_the_verified_phone(front: Front) -> None:
    by_email = await member_with(front, 1, email=EMAIL, phone=E164, phone_verified=True)
    by_phone = await member_with(front, 2, phone="+8613912345672", phone_verified=True)
    await ask_notice(front, by_email, by_phone)

    await run_at(front, NOW)

    assert sorted(sent(front)) == [
        ("email", EMAIL, "privacy_notice.zh"),
        ("sms", "+8613912345672", "privacy_notice.zh"),
    ]


@pytest.mark.parametrize("website_last", [False, True])
async def test_of_several_numbers_the_one_that_was_verified_last_is_told(front: Front, *, website_last: bool) -> None:
    union, before = {"unionid": "o6_aaaaaaaaaaaaaaaaaaaaaaa1", "phone_verified": True}, NOW - timedelta(days=1)
    one, two = await front.resolve(
        said(Channel.WEBSITE, "W1", phone=E164, at=NOW if website_last else before, **union),
        said(Channel.APP, "A1", phone="+8613912345672", at=before if website_last else NOW, **union),
    )
    await ask_notice(front, one)

    await run_at(front, NOW)

    assert one == two
    assert [to for _, to, _ in sent(front)] == [E164 if website_last else "+8613912345672"]


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"phone": E164},  # somebody typed it
        {"phone": "+14155550132", "phone_verified": True},  # of a country where numbers can be bought by the thousand
        {"phone": "+862162345678", "phone_verified": True},  # a landline
    ],
)
async def test_who_has_no_way_at_all_is_left_to_people_at_once(front: Front, stated: dict[str, Any]) -> None:
    await ask_notice(front, await member_with(front, **stated))

    await run_at(front, NOW)

    (left,) = await tasks(front)
    assert (left.tries, left.due_at, left.told_at, sent(front)) == (1, None, None, [])


async def test_a_number_that_somebody_else_verified_since_tells_its_former_holder_nothing(front: Front) -> None:
    former = await member_with(front, 1, phone=E164, phone_verified=True, name="赵启明")
    holder = await member_with(front, 2, phone=E164, phone_verified=True, name="孙新", at=NOW)
    await ask_notice(front, former, holder)

    await run_at(front, NOW)

    assert former != holder
    assert {row.member_id: row.told_by for row in await tasks(front)} == {former: None, holder: "sms"}
    assert sent(front) == [("sms", E164, "privacy_notice.zh")]


@pytest.mark.parametrize("kind", [Kind.IDENTITIES_UNITED, Kind.GUARDIAN_ASKED, Kind.GUARDIAN_ENDED])
async def test_the_other_kinds_go_by_e_mail_or_the_app_never_to_a_phone_and_name_nothing(
    front: Front, kind: Kind
) -> None:
    by_email, by_app = await everything(front), await app_member(front, 2)
    by_none = await member_with(front, 3, phone="+8613912345672", phone_verified=True)
    await ask(front, *((one, kind, NOTICE) for one in (by_email, by_app, by_none)))

    await run_at(publishing(front), NOW)

    assert sorted(sent(front)) == [
        ("email", EMAIL, f"{kind}.zh"), ("openid", "oXaaaaaaaaaaaaaaaaaaaaaa0002", f"{kind}.zh")
    ]  # fmt: skip
    assert {str(message.values) for message in front.service.taken} == {"{}"}
    assert [row.member_id for row in await tasks(front) if row.told_at is None] == [by_none]


async def test_what_does_not_open_is_passed_over_for_the_next_way(front: Front) -> None:
    member = await everything(front)
    await ask_notice(front, member)
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(update(claim_t).where(claim_t.c.kind == "openid").values(value=b"tampered with" * 4))

    await run_at(front, NOW)

    assert [by for by, _, _ in sent(front)] == ["email"]


async def test_where_nothing_opens_now_it_is_tried_again(front: Front) -> None:
    await ask_notice(front, await app_member(front))
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(update(claim_t).where(claim_t.c.kind == "openid").values(value=b"tampered with" * 4))

    await run_at(front, NOW)

    (left,) = await tasks(front)
    assert (left.tries, left.due_at, left.told_at) == (1, NOW + timedelta(minutes=1), None)


async def two_as_one(front: Front) -> None:
    """Two members, each to be given the notice, turn out to be one before anybody was told."""
    one = await member_with(front, 1, email=EMAIL)
    two = await app_member(front, 2)
    await ask_notice(front, one, two)
    union = {"unionid": "o6_aaaaaaaaaaaaaaaaaaaaaaa1"}
    await member_with(front, 1, email=EMAIL, at=NOW, **union)
    await app_member(front, 2, at=NOW, **union)
    front.service.taken.clear()


async def test_one_person_is_told_once_however_many_members_they_were(front: Front) -> None:
    await two_as_one(front)
    told: list[ToldTask] = []

    async def on_told(_tx: Tx, task: ToldTask) -> None:
        told.append(task)

    assert await notices(front, on_told=on_told).tell_waiting() == 1

    assert [by for by, _, _ in sent(front)] == ["openid"]
    assert sorted(row.told_by for row in await tasks(front)) == ["as_one", "openid"]
    assert len(told) == 1


async def test_two_people_after_all_are_each_told_what_one_was_told_for_both(front: Front) -> None:
    await two_as_one(front)
    await run_at(front, NOW)

    pair = (Channel.WEBSITE, "W1"), (Channel.APP, "A2")
    await keep_apart(
        front.hub.database, front.hub.resolver, *pair, reason="different_people", said_by="a test", now=NOW
    )
    await run_at(front, NOW + timedelta(minutes=1))

    assert sorted(by for by, _, _ in sent(front)[1:]) == ["email", "openid"]
    assert sorted(row.told_by for row in await tasks(front)) == ["email", "openid", "openid"]
    assert len({row.member_id for row in await tasks(front)}) == 2


async def test_who_was_merged_is_told_as_who_they_are_now(front: Front) -> None:
    """The merged row has no address any more."""
    one = await member_with(front, 1, email=EMAIL)
    two = await member_with(front, 2)
    union = {"unionid": "o6_aaaaaaaaaaaaaaaaaaaaaaa1"}
    await ask(front, (one, Kind.PHONE_RELEASED, NOTICE), (two, Kind.ACCOUNT_OPENED, NOTICE))
    await front.resolve(
        said(Channel.WEBSITE, "W1", email=EMAIL, at=NOW, **union), said(Channel.WEBSITE, "W2", at=NOW, **union)
    )

    await run_at(front, NOW)

    assert sorted(sent(front)) == [("email", EMAIL, "account_opened.zh"), ("email", EMAIL, "phone_released.zh")]


async def test_a_copy_and_an_erasure_reach_the_tasks_of_a_member(front: Front) -> None:
    member = await member_with(front, email=EMAIL)
    await ask_notice(front, member)

    assert "hub.notice_task" in await front.copied(member)
    await front.erase(member)

    assert await tasks(front) == []
