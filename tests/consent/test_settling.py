"""What the gate of every read looks at follows from the decisions, and from nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, update

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.tables import Objection
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.ingest.words import Source
from member_hub.members.tables import AgeBand, Channel
from tests.consent.deciding import HANDLER, aged, bits, happen, inform, publish, said, settled
from tests.hub import NOW, Hub, website

S = ConsentState
BIT = 3
GATES = {("marketing", ""): BIT}


async def adult(hub: Hub, account: str = "W1") -> tuple[MemberId, OriginId]:
    await hub.deliver(Source.WEBSITE, website(account, "2025-01-01", birthday="1990-01-01"))
    member = await hub.member_of(Channel.WEBSITE, account)
    await aged(hub, member, AgeBand.ADULT)
    return member, await hub.origin_of(Channel.WEBSITE, account)


async def test_a_grant_sets_the_bit_of_its_gate_and_withdrawing_clears_it(hub: Hub) -> None:
    notice = await publish(hub, "n1", gates=GATES)
    one = await adult(hub)
    await inform(hub, one[0], notice)

    await happen(hub, granted := said(*one, Act.GRANT, S.GRANTED, notice_id=notice))
    assert await bits(hub, one[0]) == (1 << BIT, 0, None, 1)
    (row,) = await hub.rows("hub.consent_current")
    assert (row.member_id, row.purpose, row.channel, row.state, row.actor) == (
        one[0],
        "marketing",
        "sms",
        "granted",
        "member",
    )

    await happen(hub, replace(granted, act=Act.WITHDRAW, state_to=S.WITHDRAWN, occurred_at=NOW + timedelta(seconds=1)))
    assert await bits(hub, one[0]) == (0, 0, None, 2)
    (row,) = await hub.rows("hub.consent_current")
    assert (row.state, row.due_at) == ("withdrawn", None)


async def test_settling_again_writes_nothing(hub: Hub) -> None:
    notice = await publish(hub, "n1", gates=GATES)
    one = await adult(hub)
    await inform(hub, one[0], notice)
    await happen(hub, said(*one, Act.GRANT, S.GRANTED, notice_id=notice))
    before = await hub.rows("hub.member"), await hub.rows("hub.consent_current")

    await settled(hub, one[0])

    assert (await hub.rows("hub.member"), await hub.rows("hub.consent_current")) == before


async def test_no_bit_without_being_informed_nor_a_gate_nor_under_an_older_or_foreign_notice(
    hub: Hub,
) -> None:
    old = await publish(hub, "old")
    one = await adult(hub)
    await happen(hub, granted := said(*one, Act.GRANT, S.GRANTED, notice_id=old))
    assert (await bits(hub, one[0]))[0] == 0  # no gate, nobody informed

    await inform(hub, one[0], old)
    await publish(hub, "new", gates=GATES, effective_at=datetime(2025, 1, 1, tzinfo=UTC))
    await settled(hub, one[0])
    assert (await bits(hub, one[0]))[0] == 0  # granted before the material change

    other = await publish(hub, "theirs", handler="another", effective_at=datetime(2025, 2, 1, tzinfo=UTC))
    await happen(hub, replace(granted, notice_id=other, occurred_at=NOW + timedelta(seconds=1)))
    assert (await bits(hub, one[0]))[0] == 0  # another handler's
    assert (await bits(hub, one[0]))[2] is None


MIDNIGHT = datetime(2026, 11, 8, 16, tzinfo=UTC)  # of 9 November in Shanghai


@pytest.mark.parametrize(
    ("band", "actor", "expected"),
    [
        (AgeBand.ADULT, Actor.MEMBER, (1 << BIT, None)),
        (AgeBand.MINOR, Actor.MEMBER, (1 << BIT, None)),
        (AgeBand.MINOR, Actor.GUARDIAN, (0, None)),
        (AgeBand.CHILD, Actor.MEMBER, (0, None)),
        (AgeBand.CHILD, Actor.GUARDIAN, (1 << BIT, MIDNIGHT)),
        (AgeBand.UNKNOWN, Actor.MEMBER, (0, None)),
        (AgeBand.UNKNOWN, Actor.GUARDIAN, (0, None)),
    ],
)
async def test_who_may_grant_depends_on_the_age(
    hub: Hub, band: AgeBand, actor: Actor, expected: tuple[int, datetime | None]
) -> None:
    notice = await publish(hub, "n1", gates=GATES)
    one = await adult(hub)
    await inform(hub, one[0], await publish(hub, "c1", family="children") if band is AgeBand.CHILD else notice)
    await aged(hub, one[0], band)

    await happen(hub, said(*one, Act.GRANT, S.GRANTED, notice_id=notice, actor=actor))

    found = await bits(hub, one[0])
    assert (found[0], found[2]) == expected


async def test_the_bits_hold_until_the_first_end_of_a_term(hub: Hub) -> None:
    notice = await publish(hub, "n1", gates=GATES)
    one = await adult(hub)
    await inform(hub, one[0], notice)
    ends_at = NOW + timedelta(days=5)

    await happen(hub, said(*one, Act.GRANT, S.GRANTED, notice_id=notice, ends_at=ends_at))
    assert (await bits(hub, one[0]))[:3] == (1 << BIT, 0, ends_at)
    await settled(hub, one[0], now=ends_at)
    assert (await bits(hub, one[0]))[:3] == (0, 0, None)


async def test_an_objection_of_any_of_ones_accounts_restricts_until_it_is_lifted(hub: Hub) -> None:
    one = await adult(hub)
    row = {"objection_id": uuid7(), "member_id": uuid4(), "origin_id": uuid4(), "also": [one[1]]}
    said_so = {
        "scope": ["marketing", "profiling", "channel.sms"],
        "actor": "member",
        "placed_by": "member",
        "placed_at": NOW,
    }
    async with transaction(hub.database.app) as tx:
        await tx.execute(insert(table_of(Objection)), row | said_so)
    await settled(hub, one[0])
    assert await bits(hub, one[0]) == (0, 1 << 2 | 1 << 40 | 1 << 41, None, 1)

    async with transaction(hub.database.app) as tx:
        await tx.execute(update(table_of(Objection)).values(lifted_at=NOW, lifted_by="member"))
    await settled(hub, one[0])
    assert await bits(hub, one[0]) == (0, 0, None, 2)


async def test_reading_and_settling_take_as_many_statements_for_ten_as_for_one(hub: Hub) -> None:
    notice = await publish(hub, "n1", gates=GATES)
    people = [await adult(hub, f"W{n}") for n in range(11)]
    counted = [0]
    event.listen(hub.database.app.sync_engine, "before_cursor_execute", lambda *_: counted.append(counted.pop() + 1))

    taken = []
    for some in (people[:1], people[1:]):
        counted[:] = [0]
        await happen(hub, *(said(*one, Act.GRANT, S.GRANTED, notice_id=notice) for one in some))
        taken.append(counted[0])

    assert taken[0] == taken[1]
    async with transaction(hub.database.app) as tx:
        found = await decisions_of(tx, [member for member, _ in people])
    assert [len(found[member].events) for member, _ in people] == [1] * 11


async def test_only_a_notice_of_ones_handler_and_for_ones_age_informs(hub: Hub) -> None:
    notice = await publish(hub, "n1", gates=GATES)
    one = await adult(hub)
    await happen(hub, said(*one, Act.GRANT, S.GRANTED, notice_id=notice))
    others = (("website", HANDLER), ("children", HANDLER), ("general", "partner"))
    for n, (family, handler) in enumerate(others):
        await inform(hub, one[0], await publish(hub, f"o{n}", family=family, handler=handler))
        await settled(hub, one[0])
        assert (await bits(hub, one[0]))[0] == 0

    await inform(hub, one[0], notice)
    await settled(hub, one[0])

    assert (await bits(hub, one[0]))[0] == 1 << BIT
