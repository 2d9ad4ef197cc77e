"""What only a consent justified goes with it, and nothing else does (PIPL 15, 16, 47(1)(3))."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from member_hub.consent.outside import remember
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.crypto import CannotOpen, Item, Ledger, LedgerBroken, LedgerKind, sealed_row
from member_hub.db import snapshot, transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.jobs.consents import jobs_of_much
from member_hub.members.queries import lock_members
from member_hub.members.tables import AgeBand, Channel, Member, ProfileValue
from member_hub.privacy import DataClass, ProfileField, Purpose
from member_hub.profiles import Forgotten, forget_consented, forget_ended, holding_for_consent
from tests.consent import deciding
from tests.graphql.agreeing import CATALOGUE, EMAIL, PROFILES, PUSH, Consents
from tests.graphql.consents import WITHDRAW, deny
from tests.graphql.test_collected_for import BIRTHDAY, held
from tests.graphql.test_update import read, update
from tests.graphql.world import People, World, said

member_t, value_t = table_of(Member), table_of(ProfileValue)
S = ConsentState
FORGOTTEN = frozenset({ProfileField.BIRTHDAY})
PROVENANCE = "query ($by: MemberKey!) { member(by: $by) { provenance(field: BIRTHDAY) { source } birthday { state } } }"


async def given(world: World, member: MemberId, *slots: Any) -> Consents:
    """The member agreed to marketing and gave a birthday for it."""
    consents = await Consents.of(world)
    await consents.agrees(member, *slots)
    _, errors = await update(world, "app_crm", member, BIRTHDAY)
    assert errors == []
    return consents


async def shown(world: World, member: MemberId) -> tuple[int, str]:
    """How many birthdays the provenance knows, and the state of the field, as the officer sees them."""
    found = (await world.ask("dpo", PROVENANCE, variables={"by": {"id": str(member)}}))["member"]
    return len(found["provenance"]), found["birthday"]["state"]


async def copies(world: World, member: MemberId) -> list[tuple[str, Item]]:
    """Every sealed value of the member's profile as it stands now, with the field that it is of."""
    async with transaction(world.hub.database.app) as tx:
        values = await tx.execute(select(value_t).where(value_t.c.member_id == member))
        found = [
            (row.field, Item(value_t.c.value, row.origin_id, row.value, sealed_row(ProfileValue, row._mapping)))
            for row in values
        ]
        row = (await tx.execute(select(member_t).where(member_t.c.member_id == member))).one()
        fields = [one for one in ("name", "phone", "birthday") if getattr(row, one) is not None]
        return found + [(one, Item(member_t.c[one], member, getattr(row, one))) for one in fields]


async def opening(world: World, items: list[tuple[str, Item]]) -> list[str]:
    """The fields of those that open with a key there is."""
    async with snapshot(world.hub.database.app) as tx:
        keys = await world.hub.vault.keys_for(tx, {(item.subject, of) for _, item in items for of in DataClass})
        opened = keys.open_many([item for _, item in items], reason="test")
        return sorted(of for (of, _), plain in zip(items, opened, strict=True) if not isinstance(plain, CannotOpen))


async def test_a_withdrawal_takes_what_only_it_justified_and_leaves_the_rest(world: World, people: People) -> None:
    before = await read(world, people.southern)
    consents = await given(world, people.southern, EMAIL)
    older = await copies(world, people.southern)
    assert await opening(world, older) == ["birthday", "birthday", "name", "name", "phone"]
    assert await shown(world, people.southern) == (1, "MASKED")

    forgotten = await consents.withdraws(people.southern, EMAIL)

    assert forgotten == Forgotten({people.southern: FORGOTTEN})
    assert forgotten.words == {"member.birthday:FORGET"}
    assert await held(world, people.southern) == [None]  # no value; and the profile rests on no consent
    assert await shown(world, people.southern) == (0, "ABSENT")
    assert await opening(world, older) == ["name", "phone"]  # of the profile, whose contact data nothing has left
    after = await read(world, people.southern)
    assert after == before | {"version": before["version"] + 2}


async def test_the_outside_ledger_names_what_went_and_which_keys(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    origin, _ = await consents.accounts(people.southern)

    await consents.withdraws(people.southern, EMAIL)

    notes = [entry.note for entry in Ledger.open(world.hub.settings.ledger_dir).entries()]
    both = {people.southern, origin}
    assert [(note.kind, set(note.subjects), note.scope) for note in notes] == [
        (LedgerKind.CORRECTION, both, ("birthday",)),
        (LedgerKind.REKEY, {origin}, ("contact",)),
        (LedgerKind.REKEY, {people.southern}, ("profile",)),
    ]


async def test_withdrawing_one_of_two_channels_takes_nothing(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL, PUSH)

    assert await consents.withdraws(people.southern, EMAIL) == Forgotten()
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]

    assert await consents.withdraws(people.southern, PUSH) == Forgotten({people.southern: FORGOTTEN})


async def test_withdrawing_another_purpose_takes_nothing(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL, PROFILES)

    assert await consents.withdraws(people.southern, PROFILES) == Forgotten()
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]


@pytest.mark.parametrize(
    ("act", "state"),
    [
        (Act.REFUSE, S.REFUSED),
        (Act.TERM_OVER, S.EXPIRED),
        (Act.INVALIDATE, S.INVALIDATED),
        (Act.GRACE_OVER, S.LAPSED),
    ],
)
async def test_whatever_ends_a_consent_takes_what_rested_on_it(
    world: World, people: People, act: Act, state: ConsentState
) -> None:
    consents = await given(world, people.southern, EMAIL)

    assert await consents.becomes(people.southern, act, state, EMAIL) == Forgotten({people.southern: FORGOTTEN})
    assert await held(world, people.southern) == [None]


async def forget(world: World, *members: MemberId) -> Forgotten:
    """As a timer does."""
    hub, ledger = world.hub, Ledger.open(world.hub.settings.ledger_dir)
    async with transaction(hub.database.app) as tx:
        gone = await forget_consented(tx, hub.vault, members, numbers=CATALOGUE.numbers, now=world.clock.at)
        await remember(ledger, gone.notes)
        return gone


async def test_what_is_stale_waits_for_the_end_of_its_grace(world: World, people: People) -> None:
    """A material change has no event: it is derived, and so is the end of the grace."""
    await given(world, people.southern, EMAIL)
    changed_at = world.clock.at
    gates = {("marketing", ""): 9}
    await deciding.publish(world.hub, "n2", gates=gates, effective_at=changed_at)  # type: ignore[arg-type]

    world.clock.at = changed_at + timedelta(days=CATALOGUE.numbers.stale_grace_days) - timedelta(seconds=1)
    assert await forget(world, people.southern) == Forgotten()
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]

    world.clock.at += timedelta(seconds=1)
    assert await forget(world, people.southern) == Forgotten({people.southern: FORGOTTEN})


async def test_a_term_that_is_over_needs_no_event(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    await consents.grants(people.southern, EMAIL, ends_at=world.clock.at + timedelta(days=1))

    assert await forget(world, people.southern) == Forgotten()
    world.clock.at += timedelta(days=1)
    assert await forget(world, people.southern) == Forgotten({people.southern: FORGOTTEN})


async def test_the_clock_forgets_what_a_term_that_ended_left_behind_once_and_on_record(
    world: World, people: People
) -> None:
    consents = await given(world, people.southern, EMAIL)
    before = await read(world, people.southern)
    older = await copies(world, people.southern)
    await consents.grants(people.southern, EMAIL, ends_at=world.clock.at + timedelta(days=1))
    ends_at = world.clock.at - timedelta(seconds=1) + timedelta(days=1)

    assert await forget_ended(world.hub, caller="jobs", now=ends_at - timedelta(seconds=1)) == 0
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]
    assert [row for row in await world.audited() if row.operation == "consent forget"] == []

    assert await forget_ended(world.hub, caller="jobs", now=ends_at) == 1
    assert await forget_ended(world.hub, caller="jobs", now=ends_at) == 0

    assert await held(world, people.southern) == [None]
    assert await shown(world, people.southern) == (0, "ABSENT")
    assert await opening(world, older) == ["name", "phone"]
    assert (await read(world, people.southern))["version"] == before["version"] + 1
    (entry,) = [row for row in await world.audited() if row.operation == "consent forget"]
    assert (entry.caller, entry.fields, entry.member_ids) == ("jobs", ["member.birthday:FORGET"], [people.southern])
    notes = [note.note.kind for note in Ledger.open(world.hub.settings.ledger_dir).entries()]
    assert notes == [LedgerKind.CORRECTION, LedgerKind.REKEY, LedgerKind.REKEY]


async def test_the_job_of_the_served_hub_forgets_it(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    await consents.grants(people.southern, EMAIL, ends_at=world.clock.at + timedelta(days=1))

    world.clock.at += timedelta(days=1)
    (job,) = [job for job in jobs_of_much(world.hub) if job.name == "fields without consent"]
    await job.run_if_due(world.clock.at)

    assert await held(world, people.southern) == [None]


async def test_what_another_account_states_for_the_service_stays(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    await world.resolve(said(Channel.STORE, "1000000009", phone="+8613912345671", name="张三", birthday="1993-04-05"))
    assert await held(world, people.southern) == [None, "marketing", None]

    await consents.withdraws(people.southern, EMAIL)

    assert await held(world, people.southern) == [None, None]
    assert await shown(world, people.southern) == (1, "MASKED")


async def test_what_was_stated_for_the_service_since_stays(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    await update(world, "app_crm", people.southern, {"birthday": "1993-04-05"})

    assert await consents.withdraws(people.southern, EMAIL) == Forgotten()
    assert await shown(world, people.southern) == (1, "MASKED")


async def test_an_older_value_of_the_service_is_not_lost_with_it(world: World, people: People) -> None:
    """The gender that a card says first stands; the one that was given for marketing alone is not shown, and goes."""
    consents = await given(world, people.southern, EMAIL)
    stated = {"gender": "F", "collectedFor": [{"field": "GENDER", "purpose": "MARKETING"}]}
    await update(world, "app_crm", people.southern, stated)
    await world.resolve(said(Channel.STORE, "1000000009", phone="+8613912345671", name="张三", gender="M"))

    await consents.withdraws(people.southern, EMAIL)

    assert (await read(world, people.southern))["gender"] == {"value": "M"}
    assert await held(world, people.southern, ProfileField.GENDER) == [None, None]


async def test_forgetting_again_does_nothing(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    await consents.withdraws(people.southern, EMAIL)
    before = await read(world, people.southern)

    assert await forget(world, people.southern, people.whole) == Forgotten()

    assert await read(world, people.southern) == before
    assert len(list(Ledger.open(world.hub.settings.ledger_dir).entries())) == 3


async def test_a_job_finds_who_holds_something_for_a_consent_alone(world: World, people: People) -> None:
    await given(world, people.southern, EMAIL)

    async with transaction(world.hub.database.app) as tx:
        assert await holding_for_consent(tx) == [people.southern]
        assert await holding_for_consent(tx, after=people.southern) == []
        assert await holding_for_consent(tx, limit=0) == []


async def test_more_members_than_a_batch_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="At most 500"):
        await forget(world, *(MemberId(deciding.uuid7()) for _ in range(501)))


async def test_a_damaged_value_stops_no_withdrawal(world: World, people: People) -> None:
    consents = await given(world, people.southern, EMAIL)
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("UPDATE hub.profile_value SET value = '\\x00' WHERE field = 'name'"))

    assert await consents.withdraws(people.southern, EMAIL) == Forgotten()

    async with transaction(world.hub.database.app) as tx:
        bits = await tx.scalar(select(member_t.c.consent_bits).where(member_t.c.member_id == people.southern))
    assert bits == 0
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]  # for the job, once it is mended


async def test_a_delivery_at_the_same_moment_brings_nothing_back(world: World, people: People) -> None:
    """It waits for the member and then reads what is left."""
    consents = await given(world, people.southern, EMAIL)
    card = said(Channel.STORE, "1000000001", phone="+8613912345671", home_store="SH001", name="张三丰")

    async with withdrawing(world, consents, people.southern):
        delivery = asyncio.create_task(world.resolve(card))
        await waits(world)
    await delivery

    assert await held(world, people.southern) == [None]
    assert await shown(world, people.southern) == (0, "ABSENT")


@asynccontextmanager
async def withdrawing(world: World, consents: Consents, member: MemberId) -> AsyncIterator[Tx]:
    """A withdrawal that has done everything but commit."""
    hub, now = world.hub, world.clock.at + timedelta(seconds=1)
    origin, _ = await consents.accounts(member)
    event = deciding.said(member, origin, Act.WITHDRAW, S.WITHDRAWN, slot=EMAIL, occurred_at=now)
    async with transaction(hub.database.app) as tx:
        await lock_members(tx, hub.vault, [member])
        await deciding.record(tx, hub.vault, [event], now=now)
        await deciding.settle(tx, [member], catalogue=CATALOGUE, now=now)
        ledger = Ledger.open(hub.settings.ledger_dir)
        gone = await forget_consented(tx, hub.vault, [member], numbers=CATALOGUE.numbers, now=now)
        await remember(ledger, gone.notes)
        yield tx


async def waits(world: World) -> None:
    """Until somebody waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with world.hub.database.login.connect() as connection:
        while not await connection.scalar(waiting):
            await asyncio.sleep(0)


async def test_a_child_stays_a_child_without_the_birthday_that_said_so(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.told(people.southern, AgeBand.CHILD)
    await consents.grants(people.southern, EMAIL, actor=Actor.GUARDIAN)
    await update(world, "app_crm", people.southern, BIRTHDAY | {"birthday": "2015-04-05"})

    assert await consents.withdraws(people.southern, EMAIL) == Forgotten({people.southern: FORGOTTEN})

    async with transaction(world.hub.database.app) as tx:
        band = await tx.scalar(select(member_t.c.age_band).where(member_t.c.member_id == people.southern))
    assert band == AgeBand.CHILD


async def test_a_withdrawal_and_what_goes_with_it_are_one_append_behind_the_audit_entry(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The withdrawal first: a restored database that is told of no more than the beginning has the consent ended."""
    await given(world, people.southern, EMAIL)
    append, write, done = world.hub.ledger.append, world.hub.audit.write, list[Any]()

    def appends(notes: Any) -> Any:
        done.append([note.kind for note in notes])
        return append(notes)

    async def writes(*said: Any, **more: Any) -> None:
        done.append("audit")
        await write(*said, **more)

    monkeypatch.setattr(world.hub.ledger, "append", appends)
    monkeypatch.setattr(world.hub.audit, "write", writes)
    assert (await deny(world, people.southern))[1] == []

    kinds = LedgerKind
    assert done == ["audit", [kinds.WITHDRAWAL, kinds.CORRECTION, kinds.REKEY, kinds.REKEY]]
    assert await held(world, people.southern) == [None]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), LedgerBroken(3, "it is no line")])
async def test_where_the_ledger_cannot_be_written_nothing_is_withdrawn_and_nothing_forgotten(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await given(world, people.southern, EMAIL)

    def full(_: object) -> None:
        raise error

    monkeypatch.setattr(world.hub.ledger, "append", full)
    said = {"input": {"purpose": "MARKETING"}}

    assert await world.refused("member", WITHDRAW, variables=said, member=people.southern) == ["UNAVAILABLE"]
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]
    assert (await world.audited())[-1].outcome == "UNAVAILABLE"
