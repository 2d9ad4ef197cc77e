"""Taking the batches of a file one after the other, so that a bad row stops nothing and a fault stops in time.

a batch -> one transaction; tried again where another process was in the way
        -> where it fails for another reason, its rows one by one, each in a transaction of its own
        -> a row that fails then is refused as not_applied; more than FAULTS_MAX of these are no bad rows but a
           fault of the hub or of its database, and the run stops where the same command goes on later
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from member_hub.clock import Clock
from member_hub.db.base import Tx
from member_hub.db.contention import is_contention, patiently, sqlstate
from member_hub.errors import HubError, Misconfigured, Unavailable
from member_hub.ingest import runs
from member_hub.ingest.applying import Applier
from member_hub.ingest.parse import Record
from member_hub.ingest.reasons import Reason
from member_hub.ingest.rows import BadRow
from member_hub.ingest.runs import Overtaken, Run

BATCH_MAX = 500
FAULTS_MAX = 100  # rows that fail for no reason of their own, since the command was started

# SQLSTATE classes that say nothing about a row: connection, resources, an operator's hand, the system, corruption.
_NOT_THE_ROW: Final = ("08", "53", "57", "58", "XX")
_log = logging.getLogger(__name__)

Row = Record | BadRow
Unit = Callable[[], AbstractAsyncContextManager[Tx]]


class Stopped(Unavailable):
    """The run ended before its file did; nothing is lost, and the same command goes on."""


@dataclass(slots=True)
class Batches:
    """Applies the rows of a run. `unit` opens a transaction, or a savepoint of a dry run."""

    applier: Applier
    run: Run
    clock: Clock
    unit: Unit
    faults: int = 0

    async def take(self, rows: Sequence[Row]) -> None:
        """Apply a batch, whatever is in it. Raises Stopped or Overtaken."""
        try:
            await self._apply(rows)
        except Exception as error:
            if not is_about_rows(error):
                raise
            _log.warning("A batch is retried row by row: %s.", place_of(error))
            for row in rows:
                await self._take_one(row)

    async def _take_one(self, row: Row) -> None:
        try:
            await self._apply([row])
        except Exception as error:
            if not is_about_rows(error) or isinstance(row, BadRow):
                raise
            _log.error("Line %d of run %s could not be applied: %s.", row.line, self.run.run_id, place_of(error))
            self.faults += 1
            if self.faults > FAULTS_MAX:
                raise _too_many(row.line) from error
            await self._apply([self.applier.parser.refuse(row.row, Reason.NOT_APPLIED)])

    async def _apply(self, rows: Sequence[Row]) -> None:
        """Rows and progress in one transaction: after a crash nothing is lost and nothing is doubled."""
        run, end = self.run, rows[-1].end
        counts = await patiently(lambda: self._attempt(rows))
        run.at, run.counts = end, run.counts + counts

    async def _attempt(self, rows: Sequence[Row]) -> Counter[str]:
        async with self.unit() as tx:
            counts = await self.applier.apply(tx, rows, self.clock.now())
            await runs.advance(tx, self.run, rows[-1].end, counts)
        return counts


def _too_many(line: int) -> Stopped:
    return Stopped(
        f"More than {FAULTS_MAX} rows could not be applied: this is no fault of the file. The log says where in the "
        f"program it happened. Afterwards the same command goes on with line {line}, and "
        "`member-hub quarantine retry --source ...` takes the earlier ones.",
        zh=f"已有超过 {FAULTS_MAX} 行无法入账,这不是文件的问题;排除故障后重复同一命令,将从第 {line} 行继续。",
    )


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_MAX)):
        yield batch


def is_about_rows(error: Exception) -> bool:
    """Whether the error may be one row's: then the others still stand."""
    if isinstance(error, (Overtaken, Misconfigured, Unavailable, NoFreeConnection, OSError)) or is_contention(error):
        return False
    if isinstance(error, DBAPIError):
        is_gone = error.connection_invalidated or isinstance(error, InterfaceError)
        return not is_gone and not (sqlstate(error) or "").startswith(_NOT_THE_ROW)
    return True


def place_of(error: BaseException) -> str:
    """What failed and where in our code, for the log; an error's own text may quote a value."""
    place, trace = "", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("member_hub") and not module.startswith("member_hub.db"):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    state = sqlstate(error)
    return " ".join(filter(None, (type(error).__name__, state and f"SQLSTATE {state}", place and f"at {place}")))


def stopped_by(error: Exception) -> HubError | None:
    """What to tell the operator where the database went away; None: it is something else."""
    if isinstance(error, (DBAPIError, NoFreeConnection)) and not is_about_rows(error):
        state = sqlstate(error)
        return Stopped(
            f"The database does not go on ({f'SQLSTATE {state}' if state else 'no connection'}). Nothing is lost: "
            "the same command goes on where this one ended.",
            zh="数据库无法继续；数据未丢失，请重复同一命令继续导入。",
        )
    return None
