"""A second hub beside a first one: folders that were not named are the first one's, and it is told before it writes."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.cli.test_cli import call

SAYS = "belongs to another database."
NAMES = ("MEMBER_HUB_LEDGER_DIR", "MEMBER_HUB_KEY_DIR", "账本文件夹属于另一个数据库")


class Hubs:
    """What the commands of two hubs say, of which the second names its data folder only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger, self.keys = (folder / ".member-hub" / name for name in ("ledger", "keys"))

    def first(self, *words: str, **environ: str) -> CompletedProcess[str]:
        return call(*words, cwd=self.folder, MEMBER_HUB_MODE="development", MEMBER_HUB_PORT="0", **environ)

    def second(self, *words: str, **environ: str) -> CompletedProcess[str]:
        return self.first(*words, MEMBER_HUB_DATA_DIR=str(self.folder / "second"), **environ)

    def apart(self, *words: str) -> CompletedProcess[str]:
        """The second one with a ledger folder of its own; the keys are shared on purpose."""
        return self.second(*words, MEMBER_HUB_LEDGER_DIR=str(self.folder / "second_ledger"))

    def written(self) -> dict[str, bytes]:
        files = [*self.ledger.iterdir(), *self.keys.iterdir()]
        return {file.name: file.read_bytes() for file in files}


@pytest.fixture
def hubs(tmp_path: Path) -> Hubs:
    made = Hubs(tmp_path)
    for words in (("migrate",), ("identity", "export"), ("audit", "seal")):
        assert made.first(*words).returncode == 0
    assert list(made.ledger.glob("audit-head-*"))
    return made


def ledger_of(examined: CompletedProcess[str]) -> tuple[int, str, str]:
    """How the doctor ended, and what it says of the ledger."""
    (check,) = [one for one in json.loads(examined.stdout)["checks"] if one["name"] == "ledger"]
    return examined.returncode, check["verdict"], check["says"] + check["remedy"]


def refused(done: CompletedProcess[str]) -> bool:
    said = done.stderr.splitlines()[-1]
    return done.returncode == 1 and SAYS in said and all(name in said for name in NAMES)


def test_a_second_hub_on_the_first_ones_ledger_is_told_and_writes_nothing_there(hubs: Hubs) -> None:
    """In development it goes on; its audit log is not called tampered with for that."""
    before = hubs.written()
    early = ledger_of(hubs.second("doctor", "--json"))

    exported = hubs.second("identity", "export")
    sealed, verified = hubs.second("audit", "seal"), hubs.second("audit", "verify")

    assert exported.returncode == 0
    assert SAYS in exported.stderr
    assert all(name in exported.stderr for name in NAMES)
    assert sealed.returncode == 1
    assert refused(verified)
    assert hubs.written() == before
    for code, verdict, says in (early, ledger_of(hubs.second("doctor", "--json"))):
        assert (code, verdict, SAYS in says) == (1, "fail", True)
        assert all(name in says for name in NAMES)
    assert hubs.first("audit", "verify").returncode == 0
    assert ledger_of(hubs.first("doctor", "--json")) == (0, "ok", "of no other database")


def test_two_hubs_with_a_ledger_each_may_share_their_keys(hubs: Hubs) -> None:
    for words in (("identity", "export"), ("audit", "seal"), ("audit", "verify")):
        assert (hubs.apart(*words).returncode, hubs.first(*words).returncode) == (0, 0)
    assert ledger_of(hubs.apart("doctor", "--json")) == (0, "ok", "of no other database")

    ours = str(hubs.folder / "second_ledger")

    assert refused(hubs.second("audit", "verify"))
    assert refused(hubs.first("audit", "verify", MEMBER_HUB_LEDGER_DIR=ours))
    assert ledger_of(hubs.first("doctor", "--json", MEMBER_HUB_LEDGER_DIR=ours))[:2] == (1, "fail")


def test_a_damaged_head_is_the_sealers_to_tell_and_stops_no_start(hubs: Hubs) -> None:
    (file,) = hubs.ledger.glob("audit-head-*")
    file.write_bytes(b"{}\n" + file.read_bytes())

    assert hubs.first("identity", "export").returncode == 0
    assert "is broken at line 1" in hubs.first("audit", "verify").stderr
