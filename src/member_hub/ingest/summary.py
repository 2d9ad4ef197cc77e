"""What an ingest run did, in numbers that add up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Count(StrEnum):
    """What a row of a file became: every row is exactly one of these; quarantined rows are counted by reason."""

    CREATED = "new_members"
    ATTACHED = "attached"
    UPDATED = "updated"
    APPLIED = "applied"
    WAITING = "waiting"
    DUPLICATE = "duplicate_deliveries"
    EXPIRED = "past_retention"
    # Beside the rows: what changed because of them.
    MERGED = "merged"
    SPLIT = "split"
    REVIEW = "for_review"
    RELEASED = "no_longer_waiting"
    COUNTED = "lines_counted"
    UNCOUNTED = "lines_not_counted_yet"
    CUT = "lines_cut"
    REFUNDS_CUT = "refunds_cut"
    EARNED = "points_earned"
    TAKEN_BACK = "points_taken_back"
    OPENED = "opening_points"
    LATE = "counted_late"


OF_ROWS = (
    Count.CREATED,
    Count.ATTACHED,
    Count.UPDATED,
    Count.APPLIED,
    Count.WAITING,
    Count.DUPLICATE,
    Count.EXPIRED,
)
QUARANTINED = "quarantined."
DROPPED = "dropped."
LEFT_OUT = "left_out."
READ = "read"

TEXTS: Mapping[str, tuple[str, str]] = {
    READ: ("读取行数", "rows read"),
    Count.CREATED: ("新会员", "new members"),
    Count.ATTACHED: ("归并到已有会员的账号", "accounts attached to a member"),
    Count.UPDATED: ("账号更新", "updates of known accounts"),
    Count.APPLIED: ("已入账的行", "lines applied"),
    Count.WAITING: ("等待账号的行", "lines waiting for their account"),
    Count.DUPLICATE: ("重复投递", "duplicate deliveries"),
    Count.EXPIRED: ("超过保存期限未保存", "past their retention, not stored"),
    Count.MERGED: ("会员合并", "members merged"),
    Count.SPLIT: ("会员拆分", "members split"),
    Count.REVIEW: ("待人工复核", "pairs for review"),
    Count.RELEASED: ("等待的行已入账", "waiting lines applied"),
    Count.COUNTED: ("已计分与成长值的行", "lines counted for points and growth"),
    Count.UNCOUNTED: ("暂不能计分的行", "lines that cannot be counted yet"),
    Count.CUT: ("积分按单行上限截断的行", "lines that would have earned more than one may"),
    Count.REFUNDS_CUT: ("超过原订单行、只按其余额扣回的退款", "refunds for more than was left of their line"),
    Count.EARNED: ("获得积分", "points earned"),
    Count.TAKEN_BACK: ("退款扣回积分", "points taken back by refunds"),
    Count.OPENED: ("期初积分", "points of opening balances"),
    Count.LATE: ("补计的行与期初积分", "lines and balances of earlier deliveries counted now"),
}


@dataclass(slots=True)
class Summary:
    """Counts of one run. `quarantined`, `dropped` and `left_out` are keyed by reason, reason and column."""

    source: str
    counts: Counter[str] = field(default_factory=Counter)
    missing: tuple[str, ...] = ()  # columns that the mapping knows and the file does not have

    @property
    def read(self) -> int:
        return self.counts[READ]

    @property
    def quarantined(self) -> dict[str, int]:
        return self._under(QUARANTINED)

    @property
    def dropped(self) -> dict[str, int]:
        """Values that were not taken over (junk phones and the like); their rows stand."""
        return self._under(DROPPED)

    @property
    def left_out(self) -> dict[str, int]:
        """Columns that the hub does not store, with how many rows had something in them."""
        return self._under(LEFT_OUT)

    @property
    def adds_up(self) -> bool:
        """Whether every row read became exactly one thing."""
        return self.read == sum(self.counts[name] for name in OF_ROWS) + sum(self.quarantined.values())

    def as_json(self) -> dict[str, object]:
        plain = {name.value: self.counts[name] for name in Count}
        return {
            "source": self.source,
            READ: self.read,
            **plain,
            "quarantined": self.quarantined,
            "dropped_values": self.dropped,
            "columns_not_stored": self.left_out,
            "columns_missing": list(self.missing),
            "adds_up": self.adds_up,
        }

    def _under(self, prefix: str) -> dict[str, int]:
        return {k.removeprefix(prefix): n for k, n in sorted(self.counts.items()) if k.startswith(prefix) and n}
