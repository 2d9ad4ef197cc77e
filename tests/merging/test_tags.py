"""Tags of members who are united and parted again before the clock came by: both sides get theirs the same day."""

from member_hub import tags
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.merging.apart import keep_apart
from member_hub.tags.programme import numbers_of
from tests.hub import NOW, PROGRAMME, REGISTER, Hub, card, verified, website

TAGS = tags.Programme(numbers_of(PROGRAMME["tags"]), REGISTER)
PHONE = "13911110001"


async def evaluated(hub: Hub, *members: MemberId) -> tags.Evaluated:
    async with transaction(hub.database.app) as tx:
        return await tags.evaluate(tx, TAGS, members, now=NOW)


async def tagged(hub: Hub) -> set[MemberId]:
    return {MemberId(row.member_id) for row in await hub.rows("hub.tagging")}


async def test_who_parts_before_anybody_looked_is_evaluated_on_both_sides(hub: Hub) -> None:
    """What the hub gave ended with the merge, so that neither has a tag by which one could tell."""
    await hub.deliver(
        Source.WEBSITE, website("W1", "2025-02-01", birthday="1990-04-12", **verified("2025-02-01", PHONE))
    )
    await hub.deliver(Source.STORE, card("C1", "2025-02-02", birthday="1990-04-12", phone="13911110002"))
    both = [await hub.member_of(Channel.WEBSITE, "W1"), await hub.member_of(Channel.STORE, "C1")]
    await evaluated(hub, *both)
    assert await tagged(hub) == set(both)
    await hub.deliver(Source.STORE, card("C1", "2025-03-01", birthday="1990-04-12", phone=PHONE))
    assert await tagged(hub) == set()

    accounts = (Channel.WEBSITE, "W1"), (Channel.STORE, "C1")
    await keep_apart(hub.database, hub.resolver, *accounts, reason="different_people", said_by="test", now=NOW)

    parted = {await hub.member_of(*account) for account in accounts}
    assert len(parted) == 2
    assert {(row.member_id, row.due_at) for row in await hub.rows("hub.tag_due")} == {(one, NOW) for one in parted}
    async with transaction(hub.database.app) as tx:
        assert await tags.evaluate_due(tx, TAGS, now=NOW) == tags.Evaluated(2, 2, 0)
    assert await tagged(hub) == parted
