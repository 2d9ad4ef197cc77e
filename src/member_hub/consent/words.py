"""The words of consent: states, acts, who acts and how, as stored and as in the schema (PIPL.md 5, GLOSSARY)."""

from enum import StrEnum


class ConsentState(StrEnum):
    """Where one decision stands. NEVER_ASKED has no row; STALE after a material change is derived, never stored."""

    NEVER_ASKED = "never_asked"
    ASKED = "asked"
    GUARDIAN_PENDING = "guardian_pending"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    INVALIDATED = "invalidated"
    CLOSED = "closed"


class Act(StrEnum):
    """What happened to a decision: the event of the state machine."""

    SERVE_NOTICE = "serve_notice"
    GRANT = "grant"
    GRANT_BY_CHILD = "grant_by_child"
    REFUSE = "refuse"
    DISMISS_OR_TIMEOUT = "dismiss_or_timeout"
    GUARDIAN_GRANT = "guardian_grant"
    GUARDIAN_REFUSE = "guardian_refuse"
    TIMEOUT = "timeout"
    WITHDRAW = "withdraw"
    MATERIAL_CHANGE = "material_change"
    TERM_OVER = "term_over"
    TURNS_14 = "turns_14"
    INVALIDATE = "invalidate"
    GRACE_OVER = "grace_over"
    MEMBER_INITIATES = "member_initiates"
    COOLDOWN_OVER = "cooldown_over"
    SUBJECT_ERASED = "subject_erased"


class Actor(StrEnum):
    """Who acts. FILE: what a channel's delivery says the member did there."""

    MEMBER = "member"
    GUARDIAN = "guardian"
    STAFF_ON_BEHALF = "staff_on_behalf"
    APP = "app"
    FILE = "file"
    DPO = "dpo"
    TIMER = "timer"
    SYSTEM = "system"


class Method(StrEnum):
    """How a decision was given. A push setting of a device is none of these, and no consent."""

    TICK = "tick"
    BUTTON = "button"
    VOICE = "voice"
    PAPER = "paper"
    STORE_TERMINAL = "store_terminal"
    CHANNEL_FILE = "channel_file"
    NONE = "none"  # by the clock or by the hub itself


class EvidenceKind(StrEnum):
    """What staff who act on somebody's behalf have in hand (PIPL 9, 69: the burden of proof is the handler's)."""

    SIGNED_SLIP = "signed_slip"
    CODE_ECHO = "code_echo"  # a one-time code that the member read back
    RECORDING = "recording"


class ContactChannel(StrEnum):
    """Over what a member is contacted; a grant over one says nothing about another."""

    SMS = "sms"
    EMAIL = "email"
    WECHAT = "wechat"
    APP_PUSH = "app_push"
    PHONE_CALL = "phone_call"
    POST = "post"


class LinkState(StrEnum):
    """Where a guardian's link to a child stands."""

    PROPOSED = "proposed"
    RELATION_PENDING = "relation_pending"
    ACTIVE = "active"
    DISPUTED = "disputed"
    HANDOVER = "handover"
    ENDED = "ended"
    REJECTED = "rejected"


ANY = ""  # a decision about every recipient, or every channel; stored as the empty text
PROTECTIVE = frozenset({ConsentState.REFUSED, ConsentState.WITHDRAWN})


class NoticeFamily(StrEnum):
    """Which line of notices a text belongs to; the newest of a line is the current one.

    GENERAL and CHILDREN are what members are informed by; the others are older texts of a channel, on record so that a
    line of its file finds what its person was told.
    """

    GENERAL = "general"
    CHILDREN = "children"
    WEBSITE = "website"
    APP = "app"
    STORE = "store"

    @property
    def is_on_record_only(self) -> bool:
        return self not in (NoticeFamily.GENERAL, NoticeFamily.CHILDREN)
