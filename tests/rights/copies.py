"""Copies of sealed values as they stood at some moment, and which of them open with the keys that are there now."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column

from member_hub.crypto import CannotOpen, sealed_row
from member_hub.db import Base, snapshot
from member_hub.privacy import DataClass, Form, declaration
from member_hub.tables import METADATA
from tests.rights.world import World


@dataclass(frozen=True, slots=True)
class SealedCopy:
    column: Column[Any]
    subject: UUID
    value: bytes
    row: bytes


async def sealed_copies(world: World, *tables: str) -> AsyncIterator[SealedCopy]:
    """Every sealed value of these tables, or of all."""
    for mapper in Base.registry.mappers:
        model = mapper.class_
        table = METADATA.tables[model.__table__.fullname]
        sealed = [column for column in table.c if declaration(column).form is Form.SEALED]
        if not sealed or (tables and table.fullname not in tables):
            continue
        for row in await world.rows(table.fullname):
            subject, bound = getattr(row, model.__sealed_subject__), sealed_row(model, row._mapping)
            for column in sealed:
                if (value := getattr(row, column.name)) is not None:
                    yield SealedCopy(column, subject, value, bound)


async def opens(world: World, copies: Sequence[SealedCopy]) -> list[SealedCopy]:
    """Those of the copies that still open."""
    opened = []
    async with snapshot(world.database.app) as tx:
        keys = await world.vault.keys_for(tx, {(one.subject, data_class) for one in copies for data_class in DataClass})
        for one in copies:
            try:
                keys.open(one.column, one.subject, one.value, row=one.row)
            except CannotOpen:
                continue
            opened.append(one)
    return opened
