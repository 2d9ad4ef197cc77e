"""Reading consent: where a member's decisions stand, what happened to them, and the receipt of one event."""

from typing import Annotated, Any

import strawberry
from sqlalchemy import Row

from member_hub.access import Guard, Verdict
from member_hub.consent.history.queries import decisions_shown, event_of, history_page, is_chain_intact, position_of
from member_hub.consent.history.receipts import Sources, receipt
from member_hub.consent.history.record_ids import read_record_id, record_id_of
from member_hub.consent.words import Act, Actor, ConsentState, EvidenceKind, Method
from member_hub.db.base import Base, Tx
from member_hub.errors import BadInput
from member_hub.graphql.asking import Asking
from member_hub.graphql.audit_types import Label
from member_hub.graphql.consent_types import (
    Consent,
    ConsentEvent,
    ConsentEventConnection,
    ConsentEventEdge,
    ConsentReceipt,
)
from member_hub.graphql.consents import channel_of, lens_of, notice_of
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import open_items
from member_hub.graphql.paging import After, PageInfo, event_cursor, event_position, slice_of
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.reading import find
from member_hub.privacy import Purpose

Info = strawberry.Info[Asking, None]
OfMember = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Whose; the member who asks, or for whom an app asks, if it is left out."),
]


async def consents(info: Info, member: OfMember = strawberry.UNSET) -> list[Consent] | None:
    asking, lens = info.context, lens_of(info.context, info.context.grant)
    wanted = asking.plan.roots[str(info.path.key)].wanted
    async with asking.snapshot.reading() as tx:
        member_id = await _in_reach(asking, tx, given(member))
        if member_id is None:
            return None
        rows = await decisions_shown(tx, [member_id], now=asking.now)
        items = [item for row in rows if (item := lens.item(row)) is not None] if wanted.consents_opened else []
        opened = await open_items(asking, tx, iter(items))
    if wanted.consents_opened:
        asking.trail.shows_of(member_id, lens.shown(rows))
    return lens.consents(rows, opened)


async def consent_history(
    info: Info,
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")],
    member: OfMember = strawberry.UNSET,
    after: After = strawberry.UNSET,
) -> ConsentEventConnection | None:
    asking = info.context
    asked = slice_of(first=first, after=given(after), last=None, before=None)
    async with asking.snapshot.reading() as tx:
        member_id = await _in_reach(asking, tx, given(member))
        if member_id is None:
            return None
        at = event_position(asking.hub.vault, member_id, asked.cursor)
        rows, has_more = await history_page(tx, member_id, count=asked.count, after=at)
        is_verified = asking.plan.roots[str(info.path.key)].wanted.chain
        is_intact = await is_chain_intact(tx, asking.hub.vault, member_id) if is_verified else None
    edges = [
        ConsentEventEdge(cursor=event_cursor(asking.hub.vault, member_id, position_of(row)), node=_event(asking, row))
        for row in rows
    ]
    page = PageInfo(
        has_next_page=has_more,
        has_previous_page=asked.cursor is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return ConsentEventConnection(edges=edges, page_info=page, chain_intact=is_intact)


async def consent_receipt(
    info: Info,
    event: Annotated[strawberry.ID, strawberry.argument(description="Id of an event: `eventId`, or of the history.")],
) -> ConsentReceipt | None:
    asking, ids = info.context, read_record_id(event)
    async with asking.snapshot.reading() as tx:
        row = await event_of(tx, *ids) if ids else None
        if row is None or await _in_reach(asking, tx, str(row.holder)) is None:
            return None
    hub = asking.hub
    sources = Sources(hub.organisation, hub.policies, hub.catalogue, Base.metadata)
    said = receipt(row, sources.of(row.handler))
    return ConsentReceipt(
        record_id=strawberry.ID(said["record_id"]),
        document=hub.receipt_key.signed(said).decode(),
        key_id=hub.receipt_key.key_id,
    )


async def _in_reach(asking: Asking, tx: Tx, said: str | None) -> MemberId | None:
    """The root of the member in question; None for nobody in reach. What is shown of them goes on record here.

    Raises BadInput where a caller who is no member and asks for none says of nobody.
    """
    member_id = asking.visible.member_id if said is None else member_id_of(said)
    if said is not None:
        asking.trail.looks_up("id")
    elif member_id is None:
        raise BadInput("Say whose: member.", zh="请指明会员。", field="member")
    asking.trail.shows(Guard.CONSENTS, asking.grant.read(Guard.CONSENTS))
    if member_id is None or asking.grant.read(Guard.CONSENTS) is Verdict.DENIED:
        return None
    found = await find(tx, asking.visible, [member_id], by_key=False, fields=())
    roots = [MemberId(row.member_id) for row in found.values()]
    if not roots:
        return None
    asking.count_members(1)
    asking.trail.finds(roots)
    return roots[0]


def _event(asking: Asking, row: Row[Any]) -> ConsentEvent:
    lens = lens_of(asking, asking.grant)
    actor = Actor(row.actor)
    app = asking.hub.organisation.apps.get(row.acted_by) if actor is Actor.APP else None
    return ConsentEvent(
        id=strawberry.ID(record_id_of(row.member_id, row.event_id)),
        purpose=Purpose(row.purpose),
        recipient=lens.recipient(row.recipient),
        channel=channel_of(row.channel),
        has_contact=row.has_contact,
        act=Act(row.act),
        state_from=ConsentState(row.state_from),
        state_to=ConsentState(row.state_to),
        actor=actor,
        through=Label(zh=app.zh, en=app.en) if app else None,
        method=Method(row.method),
        evidence=EvidenceKind(row.evidence_kind) if row.evidence_kind else None,
        notice=notice_of(row),
        is_separate=row.is_separate,
        ends_at=row.ends_at,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
    )
