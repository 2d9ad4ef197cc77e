"""The state machines of consent, guardian links and objections: which event leads where, and what goes on record. Pure.

Tables as in the law's acceptance notes: from, event, to, audit event. What is not in a table is refused. Guards that
need facts (age, notice, separate act) stand where the act is carried out; here stands only what may follow what.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from member_hub.consent.words import Act, ConsentState, LinkState
from member_hub.errors import Conflict

S = ConsentState

_NOT_GRANTED: Final = (S.NEVER_ASKED, S.GUARDIAN_PENDING, S.LAPSED, S.EXPIRED, S.INVALIDATED)

# (from, event) -> (to, audit event)
CONSENT: Final[Mapping[tuple[ConsentState, Act], tuple[ConsentState, str]]] = MappingProxyType(
    {
        (S.NEVER_ASKED, Act.SERVE_NOTICE): (S.ASKED, "consent.notice_served"),
        (S.ASKED, Act.GRANT): (S.GRANTED, "consent.granted"),
        (S.ASKED, Act.GRANT_BY_CHILD): (S.GUARDIAN_PENDING, "consent.child_attempt"),
        (S.ASKED, Act.REFUSE): (S.REFUSED, "consent.refused"),
        (S.ASKED, Act.DISMISS_OR_TIMEOUT): (S.LAPSED, "consent.lapsed"),
        (S.GUARDIAN_PENDING, Act.GUARDIAN_GRANT): (S.GRANTED, "consent.guardian_granted"),
        (S.GUARDIAN_PENDING, Act.GUARDIAN_REFUSE): (S.REFUSED, "consent.refused"),
        (S.GUARDIAN_PENDING, Act.TIMEOUT): (S.LAPSED, "consent.lapsed"),
        (S.GRANTED, Act.GRANT): (S.GRANTED, "consent.regranted"),  # for another time, or under a newer notice
        (S.GRANTED, Act.WITHDRAW): (S.WITHDRAWN, "consent.withdrawn"),
        (S.GRANTED, Act.MATERIAL_CHANGE): (S.STALE, "consent.stale"),
        (S.GRANTED, Act.TERM_OVER): (S.EXPIRED, "consent.expired"),
        (S.GRANTED, Act.TURNS_14): (S.STALE, "consent.stale_age"),
        (S.GRANTED, Act.INVALIDATE): (S.INVALIDATED, "consent.invalidated"),
        (S.STALE, Act.GRANT): (S.GRANTED, "consent.regranted"),
        (S.STALE, Act.REFUSE): (S.REFUSED, "consent.refused"),
        (S.STALE, Act.GRACE_OVER): (S.LAPSED, "consent.lapsed"),
        (S.REFUSED, Act.MEMBER_INITIATES): (S.ASKED, "consent.notice_served"),
        (S.REFUSED, Act.COOLDOWN_OVER): (S.NEVER_ASKED, "consent.cooldown_over"),
        (S.WITHDRAWN, Act.MEMBER_INITIATES): (S.ASKED, "consent.notice_served"),
        (S.LAPSED, Act.MEMBER_INITIATES): (S.ASKED, "consent.notice_served"),
        (S.EXPIRED, Act.MEMBER_INITIATES): (S.ASKED, "consent.notice_served"),
        (S.INVALIDATED, Act.MEMBER_INITIATES): (S.ASKED, "consent.notice_served"),
    }
    # Nobody has to be asked to say no, and nothing that came before stands in the way of it (PIPL 15, 44).
    | {(state, Act.REFUSE): (S.REFUSED, "consent.refused") for state in _NOT_GRANTED}
    # A no to more than was ever asked about ends what was granted of it before (deciding/withdrawing.py).
    | {(state, Act.WITHDRAW): (S.WITHDRAWN, "consent.withdrawn") for state in (*_NOT_GRANTED, S.ASKED, S.STALE)}
    | {(state, Act.SUBJECT_ERASED): (S.CLOSED, "consent.closed") for state in S if state is not S.CLOSED}
)

L = LinkState

GUARDIAN_LINK: Final[Mapping[tuple[LinkState, str], tuple[LinkState, str]]] = MappingProxyType(
    {
        (L.PROPOSED, "guardian_verifies_self"): (L.RELATION_PENDING, "guardian.self_verified"),
        (L.PROPOSED, "timeout"): (L.REJECTED, "guardian.purged"),
        (L.RELATION_PENDING, "relation_evidence_ok"): (L.ACTIVE, "guardian.linked"),
        (L.RELATION_PENDING, "relation_refused"): (L.REJECTED, "guardian.rejected"),
        (L.RELATION_PENDING, "timeout"): (L.REJECTED, "guardian.purged"),
        (L.ACTIVE, "child_turns_14"): (L.HANDOVER, "guardian.handover"),
        (L.ACTIVE, "revoke"): (L.ENDED, "guardian.revoked"),
        (L.ACTIVE, "contested"): (L.DISPUTED, "guardian.disputed"),
        (L.DISPUTED, "resolved_keep"): (L.ACTIVE, "guardian.resolved"),
        (L.DISPUTED, "resolved_end"): (L.ENDED, "guardian.ended"),
        (L.DISPUTED, "contest_over"): (L.ACTIVE, "guardian.restored"),
        (L.HANDOVER, "child_reconsents"): (L.ENDED, "guardian.handed_over"),
        (L.HANDOVER, "grace_over"): (L.ENDED, "guardian.lapsed"),
    }
)


class NotNow(Conflict):
    zh = "当前状态下不能执行此操作。"
    en = "That cannot follow what came before."


def after(state: ConsentState, act: Act) -> tuple[ConsentState, str]:
    """The state that follows, and the word for the audit entry. Raises NotNow."""
    found = CONSENT.get((state, act))
    if found is None:
        raise NotNow
    return found


def link_after(state: LinkState, event: str) -> tuple[LinkState, str]:
    """The same for a guardian's link."""
    found = GUARDIAN_LINK.get((state, event))
    if found is None:
        raise NotNow
    return found
