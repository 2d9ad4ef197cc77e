"""Checks the whole audit log: chains, roots, signatures, the chain of seals and the head outside.

Reads one moment of the database, seal by seal, so memory is bounded by one seal and the number of writers. The head
outside is read first: what it knows by then, the database has to hold.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, Row, and_, column, func, select

from member_hub.audit.chains import checked
from member_hub.audit.entry import Tip
from member_hub.audit.findings import Finding, Kind, Report
from member_hub.audit.keys import AuditKeys
from member_hub.audit.merkle import root_of
from member_hub.audit.pending import entry_t, longer_than, part_t
from member_hub.audit.retention import is_over
from member_hub.audit.seal import NO_SEAL, Head, Part, Seal
from member_hub.audit.sealing import ENTRIES_MAX, seal_t, subject_t
from member_hub.audit.strays import added_subjects, forged_parts
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, values_of

SEALS_BATCH: Final = 200
ZERO_MAX: Final = 10

Key = tuple[date, UUID]


async def verify(tx: Tx, keys: AuditKeys, outside: Iterator[Head]) -> Report:
    """Check everything as of one moment: `tx` is a snapshot that was begun after the heads were known."""
    check = _Check(tx, keys, _Heads(outside), await _expired(tx))
    while batch := await _seals(tx, after=check.number):
        for row, parts in batch:
            await check.seal(row, parts)
    check.newest = check.heads.newest()
    await check.tails()
    await check.strays()
    check.ends()
    return check.report


class _Heads:
    """The heads outside, beside the seals of the database."""

    def __init__(self, outside: Iterator[Head]) -> None:
        self._rest = outside
        self._next = next(outside, None)

    def of(self, number: int) -> Head | None:
        """What is known of this seal; asked in order."""
        while self._next is not None and self._next.number < number:
            self._next = next(self._rest, None)
        return self._next if self._next is not None and self._next.number == number else None

    def newest(self) -> int:
        newest = self._next.number if self._next is not None else 0
        return max((head.number for head in self._rest), default=newest)


@dataclass(slots=True)
class _Check:
    tx: Tx
    keys: AuditKeys
    heads: _Heads
    expired: frozenset[date]
    report: Report = field(default_factory=Report)
    number: int = 0  # of the last seal
    newest: int = 0  # that the head outside knows
    before: bytes | None = NO_SEAL.digest  # its digest; None where it is not sound
    exported: int = 0
    tips: dict[Key, Tip] = field(default_factory=dict)
    subjects: Counter[date] = field(default_factory=Counter)  # as sealed entries name them, by month

    async def seal(self, row: Row[Any], parts: Sequence[Part]) -> None:
        found = list(self._seal_itself(row, parts))
        self.report.add(found)
        self.report.seals += 1
        rows = await self._rows(parts)
        wrong = list(self._entries(row, parts, rows, is_sound=not found))
        self.report.add(wrong or await self._subjects(row, parts, rows))
        self.report.entries += sum(1 for one in rows.values() for _ in one)

    def _seal_itself(self, row: Row[Any], parts: Sequence[Part]) -> Iterator[Finding]:
        seal = Seal(row.number, row.sealed_at, row.previous, row.entries, row.root, parts, row.expired, row.key_id)
        if row.number != self.number + 1:
            yield Finding(Kind.SEAL_MISSING, self.number + 1, row.number - 1)
            self.before = None
        digest = seal.digest
        follows = self.before is None or row.previous == self.before
        is_sound = digest == row.digest and follows and self.keys.signed(digest, row.signature)
        head = self.heads.of(row.number)
        if not is_sound:
            yield Finding(Kind.SEAL_ALTERED, row.number, row.number)
        elif head is not None and head.digest != digest:
            yield Finding(Kind.HEAD_DIFFERS, row.number, row.number)
        for month in row.expired:
            if is_sound and not is_over(month, row.sealed_at):
                yield Finding(Kind.EXPIRED_EARLY, row.number, row.number, month)
        self.exported = row.number if head is not None else self.exported
        self.number, self.before = row.number, digest if is_sound else None

    async def _rows(self, parts: Sequence[Part]) -> Mapping[Key, list[Row[Any]]]:
        """The entries of each part; from the last known one on, if a seal before is missing."""
        wanted = [
            (p.month, p.writer, self.tips.get((p.month, p.writer), Tip()).sequence, p.last)
            for p in parts
            if p.month not in self.expired
        ]
        if not wanted:
            return {}
        names = ("month", "writer", "after", "until")
        chain = _given(names)
        within = and_(
            entry_t.c.month == chain.c.month,
            entry_t.c.writer == chain.c.writer,
            entry_t.c.sequence > chain.c.after,
            entry_t.c.sequence <= chain.c.until,
        )
        statement = select(entry_t).select_from(entry_t.join(chain, within)).order_by(*entry_t.primary_key)
        rows = await self.tx.execute(statement.limit(2 * ENTRIES_MAX), parameters(names, wanted))
        return {key: list(of_one) for key, of_one in groupby(rows, lambda row: (row.month, row.writer))}

    def _entries(
        self, row: Row[Any], parts: Sequence[Part], rows: Mapping[Key, list[Row[Any]]], *, is_sound: bool
    ) -> Iterator[Finding]:
        found: list[Finding] = []
        for part in parts:
            key = part.month, part.writer
            of_one = rows.get(key, [])
            if part.month not in self.expired:
                tip = self.tips.get(key, Tip())
                found += checked(of_one, tip, self.keys.entries, until=part.last, chain=key, seal=row.number)
            # A seal that was tampered with says nothing; then the next entry has to follow the last one that is there.
            if is_sound or part.month in self.expired:
                self.tips[key] = Tip(part.last, part.digest)
            elif of_one:
                self.tips[key] = Tip(of_one[-1].sequence, of_one[-1].digest)
        yield from found
        is_gone = any(part.month in self.expired for part in parts)
        if is_sound and not found and not is_gone and root_of(_digests(parts, rows)) != row.root:
            yield Finding(Kind.ROOT, row.number, row.number)

    async def _subjects(
        self, row: Row[Any], parts: Sequence[Part], rows: Mapping[Key, list[Row[Any]]]
    ) -> Sequence[Finding]:
        given = {
            (one, r.happened_at, r.writer, r.sequence, r.month) for r in _within(parts, rows) for one in r.member_ids
        }
        if not given:
            return ()
        names = ("member_id", "happened_at", "writer", "sequence", "month")
        named = values_of([subject_t.c[name] for name in names])
        same = and_(*(subject_t.c[name] == named.c[name] for name in names))
        month = subject_t.c.month
        there = select(month, func.count().label("there")).select_from(subject_t.join(named, same)).group_by(month)
        found = Counter({one.month: one.there for one in await self.tx.execute(there, parameters(names, list(given)))})
        self.subjects += found
        return () if found.total() == len(given) else [Finding(Kind.SUBJECTS, row.number, row.number)]

    async def tails(self) -> None:
        """What is behind the last seals; and numbers that no chain has."""
        zero = select(entry_t.c.month, entry_t.c.writer, entry_t.c.sequence).where(entry_t.c.sequence < 1)
        for row in await self.tx.execute(zero.order_by(*entry_t.primary_key).limit(ZERO_MAX)):
            self.report.add([Finding(Kind.FORGED, row.sequence, row.sequence, row.month, row.writer)])
        for key in await longer_than(self.tx, self.tips):
            await self._tail(key)

    async def _tail(self, key: Key) -> None:
        tip = self.tips.get(key, Tip())
        of_chain = select(entry_t).where(entry_t.c.month == key[0], entry_t.c.writer == key[1])
        while True:
            behind = of_chain.where(entry_t.c.sequence > tip.sequence).order_by(entry_t.c.sequence)
            rows = (await self.tx.execute(behind.limit(ENTRIES_MAX))).all()
            if not rows:
                return
            self.report.add(checked(rows, tip, self.keys.entries, until=rows[-1].sequence, chain=key, seal=None))
            self.report.unsealed += len(rows)
            tip = Tip(rows[-1].sequence, rows[-1].digest)

    async def strays(self) -> None:
        """What the audit role could have added; of entries at which something was found already, no more is said."""
        self.report.add(await forged_parts(self.tx, newest=max(self.number, self.newest)))
        added = await added_subjects(self.tx, self.subjects, but=self.expired)
        known = [self.report.tells_of(one) for one in added]
        self.report.add(one for one, is_known in zip(added, known, strict=True) if not is_known)

    def ends(self) -> None:
        if self.newest > self.number:
            self.report.add([Finding(Kind.SEALS_CUT, self.number + 1, self.newest)])
        self.report.unexported = self.number - self.exported


def _given(names: tuple[str, ...]) -> Any:
    types = (entry_t.c.month.type, entry_t.c.writer.type, entry_t.c.sequence.type, entry_t.c.sequence.type)
    return values_of([column(name, type_) for name, type_ in zip(names, types, strict=True)])  # type: ignore[misc]


def _within(parts: Sequence[Part], rows: Mapping[Key, list[Row[Any]]]) -> Iterator[Row[Any]]:
    for part in parts:
        yield from (row for row in rows.get((part.month, part.writer), []) if row.sequence >= part.first)


def _digests(parts: Sequence[Part], rows: Mapping[Key, list[Row[Any]]]) -> Iterable[bytes]:
    return (row.digest for row in _within(parts, rows))


async def _expired(tx: Tx) -> frozenset[date]:
    """The months of which a seal says in time that their retention is over."""
    each = select(func.unnest(seal_t.c.expired, type_=Date).label("month"), seal_t.c.sealed_at)
    return frozenset(row.month for row in await tx.execute(each) if is_over(row.month, row.sealed_at))


async def _seals(tx: Tx, *, after: int) -> list[tuple[Row[Any], list[Part]]]:
    statement = select(seal_t).where(seal_t.c.number > after).order_by(seal_t.c.number).limit(SEALS_BATCH)
    seals = (await tx.execute(statement)).all()
    parts: dict[int, list[Part]] = {}
    of_these = select(part_t).where(among(part_t.c.number, [row.number for row in seals]))
    for row in await tx.execute(of_these.order_by(part_t.c.month, part_t.c.writer, part_t.c.first)):
        part = Part(row.month, row.writer, row.first, row.last, row.digest)
        parts.setdefault(row.number, []).append(part)
    return [(row, parts.get(row.number, [])) for row in seals]
