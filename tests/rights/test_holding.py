"""While somebody works on a person, nobody else changes them: an import waits, and then finds what became of them."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from member_hub.db import transaction
from member_hub.errors import NotFound
from member_hub.holders import HOLDERS
from member_hub.ids import MemberId
from member_hub.ingest import mapping
from member_hub.ingest.parse import Parser
from member_hub.ingest.records import AccountRecord
from member_hub.members.tables import Channel
from member_hub.rights import erase, hold_person
from tests.rights import files
from tests.rights.populating import approve_a_reveal
from tests.rights.world import NOW, REGISTER, Source, World

LOOKS_MAX = 20_000
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
# A second account of hers, known by the phone and the name.
SECOND = files.website(
    "W700000007", "2026-10-01", name=files.NAME, phone=files.PHONE, phone_verified_at="2026-10-01T10:31:00+08:00"
)


async def someone_waits(world: World) -> None:
    """Until a transaction of this database waits for a lock."""
    for _ in range(LOOKS_MAX):
        async with transaction(world.database.login) as tx:
            if await tx.scalar(text(WAITING)):
                return
        await asyncio.sleep(0)
    raise AssertionError("nobody waits")


async def hers(world: World) -> MemberId:
    return await world.member_of(Channel.WEBSITE, files.WEBSITE)


async def test_an_import_that_meets_an_erasure_makes_a_new_member(world: World, tmp_path: Path) -> None:
    old = await world.person(await hers(world))
    async with transaction(world.database.app) as tx:
        person = await hold_person(tx, world.vault, old.member_id)
        importing = asyncio.create_task(world.deliver(Source.WEBSITE, tmp_path, files.lines(SECOND)))
        await someone_waits(world)
        await erase(tx, world.vault, world.ledger, HOLDERS, person, now=NOW)
    summary = await importing

    new = await world.person(await world.member_of(Channel.WEBSITE, "W700000007"))
    assert summary.counts["new_members"] == 1
    assert new.member_id not in old.member_ids
    assert {row.status for row in await world.rows("hub.member") if row.member_id in old.member_ids} == {"erased"}
    for table in ("vault.identity_token", "hub.channel_account", "hub.identity_claim"):
        assert not {row.member_id for row in await world.rows(table)} & set(old.member_ids)


async def test_whoever_comes_while_something_is_being_attached_gets_the_whole_person(
    world: World, tmp_path: Path
) -> None:
    member_id = await hers(world)
    before = await world.person(member_id)
    path = tmp_path / "second.jsonl"
    path.write_text(files.lines(SECOND), "utf-8")
    [record] = Parser(mapping.load(Source.WEBSITE), REGISTER, now=NOW).open(path).records()
    assert isinstance(record, AccountRecord)

    async with transaction(world.database.app) as tx:
        await world.resolver.resolve(tx, [record.statement], caused_by="a test", now=NOW)
        erasing = asyncio.create_task(world.erase(member_id))
        await someone_waits(world)
    done = await erasing

    assert done.rows["hub.channel_account"] == len(before.origin_ids) + 1
    assert "W700000007" not in {account.number for account in await world.accounts()}


async def test_of_two_who_erase_the_same_person_at_once_one_finds_nobody(world: World) -> None:
    member_id = await hers(world)

    done = await asyncio.gather(*(world.erase(member_id) for _ in range(4)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["Erasure", "NotFound", "NotFound", "NotFound"]
    assert world.ledger.verify().seq == 2


async def approvals_of(world: World, member_id: MemberId) -> int:
    return len([row for row in await world.rows("hub.approval") if row.member_id == member_id])


async def test_an_approval_that_is_under_way_goes_with_its_member(world: World) -> None:
    member_id = await hers(world)

    async with transaction(world.database.app) as tx:
        await approve_a_reveal(tx, member_id)
        erasing = asyncio.create_task(world.erase(member_id))
        await someone_waits(world)
    done = await erasing

    assert done.rows["hub.approval"] == 2
    assert await approvals_of(world, member_id) == 0


async def test_nobody_approves_anything_about_whom_is_being_erased(world: World) -> None:
    member_id = await hers(world)

    async def approving() -> None:
        async with transaction(world.database.app) as tx:
            await approve_a_reveal(tx, member_id)

    async with transaction(world.database.app) as tx:
        person = await hold_person(tx, world.vault, member_id)
        await erase(tx, world.vault, world.ledger, HOLDERS, person, now=NOW)
        late = asyncio.create_task(approving())
        await someone_waits(world)
    [refused] = await asyncio.gather(late, return_exceptions=True)

    assert isinstance(refused, NotFound)
    assert await approvals_of(world, member_id) == 0
