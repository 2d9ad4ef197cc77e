"""What can be wrong with a notice: with publishing it, and with putting it before somebody."""

from member_hub.errors import BadInput, Conflict, Refused


class NoticeNameTaken(Conflict):
    code = "NOTICE_NAME_TAKEN"
    zh = "该版本名称已用于另一份告知书；已发布的内容不可更改，请另取名称。"
    en = "This name stands for another notice; what is published never changes, so take another name."


class NoticeChangeIsMaterial(Conflict):
    code = "NOTICE_CHANGE_IS_MATERIAL"
    zh = "收集或提供清单中涉及需同意的处理目的的内容已改变，须标明为实质变更并列明该目的（个保法第十四条）。"
    en = "What is collected or shared for a consented purpose changed: say that it is material, and name it (PIPL 14)."


class NoticeChangesNothing(BadInput):
    code = "NOTICE_CHANGES_NOTHING"
    zh = "标明为实质变更的告知书须列明改变了哪些目的；不改变任何目的的，请标明为非实质变更。"
    en = "A material notice says for which purposes it is (`changed`); where it is for none, it is not material."


class NoticeLeavesOut(Conflict):
    code = "NOTICE_LEAVES_OUT"
    zh = "该告知书不再包含一项仍有会员同意的目的：请写入 purposes，或标明为实质变更并列入 changed（其后不再征求）。"
    en = (
        "It leaves out a purpose on which consents rest: ask about it, or say that the notice is material and name the "
        "purpose in `changed`; then those consents are stale, and nobody is asked any more."
    )


class PiaMissing(Conflict):
    code = "PIA_MISSING"
    zh = "该处理目的须先有个人信息保护影响评估（个保法第五十五条）,此前不得征求同意。"
    en = "This purpose needs an impact assessment on file (PIPL 55) before anybody is asked about it."


class NoBitLeft(Conflict):
    code = "NO_BIT_LEFT"
    zh = "同意标志位已用尽：请等待定时任务回收被取代的标志位后重试。"
    en = "Every bit is in use: let the job free those that newer notices replaced, then publish again."


class ConsentNotTheBasis(BadInput):
    code = "CONSENT_NOT_THE_BASIS"
    zh = "该处理目的不以同意为依据，或不在该告知书征求同意之列。"
    en = "This purpose does not rest on consent, or the notice does not ask about it."


class AgeUnknown(Refused):
    code = "AGE_UNKNOWN"
    zh = "年龄未知时不能征得该同意；请先补充出生日期。"
    en = "Nobody of unknown age is taken to consent to this; state the date of birth first."


class NotInOrder(Conflict):
    zh = "该告知书的生效时间不晚于同系列或同一目的的上一份，请稍后重试。"
    en = "A notice at least as new is in force already; publish again."


class NoticeTampered(Refused):
    code = "TAMPERED"
    zh = "该告知书的文本与发布时的摘要不符，不予展示。"
    en = "The text of this notice is not what was published, by its digest; it is not shown."


class NoticeUnknown(BadInput):
    code = "NOTICE_UNKNOWN"
    zh = "没有这样的告知书。"
    en = "There is no such notice."


class NoticeNotCurrent(Conflict):
    code = "NOTICE_NOT_CURRENT"
    zh = "该告知书已不是现行版本，或其后该目的发生了实质变更。"
    en = "This notice is not in force any more, or the purpose changed materially since."


class NotAskedAgain(Conflict):
    code = "NOT_ASKED_AGAIN"
    zh = "会员已撤回，或先前的同意已失效；只有会员本人可以重新开始。"
    en = "The member withdrew, or the consent ended; only the member begins anew."


class CoolingDown(Conflict):
    """Asked too soon after a refusal (NDSR 22(5)). `retry_after_s` None: only the member begins anew."""

    code = "COOLING_DOWN"
    zh = "会员曾拒绝，冷静期内任何渠道都不得再次征求。"
    en = "The member refused; nobody asks again before the cool-down is over, over any channel."

    def __init__(self, retry_after_s: int | None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(field="asks")
