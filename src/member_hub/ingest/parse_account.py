"""A row of the website, the app or a store: one channel account as it was at one moment.

A row with a usable key and time stands: a phone that is junk, a birthday that does not exist are dropped and
counted, the rest is taken. Only key, namespace, times and opening balance refuse a whole row.
"""

import hashlib
from datetime import datetime

from member_hub.errors import Misconfigured
from member_hub.identity.statements import AccountStatement, StatedIdentifier
from member_hub.ingest.account_identifiers import Identifiers
from member_hub.ingest.account_values import Consents, Values
from member_hub.ingest.cells import Contents, Fields, canonical, cell_of
from member_hub.ingest.mapping import Mapping
from member_hub.ingest.reasons import Reason
from member_hub.ingest.records import AccountRecord
from member_hub.ingest.refusals import RowRefused, key_of, time_of
from member_hub.ingest.rows import RawRow
from member_hub.ingest.values import is_blank, moments, text, whole
from member_hub.ingest.words import WORDS, RecordKind
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation

BALANCE_MAX = 10**9
WORD_MAX = 64


class AccountParser:
    """Made once per file, called once per row."""

    def __init__(self, mapping: Mapping, channel: Channel, organisation: Organisation, *, now: datetime) -> None:
        self._mapping = mapping
        self._channel = channel
        self._stores = organisation.stores.keys()
        self._namespaces = organisation.channels[channel].namespaces
        self._check_namespace()
        self._cells = {word: cell_of(mapping, word) for word in WORDS[RecordKind.ACCOUNT]}
        self._event_time = moments(mapping.formats.get("event_time"), mapping.zone, now=now)
        self._first_seen = moments(mapping.formats.get("first_seen"), mapping.zone, now=now)
        self._identifiers = Identifiers(mapping, channel, organisation, now=now)
        self._values = Values(mapping, now=now)
        self._consents = Consents(mapping, mapping.consents, now=now) if mapping.consents else None
        self.contents = Contents(mapping)

    def record(self, row: RawRow) -> AccountRecord:
        """Raises RowRefused."""
        fields = row.fields
        self._check_event_type(fields)
        dropped: list[str] = []
        statement = self._statement(fields, dropped)
        return AccountRecord(
            row=row,
            left_out=self.contents.left_out(fields),
            message_id=self._message_id(fields),
            statement=statement,
            staff_no=text(self._cells["staff_no"](fields), WORD_MAX),
            dropped=tuple(dropped),
        )

    def hints(self, fields: Fields) -> tuple[StatedIdentifier, ...]:
        return self._identifiers.hints(fields, self._namespaces)

    def _statement(self, fields: Fields, dropped: list[str]) -> AccountStatement:
        key = key_of(self._mapping.account_kind, self._cells["account"](fields))
        namespace = self._namespace(fields)
        event_time = time_of(self._cells["event_time"](fields), self._event_time)
        first_seen = self._cells["first_seen"](fields)
        account = StatedIdentifier(self._mapping.account_kind, namespace, key, event_time)
        return AccountStatement(
            channel=self._channel,
            namespace=namespace,
            account=key,
            event_time=event_time,
            first_seen=event_time if is_blank(first_seen) else time_of(first_seen, self._first_seen),
            strength=self._mapping.strength,
            identifiers=self._identifiers.of(fields, account, dropped),
            values=self._values.of(fields, dropped),
            consents=self._consents.of(fields, event_time, dropped) if self._consents else (),
            home_store=self._home_store(fields, dropped),
            opening_balance=self._opening_balance(fields),
            old_tier=text(self._cells["old_tier"](fields), WORD_MAX),
        )

    def _check_namespace(self) -> None:
        constant = self._mapping.constants.get("namespace")
        if constant is not None and constant not in self._namespaces:
            raise Misconfigured(
                f"{self._mapping.name}: constants.namespace: is not registered for the channel {self._channel}.",
                remedy="Name it in organisation.toml.",
            )

    def _check_event_type(self, fields: Fields) -> None:
        if self._mapping.event_types and text(self._cells["event_type"](fields)) not in self._mapping.event_types:
            raise RowRefused(Reason.BAD_KIND)

    def _namespace(self, fields: Fields) -> str:
        """An app that nobody registered has no handler who answers for its data."""
        found = text(self._cells["namespace"](fields), WORD_MAX)
        if found not in self._namespaces or found is None:
            raise RowRefused(Reason.BAD_CHANNEL)
        return found

    def _home_store(self, fields: Fields, dropped: list[str]) -> str | None:
        """A store that is not registered is nobody's to see; the card stands without it."""
        found = text(self._cells["home_store"](fields), WORD_MAX)
        if found is not None and found not in self._stores:
            dropped.append("home_store_unknown")
            return None
        return found

    def _opening_balance(self, fields: Fields) -> int | None:
        """Worth money: one that cannot be read is looked at by somebody, not lost."""
        cell = self._cells["opening_balance"](fields)
        if is_blank(cell):
            return None
        found = whole(cell, least=-BALANCE_MAX, most=BALANCE_MAX)
        if found is None:
            raise RowRefused(Reason.BAD_BALANCE)
        return found

    def _message_id(self, fields: Fields) -> str:
        """Without a delivery id, the content is the id: the same row again is the same delivery, a changed one new."""
        said = text(self._cells["message_id"](fields))
        return said or "row:" + hashlib.sha256(canonical(fields)).hexdigest()
