"""What the consent part answers for: lines, decisions and their evidence, objections, guardian links, approvals.

Lines move with their account. Events, served notices, objections and links stay filed under the member of their moment
for life and are found by channel account, or by an id that leads to the root; so merging and splitting move no history,
and what stands is folded anew from it (standing.py). `consent_current` is that fold: the row of the one who goes is
deleted here, and whoever resolved settles the others (merging/applying.py).

At an erasure events, the heads of their chains and served notices stay as evidence about an opaque id (PIPL 9, 69),
closed by a last event (closing.py); contact points, evidence in hand, lines, current rows and what is sealed go. An
objection or a withdrawal that was made for accounts of somebody else, too, while all were one member, goes on
protecting them.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.consent.tables import (
    ConsentContact,
    ConsentCurrent,
    ConsentEvent,
    ConsentEvidence,
    ConsentHead,
    ConsentLine,
    GuardianLink,
    NoticeServed,
    Objection,
)
from member_hub.consent.words import PROTECTIVE, ConsentState, LinkState
from member_hub.db.base import Tx
from member_hub.db.bulk import among, move_rows, table_of
from member_hub.holding import rows_where
from member_hub.identity.tables import MergeEvent
from member_hub.ids import MemberId, OriginId
from member_hub.members.gates import MinorApproval
from member_hub.privacy import DataClass, Erased, Held, Person

event_t = table_of(ConsentEvent)
current_t = table_of(ConsentCurrent)
objection_t = table_of(Objection)
link_t = table_of(GuardianLink)
merge_t = table_of(MergeEvent)

OF_ACCOUNT: Final[tuple[type[Any], ...]] = (ConsentLine, ConsentContact, ConsentEvidence)  # gone with their account
OF_MEMBER: Final[tuple[type[Any], ...]] = (ConsentCurrent, MinorApproval)
STAYING: Final[tuple[type[Any], ...]] = (ConsentEvent, ConsentHead, NoticeServed)  # evidence, filed for life
ALL: Final[tuple[type[Any], ...]] = (*OF_ACCOUNT, *OF_MEMBER, *STAYING, Objection, GuardianLink)
_FOR_ALL: Final = (*sorted(PROTECTIVE), ConsentState.INVALIDATED)


class ConsentHolder:
    """See the module."""

    tables = frozenset(table_of(model).fullname for model in ALL)

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model, condition in _of(person):
            async for held in rows_where(tx, model, condition):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts: dict[str, int] = {}
        for model in OF_ACCOUNT:
            table = table_of(model)
            gone = await tx.execute(delete(table).where(among(table.c.origin_id, person.origin_ids)))
            counts[table.fullname] = int(gone.rowcount)
        for model in OF_MEMBER:
            table = table_of(model)
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        counts[objection_t.fullname] = await _forget_objections(tx, person)
        gone = await tx.execute(delete(link_t).where(_is_child(person)))
        counts[link_t.fullname] = int(gone.rowcount)
        return Erased(counts, rekey=await _end_links_of(tx, person))

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        await move_rows(tx, ConsentLine, source=gone, target=kept)
        await tx.execute(delete(current_t).where(current_t.c.member_id == gone))

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        """Links follow the child's account. Of whom a link names as guardian no account is known: what was proposed
        while both were one member reaches nobody until staff have looked (fail closed)."""
        await move_rows(tx, ConsentLine, source=kept, target=back, origin_ids=origins)
        await tx.execute(delete(link_t).where(link_t.c.member_id == kept, link_t.c.guardian_id == back))
        await move_rows(tx, GuardianLink, source=kept, target=back, origin_ids=origins)
        merged_at = (
            select(func.max(merge_t.c.happened_at))
            .where(merge_t.c.kind == "merge", merge_t.c.kept == kept, merge_t.c.gone == back)
            .scalar_subquery()
        )
        made_since = or_(merged_at.is_(None), link_t.c.proposed_at >= merged_at)
        doubtful = (link_t.c.guardian_id == kept, link_t.c.state == LinkState.ACTIVE.value, made_since)
        await tx.execute(update(link_t).where(*doubtful).values(state=LinkState.DISPUTED.value, contested_by=None))


def _of(person: Person) -> list[tuple[type[Any], ColumnElement[bool]]]:
    """Every row about the person, table by table; a guardian's links stand with both."""
    protects = and_(_together(event_t.c.also, person), event_t.c.state_to.in_(_FOR_ALL))
    made = among(event_t.c.origin_id, person.origin_ids)
    by_account = [(model, among(table_of(model).c.origin_id, person.origin_ids)) for model in OF_ACCOUNT]
    by_member = [(model, among(table_of(model).c.member_id, person.member_ids)) for model in OF_MEMBER]
    served_t = table_of(NoticeServed)
    return [
        *by_account,
        (ConsentEvent, or_(made, protects)),
        *by_member,
        (ConsentHead, among(table_of(ConsentHead).c.member_id, person.member_ids)),
        (NoticeServed, among(served_t.c.member_id, person.member_ids)),
        (Objection, _objects(person)),
        (GuardianLink, or_(_is_child(person), among(link_t.c.guardian_id, person.member_ids))),
    ]


def _together(also: ColumnElement[Any], person: Person) -> ColumnElement[bool]:
    return also.op("&&", is_comparison=True)(literal(list(person.origin_ids), ARRAY(PgUuid)))


def _objects(person: Person) -> ColumnElement[bool]:
    return or_(among(objection_t.c.origin_id, person.origin_ids), _together(objection_t.c.also, person))


def _is_child(person: Person) -> ColumnElement[bool]:
    return or_(among(link_t.c.member_id, person.member_ids), among(link_t.c.origin_id, person.origin_ids))


async def _forget_objections(tx: Tx, person: Person) -> int:
    """Those that protect nobody else go; of the others the person's accounts go."""
    theirs = set(person.origin_ids)
    rows = (await tx.execute(select(objection_t).where(_objects(person)).with_for_update())).all()
    for row in rows:
        others = sorted({row.origin_id, *row.also} - theirs)
        this = objection_t.c.objection_id == row.objection_id
        if others:
            await tx.execute(update(objection_t).where(this).values(origin_id=others[0], also=others[1:]))
        else:
            await tx.execute(delete(objection_t).where(this))
    return len(rows)


async def _end_links_of(tx: Tx, person: Person) -> list[tuple[Any, DataClass]]:
    """The links in which the person is the guardian: what was noted about them goes, out of old copies, too."""
    mine = among(link_t.c.guardian_id, person.member_ids)
    emptied = update(link_t).where(mine, link_t.c.relation.is_not(None)).values(relation=null())
    origins = set((await tx.execute(emptied.returning(link_t.c.origin_id))).scalars())
    return [(origin, DataClass.CONSENT) for origin in sorted(origins)]
