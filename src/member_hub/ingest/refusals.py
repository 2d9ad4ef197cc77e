"""What makes a row be refused: its key, its time; raised where it is found and answered once per row."""

from collections.abc import Callable
from datetime import datetime

from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.normalise import Verdict
from member_hub.ingest.reasons import Reason
from member_hub.ingest.values import is_blank


class RowRefused(Exception):
    """Never leaves the parser: it becomes a BadRow."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)


def key_of(kind: ClaimKind, cell: object) -> str:
    """An account, card or order number."""
    read = normalise.identifier(kind, cell)
    if read.value is None:
        raise RowRefused(Reason.BAD_KEY if read.verdict is Verdict.INVALID else Reason.MISSING_KEY)
    return read.value


def time_of(cell: object, moment: Callable[[object], datetime | None]) -> datetime:
    if is_blank(cell):
        raise RowRefused(Reason.MISSING_TIME)
    read = moment(cell)
    if read is None:
        raise RowRefused(Reason.IMPOSSIBLE_TIME)
    return read
