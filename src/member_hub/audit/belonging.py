"""Whether a ledger folder is this database's: asked before anything is written into it.

Folders that are not named are shared: a second hub with a data folder of its own would seal into the head of the first
one, and each would find the other's seals cut off. Told by what both sides hold already. The oldest head outside is of
a seal that the database holds; or else the database was begun (its first key) after that seal was made, or holds
another one of that number, signed.

Decision: only what is certain is refused. A database that lost its seals, or is an older copy of itself, is begun
before them: that is what `audit verify` and the sealer tell, and the hub goes on. Price: two databases begun before
the oldest head there, of which one never sealed, are told apart by the sealer only (SealsBehind).
A key folder may be shared: that of another database is refused by the fingerprints of its keys (crypto/ring.py).
"""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from member_hub.audit import heads, keys
from member_hub.audit.seal import Head
from member_hub.audit.tables import AuditSeal
from member_hub.crypto.tables import RegisteredKey
from member_hub.db.base import snapshot
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.errors import Misconfigured

REMEDY: Final = (
    "Data, key and ledger folders belong together: name MEMBER_HUB_LEDGER_DIR and MEMBER_HUB_KEY_DIR, too, where "
    "MEMBER_HUB_DATA_DIR or MEMBER_HUB_DATABASE_URL names another database. If the other database is gone for good, "
    "move its audit-head files out of the folder. 账本文件夹属于另一个数据库：请同时指定 MEMBER_HUB_LEDGER_DIR 与 "
    "MEMBER_HUB_KEY_DIR；若另一个数据库已不再使用，请移走其中的 audit-head 文件。"
)
seal_t, key_t = table_of(AuditSeal), table_of(RegisteredKey)


class LedgerOfAnother(Misconfigured):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"The ledger folder {folder} belongs to another database.", remedy=REMEDY)


async def check_ledger(database: Database | None, ledger_dir: Path, key_dir: Path) -> None:
    """Writes nothing. Raises LedgerOfAnother; None: the database is still to be made."""
    head = await asyncio.to_thread(_oldest, ledger_dir)
    if head is None:
        return
    begun_at, seal = await _known(database, head.number) if database is not None else (None, None)
    if seal is not None and seal.digest == head.digest:
        return
    if begun_at is None or head.sealed_at < begun_at or (seal is not None and _are_two(seal, head, key_dir)):
        raise LedgerOfAnother(ledger_dir)


def _oldest(folder: Path) -> Head | None:
    try:
        return heads.first(folder)
    except heads.HeadBroken:
        return None  # the sealer and `audit verify` say where


async def _known(database: Database, number: int) -> tuple[datetime | None, Any]:
    """When this database was begun, and its seal of this number."""
    async with snapshot(database.app) as tx:
        begun_at = await tx.scalar(select(func.min(key_t.c.created_at)))
    async with snapshot(database.audit) as tx:
        of_it = select(seal_t.c.digest, seal_t.c.signature).where(seal_t.c.number == number)
        return begun_at, (await tx.execute(of_it)).one_or_none()


def _are_two(seal: Any, head: Head, key_dir: Path) -> bool:
    """Whether both were really made: ours by our key, the other one by any. A seal that was altered is not signed."""
    if not (key_dir / keys.FILE).exists():
        return False
    ours = keys.AuditKeys.open(key_dir)
    is_whole = head.key_id != ours.key_id or ours.signed(head.digest, head.signature)
    return is_whole and ours.signed(seal.digest, seal.signature)
