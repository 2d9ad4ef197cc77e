"""A file of tags, row by row: read, find the account, give the tag; what is refused is told by line and word.

    channel,account,tag,until
    store,C100234,golf_club,2027-03-31
    app,U889,golf_club,

`until` is the last day on which the tag holds, a moment with its zone, or nothing. Nothing is put aside: the file is in
the operator's hands, and a row that was refused is sent again in the next one. No account number leaves the row: not to
the summary, not to a log.

Decision: the file is read twice, first only to count, so that one with more than ROWS_MAX rows is refused whole and not
half done. Interrupted, the same command does the rest: what stands already is unchanged. A dry run takes back each
batch; batches depend on no other, so it tells the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from member_hub.access import Guard
from member_hub.audit import AuditLog, Entry
from member_hub.clock import SHANGHAI, Clock
from member_hub.crypto import Vault
from member_hub.db.base import transaction
from member_hub.db.contention import patiently
from member_hub.db.engines import Database
from member_hub.errors import Misconfigured
from member_hub.identity.statements import own_kind
from member_hub.ids import OriginId
from member_hub.ingest.parse_order import CHANNELS, choice
from member_hub.ingest.readers import FileOptions, Format, open_reader
from member_hub.ingest.reasons import Reason
from member_hub.ingest.refusals import RowRefused, key_of
from member_hub.ingest.rows import BadRow, RawRow
from member_hub.ingest.running import OnProgress, Progress
from member_hub.ingest.values import is_blank, text
from member_hub.orders.actions import Account, Orders
from member_hub.organisation import Organisation
from member_hub.tags.importing import GIVEN_BY, STANDING, Outcome, Said, Told, give_imported

OPERATION: Final = "tags import"
COLUMNS: Final = ("channel", "account", "tag", "until")
ROWS_MAX: Final = 200_000
BATCH_MAX: Final = 500
LINES_MAX: Final = 20  # line numbers told per reason
TAG_CHARS_MAX: Final = 40
YEAR_MAX: Final = 2999  # of an end that is a moment: beyond it is no plan, and 9999 leaves no room for a zone
_AS_UTF8: Final = FileOptions(Format.CSV, "utf-8")

Why = Reason | Outcome


@dataclass(frozen=True, slots=True, repr=False)
class TagRow:
    """One row that could be read."""

    line: int
    account: Account
    tag: str
    until: datetime | None


@dataclass(slots=True)
class TagSummary:
    """What became of the rows of a file; of those refused the first lines of each reason."""

    counts: Counter[Outcome] = field(default_factory=Counter)  # of those that stand
    refused: Counter[Why] = field(default_factory=Counter)
    lines: dict[Why, list[int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.counts.total() + self.refused.total()

    def refuse(self, why: Why, line: int) -> None:
        self.refused[why] += 1
        if len(told := self.lines.setdefault(why, [])) < LINES_MAX:
            told.append(line)

    def as_json(self) -> dict[str, Any]:
        refused = {why.value: {"rows": self.refused[why], "lines": self.lines[why]} for why in sorted(self.refused)}
        return {"rows": self.rows, **{one.value: self.counts[one] for one in SHOWN}, "refused": refused}


SHOWN: Final = (Outcome.GIVEN, Outcome.RENEWED, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True)
class TagImporter:
    """Imports files of tags; one per process."""

    database: Database
    vault: Vault
    organisation: Organisation
    clock: Clock
    audit: AuditLog

    async def run(self, path: Path, *, dry_run: bool = False, on_progress: OnProgress = lambda _: None) -> TagSummary:
        """Raises Misconfigured where the file as a whole cannot be read; a bad row stops nothing."""
        reader = open_reader(path, _AS_UTF8, COLUMNS)
        _check(reader.columns or (), sum(1 for _ in islice(reader.rows(), ROWS_MAX + 1)), path.name)
        summary, before = TagSummary(), set[tuple[OriginId, str]]()
        for batch in _batches(reader.rows()):
            rows, unread = _read(batch)
            strangers, told = await patiently(partial(self._give, rows, before, dry_run=dry_run))
            summary.counts.update(one.outcome for one in told if one.outcome in STANDING)
            refused = [(one.said.line, one.outcome) for one in told if one.outcome not in STANDING]
            for line, why in sorted([*unread, *((line, Outcome.UNKNOWN_ACCOUNT) for line in strangers), *refused]):
                summary.refuse(why, line)
            before |= {(one.said.origin_id, one.said.tag) for one in told if one.outcome in STANDING}
            on_progress(Progress(batch[-1].end.offset, reader.total, summary.rows))
        return summary

    async def _give(
        self, rows: Sequence[TagRow], before: AbstractSet[tuple[OriginId, str]], *, dry_run: bool
    ) -> tuple[list[int], list[Told]]:
        """One batch: the lines of unknown accounts, and what became of the others."""
        if not rows:
            return [], []
        async with transaction(self.database.app) as tx:
            rehearsal = await tx.begin_nested() if dry_run else None
            filings = await Orders(self.vault, self.organisation).locked_filings(tx, {row.account for row in rows})
            said = [
                Said(row.line, filing.origin_id, filing.member_id, row.tag, row.until)
                for row in rows
                if (filing := filings.get(row.account)) is not None
            ]
            told = await give_imported(tx, said, before=before, now=self.clock.now())
            if rehearsal is not None:
                await rehearsal.rollback()
            else:
                await self._put_on_record(told)
        return [row.line for row in rows if row.account not in filings], told

    async def _put_on_record(self, told: Sequence[Told]) -> None:
        """Before the batch is committed: an entry for each tag, which names those who were given it."""
        changed: dict[str, list[Told]] = {}
        for one in told:
            if one.outcome in (Outcome.GIVEN, Outcome.RENEWED):
                changed.setdefault(one.said.tag, []).append(one)
        for tag, done in sorted(changed.items()):
            definition = done[0].definition
            guard = Guard.SERVICE_TAGS if definition is not None and definition.is_service else Guard.TAGS
            entry = Entry.of_command(
                OPERATION,
                fields=(f"{guard}:WRITE", f"tag:{tag}"),
                member_ids={one.said.member_id for one in done},
                caller=GIVEN_BY,
                now=self.clock.now(),
            )
            await self.audit.write(entry)


class BadUntil(Exception):
    """Never leaves this module: the row is refused."""


def read_row(row: RawRow) -> TagRow:
    """Raises RowRefused, BadUntil. What is no code of a tag is the code of none."""
    cells = row.fields
    channel = choice(CHANNELS, cells["channel"], Reason.BAD_CHANNEL)
    number = key_of(own_kind(channel), cells["account"])
    return TagRow(row.line, (channel, number), text(cells["tag"], TAG_CHARS_MAX) or "", until_of(cells["until"]))


def until_of(cell: object) -> datetime | None:
    """The end of the day that is named, in Shanghai; or the moment, with its zone. Raises BadUntil."""
    if is_blank(cell):
        return None
    said = text(cell) or ""
    try:
        if len(said) == len("2027-03-31"):
            ends_on = date.fromisoformat(said) + timedelta(days=1)
            moment = datetime.combine(ends_on, datetime.min.time(), SHANGHAI)
        else:
            moment = datetime.fromisoformat(said)
    except (ValueError, OverflowError):
        raise BadUntil from None
    if moment.tzinfo is None or moment.year > YEAR_MAX:
        raise BadUntil
    return moment


def _read(batch: Sequence[RawRow | BadRow]) -> tuple[list[TagRow], list[tuple[int, Why]]]:
    """The rows that can be read, and the lines of the others with why."""
    rows: list[TagRow] = []
    unread: list[tuple[int, Why]] = []
    for row in batch:
        try:
            if isinstance(row, BadRow):
                unread.append((row.line, row.reason))
            else:
                rows.append(read_row(row))
        except RowRefused as refused:
            unread.append((row.line, refused.reason))
        except BadUntil:
            unread.append((row.line, Outcome.BAD_UNTIL))
    return rows, unread


def _batches(rows: Iterator[RawRow | BadRow]) -> Iterator[list[RawRow | BadRow]]:
    while batch := list(islice(rows, BATCH_MAX)):
        yield batch


def _check(columns: Sequence[str], rows: int, name: str) -> None:
    if set(columns) != set(COLUMNS):
        raise Misconfigured(
            f"{name} does not have just the columns {', '.join(COLUMNS)}.",
            remedy="Name them in the first line; until may be empty in every row.",
        )
    if rows > ROWS_MAX:
        raise Misconfigured(f"{name} has more than {ROWS_MAX:,} rows.", remedy="Split it; nothing was done.")
