"""Keeps values out of database errors: an exception may reach a log, and PostgreSQL's texts quote what did not fit.

`hide_parameters` covers only what SQLAlchemy adds. Kept are the SQLSTATE, the names of constraint, table and column
and the class of the error, which is what one needs to act; the server's log holds less still (cluster.py).
"""

import re

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

DATA_EXCEPTION = "22"  # the class of SQLSTATEs whose first line already quotes the value
HIDDEN = "(the text is hidden, because it may quote a value)"
CHAIN_MAX = 10
_CLASSES = re.compile(r"(?:\([\w.]+\) ?)?(?:<class '[\w.]+'>)?", re.ASCII)  # what a text may name before it quotes


def hide_values(engine: AsyncEngine) -> None:
    """From now on errors of this engine quote no value."""
    event.listen(engine.sync_engine, "handle_error", _hide)


def _hide(context: ExceptionContext) -> None:
    error: BaseException | None = context.sqlalchemy_exception or context.original_exception
    state = getattr(context.original_exception, "sqlstate", None)
    for _ in range(CHAIN_MAX):
        if error is None:
            break
        _strip(error, state)
        error = getattr(error, "orig", None) or error.__cause__
    _strip(context.original_exception, state)


def _strip(error: BaseException, state: str | None) -> None:
    text = str(error.args[0]) if error.args else ""
    # Without a SQLSTATE it is the driver that refused an argument, and quotes it.
    if state is None or state.startswith(DATA_EXCEPTION):
        text = f"{_class_of(text, error)}: SQLSTATE {state or 'none'} {HIDDEN}"
    text = text.partition("\nDETAIL")[0]
    error.args = (text,)
    if isinstance(error, StatementError):
        error.params = None
    for name, instead in (("detail", None), ("message", text), ("where", None)):
        if isinstance(getattr(error, name, None), str):  # the driver's; SQLAlchemy has a list named detail
            setattr(error, name, instead)


def _class_of(text: str, error: BaseException) -> str:
    named = _CLASSES.match(text)
    return named.group().strip() if named and named.group() else type(error).__name__
