"""benefitIssue, benefitUse, benefitVoid: once under a key, within reach, with what is left in the answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from member_hub import benefits
from member_hub.access import Guard, Verdict
from member_hub.benefits import Asked, Desk, Used, Using
from member_hub.benefits.queries import Entitled, of_members
from member_hub.benefits.using import entitlement_t
from member_hub.benefits.words import IssueReason
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.graphql import reading
from member_hub.graphql.acting import whose
from member_hub.graphql.asking import Asking
from member_hub.graphql.benefit_types import BenefitUse, Entitlement, entitlement_of, use_of
from member_hub.graphql.changing import carried_out
from member_hub.graphql.guarded import guarded
from member_hub.graphql.loading import note_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.serving import suspended


@strawberry.input(description="A benefit that a member is given.")
class BenefitIssueInput:
    member: strawberry.ID = strawberry.field(description="Who.")
    benefit: str = strawberry.field(description="Code of a benefit that the programme lets be issued.")
    reason: IssueReason = strawberry.field(description="Why.")


@strawberry.input(description="A benefit that a member uses.")
class BenefitUseInput:
    member: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Who; left out: for whom the mini-program asks."
    )
    benefit: str = strawberry.field(description="Code of the benefit.")
    entitlement: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="This one and no other; left out: whichever ends first."
    )
    store: str | None = strawberry.field(default=strawberry.UNSET, description="Code of the store where it is used.")


@strawberry.input(description="A use that is taken back.")
class BenefitVoidInput:
    use: strawberry.ID = strawberry.field(description="Which use.")


@strawberry.type(description="What became of giving a benefit.")
class BenefitIssuePayload:
    member: Member | None = strawberry.field(description="The member; null if refused.")
    entitlement: Entitlement | None = strawberry.field(
        description="What was given, as it stands now; null if refused, or over.",
        directives=[guarded(entitlement_t.c.benefit)],
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.type(description="What became of using a benefit, or of taking a use back.")
class BenefitUsePayload:
    member: Member | None = strawberry.field(description="The member; null if refused.")
    entitlement: Entitlement | None = strawberry.field(
        description="What it was taken from, as it stands now; null if refused, or over.",
        directives=[guarded(entitlement_t.c.benefit)],
    )
    use: BenefitUse | None = strawberry.field(description="The use; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@dataclass(frozen=True, slots=True)
class _Done:
    member_id: MemberId
    entitlement: Entitled | None
    used: Used | None = None


Work = Callable[[Tx, Asked], Awaitable[_Done]]


async def benefit_issue(
    info: Info,
    input: Annotated[BenefitIssueInput, strawberry.argument(description="What and to whom.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> BenefitIssuePayload:
    asking = info.context

    async def work(tx: Tx, asked: Asked) -> _Done:
        root = await locked_in_reach(tx, asking.visible, whose(asking, input.member))
        _note(asking, root, input.benefit)
        asking.trail.fields.add(f"reason:{input.reason}")
        issued = await benefits.issue(tx, asking.caller, root, asked=asked, code=input.benefit, reason=input.reason)
        return _Done(root, await _standing(asking, tx, root, issued))

    done, errors = await _carried_out(info, idempotency_key, work, whose(asking, input.member))
    return BenefitIssuePayload(member=await _member(info, done), entitlement=_shown(asking, done), user_errors=errors)


async def benefit_use(
    info: Info,
    input: Annotated[BenefitUseInput, strawberry.argument(description="Which and whose.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> BenefitUsePayload:
    asking = info.context

    async def work(tx: Tx, asked: Asked) -> _Done:
        said = Using(input.benefit, _uuid(given(input.entitlement), "entitlement"), given(input.store))
        root = await locked_in_reach(tx, asking.visible, whose(asking, given(input.member)), is_shared=True)
        _note(asking, root, input.benefit)
        used = await benefits.use(tx, asking.caller, root, asked=asked, said=said)
        return _Done(root, await _standing(asking, tx, root, used.entitlement_id), used)

    member_id = whose(asking, given(input.member))
    return await _used(info, *await _carried_out(info, idempotency_key, work, member_id))


async def benefit_void(
    info: Info,
    input: Annotated[BenefitVoidInput, strawberry.argument(description="Which use.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> BenefitUsePayload:
    asking = info.context

    async def work(tx: Tx, asked: Asked) -> _Done:
        use_id = _uuid(input.use, "use")
        if use_id is None:
            raise NotFound(field="use")
        filed = await benefits.filed_under(tx, use_id)
        root = await locked_in_reach(tx, asking.visible, filed, field="use", is_shared=True)
        _note(asking, root, None)
        used = await benefits.void(tx, asking.caller, root, asked=asked, use_id=use_id)
        return _Done(root, await _standing(asking, tx, root, used.entitlement_id), used)

    return await _used(info, *await _carried_out(info, idempotency_key, work))


async def _carried_out(
    info: Info, key: str, work: Work, member_id: MemberId | None = None
) -> tuple[_Done | None, list[UserError]]:
    """`member_id`: as it is named; nobody is named by who takes back a use."""
    asking, hub, wanted = info.context, info.context.hub, wanted_of(info)

    async def attempt(tx: Tx) -> _Done:
        desk = Desk(hub.vault, hub.organisation, hub.benefits)
        done = await work(tx, Asked(desk, asking.now, request_key(info, key)))
        asking.trail.finds([done.member_id])
        await note_answer(asking, tx, wanted, done.member_id, Guard.LOYALTY)
        return done

    return await carried_out(asking, attempt, about={member_id} - {None})


def _note(asking: Asking, member_id: MemberId, code: str | None) -> None:
    """From here on the trail knows whom it is about, and of which benefit; nothing that is no code gets into it."""
    asking.trail.member_ids.add(member_id)
    asking.trail.fields.add(f"{Guard.LOYALTY}:WRITE")
    if code in asking.hub.benefits.definitions:
        asking.trail.fields.add(f"benefit:{code}")


async def _standing(asking: Asking, tx: Tx, member_id: MemberId, entitlement_id: UUID) -> Entitled | None:
    """What was counted or given, as the member has it now."""
    is_frozen = member_id in await suspended(tx, [member_id])
    found = await of_members(tx, asking.hub.benefits, {member_id: is_frozen}, now=asking.now)
    return next((one for one in found.get(member_id, ()) if one.entitlement_id == entitlement_id), None)


async def _used(info: Info, done: _Done | None, errors: list[UserError]) -> BenefitUsePayload:
    asking, hub = info.context, info.context.hub
    member = await _member(info, done)
    used = None
    if done is not None and done.used is not None:
        used = use_of(done.used, hub.benefits, hub.organisation, shows=_may(asking))
    return BenefitUsePayload(member=member, entitlement=_shown(asking, done), use=used, user_errors=errors)


async def _member(info: Info, done: _Done | None) -> Member | None:
    return None if done is None else await reading.by_id(info.context, wanted_of(info), done.member_id)


def _shown(asking: Asking, done: _Done | None) -> Entitlement | None:
    if done is None or done.entitlement is None or not _may(asking):
        return None
    return entitlement_of(done.entitlement)


def _may(asking: Asking) -> bool:
    return asking.grant.read(Guard.LOYALTY) is Verdict.CLEAR


def _uuid(text: str | None, field: str) -> UUID | None:
    """Raises NotFound for what is no id: nothing stands under it."""
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        raise NotFound(field=field) from None
