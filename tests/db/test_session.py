"""From settings to a database: the embedded one is ready by itself, and production does not use it."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from member_hub.db import migrate, provision
from member_hub.db.embedded import AlreadyRunning, Server
from member_hub.db.session import connect
from member_hub.errors import Misconfigured
from member_hub.settings import Mode, Settings


async def test_the_embedded_database_is_ready_at_once(settings: Settings, programs: dict[str, str]) -> None:
    async with connect(settings, environ=programs) as database:
        assert await provision.missing(database) == []
        assert await migrate.current(database) == migrate.newest()
        async with database.app.connect() as connection:
            assert await connection.scalar(text("select current_user")) == "member_hub_app"
            assert await connection.scalar(text("show timezone")) == "UTC"


async def test_production_refuses_the_embedded_server(settings: Settings) -> None:
    production = replace(settings, mode=Mode.PRODUCTION)

    with pytest.raises(Misconfigured, match=r"Production does not use the embedded.*MEMBER_HUB_DATABASE_URL"):
        async with connect(production):
            pass
    assert not settings.data_dir.exists()


async def test_a_second_hub_on_a_data_folder_is_refused(settings: Settings) -> None:
    async with connect(settings, alone=True):
        with pytest.raises(AlreadyRunning):
            async with connect(settings, alone=True):
                pass


async def test_a_database_that_is_not_there_is_said_in_words(settings: Settings, server: Server) -> None:
    elsewhere = replace(settings, database_url=server.url("nowhere"))

    with pytest.raises(Misconfigured, match=r"there is no database of that name, SQLSTATE 3D000"):
        async with connect(elsewhere):
            pass


async def test_json_comes_back_as_it_went(settings: Settings) -> None:
    async with connect(settings) as database, database.app.connect() as connection:
        assert await connection.scalar(text("select '{\"名\": [1, null]}'::jsonb")) == {"名": [1, None]}
