"""An act that one must not decide alone, inside the mutation that does it.

    approved_by    who approved it, and the approval is used up by this request; None where none was named
    proposed       nobody did: the proposal that another may approve, beside APPROVAL_REQUIRED in the answer

Decision: the refusal leaves one thing behind, the proposal, and is on record as a refusal all the same. So the mutation
returns it as what came of it, instead of raising it: what is raised undoes the transaction.
"""

from uuid import UUID

from member_hub import approving
from member_hub.approving import Proposal
from member_hub.db.base import Tx
from member_hub.graphql.act_approvals import uuid_of
from member_hub.graphql.asking import Asking
from member_hub.graphql.problems import UserError, user_errors
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId


async def approved_by(
    asking: Asking, tx: Tx, member_id: MemberId, proposal: Proposal, approval_id: str | None, *, key: RequestKey
) -> str | None:
    """Raises ApprovalRequired, ApprovalOver, ApprovalMismatch for one that is named and not good for this."""
    if approval_id is None:
        return None
    by = await approving.use(
        tx,
        asking.hub.vault,
        asking.caller,
        member_id,
        proposal,
        approval_id=uuid_of(approval_id, refusal=approving.ApprovalMismatch(field="approvalId")),
        key=key,
        now=asking.now,
    )
    asking.trail.fields.add(f"approved_by:{by}")
    return by


async def proposed(asking: Asking, tx: Tx, member_id: MemberId, proposal: Proposal) -> UUID:
    """The id of the proposal. The caller holds the member's row, and clears `trail.refusal` before each attempt."""
    made = await approving.propose(tx, asking.hub.vault, asking.caller, member_id, proposal, now=asking.now)
    asking.trail.finds([member_id])
    asking.trail.refusal = approving.ApprovalRequired.code
    return made.approval_id


def approval_due(asking: Asking) -> list[UserError]:
    """What the answer says beside the id of a proposal."""
    return user_errors(approving.ApprovalRequired(field="approvalId"), asking.language)
