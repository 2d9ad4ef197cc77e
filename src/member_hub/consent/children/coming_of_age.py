"""What the clock does about age: who turns 14 decides alone from that midnight on, and staff need approval until 18.

Nothing waits for this job. A guardian's reach ends by `due_at` of the link and a child's consents by `gate_until` of
the row, both at 00:00 in Shanghai; the job moves them on for whoever is still a child. For links it does so up to an
hour ahead, so that no guardian is out for a minute at every midnight. Birth dates are opened for it and stay sealed.

Any number of processes do this beside each other: each member is one transaction that looks again under the lock.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, func, literal, select, update
from sqlalchemy.exc import DBAPIError

from member_hub import telling
from member_hub.audit import AuditLog, Entry
from member_hub.clock import business_day
from member_hub.consent.catalogue import Catalogue, Numbers
from member_hub.consent.children import ages, links
from member_hub.consent.history.settling import settle
from member_hub.consent.history.timers import outgrown, record_turns, ticked_as_a_child
from member_hub.consent.machine import link_after
from member_hub.consent.tables import ConsentCurrent
from member_hub.consent.words import Actor, ConsentState
from member_hub.crypto import Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import among, table_of
from member_hub.db.engines import Database
from member_hub.errors import HubError
from member_hub.ids import MemberId
from member_hub.members.gates import GuardianLink, LinkState
from member_hub.members.reading import is_living
from member_hub.members.tables import AgeBand, Member
from member_hub.telling import Kind, ToTell

BATCH = 100
BATCHES_MAX = 10_000  # of one round
AHEAD: Final = timedelta(hours=1)
OPERATION: Final = "jobs ages"
CALLER: Final = "jobs"

member_t = table_of(Member)
link_t = table_of(GuardianLink)
current_t = table_of(ConsentCurrent)
_log = logging.getLogger(__name__)


class ComingOfAge:
    """One per process; goes over all children and minors once a day, over links in force whenever one is due."""

    def __init__(self, database: Database, vault: Vault, catalogue: Catalogue, audit: AuditLog) -> None:
        self._database = database
        self._vault = vault
        self._catalogue = catalogue
        self._audit = audit
        self._done: date | None = None
        self._aged = 0  # members of this round

    async def run(self, now: datetime) -> int:
        """How many members became older."""
        self._aged = 0
        await self._links(now)
        today = business_day(now)
        if self._done != today and await self._everybody(now):
            self._done = today
        return self._aged

    async def _links(self, now: datetime) -> None:
        """Move on the links of those who are still children; hand over the others when their midnight has come."""
        last = UUID(int=0)
        for _ in range(BATCHES_MAX):
            async with transaction(self._database.app) as tx:
                rows = await _due_links(tx, last, now)
                older = await self._move_on(tx, rows, now) if rows else []
            for child in older:
                await self._one(child, now)
            if len(rows) < BATCH:
                return
            last = rows[-1].link_id

    async def _move_on(self, tx: Tx, rows: Sequence[Row[Any]], now: datetime) -> list[MemberId]:
        """Whose link is due and who is no child any more. The condition stands in the statement: no lock is taken."""
        older, numbers = [], self._catalogue.numbers
        for at in sorted({max(row.due_at, now) for row in rows}):
            same = [row for row in rows if max(row.due_at, now) == at]
            children = {MemberId(row.child_id) for row in same}
            bands = await ages.bands_of(tx, self._vault, children, numbers=numbers, today=business_day(at))
            young = [row.link_id for row in same if bands.get(row.child_id) is AgeBand.CHILD]
            still = and_(among(link_t.c.link_id, young), link_t.c.state == LinkState.ACTIVE, link_t.c.due_at <= at)
            if young:
                await tx.execute(update(link_t).where(still).values(due_at=links.next_midnight(at)))
            older += [MemberId(row.child_id) for row in same if row.link_id not in young and row.due_at <= now]
        return older

    async def _everybody(self, now: datetime) -> bool:
        """Whether all are done: who was held by others, or failed, comes again in the next round."""
        is_complete = True
        for band in (*ages.YOUNG, AgeBand.UNKNOWN):
            last = UUID(int=0)
            for _ in range(BATCHES_MAX):
                async with transaction(self._database.app) as tx:
                    members = await _of_band(tx, band, last)
                    due = await self._changing(tx, band, members, now)
                for member in due:
                    is_complete &= await self._one(member, now)
                if len(members) < BATCH:
                    break
                last = members[-1]
        return is_complete

    async def _changing(self, tx: Tx, band: AgeBand, members: Sequence[MemberId], now: datetime) -> list[MemberId]:
        """Who is older than the row says, whose consents wait for a new day, who has a guardian's consents left, or
        while a child one of their own."""
        if not members:
            return []
        today, numbers = business_day(now), self._catalogue.numbers
        bands = await ages.bands_of(tx, self._vault, members, numbers=numbers, today=today)
        waiting = select(member_t.c.member_id).where(among(member_t.c.member_id, members), member_t.c.gate_until <= now)
        by_guardian = select(current_t.c.member_id).where(
            among(current_t.c.member_id, members),
            current_t.c.actor == Actor.GUARDIAN.value,
            current_t.c.state == ConsentState.GRANTED.value,
        )
        by_child = select(current_t.c.member_id).where(
            among(current_t.c.member_id, members),
            current_t.c.actor != Actor.GUARDIAN.value,
            current_t.c.state == ConsentState.GRANTED.value,
        )
        left = set(await tx.scalars(waiting))
        if band is AgeBand.CHILD:
            left |= set(await tx.scalars(by_child))
        if band is not AgeBand.CHILD:
            left |= set(await tx.scalars(by_guardian))
        return [one for one in members if bands.get(one) is not band or one in left]

    async def _one(self, member_id: MemberId, now: datetime) -> bool:
        try:
            async with transaction(self._database.app) as tx:
                if not await _locked(tx, member_id):
                    return False
                words, about = await come_of_age(tx, self._vault, member_id, catalogue=self._catalogue, now=now)
                if words:
                    entry = Entry.of_command(OPERATION, fields=words, member_ids=about, caller=CALLER, now=now)
                    await self._audit.write(entry)
            self._aged += bool(words)
        except (HubError, DBAPIError) as error:
            _log.error("The age of member %s could not be brought up to date (%s).", member_id, type(error).__name__)
            return False
        return True


async def come_of_age(
    tx: Tx, vault: Vault, member_id: MemberId, *, catalogue: Catalogue, now: datetime
) -> tuple[list[str], list[UUID]]:
    """The member's band of today and all that follows from it; what goes on record, and about whom.

    What they ticked alone while under 14 is invalid for good. Who is no child any more: the guardians' links go over
    to the member, and what guardians consented to is stale. The caller holds the member locked. Doing it again changes
    nothing.
    """
    numbers = catalogue.numbers
    band = (await ages.renew(tx, vault, [member_id], numbers=numbers, now=now))[member_id]
    last_day = (await ages.last_days_as_child(tx, vault, [member_id], numbers=numbers)).get(member_id)
    ticked, _ = await record_turns(tx, vault, [member_id], lambda mine: ticked_as_a_child(mine, last_day), now=now)
    words = sorted(ticked)
    about: list[UUID] = [member_id]
    if band in (AgeBand.MINOR, AgeBand.ADULT):
        for link in await _hand_over(tx, member_id, catalogue.numbers, now):
            words += link.words
            about.append(link.guardian_id)
            await telling.ask(tx, [ToTell(member_id, Kind.GUARDIAN_ENDED, link.link_id)], now)
        words += sorted((await record_turns(tx, vault, [member_id], outgrown, now=now))[0])
    await settle(tx, [member_id], catalogue=catalogue, now=now, is_aged=True)
    return words, about


async def _hand_over(tx: Tx, child_id: MemberId, numbers: Numbers, now: datetime) -> list[links.Link]:
    done = []
    for link in await links.open_of(tx, child_id):
        if link.state is LinkState.ACTIVE:
            to, word = link_after(link.state, "child_turns_14")
            due = now + timedelta(days=numbers.handover_days)
            done.append(await links.change(tx, link, to, word, due_at=due))
    return done


async def _due_links(tx: Tx, last: UUID, now: datetime) -> list[Any]:
    child = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("child_id")
    statement = (
        select(link_t.c.link_id, link_t.c.due_at, child)
        .join(member_t, member_t.c.member_id == link_t.c.member_id)
        .where(link_t.c.state == LinkState.ACTIVE, link_t.c.due_at <= now + AHEAD, link_t.c.link_id > last)
    )
    return list((await tx.execute(statement.order_by(link_t.c.link_id).limit(BATCH))).all())


async def _of_band(tx: Tx, band: AgeBand, last: UUID) -> list[MemberId]:
    """Of unknown age only who states a birthday: members of a database that is older than the bands."""
    named = literal(band.value, literal_execute=True)  # spelled out, so that the partial index is used
    statement = select(member_t.c.member_id).where(
        member_t.c.age_band == named, member_t.c.member_id > last, is_living()
    )
    if band is AgeBand.UNKNOWN:
        statement = statement.where(member_t.c.birthday.is_not(None))
    return [MemberId(one) for one in await tx.scalars(statement.order_by(member_t.c.member_id).limit(BATCH))]


async def _locked(tx: Tx, member_id: MemberId) -> bool:
    """False where others hold the member at this moment, or there is none any more."""
    row = select(member_t.c.member_id).where(member_t.c.member_id == member_id, is_living())
    return await tx.scalar(row.with_for_update(skip_locked=True)) is not None
