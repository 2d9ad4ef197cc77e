"""objectionPlace and objectionLift: a member limits or refuses processing, and takes that back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from member_hub import tiers
from member_hub.consent.deciding import objections
from member_hub.consent.deciding.acting import acting_of
from member_hub.consent.deciding.objections import Placed
from member_hub.consent.history.settling import settle
from member_hub.consent.outside import remember
from member_hub.consent.words import Actor, ContactChannel
from member_hub.crypto import Note
from member_hub.db.base import Tx
from member_hub.errors import Forbidden, NotFound
from member_hub.graphql.acting import reached, reached_and_held
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import given
from member_hub.members.reading import band_of
from member_hub.members.tables import AgeBand
from member_hub.privacy import Purpose

Info = strawberry.Info[Asking, None]

LIFTED_BY = frozenset({Actor.MEMBER, Actor.GUARDIAN})


@strawberry.input(description="What is objected to; at least one thing.")
class ObjectionScopeInput:
    purposes: list[Purpose] = strawberry.field(
        default_factory=list, description="Purposes; not those that the membership or a statute needs."
    )
    profiling: bool = strawberry.field(
        default=False, description="Being evaluated by automated means: personalisation and rule tags (PIPL 24)."
    )
    channels: list[ContactChannel] = strawberry.field(
        default_factory=list, description="Over what not to be contacted, for whatever purpose."
    )
    everything: bool = strawberry.field(
        default=False,
        description="All processing but storing, one's own reading, one's rights and what a statute asks.",
    )

    def said(self) -> objections.Scope:
        return objections.Scope(
            purposes=frozenset(self.purposes),
            is_profiling=self.profiling,
            channels=frozenset(self.channels),
            is_everything=self.everything,
        )


@strawberry.input(description="An objection to be placed.")
class ObjectionPlaceInput:
    scope: ObjectionScopeInput = strawberry.field(description="What is objected to.")
    member: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Whose; left out: of the member who asks, or for whom the app asks."
    )


@strawberry.input(description="An objection to be lifted.")
class ObjectionLiftInput:
    objection: strawberry.ID = strawberry.field(description="Which.")
    only: ObjectionScopeInput | None = strawberry.field(
        default=strawberry.UNSET, description="Which part of it; the rest stays in force. Left out: all of it."
    )
    member: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Whose; left out: of the member who asks, or for whom the app asks."
    )


@strawberry.type(description="Processing that a member limits or refuses (PIPL 44).")
class Objection:
    id: strawberry.ID = strawberry.field(description="By which it can be lifted.")
    purposes: list[Purpose] = strawberry.field(description="Purposes objected to.")
    profiling: bool = strawberry.field(description="Whether being evaluated by automated means is objected to.")
    channels: list[ContactChannel] = strawberry.field(description="Over what the member is not to be contacted.")
    everything: bool = strawberry.field(description="Whether only storing goes on.")
    placed_at: datetime = strawberry.field(description="Since when.")
    lifted_at: datetime | None = strawberry.field(description="Until when; null: in force.")


@strawberry.type(description="What became of an objection.")
class ObjectionPayload:
    objection: Objection | None = strawberry.field(description="The objection; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


async def objection_place(
    info: Info,
    input: Annotated[ObjectionPlaceInput, strawberry.argument(description="What and whose.")],  # noqa: A002
) -> ObjectionPayload:
    asking, scope = info.context, input.scope.said()
    acting = acting_of(asking.caller, asking.grant.rows)

    async def work(tx: Tx) -> tuple[Placed, Note | None]:
        scope.check()
        member_id = await reached_and_held(asking, tx, given(input.member), protects=True)
        placed, note = await objections.place(tx, acting, member_id, scope, now=asking.now)
        if note is not None:
            await settle(tx, [member_id], catalogue=asking.hub.catalogue, now=asking.now)
        asking.trail.fields.update(f"restrict.applied:{word}" for word in scope.words)
        asking.trail.finds([member_id])
        return placed, note

    async def announce(done: tuple[Placed, Note | None]) -> None:
        await remember(asking.hub.ledger, [done[1]] if done[1] is not None else [])

    outcome = await carried_out(asking, work, announce=announce)
    done, errors = outcome
    return ObjectionPayload(objection=_shown(done[0]) if done else None, user_errors=errors)


async def objection_lift(
    info: Info,
    input: Annotated[ObjectionLiftInput, strawberry.argument(description="Which.")],  # noqa: A002
) -> ObjectionPayload:
    asking, acting = info.context, acting_of(info.context.caller, info.context.grant.rows)
    only = input.only.said() if given(input.only) is not None and input.only else None

    async def work(tx: Tx) -> Placed:
        if acting.actor not in LIFTED_BY:
            raise OnlyTheMember
        member_id = await reached_and_held(asking, tx, given(input.member))
        if acting.actor is not Actor.GUARDIAN and await band_of(tx, member_id) is AgeBand.CHILD:
            raise OnlyTheGuardian
        lifted = await objections.lift(tx, acting, member_id, _uuid(input.objection), only=only, now=asking.now)
        await settle(tx, [member_id], catalogue=asking.hub.catalogue, now=asking.now)
        if lifted.scope.is_everything:
            since = await objections.stopped_since(tx, member_id, lifted)
            await tiers.resume(tx, member_id, since=since, now=asking.now)
        word = "restrict.changed" if only is not None else "restrict.lifted"
        asking.trail.fields.update(f"{word}:{one}" for one in (only or lifted.scope).words)
        asking.trail.finds([member_id])
        return lifted

    lifted, errors = await carried_out(asking, work)
    return ObjectionPayload(objection=_shown(lifted) if lifted else None, user_errors=errors)


async def objections_of(
    info: Info,
    member: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Whose; left out: of the member who asks, or for whom the app asks."),
    ] = strawberry.UNSET,
) -> list[Objection] | None:
    asking = info.context
    async with asking.snapshot.reading() as tx:
        member_id = await reached(asking, tx, given(member))
        if member_id is None:
            return None
        asking.trail.finds([member_id])
        return [_shown(placed) for placed in await objections.of_member(tx, member_id)]


class OnlyTheGuardian(Forbidden):
    """Whoever cannot consent cannot take back what keeps their data unused either (PIPL 31)."""

    zh = "未满十四周岁会员的限制，只能由其监护人解除。"
    en = "Under 14 only a guardian lifts an objection."


class OnlyTheMember(Forbidden):
    zh = "只能由会员本人解除。"
    en = "Only the member can lift it."


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(field="objection") from None


def _shown(placed: Placed) -> Objection:
    scope = placed.scope
    return Objection(
        id=strawberry.ID(str(placed.objection_id)),
        purposes=sorted(scope.purposes),
        profiling=scope.is_profiling,
        channels=sorted(scope.channels),
        everything=scope.is_everything,
        placed_at=placed.placed_at,
        lifted_at=placed.lifted_at,
    )
