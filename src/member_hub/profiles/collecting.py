"""Fields collected for a consented purpose alone (PIPL 6, 15): who may say so, and of whom.

A form asks for a birthday "for offers on your birthday": it is held for marketing and for nothing else, marked as that
where it is stored (`profile_value.collected_for`), shown for no other purpose, and gone when that consent is
(forgetting.py). Names, birthdays, genders and addresses may be collected so. Phones and e-mail addresses may not: by
them a member is found, which is the service's.

Decision: the consent has to stand at that moment, as the gate of every read would find it: granted under the notice in
force, by somebody informed and old enough, without objection. A consent that comes in the same breath as the value is
given first. Price: an enrolment that makes a new member collects nothing for a consented purpose; the next update may.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from member_hub.consent.notice.gates import current_gates
from member_hub.consent.words import ANY
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import BadInput
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import Member
from member_hub.privacy import ProfileField, Purpose
from member_hub.profiles.refusals import Collected, CollectionNotConsented, Refusals

member_t = table_of(Member)

COLLECTED_MAX: Final = 4  # as many as there are fields
COLLECTABLE: Final = frozenset({ProfileField.NAME, ProfileField.BIRTHDAY, ProfileField.GENDER, ProfileField.ADDRESS})
FIELD: Final = "collectedFor"


@dataclass(frozen=True, slots=True)
class CollectedFor:
    """One field of the input, and the consented purpose that alone justifies asking for it."""

    field: ProfileField
    purpose: Purpose


Purposes = Mapping[ProfileField, Purpose]


def check(said: Sequence[CollectedFor], sent: Collection[ProfileField], collected: Collected) -> None:
    """What is wrong with what was said stands in `collected`."""
    collected.read(_at_most, said)
    for one in said[:COLLECTED_MAX]:
        collected.read(_check, one, sent)


def _at_most(said: Sequence[CollectedFor]) -> None:
    if len(said) > COLLECTED_MAX or len({one.field for one in said}) < len(said):
        raise BadInput("Each field once, four at most.", zh="每个字段至多列出一次，最多四个。", field=FIELD)


def _check(one: CollectedFor, sent: Collection[ProfileField]) -> None:
    if one.field not in COLLECTABLE:
        raise BadInput(
            "Only name, birthday, gender and address are collected for a consented purpose.",
            zh="只有姓名、生日、性别与地址可以仅为某个经同意的目的收集。",
            field=FIELD,
        )
    if one.field not in sent:
        raise BadInput("The field is not in the input.", zh="输入中没有该字段。", field=FIELD)


async def refuse_unconsented(
    tx: Tx, member_id: MemberId, purposes: Purposes, *, resting: Collection[Purpose], now: datetime
) -> None:
    """Raises Refusals(CollectionNotConsented) unless each purpose rests on consent and this member's consent stands.

    `resting` are the purposes that rest on consent. Asked twice: before the value is taken in, for a birthday must not
    make the adult whose consent it is collected under; and behind it, where the member is held against a withdrawal.
    """
    wanted = set(purposes.values())
    if wanted and not (wanted <= set(resting) and wanted <= await _standing(tx, member_id, wanted, now)):
        raise Refusals([CollectionNotConsented(field=FIELD)])


async def _standing(tx: Tx, member_id: MemberId, wanted: Collection[Purpose], now: datetime) -> set[Purpose]:
    """Those of the purposes that the member's bits say stand for the handler itself, and that nobody objected to."""
    columns = (member_t.c.handler, member_t.c.consent_bits, member_t.c.restriction_bits, member_t.c.gate_until)
    row = (await tx.execute(select(*columns).where(member_t.c.member_id == member_id))).one_or_none()
    if row is None:  # a member who is yet to be made
        return set()
    if row.gate_until is not None and row.gate_until <= now:
        return set()
    gates = await current_gates(tx)
    bits = {one: gates.get((row.handler, one.value, ANY)) for one in wanted}
    return {
        one
        for one, gate in bits.items()
        if gate is not None and row.consent_bits & gate.mask and not row.restriction_bits & restriction_mask(one)
    }
