"""Lines that waited for an account and wait no longer: taken over for another, or kept for too long.

Whoever ends the waiting of some lines holds their awaited accounts, as whoever brings lines of them does: none is
sealed meanwhile under the key that goes.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, select

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.identity import actions as claims
from member_hub.orders.actions import ORDERS, waiting_t
from member_hub.privacy import DataClass


async def take_waiting(tx: Tx, vault: Vault, message_ids: Collection[str]) -> set[str]:
    """End the waiting of those of these order lines that wait; which they were. The caller stores them elsewhere.

    A line whose account comes at the same moment is either taken here or released there, never both.
    """
    keys = {vault.message_key(ORDERS, one): one for one in message_ids}
    these = (waiting_t.c.source == ORDERS, among(waiting_t.c.message_key, keys))
    awaited = sorted(set(await tx.scalars(select(waiting_t.c.account_token).where(*these))))
    if not awaited:
        return set()
    await claims.lock(tx, awaited)
    gone = delete(waiting_t).where(*these).returning(waiting_t.c.message_key, waiting_t.c.subject_id)
    rows = (await tx.execute(gone)).all()
    await let_go(tx, vault, [row.subject_id for row in rows])
    return {keys[row.message_key] for row in rows}


async def let_go(tx: Tx, vault: Vault, subjects: Collection[UUID]) -> None:
    """Of subjects some of whose lines are gone: what is left is sealed under a new key, or there is no key any more."""
    rest = select(waiting_t.c.subject_id).where(among(waiting_t.c.subject_id, sorted(set(subjects)))).distinct()
    left = set(await tx.scalars(rest))
    await vault.destroy(tx, set(subjects) - left)
    for subject in sorted(left):
        await vault.rekey(tx, subject, DataClass.COMMERCE)
