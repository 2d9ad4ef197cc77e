"""The reading part of the schema: translate in, call one verb, translate out."""

from typing import Annotated

import strawberry

from member_hub.consent.history.queries import current_t, event_t
from member_hub.graphql import reading
from member_hub.graphql.act_approvals import ActApprovalConnection, act_approvals
from member_hub.graphql.asking import Asking
from member_hub.graphql.audit_types import AccessHistoryConnection, AuditEntryConnection
from member_hub.graphql.auditing import access_history, audit_entries
from member_hub.graphql.consent_types import Consent, ConsentEventConnection, ConsentReceipt
from member_hub.graphql.consent_views import consent_history, consent_receipt, consents
from member_hub.graphql.filters import MemberFilter
from member_hub.graphql.guarded import guarded
from member_hub.graphql.guardian_links import guardian_links
from member_hub.graphql.guardians import GuardianLink
from member_hub.graphql.keys import MemberKey, member_id_of
from member_hub.graphql.member import Member, MemberConnection, Node
from member_hub.graphql.minor_approval_views import MinorApprovalConnection, minor_approvals
from member_hub.graphql.notices import Notice, notice_current
from member_hub.graphql.objecting import Objection, objections_of
from member_hub.graphql.paging import After, Before, First, Last, slice_of
from member_hub.graphql.programme_figures import PointsLiability, TierPyramid, points_liability, tier_pyramid
from member_hub.graphql.scalars import given
from member_hub.graphql.selection import Wanted
from member_hub.graphql.statistics import MemberStatistics, statistics
from member_hub.graphql.tag_types import Tag, TagFigure
from member_hub.graphql.tagging import tag_figures, tags
from member_hub.graphql.tier_rules import TierRulesConnection, tier_rules
from member_hub.reports import Dimension

Info = strawberry.Info[Asking, None]


def wanted_of(info: Info) -> Wanted:
    return info.context.plan.roots[str(info.path.key)].wanted


async def _member(info: Info, by: Annotated[MemberKey, strawberry.argument(description="The key.")]) -> Member | None:
    return await reading.look_up(info.context, wanted_of(info), by, field="by")


async def _members(
    info: Info, by: Annotated[list[MemberKey], strawberry.argument(description="1 to 100 keys.")]
) -> list[Member | None]:
    return await reading.look_up_each(info.context, wanted_of(info), by, field="by")


async def _member_list(  # noqa: PLR0917 - Strawberry passes arguments by name
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
    filter: Annotated[  # noqa: A002 - its name in the schema
        MemberFilter | None, strawberry.argument(description="What they have in common.")
    ] = strawberry.UNSET,
) -> MemberConnection:
    asked = slice_of(first=given(first), after=given(after), last=given(last), before=given(before))
    return await reading.members_page(info.context, wanted_of(info), asked, given(filter))


async def _node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Global id.")],  # noqa: A002 - Relay's name
) -> Node | None:
    return await reading.by_id(info.context, wanted_of(info), member_id_of(id))


async def _me(info: Info) -> Member | None:
    return await reading.by_id(info.context, wanted_of(info), info.context.caller.member_id)


async def _member_statistics(
    info: Info,
    group_by: Annotated[
        list[Dimension], strawberry.argument(description="One to three different things that a group has in common.")
    ],
    filter: Annotated[  # noqa: A002 - its name in the schema
        MemberFilter | None,
        strawberry.argument(
            description=(
                "Which groups to give. What is grouped by and narrowed by comes to three things at most; by status not "
                "at all; by time of joining in whole months of China, and only where grouped by JOINED_MONTH."
            )
        ),
    ] = strawberry.UNSET,
) -> MemberStatistics:
    return await statistics(info.context, group_by, given(filter))


@strawberry.type(description="What can be read. Who cannot be seen and who does not exist are both null.")
class Query:
    member: Member | None = strawberry.field(
        resolver=_member, description="Find one member by an exact key. Hits and misses are audited."
    )
    members: list[Member | None] = strawberry.field(
        resolver=_members,
        description="Find up to 100 members by exact keys, in the order asked; a key that cannot be read finds nobody.",
    )
    member_list: MemberConnection = strawberry.field(
        resolver=_member_list,
        description="The members in reach, the newest first. Either first or last is required.",
    )
    member_statistics: MemberStatistics = strawberry.field(
        resolver=_member_statistics,
        description=(
            "How many members there are, by group. Groups under 20 are left out as if they were empty, and each number "
            "is rounded to a multiple of 5, up or down: numbers are not exact and do not add up. They are those of the "
            "week: of members who joined before its Monday, as first asked for in it; whoever joins, moves or leaves "
            "shows in a later week. A member with accounts in two channels counts in both."
        ),
    )
    points_liability: PointsLiability = strawberry.field(
        resolver=points_liability,
        description=(
            "What is owed to members in points, by the month of the last day, of the week as first asked for in it. A "
            "sum of fewer than 20 members, or that is one member's by more than half, is not told; every other is "
            "rounded up or down to a multiple of roundedTo. Figures to plan by: they are not the books."
        ),
    )
    tier_pyramid: TierPyramid = strawberry.field(
        resolver=tier_pyramid,
        description=(
            "How many members stand in each tier, of the week as first asked for in it, against the shares that the "
            "rules in force mean. Tiers of fewer than 20 are not told, and each number is rounded as in "
            "memberStatistics; shares are of what is told. Nothing is told before anybody's tier was decided."
        ),
    )
    node: Node | None = strawberry.field(resolver=_node, description="Anything by its global id.")
    me: Member | None = strawberry.field(resolver=_me, description="The member who asks.")
    objections: list[Objection] | None = strawberry.field(
        resolver=objections_of,
        description=(
            "What processing a member limits or refuses, the newest first: all that is in force, and the newest 100 of "
            "what was lifted; null where nobody in reach is named."
        ),
    )
    guardian_links: list[GuardianLink] | None = strawberry.field(
        resolver=guardian_links,
        description=(
            "The guardian's links of a child, or of the member who asks, the newest first, ended ones among them; null "
            "where nobody in reach is named."
        ),
    )
    minor_approvals: MinorApprovalConnection = strawberry.field(
        resolver=minor_approvals,
        description=(
            "The approvals to see minors that the role of the one who asks answers for, the newest first, ended ones "
            "marked."
        ),
    )
    act_approvals: ActApprovalConnection = strawberry.field(
        resolver=act_approvals,
        description=(
            "What colleagues proposed and may not decide alone, about members in reach, the newest first: what waits "
            "for a second person, and what is approved and not done yet."
        ),
    )
    tier_rules: TierRulesConnection = strawberry.field(
        resolver=tier_rules,
        description=(
            "The rules of tiers of the whole organisation by version, the newest first, with who proposed and who "
            "approved them. What each would have changed was tried on the members of its proposer's handler."
        ),
    )
    audit_entries: AuditEntryConnection = strawberry.field(
        resolver=audit_entries,
        description="The audit log, the newest first. Either first or last is required. Reading it is on record, too.",
    )
    notice_current: Notice | None = strawberry.field(
        resolver=notice_current,
        description=(
            "The notice in force with the handler of the one who asks: what is collected and shared, and what consent "
            "is asked for; null where none was published."
        ),
    )
    tags: list[Tag] = strawberry.field(
        resolver=tags,
        description=(
            "The tags of the handler of the one who asks: of each the version in force, and a newer one that waits for "
            "a second person; at most 400, the built-in ones first."
        ),
    )
    tag_figures: list[TagFigure] = strawberry.field(
        resolver=tag_figures, description="Every figure that the rule of a tag may speak of."
    )
    access_history: AccessHistoryConnection | None = strawberry.field(
        resolver=access_history,
        description=(
            "Which kinds of staff and apps looked at the asking member, when and why, the newest first; null where "
            "there is no such member."
        ),
    )
    consents: list[Consent] | None = strawberry.field(
        resolver=consents,
        description=(
            "Where each decision of one member stands, every purpose that rests on consent among them; null where "
            "there is no such member in reach."
        ),
        directives=[guarded(current_t.c.state)],
    )
    consent_history: ConsentEventConnection | None = strawberry.field(
        resolver=consent_history,
        description=(
            "What happened to the decisions of one member, the newest first, also under ids merged into it; null where "
            "there is no such member in reach."
        ),
        directives=[guarded(event_t.c.state_to)],
    )
    consent_receipt: ConsentReceipt | None = strawberry.field(
        resolver=consent_receipt,
        description="The signed receipt of one event; null where there is no such event of a member in reach.",
        directives=[guarded(event_t.c.state_to)],
    )
