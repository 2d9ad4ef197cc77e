"""Codes of what nobody does alone: a second person, or a second factor."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "APPROVAL_EXPIRED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "该批准已过期，或已在另一请求中使用。",
        "The approval is over, or was used by another request.",
        "不带批准编号重新提交，再请另一人批准。",
        "Send it without the approval, and have the new proposal approved.",
    ),
    Code(
        "APPROVAL_MISMATCH",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "该批准不存在，或不是针对该会员、该内容、该申请人的。",
        "There is no such approval, or it is for another member, another act or another person who asked.",
        "核对会员与内容；如有改动，重新申请批准。",
        "Check member and act; what was changed is proposed and approved anew.",
    ),
    Code(
        "APPROVAL_REQUIRED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "该操作（如超过限额的调整、人工定级）须由另一人批准，且不能是本人。",
        "An adjustment above the limit, or a placement by hand, needs a second person, who is not the same.",
        "请另一人批准 approvalId，再附上该编号重新提交。",
        "Have another person approve the approvalId, and send the same again with it.",
    ),
    Code(
        "SECOND_PERSON_REQUIRED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "提出者本人不能批准自己的提议：等级规则、标签，或须批准的积分与等级操作。",
        "Whoever proposed it cannot approve it: rules of tiers, a tag, an act on points or tiers that takes approval.",
        "请另一位有权的同事批准。",
        "Have a colleague with the right approve it.",
    ),
    Code(
        "STEP_UP_REQUIRED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "需要近期完成的二次验证，或他人的批准。",
        "It needs a fresh second factor, or the approval of a second person.",
        "完成二次验证后以新令牌重试，或请他人批准。",
        "Sign in again with the second factor, or have it approved.",
    ),
)
