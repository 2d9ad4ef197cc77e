"""Who may be contacted at this moment: decided again just before a message goes out, however old the list is. Pure.

A list is made of those who may be contacted when it is made; minutes or days later somebody has withdrawn. So the one
who sends asks again (PIPL 15: at once; scenario S5). In the order of every decision (DESIGN 8):

    objection to the purpose or the channel -> the tag do_not_contact -> told -> old enough
        -> consent: the slot, then the bit -> contact point

A purpose that rests on consent needs the slot of this channel, granted under the notice in force, and the phone or
address that the grant named, still the member's own: the one of the profile if it was named, else another that was.
The member's answer on record for one number is none for the next one. A purpose of the service (an order is ready, a
complaint is answered) needs no consent, and obeys objections all the same.

The tag do_not_contact stops what is not for the service, support or rights of the member, whatever they agreed to: it
was set because of what somebody said or what happened, and consent given before is no answer to it.

Decision: a recipient that decides for itself needs a consent by its name for every purpose (PIPL 23). What acts on our
behalf (PIPL 21) is no recipient here, it sends as the handler does.
Decision: a member for whom nobody has looked since `gate_until` is refused, EXPIRED: what the clock changes is put
right by a job, and until it came round no message is the safe side to err on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from member_hub.consent.history.derived import suffices
from member_hub.consent.notice.gates import Gate
from member_hub.consent.words import Actor, ConsentState, ContactChannel
from member_hub.identity.kinds import ClaimKind
from member_hub.members.bits import UNRESTRICTED, channel_bit, restriction_mask
from member_hub.members.tables import AgeBand, MemberStatus
from member_hub.privacy import Purpose

S = ConsentState

# Over what a phone or an address is needed; the others reach an app or an account, which the sender knows by itself.
CONTACT_KINDS: Final = {
    ContactChannel.SMS: ClaimKind.PHONE,
    ContactChannel.PHONE_CALL: ClaimKind.PHONE,
    ContactChannel.EMAIL: ClaimKind.EMAIL,
}
_CHANNELS: Final = tuple(ContactChannel)
# What somebody who is not to be contacted is told all the same: about what they bought, asked or have a right to.
_NEEDED: Final = UNRESTRICTED | {Purpose.MEMBER_SERVICE, Purpose.CUSTOMER_SUPPORT}


class SendReason(StrEnum):
    ALLOWED = "allowed"
    NOT_CONSENTED = "not_consented"
    WITHDRAWN = "withdrawn"
    NOT_INFORMED = "not_informed"
    OBJECTED = "objected"
    DO_NOT_CONTACT = "do_not_contact"
    STALE = "stale"
    EXPIRED = "expired"
    NOT_OLD_ENOUGH = "not_old_enough"
    CONTACT_NOT_COVERED = "contact_not_covered"
    NO_CONTACT = "no_contact"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent: for which purpose, by whom, over what."""

    purpose: Purpose
    channel: ContactChannel
    recipient: str  # who decides for itself; empty: the handler
    rests_on_consent: bool

    @property
    def restrictions(self) -> int:
        """The objections that forbid it."""
        return restriction_mask(self.purpose) | channel_bit(_CHANNELS.index(self.channel))

    @property
    def is_commercial(self) -> bool:
        """Whether the tag do_not_contact stops it; a purpose that nobody thought of is."""
        return self.purpose not in _NEEDED

    @property
    def contact_kind(self) -> ClaimKind | None:
        return CONTACT_KINDS.get(self.channel)


@dataclass(frozen=True, slots=True, repr=False)
class DecidedSlot:
    """A decision of the member on this purpose and recipient, as it really stands now."""

    channel: str
    state: ConsentState
    actor: Actor
    contact: bytes | None  # the blind index of the phone or address that it names


@dataclass(frozen=True, slots=True, repr=False)
class HeldContact:
    """A phone or an address that the member holds; `row` is the claim, sealed."""

    token: bytes
    row: Any


@dataclass(frozen=True, slots=True, repr=False)
class Addressee:
    """One member as they stand at this moment."""

    row: Any  # of hub.member, with `is_informed`
    slots: Sequence[DecidedSlot]
    held: Sequence[HeldContact]  # what holds best first


@dataclass(frozen=True, slots=True, repr=False)
class Permission:
    """`contacts` are those that may be used, what holds best first; empty where none is needed, or none allowed."""

    reason: SendReason
    contacts: Sequence[HeldContact] = ()


def permission(sending: Sending, one: Addressee, gate: Gate | None, *, now: datetime) -> Permission:
    """Whether this may be sent to this member now, and to which phones or addresses."""
    row = one.row
    if row.status == MemberStatus.RESTRICTED or row.restriction_bits & sending.restrictions:
        return Permission(SendReason.OBJECTED)
    if sending.is_commercial and row.is_not_to_be_contacted:
        return Permission(SendReason.DO_NOT_CONTACT)
    granted: Sequence[DecidedSlot] = ()
    if sending.rests_on_consent:
        granted = [slot for slot in one.slots if slot.channel == sending.channel and slot.state is S.GRANTED]
        reason = _why_not(one, granted, gate, now)
        if reason is not None:
            return Permission(reason)
        granted = [slot for slot in granted if suffices(slot.actor, AgeBand(row.age_band))]
    return _to_contact(sending, one, granted)


def _why_not(one: Addressee, granted: Sequence[DecidedSlot], gate: Gate | None, now: datetime) -> SendReason | None:
    row = one.row
    if not granted:
        return _without_grant({slot.state for slot in one.slots})
    if not row.is_informed:
        return SendReason.NOT_INFORMED
    if not any(suffices(slot.actor, AgeBand(row.age_band)) for slot in granted):
        return SendReason.NOT_OLD_ENOUGH
    if gate is None or not row.consent_bits & gate.mask:
        return SendReason.NOT_CONSENTED
    return SendReason.EXPIRED if row.gate_until is not None and row.gate_until <= now else None


def _without_grant(states: set[ConsentState]) -> SendReason:
    """What the member said, where it says more than that there is no consent."""
    if S.WITHDRAWN in states:
        return SendReason.WITHDRAWN
    if S.REFUSED not in states:
        if S.STALE in states:
            return SendReason.STALE
        if S.EXPIRED in states:
            return SendReason.EXPIRED
    return SendReason.NOT_CONSENTED


def _to_contact(sending: Sending, one: Addressee, granted: Sequence[DecidedSlot]) -> Permission:
    """A grant over text messages that names no number is for none: nobody said which."""
    if sending.contact_kind is None:
        return Permission(SendReason.ALLOWED)
    if not one.held:
        return Permission(SendReason.NO_CONTACT)
    if not sending.rests_on_consent:
        return Permission(SendReason.ALLOWED, one.held)
    named = {slot.contact for slot in granted}
    covered = [contact for contact in one.held if contact.token in named]
    return Permission(SendReason.ALLOWED, covered) if covered else Permission(SendReason.CONTACT_NOT_COVERED)
