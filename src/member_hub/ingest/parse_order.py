"""A row of the orders: one line of an order, or the refund of one."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedIdentifier
from member_hub.ingest.cells import Contents, Fields, cell_of
from member_hub.ingest.mapping import Mapping as MappingFile
from member_hub.ingest.reasons import Reason
from member_hub.ingest.records import KeyKind, OrderRecord
from member_hub.ingest.refusals import RowRefused, key_of, time_of
from member_hub.ingest.rows import RawRow
from member_hub.ingest.values import amount_fen, is_blank, moments, text, whole
from member_hub.ingest.words import WORDS, RecordKind
from member_hub.members.tables import Channel
from member_hub.orders.rules import LINE_NO_MAX, ORDER_NUMBER, OrderStatement, OrderStatus, order_number
from member_hub.organisation import Organisation

AMOUNT_MAX_FEN = 10**10

Choice = TypeVar("Choice", bound=StrEnum)


class OrderParser:
    """Made once per file, called once per row."""

    def __init__(self, mapping: MappingFile, organisation: Organisation, *, now: datetime) -> None:
        self._organisation = organisation
        self._stores = organisation.stores.keys()
        self._cells = {word: cell_of(mapping, word) for word in WORDS[RecordKind.ORDER]}
        self._is_in_fen = "amount_fen" in mapping.columns
        self._is_split = "refund_of_order" in mapping.columns
        self._ordered_at = moments(mapping.formats.get("ordered_at"), mapping.zone, now=now)
        self.contents = Contents(mapping)

    def record(self, row: RawRow) -> OrderRecord:
        """Raises RowRefused."""
        fields, cells = row.fields, self._cells
        order_no = key_of(ORDER_NUMBER, cells["order_no"](fields))
        line_no = self._line_no(fields)
        channel = choice(CHANNELS, cells["channel"](fields), Reason.BAD_CHANNEL)
        key_kind = choice(_KEY_KINDS, cells["key_kind"](fields), Reason.BAD_KIND)
        status = choice(_STATUSES, cells["status"](fields), Reason.BAD_STATUS)
        store = self._store(fields, channel, status)
        account = key_of(key_kind.claim_kind, cells["key"](fields))
        amount = self._amount(fields, status)
        ordered_at = time_of(cells["ordered_at"](fields), self._ordered_at)
        of_order, of_line = self._refund_of(fields, status) or (None, None)
        where = (channel, order_no, line_no, key_kind.channel, account, store)
        statement = OrderStatement(*where, amount, ordered_at, status, of_order, of_line)
        return OrderRecord(row, self.contents.left_out(fields), statement)

    def hints(self, fields: Fields) -> tuple[StatedIdentifier, ...]:
        """The buyer of a refused line, as the accounts of that channel state it."""
        said = text(self._cells["key_kind"](fields))
        return tuple(
            hint
            for kind in KeyKind
            if said == kind or said not in list(KeyKind)
            for hint in account_hints(self._organisation, kind.channel, self._cells["key"](fields))
        )

    def _line_no(self, fields: Fields) -> int:
        cell = self._cells["line_no"](fields)
        found = whole(cell, least=0, most=LINE_NO_MAX)
        if found is None:
            raise RowRefused(Reason.MISSING_KEY if is_blank(cell) else Reason.BAD_KEY)
        return found

    def _store(self, fields: Fields, channel: Channel, status: OrderStatus) -> str | None:
        """A purchase in a store has one; a refund takes its original's. Bought elsewhere it has none: a store whose
        goods are only fetched there would come to see whom it never served."""
        found = text(self._cells["store"](fields))
        is_needed = channel is Channel.STORE and status is OrderStatus.PAID
        is_there = found in self._stores and channel is Channel.STORE
        if not is_there and (found is not None or is_needed):
            raise RowRefused(Reason.BAD_STORE)
        return found

    def _amount(self, fields: Fields, status: OrderStatus) -> int:
        """Nothing below zero is paid, nothing above it refunded."""
        if self._is_in_fen:
            found = whole(self._cells["amount_fen"](fields), least=-AMOUNT_MAX_FEN, most=AMOUNT_MAX_FEN)
        else:
            found = amount_fen(self._cells["amount_yuan"](fields))
        if found is None or abs(found) > AMOUNT_MAX_FEN or (found < 0 if status is OrderStatus.PAID else found > 0):
            raise RowRefused(Reason.BAD_AMOUNT)
        return found

    def _refund_of(self, fields: Fields, status: OrderStatus) -> tuple[str, int] | None:
        if self._is_split:
            order, line = self._cells["refund_of_order"](fields), self._cells["refund_of_line"](fields)
        else:
            order, _, line = (text(self._cells["refund_of"](fields)) or "").rpartition("/")
        is_stated = not (is_blank(order) and is_blank(line))
        if is_stated is not (status is OrderStatus.REFUNDED):
            raise RowRefused(Reason.BAD_REFUND)
        if not is_stated:
            return None
        order_no = order_number(order)
        line_no = whole(line, least=0, most=LINE_NO_MAX)
        if order_no is None or line_no is None:
            raise RowRefused(Reason.BAD_REFUND)
        return order_no, line_no


def spelt(words: type[Choice]) -> dict[str, Choice]:
    """A closed list of words, as `choice` looks for them."""
    return {word.value: word for word in words}


def choice(words: Mapping[str, Choice], cell: object, reason: Reason) -> Choice:
    """One of a closed list of words; most cells are spelt as we do."""
    found = words.get(cell) if type(cell) is str else None
    if found is None:
        found = words.get((text(cell) or "").lower())
    if found is None:
        raise RowRefused(reason)
    return found


def account_hints(organisation: Organisation, channel: Channel, cell: object) -> tuple[StatedIdentifier, ...]:
    """An account's own number in every namespace of its channel: an app's user is named without the appid."""
    kind = ClaimKind.CARD if channel is Channel.STORE else ClaimKind.ACCOUNT
    value = normalise.identifier(kind, cell).value
    if value is None:
        return ()
    return tuple(StatedIdentifier(kind, each, value) for each in organisation.channels[channel].namespaces)


CHANNELS: Final = spelt(Channel)
_KEY_KINDS: Final = spelt(KeyKind)
_STATUSES: Final = spelt(OrderStatus)
