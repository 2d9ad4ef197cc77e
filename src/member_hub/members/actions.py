"""Changes to members: making them, sealing the golden profile, moving channel accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.crypto import KeySet
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, parameters, table_of, update_rows, values_of
from member_hub.db.direct import Direct
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import AgeBand, Member, MemberStore
from member_hub.privacy import ProfileField

member_t = table_of(Member)
SEALED_FIELDS = (
    ProfileField.NAME,
    ProfileField.PHONE,
    ProfileField.EMAIL,
    ProfileField.BIRTHDAY,
    ProfileField.ADDRESS,
)


@dataclass(frozen=True, slots=True, repr=False)
class Golden:
    """What survivorship chose for one member; `values` are plain."""

    member_id: MemberId
    handler: str
    joined_at: datetime
    home_store: str | None
    channels: int
    age_band: AgeBand
    values: Mapping[ProfileField, str]
    consented_fields: int = 0  # members/bits.py


NEW_COLUMNS = (
    "member_id",
    "status",
    "handler",
    "joined_at",
    "home_store",
    "gender",
    "channels",
    "age_band",
    "consented_fields",
    *SEALED_FIELDS,
    "created_at",
    "updated_at",
)
CHANGED_COLUMNS = (
    "member_id",
    "joined_at",
    "home_store",
    "gender",
    "channels",
    "age_band",
    "consented_fields",
    *SEALED_FIELDS,
    "version",
    "updated_at",
)


async def insert_members(tx: Tx, keys: KeySet, golden: Sequence[Golden], *, now: datetime) -> None:
    """Make new members; `keys` holds a key for each of them and every class it needs."""
    rows = [
        (
            one.member_id,
            "active",
            one.handler,
            one.joined_at,
            one.home_store,
            one.values.get(ProfileField.GENDER),
            one.channels,
            one.age_band.value,
            one.consented_fields,
            *_sealed(keys, one),
            now,
            now,
        )
        for one in golden
    ]
    await insert_rows(tx, Member, NEW_COLUMNS, rows)


async def update_members(tx: Tx, keys: KeySet, golden: Sequence[tuple[Golden, int]], *, now: datetime) -> None:
    """Write the changed golden profile of members, each with its new version."""
    rows = [
        (
            one.member_id,
            one.joined_at,
            one.home_store,
            one.values.get(ProfileField.GENDER),
            one.channels,
            one.age_band.value,
            one.consented_fields,
            *_sealed(keys, one),
            version,
            now,
        )
        for one, version in golden
    ]
    await update_rows(tx, Member, CHANGED_COLUMNS, rows)


def _sealed(keys: KeySet, golden: Golden) -> list[bytes | None]:
    return [
        keys.seal(member_t.c[field], golden.member_id, golden.values[field]) if field in golden.values else None
        for field in SEALED_FIELDS
    ]


async def record_purchases(tx: Tx, rows: Sequence[tuple[MemberId, OriginId, str, datetime]]) -> None:
    """Remember where accounts bought and when last: (member, account, store, time), one row per account and store."""
    if rows:
        await _PURCHASE.done(tx, parameters(_PURCHASE_COLUMNS, rows))


store_t = table_of(MemberStore)
_PURCHASE_COLUMNS = ("member_id", "origin_id", "store", "purchased_at")
_GIVEN = values_of([store_t.c[name] for name in _PURCHASE_COLUMNS])
_INSERT = insert(store_t).from_select(list(_PURCHASE_COLUMNS), select(*(_GIVEN.c[n] for n in _PURCHASE_COLUMNS)))
_PURCHASE = Direct(
    _INSERT.on_conflict_do_update(
        index_elements=["member_id", "origin_id", "store"],
        set_={"purchased_at": func.greatest(store_t.c.purchased_at, _INSERT.excluded.purchased_at)},
    )
)
