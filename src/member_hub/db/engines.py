"""One database as its roles see it: an engine per role, made when first used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from member_hub.db.embedded import Server
from member_hub.db.hiding import hide_values
from member_hub.db.roles import Role, role_name
from member_hub.errors import Misconfigured

SCHEMES = frozenset({"postgresql", "postgres"})
CONNECT_S = 10
POOL_WAIT_S = 10
POOL_SIZES: Mapping[Role | None, int] = {Role.APP: 10, Role.AUDIT: 6, Role.OWNER: 1, Role.BACKUP: 1, None: 1}
STATEMENTS_MAX = 500  # prepared, per connection
IDLE_IN_TRANSACTION_MS = 600_000  # a hub that hangs does not hold its locks for ever


@dataclass(slots=True)
class Database:
    """Where the rows are. Engines share one login; each connection takes its role by a start-up parameter."""

    url: str = field(repr=False)
    name: str
    role_prefix: str
    server: Server | None = None  # the embedded one, started or joined
    _engines: dict[Role | None, AsyncEngine] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, where: str | Server, *, role_prefix: str | None = None) -> Self:
        """Nothing connects yet. Roles are named after the database, a copy of another one says so by `role_prefix`.

        Raises Misconfigured for an unusable address, without quoting it.
        """
        server = where if isinstance(where, Server) else None
        url = where.url() if isinstance(where, Server) else where
        name = _database_name(url)
        return cls(url, name, role_prefix or name, server)

    @property
    def app(self) -> AsyncEngine:
        return self._engine(Role.APP)

    @property
    def audit(self) -> AsyncEngine:
        return self._engine(Role.AUDIT)

    @property
    def owner(self) -> AsyncEngine:
        return self._engine(Role.OWNER)

    @property
    def backup(self) -> AsyncEngine:
        return self._engine(Role.BACKUP)

    @property
    def login(self) -> AsyncEngine:
        """The login itself, for making roles and schemas; nothing else has a reason to use it."""
        return self._engine(None)

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.dispose()
        self._engines.clear()

    def _engine(self, role: Role | None) -> AsyncEngine:
        if role not in self._engines:
            self._engines[role] = self._make(role)
        return self._engines[role]

    def _make(self, role: Role | None) -> AsyncEngine:
        said = {
            "application_name": f"member-hub {role or 'login'}",
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
        }
        if role is not None:
            said["role"] = role_name(self.role_prefix, role)
        engine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={
                "dsn": self.url,
                "timeout": CONNECT_S,
                "server_settings": said,
                "prepared_statement_cache_size": STATEMENTS_MAX,
            },
            hide_parameters=True,
            json_serializer=_json,
            json_deserializer=orjson.loads,
            pool_size=POOL_SIZES[role],
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
        )
        hide_values(engine)
        return engine


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _database_name(url: str) -> str:
    remedy = "It looks like postgresql://user:password@host:5432/database."
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise Misconfigured("MEMBER_HUB_DATABASE_URL is not an address.", remedy=remedy) from None
    if parts.scheme not in SCHEMES:
        raise Misconfigured("MEMBER_HUB_DATABASE_URL does not begin with postgresql://.", remedy=remedy)
    named = unquote(parts.path.removeprefix("/")) or (query.get("dbname") or query.get("database") or [""])[-1]
    if not named:
        raise Misconfigured("MEMBER_HUB_DATABASE_URL names no database.", remedy=remedy)
    return named
