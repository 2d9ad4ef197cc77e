"""noticePublish and noticeServed: a new text comes into force; a text was put before somebody, and what was asked."""

from typing import Annotated, Final
from uuid import UUID

import strawberry

from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.consent.history.standing import Slot
from member_hub.consent.notice import notices, serving
from member_hub.consent.notice.effects import Effects, bits_in_force, effects_of
from member_hub.consent.notice.notices import Wording
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.refusals import NoticeUnknown
from member_hub.consent.notice.serving import Served
from member_hub.consent.words import ANY, ByWayOf, ContactChannel, Locale, NoticeFamily
from member_hub.db.base import Tx
from member_hub.errors import Forbidden
from member_hub.graphql.changing import carried_out
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info
from member_hub.graphql.scalars import given
from member_hub.privacy import Purpose


@strawberry.input(description="A notice in one language.")
class NoticeWording:
    title: str = strawberry.field(description="1 to 200 characters.")
    body: str = strawberry.field(
        description="1 to 100,000 characters; what is too long for one request, `member-hub consent publish` takes."
    )


@strawberry.input(description="A new notice, in force from now on.")
class NoticePublishInput:
    name: str = strawberry.field(description="Its version: lower case letters and digits joined by . _ -, at most 60.")
    family: NoticeFamily = strawberry.field(default=NoticeFamily.GENERAL, description="GENERAL or CHILDREN.")
    purposes: list[Purpose] = strawberry.field(description="What it asks about; each rests on consent.")
    is_material: bool = strawberry.field(description="Whether it changes purpose, method, kind or recipient (PIPL 14).")
    changed: list[Purpose] = strawberry.field(
        default_factory=list, description="For which of its purposes: every earlier grant for them is stale at once."
    )
    zh: NoticeWording = strawberry.field(description="In Chinese.")
    en: NoticeWording = strawberry.field(description="In English.")


@strawberry.type(description="What became of a publication.")
class NoticePublishPayload:
    id: strawberry.ID | None = strawberry.field(description="The notice; null if refused, and of a dry run.")
    dry_run: bool = strawberry.field(description="Whether nothing was published: it only says what would happen.")
    stale: list[Purpose] = strawberry.field(description="For which purposes every earlier grant is stale by it.")
    members_concerned: int | None = strawberry.field(
        description="How many have a consent in force for those, rounded down to a multiple of 5; null: fewer than 20."
    )
    still_to_publish: list[NoticeFamily] = strawberry.field(
        description="Which other notices ask about these purposes and cannot any more, until they are published anew."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.input(description="A question that was put with a notice.")
class ConsentAsk:
    purpose: Purpose = strawberry.field(description="A purpose of the notice.")
    recipient: str | None = strawberry.field(
        default=strawberry.UNSET, description="A named recipient; left out: the handler itself."
    )
    channel: ContactChannel | None = strawberry.field(
        default=strawberry.UNSET,
        description="Over what one would be contacted; required where the purpose has channels.",
    )


@strawberry.input(description="A notice that a member was shown.")
class NoticeServedInput:
    member: strawberry.ID = strawberry.field(description="Whom.")
    notice: strawberry.ID = strawberry.field(description="Which notice; the one in force.")
    locale: Locale = strawberry.field(description="In which language.")
    by_way_of: ByWayOf = strawberry.field(description="How.")
    asks: list[ConsentAsk] = strawberry.field(
        default_factory=list, description="What was asked, at most 20; empty: the member was only informed."
    )
    by_member: bool = strawberry.field(
        default=False, description="Whether the member began it; only the member, guardian or own mini-program say so."
    )


@strawberry.type(description="What became of a serving.")
class NoticeServedPayload:
    served_id: strawberry.ID | None = strawberry.field(description="What answers refer to; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


_OTHER: Final = {NoticeFamily.GENERAL: NoticeFamily.CHILDREN, NoticeFamily.CHILDREN: NoticeFamily.GENERAL}


class PublishedElsewhere(Forbidden):
    zh = "渠道的旧文本由运维命令归档。"
    en = "Older texts of channels are put on record by the operator's command."


async def notice_publish(
    info: Info,
    input: Annotated[NoticePublishInput, strawberry.argument(description="The notice.")],  # noqa: A002
    dry_run: Annotated[
        bool, strawberry.argument(description="Check everything and say what would happen; publish nothing.")
    ] = False,
) -> NoticePublishPayload:
    asking, hub = info.context, info.context.hub
    texts = {"zh": Wording(input.zh.title, input.zh.body), "en": Wording(input.en.title, input.en.body)}

    async def work(tx: Tx) -> tuple[PublishedNotice, Effects]:
        handler = asking.caller.handler
        if handler is None or input.family.is_on_record_only:
            raise PublishedElsewhere(field="family")
        attempt = await tx.begin_nested()
        bits = await bits_in_force(tx, handler, input.changed)
        notice = await notices.publish(
            tx,
            hub.catalogue,
            hub.policies.register,
            handler=handler,
            family=input.family,
            name=input.name,
            is_material=input.is_material,
            changed=input.changed,
            texts=texts,
            purposes=input.purposes,
            effective_at=None,
            published_by=asking.caller.subject,
            now=asking.now,
        )
        other = await notices.current(tx, handler, _OTHER[input.family])
        effects = await effects_of(tx, notice, other, bits, is_new=notice.is_new)
        await (attempt.rollback() if dry_run else attempt.commit())
        asking.trail.finds(())
        asking.trail.fields |= {"dry_run", f"notice:{notice.name}"} if dry_run else set(notices.audit_words(notice))
        return notice, effects

    done, errors = await carried_out(asking, work)
    if done is None:
        return NoticePublishPayload(
            id=None, dry_run=dry_run, stale=[], members_concerned=None, still_to_publish=[], user_errors=errors
        )
    return _published(*done, dry_run=dry_run)


def _published(notice: PublishedNotice, effects: Effects, *, dry_run: bool) -> NoticePublishPayload:
    return NoticePublishPayload(
        id=None if dry_run else strawberry.ID(str(notice.notice_id)),
        dry_run=dry_run,
        stale=[Purpose(one) for one in effects.stale],
        members_concerned=effects.members,
        still_to_publish=list(effects.still_to_publish),
        user_errors=[],
    )


async def notice_served(
    info: Info,
    input: Annotated[NoticeServedInput, strawberry.argument(description="Who was shown what.")],  # noqa: A002
) -> NoticeServedPayload:
    asking, hub = info.context, info.context.hub

    async def work(tx: Tx) -> Served:
        member_id = await locked_in_reach(tx, asking.visible, member_id_of(input.member))
        asking.trail.member_ids.add(member_id)  # from here on the trail knows whom a refusal is about
        served = await serving.serve(
            tx,
            hub.vault,
            hub.catalogue,
            asking.caller,
            member_id,
            notice_id=_notice_id(input.notice),
            locale=input.locale,
            by_way_of=input.by_way_of,
            asked=[_slot(ask) for ask in input.asks],
            is_by_member=input.by_member,
            now=asking.now,
        )
        asking.trail.finds([member_id])
        asking.trail.fields |= {f"notice:{served.notice_name}", *served.words}
        return served

    served, errors = await carried_out(asking, work)
    return NoticeServedPayload(served_id=strawberry.ID(str(served.served_id)) if served else None, user_errors=errors)


def _notice_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NoticeUnknown(field="notice") from None


def _slot(ask: ConsentAsk) -> Slot:
    channel = given(ask.channel)
    return Slot(ask.purpose.value, given(ask.recipient) or ANY, channel.value if channel else ANY)
