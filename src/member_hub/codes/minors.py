"""Codes of members under age: their guardians, and who may see them."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "GUARDIAN_DUE",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "会员未满十四周岁，须由监护人同意；已转由监护人决定。",
        "The member is under 14; a guardian decides, and the question was handed on.",
        "等待监护人答复。",
        "Wait for the guardian's answer.",
    ),
    Code(
        "MINOR_APPROVAL_REQUIRED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "会员未满十八周岁，该操作须经负责人单次批准（《未成年人网络保护条例》第三十六条）。",
        "The member is under 18, and this takes the responsible manager's approval for this one use.",
        "请负责人以 minorApprovalGrant（SINGLE_USE）批准后重试。",
        "Have it approved with minorApprovalGrant (SINGLE_USE), then try again.",
    ),
    Code(
        "NOT_AN_ADULT",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "监护人未成年，或其档案中没有出生日期。",
        "The guardian is not of age, or has no birth date on their profile.",
        "先在监护人本人的档案中填写出生日期。",
        "State the guardian's birth date on their own profile first.",
    ),
    Code(
        "NOT_A_CHILD",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该会员已满十四周岁，由本人作出同意，不需要监护人。",
        "The member is 14 or older, decides alone and has no guardian here.",
        "由会员本人作出同意；出生日期有误的，先更正。",
        "Let the member decide; where the birth date is wrong, put it right first.",
    ),
    Code(
        "OWN_PHONE_REQUIRED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "监护人没有本人验证过的手机号，或该号码就是儿童的手机号。",
        "The guardian has no verified phone of their own, or it is the child's.",
        "监护人先验证本人的手机号。",
        "Let the guardian verify a phone of their own first.",
    ),
)
