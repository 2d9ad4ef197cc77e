"""A row of the activity file: how often an account did a kind of thing on a day."""

from datetime import date, datetime, timedelta
from typing import Final

from member_hub.clock import business_day
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedIdentifier
from member_hub.ingest.cells import Contents, Fields, cell_of
from member_hub.ingest.mapping import Mapping
from member_hub.ingest.parse_order import CHANNELS, account_hints, choice, spelt
from member_hub.ingest.reasons import Reason
from member_hub.ingest.records import ActivityRecord
from member_hub.ingest.refusals import RowRefused, key_of
from member_hub.ingest.rows import RawRow
from member_hub.ingest.values import days, is_blank, text, whole
from member_hub.ingest.words import WORDS, RecordKind
from member_hub.members.tables import Channel
from member_hub.orders.rules import ActivityKind, ActivityStatement
from member_hub.organisation import Organisation

COUNT_MAX = 32_767  # of one kind on one day: more is a machine, or a mistake
DAY_MIN: Final = date(2000, 1, 1)
DAYS_AHEAD = timedelta(days=1)  # clocks of channels differ
_KINDS: Final = spelt(ActivityKind)


class ActivityParser:
    """Made once per file, called once per row."""

    def __init__(self, mapping: Mapping, organisation: Organisation, *, now: datetime) -> None:
        self._organisation = organisation
        self._cells = {word: cell_of(mapping, word) for word in WORDS[RecordKind.ACTIVITY]}
        self._day = days(mapping.formats.get("day"), today=business_day(now) + DAYS_AHEAD)
        self.contents = Contents(mapping)

    def record(self, row: RawRow) -> ActivityRecord:
        """Raises RowRefused."""
        fields, cells = row.fields, self._cells
        channel = choice(CHANNELS, cells["channel"](fields), Reason.BAD_CHANNEL)
        claim_kind = ClaimKind.CARD if channel is Channel.STORE else ClaimKind.ACCOUNT
        statement = ActivityStatement(
            channel=channel,
            account=key_of(claim_kind, cells["account"](fields)),
            day=self._day_of(fields),
            kind=choice(_KINDS, cells["kind"](fields), Reason.BAD_KIND),
            count=self._count(fields),
        )
        return ActivityRecord(row, self.contents.left_out(fields), statement)

    def hints(self, fields: Fields) -> tuple[StatedIdentifier, ...]:
        """The account of a refused row, in its channel, or in every one where the channel is unknown."""
        said = text(self._cells["channel"](fields))
        return tuple(
            hint
            for channel in Channel
            if said == channel or said not in list(Channel)
            for hint in account_hints(self._organisation, channel, self._cells["account"](fields))
        )

    def _day_of(self, fields: Fields) -> date:
        cell = self._cells["day"](fields)
        if is_blank(cell):
            raise RowRefused(Reason.MISSING_TIME)
        found = self._day(cell)
        if found is None or found < DAY_MIN:
            raise RowRefused(Reason.IMPOSSIBLE_TIME)
        return found

    def _count(self, fields: Fields) -> int:
        found = whole(self._cells["count"](fields), least=0, most=COUNT_MAX)
        if found is None:
            raise RowRefused(Reason.BAD_COUNT)
        return found
