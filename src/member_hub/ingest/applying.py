"""One batch of rows, one transaction: what is new is applied, what came before is counted, what is bad is put aside."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from member_hub import counting
from member_hub.access import Caller
from member_hub.audit import AuditLog, Entry
from member_hub.consent.replay.filing import Filed
from member_hub.counting import Counted, Loyalty
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, once_of, parameters, table_of, values_of
from member_hub.db.direct import Direct
from member_hub.ids import RunId
from member_hub.ingest import quarantine
from member_hub.ingest.cells import canonical
from member_hub.ingest.parse import Parser, Record
from member_hub.ingest.reasons import Reason
from member_hub.ingest.records import AccountRecord, ActivityRecord, OrderRecord
from member_hub.ingest.refunds import too_large
from member_hub.ingest.rows import BadRow
from member_hub.ingest.summary import DROPPED, LEFT_OUT, QUARANTINED, READ, Count
from member_hub.ingest.tables import Inbox
from member_hub.merging import OutcomeKind, Resolver
from member_hub.orders.actions import Orders
from member_hub.orders.rules import is_past_retention

inbox_t = table_of(Inbox)
KINDS = {
    OutcomeKind.CREATED: Count.CREATED,
    OutcomeKind.ATTACHED: Count.ATTACHED,
    OutcomeKind.UPDATED: Count.UPDATED,
}
CALLER = "import"
INBOX_COLUMNS = ("message_key", "digest")


@dataclass(frozen=True, slots=True)
class Applier:
    """Applies the rows of one run."""

    vault: Vault
    resolver: Resolver
    parser: Parser
    run_id: RunId
    loyalty: Loyalty
    audit: AuditLog | None = None  # None: a dry run, which takes everything back

    @property
    def _orders(self) -> Orders:
        return Orders(self.vault, self.resolver.organisation)

    @property
    def _hub(self) -> Caller:
        return counting.hub_caller()

    @property
    def source(self) -> str:
        return self.parser.mapping.source.value

    async def apply(self, tx: Tx, rows: Sequence[Record | BadRow], now: datetime) -> Counter[str]:
        """Apply a batch; returns what became of its rows. Nothing is kept if it raises."""
        counts: Counter[str] = Counter({READ: len(rows)})
        bad = [row for row in rows if isinstance(row, BadRow)]
        records = [row for row in rows if not isinstance(row, BadRow)]
        fresh, conflicting = await self._receive(tx, records, counts)
        fresh, unbearable = await self._bearable(tx, fresh)
        counts.update(LEFT_OUT + column for record in fresh for column in record.left_out)
        await self._apply_accounts(tx, [r for r in fresh if isinstance(r, AccountRecord)], counts, now)
        await self._apply_orders(tx, [r for r in fresh if isinstance(r, OrderRecord)], counts, now)
        await self._apply_activity(tx, [r for r in fresh if isinstance(r, ActivityRecord)], counts, now)
        bad += [self.parser.refuse(record.row, Reason.CONFLICTING_REPEAT) for record in conflicting]
        bad += [self.parser.refuse(record.row, Reason.REFUND_TOO_LARGE) for record in unbearable]
        await quarantine.put(tx, self.vault, self.run_id, self.source, bad, now=now)
        counts.update(QUARANTINED + row.reason for row in bad)
        return counts

    async def _receive(
        self, tx: Tx, records: Sequence[Record], counts: Counter[str]
    ) -> tuple[Sequence[Record], Sequence[Record]]:
        """Which records are new, and which repeat a delivery with another content; repeats are counted.

        Activity has no deliveries: a count for the same account, day and kind replaces the former one.
        """
        if not records or isinstance(records[0], ActivityRecord):
            return records, []
        keyed = [(self.vault.message_key(self.source, _message_id(r)), self._digest(r), r) for r in records]
        written, known = await note(tx, self.source, [(key, digest) for key, digest, _ in keyed])
        fresh, conflicting = [], []
        for key, digest, record in keyed:
            if written.pop(key, None) == digest:
                fresh.append(record)
            elif known[key] == digest:
                counts[Count.DUPLICATE] += 1
            else:
                conflicting.append(record)
        return fresh, conflicting

    async def _bearable(self, tx: Tx, fresh: Sequence[Record]) -> tuple[Sequence[Record], Sequence[OrderRecord]]:
        """Records without the refunds that their lines cannot bear, and those; of them no delivery is on record, so
        that they can be tried again."""
        orders = [record for record in fresh if isinstance(record, OrderRecord)]
        refused = [orders[n] for n in sorted(await too_large(tx, self.vault, [one.statement for one in orders]))]
        if not refused:
            return fresh, []
        keys = [self.vault.message_key(self.source, one.statement.message_id) for one in refused]
        await tx.execute(delete(inbox_t).where(inbox_t.c.source == self.source, among(inbox_t.c.message_key, keys)))
        lines = {id(one) for one in refused}
        return [record for record in fresh if id(record) not in lines], refused

    def _digest(self, record: Record) -> bytes:
        """What must be the same for two deliveries to be one: of an order line the amount, else the whole row."""
        if isinstance(record, OrderRecord):
            return self.vault.message_digest(str(record.statement.amount_fen).encode())
        return self.vault.message_digest(canonical(record.row.fields))

    async def _apply_accounts(
        self, tx: Tx, records: Sequence[AccountRecord], counts: Counter[str], now: datetime
    ) -> None:
        if not records:
            return
        said = [record.statement for record in records]
        done = await self.resolver.resolve(tx, said, caused_by=f"ingest {self.run_id}", now=now)
        await self._put_on_record(done.filed, now)
        released = await self._orders.release_waiting(tx, done.arrived, counted_at=now)
        stating = {o.origin_id for o, one in zip(done.outcomes, said, strict=True) if one.opening_balance is not None}
        openings = await counting.count_openings(tx, self._hub, stating, needs=self.loyalty, now=now)
        counted = await counting.count_lines(tx, self._hub, released.orders, needs=self.loyalty, now=now)
        active = await counting.count_activity(tx, released.activity, needs=self.loyalty, now=now)
        counts.update(KINDS[outcome.kind] for outcome in done.outcomes)
        counts.update(DROPPED + reason for record in records for reason in record.dropped)
        counts[Count.MERGED] += done.merged
        counts[Count.SPLIT] += done.split
        counts[Count.REVIEW] += done.candidates
        counts[Count.RELEASED] += len(released)
        counts[Count.OPENED] += openings.earned
        _tell(counts, counted + active)

    async def _put_on_record(self, filed: Filed, now: datetime) -> None:
        """One entry for a batch, before it is committed: no decision changes without one."""
        if self.audit is None or not filed.members:
            return
        await self.audit.write(
            Entry.of_command(
                f"ingest {self.source}", fields=filed.words, member_ids=filed.members, caller=CALLER, now=now
            )
        )

    async def _apply_orders(self, tx: Tx, records: Sequence[OrderRecord], counts: Counter[str], now: datetime) -> None:
        if not records:
            return
        said = [record.statement for record in records]
        done = await self._orders.apply_orders(tx, said, now=now, counted_at=now)
        counts[Count.APPLIED] += done.applied
        counts[Count.WAITING] += done.waiting
        _tell(counts, await counting.count_lines(tx, self._hub, done.orders, needs=self.loyalty, now=now))

    async def _apply_activity(
        self, tx: Tx, records: Sequence[ActivityRecord], counts: Counter[str], now: datetime
    ) -> None:
        kept = [r.statement for r in records if not is_past_retention(r.statement.day, now)]
        counts[Count.EXPIRED] += len(records) - len(kept)
        if not kept:
            return
        done = await self._orders.apply_activity(tx, kept, now=now, counted_at=now)
        counts[Count.APPLIED] += done.changed
        counts[Count.WAITING] += done.waiting
        counts[Count.DUPLICATE] += len(kept) - done.changed - done.waiting
        _tell(counts, await counting.count_activity(tx, done.activity, needs=self.loyalty, now=now))


async def note(
    tx: Tx, source: str, deliveries: Sequence[tuple[bytes, bytes]]
) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Enter deliveries into the inbox, of several with one key the first.

    Returns those that were not there, and what stands now for every key.
    """
    first: dict[bytes, bytes] = {}
    for key, digest in deliveries:
        first.setdefault(key, digest)
    result = await _NOTE.every(tx, parameters(INBOX_COLUMNS, sorted(first.items())) | {"p_source": source})
    written = {key: first[key] for (key,) in result}
    known = dict(written)
    strange = [key for key in first if key not in known]
    if strange:
        there = select(inbox_t.c.message_key, inbox_t.c.digest).where(
            inbox_t.c.source == source, among(inbox_t.c.message_key, strange)
        )
        known |= {row.message_key: row.digest for row in await tx.execute(there)}
    return written, known


def _tell(counts: Counter[str], counted: Counted) -> None:
    counts[Count.COUNTED] += counted.lines
    counts[Count.EARNED] += counted.earned
    counts[Count.TAKEN_BACK] += counted.taken_back
    counts[Count.UNCOUNTED] += counted.waiting - counted.resumed  # a run adds Counters, and stops at zero
    counts[Count.CUT] += counted.cut
    counts[Count.REFUNDS_CUT] += counted.refunds_cut


def _message_id(record: Record) -> str:
    return record.message_id if isinstance(record, AccountRecord) else record.statement.message_id


_GIVEN = values_of([inbox_t.c[name] for name in INBOX_COLUMNS])
_SOURCE = once_of([inbox_t.c.source])
_NOTE = Direct(
    insert(inbox_t)
    .from_select([*INBOX_COLUMNS, *_SOURCE], select(*(_GIVEN.c[name] for name in INBOX_COLUMNS), *_SOURCE.values()))
    .on_conflict_do_nothing()
    .returning(inbox_t.c.message_key)
)
