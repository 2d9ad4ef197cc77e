"""A later line takes an earlier attachment back: everybody is found by what is theirs, and nothing is left behind."""

import pytest

from member_hub.crypto import CannotOpen
from member_hub.db import snapshot
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import MemberId
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.merging.apart import keep_apart
from member_hub.orders.queries import lines_of
from member_hub.privacy import DataClass
from tests.hub import NOW, Hub, app, card, order, tally, verified, website

PHONE = "13911110001"
E164 = f"+86{PHONE}"
ZHANG = website("W1", "2025-01-01", name="张晓明", birthday="1990-04-12", **verified("2025-01-01", PHONE))
LI = website("W2", "2025-02-01", name="李娜", **verified("2025-02-01", PHONE))
APP = app("A1", "2025-03-01", mobile=PHONE, unionid="o6_one", openid="oX1")
APP_ALONE = app("A1", "2025-02-20", unionid="o6_one", openid="oX1")

member_t = table_of(Member)


async def members(hub: Hub) -> dict[MemberId, tuple[str, MemberId | None]]:
    return {row.member_id: (row.status, row.merged_into) for row in await hub.rows("hub.member")}


async def events(hub: Hub) -> list[tuple[str, MemberId, MemberId, list[object]]]:
    rows = sorted(await hub.rows("hub.merge_event"), key=lambda row: row.event_id)
    return [(row.kind, row.kept, row.gone, row.origin_ids) for row in rows]


async def root_of(hub: Hub, member: MemberId) -> MemberId:
    """Whom an id resolves to; a merged one points straight at its root."""
    status, merged_into = (await members(hub))[member]
    if merged_into is None:
        assert status == MemberStatus.ACTIVE
        return member
    assert (await members(hub))[merged_into] == (MemberStatus.ACTIVE, None)
    return merged_into


async def apart(hub: Hub, one: tuple[Channel, str], other: tuple[Channel, str]) -> bool:
    return await keep_apart(hub.database, hub.resolver, one, other, reason="different_people", said_by="test", now=NOW)


async def orders_of(hub: Hub, member: MemberId) -> list[str]:
    async with snapshot(hub.database.app) as tx:
        lines, _ = (await lines_of(tx, [member], count=10, after=None)).get(member, ([], False))
        return sorted(line.order_no for line in lines)


async def test_a_number_that_changed_hands_before_takes_the_account_attached_to_it_along(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP)
    zhang = await hub.member_of(Channel.WEBSITE, "W1")
    await hub.deliver(Source.ORDERS, order("A1", "O1"), order("W1", "O2"))
    await hub.deliver(Source.ACTIVITY, "app,A1,2026-11-01,visit,3")
    assert await hub.member_of(Channel.APP, "A1") == zhang
    assert await hub.finds(ClaimKind.PHONE, "", E164) == zhang

    summary = await hub.deliver(Source.WEBSITE, LI)

    li = await hub.member_of(Channel.WEBSITE, "W2")
    app_account = await hub.origin_of(Channel.APP, "A1")
    assert tally(summary) == {"read": 1, "attached": 1, "split": 1}  # to the account that had left
    assert await hub.member_of(Channel.APP, "A1") == li != zhang
    assert await hub.finds(ClaimKind.PHONE, "", E164) == li
    assert await hub.finds(ClaimKind.UNIONID, "wechat", "o6_one") == li
    assert await hub.finds(ClaimKind.ACCOUNT, "website", "W1") == zhang
    assert (await orders_of(hub, zhang), await orders_of(hub, li)) == (["O2"], ["O1"])
    picture = await hub.picture()
    assert picture.profile(Channel.WEBSITE, "W1")["phone"] is None
    assert picture.profile(Channel.WEBSITE, "W2")["phone"] == E164
    assert [kind for kind, *_ in await events(hub)] == ["split"]
    assert (await events(hub))[0] == ("split", zhang, li, [app_account])


async def test_what_left_a_profile_is_opened_by_no_key_that_still_stands(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP)
    zhang = await hub.member_of(Channel.WEBSITE, "W1")
    (before,) = [row for row in await hub.rows("hub.member") if row.member_id == zhang]

    await hub.deliver(Source.WEBSITE, LI)

    (after,) = [row for row in await hub.rows("hub.member") if row.member_id == zhang]
    async with snapshot(hub.database.app) as tx:
        keys = await hub.vault.keys_for(tx, [(zhang, c) for c in (DataClass.CONTACT, DataClass.PROFILE)])
    assert after.phone is None
    assert keys.open(member_t.c.name, zhang, after.name) == "张晓明"
    assert keys.open(member_t.c.birthday, zhang, after.birthday) == "1990-04-12"
    for field in ("name", "phone", "birthday"):
        with pytest.raises(CannotOpen):
            keys.open(member_t.c[field], zhang, getattr(before, field))


async def test_a_number_that_somebody_verified_later_leaves_the_profile_with_its_key_without_a_split(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, ZHANG)
    zhang = await hub.member_of(Channel.WEBSITE, "W1")
    (before,) = await hub.rows("hub.member")

    await hub.deliver(Source.WEBSITE, website("W3", "2026-01-01", name="李娜", **verified("2026-01-01", PHONE)))

    (after,) = [row for row in await hub.rows("hub.member") if row.member_id == zhang]
    async with snapshot(hub.database.app) as tx:
        keys = await hub.vault.keys_for(tx, [(zhang, DataClass.CONTACT)])
    assert (after.phone, after.version) == (None, before.version + 1)
    assert keys.open(member_t.c.name, zhang, after.name) == "张晓明"
    with pytest.raises(CannotOpen):
        keys.open(member_t.c.phone, zhang, before.phone)
    assert await events(hub) == []


async def test_a_merged_member_that_is_split_again_gets_its_old_id_back(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP_ALONE)
    zhang, alone = await hub.member_of(Channel.WEBSITE, "W1"), await hub.member_of(Channel.APP, "A1")
    await hub.deliver(Source.ORDERS, order("A1", "O1"))
    await hub.deliver(Source.APP, APP)
    website_account, app_account = [
        await hub.origin_of(c, n) for c, n in ((Channel.WEBSITE, "W1"), (Channel.APP, "A1"))
    ]
    assert zhang != alone
    assert await members(hub) == {zhang: ("active", None), alone: ("merged", zhang)}
    assert await orders_of(hub, zhang) == ["O1"]

    assert await apart(hub, (Channel.WEBSITE, "W1"), (Channel.APP, "A1")) is True

    assert await members(hub) == {zhang: ("active", None), alone: ("active", None)}
    assert await hub.member_of(Channel.APP, "A1") == alone
    assert (await orders_of(hub, zhang), await orders_of(hub, alone)) == ([], ["O1"])
    assert await hub.finds(ClaimKind.UNIONID, "wechat", "o6_one") == alone
    assert await hub.finds(ClaimKind.PHONE, "", E164) == alone  # verified last
    assert await events(hub) == [("merge", zhang, alone, [app_account]), ("split", zhang, alone, [app_account])]
    assert website_account not in (await events(hub))[1][3]
    picture = await hub.picture()
    assert picture.profile(Channel.APP, "A1")["phone"] == E164
    assert picture.profile(Channel.WEBSITE, "W1")["name"] == "张晓明"


async def test_apart_is_kept_against_the_same_files_and_against_new_evidence(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP)
    assert await apart(hub, (Channel.WEBSITE, "W1"), (Channel.APP, "A1")) is True
    before = await hub.picture()

    assert await apart(hub, (Channel.APP, "A1"), (Channel.WEBSITE, "W1")) is False
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP)
    assert await hub.picture() == before

    later = app("A1", "2026-04-01", mobile=PHONE, unionid="o6_one", openid="oX1", birth="1990-04-12")
    await hub.deliver(Source.APP, later)

    assert (await hub.picture()).numbers() == {frozenset({"W1"}), frozenset({"A1"})}
    assert len(await hub.rows("hub.never_merge")) == 1


async def test_an_id_that_followed_another_into_a_merge_follows_it_out_again(hub: Hub) -> None:
    """C1 was absorbed by A1's member, that one by W1's; when A1 leaves W1, both old ids find A1 and C1 again."""
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01", name="张晓明", **verified("2025-01-01", PHONE)))
    await hub.deliver(Source.APP, app("A1", "2025-02-01", unionid="o6_one", openid="oX1"))
    await hub.deliver(Source.APP, app("A2", "2025-02-02", openid="oX2", appid="wx_mini_2"))
    zhang, first, second = [
        await hub.member_of(c, n) for c, n in ((Channel.WEBSITE, "W1"), (Channel.APP, "A1"), (Channel.APP, "A2"))
    ]
    await hub.deliver(Source.APP, app("A2", "2025-02-03", openid="oX2", appid="wx_mini_2", unionid="o6_one"))
    assert await members(hub) == {zhang: ("active", None), first: ("active", None), second: ("merged", first)}
    await hub.deliver(Source.APP, app("A1", "2025-02-04", unionid="o6_one", openid="oX1", mobile=PHONE))
    assert await members(hub) == {zhang: ("active", None), first: ("merged", zhang), second: ("merged", zhang)}

    await apart(hub, (Channel.WEBSITE, "W1"), (Channel.APP, "A1"))
    await apart(hub, (Channel.WEBSITE, "W1"), (Channel.APP, "A2"))

    assert await members(hub) == {zhang: ("active", None), first: ("active", None), second: ("merged", first)}
    assert await hub.member_of(Channel.APP, "A1") == await hub.member_of(Channel.APP, "A2") == first


async def test_an_id_made_by_a_split_is_given_back_after_a_merge_like_any_other(hub: Hub) -> None:
    """A1 attached at first sight, so its own id comes from the split; absorbed elsewhere and split, it has it again."""
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP)
    await apart(hub, (Channel.WEBSITE, "W1"), (Channel.APP, "A1"))
    made = await hub.member_of(Channel.APP, "A1")
    await hub.deliver(Source.STORE, card("C1", "2024-01-01", name="王芳", phone="13922220002"))
    await hub.deliver(Source.WEBSITE, website("W5", "2024-06-01", name="王芳", **verified("2024-06-01", "13922220002")))
    wang = await hub.member_of(Channel.WEBSITE, "W5")
    await hub.deliver(Source.APP, app("A1", "2026-05-01", mobile="13922220002", unionid="o6_one", openid="oX1"))
    assert await root_of(hub, made) == wang
    assert await hub.member_of(Channel.APP, "A1") == wang

    await apart(hub, (Channel.WEBSITE, "W5"), (Channel.APP, "A1"))
    await apart(hub, (Channel.STORE, "C1"), (Channel.APP, "A1"))

    assert await hub.member_of(Channel.APP, "A1") == made
    assert await root_of(hub, made) == made
    assert await root_of(hub, wang) == wang


async def test_purchases_in_a_store_follow_their_account(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, ZHANG)
    await hub.deliver(Source.APP, APP)
    await hub.deliver(Source.STORE, card("C1", "2025-03-01", phone=PHONE))
    await hub.deliver(Source.ORDERS, order("C1", "O1", store="SH009"))
    zhang = await hub.member_of(Channel.WEBSITE, "W1")
    assert [(row.member_id, row.store) for row in await hub.rows("hub.member_store")] == [(zhang, "SH009")]

    await hub.deliver(Source.WEBSITE, LI)

    li = await hub.member_of(Channel.WEBSITE, "W2")
    assert [(row.member_id, row.store) for row in await hub.rows("hub.member_store")] == [(li, "SH009")]
