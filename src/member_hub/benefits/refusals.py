"""What is refused about benefits, one class per fact."""

from member_hub.errors import Forbidden, Refused
from member_hub.throttling import Throttled


class BenefitUnknown(Refused):
    code = "BENEFIT_UNKNOWN"
    zh = "会员计划中没有这项权益，或其不能以此方式发放。"
    en = "The programme has no such benefit, or not one that is issued."


class NotEntitled(Refused):
    """By tier, by time, or because nothing was issued."""

    code = "BENEFIT_NOT_ENTITLED"
    zh = "该会员当前不享有这项权益。"
    en = "The member is not entitled to this benefit now."


class UsedUp(Refused):
    code = "BENEFIT_USED_UP"
    zh = "该权益在本周期内已用完。"
    en = "This benefit is used up for the period."


class BenefitsFrozen(Refused):
    code = "BENEFITS_FROZEN"
    zh = "该会员的会籍已冻结，权益不能使用。"
    en = "The membership is frozen; benefits cannot be issued or used."


class IssueLimit(Refused):
    """Of one benefit, for one member, in a calendar year."""

    code = "BENEFIT_LIMIT"
    zh = "该会员本年度的发放次数已达上限。"
    en = "The member was issued as many of these as the programme allows in a year."


class TooManyIssued(Throttled):
    zh = "今日发放权益的次数已达上限。"
    en = "The daily limit of issuing benefits is reached."


class VoidTooLate(Refused):
    code = "BENEFIT_VOID_TOO_LATE"
    zh = "已超过可撤销的时限。"
    en = "The time within which this use could be voided is over."


class AlreadyVoided(Refused):
    code = "BENEFIT_ALREADY_VOIDED"
    zh = "该次使用已经撤销。"
    en = "This use was voided before."


class NotYoursToVoid(Forbidden):
    zh = "只有使用该权益的系统或员工可以撤销。"
    en = "Only the kind of app that recorded the use, or staff, can void it."
