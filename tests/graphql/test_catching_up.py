"""Before a hub is served it knows what the ledger outside knows: also one that was restored from an older backup."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.audit.entry import COMMAND_LINE
from member_hub.consent.history.timers import Clockwork
from member_hub.consent.replay.catching_up import catch_up, known_head
from member_hub.consent.replay.restoring import Recalled
from member_hub.crypto import LedgerKind, Note
from member_hub.crypto.ledger import LEDGER_FILE
from member_hub.errors import Misconfigured
from member_hub.ids import MemberId
from tests.graphql.consenting import grant, inform, listed, move_in, origin_of
from tests.graphql.world import NOW, World

MARKETING: dict[str, Any] = {"purpose": "marketing"}


async def one_who_agreed(world: World) -> MemberId:
    (member,) = await move_in(world, 1)
    await grant(world, member, await inform(world, [member]))
    return member


async def starts(world: World, *, is_production: bool = True) -> Recalled:
    hub = world.hub
    works = Clockwork(hub.database, hub.vault, hub.catalogue, hub.audit, COMMAND_LINE)
    return await catch_up(works, hub.ledger, hub.clock, is_production=is_production)


async def announce(world: World, member: MemberId, at: Any = NOW + timedelta(hours=1)) -> None:
    """What a process that died before its commit, or a database that was rolled back, leaves: the ledger alone."""
    subjects = (member, await origin_of(world, member))
    world.hub.ledger.append([Note(LedgerKind.WITHDRAWAL, subjects, at, ("marketing",))])


async def test_what_only_the_ledger_knows_is_withdrawn_before_anything_is_served(world: World) -> None:
    member = await one_who_agreed(world)
    await starts(world)
    before = await listed(world, "app_crm", **MARKETING)
    await announce(world, member)

    done = await starts(world)

    assert (len(before), done, await listed(world, "app_crm", **MARKETING)) == (1, Recalled(withdrawals=1), set())
    assert await starts(world) == Recalled()
    assert [row.fields for row in await world.audited() if row.operation == "consent replay"] == [
        ["consent.withdrawn:marketing"]
    ]


async def test_what_was_looked_at_once_is_not_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    member = await one_who_agreed(world)
    await announce(world, member)
    await starts(world)
    assert await known_head(world.hub.database) == world.hub.ledger.head()

    async def looked_at(*_: Any, **__: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("member_hub.consent.replay.restoring._recall", looked_at)

    assert await starts(world) == Recalled()


async def test_a_ledger_that_is_not_this_databases_is_not_served_with_in_production(world: World) -> None:
    member = await one_who_agreed(world)
    await announce(world, member)
    await starts(world)
    for content in (b"", None):
        (world.hub.settings.ledger_dir / LEDGER_FILE).write_bytes(b"")
        if content is None:  # as long, and another
            await announce(world, member, NOW + timedelta(hours=2))

        with pytest.raises(Misconfigured, match="entries are missing"):
            await starts(world)

    assert await starts(world, is_production=False) == Recalled(withdrawals=1)
    assert await starts(world) == Recalled()
