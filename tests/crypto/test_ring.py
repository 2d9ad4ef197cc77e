"""The key ring at start: made once, the same for every process, refused where folder and database differ."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from member_hub.clock import Clock
from member_hub.crypto import CannotOpen, IndexKind, Vault
from member_hub.crypto import vault as vault_module
from member_hub.crypto.tables import DataKey, RegisteredKey
from member_hub.db import Database, transaction
from member_hub.errors import Misconfigured
from member_hub.privacy import DataClass, sealed, technical
from member_hub.settings import Settings
from tests.crypto.samples import ANNA

EVERYTHING = {"root": 1, "epoch": 1} | {kind.value: 1 for kind in IndexKind}


async def open_ring(database: Database, settings: Settings) -> Vault:
    return await Vault.open_ring(database, settings, Clock())


async def registered(database: Database) -> dict[str, int]:
    async with transaction(database.app) as tx:
        return {row.kind: row.version for row in await tx.execute(select(RegisteredKey.kind, RegisteredKey.version))}


async def test_the_first_run_makes_every_key_and_the_next_one_finds_them(
    database: Database, settings: Settings
) -> None:
    first = await open_ring(database, settings)
    second = await open_ring(database, settings)

    assert await registered(database) == EVERYTHING
    assert sorted(f.name for f in settings.key_dir.iterdir()) == ["epoch-1.key", "lock", "root.key"]
    assert (first.provider, first.epoch) == ("local file", 1)
    assert [first.token(kind, "", "x") for kind in IndexKind] == [second.token(kind, "", "x") for kind in IndexKind]
    assert len({first.token(kind, "", "x") for kind in IndexKind}) == len(IndexKind)


async def test_processes_that_start_at_once_get_the_same_keys(database: Database, settings: Settings) -> None:
    vaults = await asyncio.gather(*(open_ring(database, settings) for _ in range(4)))

    assert len({vault.token("phone", "", "x") for vault in vaults}) == 1
    assert await registered(database) == EVERYTHING


async def test_a_start_that_failed_after_its_files_were_made_is_gone_on_with(
    database: Database, settings: Settings
) -> None:
    await open_ring(database, settings)
    before = {f.name: f.read_bytes() for f in settings.key_dir.iterdir()}
    async with transaction(database.app) as tx:
        await tx.execute(delete(RegisteredKey))  # as if the transaction had never committed

    await open_ring(database, settings)

    assert {f.name: f.read_bytes() for f in settings.key_dir.iterdir()} == before


async def test_a_lost_key_folder_is_refused_and_not_made_anew(database: Database, settings: Settings) -> None:
    await open_ring(database, settings)
    shutil.rmtree(settings.key_dir)

    with pytest.raises(Misconfigured, match=r"root\.key is missing, and the database holds keys"):
        await open_ring(database, settings)

    assert not settings.key_dir.exists()
    assert await registered(database) == EVERYTHING


@pytest.mark.parametrize("name", ["root.key", "epoch-1.key"])
async def test_a_lost_file_is_refused_and_not_made_anew(database: Database, settings: Settings, name: str) -> None:
    await open_ring(database, settings)
    (settings.key_dir / name).unlink()

    with pytest.raises(Misconfigured, match=f"{name} is missing"):
        await open_ring(database, settings)

    assert not (settings.key_dir / name).exists()


async def test_the_key_folder_of_another_installation_is_refused(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    await open_ring(database, settings)
    theirs = replace(settings, key_dir=tmp_path / "theirs")
    async with transaction(database.app) as tx:
        ours = (await tx.execute(select(RegisteredKey.__table__))).mappings().all()
        await tx.execute(delete(RegisteredKey))
    await open_ring(database, theirs)
    async with transaction(database.app) as tx:
        await tx.execute(delete(RegisteredKey))
        await tx.execute(RegisteredKey.__table__.insert(), [dict(row) for row in ours])

    with pytest.raises(Misconfigured, match="The root key in the key folder is not the one of this database"):
        await open_ring(database, theirs)
    await open_ring(database, settings)


async def test_an_epoch_key_made_anew_under_the_same_root_is_refused(database: Database, settings: Settings) -> None:
    await open_ring(database, settings)
    async with transaction(database.app) as tx:
        await tx.execute(
            update(RegisteredKey).where(RegisteredKey.kind == "epoch").values(fingerprint=b"another epoch's.")
        )

    with pytest.raises(Misconfigured, match="The epoch key in the key folder is not the one of this database"):
        await open_ring(database, settings)


async def test_data_keys_without_a_registry_are_refused(database: Database, settings: Settings) -> None:
    vault = await open_ring(database, settings)
    async with transaction(database.app) as tx:
        await vault.keys_for(tx, [(ANNA, DataClass.CONTACT)], create=True)
        await tx.execute(delete(RegisteredKey))

    with pytest.raises(Misconfigured, match="is not the one of this database"):
        await open_ring(database, settings)

    assert await registered(database) == {}


async def test_a_looser_key_folder_stops_the_start(database: Database, settings: Settings) -> None:
    await open_ring(database, settings)
    settings.key_dir.chmod(0o755)

    with pytest.raises(Misconfigured, match="is open to others"):
        await open_ring(database, settings)


async def test_an_index_key_that_was_tampered_with_stops_the_start(database: Database, settings: Settings) -> None:
    await open_ring(database, settings)
    async with transaction(database.app) as tx:
        email = select(RegisteredKey.wrapped).where(RegisteredKey.kind == "email").scalar_subquery()
        await tx.execute(update(RegisteredKey).where(RegisteredKey.kind == "phone").values(wrapped=email))

    with pytest.raises(CannotOpen, match=r"vault\.key_registry phone 1 cannot be opened"):
        await open_ring(database, settings)


async def test_a_kind_that_came_with_an_update_gets_a_key_and_the_others_stay(
    database: Database, settings: Settings
) -> None:
    before = await open_ring(database, settings)
    async with transaction(database.app) as tx:
        await tx.execute(delete(RegisteredKey).where(RegisteredKey.kind == "device"))

    after = await open_ring(database, settings)

    assert await registered(database) == EVERYTHING
    assert after.token("phone", "", "x") == before.token("phone", "", "x")
    assert after.token("device", "", "x") != before.token("device", "", "x")


async def test_no_key_stands_in_the_database_as_it_is(database: Database, settings: Settings) -> None:
    await open_ring(database, settings)

    async with transaction(database.app) as tx:
        rows = (await tx.execute(select(RegisteredKey.__table__).where(RegisteredKey.wrapped.is_(None)))).all()
        prints = (await tx.execute(select(RegisteredKey.fingerprint))).scalars().all()
        sizes = await tx.execute(select(func.length(RegisteredKey.wrapped)).where(RegisteredKey.wrapped.is_not(None)))

    assert {row.kind for row in rows} == {"root", "epoch"}
    assert len(set(prints)) == len(EVERYTHING)  # no two kinds share a key
    assert {len(shown) for shown in prints} == {16}
    assert set(sizes.scalars()) == {93}
    assert DataKey.__table__.schema == RegisteredKey.__table__.schema == "vault"


async def test_a_table_that_does_not_say_how_its_sealed_values_are_found_stops_the_start(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(DeclarativeBase):
        pass

    class Thing(Other):
        __tablename__ = "thing"
        id: Mapped[UUID] = mapped_column(primary_key=True, info=technical("id"))
        value: Mapped[bytes] = mapped_column(info=sealed(DataClass.CONTACT, zh="样本", en="sample"))

    monkeypatch.setattr(vault_module, "Base", Other)

    with pytest.raises(Misconfigured, match="thing has sealed columns and no __sealed_subject__"):
        await open_ring(database, settings)

    assert not settings.key_dir.exists()
