"""Reading tags: of members, as of now and as far as a purpose goes; and the definitions of a handler."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import not_, or_, select

from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.members.taggings import RESTING_ON_CONSENT, TagKind, is_barred, member_t, tagging_t
from member_hub.privacy import Purpose
from member_hub.tags.definitions import (
    BUILTIN,
    TAGS_MAX,
    Definition,
    definition_of,
    in_force,
    tag_t,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A tag on a member: of several ways in which it came to them the one that holds longest."""

    definition: Definition
    how: TagKind
    value: str | None
    since: datetime
    until: datetime | None


def is_open_to(definition: Definition, purpose: Purpose, *, is_own: bool) -> bool:
    """Whether somebody who reads for this purpose may know of the tag.

    What rests on consent is read for that very purpose, for which the consent of each row in reach stands; whoever the
    tags are of, and whoever handles their rights, sees what is held.
    """
    if is_own or purpose is Purpose.RIGHTS_HANDLING:
        return True
    return definition.purpose not in RESTING_ON_CONSENT or definition.purpose is purpose


async def tags_of(
    tx: Tx, member_ids: Sequence[MemberId], purpose: Purpose, *, is_own: bool, now: datetime
) -> dict[MemberId, list[Shown]]:
    """Of each root every tag that stands, by group and code; a fixed number of statements."""
    rows = (
        select(tagging_t)
        .join(member_t, member_t.c.member_id == tagging_t.c.member_id)
        .where(
            among(tagging_t.c.member_id, member_ids),
            among(member_t.c.member_id, member_ids),  # said twice, or all members are read through
            or_(tagging_t.c.until.is_(None), tagging_t.c.until > now),
            not_(is_barred()),
        )
        .order_by(tagging_t.c.since)
    )
    found = (await tx.execute(rows)).all()
    definitions = await in_force(tx, sorted({row.handler for row in found})) if found else {}
    by_member: dict[MemberId, dict[str, Shown]] = {one: {} for one in member_ids}
    for row in found:
        definition = definitions[row.handler].get(row.tag)
        if definition is None or not is_open_to(definition, purpose, is_own=is_own):
            continue
        mine = by_member[MemberId(row.member_id)]
        this = Shown(definition, TagKind(row.how), row.value, row.since, row.until)
        mine[row.tag] = _longer(mine[row.tag], this) if row.tag in mine else this
    return {
        one: sorted(mine.values(), key=lambda shown: (shown.definition.group, shown.definition.code))
        for one, mine in by_member.items()
    }


def _longer(one: Shown, other: Shown) -> Shown:
    if one.until is None:
        return one
    return other if other.until is None or other.until > one.until else one


async def definitions_of(tx: Tx, handler: str) -> list[Definition]:
    """Of every code the version in force and a newer one that is proposed, TAGS_MAX each; the built-in ones first."""
    approved = await in_force(tx, [handler])
    newest = select(tag_t).where(tag_t.c.handler == handler, tag_t.c.approved_at.is_(None))
    other = tag_t.alias("other")
    later = (
        select(other.c.version)
        .where(other.c.handler == tag_t.c.handler, other.c.code == tag_t.c.code, other.c.version > tag_t.c.version)
        .exists()
    )
    proposed = [definition_of(row) for row in await tx.execute(newest.where(~later).limit(TAGS_MAX))]
    own = [one for code, one in approved[handler].items() if code not in BUILTIN]
    return [*BUILTIN.values(), *sorted([*own, *proposed], key=lambda one: (one.group, one.code, one.version))]
