"""Lots, holds and postings: what an account in hand consists of."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from member_hub.points.words import Act, HoldState, LotKind, LotState, Reason


@dataclass(slots=True)
class Lot:
    """Points that were earned together and expire together."""

    lot_id: UUID
    kind: LotKind
    origin_id: UUID | None
    earned: int
    remaining: int
    state: LotState
    earned_at: datetime
    activates_at: datetime
    expires_at: datetime
    held: int = 0
    spent: int = 0
    expired: int = 0
    reversed: int = 0
    moved: int = 0
    owed: int = 0  # what a refund of its line could not take: goes first of what comes back (refunding.py)
    owed_since: datetime | None = None  # other points that were held or spent before pay it, too; None: only its own
    lapsed_at: datetime | None = None  # when it expired first, where it was good again since

    @property
    def available(self) -> int:
        return self.remaining - self.held

    def take_in(self, lot: "Lot") -> None:
        """What remains of the same lot, back from the account that it went to."""
        returned = min(lot.remaining, self.moved)
        self.moved -= returned
        self.earned += lot.remaining - returned
        if not self.remaining:
            self.state, self.activates_at, self.expires_at = lot.state, lot.activates_at, lot.expires_at
        self.remaining += lot.remaining
        self.held += lot.held
        self.owed += lot.owed
        self.owed_since = max((at for at in (self.owed_since, lot.owed_since) if at is not None), default=None)
        self.lapsed_at = min((at for at in (self.lapsed_at, lot.lapsed_at) if at is not None), default=None)

    def be_good_again(self, grace: "Grace", now: datetime) -> None:
        """Of a lot whose time is over, some came back. The first time it is good for a while again; later times lie
        within `most` of when it expired first, or points that are spent and given back in turn would never expire."""
        if self.expires_at > now:
            return
        if self.lapsed_at is None:
            self.lapsed_at, self.expires_at = self.expires_at, grace.until
        else:
            self.expires_at = max(self.expires_at, min(grace.until, self.lapsed_at + grace.most))


@dataclass(frozen=True, slots=True)
class Grace:
    """How long points are good that come back to a lot whose time is over."""

    until: datetime
    most: timedelta  # after the lot expired first


@dataclass(slots=True)
class Hold:
    """Points that are kept for a purchase in hand; `parts` says how many of each lot are still held."""

    hold_id: UUID
    amount: int
    state: HoldState
    created_at: datetime
    expires_at: datetime
    captured: int = 0
    parts: dict[UUID, int] = field(default_factory=dict)

    @property
    def left(self) -> dict[UUID, int]:
        """What is held still, by lot; lots of which it was all spent need not be there."""
        return {lot_id: n for lot_id, n in self.parts.items() if n}


@dataclass(frozen=True, slots=True)
class Cause:
    """Which act of whom a posting belongs to. Settling has one of its own."""

    operation_id: UUID
    reason: Reason
    is_due: bool = False
    of_operation: UUID | None = None


class Posting(NamedTuple):
    """One entry of the ledger in the making. `amount` is how many points it is about, the pots say what changes.

    A tuple, because a file makes two for each of its lines, and a frozen dataclass takes twice the time to make.
    """

    sequence: int
    act: Act
    cause: Cause
    amount: int
    occurred_at: datetime
    lot_id: UUID | None
    hold_id: UUID | None
    origin_id: UUID | None
    active: int
    pending: int
    held: int
    debt: int
    balance: int  # active less debt, afterwards
