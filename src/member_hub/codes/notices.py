"""Codes of notices: publishing one, and putting it before a member."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "NOTICE_CHANGES_NOTHING",
        (Place.USER_ERRORS, Place.COMMAND),
        Retry.CHANGED,
        "标明为实质变更，却未列明改变了哪些目的。",
        "The notice is said to be material, and names no purpose that it changes.",
        "在 changed 中列出目的，或标明为非实质变更。",
        "Name the purposes in changed, or say that it is not material.",
    ),
    Code(
        "NOTICE_CHANGE_IS_MATERIAL",
        (Place.USER_ERRORS, Place.COMMAND),
        Retry.CHANGED,
        "清单中涉及需同意的处理目的的内容已改变，却未标明为实质变更。",
        "The lists changed in what a consented purpose rests on, and the notice does not say so.",
        "标明为实质变更，并在 changed 中列出该目的。",
        "Say that it is material and name the purpose in changed.",
    ),
    Code(
        "NOTICE_LEAVES_OUT",
        (Place.USER_ERRORS, Place.COMMAND),
        Retry.CHANGED,
        "该告知书不再包含一项仍有会员同意的目的。",
        "The notice leaves out a purpose on which consents rest.",
        "写入该目的，或标明为实质变更并在 changed 中列出。",
        "Ask about it, or say that the notice is material and name it in changed.",
    ),
    Code(
        "NOTICE_NAME_TAKEN",
        (Place.USER_ERRORS, Place.COMMAND),
        Retry.CHANGED,
        "该版本名称已用于另一份告知书；已发布的内容不可更改。",
        "The name stands for another notice, and what is published never changes.",
        "另取版本名称。",
        "Take another name.",
    ),
    Code(
        "NOTICE_NOT_CURRENT",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "该告知书已被新的版本取代，或其后该目的发生了实质变更。",
        "A newer notice replaced it, or the purpose changed materially since.",
        "读取 noticeCurrent 后以现行版本重试。",
        "Read noticeCurrent and use the notice in force.",
    ),
    Code(
        "NOTICE_UNKNOWN",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "没有这样的告知书。",
        "There is no such notice.",
        "读取 noticeCurrent。",
        "Read noticeCurrent.",
    ),
    Code(
        "NOT_SERVED",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "未向该会员就此内容出示过该告知书。",
        "This notice was not put before this member with this question.",
        "先出示告知书（noticeServed）。",
        "Put the notice before the member first (noticeServed).",
    ),
    Code(
        "NO_BIT_LEFT",
        (Place.USER_ERRORS, Place.COMMAND),
        Retry.LATER,
        "同意标志位已用尽。",
        "Every bit that a purpose could get is in use.",
        "等待定时任务回收被取代的标志位。",
        "Let the job free those that newer notices replaced, then publish again.",
    ),
    Code(
        "PIA_MISSING",
        (Place.USER_ERRORS, Place.COMMAND),
        Retry.NEVER,
        "该处理目的没有备案的个人信息保护影响评估。",
        "The purpose has no impact assessment on file (PIPL 55).",
        "完成评估并在 consent.toml 中登记编号。",
        "Carry it out, and put its number into consent.toml.",
    ),
)
