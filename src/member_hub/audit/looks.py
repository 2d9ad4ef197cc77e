"""An audit entry as the member reads it: which kind of caller looked at what, when and why; never who. Pure.

The law asks for purposes and kinds of recipients (PIPL 17, 45); the staff number would be somebody else's personal
information.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row

from member_hub.access import SYSTEM_ROLE, Register
from member_hub.access.words import PURPOSES
from member_hub.audit.deeds import Deed, deeds_of
from member_hub.privacy import Purpose

DONE: Final = frozenset({"ok", "missed", "TAMPERED"})
_DID: Final = DONE | {
    "GUARDIAN_DUE"
}  # a refusal that hands the question on to the guardian (consent/deciding/giving.py)
MEMBER_KIND: Final = "MEMBER"  # members' own looks are not in their history; those of a guardian are


class LookKind(StrEnum):
    LOOK_UP = "look_up"
    LIST = "list"
    CHANGE = "change"
    REVEAL = "reveal"  # one masked field in clear, or a colleague allowed it
    CODE = "code"  # a code for the till was sent or shown
    CONTACT = "contact"  # whether the member may be written to or called now
    SIGN_IN = "sign_in"  # what members do themselves
    COPY = "copy"
    ERASURE = "erasure"
    RECORD = "record"  # the record of who looked
    OTHER = "other"


class FieldUse(StrEnum):
    CLEAR = "clear"
    MASKED = "masked"
    MATCHED = "matched"
    DENIED = "denied"
    NOT_CONSENTED = "not_consented"  # of a member at least: held for another purpose alone
    FILTER = "filter"  # a list was narrowed by it
    WRITE = "write"
    KEY = "key"  # the member was found by it
    REVEAL = "reveal"  # shown in clear this once
    APPROVE = "approve"  # a colleague was allowed that


# Every operation of the API and every other word that the hub puts on record; a test keeps it complete. A command
# that is not named stands under its group.
_KINDS: Final = {
    "member": LookKind.LOOK_UP,
    "members": LookKind.LOOK_UP,
    "node": LookKind.LOOK_UP,
    "me": LookKind.LOOK_UP,
    "request": LookKind.LOOK_UP,  # refused before it was read; names nobody
    "memberList": LookKind.LIST,
    "memberStatistics": LookKind.LIST,
    "pointsLiability": LookKind.LIST,  # sums; names nobody
    "tierPyramid": LookKind.LIST,
    "memberEnrol": LookKind.CHANGE,
    "profileUpdate": LookKind.CHANGE,
    "orderRecord": LookKind.CHANGE,
    "activityRecord": LookKind.CHANGE,
    "phoneRelease": LookKind.CHANGE,
    "consentGive": LookKind.CHANGE,
    "consentRefuse": LookKind.CHANGE,
    "consentWithdraw": LookKind.CHANGE,
    "objections": LookKind.LOOK_UP,
    "objectionPlace": LookKind.CHANGE,
    "objectionLift": LookKind.CHANGE,
    "tags": LookKind.LOOK_UP,  # definitions; names nobody
    "tagFigures": LookKind.LOOK_UP,
    "tagDefine": LookKind.CHANGE,
    "tagApprove": LookKind.CHANGE,
    "tagAssign": LookKind.CHANGE,
    "tagRemove": LookKind.CHANGE,
    "tags evaluate": LookKind.CHANGE,
    "tags import": LookKind.CHANGE,
    "tags list": LookKind.LOOK_UP,  # definitions; names nobody
    "memberReveal": LookKind.REVEAL,
    "revealApprove": LookKind.REVEAL,
    "memberCodeIssue": LookKind.CODE,
    "phoneCodeSend": LookKind.CODE,
    "noticeCurrent": LookKind.LOOK_UP,  # a text; names nobody
    "noticePublish": LookKind.CHANGE,
    "noticeServed": LookKind.CHANGE,
    "authoriseSend": LookKind.CONTACT,
    "signInCode": LookKind.SIGN_IN,
    "signInSession": LookKind.SIGN_IN,
    "signInEnd": LookKind.SIGN_IN,
    "guardianPropose": LookKind.CHANGE,
    "guardianConfirm": LookKind.CHANGE,
    "guardianRevoke": LookKind.CHANGE,
    "guardianLinks": LookKind.LOOK_UP,
    "minorApprovalGrant": LookKind.CHANGE,
    "minorApprovalRevoke": LookKind.CHANGE,
    "minorApprovals": LookKind.LOOK_UP,
    "pointsEarn": LookKind.CHANGE,
    "pointsRedeem": LookKind.CHANGE,
    "pointsHold": LookKind.CHANGE,
    "pointsCapture": LookKind.CHANGE,
    "pointsRelease": LookKind.CHANGE,
    "pointsReverse": LookKind.CHANGE,
    "pointsAdjust": LookKind.CHANGE,
    "pointsTransfer": LookKind.CHANGE,
    "pointsReinstate": LookKind.CHANGE,
    "pointsExtend": LookKind.CHANGE,
    "tierPlace": LookKind.CHANGE,
    "tierRules": LookKind.LOOK_UP,  # versions; names nobody
    "tierRulesPropose": LookKind.CHANGE,
    "tierRulesApprove": LookKind.CHANGE,
    "actApprove": LookKind.CHANGE,
    "actApprovals": LookKind.LIST,
    "benefitIssue": LookKind.CHANGE,
    "benefitUse": LookKind.CHANGE,
    "benefitVoid": LookKind.CHANGE,
    "rightsExport": LookKind.COPY,
    "rightsErase": LookKind.ERASURE,
    "consents": LookKind.LOOK_UP,
    "consentHistory": LookKind.LOOK_UP,
    "consentReceipt": LookKind.COPY,
    "consent": LookKind.CHANGE,  # `consent clock` (the timers) and `consent replay`
    "consent show": LookKind.LOOK_UP,
    "consent export": LookKind.COPY,
    "auditEntries": LookKind.RECORD,
    "accessHistory": LookKind.RECORD,
    "audit": LookKind.RECORD,
    "identity": LookKind.CHANGE,
    "identity export": LookKind.COPY,
    "ingest": LookKind.CHANGE,
    "jobs": LookKind.CHANGE,
    "keys": LookKind.CHANGE,
    "minors": LookKind.CHANGE,
    "points check": LookKind.LOOK_UP,
    "tiers backtest": LookKind.LOOK_UP,  # numbers; names nobody
    "quarantine": LookKind.CHANGE,
    "quarantine show": LookKind.LOOK_UP,
    "rights export": LookKind.COPY,
    "rights erase": LookKind.ERASURE,
}
_NOT_FIELDS: Final = frozenset(
    {"approved_by", "collected_for", "granted_to", "minor_approved_by", "reason", "reference"}
)  # followed by any word
_OURSELVES: Final = ("会员中台自身（运维命令与任务）", "the hub itself (commands and jobs of its operator)")
_USES: Final = {use.name: use for use in FieldUse}


@dataclass(frozen=True, slots=True)
class FieldLook:
    """What was done with one guarded field (`member.phone`) or key (`phone`)."""

    field: str
    use: FieldUse


@dataclass(frozen=True, slots=True)
class Look:
    happened_at: datetime
    caller_kind: str
    role: str
    purpose: Purpose | None
    kinds: Sequence[LookKind]
    fields: Sequence[FieldLook]
    is_refused: bool
    reason: str | None = None  # of a reveal, as it was stated
    deeds: Sequence[Deed] = ()


def role_label(register: Register, look: Look) -> tuple[str, str]:
    """What the role is called, in Chinese and English."""
    role = register.roles.get(look.role)
    if role is not None:
        return role.zh, role.en
    return _OURSELVES if look.role == SYSTEM_ROLE else (look.role, look.role)


def look_of(row: Row[Any]) -> Look:
    return Look(
        happened_at=row.happened_at,
        caller_kind=row.caller_kind,
        role=row.role,
        purpose=purpose_of(row),
        kinds=list(dict.fromkeys(kind_of(name) for name in row.operation.split(","))),
        fields=list(_fields(row.fields)),
        is_refused=row.outcome not in DONE,
        deeds=list(deeds_of(row.fields)) if row.outcome in _DID else [],
        reason=next((one.removeprefix("reason:") for one in row.fields if one.startswith("reason:")), None),
    )


def purpose_of(row: Row[Any]) -> Purpose | None:
    """None for a word of no list: a request without a purpose is on record, too."""
    return Purpose(row.purpose) if row.purpose in PURPOSES else None


def kind_of(operation: str) -> LookKind:
    """OTHER for what no version of the hub that is known here has written."""
    return _KINDS.get(operation) or _KINDS.get(operation.partition(" ")[0]) or LookKind.OTHER


def _fields(said: Sequence[str]) -> Iterator[FieldLook]:
    for one in said:
        name, _, use = one.rpartition(":")
        if name == "key":
            yield FieldLook(use, FieldUse.KEY)
        elif use in _USES and name not in _NOT_FIELDS:
            yield FieldLook(name, _USES[use])
