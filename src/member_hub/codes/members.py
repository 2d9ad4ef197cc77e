"""Codes of enrolling members, of their profiles, and of telling who is one person."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "ALREADY_ENROLLED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该渠道账号已经登记。",
        "The channel account is known already.",
        "按账号查找该会员。",
        "Look the member up by this account.",
    ),
    Code(
        "COLLECTION_NOT_CONSENTED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "仅为某个目的收集字段，而该目的并非基于同意，或该会员当前没有有效的同意。",
        "A field is collected for a purpose that does not rest on consent, or this member's consent does not stand.",
        "先取得该目的的同意；为服务所需的字段不写 collectedFor。",
        "Obtain the consent first; leave collectedFor out where the service needs the field.",
    ),
    Code(
        "MASKED_VALUE",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "提交的是脱敏后的值。",
        "A masked form came back as a value.",
        "填写完整内容，或不提交该字段。",
        "Send the whole value, or leave the field out.",
    ),
    Code(
        "OUTRANKED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该字段已有更可靠的值（例如已验证的值）。",
        "A value that counts for more, such as a verified one, stands in the field.",
        "先验证新值。",
        "Verify the new value first.",
    ),
    Code(
        "TOO_MANY_CONNECTED",
        (Place.COMMAND,),
        Retry.NEVER,
        "相互关联的账号过多，无法一次判定。",
        "More accounts hang together than can be resolved at once.",
        "查看候选对，分开不属于同一人的账号。",
        "Look at the candidates and keep apart what is not one person.",
    ),
)
