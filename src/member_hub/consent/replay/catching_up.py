"""Before a hub is served: what the outside ledger knows of withdrawals and objections, its database knows, too.

A restored database has forgotten some; nobody has to think of `member-hub consent replay` before it is served, nor is
there a moment in which it is served without. The same puts back what was announced to the ledger by a process that
died before its commit. How far the ledger was looked at stands in the database (hub.ledger_head), which a restore
rolls back with all the rest: it is looked at from there on, and at an ordinary start a few entries are.

Decision: a ledger that ends before what the database has seen of it, or has another entry there, is not this
database's: in production nothing is served, for whatever it remembered would be forgotten silently.
Price: a first start behind a restore takes as long as its replay (1.2 s for 10,000 entries of 100 members, 0.5 s where
nothing is missing, which is what verifying the chain takes). Erasures are
not put back here, but by the replay of erasures.
"""

import asyncio
import logging
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from member_hub.clock import Clock
from member_hub.consent.history.timers import Clockwork
from member_hub.consent.replay.restoring import Recalled, recall
from member_hub.consent.tables import LedgerHead
from member_hub.crypto import Ledger
from member_hub.crypto.chain import EMPTY, Head
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.errors import Misconfigured

NAME: Final = "consent"

head_t = table_of(LedgerHead)
_log = logging.getLogger(__name__)


async def catch_up(works: Clockwork, ledger: Ledger, clock: Clock, *, is_production: bool) -> Recalled:
    """Put back what the database does not know of the ledger. Raises Misconfigured, LedgerBroken; then do not serve.

    Any number of processes may do it at once: what one has put back the others find.
    """
    known = await known_head(works.database)
    if not await asyncio.to_thread(_is_of, ledger, known):
        if is_production:
            raise Misconfigured(
                "The outside ledger is not the one that this database has seen: entries are missing, or others' there.",
                remedy="Restore the ledger folder (MEMBER_HUB_LEDGER_DIR) from its copy. If it is lost for good, "
                "`member-hub consent replay` takes what there is.",
            )
        _log.warning("The outside ledger is not the one that this database has seen; it is looked at as a whole.")
        known = EMPTY
    done = await recall_behind(works, ledger, clock, known)
    if done != Recalled():
        _log.warning("Put back %d withdrawals and %d restrictions.", done.withdrawals, done.restrictions)
    return done


async def recall_behind(works: Clockwork, ledger: Ledger, clock: Clock, known: Head = EMPTY) -> Recalled:
    """The same for every entry behind `known`, and keep that it was done."""
    head = await asyncio.to_thread(ledger.head)
    done = await recall(works, ledger, clock, after=known.seq)
    async with transaction(works.database.app) as tx:
        there = insert(head_t).values(name=NAME, seq=head.seq, hash=head.hash)
        now = {"seq": there.excluded.seq, "hash": there.excluded.hash}
        await tx.execute(there.on_conflict_do_update(index_elements=["name"], set_=now))
    return done


async def known_head(database: Database) -> Head:
    """How far the database has seen the ledger."""
    async with transaction(database.app) as tx:
        row = (await tx.execute(select(head_t.c.seq, head_t.c.hash))).one_or_none()
    return Head(row.seq, row.hash) if row is not None else EMPTY


def _is_of(ledger: Ledger, known: Head) -> bool:
    """Whether the ledger holds the entry that was seen last."""
    if known == EMPTY:
        return True
    entry = next(ledger.entries(after=known.seq - 1), None)
    return entry is not None and (entry.seq, entry.hash) == (known.seq, known.hash)
