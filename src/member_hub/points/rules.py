"""What is decided about points (pure): how many are earned, what a refund takes back, whose turn it is to be spent.

Rounding: points are counted exactly, all multipliers at once, and rounded down once, per order line. A refund keeps the
same share of the points as of the money, rounded down (of 100 points for 100.50 yuan, 33.50 back leaves 66); so refunds
in parts and a refund at once take the same.
Campaigns do not add up: of those that apply the greatest counts, times the tier's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol, TypeVar
from uuid import UUID

from member_hub.clock import business_day
from member_hub.points.calendar import after_days, after_months
from member_hub.points.lots import Grace
from member_hub.points.refusals import BadAdjustment, BadAmount, OccurredTooFar, OverEarning, RefundTooLarge
from member_hub.points.words import POINTS_MAX, Act, ExpiryUnit, LotKind, NegativeBalance

FULL_BP: Final = 10_000
FEN_PER_YUAN: Final = 100
MULTIPLIER_BP_MAX: Final = 100 * FULL_BP
OCCURRED_MAX: Final = timedelta(days=7)  # a till that was offline for longer needs a person
AHEAD_MAX: Final = timedelta(minutes=5)  # between the clocks of a till and the hub


@dataclass(frozen=True, slots=True)
class Lasting:
    expiry: ExpiryUnit
    months: int

    def until(self, at: datetime) -> datetime:
        return after_months(at, self.months, self.expiry)


@dataclass(frozen=True, slots=True)
class EarnRule:
    """How one kind is earned. Caps are points; 0: none."""

    rate_bp: int
    is_multiplied: bool
    single_max: int
    order_max: int
    day_max: int
    pending_days: int
    lasting: Lasting

    def activates_at(self, at: datetime) -> datetime:
        return after_days(at, self.pending_days)


@dataclass(frozen=True, slots=True)
class Campaign:
    name: str
    kind: LotKind
    multiplier_bp: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Rules:
    earn: Mapping[LotKind, EarnRule]
    lasting: Lasting
    campaigns: Sequence[Campaign]
    negative_balance: NegativeBalance
    hold_for: timedelta
    hold_for_max: timedelta
    adjustment_max: int
    adjustment_alone_max: int
    transfer_min: int
    transfer_max: int
    transfer_day_max: int
    reinstate_within: timedelta
    reinstated_days: int
    extend_max: timedelta

    def grace(self, now: datetime) -> Grace:
        """Of points that come back to an expired lot: as of those that are reinstated, and within the same time."""
        return Grace(after_days(now, self.reinstated_days), self.reinstate_within + timedelta(self.reinstated_days))


def whole(amount: int, *, field: str = "amount") -> int:
    """The amount, where it is a whole number from 1 to POINTS_MAX; a bool is no number."""
    if type(amount) is not int or not 0 < amount <= POINTS_MAX:
        raise BadAmount(field=field)
    return amount


def adjustment(amount: int) -> int:
    """How many points are added, or taken: a whole number up to POINTS_MAX, and not 0. Raises BadAdjustment."""
    if type(amount) is not int or not 0 < abs(amount) <= POINTS_MAX:
        raise BadAdjustment(field="amount")
    return abs(amount)


def happened(occurred_at: datetime | None, now: datetime) -> datetime:
    """When it happened; now where nobody says, and where the clock of a till is a little ahead of ours: what is dated
    to come would wait for its moment, and earn by a campaign that has not begun. Raises OccurredTooFar for more than
    seven days back, or AHEAD_MAX ahead."""
    if occurred_at is None:
        return now
    if occurred_at.tzinfo is None or not now - OCCURRED_MAX <= occurred_at <= now + AHEAD_MAX:
        raise OccurredTooFar(field="occurredAt")
    return min(occurred_at, now)


def multiplier_bp(rules: Rules, kind: LotKind, at: datetime) -> int:
    """Of the campaigns of that day the greatest; 10000 where there is none."""
    if not rules.campaigns:
        return FULL_BP
    day = business_day(at)
    return max(
        (c.multiplier_bp for c in rules.campaigns if c.kind is kind and c.first <= day <= c.last), default=FULL_BP
    )


def points_for(rules: Rules, kind: LotKind, *, amount: int, tier_bp: int, at: datetime) -> int:
    """For `amount` fen where the kind has a rate, else for so many points; before the caps of order and day.

    Raises OverEarning above `single_max`.
    """
    rule = rules.earn[kind]
    if not 0 < tier_bp <= MULTIPLIER_BP_MAX:
        raise BadAmount(field="multiplierBp")
    times, parts = amount, 1
    if rule.rate_bp:
        times, parts = times * rule.rate_bp, FULL_BP * FEN_PER_YUAN
    if rule.is_multiplied:
        times, parts = times * tier_bp * multiplier_bp(rules, kind, at), parts * FULL_BP * FULL_BP
    points = times // parts
    if points > rule.single_max:
        raise OverEarning(field="amount")
    return points


def capped(points: int, *caps: tuple[int, int]) -> int:
    """What is left of `points` under caps, each (the most, what was earned under it); the most of 0 is no cap."""
    return max(0, min([points, *(most - earned for most, earned in caps if most)]))


def taken_back(*, points: int, amount_fen: int, refunded_fen: int, refund_fen: int, field: str = "amountFen") -> int:
    """How many of the points of an order line this refund takes, after `refunded_fen` were refunded before."""
    left_fen = amount_fen - refunded_fen
    if not 0 < refund_fen <= left_fen:
        raise RefundTooLarge(field=field)
    return points * left_fen // amount_fen - points * (left_fen - refund_fen) // amount_fen


def expired_since(
    written: Iterable[tuple[Act, datetime, int]], expired: int, ends_at: datetime, moment: datetime
) -> int:
    """How many of a lot's `expired` points did so since the moment, by what was written of it, oldest first.

    What was reinstated had expired last. What is written nowhere expired when the lot did.
    """
    times: list[tuple[datetime, int]] = []
    for act, at, n in written:
        if act is Act.EXPIRE:
            times.append((at, n))
            continue
        left = n
        while times and left > 0:
            last, there = times.pop()
            if there > left:
                times.append((last, there - left))
            left -= there
    recent = sum(n for at, n in times if at >= moment)
    unknown = max(0, expired - sum(n for _, n in times)) if ends_at >= moment else 0
    return min(expired, recent + unknown)


class Spendable(Protocol):
    @property
    def lot_id(self) -> UUID: ...
    @property
    def expires_at(self) -> datetime: ...


S = TypeVar("S", bound=Spendable)


def in_order(lots: Iterable[S]) -> list[S]:
    """Earliest expiry first, then lot id."""
    return sorted(lots, key=lambda lot: (lot.expires_at, lot.lot_id))


def allot(parts: Iterable[tuple[S, int]], amount: int) -> list[tuple[S, int]]:
    """Take `amount` from these parts in their order; less where there is less."""
    taken = []
    for one, there in parts:
        if amount <= 0:
            break
        n = min(there, amount)
        if n > 0:
            taken.append((one, n))
            amount -= n
    return taken
