"""How far each member's chain goes, under a key: what shows that events at its end, or all of them, were taken away.

    mac = HMAC of (member, sequence, hash of the newest event), under a key of the ring

A chain of hashes finds what was altered or taken out of its middle. Its tail, and a whole history, anybody with the
database's login could remove, or write anew with hashes that fit; none of them has the key, which is wrapped by the key
folder. So the head finds all of that, and its own alteration. A chain goes on from its head and not from the newest
event that is left: what was cut off stays a gap for good.

Decision: where head and events do not fit, the chain goes on without a MAC: nothing that a member decides waits for
somebody who repairs evidence, and no later act makes a broken history look whole. Price: it stays broken for good.
Not found: head and events of one member removed together (what the projection still shows of them is, whole.py), and
head and events put back together to an earlier moment. The audit log outside has an entry of every act: `audit verify`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, true

from member_hub.consent.tables import ConsentEvent, ConsentHead
from member_hub.crypto import IndexKind, Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, parameters, table_of, values_of
from member_hub.ids import MemberId

event_t, head_t = table_of(ConsentEvent), table_of(ConsentHead)

FIRST_PREVIOUS: Final = bytes(32)
UNPROVEN: Final = b""  # instead of a MAC, for good
_COLUMNS: Final = ("member_id", "sequence", "hash", "mac")


@dataclass(frozen=True, slots=True)
class Head:
    """`is_proven`: false where what stood before was tampered with."""

    sequence: int
    hash: bytes
    is_proven: bool

    def followed_by(self, hashed: bytes) -> "Head":
        return Head(self.sequence + 1, hashed, self.is_proven)


BEGINNING: Final = Head(0, FIRST_PREVIOUS, is_proven=True)


async def heads_to_follow(tx: Tx, vault: Vault, members: Collection[MemberId]) -> dict[MemberId, Head]:
    """From where each member's chain goes on; whoever has none is left out. One statement."""
    given = values_of([event_t.c.member_id])
    last = (
        select(event_t.c.sequence, event_t.c.hash)
        .where(event_t.c.member_id == given.c.member_id)
        .order_by(event_t.c.sequence.desc())
        .limit(1)
        .lateral("last")
    )
    statement = select(
        given.c.member_id,
        last.c.sequence.label("last_sequence"),
        last.c.hash.label("last_hash"),
        head_t.c.sequence,
        head_t.c.hash,
        head_t.c.mac,
    ).select_from(given.outerjoin(last, true()).outerjoin(head_t, head_t.c.member_id == given.c.member_id))
    rows = await tx.execute(statement, parameters(("member_id",), [(member,) for member in sorted(members)]))
    return {MemberId(row.member_id): head for row in rows if (head := _to_follow(vault, row)) is not None}


async def write_heads(tx: Tx, vault: Vault, heads: Mapping[MemberId, Head]) -> None:
    """Where the chains end now, in one statement; the caller holds the members locked."""
    rows = [
        (member, head.sequence, head.hash, _mac(vault, member, head) if head.is_proven else UNPROVEN)
        for member, head in heads.items()
    ]
    await insert_rows(tx, ConsentHead, _COLUMNS, rows, on_conflict="replace")


def is_genuine(vault: Vault, row: Any) -> bool:
    """Whether a row of hub.consent_head is one that the hub wrote."""
    namespace, said = _said(row.member_id, row.sequence, bytes(row.hash))
    macs = vault.tokens_all_versions(IndexKind.CONSENT_HEAD, namespace, said).values()
    return any(compare_digest(mac, bytes(row.mac)) for mac in macs)


def _to_follow(vault: Vault, row: Any) -> Head | None:
    if row.sequence is None and row.last_sequence is None:
        return None
    if row.sequence is None or (row.last_sequence is not None and row.last_sequence > row.sequence):
        return Head(row.last_sequence, bytes(row.last_hash), is_proven=False)
    return Head(row.sequence, bytes(row.hash), is_proven=is_genuine(vault, row))


def _mac(vault: Vault, member_id: MemberId, head: Head) -> bytes:
    return vault.token(IndexKind.CONSENT_HEAD, *_said(member_id, head.sequence, head.hash))


def _said(member_id: UUID, sequence: int, hashed: bytes) -> tuple[str, str]:
    return str(member_id), f"{sequence} {hashed.hex()}"
