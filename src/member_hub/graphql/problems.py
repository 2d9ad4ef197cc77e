"""What went wrong, as the answer says it: a code, a text in the caller's language, a place; never a value."""

import logging
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError

from member_hub.consent.notice.refusals import CoolingDown
from member_hub.db.outages import is_outage
from member_hub.errors import Refused, Unavailable
from member_hub.profiles import Refusals
from member_hub.throttling import Throttled

LANGUAGES_MAX = 20  # of an Accept-Language header

_log = logging.getLogger(__name__)


class Language(StrEnum):
    ZH = "zh"
    EN = "en"

    @classmethod
    def preferred(cls, accept_language: str | None) -> "Language":
        """Chinese where the header prefers it to English, else English."""
        best = {cls.ZH: 0.0, cls.EN: 0.0}
        for item in (accept_language or "").split(",")[:LANGUAGES_MAX]:
            tag, _, parameter = item.strip().partition(";")
            primary = tag.strip().lower().partition("-")[0]
            if primary in cls.__members__.values():
                best[cls(primary)] = max(best[cls(primary)], _quality(parameter))
        return cls.ZH if best[cls.ZH] > best[cls.EN] else cls.EN


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return min(max(float(value), 0.0), 1.0) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


@strawberry.enum(
    description=(
        "Why a mutation was refused: BAD_USER_INPUT, the value is none; MASKED_VALUE, a masked form came back; "
        "FORBIDDEN, this role may not do that with this field; NOT_FOUND, no such member in reach; CONFLICT, somebody "
        "else changed it, or the key stands for another request; ALREADY_ENROLLED, the channel account is known; "
        "OUTRANKED, a value that counts for more, such as a verified one, stands in the field; STEP_UP_REQUIRED, sign "
        "in with the second factor again, or have a second person approve; THROTTLED, too often: again after "
        "retryAfter seconds. Of notices, consent, points, tags and approvals: schema/ERRORS.md says cause and remedy."
    )
)
class UserErrorCode(StrEnum):
    BAD_USER_INPUT = "BAD_USER_INPUT"
    MASKED_VALUE = "MASKED_VALUE"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    ALREADY_ENROLLED = "ALREADY_ENROLLED"
    OUTRANKED = "OUTRANKED"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    OBJECTION_NOT_POSSIBLE = "OBJECTION_NOT_POSSIBLE"
    POINTS_LIMIT = "POINTS_LIMIT"
    POINTS_IN_TOO_MANY_LOTS = "POINTS_IN_TOO_MANY_LOTS"
    POINTS_FROZEN = "POINTS_FROZEN"
    OCCURRED_AT_OUT_OF_RANGE = "OCCURRED_AT_OUT_OF_RANGE"
    CLOCK_JUMPED = "CLOCK_JUMPED"
    REFUND_TOO_LARGE = "REFUND_TOO_LARGE"
    ORDER_LINE_UNKNOWN = "ORDER_LINE_UNKNOWN"
    THROTTLED = "THROTTLED"
    MINOR_APPROVAL_REQUIRED = "MINOR_APPROVAL_REQUIRED"
    NOT_A_CHILD = "NOT_A_CHILD"
    NOT_AN_ADULT = "NOT_AN_ADULT"
    OWN_PHONE_REQUIRED = "OWN_PHONE_REQUIRED"
    CONSENT_NOT_THE_BASIS = "CONSENT_NOT_THE_BASIS"
    COLLECTION_NOT_CONSENTED = "COLLECTION_NOT_CONSENTED"
    COOLING_DOWN = "COOLING_DOWN"
    AGE_UNKNOWN = "AGE_UNKNOWN"
    BACKDATED = "BACKDATED"
    CONSENT_REPLAYED = "CONSENT_REPLAYED"
    TOO_MANY_CONTACTS = "TOO_MANY_CONTACTS"
    CONTACT_UNKNOWN = "CONTACT_UNKNOWN"
    EVIDENCE_MISSING = "EVIDENCE_MISSING"
    FUTURE_DATED = "FUTURE_DATED"
    GUARDIAN_DUE = "GUARDIAN_DUE"
    NOT_SERVED = "NOT_SERVED"
    SEPARATE_ACT_DUE = "SEPARATE_ACT_DUE"
    NOTICE_CHANGES_NOTHING = "NOTICE_CHANGES_NOTHING"
    NOTICE_CHANGE_IS_MATERIAL = "NOTICE_CHANGE_IS_MATERIAL"
    NOTICE_LEAVES_OUT = "NOTICE_LEAVES_OUT"
    NOTICE_NAME_TAKEN = "NOTICE_NAME_TAKEN"
    NOTICE_NOT_CURRENT = "NOTICE_NOT_CURRENT"
    NOTICE_UNKNOWN = "NOTICE_UNKNOWN"
    NOT_ASKED_AGAIN = "NOT_ASKED_AGAIN"
    NO_BIT_LEFT = "NO_BIT_LEFT"
    PIA_MISSING = "PIA_MISSING"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    APPROVAL_MISMATCH = "APPROVAL_MISMATCH"
    BENEFIT_UNKNOWN = "BENEFIT_UNKNOWN"
    BENEFIT_NOT_ENTITLED = "BENEFIT_NOT_ENTITLED"
    BENEFIT_USED_UP = "BENEFIT_USED_UP"
    BENEFITS_FROZEN = "BENEFITS_FROZEN"
    BENEFIT_LIMIT = "BENEFIT_LIMIT"
    BENEFIT_VOID_TOO_LATE = "BENEFIT_VOID_TOO_LATE"
    BENEFIT_ALREADY_VOIDED = "BENEFIT_ALREADY_VOIDED"
    POINTS_NOT_ENOUGH = "POINTS_NOT_ENOUGH"
    POINTS_CLOSED = "POINTS_CLOSED"
    CAPTURE_TOO_LARGE = "CAPTURE_TOO_LARGE"
    HOLD_ENDED = "HOLD_ENDED"
    ALREADY_COUNTED = "ALREADY_COUNTED"
    NOT_REVERSIBLE = "NOT_REVERSIBLE"
    MEMBER_NOT_ACTIVE = "MEMBER_NOT_ACTIVE"
    TIER_UNKNOWN = "TIER_UNKNOWN"
    TIER_PLACEMENT_END = "TIER_PLACEMENT_END"
    TIER_RULES_INVALID = "TIER_RULES_INVALID"
    TIER_RULES_EFFECTIVE_AT = "TIER_RULES_EFFECTIVE_AT"
    SECOND_PERSON_REQUIRED = "SECOND_PERSON_REQUIRED"
    TAGS_LIMIT = "TAGS_LIMIT"
    TAG_NOT_BY_HAND = "TAG_NOT_BY_HAND"
    TAG_NOT_POSSIBLE = "TAG_NOT_POSSIBLE"
    TAG_RULE_INVALID = "TAG_RULE_INVALID"


@strawberry.type(description="One reason why a mutation was refused; nothing was changed.")
class UserError:
    field: str | None = strawberry.field(
        description="The input field that was wrong, with its place in a list: lines.0.amountFen. Counted from 0."
    )
    message: str = strawberry.field(description="For people, in Chinese or English (Accept-Language).")
    code: UserErrorCode = strawberry.field(description="For programs.")
    retry_after: int | None = strawberry.field(
        description=(
            "Of THROTTLED and COOLING_DOWN: seconds until it is allowed again; null for anything else, and where only "
            "the member begins anew."
        )
    )


USER_CODES = frozenset(code.value for code in UserErrorCode)


def user_errors(refused: Refused, language: Language) -> list[UserError]:
    """What a refusal says to the one who asked. Raises it again where it is none that a form can answer."""
    if any(one.code not in USER_CODES for one in each(refused)):
        raise refused
    return [_user_error(one, language) for one in each(refused)]


def _user_error(one: Refused, language: Language) -> UserError:
    wait_s = one.retry_after_s if isinstance(one, Throttled | CoolingDown) else None
    message = text_of(one, language)
    return UserError(field=one.field, message=message, code=UserErrorCode(one.code), retry_after=wait_s)


def each(refused: Refused) -> Sequence[Refused]:
    return refused.refusals if isinstance(refused, Refusals) else [refused]


def text_of(refused: Refused, language: Language) -> str:
    return refused.text_zh if language is Language.ZH else refused.text_en


class Internal(Refused):
    code = "INTERNAL"
    zh = "服务内部错误，请凭请求编号联系管理员。"
    en = "Something went wrong here; tell the operator the request id."


def from_refusal(refused: Refused, language: Language) -> dict[str, Any]:
    """An error without a place in the document."""
    extensions: dict[str, Any] = {"code": refused.code}
    if refused.field is not None:
        extensions["field"] = refused.field
    if isinstance(refused, Throttled):
        extensions["retryAfter"] = refused.retry_after_s
    return {"message": text_of(refused, language), "extensions": extensions}


def from_execution(error: GraphQLError, language: Language, request_id: UUID) -> dict[str, Any]:
    """An error of a field. What nobody raised on purpose is INTERNAL, and logged by its type and place only."""
    cause = error.original_error
    if not isinstance(cause, Refused):
        _log.error("A resolver failed: %s at %s, request %s.", " <- ".join(trace_of(cause)), _names(error), request_id)
        cause = Unavailable() if is_outage(cause) else Internal()
    found = from_refusal(cause, language)
    found["path"] = error.path
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return found


def from_document(message: str, error: GraphQLError) -> dict[str, Any]:
    found: dict[str, Any] = {"message": message, "extensions": {"code": "BAD_USER_INPUT"}}
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return found


def _names(error: GraphQLError) -> str:
    """The field names of the path, without indexes; aliases may say anything, so the node's own names are taken."""
    return "/".join(getattr(getattr(node, "name", None), "value", "?") for node in error.nodes or ())


def trace_of(error: BaseException | None) -> Iterator[str]:
    """Types and places, without the messages, which may hold values."""
    for _ in range(5):
        if error is None:
            return
        trace = error.__traceback__
        place = "?"
        while trace is not None:
            place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
            trace = trace.tb_next
        yield f"{type(error).__name__} ({place})"
        error = error.__cause__ or error.__context__
