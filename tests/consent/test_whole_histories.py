"""Whatever somebody with the owner's login does to a history is found; what a member does later hides nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from member_hub.consent.history.queries import is_chain_intact
from member_hub.consent.history.whole import broken_among, cut_off, filed_after
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.consent.deciding import happen, said, settled
from tests.hub import NOW, Hub, website

S = ConsentState


async def someone(hub: Hub, account: str = "W1") -> tuple[MemberId, OriginId]:
    await hub.deliver(Source.WEBSITE, website(account, "2025-01-01", birthday="1990-01-01"))
    return await hub.member_of(Channel.WEBSITE, account), await hub.origin_of(Channel.WEBSITE, account)


async def as_owner(hub: Hub, statement: str) -> None:
    async with hub.database.owner.begin() as tx:
        await tx.execute(text(statement))


async def decided(hub: Hub, account: str = "W1") -> tuple[MemberId, OriginId]:
    """Somebody refused, was asked anew, and refused again."""
    one = await someone(hub, account)
    event = said(*one, Act.REFUSE, S.REFUSED)
    await happen(hub, event, event)
    await happen(hub, event)
    return one


async def found(hub: Hub) -> list[MemberId]:
    """Whose histories are not whole, over all there are."""
    async with transaction(hub.database.app) as tx:
        return await broken_among(tx, hub.vault, await filed_after(tx, None, count=10))


async def missed(hub: Hub) -> int:
    async with transaction(hub.database.app) as tx:
        return await cut_off(tx)


async def is_intact(hub: Hub, member: MemberId) -> bool:
    async with transaction(hub.database.app) as tx:
        return await is_chain_intact(tx, hub.vault, member)


async def test_a_history_nobody_touched_is_whole(hub: Hub) -> None:
    one, other = await decided(hub), await someone(hub, "W2")

    heads = await hub.rows("hub.consent_head")

    assert [(row.member_id, row.sequence) for row in heads] == [(one[0], 3)]
    assert (await found(hub), await missed(hub)) == ([], 0)
    assert [await is_intact(hub, member) for member, _ in (one, other)] == [True, True]


TAMPERING = {
    "altered": "UPDATE hub.consent_event SET state_to = 'granted' WHERE sequence = 2",
    "taken out of the middle": "DELETE FROM hub.consent_event WHERE sequence = 2",
    "cut off": "DELETE FROM hub.consent_event WHERE sequence = 3",
    "cut off, and what tells of it": (
        "WITH e AS (DELETE FROM hub.consent_event WHERE sequence = 3) DELETE FROM hub.consent_current"
    ),
    "all gone": "DELETE FROM hub.consent_event",
    "all gone and what tells of them": "WITH e AS (DELETE FROM hub.consent_event) DELETE FROM hub.consent_current",
    "head altered": "UPDATE hub.consent_head SET sequence = 2",
    "cut off, and the head moved back": (
        "WITH e AS (DELETE FROM hub.consent_event WHERE sequence = 3) UPDATE hub.consent_head SET sequence = 2, "
        "hash = (SELECT hash FROM hub.consent_event WHERE sequence = 2)"
    ),
    "head of another": "UPDATE hub.consent_head SET member_id = gen_random_uuid()",
    "head gone": "DELETE FROM hub.consent_head",
    "all gone with the head": "WITH e AS (DELETE FROM hub.consent_event) DELETE FROM hub.consent_head",
}
SEEN_BY_THE_DOCTOR = {
    "cut off", "cut off, and what tells of it", "all gone", "all gone and what tells of them",
    "head altered", "head of another", "head gone",
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
async def test_what_was_tampered_with_is_not_whole(hub: Hub, how: str) -> None:
    (member, _), bystander = await decided(hub), await decided(hub, "W2")
    of_one = f"member_id = '{member}'"
    statement = TAMPERING[how].replace("WHERE sequence", f"WHERE {of_one} AND sequence")
    for table in ("consent_event", "consent_current", "consent_head"):
        statement = statement.replace(f"DELETE FROM hub.{table}", f"DELETE FROM hub.{table} WHERE {of_one}")
    statement = statement.replace(f"WHERE {of_one} WHERE {of_one}", f"WHERE {of_one}")
    statement += f" WHERE {of_one}" if "UPDATE hub.consent_head" in statement else ""

    await as_owner(hub, statement)

    assert member in await found(hub)
    assert bystander[0] not in await found(hub)
    assert await is_intact(hub, member) is False
    assert await missed(hub) == (0 if how not in SEEN_BY_THE_DOCTOR else 2 if how == "head of another" else 1)


@pytest.mark.parametrize("how", sorted(set(TAMPERING) - {"all gone with the head"}))
async def test_what_the_member_does_afterwards_is_taken_and_hides_nothing(hub: Hub, how: str) -> None:
    one = await decided(hub)
    await as_owner(hub, TAMPERING[how])

    await happen(hub, said(*one, Act.WITHDRAW, S.WITHDRAWN), now=NOW + timedelta(days=1))
    await settled(hub, one[0])

    assert [row.state for row in await hub.rows("hub.consent_current")] == ["withdrawn"]
    assert one[0] in await found(hub)
    assert await is_intact(hub, one[0]) is False


async def test_the_app_removes_no_head(hub: Hub) -> None:
    await decided(hub)
    before = await hub.rows("hub.consent_head")

    with pytest.raises(ProgrammingError, match="permission denied"):
        async with transaction(hub.database.app) as tx:
            await tx.execute(text("DELETE FROM hub.consent_head"))

    assert await hub.rows("hub.consent_head") == before
