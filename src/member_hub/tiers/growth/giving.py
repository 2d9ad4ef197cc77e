"""Writing growth, set-wise: an order line or refund once, a day's activity as the difference to what stands.

`grow` may be asked twice for the same; it is safe in two processes, because the number of an entry is part of its key:
who comes second finds the number taken, reads what stands now and posts the difference to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, parameters, table_of, values_of
from member_hub.errors import Unavailable
from member_hub.ids import MemberId, OriginId
from member_hub.tiers.tables import GrowthEntry
from member_hub.tiers.words import Source

ATTEMPTS_MAX: Final = 5  # how often another process may post for the same day of activity meanwhile
entry_t = table_of(GrowthEntry)
COLUMNS: Final = (
    "member_id", "source", "source_key", "number", "origin_id", "amount", "occurred_at", "recorded_at",
)  # fmt: skip
KEY: Final = ("member_id", "source", "source_key")


@dataclass(frozen=True, slots=True)
class Grown:
    """What something brought: `amount` of a refund is below zero, of activity the whole of that day and kind.

    `member_id` is the one under which the account is filed for life (channel_account.filed_under). A refund is dated
    as the line that it takes back.
    """

    member_id: MemberId
    origin_id: OriginId
    source: Source
    source_key: bytes
    amount: int
    occurred_at: datetime

    @property
    def key(self) -> tuple[MemberId, Source, bytes]:
        return self.member_id, self.source, self.source_key


async def grow(tx: Tx, grown: Sequence[Grown], *, now: datetime) -> int:
    """Write what is new of this; returns how many entries that made. Of the same key given twice the last stands.

    Of activity, too, most is new: only where that finds an entry it is looked up what stands.
    """
    each = {one.key: one for one in grown}
    first = [(*_head(one), 1, *_tail(one, one.amount, now)) for one in each.values() if one.amount]
    written = await _write(tx, first)
    is_new = written == len(first)
    counts = {key: one for key, one in each.items() if one.source is Source.ACTIVITY and not (is_new and one.amount)}
    for _ in range(ATTEMPTS_MAX):
        rows = await _differences(tx, counts, now) if counts else []
        done = await _write(tx, rows)
        written += done
        if done == len(rows):
            return written
    raise Unavailable


async def _differences(
    tx: Tx, counts: dict[tuple[MemberId, Source, bytes], Grown], now: datetime
) -> list[tuple[Any, ...]]:
    """Entries that bring each key to what it should stand at; none where it stands there already."""
    given = values_of([entry_t.c[name] for name in KEY])
    stands = (
        select(*(given.c[name] for name in KEY), func.sum(entry_t.c.amount), func.max(entry_t.c.number))
        .join(entry_t, (entry_t.c.member_id == given.c.member_id) & (entry_t.c.source == given.c.source)
              & (entry_t.c.source_key == given.c.source_key))
        .group_by(*(given.c[name] for name in KEY))
    )  # fmt: skip
    there = {
        (row[0], Source(row[1]), row[2]): (int(row[3]), int(row[4]))
        for row in await tx.execute(stands, parameters(KEY, list(counts)))
    }
    rows = []
    for key, one in counts.items():
        amount, number = there.get(key, (0, 0))
        if one.amount != amount:
            rows.append((*_head(one), number + 1, *_tail(one, one.amount - amount, now)))
    return rows


async def _write(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert; how many were written, which an entry of the same number did not stop."""
    rows = sorted(rows, key=lambda row: (row[0].int, *row[1:4]))
    return await insert_rows(tx, GrowthEntry, COLUMNS, rows, on_conflict="ignore", alike=("recorded_at",))


def _head(one: Grown) -> tuple[Any, ...]:
    return one.member_id, one.source, one.source_key


def _tail(one: Grown, amount: int, now: datetime) -> tuple[Any, ...]:
    return one.origin_id, amount, one.occurred_at, now
