"""What the clock does about links that are not in force: proposals that nobody answers, and hand-overs that end.

A proposal, or a guardian whose relation nobody saw, is over after `guardian_days`: what was said about the relation
goes with its key, consents that waited for a guardian lapse, and the child's membership goes on (S18). A hand-over ends
when the young member has consented to something alone, or after `handover_days`.

Any number of processes run this beside each other: each link is one transaction that looks again under the child's
lock, and passes over a child whom somebody else holds.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, exists, func, or_, select
from sqlalchemy.exc import DBAPIError

from member_hub.audit import AuditLog, Entry
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.children import guardians, links
from member_hub.consent.children.coming_of_age import CALLER
from member_hub.consent.history.settling import settle
from member_hub.consent.history.timers import record_turns, unanswered
from member_hub.consent.tables import ConsentEvent
from member_hub.consent.words import Actor, ConsentState
from member_hub.crypto import Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.errors import HubError
from member_hub.ids import MemberId
from member_hub.members.gates import GuardianLink, LinkState
from member_hub.members.reading import is_living
from member_hub.members.tables import ChannelAccount, Member

BATCH = 100
BATCHES_MAX = 1_000  # of one round
OPERATION: Final = "jobs guardians"
UNANSWERED: Final = (LinkState.PROPOSED, LinkState.RELATION_PENDING)

link_t = table_of(GuardianLink)
member_t = table_of(Member)
account_t = table_of(ChannelAccount)
event_t = table_of(ConsentEvent)
_log = logging.getLogger(__name__)


class GuardianTimers:
    """One per process."""

    def __init__(self, database: Database, vault: Vault, catalogue: Catalogue, audit: AuditLog) -> None:
        self._database = database
        self._vault = vault
        self._catalogue = catalogue
        self._audit = audit

    async def run(self, now: datetime) -> int:
        """How many links ended."""
        ended, last = 0, UUID(int=0)
        for _ in range(BATCHES_MAX):
            async with transaction(self._database.app) as tx:
                due = await self._due(tx, last, now)
            for link_id in due:
                ended += await self._one(link_id, now)
            if len(due) < BATCH:
                break
            last = due[-1]
        return ended

    async def _due(self, tx: Tx, last: UUID, now: datetime) -> Sequence[UUID]:
        over = and_(link_t.c.state.in_((*UNANSWERED, LinkState.HANDOVER)), link_t.c.due_at <= now)
        ripe = and_(link_t.c.state == LinkState.HANDOVER, self._has_consented())
        statement = select(link_t.c.link_id).where(or_(over, ripe), link_t.c.link_id > last)
        return list(await tx.scalars(statement.order_by(link_t.c.link_id).limit(BATCH)))

    def _has_consented(self) -> Any:
        """Whether the young member gave a consent alone since the hand-over began."""
        root = func.coalesce(member_t.c.merged_into, member_t.c.member_id)
        began = link_t.c.due_at - timedelta(days=self._catalogue.numbers.handover_days)
        given = (
            select(event_t.c.event_id)
            .select_from(member_t)
            .join(account_t, account_t.c.member_id == root)
            .join(event_t, event_t.c.origin_id == account_t.c.origin_id)
            .where(
                member_t.c.member_id == link_t.c.member_id,
                event_t.c.actor == Actor.MEMBER.value,
                event_t.c.state_to == ConsentState.GRANTED.value,
                event_t.c.recorded_at >= began,
            )
        )
        return exists(given.correlate(link_t))

    async def _one(self, link_id: UUID, now: datetime) -> bool:
        try:
            async with transaction(self._database.app) as tx:
                link = await self._held(tx, link_id, now)
                if link is None:
                    return False
                ended, words = await self._ended(tx, link, now)
                about = [link.child_id] if link.state in UNANSWERED else [link.child_id, link.guardian_id]
                words = [*ended.words, *words]
                await self._audit.write(
                    Entry.of_command(OPERATION, fields=words, member_ids=about, caller=CALLER, now=now)
                )
        except (HubError, DBAPIError) as error:
            _log.error("The guardian link %s could not be ended (%s).", link_id, type(error).__name__)
            return False
        return True

    async def _ended(self, tx: Tx, link: links.Link, now: datetime) -> tuple[links.Link, list[str]]:
        numbers = self._catalogue.numbers
        if link.state in UNANSWERED:
            ended = await guardians.end(tx, self._vault, link, event="timeout", numbers=numbers, now=now)
            return ended, await self._lapse_waiting(tx, link.child_id, now)
        is_over = link.due_at is not None and link.due_at <= now
        event = "grace_over" if is_over else "child_reconsents"
        return await guardians.end(tx, self._vault, link, event=event, numbers=numbers, now=now), []

    async def _lapse_waiting(self, tx: Tx, child_id: MemberId, now: datetime) -> list[str]:
        """Consents that wait for a guardian wait for nobody any more, unless there is another link."""
        if await links.open_of(tx, child_id):
            return []
        words, events = await record_turns(tx, self._vault, [child_id], unanswered, now=now)
        if events:
            await settle(tx, [child_id], catalogue=self._catalogue, now=now)
        return sorted(words)

    async def _held(self, tx: Tx, link_id: UUID, now: datetime) -> links.Link | None:
        """The link, if it is still due, with the child locked; None where others hold the child or were here first."""
        root = func.coalesce(member_t.c.merged_into, member_t.c.member_id)
        child = await tx.scalar(
            select(root).join(link_t, link_t.c.member_id == member_t.c.member_id).where(link_t.c.link_id == link_id)
        )
        locked = select(member_t.c.member_id).where(member_t.c.member_id == child, is_living())
        if await tx.scalar(locked.with_for_update(skip_locked=True)) is None:
            return None
        over = and_(link_t.c.state.in_((*UNANSWERED, LinkState.HANDOVER)), link_t.c.due_at <= now)
        ripe = and_(link_t.c.state == LinkState.HANDOVER, self._has_consented())
        statement = select(link_t).where(link_t.c.link_id == link_id, or_(over, ripe)).with_for_update()
        row: Row[Any] | None = (await tx.execute(statement)).one_or_none()
        return None if row is None else links.link_of(row, child_id=MemberId(child))
