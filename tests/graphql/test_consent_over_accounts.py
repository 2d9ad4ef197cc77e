"""What several accounts of one member decided apart: a no for all of them, and one that a restored database forgot."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from member_hub.consent.history import timers
from member_hub.consent.history.reading import decisions_of
from member_hub.consent.history.standing import standing
from member_hub.consent.history.timers import Clockwork
from member_hub.consent.replay.restoring import recall
from member_hub.consent.words import ConsentState
from member_hub.crypto import LedgerKind, Note
from member_hub.db import transaction
from member_hub.identity.statements import AccountStatement, StatedConsent
from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from tests.consent import deciding
from tests.graphql.consents import REFUSE, bits_of, deny, history, passed
from tests.graphql.world import NOW, World, said

S = ConsentState
PHONE, BORN = "+8613712345601", "1990-01-01"


def told(account: AccountStatement, *, granted: bool, days: int) -> AccountStatement:
    """The account's file says what was ticked there so many days ago."""
    said_at = NOW - timedelta(days=days)
    return replace(account, consents=(StatedConsent("personalisation", granted=granted, at=said_at, notice="v1"),))


def website() -> AccountStatement:
    at = NOW - timedelta(days=9)
    return said(Channel.WEBSITE, "W900000001", at=at, phone=PHONE, phone_verified=True, name="陈静怡", birthday=BORN)


def app(phone: str = PHONE, **more: Any) -> AccountStatement:
    more = {"at": NOW - timedelta(days=8), "birthday": BORN} | more
    return said(Channel.APP, "app-900001", phone=phone, phone_verified=True, unionid="oU-1", **more)


async def united(world: World, *accounts: AccountStatement) -> MemberId:
    """One member with these accounts, informed."""
    gates = {("marketing", ""): 3, ("personalisation", ""): 5}
    notice = await deciding.publish(world.hub, "v1", gates=gates, family="general")
    members = set(await world.resolve(*accounts))
    assert len(members) == 1
    (member,) = members
    await deciding.inform(world.hub, member, notice)
    await deciding.settled(world.hub, member)
    return member


def works(world: World) -> Clockwork:
    return Clockwork(world.hub.database, world.hub.vault, world.hub.catalogue, world.hub.audit)


async def states(world: World, member: MemberId) -> list[ConsentState]:
    async with transaction(world.hub.database.app) as tx:
        return [one.state for one in (await decisions_of(tx, [member]))[member].standing]


async def test_a_cool_down_that_is_over_brings_back_no_tick_of_another_account(world: World) -> None:
    member = await united(world, told(website(), granted=True, days=5), told(app(), granted=False, days=3))
    assert (await states(world, member), await bits_of(world, member)) == ([S.REFUSED], 0)

    world.clock.at = NOW + timedelta(days=91)
    assert await timers.run_due(works(world), now=world.clock.at) == 1

    assert (await states(world, member), await bits_of(world, member)) == ([S.NEVER_ASKED], 0)


async def test_a_no_ends_the_grant_that_another_accounts_refusal_hides(world: World) -> None:
    member = await united(world, told(website(), granted=True, days=3), told(app(), granted=False, days=5))
    assert await states(world, member) == [S.REFUSED]

    for _ in range(2):
        assert (await deny(world, member, purpose="PERSONALISATION"))[0][0][0] == "WITHDRAWN"

    (event,) = [row for row in await history(world) if row.actor == "member"]
    assert (event.act, event.state_from, event.state_to) == ("withdraw", "granted", "withdrawn")
    (entry,) = world.hub.ledger.entries()
    assert (entry.note.kind, entry.note.scope) == (LedgerKind.WITHDRAWAL, ("personalisation",))
    assert set(entry.note.subjects) == {member, event.origin_id}  # the app's refusal stands as it was
    (parted,) = await world.resolve(app("+8613712345699", at=NOW, name="周大伟"))
    assert parted != member
    assert [(await states(world, one), await bits_of(world, one)) for one in (member, parted)] == [
        ([S.WITHDRAWN], 0),
        ([S.REFUSED], 0),
    ]


async def forget_decisions(world: World) -> None:
    """As a backup from before knows nothing of them."""
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("TRUNCATE hub.consent_event, hub.consent_current, vault.consent_contact"))


async def test_a_refusal_that_was_forgotten_stands_as_refused_against_the_older_tick_of_a_file(world: World) -> None:
    member = await united(world, website())
    assert (await deny(world, member, REFUSE, purpose="PERSONALISATION"))[0][0][0] == "REFUSED"
    (refused,) = await history(world)

    await forget_decisions(world)
    world.clock.at = NOW + timedelta(days=1)
    assert (await recall(works(world), world.hub.ledger, world.clock)).withdrawals == 1
    assert (await recall(works(world), world.hub.ledger, world.clock)).withdrawals == 0
    assert (await world.audited())[-1].fields == ["consent.refused:personalisation"]
    await world.resolve(told(website(), granted=True, days=2))

    put_back, *_ = await history(world)
    assert (put_back.act, put_back.state_to, put_back.occurred_at) == ("refuse", "refused", refused.occurred_at)
    assert (await states(world, member), await bits_of(world, member)) == ([S.REFUSED], 0)


async def test_a_forgotten_withdrawal_counts_for_each_account_from_when_it_was_said(world: World) -> None:
    """The app's file has a later yes: for the app's account alone, and the website's stays withdrawn."""
    member = await united(
        world, told(website(), granted=True, days=6), told(app(), granted=True, days=2)
    )  # fmt: skip
    assert (await states(world, member), await bits_of(world, member)) == ([S.GRANTED], 1 << 5)
    origins = await origins_of(world, member)
    at = NOW - timedelta(days=4)
    world.hub.ledger.append([Note(LedgerKind.WITHDRAWAL, (member, *origins), at, ("personalisation",))])

    assert (await recall(works(world), world.hub.ledger, world.clock)).withdrawals == 1

    assert (await states(world, member), await bits_of(world, member)) == ([S.WITHDRAWN], 0)
    async with transaction(world.hub.database.app) as tx:
        events = (await decisions_of(tx, [member]))[member].events
    alone = [[one.state for one in standing([origin], events)] for origin in origins]
    assert sorted(alone) == [[S.GRANTED], [S.WITHDRAWN]]
    assert (await recall(works(world), world.hub.ledger, world.clock)).withdrawals == 0


async def test_a_later_no_of_one_account_does_not_show_the_withdrawal_of_the_others(world: World) -> None:
    member = await united(world, told(website(), granted=True, days=6), told(app(), granted=False, days=2))
    origins = await origins_of(world, member)
    at = NOW - timedelta(days=4)
    world.hub.ledger.append([Note(LedgerKind.WITHDRAWAL, (member, *origins), at, ("personalisation",))])

    assert (await recall(works(world), world.hub.ledger, world.clock)).withdrawals == 1

    (parted,) = await world.resolve(app("+8613712345699", at=NOW, name="周大伟"))
    assert {await bits_of(world, one) for one in (member, parted)} == {0}
    assert await states(world, member) == [S.WITHDRAWN]


@pytest.mark.parametrize("contact", [None, PHONE])
async def test_what_the_database_knows_is_not_put_back(world: World, contact: str | None) -> None:
    member = await united(world, website())
    await deny(world, member, channel="SMS", contact=contact)
    before = await passed(world)

    assert (await recall(works(world), world.hub.ledger, world.clock)).withdrawals == 0

    assert await passed(world) == before


async def origins_of(world: World, member: MemberId) -> list[UUID]:
    async with transaction(world.hub.database.app) as tx:
        return sorted((await decisions_of(tx, [member]))[member].origins)
