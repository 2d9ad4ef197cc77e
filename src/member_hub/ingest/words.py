"""The words of a mapping file: what each kind of record is made of, and what a word's value has to be."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from member_hub.members.tables import Channel


class RecordKind(StrEnum):
    ACCOUNT = "account"
    ORDER = "order"
    ACTIVITY = "activity"


class Source(StrEnum):
    """What `member-hub ingest` is told to read."""

    WEBSITE = "website"
    APP = "app"
    STORE = "store"
    ORDERS = "orders"
    ACTIVITY = "activity"

    @property
    def record_kind(self) -> RecordKind:
        return _KINDS.get(self, RecordKind.ACCOUNT)

    @property
    def channel(self) -> Channel | None:
        """Whose accounts its records are; orders and activity name the channel in each row."""
        return Channel(self.value) if self.record_kind is RecordKind.ACCOUNT else None


_KINDS: Final = {Source.ORDERS: RecordKind.ORDER, Source.ACTIVITY: RecordKind.ACTIVITY}

WORDS: Final[Mapping[RecordKind, frozenset[str]]] = {
    RecordKind.ACCOUNT: frozenset(
        "message_id event_type namespace account first_seen event_time name gender birthday phone phone_verified_at "
        "phone_verified email email_verified_at email_verified unionid openid card device address home_store "
        "staff_no opening_balance old_tier".split()
    ),
    RecordKind.ORDER: frozenset(
        "order_no line_no channel store key_kind key amount_yuan amount_fen ordered_at status refund_of "
        "refund_of_order refund_of_line".split()
    ),
    RecordKind.ACTIVITY: frozenset("channel account day kind count".split()),
}
# Each entry: one of these words has to be mapped to a column, or given as a constant.
REQUIRED: Final[Mapping[RecordKind, tuple[frozenset[str], ...]]] = {
    RecordKind.ACCOUNT: tuple(frozenset({word}) for word in ("namespace", "account", "event_time")),
    RecordKind.ORDER: (
        *(frozenset({w}) for w in ("order_no", "line_no", "channel", "key_kind", "key", "ordered_at", "status")),
        frozenset({"amount_yuan", "amount_fen"}),
    ),
    RecordKind.ACTIVITY: tuple(frozenset({word}) for word in ("channel", "account", "day", "kind", "count")),
}
TIME_WORDS: Final = frozenset("first_seen event_time phone_verified_at email_verified_at ordered_at".split())
DATE_WORDS: Final = frozenset({"birthday", "day"})
CONSENT_WORDS: Final = frozenset({"list", "purpose", "granted", "at", "notice"})
