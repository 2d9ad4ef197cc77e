"""What happens to decisions by the clock: exact states, events and words, once, also after a standstill."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from member_hub.audit import AuditKeys, AuditLog
from member_hub.audit.tables import AuditEntry
from member_hub.consent.history import timers
from member_hub.consent.history.recording import verify
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.history.timers import Clockwork
from member_hub.consent.tables import ConsentCurrent
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.words import Source
from member_hub.members.queries import lock_members
from member_hub.members.tables import AgeBand, Channel
from member_hub.settings import Settings
from tests.conftest import Run
from tests.consent.deciding import CATALOGUE, aged, bits, happen, inform, publish, said, settled
from tests.hub import NOW, Hub, website

S = ConsentState
current_t = table_of(ConsentCurrent)
DAY = timedelta(days=1)
WHOLE = Slot("marketing")


@dataclass
class Town:
    """Members who decide, and the clock's work on them."""

    hub: Hub
    works: Clockwork
    notice: UUID
    members: list[tuple[MemberId, OriginId]]

    async def say(self, act: Act, to: ConsentState, *, of: int = 0, at: datetime = NOW, **more: Any) -> None:
        event = said(*self.members[of], act, to, notice_id=self.notice, occurred_at=at, **more)
        await happen(self.hub, event, now=at)

    async def run(self, at: datetime) -> int:
        await timers.settle_over(self.works, now=at)
        return await timers.run_due(self.works, now=at)

    async def states(self, of: int = 0) -> list[tuple[str, str]]:
        rows = await self.hub.rows("hub.consent_current")
        return [(row.channel, row.state) for row in rows if row.member_id == self.members[of][0]]

    async def audited(self) -> list[Any]:
        table = table_of(AuditEntry)
        async with snapshot(self.hub.database.audit) as tx:
            return list(await tx.execute(select(table).order_by(table.c.sequence)))

    async def events(self) -> list[Any]:
        return sorted(await self.hub.rows("hub.consent_event"), key=lambda row: (row.member_id, row.sequence))


@pytest.fixture
def town(hub: Hub, settings: Settings, run: Run) -> Town:
    return run(_town(hub, settings))


async def _town(hub: Hub, settings: Settings) -> Town:
    notice = await publish(hub, "general-1", gates={("marketing", ""): 3})
    members = []
    for number in range(3):
        await hub.deliver(Source.WEBSITE, website(f"W{number}", "2025-01-01"))
        member = await hub.member_of(Channel.WEBSITE, f"W{number}")
        await aged(hub, member, AgeBand.ADULT)
        await inform(hub, member, notice)
        members.append((member, await hub.origin_of(Channel.WEBSITE, f"W{number}")))
    audit = AuditLog(hub.database, AuditKeys.open(settings.key_dir))
    return Town(hub, Clockwork(hub.database, hub.vault, CATALOGUE, audit), notice, members)


TURNS = [  # from, by what it came about, after how many days, what turns it, to, the word on record
    (S.ASKED, Act.SERVE_NOTICE, 30, Act.DISMISS_OR_TIMEOUT, S.LAPSED, "consent.lapsed"),
    (S.GUARDIAN_PENDING, Act.GRANT_BY_CHILD, 7, Act.TIMEOUT, S.LAPSED, "consent.lapsed"),
    (S.REFUSED, Act.REFUSE, 90, Act.COOLDOWN_OVER, S.NEVER_ASKED, "consent.cooldown_over"),
    (S.STALE, Act.TURNS_14, 30, Act.GRACE_OVER, S.LAPSED, "consent.lapsed"),
]


@pytest.mark.parametrize("turning", TURNS, ids=lambda turning: str(turning[0]))
async def test_a_decision_turns_when_its_time_is_over_and_not_before(
    town: Town, turning: tuple[ConsentState, Act, int, Act, ConsentState, str]
) -> None:
    before, act, days, turn, after, audited = turning
    await town.say(act, before)

    assert await town.run(NOW + days * DAY - timedelta(seconds=1)) == 0
    assert (await town.states(), await town.audited()) == ([("sms", before.value)], [])
    assert await town.run(NOW + days * DAY) == 1
    assert await town.run(NOW + days * DAY) == 0

    assert await town.states() == [("sms", after.value)]
    event = (await town.events())[-1]
    assert (event.act, event.state_from, event.state_to, event.actor, event.method) == (
        turn.value, before.value, after.value, "timer", "none",
    )  # fmt: skip
    assert event.occurred_at == NOW + days * DAY
    (entry,) = await town.audited()
    assert (entry.operation, entry.caller_kind, entry.caller, entry.fields, entry.member_ids) == (
        "consent clock", "SYSTEM", "jobs", [f"{audited}:marketing.sms"], [town.members[0][0]],
    )  # fmt: skip


async def test_a_grant_for_a_time_is_expired_at_its_end_and_its_bit_is_gone(town: Town) -> None:
    ends = NOW + 10 * DAY
    await town.say(Act.GRANT, S.GRANTED, ends_at=ends)
    assert (await bits(town.hub, town.members[0][0]))[:3] == (1 << 3, 0, ends)

    assert await town.run(ends) == 1

    assert await town.states() == [("sms", "expired")]
    assert (await bits(town.hub, town.members[0][0]))[:3] == (0, 0, None)
    fields = [field for entry in await town.audited() for field in entry.fields]
    assert fields == ["consent.expired:marketing.sms"]


async def test_a_grant_without_an_end_and_a_withdrawal_never_turn(town: Town) -> None:
    await town.say(Act.GRANT, S.GRANTED)
    await town.say(Act.WITHDRAW, S.WITHDRAWN, of=1)

    assert await town.run(NOW + 4000 * DAY) == 0

    assert (await town.states(0), await town.states(1)) == ([("sms", "granted")], [("sms", "withdrawn")])


async def test_who_was_asked_as_often_as_may_be_is_never_asked_again(town: Town) -> None:
    for round_ in range(3):
        at = NOW + 100 * round_ * DAY
        await town.run(at)
        await town.say(Act.SERVE_NOTICE, S.ASKED, at=at)
        await town.say(Act.REFUSE, S.REFUSED, at=at + DAY)

    assert await town.run(NOW + 2000 * DAY) == 0

    assert await town.states() == [("sms", "refused")]
    (row,) = await town.hub.rows("hub.consent_current")
    assert row.due_at is None


async def test_a_refusal_of_the_whole_purpose_ends_for_each_of_its_channels(town: Town) -> None:
    await town.say(Act.GRANT, S.GRANTED)
    await town.say(Act.REFUSE, S.REFUSED, slot=WHOLE, at=NOW + DAY)
    assert await town.states() == [("", "refused"), ("sms", "refused")]

    assert await town.run(NOW + 91 * DAY) == 2

    assert await town.states() == [("", "never_asked"), ("sms", "never_asked")]
    (entry,) = await town.audited()
    assert entry.fields == ["consent.cooldown_over:marketing", "consent.cooldown_over:marketing.sms"]


async def test_a_refusal_said_on_two_accounts_ends_when_both_are_over(town: Town) -> None:
    other = town.members[1][1]
    await town.say(Act.REFUSE, S.REFUSED, also=frozenset({other}))
    await town.say(Act.REFUSE, S.REFUSED, of=1, at=NOW + 10 * DAY)

    await town.run(NOW + 90 * DAY)
    assert (await town.states(0), await town.states(1)) == ([("sms", "never_asked")], [("sms", "refused")])
    await town.run(NOW + 100 * DAY)

    assert await town.states(1) == [("sms", "never_asked")]


async def test_after_a_standstill_everybody_is_caught_up_in_batches(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "BATCH", 2)
    for number in range(3):
        await town.say(Act.SERVE_NOTICE, S.ASKED, of=number)

    assert await town.run(NOW + 400 * DAY) == 3

    assert [await town.states(number) for number in range(3)] == [[("sms", "lapsed")]] * 3
    entries = await town.audited()
    assert [len(entry.member_ids) for entry in entries] == [2, 1]
    assert verify([row._mapping for row in await town.events()]) is None


async def test_two_processes_at_once_make_each_event_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "BATCH", 1)
    for number in range(3):
        await town.say(Act.SERVE_NOTICE, S.ASKED, of=number)

    made = await asyncio.gather(*(town.run(NOW + 30 * DAY) for _ in range(4)))
    made.append(await town.run(NOW + 30 * DAY))

    assert sum(made) == 3
    assert [row.act for row in await town.events()].count("dismiss_or_timeout") == 3


async def test_who_is_locked_is_left_for_the_next_round_and_holds_up_nobody(town: Town) -> None:
    for number in range(2):
        await town.say(Act.SERVE_NOTICE, S.ASKED, of=number)

    async with transaction(town.hub.database.app) as tx:
        await lock_members(tx, town.hub.vault, [town.members[0][0]])
        assert await asyncio.wait_for(town.run(NOW + 30 * DAY), 5) == 1

    assert (await town.states(0), await town.states(1)) == ([("sms", "asked")], [("sms", "lapsed")])
    assert await town.run(NOW + 30 * DAY) == 1


async def test_a_batch_holds_nothing_of_whom_it_passed_over(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who withdraws has the member first and what stands about them after: no batch may have that."""
    for number in range(2):
        await town.say(Act.SERVE_NOTICE, S.ASKED, of=number)
    write, free = town.works.audit.write, []

    async with transaction(town.hub.database.app) as withdrawal:
        await lock_members(withdrawal, town.hub.vault, [town.members[0][0]])
        theirs = select(current_t.c.state).where(current_t.c.member_id == town.members[0][0])

        async def writes(entry: Any) -> None:
            """Within the batch."""
            free.append(list(await withdrawal.scalars(theirs.with_for_update(nowait=True))))
            await write(entry)

        monkeypatch.setattr(town.works.audit, "write", writes)
        assert await town.run(NOW + 30 * DAY) == 1

    assert free == [["asked"]]


async def test_a_batch_that_fails_changes_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await town.say(Act.SERVE_NOTICE, S.ASKED)

    async def fails(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(town.works.audit, "write", fails)
    with pytest.raises(ConnectionResetError):
        await town.run(NOW + 30 * DAY)

    assert (await town.states(), len(await town.events())) == ([("sms", "asked")], 1)


async def test_a_childs_bits_wait_for_a_look_at_the_age(town: Town) -> None:
    child = town.members[0][0]
    await aged(town.hub, child, AgeBand.CHILD)
    await inform(town.hub, child, await publish(town.hub, "c1", family="children"))
    await town.say(Act.GUARDIAN_GRANT, S.GRANTED, actor=Actor.GUARDIAN)
    midnight = datetime(2026, 11, 8, 16, tzinfo=UTC)
    assert (await bits(town.hub, child))[:3] == (1 << 3, 0, midnight)

    assert await town.run(midnight) == 0

    assert (await bits(town.hub, child))[:3] == (1 << 3, 0, midnight)
    assert (len(await town.events()), await town.audited()) == (1, [])


async def test_what_a_guardian_gave_is_stale_when_the_child_is_none_any_more(town: Town) -> None:
    child = town.members[0][0]
    await aged(town.hub, child, AgeBand.CHILD)
    await town.say(Act.GUARDIAN_GRANT, S.GRANTED, actor=Actor.GUARDIAN)
    await town.say(Act.GRANT, S.GRANTED, of=1)
    both = [child, town.members[1][0]]

    async def turn(at: datetime) -> frozenset[str]:
        async with transaction(town.hub.database.app) as tx:
            await lock_members(tx, town.hub.vault, both)
            words, _ = await timers.record_turns(tx, town.hub.vault, both, timers.outgrown, now=at)
            await settle(tx, both, catalogue=CATALOGUE, now=at, is_aged=True)
            return words

    await aged(town.hub, child, AgeBand.MINOR)
    assert await turn(NOW + DAY) == {"consent.stale_age:marketing.sms"}
    assert await turn(NOW + DAY) == frozenset()

    assert (await town.states(0), await town.states(1)) == ([("sms", "stale")], [("sms", "granted")])
    assert (await bits(town.hub, child))[0] == 0


async def test_a_projection_that_is_behind_makes_no_event(town: Town) -> None:
    """Who withdrew meanwhile, and whose current row somebody put back, is settled and not expired."""
    await town.say(Act.GRANT, S.GRANTED, ends_at=NOW + DAY)
    before = await town.hub.rows("hub.consent_current")
    await town.say(Act.WITHDRAW, S.WITHDRAWN, at=NOW + timedelta(hours=1))
    async with transaction(town.hub.database.app) as tx:
        await tx.execute(timers.current_t.delete())
        await tx.execute(timers.current_t.insert(), [dict(row._mapping) for row in before])

    assert await town.run(NOW + DAY) == 0

    assert await town.states() == [("sms", "withdrawn")]
    await settled(town.hub, town.members[0][0])
