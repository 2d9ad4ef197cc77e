"""A second person for what one must not decide alone: proposed by the one, approved by the other, done once."""

from member_hub.approving.actions import (
    APPROVAL_LIVES,
    SWEPT_MAX,
    ApprovalMismatch,
    ApprovalOver,
    ApprovalRequired,
    OwnProposal,
    Proposed,
    TooManyProposals,
    approve,
    forget_old,
    propose,
    use,
)
from member_hub.approving.rules import ApprovalState, Proposal, ProposedAct

__all__ = [
    "APPROVAL_LIVES",
    "SWEPT_MAX",
    "ApprovalMismatch",
    "ApprovalOver",
    "ApprovalRequired",
    "ApprovalState",
    "OwnProposal",
    "Proposal",
    "Proposed",
    "ProposedAct",
    "TooManyProposals",
    "approve",
    "forget_old",
    "propose",
    "use",
]
