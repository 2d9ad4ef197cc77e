"""Codes of tiers: placing a member by hand, and the rules that place all of them."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "MEMBER_NOT_ACTIVE",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "会员已冻结或受限，其等级、标签与活动暂不变更。",
        "The member is frozen or restricted: tier, tags and activity are not changed meanwhile.",
        "解除冻结或限制后再提交。",
        "Send it again once the member is neither.",
    ),
    Code(
        "TIER_PLACEMENT_END",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "人工定级的最后一日不在今天之后、两年之内。",
        "The last day of a placement is not after today, or not within two years.",
        "选择今天之后、两年之内的日期。",
        "Name a day after today, within two years.",
    ),
    Code(
        "TIER_RULES_EFFECTIVE_AT",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "规则的生效时间早于现在，或晚于一年之后。",
        "The rules were to come into force before now, or in more than a year.",
        "改正生效时间。",
        "Name a time from now on, within a year.",
    ),
    Code(
        "TIER_RULES_INVALID",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "等级规则的格式、取值有误，或缺少会员现有的等级。",
        "The rules are not well formed, a value is out of its range, or a tier is missing that members stand at.",
        "按提示的行号与键名改正，并先用 member-hub tiers backtest 试算。",
        "Correct what the text names by line and key; member-hub tiers backtest tries them first.",
    ),
    Code(
        "TIER_UNKNOWN",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "现行规则中没有该等级代码。",
        "The rules in force have no tier of this code.",
        "使用 tierRules 或方案文件中的等级代码。",
        "Use a code of tierRules, or of the programme's file.",
    ),
)
