"""Two members who turn out to be one for an account states the number of the other, and who are taken apart again."""

from datetime import timedelta

from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from member_hub.merging.apart import keep_apart
from tests.graphql.world import NOW, World, said

PHONES = ("+8613911110001", "+8613911110002")


async def two(world: World) -> tuple[MemberId, MemberId]:
    """The one that stays, and the one that goes: strangers so far."""
    kept, gone = await world.resolve(
        said(Channel.WEBSITE, "W-1", phone=PHONES[0], phone_verified=True, at=NOW - timedelta(days=30)),
        said(Channel.APP, "A-1", phone=PHONES[1], phone_verified=True, at=NOW - timedelta(days=20)),
    )
    return kept, gone


async def meet(world: World, *members: MemberId) -> None:
    """The app account states the number of the other one."""
    at = world.clock.now() - timedelta(minutes=1)
    [root] = await world.resolve(said(Channel.APP, "A-1", phone=PHONES[0], phone_verified=True, at=at))
    assert root == members[0]


async def part(world: World) -> None:
    pair = ((Channel.WEBSITE, "W-1"), (Channel.APP, "A-1"))
    reason, now = "different_people", world.clock.now()
    hub = world.hub
    assert await keep_apart(hub.database, hub.resolver, *pair, reason=reason, said_by="test", now=now)
