"""What one delivery says about an order line or a day's activity (pure values)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from member_hub.clock import business_day
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.members.tables import Channel
from member_hub.orders.tables import ACTIVITY_RETENTION_DAYS

# An order's number is spelled as an account's is: one order is one, whether a till or a file brings it.
ORDER_NUMBER: Final = ClaimKind.ACCOUNT
LINE_NO_MAX: Final = 10**6


class OrderStatus(StrEnum):
    PAID = "paid"
    REFUNDED = "refunded"


class ActivityKind(StrEnum):
    VISIT = "visit"
    CHECK_IN = "check_in"
    REVIEW = "review"
    SHARE = "share"
    SURVEY = "survey"


@dataclass(frozen=True, slots=True, repr=False)
class OrderStatement:
    """One order line; its key is (channel, order_no, line_no). The account is who bought, `amount_fen` signed."""

    channel: Channel
    order_no: str
    line_no: int
    account_channel: Channel
    account: str
    store: str | None
    amount_fen: int
    ordered_at: datetime
    status: OrderStatus
    refund_of_order: str | None = None
    refund_of_line: int | None = None

    @property
    def message_id(self) -> str:
        return f"{self.channel}/{self.order_no}/{self.line_no}"


@dataclass(frozen=True, slots=True, repr=False)
class ActivityStatement:
    """How often an account did a kind of thing on a business day; the same again replaces the count."""

    channel: Channel
    account: str
    day: date
    kind: ActivityKind
    count: int

    @property
    def account_channel(self) -> Channel:
        return self.channel

    @property
    def message_id(self) -> str:
        return f"{self.channel}/{self.account}/{self.day}/{self.kind}"


def order_number(raw: object) -> str | None:
    """The number in its one spelling; None for what is none."""
    return normalise.identifier(ORDER_NUMBER, raw).value


def is_past_retention(day: date, now: datetime) -> bool:
    """Whether activity of that day may no longer be kept (13 months, PIPL 19)."""
    return day < business_day(now) - timedelta(days=ACTIVITY_RETENTION_DAYS)
