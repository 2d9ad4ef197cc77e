"""Codes of benefits: issuing them, using them, and taking a use back."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "BENEFITS_FROZEN",
        (Place.USER_ERRORS,),
        Retry.LATER,
        "会籍已冻结或受限，权益不能发放或使用。",
        "The membership is frozen or restricted; benefits are neither issued nor used.",
        "解除冻结后再试。",
        "Try again when the membership is active.",
    ),
    Code(
        "BENEFIT_ALREADY_VOIDED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该次使用已经撤销过。",
        "The use was voided before, perhaps under another key.",
        "无需再次提交。",
        "Nothing is to be done.",
    ),
    Code(
        "BENEFIT_LIMIT",
        (Place.USER_ERRORS,),
        Retry.LATER,
        "同一会员本年度的发放次数已达会员计划的上限。",
        "The member was issued as many of this benefit in this calendar year as the programme allows.",
        "改用其他权益，或明年再发。",
        "Issue another benefit, or wait for the next year.",
    ),
    Code(
        "BENEFIT_NOT_ENTITLED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "会员当前等级没有该权益、不在活动期内，或没有发放过有效的该权益。",
        "The tier held now does not have the benefit, its campaign does not run, or none was issued that is good now.",
        "读取 benefits 查看可用的权益。",
        "Read `benefits` to see what can be used.",
    ),
    Code(
        "BENEFIT_UNKNOWN",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "会员计划中没有这个权益代码，或该权益不能以发放方式给予。",
        "The programme has no benefit of this code, or not one that is issued.",
        "核对权益代码。",
        "Check the code.",
    ),
    Code(
        "BENEFIT_USED_UP",
        (Place.USER_ERRORS,),
        Retry.LATER,
        "该权益在本周期内已用完。",
        "The benefit is used up for this period.",
        "等待下一周期。",
        "Wait for the next period.",
    ),
    Code(
        "BENEFIT_VOID_TOO_LATE",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "已超过会员计划规定的撤销时限。",
        "The time within which the programme lets a use be voided is over.",
        "以关怀券等方式另行补偿。",
        "Make it good by issuing something else.",
    ),
)
