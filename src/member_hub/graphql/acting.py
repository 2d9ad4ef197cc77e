"""About whom an act is that names a member, or nobody: then the one who asks, or for whom the mini-program asks.

For acts by which members decide about the processing itself; no objection of theirs stands in the way of those
(Visible.to_decide).
"""

from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.db.base import Tx
from member_hub.graphql.asking import Asking
from member_hub.graphql.keys import member_id_of
from member_hub.ids import MemberId
from member_hub.members.reading import find


def whose(asking: Asking, named: str | None) -> MemberId | None:
    """The id that is meant; None for what is no id."""
    if named is not None:
        return member_id_of(named)
    return asking.caller.member_id or asking.caller.on_behalf_of


def turn_of(asking: Asking, named: str | None) -> MemberId | None:
    """Whose turn is taken (turns.py): who acts for one member alone takes that one's, whomever they name."""
    caller = asking.caller
    return caller.member_id or caller.on_behalf_of or whose(asking, named)


async def reached(asking: Asking, tx: Tx, named: str | None) -> MemberId | None:
    """The root in ordinary reach; None for nobody."""
    member_id = whose(asking, named)
    found = await find(tx, asking.visible.to_decide(), [member_id]) if member_id is not None else {}
    return MemberId(found[member_id].member_id) if member_id is not None and member_id in found else None


async def reached_and_held(asking: Asking, tx: Tx, named: str | None, *, protects: bool = False) -> MemberId:
    """The same, locked until the transaction ends; from here on the trail knows whom a refusal is about.

    `protects`: for an act that can only keep data unused. Raises NotFound for nobody in reach.
    """
    visible = asking.visible.to_protect() if protects else asking.visible.to_decide()
    root = await locked_in_reach(tx, visible, whose(asking, named))
    asking.trail.member_ids.add(root)
    return root
