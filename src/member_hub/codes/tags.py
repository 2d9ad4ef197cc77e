"""Codes of tags: defining them, and giving them by hand."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "TAGS_LIMIT",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "标签定义、版本或该会员的人工标签数量已达上限。",
        "There are as many tags, versions of one or tags by hand on this member as there may be.",
        "先停用或移除不再需要的标签。",
        "Retire or remove some that are no longer needed.",
    ),
    Code(
        "TAG_NOT_BY_HAND",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该标签由规则、导入或计算产生。",
        "The tag comes by rule, by import or by computing.",
        "修改其规则或来源；人工只能使用人工标签。",
        "Change its rule or source; by hand go tags of the kind HAND alone.",
    ),
    Code(
        "TAG_NOT_POSSIBLE",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "年龄、会员的反对或缺少同意不允许给该会员此标签；不说明是哪一种。",
        "The age, an objection or a missing consent is against this tag on this member; which one is never said.",
        "不要再次提交；情况改变后标签可再次使用。",
        "Do not send it again; it becomes possible when the member decides otherwise.",
    ),
    Code(
        "TAG_RULE_INVALID",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "标签规则不符合格式，或使用了未为该目的收集的指标；field 指明位置。",
        "The rule of a tag is not exactly right, or uses a figure not collected for its purpose; field says where.",
        "按指明的位置修改规则；指标见 tagFigures。",
        "Correct the place that is named; tagFigures lists the figures.",
    ),
)
