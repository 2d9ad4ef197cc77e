"""What is written outside first cannot be half done: whatever happens behind it, asking again finishes it."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from member_hub.crypto import CannotOpen, Entry, Ledger, Note
from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from member_hub.tables import METADATA
from tests.rights import files
from tests.rights.world import World

KEYS = "vault.data_key"
ROOT = Path(__file__).parents[2]

# An erasure that is killed between ledger and commit.
KILLED = """
import asyncio, os, signal, sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID
from member_hub.crypto import Ledger
from member_hub.db import Database
from member_hub.settings import Settings
from tests.rights.world import World

class Deadly(Ledger):
    def append(self, notes):
        super().append(notes)
        os.kill(os.getpid(), signal.SIGKILL)

async def main(url, prefix, member_id):
    world = await World.open(Database.open(url, role_prefix=prefix), Settings.from_environ())
    await world.erase(UUID(member_id), ledger=Deadly.open(world.settings.ledger_dir))

asyncio.run(main(*sys.argv[1:]))
"""


class BreaksBehind(Ledger):
    """The line is on disk; the machine did not live to see the commit."""

    def append(self, notes: Sequence[Note]) -> list[Entry]:
        super().append(notes)
        raise ConnectionError


class Full(Ledger):
    """The disk takes nothing more."""

    def append(self, notes: Sequence[Note]) -> list[Entry]:
        raise OSError(28, "No space left on device", f"{len(notes)} notes")


async def hers(world: World) -> MemberId:
    return await world.member_of(Channel.WEBSITE, files.WEBSITE)


async def test_what_fails_behind_the_ledger_changed_nothing_and_asking_again_finishes(world: World) -> None:
    person = await world.person(await hers(world))
    before = await world.counts(*METADATA.tables)

    with pytest.raises(ConnectionError):
        await world.erase(person.member_id, ledger=BreaksBehind.open(world.settings.ledger_dir))

    assert await world.counts(*METADATA.tables) == before
    assert await world.person(person.member_id) == person
    assert world.ledger.verify().seq == 2

    done = await world.erase(person.member_id)

    first, _, again, _ = list(world.ledger.entries())
    assert done.ledger_seq == again.seq == 3
    assert set(again.note.subjects) == set(first.note.subjects)
    assert set(await world.found_by(*[(k, n, v) for k, n, v in files.HERS if k != "phone"])) == {None}


async def test_a_process_killed_behind_the_ledger_left_nothing_half_done(world: World) -> None:
    person = await world.person(await hers(world))
    before = await world.counts(*METADATA.tables)
    environ = {
        "MEMBER_HUB_MODE": "development",
        "MEMBER_HUB_DATA_DIR": str(world.settings.data_dir),
        "MEMBER_HUB_KEY_DIR": str(world.settings.key_dir),
        "MEMBER_HUB_LEDGER_DIR": str(world.settings.ledger_dir),
    }
    command = [sys.executable, "-c", KILLED, world.database.url, world.database.role_prefix, str(person.member_id)]

    killed = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, "")
    assert await world.counts(*METADATA.tables) == before
    assert await world.person(person.member_id) == person
    announced = next(world.ledger.entries()).note
    assert set(announced.subjects) > {*person.member_ids, *person.origin_ids}

    done = await world.erase(person.member_id)

    assert (done.rows["hub.channel_account"], done.ledger_seq) == (4, 3)
    world.ledger.verify()


async def test_where_the_ledger_cannot_be_written_nothing_is_erased(world: World) -> None:
    person = await world.person(await hers(world))
    before = await world.counts(*METADATA.tables)

    with pytest.raises(OSError, match="No space"):
        await world.erase(person.member_id, ledger=Full.open(world.settings.ledger_dir))

    assert await world.counts(*METADATA.tables) == before
    assert (await world.export(person.member_id))["held"]["hub.consent_line"]
    assert world.ledger.verify().seq == 0


async def test_a_damaged_row_of_somebody_else_stops_it_before_anything_is_announced(world: World) -> None:
    """It cannot be sealed again, and to keep the old key would leave her own row readable in older copies."""
    member_id = await hers(world)
    quarantine = METADATA.tables["hub.quarantine"]
    of_he_li = (quarantine.c.source == "website") & (quarantine.c.line == 8)
    async with world.database.app.begin() as tx:
        await tx.execute(quarantine.update().where(of_he_li).values(raw=b"\x01" * 60))

    with pytest.raises(CannotOpen, match=r"hub\.quarantine\.raw"):
        await world.erase(member_id)

    assert world.ledger.verify().seq == 0
    assert len(await world.rows("hub.quarantine")) == 7

    async with world.database.app.begin() as tx:
        await tx.execute(quarantine.delete().where(of_he_li))
    assert (await world.erase(member_id)).rows["hub.quarantine"] == 4


async def test_her_own_damaged_values_do_not_stop_it(world: World) -> None:
    person = await world.person(await hers(world))
    for table, column in (("hub.member", "name"), ("hub.channel_account", "account"), ("hub.identity_claim", "value")):
        found = METADATA.tables[table]
        async with world.database.app.begin() as tx:
            spoiled = found.update().where(found.c.member_id == person.member_id)
            await tx.execute(spoiled.values({column: b"\x01" * 60}))

    done = await world.erase(person.member_id)

    assert done.rows["hub.channel_account"] == 4
