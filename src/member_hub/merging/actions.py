"""The one function that merges two members and the one that splits them; both keep what an unmerge needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, any_, bindparam, exists, null, or_, select, update
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.consent.catalogue import Catalogue
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, insert_rows, table_of
from member_hub.identity.tables import MergeEvent
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.actions import SEALED_FIELDS
from member_hub.members.tables import Member, MemberStatus
from member_hub.merging.rules import Merge, Split
from member_hub.privacy import Holder, IdleWithout

member_t = table_of(Member)
FULL_WEIGHT_BP = 10_000


@dataclass(frozen=True, slots=True)
class Change:
    """One change in hand: its transaction, who moves rows, why and when."""

    tx: Tx
    vault: Vault
    holders: Sequence[Holder]
    catalogue: Catalogue
    rule: str
    caused_by: str
    now: datetime


async def merge(change: Change, wanted: Merge, origins: Sequence[OriginId]) -> None:
    """Absorb `gone` into `kept`: rows move, the old id goes on resolving, its golden profile and its keys go.

    The caller holds both rows locked and recomputes the golden profile of `kept` in the same transaction.
    """
    tx, kept, gone = change.tx, wanted.kept, wanted.gone
    for holder in await _concerned(change, kept, gone):
        await holder.absorb(tx, kept=kept, gone=gone)
    empty = {field.value: null() for field in SEALED_FIELDS}
    await tx.execute(
        update(member_t)
        .where(or_(member_t.c.member_id == gone, member_t.c.merged_into == gone))
        .values(
            status=MemberStatus.MERGED,
            merged_into=kept,
            gender=null(),
            home_store=null(),
            consent_bits=0,
            restriction_bits=0,
            gate_until=null(),
            consented_fields=0,
            updated_at=change.now,
            version=member_t.c.version + 1,
            **empty,
        )
    )
    await change.vault.destroy(tx, [gone])
    await _record(change, "merge", kept=kept, gone=gone, origins=origins, weight_bp=FULL_WEIGHT_BP)


async def split(change: Change, wanted: Split, *, handler: str, joined_at: datetime) -> None:
    """Accounts leave a member for `wanted.back`, which is new or was merged into it before.

    The caller holds `kept` locked, recomputes both golden profiles and rekeys that of `kept`, out of which
    something has gone.
    """
    await _stand_up(change, wanted, handler, joined_at)
    for holder in await _concerned(change, wanted.kept, wanted.back):
        await holder.give_back(change.tx, kept=wanted.kept, back=wanted.back, origins=wanted.origins)
    await _record(change, "split", kept=wanted.kept, gone=wanted.back, origins=wanted.origins, weight_bp=0)


async def _concerned(change: Change, *members: MemberId) -> Sequence[Holder]:
    """Holders without those that say that they have nothing to do for these two."""
    asking = {n: tuple(one.idle_without) for n, one in enumerate(change.holders) if isinstance(one, IdleWithout)}
    models = tuple({model: None for own in asking.values() for model in own})
    if not models:
        return change.holders
    row = (await change.tx.execute(_presence(models), {"p_member_id": list(members)})).one()
    there = {model for model, is_there in zip(models, row, strict=True) if is_there}
    return [one for n, one in enumerate(change.holders) if n not in asking or there.intersection(asking[n])]


@cache
def _presence(models: tuple[type[Any], ...]) -> Select[Any]:
    """Whether any of some members has a row, table by table."""
    keys = [table_of(model).c.member_id for model in models]
    given = bindparam("p_member_id", type_=ARRAY(PgUuid))
    there: list[ColumnElement[Any]] = [
        exists().where(key == any_(given)).label(f"there_{n}") for n, key in enumerate(keys)
    ]
    return select(*there)


async def _stand_up(change: Change, wanted: Split, handler: str, joined_at: datetime) -> None:
    """Revive the member that comes back, with the ids that had been merged into it; or make a new one."""
    tx, now = change.tx, change.now
    if not wanted.is_revived:
        columns = ("member_id", "status", "handler", "joined_at", "channels", "created_at", "updated_at")
        row = (wanted.back, MemberStatus.ACTIVE, handler, joined_at, 0, now, now)
        await insert_rows(tx, Member, columns, [row])
        return
    awake = {"status": MemberStatus.ACTIVE, "merged_into": null(), "updated_at": now}
    await tx.execute(update(member_t).where(member_t.c.member_id == wanted.back).values(awake))
    if wanted.followers:
        follow = update(member_t).where(among(member_t.c.member_id, wanted.followers))
        await tx.execute(follow.values(merged_into=wanted.back, updated_at=now))


async def _record(
    change: Change, kind: str, *, kept: MemberId, gone: MemberId, origins: Sequence[OriginId], weight_bp: int
) -> None:
    row = {
        "event_id": uuid7(),
        "kind": kind,
        "kept": kept,
        "gone": gone,
        "origin_ids": list(origins),
        "rule": change.rule,
        "weight_bp": weight_bp,
        "happened_at": change.now,
        "caused_by": change.caused_by,
    }
    await change.tx.execute(table_of(MergeEvent).insert(), row)
