"""The last event of every decision of somebody who is erased, and the end of their guardian links.

Called before the holders, which know no time and no vault: what stands is told by accounts that are gone afterwards.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, update

from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.standing import Slot, Standing
from member_hub.consent.machine import CONSENT
from member_hub.consent.tables import GuardianLink
from member_hub.consent.words import Act, Actor, LinkState, Method
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.privacy import Person

link_t = table_of(GuardianLink)
OVER: Final = (LinkState.ENDED.value, LinkState.REJECTED.value)


async def close(tx: Tx, vault: Vault, person: Person, *, now: datetime) -> int:
    """Close what stands; returns how many decisions. The caller holds the person."""
    decided = (await decisions_of(tx, [person.member_id])).get(person.member_id)
    events = list(_closing(person.member_id, decided, now)) if decided else []
    await record(tx, vault, events, now=now)
    theirs = or_(among(link_t.c.member_id, person.member_ids), among(link_t.c.guardian_id, person.member_ids))
    ended = {"state": LinkState.ENDED.value, "ended_at": now, "due_at": None}
    over = update(link_t).where(theirs, link_t.c.state.not_in(OVER)).values(ended).returning(link_t.c.link_id)
    await _end_contests(tx, list(await tx.scalars(over)), now)
    return len(events)


async def _end_contests(tx: Tx, ended: Collection[UUID], now: datetime) -> None:
    """Whom somebody contested who is gone is in force again: due at once, so that the job looks at the child's age."""
    theirs = and_(among(link_t.c.contested_by, ended), link_t.c.state == LinkState.DISPUTED.value)
    await tx.execute(update(link_t).where(theirs).values(state=LinkState.ACTIVE.value, due_at=now))


def _closing(member_id: MemberId, decided: Decisions, now: datetime) -> Iterable[NewEvent]:
    """Without contact points, which go: so one for the slots that differ in nothing else."""
    by_slot: dict[Slot, Standing] = {}
    for one in decided.standing:
        by_slot[Slot(one.slot.purpose, one.slot.recipient, one.slot.channel)] = one
    for slot, one in by_slot.items():
        found = CONSENT.get((one.state, Act.SUBJECT_ERASED))
        if found is None:
            continue
        yield NewEvent(
            member_id=member_id,
            origin_id=one.by.origin_id if one.by.origin_id in decided.origins else min(decided.origins),
            also=None,
            handler=decided.handler,
            slot=slot,
            contact_kind=None,
            act=Act.SUBJECT_ERASED,
            state_from=one.state,
            state_to=found[0],
            actor=Actor.SYSTEM,
            acted_by=Actor.SYSTEM.value,
            method=Method.NONE,
            occurred_at=now,
        )
