"""No personal value gets into an error of the database, a log line at any level, or the look of an object."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError

from member_hub import organisation, programme, resources
from member_hub.clock import Clock
from member_hub.consent import catalogue
from member_hub.counting import Loyalty
from member_hub.crypto import CannotOpen, Vault
from member_hub.db import Database, transaction
from member_hub.db.bulk import insert_rows, table_of
from member_hub.demo import FILES, generate
from member_hub.holders import HOLDERS
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId, uuid7
from member_hub.ingest import mapping
from member_hub.ingest.parse import Parser
from member_hub.ingest.running import Ingester
from member_hub.ingest.summary import Summary
from member_hub.ingest.words import Source
from member_hub.members.tables import Member
from member_hub.merging import Resolver
from member_hub.orders.tables import OrderLine
from member_hub.privacy import DataClass, Held, Person
from member_hub.settings import Settings
from member_hub.tables import METADATA
from tests.secrecy.needles import needles_of
from tests.secrecy.scanner import Scanner

REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
CATALOGUE = catalogue.load(resources.folder("policies") / catalogue.FOLDER / catalogue.FILE)
NEEDLE = "13912345678"
NOW = datetime(2026, 11, 8, tzinfo=UTC)
SOURCES = dict(zip(Source, FILES, strict=True))


def everything_about(error: BaseException) -> str:
    """Whatever could be printed of an exception and of all that it was raised from."""
    told = ["".join(traceback.format_exception(error))]
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is not None:
            told += [str(one), repr(one), repr(one.args), *(f"{name} {value!r}" for name, value in vars(one).items())]
            chain += [one.__cause__, one.__context__, getattr(one, "orig", None)]
            if len(told) > 500:
                break
    return "\n".join(told)


async def _fails(database: Database, *statements: Any) -> DBAPIError:
    async def run() -> None:
        async with transaction(database.app) as tx:
            for statement in statements:
                await tx.execute(statement)

    with pytest.raises(DBAPIError) as caught:
        await run()
    return caught.value


def _cast(value: str, to: str) -> Any:
    return text(f"select cast(cast(:value as text) as {to})").bindparams(value=value)


def _order(**more: object) -> dict[str, object]:
    known = {"member_id": uuid7(), "channel": "website", "order_no": NEEDLE, "line_no": 1, "origin_id": uuid7()}
    return known | {"amount_fen": 1, "ordered_at": NOW, "status": "paid"} | more


def _into_t(value: str) -> Any:
    return text("insert into t values (cast(:value as text))").bindparams(value=value)


async def test_no_refusal_of_the_database_quotes_what_it_refused(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    order_t, member_t = table_of(OrderLine), table_of(Member)
    twice = _order()
    errors = {
        "23505": await _fails(database, insert(order_t).values(twice), insert(order_t).values(twice)),
        "23502": await _fails(database, insert(order_t).values(_order(status=None))),
        "23514": await _fails(
            database,
            insert(member_t).values(
                member_id=uuid7(),
                status=NEEDLE,
                handler=NEEDLE,
                joined_at=NOW,
                channels=0,
                created_at=NOW,
                updated_at=NOW,
            ),
        ),
        "22P02": await _fails(database, _cast(f"{NEEDLE}x", "uuid")),
        "22007": await _fails(database, _cast(f"{NEEDLE} o'clock", "date")),
        "22003": await _fails(database, _cast(NEEDLE, "smallint")),
        "22001": await _fails(database, text("create temp table t (v varchar(3))"), _into_t(NEEDLE)),
    }

    for state, error in errors.items():
        assert getattr(error.orig, "sqlstate", None) == state
        assert NEEDLE not in everything_about(error)
    assert NEEDLE not in caplog.text


async def test_what_the_driver_cannot_send_is_not_quoted(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    columns = tuple(_order())
    for wrong in ({"amount_fen": NEEDLE}, {"ordered_at": NEEDLE}, {"origin_id": NEEDLE}, {"line_no": 10**12}):
        async with database.app.connect() as tx:
            with pytest.raises(DBAPIError) as caught:
                await insert_rows(tx, OrderLine, columns, [tuple(_order(**wrong).values())])

        assert NEEDLE not in everything_about(caught.value)
    assert NEEDLE not in caplog.text


async def _ingest(database: Database, settings: Settings, folder: Path, sources: Sequence[Source]) -> list[Summary]:
    vault = await Vault.open_ring(database, settings, Clock())
    loyalty = Loyalty.of(programme.read(resources.folder("policies") / programme.FILE), vault, REGISTER)
    resolver = Resolver(vault, REGISTER, HOLDERS, CATALOGUE)
    ingester = Ingester(database, vault, resolver, REGISTER, Clock(), loyalty)
    return [await ingester.ingest(folder / SOURCES[source], mapping.load(source)) for source in sources]


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("channels")
    generate(folder, people=40, seed=11, activity_days=5)
    return folder


def _spoken(channels: Path, log: str) -> set[str]:
    """The values of the files that stand in the log."""
    needles, _ = needles_of(channels)
    return {needle for needle, _ in Scanner(n for texts in needles.values() for n in texts).scan(log.encode())}


async def test_an_import_logs_no_value_at_debug_level(
    database: Database, settings: Settings, channels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    summaries = await _ingest(database, settings, channels, list(Source))

    assert all(summary.adds_up for summary in summaries)
    assert _spoken(channels, caplog.text) == set()


async def test_an_import_that_the_database_refuses_logs_no_value(
    database: Database, settings: Settings, channels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with transaction(database.owner) as tx:
        await tx.execute(text("ALTER TABLE hub.identity_claim ADD CONSTRAINT probe CHECK (kind <> 'email')"))

    [summary] = await _ingest(database, settings, channels, [Source.WEBSITE])

    refused = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(refused) == summary.quarantined["not_applied"] > 5
    assert all("could not be applied: IntegrityError" in record.getMessage() for record in refused)
    assert _spoken(channels, caplog.text) == set()


async def test_a_value_that_does_not_open_is_named_by_its_place_only(
    database: Database, settings: Settings, channels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await _ingest(database, settings, channels, [Source.WEBSITE])
    claim_t = METADATA.tables["hub.identity_claim"]
    async with transaction(database.app) as tx:
        await tx.execute(update(claim_t).where(claim_t.c.kind == "phone").values(value=b"\x01" * 60))
    caplog.set_level(logging.DEBUG)

    [summary] = await _ingest(database, settings, channels, [Source.STORE])

    assert summary.adds_up
    assert "hub.identity_claim.value cannot be opened" in caplog.text
    assert _spoken(channels, caplog.text) == set()


def _rows(channels: Path) -> Iterator[Any]:
    for source, name in SOURCES.items():
        yield from Parser(mapping.load(source), REGISTER, now=NOW).open(channels / name).records()


def test_records_rows_and_refused_rows_print_as_their_line(channels: Path) -> None:
    for row in _rows(channels):
        assert repr(row) == str(row)
        assert repr(row).partition("(line=")[0] in ("AccountRecord", "OrderRecord", "ActivityRecord", "BadRow")
        assert len(repr(row)) < 60
        if hasattr(row, "row"):
            assert repr(row.row) == f"RawRow(line={row.line})"


async def test_sealed_values_and_what_holds_them_print_nothing_of_them(database: Database, settings: Settings) -> None:
    vault = await Vault.open_ring(database, settings, Clock())
    subject, column = uuid7(), table_of(Member).c.phone
    async with transaction(database.app) as tx:
        keys = await vault.keys_for(tx, [(subject, DataClass.CONTACT)], create=True)
        sealed = keys.seal(column, subject, NEEDLE)
    token = vault.token("phone", "", NEEDLE)
    held = Held(Member, {"member_id": subject, "phone": sealed, "gender": "F", "home_store": NEEDLE})
    person = Person(MemberId(subject), [], [], [token], [token])
    request = RequestKey("app", NEEDLE, NEEDLE.encode())

    assert (str(sealed), repr(sealed), f"{sealed}", f"{sealed!s:>20}") == 3 * ("<sealed>",) + ("            <sealed>",)
    for one in (held, person, request, keys, vault, CannotOpen("hub.member.phone", subject)):
        for told in (repr(one), str(one)):
            assert NEEDLE not in told
            assert repr(token)[2:-1] not in told
