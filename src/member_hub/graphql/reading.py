"""The reading verbs of the API: by exact keys, by id, in pages, and oneself."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from member_hub.access import Grant, Key
from member_hub.db.base import Tx
from member_hub.graphql.asking import Asking
from member_hub.graphql.filters import MemberFilter, narrowed
from member_hub.graphql.keys import MemberKey, Sought, sought, sought_each
from member_hub.graphql.limits import KEYS_MAX, WrongNumberOfKeys
from member_hub.graphql.loading import load, stored_fields
from member_hub.graphql.member import Member, MemberConnection, MemberEdge
from member_hub.graphql.paging import Listing, PageInfo, Slice, member_cursor, member_position
from member_hub.graphql.selection import Wanted
from member_hub.graphql.till import redeemed, rows_at_till
from member_hub.identity.queries import Token, find_members
from member_hub.ids import MemberId
from member_hub.members.listing import Position, page
from member_hub.members.reading import find


async def look_up(asking: Asking, wanted: Wanted, key: MemberKey, *, field: str) -> Member | None:
    """Who is found by the key; None for nobody, and for somebody out of reach."""
    hub = asking.hub
    return (await _found_by(asking, wanted, [sought(key, asking.grant, hub.vault, hub.organisation, field=field)]))[0]


async def look_up_each(asking: Asking, wanted: Wanted, keys: Sequence[MemberKey], *, field: str) -> list[Member | None]:
    """The same for 1 to 100 keys, in the order asked; one that cannot be read finds nobody."""
    if not 1 <= len(keys) <= KEYS_MAX:
        raise WrongNumberOfKeys(field=field)
    hub = asking.hub
    return await _found_by(asking, wanted, sought_each(keys, asking.grant, hub.vault, hub.organisation, field=field))


async def _found_by(asking: Asking, wanted: Wanted, each: Sequence[Sought]) -> list[Member | None]:
    for one in each:
        asking.trail.looks_up(one.key)
    each = await redeemed(asking, each)
    async with asking.snapshot.reading() as tx:
        tokens = sorted({token for one in each for token in one.tokens})
        by_token = await find_members(tx, tokens) if tokens else {}
        ids = [_found(one, by_token) for one in each]
        found = await find(
            tx,
            asking.visible,
            {member_id for member_id in ids if member_id is not None},
            by_key=all(one.key is not Key.ID for one in each),
            fields=stored_fields(asking.grant, wanted),
        )
        members = await _loaded(asking, tx, found, wanted, asking.grant)
        out_of_reach = {
            i for one, i in zip(each, ids, strict=True) if one.is_presented and i is not None
        } - found.keys()
        presented = await _presented(asking, tx, out_of_reach, wanted)
    return [
        members.get(i) or (presented.get(i) if one.is_presented else None) if i is not None else None
        for one, i in zip(each, ids, strict=True)
    ]


async def _presented(asking: Asking, tx: Tx, ids: Collection[MemberId], wanted: Wanted) -> dict[MemberId, Member]:
    at_till = await rows_at_till(asking, tx, wanted, ids)
    return await _loaded(asking, tx, at_till[1], wanted, at_till[0]) if at_till else {}


def _found(one: Sought, by_token: dict[Token, MemberId]) -> MemberId | None:
    return one.member_id or next((by_token[token] for token in one.tokens if token in by_token), None)


async def by_id(
    asking: Asking,
    wanted: Wanted,
    member_id: MemberId | None,
    *,
    by_key: bool = False,
    grant: Grant | None = None,
) -> Member | None:
    """The member behind an id, also a merged one, if in reach; shown as `grant` says instead of the request's own."""
    if member_id is None:
        return None
    shown_by = grant or asking.grant
    async with asking.snapshot.reading() as tx:
        fields = stored_fields(shown_by, wanted)
        found = await find(tx, asking.visible, [member_id], by_key=by_key, fields=fields)
        members = await load(asking, tx, list(found.values()), wanted, shown_by)
    return members[0] if members else None


async def members_page(
    asking: Asking, wanted: Wanted, asked: Slice, narrowed_by: MemberFilter | None
) -> MemberConnection:
    """A page of the members in reach, the newest first."""
    hub = asking.hub
    listing = Listing.of("members", narrowed_by)
    at = member_position(hub.vault, listing, asked.cursor)
    by = narrowed(narrowed_by, asking.grant, hub.organisation)
    if by.gender is not None:
        asking.trail.filters("member.gender")
    asking.trail.finds(())
    async with asking.snapshot.reading() as tx:
        fields = stored_fields(asking.grant, wanted)
        rows, has_more = await page(
            tx, asking.visible, by, count=asked.count, at=at, backwards=asked.backwards, fields=fields
        )
        members = await load(asking, tx, rows, wanted, asking.grant)
    edges = [
        MemberEdge(cursor=member_cursor(hub.vault, listing, Position(row.joined_at, row.member_id)), node=member)
        for row, member in zip(rows, members, strict=True)
    ]
    return MemberConnection(edges=edges, page_info=_page_info(edges, asked, has_more=has_more))


def _page_info(edges: Sequence[MemberEdge], asked: Slice, *, has_more: bool) -> PageInfo:
    came_from = asked.cursor is not None
    return PageInfo(
        has_next_page=came_from if asked.backwards else has_more,
        has_previous_page=has_more if asked.backwards else came_from,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


async def _loaded(
    asking: Asking, tx: Tx, found: Mapping[MemberId, Row[Any]], wanted: Wanted, grant: Grant
) -> dict[MemberId, Member]:
    """By the id asked for; each member once, however many keys find it."""
    unique = {row.member_id: row for row in found.values()}
    members = dict(zip(unique, await load(asking, tx, list(unique.values()), wanted, grant), strict=True))
    return {asked: members[row.member_id] for asked, row in found.items()}
