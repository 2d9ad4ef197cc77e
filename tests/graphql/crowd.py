"""A crowd to count: stores with enough members for a figure, and stores with one too few. Nobody changes it."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from member_hub.db.embedded import Server
from member_hub.identity.statements import AccountStatement
from member_hub.members.tables import Channel
from tests.conftest import Run
from tests.graphql.conftest import make_settings, opened
from tests.graphql.world import World, said

MARCH, APRIL = datetime(2026, 3, 10, 4, tzinfo=UTC), datetime(2026, 4, 20, 4, tzinfo=UTC)
# store, gender, joined, how many
CROWD = (
    ("SH001", "F", MARCH, 23),
    ("SH001", "M", APRIL, 21),
    ("SH001", None, APRIL, 5),
    ("SH002", "F", MARCH, 19),
    ("SH014", "F", MARCH, 20),
    ("SH015", "M", APRIL, 1),
    (None, "F", MARCH, 30),
)
_numbers = itertools.count(4_000_000_000)


def several(store: str | None, gender: str | None, at: datetime, number: int) -> list[AccountStatement]:
    channel = Channel.STORE if store else Channel.WEBSITE
    values = {"gender": gender} if gender else {}
    return [said(channel, f"{next(_numbers)}", at=at, home_store=store, **values) for _ in range(number)]


@pytest.fixture(scope="session")
def crowd(server: Server, run: Run, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = make_settings(tmp_path_factory.mktemp("crowd"))
    for world in opened(server, run, template, settings, role_prefix=template):
        run(world.resolve(*(statement for group in CROWD for statement in several(*group))))
        yield world
