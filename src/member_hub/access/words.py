"""The closed lists of words that a policy may use; a word that is not here stops the load.

A policy line is `p, role, purpose, object, action, outcome`. Objects are what is guarded: a field of a member
(`member.phone`), the facts of a membership (`member.membership`), an operation (`operation:memberEnrol`), an exact key
to look up by (`key:phone`), the rows in reach (`rows:own_stores`), the members who are counted in figures
(`aggregates:handler`). Roles come from the register; purposes are privacy.Purpose.

A field has up to four readings: `read` in ordinary reach; `present`, the till view of a member out of reach who shows
a member code or reads a code back; `reveal`, one masked field at a time in clear, with a reason; `in_case`, inside an
open request or incident that names the member.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from member_hub.privacy import Purpose


class Guard(StrEnum):
    """A guarded field: what a column names in its privacy declaration as `guard`."""

    NAME = "member.name"
    PHONE = "member.phone"
    EMAIL = "member.email"
    BIRTHDAY = "member.birthday"
    GENDER = "member.gender"
    ADDRESS = "member.address"
    IDENTIFIERS = "member.identifiers"
    ACCOUNTS = "member.accounts"
    ORDERS = "member.orders"
    ACTIVITY = "member.activity"
    LOYALTY = "member.loyalty"  # tier, points, benefits
    TAGS = "member.tags"
    SERVICE_TAGS = "member.service_tags"  # the tags that whoever serves the member at the till needs
    CONSENTS = "member.consents"


class Facts(StrEnum):
    """What stands unguarded on every row in reach: reading it is no right of its own, narrowing and counting by it is.

    Whoever has no rows may still be allowed to count by it; whoever has rows may be refused to search by it.
    """

    MEMBERSHIP = "member.membership"  # home store and its region, channels, status, time of joining


class Operation(StrEnum):
    """What can be asked for; spelled as in the schema."""

    MEMBER = "member"
    MEMBERS = "members"
    MEMBER_LIST = "memberList"
    MEMBER_STATISTICS = "memberStatistics"
    POINTS_LIABILITY = "pointsLiability"
    TIER_PYRAMID = "tierPyramid"
    NODE = "node"
    ME = "me"
    MEMBER_ENROL = "memberEnrol"
    PROFILE_UPDATE = "profileUpdate"
    ORDER_RECORD = "orderRecord"
    ACTIVITY_RECORD = "activityRecord"
    CONSENT_GIVE = "consentGive"
    CONSENT_REFUSE = "consentRefuse"
    CONSENT_WITHDRAW = "consentWithdraw"
    AUDIT_ENTRIES = "auditEntries"
    ACCESS_HISTORY = "accessHistory"
    CONSENTS = "consents"
    CONSENT_HISTORY = "consentHistory"
    CONSENT_RECEIPT = "consentReceipt"
    MEMBER_CODE_ISSUE = "memberCodeIssue"
    MEMBER_REVEAL = "memberReveal"
    REVEAL_APPROVE = "revealApprove"
    PHONE_CODE_SEND = "phoneCodeSend"
    NOTICE_CURRENT = "noticeCurrent"
    NOTICE_PUBLISH = "noticePublish"
    NOTICE_SERVED = "noticeServed"
    AUTHORISE_SEND = "authoriseSend"
    GUARDIAN_PROPOSE = "guardianPropose"
    GUARDIAN_CONFIRM = "guardianConfirm"
    GUARDIAN_REVOKE = "guardianRevoke"
    GUARDIAN_LINKS = "guardianLinks"
    MINOR_APPROVAL_GRANT = "minorApprovalGrant"
    MINOR_APPROVAL_REVOKE = "minorApprovalRevoke"
    MINOR_APPROVALS = "minorApprovals"
    OBJECTIONS = "objections"
    OBJECTION_PLACE = "objectionPlace"
    OBJECTION_LIFT = "objectionLift"
    POINTS_EARN = "pointsEarn"
    POINTS_REDEEM = "pointsRedeem"
    POINTS_HOLD = "pointsHold"
    POINTS_CAPTURE = "pointsCapture"
    POINTS_RELEASE = "pointsRelease"
    POINTS_REVERSE = "pointsReverse"
    POINTS_ADJUST = "pointsAdjust"
    POINTS_TRANSFER = "pointsTransfer"
    POINTS_REINSTATE = "pointsReinstate"
    POINTS_EXTEND = "pointsExtend"
    TIER_PLACE = "tierPlace"
    TIER_RULES = "tierRules"
    TIER_RULES_PROPOSE = "tierRulesPropose"
    TIER_RULES_APPROVE = "tierRulesApprove"
    ACT_APPROVE = "actApprove"
    ACT_APPROVALS = "actApprovals"
    BENEFIT_ISSUE = "benefitIssue"
    BENEFIT_USE = "benefitUse"
    BENEFIT_VOID = "benefitVoid"
    TAGS = "tags"
    TAG_FIGURES = "tagFigures"
    TAG_DEFINE = "tagDefine"
    TAG_APPROVE = "tagApprove"
    TAG_ASSIGN = "tagAssign"
    TAG_REMOVE = "tagRemove"
    RIGHTS_EXPORT = "rightsExport"
    RIGHTS_ERASE = "rightsErase"


# What counts or sums up members.
FIGURES: Final = (Operation.MEMBER_STATISTICS, Operation.POINTS_LIABILITY, Operation.TIER_PYRAMID)


class Key(StrEnum):
    """By which exact key a member may be looked up; spelled as in MemberKey."""

    ID = "id"
    PHONE = "phone"
    EMAIL = "email"
    UNIONID = "unionid"
    OPENID = "openid"
    ACCOUNT = "account"
    STORE_CARD = "storeCard"
    MEMBER_CODE = "memberCode"
    PHONE_CODE = "phoneCode"


class RowScope(StrEnum):
    """Which members are in reach at all; the data layer makes it a WHERE."""

    SELF = "self"  # the caller
    CHILDREN = "children"  # children under 14 whose guardian the caller is, by a link in force
    BEHALF = "behalf"  # the member on whose behalf an app asks; before it is known, whom a granted key finds
    OWN_STORES = "own_stores"  # at home in one of the caller's stores, or bought there lately, within the handler
    REGION = "region"  # the same for the stores of the caller's regions
    HANDLER = "handler"  # every member of the caller's handler
    ALL = "all"  # every handler
    NONE = "none"  # nobody


class AggregateScope(StrEnum):
    """Who is counted in figures. One's own stores are no such scope: see reports/disclosure.py."""

    HANDLER = "handler"  # every member of the caller's handler


class Action(StrEnum):
    READ = "read"
    FILTER = "filter"
    SORT = "sort"
    AGGREGATE = "aggregate"
    WRITE = "write"
    LOOKUP = "lookup"
    CALL = "call"
    PRESENT = "present"
    REVEAL = "reveal"
    IN_CASE = "in_case"


class Verdict(StrEnum):
    """How far a right reaches: CLEAR the value; MASKED its masked form; MATCHED only whether it equals a given one."""

    CLEAR = "clear"
    MASKED = "masked"
    MATCHED = "matched"
    DENIED = "denied"

    @property
    def reach(self) -> int:
        return _REACH[self]


_REACH: Final = MappingProxyType({Verdict.DENIED: 0, Verdict.MATCHED: 1, Verdict.MASKED: 2, Verdict.CLEAR: 3})

# Jobs and commands act under this name. No role of the register may bear it, so no grant is ever theirs.
SYSTEM_ROLE: Final = "system"

# Python 3.11 cannot ask `text in Enum`.
GUARDS: Final[frozenset[str]] = frozenset(Guard)
FIELDS: Final[frozenset[str]] = GUARDS | frozenset(Facts)
ACTIONS: Final[frozenset[str]] = frozenset(Action)
OUTCOMES: Final[frozenset[str]] = frozenset(Verdict)
PURPOSES: Final[frozenset[str]] = frozenset(Purpose)

PROFILE_GUARDS: Final = (Guard.NAME, Guard.PHONE, Guard.EMAIL, Guard.BIRTHDAY, Guard.GENDER, Guard.ADDRESS)
# What has a masked form (access/masks.py). Elsewhere masked would mean denied, so a policy may not say it.
MASKABLE: Final = frozenset(
    {Guard.NAME, Guard.PHONE, Guard.EMAIL, Guard.BIRTHDAY, Guard.ADDRESS, Guard.IDENTIFIERS, Guard.ACCOUNTS}
)
# What has no masked form has nothing to reveal; identifiers and accounts are never revealed.
REVEALABLE: Final = MASKABLE & frozenset(PROFILE_GUARDS)
# What a member reads of their own: no objection and no consent stands between somebody and their own data (PIPL 45).
OWN_ROWS: Final = frozenset({RowScope.SELF, RowScope.CHILDREN})
# Whoever presents himself is found within the caller's handler, and nowhere else.
PRESENTED_ROWS: Final = RowScope.HANDLER


def stricter(a: Verdict, b: Verdict) -> Verdict:
    """The lesser of two verdicts, for a value that two objects guard (a phone among the identifiers)."""
    return a if a.reach <= b.reach else b


def operation_object(operation: Operation) -> str:
    return f"operation:{operation}"


def key_object(key: Key) -> str:
    return f"key:{key}"


def rows_object(scope: RowScope) -> str:
    return f"rows:{scope}"


def aggregates_object(scope: AggregateScope) -> str:
    return f"aggregates:{scope}"


def _cells() -> dict[tuple[str, Action], tuple[Verdict, ...]]:
    cells: dict[tuple[str, Action], tuple[Verdict, ...]] = {}
    for guard in Guard:
        masked = (Verdict.MASKED,) if guard in MASKABLE else ()
        cells[guard, Action.READ] = (Verdict.CLEAR, *masked, Verdict.DENIED)
        cells[guard, Action.FILTER] = (Verdict.CLEAR, Verdict.MATCHED)
        cells[guard, Action.SORT] = (Verdict.CLEAR,)
        cells[guard, Action.AGGREGATE] = (Verdict.CLEAR,)
        cells[guard, Action.PRESENT] = (Verdict.CLEAR, *masked)
    for facts in Facts:
        cells[facts, Action.FILTER] = (Verdict.CLEAR,)
        cells[facts, Action.AGGREGATE] = (Verdict.CLEAR,)
    cells |= {(guard, Action.WRITE): (Verdict.CLEAR,) for guard in PROFILE_GUARDS}
    cells |= {(operation_object(operation), Action.CALL): (Verdict.CLEAR,) for operation in Operation}
    cells |= {(key_object(key), Action.LOOKUP): (Verdict.MATCHED,) for key in Key}
    cells |= {(rows_object(scope), Action.READ): (Verdict.CLEAR,) for scope in RowScope}
    cells |= {(rows_object(PRESENTED_ROWS), Action.PRESENT): (Verdict.CLEAR,)}
    cells |= {(guard, Action.REVEAL): (Verdict.CLEAR,) for guard in REVEALABLE}
    cells |= {(guard, Action.IN_CASE): (Verdict.CLEAR,) for guard in MASKABLE}
    cells |= {(aggregates_object(scope), Action.AGGREGATE): (Verdict.CLEAR,) for scope in AggregateScope}
    return cells


# Every cell that a policy line may speak of, with the outcomes that it may state there. Reading a field has to be
# stated for each (role, purpose), denied too; anything else that is not stated is refused.
CELLS: Final[Mapping[tuple[str, Action], tuple[Verdict, ...]]] = MappingProxyType(_cells())
OBJECTS: Final = frozenset(object_ for object_, _ in CELLS)
