"""What the tags part answers for: tags on members, and who is to be evaluated anew.

Merging unites: tags by hand and by import move along, the same tag twice is shown once, and nothing that restricts ends
by it. What the hub gave by itself goes for both, and both are evaluated anew from what they are then. Splitting gives
back by account: a tag stands with every side that has an account for which it was given; one that restricts stays on
both sides, whatever it was given for, as a withdrawal does.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.clock import Clock
from member_hub.db.base import Tx
from member_hub.db.bulk import among, move_rows, table_of
from member_hub.holding import rows_where
from member_hub.ids import MemberId, OriginId
from member_hub.members.reading import handler_of
from member_hub.members.taggings import BY_THE_HUB, Tagging, tagging_t
from member_hub.privacy import Erased, Held, Person
from member_hub.tags.definitions import in_force
from member_hub.tags.tables import TagDue

due_t = table_of(TagDue)
MODELS: Final = (Tagging, TagDue)


@dataclass(frozen=True, slots=True)
class TagsHolder:
    clock: Clock = field(default_factory=Clock)

    @property
    def idle_without(self) -> Sequence[type[Any]]:
        """Two whom no round has reached yet are evaluated by the round of the day, as one. Whom a merge made due has no
        taggings of the hub any more: where they part before anybody looked, both sides are due."""
        return MODELS

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table_of(model).fullname for model in MODELS)

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model in MODELS:
            async for held in rows_where(tx, model, among(table_of(model).c.member_id, person.member_ids)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = {}
        for table in (tagging_t, due_t):
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        await self._evaluate_anew(tx, (kept, gone), due=(kept,))
        await move_rows(tx, Tagging, source=gone, target=kept)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        await self._evaluate_anew(tx, (kept, back), due=(kept, back))
        handler = await handler_of(tx, kept)
        definitions = (await in_force(tx, [handler]))[handler] if handler is not None else {}
        restrictive = [code for code, one in definitions.items() if one.is_restrictive]
        leaving = literal(list(origins), ARRAY(PgUuid()))
        protects = among(tagging_t.c.tag, restrictive)
        await _copy(tx, kept, back, or_(tagging_t.c.origins.overlap(leaving), protects))
        theirs_alone = tagging_t.c.origins.contained_by(leaving)
        await tx.execute(delete(tagging_t).where(tagging_t.c.member_id == kept, theirs_alone, ~protects))

    async def _evaluate_anew(self, tx: Tx, members: Collection[MemberId], *, due: Collection[MemberId]) -> None:
        given = delete(tagging_t).where(among(tagging_t.c.member_id, members), tagging_t.c.given_id == BY_THE_HUB)
        await tx.execute(given)
        rows = [{"member_id": member_id, "due_at": self.clock.now()} for member_id in sorted(due)]
        fresh = insert(due_t).values(rows)
        now = {"due_at": func.least(due_t.c.due_at, fresh.excluded.due_at)}  # what failed and was put off, too
        await tx.execute(fresh.on_conflict_do_update(index_elements=[due_t.c.member_id], set_=now))


async def _copy(tx: Tx, source: MemberId, target: MemberId, which: ColumnElement[bool]) -> None:
    """Rows of one member for another as well, each given as a row of its own."""
    instead: dict[str, Any] = {"member_id": literal(target, PgUuid()), "given_id": func.gen_random_uuid()}
    columns = [instead.get(column.name, column).label(column.name) for column in tagging_t.c]
    rows = select(*columns).where(tagging_t.c.member_id == source, which)
    await tx.execute(insert(tagging_t).from_select([column.name for column in tagging_t.c], rows))
