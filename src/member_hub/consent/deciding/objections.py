"""Objecting to processing, and limiting it (PIPL 44, 24): placed at once, without a job; lifted by the member alone.

    active --narrow_or_widen--> active --lift--> lifted

An objection is a row until it is lifted. Those in force, of every account of the member at the time, make the
restriction bits that every read carries in its WHERE. Placing is written to the outside ledger first, under the
member's lock, with the very time of the row, so that a restored database can be told what it forgot.

Decision: what the membership contract or a statute needs cannot be objected to one by one; who wants it to end cancels
the membership, and who wants it to stop meanwhile objects to everything: then nothing but storing, their own reading,
their rights and what a statute asks is done. Price: at the till such a member is a stranger.
Decision: an objection to identity_unification keeps what is united united and lets nothing more be united with the
member (merging/resolution.py); accounts that shall part are kept apart one by one. After lifting, the next delivery
joins what belongs together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update

from member_hub.consent.deciding.acting import Acting
from member_hub.consent.tables import Objection
from member_hub.consent.words import Actor, ContactChannel
from member_hub.crypto import LedgerKind, Note
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import BadInput, Conflict, NotFound, Refused
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.reading import account_t, ids_of_person
from member_hub.privacy import Purpose

IN_FORCE_MAX: Final = 100  # objections of one member at a time; to everything is always one more
LIFTED_SHOWN: Final = 100  # the newest
EVERYTHING: Final = "all"
PROFILING: Final = "profiling"
CHANNEL_PREFIX: Final = "channel."
# What the contract or a statute needs: nobody can object to one of these and stay a member.
NEEDED: Final = frozenset(
    {
        Purpose.MEMBER_SERVICE,
        Purpose.RIGHTS_HANDLING,
        Purpose.STATUTORY_DISCLOSURE,
        Purpose.SECURITY_AUDIT,
        Purpose.SYSTEM_OPERATION,
    }
)

objection_t = table_of(Objection)


class ObjectionNotPossible(Refused):
    code = "OBJECTION_NOT_POSSIBLE"
    zh = "履行会员合同或法定义务所必需的处理不能单独拒绝；可限制全部处理，或注销会员。"
    en = "The membership or a statute needs this processing. Object to everything, or cancel the membership."


class NothingNamed(BadInput):
    zh = "请指明要限制或拒绝的处理。"
    en = "Name what is objected to."


class TooManyObjections(Conflict):
    zh = f"一名会员最多同时有 {IN_FORCE_MAX} 条有效的限制；仍可限制全部处理。"
    en = f"A member has at most {IN_FORCE_MAX} objections in force. Object to everything instead, or lift one."


@dataclass(frozen=True, slots=True)
class Scope:
    """What is objected to: purposes, profiling, ways of being contacted; or everything."""

    purposes: frozenset[Purpose] = frozenset()
    is_profiling: bool = False
    channels: frozenset[ContactChannel] = frozenset()
    is_everything: bool = False

    @property
    def words(self) -> list[str]:
        """As stored and as in the ledger, in order; everything stands alone."""
        if self.is_everything:
            return [EVERYTHING]
        profiling = [PROFILING] if self.is_profiling else []
        return [*sorted(self.purposes), *profiling, *(f"{CHANNEL_PREFIX}{c}" for c in sorted(self.channels))]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Scope":
        said = frozenset(words)
        return cls(
            purposes=frozenset(p for p in Purpose if p.value in said),
            is_profiling=PROFILING in said,
            channels=frozenset(c for c in ContactChannel if CHANNEL_PREFIX + c.value in said),
            is_everything=EVERYTHING in said,
        )

    def without(self, other: "Scope") -> "Scope":
        if other.is_everything:
            return Scope()
        return Scope(
            purposes=self.purposes - other.purposes,
            is_profiling=self.is_profiling and not other.is_profiling,
            channels=self.channels - other.channels,
            is_everything=self.is_everything,
        )

    def check(self) -> None:
        """Raises NothingNamed, ObjectionNotPossible."""
        if not self.words:
            raise NothingNamed(field="scope")
        if not self.purposes.isdisjoint(NEEDED):
            raise ObjectionNotPossible(field="scope.purposes")


@dataclass(frozen=True, slots=True)
class Placed:
    objection_id: UUID
    scope: Scope
    actor: Actor
    placed_at: datetime
    lifted_at: datetime | None


async def place(
    tx: Tx, acting: Acting, member_id: MemberId, scope: Scope, *, now: datetime
) -> tuple[Placed, Note | None]:
    """Object; answers the objection and, of a new one, what the caller writes to the ledger, last before the commit.

    The caller holds the root locked and settles it after. What is in force already is not placed again, and to
    everything can be objected however much else is in force. Raises NothingNamed, ObjectionNotPossible,
    TooManyObjections.
    """
    scope.check()
    held = await _in_force(tx, member_id)
    same = next((one for one in held if one.scope == scope), None)
    if same is not None:
        return same, None
    if len(held) >= IN_FORCE_MAX and not scope.is_everything:
        raise TooManyObjections
    placed = Placed(uuid7(), scope, acting.actor, now, None)
    origins = await _origins(tx, member_id)
    await _insert(tx, acting, member_id, placed, origins)
    person = await ids_of_person(tx, member_id)
    return placed, Note(LedgerKind.RESTRICTION, (*person, *origins), now, tuple(scope.words))


async def lift(
    tx: Tx, acting: Acting, member_id: MemberId, objection_id: UUID, *, only: Scope | None, now: datetime
) -> Placed:
    """End an objection, or the part of it that `only` names: the rest stands from now on as an objection of its own.

    The caller holds the root locked and settles it after. Raises NotFound for none of this member's in force.
    """
    found = next((one for one in await _in_force(tx, member_id) if one.objection_id == objection_id), None)
    if found is None:
        raise NotFound(field="objection")
    ended = update(objection_t).where(
        objection_t.c.objection_id == objection_id, objection_t.c.member_id.in_(await ids_of_person(tx, member_id))
    )
    await tx.execute(ended.values(lifted_at=now, lifted_by=acting.acted_by))
    rest = found.scope.without(only) if only is not None else Scope()
    if rest.words:
        left = Placed(uuid7(), rest, found.actor, now, None)
        await _insert(tx, acting, member_id, left, await _origins(tx, member_id))
    return Placed(found.objection_id, found.scope, found.actor, found.placed_at, now)


async def of_member(tx: Tx, member_id: MemberId) -> list[Placed]:
    """The objections that concern an account of this member now, the newest first; of one moment, by time of id.

    All that are in force, and of those that were lifted the newest LIFTED_SHOWN.
    """
    found = await _in_force(tx, member_id)
    lifted = and_(await _concerns(tx, member_id), objection_t.c.lifted_at.is_not(None))
    found += await _placed(tx, lifted, limit=LIFTED_SHOWN)
    return sorted(found, key=lambda one: (one.placed_at, one.objection_id), reverse=True)


async def stopped_since(tx: Tx, member_id: MemberId, lifted: Placed) -> datetime:
    """Since when objections of this member to everything have stood, without a gap, until this one was lifted."""
    since = lifted.placed_at
    for one in await of_member(tx, member_id):
        if one.scope.is_everything and one.placed_at < since and (one.lifted_at is None or one.lifted_at >= since):
            since = one.placed_at
    return since


async def _in_force(tx: Tx, member_id: MemberId) -> list[Placed]:
    """Without a limit: of members who turn out to be one, each brings theirs, and all of them hold."""
    return await _placed(tx, and_(await _concerns(tx, member_id), objection_t.c.lifted_at.is_(None)), limit=None)


async def _concerns(tx: Tx, member_id: MemberId) -> ColumnElement[bool]:
    origins = await _origins(tx, member_id)
    return or_(among(objection_t.c.origin_id, origins), objection_t.c.also.overlap(origins))


async def _placed(tx: Tx, which: ColumnElement[bool], *, limit: int | None) -> list[Placed]:
    newest_first = (objection_t.c.placed_at.desc(), objection_t.c.objection_id.desc())
    statement = select(objection_t).where(which).order_by(*newest_first).limit(limit)
    return [
        Placed(row.objection_id, Scope.of(row.scope), Actor(row.actor), row.placed_at, row.lifted_at)
        for row in await tx.execute(statement)
    ]


async def _insert(tx: Tx, acting: Acting, member_id: MemberId, placed: Placed, origins: Sequence[OriginId]) -> None:
    first, *others = origins
    row = {
        "member_id": member_id,
        "objection_id": placed.objection_id,
        "origin_id": first,
        "also": others,
        "scope": placed.scope.words,
        "actor": placed.actor.value,
        "placed_by": acting.acted_by,
        "placed_at": placed.placed_at,
    }
    await tx.execute(objection_t.insert(), row)


async def _origins(tx: Tx, member_id: MemberId) -> list[OriginId]:
    rows = select(account_t.c.origin_id).where(account_t.c.member_id == member_id).order_by(account_t.c.origin_id)
    return [OriginId(origin) for origin in await tx.scalars(rows)]
