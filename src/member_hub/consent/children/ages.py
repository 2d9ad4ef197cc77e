"""In which band of age members are: their birth dates opened, and the band on the row brought in line.

Decision: whoever is known as a child or a minor and of whom no birth date is held (any more) stays one: any sign of a
minor counts, and a guardian whom staff confirmed is such a sign (PIPL.md 1b). A date that is stated says otherwise.
Price: somebody who never states one is asked for a guardian's consent until they do.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select

from member_hub.clock import business_day
from member_hub.consent.catalogue import Numbers
from member_hub.crypto import CannotOpen, Item, Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of, update_rows
from member_hub.ids import MemberId
from member_hub.members.age import band_of, last_day_as_child
from member_hub.members.tables import AgeBand, Member, ProfileValue
from member_hub.privacy import DataClass, ProfileField

member_t = table_of(Member)
value_t = table_of(ProfileValue)
YOUNG: Final = (AgeBand.CHILD, AgeBand.MINOR)

_log = logging.getLogger(__name__)


async def bands_of(
    tx: Tx, vault: Vault, member_ids: Collection[MemberId], *, numbers: Numbers, today: date
) -> dict[MemberId, AgeBand]:
    """The band of each of these roots on a day, by the ages of the policy pack; ids that are no member are left out.

    Three statements.
    """
    columns = (member_t.c.member_id, member_t.c.age_band)
    stored = {
        MemberId(row.member_id): AgeBand(row.age_band)
        for row in await tx.execute(select(*columns).where(among(member_t.c.member_id, member_ids)))
    }
    dates = await _birthdays(tx, vault, stored)
    return {one: _band(dates.get(one, ()), was, numbers, today) for one, was in stored.items()}


async def last_days_as_child(
    tx: Tx, vault: Vault, member_ids: Collection[MemberId], *, numbers: Numbers
) -> dict[MemberId, date]:
    """The last day on which these members count as children; those without a birth date are left out."""
    under = numbers.guardian_consent_under
    dates = await _birthdays(tx, vault, member_ids)
    found = {one: last_day_as_child(mine, child_under=under) for one, mine in dates.items()}
    return {one: day for one, day in found.items() if day is not None}


async def renew(
    tx: Tx, vault: Vault, member_ids: Collection[MemberId], *, numbers: Numbers, now: datetime
) -> Mapping[MemberId, AgeBand]:
    """Write the band of today where it is another one; answers every band. The caller holds the members locked.

    Whoever settles a child's decisions calls this before: the band on the row is as old as the last midnight job.
    """
    bands = await bands_of(tx, vault, member_ids, numbers=numbers, today=business_day(now))
    columns = (member_t.c.member_id, member_t.c.age_band)
    rows = (await tx.execute(select(*columns).where(among(member_t.c.member_id, bands)))).all()
    changed = [(row.member_id, bands[row.member_id].value) for row in rows if row.age_band != bands[row.member_id]]
    await update_rows(tx, Member, ("member_id", "age_band"), changed)
    return bands


def _band(birthdays: Collection[date], was: AgeBand, numbers: Numbers, today: date) -> AgeBand:
    child_under, minor_under = numbers.guardian_consent_under, numbers.staff_approval_under
    found = band_of(birthdays, today, child_under=child_under, minor_under=minor_under)
    return was if found is AgeBand.UNKNOWN and was in YOUNG else found


async def _birthdays(tx: Tx, vault: Vault, members: Collection[MemberId]) -> dict[MemberId, list[date]]:
    """Every birth date that opens and is one."""
    columns = (value_t.c.member_id, value_t.c.origin_id, value_t.c.field, value_t.c.value_digest, value_t.c.value)
    statement = select(*columns).where(
        among(value_t.c.member_id, members), value_t.c.field == ProfileField.BIRTHDAY.value
    )
    rows = (await tx.execute(statement)).all()
    keys = await vault.keys_for(tx, [(row.origin_id, DataClass.CONTACT) for row in rows])
    opened = keys.open_many([_item(row) for row in rows], reason="how old a member is")
    found: dict[MemberId, list[date]] = {}
    for row, plain in zip(rows, opened, strict=True):
        if not isinstance(plain, CannotOpen) and (born := _date(plain)) is not None:
            found.setdefault(MemberId(row.member_id), []).append(born)
    return found


def _item(row: Any) -> Item:
    place = sealed_row(ProfileValue, {"field": row.field, "value_digest": row.value_digest})
    return Item(value_t.c.value, row.origin_id, row.value, place)


def _date(plain: str) -> date | None:
    try:
        return date.fromisoformat(plain)
    except ValueError:
        _log.warning("A stored birth date is no date.")
        return None
