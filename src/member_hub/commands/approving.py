"""Standing approvals to see minors for a hub under development, so that the demo shows every member to whom it can.

In production there are none until the responsible managers give them (PIPL.md 1b); `member-hub doctor` says how many
roles have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from member_hub.access import RoleKind, RowScope
from member_hub.commands.opening import audit
from member_hub.db import transaction
from member_hub.db.bulk import insert_rows, table_of
from member_hub.ids import uuid7
from member_hub.members.gates import MinorApproval
from member_hub.members.row_gate import STANDING

if TYPE_CHECKING:
    from member_hub.db import Tx
    from member_hub.runtime import Runtime

APPROVED_BY = "development"
COLUMNS = ("approval_id", "kind", "handler", "role", "store", "approved_by", "approved_at", "expires_at")
Place = tuple[str, str, str | None]  # handler, role, store

approval_t = table_of(MinorApproval)


async def approve_in_development(runtime: Runtime) -> int:
    """Give every staff role that sees members an approval for as long as one may hold; says how many were given.

    Nothing in production. What still holds for half of that time is left as it is, so a second run gives none.
    """
    if runtime.settings.is_production:
        return 0
    now, term = runtime.clock.now(), timedelta(days=runtime.catalogue.numbers.approval_days_max)
    async with transaction(runtime.database.app) as tx:
        standing = await _standing(tx, until=now + term / 2)
        missing = [place for place in _places(runtime) if place not in standing]
        if missing:
            await audit(runtime, "minors approve")
        rows = [(uuid7(), STANDING, *place, APPROVED_BY, now, now + term) for place in missing]
        return await insert_rows(tx, MinorApproval, COLUMNS, rows)


def _places(runtime: Runtime) -> Iterator[Place]:
    """Per store where the role is at home in stores, else for the whole of a handler."""
    organisation, grants = runtime.organisation, runtime.policies.grants.values()
    for role in runtime.policies.register.roles.values():
        scopes = {grant.rows for grant in grants if grant.role == role.name} - {RowScope.NONE}
        if role.kind is not RoleKind.STAFF or not scopes:
            continue
        if RowScope.OWN_STORES in scopes:
            yield from ((store.handler, role.name, store.name) for store in organisation.stores.values())
        else:
            yield from ((handler, role.name, None) for handler in organisation.handlers)


async def _standing(tx: Tx, *, until: datetime) -> set[Place]:
    statement = select(approval_t.c.handler, approval_t.c.role, approval_t.c.store).where(
        approval_t.c.kind == STANDING, approval_t.c.revoked_at.is_(None), approval_t.c.expires_at > until
    )
    return {(row.handler, row.role, row.store) for row in await tx.execute(statement)}
