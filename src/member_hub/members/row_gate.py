"""Whose rows may be read for a purpose at all: objections, age and consent, within the statement that reads them.

Nothing is asked beforehand, so nothing can have changed in between: whoever withdraws is out of every statement that
begins after their commit. What is not on record as allowed is refused: no gate row, no approval, bits past their time.

Decision: the conditions are made once per shape and take their values as named parameters (`parameters`), because
making them anew for every request cost ten times what the database takes to check them. Price: whoever executes a
statement with such a condition passes the parameters; left out, the driver refuses the statement.
Decision: an approval to see minors counts for the staff of a store, whichever members they reach: at the till they
serve the minors of other stores too. Price: who works in two stores sees minors once one of them has an approval.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Text,
    and_,
    any_,
    bindparam,
    case,
    column,
    exists,
    literal,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from member_hub.access import Caller, CallerKind, Grant
from member_hub.db.bulk import constant, table_of
from member_hub.members.bits import UNRESTRICTED, restriction_mask
from member_hub.members.gates import ConsentGate, MinorApproval
from member_hub.members.staff_numbers import number_in, spellings_of
from member_hub.members.tables import AgeBand, Member
from member_hub.privacy import Purpose

STANDING: Final = "standing"  # the kind of approval that counts for reading (gates.py)
_NOT_MINORS: Final = (AgeBand.ADULT, AgeBand.UNKNOWN)  # of unknown age: the service works (PIPL.md 1b)
_NOT_STAFF: Final = frozenset({CallerKind.APP, CallerKind.MEMBER, CallerKind.SYSTEM})

# Of consent/tables.py, which stands above this module.
text_t = table("notice_text", column("notice_id"), column("locale", Text), column("shared", JSONB), schema="hub")
member_t, gate_t, approval_t = table_of(Member), table_of(ConsentGate), table_of(MinorApproval)


@dataclass(frozen=True, slots=True)
class RowGate:
    """What one caller's reading has to pass beside their reach."""

    purpose: Purpose
    recipient: str  # as whom an app asks; empty: as the handler itself
    handler: str | None  # within which consents and approvals count; None: of each row its own
    restricted: int  # objections that hide a row
    staff_role: str | None  # who needs an approval to see minors
    stores: frozenset[str]
    subject: str  # whose own approvals count for others alone
    needs_consent: bool
    at: datetime
    told: Mapping[str, object] = field(default_factory=dict)  # what the notice has to say of the recipient

    @classmethod
    def to(
        cls, caller: Caller, grant: Grant, *, recipient: str, told: Mapping[str, object], now: datetime
    ) -> "RowGate":
        """What members read of their own passes as it is; `recipient`: Catalogue.recipient_of(caller)."""
        is_staff = caller.kind not in _NOT_STAFF and grant.purpose not in UNRESTRICTED  # the officer's own duties
        return cls(
            purpose=grant.purpose,
            recipient=recipient,
            handler=None if grant.is_of_all else caller.handler,
            restricted=0 if grant.is_own else restriction_mask(grant.purpose),
            staff_role=caller.role if is_staff else None,
            stores=caller.stores,
            subject=caller.subject,
            needs_consent=not grant.is_own and (grant.consent_key is not None or bool(recipient)),
            at=now,
            told=told,
        )

    def of_figures(self) -> "RowGate":
        """The same for counting, where nobody is seen: an approval to see minors is not asked for."""
        return replace(self, staff_role=None)

    @property
    def counted_for(self) -> str:
        """Whose consent and objections a count went by; two counts with one text went by the same."""
        return f"{self.purpose}:{self.recipient}" if self.recipient else self.purpose.value

    def condition(self) -> ColumnElement[bool]:
        """Of hub.member; to be executed with `parameters`."""
        return self.shape.condition()

    @property
    def parameters(self) -> Mapping[str, Any]:
        given: dict[str, Any] = {}
        if self.restricted:
            given["gate_restricted"] = self.restricted
        if self.staff_role is not None:
            given |= {
                "gate_role": self.staff_role,
                "gate_stores": sorted(self.stores),
                "gate_own": spellings_of(self.subject),
            }
        if self.needs_consent:
            given |= {"gate_purpose": self.purpose.value, "gate_recipient": self.recipient}
            if self.recipient:
                given["gate_told"] = [dict(self.told)]
        if self.staff_role is not None or self.needs_consent:
            given["gate_at"] = self.at
            if self.handler is not None:
                given["gate_handler"] = self.handler
        return given

    @property
    def shape(self) -> "GateShape":
        return GateShape(
            bool(self.restricted),
            self.staff_role is not None,
            self.needs_consent,
            is_recipient=bool(self.recipient),
            of_each=self.handler is None,
        )


@dataclass(frozen=True, slots=True)
class GateShape:
    """Which conditions there are: two dozen shapes in all."""

    restricts: bool
    hides_minors: bool
    needs_consent: bool
    is_recipient: bool
    of_each: bool  # within the handler of each row, not the caller's

    def condition(self) -> ColumnElement[bool]:
        return _condition(self)


@cache
def _condition(shape: GateShape) -> ColumnElement[bool]:
    """In the order of a decision (DESIGN 8): objection, age, consent."""
    handler = member_t.c.handler if shape.of_each else bindparam("gate_handler", type_=Text)
    parts: list[ColumnElement[bool]] = []
    if shape.restricts:
        parts.append(_is_not_restricted())
    if shape.hides_minors:
        parts.append(or_(_is_no_minor(), _is_approved(handler)))
    if shape.needs_consent:
        parts.append(_has_consented(handler, is_recipient=shape.is_recipient))
    return and_(true(), *parts)


def _is_not_restricted() -> ColumnElement[bool]:
    """None of the bits. Said with `<`, because of `= 0` the planner takes one row in 200 to pass (of `<` one in three),
    and then sorts a whole table instead of walking the list by its index until a page is full."""
    mask = bindparam("gate_restricted", type_=BigInteger)
    return member_t.c.restriction_bits.bitwise_and(mask) < constant(1)


def _is_no_minor() -> ColumnElement[bool]:
    return member_t.c.age_band.in_([constant(band.value) for band in _NOT_MINORS])


def _is_approved(handler: ColumnElement[Any]) -> ColumnElement[bool]:
    """The role has a standing approval, in one of the caller's stores or everywhere, from somebody else."""
    stores = bindparam("gate_stores", type_=ARRAY(Text))
    own = bindparam("gate_own", type_=ARRAY(Text))
    return exists().where(
        approval_t.c.kind == constant(STANDING),
        approval_t.c.handler == handler,
        approval_t.c.role == bindparam("gate_role", type_=Text),
        or_(approval_t.c.store.is_(None), approval_t.c.store == any_(stores)),
        approval_t.c.expires_at > _now(),
        approval_t.c.revoked_at.is_(None),
        not_(number_in(approval_t.c.approved_by) == any_(own)),
    )


def _has_consented(handler: ColumnElement[Any], *, is_recipient: bool) -> ColumnElement[bool]:
    """The bit of the newest gate is set, and what the row says has not run out.

    The newest whatever the clock says: a process whose clock is late obeys a material change at once.
    """
    counting = gate_t.c.bit if not is_recipient else case((_is_told(), gate_t.c.bit))
    purpose, recipient = bindparam("gate_purpose", type_=Text), bindparam("gate_recipient", type_=Text)
    return _is_set(member_t.c, _newest(counting, handler, purpose, recipient), _now())


def consent_stands(row: Any, purpose: Purpose, *, at: datetime) -> ColumnElement[bool]:
    """The same for what the hub does by itself: whether the consent of a row (handler, consent_bits, gate_until) with
    its own handler stands; nothing of it is a named parameter."""
    bit = _newest(gate_t.c.bit, row.handler, constant(purpose.value), constant(""))
    return _is_set(row, bit, literal(at))


def _newest(
    counting: ColumnElement[int],
    handler: ColumnElement[Any],
    purpose: ColumnElement[Any],
    recipient: ColumnElement[Any],
) -> ColumnElement[int]:
    return (
        select(counting)
        .where(gate_t.c.handler == handler, gate_t.c.purpose == purpose, gate_t.c.recipient == recipient)
        .order_by(gate_t.c.effective_at.desc())
        .limit(constant(1))
        .scalar_subquery()
    )


def _is_set(row: Any, bit: ColumnElement[int], at: ColumnElement[datetime]) -> ColumnElement[bool]:
    # `<> 0` and not `= 1`, for the planner's sake as above; null where there is no gate, which is no.
    is_set = row.consent_bits.bitwise_rshift(bit).bitwise_and(constant(1)) != constant(0)
    holds = or_(row.gate_until.is_(None), row.gate_until > at)
    return and_(is_set, holds)


def _is_told() -> ColumnElement[bool]:
    """The notice that opened the gate says of the recipient all that it receives by now.

    A notice that says less, or more, of it opens a newer gate (consent/notice/notices.py); a policy pack that says more
    is no consent of anybody, and takes the recipient's gate away until a notice says it.
    """
    said = bindparam("gate_told", type_=JSONB)
    return exists().where(
        text_t.c.notice_id == gate_t.c.notice_id, text_t.c.locale == constant("zh"), text_t.c.shared.contains(said)
    )


def _now() -> ColumnElement[datetime]:
    return bindparam("gate_at", type_=DateTime(timezone=True))
