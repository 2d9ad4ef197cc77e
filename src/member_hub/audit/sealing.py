"""The sealer: takes up what was committed since the last seal, and writes one signed root over it.

Over all processes one at a time (an advisory lock). A writer commits batch after batch, so behind its last sealed
entry the next numbers are there or will come: a number that is missing before one that is there was removed. Such a
chain is sealed up to the gap and no further, and `verify` names the place.

Seal, parts and subjects are one transaction; the line outside follows the commit, and what a crash left out is written
by the next pass. So a sealer may die anywhere, and nothing is lost or done twice. It runs as the audit role, which can
only add and read: a sealer gone wrong cannot alter what it has sealed.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from member_hub.audit import heads
from member_hub.audit.entry import Tip, month_of
from member_hub.audit.keys import AuditKeys
from member_hub.audit.pending import FIRST_MONTH, Chain, chain_parameters, entry_t, given_chains, pending
from member_hub.audit.seal import NO_SEAL, Head, Part, Seal, sealed
from member_hub.audit.tables import AuditSeal, AuditSealPart, AuditSubject
from member_hub.db.base import Tx, snapshot, transaction
from member_hub.db.bulk import insert_rows, parameters, table_of, values_of
from member_hub.db.engines import Database
from member_hub.errors import HubError

LOCK: Final = 0x61756469  # advisory: one sealer at a time
ENTRIES_MAX: Final = 5_000  # of one seal
SUBJECTS_MAX: Final = 50_000  # named by the entries of one seal, unless by the first alone
PARTS_MAX: Final = 1_000
SEALS_MAX: Final = 200  # of one pass
EXPORT_MAX: Final = 1_000  # lines appended at once
LATE: Final = timedelta(days=32)  # how long after its month an entry may still come, between two thorough passes

_log = logging.getLogger(__name__)
PART_KEY: Final = ("month", "writer", "first", "last")
seal_t, subject_t = table_of(AuditSeal), table_of(AuditSubject)


class SealsBehind(HubError):
    """The outside head knows a seal that this database does not hold: it was cut off, or is an older copy."""

    code = "AUDIT_BEHIND"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"The audit head outside knows seal {number}, which this database does not hold as it was. "
            "Run `member-hub audit verify`; after a restore, move the head files away to go on. A second database "
            "needs a ledger folder of its own (MEMBER_HUB_LEDGER_DIR)."
        )


@dataclass(slots=True)
class Sealer:
    """One per process."""

    database: Database
    keys: AuditKeys
    folder: Path
    began_at: datetime | None = None  # the first pass, whether it came to its end or not
    passed_at: datetime | None = None  # when a pass last came to its end
    oldest_at: datetime | None = None  # of the oldest entry that it left without a seal

    async def run(self, now: datetime, *, thorough: bool = False) -> int:
        """Seal what there is; returns how many seals were made. Raises SealsBehind.

        Entries of long past months (a clock that was wrong) are looked for by a thorough pass only.
        """
        self.began_at = self.began_at or now
        since = FIRST_MONTH if thorough else month_of(now - LATE)
        made, is_cut = 0, True
        await self._check_outside()
        while is_cut and made < SEALS_MAX:
            taken, is_cut = await self._seal(since, now)
            made += taken > 0
        await self.export()
        await self._measure(since, now)
        return made

    def lag_s(self, now: datetime) -> float:
        """For operators: how old an entry without a seal may be. Grows while passes fail."""
        since = min(filter(None, (self.passed_at or self.began_at, self.oldest_at)), default=now)
        return max((now - since).total_seconds(), 0.0)

    async def expire(self, months: Sequence[date], now: datetime) -> Seal:
        """A seal that says that the retention of these months is over."""
        async with transaction(self.database.audit) as tx:
            await tx.execute(select(func.pg_advisory_xact_lock(LOCK)))
            made = sealed(await _newest(tx), [], [], expired=months, key_id=self.keys.key_id, now=now)
            await self._write(tx, made)
        await self.export()
        return made

    async def export(self) -> int:
        """Append to the head outside what it lacks; returns how many lines."""
        done = 0
        while True:
            known = await asyncio.to_thread(heads.last, self.folder)
            async with snapshot(self.database.audit) as tx:
                missing = await _heads(tx, after=known.number if known else 0)
            if not missing:
                return done
            done += await asyncio.to_thread(heads.append, self.folder, missing)

    async def _check_outside(self) -> None:
        known = await asyncio.to_thread(heads.last, self.folder)
        if known is None:
            return
        async with snapshot(self.database.audit) as tx:
            digest = await tx.scalar(select(seal_t.c.digest).where(seal_t.c.number == known.number))
        if digest != known.digest:
            raise SealsBehind(known.number)

    async def _seal(self, since: date, now: datetime) -> tuple[int, bool]:
        """How many entries were sealed, and whether a limit left some for the next seal."""
        async with transaction(self.database.audit) as tx:
            if not await tx.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
                return 0, False  # another process is at it
            chains = (await pending(tx, since=since, goes_on=True))[:PARTS_MAX]
            rows = await _entries(tx, chains) if chains else []
            taken, is_cut = _taken(chains, rows)
            if not taken:
                return 0, False
            digests = [row.digest for row in taken]
            made = sealed(await _newest(tx), _parts(taken), digests, key_id=self.keys.key_id, now=now)
            await self._write(tx, made)
            return len(taken), is_cut or len(rows) == ENTRIES_MAX or len(chains) == PARTS_MAX

    async def _write(self, tx: Tx, made: Seal) -> None:
        row = {name: getattr(made, name) for name in ("number", "sealed_at", "entries", "root", "previous", "key_id")}
        digest = made.digest
        row |= {"expired": list(made.expired), "digest": digest, "signature": self.keys.sign(digest)}
        await tx.execute(insert(seal_t), row)
        parts = [(p.month, p.writer, p.first, p.last) for p in made.parts]
        behind = [(*part, p.digest, made.number) for part, p in zip(parts, made.parts, strict=True)]
        await insert_rows(tx, AuditSealPart, (*PART_KEY, "digest", "number"), behind)
        if parts:
            await tx.execute(_subjects(), parameters(PART_KEY, parts))

    async def _measure(self, since: date, now: datetime) -> None:
        async with snapshot(self.database.audit) as tx:
            chains = await pending(tx, since=since)
            self.oldest_at = await tx.scalar(_behind(func.min(entry_t.c.happened_at)), chain_parameters(chains))
        self.passed_at = now


async def _newest(tx: Tx) -> Tip:
    row = (await tx.execute(select(seal_t.c.number, seal_t.c.digest).order_by(seal_t.c.number.desc()).limit(1))).first()
    return Tip(row.number, row.digest) if row else NO_SEAL


async def _heads(tx: Tx, *, after: int) -> list[Head]:
    columns = (seal_t.c.number, seal_t.c.digest, seal_t.c.sealed_at, seal_t.c.key_id, seal_t.c.signature)
    rows = await tx.execute(select(*columns).where(seal_t.c.number > after).order_by(seal_t.c.number).limit(EXPORT_MAX))
    return [Head(*row) for row in rows]


async def _entries(tx: Tx, chains: Sequence[Chain]) -> Sequence[Row[Any]]:
    """The entries behind the seals of these chains, in order."""
    subjects = func.cardinality(entry_t.c.member_ids).label("subjects")
    columns = (*entry_t.primary_key, entry_t.c.digest, subjects)
    statement = _behind(*columns).order_by(*entry_t.primary_key).limit(ENTRIES_MAX)
    rows: Sequence[Row[Any]] = (await tx.execute(statement, chain_parameters(chains))).all()
    return rows


def _subjects() -> Insert:
    """Whom the entries of the given parts name: from table to table, because there are several of each entry."""
    types = (entry_t.c.month.type, entry_t.c.writer.type, entry_t.c.sequence.type, entry_t.c.sequence.type)
    part = values_of([Column(name, type_) for name, type_ in zip(PART_KEY, types, strict=True)], "part")
    within = and_(
        entry_t.c.month == part.c.month,
        entry_t.c.writer == part.c.writer,
        entry_t.c.sequence.between(part.c.first, part.c.last),
    )
    key = ("happened_at", "writer", "sequence", "month")
    named = select(func.unnest(entry_t.c.member_ids), *(entry_t.c[name] for name in key))
    named = named.select_from(entry_t.join(part, within))
    return insert(subject_t).from_select(("member_id", *key), named).on_conflict_do_nothing()


def _behind(*columns: ColumnElement[Any]) -> Select[Any]:
    chain = given_chains()
    same = and_(entry_t.c.month == chain.c.month, entry_t.c.writer == chain.c.writer)
    return select(*columns).select_from(entry_t.join(chain, and_(same, entry_t.c.sequence > chain.c.sequence)))


def _taken(chains: Iterable[Chain], rows: Iterable[Row[Any]]) -> tuple[list[Row[Any]], bool]:
    """What one seal takes: of each chain up to the first gap, in all up to the limit; and whether that cut it off."""
    reached = {(chain.month, chain.writer): chain.sealed.sequence for chain in chains}
    broken: set[tuple[date, UUID]] = set()
    taken: list[Row[Any]] = []
    subjects, is_cut = 0, False
    for row in rows:
        key = (row.month, row.writer)
        if row.sequence != reached[key] + 1:
            broken.add(key)
            continue
        subjects += row.subjects
        if taken and subjects > SUBJECTS_MAX:
            is_cut = True
            break
        reached[key] = row.sequence
        taken.append(row)
    for month, writer in sorted(broken):
        _log.error("The audit log lacks an entry before %s %s %d.", month, writer, reached[month, writer] + 1)
    return taken, is_cut


def _parts(taken: Iterable[Row[Any]]) -> list[Part]:
    return list(_each_part(taken))


def _each_part(taken: Iterable[Row[Any]]) -> Iterator[Part]:
    part: Part | None = None
    for row in taken:
        month, writer, first = row.month, row.writer, row.sequence
        if part is not None and (part.month, part.writer) == (month, writer):
            first = part.first
        elif part is not None:
            yield part
        part = Part(month, writer, first, row.sequence, row.digest)
    if part is not None:
        yield part
