"""Making a database the hub's: with every right, with just enough, with too few; under any name."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import pytest
from sqlalchemy import text

from member_hub import doctor
from member_hub.db import Database, migrate, provision
from member_hub.db.embedded import Server
from member_hub.db.roles import Role
from member_hub.db.session import connect
from member_hub.doctor import Verdict
from member_hub.errors import Misconfigured
from member_hub.settings import Settings
from tests.conftest import Run, admin

PASSWORD = "a-password-of-the-tests"
_numbers = itertools.count(1)


@pytest.fixture
def empty(server: Server, run: Run) -> Iterator[str]:
    """The name of an empty database, with everything in it that makes quoting necessary."""
    name = f'Mein-Hub "{next(_numbers)}"'
    run(admin(server, f"CREATE DATABASE {provision.quoted(name)}"))
    yield name
    run(admin(server, f"DROP DATABASE {provision.quoted(name)} WITH (FORCE)"))


@pytest.fixture
def login(server: Server, run: Run) -> str:
    """A login that may connect and nothing else."""
    name = f"login {next(_numbers)}"
    run(admin(server, f"CREATE ROLE {provision.quoted(name)} LOGIN PASSWORD '{PASSWORD}'"))
    return name


def _url(server: Server, database: str, login: str) -> str:
    """The address of a database as an operator would give it."""
    host = quote(server.state.socket_dir, safe="")
    return f"postgres://{quote(login)}:{PASSWORD}@/{quote(database, safe='')}?host={host}&port=5432"


async def test_any_name_of_a_database_works(server: Server, empty: str) -> None:
    database = Database.open(server.url(empty))

    await provision.provision(database)
    await migrate.upgrade(database)

    async with database.app.connect() as connection:
        assert await connection.scalar(text("select current_user")) == f"{empty}_app"
    assert await provision.missing(database) == []
    await database.close()


async def test_doing_it_twice_is_doing_it_once(server: Server, empty: str) -> None:
    database = Database.open(server.url(empty))
    await provision.provision(database)
    await provision.provision(database)

    assert await provision.missing(database) == []
    await database.close()


async def test_a_login_that_may_make_roles_needs_nobody(server: Server, empty: str, login: str) -> None:
    await admin(server, f"ALTER ROLE {provision.quoted(login)} CREATEROLE")
    await admin(server, f"ALTER DATABASE {provision.quoted(empty)} OWNER TO {provision.quoted(login)}")
    database = Database.open(_url(server, empty, login))

    await provision.provision(database)
    await migrate.upgrade(database)

    assert await provision.missing(database) == []
    async with database.app.connect() as connection:
        assert await connection.scalar(text("select current_user")) == f"{empty}_app"
    await database.close()


async def test_a_login_without_the_right_is_sent_to_the_doctor_whose_sql_works(
    server: Server, empty: str, login: str, settings: Settings
) -> None:
    weak = _with_url(settings, _url(server, empty, login))

    with pytest.raises(Misconfigured, match=r"may not make .* `member-hub doctor` prints the SQL"):
        async with connect(weak, migrates=True):
            pass

    checks = {check.name: check for check in await doctor.examine(weak)}
    assert checks["roles and schemas"].verdict is Verdict.FAIL
    sql = [line for line in checks["roles and schemas"].remedy.splitlines() if line.endswith(";")]
    assert len(sql) == 4 + 4 + 2
    as_superuser = Database.open(server.url(empty))
    async with as_superuser.login.begin() as tx:
        for statement in sql:
            await tx.execute(text(statement))
    await as_superuser.close()
    async with connect(weak, migrates=True) as database:
        assert await provision.missing(database) == []


async def test_the_doctor_says_what_one_login_means(server: Server, empty: str, login: str, settings: Settings) -> None:
    async def said(url: str) -> tuple[Verdict, str, str]:
        (found,) = [one for one in await doctor.examine(_with_url(settings, url)) if one.name == "database login"]
        return found.verdict, found.says, found.remedy

    async with connect(_with_url(settings, server.url(empty)), migrates=True):
        pass
    for role in Role:
        await admin(server, f"GRANT {provision.quoted(f'{empty}_{role}')} TO {provision.quoted(login)}")

    says = "one login takes every role: they guard against mistakes of the hub, not against whoever has the login"
    remedy = "Let nobody else use it, and keep the audit head elsewhere: `member-hub audit export-head`."
    assert await said(_url(server, empty, login)) == (Verdict.WARN, says, remedy)
    assert await said(server.url(empty)) == (
        Verdict.WARN,
        f"{says}; and it is a superuser",
        f"Give the hub a login that is no superuser. {remedy}",
    )


APPROVED = text(
    "INSERT INTO hub.minor_approval (approval_id, kind, handler, role, approved_by, approved_at, expires_at) "
    "VALUES (gen_random_uuid(), 'standing', 'brand', :role, 'E0001', now(), :ends)"
)


async def test_the_doctor_says_how_many_roles_may_see_minors(server: Server, empty: str, settings: Settings) -> None:
    given = _with_url(settings, server.url(empty))

    async def said() -> tuple[Verdict, str]:
        (found,) = [one for one in await doctor.examine(given) if one.name == "minors"]
        return found.verdict, found.says

    none = "no role of staff has a standing approval to see members under 18: none sees any"
    async with connect(given, migrates=True) as database:
        assert await said() == (Verdict.OK, none)
        async with database.app.begin() as tx:
            for role, ends in (
                ("dpo", "2100-01-01"),
                ("dpo", "2100-01-02"),
                ("auditor", "1999-01-01"),
                ("x", "2101-01-01"),
            ):
                await tx.execute(APPROVED, {"role": role, "ends": datetime.fromisoformat(f"{ends}T00:00:00+08:00")})
    says = "2 roles have a standing approval to see members under 18; the first ends on 2100-01-01"
    assert await said() == (Verdict.OK, says)


async def test_the_database_may_be_given_by_an_address(server: Server, empty: str, settings: Settings) -> None:
    given = _with_url(settings, server.url(empty))

    async with connect(given, migrates=True) as database:
        assert (database.name, database.server) == (empty, None)
    async with connect(given) as database:
        assert await migrate.current(database) == migrate.newest()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:geheim@h/db", "does not begin with postgresql://"),
        ("postgresql://u:geheim@h", "names no database"),
        ("postgresql://u:geheim@[h/db", "is not an address"),
        ("postgresql://u:geheim@h/db?sslmode", "is not an address"),
    ],
)
def test_an_unusable_address_is_refused_without_quoting_it(url: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as caught:
        Database.open(url)

    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_server_that_does_not_answer_is_told_without_the_password(settings: Settings) -> None:
    nowhere = _with_url(settings, "postgresql://u:geheim@127.0.0.1:1/db")

    with pytest.raises(Misconfigured, match="does not answer") as caught:
        async with connect(nowhere):
            pass

    assert "geheim" not in str(caught.value)


def test_a_database_does_not_show_its_password(server: Server) -> None:
    assert server.password not in repr(Database.open(server))


def _with_url(settings: Settings, url: str) -> Settings:
    return replace(settings, database_url=url)
