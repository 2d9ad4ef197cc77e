"""Tags by hand and by import follow their definition, too: a new version reaches them, and what ended goes.

What the hub gives itself it gives anew in every evaluation (evaluating.py). What somebody gave stands until somebody
takes it; so each batch looks at those rows as well. A version that profiles, or is for something else, is obeyed by
rows from before it; and a row goes whose tag ended, or against which an objection, the age or a missing consent stands.
Each row goes by the definitions of the handler that gave it, which may be another than the member's own by now: merging
crosses handlers that have an agreement, and what the one gave to protect somebody does not end because the other one
has no such tag.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, or_, select, update

from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, values_of
from member_hub.ids import MemberId
from member_hub.members.taggings import BY_THE_HUB, TagKind, is_barred, is_unconsented, member_t, tagging_t
from member_hub.tags.definitions import in_force

_BY_PEOPLE: Final = (TagKind.HAND, TagKind.IMPORT)
_SAID: Final = ("handler", "tag", "version", "is_profiling", "restricted_by")
_KEY: Final = ("handler", "tag")
_USED: Final = values_of([tagging_t.c[name] for name in _SAID], name="used")


async def keep_given(tx: Tx, members: Sequence[MemberId], *, now: datetime) -> int:
    """Of these members, whose rows the caller holds; how many ended."""
    theirs = (among(tagging_t.c.member_id, members), tagging_t.c.given_id != BY_THE_HUB)
    handlers = (await tx.scalars(select(tagging_t.c.handler).where(*theirs).distinct())).all()
    if not handlers:
        return 0
    used = [
        (handler, one.code, one.version, one.is_profiling, one.restricted_by)
        for handler, definitions in (await in_force(tx, handlers)).items()
        for one in definitions.values()
        if one.kind in _BY_PEOPLE
    ]
    is_of = and_(*(tagging_t.c[name] == _USED.c[name] for name in _KEY))
    said = {name: _USED.c[name] for name in _SAID if name not in _KEY}
    differs = or_(*(tagging_t.c[name] != value for name, value in said.items()))
    await tx.execute(update(tagging_t).where(*theirs, is_of, differs).values(said), parameters(_SAID, used))
    is_over = ~select(_USED.c.tag).where(is_of).exists()
    gone = delete(tagging_t).where(
        *theirs, member_t.c.member_id == tagging_t.c.member_id, or_(is_over, is_barred(), is_unconsented(now))
    )
    return int((await tx.execute(gone, parameters(_SAID, used))).rowcount)
