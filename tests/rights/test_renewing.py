"""Renewing keys leaves everything readable, and older copies to nobody."""

import orjson

from member_hub.db import transaction
from member_hub.members.tables import Channel
from member_hub.rights import hold_person, renew_keys
from tests.rights import files
from tests.rights.copies import opens, sealed_copies
from tests.rights.populating import keep_apart_from_her_app
from tests.rights.world import World


async def test_after_renewing_a_persons_keys_the_copy_is_the_same(world: World) -> None:
    member_id = await world.member_of(Channel.WEBSITE, files.WEBSITE)
    before, counts = await world.export(member_id), await world.counts()

    async with transaction(world.database.app) as tx:
        count = await renew_keys(tx, world.vault, await hold_person(tx, world.vault, member_id))

    assert count == 37
    after = await world.export(member_id)
    for copy in (before, after):  # some rows stand in the order of their digests, which are made anew
        copy["held"] = {table: sorted(map(orjson.dumps, rows)) for table, rows in copy["held"].items()}
    assert after == before
    assert await world.counts() == counts


async def test_after_renewing_a_persons_keys_older_copies_of_the_rows_do_not_open(world: World) -> None:
    person = await world.person(await world.member_of(Channel.WEBSITE, files.WEBSITE))
    own = {*person.member_ids, *person.origin_ids}
    old = [copy async for copy in sealed_copies(world)]

    async with transaction(world.database.app) as tx:
        await renew_keys(tx, world.vault, await hold_person(tx, world.vault, person.member_id))

    assert {copy.subject for copy in await opens(world, old)} & own == set()
    assert len(await opens(world, old)) == len([copy for copy in old if copy.subject not in own])
    versions = {row.version for row in await world.rows("vault.data_key") if row.subject in own}
    assert versions == {2}


async def test_after_a_split_both_sides_are_readable_and_the_old_golden_profile_is_not(world: World) -> None:
    member_id = await world.member_of(Channel.WEBSITE, files.WEBSITE)
    old = [copy async for copy in sealed_copies(world, "hub.member") if copy.subject == member_id]
    assert len(await opens(world, old)) == len(old) == 5

    await keep_apart_from_her_app(world)

    back = await world.member_of(Channel.APP, files.USER_ID)
    assert back != member_id
    assert await opens(world, old) == []
    for one, account in ((member_id, files.WEBSITE), (back, files.USER_ID)):
        copy = await world.export(one)
        assert account in {row["account"] for row in copy["held"]["hub.channel_account"]}
        assert "cannot be opened" not in str(copy)
