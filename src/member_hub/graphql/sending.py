"""authoriseSend: who may still be contacted, asked by whoever sends, just before.

Decision: a mutation, although it changes nothing of any member: its answer may never be cached or had by GET, holds for
the moment it was given, and is an egress on record, with everybody who was asked about and how many were refused.
Decision: everything is looked at anew for every item, in one snapshot. The epoch that an item may carry (the member's
`privacyEpoch` when the list was made) says whether anything was decided since; it is no reason to look less closely,
for the clock and a new notice change what may be sent without any decision.
Price: some five statements a batch, and an entry in the audit log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import strawberry

from member_hub.access import CallerKind
from member_hub.consent.deciding.addressees import ITEMS_MAX, Found, addressees
from member_hub.consent.deciding.sending import Addressee, HeldContact, Permission, Sending, SendReason, permission
from member_hub.consent.words import ContactChannel
from member_hub.crypto import Item
from member_hub.db.base import Tx
from member_hub.errors import BadInput, Forbidden
from member_hub.graphql.asking import Asking, shown_as
from member_hub.graphql.building import global_id
from member_hub.graphql.guarded import GuardedText, Opened, shown
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import open_items
from member_hub.graphql.problems import UserError, user_errors
from member_hub.graphql.query import Info
from member_hub.graphql.scalars import given
from member_hub.graphql.sight import COLUMNS, claim_item
from member_hub.identity.facts import CONTACT_FIELDS
from member_hub.ids import MemberId
from member_hub.privacy import ProfileField, Purpose, declaration

strawberry.enum(
    SendReason,
    description=(
        "Whether a message may go out now, and why not: ALLOWED; NOT_CONSENTED, the member never agreed, or refused; "
        "WITHDRAWN; NOT_INFORMED, no notice was ever put before the member; OBJECTED, to the purpose, the channel or "
        "everything; DO_NOT_CONTACT, the member bears that tag, and it is not for their service, support or rights; "
        "STALE, the notice changed materially, or a child has turned 14, and the member has not agreed anew; EXPIRED, "
        "the time of the consent is over; NOT_OLD_ENOUGH, under 14 without a guardian's consent, or of unknown age; "
        "CONTACT_NOT_COVERED, agreed for another phone or address than the member has now; NO_CONTACT, "
        "the member has none; NOT_FOUND, nobody, or out of reach."
    ),
)


class AnotherPurpose(Forbidden):
    zh = "须以所要发送的目的发起请求。"
    en = "Ask under the purpose for which it is to be sent."


@strawberry.input(description="One member of a batch.")
class SendItem:
    member: strawberry.ID = strawberry.field(description="Whom; merged ids too.")
    epoch: int | None = strawberry.field(
        default=strawberry.UNSET, description="The member's privacyEpoch when the list was made."
    )


@strawberry.input(description="What is to be sent to whom.")
class AuthoriseSendInput:
    purpose: Purpose = strawberry.field(description="What for: the purpose of the request.")
    recipient: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A recipient of the register, if not the handler itself or who acts for it gets or sends it.",
    )
    channel: ContactChannel = strawberry.field(description="Over what.")
    items: list[SendItem] = strawberry.field(description=f"1 to {ITEMS_MAX} members.")


@strawberry.type(description="Whether one member may be contacted at this moment.")
class SendPermission:
    member: strawberry.ID = strawberry.field(description="The id as it was sent.")
    current_id: strawberry.ID | None = strawberry.field(
        description="The member's id now: one person may stand in a batch under two. Null where NOT_FOUND."
    )
    allowed: bool = strawberry.field(description="Whether it may be sent.")
    reason: SendReason = strawberry.field(description="ALLOWED, or why not.")
    epoch: int | None = strawberry.field(description="The member's privacyEpoch now; null where NOT_FOUND.")
    changed: bool | None = strawberry.field(
        description="Whether the member decided anything since the epoch that was sent; null where none was sent."
    )
    contact: GuardedText | None = strawberry.field(
        description=(
            "The phone or address that may be used, the profile's where it may; null if refused, and where the "
            "channel needs none."
        )
    )


@strawberry.type(description="What became of asking who may be contacted.")
class AuthoriseSendPayload:
    answers: list[SendPermission] | None = strawberry.field(
        description="One per item, in their order; null if the whole request was refused."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was answered.")


async def authorise_send(
    info: Info,
    input: Annotated[AuthoriseSendInput, strawberry.argument(description="The batch.")],  # noqa: A002
) -> AuthoriseSendPayload:
    asking = info.context
    try:
        sending = _sending(asking, input)
        asking.count_members(len(input.items))
        answers = await _answers(asking, sending, input.items)
    except (BadInput, AnotherPurpose) as refusal:
        asking.trail.refusal = refusal.code
        return AuthoriseSendPayload(answers=None, user_errors=user_errors(refusal, asking.language))
    return AuthoriseSendPayload(answers=answers, user_errors=[])


def _sending(asking: Asking, sent: AuthoriseSendInput) -> Sending:
    """Raises BadInput and AnotherPurpose. What it is about stands on record, also where it is refused."""
    asking.trail.fields |= {f"send:{sent.purpose}", f"over:{sent.channel}"}
    if sent.purpose is not asking.caller.purpose:
        raise AnotherPurpose(field="purpose")
    if sent.channel not in asking.hub.catalogue.purposes[sent.purpose].channels:
        raise BadInput(
            "Nobody is contacted for this purpose over this channel.", zh="该目的不使用该联系渠道。", field="channel"
        )
    if not 1 <= len(sent.items) <= ITEMS_MAX:
        raise BadInput(f"Give 1 to {ITEMS_MAX} members.", zh=f"须给出 1 至 {ITEMS_MAX} 名会员。", field="items")
    recipient = _recipient(asking, given(sent.recipient), sent.purpose)
    rests = asking.hub.policies.register.purposes[sent.purpose].consent_key is not None
    if recipient:
        asking.trail.fields.add(f"to:{recipient}")
    return Sending(sent.purpose, sent.channel, recipient, rests_on_consent=rests or bool(recipient))


def _recipient(asking: Asking, named: str | None, purpose: Purpose) -> str:
    """Who decides for itself and so needs a consent by its name; empty for the handler and who acts for it.

    An app that is such a recipient itself speaks for no other. Raises BadInput.
    """
    catalogue, caller = asking.hub.catalogue, asking.caller
    own = catalogue.recipient_of_app(caller.subject) if caller.kind is CallerKind.APP else ""
    name = named or own
    if not name:
        return ""
    found = catalogue.recipients.get(name)
    if found is None or purpose not in found.purposes or (own and name != own):
        raise BadInput("This is no recipient for this purpose.", zh="该目的没有此接收方。", field="recipient")
    return found.name if found.needs_consent else ""


@dataclass(frozen=True, slots=True)
class _Answered:
    """What was decided about one item."""

    item: SendItem
    one: Addressee | None
    permission: Permission


NOBODY: Final = Permission(SendReason.NOT_FOUND)


async def _answers(asking: Asking, sending: Sending, items: Sequence[SendItem]) -> list[SendPermission]:
    """Decided, opened and put on record in one snapshot."""
    asked = {item.member: member_id_of(item.member) for item in items}
    async with asking.snapshot.reading() as tx:
        found = await _found(asking, tx, sending, [one for one in asked.values() if one is not None])
        decided = [_decided(asking, sending, item, asked[item.member], found) for item in items]
        shows = await _Contacts.opened(asking, tx, sending, decided)
    refused = sum(one.permission.reason is not SendReason.ALLOWED for one in decided)
    asking.trail.finds(one.one.row.member_id for one in decided if one.one is not None)
    asking.trail.fields |= {f"asked:{len(items)}", f"refused:{refused}"}
    return [_answer(one, shows) for one in decided]


async def _found(asking: Asking, tx: Tx, sending: Sending, ids: Sequence[MemberId]) -> Found:
    """Within the reach that the policy states: consent, which narrows every other read, is what is decided here."""
    handler = asking.caller.handler
    visible = replace(asking.visible, rows=asking.grant.rows_stated)
    if handler is None or not ids or visible.reaches_nobody(by_key=False):
        return Found({}, None)
    catalogue = asking.hub.catalogue
    return await addressees(tx, sending, ids, within=visible, handler=handler, catalogue=catalogue, now=asking.now)


def _decided(asking: Asking, sending: Sending, item: SendItem, asked: MemberId | None, found: Found) -> _Answered:
    one = found.by_id.get(asked) if asked is not None else None
    if one is None:
        return _Answered(item, None, NOBODY)
    return _Answered(item, one, permission(sending, one, found.gate, now=asking.now))


@dataclass(frozen=True, slots=True, repr=False)
class _Contacts:
    """The contact that each member may be written to, opened."""

    asking: Asking
    field: ProfileField | None
    opened_: Opened

    @classmethod
    async def opened(cls, asking: Asking, tx: Tx, sending: Sending, decided: Iterable[_Answered]) -> "_Contacts":
        """At most two values a member: the profile's, and the one that holds best of those that may be used."""
        if sending.contact_kind is None:
            return cls(asking, None, {})
        field = CONTACT_FIELDS[sending.contact_kind]
        usable = [one for one in decided if one.permission.contacts]
        items = [item for one in usable for item in (_golden(one, field), claim_item(one.permission.contacts[0].row))]
        shown = frozenset({shown_as(f"member.{field}", asking.grant.read(f"member.{field}"))})
        for one in usable:  # and of nobody else in the batch, who would read of it in their own history
            assert one.one is not None
            asking.trail.shows_of(one.one.row.member_id, shown)
        opened = await open_items(asking, tx, (item for item in items if item is not None))
        return cls(asking, field, opened)

    def of(self, one: _Answered) -> GuardedText | None:
        """The profile's own where it may be used: it is what the member is written to otherwise."""
        if self.field is None or not one.permission.contacts:
            return None
        golden = _golden(one, self.field)
        item = golden if self._may_use(golden, one.permission.contacts) else claim_item(one.permission.contacts[0].row)
        verdict = self.asking.grant.read(f"member.{self.field}")
        return shown(verdict, declaration(COLUMNS[self.field]).mask, item, self.opened_)

    def _may_use(self, golden: Item | None, usable: Sequence[HeldContact]) -> bool:
        plain = self.opened_.get(golden) if golden is not None else None
        if not isinstance(plain, str) or self.field is None:
            return False
        return self.asking.hub.vault.token(self.field.value, "", plain) in {one.token for one in usable}


def _golden(one: _Answered, field: ProfileField) -> Item | None:
    assert one.one is not None
    stored = getattr(one.one.row, field.value)
    return None if stored is None else Item(COLUMNS[field], one.one.row.member_id, stored)


def _answer(one: _Answered, shows: _Contacts) -> SendPermission:
    reason, sent = one.permission.reason, given(one.item.epoch)
    row = one.one.row if one.one is not None else None
    return SendPermission(
        member=one.item.member,
        current_id=global_id(row.member_id) if row is not None else None,
        allowed=reason is SendReason.ALLOWED,
        reason=reason,
        epoch=row.privacy_epoch if row is not None else None,
        changed=row.privacy_epoch != sent if row is not None and sent is not None else None,
        contact=shows.of(one),
    )
