"""Rows of vault.data_key: read, made and deleted for many subjects at once, always in the caller's transaction."""

import os
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import BindParameter, Delete, Select, any_, bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from member_hub.crypto.keycache import WrappedKey, data_key_context
from member_hub.crypto.ring import KeyRing
from member_hub.crypto.sealing import VERSION_MAX
from member_hub.crypto.tables import DataKey
from member_hub.crypto.wrapping import KEY_BYTES, NONCE_BYTES, CannotOpen, wrap
from member_hub.db.base import Tx
from member_hub.db.bulk import parameters, table_of, values_of

_keys = table_of(DataKey)
_ROW = (_keys.c.subject, _keys.c.data_class, _keys.c.version, _keys.c.epoch, _keys.c.wrapped)
_AS_MADE = ("subject", "data_class", "version", "epoch", "wrapped", "created_at")

Named = tuple[UUID, int]  # a subject and the code of a data class


def _among(name: str, column: str) -> BindParameter[object]:
    return bindparam(name, type_=ARRAY(_keys.c[column].type))


_READ: Select[tuple[UUID, int, int, int, bytes]] = select(*_ROW).where(
    _keys.c.subject == any_(_among("subjects", "subject")), _keys.c.data_class == any_(_among("classes", "data_class"))
)
# Always in the same order, so that two writers cannot wait for each other.
_IN_ORDER = _READ.order_by(_keys.c.subject, _keys.c.data_class, _keys.c.version)
_HOLD = _IN_ORDER.with_for_update(read=True, key_share=True)
_LOCK = _IN_ORDER.with_for_update()
_DESTROY: Delete = delete(_keys).where(_keys.c.subject == any_(_among("subjects", "subject")))
_given = values_of([_keys.c[name] for name in _AS_MADE])
_MAKE = (
    insert(_keys)
    .from_select(
        list(_AS_MADE),
        select(*(_given.c[name] for name in _AS_MADE)).where(
            ~exists().where(_keys.c.subject == _given.c.subject, _keys.c.data_class == _given.c.data_class)
        ),
    )
    .on_conflict_do_nothing()
    .returning(_keys.c.subject, _keys.c.data_class)
)


async def read(tx: Tx, wanted: Collection[Named], *, hold: bool) -> list[WrappedKey]:
    """Every version of the keys that stand. `hold`: nobody rekeys or destroys them before the transaction ends."""
    rows = await tx.execute(_HOLD if hold else _READ, _named(wanted))
    asked = set(wanted)
    return [key for key in map(WrappedKey._make, rows) if (key.subject, key.data_class) in asked]


async def make(tx: Tx, ring: KeyRing, missing: Collection[Named], now: datetime) -> list[WrappedKey]:
    """First keys for subjects without; where another transaction was faster, the keys that it made."""
    fresh = {name: _fresh(ring, *name, version=1) for name in sorted(missing)}
    rows = [(*key, now) for key in fresh.values()]
    made = {(row.subject, row.data_class) for row in await tx.execute(_MAKE, parameters(_AS_MADE, rows))}
    others = await read(tx, [name for name in fresh if name not in made], hold=True) if len(made) < len(fresh) else []
    return [fresh[name] for name in fresh if name in made] + others


async def renew(tx: Tx, ring: KeyRing, subject: UUID, code: int, now: datetime) -> list[WrappedKey]:
    """Lock the keys of one subject and class and add a newer one; all of them, the new one last. None: none stood."""
    old = [WrappedKey._make(row) for row in await tx.execute(_LOCK, _named([(subject, code)]))]
    if not old:
        return []
    if old[-1].version >= VERSION_MAX:
        raise CannotOpen("vault.data_key.version", subject)
    new = _fresh(ring, subject, code, version=old[-1].version + 1)
    await tx.execute(insert(_keys).values(**new._asdict(), created_at=now))
    return [*old, new]


async def destroy_older(tx: Tx, newest: WrappedKey) -> None:
    await tx.execute(
        delete(_keys).where(
            _keys.c.subject == newest.subject,
            _keys.c.data_class == newest.data_class,
            _keys.c.version < newest.version,
        )
    )


async def destroy(tx: Tx, subjects: Iterable[UUID]) -> int:
    """Delete every key of the subjects; returns how many there were."""
    return int((await tx.execute(_DESTROY, {"subjects": sorted(set(subjects))})).rowcount)


def _named(names: Collection[Named]) -> dict[str, list[object]]:
    """As two lists: the statement finds a few keys more than were asked for, and stays the same for any number."""
    return {"subjects": list({subject for subject, _ in names}), "classes": list({code for _, code in names})}


def _fresh(ring: KeyRing, subject: UUID, code: int, *, version: int) -> WrappedKey:
    context = data_key_context(subject, code, version, ring.epoch)
    wrapped = wrap(ring.epochs[ring.epoch], os.urandom(KEY_BYTES), context, os.urandom(NONCE_BYTES))
    return WrappedKey(subject, code, version, ring.epoch, wrapped)
