"""The files: the same for the same seed, in the channels' formats, and in agreement with the truth."""

import filecmp
import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import email_validator
import opencc
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scoring import read_partition
from member_hub import demo
from member_hub.demo import FILES, fixed, words
from member_hub.demo.__main__ import main
from member_hub.demo.draw import FIXED_NUMBERS, FOREIGN, RESERVED_ACCOUNT, RESERVED_CARD, Draw, Serial
from member_hub.sign_in.rules import is_fresh
from tests.demo.conftest import MakeSet

STATE_OF = date(2026, 11, 8)


def _make(folder: Path, *, seed: int, people: int = 60) -> Path:
    demo.generate(folder, people=people, seed=seed, truth=folder / "truth.csv")
    return folder


def test_one_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = _make(tmp_path / "one", seed=5), _make(tmp_path / "other", seed=5)

    assert filecmp.cmpfiles(one, other, [*FILES, "truth.csv"], shallow=False) == ([*FILES, "truth.csv"], [], [])


def test_another_seed_gives_another_set(tmp_path: Path) -> None:
    one, other = _make(tmp_path / "one", seed=5), _make(tmp_path / "other", seed=6)

    assert filecmp.cmpfiles(one, other, FILES, shallow=False) == ([], list(FILES), [])


def test_blocks_do_not_repeat_an_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("member_hub.demo.generation.BLOCK", 7)

    truth = (_make(tmp_path, seed=1, people=100) / "truth.csv").read_text("utf-8").splitlines()[1:]

    assert len({line.rsplit(",", 1)[0] for line in truth}) == len(truth)
    assert len({line.rsplit(",", 1)[1] for line in truth}) >= 100


def test_json_files_are_utf8_lines_of_objects(make_set: MakeSet) -> None:
    folder = make_set(1).folder

    for name, key in (("website.jsonl", "message_id"), ("app.jsonl", "event_id")):
        raw = (folder / name).read_bytes()
        lines = raw.decode("utf-8").split("\n")
        assert not raw.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in raw
        assert lines[-1] == ""
        assert all(key in json.loads(line) for line in lines if line.endswith("}"))


def test_the_store_file_is_gb18030_with_crlf_between_rows_and_lf_within_cells(make_set: MakeSet) -> None:
    census = make_set(1)

    text = (census.folder / "store.csv").read_bytes().decode("gb18030")

    assert text.startswith("卡号,姓名,性别,手机号,生日,办卡门店,办卡日期,导购工号,会员等级,积分余额,备注\r\n")
    assert text.count("\r\n") == len(census.store)
    assert text.count("\n") - text.count("\r\n") == sum(row[-1].count("\n") for row in census.store)
    assert text.count("\n") > text.count("\r\n")


def test_the_orders_file_is_utf8_with_bom_and_crlf(make_set: MakeSet) -> None:
    raw = (make_set(1).folder / "orders.csv").read_bytes()

    head = b"order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of\r\n"
    assert raw.startswith(b"\xef\xbb\xbf" + head)
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_the_activity_file_is_plain_utf8(make_set: MakeSet) -> None:
    raw = (make_set(1).folder / "activity.csv").read_bytes()

    assert raw.startswith(b"channel,account,day,kind,count\n")
    assert b"\r" not in raw


def test_the_truth_knows_every_account_and_no_other(make_set: MakeSet) -> None:
    census = make_set(1)

    accounts = {("website", m["account"]) for m in census.website}
    accounts |= {("app", m["user_id"]) for m in census.app} | {("store", c["卡号"]) for c in census.cards}

    assert accounts == set(census.truth)


def test_the_summary_counts_what_was_written(tmp_path: Path) -> None:
    summary = demo.generate(tmp_path, people=50, seed=3, truth=tmp_path / "truth.csv")

    truth = read_partition(tmp_path / "truth.csv")
    assert summary.people == len(set(truth.values())) >= 50 + len(fixed.MEMBERS)
    assert summary.accounts == Counter(channel for channel, _ in truth)
    assert summary.rows["website.jsonl"] == len((tmp_path / "website.jsonl").read_text("utf-8").splitlines())
    assert summary.rows["activity.csv"] == len((tmp_path / "activity.csv").read_text("utf-8").splitlines()) - 1


def test_activity_can_be_left_out(tmp_path: Path) -> None:
    summary = demo.generate(tmp_path, people=50, seed=3, activity_days=0)

    assert summary.rows["activity.csv"] == len(list(fixed.activity_rows()))


def test_every_drawn_phone_and_email_is_valid() -> None:
    draw = Draw(2)

    for _ in range(300):
        for phone in (draw.phone(), draw.foreign_phone()):
            assert phonenumbers.is_valid_number(phonenumbers.parse(phone, "CN")), phone
        email_validator.validate_email(draw.email(), check_deliverability=False)


def test_every_traditional_form_is_read_back_as_the_simplified_one() -> None:
    to_simplified = opencc.OpenCC("t2s")

    assert {to_simplified.convert(old): new for new, old in words.TO_TRADITIONAL.items()} == {
        new: new for new in words.TO_TRADITIONAL
    }


@given(size=st.integers(20, 500), seed=st.integers(0, 10**6))
def test_a_serial_takes_every_number_once(size: int, seed: int) -> None:
    serial = Serial(Draw(seed).rng, size)

    assert sorted(serial.take() for _ in range(size)) == list(range(size))


def test_one_fixed_member_signs_in_by_a_code_alone() -> None:
    lately = fixed.LATELY_VERIFIED
    (said,) = [one for one in fixed.website_messages() if one["account"] in lately.website]
    verified_at = datetime.fromisoformat(said["phone_verified_at"])

    assert is_fresh(verified_at, datetime(2026, 11, 22, tzinfo=UTC))
    assert not is_fresh(verified_at, datetime(2027, 2, 5, tzinfo=UTC))
    assert [one for one in fixed.MEMBERS if one.phone == lately.phone] == [lately]
    assert f"| {lately.phone} | {lately.name}" in Path("README.md").read_text("utf-8")


def test_fixed_members_stand_in_every_set_alike(tmp_path: Path) -> None:
    one, other = _make(tmp_path / "one", seed=5), _make(tmp_path / "other", seed=6)

    for name, rows in (
        ("website.jsonl", fixed.website_messages()),
        ("app.jsonl", fixed.app_events()),
        ("store.csv", fixed.card_rows()),
        ("orders.csv", fixed.order_rows()),
        ("activity.csv", fixed.activity_rows()),
    ):
        count = len(list(rows))
        tails = [(folder / name).read_bytes().splitlines()[-count:] for folder in (one, other)]
        assert count > 0
        assert tails[0] == tails[1]


def test_fixed_members_are_what_they_are_said_to_be() -> None:
    messages = {message["account"]: message for message in fixed.website_messages()}
    verified = [messages[member.website[0]] for member in (fixed.RECYCLED_OLD, fixed.RECYCLED_NEW)]

    assert [{channel for channel, _ in m.accounts} for m in (fixed.MERGED, fixed.CARD_ONLY)] == [
        {"website", "app", "store"},
        {"store"},
    ]
    assert STATE_OF.replace(year=STATE_OF.year - 14) < fixed.CHILD.born
    assert verified[0]["phone"] == verified[1]["phone"]
    assert verified[0]["phone_verified_at"] < verified[1]["phone_verified_at"]
    assert verified[0]["name"] != verified[1]["name"]
    assert len(fixed.TWO_ACCOUNTS.website) == 2
    assert phonenumbers.region_code_for_number(phonenumbers.parse(fixed.FOREIGN_PHONE.phone)) == "HK"
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(m.phone, "CN")) for m in fixed.MEMBERS)


def test_what_fixed_members_have_is_never_drawn() -> None:
    accounts = [key for member in fixed.MEMBERS for _, key in member.accounts]

    assert all(member.phone.startswith(("167", "+85291")) for member in fixed.MEMBERS)
    assert "167" not in words.PHONE_PREFIXES
    assert not any(prefix.startswith("+85291") for prefix in FOREIGN)
    assert len(set(accounts)) == len(accounts)
    assert all(RESERVED_ACCOUNT <= int(a[1:]) < RESERVED_ACCOUNT + FIXED_NUMBERS for a in accounts if a[0] in "WA")
    assert all(RESERVED_CARD <= int(a[2:]) < RESERVED_CARD + FIXED_NUMBERS for a in accounts if a[0] == "8")


def test_the_command_writes_the_files_and_says_how_many_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--people", "30", "--seed", "4", "--out", str(tmp_path), "--truth", str(tmp_path / "truth.csv")])

    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "truth.csv"])
    assert "people: website.jsonl" in capsys.readouterr().out


def test_the_command_refuses_a_senseless_number_of_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--people", "0", "--out", str(tmp_path)])

    assert ended.value.code == 1
    assert "out of range" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
