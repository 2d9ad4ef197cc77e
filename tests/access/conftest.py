"""What the facts about access need: the shipped policy, a copy to spoil, and people who ask."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from member_hub import organisation as organisations
from member_hub import resources
from member_hub.access import Policies
from member_hub.organisation import Organisation
from member_hub.settings import Mode, Settings

POLICY_FILES = ("model.conf", "register.toml", "policy.csv", "cases.csv", "organisation.toml")


@pytest.fixture(scope="session")
def shipped() -> Path:
    return resources.folder("policies")


@pytest.fixture(scope="session")
def policies(shipped: Path) -> Policies:
    """As the shipped pack on consent makes it: consents to both purposes can be checked."""
    return Policies.load(shipped, consent_keys={"marketing", "personalisation"})


@pytest.fixture(scope="session")
def organisation(shipped: Path) -> Organisation:
    return organisations.load(shipped / "organisation.toml")


@pytest.fixture
def folder(shipped: Path, tmp_path: Path) -> Path:
    """A copy of the shipped policy that a fact may spoil."""
    for name in POLICY_FILES:
        shutil.copyfile(shipped / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def edit(folder: Path) -> Callable[..., Path]:
    """Replaces one text, which has to stand in the file, by another; answers the folder."""

    def replace(file: str, old: str, new: str) -> Path:
        text = (folder / file).read_bytes().decode()
        assert old in text
        (folder / file).write_bytes(text.replace(old, new, 1).encode())
        return folder

    return replace


@pytest.fixture
def two_brands(edit: Callable[..., Path]) -> Organisation:
    """As shipped, but the stores of the north belong to a sister brand."""
    edit(
        "organisation.toml",
        "[channels.website]",
        '[handlers.sister]\nzh = "姐妹品牌"\nen = "Sister"\ncontact = "sister@example.invalid"\n\n[channels.website]',
    )
    north = '[regions.north]\nhandler = "{}"'
    return organisations.load(
        edit("organisation.toml", north.format("brand"), north.format("sister")) / organisations.FILE
    )


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 8, 4, 0, tzinfo=UTC)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(mode: Mode = Mode.DEVELOPMENT, policy_dir: Path | None = None) -> Settings:
        return Settings(
            mode=mode,
            database_url=None,
            data_dir=tmp_path / "data",
            key_dir=tmp_path / "keys",
            ledger_dir=tmp_path / "ledger",
            port=0,
            policy_dir=policy_dir,
            debug=False,
        )

    return make
