"""The declarative base, the two schemas and the one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import DeclarativeBase

HUB = "hub"
VAULT = "vault"

# Tables and statements are SQLAlchemy; a transaction is one connection with BEGIN said.
Tx = AsyncConnection

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table; every column says its class through `info` (see privacy.py)."""

    metadata = MetaData(schema=HUB, naming_convention=NAMES)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[Tx]:
    """One transaction (READ COMMITTED): commits when the block ends, rolls back when it raises.

    Nobody else commits. One mutation, one job item, one ingest batch is atomic.
    """
    async with engine.begin() as tx:
        yield tx


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[Tx]:
    """A transaction that only reads, all of it as of one moment (REPEATABLE READ).

    Whoever opens sealed values reads keys and values in one: a rekeying that commits between two statements would
    look like tampering.
    """
    async with engine.connect() as plain:
        tx = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async with tx.begin():
            yield tx
