"""The closed lists of words of growth and tiers, spelled as stored."""

from enum import StrEnum
from typing import Final

LOWEST: Final = "base"  # what rules call their lowest tier, so that a member without a standing has one in any version


class Source(StrEnum):
    """What an entry of growth came from."""

    ORDER = "order"
    REFUND = "refund"
    ACTIVITY = "activity"


class Why(StrEnum):
    """Why a standing is as it is; a change of the standing is logged under the same word."""

    JOINED = "joined"  # nothing was decided yet: the lowest tier since joining; never stored
    EARNED = "earned"
    RETAINED = "retained"
    GRACE = "grace"  # the term is over and not enough was reached; the tier lasts a while longer
    LAPSED = "lapsed"  # fell, by one step or to what is earned
    MANUAL = "manual"
    MERGE = "merge"
    SPLIT = "split"


class PlacingReason(StrEnum):
    """Why somebody places a member by hand; a closed list, because a free text would be about somebody."""

    GOODWILL = "goodwill"
    COMPLAINT = "complaint"
    CORRECTION = "correction"
    INVITATION = "invitation"  # partners, guests of honour, staff


class Figure(StrEnum):
    """What a criterion counts, of one member in one window."""

    GROWTH = "growth"
    ORDERS = "orders"  # different orders of which something is left after refunds
    SPEND_FEN = "spend_fen"  # money paid, less refunds
    ACTIVE_DAYS = "active_days"
    STREAK = "streak"  # the longest run of days with a check-in
    VISIT = "visit"
    CHECK_IN = "check_in"
    REVIEW = "review"
    SHARE = "share"
    SURVEY = "survey"


OF_ORDERS: Final = frozenset({Figure.ORDERS, Figure.SPEND_FEN})
COUNTED_KINDS: Final = (Figure.VISIT, Figure.CHECK_IN, Figure.REVIEW, Figure.SHARE, Figure.SURVEY)
OF_ACTIVITY: Final = frozenset({Figure.ACTIVE_DAYS, Figure.STREAK, *COUNTED_KINDS})


class Window(StrEnum):
    ROLLING = "rolling"
    CALENDAR_YEAR = "calendar_year"
    ANNIVERSARY = "anniversary"  # since the last anniversary of joining
    EVER = "ever"


class TermEnd(StrEnum):
    """Where a term of so many months ends."""

    ROLLING = "rolling"
    END_OF_YEAR = "end_of_year"
    ANNIVERSARY = "anniversary"  # with the membership's year in which it falls


class Demotion(StrEnum):
    ONE_STEP = "one_step"  # never below what is earned
    TO_EARNED = "to_earned"
