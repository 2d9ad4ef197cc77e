"""What a restored database must be told, put on disk outside of it: as the last thing before the commit (DESIGN 6).

One place, so that a ledger that cannot be written is the same refusal whatever was to be remembered.
"""

import asyncio
from collections.abc import Sequence

from member_hub.consent.deciding.act_refusals import LedgerUnwritable
from member_hub.crypto import Ledger, LedgerBroken, Note


async def remember(ledger: Ledger, notes: Sequence[Note]) -> None:
    """All of them with one append, in this order; none is fine. Raises LedgerUnwritable: then commit nothing.

    A process that dies behind this and before the commit has done it all the same: `member-hub consent replay` applies
    what the ledger knows and the database does not, and finds what it knows done already.
    """
    if not notes:
        return
    try:
        await asyncio.to_thread(ledger.append, notes)
    except (OSError, LedgerBroken) as error:
        raise LedgerUnwritable from error
