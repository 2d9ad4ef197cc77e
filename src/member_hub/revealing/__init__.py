"""Revealing one masked field: who may is the policy's; here is what else it takes, and how often a day."""

from member_hub.revealing.actions import (
    APPROVALS_PER_DAY,
    REVEALS_PER_DAY,
    StepUpRequired,
    TooManyApprovals,
    TooManyReveals,
    approve,
    count_today,
    permit,
)
from member_hub.revealing.rules import RevealReason, reason_named, reference_of, staff_number_of

__all__ = [
    "APPROVALS_PER_DAY",
    "REVEALS_PER_DAY",
    "RevealReason",
    "StepUpRequired",
    "TooManyApprovals",
    "TooManyReveals",
    "approve",
    "count_today",
    "permit",
    "reason_named",
    "reference_of",
    "staff_number_of",
]
