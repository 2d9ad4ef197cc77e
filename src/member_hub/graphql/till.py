"""At the till: redeeming what a member shows or reads back, and what is seen then of one who is out of reach otherwise.

Decision: the till view is a grant of its own (Grant.at_till) over the rows of the handler, used for one key of one
look-up: `Sought.is_presented` says which. Of the profile it shows what the policy says, and so of tier, points and
benefits, as they stand now: what these would tell of earlier days is left out where they are built. Accounts,
identifiers, provenance and orders are history and stay empty, and the home store is null. `joinedAt` and `version` may
not be null (CONTRACT) and stand.
Price: a code is used up before the audit entry is written; where that fails, the member shows another one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from member_hub import sign_in, till
from member_hub.access import Grant
from member_hub.db.base import Tx, transaction
from member_hub.db.contention import patiently
from member_hub.graphql.asking import Asking
from member_hub.graphql.keys import PhoneCode, Sought
from member_hub.graphql.loading import stored_fields
from member_hub.graphql.selection import Wanted
from member_hub.ids import MemberId
from member_hub.members.reading import find

VIEW = "view:till"  # what the audit entry says where somebody out of reach was seen


async def redeemed(asking: Asking, each: Sequence[Sought]) -> list[Sought]:
    """The same keys, with whom each code among them finds; the codes are used up, and no code counts twice.

    A code is one presentation: stated again, in the same look-up or in another one, it finds nobody.
    """
    shown = await _shown(asking, {one.member_code for one in each if one.member_code is not None})
    read_back = await _read_back(asking, {one.phone_code for one in each if one.phone_code is not None})
    return [_presented(one, shown, read_back) for one in _first_of_each(each)]


def _first_of_each(each: Sequence[Sought]) -> Iterator[Sought]:
    """What is stated again, in whichever spelling, is a key that finds nobody."""
    seen: set[str | PhoneCode] = set()
    for one in each:
        said = till.canonical(one.member_code) if one.member_code is not None else one.phone_code
        yield Sought(one.key) if said is not None and said in seen else one
        if said is not None:
            seen.add(said)


async def _shown(asking: Asking, codes: Collection[str]) -> Mapping[str, MemberId]:
    if not codes:
        return {}
    hub = asking.hub

    async def attempt() -> dict[str, MemberId]:
        async with transaction(hub.database.app) as tx:
            return await till.redeem(tx, hub.vault, asking.caller.handler, codes)

    return await patiently(attempt)


async def _read_back(asking: Asking, codes: Collection[PhoneCode]) -> Mapping[PhoneCode, MemberId]:
    """Each is a try, committed by itself whatever it finds."""
    hub, found = asking.hub, {}
    for said in sorted(codes):
        async with transaction(hub.database.app) as tx:
            member_id = await sign_in.redeem_till_code(
                tx, hub.vault, said.phone, said.code, handler=asking.caller.handler, now=asking.now
            )
        if member_id is not None:
            found[said] = member_id
    return found


def _presented(one: Sought, shown: Mapping[str, MemberId], read_back: Mapping[PhoneCode, MemberId]) -> Sought:
    found = None
    if one.member_code is not None:
        found = shown.get(one.member_code)
    elif one.phone_code is not None:
        found = read_back.get(one.phone_code)
    return one if found is None else replace(one, member_id=found, is_presented=True)


async def rows_at_till(
    asking: Asking, tx: Tx, wanted: Wanted, presented: Collection[MemberId]
) -> tuple[Grant, dict[MemberId, Row[Any]]] | None:
    """The rows of presented members out of ordinary reach, by the id asked for, and the grant to show them with.

    None where nobody is presented, or the policy gives this role no till view.
    """
    view = asking.grant.at_till() if presented else None
    if view is None:
        return None
    found = await find(tx, asking.seen_by(view), presented, by_key=True, fields=stored_fields(view, wanted))
    if found:
        asking.trail.fields.add(VIEW)
    return view, found
