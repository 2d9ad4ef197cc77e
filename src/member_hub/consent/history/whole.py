"""Whether histories are as they were written: every link, and each chain up to the head that vouches for it.

Found: an event that was altered, put in, or removed anywhere, all events of a member gone while the head or the
projection (hub.consent_current) still tells of them, a head altered or removed. What is not found stands in heads.py.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, union

from member_hub.consent.history.heads import event_t, head_t, is_genuine
from member_hub.consent.history.recording import verify
from member_hub.consent.tables import ConsentCurrent
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId

EVENTS_MAX = 100_000  # that are verified at once; a history that is longer cannot be called whole

current_t = table_of(ConsentCurrent)


async def broken_among(tx: Tx, vault: Vault, members: Collection[MemberId]) -> list[MemberId]:
    """Those of these ids under which something is filed that is not whole, in order; three statements."""
    if not members:
        return []
    rows = select(event_t).where(among(event_t.c.member_id, members))
    chains: dict[MemberId, list[Mapping[Any, Any]]] = {}
    events = await tx.execute(rows.order_by(event_t.c.member_id, event_t.c.sequence).limit(EVENTS_MAX))
    for row in events.mappings():
        chains.setdefault(MemberId(row["member_id"]), []).append(row)
    heads = {row.member_id: row for row in await tx.execute(select(head_t).where(among(head_t.c.member_id, members)))}
    told = set(await tx.scalars(_tells_of_nothing().where(among(current_t.c.member_id, members))))
    return sorted(
        {one for one in members if not _ends_at(vault, chains.get(one, ()), heads.get(one))}
        | {MemberId(one) for one in told}
    )


async def filed_after(tx: Tx, after: MemberId | None, *, count: int) -> list[MemberId]:
    """The next ids under which anything is filed, or was: by events, heads and projections."""
    next_of_each = []
    for column in (event_t.c.member_id, head_t.c.member_id, current_t.c.member_id):
        rows = select(column.label("member_id")).distinct().order_by(column).limit(count)
        next_of_each.append((rows if after is None else rows.where(column > after)).subquery().select())
    ids = union(*next_of_each).subquery()
    return [MemberId(one) for one in await tx.scalars(select(ids.c.member_id).order_by(ids.c.member_id).limit(count))]


async def cut_off(tx: Tx) -> int:
    """How many chains do not end at their head, without verifying any: what the doctor looks at. No key is needed."""
    last = select(func.max(event_t.c.sequence)).where(event_t.c.member_id == head_t.c.member_id).scalar_subquery()
    ends = exists().where(
        event_t.c.member_id == head_t.c.member_id,
        event_t.c.sequence == head_t.c.sequence,
        event_t.c.hash == head_t.c.hash,
    )
    without = select(func.count()).select_from(head_t).where(or_(~ends, last != head_t.c.sequence))
    headless = and_(
        event_t.c.sequence == 1, ~exists().where(head_t.c.member_id == event_t.c.member_id).correlate(event_t)
    )
    lost = select(func.count()).select_from(event_t).where(headless)
    return int(await tx.scalar(without) or 0) + int(await tx.scalar(lost) or 0)


def _tells_of_nothing() -> Any:
    """Whose projection goes by an event that is not there."""
    there = exists().where(event_t.c.member_id == current_t.c.filed_under, event_t.c.event_id == current_t.c.event_id)
    return select(current_t.c.member_id).distinct().where(~there)


def _ends_at(vault: Vault, chain: Sequence[Mapping[Any, Any]], head: Any) -> bool:
    if not chain or head is None:
        return not chain and head is None
    last = chain[-1]
    return (
        verify(chain) is None
        and (last["sequence"], last["hash"]) == (head.sequence, head.hash)
        and is_genuine(vault, head)
    )
