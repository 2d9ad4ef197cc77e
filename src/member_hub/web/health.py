"""Whether the process lives, and whether it can do its work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from member_hub.access import Credentials, Standing
from member_hub.counting import is_behind
from member_hub.db.base import snapshot
from member_hub.graphql import Registered
from member_hub.runtime import Runtime

CHECK_S = 3
SEALED_WITHIN_S: Final = 60.0  # seals come every few seconds; an older entry without one is a fault of sealing
KEPT_S = 1  # anybody may ask, so asking often must not take connections from those who ask for members


async def livez(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")


class Readiness:
    """Ready: the database answers and the audit log can be written, without which no personal value is given out;
    keys and policies were loaded at start, or there would be no process.

    What is written is sealed later, so a sealer that is `behind` is shown and changes nothing, and so are trusted
    documents that are not served: their app gets DOCUMENT_NOT_FOUND for them, and everybody else is served on.

    A policy folder that was refused later takes nothing from that: the last good policy is in force. It is `stale`,
    here and in /metrics, so that the operator hears of it and no load balancer takes the hub away.

    Accounts of points that do not add up (points/watching.py) are shown and change nothing: tills go on, and people see
    to the accounts.

    A clock that is behind what was decided before is shown: what goes by it is refused or waits (counting/clocks.py),
    and members are read as ever.

    An issuer whose keys cannot be had is shown and changes nothing: the others' callers are served on.
    """

    def __init__(self, hub: Runtime, credentials: Credentials, documents: Callable[[], Awaitable[Registered]]) -> None:
        self._hub = hub
        self._documents = documents
        self._credentials = credentials
        self._turn = asyncio.Lock()
        self._answered = (False, False)
        self._is_behind = False
        self._asked_at = float("-inf")

    async def show(self, _request: Request) -> Response:
        database, audit = await self._lately()
        is_ready = database and audit
        lag_s = self._hub.sealer.lag_s(self._hub.clock.now())
        said = {
            "ready": is_ready,
            "database": "ok" if database else "does not answer",
            "audit": _audit(lag_s) if audit else "does not answer",
            "audit_seal_lag_s": round(lag_s, 1),
            "clock": "behind" if self._is_behind else "ok",
            "documents": _documents(await self._documents()),
            "keys": {"provider": self._hub.vault.provider, "epoch": self._hub.vault.epoch},
            "points": _points(self._hub.points_alarm.accounts),
            "policies": _policies(self._hub.policy_keeper.standing),
            "sign_in": self._credentials.key_states(self._hub.clock.now()),
        }
        return Response(orjson.dumps(said), 200 if is_ready else 503, media_type="application/json")

    async def _lately(self) -> tuple[bool, bool]:
        """Whether the database answers, and whether the audit log can be written."""
        async with self._turn:
            if time.monotonic() - self._asked_at >= KEPT_S:
                self._answered = await asyncio.gather(self._database_answers(), self._hub.audit.takes_entries())
                self._asked_at = time.monotonic()
            return self._answered

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(CHECK_S), snapshot(self._hub.database.app) as tx:
                answers = await tx.scalar(select(literal(1))) == 1
                self._is_behind = await is_behind(tx, now=self._hub.clock.now())
                return answers
        except (SQLAlchemyError, OSError, TimeoutError):
            return False


def _audit(lag_s: float) -> str:
    return "ok" if lag_s <= SEALED_WITHIN_S else "behind"


def _documents(registered: Registered) -> dict[str, object]:
    """Names of apps and numbers; which documents, and why, is for `member-hub schema documents check`."""
    said: dict[str, object] = {"state": "degraded" if registered.not_served else "current"}
    if registered.is_stale:
        said["state"] = "stale"
    if registered.not_served:
        said["not_served"] = dict(registered.not_served)
    return said


def _points(accounts: int | None) -> dict[str, object]:
    """A number; which accounts is for `member-hub points check`."""
    if accounts is None:
        return {"state": "not checked yet"}
    return {"state": "do not add up", "accounts": accounts} if accounts else {"state": "ok"}


def _policies(standing: Standing) -> dict[str, object]:
    said: dict[str, object] = {
        "version": standing.policies.version,
        "state": "stale" if standing.refused else "current",
    }
    if standing.refused is not None:
        refused = standing.refused
        said["refused"] = {"file": refused.file, "line": refused.line, "reason": refused.reason}
    if standing.organisation_changed:
        said["organisation"] = "changed: start the hub again"
    return said
