"""At the till: redeeming what a member shows, and what is then seen of a member who is out of reach otherwise.

Decision: the till view is a grant of its own (Grant.at_till) over the rows of the handler, used for one key of one
look-up: `Sought.is_presented` says which. Of the profile it shows what the policy says; accounts, identifiers,
provenance and orders are history and stay empty, and the home store is null. `joinedAt` and `version` may not be null
(CONTRACT) and stand.
Price: a code is used up before the audit entry is written; where that fails, the member shows another one.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from member_hub import till
from member_hub.access import Grant
from member_hub.db.base import Tx, transaction
from member_hub.graphql.asking import Asking
from member_hub.graphql.keys import Sought
from member_hub.graphql.loading import stored_fields
from member_hub.graphql.selection import Wanted
from member_hub.ids import MemberId
from member_hub.members.reading import Visible, find
from member_hub.merging.contention import patiently

VIEW = "view:till"  # what the audit entry says where somebody out of reach was seen


async def redeemed(asking: Asking, each: Sequence[Sought]) -> list[Sought]:
    """The same keys, with whom each member code among them finds; the codes are used up, and no code counts twice.

    The same code twice in one look-up is one presentation. Another one, in a transaction of its own, finds nobody.
    """
    codes = {one.member_code for one in each if one.member_code is not None}
    if not codes:
        return list(each)
    hub = asking.hub

    async def attempt() -> dict[str, MemberId]:
        async with transaction(hub.database.app) as tx:
            return await till.redeem(tx, hub.vault, asking.caller.handler, codes)

    found = await patiently(attempt)
    return [
        replace(one, member_id=found[one.member_code], is_presented=True) if one.member_code in found else one
        for one in each
    ]


async def rows_at_till(
    asking: Asking, tx: Tx, wanted: Wanted, presented: Collection[MemberId]
) -> tuple[Grant, dict[MemberId, Row[Any]]] | None:
    """The rows of presented members out of ordinary reach, by the id asked for, and the grant to show them with.

    None where nobody is presented, or the policy gives this role no till view.
    """
    view = asking.grant.at_till() if presented else None
    if view is None:
        return None
    visible = Visible.to(asking.caller, view, asking.hub.organisation, now=asking.now)
    found = await find(tx, visible, presented, by_key=True, fields=stored_fields(view, wanted))
    if found:
        asking.trail.fields.add(VIEW)
    return view, found
