"""Whether the process lives, and whether it can do its work."""

import asyncio
import time

import orjson
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from member_hub.access import Credentials, Standing
from member_hub.db.base import snapshot
from member_hub.runtime import Runtime

CHECK_S = 3
KEPT_S = 1  # anybody may ask, so asking often must not take connections from those who ask for members


async def livez(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")


class Readiness:
    """Ready: the database answers; keys and policies were loaded at start, or there would be no process.

    A policy folder that was refused later takes nothing from that: the last good policy is in force. It is `stale`,
    here and in /metrics, so that the operator hears of it and no load balancer takes the hub away.

    An issuer whose keys cannot be had is shown and changes nothing: the others' callers are served on.
    """

    def __init__(self, hub: Runtime, credentials: Credentials) -> None:
        self._hub = hub
        self._credentials = credentials
        self._turn = asyncio.Lock()
        self._answered = False
        self._asked_at = float("-inf")

    async def show(self, _request: Request) -> Response:
        answers = await self._lately()
        said = {
            "ready": answers,
            "database": "ok" if answers else "does not answer",
            "keys": {"provider": self._hub.vault.provider, "epoch": self._hub.vault.epoch},
            "policies": _policies(self._hub.policy_keeper.standing),
            "sign_in": self._credentials.key_states(self._hub.clock.now()),
        }
        return Response(orjson.dumps(said), 200 if answers else 503, media_type="application/json")

    async def _lately(self) -> bool:
        async with self._turn:
            if time.monotonic() - self._asked_at >= KEPT_S:
                self._answered = await self._database_answers()
                self._asked_at = time.monotonic()
            return self._answered

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(CHECK_S), snapshot(self._hub.database.app) as tx:
                return await tx.scalar(select(literal(1))) == 1
        except (SQLAlchemyError, OSError, TimeoutError):
            return False


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
