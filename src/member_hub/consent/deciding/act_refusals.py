"""Why a decision on consent is not taken: each with a code that the caller can act on; nothing was changed."""

from member_hub.errors import BadInput, Conflict, Forbidden, Refused, Unavailable


class OnlyTheMember(Forbidden):
    zh = "同意只能由会员本人、监护人或代会员操作的员工给出；应用不能自行代为同意。"
    en = "Only the member, a guardian, or staff on the member's behalf give a consent; an app does not by itself."


class EvidenceMissing(BadInput):
    code = "EVIDENCE_MISSING"
    zh = "代会员给出同意须有凭证（签字单、验证码回读或录音）；在此之前仍为已询问。"
    en = "Giving on somebody's behalf takes evidence: a signed slip, a code read back, a recording. It stays asked."


class NotServed(Conflict):
    code = "NOT_SERVED"
    zh = "未向该会员就此内容出示过该告知书。"
    en = "This notice was not put before this member with this question."


class ConsentReplayed(Conflict):
    code = "CONSENT_REPLAYED"
    zh = "该次询问已得到答复；须重新出示告知书后再作决定。"
    en = "This asking has been answered already; put the notice before the member again."


class TooManyContacts(Conflict):
    code = "TOO_MANY_CONTACTS"
    zh = "该会员已就过多的联系方式作过决定；不能再为新的号码或地址给出同意。拒绝仍随时可行，并对整个渠道有效。"
    en = "This member has decided about too many contact points for one more; a refusal counts for the whole channel."


class FutureDated(BadInput):
    code = "FUTURE_DATED"
    zh = "决定时间不能晚于现在。"
    en = "A decision is not dated in the future."


class Backdated(BadInput):
    code = "BACKDATED"
    zh = "决定时间早于告知，或早于之后的拒绝或撤回。"
    en = "The decision is dated before the notice was put before the member, or before a later refusal."


class ContactUnknown(BadInput):
    code = "CONTACT_UNKNOWN"
    zh = "该会员没有这一联系方式。"
    en = "The member does not have this phone number or address."


class SeparateActDue(BadInput):
    code = "SEPARATE_ACT_DUE"
    zh = "其中有须取得单独同意的内容：请逐项、分次提交。"
    en = "Something here needs a consent of its own: send it by itself."


class GuardianDue(Refused):
    code = "GUARDIAN_DUE"
    zh = "未满十四周岁须由监护人同意；未作任何记录，请由监护人决定。"
    en = "Under 14 a guardian decides; nothing was recorded, ask the guardian to decide."


class HandedToGuardian(GuardianDue):
    """The one with which something was recorded: the attempt, which waits for whoever is guardian then."""

    zh = "未满十四周岁须由监护人同意；该询问已记录，待监护人决定。"
    en = "Under 14 a guardian decides; the question is on record and waits for a guardian."


class LedgerUnwritable(Unavailable):
    zh = "操作暂未完成：数据库之外的台账无法写入，没有任何更改。请重试，或联系客服。"
    en = (
        "This could not be done now: the ledger outside the database cannot be written, and nothing was changed. "
        "Try again, or ask the support desk."
    )
