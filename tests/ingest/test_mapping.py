from datetime import timedelta, timezone
from pathlib import Path

import pytest

from member_hub.errors import Misconfigured
from member_hub.identity.kinds import ClaimKind
from member_hub.ingest import mapping
from member_hub.ingest.readers import FileOptions, Format
from member_hub.ingest.reasons import Reason
from member_hub.ingest.words import Source
from member_hub.members.rules import SourceStrength

MINIMAL = """
source = "store"
columns.account = "card"
columns.event_time = "issued"
constants.namespace = "brand"
"""


def load(folder: Path, toml: str, source: Source = Source.STORE) -> mapping.Mapping:
    path = folder / "mine.toml"
    path.write_text(toml, "utf-8")
    return mapping.load(source, path)


@pytest.mark.parametrize("source", list(Source))
def test_every_source_has_a_mapping_that_came_with_the_product(source: Source) -> None:
    assert mapping.load(source).source is source


def test_free_remarks_nicknames_and_other_people_are_unmapped_by_default() -> None:
    assert mapping.load(Source.STORE).ignored == {"备注"}
    assert mapping.load(Source.APP).ignored == {"nickname", "push_opt_in", "city"}
    assert mapping.load(Source.WEBSITE).ignored == {"address.receiver"}


def test_a_mapping_says_how_the_file_is_written(tmp_path: Path) -> None:
    read = load(
        tmp_path,
        'time_zone = "-05:30"\naccount_kind = "card"\nstrength = "staff"\n'
        'file = { format = "csv", encoding = "gb18030", delimiter = ";" }\n' + MINIMAL,
    )

    assert read.file == FileOptions(Format.CSV, "gb18030", ";")
    assert read.zone == timezone(-timedelta(hours=5, minutes=30))
    assert (read.account_kind, read.strength) == (ClaimKind.CARD, SourceStrength.STAFF)


def test_another_content_is_another_mapping(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL).digest != load(tmp_path, MINIMAL + "# changed\n").digest


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('sourcee = "store"', "sourcee"),
        ('columns.phonee = "tel"', "columns.phonee"),
        ('columns.amount_yuan = "amount"', "columns.amount_yuan"),
        ('columns.phone = ["tel", "mobile"]', "columns.phone"),
        ("columns.phone = 1", "columns.phone"),
        ('columns.phone = ""', "columns.phone"),
        ('columns.namespace = "brand"', "constants.namespace"),
        ('constants.colour = "red"', "constants.colour"),
        ('values.colour.red = "M"', "values.colour"),
        ("values.gender.red = 1", "values.gender.red"),
        ('values.gender = "M"', "values.gender"),
        ('formats.phone = "%d"', "formats.phone"),
        ('formats.event_time = "dd/mm/yyyy"', "formats.event_time"),
        ('formats.birthday = "ms"', "formats.birthday"),
        ('file.format = "xlsx"', "file.format"),
        ('file.encoding = "latin-1"', "file.encoding"),
        ('file.delimiter = ";;"', "file.delimiter"),
        ('file.header = "no"', "file.header"),
        ('consents.list = "consents"', "consents.purpose"),
        ('consents.reason = "why"', "consents.reason"),
        ('account_kind = "phone"', "account_kind"),
        ('strength = "verified"', "strength"),
        ('time_zone = "Asia/Shanghai"', "time_zone"),
        ('time_zone = "+15:00"', "time_zone"),
        ('ignored = ["card"]', "columns.account"),
        ("ignored = [1]", "ignored"),
        ('event_types = ["profile"]', "event_types"),
    ],
)
def test_a_word_that_is_not_known_or_not_possible_is_refused_by_file_and_key(
    tmp_path: Path, line: str, key: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(tmp_path, f"{line}\n{MINIMAL}")

    assert refused.value.what.startswith(f"mine.toml: {key}: ")


@pytest.mark.parametrize("word", ["account", "event_time", "namespace"])
def test_a_word_without_which_no_row_can_stand_is_required(tmp_path: Path, word: str) -> None:
    kept = [line for line in MINIMAL.splitlines() if f".{word} =" not in line]

    with pytest.raises(Misconfigured, match=f"^mine.toml: columns.{word}: is missing"):
        load(tmp_path, "\n".join(kept))


def test_a_mapping_for_another_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^mine.toml: source: is store, but website is to be read"):
        load(tmp_path, MINIMAL, Source.WEBSITE)


@pytest.mark.parametrize("content", [b"source = ", b"\xff", b"#" * (mapping.toml_checks.FILE_MAX_BYTES + 1)])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)

    with pytest.raises(Misconfigured, match=r"^mine.toml "):
        mapping.load(Source.STORE, path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^none.toml cannot be read"):
        mapping.load(Source.STORE, tmp_path / "none.toml")


def test_every_reason_for_refusing_a_row_has_a_text_in_both_languages() -> None:
    assert all(reason.zh and reason.en for reason in Reason)
