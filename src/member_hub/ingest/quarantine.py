"""Rows that were refused: put aside sealed, listed without their content, shown, and tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.crypto import KeySet, Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import NotFound
from member_hub.ids import RunId
from member_hub.ingest.reasons import Reason
from member_hub.ingest.rows import BadRow
from member_hub.ingest.tables import QUARANTINE_DAYS, Quarantine
from member_hub.privacy import DataClass

LIST_MAX = 1000
SHREDDED_MAX = 100  # runs in one transaction
quarantine_t = table_of(Quarantine)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One refused row, without its content."""

    run_id: RunId
    line: int
    source: str
    reason: Reason
    refused_at: datetime


async def put(tx: Tx, vault: Vault, run_id: RunId, source: str, rows: Sequence[BadRow], *, now: datetime) -> None:
    """Seal refused rows under the run's key; the same row of the same file again stays where it is."""
    fresh = await _not_there(tx, source, [(row, vault.message_digest(row.raw)) for row in rows])
    if not fresh:
        return
    keys = await vault.keys_for(tx, [(run_id, DataClass.INTAKE)], create=True)
    common = {"run_id": run_id, "source": source, "refused_at": now}
    values = [common | _sealed(vault, keys, run_id, row) | {"digest": digest} for row, digest in fresh]
    await tx.execute(insert(quarantine_t).on_conflict_do_nothing(), values)


def _sealed(vault: Vault, keys: KeySet, run_id: RunId, row: BadRow) -> dict[str, object]:
    place = sealed_row(Quarantine, {"line": row.line})
    text = row.raw.decode("utf-8", "backslashreplace")
    return {
        "line": row.line,
        "reason": row.reason,
        "raw": keys.seal(quarantine_t.c.raw, run_id, text, row=place),
        "hint_tokens": sorted({vault.token(h.kind, h.namespace, h.value) for h in row.hints}),
    }


async def _not_there(tx: Tx, source: str, rows: Sequence[tuple[BadRow, bytes]]) -> list[tuple[BadRow, bytes]]:
    """Those not in quarantine yet: a run that puts nothing there makes no key either."""
    if not rows:
        return []
    lines = [row.line for row, _ in rows]
    stored = select(quarantine_t.c.line, quarantine_t.c.digest).where(
        quarantine_t.c.source == source, among(quarantine_t.c.line, lines)
    )
    there = {(line, digest) for line, digest in await tx.execute(stored)}
    return [(row, digest) for row, digest in rows if (row.line, digest) not in there]


async def find(
    tx: Tx, *, source: str | None = None, run_id: UUID | None = None, line: int | None = None, limit: int = LIST_MAX
) -> list[Quarantined]:
    """What is in quarantine, oldest first, at most `limit` rows (1000)."""
    statement = select(quarantine_t).order_by(quarantine_t.c.refused_at, quarantine_t.c.run_id, quarantine_t.c.line)
    if source is not None:
        statement = statement.where(quarantine_t.c.source == source)
    if run_id is not None:
        statement = statement.where(quarantine_t.c.run_id == run_id)
    if line is not None:
        statement = statement.where(quarantine_t.c.line == line)
    rows = await tx.execute(statement.limit(min(limit, LIST_MAX)))
    return [Quarantined(RunId(r.run_id), r.line, r.source, Reason(r.reason), r.refused_at) for r in rows]


async def raw(tx: Tx, vault: Vault, run_id: RunId, line: int, *, locks: bool = False) -> str:
    """The row as it came; `locks` holds it for the transaction. The caller audits it. Raises NotFound."""
    found = select(quarantine_t).where(quarantine_t.c.run_id == run_id, quarantine_t.c.line == line)
    row = (await tx.execute(found.with_for_update() if locks else found)).one_or_none()
    if row is None:
        raise NotFound
    keys = await vault.keys_for(tx, [(run_id, DataClass.INTAKE)])
    return keys.open(quarantine_t.c.raw, run_id, row.raw, row=sealed_row(Quarantine, {"line": line}))


async def release(tx: Tx, run_id: RunId, line: int) -> None:
    """Take a row out; `renew` has to follow."""
    await tx.execute(delete(quarantine_t).where(quarantine_t.c.run_id == run_id, quarantine_t.c.line == line))


async def renew(tx: Tx, vault: Vault, run_id: RunId) -> None:
    """Give what remains of a run a new key: what was taken out is gone from older copies, too."""
    await vault.rekey(tx, run_id, DataClass.INTAKE)


async def shred_old(tx: Tx, vault: Vault, *, now: datetime) -> int:
    """Delete what SHREDDED_MAX runs refused whose last row is more than 30 days old, with their keys; how many rows."""
    old = (
        select(quarantine_t.c.run_id)
        .group_by(quarantine_t.c.run_id)
        .having(func.max(quarantine_t.c.refused_at) < now - timedelta(days=QUARANTINE_DAYS))
        .limit(SHREDDED_MAX)
    )
    gone = delete(quarantine_t).where(quarantine_t.c.run_id.in_(old)).returning(quarantine_t.c.run_id)
    runs = [RunId(row.run_id) for row in await tx.execute(gone)]
    await vault.destroy(tx, set(runs))
    return len(runs)
