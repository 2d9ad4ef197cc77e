"""What somebody under 14 ticked alone is no consent, and none when they are 14 either (PIPL 31; PIPL.md S17)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from member_hub.consent.children.coming_of_age import ComingOfAge
from member_hub.consent.replay.replaying import replay
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.identity.statements import AccountStatement, StatedConsent
from member_hub.members.tables import Channel
from tests.consent import deciding
from tests.graphql.consents import bits_of, passed
from tests.graphql.test_consent_over_accounts import PHONE, origins_of, states, website, works
from tests.graphql.world import NOW, World, said

S = ConsentState
GATES = {("marketing", ""): 3, ("personalisation", ""): 5}
BIT = 1 << 5
GRANTED, INVALID = ("grant", "never_asked", "granted"), ("invalidate", "never_asked", "invalidated")
TURNED = ("invalidate", "granted", "invalidated")


def ticked(birthday: str | None, at: datetime, *, number: str = "W9990", phone: str = PHONE) -> AccountStatement:
    stated = {"birthday": birthday} if birthday else {}
    at_last = NOW - timedelta(days=1)
    account = said(Channel.WEBSITE, number, at=at_last, phone=phone, phone_verified=True, **stated)
    return replace(account, consents=(StatedConsent("personalisation", granted=True, at=at, notice="v1"),))


@pytest.mark.parametrize(
    ("at", "event", "bits"),
    [
        (datetime(2026, 11, 1, 15, 59, tzinfo=UTC), INVALID, 0),  # 23:59 of the fourteenth birthday
        (datetime(2026, 11, 1, 16, 0, tzinfo=UTC), GRANTED, BIT),
    ],
)
@pytest.mark.parametrize("is_late", [False, True])
async def test_a_line_counts_from_the_day_after_the_fourteenth_birthday(
    world: World, at: datetime, event: tuple[str, str, str], bits: int, *, is_late: bool
) -> None:
    """Whether its text was published before it came, or it waited for that."""
    if not is_late:
        notice = await deciding.publish(world.hub, "v1", gates=GATES, family="general")
    (member,) = await world.resolve(ticked("2012-11-01", at))
    if is_late:
        notice = await deciding.publish(world.hub, "v1", gates=GATES, family="general")
        assert (await replay(world.hub.database, world.hub.vault, world.hub.catalogue, world.clock)).applied == 1
    await deciding.inform(world.hub, member, notice)
    await deciding.settled(world.hub, member)

    assert (await passed(world), await bits_of(world, member)) == ([event], bits)


async def test_the_tick_of_a_child_counts_at_14_no_more_than_before(world: World) -> None:
    notice = await deciding.publish(world.hub, "v1", gates=GATES, family="general")
    (member,) = await world.resolve(website())
    await deciding.inform(world.hub, member, notice)
    first, *_ = await origins_of(world, member)
    tick = deciding.said(member, first, Act.GRANT, S.GRANTED, notice_id=notice, also=None)  # type: ignore[arg-type]
    await deciding.happen(world.hub, replace(tick, slot=replace(tick.slot, channel="app_push")))
    assert await bits_of(world, member) == 1 << 3
    put_right = said(
        Channel.WEBSITE, "W900000001", at=NOW, phone=PHONE, phone_verified=True, name="陈静怡", birthday="2012-12-01"
    )

    assert await world.resolve(put_right) == [member]

    assert (await states(world, member), await bits_of(world, member)) == ([S.INVALIDATED], 0)
    assert (await passed(world))[-1] == TURNED
    world.clock.at = datetime(2026, 12, 1, 16, 5, tzinfo=UTC)
    await coming(world)
    assert (await states(world, member), await bits_of(world, member)) == ([S.INVALIDATED], 0)


async def test_the_clock_invalidates_what_a_child_ticked_before_anybody_looked(world: World) -> None:
    notice = await deciding.publish(world.hub, "v1", gates=GATES, family="general")
    born = {"birthday": "2012-12-01"}
    (member,) = await world.resolve(
        said(Channel.WEBSITE, "W900000001", at=NOW, phone=PHONE, phone_verified=True, **born)
    )
    first, *_ = await origins_of(world, member)
    how = {"also": None, "actor": Actor.FILE, "method": Method.CHANNEL_FILE, "notice_id": notice}
    tick = deciding.said(member, first, Act.GRANT, S.GRANTED, **how)  # type: ignore[arg-type]
    await deciding.happen(world.hub, replace(tick, slot=replace(tick.slot, channel="app_push")))
    assert await states(world, member) == [S.GRANTED]

    for _ in range(2):
        await coming(world)

    assert await passed(world) == [("grant", "asked", "granted"), TURNED]
    (entry,) = [row for row in await world.audited() if row.operation == "jobs ages"]
    assert (entry.fields, entry.member_ids) == (["consent.invalidated:marketing.app_push"], [member])
    world.clock.at = datetime(2026, 12, 1, 16, 5, tzinfo=UTC)
    await coming(world)
    assert await states(world, member) == [S.INVALIDATED]


async def test_a_birth_date_that_comes_later_takes_the_tick_back(world: World) -> None:
    notice = await deciding.publish(world.hub, "v1", gates=GATES, family="general")
    (member,) = await world.resolve(ticked(None, NOW - timedelta(days=300)))
    await deciding.inform(world.hub, member, notice)
    assert await states(world, member) == [S.GRANTED]

    assert await world.resolve(ticked("2012-11-01", NOW - timedelta(days=300))) == [member]

    assert (await states(world, member), await bits_of(world, member)) == ([S.INVALIDATED], 0)
    assert await passed(world) == [GRANTED, TURNED]


async def coming(world: World) -> None:
    made = works(world)
    await ComingOfAge(made.database, made.vault, made.catalogue, made.audit).run(world.clock.now())
