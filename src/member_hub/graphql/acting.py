"""About whom a mutation is: the member named, or the one who asks; in reach, and held until the transaction ends."""

from sqlalchemy import select

from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.graphql.asking import Asking
from member_hub.graphql.keys import member_id_of
from member_hub.ids import MemberId
from member_hub.members.reading import find, is_living, member_t


async def reached(asking: Asking, tx: Tx, text: str | None) -> MemberId | None:
    """The root behind an id in ordinary reach, or without one the member who asks or for whom an app asks."""
    caller = asking.caller
    member_id = member_id_of(text) if text is not None else caller.member_id or caller.on_behalf_of
    found = await find(tx, asking.visible, [member_id]) if member_id is not None else {}
    return MemberId(found[member_id].member_id) if member_id is not None and member_id in found else None


async def reached_and_held(asking: Asking, tx: Tx, text: str | None, *, field: str = "member") -> MemberId:
    """The same, locked until the transaction ends; from here on the trail knows whom a refusal is about.

    Raises NotFound for nobody in reach.
    """
    root = await reached(asking, tx, text)
    held = select(member_t.c.member_id).where(member_t.c.member_id == root, is_living()).with_for_update()
    if root is None or await tx.scalar(held) is None:  # merged or erased since
        raise NotFound(field=field)
    asking.trail.member_ids.add(root)
    return root
