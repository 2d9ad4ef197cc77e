"""member-hub serve and run: the hub at work; run also fills it and says how to try it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from member_hub.commands.ingest import SOURCES, as_text, ingest_files
from member_hub.commands.opening import hub
from member_hub.commands.publishing import publish_of_demo

if TYPE_CHECKING:
    import asyncio

    from member_hub.runtime import Runtime
    from member_hub.settings import Settings

FILES = {
    "website": "website.jsonl",
    "app": "app.jsonl",
    "store": "store.csv",
    "orders": "orders.csv",
    "activity": "activity.csv",
}
POPULATED = "populated"  # in the data folder: which channel files the hub was filled with
DEMO = "demo"
DEMO_PEOPLE = 2000
DEMO_SEED = 1
REVIVE_EVERY_S = 0.5
JOBS_END_S = 15  # what a job has begun is finished; beyond that it is left, which loses nothing


@click.command()
def serve() -> None:
    """Serve the hub on 127.0.0.1 (MEMBER_HUB_PORT), as it is."""
    import asyncio

    async def main() -> None:
        async with hub(alone=True) as runtime:
            await _catch_up(runtime)
            await _serve(runtime, lambda port: f"Serving http://127.0.0.1:{port}/graphql")

    asyncio.run(main())


@click.command()
@click.option(
    "--channels",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    help="Import website.jsonl, app.jsonl, store.csv, orders.csv and activity.csv of this folder, not the demo set.",
)
def run(*, channels: Path | None) -> None:
    """From an empty folder to a filled, served hub, with addresses and tokens to try it. 一键运行。

    A second run keeps the data. Writes the mode `development` into the data folder unless MEMBER_HUB_MODE is set.
    """
    import asyncio

    from member_hub.commands.approving import approve_in_development
    from member_hub.commands.counting import count_waiting_lines
    from member_hub.commands.introducing import introduce
    from member_hub.settings import keep_development

    keep_development()

    async def main() -> None:
        async with hub(migrates=True, alone=True) as runtime:
            await _catch_up(runtime)
            await count_waiting_lines(runtime)
            if not runtime.settings.is_production:
                await publish_of_demo(runtime)  # first: lines of the files find what their people were told
            await _populate(runtime, channels)
            await approve_in_development(runtime)
            introduction = await introduce(runtime)
            await _serve(runtime, introduction)

    asyncio.run(main())


async def _catch_up(runtime: Runtime) -> None:
    """Whatever is done with the database comes after what the ledger outside remembers and it does not."""
    from member_hub.consent.history.timers import Clockwork
    from member_hub.consent.replay.catching_up import catch_up

    works = Clockwork(runtime.database, runtime.vault, runtime.catalogue, runtime.audit)
    await catch_up(works, runtime.ledger, runtime.clock, is_production=runtime.settings.is_production)


async def _serve(runtime: Runtime, saying: Callable[[int], str]) -> None:
    """Serve; once listening, say so to people, and to whoever starts a second hub on the data folder."""
    import asyncio

    from member_hub.jobs import run_forever
    from member_hub.web import serve as serve_

    def on_ready(port: int) -> None:
        if runtime.database.server is not None:
            runtime.database.server.announce(f"http://127.0.0.1:{port}")
        click.echo(saying(port))

    reviving = asyncio.create_task(_revive(runtime))
    stopping = asyncio.Event()
    jobs = asyncio.create_task(run_forever(runtime, stopping))
    try:
        await _until_told(asyncio.create_task(serve_(runtime, runtime.settings.port, on_ready=on_ready)))
    finally:
        stopping.set()
        await asyncio.wait([jobs], timeout=JOBS_END_S)
        reviving.cancel()


async def _until_told(serving: asyncio.Task[None]) -> None:
    """Serve until a signal ends it, so that there is time for what has to be done after that.

    The server takes signals for itself while it listens, and raises them again when it has ended; then there is
    nothing left to cancel. A signal that comes before it listens ends it, too.
    """
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: loop.call_soon_threadsafe(serving.cancel))
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


async def _revive(runtime: Runtime) -> None:
    """Start the embedded server again when it dies: what was committed is there."""
    import asyncio
    import logging

    while (server := runtime.database.server) is not None:
        await asyncio.sleep(REVIVE_EVERY_S)
        if server.revive():
            logging.getLogger(__name__).warning("The embedded database server had died and was started again.")


async def _populate(runtime: Runtime, channels: Path | None) -> None:
    """Import the channel files unless that was done before; an interrupted import is finished."""
    wanted = str(channels) if channels else DEMO
    done = _filled_with(runtime.settings)
    if wanted in done or (channels is None and done):
        return
    if channels is not None:
        if DEMO in done:
            click.echo(f"This hub holds the demo set already; the files of {channels.name} come beside it.", err=True)
            click.echo("For a hub of their own, set MEMBER_HUB_DATA_DIR to another folder.", err=True)
        await _import(runtime, channels)
    else:
        from member_hub.demo import generate

        with tempfile.TemporaryDirectory(prefix="member-hub-demo-") as folder:
            generate(Path(folder), people=DEMO_PEOPLE, seed=DEMO_SEED)
            await _import(runtime, Path(folder))
    _remember(runtime.settings, [*done, wanted])


def _filled_with(settings: Settings) -> list[str]:
    marker = settings.data_dir / POPULATED
    return marker.read_text("utf-8").splitlines() if marker.exists() else []


def _remember(settings: Settings, done: list[str]) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / POPULATED).write_text("\n".join([*done, ""]), "utf-8")


async def _import(runtime: Runtime, folder: Path) -> None:
    files = [(source, folder / FILES[source]) for source in SOURCES if (folder / FILES[source]).exists()]
    missing = [FILES[source] for source in SOURCES if not (folder / FILES[source]).exists()]
    if not files:
        from member_hub.errors import Misconfigured

        raise Misconfigured(f"{folder.name} holds none of {', '.join(missing)}.", remedy="Name the folder with them.")
    if missing:
        click.echo(f"Not found and left out: {', '.join(missing)}.", err=True)
    for (_, file), summary in zip(files, await ingest_files(runtime, files), strict=True):
        click.echo(as_text(file.name, summary))
