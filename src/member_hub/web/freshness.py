"""Before anything is answered, a changed policy folder is taken up (access/keeping.py)."""

from starlette.types import ASGIApp, Receive, Scope, Send

from member_hub.access import PolicyKeeper
from member_hub.web.edge import LIVENESS_PATH
from member_hub.web.figures import Figures


class CurrentPolicy:
    """Pure ASGI; whether the process lives is answered without looking."""

    def __init__(self, app: ASGIApp, keeper: PolicyKeeper) -> None:
        self._app = app
        self._keeper = keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != LIVENESS_PATH:
            await self._keeper.look()
        await self._app(scope, receive, send)


def watch_policies(keeper: PolicyKeeper, figures: Figures) -> None:
    figures.watch(
        "member_hub_policies_stale",
        "1 where a changed policy folder was refused and the last good policy is in force.",
        lambda: int(keeper.standing.refused is not None),
    )
    figures.watch(
        "member_hub_restart_due",
        "1 where organisation.toml has changed since the hub was started.",
        lambda: int(keeper.standing.organisation_changed),
    )
