"""Two processes import files that overlap at once: what comes of it is what comes of one after the other."""

from pathlib import Path

import pytest

from member_hub.clock import Clock
from member_hub.demo import generate
from member_hub.ingest.words import Source
from tests.hub import FILES, Hub
from tests.ingest.commands import Commands
from tests.picture import differing

BATCH = 20
SHARE = 0.7  # of each file in each half: two fifths of the rows are in both
CHANGES = ("new_members", "attached", "updated", "applied")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each file a first and a last part."""
    folder = tmp_path_factory.mktemp("together")
    generate(folder, people=150, seed=9, activity_days=5)
    for name in FILES.values():
        header, lines = _lines(folder / name)
        cut = int(len(lines) * SHARE)
        (folder / f"first-{name}").write_bytes(b"".join([*header, *lines[:cut]]))
        (folder / f"last-{name}").write_bytes(b"".join([*header, *lines[-cut:]]))
    return folder


def _lines(file: Path) -> tuple[list[bytes], list[bytes]]:
    """Header and lines. Of an order line told with two amounts the first that comes stands: that may be either here."""
    lines = file.read_bytes().splitlines(keepends=True)
    if file.name == FILES[Source.ORDERS]:
        lines = list({b",".join(line.split(b",")[:3]): line for line in reversed(lines)}.values())[::-1]
        file.write_bytes(b"".join(lines))
    return ([], lines) if file.suffix == ".jsonl" else (lines[:1], lines[1:])


async def test_two_importers_at_once_come_to_what_one_does(commands: Commands, hub: Hub, files: Path) -> None:
    alone = Hub(hub.database, hub.vault, hub.folder, Clock(), hub.audit)

    for source, name in FILES.items():
        started = [
            commands.start("ingest", source.value, str(files / f"{part}-{name}"), "--json", batch=BATCH)
            for part in ("first", "last")
        ]
        together = [commands.end(one).json[0] for one in started]
        apart = [(await alone.ingest(source, files / f"{part}-{name}")).as_json() for part in ("first", "last")]

        assert all(told["adds_up"] for told in together)
        assert not any("not_applied" in told["quarantined"] for told in together), source
        assert _changes(together) == _changes(apart), source

    assert differing(await alone.picture(), await commands.hub.picture()) == {}


async def test_orders_and_the_accounts_they_wait_for_may_come_at_once(
    commands: Commands, hub: Hub, files: Path
) -> None:
    alone = Hub(hub.database, hub.vault, hub.folder, Clock(), hub.audit)
    for source, name in FILES.items():
        await alone.ingest(source, files / name)

    started = [
        commands.start("ingest", source.value, str(files / FILES[source]), "--json", batch=BATCH)
        for source in (Source.ORDERS, Source.WEBSITE, Source.ACTIVITY, Source.APP, Source.STORE)
    ]
    together = [commands.end(one).json[0] for one in started]

    assert all(told["adds_up"] and "not_applied" not in told["quarantined"] for told in together)
    assert differing(await alone.picture(), await commands.hub.picture()) == {}


def _changes(told: list[dict[str, int]]) -> dict[str, int]:
    """How many accounts and lines there are is the same; which of two is the new member may differ."""
    sums = {name: sum(one[name] for one in told) for name in CHANGES}
    return {"accounts": sums["new_members"] + sums["attached"], "updated": sums["updated"], "applied": sums["applied"]}
