"""From rows in reach to members as one caller sees them: a fixed number of statements, whatever their number.

    rows -> accounts, claims, values, order lines -> one set of keys -> opened once -> masked -> plain objects

Fetched and opened is only what is asked for and granted; a value that shows as masked is opened to be masked.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from member_hub.access import Grant, Guard, Verdict
from member_hub.benefits.queries import Entitled, of_members
from member_hub.benefits.words import EntitlementState
from member_hub.consent.history.queries import decisions_shown
from member_hub.crypto import Item
from member_hub.db.base import Tx
from member_hub.graphql.asking import Asking, shown_as, withheld
from member_hub.graphql.building import build
from member_hub.graphql.consents import lens_of
from member_hub.graphql.guarded import Opened
from member_hub.graphql.member import Member, OrdersAsked
from member_hub.graphql.paging import line_position, orders_count
from member_hub.graphql.points_views import PointsHeld, fetched
from member_hub.graphql.selection import Wanted
from member_hub.graphql.sight import Held, Sight, claim_verdict, shows
from member_hub.identity.facts import CONTACT_FIELDS
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.reading import claims_of
from member_hub.ids import MemberId
from member_hub.members.reading import accounts_of, find, values_of
from member_hub.members.serving import is_suspended
from member_hub.orders.queries import lines_of
from member_hub.privacy import ProfileField, declaration
from member_hub.tags import may_see
from member_hub.tags.queries import Shown as ShownTag
from member_hub.tags.queries import tags_of
from member_hub.tiers.explaining import Explained, explain, standing_levels
from member_hub.tiers.queries import Standing
from member_hub.tiers.rules.model import Level

Rows = Sequence[Row[Any]]
CONTACTS: Mapping[ProfileField, ClaimKind] = {ProfileField.PHONE: ClaimKind.PHONE, ProfileField.EMAIL: ClaimKind.EMAIL}


def stored_fields(grant: Grant, wanted: Wanted) -> frozenset[ProfileField]:
    """The columns of the profile that the request needs and the grant shows."""
    return frozenset(f for f in wanted.fields | wanted.provenance if shows(grant.read(f"member.{f}")))


async def load(asking: Asking, tx: Tx, rows: Rows, wanted: Wanted, grant: Grant) -> list[Member]:
    """The members of these rows, in their order, as the grant shows them; what was shown is noted for the audit entry.

    At the till the profile is fetched, and tier, points and benefits as they stand: histories stay empty.
    """
    if not rows:
        return []
    asking.count_members(len(rows))
    hub = asking.hub
    seen = wanted.at_till() if grant.is_till_view else wanted
    sight = Sight(grant, seen, hub.organisation, hub.vault, lens_of(asking, grant), asking.language)
    held = await _fetch(asking, tx, rows, sight)
    opened = await open_items(asking, tx, sight.items(held))
    asking.trail.finds(row.member_id for row in rows)
    for row in rows:
        asking.trail.shows_of(row.member_id, _shown(sight, wanted, held, row))
    return [build(sight, held, row, opened, asked=wanted, now=asking.now) for row in rows]


async def _fetch(asking: Asking, tx: Tx, rows: Rows, sight: Sight) -> Held:
    wanted = sight.wanted
    ids = list(dict.fromkeys(MemberId(row.member_id) for row in rows))
    provenance = {field for field in wanted.provenance if shows(sight.of_field(field))}
    kinds = {CONTACTS[field] for field in provenance if field in CONTACTS}
    if wanted.identifiers:
        kinds |= set(ClaimKind) - {ClaimKind.ACCOUNT, ClaimKind.MEMBER_CODE}
    fields = provenance - CONTACTS.keys()
    return Held(
        members=rows,
        accounts=_by_member(await accounts_of(tx, ids) if wanted.accounts else ()),
        claims=_by_member(await claims_of(tx, ids, kinds) if kinds else ()),
        values=_by_member(await values_of(tx, ids, fields) if fields else ()),
        consents=_by_member(await _decisions(asking, tx, ids, sight)),
        tags=await _tags(asking, tx, ids, sight),
        lines=await _lines(asking, tx, ids, wanted.orders) if shows(sight.grant.read(Guard.ORDERS)) else {},
        benefits=await _benefits(asking, tx, rows, sight) if "benefits" in sight.loyalty else {},
        points=await fetched(asking, tx, ids, wanted.points) if "points" in sight.loyalty else PointsHeld(),
        tiers=await _tiers(asking, tx, ids, sight) if "tier" in sight.loyalty else {},
    )


async def _benefits(asking: Asking, tx: Tx, rows: Rows, sight: Sight) -> Mapping[MemberId, list[Entitled]]:
    """At the till what can be used, and not what was."""
    members = {MemberId(row.member_id): is_suspended(row) for row in rows}
    found = await of_members(tx, asking.hub.benefits, members, now=asking.now)
    if not sight.grant.is_till_view:
        return found
    return {one: [e for e in has if e.state is EntitlementState.USABLE] for one, has in found.items()}


async def _tiers(
    asking: Asking, tx: Tx, ids: Sequence[MemberId], sight: Sight
) -> Mapping[UUID, Explained | tuple[Standing, Level]]:
    """Counted only where more is asked for than where a member stands."""
    details, programme = sight.wanted.tier_details, asking.hub.tiers
    if not details:
        stand = await standing_levels(tx, programme, ids, now=asking.now)
        return {member_id: one for member_id, one in stand.items()}  # noqa: C416 - a mapping's keys are invariant
    found = await explain(
        tx,
        programme,
        ids,
        now=asking.now,
        with_orders="orders" in details and sight.grant.read(Guard.ORDERS) is Verdict.CLEAR,
        with_activity="activity" in details and sight.grant.read(Guard.ACTIVITY) is Verdict.CLEAR,
    )
    return {member_id: one for member_id, one in found.items()}  # noqa: C416


async def _decisions(asking: Asking, tx: Tx, ids: Sequence[MemberId], sight: Sight) -> Rows:
    if not sight.wanted.consents or not shows(sight.grant.read(Guard.CONSENTS)):
        return ()
    return await decisions_shown(tx, ids, now=asking.now)


async def _tags(asking: Asking, tx: Tx, ids: Sequence[MemberId], sight: Sight) -> Mapping[MemberId, Sequence[ShownTag]]:
    grant = sight.grant
    if not sight.wanted.tags or not any(shows(grant.read(guard)) for guard in (Guard.TAGS, Guard.SERVICE_TAGS)):
        return {}
    found = await tags_of(tx, ids, grant.purpose, is_own=grant.is_own, now=asking.now)
    return {one: [shown for shown in mine if may_see(shown.definition, grant)] for one, mine in found.items()}


def _by_member(rows: Iterable[Row[Any]]) -> Mapping[UUID, list[Row[Any]]]:
    grouped: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row.member_id].append(row)
    return grouped


async def _lines(
    asking: Asking, tx: Tx, ids: Sequence[MemberId], pages: Collection[OrdersAsked]
) -> Mapping[OrdersAsked, Mapping[MemberId, tuple[list[Row[Any]], bool]]]:
    """One statement per page asked for."""
    found = {}
    for first, after in sorted(pages, key=repr):
        count, position = orders_count(first), line_position(asking.hub.vault, after)
        asking.count_lines(count * len(ids))
        found[first, after] = await lines_of(tx, ids, count=count, after=position)
    return found


async def open_items(asking: Asking, tx: Tx, items: Iterable[Item]) -> Opened:
    unique = list(dict.fromkeys(items))
    if not unique:
        return {}
    needs = {(item.subject, data_class) for item in unique if (data_class := declaration(item.column).data_class)}
    keys = await asking.hub.vault.keys_for(tx, needs)
    reason = f"graphql request {asking.caller.request_id}"
    return dict(zip(unique, keys.open_many(unique, reason=reason), strict=True))


def _shown(sight: Sight, wanted: Wanted, held: Held, row: Row[Any]) -> frozenset[str]:
    """What the audit entry says of this member: held for another purpose alone, and so shown to nobody; and the rest.

    Of a field that is withheld, what others state of it may be shown all the same (provenance).
    """
    fields = sight.wanted.fields | sight.wanted.provenance if row.consented_fields else ()
    kept = {field for field in fields if shows(sight.of_field(field)) and sight.withholds(row, field)}
    but = {f"member.{field}" for field in kept - sight.wanted.provenance}
    words = shown_words(sight.grant, wanted, held.claims.get(row.member_id, ()), but=but)
    words |= {withheld(f"member.{field}") for field in kept}
    return words | sight.lens.shown(held.consents.get(row.member_id, ())) if sight.wanted.consents_opened else words


async def note_answer(
    asking: Asking, tx: Tx, wanted: Wanted, member_id: MemberId, *also: Guard, may_be_gone: bool = False
) -> None:
    """Put on the trail what the answer to a change will show of the member: the entry is written before it is read.

    For every change that answers with a member, last before its entry; `also`: what its payload shows beside. It costs
    no statement, but where values of identifiers or contact points of consents are asked, and where the change may have
    taken the member out of reach (`may_be_gone`), for nothing is shown then.
    """
    words = frozenset(shown_as(guard, asking.grant.read(guard)) for guard in also)
    if wanted.guards and not (may_be_gone and not await find(tx, asking.visible, [member_id])):
        words |= await words_of_answer(asking, tx, wanted, member_id)
    asking.trail.shows_of(member_id, words)


async def words_of_answer(asking: Asking, tx: Tx, wanted: Wanted, member_id: MemberId) -> frozenset[str]:
    """The same for whoever notes it of several ids of one person."""
    kinds = CONTACT_FIELDS.keys() if wanted.identifiers_opened else ()
    words = shown_words(asking.grant, wanted, await claims_of(tx, [member_id], kinds) if kinds else ())
    if not wanted.consents_opened or not shows(asking.grant.read(Guard.CONSENTS)):
        return words
    return words | lens_of(asking, asking.grant).shown(await decisions_shown(tx, [member_id], now=asking.now))


def shown_words(
    grant: Grant, wanted: Wanted, claims: Iterable[Row[Any]], *, but: Collection[str] = ()
) -> frozenset[str]:
    """What the audit entry says about fields: each guarded one that is asked for, as the grant has it, `but` these.

    A phone or an e-mail address that is read among the identifiers counts as that field as well.
    """
    words = {shown_as(guard, grant.read(guard)) for guard in wanted.guards - set(but)}
    if wanted.identifiers_opened:
        kinds = {ClaimKind(row.kind) for row in claims} & CONTACT_FIELDS.keys()
        words |= {shown_as(f"member.{CONTACT_FIELDS[kind]}", claim_verdict(grant, kind)) for kind in kinds}
    return frozenset(words)
