"""Enrolling a channel account, and changing a profile: one transaction (changing.py), answered as a fresh reading."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from member_hub import profiles
from member_hub.access import Guard, Key
from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.graphql import reading
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.inputs import MemberEnrolInput, MemberEnrolPayload, ProfileUpdateInput, ProfileUpdatePayload
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import words_of_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.selection import Wanted
from member_hub.ids import MemberId
from member_hub.members.reading import ids_of_person
from member_hub.profiles import Stated, Written

Work = Callable[[Tx], Awaitable[Written]]


async def member_enrol(
    info: Info,
    input: Annotated[MemberEnrolInput, strawberry.argument(description="The account.")],  # noqa: A002 - CONTRACT's name
    idempotency_key: IdempotencyKey,
) -> MemberEnrolPayload:
    asking, enrolment = info.context, input.read()
    _note_sent(asking, enrolment.stated)
    asking.trail.fields.add(f"{Guard.ACCOUNTS}:WRITE")
    if enrolment.unionid is not None or enrolment.openid is not None:
        asking.trail.fields.add(f"{Guard.IDENTIFIERS}:WRITE")

    if enrolment.member_code is not None:
        asking.trail.looks_up(Key.MEMBER_CODE)

    async def work(tx: Tx) -> Written:
        key = request_key(info, idempotency_key)
        return await profiles.enrol(
            tx,
            asking.caller,
            asking.grant,
            asking.hub.resolver,
            loyalty=asking.hub.loyalty,
            wanted=enrolment,
            resting=asking.hub.policies.register.resting_on_consent,
            key=key,
            now=asking.now,
        )

    member, errors = await _carried_out(asking, wanted_of(info), work, by_key=True)
    return MemberEnrolPayload(member=member, user_errors=errors)


async def profile_update(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Whose profile.")],  # noqa: A002 - CONTRACT's name
    expected_version: Annotated[int, strawberry.argument(description="The version that was read before.")],
    input: Annotated[ProfileUpdateInput, strawberry.argument(description="What changes.")],  # noqa: A002
) -> ProfileUpdatePayload:
    asking, member_id, stated = info.context, member_id_of(id), input.read()
    _note_sent(asking, stated)

    async def work(tx: Tx) -> Written:
        if member_id is None:
            raise NotFound(field="id")
        return await profiles.update(
            tx,
            asking.caller,
            asking.grant,
            asking.hub.resolver,
            member_id,
            expected_version=expected_version,
            stated=stated,
            resting=asking.hub.policies.register.resting_on_consent,
            now=asking.now,
        )

    member, errors = await _carried_out(asking, wanted_of(info), work, by_key=False)
    if errors and member_id is not None and asking.trail.refusal != NotFound.code:
        asking.trail.member_ids.add(member_id)
    return ProfileUpdatePayload(member=member, user_errors=errors)


def _note_sent(asking: Asking, stated: Stated) -> None:
    """The audit entry names what was to be written, whatever comes of it."""
    asking.trail.fields.update(f"member.{field}:WRITE" for field in stated.sent())
    asking.trail.fields.update(f"collected_for:{purpose}" for purpose in stated.purposes.values())


async def _carried_out(
    asking: Asking, wanted: Wanted, work: Work, *, by_key: bool
) -> tuple[Member | None, list[UserError]]:
    async def noted(tx: Tx) -> MemberId:
        written = await work(tx)
        member_id = written.member_id
        asking.trail.finds([member_id, *written.involved])
        words = await words_of_answer(asking, tx, wanted, member_id)
        for one in await ids_of_person(tx, member_id) if written.involved else (member_id,):
            asking.trail.shows_of(one, words)
        return member_id

    member_id, errors = await carried_out(asking, noted)
    return (None, errors) if member_id is None else (await reading.by_id(asking, wanted, member_id, by_key=by_key), [])
