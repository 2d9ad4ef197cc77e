"""Statements of the hottest paths, sent by the driver itself.

Context: at a till every statement is waited for, and SQLAlchemy's execution takes 60 to 120 us of processor for one,
the driver 10 to 30. Decision: such a statement is built with Core like all others, compiled once, and from then on only
its values are handed to the driver, in the transaction that SQLAlchemy holds.
Price: values have to be of the types that the driver takes as they are (uuid, int, text, bytes, aware times, and lists
of them); and a transaction that nothing was said in yet is begun through SQLAlchemy's adapter, by a name that it does
not publish: tests/db/test_direct.py notices when that changes. Errors are SQLAlchemy's, with nothing quoted.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NoReturn

import asyncpg
from sqlalchemy import Executable, Table
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement

from member_hub.db.base import Tx

# What the driver says, of an answer that breaks off in the middle, too, and SQLAlchemy's adapter in its place.
_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    dialect.AsyncAdapt_asyncpg_dbapi.Error,
    OSError,
)
_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


async def copy_rows(tx: Tx, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows none of which stands already, by COPY: to encode them as arrays costs half as much again.

    Raises DBAPIError.
    """
    if not rows:
        return
    try:
        connection = await _begun(tx)
        await connection.copy_records_to_table(table.name, schema_name=table.schema, columns=columns, records=rows)
    except _FAILURES as error:
        await _raise(tx, error)


class Failed(Exception):
    """What went wrong, by its SQLSTATE and the name of the constraint."""

    def __init__(self, error: BaseException) -> None:
        self.sqlstate: str | None = getattr(error, "sqlstate", None)
        named = getattr(error, "constraint_name", None) or type(error).__name__
        super().__init__(f"SQLSTATE {self.sqlstate or 'none'} ({named})")


class Direct:
    """A statement ready to be sent. Its parameters have names of their own and no expanding ones."""

    def __init__(self, statement: Executable) -> None:
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(dialect=_DIALECT)
        self.text = str(compiled)
        assert "POSTCOMPILE" not in self.text, "the values of a list are an array, or constants"
        self.known = dict(compiled.params)
        self.names: list[str] = list(getattr(compiled, "positiontup", None) or [])

    async def one(self, tx: Tx, values: Mapping[str, Any]) -> Any | None:
        """The first row, with its columns as attributes; None where there is none. Raises DBAPIError."""
        try:
            connection = await _begun(tx)
            row = await connection.fetchrow(self.text, *self.given(values))
        except _FAILURES as error:
            await _raise(tx, error)
        return None if row is None else SimpleNamespace(**row)

    async def every(self, tx: Tx, values: Mapping[str, Any]) -> list[Any]:
        """All rows, to be taken apart in the order of their columns. Raises DBAPIError."""
        try:
            connection = await _begun(tx)
            rows: list[Any] = await connection.fetch(self.text, *self.given(values))
        except _FAILURES as error:
            await _raise(tx, error)
        return rows

    async def done(self, tx: Tx, values: Mapping[str, Any]) -> int:
        """How many rows were written. Raises DBAPIError."""
        try:
            connection = await _begun(tx)
            said: str = await connection.execute(self.text, *self.given(values))
        except _FAILURES as error:
            await _raise(tx, error)
        return int(said.rpartition(" ")[2])

    def given(self, values: Mapping[str, Any]) -> list[Any]:
        """The values as they are sent."""
        known = self.known
        return [values[name] if name in values else known[name] for name in self.names]


async def _begun(tx: Tx) -> Any:
    """The driver's connection, in its transaction."""
    assert tx.sync_connection is not None
    raw: Any = tx.sync_connection.connection  # without `get_raw_connection`, which changes tasks for it
    connection = raw.driver_connection
    if not connection.is_in_transaction():
        await raw.dbapi_connection._start_transaction()  # noqa: SLF001
    return connection


async def _raise(tx: Tx, error: Exception) -> NoReturn:
    """A session that has ended is given back to nobody; SQLAlchemy did not see the error, and would go on with it."""
    assert tx.sync_connection is not None
    is_lost = tx.sync_connection.connection.driver_connection.is_closed()  # type: ignore[union-attr]
    if is_lost:
        await tx.invalidate()
    raise DBAPIError("", None, Failed(error), hide_parameters=True, connection_invalidated=is_lost) from None
