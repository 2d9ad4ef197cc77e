"""consentGive, consentRefuse, consentWithdraw: members decide, and the decision holds with the commit."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import strawberry

from member_hub import idempotency, profiles
from member_hub.consent.deciding import giving, withdrawing
from member_hub.consent.deciding.answering import Answer, Yes
from member_hub.consent.deciding.evidence import Evidence
from member_hub.consent.deciding.holding import Desk, Held, hold
from member_hub.consent.deciding.outcome import Acted
from member_hub.consent.deciding.withdrawing import Denial
from member_hub.consent.words import ANY, ContactChannel, EvidenceKind, Method
from member_hub.db.base import Tx
from member_hub.graphql import reading
from member_hub.graphql.acting import whose
from member_hub.graphql.changing import carried_out
from member_hub.graphql.consent_outcomes import ConsentOutcome, consents_of
from member_hub.graphql.loading import note_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError, user_errors
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.scalars import given
from member_hub.members.reading import Visible
from member_hub.privacy import Purpose

_WHOSE = "Whose decision; null: the member who asks, or for whom the mini-program asks."


@strawberry.enum(description="How somebody says yes. A push setting of a device is none of these, and no consent.")
class ConsentGiveMethod(StrEnum):
    TICK = "tick"
    BUTTON = "button"
    VOICE = "voice"
    PAPER = "paper"
    STORE_TERMINAL = "store_terminal"


@strawberry.input(description="One thing that is consented to, as it was asked.")
class ConsentDecisionInput:
    purpose: Purpose = strawberry.field(description="For what; one that rests on consent.")
    recipient: str | None = strawberry.field(
        default=strawberry.UNSET, description="To whom it is provided; needs an act of its own."
    )
    channel: ContactChannel | None = strawberry.field(
        default=strawberry.UNSET, description="Over what; required where the purpose has channels."
    )
    contact: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Which phone or e-mail address of the member; null: the one in the profile.",
    )

    def read(self) -> Yes:
        return Yes(self.purpose, given(self.recipient) or ANY, given(self.channel), given(self.contact))


@strawberry.input(description="What staff who act on somebody's behalf have in hand; kept sealed.")
class ConsentEvidenceInput:
    kind: EvidenceKind = strawberry.field(description="What it is.")
    reference: str = strawberry.field(description="Where it is found again: 1 to 60 characters.")


@strawberry.input(description="An answer to a notice: one act, of all decisions in it or of none.")
class ConsentGiveInput:
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=_WHOSE)
    purposes: list[ConsentDecisionInput] = strawberry.field(
        description="What is consented to: 1 to 20; just one where a separate consent is due."
    )
    served_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The asking that is answered (`noticeServed`). Each is answered once."
    )
    notice: str = strawberry.field(description="The notice that was shown, by name or id; the current one.")
    method: ConsentGiveMethod = strawberry.field(description="How it was said.")
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Until when; null: until withdrawn, or as the notice says."
    )
    evidence: ConsentEvidenceInput | None = strawberry.field(
        default=strawberry.UNSET, description="Required of staff; without it the question stays asked."
    )
    occurred_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When it was said; null: now. Before the asking only on a paper that staff have in hand.",
    )

    def read(self) -> Answer:
        evidence = given(self.evidence)
        return Answer(
            decisions=[one.read() for one in self.purposes],
            notice=self.notice,
            served_id=_uuid(given(self.served_id)),
            method=Method(self.method.value),
            until=given(self.until),
            evidence=Evidence(evidence.kind, evidence.reference) if evidence is not None else None,
            occurred_at=given(self.occurred_at),
        )


@strawberry.input(description="What is refused or withdrawn: the less is named, the more it covers.")
class ConsentDenialInput:
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=_WHOSE)
    purpose: Purpose = strawberry.field(description="For what; alone, it covers every channel and recipient.")
    recipient: str | None = strawberry.field(default=strawberry.UNSET, description="Only for this recipient.")
    channel: ContactChannel | None = strawberry.field(default=strawberry.UNSET, description="Only over this channel.")
    contact: str | None = strawberry.field(
        default=strawberry.UNSET, description="Only for this phone or e-mail address, over the channel named."
    )

    def read(self) -> Denial:
        return Denial(self.purpose, given(self.recipient) or ANY, given(self.channel), given(self.contact))


@strawberry.type(description="What became of a decision.")
class ConsentPayload:
    member: Member | None = strawberry.field(description="The member; null if refused.")
    consents: list[ConsentOutcome] = strawberry.field(
        description="Where what was decided about stands now, narrower decisions with it; empty if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        description=(
            "Why it was refused; empty: it was done. Beside GUARDIAN_DUE `consents` may tell what now waits for a "
            "guardian; beside anything else nothing was changed."
        )
    )


Work = Callable[[Tx, Held, Desk], Awaitable[Acted]]


async def consent_give(
    info: Info,
    input: Annotated[ConsentGiveInput, strawberry.argument(description="The answer.")],  # noqa: A002 - as elsewhere
    idempotency_key: IdempotencyKey,
) -> ConsentPayload:
    asking = info.context

    async def work(tx: Tx, held: Held, desk: Desk) -> Acted:
        answer = input.read()
        key = request_key(info, idempotency_key)
        if await idempotency.begin(tx, desk.vault, key, now=asking.now) is not None:
            return await giving.as_it_stands(tx, desk, held, answer)
        acted = await giving.give(tx, desk, held, answer, now=asking.now)
        await idempotency.finish(tx, desk.vault, key, acted.member_id)
        return acted

    return await _carried_out(info, given(input.member), work)


async def consent_deny(
    info: Info,
    input: Annotated[ConsentDenialInput, strawberry.argument(description="What.")],  # noqa: A002 - as elsewhere
) -> ConsentPayload:
    """Refusing and withdrawing: the same act by the name that people look for."""

    async def work(tx: Tx, held: Held, desk: Desk) -> Acted:
        return await withdrawing.withdraw(tx, desk, held, input.read())

    return await _carried_out(info, given(input.member), work, visible=info.context.visible.to_protect())


async def _carried_out(info: Info, named: str | None, work: Work, *, visible: Visible | None = None) -> ConsentPayload:
    """`visible`: whom the act reaches, where that is more than what the caller may read."""
    asking, hub = info.context, info.context.hub
    desk = Desk(hub.vault, hub.catalogue, hub.policies.register)
    noted = set[str]()  # by an attempt that may have to be made again
    wanted = wanted_of(info)
    # Who may say no for a member does not always read of them, and less after it (members/reading.py: to_protect).
    may_be_gone = visible is not None and (visible != asking.visible or asking.visible.gate.needs_consent)

    async def attempt(tx: Tx) -> Acted:
        held = await hold(tx, asking.caller, visible or asking.visible, whose(asking, named), now=asking.now)
        asking.trail.member_ids.add(held.member_id)  # from here on the trail knows whom a refusal is about
        acted = await work(tx, held, desk)
        asking.trail.finds([held.member_id])
        asking.trail.fields -= noted
        noted.update(acted.words)
        asking.trail.fields |= noted
        asking.trail.refusal = acted.refusal.code if acted.refusal is not None else None
        if acted.ended:  # nothing of these is granted any more: what was held for them alone goes (PIPL 47)
            forgotten = await profiles.forget_consented(
                tx,
                hub.vault,
                [held.member_id],
                acted.ended,
                numbers=hub.catalogue.numbers,
                now=asking.now,
            )
            noted.update(forgotten.words)
            asking.trail.fields |= forgotten.words
            acted = replace(acted, notes=(*acted.notes, *forgotten.notes))
        await note_answer(asking, tx, wanted, held.member_id, may_be_gone=may_be_gone)
        return acted

    async def announce(acted: Acted) -> None:
        await withdrawing.announce(hub.ledger, acted)

    done = await carried_out(asking, attempt, announce=announce)
    acted, errors = done
    if acted is None:
        return ConsentPayload(member=None, consents=[], user_errors=errors)
    member = await reading.by_id(asking, wanted, acted.member_id)
    told = user_errors(acted.refusal, asking.language) if acted.refusal is not None else []
    return ConsentPayload(member=member, consents=consents_of(acted.stands), user_errors=told)


def _uuid(text: str | None) -> UUID | None:
    """None for what is no id: nothing was served under it."""
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        return None
