"""What every command that works on the database begins with."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from member_hub.privacy import Purpose
    from member_hub.runtime import Runtime


T = TypeVar("T")
_log = logging.getLogger(__name__)


@asynccontextmanager
async def hub(*, migrates: bool = False, alone: bool = False) -> AsyncIterator[Runtime]:
    """The opened hub of the settings in the environment."""
    import member_hub.tables  # noqa: F401 - all of them: a notice lists what every table holds
    from member_hub.clock import Clock
    from member_hub.db.session import connect
    from member_hub.holders import HOLDERS
    from member_hub.runtime import open_runtime
    from member_hub.settings import Settings

    settings = Settings.from_environ()
    async with (
        connect(settings, migrates=migrates, alone=alone) as database,
        open_runtime(settings, Clock(), database, HOLDERS) as runtime,
    ):
        _log.debug("Opened the hub: policy %s, keys of epoch %d.", runtime.policies.version, runtime.vault.epoch)
        yield runtime


def run(work: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
    """Open the hub, do the work, close it."""
    # Libraries speak from WARNING on, however much is asked for: their debug lines hold rows and queries.
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("member_hub").setLevel(
        logging.DEBUG if os.environ.get("MEMBER_HUB_LOG") == "debug" else logging.WARNING
    )

    async def main() -> T:
        async with hub() as runtime:
            return await work(runtime)

    return asyncio.run(main())


async def audit(
    runtime: Runtime,
    operation: str,
    *,
    purpose: Purpose | None = None,
    fields: tuple[str, ...] = (),
    member_ids: tuple[Any, ...] = (),
) -> None:
    """Put on record who did what at the command line, before anything is shown."""
    from member_hub.audit import Entry
    from member_hub.privacy import Purpose as Why

    why = purpose or Why.SYSTEM_OPERATION
    await runtime.audit.write(
        Entry.of_command(operation, purpose=why, fields=fields, member_ids=member_ids, now=runtime.clock.now())
    )
