"""Which errors say that the database is not there now: whoever asks again later may be answered.

A session that ends in the middle of a statement comes as one of many types, by the layer that noticed it first: the
socket, the driver's protocol, the server's farewell. For whoever asked they are one, and none a fault in the program.
"""

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_ALWAYS: Final = (OSError, TimeoutError, OperationalError, InterfaceError, PoolTimeoutError)
# SQLSTATEs: the connection (08), no more resources (53), an operator's intervention (57P: it ends, or is starting).
_STATES: Final = ("08", "53", "57P")


def is_outage(error: BaseException | None) -> bool:
    """Whether retrying later may help, which it never does for a fault in the program."""
    if isinstance(error, _ALWAYS):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state: str = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith(_STATES)
