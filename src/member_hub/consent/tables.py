"""What is stored about notices and decisions: history that nobody can change, and where each decision stands now.

Decision: an event is filed under the member of its moment for life and found by its channel account, so merging moves
no history (DESIGN 7). The app may add events, notices and served notices, and has no right to change or remove one;
what staff had in hand, which is sealed and has to be rekeyed, stands in a table of its own.
Decision: the contact point of a grant is a blind index in `vault`, never in `hub`: no long-lived dump carries it.
Price: a decision is read from two tables, and turning the index key has to know a third.
Notices and what was served tell about texts; events, once keys and tokens are gone, about an opaque id only: both stay
when a person is erased, as evidence (PIPL 9, 69; kept three years, PIPL.md C).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.consent.words import Actor, ConsentState
from member_hub.db.base import VAULT, Base
from member_hub.members.gates import GuardianLink as GuardianLink  # noqa: PLC0414 (a row scope reads it)
from member_hub.privacy import DataClass, OnErasure, Purpose, personal, sealed, technical, token

EVIDENCE_DAYS = 1096  # three years after the end (PIPL.md C [P]; Civil Code 188)
_FOR = (Purpose.MEMBER_SERVICE, Purpose.CUSTOMER_SUPPORT, Purpose.RIGHTS_HANDLING)
GUARD = "member.consents"


def _one_of(column: str, words: object) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"  # type: ignore[attr-defined]


class ConsentLine(Base):
    """One statement (purpose, granted, at, notice) of one channel account; stays with its account for life."""

    __tablename__ = "consent_line"
    __sealed_subject__ = "origin_id"
    __sealed_row__ = ("line_digest",)
    __sealed_digest__ = {"line_digest": ("statement",)}  # noqa: RUF012 (read by crypto/layout.py only)
    __table_args__ = (
        Index("ix_consent_line_origin_id", "origin_id"),
        Index("ix_consent_line_waiting", "origin_id", postgresql_where=text("applied_at IS NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who said it"))
    line_digest: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("HMAC under a key of the origin's data key")
    )
    statement: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONSENT, zh="同意记录", en="consent statement", guard=GUARD, purposes=_FOR, block_bytes=64
        ),
    )
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=personal(zh="表示时间", en="said at"))
    applied_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when it became an event; null: waits for its notice")
    )


class Notice(Base):
    """One version of a notice of one handler, in force from `effective_at` until the next of its family; immutable."""

    __tablename__ = "notice"
    __table_args__ = (Index("uq_notice_name", "handler", "name", unique=True),)

    notice_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    handler: Mapped[str] = mapped_column(Text, info=technical("the legal entity that informs"))
    family: Mapped[str] = mapped_column(Text, info=technical("general, children, or the place of an older text"))
    name: Mapped[str] = mapped_column(Text, info=technical("its version as people and files name it"))
    is_material: Mapped[bool] = mapped_column(Boolean, info=technical("whether earlier grants are stale (PIPL 14)"))
    purposes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), info=technical("the purposes that rest on consent and that it asks about")
    )
    changed: Mapped[list[str]] = mapped_column(ARRAY(Text), info=technical("purposes that it changes materially"))
    effective_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("in force since"))
    published_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it was published"))
    published_by: Mapped[str] = mapped_column(Text, info=technical("staff number, or the command"))


class NoticeText(Base):
    """The wording of a notice in one language, with the lists that it gives, and the digest of all of it; immutable."""

    __tablename__ = "notice_text"

    notice_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the notice"))
    locale: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("zh or en"))
    title: Mapped[str] = mapped_column(Text, info=technical("its heading"))
    body: Mapped[str] = mapped_column(Text, info=technical("the wording"))
    collected: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, info=technical("what is collected, from the privacy declarations")
    )
    shared: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, info=technical("what is shared with whom, from the register of recipients")
    )
    sha256: Mapped[bytes] = mapped_column(LargeBinary, info=technical("SHA-256 of title, body and lists"))


class NoticeServed(Base):
    """A notice was put before a member, and what was asked with it; immutable."""

    __tablename__ = "notice_served"

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("to whom, filed for life"))
    served_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    notice_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("which notice"))
    locale: Mapped[str] = mapped_column(Text, info=technical("in which language"))
    by_way_of: Mapped[str] = mapped_column(Text, info=technical("app, website, store, message or paper"))
    asked: Mapped[list[str]] = mapped_column(
        ARRAY(Text), info=technical("what was asked: purpose:recipient:channel; empty: only informed")
    )
    is_by_member: Mapped[bool] = mapped_column(Boolean, info=technical("whether the member began it"))
    served_by: Mapped[str] = mapped_column(Text, info=technical("app or staff number"))
    served_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True),
        info=personal(
            zh="告知时间", en="informed at", retention_days=EVIDENCE_DAYS, on_erasure=OnErasure.KEEP, purposes=_FOR
        ),
    )


class ConsentEvent(Base):
    """One thing that happened to one decision; immutable, chained per member."""

    __tablename__ = "consent_event"
    __table_args__ = (
        CheckConstraint(_one_of("state_from", ConsentState), name="state_from"),
        CheckConstraint(_one_of("state_to", ConsentState), name="state_to"),
        CheckConstraint(_one_of("actor", Actor), name="actor"),
        CheckConstraint(
            "state_to <> 'granted' OR is_separate"
            " OR NOT (is_sensitive OR recipient <> '' OR is_published OR is_abroad)",
            name="separate_act",
        ),
        Index("uq_consent_event_sequence", "member_id", "sequence", unique=True),
        Index("ix_consent_event_origin_id", "origin_id"),
        Index("ix_consent_event_also", "also", postgresql_using="gin", postgresql_where=text("also IS NOT NULL")),
        Index(
            "uq_consent_event_served",
            "served_id",
            "purpose",
            "recipient",
            "channel",
            unique=True,
            postgresql_where=text("served_id IS NOT NULL AND act NOT IN ('serve_notice', 'member_initiates')"),
        ),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose, filed for life"))
    event_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    sequence: Mapped[int] = mapped_column(Integer, info=technical("1, 2, 3 within the member"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("through which channel account"))
    also: Mapped[list[UUID] | None] = mapped_column(
        ARRAY(PgUuid), info=technical("the member's other accounts then; null where the account alone speaks")
    )
    handler: Mapped[str] = mapped_column(Text, info=technical("the legal entity that it was said to"))
    purpose: Mapped[str] = mapped_column(Text, info=technical("the purpose"))
    recipient: Mapped[str] = mapped_column(Text, info=technical("named recipient; empty: none"))
    channel: Mapped[str] = mapped_column(Text, info=technical("over what one is contacted; empty: any"))
    has_contact: Mapped[bool] = mapped_column(
        Boolean, server_default=false(), info=technical("whether it is about one contact point (vault.consent_contact)")
    )
    act: Mapped[str] = mapped_column(Text, info=technical("what happened"))
    state_from: Mapped[str] = mapped_column(Text, info=technical("state before"))
    state_to: Mapped[str] = mapped_column(
        Text,
        info=personal(
            zh="同意的决定",
            en="decision on consent",
            guard=GUARD,
            retention_days=EVIDENCE_DAYS,
            on_erasure=OnErasure.KEEP,
            purposes=_FOR,
        ),
    )
    actor: Mapped[str] = mapped_column(Text, info=technical("kind of the one who acted"))
    acted_by: Mapped[str] = mapped_column(Text, info=technical("staff number, app, or the kind again"))
    method: Mapped[str] = mapped_column(Text, info=technical("tick, button, voice, paper, store_terminal, file"))
    notice_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("under which notice"))
    served_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("which serving it answers"))
    is_separate: Mapped[bool] = mapped_column(Boolean, info=technical("an act of its own (PIPL 23, 25, 29, 39)"))
    is_sensitive: Mapped[bool] = mapped_column(Boolean, info=technical("sensitive personal information (PIPL 28)"))
    is_published: Mapped[bool] = mapped_column(Boolean, info=technical("made public (PIPL 25)"))
    is_abroad: Mapped[bool] = mapped_column(Boolean, info=technical("goes abroad (PIPL 39)"))
    ends_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("until when it was given (NDSR 22(4)); null: until withdrawn")
    )
    occurred_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True),
        info=personal(
            zh="决定时间", en="decided at", retention_days=EVIDENCE_DAYS, on_erasure=OnErasure.KEEP, purposes=_FOR
        ),
    )
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it was put on record"))
    request_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the request; its audit entry has it too"))
    previous: Mapped[bytes] = mapped_column(LargeBinary, info=technical("hash of the event before; zeros: the first"))
    hash: Mapped[bytes] = mapped_column(LargeBinary, info=technical("SHA-256 over the event and the hash before"))


class ConsentHead(Base):
    """Where a member's chain of events ends, under a key that the database does not hold; stays with the events."""

    __tablename__ = "consent_head"

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("under which the chain is filed"))
    sequence: Mapped[int] = mapped_column(Integer, info=technical("of the newest event"))
    hash: Mapped[bytes] = mapped_column(LargeBinary, info=technical("of the newest event"))
    mac: Mapped[bytes] = mapped_column(LargeBinary, info=technical("HMAC of the three; empty: was tampered with"))


class ConsentContact(Base):
    """The contact point that an event is about, as a blind index; gone with its person, never in a long dump."""

    __tablename__ = "consent_contact"
    __table_args__ = (Index("ix_consent_contact_origin_id", "origin_id"), {"schema": VAULT})

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("of the event"))
    event_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the event"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("of the event"))
    kind: Mapped[str] = mapped_column(Text, info=technical("phone or email"))
    version: Mapped[int] = mapped_column(SmallInteger, info=technical("of the index key"))
    token: Mapped[bytes] = mapped_column(
        LargeBinary, info=token(zh="同意所涉联系方式的盲索引", en="blind index of the contact point of a consent")
    )


class ConsentEvidence(Base):
    """What staff who acted on somebody's behalf had in hand."""

    __tablename__ = "consent_evidence"
    __sealed_subject__ = "origin_id"
    __sealed_row__ = ("event_id",)
    __table_args__ = (Index("ix_consent_evidence_origin_id", "origin_id"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("of the event"))
    event_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the event"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("of the event"))
    kind: Mapped[str] = mapped_column(Text, info=technical("signed_slip, code_echo or recording"))
    reference: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONSENT,
            zh="同意凭证编号",
            en="reference of the evidence",
            guard=GUARD,
            purposes=_FOR,
            block_bytes=64,
        ),
    )


class ConsentCurrent(Base):
    """Where a slot of a member stands: a projection of the events, written with them; can be made anew at any time."""

    __tablename__ = "consent_current"
    __table_args__ = (
        CheckConstraint(_one_of("state", ConsentState), name="state"),
        Index("ix_consent_current_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose"))
    purpose: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("the purpose"))
    recipient: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("named recipient; empty: none"))
    channel: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("over what; empty: any"))
    event_id: Mapped[UUID] = mapped_column(
        PgUuid, primary_key=True, info=technical("the event that made it so; it names the contact point")
    )
    filed_under: Mapped[UUID] = mapped_column(PgUuid, info=technical("the member id of that event"))
    state: Mapped[str] = mapped_column(
        Text, info=personal(zh="同意状态", en="state of consent", guard=GUARD, purposes=_FOR)
    )
    actor: Mapped[str] = mapped_column(Text, info=technical("kind of the one who decided"))
    notice_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("under which notice"))
    since: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="状态起始时间", en="in this state since", purposes=_FOR)
    )
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("until when it was given"))
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when something happens to it by the clock")
    )


class Objection(Base):
    """A member limits or refuses processing (PIPL 44): a state that somebody caused, until they lift it."""

    __tablename__ = "objection"
    __table_args__ = (
        Index("ix_objection_origin_id", "origin_id"),
        Index("ix_objection_also", "also", postgresql_using="gin"),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose, filed for life"))
    objection_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("through which channel account"))
    also: Mapped[list[UUID]] = mapped_column(ARRAY(PgUuid), info=technical("the member's other accounts then"))
    scope: Mapped[list[str]] = mapped_column(
        ARRAY(Text),
        info=personal(zh="限制或拒绝处理的范围", en="what processing is objected to", guard=GUARD, purposes=_FOR),
    )
    actor: Mapped[str] = mapped_column(Text, info=technical("kind of the one who placed it"))
    placed_by: Mapped[str] = mapped_column(Text, info=technical("staff number, app, or the kind again"))
    placed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="提出时间", en="placed at", purposes=_FOR)
    )
    lifted_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="解除时间", en="lifted at", purposes=_FOR)
    )
    lifted_by: Mapped[str | None] = mapped_column(Text, info=technical("who lifted it"))


class LedgerHead(Base):
    """How far the outside ledger is known to this database: one row, rolled back with it (replay/catching_up.py)."""

    __tablename__ = "ledger_head"
    __table_args__ = (CheckConstraint("name = 'consent'", name="one_row"),)

    name: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("always the same: there is one row"))
    seq: Mapped[int] = mapped_column(BigInteger, info=technical("the last entry of the ledger that was looked at"))
    hash: Mapped[str] = mapped_column(Text, info=technical("its hash, by which another ledger is told from this one"))
