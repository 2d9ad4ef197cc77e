"""Links between guardians and children as they are stored: found, held, changed, forgotten.

Locks: the members first, in the order of their ids, then the link; whoever waited reads the link again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update

from member_hub.clock import seconds_left
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import NotFound
from member_hub.ids import MemberId, OriginId
from member_hub.members.children import ids_of
from member_hub.members.gates import GuardianLink, LinkState
from member_hub.members.tables import Member, MemberStatus
from member_hub.privacy import DataClass

SHOWN_MAX: Final = 50  # links of one member, the newest first
OPEN: Final = (LinkState.PROPOSED, LinkState.RELATION_PENDING, LinkState.ACTIVE, LinkState.DISPUTED)

link_t = table_of(GuardianLink)
member_t = table_of(Member)


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it stands; `words` go on record: what became of it, and of others by it."""

    link_id: UUID
    child_id: MemberId
    guardian_id: MemberId
    origin_id: OriginId
    state: LinkState
    proposed_by: str
    due_at: datetime | None
    contested_by: UUID | None = None  # last; of a link in force: and it was kept against that one
    words: tuple[str, ...] = ()


async def forget(tx: Tx, vault: Vault, link: Link) -> None:
    """Take away what was said about the relation, with the key that it was sealed under, and who proposed.

    The row stays and says that somebody once proposed; it names nobody but the child.
    """
    nobody = {"relation": None, "guardian_id": link.link_id, "proposed_by": "", "self_verified_at": None}
    await tx.execute(update(link_t).where(_is(link)).values(nobody))
    await vault.rekey(tx, link.origin_id, DataClass.CONSENT)


async def held(tx: Tx, link_id: UUID, *, of_guardian: MemberId | None = None) -> Link:
    """The link, with child and guardian locked until the transaction ends. Raises NotFound.

    `of_guardian`: only one of theirs.
    """
    mine = link_t.c.link_id == link_id
    if of_guardian is not None:
        mine = and_(mine, link_t.c.guardian_id.in_(ids_of(of_guardian)))
    seen = (await tx.execute(select(link_t).where(mine))).one_or_none()
    if seen is None:
        raise NotFound(field="link")
    await hold(tx, await roots_of(tx, [seen.member_id, seen.guardian_id]))
    row = (await tx.execute(select(link_t).where(mine).with_for_update())).one_or_none()
    if row is None:
        raise NotFound(field="link")
    child, guardian = await roots_of(tx, [row.member_id, row.guardian_id])
    return replace(link_of(row), child_id=child, guardian_id=guardian)


async def hold(tx: Tx, member_ids: Sequence[MemberId]) -> None:
    """Lock these living roots, in order. Raises NotFound where one is none any more."""
    gone = (MemberStatus.MERGED, MemberStatus.ERASED)
    rows = select(member_t.c.member_id).where(among(member_t.c.member_id, member_ids), member_t.c.status.not_in(gone))
    found = set(await tx.scalars(rows.order_by(member_t.c.member_id).with_for_update()))
    if found != set(member_ids):
        raise NotFound(field="link")


async def roots_of(tx: Tx, member_ids: Sequence[UUID]) -> list[MemberId]:
    """Who each of them is now, in the order asked. Raises NotFound for nobody."""
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id)
    rows = await tx.execute(
        select(member_t.c.member_id, root.label("root")).where(among(member_t.c.member_id, member_ids))
    )
    found = {row.member_id: MemberId(row.root) for row in rows}
    if not found.keys() >= set(member_ids):
        raise NotFound(field="link")
    return [found[one] for one in member_ids]


async def change(tx: Tx, link: Link, to: LinkState, word: str, *, due_at: datetime | None, **values: Any) -> Link:
    await tx.execute(update(link_t).where(_is(link)).values(state=to.value, due_at=due_at, **values))
    return replace(link, state=to, due_at=due_at, words=(*link.words, word))


async def keep_waiting(tx: Tx, link: Link, *, due_at: datetime, relation: bytes) -> Link:
    """The same state with what staff saw; for somebody else to decide until then."""
    await tx.execute(update(link_t).where(_is(link)).values(due_at=due_at, relation=relation))
    return replace(link, due_at=due_at)


def link_of(row: Row[Any], *, child_id: MemberId | None = None) -> Link:
    return Link(
        row.link_id,
        child_id or MemberId(row.member_id),
        MemberId(row.guardian_id),
        OriginId(row.origin_id),
        LinkState(row.state),
        row.proposed_by,
        row.due_at,
        row.contested_by,
    )


def next_midnight(now: datetime) -> datetime:
    """When the next business day begins: until then a child that is under 14 today stays so."""
    return now + timedelta(seconds=seconds_left(now))


def _is(link: Link) -> ColumnElement[bool]:
    return link_t.c.link_id == link.link_id


async def of_child(tx: Tx, child_id: MemberId) -> list[Link]:
    """Every link of a child, ended ones among them, the newest first."""
    return await _shown(tx, link_t.c.member_id.in_(ids_of(child_id)))


async def of_either(tx: Tx, member_id: MemberId) -> list[Link]:
    """Those in which somebody is the child or the guardian."""
    ids = ids_of(member_id)
    return await _shown(tx, or_(link_t.c.member_id.in_(ids), link_t.c.guardian_id.in_(ids)))


async def _shown(tx: Tx, which: ColumnElement[bool]) -> list[Link]:
    newest = select(link_t).where(which).order_by(link_t.c.proposed_at.desc(), link_t.c.link_id.desc())
    return [link_of(row) for row in await tx.execute(newest.limit(SHOWN_MAX))]


async def open_of(tx: Tx, child_id: MemberId) -> list[Link]:
    absorbed = select(member_t.c.member_id).where(member_t.c.merged_into == child_id)
    theirs = or_(link_t.c.member_id == child_id, link_t.c.member_id.in_(absorbed))
    statement = select(link_t).where(theirs, link_t.c.state.in_(OPEN)).order_by(link_t.c.proposed_at).with_for_update()
    return [link_of(row) for row in await tx.execute(statement)]
