"""Pairs for review: as the rules give them now, whatever they gave before; what staff decided stays decided."""

from sqlalchemy import update

from member_hub.db import transaction
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.hub import Hub, app, card, tally, verified, website
from tests.picture import candidate_t

PHONE = "13911110001"
W1 = website("W1", "2025-01-01", name="张晓明", **verified("2025-01-01", PHONE))


async def weights(hub: Hub) -> dict[str, int]:
    return {reason: weight for _, reason, weight in (await hub.picture()).candidates}


async def test_a_pair_is_noted_once_and_its_weight_follows_what_becomes_known(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, W1)
    first = await hub.deliver(Source.STORE, card("81", "2025-02-01", name="李娜", phone=PHONE))
    before = await weights(hub)

    again = await hub.deliver(Source.WEBSITE, website("W1", "2025-03-01", name="张晓明", birthday="1990-01-01"))
    second = await hub.deliver(Source.STORE, card("81", "2025-03-01", name="李娜", birthday="1990-01-01", phone=PHONE))

    assert (first.counts["for_review"], again.counts["for_review"], second.counts["for_review"]) == (1, 0, 0)
    assert (before, await weights(hub)) == ({"other_name": 1000}, {"other_name": 1500})


async def test_a_pair_that_turns_out_to_be_one_person_is_no_longer_for_review(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, W1)
    await hub.deliver(Source.STORE, card("81", "2025-02-01", name="李娜", phone=PHONE))

    await hub.deliver(Source.STORE, card("81", "2025-03-01", name="张晓明", phone=PHONE))

    assert await weights(hub) == {}
    assert (await hub.picture()).numbers() == {frozenset({"W1", "81"})}


async def test_what_staff_decided_stays_decided(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, W1)
    await hub.deliver(Source.STORE, card("81", "2025-02-01", name="李娜", phone=PHONE))
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(candidate_t).values(status="dismissed"))

    summary = await hub.deliver(Source.STORE, card("81", "2025-03-01", name="李娜", phone=PHONE))

    assert tally(summary) == {"read": 1, "updated": 1}
    (row,) = await hub.rows("hub.review_candidate")
    assert (row.status, row.reason) == ("dismissed", "other_name")


async def test_members_keep_their_profile_as_it_is_while_nothing_new_is_said(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, W1)
    await hub.deliver(Source.APP, app("A1", "2025-02-01", mobile=PHONE))
    before = await hub.rows("hub.member")

    await hub.deliver(Source.WEBSITE, W1 | {"message_id": "m-again"})

    assert await hub.rows("hub.member") == before
    assert (await hub.picture()).profile(Channel.APP, "A1")["name"] == "张晓明"
