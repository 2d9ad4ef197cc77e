"""About whom a mutation is: the member named, or the one who asks; in reach, and held until the transaction ends."""

from sqlalchemy import select

from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.graphql.asking import Asking
from member_hub.graphql.keys import member_id_of
from member_hub.ids import MemberId
from member_hub.members.reading import find, is_living, member_t


async def reached_and_held(asking: Asking, tx: Tx, text: str | None, *, field: str = "member") -> MemberId:
    """The root behind an id in ordinary reach, or without one the member who asks or for whom an app asks.

    Its row stays locked. From here on the trail knows whom a refusal is about. Raises NotFound for nobody in reach.
    """
    caller = asking.caller
    member_id = member_id_of(text) if text is not None else caller.member_id or caller.on_behalf_of
    found = await find(tx, asking.visible, [member_id]) if member_id is not None else {}
    if member_id is None or member_id not in found:
        raise NotFound(field=field)
    root = MemberId(found[member_id].member_id)
    held = select(member_t.c.member_id).where(member_t.c.member_id == root, is_living()).with_for_update()
    if await tx.scalar(held) is None:  # merged or erased since
        raise NotFound(field=field)
    asking.trail.member_ids.add(root)
    return root
