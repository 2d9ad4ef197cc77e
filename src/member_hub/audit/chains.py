"""Checks the entries of one chain against each other and against the audit key. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from member_hub.audit.entry import Tip, digest_of
from member_hub.audit.findings import Finding, Kind


def checked(
    rows: Sequence[Row[Any]], tip: Tip, key: bytes, *, until: int, chain: tuple[date, UUID], seal: int | None
) -> Iterator[Finding]:
    """What is wrong with the entries behind `tip` up to number `until`, given in order; `seal` is None behind seals.

    An entry that stands where another one should is named once, not again by the link of the one behind it.
    """
    sequence, digest = tip.sequence, tip.digest
    follows_sound = True
    for row in rows:
        if row.sequence > sequence + 1:
            yield Finding(Kind.MISSING, sequence + 1, row.sequence - 1, *chain, seal)
            follows_sound = False
        found = _content(rows, row, key, chain, seal)
        if found is not None:
            yield found
        elif follows_sound and row.previous != digest:
            yield Finding(Kind.UNLINKED, row.sequence, row.sequence, *chain, seal)
        sequence, digest, follows_sound = row.sequence, row.digest, found is None
    if sequence < until:
        yield Finding(Kind.MISSING, sequence + 1, until, *chain, seal)


def _content(
    rows: Sequence[Row[Any]], row: Row[Any], key: bytes, chain: tuple[date, UUID], seal: int | None
) -> Finding | None:
    said = row._asdict()
    if digest_of(said, key) == row.digest:
        return None
    if seal is None:
        return Finding(Kind.FORGED, row.sequence, row.sequence, *chain)
    for other in rows:
        if digest_of(said, key, sequence=other.sequence) == row.digest:
            return Finding(Kind.MOVED, row.sequence, row.sequence, *chain, seal, other.sequence)
    return Finding(Kind.ALTERED, row.sequence, row.sequence, *chain, seal)
