"""Exporting and erasing a person: everything that any holder stores, whatever exists at the moment (DESIGN 2, 6)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from member_hub.consent.closing import close
from member_hub.crypto import CannotOpen, KeySet, Ledger, LedgerKind, Note, Vault, sealed_row
from member_hub.db.base import Base, Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.privacy import DataClass, Declaration, Form, Held, Holder, Person, declaration

UNOPENED = "<cannot be opened>"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: rows per table, keys destroyed, and its place in the outside ledger."""

    member_id: MemberId
    rows: Mapping[str, int]
    keys: int
    ledger_seq: int


async def export(tx: Tx, vault: Vault, holders: Sequence[Holder], person: Person) -> dict[str, Any]:
    """A copy of everything held about a person, per table, with the Chinese and English label of every value.

    Keys and values are read as of one moment: `tx` is a snapshot. The caller audits it.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for holder in holders:
        held = [one async for one in holder.export_for(tx, person)]
        keys = await vault.keys_for(tx, {need for one in held for need in _needs(one)})
        for one in held:
            tables.setdefault(table_of(one.model).fullname, []).append(_readable(keys, one))
    return {
        "member_id": str(person.member_id),
        "absorbed_ids": [str(one) for one in person.absorbed_ids],
        "labels": _labels(holders),
        "held": tables,
    }


async def erase(
    tx: Tx, vault: Vault, ledger: Ledger, holders: Sequence[Holder], person: Person, *, now: datetime
) -> Erasure:
    """Erase a person for good. The caller holds them (hold_person) and has put it on record.

    Everything is prepared in the transaction; then the outside ledger is written, which is the point of no return
    (DESIGN 6); then the caller commits. A failure before the ledger leaves no trace, one behind it is finished by
    asking again. Afterwards no key finds the person, and nothing opens what an older copy of the database still holds.
    """
    rows: dict[str, int] = {}
    subjects: list[UUID] = [*person.member_ids, *person.origin_ids]
    renewed: set[tuple[UUID, DataClass]] = set()
    await close(tx, vault, person, now=now)
    for holder in holders:
        erased = await holder.erase_for(tx, person)
        rows |= erased.counts
        subjects += erased.destroy
        renewed |= set(erased.rekey)
    for subject, data_class in sorted(renewed):
        await vault.rekey(tx, subject, data_class)
    keys = await vault.destroy(tx, subjects)
    entries = await asyncio.to_thread(ledger.append, _notes(subjects, renewed, now))
    return Erasure(person.member_id, rows, keys, entries[0].seq)


async def renew_keys(tx: Tx, vault: Vault, person: Person) -> int:
    """Seal what is held under the person's own keys anew and destroy the old ones; returns how many values.

    The caller holds the person. Rows in quarantine are under the key of their ingest run and not touched.
    """
    subjects = [person.member_id, *person.origin_ids]
    return sum([await vault.rekey(tx, subject, data_class) for subject in subjects for data_class in DataClass])


def _notes(subjects: Sequence[UUID], renewed: set[tuple[UUID, DataClass]], now: datetime) -> list[Note]:
    """The erasure, and which keys were renewed for it: a vault restored from before has to lose all of them again."""
    by_class = {data_class: tuple(s for s, c in sorted(renewed) if c is data_class) for _, data_class in renewed}
    return [
        Note(LedgerKind.ERASURE, tuple(subjects), now),
        *(Note(LedgerKind.REKEY, of, now, (data_class.value,)) for data_class, of in sorted(by_class.items())),
    ]


def _needs(held: Held) -> list[tuple[UUID, DataClass]]:
    classes = {d.data_class for d in _declarations(held).values() if d.form is Form.SEALED and d.data_class}
    return [(held.record[held.model.__sealed_subject__], data_class) for data_class in classes]


def _readable(keys: KeySet, held: Held) -> dict[str, Any]:
    """A row as its person may read it: sealed columns opened; tokens and other bytes, which say nothing, left out."""
    shown: dict[str, Any] = {}
    for name, declared in _declarations(held).items():
        value = held.record[name]
        if declared.form is Form.SEALED and value is not None:
            shown[name] = _opened(keys, held, name)
        elif declared.form is not Form.TOKEN and value is not None and not isinstance(value, bytes):
            shown[name] = _plain(value)
    return shown


def _plain(value: Any) -> Any:
    """The driver's UUID is no JSON, alone or in a list."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, UUID) else value


def _opened(keys: KeySet, held: Held, name: str) -> str:
    """The plain value; a damaged one is said to be damaged, so that the copy is complete and honest."""
    subject = held.record[held.model.__sealed_subject__]
    row = sealed_row(held.model, held.record)
    try:
        return keys.open(table_of(held.model).c[name], subject, held.record[name], row=row)
    except CannotOpen:
        return UNOPENED


def _declarations(held: Held) -> dict[str, Declaration]:
    return {column.name: declaration(column) for column in table_of(held.model).c}


def _labels(holders: Sequence[Holder]) -> dict[str, dict[str, str]]:
    """What every value that may be held is called, in both languages."""
    return {
        f"{name}.{column.name}": {"zh": declared.zh, "en": declared.en}
        for name in sorted({table for holder in holders for table in holder.tables})
        for column in Base.metadata.tables[name].c
        if (declared := declaration(column)).is_personal and declared.form is not Form.TOKEN
    }
