"""tags, tagFigures, tagDefine, tagApprove, tagAssign, tagRemove: defining tags by two persons, giving them by hand."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import strawberry

from member_hub import tags as tagging
from member_hub.access import Guard
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.db.base import Tx
from member_hub.graphql import reading
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import note_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import given
from member_hub.graphql.tag_types import Tag, TagFigure, TagPayload, figure_of, tag_of
from member_hub.ids import MemberId
from member_hub.members.taggings import TagKind
from member_hub.privacy import DataClass, Purpose
from member_hub.tags.definitions import Definition
from member_hub.tags.figures import FIGURES
from member_hub.tags.queries import definitions_of

Info = strawberry.Info[Asking, None]


@strawberry.input(description="What a tag shall be; in force once somebody else approves it.")
class TagDefineInput:
    code: str = strawberry.field(description="2 to 40 small letters, digits, underscores; a known one: a new version.")
    kind: TagKind = strawberry.field(description="HAND, RULE or IMPORT.")
    group: str = strawberry.field(description="Under which it is shown: 1 to 60 characters, as the texts below.")
    name_zh: str = strawberry.field(description="Its name in Chinese.")
    name_en: str = strawberry.field(description="Its name in English.")
    owner: str = strawberry.field(description="Who answers for it: a team, not a person's address or number.")
    data_class: DataClass = strawberry.field(description="What kind of data it tells.")
    purpose: Purpose = strawberry.field(
        description="What it is for; MARKETING and PERSONALISATION reach only members who consent to that."
    )
    rule: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            'RULE: a condition as JSON, e.g. {"all": [{"figure": "recency_days", "at_most": 30}, {"not": {"figure": '
            '"tier", "one_of": ["vip"]}}]}. all, any, not; equals, one_of, at_least, at_most, includes, '
            "days_ago_at_least, days_ago_at_most, at_quantile, below_quantile (1 to 99). Figures: `tagFigures`."
        ),
    )
    is_service: bool = strawberry.field(default=False, description="HAND, IMPORT: seen by whoever serves the member.")
    is_restrictive: bool = strawberry.field(
        default=False, description="Protects: neither merging nor an objection ends it."
    )
    is_profiling: bool = strawberry.field(
        default=False, description="HAND, IMPORT: it evaluates the person. A RULE always does."
    )
    is_retired: bool = strawberry.field(default=False, description="Ends the tag.")
    expires_days: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "How long it holds once given. Of a RULE: beyond the day of the last round that found it holding, where no "
            "other comes; a round that finds that it holds no more ends it at once."
        ),
    )

    def read(self) -> tagging.Proposal:
        return tagging.Proposal(
            code=self.code,
            kind=self.kind,
            group=self.group,
            zh=self.name_zh,
            en=self.name_en,
            owner=self.owner,
            data_class=self.data_class,
            purpose=self.purpose,
            is_service=self.is_service,
            is_restrictive=self.is_restrictive,
            is_profiling=self.is_profiling,
            is_retired=self.is_retired,
            rule=given(self.rule),
            expires_days=given(self.expires_days),
        )


@strawberry.input(description="Which version of a tag to put in force: the newest.")
class TagApproveInput:
    code: str = strawberry.field(description="The tag.")
    version: int = strawberry.field(description="The version that was looked at.")


@strawberry.input(description="A tag to be given to a member by hand.")
class TagAssignInput:
    member: strawberry.ID = strawberry.field(description="Whom.")
    tag: str = strawberry.field(description="Code of a tag by HAND.")
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When it ends; left out: as its definition says."
    )


@strawberry.input(description="A tag to be taken from a member by hand.")
class TagRemoveInput:
    member: strawberry.ID = strawberry.field(description="Whose.")
    tag: str = strawberry.field(description="Code of a tag by HAND.")


@strawberry.type(description="What became of a tag by hand.")
class TaggingPayload:
    member: Member | None = strawberry.field(description="The member; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


async def tags(info: Info) -> list[Tag]:
    asking = info.context
    handler = asking.caller.handler
    asking.trail.finds(())
    if handler is None:
        return []
    async with asking.snapshot.reading() as tx:
        found = await definitions_of(tx, handler)
    return [tag_of(one) for one in found if tagging.is_listed(one, asking.grant)]


async def tag_figures(info: Info) -> list[TagFigure]:
    info.context.trail.finds(())
    return [figure_of(figure) for figure in FIGURES.values()]


async def tag_define(
    info: Info,
    input: Annotated[TagDefineInput, strawberry.argument(description="The definition.")],  # noqa: A002 - as elsewhere
) -> TagPayload:
    asking = info.context

    async def work(tx: Tx) -> Definition:
        words = await tagging.known_words(tx, asking.hub.organisation, asking.hub.tiers, now=asking.now)
        proposed = await tagging.propose(tx, asking.caller, input.read(), words=words, now=asking.now)
        _note(asking, proposed.code, proposed.version)
        return proposed

    return await _defined(asking, work)


async def tag_approve(
    info: Info,
    input: Annotated[TagApproveInput, strawberry.argument(description="Which.")],  # noqa: A002 - as elsewhere
) -> TagPayload:
    asking = info.context

    async def work(tx: Tx) -> Definition:
        approved = await tagging.approve(tx, asking.caller, input.code, input.version, now=asking.now)
        _note(asking, approved.code, approved.version)
        return approved

    return await _defined(asking, work)


async def tag_assign(
    info: Info,
    input: Annotated[TagAssignInput, strawberry.argument(description="The tag.")],  # noqa: A002 - as elsewhere
) -> TaggingPayload:
    asking, until = info.context, given(input.until)

    async def work(tx: Tx, member_id: MemberId) -> Definition:
        assigned = await tagging.assign(
            tx, asking.caller, asking.grant, member_id, input.tag, until=until, now=asking.now
        )
        return assigned.definition

    return await _by_hand(info, input.member, work)


async def tag_remove(
    info: Info,
    input: Annotated[TagRemoveInput, strawberry.argument(description="The tag.")],  # noqa: A002 - as elsewhere
) -> TaggingPayload:
    asking = info.context

    async def work(tx: Tx, member_id: MemberId) -> Definition:
        return await tagging.remove(tx, asking.grant, member_id, input.tag)

    return await _by_hand(info, input.member, work)


async def _defined(asking: Asking, work: Callable[[Tx], Awaitable[Definition]]) -> TagPayload:
    definition, errors = await carried_out(asking, work)
    return TagPayload(tag=tag_of(definition) if definition is not None else None, user_errors=errors)


def _note(asking: Asking, code: str, version: int) -> None:
    asking.trail.finds(())
    asking.trail.fields |= {f"tag:{code}", f"version:{version}"}


async def _by_hand(info: Info, named: str, work: Callable[[Tx, MemberId], Awaitable[Definition]]) -> TaggingPayload:
    """The trail names the tag where it was given or taken; of a refusal the member alone."""
    asking = info.context
    wanted = asking.plan.roots[str(info.path.key)].wanted

    async def attempt(tx: Tx) -> MemberId:
        member_id = await locked_in_reach(tx, asking.visible, member_id_of(named))
        asking.trail.member_ids.add(member_id)
        definition = await work(tx, member_id)
        guard = Guard.SERVICE_TAGS if definition.is_service else Guard.TAGS
        asking.trail.fields |= {f"{guard}:WRITE", f"tag:{definition.code}"}
        asking.trail.finds([member_id])
        await note_answer(asking, tx, wanted, member_id)
        return member_id

    member_id, errors = await carried_out(asking, attempt)
    if member_id is None:
        return TaggingPayload(member=None, user_errors=errors)
    return TaggingPayload(member=await reading.by_id(asking, wanted, member_id), user_errors=[])
