"""The closed lists of words of benefits, spelled as stored and as in the programme's file."""

from enum import StrEnum
from typing import Final


class Source(StrEnum):
    """How a member comes by a benefit."""

    TIER = "tier"  # by standing at a tier, now
    BIRTHDAY = "birthday"
    ANNIVERSARY = "anniversary"  # of joining
    PROMOTION = "promotion"  # a gift for reaching a tier
    ISSUED = "issued"  # by a campaign, or by hand


class Period(StrEnum):
    """For how long a quantity is counted before it begins anew."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TIER_TERM = "tier_term"  # of the tier that counts; one that is kept for another term begins anew
    ONCE = "once"
    BIRTHDAY_MONTH = "birthday_month"
    ANNIVERSARY_MONTH = "anniversary_month"

    @property
    def is_open_ended(self) -> bool:
        """Whether no date on the calendar ends it: a tier may be kept for longer."""
        return self in (Period.TIER_TERM, Period.ONCE)


PERIODS: Final = {
    Source.TIER: (Period.MONTH, Period.QUARTER, Period.YEAR, Period.TIER_TERM, Period.ONCE),
    Source.BIRTHDAY: (Period.BIRTHDAY_MONTH,),
    Source.ANNIVERSARY: (Period.ANNIVERSARY_MONTH,),
    Source.PROMOTION: (Period.ONCE, Period.YEAR),
    Source.ISSUED: (Period.YEAR,),
}


class EntitlementState(StrEnum):
    USABLE = "usable"
    USED_UP = "used_up"  # in this period; or the tier that is held now gives less
    NOT_YET = "not_yet"  # begins later
    FROZEN = "frozen"  # the membership is frozen or restricted, or the member objected to everything


class UseAct(StrEnum):
    USED = "used"
    VOIDED = "voided"


class IssueReason(StrEnum):
    """Why somebody was given a benefit; a closed list, because a free text would be about somebody."""

    CAMPAIGN = "campaign"
    GOODWILL = "goodwill"
    COMPLAINT = "complaint"
    CORRECTION = "correction"
