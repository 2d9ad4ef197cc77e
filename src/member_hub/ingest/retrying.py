"""Trying refused rows again: as they came, after the mapping or the register was mended, or corrected by hand."""

import logging
from pathlib import Path
from typing import Protocol
from uuid import UUID

import orjson

from member_hub.audit import AuditLog
from member_hub.clock import Clock
from member_hub.counting import Loyalty
from member_hub.crypto import Vault
from member_hub.db.base import transaction
from member_hub.db.contention import patiently
from member_hub.db.engines import Database
from member_hub.errors import BadInput, NotFound
from member_hub.ingest import mapping, quarantine
from member_hub.ingest.applying import Applier
from member_hub.ingest.batches import is_about_rows, place_of
from member_hub.ingest.parse import Parser
from member_hub.ingest.quarantine import Quarantined
from member_hub.ingest.reasons import Reason
from member_hub.ingest.summary import QUARANTINED
from member_hub.ingest.words import Source
from member_hub.merging import Resolver
from member_hub.organisation import Organisation

_log = logging.getLogger(__name__)


class Hub(Protocol):
    """What is needed of the running hub."""

    @property
    def database(self) -> Database: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def resolver(self) -> Resolver: ...
    @property
    def organisation(self) -> Organisation: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def loyalty(self) -> Loyalty: ...


async def retry(
    hub: Hub,
    *,
    run_id: UUID | None = None,
    line: int | None = None,
    source: str | None = None,
    raw: bytes | None = None,
    mapping_file: Path | None = None,
) -> dict[str, int]:
    """Try one row (`run_id`, `line`), or up to 1000 of a source, again; each in a transaction of its own.

    What can be applied now leaves the quarantine, the rest stays as it is. `raw` is the row corrected, an object of
    columns. Returns how many were retried, applied and refused. Raises NotFound where there is no such row, and
    BadInput where the corrected row is refused.
    """
    if raw is not None:
        _check_object(raw)
    async with transaction(hub.database.app) as tx:
        rows = await quarantine.find(tx, source=source, run_id=run_id, line=line)
    if not rows:
        raise NotFound
    parsers = {of: _parser(hub, Source(of), mapping_file) for of in {row.source for row in rows}}
    counts = {"retried": 0, "applied": 0, "refused": 0}
    released, refused = set(), None
    for row in rows:
        reason = await _retry_one(hub, parsers[row.source], row, raw)
        counts["retried"] += 1
        counts["refused" if reason else "applied"] += 1
        released |= set() if reason else {row.run_id}
        refused = reason or refused
    for run in sorted(released):  # once for each, not for every row: renewing seals all that remains
        async with transaction(hub.database.app) as tx:
            await quarantine.renew(tx, hub.vault, run)
    if raw is not None and refused:
        raise _refused_too(refused)
    return counts


def _check_object(raw: bytes) -> None:
    try:
        is_object = isinstance(orjson.loads(raw), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise BadInput(
            "The corrected row is no JSON object of columns; nothing changed.",
            zh="更正后的行不是由各列组成的 JSON 对象，未作任何更改。",
        )


def _refused_too(reason: Reason) -> BadInput:
    return BadInput(
        f"The corrected row is refused, too, and nothing changed ({reason}). {reason.en}",
        zh=f"更正后的行仍被拒绝，未作任何更改（{reason}）。{reason.zh}",
    )


def _parser(hub: Hub, source: Source, mapping_file: Path | None) -> Parser:
    return Parser(mapping.load(source, mapping_file), hub.organisation, now=hub.clock.now())


async def _retry_one(hub: Hub, parser: Parser, row: Quarantined, corrected: bytes | None) -> Reason | None:
    """Why it is refused again, None if it is applied. One that fails for no reason of its own stays, as in imports."""
    try:
        return await patiently(lambda: _attempt(hub, parser, row, corrected))
    except NotFound:  # somebody else has retried it meanwhile
        if corrected is not None:
            raise
        return Reason.NOT_APPLIED
    except Exception as error:
        if not is_about_rows(error):
            raise
        _log.error("Line %d of run %s failed again: %s.", row.line, row.run_id, place_of(error))
        return Reason.NOT_APPLIED


async def _attempt(hub: Hub, parser: Parser, row: Quarantined, corrected: bytes | None) -> Reason | None:
    applier = Applier(hub.vault, hub.resolver, parser, row.run_id, hub.loyalty, hub.audit)
    async with transaction(hub.database.app) as tx:
        # Locked first: two that retry the same row take turns, and the second finds it gone.
        stored = await quarantine.raw(tx, hub.vault, row.run_id, row.line, locks=True)
        record = parser.reread(corrected or stored.encode(), line=row.line)
        async with tx.begin_nested() as attempt:
            counts = await applier.apply(tx, [record], hub.clock.now())
            for name in counts:
                if name.startswith(QUARANTINED):
                    await attempt.rollback()
                    return Reason(name.removeprefix(QUARANTINED))
        await quarantine.release(tx, row.run_id, row.line)
        return None
