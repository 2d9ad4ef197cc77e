"""What a row means in our words, already checked: an account, an order line, a day's activity.

A record carries the row it was read from, so that it can still be refused later; nothing of a row is ever printed.
"""

from dataclasses import dataclass
from enum import StrEnum

from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import AccountStatement
from member_hub.ingest.rows import Position, RawRow
from member_hub.members.tables import Channel
from member_hub.orders.rules import ActivityStatement, OrderStatement


class KeyKind(StrEnum):
    """By what an order names its buyer."""

    WEBSITE_ACCOUNT = "website_account"
    APP_USER = "app_user"
    STORE_CARD = "store_card"

    @property
    def channel(self) -> Channel:
        """Whose accounts the key is looked for among."""
        return _CHANNELS[self]

    @property
    def claim_kind(self) -> ClaimKind:
        return ClaimKind.CARD if self is KeyKind.STORE_CARD else ClaimKind.ACCOUNT


_CHANNELS = {
    KeyKind.WEBSITE_ACCOUNT: Channel.WEBSITE,
    KeyKind.APP_USER: Channel.APP,
    KeyKind.STORE_CARD: Channel.STORE,
}


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """`left_out`: names of the columns whose value the hub does not store (free remarks, unknown columns)."""

    row: RawRow
    left_out: tuple[str, ...]

    @property
    def line(self) -> int:
        return self.row.line

    @property
    def end(self) -> Position:
        return self.row.end

    def __repr__(self) -> str:
        return f"{type(self).__name__}(line={self.line})"


@dataclass(frozen=True, slots=True, repr=False)
class AccountRecord(Record):
    """`dropped`: why a value was not taken over, e.g. phone_junk; the row stands all the same."""

    message_id: str
    statement: AccountStatement
    staff_no: str | None
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class OrderRecord(Record):
    """One line of an order; a refund is a line of its own, with a negative amount and its original's number."""

    statement: OrderStatement


@dataclass(frozen=True, slots=True, repr=False)
class ActivityRecord(Record):
    """How often an account did a kind of thing on a day; the same again replaces the count."""

    statement: ActivityStatement
