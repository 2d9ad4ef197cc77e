"""Tags by hand and by import follow their definition, too: a new version reaches them, and what ended goes.

What the hub gives itself it gives anew in every evaluation (evaluating.py). What somebody gave stands until somebody
takes it; so each batch looks at those rows as well. A version that profiles, or is for something else, is obeyed by
rows from before it; and a row goes whose tag ended, or against which an objection, the age or a missing consent stands.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, not_, or_, update

from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, values_of
from member_hub.ids import MemberId
from member_hub.members.taggings import BY_THE_HUB, TagKind, is_barred, is_unconsented, member_t, tagging_t
from member_hub.tags.definitions import Definition

_BY_PEOPLE: Final = (TagKind.HAND, TagKind.IMPORT)
_SAID: Final = ("tag", "version", "is_profiling", "restricted_by")
_USED: Final = values_of([tagging_t.c[name] for name in _SAID], name="used")


async def keep_given(tx: Tx, definitions: Iterable[Definition], members: Sequence[MemberId], *, now: datetime) -> int:
    """Of these members, whose rows the caller holds; `definitions`: all that are in force. How many ended."""
    used = [
        (one.code, one.version, one.is_profiling, one.restricted_by) for one in definitions if one.kind in _BY_PEOPLE
    ]
    theirs = (among(tagging_t.c.member_id, members), tagging_t.c.given_id != BY_THE_HUB)
    said = {name: _USED.c[name] for name in _SAID if name != "tag"}
    differs = or_(*(tagging_t.c[name] != value for name, value in said.items()))
    renewed = update(tagging_t).where(*theirs, tagging_t.c.tag == _USED.c.tag, differs).values(said)
    await tx.execute(renewed, parameters(_SAID, used))
    is_over = not_(among(tagging_t.c.tag, [one[0] for one in used]))
    gone = delete(tagging_t).where(
        *theirs, member_t.c.member_id == tagging_t.c.member_id, or_(is_over, is_barred(), is_unconsented(now))
    )
    return int((await tx.execute(gone)).rowcount)
