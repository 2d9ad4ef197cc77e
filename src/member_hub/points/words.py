"""The closed lists of words of the points ledger, spelled as stored."""

from enum import StrEnum
from typing import Final

POINTS_MAX: Final = 2**53  # beyond it a client that knows only floating numbers would read another number


class AccountState(StrEnum):
    OPEN = "open"
    FROZEN = "frozen"  # nothing is earned or spent; what falls due by time goes on
    MERGED = "merged"  # everything went to the root
    CLOSED = "closed"  # the membership ended; what was left is forfeited


class LotKind(StrEnum):
    PURCHASE = "purchase"
    INTERACTION = "interaction"
    TASK = "task"
    OPENING = "opening"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"


EARNED_KINDS: Final = (LotKind.PURCHASE, LotKind.INTERACTION, LotKind.TASK)


class LotState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVERSED = "reversed"
    MOVED = "moved"  # to the root, or back


class HoldState(StrEnum):
    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    TIMED_OUT = "timed_out"
    MOVED = "moved"  # to the root, or back, with its lots


class LineAct(StrEnum):
    PAID = "paid"
    REFUNDED = "refunded"


class Act(StrEnum):
    """What an entry of the ledger says happened."""

    EARN = "earn"
    ACTIVATE = "activate"
    EXPIRE = "expire"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    REDEEM = "redeem"
    REVERSE = "reverse"
    REPAY = "repay"  # a debt is paid by what became active
    ADJUST = "adjust"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    REINSTATE = "reinstate"
    EXTEND = "extend"
    FORFEIT = "forfeit"
    MERGE_OUT = "merge_out"
    MERGE_IN = "merge_in"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    CLOSE = "close"


class Reason(StrEnum):
    """Why a person or a rule did it; a closed list, because a free text would be about somebody."""

    PURCHASE = "purchase"
    INTERACTION = "interaction"
    TASK = "task"
    OPENING = "opening"
    REWARD = "reward"
    REFUND = "refund"
    CANCELLED = "cancelled"
    DUE = "due"
    TIMED_OUT = "timed_out"
    GOODWILL = "goodwill"
    CORRECTION = "correction"
    COMPLAINT = "complaint"
    SUSPICION = "suspicion"
    CLEARED = "cleared"
    GIFT = "gift"
    MERGE = "merge"
    SPLIT = "split"
    MEMBERSHIP_ENDED = "membership_ended"


ADJUSTING: Final = frozenset({Reason.GOODWILL, Reason.CORRECTION, Reason.COMPLAINT, Reason.SUSPICION})


class NegativeBalance(StrEnum):
    """What a refund takes for points that are spent already, or on hold."""

    NEVER = "never"  # nothing but what is left of the same lot, and what comes back to it later
    WITHIN_BALANCE = "within_balance"  # other points, too, down to zero; later those that were held or spent meanwhile
    ALLOWED = "allowed"  # the rest is a debt, which the next active points pay first


class ExpiryUnit(StrEnum):
    ROLLING = "rolling"
    END_OF_MONTH = "end_of_month"
    END_OF_QUARTER = "end_of_quarter"
    END_OF_YEAR = "end_of_year"


class Fault(StrEnum):
    """What the self-check finds, spelled as stored."""

    POTS = "pots"
    SEQUENCE = "sequence"
    VERSION = "version"
    BALANCE = "balance"
    LOT = "lot"
    LOTS = "lots"
    HOLD = "hold"
    BETWEEN = "between"
    DUE = "due"
    OWED = "owed"

    @property
    def says(self) -> str:
        return _FAULTS[self]


_FAULTS: Final = {
    Fault.POTS: "the account is not the sum of its entries",
    Fault.SEQUENCE: "entries are missing or too many",
    Fault.VERSION: "acts are missing or too many",
    Fault.BALANCE: "an entry's balance is not that of the entries up to it",
    Fault.LOT: "a lot is not the sum of its entries",
    Fault.LOTS: "the account is not the sum of its lots",
    Fault.HOLD: "a lot's held points are not those of its holds",
    Fault.BETWEEN: "what one account gave is not what the other got",
    Fault.DUE: "something falls due before the account is looked at",
    Fault.OWED: "a lot owes more than it gave out, or has points beside what it owes",
}
