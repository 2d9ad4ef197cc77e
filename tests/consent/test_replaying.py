"""Lines that came before their text was published count when it is, once, in any order, however often one tries."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.replay import replaying
from member_hub.consent.replay.filing import Filed
from member_hub.consent.replay.replaying import Replayed, replay
from member_hub.consent.words import ConsentState
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.ingest.words import Source
from member_hub.jobs.consents import LINES_EVERY, jobs_of_much
from member_hub.members.tables import Channel, Member
from tests.consent.deciding import bits, inform, publish
from tests.consent.test_file_decisions import line
from tests.hub import CATALOGUE, NOW, Hub, MakeHub, website

S = ConsentState
BIT = 2
Told = Sequence[tuple[str, bool]]


def message(number: int, step: int, at: str, *, granted: bool) -> dict[str, object]:
    told = line("marketing_sms", granted=granted, at=at)
    phone = f"1391640{number:04}"
    return website(f"W{number}", f"2025-06-{step + 1:02}", phone=phone, birthday="1990-01-01", consents=[told])


async def replayed(hub: Hub, batches: list[Filed] | None = None) -> Replayed:
    async def heard(filed: Filed) -> None:
        if batches is not None:
            batches.append(filed)

    return await replay(hub.database, hub.vault, CATALOGUE, hub.clock, on_batch=heard)


async def current(hub: Hub) -> list[tuple[object, ...]]:
    """The current rows without what is random."""
    numbers = {await hub.member_of(Channel.WEBSITE, f"W{n}"): n for n in range(3)}
    rows = await hub.rows("hub.consent_current")
    return sorted((numbers[MemberId(r.member_id)], r.purpose, r.channel, r.state, r.since, r.actor) for r in rows)


async def test_what_waited_counts_when_its_text_is_published_and_only_once(hub: Hub) -> None:
    for number in range(3):
        await hub.deliver(Source.WEBSITE, message(number, 0, "2025-01-01", granted=True))
    assert await replayed(hub) == Replayed(applied=0, waiting=3)
    notice = await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})
    member = await hub.member_of(Channel.WEBSITE, "W1")
    await inform(hub, member, notice)

    batches: list[Filed] = []
    assert await replayed(hub, batches) == Replayed(applied=3)

    assert (await bits(hub, member))[0] == 1 << BIT
    assert [row.applied_at for row in await hub.rows("hub.consent_line")] == [NOW] * 3
    assert [(len(one.members), one.words) for one in batches] == [(3, {"consent.granted:marketing.sms"})]
    before = await hub.counts()
    assert await replayed(hub) == Replayed()
    assert await hub.counts() == before


async def test_files_in_any_order_before_or_after_the_publication_come_to_the_same(make_hub: MakeHub) -> None:
    told = [
        message(0, 0, "2025-01-01", granted=True),
        message(0, 1, "2025-03-01", granted=False),
        message(1, 0, "2025-02-01", granted=False),
        message(1, 1, "2025-04-01", granted=True),
    ]
    others = message(2, 0, "2025-01-01", granted=True)
    found = []
    for order in itertools.islice(itertools.permutations(told), 0, None, 8):
        for published_after in (0, 3):
            hub = await make_hub()
            for step, one in enumerate([*order, others]):
                if step == published_after:
                    await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})
                await hub.deliver(Source.WEBSITE, one)
            await replayed(hub)
            found.append(await current(hub))

    assert all(one == found[0] for one in found)
    assert {row[3] for row in found[0]} == {"withdrawn", "granted", "refused"}


async def test_it_goes_on_where_it_was_killed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "BATCH_LINES", 2)
    for number in range(5):
        await hub.deliver(Source.WEBSITE, message(number, 0, "2025-01-01", granted=True))
    await publish(hub, "website-2024-01")
    shown: list[Replayed] = []

    async def dies(_filed: Filed) -> None:
        if shown:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await replay(hub.database, hub.vault, CATALOGUE, hub.clock, on_progress=shown.append, on_batch=dies)
    assert shown == [Replayed(applied=2)]
    assert len(await hub.rows("hub.consent_event")) == 2

    assert await replayed(hub) == Replayed(applied=3)
    assert len(await hub.rows("hub.consent_event")) == 5


async def test_who_is_busy_is_left_for_later_and_nobody_waits(hub: Hub) -> None:
    for number in range(2):
        await hub.deliver(Source.WEBSITE, message(number, 0, "2025-01-01", granted=True))
    await publish(hub, "website-2024-01")
    busy, member_t = await hub.member_of(Channel.WEBSITE, "W0"), table_of(Member)

    async with transaction(hub.database.app) as tx:
        await tx.execute(select(member_t.c.member_id).where(member_t.c.member_id == busy).with_for_update())
        assert await replayed(hub) == Replayed(applied=1, busy=1)

    assert await replayed(hub) == Replayed(applied=1)


async def test_a_late_line_does_not_widen_what_was_refused_meanwhile(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, message(0, 0, "2025-01-01", granted=True))
    await hub.deliver(Source.WEBSITE, message(0, 1, "2025-03-01", granted=False))
    member = await hub.member_of(Channel.WEBSITE, "W0")
    await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})

    await replay(hub.database, hub.vault, CATALOGUE, hub.clock)

    async with transaction(hub.database.app) as tx:
        found = (await decisions_of(tx, [member]))[member]
    assert {one.state for one in found.standing} == {S.WITHDRAWN}
    assert (await bits(hub, member))[0] == 0
    by = [(event.state, event.occurred_at) for event in found.events]
    assert by[-1][0] is S.WITHDRAWN
    assert by[-1][1] - by[0][1] == timedelta(days=59)


async def test_the_job_applies_what_a_publication_makes_due_and_puts_it_on_record(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, message(0, 0, "2025-01-01", granted=True))
    member = await hub.member_of(Channel.WEBSITE, "W0")
    needs: Any = SimpleNamespace(
        database=hub.database, vault=hub.vault, clock=hub.clock, audit=hub.audit, catalogue=CATALOGUE
    )
    [job] = [one for one in jobs_of_much(needs) if one.name == "consent lines that waited"]
    await job.run_if_due(NOW)
    assert await hub.rows("hub.consent_event") == []

    await publish(hub, "website-2024-01")
    await job.run_if_due(NOW + LINES_EVERY)

    assert [row.state_to for row in await hub.rows("hub.consent_event")] == ["granted"]
    [entry] = [row for row in await hub.rows("hub.audit_entry") if row.operation == "consent replay"]
    assert (entry.caller, entry.member_ids, entry.fields) == ("jobs", [member], ["consent.granted:marketing.sms"])
