"""From rows and opened values to the plain objects of the schema, each value as the grant shows it (no I/O)."""

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import Row

from member_hub.access import Guard
from member_hub.graphql.account import ChannelAccount
from member_hub.graphql.benefit_types import entitlement_of
from member_hub.graphql.enums import FieldState, IdentifierKind
from member_hub.graphql.guarded import DENIED, NOT_CONSENTED, GuardedText, Opened, shown
from member_hub.graphql.history import history
from member_hub.graphql.identifier import Identifier
from member_hub.graphql.lines import order_line
from member_hub.graphql.member import Member, OrdersAsked
from member_hub.graphql.order import OrderLineConnection, OrderLineEdge
from member_hub.graphql.paging import PageInfo, line_cursor
from member_hub.graphql.points_types import PointsAccount
from member_hub.graphql.points_views import Shown as PointsShown
from member_hub.graphql.points_views import shown as points_shown
from member_hub.graphql.points_views import shown_at_till
from member_hub.graphql.selection import Wanted
from member_hub.graphql.sight import COLUMNS, Held, Sight, account_item, claim_item, golden, shows
from member_hub.graphql.store import store_of
from member_hub.graphql.tag_types import tagging_of
from member_hub.graphql.tier_types import TierStanding
from member_hub.graphql.tier_views import explained, plain, tier_at_till
from member_hub.identity.facts import CONTACT_FIELDS
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.ids import MEMBER_TYPE, MemberId
from member_hub.members.serving import is_suspended
from member_hub.members.tables import Channel, MemberStatus
from member_hub.orders.queries import LinePosition
from member_hub.privacy import Mask, ProfileField, declaration
from member_hub.tiers.explaining import Explained

NO_LINES = OrderLineConnection(
    state=FieldState.DENIED,
    edges=[],
    page_info=PageInfo(has_next_page=False, has_previous_page=False, start_cursor=None, end_cursor=None),
)


def build(sight: Sight, held: Held, row: Row[Any], opened: Opened, *, asked: Wanted, now: datetime) -> Member:
    """One member. What was not asked for is there as DENIED, and nobody looks at it.

    What was asked for and is not to be had in this sight (at the till: history) is there and empty.
    """
    wanted, member_id = sight.wanted, row.member_id
    texts = {
        field.value: _field(sight, row, field, opened) if field in wanted.fields else DENIED for field in ProfileField
    }
    claims = held.claims.get(member_id, [])
    return Member(
        id=global_id(member_id),
        status=MemberStatus(row.status),
        joined_at=row.joined_at,
        home_store=None if sight.grant.is_till_view else store_of(row.home_store, sight.organisation),
        version=row.version,
        privacy_epoch=row.privacy_epoch,
        accounts=[_account(sight, account, opened) for account in held.accounts.get(member_id, [])],
        identifiers=_identifiers(sight, claims, opened) if wanted.identifiers else [],
        tier=_tier(sight, held, member_id),
        tags=[tagging_of(one) for one in held.tags.get(member_id, ())],
        consents=sight.lens.consents(held.consents.get(member_id, []), opened) if wanted.consents else [],
        benefits=[entitlement_of(one) for one in held.benefits.get(member_id, ())],
        points=_points(sight, held, row, asked, now),
        values={
            field: history(sight, held, row, field, opened) if field in wanted.provenance else []
            for field in asked.provenance
        },
        pages={page: _page(sight, held, member_id, page) for page in asked.orders},
        **texts,
    )


def _points(sight: Sight, held: Held, row: Row[Any], asked: Wanted, now: datetime) -> PointsAccount | None:
    if "points" not in sight.loyalty:
        return None
    of = PointsShown(MemberId(row.member_id), asked.points, is_suspended(row))
    if sight.grant.is_till_view:
        return shown_at_till(held.points, of)
    return points_shown(held.points, of, sight.vault, now=now)


def _tier(sight: Sight, held: Held, member_id: UUID) -> TierStanding | None:
    found = held.tiers.get(member_id)
    if found is None:
        return None
    if isinstance(found, Explained):
        return explained(sight, found, sight.language)
    standing, level = found
    return tier_at_till(level) if sight.grant.is_till_view else plain(standing, level)


def global_id(member_id: UUID) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{MEMBER_TYPE}:{member_id}".encode()).decode())


def _field(sight: Sight, row: Row[Any], field: ProfileField, opened: Opened) -> GuardedText:
    verdict = sight.of_field(field)
    stored = golden(row, field) if shows(verdict) else None
    if stored is not None and sight.withholds(row, field):
        return NOT_CONSENTED
    return shown(verdict, declaration(COLUMNS[field]).mask, stored, opened)


def _account(sight: Sight, row: Row[Any], opened: Opened) -> ChannelAccount:
    return ChannelAccount(
        channel=Channel(row.channel),
        account=shown(sight.grant.read(Guard.ACCOUNTS), Mask.IDENTIFIER, account_item(row), opened),
        namespace=row.namespace,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )


def _identifiers(sight: Sight, claims: Iterable[Row[Any]], opened: Opened) -> list[Identifier]:
    """Each identifier once, as the account has it with which it holds best; the rows come in that order."""
    found: dict[tuple[str, bytes], Identifier] = {}
    for row in claims:
        kind = ClaimKind(row.kind)
        same = found.get((row.kind, row.token))
        if same is None:
            found[row.kind, row.token] = Identifier(
                kind=IdentifierKind(kind.value),
                namespace=row.namespace,
                value=shown(sight.of_claim(kind), _mask_of(kind), claim_item(row), opened),
                verified_at=row.verified_at,
                last_seen_at=row.stated_to,
                status=ClaimStatus(row.status),
            )
        else:
            same.verified_at = max(filter(None, (same.verified_at, row.verified_at)), default=None)
            same.last_seen_at = max(same.last_seen_at, row.stated_to)
    return list(found.values())


def _mask_of(kind: ClaimKind) -> Mask:
    return declaration(COLUMNS[CONTACT_FIELDS[kind]]).mask if kind in CONTACT_FIELDS else Mask.IDENTIFIER


def _page(sight: Sight, held: Held, member_id: UUID, asked: OrdersAsked) -> OrderLineConnection:
    if asked not in held.lines:
        return NO_LINES
    rows, has_more = held.lines[asked][member_id]
    edges = [_edge(sight, row) for row in rows]
    return OrderLineConnection(
        state=FieldState.CLEAR,
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_more,
            has_previous_page=asked[1] is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def _edge(sight: Sight, row: Row[Any]) -> OrderLineEdge:
    position = LinePosition(row.ordered_at, row.channel, row.order_no, row.line_no)
    return OrderLineEdge(cursor=line_cursor(sight.vault, position), node=order_line(sight, row))
