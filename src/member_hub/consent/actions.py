"""Keeping consent statements as they were delivered."""

from collections.abc import Collection

import orjson

from member_hub.consent.tables import ConsentLine
from member_hub.crypto import KeySet, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.identity.statements import StatedConsent
from member_hub.identity.states import AccountState
from member_hub.ids import OriginId
from member_hub.privacy import DataClass

line_t = table_of(ConsentLine)
COLUMNS = ("member_id", "origin_id", "line_digest", "statement", "said_at")


async def write_lines(tx: Tx, keys: KeySet, states: Collection[AccountState]) -> int:
    """Store what is new; the same statement again is the same line. Returns how many were new."""
    rows: dict[tuple[OriginId, bytes], tuple[object, ...]] = {}
    for state in states:
        for said in state.consents:
            text = _canonical(said)
            digest = keys.digest(state.origin_id, DataClass.CONSENT, text)
            row = sealed_row(ConsentLine, {"line_digest": digest})
            sealed = keys.seal(line_t.c.statement, state.origin_id, text, row=row)
            rows[state.origin_id, digest] = (state.member_id, state.origin_id, digest, sealed, said.at)
    return await insert_rows(tx, ConsentLine, COLUMNS, list(rows.values()), on_conflict="ignore")


def _canonical(said: StatedConsent) -> bytes:
    return orjson.dumps(
        {"purpose": said.purpose, "granted": said.granted, "at": said.at, "notice": said.notice},
        option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z,
    )
