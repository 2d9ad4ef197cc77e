"""Reading the audit log: the whole of it for those who check, and for a member who looked at them."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import Row

from member_hub import revealing
from member_hub.access import CallerKind, Register
from member_hub.audit import deeds, looks, queries
from member_hub.audit.looks import MEMBER_KIND
from member_hub.audit.queries import Filter, position_of
from member_hub.errors import BadInput
from member_hub.graphql.asking import Asking
from member_hub.graphql.audit_types import (
    AccessHistoryConnection,
    AccessHistoryEdge,
    AuditEntry,
    AuditEntryConnection,
    AuditEntryEdge,
    AuditFilter,
    FieldLook,
    Label,
    Look,
    LookDeed,
)
from member_hub.graphql.building import global_id
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.paging import (
    LOOKS,
    After,
    Before,
    First,
    Last,
    Listing,
    PageInfo,
    Slice,
    audit_cursor,
    audit_position,
    slice_of,
)
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.reading import find, ids_of_person

TEXT_MAX = 200  # characters of a text to narrow by; nothing longer is on record

Info = strawberry.Info[Asking, None]


async def audit_entries(  # noqa: PLR0917 - Strawberry passes arguments by name
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
    filter: Annotated[  # noqa: A002 - its name in the schema
        AuditFilter | None, strawberry.argument(description="What the entries have in common.")
    ] = strawberry.UNSET,
) -> AuditEntryConnection:
    asking = info.context
    asked = slice_of(first=given(first), after=given(after), last=given(last), before=given(before))
    listing = Listing.of("audit", given(filter))
    at = audit_position(asking.hub.vault, listing, asked.cursor)
    by = await _narrowed(asking, given(filter))
    asking.trail.finds(by.member_ids or ())
    async with asking.hub.audit.reading() as tx:
        rows, more = await queries.page(tx, by, count=asked.count, at=at, backwards=asked.backwards, now=asking.now)
    edges = [
        AuditEntryEdge(cursor=audit_cursor(asking.hub.vault, listing, position_of(row)), node=_entry(row))
        for row in rows
    ]
    return AuditEntryConnection(edges=edges, page_info=_page_info([e.cursor for e in edges], asked, has_more=more))


async def access_history(
    info: Info,
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")],
    after: After = strawberry.UNSET,
) -> AccessHistoryConnection | None:
    asking = info.context
    asked = slice_of(first=first, after=given(after), last=None, before=None)
    at = audit_position(asking.hub.vault, LOOKS, asked.cursor)
    ids = await _own_ids(asking)
    if not ids:
        return None
    asking.trail.finds(ids[:1])
    by = Filter(member_ids=ids, but_kind=MEMBER_KIND)
    async with asking.hub.audit.reading() as tx:
        rows, more = await queries.page(tx, by, count=asked.count, at=at, now=asking.now)
    edges = [
        AccessHistoryEdge(
            cursor=audit_cursor(asking.hub.vault, LOOKS, position_of(row)),
            node=_look(asking, looks.look_of(row)),
        )
        for row in rows
    ]
    return AccessHistoryConnection(edges=edges, page_info=_page_info([e.cursor for e in edges], asked, has_more=more))


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        happened_at=row.happened_at,
        request_id=str(row.request_id),
        caller_kind=CallerKind(row.caller_kind),
        caller=row.caller,
        role=row.role,
        purpose=looks.purpose_of(row),
        purpose_stated=row.purpose,
        operations=row.operation.split(","),
        outcome=row.outcome,
        fields=row.fields,
        member_ids=[global_id(one) for one in row.member_ids],
        writer=str(row.writer),
        sequence=row.sequence,
    )


def _look(asking: Asking, look: looks.Look) -> Look:
    register = asking.hub.policies.register
    zh, en = looks.role_label(register, look)
    purpose = register.purposes[look.purpose] if look.purpose else None
    return Look(
        happened_at=look.happened_at,
        caller_kind=CallerKind(look.caller_kind),
        role=Label(zh=zh, en=en),
        purpose=look.purpose,
        purpose_text=Label(zh=purpose.zh, en=purpose.en) if purpose else None,
        kinds=list(look.kinds),
        fields=[FieldLook(field=one.field, use=one.use) for one in look.fields],
        deeds=[_deed(register, one) for one in look.deeds],
        refused=look.is_refused,
        reason=revealing.reason_named(look.reason),
    )


def _deed(register: Register, deed: deeds.Deed) -> LookDeed:
    zh, en = deeds.label_of(register, deed)
    return LookDeed(deed=deed.deed, about=deed.about or None, label=Label(zh=zh, en=en))


async def _own_ids(asking: Asking) -> list[MemberId]:
    """The asking member, root first, with every id merged into it; nobody where none is in reach."""
    member_id = asking.visible.member_id
    if member_id is None:
        return []
    async with asking.snapshot.reading() as tx:
        found = await find(tx, asking.visible, [member_id], by_key=False, fields=frozenset())
        return await ids_of_person(tx, member_id) if found else []


async def _narrowed(asking: Asking, by: AuditFilter | None) -> Filter:
    """Raises BadInput for a member id that is none, and for a text that cannot be on record."""
    if by is None:
        return Filter()
    stated = {name: given(getattr(by, name)) for name in ("actor", "purpose", "operation", "outcome", "since", "until")}
    for name, value in stated.items():
        if isinstance(value, str) and (len(value) > TEXT_MAX or not value.isprintable()):
            raise BadInput(field=f"filter.{name}")
        if value is not None:
            asking.trail.filters(f"audit.{name}")
    return Filter(
        member_ids=await _named(asking, given(by.member_id)),
        caller=stated["actor"],
        purpose=stated["purpose"].value if stated["purpose"] else None,
        operation=stated["operation"],
        outcome=stated["outcome"],
        since=stated["since"],
        until=stated["until"],
    )


async def _named(asking: Asking, said: str | None) -> Sequence[UUID] | None:
    if said is None:
        return None
    member_id = member_id_of(said)
    if member_id is None:
        raise BadInput("This is no member id.", zh="这不是有效的会员编号。", field="filter.memberId")
    asking.trail.looks_up("id")
    async with asking.snapshot.reading() as tx:
        return await ids_of_person(tx, member_id)


def _page_info(cursors: Sequence[str], asked: Slice, *, has_more: bool) -> PageInfo:
    came_from = asked.cursor is not None
    return PageInfo(
        has_next_page=came_from if asked.backwards else has_more,
        has_previous_page=has_more if asked.backwards else came_from,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
