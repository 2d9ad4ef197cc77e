"""What was done about consent, as the member reads it: the words of the audit entry with what they are about. Pure.

The words are those of the state machines (consent/machine.py) and of objections; a test keeps the list complete.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from member_hub.access import Register
from member_hub.access.words import PURPOSES
from member_hub.privacy import Purpose

_NOTICE: Final = "notice"  # `notice:members-2026-11`, which was put before the member
_FORGET: Final = "FORGET"  # `member.birthday:FORGET`
_FORGOTTEN: Final = "field.forgotten"

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "notice": ("出示告知书", "a notice was shown"),
    "consent.notice_served": ("征求同意", "asked for consent"),
    "consent.granted": ("同意", "consent given"),
    "consent.regranted": ("再次同意", "consent given anew"),
    "consent.child_attempt": ("未满十四周岁，转由监护人决定", "under 14: left to a guardian"),
    "consent.guardian_granted": ("监护人同意", "consent given by a guardian"),
    "consent.refused": ("拒绝", "consent refused"),
    "consent.withdrawn": ("撤回同意", "consent withdrawn"),
    "consent.lapsed": ("未答复，已失效", "lapsed without an answer"),
    "consent.stale": ("内容变更，须重新同意", "changed materially: to be asked anew"),
    "consent.stale_age": ("已满十四周岁，须本人重新同意", "turned 14: to be asked anew"),
    "consent.expired": ("同意期限届满", "the time of the consent is over"),
    "consent.invalidated": ("同意无效", "consent found invalid"),
    "consent.cooldown_over": ("冷静期结束", "the cool-down is over"),
    "consent.closed": ("因删除而终止", "closed by erasure"),
    "guardian.proposed": ("提出监护关系", "guardian proposed"),
    "guardian.self_verified": ("监护人身份已核验", "guardian verified as a person"),
    "guardian.linked": ("监护关系成立", "guardian linked"),
    "guardian.rejected": ("监护关系未予认可", "guardian rejected"),
    "guardian.purged": ("监护关系申请逾期", "guardian's proposal ran out"),
    "guardian.handover": ("已满十四周岁，监护移交中", "turned 14: the guardian hands over"),
    "guardian.revoked": ("解除监护关系", "guardian revoked"),
    "guardian.disputed": ("监护关系有争议", "guardian contested"),
    "guardian.resolved": ("监护争议已解决，关系维持", "contest over: the guardian stays"),
    "guardian.ended": ("监护关系终止", "guardian ended"),
    "guardian.handed_over": ("监护移交完成", "handed over by the guardian"),
    "guardian.restored": ("监护人争议消除", "guardian no longer contested"),
    "guardian.lapsed": ("监护移交期届满", "the guardian's time is over"),
    "restrict.applied": ("限制或反对处理", "processing objected to"),
    "restrict.changed": ("变更限制处理的范围", "objection changed"),
    "restrict.lifted": ("解除限制处理", "objection lifted"),
    _FORGOTTEN: ("删除仅凭同意保存的信息", "deleted what was held by consent alone"),
}
_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "sms": ("短信", "text message"),
    "email": ("电子邮件", "e-mail"),
    "wechat": ("微信", "WeChat"),
    "app_push": ("应用推送", "app push"),
    "phone_call": ("电话", "phone call"),
    "post": ("邮寄", "post"),
    "profiling": ("用户画像", "profiling"),
    "all": ("全部处理", "everything"),
}
_SILENT: Final = frozenset({"to", "channel", "member"})  # they only join two parts


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done (`consent.granted`), and about what (`marketing.sms`; empty: the person as such)."""

    deed: str
    about: str


def deeds_of(said: Sequence[str]) -> Iterator[Deed]:
    """In the order of the entry; words of fields and keys are none."""
    for one in said:
        name, _, about = one.partition(":")
        if about == _FORGET:
            yield Deed(_FORGOTTEN, name)
        elif name in LABELS and name != _FORGOTTEN:
            yield Deed(name, about)


def label_of(register: Register, deed: Deed) -> tuple[str, str]:
    """In Chinese and English, with what it is about."""
    zh, en = LABELS[deed.deed]
    if not deed.about:
        return zh, en
    if deed.deed == _NOTICE:
        return f"{zh}：{deed.about}", f"{en}: {deed.about}"
    parts = [_part(register, one) for one in deed.about.split(".") if one not in _SILENT]
    return f"{zh}：{'，'.join(p[0] for p in parts)}", f"{en}: {', '.join(p[1] for p in parts)}"


def _part(register: Register, word: str) -> tuple[str, str]:
    """A recipient and a field have their own names as they stand."""
    if word in PURPOSES:
        purpose = register.purposes[Purpose(word)]
        return purpose.zh.partition(":")[0], purpose.en.partition(":")[0]  # its name; behind it stands what it is
    return _PARTS.get(word, (word, word))
